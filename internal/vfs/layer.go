package vfs

import (
	"path"
	"sort"
	"strings"
)

// layerNode is an inode of an immutable layer.
type layerNode struct {
	ino     uint64 // within the layer, from 1
	mode    Mode
	uid     uint32
	gid     uint32
	nlink   uint32
	rdev    uint64
	mtime   int64
	target  string
	content Content
	xattrs  map[string][]byte
	flags   uint32
	opaque  bool // a directory that hides what lies below it
	white   bool // a whiteout
	names   []string
	kids    map[string]*layerNode
}

// Layer is an immutable tree, analogous to a lowerdir of overlayfs.
type Layer struct {
	root  *layerNode
	count uint64
	bytes int64
}

// Inodes and Size give how much a layer holds.
func (l *Layer) Inodes() int { return int(l.count) }
func (l *Layer) Size() int64 { return l.bytes }

// LayerBuilder makes a Layer. It is for one goroutine. Missing parents are made
// as root's, mode 0755, with the builder's time.
type LayerBuilder struct {
	l    *Layer
	Time int64 // mtime of what is added without one
}

// NewLayerBuilder starts an empty layer.
func NewLayerBuilder() *LayerBuilder {
	b := &LayerBuilder{l: &Layer{}}
	b.l.root = b.node(S_IFDIR | 0o755)
	return b
}

func (b *LayerBuilder) node(m Mode) *layerNode {
	b.l.count++
	n := &layerNode{ino: b.l.count, mode: m, nlink: 1, mtime: b.Time}
	if m.IsDir() {
		n.nlink = 2
	}
	return n
}

// maxNameLen is NAME_MAX, maxPathLen PATH_MAX.
const (
	maxNameLen = 255
	maxPathLen = 4096
)

func (b *LayerBuilder) parent(p string) (*layerNode, string, error) {
	p = strings.Trim(path.Clean("/"+p), "/")
	if p == "" {
		return nil, "", EEXIST
	}
	if len(p) > maxPathLen {
		return nil, "", ENAMETOOLONG
	}
	dir := b.l.root
	for {
		first, rest, more := strings.Cut(p, "/")
		if len(first) > maxNameLen {
			return nil, "", ENAMETOOLONG
		}
		if !more {
			return dir, first, nil
		}
		k := dir.kids[first]
		if k == nil || !k.mode.IsDir() || k.white {
			k = b.node(S_IFDIR | 0o755)
			dir.put(first, k)
		}
		dir, p = k, rest
	}
}

func (n *layerNode) put(name string, k *layerNode) {
	if n.kids == nil {
		n.kids = map[string]*layerNode{}
	}
	if old := n.kids[name]; old != nil && old.mode.IsDir() {
		n.nlink--
	}
	n.kids[name] = k
	if k.mode.IsDir() && !k.white {
		n.nlink++
	}
}

// Meta is what the builder's methods set on a node besides its kind.
type Meta struct {
	Mode     Mode // permission bits
	UID, GID uint32
	Mtime    int64 // 0: the builder's Time
	Xattrs   map[string][]byte
	Flags    uint32
}

func (b *LayerBuilder) add(p string, typ Mode, m Meta) (*layerNode, error) {
	if typ == S_IFDIR && strings.Trim(path.Clean("/"+p), "/") == "" {
		b.apply(b.l.root, m)
		return b.l.root, nil
	}
	dir, name, err := b.parent(p)
	if err != nil {
		return nil, err
	}
	if old := dir.kids[name]; old != nil && typ == S_IFDIR && old.mode.IsDir() && !old.white {
		b.apply(old, m)
		return old, nil
	}
	n := b.node(typ)
	b.apply(n, m)
	dir.put(name, n)
	return n, nil
}

func (b *LayerBuilder) apply(n *layerNode, m Meta) {
	n.mode = n.mode&S_IFMT | m.Mode&0o7777
	n.uid, n.gid, n.xattrs, n.flags = m.UID, m.GID, m.Xattrs, m.Flags
	n.mtime = m.Mtime
	if m.Mtime == 0 {
		n.mtime = b.Time
	}
}

// Dir adds a directory, or changes the one that is there.
func (b *LayerBuilder) Dir(p string, m Meta) error { _, err := b.add(p, S_IFDIR, m); return err }

// File adds a regular file.
func (b *LayerBuilder) File(p string, c Content, m Meta) error {
	n, err := b.add(p, S_IFREG, m)
	if err == nil {
		n.content = c
		b.l.bytes += c.Size()
	}
	return err
}

// Symlink adds a symbolic link.
func (b *LayerBuilder) Symlink(p, target string, m Meta) error {
	m.Mode = 0o777
	n, err := b.add(p, S_IFLNK, m)
	if err == nil {
		n.target = target
	}
	return err
}

// Special adds a device, fifo or socket; m.Mode holds permission bits.
func (b *LayerBuilder) Special(p string, typ Mode, rdev uint64, m Meta) error {
	n, err := b.add(p, typ&S_IFMT, m)
	if err == nil {
		n.rdev = rdev
	}
	return err
}

// Hardlink adds another name for a file of this layer.
func (b *LayerBuilder) Hardlink(p, target string) error {
	t := b.find(target)
	if t == nil || t.mode.IsDir() || t.white {
		return ENOENT
	}
	dir, name, err := b.parent(p)
	if err != nil {
		return err
	}
	dir.put(name, t)
	t.nlink++
	return nil
}

// Whiteout hides a name of the layers below.
func (b *LayerBuilder) Whiteout(p string) error {
	dir, name, err := b.parent(p)
	if err != nil {
		return err
	}
	n := b.node(S_IFCHR)
	n.white = true
	dir.put(name, n)
	return nil
}

// Opaque makes a directory hide all that the layers below have in it.
func (b *LayerBuilder) Opaque(p string) error {
	n := b.find(p)
	if n == nil || !n.mode.IsDir() {
		return ENOENT
	}
	n.opaque = true
	return nil
}

// Exists tells whether the layer has p by now.
func (b *LayerBuilder) Exists(p string) bool {
	n := b.find(p)
	return n != nil && !n.white
}

func (b *LayerBuilder) find(p string) *layerNode {
	n := b.l.root
	for _, c := range strings.Split(strings.Trim(path.Clean("/"+p), "/"), "/") {
		if c == "" {
			continue
		}
		if n = n.kids[c]; n == nil {
			return nil
		}
	}
	return n
}

// Build ends the work. The builder must not be used afterwards.
func (b *LayerBuilder) Build() *Layer {
	if b.l.root.mtime == 0 {
		b.l.root.mtime = b.Time // set after the root was made
	}
	var sortNames func(n *layerNode)
	sortNames = func(n *layerNode) {
		if len(n.kids) == 0 {
			return
		}
		n.names = make([]string, 0, len(n.kids))
		for k := range n.kids {
			n.names = append(n.names, k)
		}
		sort.Strings(n.names)
		for _, k := range n.kids {
			if k.mode.IsDir() {
				sortNames(k)
			}
		}
	}
	sortNames(b.l.root)
	l := b.l
	b.l = nil
	return l
}
