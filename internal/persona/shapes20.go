package persona

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/blkiodev"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/storage"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/go-connections/nat"
)

// Shape makes an empty value of a release's own struct for an API version: today's
// answer is decoded into it and encoded again, so that the order of keys, what is
// absent and what is null are that release's. A nil value leaves the answer alone.
type Shape func(version string) any

// Encode is how the daemon encodes an answer.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if f, ok := v.(interface{ final() any }); ok {
		v = f.final()
	}
	err := enc.Encode(v)
	return b.Bytes(), err
}

// Shapes20 are 20.10's answers, by route.
var Shapes20 = map[string]Shape{
	"GET /containers/json":              func(string) any { return new([]*summary20) },
	"GET /containers/{name:.*}/json":    func(v string) any { return &inspect20{version: v} },
	"GET /images/json":                  func(string) any { return new([]*imageSummary20) },
	"GET /images/{name:.*}/json":        func(string) any { return new(imageInspect20) },
	"GET /images/{name:.*}/history":     func(string) any { return new([]*history20) },
	"GET /networks":                     func(string) any { return new([]*network20) },
	"GET /networks/":                    func(string) any { return new([]*network20) },
	"GET /networks/{id:.+}":             func(string) any { return new(network20) },
	"POST /networks/create":             func(string) any { return new(networkCreated20) },
	"GET /volumes":                      func(string) any { return new(volumes20) },
	"GET /volumes/{name:.*}":            func(string) any { return new(volume20) },
	"POST /volumes/create":              func(string) any { return new(volume20) },
	"GET /system/df":                    func(string) any { return new(diskUsage20) },
	"POST /containers/create":           func(string) any { return new(created20) },
	"POST /containers/{name:.*}/update": func(string) any { return new(updated20) },
	"GET /containers/{name:.*}/top":     func(string) any { return new(top20) },
}

// endpoint20 is network.EndpointSettings.
type endpoint20 struct {
	IPAMConfig          *network.EndpointIPAMConfig
	Links               []string
	Aliases             []string
	NetworkID           string
	EndpointID          string
	Gateway             string
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	MacAddress          string
	DriverOpts          map[string]string
}

// summary20 is types.Container.
type summary20 struct {
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
		NetworkMode mode20 `json:",omitempty"`
	}
	NetworkSettings *struct {
		Networks map[string]*endpoint20
	}
	Mounts []container.MountPoint
}

// mode20 is a network mode: what 28 calls bridge from the start, 20.10 keeps as the
// "default" its clients send.
type mode20 string

func (m mode20) MarshalJSON() ([]byte, error) {
	if m == "bridge" {
		m = "default"
	}
	return json.Marshal(string(m))
}

// config20 is container.Config.
type config20 struct {
	Hostname        string
	Domainname      string
	User            string
	AttachStdin     bool
	AttachStdout    bool
	AttachStderr    bool
	ExposedPorts    nat.PortSet `json:",omitempty"`
	Tty             bool
	OpenStdin       bool
	StdinOnce       bool
	Env             []string
	Cmd             []string
	Healthcheck     *health20 `json:",omitempty"`
	ArgsEscaped     bool      `json:",omitempty"`
	Image           string
	Volumes         map[string]struct{}
	WorkingDir      string
	Entrypoint      []string
	NetworkDisabled bool   `json:",omitempty"`
	MacAddress      string `json:",omitempty"`
	OnBuild         []string
	Labels          map[string]string
	StopSignal      string   `json:",omitempty"`
	StopTimeout     *int     `json:",omitempty"`
	Shell           []string `json:",omitempty"`
}

// health20 is container.HealthConfig.
type health20 struct {
	Test        []string      `json:",omitempty"`
	Interval    time.Duration `json:",omitempty"`
	Timeout     time.Duration `json:",omitempty"`
	StartPeriod time.Duration `json:",omitempty"`
	Retries     int           `json:",omitempty"`
}

