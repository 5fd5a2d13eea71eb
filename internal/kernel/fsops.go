package kernel

import (
	"io"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/whalefall/whalefall/internal/vfs"
)

// nextIno numbers pipes and sockets.
var nextIno atomic.Int64

// Open is open(2).
func (t *Task) Open(name string, flags int, mode vfs.Mode) (int, error) {
	f, err := t.OpenFile(name, flags, mode)
	if err != nil {
		return -1, err
	}
	f.ref()
	return t.install(f, 0, flags&O_CLOEXEC != 0)
}

// OpenFile is Open without a descriptor.
func (t *Task) OpenFile(name string, flags int, mode vfs.Mode) (*File, error) {
	t.enter()
	c := t.context()
	acc := flags & O_ACCMODE
	var p *vfs.Path
	var err error
	for try := 0; ; try++ {
		p, err = t.mnt.Resolve(c, name, flags&O_NOFOLLOW == 0 && flags&(O_CREAT|O_EXCL) != O_CREAT|O_EXCL)
		if err == vfs.ENOENT && flags&O_CREAT != 0 && try < 2 {
			target := name
			// A dangling link is created through.
			if l, e := t.mnt.Resolve(c, name, false); e == nil && l.Node().Stat().Mode.IsLink() {
				if flags&O_EXCL != 0 {
					return nil, vfs.EEXIST
				}
				to, e := l.Node().Readlink(c)
				if e != nil {
					return nil, e
				}
				if !strings.HasPrefix(to, "/") && l.Parent() != nil {
					to = path.Dir(l.From(t.root)) + "/" + to
				}
				target = to
			}
			if strings.HasSuffix(target, "/") {
				return nil, vfs.EISDIR
			}
			p, err = t.mnt.Create(c, target, vfs.NewAttr{Mode: vfs.S_IFREG | mode.Perm()})
			if err == vfs.EEXIST {
				continue
			}
			if err != nil {
				return nil, err
			}
			f := newFile(&node{n: p.Node(), now: t.k.nowNS}, flags&^(O_CREAT|O_EXCL|O_TRUNC))
			f.path = p
			f.shown = p.From(t.root)
			if acc != O_RDONLY {
				f.wrote.Store(true)
			}
			return f, nil
		}
		break
	}
	if err != nil {
		return nil, err
	}
	if flags&(O_CREAT|O_EXCL) == O_CREAT|O_EXCL {
		return nil, vfs.EEXIST
	}
	if fn, ok := p.Node().(*fdNode); ok {
		return fn.f, nil
	}
	st := p.Node().Stat()
	switch {
	case st.Mode.IsLink():
		return nil, vfs.ELOOP
	case st.Mode.IsDir() && (acc != O_RDONLY || flags&O_CREAT != 0):
		return nil, vfs.EISDIR
	case flags&O_DIRECTORY != 0 && !st.Mode.IsDir():
		return nil, vfs.ENOTDIR
	}
	var want uint32
	if acc != O_WRONLY {
		want |= vfs.MayRead
	}
	if acc != O_RDONLY || flags&O_TRUNC != 0 {
		want |= vfs.MayWrite
	}
	if !t.cred.Permitted(&st, want) {
		return nil, vfs.EACCES
	}
	regular := st.Mode.IsRegular()
	if want&vfs.MayWrite != 0 {
		if regular && p.Mount().ReadOnly {
			return nil, vfs.EROFS
		}
		if regular && st.Flags&vfs.FlagImmutable != 0 {
			return nil, vfs.EPERM
		}
		if regular && st.Flags&vfs.FlagAppend != 0 && (flags&O_APPEND == 0 || flags&O_TRUNC != 0) {
			return nil, vfs.EPERM
		}
		if regular && t.k.busyText(st) {
			return nil, vfs.ETXTBSY
		}
	}
	var f *File
	switch st.Mode.Type() {
	case vfs.S_IFIFO:
		if f, err = t.openFifo(st, flags); err != nil {
			return nil, err
		}
	case vfs.S_IFCHR, vfs.S_IFBLK:
		if p.Mount().NoDev {
			return nil, vfs.EACCES
		}
		if f, err = t.openDevice(st, flags); err != nil {
			return nil, err
		}
	case vfs.S_IFSOCK:
		return nil, vfs.ENXIO
	default:
		o := &node{n: p.Node(), now: t.k.nowNS}
		if op, ok := p.Node().(vfs.Opener); ok && regular {
			cc := *c
			if o.h, err = op.Open(&cc, acc != O_RDONLY); err != nil {
				return nil, err
			}
		} else if flags&O_TRUNC != 0 && regular {
			zero := int64(0)
			if err := p.Node().SetAttr(c, vfs.SetAttr{Size: &zero}); err != nil {
				return nil, err
			}
		}
		f = newFile(o, flags&^(O_CREAT|O_EXCL|O_TRUNC))
		if flags&O_TRUNC != 0 && o.h == nil {
			f.wrote.Store(true)
		}
	}
	f.path = p
	f.shown = p.From(t.root)
	return f, nil
}

