package world

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"

	"github.com/whalefall/whalefall/internal/image"
	"github.com/whalefall/whalefall/internal/vfs"
)

// A world's document is gzip over JSON (version 1): the host's changed files, the
// containers with theirs, images that are not the catalogue's, volumes, networks,
// the cluster. A world that is read back looks like a daemon that was restarted:
// what ran has stopped with status 0 and its restart policy runs.

const docVersion = 1

type doc struct {
	Version    int
	ID         string
	Host       []byte // snapshot of the host's disk
	Containers []docContainer
	Images     []docImage
	Refs       map[string]string
	Networks   []docNet
	Volumes    []docVolume
	Refused    map[int]int
	Swarm      *docSwarm
}

type docContainer struct {
	ID, Name, Path, ImageID string
	Created                 time.Time
	Args                    []string
	Config                  *container.Config
	Host                    *container.HostConfig
	Mounts                  []docMount
	Nets                    map[string]*network.EndpointSettings
	State                   state
	RestartCount            int
	Stopped, Started, Shown bool
	Specified, Wired        bool              `json:",omitempty"`
	MACs                    map[string]string `json:",omitempty"`
	FS                      []byte
	Log                     []docLine
}

type docMount struct {
	Type, Name, Source, Destination, Driver, Mode, Propagation, Subpath string
	ImageID                                                             string `json:",omitempty"`
	RW, CopyData, Anonymous                                             bool
}

type docLine struct {
	T      time.Time
	Stderr bool `json:",omitempty"`
	Part   bool `json:",omitempty"`
	Line   []byte
}

type docImage struct {
	ID, Parent string
	JSON       []byte
	Ref        string // of the catalogue, when it made the image
	Known      bool
	Layers     []docLayer
}

type docLayer struct {
	DiffID, Digest string
	Size, Blob     int64
	Ref            string // a catalogue's image that has the same layer
	Tar            []byte
}

type docNet struct {
	network.Inspect
	Subnet, Gateway string
	Picked          bool
}

type docVolume struct {
	Name            string
	Created         time.Time
	Labels, Options map[string]string
	Anon, Fresh     bool
	Size            int64
}

type docSwarm struct {
	Manager           bool
	Joining, ID, Node string
	Created           time.Time
}

// snapshot writes the world's document.
func (w *World) snapshot(out io.Writer) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := doc{Version: docVersion, ID: w.id, Refs: map[string]string{}, Refused: w.refused}
	var b bytes.Buffer
	if err := w.fs.Snapshot(&b); err != nil {
		return fmt.Errorf("host's disk: %w", err)
	}
	d.Host = append([]byte(nil), b.Bytes()...)
	for _, c := range w.sorted() {
		dc := docContainer{ID: c.ID, Name: c.Name, Path: c.Path, ImageID: c.ImageID, Created: c.Created, Args: c.Args, Config: c.Config, Host: c.Host, Nets: c.Nets,
			State: c.state, RestartCount: c.RestartCount, Stopped: c.stopped, Started: c.startedBefore, Shown: c.shown, Specified: c.specified, Wired: c.wired, MACs: c.macs}
		for _, m := range c.Mounts {
			dc.Mounts = append(dc.Mounts, docMount{Type: string(m.Type), Name: m.Name, Source: m.Source, Destination: m.Destination, Driver: m.Driver, Mode: m.Mode,
				Propagation: string(m.Propagation), Subpath: m.subpath, ImageID: m.ImageID, RW: m.RW, CopyData: m.CopyData, Anonymous: m.anonymous})
		}
		if c.fs != nil {
			b.Reset()
			if err := c.fs.Snapshot(&b); err != nil {
				return fmt.Errorf("container %s: %w", c.ID[:12], err)
			}
			dc.FS = append([]byte(nil), b.Bytes()...)
		}
		c.log.mu.Lock()
		for _, l := range c.log.lines {
			if c.log.tells != nil { // it tells it again
				break
			}
			dc.Log = append(dc.Log, docLine{l.t, l.stderr, l.partial, l.line})
		}
		c.log.mu.Unlock()
		d.Containers = append(d.Containers, dc)
	}
	layerRef := map[string]string{}
	for _, i := range w.images.All() {
		if ref := w.fromCatalogue(i); ref != "" {
			for _, l := range i.Layers {
				layerRef[l.DiffID] = ref
			}
		}
	}
	written := map[string]bool{}
	for _, i := range w.images.All() {
		di := docImage{ID: i.ID, Parent: i.Parent, Known: i.Known}
		if ref := w.fromCatalogue(i); ref != "" {
			di.Ref = ref
		} else {
			di.JSON = i.JSON
			for _, l := range i.Layers {
				dl := docLayer{DiffID: l.DiffID, Digest: l.Digest, Size: l.Size, Blob: l.Blob, Ref: layerRef[l.DiffID]}
				if dl.Ref == "" && !written[l.DiffID] {
					written[l.DiffID] = true
					b.Reset()
					if _, err := l.WriteTar(&b); err != nil {
						return fmt.Errorf("layer %s: %w", l.DiffID, err)
					}
					dl.Tar = append([]byte(nil), b.Bytes()...)
				}
				di.Layers = append(di.Layers, dl)
			}
		}
		d.Images = append(d.Images, di)
		for _, r := range w.images.References(i.ID) {
			d.Refs[r.String()] = i.ID
		}
	}
	for _, n := range w.networks {
		if !predefined(n.Name) {
			d.Networks = append(d.Networks, docNet{Inspect: n.Inspect, Subnet: n.subnet.String(), Gateway: n.gateway.String(), Picked: n.picked})
		}
	}
	for _, v := range w.volumes {
		d.Volumes = append(d.Volumes, docVolume{v.name, v.created, v.labels, v.options, v.anon, v.fresh, v.size})
	}
	if c := w.swarm; c != nil {
		d.Swarm = &docSwarm{c.manager, c.joining, c.id, c.node, c.created}
	}
	z := gzip.NewWriter(out)
	if err := json.NewEncoder(z).Encode(&d); err != nil {
		return err
	}
	return z.Close()
}

