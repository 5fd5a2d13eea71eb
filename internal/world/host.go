package world

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/system"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/image"
	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// Release is what a world must know of the daemon's release: plain data, taken
// from the persona by whoever wires the two.
type Release struct {
	Version  string // 20.10.24
	API      string // 1.41
	Era      int    // 20, 26, 28: the releases whose behaviour is the same
	CgroupV2 bool
	// Debian marks the builds for tests: cgroup v1, cgroupfs.
	Debian bool

	ContainerdCommit, RuncCommit, InitCommit string
}

// Config is what a host is made from.
type Config struct {
	Secret  []byte
	Release Release
	// Kind is "lived-in" or "empty".
	Kind string
	// Provider names the profile: aws, hetzner, digitalocean, ovh, generic; empty
	// picks one by the secret.
	Provider string
	Cores    int
	Memory   int64
	// Public is the address the world thinks it has.
	Public netip.Addr
	// Listen is the address and port dockerd was told to listen on, with or without
	// tcp:// before it.
	Listen string

	// Args is dockerd's command line; nil makes one from Listen.
	Args []string

	// Installed is when the installation was made, kept by whoever keeps the
	// secret: the machine was booted some weeks before it. Zero takes the first
	// of the month.
	Installed time.Time

	Clock    kernel.Clock
	Rand     io.Reader // nil: derived from the secret and a counter
	Programs *kernel.Registry
	Network  kernel.Network
	Limits   kernel.Limits
	Quotas   Quotas
	// Budget bounds what all worlds of the host may hold together, beside what
	// Quotas.Disk bounds for each; nil is no such bound.
	Budget *vfs.Budget
	Refuse []Rule
	Trees  *image.Trees

	Sink    event.Sink
	Sensor  string
	Persona string
}

// Quotas bound what one world may hold. Zero takes the default.
type Quotas struct {
	Containers int   // 200
	Images     int   // 300
	Networks   int   // 100
	Volumes    int   // 200
	Execs      int   // 1000 kept
	Disk       int64 // 256 MiB of written bytes
	Log        int64 // 4 MiB a container
	Upload     int64 // 256 MiB a request
}

func (q *Quotas) defaults() {
	def := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	def64 := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	def(&q.Containers, 200)
	def(&q.Images, 300)
	def(&q.Networks, 100)
	def(&q.Volumes, 200)
	def(&q.Execs, 1000)
	def64(&q.Disk, 256<<20)
	def64(&q.Log, 4<<20)
	def64(&q.Upload, 256<<20)
}

// Host is one installation's machine, from which worlds are made. It is
// immutable after [NewHost] but for the count behind its random numbers.
type Host struct {
	cfg     Config
	rules   atomic.Pointer[[]Rule]
	api     atomic.Pointer[API]
	facts   Facts
	catalog *image.Catalogue
	trees   hostTrees
	logs    logCache
}

// Facts is what the machine is: made once from the secret and the profile.
type Facts struct {
	Name          string // host name
	Domain        string
	Provider      string
	Distro        string // ubuntu2204, debian12
	OS            string // as docker info has it
	OSVersion     string
	Kernel        string // uname -r
	KernelBuild   string // uname -v
	Machine       string // the provider's name of its kind
	CPU           kernel.CPU
	DMI           map[string]string
	Cores         int
	Memory        int64
	Swap          int64
	Boot          time.Time
	DockerStarted time.Time
	DockerHost    string // dockerd's listening address
	Private       netip.Addr
	Gateway       netip.Addr
	PrivateBits   int
	Public        netip.Addr
	NIC           string
	MAC           string
	Disk          string // vda, nvme0n1, sda
	DiskSize      int64
	DNS           []netip.Addr
	Timezone      string
	Admin         string // the login user
	BridgeSubnet  netip.Prefix
	StorageDriver string
	BackingFS     string
	CgroupDriver  string
	Root          string
}

type provider struct {
	names   []string // host name patterns
	admin   string
	distro  []string
	kernels map[string][]string
	nic     string
	disk    string
	dns     []string
	private string // the private network
	bits    int
}

