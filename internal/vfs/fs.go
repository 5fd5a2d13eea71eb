package vfs

import (
	"cmp"
	"io"
	"maps"
	"math"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
)

// Budget is a bound shared by many trees: the memory that all trees of a world may
// hold together; with a Parent, also what all worlds may.
type Budget struct {
	Max    int64 // 0 is no bound of its own
	Parent *Budget

	mu     sync.Mutex // before Parent's
	used   int64
	closed bool
}

// Used gives the bytes that are taken.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Take charges n bytes that lie outside of any tree, such as an image's layer; it
// tells whether there was room. Give gives them back.
func (b *Budget) Take(n int64) bool { return b.take(n) }

// Give gives back what Take took.
func (b *Budget) Give(n int64) { b.take(-n) }

// Close gives everything back to the parent. Nothing can be taken afterwards.
func (b *Budget) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		b.Parent.take(-b.used)
		b.used = 0
	}
}

// take takes n bytes, all or none; a negative n gives back and always succeeds.
func (b *Budget) take(n int64) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return n <= 0
	}
	if n > 0 && b.Max > 0 && b.used+n > b.Max || !b.Parent.take(n) {
		return false
	}
	b.used += n
	return true
}

// Config describes a tree.
type Config struct {
	Type string // what mount(8) shows: "overlay", "ext4", "tmpfs"; default by Layers
	Dev  uint64 // 0 takes a number of its own
	// Shows is the st_dev that the tree's nodes show; 0 is Dev.
	Shows    uint64
	Bytes    int64 // limit of the upper's bytes; 0 is none
	Inodes   int64 // limit of the upper's inodes; 0 is none
	Budget   *Budget
	Now      func() int64 // for the root of an empty tree
	RootMode Mode         // of an empty tree; default 0755
	// Total and Free are what statfs shows for a disk larger than the limits;
	// 0 shows the limits.
	Total, Free int64
	// Taken is what others hold of the same disk; nil is none. With it what lies in
	// the tree itself does not count once more.
	Taken func() int64
	// Files and FilesUsed are the disk's inodes and those that lie under others' trees
	// of it; 0 takes one for 16 KiB.
	Files, FilesUsed int64
	// Reserved is what statfs keeps for root; -1 is a twentieth.
	Reserved int64
	// Born dates what a layer marks by [BornWithTree]; 0 is now.
	Born int64
	// FirstInode is added to the numbers that the tree's nodes show, but for an ext4's
	// root.
	FirstInode uint64
	// TypeBits has archives of the tree tell an entry's type in its mode too, as
	// dockerd did before 23.
	TypeBits bool
}

// BornWithTree as a time in a layer stands for the moment when the tree over it was
// made.
const BornWithTree = math.MinInt64 + 1

var lastDev atomic.Uint64

// FS is a mounted tree: a stack of layers under a writable upper.
type FS struct {
	cfg    Config
	layers []*Layer // top first
	base   []uint64 // inode number of each layer's first inode, less one
	dev    uint64

	mu      sync.RWMutex
	root    *inode
	nextIno uint64
	bytes   int64
	inodes  int64
	copied  map[*layerNode]*inode // lower files that were changed
	acct    *account
	hooked  atomic.Bool // whether hooks holds something
	hooks   map[*inode]Hook
	grafts  map[*inode]bool // directories that show a layer of their own
}

// Hook is what a node of a tree does beside what it holds: how a caller lets files
// follow from state of its own, made when somebody looks. Its functions are called
// without a lock.
type Hook struct {
	// Visit is called before a name in the directory is looked up or it is listed.
	Visit func(c *Context)
	// Through gives the node of another tree that a look-up of this one leads to, as
	// a mount would; nil is the node itself.
	Through func(c *Context) Node
	// Derived nodes, and what is below them, are left out of snapshots.
	Derived bool
}

