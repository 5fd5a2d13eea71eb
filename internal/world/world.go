package world

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/image"
	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// World is one virtual Docker host.
type World struct {
	treesMade atomic.Int64
	host      *Host
	id        string
	owner     netip.Addr
	base      bool // the base host, whose doings are not recorded

	mu         sync.Mutex
	containers map[string]*Container
	names      map[string]string
	execs      map[string]*Exec
	images     *image.Store
	networks   map[string]*netw
	volumes    map[string]*localVolume
	swarm      *cluster
	refused    map[int]int
	ports      map[string]string // published "proto/port" to a container
	nextPort   int
	nextShown  int
	ifShown    atomic.Pointer[[]kernel.Interface] // what hostInterfaces gave last
	leaked     map[string]bool                    // chains of layers that a save holds for ever, see ExportImage
	poolAt     int                                // where the search for an address pool goes on
	procsOnce  sync.Once
	ifIndexes  map[string]int // of a container's end of a pair, by container and network
	firstPID   int            // of the processes that the world starts
	root       dataRoot       // /var/lib/docker
	rootStamp  atomic.Int64   // of the events when root was brought up to date last, and one
	dockerd    *kernel.Task   // residents, once they are there
	containerd *kernel.Task

	events  eventLog
	origins sync.Map // container id to Caller, for the observer

	callerMu sync.Mutex
	caller   Caller

	budget *vfs.Budget
	fs     *vfs.FS
	kern   *kernel.Kernel
	hostNS *kernel.NS
	cron   cron
	token  [32]byte

	randMu sync.Mutex
	rand   *rand.ChaCha8

	dfBusy   atomic.Bool
	stopOnce sync.Once
	stopping chan struct{}
	bg       sync.WaitGroup
}

// newWorld makes a world as the host is at rest.
func newWorld(h *Host, id string, owner netip.Addr, base bool) *World {
	w := &World{host: h, id: id, owner: owner, base: base,
		containers: map[string]*Container{}, names: map[string]string{}, execs: map[string]*Exec{}, images: image.NewStore(),
		networks: map[string]*netw{}, volumes: map[string]*localVolume{}, refused: map[int]int{}, ports: map[string]string{}, nextPort: 32768,
		stopping: make(chan struct{}), budget: &vfs.Budget{Max: h.cfg.Quotas.Disk, Parent: h.cfg.Budget}}
	now := h.cfg.Clock.Now().UnixNano()
	seed := h.derive("world", id, owner.String(), hex.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(now))))
	if h.cfg.Rand != nil {
		var b [32]byte
		if _, err := h.cfg.Rand.Read(b[:]); err == nil {
			seed = b
		}
	}
	w.rand = rand.NewChaCha8(seed)
	w.token = h.derive("honeytoken", id, owner.String())
	w.caller = Caller{Source: owner, Persona: h.cfg.Persona}
	w.boot()
	w.stockNetworks()
	w.liveIn()
	w.cron.start(w)
	return w
}

// ID is the world's id in the record.
func (w *World) ID() string { return w.id }

// Owner is the source it was made for.
func (w *World) Owner() netip.Addr { return w.owner }

// Host is the installation's machine.
func (w *World) Host() *Host { return w.host }

// Kernel is the machine's kernel.
func (w *World) Kernel() *kernel.Kernel { return w.kern }

func (w *World) now() time.Time { return w.host.cfg.Clock.Now() }

// after runs f at a later time of the world, unless the world has been stopped.
func (w *World) after(d time.Duration, f func()) (stop func()) {
	s := w.host.cfg.Clock.AfterFunc(d, func() {
		if !w.isStopping() {
			f()
		}
	})
	return func() { s() }
}

func (w *World) random(b []byte) {
	w.randMu.Lock()
	defer w.randMu.Unlock()
	_, _ = w.rand.Read(b)
}

// Read makes the world its kernel's source of random bytes.
func (w *World) Read(b []byte) (int, error) { w.random(b); return len(b), nil }

func (w *World) isStopping() bool {
	select {
	case <-w.stopping:
		return true
	default:
		return false
	}
}

