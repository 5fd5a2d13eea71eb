package kernel

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/vfs"
)

// usage is what the control groups of the set count.
func (ns *NS) usage() GroupUsage {
	if ns.cfg.Usage != nil {
		if u := ns.cfg.Usage(); u.Pids > 0 {
			return u
		}
	}
	u := GroupUsage{CPU: ns.Spent(), Kernel: 344064, File: 4096}
	for _, t := range ns.Tasks() {
		u.CPU += t.CPUTime()
		u.Pids += t.Threads()
	}
	u.Anon = (ns.mem.Load() + int64(u.Pids)*106496) &^ 4095
	u.Memory = u.Anon + u.File + u.Kernel
	return u
}

// group makes the files of one control group of the unified hierarchy, as they are
// in a group that is not the root: what it counts, and its limits.
func (ns *NS) group() map[string]*vfs.SynthNode {
	h := &ns.k.cfg.Host
	six := !strings.HasPrefix(h.Release, "5.")
	line := func(f func() string) *vfs.SynthNode { return sfile(func() string { return f() + "\n" }) }
	// What may be written is taken and does not change: only the host's root and
	// privileged containers have it mounted to be written.
	rw := func(f func() string) *vfs.SynthNode {
		n := line(f)
		n.Mode, n.Write = vfs.S_IFREG|0o644, func(*vfs.Context, []byte) error { return nil }
		return n
	}
	ro := func(s string) *vfs.SynthNode { return line(func() string { return s }) }
	set := func(s string) *vfs.SynthNode { return rw(func() string { return s }) }
	num := func(f func(u GroupUsage) int64) *vfs.SynthNode {
		return line(func() string { return strconv.FormatInt(f(ns.usage()), 10) })
	}
	wo := func() *vfs.SynthNode {
		return &vfs.SynthNode{Mode: vfs.S_IFREG | 0o200, Write: func(*vfs.Context, []byte) error { return nil }}
	}
	pids := func() string {
		var b strings.Builder
		for _, t := range ns.pidns.list(ns.k) {
			if t.ns == ns || ns.cfg.Parent == nil {
				b.WriteString(strconv.Itoa(t.pids[ns.pidns.level]) + "\n")
			}
		}
		return b.String()
	}
	procs := func() *vfs.SynthNode {
		n := sfile(pids)
		n.Mode, n.Write = vfs.S_IFREG|0o644, func(*vfs.Context, []byte) error { return nil }
		return n
	}
	pressure := func(salt uint64, full bool) *vfs.SynthNode {
		return line(func() string {
			us := int64(float64(ns.usage().CPU.Microseconds()) * (0.01 + 0.03*ns.k.draw(salt)))
			s := fmt.Sprintf("some avg10=0.00 avg60=0.00 avg300=0.00 total=%d", us)
			if full {
				s += fmt.Sprintf("\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=%d", us*3/4)
			}
			return s
		})
	}
	all := h.cpuRange()
	kids := map[string]*vfs.SynthNode{
		"cgroup.controllers": ro("cpuset cpu io memory hugetlb pids rdma misc"), "cgroup.subtree_control": set(""), "cgroup.type": set("domain"), "cgroup.procs": procs(), "cgroup.threads": procs(),
		"cgroup.events": ro("populated 1\nfrozen 0"), "cgroup.freeze": set("0"), "cgroup.kill": wo(), "cgroup.max.depth": set("max"), "cgroup.max.descendants": set("max"), "cgroup.stat": ro("nr_descendants 0\nnr_dying_descendants 0"),
		"cpu.idle": set("0"), "cpu.max.burst": set("0"), "cpu.pressure": pressure(1, true), "cpu.uclamp.max": set("max"), "cpu.uclamp.min": set("0.00"), "cpu.weight.nice": set("0"),
		"cpu.stat":              line(func() string { return ns.cpuStat(ns.usage()) }),
		"cpuset.cpus.effective": line(func() string { return cmp.Or(ns.limits().Cpus, all) }), "cpuset.cpus.partition": set("member"), "cpuset.mems.effective": ro("0"),
		"io.max": set(""), "io.pressure": pressure(2, true), "io.prio.class": set("no-change"), "io.weight": set("default 100"), "io.stat": line(func() string { return ns.ioStat(ns.usage()) }),
		"memory.current": num(func(u GroupUsage) int64 { return u.Memory }), "memory.events": ns.memoryEvents(), "memory.events.local": ns.memoryEvents(), "memory.high": set("max"), "memory.min": set("0"),
		"memory.oom.group": set("0"), "memory.pressure": pressure(3, true), "memory.stat": sfile(func() string { return ns.usage().MemoryStat() }),
		"memory.numa_stat": line(func() string {
			u := ns.usage()
			return fmt.Sprintf("anon N0=%d\nfile N0=%d\nkernel_stack N0=%d\npagetables N0=%d\nshmem N0=0\nfile_mapped N0=%d\nfile_dirty N0=0\nfile_writeback N0=0\nswapcached N0=0\nanon_thp N0=0\nfile_thp N0=0\nshmem_thp N0=0\ninactive_anon N0=%d\nactive_anon N0=0", u.Anon, u.File, u.Pids*16384, u.Pids*40960, u.File/3&^4095, u.Anon)
		}),
		"memory.swap.current": ro("0"), "memory.swap.events": ro("high 0\nmax 0\nfail 0"), "memory.swap.high": set("max"),
		"misc.current": ro(""), "misc.max": set(""), "pids.current": num(func(u GroupUsage) int64 { return int64(u.Pids) }), "pids.events": ro("max 0"), "rdma.current": ro(""), "rdma.max": set(""),
	}
	kids["misc.current"], kids["misc.max"], kids["rdma.current"], kids["rdma.max"], kids["io.max"], kids["cgroup.subtree_control"] = empty(0o444), empty(0o644), empty(0o444), empty(0o644), empty(0o644), empty(0o644)
	for _, size := range []string{"1GB", "2MB"} {
		p := "hugetlb." + size + "."
		for n, f := range map[string]*vfs.SynthNode{"current": ro("0"), "events": ro("max 0"), "events.local": ro("max 0"), "max": set("max"), "numa_stat": ro("total=0 N0=0"), "rsvd.current": ro("0"), "rsvd.max": set("max")} {
			kids[p+n] = f
		}
	}
	if six {
		kids["cgroup.pressure"], kids["irq.pressure"], kids["memory.reclaim"] = set("1"), line(func() string { return "full avg10=0.00 avg60=0.00 avg300=0.00 total=0" }), wo()
		kids["memory.peak"] = num(func(u GroupUsage) int64 { return u.Memory + u.Memory/9&^4095 })
		kids["pids.peak"] = num(func(u GroupUsage) int64 { return int64(u.Pids) + 1 })
		kids["memory.zswap.current"], kids["memory.zswap.max"] = ro("0"), set("max")
	}
	for name, f := range cgroupFiles {
		kids[name] = rw(func() string { return f(ns.limits()) })
	}
	return kids
}

