package vfs

import (
	"io"
	"sort"
	"sync"
	"sync/atomic"
)

// Synth is a filesystem whose nodes are made when they are looked at: procfs,
// sysfs, devpts. A SynthNode is immutable once it is reachable, its functions
// may be called from many goroutines.
type Synth struct {
	FSType string
	Magic  uint64
	// Now dates the nodes that carry no time: the root when the filesystem was
	// made (Born), the others when they were first looked at, as their inodes are.
	Now  func() int64
	Born int64
	dev  uint64
	root *SynthNode
}

// NewSynth makes a filesystem with root, a directory.
func NewSynth(typ string, magic uint64, root *SynthNode) *Synth {
	s := &Synth{FSType: typ, Magic: magic, dev: 20 + lastDev.Add(1)%100000}
	root.init(s)
	s.root = root
	return s
}

func (s *Synth) Root() Node   { return s.root }
func (s *Synth) Type() string { return s.FSType }
func (s *Synth) Dev() uint64  { return s.dev }
func (s *Synth) Statfs() Statfs {
	return Statfs{Type: s.FSType, Bsize: 4096, Magic: s.Magic}
}

// SynthNode is one node. Which functions are set tells its kind.
type SynthNode struct {
	BaseNode
	Mode     Mode // with type; 0 takes 0555 directory, 0444 file, 0777 link
	UID, GID uint32
	Number   uint64 // inode number; 0 takes one
	Rdev     uint64
	Size     int64
	Time     int64

	// A directory: fixed children, or made ones.
	Kids map[string]*SynthNode
	Find func(c *Context, name string) *SynthNode // after Kids
	List func(c *Context) []DirEntry              // after Kids

	// A link.
	Link_ func(c *Context) (string, error)
	// Jump makes a magic link, as /proc/PID/root is: the walk goes on there.
	Jump func(c *Context) (*Path, error)

	// A file.
	Read  func(c *Context) ([]byte, error)
	Write func(c *Context, p []byte) error // one call a write(2)

	fs   *Synth
	seen atomic.Int64 // when it was first looked at
}

// time dates the node.
func (n *SynthNode) time() int64 {
	switch {
	case n.Time != 0 || n.fs.Now == nil:
		return n.Time
	case n == n.fs.root:
		return n.fs.Born
	}
	if t := n.seen.Load(); t != 0 {
		return t
	}
	n.seen.CompareAndSwap(0, n.fs.Now())
	return n.seen.Load()
}

var synthIno atomic.Uint64

func (n *SynthNode) init(s *Synth) {
	n.fs = s
	if n.Number == 0 {
		n.Number = 4026531840 + synthIno.Add(1)%100000000
	}
	if n.Mode == 0 {
		switch {
		case n.Kids != nil || n.Find != nil || n.List != nil:
			n.Mode = S_IFDIR | 0o555
		case n.Link_ != nil || n.Jump != nil:
			n.Mode = S_IFLNK | 0o777
		case n.Write != nil && n.Read != nil:
			n.Mode = S_IFREG | 0o644
		case n.Write != nil:
			n.Mode = S_IFREG | 0o200
		default:
			n.Mode = S_IFREG | 0o444
		}
	}
	for _, k := range n.Kids {
		k.init(s)
	}
}

// Lazy makes a directory whose children are made when it is first looked into.
func Lazy(kids func() map[string]*SynthNode) *SynthNode {
	n := &SynthNode{Kids: map[string]*SynthNode{}}
	made := sync.OnceValue(func() map[string]*SynthNode {
		m := kids()
		for _, k := range m {
			k.init(n.fs)
		}
		return m
	})
	n.Find = func(_ *Context, name string) *SynthNode { return made()[name] }
	n.List = func(*Context) (out []DirEntry) {
		for name, k := range made() {
			out = append(out, DirEntry{name, k.Number, k.Mode & S_IFMT})
		}
		sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
		return out
	}
	return n
}

