package kernel_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
	"github.com/whalefall/whalefall/internal/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func reg() *kernel.Registry {
	r := kernel.NewRegistry()
	r.Register("true", func(*kernel.Task) int { return 0 })
	r.Register("false", func(*kernel.Task) int { return 1 })
	r.Register("cat", func(t *kernel.Task) int {
		if a := t.Args(); len(a) > 1 {
			b, err := t.ReadFile(a[1])
			if err != nil {
				fmt.Fprintln(t.Stderr(), err)
				return 1
			}
			t.Stdout().Write(b)
			return 0
		}
		io.Copy(t.Stdout(), t.Stdin())
		return 0
	})
	r.Register("sleep", func(t *kernel.Task) int { t.Sleep(time.Hour); return 0 })
	r.Register("sh", func(t *kernel.Task) int { fmt.Fprintf(t.Stdout(), "%q", t.Args()); return 0 })
	return r
}

func TestSpawnWait(t *testing.T) {
	w := kerneltest.New(t, reg(), kerneltest.Options{NS: kernel.NSConfig{PIDNS: true, Label: "c0ffee"}})
	r := w.Func(func(t *kernel.Task) int {
		if t.PID() != 1 {
			return 10
		}
		c, err := t.Spawn(kernel.Spawn{Path: "false"})
		if err != nil {
			fmt.Fprint(t.Stderr(), err)
			return 11
		}
		pid, ws, err := t.Wait(-1, 0)
		if err != nil || pid != c.PID() || ws.ExitStatus() != 1 {
			return 12
		}
		if _, _, err := t.Wait(-1, 0); err != vfs.ECHILD {
			return 13
		}
		for path, want := range map[string]error{"/nope": vfs.ENOENT, "nope": vfs.ENOENT, "/etc/passwd": vfs.EACCES, "/etc": vfs.EACCES} {
			if _, err := t.Spawn(kernel.Spawn{Path: path}); !errors.Is(err, want) {
				fmt.Fprint(t.Stderr(), path, err)
				return 14
			}
		}
		// A script runs its interpreter; a text without one does not run.
		t.WriteFile("/tmp/s", []byte("#!/bin/sh -e\n"), 0o755)
		r, wr, _ := t.Pipe()
		t.Spawn(kernel.Spawn{Path: "/tmp/s", Argv: []string{"/tmp/s", "a"}, Fds: map[int]int{1: wr}})
		t.Close(wr)
		b, _ := t.ReadAll(r)
		if string(b) != `["/bin/sh" "-e" "/tmp/s" "a"]` {
			fmt.Fprintf(t.Stderr(), "%s", b)
			return 15
		}
		t.WriteFile("/tmp/t", []byte("echo\n"), 0o755)
		if _, err := t.Spawn(kernel.Spawn{Path: "/tmp/t"}); err != vfs.ENOEXEC {
			return 16
		}
		return 0
	})
	if r.Code != 0 {
		t.Fatalf("%+v", r)
	}
}

func TestCopiedBinary(t *testing.T) {
	w := kerneltest.New(t, reg(), kerneltest.Options{})
	r := w.Func(func(t *kernel.Task) int {
		b, _ := t.ReadFile("/bin/cat")
		t.WriteFile("/tmp/x", b, 0o755)
		t.Rename("/tmp/x", "/tmp/.hidden")
		c, err := t.Spawn(kernel.Spawn{Path: "/tmp/.hidden", Argv: []string{"x", "/etc/hostname"}})
		if err != nil {
			return 1
		}
		_, ws, _ := t.Wait(c.PID(), 0)
		return ws.Code()
	})
	if r.Code != 0 || r.Out != "box\n" {
		t.Fatalf("%+v", r)
	}
}

