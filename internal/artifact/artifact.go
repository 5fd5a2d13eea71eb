// Package artifact keeps bodies and files by their SHA-256.
//
// # Promise
//
// An artifact is written to a temporary file while it streams in and gets its
// name when it is whole, so a name never stands for part of its bytes. The same
// bytes are kept once. When the disk has less than Floor bytes free, the oldest
// artifacts go before any event does; what was removed is told by the callback.
// A failing disk never fails an upload: the hash and size are still computed,
// and Commit says that the bytes were not kept.
//
// # Layout
//
// DIR/ab/abcdef... with the hash in hex; DIR/tmp holds what streams in and is
// emptied at Open.
package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Config says where artifacts are kept and how many bytes at most.
type Config struct {
	Dir string
	// Floor is how many bytes of the disk stay free; the oldest artifacts go first.
	Floor int64
	// MaxBytes bounds all artifacts together; 0 is no bound.
	MaxBytes int64
	// MaxSize bounds one artifact; what is beyond is counted and hashed, not kept. 0 means 1 GiB.
	MaxSize int64
	// Removed is told of each artifact that had to go.
	Removed func(sha string, size int64)
	// Free tells the free bytes of the disk; nil asks the system.
	Free func() (int64, error)
}

// Store is an open directory of artifacts. Its methods may be used from many goroutines.
type Store struct {
	cfg Config
	mu  sync.Mutex // guards total and eviction
	sum int64

	syncs  chan struct{} // a token for each fsync under way
	behind sync.WaitGroup
}

// maxSyncs bounds the files whose fsync is under way beside the answers; whoever
// comes then waits for its own.
const maxSyncs = 16

// settle brings a file that was kept to the disk, and its name. It closes f.
func (s *Store) settle(f *os.File, dir string) {
	s.behind.Add(1)
	sync := func() {
		defer s.behind.Done()
		// What fails here shows at the next write; the bytes are in the kernel's hands.
		_ = f.Sync()
		_ = f.Close()
		if d, err := os.Open(dir); err == nil {
			_ = d.Sync()
			_ = d.Close()
		}
	}
	select {
	case s.syncs <- struct{}{}:
		go func() {
			defer func() { <-s.syncs }()
			sync()
		}()
	default:
		sync()
	}
}

// Settle waits until what was kept so far is on the disk.
func (s *Store) Settle() { s.behind.Wait() }

// Open opens or makes the store and empties its temporary folder.
func Open(cfg Config) (*Store, error) {
	if cfg.MaxSize == 0 {
		cfg.MaxSize = 1 << 30
	}
	s := &Store{cfg: cfg, syncs: make(chan struct{}, maxSyncs)}
	if cfg.Free == nil {
		s.cfg.Free = func() (int64, error) {
			var st unix.Statfs_t
			if err := unix.Statfs(cfg.Dir, &st); err != nil {
				return 0, err
			}
			return int64(st.Bavail) * st.Bsize, nil
		}
	}
	tmp := filepath.Join(cfg.Dir, "tmp")
	if err := os.RemoveAll(tmp); err != nil {
		return nil, fmt.Errorf("empty the artifacts' temporary folder: %w", err)
	}
	if err := os.MkdirAll(tmp, 0o750); err != nil {
		return nil, fmt.Errorf("make the artifacts' folder: %w", err)
	}
	for _, a := range s.list() {
		s.sum += a.Size
	}
	return s, nil
}

// Info is one kept artifact.
type Info struct {
	SHA256 string
	Size   int64
	Time   time.Time
}

func (s *Store) list() []Info {
	var all []Info
	_ = filepath.WalkDir(s.cfg.Dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // deleted since it was listed, or unreadable: not to be had
		}
		if d.IsDir() {
			if d.Name() == "tmp" {
				return filepath.SkipDir
			}
			return nil
		}
		if len(d.Name()) != 64 {
			return nil
		}
		if fi, err := d.Info(); err == nil {
			all = append(all, Info{d.Name(), fi.Size(), fi.ModTime()})
		}
		return nil
	})
	return all
}

// List gives all artifacts, oldest first.
func (s *Store) List() []Info {
	all := s.list()
	sort.Slice(all, func(i, j int) bool { return all[i].Time.Before(all[j].Time) })
	return all
}

func (s *Store) path(sha string) string { return filepath.Join(s.cfg.Dir, sha[:2], sha) }

// ErrName is what a name that is no SHA-256 in hex gives.
var ErrName = errors.New("not a SHA-256 in hex")

