package world

import (
	"context"
	"fmt"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"
	imagetypes "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/volume"
)

// SystemInfo is the daemon's method.
func (w *World) SystemInfo(ctx context.Context) (*system.Info, error) {
	f, rel := w.host.facts, w.host.cfg.Release
	now := w.now()
	i := &system.Info{ID: w.host.daemonID(), Driver: f.StorageDriver,
		DriverStatus:       [][2]string{{"Backing Filesystem", f.BackingFS}, {"Supports d_type", "true"}, {"Native Overlay Diff", "true"}, {"userxattr", "false"}},
		MemoryLimit:        true,
		SwapLimit:          true,
		CPUCfsPeriod:       true,
		CPUCfsQuota:        true,
		CPUShares:          true,
		CPUSet:             true,
		PidsLimit:          true,
		IPv4Forwarding:     true,
		NFd:                24,
		SystemTime:         now.Format(time.RFC3339Nano),
		LoggingDriver:      "json-file",
		CgroupDriver:       f.CgroupDriver,
		CgroupVersion:      "2",
		KernelVersion:      f.Kernel,
		OperatingSystem:    f.OS,
		OSVersion:          f.OSVersion,
		OSType:             "linux",
		Architecture:       "x86_64",
		IndexServerAddress: "https://index.docker.io/v1/",
		NCPU:               f.Cores,
		MemTotal:           f.Memory,
		DockerRootDir:      f.Root,
		Name:               f.Name,
		Labels:             []string{},
		ServerVersion:      rel.Version,
		Runtimes:           w.host.runtimes(),
		DefaultRuntime:     "runc",
		InitBinary:         "docker-init",
		ContainerdCommit:   system.Commit{ID: rel.ContainerdCommit, Expected: rel.ContainerdCommit},
		RuncCommit:         system.Commit{ID: rel.RuncCommit, Expected: rel.RuncCommit},
		InitCommit:         system.Commit{ID: rel.InitCommit, Expected: rel.InitCommit},
		SecurityOptions:    []string{"name=apparmor", "name=seccomp,profile=" + w.pick20("default", "builtin"), "name=cgroupns"},
		Swarm:              w.Swarm().Info(ctx),
	}
	if w.host.cfg.Release.Era == 20 {
		i.DriverStatus = [][2]string{{"Backing Filesystem", f.BackingFS}, {"Supports d_type", "true"}, {"Native Overlay Diff", "true"}, {"userxattr", "false"}}
	}
	i.Plugins = system.PluginsInfo{Volume: []string{"local"}, Network: []string{"bridge", "host", "ipvlan", "macvlan", "null", "overlay"},
		Log: []string{"awslogs", "fluentd", "gcplogs", "gelf", "journald", "json-file", "local", "logentries", "splunk", "syslog"}}
	if rel.Era >= 26 {
		i.Plugins.Log = []string{"awslogs", "fluentd", "gcplogs", "gelf", "journald", "json-file", "local", "splunk", "syslog"}
		i.CDISpecDirs = []string{"/etc/cdi", "/var/run/cdi"}
	}
	if !rel.CgroupV2 {
		i.CgroupVersion, i.KernelMemory, i.KernelMemoryTCP, i.OomKillDisable = "1", true, true, true
		i.SecurityOptions = i.SecurityOptions[:2]
	}
	i.RegistryConfig = &registry.ServiceConfig{InsecureRegistryCIDRs: []*registry.NetIPNet{loopback()}, IndexConfigs: map[string]*registry.IndexInfo{
		"docker.io": {Name: "docker.io", Mirrors: []string{}, Secure: true, Official: true}}, Mirrors: []string{}}
	w.mu.Lock()
	defer w.mu.Unlock()
	i.Images = w.images.Len()
	for _, c := range w.containers {
		i.Containers++
		switch {
		case c.Paused:
			i.ContainersPaused++
		case c.Running:
			i.ContainersRunning++
		default:
			i.ContainersStopped++
		}
	}
	i.NFd = 22 + 3*i.ContainersRunning
	i.NGoroutines = 34 + 8*i.ContainersRunning
	w.events.mu.Lock()
	i.NEventsListener = len(w.events.subs)
	w.events.mu.Unlock()
	// the warnings come after the persona's own: the API is open
	attack := fmt.Sprintf("WARNING: API is accessible on http://%s without encryption.\n         Access to the remote API is equivalent to root access on the host. Refer\n         to the 'Docker daemon attack surface' section in the documentation for\n         more information: https://docs.docker.com/go/attack-surface/", f.DockerHost)
	if rel.Era == 20 {
		i.Warnings = append(i.Warnings, attack)
	} else {
		i.Warnings = append(i.Warnings, "[DEPRECATION NOTICE]: API is accessible on http://"+f.DockerHost+" without encryption.\n         Access to the remote API is equivalent to root access on the host. Refer\n         to the 'Docker daemon attack surface' section in the documentation for\n         more information: https://docs.docker.com/go/attack-surface/\nIn future versions this will be a hard failure preventing the daemon from starting! Learn more at: https://docs.docker.com/go/api-security/")
	}
	return i, nil
}