// SetHook gives a node of the tree a hook, or takes an empty one's away.
func (fs *FS) SetHook(n Node, h Hook) {
	k, ok := n.(*inode)
	if !ok || k.fs != fs {
		return
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.hooks == nil {
		fs.hooks = map[*inode]Hook{}
	}
	fs.hooks[k.resolve()] = h
	fs.hooked.Store(true)
}

// Graft lets a directory of the upper show a layer, as if it were one of the tree's
// below that name. Snapshots hold what was changed in it.
func (fs *FS) Graft(n Node, l *Layer) {
	k, ok := n.(*inode)
	if !ok || k.fs != fs || !k.typ.IsDir() {
		return
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	k.lowers, k.lowSet = []*layerNode{l.root}, []uint64{fs.nextIno}
	fs.nextIno += l.count + 1
	k.mode, k.uid, k.gid, k.nlink, k.mtime, k.ctime = l.root.mode, l.root.uid, l.root.gid, l.root.nlink, l.root.mtime, l.root.mtime
	if fs.grafts == nil {
		fs.grafts = map[*inode]bool{}
	}
	fs.grafts[k] = true
}

func (n *inode) hook() (h Hook) {
	if n.fs.hooked.Load() {
		n.fs.mu.RLock()
		h = n.fs.hooks[n]
		n.fs.mu.RUnlock()
	}
	return h
}

// inode is a node of an FS: a directory that was visited, or a file of the
// upper; or, with low set, a file of a lower, made afresh by each lookup.
type inode struct {
	fs  *FS
	ino uint64
	typ Mode // file type bits; never changes, readable without the lock
	meta
	low *layerNode // the lower file this shows, while it is unchanged

	// of files
	data   *data
	target string
	// of directories
	parent  *inode
	name    string
	entries map[string]*inode // upper and visited; a nil value is a whiteout
	lowers  []*layerNode      // merged lower directories, top first
	lowSet  []uint64          // their layers' inode bases
	upper   bool              // changed against the lowers
	below   bool              // something below is changed
}

type meta struct {
	mode                Mode
	uid, gid, nlink     uint32
	rdev                uint64
	atime, mtime, ctime int64
	flags               uint32
	xattrs              map[string][]byte
}

// New mounts a tree over layers, bottom first as Docker lists them.
func New(cfg Config, layers ...*Layer) *FS {
	if cfg.Type == "" {
		cfg.Type = "tmpfs"
		if len(layers) > 0 {
			cfg.Type = "overlay"
		}
	}
	if cfg.RootMode == 0 {
		cfg.RootMode = 0o755
	}
	fs := &FS{cfg: cfg, dev: cfg.Dev, acct: &account{b: cfg.Budget}}
	if cfg.Budget != nil {
		runtime.AddCleanup(fs, (*account).settle, fs.acct)
	}
	if fs.dev == 0 {
		fs.dev = 40 + lastDev.Add(1)%100000
	}
	next := uint64(2) // the root is 2, and nothing else
	var lows []*layerNode
	for i := len(layers) - 1; i >= 0; i-- {
		l := layers[i]
		if l == nil {
			continue
		}
		fs.layers = append(fs.layers, l)
		fs.base = append(fs.base, next)
		next += l.count
		if len(lows) == 0 || !lows[len(lows)-1].opaque {
			lows = append(lows, l.root)
		}
	}
	fs.nextIno = next + 1
	if fs.cfg.Born == 0 && cfg.Now != nil {
		fs.cfg.Born = cfg.Now()
	}
	r := &inode{fs: fs, ino: 2}
	if len(lows) > 0 {
		r.fromLower(lows[0])
		r.lowers = lows
		r.lowSet = fs.base[:len(lows)]
	} else {
		r.mode, r.nlink = S_IFDIR|cfg.RootMode, 2
		if cfg.Now != nil {
			r.mtime = cfg.Now()
			r.atime, r.ctime = r.mtime, r.mtime
		}
	}
	r.mode = S_IFDIR | r.mode&0o7777
	r.typ = S_IFDIR
	fs.root = r
	return fs
}

func (n *inode) fromLower(l *layerNode) {
	n.meta = meta{mode: l.mode, uid: l.uid, gid: l.gid, nlink: l.nlink, rdev: l.rdev,
		atime: l.mtime, mtime: l.mtime, ctime: l.mtime, flags: l.flags, xattrs: l.xattrs}
	if l.mtime == BornWithTree {
		n.atime, n.mtime, n.ctime = n.fs.cfg.Born, n.fs.cfg.Born, n.fs.cfg.Born
	}
	n.target = l.target
	n.typ = l.mode & S_IFMT
}

func (fs *FS) Root() Node   { return fs.root }
func (fs *FS) Type() string { return fs.cfg.Type }
func (fs *FS) Dev() uint64  { return fs.dev }
func (fs *FS) Layers() []*Layer {
	out := make([]*Layer, len(fs.layers))
	for i, l := range fs.layers {
		out[len(out)-1-i] = l
	}
	return out
}

// Used gives the upper's bytes and inodes.
func (fs *FS) Used() (bytes, inodes int64) {
	fs.mu.RLock()
	defer fs.mu.RUnlock()
	return fs.bytes, fs.inodes
}

// Statfs shows the limits, or the disk that Config promises.
func (fs *FS) Statfs() Statfs {
	b, i := fs.Used()
	total, free := fs.cfg.Total, fs.cfg.Free
	if total == 0 {
		total = fs.cfg.Bytes
		if total == 0 {
			total = 8 << 30
		}
		free = total
	}
	if fs.cfg.Taken != nil {
		b = fs.cfg.Taken()
	}
	free = max(0, free-b)
	files := fs.cfg.Inodes
	if fs.cfg.Total > 0 || files == 0 {
		files = total / 16384
	}
	if fs.cfg.Files > 0 {
		files = fs.cfg.Files
	}
	i += max(1, fs.cfg.FilesUsed) // the root is one
	s := Statfs{Type: fs.cfg.Type, Bsize: 4096, Blocks: uint64(total / 4096), Bfree: uint64(free / 4096), Bavail: uint64(free / 4096),
		Files: uint64(files), Ffree: uint64(max(0, files-i))}
	switch fs.cfg.Type {
	case "overlay":
		s.Magic = 0x794c7630
	case "tmpfs", "devtmpfs":
		s.Magic = 0x01021994
	case "xfs":
		s.Magic = 0x58465342
	case "btrfs":
		s.Magic = 0x9123683e
	default:
		s.Magic = 0xef53
	}
	if fs.cfg.Type == "mqueue" {
		return Statfs{Type: fs.cfg.Type, Bsize: 4096, Magic: 0x19800202}
	}
	reserved := uint64(fs.cfg.Reserved) / 4096
	if fs.cfg.Reserved < 0 || s.Magic == 0xef53 && fs.cfg.Reserved == 0 {
		reserved = s.Blocks / 20
	}
	s.Bavail -= min(s.Bavail, reserved)
	return s
}

// resolve gives the inode that stands for n now: a lower file that was changed
// since is its copy.
func (n *inode) resolve() *inode {
	if n.low != nil && n.fs.copied != nil {
		if c := n.fs.copied[n.low]; c != nil {
			return c
		}
	}
	return n
}

func (n *inode) Ino() uint64 { return n.fs.shown(n.ino) }

// shown is the number that a node shows.
func (fs *FS) shown(ino uint64) uint64 {
	if ino == 2 && fs.cfg.Type != "overlay" && fs.cfg.Shows == 0 {
		return ino
	}
	return fs.cfg.FirstInode + ino
}

// links is the link count of a directory that several layers make: overlayfs gives
// 1, others count the directories in it.
func (n *inode) links() uint32 {
	lowers := len(n.lowers)
	if n.fs.cfg.Type == "overlay" {
		if lowers > 1 || lowers == 1 && n.upper {
			return 1
		}
		return n.nlink
	}
	if lowers < 2 {
		return n.nlink
	}
	out, seen := uint32(2), map[string]bool{}
	for name, k := range n.entries {
		seen[name] = true
		if k != nil && k.typ == S_IFDIR {
			out++
		}
	}
	for _, l := range n.lowers {
		for name, k := range l.kids {
			if !seen[name] && k.mode.IsDir() && !k.white {
				out++
			}
			seen[name] = true
		}
	}
	return out
}

func (n *inode) Stat() Stat {
	n.fs.mu.RLock()
	defer n.fs.mu.RUnlock()
	return n.resolve().stat()
}

func (n *inode) stat() Stat {
	s := Stat{Dev: cmp.Or(n.fs.cfg.Shows, n.fs.dev), Ino: n.fs.shown(n.ino), Mode: n.mode, Nlink: n.nlink, UID: n.uid, GID: n.gid, Rdev: n.rdev,
		Blksize: 4096, Atime: n.atime, Mtime: n.mtime, Ctime: n.ctime, Flags: n.flags}
	switch n.mode & S_IFMT {
	case S_IFDIR:
		s.Size = 4096
		if n.fs.cfg.Type == "tmpfs" || n.fs.cfg.Type == "devtmpfs" {
			s.Size = int64(len(n.entries)+2) * 20
		} else {
			s.Blocks = 8
		}
		if n.name == "lost+found" && n.parent == n.fs.root && n.fs.cfg.Type == "ext4" {
			s.Size, s.Blocks = 16384, 32 // mke2fs gives it room
		}
		s.Nlink = n.links()
		if n.parent == nil && n != n.fs.root {
			s.Nlink = 0
		}
	case S_IFLNK:
		s.Size = int64(len(n.target))
	case S_IFREG:
		if n.data != nil {
			s.Size = n.data.size
		} else if n.low != nil && n.low.content != nil {
			s.Size = n.low.content.Size()
		}
		s.Blocks = (s.Size + 4095) / 4096 * 8
	}
	return s
}

// child finds name in directory n. Called with at least a read lock; lock tells
// whether it is the write lock. A nil inode and nil error mean that the write
// lock is needed.
func (n *inode) child(name string, wr bool) (*inode, error) {
	if k, ok := n.entries[name]; ok {
		if k == nil {
			return nil, ENOENT
		}
		return k, nil
	}
	var top *layerNode
	var topBase uint64
	var dirs []*layerNode
	var bases []uint64
	for i, l := range n.lowers {
		k := l.kids[name]
		if k == nil {
			continue
		}
		if k.white {
			break
		}
		if top == nil {
			top, topBase = k, n.lowSet[i]
			if !k.mode.IsDir() {
				break
			}
		} else if !k.mode.IsDir() {
			break
		}
		dirs = append(dirs, k)
		bases = append(bases, n.lowSet[i])
		if k.opaque {
			break
		}
	}
	if top == nil {
		return nil, ENOENT
	}
	if !top.mode.IsDir() {
		if c := n.fs.copied[top]; c != nil {
			return c, nil
		}
		k := &inode{fs: n.fs, ino: topBase + top.ino, low: top, parent: n, name: name}
		k.fromLower(top)
		return k, nil
	}
	if !wr {
		return nil, nil
	}
	k := &inode{fs: n.fs, ino: topBase + top.ino, parent: n, name: name, lowers: dirs, lowSet: bases}
	k.fromLower(top)
	n.putEntry(name, k)
	return k, nil
}

func (n *inode) putEntry(name string, k *inode) {
	if n.entries == nil {
		n.entries = map[string]*inode{}
	}
	n.entries[name] = k
}

func (n *inode) Lookup(c *Context, name string) (Node, error) {
	if !n.typ.IsDir() {
		return nil, ENOTDIR
	}
	if f := n.hook().Visit; f != nil {
		f(c)
	}
	n.fs.mu.RLock()
	k, err := n.child(name, false)
	n.fs.mu.RUnlock()
	if k == nil && err == nil {
		n.fs.mu.Lock()
		k, err = n.child(name, true)
		n.fs.mu.Unlock()
	}
	if err != nil {
		return nil, err
	}
	if f := k.hook().Through; f != nil {
		if t := f(c); t != nil {
			return t, nil
		}
	}
	return k, nil
}

func (n *inode) dead() bool { return n.parent == nil && n != n.fs.root }

func (n *inode) hasLower(name string) bool {
	for _, l := range n.lowers {
		if k := l.kids[name]; k != nil {
			return !k.white
		}
	}
	return false
}

func (n *inode) names() []string {
	seen := make(map[string]bool, len(n.entries))
	var out []string
	for name, k := range n.entries {
		seen[name] = true
		if k != nil {
			out = append(out, name)
		}
	}
	for _, l := range n.lowers {
		for _, name := range l.names {
			if !seen[name] {
				seen[name] = true
				if !l.kids[name].white {
					out = append(out, name)
				}
			}
		}
	}
	sort.Strings(out)
	return out
}

func (n *inode) ReadDir(c *Context) ([]DirEntry, error) {
	if !n.typ.IsDir() {
		return nil, ENOTDIR
	}
	if f := n.hook().Visit; f != nil {
		f(c)
	}
	n.fs.mu.RLock()
	defer n.fs.mu.RUnlock()
	names := n.names()
	out := make([]DirEntry, 0, len(names))
	for _, name := range names {
		if k := n.entries[name]; k != nil {
			out = append(out, DirEntry{name, n.fs.shown(k.ino), k.mode & S_IFMT})
			continue
		}
		for i, l := range n.lowers {
			if k := l.kids[name]; k != nil {
				out = append(out, DirEntry{name, n.fs.shown(n.lowSet[i] + k.ino), k.mode & S_IFMT})
				break
			}
		}
	}
	return out, nil
}

func (n *inode) Readlink(*Context) (string, error) {
	if !n.typ.IsLink() {
		return "", EINVAL
	}
	return n.target, nil
}

// touch marks a directory as changed, and its ancestors as holding a change.
func (n *inode) touch(now int64) {
	n.upper = true
	n.mtime, n.ctime = now, now
	n.mark()
}

func (n *inode) mark() {
	n.upper = true
	for p := n.parent; p != nil && !p.below; p = p.parent {
		p.below = true
	}
}

// account is what a tree has taken from its Budget. It lies apart from the tree so
// that it can be settled once the tree is garbage.
type account struct {
	mu   sync.Mutex // before the Budget's
	b    *Budget
	held int64
	gone bool
}

func (a *account) take(n int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		return n <= 0
	}
	if !a.b.take(n) {
		return false
	}
	a.held += n
	return true
}

func (a *account) settle() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.gone {
		a.gone = true
		a.b.take(-a.held)
	}
}