// busyText tells whether a file is the executable of a process, which Linux lets
// nobody write.
func (k *Kernel) busyText(st vfs.Stat) bool {
	k.mu.Lock()
	ts := make([]*Task, 0, len(k.tasks))
	for _, t := range k.tasks {
		if t.state.Load() != int32(stateZombie) {
			ts = append(ts, t)
		}
	}
	k.mu.Unlock()
	for _, t := range ts {
		t.mu.Lock()
		e := t.exePath
		t.mu.Unlock()
		if e != nil && e.Node().Ino() == st.Ino && e.Node().Stat().Dev == st.Dev {
			return true
		}
	}
	return false
}

func (t *Task) resolve(name string, follow bool) (*vfs.Path, error) {
	t.enter()
	return t.mnt.Resolve(t.context(), name, follow)
}

// Resolve walks a path to its end.
func (t *Task) Resolve(name string, follow bool) (*vfs.Path, error) { return t.resolve(name, follow) }

// Realpath gives the path without links, as the process sees it.
func (t *Task) Realpath(name string) (string, error) {
	p, err := t.resolve(name, true)
	if err != nil {
		return "", err
	}
	return p.From(t.root), nil
}

// Stat, Lstat and Fstat are those system calls.
func (t *Task) Stat(name string) (vfs.Stat, error) {
	p, err := t.resolve(name, true)
	if err != nil {
		return vfs.Stat{}, err
	}
	return p.Node().Stat(), nil
}

func (t *Task) Lstat(name string) (vfs.Stat, error) {
	p, err := t.resolve(name, false)
	if err != nil {
		return vfs.Stat{}, err
	}
	return p.Node().Stat(), nil
}

func (t *Task) Fstat(fd int) (vfs.Stat, error) {
	f, err := t.File(fd)
	if err != nil {
		return vfs.Stat{}, err
	}
	return f.Stat(), nil
}

// ReadDir lists a directory, without "." and "..", sorted by name.
func (t *Task) ReadDir(name string) ([]vfs.DirEntry, error) {
	p, err := t.resolve(name, true)
	if err != nil {
		return nil, err
	}
	st := p.Node().Stat()
	if !st.Mode.IsDir() {
		return nil, vfs.ENOTDIR
	}
	if !t.cred.Permitted(&st, vfs.MayRead) {
		return nil, vfs.EACCES
	}
	l, err := p.Node().ReadDir(t.context())
	t.Tick(int64(len(l) / 8))
	return l, err
}

// The changing calls, by their names.
func (t *Task) Mkdir(name string, mode vfs.Mode) error {
	t.enter()
	return t.mnt.Mkdir(t.context(), name, mode)
}

