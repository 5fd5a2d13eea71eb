package program

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// shuttle carries bytes both ways between a socket and descriptors 0 and 1.
func (p *P) shuttle(fd int, wait time.Duration, closeOnEOF bool) int {
	buf := make([]byte, 16<<10)
	stdin := true
	for {
		fds := []kernel.PollFd{{Fd: fd, Read: true}}
		if stdin {
			fds = append(fds, kernel.PollFd{Fd: 0, Read: true})
		}
		d := int64(-1)
		if wait > 0 {
			d = int64(wait)
		}
		n, err := p.t.PollFds(fds, d)
		if err == vfs.EINTR {
			continue
		}
		if n == 0 {
			return 0
		}
		if fds[0].CanRead || fds[0].Hup {
			m, err := p.t.Read(fd, buf)
			if m == 0 || err != nil {
				return 0
			}
			if _, err := p.t.Writer(1).Write(buf[:m]); err != nil {
				return 1
			}
		}
		if stdin && len(fds) > 1 && (fds[1].CanRead || fds[1].Hup) {
			m, err := p.t.Read(0, buf)
			if m == 0 || err != nil {
				stdin = false
				_ = p.t.ShutdownWrite(fd) // the other side may have closed
				if closeOnEOF {
					return 0
				}
				continue
			}
			if _, err := p.t.Writer(fd).Write(buf[:m]); err != nil {
				return 1
			}
		}
	}
}

func cmdNc(p *P) int {
	opts, args, ok := p.getopt("lvnzukp:w:e:c:q:s:i:46tdhrCN", "exec:=e", "sh-exec:=c")
	if !ok {
		return p.status
	}
	f := set(opts)
	wait, _ := duration(f["w"])
	prog := []string(nil)
	if e, has := f["e"]; has {
		prog = strings.Fields(e)
	}
	if c, has := f["c"]; has && !p.bb {
		prog = []string{"/bin/sh", "-c", c}
	}
	serve := func(fd int) int {
		if prog == nil {
			return p.shuttle(fd, wait, false)
		}
		c, err := p.spawn(prog, map[int]int{0: fd, 1: fd, 2: fd})
		p.t.Close(fd)
		if err != nil {
			p.errf("%s: %s", prog[0], text(err))
			return 1
		}
		_, ws, _ := p.t.Wait(c.PID(), 0)
		return ws.Code()
	}
	if f.has("l") {
		port := f["p"]
		if port == "" && len(args) > 0 {
			port = args[len(args)-1]
		}
		n, _ := strconv.ParseUint(port, 10, 16)
		l, _, err := p.t.Listen(netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(n)))
		if err != nil {
			p.errf("%s", text(err))
			return 1
		}
		if f.has("v") {
			p.raw("Listening on 0.0.0.0 %d\n", n)
		}
		for {
			c, from, err := p.t.Accept(l)
			if err != nil {
				return 1
			}
			if f.has("v") {
				p.raw("Connection received on %s %d\n", from.Addr(), from.Port())
			}
			code := serve(c)
			if !f.has("k") {
				return code
			}
		}
	}
	if len(args) < 2 {
		if p.bb {
			return p.try(1)
		}
		p.raw("usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]\n\t  [-m minttl] [-O length] [-P proxy_username] [-p source_port]\n\t  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]\n\t  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]\n\t  [destination] [port]\n")
		return 1
	}
	network := "tcp"
	if f.has("u") {
		network = "udp"
	}
	lo, hi, rng := strings.Cut(args[1], "-")
	if !rng {
		hi = lo
	}
	a, err1 := strconv.ParseUint(lo, 10, 16)
	b, err2 := strconv.ParseUint(hi, 10, 16)
	if err1 != nil || err2 != nil {
		p.errf("port number invalid: %s", args[1])
		return 1
	}
	code := 1
	for port := a; port <= b; port++ {
		fd, err := p.t.Dial(network, args[0], uint16(port))
		if err != nil {
			if s, isName := lookupFailed(err); isName {
				if p.bb {
					p.errf("bad address '%s'", args[0])
				} else {
					p.errf("getaddrinfo for host \"%s\" port %d: %s", args[0], port, s)
				}
				return 1
			}
			if p.bb {
				p.errf("can't connect to remote host (%s): %s", args[0], text(err))
			} else if f.has("v") {
				p.errf("connect to %s port %d (%s) failed: %s", args[0], port, network, text(err))
			}
			continue
		}
		if f.has("v") {
			p.raw("Connection to %s %d port [%s/*] succeeded!\n", args[0], port, network)
		}
		if f.has("z") {
			p.t.Close(fd)
			code = 0
			continue
		}
		return serve(fd)
	}
	return code
}

