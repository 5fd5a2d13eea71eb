package kernel

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/vfs"
)

// CPU is the machine's processor as cpuid and the kernel's tables tell it: one
// block of facts that belong together. Zero takes a Haswell server's.
type CPU struct {
	Vendor, Model            string
	Family, Number, Stepping int
	Microcode                string
	MHz                      float64
	CacheKB                  int // of cpuinfo
	L1d, L1i, L2, L3         int // KiB; the first three of a core, L3 of a socket
	Threads                  int // of a core
	Level                    int // of cpuid
	Flags, Bugs              string
	PhysBits, VirtBits       int
	TLB                      string // of AMD's: "2560 4K pages"
}

var haswellServer = CPU{Vendor: "GenuineIntel", Model: "Intel(R) Xeon(R) CPU E5-2676 v3 @ 2.40GHz", Family: 6, Number: 63, Stepping: 2, Microcode: "0x49", MHz: 2399.998, CacheKB: 30720,
	L1d: 32, L1i: 32, L2: 256, L3: 30720, Threads: 1, Level: 13, PhysBits: 46, VirtBits: 48,
	Flags: "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx rdtscp lm constant_tsc rep_good nopl xtopology cpuid tsc_known_freq pni pclmulqdq ssse3 fma cx16 pcid sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave avx f16c rdrand hypervisor lahf_lm abm cpuid_fault invpcid_single pti fsgsbase bmi1 avx2 smep bmi2 erms invpcid xsaveopt",
	Bugs:  "cpu_meltdown spectre_v1 spectre_v2 spec_store_bypass l1tf mds swapgs itlb_multihit mmio_unknown"}

// Has tells whether a flag is set.
func (c *CPU) Has(flag string) bool { return slices.Contains(strings.Fields(c.Flags), flag) }

func (c *CPU) bug(name string) bool { return slices.Contains(strings.Fields(c.Bugs), name) }

// PerSocket gives the cores and the sockets that n processors are.
func (c *CPU) PerSocket(n int) (threads, cores int) {
	threads = max(1, c.Threads)
	if n%threads != 0 {
		threads = 1
	}
	return threads, n / threads
}

func (k *Kernel) cpuinfo() string {
	h := &k.cfg.Host
	c := &h.CPU
	threads, cores := c.PerSocket(h.Cores)
	var b strings.Builder
	for i := range h.Cores {
		// Threads of a core are half of the processors apart, as firmware numbers them.
		core := i % cores
		fmt.Fprintf(&b, "processor\t: %d\nvendor_id\t: %s\ncpu family\t: %d\nmodel\t\t: %d\nmodel name\t: %s\nstepping\t: %d\nmicrocode\t: %s\ncpu MHz\t\t: %.3f\ncache size\t: %d KB\nphysical id\t: 0\nsiblings\t: %d\ncore id\t\t: %d\ncpu cores\t: %d\napicid\t\t: %d\ninitial apicid\t: %d\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %d\nwp\t\t: yes\nflags\t\t: %s\nbugs\t\t: %s\nbogomips\t: %.2f\n",
			i, c.Vendor, c.Family, c.Number, c.Model, c.Stepping, c.Microcode, c.MHz, c.CacheKB, h.Cores, core, cores, core*threads+i/cores, core*threads+i/cores, c.Level, c.Flags, c.Bugs, math.Floor(c.MHz*200)/100)
		if c.TLB != "" {
			fmt.Fprintf(&b, "TLB size\t: %s\n", c.TLB)
		}
		fmt.Fprintf(&b, "clflush size\t: 64\ncache_alignment\t: 64\naddress sizes\t: %d bits physical, %d bits virtual\npower management:\n\n", c.PhysBits, c.VirtBits)
	}
	return b.String()
}

