package program

import (
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

func (p *P) ttyOf(t *kernel.Task) string {
	if y := t.TTY(); y != nil {
		return "pts/" + strconv.Itoa(y.Num)
	}
	if c := t.Console(); c != "" {
		return c
	}
	return "?"
}

func (p *P) cmdline(t *kernel.Task) string {
	a := t.Args()
	if t.Zombie() {
		return "[" + t.Comm() + "] <defunct>"
	}
	if len(a) == 0 || t.Thread() {
		return "[" + t.Comm() + "]"
	}
	return strings.Join(a, " ")
}

func cpuTime(d time.Duration, long bool) string {
	s := int(d.Seconds())
	if long {
		return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

func (p *P) pcpu(t *kernel.Task) float64 {
	el := p.t.Now().Sub(t.Started()).Seconds()
	if el < 1 {
		return 0
	}
	return min(100*float64(p.t.Kernel().HostInfo().Cores), 100*t.CPUTime().Seconds()/el)
}

func cmdPs(p *P) int {
	me := p.t
	if p.bb {
		p.puts("PID   USER     TIME  COMMAND\n")
		for _, t := range me.Processes() {
			p.printf("%5d %-8s %s %s\n", t.PIDIn(me), trunc(p.userName(t.Creds().EUID)), cpuTime(t.CPUTime(), false), p.cmdline(t))
		}
		return 0
	}
	bsd, all, full, user, long, named := false, false, false, false, false, false
	style := map[byte]bool{} // what else shapes the columns, by its letter
	bad := func(what string) int {
		p.raw("error: %s\n\nUsage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n  or 'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n", what)
		return 1
	}
	var cols []string
	noHead := false
	sortKey := ""
	var pids map[int]bool
	byUser, byComm := "", ""
	args := p.args
	for i := 0; i < len(args); i++ {
		a := args[i]
		next := func() string {
			if i+1 < len(args) {
				i++
				return args[i]
			}
			return ""
		}
		switch {
		case strings.HasPrefix(a, "--sort"):
			_, v, ok := strings.Cut(a, "=")
			if !ok {
				v = next()
			}
			sortKey = v
		case a == "--no-headers" || a == "--no-heading":
			noHead = true
		case strings.HasPrefix(a, "--pid"):
			_, v, _ := strings.Cut(a, "=")
			pids = map[int]bool{int(toInt(v)): true}
		case strings.HasPrefix(a, "--ppid"), strings.HasPrefix(a, "--"):
			if a == "--version" {
				p.puts("ps from procps-ng 3.3.17\n")
				return 0
			}
			if name, _, _ := strings.Cut(a[2:], "="); !psLong[name] {
				return bad("unknown gnu long option")
			}
			if a != "--forest" && !strings.HasPrefix(a, "--ppid") {
				p.unknown("option", a)
			}
		case strings.HasPrefix(a, "-"):
			for j := 1; j < len(a); j++ {
				switch c := a[j]; c {
				case 'e', 'A':
					all = true
				case 'f':
					full = true
				case 'F':
					full, style['F'] = true, true
				case 'l':
					long = true
				case 'y', 'j', 'Z', 'T', 'L':
					style[c] = true
				case 'o':
					v := a[j+1:]
					if v == "" {
						v = next()
					}
					cols = append(cols, strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })...)
					j = len(a)
				case 'p', 'q':
					v := a[j+1:]
					if v == "" {
						v = next()
					}
					pids = map[int]bool{}
					for _, x := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
						pids[int(toInt(x))] = true
					}
					j = len(a)
				case 'u', 'U':
					v := a[j+1:]
					if v == "" {
						v = next()
					}
					byUser, all = v, true
					j = len(a)
				case 'C':
					v := a[j+1:]
					if v == "" {
						v = next()
					}
					if v == "" {
						return bad("list of command names must follow -C")
					}
					byComm, all = v, true
					j = len(a)
				case 'x':
					all, bsd = true, true
				case 'a':
					all = true
				case 'M':
					style['Z'] = true
				case 'w', 'H', 'm', 'c', 'd', 'N', 't', 'r':
				default:
					p.unknown("option", a)
					return bad("unsupported SysV option")
				}
			}
		case a != "" && a[0] >= '0' && a[0] <= '9':
			if pids == nil {
				pids = map[int]bool{}
			}
			pids[int(toInt(a))] = true
			bsd = true
		default:
			bsd = true
			for j := 0; j < len(a); j++ {
				switch a[j] {
				case 'a', 'x':
					all = true
				case 'u':
					user = true
				case 'j', 'l', 'v', 's':
					named = true
					style[a[j]|0x80] = true
				case 'h':
					noHead = true
				case 'Z', 'M':
					style['Z'] = true
				case 'e', 'f', 'w', 'c', 'r', 'S', 'n':
				case 'o':
					cols = append(cols, strings.Split(next(), ",")...)
				case 'p':
					pids = map[int]bool{int(toInt(next())): true}
				default:
					return bad("garbage option")
				}
			}
		}
	}
	numeric := len(cols) > 0
	switch words := strings.Fields; {
	case len(cols) > 0:
	case user:
		cols = words("user pid %cpu %mem vsz rss tname stat bsdstart bsdtime args")
	case named && style['j'|0x80]:
		cols = words("ppid pid pgid sid tname tpgid stat uid_ bsdtime args")
	case named && style['l'|0x80]:
		cols = words("f uid_ pid ppid priority ni vsz rss wchan stat tname bsdtime args")
	case named && style['v'|0x80]:
		cols = words("pid tname stat bsdtime maj_flt trs drs rss %mem args")
	case named && style['s'|0x80]:
		cols = words("uid_ pid pending blocked ignored caught stat tname bsdtime args")
	case full:
		cols = words("uid pid ppid c stime tname time cmd")
		if style['F'] {
			cols = words("uid pid ppid c sz rss psr stime tname time cmd")
		}
		if style['L'] {
			cols = words("uid pid ppid lwp c nlwp stime tname time cmd")
		}
	case long && style['y']:
		cols = words("s uid_ pid ppid c opri ni rss sz wchan tname time ucmd")
	case long:
		cols = words("f s uid_ pid ppid c opri ni addr sz wchan tname time ucmd")
	case style['j']:
		cols = words("pid pgid sid tname time ucmd")
	case bsd:
		cols = words("pid tname stat bsdtime args")
	case style['T']:
		cols = words("pid spid tname time ucmd")
	case style['L']:
		cols = words("pid lwp tname time ucmd")
	default:
		cols = words("pid tname time ucmd")
	}
	if style['Z'] && !numeric {
		cols = append([]string{"label"}, cols...)
	}
	type col struct {
		name, head string
		w          int
		right      bool
	}
	mem := float64(p.t.Kernel().HostInfo().Memory)
	var cs []col
	for _, c := range cols {
		name, head, custom := strings.Cut(c, "=")
		k := col{name: name}
		switch name {
		case "user", "uname":
			k.head, k.w = "USER", 8
		case "ruser", "euser", "group", "rgroup", "egroup":
			k.head, k.w = strings.ToUpper(name), 8
		case "uid":
			k.head, k.w = "UID", 8
			if numeric {
				k.right, k.w = true, 5
			}
		case "ruid", "euid", "gid", "rgid", "egid":
			k.head, k.w, k.right = strings.ToUpper(name), 5, true
		case "pid", "ppid", "pgid", "sid", "sess", "lwp", "spid", "tid", "tpgid":
			k.head, k.w, k.right = strings.ToUpper(name), 7, true
		case "psr":
			k.head, k.w, k.right = "PSR", 3, true
		case "opri", "priority":
			k.head, k.w, k.right = "PRI", 3, true
		case "label":
			k.head, k.w = "LABEL", 31
		case "pending", "blocked", "ignored", "caught":
			k.head, k.w, k.right = strings.ToUpper(name), 16, true
		case "maj_flt":
			k.head, k.w, k.right = "MAJFL", 6, true
		case "min_flt":
			k.head, k.w, k.right = "MINFL", 6, true
		case "trs":
			k.head, k.w, k.right = "TRS", 4, true
		case "drs":
			k.head, k.w, k.right = "DRS", 5, true
		case "cgroup":
			k.head, k.w = "CGROUP", 27
		case "cls", "class", "policy":
			k.head, k.w, k.right = "CLS", 3, true
		case "rtprio":
			k.head, k.w, k.right = "RTPRIO", 6, true
		case "%cpu", "pcpu":
			k.head, k.w, k.right = "%CPU", 4, true
		case "%mem", "pmem":
			k.head, k.w, k.right = "%MEM", 4, true
		case "vsz":
			k.head, k.w, k.right = "VSZ", 6, true
		case "rss":
			k.head, k.w, k.right = "RSS", 5, true
		case "tname":
			k.head, k.w = "TTY", 8
		case "tty", "tt":
			k.head, k.w = "TT", 8
		case "stat":
			k.head, k.w = "STAT", 4
		case "s", "state":
			k.head, k.w = "S", 1
		case "start", "start_time":
			k.head, k.w, k.right = "STARTED", 8, true
		case "bsdstart":
			k.head, k.w = "START", 6
		case "stime":
			k.head, k.w = "STIME", 5
		case "lstart":
			k.head, k.w = "STARTED", 24
		case "etime":
			k.head, k.w, k.right = "ELAPSED", 11, true
		case "etimes":
			k.head, k.w, k.right = "ELAPSED", 7, true
		case "time", "cputime":
			k.head, k.w, k.right = "TIME", 8, true
		case "bsdtime":
			k.head, k.w, k.right = "TIME", 4, true
		case "nlwp", "thcount":
			k.head, k.w, k.right = strings.ToUpper(name), 4, true
		case "c":
			k.head, k.w, k.right = "C", 2, true
		case "ni", "nice":
			k.head, k.w, k.right = "NI", 3, true
		case "pri":
			k.head, k.w, k.right = "PRI", 3, true
		case "f":
			k.head, k.w = "F", 1
		case "uid_":
			k.head, k.w, k.right = "UID", 5, true
		case "addr":
			k.head, k.w = "ADDR", 4
		case "sz":
			k.head, k.w, k.right = "SZ", 5, true
		case "wchan":
			k.head, k.w = "WCHAN", 6
		case "comm", "ucmd", "ucomm":
			k.head = "COMMAND"
			if name == "ucmd" {
				k.head = "CMD"
			}
			k.w = 15
		case "cmd":
			k.head, k.w = "CMD", 27
		case "args", "command":
			k.head, k.w = "COMMAND", 27
		default:
			p.unknown("option", "-o "+name)
			return bad("unknown user-defined format specifier \"" + name + "\"")
		}
		if custom {
			k.head = head
			k.w = max(k.w, len(head))
		}
		cs = append(cs, k)
	}
	val := func(t *kernel.Task, c string) string {
		vsz, rss := t.Memory()
		switch c {
		case "user", "euser", "uname", "uid":
			if c == "uid" && numeric {
				return strconv.Itoa(int(t.Creds().EUID))
			}
			return trunc(p.userName(t.Creds().EUID))
		case "ruser":
			return trunc(p.userName(t.Creds().UID))
		case "group", "egroup":
			return trunc(p.groupName(t.Creds().EGID))
		case "rgroup":
			return trunc(p.groupName(t.Creds().GID))
		case "uid_", "euid":
			return strconv.Itoa(int(t.Creds().EUID))
		case "ruid":
			return strconv.Itoa(int(t.Creds().UID))
		case "gid", "egid":
			return strconv.Itoa(int(t.Creds().EGID))
		case "rgid":
			return strconv.Itoa(int(t.Creds().GID))
		case "lwp", "spid", "tid":
			return strconv.Itoa(t.PIDIn(me))
		case "tpgid":
			return "-1"
		case "psr":
			return strconv.Itoa(t.HostPID() % p.t.Kernel().HostInfo().Cores)
		case "opri":
			return strconv.Itoa(80 + t.Nice())
		case "priority":
			return strconv.Itoa(20 + t.Nice())
		case "label":
			return "unconfined"
		case "pending", "blocked", "ignored", "caught":
			return "0000000000000000"
		case "maj_flt", "min_flt":
			return "0"
		case "trs":
			return strconv.FormatInt(vsz>>10*3/10, 10)
		case "drs":
			return strconv.FormatInt(vsz>>10-vsz>>10*3/10, 10)
		case "cgroup":
			b, _ := me.ReadFile(fmt.Sprintf("/proc/%d/cgroup", t.PIDIn(me)))
			return strings.Join(strings.Fields(string(b)), ",")
		case "cls", "class", "policy":
			return "TS"
		case "rtprio":
			return "-"
		case "pid":
			return strconv.Itoa(t.PIDIn(me))
		case "ppid":
			if pp := t.Parent(); pp != nil {
				return strconv.Itoa(pp.PIDIn(me))
			}
			return "0"
		case "pgid":
			return strconv.Itoa(t.PGID())
		case "sid", "sess":
			return strconv.Itoa(t.SID())
		case "%cpu", "pcpu":
			return fmt.Sprintf("%.1f", p.pcpu(t))
		case "c":
			return strconv.Itoa(int(p.pcpu(t)))
		case "%mem", "pmem":
			return fmt.Sprintf("%.1f", 100*float64(rss)/mem)
		case "vsz":
			return strconv.FormatInt(vsz>>10, 10)
		case "rss":
			return strconv.FormatInt(rss>>10, 10)
		case "sz":
			return strconv.FormatInt(vsz>>12, 10)
		case "tty", "tname", "tt":
			return p.ttyOf(t)
		case "stat":
			s := t.State() + t.Flags()
			if t.TTY() != nil && t == me {
				s += "+"
			}
			return s
		case "s", "state":
			return t.State()
		case "start", "start_time":
			st := t.Started().In(p.zone())
			if p.t.Now().Sub(st) > 24*time.Hour {
				return st.Format("  Jan 02")
			}
			return st.Format("15:04:05")
		case "bsdstart":
			st := t.Started().In(p.zone())
			if p.t.Now().Sub(st) > 24*time.Hour {
				return st.Format("Jan02")
			}
			return st.Format("15:04")
		case "stime":
			// As procps' pr_stime: the day decides, not the hours between.
			st, now := t.Started().In(p.zone()), p.t.Now().In(p.zone())
			switch {
			case st.Year() != now.Year():
				return st.Format("2006")
			case st.YearDay() != now.YearDay():
				return st.Format("Jan02")
			}
			return st.Format("15:04")
		case "lstart":
			return t.Started().In(p.zone()).Format("Mon Jan _2 15:04:05 2006")
		case "etimes":
			return strconv.Itoa(int(p.t.Now().Sub(t.Started()).Seconds()))
		case "etime":
			s := int(p.t.Now().Sub(t.Started()).Seconds())
			switch {
			case s >= 86400:
				return fmt.Sprintf("%d-%02d:%02d:%02d", s/86400, s/3600%24, s/60%60, s%60)
			case s >= 3600:
				return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
			}
			return fmt.Sprintf("%02d:%02d", s/60, s%60)
		case "time", "cputime":
			return cpuTime(t.CPUTime(), true)
		case "bsdtime":
			return cpuTime(t.CPUTime(), false)
		case "ni", "nice":
			return strconv.Itoa(t.Nice())
		case "nlwp", "thcount":
			return strconv.Itoa(t.Threads())
		case "pri":
			return strconv.Itoa(19 - t.Nice())
		case "f":
			return "4"
		case "addr":
			return "-"
		case "wchan":
			return waitsIn(t)
		case "comm", "ucmd", "ucomm":
			return t.Comm()
		}
		return p.cmdline(t)
	}
	ts := me.Processes()
	if ts == nil {
		p.raw("Error, do this: mount -t proc proc /proc\n")
		return 47
	}
	if sortKey != "" {
		key := strings.TrimLeft(sortKey, "+-")
		sort.SliceStable(ts, func(i, j int) bool {
			a, b := val(ts[i], key), val(ts[j], key)
			x, e1 := strconv.ParseFloat(a, 64)
			y, e2 := strconv.ParseFloat(b, 64)
			if strings.HasPrefix(sortKey, "-") {
				a, b, x, y = b, a, y, x
			}
			if e1 == nil && e2 == nil {
				return x < y
			}
			return a < b
		})
	}
	line := func(get func(c col) string) {
		var b strings.Builder
		for i, c := range cs {
			s := get(c)
			switch {
			case i == len(cs)-1:
				b.WriteString(s)
			case c.right:
				fmt.Fprintf(&b, "%*s ", c.w, s)
			default:
				fmt.Fprintf(&b, "%-*s ", c.w, s)
			}
		}
		p.puts(b.String() + "\n")
	}
	blank := true
	for _, c := range cs {
		blank = blank && c.head == ""
	}
	if !noHead && !blank {
		line(func(c col) string { return c.head })
	}
	shown := 0
	for _, t := range ts {
		switch {
		case pids != nil:
			if !pids[t.PIDIn(me)] {
				continue
			}
		case byUser != "" && p.userName(t.Creds().EUID) != byUser && strconv.Itoa(int(t.Creds().EUID)) != byUser:
			continue
		case byComm != "" && t.Comm() != byComm:
			continue
		case !all:
			if t.TTY() != me.TTY() || t.Creds().EUID != me.Creds().EUID || t.TTY() == nil && t.SID() != me.SID() {
				continue
			}
		}
		shown++
		line(func(c col) string { return val(t, c.name) })
	}
	if shown == 0 {
		return 1
	}
	return 0
}