func cmdTelnet(p *P) int {
	if len(p.args) == 0 {
		return 0
	}
	port := uint64(23)
	if len(p.args) > 1 {
		port, _ = strconv.ParseUint(p.args[1], 10, 16)
	}
	as, err := p.t.LookupHost(p.args[0], "")
	if err != nil {
		p.raw("telnet: could not resolve %s/%d: %s\n", p.args[0], port, err)
		return 1
	}
	p.printf("Trying %s...\n", as[0])
	fd, err := p.t.DialAddr("tcp", netip.AddrPortFrom(as[0], uint16(port)), p.args[0])
	if err != nil {
		p.raw("telnet: Unable to connect to remote host: %s\n", text(err))
		return 1
	}
	p.printf("Connected to %s.\nEscape character is '^]'.\n", p.args[0])
	p.out.Flush()
	p.shuttle(fd, 0, false)
	p.raw("Connection closed by foreign host.\n")
	return 1
}

func cmdPing(p *P) int {
	opts, args, ok := p.getopt("c:i:W:w:qns:t:I:4fbaR6")
	if !ok {
		return p.status
	}
	if len(args) == 0 {
		p.raw("ping: usage error: Destination address required\n")
		return 1
	}
	f := set(opts)
	count := int64(-1)
	if c, has := f["c"]; has {
		count = max(1, toInt(c))
	}
	host := args[0]
	as, err := p.t.LookupHost(host, "")
	if err != nil {
		if p.bb {
			p.errf("bad address '%s'", host)
			return 1
		}
		p.raw("ping: %s: %s\n", host, err)
		return 2
	}
	a := as[0]
	if p.bb {
		p.printf("PING %s (%s): 56 data bytes\n", host, a)
	} else {
		p.printf("PING %s (%s) 56(84) bytes of data.\n", host, a)
	}
	if p.offline() && !a.IsLoopback() {
		if p.bb {
			p.raw("ping: sendto: Network is unreachable\n")
			return 1
		}
		p.raw("ping: connect: Network is unreachable\n")
		return 2
	}
	base := 0.03
	if !a.IsLoopback() && !a.IsPrivate() {
		b := a.AsSlice()
		base = 5 + float64(b[len(b)-1]%60)
	}
	var n int64
	stop := false
	p.t.Signal(kernel.SIGINT, kernel.Disposition{Kind: kernel.Handle, Handler: func(kernel.Signal) { stop = true }})
	var sum, squares, most float64
	least, ttl := math.Inf(1), 51
	switch {
	case a.IsLoopback():
		ttl = 64
	case a.IsPrivate():
		ttl = 63
	}
	for _, i := range p.t.NS().Net().List() {
		if i.Addr.IsValid() && i.Addr.Contains(a) {
			ttl = 64 // nobody between
		}
	}
	for !stop && (count < 0 || n < count) {
		if n > 0 {
			p.t.Sleep(time.Second)
		}
		spread := uint64(400)
		if a.IsLoopback() {
			spread = 40
		}
		ms := base + float64(p.t.Kernel().RandUint()%spread)/1000
		p.t.Sleep(time.Duration(ms * float64(time.Millisecond)))
		sum, squares, least, most = sum+ms, squares+ms*ms, min(least, ms), max(most, ms)
		n++
		if p.bb {
			p.printf("64 bytes from %s: seq=%d ttl=%d time=%.3f ms\n", a, n-1, ttl, ms)
		} else {
			from := a.String()
			if from != host {
				from = host + " (" + from + ")"
			}
			p.printf("64 bytes from %s: icmp_seq=%d ttl=%d time=%.3g ms\n", from, n, ttl, ms)
		}
		p.out.Flush()
	}
	p.printf("\n--- %s ping statistics ---\n", host)
	if p.bb {
		p.printf("%d packets transmitted, %d packets received, 0%% packet loss\nround-trip min/avg/max = %.3f/%.3f/%.3f ms\n", n, n, least, sum/float64(max(1, n)), most)
	} else {
		p.printf("%d packets transmitted, %d received, 0%% packet loss, time %dms\nrtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", n, n, (n-1)*1001, least, sum/float64(max(1, n)), most, math.Sqrt(max(0, squares/float64(max(1, n))-sum*sum/float64(max(1, n*n)))))
	}
	return 0
}

