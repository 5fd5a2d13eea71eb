package world

import (
	"context"
	"fmt"
	"path"
	"sort"
	"strings"

	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"

	"github.com/whalefall/whalefall/internal/image"
	"github.com/whalefall/whalefall/internal/vfs"
)

// sent is what of a create's body its configuration does not tell.
type sent struct {
	noHostConfig bool
	consoleSize  [2]uint
}

type sentKey struct{}

// KeepSent notes for a create what 28's router drops of its body and 20.10 kept.
func (w *World) KeepSent(ctx context.Context, noHostConfig bool, consoleSize [2]uint) context.Context {
	return context.WithValue(ctx, sentKey{}, sent{noHostConfig, consoleSize})
}

// ContainerCreate is the daemon's method: checks, image, name, mounts, networks.
func (w *World) ContainerCreate(ctx context.Context, p backend.ContainerCreateConfig) (container.CreateResponse, error) {
	var none container.CreateResponse
	if p.Config == nil {
		return none, invalid("config cannot be empty in order to create a container")
	}
	by := w.callerOf(ctx)
	if p.HostConfig != nil && p.HostConfig.RestartPolicy.Name == "" && w.host.cfg.Release.Era >= 26 {
		p.HostConfig.RestartPolicy.Name = container.RestartPolicyDisabled
	}
	warnings, err := w.verifyContainer(p.HostConfig, p.Config, false)
	if err != nil {
		return container.CreateResponse{Warnings: warnings}, wrapInvalid(err)
	}
	if err := w.refuse(ctx, "create", w.host.hexID("refused")); err != nil {
		return none, err
	}
	if w.host.cfg.Release.Era >= 26 && p.Platform == nil && p.Config.Image != "" {
		if _, err := w.getImage(p.Config.Image); err != nil {
			return container.CreateResponse{Warnings: warnings}, err
		}
	}
	if p.NetworkingConfig != nil {
		for k, v := range p.NetworkingConfig.EndpointsConfig {
			if v == nil && w.host.cfg.Release.Era >= 26 {
				return container.CreateResponse{Warnings: warnings}, invalid("invalid config for network %s: EndpointsConfig is nil", k)
			}
			if v != nil && w.host.cfg.Release.Era >= 26 {
				w.mu.Lock()
				n, _ := w.findNet(k) // may come later
				err := w.endpointSettings(n, v)
				w.mu.Unlock()
				if err != nil {
					return container.CreateResponse{}, invalid("invalid config for network %s: %s", k, err.Error())
				}
			}
			if v != nil && v.IPAMConfig != nil {
				if a := v.IPAMConfig.IPv4Address; a != "" && !validIP(a) {
					return container.CreateResponse{Warnings: warnings}, invalid("invalid IPv4 address: %s", a)
				}
			}
		}
		if w.host.cfg.Release.Era < 26 && len(p.NetworkingConfig.EndpointsConfig) > 1 {
			var l []string
			for k := range p.NetworkingConfig.EndpointsConfig {
				l = append(l, k)
			}
			sort.Strings(l)
			return none, invalid("Container cannot be connected to network endpoints: %s", strings.Join(l, ", "))
		}
	}
	if p.HostConfig == nil {
		p.HostConfig = &container.HostConfig{}
	}
	w.adapt(p.HostConfig)
	if s, ok := ctx.Value(sentKey{}).(sent); ok {
		if p.HostConfig.ConsoleSize = s.consoleSize; s.noHostConfig {
			p.HostConfig.Runtime = "" // which is checked, and completed, where there is one
		}
	}

	var img *image.Image
	if p.Config.Image != "" {
		if img, err = w.getImage(p.Config.Image); err == nil {
			err = suits(img, p.Config.Image, p.Platform)
		}
		if err != nil {
			return container.CreateResponse{Warnings: warnings}, err
		}
		merge(p.Config, img.RunConfig())
	}
	if len(p.Config.Entrypoint) == 1 && p.Config.Entrypoint[0] == "" {
		p.Config.Entrypoint = nil
	}
	if len(p.Config.Entrypoint) == 0 && len(p.Config.Cmd) == 0 {
		return container.CreateResponse{Warnings: warnings}, invalid("%s", w.pick20("No command specified", "no command specified"))
	}
	if p.HostConfig.LogConfig.Type == "" {
		p.HostConfig.LogConfig.Type = "json-file"
	}
	if p.HostConfig.LogConfig.Config == nil {
		p.HostConfig.LogConfig.Config = map[string]string{}
	}
	switch p.HostConfig.LogConfig.Type {
	case "json-file", "local", "none", "syslog", "journald", "gelf", "fluentd", "awslogs", "splunk", "etwlogs", "gcplogs":
	default:
		return container.CreateResponse{Warnings: warnings}, invalid("error looking up logging plugin %[1]s: plugin %[1]q not found", p.HostConfig.LogConfig.Type)
	}
	if err := w.checkLogOptions(p.HostConfig.LogConfig.Type, p.HostConfig.LogConfig.Config); err != nil {
		return container.CreateResponse{Warnings: warnings}, err
	}

	w.mu.Lock()
	c, vols, err := w.create(by, p, img)
	w.mu.Unlock()
	if err != nil {
		return container.CreateResponse{Warnings: warnings}, err
	}
	for _, v := range vols {
		w.volumeEvent(by, v, events.ActionCreate, nil)
	}
	w.containerEvent(by, c, events.ActionCreate, nil)
	if warnings == nil {
		warnings = []string{}
	}
	return container.CreateResponse{ID: c.ID, Warnings: warnings}, nil
}

