package kernel

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/whalefall/whalefall/internal/vfs"
)

func sfile(f func() string) *vfs.SynthNode {
	return &vfs.SynthNode{Read: func(*vfs.Context) ([]byte, error) { return []byte(f()), nil }}
}

func sdir(kids map[string]*vfs.SynthNode) *vfs.SynthNode {
	if kids == nil {
		kids = map[string]*vfs.SynthNode{}
	}
	return &vfs.SynthNode{Kids: kids}
}

func caller(c *vfs.Context) *Task {
	if c == nil {
		return nil
	}
	t, _ := c.Caller.(*Task)
	return t
}

// newProc makes procfs as proc(5) has it, for the pid namespace of ns.
func (ns *NS) newProc() vfs.Filesystem {
	k := ns.k
	h := &k.cfg.Host
	self := &vfs.SynthNode{Link_: func(c *vfs.Context) (string, error) {
		t := caller(c)
		if t == nil || ns.pidns.see(t) == 0 {
			return "", vfs.ENOENT
		}
		return strconv.Itoa(ns.pidns.see(t)), nil
	}}
	ofSelf := func(rest string) *vfs.SynthNode {
		return &vfs.SynthNode{Link_: func(*vfs.Context) (string, error) { return "self/" + rest, nil }}
	}
	kids := map[string]*vfs.SynthNode{
		"self":        self,
		"thread-self": self,
		"mounts":      ofSelf("mounts"),
		"net":         ofSelf("net"),
		"cpuinfo":     sfile(k.cpuinfo),
		"meminfo":     sfile(k.meminfo),
		"uptime": sfile(func() string {
			idle := int64(0)
			for _, c := range k.cpuTicks() {
				idle += c.idle
			}
			return fmt.Sprintf("%.2f %d.%02d\n", k.Now().Sub(h.Boot).Seconds(), idle/100, idle%100)
		}),
		"loadavg": sfile(func() string {
			l := k.Load()
			return fmt.Sprintf("%.2f %.2f %.2f %d/%d %d\n", l[0], l[1], l[2], k.running(), k.threads(), ns.pidns.last(k))
		}),
		"version": sfile(func() string {
			v := h.ProcVer
			if v == "" {
				v = "(buildd@lcy02-amd64-032) (gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0, GNU ld (GNU Binutils for Ubuntu) 2.38)"
			}
			return "Linux version " + h.Release + " " + v + " " + h.Version + "\n"
		}),
		"cmdline": sfile(func() string { return h.Cmdline + "\n" }),
		"stat":    sfile(k.procStat),
		"filesystems": sfile(func() string {
			return "nodev\tsysfs\nnodev\ttmpfs\nnodev\tbdev\nnodev\tproc\nnodev\tcgroup\nnodev\tcgroup2\nnodev\tcpuset\nnodev\tdevtmpfs\nnodev\tdebugfs\nnodev\ttracefs\nnodev\tsecurityfs\nnodev\tsockfs\nnodev\tbpf\nnodev\tpipefs\nnodev\tramfs\nnodev\thugetlbfs\nnodev\tdevpts\n\text3\n\text2\n\text4\n\tsquashfs\n\tvfat\nnodev\tecryptfs\n\tfuseblk\nnodev\tfuse\nnodev\tfusectl\nnodev\tmqueue\nnodev\tpstore\nnodev\toverlay\n"
		}),
		"modules": sfile(k.procModules),
		"devices": sfile(func() string {
			return "Character devices:\n  1 mem\n  4 /dev/vc/0\n  4 tty\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n 10 misc\n136 pts\n\nBlock devices:\n  7 loop\n  8 sd\n252 virtblk\n259 blkext\n"
		}),
		"partitions": sfile(h.Disk.procPartitions),
		"swaps": sfile(func() string {
			s := "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
			if h.Swap > 0 {
				s += fmt.Sprintf("%-40sfile\t\t%d\t\t%d\t\t%d\n", "/swapfile", h.Swap>>10, 0, -2)
			}
			return s
		}),
		"diskstats": sfile(k.procDiskstats),
		"crypto": sfile(func() string {
			return "name         : sha256\ndriver       : sha256-generic\nmodule       : kernel\npriority     : 100\nrefcnt       : 1\nselftest     : passed\ninternal     : no\ntype         : shash\nblocksize    : 64\ndigestsize   : 32\n\n"
		}),
		"kcore": {Mode: vfs.S_IFREG | 0o400, Size: 140737471590400, Read: func(*vfs.Context) ([]byte, error) { return nil, vfs.EPERM }},
		"kmsg": {Mode: vfs.S_IFREG | 0o400, Read: func(c *vfs.Context) ([]byte, error) {
			if c.Cred != nil && !c.Cred.Has(vfs.CapSyslog) && !c.Cred.Has(vfs.CapSysAdmin) {
				return nil, vfs.EPERM
			}
			return nil, nil
		}},
		"kallsyms":      sfile(func() string { return "0000000000000000 A fixed_percpu_data\n0000000000000000 A __per_cpu_start\n" }),
		"sysrq-trigger": {Mode: vfs.S_IFREG | 0o200, Write: func(*vfs.Context, []byte) error { return nil }},
		"interrupts":    sfile(k.procInterrupts),
		"softirqs":      sfile(k.procSoftirqs),
		"vmstat": sfile(func() string {
			return "nr_free_pages 183021\nnr_zone_inactive_anon 310\npgpgin 1550117\npgpgout 2561721\npgfault 93120214\npgmajfault 5221\n"
		}),
		"cgroups": sfile(func() string {
			return "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t0\t75\t1\ncpu\t0\t75\t1\ncpuacct\t0\t75\t1\nblkio\t0\t75\t1\nmemory\t0\t75\t1\ndevices\t0\t75\t1\nfreezer\t0\t75\t1\nnet_cls\t0\t75\t1\nperf_event\t0\t75\t1\nnet_prio\t0\t75\t1\nhugetlb\t0\t75\t1\npids\t0\t75\t1\nrdma\t0\t75\t1\nmisc\t0\t75\t1\n"
		}),
		"sys": ns.procSys(),
	}
	// What is there and holds little that anybody reads.
	for n, text := range map[string]string{"buddyinfo": "Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      1      3 \n", "consoles": "tty1                 -WU (EC p  )    4:1\nttyS0                -W- (E  p a)    4:64\n", "dma": " 4: cascade\n",
		"execdomains": "0-0\tLinux           \t[kernel]\n", "iomem": "00000000-00000000 : Reserved\n", "ioports": "0000-0000 : PCI Bus 0000:00\n", "key-users": "    0:    94 93/93 90/1000000 1799/25000000\n", "keys": "", "locks": "", "misc": "235 autofs\n229 fuse\n 58 device-mapper\n",
		"mdstat": "Personalities : \nunused devices: <none>\n", "timer_list": "Timer List Version: v0.9\n", "zoneinfo": "Node 0, zone      DMA\n"} {
		kids[n] = sfile(func() string { return text })
	}
	for n, sub := range map[string][]string{"acpi": nil, "bus": {"input", "pci"}, "driver": nil, "fs": {"ext4", "jbd2"}, "irq": {"0", "1", "2"}, "scsi": nil, "sysvipc": nil, "tty": {"driver"}, "pressure": nil} {
		d := map[string]*vfs.SynthNode{}
		for _, x := range sub {
			d[x] = sdir(nil)
		}
		kids[n] = sdir(d)
	}
	root := &vfs.SynthNode{
		Mode: vfs.S_IFDIR | 0o555, Number: 1, Kids: kids,
		Find: func(_ *vfs.Context, name string) *vfs.SynthNode {
			pid, err := strconv.Atoi(name)
			if err != nil || strconv.Itoa(pid) != name {
				return nil
			}
			k.mu.Lock()
			t := ns.pidns.tasks[pid]
			k.mu.Unlock()
			if t == nil {
				return nil
			}
			return ns.procDir(t, pid)
		},
		List: func(*vfs.Context) []vfs.DirEntry {
			var out []vfs.DirEntry
			for _, t := range ns.pidns.list(k) {
				pid := t.pids[ns.pidns.level]
				out = append(out, vfs.DirEntry{Name: strconv.Itoa(pid), Ino: uint64(pid)<<16 | 1, Type: vfs.S_IFDIR})
			}
			return out
		},
	}
	return &procfs{ns.dated(vfs.NewSynth("proc", 0x9fa0, root)), ns.pidns}
}

