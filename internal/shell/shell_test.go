package shell_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/shell"
	"github.com/whalefall/whalefall/internal/vfs"
)

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }
func (realClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}

// rig is a small machine with the shells and a few programs.
func rig(t testing.TB) *kernel.Kernel {
	t.Helper()
	reg := kernel.NewRegistry()
	shell.Register(reg)
	prog := map[string]kernel.Program{
		"true":  func(*kernel.Task) int { return 0 },
		"false": func(*kernel.Task) int { return 1 },
		"cat": func(t *kernel.Task) int {
			for _, a := range t.Args()[1:] {
				b, err := t.ReadFile(a)
				if err != nil {
					io.WriteString(t.Stderr(), "cat: "+a+": "+err.Error()+"\n")
					return 1
				}
				t.Stdout().Write(b)
			}
			if len(t.Args()) == 1 {
				io.Copy(t.Stdout(), t.Stdin())
			}
			return 0
		},
		"env": func(t *kernel.Task) int {
			for _, e := range t.Env() {
				io.WriteString(t.Stdout(), e+"\n")
			}
			return 0
		},
		"tr": func(t *kernel.Task) int {
			b, _ := io.ReadAll(t.Stdin())
			io.WriteString(t.Stdout(), strings.ToUpper(string(b)))
			return 0
		},
		"sleep": func(t *kernel.Task) int {
			d, _ := time.ParseDuration(t.Args()[1] + "s")
			t.Sleep(d)
			return 0
		},
		"head": func(t *kernel.Task) int {
			r := bufio.NewReader(t.Stdin())
			l, _ := r.ReadString('\n')
			io.WriteString(t.Stdout(), l)
			return 0
		},
		"yes": func(t *kernel.Task) int {
			for {
				if _, err := t.Write(1, []byte("y\n")); err != nil {
					return 1
				}
			}
		},
		"sort": func(t *kernel.Task) int {
			b, _ := io.ReadAll(t.Stdin())
			l := strings.SplitAfter(string(b), "\n")
			if len(l) > 0 && l[len(l)-1] == "" {
				l = l[:len(l)-1]
			}
			for i := range l {
				for j := i + 1; j < len(l); j++ {
					if l[j] < l[i] {
						l[i], l[j] = l[j], l[i]
					}
				}
			}
			io.WriteString(t.Stdout(), strings.Join(l, ""))
			return 0
		},
		"rm": func(t *kernel.Task) int {
			for _, a := range t.Args()[1:] {
				t.Unlink(a)
			}
			return 0
		},
		"mkdir": func(t *kernel.Task) int {
			for _, a := range t.Args()[1:] {
				t.Mkdir(a, 0o777)
			}
			return 0
		},
		"chmod": func(t *kernel.Task) int {
			t.Chmod(t.Args()[2], 0o755)
			return 0
		},
	}
	lb := vfs.NewLayerBuilder()
	for _, d := range []string{"/bin", "/usr/bin", "/tmp/t", "/etc", "/root", "/dev", "/proc", "/sys"} {
		if err := lb.Dir(d, vfs.Meta{Mode: 0o755}); err != nil {
			t.Fatal(err)
		}
	}
	for n, p := range prog {
		reg.Register(n, p)
	}
	for _, n := range []string{"bash", "dash", "ash"} {
		prog[n] = nil
	}
	for n := range prog {
		if err := lb.File("/usr/bin/"+n, kernel.ELF(n, 20000, "x86_64"), vfs.Meta{Mode: 0o755}); err != nil {
			t.Fatal(err)
		}
		lb.Symlink("/bin/"+n, "/usr/bin/"+n, vfs.Meta{})
	}
	lb.Symlink("/bin/sh", "dash", vfs.Meta{})
	lb.File("/etc/passwd", vfs.Text("root:x:0:0:root:/root:/bin/bash\n"), vfs.Meta{Mode: 0o644})
	k := kernel.New(kernel.Config{Clock: realClock{}, Programs: reg, Host: kernel.HostInfo{Hostname: "box"}, Observer: kernel.Discard{}}, vfs.New(vfs.Config{}, lb.Build()))
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		k.Stop(ctx)
	})
	return k
}

// outcome is what a run of code shows.
type outcome struct {
	out, err string
	code     int
}

func runWorld(t testing.TB, k *kernel.Kernel, sh, code string) outcome {
	t.Helper()
	ns := k.Host()
	var mu sync.Mutex
	var out, errb bytes.Buffer
	w := func(b *bytes.Buffer) *kernel.File {
		return kernel.WriterFile(lockedWriter{&mu, b})
	}
	null := kernel.NullFile()
	task, err := ns.Start(kernel.Spawn{Path: "/bin/" + sh, Argv: []string{sh, "-c", code}, Dir: "/tmp/t", Env: []string{"PATH=/usr/bin:/bin", "HOME=/root", "LC_ALL=C"},
		Files: map[int]*kernel.File{0: null, 1: w(&out), 2: w(&errb)}})
	if err != nil {
		t.Fatalf("%s: %v", sh, err)
	}
	select {
	case <-task.Done():
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: %q hangs", sh, code)
	}
	time.Sleep(time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	return outcome{out.String(), errb.String(), task.WaitStatus().Code()}
}

func runReal(t testing.TB, sh, code string) outcome {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	path := "/bin/" + sh
	if sh == "ash" {
		path = "busybox" // by its first argument
	}
	cmd := exec.CommandContext(ctx, path, "-c", code)
	cmd.Args[0] = sh
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=/root", "LC_ALL=C"}
	var out, errb bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errb
	cmd.Run()
	c := cmd.ProcessState.ExitCode()
	if c < 0 {
		c = 128 + 9
	}
	return outcome{out.String(), errb.String(), c}
}

type lockedWriter struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

// rows run in the real shell and in the world; each is a line of code, with the
// shells it is for before a colon (b bash, d dash, a busybox ash).
func rows(t testing.TB) []struct{ shells, code string } {
	t.Helper()
	b, err := os.ReadFile("testdata/rows.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []struct{ shells, code string }
	for _, block := range strings.Split(string(b), "\n--\n") {
		sh, code, ok := strings.Cut(strings.TrimLeft(block, "\n"), ":")
		if !ok {
			t.Fatalf("bad row %q", block)
		}
		out = append(out, struct{ shells, code string }{sh, strings.TrimRight(code, "\n")})
	}
	return out
}

func TestAgainstRealShells(t *testing.T) {
	for name, letter := range map[string]string{"bash": "b", "dash": "d", "ash": "a"} {
		need := "/bin/" + name
		if name == "ash" {
			need = "busybox"
		}
		if _, err := exec.LookPath(need); err != nil {
			t.Fatalf("%s is needed: %v", need, err)
		}
		t.Run(name, func(t *testing.T) {
			k := rig(t)
			n, same := 0, 0
			for _, r := range rows(t) {
				if !strings.Contains(r.shells, letter) {
					continue
				}
				n++
				k.Host().Start(kernel.Spawn{Path: "/bin/bash", Argv: []string{"bash", "-c", "rm /tmp/t/*"}, Dir: "/"})
				want, got := runReal(t, name, r.code), runWorld(t, k, name, r.code)
				if got == want {
					same++
					continue
				}
				t.Errorf("%s: %s\n real %d %q %q\nworld %d %q %q", name, r.code, want.code, want.out, want.err, got.code, got.out, got.err)
			}
			t.Logf("%s: %d of %d rows alike", name, same, n)
		})
	}
}
