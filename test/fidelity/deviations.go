package fidelity

import (
	"fmt"
	"os"
	"strings"
)

// Deviation is a row of a file of differences: where it is, what differs there, why.
type Deviation struct {
	Persona, Scenario, Step, Field, Why string
	Seen                                bool
}

// Key names the difference.
func (d *Deviation) Key() string {
	return strings.Join([]string{d.Persona, d.Scenario, d.Step, d.Field}, "\t")
}

// ReadDeviations reads a file of them; want names its five columns.
func ReadDeviations(file, want string) (map[string]*Deviation, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	out := map[string]*Deviation{}
	for i, l := range strings.Split(string(b), "\n") {
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		f := strings.Split(l, "\t")
		if len(f) != 5 || f[4] == "" {
			return nil, fmt.Errorf("%s:%d: want %s", file, i+1, want)
		}
		d := &Deviation{Persona: f[0], Scenario: f[1], Step: f[2], Field: f[3], Why: f[4]}
		out[d.Key()] = d
	}
	return out, nil
}

// RewriteDeviations writes the file anew after a run: rows of what was played
// ("persona TAB scenario") that no longer differ go, the keys of open come as such.
func RewriteDeviations(file string, devs map[string]*Deviation, played map[string]bool, open []string) error {
	var b strings.Builder
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, l := range strings.SplitAfter(string(old), "\n") {
		f := strings.Split(strings.TrimSuffix(l, "\n"), "\t")
		if len(f) == 5 && !strings.HasPrefix(l, "#") {
			if d := devs[strings.Join(f[:4], "\t")]; d != nil && !d.Seen && played[d.Persona+"\t"+d.Scenario] {
				continue
			}
		}
		b.WriteString(l)
	}
	done := map[string]bool{}
	for _, k := range open {
		if !done[k] {
			b.WriteString(k + "\topen\n")
		}
		done[k] = true
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}
