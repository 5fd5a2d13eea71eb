package world

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// hostProc is a process of the machine at rest.
type hostProc struct {
	path    string
	argv    []string
	after   float64 // seconds after boot
	share   float64 // of one processor
	vsz     int64   // KiB
	rss     int64
	threads int
	uid     uint32
	gid     uint32
	console string
	unit    string // the service it belongs to
}

// The numbers are those of machines with little to do.
func (f *Facts) procs(args []string) []hostProc {
	list := []hostProc{
		{path: "/usr/lib/systemd/systemd", argv: []string{"/sbin/init"}, after: 0, share: 4e-5, vsz: 167744, rss: 12940, unit: "init.scope"},
		{path: "/usr/lib/systemd/systemd-journald", argv: []string{"/lib/systemd/systemd-journald"}, after: 2.1, share: 2e-5, vsz: 64132, rss: 24400, unit: "systemd-journald"},
		{path: "/usr/lib/systemd/systemd-udevd", argv: []string{"/lib/systemd/systemd-udevd"}, after: 2.4, share: 5e-6, vsz: 25268, rss: 7040, unit: "systemd-udevd"},
		{path: "/usr/lib/systemd/systemd-timesyncd", argv: []string{"/lib/systemd/systemd-timesyncd"}, after: 4.2, share: 3e-6, vsz: 89352, rss: 6620, threads: 2, uid: 104, gid: 105, unit: "systemd-timesyncd"},
		{path: "/usr/lib/systemd/systemd-networkd", argv: []string{"/lib/systemd/systemd-networkd"}, after: 4.6, share: 4e-6, vsz: 16248, rss: 8140, uid: 101, gid: 102, unit: "systemd-networkd"},
	}
	if f.Resolved() {
		list = append(list, hostProc{path: "/usr/lib/systemd/systemd-resolved", argv: []string{"/lib/systemd/systemd-resolved"}, after: 4.9, share: 6e-6, vsz: 25528, rss: 12780, uid: 102, gid: 103, unit: "systemd-resolved"})
	}
	list = append(list,
		hostProc{path: "/usr/sbin/cron", argv: []string{"/usr/sbin/cron", "-f", "-P"}, after: 5.3, share: 2e-6, vsz: 6892, rss: 2960, unit: "cron"},
		hostProc{path: "/usr/bin/dbus-daemon", argv: []string{"@dbus-daemon", "--system", "--address=systemd:", "--nofork", "--nopidfile", "--systemd-activation", "--syslog-only"}, after: 5.4, share: 2e-6, vsz: 8776, rss: 4780, uid: 103, gid: 104, unit: "dbus"},
		hostProc{path: "/usr/sbin/rsyslogd", argv: []string{"/usr/sbin/rsyslogd", "-n", "-iNONE"}, after: 5.6, share: 7e-6, vsz: 222404, rss: 5980, threads: 4, uid: 107, gid: 113, unit: "rsyslog"},
		hostProc{path: "/usr/lib/systemd/systemd-logind", argv: []string{"/lib/systemd/systemd-logind"}, after: 5.7, share: 2e-6, vsz: 15328, rss: 7420, unit: "systemd-logind"},
		hostProc{path: "/usr/bin/containerd", argv: []string{"/usr/bin/containerd"}, after: 6.8, share: 9e-4, vsz: 1872312, rss: 47160, threads: 11, unit: "containerd"},
		hostProc{path: "/usr/sbin/agetty", argv: []string{"/sbin/agetty", "-o", "-p -- \\u", "--keep-baud", "115200,57600,38400,9600", "ttyS0", "vt220"}, after: 7.0, vsz: 6176, rss: 1060, console: "ttyS0", unit: "serial-getty@ttyS0"},
		hostProc{path: "/usr/sbin/agetty", argv: []string{"/sbin/agetty", "-o", "-p -- \\u", "--noclear", "tty1", "linux"}, after: 7.0, vsz: 6132, rss: 1076, console: "tty1", unit: "getty@tty1"},
		hostProc{path: "/usr/sbin/sshd", argv: []string{"sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"}, after: 7.4, share: 1e-5, vsz: 15432, rss: 9120, unit: "ssh"},
		hostProc{path: "/usr/bin/dockerd", argv: args, after: f.DockerStarted.Sub(f.Boot).Seconds() - 1.7, share: 1.6e-3, vsz: 2137840, rss: 91240, threads: 14, unit: "docker"},
	)
	if f.Distro == "ubuntu2204" {
		list = append(list,
			hostProc{path: "/usr/bin/python3.10", argv: []string{"/usr/bin/python3", "/usr/bin/networkd-dispatcher", "--run-startup-triggers"}, after: 5.8, vsz: 33084, rss: 18860, unit: "networkd-dispatcher"},
			hostProc{path: "/usr/libexec/polkitd", argv: []string{"/usr/libexec/polkitd", "--no-debug"}, after: 5.9, share: 1e-6, vsz: 235896, rss: 7180, threads: 3, unit: "polkit"},
			hostProc{path: "/usr/bin/python3.10", argv: []string{"/usr/bin/python3", "/usr/share/unattended-upgrades/unattended-upgrade-shutdown", "--wait-for-signal"}, after: 7.2, vsz: 109868, rss: 21020, threads: 2, unit: "unattended-upgrades"})
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].after < list[j].after })
	return list
}

