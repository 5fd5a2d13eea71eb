package world

import (
	"fmt"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/pkg/namesgenerator"
	"github.com/docker/go-connections/nat"
	"github.com/docker/go-units"

	"github.com/whalefall/whalefall/internal/image"
	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// Container is dockerd's container.Container. World.mu guards it but for stream
// and log, which have locks of their own.
type Container struct {
	ID      string
	Name    string // "/name"
	Created time.Time
	Path    string
	Args    []string
	Config  *container.Config
	Host    *container.HostConfig
	ImageID string
	Mounts  []*mountPoint // by destination
	Nets    map[string]*network.EndpointSettings
	// macs are the MAC addresses asked for at the creation, by network: an endpoint has
	// its own while it lives only. Since 25.0.
	macs    map[string]string
	Ports   nat.PortMap
	Sandbox string
	// netsChanged shows the running container the networks it has now; World.mu is held.
	netsChanged func()

	state
	RestartCount int

	stopped       bool // HasBeenManuallyStopped
	restarted     bool // HasBeenManuallyRestarted
	startedBefore bool
	// logged says that its log was asked for: inspect names the file from then on.
	logged bool
	// since is when what runs was started, from which its counters count; shown tells
	// that it serves somebody since then. Under World.mu.
	since time.Time
	// specified says that a start came as far as the process' specification: the log and
	// the AppArmor profile are there from then on.
	specified bool
	// stale is what the list still shows of the networks of a start that failed, up to the
	// next change: before 28 the daemon noted them down before it took them back.
	stale *staleNets
	// wired says that a start came as far as its networks: its files in /etc are made.
	wired         bool
	removing      bool
	removed       bool
	backoff       time.Duration
	failures      int // restarts since it last was started by hand
	cancelRestart func()

	links  map[string]*Container // of containers on the default bridge, by alias; who was removed stays linked
	limits atomic.Pointer[kernel.GroupLimits]

	image  *image.Image
	fs     *vfs.FS // the writable tree over the image's layers
	stream *stream
	log    *logFile
	run    *running // the living process, nil when there is none
	execs  map[string]*Exec
	health *healthMonitor

	stopWaiters   []chan<- container.StateStatus
	stops         []*stopping
	removeWaiters []chan<- container.StateStatus
	origin        Caller // who started it
	shown         bool   // of the lived-in host: its first process is only shown until something enters it
}

type staleNets struct {
	nets  map[string]*network.EndpointSettings
	ports []container.Port
}

// state is container.State.
type state struct {
	Running, Paused, Restarting, OOMKilled, Dead bool
	Pid                                          int
	ExitCode                                     int
	Error                                        string
	StartedAt, FinishedAt                        time.Time
}

// mountPoint is volume/mounts.MountPoint.
type mountPoint struct {
	Type        mount.Type
	Name        string // a volume's
	Source      string // on the host
	Destination string
	Driver      string
	Mode        string
	RW          bool
	Propagation mount.Propagation
	Spec        *mount.Mount
	CopyData    bool
	subpath     string
	anonymous   bool    // of Config.Volumes: the daemon keeps it without its source
	copied      bool    // what the image has there was looked at once
	ImageID     string  // of an image that is mounted
	tree        *vfs.FS // and its tree, which outlives the image's name
}

const defaultStopTimeout = 10

func (s *state) status() container.ContainerState {
	switch {
	case s.Running && s.Paused:
		return container.StatePaused
	case s.Running && s.Restarting:
		return container.StateRestarting
	case s.Running:
		return container.StateRunning
	case s.Dead:
		return container.StateDead
	case s.StartedAt.IsZero():
		return container.StateCreated
	}
	return container.StateExited
}

// words is State.String: what the list shows as Status.
func (c *Container) words(now time.Time) string {
	since := func(t time.Time) string { return units.HumanDuration(now.Sub(t)) }
	switch {
	case c.Running && c.Paused:
		return fmt.Sprintf("Up %s (Paused)", since(c.StartedAt))
	case c.Running && c.Restarting:
		return fmt.Sprintf("Restarting (%d) %s ago", c.ExitCode, since(c.FinishedAt))
	case c.Running && c.health != nil:
		st := c.health.status()
		if st == container.Starting {
			st = "health: starting"
		}
		return fmt.Sprintf("Up %s (%s)", since(c.StartedAt), st)
	case c.Running:
		return "Up " + since(c.StartedAt)
	case c.removing:
		return "Removal In Progress"
	case c.Dead:
		return "Dead"
	case c.StartedAt.IsZero():
		return "Created"
	case c.FinishedAt.IsZero():
		return ""
	}
	return fmt.Sprintf("Exited (%d) %s ago", c.ExitCode, since(c.FinishedAt))
}

// find resolves a container as GetContainer does: full id, name, id prefix.
// World.mu is held.
func (w *World) find(ref string) (*Container, error) {
	if ref == "" {
		return nil, invalid("invalid name or ID supplied: %q", ref)
	}
	if c := w.containers[ref]; c != nil {
		return c, nil
	}
	name := ref
	if name[0] != '/' {
		name = "/" + name
	}
	if id, ok := w.names[name]; ok {
		if c := w.containers[id]; c != nil {
			return c, nil
		}
	}
	var found *Container
	for id, c := range w.containers {
		if strings.HasPrefix(id, ref) {
			if found != nil {
				return nil, invalid("Multiple IDs found with provided prefix: %s", ref)
			}
			found = c
		}
	}
	if found == nil {
		return nil, errNoContainer(ref)
	}
	return found, nil
}

// active is getActiveContainer: one that an exec can enter. World.mu is held.
func (w *World) active(ref string) (*Container, error) {
	c, err := w.find(ref)
	switch {
	case err != nil:
		return nil, err
	case !c.Running:
		return nil, errNotRunning(c.ID)
	case c.Paused:
		return nil, errExecPaused(ref)
	case c.Restarting:
		return nil, errRestarting(c.ID)
	}
	return c, nil
}

const nameChars = "[a-zA-Z0-9][a-zA-Z0-9_.-]"

func validName(s string) bool {
	if len(s) < 2 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '_' && c != '.' && c != '-') {
			return false
		}
	}
	return true
}