func TestSignals(t *testing.T) {
	w := kerneltest.New(t, reg(), kerneltest.Options{NS: kernel.NSConfig{PIDNS: true}})
	r := w.Func(func(t *kernel.Task) int {
		c, _ := t.Spawn(kernel.Spawn{Path: "sleep"})
		t.Kill(c.PID(), kernel.SIGTERM)
		_, ws, _ := t.Wait(c.PID(), 0)
		if ws.Code() != 143 {
			return 1
		}
		// Stop, continue.
		c, _ = t.Spawn(kernel.Spawn{Path: "sleep"})
		t.Kill(c.PID(), kernel.SIGSTOP)
		if _, ws, _ := t.Wait(c.PID(), kernel.WUNTRACED); !ws.Stopped() {
			return 2
		}
		if c.State() != "T" {
			return 3
		}
		t.Kill(c.PID(), kernel.SIGCONT)
		t.Kill(c.PID(), kernel.SIGKILL)
		if _, ws, _ := t.Wait(c.PID(), 0); ws.Signal() != kernel.SIGKILL {
			return 4
		}
		// A handler runs and interrupts.
		n := 0
		t.Signal(kernel.SIGUSR1, kernel.Disposition{Kind: kernel.Handle, Handler: func(kernel.Signal) { n++ }})
		me := t.PID()
		t.Fork("", func(t *kernel.Task) int { t.Kill(me, kernel.SIGUSR1); return 0 })
		for n == 0 {
			if t.Sleep(time.Hour) == 0 {
				return 5
			}
		}
		// SIGKILL of one's own init does nothing; an unhandled TERM neither.
		t.Kill(1, kernel.SIGKILL)
		t.Kill(1, kernel.SIGTERM)
		return 0
	})
	if r.Code != 0 {
		t.Fatalf("%+v", r)
	}
}

// TestSignalBeforeWait: a signal that came between a look at a flag and the wait
// for a change of it is not slept over.
func TestSignalBeforeWait(t *testing.T) {
	for name, wait := range map[string]func(*kernel.Task){
		"sleep": func(t *kernel.Task) { t.Sleep(time.Hour) },
		"pause": func(t *kernel.Task) { t.Pause() },
		"wait":  func(t *kernel.Task) { t.Wait(-1, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			w := kerneltest.New(t, reg(), kerneltest.Options{NS: kernel.NSConfig{PIDNS: true}})
			r := w.Func(func(t *kernel.Task) int {
				ran := false
				t.Signal(kernel.SIGUSR1, kernel.Disposition{Kind: kernel.Handle, Handler: func(kernel.Signal) { ran = true }})
				t.Spawn(kernel.Spawn{Path: "sleep"}) // a child that does not end
				w.K.Kill(w.NS.Init(), kernel.SIGUSR1)
				wait(t)
				if !ran {
					return 1
				}
				return 0
			})
			if r.Code != 0 {
				t.Fatalf("%+v", r)
			}
		})
	}
}

// TestStoppedWhileWoken: a wake that comes while the sleeper is stopped is not
// lost to it when it goes on.
func TestStoppedWhileWoken(t *testing.T) {
	for range 50 {
		w := kerneltest.New(t, reg(), kerneltest.Options{NS: kernel.NSConfig{PIDNS: true}})
		r := w.Func(func(t *kernel.Task) int {
			rd, wr, _ := t.Pipe()
			c, _ := t.Fork("", func(t *kernel.Task) int {
				t.Read(rd, make([]byte, 1))
				return 7
			})
			t.Kill(c.PID(), kernel.SIGSTOP)
			t.Wait(c.PID(), kernel.WUNTRACED)
			t.Write(wr, []byte("x"))
			t.Kill(c.PID(), kernel.SIGCONT)
			_, ws, _ := t.Wait(c.PID(), 0)
			return ws.Code()
		})
		if r.Code != 7 {
			t.Fatalf("%+v", r)
		}
	}
}

