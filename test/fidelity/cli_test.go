package fidelity

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whalefall/whalefall/test/oracle"
)

// cliPlayed are transcripts of real daemons played in this run, by persona and script.
var cliPlayed = map[string]string{}

func cliChosen() []Script {
	var out []Script
	for _, s := range cliScripts {
		if *only == "" || strings.Contains("cli-"+s.Name, *only) {
			out = append(out, s)
		}
	}
	return out
}

// forward is a port that leads to a daemon, while the test runs.
func forward(t *testing.T, d Dialer) string {
	t.Helper()
	addr, end, err := Forward(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return addr
}

// TestCLIRecord writes what the docker client prints beside the real daemons, or holds
// them to what is written; TestCLI of the same run compares with what was played here.
func TestCLIRecord(t *testing.T) {
	if !*recordAnew && !*real {
		t.Skip("plays against real daemons with -record or -real")
	}
	onReal(t, 8*time.Minute, func(ctx context.Context, t *testing.T, r oracle.Release, d *oracle.Daemon) {
		c, err := lookDocker()
		if err != nil {
			t.Fatal(err)
		}
		version, err := c.Version(ctx)
		if err != nil {
			t.Fatal(err)
		}
		c.Host = forward(t, d)
		dir := filepath.Join("testdata", r.Persona, "cli")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := ImportReal(ctx, d); err != nil {
			t.Fatal(err)
		}
		for _, s := range cliChosen() {
			ps, err := c.Play(ctx, s, t.TempDir())
			if err != nil {
				t.Errorf("%v", err)
			}
			text := CLITranscript(version, Steps(ps))
			cliPlayed[r.Persona+"\t"+s.Name] = text
			file := filepath.Join(dir, s.Name+".txt")
			if *recordAnew {
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			b, err := os.ReadFile(file)
			if err != nil {
				t.Error(err)
				continue
			}
			client, was := ParseCLI(string(b))
			if client != version {
				t.Logf("%s was recorded with %s, this machine has %s: the decoy is compared with what was played now", s.Name, client, version)
				continue
			}
			_, is := ParseCLI(text)
			for i := range min(len(was), len(is)) {
				if ds := DiffLines(was[i].Shown, is[i].Shown); len(ds) > 0 {
					t.Errorf("%s $ %s\n\t%s", s.Name, was[i].Line, strings.Join(ds, "\n\t"))
				}
			}
			if len(was) != len(is) {
				t.Errorf("%s: %d steps, transcript has %d", s.Name, len(is), len(was))
			}
		}
		fmt.Printf("real %s: rules used %s\n", r.Version, ordered(c.Count))
	})
}

// cliDeviations reads cli.tsv: persona, script, command line, the line that differs,
// reason.
func cliDeviations(t *testing.T) map[string]*Deviation {
	t.Helper()
	devs, err := ReadDeviations("cli.tsv", "persona, script, command line, differing line, reason")
	if err != nil {
		t.Fatal(err)
	}
	return devs
}

// TestCLI plays every script with the docker client against the decoy: what it prints
// and how it exits must be what it was beside the real daemons, step by step.
func TestCLI(t *testing.T) {
	held := NewComparison(cliDeviations(t))
	t.Run("personas", func(t *testing.T) {
		for _, r := range oracle.All {
			if *relOf != "" && !strings.Contains(r.Persona, *relOf) {
				continue
			}
			t.Run(r.Persona, func(t *testing.T) {
				t.Parallel()
				c, err := lookDocker()
				if err != nil {
					t.Fatal(err)
				}
				version, err := c.Version(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				d := startDecoy(t, r.Persona)
				if err := prepareDecoy(d); err != nil {
					t.Fatal(err)
				}
				c.Host = d.addr
				total, alike, meant, skipped := 0, 0, 0, 0
				for _, s := range cliChosen() {
					text, ok := cliPlayed[r.Persona+"\t"+s.Name]
					if !ok {
						b, err := os.ReadFile(filepath.Join("testdata", r.Persona, "cli", s.Name+".txt"))
						if err != nil {
							t.Errorf("%s: no transcript: %v", s.Name, err)
							continue
						}
						text = string(b)
					}
					client, want := ParseCLI(text)
					if client != version {
						skipped++
						continue
					}
					ps, err := c.Play(t.Context(), s, t.TempDir())
					if err != nil {
						t.Errorf("%v", err)
					}
					got := Steps(ps)
					a, m, bad := held.Steps(r.Persona, s.Name, want, got)
					total, alike, meant = total+len(got), alike+a, meant+m
					for _, b := range bad {
						if !*deviate {
							t.Error(b)
						}
					}
					fmt.Printf("%-24s cli-%-12s %d/%d\n", r.Persona, s.Name, a, len(ps))
				}
				if skipped > 0 {
					t.Skipf("%d scripts were recorded with another client than %s: -real compares anew", skipped, version)
				}
				fmt.Printf("%s: %d of %d steps of the docker client alike, %d differ as written; rules used %s\n", r.Persona, alike, total, meant, ordered(c.Count))
			})
		}
	})
	if *deviate {
		if err := RewriteDeviations("cli.tsv", held.Devs, held.Played, held.Open); err != nil {
			t.Fatal(err)
		}
		return
	}
	if *only != "" || *relOf != "" {
		return
	}
	meant, stale := held.End()
	for _, k := range stale {
		t.Errorf("cli.tsv: %q no longer differs: take the row out", k)
	}
	fmt.Printf("%d deviations of the docker client's output: %d meant, %d open\n", len(held.Devs), meant, len(held.Devs)-meant)
}

// TestCLIPlanted changes what a transcript says, one thing at a time, and sees that
// the comparison tells: a word, the status, the stream, the order, a line too many or
// too few, a missing line end.
func TestCLIPlanted(t *testing.T) {
	n := &cliNormalizer{c: &Client{Host: "127.0.0.1:1", Count: map[string]int{}}, dir: "/d", line: "docker x"}
	good := Printed{Line: "docker x", Exit: "1", Out: n.lines("one\ntwo 0123456789ab\n"), Err: n.lines("Error: three\n")}
	client, back := ParseCLI(CLITranscript("1.2", Steps([]Printed{good})))
	if client != "1.2" || len(back) != 1 || len(DiffLines(back[0].Shown, good.Shown())) != 0 {
		t.Fatalf("a transcript does not give back what was written: %q %q", client, back)
	}
	for name, p := range map[string]Printed{
		"status":   {Exit: "0", Out: good.Out, Err: good.Err},
		"word":     {Exit: "1", Out: []string{"one\n", "too <id1.short>\n"}, Err: good.Err},
		"stream":   {Exit: "1", Out: append(append([]string{}, good.Out...), good.Err...)},
		"order":    {Exit: "1", Out: []string{good.Out[1], good.Out[0]}, Err: good.Err},
		"more":     {Exit: "1", Out: append([]string{"zero\n"}, good.Out...), Err: good.Err},
		"less":     {Exit: "1", Out: good.Out[1:], Err: good.Err},
		"line end": {Exit: "1", Out: good.Out, Err: []string{"Error: three"}},
	} {
		if len(DiffLines(back[0].Shown, p.Shown())) == 0 {
			t.Errorf("%s: not seen", name)
		}
	}
	// Two objects are told apart, one that is named twice is the same.
	a := (&cliNormalizer{c: n.c, dir: n.dir}).lines("0123456789ab 0123456789ab ba9876543210\n")
	if a[0] != "<id1.short> <id1.short> <id2.short>\n" {
		t.Errorf("ids became %q", a[0])
	}
}