// host20 is container.HostConfig with container.Resources.
type host20 struct {
	Binds           []string
	ContainerIDFile string
	LogConfig       container.LogConfig
	NetworkMode     mode20
	PortBindings    nat.PortMap
	RestartPolicy   container.RestartPolicy
	AutoRemove      bool
	VolumeDriver    string
	VolumesFrom     []string
	CapAdd          []string
	CapDrop         []string
	CgroupnsMode    string
	DNS             []string `json:"Dns"`
	DNSOptions      []string `json:"DnsOptions"`
	DNSSearch       []string `json:"DnsSearch"`
	ExtraHosts      []string
	GroupAdd        []string
	IpcMode         string
	Cgroup          string
	Links           []string
	OomScoreAdj     int
	PidMode         string
	Privileged      bool
	PublishAllPorts bool
	ReadonlyRootfs  bool
	SecurityOpt     []string
	StorageOpt      map[string]string `json:",omitempty"`
	Tmpfs           map[string]string `json:",omitempty"`
	UTSMode         string
	UsernsMode      string
	ShmSize         int64
	Sysctls         map[string]string `json:",omitempty"`
	Runtime         string            `json:",omitempty"`
	ConsoleSize     [2]uint
	Isolation       string
	resources20
	Mounts        []json.RawMessage `json:",omitempty"`
	MaskedPaths   []string
	ReadonlyPaths []string
	Init          *bool `json:",omitempty"`
}

type resources20 struct {
	CPUShares            int64 `json:"CpuShares"`
	Memory               int64
	NanoCPUs             int64 `json:"NanoCpus"`
	CgroupParent         string
	BlkioWeight          uint16
	BlkioWeightDevice    []*blkiodev.WeightDevice
	BlkioDeviceReadBps   []*blkiodev.ThrottleDevice
	BlkioDeviceWriteBps  []*blkiodev.ThrottleDevice
	BlkioDeviceReadIOps  []*blkiodev.ThrottleDevice
	BlkioDeviceWriteIOps []*blkiodev.ThrottleDevice
	CPUPeriod            int64 `json:"CpuPeriod"`
	CPUQuota             int64 `json:"CpuQuota"`
	CPURealtimePeriod    int64 `json:"CpuRealtimePeriod"`
	CPURealtimeRuntime   int64 `json:"CpuRealtimeRuntime"`
	CpusetCpus           string
	CpusetMems           string
	Devices              []container.DeviceMapping
	DeviceCgroupRules    []string
	DeviceRequests       []container.DeviceRequest
	KernelMemory         int64
	KernelMemoryTCP      int64
	MemoryReservation    int64
	MemorySwap           int64
	MemorySwappiness     *int64
	OomKillDisable       *bool
	PidsLimit            *int64
	Ulimits              []*container.Ulimit
	CPUCount             int64 `json:"CpuCount"`
	CPUPercent           int64 `json:"CpuPercent"`
	IOMaximumIOps        uint64
	IOMaximumBandwidth   uint64
}

// base20 is types.ContainerJSONBase.
type base20 struct {
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
	HostConfig      *host20
	GraphDriver     graph20
	SizeRw          *int64 `json:",omitempty"`
	SizeRootFs      *int64 `json:",omitempty"`
}

// settings20 is v1p20.NetworkSettings: what API 1.20 and before showed.
type settings20 struct {
	Bridge                 string
	SandboxID              string
	HairpinMode            bool
	LinkLocalIPv6Address   string
	LinkLocalIPv6PrefixLen int
	Ports                  nat.PortMap
	SandboxKey             string
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
}

// inspect20 is types.ContainerJSON.
type inspect20 struct {
	version string
	base20
	Mounts          []container.MountPoint
	Config          *config20
	NetworkSettings *struct {
		settings20
		Networks map[string]*endpoint20
	}
}

