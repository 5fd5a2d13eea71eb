package vfs

import (
	"archive/tar"
	"io"
	"path"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Names of whiteouts in a layer's tar stream, from the AUFS and OCI layer format.
const (
	whiteoutPrefix = ".wh."
	whiteoutOpaque = ".wh..wh..opq"
)

// PAX records of snapshots.
const (
	paxDesc  = "WHALEFALL.content"
	paxFlags = "WHALEFALL.flags"
	paxXattr = "SCHILY.xattr."
)

// TarLimits bound what a tar stream may hold.
type TarLimits struct {
	Bytes   int64 // of all files together; 0: 4 GiB
	Entries int   // 0: 1 million
	File    int64 // of one file held in memory; larger ones keep only their size as zeros; 0: 256 MiB
}

func (l TarLimits) fill() TarLimits {
	if l.Bytes == 0 {
		l.Bytes = 4 << 30
	}
	if l.Entries == 0 {
		l.Entries = 1 << 20
	}
	if l.File == 0 {
		l.File = 256 << 20
	}
	return l
}

// ReadTar adds a layer's tar stream to b; whiteout names become whiteouts.
func ReadTar(b *LayerBuilder, r io.Reader, lim TarLimits) error { return readTar(b, r, lim, nil) }

func readTar(b *LayerBuilder, r io.Reader, lim TarLimits, keep *keeper) error {
	lim = lim.fill()
	tr := tar.NewReader(r)
	var total int64
	for i := 0; ; i++ {
		h, err := tr.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if i >= lim.Entries {
			return ENOSPC
		}
		p := path.Clean("/" + h.Name)
		dir, base := path.Split(p)
		if base == whiteoutOpaque {
			if !b.Exists(dir) {
				if err := b.Dir(dir, Meta{Mode: 0o755}); err != nil {
					return err
				}
			}
			if err := b.Opaque(dir); err != nil {
				return err
			}
			continue
		}
		if rest, ok := strings.CutPrefix(base, whiteoutPrefix); ok {
			if rest == "" || strings.HasPrefix(rest, ".wh.") {
				continue
			}
			if err := b.Whiteout(path.Join(dir, rest)); err != nil {
				return err
			}
			continue
		}
		m := headerMeta(h)
		switch h.Typeflag {
		case tar.TypeDir:
			err = b.Dir(p, m)
		case tar.TypeReg:
			total += h.Size
			if total > lim.Bytes {
				return ENOSPC
			}
			keep.file(p, h, h.Size <= lim.File)
			var c Content
			if c, err = tarContent(h, tr, lim.File, nil); err == nil {
				err = b.File(p, c, m)
			}
		case tar.TypeSymlink:
			err = b.Symlink(p, h.Linkname, m)
		case tar.TypeLink:
			if e := b.Hardlink(p, h.Linkname); e != nil && e != ENOENT {
				err = e
			}
		case tar.TypeChar:
			err = b.Special(p, S_IFCHR, Makedev(uint32(h.Devmajor), uint32(h.Devminor)), m)
		case tar.TypeBlock:
			err = b.Special(p, S_IFBLK, Makedev(uint32(h.Devmajor), uint32(h.Devminor)), m)
		case tar.TypeFifo:
			err = b.Special(p, S_IFIFO, 0, m)
		}
		if err != nil {
			return err
		}
	}
}

func headerMeta(h *tar.Header) Meta {
	m := Meta{Mode: Mode(h.Mode) & 0o7777, UID: uint32(h.Uid), GID: uint32(h.Gid), Mtime: h.ModTime.UnixNano()}
	for k, v := range h.PAXRecords {
		if name, ok := strings.CutPrefix(k, paxXattr); ok {
			if m.Xattrs == nil {
				m.Xattrs = map[string][]byte{}
			}
			m.Xattrs[name] = []byte(v)
		}
	}
	if f, err := strconv.ParseUint(h.PAXRecords[paxFlags], 10, 32); err == nil {
		m.Flags = uint32(f)
	}
	return m
}

// Zeros is a Content of that many zero bytes.
type Zeros int64

func (z Zeros) Size() int64 { return int64(z) }
func (z Zeros) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(z) || off < 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), int64(z)-off)
	clear(p[:n])
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

