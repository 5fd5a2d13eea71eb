package persona

import (
	"encoding/json"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/go-connections/nat"
)

// Shapes26 are 26.1's answers, by route.
var Shapes26 = map[string]Shape{
	"GET /containers/json":           func(string) any { return new([]*summary26) },
	"GET /containers/{name:.*}/json": func(string) any { return new(inspect26) },
	"GET /images/{name:.*}/json":     func(string) any { return new(imageInspect26) },
	"GET /system/df":                 func(string) any { return new(diskUsage26) },
	"GET /networks":                  func(string) any { return new([]*network26) },
	"GET /networks/":                 func(string) any { return new([]*network26) },
	"GET /networks/{id:.+}":          func(string) any { return new(network26) },
}

// network26 is types.NetworkResource.
type network26 struct {
	Name       string
	ID         string `json:"Id"`
	Created    time.Time
	Scope      string
	Driver     string
	EnableIPv6 bool
	IPAM       network.IPAM
	Internal   bool
	Attachable bool
	Ingress    bool
	ConfigFrom network.ConfigReference
	ConfigOnly bool
	Containers map[string]network.EndpointResource
	Options    map[string]string
	Labels     map[string]string
	Peers      []network.PeerInfo             `json:",omitempty"`
	Services   map[string]network.ServiceInfo `json:",omitempty"`
}

// endpoint26 is network.EndpointSettings.
type endpoint26 struct {
	IPAMConfig          *network.EndpointIPAMConfig
	Links               []string
	Aliases             []string
	MacAddress          string
	NetworkID           string
	EndpointID          string
	Gateway             string
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	DriverOpts          map[string]string
	DNSNames            []string
}

// summary26 is types.Container.
type summary26 struct {
	ID         string `json:"Id"`
	Names      []string
	Image      string
	ImageID    string
	Command    string
	Created    int64
	Ports      []container.Port
	SizeRw     int64 `json:",omitempty"`
	SizeRootFs int64 `json:",omitempty"`
	Labels     map[string]string
	State      string
	Status     string
	HostConfig struct {
		NetworkMode string            `json:",omitempty"`
		Annotations map[string]string `json:",omitempty"`
	}
	NetworkSettings *struct {
		Networks map[string]*endpoint26
	}
	Mounts []container.MountPoint
}

// inspect26 is types.ContainerJSON.
type inspect26 struct {
	ID              string `json:"Id"`
	Created         string
	Path            string
	Args            []string
	State           *container.State
	Image           string
	ResolvConfPath  string
	HostnamePath    string
	HostsPath       string
	LogPath         string
	Name            string
	RestartCount    int
	Driver          string
	Platform        string
	MountLabel      string
	ProcessLabel    string
	AppArmorProfile string
	ExecIDs         []string
	HostConfig      *container.HostConfig
	GraphDriver     graph20
	SizeRw          *int64 `json:",omitempty"`
	SizeRootFs      *int64 `json:",omitempty"`
	Mounts          []container.MountPoint
	Config          *container.Config
	NetworkSettings *struct {
		Bridge                 string
		SandboxID              string
		SandboxKey             string
		Ports                  nat.PortMap
		HairpinMode            bool
		LinkLocalIPv6Address   string
		LinkLocalIPv6PrefixLen int
		SecondaryIPAddresses   []network.Address
		SecondaryIPv6Addresses []network.Address
		EndpointID             string
		Gateway                string
		GlobalIPv6Address      string
		GlobalIPv6PrefixLen    int
		IPAddress              string
		IPPrefixLen            int
		IPv6Gateway            string
		MacAddress             string
		Networks               map[string]*endpoint26
	}
}

// imageInspect26 is types.ImageInspect, whose Config is a container's in full.
type imageInspect26 struct {
	ID              string `json:"Id"`
	RepoTags        []string
	RepoDigests     []string
	Parent          string
	Comment         string
	Created         string    `json:",omitempty"`
	Container       string    `json:",omitempty"`
	ContainerConfig *config20 `json:",omitempty"`
	DockerVersion   string
	Author          string
	Config          *config20
	Architecture    string
	Variant         string `json:",omitempty"`
	Os              string
	OsVersion       string `json:",omitempty"`
	Size            int64
	VirtualSize     int64 `json:",omitempty"`
	GraphDriver     graph20
	RootFS          struct {
		Type   string
		Layers []string `json:",omitempty"`
	}
	Metadata struct {
		LastTagTime time.Time `json:",omitempty"` // as the original has it
	}
}

// Info26 is today's Info as 26.1 shows it: the registry's fields that went later, the
// bridge's netfilter flags in their place, the expected commits beside the found ones.
func Info26(in *system.Info, version string) any {
	var out info20
	b, err := Encode(in)
	if err != nil || decode(b, &out) != nil {
		return in
	}
	out.BridgeNfIptables, out.BridgeNfIP6tables = true, true
	for _, c := range []*commit20{&out.ContainerdCommit, &out.RuncCommit, &out.InitCommit} {
		c.Expected = c.ID
	}
	km := in.KernelMemory || in.CgroupVersion == "1"
	if !versions.LessThan(version, "1.42") {
		km = false
	}
	return info26of(&out, in, version, km, in.KernelMemoryTCP || in.CgroupVersion == "1")
}