// Resolved tells whether the host asks systemd-resolved for names.
func (f *Facts) Resolved() bool { return f.Provider == "aws" }

// kthread is a thread of the kernel: its name, nice value, and whether it idles.
type kthread struct {
	name string
	nice int
	idle bool
}

// kthreads are the threads that a virtual machine's kernel of the release runs.
func (f *Facts) kthreads() []kthread {
	six := !strings.HasPrefix(f.Kernel, "5.")
	wq := func(names ...string) (out []kthread) {
		for _, n := range names {
			out = append(out, kthread{n, -20, true})
		}
		return
	}
	l := wq("rcu_gp", "rcu_par_gp", "slub_flushwq", "netns", "kworker/0:0H-events_highpri", "mm_percpu_wq")
	if six {
		l = append(l, kthread{"rcu_tasks_kthread", 0, true}, kthread{"rcu_tasks_rude_kthread", 0, true}, kthread{"rcu_tasks_trace_kthread", 0, true},
			kthread{"ksoftirqd/0", 0, false}, kthread{"rcu_preempt", 0, true}, kthread{"migration/0", 0, false})
	} else {
		l = append(l, kthread{"rcu_tasks_rude_", 0, false}, kthread{"rcu_tasks_trace", 0, false}, kthread{"ksoftirqd/0", 0, false},
			kthread{"rcu_sched", 0, true}, kthread{"migration/0", 0, false}, kthread{"idle_inject/0", 0, false})
	}
	l = append(l, kthread{"cpuhp/0", 0, false})
	for i := 1; i < f.Cores; i++ {
		n := strconv.Itoa(i)
		l = append(l, kthread{"cpuhp/" + n, 0, false})
		if !six {
			l = append(l, kthread{"idle_inject/" + n, 0, false})
		}
		l = append(l, kthread{"migration/" + n, 0, false}, kthread{"ksoftirqd/" + n, 0, false}, kthread{"kworker/" + n + ":0H-events_highpri", -20, true})
	}
	l = append(l, kthread{"kdevtmpfs", 0, false})
	l = append(l, wq("inet_frag_wq")...)
	for _, n := range []string{"kauditd", "khungtaskd", "oom_reaper"} {
		l = append(l, kthread{n, 0, false})
	}
	l = append(l, wq("writeback")...)
	l = append(l, kthread{"kcompactd0", 0, false}, kthread{"ksmd", 5, false}, kthread{"khugepaged", 19, false})
	l = append(l, wq("kintegrityd", "kblockd", "blkcg_punt_bio", "tpm_dev_wq", "ata_sff", "md", "edac-poller", "devfreq_wq")...)
	l = append(l, kthread{"watchdogd", 0, false})
	l = append(l, wq("kworker/0:1H-kblockd")...)
	l = append(l, kthread{"kswapd0", 0, false})
	if f.Distro == "ubuntu2204" {
		l = append(l, kthread{"ecryptfs-kthrea", 0, false})
	}
	l = append(l, wq("kthrotld", "acpi_thermal_pm")...)
	if strings.HasPrefix(f.Disk, "nvme") {
		l = append(l, wq("nvme-wq", "nvme-reset-wq", "nvme-delete-wq")...)
	} else {
		l = append(l, kthread{"scsi_eh_0", 0, false}, kthread{"scsi_tmf_0", -20, true}, kthread{"scsi_eh_1", 0, false}, kthread{"scsi_tmf_1", -20, true})
	}
	l = append(l, wq("mld", "ipv6_addrconf", "kstrp", "zswap-shrink", "charger_manager")...)
	for i := 1; i < f.Cores; i++ {
		l = append(l, wq("kworker/"+strconv.Itoa(i)+":1H-kblockd")...)
	}
	return append(l, wq("jbd2/"+f.Partition()+"-8", "ext4-rsv-conver")...)
}

