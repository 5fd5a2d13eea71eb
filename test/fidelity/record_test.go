package fidelity

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whalefall/whalefall/test/oracle"
)

var (
	recordAnew = flag.Bool("record", false, "play the scenarios against real daemons and write testdata")
	only       = flag.String("scenario", "", "only scenarios whose name contains this")
	real       = flag.Bool("real", false, "play the scenarios against real daemons and compare with testdata")
	deviate    = flag.Bool("deviate", false, "add every difference that is not written down to deviations.tsv, as open")
	relOf      = flag.String("release", "", "only releases whose version contains this")
)

// scenarios are all of them, in the order they are played on one daemon.
func scenarios() []Scenario {
	var out []Scenario
	for _, g := range [][]Scenario{systemScenarios, emptyScenarios, objects} {
		for _, s := range g {
			if *only == "" || strings.Contains(s.Name, *only) {
				out = append(out, s)
			}
		}
	}
	return out
}

func transcript(steps []Step, as []Answer, n *Normalizer) string {
	var b strings.Builder
	for i, s := range steps {
		if as[i].Head == "" && as[i].End == "" || s.Quiet {
			continue
		}
		b.WriteString(n.Answer(s, as[i]).String())
	}
	return b.String()
}

// TestRecord writes the transcripts of real daemons, or holds them to what is written.
func TestRecord(t *testing.T) {
	if !*recordAnew && !*real {
		t.Skip("plays against real daemons with -record or -real")
	}
	onReal(t, 5*time.Minute, func(ctx context.Context, t *testing.T, r oracle.Release, d *oracle.Daemon) {
		dir := filepath.Join("testdata", r.Persona)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		api := map[string]string{"20.10.24": "1.41", "26.1.5": "1.45", "28.5.2": "1.51"}[r.Version]
		vars := map[string]string{}
		for _, sc := range scenarios() {
			if sc.World {
				if err := ImportReal(ctx, d); err != nil {
					t.Fatal(err)
				}
			}
			as, err := Play(ctx, d, sc, vars, api)
			if err != nil {
				t.Errorf("%v", err)
			}
			if as == nil {
				continue
			}
			file, text := filepath.Join(dir, sc.Name+".txt"), transcript(sc.Steps, as, NewNormalizer())
			if *recordAnew {
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			// The transcript must still be what the daemon says.
			b, err := os.ReadFile(file)
			if err != nil {
				t.Error(err)
				continue
			}
			was, is := ParseTranscript(string(b)), ParseTranscript(text)
			for i := range min(len(was), len(is)) {
				for _, d := range Diff(was[i], is[i]) {
					t.Errorf("%s | %s | %s\n\twas %s\n\tis  %s", sc.Name, was[i].Title, d.Field, cut(d.Want), cut(d.Got))
				}
			}
			if len(was) != len(is) {
				t.Errorf("%s: %d answers, transcript has %d", sc.Name, len(is), len(was))
			}
		}
	})
}
