package kernel

import (
	"sort"
	"sync/atomic"

	"github.com/whalefall/whalefall/internal/vfs"
)

// pidns is a pid namespace. Its fields are under Kernel.mu.
type pidns struct {
	level  int
	parent *pidns
	next   int
	tasks  map[int]*Task
	init   *Task
}

// pidMax is the kernel's pid_max on 64 bit machines.
const pidMax = 4194304

func (p *pidns) take(t *Task) int {
	if p.next == 0 && p.level == 0 && (t.ns.cfg.Parent != nil || p.init != nil) {
		p.next = max(1, t.k.cfg.Host.FirstPID) // 1 is the host's init
	}
	for {
		p.next++
		if p.next >= pidMax {
			p.next = 300
		}
		if p.tasks[p.next] == nil {
			p.tasks[p.next] = t
			return p.next
		}
	}
}

// last gives the pid that was taken last.
func (p *pidns) last(k *Kernel) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return p.next
}

// see gives a task's pid in p, 0 if it cannot be seen from there.
func (p *pidns) see(t *Task) int {
	if t == nil || len(t.pids) <= p.level {
		return 0
	}
	q := t.pidns
	for q != nil && q.level > p.level {
		q = q.parent
	}
	if q != p {
		return 0
	}
	return t.pids[p.level]
}

func (p *pidns) seeGroup(g *group) int {
	if g == nil || len(g.pids) <= p.level {
		return 0
	}
	return g.pids[p.level]
}

func (p *pidns) group(id int) *group {
	for _, t := range p.tasks {
		if p.seeGroup(t.pgrp) == id {
			return t.pgrp
		}
	}
	return nil
}

func (p *pidns) list(k *Kernel) []*Task {
	k.mu.Lock()
	out := make([]*Task, 0, len(p.tasks))
	for _, t := range p.tasks {
		out = append(out, t)
	}
	k.mu.Unlock()
	sort.Slice(out, func(i, j int) bool { return out[i].pids[p.level] < out[j].pids[p.level] })
	return out
}

// NSConfig describes an isolated set of processes: the host, or a container.
type NSConfig struct {
	Root         *vfs.FS
	RootSource   string // of the root mount: "overlay", "/dev/sda1"
	RootOptions  string
	ReadonlyRoot bool
	Hostname     string
	Domainname   string
	// PIDNS makes a pid namespace below Parent's.
	PIDNS bool
	// Parent is the namespace whose pid namespace is shared, or is above; nil is
	// the host's.
	Parent *NS
	// Net is the network namespace; nil makes one with loopback alone.
	Net *NetNS
	// Label is the container's id for the Observer; empty on the host.
	Label  string
	Cgroup string // the path that /proc/PID/cgroup shows, "/" if empty
	Cred   *vfs.Cred
	// Privileged shows the host's devices and sysctls.
	Privileged bool
	Pids       int   // limit of processes
	Memory     int64 // limit of bytes by Alloc
	Nofile     uint64
	// Rlimits are others of the processes' limits, by their RLIMIT numbers.
	Rlimits map[int]Rlimit
	// Limits are what the control groups show, as they are at the moment; nil shows
	// none.
	Limits func() GroupLimits
	// Usage is what they count; nil counts what the kernel knows.
	Usage func() GroupUsage
	// CgroupV1 shows a hierarchy for each controller.
	CgroupV1 bool
	// Sysctls are values of /proc/sys that are the namespace's own.
	Sysctls map[string]string
	// Devices are nodes for /dev beside the standard ones.
	Devices []Device
	// NoMounts leaves out /proc, /sys, /dev: the caller mounts.
	NoMounts bool
	ShmSize  int64
	Budget   *vfs.Budget
	// MaskedPaths are hidden, and ReadonlyPaths mounted once more read-only, by
	// [NS.Seal].
	MaskedPaths, ReadonlyPaths []string
	// ReadonlySys mounts /sys and the cgroups read-only, as unprivileged
	// containers have it.
	ReadonlySys bool
	// DeviceRules are what the device cgroup allows beside the standard devices and
	// Devices; a container that is not Privileged can open no other.
	DeviceRules []DeviceRule
}