// psLong are the long options of procps' ps.
var psLong = func() map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields("Group User cols columns context cumulative deselect forest format group headers heading headings help info lines no-headers no-headings no-heading noheaders pid ppid quick-pid rows sid signames sort tty user version width") {
		m[n] = true
	}
	return m
}()

// waitsIn is where in the kernel a process waits, as far as its name tells it.
func waitsIn(t *kernel.Task) string {
	switch c := t.Comm(); {
	case t.State() == "R" || t.Thread():
		return "-"
	case c == "sleep" || c == "cron" || c == "redis-server":
		return "hrtime"
	case strings.HasSuffix(c, "sh"):
		return "do_wai"
	case c == "systemd-logind" || strings.HasPrefix(c, "systemd") || c == "dbus-daemon" || c == "nginx":
		return "do_epo"
	case c == "agetty":
		return "do_sel"
	}
	return "futex_"
}

func trunc(s string) string {
	const n = 8
	if len(s) > n {
		return s[:n-1] + "+"
	}
	return s
}

func cmdKill(p *P) int {
	args := p.args
	sig := kernel.SIGTERM
	usage := func() int {
		p.raw("\nUsage:\n kill [options] <pid> [...]\n\nFor more details see kill(1).\n")
		return 1
	}
	if len(args) == 0 {
		return usage()
	}
	switch a := args[0]; {
	case a == "-l" || a == "--list":
		if len(args) > 1 {
			if n, ok := kernel.ParseSignal(args[1]); ok {
				if toInt(args[1]) > 0 {
					p.puts((n & 0x7f).Name() + "\n")
				} else {
					p.printf("%d\n", n)
				}
				return 0
			}
		}
		var s []string
		for i := kernel.Signal(1); i < 32; i++ {
			s = append(s, i.Name())
		}
		p.puts(strings.Join(s, " ") + "\n")
		return 0
	case (a == "-s" || a == "-n") && len(args) > 1:
		s, ok := kernel.ParseSignal(args[1])
		if !ok {
			p.errf("unknown signal %s", args[1])
			return 1
		}
		sig, args = s, args[2:]
	case len(a) > 1 && a[0] == '-' && a != "--":
		s, ok := kernel.ParseSignal(a[1:])
		if !ok {
			p.errf("unknown signal %s", a[1:])
			return usage()
		}
		sig, args = s, args[1:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	for _, a := range args {
		n, err := strconv.Atoi(a)
		if err != nil {
			if p.bb {
				p.fail("invalid number '%s'", a)
			} else {
				p.fail("failed to parse argument: %s", q(a))
			}
			continue
		}
		if err := p.t.Kill(n, sig); err != nil {
			if p.bb {
				p.fail("can't kill pid %d: %s", n, text(err))
			} else {
				p.fail("(%d): %s", n, text(err))
			}
		}
	}
	return p.status
}

func cmdPgrep(p *P) int {
	sig := kernel.SIGTERM
	args := append([]string(nil), p.args...)
	kill := p.name == "pkill"
	if kill {
		for i, a := range args {
			if len(a) > 1 && a[0] == '-' && a[1] != '-' {
				if s, ok := kernel.ParseSignal(a[1:]); ok && (a[1] >= '0' && a[1] <= '9' || a[1] >= 'A' && a[1] <= 'Z' && len(a) > 2) {
					sig = s
					args = append(args[:i], args[i+1:]...)
					break
				}
			}
		}
	}
	opts, args, ok := p.getoptArgs(args, 2, "flanovxcid:u:U:P:g:s:t:eL", "full=f", "list-name=l", "list-full=a", "newest=n", "oldest=o", "inverse=v", "exact=x", "count=c", "ignore-case=i", "euid:=u", "parent:=P", "signal:=sig", "delimiter:=d", "echo=e")
	if !ok {
		return p.status
	}
	f := set(opts)
	if s, has := f["sig"]; has {
		sig, _ = kernel.ParseSignal(s)
	}
	if len(args) == 0 && !f.has("u") && !f.has("U") && !f.has("P") {
		p.errf("no matching criteria specified")
		return p.try(2)
	}
	pat := ""
	if len(args) > 0 {
		pat = args[0]
	}
	if f.has("x") {
		pat = "^(" + pat + ")$"
	}
	re, err := compileRegex(pat, true, f.has("i"))
	if err != nil {
		p.errf("%s", err)
		return 2
	}
	var hits []*kernel.Task
	for _, t := range p.t.Processes() {
		if t == p.t {
			continue
		}
		s := t.Comm()
		if f.has("f") {
			s = strings.Join(t.Args(), " ")
		}
		hit := re.match(s)
		if u, has := f["u"]; has {
			hit = hit && (p.userName(t.Creds().EUID) == u || strconv.Itoa(int(t.Creds().EUID)) == u)
		}
		if u, has := f["P"]; has {
			pp := t.Parent()
			hit = hit && pp != nil && strconv.Itoa(pp.PIDIn(p.t)) == u
		}
		if hit != f.has("v") {
			hits = append(hits, t)
		}
	}
	if len(hits) > 0 && f.has("n") {
		hits = hits[len(hits)-1:]
	}
	if len(hits) > 0 && f.has("o") {
		hits = hits[:1]
	}
	if f.has("c") {
		p.printf("%d\n", len(hits))
	}
	for i, t := range hits {
		pid := t.PIDIn(p.t)
		switch {
		case kill:
			if f.has("e") {
				p.printf("%s killed (pid %d)\n", t.Comm(), pid)
			}
			if err := p.t.Kill(pid, sig); err != nil {
				p.errf("killing pid %d failed: %s", pid, text(err))
			}
		case f.has("c"):
		case f.has("a"):
			p.printf("%d %s\n", pid, p.cmdline(t))
		case f.has("l"):
			s := t.Comm()
			if f.has("f") && p.bb {
				s = p.cmdline(t)
			}
			p.printf("%d %s\n", pid, s)
		default:
			if d, has := f["d"]; has {
				if i > 0 {
					p.puts(d)
				}
				p.printf("%d", pid)
				if i == len(hits)-1 {
					p.puts("\n")
				}
				continue
			}
			p.printf("%d\n", pid)
		}
	}
	if len(hits) == 0 {
		return 1
	}
	return 0
}

func cmdKillall(p *P) int {
	sig := kernel.SIGTERM
	args := append([]string(nil), p.args...)
	quiet := false
	re := false
	var names []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "-q" || a == "--quiet":
			quiet = true
		case a == "-r" || a == "--regexp":
			re = true
		case a == "-e" || a == "-I" || a == "-i" || a == "-w" || a == "-v" || a == "-g":
		case a == "-s" && i+1 < len(args):
			i++
			sig, _ = kernel.ParseSignal(args[i])
		case len(a) > 1 && a[0] == '-':
			s, ok := kernel.ParseSignal(a[1:])
			if !ok {
				p.errf("unknown signal; killall -l lists signals.")
				return 1
			}
			sig = s
		default:
			names = append(names, a)
		}
	}
	if len(names) == 0 {
		return p.try(1)
	}
	code := 0
	for _, n := range names {
		hit := false
		for _, t := range p.t.Processes() {
			match := t.Comm() == trunc15(base(n))
			if re {
				r, err := regexp.Compile(n)
				match = err == nil && r.MatchString(t.Comm())
			}
			if t == p.t || !match {
				continue
			}
			hit = true
			if err := p.t.Kill(t.PIDIn(p.t), sig); err != nil {
				p.errf("%s(%d): %s", n, t.PIDIn(p.t), text(err))
			}
		}
		if !hit {
			if !quiet {
				p.raw("%s: no process found\n", n)
			}
			code = 1
		}
	}
	return code
}