func wrapInvalid(err error) error {
	if _, ok := err.(*kindError); ok {
		return err
	}
	return invalid("%s", err.Error())
}

// pick20 chooses a text by the release.
func (w *World) pick20(old, now string) string {
	if w.host.cfg.Release.Era == 20 {
		return old
	}
	return now
}

// pick28 chooses a text by whether the release is 28 or later.
func (w *World) pick28(old, now string) string {
	if w.host.cfg.Release.Era < 28 {
		return old
	}
	return now
}

// adapt fills in what the daemon does: adaptContainerSettings.
func (w *World) adapt(hc *container.HostConfig) {
	if hc.Memory > 0 && hc.MemorySwap == 0 {
		hc.MemorySwap = hc.Memory * 2
	}
	if hc.ShmSize == 0 {
		hc.ShmSize = 64 << 20
	}
	if hc.IpcMode.IsEmpty() {
		hc.IpcMode = container.IPCModePrivate
	}
	if hc.CgroupnsMode.IsEmpty() {
		switch {
		case !w.host.cfg.Release.CgroupV2:
			hc.CgroupnsMode = container.CgroupnsModeHost
		case hc.Privileged && w.host.cfg.Release.Era == 20:
			hc.CgroupnsMode = container.CgroupnsModePrivate
		default:
			hc.CgroupnsMode = container.CgroupnsModePrivate
		}
	}
	if hc.NetworkMode == "" && w.host.cfg.Release.Era >= 26 {
		hc.NetworkMode = "bridge"
	} else if hc.NetworkMode == "" {
		hc.NetworkMode = "default"
	}
	if w.host.cfg.Release.Era >= 26 && hc.NetworkMode == "default" {
		hc.NetworkMode = "bridge"
	}
	if hc.MaskedPaths == nil && !hc.Privileged {
		hc.MaskedPaths = []string{"/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
			"/proc/sched_debug", "/proc/scsi", "/sys/firmware"}
		if w.host.cfg.Release.Era >= 28 {
			hc.MaskedPaths = []string{"/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
				"/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"}
		} else if w.host.cfg.Release.Era >= 26 {
			hc.MaskedPaths = append(hc.MaskedPaths, "/sys/devices/virtual/powercap")
		}
	}
	if hc.ReadonlyPaths == nil && !hc.Privileged {
		hc.ReadonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
	}
	if hc.Privileged && hc.SecurityOpt == nil {
		hc.SecurityOpt = []string{"label=disable"}
	} else if (hc.IpcMode.IsHost() || hc.PidMode.IsHost()) && hc.SecurityOpt == nil {
		hc.SecurityOpt = []string{"label=disable"}
	}
}