var providers = map[string]provider{
	"aws": {names: []string{"ip-%I"}, admin: "ubuntu", distro: []string{"ubuntu2204"},
		kernels: map[string][]string{"ubuntu2204": {"6.5.0-1014-aws", "6.5.0-1017-aws", "6.5.0-1020-aws", "6.8.0-1015-aws"}},
		nic:     "ens5", disk: "nvme0n1", dns: []string{"172.31.0.2"}, private: "172.31.0.0", bits: 20},
	"hetzner": {names: []string{"ubuntu-%Zgb-%L-%N", "%W-%N", "%W", "%W.%D"}, admin: "root", distro: []string{"ubuntu2204", "debian12"},
		kernels: map[string][]string{"ubuntu2204": {"5.15.0-105-generic", "5.15.0-107-generic", "5.15.0-113-generic", "5.15.0-118-generic"}, "debian12": {"6.1.0-20-amd64", "6.1.0-21-amd64", "6.1.0-22-amd64"}},
		nic:     "eth0", disk: "sda", dns: []string{"185.12.64.2", "185.12.64.1"}, private: "172.31.1.0", bits: 32},
	"digitalocean": {names: []string{"ubuntu-s-%Cvcpu-%Zgb-%L-%N", "docker-ubuntu-s-%Cvcpu-%Zgb-%L-%N", "%W-%N", "%W"}, admin: "root", distro: []string{"ubuntu2204"},
		kernels: map[string][]string{"ubuntu2204": {"5.15.0-105-generic", "5.15.0-106-generic", "5.15.0-113-generic"}},
		nic:     "eth0", disk: "vda", dns: []string{"67.207.67.2", "67.207.67.3"}, private: "10.114.0.0", bits: 20},
	"ovh": {names: []string{"vps-%X", "%W"}, admin: "debian", distro: []string{"debian12", "ubuntu2204"},
		kernels: map[string][]string{"ubuntu2204": {"5.15.0-105-generic", "5.15.0-112-generic"}, "debian12": {"6.1.0-18-cloud-amd64", "6.1.0-21-cloud-amd64", "6.1.0-23-cloud-amd64"}},
		nic:     "ens3", disk: "sda", dns: []string{"213.186.33.99"}, private: "10.0.0.0", bits: 24},
	"generic": {names: []string{"%W", "%W%N", "%W-%N", "srv-%W", "%W.%D"}, admin: "deploy", distro: []string{"ubuntu2204", "debian12"},
		kernels: map[string][]string{"ubuntu2204": {"5.15.0-101-generic", "5.15.0-105-generic", "5.15.0-116-generic"}, "debian12": {"6.1.0-17-amd64", "6.1.0-20-amd64", "6.1.0-25-amd64"}},
		nic:     "ens18", disk: "sda", dns: []string{"1.1.1.1", "8.8.8.8"}, private: "192.168.0.0", bits: 24},
}

// kernelBuilds are the distributions' builds, by release.
var kernelBuilds = map[string]string{
	"5.15.0-101-generic": "#111-Ubuntu SMP Tue Mar 5 20:16:58 UTC 2024", "5.15.0-105-generic": "#115-Ubuntu SMP Mon Apr 15 09:52:04 UTC 2024",
	"5.15.0-106-generic": "#116-Ubuntu SMP Wed Apr 17 09:17:56 UTC 2024", "5.15.0-107-generic": "#117-Ubuntu SMP Fri Apr 26 12:26:49 UTC 2024",
	"5.15.0-112-generic": "#122-Ubuntu SMP Thu May 23 07:48:21 UTC 2024", "5.15.0-113-generic": "#123-Ubuntu SMP Mon Jun 10 08:16:17 UTC 2024",
	"5.15.0-116-generic": "#126-Ubuntu SMP Mon Jul 1 10:14:24 UTC 2024", "5.15.0-118-generic": "#128-Ubuntu SMP Fri Jul 5 09:28:59 UTC 2024",
	"6.5.0-1014-aws": "#14~22.04.1-Ubuntu SMP Thu Feb 15 15:27:06 UTC 2024", "6.5.0-1017-aws": "#17~22.04.2-Ubuntu SMP Wed Mar 27 21:41:31 UTC 2024",
	"6.5.0-1020-aws": "#20~22.04.1-Ubuntu SMP Wed May  1 16:10:50 UTC 2024", "6.8.0-1015-aws": "#16~22.04.1-Ubuntu SMP Mon Aug 19 19:38:17 UTC 2024",
	"6.1.0-17-amd64": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.69-1 (2023-12-30)", "6.1.0-20-amd64": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.85-1 (2024-04-11)",
	"6.1.0-21-amd64": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.90-1 (2024-05-03)", "6.1.0-22-amd64": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.94-1 (2024-06-21)",
	"6.1.0-25-amd64": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.106-3 (2024-08-26)", "6.1.0-18-cloud-amd64": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)",
	"6.1.0-21-cloud-amd64": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.90-1 (2024-05-03)", "6.1.0-23-cloud-amd64": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.99-1 (2024-07-15)",
}

