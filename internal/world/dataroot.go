package world

import (
	"cmp"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"maps"
	"net/netip"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/reference"

	"github.com/whalefall/whalefall/internal/image"
	"github.com/whalefall/whalefall/internal/vfs"
)

// dataRoot is /var/lib/docker as far as it follows from the world: containers,
// images, layers and networks are written there when somebody who runs on the host
// looks, and again when they have changed. What such a visitor writes or removes
// stays so until the daemon would write the file anew. World.mu guards it.
//
// The layout, modes and files are those seen on 20.10.24 and 28.5.2; where 26.1.5 is
// told apart it is from memory.
type dataRoot struct {
	last   map[string]uint64 // what was written last, by path
	gone   map[string]bool   // directories that stand for something, and whether it is there
	hooked map[string]bool
	layers map[string]*vfs.FS // layers that were looked into, by chain id
}

var dataSeed = maphash.MakeSeed()

// layerDir and linkOf are overlay2's names of a layer's directory and of the short
// link to it.
func (h *Host) layerDir(chain string) string { return h.hexID("layer", chain) }

func (h *Host) linkOf(dir string) string {
	b := h.derive("overlay-link", dir)
	return base32.StdEncoding.EncodeToString(b[:])[:26]
}

// lowerDirs are the directories below a container's own, the top first.
func (w *World) lowerDirs(c *Container) []string {
	out := []string{w.host.hexID("overlay", c.ID) + "-init"}
	img := c.image
	if img == nil {
		img = w.images.Get(c.ImageID)
	}
	if img != nil {
		ids := img.ChainIDs()
		for i := len(ids) - 1; i >= 0; i-- {
			out = append(out, w.host.layerDir(ids[i]))
		}
	}
	return out
}

// staticRoot is what is in the daemon's root from its first start on.
func (h *Host) staticRoot(t *image.Tree) {
	root, era := h.facts.Root, h.cfg.Release.Era
	for _, d := range []struct {
		mode vfs.Mode
		name string
	}{{0o710, ""}, {0o711, "buildkit"}, {0o711, "buildkit/executor"}, {0o710, "containers"}, {0o700, "image"}, {0o700, "image/overlay2"}, {0o700, "image/overlay2/distribution"},
		{0o700, "image/overlay2/imagedb"}, {0o700, "image/overlay2/imagedb/content"}, {0o700, "image/overlay2/imagedb/content/sha256"}, {0o700, "image/overlay2/imagedb/metadata"},
		{0o700, "image/overlay2/imagedb/metadata/sha256"}, {0o700, "image/overlay2/layerdb"}, {0o750, "network"}, {0o750, "network/files"}, {0o710, "overlay2"}, {0o700, "overlay2/l"},
		{0o700, "plugins"}, {0o700, "plugins/tmp"}, {0o700, "runtimes"}, {0o700, "swarm"}, {0o700, "tmp"}, {0o701, "volumes"}} {
		t.Dir(d.mode, path.Join(root, d.name))
	}
	t.Dir(0o755, root+"/image/overlay2/layerdb/sha256", root+"/image/overlay2/layerdb/tmp")
	empty := func(name string, mode vfs.Mode, size int64) {
		t.File(root+"/buildkit/"+name, mode, string(boltFile("", nil, size)))
	}
	empty("cache.db", 0o600, 32768)
	empty("metadata_v2.db", 0o600, 16384)
	empty("snapshots.db", 0o600, 16384)
	if era < 26 {
		empty("containerdmeta.db", 0o644, 16384)
		t.Dir(0o700, root+"/trust")
		t.Dir(0o755, root+"/buildkit/content", root+"/buildkit/content/ingest", root+"/plugins/storage", root+"/plugins/storage/ingest")
		return
	}
	empty("containerdmeta.db", 0o644, 32768)
	empty("history.db", 0o600, 32768)
	t.File(root+"/engine-id", 0o600, h.daemonID())
}

// openDataRoot lets the daemon's root follow the world from the first look on.
func (w *World) openDataRoot() {
	c := w.hostNS.Context()
	if at, err := w.hostNS.Mounts().Resolve(c, w.host.facts.Root, true); err == nil {
		w.fs.SetHook(at.Node(), vfs.Hook{Visit: w.visitRoot})
	}
}

