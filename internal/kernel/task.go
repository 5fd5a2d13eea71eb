package kernel

import (
	"fmt"
	"path"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whalefall/whalefall/internal/vfs"
)

// WaitStatus is wait(2)'s status word.
type WaitStatus uint32

func exited(code int) WaitStatus     { return WaitStatus(code&0xff) << 8 }
func signaled(s Signal) WaitStatus   { return WaitStatus(s) }
func (w WaitStatus) Exited() bool    { return w&0x7f == 0 }
func (w WaitStatus) Signaled() bool  { return w&0x7f != 0 && w&0x7f != 0x7f && w != 0xffff }
func (w WaitStatus) Stopped() bool   { return w&0xff == 0x7f }
func (w WaitStatus) Continued() bool { return w == 0xffff }

// ExitStatus, Signal and StopSignal are WEXITSTATUS, WTERMSIG, WSTOPSIG.
func (w WaitStatus) ExitStatus() int    { return int(w>>8) & 0xff }
func (w WaitStatus) Signal() Signal     { return Signal(w & 0x7f) }
func (w WaitStatus) StopSignal() Signal { return Signal(w>>8) & 0xff }

// Code gives what a shell shows as $?: the status, or 128+n.
func (w WaitStatus) Code() int {
	switch {
	case w.Exited():
		return w.ExitStatus()
	case w.Stopped():
		return 128 + int(w.StopSignal())
	}
	return 128 + int(w.Signal())
}

type state int32

const (
	stateRunning state = iota
	stateSleeping
	stateZombie
)

// group is a process group or session: the pids of its leader, which outlive it.
type group struct {
	pids []int // by pid namespace level
	tty  *PTY  // of a session: its controlling terminal; Kernel.mu
}

// Rlimit is a resource limit; Infinity is none.
type Rlimit struct{ Cur, Max uint64 }

// Infinity is RLIM_INFINITY.
const Infinity = ^uint64(0)

// Rlimits that shells show, by their RLIMIT numbers.
const (
	RlimitCPU = iota
	RlimitFsize
	RlimitData
	RlimitStack
	RlimitCore
	RlimitRSS
	RlimitNproc
	RlimitNofile
	RlimitMemlock
	RlimitAS
	RlimitLocks
	RlimitSigpending
	RlimitMsgqueue
	RlimitNice
	RlimitRtprio
	RlimitRttime
	NRlimits
)

// Program is what runs as a process. What it returns is its exit status.
type Program func(t *Task) int

// Task is a process.
type Task struct {
	k     *Kernel
	ns    *NS
	pidns *pidns
	pids  []int // by level; the last is the own namespace's
	wake  chan struct{}
	done  chan struct{}
	start time.Time

	// attn is set when pending signals may have to be looked at.
	attn  atomic.Bool
	ticks atomic.Int64 // units of work done
	// stalled is how long it waited for its share, in the same units, and reaped what
	// the children took that it has waited for.
	stalled, reaped atomic.Int64
	polled          int64 // ticks at the last look at the scheduler
	dying           bool  // the goroutine unwinds; own goroutine only

	handled   uint64 // handlers that ran; own goroutine only
	throttled bool   // it waits for its share of the processor, which is no sleep; own goroutine only

	// Under Kernel.mu.
	parent      *Task
	kids        map[*Task]struct{}
	pgrp        *group
	session     *group
	pending     uint64
	blocked     uint64
	disp        map[Signal]Disposition
	stopped     bool
	fromOutside bool
	report      WaitStatus // a stop or continue that wait has not told yet
	status      WaitStatus
	started     bool // ProcStart was told
	execed      bool
	subreaper   bool
	adopted     bool // reparented after its parent's end
	passive     bool // a resident that has no goroutine

	res   *Resident           // of a resident; not changed
	after func(ws WaitStatus) // under Kernel.mu

	state atomic.Int32 // a state

	// Under mu: read by procfs, changed by the own goroutine.
	mu      sync.Mutex
	args    []string
	env     []string
	comm    string
	exe     string
	exePath *vfs.Path
	cwd     *vfs.Path
	root    *vfs.Path
	mnt     *vfs.Namespace
	cred    *vfs.Cred
	umask   vfs.Mode
	fds     []fdEntry
	origin  string
	nice    int
	mem     int64
	rlimits *[NRlimits]Rlimit

	ctx vfs.Context // reused by every call of the own goroutine
}

// unwinding of a task's goroutine.
type exitPanic struct{ ws WaitStatus }
type execPanic struct{ fn Program }

func (t *Task) die(ws WaitStatus) {
	t.dying = true
	panic(exitPanic{ws})
}

// Exit ends the process. It does not return; deferred functions run.
func (t *Task) Exit(code int) { t.die(exited(code)) }

// Abort ends the process as by a signal that is not handled.
func (t *Task) Abort(s Signal) { t.die(signaled(s)) }

// enter is the way into every system call.
func (t *Task) enter() {
	t.Tick(1)
	if t.attn.Load() {
		t.poll()
	}
}

// tickSlice is how much work goes by between two looks at the scheduler.
const tickSlice = 2000