// dated gives a filesystem the kernel's clock: the host's was made at boot, a
// container's with it.
func (ns *NS) dated(s *vfs.Synth) *vfs.Synth {
	s.Now, s.Born = ns.k.nowNS, ns.k.nowNS()
	if ns.cfg.Parent == nil {
		s.Born = ns.k.cfg.Host.Boot.UnixNano()
	}
	return s
}

// threads counts what the scheduler knows.
func (k *Kernel) threads() (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range k.tasks {
		n += t.Threads()
	}
	return n
}

// MemInfo is what meminfo and sysinfo(2) show, in bytes.
type MemInfo struct {
	Total, Free, Available, Buffers, Cached, Shared, SwapTotal, SwapFree int64
}

// MemInfo gives the host's memory.
func (k *Kernel) MemInfo() MemInfo {
	h := &k.cfg.Host
	total := h.Memory
	used := h.MemUsed
	if used == 0 {
		used = total / 5
	}
	used += k.mem.Load()
	// A slow wave, so that two looks differ.
	wave := k.Now().Unix() / 7 % 97 * 4096 * 13
	const page = 4096 - 1
	cached := total * 2 / 5 &^ page
	buffers := total / 50 &^ page
	huge := k.hugePages() << 21
	free := max(total/50, total-used-cached-buffers-wave-huge) &^ page
	return MemInfo{Total: total, Free: free, Available: min(total, free+cached*9/10&^page), Buffers: buffers, Cached: cached, Shared: total / 800 &^ page, SwapTotal: h.Swap, SwapFree: h.Swap}
}

// hugePages is vm.nr_hugepages, as far as there is memory for them.
func (k *Kernel) hugePages() int64 {
	k.mu.Lock()
	n, _ := strconv.ParseInt(strings.TrimSpace(k.sysctl["vm.nr_hugepages"]), 10, 64)
	k.mu.Unlock()
	return max(0, min(n, k.cfg.Host.Memory*3/5>>21))
}

func (k *Kernel) meminfo() string {
	m := k.MemInfo()
	var b strings.Builder
	w := func(name string, v int64) { fmt.Fprintf(&b, "%-15s %8d kB\n", name+":", v>>12<<2) }
	huge := k.hugePages()
	anon := max(m.Total/100, m.Total-m.Free-m.Buffers-m.Cached-m.Total/25-m.Total/90-huge<<21)
	file := m.Cached + m.Buffers - m.Shared - 4<<20
	w("MemTotal", m.Total)
	w("MemFree", m.Free)
	w("MemAvailable", m.Available)
	w("Buffers", m.Buffers)
	w("Cached", m.Cached)
	w("SwapCached", 0)
	active, young := m.Shared/2>>12<<12, file*2/5>>12<<12
	w("Active", active+young)
	w("Inactive", anon+file-young)
	w("Active(anon)", active)
	w("Inactive(anon)", anon)
	w("Active(file)", young)
	w("Inactive(file)", file-young)
	w("Unevictable", 27<<20)
	w("Mlocked", 27<<20)
	w("SwapTotal", m.SwapTotal)
	w("SwapFree", m.SwapFree)
	if !strings.HasPrefix(k.cfg.Host.Release, "5.") {
		w("Zswap", 0)
		w("Zswapped", 0)
	}
	w("Dirty", 96<<10+int64(k.draw(uint64(k.Now().Unix()/5), 17)*900)<<12)
	w("Writeback", 0)
	w("AnonPages", anon)
	w("Mapped", m.Total/20)
	w("Shmem", m.Shared)
	w("KReclaimable", m.Total/40)
	w("Slab", m.Total/40>>12<<12+m.Total/66)
	w("SReclaimable", m.Total/40)
	w("SUnreclaim", m.Total/66)
	w("KernelStack", int64(k.threads())*16<<10)
	w("PageTables", int64(k.threads())*44<<10)
	w("NFS_Unstable", 0)
	w("Bounce", 0)
	w("WritebackTmp", 0)
	w("CommitLimit", (m.Total-huge<<21)/2+m.SwapTotal)
	w("Committed_AS", anon*2)
	b.WriteString("VmallocTotal:   34359738367 kB\n")
	w("VmallocUsed", 18<<20)
	w("VmallocChunk", 0)
	w("Percpu", int64(k.cfg.Host.Cores)*1340<<10)
	w("HardwareCorrupted", 0)
	for _, n := range []string{"AnonHugePages", "ShmemHugePages", "ShmemPmdMapped", "FileHugePages", "FilePmdMapped"} {
		w(n, 0)
	}
	fmt.Fprintf(&b, "HugePages_Total:   %5d\nHugePages_Free:    %5d\nHugePages_Rsvd:        0\nHugePages_Surp:        0\nHugepagesize:       2048 kB\nHugetlb:        %8d kB\n", huge, huge, huge<<11)
	small := 180<<20 + int64(k.seed%40)<<21
	w("DirectMap4k", small)
	w("DirectMap2M", (m.Total+160<<20-small)>>21<<21)
	return b.String()
}