// merge is daemon.merge: the image's configuration under the user's.
func merge(u, i *container.Config) {
	if i == nil {
		return
	}
	if u.User == "" {
		u.User = i.User
	}
	if len(u.ExposedPorts) == 0 {
		u.ExposedPorts = i.ExposedPorts
	} else {
		for p := range i.ExposedPorts {
			u.ExposedPorts[p] = struct{}{}
		}
	}
	if len(u.Env) == 0 {
		u.Env = i.Env
	} else {
		for _, e := range i.Env {
			k, _, _ := strings.Cut(e, "=")
			found := false
			for _, x := range u.Env {
				if uk, _, _ := strings.Cut(x, "="); uk == k {
					found = true
					break
				}
			}
			if !found {
				u.Env = append(u.Env, e)
			}
		}
	}
	if u.Labels == nil {
		u.Labels = map[string]string{}
	}
	for k, v := range i.Labels {
		if _, ok := u.Labels[k]; !ok {
			u.Labels[k] = v
		}
	}
	if len(u.Entrypoint) == 0 {
		if len(u.Cmd) == 0 {
			u.Cmd = i.Cmd
		}
		if u.Entrypoint == nil {
			u.Entrypoint = i.Entrypoint
		}
	}
	if i.Healthcheck != nil && u.Healthcheck == nil {
		u.Healthcheck = i.Healthcheck
	}
	if u.WorkingDir == "" {
		u.WorkingDir = i.WorkingDir
	}
	if len(u.Volumes) == 0 {
		u.Volumes = i.Volumes
	} else {
		for v := range i.Volumes {
			u.Volumes[v] = struct{}{}
		}
	}
	if u.StopSignal == "" {
		u.StopSignal = i.StopSignal
	}
	if len(u.Shell) == 0 {
		u.Shell = i.Shell
	}
}

// create makes the container object. World.mu is held.
func (w *World) create(by Caller, p backend.ContainerCreateConfig, img *image.Image) (_ *Container, newVolumes []string, err error) {
	if len(w.containers) >= w.host.cfg.Quotas.Containers {
		return nil, nil, systemErr("mkdir /var/lib/docker/containers/%s: no space left on device", w.newID())
	}
	id := w.newID()
	name, err := w.reserve(id, p.Name)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			delete(w.names, name)
			for _, v := range newVolumes {
				delete(w.volumes, v)
			}
		}
	}()
	if p.Config.Hostname == "" {
		if p.HostConfig.NetworkMode.IsHost() {
			p.Config.Hostname = w.host.facts.Name
		} else {
			p.Config.Hostname = id[:12]
		}
	}
	c := &Container{ID: id, Name: name, Created: w.now().UTC(), Config: p.Config, Host: p.HostConfig, image: img, Nets: map[string]*network.EndpointSettings{},
		execs: map[string]*Exec{}, stream: newStream(p.Config.OpenStdin), log: newLog(w.host.cfg.Quotas.Log, w.now), origin: by}
	if img != nil {
		c.ImageID = img.ID
		c.fs = w.newFSAt(c.Created, append(img.Trees(), w.host.initLayer())...)
	} else {
		c.fs = w.newFSAt(c.Created, w.host.initLayer())
	}
	if len(c.Config.Entrypoint) > 0 {
		c.Path = c.Config.Entrypoint[0]
		c.Args = append(append([]string{}, c.Config.Entrypoint[1:]...), c.Config.Cmd...)
	} else {
		c.Path, c.Args = c.Config.Cmd[0], append([]string{}, c.Config.Cmd[1:]...)
	}
	if m := p.HostConfig.PidMode; m.IsContainer() {
		if _, err := w.find(m.Container()); err != nil {
			return nil, nil, invalid("%s", err.Error())
		}
	}
	if err := w.securityOpts(p.HostConfig.SecurityOpt); err != nil {
		return nil, nil, err
	}
	if newVolumes, err = w.mounts(c); err != nil {
		return nil, newVolumes, err
	}
	if err = w.registerLinks(c); err != nil {
		return nil, newVolumes, err
	}
	if err := w.workdir(c); err != nil {
		return nil, newVolumes, err
	}
	w.networksOf(c, p.NetworkingConfig)
	w.containers[id] = c
	w.hostMkdir("/var/lib/docker/containers/"+id, 0o710)
	return c, newVolumes, nil
}

