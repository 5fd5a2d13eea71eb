package world

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/go-connections/nat"
)

// The checks of this file are those of daemon.verifyContainerSettings, in its
// order: common ones first, then the platform's.

const minMemory = 6 << 20 // linuxMinMemory

func (w *World) verifyContainer(hc *container.HostConfig, cfg *container.Config, update bool) (warnings []string, err error) {
	if err := verifyConfig(cfg); err != nil {
		return nil, err
	}
	if err := w.verifyHostConfig(hc); err != nil {
		return nil, err
	}
	return w.verifyPlatform(hc, update)
}

func verifyConfig(c *container.Config) error {
	if c == nil {
		return nil
	}
	if c.WorkingDir != "" {
		if !path.IsAbs(c.WorkingDir) {
			return fmt.Errorf("the working directory '%s' is invalid, it needs to be an absolute path", c.WorkingDir)
		}
		c.WorkingDir = path.Clean(c.WorkingDir)
	}
	if c.StopSignal != "" {
		if _, err := parseSignal(c.StopSignal); err != nil {
			return err
		}
	}
	for _, e := range c.Env {
		if k, _, _ := strings.Cut(e, "="); k == "" {
			return fmt.Errorf("invalid environment variable: %s", e)
		}
	}
	return verifyHealth(c.Healthcheck)
}

func verifyHealth(h *container.HealthConfig) error {
	if h == nil {
		return nil
	}
	for _, d := range []struct {
		name string
		v    int64
	}{{"Interval", int64(h.Interval)}, {"Timeout", int64(h.Timeout)}} {
		if d.v != 0 && d.v < int64(container.MinimumDuration) {
			return fmt.Errorf("%s in Healthcheck cannot be less than %s", d.name, container.MinimumDuration)
		}
	}
	if h.Retries < 0 {
		return fmt.Errorf("Retries in Healthcheck cannot be negative")
	}
	if h.StartPeriod != 0 && h.StartPeriod < container.MinimumDuration {
		return fmt.Errorf("StartPeriod in Healthcheck cannot be less than %s", container.MinimumDuration)
	}
	if h.StartInterval != 0 && h.StartInterval < container.MinimumDuration {
		return fmt.Errorf("StartInterval in Healthcheck cannot be less than %s", container.MinimumDuration)
	}
	return nil
}

func (w *World) verifyHostConfig(hc *container.HostConfig) error {
	if hc == nil {
		return nil
	}
	if hc.AutoRemove && !hc.RestartPolicy.IsNone() {
		return fmt.Errorf("can't create 'AutoRemove' container with restart policy")
	}
	for i := range hc.Mounts {
		if err := w.validateMount(&hc.Mounts[i]); err != nil {
			return err
		}
	}
	for _, e := range hc.ExtraHosts {
		name, ip, ok := strings.Cut(e, ":")
		if !ok || name == "" {
			return fmt.Errorf("bad format for add-host: %q", e)
		}
		if ip != "host-gateway" && !validIP(strings.Trim(ip, "[]")) {
			return fmt.Errorf("invalid IP address in add-host: %q", ip)
		}
	}
	for port, bindings := range hc.PortBindings {
		_, s := nat.SplitProtoPort(string(port))
		if _, err := nat.ParsePort(s); err != nil {
			return fmt.Errorf("invalid port specification: %q", s)
		}
		for _, b := range bindings {
			if _, err := nat.NewPort(nat.SplitProtoPort(b.HostPort)); err != nil {
				return fmt.Errorf("invalid port specification: %q", b.HostPort)
			}
		}
	}
	if err := w.verifyRestart(hc.RestartPolicy); err != nil {
		return err
	}
	if err := verifyCaps(hc.CapAdd); err != nil {
		return fmt.Errorf("invalid CapAdd: %w", err)
	}
	if err := verifyCaps(hc.CapDrop); err != nil {
		return fmt.Errorf("invalid CapDrop: %w", err)
	}
	if !hc.Isolation.IsValid() {
		if w.host.cfg.Release.Era == 26 {
			return systemErr("invalid isolation '%s' on linux", hc.Isolation)
		}
		return fmt.Errorf("invalid isolation '%s' on linux", hc.Isolation)
	}
	for k := range hc.Annotations {
		if k == "" {
			return fmt.Errorf("invalid Annotations: the empty string is not permitted as an annotation key")
		}
	}
	return nil
}

