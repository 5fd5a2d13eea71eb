package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func base() *Layer {
	b := NewLayerBuilder()
	b.Dir("/etc", Meta{Mode: 0o755})
	b.File("/etc/passwd", Text("root\n"), Meta{Mode: 0o644})
	b.File("/usr/bin/ls", Zeros(100<<20), Meta{Mode: 0o755})
	b.Hardlink("/usr/bin/dir", "/usr/bin/ls")
	b.Symlink("/bin", "usr/bin", Meta{})
	b.Dir("/old/sub", Meta{Mode: 0o755})
	b.File("/old/sub/f", Text("f"), Meta{Mode: 0o600})
	return b.Build()
}

func top() *Layer {
	b := NewLayerBuilder()
	b.Whiteout("/old/sub/f")
	b.File("/old/sub/g", Text("g"), Meta{Mode: 0o600})
	b.File("/etc/motd", Text("hi"), Meta{Mode: 0o644})
	return b.Build()
}

type tree struct {
	*testing.T
	fs *FS
	ns *Namespace
	c  *Context
}

func mk(t *testing.T, layers ...*Layer) *tree {
	fs := New(Config{Bytes: 200 << 20, Inodes: 1000}, layers...)
	ns := NewNamespace(fs, "overlay", "", false)
	return &tree{t, fs, ns, &Context{Cred: Root(), Root: ns.Root(), Cwd: ns.Root(), Umask: 0o022}}
}

func (t *tree) read(p string) string {
	x, err := t.ns.Resolve(t.c, p, true)
	if err != nil {
		return AsErrno(err).Name()
	}
	st := x.Node().Stat()
	b := make([]byte, min(st.Size, 1000))
	n, err := x.Node().ReadAt(t.c, b, 0)
	if err != nil && err != io.EOF {
		return err.Error()
	}
	return string(b[:n])
}

func (t *tree) write(p, s string) {
	t.Helper()
	x, err := t.ns.Resolve(t.c, p, true)
	if err == ENOENT {
		x, err = t.ns.Create(t.c, p, NewAttr{Mode: S_IFREG | 0o644})
	}
	if err != nil {
		t.Fatal(p, err)
	}
	if _, _, err := x.Node().WriteAt(t.c, []byte(s), 0, false); err != nil {
		t.Fatal(p, err)
	}
}

func (t *tree) diff() string {
	var b strings.Builder
	for _, c := range t.fs.Diff() {
		fmt.Fprintf(&b, "%c %s\n", "CAD"[c.Kind], c.Path)
	}
	return b.String()
}

func TestOverlay(t *testing.T) {
	x := mk(t, base(), top())
	for p, want := range map[string]string{"/etc/passwd": "root\n", "/etc/motd": "hi", "/old/sub/f": "ENOENT", "/old/sub/g": "g", "/bin/nope": "ENOENT", "/etc/passwd/x": "ENOTDIR"} {
		if got := x.read(p); got != want {
			t.Errorf("%s: %q, want %q", p, got, want)
		}
	}
	if d := x.diff(); d != "" {
		t.Fatalf("untouched tree differs: %s", d)
	}
	x.write("/etc/passwd", "toor")
	if got := x.read("/etc/passwd"); got != "toor\n" {
		t.Errorf("%q", got)
	}
	x.write("/tmp1", "new")
	x.ns.Unlink(x.c, "/old/sub/g")
	x.ns.Mkdir(x.c, "/d", 0o755)
	x.write("/d/e", "e")
	want := "C /etc\nC /etc/passwd\nA /d\nA /d/e\nC /old\nC /old/sub\nD /old/sub/g\nA /tmp1\n"
	lines := strings.Split(strings.TrimSpace(want), "\n")
	got := strings.Split(strings.TrimSpace(x.diff()), "\n")
	if len(lines) != len(got) {
		t.Fatalf("diff:\n%s", x.diff())
	}
	for _, l := range lines {
		if !strings.Contains(x.diff(), l+"\n") {
			t.Errorf("diff lacks %s:\n%s", l, x.diff())
		}
	}
	// A hard link of a lower file stays one file.
	x.write("/bin/ls", "abc")
	if got := x.read("/bin/dir")[:3]; got != "abc" {
		t.Errorf("hard link: %q", got)
	}
	// Snapshot and restore give the same tree, and the same bytes.
	var a, b bytes.Buffer
	if err := x.fs.Snapshot(&a); err != nil {
		t.Fatal(err)
	}
	y := mk(t, base(), top())
	if err := y.fs.Restore(bytes.NewReader(a.Bytes()), nil, TarLimits{}); err != nil {
		t.Fatal(err)
	}
	if y.diff() != x.diff() {
		t.Errorf("restored:\n%s\nwant\n%s", y.diff(), x.diff())
	}
	if err := y.fs.Snapshot(&b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("snapshot of the restored tree differs")
	}
}

func TestRemoveAndRemakeDir(t *testing.T) {
	x := mk(t, base())
	x.ns.Unlink(x.c, "/old/sub/f")
	if err := x.ns.Rmdir(x.c, "/old/sub"); err != nil {
		t.Fatal(err)
	}
	x.ns.Mkdir(x.c, "/old/sub", 0o755)
	if got := x.read("/old/sub/f"); got != "ENOENT" {
		t.Error(got)
	}
}