// workdir makes the working directory in the container's tree, as
// SetupWorkingDirectory does at the creation.
func (w *World) workdir(c *Container) error {
	dir := c.Config.WorkingDir
	if dir == "" || dir == "/" {
		return nil
	}
	mnt := vfs.NewNamespace(c.fs, "overlay", "", false)
	ctx := &vfs.Context{Cred: vfs.Root(), Root: mnt.Root(), Cwd: mnt.Root(), Umask: 0o022, Now: func() int64 { return w.now().UnixNano() }}
	at, err := mnt.Resolve(ctx, dir, true)
	if err != nil {
		mkdirIn(mnt, ctx, dir)
		if at, err = mnt.Resolve(ctx, dir, true); err != nil {
			return systemErr("mkdir %s: %s", dir, strings.ToLower(vfs.AsErrno(err).Error()))
		}
	}
	if !at.Node().Stat().Mode.IsDir() {
		return systemErr("Cannot mkdir: %s is not a directory", dir)
	}
	return nil
}

func (w *World) securityOpts(list []string) error {
	for _, o := range list {
		if o == "no-new-privileges" || o == "disable" || o == "writable-cgroups" {
			continue
		}
		k, v, ok := strings.Cut(o, "=")
		if !ok {
			k, v, ok = strings.Cut(o, ":")
		}
		if !ok {
			return systemErr("invalid --security-opt 1: %q", o)
		}
		switch k {
		case "label", "apparmor", "no-new-privileges", "writable-cgroups":
		case "seccomp":
			if v != "unconfined" && v != "builtin" && !strings.HasPrefix(strings.TrimSpace(v), "{") {
				return invalid("Decoding seccomp profile failed: invalid character '%c' looking for beginning of value", v[0])
			}
		default:
			return systemErr("invalid --security-opt 2: %q", o)
		}
	}
	return nil
}

