// Package record sees every byte a client and the decoy exchange, and writes
// down what they mean before they take effect.
//
// # Place
//
// A [Conn] is a net.Conn that stands directly under net/http: below it lie TLS
// and the PROXY protocol, above it whatever reads HTTP. It frames both
// directions by itself, so it knows heads in their order and case, pipelined
// requests, hijacked streams, and what is no HTTP at all.
//
// # Order
//
// For each request: http.request when the head's last byte was read and before
// net/http gets it; http.body at the body's end; http.answer before the answer's
// first byte leaves, and that byte waits until the journal has all that came
// before it (journal.Patience at most); http.end after the last byte. In a
// hijacked stream each piece is a stream.chunk, written down before it goes on.
//
// # Bounds
//
// Heads are kept to MaxHead, bodies inline to event.Inline and beyond that as
// artifacts, streams to MaxStream. Caps a source bound what is kept, never the
// answer. A Conn holds no buffer while it is idle.
//
// # Concurrency
//
// net/http reads and writes a connection from two goroutines. mu guards the
// framing state of both directions; it is never held across a read, a write or
// a wait.
package record

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whalefall/whalefall/internal/artifact"
	"github.com/whalefall/whalefall/internal/event"
)

const (
	// MaxHead is how many bytes of a head are kept. net/http refuses heads over
	// 1 MiB + 4 KiB.
	MaxHead = 1<<20 + 8<<10
	// MaxStream is how many bytes of one direction of a hijacked stream are kept.
	MaxStream = 16 << 20
	// maxRaw is how many bytes of what is no HTTP are kept.
	maxRaw = 4 << 10
	// maxStart is how many body bytes go with an answer's head into its record.
	maxStart = 1 << 10
)

// Journal is what a recorder needs of the journal.
type Journal interface {
	Append(e *event.Event) (uint64, error)
	// Before calls send when the event seq is safe or too late, and returns when
	// send has.
	Before(seq uint64, send func())
}

// Config is what all connections of a sensor share.
type Config struct {
	Journal   Journal
	Artifacts *artifact.Store // nil: bodies beyond event.Inline are only hashed
	Persona   string
	// PerSource bounds the bytes of bodies and streams kept a source and day; 0 is 512 MiB.
	PerSource int64
	// ConnsPerSource bounds open connections a source; 0 is 4096. Beyond it the
	// source's oldest idle connection is closed.
	ConnsPerSource int
}

// Recorder makes recording connections.
type Recorder struct {
	cfg Config
	src sources
}

// New makes a recorder.
func New(cfg Config) *Recorder {
	if cfg.PerSource == 0 {
		cfg.PerSource = 512 << 20
	}
	if cfg.ConnsPerSource == 0 {
		cfg.ConnsPerSource = 4096
	}
	return &Recorder{cfg: cfg, src: sources{m: map[netip.Addr]*source{}}}
}

// Conn records a connection. It does not implement syscall.Conn: who needs to
// know that the client left reads it from Gone.
type Conn struct {
	net.Conn
	rec    *Recorder
	id     string
	source netip.AddrPort
	local  netip.AddrPort
	src    *source
	opened time.Time
	tls    bool

	in, out atomic.Int64
	active  atomic.Int64 // unix nanoseconds of the last byte
	gone    chan struct{}
	once    sync.Once // closes gone
	closed  sync.Once

	mu      sync.Mutex
	req     reqFramer
	ans     ansFramer
	reqs    []pending // heads that were read and not yet answered
	nreq    uint32    // requests read
	nans    uint32    // requests answered
	stream  bool      // hijacked
	streamI int64
	streamO int64
	streamN uint32 // the request that was hijacked
	streamT time.Time
	raw     []byte // what is no HTTP
	rawSize int64
	rawAns  []byte
	body    *bodyRec
	bodyOf  uint32
	end     *endRec
	spareH  hash.Hash
}

// pending is a request that waits for its answer.
type pending struct {
	n      uint32
	method string
	at     time.Time
}

type endRec struct {
	n       uint32
	status  int
	at      time.Time
	h       hash.Hash
	size    int64
	aborted bool
}

type bodyRec struct {
	h     hash.Hash
	buf   []byte
	size  int64
	art   *artifact.Writer
	drops bool // over a cap: only hashed
}

// Option says what is known of a connection beyond its addresses.
type Option struct {
	TLS     bool
	Proxied string // the PROXY peer's address
}

var b32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func newID() string {
	var b [10]byte
	rand.Read(b[:]) // never fails
	return "c" + b32.EncodeToString(b[:])
}

