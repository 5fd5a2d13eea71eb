package kernel

import (
	"path"
	"time"

	"github.com/whalefall/whalefall/internal/vfs"
)

// Resident describes a process that is there and does nothing: a daemon of the
// host's, or a thread of its kernel. It is a [Task] that has no goroutine at any
// time; a signal that ends it takes it away at once.
type Resident struct {
	PID     int // in the host's pid namespace; 0, or one that is taken, takes the next
	Parent  *Task
	Leader  *Task    // whose group and session it is in; nil: its own
	Path    string   // the executable; with Argv nil the name of a kernel thread
	Argv    []string // nil: a thread of the kernel
	Env     []string
	Cred    *vfs.Cred // nil: root
	Started time.Time
	// Share is the part of one processor it takes: 0.01 is 1 %.
	Share    float64
	VSZ, RSS int64 // bytes; 0 takes some of a small daemon's
	Threads  int
	Nice     int
	Idle     bool   // shown as I: a kernel thread that waits for no event
	Console  string // its terminal, which is none of ours: "tty1"
	Cgroup   string // of /proc/PID/cgroup; "" is the namespace's
	Ends     bool   // SIGTERM and its kin end it in order, with status 0
	// Ended is called, under no lock, when a signal has ended it.
	Ended func(ws WaitStatus)
}

// handledByDaemons are the signals that daemons take as a word, not as their end.
const handledByDaemons = uint64(1<<(SIGHUP-1) | 1<<(SIGUSR1-1) | 1<<(SIGUSR2-1) | 1<<(SIGPIPE-1) | 1<<(SIGALRM-1))

// Reside puts a resident into the namespace.
func (ns *NS) Reside(r Resident) (*Task, error) {
	k := ns.k
	k.mu.Lock()
	if err := k.mayFork(ns); err != nil {
		k.mu.Unlock()
		return nil, err
	}
	t := k.newTaskAt(ns, ns.pidns, r.PID) // of a container too, PID is the host's
	t.passive, t.res = true, &r
	t.state.Store(int32(stateSleeping))
	if !r.Started.IsZero() {
		t.start = r.Started
	}
	if p := r.Parent; p != nil {
		t.adoptBy(p)
	}
	t.lead()
	if r.Leader != nil {
		t.pgrp, t.session = r.Leader.pgrp, r.Leader.session
	}
	if r.Argv == nil {
		// Threads of the kernel belong to no group and no session.
		t.pgrp, t.session = noGroup(ns.pidns.level), noGroup(ns.pidns.level)
	}
	k.mu.Unlock()
	t.mu.Lock()
	t.root = ns.mnt.Root()
	t.cwd, t.mnt, t.umask, t.nice = t.root, ns.mnt, 0o022, r.Nice
	t.args, t.env = r.Argv, r.Env
	t.cred = r.Cred
	if t.cred == nil {
		t.cred = vfs.Root()
	}
	t.origin = "boot"
	t.comm = r.Path
	if r.Argv != nil {
		t.exe, t.comm = r.Path, path.Base(r.Path)
		t.comm = t.comm[:min(len(t.comm), 15)]
		if p, err := ns.mnt.Resolve(ns.Context(), r.Path, true); err == nil {
			t.exePath, t.exe = p, p.From(t.root)
		}
	}
	t.mu.Unlock()
	return t, nil
}

func noGroup(level int) *group { return &group{pids: make([]int, level+1)} }

// adoptBy makes t a child of p. Kernel.mu is held.
func (t *Task) adoptBy(p *Task) {
	t.parent = p
	if p.kids == nil {
		p.kids = map[*Task]struct{}{}
	}
	p.kids[t] = struct{}{}
}

// SkipPIDs lets pids go by, as helpers that came and went would have taken them.
func (ns *NS) SkipPIDs(n int) {
	ns.k.mu.Lock()
	ns.pidns.next += n
	ns.k.mu.Unlock()
}

// Dismiss ends a resident without a trace.
func (k *Kernel) Dismiss(t *Task) {
	k.mu.Lock()
	if !t.passive || t.state.Load() == int32(stateZombie) {
		k.mu.Unlock()
		return
	}
	t.passive = false
	k.bury(t, 0)
	k.mu.Unlock()
	close(t.done)
}

// bury takes away a task that has no goroutine. Kernel.mu is held.
func (k *Kernel) bury(t *Task, ws WaitStatus) {
	t.status = ws
	t.state.Store(int32(stateZombie))
	if t.isInit() {
		for _, x := range t.pidns.tasks {
			if x != t && x.state.Load() != int32(stateZombie) {
				x.fromOutside = true
				k.post(x, SIGKILL)
			}
		}
	}
	for c := range t.kids {
		c.parent, c.adopted = t.pidns.init, true
		if h := t.pidns.init; h != nil && h != t {
			c.adoptBy(h)
		}
	}
	t.kids = nil
	t.ns.count--
	k.reap(t)
}

// postPassive is post for a resident. Kernel.mu is held.
func (k *Kernel) postPassive(t *Task, s Signal) {
	switch {
	case t.res.Argv == nil:
	case s == SIGCONT:
		t.stopped = false
	case s == SIGSTOP:
		t.stopped = true
	case s == SIGKILL, ignoredByDefault&bit(s) == 0 && handledByDaemons&bit(s) == 0 && stopSet&bit(s) == 0 && (!t.isInit() || t.fromOutside || t.res.Ends):
		t.passive = false
		ws := signaled(s)
		if t.res.Ends && s != SIGKILL {
			ws = exited(0)
		}
		k.bury(t, ws)
		close(t.done)
		if f := t.res.Ended; f != nil && !k.stopped {
			k.wg.Add(1)
			go func() { defer k.wg.Done(); f(ws) }()
		}
	}
}

// Thread tells whether t is a thread of the kernel's.
func (t *Task) Thread() bool { return t.res != nil && t.res.Argv == nil }

// Threads gives how many threads a process has.
func (t *Task) Threads() int {
	if t.res != nil {
		return max(1, t.res.Threads)
	}
	return 1
}

// Console gives the terminal of a resident, "" if it has none.
func (t *Task) Console() string {
	if t.res != nil {
		return t.res.Console
	}
	return ""
}

// Flags gives ps's letters after the state: < N s l.
func (t *Task) Flags() string {
	s := ""
	switch n := t.Nice(); {
	case n < 0:
		s = "<"
	case n > 0:
		s = "N"
	}
	t.k.mu.Lock()
	if t.session.pids[len(t.session.pids)-1] == t.PID() {
		s += "s"
	}
	t.k.mu.Unlock()
	if t.Threads() > 1 {
		s += "l"
	}
	return s
}
