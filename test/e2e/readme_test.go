package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The tour prints what the README says; … stands for anything.
func TestReadmeTour(t *testing.T) {
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "```console\n")
	if !ok {
		t.Fatal("the README has no tour")
	}
	tour, _, _ := strings.Cut(rest, "```")
	d := serve(t)
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program(t), filepath.Join(dir, "bin/whalefall")); err != nil {
		t.Fatal(err)
	}
	docker(t)
	for _, step := range strings.Split(tour, "$ ")[1:] {
		cmdline, want, _ := strings.Cut(step, "\n")
		line := strings.ReplaceAll(cmdline, "127.0.0.1:2375", d.addr)
		run := func() []byte {
			cmd := exec.Command("bash", "-c", line)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "WHALEFALL_DATA="+d.data, "DOCKER_CONFIG="+dir)
			out, _ := cmd.CombinedOutput()
			return out
		}
		out := run()
		var pat strings.Builder
		pat.WriteString(`(?s)^`)
		for _, l := range strings.SplitAfter(want, "\n") {
			if strings.TrimSpace(l) == "…" {
				pat.WriteString(`(?:.*\n)?`)
				continue
			}
			// Columns move with what stands in them.
			q := regexp.QuoteMeta(l)
			q = strings.ReplaceAll(q, "…", `[^\n]*`)
			pat.WriteString(regexp.MustCompile(` {2,}`).ReplaceAllString(q, ` +`))
		}
		pat.WriteString(`$`)
		re := regexp.MustCompile(pat.String())
		// The store follows the journal within a second: who types is slower.
		for end := time.Now().Add(3 * time.Second); strings.HasPrefix(cmdline, "bin/whalefall") && !strings.Contains(cmdline, "selftest") &&
			!re.Match(out) && time.Now().Before(end); out = run() {
			time.Sleep(100 * time.Millisecond)
		}
		if !re.Match(out) {
			t.Errorf("$ %s\nprints:\n%s\nthe README says:\n%s", cmdline, out, want)
		}
		if strings.HasPrefix(cmdline, "docker") {
			d.lastSession(func(s doc) bool { return len(s.Commands) > 2 })
		}
	}
}