// visitRoot brings the daemon's root up to date before a process looks into it.
func (w *World) visitRoot(c *vfs.Context) {
	if w.events.count.Load()+1 == w.rootStamp.Load() || !w.enterRoot(c) {
		return
	}
	defer w.mu.Unlock()
	w.syncRoot()
}

// enterRoot takes World.mu for a process that looks into the daemon's root; the daemon
// itself sees what lies there. Who looks may be a start under World.mu, whose program
// lies there: then what was written last must do.
func (w *World) enterRoot(c *vfs.Context) bool {
	if c == nil || c.Caller == nil {
		return false
	}
	for range 5000 {
		if w.mu.TryLock() {
			return true
		}
		runtime.Gosched()
	}
	return false
}

// syncRoot writes what is not up to date. World.mu is held.
func (w *World) syncRoot() {
	d := &w.root
	if d.last == nil {
		d.last, d.gone, d.hooked, d.layers = map[string]uint64{}, map[string]bool{}, map[string]bool{}, map[string]*vfs.FS{}
	}
	n := w.events.count.Load() + 1
	if w.rootStamp.Load() == n {
		return
	}
	w.rootStamp.Store(n)
	for p := range d.gone {
		d.gone[p] = true
	}
	root := w.host.facts.Root
	for _, dir := range []string{"containers", "image", "image/overlay2", "image/overlay2/imagedb/content/sha256", "image/overlay2/layerdb", "image/overlay2/layerdb/sha256", "network/files", "overlay2", "overlay2/l", "volumes"} {
		w.hookDir(root+"/"+dir, vfs.Hook{Visit: w.visitRoot})
	}
	images := w.images.All()
	slices.SortStableFunc(images, func(a, b *image.Image) int { return w.images.LastTag(a.ID).Compare(w.images.LastTag(b.ID)) })
	for _, i := range images {
		w.rootImage(i)
	}
	w.rootRepositories()
	for _, c := range slices.Backward(w.sorted()) {
		w.rootContainer(c)
	}
	w.rootVolumes()
	w.rootNetworks()
	for p, gone := range d.gone {
		if !gone {
			continue
		}
		w.hostRemoveAll(p)
		delete(d.gone, p)
		below := func(q string) bool { return strings.HasPrefix(q, p) }
		maps.DeleteFunc(d.last, func(q string, _ uint64) bool { return below(q) })
		maps.DeleteFunc(d.hooked, func(q string, _ bool) bool { return below(q) })
	}
}

// hookDir gives a directory of the host's a hook, once.
func (w *World) hookDir(p string, h vfs.Hook) {
	if w.root.hooked[p] {
		return
	}
	if at, err := w.hostNS.Mounts().Resolve(w.hostNS.Context(), p, false); err == nil {
		w.root.hooked[p] = true
		w.fs.SetHook(at.Node(), h)
	}
}

// rootDir makes a directory that stands for something: it goes when that is gone.
func (w *World) rootDir(at time.Time, p string, mode vfs.Mode) {
	if _, made := w.root.gone[p]; !made {
		w.mkdirThen(at, p, mode)
		w.hookDir(p, vfs.Hook{Visit: w.visitRoot, Derived: true})
	}
	w.root.gone[p] = false
}

// rootFile writes a file, if it would be another than was written last.
func (w *World) rootFile(at time.Time, p string, mode vfs.Mode, text string) {
	sum := maphash.String(dataSeed, text)
	if w.root.last[p] == sum {
		return
	}
	w.root.last[p] = sum
	w.writeThen(at, p, []byte(text), vfs.NewAttr{Mode: mode})
	w.hookDir(p, vfs.Hook{Derived: true})
}

