// Package kernel is the Linux kernel of an emulated host, as far as programs can
// tell: processes, signals, file descriptors, pipes, terminals, credentials,
// mounts, loopback sockets, procfs. It runs in one Go process, touches nothing of
// the machine it runs on, and takes time, randomness and network from its Config.
//
// A process is a [Task]: one goroutine that runs a [Program], a Go function that
// sees the world only through its Task. Task methods are system calls and are
// called from the task's own goroutine only; what others may call says so.
//
// Ends: exit(2), a fatal signal and execve(2) unwind the goroutine by a panic
// that the kernel catches, so deferred functions run. Every blocking call ends at
// once on a fatal signal, and with EINTR when a handler ran. A program that
// panics by itself dies of SIGSEGV and is reported to the Observer; it takes
// nothing with it.
//
// Blocking: a task waits on its own wake channel, which is put into the queues of
// what it waits for. A kernel at rest has no goroutine but those of its blocked
// tasks; timers are the Clock's.
//
// Locks, in this order: Kernel.mu (process tree, signals, pids), Task.mu
// (descriptors, paths, credentials of one task), then the lock of one file object
// (pipe, tty, socket), then a wait queue's. vfs has its own, taken under any of
// them. No Observer or Network method is called under a lock.
//
// Bounds: programs charge memory by Alloc and work by Tick, to their namespace, their
// kernel and the Pool that kernels of a process share. Who asks for more memory is
// killed as by the OOM killer; who works faster waits.
//
// It must never: read the wall clock, start a process, open a file or a socket of
// the real machine, block in a call that a signal cannot end (a Network's Read is
// pumped by a goroutine that the socket owns).
package kernel

import (
	"context"
	"encoding/binary"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whalefall/whalefall/internal/vfs"
)

// Clock is the world's time.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f once in its own goroutine; stop tells whether it
	// prevented that.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// HostInfo is what uname(2), /proc/cpuinfo and their kin show.
type HostInfo struct {
	Hostname   string
	Domain     string // of uname; "(none)" if empty
	Release    string // "5.15.0-91-generic"
	Version    string // "#101-Ubuntu SMP Tue Nov 14 13:30:08 UTC 2023"
	Machine    string // "x86_64"
	ProcVer    string // the compiler part of /proc/version
	Cores      int
	CPU        CPU
	Memory     int64 // bytes
	MemUsed    int64 // by what the host runs
	Swap       int64
	Boot       time.Time
	Timezone   string // "Etc/UTC"
	Cmdline    string // of the kernel
	MachineID  string
	BootID     string
	Interfaces []Interface // of the host's network namespace, without lo
	Load       [1]float64  // how busy the machine is at rest
	Modules    []Module    // of /proc/modules
	Disk       Disk
	DMI        map[string]string // the files of /sys/class/dmi/id
	FirstPID   int               // where pids of new processes go on; 0: 2
}

// Interface is a network interface that shows in /sys, /proc/net and ip(8).
type Interface struct {
	Name    string
	MAC     string
	Addr    netip.Prefix
	Addr6   netip.Prefix
	Gateway netip.Addr
	MTU     int
	RX, TX  uint64 // bytes

	RXPackets, TXPackets uint64

	Index  int    // 0: by its place
	Peer   int    // the other end of a pair, by its number in the other namespace
	Master string // the bridge it is a port of
	Net    string // Docker's name of the network it leads to
	Down   bool   // a bridge without ports that are up
}

// Limits bound a kernel. Zero fields take the default.
type Limits struct {
	Tasks    int   // in all; 4096
	NSTasks  int   // in one namespace, below NSConfig.Pids; 2048
	Fds      int   // a task's RLIMIT_NOFILE; 1024
	Memory   int64 // bytes that programs may hold by Alloc, together; 256 MiB
	CPU      int64 // work units a second for the whole kernel (1 unit is about 1 µs); 0: no bound
	Sockets  int   // in all; 4096
	FileRead int64 // largest ReadFile; 64 MiB
	// Pool bounds several kernels together; nil is no bound beside the own one.
	Pool *Pool
}

