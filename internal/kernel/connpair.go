package kernel

import (
	"context"
	"io"
	"sync"

	"github.com/whalefall/whalefall/internal/vfs"
)

// ConnBuffer is how many bytes wait in one direction of a pair.
const ConnBuffer = 64 << 10

// flow is one direction of a pair: bytes with an end, and a reader whose time may be
// over.
type flow struct {
	mu     sync.Mutex
	cond   sync.Cond
	buf    []byte
	ended  bool // no more will be written
	broken bool // nobody reads any more
	late   bool // the reader's time is over
}

func newFlow() *flow {
	f := &flow{}
	f.cond.L = &f.mu
	return f
}

func (f *flow) read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.buf) == 0 && !f.ended && !f.broken && !f.late {
		f.cond.Wait()
	}
	switch {
	case f.late:
		return 0, context.DeadlineExceeded
	case f.broken:
		return 0, vfs.ECONNRESET
	case len(f.buf) == 0:
		return 0, io.EOF
	}
	n := copy(p, f.buf)
	if f.buf = f.buf[n:]; len(f.buf) == 0 {
		f.buf = nil
	}
	f.cond.Broadcast()
	return n, nil
}

func (f *flow) write(p []byte) (done int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(p) > 0 {
		for len(f.buf) >= ConnBuffer && !f.broken && !f.ended {
			f.cond.Wait()
		}
		if f.broken || f.ended {
			return done, vfs.EPIPE
		}
		n := min(len(p), ConnBuffer-len(f.buf))
		f.buf = append(f.buf, p[:n]...)
		p, done = p[n:], done+n
		f.cond.Broadcast()
	}
	return done, nil
}

func (f *flow) end() {
	f.mu.Lock()
	f.ended = true
	f.cond.Broadcast()
	f.mu.Unlock()
}

func (f *flow) breakOff() {
	f.mu.Lock()
	f.broken, f.buf = true, nil
	f.cond.Broadcast()
	f.mu.Unlock()
}

func (f *flow) expire(late bool) {
	f.mu.Lock()
	f.late = late
	f.cond.Broadcast()
	f.mu.Unlock()
}

// ConnEnd is one end of a connection in memory, a [Conn].
type ConnEnd struct{ in, out *flow }

// ConnPair makes a connection whose ends are in memory: what is written at one is
// read at the other.
func ConnPair() (a, b *ConnEnd) {
	x, y := newFlow(), newFlow()
	return &ConnEnd{x, y}, &ConnEnd{y, x}
}

// Read reads what the other side wrote; io.EOF after its end, ECONNRESET after the
// own, context.DeadlineExceeded while the time is over.
func (e *ConnEnd) Read(p []byte) (int, error) { return e.in.read(p) }

// Write blocks while the other side is ConnBuffer bytes behind. It fails with EPIPE
// once either side has ended.
func (e *ConnEnd) Write(p []byte) (int, error) { return e.out.write(p) }

// CloseWrite tells the other side that no more will come.
func (e *ConnEnd) CloseWrite() error { e.out.end(); return nil }

// Close ends both directions: what was written can still be read by the other
// side, what it writes from now on fails.
func (e *ConnEnd) Close() error {
	e.out.end()
	e.in.breakOff()
	return nil
}

// Expire says whether the time of Reads is over, those that wait now too: deadlines
// are the business of who has a clock.
func (e *ConnEnd) Expire(late bool) { e.in.expire(late) }
