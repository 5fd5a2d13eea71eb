package fidelity

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/persona"
)

// played is one answer of the decoy with what the real daemon answered.
type played struct {
	step Step
	got  Answer
	want Normal
}

// A fault changes an answer as a mistake in the decoy would; it knows nothing of
// the transcripts. It reports what it did, or "" where the answer has no such thing.
type fault struct {
	name string
	do   func(r *rand.Rand, a *Answer, other Answer) string
}

var reWord = regexp.MustCompile(`[A-Za-z]*[g-zG-Z][A-Za-z]*[a-z]`)

func headLines(a *Answer) []string { return strings.Split(strings.TrimSuffix(a.Head, "\r\n"), "\r\n") }

func setHead(a *Answer, l []string) { a.Head = strings.Join(l, "\r\n") }

var faults = []fault{
	{"a header is missing", func(r *rand.Rand, a *Answer, _ Answer) string {
		l := headLines(a)
		if len(l) < 2 {
			return ""
		}
		i := 1 + r.IntN(len(l)-1)
		was := l[i]
		setHead(a, append(l[:i:i], l[i+1:]...))
		return was
	}},
	{"two headers are swapped", func(r *rand.Rand, a *Answer, _ Answer) string {
		l := headLines(a)
		if len(l) < 3 {
			return ""
		}
		i := 1 + r.IntN(len(l)-2)
		l[i], l[i+1] = l[i+1], l[i]
		setHead(a, l)
		return l[i]
	}},
	{"a status is another", func(r *rand.Rand, a *Answer, _ Answer) string {
		l := headLines(a)
		f := strings.SplitN(l[0], " ", 3)
		if len(f) < 3 {
			return ""
		}
		n, err := strconv.Atoi(f[1])
		if err != nil {
			return ""
		}
		f[1] = strconv.Itoa(n + 1 + r.IntN(3))
		l[0] = strings.Join(f, " ")
		setHead(a, l)
		return l[0]
	}},
	{"a word is another", func(r *rand.Rand, a *Answer, _ Answer) string {
		b := string(a.Body)
		at := reWord.FindAllStringIndex(b, -1)
		var ok [][]int
		for _, x := range at {
			if x[1]-x[0] >= 5 {
				ok = append(ok, x)
			}
		}
		if len(ok) == 0 {
			return ""
		}
		x := ok[r.IntN(len(ok))]
		w := b[x[0]:x[1]]
		other := "x"
		if w[2] == 'x' {
			other = "q"
		}
		a.Body = []byte(b[:x[0]] + w[:2] + other + w[3:] + b[x[1]:])
		return w
	}},
	{"a field is missing", func(r *rand.Rand, a *Answer, _ Answer) string {
		keys := regexp.MustCompile(`"[A-Za-z]+":("[^"\\]*"|[0-9]+|true|false|null),`).FindAllIndex(a.Body, -1)
		if len(keys) == 0 {
			return ""
		}
		x := keys[r.IntN(len(keys))]
		was := string(a.Body[x[0]:x[1]])
		a.Body = append(append([]byte(nil), a.Body[:x[0]]...), a.Body[x[1]:]...)
		return was
	}},
	{"two checks are swapped", func(_ *rand.Rand, a *Answer, other Answer) string {
		if string(other.Body) == string(a.Body) || len(other.Body) == 0 || strings.SplitN(other.Head, "\r\n", 2)[0] == strings.SplitN(a.Head, "\r\n", 2)[0] {
			return ""
		}
		*a = other
		return "another answer"
	}},
}

// Twenty faults, drawn by seed, are all found.
func TestPlantedFaults(t *testing.T) {
	const name = "docker-20.10.24-debian"
	p, err := persona.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	d := startDecoy(t, name)
	var all []played
	vars := map[string]string{}
	for _, sc := range scenarios() {
		switch sc.Name {
		case "ping", "versions", "routes", "create-bad", "images", "created", "volumes", "networks":
		default:
			continue // those that wait for a daemon's time-outs show nothing more here
		}
		if sc.World {
			if err := prepareDecoy(d); err != nil {
				t.Fatal(err)
			}
		}
		b, err := os.ReadFile(filepath.Join("testdata", name, sc.Name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		want := ParseTranscript(string(b))
		as, err := Play(context.Background(), d, sc, vars, p.API)
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		for k, st := range sc.Steps {
			if as[k].Head == "" && as[k].End == "" || st.Quiet {
				continue
			}
			if i >= len(want) {
				break
			}
			all = append(all, played{st, as[k], want[i]})
			i++
		}
	}
	if len(all) < 100 {
		t.Fatalf("only %d answers to plant faults in", len(all))
	}
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("WHALEFALL_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("seed %d, %d answers", seed, len(all))
	r := rand.New(rand.NewPCG(seed, 2))
	key := func(ds []Difference) map[string]bool {
		m := map[string]bool{}
		for _, x := range ds {
			m[x.Field+"\x00"+x.Got] = true
		}
		return m
	}
	found, planted := 0, 0
	for planted < 20 {
		x := all[r.IntN(len(all))]
		f := faults[(planted+r.IntN(2))%len(faults)]
		if x.step.HeadOnly && (f.name == "a word is another" || f.name == "a field is missing") {
			continue
		}
		base := key(Diff(x.want, NewNormalizer().Answer(x.step, x.got)))
		if len(base) > 0 {
			continue // an answer that differs as the deviations say is watched by their rows
		}
		bad := x.got
		bad.Body = append([]byte(nil), bad.Body...)
		what := f.do(r, &bad, all[r.IntN(len(all))].got)
		if what == "" {
			continue
		}
		planted++
		hit := false
		for k := range key(Diff(x.want, NewNormalizer().Answer(x.step, bad))) {
			hit = hit || !base[k]
		}
		if hit {
			found++
		} else {
			t.Errorf("not found: %s (%s) in the answer to %s", f.name, what, x.step.Title())
		}
	}
	t.Logf("%d of %d planted faults found", found, planted)
}
