package world

import (
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/whalefall/whalefall/internal/kernel"
)

// traffic is what went over a link, as its one end counts it.
type traffic struct{ rxBytes, rxPackets, txBytes, txPackets uint64 }

// other is the same as the other end has it.
func (t traffic) other() traffic {
	return traffic{t.txBytes, t.txPackets, t.rxBytes, t.rxPackets}
}

func (t *traffic) add(o traffic) {
	t.rxBytes, t.rxPackets, t.txBytes, t.txPackets = t.rxBytes+o.rxBytes, t.rxPackets+o.rxPackets, t.txBytes+o.txBytes, t.txPackets+o.txPackets
}

func (t traffic) on(i kernel.Interface) kernel.Interface {
	i.RX, i.RXPackets, i.TX, i.TXPackets = t.rxBytes, t.rxPackets, t.txBytes, t.txPackets
	return i
}

// greeting are the frames that a bridge sends into a new port, and when: what IPv6
// does on the bridge when a link comes up, and the neighbours' solicitations.
var greeting = []struct {
	at   float64
	size uint64
}{{0.02, 90}, {0.11, 86}, {0.3, 90}, {0.52, 90}, {0.74, 90}, {1.04, 70}, {1.2, 110}, {5.1, 70}, {13.4, 70}, {29.2, 70}, {62.8, 70}, {126, 70}, {262, 70}, {521, 70}, {1035, 70}}

// frames give the bytes of the first n frames of a link, sizes as they are among
// short requests and longer answers.
func frames(n uint64, b [32]byte, long uint64) uint64 {
	var cycle, part uint64
	for i := range uint64(16) {
		size := uint64(66)
		switch x := uint64(b[i]); {
		case x < 70:
			size = 74
		case x < 150:
			size = 66 + x
		case x < 150+long:
			size = 1514
		}
		cycle += size
		if i < n%16 {
			part += size
		}
	}
	return n/16*cycle + part
}

// flow gives how much of something with a mean rate a second went by since a moment:
// it never falls, and no two seconds are alike.
func flow(rate float64, since time.Duration, b [32]byte) float64 {
	return rate * kernel.Uneven(since, uint64(b[30])<<8|uint64(b[31])).Seconds()
}

// link is the traffic of a container's interface in a network. lived tells that the
// container serves somebody since a moment; others hear the bridge alone.
func (h *Host) link(id, network string, since time.Time, lived bool, now time.Time) (t traffic) {
	up := now.Sub(since)
	b := h.derive("link", id, network)
	for _, f := range greeting {
		if up.Seconds() >= f.at*(0.8+float64(b[16])/640) {
			t.rxBytes, t.rxPackets = t.rxBytes+f.size, t.rxPackets+1
		}
	}
	if !lived {
		return t
	}
	rate := 0.4 + float64(b[17])/60
	in, out := uint64(flow(rate, up, b)), uint64(flow(rate*0.93, up, b))
	t.add(traffic{frames(in, b, 30), in, frames(out, h.derive("link-out", id, network), 60), out})
	return t
}

// nic is the traffic of the machine's own card.
func (h *Host) nic(now time.Time) traffic {
	b := h.derive("nic")
	up := now.Sub(h.facts.Boot)
	rate := 3 + float64(b[17])/20
	in, out := uint64(flow(rate, up, b)), uint64(flow(rate*0.8, up, b))
	return traffic{frames(in, b, 50), in, frames(out, h.derive("nic-out"), 60), out}
}