// vulnerabilities are the files of that directory of sysfs, as the kernel of a
// guest of a hypervisor judges the processor.
func (h *HostInfo) vulnerabilities() map[string]string {
	c := &h.CPU
	threads, _ := c.PerSocket(h.Cores)
	no := "Not affected"
	host := "Unknown: Dependent on hypervisor status"
	v := map[string]string{"gather_data_sampling": no, "itlb_multihit": no, "l1tf": no, "mds": no, "meltdown": no, "mmio_stale_data": no, "retbleed": no, "spec_rstack_overflow": no,
		"spec_store_bypass": no, "spectre_v1": no, "spectre_v2": no, "srbds": no, "tsx_async_abort": no}
	if !strings.HasPrefix(h.Release, "5.") && !strings.HasPrefix(h.Release, "6.5.") {
		v["reg_file_data_sampling"] = no
	}
	buffers := "Vulnerable: Clear CPU buffers attempted, no microcode; SMT Host state unknown"
	if c.Has("md_clear") {
		buffers = "Mitigation; Clear CPU buffers; SMT Host state unknown"
	}
	set := func(bug, file, text string) {
		if c.bug(bug) {
			v[file] = text
		}
	}
	set("cpu_meltdown", "meltdown", "Mitigation; PTI")
	set("l1tf", "l1tf", "Mitigation; PTE Inversion")
	set("itlb_multihit", "itlb_multihit", "KVM: Mitigation: VMX unsupported")
	set("mds", "mds", buffers)
	set("taa", "tsx_async_abort", buffers)
	set("mmio_stale_data", "mmio_stale_data", buffers)
	set("mmio_unknown", "mmio_stale_data", "Unknown: No mitigations")
	set("srbds", "srbds", host)
	set("gds", "gather_data_sampling", host)
	set("spectre_v1", "spectre_v1", "Mitigation; usercopy/swapgs barriers and __user pointer sanitization")
	set("spec_store_bypass", "spec_store_bypass", "Vulnerable")
	if c.Has("ssbd") || c.Has("virt_ssbd") {
		set("spec_store_bypass", "spec_store_bypass", "Mitigation; Speculative Store Bypass disabled via prctl")
	}
	amd := c.Vendor == "AuthenticAMD"
	v2, stibp, ibpb := "Retpolines", "; STIBP disabled", ""
	if c.Has("ibpb") {
		ibpb = "; IBPB conditional"
	}
	pbrsb := "; PBRSB-eIBRS Not affected"
	switch {
	case c.bug("eibrs_pbrsb"):
		v2, stibp, pbrsb = "Enhanced / Automatic IBRS", "", "; PBRSB-eIBRS SW sequence"
	case c.Has("ibrs") && !amd && c.bug("retbleed"):
		v2 = "IBRS"
	}
	set("spectre_v2", "spectre_v2", "Mitigation; "+v2+ibpb+stibp+"; RSB filling"+pbrsb)
	smt := "SMT disabled"
	if threads > 1 {
		smt = "SMT vulnerable"
	}
	switch {
	case amd:
		set("retbleed", "retbleed", "Mitigation; untrained return thunk; "+smt)
		set("srso", "spec_rstack_overflow", "Mitigation; SMT disabled")
		if threads > 1 {
			set("srso", "spec_rstack_overflow", "Vulnerable: Safe RET, no microcode")
		}
	case v2 == "IBRS":
		set("retbleed", "retbleed", "Mitigation; IBRS")
	case v2 == "Retpolines":
		set("retbleed", "retbleed", "Vulnerable")
	default:
		set("retbleed", "retbleed", "Mitigation; Enhanced IBRS")
	}
	return v
}