// SystemVersion is the daemon's method, as far as the host decides it.
func (w *World) SystemVersion(context.Context) (types.Version, error) {
	rel := w.host.cfg.Release
	return types.Version{Version: rel.Version, APIVersion: rel.API, Os: "linux", Arch: "amd64", KernelVersion: w.host.facts.Kernel}, nil
}

// SystemDiskUsage is the daemon's method.
func (w *World) SystemDiskUsage(ctx context.Context, o backend.DiskUsageOptions) (*backend.DiskUsage, error) {
	if !w.dfBusy.CompareAndSwap(false, true) {
		return nil, conflict("a disk usage operation is already running")
	}
	defer w.dfBusy.Store(false)
	du := &backend.DiskUsage{}
	if o.Containers {
		l, err := w.Containers(ctx, &container.ListOptions{All: true, Size: true})
		if err != nil {
			return nil, err
		}
		d := &container.DiskUsage{Items: l}
		for _, c := range l {
			d.TotalSize += c.SizeRw
			if c.State != container.StateRunning && c.State != container.StatePaused && c.State != container.StateRestarting {
				d.Reclaimable += c.SizeRw
			}
		}
		du.Containers = d
	}
	if o.Images {
		l, err := w.Images(ctx, imagetypes.ListOptions{SharedSize: true, ContainerCount: true})
		if err != nil {
			return nil, err
		}
		d := &imagetypes.DiskUsage{Items: l}
		seen := map[string]bool{}
		w.mu.Lock()
		for _, i := range w.images.All() {
			for _, c := range i.Layers {
				if !seen[c.DiffID] {
					seen[c.DiffID] = true
					d.TotalSize += c.Size
				}
			}
		}
		w.mu.Unlock()
		used := int64(0)
		for _, i := range l {
			if i.Containers > 0 && i.SharedSize >= 0 {
				used += i.Size - i.SharedSize
			}
		}
		d.Reclaimable = max(d.TotalSize-used, 0)
		du.Images = d
	}
	if o.Volumes {
		w.mu.Lock()
		d := &volume.DiskUsage{Items: []*volume.Volume{}}
		for _, v := range w.volumes {
			if len(v.options) > 0 {
				continue // what options name may lie elsewhere: it is not measured
			}
			a := w.volumeAPI(v)
			n := int64(len(w.users(v.name)))
			a.UsageData = &volume.UsageData{Size: w.volumeSize(v), RefCount: n}
			d.Items = append(d.Items, a)
			d.TotalSize += a.UsageData.Size
			if n == 0 {
				d.Reclaimable += a.UsageData.Size
			}
		}
		w.mu.Unlock()
		du.Volumes = d
	}
	return du, nil
}

// loopback is what /info shows as the registries that need no TLS. Its type hides
// package net, which nothing here imports.
func loopback() *registry.NetIPNet {
	var n registry.NetIPNet
	if err := n.UnmarshalJSON([]byte("\"127.0.0.0/8\"")); err != nil {
		panic(err) // a constant
	}
	return &n
}