// Pool is what all kernels of a process share: the memory their programs hold and
// the work they do. It is safe for concurrent use.
type Pool struct {
	max   int64
	mem   atomic.Int64
	sched sched
}

// NewPool makes a pool of bytes, and of work units a second; 0 is no bound.
func NewPool(memory, cpu int64) *Pool { return &Pool{max: memory, sched: sched{rate: cpu}} }

// MemoryUsed gives the bytes that programs hold.
func (p *Pool) MemoryUsed() int64 { return p.mem.Load() }

func (p *Pool) full() bool { return p != nil && p.max > 0 && p.mem.Load() > p.max }

// addMem charges n bytes to the kernel and its pool and gives the kernel's sum.
func (k *Kernel) addMem(n int64) int64 {
	if p := k.lim.Pool; p != nil {
		p.mem.Add(n)
	}
	return k.mem.Add(n)
}

// Config makes a Kernel.
type Config struct {
	Clock    Clock
	Rand     io.Reader
	Host     HostInfo
	Network  Network
	Observer Observer
	Limits   Limits
	Programs *Registry
	Budget   *vfs.Budget // of what the host's own tmpfs mounts hold
}

// ProcInfo describes a process to the Observer.
type ProcInfo struct {
	PID, PPID int // in the host's pid namespace
	Container string
	Argv      []string
	Exe       string
	Cwd       string
	UID       uint32
	Origin    string // init, exec, cron, host
}

// FileInfo describes a file that a process wrote and closed.
type FileInfo struct {
	Path    string // as the process sees it
	Host    string // on the host's root filesystem, if it lies there
	Size    int64
	Content vfs.Content // stays what it was at the close
}

// ConnInfo describes a connection that a process opened.
type ConnInfo struct {
	Network string
	Addr    netip.AddrPort
	Name    string
	Sent    []byte // the first 4 KiB
}

// Observer is told what happens. Its methods are called from many goroutines,
// under no lock, and must not block.
type Observer interface {
	ProcStart(p ProcInfo)
	ProcCode(p ProcInfo, code string) // a shell or interpreter tells its program text
	ProcExit(p ProcInfo, ws WaitStatus)
	FileWritten(p ProcInfo, f FileInfo)
	Lookup(p ProcInfo, name, qtype string, addrs []netip.Addr, err error)
	Connect(p ProcInfo, c ConnInfo) // when the connection closes
	Unknown(p ProcInfo, what, name, detail string)
}

// Discard is an Observer that forgets.
type Discard struct{}

func (Discard) ProcStart(ProcInfo)                                   {}
func (Discard) ProcCode(ProcInfo, string)                            {}
func (Discard) ProcExit(ProcInfo, WaitStatus)                        {}
func (Discard) FileWritten(ProcInfo, FileInfo)                       {}
func (Discard) Lookup(ProcInfo, string, string, []netip.Addr, error) {}
func (Discard) Connect(ProcInfo, ConnInfo)                           {}
func (Discard) Unknown(ProcInfo, string, string, string)             {}

// Kernel is one host.
type Kernel struct {
	cfg  Config
	lim  Limits
	root *vfs.FS
	host *NS

	mu      sync.Mutex
	tasks   map[int]*Task // by host pid
	stopped bool
	wg      sync.WaitGroup
	ptys    map[int]*PTY
	fifos   map[fifoKey]*pipe
	sysctl  map[string]string
	unix    map[unixKey]unixServer

	mem     atomic.Int64
	sockets atomic.Int64
	forks   atomic.Int64
	busy    atomic.Int64 // microseconds of processor time that the world's processes took
	seed    uint64       // of what is drawn for this machine
	loadMu  sync.Mutex
	load    damped
	randMu  sync.Mutex
	sched   sched
}