// TestKilledDoesNotWait: what a killed process's deferred functions call does not
// keep it.
func TestKilledDoesNotWait(t *testing.T) {
	w := kerneltest.New(t, reg(), kerneltest.Options{NS: kernel.NSConfig{PIDNS: true}})
	r := w.Func(func(t *kernel.Task) int {
		rd, _, _ := t.Pipe()
		c, _ := t.Fork("", func(t *kernel.Task) int {
			defer t.Read(rd, make([]byte, 1))
			t.Sleep(time.Hour)
			return 0
		})
		t.Kill(c.PID(), kernel.SIGKILL)
		_, ws, _ := t.Wait(c.PID(), 0)
		return ws.Code()
	})
	if r.Code != 137 {
		t.Fatalf("%+v", r)
	}
}

// TestPool: kernels share a pool of memory; who asks beyond it is killed.
func TestPool(t *testing.T) {
	pool := kernel.NewPool(10<<20, 0)
	hold := make(chan struct{})
	a := kerneltest.New(t, reg(), kerneltest.Options{Limits: kernel.Limits{Pool: pool}})
	b := kerneltest.New(t, reg(), kerneltest.Options{Limits: kernel.Limits{Pool: pool}})
	held := make(chan struct{})
	first, err := a.NS.Start(kernel.Spawn{Path: "hog", Fn: func(t *kernel.Task) int {
		t.Alloc(8 << 20)
		close(held)
		<-hold
		return 0
	}})
	if err != nil {
		t.Fatal(err)
	}
	<-held
	ask := func() int { return b.Func(func(t *kernel.Task) int { t.Alloc(4 << 20); return 0 }).Code }
	if c := ask(); c != 137 {
		t.Errorf("beyond the pool: %d", c)
	}
	close(hold)
	<-first.Done()
	if c := ask(); c != 0 || pool.MemoryUsed() != 0 {
		t.Errorf("within the pool: %d, %d bytes left", c, pool.MemoryUsed())
	}
}

func TestPipeBackPressure(t *testing.T) {
	w := kerneltest.New(t, reg(), kerneltest.Options{})
	r := w.Func(func(t *kernel.Task) int {
		r, wr, _ := t.Pipe()
		c, _ := t.Fork("", func(t *kernel.Task) int {
			t.Close(r)
			for {
				if _, err := t.Write(wr, make([]byte, 10000)); err != nil {
					return 1
				}
			}
		})
		t.Close(wr)
		b := make([]byte, 1<<20)
		for range 100 {
			t.Read(r, b)
		}
		t.Close(r)
		_, ws, _ := t.Wait(c.PID(), 0)
		return int(ws.Signal())
	})
	if r.Code != int(kernel.SIGPIPE) {
		t.Fatalf("%+v", r)
	}
}

func TestInitDeathKillsAll(t *testing.T) {
	w := kerneltest.New(t, reg(), kerneltest.Options{NS: kernel.NSConfig{PIDNS: true}})
	var child *kernel.Task
	w.Func(func(t *kernel.Task) int {
		child, _ = t.Spawn(kernel.Spawn{Path: "sleep"})
		return 0
	})
	select {
	case <-child.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("child outlives its init")
	}
	if _, err := w.NS.Start(kernel.Spawn{Path: "true"}); err == nil {
		// the namespace's init is gone; a new start begins a new life only in a new NS
		t.Log("start in a dead namespace made a new init")
	}
}

func TestPTY(t *testing.T) {
	w := kerneltest.New(t, reg(), kerneltest.Options{NS: kernel.NSConfig{PIDNS: true}})
	p := w.K.NewPTY()
	s := p.Slave()
	task, err := w.NS.Start(kernel.Spawn{Path: "cat", Setsid: true, Ctty: p, Files: map[int]*kernel.File{0: s, 1: s, 2: s}})
	if err != nil {
		t.Fatal(err)
	}
	p.Write([]byte("heplo\x7f\x7f\x7flo\r"))
	var got strings.Builder
	b := make([]byte, 100)
	for !strings.Contains(got.String(), "\r\nhelo\r\n") {
		n, err := p.Read(b)
		if err != nil {
			t.Fatal(err, got.String())
		}
		got.Write(b[:n])
	}
	p.Write([]byte{4})
	<-task.Done()
	if task.WaitStatus().Code() != 0 {
		t.Fatal(task.WaitStatus())
	}
	if _, err := p.Read(b); err != io.EOF {
		t.Fatal(err)
	}
	p.Close()
}