// sysCPU is /sys/devices/system/cpu.
func (ns *NS) sysCPU() map[string]*vfs.SynthNode {
	h := &ns.k.cfg.Host
	ro := func(s string) *vfs.SynthNode { return sfile(func() string { return s + "\n" }) }
	num := func(n int) *vfs.SynthNode { return ro(strconv.Itoa(n)) }
	threads, cores := h.CPU.PerSocket(h.Cores)
	all := h.cpuRange()
	m := map[string]*vfs.SynthNode{"online": ro(all), "possible": ro(all), "present": ro(all), "offline": ro(""), "isolated": ro(""), "kernel_max": ro("8191"), "modalias": ro(fmt.Sprintf("cpu:type:x86,ven%04Xfam%04Xmod%04X", map[bool]int{false: 0, true: 2}[h.CPU.Vendor == "AuthenticAMD"], h.CPU.Family, h.CPU.Number)),
		"smt": sdir(map[string]*vfs.SynthNode{"active": num(min(1, threads-1)), "control": ro(map[bool]string{false: "notsupported", true: "on"}[threads > 1])})}
	vul := map[string]*vfs.SynthNode{}
	for n, s := range h.vulnerabilities() {
		vul[n] = ro(s)
	}
	m["vulnerabilities"] = sdir(vul)
	for i := range h.Cores {
		sib := strconv.Itoa(i)
		if threads > 1 {
			var l []string
			for t := range threads {
				l = append(l, strconv.Itoa(i%cores+t*cores))
			}
			sib = strings.Join(l, ",")
			if cores == 1 {
				sib = all
			}
		}
		mask := uint64(0)
		for t := range threads {
			mask |= 1 << (uint(i%cores+t*cores) & 63)
		}
		cache := map[string]*vfs.SynthNode{}
		for j, c := range []struct {
			level int
			typ   string
			kb    int
		}{{1, "Data", h.CPU.L1d}, {1, "Instruction", h.CPU.L1i}, {2, "Unified", h.CPU.L2}, {3, "Unified", h.CPU.L3}} {
			if c.kb == 0 {
				continue
			}
			of := sib
			if c.level == 3 {
				of = all
			}
			cache["index"+strconv.Itoa(j)] = sdir(map[string]*vfs.SynthNode{"level": num(c.level), "type": ro(c.typ), "size": ro(strconv.Itoa(c.kb) + "K"), "coherency_line_size": ro("64"), "shared_cpu_list": ro(of)})
		}
		m["cpu"+strconv.Itoa(i)] = sdir(map[string]*vfs.SynthNode{"cache": sdir(cache), "topology": sdir(map[string]*vfs.SynthNode{"core_id": num(i % cores), "physical_package_id": ro("0"), "die_id": ro("0"),
			"thread_siblings_list": ro(sib), "core_cpus_list": ro(sib), "core_siblings_list": ro(all), "package_cpus_list": ro(all), "thread_siblings": ro(fmt.Sprintf("%x", mask))})})
	}
	return m
}

// cpuRange is the list of the processors as the kernel writes it.
func (h *HostInfo) cpuRange() string {
	if h.Cores < 2 {
		return "0"
	}
	return "0-" + strconv.Itoa(h.Cores-1)
}

// draw gives a number below 1 that is the machine's own: the same at each look.
func (k *Kernel) draw(what ...uint64) float64 {
	s := k.seed
	for _, w := range what {
		s = mix(s ^ w*0x9e3779b97f4a7c15)
	}
	return float64(s>>11) / (1 << 53)
}

// cpuTicks is a line of /proc/stat, in hundredths of a second.
type cpuTicks struct{ user, nice, system, idle, iowait, irq, softirq, steal int64 }

func (a *cpuTicks) add(b cpuTicks) {
	a.user, a.nice, a.system, a.idle = a.user+b.user, a.nice+b.nice, a.system+b.system, a.idle+b.idle
	a.iowait, a.irq, a.softirq, a.steal = a.iowait+b.iowait, a.irq+b.irq, a.softirq+b.softirq, a.steal+b.steal
}

