package engineapi

import (
	"context"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/checkpoint"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/registry"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/volume/service/opts"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Worlds finds the daemon that answers a request.
type Worlds interface {
	// Daemon returns the daemon for a caller. Where q.Changes is false and none of
	// q.Names is known in another world, that is the source's own world if it has
	// one and the base host otherwise; where q.Changes is true, the source's world
	// is made if there is none. The same world is the same *Daemon each time: its
	// table of handlers hangs on it. It never returns nil without an error.
	Daemon(ctx context.Context, c Caller, q Query) (*Daemon, error)
}

// Contexter is a Worlds that wants something of its own in the context that the
// backends' methods get.
type Contexter interface {
	Context(ctx context.Context, c Caller) context.Context
}

// Caller says who asks. The sensor fills it in; nothing in it comes from the
// request's own words.
type Caller struct {
	Source netip.Addr
	Port   uint16
	Local  netip.AddrPort
	Conn   string // the connection's id, as record gives it
	Req    uint32 // the request's number on it
	// Gone is closed when the client has left; nil when nobody can tell.
	Gone <-chan struct{}
}

// Query says what a request is about, as far as the choice of a world needs it.
type Query struct {
	Method string
	Route  string // the route's pattern without the version, "/containers/{name:.*}/start"
	// Changes tells that the route changes something (every method but GET, HEAD
	// and OPTIONS, and not /auth, /session, /grpc).
	Changes bool
	// Names are the names and ids in the path, and in the query's values that hold
	// such (container, repo, fromImage, ...), unquoted.
	Names []string
}

type callerKey struct{}

// CallerFrom returns the caller that a request's context carries. The backends'
// methods that take no context get theirs by the *Daemon they belong to.
func CallerFrom(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok
}

// WithCaller returns a context that carries a caller.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// Daemon is a virtual Docker daemon: one backend a resource, each of them the
// interface that Docker's own router declares, with its types where those are
// plain and with plain ones where they are not (an image's id is a string, a
// change is a container.FilesystemChange). Errors are of containerd's errdefs
// kinds and carry the daemon's text of the newest release; the server turns
// kinds into statuses and words by its persona's dialect.
//
// All backends must be set, and safe for use by many goroutines.
type Daemon struct {
	Containers   ContainerBackend
	Images       ImageBackend
	Networks     NetworkBackend
	Volumes      VolumeBackend
	Swarm        SwarmBackend
	System       SystemBackend
	Build        BuildBackend
	Plugins      PluginBackend
	Checkpoints  CheckpointBackend
	Distribution DistributionBackend

	once  sync.Once
	table *table // made at the first request
}

// ContainerBackend is daemon.Daemon's part for api/server/router/container.
type ContainerBackend interface {
	ContainerExecCreate(name string, options *container.ExecOptions) (string, error)
	ContainerExecInspect(id string) (*backend.ExecInspect, error)
	ContainerExecResize(ctx context.Context, name string, height, width uint32) error
	ContainerExecStart(ctx context.Context, name string, options backend.ExecStartConfig) error
	ExecExists(name string) (bool, error)

	ContainerArchivePath(name string, path string) (content io.ReadCloser, stat *container.PathStat, err error)
	ContainerExport(ctx context.Context, name string, out io.Writer) error
	ContainerExtractToDir(name, path string, copyUIDGID, noOverwriteDirNonDir bool, content io.Reader) error
	ContainerStatPath(name string, path string) (stat *container.PathStat, err error)

	ContainerCreate(ctx context.Context, config backend.ContainerCreateConfig) (container.CreateResponse, error)
	ContainerKill(name string, signal string) error
	ContainerPause(name string) error
	ContainerRename(oldName, newName string) error
	ContainerResize(ctx context.Context, name string, height, width uint32) error
	ContainerRestart(ctx context.Context, name string, options container.StopOptions) error
	ContainerRm(name string, config *backend.ContainerRmConfig) error
	ContainerStart(ctx context.Context, name string, checkpoint string, checkpointDir string) error
	ContainerStop(ctx context.Context, name string, options container.StopOptions) error
	ContainerUnpause(name string) error
	ContainerUpdate(name string, hostConfig *container.HostConfig) (container.UpdateResponse, error)
	ContainerWait(ctx context.Context, name string, condition container.WaitCondition) (<-chan container.StateStatus, error)

	ContainerChanges(ctx context.Context, name string) ([]container.FilesystemChange, error)
	ContainerInspect(ctx context.Context, name string, options backend.ContainerInspectOptions) (*container.InspectResponse, error)
	ContainerLogs(ctx context.Context, name string, config *container.LogsOptions) (msgs <-chan *backend.LogMessage, tty bool, err error)
	ContainerStats(ctx context.Context, name string, config *backend.ContainerStatsConfig) error
	ContainerTop(name string, psArgs string) (*container.TopResponse, error)
	Containers(ctx context.Context, config *container.ListOptions) ([]*container.Summary, error)

	ContainerAttach(name string, c *backend.ContainerAttachConfig) error
	ContainersPrune(ctx context.Context, pruneFilters filters.Args) (*container.PruneReport, error)
	CreateImageFromContainer(ctx context.Context, name string, config *backend.CreateImageConfig) (imageID string, err error)
}

// AsSentKeeper takes into the context of a create what of its body 28's router drops
// and 20.10's daemon kept: that no host configuration was sent, and the console's size.
type AsSentKeeper interface {
	KeepSent(ctx context.Context, noHostConfig bool, consoleSize [2]uint) context.Context
}

// HostConfigSetter is a ContainerBackend that can be given a created container's
// host configuration anew, as releases before 28 did when a client older than
// API 1.24 sent one with the start.
type HostConfigSetter interface {
	ContainerSetHostConfig(name string, hostConfig *container.HostConfig) error
}

// ImageBackend is the image service's part for api/server/router/image.
type ImageBackend interface {
	ImageDelete(ctx context.Context, imageRef string, options image.RemoveOptions) ([]image.DeleteResponse, error)
	ImageHistory(ctx context.Context, imageName string, platform *ocispec.Platform) ([]*image.HistoryResponseItem, error)
	Images(ctx context.Context, opts image.ListOptions) ([]*image.Summary, error)
	// ImageID resolves a reference or id ("sha256:..." comes back).
	ImageID(ctx context.Context, refOrID string) (string, error)
	ImageInspect(ctx context.Context, refOrID string, options backend.ImageInspectOpts) (*image.InspectResponse, error)
	TagImage(ctx context.Context, id string, newRef reference.Named) error
	ImagesPrune(ctx context.Context, pruneFilters filters.Args) (*image.PruneReport, error)

	LoadImage(ctx context.Context, inTar io.ReadCloser, platform *ocispec.Platform, outStream io.Writer, quiet bool) error
	ImportImage(ctx context.Context, ref reference.Named, platform *ocispec.Platform, msg string, layerReader io.Reader, changes []string) (string, error)
	ExportImage(ctx context.Context, names []string, platform *ocispec.Platform, outStream io.Writer) error
	// FetchImport answers for the URL of a `docker import`. It never dials: what
	// comes back is made up, or was fetched by the operator's own leave. size is -1
	// where it is not known.
	FetchImport(ctx context.Context, url string) (body io.ReadCloser, size int64, err error)

	PullImage(ctx context.Context, ref reference.Named, platform *ocispec.Platform, metaHeaders map[string][]string, authConfig *registry.AuthConfig, outStream io.Writer) error
	PushImage(ctx context.Context, ref reference.Named, platform *ocispec.Platform, metaHeaders map[string][]string, authConfig *registry.AuthConfig, outStream io.Writer) error
	Search(ctx context.Context, searchFilters filters.Args, term string, limit int, authConfig *registry.AuthConfig, headers map[string][]string) ([]registry.SearchResult, error)
}

// NetworkBackend is the daemon's part for api/server/router/network. The
// cluster's networks are among GetNetworks' answers.
type NetworkBackend interface {
	GetNetworks(filters.Args, backend.NetworkListConfig) ([]network.Inspect, error)
	CreateNetwork(ctx context.Context, nc network.CreateRequest) (*network.CreateResponse, error)
	ConnectContainerToNetwork(ctx context.Context, containerName, networkName string, endpointConfig *network.EndpointSettings) error
	DisconnectContainerFromNetwork(containerName string, networkName string, force bool) error
	DeleteNetwork(networkID string) error
	NetworksPrune(ctx context.Context, pruneFilters filters.Args) (*network.PruneReport, error)
}

// VolumeBackend is the volume service's part for api/server/router/volume.
type VolumeBackend interface {
	List(ctx context.Context, filter filters.Args) ([]*volume.Volume, []string, error)
	Get(ctx context.Context, name string, opts ...opts.GetOption) (*volume.Volume, error)
	Create(ctx context.Context, name, driverName string, opts ...opts.CreateOption) (*volume.Volume, error)
	Remove(ctx context.Context, name string, opts ...opts.RemoveOption) error
	Prune(ctx context.Context, pruneFilters filters.Args) (*volume.PruneReport, error)
}

// SwarmBackend is cluster.Cluster's part for api/server/router/swarm.
type SwarmBackend interface {
	Info(context.Context) swarm.Info
	// Status is what _ping's Swarm header says: inactive, active/manager, ...
	Status() string

	Init(req swarm.InitRequest) (string, error)
	Join(req swarm.JoinRequest) error
	Leave(ctx context.Context, force bool) error
	Inspect() (swarm.Swarm, error)
	Update(uint64, swarm.Spec, swarm.UpdateFlags) error
	GetUnlockKey() (string, error)
	UnlockSwarm(req swarm.UnlockRequest) error
	GetServices(swarm.ServiceListOptions) ([]swarm.Service, error)
	GetService(idOrName string, insertDefaults bool) (swarm.Service, error)
	CreateService(swarm.ServiceSpec, string, bool) (*swarm.ServiceCreateResponse, error)
	UpdateService(string, uint64, swarm.ServiceSpec, swarm.ServiceUpdateOptions, bool) (*swarm.ServiceUpdateResponse, error)
	RemoveService(string) error
	ServiceLogs(context.Context, *backend.LogSelector, *container.LogsOptions) (<-chan *backend.LogMessage, error)
	GetNodes(swarm.NodeListOptions) ([]swarm.Node, error)
	GetNode(string) (swarm.Node, error)
	UpdateNode(string, uint64, swarm.NodeSpec) error
	RemoveNode(string, bool) error
	GetTasks(swarm.TaskListOptions) ([]swarm.Task, error)
	GetTask(string) (swarm.Task, error)
	GetSecrets(opts swarm.SecretListOptions) ([]swarm.Secret, error)
	CreateSecret(s swarm.SecretSpec) (string, error)
	RemoveSecret(idOrName string) error
	GetSecret(id string) (swarm.Secret, error)
	UpdateSecret(idOrName string, version uint64, spec swarm.SecretSpec) error
	GetConfigs(opts swarm.ConfigListOptions) ([]swarm.Config, error)
	CreateConfig(s swarm.ConfigSpec) (string, error)
	RemoveConfig(id string) error
	GetConfig(id string) (swarm.Config, error)
	UpdateConfig(idOrName string, version uint64, spec swarm.ConfigSpec) error
}

// SystemBackend is the daemon's part for api/server/router/system. Of
// SystemVersion only KernelVersion and Arch are read: the rest is the persona's.
type SystemBackend interface {
	SystemInfo(context.Context) (*system.Info, error)
	SystemVersion(context.Context) (types.Version, error)
	SystemDiskUsage(ctx context.Context, opts backend.DiskUsageOptions) (*backend.DiskUsage, error)
	SubscribeToEvents(since, until time.Time, ef filters.Args) ([]events.Message, chan interface{})
	UnsubscribeFromEvents(chan interface{})
	AuthenticateToRegistry(ctx context.Context, authConfig *registry.AuthConfig) (string, string, error)
}

// BuildBackend is the builder's part for api/server/router/build and the
// system's df.
type BuildBackend interface {
	Build(context.Context, backend.BuildConfig) (string, error)
	PruneCache(context.Context, build.CachePruneOptions) (*build.CachePruneReport, error)
	Cancel(context.Context, string) error
	DiskUsage(context.Context) ([]*build.CacheRecord, error)
}

// PluginBackend is the plugin manager's part for api/server/router/plugin.
type PluginBackend interface {
	Disable(name string, config *backend.PluginDisableConfig) error
	Enable(name string, config *backend.PluginEnableConfig) error
	List(filters.Args) ([]types.Plugin, error)
	Inspect(name string) (*types.Plugin, error)
	Remove(name string, config *backend.PluginRmConfig) error
	Set(name string, args []string) error
	Privileges(ctx context.Context, ref reference.Named, metaHeaders map[string][]string, authConfig *registry.AuthConfig) (types.PluginPrivileges, error)
	Pull(ctx context.Context, ref reference.Named, name string, metaHeaders map[string][]string, authConfig *registry.AuthConfig, privileges types.PluginPrivileges, outStream io.Writer) error
	Push(ctx context.Context, name string, metaHeaders map[string][]string, authConfig *registry.AuthConfig, outStream io.Writer) error
	Upgrade(ctx context.Context, ref reference.Named, name string, metaHeaders map[string][]string, authConfig *registry.AuthConfig, privileges types.PluginPrivileges, outStream io.Writer) error
	CreateFromContext(ctx context.Context, tarCtx io.ReadCloser, options *types.PluginCreateOptions) error
}

// CheckpointBackend is the daemon's part for api/server/router/checkpoint.
type CheckpointBackend interface {
	CheckpointCreate(container string, config checkpoint.CreateOptions) error
	CheckpointDelete(container string, config checkpoint.DeleteOptions) error
	CheckpointList(container string, config checkpoint.ListOptions) ([]checkpoint.Summary, error)
}

// DistributionBackend answers /distribution/{name}/json.
type DistributionBackend interface {
	DistributionInfo(ctx context.Context, ref reference.Named, authConfig *registry.AuthConfig) (*registry.DistributionInspect, error)
}
