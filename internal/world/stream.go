package world

import (
	"errors"
	"io"
	"sync"
)

// pipeLimit is the bound of dockerd's BytesPipe: a writer waits beyond it.
const pipeLimit = 1000000

// bytePipe is pkg/ioutils.BytesPipe: a buffer between a process's output and one
// client. Its write blocks while the client is pipeLimit behind.
type bytePipe struct {
	mu     sync.Mutex
	cond   *sync.Cond
	buf    []byte
	closed bool
	err    error
}

func newBytePipe() *bytePipe {
	p := &bytePipe{}
	p.cond = sync.NewCond(&p.mu)
	return p
}

func (p *bytePipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	total := 0
	for len(b) > 0 {
		for !p.closed && len(p.buf) >= pipeLimit {
			p.cond.Wait()
		}
		if p.closed {
			return total, io.ErrClosedPipe
		}
		n := min(len(b), pipeLimit-len(p.buf))
		p.buf = append(p.buf, b[:n]...)
		b = b[n:]
		total += n
		p.cond.Broadcast()
	}
	return total, nil
}

func (p *bytePipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.buf) == 0 {
		if p.closed {
			if p.err != nil {
				return 0, p.err
			}
			return 0, io.EOF
		}
		p.cond.Wait()
	}
	n := copy(b, p.buf)
	p.buf = p.buf[n:]
	if len(p.buf) == 0 {
		p.buf = nil
	}
	p.cond.Broadcast()
	return n, nil
}

// Close ends the pipe; what is in it can still be read.
func (p *bytePipe) Close() error { return p.closeWith(nil) }

func (p *bytePipe) closeWith(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed, p.err = true, err
		p.cond.Broadcast()
	}
	return nil
}

// chunk is a piece of output.
type chunk struct {
	stderr bool
	data   []byte
}

// tap is one client's view of a process's output, both streams in the order they
// were written. A writer waits while the client is pipeLimit behind.
type tap struct {
	mu       sync.Mutex
	cond     *sync.Cond
	out, err bool // which streams it takes
	q        []chunk
	size     int
	closed   bool
	free     bool // writers wait no more: what does not fit is dropped
}

func (t *tap) put(stderr bool, b []byte) bool {
	if stderr && !t.err || !stderr && !t.out {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for !t.closed && !t.free && t.size >= pipeLimit {
		t.cond.Wait()
	}
	if t.closed {
		return false
	}
	if t.size >= pipeLimit {
		return true
	}
	t.q = append(t.q, chunk{stderr, append([]byte(nil), b...)})
	t.size += len(b)
	t.cond.Broadcast()
	return true
}

// get waits for the next piece; ok is false at the end.
func (t *tap) get() (c chunk, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.q) == 0 {
		if t.closed {
			return chunk{}, false
		}
		t.cond.Wait()
	}
	c = t.q[0]
	t.q[0] = chunk{}
	t.q = t.q[1:]
	t.size -= len(c.data)
	t.cond.Broadcast()
	return c, true
}

func (t *tap) end(free bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if free {
		t.free = true
	} else {
		t.closed = true
	}
	t.cond.Broadcast()
}

// stream is container/stream.Config: where a container's or exec's output goes
// to and its input comes from. It is good for one run; a new run gets a new one.
type stream struct {
	mu    sync.Mutex
	taps  []*tap    // one a client
	stdin *bytePipe // nil when the input is closed from the start
	done  bool
	free  bool
}

func newStream(openStdin bool) *stream {
	s := &stream{}
	if openStdin {
		s.stdin = newBytePipe()
	}
	return s
}

// tap adds a reader of stdout, stderr or both.
func (s *stream) tap(out, err bool) *tap {
	t := &tap{out: out, err: err}
	t.cond = sync.NewCond(&t.mu)
	s.mu.Lock()
	defer s.mu.Unlock()
	t.closed, t.free = s.done, s.free
	if !s.done {
		s.taps = append(s.taps, t)
	}
	return t
}

// write sends output to all that listen; one that is gone is forgotten.
func (s *stream) write(stderr bool, b []byte) {
	s.mu.Lock()
	list := append([]*tap(nil), s.taps...)
	s.mu.Unlock()
	for _, t := range list {
		if !t.put(stderr, b) {
			s.drop(t)
		}
	}
}

func (s *stream) drop(t *tap) {
	t.end(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, q := range s.taps {
		if q == t {
			s.taps = append(s.taps[:i:i], s.taps[i+1:]...)
			return
		}
	}
}

// letGo lets the process's writes wait for no client any more: it is to die.
func (s *stream) letGo() {
	s.mu.Lock()
	s.free = true
	list := append([]*tap(nil), s.taps...)
	s.mu.Unlock()
	for _, t := range list {
		t.end(true)
	}
}

// close ends all readers; what they have not read yet they still get.
func (s *stream) close() {
	s.mu.Lock()
	s.done = true
	list := s.taps
	s.taps = nil
	in := s.stdin
	s.mu.Unlock()
	for _, t := range list {
		t.end(false)
	}
	if in != nil {
		_ = in.Close()
	}
}

// errDetached says that the client typed the detach sequence.
var errDetached = errors.New("read escape sequence")

// escapeReader is term's escape proxy: it ends with errDetached when the keys
// come one after the other.
type escapeReader struct {
	r    io.Reader
	keys []byte
	pos  int
	held []byte
}

func (e *escapeReader) Read(b []byte) (int, error) {
	if len(e.keys) == 0 || len(b) == 0 {
		return e.r.Read(b)
	}
	for {
		if len(e.held) > 0 && e.pos == 0 {
			n := copy(b, e.held)
			e.held = e.held[n:]
			return n, nil
		}
		n, err := e.r.Read(b)
		out := make([]byte, 0, n+len(e.keys))
		for i := range n {
			if b[i] == e.keys[e.pos] {
				e.pos++
				if e.pos == len(e.keys) {
					copied := copy(b, out)
					return copied, errDetached
				}
				continue
			}
			out = append(out, e.keys[:e.pos]...)
			e.pos = 0
			if b[i] == e.keys[0] {
				e.pos = 1
				if len(e.keys) == 1 {
					return copy(b, out), errDetached
				}
				continue
			}
			out = append(out, b[i])
		}
		if err != nil && e.pos > 0 {
			out = append(out, e.keys[:e.pos]...)
			e.pos = 0
		}
		c := copy(b, out)
		if c < len(out) {
			e.held = append(e.held, out[c:]...)
		}
		if c > 0 || err != nil {
			return c, err
		}
	}
}

// detachKeys reads a sequence such as "ctrl-p,ctrl-q", as moby/term.ToBytes does.
func detachKeys(s string) ([]byte, bool) {
	var out []byte
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != ',' {
			continue
		}
		k := s[start:i]
		start = i + 1
		switch {
		case len(k) == 1:
			out = append(out, k[0])
		case len(k) == 6 && k[:5] == "ctrl-" && k[5] >= 'a' && k[5] <= 'z':
			out = append(out, k[5]-'a'+1)
		case len(k) == 6 && k[:5] == "ctrl-" && k[5] == '@':
			out = append(out, 0)
		case len(k) == 6 && k[:5] == "ctrl-" && k[5] >= '[' && k[5] <= '_':
			out = append(out, k[5]-'['+27)
		case k == "DEL":
			out = append(out, 127)
		default:
			return nil, false
		}
	}
	return out, true
}
