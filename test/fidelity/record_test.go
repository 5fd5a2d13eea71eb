package fidelity

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whalefall/whalefall/test/oracle"
)

var (
	record = flag.Bool("record", false, "play the scenarios against real daemons and write testdata")
	only   = flag.String("scenario", "", "only scenarios whose name contains this")
	relOf  = flag.String("release", "", "only releases whose version contains this")
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

// TestRecord writes the transcripts of real daemons.
func TestRecord(t *testing.T) {
	if !*record {
		t.Skip("plays against real daemons with -record")
	}
	for _, r := range oracle.All {
		if *relOf != "" && !strings.Contains(r.Version, *relOf) {
			continue
		}
		t.Run(r.Version, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()
			d, err := oracle.Start(ctx, r, oracle.Options{Hostname: "decoy"})
			if errors.Is(err, oracle.ErrUnavailable) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer d.Stop()
			dir := filepath.Join("testdata", r.Persona)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			api := map[string]string{"20.10.24": "1.41", "26.1.5": "1.45", "28.5.2": "1.51"}[r.Version]
			vars := map[string]string{}
			if err := setUpReal(ctx, d, vars); err != nil {
				t.Fatal(err)
			}
			for _, sc := range scenarios() {
				if sc.World {
					if err := importReal(ctx, d); err != nil {
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
				if err := os.WriteFile(filepath.Join(dir, sc.Name+".txt"), []byte(transcript(sc.Steps, as, NewNormalizer())), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
