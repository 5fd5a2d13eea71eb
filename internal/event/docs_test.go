package event

import (
	"os"
	"strings"
	"testing"
)

// docs/formats/events.md and the catalogue say the same.
func TestDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/formats/events.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(b)
	for _, e := range Catalogue {
		if !strings.Contains(doc, "| `"+string(e.Kind)+"` | "+e.Emitter+" | "+e.Meaning+" |") {
			t.Errorf("docs/formats/events.md lacks the row: | `%s` | %s | %s |", e.Kind, e.Emitter, e.Meaning)
		}
	}
	if n := strings.Count(doc, "\n| `"); n != len(Catalogue) {
		t.Errorf("docs/formats/events.md has %d rows, the catalogue %d kinds", n, len(Catalogue))
	}
}