// cpuTicks gives what each processor did since boot: what machines like this do at
// rest, and what the world's processes did.
func (k *Kernel) cpuTicks() []cpuTicks {
	h := &k.cfg.Host
	up := k.Now().Sub(h.Boot).Seconds() * 100
	own := float64(k.busy.Load()) / 1e4
	out := make([]cpuTicks, h.Cores)
	rest := own
	for i := range out {
		n := uint64(i)
		part := func(field uint64, of float64) int64 { return int64(up * of * (0.6 + 0.8*k.draw(n, field))) }
		t := cpuTicks{user: part(1, 1.0/80), nice: part(2, 1.0/9000), system: part(3, 1.0/150), iowait: part(4, 1.0/1100), softirq: part(6, 1.0/3000), steal: part(7, 1.0/2200)}
		mine := own / float64(h.Cores) * (0.7 + 0.6*k.draw(n, 8))
		if mine = min(mine, rest); i == h.Cores-1 {
			mine = rest
		}
		rest -= mine
		t.user += int64(mine * 0.82)
		t.system += int64(mine * 0.18)
		t.idle = max(0, int64(up)-t.user-t.nice-t.system-t.iowait-t.softirq-t.steal)
		out[i] = t
	}
	return out
}

func (k *Kernel) procStat() string {
	h := &k.cfg.Host
	up := int64(k.Now().Sub(h.Boot).Seconds() * 100)
	var b strings.Builder
	each := k.cpuTicks()
	var all cpuTicks
	for _, c := range each {
		all.add(c)
	}
	line := func(name string, c cpuTicks) {
		fmt.Fprintf(&b, "%s %d %d %d %d %d %d %d %d 0 0\n", name, c.user, c.nice, c.system, c.idle, c.iowait, c.irq, c.softirq, c.steal)
	}
	line("cpu ", all)
	for i, c := range each {
		line("cpu"+strconv.Itoa(i), c)
	}
	irqs := k.interrupts()
	var total int64
	for _, q := range irqs {
		for _, n := range q.per {
			total += n
		}
	}
	soft, per := int64(0), ""
	for _, s := range k.softirqs() {
		n := int64(0)
		for _, x := range s.per {
			n += x
		}
		soft += n
		per += " " + strconv.FormatInt(n, 10)
	}
	run := k.running()
	fmt.Fprintf(&b, "intr %d", total)
	for _, q := range irqs {
		if _, err := strconv.Atoi(q.name); err == nil {
			n := int64(0)
			for _, x := range q.per {
				n += x
			}
			fmt.Fprintf(&b, " %d", n)
		}
	}
	fmt.Fprintf(&b, "%s\nctxt %d\nbtime %d\nprocesses %d\nprocs_running %d\nprocs_blocked 0\nsoftirq %d%s\n", strings.Repeat(" 0", 40), up*57*int64(h.Cores)/4, h.Boot.Unix(), int64(k.cfg.Host.FirstPID)+k.forks.Load()+120, run, soft, per)
	return b.String()
}

// irq is a line of /proc/interrupts or /proc/softirqs.
type irq struct {
	name, tail string
	per        []int64
}

func (k *Kernel) perCPU(name, tail string, rate float64, only int) irq {
	h := &k.cfg.Host
	up := k.Now().Sub(h.Boot).Seconds()
	q := irq{name: name, tail: tail, per: make([]int64, h.Cores)}
	s := uint64(0)
	for _, c := range []byte(name) {
		s = s*131 + uint64(c)
	}
	for i := range q.per {
		switch {
		case only >= 0 && only%h.Cores != i:
		case rate < 0: // since boot, and no more
			q.per[i] = int64(-rate)
		default:
			q.per[i] = int64(up * rate * (0.5 + k.draw(s, uint64(i))))
		}
	}
	return q
}

