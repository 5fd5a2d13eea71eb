package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var least = flag.Float64("least", 92, "the share of the names that must pass")

// Every reason stands for a listed test, and is one of the four.
func TestReasons(t *testing.T) {
	known := map[string]bool{"daemon": true, "network": true, "kernel": true, "files": true}
	listed := map[string]bool{}
	jobs, err := plan([]string{"20.10.24", "26.1.5", "28.5.2"}, []string{"api", "cli"}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		for _, n := range j.names {
			for _, p := range []string{j.persona, "-"} {
				listed[strings.Join([]string{p, j.suite, j.pkg, n}, "\x00")] = true
			}
		}
	}
	if len(jobs) < 100 {
		t.Errorf("%d jobs", len(jobs))
	}
	for k, why := range cannot() {
		if !listed[k] || !known[why] {
			t.Errorf("%q: listed %v, reason %q", strings.ReplaceAll(k, "\x00", " "), listed[k], why)
		}
	}
}

func TestVerdicts(t *testing.T) {
	got := map[string]string{}
	verdicts([]byte("\x16=== RUN   S/A\n\x16--- PASS: S/A (0.10s)\n=== RUN   S/B/sha256:"+strings.Repeat("a", 64)+"\n    --- FAIL: S/B/sha256:"+strings.Repeat("a", 64)+" (0.00s)\n=== RUN   S/C\n--- SKIP: S/D (0.00s)\n--- PASS: T/E (0.00s)\n"), "S/", got)
	for n, want := range map[string]string{"A": "pass", "B/sha256:ID": "fail", "C": "hang", "D": "skip", "T/E": ""} {
		if got[n] != want {
			t.Errorf("%s: %q, want %q", n, got[n], want)
		}
	}
}

// A part of the API suite, where it is compiled: `make conformance` does that once,
// and runs all of it.
func TestPart(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip("no cache: ", err)
	}
	pkgs := []string{"volume", "network", "system"}
	for _, p := range pkgs {
		if _, err := os.Stat(filepath.Join(cache, "whalefall", "conformance", "bin", p+".test")); err != nil {
			t.Skip("Docker's suites are not compiled yet: make conformance")
		}
	}
	t.Chdir("../..")
	jobs, err := plan([]string{"28.5.2"}, []string{"api"}, strings.Join(pkgs, ","), "")
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	k, err := prepare(t.Context(), jobs, out)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := runAll(t.Context(), k, jobs, 3, 20*time.Second, out)
	if err != nil {
		t.Fatal(err)
	}
	passed := 0
	for _, r := range rs {
		if r.Result == "pass" {
			passed++
		} else {
			t.Logf("%s %s: %s", r.Package, r.Test, r.Result)
		}
	}
	if share := 100 * float64(passed) / float64(len(rs)); share < *least {
		t.Errorf("%d of %d pass", passed, len(rs))
	}
}