// mounts is registerMountPoints and what createContainerOSSpecificSettings adds.
// World.mu is held.
func (w *World) mounts(c *Container) (made []string, err error) {
	hc := c.Host
	byDest := map[string]*mountPoint{}
	binds := map[string]bool{}
	volume := func(mp *mountPoint, labels, options map[string]string) error {
		v, isNew, err := w.createVolume(mp.Name, mp.Driver, labels, options)
		if err != nil {
			return err
		}
		if isNew {
			made = append(made, v.name)
		}
		mp.Name, mp.Driver, mp.Source = v.name, "local", w.volumePoint(v.name)
		return nil
	}
	for _, from := range hc.VolumesFrom {
		id, mode, _ := strings.Cut(from, ":")
		if id == "" {
			return made, invalid("volumes-from specification cannot be an empty string")
		}
		rw := true
		if mode != "" {
			var ok bool
			rw, ok = validBindMode(mode)
			for _, m := range strings.Split(mode, ",") { // neither copying nor propagation is had from another
				ok = ok && (m == "" || m == "ro" || m == "rw" || m == "z" || m == "Z")
			}
			if !ok {
				return made, invalid("invalid mode: %v", mode)
			}
		}
		o, err := w.find(id)
		if err != nil {
			return made, invalid("%s", err.Error())
		}
		for _, m := range o.Mounts {
			cp := *m
			cp.RW = cp.RW && rw
			cp.CopyData, cp.Mode = false, ""
			byDest[cp.Destination] = &cp
		}
	}
	for _, b := range hc.Binds {
		mp, err := parseBind(b, hc.VolumeDriver)
		if err != nil {
			// a plain error in every release: 500
			return made, systemErr("%s", err.Error())
		}
		if _, tmpfs := hc.Tmpfs[mp.Destination]; binds[mp.Destination] || tmpfs {
			return made, invalid("Duplicate mount point: %s", mp.Destination)
		}
		if mp.Type == mount.TypeVolume {
			if err := volume(mp, nil, nil); err != nil {
				return made, err
			}
		}
		binds[mp.Destination] = true
		byDest[mp.Destination] = mp
	}
	for i := range hc.Mounts {
		m := hc.Mounts[i]
		mp := &mountPoint{Type: m.Type, Source: m.Source, Destination: path.Clean(m.Target), RW: !m.ReadOnly, Spec: &m}
		if binds[mp.Destination] {
			return made, invalid("Duplicate mount point: %s", m.Target)
		}
		switch m.Type {
		case mount.TypeVolume:
			mp.Name, mp.Source, mp.CopyData, mp.Mode = m.Source, "", true, "z"
			var labels, options map[string]string
			if o := m.VolumeOptions; o != nil {
				labels, mp.CopyData, mp.subpath = o.Labels, !o.NoCopy, o.Subpath
				if o.DriverConfig != nil {
					mp.Driver, options = o.DriverConfig.Name, o.DriverConfig.Options
				}
			}
			if err := volume(mp, labels, options); err != nil {
				return made, err
			}
		case mount.TypeImage:
			img, err := w.imageLocked(m.Source)
			if err != nil {
				return made, err
			}
			mp.Name, mp.ImageID, mp.RW, mp.tree = m.Source, img.ID, false, w.newFS(img.Trees()...)
			mp.Source = w.host.facts.Root + "/overlay2/" + w.newID() + "/merged"
			m.Source = img.ID
			if o := m.ImageOptions; o != nil {
				mp.subpath = o.Subpath
			}
		case mount.TypeBind:
			mp.Source = path.Clean(m.Source)
			mp.Propagation = mount.PropagationRPrivate
			if m.BindOptions != nil && m.BindOptions.Propagation != "" {
				mp.Propagation = m.BindOptions.Propagation
			}
		}
		binds[mp.Destination] = true
		byDest[mp.Destination] = mp
	}
	var specs []string
	for v := range c.Config.Volumes {
		specs = append(specs, v)
	}
	sort.Strings(specs)
	for _, spec := range specs {
		dest := path.Clean(spec)
		if byDest[dest] != nil {
			continue
		}
		if _, tmpfs := hc.Tmpfs[dest]; tmpfs {
			continue
		}
		if dest == "/" {
			return made, fmt.Errorf("invalid volume specification: '%s'", spec)
		}
		if c.fs != nil {
			mnt := vfs.NewNamespace(c.fs, "overlay", "", false)
			ctx := &vfs.Context{Cred: vfs.Root(), Root: mnt.Root(), Cwd: mnt.Root()}
			if at, err := mnt.Resolve(ctx, dest, true); err == nil && !at.Node().Stat().Mode.IsDir() {
				return made, fmt.Errorf("cannot mount volume over existing file, file exists %s", dest)
			}
		}
		mp := &mountPoint{Type: mount.TypeVolume, Destination: dest, RW: true, CopyData: true, anonymous: true}
		if err := volume(mp, nil, nil); err != nil {
			return made, err
		}
		byDest[dest] = mp
	}
	for _, mp := range byDest {
		c.Mounts = append(c.Mounts, mp)
	}
	sort.Slice(c.Mounts, func(i, j int) bool { return c.Mounts[i].Destination < c.Mounts[j].Destination })
	return made, nil
}