func trunc15(s string) string {
	if len(s) > 15 {
		return s[:15]
	}
	return s
}

func cmdPidof(p *P) int {
	opts, args, ok := p.getopt("sxo:qc")
	if !ok {
		return p.status
	}
	var out []string
	for _, n := range args {
		ts := p.t.Processes()
		for i := len(ts) - 1; i >= 0; i-- {
			t := ts[i]
			a := t.Args()
			if t != p.t && (t.Comm() == trunc15(base(n)) || len(a) > 0 && base(a[0]) == base(n)) {
				out = append(out, strconv.Itoa(t.PIDIn(p.t)))
			}
		}
	}
	if len(out) == 0 {
		return 1
	}
	if set(opts).has("s") {
		out = out[:1]
	}
	p.puts(strings.Join(out, " ") + "\n")
	return 0
}

func cmdFree(p *P) int {
	opts, _, ok := p.getopt("bkmghtwls:c:", "human=h", "bytes=b", "kibi=k", "mebi=m", "gibi=g", "total=t", "wide=w", "mega=m", "giga=g")
	if !ok {
		return p.status
	}
	f := set(opts)
	m := p.t.Kernel().MemInfo()
	unit := func(v int64) string {
		switch {
		case f.has("h"):
			if v == 0 && !p.bb {
				return "0B"
			}
			if p.bb {
				return humanBusyBox(v)
			}
			s := human(v)
			return s + "i"
		case f.has("b"):
			return strconv.FormatInt(v, 10)
		case f.has("m"):
			return strconv.FormatInt(v>>20, 10)
		case f.has("g"):
			return strconv.FormatInt(v>>30, 10)
		}
		return strconv.FormatInt(v>>10, 10)
	}
	used := m.Total - m.Free - m.Buffers - m.Cached
	if p.bb {
		p.puts("              total        used        free      shared  buff/cache   available\n")
		p.printf("Mem:%15s %11s %11s %11s %11s %11s\n", unit(m.Total), unit(used), unit(m.Free), unit(m.Shared), unit(m.Buffers+m.Cached), unit(m.Available))
		p.printf("Swap:%14s %11s %11s\n", unit(m.SwapTotal), unit(m.SwapTotal-m.SwapFree), unit(m.SwapFree))
		return 0
	}
	p.puts("               total        used        free      shared  buff/cache   available\n")
	p.printf("Mem:     %11s %11s %11s %11s %11s %11s\n", unit(m.Total), unit(used), unit(m.Free), unit(m.Shared), unit(m.Buffers+m.Cached), unit(m.Available))
	p.printf("Swap:    %11s %11s %11s\n", unit(m.SwapTotal), unit(m.SwapTotal-m.SwapFree), unit(m.SwapFree))
	return 0
}