func (w *World) verifyRestart(p container.RestartPolicy) error {
	if w.host.cfg.Release.Era >= 26 {
		return container.ValidateRestartPolicy(p)
	}
	switch p.Name {
	case "always", "unless-stopped", "no":
		if p.MaximumRetryCount != 0 {
			return fmt.Errorf("maximum retry count cannot be used with restart policy '%s'", p.Name)
		}
	case "on-failure":
		if p.MaximumRetryCount < 0 {
			return fmt.Errorf("maximum retry count cannot be negative")
		}
	case "":
	default:
		return fmt.Errorf("invalid restart policy '%s'", p.Name)
	}
	return nil
}

var capNames = func() map[string]bool {
	m := map[string]bool{"ALL": true}
	for _, c := range strings.Fields(`CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
 NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE
 SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON
 BPF CHECKPOINT_RESTORE`) {
		m[c] = true
	}
	return m
}()

func verifyCaps(list []string) error {
	for _, c := range list {
		n := strings.TrimPrefix(strings.ToUpper(c), "CAP_")
		if !capNames[n] {
			return fmt.Errorf("unknown capability: %q", "CAP_"+n)
		}
	}
	return nil
}

func (w *World) verifyPlatform(hc *container.HostConfig, update bool) ([]string, error) {
	if hc == nil {
		return nil, nil
	}
	warnings, err := w.verifyResources(&hc.Resources, update)
	if err != nil {
		return warnings, err
	}
	late := w.host.cfg.Release.Era == 20 // 20.10 looks at these when the container starts
	if !late && !hc.IpcMode.Valid() {
		return warnings, fmt.Errorf("invalid IPC mode: %v", hc.IpcMode)
	}
	if !late && !hc.PidMode.Valid() {
		return warnings, fmt.Errorf("invalid PID mode: %v", hc.PidMode)
	}
	if hc.ShmSize < 0 {
		return warnings, fmt.Errorf("SHM size can not be less than 0")
	}
	if !hc.UTSMode.Valid() && w.host.cfg.Release.Era != 20 { // where only the client looked
		return warnings, fmt.Errorf("invalid UTS mode: %v", hc.UTSMode)
	}
	if hc.OomScoreAdj < -1000 || hc.OomScoreAdj > 1000 {
		return warnings, fmt.Errorf("Invalid value %d, range for oom score adj is [-1000, 1000]", hc.OomScoreAdj)
	}
	if hc.NetworkMode.IsHost() && len(hc.PortBindings) > 0 {
		warnings = append(warnings, "Published ports are discarded when using host network mode")
	}
	if hc.CgroupParent != "" && w.host.facts.CgroupDriver == "systemd" {
		if len(hc.CgroupParent) <= 6 || !strings.HasSuffix(hc.CgroupParent, ".slice") {
			return warnings, fmt.Errorf("cgroup-parent for systemd cgroup should be a valid slice named as \"xxx.slice\"")
		}
	}
	if hc.Runtime == "" {
		hc.Runtime = "runc"
	}
	if !w.host.validRuntime(hc.Runtime) {
		if w.host.cfg.Release.Era == 20 {
			return warnings, fmt.Errorf("Unknown runtime specified %s", hc.Runtime)
		}
		return warnings, fmt.Errorf("unknown or invalid runtime name: %s", hc.Runtime)
	}
	for dest := range hc.Tmpfs {
		if err := validateDest(dest); err != nil {
			return warnings, err
		}
	}
	if !hc.CgroupnsMode.Valid() {
		return warnings, fmt.Errorf("invalid cgroup namespace mode: %v", hc.CgroupnsMode)
	}
	return warnings, nil
}

