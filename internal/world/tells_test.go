package world

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
)

// of is a lived-in fixture of a provider with every program.
func of(t *testing.T, provider string, more ...option) *fixture {
	t.Helper()
	return fixtureOf(t, append(more, func(c *Config, _ *ManagerConfig) {
		c.Programs, c.Kind, c.Provider = every(), "lived-in", provider
		c.Installed = c.Clock.Now().Add(-3 * time.Hour)
	})...)
}

// fields reads lines of "key : value".
func fields(s string) map[string]string {
	m := map[string]string{}
	for _, l := range strings.Split(s, "\n") {
		if k, v, ok := strings.Cut(l, ":"); ok && m[strings.TrimSpace(k)] == "" {
			m[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	return m
}

// TestMachineAgreesWithItself looks at the processor, the memory and the firmware by
// each way an attacker has: they are one machine that the provider rents.
func TestMachineAgreesWithItself(t *testing.T) {
	for provider := range providers {
		for _, cfg := range []struct {
			cores  int
			memory int64
		}{{}, {1, 0}, {2, 4 << 30}, {8, 8 << 30}, {0, 16 << 30}, {64, 0}} {
			f := of(t, provider, func(c *Config, _ *ManagerConfig) { c.Cores, c.Memory = cfg.cores, cfg.memory })
			fa := f.host.Facts()
			out := f.sh(&container.HostConfig{Binds: []string{"/:/mnt"}}, "chroot", "/mnt", "/bin/bash", "-c",
				"cat /proc/cpuinfo; echo --; lscpu; echo --; cat /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_name; echo --; nproc; grep -c ^cpu[0-9] /proc/stat; awk '/MemTotal/{print $2}' /proc/meminfo; head -1 /proc/interrupts | wc -w")
			part := strings.Split(out, "--\n")
			if len(part) != 4 {
				t.Fatalf("%s: %s", provider, out)
			}
			info, ls, n := fields(part[0]), fields(part[1]), strings.Fields(part[3])
			for k, v := range map[string]string{"vendor_id": "Vendor ID", "model name": "Model name", "cpu family": "CPU family", "model": "Model", "stepping": "Stepping", "flags": "Flags", "address sizes": "Address sizes"} {
				if info[k] == "" || info[k] != ls[v] {
					t.Errorf("%s: cpuinfo's %s is %q, lscpu's %s is %q", provider, k, info[k], v, ls[v])
				}
			}
			amd := info["vendor_id"] == "AuthenticAMD"
			if amd != (info["cpu family"] == "23") || amd != strings.Contains(info["model name"], "AMD") || amd != strings.Contains(info["flags"], "sse4a") || amd != strings.Contains(info["bugs"], "srso") || amd != (info["TLB size"] != "") {
				t.Errorf("%s: %s", provider, part[0])
			}
			for _, l := range []string{"L1d cache", "L3 cache", "NUMA node0 CPU(s)", "Vulnerability Meltdown", "Vulnerability Retbleed", "Hypervisor vendor", "Virtualization type"} {
				if ls[l] == "" {
					t.Errorf("%s: lscpu has no %s\n%s", provider, l, part[1])
				}
			}
			if cores := strconv.Itoa(fa.Cores); n[0] != cores || n[1] != cores || n[3] != cores || ls["CPU(s)"] != cores || info["siblings"] != cores {
				t.Errorf("%s: %d processors, %v, %s, %s", provider, fa.Cores, n, ls["CPU(s)"], info["siblings"])
			}
			threads, _ := strconv.Atoi(ls["Thread(s) per core"])
			per, _ := strconv.Atoi(ls["Core(s) per socket"])
			if threads*per != fa.Cores || strconv.Itoa(per) != info["cpu cores"] || strings.Contains(info["flags"], " ht ") != true {
				t.Errorf("%s: %d threads of %d cores for %d", provider, threads, per, fa.Cores)
			}
			kb, _ := strconv.ParseFloat(n[2], 64)
			gib := 0.0
			for _, m := range machines[provider] {
				if m.name == fa.Machine && m.cores == fa.Cores && math.Abs(m.gib-kb/(1<<20)) < m.gib*0.08 {
					gib = m.gib
				}
			}
			if gib == 0 || int64(kb)%4 != 0 {
				t.Errorf("%s: no %q has %d processors and %v kB", provider, fa.Machine, fa.Cores, kb)
			}
			if cfg.cores > 0 && cfg.cores <= 8 && cfg.memory == 0 && fa.Cores != cfg.cores && !(provider == "aws" || provider == "generic") {
				t.Errorf("%s: %d processors, asked for %d", provider, fa.Cores, cfg.cores)
			}
			if dmi := strings.Split(part[2], "\n"); provider == "aws" && (dmi[0] != "Amazon EC2" || dmi[1] != fa.Machine || threads != 2) {
				t.Errorf("aws: %q with %d threads a core on a %s", dmi, threads, fa.Machine)
			}
		}
	}
}

// TestLoadMoves: the averages rise with what runs and fade, the youngest first, and
// uptime, w and top say the same.
func TestLoadMoves(t *testing.T) {
	clock := kerneltest.NewClock(time.Date(2024, 5, 20, 10, 0, 0, 0, time.UTC))
	f := of(t, "generic", withClock(clock))
	k := f.kern
	seen := map[string]bool{}
	for range 40 {
		clock.Advance(30 * time.Second)
		l := k.Load()
		seen[fmt.Sprintf("%.2f", l[0])] = true
		if l[0] > 4 || l[2] > 2 {
			t.Errorf("at rest: %v", l)
		}
	}
	if len(seen) < 8 {
		t.Errorf("of 40 looks in 20 minutes only %v differ", seen)
	}
}

// TestProcessorTime: the processors differ, what they idled is what /proc/uptime
// says, and a loop takes time that its shell, its process and the load tell.
func TestProcessorTime(t *testing.T) {
	f := of(t, "digitalocean", func(c *Config, _ *ManagerConfig) { c.Cores, c.Limits.CPU = 4, 400000 })
	out := f.sh(nil, "sh", "-c", "grep ^cpu /proc/stat; echo --; cat /proc/uptime")
	stat, up, _ := strings.Cut(out, "--\n")
	var idle []float64
	seen := map[string]bool{}
	for _, l := range strings.Split(strings.TrimSpace(stat), "\n") {
		c := strings.Fields(l)
		n, _ := strconv.ParseFloat(c[4], 64)
		idle = append(idle, n)
		seen[strings.Join(c[1:], " ")] = true
	}
	if len(idle) != 5 || len(seen) != 5 {
		t.Fatalf("/proc/stat: %s", stat)
	}
	sum := idle[1] + idle[2] + idle[3] + idle[4]
	told, _ := strconv.ParseFloat(strings.Fields(up)[1], 64)
	if math.Abs(sum-idle[0]) > 1 || math.Abs(sum/100-told) > 5 {
		t.Errorf("idle: %v in all, %v of each, uptime has %v", idle[0], idle[1:], told)
	}
	out = f.onHost("time for i in {1..60000}; do :; done; times; cut -d' ' -f14,15 /proc/$$/stat; uptime | sed 's/.*average/LA/'; sed 's/^/LB: /' /proc/loadavg")
	m := fields(strings.ReplaceAll(out, "\t", ":"))
	if m["user"] == "0m0.000s" || m["user"] == "" || strings.Contains(out, "\n0 0\n") {
		t.Errorf("a loop: %s", out)
	}
	a, _ := strconv.ParseFloat(strings.Split(m["LA"], ",")[0], 64)
	if b, _ := strconv.ParseFloat(strings.Fields(m["LB"] + " 0")[0], 64); math.Abs(a-b) > 0.2 || b == 0 {
		t.Errorf("uptime and loadavg: %s", out)
	}
}

// TestStatsMove: two looks at a lived-in container differ in all that a container at
// work changes, /proc/net/dev of both ends of its link and its control groups agree
// with the daemon, and a new container hears frames.
func TestStatsMove(t *testing.T) {
	clock := kerneltest.NewClock(time.Date(2024, 5, 20, 10, 0, 0, 0, time.UTC))
	f := of(t, "hetzner", withClock(clock))
	for _, c := range f.containers {
		if !c.Running {
			continue
		}
		var cpu [3]uint64
		a := f.stats(c)
		for i := range cpu {
			before := f.stats(c)
			clock.Advance(time.Second)
			after := f.stats(c)
			cpu[i] = after.CPUStats.CPUUsage.TotalUsage - before.CPUStats.CPUUsage.TotalUsage
		}
		clock.Advance(90 * time.Second)
		b := f.stats(c)
		if cpu[0] == cpu[1] || cpu[1] == cpu[2] || a.MemoryStats.Usage == b.MemoryStats.Usage || a.MemoryStats.Usage%4096 != 0 {
			t.Errorf("%s: %v ns a second, %d and %d bytes", c.Name, cpu, a.MemoryStats.Usage, b.MemoryStats.Usage)
		}
		if len(a.BlkioStats.IoServiceBytesRecursive) != 2 || a.BlkioStats.IoServiceBytesRecursive[0].Value == 0 {
			t.Errorf("%s: block I/O %+v", c.Name, a.BlkioStats)
		}
		for n, x := range a.Networks {
			y := b.Networks[n]
			if x.RxBytes >= y.RxBytes || x.TxBytes >= y.TxBytes || x.RxBytes < 60*x.RxPackets || x.RxBytes > 1514*x.RxPackets {
				t.Errorf("%s: %s %+v, then %+v", c.Name, n, x, y)
			}
			hit := false
			for _, i := range f.hostInterfaces() {
				hit = hit || i.RX == y.TxBytes && i.TX == y.RxBytes && i.TXPackets == y.RxPackets
			}
			if !hit {
				t.Errorf("%s: no veth counts %+v: %+v", c.Name, y, f.hostInterfaces())
			}
		}
		top, err := f.ContainerTop(c.ID, "-o pid,nlwp")
		if err != nil {
			t.Fatal(err)
		}
		threads := 0
		for _, p := range top.Processes {
			n, _ := strconv.Atoi(p[1])
			threads += n
		}
		again := f.stats(c)
		if uint64(threads) != again.PidsStats.Current || again.PidsStats.Current != b.PidsStats.Current || again.MemoryStats.Usage != b.MemoryStats.Usage || again.CPUStats.CPUUsage.TotalUsage != b.CPUStats.CPUUsage.TotalUsage {
			t.Errorf("%s: %d threads, %+v; before it had namespaces %+v", c.Name, threads, again, b)
		}
		in := c.run.ns
		at, err := in.Mounts().Resolve(in.Context(), "/sys/fs/cgroup/memory.current", true)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		n, _ := at.Node().ReadAt(in.Context(), buf, 0)
		if got := strings.TrimSpace(string(buf[:n])); got != strconv.FormatUint(again.MemoryStats.Usage, 10) {
			t.Errorf("%s: memory.current %q, the daemon has %d", c.Name, got, again.MemoryStats.Usage)
		}
	}
}

// TestNewContainerCounts: a container of the attacker's own.
func TestNewContainerCounts(t *testing.T) {
	f := of(t, "hetzner")
	limit := int64(64)
	out := f.sh(&container.HostConfig{Resources: container.Resources{NanoCPUs: 1500000000, Memory: 64 << 20, PidsLimit: &limit}},
		"sh", "-c", `sleep 1.3; cd /sys/fs/cgroup; ls | wc -l; cat cpu.max pids.max memory.max memory.current pids.current cgroup.procs; grep -c . memory.stat; head -1 cpu.stat; awk '/eth0/{print "rx", $2, $3}' /proc/net/dev; ls -l cpu.max memory.events | cut -c1-10`)
	l := strings.Split(out, "\n")
	if n, _ := strconv.Atoi(l[0]); n < 60 || l[1] != "150000 100000" || l[2] != "64" || l[3] != "67108864" {
		t.Errorf("control groups: %s", out)
	}
	m, _ := strconv.Atoi(l[4])
	if p, _ := strconv.Atoi(l[5]); p < 1 || m%4096 != 0 || m < 300<<10 {
		t.Errorf("usage: %s", out)
	}
	if !strings.Contains(out, "\nusage_usec ") || strings.Contains(out, "\nrx 0") || !strings.Contains(out, "\nrx ") || !strings.Contains(out, "-rw-r--r--\n-r--r--r--\n") {
		t.Errorf("%s", out)
	}
}

// TestDiskNumbers: df says the same of the host's disk from everywhere, and of memory
// what the machine has.
func TestDiskNumbers(t *testing.T) {
	f := of(t, "digitalocean")
	host := f.onHost("df / | tail -1; df -i / | tail -1; df | grep udev; free | awk '/Mem/{print $2}'; stat -f -c '%c %d' /; stat -c '%a %s' /lost+found; stat -c %h /; find / -maxdepth 1 -type d | wc -l; stat -f -c '%c %d' /dev/shm")
	l := strings.Split(host, "\n")
	box := f.sh(nil, "sh", "-c", "df -k / /etc/hosts | tail -2")
	b := strings.Split(box, "\n")
	h, x, y := strings.Fields(l[0]), strings.Fields(b[0]), strings.Fields(b[1])
	if len(x) < 6 || len(y) < 6 || h[1] != x[1] || h[1] != y[1] || h[5] != "/" {
		t.Errorf("the host's disk is %q, in a container %q and %q", l[0], b[0], b[1])
	}
	n := strings.Fields(l[1])
	if used, _ := strconv.Atoi(n[2]); used < 90000 {
		t.Errorf("inodes: %s", l[1])
	}
	udev, _ := strconv.Atoi(strings.Fields(l[2])[1])
	ram, _ := strconv.Atoi(l[3])
	if udev*2 > ram || udev*2 < ram*9/10 {
		t.Errorf("udev has %d of %d kB", udev, ram)
	}
	for _, s := range []string{l[4], l[8]} {
		files, free, _ := strings.Cut(s, " ")
		a, _ := strconv.Atoi(files)
		if b, _ := strconv.Atoi(free); b >= a {
			t.Errorf("stat -f: %s", s)
		}
	}
	if l[5] != "700 16384" {
		t.Errorf("lost+found: %s", l[5])
	}
	links, _ := strconv.Atoi(l[6])
	if dirs, _ := strconv.Atoi(l[7]); links != dirs+1 { // with / itself
		t.Errorf("/ has %s links and %s directories", l[6], l[7])
	}
}

// TestNewRoot: a new container's root is as old as the container, and an overlay.
func TestNewRoot(t *testing.T) {
	f := of(t, "digitalocean")
	out := f.sh(nil, "sh", "-c", "date +%s; stat -c '%Y' / /etc /.dockerenv /etc/hostname; stat -c %h / /etc /usr; stat -c %i /etc /bin/busybox")
	l := strings.Fields(out)
	now, _ := strconv.Atoi(l[0])
	for _, x := range l[1:5] {
		if at, _ := strconv.Atoi(x); now-at > 5 || at > now {
			t.Errorf("dated %d s ago: %s", now-at, out)
		}
	}
	if l[5] != "1" || l[6] != "1" || l[7] == "1" {
		t.Errorf("links: %v", l[5:8])
	}
	for _, x := range l[8:] {
		if n, _ := strconv.Atoi(x); n < 100000 {
			t.Errorf("inode %d", n)
		}
	}
}

// TestDenied: what asks for a capability that Docker takes away says so.
func TestDenied(t *testing.T) {
	f := of(t, "digitalocean")
	for code, want := range map[string]string{
		"unshare -m true":   "unshare: unshare(0x20000): Operation not permitted\n1\n",
		"nice -n -5 true":   "nice: setpriority(-5): Permission denied\n1\n",
		"cat /proc/kmsg":    "cat: can't open '/proc/kmsg': Operation not permitted\n1\n",
		"swapoff /dev/vda2": "swapoff: /dev/vda2: Operation not permitted\n1\n",
		"nice -n 5 nice":    "5\n0\n",
		"unshare true":      "0\n",
	} {
		if got := f.sh(nil, "sh", "-c", code+" 2>&1; echo $?"); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}

// TestOptionsApply: what a container was asked for is what its processes find.
func TestOptionsApply(t *testing.T) {
	f := of(t, "digitalocean")
	yes := true
	out := f.sh(&container.HostConfig{Init: &yes, Tmpfs: map[string]string{"/scratch": "size=8m,mode=700"}, Sysctls: map[string]string{"net.core.somaxconn": "77"},
		Resources: container.Resources{Ulimits: []*container.Ulimit{{Name: "nofile", Soft: 100, Hard: 200}, {Name: "nproc", Soft: 31, Hard: -1}}}},
		"sh", "-c", "cat /proc/1/comm; tr '\\0' ' ' < /proc/1/cmdline; echo; ulimit -Sn; ulimit -Hn; grep -E 'Max (processes|open)' /proc/self/limits; grep scratch /proc/mounts; df -k /scratch | tail -1; cat /proc/sys/net/core/somaxconn; kill -9 1; exit 7")
	for _, want := range []string{"docker-init\n/sbin/docker-init -- sh -c ", "\n100\n200\n", "31                   unlimited            processes", "tmpfs /scratch tmpfs rw,nosuid,nodev,noexec,relatime,size=8192k,mode=700,inode64 0 0\n", " 8192 ", "\n77\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for _, c := range f.containers {
		if c.Host.Init != nil && c.ExitCode != 7 {
			t.Errorf("docker-init ended with %d", c.ExitCode)
		}
	}
}

// TestProcDetails: numbers and tables that detectors look at.
func TestProcDetails(t *testing.T) {
	f := of(t, "aws")
	out := f.sh(nil, "sh", "-c", "awk '$2%4 && /kB/ && !/Vmalloc/' /proc/meminfo; stat -c %a /proc/self/ns; readlink /proc/self/ns/time; for n in /proc/self/ns/*; do readlink $n; done | sort -u | wc -l; for f in auxv schedstat sessionid syscall personality; do test -e /proc/self/$f || echo no $f; done; wc -c < /proc/self/auxv; grep -c ^NSsid /proc/self/status; ping -c1 127.0.0.1 | tail -1; ping -c1 127.0.0.1 | grep -o ttl=..; grep -o 'l/[A-Z2-7]\\{26\\}[:,]' /proc/mounts | wc -l")
	l := strings.Split(out, "\n")
	if l[0] != "511" || l[1] != "time:[4026531834]" || l[2] != "8" || l[3] != "336" || l[4] != "1" || l[6] != "ttl=64" || l[7] == "0" {
		t.Errorf("%s", out)
	}
	if r := strings.Split(strings.Fields(l[5] + " a b c d")[3], "/"); len(r) < 3 || r[0] != r[1] || r[1] != r[2] {
		t.Errorf("one packet: %s", l[5])
	}
	host := f.sh(&container.HostConfig{Privileged: true, Binds: []string{"/:/mnt"}}, "chroot", "/mnt", "/bin/bash", "-c",
		"dmesg | head -1 | cut -c16-; cat /proc/version; cat /proc/sys/kernel/random/boot_id; grep -o 'UUID=[^ ]*' /etc/fstab; grep -o 'UUID=[^ ]*' /proc/cmdline; sysctl -w vm.nr_hugepages=128 >/dev/null; grep HugePages_T /proc/meminfo; time dd if=/dev/zero of=/dev/null bs=1M count=3000 2>/dev/null")
	h := strings.Split(host, "\n")
	if h[0] != h[1] || h[3] != h[4] || len(h[2]) != 36 || h[2][14] != '4' || h[3][5+14] != '4' || !strings.HasSuffix(h[5], " 128") {
		t.Errorf("%s", host)
	}
	if m := fields(strings.ReplaceAll(host, "\t", ":")); !strings.HasPrefix(m["real"], "0m0.") {
		t.Errorf("3 GB of nothing take %s", m["real"])
	}
	for p := range providers {
		for _, ks := range providers[p].kernels {
			for _, k := range ks {
				if kernelBuilds[k] == "" {
					t.Errorf("no build of %s", k)
				}
			}
		}
	}
}

// TestOwnConnection: who speaks to the daemon finds the connection on the host, and
// cron's run-parts runs what is there and ends.
func TestOwnConnection(t *testing.T) {
	f := of(t, "digitalocean", func(c *Config, _ *ManagerConfig) { c.Listen = "0.0.0.0:2375" })
	f.Attribute(Caller{Source: netip.MustParseAddr("198.51.100.7"), Port: 40123})
	host := &container.HostConfig{Privileged: true, NetworkMode: "host", PidMode: "host", Binds: []string{"/:/mnt"}}
	out := f.sh(host, "chroot", "/mnt", "/bin/bash", "-c", "ss -tnp | grep 40123; netstat -tn | grep -c 198.51.100.7:40123; grep -ci ':9CBB 01' /proc/net/tcp; run-parts /etc/cron.hourly; echo $?; ps -eo stat,comm | grep -c '^R.*run-parts'")
	l := strings.Split(out, "\n")
	if !strings.HasPrefix(l[0], "ESTAB") || !strings.Contains(l[0], ":2375") || !strings.Contains(l[0], `users:(("dockerd",pid=`) || strings.Join(l[1:], " ") != "1 1 0 0 " {
		t.Errorf("%s", out)
	}
}
