// Package front joins the worlds to the HTTP front: it finds a request's world,
// dresses it as an engineapi.Daemon and carries the caller's identity across.
//
// Neither side knows the other: world knows no HTTP, engineapi knows no world. This
// package holds nothing but a bounded table of the live worlds' daemons, so that a
// world's handlers are made once; an entry goes when its world is another one (it
// slept and woke) or when the table is full.
package front

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"path"
	"sync"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/build"

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
	build   func(*world.World) engineapi.BuildBackend

	mu   sync.Mutex
	seen map[string]entry // by world id
}

type entry struct {
	w *world.World
	d *engineapi.Daemon
}

// New makes a front. build makes a world's builder; nil is a builder whose cache is
// empty and that builds nothing.
func New(m *world.Manager, p *persona.Persona, build func(*world.World) engineapi.BuildBackend) *Front {
	if build == nil {
		build = func(*world.World) engineapi.BuildBackend { return idle{} }
	}
	return &Front{m: m, persona: p.Name, build: build, seen: map[string]entry{}}
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
		Build: f.build(w), Plugins: w.Plugins(), Checkpoints: w, Distribution: w}
	f.seen[w.ID()] = entry{w, d}
	return d, nil
}

// idle is a builder that looks at what it is given as the classic builder does, and
// then has nothing to build with.
type idle struct{}

type unsupported string

func (e unsupported) Error() string { return string(e) }

// maxEntries bounds how much of a context is looked at.
const maxEntries = 1 << 16

func (idle) Build(_ context.Context, cfg backend.BuildConfig) (string, error) {
	for _, t := range cfg.Options.Tags {
		if _, err := reference.ParseNormalizedNamed(t); err != nil {
			return "", err
		}
	}
	name := cfg.Options.Dockerfile
	if name == "" {
		name = "Dockerfile"
	}
	if cfg.Options.RemoteContext == "" {
		if err := find(cfg.Source, name); err != nil {
			return "", err
		}
	}
	return "", unsupported("failed to start build: no builder available")
}

// find looks for the Dockerfile in a context.
func find(src io.Reader, name string) error {
	missing := unsupported("Cannot locate specified Dockerfile: " + name)
	if src == nil {
		return missing
	}
	br := bufio.NewReader(src)
	if b, _ := br.Peek(1); len(b) == 0 {
		return missing
	}
	r := io.Reader(br)
	if b, _ := br.Peek(2); len(b) == 2 && b[0] == 0x1f && b[1] == 0x8b {
		z, err := gzip.NewReader(br)
		if err != nil {
			return err
		}
		r = z
	}
	tr := tar.NewReader(io.LimitReader(r, 256<<20))
	for range maxEntries {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return missing
		}
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		if path.Clean("/"+h.Name) == path.Clean("/"+name) {
			return nil
		}
	}
	return missing
}

func (idle) PruneCache(context.Context, build.CachePruneOptions) (*build.CachePruneReport, error) {
	return &build.CachePruneReport{}, nil
}
func (idle) Cancel(context.Context, string) error { return nil }
func (idle) DiskUsage(context.Context) ([]*build.CacheRecord, error) {
	return nil, nil
}