// Wrap records c from here on.
func (r *Recorder) Wrap(c net.Conn, o Option) *Conn {
	now := time.Now()
	rc := &Conn{Conn: c, rec: r, id: newID(), source: addrPort(c.RemoteAddr()), local: addrPort(c.LocalAddr()), opened: now, tls: o.TLS,
		gone: make(chan struct{})}
	rc.active.Store(now.UnixNano())
	rc.src = r.src.open(rc, r.cfg.ConnsPerSource)
	capped := ""
	if rc.src.kept.Load() > r.cfg.PerSource {
		capped = "bytes kept a day"
	}
	rc.emit(now, 0, event.ConnOpen, &event.ConnOpened{TLS: o.TLS, Proxied: o.Proxied, Capped: capped})
	return rc
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
	}
	if a == nil {
		return netip.AddrPort{}
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// ID is the connection's id.
func (c *Conn) ID() string { return c.id }

// Source is the client's address and port.
func (c *Conn) Source() netip.AddrPort { return c.source }

// Local is the sensor's address and port.
func (c *Conn) Local() netip.AddrPort { return c.local }

// Gone is closed when the client has left: a read or a write failed.
func (c *Conn) Gone() <-chan struct{} { return c.gone }

// Answering is the number of the request that net/http works on.
func (c *Conn) Answering() uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream {
		return c.streamN
	}
	if len(c.reqs) > 0 {
		return c.reqs[0].n
	}
	return c.nreq
}

// Emit adds what another package saw on this connection to the record.
func (c *Conn) Emit(kind event.Kind, data any) { c.emit(time.Now(), 0, kind, data) }

// events are spare: the journal keeps none, and each would be garbage at once.
var events = sync.Pool{New: func() any { return new(event.Event) }}

func (c *Conn) emit(at time.Time, n uint32, kind event.Kind, data any) uint64 {
	e := events.Get().(*event.Event) //nolint:forcetypeassert // nothing else is put there
	*e = event.Event{Time: at.UTC(), Kind: kind, Source: c.source.Addr(), Port: c.source.Port(), Local: c.local, Conn: c.id, Req: n,
		Persona: c.rec.cfg.Persona, Data: data}
	seq, _ := c.rec.cfg.Journal.Append(e) // the journal logs and counts its own faults
	*e = event.Event{}
	events.Put(e)
	return seq
}

// Read reads from the client and records what came before it is given on.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		now := time.Now()
		c.in.Add(int64(n))
		c.active.Store(now.UnixNano())
		c.mu.Lock()
		c.feedIn(p[:n], now)
		c.mu.Unlock()
	}
	if err != nil {
		if !timedOut(err) && !c.halfClosed(err) {
			c.leave()
		}
	}
	return n, err
}

