// Package supervise starts the sensor and the operator side and keeps them up.
//
// # Promise
//
// The supervisor opens the listening sockets, the lock, the pair and the memfd
// queue, and holds them for as long as it lives; it reads no byte from outside.
// A child that dies is started again at once, then with a back-off of 50 ms to
// at most 1 s that is forgotten after ten quiet seconds; the listening sockets
// stay open meanwhile. A child that cannot start ends the others only while
// somebody still looks on: a sensor that has never stayed up, or a child that says
// its configuration is at fault. Otherwise the operator side may fail for as long
// as it likes (a full disk does not take its store) and the sensor goes on.
//
// The supervisor's death ends both children: they have asked for SIGKILL at the
// death of the thread that started them, so Run locks its thread for good, and
// each reads the end of file of a life pipe of which the supervisor alone holds
// the other end.
//
// # What a child inherits
//
// ExtraFiles in this order: 3 its configuration (a pipe, JSON, read to its end),
// 4 the life pipe, 5 its end of the pair, then what Child.Files names.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	minBackoff = 50 * time.Millisecond
	maxBackoff = time.Second
	// spareBackoff is the longest pause before a spare child's next start.
	spareBackoff = 5 * time.Second
	quiet        = 10 * time.Second
	// grace is how long children have to end in order.
	grace = 5 * time.Second
)

// Child is one process to keep up.
type Child struct {
	Name string
	Args []string // arguments of this same binary
	// Config is written to the child's descriptor 3 at each start.
	Config func() []byte
	// Pair is the child's end of the pair, Files what follows it.
	Pair  *os.File
	Files []*os.File
	// Attr adds to how the process is started (namespaces); nil for none. Where
	// it is refused with EPERM, the child starts without.
	Attr func() *syscall.SysProcAttr
	// Env is the child's whole environment.
	Env []string
	// Spare says that the others go on without it, however often it fails.
	Spare bool
}

// Supervisor keeps children up.
type Supervisor struct {
	Log      *slog.Logger
	Children []Child
	// Started is told of each start (for tests and the log), by name and pid.
	Started func(name string, pid int)
	// Reload makes a Run pass SIGHUP on to the children.
	Reload <-chan struct{}
}

// Pair makes the two ends of the pair.
func Pair() (sensor, operator *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make the pair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "pair-sensor"), os.NewFile(uintptr(fds[1]), "pair-operator"), nil
}

