package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"
)

// GroupUsage is what the control groups of a container count.
type GroupUsage struct {
	CPU                        time.Duration
	Memory, Anon, File, Kernel int64 // bytes; the first is all
	Pids                       int   // threads
	Faults                     int64
	Read, Written              int64 // bytes of the disk
	Reads, Writes              int64
}

// MemoryStat is memory.stat.
func (u GroupUsage) MemoryStat() string {
	stack := int64(u.Pids) * 16384
	tables := int64(u.Pids) * 40960
	slab := max(0, u.Kernel-stack-tables-int64(u.Pids)*4096)
	slab &^= 7
	reclaim := slab * 3 / 5 &^ 7
	inactive := u.File * 2 / 3 &^ 4095
	var b strings.Builder
	for _, l := range []struct {
		k string
		v int64
	}{{"anon", u.Anon}, {"file", u.File}, {"kernel_stack", stack}, {"pagetables", tables}, {"percpu", int64(u.Pids) * 576}, {"sock", 0}, {"shmem", 0}, {"file_mapped", u.File / 3 &^ 4095}, {"file_dirty", 0}, {"file_writeback", 0}, {"swapcached", 0},
		{"anon_thp", 0}, {"file_thp", 0}, {"shmem_thp", 0}, {"inactive_anon", u.Anon}, {"active_anon", 0}, {"inactive_file", inactive}, {"active_file", u.File - inactive}, {"unevictable", 0}, {"slab_reclaimable", reclaim}, {"slab_unreclaimable", slab - reclaim}, {"slab", slab},
		{"workingset_refault_anon", 0}, {"workingset_refault_file", 0}, {"workingset_activate_anon", 0}, {"workingset_activate_file", 0}, {"workingset_restore_anon", 0}, {"workingset_restore_file", 0}, {"workingset_nodereclaim", 0},
		{"pgfault", u.Faults}, {"pgmajfault", u.Read >> 17}, {"pgrefill", 0}, {"pgscan", 0}, {"pgsteal", 0}, {"pgactivate", (u.File - inactive) >> 12}, {"pgdeactivate", 0}, {"pglazyfree", 0}, {"pglazyfreed", 0}, {"thp_fault_alloc", 0}, {"thp_collapse_alloc", 0}} {
		fmt.Fprintf(&b, "%s %d\n", l.k, l.v)
	}
	return b.String()
}

// Uneven gives a time that goes on now faster and now slower than d, by which
// daemons work: it never goes back, and differs by seed.
func Uneven(d time.Duration, seed uint64) time.Duration {
	s := d.Seconds()
	if s <= 0 {
		return 0
	}
	out := s
	for i, w := range [...]struct{ period, part float64 }{{3.7, 0.3}, {11.3, 0.25}, {47.9, 0.2}, {613, 0.15}} {
		f := 2 * math.Pi / w.period
		phase := float64(mix(seed+uint64(i)*77)%628) / 100
		out += w.part / f * (math.Cos(phase) - math.Cos(f*s+phase))
	}
	return time.Duration(max(0, out) * float64(time.Second))
}

// CPU gives the processor time that a resident has taken, and Held the memory it
// has; pid tells it from others.
func (r *Resident) CPU(now time.Time, pid uint64) time.Duration {
	return time.Duration(float64(Uneven(now.Sub(r.Started), pid)) * r.Share)
}

func (r *Resident) cpu(t *Task) time.Duration {
	c := *r
	c.Started = t.start
	return c.CPU(t.k.Now(), uint64(t.pids[0]))
}

// Held gives the resident bytes.
func (r *Resident) Held(now time.Time, pid uint64) int64 {
	if r.Share == 0 {
		return r.RSS
	}
	// It asks for some and gives some back.
	at := max(0, now.Sub(r.Started))
	busy := (Uneven(at, pid+1) - at).Seconds()
	return (r.RSS + int64(busy*float64(r.RSS)/600) + int64(mix(uint64(at/(2*time.Second))+pid)%24)<<12) &^ 4095
}

// Spent gives the processor time of those of the set's processes that have ended.
func (ns *NS) Spent() time.Duration { return time.Duration(ns.spent.Load()) * time.Microsecond }

// auxv is the vector that execve leaves on a new stack.
func (t *Task) auxv() []byte {
	c := t.Creds()
	base := 0x55d0c0000000 + mix(uint64(t.pids[0]))%0x10000*0x1000
	var b []byte
	for _, x := range [][2]uint64{{33, 0x7ffd1c0f4000}, {51, 0xd30}, {16, 0x178bfbff}, {6, 4096}, {17, 100}, {3, base + 0x40}, {4, 56}, {5, 13}, {7, 0x7f3a00000000 + mix(uint64(t.pids[0])+1)%0x10000*0x1000}, {8, 0}, {9, base + 0x2b80},
		{11, uint64(c.UID)}, {12, uint64(c.EUID)}, {13, uint64(c.GID)}, {14, uint64(c.EGID)}, {23, 0}, {25, 0x7ffd1c01fe49}, {26, 2}, {31, 0x7ffd1c020fe8}, {15, 0x7ffd1c01fe59}, {0, 0}} {
		b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, x[0]), x[1])
	}
	return b
}

// inSyscall is /proc/PID/syscall.
func (t *Task) inSyscall() string {
	if t.State() == "R" {
		return "running\n"
	}
	return "61 0xffffffff 0x7ffd1c01f4a0 0x0 0x0 0x0 0x0 0x7ffd1c01f478 0x7f3a000ea3ea\n"
}
