package program

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

func cmdTrue(*P) int  { return 0 }
func cmdFalse(*P) int { return 1 }

func cmdEcho(p *P) int {
	args := p.args
	nl, esc := true, false
opts:
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		for _, c := range args[0][1:] {
			if c != 'n' && c != 'e' && c != 'E' {
				break opts
			}
		}
		for _, c := range args[0][1:] {
			switch c {
			case 'n':
				nl = false
			case 'e':
				esc = true
			case 'E':
				esc = false
			}
		}
		args = args[1:]
	}
	s := strings.Join(args, " ")
	if esc {
		var stop bool
		s, stop = unescape(s, true)
		if stop {
			nl = false
		}
	}
	p.puts(s)
	if nl {
		p.puts("\n")
	}
	return 0
}

// unescape expands backslash escapes; \c ends the output. zero tells that octal
// needs a leading 0, as in echo.
func unescape(s string, zero bool) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 'a':
			b.WriteByte(7)
		case 'b':
			b.WriteByte(8)
		case 'c':
			return b.String(), true
		case 'e':
			b.WriteByte(27)
		case 'f':
			b.WriteByte(12)
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'v':
			b.WriteByte(11)
		case '\\':
			b.WriteByte('\\')
		case 'x':
			v, n := 0, 0
			for n < 2 && i+1 < len(s) {
				d := hexVal(s[i+1])
				if d < 0 {
					break
				}
				v, n, i = v*16+d, n+1, i+1
			}
			if n == 0 {
				b.WriteString(`\x`)
			} else {
				b.WriteByte(byte(v))
			}
		case '0', '1', '2', '3', '4', '5', '6', '7':
			max, j := 3, i
			if zero {
				if c != '0' {
					b.WriteByte('\\')
					b.WriteByte(c)
					continue
				}
				j++
			} else if c == '0' {
				max = 4
			}
			v, n := 0, 0
			for n < max && j < len(s) && s[j] >= '0' && s[j] <= '7' {
				v, n, j = v*8+int(s[j]-'0'), n+1, j+1
			}
			i = j - 1
			b.WriteByte(byte(v))
		case 'u', 'U':
			w := 4
			if c == 'U' {
				w = 8
			}
			v, n := 0, 0
			for n < w && i+1 < len(s) {
				d := hexVal(s[i+1])
				if d < 0 {
					break
				}
				v, n, i = v*16+d, n+1, i+1
			}
			b.WriteRune(rune(v))
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), false
}

func hexVal(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func cmdPrintf(p *P) int {
	if len(p.args) == 0 {
		return p.missing()
	}
	args := p.args
	if args[0] == "--" {
		args = args[1:]
	}
	s, err := formatPrintf(args[0], args[1:])
	p.puts(s)
	if err != "" {
		p.errf("%s", err)
		return 1
	}
	return 0
}

// formatPrintf is printf(1): the format is used again while arguments remain.
func formatPrintf(format string, args []string) (string, string) {
	var b strings.Builder
	errs := ""
	for {
		used := false
		for i := 0; i < len(format); i++ {
			c := format[i]
			if c == '\\' {
				// Expand one escape only.
				one, n := oneEscape(format[i:])
				if n == 0 {
					return b.String(), errs
				}
				b.WriteString(one)
				i += n - 1
				continue
			}
			if c != '%' {
				b.WriteByte(c)
				continue
			}
			j := i + 1
			if j < len(format) && format[j] == '%' {
				b.WriteByte('%')
				i = j
				continue
			}
			spec := "%"
			next := func() string {
				used = true
				if len(args) == 0 {
					return ""
				}
				a := args[0]
				args = args[1:]
				return a
			}
			for j < len(format) && strings.IndexByte("-+ #0123456789.*'", format[j]) >= 0 {
				if format[j] == '*' {
					spec += strconv.Itoa(int(toInt(next())))
				} else if format[j] != '\'' {
					spec += format[j : j+1]
				}
				j++
			}
			for j < len(format) && strings.IndexByte("hlLqjzt", format[j]) >= 0 {
				j++
			}
			if j >= len(format) || len(spec) > 12 {
				return b.String(), "%: invalid directive"
			}
			if w := strings.Trim(spec, "%-+ #"); len(strings.SplitN(w, ".", 2)[0]) > 5 {
				return b.String(), "%: invalid directive"
			}
			num := func(a string) int64 {
				if a == "" {
					return 0
				}
				if a[0] == '"' || a[0] == '\'' {
					if len(a) > 1 {
						return int64([]rune(a[1:])[0])
					}
					return 0
				}
				v, err := strconv.ParseInt(strings.TrimLeft(a, " \t"), 0, 64)
				if err != nil {
					if u, e := strconv.ParseUint(a, 0, 64); e == nil {
						return int64(u)
					}
					errs = q(a) + ": expected a numeric value"
					return toInt(a)
				}
				return v
			}
			switch format[j] {
			case 's':
				fmt.Fprintf(&b, spec+"s", next())
			case 'b':
				s, stop := unescape(next(), true)
				fmt.Fprintf(&b, spec+"s", s)
				if stop {
					return b.String(), errs
				}
			case 'q':
				fmt.Fprintf(&b, spec+"s", shellQuote(next()))
			case 'c':
				a := next()
				if a != "" {
					a = a[:1]
				}
				fmt.Fprintf(&b, spec+"s", a)
			case 'd', 'i':
				fmt.Fprintf(&b, spec+"d", num(next()))
			case 'u':
				fmt.Fprintf(&b, spec+"d", uint64(num(next())))
			case 'o', 'x', 'X':
				fmt.Fprintf(&b, spec+string(format[j]), uint64(num(next())))
			case 'e', 'E', 'f', 'F', 'g', 'G', 'a', 'A':
				f, _ := strconv.ParseFloat(next(), 64)
				fmt.Fprintf(&b, spec+string(format[j]), f)
			default:
				return b.String(), spec + string(format[j]) + ": invalid conversion specification"
			}
			i = j
		}
		if len(args) == 0 || !used || b.Len() > 16<<20 {
			return b.String(), errs
		}
	}
}

// oneEscape expands the escape that s begins with, and gives its length; 0 is \c.
func oneEscape(s string) (string, int) {
	if len(s) < 2 {
		return s, max(1, len(s))
	}
	n := 2
	switch c := s[1]; {
	case c == 'c':
		return "", 0
	case c == 'x':
		for n < 4 && n < len(s) && hexVal(s[n]) >= 0 {
			n++
		}
	case c >= '0' && c <= '7':
		for n < 4 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
			n++
		}
	case c == 'u' || c == 'U':
		w := 6
		if c == 'U' {
			w = 10
		}
		for n < w && n < len(s) && hexVal(s[n]) >= 0 {
			n++
		}
	case c == '"' || c == '\'':
		return s[1:2], 2
	}
	out, _ := unescape(s[:n], false)
	return out, n
}

