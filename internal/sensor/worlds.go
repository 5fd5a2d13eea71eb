package sensor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/whalefall/whalefall/internal/artifact"
	"github.com/whalefall/whalefall/internal/engineapi"
	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/front"
	"github.com/whalefall/whalefall/internal/image"
	"github.com/whalefall/whalefall/internal/internet"
	"github.com/whalefall/whalefall/internal/journal"
	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/persona"
	"github.com/whalefall/whalefall/internal/program"
	"github.com/whalefall/whalefall/internal/shell"
	"github.com/whalefall/whalefall/internal/vfs"
	"github.com/whalefall/whalefall/internal/world"
)

// clock is the wall clock, as the worlds see time.
type clock struct{}

func (clock) Now() time.Time { return time.Now() }
func (clock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}

// Programs is the registry of everything that runs in a world.
func Programs() *kernel.Registry {
	r := kernel.NewRegistry()
	program.Register(r)
	shell.Register(r)
	return r
}

func rulesOf(l []Refuse) []world.Rule {
	rules := make([]world.Rule, 0, len(l))
	for _, r := range l {
		rules = append(rules, world.Rule{Operation: r.Operation, Words: r.Words, First: r.First, Sources: r.Sources, Reason: r.Message})
	}
	return rules
}

// What the worlds may hold and do, so that the sensor stays small and answers
// others whatever one source does. One world gets about half of each sum.
const (
	diskOfAll   = 448 << 20 // written bytes, in memory
	memoryOfAll = 128 << 20 // what programs hold
	heap        = 640 << 20 // where collecting garbage comes before speed
)

// bounds gives the shares of the machine's processors that worlds may use: a
// quarter each, three fifths together.
func bounds() kernel.Limits {
	machine := int64(runtime.GOMAXPROCS(0)) * 1_000_000 // work units a second
	return kernel.Limits{Memory: memoryOfAll / 2, CPU: machine / 4, Pool: kernel.NewPool(memoryOfAll, machine*3/5)}
}

// NewHost makes the installation's virtual host.
func NewHost(cfg Config, p *persona.Persona, sink event.Sink, c kernel.Clock) (*world.Host, error) {
	listenOn := ""
	for _, l := range cfg.Listeners {
		if !l.TLS {
			listenOn = "tcp://0.0.0.0" + l.Address[strings.LastIndexByte(l.Address, ':'):]
			break
		}
	}
	rules := rulesOf(cfg.Refuse)
	return world.NewHost(world.Config{Secret: cfg.Secret, Kind: cfg.HostKind, Provider: cfg.Provider, Cores: cfg.Cores, Memory: cfg.Memory, Public: cfg.Public, Listen: listenOn, Args: daemonArgs(cfg),
		Installed: cfg.Installed, Clock: c, Programs: Programs(), Network: internet.New(internet.Config{Secret: cfg.Secret, Public: cfg.Public}), Refuse: rules, Trees: &image.Trees{},
		Sink: sink, Sensor: cfg.Sensor, Persona: cfg.Persona, Limits: bounds(), Budget: &vfs.Budget{Max: diskOfAll},
		Release: front.Release(p)})
}

// worlds is the front with what keeps its worlds.
type worlds struct {
	*front.Front
	host     *world.Host
	m        *world.Manager
	log      *slog.Logger
	stopTick chan struct{}
	wg       sync.WaitGroup
}

func makeWorlds(cfg Config, p *persona.Persona, j *journal.Journal, arts *artifact.Store, root string, log *slog.Logger) (*worlds, error) {
	h, err := NewHost(cfg, p, keeper{j, arts}, clock{})
	if err != nil {
		return nil, fmt.Errorf("make the host: %w", err)
	}
	dir := filepath.Join(root, "worlds")
	m := world.NewManager(h, world.ManagerConfig{Shared: cfg.World == "shared", Storage: disk{dir}})
	w := &worlds{Front: front.New(m, p), host: h, log: log, m: m, stopTick: make(chan struct{})}
	w.wg.Go(w.tick)
	w.wg.Go(func() { collect(w.stopTick) })
	return w, nil
}

// tick puts worlds to sleep that nobody touches, and writes the others down from
// time to time, so that a crash loses little of them.
func (w *worlds) tick() {
	t := time.NewTicker(30 * time.Second)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-w.stopTick:
			return
		}
		ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
		w.m.Rest(ctx)
		stop()
		if err := w.m.SaveAll(); err != nil {
			w.log.Warn("a world was not written down", "err", err)
		}
	}
}

func (w *worlds) started() time.Time { return w.host.Facts().DockerStarted }
func (w *worlds) count() int         { return len(w.m.Live()) }

func (w *worlds) stop(ctx context.Context) {
	close(w.stopTick)
	w.wg.Wait()
	if err := w.m.Close(ctx); err != nil {
		w.log.Warn("worlds were not all written down", "err", err)
	}
}

// keeper writes the worlds' events to the journal, and larger files to artifacts.
type keeper struct {
	j    *journal.Journal
	arts *artifact.Store
}

// Emit implements event.Sink.
func (k keeper) Emit(e *event.Event) { k.j.Emit(e) }

// disk keeps sleeping worlds as files.
type disk struct{ dir string }

func (d disk) path(id string) (string, error) {
	if id == "" || strings.ContainsAny(id, "/.\x00") {
		return "", errors.New("bad world id")
	}
	return filepath.Join(d.dir, id+".world"), nil
}

// Save implements world.Storage: a whole file or the old one.
func (d disk) Save(id string, data []byte) error {
	p, err := d.path(id)
	if err != nil {
		return err
	}
	tmp := p + ".new"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return fmt.Errorf("write a world down: %w", err)
	}
	if err := os.Rename(tmp, p); err != nil {
		return fmt.Errorf("write a world down: %w", err)
	}
	return nil
}

// Load implements world.Storage.
func (d disk) Load(id string) ([]byte, error) {
	p, err := d.path(id)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(p)
}

// List implements world.Storage.
func (d disk) List() ([]string, error) {
	ents, err := os.ReadDir(d.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, e := range ents {
		if id, ok := strings.CutSuffix(e.Name(), ".world"); ok {
			out = append(out, id)
		}
	}
	return out, err
}

// Delete implements world.Storage.
func (d disk) Delete(id string) error {
	p, err := d.path(id)
	if err != nil {
		return err
	}
	if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// OneWorld makes a host that lives in memory alone, for who runs recorded traffic
// again. stop ends it.
func OneWorld(cfg Config, p *persona.Persona, sink event.Sink, c kernel.Clock) (engineapi.Worlds, func(), error) {
	h, err := NewHost(cfg, p, sink, c)
	if err != nil {
		return nil, nil, fmt.Errorf("make the host: %w", err)
	}
	m := world.NewManager(h, world.ManagerConfig{})
	return front.New(m, p), func() {
		ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		_ = m.Close(ctx) // nothing of it is kept
	}, nil
}