// Release gives back to the Budget what the tree holds, when nobody will look at
// it any more. Who still has a file open can read it; nothing can be added. A tree
// that nobody releases is settled when it is collected.
func (fs *FS) Release() { fs.acct.settle() }

func (fs *FS) takeInode() error {
	if fs.cfg.Inodes > 0 && fs.inodes >= fs.cfg.Inodes {
		return ENOSPC
	}
	if !fs.acct.take(512) {
		return ENOSPC
	}
	fs.inodes++
	return nil
}

func (fs *FS) takeBytes(n int64) error {
	if n > 0 && fs.cfg.Bytes > 0 && fs.bytes+n > fs.cfg.Bytes {
		return ENOSPC
	}
	if !fs.acct.take(n) {
		return ENOSPC
	}
	fs.bytes += n
	return nil
}

func (n *inode) changeable() error {
	if n.dead() {
		return ENOENT
	}
	if n.flags&FlagImmutable != 0 {
		return EPERM
	}
	return nil
}

func (n *inode) Create(c *Context, name string, a NewAttr) (Node, error) {
	if !n.typ.IsDir() {
		return nil, ENOTDIR
	}
	if len(name) > maxNameLen {
		return nil, ENAMETOOLONG
	}
	fs := n.fs
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if err := n.changeable(); err != nil {
		return nil, err
	}
	if _, err := n.child(name, true); err == nil {
		return nil, EEXIST
	}
	if err := fs.takeInode(); err != nil {
		return nil, err
	}
	now := c.now()
	k := &inode{fs: fs, ino: fs.nextIno, typ: a.Mode & S_IFMT, upper: true}
	fs.nextIno++
	k.meta = meta{mode: a.Mode, uid: a.UID, gid: a.GID, nlink: 1, rdev: a.Rdev, atime: now, mtime: now, ctime: now}
	if n.mode&S_ISGID != 0 {
		k.gid = n.gid
		if a.Mode.IsDir() {
			k.mode |= S_ISGID
		}
	}
	switch a.Mode & S_IFMT {
	case S_IFDIR:
		k.nlink = 2
		k.parent, k.name = n, name
		n.nlink++
	case S_IFLNK:
		k.target = a.Target
	case S_IFREG:
		k.data = &data{}
	}
	n.putEntry(name, k)
	n.touch(now)
	return k, nil
}