func toInt(s string) int64 {
	i := 0
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || i == 0 && (s[i] == '-' || s[i] == '+')) {
		i++
	}
	v, _ := strconv.ParseInt(s[:i], 10, 64)
	return v
}

func shellQuote(s string) string {
	if s == "" {
		return "''"
	}
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-./,:=@%+", c) >= 0) {
			return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		}
	}
	return s
}

func cmdYes(p *P) int {
	s := "y"
	if len(p.args) > 0 {
		s = strings.Join(p.args, " ")
	}
	buf := strings.Repeat(s+"\n", max(1, 8192/(len(s)+1)))
	for {
		if _, err := p.t.Stdout().Write([]byte(buf)); err != nil {
			p.errf("standard output: %s", text(err))
			return 1
		}
	}
}

func cmdEnv(p *P) int {
	opts, args, ok := p.getopt("+iu:0C:S:", "ignore-environment=i", "unset:=u", "null=0", "chdir:=C", "split-string:=S")
	if !ok {
		return p.status
	}
	sep := "\n"
	for _, o := range opts {
		switch o.c {
		case "i":
			p.t.SetEnviron(nil)
		case "u":
			p.t.Unsetenv(o.arg)
		case "0":
			sep = "\x00"
		case "C":
			if err := p.t.Chdir(o.arg); err != nil {
				p.errf("cannot change directory to %s: %s", q(o.arg), text(err))
				return 125
			}
		case "S":
			args = append(strings.Fields(o.arg), args...)
		}
	}
	if len(args) > 0 && args[0] == "-" {
		p.t.SetEnviron(nil)
		args = args[1:]
	}
	for len(args) > 0 && strings.IndexByte(args[0], '=') > 0 {
		k, v, _ := strings.Cut(args[0], "=")
		p.t.Setenv(k, v)
		args = args[1:]
	}
	if len(args) == 0 {
		for _, e := range p.t.Env() {
			p.puts(e + sep)
		}
		return 0
	}
	return p.exec(args)
}

// exec replaces the command by another, as execvp does; it returns only the
// status of a failure: 127 not found, 126 not run.
func (p *P) exec(argv []string) int {
	p.out.Flush()
	path, err := p.t.LookPath(argv[0])
	if err == nil {
		if err = p.t.Exec(path, argv, nil); err == vfs.ENOEXEC {
			err = p.t.Exec("/bin/sh", append([]string{"sh", path}, argv[1:]...), nil)
		}
	}
	switch {
	case p.bb:
		p.errf("can't execute '%s': %s", argv[0], text(err))
	case p.name == "nohup" || p.name == "timeout" || p.name == "chroot" || p.name == "stdbuf":
		p.errf("failed to run command %s: %s", q(argv[0]), text(err))
	default:
		p.errf("%s: %s", q(argv[0]), text(err))
	}
	if err == vfs.ENOENT {
		return 127
	}
	return 126
}

// run starts a command and waits for it.
func (p *P) run(argv []string) (int, error) {
	p.out.Flush()
	c, err := p.spawn(argv, nil)
	if err != nil {
		return 127, err
	}
	for {
		_, ws, err := p.t.Wait(c.PID(), 0)
		if err == vfs.EINTR {
			continue
		}
		if err != nil {
			return 1, err
		}
		return ws.Code(), nil
	}
}

func (p *P) spawn(argv []string, fds map[int]int) (*kernel.Task, error) {
	s := kernel.Spawn{Path: argv[0], Argv: argv, Fds: fds}
	c, err := p.t.Spawn(s)
	if err == vfs.ENOEXEC {
		path, e := p.t.LookPath(argv[0])
		if e != nil {
			return nil, e
		}
		s.Path, s.Argv = "/bin/sh", append([]string{"sh", path}, argv[1:]...)
		c, err = p.t.Spawn(s)
	}
	return c, err
}

