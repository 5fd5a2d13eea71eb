package world

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	imagetypes "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"
	"github.com/docker/docker/api/types/storage"
	"github.com/docker/go-connections/nat"
	"github.com/klauspost/compress/zstd"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/ulikunitz/xz"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/image"
	"github.com/whalefall/whalefall/internal/vfs"
)

func digestOf(s string) digest.Digest { return digest.Digest(s) }

func errNoImage(ref reference.Reference, raw string) error {
	if n, ok := ref.(reference.Named); ok {
		return notFound("No such image: %s", reference.FamiliarString(reference.TagNameOnly(n)))
	}
	if ref != nil {
		return notFound("No such image: %s", ref.String())
	}
	return notFound("No such image: %s", raw)
}

// getImage is the image service's GetImage.
func (w *World) getImage(refOrID string) (*image.Image, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.imageLocked(refOrID)
}

func (w *World) imageLocked(refOrID string) (*image.Image, error) {
	i, ref, err := w.images.Lookup(refOrID)
	if err != nil {
		return nil, invalid("%s", err.Error())
	}
	if i == nil {
		return nil, errNoImage(ref, refOrID)
	}
	return i, nil
}

// ImageID resolves a reference or id.
func (w *World) ImageID(_ context.Context, refOrID string) (string, error) {
	i, err := w.getImage(refOrID)
	if err != nil {
		return "", err
	}
	return i.ID, nil
}

func (w *World) imageEvent(by Caller, a events.Action, id, name string) {
	attrs := map[string]string{}
	w.mu.Lock()
	if i := w.images.Get(id); i != nil && i.Config.Config != nil {
		for k, v := range i.Config.Config.Labels {
			attrs[k] = v
		}
	}
	w.mu.Unlock()
	if name != "" {
		attrs["name"] = name
	}
	w.logEvent(by, events.ImageEventType, a, id, attrs)
}