// layerName is how a layer lies in overlay2: its directory, what is below it and the
// short link.
func (w *World) layerName(at time.Time, name string, lower []string, committed bool) {
	dir := w.host.facts.Root + "/overlay2/" + name
	_, made := w.root.gone[dir]
	w.rootDir(at, dir, 0o710)
	link := w.host.linkOf(name)
	l := w.host.facts.Root + "/overlay2/l/" + link
	w.root.gone[l] = false
	if made {
		return
	}
	c := w.hostThen(at)
	_ = w.hostNS.Mounts().Symlink(c, "../"+name+"/diff", l)
	w.hookDir(l, vfs.Hook{Derived: true})
	w.rootFile(at, dir+"/link", 0o644, link)
	if committed {
		w.rootFile(at, dir+"/committed", 0o600, "")
		w.mkdirThen(at, dir+"/diff", 0o755)
	}
	if len(lower) == 0 {
		return
	}
	for i, l := range lower {
		lower[i] = "l/" + w.host.linkOf(l)
	}
	w.rootFile(at, dir+"/lower", 0o644, strings.Join(lower, ":"))
	w.mkdirThen(at, dir+"/work", 0o700)
	if !committed || strings.HasSuffix(name, "-init") {
		w.mkdirThen(at, dir+"/work/work", 0)
	}
}

// diffOf is the tree of one layer by itself.
func (w *World) diffOf(key string, at time.Time, l func() *vfs.Layer) func(*vfs.Context) vfs.Node {
	return func(ctx *vfs.Context) vfs.Node {
		if !w.enterRoot(ctx) {
			return nil
		}
		defer w.mu.Unlock()
		fs := w.root.layers[key]
		if fs == nil {
			c := vfs.Config{Type: "ext4", Born: at.UnixNano(), Shows: w.fs.Dev(), FirstInode: 786432 + uint64(w.treesMade.Add(1)%4000)*8192}
			fs = vfs.New(w.onDisk(c), l())
			w.root.layers[key] = fs
		}
		return fs.Root()
	}
}

func (w *World) rootImage(i *image.Image) {
	base := w.host.facts.Root + "/image/overlay2/"
	hex := strings.TrimPrefix(i.ID, "sha256:")
	at := w.images.LastTag(i.ID)
	if at.IsZero() {
		at = w.host.facts.DockerStarted
	}
	content := base + "imagedb/content/sha256/" + hex
	w.root.gone[content] = false
	w.rootFile(at, content, 0o600, string(i.JSON))
	meta := base + "imagedb/metadata/sha256/" + hex
	w.rootDir(at, meta, 0o700)
	w.rootFile(at, meta+"/lastUpdated", 0o600, at.UTC().Format(time.RFC3339Nano))
	if i.Parent != "" {
		w.rootFile(at, meta+"/parent", 0o600, i.Parent)
	}
	ids := i.ChainIDs()
	var below []string
	for k, l := range i.Layers {
		name := w.host.layerDir(ids[k])
		db := base + "layerdb/sha256/" + strings.TrimPrefix(ids[k], "sha256:")
		_, made := w.root.gone[db]
		w.rootDir(at, db, 0o700)
		w.layerName(at, name, slices.Clone(below), true)
		below = slices.Insert(below, 0, name)
		if made {
			continue
		}
		w.rootFile(at, db+"/cache-id", 0o644, name)
		w.rootFile(at, db+"/diff", 0o644, l.DiffID)
		w.rootFile(at, db+"/size", 0o644, strconv.FormatInt(l.Size, 10))
		if k > 0 {
			w.rootFile(at, db+"/parent", 0o644, ids[k-1])
		}
		w.writeContent(at, db+"/tar-split.json.gz", image.Blob{Seed: "tar-split" + ids[k], Len: 1200 + l.Size>>10})
		w.hookDir(w.host.facts.Root+"/overlay2/"+name+"/diff", vfs.Hook{Through: w.diffOf(ids[k], at, l.Tree), Derived: true})
	}
}

// writeContent writes a file whose bytes are made when they are read.
func (w *World) writeContent(at time.Time, p string, content vfs.Content) {
	c := w.hostThen(at)
	n, err := w.hostNS.Mounts().Create(c, p, vfs.NewAttr{Mode: vfs.S_IFREG | 0o644})
	if err == nil {
		_ = vfs.SetContent(c, n.Node(), content)
	}
}

// rootRepositories is the reference store's file: the names as people write them.
func (w *World) rootRepositories() {
	repos := map[string]map[string]string{}
	var newest time.Time
	for _, i := range w.images.All() {
		for _, r := range w.images.References(i.ID) {
			name := reference.FamiliarName(r)
			if repos[name] == nil {
				repos[name] = map[string]string{}
			}
			repos[name][reference.FamiliarString(r)] = i.ID
		}
		if t := w.images.LastTag(i.ID); t.After(newest) {
			newest = t
		}
	}
	b, _ := json.Marshal(map[string]any{"Repositories": repos})
	w.rootFile(newest, w.host.facts.Root+"/image/overlay2/repositories.json", 0o600, string(b))
}