func (n *inode) Link(c *Context, name string, target Node) error {
	t, ok := target.(*inode)
	if !ok || t.fs != n.fs {
		return EXDEV
	}
	if len(name) > maxNameLen {
		return ENAMETOOLONG
	}
	fs := n.fs
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if err := n.changeable(); err != nil {
		return err
	}
	if _, err := n.child(name, true); err == nil {
		return EEXIST
	}
	t, err := t.copyUp()
	if err != nil {
		return err
	}
	if t.typ.IsDir() || t.flags&(FlagImmutable|FlagAppend) != 0 {
		return EPERM
	}
	if t.nlink == 0 {
		return ENOENT
	}
	t.nlink++
	t.ctime = c.now()
	n.putEntry(name, t)
	n.touch(c.now())
	return nil
}

// copyUp makes a lower file an upper one that still shows the lower's bytes.
func (n *inode) copyUp() (*inode, error) {
	n = n.resolve()
	if n.typ.IsDir() || n.low == nil {
		return n, nil
	}
	if err := n.fs.takeInode(); err != nil {
		return nil, err
	}
	var size int64
	if n.low.content != nil {
		size = n.low.content.Size()
	}
	if err := n.fs.takeBytes(size); err != nil {
		return nil, err
	}
	k := &inode{fs: n.fs, ino: n.ino, typ: n.typ, meta: n.meta, target: n.target, upper: true}
	if k.typ.IsRegular() {
		k.data = &data{size: size, base: n.low.content, baseLen: size}
	}
	k.xattrs = maps.Clone(k.xattrs)
	if n.fs.copied == nil {
		n.fs.copied = map[*layerNode]*inode{}
	}
	n.fs.copied[n.low] = k
	if d := n.parent; d != nil {
		if _, own := d.entries[n.name]; !own {
			d.putEntry(n.name, k)
		}
		d.below = true
		for p := d.parent; p != nil && !p.below; p = p.parent {
			p.below = true
		}
	}
	return k, nil
}

