package engineapi

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/server/httputils"
	"github.com/docker/docker/api/server/router"
	"github.com/docker/docker/api/server/router/build"
	"github.com/docker/docker/api/server/router/checkpoint"
	"github.com/docker/docker/api/server/router/container"
	"github.com/docker/docker/api/server/router/image"
	"github.com/docker/docker/api/server/router/network"
	"github.com/docker/docker/api/server/router/plugin"
	"github.com/docker/docker/api/server/router/swarm"
	"github.com/docker/docker/api/server/router/system"
	"github.com/docker/docker/api/server/router/volume"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/backend"
	containertypes "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	imagetypes "github.com/docker/docker/api/types/image"
	networktypes "github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/registry"
	volumetypes "github.com/docker/docker/api/types/volume"
	dockerimage "github.com/docker/docker/image"
	"github.com/docker/docker/pkg/jsonmessage"
	"github.com/docker/docker/pkg/streamformatter"
	"github.com/docker/docker/pkg/sysinfo"
	dockerplugin "github.com/docker/docker/plugin"
	"github.com/docker/docker/runconfig"
	"github.com/moby/go-archive"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whalefall/whalefall/internal/persona"
)

// table is a world's handlers, in the order of Server.routes.
type table struct {
	handlers []httputils.APIFunc
}

// routersOf makes Docker's routers over a daemon, in dockerd's order. Those that
// would touch this machine or this process are not among them: session, grpc,
// distribution and debug are ours.
func routersOf(d *Daemon, p *persona.Persona) []router.Router {
	si := *capable
	si.CPUShares = p.Era >= persona.Era28 // it refuses negative ones, earlier releases do at the start
	decoder := runconfig.ContainerDecoder{GetSysInfo: func() *sysinfo.SysInfo { return &si }}
	vols := volume.Backend(d.Volumes)
	if p.Era == persona.Era20 {
		vols = volumes20{d.Volumes}
	}
	return []router.Router{
		checkpoint.NewRouter(d.Checkpoints, decoder),
		container.NewRouter(containers{d.Containers, p}, decoder, p.CgroupV2),
		image.NewRouter(images{d.Images, d.Containers, p}, d.Images),
		system.NewRouter(systems{d.System}, d.Swarm, d.Build, func() map[string]bool { return nil }),
		volume.NewRouter(vols, noClusterVolumes{}),
		build.NewRouter(builds{d.Build}, stable{}),
		swarm.NewRouter(d.Swarm),
		plugin.NewRouter(plugins{d.Plugins}),
		network.NewRouter(networks{d.Networks, p}, noClusterNetworks{}),
	}
}

// handlersOf makes the table of a daemon once.
func (s *Server) handlersOf(d *Daemon) *table {
	d.once.Do(func() {
		t := &table{}
		for _, r := range routersOf(d, s.p) {
			for _, route := range r.Routes() {
				t.handlers = append(t.handlers, route.Handler())
			}
		}
		d.table = t
	})
	return d.table
}

// capable is a host that can do everything, so that the decoder never refuses for
// the machine it runs on; what the virtual host cannot do is the world's to say.
var capable = func() *sysinfo.SysInfo {
	si := &sysinfo.SysInfo{AppArmor: true, Seccomp: true, CgroupNamespaces: true, CgroupDevicesEnabled: true}
	si.MemoryLimit, si.SwapLimit, si.MemoryReservation, si.OomKillDisable, si.MemorySwappiness, si.KernelMemory = true, true, true, true, true, true
	si.CPUShares, si.CPUCfs, si.CPURealtime = true, true, true
	si.BlkioWeight, si.BlkioWeightDevice, si.Cpuset, si.PidsLimit = true, true, true, true
	return si
}()

// stable is a daemon without experimental features.
type stable struct{}

func (stable) HasExperimental() bool { return false }

// The adapters below put the release's own habits on what a world says: what is null,
// what is an empty list, what only some releases show.

type containers struct {
	ContainerBackend
	p *persona.Persona
}

