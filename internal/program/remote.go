package program

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// sshValued are the options of ssh(1) and of its kin that take an argument.
const (
	sshValued = "BbcDEeFIiJLlmOopQRSWw"
	scpValued = "cDFiJloPSX"
)

// sshCall is a parsed command line.
type sshCall struct {
	opts  map[byte]string
	set   map[string]string // -o, keys in lower case
	rest  []string
	wrong string
}

func parseSSH(args []string, valued string, stopAtHost bool) sshCall {
	c := sshCall{opts: map[byte]string{}, set: map[string]string{}}
	for i := 0; i < len(args); i++ {
		a := args[i]
		if len(a) < 2 || a[0] != '-' {
			c.rest = append(c.rest, a)
			if stopAtHost && len(c.rest) == 2 {
				c.rest = append(c.rest, args[i+1:]...)
				return c
			}
			continue
		}
		if a == "--" {
			c.rest = append(c.rest, args[i+1:]...)
			return c
		}
		for j := 1; j < len(a); j++ {
			o := a[j]
			if strings.IndexByte(valued, o) < 0 {
				c.opts[o] = ""
				continue
			}
			v := a[j+1:]
			if v == "" {
				if i+1 >= len(args) {
					c.wrong = string(o)
					return c
				}
				i++
				v = args[i]
			}
			c.opts[o] = v
			if o == 'o' {
				k, val, ok := strings.Cut(v, "=")
				if !ok {
					k, val, _ = strings.Cut(v, " ")
				}
				c.set[strings.ToLower(strings.TrimSpace(k))] = strings.TrimSpace(val)
			}
			break
		}
	}
	return c
}

// sshGreet connects and reads the peer's first line; said is false where the
// failure has been told already.
func (p *P) sshGreet(host string, port uint16, wait time.Duration) (fd int, addr netip.Addr, banner string, ok bool) {
	as, err := p.t.LookupHost(host, "")
	if err != nil || len(as) == 0 {
		why := "Name or service not known"
		if s, is := lookupFailed(err); is {
			why = s
		}
		p.raw("ssh: Could not resolve hostname %s: %s\r\n", host, why)
		return -1, addr, "", false
	}
	addr = as[0]
	fd, err = p.t.DialAddr("tcp", netip.AddrPortFrom(addr, port), host)
	if err != nil {
		p.raw("ssh: connect to host %s port %d: %s\r\n", host, port, text(err))
		return -1, addr, "", false
	}
	end := p.t.Now().Add(wait)
	var line []byte
	b := make([]byte, 1)
	for len(line) < 255 {
		left := end.Sub(p.t.Now())
		if left <= 0 {
			break
		}
		fds := []kernel.PollFd{{Fd: fd, Read: true}}
		if n, err := p.t.PollFds(fds, int64(left)); err == vfs.EINTR {
			continue
		} else if n == 0 || err != nil {
			break
		}
		n, err := p.t.Read(fd, b)
		if n == 0 || err != nil {
			p.t.Close(fd)
			if err == vfs.ECONNRESET {
				p.raw("kex_exchange_identification: read: Connection reset by peer\r\nConnection reset by %s port %d\r\n", addr, port)
			} else {
				p.raw("kex_exchange_identification: Connection closed by remote host\r\nConnection closed by %s port %d\r\n", addr, port)
			}
			return -1, addr, "", false
		}
		if b[0] == '\n' {
			l := strings.TrimRight(string(line), "\r")
			if strings.HasPrefix(l, "SSH-") {
				return fd, addr, l, true
			}
			line = line[:0]
			continue
		}
		line = append(line, b[0])
	}
	p.t.Close(fd)
	if len(line) >= 255 {
		p.raw("kex_exchange_identification: banner line too long\r\nBad remote protocol version identification: '%.100s'\r\n", line)
	} else {
		p.raw("Connection timed out during banner exchange\r\nConnection to %s port %d timed out\r\n", addr, port)
	}
	return -1, addr, "", false
}

// remote goes as far as a login can go where there is nobody to log in to.
func (p *P) remote(c sshCall, target string, port uint16) int {
	user, host, has := strings.Cut(target, "@")
	if !has {
		user, host = p.user(), target
	}
	if l := c.opts['l']; l != "" {
		user = l
	}
	host = strings.Trim(host, "[]")
	wait := 120 * time.Second
	if n := toInt(c.set["connecttimeout"]); n > 0 && n < 3600 {
		wait = time.Duration(n) * time.Second
	}
	fd, addr, banner, ok := p.sshGreet(host, port, wait)
	if !ok {
		return 255
	}
	defer p.t.Close(fd)
	p.t.Writer(fd).Write([]byte("SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.6\r\n"))
	p.unknown("stand-in", "ssh "+strings.Join(p.args, " ")+" ("+banner+")")
	p.t.Sleep(700 * time.Millisecond)
	strict := strings.ToLower(c.set["stricthostkeychecking"])
	_, quiet := c.opts['q']
	switch strict {
	case "no", "off", "accept-new":
		if !quiet {
			p.raw("Warning: Permanently added '%s' (ED25519) to the list of known hosts.\r\n", host)
		}
	default:
		p.raw("Host key verification failed.\r\n")
		return 255
	}
	if code, in := p.sshIn(c, addr, port, user); in {
		return code
	}
	p.raw("%s@%s: Permission denied (%s).\r\n", user, host, p.sshMethods(addr))
	return 255
}