func (p *P) uptimeLine() string {
	h := p.t.Kernel().HostInfo()
	up := int(p.t.Now().Sub(h.Boot).Minutes())
	s := ""
	if d := up / 1440; d == 1 {
		s = "1 day, "
	} else if d > 1 {
		s = fmt.Sprintf("%d days, ", d)
	}
	if hh := up / 60 % 24; hh > 0 {
		s += fmt.Sprintf("%2d:%02d", hh, up%60)
	} else {
		s += fmt.Sprintf("%d min", up%60)
	}
	l := p.t.Kernel().Load()
	users := ",  0 users"
	if p.bb {
		users = ""
	}
	return fmt.Sprintf(" %s up %s%s,  load average: %.2f, %.2f, %.2f", p.t.Now().In(p.zone()).Format("15:04:05"), s, users, l[0], l[1], l[2])
}

func cmdUptime(p *P) int {
	if len(p.args) > 0 && p.args[0] == "-p" {
		up := int(p.t.Now().Sub(p.t.Kernel().HostInfo().Boot).Minutes())
		p.printf("up %d days, %d hours, %d minutes\n", up/1440, up/60%24, up%60)
		return 0
	}
	if len(p.args) > 0 && p.args[0] == "-s" {
		p.puts(p.t.Kernel().HostInfo().Boot.In(p.zone()).Format("2006-01-02 15:04:05") + "\n")
		return 0
	}
	p.puts(p.uptimeLine() + "\n")
	return 0
}

