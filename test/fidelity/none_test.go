package fidelity

import (
	"context"
	"io"
	"time"

	cerrdefs "github.com/containerd/errdefs"
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

// none is a daemon that has nothing: what is left is the HTTP layer's own work.
type none struct{ kind string }

type kindError struct {
	kind error
	text string
}

func (e kindError) Error() string { return e.text }
func (e kindError) Unwrap() error { return e.kind }

func noSuch(what, name string) error {
	return kindError{cerrdefs.ErrNotFound, "No such " + what + ": " + name}
}

var errNone = kindError{cerrdefs.ErrNotFound, "nothing here"}

type noneContainer struct{}

func (noneContainer) ContainerExecCreate(name string, options *container.ExecOptions) (string, error) {
	var r0 string
	return r0, noSuch("container", name)
}

func (noneContainer) ContainerExecInspect(id string) (*backend.ExecInspect, error) {
	var r0 *backend.ExecInspect
	return r0, noSuch("exec instance", id)
}

func (noneContainer) ContainerExecResize(ctx context.Context, name string, height, width uint32) error {
	return noSuch("exec instance", name)
}

func (noneContainer) ContainerExecStart(ctx context.Context, name string, options backend.ExecStartConfig) error {
	return noSuch("exec instance", name)
}

func (noneContainer) ExecExists(name string) (bool, error) { var r0 bool; return r0, errNone }

func (noneContainer) ContainerArchivePath(name string, path string) (content io.ReadCloser, stat *container.PathStat, err error) {
	var r0 io.ReadCloser
	var r1 *container.PathStat
	return r0, r1, noSuch("container", name)
}

func (noneContainer) ContainerExport(ctx context.Context, name string, out io.Writer) error {
	return noSuch("container", name)
}

func (noneContainer) ContainerExtractToDir(name, path string, copyUIDGID, noOverwriteDirNonDir bool, content io.Reader) error {
	return noSuch("container", name)
}

func (noneContainer) ContainerStatPath(name string, path string) (stat *container.PathStat, err error) {
	var r0 *container.PathStat
	return r0, noSuch("container", name)
}

func (noneContainer) ContainerCreate(ctx context.Context, config backend.ContainerCreateConfig) (container.CreateResponse, error) {
	var r0 container.CreateResponse
	return r0, noImage(config.Config.Image)
}

func (noneContainer) ContainerKill(name string, signal string) error { return errNone }

func (noneContainer) ContainerPause(name string) error { return errNone }

func (noneContainer) ContainerRename(oldName, newName string) error { return errNone }

func (noneContainer) ContainerResize(ctx context.Context, name string, height, width uint32) error {
	return noSuch("container", name)
}

func (noneContainer) ContainerRestart(ctx context.Context, name string, options container.StopOptions) error {
	return noSuch("container", name)
}

func (noneContainer) ContainerRm(name string, config *backend.ContainerRmConfig) error {
	return noSuch("container", name)
}

func (noneContainer) ContainerStart(ctx context.Context, name string, checkpoint string, checkpointDir string) error {
	return noSuch("container", name)
}

func (noneContainer) ContainerStop(ctx context.Context, name string, options container.StopOptions) error {
	return noSuch("container", name)
}

func (noneContainer) ContainerUnpause(name string) error { return errNone }

func (noneContainer) ContainerUpdate(name string, hostConfig *container.HostConfig) (container.UpdateResponse, error) {
	var r0 container.UpdateResponse
	return r0, noSuch("container", name)
}

func (noneContainer) ContainerWait(ctx context.Context, name string, condition container.WaitCondition) (<-chan container.StateStatus, error) {
	var r0 <-chan container.StateStatus
	return r0, noSuch("container", name)
}

func (noneContainer) ContainerChanges(ctx context.Context, name string) ([]container.FilesystemChange, error) {
	var r0 []container.FilesystemChange
	return r0, noSuch("container", name)
}

func (noneContainer) ContainerInspect(ctx context.Context, name string, options backend.ContainerInspectOptions) (*container.InspectResponse, error) {
	var r0 *container.InspectResponse
	return r0, noSuch("container", name)
}

func (noneContainer) ContainerLogs(ctx context.Context, name string, config *container.LogsOptions) (msgs <-chan *backend.LogMessage, tty bool, err error) {
	var r0 <-chan *backend.LogMessage
	var r1 bool
	return r0, r1, noSuch("container", name)
}

func (noneContainer) ContainerStats(ctx context.Context, name string, config *backend.ContainerStatsConfig) error {
	return noSuch("container", name)
}

func (noneContainer) ContainerTop(name string, psArgs string) (*container.TopResponse, error) {
	var r0 *container.TopResponse
	return r0, noSuch("container", name)
}

func (noneContainer) Containers(ctx context.Context, config *container.ListOptions) ([]*container.Summary, error) {
	var r0 []*container.Summary
	return r0, errNone
}

func (noneContainer) ContainerAttach(name string, c *backend.ContainerAttachConfig) error {
	return noSuch("container", name)
}

func (noneContainer) ContainersPrune(ctx context.Context, pruneFilters filters.Args) (*container.PruneReport, error) {
	var r0 *container.PruneReport
	return r0, errNone
}

func (noneContainer) CreateImageFromContainer(ctx context.Context, name string, config *backend.CreateImageConfig) (imageID string, err error) {
	var r0 string
	return r0, noSuch("container", name)
}

type noneImage struct{}

func (noneImage) ImageDelete(ctx context.Context, imageRef string, options image.RemoveOptions) ([]image.DeleteResponse, error) {
	var r0 []image.DeleteResponse
	return r0, noImage(imageRef)
}

func (noneImage) ImageHistory(ctx context.Context, imageName string, platform *ocispec.Platform) ([]*image.HistoryResponseItem, error) {
	var r0 []*image.HistoryResponseItem
	return r0, noImage(imageName)
}

func (noneImage) Images(ctx context.Context, opts image.ListOptions) ([]*image.Summary, error) {
	var r0 []*image.Summary
	return r0, errNone
}

func (noneImage) ImageID(ctx context.Context, refOrID string) (string, error) {
	var r0 string
	return r0, noImage(refOrID)
}

func (noneImage) ImageInspect(ctx context.Context, refOrID string, options backend.ImageInspectOpts) (*image.InspectResponse, error) {
	var r0 *image.InspectResponse
	return r0, noImage(refOrID)
}

func (noneImage) TagImage(ctx context.Context, id string, newRef reference.Named) error {
	return errNone
}

func (noneImage) ImagesPrune(ctx context.Context, pruneFilters filters.Args) (*image.PruneReport, error) {
	var r0 *image.PruneReport
	return r0, errNone
}

func (noneImage) LoadImage(ctx context.Context, inTar io.ReadCloser, platform *ocispec.Platform, outStream io.Writer, quiet bool) error {
	return errNone
}

func (noneImage) ImportImage(ctx context.Context, ref reference.Named, platform *ocispec.Platform, msg string, layerReader io.Reader, changes []string) (string, error) {
	var r0 string
	return r0, errNone
}

func (noneImage) ExportImage(ctx context.Context, names []string, platform *ocispec.Platform, outStream io.Writer) error {
	return errNone
}

func (noneImage) FetchImport(ctx context.Context, url string) (body io.ReadCloser, size int64, err error) {
	var r0 io.ReadCloser
	var r1 int64
	return r0, r1, errNone
}

func (noneImage) PullImage(ctx context.Context, ref reference.Named, platform *ocispec.Platform, metaHeaders map[string][]string, authConfig *registry.AuthConfig, outStream io.Writer) error {
	return errNone
}

func (noneImage) PushImage(ctx context.Context, ref reference.Named, platform *ocispec.Platform, metaHeaders map[string][]string, authConfig *registry.AuthConfig, outStream io.Writer) error {
	return errNone
}

func (noneImage) Search(ctx context.Context, searchFilters filters.Args, term string, limit int, authConfig *registry.AuthConfig, headers map[string][]string) ([]registry.SearchResult, error) {
	var r0 []registry.SearchResult
	return r0, errNone
}

type noneNetwork struct{}

func (noneNetwork) GetNetworks(filters.Args, backend.NetworkListConfig) ([]network.Inspect, error) {
	var r0 []network.Inspect
	return r0, errNone
}

func (noneNetwork) CreateNetwork(ctx context.Context, nc network.CreateRequest) (*network.CreateResponse, error) {
	var r0 *network.CreateResponse
	return r0, errNone
}

func (noneNetwork) ConnectContainerToNetwork(ctx context.Context, containerName, networkName string, endpointConfig *network.EndpointSettings) error {
	return errNone
}

func (noneNetwork) DisconnectContainerFromNetwork(containerName string, networkName string, force bool) error {
	return errNone
}

func (noneNetwork) DeleteNetwork(networkID string) error { return errNone }

func (noneNetwork) NetworksPrune(ctx context.Context, pruneFilters filters.Args) (*network.PruneReport, error) {
	var r0 *network.PruneReport
	return r0, errNone
}

type noneVolume struct{}

func (noneVolume) List(ctx context.Context, filter filters.Args) ([]*volume.Volume, []string, error) {
	var r0 []*volume.Volume
	var r1 []string
	return r0, r1, errNone
}

func (noneVolume) Get(ctx context.Context, name string, opts ...opts.GetOption) (*volume.Volume, error) {
	var r0 *volume.Volume
	return r0, errNone
}

func (noneVolume) Create(ctx context.Context, name, driverName string, opts ...opts.CreateOption) (*volume.Volume, error) {
	var r0 *volume.Volume
	return r0, errNone
}

func (noneVolume) Remove(ctx context.Context, name string, opts ...opts.RemoveOption) error {
	return errNone
}

func (noneVolume) Prune(ctx context.Context, pruneFilters filters.Args) (*volume.PruneReport, error) {
	var r0 *volume.PruneReport
	return r0, errNone
}

type noneSwarm struct{}

func (noneSwarm) Info(context.Context) swarm.Info { var r0 swarm.Info; return r0 }

func (noneSwarm) Status() string {
	return "inactive"
}

func (noneSwarm) Init(req swarm.InitRequest) (string, error) { var r0 string; return r0, errNone }

func (noneSwarm) Join(req swarm.JoinRequest) error { return errNone }

func (noneSwarm) Leave(ctx context.Context, force bool) error { return errNone }

func (noneSwarm) Inspect() (swarm.Swarm, error) { var r0 swarm.Swarm; return r0, errNone }

func (noneSwarm) Update(uint64, swarm.Spec, swarm.UpdateFlags) error { return errNone }

func (noneSwarm) GetUnlockKey() (string, error) { var r0 string; return r0, errNone }

func (noneSwarm) UnlockSwarm(req swarm.UnlockRequest) error { return errNone }

func (noneSwarm) GetServices(swarm.ServiceListOptions) ([]swarm.Service, error) {
	var r0 []swarm.Service
	return r0, errNone
}

func (noneSwarm) GetService(idOrName string, insertDefaults bool) (swarm.Service, error) {
	var r0 swarm.Service
	return r0, errNone
}

func (noneSwarm) CreateService(swarm.ServiceSpec, string, bool) (*swarm.ServiceCreateResponse, error) {
	var r0 *swarm.ServiceCreateResponse
	return r0, errNone
}

func (noneSwarm) UpdateService(string, uint64, swarm.ServiceSpec, swarm.ServiceUpdateOptions, bool) (*swarm.ServiceUpdateResponse, error) {
	var r0 *swarm.ServiceUpdateResponse
	return r0, errNone
}

func (noneSwarm) RemoveService(string) error { return errNone }

func (noneSwarm) ServiceLogs(context.Context, *backend.LogSelector, *container.LogsOptions) (<-chan *backend.LogMessage, error) {
	var r0 <-chan *backend.LogMessage
	return r0, errNone
}

func (noneSwarm) GetNodes(swarm.NodeListOptions) ([]swarm.Node, error) {
	var r0 []swarm.Node
	return r0, errNone
}

func (noneSwarm) GetNode(string) (swarm.Node, error) { var r0 swarm.Node; return r0, errNone }

func (noneSwarm) UpdateNode(string, uint64, swarm.NodeSpec) error { return errNone }

func (noneSwarm) RemoveNode(string, bool) error { return errNone }

func (noneSwarm) GetTasks(swarm.TaskListOptions) ([]swarm.Task, error) {
	var r0 []swarm.Task
	return r0, errNone
}

func (noneSwarm) GetTask(string) (swarm.Task, error) { var r0 swarm.Task; return r0, errNone }

func (noneSwarm) GetSecrets(opts swarm.SecretListOptions) ([]swarm.Secret, error) {
	var r0 []swarm.Secret
	return r0, errNone
}

func (noneSwarm) CreateSecret(s swarm.SecretSpec) (string, error) { var r0 string; return r0, errNone }

func (noneSwarm) RemoveSecret(idOrName string) error { return errNone }

func (noneSwarm) GetSecret(id string) (swarm.Secret, error) { var r0 swarm.Secret; return r0, errNone }

func (noneSwarm) UpdateSecret(idOrName string, version uint64, spec swarm.SecretSpec) error {
	return errNone
}

func (noneSwarm) GetConfigs(opts swarm.ConfigListOptions) ([]swarm.Config, error) {
	var r0 []swarm.Config
	return r0, errNone
}

func (noneSwarm) CreateConfig(s swarm.ConfigSpec) (string, error) { var r0 string; return r0, errNone }

func (noneSwarm) RemoveConfig(id string) error { return errNone }

func (noneSwarm) GetConfig(id string) (swarm.Config, error) { var r0 swarm.Config; return r0, errNone }

func (noneSwarm) UpdateConfig(idOrName string, version uint64, spec swarm.ConfigSpec) error {
	return errNone
}

type noneSystem struct{}

func (noneSystem) SystemInfo(context.Context) (*system.Info, error) {
	return &system.Info{ID: "x", OSType: "linux"}, nil
}

func (noneSystem) SystemVersion(context.Context) (types.Version, error) {
	return types.Version{KernelVersion: "6.1.0"}, nil
}

func (noneSystem) SystemDiskUsage(ctx context.Context, opts backend.DiskUsageOptions) (*backend.DiskUsage, error) {
	var r0 *backend.DiskUsage
	return r0, errNone
}

func (noneSystem) SubscribeToEvents(since, until time.Time, ef filters.Args) ([]events.Message, chan interface{}) {
	return nil, make(chan interface{})
}

func (noneSystem) UnsubscribeFromEvents(chan interface{}) {}

func (noneSystem) AuthenticateToRegistry(ctx context.Context, authConfig *registry.AuthConfig) (string, string, error) {
	var r0 string
	var r1 string
	return r0, r1, errNone
}

type noneBuild struct{}

func (noneBuild) Build(context.Context, backend.BuildConfig) (string, error) {
	var r0 string
	return r0, errNone
}

func (noneBuild) PruneCache(context.Context, build.CachePruneOptions) (*build.CachePruneReport, error) {
	var r0 *build.CachePruneReport
	return r0, errNone
}

func (noneBuild) Cancel(context.Context, string) error { return errNone }

func (noneBuild) DiskUsage(context.Context) ([]*build.CacheRecord, error) {
	var r0 []*build.CacheRecord
	return r0, errNone
}

type nonePlugin struct{}

func (nonePlugin) Disable(name string, config *backend.PluginDisableConfig) error { return errNone }

func (nonePlugin) Enable(name string, config *backend.PluginEnableConfig) error { return errNone }

func (nonePlugin) List(filters.Args) ([]types.Plugin, error) {
	var r0 []types.Plugin
	return r0, errNone
}

func (nonePlugin) Inspect(name string) (*types.Plugin, error) {
	var r0 *types.Plugin
	return r0, errNone
}

func (nonePlugin) Remove(name string, config *backend.PluginRmConfig) error { return errNone }

func (nonePlugin) Set(name string, args []string) error { return errNone }

func (nonePlugin) Privileges(ctx context.Context, ref reference.Named, metaHeaders map[string][]string, authConfig *registry.AuthConfig) (types.PluginPrivileges, error) {
	var r0 types.PluginPrivileges
	return r0, errNone
}

func (nonePlugin) Pull(ctx context.Context, ref reference.Named, name string, metaHeaders map[string][]string, authConfig *registry.AuthConfig, privileges types.PluginPrivileges, outStream io.Writer) error {
	return errNone
}

func (nonePlugin) Push(ctx context.Context, name string, metaHeaders map[string][]string, authConfig *registry.AuthConfig, outStream io.Writer) error {
	return errNone
}

func (nonePlugin) Upgrade(ctx context.Context, ref reference.Named, name string, metaHeaders map[string][]string, authConfig *registry.AuthConfig, privileges types.PluginPrivileges, outStream io.Writer) error {
	return errNone
}

func (nonePlugin) CreateFromContext(ctx context.Context, tarCtx io.ReadCloser, options *types.PluginCreateOptions) error {
	return errNone
}

type noneCheckpoint struct{}

func (noneCheckpoint) CheckpointCreate(container string, config checkpoint.CreateOptions) error {
	return errNone
}

func (noneCheckpoint) CheckpointDelete(container string, config checkpoint.DeleteOptions) error {
	return errNone
}

func (noneCheckpoint) CheckpointList(container string, config checkpoint.ListOptions) ([]checkpoint.Summary, error) {
	var r0 []checkpoint.Summary
	return r0, errNone
}

type noneDistribution struct{}

func (noneDistribution) DistributionInfo(ctx context.Context, ref reference.Named, authConfig *registry.AuthConfig) (*registry.DistributionInspect, error) {
	var r0 *registry.DistributionInspect
	return r0, errNone
}

func noImage(ref string) error {
	r, err := reference.ParseAnyReference(ref)
	if err != nil {
		return kindError{cerrdefs.ErrInvalidArgument, err.Error()}
	}
	if n, ok := r.(reference.Named); ok {
		return noSuch("image", reference.FamiliarString(reference.TagNameOnly(n)))
	}
	return noSuch("image", ref)
}