// GroupLimits are those of a container's control groups; 0 and "" are none.
type GroupLimits struct {
	CPUQuota, CPUPeriod, CPUShares int64
	Cpus, Mems                     string
	Memory, MemorySwap             int64 // MemorySwap is both together, -1 unlimited
	Reservation                    int64
	Swappiness                     int64 // -1 is the default
	Pids                           int64
	BlkioWeight                    uint16
}

// Device is a node of /dev.
type Device struct {
	Name  string
	Mode  vfs.Mode // with S_IFCHR or S_IFBLK
	Major uint32
	Minor uint32
	GID   uint32
}

// DeviceRule lets block or character devices (by Type, S_IFBLK or S_IFCHR; 0 both)
// be opened; a number of -1 is any.
type DeviceRule struct {
	Type         vfs.Mode
	Major, Minor int64
}

// NS is a set of namespaces in which processes run.
type NS struct {
	k     *Kernel
	cfg   NSConfig
	Label string
	pidns *pidns
	mnt   *vfs.Namespace
	net   *NetNS
	// under Kernel.mu
	hostname string
	count    int
	gone     bool

	mem   atomic.Int64
	spent atomic.Int64 // microseconds of processes that have ended
	oom   atomic.Bool
}

// Host gives the host's own namespace, with every standard mount.
func (k *Kernel) Host() *NS {
	k.mu.Lock()
	h := k.host
	k.mu.Unlock()
	if h != nil {
		return h
	}
	h, err := k.newNS(NSConfig{Root: k.root, RootSource: k.cfg.Host.Disk.rootDevice(), RootOptions: "discard,errors=remount-ro", Hostname: k.cfg.Host.Hostname, Privileged: true,
		Cgroup: "/system.slice", Cred: vfs.Root(), Nofile: 1024, Budget: k.cfg.Budget})
	if err != nil {
		panic("kernel: host namespace: " + err.Error()) // a root without directories takes every mount
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.host == nil {
		k.host = h
	}
	return k.host
}

// NewNamespace makes an isolated set. It fails only where a mount does.
func (k *Kernel) NewNamespace(cfg NSConfig) (*NS, error) {
	if cfg.Parent == nil {
		cfg.Parent = k.Host()
	}
	return k.newNS(cfg)
}

func (k *Kernel) newNS(cfg NSConfig) (*NS, error) {
	ns := &NS{k: k, cfg: cfg, Label: cfg.Label, hostname: cfg.Hostname, net: cfg.Net}
	if ns.net == nil {
		if cfg.Parent == nil {
			ns.net = k.NewNetNS(k.cfg.Host.Interfaces)
		} else {
			ns.net = k.NewNetNS(nil)
		}
	}
	switch {
	case cfg.Parent == nil:
		ns.pidns = &pidns{tasks: map[int]*Task{}}
	case cfg.PIDNS:
		ns.pidns = &pidns{level: cfg.Parent.pidns.level + 1, parent: cfg.Parent.pidns, tasks: map[int]*Task{}}
	default:
		ns.pidns = cfg.Parent.pidns
	}
	if ns.cfg.Cred == nil {
		ns.cfg.Cred = &vfs.Cred{Caps: vfs.DockerCaps, Bound: vfs.DockerCaps}
	}
	if ns.cfg.Nofile == 0 {
		ns.cfg.Nofile = 1048576
	}
	src := cfg.RootSource
	if src == "" {
		src = cfg.Root.Type()
	}
	ns.mnt = vfs.NewNamespace(cfg.Root, src, cfg.RootOptions, cfg.ReadonlyRoot)
	if !cfg.NoMounts {
		if err := ns.standardMounts(); err != nil {
			return nil, err
		}
	}
	return ns, nil
}

// Kernel gives the kernel.
func (ns *NS) Kernel() *Kernel { return ns.k }

// Mounts gives the mount namespace that new processes start in.
func (ns *NS) Mounts() *vfs.Namespace { return ns.mnt }

// Net gives the network namespace.
func (ns *NS) Net() *NetNS { return ns.net }

// Config gives what it was made with.
func (ns *NS) Config() NSConfig { return ns.cfg }

// Cred gives the credentials that processes start with.
func (ns *NS) Cred() *vfs.Cred { return ns.cfg.Cred }

// Hostname and SetHostname are those of the UTS namespace.
func (ns *NS) Hostname() string {
	ns.k.mu.Lock()
	defer ns.k.mu.Unlock()
	return ns.hostname
}
func (ns *NS) SetHostname(s string) {
	ns.k.mu.Lock()
	ns.hostname = s
	ns.k.mu.Unlock()
}

// OOMKilled tells whether a process was killed for want of memory.
func (ns *NS) OOMKilled() bool { return ns.oom.Load() }

// MemoryUsed gives the bytes that programs hold.
func (ns *NS) MemoryUsed() int64 { return ns.mem.Load() }

// Init gives the first process of the pid namespace, nil before it starts.
func (ns *NS) Init() *Task {
	ns.k.mu.Lock()
	defer ns.k.mu.Unlock()
	return ns.pidns.init
}

// Tasks lists the processes that run in this set, by pid.
func (ns *NS) Tasks() []*Task {
	var out []*Task
	for _, t := range ns.pidns.list(ns.k) {
		if t.ns == ns {
			out = append(out, t)
		}
	}
	return out
}

// PIDOf gives a task's pid in this set.
func (ns *NS) PIDOf(t *Task) int { return ns.pidns.see(t) }

// Context is a root's view of the set's files, for those who are no process
// (docker cp, cron's reading of /etc/crontab).
func (ns *NS) Context() *vfs.Context {
	return &vfs.Context{Cred: vfs.Root(), Root: ns.mnt.Root(), Cwd: ns.mnt.Root(), Now: ns.k.nowNS, Umask: 0o022}
}

// Start makes a process without a parent in it: the first one is pid 1 of a pid
// namespace, the others join (docker exec).
func (ns *NS) Start(s Spawn) (*Task, error) {
	k := ns.k
	k.mu.Lock()
	if err := k.mayFork(ns); err != nil {
		k.mu.Unlock()
		return nil, err
	}
	if ns.pidns.level > 0 && ns.pidns.init != nil && ns.pidns.init.state.Load() == int32(stateZombie) {
		k.mu.Unlock()
		return nil, vfs.ENOMEM // what fork gives in a dead pid namespace
	}
	t := k.newTaskAt(ns, ns.pidns, s.HostPID)
	if ns.pidns.level == 0 && ns.pidns.init == t && k.cfg.Host.FirstPID > 0 {
		ns.pidns.next = k.cfg.Host.FirstPID
	}
	if s.Parent != nil && s.Parent.state.Load() != int32(stateZombie) {
		t.adoptBy(s.Parent)
	}
	t.lead()
	k.mu.Unlock()
	t.root = ns.mnt.Root()
	t.cwd = t.root
	t.mnt = ns.mnt
	t.cred = ns.cfg.Cred
	t.umask = 0o022
	if s.Origin == "" {
		s.Origin = "exec"
		if t.isInit() {
			s.Origin = "init"
		}
	}
	if s.Env == nil {
		s.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	}
	fn, err := t.prepare(s)
	if err != nil {
		k.abandon(t)
		return nil, err
	}
	k.run(t, fn)
	return t, nil
}

// KillAll kills every process of the set.
func (ns *NS) KillAll() {
	ns.k.mu.Lock()
	defer ns.k.mu.Unlock()
	for _, t := range ns.pidns.tasks {
		if t.ns == ns {
			t.fromOutside = true
			ns.k.post(t, SIGKILL)
		}
	}
}

func (ns *NS) defaultLimits() [NRlimits]Rlimit {
	var l [NRlimits]Rlimit
	for i := range l {
		l[i] = Rlimit{Infinity, Infinity}
	}
	l[RlimitStack].Cur = 8 << 20
	l[RlimitNofile] = Rlimit{ns.cfg.Nofile, max(ns.cfg.Nofile, 1048576)}
	l[RlimitMemlock] = Rlimit{64 << 10, 64 << 10}
	l[RlimitMsgqueue] = Rlimit{819200, 819200}
	l[RlimitNice] = Rlimit{0, 0}
	l[RlimitRtprio] = Rlimit{0, 0}
	l[RlimitSigpending] = Rlimit{15000, 15000}
	for n, x := range ns.cfg.Rlimits {
		l[n] = x
	}
	if ns.cfg.Label == "" {
		l[RlimitCore].Cur = 0
		l[RlimitNproc] = Rlimit{15000, 15000}
	}
	return l
}