func cmdNohup(p *P) int {
	if len(p.args) == 0 {
		return p.missing()
	}
	p.t.Signal(kernel.SIGHUP, kernel.Disposition{Kind: kernel.Ignore})
	if p.t.IsTTY(1) {
		fd, err := p.t.Open("nohup.out", kernel.O_WRONLY|kernel.O_CREAT|kernel.O_APPEND, 0o600)
		if err == nil {
			p.raw("nohup: ignoring input and appending output to 'nohup.out'\n")
			p.t.Dup2(fd, 1)
			if p.t.IsTTY(2) {
				p.t.Dup2(fd, 2)
			}
			p.t.Close(fd)
		}
	}
	if p.t.IsTTY(0) {
		if fd, err := p.t.Open("/dev/null", 0, 0); err == nil {
			p.t.Dup2(fd, 0)
			p.t.Close(fd)
		}
	}
	return p.exec(p.args)
}

func cmdSetsid(p *P) int {
	opts, args, ok := p.getopt("+cfw", "ctty=c", "fork=f", "wait=w")
	if !ok {
		return p.status
	}
	if len(args) == 0 {
		p.raw("setsid: no command specified\n")
		return p.try(1)
	}
	if _, err := p.t.Setsid(); err != nil || set(opts).has("f") {
		c, err := p.t.Spawn(kernel.Spawn{Path: args[0], Argv: args, Setsid: true})
		if err != nil {
			p.errf("failed to execute %s: %s", args[0], text(err))
			return 127
		}
		if set(opts).has("w") {
			_, ws, _ := p.t.Wait(c.PID(), 0)
			return ws.Code()
		}
		return 0
	}
	return p.exec(args)
}

