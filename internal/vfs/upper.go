package vfs

import "slices"

// upperDir is what overlayfs keeps of a directory in its upperdir: what was changed,
// and nothing of the layers. A removed name is a device 0/0 there.
type upperDir struct{ *inode }

// Upper shows the tree's upperdir. What is written to it is written to the tree.
func (fs *FS) Upper() Node { return upperDir{fs.root} }

// whiteout is the device that stands for a removed name. Called with the lock held.
func (n *inode) whiteout(name string) *inode {
	k := &inode{fs: n.fs, ino: n.ino<<8 + uint64(len(name)), typ: S_IFCHR, parent: n, name: name}
	k.meta = meta{mode: S_IFCHR, nlink: 1, atime: n.mtime, mtime: n.mtime, ctime: n.mtime}
	return k
}

func (n *inode) inUpper(name string) (k *inode, ok bool) {
	k, ok = n.entries[name]
	switch {
	case !ok:
		return nil, false
	case k == nil:
		return n.whiteout(name), n.hasLower(name)
	}
	return k, k.upper || k.typ.IsDir() && k.below
}

func (n upperDir) Lookup(_ *Context, name string) (Node, error) {
	n.fs.mu.RLock()
	defer n.fs.mu.RUnlock()
	k, ok := n.inUpper(name)
	switch {
	case !ok:
		return nil, ENOENT
	case k.typ.IsDir():
		return upperDir{k}, nil
	}
	return k, nil
}

func (n upperDir) ReadDir(*Context) ([]DirEntry, error) {
	n.fs.mu.RLock()
	defer n.fs.mu.RUnlock()
	var out []DirEntry
	for _, name := range n.changed() {
		k, _ := n.inUpper(name)
		out = append(out, DirEntry{name, n.fs.shown(k.ino), k.typ})
	}
	return out, nil
}

func (n *inode) changed() (out []string) {
	for name := range n.entries {
		if _, ok := n.inUpper(name); ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (n upperDir) Stat() Stat {
	s := n.inode.Stat()
	n.fs.mu.RLock()
	defer n.fs.mu.RUnlock()
	s.Nlink = 2
	for _, name := range n.changed() {
		if k, _ := n.inUpper(name); k.typ.IsDir() {
			s.Nlink++
		}
	}
	return s
}

func (n upperDir) Unlink(c *Context, name string, dir bool) error {
	if _, err := n.Lookup(c, name); err != nil {
		return err
	}
	return n.inode.Unlink(c, name, dir)
}
