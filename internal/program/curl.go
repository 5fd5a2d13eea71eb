package program

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// curlLong maps long options to letters; ":" takes an argument.
var curlLong = map[string]string{
	"output": "o:", "remote-name": "O", "silent": "s", "show-error": "S", "location": "L", "fail": "f", "insecure": "k", "head": "I", "include": "i", "data": "d:", "data-raw": "d:", "data-ascii": "d:",
	"data-binary": "db:", "data-urlencode": "du:", "header": "H:", "user-agent": "A:", "request": "X:", "proxy": "x:", "user": "u:", "referer": "e:", "cookie": "b:", "cookie-jar": "c:", "form": "F:", "get": "G",
	"verbose": "v", "max-time": "m:", "connect-timeout": "ct:", "retry": "rt:", "compressed": "cp", "ipv4": "4", "ipv6": "6", "write-out": "w:", "upload-file": "T:", "range": "r:", "progress-bar": "#", "version": "V",
	"help": "h", "globoff": "g", "socks5": "x:", "socks5-hostname": "x:", "socks4": "x:", "resolve": "rs:", "interface": "if:", "http1.1": "p1", "http2": "p1", "http1.0": "p1", "tlsv1": "p1", "tlsv1.2": "p1", "tlsv1.3": "p1", "ssl": "p1", "location-trusted": "L", "create-dirs": "cd",
	"dump-header": "D:", "max-redirs": "mr:", "no-buffer": "N", "url": "url:", "retry-delay": "rd:", "retry-max-time": "rd:", "limit-rate": "rd:", "fail-with-body": "f", "unix-socket": "us:", "cacert": "rd:", "noproxy": "rd:", "speed-time": "rd:", "speed-limit": "rd:", "keepalive-time": "rd:", "json": "js:", "doh-url": "rd:", "dns-servers": "rd:", "output-dir": "od:", "remote-header-name": "J", "no-progress-meter": "np", "parallel": "Z", "path-as-is": "p1", "proto": "rd:", "proxy-insecure": "k", "no-keepalive": "p1", "tcp-nodelay": "p1", "retry-connrefused": "p1", "raw": "p1", "ciphers": "rd:", "ftp-pasv": "p1", "ftp-skip-pasv-ip": "p1", "disable-epsv": "p1",
}

const curlShort = "o:OsSLfkIid:H:A:X:x:u:e:b:c:F:Gvm:46w:T:r:#Vhgy:Y:C:D:NqJZz:E:0123jlnpaBtMK:P:Q:U:R"

type curl struct {
	p       *P
	f       flags
	headers []string
	data    []string
	forms   []string
	urls    []string
	outs    []string
	remote  string // the address of the last connection
}