// Images is the image service's list.
func (w *World) Images(_ context.Context, o imagetypes.ListOptions) ([]*imagetypes.Summary, error) {
	f := o.Filters
	if err := f.Validate(map[string]bool{"dangling": true, "label": true, "label!": true, "before": true, "since": true, "reference": true, "until": true}); err != nil {
		return nil, invalid("%s", err.Error())
	}
	dangling := false
	if f.Contains("dangling") {
		var err error
		if dangling, err = f.GetBoolOrDefault("dangling", false); err != nil {
			return nil, invalid("%s", err.Error())
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var before, since time.Time
	for key, p := range map[string]*time.Time{"before": &before, "since": &since} {
		if err := f.WalkValues(key, func(v string) error {
			i, err := w.imageLocked(v)
			if err == nil {
				*p = i.Config.Created
			}
			return err
		}); err != nil {
			return nil, err
		}
	}
	var until time.Time
	if err := f.WalkValues("until", func(v string) error {
		t, err := untilOf(filters.NewArgs(filters.Arg("until", v)), w.now())
		if err == nil && (until.IsZero() || t.Before(until)) {
			until = t // the earliest counts
		}
		return err
	}); err != nil {
		return nil, err
	}
	out := []*imagetypes.Summary{}
	for _, i := range w.images.All() {
		if !before.IsZero() && !i.Config.Created.Before(before) || !since.IsZero() && !i.Config.Created.After(since) || !until.IsZero() && !i.Config.Created.Before(until) {
			continue
		}
		var labels map[string]string
		if i.Config.Config != nil {
			labels = i.Config.Config.Labels
		}
		if f.Contains("label") && !f.MatchKVList("label", labels) || f.Contains("label!") && f.MatchKVList("label!", labels) {
			continue
		}
		s := &imagetypes.Summary{ID: i.ID, ParentID: i.Parent, Created: i.Config.Created.Unix(), Size: i.Size(), SharedSize: -1, Containers: -1, Labels: labels}
		for _, r := range w.images.References(i.ID) {
			if f.Contains("reference") {
				ok := false
				for _, p := range f.Get("reference") {
					m, err := reference.FamiliarMatch(p, r)
					if err != nil {
						return nil, systemErr("%s", err.Error())
					}
					ok = ok || m
				}
				if !ok {
					continue
				}
			}
			if _, ok := r.(reference.Canonical); ok {
				s.RepoDigests = append(s.RepoDigests, reference.FamiliarString(r))
			} else {
				s.RepoTags = append(s.RepoTags, reference.FamiliarString(r))
			}
		}
		if s.RepoDigests == nil && s.RepoTags == nil {
			if !o.All && len(w.images.Children(i.ID)) > 0 {
				continue
			}
			if f.Contains("dangling") && !dangling || f.Contains("reference") {
				continue
			}
			if w.host.cfg.Release.Era < 26 {
				s.RepoDigests, s.RepoTags = []string{"<none>@<none>"}, []string{"<none>:<none>"}
			} else {
				s.RepoDigests, s.RepoTags = []string{}, []string{}
			}
		} else if f.Contains("dangling") && dangling {
			continue
		}
		if s.RepoTags == nil {
			s.RepoTags = []string{}
			if w.host.cfg.Release.Era < 26 && s.RepoDigests != nil {
				s.RepoTags = []string{"<none>:<none>"}
				n, _, _ := strings.Cut(s.RepoDigests[0], "@")
				s.RepoTags[0] = n + ":<none>"
			}
		}
		if s.RepoDigests == nil {
			s.RepoDigests = []string{}
		}
		if o.ContainerCount {
			s.Containers = 0
			for _, c := range w.containers {
				if c.ImageID == i.ID {
					s.Containers++
				}
			}
		}
		if o.SharedSize {
			s.SharedSize = 0
			for _, l := range i.Layers {
				n := 0
				for _, j := range w.images.All() {
					for _, k := range j.Layers {
						if k.DiffID == l.DiffID {
							n++
							break
						}
					}
				}
				if n > 1 {
					s.SharedSize += l.Size
				}
			}
		}
		out = append(out, s)
	}
	sort.SliceStable(out, func(a, b int) bool { return out[a].Created > out[b].Created })
	return out, nil
}

// ImageInspect is the image service's method.
func (w *World) ImageInspect(_ context.Context, refOrID string, o backend.ImageInspectOpts) (*imagetypes.InspectResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, err := w.imageLocked(refOrID)
	if err != nil {
		return nil, err
	}
	if err := suits(i, refOrID, o.Platform); err != nil {
		return nil, err
	}
	r := &imagetypes.InspectResponse{ID: i.ID, RepoTags: []string{}, RepoDigests: []string{}, Parent: i.Parent, Comment: i.Config.Comment,
		Created: i.Config.Created.Format(time.RFC3339Nano), Container: i.Config.Container, DockerVersion: i.Config.DockerVersion, Author: i.Config.Author,
		Architecture: i.Config.Architecture, Variant: i.Config.Variant, Os: i.Config.OS, OsVersion: i.Config.OSVersion, Size: i.Size(),
		GraphDriver: storage.DriverData{Name: w.host.facts.StorageDriver, Data: w.imageGraph(i)}, RootFS: imagetypes.RootFS{Type: "layers"},
		Metadata: imagetypes.Metadata{LastTagTime: w.images.LastTag(i.ID)}}
	r.ContainerConfig = i.Config.ContainerConfig
	if r.ContainerConfig == nil {
		r.ContainerConfig = &container.Config{}
	}
	if n := len(i.Config.History); r.Comment == "" && n > 0 && w.host.cfg.Release.Era >= 26 {
		r.Comment = i.Config.History[n-1].Comment
	}
	for _, ref := range w.images.References(i.ID) {
		if _, ok := ref.(reference.Canonical); ok {
			r.RepoDigests = append(r.RepoDigests, reference.FamiliarString(ref))
		} else {
			r.RepoTags = append(r.RepoTags, reference.FamiliarString(ref))
		}
	}
	for _, l := range i.Layers {
		r.RootFS.Layers = append(r.RootFS.Layers, l.DiffID)
	}
	r.Config = ociConfig(i.Config.Config)
	return r, nil
}

// OldConfig is an image's configuration in the shape of releases before 28.
func (w *World) OldConfig(refOrID string) (*container.Config, error) {
	i, err := w.getImage(refOrID)
	if err != nil {
		return nil, err
	}
	return i.RunConfig(), nil
}

func ociConfig(c *container.Config) *dockerspec.DockerOCIImageConfig {
	if c == nil {
		return &dockerspec.DockerOCIImageConfig{}
	}
	o := &dockerspec.DockerOCIImageConfig{}
	o.User, o.Env, o.Entrypoint, o.Cmd = c.User, c.Env, c.Entrypoint, c.Cmd
	o.Volumes, o.WorkingDir, o.Labels, o.StopSignal = c.Volumes, c.WorkingDir, c.Labels, c.StopSignal
	o.ArgsEscaped = c.ArgsEscaped //nolint:staticcheck // deprecated, and the daemon shows it
	if c.ExposedPorts != nil {
		o.ExposedPorts = map[string]struct{}{}
		for p := range c.ExposedPorts {
			o.ExposedPorts[string(p)] = struct{}{}
		}
	}
	o.OnBuild, o.Shell = c.OnBuild, c.Shell
	if h := c.Healthcheck; h != nil {
		o.Healthcheck = &dockerspec.HealthcheckConfig{Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries}
	}
	return o
}

func (w *World) imageGraph(i *image.Image) map[string]string {
	root := w.host.facts.Root + "/overlay2/"
	ids := i.ChainIDs()
	if len(ids) == 0 {
		return nil
	}
	top := root + w.host.layerDir(ids[len(ids)-1])
	m := map[string]string{"MergedDir": top + "/merged", "UpperDir": top + "/diff", "WorkDir": top + "/work"}
	var lower []string
	for k := len(ids) - 2; k >= 0; k-- {
		lower = append(lower, root+w.host.layerDir(ids[k])+"/diff")
	}
	if len(lower) > 0 {
		m["LowerDir"] = strings.Join(lower, ":")
	}
	return m
}

// ImageHistory is the image service's method.
func (w *World) ImageHistory(_ context.Context, name string, _ *ocispec.Platform) ([]*imagetypes.HistoryResponseItem, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, err := w.imageLocked(name)
	if err != nil {
		return nil, err
	}
	out := []*imagetypes.HistoryResponseItem{}
	l := 0
	for _, h := range i.Config.History {
		var size int64
		if !h.EmptyLayer && l < len(i.Layers) {
			size = i.Layers[l].Size
			l++
		}
		out = append([]*imagetypes.HistoryResponseItem{{ID: "<missing>", Created: h.Created.Unix(), CreatedBy: h.CreatedBy, Comment: h.Comment, Size: size}}, out...)
	}
	for k, img := 0, i; img != nil && k < len(out); k++ {
		out[k].ID = img.ID
		for _, r := range w.images.References(img.ID) {
			if _, ok := r.(reference.Canonical); !ok {
				out[k].Tags = append(out[k].Tags, reference.FamiliarString(r))
			}
		}
		img = w.images.Get(img.Parent)
	}
	return out, nil
}

// TagImage is the image service's method.
func (w *World) TagImage(ctx context.Context, id string, ref reference.Named) error {
	w.mu.Lock()
	i, err := w.imageLocked(id)
	if err != nil {
		w.mu.Unlock()
		return err
	}
	ref = reference.TagNameOnly(ref)
	w.images.Tag(ref, i.ID, w.now())
	w.mu.Unlock()
	w.imageEvent(w.callerOf(ctx), events.ActionTag, i.ID, reference.FamiliarString(ref))
	return nil
}

// ImageDelete is the image service's method, its conflicts with it.
func (w *World) ImageDelete(ctx context.Context, name string, o imagetypes.RemoveOptions) ([]imagetypes.DeleteResponse, error) {
	by := w.callerOf(ctx)
	type said struct {
		a  events.Action
		id string
	}
	var say []said
	w.mu.Lock()
	out, err := func() ([]imagetypes.DeleteResponse, error) {
		img, err := w.imageLocked(name)
		if err != nil {
			return nil, err
		}
		id := img.ID
		short := id[7:19]
		out := []imagetypes.DeleteResponse{}
		untag := func(r reference.Named) {
			w.images.Untag(r)
			say = append(say, said{events.ActionUnTag, id})
			out = append(out, imagetypes.DeleteResponse{Untagged: reference.FamiliarString(r)})
		}
		user := func(running bool) *Container {
			for _, c := range w.sorted() {
				if c.ImageID == id && (!running || c.Running) {
					return c
				}
				for _, m := range c.Mounts {
					if m.ImageID == id && (!running || c.Running) {
						return c
					}
				}
			}
			return nil
		}
		refs := w.images.References(id)
		single := func() bool {
			if len(refs) <= 1 {
				return len(refs) == 1
			}
			tags, names := 0, map[string]bool{}
			for _, r := range refs {
				if _, ok := r.(reference.Canonical); !ok {
					tags++
				}
				names[r.Name()] = true
			}
			return tags <= 1 && len(names) == 1
		}
		removedRef := false
		byID := strings.HasPrefix(id, name) || strings.HasPrefix(id[7:], name)
		if !byID {
			if !o.Force && single() {
				if c := user(false); c != nil {
					return nil, conflict("conflict: unable to remove repository reference %q (must force) - container %s is using its referenced image %s", name, c.ID[:12], short)
				}
			}
			ref, err := reference.ParseNormalizedNamed(name)
			if err != nil {
				return nil, invalid("%s", err.Error())
			}
			ref = reference.TagNameOnly(ref)
			untag(ref)
			refs = w.images.References(id)
			if _, ok := ref.(reference.Canonical); !ok {
				tags := 0
				for _, r := range refs {
					if _, c := r.(reference.Canonical); !c && r.Name() == ref.Name() {
						tags++
					}
				}
				if tags == 0 {
					var rest []reference.Named
					for _, r := range refs {
						if _, c := r.(reference.Canonical); c && r.Name() == ref.Name() {
							w.images.Untag(r)
							out = append(out, imagetypes.DeleteResponse{Untagged: reference.FamiliarString(r)})
						} else {
							rest = append(rest, r)
						}
					}
					refs = rest
				}
			}
			if len(refs) > 0 {
				return out, nil
			}
			removedRef = true
		} else if single() {
			if err := w.deleteConflict(id, short, true, !o.Force, false); err != nil {
				return nil, err
			}
			for _, r := range refs {
				untag(r)
			}
		}
		for quiet, prune := removedRef, o.PruneChildren; ; quiet, prune = true, true {
			if err := w.deleteConflict(id, id[7:19], true, !o.Force || quiet && prune && id != img.ID, true); err != nil {
				if quiet {
					return out, nil
				}
				return nil, err
			}
			for _, r := range w.images.References(id) {
				w.images.Untag(r)
				say = append(say, said{events.ActionUnTag, id})
				out = append(out, imagetypes.DeleteResponse{Untagged: reference.FamiliarString(r)})
			}
			gone := w.images.Get(id)
			w.images.Delete(id)
			say = append(say, said{events.ActionDelete, id})
			out = append(out, imagetypes.DeleteResponse{Deleted: id})
			chains := gone.ChainIDs()
			for k := len(chains) - 1; k >= 0; k-- {
				if !w.chainUsed(chains[k]) {
					out = append(out, imagetypes.DeleteResponse{Deleted: chains[k]})
				}
			}
			if !prune || gone.Parent == "" || w.images.Get(gone.Parent) == nil {
				return out, nil
			}
			id = gone.Parent
		}
	}()
	w.mu.Unlock()
	for _, s := range say {
		w.imageEvent(by, s.a, s.id, s.id)
	}
	return out, err
}

func (w *World) chainUsed(chain string) bool {
	if w.leaked[chain] {
		return true
	}
	for _, i := range w.images.All() {
		for _, c := range i.ChainIDs() {
			if c == chain {
				return true
			}
		}
	}
	return false
}

// deleteConflict is checkImageDeleteConflict. World.mu is held.
func (w *World) deleteConflict(id, short string, hard, soft, active bool) error {
	msg := func(hardOne bool, text string) error {
		force := "must be forced"
		if hardOne {
			force = "cannot be forced"
		}
		return conflict("conflict: unable to delete %s (%s) - %s", short, force, text)
	}
	if hard && len(w.images.Children(id)) > 0 {
		return msg(true, "image has dependent child images")
	}
	if hard {
		for _, c := range w.sorted() {
			if c.ImageID == id && c.Running {
				return msg(true, "image is being used by running container "+c.ID[:12])
			}
		}
	}
	if soft && active && len(w.images.References(id)) > 0 {
		return msg(false, "image is referenced in multiple repositories")
	}
	if soft {
		for _, c := range w.sorted() {
			if c.ImageID == id && !c.Running {
				return msg(false, "image is being used by stopped container "+c.ID[:12])
			}
		}
	}
	return nil
}

// ImagesPrune is the image service's method.
func (w *World) ImagesPrune(ctx context.Context, f filters.Args) (*imagetypes.PruneReport, error) {
	if err := f.Validate(map[string]bool{"dangling": true, "label": true, "label!": true, "until": true}); err != nil {
		return nil, invalid("%s", err.Error())
	}
	only, err := f.GetBoolOrDefault("dangling", true)
	if err != nil {
		return nil, invalid("%s", err.Error())
	}
	until, err := untilOf(f, w.now())
	if err != nil {
		return nil, err
	}
	rep := &imagetypes.PruneReport{}
	w.mu.Lock()
	var ids []string
	for _, i := range w.images.All() {
		used := len(w.images.Children(i.ID)) > 0
		for _, c := range w.containers {
			used = used || c.ImageID == i.ID
		}
		var labels map[string]string
		if i.Config.Config != nil {
			labels = i.Config.Config.Labels
		}
		if used || only && len(w.images.References(i.ID)) > 0 || !until.IsZero() && i.Config.Created.After(until) ||
			f.Contains("label") && !f.MatchKVList("label", labels) || f.Contains("label!") && f.MatchKVList("label!", labels) {
			continue
		}
		ids = append(ids, i.ID)
	}
	w.mu.Unlock()
	for _, id := range ids {
		w.mu.Lock()
		var size int64
		if i := w.images.Get(id); i != nil {
			size = i.Size()
		}
		refs := w.images.References(id)
		w.mu.Unlock()
		names := []string{id}
		if len(refs) > 0 {
			names = nil
			for _, r := range refs {
				names = append(names, reference.FamiliarString(r))
			}
		}
		for _, n := range names {
			if d, err := w.ImageDelete(ctx, n, imagetypes.RemoveOptions{PruneChildren: true}); err == nil {
				rep.ImagesDeleted = append(rep.ImagesDeleted, d...)
			}
		}
		w.mu.Lock()
		if w.images.Get(id) == nil {
			rep.SpaceReclaimed += uint64(size)
		}
		w.mu.Unlock()
	}
	w.logEvent(w.callerOf(ctx), events.ImageEventType, events.ActionPrune, "", map[string]string{"reclaimed": itoa(int64(rep.SpaceReclaimed))})
	return rep, nil
}

// message is jsonmessage.JSONMessage in the order of its keys, as the daemon's
// streamformatter writes it.
type message struct {
	Stream         string          `json:"stream,omitempty"`
	Status         string          `json:"status,omitempty"`
	ProgressDetail json.RawMessage `json:"progressDetail,omitempty"`
	Progress       string          `json:"progress,omitempty"`
	ID             string          `json:"id,omitempty"`
	Aux            json.RawMessage `json:"aux,omitempty"`
}

func send(out io.Writer, m message) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = out.Write(append(b, '\r', '\n'))
	return err
}

var emptyDetail = json.RawMessage("{}")

// bar is jsonmessage's progress text in the daemon's old messages.
func bar(cur, total int64) string {
	p := int(cur * 100 / max(total, 1) / 2)
	p = min(p, 50)
	s := strings.Repeat("=", p) + ">"
	pad := ""
	if 50-p > 0 {
		pad = strings.Repeat(" ", 50-p)
	}
	return fmt.Sprintf("[%s%s] %8v/%v", s, pad, size(cur), size(total))
}

func size(n int64) string {
	f, u := float64(n), 0
	units := []string{"B", "kB", "MB", "GB", "TB"}
	for f >= 1000 && u < len(units)-1 {
		f /= 1000
		u++
	}
	return fmt.Sprintf("%.4g%s", f, units[u])
}

// sleep waits for a time of the world or the client's leave.
func (w *World) sleep(ctx context.Context, d time.Duration) error {
	ch := make(chan struct{})
	stop := w.after(d, func() { close(ch) })
	defer stop()
	select {
	case <-ch:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-w.stopping:
		return context.Canceled
	}
}

// PullImage makes an image of the catalogue, telling of it as a pull does.
func (w *World) PullImage(ctx context.Context, ref reference.Named, platform *ocispec.Platform, _ map[string][]string, auth *registry.AuthConfig, out io.Writer) error {
	by := w.callerOf(ctx)
	name := reference.FamiliarName(ref)
	ref = reference.TagNameOnly(ref)
	if err := w.refuse(ctx, "pull", name); err != nil {
		return err
	}
	_ = auth
	if err := w.onLoopback(ctx, reference.Domain(ref)); err != nil {
		return err
	}
	if platform != nil && (platform.OS != "" && platform.OS != "linux" || platform.Architecture != "" && platform.Architecture != "amd64" && platform.Architecture != "x86_64") {
		return notFound("no matching manifest for %s/%s in the manifest list entries", platform.OS, platform.Architecture)
	}
	what := "latest"
	if t, ok := ref.(reference.Tagged); ok {
		what = t.Tag()
	}
	if d, ok := ref.(reference.Digested); ok {
		what = d.Digest().String()
	}
	res := w.host.catalog.Resolve(ref)
	i := res.Image
	repo := reference.FamiliarName(ref)
	if reference.Domain(ref) == "docker.io" {
		repo = reference.Path(ref)
	}
	if err := w.sleep(ctx, time.Duration(400+w.draw(700))*time.Millisecond); err != nil {
		return err
	}
	if err := send(out, message{Status: "Pulling from " + repo, ID: what}); err != nil {
		return err
	}
	w.mu.Lock()
	have := map[string]bool{}
	for _, j := range w.images.All() {
		for _, c := range j.ChainIDs() {
			have[c] = true
		}
	}
	known := w.images.Get(i.ID) != nil
	full := len(w.images.All()) >= w.host.cfg.Quotas.Images
	w.mu.Unlock()
	if full && !known {
		return systemErr("write /var/lib/docker/tmp/GetImageBlob%d: no space left on device", 100000000+w.draw(899999999))
	}
	status := "Downloaded newer image for "
	if known {
		status = "Image is up to date for "
	} else {
		if err := w.pullLayers(ctx, i, have, out); err != nil {
			return err
		}
	}
	if err := send(out, message{Status: "Digest: " + res.Digest}); err != nil {
		return err
	}
	w.mu.Lock()
	w.images.Add(i)
	now := w.now()
	if _, ok := ref.(reference.Tagged); ok {
		w.images.Tag(ref, i.ID, now)
	}
	if d, err := reference.WithDigest(reference.TrimNamed(ref), digestOf(res.Digest)); err == nil {
		w.images.Tag(d, i.ID, now)
	}
	w.mu.Unlock()
	fam := reference.FamiliarString(ref)
	if err := send(out, message{Status: "Status: " + status + fam}); err != nil {
		return err
	}
	w.imageEvent(by, events.ActionPull, fam, name)
	if !i.Known {
		w.emit(by, event.ProcUnknown, &event.Unknown{What: "image", Name: fam, Detail: "not in the catalogue: base system and stand-in"})
	}
	return nil
}

// draw is a small random number of the world.
func (w *World) draw(n int) int {
	var b [4]byte
	w.random(b[:])
	return int(uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24&0x7fffffff) % n
}

func (w *World) pullLayers(ctx context.Context, i *image.Image, have map[string]bool, out io.Writer) error {
	short := func(l *image.Layer) string { return l.Digest[7:19] }
	chains := i.ChainIDs()
	for k, l := range i.Layers {
		st := "Pulling fs layer"
		if have[chains[k]] {
			st = "Already exists"
		}
		if err := send(out, message{Status: st, ProgressDetail: emptyDetail, ID: short(l)}); err != nil {
			return err
		}
	}
	rate := int64(8<<20 + w.draw(30<<20)) // bytes a second
	for k, l := range i.Layers {
		if have[chains[k]] {
			continue
		}
		if k >= 3 {
			if err := send(out, message{Status: "Waiting", ProgressDetail: emptyDetail, ID: short(l)}); err != nil {
				return err
			}
		}
	}
	for k, l := range i.Layers {
		if have[chains[k]] {
			continue
		}
		step := max(l.Blob/int64(8+w.draw(6)), l.Blob/100, 1)
		for done := step / 9; done < l.Blob; done += step {
			d := []byte(fmt.Sprintf("{\"current\":%d,\"total\":%d}", done, l.Blob))
			if err := send(out, message{Status: "Downloading", ProgressDetail: d, Progress: bar(done, l.Blob), ID: short(l)}); err != nil {
				return err
			}
			if err := w.sleep(ctx, min(time.Duration(step)*time.Second/time.Duration(rate), 400*time.Millisecond)); err != nil {
				return err
			}
		}
		for _, st := range []string{"Verifying Checksum", "Download complete"} {
			if err := send(out, message{Status: st, ProgressDetail: emptyDetail, ID: short(l)}); err != nil {
				return err
			}
		}
	}
	for k, l := range i.Layers {
		if have[chains[k]] {
			continue
		}
		step := max(l.Blob/6, 1)
		for done := step / 4; done < l.Blob; done += step {
			d := []byte(fmt.Sprintf("{\"current\":%d,\"total\":%d}", done, l.Blob))
			if err := send(out, message{Status: "Extracting", ProgressDetail: d, Progress: bar(done, l.Blob), ID: short(l)}); err != nil {
				return err
			}
			if err := w.sleep(ctx, min(time.Duration(step)*time.Second/time.Duration(4*rate), 150*time.Millisecond)); err != nil {
				return err
			}
		}
		d := []byte(fmt.Sprintf("{\"current\":%d,\"total\":%d}", l.Blob, l.Blob))
		if err := send(out, message{Status: "Extracting", ProgressDetail: d, Progress: bar(l.Blob, l.Blob), ID: short(l)}); err != nil {
			return err
		}
		if err := send(out, message{Status: "Pull complete", ProgressDetail: emptyDetail, ID: short(l)}); err != nil {
			return err
		}
	}
	return nil
}

// PushImage is refused as a registry refuses one without rights.
func (w *World) PushImage(ctx context.Context, ref reference.Named, _ *ocispec.Platform, _ map[string][]string, _ *registry.AuthConfig, out io.Writer) error {
	w.mu.Lock()
	_, err := w.imageLocked(reference.FamiliarString(reference.TagNameOnly(ref)))
	var i *image.Image
	if err == nil {
		i, _ = w.imageLocked(reference.FamiliarString(reference.TagNameOnly(ref)))
	}
	w.mu.Unlock()
	if err := send(out, message{Status: "The push refers to repository [" + ref.Name() + "]"}); err != nil {
		return err
	}
	if err != nil {
		return notFound("An image does not exist locally with the tag: %s", reference.FamiliarName(ref))
	}
	if err := w.onLoopback(ctx, reference.Domain(ref)); err != nil {
		return err
	}
	if err := w.sleep(ctx, time.Duration(300+w.draw(500))*time.Millisecond); err != nil {
		return err
	}
	for _, l := range i.Layers {
		if err := send(out, message{Status: "Preparing", ProgressDetail: emptyDetail, ID: l.DiffID[7:19]}); err != nil {
			return err
		}
	}
	return forbidden("denied: requested access to the resource is denied")
}

// Search asks the made-up registry.
func (w *World) Search(_ context.Context, f filters.Args, term string, limit int, _ *registry.AuthConfig, _ map[string][]string) ([]registry.SearchResult, error) {
	if err := f.Validate(map[string]bool{"is-automated": true, "is-official": true, "stars": true}); err != nil {
		return nil, invalid("%s", err.Error())
	}
	if limit == 0 {
		limit = 25
	}
	if limit < 1 || limit > 100 {
		return nil, invalid("limit %d is outside the range of [1, 100]", limit)
	}
	stars := 0
	for _, s := range f.Get("stars") {
		n, err := strconv.Atoi(s)
		if err != nil {
			if w.host.cfg.Release.Era >= 26 {
				return nil, invalid("invalid filter 'stars=%s': strconv.Atoi: parsing %q: invalid syntax", s, s)
			}
			return nil, invalid("invalid filter 'stars=%s'", s)
		}
		stars = max(stars, n)
	}
	out := []registry.SearchResult{}
	for _, r := range image.Search(term, limit) {
		if r.Stars < stars || f.Contains("is-official") && !f.ExactMatch("is-official", strconv.FormatBool(r.Official)) || f.Contains("is-automated") && f.ExactMatch("is-automated", "true") {
			continue
		}
		out = append(out, registry.SearchResult{StarCount: r.Stars, IsOfficial: r.Official, Name: r.Name, Description: r.About})
	}
	return out, nil
}

// DistributionInfo answers for a reference as a registry does.
func (w *World) DistributionInfo(ctx context.Context, ref reference.Named, _ *registry.AuthConfig) (*registry.DistributionInspect, error) {
	if err := w.onLoopback(ctx, reference.Domain(ref)); err != nil {
		return nil, err
	}
	res := w.host.catalog.Resolve(ref)
	return &registry.DistributionInspect{Descriptor: ocispec.Descriptor{MediaType: "application/vnd.docker.distribution.manifest.list.v2+json", Digest: digestOf(res.Digest), Size: 1638},
		Platforms: []ocispec.Platform{{Architecture: "amd64", OS: "linux"}, {Architecture: "arm64", OS: "linux", Variant: "v8"}}}, nil
}

// decompress reads what a client sent, packed or not, without any help from outside.
func decompress(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 4096)
	head, _ := b.Peek(6)
	switch {
	case len(head) >= 2 && head[0] == 0x1f && head[1] == 0x8b:
		return gzip.NewReader(b)
	case bytes.HasPrefix(head, []byte("BZh")):
		return bzip2.NewReader(b), nil
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		return xz.ReaderConfig{DictCap: 64 << 20}.NewReader(b)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, err := zstd.NewReader(b, zstd.WithDecoderMaxMemory(128<<20), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return b, nil
}

// charged takes what is read from the world's budget: a layer lies in memory.
type charged struct {
	r    io.Reader
	w    *World
	held *int64
}

func (c *charged) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if *c.held+int64(n) > c.w.host.cfg.Quotas.Disk || !c.w.budget.Take(int64(n)) {
		return 0, vfs.ENOSPC
	}
	*c.held += int64(n)
	return n, err
}

// readLayer makes a layer of a tar stream and gives its diff id.
func (w *World) readLayer(r io.Reader) (_ *image.Layer, err error) {
	var held int64
	defer func() {
		if err != nil {
			w.budget.Give(held)
		}
	}()
	dec, err := decompress(r)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	tee := io.TeeReader(&charged{r: dec, w: w, held: &held}, h)
	b := vfs.NewLayerBuilder()
	b.Time = w.now().UnixNano()
	t, kept, err := vfs.ReadTarKept(b, tee, vfs.TarLimits{Bytes: w.host.cfg.Quotas.Disk, Entries: 100000})
	if err != nil {
		return nil, err
	}
	runtime.AddCleanup(t, w.budget.Give, held)
	l := image.NewLayer("sha256:"+hex.EncodeToString(h.Sum(nil)), t.Size(), func() *vfs.Layer { return t })
	l.Digest, l.Blob = l.DiffID, max(t.Size()*2/5, 120)
	l.Kept = kept
	return l, nil
}

// platformWords are the operating systems and architectures that a platform of one
// word may name, as containerd/platforms knows them.
var platformWords = map[string]bool{"linux": true, "windows": true, "darwin": true, "macos": true, "freebsd": true, "openbsd": true, "netbsd": true, "dragonfly": true, "solaris": true,
	"plan9": true, "aix": true, "android": true, "js": true, "nacl": true, "zos": true, "hurd": true, "illumos": true, "ios": true,
	"386": true, "amd64": true, "amd64p32": true, "arm": true, "armbe": true, "arm64": true, "arm64be": true, "aarch64": true, "armhf": true, "armel": true, "i386": true, "x86_64": true, "x86-64": true,
	"ppc64": true, "ppc64le": true, "loong64": true, "mips": true, "mipsle": true, "mips64": true, "mips64le": true, "mips64p32": true, "mips64p32le": true, "ppc": true, "riscv": true,
	"riscv64": true, "s390": true, "s390x": true, "sparc": true, "sparc64": true, "wasm": true}

var platformPart = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// parsePlatform is containerd/platforms.Parse.
func parsePlatform(s string) (*ocispec.Platform, error) {
	parts := strings.Split(s, "/")
	for _, p := range parts {
		if !platformPart.MatchString(p) {
			return nil, invalid("%q is an invalid component of %q: platform specifier component must match %q: invalid argument", p, s, platformPart.String())
		}
	}
	p := &ocispec.Platform{OS: "linux", Architecture: "amd64"}
	switch len(parts) {
	case 1:
		one := strings.ToLower(parts[0])
		if !platformWords[one] {
			return nil, invalid("%q: unknown operating system or architecture: invalid argument", s)
		}
		switch one {
		case "linux", "windows", "darwin", "freebsd":
			p.OS = one
		default:
			p.Architecture = one
		}
	case 2, 3:
		p.OS, p.Architecture = strings.ToLower(parts[0]), strings.ToLower(parts[1])
		if len(parts) == 3 {
			p.Variant = strings.ToLower(parts[2])
		}
	default:
		return nil, invalid("%q: cannot parse platform specifier: invalid argument", s)
	}
	p.Architecture = normalArch(p.Architecture)
	return p, nil
}

// normalArch is an architecture by Go's name.
func normalArch(a string) string {
	switch a {
	case "x86_64", "x86-64":
		return "amd64"
	case "aarch64":
		return "arm64"
	case "i386":
		return "386"
	}
	return a
}

func platformText(p ocispec.Platform) string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// suits is the check at the end of GetImage: the image must be of the platform that
// was asked for.
func suits(i *image.Image, ref string, want *ocispec.Platform) error {
	if want == nil {
		return nil
	}
	have := ocispec.Platform{OS: i.Config.OS, Architecture: i.Config.Architecture, Variant: i.Config.Variant}
	arch, is := normalArch(want.Architecture), normalArch(have.Architecture)
	if (want.OS == "" || want.OS == have.OS) && (arch == "" || arch == is || arch == "amd64" && is == "386") {
		return nil
	}
	name := ref
	if r, err := reference.ParseNamed(ref); err == nil {
		name = reference.FamiliarString(r)
	}
	return notFound("image with reference %s was found but its platform (%s) does not match the specified platform (%s)", name, platformText(have), platformText(*want))
}

// ImportImage is the image service's method: one layer, and changes of a
// Dockerfile's kind.
func (w *World) ImportImage(ctx context.Context, ref reference.Named, platform *ocispec.Platform, msg string, layer io.Reader, changes []string) (string, error) {
	if err := w.refuse(ctx, "import", "import"); err != nil {
		return "", err
	}
	if platform == nil {
		platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
	}
	if platform.OS != "linux" {
		return "", invalid("%s", w.pick20("", "operating system is not supported"))
	}
	cfg := &container.Config{}
	if err := applyChanges(cfg, changes); err != nil {
		return "", invalid("%s", err.Error())
	}
	l, err := w.readLayer(layer)
	if err != nil {
		return "", systemErr("%s", w.tarWords(err))
	}
	now := w.now().UTC()
	i := image.New(image.Config{Created: now, OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant, Comment: msg, Config: cfg, DockerVersion: w.host.cfg.Release.Version, History: []image.History{{Created: now, Comment: msg}}}, []*image.Layer{l}, "")
	if err := w.addImage(i); err != nil {
		return "", err
	}
	if ref != nil {
		w.mu.Lock()
		w.images.Tag(reference.TagNameOnly(ref), i.ID, now)
		w.mu.Unlock()
	}
	by := w.callerOf(ctx)
	if ref != nil && w.host.cfg.Release.Era >= 26 {
		w.imageEvent(by, events.ActionTag, i.ID, reference.FamiliarString(reference.TagNameOnly(ref)))
	}
	w.imageEvent(by, events.ActionImport, i.ID, i.ID)
	return i.ID, nil
}

func (w *World) tarWords(err error) string {
	s := tarWords(err)
	if w.host.cfg.Release.Era >= 26 {
		s = strings.TrimPrefix(s, "Error processing tar file(exit status 1): ")
	}
	return s
}

func tarWords(err error) string {
	if no, ok := err.(vfs.Errno); ok {
		return "Error processing tar file(exit status 1): " + strings.ToLower(no.Error())
	}
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		return "Error processing tar file(exit status 1): unexpected EOF"
	}
	return "Error processing tar file(exit status 1): " + err.Error()
}