// New boots a kernel whose host has root as its root filesystem. Nothing runs
// until something is started.
func New(cfg Config, root *vfs.FS) *Kernel {
	if cfg.Observer == nil {
		cfg.Observer = Discard{}
	}
	if cfg.Programs == nil {
		cfg.Programs = NewRegistry()
	}
	l := cfg.Limits
	def := func(p *int, d int) {
		if *p == 0 {
			*p = d
		}
	}
	def(&l.Tasks, 4096)
	def(&l.NSTasks, 2048)
	def(&l.Fds, 1024)
	def(&l.Sockets, 4096)
	if l.Memory == 0 {
		l.Memory = 256 << 20
	}
	if l.FileRead == 0 {
		l.FileRead = 64 << 20
	}
	h := &cfg.Host
	if h.Domain == "" {
		h.Domain = "(none)"
	}
	if h.Machine == "" {
		h.Machine = "x86_64"
	}
	if h.Release == "" {
		h.Release = "5.15.0-91-generic"
		h.Version = "#101-Ubuntu SMP Tue Nov 14 13:30:08 UTC 2023"
	}
	def(&h.Cores, 2)
	if h.Memory == 0 {
		h.Memory = 4 << 30
	}
	if h.Hostname == "" {
		h.Hostname = "localhost"
	}
	if h.Disk.Name == "" || len(h.Disk.Parts) == 0 {
		h.Disk = defaultDisk()
	}
	if h.DMI == nil {
		h.DMI = map[string]string{"sys_vendor": "QEMU", "product_name": "Standard PC (i440FX + PIIX, 1996)", "product_version": "pc-i440fx-7.2", "bios_vendor": "SeaBIOS", "chassis_vendor": "QEMU", "chassis_type": "1"}
	}
	if h.CPU.Model == "" {
		h.CPU = haswellServer
	}
	if h.Boot.IsZero() {
		h.Boot = cfg.Clock.Now().Add(-72 * time.Hour)
	}
	k := &Kernel{cfg: cfg, lim: l, root: root, tasks: map[int]*Task{}}
	k.sched.rate = l.CPU
	for _, c := range []byte(h.BootID + h.Hostname) {
		k.seed = mix(k.seed*131 + uint64(c))
	}
	k.load.last = cfg.Clock.Now()
	return k
}

// Now is the world's time.
func (k *Kernel) Now() time.Time { return k.cfg.Clock.Now() }

func (k *Kernel) nowNS() int64 { return k.cfg.Clock.Now().UnixNano() }

// HostInfo gives what the kernel was made with.
func (k *Kernel) HostInfo() HostInfo { return k.cfg.Host }

// Programs gives the registry.
func (k *Kernel) Programs() *Registry { return k.cfg.Programs }

// Root gives the host's root filesystem.
func (k *Kernel) Root() *vfs.FS { return k.root }

// Random fills p.
func (k *Kernel) Random(p []byte) {
	k.randMu.Lock()
	defer k.randMu.Unlock()
	if k.cfg.Rand == nil {
		clear(p)
		return
	}
	if _, err := io.ReadFull(k.cfg.Rand, p); err != nil {
		clear(p)
	}
}

// RandUint gives a random number.
func (k *Kernel) RandUint() uint64 {
	var b [8]byte
	k.Random(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// Stop kills every task and waits for them. After it nothing can be started.
func (k *Kernel) Stop(ctx context.Context) error {
	k.mu.Lock()
	k.stopped = true
	for _, t := range k.tasks {
		k.post(t, SIGKILL)
	}
	for _, p := range k.ptys {
		defer p.hangup()
	}
	k.mu.Unlock()
	done := make(chan struct{})
	go func() { k.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sched bounds the work of a kernel's tasks together: a bucket of units that
// fills with the world's time.
type sched struct {
	mu     sync.Mutex
	rate   int64 // units a second; 0: no bound
	tokens int64
	last   time.Time
}

// charge takes n units and gives how long the taker must wait.
func (s *sched) charge(now time.Time, n int64) time.Duration {
	if s.rate == 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.IsZero() {
		s.tokens = s.rate / 5
	} else if d := now.Sub(s.last); d > 0 {
		s.tokens = min(s.rate/5, s.tokens+int64(float64(s.rate)*d.Seconds()))
	}
	s.last = now
	s.tokens -= n
	if s.tokens >= 0 {
		return 0
	}
	return time.Duration(float64(-s.tokens) / float64(s.rate) * float64(time.Second))
}
