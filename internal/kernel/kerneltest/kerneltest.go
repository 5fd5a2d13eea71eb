// Package kerneltest makes small kernels for tests: a clock that can be advanced
// or runs by itself, a base system of registered programs, and Run, which runs a
// command and gives what it printed. Only tests import it.
package kerneltest

import (
	"bytes"
	"context"
	"crypto/rand"
	"net/netip"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// Real is the wall clock.
type Real struct{}

func (Real) Now() time.Time { return time.Now() }
func (Real) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}

// Clock stands still until it is advanced.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*timer
}

type timer struct {
	at time.Time
	f  func()
}

// NewClock makes a clock that shows t.
func NewClock(t time.Time) *Clock { return &Clock{now: t} }

func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *Clock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{c.now.Add(d), f}
	c.timers = append(c.timers, t)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for i, x := range c.timers {
			if x == t {
				c.timers = append(c.timers[:i], c.timers[i+1:]...)
				return true
			}
		}
		return false
	}
}

// Waiting gives how many timers are set.
func (c *Clock) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers)
}

// Advance moves the clock and runs what is due.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	var due []*timer
	rest := c.timers[:0]
	for _, t := range c.timers {
		if t.at.After(c.now) {
			rest = append(rest, t)
		} else {
			due = append(due, t)
		}
	}
	c.timers = rest
	c.mu.Unlock()
	sort.Slice(due, func(i, j int) bool { return due[i].at.Before(due[j].at) })
	for _, t := range due {
		t.f()
	}
}

// Layer makes a base system: the usual directories, passwd, group, hosts, and an
// executable in /bin for every program of r.
func Layer(r *kernel.Registry) *vfs.Layer {
	b := vfs.NewLayerBuilder()
	b.Time = time.Date(2023, 11, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	for _, d := range []string{"/etc", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/local/bin", "/root", "/home", "/var/log", "/var/spool/cron", "/var/lib", "/proc", "/sys", "/dev", "/mnt", "/opt", "/run"} {
		b.Dir(d, vfs.Meta{Mode: 0o755})
	}
	b.Dir("/tmp", vfs.Meta{Mode: 0o1777})
	b.Dir("/root", vfs.Meta{Mode: 0o700})
	for _, l := range []string{"bin", "sbin", "lib"} {
		b.Symlink("/"+l, "usr/"+l, vfs.Meta{})
	}
	b.File("/etc/passwd", vfs.Text("root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"), vfs.Meta{Mode: 0o644})
	b.File("/etc/group", vfs.Text("root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n"), vfs.Meta{Mode: 0o644})
	b.File("/etc/shadow", vfs.Text("root:*:19000:0:99999:7:::\n"), vfs.Meta{Mode: 0o640})
	b.File("/etc/hosts", vfs.Text("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"), vfs.Meta{Mode: 0o644})
	b.File("/etc/hostname", vfs.Text("box\n"), vfs.Meta{Mode: 0o644})
	b.File("/etc/resolv.conf", vfs.Text("nameserver 127.0.0.53\n"), vfs.Meta{Mode: 0o644})
	b.File("/etc/os-release", vfs.Text("PRETTY_NAME=\"Ubuntu 22.04.3 LTS\"\nNAME=\"Ubuntu\"\nID=ubuntu\nVERSION_ID=\"22.04\"\n"), vfs.Meta{Mode: 0o644})
	names := r.Names()
	sort.Strings(names)
	for _, n := range names {
		b.File("/usr/bin/"+n, kernel.ELF(n, 35000, "x86_64"), vfs.Meta{Mode: 0o755})
	}
	return b.Build()
}

// Network is an internet of fixed answers for tests.
type Network struct {
	Hosts map[string]netip.Addr
	Serve func(addr netip.AddrPort, name string) (kernel.Conn, error)
}

func (n *Network) Lookup(_ kernel.NetContext, name, _ string) ([]netip.Addr, error) {
	if a, ok := n.Hosts[name]; ok {
		return []netip.Addr{a}, nil
	}
	return nil, kernel.ErrNoName
}

func (n *Network) Dial(_ kernel.NetContext, _ string, a netip.AddrPort, name string) (kernel.Conn, error) {
	if n.Serve == nil {
		return nil, vfs.ECONNREFUSED
	}
	return n.Serve(a, name)
}

// World is a kernel with a container in it.
type World struct {
	K  *kernel.Kernel
	NS *kernel.NS
	t  testing.TB
}

// Options change what New makes.
type Options struct {
	Clock    kernel.Clock
	Network  kernel.Network
	Observer kernel.Observer
	Limits   kernel.Limits
	Host     kernel.HostInfo
	Layer    *vfs.Layer
	NS       kernel.NSConfig
}

// New makes a world of r's programs; it is stopped with the test.
func New(t testing.TB, r *kernel.Registry, o Options) *World {
	t.Helper()
	if o.Clock == nil {
		o.Clock = Real{}
	}
	if o.Layer == nil {
		o.Layer = Layer(r)
	}
	root := vfs.New(vfs.Config{Type: "ext4", Now: func() int64 { return o.Clock.Now().UnixNano() }}, o.Layer)
	if o.Network != nil && o.Host.Interfaces == nil {
		o.Host.Interfaces = []kernel.Interface{{Name: "eth0", MAC: "02:42:ac:11:00:02", Addr: netip.MustParsePrefix("172.17.0.2/16"), Gateway: netip.MustParseAddr("172.17.0.1")}}
	}
	if o.Host.Hostname == "" {
		o.Host.Hostname = "box"
	}
	k := kernel.New(kernel.Config{Clock: o.Clock, Rand: rand.Reader, Host: o.Host, Network: o.Network, Observer: o.Observer, Limits: o.Limits, Programs: r}, root)
	c := o.NS
	if c.Root == nil {
		c.Root = vfs.New(vfs.Config{Now: func() int64 { return o.Clock.Now().UnixNano() }}, o.Layer)
	}
	if c.Hostname == "" {
		c.Hostname = "box"
	}
	if c.Net == nil {
		c.Net = k.NewNetNS(o.Host.Interfaces)
	}
	ns, err := k.NewNamespace(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		if err := k.Stop(ctx); err != nil {
			t.Error("tasks do not stop")
		}
	})
	return &World{K: k, NS: ns, t: t}
}

