package program

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// background is -b: a child fetches and writes to wget-log, where nothing else was
// asked for.
func (w *wget) background(args []string) int {
	p, told := w.p, ""
	if _, has := w.f["o"]; !has && !w.f.has("q") {
		fd, err := p.t.Open("wget-log", kernel.O_WRONLY|kernel.O_CREAT|kernel.O_TRUNC, 0o666)
		if err != nil {
			p.raw("wget-log: %s\nCannot write log file, disabling logging.\n", text(err))
			return 3
		}
		w.log, told = p.t.Writer(fd), "wget-log"
	}
	c, err := p.t.Fork("", func(t *kernel.Task) int {
		t.Signal(kernel.SIGHUP, kernel.Disposition{Kind: kernel.Ignore})
		q, v := *p, *w
		q.t, q.out, q.in = t, bufio.NewWriter(t.Stdout()), bufio.NewReader(t.Stdin())
		v.p = &q
		switch {
		case told != "":
			if fd, err := t.Open(told, kernel.O_WRONLY|kernel.O_APPEND, 0); err == nil {
				v.log = t.Writer(fd)
			}
		case w.f["o"] != "":
			if fd, err := t.Open(w.f["o"], kernel.O_WRONLY|kernel.O_APPEND, 0); err == nil {
				v.log = t.Writer(fd)
			}
		default:
			v.log = io.Discard
		}
		code := 0
		for _, a := range args {
			if c := v.get(a); c != 0 {
				code = c
			}
		}
		q.out.Flush()
		return code
	})
	if err != nil {
		p.raw("fork: %s\n", text(err))
		return 1
	}
	p.printf("Continuing in background, pid %d.\n", c.PID())
	if told != "" {
		p.printf("Output will be written to ‘%s’.\n", told)
	}
	return 0
}

// cmdWget is GNU Wget 1.21, and BusyBox's wget.
func cmdWget(p *P) int {
	opts, args, ok := p.getoptArgs(p.args, 2, "O:qcvSP:T:t:U:nNdbi:o:a:rl:kpHxw:Y:4:6e:A:R:", "output-document:=O", "quiet=q", "continue=c", "no-verbose=nv", "verbose=v", "server-response=S", "directory-prefix:=P", "timeout:=T", "tries:=t",
		"user-agent:=U", "no-check-certificate=ncc", "post-data:=post", "post-file:=postfile", "header:=header", "spider=spider", "background=b", "input-file:=i", "no-clobber=nc", "referer:=ref", "user:=user", "password:=pass", "connect-timeout:=T", "dns-timeout:=T", "read-timeout:=T",
		"max-redirect:=x", "content-disposition=x", "progress:=x", "show-progress=sp", "no-proxy=x", "no-cache=x", "recursive=r", "level:=x", "random-wait=x", "wait:=x", "limit-rate:=x", "no-cookies=x", "inet4-only=x", "inet6-only=x", "prefer-family:=x", "output-file:=o", "method:=method",
		"body-data:=post", "no-hsts=x", "secure-protocol:=x", "https-only=x", "mirror=r", "no-parent=x", "accept:=A", "reject:=R", "execute:=e", "retry-connrefused=x", "waitretry:=x", "load-cookies:=x", "save-cookies:=x", "http-user:=user", "http-password:=pass", "trust-server-names=x", "timestamping=N", "auth-no-challenge=x", "no-dns-cache=x", "bind-address:=x")
	if !ok {
		if p.bb {
			return 1
		}
		return p.status
	}
	f := set(opts)
	// -nv, -nc and their kin come through as letters.
	for _, a := range p.args {
		if a == "-nv" {
			f["nv"] = ""
		}
		if a == "-nc" {
			f["nc"] = ""
		}
		if strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && strings.Contains(a, "q") && !strings.Contains(a, "O") {
			f["q"] = ""
		}
	}
	w := &wget{p: p, f: f, log: p.t.Stderr()}
	for _, o := range opts {
		if o.c == "header" {
			w.headers = append(w.headers, o.arg)
		}
	}
	if l, has := f["i"]; has {
		if b, err := p.t.ReadFile(l); err == nil {
			args = append(args, strings.Fields(string(b))...)
		}
	}
	if len(args) == 0 {
		if p.bb {
			return p.try(1)
		}
		p.raw("wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n")
		return 1
	}
	if o, has := f["o"]; has {
		if fd, err := p.t.Open(o, kernel.O_WRONLY|kernel.O_CREAT|kernel.O_TRUNC, 0o666); err == nil {
			w.log = p.t.Writer(fd)
		}
	}
	if o, has := f["O"]; has && o != "-" {
		fd, err := p.t.Open(o, kernel.O_WRONLY|kernel.O_CREAT|kernel.O_TRUNC, 0o666)
		if err != nil {
			if p.bb {
				p.errf("can't open '%s': %s", o, text(err))
				return 1
			}
			p.raw("%s: %s\n", o, text(err))
			return 1
		}
		w.outFd = fd
		w.outName = o
		defer p.t.Close(fd)
	}
	if f.has("b") && !p.bb {
		return w.background(args)
	}
	code := 0
	for _, a := range args {
		if c := w.get(a); c != 0 {
			code = c
		}
	}
	return code
}