func (w *World) rootContainer(c *Container) {
	root := w.host.facts.Root
	dir := root + "/containers/" + c.ID
	at := c.Created
	w.rootDir(at, dir, 0o710)
	if !w.root.hooked[dir+"#log"] {
		w.root.hooked[dir+"#log"] = true
		if p, err := w.hostNS.Mounts().Resolve(w.hostNS.Context(), dir, false); err == nil {
			w.fs.SetHook(p.Node(), vfs.Hook{Derived: true, Visit: func(ctx *vfs.Context) {
				w.visitRoot(ctx)
				if ctx != nil && ctx.Caller != nil {
					w.rootLog(c)
				}
			}})
		}
		w.mkdirThen(at, dir+"/checkpoints", 0o700)
		w.mkdirThen(at, dir+"/mounts", 0o710)
	}
	changed := at
	for _, t := range []time.Time{c.StartedAt, c.FinishedAt} {
		if t.After(changed) {
			changed = t
		}
	}
	w.rootFile(changed, dir+"/config.v2.json", 0o600, w.configV2(c))
	w.rootFile(changed, dir+"/hostconfig.json", 0o600, w.hostConfigFile(c))
	if c.startedBefore || c.wired {
		started := cmp.Or(c.StartedAt.UnixNano(), at.UnixNano())
		t := time.Unix(0, started)
		if !w.hostExists(dir + "/hosts") {
			w.writeThen(t, dir+"/hostname", []byte(c.Config.Hostname+"\n"), vfs.NewAttr{Mode: 0o644})
			w.writeThen(t, dir+"/hosts", w.etcHosts(c), vfs.NewAttr{Mode: 0o644})
			w.writeThen(t, dir+"/resolv.conf", w.resolvConf(c), vfs.NewAttr{Mode: 0o644})
		}
		w.rootFile(t, dir+"/resolv.conf.hash", 0o644, image.Digest(w.resolvConf(c)))
	}
	// The layer store's and overlay2's sides of it.
	mount := root + "/image/overlay2/layerdb/mounts/" + c.ID
	if !w.hostExists(path.Dir(mount)) {
		w.mkdirThen(at, path.Dir(mount), 0o755)
	}
	name := w.host.hexID("overlay", c.ID)
	lower := w.lowerDirs(c)
	_, made := w.root.gone[mount]
	w.rootDir(at, mount, 0o755)
	w.rootFile(at, mount+"/init-id", 0o644, name+"-init")
	w.rootFile(at, mount+"/mount-id", 0o644, name)
	if c.image != nil && len(c.image.Layers) > 0 {
		ids := c.image.ChainIDs()
		w.rootFile(at, mount+"/parent", 0o644, ids[len(ids)-1])
	}
	w.layerName(at, name+"-init", slices.Clone(lower[1:]), true)
	w.layerName(at, name, slices.Clone(lower), false)
	if made {
		return
	}
	w.hookDir(root+"/overlay2/"+name+"-init/diff", vfs.Hook{Through: w.diffOf("init/"+c.ID, at, func() *vfs.Layer { w.host.initLayer(); return w.host.trees.bare }), Derived: true})
	w.mkdirThen(at, root+"/overlay2/"+name+"/diff", 0o755)
	w.mkdirThen(at, root+"/overlay2/"+name+"/merged", 0o700)
	tree := func(of func(*vfs.FS) vfs.Node, running bool) func(*vfs.Context) vfs.Node {
		return func(ctx *vfs.Context) vfs.Node {
			if !w.enterRoot(ctx) {
				return nil
			}
			defer w.mu.Unlock()
			if w.containers[c.ID] != c || running && !c.Running {
				return nil
			}
			return of(w.ownFS(c))
		}
	}
	w.hookDir(root+"/overlay2/"+name+"/diff", vfs.Hook{Through: tree((*vfs.FS).Upper, false), Derived: true})
	w.hookDir(root+"/overlay2/"+name+"/merged", vfs.Hook{Through: tree((*vfs.FS).Root, true), Derived: true})
}

