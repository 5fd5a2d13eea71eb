package kernel

import (
	"io"
	"strconv"
	"sync"

	"github.com/whalefall/whalefall/internal/vfs"
)

// pipeSize is a pipe's capacity.
const pipeSize = 64 << 10

// pipe is struct pipe_inode_info: a pipe(7), a fifo, or one direction of a socket.
type pipe struct {
	mu      sync.Mutex
	buf     []byte // buf[off:] is what waits
	off     int
	readers int
	writers int
	rq, wq  waitq
	ino     uint64
}

func (p *pipe) get(b []byte) (int, error) {
	p.mu.Lock()
	if p.off == len(p.buf) {
		w := p.writers
		p.mu.Unlock()
		if w == 0 {
			return 0, nil
		}
		return 0, vfs.EAGAIN
	}
	n := copy(b, p.buf[p.off:])
	p.off += n
	if p.off == len(p.buf) {
		p.buf, p.off = p.buf[:0], 0
		if cap(p.buf) > 16<<10 {
			p.buf = nil // a pipe at rest holds nothing
		}
	}
	p.mu.Unlock()
	p.wq.wake()
	return n, nil
}

func (p *pipe) put(b []byte) (int, error) {
	p.mu.Lock()
	if p.readers == 0 {
		p.mu.Unlock()
		return 0, vfs.EPIPE
	}
	have := len(p.buf) - p.off
	room := pipeSize - have
	// Writes of up to PIPE_BUF bytes are atomic.
	if room == 0 || len(b) <= 4096 && len(b) > room {
		p.mu.Unlock()
		return 0, vfs.EAGAIN
	}
	n := min(len(b), room)
	if p.off > 0 && len(p.buf)+n > cap(p.buf) {
		p.buf = append(p.buf[:0], p.buf[p.off:]...)
		p.off = 0
	}
	p.buf = append(p.buf, b[:n]...)
	p.mu.Unlock()
	p.rq.wake()
	return n, nil
}

func (p *pipe) add(r, w int) {
	p.mu.Lock()
	p.readers += r
	p.writers += w
	p.mu.Unlock()
	p.rq.wake()
	p.wq.wake()
}

func (p *pipe) readable() (ready, hup bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.off < len(p.buf) || p.writers == 0, p.writers == 0
}

func (p *pipe) writable() (ready, hup bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.buf)-p.off < pipeSize || p.readers == 0, p.readers == 0
}

// pipeEnd is an open end of a pipe.
type pipeEnd struct {
	p    *pipe
	r, w bool
	st   *vfs.Stat // of a fifo
}

func (e *pipeEnd) read(_ *File, b []byte) (int, error) {
	return e.p.get(b)
}
func (e *pipeEnd) write(_ *File, b []byte) (int, error) { return e.p.put(b) }
func (e *pipeEnd) queues() (*waitq, *waitq)             { return &e.p.rq, &e.p.wq }
func (e *pipeEnd) ready() (r, w, hup bool) {
	if e.r {
		r, hup = e.p.readable()
	}
	if e.w {
		w, hup = e.p.writable()
	}
	return
}
func (e *pipeEnd) stat() vfs.Stat {
	if e.st != nil {
		return *e.st
	}
	return vfs.Stat{Dev: 13, Ino: e.p.ino, Mode: vfs.S_IFIFO | 0o600, Nlink: 1, Blksize: 4096}
}
func (e *pipeEnd) release(*Task, *File) {
	r, w := 0, 0
	if e.r {
		r = -1
	}
	if e.w {
		w = -1
	}
	e.p.add(r, w)
}

func (k *Kernel) newPipe() *pipe {
	return &pipe{ino: uint64(20000 + k.forks.Add(0) + nextIno.Add(1))}
}

func (p *pipe) files() (r, w *File) {
	p.add(1, 1)
	r, w = newFile(&pipeEnd{p: p, r: true}, O_RDONLY), newFile(&pipeEnd{p: p, w: true}, O_WRONLY)
	r.name = "pipe:[" + strconv.FormatUint(p.ino, 10) + "]"
	w.name = r.name
	return
}

