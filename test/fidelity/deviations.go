package fidelity

import (
	"fmt"
	"os"
	"strings"
	"sync"
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

// Comparison holds what clients print to transcripts, by a file of deviations. Several
// tests may use one at once.
type Comparison struct {
	mu     sync.Mutex
	Devs   map[string]*Deviation
	Played map[string]bool // "persona TAB script"
	Open   []string        // keys of differences that no row explains
}

// NewComparison begins one.
func NewComparison(devs map[string]*Deviation) *Comparison {
	return &Comparison{Devs: devs, Played: map[string]bool{}}
}

// Steps compares what a script's steps printed with what is wanted: how many are alike,
// how many differ as rows say, and a text for each of the others.
func (c *Comparison) Steps(persona, script string, want, got []ShownStep) (alike, meant int, bad []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Played[persona+"\t"+script] = true
	for i, g := range got {
		if i >= len(want) || want[i].Line != g.Line {
			return alike, meant, append(bad, fmt.Sprintf("%s %s: transcript is of other steps (not %q): record it again", persona, script, g.Line))
		}
		diffs := DiffLines(want[i].Shown, g.Shown)
		if len(diffs) == 0 {
			alike++
			continue
		}
		open := false
		for _, df := range diffs {
			dv := &Deviation{Persona: persona, Scenario: script, Step: g.Line, Field: strings.ReplaceAll(df, "\t", `\t`)}
			if known := c.Devs[dv.Key()]; known != nil {
				known.Seen = true
				continue
			}
			open = true
			c.Open = append(c.Open, dv.Key())
		}
		if !open {
			meant++
			continue
		}
		bad = append(bad, fmt.Sprintf("%s %s $ %s\n\t%s", persona, script, g.Line, strings.Join(diffs, "\n\t")))
	}
	if len(got) < len(want) {
		bad = append(bad, fmt.Sprintf("%s %s: %d steps, transcript has %d", persona, script, len(got), len(want)))
	}
	return alike, meant, bad
}

// End counts the rows that are meant, and names those of what was played that explain
// nothing any more.
func (c *Comparison) End() (meant int, stale []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, d := range c.Devs {
		if !d.Seen && c.Played[d.Persona+"\t"+d.Scenario] {
			stale = append(stale, k)
		}
		if d.Why != "open" {
			meant++
		}
	}
	return meant, stale
}