func (w *World) verifyResources(r *container.Resources, update bool) (warnings []string, err error) {
	v2 := w.host.cfg.Release.CgroupV2
	if r.MemorySwappiness != nil && *r.MemorySwappiness == -1 {
		r.MemorySwappiness = nil
	}
	if r.Memory != 0 && r.Memory < minMemory {
		return warnings, fmt.Errorf("Minimum memory limit allowed is 6MB")
	}
	if r.Memory > 0 && r.MemorySwap > 0 && r.MemorySwap < r.Memory {
		return warnings, fmt.Errorf("Minimum memoryswap limit should be larger than memory limit, see usage")
	}
	if r.Memory == 0 && r.MemorySwap > 0 && !update {
		return warnings, fmt.Errorf("You should always set the Memory limit when using Memoryswap limit, see usage")
	}
	if r.MemorySwappiness != nil && v2 {
		warnings = append(warnings, "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.")
		r.MemorySwappiness = nil
	}
	if s := r.MemorySwappiness; s != nil && (*s < 0 || *s > 100) {
		return warnings, fmt.Errorf("Invalid value: %v, valid memory swappiness range is 0-100", *s)
	}
	if r.MemoryReservation > 0 && r.MemoryReservation < minMemory {
		return warnings, fmt.Errorf("Minimum memory reservation allowed is 6MB")
	}
	if r.MemoryReservation > 0 && r.Memory > 0 && r.Memory < r.MemoryReservation {
		return warnings, fmt.Errorf("Minimum memory limit can not be less than memory reservation limit, see usage")
	}
	if r.KernelMemory > 0 {
		if v2 {
			warnings = append(warnings, "Your kernel does not support kernel memory limit capabilities or the cgroup is not mounted. Limitation discarded.")
			r.KernelMemory = 0
		} else if r.KernelMemory < minMemory {
			return warnings, fmt.Errorf("Minimum kernel memory limit allowed is 6MB")
		}
	}
	if r.OomKillDisable != nil && v2 {
		if *r.OomKillDisable {
			warnings = append(warnings, "Your kernel does not support OomKillDisable. OomKillDisable discarded.")
		}
		r.OomKillDisable = nil
	}
	if r.OomKillDisable != nil && *r.OomKillDisable && r.Memory == 0 {
		warnings = append(warnings, "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.")
	}
	if r.NanoCPUs > 0 && r.CPUPeriod > 0 {
		return warnings, fmt.Errorf("Conflicting options: Nano CPUs and CPU Period cannot both be set")
	}
	if r.NanoCPUs > 0 && r.CPUQuota > 0 {
		return warnings, fmt.Errorf("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
	}
	n := int64(w.host.facts.Cores)
	if r.NanoCPUs < 0 || r.NanoCPUs > n*1e9 {
		if w.host.cfg.Release.Era < 28 {
			return warnings, fmt.Errorf("Range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available", n, n)
		}
		return warnings, fmt.Errorf("range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available", n, n)
	}
	if r.CPUPeriod != 0 && (r.CPUPeriod < 1000 || r.CPUPeriod > 1000000) {
		return warnings, fmt.Errorf("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
	}
	if r.CPUQuota > 0 && r.CPUQuota < 1000 {
		return warnings, fmt.Errorf("CPU cfs quota can not be less than 1ms (i.e. 1000)")
	}
	if r.CPUPercent > 0 {
		warnings = append(warnings, "linux does not support CPU percent. Percent discarded.")
		r.CPUPercent = 0
	}
	if err := checkSet(r.CpusetCpus, w.host.facts.Cores, "cpus", "CPUs"); err != nil {
		return warnings, err
	}
	if err := checkSet(r.CpusetMems, 1, "mems", "memory nodes"); err != nil {
		return warnings, err
	}
	if r.BlkioWeight > 0 && w.host.cfg.Release.Debian {
		// the machine of the test's daemons has no such file
		warnings = append(warnings, "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.")
		r.BlkioWeight = 0
	}
	if r.BlkioWeight > 0 && (r.BlkioWeight < 10 || r.BlkioWeight > 1000) {
		return warnings, fmt.Errorf("Range of blkio weight is from 10 to 1000")
	}
	if r.IOMaximumBandwidth != 0 || r.IOMaximumIOps != 0 {
		return warnings, fmt.Errorf("Invalid QoS settings: linux does not support Maximum IO Bandwidth or Maximum IO IOps")
	}
	return warnings, nil
}

// checkSet reads a list such as "0-2,4" against what the machine has.
func checkSet(s string, n int, kindOf, noun string) error {
	if s == "" {
		return nil
	}
	have := "0"
	if n > 1 {
		have = fmt.Sprintf("0-%d", n-1)
	}
	missing := false
	for _, part := range strings.Split(s, ",") {
		lo, hi, ranged := strings.Cut(part, "-")
		a, err := strconv.Atoi(lo)
		b := a
		if err == nil && ranged {
			b, err = strconv.Atoi(hi)
		}
		if err != nil || b < a || a < 0 {
			return fmt.Errorf("Invalid value %s for cpuset %s: invalid format: %s", s, kindOf, s)
		}
		missing = missing || b >= n
	}
	if missing { // the whole list is read before it is compared
		return fmt.Errorf("Requested %s are not available - requested %s, available: %s", noun, s, have)
	}
	return nil
}

func validateDest(dest string) error {
	if dest == "" {
		return fmt.Errorf("invalid mount config for type %q: field Target must not be empty", mount.TypeTmpfs)
	}
	if !path.IsAbs(dest) {
		return fmt.Errorf("invalid mount path: '%s' mount path must be absolute", dest)
	}
	if path.Clean(dest) == "/" {
		return fmt.Errorf("invalid specification: destination can't be '/'")
	}
	return nil
}

func mountErr(m *mount.Mount, format string, a ...any) error {
	return fmt.Errorf("invalid mount config for type %q: %s", m.Type, fmt.Sprintf(format, a...))
}

// validateMount is volume/mounts' linuxParser.ValidateMountConfig.
func (w *World) validateMount(m *mount.Mount) error {
	if m.Target == "" {
		return mountErr(m, "field Target must not be empty")
	}
	if path.Clean(m.Target) == "/" {
		return mountErr(m, "invalid specification: destination can't be '/'")
	}
	if !path.IsAbs(m.Target) {
		return mountErr(m, "invalid mount path: '%s' mount path must be absolute", m.Target)
	}
	switch m.Type {
	case mount.TypeBind:
		if m.Source == "" {
			return mountErr(m, "field Source must not be empty")
		}
		if m.VolumeOptions != nil {
			return mountErr(m, "field VolumeOptions must not be specified")
		}
		if !path.IsAbs(m.Source) {
			return mountErr(m, "invalid mount path: '%s' mount path must be absolute", m.Source)
		}
		if (m.BindOptions == nil || !m.BindOptions.CreateMountpoint) && !w.hostExists(m.Source) {
			return mountErr(m, "bind source path does not exist: %s", m.Source)
		}
	case mount.TypeVolume:
		if m.BindOptions != nil {
			return mountErr(m, "field BindOptions must not be specified")
		}
		if m.Source == "" && m.ReadOnly {
			return mountErr(m, "must not set ReadOnly mode when using anonymous volumes")
		}
		if o := m.VolumeOptions; o != nil && o.Subpath != "" && !isLocal(o.Subpath) {
			return mountErr(m, "subpath must be a relative path within the volume")
		}
	case mount.TypeTmpfs:
		if m.BindOptions != nil {
			return mountErr(m, "field BindOptions must not be specified")
		}
		if m.Source != "" {
			return mountErr(m, "field Source must not be specified")
		}
	case mount.TypeImage:
		if w.host.cfg.Release.Era < 28 {
			return mountErr(m, "mount type unknown")
		}
		if m.Source == "" {
			return mountErr(m, "field Source must not be empty")
		}
		if o := m.ImageOptions; o != nil && o.Subpath != "" && !isLocal(o.Subpath) {
			return mountErr(m, "subpath must be a relative path within the volume")
		}
	default:
		return mountErr(m, "mount type unknown")
	}
	return nil
}

// isLocal is filepath.IsLocal.
func isLocal(p string) bool {
	if p == "" || path.IsAbs(p) {
		return false
	}
	p = path.Clean(p)
	return p != ".." && !strings.HasPrefix(p, "../")
}

var volumeName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)

// bindModes are the words that may stand after the second colon of a bind.
func validBindMode(mode string) (rw, ok bool) {
	rw = true
	seen := map[string]bool{}
	for _, o := range strings.Split(mode, ",") {
		var class string
		switch o {
		case "ro", "rw":
			class = "rw"
			if o == "ro" {
				rw = false
			}
		case "z", "Z":
			class = "label"
		case "private", "rprivate", "shared", "rshared", "slave", "rslave":
			class = "prop"
		case "nocopy":
			class = "copy"
		case "delegated", "cached", "consistent":
			class = "consistency"
		case "":
			continue
		default:
			return false, false
		}
		if seen[class] {
			return false, false
		}
		seen[class] = true
	}
	return rw, true
}

// parseBind reads a bind as linuxParser.ParseMountRaw does.
func parseBind(raw, driver string) (*mountPoint, error) {
	parts := strings.SplitN(raw, ":", 4)
	bad := func() error { return fmt.Errorf("invalid volume specification: '%s'", raw) }
	mp := &mountPoint{RW: true}
	var src string
	switch len(parts) {
	case 1:
		mp.Destination = parts[0]
	case 2:
		if _, ok := validBindMode(parts[1]); ok && parts[1] != "" {
			mp.Destination, mp.Mode = parts[0], parts[1]
		} else {
			src, mp.Destination = parts[0], parts[1]
		}
	case 3:
		src, mp.Destination, mp.Mode = parts[0], parts[1], parts[2]
	default:
		return nil, bad()
	}
	if parts[0] == "" {
		return nil, bad()
	}
	rw, ok := validBindMode(mp.Mode)
	if !ok {
		return nil, fmt.Errorf("invalid mode: %v", mp.Mode)
	}
	mp.RW = rw
	if mp.Destination == "" || !path.IsAbs(mp.Destination) {
		return nil, fmt.Errorf("invalid volume specification: '%s': invalid mount config for type %q: invalid mount path: '%s' mount path must be absolute", raw, bindType(src), mp.Destination)
	}
	mp.Destination = path.Clean(mp.Destination)
	if mp.Destination == "/" {
		return nil, fmt.Errorf("invalid volume specification: '%s': invalid mount config for type %q: invalid specification: destination can't be '/'", raw, bindType(src))
	}
	for _, o := range strings.Split(mp.Mode, ",") {
		switch o {
		case "private", "rprivate", "shared", "rshared", "slave", "rslave":
			mp.Propagation = mount.Propagation(o)
		}
	}
	field := ""
	if path.IsAbs(src) && strings.Contains(","+mp.Mode+",", ",nocopy,") {
		field = "VolumeOptions"
	} else if !path.IsAbs(src) && mp.Propagation != "" {
		field = "BindOptions"
	}
	if field != "" {
		return nil, fmt.Errorf("invalid volume specification: '%s': invalid mount config for type %q: field %s must not be specified", raw, bindType(src), field)
	}
	if path.IsAbs(src) {
		mp.Type, mp.Source = mount.TypeBind, path.Clean(src)
		if mp.Propagation == "" {
			mp.Propagation = mount.PropagationRPrivate
		}
		return mp, nil
	}
	mp.Type, mp.Name, mp.Driver, mp.CopyData = mount.TypeVolume, src, driver, true
	if mp.Driver == "" {
		mp.Driver = "local"
	}
	if src != "" && !volumeName.MatchString(src) {
		return nil, badVolumeName(src)
	}
	if mp.Mode == "" {
		mp.Mode = "z"
	}
	if strings.Contains(","+mp.Mode+",", ",nocopy,") {
		mp.CopyData = false
	}
	return mp, nil
}

func bindType(src string) mount.Type {
	if path.IsAbs(src) {
		return mount.TypeBind
	}
	return mount.TypeVolume
}

func badVolumeName(name string) error {
	return invalid("create %s: %q includes invalid characters for a local volume name, only %q are allowed. If you intended to pass a host directory, use absolute path", name, name, nameChars)
}
