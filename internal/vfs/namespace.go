package vfs

import (
	"strings"
	"sync"
	"sync/atomic"
)

// Path is a dentry: a node, and how it was come to. Paths are immutable. After a
// directory was renamed, a Path taken before still shows the old name.
type Path struct {
	parent *Path
	name   string
	mount  *Mount
	node   Node
}

// Node gives the inode.
func (p *Path) Node() Node { return p.node }

// Mount gives the mount it lies in.
func (p *Path) Mount() *Mount { return p.mount }

// Name gives the last component.
func (p *Path) Name() string { return p.name }

// Parent gives what ".." leads to, nil at the top.
func (p *Path) Parent() *Path { return p.parent }

// Same tells whether both are the same file by the same mount.
func (p *Path) Same(q *Path) bool {
	return p == q || q != nil && p.mount == q.mount && p.node.Ino() == q.node.Ino()
}

// String gives the absolute path from the top of the namespace.
func (p *Path) String() string { return p.From(nil) }

// From gives the absolute path as a process with that root sees it; a path
// outside of it shows from the namespace's top, as getcwd(2)'s "(unreachable)"
// would.
func (p *Path) From(root *Path) string {
	var parts []string
	for q := p; q != nil && q.parent != nil; q = q.parent {
		if root != nil && q.Same(root) {
			break
		}
		parts = append(parts, q.name)
	}
	if len(parts) == 0 {
		return "/"
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		b.WriteByte('/')
		b.WriteString(parts[i])
	}
	return b.String()
}

// Mount is struct vfsmount.
type Mount struct {
	ID       int
	FS       Filesystem
	Source   string // what mount(8) shows: "overlay", "/dev/sda1", "proc"
	Options  string // the filesystem's own, "rw" and the flags not among them
	ReadOnly bool
	NoExec   bool
	NoSuid   bool
	NoDev    bool
	Relatime bool
	Sub      string // the root within FS of a bind mount; "" is "/"

	root  Node
	point *Path        // where it is mounted; nil for the namespace's root
	nkids atomic.Int32 // len(kids), readable without the lock
	kids  map[mountKey]*Mount
}

type mountKey struct {
	dev, ino uint64
}

func keyOf(n Node) mountKey {
	switch x := n.(type) {
	case *inode:
		return mountKey{x.fs.dev, x.ino}
	case *SynthNode:
		return mountKey{x.fs.dev, x.Number}
	}
	s := n.Stat()
	return mountKey{s.Dev, s.Ino}
}

// Point gives the path it is mounted at, "/" for the root.
func (m *Mount) Point() string {
	if m.point == nil {
		return "/"
	}
	return m.point.String()
}

// PointPath gives where it is mounted, nil for the root.
func (m *Mount) PointPath() *Path { return m.point }

// Flags gives the mount's own options as /proc/mounts has them.
func (m *Mount) Flags() string {
	s := "rw"
	if m.ReadOnly {
		s = "ro"
	}
	if m.NoSuid {
		s += ",nosuid"
	}
	if m.NoDev {
		s += ",nodev"
	}
	if m.NoExec {
		s += ",noexec"
	}
	if m.Relatime {
		s += ",relatime"
	}
	return s
}

// Namespace is a mount namespace.
type Namespace struct {
	mu     sync.RWMutex
	root   *Path
	mounts []*Mount
	nextID int
}

// NewNamespace mounts fs as the root.
func NewNamespace(fs Filesystem, source, options string, readonly bool) *Namespace {
	ns := &Namespace{nextID: 22}
	m := &Mount{FS: fs, Source: source, Options: options, ReadOnly: readonly, Relatime: true, root: fs.Root()}
	m.ID = ns.id()
	ns.mounts = []*Mount{m}
	ns.root = &Path{mount: m, node: m.root}
	return ns
}

func (ns *Namespace) id() int { ns.nextID++; return ns.nextID }

// Root gives the namespace's root.
func (ns *Namespace) Root() *Path { return ns.root }

// Mounts lists the mounts in their order.
func (ns *Namespace) Mounts() []*Mount {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	return append([]*Mount(nil), ns.mounts...)
}

// Attach mounts m (FS and the visible fields set) on at.
func (ns *Namespace) Attach(m *Mount, at *Path) error {
	return ns.attach(m, at, m.FS.Root())
}

