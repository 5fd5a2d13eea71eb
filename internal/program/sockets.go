package program

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/whalefall/whalefall/internal/kernel"
)

// sockets lists the sockets of the task's network namespace as /proc/net has them:
// TCP before UDP, IPv4 before IPv6, listeners first.
func (p *P) sockets() []kernel.SockInfo {
	ss := p.t.NS().Net().Sockets()
	rank := func(s kernel.SockInfo) int {
		n := 0
		if s.Network == "udp" {
			n = 4
		}
		if s.Local.Addr().Is6() {
			n += 2
		}
		if s.State == "ESTABLISHED" {
			n++
		}
		return n
	}
	sort.Slice(ss, func(i, j int) bool {
		if a, b := rank(ss[i]), rank(ss[j]); a != b {
			return a < b
		}
		return ss[i].Inode < ss[j].Inode
	})
	return ss
}

// holders finds the processes that hold sockets, by the host's pid: those in the
// /proc at hand whose descriptors may be read.
func (p *P) holders() map[int]int {
	m := map[int]int{}
	for _, t := range p.t.Processes() {
		pid := t.PIDIn(p.t)
		if l, err := p.t.ReadDir("/proc/" + strconv.Itoa(pid) + "/fd"); err == nil && len(l) > 0 {
			m[t.HostPID()] = pid
		}
	}
	return m
}

// flagSet gathers the letters of short options, and long ones by a letter.
func flagSet(args []string, long map[string]string) (letters string, rest []string) {
	for _, a := range args {
		switch {
		case strings.HasPrefix(a, "--"):
			letters += long[a[2:]]
		case strings.HasPrefix(a, "-") && len(a) > 1:
			letters += a[1:]
		default:
			rest = append(rest, a)
		}
	}
	return letters, rest
}

// wanted tells whether the options ask for a socket.
func wanted(fl string, s kernel.SockInfo) bool {
	tcp, udp := strings.Contains(fl, "t"), strings.Contains(fl, "u")
	if (tcp || udp) && (s.Network == "udp" && !udp || s.Network != "udp" && !tcp) {
		return false
	}
	if four, six := strings.Contains(fl, "4"), strings.Contains(fl, "6"); four != six && s.Local.Addr().Is6() != six {
		return false
	}
	if strings.Contains(fl, "a") {
		return true
	}
	return (s.State != "ESTABLISHED") == strings.Contains(fl, "l")
}

// cmdNetstat is net-tools' netstat, and BusyBox's.
func cmdNetstat(p *P) int {
	fl, _ := flagSet(p.args, map[string]string{"tcp": "t", "udp": "u", "listening": "l", "all": "a", "numeric": "n", "programs": "p", "program": "p", "route": "r", "extend": "e", "interfaces": "i"})
	if strings.Contains(fl, "r") {
		return cmdRoute(p)
	}
	what := "(w/o servers)"
	switch {
	case strings.Contains(fl, "a"):
		what = "(servers and established)"
	case strings.Contains(fl, "l"):
		what = "(only servers)"
	}
	progs, ext := strings.Contains(fl, "p"), strings.Contains(fl, "e") && !p.bb
	p.printf("Active Internet connections %s\nProto Recv-Q Send-Q Local Address           Foreign Address         State      ", what)
	if ext {
		p.puts(" User       Inode     ")
	}
	var own map[int]int
	if progs {
		p.puts(" PID/Program name    ")
		own = p.holders()
	}
	p.puts("\n")
	for _, s := range p.sockets() {
		if !wanted(fl, s) {
			continue
		}
		addr := func(a string) string { return strings.NewReplacer("[", "", "]", "").Replace(a) }
		proto, remote := s.Network, "0.0.0.0:*"
		if s.Local.Addr().Is6() {
			remote = ":::*"
			if !p.bb {
				proto += "6"
			}
		}
		state := s.State
		switch state {
		case "ESTABLISHED":
			remote = addr(s.Remote.String())
		case "UNCONN":
			state = ""
		}
		p.printf("%-5s %6d %6d %-23s %-23s %-11s", proto, 0, 0, addr(s.Local.String()), remote, state)
		if ext {
			p.printf(" %-10d %-10d", s.UID, s.Inode)
		}
		if progs {
			who := "-"
			if pid := own[s.PID]; pid != 0 {
				who = strconv.Itoa(pid) + "/" + s.Comm
			}
			p.printf(" %-20s", who)
		}
		p.puts("\n")
	}
	if fl == "" || !strings.ContainsAny(fl, "tu") && strings.ContainsAny(fl, "a") {
		p.printf("Active UNIX domain sockets %s\nProto RefCnt Flags       Type       State         I-Node   Path\n", what)
	}
	return 0
}

