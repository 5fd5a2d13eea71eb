// Command report reads `go test -json` and prints what people want to know of it:
// failures with their output, skips with their reasons, and the counts.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
)

type line struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

func main() {
	sc := bufio.NewScanner(os.Stdin)
	sc.Buffer(nil, 64<<20)
	out := map[string]*strings.Builder{}
	var passed, failed, skipped int
	var skips, fails []string
	slow := map[string]float64{}
	for sc.Scan() {
		var l line
		if json.Unmarshal(sc.Bytes(), &l) != nil {
			fmt.Println(sc.Text()) // what the build says
			continue
		}
		k := l.Package + " " + l.Test
		switch l.Action {
		case "output", "build-output":
			b := out[k]
			if b == nil {
				b = &strings.Builder{}
				out[k] = b
			}
			if b.Len() < 64<<10 {
				b.WriteString(l.Output)
			}
			if l.Action == "build-output" {
				fmt.Print(l.Output)
			}
		case "pass", "fail", "skip":
			if l.Test == "" {
				slow[l.Package] = l.Elapsed
				if l.Action == "fail" {
					fails = append(fails, k)
					failed++
				}
				continue
			}
			switch l.Action {
			case "pass":
				passed++
			case "fail":
				failed++
				fails = append(fails, k)
			default:
				skipped++
				skips = append(skips, k)
			}
		}
	}
	for _, k := range fails {
		fmt.Printf("\nFAIL %s\n", k)
		if b := out[k]; b != nil {
			fmt.Println(b.String())
		}
	}
	if len(skips) > 0 {
		fmt.Println("\nskipped:")
		for _, k := range skips {
			why := ""
			if b := out[k]; b != nil {
				for _, l := range strings.Split(b.String(), "\n") {
					if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "=== ") && !strings.HasPrefix(l, "--- ") {
						why = l
					}
				}
			}
			fmt.Printf("  %s: %s\n", k, why)
		}
	}
	var ps []string
	for p := range slow {
		ps = append(ps, p)
	}
	sort.Slice(ps, func(i, j int) bool { return slow[ps[i]] > slow[ps[j]] })
	fmt.Println("\nslowest packages:")
	for i, p := range ps {
		if i == 8 {
			break
		}
		fmt.Printf("  %6.1f s  %s\n", slow[p], p)
	}
	fmt.Printf("\n%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
}