func (n *inode) Unlink(c *Context, name string, dir bool) error {
	if !n.typ.IsDir() {
		return ENOTDIR
	}
	fs := n.fs
	fs.mu.Lock()
	defer fs.mu.Unlock()
	k, err := n.child(name, true)
	if err != nil {
		return err
	}
	if n.flags&(FlagImmutable|FlagAppend) != 0 || k.flags&(FlagImmutable|FlagAppend) != 0 {
		return EPERM
	}
	if dir {
		if !k.typ.IsDir() {
			return ENOTDIR
		}
		if len(k.names()) > 0 {
			return ENOTEMPTY
		}
	} else if k.typ.IsDir() {
		return EISDIR
	}
	n.drop(name, k, c.now())
	return nil
}

func (n *inode) drop(name string, k *inode, now int64) {
	if n.hasLower(name) {
		n.putEntry(name, nil)
	} else {
		delete(n.entries, name)
	}
	n.touch(now)
	delete(n.fs.hooks, k)
	if k.typ.IsDir() {
		n.nlink--
		k.nlink = 0
		k.parent = nil
		if k.upper && len(k.lowers) == 0 {
			n.fs.freeInode()
		}
		return
	}
	if k.nlink > 0 {
		k.nlink--
	}
	k.ctime = now
	if k.nlink == 0 && k.low == nil {
		n.fs.freeInode()
		if k.data != nil {
			_ = n.fs.takeBytes(-k.data.size) // giving back never fails
		}
	}
}

