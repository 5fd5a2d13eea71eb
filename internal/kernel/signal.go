package kernel

import (
	"strconv"

	"github.com/whalefall/whalefall/internal/vfs"
)

// Signal is a signal's number.
type Signal int

// Signals of Linux on amd64.
const (
	SIGHUP Signal = 1 + iota
	SIGINT
	SIGQUIT
	SIGILL
	SIGTRAP
	SIGABRT
	SIGBUS
	SIGFPE
	SIGKILL
	SIGUSR1
	SIGSEGV
	SIGUSR2
	SIGPIPE
	SIGALRM
	SIGTERM
	SIGSTKFLT
	SIGCHLD
	SIGCONT
	SIGSTOP
	SIGTSTP
	SIGTTIN
	SIGTTOU
	SIGURG
	SIGXCPU
	SIGXFSZ
	SIGVTALRM
	SIGPROF
	SIGWINCH
	SIGIO
	SIGPWR
	SIGSYS
)

// NSIG is the number of signals, and one.
const NSIG = 65

var sigNames = [...]string{1: "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
	"STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "POLL", "PWR", "SYS"}

var sigTexts = [...]string{1: "Hangup", "Interrupt", "Quit", "Illegal instruction", "Trace/breakpoint trap", "Aborted", "Bus error",
	"Floating point exception", "Killed", "User defined signal 1", "Segmentation fault", "User defined signal 2", "Broken pipe", "Alarm clock",
	"Terminated", "Stack fault", "Child exited", "Continued", "Stopped (signal)", "Stopped", "Stopped (tty input)", "Stopped (tty output)",
	"Urgent I/O condition", "CPU time limit exceeded", "File size limit exceeded", "Virtual timer expired", "Profiling timer expired",
	"Window changed", "I/O possible", "Power failure", "Bad system call"}

// Name gives the name without SIG, "RTMIN+1" and the like for real-time ones.
func (s Signal) Name() string {
	switch {
	case s > 0 && int(s) < len(sigNames):
		return sigNames[s]
	case s == 34:
		return "RTMIN"
	case s == 64:
		return "RTMAX"
	case s > 34 && s <= 49:
		return "RTMIN+" + strconv.Itoa(int(s-34))
	case s > 49 && s < 64:
		return "RTMAX-" + strconv.Itoa(int(64-s))
	}
	return strconv.Itoa(int(s))
}

// String gives strsignal(3)'s text.
func (s Signal) String() string {
	if s > 0 && int(s) < len(sigTexts) {
		return sigTexts[s]
	}
	if s >= 34 && s <= 64 {
		return "Real-time signal " + strconv.Itoa(int(s-34))
	}
	return "Unknown signal " + strconv.Itoa(int(s))
}

// ParseSignal reads a name with or without SIG, in any case, or a number.
func ParseSignal(s string) (Signal, bool) {
	if n, err := strconv.Atoi(s); err == nil {
		return Signal(n), n >= 0 && n < NSIG
	}
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 32
		}
	}
	u := string(b)
	if len(u) > 3 && u[:3] == "SIG" {
		u = u[3:]
	}
	switch u {
	case "EXIT":
		return 0, true
	case "IO":
		return SIGIO, true
	case "CLD":
		return SIGCHLD, true
	case "IOT":
		return SIGABRT, true
	}
	for i := Signal(1); i < NSIG; i++ {
		if i.Name() == u && (i < 32 || i > 33) {
			return i, true
		}
	}
	return 0, false
}

// Disposition is what a signal does.
type Disposition struct {
	Kind    DispKind
	Handler func(Signal) // run in the task's goroutine
}

// DispKind is SIG_DFL, SIG_IGN or a handler.
type DispKind int

// The kinds of disposition.
const (
	Default DispKind = iota
	Ignore
	Handle
)

func bit(s Signal) uint64 { return 1 << (s - 1) }