// Tick charges work; a unit is about a microsecond. A program calls it in every
// loop that may be long. It may wait, so that a world's tasks together keep to
// their share, and it dies of fatal signals.
func (t *Task) Tick(n int64) {
	now := t.ticks.Add(n)
	if now-t.polled < tickSlice {
		return
	}
	work := now - t.polled
	t.polled = now
	if t.attn.Load() {
		t.poll()
	}
	runtime.Gosched()
	if t.dying {
		return
	}
	if lim := t.rlimits; lim != nil && lim[RlimitCPU].Cur != Infinity && uint64(now) > lim[RlimitCPU].Cur*1e6 {
		t.die(signaled(SIGXCPU))
	}
	// First the own kernel's bucket, then the pool's: so many tasks of one kernel
	// come to the pool no faster than their kernel may work, and others find it
	// without debts.
	t.throttled = true
	defer func() { t.throttled = false }()
	begun := t.k.Now()
	if d := t.k.sched.charge(begun, work); d > 0 {
		_ = t.blockFor(d, func() bool { return false }) // a signal shortens it
	}
	if p := t.k.lim.Pool; p != nil {
		if d := p.sched.charge(t.k.Now(), work); d > 0 {
			_ = t.blockFor(d, func() bool { return false })
		}
	}
	// To who looks it was on a processor all the time.
	ended := t.k.Now()
	waited := ended.Sub(begun)
	t.stalled.Add(waited.Microseconds())
	t.k.worked(ended, waited+time.Duration(work)*time.Microsecond)
}

// Kernel, NS, PID and their kin.
func (t *Task) Kernel() *Kernel { return t.k }
func (t *Task) NS() *NS         { return t.ns }
func (t *Task) PID() int        { return t.pids[len(t.pids)-1] }
func (t *Task) HostPID() int    { return t.pids[0] }
func (t *Task) PPID() int {
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	return t.pidns.see(t.parent)
}
func (t *Task) PGID() int {
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	return t.pidns.seeGroup(t.pgrp)
}
func (t *Task) SID() int {
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	return t.pidns.seeGroup(t.session)
}

// Done is closed when the process has ended; WaitStatus is then its end.
func (t *Task) Done() <-chan struct{} { return t.done }

// WaitStatus gives the end of a process that is Done.
func (t *Task) WaitStatus() WaitStatus {
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	return t.status
}

// Args gives argv. Any goroutine may call it.
func (t *Task) Args() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.args
}

// SetArgs changes what ps shows.
func (t *Task) SetArgs(a []string) {
	t.mu.Lock()
	t.args = a
	t.mu.Unlock()
}

// Env gives the environment as KEY=VALUE.
func (t *Task) Env() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.env
}

// SetEnviron replaces the environment.
func (t *Task) SetEnviron(env []string) {
	t.mu.Lock()
	t.env = env
	t.mu.Unlock()
}

// LookupEnv gives a variable.
func (t *Task) LookupEnv(key string) (string, bool) {
	for _, kv := range t.Env() {
		if len(kv) > len(key) && kv[len(key)] == '=' && kv[:len(key)] == key {
			return kv[len(key)+1:], true
		}
	}
	return "", false
}

// Getenv gives a variable, or "".
func (t *Task) Getenv(key string) string { v, _ := t.LookupEnv(key); return v }

// Setenv sets a variable.
func (t *Task) Setenv(key, value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	env := make([]string, 0, len(t.env)+1)
	for _, kv := range t.env {
		if !strings.HasPrefix(kv, key+"=") {
			env = append(env, kv)
		}
	}
	env = append(env, key+"="+value)
	t.env = env
}

// Unsetenv removes a variable.
func (t *Task) Unsetenv(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	env := make([]string, 0, len(t.env))
	for _, kv := range t.env {
		if !strings.HasPrefix(kv, key+"=") {
			env = append(env, kv)
		}
	}
	t.env = env
}

// Comm gives /proc/PID/comm; SetComm is prctl(PR_SET_NAME).
func (t *Task) Comm() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.comm
}
func (t *Task) SetComm(s string) {
	if len(s) > 15 {
		s = s[:15]
	}
	t.mu.Lock()
	t.comm = s
	t.mu.Unlock()
}

// Exe gives the executable's path as the process sees it.
func (t *Task) Exe() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.exe
}

// Creds gives the credentials, which must not be changed.
func (t *Task) Creds() *vfs.Cred {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cred
}

// SetCreds replaces them without a check; c is not changed afterwards.
func (t *Task) SetCreds(c *vfs.Cred) {
	t.mu.Lock()
	t.cred = c
	t.mu.Unlock()
}

// Setuid is setuid(2).
func (t *Task) Setuid(uid uint32) error {
	c := *t.Creds()
	switch {
	case c.Has(vfs.CapSetuid):
		c.UID, c.EUID = uid, uid
		if uid != 0 {
			c.Caps = 0
		}
	case uid == c.UID || uid == c.EUID:
		c.EUID = uid
	default:
		return vfs.EPERM
	}
	t.SetCreds(&c)
	return nil
}

