// Package listen turns an accepted TCP connection into the plaintext connection of
// a dockerd: PROXY protocol from listed peers, TLS as a daemon with --tls has it,
// and net/http's own error answers in the words of the persona's Go release.
//
// # Order
//
//	TCP -> PROXY header -> TLS -> (package record) -> Reword -> net/http
//
// [Wrap] makes what stands below the record, [Reword] what stands above: the record
// sees plaintext, and what it writes down is what leaves.
//
// # What blocks
//
// Accept never waits for a client: a PROXY header of a listed peer is read by a
// goroutine of its own, at most [HeaderTimeout] and at most maxPending of them at a
// time; a TLS handshake happens inside the connection's first Read. All goroutines
// end with the listener.
//
// # Never
//
// It believes no PROXY header from a peer that is not listed: its bytes are data. It
// verifies no client certificate and keeps no session ticket across restarts.
package listen

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/whalefall/whalefall/internal/event"
)

// HeaderTimeout is how long a listed peer may take for its PROXY header.
const HeaderTimeout = 5 * time.Second

// maxPending bounds connections whose PROXY header is not read yet.
const maxPending = 1024

// Config says what a listener does.
type Config struct {
	// ProxyPeers are the addresses whose PROXY header is believed, and required.
	ProxyPeers []netip.Prefix
	// Certificate makes it a TLS listener.
	Certificate *tls.Certificate
}

// Conn is what Accept of a wrapped listener returns.
type Conn struct {
	net.Conn
	proxied string
	tls     *tlsConn
}

// Proxied is the PROXY peer's address, empty without one.
func (c *Conn) Proxied() string { return c.proxied }

// TLS says whether the client speaks TLS.
func (c *Conn) TLS() bool { return c.tls != nil }

// OnHello sets what is called with the ClientHello, from the goroutine that reads
// first, before any plaintext is returned. It is not called without TLS.
func (c *Conn) OnHello(f func(event.TLSHello)) {
	if c.tls != nil {
		c.tls.onHello = f
	}
}

// OnPlain sets what is called with the bytes of a client that does not speak TLS
// to a TLS listener, and with what it was answered.
func (c *Conn) OnPlain(f func(data, answer []byte)) {
	if c.tls != nil {
		c.tls.onPlain = f
	}
}

// CloseWrite closes the sending side, as hijacked streams end.
func (c *Conn) CloseWrite() error {
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	if p, ok := c.Conn.(*proxyproto.Conn); ok {
		if t, ok := p.TCPConn(); ok {
			return t.CloseWrite()
		}
	}
	return c.Conn.Close()
}

type listener struct {
	net.Listener
	cfg   Config
	tls   *tls.Config
	ready chan net.Conn
	fail  chan error
	stop  chan struct{}
	once  sync.Once
	slots chan struct{}
	wg    sync.WaitGroup
}

// Wrap makes a listener whose connections are plaintext to the reader.
func Wrap(ln net.Listener, cfg Config) net.Listener {
	l := &listener{Listener: ln, cfg: cfg, ready: make(chan net.Conn), fail: make(chan error, 1),
		stop: make(chan struct{}), slots: make(chan struct{}, maxPending)}
	if cfg.Certificate != nil {
		l.tls = serverTLS(*cfg.Certificate)
	}
	if len(cfg.ProxyPeers) > 0 {
		l.wg.Add(1)
		go l.loop()
	}
	return l
}

// Accept returns the next connection that is ready.
func (l *listener) Accept() (net.Conn, error) {
	if len(l.cfg.ProxyPeers) == 0 {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		return l.dress(c, ""), nil
	}
	select {
	case c := <-l.ready:
		return c, nil
	case err := <-l.fail:
		l.fail <- err
		return nil, err
	}
}

// Close ends the listener and the goroutines that wait for headers.
func (l *listener) Close() error {
	err := l.Listener.Close()
	l.once.Do(func() { close(l.stop) })
	l.wg.Wait()
	return err
}

func (l *listener) loop() {
	defer l.wg.Done()
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			var ne net.Error
			if errors.As(err, &ne) && ne.Timeout() {
				continue
			}
			l.fail <- err
			return
		}
		if !l.listed(c.RemoteAddr()) {
			l.give(l.dress(c, ""))
			continue
		}
		select {
		case l.slots <- struct{}{}:
		default:
			_ = c.Close()
			continue
		}
		l.wg.Add(1)
		go func() {
			defer l.wg.Done()
			defer func() { <-l.slots }()
			done := make(chan struct{})
			defer close(done)
			go func() {
				select {
				case <-l.stop:
					_ = c.Close()
				case <-done:
				}
			}()
			p := proxyproto.NewConn(c, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(HeaderTimeout))
			h := p.ProxyHeader()
			if h == nil {
				// A listed peer that speaks without a header is a fault of the operator's set-up.
				_ = c.Close()
				return
			}
			l.give(l.dress(p, c.RemoteAddr().String()))
		}()
	}
}

func (l *listener) give(c net.Conn) {
	select {
	case l.ready <- c:
	case <-l.stop:
		_ = c.Close()
	}
}

func (l *listener) listed(a net.Addr) bool {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return false
	}
	for _, p := range l.cfg.ProxyPeers {
		if p.Contains(ap.Addr().Unmap()) {
			return true
		}
	}
	return false
}

func (l *listener) dress(c net.Conn, proxied string) *Conn {
	out := &Conn{Conn: c, proxied: proxied}
	if l.tls != nil {
		t := &tlsConn{raw: &sniffer{Conn: c}}
		t.Conn = tls.Server(t.raw, l.tls)
		out.Conn, out.tls = t, t
	}
	return out
}
