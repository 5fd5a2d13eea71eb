package world

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/storage"
	"github.com/docker/go-connections/nat"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// Containers is the daemon's list.
func (w *World) Containers(_ context.Context, o *container.ListOptions) ([]*container.Summary, error) {
	f := o.Filters
	accepted := map[string]bool{"ancestor": true, "before": true, "exited": true, "id": true, "isolation": true, "label": true, "name": true, "status": true,
		"health": true, "since": true, "volume": true, "network": true, "is-task": true, "publish": true, "expose": true}
	if err := f.Validate(accepted); err != nil {
		return nil, invalid("%s", err.Error())
	}
	if f.Contains("is-task") {
		if _, err := f.GetBoolOrDefault("is-task", false); err != nil {
			return nil, wrapKind(errdefs.ErrInvalidArgument, err)
		}
	}
	all := o.All
	var exits []int
	if err := f.WalkValues("exited", func(v string) error {
		n, err := strconv.Atoi(v)
		exits = append(exits, n)
		if err != nil {
			return invalid("invalid filter 'exited=%s': %v", v, err)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if err := f.WalkValues("status", func(v string) error {
		if err := container.ValidateContainerState(v); err != nil {
			switch w.host.cfg.Release.Era {
			case 20:
				return invalid("Unrecognised filter value for status: %s", v)
			case 26:
				return invalid("invalid filter 'status=%s'", v)
			}
			return invalid("invalid filter 'status=%s': %v", v, err)
		}
		all = true
		return nil
	}); err != nil {
		return nil, err
	}
	if err := f.WalkValues("health", func(v string) error {
		if err := container.ValidateHealthStatus(v); err != nil {
			switch w.host.cfg.Release.Era {
			case 20:
				return invalid("Unrecognised filter value for health: %s", v)
			case 26:
				return invalid("unrecognized filter value for health: %s", v)
			}
			return invalid("invalid filter 'health=%s': %v", v, err)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	publish, expose := map[nat.Port]bool{}, map[nat.Port]bool{}
	for key, m := range map[string]map[nat.Port]bool{"publish": publish, "expose": expose} {
		if err := f.WalkValues(key, portFilter(key, m)); err != nil {
			return nil, systemErr("%s", err.Error())
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var before, since string
	for key, p := range map[string]*string{"before": &before, "since": &since} {
		if err := f.WalkValues(key, func(v string) error {
			c, err := w.find(v)
			if err != nil {
				return err
			}
			*p = c.ID
			return nil
		}); err != nil {
			return nil, err
		}
	}
	var ancestors map[string]bool
	if f.Contains("ancestor") {
		ancestors = map[string]bool{}
		for _, a := range f.Get("ancestor") {
			if img, _, err := w.images.Lookup(a); err == nil && img != nil {
				w.descend(ancestors, img.ID)
			}
		}
	}
	out := []*container.Summary{}
	now := w.now()
	for _, c := range w.sorted() {
		if before != "" {
			if c.ID == before {
				before = ""
			}
			continue
		}
		if since != "" && c.ID == since {
			break
		}
		if !c.Running && !all && o.Limit <= 0 {
			continue
		}
		if !f.Match("name", c.Name) && !f.Match("name", strings.TrimPrefix(c.Name, "/")) || !f.Match("id", c.ID) || !f.MatchKVList("label", c.Config.Labels) {
			continue
		}
		if f.Contains("is-task") {
			if b, err := f.GetBoolOrDefault("is-task", false); err == nil && b {
				continue
			}
		}
		if o.Limit > 0 && len(out) == o.Limit {
			break
		}
		if len(exits) > 0 {
			ok := false
			for _, e := range exits {
				ok = ok || e == c.ExitCode && !c.Running && !c.StartedAt.IsZero()
			}
			if !ok {
				continue
			}
		}
		if f.Contains("status") && !f.Match("status", c.status()) {
			continue
		}
		if f.Contains("health") && !f.ExactMatch("health", c.healthStatus()) {
			continue
		}
		if f.Contains("volume") && !c.hasVolume(f) || f.Contains("network") && !c.hasNetwork(f) {
			continue
		}
		if ancestors != nil && !ancestors[c.ImageID] {
			continue
		}
		s := w.summary(c, now)
		if len(publish)+len(expose) > 0 {
			ok := false
			for _, p := range s.Ports {
				ok = ok || publish[nat.Port(fmt.Sprintf("%d/%s", p.PublicPort, p.Type))] || expose[nat.Port(fmt.Sprintf("%d/%s", p.PrivatePort, p.Type))]
			}
			if !ok {
				continue
			}
		}
		if o.Size {
			s.SizeRw, s.SizeRootFs = w.sizes(c)
		}
		out = append(out, s)
	}
	return out, nil
}

func (w *World) descend(m map[string]bool, id string) {
	if m[id] {
		return
	}
	m[id] = true
	for _, c := range w.images.Children(id) {
		w.descend(m, c.ID)
	}
}

func portFilter(key string, m map[nat.Port]bool) func(string) error {
	return func(v string) error {
		if strings.Contains(v, ":") {
			return fmt.Errorf("filter for '%s' should not contain ':': %s", key, v)
		}
		proto, port := nat.SplitProtoPort(v)
		a, b, err := nat.ParsePortRange(port)
		if err != nil {
			return fmt.Errorf("error while looking up for %s %s: %w", key, v, err)
		}
		for i := a; i <= b && i <= 65535; i++ {
			m[nat.Port(strconv.FormatUint(i, 10)+"/"+proto)] = true
		}
		return nil
	}
}

func (c *Container) hasVolume(f filters.Args) bool {
	for _, m := range c.Mounts {
		src := m.Name
		if src == "" {
			src = m.Source
		}
		if f.ExactMatch("volume", src) || f.ExactMatch("volume", m.Destination) {
			return true
		}
	}
	return false
}

func (c *Container) hasNetwork(f filters.Args) bool {
	for _, v := range f.Get("network") {
		for n, e := range c.Nets {
			if n == v || strings.HasPrefix(e.NetworkID, v) {
				return true
			}
		}
	}
	return false
}

// summary is one line of the list. World.mu is held.
func (w *World) summary(c *Container, now time.Time) *container.Summary {
	cmd := c.Path
	if len(c.Args) > 0 {
		var parts []string
		for _, a := range c.Args {
			if strings.Contains(a, " ") {
				a = "'" + a + "'"
			}
			parts = append(parts, a)
		}
		cmd += " " + strings.Join(parts, " ")
	}
	image := c.Config.Image
	if img, _, err := w.images.Lookup(image); err != nil || img == nil || img.ID != c.ImageID {
		image = c.ImageID
	}
	if image == "" {
		image = c.Config.Image
	}
	s := &container.Summary{ID: c.ID, Names: w.namesOf(c), Image: image, ImageID: c.ImageID, Command: cmd, Created: c.Created.Unix(), Ports: exposed(c),
		Labels: c.Config.Labels, State: c.status(), Status: c.words(now), Mounts: w.mountPoints(c)}
	for i, m := range c.Mounts {
		if m.anonymous {
			s.Mounts[i].Source = "" // the list is made of what was written down
		}
	}
	if c.removing && !c.Running {
		s.State = container.StateRemoving
	}
	s.HostConfig.NetworkMode = string(c.Host.NetworkMode)
	if w.host.cfg.Release.Era >= 28 {
		s.HostConfig.Annotations = c.Host.Annotations
	}
	s.NetworkSettings = &container.NetworkSettingsSummary{Networks: map[string]*network.EndpointSettings{}}
	nets := c.Nets
	if c.stale != nil {
		nets, s.Ports = c.stale.nets, c.stale.ports
	}
	for n, e := range nets {
		cp := &network.EndpointSettings{EndpointID: e.EndpointID, Gateway: e.Gateway, IPAddress: e.IPAddress, IPPrefixLen: e.IPPrefixLen, MacAddress: e.MacAddress, NetworkID: e.NetworkID}
		if e.IPAMConfig != nil {
			cp.IPAMConfig = e.IPAMConfig
		}
		s.NetworkSettings.Networks[n] = cp
	}
	return s
}

func (w *World) mountPoints(c *Container) []container.MountPoint {
	out := make([]container.MountPoint, 0, len(c.Mounts))
	for _, m := range c.Mounts {
		mp := container.MountPoint{Type: m.Type, Name: m.Name, Source: m.Source, Destination: m.Destination, Driver: m.Driver, Mode: m.Mode, RW: m.RW, Propagation: m.Propagation}
		if m.Type == mount.TypeTmpfs {
			mp.Source = ""
		}
		out = append(out, mp)
	}
	return out
}

func (w *World) sizes(c *Container) (rw, root int64) {
	if c.shown {
		w.ownFS(c)
	}
	if c.fs != nil {
		rw, _ = c.fs.Used()
	}
	root = rw
	if c.image != nil {
		root += c.image.Size()
	}
	return rw, root
}

func (w *World) rwSize(c *Container) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	rw, _ := w.sizes(c)
	return rw
}

// ContainerInspect is the daemon's method.
func (w *World) ContainerInspect(_ context.Context, name string, o backend.ContainerInspectOptions) (*container.InspectResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, err := w.find(name)
	if err != nil {
		return nil, err
	}
	hc := *c.Host
	hc.Links = nil
	if c.Host.NetworkMode.IsUserDefined() {
		hc.Links = c.Host.Links
	}
	for _, l := range w.linked(c) {
		hc.Links = append(hc.Links, l.c.Name+":"+c.Name+"/"+l.alias)
	}
	st := &container.State{Status: c.status(), Running: c.Running, Paused: c.Paused, Restarting: c.Restarting, OOMKilled: c.OOMKilled, Dead: c.Dead,
		Pid: c.pidOf(), ExitCode: c.ExitCode, Error: c.Error, StartedAt: c.StartedAt.Format(time.RFC3339Nano), FinishedAt: c.FinishedAt.Format(time.RFC3339Nano)}
	if c.health != nil {
		st.Health = c.health.api()
	}
	// For clients of an older API, and it stays there: c.Config itself is told.
	if nm := c.Host.NetworkMode; c.Config.MacAddress == "" && w.host.cfg.Release.Era >= 26 && (nm.IsBridge() || nm.IsUserDefined()) {
		c.Config.MacAddress = c.macs[nm.NetworkName()]
	}
	dir := "/var/lib/docker/containers/" + c.ID
	base := &container.ContainerJSONBase{ID: c.ID, Created: c.Created.Format(time.RFC3339Nano), Path: c.Path, Args: c.Args, State: st, Image: c.ImageID,
		Name: c.Name, RestartCount: c.RestartCount, Driver: w.host.facts.StorageDriver, Platform: "linux", HostConfig: &hc,
		GraphDriver: storage.DriverData{Name: w.host.facts.StorageDriver, Data: w.graph(c)}}
	if base.Args == nil {
		base.Args = []string{}
	}
	begun := c.startedBefore || !c.StartedAt.IsZero() || c.specified
	if t := c.Host.LogConfig.Type; (begun || c.logged) && (t == "" || t == "json-file") {
		base.LogPath = logPath(c.ID)
	}
	if (c.startedBefore || c.wired) && !c.Config.NetworkDisabled {
		base.ResolvConfPath, base.HostnamePath, base.HostsPath = dir+"/resolv.conf", dir+"/hostname", dir+"/hosts"
	}
	if c.wired && c.Config.NetworkDisabled && w.host.cfg.Release.Era < 28 {
		base.HostnamePath = dir + "/hostname"
	}
	if begun {
		if !w.host.cfg.Release.Debian && w.host.facts.Distro != "" && !c.Host.Privileged {
			base.AppArmorProfile = "docker-default"
		} else if c.Host.Privileged {
			base.AppArmorProfile = "unconfined"
		}
	}
	for id := range c.execs {
		if c.execs[id].running {
			base.ExecIDs = append(base.ExecIDs, id)
		}
	}
	sort.Strings(base.ExecIDs)
	if o.Size {
		rw, root := w.sizes(c)
		base.SizeRw, base.SizeRootFs = &rw, &root
	}
	ns := &container.NetworkSettings{Networks: map[string]*network.EndpointSettings{}}
	ns.SandboxID = c.Sandbox
	ns.Ports = nat.PortMap{}
	for p, b := range c.Ports {
		ns.Ports[p] = b
	}
	if c.Sandbox != "" {
		ns.SandboxKey = "/var/run/docker/netns/" + c.Sandbox[:12]
		if c.Host.NetworkMode.IsHost() {
			ns.SandboxKey = "/var/run/docker/netns/default"
		}
	}
	for n, e := range c.Nets {
		ns.Networks[n] = e.Copy()
	}
	if e := c.Nets["bridge"]; e != nil {
		ns.EndpointID, ns.Gateway, ns.IPAddress, ns.IPPrefixLen, ns.MacAddress = e.EndpointID, e.Gateway, e.IPAddress, e.IPPrefixLen, e.MacAddress
	}
	cfg := *c.Config
	return &container.InspectResponse{ContainerJSONBase: base, Mounts: w.mountPoints(c), Config: &cfg, NetworkSettings: ns}, nil
}

// graph is overlay2's metadata of a layer.
func (w *World) graph(c *Container) map[string]string {
	root := w.host.facts.Root + "/overlay2/"
	dir := root + w.host.hexID("overlay", c.ID)
	lower := w.lowerDirs(c)
	for i, l := range lower {
		lower[i] = root + l + "/diff"
	}
	return map[string]string{"LowerDir": strings.Join(lower, ":"), "MergedDir": dir + "/merged", "UpperDir": dir + "/diff", "WorkDir": dir + "/work"}
}

// ContainerTop is the daemon's method: ps on the host, cut to the container.
func (w *World) ContainerTop(name, psArgs string) (*container.TopResponse, error) {
	if psArgs == "" {
		psArgs = "-ef"
	}
	for _, f := range strings.Fields(psArgs) {
		if k, v, ok := strings.Cut(f, "="); ok && strings.HasPrefix(v, "PID") && k != "pid" {
			return nil, systemErr("specifying \"%s=%s\" is not allowed", k, v)
		}
	}
	w.mu.Lock()
	c, err := w.find(name)
	if err == nil && !c.Running {
		err = errNotRunning(c.ID)
	}
	if err == nil && c.Restarting {
		err = errRestarting(c.ID)
	}
	if err == nil {
		err = w.materialise(c)
	}
	if err != nil {
		w.mu.Unlock()
		return nil, err
	}
	run := c.run
	w.mu.Unlock()
	if run == nil {
		return nil, errNotRunning(c.ID)
	}
	inside := map[string]bool{}
	var list []string
	for _, t := range run.ns.Tasks() {
		pid := strconv.Itoa(t.HostPID())
		inside[pid] = true
		list = append(list, pid)
	}
	// Some options cannot stand beside -q.
	out, fail := w.hostPs(append(strings.Fields(psArgs), "-q"+strings.Join(list, ",")))
	if fail != nil {
		if out, fail = w.hostPs(strings.Fields(psArgs)); fail != nil {
			return nil, fail
		}
	}
	r, err := topOf(out, inside)
	if err != nil {
		return nil, err
	}
	w.containerEvent(w.lastCaller(), c, events.ActionTop, nil)
	return r, nil
}

// topOf reads ps' output as the daemon's parsePSOutput does.
func topOf(out string, inside map[string]bool) (*container.TopResponse, error) {
	lines := strings.Split(out, "\n")
	r := &container.TopResponse{Titles: strings.Fields(lines[0])}
	at := slices.Index(r.Titles, "PID")
	if at < 0 {
		return nil, systemErr("Couldn't find PID field in ps output")
	}
	under := false // the line before was one of the container's, and this may be its thread
	for _, l := range lines[1:] {
		f := strings.Fields(l)
		if len(f) <= at {
			continue
		}
		if f[at] == "-" {
			if under {
				r.Processes = append(r.Processes, psColumns(f, len(r.Titles)))
			}
			continue
		}
		if _, err := strconv.Atoi(f[at]); err != nil {
			return nil, systemErr("Unexpected pid '%s': strconv.Atoi: parsing %q: invalid syntax", f[at], f[at])
		}
		if under = inside[f[at]]; under {
			r.Processes = append(r.Processes, psColumns(f, len(r.Titles)))
		}
	}
	return r, nil
}

// psColumns lets the last column have what is left of a line.
func psColumns(f []string, n int) []string {
	if len(f) <= n {
		return f
	}
	return append(slices.Clone(f[:n-1]), strings.Join(f[n-1:], " "))
}

// psPath is where the daemon looks for ps.
var psPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// hostPs runs the host's ps, as the daemon's child.
func (w *World) hostPs(args []string) (string, error) {
	bin := ""
	for _, d := range psPath {
		if w.hostExists(d + "/ps") {
			bin = d + "/ps"
			break
		}
	}
	if bin == "" {
		return "", systemErr("ps: exec: \"ps\": executable file not found in $PATH")
	}
	var out, errs bounded
	t, err := w.hostNS.Start(kernel.Spawn{Path: bin, Argv: append([]string{"ps"}, args...), Env: []string{"PATH=" + strings.Join(psPath, ":"), "LANG=C.UTF-8"}, Dir: "/", Parent: w.dockerd, Origin: "boot",
		Files: map[int]*kernel.File{0: kernel.NullFile(), 1: kernel.WriterFile(&out), 2: kernel.WriterFile(&errs)}})
	if err != nil {
		return "", systemErr("ps: fork/exec %s: %s", bin, strings.ToLower(vfs.AsErrno(err).Error()))
	}
	late := make(chan struct{})
	stop := w.after(10*time.Second, func() { close(late) })
	defer stop()
	select {
	case <-t.Done():
	case <-late:
		w.kern.Kill(t, kernel.SIGKILL)
		<-t.Done()
	case <-w.stopping:
		return "", systemErr("ps: signal: killed")
	}
	if t.WaitStatus().Code() != 0 {
		first, _, _ := strings.Cut(errs.String(), "\n")
		return "", systemErr("ps: %s", first)
	}
	return out.String(), nil
}

// bounded keeps what a program of the daemon's prints.
type bounded struct {
	mu sync.Mutex
	b  []byte
}

func (b *bounded) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b = append(b.b, p[:min(len(p), 1<<20-len(b.b))]...)
	return len(p), nil
}

func (b *bounded) Close() error { return nil }

func (b *bounded) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.b)
}

// ContainerStats is the daemon's method.
func (w *World) ContainerStats(ctx context.Context, name string, cfg *backend.ContainerStatsConfig) error {
	w.mu.Lock()
	c, err := w.find(name)
	w.mu.Unlock()
	if err != nil {
		return err
	}
	if cfg.Stream && cfg.OneShot {
		return invalid("cannot have stream=true and one-shot=true")
	}
	var out io.Writer
	if cfg.OutStream != nil {
		out = cfg.OutStream()
	} else {
		return nil
	}
	enc := json.NewEncoder(out)
	var pre container.StatsResponse
	for first := true; ; first = false {
		s := w.stats(c)
		if !s.Read.IsZero() && !cfg.OneShot {
			s.PreRead, s.PreCPUStats = pre.Read, pre.CPUStats
		}
		running := c.running(w)
		if cfg.OneShot || !running || !first || cfg.Stream {
			if err := enc.Encode(s); err != nil {
				return nil //nolint:nilerr // the client has gone
			}
			if cfg.OneShot || !running || !cfg.Stream {
				return nil
			}
		}
		pre = *s
		tick := make(chan struct{})
		stop := w.after(time.Second, func() { close(tick) })
		select {
		case <-tick:
		case <-ctx.Done():
			stop()
			return nil
		case <-w.stopping:
			stop()
			return nil
		}
	}
}

func (w *World) stats(c *Container) *container.StatsResponse {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &container.StatsResponse{Name: c.Name, ID: c.ID}
	if !c.Running || c.run == nil {
		return s
	}
	now := w.now().UTC()
	f := w.host.facts
	s.Read = now
	s.NumProcs = 0
	w.statsOf(s, w.usageOf(c, c.run.ns)())
	s.PidsStats.Limit = 18446744073709551615
	if p := c.Host.PidsLimit; p != nil && *p > 0 {
		s.PidsStats.Limit = uint64(*p)
	}
	s.CPUStats.OnlineCPUs = uint32(f.Cores)
	s.CPUStats.SystemUsage = uint64(w.kern.BusyAndIdle())
	s.MemoryStats.Limit = uint64(f.Memory)
	if c.Host.Memory > 0 {
		s.MemoryStats.Limit = uint64(c.Host.Memory)
	}
	if !c.Host.NetworkMode.IsHost() && len(c.Nets) > 0 {
		s.Networks = map[string]container.NetworkStats{}
		for _, i := range w.interfacesOf(c)() {
			t := w.host.link(c.ID, i.Net, c.since, c.shown, now)
			s.Networks[i.Name] = container.NetworkStats{RxBytes: t.rxBytes, RxPackets: t.rxPackets, TxBytes: t.txBytes, TxPackets: t.txPackets}
		}
	}
	return s
}

// view is a mount namespace in which a container's files can be looked at,
// running or not, and a root's context in it. World.mu is held.
func (w *World) view(c *Container) (*vfs.Namespace, *vfs.Context, error) {
	if c.run != nil {
		if err := w.materialise(c); err != nil {
			return nil, nil, err
		}
		return c.run.ns.Mounts(), c.run.ns.Context(), nil
	}
	w.ownFS(c)
	mnt := vfs.NewNamespace(c.fs, "overlay", "", c.Host.ReadonlyRootfs)
	ctx := &vfs.Context{Cred: vfs.Root(), Root: mnt.Root(), Cwd: mnt.Root(), Umask: 0o022, Now: func() int64 { return w.now().UnixNano() }}
	for _, m := range c.Mounts {
		_ = w.mountOne(m, mnt, ctx)
	}
	return mnt, ctx, nil
}