var (
	hostWords = strings.Fields(`web app api build ci stage staging prod node worker backend data db cache shop portal media files
 backup mon metrics git repo runner dev test demo lab edge proxy gw mail crm erp wiki docs analytics stream search jobs queue
 auth sso billing pay track image photo video radio news blog forum booking orders stock sales ship map geo iot sensor home`)
	hostColors = strings.Fields(`amber birch cedar delta ember fjord grove heron iris jade kestrel larch maple nimbus onyx pine quartz
 raven slate tundra umber violet willow xenon yarrow zephyr atlas boreas cobalt dune echo flint garnet harbor indigo juniper`)
	hostRegions = strings.Fields(`fra1 nyc1 nyc3 ams3 sfo3 sgp1 lon1 blr1 tor1 nbg1 fsn1 hel1 ash hil`)
)

// NewHost makes an installation's machine.
func NewHost(cfg Config) (*Host, error) {
	if len(cfg.Secret) < 16 {
		return nil, fmt.Errorf("world: the installation's secret has %d bytes, want at least 16", len(cfg.Secret))
	}
	if cfg.Clock == nil {
		return nil, fmt.Errorf("world: no clock")
	}
	if cfg.Programs == nil {
		cfg.Programs = kernel.NewRegistry()
	}
	if cfg.Release.Version == "" {
		cfg.Release = Release{Version: "20.10.24", API: "1.41", Era: 20, CgroupV2: true,
			ContainerdCommit: "2806fc1057397dbaeefbea0e4e17bddfbd388f38", RuncCommit: "v1.1.5-0-gf19387a", InitCommit: "de40ad0"}
	}
	if cfg.Kind == "" {
		cfg.Kind = "lived-in"
	}
	cfg.Quotas.defaults()
	h := &Host{cfg: cfg}
	if err := h.SetRules(cfg.Refuse); err != nil {
		return nil, err
	}
	if err := h.makeFacts(); err != nil {
		return nil, err
	}
	salt := h.derive("catalogue")
	h.catalog = image.NewCatalogue(salt[:], h.facts.DockerStarted, elf, cfg.Trees)
	return h, nil
}

// Facts tells what the machine is.
func (h *Host) Facts() Facts { return h.facts }

// Catalogue is the registry the world pulls from.
func (h *Host) Catalogue() *image.Catalogue { return h.catalog }