// Crashes is an observer that fails the test when a program crashed.
type Crashes struct {
	kernel.Discard
	T testing.TB
}

// Unknown implements kernel.Observer.
func (c Crashes) Unknown(p kernel.ProcInfo, _, name, detail string) {
	if name == "crash" {
		c.T.Errorf("%q crashed: %s", p.Argv, detail)
	}
}

// Result is what a command did.
type Result struct {
	Out, Err string
	Code     int
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// Run runs a command with stdin and waits for it.
func (w *World) Run(stdin string, argv ...string) Result {
	w.t.Helper()
	var out, errb buffer
	in := w.K.InputPipe()
	task, err := w.NS.Start(kernel.Spawn{Path: argv[0], Argv: argv, Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin", "HOME=/root", "LANG=C"},
		Files: map[int]*kernel.File{0: in.File(), 1: kernel.WriterFile(&out), 2: kernel.WriterFile(&errb)}})
	if err != nil {
		in.Drop()
		return Result{Err: err.Error(), Code: 127}
	}
	go func() { in.Write([]byte(stdin)); in.Close() }()
	select {
	case <-task.Done():
	case <-time.After(20 * time.Second):
		w.t.Fatalf("%q does not end", argv)
	}
	out.mu.Lock()
	errb.mu.Lock()
	defer out.mu.Unlock()
	defer errb.mu.Unlock()
	return Result{out.b.String(), errb.b.String(), task.WaitStatus().Code()}
}

// Func runs fn as a process, as root of the container.
func (w *World) Func(fn func(t *kernel.Task) int) Result {
	w.t.Helper()
	var out, errb buffer
	task, err := w.NS.Start(kernel.Spawn{Path: "test", Fn: fn, Files: map[int]*kernel.File{0: kernel.NullFile(), 1: kernel.WriterFile(&out), 2: kernel.WriterFile(&errb)}})
	if err != nil {
		w.t.Fatal(err)
	}
	select {
	case <-task.Done():
	case <-time.After(20 * time.Second):
		w.t.Fatal("function does not end")
	}
	return Result{out.b.String(), errb.b.String(), task.WaitStatus().Code()}
}