const unblockable = uint64(1<<(SIGKILL-1) | 1<<(SIGSTOP-1))
const stopSet = uint64(1<<(SIGSTOP-1) | 1<<(SIGTSTP-1) | 1<<(SIGTTIN-1) | 1<<(SIGTTOU-1))

// ignoredByDefault are the signals whose default is to do nothing.
const ignoredByDefault = uint64(1<<(SIGCHLD-1) | 1<<(SIGURG-1) | 1<<(SIGWINCH-1) | 1<<(SIGCONT-1))

// Signal sets a signal's disposition and gives the old one.
func (t *Task) Signal(s Signal, d Disposition) (Disposition, error) {
	if s <= 0 || s >= NSIG || s == SIGKILL || s == SIGSTOP {
		return Disposition{}, vfs.EINVAL
	}
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	old := t.disp[s]
	if d.Kind == Default {
		delete(t.disp, s)
	} else {
		if t.disp == nil {
			t.disp = map[Signal]Disposition{}
		}
		t.disp[s] = d
	}
	if d.Kind == Ignore || d.Kind == Default && ignoredByDefault&bit(s) != 0 {
		t.pending &^= bit(s)
	}
	return old, nil
}

// Sigmask sets the blocked signals and gives the old set; bit n-1 is signal n.
func (t *Task) Sigmask(set uint64) uint64 {
	t.k.mu.Lock()
	old := t.blocked
	t.blocked = set &^ unblockable
	if t.pending&^t.blocked != 0 {
		t.attn.Store(true)
	}
	t.k.mu.Unlock()
	return old
}

// post gives a signal to a task. Kernel.mu is held.
func (k *Kernel) post(t *Task, s Signal) {
	if s <= 0 || s >= NSIG || t.state.Load() == int32(stateZombie) {
		return
	}
	if t.passive {
		k.postPassive(t, s)
		return
	}
	if s == SIGCONT {
		t.pending &^= stopSet
		if t.stopped {
			t.stopped = false
			t.report = 0xffff
			if p := t.parent; p != nil {
				p.kick()
			}
		}
	}
	if stopSet&bit(s) != 0 {
		t.pending &^= bit(SIGCONT)
	}
	d := t.disp[s]
	if s != SIGKILL && s != SIGSTOP {
		if d.Kind == Ignore || d.Kind == Default && ignoredByDefault&bit(s) != 0 && t.blocked&bit(s) == 0 {
			t.kick()
			return
		}
		// The first process of a pid namespace is not killed by what it does
		// not handle.
		if d.Kind == Default && t.isInit() && !k.stopped && !t.fromOutside {
			return
		}
	}
	t.pending |= bit(s)
	t.attn.Store(true)
	t.kick()
}

// isInit tells whether t is pid 1 of its namespace.
func (t *Task) isInit() bool { return t.pidns.init == t }

// kick wakes a blocked task, which then looks again at what it waits for.
func (t *Task) kick() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Kill sends a signal as kill(2): pid > 0 a process, 0 the own group, -1 all, less
// the group -pid. Signal 0 only checks.
func (t *Task) Kill(pid int, s Signal) error {
	t.enter()
	if s < 0 || s >= NSIG {
		return vfs.EINVAL
	}
	k := t.k
	k.mu.Lock()
	defer func() { k.mu.Unlock(); t.Poll() }()
	found, allowed := false, false
	send := func(x *Task) {
		if x.state.Load() == int32(stateZombie) && pid <= 0 {
			return
		}
		found = true
		if !t.mayKill(x, s) {
			return
		}
		allowed = true
		if s != 0 {
			// A signal from an outer namespace reaches an init as well.
			x.fromOutside = x.pidns != t.pidns && (s == SIGKILL || s == SIGSTOP)
			if s == SIGKILL && x.isInit() && x.pidns == t.pidns {
				return
			}
			k.post(x, s)
		}
	}
	switch {
	case pid > 0:
		x := t.pidns.tasks[pid]
		if x == nil {
			return vfs.ESRCH
		}
		send(x)
	case pid == -1:
		for _, x := range t.pidns.tasks {
			if x != t && !x.isInit() {
				send(x)
			}
		}
	default:
		g := t.pgrp
		if pid < 0 {
			lead := t.pidns.group(-pid)
			if lead == nil {
				return vfs.ESRCH
			}
			g = lead
		}
		for _, x := range t.pidns.tasks {
			if x.pgrp == g {
				send(x)
			}
		}
	}
	if !found {
		return vfs.ESRCH
	}
	if !allowed {
		return vfs.EPERM
	}
	return nil
}

