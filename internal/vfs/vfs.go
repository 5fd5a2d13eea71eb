// Package vfs is an in-memory Linux file tree: inodes, shared read-only layers
// with a copy-on-write upper as overlayfs has them, mounts, path walk and
// permission checks. It never touches a file of the machine it runs on.
//
// The parts, each named by its original:
//
//   - [Node] is struct inode with its operations, [Filesystem] a super_block.
//   - [Layer] is one lower directory of overlayfs: immutable, shared by any
//     number of trees, built once by a [LayerBuilder].
//   - [FS] is overlayfs over a stack of layers, and tmpfs when it has none.
//   - [Synth] is what procfs and sysfs are made of: nodes whose content is made
//     when they are read.
//   - [Namespace] is struct mnt_namespace; [Path] is a dentry with its mount;
//     [Context] is the part of a task that a path walk looks at.
//
// Promise: every failure is an [Errno] that Linux would give; a tree holds no
// more bytes and inodes than its limits allow; an immutable layer costs a tree
// nothing until it is changed.
//
// Locks: one RWMutex a tree (FS.mu), one a Namespace (Namespace.mu), the latter
// taken first. Nothing blocks on anything else. No callback of a caller is
// called under a lock, except Content.ReadAt, which must not call back.
package vfs

// Mode is Linux's st_mode.
type Mode uint32

// File types and permission bits of st_mode.
const (
	S_IFMT   Mode = 0o170000
	S_IFSOCK Mode = 0o140000
	S_IFLNK  Mode = 0o120000
	S_IFREG  Mode = 0o100000
	S_IFBLK  Mode = 0o060000
	S_IFDIR  Mode = 0o040000
	S_IFCHR  Mode = 0o020000
	S_IFIFO  Mode = 0o010000
	S_ISUID  Mode = 0o4000
	S_ISGID  Mode = 0o2000
	S_ISVTX  Mode = 0o1000
)

// Type gives the file type bits.
func (m Mode) Type() Mode { return m & S_IFMT }

// Perm gives the permission bits with setuid, setgid and sticky.
func (m Mode) Perm() Mode { return m & 0o7777 }

// IsDir, IsRegular, IsLink tell the type.
func (m Mode) IsDir() bool     { return m&S_IFMT == S_IFDIR }
func (m Mode) IsRegular() bool { return m&S_IFMT == S_IFREG }
func (m Mode) IsLink() bool    { return m&S_IFMT == S_IFLNK }

// String gives ls's ten letters.
func (m Mode) String() string {
	b := []byte("?---------")
	switch m & S_IFMT {
	case S_IFREG:
		b[0] = '-'
	case S_IFDIR:
		b[0] = 'd'
	case S_IFLNK:
		b[0] = 'l'
	case S_IFCHR:
		b[0] = 'c'
	case S_IFBLK:
		b[0] = 'b'
	case S_IFIFO:
		b[0] = 'p'
	case S_IFSOCK:
		b[0] = 's'
	}
	for i := range 9 {
		if m&(1<<(8-i)) != 0 {
			b[1+i] = "rwxrwxrwx"[i]
		}
	}
	set := func(i int, bit Mode, lower, upper byte) {
		if m&bit != 0 {
			if b[i] == 'x' {
				b[i] = lower
			} else {
				b[i] = upper
			}
		}
	}
	set(3, S_ISUID, 's', 'S')
	set(6, S_ISGID, 's', 'S')
	set(9, S_ISVTX, 't', 'T')
	return string(b)
}

// Attribute flags of chattr(1), FS_IOC_GETFLAGS.
const (
	FlagImmutable uint32 = 0x10
	FlagAppend    uint32 = 0x20
	FlagNoDump    uint32 = 0x40
	FlagNoAtime   uint32 = 0x80
	FlagExtents   uint32 = 0x80000
)