func TestErrors(t *testing.T) {
	x := mk(t, base())
	x.ns.Symlink(x.c, "loop", "/loop")
	user := *x.c
	user.Cred = &Cred{UID: 1000, GID: 1000, EUID: 1000, EGID: 1000}
	for _, r := range []struct {
		name string
		err  error
		want Errno
	}{
		{"mkdir exists", x.ns.Mkdir(x.c, "/etc", 0o755), EEXIST},
		{"mkdir no parent", x.ns.Mkdir(x.c, "/a/b", 0o755), ENOENT},
		{"rmdir full", x.ns.Rmdir(x.c, "/etc"), ENOTEMPTY},
		{"rmdir file", x.ns.Rmdir(x.c, "/etc/passwd"), ENOTDIR},
		{"unlink dir", x.ns.Unlink(x.c, "/etc"), EISDIR},
		{"rename into itself", x.ns.Rename(x.c, "/old", "/old/sub/x"), EINVAL},
		{"rename dir on file", x.ns.Rename(x.c, "/old", "/etc/passwd"), ENOTDIR},
		{"user mkdir", x.ns.Mkdir(&user, "/x", 0o755), EACCES},
		{"long name", x.ns.Mkdir(x.c, "/"+strings.Repeat("a", 256), 0o755), ENAMETOOLONG},
		{"loop", func() error { _, err := x.ns.Resolve(x.c, "/loop", true); return err }(), ELOOP},
		{"empty", func() error { _, err := x.ns.Resolve(x.c, "", true); return err }(), ENOENT},
	} {
		if !errors.Is(r.err, r.want) {
			t.Errorf("%s: %v, want %v", r.name, r.err, r.want)
		}
	}
}

func TestImmutable(t *testing.T) {
	x := mk(t, base())
	p, _ := x.ns.Resolve(x.c, "/etc/passwd", true)
	f := FlagImmutable
	if err := x.ns.SetAttr(x.c, p, SetAttr{Flags: &f}); err != nil {
		t.Fatal(err)
	}
	if err := x.ns.Unlink(x.c, "/etc/passwd"); err != EPERM {
		t.Error(err)
	}
	m := Mode(0o777)
	if err := x.ns.SetAttr(x.c, p, SetAttr{Mode: &m}); err != EPERM {
		t.Error(err)
	}
	f = 0
	x.ns.SetAttr(x.c, p, SetAttr{Flags: &f})
	if err := x.ns.Unlink(x.c, "/etc/passwd"); err != nil {
		t.Error(err)
	}
}

func TestLimits(t *testing.T) {
	x := mk(t)
	n, err := x.ns.Create(x.c, "/f", NewAttr{Mode: S_IFREG | 0o644})
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<20)
	var off int64
	for {
		w, end, err := n.Node().WriteAt(x.c, buf, off, false)
		if err != nil {
			if err != ENOSPC {
				t.Fatal(err)
			}
			break
		}
		off = end
		_ = w
	}
	if off != 200<<20 {
		t.Fatal(off)
	}
	x.ns.Unlink(x.c, "/f")
	if b, i := x.fs.Used(); b != 0 || i != 0 {
		t.Fatal("leak", b, i)
	}
}

func FuzzApply(f *testing.F) {
	x := New(Config{}, top())
	var b bytes.Buffer
	x.WriteTar(&b, x.Root(), "")
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) > 1<<16 {
			return
		}
		fs := New(Config{Bytes: 1 << 20, Inodes: 100}, base())
		fs.Restore(bytes.NewReader(p), nil, TarLimits{Bytes: 1 << 20, Entries: 100, File: 1 << 20})
		fs.Diff()
	})
}

// TestBudgetParent: what several budgets take is bounded together and comes back
// with a tree's release, its collection, or a budget's close.
func TestBudgetParent(t *testing.T) {
	all := &Budget{Max: 10 << 20}
	a, b := &Budget{Max: 8 << 20, Parent: all}, &Budget{Max: 8 << 20, Parent: all}
	fa, fb := New(Config{Budget: a}), New(Config{Budget: b})
	c := &Context{Cred: Root(), Now: func() int64 { return 1 }}
	write := func(fs *FS, name string, mib int) error {
		n, err := fs.Root().Create(c, name, NewAttr{Mode: S_IFREG | 0o644})
		if err != nil {
			return err
		}
		_, _, err = n.WriteAt(c, bytes.Repeat([]byte("x"), mib<<20), 0, false)
		return err
	}
	if err := write(fa, "1", 9); err != ENOSPC {
		t.Errorf("beyond one's own: %v", err)
	}
	if err := write(fa, "2", 7); err != nil {
		t.Error(err)
	}
	if err := write(fb, "1", 7); err != ENOSPC {
		t.Errorf("beyond everybody's: %v", err)
	}
	fa.Release()
	fa.Release()
	if err := write(fa, "3", 1); err != ENOSPC {
		t.Errorf("in a released tree: %v", err)
	}
	if err := write(fb, "2", 7); err != nil || a.Used() != 0 {
		t.Error(err, a.Used())
	}
	b.Close()
	if all.Used() != 0 || b.Take(1) {
		t.Error("a closed budget keeps", all.Used())
	}
}

// The root of a filesystem has its inode number to itself: a mount on what is made
// first in it does not cover the root.
func TestRootHasItsOwnInode(t *testing.T) {
	for _, layers := range [][]*Layer{nil, {base()}, {base(), top()}} {
		x := mk(t, layers...)
		if err := x.ns.Mkdir(x.c, "/new", 0o755); err != nil {
			t.Fatal(err)
		}
		root := x.ns.Root().Node().Stat().Ino
		for _, p := range []string{"/new", "/etc", "/old", "/etc/passwd"} {
			if at, err := x.ns.Resolve(x.c, p, true); err == nil && at.Node().Stat().Ino == root {
				t.Errorf("%d layers: %s has the root's number %d", len(layers), p, root)
			}
		}
	}
}