func (ns *Namespace) attach(m *Mount, at *Path, root Node) error {
	if root.Stat().Mode.IsDir() != at.node.Stat().Mode.IsDir() {
		return ENOTDIR
	}
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if len(ns.mounts) >= 10000 {
		return ENOSPC
	}
	m.ID = ns.id()
	m.root, m.point = root, at
	if at.mount.kids == nil {
		at.mount.kids = map[mountKey]*Mount{}
	}
	k := keyOf(at.node)
	at.mount.kids[k] = m
	at.mount.nkids.Store(int32(len(at.mount.kids)))
	ns.mounts = append(ns.mounts, m)
	return nil
}

// Bind mounts what src shows (a path of this or of another namespace) on at; rec
// takes the mounts below src with it, from the namespace from.
func (ns *Namespace) Bind(src, at *Path, from *Namespace, rec, readonly bool) error {
	o := src.mount
	m := &Mount{FS: o.FS, Source: o.Source, Options: o.Options, ReadOnly: readonly || o.ReadOnly, NoExec: o.NoExec, NoSuid: o.NoSuid,
		NoDev: o.NoDev, Relatime: o.Relatime, Sub: within(src)}
	if err := ns.attach(m, at, src.node); err != nil {
		return err
	}
	if !rec || !src.node.Stat().Mode.IsDir() {
		return nil
	}
	top := &Path{parent: at.parent, name: at.name, mount: m, node: src.node}
	prefix := src.String()
	if prefix == "/" {
		prefix = ""
	}
	for _, k := range from.Mounts() {
		if k == o || k == m || k.point == nil {
			continue
		}
		rest, ok := strings.CutPrefix(k.Point(), prefix+"/")
		if !ok {
			continue
		}
		p, err := ns.walk(&Context{Cred: Root(), Root: top, Cwd: top}, rest, true, 0)
		if err != nil {
			continue // hidden by another mount
		}
		c := &Mount{FS: k.FS, Source: k.Source, Options: k.Options, ReadOnly: k.ReadOnly, NoExec: k.NoExec, NoSuid: k.NoSuid,
			NoDev: k.NoDev, Relatime: k.Relatime, Sub: k.Sub}
		if err := ns.attach(c, p, k.root); err != nil {
			return err
		}
	}
	return nil
}

// within gives a path's place inside its filesystem.
func within(p *Path) string {
	var parts []string
	q := p
	for q != nil && q.parent != nil && q.node != q.mount.root {
		parts = append([]string{q.name}, parts...)
		q = q.parent
	}
	s := strings.Join(parts, "/")
	sub := strings.TrimSuffix(p.mount.Sub, "/")
	if s == "" {
		return sub
	}
	return sub + "/" + s
}

// Within gives the path's place inside its filesystem, which is where a bind
// mount's file lies on the tree it was bound from.
func (p *Path) Within() string {
	if s := within(p); s != "" {
		return s
	}
	return "/"
}

// Unmount takes away the mount whose root p is. Without lazy, mounts below it
// make it EBUSY.
func (ns *Namespace) Unmount(p *Path, lazy bool) error {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	m := p.mount
	if m.point == nil || p.node.Ino() != m.root.Ino() {
		return EINVAL
	}
	if len(m.kids) > 0 && !lazy {
		return EBUSY
	}
	ns.detach(m)
	return nil
}

func (ns *Namespace) detach(m *Mount) {
	for _, k := range m.kids {
		ns.detach(k)
	}
	delete(m.point.mount.kids, keyOf(m.point.node))
	m.point.mount.nkids.Store(int32(len(m.point.mount.kids)))
	for i, x := range ns.mounts {
		if x == m {
			ns.mounts = append(ns.mounts[:i], ns.mounts[i+1:]...)
			break
		}
	}
}

// Clone copies the namespace, as unshare(CLONE_NEWNS) does. The second result
// moves a path of the old one into the new one.
func (ns *Namespace) Clone() (*Namespace, func(*Path) *Path) {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	n := &Namespace{nextID: ns.nextID}
	made := map[*Mount]*Mount{}
	for _, m := range ns.mounts {
		c := &Mount{ID: n.id(), FS: m.FS, Source: m.Source, Options: m.Options, ReadOnly: m.ReadOnly, NoExec: m.NoExec, NoSuid: m.NoSuid,
			NoDev: m.NoDev, Relatime: m.Relatime, Sub: m.Sub, root: m.root, point: m.point}
		made[m] = c
		n.mounts = append(n.mounts, c)
	}
	var move func(p *Path) *Path
	move = func(p *Path) *Path {
		if p == nil {
			return nil
		}
		m := made[p.mount]
		if m == nil {
			m = p.mount
		}
		return &Path{parent: move(p.parent), name: p.name, mount: m, node: p.node}
	}
	for _, m := range n.mounts {
		if m.point == nil {
			continue
		}
		m.point = move(m.point)
		if m.point.mount.kids == nil {
			m.point.mount.kids = map[mountKey]*Mount{}
		}
		m.point.mount.kids[keyOf(m.point.node)] = m
		m.point.mount.nkids.Store(int32(len(m.point.mount.kids)))
	}
	n.root = move(ns.root)
	return n, move
}

