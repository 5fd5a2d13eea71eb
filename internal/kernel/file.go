package kernel

import (
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whalefall/whalefall/internal/vfs"
)

// Flags of open(2), Linux's values on amd64.
const (
	O_RDONLY    = 0
	O_WRONLY    = 1
	O_RDWR      = 2
	O_ACCMODE   = 3
	O_CREAT     = 0o100
	O_EXCL      = 0o200
	O_NOCTTY    = 0o400
	O_TRUNC     = 0o1000
	O_APPEND    = 0o2000
	O_NONBLOCK  = 0o4000
	O_DIRECTORY = 0o200000
	O_NOFOLLOW  = 0o400000
	O_CLOEXEC   = 0o2000000
)

// ops is struct file_operations. read and write do not block: EAGAIN tells that
// they would, and queues where to wait.
type ops interface {
	read(f *File, p []byte) (int, error)
	write(f *File, p []byte) (int, error)
	queues() (r, w *waitq)
	ready() (r, w, hup bool)
	stat() vfs.Stat
	release(t *Task, f *File)
}

// File is an open file description. It is shared by the descriptors that were
// duplicated from one another, in any number of tasks.
type File struct {
	refs  atomic.Int32
	ops   ops
	path  *vfs.Path // nil for what has none
	name  string    // what /proc/PID/fd shows, where there is no path
	shown string    // the path as its opener named it
	wrote atomic.Bool

	mu    sync.Mutex
	flags int
	off   int64
}

type fdEntry struct {
	f       *File
	cloexec bool
}

func newFile(o ops, flags int) *File {
	f := &File{ops: o, flags: flags}
	return f
}

func (f *File) ref() { f.refs.Add(1) }

func (f *File) unref(t *Task) {
	if f.refs.Add(-1) == 0 {
		f.ops.release(t, f)
	}
}

// Stat is fstat(2). Any goroutine may call it.
func (f *File) Stat() vfs.Stat { return f.ops.stat() }

// Path gives the path it was opened by, nil for pipes and their kin.
func (f *File) Path() *vfs.Path { return f.path }

// Flags gives the open flags.
func (f *File) Flags() int { f.mu.Lock(); defer f.mu.Unlock(); return f.flags }

// SetNonblock sets O_NONBLOCK.
func (f *File) SetNonblock(on bool) {
	f.mu.Lock()
	if on {
		f.flags |= O_NONBLOCK
	} else {
		f.flags &^= O_NONBLOCK
	}
	f.mu.Unlock()
}

// PTY gives the terminal that f is the slave side of, or nil.
func (f *File) PTY() *PTY {
	if s, ok := f.ops.(*ptySlave); ok {
		return s.p
	}
	return nil
}

