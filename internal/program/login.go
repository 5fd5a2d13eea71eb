package program

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sort"
	"strconv"
	"strings"
	"time"
)

// utmp is one record of utmp(5).
type utmp struct {
	kind             int16 // 1 run level, 2 boot, 6 getty, 7 user, 8 dead
	pid              int32
	line, user, host string
	at               time.Time
	addr             netip.Addr
}

const utmpSize = 384

// readUtmp reads a file of records, up to a bound.
func (p *P) readUtmp(file string) ([]utmp, error) {
	b, err := p.t.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out []utmp
	str := func(b []byte) string { s, _, _ := strings.Cut(string(b), "\x00"); return s }
	for ; len(b) >= utmpSize && len(out) < 50000; b = b[utmpSize:] {
		u := utmp{kind: int16(binary.LittleEndian.Uint16(b)), pid: int32(binary.LittleEndian.Uint32(b[4:])), line: str(b[8:40]), user: str(b[44:76]), host: str(b[76:332]),
			at: time.Unix(int64(int32(binary.LittleEndian.Uint32(b[340:]))), 0).In(p.zone())}
		if binary.LittleEndian.Uint32(b[348:]) != 0 {
			u.addr = netip.AddrFrom4([4]byte(b[348:352]))
		}
		out = append(out, u)
	}
	p.t.Tick(int64(len(out)))
	return out, nil
}

// cmdLast is util-linux's last, and lastb.
func cmdLast(p *P) int {
	opts, args, ok := p.getopt("0123456789f:n:FxiaRwdps:t:", "file:=f", "limit:=n", "fulltimes=F", "system=x", "ip=i", "hostlast=a", "nohostname=R", "fullnames=w", "dns=d", "present:=p", "since:=s", "until:=t")
	if !ok {
		return p.status
	}
	f := set(opts)
	file := "/var/log/wtmp"
	if p.name == "lastb" {
		file = "/var/log/btmp"
	}
	if f["f"] != "" {
		file = f["f"]
	}
	limit := 0
	for _, o := range opts {
		if len(o.c) == 1 && o.c[0] >= '0' && o.c[0] <= '9' {
			limit = limit*10 + int(o.c[0]-'0')
		}
	}
	if n := toInt(f["n"]); n > 0 {
		limit = int(n)
	}
	l, err := p.readUtmp(file)
	if err != nil {
		p.errf("cannot open %s: %s", file, text(err))
		return 1
	}
	begins := time.Time{}
	if len(l) > 0 {
		begins = l[0].at
	} else if st, err := p.t.Stat(file); err == nil {
		begins = time.Unix(0, st.Ctime).In(p.zone())
	}
	ends := map[string]time.Time{} // of a line
	var halt time.Time             // when the machine went down, or came up again after
	shown := 0
	show := func(name, line, host string, at time.Time, out, took string) {
		if limit > 0 && shown >= limit {
			return
		}
		if len(args) > 0 {
			hit := false
			for _, a := range args {
				hit = hit || a == name || a == line || "pts/"+a == line
			}
			if !hit {
				return
			}
		}
		shown++
		cut := func(s string, n int) string {
			if f.has("w") {
				return s
			}
			return s[:min(n, len(s))]
		}
		form, w := "Mon Jan _2 15:04", 7
		if f.has("F") {
			form, w = "Mon Jan _2 15:04:05 2006", 26
		}
		p.printf("%-8s %-12s ", cut(name, 8), cut(line, 12))
		if !f.has("R") && !f.has("a") {
			p.printf("%-16s ", cut(host, 16))
		}
		row := fmt.Sprintf("%s %-*s %s", at.Format(form), w, out, took)
		if f.has("a") {
			row = fmt.Sprintf("%-*s     %s", w+30, row, host)
		}
		p.puts(strings.TrimRight(row, " ") + "\n")
	}
	outForm := "15:04"
	if f.has("F") {
		outForm = "Mon Jan _2 15:04:05 2006"
	}
	span := func(from, to time.Time, why string) (string, string) {
		d := to.Sub(from)
		s := fmt.Sprintf(" (%02d:%02d)", int(d.Hours())%24, int(d.Minutes())%60)
		if days := int(d.Hours()) / 24; days > 0 {
			s = fmt.Sprintf("(%d+%02d:%02d)", days, int(d.Hours())%24, int(d.Minutes())%60)
		}
		if why == "" {
			why = "- " + to.Format(outForm)
		}
		return why, s
	}
	for i := len(l) - 1; i >= 0; i-- {
		switch u := l[i]; {
		case u.kind == 2:
			out, took := "  still", "running"
			if !halt.IsZero() {
				out, took = span(u.at, halt, "")
			}
			show("reboot", "system boot", u.host, u.at, out, took)
			halt = u.at
			clear(ends)
		case u.kind == 1 && f.has("x"):
			out, took := "  still", "running"
			if !halt.IsZero() {
				out, took = span(u.at, halt, "")
			}
			show("runlevel", "(to lvl "+string(u.pid&0xff)+")", u.host, u.at, out, took)
		case u.kind == 8:
			ends[u.line] = u.at
		case u.kind == 7:
			host := u.host
			if f.has("i") && u.addr.IsValid() {
				host = u.addr.String()
			}
			out, took := "  still", "logged in"
			if e, ok := ends[u.line]; ok {
				out, took = span(u.at, e, "")
			} else if !halt.IsZero() {
				out, took = span(u.at, halt, "- crash")
			} else if p.name == "lastb" {
				out, took = span(u.at, u.at, "")
			}
			delete(ends, u.line)
			show(u.user, u.line, host, u.at, out, took)
		}
	}
	p.printf("\n%s begins %s\n", base(file), begins.Format("Mon Jan _2 15:04:05 2006"))
	return 0
}