// cross goes from a mount point to what is mounted there.
func (ns *Namespace) cross(p *Path) *Path {
	if p.mount.nkids.Load() == 0 {
		return p
	}
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	for i := 0; i < 64 && len(p.mount.kids) > 0; i++ {
		m := p.mount.kids[keyOf(p.node)]
		if m == nil {
			break
		}
		p = &Path{parent: p.parent, name: p.name, mount: m, node: m.root}
	}
	return p
}

// Child makes the path of a name in dir; node is what stands there.
func Child(dir *Path, name string, node Node) *Path {
	return &Path{parent: dir, name: name, mount: dir.mount, node: node}
}

// maxLinks is the kernel's MAXSYMLINKS.
const maxLinks = 40

// Resolve walks a path. With follow a link at its end is followed.
func (ns *Namespace) Resolve(c *Context, path string, follow bool) (*Path, error) {
	return ns.ResolveAt(c, c.Cwd, path, follow)
}

// ResolveAt is Resolve relative to dir.
func (ns *Namespace) ResolveAt(c *Context, dir *Path, path string, follow bool) (*Path, error) {
	if path == "" {
		return nil, ENOENT
	}
	cc := *c
	cc.Cwd = dir
	return ns.walk(&cc, path, follow, 0)
}

func (ns *Namespace) walk(c *Context, path string, follow bool, links int) (*Path, error) {
	if len(path) >= maxPathLen {
		return nil, ENAMETOOLONG
	}
	cur := c.Cwd
	if path != "" && path[0] == '/' {
		cur = c.Root
	}
	return ns.walkFrom(c, cur, path, follow, &links)
}

func (ns *Namespace) walkFrom(c *Context, cur *Path, path string, follow bool, links *int) (*Path, error) {
	for {
		path = strings.TrimLeft(path, "/")
		if path == "" {
			return cur, nil
		}
		name, rest, slash := strings.Cut(path, "/")
		last := strings.TrimLeft(rest, "/") == ""
		st := cur.node.Stat()
		if !st.Mode.IsDir() {
			return nil, ENOTDIR
		}
		if !c.Cred.Permitted(&st, MayExec) {
			return nil, EACCES
		}
		path = rest
		switch name {
		case ".":
			continue
		case "..":
			if !cur.Same(c.Root) && cur.parent != nil {
				cur = ns.cross(cur.parent)
			}
			continue
		}
		if len(name) > maxNameLen {
			return nil, ENAMETOOLONG
		}
		node, err := cur.node.Lookup(c, name)
		if err != nil {
			return nil, err
		}
		next := ns.cross(&Path{parent: cur, name: name, mount: cur.mount, node: node})
		var isLink bool
		switch x := next.node.(type) {
		case *inode:
			isLink = x.typ.IsLink()
		default:
			isLink = x.Stat().Mode.IsLink()
		}
		if isLink && (!last || follow || slash) {
			*links++
			if *links > maxLinks {
				return nil, ELOOP
			}
			if s, ok := next.node.(*SynthNode); ok && s.Jump != nil {
				next, err = s.Jump(c)
				if err != nil {
					return nil, err
				}
			} else {
				target, err := next.node.Readlink(c)
				if err != nil {
					return nil, err
				}
				if target == "" {
					return nil, ENOENT
				}
				from := cur
				if target[0] == '/' {
					from = c.Root
				}
				next, err = ns.walkFrom(c, from, target, true, links)
				if err != nil {
					return nil, err
				}
			}
		}
		if slash && last && !next.node.Stat().Mode.IsDir() {
			return nil, ENOTDIR
		}
		cur = next
	}
}