// networksOf sets the endpoints a container will have: updateContainerNetworkSettings.
func (w *World) networksOf(c *Container, nc *network.NetworkingConfig) {
	mode := c.Host.NetworkMode
	if c.Config.NetworkDisabled || mode.IsContainer() {
		return
	}
	if nc != nil {
		for k, v := range nc.EndpointsConfig {
			if v == nil {
				v = &network.EndpointSettings{}
			}
			name := k
			if n, err := w.findNet(k); err == nil {
				name = n.Name
			}
			c.Nets[name] = v.Copy()
		}
	}
	def := string(mode)
	if mode.IsDefault() || def == "" || def == "default" {
		def = "bridge"
	}
	if n, err := w.findNet(def); err == nil {
		def = n.Name
	}
	if len(c.Nets) == 0 {
		c.Nets[def] = &network.EndpointSettings{}
	}
	// Up to 20.10 a network mode beside other endpoints stayed a word.
	if mode.IsUserDefined() && w.host.cfg.Release.Era >= 26 {
		if _, ok := c.Nets[def]; !ok {
			c.Nets[def] = &network.EndpointSettings{}
		}
	}
	for name, e := range c.Nets {
		if w.host.cfg.Release.Era < 26 {
			e.MacAddress = "" // which 28's router puts there for old clients
			continue
		}
		if e.MacAddress != "" {
			if c.macs == nil {
				c.macs = map[string]string{}
			}
			c.macs[name] = e.MacAddress
		}
	}
}