// info26 is info20 with what changed by 26.1.
type info26 struct {
	ID                 string
	Containers         int
	ContainersRunning  int
	ContainersPaused   int
	ContainersStopped  int
	Images             int
	Driver             string
	DriverStatus       [][2]string
	SystemStatus       [][2]string `json:",omitempty"`
	Plugins            system.PluginsInfo
	MemoryLimit        bool
	SwapLimit          bool
	KernelMemory       bool `json:",omitempty"`
	KernelMemoryTCP    bool `json:",omitempty"`
	CPUCfsPeriod       bool `json:"CpuCfsPeriod"`
	CPUCfsQuota        bool `json:"CpuCfsQuota"`
	CPUShares          bool
	CPUSet             bool
	PidsLimit          bool
	IPv4Forwarding     bool
	BridgeNfIptables   bool
	BridgeNfIP6tables  bool `json:"BridgeNfIp6tables"`
	Debug              bool
	NFd                int
	OomKillDisable     bool
	NGoroutines        int
	SystemTime         string
	LoggingDriver      string
	CgroupDriver       string
	CgroupVersion      string `json:",omitempty"`
	NEventsListener    int
	KernelVersion      string
	OperatingSystem    string
	OSVersion          string
	OSType             string
	Architecture       string
	IndexServerAddress string
	RegistryConfig     *registryConfig26
	NCPU               int
	MemTotal           int64
	GenericResources   []swarm.GenericResource
	DockerRootDir      string
	HTTPProxy          string `json:"HttpProxy"`
	HTTPSProxy         string `json:"HttpsProxy"`
	NoProxy            string
	Name               string
	Labels             []string
	ExperimentalBuild  bool
	ServerVersion      string
	Runtimes           map[string]system.RuntimeWithStatus
	DefaultRuntime     string
	Swarm              swarm.Info
	LiveRestoreEnabled bool
	Isolation          string
	InitBinary         string
	ContainerdCommit   commit20
	RuncCommit         commit20
	InitCommit         commit20
	SecurityOptions    []string
	ProductLicense     string `json:",omitempty"`
	CDISpecDirs        []string
	ExecutionDriver    string `json:",omitempty"`
	Warnings           []string
}

// registryConfig26 is registry.ServiceConfig; the first two are no longer set.
type registryConfig26 struct {
	AllowNondistributableArtifactsCIDRs     []string
	AllowNondistributableArtifactsHostnames []string
	InsecureRegistryCIDRs                   list[string]
	IndexConfigs                            map[string]*indexInfo20
	Mirrors                                 []string
}

func decode(b []byte, v any) error { return json.Unmarshal(b, v) }

func info26of(o *info20, in *system.Info, version string, km, kmtcp bool) *info26 {
	cdi := in.CDISpecDirs
	if cdi == nil {
		cdi = []string{}
	}
	var rc *registryConfig26
	if r := o.RegistryConfig; r != nil {
		rc = &registryConfig26{InsecureRegistryCIDRs: r.InsecureRegistryCIDRs, IndexConfigs: r.IndexConfigs, Mirrors: r.Mirrors}
	}
	driver := ""
	if versions.LessThan(version, "1.25") {
		driver = "<not supported>"
	}
	return &info26{
		o.ID, o.Containers, o.ContainersRunning, o.ContainersPaused, o.ContainersStopped, o.Images, o.Driver, o.DriverStatus, o.SystemStatus, o.Plugins,
		o.MemoryLimit, o.SwapLimit, km, kmtcp, o.CPUCfsPeriod, o.CPUCfsQuota, o.CPUShares, o.CPUSet, o.PidsLimit, o.IPv4Forwarding,
		o.BridgeNfIptables, o.BridgeNfIP6tables, o.Debug, o.NFd, o.OomKillDisable, o.NGoroutines, o.SystemTime, o.LoggingDriver, o.CgroupDriver, o.CgroupVersion,
		o.NEventsListener, o.KernelVersion, o.OperatingSystem, o.OSVersion, o.OSType, o.Architecture, o.IndexServerAddress, rc, o.NCPU, o.MemTotal,
		o.GenericResources, o.DockerRootDir, o.HTTPProxy, o.HTTPSProxy, o.NoProxy, o.Name, o.Labels, o.ExperimentalBuild, o.ServerVersion, in.Runtimes,
		o.DefaultRuntime, o.Swarm, o.LiveRestoreEnabled, o.Isolation, o.InitBinary, o.ContainerdCommit, o.RuncCommit, o.InitCommit, o.SecurityOptions,
		o.ProductLicense, cdi, driver, o.Warnings,
	}
}

// diskUsage26 is types.DiskUsage.
type diskUsage26 struct {
	LayersSize  int64
	Images      json.RawMessage
	Containers  []*summary26
	Volumes     json.RawMessage
	BuildCache  json.RawMessage
	BuilderSize int64 `json:",omitempty"`
}
