package persona_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/system"

	"github.com/whalefall/whalefall/internal/persona"
)

// TestNames: the default comes first, test builds cannot be chosen, all can be found.
func TestNames(t *testing.T) {
	names := persona.Names()
	if names[0] != persona.Default {
		t.Errorf("names %v", names)
	}
	for _, n := range names {
		p, err := persona.Get(n)
		if err != nil || p.Debian || strings.Contains(p.Version+p.Containerd.Version+p.Runc.Version+p.Runc.Commit, "~") || strings.Contains(p.Version, "+") {
			t.Errorf("%s: %v %+v", n, err, p)
		}
		if d, err := persona.Get(n + "-debian"); err != nil || !d.Debian || d.Release != p.Release || d.Era != p.Era || d.API != p.API || d.MinAPI != p.MinAPI {
			t.Errorf("%s has no build for tests of the same release: %v", n, err)
		}
	}
	if _, err := persona.Get("docker-1.0"); err == nil || !strings.Contains(err.Error(), persona.Default) || strings.Contains(err.Error(), "debian") {
		t.Errorf("unknown persona: %v", err)
	}
}

// TestDebugDiffers: two installations show neither the same addresses nor numbers, one
// shows the same addresses each time.
func TestDebugDiffers(t *testing.T) {
	now := time.Unix(1700000000, 0)
	for _, n := range persona.Names() {
		p, _ := persona.Get(n)
		a, b := p.NewDebug(1<<40+7, now.Add(-time.Hour), p.Args), p.NewDebug(3<<50+99, now.Add(-time.Hour), p.Args)
		for _, prof := range []string{"goroutine", "heap", "threadcreate", "mutex"} {
			x, ok := a.Text(prof, 1, now)
			y, _ := b.Text(prof, 1, now)
			if !ok || x == "" || x == y {
				t.Errorf("%s %s: alike or empty", n, prof)
			}
			if z, _ := a.Text(prof, 1, now); z != x {
				t.Errorf("%s %s changes by itself", n, prof)
			}
		}
		if string(a.Binary("heap", now, 0)) == string(b.Binary("heap", now, 0)) {
			t.Errorf("%s: heap profiles alike", n)
		}
		if a.Vars(now) == b.Vars(now) || !json.Valid([]byte(a.Vars(now))) {
			t.Errorf("%s: vars", n)
		}
		if _, ok := a.Text("nosuch", 1, now); ok {
			t.Error("a profile nobody has")
		}
	}
}

// TestProfilesParse: Go's own tool reads what we write.
func TestProfilesParse(t *testing.T) {
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go tool")
	}
	p, _ := persona.Get(persona.Default)
	now := time.Unix(1700000000, 0)
	d := p.NewDebug(5, now, p.Args)
	for name, want := range map[string]string{"goroutine": "runtime", "heap": "inuse_space", "profile": "cpu", "heap-delta": "inuse_space"} {
		f := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(f, d.Binary(name, now, 1), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(tool, "tool", "pprof", "-top", "-nodecount=5", f).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) && name != "profile" {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestDress: the host's facts stay, the release's are put in, an open port is warned of.
func TestDress(t *testing.T) {
	p, _ := persona.Get(persona.Default)
	in := &system.Info{Name: "h", SecurityOptions: []string{"name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"},
		DriverStatus: [][2]string{{"Using metacopy", "false"}, {"Native Overlay Diff", "true"}}, Warnings: []string{"WARNING: No swap limit support", "WARNING: API is accessible on http://x"}}
	p.Dress(in, p.Args)
	if in.Name != "h" || in.ServerVersion != "20.10.24" || strings.Join(in.SecurityOptions, " ") != "name=apparmor name=seccomp,profile=default name=cgroupns" {
		t.Errorf("%+v", in)
	}
	if len(in.DriverStatus) != 1 {
		t.Errorf("driver %v", in.DriverStatus)
	}
	if len(in.Warnings) != 2 || !strings.HasPrefix(in.Warnings[0], "WARNING: API is accessible on http://0.0.0.0:2375 without encryption.\n") || in.Warnings[1] != "WARNING: No swap limit support" {
		t.Errorf("warnings %q", in.Warnings)
	}
}