func (n *SynthNode) Ino() uint64 { return n.Number }
func (n *SynthNode) Stat() Stat {
	at := n.time()
	st := Stat{Dev: n.fs.dev, Ino: n.Number, Mode: n.Mode, Nlink: 1, UID: n.UID, GID: n.GID, Rdev: n.Rdev, Size: n.Size,
		Blksize: 4096, Atime: at, Mtime: at, Ctime: at}
	if n.Mode.IsDir() {
		st.Nlink = 2
		for _, k := range n.Kids {
			if k.Mode.IsDir() {
				st.Nlink++
			}
		}
	}
	return st
}

func (n *SynthNode) Lookup(c *Context, name string) (Node, error) {
	if !n.Mode.IsDir() {
		return nil, ENOTDIR
	}
	if k := n.Kids[name]; k != nil {
		return k, nil
	}
	if n.Find != nil {
		if k := n.Find(c, name); k != nil {
			if k.fs == nil {
				k.init(n.fs)
			}
			return k, nil
		}
	}
	return nil, ENOENT
}

func (n *SynthNode) ReadDir(c *Context) ([]DirEntry, error) {
	if !n.Mode.IsDir() {
		return nil, ENOTDIR
	}
	var out []DirEntry
	for name, k := range n.Kids {
		out = append(out, DirEntry{name, k.Number, k.Mode & S_IFMT})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	if n.List != nil {
		out = append(out, n.List(c)...)
	}
	return out, nil
}

func (n *SynthNode) Readlink(c *Context) (string, error) {
	if n.Link_ == nil {
		if n.Jump != nil {
			p, err := n.Jump(c)
			if err != nil {
				return "", err
			}
			return p.String(), nil
		}
		return "", EINVAL
	}
	return n.Link_(c)
}

func (n *SynthNode) Create(*Context, string, NewAttr) (Node, error) {
	switch n.fs.FSType {
	case "proc":
		return nil, ENOENT
	case "sysfs", "cgroup2":
		return nil, EACCES
	}
	return nil, EPERM
}

func (n *SynthNode) SetAttr(_ *Context, a SetAttr) error {
	// echo x > file opens with O_TRUNC; chmod and chown are refused.
	if a.Mode == nil && a.UID == nil && a.GID == nil && a.Flags == nil {
		return nil
	}
	return EPERM
}

func (n *SynthNode) ReadAt(c *Context, p []byte, off int64) (int, error) {
	h, err := n.Open(c, false)
	if err != nil {
		return 0, err
	}
	return h.ReadAt(p, off)
}

func (n *SynthNode) WriteAt(c *Context, p []byte, off int64, _ bool) (int, int64, error) {
	if n.Write == nil {
		return 0, off, EINVAL
	}
	if err := n.Write(c, p); err != nil {
		return 0, off, err
	}
	return len(p), off + int64(len(p)), nil
}

type synthHandle struct {
	n    *SynthNode
	c    *Context
	data []byte
	read bool
}

// Open makes a handle that reads one snapshot.
func (n *SynthNode) Open(c *Context, write bool) (Handle, error) {
	if write && n.Write == nil {
		return nil, EACCES
	}
	return &synthHandle{n: n, c: c}, nil
}

func (h *synthHandle) ReadAt(p []byte, off int64) (int, error) {
	if h.n.Read == nil {
		return 0, EINVAL
	}
	if !h.read || off == 0 {
		d, err := h.n.Read(h.c)
		if err != nil {
			return 0, err
		}
		h.data, h.read = d, true
	}
	if off >= int64(len(h.data)) {
		return 0, io.EOF
	}
	return copy(p, h.data[off:]), nil
}

func (h *synthHandle) WriteAt(p []byte, off int64) (int, error) {
	if h.n.Write == nil {
		return 0, EINVAL
	}
	if err := h.n.Write(h.c, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (h *synthHandle) Close() error { return nil }