// Setgid is setgid(2).
func (t *Task) Setgid(gid uint32) error {
	c := *t.Creds()
	switch {
	case c.Has(vfs.CapSetgid):
		c.GID, c.EGID = gid, gid
	case gid == c.GID || gid == c.EGID:
		c.EGID = gid
	default:
		return vfs.EPERM
	}
	t.SetCreds(&c)
	return nil
}

// Setgroups is setgroups(2).
func (t *Task) Setgroups(g []uint32) error {
	c := *t.Creds()
	if !c.Has(vfs.CapSetgid) {
		return vfs.EPERM
	}
	c.Groups = append([]uint32(nil), g...)
	t.SetCreds(&c)
	return nil
}

// Cwd gives getcwd(2)'s path.
func (t *Task) Cwd() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cwd.From(t.root)
}

// Umask sets the mask and gives the old one.
func (t *Task) Umask(m vfs.Mode) vfs.Mode {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.umask
	t.umask = m & 0o777
	return old
}

// GetUmask gives the mask.
func (t *Task) GetUmask() vfs.Mode {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.umask
}

// Now is the world's time.
func (t *Task) Now() time.Time { return t.k.Now() }

// CPUTime gives the processor time used.
func (t *Task) CPUTime() time.Duration {
	d := time.Duration(t.ticks.Load()+t.stalled.Load()) * time.Microsecond
	if t.res != nil {
		d += t.res.cpu(t)
	}
	return d
}

// ChildrenTime gives the processor time of the children that were waited for.
func (t *Task) ChildrenTime() time.Duration {
	return time.Duration(t.reaped.Load()) * time.Microsecond
}

// Started gives the start time.
func (t *Task) Started() time.Time { return t.start }

// Nice gives and SetNice sets the nice value.
func (t *Task) Nice() int { t.mu.Lock(); defer t.mu.Unlock(); return t.nice }
func (t *Task) SetNice(n int) {
	t.mu.Lock()
	t.nice = min(19, max(-20, n))
	t.mu.Unlock()
}

// Random fills p.
func (t *Task) Random(p []byte) { t.k.Random(p) }

// Unknown reports what is not emulated: what is "program", "option", "construct"
// or "stand-in".
func (t *Task) Unknown(what, name, detail string) {
	t.k.cfg.Observer.Unknown(t.Info(), what, name, detail)
}

// NoteCode tells the program text that a shell or interpreter runs.
func (t *Task) NoteCode(code string) { t.k.cfg.Observer.ProcCode(t.Info(), code) }

// Info describes the task. Any goroutine may call it.
func (t *Task) Info() ProcInfo {
	t.k.mu.Lock()
	pp := 0
	if t.parent != nil {
		pp = t.parent.pids[0]
	}
	t.k.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	return ProcInfo{PID: t.pids[0], PPID: pp, Container: t.ns.Label, Argv: t.args, Exe: t.exe, Cwd: t.cwd.From(t.root), UID: t.cred.EUID, Origin: t.origin}
}

// Getrlimit and Setrlimit are those system calls.
func (t *Task) Getrlimit(res int) Rlimit {
	if res < 0 || res >= NRlimits {
		return Rlimit{}
	}
	if t.rlimits != nil {
		return t.rlimits[res]
	}
	return t.ns.defaultLimits()[res]
}

func (t *Task) Setrlimit(res int, l Rlimit) error {
	if res < 0 || res >= NRlimits || l.Cur > l.Max {
		return vfs.EINVAL
	}
	old := t.Getrlimit(res)
	if l.Max > old.Max && !t.Creds().Has(vfs.CapSysResource) {
		return vfs.EPERM
	}
	n := t.ns.defaultLimits()
	if t.rlimits != nil {
		n = *t.rlimits
	}
	n[res] = l
	t.mu.Lock()
	t.rlimits = &n
	t.mu.Unlock()
	return nil
}

// Alloc charges memory that a program is about to hold; beyond the limits of its
// namespace or of the kernel the process is killed, as the OOM killer does.
func (t *Task) Alloc(n int64) {
	if n <= 0 {
		return
	}
	t.mu.Lock()
	t.mem += n
	t.mu.Unlock()
	ns := t.ns.mem.Add(n)
	all := t.k.addMem(n)
	if t.ns.cfg.Memory > 0 && ns > t.ns.cfg.Memory || all > t.k.lim.Memory || t.k.lim.Pool.full() {
		t.ns.oom.Store(true)
		t.k.mu.Lock()
		t.fromOutside = true
		t.k.post(t, SIGKILL)
		t.k.mu.Unlock()
		t.Poll()
	}
}

// Free gives memory back.
func (t *Task) Free(n int64) {
	t.mu.Lock()
	n = min(n, t.mem)
	t.mem -= n
	t.mu.Unlock()
	t.ns.mem.Add(-n)
	t.k.addMem(-n)
}

// context is what vfs looks at. It is good until the next call.
func (t *Task) context() *vfs.Context {
	t.mu.Lock()
	t.ctx = vfs.Context{Cred: t.cred, Root: t.root, Cwd: t.cwd, Umask: t.umask, Now: t.k.nowNS, Caller: t}
	t.mu.Unlock()
	return &t.ctx
}

