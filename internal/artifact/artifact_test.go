package artifact

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeepOnceAndGet(t *testing.T) {
	s, err := Open(Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	a, n, err := s.Put(strings.NewReader("hello"))
	if err != nil || n != 5 || a != "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" {
		t.Fatal(a, n, err)
	}
	if b, _, err := s.Put(strings.NewReader("hello")); b != a || err != nil {
		t.Fatal(b, err)
	}
	if l := s.List(); len(l) != 1 {
		t.Fatalf("%d artifacts", len(l))
	}
	f, err := s.Get(a)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, _ := io.ReadAll(f); string(got) != "hello" {
		t.Fatalf("got %q", got)
	}
	for _, bad := range []string{"", "../../etc/passwd", strings.Repeat("g", 64), strings.ToUpper(a)} {
		if _, err := s.Get(bad); err == nil {
			t.Errorf("%q was accepted as a name", bad)
		}
	}
}

func TestOldestGoAtTheFloor(t *testing.T) {
	dir := t.TempDir()
	free := int64(1000)
	var removed []string
	var s *Store
	s, err := Open(Config{Dir: dir, Floor: 500, Free: func() (int64, error) { return free - s.sum, nil },
		Removed: func(sha string, n int64) { removed = append(removed, sha) }})
	if err != nil {
		t.Fatal(err)
	}
	var first string
	for i := range 8 {
		sha, _, err := s.Put(bytes.NewReader(bytes.Repeat([]byte{byte(i)}, 100)))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = sha
		}
	}
	if len(removed) != 3 {
		t.Fatalf("%d removed, want 3", len(removed))
	}
	found := false
	for _, r := range removed {
		found = found || r == first
	}
	if !found {
		t.Error("the oldest was not among them")
	}
}

func TestDeadDiskStillHashes(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	os.RemoveAll(filepath.Join(dir, "tmp"))
	sha, n, err := s.Put(strings.NewReader("hello"))
	if err == nil || n != 5 || !strings.HasPrefix(sha, "2cf24dba") {
		t.Fatal(sha, n, err)
	}
}

func TestTooLarge(t *testing.T) {
	s, _ := Open(Config{Dir: t.TempDir(), MaxSize: 10})
	_, n, err := s.Put(strings.NewReader(strings.Repeat("x", 50)))
	if err == nil || n != 50 {
		t.Fatal(n, err)
	}
	if e, _ := os.ReadDir(filepath.Join(s.cfg.Dir, "tmp")); len(e) != 0 {
		t.Error("temporary file left behind")
	}
}
