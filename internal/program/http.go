package program

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// webURL is a URL as curl and wget take it apart: forgiving.
type webURL struct {
	scheme, user, host, path string
	port                     uint16
	explicit                 bool // the port was written
}

func (u *webURL) authority() string {
	h := u.host
	if strings.Contains(h, ":") {
		h = "[" + h + "]"
	}
	if u.explicit && u.port != defaultPort(u.scheme) {
		return h + ":" + strconv.Itoa(int(u.port))
	}
	return h
}

func (u *webURL) String() string { return u.scheme + "://" + u.authority() + u.path }

func defaultPort(scheme string) uint16 {
	switch scheme {
	case "https":
		return 443
	case "ftp":
		return 21
	}
	return 80
}

// parseURL gives the reason where it fails.
func parseURL(s string) (*webURL, string) {
	s = strings.TrimSpace(s)
	u := &webURL{scheme: "http"}
	if i := strings.Index(s, "://"); i >= 0 {
		u.scheme, s = strings.ToLower(s[:i]), s[i+3:]
	}
	if i := strings.IndexByte(s, '#'); i >= 0 {
		s = s[:i]
	}
	host := s
	if i := strings.IndexAny(s, "/?"); i >= 0 {
		host, u.path = s[:i], s[i:]
	}
	if u.path == "" || u.path[0] == '?' {
		u.path = "/" + u.path
	}
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		u.user, host = host[:i], host[i+1:]
	}
	u.port = defaultPort(u.scheme)
	if strings.HasPrefix(host, "[") {
		i := strings.IndexByte(host, ']')
		if i < 0 {
			return nil, "bad IPv6"
		}
		u.host, host = host[1:i], host[i+1:]
	} else if i := strings.IndexByte(host, ':'); i >= 0 {
		u.host, host = host[:i], host[i:]
	} else {
		u.host, host = host, ""
	}
	if strings.HasPrefix(host, ":") && len(host) > 1 {
		n, err := strconv.ParseUint(host[1:], 10, 16)
		if err != nil {
			return nil, "bad port"
		}
		u.port, u.explicit = uint16(n), true
	}
	if u.host == "" {
		return nil, "no host"
	}
	return u, ""
}

// resolve makes a Location absolute.
func (u *webURL) resolve(loc string) (*webURL, string) {
	switch {
	case strings.Contains(loc, "://"):
		return parseURL(loc)
	case strings.HasPrefix(loc, "//"):
		return parseURL(u.scheme + ":" + loc)
	}
	n := *u
	if strings.HasPrefix(loc, "/") {
		n.path = loc
	} else {
		n.path = u.path[:strings.LastIndexByte(u.path, '/')+1] + loc
	}
	return &n, ""
}

type webResponse struct {
	line    string // HTTP/1.1 200 OK
	status  int
	headers [][2]string
	length  int64 // -1 unknown
	body    io.Reader
	raw     string // the head as it came
	fd      int
}

func (r *webResponse) get(name string) string {
	for _, h := range r.headers {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

// dialWeb connects for a URL. https goes over network "tls": the Network plays the
// server's side of TLS, and plain HTTP is spoken over it.
func (p *P) dialWeb(u *webURL, addr netip.Addr) (int, error) {
	network := "tcp"
	if u.scheme == "https" {
		network = "tls"
	}
	return p.t.DialAddr(network, netip.AddrPortFrom(addr, u.port), u.host)
}

// errEmpty tells that a server closed before it answered.
var errEmpty = fmt.Errorf("empty reply")

// exchange sends a request and reads the answer's head.
func (p *P) exchange(fd int, head string, body []byte, method string) (*webResponse, error) {
	w := p.t.Writer(fd)
	if _, err := w.Write(append([]byte(head), body...)); err != nil {
		return nil, err
	}
	br := bufio.NewReaderSize(p.t.Reader(fd), 16<<10)
	for {
		r := &webResponse{length: -1, fd: fd}
		var raw strings.Builder
		for i := 0; i < 200; i++ {
			l, err := br.ReadString('\n')
			raw.WriteString(l)
			if err != nil && (i == 0 || l == "") {
				if raw.Len() == 0 {
					return nil, errEmpty
				}
				break
			}
			if raw.Len() > 256<<10 {
				return nil, vfs.EIO
			}
			l = strings.TrimRight(l, "\r\n")
			if i == 0 {
				r.line = l
				if !strings.HasPrefix(l, "HTTP/") {
					return nil, fmt.Errorf("no http")
				}
				if f := strings.Fields(l); len(f) > 1 {
					r.status, _ = strconv.Atoi(f[1])
				}
				continue
			}
			if l == "" {
				break
			}
			k, v, _ := strings.Cut(l, ":")
			r.headers = append(r.headers, [2]string{k, strings.TrimSpace(v)})
		}
		r.raw = raw.String()
		if r.status >= 100 && r.status < 200 {
			continue
		}
		switch {
		case method == "HEAD" || r.status == 204 || r.status == 304:
			r.body, r.length = strings.NewReader(""), 0
			if n, err := strconv.ParseInt(r.get("Content-Length"), 10, 64); err == nil && method == "HEAD" {
				r.length = n
			}
		case strings.Contains(strings.ToLower(r.get("Transfer-Encoding")), "chunked"):
			r.body = &chunked{r: br}
		default:
			if n, err := strconv.ParseInt(r.get("Content-Length"), 10, 64); err == nil && n >= 0 {
				r.length = n
				r.body = io.LimitReader(br, n)
			} else {
				r.body = br
			}
		}
		return r, nil
	}
}

type chunked struct {
	r    *bufio.Reader
	left int64
	end  bool
}

func (c *chunked) Read(p []byte) (int, error) {
	for c.left == 0 {
		if c.end {
			return 0, io.EOF
		}
		l, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, io.EOF
		}
		s := strings.TrimSpace(string(l))
		if s == "" {
			continue
		}
		s, _, _ = strings.Cut(s, ";")
		n, err := strconv.ParseInt(s, 16, 62)
		if err != nil || n < 0 {
			return 0, vfs.EIO
		}
		if n == 0 {
			c.end = true
			return 0, io.EOF
		}
		c.left = n
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// lookupFailed tells an unknown name from a resolver that does not answer.
func lookupFailed(err error) (string, bool) {
	if e, ok := errors.AsType[kernel.LookupError](err); ok {
		return e.Error(), true
	}
	return "", false
}