func empty(mode vfs.Mode) *vfs.SynthNode {
	n := sfile(func() string { return "" })
	n.Mode = vfs.S_IFREG | mode
	if mode&0o200 != 0 {
		n.Write = func(*vfs.Context, []byte) error { return nil }
	}
	return n
}

func (ns *NS) cpuStat(u GroupUsage) string {
	us := u.CPU.Microseconds()
	sys := us * 2 / 5
	s := fmt.Sprintf("usage_usec %d\nuser_usec %d\nsystem_usec %d", us, us-sys, sys)
	if !strings.HasPrefix(ns.k.cfg.Host.Release, "5.") {
		s += "\ncore_sched.force_idle_usec 0"
	}
	if ns.cfg.Parent == nil {
		return s
	}
	periods := int64(0)
	if l := ns.limits(); l.CPUQuota > 0 {
		periods = us / 9000
	}
	return s + fmt.Sprintf("\nnr_periods %d\nnr_throttled 0\nthrottled_usec 0\nnr_bursts 0\nburst_usec 0", periods)
}

func (ns *NS) ioStat(u GroupUsage) string {
	if u.Read+u.Written == 0 {
		return ""
	}
	return fmt.Sprintf("%d:0 rbytes=%d wbytes=%d rios=%d wios=%d dbytes=0 dios=0", ns.k.cfg.Host.Disk.Major(), u.Read, u.Written, u.Reads, u.Writes)
}