// Stat is struct stat. Times are nanoseconds since the epoch.
type Stat struct {
	Dev, Ino            uint64
	Mode                Mode
	Nlink               uint32
	UID, GID            uint32
	Rdev                uint64
	Size                int64
	Blksize             int64
	Blocks              int64
	Atime, Mtime, Ctime int64
	Flags               uint32 // chattr's
}

// Makedev is makedev(3).
func Makedev(major, minor uint32) uint64 {
	return uint64(minor&0xff) | uint64(major&0xfff)<<8 | uint64(minor&^0xff)<<12 | uint64(major&^0xfff)<<32
}

// Major is major(3).
func Major(d uint64) uint32 { return uint32(d>>8)&0xfff | uint32(d>>32)&^0xfff }

// Minor is minor(3).
func Minor(d uint64) uint32 { return uint32(d)&0xff | uint32(d>>12)&^0xff }

// DirEntry is struct dirent.
type DirEntry struct {
	Name string
	Ino  uint64
	Type Mode // S_IFMT bits
}

// Statfs is struct statfs.
type Statfs struct {
	Type                  string // "overlay", "tmpfs", "proc"...
	Bsize                 int64
	Blocks, Bfree, Bavail uint64
	Files, Ffree          uint64
	Magic                 uint64
}

// Cap is a capability number of capabilities(7).
type Cap uint

// The capabilities that this emulation looks at.
const (
	CapChown          Cap = 0
	CapDACOverride    Cap = 1
	CapDACReadSearch  Cap = 2
	CapFowner         Cap = 3
	CapFsetid         Cap = 4
	CapKill           Cap = 5
	CapSetgid         Cap = 6
	CapSetuid         Cap = 7
	CapLinuxImmutable Cap = 9
	CapNetBind        Cap = 10
	CapNetAdmin       Cap = 12
	CapNetRaw         Cap = 13
	CapSysModule      Cap = 16
	CapSysRawio       Cap = 17
	CapSysChroot      Cap = 18
	CapSysPtrace      Cap = 19
	CapSysAdmin       Cap = 21
	CapSysBoot        Cap = 22
	CapSysNice        Cap = 23
	CapSysResource    Cap = 24
	CapSysTime        Cap = 25
	CapMknod          Cap = 27
	CapSyslog         Cap = 34
)

// Capability sets.
const (
	AllCaps uint64 = 1<<41 - 1
	// DockerCaps is what a container of Docker has without --privileged.
	DockerCaps uint64 = 0xa80425fb
)

// Cred is who acts. A Cred is immutable once it is shared.
type Cred struct {
	UID, GID   uint32 // real
	EUID, EGID uint32 // effective (and saved, and for files)
	Groups     []uint32
	Caps       uint64 // effective
	Bound      uint64 // bounding set: what a set-uid root program may get
}

// Root is root with every capability.
func Root() *Cred { return &Cred{Caps: AllCaps, Bound: AllCaps} }

// Has tells whether c has the capability.
func (c *Cred) Has(k Cap) bool { return c.Caps&(1<<k) != 0 }

// InGroup tells whether g is one of c's groups.
func (c *Cred) InGroup(g uint32) bool {
	if c.EGID == g {
		return true
	}
	for _, x := range c.Groups {
		if x == g {
			return true
		}
	}
	return false
}

// May is what access(2) asks.
const (
	MayExec  = 1
	MayWrite = 2
	MayRead  = 4
)

// Permitted checks a node's permission bits, as generic_permission() does.
func (c *Cred) Permitted(st *Stat, want uint32) bool {
	m := uint32(st.Mode)
	switch {
	case c.EUID == st.UID:
		m >>= 6
	case c.InGroup(st.GID):
		m >>= 3
	}
	if m&want == want {
		return true
	}
	if c.Has(CapDACOverride) {
		if want&MayExec == 0 || st.Mode.IsDir() || st.Mode&0o111 != 0 {
			return true
		}
	}
	if c.Has(CapDACReadSearch) && (want == MayRead || st.Mode.IsDir() && want&MayWrite == 0) {
		return true
	}
	return false
}