// final is the answer for the client's API version: 20.10 still has the forms of
// 1.20 and of what was before.
func (i *inspect20) final() any {
	if i.NetworkSettings != nil && i.Config != nil && len(i.ID) > 12 {
		// The router of 28 adds the short id and the host name for clients of that age;
		// 20.10 kept them, from the first start on.
		begun := i.State != nil && !strings.HasPrefix(i.State.StartedAt, "0001-")
		for _, e := range i.NetworkSettings.Networks {
			if e == nil {
				continue
			}
			e.Aliases = slices.DeleteFunc(e.Aliases, func(a string) bool {
				return !begun && (a == i.ID[:12] || a == i.Config.Hostname)
			})
			if len(e.Aliases) == 0 {
				e.Aliases = nil
			}
		}
	}
	if !versions.LessThan(i.version, "1.21") || i.Config == nil || i.HostConfig == nil {
		return i
	}
	var ns *settings20
	if i.NetworkSettings != nil {
		ns = &i.NetworkSettings.settings20
		if len(ns.Ports) == 0 && i.State != nil && !i.State.Running {
			ns.Ports = nil
		}
	}
	type config struct {
		*config20
		MacAddress      string
		NetworkDisabled bool
		ExposedPorts    nat.PortSet
		VolumeDriver    string
	}
	cfg := config{i.Config, i.Config.MacAddress, i.Config.NetworkDisabled, i.Config.ExposedPorts, i.HostConfig.VolumeDriver}
	if versions.Equal(i.version, "1.20") {
		return struct {
			base20
			Mounts          []container.MountPoint
			Config          config
			NetworkSettings *settings20
		}{i.base20, i.Mounts, cfg, ns}
	}
	i.SizeRw, i.SizeRootFs = nil, nil // asked for since 1.20
	vols, rw := map[string]string{}, map[string]bool{}
	for _, m := range i.Mounts {
		vols[m.Destination], rw[m.Destination] = m.Source, m.RW
	}
	type config19 struct {
		config
		Memory     int64
		MemorySwap int64
		CPUShares  int64  `json:"CpuShares"`
		CPUSet     string `json:"Cpuset"`
	}
	return struct {
		base20
		Volumes         map[string]string
		VolumesRW       map[string]bool
		Config          config19
		NetworkSettings *settings20
	}{i.base20, vols, rw, config19{cfg, i.HostConfig.Memory, i.HostConfig.MemorySwap, i.HostConfig.CPUShares, i.HostConfig.CpusetCpus}, ns}
}

// graph20 is types.GraphDriverData: the data come first. 28 added the container's id.
type graph20 struct {
	Data map[string]string
	Name string
}

func (g *graph20) UnmarshalJSON(b []byte) error {
	var d storage.DriverData
	if err := json.Unmarshal(b, &d); err != nil {
		return err
	}
	g.Data, g.Name = d.Data, d.Name
	delete(g.Data, "ID")
	return nil
}

// imageSummary20 is types.ImageSummary.
type imageSummary20 struct {
	Containers  int64
	Created     int64
	ID          string `json:"Id"`
	Labels      map[string]string
	ParentID    string `json:"ParentId"`
	RepoDigests []string
	RepoTags    []string
	SharedSize  int64
	Size        int64
	VirtualSize int64
}

// imageInspect20 is types.ImageInspect.
type imageInspect20 struct {
	ID              string `json:"Id"`
	RepoTags        []string
	RepoDigests     []string
	Parent          string
	Comment         string
	Created         string
	Container       string
	ContainerConfig *config20
	DockerVersion   string
	Author          string
	Config          *config20
	Architecture    string
	Variant         string `json:",omitempty"`
	Os              string
	OsVersion       string `json:",omitempty"`
	Size            int64
	VirtualSize     int64
	GraphDriver     graph20
	RootFS          struct {
		Type   string
		Layers []string `json:",omitempty"`
	}
	Metadata struct {
		LastTagTime time.Time `json:",omitempty"` // as the original has it
	}
}

type history20 struct {
	Comment   string
	Created   int64
	CreatedBy string
	ID        string `json:"Id"`
	Size      int64
	Tags      []string
}

