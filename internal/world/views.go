package world

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
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
	if c.removing && !c.Running {
		s.State = container.StateRemoving
	}
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	s.HostConfig.NetworkMode = string(c.Host.NetworkMode)
	if w.host.cfg.Release.Era >= 28 {
		s.HostConfig.Annotations = c.Host.Annotations
	}
	s.NetworkSettings = &container.NetworkSettingsSummary{Networks: map[string]*network.EndpointSettings{}}
	for n, e := range c.Nets {
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
	dir := "/var/lib/docker/containers/" + c.ID
	base := &container.ContainerJSONBase{ID: c.ID, Created: c.Created.Format(time.RFC3339Nano), Path: c.Path, Args: c.Args, State: st, Image: c.ImageID,
		Name: c.Name, RestartCount: c.RestartCount, Driver: w.host.facts.StorageDriver, Platform: "linux", HostConfig: &hc,
		GraphDriver: storage.DriverData{Name: w.host.facts.StorageDriver, Data: w.graph(c)}}
	if base.Args == nil {
		base.Args = []string{}
	}
	begun := c.startedBefore || !c.StartedAt.IsZero() || c.Error != ""
	if t := c.Host.LogConfig.Type; (begun || c.logged) && (t == "" || t == "json-file") {
		base.LogPath = logPath(c.ID)
	}
	if (c.startedBefore || c.wired) && !c.Config.NetworkDisabled {
		base.ResolvConfPath, base.HostnamePath, base.HostsPath = dir+"/resolv.conf", dir+"/hostname", dir+"/hosts"
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
	for _, f := range strings.Fields(psArgs) {
		if l, ok := strings.CutPrefix(f, "--"); ok && !psLong[strings.SplitN(l, "=", 2)[0]] {
			return nil, systemErr("ps: error: unknown gnu long option")
		}
	}
	r := &container.TopResponse{}
	comm := false // COMMAND is the name alone
	aux := strings.Contains(psArgs, "aux") || strings.Contains(psArgs, "-u") || psArgs == "u"
	switch {
	case aux:
		r.Titles = []string{"USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "COMMAND"}
	case strings.Contains(psArgs, "-o"):
		for _, f := range strings.FieldsFunc(psArgs[strings.Index(psArgs, "-o")+2:], func(r rune) bool { return r == ',' || r == ' ' }) {
			f = strings.ToUpper(f)
			switch f { // as procps heads them
			case "COMM":
				f, comm = "COMMAND", true
			case "ARGS":
				f = "COMMAND"
			}
			r.Titles = append(r.Titles, f)
		}
		has := false
		for _, t := range r.Titles {
			has = has || t == "PID"
		}
		if !has {
			return nil, systemErr("Couldn't find PID field in ps output")
		}
	default:
		r.Titles = []string{"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"}
	}
	now := w.now()
	for _, t := range run.ns.Tasks() {
		r.Processes = append(r.Processes, w.psLine(r.Titles, comm, t, now))
	}
	w.containerEvent(w.lastCaller(), c, events.ActionTop, nil)
	return r, nil
}

// psLong are the long options of procps' ps.
var psLong = map[string]bool{"Group": true, "User": true, "cols": true, "columns": true, "context": true, "cumulative": true, "deselect": true, "forest": true, "format": true,
	"group": true, "headers": true, "heading": true, "headings": true, "help": true, "info": true, "lines": true, "no-headers": true, "no-headings": true, "noheaders": true,
	"pid": true, "ppid": true, "quick-pid": true, "rows": true, "sid": true, "signames": true, "sort": true, "tty": true, "user": true, "version": true, "width": true}

func (w *World) psLine(titles []string, comm bool, t *kernel.Task, now time.Time) []string {
	started := t.Started()
	stime := started.Format("15:04")
	if now.Sub(started) > 24*time.Hour {
		stime = started.Format("Jan02")
	}
	cpu := t.CPUTime()
	hms := fmt.Sprintf("%02d:%02d:%02d", int(cpu.Hours()), int(cpu.Minutes())%60, int(cpu.Seconds())%60)
	uid := t.Creds().EUID
	user := strconv.Itoa(int(uid))
	for _, f := range passwd(readNS(w.hostNS, "/etc/passwd", 1<<20)) {
		if f[2] == user {
			user = f[0]
			break
		}
	}
	tty := "?"
	if p := t.TTY(); p != nil {
		tty = "pts/" + strconv.Itoa(p.Num)
	}
	cmd := strings.Join(t.Args(), " ")
	if cmd == "" || t.Zombie() {
		cmd = "[" + t.Comm() + "]"
	}
	if t.Zombie() {
		cmd += " <defunct>"
	}
	vsz, rss := t.Memory()
	pcpu := "0.0"
	if el := now.Sub(started); el > time.Second {
		pcpu = fmt.Sprintf("%.1f", 100*cpu.Seconds()/el.Seconds())
	}
	ppid := 0
	if p := t.Parent(); p != nil {
		ppid = p.HostPID()
	}
	if ppid == 0 || ppid == t.HostPID() {
		ppid = t.HostPID() - 21 // the shim
	}
	col := map[string]string{"UID": user, "USER": user, "PID": strconv.Itoa(t.HostPID()), "PPID": strconv.Itoa(ppid), "C": "0", "STIME": stime, "START": stime, "TTY": tty,
		"TIME": hms, "CMD": cmd, "COMMAND": cmd, "ARGS": cmd, "COMM": t.Comm(), "%CPU": pcpu, "%MEM": fmt.Sprintf("%.1f", 100*float64(rss)/float64(w.host.facts.Memory)), "VSZ": strconv.FormatInt(vsz>>10, 10), "RSS": strconv.FormatInt(rss>>10, 10),
		"STAT": t.State() + t.Flags(), "S": t.State(), "NI": strconv.Itoa(t.Nice()), "PRI": strconv.Itoa(19 - t.Nice()), "NLWP": strconv.Itoa(t.Threads()), "LSTART": started.Format("Mon Jan _2 15:04:05 2006"), "ETIMES": strconv.Itoa(int(now.Sub(started).Seconds())), "ETIME": fmt.Sprintf("%02d:%02d", int(now.Sub(started).Minutes())%60, int(now.Sub(started).Seconds())%60)}
	if comm {
		col["COMMAND"] = t.Comm()
	}
	out := make([]string, len(titles))
	for i, ti := range titles {
		out[i] = col[ti]
	}
	return out
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
	if c.fs == nil {
		c.fs = w.rootFS(c)
	}
	mnt := vfs.NewNamespace(c.fs, "overlay", "", c.Host.ReadonlyRootfs)
	ctx := &vfs.Context{Cred: vfs.Root(), Root: mnt.Root(), Cwd: mnt.Root(), Umask: 0o022, Now: func() int64 { return w.now().UnixNano() }}
	for _, m := range c.Mounts {
		_ = w.mountOne(m, mnt, ctx)
	}
	return mnt, ctx, nil
}