func cmdPrintenv(p *P) int {
	if len(p.args) == 0 {
		for _, e := range p.t.Env() {
			p.puts(e + "\n")
		}
		return 0
	}
	code := 0
	for _, a := range p.args {
		if v, ok := p.t.LookupEnv(a); ok {
			p.puts(v + "\n")
		} else {
			code = 1
		}
	}
	return code
}

func cmdPwd(p *P) int { p.puts(p.t.Cwd() + "\n"); return 0 }

func cmdBasename(p *P) int {
	opts, args, ok := p.getopt("+as:z", "multiple=a", "suffix:=s", "zero=z")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		return p.missing()
	}
	suffix := f["s"]
	if !f.has("a") && !f.has("s") {
		if len(args) > 2 {
			p.errf("extra operand %s", q(args[2]))
			return p.try(1)
		}
		if len(args) == 2 {
			suffix = args[1]
		}
		args = args[:1]
	}
	for _, a := range args {
		b := base(a)
		if a == "" {
			b = ""
		}
		if b != suffix {
			b = strings.TrimSuffix(b, suffix)
		}
		p.puts(b + "\n")
	}
	return 0
}

func dirname(s string) string {
	t := strings.TrimRight(s, "/")
	if t == "" {
		if s == "" {
			return "."
		}
		return "/"
	}
	i := strings.LastIndexByte(t, '/')
	if i < 0 {
		return "."
	}
	t = strings.TrimRight(t[:i], "/")
	if t == "" {
		return "/"
	}
	return t
}

func cmdDirname(p *P) int {
	_, args, ok := p.getopt("z", "zero=z")
	if !ok {
		return p.status
	}
	if len(args) == 0 {
		return p.missing()
	}
	for _, a := range args {
		p.puts(dirname(a) + "\n")
	}
	return 0
}

func cmdSleep(p *P) int {
	if len(p.args) == 0 {
		return p.missing()
	}
	var d time.Duration
	for _, a := range p.args {
		x, ok := duration(a)
		if !ok {
			if p.bb {
				p.errf("invalid number '%s'", a)
				return 1
			}
			p.errf("invalid time interval %s", q(a))
			return p.try(1)
		}
		d += x
	}
	for d > 0 {
		d = p.t.Sleep(d)
	}
	return 0
}