// Read is read(2) on f by t.
func (f *File) Read(t *Task, p []byte) (int, error) {
	t.enter()
	fl := f.Flags()
	if fl&O_ACCMODE == O_WRONLY {
		return 0, vfs.EBADF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if s, ok := f.ops.(*ptySlave); ok {
		if err := s.p.mayRead(t); err != nil {
			return 0, err
		}
	}
	n, err := f.ops.read(f, p)
	if err == vfs.EAGAIN && fl&O_NONBLOCK == 0 {
		rq, _ := f.ops.queues()
		berr := t.block(func() bool {
			n, err = f.ops.read(f, p)
			return err != vfs.EAGAIN
		}, rq)
		if berr != nil {
			return 0, berr
		}
	}
	t.Tick(f.cost(n))
	return n, err
}

// cost is the work of moving n bytes.
func (f *File) cost(n int) int64 {
	if d, ok := f.ops.(*device); ok && d.major == 1 {
		switch d.minor {
		case 3:
			return 0
		case 5, 7:
			return int64(n >> 15)
		}
	}
	return int64(n >> 10)
}

// Write is write(2) on f by t: it writes all of p unless it fails.
func (f *File) Write(t *Task, p []byte) (int, error) {
	t.enter()
	fl := f.Flags()
	if fl&O_ACCMODE == O_RDONLY {
		return 0, vfs.EBADF
	}
	t.Tick(f.cost(len(p)))
	if t.rlimits != nil && f.path != nil {
		if l := t.rlimits[RlimitFsize].Cur; l != Infinity {
			f.mu.Lock()
			over := uint64(f.off)+uint64(len(p)) > l
			f.mu.Unlock()
			if over {
				_ = t.Kill(t.PID(), SIGXFSZ) // itself: it is there
				return 0, vfs.EFBIG
			}
		}
	}
	total := 0
	for {
		n, err := f.ops.write(f, p[total:])
		total += n
		if err == nil && total >= len(p) {
			return total, nil
		}
		if err == vfs.EPIPE {
			t.k.mu.Lock()
			t.k.post(t, SIGPIPE)
			t.k.mu.Unlock()
			t.Poll()
			return total, err
		}
		if err != nil && err != vfs.EAGAIN {
			return total, err
		}
		if fl&O_NONBLOCK != 0 {
			if total > 0 {
				return total, nil
			}
			return 0, vfs.EAGAIN
		}
		if err == nil {
			continue
		}
		_, wq := f.ops.queues()
		berr := t.block(func() bool {
			n, err = f.ops.write(f, p[total:])
			total += n
			return n > 0 || err != vfs.EAGAIN
		}, wq)
		if berr != nil {
			return total, berr
		}
		if err == vfs.EPIPE {
			continue
		}
		if err != nil && err != vfs.EAGAIN {
			return total, err
		}
		if total >= len(p) {
			return total, nil
		}
	}
}

// node is a regular file, a directory or a synthetic file.
type node struct {
	n   vfs.Node
	h   vfs.Handle
	now func() int64
}

func (o *node) ctx() *vfs.Context { return &vfs.Context{Now: o.now} }

func (o *node) read(f *File, p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := o.pread(p, f.off)
	f.off += int64(n)
	return n, err
}

func (o *node) pread(p []byte, off int64) (int, error) {
	var n int
	var err error
	if o.h != nil {
		n, err = o.h.ReadAt(p, off)
	} else {
		n, err = o.n.ReadAt(nil, p, off)
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

func (o *node) write(f *File, p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrote.Store(true)
	if o.h != nil {
		n, err := o.h.WriteAt(p, f.off)
		f.off += int64(n)
		return n, err
	}
	n, end, err := o.n.WriteAt(o.ctx(), p, f.off, f.flags&O_APPEND != 0)
	if err == nil {
		f.off = end
		if n == 0 && len(p) > 0 {
			err = vfs.ENOSPC
		}
	}
	return n, err
}

func (o *node) queues() (*waitq, *waitq)  { return nil, nil }
func (o *node) ready() (bool, bool, bool) { return true, true, false }
func (o *node) stat() vfs.Stat            { return o.n.Stat() }
func (o *node) release(t *Task, f *File) {
	if o.h != nil {
		_ = o.h.Close() // the last reference; close(2) has answered
		return
	}
	if !f.wrote.Load() || t == nil || f.path == nil {
		return
	}
	st := o.n.Stat()
	fi := FileInfo{Path: f.shown, Size: st.Size, Content: vfs.ContentOf(o.n, 64<<20)}
	if f.path.Mount().FS == vfs.Filesystem(t.k.root) {
		fi.Host = f.path.Within()
	}
	t.k.cfg.Observer.FileWritten(t.Info(), fi)
}

// WriterFile makes a File whose writes go to w, which must not block for long:
// how a container's output reaches its log. If w is an io.Closer it is closed
// with the last descriptor.
func WriterFile(w io.Writer) *File {
	f := newFile(&sink{w: w}, O_WRONLY)
	f.name = "pipe:[" + strconv.FormatInt(20000+nextIno.Add(1), 10) + "]"
	return f
}

type sink struct{ w io.Writer }

func (s *sink) read(*File, []byte) (int, error) { return 0, vfs.EBADF }
func (s *sink) write(_ *File, p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		return n, vfs.EPIPE
	}
	return n, nil
}
func (s *sink) queues() (*waitq, *waitq)  { return nil, nil }
func (s *sink) ready() (bool, bool, bool) { return false, true, false }
func (s *sink) stat() vfs.Stat            { return vfs.Stat{Mode: vfs.S_IFIFO | 0o600, Blksize: 4096, Nlink: 1} }
func (s *sink) release(*Task, *File) {
	if c, ok := s.w.(io.Closer); ok {
		_ = c.Close() // whoever reads has it all
	}
}

// NullFile makes a File like an open /dev/null.
func NullFile() *File {
	f := newFile(&device{major: 1, minor: 3, st: vfs.Stat{Mode: vfs.S_IFCHR | 0o666, Rdev: vfs.Makedev(1, 3)}}, O_RDWR)
	f.name = "/dev/null"
	return f
}

// setFd puts f at n and gives what was there. Task.mu is held.
func (t *Task) setFd(n int, f *File, cloexec bool) *File {
	for len(t.fds) <= n {
		t.fds = append(t.fds, fdEntry{})
	}
	old := t.fds[n].f
	t.fds[n] = fdEntry{f, cloexec}
	return old
}

// install gives f the lowest free descriptor from min on; f's reference is taken
// over.
func (t *Task) install(f *File, min int, cloexec bool) (int, error) {
	t.mu.Lock()
	n := min
	for n < len(t.fds) && t.fds[n].f != nil {
		n++
	}
	lim := t.k.lim.Fds
	if t.rlimits != nil && t.rlimits[RlimitNofile].Cur < uint64(lim) {
		lim = int(t.rlimits[RlimitNofile].Cur)
	}
	if n >= lim {
		t.mu.Unlock()
		f.unref(t)
		return -1, vfs.EMFILE
	}
	t.setFd(n, f, cloexec)
	t.mu.Unlock()
	return n, nil
}

// InstallFile gives an open file a descriptor; f gains a reference.
func (t *Task) InstallFile(f *File) (int, error) {
	f.ref()
	return t.install(f, 0, false)
}

// File gives an open file.
func (t *Task) File(fd int) (*File, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if fd < 0 || fd >= len(t.fds) || t.fds[fd].f == nil {
		return nil, vfs.EBADF
	}
	return t.fds[fd].f, nil
}

// Fds lists the open descriptors. Any goroutine may call it.
func (t *Task) Fds() []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []int
	for i, e := range t.fds {
		if e.f != nil {
			out = append(out, i)
		}
	}
	return out
}

// FdName gives what /proc/PID/fd/N links to.
func (t *Task) FdName(fd int) (string, error) {
	f, err := t.File(fd)
	if err != nil {
		return "", vfs.ENOENT
	}
	if f.path != nil {
		return f.path.String(), nil
	}
	return f.name, nil
}

// Close is close(2).
func (t *Task) Close(fd int) error {
	t.enter()
	t.mu.Lock()
	if fd < 0 || fd >= len(t.fds) || t.fds[fd].f == nil {
		t.mu.Unlock()
		return vfs.EBADF
	}
	f := t.fds[fd].f
	t.fds[fd] = fdEntry{}
	t.mu.Unlock()
	f.unref(t)
	return nil
}

// Dup is fcntl(F_DUPFD): the lowest free descriptor from min on.
func (t *Task) Dup(fd, min int) (int, error) {
	f, err := t.File(fd)
	if err != nil {
		return -1, err
	}
	f.ref()
	return t.install(f, min, false)
}

// Dup2 is dup2(2).
func (t *Task) Dup2(old, new int) error {
	f, err := t.File(old)
	if err != nil {
		return err
	}
	if new < 0 || new >= t.k.lim.Fds {
		return vfs.EBADF
	}
	if old == new {
		return nil
	}
	f.ref()
	t.mu.Lock()
	was := t.setFd(new, f, false)
	t.mu.Unlock()
	if was != nil {
		was.unref(t)
	}
	return nil
}

// SetCloexec sets FD_CLOEXEC.
func (t *Task) SetCloexec(fd int, on bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if fd < 0 || fd >= len(t.fds) || t.fds[fd].f == nil {
		return vfs.EBADF
	}
	t.fds[fd].cloexec = on
	return nil
}

// Read, Write, Pread, Seek are those system calls. At the end of a file Read
// gives 0 and no error.
func (t *Task) Read(fd int, p []byte) (int, error) {
	f, err := t.File(fd)
	if err != nil {
		return 0, err
	}
	return f.Read(t, p)
}

func (t *Task) Write(fd int, p []byte) (int, error) {
	f, err := t.File(fd)
	if err != nil {
		return 0, err
	}
	return f.Write(t, p)
}

func (t *Task) Pread(fd int, p []byte, off int64) (int, error) {
	f, err := t.File(fd)
	if err != nil {
		return 0, err
	}
	o, ok := f.ops.(*node)
	if !ok {
		return 0, vfs.ESPIPE
	}
	t.enter()
	return o.pread(p, off)
}

func (t *Task) Pwrite(fd int, p []byte, off int64) (int, error) {
	f, err := t.File(fd)
	if err != nil {
		return 0, err
	}
	o, ok := f.ops.(*node)
	if !ok || o.h != nil {
		return 0, vfs.ESPIPE
	}
	if f.Flags()&O_ACCMODE == O_RDONLY {
		return 0, vfs.EBADF
	}
	t.enter()
	f.wrote.Store(true)
	n, _, err := o.n.WriteAt(o.ctx(), p, off, false)
	return n, err
}

func (t *Task) Seek(fd int, off int64, whence int) (int64, error) {
	f, err := t.File(fd)
	if err != nil {
		return 0, err
	}
	if _, ok := f.ops.(*device); ok {
		return 0, nil
	}
	o, ok := f.ops.(*node)
	if !ok {
		return 0, vfs.ESPIPE
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		off += f.off
	case io.SeekEnd:
		off += o.n.Stat().Size
	default:
		return 0, vfs.EINVAL
	}
	if off < 0 {
		return 0, vfs.EINVAL
	}
	f.off = off
	return off, nil
}

type fdReader struct {
	t  *Task
	fd int
}

func (r fdReader) Read(p []byte) (int, error) {
	for {
		n, err := r.t.Read(r.fd, p)
		if err == vfs.EINTR {
			continue
		}
		if err == nil && n == 0 && len(p) > 0 {
			return 0, io.EOF
		}
		return n, err
	}
}

type fdWriter struct {
	t  *Task
	fd int
}

func (w fdWriter) Write(p []byte) (int, error) {
	total := 0
	for {
		n, err := w.t.Write(w.fd, p[total:])
		total += n
		if err == vfs.EINTR {
			continue
		}
		return total, err
	}
}

// Reader and Writer make an io.Reader or io.Writer of a descriptor. Handlers of
// signals run inside of it and do not end it.
func (t *Task) Reader(fd int) io.Reader { return fdReader{t, fd} }
func (t *Task) Writer(fd int) io.Writer { return fdWriter{t, fd} }

// Stdin, Stdout and Stderr are descriptors 0, 1 and 2, unbuffered.
func (t *Task) Stdin() io.Reader  { return fdReader{t, 0} }
func (t *Task) Stdout() io.Writer { return fdWriter{t, 1} }
func (t *Task) Stderr() io.Writer { return fdWriter{t, 2} }

// IsTTY tells whether a descriptor is a terminal.
func (t *Task) IsTTY(fd int) bool {
	f, err := t.File(fd)
	return err == nil && f.PTY() != nil
}

// PollFd is struct pollfd.
type PollFd struct {
	Fd          int
	Read, Write bool // asked for
	CanRead     bool
	CanWrite    bool
	Hup         bool
}

// PollFds is poll(2): it waits until one of the descriptors is ready, at most d
// (less than 0: for ever), and gives how many are.
func (t *Task) PollFds(fds []PollFd, d int64) (int, error) {
	t.enter()
	var qs []*waitq
	files := make([]*File, len(fds))
	for i := range fds {
		f, err := t.File(fds[i].Fd)
		if err != nil {
			fds[i].Hup = true
			continue
		}
		files[i] = f
		r, w := f.ops.queues()
		if r != nil && fds[i].Read {
			qs = append(qs, r)
		}
		if w != nil && w != r && fds[i].Write {
			qs = append(qs, w)
		}
	}
	n := 0
	look := func() bool {
		n = 0
		for i, f := range files {
			if f == nil {
				n++
				continue
			}
			r, w, h := f.ops.ready()
			fds[i].CanRead, fds[i].CanWrite, fds[i].Hup = r && fds[i].Read, w && fds[i].Write, h
			if fds[i].CanRead || fds[i].CanWrite || h {
				n++
			}
		}
		return n > 0
	}
	if d < 0 {
		err := t.block(look, qs...)
		return n, err
	}
	err := t.blockFor(time.Duration(d), look, qs...)
	return n, err
}