func (w *World) addImage(i *image.Image) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.images.Get(i.ID) == nil && w.images.Len() >= w.host.cfg.Quotas.Images {
		return systemErr("write /var/lib/docker/image/overlay2/imagedb/content/sha256/.tmp-%s: no space left on device", i.ID[7:19])
	}
	w.images.Add(i)
	return nil
}

// FetchImport answers for the URL of a docker import with a made-up archive: a
// small base system. Nothing is dialled.
func (w *World) FetchImport(ctx context.Context, from string) (io.ReadCloser, int64, error) {
	by := w.callerOf(ctx)
	w.emit(by, event.NetConnect, &event.Connected{Network: "tcp", Name: hostOf(from), URL: from})
	if err := w.ownPort(from); err != nil {
		return nil, 0, err
	}
	res := w.host.catalog.Resolve(mustRef("library/alpine"))
	tree := vfs.New(vfs.Config{}, res.Image.Trees()...)
	var b bytes.Buffer
	if err := tree.WriteTar(&limited{&b, 64 << 20}, tree.Root(), ""); err != nil {
		return nil, 0, systemErr("%s", err.Error())
	}
	return io.NopCloser(&b), int64(b.Len()), nil
}

// ownPort is the error of a request to the daemon's own machine, where nothing listens
// but what a container publishes.
func (w *World) ownPort(from string) error {
	u, err := url.Parse(from)
	if err != nil {
		return nil
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	a, err := netip.ParseAddr(u.Hostname())
	if u.Hostname() == "localhost" {
		a, err = netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	n, perr := parsePort(port)
	if err != nil || perr != nil || !a.IsLoopback() {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.containers {
		for _, bs := range c.Ports {
			for _, b := range bs {
				if c.Running && b.HostPort == port {
					return nil
				}
			}
		}
	}
	return systemErr("Get %q: dial tcp %s: connect: connection refused", from, netip.AddrPortFrom(a, n))
}

func mustRef(s string) reference.Named {
	r, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		panic(err) // only constants come here
	}
	return reference.TagNameOnly(r)
}

func hostOf(url string) string {
	if _, rest, ok := strings.Cut(url, "://"); ok {
		url = rest
	}
	h, _, _ := strings.Cut(url, "/")
	if i := strings.LastIndexByte(h, '@'); i >= 0 {
		h = h[i+1:]
	}
	return h
}

// applyChanges reads the instructions that import and commit take.
func applyChanges(c *container.Config, changes []string) error {
	for _, ch := range changes {
		for _, line := range strings.Split(ch, "\n") {
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' {
				continue
			}
			word, rest, _ := strings.Cut(line, " ")
			rest = strings.TrimSpace(rest)
			cmd := func() []string {
				var l []string
				if json.Unmarshal([]byte(rest), &l) == nil {
					return l
				}
				return []string{"/bin/sh", "-c", rest}
			}
			switch strings.ToUpper(word) {
			case "CMD":
				c.Cmd = cmd()
			case "ENTRYPOINT":
				c.Entrypoint = cmd()
			case "ENV":
				res, err := parser.Parse(strings.NewReader(line))
				if err != nil {
					return err
				}
				was := shell.EnvsFromSlice(c.Env)
				words := wordsOf(res.AST.Children[0])
				for i := 0; i+1 < len(words); i += 3 {
					v, _, err := shell.NewLex('\\').ProcessWord(words[i+1], was)
					if err != nil {
						return err
					}
					c.Env = replaceEnv(c.Env, []string{words[i] + "=" + v})
				}
			case "WORKDIR":
				if !path.IsAbs(rest) {
					rest = path.Join("/", c.WorkingDir, rest)
				}
				c.WorkingDir = rest
			case "USER":
				c.User = rest
			case "EXPOSE":
				for _, p := range strings.Fields(rest) {
					expose(c, p)
				}
			case "VOLUME":
				var l []string
				if json.Unmarshal([]byte(rest), &l) != nil {
					l = strings.Fields(rest)
				}
				if c.Volumes == nil {
					c.Volumes = map[string]struct{}{}
				}
				for _, v := range l {
					c.Volumes[v] = struct{}{}
				}
			case "LABEL":
				k, v, _ := strings.Cut(rest, "=")
				if c.Labels == nil {
					c.Labels = map[string]string{}
				}
				c.Labels[strings.Trim(k, `"`)] = strings.Trim(v, `"`)
			case "STOPSIGNAL":
				c.StopSignal = rest
			case "ONBUILD":
				c.OnBuild = append(c.OnBuild, rest)
			case "HEALTHCHECK", "SHELL":
			case "FROM", "RUN", "COPY", "ADD", "MAINTAINER", "ARG":
				return fmt.Errorf("%s is not a valid change command", strings.ToLower(word))
			default:
				return fmt.Errorf("dockerfile parse error on line 1: unknown instruction: %s", word)
			}
		}
	}
	return nil
}

// CreateImageFromContainer is the daemon's commit.
func (w *World) CreateImageFromContainer(ctx context.Context, name string, o *backend.CreateImageConfig) (string, error) {
	w.mu.Lock()
	c, err := w.find(name)
	if err != nil {
		w.mu.Unlock()
		return "", err
	}
	if c.Dead || c.removing {
		w.mu.Unlock()
		return "", conflict("you cannot commit container %s which is %s", c.ID, c.status())
	}
	if c.fs == nil {
		w.ownFS(c)
	}
	fs, base := c.fs, c.image
	cc := image.CloneConfig(c.Config)
	w.mu.Unlock()
	if o.Pause && w.ContainerPause(c.ID) == nil {
		defer func() { _ = w.ContainerUnpause(c.ID) }()
	}
	cfg := o.Config
	if cfg != nil && w.host.cfg.Release.Era < 28 && blank(cfg) {
		cfg, o.Config = nil, nil // an empty body: the older routers gave none
	}
	if cfg == nil {
		cfg = image.CloneConfig(cc)
	}
	if err := applyChanges(cfg, o.Changes); err != nil {
		return "", invalid("%s", err.Error())
	}
	merge(cfg, image.CloneConfig(cc))
	if w.host.cfg.Release.Era < 28 && cfg.Labels == nil {
		cfg.Labels = map[string]string{}
	}
	var b bytes.Buffer
	if err := fs.WriteDiff(&limited{&b, w.host.cfg.Quotas.Disk}); err != nil {
		return "", systemErr("%s", err.Error())
	}
	l, err := w.readLayer(&b)
	if err != nil {
		return "", systemErr("%s", err.Error())
	}
	now := w.now().UTC()
	ic := image.Config{Created: now, Author: o.Author, Comment: o.Comment, Config: cfg, Container: c.ID, ContainerConfig: cc, DockerVersion: w.host.cfg.Release.Version}
	var layers []*image.Layer
	parent := ""
	if base != nil {
		ic.History = append(ic.History, base.Config.History...)
		layers = append(layers, base.Layers...)
		parent = base.ID
	}
	empty := l.Tree().Inodes() <= 1
	ic.History = append(ic.History, image.History{Created: now, Author: o.Author, CreatedBy: strings.Join(cc.Cmd, " "), Comment: o.Comment, EmptyLayer: empty})
	layers = append([]*image.Layer(nil), layers...)
	if !empty {
		layers = append(layers, l)
	}
	i := image.New(ic, layers, parent)
	if err := w.addImage(i); err != nil {
		return "", err
	}
	ref := ""
	by := w.callerOf(ctx)
	if o.Tag != nil {
		ref = reference.FamiliarString(o.Tag)
		w.mu.Lock()
		w.images.Tag(o.Tag, i.ID, now)
		w.mu.Unlock()
		w.imageEvent(by, events.ActionTag, i.ID, ref)
	}
	w.containerEvent(by, c, events.ActionCommit, map[string]string{"comment": o.Comment, "imageID": i.ID, "imageRef": ref})
	return i.ID, nil
}

// LoadImage is the image service's load: the layout of docker save, old or new.
func (w *World) LoadImage(ctx context.Context, in io.ReadCloser, _ *ocispec.Platform, out io.Writer, quiet bool) error {
	dec, err := decompress(io.LimitReader(in, w.host.cfg.Quotas.Upload))
	if err != nil {
		return systemErr("%s", w.tarWords(err))
	}
	files := map[string][]byte{}
	tr := tar.NewReader(dec)
	full := func() error {
		return systemErr("write /var/lib/docker/tmp/docker-import-%d: no space left on device", 100000000+w.draw(899999999))
	}
	var total int64
	defer func() { w.budget.Give(total) }()
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return systemErr("%s", w.tarWords(err))
		}
		if h.Typeflag != tar.TypeReg || len(files) > 10000 {
			continue
		}
		if h.Size > w.host.cfg.Quotas.Upload-total || !w.budget.Take(h.Size) {
			return full()
		}
		total += h.Size
		b := make([]byte, h.Size)
		if _, err := io.ReadFull(tr, b); err != nil {
			return systemErr("%s", w.tarWords(err))
		}
		files[path.Clean(h.Name)] = b
	}
	mf, ok := files["manifest.json"]
	if !ok {
		return systemErr("open /var/lib/docker/tmp/docker-import-%d/repositories: no such file or directory", 100000000+w.draw(899999999))
	}
	var man []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if err := json.Unmarshal(mf, &man); err != nil {
		return systemErr("%s", err.Error())
	}
	by := w.callerOf(ctx)
	for _, m := range man {
		raw, ok := files[path.Clean(m.Config)]
		if !ok {
			return systemErr("open /var/lib/docker/tmp/docker-import-%d/%s: no such file or directory", 100000000+w.draw(899999999), m.Config)
		}
		var cfg image.Config
		if err := json.Unmarshal(raw, &cfg); err != nil {
			return systemErr("%s", err.Error())
		}
		if len(cfg.RootFS.DiffIDs) != len(m.Layers) {
			return systemErr("invalid manifest, layers length mismatch: expected %d, got %d", len(cfg.RootFS.DiffIDs), len(m.Layers))
		}
		var layers []*image.Layer
		for k, ln := range m.Layers {
			data, ok := files[path.Clean(ln)]
			if !ok {
				return systemErr("open /var/lib/docker/tmp/docker-import-%d/%s: no such file or directory", 100000000+w.draw(899999999), ln)
			}
			if l := w.layerOf(append(layers, &image.Layer{DiffID: cfg.RootFS.DiffIDs[k]})); l != nil {
				layers = append(layers, l)
				continue
			}
			l, err := w.readLayer(bytes.NewReader(data))
			if err != nil {
				return systemErr("%s", w.tarWords(err))
			}
			if l.DiffID != cfg.RootFS.DiffIDs[k] {
				return systemErr("invalid diffID for layer %d: expected %q, got %q", k, cfg.RootFS.DiffIDs[k], l.DiffID)
			}
			if !quiet {
				for _, n := range loaded(int64(len(data))) {
					d := []byte(fmt.Sprintf("{\"current\":%d,\"total\":%d}", n, len(data)))
					_ = send(out, message{Status: "Loading layer", ProgressDetail: d, Progress: bar(n, int64(len(data))), ID: l.DiffID[7:19]})
				}
			}
			layers = append(layers, l)
		}
		i := &image.Image{ID: image.Digest(raw), Config: cfg, JSON: raw, Layers: layers}
		if err := w.addImage(i); err != nil {
			return err
		}
		said := false
		for _, t := range m.RepoTags {
			r, err := reference.ParseNormalizedNamed(t)
			if err != nil {
				return systemErr("%s", err.Error())
			}
			w.mu.Lock()
			w.images.Tag(reference.TagNameOnly(r), i.ID, w.now())
			w.mu.Unlock()
			_ = send(out, message{Stream: "Loaded image: " + reference.FamiliarString(r) + "\n"})
			said = true
		}
		if !said {
			_ = send(out, message{Stream: "Loaded image ID: " + i.ID + "\n"})
		}
		w.imageEvent(by, events.ActionLoad, i.ID, i.ID)
	}
	return nil
}