func (ns *NS) memoryEvents() *vfs.SynthNode {
	return sfile(func() string {
		n := 0
		if ns.oom.Load() {
			n = 1
		}
		return fmt.Sprintf("low 0\nhigh 0\nmax %d\noom %d\noom_kill %d\noom_group_kill 0\n", n*27, n, n)
	})
}

// rootGroup makes the files of the root of the hierarchy, which has no limits.
func (ns *NS) rootGroup() map[string]*vfs.SynthNode {
	all := ns.group()
	kids := map[string]*vfs.SynthNode{}
	for _, n := range strings.Fields(`cgroup.controllers cgroup.max.depth cgroup.max.descendants cgroup.pressure cgroup.procs cgroup.stat cgroup.subtree_control cgroup.threads cpu.pressure cpu.stat cpuset.cpus.effective cpuset.mems.effective io.pressure io.prio.class io.stat memory.numa_stat memory.pressure memory.reclaim memory.stat misc.current`) {
		if all[n] != nil {
			kids[n] = all[n]
		}
	}
	k := ns.k
	line := func(f func() string) *vfs.SynthNode { return sfile(func() string { return f() + "\n" }) }
	whole := func() (u GroupUsage) {
		for _, c := range k.cpuTicks() {
			u.CPU += time.Duration(c.user+c.nice+c.system) * 10 * time.Millisecond
		}
		m := k.MemInfo()
		u.Anon, u.File, u.Kernel = (m.Total-m.Free-m.Buffers-m.Cached)&^4095, m.Cached, m.Total/25&^4095
		u.Pids = k.threads()
		return u
	}
	kids["cpu.stat"] = line(func() string { return ns.cpuStat(whole()) })
	kids["memory.stat"] = sfile(func() string { return whole().MemoryStat() })
	kids["cgroup.subtree_control"] = line(func() string { return "cpuset cpu io memory hugetlb pids rdma misc" })
	kids["cgroup.stat"] = line(func() string { return fmt.Sprintf("nr_descendants %d\nnr_dying_descendants 0", 58+int(k.seed%20)) })
	kids["misc.capacity"] = empty(0o444)
	for _, n := range []string{"dev-hugepages.mount", "dev-mqueue.mount", "init.scope", "proc-sys-fs-binfmt_misc.mount", "sys-fs-fuse-connections.mount", "sys-kernel-config.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "system.slice", "user.slice"} {
		kids[n] = sdir(map[string]*vfs.SynthNode{"cgroup.procs": empty(0o644), "cgroup.type": line(func() string { return "domain" }), "cgroup.controllers": kids["cgroup.controllers"]})
	}
	return kids
}

// newCgroup makes the cgroup filesystem as a container, or the host, sees it.
func (ns *NS) newCgroup() vfs.Filesystem {
	if ns.cfg.CgroupV1 {
		return ns.dated(vfs.NewSynth("tmpfs", 0x01021994, ns.cgroupV1(ns.group()["cgroup.procs"])))
	}
	if ns.cfg.Parent == nil {
		return ns.dated(vfs.NewSynth("cgroup2", 0x63677270, vfs.Lazy(ns.rootGroup)))
	}
	return ns.dated(vfs.NewSynth("cgroup2", 0x63677270, vfs.Lazy(ns.group)))
}