func (z Zeros) Describe() string { return "zeros " + strconv.FormatInt(int64(z), 10) }

func tarContent(h *tar.Header, r io.Reader, max int64, res Resolver) (Content, error) {
	if d := h.PAXRecords[paxDesc]; d != "" && res != nil {
		if n, ok := strings.CutPrefix(d, "zeros "); ok {
			if v, err := strconv.ParseInt(n, 10, 64); err == nil && v >= 0 && v <= maxFile {
				return Zeros(v), nil
			}
		}
		if c, ok := res(d); ok {
			return c, nil
		}
	}
	if h.Size > max {
		return Zeros(h.Size), nil
	}
	var p []byte
	if h.Size < 1<<20 {
		p = make([]byte, h.Size)
		if _, err := io.ReadFull(r, p); err != nil {
			return nil, err
		}
	} else {
		// Grows with what really comes, whatever the header promises.
		var err error
		if p, err = io.ReadAll(io.LimitReader(r, h.Size)); err != nil {
			return nil, err
		}
	}
	return Bytes(p), nil
}

// ChangeKind is docker diff's letter.
type ChangeKind int

// The kinds, as docker diff numbers them.
const (
	Modified ChangeKind = 0
	Added    ChangeKind = 1
	Deleted  ChangeKind = 2
)

// Change is one difference of a tree to its layers.
type Change struct {
	Path string
	Kind ChangeKind
	Stat Stat
}