type wget struct {
	p       *P
	f       flags
	headers []string
	log     io.Writer
	outFd   int
	outName string
}

func (w *wget) say(format string, a ...any) {
	if !w.f.has("q") {
		w.p.out.Flush()
		fmt.Fprintf(w.log, format, a...)
	}
}

// note is what -nv still shows.
func (w *wget) note(format string, a ...any) {
	if !w.f.has("nv") {
		w.say(format, a...)
	}
}

func (w *wget) stamp() string { return w.p.t.Now().In(w.p.zone()).Format("2006-01-02 15:04:05") }

func (w *wget) get(arg string) int {
	p, f := w.p, w.f
	u, bad := parseURL(arg)
	if bad != "" {
		if p.bb {
			p.errf("bad address '%s'", arg)
			return 1
		}
		reason := map[string]string{"bad port": "Bad port number", "no host": "Invalid host name"}[bad]
		if reason == "" {
			reason = "Invalid URL"
		}
		p.raw("%s: %s.\n", arg, reason)
		return 1
	}
	if u.scheme != "http" && u.scheme != "https" && u.scheme != "ftp" {
		if p.bb {
			p.errf("not an http or ftp url: %s", arg)
		} else {
			p.raw("%s: Unsupported scheme %s.\n", arg, "‘"+u.scheme+"’")
		}
		return 1
	}
	if u.scheme == "ftp" {
		p.unknown("construct", "ftp "+arg)
	}
	method, body := "GET", []byte(nil)
	if v, has := f["post"]; has {
		method, body = "POST", []byte(v)
	}
	if v, has := f["postfile"]; has {
		b, err := p.t.ReadFile(v)
		if err != nil {
			p.raw("%s: %s\n", v, text(err))
			return 1
		}
		method, body = "POST", b
	}
	if v, has := f["method"]; has {
		method = v
	}
	if f.has("spider") {
		method = "HEAD"
	}
	saveName := ""
	for redirects := 0; ; redirects++ {
		if redirects > 20 {
			w.say("20 redirections exceeded.\n")
			return 8
		}
		if p.bb {
			if redirects == 0 && false {
				w.say("")
			}
		} else {
			w.note("--%s--  %s\n", w.stamp(), u)
		}
		addrs, err := p.t.LookupHost(u.host, "")
		if err != nil {
			if p.bb {
				p.errf("bad address '%s'", u.host)
				return 1
			}
			w.note("Resolving %s (%s)... failed: %s.\n", u.host, u.host, trimDot(err))
			if !f.has("q") {
				p.raw("wget: unable to resolve host address %s\n", "‘"+u.host+"’")
			}
			return 4
		}
		literal := addrs[0].String() == u.host
		var list []string
		for _, a := range addrs {
			list = append(list, a.String())
		}
		if !literal {
			w.noteGNU("Resolving %s (%s)... %s\n", u.host, u.host, strings.Join(list, ", "))
			w.noteGNU("Connecting to %s (%s)|%s|:%d... ", u.host, u.host, list[0], u.port)
		} else {
			w.noteGNU("Connecting to %s:%d... ", u.host, u.port)
		}
		if p.bb {
			w.say("Connecting to %s (%s:%d)\n", u.authority(), list[0], u.port)
		}
		fd, err := p.dialWeb(u, addrs[0])
		if err != nil {
			if p.bb {
				p.errf("can't connect to remote host (%s): %s", list[0], text(err))
				return 1
			}
			w.note("failed: %s.\n", text(err))
			if err == vfs.ETIMEDOUT {
				w.note("Retrying.\n\n")
			}
			return 4
		}
		w.noteGNU("connected.\n")
		ua := "Wget/1.21.2"
		if p.bb {
			ua = "Wget"
		}
		if v, has := f["U"]; has {
			ua = v
		}
		var h strings.Builder
		proto := "HTTP/1.1"
		fmt.Fprintf(&h, "%s %s %s\r\n", method, u.path, proto)
		hdr := func(k, v string) {
			for _, x := range w.headers {
				if strings.HasPrefix(strings.ToLower(x), strings.ToLower(k)+":") {
					return
				}
			}
			h.WriteString(k + ": " + v + "\r\n")
		}
		if p.bb {
			hdr("Host", u.authority())
			hdr("User-Agent", ua)
			hdr("Connection", "close")
		} else {
			hdr("Host", u.authority())
			hdr("User-Agent", ua)
			hdr("Accept", "*/*")
			hdr("Accept-Encoding", "identity")
			if v, has := f["ref"]; has {
				hdr("Referer", v)
			}
			hdr("Connection", "Keep-Alive")
		}
		if us := f["user"]; us != "" {
			u.user = us + ":" + f["pass"]
		}
		if u.user != "" {
			hdr("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.user)))
		}
		if method == "POST" {
			hdr("Content-Type", "application/x-www-form-urlencoded")
			hdr("Content-Length", strconv.Itoa(len(body)))
		}
		for _, x := range w.headers {
			h.WriteString(x + "\r\n")
		}
		h.WriteString("\r\n")
		w.noteGNU("%s request sent, awaiting response... ", "HTTP")
		r, err := p.exchange(fd, h.String(), body, method)
		if err != nil {
			p.t.Close(fd)
			if p.bb {
				p.errf("error getting response")
				return 1
			}
			w.note("No data received.\nGiving up.\n\n")
			return 4
		}
		statusText := strings.TrimPrefix(r.line, "HTTP/1.1 ")
		statusText = strings.TrimPrefix(statusText, "HTTP/1.0 ")
		if f.has("S") {
			w.noteGNU("\n")
			for _, l := range strings.Split(strings.TrimRight(r.raw, "\r\n"), "\n") {
				w.say("  %s\n", strings.TrimRight(l, "\r"))
			}
		} else {
			w.noteGNU("%s\n", statusText)
		}
		if loc := r.get("Location"); loc != "" && r.status >= 300 && r.status < 400 {
			p.t.Close(fd)
			w.noteGNU("Location: %s [following]\n", loc)
			n, bad := u.resolve(loc)
			if bad != "" {
				return 1
			}
			if saveName == "" {
				saveName = urlFile(u)
			}
			u = n
			if method == "POST" && r.status != 307 {
				method, body = "GET", nil
			}
			continue
		}
		if r.status >= 400 {
			p.t.Close(fd)
			if p.bb {
				p.errf("server returned error: %s", r.line)
				return 1
			}
			if f.has("nv") {
				w.say("%s:\n", u)
			}
			w.say("%s ERROR %s.\n", w.stamp(), strings.Replace(statusText, " ", ": ", 1))
			w.note("\n")
			if r.status == 401 {
				w.note("Username/Password Authentication Failed.\n")
				return 6
			}
			return 8
		}
		code := w.save(u, r, saveName)
		p.t.Close(fd)
		return code
	}
}

func (w *wget) noteGNU(format string, a ...any) {
	if !w.p.bb {
		w.note(format, a...)
	}
}

func trimDot(err error) string { return strings.TrimSuffix(err.Error(), ".") }

func urlFile(u *webURL) string {
	s := u.path
	if !strings.HasPrefix(s, "/?") {
		if i := strings.LastIndexByte(strings.SplitN(s, "?", 2)[0], '/'); i >= 0 {
			s = s[i+1:]
		}
	} else {
		s = "index.html" + s[1:]
	}
	if s == "" {
		return "index.html"
	}
	return s
}

func (w *wget) save(u *webURL, r *webResponse, saved string) int {
	p, f := w.p, w.f
	name := saved
	if name == "" {
		name = urlFile(u)
	}
	if p.bb {
		name, _, _ = strings.Cut(name, "?")
		if name == "" {
			name = "index.html"
		}
	}
	if f.has("spider") {
		w.noteGNU("Length: %d [%s]\nRemote file exists.\n\n", r.length, r.get("Content-Type"))
		return 0
	}
	fd := 1
	shown := name
	switch {
	case f["O"] == "-":
		shown = "STDOUT"
		p.out.Flush()
	case w.outFd > 0:
		fd, shown = w.outFd, w.outName
	default:
		if d, has := f["P"]; has {
			p.t.MkdirAll(d)
			shown = join(d, name)
		}
		if _, err := p.t.Lstat(shown); err == nil {
			switch {
			case f.has("nc"):
				w.say("File ‘%s’ already there; not retrieving.\n\n", shown)
				return 0
			case p.bb:
				p.errf("can't open '%s': File exists", shown)
				return 1
			case !f.has("c") && !f.has("N"):
				for i := 1; ; i++ {
					if _, err := p.t.Lstat(shown + "." + strconv.Itoa(i)); err != nil {
						shown += "." + strconv.Itoa(i)
						break
					}
				}
			}
		}
		var err error
		if fd, err = p.t.Open(shown, kernel.O_WRONLY|kernel.O_CREAT|kernel.O_TRUNC, 0o666); err != nil {
			if p.bb {
				p.errf("can't open '%s': %s", shown, text(err))
				return 1
			}
			p.raw("%s: %s\n\nCannot write to ‘%s’ (%s).\n", shown, text(err), shown, text(err))
			return 3
		}
		defer p.t.Close(fd)
	}
	ct := r.get("Content-Type")
	ct, _, _ = strings.Cut(ct, ";")
	if r.length >= 0 {
		size := strconv.FormatInt(r.length, 10)
		if r.length >= 1024 {
			size += " (" + human(r.length) + ")"
		}
		w.noteGNU("Length: %s [%s]\n", size, ct)
	} else {
		w.noteGNU("Length: unspecified [%s]\n", ct)
	}
	w.noteGNU("Saving to: ‘%s’\n\n", shown)
	if p.bb {
		if f["O"] == "-" {
			w.say("writing to stdout\n")
		} else {
			w.say("saving to '%s'\n", shown)
		}
	}
	start := p.t.Now()
	n, err := io.CopyBuffer(writerOnly{p.t.Writer(fd)}, readerOnly{r.body}, make([]byte, 32<<10))
	if err != nil {
		if p.bb {
			p.errf("short write")
			return 1
		}
		w.say("\nCannot write to ‘%s’ (%s).\n", shown, text(err))
		return 3
	}
	sec := p.t.Now().Sub(start).Seconds()
	if sec < 0.001 {
		sec = 0.0004
	}
	rate := float64(n) / sec
	unit := "B/s"
	for _, x := range []string{"KB/s", "MB/s", "GB/s"} {
		if rate >= 1024 {
			rate /= 1024
			unit = x
		}
	}
	if p.bb {
		short := shown
		if len(short) > 20 {
			short = short[:20]
		}
		w.say("\r%-20s %3d%% |%s| %5d  0:00:00 ETA\n", short, 100, strings.Repeat("*", 32), n)
		if f["O"] == "-" {
			w.say("written to stdout\n")
		} else {
			w.say("'%s' saved\n", shown)
		}
		return 0
	}
	if p.t.IsTTY(2) {
		w.note("%-20s100%%[%s>] %7s  --.-KB/s    in %.1gs\n\n", shown, strings.Repeat("=", 30), humanSize(n), sec)
	} else {
		w.note("     0K %s", strings.Repeat(".", int(min(50, n/1024))))
		if r.length >= 0 {
			w.note("%*s100%% %5.2f%s=%.1gs\n\n", 51-int(min(50, n/1024)), "", rate, strings.TrimSuffix(unit, "B/s"), sec)
		} else {
			w.note("%*s%5.2f%s=%.1gs\n\n", 57-int(min(50, n/1024)), "", rate, strings.TrimSuffix(unit, "B/s"), sec)
		}
	}
	if r.length >= 0 && n < r.length {
		w.note("%s (%.3g %s) - Connection closed at byte %d. Retrying.\n\n", w.stamp(), rate, unit, n)
		return 4
	}
	of := ""
	if r.length >= 0 {
		of = fmt.Sprintf("/%d", r.length)
	}
	switch {
	case f.has("nv"):
		w.say("%s URL:%s [%d%s] -> \"%s\" [1]\n", w.stamp(), u, n, of, shown)
	case f["O"] == "-":
		w.note("%s (%.3g %s) - written to stdout [%d%s]\n\n", w.stamp(), rate, unit, n, of)
	default:
		w.note("%s (%.3g %s) - ‘%s’ saved [%d%s]\n\n", w.stamp(), rate, unit, shown, n, of)
	}
	return 0
}

func humanSize(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("%.2fK", float64(n)/1024)
}