func cmdTimeout(p *P) int {
	opts, args, ok := p.getoptArgs(p.args, 125, "+k:s:v", "kill-after:=k", "signal:=s", "foreground=fg", "preserve-status=ps", "verbose=v")
	if !ok {
		return p.status
	}
	f := set(opts)
	// BusyBox's old form: timeout -t SECS PROG.
	if len(args) < 2 {
		if !p.bb {
			p.errf("missing operand")
		}
		return p.try(125)
	}
	d, good := duration(args[0])
	if !good {
		p.errf("invalid time interval %s", q(args[0]))
		return p.try(125)
	}
	sig := kernel.SIGTERM
	if s, has := f["s"]; has {
		if sig, ok = kernel.ParseSignal(s); !ok {
			p.errf("%s: invalid signal", q(s))
			return p.try(125)
		}
	}
	c, err := p.spawn(args[1:], nil)
	if err != nil {
		p.errf("failed to run command %s: %s", q(args[1]), text(err))
		if err == vfs.ENOENT {
			return 127
		}
		return 126
	}
	got := false
	p.t.Signal(kernel.SIGCHLD, kernel.Disposition{Kind: kernel.Handle, Handler: func(kernel.Signal) { got = true }})
	end := p.t.Now().Add(d)
	stage := 0
	for {
		pid, ws, _ := p.t.Wait(c.PID(), kernel.WNOHANG)
		if pid != 0 {
			if stage > 0 && !f.has("ps") {
				if p.bb {
					return 143
				}
				if ws.Signaled() && ws.Signal() == kernel.SIGKILL {
					return 137
				}
				return 124
			}
			return ws.Code()
		}
		left := end.Sub(p.t.Now())
		if d == 0 {
			left = time.Hour
		}
		if left <= 0 {
			if stage == 0 {
				_ = p.t.Kill(c.PID(), sig)            // gone already, perhaps
				_ = p.t.Kill(c.PID(), kernel.SIGCONT) // gone already, perhaps
				stage = 1
				if k, has := f["k"]; has {
					kd, _ := duration(k)
					end = p.t.Now().Add(kd)
				} else {
					end = p.t.Now().Add(365 * 24 * time.Hour)
				}
			} else {
				_ = p.t.Kill(c.PID(), kernel.SIGKILL) // gone already, perhaps
				end = p.t.Now().Add(365 * 24 * time.Hour)
			}
			continue
		}
		if !got {
			p.t.Sleep(left)
		}
		got = false
	}
}

