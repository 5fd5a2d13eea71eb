package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const module = "github.com/docker/docker@v28.5.2+incompatible"

// kit is what the jobs share: the module's writable copies with the compiled
// suites, and the decoy's binary.
type kit struct {
	root  string // the user's cache of this program
	decoy string
}

// copyOf is where a persona's copy of the module lies: some tests write beside
// their sources.
func (k *kit) copyOf(persona string) string { return filepath.Join(k.root, "moby-"+persona) }

func (k *kit) suite(name string) string {
	return filepath.Join(k.root, "bin", strings.ReplaceAll(name, "/", "-")+".test")
}

// prepare makes what the jobs need and is not there yet, and builds the decoy.
func prepare(ctx context.Context, jobs []job, out string) (*kit, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	k := &kit{root: filepath.Join(cache, "whalefall", "conformance")}
	k.decoy = filepath.Join(out, "whalefall")
	if err := goTool(ctx, ".", "build", "-trimpath", "-o", k.decoy, "./cmd/whalefall"); err != nil {
		return nil, err
	}
	for _, j := range jobs {
		if err := k.take(ctx, j.persona); err != nil {
			return nil, err
		}
		name, pkg := j.pkg, "./integration/"+j.pkg
		if j.suite == "cli" {
			name, pkg = "cli", "./integration-cli"
		}
		if _, err := os.Stat(k.suite(name)); err == nil {
			continue
		}
		fmt.Fprintf(os.Stderr, "compiling %s (once)\n", pkg)
		if err := goTool(ctx, k.copyOf(j.persona), "test", "-c", "-trimpath", "-o", k.suite(name), pkg); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// take copies the module out of the module cache, with its own dependencies' pins.
func (k *kit) take(ctx context.Context, persona string) error {
	dst := k.copyOf(persona)
	if _, err := os.Stat(dst); err == nil {
		return nil
	}
	b, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", module).Output()
	if err != nil {
		return fmt.Errorf("go mod download %s: %w", module, err)
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "copying %s for %s (once)\n", module, persona)
	part := dst + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	err = filepath.WalkDir(m.Dir, func(p string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(m.Dir, p)
		if err != nil {
			return err
		}
		to := filepath.Join(part, rel)
		if e.IsDir() {
			if rel == "vendor" {
				return filepath.SkipDir
			}
			return os.MkdirAll(to, 0o755)
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o755) // the module cache keeps no modes
	})
	if err != nil {
		return err
	}
	for from, to := range map[string]string{"vendor.mod": "go.mod", "vendor.sum": "go.sum"} {
		if err := os.Rename(filepath.Join(part, from), filepath.Join(part, to)); err != nil {
			return err
		}
	}
	return os.Rename(part, dst)
}

func goTool(ctx context.Context, dir string, args ...string) error {
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir, c.Stdout, c.Stderr = dir, os.Stderr, os.Stderr
	c.Env = append(slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "GOFLAGS=") }), "CGO_ENABLED=0", "GOWORK=off")
	if err := c.Run(); err != nil {
		return fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