// fromCatalogue gives the reference under which the catalogue makes an image
// again, empty for an image of another origin. World.mu is held.
func (w *World) fromCatalogue(i *image.Image) string {
	for _, r := range w.images.References(i.ID) {
		if _, ok := r.(reference.Canonical); ok {
			continue
		}
		if w.host.catalog.Resolve(r).Image.ID == i.ID {
			return r.String()
		}
	}
	return ""
}

// maxDoc bounds what a document may unpack to.
const maxDoc = 2 << 30

// restore makes the world what its document says.
func (w *World) restore(in io.Reader) error {
	z, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	var d doc
	if err := json.NewDecoder(io.LimitReader(z, maxDoc)).Decode(&d); err != nil {
		return err
	}
	if d.Version != docVersion {
		return fmt.Errorf("version %d of a world's document, want %d", d.Version, docVersion)
	}
	if d.ID != w.id {
		return fmt.Errorf("the document is of world %q", d.ID)
	}
	lim := vfs.TarLimits{Bytes: w.host.cfg.Quotas.Disk * 2, Entries: 500000}
	if err := w.fs.Restore(bytes.NewReader(d.Host), resolve, lim); err != nil {
		return fmt.Errorf("host's disk: %w", err)
	}
	var restart []*Container
	w.mu.Lock()
	for _, c := range w.containers {
		if c.run != nil {
			c.run.once.Do(func() {}) // its shown process ends with the world
		}
	}
	w.containers, w.names, w.ports = map[string]*Container{}, map[string]string{}, map[string]string{}
	for id, n := range w.networks {
		if predefined(n.Name) {
			for a, ep := range n.taken {
				if ep != "gateway" {
					delete(n.taken, a)
				}
			}
			continue
		}
		delete(w.networks, id)
	}
	for _, n := range d.Networks {
		sub, err1 := parsePrefix(n.Subnet)
		gw, err2 := parseAddr(n.Gateway)
		x := &netw{Inspect: n.Inspect, subnet: sub, gateway: gw, taken: mapAddr(gw), picked: n.Picked}
		_, _ = err1, err2
		w.networks[n.ID] = x
	}
	kept := map[string]bool{}
	for _, v := range d.Volumes {
		kept[v.Name] = true
	}
	for name := range w.volumes {
		if !kept[name] {
			w.hostRemoveAll(path.Dir(w.volumePoint(name)))
		}
	}
	w.volumes = map[string]*localVolume{}
	for _, v := range d.Volumes {
		w.volumes[v.Name] = &localVolume{name: v.Name, created: v.Created, labels: v.Labels, options: v.Options, anon: v.Anon, fresh: v.Fresh, size: v.Size}
	}
	st := image.NewStore()
	layers := map[string]*image.Layer{}
	for _, di := range d.Images {
		if di.Ref == "" {
			continue
		}
		r, err := reference.ParseNormalizedNamed(di.Ref)
		if err != nil {
			continue
		}
		i := w.host.catalog.Resolve(r).Image
		for _, l := range i.Layers {
			layers[l.DiffID] = l
		}
		st.Add(i)
	}
	for _, di := range d.Images {
		for _, l := range di.Layers {
			if l.Tar == nil || layers[l.DiffID] != nil {
				continue
			}
			t, kept, err := vfs.ReadTarKept(vfs.NewLayerBuilder(), bytes.NewReader(l.Tar), lim)
			if err != nil {
				w.mu.Unlock()
				return fmt.Errorf("layer %s: %w", l.DiffID, err)
			}
			nl := image.NewLayer(l.DiffID, l.Size, func() *vfs.Layer { return t })
			nl.Digest, nl.Blob, nl.Kept = l.Digest, l.Blob, kept
			layers[l.DiffID] = nl
		}
	}
	for _, di := range d.Images {
		if di.Ref != "" {
			continue
		}
		i := &image.Image{ID: di.ID, Parent: di.Parent, JSON: di.JSON, Known: di.Known}
		if err := json.Unmarshal(di.JSON, &i.Config); err != nil {
			continue
		}
		ok := true
		for _, l := range di.Layers {
			nl := layers[l.DiffID]
			ok = ok && nl != nil
			i.Layers = append(i.Layers, nl)
		}
		if ok {
			st.Add(i)
		}
	}
	for r, id := range d.Refs {
		if ref, err := reference.ParseNormalizedNamed(r); err == nil && st.Get(id) != nil {
			st.Tag(ref, id, w.now())
		}
	}
	w.images = st
	if d.Refused != nil {
		w.refused = d.Refused
	}
	for _, dc := range d.Containers {
		if dc.Config == nil || dc.Host == nil || len(dc.ID) != 64 {
			continue
		}
		c := &Container{ID: dc.ID, Name: dc.Name, Path: dc.Path, ImageID: dc.ImageID, Created: dc.Created, Args: dc.Args, Config: dc.Config, Host: dc.Host, Nets: dc.Nets,
			state: dc.State, RestartCount: dc.RestartCount, stopped: dc.Stopped, startedBefore: dc.Started, shown: dc.Shown, specified: dc.Specified, wired: dc.Wired, macs: dc.MACs, execs: map[string]*Exec{},
			image: st.Get(dc.ImageID), stream: newStream(dc.Config.OpenStdin), log: newLog(w.host.cfg.Quotas.Log, w.now), origin: w.lastCaller()}
		if c.Nets == nil {
			c.Nets = map[string]*network.EndpointSettings{}
		}
		for _, m := range dc.Mounts {
			c.Mounts = append(c.Mounts, &mountPoint{Type: mountType(m.Type), Name: m.Name, Source: m.Source, Destination: m.Destination, Driver: m.Driver, Mode: m.Mode,
				Propagation: propagation(m.Propagation), subpath: m.Subpath, ImageID: m.ImageID, RW: m.RW, anonymous: m.Anonymous, CopyData: m.CopyData})
		}
		if dc.FS != nil {
			c.fs = w.rootFS(c)
			if err := c.fs.Restore(bytes.NewReader(dc.FS), resolve, lim); err != nil {
				w.mu.Unlock()
				return fmt.Errorf("container %s: %w", c.ID[:12], err)
			}
		}
		for _, l := range dc.Log {
			c.log.lines = append(c.log.lines, logLine{l.T, l.Stderr, l.Part, l.Line})
			c.log.bytes += int64(len(l.Line)) + 64
			c.log.version++
		}
		was := c.Running
		c.Running, c.Paused, c.Restarting, c.Pid = false, false, false, 0
		for _, e := range c.Nets {
			e.EndpointID, e.IPAddress, e.IPPrefixLen, e.Gateway, e.MacAddress = "", "", 0, "", ""
		}
		c.Ports, c.Sandbox = nil, ""
		w.containers[c.ID] = c
		w.names[c.Name] = c.ID
		if !was {
			continue
		}
		if c.shown {
			w.revive(c, dc.State.StartedAt)
			continue
		}
		c.FinishedAt = w.now().UTC()
		switch p := c.Host.RestartPolicy.Name; {
		case p == container.RestartPolicyAlways, p == container.RestartPolicyUnlessStopped && !c.stopped, p == container.RestartPolicyOnFailure:
			restart = append(restart, c)
		default:
			c.ExitCode = 255
		}
	}
	w.mu.Unlock()
	for _, c := range restart {
		_ = w.start(c.origin, c, true)
	}
	return nil
}
