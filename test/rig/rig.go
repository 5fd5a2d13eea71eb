// Package rig is a decoy inside the test's own process: everything from the
// recording connection to the worlds, without the journal, the processes and their
// confinement.
package rig

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/whalefall/whalefall/internal/engineapi"
	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/front"
	"github.com/whalefall/whalefall/internal/internet"
	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/listen"
	"github.com/whalefall/whalefall/internal/persona"
	"github.com/whalefall/whalefall/internal/program"
	"github.com/whalefall/whalefall/internal/record"
	"github.com/whalefall/whalefall/internal/shell"
	"github.com/whalefall/whalefall/internal/world"
)

// hasty is the wall clock, whose waits are as many times shorter.
type hasty int

func (hasty) Now() time.Time { return time.Now() }
func (h hasty) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d/time.Duration(h), f).Stop
}

// Programs is the registry of everything that runs in a world.
func Programs() *kernel.Registry {
	reg := kernel.NewRegistry()
	program.Register(reg)
	shell.Register(reg)
	return reg
}

// Decoy is a decoy that serves on a port of loopback.
type Decoy struct {
	Addr string
	srv  *http.Server
	m    *world.Manager
}

// New makes a decoy that shows an empty host with the oracle's own facts. What its
// worlds tell goes to sink, what is said of the requests to j. What the worlds wait
// for takes a haste-th of its time.
func New(p *persona.Persona, haste int, sink event.Sink, j record.Journal, log *slog.Logger) (*Decoy, error) {
	return newDecoy(p, haste, sink, j, log, false)
}

// Paced is New for a decoy that takes its release's time for answers: some clients see
// whether what a process writes comes with the answer's head or after it.
func Paced(p *persona.Persona, sink event.Sink, j record.Journal, log *slog.Logger) (*Decoy, error) {
	return newDecoy(p, 1, sink, j, log, true)
}

func newDecoy(p *persona.Persona, haste int, sink event.Sink, j record.Journal, log *slog.Logger, paced bool) (*Decoy, error) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	h, err := world.NewHost(world.Config{Secret: secret, Release: front.Release(p), Kind: "empty", Cores: 2, Memory: 8 << 30, Public: netip.MustParseAddr("203.0.113.10"),
		Listen: "127.0.0.1:2375", Clock: hasty(haste), Programs: Programs(), Network: internet.New(internet.Config{Secret: secret}), Sink: sink, Persona: p.Name})
	if err != nil {
		return nil, err
	}
	m := world.NewManager(h, world.ManagerConfig{})
	d, err := serve(p, front.New(m, p), j, log, paced)
	if err != nil {
		return nil, err
	}
	d.m = m
	return d, nil
}

// Serve serves the given worlds.
func Serve(p *persona.Persona, worlds engineapi.Worlds, j record.Journal, log *slog.Logger) (*Decoy, error) {
	return serve(p, worlds, j, log, false)
}

func serve(p *persona.Persona, worlds engineapi.Worlds, j record.Journal, log *slog.Logger, paced bool) (*Decoy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := engineapi.New(engineapi.Config{Persona: p, Worlds: worlds, PluginWait: time.Millisecond, Logger: log, Latency: paced})
	srv := engineapi.HTTPServer(s, slog.New(slog.DiscardHandler))
	rec := record.New(record.Config{Journal: j, Persona: p.Name})
	recorded := rec.Listener(listen.Wrap(ln, listen.Config{}), func(net.Conn) record.Option { return record.Option{} })
	go func() { _ = srv.Serve(listen.Reword(recorded, p.Go)) }() // ends with the server
	return &Decoy{Addr: ln.Addr().String(), srv: srv}, nil
}

// Close ends the decoy and its worlds.
func (d *Decoy) Close() {
	_ = d.srv.Close()
	if d.m != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = d.m.Close(ctx)
	}
}

// Forgetful is a journal that keeps nothing.
type Forgetful struct{}

// Append implements record.Journal.
func (Forgetful) Append(*event.Event) (uint64, error) { return 1, nil }

// Before implements record.Journal.
func (Forgetful) Before(_ uint64, send func()) { send() }
