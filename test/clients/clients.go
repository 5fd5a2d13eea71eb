package clients

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/whalefall/whalefall/test/fidelity"
	"github.com/whalefall/whalefall/test/oracle"
)

// Client is one client of Docker's API and what it does.
type Client struct {
	Name string
	// Version is a command line that prints the client's release, and nothing else.
	Version string
	// Get makes the client available and returns the folder of its programs, to be the
	// first of PATH; nil where the machine has it from its packages (scripts/deps.sh).
	Get func(ctx context.Context) (string, error)
	// Env is more of the environment.
	Env []string
	// Lines are its work, as a [fidelity.Script] has it.
	Lines string
}

// place is a folder of the cache for one client's programs.
func place(name string) (string, error) {
	cache, err := oracle.CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(cache), "clients", name)
	return dir, os.MkdirAll(dir, 0o755)
}

// run runs a command of the preparation.
func run(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off")
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return out, nil
}

// linked makes a folder that holds just one program, found at one of the given paths.
func linked(name, program string, at ...string) (string, error) {
	dir, err := place(name)
	if err != nil {
		return "", err
	}
	for _, p := range at {
		if _, err := os.Stat(p); err != nil {
			continue
		}
		to := filepath.Join(dir, program)
		if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		return dir, os.Symlink(p, to)
	}
	return "", fmt.Errorf("%s: no %s at %v", name, program, at)
}

// fromDebian takes a program out of a package of a release's suite.
func fromDebian(r oracle.Release, pkg, program string, at ...string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		root, err := oracle.Unpack(ctx, r, pkg)
		if err != nil {
			return "", err
		}
		for i := range at {
			at[i] = filepath.Join(root, at[i])
		}
		return linked(pkg+"-"+r.Suite, program, at...)
	}
}

// built compiles the programs of a module below this folder.
func built(module string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		dir, err := place("module-" + module)
		if err != nil {
			return "", err
		}
		_, err = run(ctx, filepath.Join("modules", module), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", dir+"/", "./...")
		return dir, err
	}
}

const newestCLI = "29.9.3"

// dockerCLI compiles Docker's newest client. Its tree has no go.mod, as its releases
// follow no rule for modules, so it is compiled as its own makefile does it: from a copy
// with one.
func dockerCLI(ctx context.Context) (string, error) {
	dir, err := place("docker-cli-" + newestCLI)
	if err != nil {
		return "", err
	}
	prog := filepath.Join(dir, "docker")
	if _, err := os.Stat(prog); err == nil {
		return dir, nil
	}
	out, err := run(ctx, ".", "go", "mod", "download", "-json", "github.com/docker/cli@v"+newestCLI+"+incompatible")
	if err != nil {
		return "", err
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(out, &m); err != nil {
		return "", err
	}
	src, err := os.MkdirTemp("", "dockercli")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(src)
	if err := os.CopyFS(src, os.DirFS(m.Dir)); err != nil {
		return "", err
	}
	for _, f := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join("modules/dockercli", f))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(src, f), b, 0o644); err != nil {
			return "", err
		}
	}
	_ = os.RemoveAll(filepath.Join(src, "vendor"))
	_, err = run(ctx, src, "go", "build", "-mod=mod", "-trimpath", "-ldflags=-s -w -X github.com/docker/cli/cli/version.Version="+newestCLI, "-o", prog, "./cmd/docker")
	return dir, err
}

// nodeModules installs what work/node's lock file names.
func nodeModules(ctx context.Context) (string, error) {
	lock, err := os.ReadFile("work/node/package-lock.json")
	if err != nil {
		return "", err
	}
	dir, err := place(fmt.Sprintf("node-%x", sha256.Sum256(lock))[:17])
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return dir, nil
	}
	for _, f := range []string{"package.json", "package-lock.json"} {
		b, err := os.ReadFile(filepath.Join("work/node", f))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, f), b, 0o644); err != nil {
			return "", err
		}
	}
	if _, err := run(ctx, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "complete"), nil, 0o644)
}

// sections cuts what a line printed where it says "== TITLE", each a step of its own;
// the status and what came before the first title stay with the line. Ids are counted
// anew in each: what one section says more or less does not show in the next.
func sections(steps []fidelity.ShownStep) []fidelity.ShownStep {
	var out []fidelity.ShownStep
	for _, s := range steps {
		out = append(out, fidelity.ShownStep{Line: s.Line})
		first := len(out) - 1
		cur := first
		for _, l := range s.Shown {
			if m := title.FindStringSubmatch(l); m != nil {
				out = append(out, fidelity.ShownStep{Line: s.Line + " == " + m[1]})
				cur = len(out) - 1
				continue
			}
			at := cur
			if strings.HasPrefix(l, "2") { // the other stream is not in step with this one
				at = first
			}
			out[at].Shown = append(out[at].Shown, l)
		}
		for i := first; i < len(out); i++ {
			n := map[string]string{}
			for k, l := range out[i].Shown {
				out[i].Shown[k] = numbered.ReplaceAllStringFunc(l, func(m string) string {
					if n[m] == "" {
						n[m] = fmt.Sprintf("<id%d", len(n)+1)
					}
					return n[m]
				})
			}
		}
	}
	return out
}

var numbered = regexp.MustCompile(`<id\d+`)

var title = regexp.MustCompile(`^1\|(?:TASK \[)?== ([^\]]*)(?:\] \**)?$`)

// rules are of what is printed by these clients beside what the docker client prints.
var rules = []fidelity.Rule{
	{Name: "unix", Re: regexp.MustCompile(`("?\b(?:Created|CreatedAt|created|time|timeNano|mtime|LastTagTime)"?: ?)1[6-9]\d{8,17}\b`), To: "$1<unix>"},
	{Name: "port", Re: regexp.MustCompile(`\b\d{5}(/tcp +(?:open|closed) )`), To: "<port>$1"},
	{Name: "host", Re: regexp.MustCompile(`engine_host=[^,]*`), To: "engine_host=<host>"},
	{Name: "size", Re: regexp.MustCompile(`("(?:Size|VirtualSize|SharedSize)": ?)\d{5,}`), To: "$1<size>"},
	{Name: "run", Re: regexp.MustCompile(`(_run_|-run-)[0-9a-f]{12}\b`), To: "$1<n>"},
	{Name: "megabytes", Re: regexp.MustCompile(`\b\d+(\.\d+)? MB\b`), To: "<size> MB"},
	{Name: "took", Re: regexp.MustCompile(`\b\d+(\.\d+)?(s|ms)\b`), To: "<took>"},
}

// prepare copies the work's files to where a script runs.
func prepare(dir string) error { return os.CopyFS(dir, os.DirFS("work")) }