// newTask makes a task. Kernel.mu is held.
func (k *Kernel) newTask(ns *NS, pn *pidns) *Task { return k.newTaskAt(ns, pn, 0) }

// newTaskAt is newTask with a pid of the host's, if that is not 0 and free.
func (k *Kernel) newTaskAt(ns *NS, pn *pidns, pid int) *Task {
	t := &Task{k: k, ns: ns, pidns: pn, wake: make(chan struct{}, 1), done: make(chan struct{}), start: k.Now()}
	t.pids = make([]int, pn.level+1)
	for p := pn; p != nil; p = p.parent {
		if p.level == 0 && pid != 0 && p.tasks[pid] == nil {
			t.pids[0], p.tasks[pid] = pid, t
			continue
		}
		t.pids[p.level] = p.take(t)
	}
	if pn.init == nil && (pn.level > 0 || ns.cfg.Parent == nil) {
		pn.init = t
	}
	k.tasks[t.pids[0]] = t
	ns.count++
	return t
}

func (k *Kernel) mayFork(ns *NS) error {
	switch {
	case k.stopped || ns.gone:
		return vfs.EAGAIN
	case len(k.tasks) >= k.lim.Tasks || ns.count >= k.lim.NSTasks:
		return vfs.EAGAIN
	}
	return nil
}

// child makes a forked task, not yet running.
func (t *Task) child() (*Task, error) {
	k := t.k
	k.mu.Lock()
	err := k.mayFork(t.ns)
	// The group's limit is what it is now: docker update moves it. Who enters the group
	// from outside is not held up by it.
	if n := t.ns.limits().Pids; err == nil && n > 0 && int64(t.ns.count) >= n {
		err = vfs.EAGAIN
	}
	if err != nil {
		k.mu.Unlock()
		return nil, err
	}
	if lim := t.rlimits; lim != nil && lim[RlimitNproc].Cur != Infinity && t.cred.UID != 0 && uint64(t.ns.count) >= lim[RlimitNproc].Cur {
		k.mu.Unlock()
		return nil, vfs.EAGAIN
	}
	c := k.newTask(t.ns, t.pidns)
	c.parent = t
	if t.kids == nil {
		t.kids = map[*Task]struct{}{}
	}
	t.kids[c] = struct{}{}
	c.pgrp, c.session = t.pgrp, t.session
	c.blocked = t.blocked
	if len(t.disp) > 0 {
		c.disp = make(map[Signal]Disposition, len(t.disp))
		for s, d := range t.disp {
			c.disp[s] = d
		}
	}
	k.mu.Unlock()
	k.forks.Add(1)
	t.mu.Lock()
	c.args, c.env, c.comm, c.exe, c.exePath = t.args, t.env, t.comm, t.exe, t.exePath
	c.cwd, c.root, c.mnt, c.cred, c.umask, c.nice, c.rlimits = t.cwd, t.root, t.mnt, t.cred, t.umask, t.nice, t.rlimits
	c.fds = make([]fdEntry, len(t.fds))
	copy(c.fds, t.fds)
	for _, e := range c.fds {
		if e.f != nil {
			e.f.ref()
		}
	}
	t.mu.Unlock()
	return c, nil
}

// Fork makes a child that runs fn: a subshell, a background job, a pipeline's
// part. Signal handlers of the parent are at their default in it, ignored signals
// stay ignored. name, if not empty, is what ps shows.
func (t *Task) Fork(name string, fn func(*Task) int) (*Task, error) {
	return t.ForkWith(ForkOptions{Name: name}, fn)
}

// ForkOptions say what a fork does before it runs.
type ForkOptions struct {
	Name         string
	Setpgid      bool // a process group: Pgid, or its own if 0
	Pgid         int
	Setsid       bool
	KeepHandlers bool
	Foreground   bool     // with Setpgid: takes the terminal's foreground
	Defaults     []Signal // put back to their default, ignored ones too
}

// ForkWith is Fork with options.
func (t *Task) ForkWith(o ForkOptions, fn func(*Task) int) (*Task, error) {
	t.enter()
	c, err := t.child()
	if err != nil {
		return nil, err
	}
	if o.Name != "" {
		c.SetComm(o.Name)
	}
	t.k.mu.Lock()
	if !o.KeepHandlers {
		c.dropHandlers()
	}
	for _, s := range o.Defaults {
		delete(c.disp, s)
	}
	if o.Setsid {
		c.lead()
	} else if o.Setpgid {
		_ = c.join(t, o.Pgid) // a group that has ended: the child stays in its parent's
		if o.Foreground && c.session.tty != nil {
			c.session.tty.fg = c.pgrp
		}
	}
	t.k.mu.Unlock()
	t.k.run(c, fn)
	return c, nil
}

func (t *Task) dropHandlers() {
	for s, d := range t.disp {
		if d.Kind == Handle {
			delete(t.disp, s)
		}
	}
}