// MkdirAll makes a directory and its missing parents, mode 0755.
func (t *Task) MkdirAll(name string) error {
	if st, err := t.Stat(name); err == nil {
		if !st.Mode.IsDir() {
			return vfs.ENOTDIR
		}
		return nil
	}
	if d := path.Dir(strings.TrimRight(name, "/")); d != "." && d != "/" && d != name {
		if err := t.MkdirAll(d); err != nil {
			return err
		}
	}
	err := t.Mkdir(name, 0o755)
	if err == vfs.EEXIST {
		return nil
	}
	return err
}
func (t *Task) Rmdir(name string) error  { t.enter(); return t.mnt.Rmdir(t.context(), name) }
func (t *Task) Unlink(name string) error { t.enter(); return t.mnt.Unlink(t.context(), name) }
func (t *Task) Rename(from, to string) error {
	t.enter()
	return t.mnt.Rename(t.context(), from, to)
}
func (t *Task) Link(old, name string) error { t.enter(); return t.mnt.Link(t.context(), old, name) }
func (t *Task) Symlink(target, name string) error {
	t.enter()
	return t.mnt.Symlink(t.context(), target, name)
}
func (t *Task) Readlink(name string) (string, error) {
	p, err := t.resolve(name, false)
	if err != nil {
		return "", err
	}
	if s, ok := p.Node().(*vfs.SynthNode); ok && s.Jump != nil && s.Link_ == nil {
		q, err := s.Jump(t.context())
		if err != nil {
			return "", err
		}
		return q.From(t.root), nil
	}
	return p.Node().Readlink(t.context())
}
func (t *Task) setattr(name string, follow bool, a vfs.SetAttr) error {
	p, err := t.resolve(name, follow)
	if err != nil {
		return err
	}
	return t.mnt.SetAttr(t.context(), p, a)
}
func (t *Task) Chmod(name string, mode vfs.Mode) error {
	mode &= 0o7777
	return t.setattr(name, true, vfs.SetAttr{Mode: &mode})
}
func owner(uid, gid int) (a vfs.SetAttr) {
	if uid >= 0 {
		u := uint32(uid)
		a.UID = &u
	}
	if gid >= 0 {
		g := uint32(gid)
		a.GID = &g
	}
	return
}

// Chown and Lchown leave an id of -1 as it is.
func (t *Task) Chown(name string, uid, gid int) error {
	return t.setattr(name, true, owner(uid, gid))
}
func (t *Task) Lchown(name string, uid, gid int) error {
	return t.setattr(name, false, owner(uid, gid))
}

// Utimes sets the times that are not nil.
func (t *Task) Utimes(name string, atime, mtime *time.Time, follow bool) error {
	var a vfs.SetAttr
	if atime != nil {
		n := atime.UnixNano()
		a.Atime = &n
	}
	if mtime != nil {
		n := mtime.UnixNano()
		a.Mtime = &n
	}
	return t.setattr(name, follow, a)
}
func (t *Task) Truncate(name string, size int64) error {
	return t.setattr(name, true, vfs.SetAttr{Size: &size})
}
func (t *Task) Ftruncate(fd int, size int64) error {
	f, err := t.File(fd)
	if err != nil {
		return err
	}
	if f.path == nil || f.Flags()&O_ACCMODE == O_RDONLY {
		return vfs.EINVAL
	}
	f.wrote.Store(true)
	return f.path.Node().SetAttr(t.context(), vfs.SetAttr{Size: &size})
}
func (t *Task) Mknod(name string, mode vfs.Mode, rdev uint64) error {
	t.enter()
	_, err := t.mnt.Create(t.context(), name, vfs.NewAttr{Mode: mode, Rdev: rdev})
	return err
}
func (t *Task) Mkfifo(name string, mode vfs.Mode) error {
	return t.Mknod(name, vfs.S_IFIFO|mode.Perm(), 0)
}

// Access is access(2) with the effective ids; want is of vfs.MayRead, MayWrite,
// MayExec, 0 for existence.
func (t *Task) Access(name string, want uint32) error {
	p, err := t.resolve(name, true)
	if err != nil {
		return err
	}
	st := p.Node().Stat()
	if want != 0 && !t.cred.Permitted(&st, want) {
		return vfs.EACCES
	}
	if want&vfs.MayWrite != 0 && p.Mount().ReadOnly && (st.Mode.IsRegular() || st.Mode.IsDir()) {
		return vfs.EROFS
	}
	return nil
}

func (t *Task) dir(name string) (*vfs.Path, error) {
	p, err := t.resolve(name, true)
	if err != nil {
		return nil, err
	}
	st := p.Node().Stat()
	if !st.Mode.IsDir() {
		return nil, vfs.ENOTDIR
	}
	if !t.cred.Permitted(&st, vfs.MayExec) {
		return nil, vfs.EACCES
	}
	return p, nil
}

// Chdir, Fchdir and Chroot are those system calls.
func (t *Task) Chdir(name string) error {
	p, err := t.dir(name)
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.cwd = p
	t.mu.Unlock()
	return nil
}

func (t *Task) Fchdir(fd int) error {
	f, err := t.File(fd)
	if err != nil {
		return err
	}
	if f.path == nil || !f.Stat().Mode.IsDir() {
		return vfs.ENOTDIR
	}
	t.mu.Lock()
	t.cwd = f.path
	t.mu.Unlock()
	return nil
}