func (k *Kernel) jiffies(t *Task) int64 {
	return int64(t.start.Sub(k.cfg.Host.Boot).Seconds() * 100)
}

func (t *Task) stateLetter() string {
	switch {
	case t.state.Load() == int32(stateZombie):
		return "Z"
	case t.stopped:
		return "T"
	case t.res != nil && t.res.Idle:
		return "I"
	case t.state.Load() == int32(stateSleeping):
		return "S"
	}
	return "R"
}

// State gives ps's letter: R, S, T, Z, I. Any goroutine may call it.
func (t *Task) State() string {
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	return t.stateLetter()
}

// Memory gives the bytes a process seems to hold: virtual and resident.
func (t *Task) Memory() (vsz, rss int64) {
	switch r := t.res; {
	case r == nil:
	case r.Argv == nil:
		return 0, 0
	case r.VSZ != 0:
		c := *r
		c.Started = t.start
		return r.VSZ, c.Held(t.k.Now(), uint64(t.pids[0]))
	}
	t.mu.Lock()
	m := t.mem
	base := int64(mix(uint64(len(t.comm))*31+uint64(len(t.exe)))%2000) << 12
	t.mu.Unlock()
	return 4<<20 + base*2 + m, 1<<20 + base/2 + m
}

// procDir makes /proc/PID.
func (ns *NS) procDir(t *Task, pid int) *vfs.SynthNode {
	k := ns.k
	pn := ns.pidns
	cr := t.Creds()
	num := func(i uint64) uint64 { return uint64(pid)<<16 | i }
	may := func(c *vfs.Context) bool {
		w := caller(c)
		if w == nil || w == t {
			return true
		}
		o := w.Creds()
		return o.Has(vfs.CapSysPtrace) && pn.see(w) != 0 || o.EUID == cr.EUID && o.Caps&cr.Caps == cr.Caps
	}
	file := func(f func() string) *vfs.SynthNode { return sfile(f) }
	jump := func(get func() *vfs.Path) *vfs.SynthNode {
		return &vfs.SynthNode{Jump: func(c *vfs.Context) (*vfs.Path, error) {
			if !may(c) {
				return nil, vfs.EACCES
			}
			if p := get(); p != nil {
				return p, nil
			}
			return nil, vfs.ENOENT
		}}
	}
	mounts := func(style int) func() string { return func() string { return t.mountTable(style) } }
	kids := map[string]*vfs.SynthNode{
		"cmdline": file(func() string {
			if t.Zombie() || t.Thread() {
				return ""
			}
			return strings.Join(t.Args(), "\x00") + "\x00"
		}),
		"comm": {Mode: vfs.S_IFREG | 0o644, Read: func(*vfs.Context) ([]byte, error) { return []byte(t.Comm() + "\n"), nil },
			Write: func(_ *vfs.Context, p []byte) error { t.SetComm(strings.TrimRight(string(p), "\n")); return nil }},
		"environ": {Mode: vfs.S_IFREG | 0o400, Read: func(c *vfs.Context) ([]byte, error) {
			if !may(c) {
				return nil, vfs.EACCES
			}
			return []byte(strings.Join(t.Env(), "\x00") + "\x00"), nil
		}},
		"stat":   file(func() string { return t.procStat(pn) }),
		"statm":  file(func() string { v, r := t.Memory(); return fmt.Sprintf("%d %d %d 200 0 100 0\n", v>>12, r>>12, r>>13) }),
		"status": file(func() string { return t.procStatus(pn) }),
		"exe": jump(func() *vfs.Path {
			t.mu.Lock()
			defer t.mu.Unlock()
			return t.exePath
		}),
		"cwd":        jump(func() *vfs.Path { t.mu.Lock(); defer t.mu.Unlock(); return t.cwd }),
		"root":       jump(func() *vfs.Path { t.mu.Lock(); defer t.mu.Unlock(); return t.root }),
		"mounts":     file(mounts(0)),
		"mountinfo":  file(mounts(1)),
		"mountstats": file(mounts(2)),
		"cgroup": file(func() string {
			g := t.ns.cfg.Cgroup
			if t.res != nil && t.res.Cgroup != "" {
				g = t.res.Cgroup
			}
			if g == "" || t.Thread() {
				g = "/"
			}
			return "0::" + g + "\n"
		}),
		"maps":   file(func() string { return t.procMaps() }),
		"smaps":  file(func() string { return t.procMaps() }),
		"limits": file(func() string { return t.procLimits() }),
		"io": file(func() string {
			return "rchar: 1948\nwchar: 0\nsyscr: 7\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n"
		}),
		"loginuid":      {Mode: vfs.S_IFREG | 0o644, Read: func(*vfs.Context) ([]byte, error) { return []byte("4294967295"), nil }, Write: func(*vfs.Context, []byte) error { return nil }},
		"oom_score":     file(func() string { return "666\n" }),
		"oom_score_adj": {Mode: vfs.S_IFREG | 0o644, Read: func(*vfs.Context) ([]byte, error) { return []byte("0\n"), nil }, Write: func(*vfs.Context, []byte) error { return nil }},
		"oom_adj":       {Mode: vfs.S_IFREG | 0o644, Read: func(*vfs.Context) ([]byte, error) { return []byte("0\n"), nil }, Write: func(*vfs.Context, []byte) error { return nil }},
		"sessionid":     file(func() string { return "4294967295" }),
		"schedstat": file(func() string {
			w := t.CPUTime()
			return fmt.Sprintf("%d %d %d\n", w.Nanoseconds(), w.Nanoseconds()/90, w.Microseconds()/700+1)
		}),
		"auxv":            {Mode: vfs.S_IFREG | 0o400, Read: func(*vfs.Context) ([]byte, error) { return t.auxv(), nil }},
		"syscall":         {Mode: vfs.S_IFREG | 0o400, Read: func(*vfs.Context) ([]byte, error) { return []byte(t.inSyscall()), nil }},
		"autogroup":       file(func() string { return fmt.Sprintf("/autogroup-%d nice 0\n", 20+t.session.pids[0]%500) }),
		"coredump_filter": file(func() string { return "00000033\n" }), "personality": {Mode: vfs.S_IFREG | 0o400, Read: func(*vfs.Context) ([]byte, error) { return []byte("00000000\n"), nil }},
		"cpuset": file(func() string { return "/\n" }), "cpu_resctrl_groups": file(func() string { return "res:\nmon:\n" }), "arch_status": file(func() string { return "AVX512_elapsed_ms:\t-1\n" }),
		"timerslack_ns": file(func() string { return "50000\n" }), "timens_offsets": file(func() string { return "monotonic           0         0\nboottime            0         0\n" }), "timers": file(func() string { return "" }),
		"numa_maps": file(func() string { return "" }), "projid_map": file(func() string { return "" }), "patch_state": file(func() string { return "-1\n" }), "smaps_rollup": file(func() string { return t.procMaps() }),
		"stack": {Mode: vfs.S_IFREG | 0o400, Read: func(*vfs.Context) ([]byte, error) { return nil, nil }}, "pagemap": {Mode: vfs.S_IFREG | 0o400, Read: func(*vfs.Context) ([]byte, error) { return nil, nil }},
		"mem": {Mode: vfs.S_IFREG | 0o600, Read: func(*vfs.Context) ([]byte, error) { return nil, vfs.EIO }}, "clear_refs": {Mode: vfs.S_IFREG | 0o200, Write: func(*vfs.Context, []byte) error { return nil }}, "map_files": {Mode: vfs.S_IFDIR | 0o500, Kids: map[string]*vfs.SynthNode{}},
		"wchan":     file(func() string { return "0" }),
		"uid_map":   file(func() string { return "         0          0 4294967295\n" }),
		"gid_map":   file(func() string { return "         0          0 4294967295\n" }),
		"setgroups": file(func() string { return "allow\n" }),
		"sched":     file(func() string { return t.Comm() + " (" + strconv.Itoa(pn.see(t)) + ", #threads: 1)\n" }),
		"attr": sdir(map[string]*vfs.SynthNode{"current": file(func() string {
			if t.ns.cfg.Label != "" && !t.ns.cfg.Privileged {
				return "docker-default (enforce)\n"
			}
			return "unconfined\n"
		})}),
		"net":    ns.procNet(t),
		"ns":     t.procNS(),
		"fd":     t.procFd(may),
		"fdinfo": sdir(nil),
		"task": {Kids: map[string]*vfs.SynthNode{}, Find: func(_ *vfs.Context, name string) *vfs.SynthNode {
			if name != strconv.Itoa(pid) {
				return nil
			}
			return sdir(map[string]*vfs.SynthNode{"comm": file(func() string { return t.Comm() + "\n" }), "stat": file(func() string { return t.procStat(pn) }), "status": file(func() string { return t.procStatus(pn) })})
		}, List: func(*vfs.Context) []vfs.DirEntry {
			return []vfs.DirEntry{{Name: strconv.Itoa(pid), Ino: num(500), Type: vfs.S_IFDIR}}
		}},
	}
	names := make([]string, 0, len(kids))
	for n := range kids {
		names = append(names, n)
	}
	sort.Strings(names)
	start := t.start.UnixNano()
	for i, n := range names {
		kids[n].Number = num(uint64(i + 2))
		kids[n].UID, kids[n].GID, kids[n].Time = cr.EUID, cr.EGID, start
	}
	_ = k
	return &vfs.SynthNode{Mode: vfs.S_IFDIR | 0o555, Number: num(1), UID: cr.EUID, GID: cr.EGID, Time: start, Kids: kids}
}