func (fs *FS) freeInode() {
	fs.inodes--
	fs.acct.take(-512)
}

func (n *inode) Rename(c *Context, name string, to Node, newname string) error {
	d, ok := to.(*inode)
	if !ok || d.fs != n.fs {
		return EXDEV
	}
	if len(newname) > maxNameLen {
		return ENAMETOOLONG
	}
	fs := n.fs
	fs.mu.Lock()
	defer fs.mu.Unlock()
	k, err := n.child(name, true)
	if err != nil {
		return err
	}
	if !d.typ.IsDir() {
		return ENOTDIR
	}
	if d.dead() {
		return ENOENT
	}
	if (n.flags|d.flags)&FlagImmutable != 0 || n.flags&FlagAppend != 0 || k.flags&(FlagImmutable|FlagAppend) != 0 {
		return EPERM
	}
	if k.typ.IsDir() {
		for p := d; p != nil; p = p.parent {
			if p == k {
				return EINVAL
			}
		}
	}
	old, err := d.child(newname, true)
	if err == nil {
		if old == k || old.ino == k.ino && old.fs == k.fs {
			return nil
		}
		if old.flags&(FlagImmutable|FlagAppend) != 0 {
			return EPERM
		}
		switch {
		case k.typ.IsDir() && !old.typ.IsDir():
			return ENOTDIR
		case !k.typ.IsDir() && old.typ.IsDir():
			return EISDIR
		case old.typ.IsDir() && len(old.names()) > 0:
			return ENOTEMPTY
		}
	}
	if k, err = k.copyUp(); err != nil {
		return err
	}
	if old != nil {
		d.drop(newname, old, c.now())
	}
	now := c.now()
	if n.hasLower(name) {
		n.putEntry(name, nil)
	} else {
		delete(n.entries, name)
	}
	d.putEntry(newname, k)
	k.ctime = now
	k.upper = true
	if k.typ.IsDir() {
		n.nlink--
		d.nlink++
		k.parent, k.name = d, newname
		k.mark()
	}
	n.touch(now)
	d.touch(now)
	return nil
}