// cmdLastlog is shadow's lastlog.
func cmdLastlog(p *P) int {
	opts, _, ok := p.getopt("u:t:b:", "user:=u", "time:=t", "before:=b")
	if !ok {
		return p.status
	}
	only := set(opts)["u"]
	log, err := p.t.ReadFile("/var/log/lastlog")
	if err != nil {
		p.errf("/var/log/lastlog: %s", text(err))
		return 1
	}
	users, _ := p.t.ReadFile("/etc/passwd")
	p.puts("Username         Port     From                                       Latest\n")
	for _, l := range strings.Split(string(users), "\n") {
		c := strings.Split(l, ":")
		if len(c) < 3 || only != "" && only != c[0] && only != c[2] {
			continue
		}
		uid, _ := strconv.Atoi(c[2])
		at := uid * 292
		if uid >= 0 && at+292 <= len(log) {
			if sec := binary.LittleEndian.Uint32(log[at:]); sec != 0 {
				line, _, _ := strings.Cut(string(log[at+4:at+36]), "\x00")
				host, _, _ := strings.Cut(string(log[at+36:at+292]), "\x00")
				p.printf("%-16s %-8s %-42s %s\n", c[0], line, host, time.Unix(int64(sec), 0).In(p.zone()).Format("Mon Jan _2 15:04:05 -0700 2006"))
				continue
			}
		}
		p.printf("%-16s %-8s %-42s %s\n", c[0], "", "", "**Never logged in**")
	}
	return 0
}

// loggedIn are the records of who is logged in now.
func (p *P) loggedIn() (out []utmp) {
	l, _ := p.readUtmp("/var/run/utmp")
	for _, u := range l {
		if u.kind == 7 {
			out = append(out, u)
		}
	}
	return out
}

// cmdWho is coreutils' who, and BusyBox's.
func cmdWho(p *P) int {
	opts, args, ok := p.getopt("abdHlmpqrstTuw", "all=a", "boot=b", "count=q", "heading=H", "runlevel=r", "mesg=T", "users=u")
	if !ok {
		return p.status
	}
	f := set(opts)
	file := "/var/run/utmp"
	if len(args) == 1 {
		file = args[0]
	}
	l, _ := p.readUtmp(file)
	if p.bb {
		p.puts("USER\t\tTTY\t\tIDLE\tTIME\t\t HOST\n")
	} else if f.has("H") {
		p.puts("NAME     LINE         TIME             COMMENT\n")
	}
	var names []string
	for _, u := range l {
		when := u.at.Format("2006-01-02 15:04")
		switch {
		case u.kind == 7:
			names = append(names, u.user)
			host := ""
			if u.host != "" {
				host = " (" + u.host + ")"
			}
			if !f.has("q") && (len(opts) == 0 || !f.has("b") && !f.has("r") || f.has("a")) {
				p.printf("%-8s %-12s %s%s\n", u.user, u.line, when, host)
			}
		case u.kind == 2 && (f.has("b") || f.has("a")):
			p.printf("         %-12s %s\n", "system boot", when)
		case u.kind == 1 && (f.has("r") || f.has("a")):
			p.printf("         %-12s %s\n", "run-level "+string(u.pid&0xff), when)
		}
	}
	if f.has("q") {
		p.printf("%s\n# users=%d\n", strings.Join(names, " "), len(names))
	}
	return 0
}

