package program

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"path"
	"strings"

	"github.com/whalefall/whalefall/internal/vfs"
)

// pyMore are functions of the modules socket, os, math and ctypes; ok is false for
// what is none of them.
func (y *python) pyMore(name string, a []any, kw map[string]any) (v any, ok bool) {
	p := y.p
	n := func(i int) float64 {
		if i < len(a) {
			return y.num(a[i])
		}
		return 0
	}
	switch name {
	case "socket.socket":
		kind := "tcp"
		if t, is := kw["type"]; is {
			a = append(append([]any(nil), a...), nil, nil)[:2]
			a[1] = t
		}
		if len(a) > 1 {
			if m, is := a[1].(pyMod); is && strings.HasSuffix(string(m), "SOCK_DGRAM") || !is && y.typeName(a[1]) == "int" && n(1) == 2 {
				kind = "udp"
			}
		}
		return &pyObj{kind: "socket", attr: map[string]any{"\x00net": kind}}, true
	case "socket.create_connection":
		o := &pyObj{kind: "socket", attr: map[string]any{"\x00net": "tcp"}}
		y.sockMethod(o, "connect", a)
		return o, true
	case "socket.gethostbyname":
		if len(a) > 0 {
			as, err := p.t.LookupHost(y.str(a[0]), "")
			if err != nil || len(as) == 0 {
				y.raise("socket.gaierror", "[Errno -2] Name or service not known")
			}
			return as[0].String(), true
		}
	case "os.dup2":
		if err := p.dup2(int(n(0)), int(n(1))); err != nil {
			y.raise("OSError", "[Errno 9] Bad file descriptor")
		}
		return n(1), true
	case "os.close":
		p.t.Close(int(n(0)))
		return nil, true
	case "os.cpu_count", "multiprocessing.cpu_count":
		return float64(p.t.Kernel().HostInfo().Cores), true
	case "os.uname":
		u := p.t.Kernel().HostInfo()
		l := []any{"Linux", p.t.NS().Hostname(), u.Release, u.Version, u.Machine}
		o := &pyObj{kind: "posix.uname_result", attr: map[string]any{"\x00items": l}}
		for i, k := range []string{"sysname", "nodename", "release", "version", "machine"} {
			o.attr[k] = l[i]
		}
		return o, true
	case "math.floor", "math.trunc":
		return math.Floor(n(0)), true
	case "math.ceil":
		return math.Ceil(n(0)), true
	case "math.sqrt":
		if n(0) < 0 {
			y.raise("ValueError", "math domain error")
		}
		return math.Sqrt(n(0)), true
	case "math.log":
		if len(a) > 1 {
			return math.Log(n(0)) / math.Log(n(1)), true
		}
		return math.Log(n(0)), true
	case "math.log2":
		return math.Log2(n(0)), true
	case "math.log10":
		return math.Log10(n(0)), true
	case "math.pow":
		return math.Pow(n(0), n(1)), true
	case "math.fabs":
		return math.Abs(n(0)), true
	case "ctypes.CDLL", "ctypes.cdll.LoadLibrary":
		lib := "None"
		if len(a) > 0 && a[0] != nil {
			lib = y.str(a[0])
		}
		p.unknown("construct", "python ctypes "+lib)
		return &pyObj{kind: "ctypes.CDLL", attr: map[string]any{}}, true
	}
	return nil, false
}

// dup2 is dup2(2) with what waits in the own output written first.
func (p *P) dup2(from, to int) error {
	p.out.Flush()
	return p.t.Dup2(from, to)
}