func cmdCurl(p *P) int {
	c := &curl{p: p, f: flags{}}
	args := p.args
	bad := func(a, why string) int {
		p.unknown("option", a)
		p.raw("curl: option %s: %s\ncurl: try 'curl --help' or 'curl --manual' for more information\n", a, why)
		return 2
	}
	take := func(k, v string) {
		c.f[k] = v
		switch k {
		case "H":
			c.headers = append(c.headers, v)
		case "d", "db", "du", "js":
			if strings.HasPrefix(v, "@") {
				var b []byte
				if v == "@-" {
					b = p.readAll(p.in)
				} else {
					b, _ = p.t.ReadFile(v[1:])
				}
				if k == "d" {
					b = bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\n"), nil), []byte("\r"), nil)
				}
				v = string(b)
			} else if k == "du" {
				name, val, has := strings.Cut(v, "=")
				if has {
					v = name + "=" + urlEscape(val)
					if name == "" {
						v = v[1:]
					}
				} else {
					v = urlEscape(v)
				}
			}
			c.data = append(c.data, v)
			c.f["d"] = ""
		case "F":
			c.forms = append(c.forms, v)
		case "o":
			c.outs = append(c.outs, v)
		case "O":
			c.outs = append(c.outs, "\x00remote")
		case "url":
			c.urls = append(c.urls, v)
		}
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case strings.HasPrefix(a, "--") && len(a) > 2:
			name := a[2:]
			k, known := curlLong[name]
			if !known {
				if rest, no := strings.CutPrefix(name, "no-"); no && curlLong[rest] != "" {
					continue
				}
				return bad(a, "is unknown")
			}
			if strings.HasSuffix(k, ":") {
				if i++; i >= len(args) {
					return bad(a, "requires parameter")
				}
				take(k[:len(k)-1], args[i])
			} else {
				take(k, "")
			}
		case len(a) > 1 && a[0] == '-':
			for j := 1; j < len(a); j++ {
				k := strings.IndexByte(curlShort, a[j])
				if k < 0 || a[j] == ':' {
					return bad("-"+a[j:], "is unknown")
				}
				if k+1 < len(curlShort) && curlShort[k+1] == ':' {
					v := a[j+1:]
					if v == "" {
						if i++; i >= len(args) {
							return bad("-"+a[j:], "requires parameter")
						}
						v = args[i]
					}
					take(a[j:j+1], v)
					break
				}
				take(a[j:j+1], "")
			}
		default:
			c.urls = append(c.urls, a)
		}
	}
	if c.f.has("V") {
		p.puts("curl 7.81.0 (x86_64-pc-linux-gnu) libcurl/7.81.0 OpenSSL/3.0.2 zlib/1.2.11 brotli/1.0.9 zstd/1.4.8 libidn2/2.3.2 libpsl/0.21.0 (+libidn2/2.3.2) libssh/0.9.6/openssl/zlib nghttp2/1.43.0 librtmp/2.3 OpenLDAP/2.5.16\nRelease-Date: 2022-01-05\nProtocols: dict file ftp ftps gopher gophers http https imap imaps ldap ldaps mqtt pop3 pop3s rtmp rtsp scp sftp smb smbs smtp smtps telnet tftp \nFeatures: alt-svc AsynchDNS brotli GSS-API HSTS HTTP2 HTTPS-proxy IDN IPv6 Kerberos Largefile libz NTLM NTLM_WB PSL SPNEGO SSL TLS-SRP UnixSockets zstd\n")
		return 0
	}
	if len(c.urls) == 0 {
		if c.f.has("h") {
			p.puts("Usage: curl [options...] <url>\n")
			return 0
		}
		p.raw("curl: try 'curl --help' or 'curl --manual' for more information\n")
		return 2
	}
	code := 0
	for i, u := range c.urls {
		out := ""
		if i < len(c.outs) {
			out = c.outs[i]
		}
		code = c.get(u, out)
	}
	return code
}

func urlEscape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if x := s[i]; x == '-' || x == '.' || x == '~' || wordChar(x) {
			b.WriteByte(x)
		} else {
			fmt.Fprintf(&b, "%%%02X", x)
		}
	}
	return b.String()
}

func (c *curl) fail(code int, format string, a ...any) int {
	if !c.f.has("s") || c.f.has("S") {
		c.p.raw("curl: (%d) "+format+"\n", append([]any{code}, a...)...)
	}
	return code
}

func (c *curl) verbose(format string, a ...any) {
	if c.f.has("v") {
		c.p.raw(format+"\n", a...)
	}
}

