package persona

import (
	"net"
	"net/url"
	"strings"

	"github.com/docker/docker/api/types/registry"
	"github.com/docker/docker/api/types/system"
)

// attack is the end of every warning about an open API.
const attack = "\n         Access to the remote API is equivalent to root access on the host. Refer\n         to the 'Docker daemon attack surface' section in the documentation for\n         more information: https://docs.docker.com/go/attack-surface/"

// Dress puts the release's own facts into a world's Info: its version and its parts',
// its log drivers, the names of security profiles, the registry's defaults, and the
// warnings that follow from the daemon's command line. What is the host's stays.
func (p *Persona) Dress(i *system.Info, args []string) {
	i.ServerVersion = p.Version
	i.ContainerdCommit = system.Commit{ID: p.Containerd.Commit}
	i.RuncCommit = system.Commit{ID: p.Runc.Commit}
	i.InitCommit = system.Commit{ID: p.Init.Commit}

	logs := []string{"awslogs", "fluentd", "gcplogs", "gelf", "journald", "json-file", "local", "splunk", "syslog"}
	switch {
	case p.Era == Era20:
		logs = []string{"awslogs", "fluentd", "gcplogs", "gelf", "journald", "json-file", "local", "logentries", "splunk", "syslog"}
	case p.Era == Era28 && p.Debian:
		// Debian builds that release without Google's driver.
		logs = []string{"awslogs", "fluentd", "gelf", "journald", "json-file", "local", "splunk", "syslog"}
	}
	i.Plugins.Log = logs

	profile := "builtin"
	if p.Era == Era20 {
		profile = "default"
	}
	var opts []string
	for _, o := range i.SecurityOptions {
		if p.Debian && (o == "name=apparmor" || o == "name=cgroupns") {
			// The machine the tests run on has neither.
			continue
		}
		if strings.HasPrefix(o, "name=seccomp,profile=") && !strings.Contains(o, "unconfined") {
			o = "name=seccomp,profile=" + profile
		}
		opts = append(opts, o)
	}
	i.SecurityOptions = opts

	// Overlay's status has had a line on metacopy since 23.
	var ds [][2]string
	for _, l := range i.DriverStatus {
		if l[0] == "Using metacopy" {
			continue
		}
		if l[0] == "Native Overlay Diff" && p.Era > Era20 {
			ds = append(ds, [2]string{"Using metacopy", "false"})
		}
		ds = append(ds, l)
	}
	i.DriverStatus = ds

	if rc := i.RegistryConfig; rc != nil {
		own := *rc
		v4 := registry.NetIPNet{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}
		v6 := registry.NetIPNet{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)}
		own.InsecureRegistryCIDRs = []*registry.NetIPNet{&v4}
		if p.Era >= Era28 {
			own.InsecureRegistryCIDRs = []*registry.NetIPNet{&v6, &v4}
		}
		if len(own.Mirrors) == 0 && p.Era > Era20 {
			own.Mirrors = nil
		}
		i.RegistryConfig = &own
	}
	if p.Era >= Era28 {
		i.Containerd = &system.ContainerdInfo{Address: "/run/containerd/containerd.sock", Namespaces: system.ContainerdNamespaces{Containers: "moby", Plugins: "plugins.moby"}}
		if p.Debian {
			// That daemon starts a containerd of its own.
			i.Containerd.Address = "/var/run/docker/containerd/containerd.sock"
		}
		i.FirewallBackend = &system.FirewallInfo{Driver: "iptables"}
		i.CDISpecDirs = []string{"/etc/cdi", "/var/run/cdi"}
	}
	i.Runtimes = p.runtimes()
	if p.Era == Era26 {
		i.CDISpecDirs = []string{}
	}

	if i.CgroupVersion == "1" {
		i.KernelMemory, i.KernelMemoryTCP = true, true
	}

	var warn []string
	for _, a := range args {
		u, err := url.Parse(strings.TrimPrefix(a, "-H="))
		if err != nil || u.Scheme != "tcp" {
			continue
		}
		warn = append(warn, p.openWarning(u.Host))
	}
	for _, w := range i.Warnings {
		if !strings.Contains(w, "API is accessible") {
			warn = append(warn, w)
		}
	}
	i.Warnings = warn
}

// openWarning is fillAPIInfo's warning about a TCP socket without TLS.
func (p *Persona) openWarning(host string) string {
	if p.Era >= Era26 {
		return "[DEPRECATION NOTICE]: API is accessible on http://" + host + " without encryption." + attack +
			"\nIn future versions this will be a hard failure preventing the daemon from starting! Learn more at: https://docs.docker.com/go/api-security/"
	}
	return "WARNING: API is accessible on http://" + host + " without encryption." + attack
}

// runtimes are the two every daemon has. Since 25 /info says what runc can do, as
// `runc features` prints it.
func (p *Persona) runtimes() map[string]system.RuntimeWithStatus {
	rt := system.RuntimeWithStatus{Runtime: system.Runtime{Path: "runc"}}
	if p.Era > Era20 {
		f := (&Debug{p: p}).load("features")
		f = strings.NewReplacer(p.runcBuilt().Commit, p.Runc.Commit, p.runcBuilt().Version, p.Runc.Version).Replace(f)
		rt.Status = map[string]string{"org.opencontainers.runtime-spec.features": f}
	}
	return map[string]system.RuntimeWithStatus{"runc": rt, "io.containerd.runc.v2": rt}
}

// runcBuilt is the build whose features are kept.
func (p *Persona) runcBuilt() Component {
	for _, x := range releases() {
		if x.Era == p.Era && x.Debian {
			return x.Runc
		}
	}
	return p.Runc
}