func (k *Kernel) interrupts() []irq {
	h := &k.cfg.Host
	l := []irq{k.perCPU("0", "   IO-APIC   2-edge      timer", -33, 0), k.perCPU("1", "   IO-APIC   1-edge      i8042", -9, 1), k.perCPU("4", "   IO-APIC   4-edge      ttyS0", -764, 2),
		k.perCPU("6", "   IO-APIC   6-edge      floppy", -2, 3), k.perCPU("8", "   IO-APIC   8-edge      rtc0", -1, 1), k.perCPU("9", "   IO-APIC   9-fasteoi   acpi", 0, 0), k.perCPU("12", "   IO-APIC  12-edge      i8042", -15, 0)}
	msi := "   PCI-MSI "
	n := 24
	dev := func(at int, name string, rate float64, only int) {
		l = append(l, k.perCPU(strconv.Itoa(n), msi+strconv.Itoa(at)+"-edge      "+name, rate, only))
		n++
	}
	switch h.Disk.Major() {
	case 259:
		dev(65536, "nvme0q0", -27, 0)
		for i := range min(h.Cores, 2) {
			dev(65537+i, "nvme0q"+strconv.Itoa(i+1), 0.8, i)
		}
		dev(81920, "ena-mgmnt@pci:0000:00:05.0", 0, 0)
		for i := range min(h.Cores, 2) {
			dev(81921+i, "ens5-Tx-Rx-"+strconv.Itoa(i), 2.1, i+1)
		}
	default:
		dev(49152, "virtio0-config", 0, 0)
		dev(49153, "virtio0-input.0", 2.3, 1)
		dev(49154, "virtio0-output.0", 0.02, 0)
		dev(65536, "virtio1-config", 0, 0)
		dev(65537, map[bool]string{true: "virtio1-req.0", false: "virtio1-request"}[h.Disk.Major() == 252], 0.9, 1)
	}
	for _, x := range []struct {
		name, tail string
		rate       float64
	}{{"NMI", "   Non-maskable interrupts", 0}, {"LOC", "   Local timer interrupts", 21}, {"SPU", "   Spurious interrupts", 0}, {"PMI", "   Performance monitoring interrupts", 0}, {"IWI", "   IRQ work interrupts", 0.0002},
		{"RTR", "   APIC ICR read retries", 0}, {"RES", "   Rescheduling interrupts", 0.9}, {"CAL", "   Function call interrupts", 1.4}, {"TLB", "   TLB shootdowns", 0.3}, {"TRM", "   Thermal event interrupts", 0}, {"THR", "   Threshold APIC interrupts", 0},
		{"DFR", "   Deferred Error APIC interrupts", 0}, {"MCE", "   Machine check exceptions", 0}, {"MCP", "   Machine check polls", 0.0033}, {"HYP", "   Hypervisor callback interrupts", -1}} {
		l = append(l, k.perCPU(x.name, x.tail, x.rate, -1))
	}
	return l
}

func (k *Kernel) softirqs() (l []irq) {
	for _, x := range []struct {
		name string
		rate float64
	}{{"HI", 0.0001}, {"TIMER", 7}, {"NET_TX", 0.002}, {"NET_RX", 2.2}, {"BLOCK", 0.8}, {"IRQ_POLL", 0}, {"TASKLET", 0.01}, {"SCHED", 12}, {"HRTIMER", 0.0001}, {"RCU", 9}} {
		l = append(l, k.perCPU(x.name, "", x.rate, -1))
	}
	return l
}

// row writes a line of the two tables, its name in so many columns.
func (q irq) row(b *strings.Builder, width int) {
	fmt.Fprintf(b, "%*s:", width, q.name)
	for _, n := range q.per {
		fmt.Fprintf(b, " %10d", n)
	}
	b.WriteString(q.tail + "\n")
}

func (k *Kernel) procInterrupts() string {
	var b strings.Builder
	b.WriteString("     ")
	for i := range k.cfg.Host.Cores {
		fmt.Fprintf(&b, "      %-5s", "CPU"+strconv.Itoa(i))
	}
	b.WriteString("\n")
	for _, q := range k.interrupts() {
		q.row(&b, 4)
	}
	b.WriteString(" ERR:          0\n MIS:          0\n PIN: ")
	b.WriteString(strings.Repeat("         0 ", k.cfg.Host.Cores) + "  Posted-interrupt notification event\n")
	return b.String()
}