func (t *Task) mayKill(x *Task, s Signal) bool {
	a, b := t.cred, x.Creds()
	return a.Has(vfs.CapKill) || a.EUID == b.UID || a.UID == b.UID || s == SIGCONT && t.session == x.session
}

// Kill sends a signal to a task from outside of the world (docker kill).
func (k *Kernel) Kill(t *Task, s Signal) {
	k.mu.Lock()
	t.fromOutside = s == SIGKILL || s == SIGSTOP
	k.post(t, s)
	k.mu.Unlock()
}

// killGroup signals a process group. Kernel.mu is held.
func (k *Kernel) killGroup(pgrp *group, s Signal) {
	for _, x := range k.tasks {
		if x.pgrp == pgrp {
			k.post(x, s)
		}
	}
}

// Poll is a signal's way in: it runs handlers, stops and dies. It tells whether a
// handler ran. Every system call polls; a program in a long loop calls Tick.
func (t *Task) Poll() bool {
	if !t.attn.Load() {
		return false
	}
	return t.poll()
}

func (t *Task) poll() bool {
	if t.dying {
		return true
	}
	ran := false
	k := t.k
	for {
		k.mu.Lock()
		if t.stopped && t.pending&bit(SIGKILL) == 0 {
			k.mu.Unlock()
			<-t.wake
			continue
		}
		set := t.pending &^ t.blocked
		if set == 0 {
			t.attn.Store(false)
			k.mu.Unlock()
			return ran
		}
		s := SIGKILL
		if set&bit(SIGKILL) == 0 {
			for s = 1; set&bit(s) == 0; s++ {
			}
		}
		t.pending &^= bit(s)
		d := t.disp[s]
		switch {
		case s == SIGKILL:
			k.mu.Unlock()
			t.die(signaled(s))
		case d.Kind == Handle && s != SIGSTOP:
			k.mu.Unlock()
			ran = true
			t.handled++
			d.Handler(s)
		case d.Kind == Ignore && s != SIGSTOP:
			k.mu.Unlock()
		case stopSet&bit(s) != 0:
			if s != SIGSTOP && k.orphaned(t) {
				k.mu.Unlock()
				continue
			}
			t.stopped = true
			t.report = WaitStatus(0x7f | uint32(s)<<8)
			if p := t.parent; p != nil {
				k.post(p, SIGCHLD)
				p.kick()
			}
			k.mu.Unlock()
		case ignoredByDefault&bit(s) != 0:
			k.mu.Unlock()
		default:
			k.mu.Unlock()
			t.die(signaled(s))
		}
	}
}

// orphaned tells whether t's process group has no parent in its session that
// could continue it. Kernel.mu is held.
func (k *Kernel) orphaned(t *Task) bool {
	for _, x := range k.tasks {
		if x.pgrp == t.pgrp && x.parent != nil && x.parent.pgrp != x.pgrp && x.parent.session == x.session {
			return false
		}
	}
	return true
}

// Pause waits for a signal whose handler runs, which may be one that came before
// the call and was not seen yet.
func (t *Task) Pause() {
	ran := t.handled
	t.enter()
	_ = t.block(func() bool { return t.handled != ran })
}

// waitq is a wait queue: the wake channels of those who look again when something
// changes.
type waitq struct {
	mu waitqMutex
	ws []chan struct{}
}
