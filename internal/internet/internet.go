// Package internet is what a world can dial: names, servers and pools that exist
// nowhere.
//
// # Promise
//
// A name resolves to one address for good, different in each installation; a
// connection opens; an answer comes of the kind the name and port promise, so
// that an attacker's script goes on to its next step. Nothing here opens a real
// socket: a connection is two queues in memory, its server a goroutine that ends
// when the connection does.
//
// # What is served
//
// HTTP on every port that speaks it first (also inside "TLS", which is only a
// name here): scripts, archives, programs, "what is my address" services, package
// mirrors' answers. Banners on the ports that greet. Stratum for miners. Elsewhere
// silence, as of a server that waits. The scripts are ours and do nothing.
//
// # Bounds
//
// A connection holds at most kernel.ConnBuffer bytes each way; a request's head at
// most 64 KiB; a body is read and dropped.
package internet

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// Config says what the internet of an installation is made from.
type Config struct {
	// Secret makes addresses differ between installations.
	Secret []byte
	// Public is what "what is my address" services tell.
	Public netip.Addr
	// Arch is the machine the programs that are served are for; "x86_64" if empty.
	Arch string
}

// Internet implements kernel.Network. It is safe for use by many goroutines.
type Internet struct {
	cfg Config
}

// New makes an internet.
func New(cfg Config) *Internet {
	if cfg.Arch == "" {
		cfg.Arch = "x86_64"
	}
	return &Internet{cfg: cfg}
}

var _ kernel.Network = (*Internet)(nil)

func (n *Internet) hash(parts ...string) [32]byte {
	m := hmac.New(sha256.New, n.cfg.Secret)
	for _, p := range parts {
		m.Write([]byte(p))
		m.Write([]byte{0})
	}
	return [32]byte(m.Sum(nil))
}

// Lookup resolves a name. Names of one label, and those that never exist on the
// internet, do not.
func (n *Internet) Lookup(_ kernel.NetContext, name, qtype string) ([]netip.Addr, error) {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	labels := strings.Split(name, ".")
	if len(labels) < 2 || len(name) > 253 {
		return nil, kernel.ErrNoName
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 {
			return nil, kernel.ErrNoName
		}
	}
	switch labels[len(labels)-1] {
	case "local", "localhost", "lan", "home", "internal", "onion", "test":
		return nil, kernel.ErrNoName
	}
	if qtype == "AAAA" {
		return nil, nil
	}
	return []netip.Addr{n.Address(name)}, nil
}

// Address is where a name lives: a public IPv4 address made from the name.
func (n *Internet) Address(name string) netip.Addr {
	for i := 0; ; i++ {
		h := n.hash("address", name, strconv.Itoa(i))
		a := netip.AddrFrom4([4]byte(h[:4]))
		if public(a) {
			return a
		}
	}
}

// public tells whether an address can be a server's on the internet.
func public(a netip.Addr) bool {
	b := a.As4()
	switch {
	case !a.IsGlobalUnicast() || a.IsPrivate(), b[0] == 0, b[0] >= 224, b[0] == 100 && b[1]&0xc0 == 64, b[0] == 192 && b[1] == 0,
		b[0] == 198 && (b[1] == 18 || b[1] == 19), b[0] == 198 && b[1] == 51 && b[2] == 100, b[0] == 203 && b[1] == 0 && b[2] == 113, b[3] == 0, b[3] == 255:
		return false
	}
	return true
}

// Dial opens a connection. Private networks have nobody in them.
func (n *Internet) Dial(c kernel.NetContext, network string, addr netip.AddrPort, name string) (kernel.Conn, error) {
	a := addr.Addr().Unmap()
	if !a.IsValid() || a.IsMulticast() || a.IsUnspecified() {
		return nil, vfs.ENETUNREACH
	}
	if a.Is6() {
		return nil, vfs.ENETUNREACH
	}
	if a == netip.AddrFrom4([4]byte{169, 254, 169, 254}) {
		if addr.Port() != 80 {
			return nil, vfs.ECONNREFUSED
		}
	} else if a.IsPrivate() || a.IsLinkLocalUnicast() {
		return nil, vfs.EHOSTUNREACH
	}
	cl, sv := kernel.ConnPair()
	s := &server{n: n, c: sv, r: bufio.NewReaderSize(sv, 4096), addr: addr, name: name, argv: c.Proc.Argv, udp: strings.HasPrefix(network, "udp"), tls: network == "tls"}
	go func() {
		defer sv.Close()
		s.serve()
	}()
	return cl, nil
}

// server answers one connection.
type server struct {
	n    *Internet
	c    *kernel.ConnEnd
	r    *bufio.Reader
	addr netip.AddrPort
	name string
	argv []string
	udp  bool
	tls  bool
}

