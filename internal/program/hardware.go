package program

import (
	"fmt"
	"net/netip"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// cmdLsblk is util-linux's lsblk.
func cmdLsblk(p *P) int {
	opts, _, ok := p.getopt("abdfilmno:pPrst", "all=a", "bytes=b", "nodeps=d", "fs=f", "list=l", "noheadings=n", "output:=o", "paths=p", "json=J")
	if !ok {
		return p.status
	}
	f := set(opts)
	d := p.t.Kernel().HostInfo().Disk
	if f.has("o") || f.has("f") || f.has("J") {
		p.unknown("option", "lsblk "+strings.Join(p.args, " "))
	}
	size := func(n int64) string {
		if f.has("b") {
			return strconv.FormatInt(n, 10)
		}
		return blockSize(n)
	}
	points := map[string][]string{}
	b, _ := p.t.ReadFile("/proc/self/mountinfo")
	for _, l := range strings.Split(string(b), "\n") {
		if c := strings.Fields(l); len(c) > 5 {
			points[c[2]] = append(points[c[2]], c[4])
		}
	}
	type row struct{ name, dev, size, kind, at string }
	var rows []row
	dev := func(n uint64) string { return fmt.Sprintf("%d:%d", vfs.Major(n), vfs.Minor(n)) }
	rows = append(rows, row{d.Name, dev(d.Dev()), size(d.Bytes), "disk", ""})
	for i, x := range d.Parts {
		if f.has("d") {
			break
		}
		tree := "├─"
		if i == len(d.Parts)-1 {
			tree = "└─"
		}
		if f.has("l") {
			tree = ""
		}
		n := dev(d.PartDev(i))
		at := points[n]
		if len(at) == 0 {
			at = []string{""}
		}
		rows = append(rows, row{tree + x.Name(d), n, size(x.Sectors() << 9), "part", at[0]})
		for _, more := range at[1:] {
			bar := "│ "
			if i == len(d.Parts)-1 {
				bar = ""
			}
			rows = append(rows, row{name: bar, at: more})
		}
	}
	nameW, sizeW := 4, 4
	for _, r := range rows {
		nameW, sizeW = max(nameW, len([]rune(r.name))), max(sizeW, len(r.size))
	}
	pad := func(s string) string { return s + strings.Repeat(" ", nameW-len([]rune(s))) }
	if !f.has("n") {
		p.printf("%s MAJ:MIN RM %*s RO TYPE MOUNTPOINTS\n", pad("NAME"), sizeW, "SIZE")
	}
	for _, r := range rows {
		if r.dev == "" {
			p.printf("%s %7s    %*s         %s\n", pad(r.name), "", sizeW, "", r.at)
			continue
		}
		maj, min, _ := strings.Cut(r.dev, ":")
		p.printf("%s %3s:%-3s  0 %*s  0 %s %s\n", pad(r.name), maj, min, sizeW, r.size, r.kind, r.at)
	}
	return 0
}

// blockSize is a size as util-linux writes it: with one digit where it is not even.
func blockSize(n int64) string {
	const units = "BKMGTPE"
	x, i := float64(n), 0
	for x >= 1024 && i < len(units)-1 {
		x /= 1024
		i++
	}
	s := strconv.FormatFloat(x, 'f', 1, 64)
	return strings.TrimSuffix(s, ".0") + units[i:i+1]
}

// cmdFdisk is util-linux's fdisk -l; it writes nothing.
func cmdFdisk(p *P) int {
	opts, args, ok := p.getopt("lxb:c:o:u:t:w:s")
	if !ok {
		return p.status
	}
	if f := set(opts); !f.has("l") && !f.has("x") {
		if len(args) == 0 {
			p.errf("bad usage\nTry 'fdisk --help' for more information.")
			return 1
		}
		p.unknown("construct", "fdisk "+strings.Join(p.args, " "))
		return 1
	}
	d := p.t.Kernel().HostInfo().Disk
	all := len(args) == 0
	if all {
		args = []string{"/dev/" + d.Name}
	}
	for _, a := range args {
		fd, err := p.t.Open(a, kernel.O_RDONLY|kernel.O_CLOEXEC, 0)
		if err != nil {
			if !all {
				p.errf("cannot open %s: %s", a, text(err))
				p.status = 1
			}
			continue
		}
		st, _ := p.t.Fstat(fd)
		p.t.Close(fd)
		if st.Rdev != d.Dev() {
			continue
		}
		gib := func(n int64) string {
			s := blockSize(n)
			return s[:len(s)-1] + " " + s[len(s)-1:] + "iB"
		}
		p.printf("Disk %s: %s, %d bytes, %d sectors\n", a, gib(d.Bytes), d.Bytes, d.Bytes>>9)
		if d.Model != "" {
			p.printf("Disk model: %-16s\n", d.Model)
		}
		label := "gpt"
		if d.ID == "" {
			label = "dos"
		}
		p.printf("Units: sectors of 1 * 512 = 512 bytes\nSector size (logical/physical): 512 bytes / 512 bytes\nI/O size (minimum/optimal): 512 bytes / 512 bytes\nDisklabel type: %s\nDisk identifier: %s\n\n", label, d.ID)
		w, sw, ew, nw, zw := 6, 5, 3, 7, 4
		for _, x := range d.Parts {
			w, sw, ew = max(w, len("/dev/"+x.Name(d))), max(sw, len(strconv.FormatInt(x.Start, 10))), max(ew, len(strconv.FormatInt(x.End, 10)))
			nw, zw = max(nw, len(strconv.FormatInt(x.Sectors(), 10))), max(zw, len(blockSize(x.Sectors()<<9)))
		}
		p.printf("%-*s %*s %*s %*s %*s Type\n", w, "Device", sw, "Start", ew, "End", nw, "Sectors", zw, "Size")
		for _, x := range d.Parts {
			p.printf("%-*s %*d %*d %*d %*s %s\n", w, "/dev/"+x.Name(d), sw, x.Start, ew, x.End, nw, x.Sectors(), zw, blockSize(x.Sectors()<<9), x.Type)
		}
		if len(d.Parts) > 1 {
			p.puts("\nPartition table entries are not in disk order.\n")
		}
	}
	return p.status
}

// cmdVmstat is procps' vmstat.
func cmdVmstat(p *P) int {
	var nums []int64
	for _, a := range p.args {
		if !strings.HasPrefix(a, "-") {
			n, err := strconv.ParseInt(a, 10, 32)
			if err != nil || n < 1 {
				p.errf("failed to parse argument: %s", q(a))
				return 1
			}
			nums = append(nums, n)
		} else if a != "-n" && a != "-w" && a != "-a" && a != "-S" {
			p.unknown("option", a)
		}
	}
	delay, count := int64(0), int64(1)
	if len(nums) > 0 {
		if delay, count = nums[0], 1<<40; len(nums) > 1 {
			count = nums[1]
		}
	}
	p.puts("procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----\n r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st\n")
	for i := range count {
		if i > 0 {
			p.out.Flush()
			p.t.Sleep(time.Duration(delay) * time.Second)
		}
		m := p.t.Kernel().MemInfo()
		run := 0
		for _, t := range p.t.Processes() {
			if t.State() == "R" {
				run++
			}
		}
		r := p.t.Kernel().RandUint()
		in, cs, us := 190+r%60, 310+r>>8%120, r>>16%3
		p.printf("%2d %2d %6d %6d %6d %6d %4d %4d %5d %5d %4d %4d %2d %2d %2d %2d %2d\n", run, 0, (m.SwapTotal-m.SwapFree)>>10, m.Free>>10, m.Buffers>>10, m.Cached>>10, 0, 0, r>>24%4, 10+r>>30%40, in, cs, us, 1, 99-us, 0, 0)
	}
	return 0
}

// noSystemd says what systemd's clients say where it is not.
func (p *P) noSystemd() bool {
	if p.booted() {
		return false
	}
	p.raw("System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n")
	return true
}

// cmdHostnamectl is systemd's.
func cmdHostnamectl(p *P) int {
	if p.noSystemd() {
		return 1
	}
	for i, a := range p.args {
		if (a == "set-hostname" || a == "hostname") && i+1 < len(p.args) {
			if !p.t.Creds().Has(vfs.CapSysAdmin) {
				p.raw("Could not set static hostname: Access denied\n")
				return 1
			}
			p.t.Kernel().Host().SetHostname(p.args[i+1])
			return 0
		}
	}
	read := func(f string) string { b, _ := p.t.ReadFile(f); return strings.TrimSpace(string(b)) }
	row := func(k, v string) {
		if v != "" {
			p.printf("%17s: %s\n", k, v)
		}
	}
	row("Static hostname", read("/etc/hostname"))
	row("Icon name", "computer-vm")
	row("Chassis", "vm")
	row("Machine ID", read("/etc/machine-id"))
	row("Boot ID", strings.ReplaceAll(p.t.Kernel().HostInfo().BootID, "-", ""))
	row("Virtualization", "kvm")
	row("Operating System", osRelease(p)["PRETTY_NAME"])
	row("Kernel", "Linux "+p.t.Kernel().HostInfo().Release)
	row("Architecture", "x86-64")
	row("Hardware Vendor", read("/sys/class/dmi/id/sys_vendor"))
	row("Hardware Model", read("/sys/class/dmi/id/product_name"))
	return 0
}

// cmdTimedatectl is systemd's.
func cmdTimedatectl(p *P) int {
	if p.noSystemd() {
		return 1
	}
	if len(p.args) > 0 && p.args[0] != "status" {
		if p.args[0] != "set-timezone" && p.args[0] != "set-ntp" {
			p.unknown("option", p.args[0])
		}
		return 0
	}
	now := p.t.Now()
	p.printf("               Local time: %s\n           Universal time: %s\n                 RTC time: %s\n                Time zone: Etc/UTC (UTC, +0000)\nSystem clock synchronized: yes\n              NTP service: active\n          RTC in local TZ: no\n",
		now.In(p.zone()).Format("Mon 2006-01-02 15:04:05 MST"), now.UTC().Format("Mon 2006-01-02 15:04:05 MST"), now.UTC().Format("Mon 2006-01-02 15:04:05"))
	return 0
}

// cmdLocale is glibc's.
func cmdLocale(p *P) int {
	for _, a := range p.args {
		switch a {
		case "-a", "--all-locales":
			p.puts("C\nC.UTF-8\nPOSIX\n")
			return 0
		case "-m", "--charmaps":
			p.puts("ANSI_X3.4-1968\nUTF-8\n")
			return 0
		}
	}
	lang, all := p.t.Getenv("LANG"), p.t.Getenv("LC_ALL")
	p.printf("LANG=%s\nLANGUAGE=%s\n", lang, p.t.Getenv("LANGUAGE"))
	for _, k := range strings.Fields("CTYPE NUMERIC TIME COLLATE MONETARY MESSAGES PAPER NAME ADDRESS TELEPHONE MEASUREMENT IDENTIFICATION") {
		v, own := p.t.LookupEnv("LC_" + k)
		switch {
		case all != "":
			v, own = all, false
		case !own:
			if v = lang; v == "" {
				v = "POSIX"
			}
		}
		if !own {
			v = `"` + v + `"`
		}
		p.printf("LC_%s=%s\n", k, v)
	}
	p.printf("LC_ALL=%s\n", all)
	return 0
}

// cmdEthtool is ethtool on a paravirtual card.
func cmdEthtool(p *P) int {
	driver, dev := false, ""
	for _, a := range p.args {
		switch {
		case a == "-i" || a == "--driver":
			driver = true
		case strings.HasPrefix(a, "-"):
			p.unknown("option", a)
		default:
			dev = a
		}
	}
	if dev == "" {
		p.raw("ethtool: bad command line argument(s)\nFor more information run ethtool -h\n")
		return 1
	}
	for _, i := range p.t.NS().Net().Interfaces {
		if i.Name != dev {
			continue
		}
		if driver {
			p.printf("driver: virtio_net\nversion: 1.0.0\nfirmware-version: \nexpansion-rom-version: \nbus-info: 0000:00:03.0\nsupports-statistics: yes\nsupports-test: no\nsupports-eeprom-access: no\nsupports-register-dump: no\nsupports-priv-flags: no\n")
			return 0
		}
		p.printf("Settings for %s:\n\tSupported ports: [  ]\n\tSupported link modes:   Not reported\n\tSupported pause frame use: No\n\tSupports auto-negotiation: No\n\tSupported FEC modes: Not reported\n\tAdvertised link modes:  Not reported\n\tAdvertised pause frame use: No\n\tAdvertised auto-negotiation: No\n\tAdvertised FEC modes: Not reported\n\tSpeed: Unknown!\n\tDuplex: Unknown! (255)\n\tAuto-negotiation: off\n\tPort: Other\n\tPHYAD: 0\n\tTransceiver: internal\n\tLink detected: yes\n", dev)
		return 0
	}
	p.raw("netlink error: No such device\n")
	return 75
}

// cmdPerl tells its version; programs in Perl are told to the record and do nothing.
func cmdPerl(p *P) int {
	for _, a := range p.args {
		if a == "-v" || a == "--version" {
			v := map[string]string{"11": "v5.32.1", "12": "v5.36.0"}[osRelease(p)["VERSION_ID"]]
			if v == "" {
				v = "v5.34.0"
			}
			p.printf("\nThis is perl 5, version %s, subversion %s (%s) built for x86_64-linux-gnu-thread-multi\n\nCopyright 1987-2022, Larry Wall\n\nPerl may be copied only under the terms of either the Artistic License or the\nGNU General Public License, which may be found in the Perl 5 source kit.\n\nComplete documentation for Perl, including FAQ lists, should be found on\nthis system using \"man perl\" or \"perldoc perl\".  If you have access to the\nInternet, point your browser at http://www.perl.org/, the Perl Home Page.\n\n",
				strings.Split(v, ".")[1], strings.Split(v, ".")[2], v)
			return 0
		}
	}
	p.unknown("program", "perl "+strings.Join(p.args, " "))
	return 0
}

// rule is a line of iptables -L.
type rule struct{ target, proto, dst, rest, src, in, out, to string }

// published is a port as a docker-proxy on the host serves it.
type published struct{ proto, hostIP, hostPort, ip, port, bridge string }

// bridges are Docker's bridges on the host, the default one last, as their rules
// stand; ports are what is published.
func (p *P) bridges() (out []kernel.Interface, ports []published) {
	for _, x := range p.t.Kernel().Host().Net().List() {
		if strings.HasPrefix(x.Name, "br-") || x.Name == "docker0" {
			out = append(out, x)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Name != "docker0" && out[j].Name == "docker0" })
	seen := map[string]bool{}
	for _, t := range p.t.Kernel().Host().Tasks() {
		if t.Comm() != "docker-proxy" {
			continue
		}
		a := t.Args()
		v := map[string]string{}
		for i := 1; i+1 < len(a); i += 2 {
			v[a[i]] = a[i+1]
		}
		x := published{proto: v["-proto"], hostIP: v["-host-ip"], hostPort: v["-host-port"], ip: v["-container-ip"], port: v["-container-port"], bridge: "docker0"}
		if strings.Contains(x.hostIP, ":") || x.ip == "" || seen[x.proto+x.hostPort] {
			continue
		}
		seen[x.proto+x.hostPort] = true
		if ip, err := netip.ParseAddr(x.ip); err == nil {
			for _, b := range out {
				if b.Addr.IsValid() && b.Addr.Contains(ip) {
					x.bridge = b.Name
				}
			}
		}
		ports = append(ports, x)
	}
	return out, ports
}

// dockerChains are the chains that dockerd keeps in the filter table of the host,
// with rules for each bridge and each published port.
func (p *P) dockerChains() (names []string, chains map[string][]rule, refs map[string]int) {
	names = []string{"INPUT", "FORWARD", "OUTPUT", "DOCKER", "DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2", "DOCKER-USER"}
	chains = map[string][]rule{"FORWARD": {{target: "DOCKER-USER"}, {target: "DOCKER-ISOLATION-STAGE-1"}}, "DOCKER-USER": {{target: "RETURN"}}}
	add := func(n string, r rule) { chains[n] = append(chains[n], r) }
	l, ports := p.bridges()
	for _, b := range l {
		add("FORWARD", rule{target: "ACCEPT", out: b.Name, rest: "ctstate RELATED,ESTABLISHED"})
		add("FORWARD", rule{target: "DOCKER", out: b.Name})
		add("FORWARD", rule{target: "ACCEPT", in: b.Name, out: "!" + b.Name})
		add("FORWARD", rule{target: "ACCEPT", in: b.Name, out: b.Name})
		add("DOCKER-ISOLATION-STAGE-1", rule{target: "DOCKER-ISOLATION-STAGE-2", in: b.Name, out: "!" + b.Name})
		add("DOCKER-ISOLATION-STAGE-2", rule{target: "DROP", out: b.Name})
	}
	add("DOCKER-ISOLATION-STAGE-1", rule{target: "RETURN"})
	add("DOCKER-ISOLATION-STAGE-2", rule{target: "RETURN"})
	for _, x := range ports {
		add("DOCKER", rule{target: "ACCEPT", proto: x.proto, dst: x.ip, in: "!" + x.bridge, out: x.bridge, rest: x.proto + " dpt:" + x.port})
	}
	return names, chains, map[string]int{"DOCKER": max(1, len(l)), "DOCKER-ISOLATION-STAGE-1": 1, "DOCKER-ISOLATION-STAGE-2": max(1, len(l)), "DOCKER-USER": 1}
}

// dockerNAT are the rules of dockerd's in the nat table.
func (p *P) dockerNAT(chains map[string][]rule) {
	add := func(n string, r rule) { chains[n] = append(chains[n], r) }
	l, ports := p.bridges()
	for _, b := range l {
		if b.Addr.IsValid() {
			add("POSTROUTING", rule{target: "MASQUERADE", src: b.Addr.Masked().String(), out: "!" + b.Name})
		}
		add("DOCKER", rule{target: "RETURN", in: b.Name})
	}
	for _, x := range ports {
		add("POSTROUTING", rule{target: "MASQUERADE", proto: x.proto, src: x.ip, dst: x.ip, rest: x.proto + " dpt:" + x.port})
		r := rule{target: "DNAT", proto: x.proto, in: "!" + x.bridge, rest: x.proto + " dpt:" + x.hostPort, to: x.ip + ":" + x.port}
		if x.hostIP != "" && x.hostIP != "0.0.0.0" {
			r.dst = x.hostIP
		}
		add("DOCKER", r)
	}
}

func cmdIptables(p *P) int {
	if p.t.Creds().EUID != 0 || !p.t.Creds().Has(vfs.CapNetAdmin) {
		p.raw("iptables v1.8.7 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n\n")
		return 4
	}
	list, spec, numeric, verbose, lines := false, false, false, false, false
	table, only := "filter", ""
	for i := 0; i < len(p.args); i++ {
		a := p.args[i]
		next := func() string {
			if i+1 < len(p.args) && !strings.HasPrefix(p.args[i+1], "-") {
				i++
				return p.args[i]
			}
			return ""
		}
		switch {
		case a == "-t" || a == "--table":
			table = next()
		case a == "--list":
			list, only = true, next()
		case a == "--list-rules":
			spec, only = true, next()
		case a == "--numeric":
			numeric = true
		case a == "--line-numbers":
			lines = true
		case a == "-V" || a == "--version":
			p.puts("iptables v1.8.7 (nf_tables)\n")
			return 0
		case strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && strings.ContainsAny(a, "LS") && strings.Trim(a, "-LSnvwx") == "":
			list, spec = list || strings.Contains(a, "L"), spec || strings.Contains(a, "S")
			numeric, verbose = numeric || strings.Contains(a, "n"), verbose || strings.Contains(a, "v")
			only = next()
		case strings.Trim(a, "-nvx") == "" && len(a) > 1:
			numeric, verbose = numeric || strings.Contains(a, "n"), verbose || strings.Contains(a, "v")
		}
	}
	if !list && !spec {
		return 0
	}
	names, chains, refs := []string{"INPUT", "FORWARD", "OUTPUT"}, map[string][]rule{}, map[string]int{}
	forward := "ACCEPT"
	host := p.t.NS().Net() == p.t.Kernel().Host().Net() && p.name != "ip6tables"
	switch {
	case table == "nat":
		names = []string{"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"}
		if host {
			names = append(names, "DOCKER")
			refs["DOCKER"] = 2
			chains["PREROUTING"] = []rule{{target: "DOCKER", rest: "ADDRTYPE match dst-type LOCAL"}}
			chains["OUTPUT"] = []rule{{target: "DOCKER", dst: "!127.0.0.0/8", rest: "ADDRTYPE match dst-type LOCAL"}}
			p.dockerNAT(chains)
		}
	case host && table == "filter":
		names, chains, refs = p.dockerChains()
		forward = "DROP"
	}
	if only != "" {
		found := false
		for _, n := range names {
			found = found || n == only
		}
		if !found {
			p.raw("iptables: No chain/target/match by that name.\n")
			return 1
		}
		names = []string{only}
	}
	policy := func(n string) string {
		if n == "FORWARD" {
			return forward
		}
		return "ACCEPT"
	}
	if spec {
		for _, n := range names {
			if refs[n] > 0 {
				p.printf("-N %s\n", n)
			} else {
				p.printf("-P %s %s\n", n, policy(n))
			}
		}
		for _, n := range names {
			for _, r := range chains[n] {
				s := "-A " + n
				opt := func(flag, v string) {
					if v == "" {
						return
					}
					if strings.HasPrefix(v, "!") {
						s, v = s+" !", v[1:]
					}
					if (flag == "-s" || flag == "-d") && !strings.Contains(v, "/") {
						v += "/32"
					}
					s += " " + flag + " " + v
				}
				opt("-s", r.src)
				opt("-d", r.dst)
				opt("-i", r.in)
				opt("-o", r.out)
				opt("-p", r.proto)
				switch {
				case strings.HasPrefix(r.rest, "ctstate"):
					s += " -m conntrack --c" + r.rest[1:]
				case strings.HasPrefix(r.rest, "ADDRTYPE"):
					s += " -m addrtype --dst-type LOCAL"
				}
				if _, port, ok := strings.Cut(r.rest, "dpt:"); ok {
					s += " -m " + r.proto + " --dport " + port
				}
				if r.to != "" {
					p.printf("%s -j %s --to-destination %s\n", s, r.target, r.to)
					continue
				}
				p.printf("%s -j %s\n", s, r.target)
			}
		}
		return 0
	}
	any := "anywhere"
	if numeric {
		any = "0.0.0.0/0"
		if p.name == "ip6tables" {
			any = "::/0"
		}
	}
	for i, n := range names {
		if i > 0 {
			p.puts("\n")
		}
		count := ""
		if verbose {
			count = " 0 packets, 0 bytes"
		}
		if refs[n] > 0 {
			p.printf("Chain %s (%d references)\n", n, refs[n])
		} else {
			p.printf("Chain %s (policy %s%s)\n", n, policy(n), count)
		}
		num := ""
		if lines {
			num = "num  "
		}
		if verbose {
			p.printf("%s pkts bytes target     prot opt in     out     source               destination         \n", num)
		} else {
			p.printf("%starget     prot opt source               destination         \n", num)
		}
		for j, r := range chains[n] {
			proto, dst := r.proto, r.dst
			if proto == "" {
				proto = "all"
			}
			if dst == "" {
				dst = any
			}
			src, in, out, rest := r.src, r.in, r.out, r.rest
			if src == "" {
				src = any
			}
			if in == "" {
				in = "*"
			}
			if out == "" {
				out = "*"
			}
			if r.to != "" {
				rest += " to:" + r.to
			}
			if lines {
				p.printf("%-5d", j+1)
			}
			if verbose {
				p.printf("    0     0 %-9s  %-4s --  %-6s %-6s  %-20s %-20s%s\n", r.target, proto, in, out, src, dst, onlyWhen(rest != "", " "+rest))
				continue
			}
			p.printf("%-9s  %-4s --  %-20s %-20s%s\n", r.target, proto, src, dst, onlyWhen(rest != "", " "+rest))
		}
	}
	return 0
}