// timedOut tells whether a deadline ended a read or write: the connection is still there.
func timedOut(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// halfClosed tells whether a read's end is only that of a hijacked stream's input:
// `docker run -i` closes its sending side when its own input ends, and still waits
// for the output. Who is gone altogether shows when something is written to it.
func (c *Conn) halfClosed(err error) bool {
	if !errors.Is(err, io.EOF) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stream
}

func (c *Conn) leave() { c.once.Do(func() { close(c.gone) }) }

// feedIn frames what the client sent; mu is held.
func (c *Conn) feedIn(p []byte, now time.Time) {
	for len(p) > 0 {
		if c.stream {
			c.chunkIn(p, now)
			return
		}
		used, ev := c.req.feed(p)
		chunk := p[:used]
		p = p[used:]
		switch ev {
		case reqMore:
		case reqHead:
			h := c.req.take()
			c.nreq++
			c.reqs = append(c.reqs, pending{c.nreq, h.Method, now})
			c.emit(now, c.nreq, event.HTTPRequest, h)
			if c.req.hasBody() {
				c.beginBody()
			}
		case reqBody:
			c.addBody(chunk[c.req.dataFrom:c.req.dataTo])
		case reqEnd:
			c.addBody(chunk[c.req.dataFrom:c.req.dataTo])
			c.endBody(now, false)
		case reqBad:
			if c.body != nil {
				c.endBody(now, true)
			}
			c.addRaw(chunk)
		}
	}
}

func (c *Conn) addRaw(p []byte) {
	if h := c.req.leftover(); len(h) > 0 {
		c.rawSize += int64(len(h))
		c.raw = append(c.raw, h[:min(len(h), maxRaw-len(c.raw))]...)
	}
	c.rawSize += int64(len(p))
	if room := maxRaw - len(c.raw); room > 0 {
		c.raw = append(c.raw, p[:min(len(p), room)]...)
	}
}

func (c *Conn) hash() hash.Hash {
	if h := c.spareH; h != nil {
		c.spareH = nil
		h.Reset()
		return h
	}
	return sha256.New()
}

func (c *Conn) beginBody() {
	c.body = &bodyRec{h: c.hash()}
	c.bodyOf = c.nreq
	c.body.drops = c.src.kept.Load() > c.rec.cfg.PerSource
}

func (c *Conn) addBody(p []byte) {
	b := c.body
	if b == nil || len(p) == 0 {
		return
	}
	b.h.Write(p)
	b.size += int64(len(p))
	if b.drops {
		b.buf = nil
		return
	}
	if c.src.kept.Add(int64(len(p))) > c.rec.cfg.PerSource {
		b.drops = true
		if b.art != nil {
			b.art.Abort()
			b.art = nil
		}
		return
	}
	if b.art != nil {
		_, _ = b.art.Write(p) // Commit tells what was not kept
		return
	}
	b.buf = append(b.buf, p...)
	if len(b.buf) > event.Inline {
		if c.rec.cfg.Artifacts == nil {
			b.drops = true
			b.buf = nil
			return
		}
		b.art = c.rec.cfg.Artifacts.Create()
		_, _ = b.art.Write(b.buf) // as above
		b.buf = nil
	}
}

func (c *Conn) endBody(now time.Time, truncated bool) {
	b := c.body
	if b == nil {
		return
	}
	c.body = nil
	d := &event.Body{Size: b.size, SHA256: hex.EncodeToString(b.h.Sum(nil)), Data: b.buf, Truncated: truncated}
	c.spareH = b.h
	if b.art != nil {
		// Part of a body is an artifact as well: droppers are cut off too.
		if _, _, err := b.art.Commit(); err == nil {
			d.Artifact = true
			c.emit(now, c.bodyOf, event.ArtifactKept, &event.Artifact{SHA256: d.SHA256, Size: d.Size, Origin: "body"})
		}
	}
	if b.size > 0 || truncated {
		c.emit(now, c.bodyOf, event.HTTPBody, d)
	}
}

func (c *Conn) chunkIn(p []byte, now time.Time) {
	if c.streamI < MaxStream && c.src.kept.Load() < c.rec.cfg.PerSource {
		c.emit(now, c.streamN, event.StreamChunk, &event.Chunk{Dir: "i", At: now.Sub(c.streamT).Microseconds(), Data: p})
		c.src.kept.Add(int64(len(p)))
	}
	c.streamI += int64(len(p))
}

// Write records what is about to be answered, waits until the record is safe and
// writes to the client.
func (c *Conn) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return c.Conn.Write(p)
	}
	now := time.Now()
	c.mu.Lock()
	wait, ended := c.feedOut(p, now)
	c.mu.Unlock()
	var n int
	var err error
	if wait > 0 {
		c.rec.cfg.Journal.Before(wait, func() { n, err = c.Conn.Write(p) })
	} else {
		n, err = c.Conn.Write(p)
	}
	c.out.Add(int64(n))
	now = time.Now()
	c.active.Store(now.UnixNano())
	for _, e := range ended {
		e.aborted = err != nil
		c.emitEnd(e, now)
	}
	if err != nil {
		if !timedOut(err) {
			c.leave()
		}
	}
	return n, err
}

// feedOut frames an answer; mu is held. It gives the number of the last event
// that must be safe before the bytes leave, and the answers that end here.
func (c *Conn) feedOut(p []byte, now time.Time) (wait uint64, ended []*endRec) {
	for len(p) > 0 {
		if c.stream {
			if c.streamO < MaxStream && c.src.kept.Load() < c.rec.cfg.PerSource {
				wait = c.emit(now, c.streamN, event.StreamChunk, &event.Chunk{Dir: "o", At: now.Sub(c.streamT).Microseconds(), Data: p})
				c.src.kept.Add(int64(len(p)))
			}
			c.streamO += int64(len(p))
			return wait, ended
		}
		if len(c.reqs) == 0 && c.end == nil && (c.req.bad || c.ans.loose) || c.rawAns != nil {
			// An answer to what is no HTTP.
			if len(c.rawAns) == 0 {
				c.rawAns = append(make([]byte, 0, 256), p[:min(len(p), maxStart)]...)
				wait = c.emitRaw(now)
			}
			return wait, ended
		}
		head := true
		if c.end != nil {
			head = false
		}
		method := ""
		if len(c.reqs) > 0 {
			method = c.reqs[0].method
		} else if c.end == nil {
			// net/http answers something whose head it did not like before it was whole.
			c.ans.loose = true
			c.req.giveUp()
			c.addRaw(nil)
			continue
		}
		used, ev := c.ans.feed(p, method)
		chunk := p[:used]
		p = p[used:]
		if head && ev != ansMore {
			a := c.ans.take()
			var n uint32
			at := now
			if len(c.reqs) > 0 {
				n, at = c.reqs[0].n, c.reqs[0].at
			}
			if ev == ansInterim {
				wait = c.emit(now, n, event.HTTPAnswer, a)
				continue
			}
			start := chunk[c.ans.dataFrom:c.ans.dataTo]
			if len(start) == 0 && ev == ansHead {
				start = p // the body's first bytes, chunk framing and all
			}
			a.Start = start[:min(len(start), maxStart)]
			if len(c.reqs) > 0 {
				c.reqs = c.reqs[1:]
				if len(c.reqs) == 0 {
					c.reqs = nil
				}
			}
			c.nans++
			wait = c.emit(now, n, event.HTTPAnswer, a)
			if ev == ansHijack {
				c.hijacked(n, now)
				continue
			}
			c.end = &endRec{n: n, status: a.Status, at: at, h: c.hash()}
		}
		if c.end != nil {
			d := chunk[c.ans.dataFrom:c.ans.dataTo]
			c.end.h.Write(d)
			c.end.size += int64(len(d))
			if ev == ansEnd {
				ended = append(ended, c.end)
				c.end = nil
			}
		}
	}
	return wait, ended
}