func (k *Kernel) procSoftirqs() string {
	var b strings.Builder
	b.WriteString("                    ")
	for i := range k.cfg.Host.Cores {
		fmt.Fprintf(&b, "%-11s", "CPU"+strconv.Itoa(i))
	}
	b.WriteString("\n")
	for _, q := range k.softirqs() {
		q.row(&b, 12)
	}
	return b.String()
}

// damped is an average over the last minutes that fades as avenrun does.
type damped struct {
	last time.Time
	avg  [3]float64
}

var loadSpans = [3]float64{60, 300, 900}

// worked adds processor time that the world's processes wanted, over the time
// that has just gone by.
func (k *Kernel) worked(now time.Time, d time.Duration) {
	k.busy.Add(d.Microseconds())
	k.loadMu.Lock()
	defer k.loadMu.Unlock()
	k.fade(now)
	for i, span := range loadSpans {
		k.load.avg[i] += d.Seconds() / span
	}
}

func (k *Kernel) fade(now time.Time) {
	if dt := now.Sub(k.load.last).Seconds(); dt > 0 {
		for i, span := range loadSpans {
			k.load.avg[i] *= math.Exp(-dt / span)
		}
		k.load.last = now
	}
}

// Load gives the averages of the run queue over 1, 5 and 15 minutes: those of a
// machine with little to do, and what the world's processes did.
func (k *Kernel) Load() (l [3]float64) {
	now := k.Now()
	k.loadMu.Lock()
	k.fade(now)
	l = k.load.avg
	k.loadMu.Unlock()
	// Every five seconds the scheduler counts who runs, the youngest count first.
	tick := now.Unix() / 5
	for i, span := range loadSpans {
		f := math.Exp(-5 / span)
		w := 1 - f
		for n := range int64(min(720, int(span*4/5))) {
			s := uint64(tick - n)
			// Busier and calmer quarters of an hour.
			p := k.cfg.Host.Load[0] * (0.25 + 1.5*k.draw(s/180, 91))
			x := k.draw(s, 90)
			switch {
			case x < p/6:
				l[i] += 2 * w
			case x < p:
				l[i] += w
			}
			w *= f
		}
	}
	return l
}

// running counts the tasks that are on a processor.
func (k *Kernel) running() (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range k.tasks {
		if t.stateLetter() == "R" {
			n++
		}
	}
	return max(1, n)
}

// sysDMI is /sys/class/dmi/id; serial numbers are root's to read.
func (ns *NS) sysDMI() *vfs.SynthNode {
	m := map[string]*vfs.SynthNode{}
	for n, s := range ns.k.cfg.Host.DMI {
		m[n] = sfile(func() string { return s + "\n" })
		if strings.HasSuffix(n, "_serial") || strings.HasSuffix(n, "_uuid") {
			m[n].Mode = vfs.S_IFREG | 0o400
		}
	}
	return sdir(m)
}

// BusyAndIdle gives the time of all processors since boot, in the steps that
// /proc/stat has.
func (k *Kernel) BusyAndIdle() time.Duration {
	n := int64(0)
	for _, c := range k.cpuTicks() {
		n += c.user + c.nice + c.system + c.idle + c.iowait + c.irq + c.softirq
	}
	return time.Duration(n) * 10 * time.Millisecond
}

// CPUPercent gives how the processors spent their time since boot: user, system,
// nice, idle, waiting, interrupts, soft ones, stolen.
func (k *Kernel) CPUPercent() (p [8]float64) {
	var all cpuTicks
	for _, c := range k.cpuTicks() {
		all.add(c)
	}
	sum := 0.0
	for i, n := range [...]int64{all.user, all.system, all.nice, all.idle, all.iowait, all.irq, all.softirq, all.steal} {
		p[i] = float64(n)
		sum += p[i]
	}
	for i := range p {
		p[i] *= 100 / max(1, sum)
	}
	return p
}
