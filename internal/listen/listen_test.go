package listen_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/listen"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func local(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// serve answers with the client's address until the test ends.
func serve(t *testing.T, ln net.Listener) {
	t.Helper()
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) })}
	done := make(chan struct{})
	go func() { srv.Serve(ln); close(done) }()
	t.Cleanup(func() { srv.Close(); ln.Close(); <-done })
}

func talk(t *testing.T, addr, send string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(c, send)
	b, _ := io.ReadAll(c)
	return string(b)
}

const ask = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

// TestProxy: a listed peer's header is believed and needed, others' is data.
func TestProxy(t *testing.T) {
	for _, tc := range []struct {
		name, peers, send, want string
	}{
		{"v1 from a listed peer", "127.0.0.0/8", "PROXY TCP4 203.0.113.9 127.0.0.1 4711 2375\r\n" + ask, "203.0.113.9:4711"},
		{"v1 IPv6", "127.0.0.0/8", "PROXY TCP6 2001:db8::1 ::1 4711 2375\r\n" + ask, "[2001:db8::1]:4711"},
		{"v2", "127.0.0.1/32", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\x7f\x00\x00\x01\x12\x67\x09\x47" + ask, "203.0.113.9:4711"},
		{"a listed peer without a header", "127.0.0.0/8", ask, ""},
		{"a header from nobody", "10.0.0.0/8", "PROXY TCP4 203.0.113.9 127.0.0.1 4711 2375\r\n" + ask, "400 Bad Request"},
		{"no peers at all", "", "PROXY TCP4 203.0.113.9 127.0.0.1 4711 2375\r\n" + ask, "400 Bad Request"},
		{"not listed, no header", "10.0.0.0/8", ask, "127.0.0.1:"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var cfg listen.Config
			if tc.peers != "" {
				cfg.ProxyPeers = []netip.Prefix{netip.MustParsePrefix(tc.peers)}
			}
			ln := local(t)
			serve(t, listen.Wrap(ln, cfg))
			got := talk(t, ln.Addr().String(), tc.send)
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q in it", got, tc.want)
			}
		})
	}
}