func (t *Task) procFd(may func(*vfs.Context) bool) *vfs.SynthNode {
	// A resident's are told, not open: its standard ones and its sockets.
	told := func() map[int]string {
		if t.res == nil || t.Thread() {
			return nil
		}
		m := map[int]string{0: "/dev/null", 1: "/dev/null", 2: "/dev/null"}
		for _, s := range t.ns.net.standingOf(t) {
			m[s.Fd] = "socket:[" + strconv.FormatUint(s.Inode, 10) + "]"
		}
		return m
	}
	one := func(fd int) *vfs.SynthNode {
		if to := told()[fd]; to != "" {
			return &vfs.SynthNode{Mode: vfs.S_IFLNK | 0o700, Size: 64, Link_: func(c *vfs.Context) (string, error) {
				if !may(c) {
					return "", vfs.EACCES
				}
				return to, nil
			}}
		}
		f, err := t.File(fd)
		if err != nil {
			return nil
		}
		n := &vfs.SynthNode{Mode: vfs.S_IFLNK | 0o700, Size: 64}
		switch f.Flags() & O_ACCMODE {
		case O_RDONLY:
			n.Mode = vfs.S_IFLNK | 0o500
		case O_WRONLY:
			n.Mode = vfs.S_IFLNK | 0o300
		}
		n.Link_ = func(c *vfs.Context) (string, error) {
			if !may(c) {
				return "", vfs.EACCES
			}
			w := caller(c)
			if f.path != nil {
				if w != nil {
					return f.path.From(w.root), nil
				}
				return f.path.String(), nil
			}
			return f.name, nil
		}
		n.Jump = func(c *vfs.Context) (*vfs.Path, error) {
			if !may(c) {
				return nil, vfs.EACCES
			}
			if f.path != nil {
				return f.path, nil
			}
			return vfs.Child(t.RootPath(), f.name, &fdNode{f: f}), nil
		}
		return n
	}
	return &vfs.SynthNode{Mode: vfs.S_IFDIR | 0o500, Kids: map[string]*vfs.SynthNode{},
		Find: func(c *vfs.Context, name string) *vfs.SynthNode {
			fd, err := strconv.Atoi(name)
			if err != nil || !may(c) {
				return nil
			}
			return one(fd)
		},
		List: func(c *vfs.Context) []vfs.DirEntry {
			if !may(c) {
				return nil
			}
			var out []vfs.DirEntry
			fds := t.Fds()
			for fd := range told() {
				fds = append(fds, fd)
			}
			sort.Ints(fds)
			for _, fd := range fds {
				out = append(out, vfs.DirEntry{Name: strconv.Itoa(fd), Ino: uint64(t.PID())<<16 | uint64(1000+fd), Type: vfs.S_IFLNK})
			}
			return out
		}}
}

// fdNode is where /proc/PID/fd/N leads for what has no path: opening it opens the
// same pipe, terminal or socket once more.
type fdNode struct {
	vfs.BaseNode
	f *File
}

func (n *fdNode) Ino() uint64    { return n.f.Stat().Ino }
func (n *fdNode) Stat() vfs.Stat { return n.f.Stat() }