// rootLog writes a container's log as json-file has it, if it has grown.
func (w *World) rootLog(c *Container) {
	if t := c.Host.LogConfig.Type; t != "" && t != "json-file" {
		return
	}
	b, at, fresh := c.log.file(c.logAttrs())
	if !fresh {
		return
	}
	p := logPath(c.ID)
	mnt, ctx := w.hostNS.Mounts(), w.hostThen(at)
	n, err := mnt.Resolve(ctx, p, true)
	if err != nil {
		if n, err = mnt.Create(ctx, p, vfs.NewAttr{Mode: vfs.S_IFREG | 0o640}); err != nil {
			return
		}
	}
	_ = vfs.SetContent(ctx, n.Node(), vfs.Bytes(b))
}

func (w *World) rootVolumes() {
	root := w.host.facts.Root + "/volumes"
	var pairs [][2]string
	at := w.host.facts.DockerStarted
	for _, name := range slices.Sorted(maps.Keys(w.volumes)) {
		v := w.volumes[name]
		b, _ := json.Marshal(struct {
			Name, Driver    string
			Labels, Options map[string]string
		}{v.name, "local", v.labels, v.options})
		pairs = append(pairs, [2]string{name, string(b)})
		if v.created.After(at) {
			at = v.created
		}
	}
	w.rootFile(at, root+"/metadata.db", 0o600, string(boltFile("volumes", pairs, 32768)))
	if p := root + "/backingFsBlockDev"; !w.root.hooked[p] {
		_, _ = w.hostNS.Mounts().Create(w.hostThen(w.host.facts.DockerStarted), p, vfs.NewAttr{Mode: vfs.S_IFBLK | 0o600, Rdev: w.host.disk().PartDev(0)})
		w.hookDir(p, vfs.Hook{Derived: true})
	}
}

// rootNetworks is libnetwork's store.
func (w *World) rootNetworks() {
	var pairs [][2]string
	at, index := w.host.facts.DockerStarted, uint64(len(w.networks))
	put := func(key string, v any) {
		b, _ := json.Marshal(v)
		index++
		pairs = append(pairs, [2]string{"docker/network/v1.0/" + key + "/", string(binary.LittleEndian.AppendUint64(nil, index)) + string(b)})
	}
	for _, c := range w.sorted() {
		if !c.Running || c.Sandbox == "" {
			continue
		}
		type ep struct{ Eid, Nid string }
		eps := []ep{}
		for _, name := range slices.Sorted(maps.Keys(c.Nets)) {
			e := c.Nets[name]
			eps = append(eps, ep{e.EndpointID, e.NetworkID})
			put("endpoint/"+e.NetworkID+"/"+e.EndpointID, map[string]any{"ep_iface": map[string]any{"addr": fmt.Sprintf("%s/%d", e.IPAddress, e.IPPrefixLen), "dstPrefix": "eth", "mac": e.MacAddress, "routes": nil, "v4PoolID": "LocalDefault/" + poolOf(e.IPAddress, e.IPPrefixLen), "v6PoolID": ""},
				"exposed_ports": []any{}, "generic": map[string]any{"com.docker.network.endpoint.exposedports": []any{}, "com.docker.network.portmap": []any{}}, "id": e.EndpointID, "ingressPorts": []any{},
				"joinInfo": map[string]any{"StaticRoutes": nil, "disableGatewayService": false, "gw": e.Gateway}, "loadBalancer": false, "name": strings.TrimPrefix(c.Name, "/"), "sandbox": c.Sandbox, "svcAliases": []any{}, "svcID": "", "svcName": "", "virtualIP": "<nil>"})
		}
		put("sandbox/"+c.Sandbox, struct {
			ID, Cid    string
			Eps        []ep
			EpPriority map[string]int
			ExtDNS     []string
			ExtDNS2    []string
		}{c.Sandbox, c.ID, eps, map[string]int{}, nil, []string{}})
		if c.StartedAt.After(at) {
			at = c.StartedAt
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.networks)) {
		n := w.networks[id]
		v := map[string]any{"addrSpace": "", "attachable": n.Attachable, "configFrom": "", "configOnly": false, "created": n.Created.UTC().Format(time.RFC3339Nano), "enableIPv6": n.EnableIPv6,
			"generic": map[string]any{"com.docker.network.generic": n.Options}, "id": id, "inDelete": false, "ingress": n.Ingress, "internal": n.Internal, "ipamOptions": nil, "ipamType": "default",
			"labels": n.Labels, "loadBalancerIP": "", "loadBalancerMode": "NAT", "name": n.Name, "networkType": cmp.Or(n.Driver, "null"), "persist": true, "postIPv6": false, "scope": "local"}
		if n.subnet.IsValid() {
			v["addrSpace"] = "LocalDefault"
			v["ipamV4Config"] = fmt.Sprintf(`[{"PreferredPool":%q,"SubPool":"","Gateway":%q,"AuxAddresses":null}]`, n.subnet, n.gateway)
		}
		put("network/"+id, v)
		if n.Created.After(at) {
			at = n.Created
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	w.rootFile(at, w.host.facts.Root+"/network/files/local-kv.db", 0o644, string(boltFile("libnetwork", pairs, 65536)))
}

// poolOf is the network that an address lies in.
func poolOf(addr string, bits int) string {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return ""
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// member is a member of a JSON object, object one whose members keep their order.
type member struct {
	name  string
	value any
}

type object []member

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, f := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, f.name)
		v, err := json.Marshal(f.value)
		if err != nil {
			return nil, err
		}
		b = append(append(b, ':'), v...)
	}
	return append(b, '}'), nil
}

