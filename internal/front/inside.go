package front

import (
	"context"
	"errors"
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

// client is the process's side.
type client struct {
	*kernel.ConnEnd
	gone func() // tells the daemon's side
}

func (c *client) Close() error {
	_ = c.ConnEnd.Close() // never fails
	c.gone()
	return nil
}

// server is the daemon's side; it tells engineapi whose connection it is.
type server struct {
	*kernel.ConnEnd
	c     world.Caller
	ctx   context.Context
	end   context.CancelFunc
	freed func()
	once  sync.Once

	mu    sync.Mutex
	timer *time.Timer // of the reader's deadline
}

func insidePair(c world.Caller, freed func()) (*client, *server) {
	a, b := kernel.ConnPair()
	ctx, end := context.WithCancel(context.Background())
	return &client{a, end}, &server{ConnEnd: b, c: c, ctx: ctx, end: end, freed: freed}
}

// Read words the end of time and of the connection as the net package does.
func (s *server) Read(p []byte) (int, error) {
	n, err := s.ConnEnd.Read(p)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		err = os.ErrDeadlineExceeded
	case errors.Is(err, vfs.ECONNRESET):
		err = net.ErrClosed
	}
	return n, err
}

func (s *server) Close() error {
	s.once.Do(func() {
		_ = s.ConnEnd.Close() // never fails
		_ = s.SetReadDeadline(time.Time{})
		s.end()
		s.freed()
	})
	return nil
}

func (s *server) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	d := time.Until(t)
	s.Expire(!t.IsZero() && d <= 0)
	if !t.IsZero() && d > 0 {
		s.timer = time.AfterFunc(d, func() { s.Expire(true) })
	}
	return nil
}

func (s *server) LocalAddr() net.Addr                { return insideAddr{} }
func (s *server) RemoteAddr() net.Addr               { return insideAddr{} }
func (s *server) SetDeadline(t time.Time) error      { return s.SetReadDeadline(t) }
func (s *server) SetWriteDeadline(t time.Time) error { return nil }

// What engineapi asks of a connection.
func (s *server) ID() string             { return s.c.Conn }
func (s *server) Source() netip.AddrPort { return netip.AddrPortFrom(s.c.Source, s.c.Port) }
func (s *server) Local() netip.AddrPort  { return s.c.Local }
func (s *server) Gone() <-chan struct{}  { return s.ctx.Done() }
func (s *server) Answering() uint32      { return s.c.Req }