func cmdChroot(p *P) int {
	opts, args, ok := p.getoptArgs(p.args, 125, "+", "userspec:=u", "groups:=g", "skip-chdir=s")
	if !ok {
		return p.status
	}
	if len(args) == 0 {
		if !p.bb {
			p.errf("missing operand")
		}
		return p.try(125)
	}
	if err := p.t.Chroot(args[0]); err != nil {
		if p.bb {
			p.errf("can't change root directory to '%s': %s", args[0], text(err))
			return 1
		}
		p.errf("cannot change root directory to %s: %s", q(args[0]), text(err))
		return 125
	}
	if !set(opts).has("s") {
		_ = p.t.Chdir("/") // it stays where it is
	}
	cmd := args[1:]
	if len(cmd) == 0 {
		sh := p.t.Getenv("SHELL")
		if sh == "" {
			sh = "/bin/sh"
		}
		cmd = []string{sh, "-i"}
	}
	return p.exec(cmd)
}

func cmdNice(p *P) int {
	opts, args, ok := p.getoptArgs(oldStyle(p.args), 125, "+n:", "adjustment:=n")
	if !ok {
		return p.status
	}
	if len(args) == 0 {
		p.printf("%d\n", p.t.Nice())
		return 0
	}
	n := 10
	if v, has := set(opts)["n"]; has {
		n = int(toInt(v))
	}
	if n < 0 && !p.t.Creds().Has(vfs.CapSysNice) {
		if p.bb {
			p.errf("setpriority(%d): Permission denied", p.t.Nice()+n)
			return 1
		}
		p.errf("cannot set niceness: Permission denied") // and goes on
	} else {
		p.t.SetNice(p.t.Nice() + n)
	}
	return p.exec(args)
}

// cmdWrap runs the command after the options: stdbuf, ionice, sudo and their kin.
func cmdWrap(p *P) int {
	args := p.args
	withArg := map[string]string{"stdbuf": "ioe", "ionice": "cnp", "taskset": "", "sudo": "ugpCDhRTtU", "doas": "uC", "unbuffer": "", "chrt": "", "time": "fo", "nsenter": "t", "unshare": "", "setarch": "", "linux64": "", "setpriv": "", "env": "u"}[p.name]
	user := ""
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		if p.name == "sudo" && (a == "-l" || a == "-v" || a == "-k") {
			return 0
		}
		if len(a) == 2 && strings.IndexByte(withArg, a[1]) >= 0 && len(args) > 0 {
			if (p.name == "sudo" || p.name == "doas") && a == "-u" {
				user = args[0]
			}
			args = args[1:]
		}
	}
	if p.name == "taskset" || p.name == "chrt" {
		if len(args) > 0 {
			args = args[1:]
		}
	}
	for p.name == "sudo" && len(args) > 0 && strings.IndexByte(args[0], '=') > 0 {
		k, v, _ := strings.Cut(args[0], "=")
		p.t.Setenv(k, v)
		args = args[1:]
	}
	if p.name == "unshare" && !p.mayUnshare() {
		return 1
	}
	if len(args) == 0 {
		switch p.name {
		case "sudo":
			for _, a := range p.args {
				if a == "-i" || a == "-s" {
					return p.exec([]string{"/bin/bash"})
				}
			}
			p.raw("usage: sudo -h | -K | -k | -V\nusage: sudo -v [-AknS] [-g group] [-h host] [-p prompt] [-u user]\nusage: sudo -l [-AknS] [-g group] [-h host] [-p prompt] [-U user] [-u user] [command]\nusage: sudo [-AbEHknPS] [-r role] [-t type] [-C num] [-D directory] [-g group] [-h host] [-p prompt] [-R directory] [-T timeout] [-u user] [VAR=value] [-i|-s] [<command>]\nusage: sudo -e [-AknS] [-r role] [-t type] [-C num] [-D directory] [-g group] [-h host] [-p prompt] [-R directory] [-T timeout] [-u user] file ...\n")
		case "unshare", "nsenter":
			return p.exec([]string{"/bin/sh"})
		}
		return 1
	}
	if c := p.t.Creds(); p.name == "sudo" && c.UID != 0 && c.EUID != 0 {
		p.raw("sudo: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper\nsudo: a password is required\n")
		return 1
	}
	if u, ok := p.t.LookupUser(user); user != "" && ok {
		if err := errors.Join(p.t.Setgid(u.GID), p.t.Setuid(u.UID)); err != nil {
			p.errf("Operation not permitted")
			return 1
		}
	}
	if p.name == "time" {
		start := p.t.Now()
		code, err := p.run(args)
		if err != nil {
			p.errf("cannot run %s: %s", args[0], text(err))
		}
		p.raw("real\t%.2f\nuser\t0.00\nsys\t0.00\n", p.t.Now().Sub(start).Seconds())
		return code
	}
	return p.exec(args)
}

