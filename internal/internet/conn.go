package internet

import (
	"io"
	"sync"

	"github.com/whalefall/whalefall/internal/vfs"
)

// bufSize is how many bytes wait in one direction of a connection.
const bufSize = 64 << 10

// queue is one direction of a connection.
type queue struct {
	mu     sync.Mutex
	cond   *sync.Cond
	buf    []byte
	ended  bool // no more will be written
	broken bool // nobody reads any more
}

func newQueue() *queue {
	q := &queue{}
	q.cond = sync.NewCond(&q.mu)
	return q
}

func (q *queue) read(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.buf) == 0 && !q.ended && !q.broken {
		q.cond.Wait()
	}
	if q.broken {
		return 0, vfs.ECONNRESET
	}
	if len(q.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(p, q.buf)
	q.buf = q.buf[n:]
	if len(q.buf) == 0 {
		q.buf = nil
	}
	q.cond.Broadcast()
	return n, nil
}

func (q *queue) write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	done := 0
	for len(p) > 0 {
		for len(q.buf) >= bufSize && !q.broken && !q.ended {
			q.cond.Wait()
		}
		if q.broken || q.ended {
			return done, vfs.EPIPE
		}
		n := min(len(p), bufSize-len(q.buf))
		q.buf = append(q.buf, p[:n]...)
		p = p[n:]
		done += n
		q.cond.Broadcast()
	}
	return done, nil
}

func (q *queue) end() {
	q.mu.Lock()
	q.ended = true
	q.cond.Broadcast()
	q.mu.Unlock()
}

func (q *queue) break_() {
	q.mu.Lock()
	q.broken = true
	q.buf = nil
	q.cond.Broadcast()
	q.mu.Unlock()
}

// end is one side of a connection.
type end struct{ in, out *queue }

func newPair() (a, b *end) {
	x, y := newQueue(), newQueue()
	return &end{x, y}, &end{y, x}
}

// Read reads what the other side wrote; io.EOF after its end.
func (e *end) Read(p []byte) (int, error) { return e.in.read(p) }

// Write blocks while the other side is bufSize bytes behind.
func (e *end) Write(p []byte) (int, error) { return e.out.write(p) }

// CloseWrite tells the other side that no more will come.
func (e *end) CloseWrite() error { e.out.end(); return nil }

// Close ends both directions: what was written can still be read by the other
// side, what it writes from now on fails.
func (e *end) Close() error {
	e.out.end()
	e.in.break_()
	return nil
}