// ContainerSetHostConfig gives a created container its host configuration anew,
// as releases up to 20.10 did at a start that carried one.
func (w *World) ContainerSetHostConfig(name string, hc *container.HostConfig) error {
	if hc == nil {
		return nil
	}
	w.mu.Lock()
	c, err := w.find(name)
	if err != nil {
		w.mu.Unlock()
		return err
	}
	if c.Running {
		w.mu.Unlock()
		return nil
	}
	w.mu.Unlock()
	if _, err := w.verifyContainer(hc, nil, false); err != nil {
		return wrapInvalid(err)
	}
	masked, readonly := hc.MaskedPaths, hc.ReadonlyPaths
	w.adapt(hc)
	hc.MaskedPaths, hc.ReadonlyPaths = masked, readonly // set at the creation alone
	if hc.DNS == nil {
		hc.DNS = []string{}
	}
	if hc.DNSOptions == nil {
		hc.DNSOptions = []string{}
	}
	if hc.DNSSearch == nil {
		hc.DNSSearch = []string{}
	}
	if hc.LogConfig.Type == "" {
		hc.LogConfig = c.Host.LogConfig
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	old, oldMounts := c.Host, c.Mounts
	c.Host, c.Mounts = hc, nil
	if _, err := w.mounts(c); err != nil {
		c.Host, c.Mounts = old, oldMounts
		return err
	}
	if string(hc.NetworkMode) != string(old.NetworkMode) {
		c.Nets = map[string]*network.EndpointSettings{}
		w.networksOf(c, nil)
	}
	return nil
}

// ContainerUpdate is the daemon's method.
func (w *World) ContainerUpdate(name string, hc *container.HostConfig) (container.UpdateResponse, error) {
	if w.host.cfg.Release.Era == 20 { // which looked for the container first
		w.mu.Lock()
		_, err := w.find(name)
		w.mu.Unlock()
		if err != nil {
			return container.UpdateResponse{}, err
		}
	}
	warnings, err := w.verifyContainer(hc, nil, true)
	if err != nil {
		return container.UpdateResponse{Warnings: warnings}, invalid("%s", err.Error())
	}
	w.mu.Lock()
	c, err := w.find(name)
	if err != nil {
		w.mu.Unlock()
		return container.UpdateResponse{Warnings: warnings}, err
	}
	if hc == nil {
		w.mu.Unlock()
		return container.UpdateResponse{Warnings: warnings}, nil
	}
	if c.removing || c.Dead {
		w.mu.Unlock()
		return container.UpdateResponse{Warnings: warnings}, systemErr("Cannot update container %s: container is marked for removal and cannot be \"update\"", c.ID)
	}
	c.stale = nil
	r, n := &c.Host.Resources, hc.Resources
	for _, x := range []struct {
		bad  bool
		what string
	}{
		{n.NanoCPUs > 0 && r.CPUPeriod > 0, "Nano CPUs cannot be updated as CPU Period"},
		{n.NanoCPUs > 0 && r.CPUQuota > 0, "Nano CPUs cannot be updated as CPU Quota"},
		{n.CPUPeriod > 0 && r.NanoCPUs > 0, "CPU Period cannot be updated as NanoCPUs"},
		{n.CPUQuota > 0 && r.NanoCPUs > 0, "CPU Quota cannot be updated as NanoCPUs"},
	} {
		if x.bad {
			w.mu.Unlock()
			return container.UpdateResponse{Warnings: warnings}, conflict("Cannot update container %s: Conflicting options: %s has already been set", c.ID, x.what)
		}
	}
	if n.Memory != 0 {
		if n.MemorySwap == 0 && r.MemorySwap > 0 && n.Memory > r.MemorySwap {
			w.mu.Unlock()
			return container.UpdateResponse{Warnings: warnings}, conflict("Cannot update container %s: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time", c.ID)
		}
		r.Memory = n.Memory
	}
	if n.MemorySwap != 0 {
		r.MemorySwap = n.MemorySwap
	}
	if n.CPUShares != 0 {
		r.CPUShares = n.CPUShares
	}
	if n.NanoCPUs != 0 {
		r.NanoCPUs = n.NanoCPUs
	}
	if n.CPUPeriod != 0 {
		r.CPUPeriod = n.CPUPeriod
	}
	if n.CPUQuota != 0 {
		r.CPUQuota = n.CPUQuota
	}
	if n.CpusetCpus != "" {
		r.CpusetCpus = n.CpusetCpus
	}
	if n.CpusetMems != "" {
		r.CpusetMems = n.CpusetMems
	}
	if n.MemoryReservation != 0 {
		r.MemoryReservation = n.MemoryReservation
	}
	if n.BlkioWeight != 0 {
		r.BlkioWeight = n.BlkioWeight
	}
	if n.PidsLimit != nil {
		r.PidsLimit = n.PidsLimit
	}
	if hc.RestartPolicy.Name != "" {
		if c.Host.AutoRemove && !hc.RestartPolicy.IsNone() {
			w.mu.Unlock()
			return container.UpdateResponse{Warnings: warnings}, conflict("Cannot update container %s: Restart policy cannot be updated because AutoRemove is enabled for the container", c.ID)
		}
		c.Host.RestartPolicy = hc.RestartPolicy
	}
	c.limits.Store(limitsOf(c.Host))
	w.mu.Unlock()
	w.containerEvent(w.lastCaller(), c, events.ActionUpdate, nil)
	return container.UpdateResponse{Warnings: warnings}, nil
}

// exposed lists a container's ports as the list shows them.
func exposed(c *Container) []container.Port {
	out := []container.Port{}
	for p, bs := range c.Ports {
		private, err := nat.ParsePort(p.Port())
		if err != nil {
			continue
		}
		if len(bs) == 0 {
			out = append(out, container.Port{PrivatePort: uint16(private), Type: p.Proto()})
			continue
		}
		for _, b := range bs {
			pub, err := nat.ParsePort(b.HostPort)
			if err != nil {
				continue
			}
			out = append(out, container.Port{PrivatePort: uint16(private), PublicPort: uint16(pub), Type: p.Proto(), IP: b.HostIP})
		}
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.PrivatePort != b.PrivatePort {
			return a.PrivatePort < b.PrivatePort
		}
		return a.IP < b.IP
	})
	return out
}