// Context is the part of a task that file operations look at.
type Context struct {
	Cred      *Cred
	Root, Cwd *Path
	Umask     Mode
	Now       func() int64 // nanoseconds since the epoch
	Caller    any          // the task, for synthetic nodes such as /proc/self
}

func (c *Context) now() int64 {
	if c == nil || c.Now == nil {
		return 0
	}
	return c.Now()
}

// NewAttr describes a node that is to be made.
type NewAttr struct {
	Mode     Mode // with type; umask already applied
	UID, GID uint32
	Rdev     uint64
	Target   string // of a symbolic link
}

// SetAttr is struct iattr: nil fields stay.
type SetAttr struct {
	Mode         *Mode // permission bits
	UID, GID     *uint32
	Size         *int64
	Atime, Mtime *int64
	Flags        *uint32
}

// Node is struct inode with its operations. A Node checks no permissions but
// those of chattr's flags and its own limits; Namespace does the rest. Nodes of
// one file are not always the same pointer: compare (Stat.Dev, Ino).
type Node interface {
	Ino() uint64
	Stat() Stat
	Lookup(c *Context, name string) (Node, error)
	ReadDir(c *Context) ([]DirEntry, error)
	Readlink(c *Context) (string, error)
	Create(c *Context, name string, a NewAttr) (Node, error)
	Link(c *Context, name string, target Node) error
	Unlink(c *Context, name string, dir bool) error
	Rename(c *Context, name string, to Node, newname string) error
	SetAttr(c *Context, a SetAttr) error
	ReadAt(c *Context, p []byte, off int64) (int, error) // io.EOF at the end
	WriteAt(c *Context, p []byte, off int64, atEnd bool) (n int, end int64, err error)
	Getxattr(name string) ([]byte, error)
	Setxattr(c *Context, name string, v []byte) error
	Listxattr() []string
	Removexattr(c *Context, name string) error
}

// Opener is a Node that makes a handle for each open, as procfs does: reads of
// one handle see one snapshot.
type Opener interface {
	Open(c *Context, write bool) (Handle, error)
}

// Handle is what Opener gives.
type Handle interface {
	ReadAt(p []byte, off int64) (int, error)
	WriteAt(p []byte, off int64) (int, error)
	Close() error
}

// Filesystem is struct super_block.
type Filesystem interface {
	Root() Node
	Type() string
	Dev() uint64
	Statfs() Statfs
}

// BaseNode gives refusing defaults; embed it in nodes of synthetic filesystems.
type BaseNode struct{}

func (BaseNode) Lookup(*Context, string) (Node, error)          { return nil, ENOTDIR }
func (BaseNode) ReadDir(*Context) ([]DirEntry, error)           { return nil, ENOTDIR }
func (BaseNode) Readlink(*Context) (string, error)              { return "", EINVAL }
func (BaseNode) Create(*Context, string, NewAttr) (Node, error) { return nil, EPERM }
func (BaseNode) Link(*Context, string, Node) error              { return EPERM }
func (BaseNode) Unlink(*Context, string, bool) error            { return EPERM }
func (BaseNode) Rename(*Context, string, Node, string) error    { return EPERM }
func (BaseNode) SetAttr(*Context, SetAttr) error                { return EPERM }
func (BaseNode) ReadAt(*Context, []byte, int64) (int, error)    { return 0, EINVAL }
func (BaseNode) WriteAt(*Context, []byte, int64, bool) (int, int64, error) {
	return 0, 0, EINVAL
}
func (BaseNode) Getxattr(string) ([]byte, error)         { return nil, ENODATA }
func (BaseNode) Setxattr(*Context, string, []byte) error { return EOPNOTSUPP }
func (BaseNode) Listxattr() []string                     { return nil }
func (BaseNode) Removexattr(*Context, string) error      { return ENODATA }