func (t *Task) Chroot(name string) error {
	p, err := t.dir(name)
	if err != nil {
		return err
	}
	if !t.cred.Has(vfs.CapSysChroot) {
		return vfs.EPERM
	}
	t.mu.Lock()
	t.root = p
	t.mu.Unlock()
	return nil
}

// Statfs is statfs(2); it gives the mount too.
func (t *Task) Statfs(name string) (vfs.Statfs, *vfs.Mount, error) {
	p, err := t.resolve(name, true)
	if err != nil {
		return vfs.Statfs{}, nil, err
	}
	return p.Mount().FS.Statfs(), p.Mount(), nil
}

// Mounts lists the mounts of the task's namespace.
func (t *Task) Mounts() []*vfs.Mount { t.mu.Lock(); m := t.mnt; t.mu.Unlock(); return m.Mounts() }

// RootPath gives the task's root directory.
func (t *Task) RootPath() *vfs.Path { t.mu.Lock(); defer t.mu.Unlock(); return t.root }

// Mount flags.
const (
	MS_RDONLY  = 1
	MS_NOSUID  = 2
	MS_NODEV   = 4
	MS_NOEXEC  = 8
	MS_REMOUNT = 32
	MS_BIND    = 4096
	MS_MOVE    = 8192
	MS_REC     = 16384
)

// Mount is mount(2). It knows bind, remount, tmpfs, proc, sysfs, and block devices
// that are the host's own disk.
func (t *Task) Mount(source, target, fstype string, flags int, options string) error {
	t.enter()
	if !t.cred.Has(vfs.CapSysAdmin) {
		return vfs.EPERM
	}
	c := t.context()
	at, err := t.mnt.Resolve(c, target, true)
	if err != nil {
		return err
	}
	switch {
	case flags&MS_REMOUNT != 0:
		if at.Node().Ino() != at.Mount().FS.Root().Ino() && at.Mount().PointPath() != nil {
			return vfs.EINVAL
		}
		m := at.Mount()
		m.ReadOnly = flags&MS_RDONLY != 0
		m.NoExec = flags&MS_NOEXEC != 0
		return nil
	case flags&MS_BIND != 0:
		src, err := t.mnt.Resolve(c, source, true)
		if err != nil {
			return err
		}
		return t.mnt.Bind(src, at, t.mnt, flags&MS_REC != 0, flags&MS_RDONLY != 0)
	case flags&MS_MOVE != 0:
		return vfs.EINVAL
	}
	m := &vfs.Mount{Source: source, ReadOnly: flags&MS_RDONLY != 0, NoSuid: flags&MS_NOSUID != 0, NoDev: flags&MS_NODEV != 0, NoExec: flags&MS_NOEXEC != 0, Relatime: true}
	switch fstype {
	case "tmpfs", "ramfs":
		m.FS = vfs.New(vfs.Config{Type: fstype, Bytes: 256 << 20, Budget: t.ns.cfg.Budget, RootMode: 0o1777, Now: t.k.nowNS})
	case "proc":
		m.FS = t.ns.newProc()
	case "sysfs":
		m.FS = t.ns.newSys()
	case "cgroup", "cgroup2":
		m.FS = t.ns.dated(vfs.NewSynth(fstype, 0x63677270, &vfs.SynthNode{Kids: map[string]*vfs.SynthNode{}}))
	default:
		st, err := t.Stat(source)
		if err != nil {
			return err
		}
		if st.Mode.Type() != vfs.S_IFBLK {
			return vfs.ENOTBLK
		}
		// The partition of the root filesystem shows it, as it does to a privileged
		// container that mounts it; the others hold nothing that is known, a whole
		// disk or a loop device no filesystem.
		if st.Rdev != t.k.cfg.Host.Disk.PartDev(0) {
			return vfs.EINVAL
		}
		m.FS = t.k.root
	}
	return t.mnt.Attach(m, at)
}

// Umount is umount2(2).
func (t *Task) Umount(target string, lazy bool) error {
	p, err := t.resolve(target, true)
	if err != nil {
		return err
	}
	if !t.cred.Has(vfs.CapSysAdmin) {
		return vfs.EPERM
	}
	return t.mnt.Unmount(p, lazy)
}

