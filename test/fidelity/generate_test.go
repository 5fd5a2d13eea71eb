package fidelity

import (
	"bufio"
	"bytes"
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
	genSteps = flag.String("steps", "", "a file of calls, \"METHOD PATH BODY\" a line, to play in place of generated ones")
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
	s.vars["now"] = nanos(time.Now())
	a, err := exchange(p, st, s.vars)
	a.Body = mountsSorted(a.Body)
	for k, re := range st.Capture {
		s.vars[k] = strings.Repeat("e", 64)
		if m := regexp.MustCompile(re).FindSubmatch(a.Body); m != nil {
			s.vars[k] = string(m[1])
		}
	}
	return a, err
}

// nanos is a moment as the API takes it.
func nanos(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }

// mountsSorted is an inspected container's body with its mounts in a fixed order: the
// daemon's own is that of a map.
func mountsSorted(body []byte) []byte {
	var v map[string]json.RawMessage
	if json.Unmarshal(body, &v) != nil || len(v["Mounts"]) == 0 || v["Mounts"][0] != '[' {
		return body
	}
	parts := splitTop(string(v["Mounts"]))
	sort.Strings(parts)
	return bytes.Replace(body, v["Mounts"], []byte("["+strings.Join(parts, ",")+"]"), 1)
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
	routeVar = regexp.MustCompile(`^(/v[\d.]+)?/(containers|images|networks|volumes|exec)/([^?]+?)(/(?:json|start|stop|attach|resize|attach/ws|checkpoints|copy|restart|kill|pause|unpause|rename|update|wait|logs|top|changes|exec|archive|export|stats|history|tag|connect|disconnect|get))?(\?.*)?$`)
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

// finding is a sequence's first differing call, with the calls that led to it.
type finding struct {
	key   string // route and what differs
	diffs []Difference
	steps []Step
}

// play plays steps on both, which it cleans before, until a call differs.
func play(t *testing.T, a, b *side, next func(last Step, status string) []Step) *finding {
	t.Helper()
	for _, s := range []*side{a, b} {
		s.vars, s.n = map[string]string{}, NewNormalizer()
		if err := s.clean(); err != nil {
			t.Fatal(err)
		}
		s.vars["since"] = nanos(time.Now())
	}
	var done []Step
	var last Step
	status := ""
	for steps := next(last, status); len(steps) > 0; steps = next(last, status) {
		for i, st := range steps {
			done = append(done, st)
			x, err := a.do(st)
			if err != nil && !st.Quiet {
				t.Fatalf("the real daemon: %v", err)
			}
			y, err := b.do(st)
			if err != nil && !st.Quiet {
				t.Fatalf("the decoy: %v after\n%s", err, tell(done))
			}
			if st.Quiet {
				if len(st.Header) > 0 {
					time.Sleep(100 * time.Millisecond) // a process that was ended is reaped
				}
				continue
			}
			want, got := a.n.Answer(st, x), b.n.Answer(st, y)
			last, status = st, ""
			if f := strings.Fields(strings.Join(want.Head, " ")); len(f) > 1 {
				status = f[1]
			}
			ds := Diff(want, got)
			if len(ds) > 0 {
				return &finding{routeOf(st.Req) + " | " + whatDiffers(ds), ds, done}
			}
			if i < len(steps)-1 {
				next(last, status) // takes note, and gives nothing before its steps are played
			}
		}
	}
	return nil
}

// whatDiffers is the status, where that differs, and else the first field.
func whatDiffers(ds []Difference) string {
	f := ds[0].Field
	for _, d := range ds {
		if d.Field == "status" {
			f = d.Field + " " + cut(d.Want) + " / " + cut(d.Got)
		}
	}
	return regexp.MustCompile(`\[\d+\]`).ReplaceAllString(f, "[]")
}

func tell(steps []Step) string {
	var b strings.Builder
	for _, st := range steps {
		if !st.Quiet {
			b.WriteString("    " + strings.TrimSpace(st.Req+" "+cut(printable([]byte(st.Body)))) + "\n")
		}
	}
	return b.String()
}

// stepsOf reads calls from a file, as tell writes them.
func stepsOf(t *testing.T, file string) []Step {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []Step
	for _, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		f := strings.SplitN(strings.TrimSpace(l), " ", 3)
		st := Step{Req: strings.Join(f[:min(2, len(f))], " ")}
		if len(f) > 2 {
			st.Body = f[2]
		}
		out = append(out, st)
	}
	return out
}