// dockerRoot is where the daemon keeps its state: a bind of a directory above it is
// made a slave, or the container would hold the daemon's own mounts.
const dockerRoot = "/var/lib/docker"

func (c containers) ContainerInspect(ctx context.Context, name string, o backend.ContainerInspectOptions) (*containertypes.InspectResponse, error) {
	in, err := c.ContainerBackend.ContainerInspect(ctx, name, o)
	if err != nil || in.ContainerJSONBase == nil {
		return in, err
	}
	if c.p.Era >= persona.Era28 && in.GraphDriver.Data != nil {
		data := maps.Clone(in.GraphDriver.Data)
		data["ID"] = in.ID
		in.GraphDriver.Data = data
	}
	if hc := in.HostConfig; hc != nil && !c.p.CgroupV2 && hc.OomKillDisable == nil {
		own, no := *hc, false
		own.OomKillDisable = &no
		in.HostConfig = &own
	}
	in.Mounts = slaves(in.Mounts)
	if ns := in.NetworkSettings; ns != nil && c.p.Era >= persona.Era28 && in.State != nil && !in.State.Running {
		// Since 28 a sandbox is forgotten when it is gone.
		own := *ns
		own.SandboxID, own.SandboxKey = "", ""
		in.NetworkSettings = &own
	}
	return in, nil
}

func (c containers) Containers(ctx context.Context, o *containertypes.ListOptions) ([]*containertypes.Summary, error) {
	l, err := c.ContainerBackend.Containers(ctx, o)
	for _, x := range l {
		x.Mounts = slaves(x.Mounts)
	}
	return l, err
}

func slaves(ms []containertypes.MountPoint) []containertypes.MountPoint {
	for i, m := range ms {
		if m.Type == "bind" && m.Propagation == "rprivate" && (m.Source == "/" || m.Source == dockerRoot || strings.HasPrefix(dockerRoot, m.Source+"/")) {
			ms = slices.Clone(ms)
			ms[i].Propagation = "rslave"
		}
	}
	return ms
}

func (c containers) ContainersPrune(ctx context.Context, f filters.Args) (*containertypes.PruneReport, error) {
	r, err := c.ContainerBackend.ContainersPrune(ctx, f)
	if r != nil && len(r.ContainersDeleted) == 0 {
		r.ContainersDeleted = nil
	}
	return r, err
}

func (c containers) ContainerChanges(ctx context.Context, name string) ([]archive.Change, error) {
	cs, err := c.ContainerBackend.ContainerChanges(ctx, name)
	if err != nil || len(cs) == 0 {
		// The daemon's answer to nothing is null.
		return nil, err
	}
	out := make([]archive.Change, len(cs))
	for i, x := range cs {
		out[i] = archive.Change{Path: x.Path, Kind: archive.ChangeType(x.Kind)}
	}
	return out, nil
}

// ContainerAttach tells the backend when the client is gone: our connections are
// no syscall.Conn on purpose, since Docker's own way holds a thread a client.
func (c containers) ContainerAttach(name string, cfg *backend.ContainerAttachConfig) error {
	done := make(chan struct{})
	defer close(done)
	get := cfg.GetStreams
	own := *cfg
	own.GetStreams = func(multiplexed bool, cancel func()) (io.ReadCloser, io.Writer, io.Writer, error) {
		in, out, errw, err := get(multiplexed, cancel)
		if g, ok := out.(interface{ Gone() <-chan struct{} }); ok && err == nil && cancel != nil {
			go func() {
				select {
				case <-g.Gone():
					cancel()
				case <-done:
				}
			}()
		}
		return in, out, errw, err
	}
	return c.ContainerBackend.ContainerAttach(name, &own)
}

type images struct {
	ImageBackend
	containers ContainerBackend
	p          *persona.Persona
}