// configV2 is config.v2.json.
func (w *World) configV2(c *Container) string {
	era := w.host.cfg.Release.Era
	state := object{{"Running", c.Running}, {"Paused", c.Paused}, {"Restarting", c.Restarting}, {"OOMKilled", c.OOMKilled}}
	if era < 28 {
		state = append(state, member{"RemovalInProgress", c.removing})
	}
	state = append(state, object{{"Dead", c.Dead}, {"Pid", c.pidOf()}, {"ExitCode", c.ExitCode}, {"Error", c.Error}, {"StartedAt", c.StartedAt}, {"FinishedAt", c.FinishedAt}, {"Health", nil}}...)
	if c.health != nil {
		state[len(state)-1].value = c.health.api()
	}
	nets := object{}
	for _, n := range slices.Sorted(maps.Keys(c.Nets)) {
		e := c.Nets[n]
		o := object{{"IPAMConfig", e.IPAMConfig}, {"Links", e.Links}, {"Aliases", e.Aliases}}
		if era >= 26 {
			o = append(o, member{"MacAddress", e.MacAddress})
		}
		if era >= 28 {
			o = append(o, object{{"DriverOpts", e.DriverOpts}, {"GwPriority", e.GwPriority}}...)
		}
		o = append(o, object{{"NetworkID", e.NetworkID}, {"EndpointID", e.EndpointID}, {"Gateway", e.Gateway}, {"IPAddress", e.IPAddress}, {"IPPrefixLen", e.IPPrefixLen},
			{"IPv6Gateway", ""}, {"GlobalIPv6Address", ""}, {"GlobalIPv6PrefixLen", 0}}...)
		if era < 26 {
			o = append(o, member{"MacAddress", e.MacAddress})
		}
		if era < 28 {
			o = append(o, member{"DriverOpts", e.DriverOpts})
		}
		if era >= 26 {
			o = append(o, member{"DNSNames", e.DNSNames})
		}
		o = append(o, member{"IPAMOperational", false})
		if era >= 26 {
			o = append(o, member{"DesiredMacAddress", ""})
		}
		nets = append(nets, member{n, o})
	}
	key := ""
	if c.Sandbox != "" {
		key = "/var/run/docker/netns/" + c.Sandbox[:12]
	}
	settings := object{{"Bridge", ""}, {"SandboxID", c.Sandbox}}
	if era >= 26 {
		settings = append(settings, member{"SandboxKey", key})
	}
	settings = append(settings, object{{"HairpinMode", false}, {"LinkLocalIPv6Address", ""}, {"LinkLocalIPv6PrefixLen", 0}, {"Networks", nets}, {"Service", nil}, {"Ports", c.Ports}}...)
	if era < 26 {
		settings = append(settings, member{"SandboxKey", key})
	}
	settings = append(settings, object{{"SecondaryIPAddresses", nil}, {"SecondaryIPv6Addresses", nil}}...)
	if era < 26 {
		settings = append(settings, member{"IsAnonymousEndpoint", false})
	}
	settings = append(settings, member{"HasSwarmEndpoint", false})
	points := object{}
	for _, m := range c.Mounts {
		src := m.Source
		if m.anonymous {
			src = ""
		}
		p := object{{"Source", src}, {"Destination", m.Destination}, {"RW", m.RW}, {"Name", m.Name}, {"Driver", m.Driver}, {"Type", m.Type}}
		if m.Mode != "" {
			p = append(p, member{"Relabel", m.Mode})
		}
		if m.Propagation != "" {
			p = append(p, member{"Propagation", m.Propagation})
		}
		spec := any(m.Spec)
		switch {
		case m.anonymous:
			spec = object{}
		case m.Spec == nil:
			spec = object{{"Type", m.Type}, {"Source", cmp.Or(m.Name, m.Source)}, {"Target", m.Destination}}
		}
		points = append(points, member{m.Destination, append(p, object{{"Spec", spec}, {"SkipMountpointCreation", false}}...)})
	}
	dir := w.host.facts.Root + "/containers/" + c.ID
	at := func(name string, is bool) string {
		if is {
			return dir + "/" + name
		}
		return ""
	}
	log := ""
	if t := c.Host.LogConfig.Type; c.startedBefore && (t == "" || t == "json-file") {
		log = logPath(c.ID)
	}
	armor := ""
	if c.startedBefore && !w.host.cfg.Release.Debian {
		armor = onlyElse(c.Host.Privileged, "unconfined", "docker-default")
	}
	args := c.Args
	if args == nil {
		args = []string{}
	}
	up := c.startedBefore || c.wired
	o := object{{"StreamConfig", object{}}, {"State", state}, {"ID", c.ID}, {"Created", c.Created}, {"Managed", false}, {"Path", c.Path}, {"Args", args}, {"Config", c.Config}, {"Image", c.ImageID}}
	if era >= 28 {
		o = append(o, member{"ImageManifest", nil})
	}
	o = append(o, object{{"NetworkSettings", settings}, {"LogPath", log}, {"Name", c.Name}, {"Driver", "overlay2"}, {"OS", "linux"}}...)
	if era >= 28 {
		o = append(o, member{"ImagePlatform", object{{"architecture", "amd64"}, {"os", "linux"}}})
	} else {
		o = append(o, object{{"MountLabel", ""}, {"ProcessLabel", ""}}...)
	}
	o = append(o, object{{"RestartCount", c.RestartCount}, {"HasBeenStartedBefore", c.startedBefore}, {"HasBeenManuallyStopped", c.stopped}, {"MountPoints", points}, {"SecretReferences", nil}, {"ConfigReferences", nil}}...)
	files := object{{"HostnamePath", at("hostname", up)}, {"HostsPath", at("hosts", up)}, {"ShmPath", ""}, {"ResolvConfPath", at("resolv.conf", up)}}
	if era >= 28 {
		o = append(o, object{{"MountLabel", ""}, {"ProcessLabel", ""}, {"AppArmorProfile", armor}, {"SeccompProfile", ""}, {"NoNewPrivileges", false}, {"WritableCgroups", nil}}...)
		o = append(o, files...)
	} else {
		o = append(o, member{"AppArmorProfile", armor})
		o = append(o, files...)
		o = append(o, object{{"SeccompProfile", ""}, {"NoNewPrivileges", false}}...)
	}
	o = append(o, member{"LocalLogCacheMeta", object{{"HaveNotifyEnabled", false}}})
	b, err := json.Marshal(o)
	if err != nil {
		return "{}"
	}
	return string(b)
}

// hostConfigFile is hostconfig.json.
func (w *World) hostConfigFile(c *Container) string {
	b, err := json.Marshal(c.Host)
	if err != nil {
		return "{}"
	}
	s := string(b)
	if w.host.cfg.Release.Era < 26 {
		size, err := json.Marshal(c.Host.ConsoleSize)
		if err == nil {
			f := `"ConsoleSize":` + string(size) + ","
			s = strings.Replace(strings.Replace(s, f, "", 1), `"Isolation":`, f+`"Isolation":`, 1)
		}
		s = strings.Replace(s, `"MemoryReservation":`, `"KernelMemory":0,"KernelMemoryTCP":0,"MemoryReservation":`, 1)
	}
	return s
}