func (n *inode) SetAttr(c *Context, a SetAttr) error {
	fs := n.fs
	fs.mu.Lock()
	defer fs.mu.Unlock()
	k := n.resolve()
	onlyFlags := a.Flags != nil && a.Mode == nil && a.UID == nil && a.GID == nil && a.Size == nil && a.Atime == nil && a.Mtime == nil
	if !onlyFlags && k.flags&FlagImmutable != 0 {
		return EPERM
	}
	if k.flags&FlagAppend != 0 && (a.Size != nil || a.Mode != nil || a.UID != nil) {
		return EPERM
	}
	k, err := k.copyUp()
	if err != nil {
		return err
	}
	k.upper = true
	if a.Size != nil {
		if !k.typ.IsRegular() {
			return EINVAL
		}
		if err := fs.takeBytes(*a.Size - k.data.size); err != nil {
			return err
		}
		k.data.truncate(*a.Size)
		k.mtime = c.now()
	}
	if a.Mode != nil {
		k.mode = k.mode&S_IFMT | *a.Mode&0o7777
	}
	if a.UID != nil {
		k.uid = *a.UID
	}
	if a.GID != nil {
		k.gid = *a.GID
	}
	if a.Atime != nil {
		k.atime = *a.Atime
	}
	if a.Mtime != nil {
		k.mtime = *a.Mtime
	}
	if a.Flags != nil {
		k.flags = *a.Flags
	}
	k.ctime = c.now()
	if k.typ.IsDir() {
		k.mark()
	}
	return nil
}