func (s *server) serve() {
	if s.udp {
		_, _ = io.Copy(io.Discard, s.r)
		return
	}
	switch s.addr.Port() {
	case 21:
		s.say("220 (vsFTPd 3.0.3)\r\n")
		s.lines(func(l string) string {
			if strings.HasPrefix(strings.ToUpper(l), "USER") {
				return "331 Please specify the password.\r\n"
			}
			return "530 Please login with USER and PASS.\r\n"
		})
		return
	case 22:
		s.say("SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.10\r\n")
		_, _ = io.Copy(io.Discard, s.r)
		return
	case 25, 587:
		s.say("220 mail ESMTP Postfix (Ubuntu)\r\n")
		s.lines(func(l string) string {
			if strings.HasPrefix(strings.ToUpper(l), "QUIT") {
				return ""
			}
			return "250 2.0.0 Ok\r\n"
		})
		return
	case 23:
		s.say("\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27")
		_, _ = io.Copy(io.Discard, s.r)
		return
	}
	// Who speaks first tells what it speaks.
	first, err := s.r.Peek(1)
	if err != nil {
		return
	}
	switch {
	case first[0] == '{':
		s.stratum()
	case first[0] == '*' || s.addr.Port() == 6379:
		s.lines(func(l string) string {
			if strings.HasPrefix(l, "*") || strings.HasPrefix(l, "$") {
				return "\x00"
			}
			if strings.EqualFold(l, "PING") {
				return "+PONG\r\n"
			}
			return "-NOAUTH Authentication required.\r\n"
		})
	case first[0] >= 'A' && first[0] <= 'Z':
		s.http()
	default:
		_, _ = io.Copy(io.Discard, s.r)
	}
}

func (s *server) say(t string) { _, _ = io.WriteString(s.c, t) } // to a caller that has gone, nothing is said

// lines answers line by line; an empty answer ends the talk, "\x00" says nothing.
func (s *server) lines(f func(string) string) {
	for {
		l, err := s.r.ReadString('\n')
		if err != nil || len(l) > 64<<10 {
			return
		}
		switch a := f(strings.TrimRight(l, "\r\n")); a {
		case "":
			return
		case "\x00":
		default:
			s.say(a)
		}
	}
}

// stratum lets a miner log in and gives it work that never ends.
func (s *server) stratum() {
	blob := func(tag string, n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			h := s.n.hash("job", s.name, tag, strconv.Itoa(i))
			fmt.Fprintf(&b, "%x", h)
		}
		return b.String()[:n]
	}
	count := 0
	s.lines(func(l string) string {
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		if json.Unmarshal([]byte(l), &m) != nil {
			return ""
		}
		if len(m.ID) == 0 || len(m.ID) > 64 {
			m.ID = json.RawMessage("null")
		}
		count++
		switch m.Method {
		case "login":
			return fmt.Sprintf(`{"id":%s,"jsonrpc":"2.0","error":null,"result":{"id":"%s","job":{"blob":"%s","job_id":"%s","target":"b88d0600","algo":"rx/0","height":%d,"seed_hash":"%s"},"extensions":["algo","nicehash","connect","tls","keepalive"],"status":"OK"}}`+"\n",
				m.ID, blob("session", 16), "1010"+blob("blob", 148), blob("id", 16), 3_100_000+int(s.n.hash("height", s.name)[0]), blob("seed", 64))
		case "keepalived":
			return fmt.Sprintf(`{"id":%s,"jsonrpc":"2.0","error":null,"result":{"status":"KEEPALIVED"}}`+"\n", m.ID)
		case "mining.subscribe":
			return fmt.Sprintf(`{"id":%s,"result":[[["mining.notify","%s"]],"%s",4],"error":null}`+"\n", m.ID, blob("notify", 16), blob("extra", 8))
		case "mining.authorize":
			return fmt.Sprintf(`{"id":%s,"result":true,"error":null}`+"\n", m.ID)
		case "submit":
			return fmt.Sprintf(`{"id":%s,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}`+"\n", m.ID)
		}
		return fmt.Sprintf(`{"id":%s,"jsonrpc":"2.0","error":null,"result":true}`+"\n", m.ID)
	})
}