func check(sha string) error {
	if len(sha) != 64 {
		return ErrName
	}
	for _, c := range sha {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ErrName
		}
	}
	return nil
}

// Get opens an artifact's bytes.
func (s *Store) Get(sha string) (*os.File, error) {
	if err := check(sha); err != nil {
		return nil, err
	}
	f, err := os.Open(s.path(sha))
	if err != nil {
		return nil, fmt.Errorf("open artifact %s: %w", sha[:12], err)
	}
	return f, nil
}

// Remove deletes an artifact. One that is not there is no error.
func (s *Store) Remove(sha string) error {
	if err := check(sha); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fi, err := os.Stat(s.path(sha))
	if err == nil {
		err = os.Remove(s.path(sha))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove artifact: %w", err)
	}
	s.sum -= fi.Size()
	return nil
}

// Writer takes an artifact's bytes. Write never fails.
type Writer struct {
	s    *Store
	f    *os.File
	h    hash.Hash
	n    int64
	err  error // why the bytes are not kept
	done bool
}

// Create begins an artifact.
func (s *Store) Create() *Writer {
	w := &Writer{s: s, h: sha256.New()}
	if err := s.makeRoom(0); err != nil {
		w.err = err
		return w
	}
	w.f, w.err = os.CreateTemp(filepath.Join(s.cfg.Dir, "tmp"), "in-*")
	return w
}

// Write hashes p and keeps it if it can.
func (w *Writer) Write(p []byte) (int, error) {
	w.h.Write(p)
	w.n += int64(len(p))
	if w.err == nil && w.n > w.s.cfg.MaxSize {
		w.err = fmt.Errorf("larger than %d bytes", w.s.cfg.MaxSize)
	}
	if w.err == nil {
		_, w.err = w.f.Write(p)
	}
	return len(p), nil
}

// Commit ends the artifact and gives its hash and size; err says why its bytes
// were not kept.
func (w *Writer) Commit() (sha string, size int64, err error) {
	sha = hex.EncodeToString(w.h.Sum(nil))
	if w.done {
		return sha, w.n, w.err
	}
	w.done = true
	kept := false
	if w.f != nil {
		defer func() {
			if !kept {
				_ = w.f.Close()
				_ = os.Remove(w.f.Name())
			}
		}()
	}
	if w.err != nil {
		return sha, w.n, fmt.Errorf("keep artifact: %w", w.err)
	}
	p := w.s.path(sha)
	if _, err := os.Stat(p); err == nil {
		return sha, w.n, nil
	}
	if err := os.Mkdir(filepath.Dir(p), 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return sha, w.n, fmt.Errorf("keep artifact: %w", err)
	}
	if err := os.Rename(w.f.Name(), p); err != nil {
		return sha, w.n, fmt.Errorf("keep artifact: %w", err)
	}
	kept = true
	w.s.settle(w.f, filepath.Dir(p))
	w.s.mu.Lock()
	w.s.sum += w.n
	w.s.mu.Unlock()
	if err := w.s.makeRoom(0); err != nil {
		return sha, w.n, nil // kept; the next one will not be
	}
	return sha, w.n, nil
}

// Abort drops the bytes.
func (w *Writer) Abort() {
	if w.done {
		return
	}
	w.done = true
	if w.f != nil {
		_ = w.f.Close()
		_ = os.Remove(w.f.Name()) // what stays in tmp goes at the next start
	}
}

// Put keeps p whole.
func (s *Store) Put(r io.Reader) (string, int64, error) {
	w := s.Create()
	if _, err := io.Copy(w, r); err != nil {
		w.Abort()
		return "", 0, fmt.Errorf("read the artifact's bytes: %w", err)
	}
	return w.Commit()
}

// makeRoom removes the oldest artifacts until the disk has its floor and the
// total its bound.
func (s *Store) makeRoom(need int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	over := func() bool {
		if s.cfg.MaxBytes > 0 && s.sum+need > s.cfg.MaxBytes {
			return true
		}
		if s.cfg.Floor <= 0 {
			return false
		}
		free, err := s.cfg.Free()
		return err == nil && free-need < s.cfg.Floor
	}
	if !over() {
		return nil
	}
	for _, a := range s.List() {
		if err := os.Remove(s.path(a.SHA256)); err != nil {
			continue
		}
		s.sum -= a.Size
		if s.cfg.Removed != nil {
			s.cfg.Removed(a.SHA256, a.Size)
		}
		if !over() {
			return nil
		}
	}
	return errors.New("the disk is at its floor and no artifact is left to remove")
}