// cmdSS is iproute2's ss: columns as wide as what is in them, and, at a terminal,
// what is left over shared out.
func cmdSS(p *P) int {
	fl, rest := flagSet(p.args, map[string]string{"tcp": "t", "udp": "u", "listening": "l", "all": "a", "numeric": "n", "processes": "p", "no-header": "H", "ipv4": "4", "ipv6": "6", "summary": "s"})
	for _, a := range p.args {
		if a == "-V" || a == "-version" || a == "--version" {
			p.puts("ss utility, iproute2-5.15.0\n")
			return 0
		}
	}
	ss := p.sockets()
	if strings.Contains(fl, "s") {
		tcp, six := 0, 0
		for _, s := range ss {
			if s.Network == "tcp" {
				tcp++
				if s.Local.Addr().Is6() {
					six++
				}
			}
		}
		p.printf("Total: %d\nTCP:   %d (estab 0, closed 0, orphaned 0, timewait 0)\n\nTransport Total     IP        IPv6\nRAW\t  0         0         0        \nUDP\t  %-9d %-9d %-9d\nTCP\t  %-9d %-9d %-9d\nINET\t  %-9d %-9d %-9d\nFRAG\t  0         0         0        \n\n",
			120+len(ss), tcp, len(ss)-tcp, len(ss)-tcp, 0, tcp, tcp-six, six, len(ss), len(ss)-six, six)
		return 0
	}
	if len(rest) > 0 {
		p.unknown("construct", "ss "+strings.Join(rest, " "))
	}
	// UDP first here.
	sort.SliceStable(ss, func(i, j int) bool { return ss[i].Network == "udp" && ss[j].Network != "udp" })
	netid := strings.Contains(fl, "t") == strings.Contains(fl, "u")
	progs := strings.Contains(fl, "p")
	var own map[int]int
	if progs {
		own = p.holders()
	}
	type column struct {
		head, before string
		right        bool
		w            int
	}
	cols := []column{{"Netid", "", false, 0}, {"State", " ", false, 0}, {"Recv-Q", " ", false, 0}, {"Send-Q", " ", false, 0}, {"Local Address", " ", true, 0}, {"Port", ":", false, 0},
		{"Peer Address", " ", true, 0}, {"Port", ":", false, 0}, {"Process", "", false, 0}}
	var rows [][]string
	if !strings.Contains(fl, "H") {
		head := make([]string, len(cols))
		for i, c := range cols {
			head[i] = c.head
		}
		rows = append(rows, head)
	}
	for _, s := range ss {
		if !wanted(fl, s) {
			continue
		}
		host := func(i string, six, any bool) string {
			switch {
			case any && s.Dual:
				return "*"
			case six:
				return "[" + i + "]"
			}
			return i
		}
		la := s.Local.Addr()
		local := host(la.String(), la.Is6(), la.IsUnspecified())
		if s.Device != "" {
			local += "%" + s.Device
		}
		peer, port := host(map[bool]string{true: "::", false: "0.0.0.0"}[la.Is6()], la.Is6(), true), "*"
		state := s.State
		if state == "ESTABLISHED" {
			state = "ESTAB"
			peer, port = host(s.Remote.Addr().String(), s.Remote.Addr().Is6(), false), strconv.Itoa(int(s.Remote.Port()))
		}
		who := ""
		if pid := own[s.PID]; pid != 0 {
			who = fmt.Sprintf(" users:((%q,pid=%d,fd=%d))", s.Comm, pid, s.Fd)
		}
		rows = append(rows, []string{s.Network, state, "0", strconv.Itoa(s.Backlog), local, strconv.Itoa(int(s.Local.Port())), peer, port, who})
	}
	total, used := 0, 0
	for i := range cols {
		if i == 0 && !netid {
			continue
		}
		for _, r := range rows {
			cols[i].w = max(cols[i].w, len(r[i]))
		}
		if i == 1 && !netid {
			cols[i].before = ""
		}
		total += cols[i].w + len(cols[i].before)
		used++
	}
	if y := p.t.TTY(); y != nil && p.t.IsTTY(1) {
		if _, width := y.Size(); int(width) > total {
			pad := int(width) - total
			extra, rem := pad/used, pad%used
			for i := range cols {
				if i == 0 && !netid {
					continue
				}
				cols[i].w += extra
				if rem > 0 {
					cols[i].w++
					rem--
				}
			}
		}
	}
	for _, r := range rows {
		for i, c := range cols {
			switch {
			case i == 0 && !netid:
			case c.right:
				p.printf("%s%*s", c.before, c.w, r[i])
			default:
				p.printf("%s%-*s", c.before, c.w, r[i])
			}
		}
		p.puts("\n")
	}
	return 0
}
