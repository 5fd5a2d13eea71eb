// Package front joins the worlds to the HTTP front: it finds a request's world,
// dresses it as an engineapi.Daemon and carries the caller's identity across.
//
// Neither side knows the other: world knows no HTTP, engineapi knows no world. This
// package holds nothing but a bounded table of the live worlds' daemons, so that a
// world's handlers are made once; an entry goes when its world is another one (it
// slept and woke) or when the table is full.
package front

import (
	"context"
	"sync"

	"github.com/whalefall/whalefall/internal/engineapi"
	"github.com/whalefall/whalefall/internal/persona"
	"github.com/whalefall/whalefall/internal/world"
)

// The world fills the front's interfaces.
var (
	_ engineapi.ContainerBackend    = (*world.World)(nil)
	_ engineapi.HostConfigSetter    = (*world.World)(nil)
	_ engineapi.ImageBackend        = (*world.World)(nil)
	_ engineapi.NetworkBackend      = (*world.World)(nil)
	_ engineapi.VolumeBackend       = (*world.Volumes)(nil)
	_ engineapi.SwarmBackend        = (*world.Cluster)(nil)
	_ engineapi.SystemBackend       = (*world.World)(nil)
	_ engineapi.PluginBackend       = (*world.Plugins)(nil)
	_ engineapi.CheckpointBackend   = (*world.World)(nil)
	_ engineapi.BuildBackend        = (*world.World)(nil)
	_ engineapi.DistributionBackend = (*world.World)(nil)
)

// maxDaemons bounds the table.
const maxDaemons = 2048

// Release is what a world must know of a persona.
func Release(p *persona.Persona) world.Release {
	return world.Release{Version: p.Version, API: p.API, Era: int(p.Era), CgroupV2: p.CgroupV2, Debian: p.Debian,
		ContainerdCommit: p.Containerd.Commit, RuncCommit: p.Runc.Commit, InitCommit: p.Init.Commit}
}

// Front answers engineapi's question for a daemon from a manager's worlds.
type Front struct {
	m       *world.Manager
	persona string

	mu   sync.Mutex
	seen map[string]entry // by world id
}

type entry struct {
	w *world.World
	d *engineapi.Daemon
}

// New makes a front.
func New(m *world.Manager, p *persona.Persona) *Front {
	return &Front{m: m, persona: p.Name, seen: map[string]entry{}}
}

func (f *Front) caller(c engineapi.Caller) world.Caller {
	return world.Caller{Source: c.Source, Port: c.Port, Local: c.Local, Conn: c.Conn, Req: c.Req, Persona: f.persona}
}

// Context puts the caller where the world's methods look for it.
func (f *Front) Context(ctx context.Context, c engineapi.Caller) context.Context {
	return world.WithCaller(ctx, f.caller(c))
}

// Daemon finds the caller's world.
func (f *Front) Daemon(ctx context.Context, c engineapi.Caller, q engineapi.Query) (*engineapi.Daemon, error) {
	w, err := f.m.World(ctx, f.caller(c), world.Query{Changes: q.Changes, Names: q.Names})
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if e, ok := f.seen[w.ID()]; ok && e.w == w {
		return e.d, nil
	}
	if len(f.seen) >= maxDaemons {
		for id := range f.seen {
			delete(f.seen, id)
			break
		}
	}
	d := &engineapi.Daemon{Containers: w, Images: w, Networks: w, Volumes: w.Volumes(), Swarm: w.Swarm(), System: w,
		Build: w, Plugins: w.Plugins(), Checkpoints: w, Distribution: w}
	f.seen[w.ID()] = entry{w, d}
	return d, nil
}