// usageOf gives a function that tells what a container's control groups count. It
// takes no lock of the world's: who reads /sys/fs/cgroup may hold one. World.mu is
// held for the call itself.
func (w *World) usageOf(c *Container, ns *kernel.NS) func() kernel.GroupUsage {
	h := w.host
	b := h.derive("stats", c.ID)
	since, lived, first := c.since, c.shown, time.Duration(40+c.ID[0]%20)*time.Millisecond
	var idle func(now time.Time) (cpu time.Duration, rss int64, threads int)
	if lived && ns == nil {
		res, kids := w.service(c)
		pid := uint64(c.run.pid)
		idle = func(now time.Time) (cpu time.Duration, rss int64, threads int) {
			cpu, rss, threads = res.CPU(now, pid), res.Held(now, pid), max(1, res.Threads)
			for i, k := range kids {
				n := pid + 26 + uint64(i)
				kid := k.resident(res, int(n))
				cpu += kid.CPU(now, n)
				rss += kid.Held(now, n)
				threads += kid.Threads
			}
			return
		}
	}
	writes := 0.002
	for _, m := range c.Mounts {
		if m.Name != "" {
			writes = 0.4 // a volume is where databases write
		}
	}
	return func() (u kernel.GroupUsage) {
		now := w.now()
		up := now.Sub(since)
		var rss int64
		if idle != nil {
			u.CPU, rss, u.Pids = idle(now)
		} else if ns != nil {
			for _, t := range ns.Tasks() {
				u.CPU += t.CPUTime()
				u.Pids += t.Threads()
				if lived {
					_, r := t.Memory()
					rss += r
				}
			}
			u.CPU += ns.Spent()
		}
		u.CPU += first
		if lived {
			u.Anon, u.File = rss*4/5&^4095, (rss*3/10+int64(b[1])<<18)&^4095
			u.Read = (int64(b[3])+40)<<17 + int64(flow(0.003, up, b))<<12
			u.Written = int64(b[4])<<12 + int64(flow(writes*(0.5+float64(b[5])/128), up, b))<<12
		} else {
			if ns != nil {
				u.Anon = ns.MemoryUsed()
			}
			u.Anon = (u.Anon + int64(u.Pids)*106496) &^ 4095
			u.File = int64(b[1]%7) << 12
		}
		u.Kernel = (344064 + int64(u.Pids)*86016) &^ 4095
		u.Memory = u.Anon + u.File + u.Kernel
		u.Faults = 700 + u.Anon>>12 + int64(u.Pids)*310 + int64(u.CPU/(5*time.Millisecond))
		u.Reads, u.Writes = (u.Read+1<<15-1)>>15, u.Written>>12
		return u
	}
}

// statsOf writes what the control groups count as the API has it.
func (w *World) statsOf(s *container.StatsResponse, u kernel.GroupUsage) {
	n := func(v int64) uint64 { return uint64(max(0, v)) }
	s.PidsStats.Current = uint64(u.Pids)
	usec := u.CPU.Microseconds()
	s.CPUStats.CPUUsage.TotalUsage = n(usec * 1000)
	s.CPUStats.CPUUsage.UsageInKernelmode = n(usec * 2 / 5 * 1000)
	s.CPUStats.CPUUsage.UsageInUsermode = n((usec - usec*2/5) * 1000)
	s.MemoryStats.Usage = n(u.Memory)
	st := map[string]uint64{}
	for _, l := range strings.Split(strings.TrimSpace(u.MemoryStat()), "\n") {
		k, v, _ := strings.Cut(l, " ")
		if memoryStats[k] {
			x := uint64(0)
			for _, d := range v {
				x = x*10 + uint64(d-'0')
			}
			st[k] = x
		}
	}
	s.MemoryStats.Stats = st
	if d := w.host.disk(); !w.host.cfg.Release.Debian && u.Read+u.Written > 0 {
		e := func(op string, v int64) container.BlkioStatEntry {
			return container.BlkioStatEntry{Major: uint64(d.Major()), Op: op, Value: n(v)}
		}
		s.BlkioStats.IoServiceBytesRecursive = []container.BlkioStatEntry{e("read", u.Read), e("write", u.Written)}
	}
}

// memoryStats are the lines of memory.stat that the daemon hands on.
var memoryStats = func() map[string]bool {
	m := map[string]bool{}
	for _, k := range strings.Fields(`active_anon active_file anon anon_thp file file_dirty file_mapped file_writeback inactive_anon inactive_file kernel_stack pgactivate
 pgdeactivate pgfault pglazyfree pglazyfreed pgmajfault pgrefill pgscan pgsteal shmem slab slab_reclaimable slab_unreclaimable sock thp_collapse_alloc thp_fault_alloc
 unevictable workingset_activate workingset_nodereclaim workingset_refault`) {
		m[k] = true
	}
	return m
}()