// pyValue are values of modules that are no functions.
func (y *python) pyValue(full string) (any, bool) {
	switch full {
	case "math.pi":
		return math.Pi, true
	case "math.e":
		return math.E, true
	case "math.inf":
		return math.Inf(1), true
	case "sys.executable":
		name := base(y.p.t.Args()[0])
		if !strings.HasPrefix(name, "python") {
			name = "python3"
		}
		return "/usr/bin/" + name, true
	case "sys.path":
		v, lib := "3.10", "python310.zip"
		if y.two {
			return []any{"", "/usr/lib/python2.7", "/usr/lib/python2.7/plat-x86_64-linux-gnu", "/usr/lib/python2.7/lib-tk", "/usr/lib/python2.7/lib-old", "/usr/lib/python2.7/lib-dynload"}, true
		}
		return []any{"", "/usr/lib/" + lib, "/usr/lib/python" + v, "/usr/lib/python" + v + "/lib-dynload", "/usr/local/lib/python" + v + "/dist-packages", "/usr/lib/python3/dist-packages"}, true
	case "sys.maxsize":
		return float64(math.MaxInt64), true
	case "sys.byteorder":
		return "little", true
	case "os.name":
		return "posix", true
	case "os.linesep":
		return "\n", true
	}
	return nil, false
}

// sockMethod is a method of a socket object.
func (y *python) sockMethod(o *pyObj, n string, a []any) any {
	p := y.p
	fd := func() int {
		f, ok := o.attr["\x00fd"].(float64)
		if !ok {
			y.raise("OSError", "[Errno 107] Transport endpoint is not connected")
		}
		return int(f)
	}
	var first any
	if len(a) > 0 {
		first = a[0]
	}
	switch n {
	case "connect", "connect_ex":
		at := y.iter(first)
		if len(at) < 2 {
			y.raise("TypeError", "connect(): AF_INET address must be tuple, not %s", y.typeName(first))
		}
		host, port := y.str(at[0]), uint16(y.num(at[1]))
		as, err := p.t.LookupHost(host, "")
		if err != nil || len(as) == 0 {
			y.raise("socket.gaierror", "[Errno -2] Name or service not known")
		}
		kind, _ := o.attr["\x00net"].(string)
		f, err := p.t.DialAddr(kind, netip.AddrPortFrom(as[0], port), host)
		if err != nil {
			no, class := 111, "ConnectionRefusedError"
			switch {
			case errors.Is(err, vfs.ECONNREFUSED):
			case strings.Contains(text(err), "timed out"):
				no, class = 110, "TimeoutError"
			default:
				no, class = 113, "OSError"
			}
			if n == "connect_ex" {
				return float64(no)
			}
			if y.two {
				class = "socket.error"
			}
			y.raise(class, "[Errno %d] %s", no, text(err))
		}
		o.attr["\x00fd"] = float64(f)
		if n == "connect_ex" {
			return 0.0
		}
		return nil
	case "fileno":
		if _, ok := o.attr["\x00fd"]; !ok {
			// A socket that is not connected has a descriptor too.
			if f, err := p.t.Open("/dev/null", 2, 0); err == nil {
				return float64(f)
			}
		}
		return float64(fd())
	case "send", "sendall", "sendto":
		b := y.str(first)
		p.out.Flush()
		for rest := []byte(b); len(rest) > 0; {
			w, err := p.t.Write(fd(), rest)
			if err != nil {
				y.raise("BrokenPipeError", "[Errno 32] Broken pipe")
			}
			rest = rest[w:]
		}
		if n == "sendall" {
			return nil
		}
		return float64(len(b))
	case "recv":
		buf := make([]byte, int(max(1, min(y.num(first), 1<<20))))
		p.out.Flush()
		p.t.Alloc(int64(len(buf)))
		r, err := p.t.Read(fd(), buf)
		if err != nil {
			y.raise("ConnectionResetError", "[Errno 104] Connection reset by peer")
		}
		return string(buf[:r])
	case "close", "shutdown", "detach":
		if n != "shutdown" {
			y.closeObj(o)
		}
		return nil
	case "settimeout", "setsockopt", "setblocking", "bind", "listen", "set_inheritable":
		return nil
	case "getsockname":
		ip := "0.0.0.0"
		for _, x := range p.t.NS().Net().List() {
			if x.Addr.IsValid() {
				ip = x.Addr.Addr().String()
				break
			}
		}
		return []any{ip, 40000.0}
	case "makefile":
		return o
	}
	p.unknown("construct", fmt.Sprintf("python socket.%s", path.Base(n)))
	y.raise("AttributeError", "'socket' object has no attribute '%s'", n)
	return nil
}