// lead makes t the leader of a new session. Kernel.mu is held.
func (t *Task) lead() {
	g := &group{pids: t.pids}
	t.pgrp, t.session = g, g
}

// join puts t into a group of its session. Kernel.mu is held.
func (t *Task) join(by *Task, pgid int) error {
	if pgid == 0 || pgid == t.PID() {
		if t.session.pids[0] == t.pids[0] {
			return vfs.EPERM
		}
		if t.pgrp.pids[0] != t.pids[0] {
			t.pgrp = &group{pids: t.pids}
		}
		return nil
	}
	g := by.pidns.group(pgid)
	if g == nil {
		return vfs.EPERM
	}
	t.pgrp = g
	return nil
}

// Setsid is setsid(2).
func (t *Task) Setsid() (int, error) {
	t.enter()
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	if t.pgrp.pids[0] == t.pids[0] {
		return 0, vfs.EPERM
	}
	t.lead()
	return t.PID(), nil
}

// Setpgid is setpgid(2); pid 0 is the caller.
func (t *Task) Setpgid(pid, pgid int) error {
	t.enter()
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	x := t
	if pid != 0 {
		x = t.pidns.tasks[pid]
	}
	if x == nil || x != t && x.parent != t {
		return vfs.ESRCH
	}
	if pgid == 0 {
		pgid = t.pidns.see(x)
	}
	return x.join(t, pgid)
}

// Getpgid is getpgid(2).
func (t *Task) Getpgid(pid int) (int, error) {
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	x := t
	if pid != 0 {
		x = t.pidns.tasks[pid]
	}
	if x == nil {
		return 0, vfs.ESRCH
	}
	return t.pidns.seeGroup(x.pgrp), nil
}

// run starts a task's goroutine.
func (k *Kernel) run(t *Task, fn Program) {
	k.wg.Add(1)
	go func() {
		defer k.wg.Done()
		var ws WaitStatus
		for fn != nil {
			ws, fn = t.call(fn)
		}
		t.finish(ws)
	}()
}

func (t *Task) call(fn Program) (ws WaitStatus, next Program) {
	defer func() {
		switch x := recover().(type) {
		case nil:
		case exitPanic:
			ws = x.ws
		case execPanic:
			next = x.fn
			t.dying = false
		default:
			ws = signaled(SIGSEGV)
			st := debug.Stack()
			if len(st) > 4096 {
				st = st[:4096]
			}
			t.k.cfg.Observer.Unknown(t.Info(), "construct", "crash", fmt.Sprintf("%v\n%s", x, st))
		}
	}()
	return exited(fn(t)), nil
}

// finish is do_exit().
func (t *Task) finish(ws WaitStatus) {
	k := t.k
	t.dying = true
	t.mu.Lock()
	fds := t.fds
	t.fds = nil
	mem := t.mem
	t.mem = 0
	t.mu.Unlock()
	t.ns.mem.Add(-mem)
	k.addMem(-mem)
	for _, e := range fds {
		if e.f != nil {
			e.f.unref(t)
		}
	}
	var info ProcInfo
	if t.started {
		info = t.Info()
	}
	k.mu.Lock()
	t.status = ws
	t.state.Store(int32(stateZombie))
	// A dying session leader gives up its terminal.
	if s := t.session; s != nil && s.pids[0] == t.pids[0] && s.tty != nil {
		tty := s.tty
		s.tty = nil
		if tty.session == s {
			tty.session = nil
			if tty.fg != nil {
				k.killGroup(tty.fg, SIGHUP)
				k.killGroup(tty.fg, SIGCONT)
			}
			tty.fg = nil
		}
	}
	init := t.isInit()
	if init {
		for _, x := range t.pidns.tasks {
			if x != t && x.state.Load() != int32(stateZombie) {
				x.fromOutside = true
				k.post(x, SIGKILL)
			}
		}
	}
	// Orphans go to the nearest subreaper, else to their namespace's init.
	for c := range t.kids {
		heir := t.pidns.init
		for p := t.parent; p != nil && p.pidns == t.pidns; p = p.parent {
			if p.subreaper {
				heir = p
				break
			}
		}
		if heir == t || heir != nil && heir.state.Load() == int32(stateZombie) {
			heir = nil
		}
		c.parent = heir
		c.adopted = true
		if heir != nil {
			if heir.kids == nil {
				heir.kids = map[*Task]struct{}{}
			}
			heir.kids[c] = struct{}{}
		}
		if c.state.Load() == int32(stateZombie) {
			if heir == nil || heir.ignoresChildren() || heir.auto() {
				k.reap(c)
			} else {
				k.post(heir, SIGCHLD)
				heir.kick()
			}
		}
	}
	t.kids = nil
	if p := t.parent; p != nil && p.state.Load() != int32(stateZombie) && !p.ignoresChildren() && !(t.adopted && p.auto()) {
		k.post(p, SIGCHLD)
		p.kick()
	} else {
		k.reap(t)
		if p != nil {
			p.kick()
		}
	}
	t.ns.count--
	t.ns.spent.Add(t.ticks.Load() + t.stalled.Load())
	after := t.after
	if k.stopped {
		after = nil
	}
	k.mu.Unlock()
	if t.started {
		k.cfg.Observer.ProcExit(info, ws)
	}
	close(t.done)
	if after != nil {
		after(ws)
	}
}

