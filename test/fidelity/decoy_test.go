package fidelity

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/persona"
	"github.com/whalefall/whalefall/test/rig"
)

// decoy is the front as the sensor has it, on loopback.
type decoy struct{ addr string }

func (d decoy) Dial(ctx context.Context) (net.Conn, error) {
	var nd net.Dialer
	return nd.DialContext(ctx, "tcp", d.addr)
}

func startDecoy(t *testing.T, name string) decoy {
	t.Helper()
	p, err := persona.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := rig.New(p, 1, event.Discard, rig.Forgetful{}, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return decoy{d.Addr}
}

func deviations(t *testing.T) map[string]*Deviation {
	t.Helper()
	devs, err := ReadDeviations("deviations.tsv", "persona, scenario, step, field, reason")
	if err != nil {
		t.Fatal(err)
	}
	for k, d := range devs {
		if strings.Contains(d.Field, "*") {
			t.Fatalf("deviations.tsv: %q: no wildcard", k)
		}
	}
	return devs
}

// TestDecoy plays every scenario against the decoy and compares with what the real
// daemons answered.
func TestDecoy(t *testing.T) {
	devs := deviations(t)
	var open []string
	var mu sync.Mutex // guards devs' marks, open, played
	played := map[string]bool{}
	t.Run("personas", func(t *testing.T) {
		for _, name := range []string{"docker-20.10.24-debian", "docker-26.1.5-debian", "docker-28.5.2-debian"} {
			if *relOf != "" && !strings.Contains(name, *relOf) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p, err := persona.Get(name)
				if err != nil {
					t.Fatal(err)
				}
				d := startDecoy(t, name)
				alike, total, meant := 0, 0, 0
				rules := map[string]int{}
				vars := map[string]string{}
				for _, sc := range scenarios() {
					b, err := os.ReadFile(filepath.Join("testdata", name, sc.Name+".txt"))
					if err != nil {
						t.Errorf("%s: no transcript: %v", sc.Name, err)
						continue
					}
					want := map[int]Normal{}
					for i, n := range ParseTranscript(string(b)) {
						want[i] = n
					}
					if sc.World {
						if err := prepareDecoy(d); err != nil {
							t.Fatal(err)
						}
					}
					as, err := Play(context.Background(), d, sc, vars, p.API)
					if err != nil {
						t.Errorf("%v", err)
					}
					n := NewNormalizer()
					i := 0
					s, a := 0, 0
					for k, st := range sc.Steps {
						if as == nil || as[k].Head == "" && as[k].End == "" || st.Quiet {
							continue
						}
						w, ok := want[i]
						i++
						if !ok || w.Title != st.Title() {
							t.Errorf("%s: transcript is of other steps (%q, not %q): record it again", sc.Name, w.Title, st.Title())
							break
						}
						total++
						s++
						diffs := Diff(w, n.Answer(st, as[k]))
						mu.Lock()
						played[name+"\t"+sc.Name] = true
						bad := 0
						for _, df := range diffs {
							dv := &Deviation{Persona: name, Scenario: sc.Name, Step: w.Title, Field: df.Field}
							if known := devs[dv.Key()]; known != nil {
								known.Seen = true
								continue
							}
							bad++
							if *deviate {
								open = append(open, dv.Key())
								continue
							}
							t.Errorf("%s | %s | %s\n\twant %s\n\tgot  %s", sc.Name, w.Title, df.Field, cut(df.Want), cut(df.Got))
						}
						mu.Unlock()
						switch {
						case len(diffs) == 0:
							alike++
							a++
						case bad == 0:
							meant++
						}
					}
					for k, c := range n.Count {
						rules[k] += c
					}
					fmt.Printf("%-24s %-14s %d/%d\n", name, sc.Name, a, s)
				}
				fmt.Printf("%s: %d of %d answers alike, %d differ as written; rules used %v\n", name, alike, total, meant, ordered(rules))
			})
		}
	})
	if *deviate {
		if err := RewriteDeviations("deviations.tsv", devs, played, open); err != nil {
			t.Fatal(err)
		}
		return
	}
	if *only != "" || *relOf != "" {
		return
	}
	for k, d := range devs {
		if !d.Seen && played[d.Persona+"\t"+d.Scenario] {
			t.Errorf("deviations.tsv: %q no longer differs: take the row out", k)
		}
	}
	meantRows := 0
	for _, d := range devs {
		if d.Why != "open" {
			meantRows++
		}
	}
	fmt.Printf("%d deviations: %d meant, %d open\n", len(devs), meantRows, len(devs)-meantRows)
}

func cut(s string) string {
	if len(s) > 600 {
		s = s[:600] + "..."
	}
	return strings.ReplaceAll(s, "\n", `\n`)
}

func ordered(m map[string]int) string {
	var out []string
	for k, v := range m {
		out = append(out, fmt.Sprintf("%s:%d", k, v))
	}
	sort.Strings(out)
	return strings.Join(out, " ")
}