func duration(s string) (time.Duration, bool) {
	if s == "infinity" || s == "inf" {
		return math.MaxInt64 / 4, true
	}
	unit := time.Second
	if s != "" {
		switch s[len(s)-1] {
		case 's':
			s = s[:len(s)-1]
		case 'm':
			unit, s = time.Minute, s[:len(s)-1]
		case 'h':
			unit, s = time.Hour, s[:len(s)-1]
		case 'd':
			unit, s = 24*time.Hour, s[:len(s)-1]
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 {
		return 0, false
	}
	return time.Duration(min(f*float64(unit), float64(math.MaxInt64/4))), true
}

func cmdHostname(p *P) int {
	opts, args, ok := p.getopt("sfidIAyF:b", "short=s", "fqdn=f", "long=f", "ip-address=i", "all-ip-addresses=I", "domain=d")
	if !ok {
		return p.status
	}
	f := set(opts)
	ns := p.t.NS()
	h := ns.Hostname()
	switch {
	case len(args) > 0:
		if !p.t.Creds().Has(vfs.CapSysAdmin) {
			p.errf("sethostname: Operation not permitted")
			return 1
		}
		ns.SetHostname(args[0])
		return 0
	case f.has("s"):
		h, _, _ = strings.Cut(h, ".")
	case f.has("I"), f.has("i"):
		h = ""
		for _, i := range ns.Net().Interfaces {
			if i.Addr.IsValid() {
				h += i.Addr.Addr().String() + " "
			}
		}
		if f.has("i") {
			h = strings.TrimSpace(h)
		}
	case f.has("d"):
		_, h, _ = strings.Cut(h, ".")
	}
	p.puts(h + "\n")
	return 0
}

func cmdUname(p *P) int {
	opts, args, ok := p.getopt("asnrvmpio", "all=a", "kernel-name=s", "nodename=n", "kernel-release=r", "kernel-version=v", "machine=m", "processor=p", "hardware-platform=i", "operating-system=o")
	if !ok {
		return p.status
	}
	if len(args) > 0 {
		p.errf("extra operand %s", q(args[0]))
		return p.try(1)
	}
	f := set(opts)
	h := p.t.Kernel().HostInfo()
	var out []string
	add := func(k, v string) {
		if f.has("a") || f.has(k) {
			out = append(out, v)
		}
	}
	if len(f) == 0 {
		f["s"] = ""
	}
	add("s", "Linux")
	add("n", p.t.NS().Hostname())
	add("r", h.Release)
	add("v", h.Version)
	add("m", h.Machine)
	debian := false
	if b, err := p.t.ReadFile("/etc/os-release"); err == nil {
		debian = strings.Contains(string(b), "debian") && !strings.Contains(string(b), "ubuntu")
	}
	if !p.bb && (!debian || !f.has("a")) {
		v := h.Machine
		if debian {
			v = "unknown"
		}
		add("p", v)
		add("i", v)
	}
	if p.bb {
		if f.has("a") || f.has("o") {
			out = append(out, "Linux")
		}
	} else {
		add("o", "GNU/Linux")
	}
	p.puts(strings.Join(out, " ") + "\n")
	return 0
}

func cmdArch(p *P) int { p.puts(p.t.Kernel().HostInfo().Machine + "\n"); return 0 }

func (p *P) userName(uid uint32) string {
	if u, ok := p.t.LookupUID(uid); ok {
		return u.Name
	}
	return strconv.FormatUint(uint64(uid), 10)
}

func (p *P) groupName(gid uint32) string {
	if g, ok := p.t.LookupGID(gid); ok {
		return g.Name
	}
	return strconv.FormatUint(uint64(gid), 10)
}

func cmdWhoami(p *P) int {
	id := p.t.Creds().EUID
	u, ok := p.t.LookupUID(id)
	if !ok {
		if p.bb {
			p.errf("unknown uid %d", id)
		} else {
			p.errf("cannot find name for user ID %d", id)
		}
		return 1
	}
	p.puts(u.Name + "\n")
	return 0
}

func cmdID(p *P) int {
	opts, args, ok := p.getopt("ugGnrzZa", "user=u", "group=g", "groups=G", "name=n", "real=r")
	if !ok {
		return p.status
	}
	f := set(opts)
	c := p.t.Creds()
	uid, gid := c.EUID, c.EGID
	groups := append([]uint32{gid}, c.Groups...)
	if len(args) > 0 {
		u, ok := p.t.LookupUser(args[0])
		if !ok {
			if p.bb {
				p.errf("unknown user %s", args[0])
			} else {
				p.errf("%s: no such user", q(args[0]))
			}
			return 1
		}
		uid, gid = u.UID, u.GID
		groups = []uint32{gid}
		for _, g := range p.t.Groups() {
			for _, m := range g.Members {
				if m == u.Name {
					groups = append(groups, g.GID)
				}
			}
		}
	}
	var uniq []uint32
	for _, g := range groups {
		dup := false
		for _, x := range uniq {
			dup = dup || x == g
		}
		if !dup {
			uniq = append(uniq, g)
		}
	}
	num := func(v uint32) string { return strconv.FormatUint(uint64(v), 10) }
	switch {
	case f.has("u"):
		if f.has("n") {
			p.puts(p.userName(uid) + "\n")
		} else {
			p.puts(num(uid) + "\n")
		}
	case f.has("g"):
		if f.has("n") {
			p.puts(p.groupName(gid) + "\n")
		} else {
			p.puts(num(gid) + "\n")
		}
	case f.has("G"):
		var s []string
		for _, g := range uniq {
			if f.has("n") {
				s = append(s, p.groupName(g))
			} else {
				s = append(s, num(g))
			}
		}
		p.puts(strings.Join(s, " ") + "\n")
	default:
		named := func(v uint32, n string) string {
			if n == num(v) {
				return n
			}
			return num(v) + "(" + n + ")"
		}
		var s []string
		for _, g := range uniq {
			s = append(s, named(g, p.groupName(g)))
		}
		p.printf("uid=%s gid=%s groups=%s\n", named(uid, p.userName(uid)), named(gid, p.groupName(gid)), strings.Join(s, ","))
	}
	return 0
}

func cmdGroups(p *P) int {
	c := p.t.Creds()
	s := []string{p.groupName(c.EGID)}
	for _, g := range c.Groups {
		if g != c.EGID {
			s = append(s, p.groupName(g))
		}
	}
	p.puts(strings.Join(s, " ") + "\n")
	return 0
}

func cmdNproc(p *P) int {
	p.printf("%d\n", p.t.Kernel().HostInfo().Cores)
	return 0
}

func cmdTTY(p *P) int {
	if f, err := p.t.File(0); err == nil && f.PTY() != nil {
		p.puts(f.PTY().Name() + "\n")
		return 0
	}
	p.puts("not a tty\n")
	return 1
}

// cmdStty is stty as far as scripts ask: the size. What sets a mode is taken and has
// no effect.
func cmdStty(p *P) int {
	f, err := p.t.File(0)
	if err != nil || f.PTY() == nil {
		word := "'standard input'"
		if p.bb {
			word = "standard input"
		}
		p.fail("%s: %s", word, vfs.ENOTTY.Error())
		return p.status
	}
	rows, cols := f.PTY().Size()
	switch {
	case len(p.args) == 1 && p.args[0] == "size" && p.bb && rows == 0 && cols == 0:
		p.errf("standard input")
	case len(p.args) == 1 && p.args[0] == "size":
		p.printf("%d %d\n", rows, cols)
	case len(p.args) == 0:
		p.puts("speed 38400 baud; line = 0;\n")
	case p.args[0] == "-a" || p.args[0] == "--all":
		p.printf("speed 38400 baud; rows %d; columns %d; line = 0;\n", rows, cols)
		p.puts("intr = ^C; quit = ^\\; erase = ^?; kill = ^U; eof = ^D; eol = <undef>; eol2 = <undef>; swtch = <undef>; start = ^Q; stop = ^S; susp = ^Z; rprnt = ^R; werase = ^W; lnext = ^V; discard = ^O; min = 1; time = 0;\n" +
			"-parenb -parodd -cmspar cs8 -hupcl -cstopb cread -clocal -crtscts\n-ignbrk -brkint -ignpar -parmrk -inpck -istrip -inlcr -igncr icrnl ixon -ixoff -iuclc -ixany -imaxbel -iutf8\n" +
			"opost -olcuc -ocrnl onlcr -onocr -onlret -ofill -ofdel nl0 cr0 tab0 bs0 vt0 ff0\nisig icanon iexten echo echoe echok -echonl -noflsh -xcase -tostop -echoprt echoctl echoke -flusho -extproc\n")
	case p.args[0] == "-g" || p.args[0] == "--save":
		p.puts("500:5:bf:8a3b:3:1c:7f:15:4:0:1:0:11:13:1a:0:12:f:17:16:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0\n")
	}
	return 0
}

func cmdSync(p *P) int { p.t.Sync(); return 0 }

func cmdSeq(p *P) int {
	sep, format := "\n", ""
	width := false
	args := p.args
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && (args[0][1] < '0' || args[0][1] > '9') && args[0][1] != '.' {
		switch {
		case args[0] == "-w":
			width = true
		case args[0] == "-s" && len(args) > 1:
			sep, args = args[1], args[1:]
		case strings.HasPrefix(args[0], "-s"):
			sep = args[0][2:]
		case args[0] == "-f" && len(args) > 1:
			format, args = args[1], args[1:]
		default:
			p.unknown("option", args[0])
			p.errf("invalid option -- '%s'", args[0][1:2])
			return p.try(1)
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return p.missing()
	}
	vals := make([]float64, len(args))
	prec := 0
	for i, a := range args {
		v, err := strconv.ParseFloat(a, 64)
		if err != nil {
			p.errf("invalid floating point argument: %s", q(a))
			return p.try(1)
		}
		vals[i] = v
		if d := strings.IndexByte(a, '.'); d >= 0 && i < 2 {
			prec = max(prec, len(a)-d-1)
		}
	}
	first, step, last := 1.0, 1.0, vals[len(vals)-1]
	if len(vals) > 1 {
		first = vals[0]
	}
	if len(vals) > 2 {
		step = vals[1]
	}
	if step == 0 {
		p.errf("invalid Zero increment value: '%s'", args[1])
		return p.try(1)
	}
	w := 0
	if width {
		w = max(len(strconv.FormatFloat(first, 'f', prec, 64)), len(strconv.FormatFloat(last, 'f', prec, 64)))
	}
	any := false
	for i := 0.0; ; i++ {
		v := first + i*step
		if step > 0 && v > last+1e-9 || step < 0 && v < last-1e-9 {
			break
		}
		if any {
			p.puts(sep)
		}
		any = true
		p.t.Tick(1)
		var err error
		if format != "" {
			_, err = fmt.Fprintf(p.out, format, v)
		} else if prec == 0 && w == 0 {
			_, err = p.out.WriteString(strconv.FormatInt(int64(v), 10))
		} else {
			_, err = fmt.Fprintf(p.out, "%0*.*f", w, prec, v)
		}
		if err != nil {
			return 1
		}
	}
	if any {
		p.puts("\n")
	}
	return 0
}

func cmdDate(p *P) int {
	opts, args, ok := p.getopt("ud:r:s:RI::D:", "utc=u", "universal=u", "date:=d", "reference:=r", "set:=s", "rfc-email=R", "iso-8601?=I")
	if !ok {
		return p.status
	}
	loc := p.zone()
	now := p.t.Now()
	format := ""
	for _, o := range opts {
		switch o.c {
		case "u":
			loc = time.UTC
		case "d":
			t, ok := parseDate(o.arg, now, loc)
			if !ok {
				p.errf("invalid date %s", q(o.arg))
				return 1
			}
			now = t
		case "r":
			st, err := p.t.Stat(o.arg)
			if err != nil {
				p.errf("%s: %s", o.arg, text(err))
				return 1
			}
			now = time.Unix(0, st.Mtime)
		case "s":
			t, ok := parseDate(o.arg, now, loc)
			if !ok {
				p.errf("invalid date %s", q(o.arg))
				return 1
			}
			now = t
			if p.t.Creds().Has(vfs.CapSysTime) {
				break // it is taken, and the world's clock goes on
			}
			if p.bb {
				p.errf("can't set date: Operation not permitted")
			} else {
				p.fail("cannot set date: Operation not permitted")
			}
		case "R":
			format = "%a, %d %b %Y %H:%M:%S %z"
		case "I":
			format = "%Y-%m-%d"
			if strings.HasPrefix(o.arg, "s") {
				format = "%Y-%m-%dT%H:%M:%S+00:00"
			}
		}
	}
	for _, a := range args {
		if strings.HasPrefix(a, "+") {
			format = a[1:]
		} else {
			p.errf("invalid date %s", q(a))
			return 1
		}
	}
	now = now.In(loc)
	if format == "" {
		format = "%a %b %e %H:%M:%S %Z %Y"
	}
	p.puts(strftime(format, now) + "\n")
	return p.status
}

func (p *P) zone() *time.Location { return time.UTC }

func strftime(f string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(f); i++ {
		if f[i] != '%' || i+1 >= len(f) {
			b.WriteByte(f[i])
			continue
		}
		i++
		pad := byte(0)
		if f[i] == '-' || f[i] == '_' || f[i] == '0' || f[i] == '^' || f[i] == ':' {
			pad = f[i]
			if i++; i >= len(f) {
				break
			}
		}
		n := func(v, w int) {
			switch pad {
			case '-':
				b.WriteString(strconv.Itoa(v))
			case '_':
				fmt.Fprintf(&b, "%*d", w, v)
			default:
				fmt.Fprintf(&b, "%0*d", w, v)
			}
		}
		switch c := f[i]; c {
		case 'Y':
			b.WriteString(strconv.Itoa(t.Year()))
		case 'm':
			n(int(t.Month()), 2)
		case 'd':
			n(t.Day(), 2)
		case 'e':
			fmt.Fprintf(&b, "%2d", t.Day())
		case 'H':
			n(t.Hour(), 2)
		case 'k':
			fmt.Fprintf(&b, "%2d", t.Hour())
		case 'I':
			n((t.Hour()+11)%12+1, 2)
		case 'M':
			n(t.Minute(), 2)
		case 'S':
			n(t.Second(), 2)
		case 'N':
			fmt.Fprintf(&b, "%09d", t.Nanosecond())
		case '3':
			if i+1 < len(f) && f[i+1] == 'N' {
				i++
				fmt.Fprintf(&b, "%03d", t.Nanosecond()/1e6)
			}
		case 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case 'y':
			n(t.Year()%100, 2)
		case 'C':
			n(t.Year()/100, 2)
		case 'j':
			n(t.YearDay(), 3)
		case 'a':
			b.WriteString(t.Format("Mon"))
		case 'A':
			b.WriteString(t.Format("Monday"))
		case 'b', 'h':
			b.WriteString(t.Format("Jan"))
		case 'B':
			b.WriteString(t.Format("January"))
		case 'p':
			b.WriteString(t.Format("PM"))
		case 'P':
			b.WriteString(strings.ToLower(t.Format("PM")))
		case 'u':
			n((int(t.Weekday())+6)%7+1, 1)
		case 'w':
			n(int(t.Weekday()), 1)
		case 'V':
			_, w := t.ISOWeek()
			n(w, 2)
		case 'U':
			n((t.YearDay()+6-int(t.Weekday()))/7, 2)
		case 'Z':
			b.WriteString(t.Format("MST"))
		case 'z':
			if pad == ':' {
				b.WriteString(t.Format("-07:00"))
			} else {
				b.WriteString(t.Format("-0700"))
			}
		case 'F':
			b.WriteString(t.Format("2006-01-02"))
		case 'T':
			b.WriteString(t.Format("15:04:05"))
		case 'R':
			b.WriteString(t.Format("15:04"))
		case 'D', 'x':
			b.WriteString(t.Format("01/02/06"))
		case 'X':
			b.WriteString(t.Format("15:04:05"))
		case 'c':
			b.WriteString(t.Format("Mon Jan _2 15:04:05 2006"))
		case 'r':
			b.WriteString(t.Format("03:04:05 PM"))
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case '%':
			b.WriteByte('%')
		default:
			b.WriteByte('%')
			b.WriteByte(c)
		}
	}
	return b.String()
}

func parseDate(s string, now time.Time, loc *time.Location) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "@") {
		f, err := strconv.ParseFloat(s[1:], 64)
		return time.Unix(int64(f), 0), err == nil
	}
	for _, l := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02", "20060102", "2006/01/02", "01/02/2006", time.RFC1123, time.RFC1123Z, time.UnixDate, time.ANSIC, "15:04:05", "15:04", "Jan 2 2006", "2 Jan 2006", "Jan 2 15:04:05 2006"} {
		if t, err := time.ParseInLocation(l, s, loc); err == nil {
			if t.Year() == 0 {
				t = time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, loc)
			}
			return t, true
		}
	}
	switch s {
	case "now", "today", "":
		return now, true
	case "yesterday":
		return now.AddDate(0, 0, -1), true
	case "tomorrow":
		return now.AddDate(0, 0, 1), true
	}
	f := strings.Fields(s)
	ago := 1
	if len(f) > 0 && f[len(f)-1] == "ago" {
		ago, f = -1, f[:len(f)-1]
	}
	if len(f) == 1 {
		for i, c := range f[0] {
			if i > 0 && c >= 'a' && c <= 'z' {
				f = []string{f[0][:i], f[0][i:]}
				break
			}
		}
	}
	for len(f) >= 2 {
		n, err := strconv.Atoi(f[0])
		if err != nil {
			switch f[0] {
			case "last":
				n = -1
			case "next":
				n = 1
			default:
				return now, false
			}
		}
		n *= ago
		switch strings.TrimSuffix(f[1], "s") {
		case "sec", "second":
			now = now.Add(time.Duration(n) * time.Second)
		case "min", "minute":
			now = now.Add(time.Duration(n) * time.Minute)
		case "hour":
			now = now.Add(time.Duration(n) * time.Hour)
		case "day":
			now = now.AddDate(0, 0, n)
		case "week":
			now = now.AddDate(0, 0, 7*n)
		case "month":
			now = now.AddDate(0, n, 0)
		case "year":
			now = now.AddDate(n, 0, 0)
		default:
			return now, false
		}
		f = f[2:]
		if len(f) == 0 {
			return now, true
		}
	}
	return now, false
}