// mayUnshare tells whether unshare may make the namespaces that its options name;
// only a user namespace asks for no capability, and Docker's filter allows none.
func (p *P) mayUnshare() bool {
	any := false
	for _, a := range p.args {
		if a == "--" || !strings.HasPrefix(a, "-") {
			break
		}
		long := map[string]bool{"--mount": true, "--uts": true, "--ipc": true, "--net": true, "--pid": true, "--user": true, "--cgroup": true, "--time": true, "--map-root-user": true}
		name, _, _ := strings.Cut(a, "=")
		any = any || long[name] || !strings.HasPrefix(a, "--") && strings.ContainsAny(a, "muinpUCTr")
	}
	if !any || p.t.Creds().Has(vfs.CapSysAdmin) {
		return true
	}
	if p.bb {
		p.raw("unshare: unshare(0x%x): Operation not permitted\n", p.unshareFlags())
	} else {
		p.errf("unshare failed: Operation not permitted")
	}
	return false
}

// unshareFlags are the CLONE_ bits of unshare's options.
func (p *P) unshareFlags() (n uint32) {
	for _, a := range p.args {
		if !strings.HasPrefix(a, "-") || a == "--" {
			break
		}
		for i, l := range []string{"--mount", "--cgroup", "--uts", "--ipc", "--user", "--pid", "--net"} {
			bit := []uint32{0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000}[i]
			if a == l || strings.HasPrefix(a, l+"=") || !strings.HasPrefix(a, "--") && strings.IndexByte(a, "mCuiUpn"[i]) > 0 {
				n |= bit
			}
		}
	}
	return n
}

// cmdSwap is swapon and swapoff.
func cmdSwap(p *P) int {
	if len(p.args) == 0 || p.args[0] == "-s" || p.args[0] == "--show" {
		if p.name == "swapoff" {
			if p.bb {
				p.raw("BusyBox v1.36.1 multi-call binary.\n\nUsage: swapoff [-a] [DEVICE]\n")
				return 1
			}
			p.errf("bad usage\nTry 'swapoff --help' for more information.")
			return 1
		}
		b, _ := p.t.ReadFile("/proc/swaps")
		if strings.Count(string(b), "\n") > 1 && !p.bb {
			p.puts("NAME      TYPE SIZE USED PRIO\n")
			for _, l := range strings.Split(string(b), "\n")[1:] {
				if c := strings.Fields(l); len(c) == 5 {
					size, _ := strconv.ParseInt(c[2], 10, 64)
					p.printf("%s %s %4s %4s %4s\n", c[0], c[1], blockSize(size<<10), "0B", c[4])
				}
			}
		}
		return 0
	}
	if p.t.Creds().Has(vfs.CapSysAdmin) {
		return 0
	}
	code := 0
	for _, a := range p.args {
		switch {
		case a == "-a" || a == "--all":
			b, _ := p.t.ReadFile("/proc/swaps")
			for _, l := range strings.Split(string(b), "\n")[1:] {
				if c := strings.Fields(l); len(c) > 0 {
					code = p.swapFails(c[0])
				}
			}
		case !strings.HasPrefix(a, "-"):
			code = p.swapFails(a)
		}
	}
	return code
}

func (p *P) swapFails(name string) int {
	switch {
	case p.name == "swapoff" && !p.bb:
		p.raw("swapoff: Not superuser.\n")
		return 4
	case p.bb:
		p.errf("%s: Operation not permitted", name)
		return 1
	}
	p.raw("swapon: %s: swapon failed: Operation not permitted\n", name)
	return 4
}

// cmdNsenter enters the namespaces of a process: what a privileged container does
// to come out.
func cmdNsenter(p *P) int {
	target, mounts := 0, false
	args := p.args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		switch {
		case a == "-t" || a == "--target":
			if len(args) > 0 {
				target, args = int(toInt(args[0])), args[1:]
			}
		case strings.HasPrefix(a, "--target="):
			target = int(toInt(a[9:]))
		case strings.HasPrefix(a, "--mount"), a == "-a", a == "--all":
			mounts = true
		case strings.HasPrefix(a, "-t"):
			target = int(toInt(a[2:]))
		case !strings.HasPrefix(a, "--") && strings.Contains(a, "m"):
			mounts = true
		}
	}
	if target == 0 {
		p.errf("no target PID specified for --all")
		return 1
	}
	for _, t := range p.t.Processes() {
		if t.PIDIn(p.t) != target {
			continue
		}
		if err := p.t.EnterNS(t, mounts); err != nil {
			p.errf("reassociate to namespace 'ns/mnt' failed: %s", text(err))
			return 1
		}
		if len(args) == 0 {
			args = []string{"/bin/sh"}
		}
		return p.exec(args)
	}
	p.errf("cannot open /proc/%d/ns/mnt: No such file or directory", target)
	return 1
}