func (c *curl) get(arg, out string) int {
	p, f := c.p, c.f
	if strings.HasPrefix(arg, "file://") {
		b, err := p.t.ReadFile(arg[7:])
		if err != nil {
			return c.fail(37, "Couldn't open file %s", arg[7:])
		}
		p.out.Write(b)
		return 0
	}
	u, bad := parseURL(arg)
	switch {
	case bad == "bad port":
		return c.fail(3, "URL using bad/illegal format or missing URL")
	case bad != "":
		return c.fail(3, "URL using bad/illegal format or missing URL")
	}
	switch u.scheme {
	case "http", "https":
	case "ftp", "tftp", "telnet", "dict", "gopher", "ldap", "smb", "scp", "sftp", "smtp", "imap", "pop3", "rtsp", "mqtt":
		p.unknown("construct", "curl "+u.scheme)
	default:
		return c.fail(1, "Protocol \"%s\" not supported or disabled in libcurl", u.scheme)
	}
	toFile := out != ""
	meter := toFile && !f.has("s") && !f.has("np") || !toFile && !f.has("s") && !f.has("np") && !p.t.IsTTY(1)
	if meter && !f.has("#") {
		p.raw("  %% Total    %% Received %% Xferd  Average Speed   Time    Time     Time  Current\n                                 Dload  Upload   Total   Spent    Left  Speed\n\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0")
	}
	endMeter := func() {
		if meter && !f.has("#") {
			p.raw("\n")
		}
	}
	method := "GET"
	var body []byte
	ctype := ""
	switch {
	case f.has("I"):
		method = "HEAD"
	case f.has("G"):
		if len(c.data) > 0 {
			sep := "?"
			if strings.Contains(u.path, "?") {
				sep = "&"
			}
			u.path += sep + strings.Join(c.data, "&")
		}
	case f.has("d"):
		method, body, ctype = "POST", []byte(strings.Join(c.data, "&")), "application/x-www-form-urlencoded"
		if f.has("js") {
			ctype = "application/json"
		}
	case len(c.forms) > 0:
		method = "POST"
		var r [12]byte
		p.t.Random(r[:])
		bound := "------------------------" + fmt.Sprintf("%x", r[:8])
		var b bytes.Buffer
		for _, x := range c.forms {
			k, v, _ := strings.Cut(x, "=")
			file := ""
			if strings.HasPrefix(v, "@") {
				file, _, _ = strings.Cut(v[1:], ";")
				data, err := p.t.ReadFile(file)
				if err != nil {
					return c.fail(26, "Failed to open/read local data from file/application")
				}
				v = string(data)
			}
			fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"", bound, k)
			if file != "" {
				fmt.Fprintf(&b, "; filename=\"%s\"\r\nContent-Type: application/octet-stream", base(file))
			}
			b.WriteString("\r\n\r\n" + v + "\r\n")
		}
		b.WriteString("--" + bound + "--\r\n")
		body, ctype = b.Bytes(), "multipart/form-data; boundary="+bound
	case f.has("T"):
		method = "PUT"
		var err error
		if f["T"] == "-" {
			body = p.readAll(p.in)
		} else if body, err = p.t.ReadFile(f["T"]); err != nil {
			p.raw("curl: Can't open '%s'!\ncurl: try 'curl --help' or 'curl --manual' for more information\n", f["T"])
			return 26
		}
	}
	if x, has := f["X"]; has {
		method = x
	}
	redirects := 0
	first := u
	for ; ; redirects++ {
		if redirects > 50 {
			endMeter()
			return c.fail(47, "Maximum (50) redirects followed")
		}
		dialTo := u
		proxied := false
		if x := f["x"]; x != "" {
			if pu, bad := parseURL(x); bad == "" {
				if !pu.explicit {
					pu.port = 1080
				}
				dialTo = &webURL{scheme: "http", host: pu.host, port: pu.port}
				proxied = true
			}
		}
		fd, failed := c.dial(u, dialTo, proxied, endMeter)
		if failed != 0 {
			return failed
		}
		var h strings.Builder
		target := u.path
		if proxied && u.scheme == "http" {
			target = u.String()
		}
		fmt.Fprintf(&h, "%s %s HTTP/1.1\r\n", method, target)
		hdr := func(k, v string) {
			for _, x := range c.headers {
				if n, val, ok := strings.Cut(x, ":"); ok && strings.EqualFold(n, k) {
					if strings.TrimSpace(val) == "" {
						return
					}
					h.WriteString(n + ": " + strings.TrimSpace(val) + "\r\n")
					return
				}
			}
			if v != "" {
				h.WriteString(k + ": " + v + "\r\n")
			}
		}
		ua := "curl/7.81.0"
		if v, has := f["A"]; has {
			ua = v
		}
		hdr("Host", u.authority())
		us := f["u"]
		if us == "" {
			us = u.user
		}
		if us != "" {
			hdr("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(us)))
		}
		hdr("User-Agent", ua)
		hdr("Accept", "*/*")
		if v := f["e"]; v != "" {
			hdr("Referer", v)
		}
		if v := f["b"]; v != "" && strings.Contains(v, "=") {
			hdr("Cookie", v)
		}
		if v := f["r"]; v != "" {
			hdr("Range", "bytes="+v)
		}
		for _, x := range c.headers {
			n, v, ok := strings.Cut(x, ":")
			if l := strings.ToLower(n); !ok || strings.TrimSpace(v) == "" || l == "host" || l == "user-agent" || l == "accept" || l == "content-type" || l == "authorization" || l == "referer" || l == "cookie" || l == "content-length" {
				continue
			}
			h.WriteString(n + ":" + v + "\r\n")
		}
		if f.has("cp") {
			hdr("Accept-Encoding", "")
		}
		if body != nil {
			hdr("Content-Length", strconv.Itoa(len(body)))
		}
		hdr("Content-Type", ctype)
		h.WriteString("\r\n")
		for _, l := range strings.Split(strings.TrimSuffix(h.String(), "\r\n"), "\r\n") {
			c.verbose("> %s", l)
		}
		r, err := p.exchange(fd, h.String(), body, method)
		if err != nil {
			p.t.Close(fd)
			endMeter()
			if errors.Is(err, errEmpty) {
				return c.fail(52, "Empty reply from server")
			}
			if err == vfs.EPIPE || err == vfs.ECONNRESET {
				return c.fail(56, "Recv failure: Connection reset by peer")
			}
			return c.fail(1, "Received HTTP/0.9 when not allowed")
		}
		for _, l := range strings.Split(strings.TrimSuffix(r.raw, "\r\n"), "\r\n") {
			c.verbose("< %s", l)
		}
		show := f.has("i") || f.has("I")
		if show && !toFile {
			p.puts(r.raw)
		}
		if d := f["D"]; d != "" {
			if d == "-" {
				p.puts(r.raw)
			} else {
				_ = p.t.WriteFile(d, []byte(r.raw), 0o644) // the original does not look either
			}
		}
		if loc := r.get("Location"); loc != "" && f.has("L") && r.status >= 300 && r.status < 400 {
			p.t.Close(fd)
			n, bad := u.resolve(loc)
			if bad != "" {
				endMeter()
				return c.fail(3, "URL using bad/illegal format or missing URL")
			}
			u = n
			if method == "POST" && r.status <= 303 && !f.has("X") {
				method, body, ctype = "GET", nil, ""
			}
			continue
		}
		if f.has("f") && r.status >= 400 {
			p.t.Close(fd)
			endMeter()
			return c.fail(22, "The requested URL returned error: %d", r.status)
		}
		code, n := c.body(first, r, out, show)
		p.t.Close(fd)
		if meter && !f.has("#") {
			t := fmt.Sprint(n)
			p.raw("\r100 %5s  100 %5s    0     0   %4d      0 --:--:-- --:--:-- --:--:--  %4d\n", t, t, n*7, n*7)
		}
		if code == 0 && r.length > n && method != "HEAD" {
			return c.fail(18, "transfer closed with %d bytes remaining to read", r.length-n)
		}
		if v, has := f["w"]; has {
			s, _ := unescape(v, false)
			s = strings.NewReplacer("%{http_code}", fmt.Sprintf("%03d", r.status), "%{response_code}", fmt.Sprintf("%03d", r.status), "%{size_download}", fmt.Sprint(n), "%{url_effective}", u.String(), "%{remote_ip}", c.remote,
				"%{time_total}", "0.183206", "%{num_redirects}", fmt.Sprint(redirects), "%{content_type}", r.get("Content-Type"), "%{redirect_url}", r.get("Location"), "%{speed_download}", "8112").Replace(s)
			p.puts(s)
		}
		return code
	}
}