func TestPTYInterrupt(t *testing.T) {
	w := kerneltest.New(t, reg(), kerneltest.Options{})
	p := w.K.NewPTY()
	s := p.Slave()
	task, _ := w.NS.Start(kernel.Spawn{Path: "sleep", Ctty: p, Files: map[int]*kernel.File{0: s, 1: s, 2: s}})
	p.Write([]byte{3})
	<-task.Done()
	if task.WaitStatus().Signal() != kernel.SIGINT {
		t.Fatal(task.WaitStatus())
	}
	p.Close()
}

func TestProc(t *testing.T) {
	w := kerneltest.New(t, reg(), kerneltest.Options{NS: kernel.NSConfig{PIDNS: true, Label: "abcdef0123456789"}})
	for path, want := range map[string]string{"/proc/self/status": "Name:\tcat", "/proc/1/cmdline": "cat\x00/proc/1/cmdline\x00", "/proc/mounts": "proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0",
		"/proc/meminfo": "MemTotal:", "/proc/cpuinfo": "processor\t: 1", "/proc/self/exe": "ELF", "/proc/self/root/etc/hostname": "box", "/proc/net/tcp": "local_address",
		"/proc/sys/kernel/hostname": "box\n", "/proc/1/root/etc/hostname": "box"} {
		w := kerneltest.New(t, reg(), kerneltest.Options{NS: kernel.NSConfig{PIDNS: true, Label: "abcdef0123456789"}})
		if r := w.Run("", "cat", path); !strings.Contains(r.Out, want) {
			t.Errorf("%s: %+v", path, r)
		}
	}
	_ = w
}

func TestLoopback(t *testing.T) {
	w := kerneltest.New(t, reg(), kerneltest.Options{})
	r := w.Func(func(t *kernel.Task) int {
		l, port, err := t.Listen(netip.MustParseAddrPort("0.0.0.0:0"))
		if err != nil {
			return 1
		}
		t.Fork("", func(t *kernel.Task) int {
			fd, err := t.Dial("tcp", "localhost", port)
			if err != nil {
				return 1
			}
			t.Write(fd, []byte("hi"))
			t.ShutdownWrite(fd)
			b, _ := t.ReadAll(fd)
			t.Stdout().Write(b)
			return 0
		})
		c, _, err := t.Accept(l)
		if err != nil {
			return 2
		}
		b, _ := t.ReadAll(c)
		t.Write(c, []byte(strings.ToUpper(string(b))))
		t.Close(c)
		t.Wait(-1, 0)
		if _, err := t.Dial("tcp", "127.0.0.1", port+1); err != vfs.ECONNREFUSED {
			return 3
		}
		return 0
	})
	if r.Code != 0 || r.Out != "HI" {
		t.Fatalf("%+v", r)
	}
}

func TestLimits(t *testing.T) {
	w := kerneltest.New(t, reg(), kerneltest.Options{NS: kernel.NSConfig{PIDNS: true, Pids: 5, Memory: 1 << 20}})
	r := w.Func(func(t *kernel.Task) int {
		n := 0
		for {
			if _, err := t.Spawn(kernel.Spawn{Path: "sleep"}); err != nil {
				if err != vfs.EAGAIN {
					return 1
				}
				break
			}
			n++
		}
		if n != 4 {
			return 2
		}
		fds := 0
		for {
			if _, err := t.Open("/dev/null", 0, 0); err != nil {
				if err != vfs.EMFILE {
					return 3
				}
				break
			}
			fds++
		}
		t.Alloc(2 << 20)
		return 0
	})
	if r.Code != 137 || !w.NS.OOMKilled() {
		t.Fatalf("%+v", r)
	}
}