// Diff lists what was changed against the layers, sorted by path, a directory
// being Modified when something in it is.
func (fs *FS) Diff() []Change {
	fs.mu.RLock()
	defer fs.mu.RUnlock()
	var out []Change
	fs.walkUpper(fs.root, "", func(p string, n *inode, kind ChangeKind) {
		if p == "" {
			return
		}
		c := Change{Path: p, Kind: kind}
		if n != nil {
			c.Stat = n.stat()
		}
		out = append(out, c)
	})
	sort.Slice(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	return out
}

// walkUpper calls fn for each changed node, a directory before what is in it, in
// the order of names. A nil inode is a whiteout.
func (fs *FS) walkUpper(d *inode, p string, fn func(string, *inode, ChangeKind)) {
	kind := Modified
	if d.parent != nil && !d.parent.hasLower(d.name) {
		kind = Added
	}
	fn(p, d, kind)
	names := make([]string, 0, len(d.entries))
	for name := range d.entries {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		k := d.entries[name]
		q := p + "/" + name
		switch {
		case k == nil:
			if d.hasLower(name) {
				fn(q, nil, Deleted)
			}
		case k.mode.IsDir():
			if k.upper || k.below {
				fs.walkUpper(k, q, fn)
			}
		case k.upper:
			kind := Added
			if d.hasLower(name) {
				kind = Modified
			}
			fn(q, k, kind)
		}
	}
}

// WriteDiff writes the changes as a layer's tar stream. Described contents are
// written in full.
func (fs *FS) WriteDiff(w io.Writer) error { return fs.writeUpper(w, false) }

// Snapshot writes the upper so that Restore makes it again over the same layers:
// the diff's tar stream, with descriptions for contents that have one. The same
// tree gives the same bytes.
func (fs *FS) Snapshot(w io.Writer) error { return fs.writeUpper(w, true) }

func (fs *FS) writeUpper(w io.Writer, snapshot bool) error {
	fs.mu.RLock()
	defer fs.mu.RUnlock()
	tw := tar.NewWriter(w)
	links := &tarState{links: map[*inode]string{}, typeBits: fs.cfg.TypeBits && !snapshot}
	var first error
	derived := ""
	fs.walkUpper(fs.root, "", func(p string, n *inode, kind ChangeKind) {
		if first != nil || derived != "" && strings.HasPrefix(p, derived) {
			return
		}
		if snapshot && n != nil && fs.hooks[n].Derived {
			derived = p + "/"
			return
		}
		first = func() error {
			p := strings.TrimPrefix(p, "/")
			if n == nil {
				dir, base := path.Split(p)
				return tw.WriteHeader(&tar.Header{Name: dir + whiteoutPrefix + base, Typeflag: tar.TypeReg, Mode: 0, Format: tar.FormatPAX})
			}
			if p == "" {
				if !snapshot || !n.upper {
					return nil
				}
				p = "."
			}
			if err := writeNode(tw, p, n, links, snapshot); err != nil {
				return err
			}
			// A new directory over a lower one hides it.
			if n.mode.IsDir() && n.parent != nil && len(n.lowers) == 0 && n.parent.hasLower(n.name) {
				return tw.WriteHeader(&tar.Header{Name: p + "/" + whiteoutOpaque, Typeflag: tar.TypeReg, Format: tar.FormatPAX})
			}
			// A lower directory under another name brings its content along.
			if n.mode.IsDir() && n.moved() {
				return fs.writeLowers(tw, p, n, links, snapshot)
			}
			return nil
		}()
	})
	if first != nil {
		return first
	}
	return tw.Close()
}

// moved tells whether a directory's lowers are not those under its name.
func (n *inode) moved() bool {
	if len(n.lowers) == 0 || n.parent == nil || n.fs.grafts[n] {
		return false
	}
	for _, l := range n.parent.lowers {
		if k := l.kids[n.name]; k != nil {
			return k != n.lowers[0]
		}
	}
	return true
}

func (fs *FS) writeLowers(tw *tar.Writer, p string, n *inode, links *tarState, snapshot bool) error {
	for _, name := range n.names() {
		if k := n.entries[name]; k != nil && k.upper && !k.mode.IsDir() {
			continue // walkUpper writes it
		}
		k, err := n.child(name, true)
		if err != nil {
			continue
		}
		if err := writeNode(tw, p+"/"+name, k, links, snapshot); err != nil {
			return err
		}
		if k.mode.IsDir() {
			if err := fs.writeLowers(tw, p+"/"+name, k, links, snapshot); err != nil {
				return err
			}
		}
	}
	return nil
}

// tarState is what one archive's entries have in common.
type tarState struct {
	links map[*inode]string // where an inode was first
	names func(uid, gid uint32) (user, group string)
	// typeBits puts the type beside the permissions, as in st_mode.
	typeBits bool
}

func writeNode(tw *tar.Writer, p string, n *inode, links *tarState, snapshot bool) error {
	h := &tar.Header{Name: p, Mode: int64(n.mode.Perm()), Uid: int(n.uid), Gid: int(n.gid), ModTime: time.Unix(0, n.mtime).UTC(), Format: tar.FormatPAX}
	if !snapshot {
		// As the daemon's archives have it: no entry but for extended attributes needs
		// a PAX record.
		h.ModTime = h.ModTime.Truncate(time.Second)
	}
	if links.typeBits {
		h.Mode = int64(n.mode)
	}
	if links.names != nil {
		h.Uname, h.Gname = links.names(n.uid, n.gid)
	}
	rec := map[string]string{}
	for k, v := range n.xattrs {
		rec[paxXattr+k] = string(v)
	}
	if n.flags != 0 && snapshot {
		rec[paxFlags] = strconv.FormatUint(uint64(n.flags), 10)
	}
	var body Content
	switch n.mode & S_IFMT {
	case S_IFDIR:
		h.Typeflag, h.Name = tar.TypeDir, p+"/"
	case S_IFLNK:
		h.Typeflag, h.Linkname = tar.TypeSymlink, n.target
	case S_IFREG:
		if old, ok := links.links[n]; ok && n.nlink > 1 {
			h.Typeflag, h.Linkname = tar.TypeLink, old
			break
		}
		links.links[n] = p
		h.Typeflag = tar.TypeReg
		body = n.content()
		if d, ok := body.(Described); ok && snapshot {
			rec[paxDesc] = d.Describe()
			body = nil
		} else {
			h.Size = body.Size()
		}
	case S_IFCHR, S_IFBLK:
		h.Typeflag = tar.TypeChar
		if n.mode&S_IFMT == S_IFBLK {
			h.Typeflag = tar.TypeBlock
		}
		h.Devmajor, h.Devminor = int64(Major(n.rdev)), int64(Minor(n.rdev))
	case S_IFIFO:
		h.Typeflag = tar.TypeFifo
	default:
		return nil // sockets are in no archive
	}
	if len(rec) > 0 {
		h.PAXRecords = rec
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	if body != nil {
		if _, err := io.Copy(tw, io.NewSectionReader(readerAt{body}, 0, body.Size())); err != nil {
			return err
		}
	}
	return nil
}

type readerAt struct{ c Content }

func (r readerAt) ReadAt(p []byte, off int64) (int, error) { return r.c.ReadAt(p, off) }

// content gives a file's bytes as a Content that is good while the lock is held;
// an unchanged base is given itself.
func (n *inode) content() Content {
	switch {
	case n.data != nil:
		d := n.data
		if d.base != nil && d.first == nil && len(d.rest) == 0 && d.size == d.baseLen && d.size == d.base.Size() {
			return d.base
		}
		if d.base == nil && d.first == nil && len(d.rest) == 0 && d.size > 0 {
			return Zeros(d.size)
		}
		return dataContent{d}
	case n.low != nil && n.low.content != nil:
		return n.low.content
	}
	return Bytes(nil)
}

type dataContent struct{ d *data }

func (c dataContent) Size() int64                             { return c.d.size }
func (c dataContent) ReadAt(p []byte, off int64) (int, error) { return c.d.readAt(p, off) }

// ContentOf gives a node's bytes as a Content that stays what it is now: an
// unchanged base itself, else a copy (at most max bytes of it).
func ContentOf(n Node, max int64) Content {
	k, ok := n.(*inode)
	if !ok {
		st := n.Stat()
		p := make([]byte, min(max, st.Size))
		m, _ := n.ReadAt(nil, p, 0)
		return Bytes(p[:m])
	}
	k.fs.mu.RLock()
	defer k.fs.mu.RUnlock()
	c := k.resolve().content()
	if dc, ok := c.(dataContent); ok {
		return Bytes(ReadAll(dc, max))
	}
	return c
}

// SetContent gives a regular file an immutable content without copying it: how
// large made-up files come into a tree, and how cp keeps them free.
func SetContent(c *Context, n Node, content Content) error {
	k, ok := n.(*inode)
	if !ok {
		return EINVAL
	}
	k.fs.mu.Lock()
	defer k.fs.mu.Unlock()
	k, err := k.copyUp()
	if err != nil {
		return err
	}
	if k.data == nil {
		return EINVAL
	}
	if k.flags&(FlagImmutable|FlagAppend) != 0 {
		return EPERM
	}
	size := content.Size()
	if err := k.fs.takeBytes(size - k.data.size); err != nil {
		return err
	}
	k.data = &data{size: size, base: content, baseLen: size}
	k.mtime = c.now()
	k.ctime = k.mtime
	return nil
}

// Restore applies a snapshot, or any layer's tar stream, to the tree.
func (fs *FS) Restore(r io.Reader, res Resolver, lim TarLimits) error {
	return fs.Apply("/", r, ApplyOptions{Resolver: res, Limits: lim, Whiteouts: true})
}

// ApplyOptions say how Apply unpacks.
type ApplyOptions struct {
	Resolver  Resolver
	Limits    TarLimits
	Whiteouts bool // names with .wh. delete
	// NoOverwriteDirNonDir refuses to replace a directory by a file and the
	// other way round, as docker cp asks.
	NoOverwriteDirNonDir bool
	// Chown, if set, owns what is unpacked.
	Chown *[2]uint32
	// Each is told every file that was written.
	Each func(path string, st Stat, c Content)
}

// Apply unpacks a tar stream below dir. Links in the tree are followed within
// the tree only.
func (fs *FS) Apply(dir string, r io.Reader, o ApplyOptions) error {
	lim := o.Limits.fill()
	ns := NewNamespace(fs, "", "", false)
	c := &Context{Cred: Root(), Root: ns.root, Cwd: ns.root, Now: fs.cfg.Now}
	top, err := ns.Resolve(c, dir, true)
	if err != nil {
		return err
	}
	c.Root, c.Cwd = top, top
	tr := tar.NewReader(r)
	var total int64
	type stamp struct {
		p *Path
		m int64
	}
	var dirs []stamp
	for i := 0; ; i++ {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if i >= lim.Entries {
			return ENOSPC
		}
		p := path.Clean("/" + h.Name)
		parent, base := path.Split(p)
		if o.Whiteouts && strings.HasPrefix(base, whiteoutPrefix) {
			d, err := ns.Resolve(c, parent, true)
			if err != nil {
				continue
			}
			if base == whiteoutOpaque {
				ents, _ := d.node.ReadDir(c)
				for _, e := range ents {
					_ = removeAll(c, d.node, e.Name) // what cannot go stays to be seen
				}
			} else {
				_ = removeAll(c, d.node, strings.TrimPrefix(base, whiteoutPrefix))
			}
			continue
		}
		m := headerMeta(h)
		if o.Chown != nil {
			m.UID, m.GID = o.Chown[0], o.Chown[1]
		}
		var at *Path
		if p == "/" {
			at = top
		} else {
			d, err := mkdirAll(ns, c, parent)
			if err != nil {
				return err
			}
			old, _ := d.node.Lookup(c, base)
			if old != nil {
				od := old.Stat().Mode.IsDir()
				nd := h.Typeflag == tar.TypeDir
				if od != nd && o.NoOverwriteDirNonDir {
					return ENOTDIR
				}
				if !od || !nd {
					if err := removeAll(c, d.node, base); err != nil {
						return err
					}
					old = nil
				}
			}
			var n Node
			switch h.Typeflag {
			case tar.TypeDir:
				if n = old; n == nil {
					n, err = d.node.Create(c, base, NewAttr{Mode: S_IFDIR | m.Mode})
				}
			case tar.TypeReg:
				if total += h.Size; total > lim.Bytes {
					return ENOSPC
				}
				var content Content
				if content, err = tarContent(h, tr, lim.File, o.Resolver); err != nil {
					return err
				}
				if n, err = d.node.Create(c, base, NewAttr{Mode: S_IFREG | m.Mode}); err == nil {
					err = SetContent(c, n, content)
				}
				if err == nil && o.Each != nil {
					defer func(n Node) { o.Each(p, n.Stat(), content) }(n)
				}
			case tar.TypeSymlink:
				n, err = d.node.Create(c, base, NewAttr{Mode: S_IFLNK | 0o777, Target: h.Linkname})
			case tar.TypeLink:
				t, e := ns.Resolve(c, "/"+h.Linkname, false)
				if e != nil {
					return e
				}
				if err := d.node.Link(c, base, t.node); err != nil {
					return err
				}
				continue
			case tar.TypeChar:
				n, err = d.node.Create(c, base, NewAttr{Mode: S_IFCHR | m.Mode, Rdev: Makedev(uint32(h.Devmajor), uint32(h.Devminor))})
			case tar.TypeBlock:
				n, err = d.node.Create(c, base, NewAttr{Mode: S_IFBLK | m.Mode, Rdev: Makedev(uint32(h.Devmajor), uint32(h.Devminor))})
			case tar.TypeFifo:
				n, err = d.node.Create(c, base, NewAttr{Mode: S_IFIFO | m.Mode})
			default:
				continue
			}
			if err != nil {
				return err
			}
			at = Child(d, base, n)
		}
		a := SetAttr{Mode: &m.Mode, UID: &m.UID, GID: &m.GID, Mtime: &m.Mtime}
		if at.node.Stat().Mode.IsLink() {
			a.Mode = nil
		}
		if err := at.node.SetAttr(c, a); err != nil {
			return err
		}
		for k, v := range m.Xattrs {
			_ = at.node.Setxattr(c, k, v) // as dockerd: one that is not supported is left out
		}
		if m.Flags != 0 {
			defer at.node.SetAttr(c, SetAttr{Flags: &m.Flags})
		}
		if h.Typeflag == tar.TypeDir {
			dirs = append(dirs, stamp{at, m.Mtime})
		}
	}
	for _, d := range dirs {
		_ = d.p.node.SetAttr(c, SetAttr{Mtime: &d.m}) // replaced since, perhaps
	}
	return nil
}

func mkdirAll(ns *Namespace, c *Context, p string) (*Path, error) {
	d, err := ns.Resolve(c, p, true)
	if err == nil {
		return d, nil
	}
	if err != ENOENT {
		return nil, err
	}
	cur := c.Root
	for _, name := range strings.Split(strings.Trim(p, "/"), "/") {
		next, err := ns.ResolveAt(c, cur, name, true)
		if err == ENOENT {
			n, e := cur.node.Create(c, name, NewAttr{Mode: S_IFDIR | 0o755})
			if e != nil {
				return nil, e
			}
			next, err = Child(cur, name, n), nil
		}
		if err != nil {
			return nil, err
		}
		cur = next
	}
	return cur, nil
}

// removeAll takes a name and all below it away.
func removeAll(c *Context, dir Node, name string) error {
	n, err := dir.Lookup(c, name)
	if err != nil {
		return nil //nolint:nilerr // nothing there is what is wanted
	}
	if !n.Stat().Mode.IsDir() {
		return dir.Unlink(c, name, false)
	}
	ents, err := n.ReadDir(c)
	if err != nil {
		return err
	}
	for _, e := range ents {
		if err := removeAll(c, n, e.Name); err != nil {
			return err
		}
	}
	return dir.Unlink(c, name, true)
}

// WriteTar writes what lies at p (as docker cp and export do), under the name
// base. Mounts below are not followed.
func (fs *FS) WriteTar(w io.Writer, dir Node, base string) error {
	return fs.WriteTarNamed(w, dir, base, nil)
}

// WriteTarNamed is WriteTar with the names of owners: names gives those of a uid and
// a gid, empty where there is none. The base "/" gives names that begin with it.
func (fs *FS) WriteTarNamed(w io.Writer, dir Node, base string, names func(uid, gid uint32) (user, group string)) error {
	n, ok := dir.(*inode)
	if !ok {
		return EINVAL
	}
	fs.mu.Lock() // child may materialise
	defer fs.mu.Unlock()
	tw := tar.NewWriter(w)
	links := &tarState{links: map[*inode]string{}, names: names, typeBits: fs.cfg.TypeBits}
	n = n.resolve()
	if base == "" && n.mode.IsDir() {
		for _, name := range n.names() {
			k, err := n.child(name, true)
			if err != nil {
				continue
			}
			if err := fs.writeTree(tw, name, k, links); err != nil {
				return err
			}
		}
		return tw.Close()
	}
	if base == "/" && n.mode.IsDir() {
		base = ""
	}
	if err := fs.writeTree(tw, base, n, links); err != nil {
		return err
	}
	return tw.Close()
}

func (fs *FS) writeTree(tw *tar.Writer, p string, n *inode, links *tarState) error {
	if err := writeNode(tw, p, n, links, false); err != nil || !n.mode.IsDir() {
		return err
	}
	for _, name := range n.names() {
		k, err := n.child(name, true)
		if err != nil {
			continue
		}
		if err := fs.writeTree(tw, p+"/"+name, k, links); err != nil {
			return err
		}
	}
	return nil
}