// cmdTest is test(1) and [.
func cmdTest(p *P) int {
	a := p.args
	if p.name == "[" || p.name == "[[" {
		end := map[string]string{"[": "]", "[[": "]]"}[p.name]
		if len(a) == 0 || a[len(a)-1] != end {
			p.errf("missing '%s'", end)
			return 2
		}
		a = a[:len(a)-1]
	}
	e := &testExpr{p: p, a: a}
	if len(a) == 0 {
		return 1
	}
	v := e.or()
	if e.bad == "" && e.i < len(a) {
		e.bad = fmt.Sprintf("extra argument %s", q(a[e.i]))
	}
	if e.bad != "" {
		p.errf("%s", e.bad)
		return 2
	}
	if v {
		return 0
	}
	return 1
}

type testExpr struct {
	p     *P
	a     []string
	i     int
	depth int
	bad   string
}

func (e *testExpr) peek() string {
	if e.i < len(e.a) {
		return e.a[e.i]
	}
	return ""
}

func (e *testExpr) or() bool {
	v := e.and()
	for e.i < len(e.a) && e.peek() == "-o" {
		e.i++
		w := e.and()
		v = v || w
	}
	return v
}

func (e *testExpr) and() bool {
	v := e.prim()
	for e.i < len(e.a) && e.peek() == "-a" {
		e.i++
		w := e.prim()
		v = v && w
	}
	return v
}