// sshMethods are the ways in that a server offers: this machine's by its sshd's
// configuration, and the neighbours' alike; elsewhere one in three takes keys alone.
func (p *P) sshMethods(addr netip.Addr) string {
	keys := false
	if addr.IsPrivate() || addr.IsLoopback() || slices.ContainsFunc(p.t.NS().Net().Interfaces, func(i kernel.Interface) bool { return i.Addr.Addr() == addr }) {
		files := []string{"/etc/ssh/sshd_config"}
		if l, err := p.t.ReadDir("/etc/ssh/sshd_config.d"); err == nil {
			for _, e := range l {
				files = append(files, "/etc/ssh/sshd_config.d/"+e.Name)
			}
		}
		for _, n := range files {
			b, _ := p.t.ReadFile(n)
			for l := range strings.Lines(string(b)) {
				if f := strings.Fields(l); len(f) == 2 && strings.EqualFold(f[0], "PasswordAuthentication") {
					keys = strings.EqualFold(f[1], "no")
				}
			}
		}
	} else {
		sum := 0
		for _, x := range addr.AsSlice() {
			sum = sum*31 + int(x)
		}
		keys = sum%3 == 0
	}
	if keys {
		return "publickey"
	}
	return "publickey,password"
}

func sshPort(s string) (uint16, bool) {
	if s == "" {
		return 22, true
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && n > 0
}

const sshUsage = "usage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-B bind_interface]\n           [-b bind_address] [-c cipher_spec] [-D [bind_address:]port]\n           [-E log_file] [-e escape_char] [-F configfile] [-I pkcs11]\n           [-i identity_file] [-J [user@]host[:port]] [-L address]\n           [-l login_name] [-m mac_spec] [-O ctl_cmd] [-o option] [-p port]\n           [-Q query_option] [-R address] [-S ctl_path] [-W host:port]\n           [-w local_tun[:remote_tun]] destination [command [argument ...]]\n"

// cmdSSH is OpenSSH's ssh: it connects as far as the emulated internet answers, and
// ends as a login that is refused does.
func cmdSSH(p *P) int {
	c := parseSSH(p.args, sshValued, true)
	if _, v := c.opts['V']; v {
		p.raw("OpenSSH_8.9p1 Ubuntu-3ubuntu0.6, OpenSSL 3.0.2 15 Mar 2022\n")
		return 0
	}
	if c.wrong != "" {
		p.raw("ssh: option requires an argument -- %s\n%s", c.wrong, sshUsage)
		return 255
	}
	if len(c.rest) == 0 {
		p.raw("%s", sshUsage)
		return 255
	}
	target, port := strings.TrimPrefix(c.rest[0], "ssh://"), c.opts['p']
	if port == "" {
		port = c.set["port"]
	}
	n, ok := sshPort(port)
	if !ok {
		p.raw("Bad port '%s'\r\n", port)
		return 255
	}
	return p.remote(c, target, n)
}

// cmdSCP is OpenSSH's scp.
func cmdSCP(p *P) int {
	c := parseSSH(p.args, scpValued, false)
	if len(c.rest) < 2 {
		p.raw("usage: scp [-346ABCOpqRrsTv] [-c cipher] [-D sftp_server_path] [-F ssh_config]\n           [-i identity_file] [-J destination] [-l limit]\n           [-o ssh_option] [-P port] [-S program] source ... target\n")
		return 1
	}
	port, ok := sshPort(c.opts['P'])
	if !ok {
		p.raw("%s: bad port\n", c.opts['P'])
		return 1
	}
	delete(c.opts, 'l') // a bandwidth here
	last := len(c.rest) - 1
	for i, a := range c.rest {
		h, _, remote := strings.Cut(a, ":")
		if remote && !strings.Contains(h, "/") && h != "" {
			if i == last {
				for _, f := range c.rest[:last] {
					if _, err := p.t.Stat(f); err != nil {
						p.raw("%s: %s\n", f, text(err))
						return 1
					}
				}
			}
			p.remote(c, h, port)
			what := "Connection closed"
			p.raw("scp: %s\r\n", what)
			return 255
		}
	}
	p.name, p.args = "cp", c.rest
	if _, r := c.opts['r']; r {
		p.args = append([]string{"-r"}, c.rest...)
	}
	return cmdCp(p)
}

// cmdSSHKeyscan is OpenSSH's ssh-keyscan: without a key exchange it gives the
// banner alone.
func cmdSSHKeyscan(p *P) int {
	opts, args, ok := p.getopt("46cDHp:T:t:f:v")
	if !ok || len(args) == 0 {
		p.raw("usage: ssh-keyscan [-46cDHv] [-f file] [-p port] [-T timeout] [-t type]\n\t\t   [host | addrlist namelist]\n")
		return 1
	}
	f := set(opts)
	port, ok := sshPort(f["p"])
	if !ok {
		p.raw("Bad port '%s'\n", f["p"])
		return 1
	}
	wait := 5 * time.Second
	if n := toInt(f["T"]); n > 0 && n < 3600 {
		wait = time.Duration(n) * time.Second
	}
	for _, h := range args {
		as, err := p.t.LookupHost(h, "")
		if err != nil || len(as) == 0 {
			p.raw("getaddrinfo %s: Name or service not known\r\n", h)
			continue
		}
		fd, err := p.t.DialAddr("tcp", netip.AddrPortFrom(as[0], port), h)
		if err != nil {
			p.raw("%s: %s\r\n", h, text(err)) // as connect(2)'s error is told with -v; quiet hosts are passed over
			continue
		}
		fds := []kernel.PollFd{{Fd: fd, Read: true}}
		if n, _ := p.t.PollFds(fds, int64(wait)); n > 0 {
			b := make([]byte, 256)
			m, _ := p.t.Read(fd, b)
			if l, _, _ := strings.Cut(string(b[:m]), "\n"); strings.HasPrefix(l, "SSH-") {
				p.raw("# %s:%d %s\n", h, port, strings.TrimRight(l, "\r"))
			}
		}
		p.t.Close(fd)
	}
	return 0
}