func cmdNslookup(p *P) int {
	var args []string
	for _, a := range p.args {
		if !strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "+") && !strings.HasPrefix(a, "@") && a != "A" && a != "AAAA" && a != "TXT" && a != "MX" && a != "ANY" {
			args = append(args, a)
		}
	}
	if len(args) == 0 {
		return 0
	}
	server := "127.0.0.11"
	if b, err := p.t.ReadFile("/etc/resolv.conf"); err == nil {
		for _, l := range strings.Split(string(b), "\n") {
			if f := strings.Fields(l); len(f) > 1 && f[0] == "nameserver" {
				server = f[1]
				break
			}
		}
	}
	qtype := ""
	for _, a := range p.args {
		if a == "AAAA" || a == "TXT" || a == "MX" {
			qtype = a
		}
	}
	as, err := p.t.LookupHost(args[0], qtype)
	switch p.name {
	case "dig":
		short := false
		for _, a := range p.args {
			short = short || a == "+short"
		}
		if short {
			for _, a := range as {
				p.printf("%s\n", a)
			}
			return 0
		}
		st := "NOERROR"
		if err != nil {
			st = "NXDOMAIN"
		}
		p.printf("\n; <<>> DiG 9.18.18-0ubuntu0.22.04.1-Ubuntu <<>> %s\n;; global options: +cmd\n;; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: %s, id: %d\n;; flags: qr rd ra; QUERY: 1, ANSWER: %d, AUTHORITY: 0, ADDITIONAL: 1\n\n;; QUESTION SECTION:\n;%s.\t\t\tIN\tA\n\n", strings.Join(p.args, " "), st, p.t.Kernel().RandUint()%65536, len(as), args[0])
		if len(as) > 0 {
			p.puts(";; ANSWER SECTION:\n")
		}
		for _, a := range as {
			p.printf("%s.\t\t300\tIN\tA\t%s\n", args[0], a)
		}
		p.printf("\n;; Query time: 11 msec\n;; SERVER: %s#53(%s) (UDP)\n;; WHEN: %s\n;; MSG SIZE  rcvd: 56\n\n", server, server, p.t.Now().In(p.zone()).Format(time.UnixDate))
		return 0
	case "host":
		if err != nil {
			p.printf("Host %s not found: 3(NXDOMAIN)\n", args[0])
			return 1
		}
		for _, a := range as {
			p.printf("%s has address %s\n", args[0], a)
		}
		return 0
	}
	if p.bb {
		p.printf("Server:\t\t%s\nAddress:\t%s:53\n\n", server, server)
	} else {
		p.printf("Server:\t\t%s\nAddress:\t%s#53\n\n", server, server)
	}
	if err != nil {
		p.printf("** server can't find %s: NXDOMAIN\n\n", args[0])
		return 1
	}
	p.puts("Non-authoritative answer:\n")
	for _, a := range as {
		p.printf("Name:\t%s\nAddress: %s\n", args[0], a)
	}
	p.puts("\n")
	return 0
}