func (c *curl) body(u *webURL, r *webResponse, out string, show bool) (int, int64) {
	p := c.p
	var w io.Writer = p.t.Stdout()
	if out != "" && out != "-" {
		if out == "\x00remote" {
			out = strings.SplitN(u.path, "?", 2)[0]
			out = out[strings.LastIndexByte(out, '/')+1:]
			if out == "" {
				return c.fail(23, "Remote file name has no length!"), 0
			}
		}
		if d := c.f["od"]; d != "" {
			out = join(d, out)
		}
		if c.f.has("cd") {
			p.t.MkdirAll(dirname(out))
		}
		fd, err := p.t.Open(out, kernel.O_WRONLY|kernel.O_CREAT|kernel.O_TRUNC, 0o666)
		if err != nil {
			if !c.f.has("s") || c.f.has("S") {
				p.raw("Warning: Failed to open the file %s: %s\n", out, text(err))
			}
			return c.fail(23, "Failure writing output to destination"), 0
		}
		defer p.t.Close(fd)
		w = p.t.Writer(fd)
		if show {
			w.Write([]byte(r.raw))
		}
	}
	p.out.Flush()
	n, err := io.CopyBuffer(writerOnly{w}, readerOnly{r.body}, make([]byte, 32<<10))
	if err != nil {
		return c.fail(23, "Failure writing output to destination"), n
	}
	return 0, n
}