func (e *testExpr) prim() bool {
	if e.depth++; e.depth > 500 {
		e.bad = "too many arguments"
		return false
	}
	defer func() { e.depth-- }()
	left := len(e.a) - e.i
	if left == 0 {
		e.bad = "argument expected"
		return false
	}
	s := e.a[e.i]
	if left >= 3 {
		if v, ok := e.binary(s, e.a[e.i+1], e.a[e.i+2]); ok {
			e.i += 3
			return v
		}
	}
	if s == "!" && left > 1 {
		e.i++
		return !e.prim()
	}
	if s == "(" && left > 2 {
		e.i++
		v := e.or()
		if e.peek() != ")" {
			e.bad = "')' expected"
		}
		e.i++
		return v
	}
	if left >= 2 && len(s) == 2 && s[0] == '-' {
		if v, ok := e.unary(s[1], e.a[e.i+1]); ok {
			e.i += 2
			return v
		}
	}
	e.i++
	return s != ""
}

func (e *testExpr) num(s string) int64 {
	v, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		e.bad = "invalid integer " + q(s)
	}
	return v
}

func (e *testExpr) binary(a, op, b string) (bool, bool) {
	t := e.p.t
	switch op {
	case "=", "==":
		return a == b, true
	case "!=":
		return a != b, true
	case "<":
		return a < b, true
	case ">":
		return a > b, true
	case "-eq":
		return e.num(a) == e.num(b), true
	case "-ne":
		return e.num(a) != e.num(b), true
	case "-lt":
		return e.num(a) < e.num(b), true
	case "-le":
		return e.num(a) <= e.num(b), true
	case "-gt":
		return e.num(a) > e.num(b), true
	case "-ge":
		return e.num(a) >= e.num(b), true
	case "-nt", "-ot", "-ef":
		x, e1 := t.Stat(a)
		y, e2 := t.Stat(b)
		switch op {
		case "-nt":
			return e1 == nil && (e2 != nil || x.Mtime > y.Mtime), true
		case "-ot":
			return e2 == nil && (e1 != nil || x.Mtime < y.Mtime), true
		}
		return e1 == nil && e2 == nil && x.Dev == y.Dev && x.Ino == y.Ino, true
	}
	return false, false
}