func cmdIP(p *P) int {
	var args []string
	brief, four := false, false
	for _, a := range p.args {
		switch {
		case a == "-br" || a == "-brief":
			brief = true
		case a == "-4":
			four = true
		case strings.HasPrefix(a, "-"):
		default:
			args = append(args, a)
		}
	}
	if len(args) == 0 {
		p.raw("Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n")
		return 255
	}
	n := p.t.NS().Net()
	number := func(i int, x kernel.Interface) int {
		if x.Index != 0 {
			return x.Index
		}
		return i + 1
	}
	ifs := append([]kernel.Interface{{Name: "lo", MAC: "00:00:00:00:00:00", Addr: netip.MustParsePrefix("127.0.0.1/8"), MTU: 65536}}, n.List()...)
	if len(args) > 1 && (args[1] == "add" || args[1] == "del" || args[1] == "set" || args[1] == "flush" || args[1] == "replace") {
		if !p.t.Creds().Has(vfs.CapNetAdmin) {
			p.raw("RTNETLINK answers: Operation not permitted\n")
			return 2
		}
		p.unknown("construct", "ip "+strings.Join(args, " "))
		return 0
	}
	switch o := args[0]; {
	case strings.HasPrefix("address", o), strings.HasPrefix("link", o):
		for i, x := range ifs {
			mtu := x.MTU
			if mtu == 0 {
				mtu = 1500
			}
			flags, st, kind := "BROADCAST,MULTICAST,UP,LOWER_UP", "UP", "ether"
			if x.Name == "lo" {
				flags, st, kind = "LOOPBACK,UP,LOWER_UP", "UNKNOWN", "loopback"
			}
			name, num := x.Name, number(i, x)
			pair, virtual := x.Peer != 0, strings.HasPrefix(x.Name, "br-") || x.Name == "docker0"
			if x.Down {
				flags, st = "NO-CARRIER,BROADCAST,MULTICAST,UP", "DOWN"
			}
			if pair {
				name += "@if" + strconv.Itoa(x.Peer)
				if p.bb {
					flags += ",M-DOWN"
				}
			}
			if brief {
				p.printf("%-16s %-14s %s \n", name, st, x.Addr)
				continue
			}
			qd := "noqueue"
			if x.Name != "lo" && n == p.t.Kernel().Host().Net() && !pair && !virtual {
				qd = "fq_codel"
			}
			if x.Master != "" {
				qd += " master " + x.Master
			}
			tail := " qlen 1000"
			if pair || virtual {
				tail = " "
			}
			if p.bb {
				p.printf("%d: %s: <%s> mtu %d qdisc %s%s\n", num, name, flags, mtu, qd, tail)
			} else {
				p.printf("%d: %s: <%s> mtu %d qdisc %s state %s group default%s\n", num, name, flags, mtu, qd, st, tail)
			}
			brd := "ff:ff:ff:ff:ff:ff"
			if x.Name == "lo" {
				brd = "00:00:00:00:00:00"
			}
			if !four {
				peer := ""
				if pair && !p.bb {
					peer = " link-netnsid 0"
				}
				p.printf("    link/%s %s brd %s%s\n", kind, x.MAC, brd, peer)
			}
			if strings.HasPrefix("address", o) && x.Addr.IsValid() {
				scope := "global"
				b := ""
				if x.Name == "lo" {
					scope = "host"
				} else {
					b = " brd " + broadcast(x.Addr).String()
				}
				p.printf("    inet %s%s scope %s %s\n       valid_lft forever preferred_lft forever\n", x.Addr, b, scope, x.Name)
			}
		}
	case strings.HasPrefix("route", o):
		for _, x := range n.List() {
			if x.Gateway.IsValid() {
				p.printf("default via %s dev %s \n", x.Gateway, x.Name)
			}
			if x.Addr.IsValid() {
				if p.bb {
					p.printf("%s dev %s scope link  src %s \n", x.Addr.Masked(), x.Name, x.Addr.Addr())
				} else {
					down := ""
					if x.Down {
						down = "linkdown "
					}
					p.printf("%s dev %s proto kernel scope link src %s %s\n", x.Addr.Masked(), x.Name, x.Addr.Addr(), down)
				}
			}
		}
	case strings.HasPrefix("neighbour", o):
		for _, x := range n.List() {
			if x.Gateway.IsValid() {
				p.printf("%s dev %s lladdr 02:42:0a:fe:00:01 REACHABLE\n", x.Gateway, x.Name)
			}
		}
	default:
		p.unknown("construct", "ip "+strings.Join(args, " "))
		p.raw("Object \"%s\" is unknown, try \"ip help\".\n", o)
		return 1
	}
	return 0
}