// drawn gives play a sequence of n drawn calls and counts what became of them.
func drawn(g *genState, n int, stat map[string]int) func(Step, string) []Step {
	calls, left := 0, 0
	return func(last Step, status string) []Step {
		if last.Req != "" {
			calls++
			stat["calls"]++
			g.learn(last, status)
			if status != "" {
				stat["route "+routeOf(last.Req)+" "+status]++
				if status[0] == '2' || status == "101" {
					stat["succeeded"]++
				}
			}
		}
		if left--; left > 0 {
			return nil
		}
		if calls >= n {
			return nil
		}
		steps := g.begin()
		if calls > 0 {
			steps = g.next()
		}
		left = 0
		for _, st := range steps {
			if !st.Quiet {
				left++
			}
		}
		return steps
	}
}

// fixed gives play these steps.
func fixed(steps []Step) func(Step, string) []Step {
	given := false
	return func(Step, string) []Step {
		if given {
			return nil
		}
		given = true
		return steps
	}
}

// shrink leaves out what the difference does not need, in at most tries replays.
func shrink(t *testing.T, a, b *side, f *finding, tries int) *finding {
	t.Helper()
	for size := len(f.steps) / 2; size > 0; size /= 2 {
		for from := len(f.steps) - 1 - size; from >= 0 && tries > 0; from -= size {
			if from+size > len(f.steps)-1 {
				continue
			}
			less := append(append([]Step(nil), f.steps[:from]...), f.steps[from+size:]...)
			tries--
			if g := play(t, a, b, fixed(less)); g != nil && g.key == f.key {
				f = g
			}
		}
	}
	return f
}

// TestGenerated plays generated calls on the real daemon of each persona and on the
// decoy at once.
func TestGenerated(t *testing.T) {
	if *genCalls == 0 && *genSteps == "" {
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
		var first []*finding
		a, b := &side{d: dm}, &side{d: dc}
		if *genSteps != "" {
			if f := play(t, a, b, fixed(stepsOf(t, *genSteps))); f != nil {
				first = append(first, f)
			}
			stat["calls"] = *genCalls
		}
		for stat["calls"] < *genCalls {
			g := &genState{c: rnd.IntN, api: p.API, min: p.MinAPI, made: map[string]string{}}
			f := play(t, a, b, drawn(g, 40, stat))
			if f == nil {
				continue
			}
			stat["calls"]++
			if seen[f.key]++; seen[f.key] == 1 {
				first = append(first, shrink(t, a, b, f, 60))
			}
		}
		sort.Slice(first, func(i, j int) bool { return seen[first[i].key] > seen[first[j].key] })
		for _, f := range first {
			var fields strings.Builder
			for i, d := range f.diffs {
				if i == 6 {
					fmt.Fprintf(&fields, "  and %d fields more\n", len(f.diffs)-i)
					break
				}
				fmt.Fprintf(&fields, "  %s: want %s, got %s\n", d.Field, cut(d.Want), cut(d.Got))
			}
			t.Errorf("%dx %s\n%s  after\n%s", seen[f.key], f.key, fields.String(), tell(f.steps))
		}
		fmt.Fprintf(os.Stderr, "%s: %d generated calls, %d succeeded, %d kinds of difference\n", r.Persona, stat["calls"], stat["succeeded"], len(first))
	})
}