// AfterEnd has f called when t has ended, under no lock, unless the kernel has been
// stopped; nil takes it back. f must not block. It tells whether t was still there.
func (t *Task) AfterEnd(f func(ws WaitStatus)) bool {
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	t.after = f
	return t.state.Load() != int32(stateZombie)
}

// Later calls f after a time of the kernel's clock, unless it has been stopped.
func (k *Kernel) Later(d time.Duration, f func()) {
	k.cfg.Clock.AfterFunc(d, func() {
		k.mu.Lock()
		stopped := k.stopped
		k.mu.Unlock()
		if !stopped {
			f()
		}
	})
}

func (t *Task) ignoresChildren() bool { return t.res != nil || t.disp[SIGCHLD].Kind == Ignore }

// auto tells whether orphans that come to t are reaped for it: the host's init
// does so, whatever program plays it; a container's first process keeps zombies,
// as real ones do.
func (t *Task) auto() bool { return t.isInit() && t.pidns.level == 0 }

// reap removes a zombie. Kernel.mu is held.
func (k *Kernel) reap(t *Task) {
	for p := t.pidns; p != nil; p = p.parent {
		if p.tasks[t.pids[p.level]] == t {
			delete(p.tasks, t.pids[p.level])
		}
	}
	delete(k.tasks, t.pids[0])
	if p := t.parent; p != nil {
		delete(p.kids, t)
	}
	// A namespace ends with its init: what it left goes too.
	if t.pidns.init == t && t.pidns.level > 0 {
		for _, x := range t.pidns.tasks {
			if x.state.Load() == int32(stateZombie) {
				k.reap(x)
			}
		}
	}
}

// Wait options.
const (
	WNOHANG    = 1
	WUNTRACED  = 2
	WCONTINUED = 8
)

// Wait is waitpid(2): pid -1 any child, 0 of the own group, less -1 of the group
// -pid. With WNOHANG and nothing to tell it gives pid 0.
func (t *Task) Wait(pid, options int) (int, WaitStatus, error) {
	ran := t.handled
	t.enter()
	var got int
	var ws WaitStatus
	var err error
	k := t.k
	match := func(c *Task) bool {
		switch {
		case pid == -1:
			return true
		case pid == 0:
			return c.pgrp == t.pgrp
		case pid < -1:
			return t.pidns.seeGroup(c.pgrp) == -pid
		}
		return t.pidns.see(c) == pid
	}
	look := func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		any := false
		for c := range t.kids {
			if !match(c) {
				continue
			}
			any = true
			switch {
			case c.state.Load() == int32(stateZombie):
				got, ws = t.pidns.see(c), c.status
				t.reaped.Add(c.CPUTime().Microseconds() + c.reaped.Load())
				k.reap(c)
				return true
			case c.report != 0 && (c.report == 0xffff && options&WCONTINUED != 0 || c.report != 0xffff && options&WUNTRACED != 0):
				got, ws = t.pidns.see(c), c.report
				c.report = 0
				return true
			}
		}
		if !any {
			err = vfs.ECHILD
			return true
		}
		return options&WNOHANG != 0
	}
	if look() {
		return got, ws, err
	}
	if t.handled != ran {
		return 0, 0, vfs.EINTR // as if it had come just after the call began
	}
	berr := t.block(look)
	if berr != nil {
		return 0, 0, berr
	}
	return got, ws, err
}

// SetSubreaper is prctl(PR_SET_CHILD_SUBREAPER).
func (t *Task) SetSubreaper(on bool) {
	t.k.mu.Lock()
	t.subreaper = on
	t.k.mu.Unlock()
}

// Spawn describes a process to start.
type Spawn struct {
	Path string   // without a slash it is looked up in PATH
	Argv []string // nil: Path
	Env  []string // nil: the parent's
	Dir  string   // "" is the parent's
	// Fds are the child's descriptors: its number to the parent's. Nil inherits
	// all that are not close-on-exec.
	Fds map[int]int
	// Files are open files for ns.Start, and for Task.Spawn beside Fds.
	Files      map[int]*File
	Setpgid    bool
	Pgid       int // with Setpgid; 0 is a group of its own
	Setsid     bool
	Ctty       *PTY     // with Setsid: the controlling terminal
	Foreground bool     // with Setpgid: takes the terminal's foreground
	Defaults   []Signal // put back to their default, ignored ones too
	Cred       *vfs.Cred
	Umask      *vfs.Mode
	Root       string // chroot, before Dir
	Origin     string // what the Observer is told; "exec" if empty
	// Fn runs instead of an executable, under the name Path.
	Fn Program
	// Parent and HostPID, for ns.Start: a resident that shows as the parent where
	// its pid is seen, and the pid in the host's pid namespace if that is free.
	Parent  *Task
	HostPID int
}