func (t *Task) procNS() *vfs.SynthNode {
	ns := t.ns
	id := func(kind string, of uint64) *vfs.SynthNode {
		return &vfs.SynthNode{Link_: func(*vfs.Context) (string, error) {
			return kind + ":[" + strconv.FormatUint(of, 10) + "]", nil
		}}
	}
	// The first namespaces have fixed numbers; a container's are taken in a row when
	// it starts.
	n := map[string]uint64{"cgroup": 4026531835, "pid": 4026531836, "user": 4026531837, "uts": 4026531838, "ipc": 4026531839, "mnt": 4026531841, "net": 4026531840, "time": 4026531834}
	if ns.cfg.Parent == nil && strings.HasPrefix(ns.k.cfg.Host.Release, "5.") {
		n["mnt"], n["net"] = 4026531840, 4026531992
	}
	if ns.cfg.Label != "" {
		h := uint64(0)
		for _, c := range []byte(ns.cfg.Label) {
			h = mix(h*131 + uint64(c))
		}
		first := 4026532200 + h%300*8
		n["mnt"], n["uts"], n["ipc"] = first, first+1, first+2
		if ns.pidns.level > 0 {
			n["pid"] = first + 3
		}
		if ns.net != ns.k.Host().net {
			n["net"] = first + 5
		}
		if ns.cfg.Cgroup == "/" {
			n["cgroup"] = first + 4
		}
	}
	kids := map[string]*vfs.SynthNode{"pid_for_children": id("pid", n["pid"]), "time_for_children": id("time", n["time"])}
	for kind, of := range n {
		kids[kind] = id(kind, of)
	}
	d := sdir(kids)
	d.Mode = vfs.S_IFDIR | 0o511
	return d
}