// reserve takes a name for an id, or makes one up. World.mu is held.
func (w *World) reserve(id, name string) (string, error) {
	if name == "" {
		for i := range 6 {
			n := "/" + namesgenerator.GetRandomName(i)
			if _, taken := w.names[n]; !taken {
				w.names[n] = id
				return n, nil
			}
		}
		name = id[:12]
	}
	if !validName(strings.TrimPrefix(name, "/")) {
		return "", invalid("Invalid container name (%s), only %s are allowed", name, nameChars)
	}
	if name[0] != '/' {
		name = "/" + name
	}
	if by, taken := w.names[name]; taken && by != id {
		return "", conflict("Conflict. The container name %q is already in use by container %q. You have to remove (or rename) that container to be able to reuse that name.", name, by)
	}
	w.names[name] = id
	return name, nil
}

// containerEvent logs an event of a container, its labels among the attributes.
func (w *World) containerEvent(by Caller, c *Container, a events.Action, attrs map[string]string) {
	m := make(map[string]string, len(attrs)+len(c.Config.Labels)+2)
	for k, v := range attrs {
		m[k] = v
	}
	for k, v := range c.Config.Labels {
		m[k] = v
	}
	if c.Config.Image != "" {
		m["image"] = c.Config.Image
	}
	m["name"] = strings.TrimLeft(c.Name, "/")
	w.logEvent(by, events.ContainerEventType, a, c.ID, m)
}

// sorted lists the containers, the youngest first. World.mu is held.
func (w *World) sorted() []*Container {
	out := make([]*Container, 0, len(w.containers))
	for _, c := range w.containers {
		out = append(out, c)
	}
	sort.Slice(out, func(i, j int) bool {
		if !out[i].Created.Equal(out[j].Created) {
			return out[i].Created.After(out[j].Created)
		}
		return out[i].ID < out[j].ID
	})
	return out
}

// pidOf is the process's number on the host, 0 without one.
func (c *Container) pidOf() int {
	if c.Running {
		return c.Pid
	}
	return 0
}