// Lock takes the lock at path, waiting up to wait for an earlier process to end.
func Lock(ctx context.Context, path string, wait time.Duration) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	deadline := time.Now().Add(wait)
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) {
			_ = f.Close() // holds no lock
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, ErrLocked
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			_ = f.Close() // holds no lock
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ErrLocked says that another process serves the data directory.
var ErrLocked = errors.New("another whalefall serves this data directory")

type exited struct {
	i   int
	err error
	cmd *exec.Cmd
}

// Run starts the children and keeps them up until ctx ends; then it ends them
// in order (SIGTERM, after five seconds SIGKILL) and returns. A child that has
// never stayed up for a second makes Run give up with an error when it exits with
// ExitConfig or, unless it is spare, when it fails five times at once.
func (s *Supervisor) Run(ctx context.Context) error {
	// The children's parent-death signal is bound to this very thread.
	runtime.LockOSThread()
	lifeR, lifeW, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make the life pipe: %w", err)
	}
	defer lifeW.Close()
	defer lifeR.Close()
	ends := make(chan exited, len(s.Children))
	state := make([]struct {
		cmd     *exec.Cmd
		backoff time.Duration
		since   time.Time
		stayed  bool
		quick   int
		due     time.Time
	}, len(s.Children))
	start := func(i int) error {
		cmd, err := s.start(s.Children[i], lifeR)
		if err != nil {
			return err
		}
		state[i].cmd, state[i].since = cmd, time.Now()
		go func() { ends <- exited{i, cmd.Wait(), cmd} }()
		if s.Started != nil {
			s.Started(s.Children[i].Name, cmd.Process.Pid)
		}
		return nil
	}
	stop := func() {
		for i := range state {
			if state[i].cmd != nil {
				_ = state[i].cmd.Process.Signal(syscall.SIGTERM) // one that has died is told on ends
			}
		}
		t := time.NewTimer(grace)
		defer t.Stop()
		for {
			left := 0
			for i := range state {
				if state[i].cmd != nil {
					left++
				}
			}
			if left == 0 {
				return
			}
			select {
			case e := <-ends:
				state[e.i].cmd = nil
			case <-t.C:
				for i := range state {
					if state[i].cmd != nil {
						_ = state[i].cmd.Process.Kill() // likewise
					}
				}
			}
		}
	}
	for i := range s.Children {
		if err := start(i); err != nil {
			stop()
			return err
		}
	}
	retry := time.NewTimer(time.Hour)
	retry.Stop()
	for {
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-s.Reload:
			for i := range state {
				if state[i].cmd != nil {
					_ = state[i].cmd.Process.Signal(syscall.SIGHUP) // its successor reads the new plan anyway
				}
			}
		case e := <-ends:
			st := &state[e.i]
			st.cmd = nil
			up := time.Since(st.since)
			if up > time.Second {
				st.stayed = true
			}
			name := s.Children[e.i].Name
			var fatal *exec.ExitError
			// Who is killed did not fail by itself.
			killed := errors.As(e.err, &fatal) && fatal.ExitCode() < 0
			if up < time.Second && !killed {
				st.quick++
			} else {
				st.quick = 0
			}
			hopeless := errors.As(e.err, &fatal) && fatal.ExitCode() == ExitConfig || !s.Children[e.i].Spare && st.quick >= 5
			if hopeless && !st.stayed {
				stop()
				return &ChildError{Name: name, Err: e.err}
			}
			if up > quiet {
				st.backoff = 0
			}
			s.Log.Warn("a process ended and is started again", "process", name, "after", up.Round(time.Millisecond).String(), "how", fmt.Sprint(e.err), "in", st.backoff.String())
			if st.backoff == 0 {
				st.backoff = minBackoff
				if err := start(e.i); err != nil {
					stop()
					return err
				}
				continue
			}
			st.due = time.Now().Add(st.backoff)
			longest := maxBackoff
			if s.Children[e.i].Spare {
				longest = spareBackoff
			}
			st.backoff = min(2*st.backoff, longest)
			next := st.due
			for i := range state {
				if state[i].cmd == nil && !state[i].due.IsZero() && state[i].due.Before(next) {
					next = state[i].due
				}
			}
			retry.Reset(time.Until(next))
		case <-retry.C:
			var next time.Time
			for i := range state {
				if state[i].cmd != nil || state[i].due.IsZero() {
					continue
				}
				if time.Now().Before(state[i].due) {
					if next.IsZero() || state[i].due.Before(next) {
						next = state[i].due
					}
					continue
				}
				state[i].due = time.Time{}
				if err := start(i); err != nil {
					stop()
					return err
				}
			}
			if !next.IsZero() {
				retry.Reset(time.Until(next))
			}
		}
	}
}

// ExitConfig is the exit status of a child that would fail again: a supervisor that
// has not seen it up gives up with the message the child printed.
const ExitConfig = 78

// ChildError says that a child cannot be kept up.
type ChildError struct {
	Name string
	Err  error
}

func (e *ChildError) Error() string { return fmt.Sprintf("the %s does not stay up: %v", e.Name, e.Err) }
func (e *ChildError) Unwrap() error { return e.Err }

func (s *Supervisor) start(c Child, life *os.File) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	try := func(attr *syscall.SysProcAttr) (*exec.Cmd, error) {
		cr, cw, err := os.Pipe()
		if err != nil {
			return nil, fmt.Errorf("make a pipe for the %s: %w", c.Name, err)
		}
		cmd := exec.Command(self, c.Args...) //nolint:noctx // the supervisor ends it, in its order: first asked, then killed
		cmd.Env = c.Env
		cmd.Dir = "/"
		cmd.Stderr = os.Stderr
		cmd.ExtraFiles = append([]*os.File{cr, life, c.Pair}, c.Files...)
		cmd.SysProcAttr = attr
		attr.Pdeathsig = syscall.SIGKILL
		attr.Setpgid = true // Ctrl-C at a terminal reaches the supervisor alone
		err = cmd.Start()
		_ = cr.Close() // the child has its copy
		if err != nil {
			_ = cw.Close()
			return nil, err
		}
		conf := c.Config()
		go func() {
			_, _ = cw.Write(conf) // a child that died does not read it
			_ = cw.Close()
		}()
		return cmd, nil
	}
	attr := &syscall.SysProcAttr{}
	if c.Attr != nil {
		attr = c.Attr()
	}
	cmd, err := try(attr)
	if err != nil && c.Attr != nil && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSPC)) {
		cmd, err = try(&syscall.SysProcAttr{})
	}
	if err != nil {
		return nil, fmt.Errorf("start the %s: %w", c.Name, err)
	}
	return cmd, nil
}