// cmdUsers is coreutils' users.
func cmdUsers(p *P) int {
	var names []string
	for _, u := range p.loggedIn() {
		names = append(names, u.user)
	}
	if sort.Strings(names); len(names) > 0 {
		p.puts(strings.Join(names, " ") + "\n")
	}
	return 0
}

// cmdW is procps' w.
func cmdW(p *P) int {
	opts, _, ok := p.getopt("hsfuioV", "no-header=h", "short=s", "from=f", "ip-addr=i", "old-style=o")
	if !ok {
		return p.status
	}
	if !set(opts).has("h") {
		p.puts(p.uptimeLine() + "\nUSER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n")
	}
	for _, u := range p.loggedIn() {
		p.printf("%-8s %-8s %-16s %-7s  1:02   0.04s  0.04s -bash\n", u.user[:min(8, len(u.user))], u.line, u.host, u.at.Format("15:04"))
	}
	return 0
}

// journalUnits are the identifiers that a unit's messages come under.
var journalUnits = map[string]string{"ssh": "sshd", "cron": "CRON", "systemd-logind": "systemd-logind", "docker": "dockerd", "containerd": "containerd"}

// cmdJournalctl shows the journal: what rsyslog wrote of it, by time.
func cmdJournalctl(p *P) int {
	opts, args, ok := p.getopt("u:n:fkb::erxaqo:t:p:S:U:g:m", "unit:=u", "lines:=n", "follow=f", "dmesg=k", "boot?=b", "pager-end=e", "reverse=r", "no-pager=np", "output:=o", "identifier:=t", "priority:=p", "since:=S", "until:=U",
		"grep:=g", "quiet=q", "disk-usage=du", "vacuum-size:=vs", "vacuum-time:=vs", "vacuum-files:=vs", "rotate=rot", "flush=rot", "sync=rot", "catalog=x", "all=a", "no-hostname=nh", "utc=utc", "list-boots=lb", "system=m", "merge=m")
	if !ok {
		return p.status
	}
	f := set(opts)
	switch {
	case f.has("vs"):
		p.raw("Vacuuming done, freed 0B of archived journals from /var/log/journal.\nVacuuming done, freed 0B of archived journals from /run/log/journal.\n")
		return 0
	case f.has("rot"):
		return 0
	case f.has("du"):
		p.puts("Archived and active journals take up 24.0M in the file system.\n")
		return 0
	}
	type line struct{ at, text string }
	var all []line
	months := map[string]string{"Jan": "01", "Feb": "02", "Mar": "03", "Apr": "04", "May": "05", "Jun": "06", "Jul": "07", "Aug": "08", "Sep": "09", "Oct": "10", "Nov": "11", "Dec": "12"}
	for _, file := range []string{"/var/log/syslog", "/var/log/auth.log"} {
		b, err := p.t.ReadFile(file)
		if err != nil {
			continue
		}
		p.t.Alloc(int64(len(b)))
		for _, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
			if len(l) > 16 {
				all = append(all, line{months[l[:3]] + l[3:15], l})
			}
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].at < all[j].at })
	ident := f["t"]
	if u := strings.TrimSuffix(f["u"], ".service"); u != "" {
		if ident = journalUnits[u]; ident == "" {
			ident = u
		}
	}
	var out []string
	for _, l := range all {
		if ident != "" || f.has("k") || len(args) > 0 {
			c := strings.SplitN(l.text[16:], " ", 3)
			if f.has("k") || len(args) > 0 || len(c) < 2 || !strings.HasPrefix(c[1], ident+"[") && !strings.HasPrefix(c[1], ident+":") {
				continue
			}
		}
		if g := f["g"]; g != "" && !strings.Contains(l.text, g) {
			continue
		}
		if f["o"] == "cat" {
			_, msg, _ := strings.Cut(l.text[16:], ": ")
			l.text = msg
		}
		out = append(out, l.text)
	}
	if len(out) == 0 {
		p.puts("-- No entries --\n")
		return 0
	}
	n := len(out)
	if v, has := f["n"]; has {
		n = int(max(0, toInt(v)))
	} else if f.has("f") {
		n = 10
	}
	out = out[max(0, len(out)-n):]
	if f.has("r") {
		for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
			out[i], out[j] = out[j], out[i]
		}
	}
	p.puts(strings.Join(out, "\n") + "\n")
	if f.has("f") {
		p.out.Flush()
		for {
			p.t.Pause()
		}
	}
	return 0
}