// Spawn is fork and execve in one. Errors of execve are returned and leave no
// process behind.
func (t *Task) Spawn(s Spawn) (*Task, error) {
	t.enter()
	c, err := t.child()
	if err != nil {
		return nil, err
	}
	t.k.mu.Lock()
	c.dropHandlers()
	for _, sig := range s.Defaults {
		delete(c.disp, sig)
	}
	switch {
	case s.Setsid:
		c.lead()
	case s.Setpgid:
		_ = c.join(t, s.Pgid) // a group that has ended: the child stays in its parent's
		if s.Foreground && c.session.tty != nil {
			c.session.tty.fg = c.pgrp
		}
	}
	t.k.mu.Unlock()
	if s.Fds != nil {
		c.mu.Lock()
		old := c.fds
		c.fds = nil
		for n, from := range s.Fds {
			if from >= 0 && from < len(old) && old[from].f != nil {
				old[from].f.ref()
				c.setFd(n, old[from].f, false)
			}
		}
		c.mu.Unlock()
		for _, e := range old {
			if e.f != nil {
				e.f.unref(c)
			}
		}
	}
	fn, err := c.prepare(s)
	if err != nil {
		t.k.abandon(c)
		return nil, err
	}
	t.k.run(c, fn)
	return c, nil
}

// prepare makes c ready to run s.
func (c *Task) prepare(s Spawn) (Program, error) {
	c.mu.Lock()
	for n, f := range s.Files {
		f.ref()
		if old := c.setFd(n, f, false); old != nil {
			c.mu.Unlock()
			old.unref(c)
			c.mu.Lock()
		}
	}
	if s.Cred != nil {
		c.cred = s.Cred
	}
	if s.Umask != nil {
		c.umask = *s.Umask
	}
	c.origin = s.Origin
	if c.origin == "" {
		c.origin = "exec"
	}
	c.mu.Unlock()
	if s.Root != "" {
		if err := c.Chroot(s.Root); err != nil {
			return nil, err
		}
		if s.Dir == "" {
			s.Dir = "/"
		}
	}
	if s.Dir != "" {
		if err := c.Chdir(s.Dir); err != nil {
			return nil, err
		}
	}
	if s.Ctty != nil {
		c.k.mu.Lock()
		c.session.tty = s.Ctty
		s.Ctty.session, s.Ctty.fg = c.session, c.pgrp
		c.k.mu.Unlock()
	}
	env := s.Env
	if env == nil {
		env = c.Env()
	}
	argv := s.Argv
	if len(argv) == 0 {
		argv = []string{s.Path}
	}
	if s.Fn != nil {
		c.mu.Lock()
		c.args, c.env, c.exe = argv, env, s.Path
		c.mu.Unlock()
		c.SetComm(path.Base(s.Path))
		return c.told(s.Fn), nil
	}
	p := s.Path
	if !strings.Contains(p, "/") {
		c.SetEnviron(env)
		var err error
		if p, err = c.LookPath(p); err != nil {
			return nil, err
		}
	}
	fn, err := c.load(p, argv, env)
	if err != nil {
		return nil, err
	}
	return c.told(fn), nil
}

// told makes a program tell the Observer of its start first.
func (t *Task) told(fn Program) Program {
	return func(t *Task) int {
		t.k.mu.Lock()
		t.started = true
		t.k.mu.Unlock()
		t.k.cfg.Observer.ProcStart(t.Info())
		return fn(t)
	}
}

// abandon removes a task that never ran.
func (k *Kernel) abandon(c *Task) {
	c.mu.Lock()
	fds := c.fds
	c.fds = nil
	c.mu.Unlock()
	for _, e := range fds {
		if e.f != nil {
			e.f.unref(c)
		}
	}
	k.mu.Lock()
	c.state.Store(int32(stateZombie))
	c.ns.count--
	if c.pidns.init == c {
		c.pidns.init = nil
	}
	k.reap(c)
	k.mu.Unlock()
	close(c.done)
}

// Exec is execve(2): it returns only an error.
func (t *Task) Exec(p string, argv, env []string) error {
	t.enter()
	if env == nil {
		env = t.Env()
	}
	fn, err := t.load(p, argv, env)
	if err != nil {
		return err
	}
	t.dying = true // deferred functions of the old program must not block
	panic(execPanic{t.told(fn)})
}

// LookPath finds a program in PATH: ENOENT if there is none, EACCES if what there
// is may not be executed.
func (t *Task) LookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, t.Access(name, vfs.MayExec)
	}
	var denied error
	p, ok := t.LookupEnv("PATH")
	if !ok {
		p = "/bin:/usr/bin"
	}
	for _, dir := range strings.Split(p, ":") {
		if dir == "" {
			dir = "."
		}
		full := dir + "/" + name
		st, err := t.Stat(full)
		if err != nil {
			continue
		}
		if !st.Mode.IsRegular() || !t.Creds().Permitted(&st, vfs.MayExec) {
			denied = vfs.EACCES
			continue
		}
		return full, nil
	}
	if denied != nil {
		return "", denied
	}
	return "", vfs.ENOENT
}