// TestProxySlow: a peer that never finishes its header holds nobody up.
func TestProxySlow(t *testing.T) {
	ln := local(t)
	serve(t, listen.Wrap(ln, listen.Config{ProxyPeers: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}))
	slow, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	io.WriteString(slow, "PROXY TCP4 ")
	got := talk(t, ln.Addr().String(), "PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\n"+ask)
	if !strings.Contains(got, "203.0.113.9:1") {
		t.Errorf("got %q", got)
	}
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	c, k, err := listen.NewCertificate(listen.CertConfig{Host: "node7", NotBefore: time.Now().Add(-time.Hour), Bits: 2048,
		Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.7")}})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(c, k)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// hooked calls back for each connection, as the sensor does between listen and record.
type hooked struct {
	net.Listener
	hook func(*listen.Conn)
}

func (h hooked) Accept() (net.Conn, error) {
	c, err := h.Listener.Accept()
	if err != nil {
		return nil, err
	}
	h.hook(c.(*listen.Conn))
	return c, nil
}

// TestTLS: the hello is told before the request, and agrees with crypto/tls.
func TestTLS(t *testing.T) {
	cert := certificate(t)
	ln := local(t)
	hellos := make(chan event.TLSHello, 1)
	serve(t, hooked{listen.Wrap(ln, listen.Config{Certificate: &cert}), func(c *listen.Conn) {
		if !c.TLS() {
			t.Error("not TLS")
		}
		c.OnHello(func(h event.TLSHello) { hellos <- h })
	}})
	c, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{InsecureSkipVerify: true, ServerName: "node7", NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, ask)
	b, _ := io.ReadAll(c)
	st := c.ConnectionState()
	c.Close()
	if !strings.Contains(string(b), "127.0.0.1:") {
		t.Errorf("answer %q", b)
	}
	if st.NegotiatedProtocol != "http/1.1" || st.PeerCertificates[0].Subject.CommonName != "node7" || len(st.PeerCertificates) != 1 {
		t.Errorf("state %+v", st)
	}
	if iss := st.PeerCertificates[0].Issuer.String(); iss != "CN=node7,O=Internet Widgits Pty Ltd,ST=Some-State,C=AU" {
		t.Errorf("issuer %s", iss)
	}
	h := <-hellos
	if h.ServerName != "node7" || fmt.Sprint(h.ALPN) != "[h2 http/1.1]" {
		t.Errorf("hello %+v", h)
	}
	if !regexp.MustCompile(`^t13d\d{4}h2_[0-9a-f]{12}_[0-9a-f]{12}$`).MatchString(h.JA4) || len(h.JA3) != 32 {
		t.Errorf("fingerprints %+v", h)
	}
}

// TestTLSAgrees compares what we read with what crypto/tls read of the same bytes.
func TestTLSAgrees(t *testing.T) {
	cert := certificate(t)
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	var buf []byte
	info := make(chan *tls.ClientHelloInfo, 1)
	srv := tls.Server(teeConn{b, &buf}, &tls.Config{Certificates: []tls.Certificate{cert}, GetConfigForClient: func(i *tls.ClientHelloInfo) (*tls.Config, error) {
		info <- i
		return nil, io.EOF
	}})
	go tls.Client(a, &tls.Config{ServerName: "x", InsecureSkipVerify: true}).Handshake()
	srv.Handshake()
	i := <-info
	h, err := listen.ParseHello(buf)
	if err != nil {
		t.Fatal(err)
	}
	var cs, es []string
	for _, c := range i.CipherSuites {
		cs = append(cs, fmt.Sprint(c))
	}
	for _, e := range i.Extensions {
		es = append(es, fmt.Sprint(e))
	}
	want := "771," + strings.Join(cs, "-") + "," + strings.Join(es, "-") + ","
	if !strings.HasPrefix(h.JA3String, want) {
		t.Errorf("got  %s\nwant %s...", h.JA3String, want)
	}
}

type teeConn struct {
	net.Conn
	buf *[]byte
}

func (c teeConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	*c.buf = append(*c.buf, p[:n]...)
	return n, err
}

// TestPlainOnTLS: HTTP on the TLS port gets net/http's answer, anything else nothing.
func TestPlainOnTLS(t *testing.T) {
	cert := certificate(t)
	ln := local(t)
	plain := make(chan string, 4)
	serve(t, hooked{listen.Wrap(ln, listen.Config{Certificate: &cert}), func(c *listen.Conn) {
		c.OnPlain(func(d, a []byte) { plain <- string(d) })
	}})
	if got := talk(t, ln.Addr().String(), ask); got != "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n" {
		t.Errorf("got %q", got)
	}
	if got := <-plain; !strings.HasPrefix(got, "GET / HTTP/1.1") {
		t.Errorf("told %q", got)
	}
	if got := talk(t, ln.Addr().String(), "SSH-2.0-x\r\n"); len(got) > 7 {
		t.Errorf("got %q", got)
	}
	<-plain
}

// TestReword: an older Go says why it refuses a header.
func TestReword(t *testing.T) {
	for _, tc := range []struct{ head, old, new string }{
		{"GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n", "400 Bad Request: invalid header value", "400 Bad Request"},
		{"GET / HTTP/1.1\r\nHost: x\r\nX\x80: v\r\n\r\n", "400 Bad Request: invalid header name", "400 Bad Request"},
		{"GET / HTTP/1.1\r\nHost: \x01\r\n\r\n", "400 Bad Request: malformed Host header", "400 Bad Request"},
		{"GARBAGE\r\n\r\n", "400 Bad Request", "400 Bad Request"},
		{"GET / HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header", "400 Bad Request: missing required Host header"},
	} {
		for minor, want := range map[int]string{19: tc.old, 26: tc.new} {
			ln := local(t)
			serve(t, listen.Reword(ln, minor))
			got := talk(t, ln.Addr().String(), tc.head)
			if !strings.HasPrefix(got, "HTTP/1.1 "+want+"\r\n") || !strings.HasSuffix(got, "\r\n\r\n"+want) {
				t.Errorf("go1.%d, %q: got %q", minor, tc.head, got)
			}
		}
	}
}

// Go 1.19 passed over a header without a name; today's net/http refuses it.
func TestNamelessHeaders(t *testing.T) {
	for _, head := range []string{"GET /a HTTP/1.1\r\nHost: x\r\n: v\r\n\r\n", "GET /a HTTP/1.1\r\n: v\r\nHost: x\r\n:\r\n: : w\r\nA: b\r\n\r\n"} {
		for minor, want := range map[int]string{19: "HTTP/1.1 200 OK\r\n", 26: "HTTP/1.1 400 Bad Request"} {
			ln := local(t)
			serve(t, listen.Reword(ln, minor))
			if got := talk(t, ln.Addr().String(), strings.Replace(head, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)); !strings.HasPrefix(got, want) {
				t.Errorf("go1.%d, %q: got %q, want %q", minor, head, got, want)
			}
		}
	}
}

func FuzzParseHello(f *testing.F) {
	f.Add([]byte("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03"))
	f.Add([]byte{22, 3, 1, 0, 48, 1, 0, 0, 44, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 19, 1, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := listen.ParseHello(b)
		if err == nil && (len(h.JA3) != 32 || strings.Count(h.JA4, "_") != 2) {
			t.Errorf("%+v", h)
		}
	})
}