// Parent walks to the directory of a path's last component. A path that ends in
// a slash gives slash; "." and ".." and "/" as the last name give EEXIST,
// ENOTEMPTY or EBUSY at their users.
func (ns *Namespace) Parent(c *Context, path string) (dir *Path, name string, slash bool, err error) {
	if path == "" {
		return nil, "", false, ENOENT
	}
	if len(path) >= maxPathLen {
		return nil, "", false, ENAMETOOLONG
	}
	trimmed := strings.TrimRight(path, "/")
	slash = trimmed != path
	if trimmed == "" {
		return c.Root, "/", true, nil
	}
	i := strings.LastIndexByte(trimmed, '/')
	name = trimmed[i+1:]
	d := trimmed[:i+1]
	if d == "" {
		dir = c.Cwd
	} else if dir, err = ns.walk(c, d, true, 0); err != nil {
		return nil, "", false, err
	}
	st := dir.node.Stat()
	if !st.Mode.IsDir() {
		return nil, "", false, ENOTDIR
	}
	if !c.Cred.Permitted(&st, MayExec) {
		return nil, "", false, EACCES
	}
	if len(name) > maxNameLen {
		return nil, "", false, ENAMETOOLONG
	}
	return dir, name, slash, nil
}

// writable checks that entries of dir may change.
func writable(c *Context, dir *Path) error {
	st := dir.node.Stat()
	if !c.Cred.Permitted(&st, MayWrite|MayExec) {
		return EACCES
	}
	if dir.mount.ReadOnly {
		return EROFS
	}
	return nil
}

// Create makes a node; attr's mode has its type and is cut by the umask here.
// It fails with EEXIST where the name is taken.
func (ns *Namespace) Create(c *Context, path string, a NewAttr) (*Path, error) {
	dir, name, slash, err := ns.Parent(c, path)
	if err != nil {
		return nil, err
	}
	if name == "/" || name == "." || name == ".." {
		return nil, EEXIST
	}
	if slash && !a.Mode.IsDir() {
		return nil, ENOENT
	}
	if _, err := dir.node.Lookup(c, name); err == nil {
		return nil, EEXIST
	}
	if s, ok := dir.node.(*SynthNode); ok && s.fs.FSType == "proc" {
		return nil, ENOENT // its lookup says so before anybody asks for the mount
	}
	if err := writable(c, dir); err != nil {
		return nil, err
	}
	if t := a.Mode & S_IFMT; (t == S_IFCHR || t == S_IFBLK) && !c.Cred.Has(CapMknod) {
		return nil, EPERM
	}
	if a.Mode.IsLink() {
		a.Mode = S_IFLNK | 0o777
		if a.Target == "" {
			return nil, ENOENT
		}
		if len(a.Target) >= maxPathLen {
			return nil, ENAMETOOLONG
		}
	} else {
		a.Mode &^= c.Umask & 0o777
	}
	a.UID, a.GID = c.Cred.EUID, c.Cred.EGID
	n, err := dir.node.Create(c, name, a)
	if err != nil {
		return nil, err
	}
	return Child(dir, name, n), nil
}

// Mkdir makes a directory.
func (ns *Namespace) Mkdir(c *Context, path string, mode Mode) error {
	_, err := ns.Create(c, path, NewAttr{Mode: S_IFDIR | mode&0o7777})
	return err
}

// Symlink makes a symbolic link.
func (ns *Namespace) Symlink(c *Context, target, path string) error {
	_, err := ns.Create(c, path, NewAttr{Mode: S_IFLNK, Target: target})
	return err
}

// Link makes a hard link to what old shows, a link itself not being followed.
func (ns *Namespace) Link(c *Context, old, path string) error {
	src, err := ns.Resolve(c, old, false)
	if err != nil {
		return err
	}
	dir, name, slash, err := ns.Parent(c, path)
	if err != nil {
		return err
	}
	if name == "/" || name == "." || name == ".." {
		return EEXIST
	}
	if slash {
		return ENOENT
	}
	if _, err := dir.node.Lookup(c, name); err == nil {
		return EEXIST
	}
	if src.mount != dir.mount {
		return EXDEV
	}
	if src.node.Stat().Mode.IsDir() {
		return EPERM
	}
	if err := writable(c, dir); err != nil {
		return err
	}
	return dir.node.Link(c, name, src.node)
}

// mayDelete is the kernel's may_delete: write permission, the sticky bit, and no
// mount on the victim.
func (ns *Namespace) mayDelete(c *Context, dir *Path, victim Node) error {
	st := dir.node.Stat()
	if !c.Cred.Permitted(&st, MayWrite|MayExec) {
		return EACCES
	}
	if st.Mode&S_ISVTX != 0 && !c.Cred.Has(CapFowner) {
		if v := victim.Stat(); v.UID != c.Cred.EUID && st.UID != c.Cred.EUID {
			return EPERM
		}
	}
	if dir.mount.ReadOnly {
		return EROFS
	}
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	if dir.mount.kids[keyOf(victim)] != nil {
		return EBUSY
	}
	return nil
}