// UnshareMounts is unshare(CLONE_NEWNS).
func (t *Task) UnshareMounts() error {
	if !t.cred.Has(vfs.CapSysAdmin) {
		return vfs.EPERM
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n, move := t.mnt.Clone()
	t.mnt, t.cwd, t.root = n, move(t.cwd), move(t.root)
	return nil
}

// EnterNS is setns(2) into the mounts, network and names of another task's
// namespaces (nsenter), which the caller must be able to see.
func (t *Task) EnterNS(o *Task, mounts bool) error {
	if !t.cred.Has(vfs.CapSysAdmin) {
		return vfs.EPERM
	}
	o.mu.Lock()
	mnt, root := o.mnt, o.root
	o.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if mounts {
		t.mnt, t.root, t.cwd = mnt, root, root
	}
	t.k.mu.Lock()
	t.ns.count--
	t.ns = o.ns
	t.ns.count++
	t.k.mu.Unlock()
	return nil
}

// GetFlags and SetFlags are chattr(1)'s ioctls.
func (t *Task) GetFlags(name string) (uint32, error) {
	p, err := t.resolve(name, true)
	if err != nil {
		return 0, err
	}
	if _, ok := p.Node().(*vfs.SynthNode); ok {
		return 0, vfs.ENOTTY
	}
	if ft := p.Mount().FS.Type(); ft == "tmpfs" && t.k.cfg.Host.Release < "6.6" {
		return 0, vfs.ENOTTY
	}
	return p.Node().Stat().Flags, nil
}
func (t *Task) SetFlags(name string, flags uint32) error {
	return t.setattr(name, true, vfs.SetAttr{Flags: &flags})
}

// Getxattr and its kin.
func (t *Task) Getxattr(name, key string) ([]byte, error) {
	p, err := t.resolve(name, true)
	if err != nil {
		return nil, err
	}
	return p.Node().Getxattr(key)
}
func (t *Task) Setxattr(name, key string, v []byte) error {
	p, err := t.resolve(name, true)
	if err != nil {
		return err
	}
	if p.Mount().ReadOnly {
		return vfs.EROFS
	}
	return p.Node().Setxattr(t.context(), key, v)
}
func (t *Task) Listxattr(name string) ([]string, error) {
	p, err := t.resolve(name, true)
	if err != nil {
		return nil, err
	}
	return p.Node().Listxattr(), nil
}

// Sync does what sync(2) seems to do.
func (t *Task) Sync() { t.enter() }

// ReadFile reads a file whole, up to the kernel's limit (EFBIG).
func (t *Task) ReadFile(name string) ([]byte, error) {
	fd, err := t.Open(name, O_RDONLY|O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer t.Close(fd)
	return t.ReadAll(fd)
}

// ReadAll reads a descriptor to its end, up to the kernel's limit (EFBIG).
func (t *Task) ReadAll(fd int) ([]byte, error) {
	if st, err := t.Fstat(fd); err == nil && st.Mode.IsDir() {
		return nil, vfs.EISDIR
	}
	b, err := io.ReadAll(io.LimitReader(t.Reader(fd), t.k.lim.FileRead+1))
	if err == nil && int64(len(b)) > t.k.lim.FileRead {
		return b[:t.k.lim.FileRead], vfs.EFBIG
	}
	return b, err
}

// WriteFile creates or empties a file and writes data.
func (t *Task) WriteFile(name string, data []byte, mode vfs.Mode) error {
	fd, err := t.Open(name, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, mode)
	if err != nil {
		return err
	}
	defer t.Close(fd)
	_, err = t.Writer(fd).Write(data)
	return err
}

// CopyRange gives an empty regular file dst the bytes of the regular file src
// without copying what is immutable: what cp's reflink does for large files.
// EINVAL tells that it must be copied by reading.
func (t *Task) CopyRange(dst, src int) error {
	d, err := t.File(dst)
	if err != nil {
		return err
	}
	s, err := t.File(src)
	if err != nil {
		return err
	}
	if d.path == nil || s.path == nil || d.Flags()&O_ACCMODE == O_RDONLY {
		return vfs.EINVAL
	}
	dn, ok1 := d.ops.(*node)
	sn, ok2 := s.ops.(*node)
	if !ok1 || !ok2 || dn.h != nil || sn.h != nil || s.off != 0 || d.off != 0 {
		return vfs.EINVAL
	}
	st := sn.n.Stat()
	if !st.Mode.IsRegular() || st.Size < 128<<10 {
		return vfs.EINVAL
	}
	d.wrote.Store(true)
	return vfs.SetContent(t.context(), dn.n, vfs.ContentOf(sn.n, t.k.lim.FileRead))
}