// maxArg is a bound on argv and environment together, as ARG_MAX.
const maxArg = 2 << 20

// load finds what an executable runs, and changes the task as execve does once
// nothing can fail any more.
func (t *Task) load(p string, argv, env []string) (Program, error) {
	size := 0
	for _, s := range argv {
		size += len(s) + 9
	}
	for _, s := range env {
		size += len(s) + 9
	}
	if size > maxArg {
		return nil, vfs.E2BIG
	}
	if len(argv) == 0 {
		argv = []string{p}
	}
	c := t.context()
	shown := p
	for depth := 0; ; depth++ {
		if depth > 5 {
			return nil, vfs.ELOOP
		}
		at, err := t.mnt.Resolve(c, p, true)
		if err != nil {
			return nil, err
		}
		st := at.Node().Stat()
		if !st.Mode.IsRegular() {
			return nil, vfs.EACCES
		}
		if !t.cred.Permitted(&st, vfs.MayExec) || at.Mount().NoExec {
			return nil, vfs.EACCES
		}
		var head [1024]byte
		n, _ := at.Node().ReadAt(c, head[:], 0)
		b := head[:n]
		if len(b) > 2 && b[0] == '#' && b[1] == '!' {
			line, _, ok := strings.Cut(string(b[2:min(n, 256)]), "\n")
			if !ok && n >= 256 {
				return nil, vfs.ENOEXEC
			}
			line = strings.Trim(line, " \t")
			interp, arg, has := strings.Cut(line, " ")
			if i := strings.IndexByte(interp, '\t'); i >= 0 {
				interp, arg, has = line[:i], line[i+1:], true
			}
			if interp == "" {
				return nil, vfs.ENOEXEC
			}
			na := []string{interp}
			if arg = strings.TrimLeft(arg, " \t"); has && arg != "" {
				na = append(na, arg)
			}
			argv = append(append(na, p), argv[min(1, len(argv)):]...)
			p = interp
			continue
		}
		if len(b) < 4 || string(b[:4]) != "\x7fELF" {
			return nil, vfs.ENOEXEC
		}
		fn := t.k.cfg.Programs.find(b, at)
		if fn == nil {
			return nil, vfs.ENOEXEC
		}
		// The point of no return.
		cred := t.cred
		if st.Mode&(vfs.S_ISUID|vfs.S_ISGID) != 0 && !at.Mount().NoSuid {
			n := *cred
			if st.Mode&vfs.S_ISUID != 0 {
				n.EUID = st.UID
			}
			if st.Mode&vfs.S_ISGID != 0 {
				n.EGID = st.GID
			}
			cred = &n
		}
		if cred.EUID == 0 && cred.Caps != cred.Bound {
			n := *cred
			n.Caps = n.Bound
			cred = &n
		}
		t.mu.Lock()
		t.args, t.env, t.cred = argv, env, cred
		t.exePath, t.exe = at, at.From(t.root)
		t.comm = path.Base(shown)
		if len(t.comm) > 15 {
			t.comm = t.comm[:15]
		}
		mem := t.mem
		t.mem = 0
		var closed []*File
		for i, e := range t.fds {
			if e.f != nil && e.cloexec {
				closed = append(closed, e.f)
				t.fds[i] = fdEntry{}
			}
		}
		t.mu.Unlock()
		t.ns.mem.Add(-mem)
		t.k.addMem(-mem)
		for _, f := range closed {
			f.unref(t)
		}
		t.k.mu.Lock()
		t.dropHandlers()
		t.execed = true
		t.k.mu.Unlock()
		return fn, nil
	}
}

// procfs is a procfs: it shows the tasks of one pid namespace, which need not be
// the one of who looks.
type procfs struct {
	*vfs.Synth
	pn *pidns
}

// procView gives the pid namespace of the procfs on t's /proc, nil where there is
// none: after a chroot into another system's root it is that system's.
func (t *Task) procView() *pidns {
	p, err := t.resolve("/proc", true)
	if err != nil {
		return nil
	}
	if f, ok := p.Mount().FS.(*procfs); ok {
		return f.pn
	}
	return nil
}

// Processes lists the tasks in t's /proc, by pid; nil where nothing is mounted
// there.
func (t *Task) Processes() []*Task {
	pn := t.procView()
	if pn == nil {
		return nil
	}
	return pn.list(t.k)
}

// PIDIn gives t's pid as o's /proc shows it, 0 if it does not. It is no pid that
// o's kill(2) would know if that /proc is another namespace's.
func (t *Task) PIDIn(o *Task) int { return o.procView().see(t) }

// Zombie tells whether a task has ended and was not waited for.
func (t *Task) Zombie() bool {
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	return t.state.Load() == int32(stateZombie)
}

// Parent gives the parent task, nil for a namespace's first.
func (t *Task) Parent() *Task {
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	return t.parent
}

// TTY gives the controlling terminal, nil if there is none.
func (t *Task) TTY() *PTY {
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	return t.session.tty
}

// String names the task in logs.
func (t *Task) String() string { return t.Comm() + "[" + strconv.Itoa(t.pids[0]) + "]" }
