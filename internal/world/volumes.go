package world

import (
	"context"
	"sort"
	"strings"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/volume/service/opts"
)

// localVolume is a volume of the local driver: a directory under the daemon's
// root on the host, bound into containers.
type localVolume struct {
	name    string
	created time.Time
	labels  map[string]string
	options map[string]string
	anon    bool
	size    int64 // shown for a lived-in volume, beyond what its directory holds
	fresh   bool  // nothing was ever mounted: the first mount copies data up
}

// Volumes is the volume service, daemon's volume/service.
type Volumes struct{ w *World }

// Volumes returns the volume service.
func (w *World) Volumes() *Volumes { return &Volumes{w} }

func (w *World) volumePoint(name string) string {
	return w.host.facts.Root + "/volumes/" + name + "/_data"
}

func (w *World) volumeAPI(v *localVolume) *volume.Volume {
	return &volume.Volume{Name: v.name, Driver: "local", Mountpoint: w.volumePoint(v.name), Labels: v.labels,
		Options: v.options, Scope: "local", CreatedAt: v.created.Format(time.RFC3339)}
}

// users lists the containers that have a volume. World.mu is held.
func (w *World) users(name string) []string {
	var ids []string
	for _, c := range w.containers {
		for _, m := range c.Mounts {
			if m.Name == name && m.Type == "volume" {
				ids = append(ids, c.ID)
				break
			}
		}
	}
	sort.Strings(ids)
	return ids
}

