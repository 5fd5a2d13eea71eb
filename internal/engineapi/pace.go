package engineapi

import (
	"bufio"
	"context"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/whalefall/whalefall/internal/persona"
)

// pacer holds an answer back until a real daemon would have it: the time is drawn
// from a log-normal distribution through the route's median and 95th percentile, and
// what our own work took is part of it. What fails before any work is answered at
// once, as a daemon does.
type pacer struct {
	http.ResponseWriter
	ctx   context.Context
	until time.Time
}

// outside is about what an answer takes on its way beyond the handler; the table's
// figures have it in them.
const outside = 250 * time.Microsecond

// pace gives the request's pacer, nil where it is answered as fast as may be.
func (s *Server) pace(rt *route, w http.ResponseWriter, r *http.Request) *pacer {
	if !s.cfg.Latency {
		return nil
	}
	sp := rt.span
	if rt.spanForced.P50 != 0 {
		if f := r.URL.Query().Get("force"); f == "1" || f == "true" {
			sp = rt.spanForced
		}
	}
	if sp.P50 == 0 {
		if rt.String() != attachRoute {
			return nil
		}
		return &pacer{ResponseWriter: w, ctx: r.Context()}
	}
	return &pacer{ResponseWriter: w, ctx: r.Context(), until: time.Now().Add(draw(sp) - outside)}
}

// attachRoute has no span: its answer's head comes at once, the log after it.
const attachRoute = "POST /containers/{name:.*}/attach"

// afterHead is the least time between the head of a hijacked answer and what follows:
// a daemon opens a log or starts a process meanwhile. A client that reads the head by a
// buffer of its own, as Python's does, loses what comes in the same segment.
const afterHead = time.Millisecond

func draw(sp persona.Span) time.Duration {
	sigma := math.Log(float64(sp.P95)/float64(sp.P50)) / 1.645
	d := time.Duration(float64(sp.P50) * math.Exp(sigma*rand.NormFloat64())) //nolint:gosec // a delay, no secret
	return min(d, 4*sp.P95)
}

// atRuntime tells whether an error came from containerd or runc, after the daemon's
// own work.
func atRuntime(text string) bool {
	return strings.Contains(text, "OCI runtime") || strings.Contains(text, "failed to create task") || strings.Contains(text, "failed to create shim")
}

// hurry lets the answer go at once.
func (p *pacer) hurry() { p.until = time.Time{} }

// wait waits once. At the end of a request it is for handlers that leave the answer
// to net/http.
func (p *pacer) wait() {
	until := p.until
	p.hurry()
	sleepUntil(until, p.ctx.Done())
}

// fine bounds how many answers wait for less than coarse at a time, a thread each.
var fine = make(chan struct{}, 64)

// coarse is what a timer of the Go runtime may be late on a machine that idles.
const coarse = 2 * time.Millisecond

func sleepUntil(until time.Time, done <-chan struct{}) {
	if time.Until(until) <= 0 {
		return
	}
	if d := time.Until(until) - coarse; d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-done:
			return
		}
	}
	select {
	case fine <- struct{}{}:
		defer func() { <-fine }()
		if d := time.Until(until); d > 0 {
			ts := syscall.NsecToTimespec(int64(d))
			_ = syscall.Nanosleep(&ts, nil) // a signal ends it early, and that is all
		}
	default:
		if d := time.Until(until); d > 0 {
			time.Sleep(d)
		}
	}
}

func (p *pacer) WriteHeader(code int) {
	if code == http.StatusNotModified { // nothing was to be done
		p.hurry()
	}
	p.wait()
	p.ResponseWriter.WriteHeader(code)
}

func (p *pacer) Write(b []byte) (int, error) {
	p.wait()
	return p.ResponseWriter.Write(b)
}

func (p *pacer) Flush() {
	p.wait()
	if f, ok := p.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Hijack gives a connection whose head goes at once: Docker sends
// it before the process begins, and what the process prints comes later.
func (p *pacer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h, ok := p.ResponseWriter.(http.Hijacker)
	if !ok {
		return nil, nil, http.ErrNotSupported
	}
	c, rw, err := h.Hijack()
	if err != nil {
		return nil, nil, err
	}
	until := p.until
	p.hurry() // the rest is the connection's
	return &pacedConn{Conn: c, until: until}, rw, nil
}

// Unwrap is for http.ResponseController.
func (p *pacer) Unwrap() http.ResponseWriter { return p.ResponseWriter }

type pacedConn struct {
	net.Conn
	until time.Time
	mu    sync.Mutex
	end   string // of the head, as far as it was written
	head  bool   // was written whole
}

func (c *pacedConn) Write(b []byte) (int, error) {
	c.wait()
	n, err := c.Conn.Write(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.head { // Docker writes it in pieces
		c.end += string(b)
		c.end = c.end[max(0, len(c.end)-4):]
		if c.head = c.end == "\r\n\r\n"; c.head {
			if next := time.Now().Add(afterHead); c.until.Before(next) {
				c.until = next
			}
		}
	}
	return n, err
}

func (c *pacedConn) wait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.head {
		// The request's context does not end with a hijacked connection.
		sleepUntil(c.until, nil)
	}
}

// Close ends the stream of a process that printed nothing.
func (c *pacedConn) Close() error {
	c.wait()
	return c.Conn.Close()
}

// CloseWrite is what Docker's handlers end a stream with.
func (c *pacedConn) CloseWrite() error {
	c.wait()
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return c.Conn.Close()
}
