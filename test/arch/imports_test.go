package arch

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/whalefall/whalefall/"

type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
	Deps       []string
	Standard   bool
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,GoFiles,Imports,Deps,Standard"}, args...)...)
	cmd.Dir = "../.."
	var errb bytes.Buffer
	cmd.Stderr = &errb
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, errb.String())
	}
	var ps []pkg
	d := json.NewDecoder(bytes.NewReader(out))
	for {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return ps
		} else if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
}

// closed are the packages of the emulated world: nothing in them can touch the
// machine they run on.
var closed = []string{"vfs", "kernel", "shell", "program", "image", "image/catalogue", "world"}

// forbidden may not be imported by them directly.
var forbidden = map[string]bool{"os": true, "os/exec": true, "os/user": true, "net": true, "net/http": true, "syscall": true, "golang.org/x/sys/unix": true, "plugin": true}

// unreachable may not be imported by anything they import.
var unreachable = map[string]bool{"os/exec": true, "net/http": true, "plugin": true}

// thirdParty is what they may use of others, with the reason and what was looked
// at in it.
var thirdParty = map[string]string{
	"mvdan.cc/sh/v3/syntax":                        "the shell's grammar; reaches no os/exec, no net; own imports are two regular expressions",
	"github.com/docker/docker/api/types":           "the API's plain types; data only",
	"github.com/docker/go-connections/nat":         "port specifications of the API's types; parsing only",
	"github.com/docker/go-units":                   "sizes and ulimits as the API writes them; parsing only",
	"github.com/containerd/errdefs":                "kinds of errors; values only",
	"github.com/distribution/reference":            "image references; parsing only",
	"github.com/opencontainers/":                   "digests and image configuration; types and hashes only",
	"github.com/klauspost/compress":                "zstd; no file, no net",
	"github.com/ulikunitz/xz":                      "xz; no file, no net",
	"github.com/itchyny/gojq":                      "jq; given no module loader, environment or input files",
	"github.com/moby/docker-image-spec":            "image configuration; types only",
	"github.com/moby/patternmatcher":               "ignore patterns of a build; matching only",
	"golang.org/x/crypto":                          "hashes of passwords",
	"github.com/docker/docker/pkg/namesgenerator":  "container names as the daemon makes them; word lists only",
	"github.com/docker/docker/pkg/stdcopy":         "frames of the multiplexed stream; readers and writers only",
	"github.com/docker/docker/volume/service/opts": "options of the volume backend; functions on plain types",
	"golang.org/x/text":                            "character tables",
	"github.com/moby/buildkit/frontend/dockerfile": "the Dockerfile's grammar",
}

func isClosed(p string) bool {
	for _, c := range closed {
		if p == module+"internal/"+c || strings.HasPrefix(p, module+"internal/"+c+"/") {
			return !strings.HasSuffix(p, "test")
		}
	}
	return false
}

func TestTheWorldIsClosed(t *testing.T) {
	for _, p := range list(t, "./internal/...") {
		if !isClosed(p.ImportPath) {
			continue
		}
		for _, i := range p.Imports {
			if forbidden[i] {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
			if strings.Contains(i, ".") && !strings.HasPrefix(i, module) {
				ok := false
				for prefix := range thirdParty {
					ok = ok || strings.HasPrefix(i, prefix)
				}
				if !ok {
					t.Errorf("%s imports %s, which is not on the list", p.ImportPath, i)
				}
			}
		}
		for _, d := range p.Deps {
			if unreachable[d] {
				t.Errorf("%s reaches %s", p.ImportPath, d)
			}
		}
		for _, f := range p.GoFiles {
			noWallClock(t, filepath.Join(p.Dir, f))
		}
	}
}

// noWallClock refuses the package time's own clock: time comes from kernel.Clock.
func noWallClock(t *testing.T, file string) {
	t.Helper()
	fs := token.NewFileSet()
	f, err := parser.ParseFile(fs, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	name := ""
	for _, i := range f.Imports {
		if p, _ := strconv.Unquote(i.Path.Value); p == "time" {
			name = "time"
			if i.Name != nil {
				name = i.Name.Name
			}
		}
	}
	if name == "" {
		return
	}
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := s.X.(*ast.Ident)
		if !ok || x.Name != name || x.Obj != nil {
			return true
		}
		switch s.Sel.Name {
		case "Now", "After", "Sleep", "NewTimer", "NewTicker", "Tick", "AfterFunc", "Since", "Until":
			t.Errorf("%s: time.%s", fs.Position(s.Pos()), s.Sel.Name)
		}
		return true
	})
}

// layers is the order of the rooms, from the bottom up; a line may import lines
// above it.
var layers = [][]string{
	{"event"},
	{"session", "persona", "vfs", "redact", "aeszip"},
	{"journal", "artifact", "kernel"},
	{"record", "shell", "program"},
	{"image"},
	{"world", "internet"},
	{"build"},
	{"engineapi"},
	{"listen"},
	{"wire", "confine", "supervise"},
	{"sensor"},
	{"store"},
	{"store/sqlite", "store/storetest"},
	{"project", "control"},
	{"analyze"},
	{"notify", "operator"},
}

func TestLayers(t *testing.T) {
	level := map[string]int{}
	for i, l := range layers {
		for _, n := range l {
			level[module+"internal/"+n] = i
		}
	}
	// What faces attackers and what the operator reads are two towers over the
	// record: neither imports the other.
	attackers := map[string]bool{}
	for _, n := range []string{"world", "internet", "build", "engineapi", "listen", "sensor", "kernel", "shell", "program", "image", "vfs"} {
		attackers[module+"internal/"+n] = true
	}
	operators := map[string]bool{}
	for _, n := range []string{"store", "store/sqlite", "project", "analyze", "notify", "operator", "control"} {
		operators[module+"internal/"+n] = true
	}
	for _, p := range list(t, "./internal/...") {
		me, known := level[p.ImportPath]
		for _, i := range p.Imports {
			if !strings.HasPrefix(i, module+"internal/") {
				continue
			}
			if it, ok := level[i]; known && ok && it > me {
				t.Errorf("%s imports %s, which lies above it", p.ImportPath, i)
			}
			if attackers[p.ImportPath] && operators[i] || operators[p.ImportPath] && attackers[i] {
				t.Errorf("%s imports %s: the sensor's and the operator's towers do not know each other", p.ImportPath, i)
			}
			if strings.HasPrefix(i, module+"cmd/") {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
		if p.ImportPath == module+"internal/event" {
			for _, i := range p.Imports {
				if strings.Contains(i, ".") {
					t.Errorf("event imports %s: it takes the standard library only", i)
				}
			}
		}
	}
}

// Every package says what it is for.
func TestPackageComments(t *testing.T) {
	for _, p := range list(t, "./internal/...", "./cmd/...") {
		if len(p.GoFiles) == 0 {
			continue
		}
		found := false
		for _, f := range p.GoFiles {
			x, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			found = found || x.Doc != nil && len(x.Doc.Text()) > 60
		}
		if !found {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