// Images counts the containers of each image, which 28 tells its newest clients.
func (i images) Images(ctx context.Context, o imagetypes.ListOptions) ([]*imagetypes.Summary, error) {
	l, err := i.ImageBackend.Images(ctx, o)
	count := map[string]int64{}
	if i.p.Era >= persona.Era28 && err == nil && len(l) > 0 {
		if cs, cerr := i.containers.Containers(ctx, &containertypes.ListOptions{All: true}); cerr == nil {
			for _, c := range cs {
				count[c.ImageID]++
			}
		}
	}
	for _, x := range l {
		nilDigests(x)
		if i.p.Era >= persona.Era28 {
			x.Containers = count[x.ID]
		}
	}
	return l, err
}

// builds tells the client the status of a build's failed program, which moby's router
// finds in an error of this type alone.
type builds struct{ BuildBackend }

func (b builds) Build(ctx context.Context, c backend.BuildConfig) (string, error) {
	id, err := b.BuildBackend.Build(ctx, c)
	if coded, ok := err.(interface{ Code() int }); ok {
		err = &jsonmessage.JSONError{Code: coded.Code(), Message: err.Error()}
	}
	return id, err
}

// tarFailed is what releases before 26 put before an error of the archive.
const tarFailed = "Error processing tar file(exit status 1): "

func (i images) unwrapTar(err error) error {
	if err != nil && i.p.Era > persona.Era20 && strings.HasPrefix(err.Error(), tarFailed) {
		return errors.New(strings.TrimPrefix(err.Error(), tarFailed))
	}
	return err
}

// LoadImage words its errors by the release.
func (i images) LoadImage(ctx context.Context, in io.ReadCloser, platform *ocispec.Platform, out io.Writer, quiet bool) error {
	return i.unwrapTar(i.ImageBackend.LoadImage(ctx, in, platform, out, quiet))
}

// nilDigests: an image without digests has none, and the router decides how that looks.
func nilDigests(s *imagetypes.Summary) {
	if len(s.RepoDigests) == 0 {
		s.RepoDigests = nil
	}
}

// ExportImage names a missing image as it was asked for.
func (i images) ExportImage(ctx context.Context, names []string, platform *ocispec.Platform, out io.Writer) error {
	err := i.ImageBackend.ExportImage(ctx, names, platform, out)
	if err != nil {
		for _, n := range names {
			if err.Error() == "No such image: "+n+":latest" {
				return notFound{errors.New("No such image: " + n)}
			}
		}
	}
	return err
}

// PushImage says which repository it is about before it looks for the image.
func (i images) PushImage(ctx context.Context, ref reference.Named, platform *ocispec.Platform, h map[string][]string, a *registry.AuthConfig, out io.Writer) error {
	n := &counter{w: out}
	err := i.ImageBackend.PushImage(ctx, ref, platform, h, a, n)
	if err != nil && n.n == 0 && strings.HasPrefix(err.Error(), "An image does not exist locally") {
		_, _ = out.Write(streamformatter.FormatStatus("", "The push refers to repository [%s]", ref.Name()))
	}
	return err
}

type counter struct {
	w io.Writer
	n int
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += len(p)
	return c.w.Write(p)
}

type systems struct{ SystemBackend }

func (s systems) SystemDiskUsage(ctx context.Context, o backend.DiskUsageOptions) (*backend.DiskUsage, error) {
	du, err := s.SystemBackend.SystemDiskUsage(ctx, o)
	if du != nil && du.Images != nil {
		for _, x := range du.Images.Items {
			nilDigests(x)
		}
	}
	return du, err
}

type networks struct {
	NetworkBackend
	p *persona.Persona
}

// GetNetworks: a network without addresses has an empty list of them in 20.10 and
// none since.
func (n networks) GetNetworks(f filters.Args, c backend.NetworkListConfig) ([]networktypes.Inspect, error) {
	l, err := n.NetworkBackend.GetNetworks(f, c)
	for i := range l {
		if len(l[i].IPAM.Config) == 0 && n.p.Era > persona.Era20 {
			l[i].IPAM.Config = nil
		}
	}
	return l, err
}