// http answers requests until the client ends or asks for the end.
func (s *server) http() {
	for {
		req, err := http.ReadRequest(s.r)
		if err != nil {
			s.say("HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			return
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(req.Body, 64<<20))
		if req.Method == http.MethodConnect {
			s.say("HTTP/1.1 405 Method Not Allowed\r\nServer: nginx\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			return
		}
		host := req.Host
		if h, _, ok := strings.Cut(host, ":"); ok && !strings.Contains(h, "[") {
			host = h
		}
		if host == "" {
			host = s.name
		}
		a := s.n.answer(host, req.URL.Path, s.argv)
		var b bytes.Buffer
		size := int64(0)
		if a.body != nil {
			size = a.body.Size()
		}
		fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\nServer: nginx\r\nContent-Type: %s\r\nContent-Length: %d\r\n", a.status, http.StatusText(a.status), a.kind, size)
		if req.Close || !req.ProtoAtLeast(1, 1) {
			b.WriteString("Connection: close\r\n\r\n")
		} else {
			b.WriteString("Connection: keep-alive\r\n\r\n")
		}
		if _, err := s.c.Write(b.Bytes()); err != nil {
			return
		}
		if req.Method != http.MethodHead && size > 0 {
			buf := make([]byte, 32<<10)
			for off := int64(0); off < size; {
				n, err := a.body.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
				if n == 0 && err != nil {
					return
				}
				if _, err := s.c.Write(buf[:n]); err != nil {
					return
				}
				off += int64(n)
			}
		}
		if req.Close || !req.ProtoAtLeast(1, 1) {
			return
		}
	}
}

type answer struct {
	status int
	kind   string
	body   vfs.Content
}

// whatIsMyAddress are the services scripts ask for their own address.
var whatIsMyAddress = map[string]bool{"ifconfig.me": true, "icanhazip.com": true, "ipv4.icanhazip.com": true, "api.ipify.org": true, "checkip.amazonaws.com": true, "ident.me": true,
	"v4.ident.me": true, "ip.sb": true, "api.ip.sb": true, "ipecho.net": true, "ipinfo.io": true, "ifconfig.co": true, "ip.me": true, "myip.ipip.net": true, "ipv4.ip.sb": true, "whatismyip.akamai.com": true,
	"wtfismyip.com": true, "myexternalip.com": true, "bot.whatismyipaddress.com": true, "l2.io": true, "eth0.me": true, "ip.cip.cc": true}

// answer decides what a URL serves.
func (n *Internet) answer(host, path string, argv []string) answer {
	host = strings.ToLower(host)
	if whatIsMyAddress[host] {
		ip := n.cfg.Public.String()
		if !n.cfg.Public.IsValid() {
			ip = n.Address("public address").String()
		}
		if strings.HasSuffix(path, "/json") {
			return answer{200, "application/json", vfs.Text(`{"ip":"` + ip + `"}` + "\n")}
		}
		return answer{200, "text/plain", vfs.Text(ip + "\n")}
	}
	if host == "169.254.169.254" {
		return answer{404, "text/html", vfs.Text("<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<html><head><title>404 - Not Found</title></head><body><h1>404 - Not Found</h1></body></html>\n")}
	}
	base := path[strings.LastIndexByte(path, '/')+1:]
	ext := ""
	if i := strings.LastIndexByte(base, '.'); i > 0 {
		ext = strings.ToLower(base[i+1:])
	}
	switch ext {
	case "sh", "bash", "txt", "jpg", "png", "css":
		if ext == "jpg" || ext == "png" || ext == "css" {
			// Droppers hide scripts behind such names; browsers do not come here.
			if !toStdout(argv) {
				return answer{404, "text/html", vfs.Text(notFound)}
			}
		}
		return answer{200, "text/x-sh", vfs.Text(script)}
	case "py":
		return answer{200, "text/x-python", vfs.Text("#!/usr/bin/env python\nimport sys\n")}
	case "pl":
		return answer{200, "text/x-perl", vfs.Text("#!/usr/bin/perl\nuse strict;\n")}
	case "json":
		return answer{200, "application/json", vfs.Text("{}\n")}
	case "html", "htm", "php":
		return answer{200, "text/html", vfs.Text("<html><body></body></html>\n")}
	case "gz", "tgz", "tar", "zip":
		return n.archive(host, path, base, ext)
	case "":
		if base == "" {
			return answer{200, "text/html", vfs.Text("<html>\n<head><title>Index of /</title></head>\n<body>\n<h1>Index of /</h1><hr><pre><a href=\"../\">../</a>\n</pre><hr></body>\n</html>\n")}
		}
		if toStdout(argv) {
			return answer{200, "application/octet-stream", vfs.Text(script)}
		}
	}
	h := n.hash("size", host, path)
	size := 400_000 + int64(binary.BigEndian.Uint32(h[:4])%6_000_000)
	return answer{200, "application/octet-stream", kernel.ELF("download:"+host+path, size, n.arch(base))}
}

func (n *Internet) arch(base string) string {
	low := strings.ToLower(base)
	if strings.Contains(low, "aarch64") || strings.Contains(low, "arm64") {
		return "aarch64"
	}
	return n.cfg.Arch
}

// toStdout tells whether the download goes to a pipe rather than a file, by the
// command line that asks: then it is code for a shell.
func toStdout(argv []string) bool {
	if len(argv) == 0 {
		return true
	}
	cmd := argv[0][strings.LastIndexByte(argv[0], '/')+1:]
	switch cmd {
	case "wget", "busybox":
		for i, a := range argv[1:] {
			if a == "-" || strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && strings.HasSuffix(a, "O-") || a == "--output-document=-" {
				return true
			}
			if strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && strings.HasSuffix(a, "O") && i+2 < len(argv) && argv[i+2] == "-" {
				return true
			}
		}
		return false
	case "curl":
		for _, a := range argv[1:] {
			if a == "-O" || a == "--remote-name" || a == "--output" || strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && strings.ContainsAny(a, "oO") {
				return false
			}
		}
		return true
	}
	return true
}

const notFound = "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"

// script is the second stage that every name serves: it opens as such scripts do,
// and does nothing.
const script = `#!/bin/sh
PATH=$PATH:/bin:/sbin:/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin
export PATH
ulimit -n 65535 2>/dev/null
cd /tmp 2>/dev/null || cd /
true
`