// hijacked turns both directions into a stream; mu is held.
func (c *Conn) hijacked(n uint32, now time.Time) {
	c.stream, c.streamN, c.streamT = true, n, now
	c.req.giveUp()
	if h := c.req.leftover(); len(h) > 0 {
		// What the client sent before it saw the answer.
		c.chunkIn(append([]byte(nil), h...), now)
	}
}

func (c *Conn) emitEnd(e *endRec, now time.Time) {
	d := &event.End{Status: e.status, Size: e.size, SHA256: hex.EncodeToString(e.h.Sum(nil)), Duration: now.Sub(e.at).Microseconds(), Aborted: e.aborted}
	c.emit(now, e.n, event.HTTPEnd, d)
	c.mu.Lock()
	if c.spareH == nil {
		c.spareH = e.h
	}
	c.mu.Unlock()
}

func (c *Conn) emitRaw(now time.Time) uint64 {
	if h := c.req.leftover(); len(h) > 0 {
		c.rawSize += int64(len(h))
		if room := maxRaw - len(c.raw); room > 0 {
			c.raw = append(c.raw, h[:min(len(h), room)]...)
		}
	}
	if c.rawSize == 0 && len(c.rawAns) == 0 {
		return 0
	}
	seq := c.emit(now, 0, event.ConnBytes, &event.Bytes{Data: c.raw, Size: c.rawSize, Answer: c.rawAns})
	c.raw, c.rawSize = nil, 0
	return seq
}

// CloseWrite ends the direction to the client where the transport can.
func (c *Conn) CloseWrite() error {
	// Docker's handlers end a hijacked stream so and leave the rest to the garbage
	// collector. The client has what was sent; a moment later the record, the
	// descriptor and the source's count are let go.
	c.mu.Lock()
	stream := c.stream
	c.mu.Unlock()
	if stream {
		time.AfterFunc(streamLinger, func() { _ = c.Close() })
	}
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return nil
}

// streamLinger is how long a stream that we ended stays open for what the client
// still sends.
const streamLinger = time.Second

// Close ends the connection and its record.
func (c *Conn) Close() error {
	err := c.Conn.Close()
	c.closed.Do(func() {
		c.leave()
		now := time.Now()
		c.mu.Lock()
		c.req.giveUp()
		c.endBody(now, true)
		if len(c.rawAns) == 0 || c.rawSize > 0 {
			c.emitRaw(now)
		}
		end := c.end
		c.end = nil
		unanswered := c.reqs
		c.reqs = nil
		untilClose := c.ans.untilClose
		stream := c.stream
		sizeO, n, t := c.streamO, c.streamN, c.streamT
		c.mu.Unlock()
		if end != nil {
			end.aborted = !untilClose
			c.emitEnd(end, now)
		}
		if stream {
			c.emit(now, n, event.HTTPEnd, &event.End{Status: c.ans.status, Size: sizeO, Duration: now.Sub(t).Microseconds()})
		}
		for _, p := range unanswered {
			c.emit(now, p.n, event.HTTPEnd, &event.End{Duration: now.Sub(p.at).Microseconds(), Aborted: true})
		}
		c.rec.src.close(c)
		c.emit(now, 0, event.ConnClose, &event.ConnClosed{In: c.in.Load(), Out: c.out.Load(), Duration: now.Sub(c.opened).Microseconds()})
	})
	return err
}

// Listener records every connection that ln accepts. opt may look at a
// connection before it is wrapped.
func (r *Recorder) Listener(ln net.Listener, opt func(net.Conn) Option) net.Listener {
	return &listener{ln, r, opt}
}

type listener struct {
	net.Listener
	r   *Recorder
	opt func(net.Conn) Option
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	var o Option
	if l.opt != nil {
		o = l.opt(c)
	}
	return l.r.Wrap(c, o), nil
}