// List lists the volumes.
func (s *Volumes) List(_ context.Context, f filters.Args) ([]*volume.Volume, []string, error) {
	accepted := map[string]bool{"dangling": true, "driver": true, "name": true, "label": true}
	if err := f.Validate(accepted); err != nil {
		return nil, nil, invalid("%s", err.Error())
	}
	dangling := false
	if f.Contains("dangling") {
		var err error
		if dangling, err = f.GetBoolOrDefault("dangling", false); err != nil {
			return nil, nil, invalid("%s", err.Error())
		}
	}
	w := s.w
	w.mu.Lock()
	defer w.mu.Unlock()
	out := []*volume.Volume{}
	for _, v := range w.volumes {
		if f.Contains("dangling") && (len(w.users(v.name)) == 0) != dangling {
			continue
		}
		if f.Contains("driver") && !f.ExactMatch("driver", "local") {
			continue
		}
		if f.Contains("name") && !f.Match("name", v.name) {
			continue
		}
		if f.Contains("label") && !f.MatchKVList("label", v.labels) {
			continue
		}
		out = append(out, w.volumeAPI(v))
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil, nil
}

// Get finds a volume by its name.
func (s *Volumes) Get(_ context.Context, name string, _ ...opts.GetOption) (*volume.Volume, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	v := s.w.volumes[name]
	if v == nil {
		return nil, notFound("get %s: no such volume", name)
	}
	return s.w.volumeAPI(v), nil
}

// Create makes a volume, or gives the one of that name.
func (s *Volumes) Create(ctx context.Context, name, driver string, o ...opts.CreateOption) (*volume.Volume, error) {
	var cfg opts.CreateConfig
	for _, f := range o {
		f(&cfg)
	}
	w := s.w
	w.mu.Lock()
	v, made, err := w.createVolume(name, driver, cfg.Labels, cfg.Options)
	if err != nil {
		w.mu.Unlock()
		return nil, err
	}
	out := w.volumeAPI(v)
	w.mu.Unlock()
	if made {
		w.volumeEvent(w.callerOf(ctx), v.name, events.ActionCreate, nil)
	}
	return out, nil
}

func (w *World) volumeEvent(by Caller, name string, a events.Action, attrs map[string]string) {
	if attrs == nil {
		attrs = map[string]string{}
	}
	attrs["driver"] = "local"
	w.logEvent(by, events.VolumeEventType, a, name, attrs)
}

// createVolume finds or makes a volume. World.mu is held.
func (w *World) createVolume(name, driver string, labels, options map[string]string) (v *localVolume, made bool, err error) {
	anon := name == ""
	if anon {
		name = w.newID()
	}
	if driver == "" {
		driver = "local"
	}
	if driver != "local" {
		return nil, false, notFound("create %s: error looking up volume plugin %s: plugin %q not found", name, driver, driver)
	}
	if v := w.volumes[name]; v != nil {
		return v, false, nil
	}
	if !anon && !volumeName.MatchString(name) {
		if len(name) == 1 {
			return nil, false, invalid("create %s: volume name is too short, names should be at least two alphanumeric characters", name)
		}
		return nil, false, badVolumeName(name)
	}
	for k := range options {
		switch k {
		case "type", "o", "device", "size":
		default:
			return nil, false, invalid("create %s: invalid option: %q", name, k)
		}
	}
	if len(options) > 0 && options["size"] == "" || options["type"] != "" || options["device"] != "" {
		for _, k := range []string{"device", "type"} {
			if options[k] == "" && w.host.cfg.Release.Era >= 26 {
				return nil, false, invalid("create %s: missing required option: %q", name, k)
			}
		}
	}
	if len(w.volumes) >= w.host.cfg.Quotas.Volumes {
		return nil, false, systemErr("create %s: mkdir %s: no space left on device", name, strings.TrimSuffix(w.volumePoint(name), "/_data"))
	}
	if anon && w.host.cfg.Release.Era >= 26 {
		if labels == nil {
			labels = map[string]string{}
		}
		labels["com.docker.volume.anonymous"] = ""
	}
	v = &localVolume{name: name, created: w.now(), labels: labels, options: options, anon: anon, fresh: true}
	w.volumes[name] = v
	w.makeVolume(v.created, name)
	return v, true, nil
}

// Remove removes a volume that no container has.
func (s *Volumes) Remove(ctx context.Context, name string, o ...opts.RemoveOption) error {
	var cfg opts.RemoveConfig
	for _, f := range o {
		f(&cfg)
	}
	w := s.w
	w.mu.Lock()
	v := w.volumes[name]
	if v == nil {
		w.mu.Unlock()
		if cfg.PurgeOnError {
			return nil
		}
		return notFound("get %s: no such volume", name)
	}
	if ids := w.users(name); len(ids) > 0 {
		w.mu.Unlock()
		return conflict("remove %s: volume is in use - [%s]", name, strings.Join(ids, ", "))
	}
	delete(w.volumes, name)
	w.hostRemoveAll(strings.TrimSuffix(w.volumePoint(name), "/_data"))
	w.mu.Unlock()
	w.volumeEvent(w.callerOf(ctx), name, events.ActionDestroy, nil)
	return nil
}

// Prune removes volumes that nothing uses: since API 1.42 the anonymous ones
// unless all are asked for.
func (s *Volumes) Prune(ctx context.Context, f filters.Args) (*volume.PruneReport, error) {
	accepted := map[string]bool{"label": true, "label!": true}
	if s.w.host.cfg.Release.Era >= 26 {
		accepted["all"] = true
	}
	if err := f.Validate(accepted); err != nil {
		return nil, invalid("%s", err.Error())
	}
	all := s.w.host.cfg.Release.Era < 26
	if f.Contains("all") {
		b, err := f.GetBoolOrDefault("all", false)
		if err != nil {
			return nil, invalid("%s", err.Error())
		}
		all = b
	}
	w := s.w
	rep := &volume.PruneReport{VolumesDeleted: []string{}}
	w.mu.Lock()
	for name, v := range w.volumes {
		// What options name may lie elsewhere: it stays.
		if !all && !v.anon || len(v.options) > 0 || len(w.users(name)) > 0 {
			continue
		}
		if f.Contains("label") && !f.MatchKVList("label", v.labels) || f.Contains("label!") && f.MatchKVList("label!", v.labels) {
			continue
		}
		rep.SpaceReclaimed += uint64(w.volumeSize(v))
		rep.VolumesDeleted = append(rep.VolumesDeleted, name)
		delete(w.volumes, name)
		w.hostRemoveAll(strings.TrimSuffix(w.volumePoint(name), "/_data"))
	}
	w.mu.Unlock()
	sort.Strings(rep.VolumesDeleted)
	c := w.callerOf(ctx)
	for _, n := range rep.VolumesDeleted {
		w.volumeEvent(c, n, events.ActionDestroy, nil)
	}
	w.logEvent(c, events.VolumeEventType, events.ActionPrune, "", map[string]string{"reclaimed": itoa(int64(rep.SpaceReclaimed))})
	return rep, nil
}
