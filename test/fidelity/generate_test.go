package fidelity

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/persona"
	"github.com/whalefall/whalefall/test/oracle"
)

var (
	genCalls = flag.Int("calls", 0, "how many generated calls a persona are played on the real daemon and the decoy at once")
	genSeed  = flag.Uint64("seed", 0, "the generator's seed; 0 draws one and prints it")
)

// side is one of the two daemons under comparison.
type side struct {
	d    Dialer
	vars map[string]string
	n    *Normalizer
}

func (s *side) do(st Step) (Answer, error) {
	c, err := s.d.Dial(context.Background())
	if err != nil {
		return Answer{}, err
	}
	p := &peer{c, bufio.NewReader(c)}
	defer p.Close()
	a, err := exchange(p, st, s.vars)
	for k, re := range st.Capture {
		s.vars[k] = strings.Repeat("e", 64)
		if m := regexp.MustCompile(re).FindSubmatch(a.Body); m != nil {
			s.vars[k] = string(m[1])
		}
	}
	return a, err
}

// clean takes away what a sequence has left.
func (s *side) clean() error {
	ask := func(method, path string, into any) error {
		req, err := http.NewRequestWithContext(context.Background(), method, "http://decoy"+path, http.NoBody)
		if err != nil {
			return err
		}
		res, err := client(s.d).Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if into != nil {
			return json.NewDecoder(res.Body).Decode(into)
		}
		return nil
	}
	var cs []struct {
		ID string `json:"Id"`
	}
	if err := ask("GET", "/containers/json?all=1", &cs); err != nil {
		return err
	}
	for _, c := range cs {
		if err := ask("DELETE", "/containers/"+c.ID+"?force=1&v=1", nil); err != nil {
			return err
		}
	}
	var ns []struct {
		ID   string `json:"Id"`
		Name string
	}
	if err := ask("GET", "/networks", &ns); err != nil {
		return err
	}
	for _, n := range ns {
		if n.Name != "bridge" && n.Name != "host" && n.Name != "none" {
			if err := ask("DELETE", "/networks/"+n.ID, nil); err != nil {
				return err
			}
		}
	}
	var vs struct{ Volumes []struct{ Name string } }
	if err := ask("GET", "/volumes", &vs); err != nil {
		return err
	}
	for _, v := range vs.Volumes {
		if err := ask("DELETE", "/volumes/"+v.Name+"?force=1", nil); err != nil {
			return err
		}
	}
	var is []struct {
		ID       string `json:"Id"`
		RepoTags []string
	}
	if err := ask("GET", "/images/json", &is); err != nil {
		return err
	}
	for _, i := range is {
		for _, tag := range i.RepoTags {
			if tag != "busybox:latest" && tag != "<none>:<none>" {
				if err := ask("DELETE", "/images/"+tag, nil); err != nil {
					return err
				}
			}
		}
		if len(i.RepoTags) == 0 || i.RepoTags[0] == "<none>:<none>" {
			if err := ask("DELETE", "/images/"+i.ID+"?force=1", nil); err != nil {
				return err
			}
		}
	}
	return nil
}

var (
	routeVar = regexp.MustCompile(`^(/v[\d.]+)?/(containers|images|networks|volumes|exec)/([^?]+?)(/(?:json|start|stop|restart|kill|pause|unpause|rename|update|wait|logs|top|changes|exec|archive|export|stats|history|tag|connect|disconnect|get))?(\?.*)?$`)
)

// routeOf is a step's route, without version, names and query.
func routeOf(req string) string {
	method, p, _ := strings.Cut(req, " ")
	p = queryOf.ReplaceAllString(p, "")
	if m := routeVar.FindStringSubmatch(p); m != nil && m[3] != "json" && m[3] != "create" && m[3] != "prune" {
		return method + " /" + m[2] + "/{}" + m[4]
	}
	return method + " " + vPrefix.ReplaceAllString(p, "")
}

// found is a difference, with the calls that led to it.
type found struct {
	key   string
	diff  Difference
	step  string
	calls []string
}