func (h *Host) makeFacts() error {
	r := h.rng("facts")
	pick := func(s []string) string { return s[r.IntN(len(s))] }
	name := h.cfg.Provider
	if name == "" {
		name = []string{"aws", "hetzner", "digitalocean", "ovh", "generic"}[r.IntN(5)]
	}
	p, ok := providers[name]
	if !ok {
		return fmt.Errorf("world: no provider profile %q", name)
	}
	f := Facts{Provider: name, Admin: p.admin, NIC: p.nic, Disk: p.disk, PrivateBits: p.bits, Timezone: "Etc/UTC",
		StorageDriver: "overlay2", BackingFS: "extfs", Root: "/var/lib/docker", Public: h.cfg.Public}
	f.Distro = pick(p.distro)
	f.Kernel = pick(p.kernels[f.Distro])
	m := h.rents(name)
	f.Machine, f.CPU, f.Cores, f.Memory, f.DMI = m.name, *m.cpus[0], m.cores, h.seen(m, name), h.dmi(m, name)
	if name != "aws" && r.IntN(2) == 0 {
		f.Swap = 2<<30 - 4096
	}
	since := h.cfg.Installed.UTC()
	if since.IsZero() {
		now := h.cfg.Clock.Now().UTC()
		since = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	f.Boot = since.Add(-time.Duration(9*24+r.IntN(111*24)) * time.Hour).Add(-time.Duration(r.IntN(3600)) * time.Second).Truncate(time.Second)
	f.DockerStarted = f.Boot.Add(time.Duration(9+r.IntN(7))*time.Second + time.Duration(r.IntN(1e9)))
	base := netip.MustParseAddr(p.private).As4()
	base[2] += byte(r.IntN(12))
	if p.bits == 32 {
		base[2] = 1
	}
	base[3] = byte(10 + r.IntN(240))
	f.Private = netip.AddrFrom4(base)
	gw := base
	gw[3] = 1
	f.Gateway = netip.AddrFrom4(gw)
	if name == "hetzner" || name == "ovh" || !h.cfg.Public.IsValid() {
		if h.cfg.Public.IsValid() && h.cfg.Public.Is4() {
			f.Private = h.cfg.Public
		}
	}
	for _, d := range p.dns {
		f.DNS = append(f.DNS, netip.MustParseAddr(d))
	}
	f.MAC = fmt.Sprintf("%s:%02x:%02x:%02x", map[string]string{"aws": "02:1b:" + fmt.Sprintf("%02x", r.IntN(256)), "hetzner": "96:00:02",
		"digitalocean": "de:ad:be", "ovh": "fa:16:3e", "generic": "52:54:00"}[name], r.IntN(256), r.IntN(256), r.IntN(256))
	if name == "digitalocean" {
		f.MAC = fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", r.IntN(64)<<2|2, r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(256))
	}
	f.DiskSize = []int64{40, 50, 80, 100, 160, 240}[r.IntN(6)] << 30
	word := pick(hostWords)
	if r.IntN(3) == 0 {
		word = pick(hostColors)
	}
	pat := pick(p.names)
	f.Name = strings.NewReplacer(
		"%I", strings.ReplaceAll(f.Private.String(), ".", "-"), "%W", word, "%N", fmt.Sprintf("%02d", 1+r.IntN(12)),
		"%C", fmt.Sprint(f.Cores), "%Z", fmt.Sprint(m.gib), "%L", pick(hostRegions), "%D", word+"-net.internal",
		"%X", fmt.Sprintf("%08x", r.Uint32()), "%M", fmt.Sprint(3000000+r.IntN(200000))).Replace(pat)
	if f.Distro == "debian12" {
		f.OS, f.OSVersion = "Debian GNU/Linux 12 (bookworm)", "12"
	} else {
		f.OS, f.OSVersion = "Ubuntu 22.04.4 LTS", "22.04"
	}
	f.KernelBuild = kernelBuilds[f.Kernel]
	f.CgroupDriver = "systemd"
	if !h.cfg.Release.CgroupV2 {
		f.CgroupDriver = "cgroupfs"
	}
	f.BridgeSubnet = netip.MustParsePrefix("172.17.0.0/16")
	f.DockerHost = strings.TrimPrefix(h.cfg.Listen, "tcp://")
	if f.DockerHost == "" {
		f.DockerHost = "0.0.0.0:2375"
	}
	h.facts = f
	if len(h.cfg.Args) == 0 {
		h.cfg.Args = []string{"/usr/bin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock", "-H", "tcp://" + f.DockerHost}
	}
	return nil
}

// Partition is the name of the disk's partition that holds the root.
func (f *Facts) Partition() string {
	if strings.HasPrefix(f.Disk, "nvme") {
		return f.Disk + "p1"
	}
	return f.Disk + "1"
}

// pidAt is the pid of what started at a moment: cron and health checks take one or
// two a minute.
func (h *Host) pidAt(t time.Time) int {
	return 2700 + int(t.Sub(h.facts.Boot).Seconds())/(23+h.rng("pid-rate").IntN(30))
}

// dockerGID is the number of the group docker.
func (h *Host) dockerGID() uint32 { return 990 + uint32(h.rng("docker-gid").IntN(9)) }

// runtimes are the daemon's runtimes as /info shows them.
func (h *Host) runtimes() map[string]system.RuntimeWithStatus {
	m := map[string]system.RuntimeWithStatus{"runc": {Runtime: system.Runtime{Path: "runc"}}, "io.containerd.runc.v2": {Runtime: system.Runtime{Path: "runc"}}}
	if h.cfg.Release.Era == 20 {
		m["io.containerd.runtime.v1.linux"] = system.RuntimeWithStatus{Runtime: system.Runtime{Path: "runc"}}
	}
	return m
}

func (h *Host) validRuntime(name string) bool {
	switch name {
	case "", "runc", "io.containerd.runc.v2":
		return true
	case "io.containerd.runtime.v1.linux":
		return h.cfg.Release.Era == 20
	}
	return false
}