// loaded is how much of a layer's bytes the daemon tells of while it reads them through a
// buffer: what it has when that is first worth a word, all of it, and all at the end.
func loaded(size int64) []int64 {
	const buffer = 32 << 10
	first := min(size/100, 512<<10)/buffer*buffer + buffer
	if first < size {
		return []int64{first, size, size}
	}
	return []int64{size, size}
}

// layerOf finds the last of a chain of layers among the world's images, by the
// chain's DiffIDs.
func (w *World) layerOf(chain []*image.Layer) *image.Layer {
	w.mu.Lock()
	defer w.mu.Unlock()
next:
	for _, i := range w.images.All() {
		if len(i.Layers) < len(chain) {
			continue
		}
		for k, l := range chain {
			if i.Layers[k].DiffID != l.DiffID {
				continue next
			}
		}
		return i.Layers[len(chain)-1]
	}
	return nil
}

// ExportImage is the image service's save: the old layout, and since 25 the OCI
// layout with manifest.json beside it.
func (w *World) ExportImage(ctx context.Context, names []string, _ *ocispec.Platform, out io.Writer) error {
	type item struct {
		img  *image.Image
		tags []string
	}
	var items []*item
	byID := map[string]*item{}
	w.mu.Lock()
	add := func(i *image.Image) *item {
		it := byID[i.ID]
		if it == nil {
			it = &item{img: i}
			byID[i.ID] = it
			items = append(items, it)
		}
		return it
	}
	for _, n := range names {
		i, err := w.imageLocked(n)
		if r, perr := reference.ParseNormalizedNamed(n); perr == nil && reference.IsNameOnly(r) && (i == nil || !strings.HasPrefix(i.ID[7:], n)) {
			some := false
			for _, x := range w.images.All() {
				for _, t := range w.images.References(x.ID) {
					if _, c := t.(reference.Canonical); !c && t.Name() == r.Name() {
						it := add(x)
						it.tags, some = append(it.tags, reference.FamiliarString(t)), true
					}
				}
			}
			if some {
				continue
			}
		}
		if err != nil {
			if r, perr := reference.ParseNormalizedNamed(n); perr == nil && !reference.IsNameOnly(r) && errdefs.IsNotFound(err) {
				err = notFound("reference does not exist") // asked of the references alone
			}
			w.mu.Unlock()
			return err
		}
		it := add(i)
		if strings.HasPrefix(i.ID, n) || strings.HasPrefix(i.ID[7:], n) {
			continue
		}
		if r, err := reference.ParseNormalizedNamed(n); err == nil {
			if _, c := r.(reference.Canonical); c {
				continue // a digest is no tag
			}
			it.tags = append(it.tags, reference.FamiliarString(r))
		}
	}
	w.mu.Unlock()
	// The daemon writes a directory and packs it in the order of its names.
	type entry struct {
		t    time.Time
		b    []byte
		l    *image.Layer // or its tar
		size int64
	}
	epoch := time.Unix(0, 0)
	files := map[string]entry{}
	put := func(name string, b []byte, t time.Time) {
		files[name] = entry{t: t, b: b, size: int64(len(b))}
		for d := path.Dir(name); d != "."; d = path.Dir(d) {
			files[d+"/"] = entry{t: t}
		}
	}
	putLayer := func(name string, l *image.Layer, t time.Time) (int64, error) {
		if f, ok := files[name]; ok {
			return f.size, nil
		}
		size, err := l.WriteTar(&limited{io.Discard, 128 << 20})
		if err != nil {
			return 0, systemErr("%s", err.Error())
		}
		put(name, nil, t)
		files[name] = entry{t: t, l: l, size: size}
		return size, nil
	}
	blob := func(b []byte, t time.Time) string {
		d := image.Digest(b)
		put("blobs/sha256/"+d[7:], b, t)
		return d
	}
	oci := w.host.cfg.Release.Era >= 26
	type descriptor struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        int64             `json:"size"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	type source struct {
		MediaType string `json:"mediaType"`
		Size      int64  `json:"size"`
		Digest    string `json:"digest"`
	}
	type man struct {
		Config       string
		RepoTags     []string
		Layers       []string
		LayerSources map[string]source `json:",omitempty"`
	}
	var mans []man
	repos := map[string]map[string]string{}
	index := []descriptor{}
	for _, it := range items {
		i := it.img
		created := i.Config.Created
		m := man{Config: i.ID[7:] + ".json", RepoTags: it.tags}
		if oci {
			m.Config = "blobs/sha256/" + i.ID[7:]
			m.LayerSources = map[string]source{}
		}
		top := ""
		layers := []descriptor{}
		for k, l := range i.Layers {
			id := image.Digest([]byte(i.ID + strconv.Itoa(k)))[7:]
			v1 := map[string]any{"id": id, "created": epoch.UTC(), "os": "linux"}
			if k > 0 {
				v1["parent"] = image.Digest([]byte(i.ID + strconv.Itoa(k-1)))[7:]
			}
			if k == len(i.Layers)-1 {
				v1["created"], v1["config"], v1["architecture"] = created, i.Config.Config, i.Config.Architecture
			}
			meta, _ := json.Marshal(v1)
			if oci {
				top = l.DiffID[7:]
				n := "blobs/sha256/" + l.DiffID[7:]
				if _, twice := files[n]; twice {
					// The daemon takes a second hold of it and never lets go.
					w.mu.Lock()
					if w.leaked == nil {
						w.leaked = map[string]bool{}
					}
					for _, c := range i.ChainIDs()[:k+1] {
						w.leaked[c] = true
					}
					w.mu.Unlock()
				}
				m.Layers = append(m.Layers, n)
				blob(meta, created)
				size, err := putLayer(n, l, created)
				if err != nil {
					return err
				}
				d := descriptor{MediaType: "application/vnd.oci.image.layer.v1.tar", Digest: l.DiffID, Size: size}
				layers = append(layers, d)
				m.LayerSources[l.DiffID] = source{d.MediaType, d.Size, d.Digest}
				continue
			}
			top = id
			m.Layers = append(m.Layers, id+"/layer.tar")
			put(id+"/VERSION", []byte("1.0"), created)
			put(id+"/json", meta, created)
			if _, err := putLayer(id+"/layer.tar", l, created); err != nil {
				return err
			}
		}
		put(m.Config, i.JSON, created)
		for _, t := range it.tags {
			n, tag := t, ""
			if c := strings.LastIndexByte(t, ':'); c > 0 {
				n, tag = t[:c], t[c+1:]
			}
			if repos[n] == nil {
				repos[n] = map[string]string{}
			}
			repos[n][tag] = top
		}
		if oci {
			mf, _ := json.Marshal(struct {
				SchemaVersion int          `json:"schemaVersion"`
				MediaType     string       `json:"mediaType"`
				Config        descriptor   `json:"config"`
				Layers        []descriptor `json:"layers"`
			}{2, "application/vnd.oci.image.manifest.v1+json", descriptor{MediaType: "application/vnd.oci.image.config.v1+json", Digest: i.ID, Size: int64(len(i.JSON))}, layers})
			d := descriptor{MediaType: "application/vnd.oci.image.manifest.v1+json", Digest: blob(mf, epoch), Size: int64(len(mf))}
			for _, t := range it.tags {
				if r, err := reference.ParseNormalizedNamed(t); err == nil {
					tagged := d
					tagged.Annotations = map[string]string{"io.containerd.image.name": r.String(), "org.opencontainers.image.ref.name": t[strings.LastIndexByte(t, ':')+1:]}
					index = append(index, tagged)
				}
			}
			if len(index) == 0 {
				index = append(index, d)
			}
		}
		mans = append(mans, m)
		w.imageEvent(w.callerOf(ctx), events.ActionSave, i.ID, i.ID)
	}
	if oci {
		idx, _ := json.Marshal(struct {
			SchemaVersion int          `json:"schemaVersion"`
			MediaType     string       `json:"mediaType"`
			Manifests     []descriptor `json:"manifests"`
		}{2, "application/vnd.oci.image.index.v1+json", index})
		put("index.json", idx, epoch)
		put("oci-layout", []byte("{\"imageLayoutVersion\": \"1.0.0\"}"), epoch)
	}
	mb, _ := json.Marshal(mans)
	put("manifest.json", append(mb, '\n'), epoch)
	if len(repos) > 0 {
		rb, _ := json.Marshal(repos)
		put("repositories", append(rb, '\n'), epoch)
	}
	order := slices.SortedFunc(maps.Keys(files), func(a, b string) int {
		return strings.Compare(strings.ReplaceAll(strings.TrimSuffix(a, "/"), "/", "\x00"), strings.ReplaceAll(strings.TrimSuffix(b, "/"), "/", "\x00"))
	})
	tw := tar.NewWriter(out)
	for _, name := range order {
		f := files[name]
		h := &tar.Header{Name: name, Mode: 0o644, Size: f.size, ModTime: f.t, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if strings.HasSuffix(name, "/") {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		var err error
		if f.l != nil {
			_, err = f.l.WriteTar(tw)
		} else {
			_, err = tw.Write(f.b)
		}
		if err != nil {
			return err
		}
	}
	return tw.Close()
}

// blank tells whether a configuration says nothing.
func blank(c *container.Config) bool {
	a, err1 := json.Marshal(c)
	b, err2 := json.Marshal(&container.Config{})
	return err1 == nil && err2 == nil && bytes.Equal(a, b)
}

func expose(c *container.Config, p string) {
	if c.ExposedPorts == nil {
		c.ExposedPorts = nat.PortSet{}
	}
	if !strings.Contains(p, "/") {
		p += "/tcp"
	}
	c.ExposedPorts[nat.Port(p)] = struct{}{}
}

// AuthenticateToRegistry takes note of the credentials and is told they are wrong.
func (w *World) AuthenticateToRegistry(ctx context.Context, a *registry.AuthConfig) (string, string, error) {
	host := a.ServerAddress
	if host == "" {
		host = "https://index.docker.io/v1/"
	}
	full := host
	if !strings.HasPrefix(full, "http://") && !strings.HasPrefix(full, "https://") {
		full = "https://" + full
	}
	if _, err := url.Parse(full); err != nil {
		return "", "", systemErr("unable to parse server address: %s", err.Error())
	}
	if err := w.onLoopback(ctx, registryHost(host)); err != nil {
		return "", "", err
	}
	if err := w.sleep(ctx, time.Duration(250+w.draw(500))*time.Millisecond); err != nil {
		return "", "", err
	}
	return "", "", unauthorized("Get \"https://%s/v2/\": unauthorized: incorrect username or password", registryHost(host))
}

func registryHost(s string) string {
	h := hostOf(s)
	if h == "index.docker.io" || h == "docker.io" {
		return "registry-1.docker.io"
	}
	return h
}
