// Package show prints a piece of work in sections, each below a title that begins with
// "== ", so that a test compares them one by one.
package show

import (
	"encoding/json"
	"fmt"
)

// Section runs f and prints what it gives: text as it is, all else as JSON.
func Section(title string, f func() (any, error)) {
	fmt.Println("==", title)
	v, err := f()
	switch s := v.(type) {
	case nil:
	case string:
		fmt.Println(s)
	default:
		b, jerr := json.MarshalIndent(v, "", " ")
		if jerr != nil {
			b = []byte(jerr.Error())
		}
		fmt.Println(string(b))
	}
	if err != nil {
		fmt.Printf("error %T: %v\n", err, err)
	}
}