// daemonPIDs are the pids of [Facts.procs], in their order.
func (h *Host) daemonPIDs() []int {
	r := h.rng("daemon-pids")
	pid := len(h.facts.kthreads()) + 260 + r.IntN(120)
	out := []int{1}
	for _, p := range h.facts.procs(nil)[1:] {
		pid += 1 + r.IntN(int(4+p.after*5))
		out = append(out, pid)
	}
	return out
}

// pidOf is the pid of a service's daemon, 0 if the machine has none.
func (h *Host) pidOf(unit string) int {
	for i, p := range h.facts.procs(nil) {
		if p.unit == unit {
			return h.daemonPIDs()[i]
		}
	}
	return 0
}

// residents puts the machine's processes where they are: the threads of the kernel
// and the daemons, started with the machine and not with the world, and what shows
// of the containers that run already. It is done before the first other process
// starts, which could look for them. World.mu is held.
func (w *World) residents() {
	h := w.host
	f := &h.facts
	r := h.rng("pids")
	add := func(res kernel.Resident) *kernel.Task {
		t, err := w.hostNS.Reside(res)
		if err != nil {
			return nil
		}
		return t
	}
	procs := f.procs(h.cfg.Args)
	var init *kernel.Task
	resident := func(p hostProc, pid int) *kernel.Task {
		res := kernel.Resident{PID: pid, Parent: init, Path: p.path, Argv: p.argv, Started: f.Boot.Add(time.Duration(p.after * float64(time.Second))),
			Share: p.share, VSZ: p.vsz << 10, RSS: p.rss << 10, Threads: p.threads, Console: p.console, Cgroup: "/system.slice/" + p.unit + ".service"}
		if pid == 1 {
			res.Cgroup = "/" + p.unit
			res.Env = []string{"HOME=/", "TERM=linux", "BOOT_IMAGE=/boot/vmlinuz-" + f.Kernel}
		} else {
			res.Env = []string{"LANG=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
		}
		if p.uid != 0 {
			res.Cred = &vfs.Cred{UID: p.uid, EUID: p.uid, GID: p.gid, EGID: p.gid, Bound: vfs.AllCaps}
		}
		return add(res)
	}
	init = resident(procs[0], 1)
	kthreadd := add(kernel.Resident{PID: 2, Path: "kthreadd", Started: f.Boot})
	pids := h.daemonPIDs()
	pid := 2
	thread := func(k kthread, pid int, started time.Time) {
		add(kernel.Resident{PID: pid, Parent: kthreadd, Path: k.name, Started: started, Nice: k.nice, Idle: k.idle})
	}
	for _, k := range f.kthreads() {
		if pid++; r.IntN(9) == 0 {
			pid++
		}
		thread(k, pid, f.Boot)
	}
	for i, p := range procs[1:] {
		t := resident(p, pids[i+1])
		switch p.unit {
		case "docker":
			w.dockerd = t
		case "ssh":
			w.stand(kernel.Standing{Owner: t, Network: "tcp", Fd: 3, Backlog: 128, Serve: sshBanner(f)}, "0.0.0.0:22")
			w.stand(kernel.Standing{Owner: t, Network: "tcp", Fd: 4, Backlog: 128, Serve: sshBanner(f)}, "[::]:22")
		case "containerd":
			w.containerd = t
			w.stand(kernel.Standing{Owner: t, Network: "tcp", Fd: 9, Backlog: 4096}, "127.0.0.1:"+strconv.Itoa(33000+r.IntN(13000)))
		case "systemd-resolved":
			w.stand(kernel.Standing{Owner: t, Network: "udp", Fd: 13, Device: "lo"}, "127.0.0.53:53")
			w.stand(kernel.Standing{Owner: t, Network: "tcp", Fd: 14, Device: "lo", Backlog: 4096}, "127.0.0.53:53")
		case "systemd-networkd":
			if f.Provider == "aws" {
				w.stand(kernel.Standing{Owner: t, Network: "udp", Fd: 18, Device: f.NIC}, f.Private.String()+":68")
			}
		}
	}
	if w.dockerd != nil {
		w.serveAPI()
	}
	// Workers come and go: the youngest are some minutes old.
	for i, n := range []string{"kworker/u" + strconv.Itoa(f.Cores*2) + ":1-events_unbound", "kworker/0:2-events", "kworker/" + strconv.Itoa(f.Cores-1) + ":1-mm_percpu_wq", "kworker/0:0-events", "kworker/u" + strconv.Itoa(f.Cores*2) + ":2-flush-8:0"} {
		back := time.Duration(200+1100*(5-i)+r.IntN(600)) * time.Second
		thread(kthread{n, 0, true}, w.firstPID-(40+230*(5-i)+r.IntN(60)), w.now().Add(-back))
	}
	for _, c := range w.containers {
		if c.shown && c.run != nil && c.run.ns == nil {
			w.place(c)
		}
	}
}

// stand lets one of the host's daemons hold a socket.
func (w *World) stand(s kernel.Standing, addr string) {
	var err error
	if s.Addr, err = netip.ParseAddrPort(addr); err == nil && s.Owner != nil {
		w.hostNS.Net().Stand(s)
	}
}

// shim shows a container's shim, and the proxies of its ports.
func (w *World) shim(c *Container, pid int, started time.Time) *kernel.Task {
	if !started.IsZero() {
		started = started.Add(-140 * time.Millisecond)
	}
	t, err := w.hostNS.Reside(kernel.Resident{PID: pid, Parent: w.hostNS.Init(), Leader: w.containerd, Path: "/usr/bin/containerd-shim-runc-v2",
		Argv:    []string{"/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-id", c.ID, "-address", "/run/containerd/containerd.sock"},
		Started: started, Share: 6e-5, VSZ: 720504 << 10, RSS: 9400 << 10, Threads: 11, Cgroup: "/system.slice/containerd.service"})
	if err != nil {
		return nil
	}
	return t
}

// proxies shows the processes behind a container's published ports.
func (w *World) proxies(c *Container, pid int, started time.Time) (out []*kernel.Task) {
	if w.dockerd == nil {
		return nil
	}
	ports := make([]string, 0, len(c.Ports))
	for p := range c.Ports {
		ports = append(ports, string(p))
	}
	sort.Strings(ports)
	to := ""
	for _, e := range c.Nets {
		if e.IPAddress != "" {
			to = e.IPAddress
		}
	}
	for _, name := range ports {
		for p, bs := range c.Ports {
			if string(p) != name {
				continue
			}
			for _, b := range bs {
				t, err := w.hostNS.Reside(kernel.Resident{PID: pid, Parent: w.dockerd, Leader: w.dockerd, Path: "/usr/bin/docker-proxy",
					Argv:    []string{"/usr/bin/docker-proxy", "-proto", p.Proto(), "-host-ip", b.HostIP, "-host-port", b.HostPort, "-container-ip", to, "-container-port", p.Port()},
					Started: started, VSZ: 1148908 << 10, RSS: 3720 << 10, Threads: 5, Cgroup: "/system.slice/docker.service"})
				if err != nil {
					continue
				}
				if pid != 0 {
					pid += 6
				}
				a, err := netip.ParseAddr(b.HostIP)
				if n, perr := strconv.ParseUint(b.HostPort, 10, 16); err == nil && perr == nil {
					w.hostNS.Net().Stand(kernel.Standing{Owner: t, Fd: 4, Network: p.Proto(), Backlog: 4096, Addr: netip.AddrPortFrom(a, uint16(n))})
				}
				out = append(out, t)
			}
		}
	}
	return out
}

// helper is a process that the program of a usual image starts by itself.
type helper struct {
	argv []string
	uid  uint32
}

// resident is a helper beside the first process.
func (k helper) resident(res kernel.Resident, pid int) kernel.Resident {
	r := kernel.Resident{PID: pid, Path: res.Path, Argv: k.argv, Env: res.Env, Started: res.Started.Add(time.Second), Share: res.Share / 4, VSZ: res.VSZ, RSS: res.RSS / 2, Threads: 1, Cgroup: res.Cgroup, Ends: true}
	if k.argv[0] == "java" {
		r.Path, r.VSZ, r.RSS, r.Threads, r.Share = "/opt/java/openjdk/bin/java", 3900<<20, 870<<20, 41, 2e-3
	}
	return r
}

// service is what a container of the lived-in host runs, as a resident: the command
// line that ps shows, what it takes, and the processes that it starts by itself.
func (w *World) service(c *Container) (res kernel.Resident, kids []helper) {
	argv := append([]string{c.Path}, c.Args...)
	if n := len(c.Config.Entrypoint); n > 0 && n < len(argv) && strings.HasSuffix(argv[n-1], ".sh") && argv[0] == argv[n-1] {
		argv = argv[n:] // what the entrypoint's script execs
	}
	r := rand.New(rand.NewChaCha8(w.host.derive("service", c.Name)))
	res = kernel.Resident{Path: argv[0], Argv: argv, Env: c.Config.Env, Started: c.StartedAt, Share: float64(1+r.IntN(9)) * 3e-4, Threads: 1 + r.IntN(9),
		VSZ: int64(90+r.IntN(900)) << 20, RSS: int64(18+r.IntN(110)) << 20, Ends: true}
	size := func(vsz, rss, threads int) {
		res.VSZ, res.RSS, res.Threads = int64(vsz)<<20, int64(rss)<<20, threads
	}
	uid, cores := uint32(0), w.host.facts.Cores
	name := argv[0][strings.LastIndexByte(argv[0], '/')+1:]
	image, _, _ := strings.Cut(c.Config.Image, ":")
	copies := func(n int, uid uint32, argv ...string) {
		for range n {
			kids = append(kids, helper{argv, uid})
		}
	}
	switch {
	case name == "nginx":
		res.Argv = []string{"nginx: master process " + strings.Join(argv, " ")}
		size(11, 7, 1)
		res.Share = 8e-6
		copies(cores, 101, "nginx: worker process")
	case name == "redis-server":
		res.Argv = []string{"redis-server *:6379"}
		size(52, 9, 5)
		res.Share, uid = 1.7e-3, 999
	case name == "postgres":
		uid = 999
		size(213, 27, 1)
		res.Share = 4e-5
		for _, k := range []string{"checkpointer ", "background writer ", "walwriter ", "autovacuum launcher ", "logical replication launcher "} {
			copies(1, 999, "postgres: "+k)
		}
		if e := c.env("POSTGRES_USER"); e != "" {
			copies(1, 999, fmt.Sprintf("postgres: %s %s %s(%d) idle", e, c.env("POSTGRES_DB"), w.besideOf(c, 3), 33000+r.IntN(20000)))
		}
	case name == "mariadbd":
		uid = 999
		size(1330, 96, 8+r.IntN(3))
	case name == "apache2-foreground":
		res.Path, res.Argv = "/usr/sbin/apache2", []string{"apache2", "-DFOREGROUND"}
		size(231, 38, 1)
		res.Share = 9e-5
		copies(5+r.IntN(3), 33, "apache2", "-DFOREGROUND")
	case image == "grafana/grafana":
		res.Path = "/usr/share/grafana/bin/grafana"
		res.Argv = strings.Fields("grafana server --homepath=/usr/share/grafana --config=/etc/grafana/grafana.ini --packaging=docker cfg:default.log.mode=console cfg:default.paths.data=/var/lib/grafana cfg:default.paths.logs=/var/log/grafana cfg:default.paths.plugins=/var/lib/grafana/plugins cfg:default.paths.provisioning=/etc/grafana/provisioning")
		uid = 472
	case name == "prometheus", name == "node_exporter":
		uid = 65534
	case image == "registry":
		res.Path, res.Argv = "/bin/registry", append([]string{"registry", "serve"}, argv...)
	case image == "traefik":
		res.Path, res.Argv = "/usr/local/bin/traefik", append([]string{"traefik"}, argv...)
	case image == "jenkins/jenkins":
		uid = 1000
		res.VSZ, res.RSS, res.Threads, res.Share = 2496<<10, 640<<10, 1, 0
		copies(1, 1000, strings.Fields("java -Duser.home=/var/jenkins_home -Djenkins.model.Jenkins.slaveAgentPort=50000 -Dhudson.lifecycle=hudson.lifecycle.ExitLifecycle -jar /usr/share/jenkins/jenkins.war")...)
	case name == "gunicorn", name == "celery":
		res.Path, res.Argv = "/usr/local/bin/python3", append([]string{"/usr/local/bin/python", "/usr/local/bin/" + name}, argv[1:]...)
		size(45, 33, 1)
		res.Share = 2e-4
		copies(map[string]int{"gunicorn": 4, "celery": cores}[name], 0, res.Argv...)
	}
	if uid != 0 {
		res.Cred = user(uid)
	}
	return res, kids
}

// env is the value of a variable of a container's configuration.
func (c *Container) env(name string) string {
	for _, e := range c.Config.Env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

// besideOf is an address beside a container's in its network.
func (w *World) besideOf(c *Container, n int) string {
	for _, e := range c.Nets {
		if i := strings.LastIndexByte(e.IPAddress, '.'); i > 0 {
			return e.IPAddress[:i+1] + strconv.Itoa(n)
		}
	}
	return ""
}

func user(uid uint32) *vfs.Cred {
	gid := uid
	if uid == 472 { // grafana
		gid = 0
	}
	return &vfs.Cred{UID: uid, EUID: uid, GID: gid, EGID: gid, Groups: []uint32{gid}, Bound: vfs.DockerCaps}
}

// place shows a container of the lived-in host among the host's processes, without
// namespaces of its own yet. World.mu is held.
func (w *World) place(c *Container) {
	run := c.run
	if run == nil || run.shim != nil || w.hostNS.Init() == nil {
		return
	}
	run.shim = w.shim(c, run.pid-21, c.StartedAt)
	run.proxies = w.proxies(c, run.pid-60, c.StartedAt.Add(-400*time.Millisecond))
	run.placed = w.reside(w.hostNS, c, run.shim)
}

// reside starts a lived-in container's processes in ns and gives them, the first
// one first.
func (w *World) reside(ns *kernel.NS, c *Container, parent *kernel.Task) []*kernel.Task {
	res, kids := w.service(c)
	res.PID, res.Parent = c.run.pid, parent
	res.Cgroup = "/system.slice/docker-" + c.ID + ".scope"
	if run := c.run; ns == w.hostNS {
		res.Ended = func(ws kernel.WaitStatus) { run.once.Do(func() { run.ended <- ws.Code() }) }
	}
	caps := capsOf(c, c.Host.Privileged)
	root := &vfs.Cred{Caps: caps, Bound: caps, Groups: []uint32{0}}
	if res.Cred == nil {
		res.Cred = root
	}
	t, err := ns.Reside(res)
	if err != nil {
		return nil
	}
	out := []*kernel.Task{t}
	for i, k := range kids {
		cred := root
		if k.uid != 0 {
			cred = user(k.uid)
		}
		r := k.resident(res, c.run.pid+26+i)
		r.Parent, r.Leader, r.Cred = t, t, cred
		kid, err := ns.Reside(r)
		if err == nil {
			out = append(out, kid)
		}
	}
	return out
}

// unplace takes a container's processes away from the host's.
func (w *World) unplace(run *running, all bool) {
	for _, t := range run.placed {
		w.kern.Dismiss(t)
	}
	run.placed = nil
	if all {
		if run.shim != nil {
			w.kern.Dismiss(run.shim)
		}
		for _, t := range run.proxies {
			w.kern.Dismiss(t)
		}
		run.shim, run.proxies = nil, nil
	}
}

// sshBanner is sshd as far as it goes with who cannot log in: it greets and waits.
func sshBanner(f *Facts) func(kernel.NetContext) (kernel.Conn, error) {
	v := "SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.7"
	if f.Distro == "debian12" {
		v = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2"
	}
	return func(kernel.NetContext) (kernel.Conn, error) { return newGreeter(fmt.Sprintf("%s\r\n", v)), nil }
}