// network20 is types.NetworkResource.
type network20 struct {
	Name       string
	ID         string `json:"Id"`
	Created    time.Time
	Scope      string
	Driver     string
	EnableIPv6 bool
	IPAM       ipam20
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

type ipam20 struct {
	Driver  string
	Options map[string]string
	Config  list[network.IPAMConfig]
}

// list is a slice that is never null.
type list[T any] []T

func (l list[T]) MarshalJSON() ([]byte, error) {
	if len(l) == 0 {
		return []byte("[]"), nil
	}
	return Encode([]T(l))
}

type networkCreated20 struct {
	ID      string `json:"Id"`
	Warning string
}

type created20 struct {
	ID       string `json:"Id"`
	Warnings list[string]
}

type updated20 struct {
	Warnings []string
}

type top20 struct {
	Processes [][]string
	Titles    []string
}

type volume20 struct {
	CreatedAt  string `json:",omitempty"`
	Driver     string
	Labels     map[string]string
	Mountpoint string
	Name       string
	Options    map[string]string
	Scope      string
	Status     map[string]any `json:",omitempty"`
	UsageData  *struct {
		RefCount int64
		Size     int64
	} `json:",omitempty"`
}

type volumes20 struct {
	Volumes  list[*volume20]
	Warnings []string
}

type cache20 struct {
	ID          string
	Parent      string
	Type        string
	Description string
	InUse       bool
	Shared      bool
	Size        int64
	CreatedAt   time.Time
	LastUsedAt  *time.Time
	UsageCount  int
}

// caches20 is null where it is empty.
type caches20 []*cache20

func (c caches20) MarshalJSON() ([]byte, error) {
	if len(c) == 0 {
		return []byte("null"), nil
	}
	return Encode([]*cache20(c))
}

type diskUsage20 struct {
	LayersSize  int64
	Images      list[*imageSummary20]
	Containers  list[*summary20]
	Volumes     list[*volume20]
	BuildCache  caches20
	BuilderSize int64
}

type commit20 struct{ ID, Expected string }

type runtime20 struct {
	Path string   `json:"path"`
	Args []string `json:"runtimeArgs,omitempty"`
}

// info20 is types.Info.
type info20 struct {
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
	KernelMemory       bool
	KernelMemoryTCP    bool
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
	RegistryConfig     *registryConfig20
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
	Runtimes           map[string]runtime20
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
	Warnings           []string
	ExecutionDriver    string `json:",omitempty"`
}

// registryConfig20 is registry.ServiceConfig with the fields that are gone today.
type registryConfig20 struct {
	AllowNondistributableArtifactsCIDRs     list[string]
	AllowNondistributableArtifactsHostnames list[string]
	InsecureRegistryCIDRs                   list[string]
	IndexConfigs                            map[string]*indexInfo20
	Mirrors                                 list[string]
}

type indexInfo20 struct {
	Name     string
	Mirrors  list[string]
	Secure   bool
	Official bool
}

// Info20 is today's Info as 20.10 shows it. CDI, containerd's own section and what
// came later are not there; the bridge's netfilter flags are.
func Info20(in *system.Info, version string) any {
	b, err := json.Marshal(in)
	if err != nil {
		return in
	}
	var out info20
	if json.Unmarshal(b, &out) != nil {
		return in
	}
	out.BridgeNfIptables, out.BridgeNfIP6tables = true, true
	if in.CgroupVersion == "1" {
		out.KernelMemory, out.KernelMemoryTCP = true, true
	}
	out.ContainerdCommit.Expected = out.ContainerdCommit.ID
	out.RuncCommit.Expected = out.RuncCommit.ID
	out.InitCommit.Expected = out.InitCommit.ID
	out.Runtimes = map[string]runtime20{}
	for k := range in.Runtimes {
		out.Runtimes[k] = runtime20{Path: "runc"}
	}
	out.Runtimes["io.containerd.runtime.v1.linux"] = runtime20{Path: "runc"}
	if versions.LessThan(version, "1.25") {
		out.ExecutionDriver = "<not supported>"
	}
	return &out
}