// dial connects for a URL: to a proxy, a Unix socket, or where the URL says. A
// failure has been told when its code comes back.
func (c *curl) dial(u, dialTo *webURL, proxied bool, endMeter func()) (fd, code int) {
	p, f := c.p, c.f
	if sock := f["us"]; sock != "" {
		c.verbose("*   Trying %s:0...", sock)
		fd, err := p.t.DialUnix(sock)
		if err != nil {
			endMeter()
			return -1, c.fail(7, "Couldn't connect to server")
		}
		c.verbose("* Connected to %s (%s) port 80 (#0)", u.host, sock)
		return fd, 0
	}
	var addrs []netip.Addr
	var err error
	for _, o := range strings.Split(f["rs"], ",") {
		if x := strings.SplitN(o, ":", 3); len(x) == 3 && x[0] == u.host {
			if a, e := netip.ParseAddr(x[2]); e == nil {
				addrs = []netip.Addr{a}
			}
		}
	}
	if addrs == nil {
		if addrs, err = p.t.LookupHost(dialTo.host, ""); err != nil {
			endMeter()
			if proxied {
				return -1, c.fail(5, "Could not resolve proxy: %s", dialTo.host)
			}
			return -1, c.fail(6, "Could not resolve host: %s", u.host)
		}
	}
	c.verbose("*   Trying %s:%d...", addrs[0], dialTo.port)
	fd, err = p.dialWeb(dialTo, addrs[0])
	if err != nil {
		endMeter()
		if err == vfs.ETIMEDOUT {
			return -1, c.fail(28, "Failed to connect to %s port %d after %d ms: Connection timed out", dialTo.host, dialTo.port, 130000)
		}
		why := "Connection refused"
		if err != vfs.ECONNREFUSED {
			why = text(err)
		}
		return -1, c.fail(7, "Failed to connect to %s port %d after %d ms: %s", dialTo.host, dialTo.port, 1+p.t.Kernel().RandUint()%40, why)
	}
	c.remote = addrs[0].String()
	c.verbose("* Connected to %s (%s) port %d (#0)", dialTo.host, c.remote, dialTo.port)
	return fd, 0
}
