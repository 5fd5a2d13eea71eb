package front

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/whalefall/whalefall/internal/engineapi"
	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
	"github.com/whalefall/whalefall/internal/world"
)

// maxInside bounds the connections that processes of all worlds have open to their
// daemon.
const maxInside = 512

// ServeInside lets a host's worlds reach their own daemon, by its socket and its
// ports: api answers over connections in memory, as the world's owner's. The
// returned function ends it.
func ServeInside(h *world.Host, api http.Handler) (stop func()) {
	ln := &insideListener{conns: make(chan net.Conn), over: make(chan struct{})}
	srv := &http.Server{Handler: api, ReadHeaderTimeout: 5 * time.Minute, ConnContext: engineapi.ConnContext, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	slots := make(chan struct{}, maxInside)
	h.SetAPI(func(c world.Caller) (kernel.Conn, error) {
		select {
		case slots <- struct{}{}:
		default:
			return nil, vfs.EAGAIN
		}
		a, b := insidePair(c, func() { <-slots })
		select {
		case ln.conns <- b:
			return a, nil
		case <-ln.over:
			_, _ = a.Close(), b.Close() // nobody has them yet
			return nil, vfs.ECONNREFUSED
		}
	})
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ln) }()
	return func() {
		_ = ln.Close()
		_ = srv.Close()
		<-done
	}
}

type insideListener struct {
	conns chan net.Conn
	over  chan struct{}
	once  sync.Once
}

func (l *insideListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.over:
		return nil, net.ErrClosed
	}
}
func (l *insideListener) Close() error   { l.once.Do(func() { close(l.over) }); return nil }
func (l *insideListener) Addr() net.Addr { return insideAddr{} }

type insideAddr struct{}

func (insideAddr) Network() string { return "unix" }
func (insideAddr) String() string  { return "@" }

// insideBuf is how many bytes wait in one direction.
const insideBuf = 64 << 10

// flow is one direction of a connection: bytes with an end and a reader's deadline.
type flow struct {
	mu     sync.Mutex
	cond   sync.Cond
	buf    []byte
	ended  bool // no more will be written
	broken bool // nobody reads any more
	late   bool // the reader's deadline is over
	timer  *time.Timer
}

func newFlow() *flow { f := &flow{}; f.cond.L = &f.mu; return f }

func (f *flow) read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.buf) == 0 && !f.ended && !f.broken && !f.late {
		f.cond.Wait()
	}
	switch {
	case f.late:
		return 0, os.ErrDeadlineExceeded
	case f.broken:
		return 0, net.ErrClosed
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
		for len(f.buf) >= insideBuf && !f.broken && !f.ended {
			f.cond.Wait()
		}
		if f.broken || f.ended {
			return done, vfs.EPIPE
		}
		n := min(len(p), insideBuf-len(f.buf))
		f.buf = append(f.buf, p[:n]...)
		p, done = p[n:], done+n
		f.cond.Broadcast()
	}
	return done, nil
}

func (f *flow) set(what *bool) {
	f.mu.Lock()
	*what = true
	f.cond.Broadcast()
	f.mu.Unlock()
}

func (f *flow) deadline(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
	f.late = false
	if d := time.Until(t); !t.IsZero() && d <= 0 {
		f.late = true
	} else if !t.IsZero() {
		f.timer = time.AfterFunc(d, func() { f.set(&f.late) })
	}
	f.cond.Broadcast()
}

// client is the process's side.
type client struct {
	in, out *flow
	gone    func() // tells the daemon's side
}

func (c *client) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *client) Write(p []byte) (int, error) { return c.out.write(p) }
func (c *client) CloseWrite() error           { c.out.set(&c.out.ended); return nil }
func (c *client) Close() error {
	c.out.set(&c.out.ended)
	c.in.set(&c.in.broken)
	c.gone()
	return nil
}

// server is the daemon's side; it tells engineapi whose connection it is.
type server struct {
	in, out *flow
	c       world.Caller
	ctx     context.Context
	end     context.CancelFunc
	freed   func()
	once    sync.Once
}

func insidePair(c world.Caller, freed func()) (*client, *server) {
	x, y := newFlow(), newFlow()
	ctx, end := context.WithCancel(context.Background())
	return &client{x, y, end}, &server{in: y, out: x, c: c, ctx: ctx, end: end, freed: freed}
}

func (s *server) Read(p []byte) (int, error)  { return s.in.read(p) }
func (s *server) Write(p []byte) (int, error) { return s.out.write(p) }
func (s *server) CloseWrite() error           { s.out.set(&s.out.ended); return nil }

func (s *server) Close() error {
	s.once.Do(func() {
		s.out.set(&s.out.ended)
		s.in.set(&s.in.broken)
		s.in.deadline(time.Time{})
		s.end()
		s.freed()
	})
	return nil
}

func (s *server) LocalAddr() net.Addr                { return insideAddr{} }
func (s *server) RemoteAddr() net.Addr               { return insideAddr{} }
func (s *server) SetDeadline(t time.Time) error      { s.in.deadline(t); return nil }
func (s *server) SetReadDeadline(t time.Time) error  { s.in.deadline(t); return nil }
func (s *server) SetWriteDeadline(t time.Time) error { return nil }

// What engineapi asks of a connection.
func (s *server) ID() string             { return s.c.Conn }
func (s *server) Source() netip.AddrPort { return netip.AddrPortFrom(s.c.Source, s.c.Port) }
func (s *server) Local() netip.AddrPort  { return s.c.Local }
func (s *server) Gone() <-chan struct{}  { return s.ctx.Done() }
func (s *server) Answering() uint32      { return s.c.Req }