func (n *inode) ReadAt(_ *Context, p []byte, off int64) (int, error) {
	fs := n.fs
	fs.mu.RLock()
	defer fs.mu.RUnlock()
	k := n.resolve()
	switch {
	case k.typ.IsDir():
		return 0, EISDIR
	case k.data != nil:
		return k.data.readAt(p, off)
	case k.low != nil && k.low.content != nil:
		size := k.low.content.Size()
		if off >= size {
			return 0, io.EOF
		}
		m, err := k.low.content.ReadAt(p[:min(int64(len(p)), size-off)], off)
		if err != nil && err != io.EOF {
			return m, EIO
		}
		if m < len(p) {
			return m, io.EOF
		}
		return m, nil
	case k.typ.IsRegular():
		return 0, io.EOF
	}
	return 0, EINVAL
}

// maxFile is the largest file of any tree.
const maxFile = 1 << 40

func (n *inode) WriteAt(c *Context, p []byte, off int64, atEnd bool) (int, int64, error) {
	fs := n.fs
	fs.mu.Lock()
	defer fs.mu.Unlock()
	k, err := n.copyUp()
	if err != nil {
		return 0, off, err
	}
	if k.data == nil {
		return 0, off, EINVAL
	}
	if atEnd {
		off = k.data.size
	}
	if off < 0 {
		return 0, off, EINVAL
	}
	if off+int64(len(p)) > maxFile {
		return 0, off, EFBIG
	}
	var short error
	if grow := off + int64(len(p)) - k.data.size; grow > 0 {
		if err := fs.takeBytes(grow); err != nil {
			room := int64(0)
			if fs.cfg.Bytes > 0 {
				room = fs.cfg.Bytes - fs.bytes
			}
			fit := k.data.size + room - off
			if room <= 0 || fit <= 0 || fs.takeBytes(room) != nil {
				return 0, off, err
			}
			p = p[:min(fit, int64(len(p)))]
			short = err
		}
	}
	_ = short // a short write tells of itself; the next one fails
	k.data.writeAt(p, off)
	k.mtime = c.now()
	k.ctime = k.mtime
	return len(p), off + int64(len(p)), nil
}

func (n *inode) Getxattr(name string) ([]byte, error) {
	n.fs.mu.RLock()
	defer n.fs.mu.RUnlock()
	v, ok := n.resolve().xattrs[name]
	if !ok {
		return nil, ENODATA
	}
	return append([]byte(nil), v...), nil
}

func (n *inode) Setxattr(c *Context, name string, v []byte) error {
	if len(name) > 255 {
		return ERANGE
	}
	if len(v) > 65536 {
		return E2BIG
	}
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	k, err := n.copyUp()
	if err != nil {
		return err
	}
	if k.flags&FlagImmutable != 0 {
		return EPERM
	}
	if len(k.xattrs) >= 64 {
		return ENOSPC
	}
	if err := n.fs.takeBytes(int64(len(v))); err != nil {
		return err
	}
	x := maps.Clone(k.xattrs)
	if x == nil {
		x = map[string][]byte{}
	}
	x[name] = append([]byte(nil), v...)
	k.xattrs = x
	k.ctime = c.now()
	k.upper = true
	if k.typ.IsDir() {
		k.mark()
	}
	return nil
}

func (n *inode) Listxattr() []string {
	n.fs.mu.RLock()
	defer n.fs.mu.RUnlock()
	var out []string
	for k := range n.resolve().xattrs {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

func (n *inode) Removexattr(c *Context, name string) error {
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	k, err := n.copyUp()
	if err != nil {
		return err
	}
	if _, ok := k.xattrs[name]; !ok {
		return ENODATA
	}
	x := maps.Clone(k.xattrs)
	delete(x, name)
	k.xattrs = x
	k.ctime = c.now()
	return nil
}