func (e *testExpr) unary(op byte, a string) (bool, bool) {
	t := e.p.t
	switch op {
	case 'n':
		return a != "", true
	case 'z':
		return a == "", true
	case 't':
		n, err := strconv.Atoi(a)
		return err == nil && t.IsTTY(n), true
	case 'r':
		return t.Access(a, vfs.MayRead) == nil, true
	case 'w':
		return t.Access(a, vfs.MayWrite) == nil, true
	case 'x':
		return t.Access(a, vfs.MayExec) == nil, true
	case 'h', 'L':
		st, err := t.Lstat(a)
		return err == nil && st.Mode.IsLink(), true
	}
	if strings.IndexByte("efdsbcpSugkOGN", op) < 0 {
		return false, false
	}
	st, err := t.Stat(a)
	if err != nil {
		return false, true
	}
	switch op {
	case 'f':
		return st.Mode.IsRegular(), true
	case 'd':
		return st.Mode.IsDir(), true
	case 's':
		return st.Size > 0, true
	case 'b':
		return st.Mode.Type() == vfs.S_IFBLK, true
	case 'c':
		return st.Mode.Type() == vfs.S_IFCHR, true
	case 'p':
		return st.Mode.Type() == vfs.S_IFIFO, true
	case 'S':
		return st.Mode.Type() == vfs.S_IFSOCK, true
	case 'u':
		return st.Mode&vfs.S_ISUID != 0, true
	case 'g':
		return st.Mode&vfs.S_ISGID != 0, true
	case 'k':
		return st.Mode&vfs.S_ISVTX != 0, true
	case 'O':
		return st.UID == t.Creds().EUID, true
	case 'G':
		return st.GID == t.Creds().EGID, true
	}
	return true, true
}

