package program

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// cmdLscpu is util-linux's lscpu: in sections on a terminal, flat elsewhere. It
// looks at /proc/cpuinfo and /sys as the original does.
func cmdLscpu(p *P) int {
	for i, a := range p.args {
		if short, _, ok := strings.Cut(a, "="); ok && len(short) == 2 { // -p=LIST
			p.args[i] = short
		}
	}
	opts, _, ok := p.getopt("abcps:exyJBHC", "all=a", "online=b", "offline=c", "extended?=e", "parse?=p", "json=J", "bytes=B", "caches?=C")
	if !ok {
		return p.status
	}
	f := set(opts)
	h := p.t.Kernel().HostInfo()
	threads, cores := h.CPU.PerSocket(h.Cores)
	if f.has("p") {
		p.puts("# The following is the parsable format, which can be fed to other\n# programs. Each different item in every column has an unique ID\n# starting usually from zero.\n# CPU,Core,Socket,Node,,L1d,L1i,L2,L3\n")
		for i := range h.Cores {
			c := i % cores
			p.printf("%d,%d,0,0,,%d,%d,%d,0\n", i, c, c, c, c)
		}
		return 0
	}
	if f.has("e") {
		p.puts("CPU NODE SOCKET CORE L1d:L1i:L2:L3 ONLINE\n")
		for i := range h.Cores {
			c := i % cores
			p.printf("%3d %4d %6d %4d %-13s %6s\n", i, 0, 0, c, fmt.Sprintf("%d:%d:%d:0", c, c, c), "yes")
		}
		return 0
	}
	if f.has("J") || f.has("C") {
		p.unknown("option", "lscpu "+strings.Join(p.args, " "))
	}
	info := map[string]string{}
	b, err := p.t.ReadFile("/proc/cpuinfo")
	if err != nil {
		p.errf("cannot open /proc/cpuinfo: %s", text(err))
		return 1
	}
	for _, l := range strings.Split(string(b), "\n") {
		if k, v, ok := strings.Cut(l, ":"); ok && info[strings.TrimSpace(k)] == "" {
			info[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	// A row is a label, its depth on a terminal, and the value; a head has none.
	type row struct {
		label string
		depth int
		value string
		head  bool
	}
	var rows []row
	add := func(depth int, label, value string) { rows = append(rows, row{label, depth, value, false}) }
	head := func(label string) { rows = append(rows, row{label: label, head: true}) }
	list := "0"
	switch {
	case h.Cores == 2:
		list = "0,1"
	case h.Cores > 2:
		list = "0-" + strconv.Itoa(h.Cores-1)
	}
	add(0, "Architecture", h.Machine)
	add(1, "CPU op-mode(s)", "32-bit, 64-bit")
	add(1, "Address sizes", info["address sizes"])
	add(1, "Byte Order", "Little Endian")
	add(0, "CPU(s)", strconv.Itoa(h.Cores))
	add(1, "On-line CPU(s) list", list)
	add(0, "Vendor ID", info["vendor_id"])
	add(1, "Model name", info["model name"])
	add(2, "CPU family", info["cpu family"])
	add(2, "Model", info["model"])
	add(2, "Thread(s) per core", strconv.Itoa(threads))
	add(2, "Core(s) per socket", strconv.Itoa(cores))
	add(2, "Socket(s)", "1")
	add(2, "Stepping", info["stepping"])
	add(2, "BogoMIPS", info["bogomips"])
	add(2, "Flags", info["flags"])
	head("Virtualization features")
	add(1, "Hypervisor vendor", "KVM")
	add(1, "Virtualization type", "full")
	head("Caches (sum of all)")
	for _, c := range []struct {
		name  string
		kb, n int
	}{{"L1d", h.CPU.L1d, cores}, {"L1i", h.CPU.L1i, cores}, {"L2", h.CPU.L2, cores}, {"L3", h.CPU.L3, 1}} {
		many := "s"
		if c.n == 1 {
			many = ""
		}
		size := blockSize(int64(c.kb*c.n) << 10)
		size = size[:len(size)-1] + " " + size[len(size)-1:] + "iB"
		if f.has("B") {
			size = strconv.Itoa(c.kb * c.n << 10)
		}
		add(1, c.name+" cache", size+fmt.Sprintf(" (%d instance%s)", c.n, many))
	}
	head("NUMA")
	add(1, "NUMA node(s)", "1")
	add(1, "NUMA node0 CPU(s)", list)
	head("Vulnerabilities")
	const dir = "/sys/devices/system/cpu/vulnerabilities"
	if ents, err := p.t.ReadDir(dir); err == nil {
		sort.Slice(ents, func(i, j int) bool { return ents[i].Name < ents[j].Name })
		for _, e := range ents {
			if e.Name == "." || e.Name == ".." {
				continue
			}
			v, err := p.t.ReadFile(dir + "/" + e.Name)
			if err != nil {
				continue
			}
			n := strings.ReplaceAll(e.Name, "_", " ")
			add(1, "Vulnerability "+strings.ToUpper(n[:1])+n[1:], strings.TrimSpace(string(v)))
		}
	}
	tree := p.t.IsTTY(1)
	var labels []string
	width := 0
	for i := range rows {
		r := &rows[i]
		l := r.label
		if tree {
			l = strings.TrimPrefix(strings.TrimSuffix(l, " cache"), "Vulnerability ")
			l = strings.Repeat("  ", r.depth) + strings.ToUpper(l[:1]) + l[1:]
		} else if r.head {
			l = ""
		}
		labels = append(labels, l)
		width = max(width, len(l)+1)
	}
	for i, r := range rows {
		if labels[i] == "" {
			continue
		}
		p.printf("%-*s %s\n", width, labels[i]+":", r.value)
	}
	return 0
}
