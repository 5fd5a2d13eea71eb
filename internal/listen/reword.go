package listen

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"sync"
)

// Reword makes a listener whose connections word net/http's own error answers as
// the given minor release of Go does. It stands above package record and hands on
// what that package's connections can tell. Releases from 1.20 on are worded as this
// program's own.
func Reword(ln net.Listener, goMinor int) net.Listener {
	if goMinor >= 20 {
		return ln
	}
	return &rewordListener{ln}
}

type rewordListener struct{ net.Listener }

func (l *rewordListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &rewordConn{Conn: c}, nil
}

// rewordConn remembers the head that was read last, to see what an older net/http
// would have said of it.
type rewordConn struct {
	net.Conn
	mu   sync.Mutex
	last []byte // the first bytes read since the last write, maxLast at most
}

const maxLast = 16 << 10

func (c *rewordConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.mu.Lock()
		if len(c.last) == 0 {
			n = dropNameless(p[:n])
		}
		if room := maxLast - len(c.last); room > 0 {
			c.last = append(c.last, p[:min(n, room)]...)
		}
		c.mu.Unlock()
	}
	return n, err
}

// dropNameless takes lines without a name out of a head that p begins with and has
// whole: Go 1.19 passed them over, this program's net/http refuses them. It gives the
// new length. What is recorded is what came.
func dropNameless(p []byte) int {
	end := bytes.Index(p, []byte("\r\n\r\n"))
	if end < 0 || !bytes.Contains(p[:end], []byte("\n:")) {
		return len(p)
	}
	n := len(p)
	for {
		i := bytes.Index(p[:end], []byte("\n:"))
		if i < 0 {
			return n
		}
		l := bytes.IndexByte(p[i+1:n], '\n') + 1 // the head's own end is behind it
		copy(p[i+1:], p[i+1+l:n])
		n, end = n-l, end-l
		if end <= i {
			return n
		}
	}
}

// bare is net/http's answer to what it cannot parse.
var bare = []byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request")

func (c *rewordConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	last := c.last
	c.last = nil
	c.mu.Unlock()
	if bytes.Equal(p, bare) {
		if why := complaint19(last); why != "" {
			q := "HTTP/1.1 400 Bad Request: " + why + "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request: " + why
			if _, err := c.Conn.Write([]byte(q)); err != nil {
				return 0, err
			}
			return len(p), nil
		}
	}
	return c.Conn.Write(p)
}

// complaint19 is what Go 1.19 objects to in a head that textproto let through then
// and refuses today: names and values were only looked at by net/http.
func complaint19(b []byte) string {
	head, _, ok := strings.Cut(string(b), "\r\n\r\n")
	if !ok {
		return ""
	}
	lines := strings.Split(head, "\r\n")
	f := strings.Split(lines[0], " ")
	if len(f) != 3 || !strings.HasPrefix(f[2], "HTTP/1.") {
		return ""
	}
	name, value := false, false
	for _, l := range lines[1:] {
		k, v, ok := strings.Cut(l, ":")
		if !ok {
			return ""
		}
		if strings.EqualFold(k, "host") && strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' }) {
			return "malformed Host header"
		}
		for i := 0; i < len(k); i++ {
			if k[i] >= 0x80 {
				name = true
			}
		}
		for i := 0; i < len(v); i++ {
			if v[i] < ' ' && v[i] != '\t' || v[i] == 0x7f {
				value = true
			}
		}
	}
	switch {
	case name:
		return "invalid header name"
	case value:
		return "invalid header value"
	}
	return ""
}

// What the connection below can tell is told above as well.

// CloseWrite closes the sending side.
func (c *rewordConn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return c.Conn.Close()
}

// ID is the record's id of the connection.
func (c *rewordConn) ID() string {
	if w, ok := c.Conn.(interface{ ID() string }); ok {
		return w.ID()
	}
	return ""
}

// Source is the client's address.
func (c *rewordConn) Source() netip.AddrPort {
	if w, ok := c.Conn.(interface{ Source() netip.AddrPort }); ok {
		return w.Source()
	}
	return addrPort(c.Conn.RemoteAddr())
}

// Local is the sensor's own address and port.
func (c *rewordConn) Local() netip.AddrPort {
	if w, ok := c.Conn.(interface{ Local() netip.AddrPort }); ok {
		return w.Local()
	}
	return addrPort(c.Conn.LocalAddr())
}

// Gone is closed when the client has left; nil where nobody can tell.
func (c *rewordConn) Gone() <-chan struct{} {
	if w, ok := c.Conn.(interface{ Gone() <-chan struct{} }); ok {
		return w.Gone()
	}
	return nil
}

// Answering is the number of the request that is being answered.
func (c *rewordConn) Answering() uint32 {
	if w, ok := c.Conn.(interface{ Answering() uint32 }); ok {
		return w.Answering()
	}
	return 0
}

func addrPort(a net.Addr) netip.AddrPort {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