// Unlink removes a name; Rmdir an empty directory.
func (ns *Namespace) Unlink(c *Context, path string) error {
	dir, name, slash, err := ns.Parent(c, path)
	if err != nil {
		return err
	}
	if name == "/" || name == "." || name == ".." {
		return EISDIR
	}
	v, err := dir.node.Lookup(c, name)
	if err != nil {
		return err
	}
	if slash && !v.Stat().Mode.IsDir() {
		return ENOTDIR
	}
	if err := ns.mayDelete(c, dir, v); err != nil {
		return err
	}
	return dir.node.Unlink(c, name, false)
}

// Rmdir removes an empty directory.
func (ns *Namespace) Rmdir(c *Context, path string) error {
	dir, name, _, err := ns.Parent(c, path)
	if err != nil {
		return err
	}
	switch name {
	case "/":
		return EBUSY
	case ".":
		return EINVAL
	case "..":
		return ENOTEMPTY
	}
	v, err := dir.node.Lookup(c, name)
	if err != nil {
		return err
	}
	if err := ns.mayDelete(c, dir, v); err != nil {
		return err
	}
	return dir.node.Unlink(c, name, true)
}

// Rename moves a name.
func (ns *Namespace) Rename(c *Context, from, to string) error {
	d1, n1, s1, err := ns.Parent(c, from)
	if err != nil {
		return err
	}
	d2, n2, s2, err := ns.Parent(c, to)
	if err != nil {
		return err
	}
	if d1.mount != d2.mount {
		return EXDEV
	}
	for _, n := range []string{n1, n2} {
		if n == "/" || n == "." || n == ".." {
			return EBUSY
		}
	}
	v, err := d1.node.Lookup(c, n1)
	if err != nil {
		return err
	}
	if (s1 || s2) && !v.Stat().Mode.IsDir() {
		return ENOTDIR
	}
	if err := ns.mayDelete(c, d1, v); err != nil {
		return err
	}
	if err := writable(c, d2); err != nil {
		return err
	}
	if o, err := d2.node.Lookup(c, n2); err == nil {
		if err := ns.mayDelete(c, d2, o); err != nil {
			return err
		}
	}
	return d1.node.Rename(c, n1, d2.node, n2)
}

// SetAttr changes attributes as chmod(2), chown(2), utimensat(2), truncate(2)
// and FS_IOC_SETFLAGS do, with their permission checks.
func (ns *Namespace) SetAttr(c *Context, p *Path, a SetAttr) error {
	st := p.node.Stat()
	cr := c.Cred
	if p.mount.ReadOnly {
		return EROFS
	}
	owner := cr.EUID == st.UID || cr.Has(CapFowner)
	if a.Mode != nil {
		if !owner {
			return EPERM
		}
		if st.Mode.IsLink() {
			return EOPNOTSUPP
		}
		if *a.Mode&S_ISGID != 0 && !cr.InGroup(st.GID) && !cr.Has(CapFsetid) {
			m := *a.Mode &^ S_ISGID
			a.Mode = &m
		}
	}
	if a.UID != nil && *a.UID != st.UID && !cr.Has(CapChown) {
		return EPERM
	}
	if a.GID != nil && *a.GID != st.GID && !cr.Has(CapChown) && !(cr.EUID == st.UID && cr.InGroup(*a.GID)) {
		return EPERM
	}
	if (a.UID != nil || a.GID != nil) && a.Mode == nil && st.Mode.IsRegular() && st.Mode&(S_ISUID|S_ISGID) != 0 {
		m := st.Mode.Perm() &^ S_ISUID
		if m&0o010 != 0 {
			m &^= S_ISGID
		}
		a.Mode = &m
	}
	if a.Flags != nil {
		if !owner {
			return EPERM
		}
		if (*a.Flags^st.Flags)&(FlagImmutable|FlagAppend) != 0 && !cr.Has(CapLinuxImmutable) {
			return EPERM
		}
	}
	if a.Size != nil {
		if st.Mode.IsDir() {
			return EISDIR
		}
		if *a.Size < 0 {
			return EINVAL
		}
		if *a.Size > maxFile {
			return EFBIG
		}
		if !cr.Permitted(&st, MayWrite) {
			return EACCES
		}
	}
	if (a.Atime != nil || a.Mtime != nil) && !owner && !cr.Permitted(&st, MayWrite) {
		return EACCES
	}
	return p.node.SetAttr(c, a)
}