// sequence plays drawn calls on both until one differs or there are n, and gives the
// differences of that call that no row of generated.tsv explains.
func sequence(t *testing.T, a, b *side, g *genState, n int, devs map[string]*Deviation, who string, stat map[string]int) (out []found, calls int) {
	t.Helper()
	for _, s := range []*side{a, b} {
		s.vars, s.n = map[string]string{}, NewNormalizer()
		if err := s.clean(); err != nil {
			t.Fatal(err)
		}
	}
	var done []string
	steps := g.begin()
	for calls < n {
		for _, st := range steps {
			x, err := a.do(st)
			if err != nil && !st.Quiet {
				t.Fatalf("the real daemon: %v", err)
			}
			y, err := b.do(st)
			if err != nil && !st.Quiet {
				t.Fatalf("the decoy: %v after %s", err, strings.Join(done, "\n"))
			}
			if st.Quiet {
				if len(st.Header) > 0 {
					time.Sleep(100 * time.Millisecond) // a process that was ended is reaped
				}
				continue
			}
			calls++
			done = append(done, strings.TrimSpace(st.Req+" "+cut(printable([]byte(st.Body)))))
			want, got := a.n.Answer(st, x), b.n.Answer(st, y)
			stat["calls"]++
			if len(want.Head) > 0 {
				f := strings.Fields(want.Head[0])
				if len(f) > 1 {
					g.learn(st, f[1])
					stat["route "+routeOf(st.Req)+" "+f[1]]++
					if f[1][0] == '2' || f[1] == "101" {
						stat["succeeded"]++
					}
				}
			}
			bad := false
			for _, d := range Diff(want, got) {
				field := regexp.MustCompile(`\[\d+\]`).ReplaceAllString(d.Field, "[]")
				dv := &Deviation{Persona: who, Scenario: "generated", Step: routeOf(st.Req), Field: field}
				if known := devs[dv.Key()]; known != nil {
					known.Seen = true
					continue
				}
				bad = true
				out = append(out, found{routeOf(st.Req) + " | " + field, d, done[len(done)-1], append([]string(nil), done...)})
			}
			if bad {
				return out, calls
			}
		}
		steps = g.next()
	}
	return nil, calls
}

// TestGenerated plays generated calls on the real daemon of each persona and on the
// decoy at once.
func TestGenerated(t *testing.T) {
	if *genCalls == 0 {
		t.Skip("plays beside real daemons with -calls N")
	}
	seed := *genSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	onReal(t, 30*time.Minute, func(ctx context.Context, t *testing.T, r oracle.Release, dm *oracle.Daemon) {
		t.Logf("seed %d", seed)
		if err := ImportReal(ctx, dm); err != nil {
			t.Fatal(err)
		}
		p, err := persona.Get(r.Persona)
		if err != nil {
			t.Fatal(err)
		}
		dc := startDecoy(t, p.Name)
		if err := ImportDecoy(dc); err != nil {
			t.Fatal(err)
		}
		rnd := rand.New(rand.NewPCG(seed, uint64(len(r.Version))))
		stat := map[string]int{}
		seen := map[string]int{}
		var first []found
		for stat["calls"] < *genCalls {
			g := &genState{c: rnd.IntN, api: p.API, min: p.MinAPI, made: map[string]string{}}
			fs, _ := sequence(t, &side{d: dm}, &side{d: dc}, g, 40, map[string]*Deviation{}, r.Persona, stat)
			for _, f := range fs {
				if seen[f.key]++; seen[f.key] == 1 {
					first = append(first, f)
				}
			}
		}
		sort.Slice(first, func(i, j int) bool { return seen[first[i].key] > seen[first[j].key] })
		for _, f := range first {
			last := f.calls
			t.Errorf("%dx %s\n  at   %s\n  want %s\n  got  %s\n  after\n    %s", seen[f.key], f.key, f.step, cut(f.diff.Want), cut(f.diff.Got), strings.Join(last, "\n    "))
		}
		fmt.Fprintf(os.Stderr, "%s: %d generated calls, %d succeeded, %d kinds of difference\n", r.Persona, stat["calls"], stat["succeeded"], len(first))
	})
}