// cmdExpr is expr(1).
func cmdExpr(p *P) int {
	e := &exprEval{a: p.args}
	if len(p.args) > 0 && p.args[0] == "--" {
		e.a = p.args[1:]
	}
	if len(e.a) == 0 {
		return p.missing()
	}
	v := e.level(0)
	if e.bad == "" && e.i < len(e.a) {
		e.bad = "syntax error: unexpected argument " + q(e.a[e.i])
	}
	if e.bad != "" {
		p.errf("%s", e.bad)
		return 2
	}
	p.puts(v + "\n")
	if v == "" || v == "0" {
		return 1
	}
	return 0
}

type exprEval struct {
	a     []string
	i     int
	depth int
	bad   string
}

var exprLevels = [...][]string{{"|"}, {"&"}, {"<", "<=", "=", "==", "!=", ">=", ">"}, {"+", "-"}, {"*", "/", "%"}, {":"}}

func (e *exprEval) level(n int) string {
	if e.depth++; e.depth > 2000 {
		e.bad = "syntax error"
		return ""
	}
	defer func() { e.depth-- }()
	if n == len(exprLevels) {
		return e.prim()
	}
	v := e.level(n + 1)
	for e.bad == "" && e.i < len(e.a) {
		op := ""
		for _, o := range exprLevels[n] {
			if e.a[e.i] == o {
				op = o
			}
		}
		if op == "" {
			break
		}
		e.i++
		w := e.level(n + 1)
		v = e.apply(v, op, w)
	}
	return v
}

func (e *exprEval) apply(a, op, b string) string {
	null := func(s string) bool { return s == "" || s == "0" }
	truth := func(v bool) string {
		if v {
			return "1"
		}
		return "0"
	}
	x, e1 := strconv.ParseInt(a, 10, 64)
	y, e2 := strconv.ParseInt(b, 10, 64)
	switch op {
	case "|":
		if !null(a) {
			return a
		}
		if b == "" {
			return "0"
		}
		return b
	case "&":
		if null(a) || null(b) {
			return "0"
		}
		return a
	case ":":
		return exprMatch(a, b)
	case "<", "<=", "=", "==", "!=", ">=", ">":
		c := strings.Compare(a, b)
		if e1 == nil && e2 == nil {
			c = 0
			if x < y {
				c = -1
			} else if x > y {
				c = 1
			}
		}
		switch op {
		case "<":
			return truth(c < 0)
		case "<=":
			return truth(c <= 0)
		case "!=":
			return truth(c != 0)
		case ">=":
			return truth(c >= 0)
		case ">":
			return truth(c > 0)
		}
		return truth(c == 0)
	}
	if e1 != nil || e2 != nil {
		e.bad = "non-integer argument"
		return ""
	}
	switch op {
	case "+":
		x += y
	case "-":
		x -= y
	case "*":
		x *= y
	default:
		if y == 0 {
			e.bad = "division by zero"
			return ""
		}
		if op == "/" {
			x /= y
		} else {
			x %= y
		}
	}
	return strconv.FormatInt(x, 10)
}

func exprMatch(s, re string) string {
	r, err := compileRegex("^"+strings.TrimPrefix(re, "^"), false, false)
	if err != nil {
		return "0"
	}
	m := r.find(s)
	groups := strings.Contains(re, `\(`)
	if m == nil {
		if groups {
			return ""
		}
		return "0"
	}
	if groups && len(m) > 3 {
		if m[2] < 0 {
			return ""
		}
		return s[m[2]:m[3]]
	}
	return strconv.Itoa(m[1] - m[0])
}

func (e *exprEval) prim() string {
	if e.i >= len(e.a) {
		if len(e.a) > 0 {
			e.bad = "syntax error: missing argument after " + q(e.a[len(e.a)-1])
		}
		return ""
	}
	s := e.a[e.i]
	e.i++
	arg := func() string { return e.prim() }
	switch s {
	case "(":
		v := e.level(0)
		if e.i >= len(e.a) || e.a[e.i] != ")" {
			e.bad = "syntax error: expecting ')'"
			return ""
		}
		e.i++
		return v
	case "length":
		if e.i < len(e.a) {
			return strconv.Itoa(len([]rune(arg())))
		}
	case "substr":
		if e.i+2 < len(e.a) {
			v, a, b := arg(), toInt(arg()), toInt(arg())
			if a < 1 || b < 1 || a > int64(len(v)) {
				return ""
			}
			return v[a-1 : min(int64(len(v)), a-1+b)]
		}
	case "index":
		if e.i+1 < len(e.a) {
			v, c := arg(), arg()
			return strconv.Itoa(strings.IndexAny(v, c) + 1)
		}
	case "match":
		if e.i+1 < len(e.a) {
			v, c := arg(), arg()
			return exprMatch(v, c)
		}
	case "+":
		if e.i < len(e.a) {
			s = e.a[e.i]
			e.i++
		}
	}
	return s
}

func cmdClear(p *P) int { p.puts("\x1b[H\x1b[2J\x1b[3J"); return 0 }