// Stop ends every process and stream of the world and waits for them.
func (w *World) Stop(ctx context.Context) error {
	w.stopOnce.Do(func() { close(w.stopping) })
	w.cron.stop()
	w.mu.Lock()
	for _, c := range w.containers {
		c.cancelBackoff()
		w.stopHealth(c)
		c.log.end()
		c.stream.close()
	}
	for _, e := range w.execs {
		if e.stream != nil {
			e.stream.close()
		}
	}
	w.mu.Unlock()
	err := w.kern.Stop(ctx)
	w.budget.Close()
	w.events.mu.Lock()
	for ch := range w.events.subs {
		delete(w.events.subs, ch)
		close(ch)
	}
	w.events.mu.Unlock()
	done := make(chan struct{})
	go func() { w.bg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	return err
}

// elf makes executables for the catalogue.
func elf(program string, size int64) vfs.Content { return kernel.ELF(program, size, "x86_64") }

// observer turns what the kernel tells into events.
type observer struct{ w *World }

func (o observer) caller(p kernel.ProcInfo) Caller {
	if p.Container != "" {
		if c, ok := o.w.origins.Load(p.Container); ok {
			return c.(Caller) //nolint:forcetypeassert // nothing else is stored there
		}
	}
	return o.w.lastCaller()
}

func (o observer) quiet(p kernel.ProcInfo) bool { return o.w.base || p.Origin == "boot" }

// ProcStart implements kernel.Observer.
func (o observer) ProcStart(p kernel.ProcInfo) {
	if o.quiet(p) {
		return
	}
	o.w.emit(o.caller(p), event.ProcStart, &event.ProcStarted{PID: p.PID, PPID: p.PPID, Container: p.Container, Argv: p.Argv, Exe: p.Exe, Cwd: p.Cwd, UID: p.UID, Origin: p.Origin})
}

// ProcCode implements kernel.Observer: a second record of the same process with
// its program text.
func (o observer) ProcCode(p kernel.ProcInfo, code string) {
	if o.quiet(p) {
		return
	}
	if len(code) > event.Inline {
		code = code[:event.Inline]
	}
	o.w.emit(o.caller(p), event.ProcStart, &event.ProcStarted{PID: p.PID, PPID: p.PPID, Container: p.Container, Argv: p.Argv, Code: code, Exe: p.Exe, Cwd: p.Cwd, UID: p.UID, Origin: p.Origin})
}

// ProcExit implements kernel.Observer.
func (o observer) ProcExit(p kernel.ProcInfo, ws kernel.WaitStatus) {
	if o.quiet(p) {
		return
	}
	e := &event.ProcExited{PID: p.PID, Container: p.Container, Exit: ws.Code()}
	if ws.Signaled() {
		e.Signal = int(ws.Signal())
	}
	o.w.emit(o.caller(p), event.ProcExit, e)
}

// FileWritten implements kernel.Observer.
func (o observer) FileWritten(p kernel.ProcInfo, f kernel.FileInfo) {
	if o.quiet(p) {
		return
	}
	o.w.fileWritten(o.caller(p), p.PID, p.Container, f.Path, f.Host, f.Size, f.Content)
}

// Lookup implements kernel.Observer.
func (o observer) Lookup(p kernel.ProcInfo, name, qtype string, addrs []netip.Addr, _ error) {
	if o.quiet(p) {
		return
	}
	l := &event.Lookup{Container: p.Container, Name: name, Type: qtype}
	for _, a := range addrs {
		l.Addresses = append(l.Addresses, a.String())
	}
	o.w.emit(o.caller(p), event.NetLookup, l)
}

// Connect implements kernel.Observer.
func (o observer) Connect(p kernel.ProcInfo, c kernel.ConnInfo) {
	if o.quiet(p) {
		return
	}
	o.w.emit(o.caller(p), event.NetConnect, &event.Connected{PID: p.PID, Container: p.Container, Network: c.Network, Address: c.Addr.Addr().String(),
		Port: c.Addr.Port(), Name: c.Name, URL: urlOf(c), Sent: c.Sent})
}

// Unknown implements kernel.Observer.
func (o observer) Unknown(p kernel.ProcInfo, what, name, detail string) {
	if o.quiet(p) {
		return
	}
	o.w.emit(o.caller(p), event.ProcUnknown, &event.Unknown{PID: p.PID, Container: p.Container, What: what, Name: name, Detail: detail})
}