func (i images) GetImage(ctx context.Context, refOrID string, _ backend.GetImageOpts) (*dockerimage.Image, error) {
	id, err := i.ImageID(ctx, refOrID)
	if err != nil {
		return nil, err
	}
	return dockerimage.NewImage(dockerimage.ID(id)), nil
}

func (i images) TagImage(ctx context.Context, id dockerimage.ID, ref reference.Named) error {
	return i.ImageBackend.TagImage(ctx, id.String(), ref)
}

func (i images) ImportImage(ctx context.Context, ref reference.Named, platform *ocispec.Platform, msg string, r io.Reader, changes []string) (dockerimage.ID, error) {
	id, err := i.ImageBackend.ImportImage(ctx, ref, platform, msg, r, changes)
	return dockerimage.ID(id), err
}

type plugins struct{ PluginBackend }

func (p plugins) Privileges(ctx context.Context, ref reference.Named, h http.Header, a *registry.AuthConfig) (types.PluginPrivileges, error) {
	return p.PluginBackend.Privileges(ctx, ref, h, a)
}

func (p plugins) Pull(ctx context.Context, ref reference.Named, name string, h http.Header, a *registry.AuthConfig, pr types.PluginPrivileges, out io.Writer, _ ...dockerplugin.CreateOpt) error {
	return p.PluginBackend.Pull(ctx, ref, name, h, a, pr, out)
}

func (p plugins) Push(ctx context.Context, name string, h http.Header, a *registry.AuthConfig, out io.Writer) error {
	return p.PluginBackend.Push(ctx, name, h, a, out)
}

func (p plugins) Upgrade(ctx context.Context, ref reference.Named, name string, h http.Header, a *registry.AuthConfig, pr types.PluginPrivileges, out io.Writer) error {
	return p.PluginBackend.Upgrade(ctx, ref, name, h, a, pr, out)
}

// volumes20 prunes as 20.10 does: every unused volume, named or not. Today's router
// says so by a filter that release does not know.
type volumes20 struct{ VolumeBackend }

func (v volumes20) Prune(ctx context.Context, f filters.Args) (*volumetypes.PruneReport, error) {
	f = f.Clone()
	for _, x := range f.Get("all") {
		f.Del("all", x)
	}
	return v.VolumeBackend.Prune(ctx, f)
}

// noClusterVolumes is a node that keeps no cluster volumes.
type noClusterVolumes struct{}

func (noClusterVolumes) IsManager() bool { return false }
func (noClusterVolumes) GetVolume(n string) (volumetypes.Volume, error) {
	return volumetypes.Volume{}, errNotFound("volume " + n + " not found")
}
func (noClusterVolumes) GetVolumes(volumetypes.ListOptions) ([]*volumetypes.Volume, error) {
	return nil, nil
}
func (noClusterVolumes) CreateVolume(volumetypes.CreateOptions) (*volumetypes.Volume, error) {
	return nil, errNoSwarm
}
func (noClusterVolumes) RemoveVolume(n string, _ bool) error {
	return errNotFound("volume " + n + " not found")
}
func (noClusterVolumes) UpdateVolume(string, uint64, volumetypes.UpdateOptions) error {
	return errNoSwarm
}

// noClusterNetworks: the cluster's networks are among the daemon's.
type noClusterNetworks struct{}

func (noClusterNetworks) GetNetworks(filters.Args) ([]networktypes.Inspect, error) { return nil, nil }
func (noClusterNetworks) GetNetwork(n string) (networktypes.Inspect, error) {
	return networktypes.Inspect{}, errNotFound("network " + n + " not found")
}
func (noClusterNetworks) GetNetworksByName(string) ([]networktypes.Inspect, error) { return nil, nil }
func (noClusterNetworks) CreateNetwork(networktypes.CreateRequest) (string, error) {
	return "", errNoSwarm
}
func (noClusterNetworks) RemoveNetwork(n string) error {
	return errNotFound("network " + n + " not found")
}