func broadcast(p netip.Prefix) netip.Addr {
	if !p.Addr().Is4() {
		return p.Addr()
	}
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

func cmdIfconfig(p *P) int {
	n := p.t.NS().Net()
	if len(p.args) > 1 {
		p.unknown("construct", "ifconfig "+strings.Join(p.args, " "))
		return 0
	}
	show := func(x kernel.Interface) {
		if p.bb {
			p.ifconfigBusyBox(x)
			return
		}
		if x.Master != "" {
			p.printf("%s: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n        ether %s  txqueuelen 0  (Ethernet)\n        RX packets %d  bytes %d (%s)\n        RX errors 0  dropped 0  overruns 0  frame 0\n        TX packets %d  bytes %d (%s)\n        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n",
				x.Name, x.MAC, x.RXPackets, x.RX, human(int64(x.RX))+"B", x.TXPackets, x.TX, human(int64(x.TX))+"B")
			return
		}
		mtu := x.MTU
		if mtu == 0 {
			mtu = 1500
		}
		mask := ""
		if x.Addr.IsValid() {
			m := ^uint32(0) << (32 - x.Addr.Bits())
			mask = fmt.Sprintf("%d.%d.%d.%d", m>>24, m>>16&255, m>>8&255, m&255)
		}
		if x.Name == "lo" {
			p.printf("lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask 255.0.0.0\n        loop  txqueuelen 1000  (Local Loopback)\n        RX packets 0  bytes 0 (0.0 B)\n        RX errors 0  dropped 0  overruns 0  frame 0\n        TX packets 0  bytes 0 (0.0 B)\n        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n")
			return
		}
		p.printf("%s: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu %d\n        inet %s  netmask %s  broadcast %s\n        ether %s  txqueuelen 0  (Ethernet)\n        RX packets %d  bytes %d (%s)\n        RX errors 0  dropped 0  overruns 0  frame 0\n        TX packets %d  bytes %d (%s)\n        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n",
			x.Name, mtu, x.Addr.Addr(), mask, broadcast(x.Addr), x.MAC, x.RXPackets, x.RX, human(int64(x.RX))+"B", x.TXPackets, x.TX, human(int64(x.TX))+"B")
	}
	for _, x := range n.List() {
		if len(p.args) == 0 || p.args[0] == x.Name || p.args[0] == "-a" {
			show(x)
		}
	}
	if len(p.args) == 0 || p.args[0] == "lo" || p.args[0] == "-a" {
		show(kernel.Interface{Name: "lo"})
	}
	return 0
}

// ifconfigBusyBox is an interface as busybox's ifconfig shows it.
func (p *P) ifconfigBusyBox(x kernel.Interface) {
	bytes := func(n uint64) string {
		if n < 1024 {
			return fmt.Sprintf("%d (%d.0 B)", n, n)
		}
		h := humanBusyBox(int64(n))
		return fmt.Sprintf("%d (%s %siB)", n, h[:len(h)-1], h[len(h)-1:])
	}
	mask := func(bits int) string {
		m := ^uint32(0) << (32 - bits)
		return fmt.Sprintf("%d.%d.%d.%d", m>>24, m>>16&255, m>>8&255, m&255)
	}
	if x.Name == "lo" {
		p.puts("lo        Link encap:Local Loopback  \n          inet addr:127.0.0.1  Mask:255.0.0.0\n          UP LOOPBACK RUNNING  MTU:65536  Metric:1\n")
	} else {
		mtu := x.MTU
		if mtu == 0 {
			mtu = 1500
		}
		p.printf("%-9s Link encap:Ethernet  HWaddr %s  \n", x.Name, strings.ToUpper(x.MAC))
		if x.Addr.IsValid() {
			p.printf("          inet addr:%s  Bcast:%s  Mask:%s\n", x.Addr.Addr(), broadcast(x.Addr), mask(x.Addr.Bits()))
		}
		p.printf("          UP BROADCAST RUNNING MULTICAST  MTU:%d  Metric:1\n", mtu)
	}
	queue := 0
	if x.Name == "lo" {
		queue = 1000
	}
	p.printf("          RX packets:%d errors:0 dropped:0 overruns:0 frame:0\n          TX packets:%d errors:0 dropped:0 overruns:0 carrier:0\n          collisions:0 txqueuelen:%d \n          RX bytes:%s  TX bytes:%s\n\n",
		x.RX/900, x.TX/700, queue, bytes(x.RX), bytes(x.TX))
}

func cmdRoute(p *P) int {
	p.puts("Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n")
	for _, x := range p.t.NS().Net().List() {
		if x.Gateway.IsValid() {
			p.printf("%-15s %-15s %-15s UG    0      0        0 %s\n", "0.0.0.0", x.Gateway, "0.0.0.0", x.Name)
		}
		if x.Addr.IsValid() {
			m := ^uint32(0) << (32 - x.Addr.Bits())
			p.printf("%-15s %-15s %-15s U     0      0        0 %s\n", x.Addr.Masked().Addr(), "0.0.0.0", fmt.Sprintf("%d.%d.%d.%d", m>>24, m>>16&255, m>>8&255, m&255), x.Name)
		}
	}
	return 0
}