// A loop cannot hold the processor: it is charged, waits for the world's clock,
// and dies of SIGKILL all the same.
func TestFairShare(t *testing.T) {
	clock := kerneltest.NewClock(time.Unix(1700000000, 0))
	w := kerneltest.New(t, reg(), kerneltest.Options{Clock: clock, Limits: kernel.Limits{CPU: 100000}})
	var n atomic.Int64
	task, err := w.NS.Start(kernel.Spawn{Path: "loop", Fn: func(t *kernel.Task) int {
		for {
			t.Tick(1)
			n.Add(1)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	for clock.Waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	before := n.Load()
	time.Sleep(20 * time.Millisecond)
	if n.Load() != before || before > 30000 {
		t.Fatal("loop runs on", before, n.Load())
	}
	clock.Advance(time.Second)
	for clock.Waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	w.K.Kill(task, kernel.SIGKILL)
	<-task.Done()
}

func TestCrash(t *testing.T) {
	w := kerneltest.New(t, reg(), kerneltest.Options{})
	r := w.Func(func(t *kernel.Task) int { var m map[int]int; m[1] = 1; return 0 }) //nolint:govet,staticcheck // the crash is the test
	if r.Code != 139 {
		t.Fatalf("%+v", r)
	}
}

func TestChrootBind(t *testing.T) {
	w := kerneltest.New(t, reg(), kerneltest.Options{})
	at, err := w.NS.Mounts().Resolve(w.NS.Context(), "/mnt", true)
	if err != nil {
		t.Fatal(err)
	}
	host := w.K.Host().Mounts()
	if err := w.NS.Mounts().Bind(host.Root(), at, host, true, false); err != nil {
		t.Fatal(err)
	}
	var seen []kernel.FileInfo
	_ = seen
	r := w.Func(func(t *kernel.Task) int {
		if err := t.Chroot("/mnt"); err != nil {
			return 1
		}
		t.Chdir("/")
		if err := t.WriteFile("/etc/crontab", []byte("x"), 0o644); err != nil {
			return 2
		}
		if t.Cwd() != "/" {
			return 3
		}
		if _, err := t.ReadFile("/proc/version"); err != nil {
			return 4
		}
		t.Chdir("..")
		if t.Cwd() != "/" {
			return 5
		}
		return 0
	})
	if r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	if d := w.K.Root().Diff(); len(d) != 2 || d[1].Path != "/etc/crontab" || d[1].Kind != vfs.Added {
		t.Fatalf("%+v", d)
	}
}

func BenchmarkSpawn(b *testing.B) {
	w := kerneltest.New(b, reg(), kerneltest.Options{})
	w.Func(func(t *kernel.Task) int {
		for b.Loop() {
			c, _ := t.Spawn(kernel.Spawn{Path: "/bin/true"})
			t.Wait(c.PID(), 0)
		}
		return 0
	})
}

func BenchmarkNewKernel(b *testing.B) {
	l := kerneltest.Layer(reg())
	b.ReportAllocs()
	for b.Loop() {
		k := kernel.New(kernel.Config{Clock: kerneltest.Real{}}, vfs.New(vfs.Config{}, l))
		k.Stop(context.Background())
	}
}

// TestLoadFollowsWork: a loop makes the averages rise, the youngest first, and is on
// the record of the processors and of its process; nothing of it was sleep.
func TestLoadFollowsWork(t *testing.T) {
	w := kerneltest.New(t, kernel.NewRegistry(), kerneltest.Options{})
	before := w.K.Load()
	r := w.Func(func(t *kernel.Task) int {
		for range 3000 {
			t.Tick(1e4) // 30 s of work
		}
		return int(t.CPUTime().Seconds())
	})
	after := w.K.Load()
	if r.Code < 30 || after[0]-before[0] < 0.3 || after[0] < after[1] || after[1] < after[2] {
		t.Errorf("%d s of work: load %v, then %v", r.Code, before, after)
	}
}