// Pipe is pipe(2).
func (t *Task) Pipe() (r, w int, err error) {
	t.enter()
	rf, wf := t.k.newPipe().files()
	rf.ref()
	wf.ref()
	if r, err = t.install(rf, 0, false); err != nil {
		wf.unref(t)
		return -1, -1, err
	}
	if w, err = t.install(wf, 0, false); err != nil {
		t.Close(r)
		return -1, -1, err
	}
	return r, w, nil
}

// HostPipe is a pipe with one end in the world and one outside of it: how an
// attached client's input reaches a process, or its output a client.
type HostPipe struct {
	p    *pipe
	f    *File
	once sync.Once
	in   bool
}

// InputPipe makes a pipe whose File processes read, and to which Write writes.
func (k *Kernel) InputPipe() *HostPipe {
	p := k.newPipe()
	r, _ := p.files()
	return &HostPipe{p: p, f: r, in: true}
}

// OutputPipe makes a pipe whose File processes write, and from which Read reads.
func (k *Kernel) OutputPipe() *HostPipe {
	p := k.newPipe()
	_, w := p.files()
	return &HostPipe{p: p, f: w}
}

// File is the end for Spawn.Files. It is closed when the last process that has it
// ends; if none was started, Drop it.
func (h *HostPipe) File() *File { return h.f }

// Drop closes the world's end where no process took it.
func (h *HostPipe) Drop() {
	if h.f.refs.Load() == 0 {
		h.f.ops.release(nil, h.f)
	}
}

// Write blocks until all is taken, or fails with EPIPE when no reader is left.
func (h *HostPipe) Write(b []byte) (int, error) {
	total := 0
	for total < len(b) {
		var n int
		var err error
		hostWait(func() bool {
			n, err = h.p.put(b[total:])
			return err != vfs.EAGAIN
		}, &h.p.wq)
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

// Read blocks until there is something, and gives io.EOF when no writer is left.
func (h *HostPipe) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	var n int
	var err error
	hostWait(func() bool {
		n, err = h.p.get(b)
		return err != vfs.EAGAIN
	}, &h.p.rq)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// Close closes the outer end: readers see the end of file, writers get SIGPIPE.
func (h *HostPipe) Close() error {
	h.once.Do(func() {
		if h.in {
			h.p.add(0, -1)
		} else {
			h.p.add(-1, 0)
		}
	})
	return nil
}

type fifoKey struct{ dev, ino uint64 }

// openFifo opens a fifo as Linux does: it waits for the other side.
func (t *Task) openFifo(st vfs.Stat, flags int) (*File, error) {
	k := t.k
	key := fifoKey{st.Dev, st.Ino}
	k.mu.Lock()
	if k.fifos == nil {
		k.fifos = map[fifoKey]*pipe{}
	}
	p := k.fifos[key]
	if p == nil {
		if len(k.fifos) > 4096 {
			for fk, fp := range k.fifos {
				fp.mu.Lock()
				idle := fp.readers == 0 && fp.writers == 0
				fp.mu.Unlock()
				if idle {
					delete(k.fifos, fk)
				}
			}
		}
		p = k.newPipe()
		k.fifos[key] = p
	}
	k.mu.Unlock()
	e := &pipeEnd{p: p, st: &st}
	acc := flags & O_ACCMODE
	e.r, e.w = acc != O_WRONLY, acc != O_RDONLY
	if e.w && !e.r && flags&O_NONBLOCK != 0 {
		p.mu.Lock()
		n := p.readers
		p.mu.Unlock()
		if n == 0 {
			return nil, vfs.ENXIO
		}
	}
	r, w := 0, 0
	if e.r {
		r = 1
	}
	if e.w {
		w = 1
	}
	p.add(r, w)
	f := newFile(e, flags)
	if flags&O_NONBLOCK == 0 && e.r != e.w {
		seen := false
		err := t.block(func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			seen = e.r && (p.writers > 0 || p.off < len(p.buf)) || e.w && p.readers > 0
			return seen
		}, &p.rq, &p.wq)
		if err != nil {
			p.add(-r, -w)
			return nil, err
		}
	}
	return f, nil
}