func (t *Task) procStat(pn *pidns) string {
	k := t.k
	k.mu.Lock()
	st, pp, pg, sid := t.stateLetter(), pn.see(t.parent), pn.seeGroup(t.pgrp), pn.seeGroup(t.session)
	tty, tpg, flags := 0, -1, 4194304
	if p := t.session.tty; p != nil {
		tty = 136<<8 | p.Num
		tpg = pn.seeGroup(p.fg)
	} else if n, ok := strings.CutPrefix(t.Console(), "tty"); ok {
		tty, _ = strconv.Atoi(n)
		tty, tpg = 4<<8|tty, pg
	}
	if t.Thread() {
		flags = 2129984 // PF_KTHREAD and its kin
	}
	k.mu.Unlock()
	v, r := t.Memory()
	ticks := t.CPUTime().Milliseconds() / 10
	return fmt.Sprintf("%d (%s) %s %d %d %d %d %d %d 120 0 0 0 %d %d 0 0 %d %d %d 0 %d %d %d 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		pn.see(t), t.Comm(), st, pp, pg, sid, tty, tpg, flags, ticks*4/5, ticks-ticks*4/5, 20+t.Nice(), t.Nice(), t.Threads(), k.jiffies(t), v, r>>12)
}

func (t *Task) procStatus(pn *pidns) string {
	k := t.k
	k.mu.Lock()
	st, pp := t.stateLetter(), pn.see(t.parent)
	pend, blk := t.pending, t.blocked
	pg, sid := t.pgrp.pids, t.session.pids
	nsIDs := func(pids []int) string {
		out := ""
		for l := pn.level; l < len(t.pids); l++ {
			n := 0
			if l < len(pids) {
				n = pids[l]
			}
			out += "\t" + strconv.Itoa(n)
		}
		return out
	}
	var ign, cgt uint64
	for s, d := range t.disp {
		if d.Kind == Ignore {
			ign |= bit(s)
		} else if d.Kind == Handle {
			cgt |= bit(s)
		}
	}
	k.mu.Unlock()
	long := map[string]string{"R": "R (running)", "S": "S (sleeping)", "T": "T (stopped)", "Z": "Z (zombie)", "I": "I (idle)"}[st]
	c := t.Creds()
	v, r := t.Memory()
	var gs strings.Builder
	for _, g := range c.Groups {
		fmt.Fprintf(&gs, "%d ", g)
	}
	var nspids strings.Builder
	for l := pn.level; l < len(t.pids); l++ {
		fmt.Fprintf(&nspids, "\t%d", t.pids[l])
	}
	seccomp := 2
	if t.ns.cfg.Privileged || t.ns.cfg.Label == "" {
		seccomp = 0
	}
	vm := fmt.Sprintf("VmPeak:\t%8d kB\nVmSize:\t%8d kB\nVmLck:\t       0 kB\nVmPin:\t       0 kB\nVmHWM:\t%8d kB\nVmRSS:\t%8d kB\nRssAnon:\t%8d kB\nRssFile:\t%8d kB\nRssShmem:\t       0 kB\nVmData:\t     360 kB\nVmStk:\t     132 kB\nVmExe:\t      20 kB\nVmLib:\t    1648 kB\nVmPTE:\t      44 kB\nVmSwap:\t       0 kB\nHugetlbPages:\t       0 kB\nCoreDumping:\t0\nTHP_enabled:\t1\n", v>>10, v>>10, r>>10, r>>10, r/3>>12<<2, r>>10-r/3>>12<<2)
	if t.Thread() {
		vm = ""
	}
	ssb, indirect := "vulnerable", "always enabled"
	if k.cfg.Host.CPU.Has("ssbd") {
		ssb = "thread vulnerable"
	}
	if k.cfg.Host.CPU.Has("ibpb") {
		indirect = "conditional enabled"
	}
	work := t.CPUTime().Microseconds()
	return fmt.Sprintf("Name:\t%s\nUmask:\t%04o\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\nUid:\t%d\t%d\t%d\t%d\nGid:\t%d\t%d\t%d\t%d\nFDSize:\t64\nGroups:\t%s\nNStgid:%s\nNSpid:%s\nNSpgid:%s\nNSsid:%s\n%sThreads:\t%d\nSigQ:\t0/%d\nSigPnd:\t%016x\nShdPnd:\t%016x\nSigBlk:\t%016x\nSigIgn:\t%016x\nSigCgt:\t%016x\nCapInh:\t0000000000000000\nCapPrm:\t%016x\nCapEff:\t%016x\nCapBnd:\t%016x\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t%d\nSeccomp_filters:\t%d\nSpeculation_Store_Bypass:\t%s\nSpeculationIndirectBranch:\t%s\nCpus_allowed:\t%x\nCpus_allowed_list:\t0-%d\nMems_allowed:\t00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000000,00000001\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t%d\nnonvoluntary_ctxt_switches:\t%d\n",
		t.Comm(), t.GetUmask(), long, pn.see(t), pn.see(t), pp, c.UID, c.EUID, c.EUID, c.EUID, c.GID, c.EGID, c.EGID, c.EGID, gs.String(), nspids.String(), nspids.String(), nsIDs(pg), nsIDs(sid),
		vm, t.Threads(), k.cfg.Host.Memory>>18, 0, pend, blk, ign, cgt, c.Caps, c.Caps, c.Bound, seccomp, min(1, seccomp), ssb, indirect, uint64(1)<<k.cfg.Host.Cores-1, k.cfg.Host.Cores-1, work/100, work/1000)
}

func (t *Task) procMaps() string {
	exe := t.Exe()
	if exe == "" {
		return ""
	}
	b := 0x55d0c0000000 + mix(uint64(t.pids[0]))%0x10000*0x1000
	l := 0x7f3a00000000 + mix(uint64(t.pids[0])+1)%0x10000*0x1000
	return fmt.Sprintf("%x-%x r--p 00000000 08:01 1835 %s\n%x-%x r-xp 00002000 08:01 1835 %s\n%x-%x rw-p 00000000 00:00 0 [heap]\n%x-%x r-xp 00026000 08:01 2011 /usr/lib/x86_64-linux-gnu/libc.so.6\n7ffd1c000000-7ffd1c021000 rw-p 00000000 00:00 0 [stack]\n7ffd1c0f4000-7ffd1c0f6000 r-xp 00000000 00:00 0 [vdso]\n",
		b, b+0x2000, exe, b+0x2000, b+0x9000, exe, b+0x20000, b+0x41000, l, l+0x195000)
}

func (t *Task) procLimits() string {
	names := [...]struct {
		n    int
		name string
		unit string
	}{{RlimitCPU, "Max cpu time", "seconds"}, {RlimitFsize, "Max file size", "bytes"}, {RlimitData, "Max data size", "bytes"}, {RlimitStack, "Max stack size", "bytes"},
		{RlimitCore, "Max core file size", "bytes"}, {RlimitRSS, "Max resident set", "bytes"}, {RlimitNproc, "Max processes", "processes"}, {RlimitNofile, "Max open files", "files"},
		{RlimitMemlock, "Max locked memory", "bytes"}, {RlimitAS, "Max address space", "bytes"}, {RlimitLocks, "Max file locks", "locks"}, {RlimitSigpending, "Max pending signals", "signals"},
		{RlimitMsgqueue, "Max msgqueue size", "bytes"}, {RlimitNice, "Max nice priority", ""}, {RlimitRtprio, "Max realtime priority", ""}, {RlimitRttime, "Max realtime timeout", "us"}}
	var b strings.Builder
	fmt.Fprintf(&b, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units")
	v := func(n uint64) string {
		if n == Infinity {
			return "unlimited"
		}
		return strconv.FormatUint(n, 10)
	}
	for _, x := range names {
		l := t.Getrlimit(x.n)
		fmt.Fprintf(&b, "%-25s %-20s %-20s %-10s\n", x.name, v(l.Cur), v(l.Max), x.unit)
	}
	return b.String()
}

// mountTable gives /proc/PID/mounts (0), mountinfo (1), mountstats (2).
func (t *Task) mountTable(style int) string {
	var b strings.Builder
	esc := strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`)
	ms := t.Mounts()
	// As the original does, what cannot be reached from the task's root is left out:
	// after a chroot into a bind of the host's / its disk is what stands on /.
	root := strings.TrimSuffix(t.RootPath().From(nil), "/")
	for _, m := range ms {
		point := "/"
		if p := m.PointPath(); p != nil {
			point = p.From(nil)
		}
		if root != "" {
			rest, ok := strings.CutPrefix(point, root)
			if !ok || rest != "" && rest[0] != '/' {
				continue
			}
			if point = rest; point == "" {
				point = "/"
			}
		}
		point = esc.Replace(point)
		opts := m.Flags()
		super := "rw"
		if m.Options != "" {
			super += "," + m.Options
		}
		switch style {
		case 0:
			o := opts
			if m.Options != "" {
				o += "," + m.Options
			}
			fmt.Fprintf(&b, "%s %s %s %s 0 0\n", esc.Replace(m.Source), point, m.FS.Type(), o)
		case 1:
			sub := m.Sub
			if sub == "" {
				sub = "/"
			}
			parent := 1
			if p := m.PointPath(); p != nil {
				parent = p.Mount().ID
			}
			maj, min := 0, int(m.FS.Dev())
			if m.FS.Type() == "ext4" || m.FS.Type() == "xfs" {
				maj, min = int(t.k.cfg.Host.Disk.Major()), int(t.k.cfg.Host.Disk.minor(0))
			}
			fmt.Fprintf(&b, "%d %d %d:%d %s %s %s - %s %s %s\n", m.ID, parent, maj, min, esc.Replace(sub), point, opts, m.FS.Type(), esc.Replace(m.Source), super)
		default:
			fmt.Fprintf(&b, "device %s mounted on %s with fstype %s\n", m.Source, point, m.FS.Type())
		}
	}
	return b.String()
}

func (ns *NS) procNet(t *Task) *vfs.SynthNode {
	n := t.ns.net
	return sdir(map[string]*vfs.SynthNode{
		"dev": sfile(func() string {
			var b strings.Builder
			b.WriteString("Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n")
			for _, i := range append([]Interface{n.Loopback()}, n.List()...) {
				fmt.Fprintf(&b, "%6s: %7d %7d    0    0    0     0          0         0 %8d %7d    0    0    0     0       0          0\n", i.Name, i.RX, i.RXPackets, i.TX, i.TXPackets)
			}
			return b.String()
		}),
		"tcp":  sfile(func() string { return n.table("tcp", false) }),
		"tcp6": sfile(func() string { return n.table("tcp", true) }),
		"udp":  sfile(func() string { return n.table("udp", false) }),
		"udp6": sfile(func() string { return n.table("udp", true) }),
		"unix": sfile(func() string { return "Num       RefCount Protocol Flags    Type St Inode Path\n" }),
		"arp": sfile(func() string {
			var b strings.Builder
			b.WriteString("IP address       HW type     Flags       HW address            Mask     Device\n")
			for _, i := range n.List() {
				if i.Gateway.IsValid() {
					fmt.Fprintf(&b, "%-16s 0x1         0x2         %-17s     *        %s\n", i.Gateway, "02:42:0a:fe:00:01", i.Name)
				}
			}
			return b.String()
		}),
		"route": sfile(func() string {
			var b strings.Builder
			fmt.Fprintf(&b, "%-127s\n", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT")
			le := func(b []byte) string { return fmt.Sprintf("%08X", binary.LittleEndian.Uint32(b)) }
			for _, i := range n.List() {
				if i.Gateway.Is4() {
					fmt.Fprintf(&b, "%-127s\n", fmt.Sprintf("%s\t00000000\t%s\t0003\t0\t0\t0\t00000000\t0\t0\t0", i.Name, le(i.Gateway.AsSlice())))
				}
				if i.Addr.IsValid() {
					mask := ^uint32(0) << (32 - i.Addr.Bits())
					var mb [4]byte
					binary.BigEndian.PutUint32(mb[:], mask)
					fmt.Fprintf(&b, "%-127s\n", fmt.Sprintf("%s\t%s\t00000000\t0001\t0\t0\t0\t%s\t0\t0\t0", i.Name, le(i.Addr.Masked().Addr().AsSlice()), le(mb[:])))
				}
			}
			return b.String()
		}),
		"if_inet6": sfile(func() string { return "00000000000000000000000000000001 01 80 10 80       lo\n" }),
		"sockstat": sfile(func() string {
			return fmt.Sprintf("sockets: used %d\nTCP: inuse %d orphan 0 tw 0 alloc 4 mem 1\n", len(n.Sockets())+80, len(n.Sockets()))
		}),
	})
}

func (n *NetNS) table(network string, six bool) string {
	var b strings.Builder
	if six {
		b.WriteString("  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n")
	} else {
		b.WriteString("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n")
	}
	ss := n.Sockets()
	sort.Slice(ss, func(i, j int) bool { return ss[i].Inode < ss[j].Inode })
	for i, s := range ss {
		if s.Network != network || s.Local.Addr().Is6() != six {
			continue
		}
		hex := func(a []byte, port uint16) string {
			if len(a) == 0 {
				a = make([]byte, map[bool]int{true: 16, false: 4}[six])
			}
			o := ""
			for i := 0; i < len(a); i += 4 {
				o += fmt.Sprintf("%08X", binary.LittleEndian.Uint32(a[i:]))
			}
			return fmt.Sprintf("%s:%04X", o, port)
		}
		st := map[string]string{"LISTEN": "0A", "UNCONN": "07"}[s.State]
		if st == "" {
			st = "01"
		}
		fmt.Fprintf(&b, "%4d: %s %s %s 00000000:00000000 00:00000000 00000000 %5d        0 %d 1 0000000000000000 100 0 0 10 0\n", i,
			hex(s.Local.Addr().AsSlice(), s.Local.Port()), hex(s.Remote.Addr().AsSlice(), s.Remote.Port()), st, s.UID, s.Inode)
	}
	return b.String()
}

// procSys makes /proc/sys. Values that are written stay for the kernel's life.
func (ns *NS) procSys() *vfs.SynthNode {
	k := ns.k
	h := &k.cfg.Host
	val := func(name, def string) *vfs.SynthNode {
		return &vfs.SynthNode{
			Read: func(*vfs.Context) ([]byte, error) {
				if v, ok := ns.cfg.Sysctls[name]; ok {
					return []byte(v + "\n"), nil
				}
				k.mu.Lock()
				defer k.mu.Unlock()
				if v, ok := k.sysctl[name]; ok {
					return []byte(v + "\n"), nil
				}
				return []byte(def + "\n"), nil
			},
			Write: func(c *vfs.Context, p []byte) error {
				if ns.cfg.ReadonlySys {
					return vfs.EROFS
				}
				if len(p) > 4096 {
					return vfs.EINVAL
				}
				k.mu.Lock()
				defer k.mu.Unlock()
				if k.sysctl == nil {
					k.sysctl = map[string]string{}
				}
				k.sysctl[name] = strings.TrimRight(string(p), "\n")
				return nil
			},
		}
	}
	host := &vfs.SynthNode{Read: func(*vfs.Context) ([]byte, error) { return []byte(ns.Hostname() + "\n"), nil },
		Write: func(_ *vfs.Context, p []byte) error { ns.SetHostname(strings.TrimRight(string(p), "\n")); return nil }}
	ro := func(s string) *vfs.SynthNode { return sfile(func() string { return s + "\n" }) }
	return ns.sysDir("", map[string]*vfs.SynthNode{
		"kernel.hostname": host, "kernel.osrelease": ro(h.Release), "kernel.version": ro(h.Version), "kernel.ostype": ro("Linux"), "kernel.domainname": ro(cmp.Or(ns.cfg.Domainname, "(none)")), "kernel.arch": ro(h.Machine),
		"kernel.random.boot_id": ro(h.BootID), "kernel.random.uuid": sfile(func() string {
			var b [16]byte
			k.Random(b[:])
			b[6], b[8] = b[6]&0xf|0x40, b[8]&0x3f|0x80
			return fmt.Sprintf("%x-%x-%x-%x-%x\n", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
		}),
	}, val)
}

// newSys makes sysfs: as much of it as programs look at.
func (ns *NS) newSys() vfs.Filesystem {
	k := ns.k
	h := &k.cfg.Host
	ro := func(s string) *vfs.SynthNode { return sfile(func() string { return s + "\n" }) }
	card := func(i Interface) *vfs.SynthNode {
		state, carrier := "up", "1"
		if i.Down {
			state, carrier = "down", "0"
		}
		m := map[string]*vfs.SynthNode{"address": ro(i.MAC), "mtu": ro(strconv.Itoa(i.MTU)), "operstate": ro(state), "speed": ro("10000"), "carrier": ro(carrier)}
		if i.Name == "lo" {
			m["operstate"] = ro("unknown")
		}
		return sdir(m)
	}
	cards := func() []Interface {
		l := append([]Interface{{Name: "lo", MAC: "00:00:00:00:00:00", MTU: 65536}}, ns.net.List()...)
		for i := range l {
			if l[i].MTU == 0 {
				l[i].MTU = 1500
			}
		}
		return l
	}
	net := &vfs.SynthNode{Kids: map[string]*vfs.SynthNode{},
		Find: func(_ *vfs.Context, name string) *vfs.SynthNode {
			for _, i := range cards() {
				if i.Name == name {
					return card(i)
				}
			}
			return nil
		},
		List: func(*vfs.Context) (out []vfs.DirEntry) {
			for n, i := range cards() {
				out = append(out, vfs.DirEntry{Name: i.Name, Ino: uint64(40000 + n), Type: vfs.S_IFDIR})
			}
			return out
		}}
	pages := &vfs.SynthNode{Mode: vfs.S_IFREG | 0o644, Read: func(*vfs.Context) ([]byte, error) { return []byte("0\n"), nil }, Write: func(*vfs.Context, []byte) error { return nil }}
	root := sdir(map[string]*vfs.SynthNode{
		"class": sdir(map[string]*vfs.SynthNode{"net": net, "dmi": sdir(map[string]*vfs.SynthNode{"id": ns.sysDMI()}), "block": h.Disk.sysBlock()}),
		"devices": sdir(map[string]*vfs.SynthNode{"system": sdir(map[string]*vfs.SynthNode{"cpu": vfs.Lazy(ns.sysCPU), "node": sdir(map[string]*vfs.SynthNode{
			"online": ro("0"), "node0": sdir(map[string]*vfs.SynthNode{"cpulist": ro(h.cpuRange()), "hugepages": sdir(map[string]*vfs.SynthNode{"hugepages-2048kB": sdir(map[string]*vfs.SynthNode{"nr_hugepages": pages})})})})})}),
		"kernel": sdir(map[string]*vfs.SynthNode{"mm": sdir(map[string]*vfs.SynthNode{"transparent_hugepage": sdir(map[string]*vfs.SynthNode{"enabled": ro("always [madvise] never")}), "hugepages": sdir(nil), "ksm": sdir(map[string]*vfs.SynthNode{"run": pages})}), "debug": sdir(nil), "tracing": sdir(nil), "config": sdir(nil), "security": sdir(nil)}),
		"fs":     sdir(map[string]*vfs.SynthNode{"cgroup": sdir(nil), "bpf": sdir(nil), "pstore": sdir(nil), "ext4": sdir(nil), "fuse": sdir(map[string]*vfs.SynthNode{"connections": sdir(nil)})}),
		"block":  h.Disk.sysBlock(),
		"module": sdir(nil), "bus": sdir(nil), "firmware": sdir(map[string]*vfs.SynthNode{"acpi": sdir(nil), "dmi": sdir(nil), "memmap": sdir(nil)}), "dev": sdir(nil), "power": sdir(nil), "hypervisor": sdir(nil),
	})
	return ns.dated(vfs.NewSynth("sysfs", 0x62656572, root))
}

func (ns *NS) limits() GroupLimits {
	if ns.cfg.Limits != nil {
		return ns.cfg.Limits()
	}
	return GroupLimits{Memory: ns.cfg.Memory, Pids: int64(ns.cfg.Pids), Swappiness: -1}
}

func orMax(n int64) string {
	if n <= 0 {
		return "max"
	}
	return strconv.FormatInt(n, 10)
}

// cgroupFiles are the files of the unified hierarchy that hold a limit.
var cgroupFiles = map[string]func(l GroupLimits) string{
	"cpu.max": func(l GroupLimits) string {
		return orMax(l.CPUQuota) + " " + strconv.FormatInt(cmp.Or(l.CPUPeriod, 100000), 10)
	},
	"cpuset.cpus": func(l GroupLimits) string { return l.Cpus },
	"cpuset.mems": func(l GroupLimits) string { return l.Mems },
	"pids.max":    func(l GroupLimits) string { return orMax(l.Pids) },
	"memory.max":  func(l GroupLimits) string { return orMax(l.Memory) },
	"memory.low":  func(l GroupLimits) string { return strconv.FormatInt(l.Reservation, 10) },
	"cpu.weight": func(l GroupLimits) string {
		if l.CPUShares < 2 {
			return "100"
		}
		return strconv.FormatInt(1+(l.CPUShares-2)*9999/262142, 10)
	},
	"memory.swap.max": func(l GroupLimits) string {
		if l.MemorySwap <= 0 || l.Memory <= 0 {
			return "max"
		}
		return strconv.FormatInt(max(l.MemorySwap-l.Memory, 0), 10)
	},
}

// cgroupV1 is /sys/fs/cgroup with a hierarchy for each controller.
func (ns *NS) cgroupV1(procs *vfs.SynthNode) *vfs.SynthNode {
	const none = 9223372036854771712 // the largest number of whole pages
	file := func(f func(l GroupLimits) string) *vfs.SynthNode {
		return sfile(func() string { return f(ns.limits()) + "\n" })
	}
	num := func(f func(l GroupLimits) int64) *vfs.SynthNode {
		return file(func(l GroupLimits) string { return strconv.FormatInt(f(l), 10) })
	}
	dir := func(kids map[string]*vfs.SynthNode) *vfs.SynthNode {
		kids["cgroup.procs"], kids["tasks"] = procs, procs
		return sdir(kids)
	}
	unlimited := func(n int64) int64 {
		if n <= 0 {
			return none
		}
		return n
	}
	cpu := dir(map[string]*vfs.SynthNode{
		"cpu.shares": num(func(l GroupLimits) int64 { return cmp.Or(l.CPUShares, 1024) }), "cpu.cfs_quota_us": num(func(l GroupLimits) int64 { return cmp.Or(l.CPUQuota, -1) }),
		"cpu.cfs_period_us": num(func(l GroupLimits) int64 { return cmp.Or(l.CPUPeriod, 100000) })})
	all := fmt.Sprintf("0-%d", ns.k.cfg.Host.Cores-1)
	if ns.k.cfg.Host.Cores < 2 {
		all = "0"
	}
	return sdir(map[string]*vfs.SynthNode{"cpu": cpu, "cpuacct": cpu, "cpu,cpuacct": cpu,
		"cpuset": dir(map[string]*vfs.SynthNode{"cpuset.cpus": file(func(l GroupLimits) string { return cmp.Or(l.Cpus, all) }), "cpuset.mems": file(func(l GroupLimits) string { return cmp.Or(l.Mems, "0") })}),
		"memory": dir(map[string]*vfs.SynthNode{
			"memory.limit_in_bytes": num(func(l GroupLimits) int64 { return unlimited(l.Memory) }), "memory.memsw.limit_in_bytes": num(func(l GroupLimits) int64 { return unlimited(l.MemorySwap) }),
			"memory.soft_limit_in_bytes": num(func(l GroupLimits) int64 { return unlimited(l.Reservation) }),
			"memory.usage_in_bytes":      sfile(func() string { return strconv.FormatInt(8<<20+ns.mem.Load(), 10) + "\n" }),
			"memory.swappiness": num(func(l GroupLimits) int64 {
				if l.Swappiness < 0 {
					return 60
				}
				return l.Swappiness
			})}),
		"pids":  dir(map[string]*vfs.SynthNode{"pids.max": file(func(l GroupLimits) string { return orMax(l.Pids) })}),
		"blkio": dir(map[string]*vfs.SynthNode{"blkio.weight": num(func(l GroupLimits) int64 { return int64(cmp.Or(l.BlkioWeight, 500)) })}),
		"devices": dir(map[string]*vfs.SynthNode{"devices.list": sfile(func() string {
			if ns.cfg.Privileged {
				return "a *:* rwm\n"
			}
			return "b *:* m\nc *:* m\nc 1:3 rwm\nc 1:5 rwm\nc 1:7 rwm\nc 1:8 rwm\nc 1:9 rwm\nc 5:0 rwm\nc 5:2 rwm\nc 10:200 rwm\nc 136:* rwm\n"
		})}),
		"freezer": dir(map[string]*vfs.SynthNode{}), "net_cls": dir(map[string]*vfs.SynthNode{}), "hugetlb": dir(map[string]*vfs.SynthNode{}), "perf_event": dir(map[string]*vfs.SynthNode{})})
}
