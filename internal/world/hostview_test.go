package world

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/registry"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/program"
	"github.com/whalefall/whalefall/internal/shell"
)

var every = sync.OnceValue(func() *kernel.Registry {
	r := kernel.NewRegistry()
	program.Register(r)
	shell.Register(r)
	return r
})

// livedIn is a fixture with every program, on a host that has been up for weeks.
func livedIn(t *testing.T) *fixture {
	t.Helper()
	return fixtureOf(t, func(c *Config, _ *ManagerConfig) {
		c.Programs, c.Kind, c.Provider = every(), "lived-in", "hetzner"
		c.Installed = c.Clock.Now().Add(-3 * time.Hour)
	})
}

// sh runs code in a new container.
func (f *fixture) sh(hc *container.HostConfig, argv ...string) string {
	f.t.Helper()
	id := f.create("", &container.Config{Image: "alpine", Cmd: argv}, hc)
	if err := f.ContainerStart(f.ctx, id, "", ""); err != nil {
		f.t.Fatal(err)
	}
	f.wait(id)
	out, errs := f.logs(id)
	return out + errs
}

// onHost runs code as most attackers do: in a chroot into the host's root.
func (f *fixture) onHost(code string) string {
	f.t.Helper()
	return f.sh(&container.HostConfig{Binds: []string{"/:/mnt"}}, "chroot", "/mnt", "/bin/bash", "-c", code)
}

// TestHostProcesses looks at the machine from a chroot: what runs there started
// with the machine, sleeps, and is the same to ps and in /proc.
func TestHostProcesses(t *testing.T) {
	f := livedIn(t)
	out := f.sh(&container.HostConfig{Privileged: true, Binds: []string{"/:/mnt"}}, "chroot", "/mnt", "/bin/bash", "-c", `ps -eo pid,ppid,stat,etimes,comm --no-headers; echo --; for c in systemd kthreadd sshd dockerd containerd-shim; do p=$(pgrep $c | head -1); echo $c $p $(cut -d' ' -f3,4,22 /proc/$p/stat) $(readlink /proc/$p/exe); done; echo --; cat /proc/uptime; grep btime /proc/stat`)
	table, rest, _ := strings.Cut(out, "--\n")
	stats, up, _ := strings.Cut(rest, "--\n")
	secs, err := strconv.ParseFloat(strings.Fields(up)[0], 64)
	if err != nil || secs < 9*86400 {
		t.Fatalf("the machine is up for %v s (%v)", secs, err)
	}
	old, states, pids := 0, map[string]int{}, map[string][]string{}
	for _, l := range strings.Split(strings.TrimSpace(table), "\n") {
		c := strings.Fields(l)
		if c[4] != "bash" { // the shell that has begun ps may not have gone to sleep yet
			states[c[2][:1]]++
		}
		pids[c[0]] = c
		if n, _ := strconv.ParseFloat(c[3], 64); n > secs-120 {
			old++
		} else if n > secs {
			t.Errorf("older than the machine: %s", l)
		}
	}
	if states["R"] != 1 || states["I"] < 20 || states["S"] < 20 {
		t.Errorf("states %v, want ps alone running\n%s", states, table)
	}
	if old < 60 {
		t.Errorf("%d processes have been there since boot\n%s", old, table)
	}
	for _, l := range strings.Split(strings.TrimSpace(stats), "\n") {
		c := strings.Fields(l)
		if len(c) < 5 {
			t.Errorf("%q", l)
			continue
		}
		ps := pids[c[1]]
		if ps == nil || ps[1] != c[3] || ps[2][:1] != c[2] {
			t.Errorf("ps has %q, /proc/PID/stat %q", ps, l)
			continue
		}
		ticks, _ := strconv.ParseFloat(c[4], 64)
		if el, _ := strconv.ParseFloat(ps[3], 64); secs-ticks/100-el > 3 || el-(secs-ticks/100) > 3 {
			t.Errorf("%s: %s s by ps, %v by stat", c[0], ps[3], secs-ticks/100)
		}
	}
	for _, want := range []string{"systemd /usr/lib/systemd/systemd", "sshd /usr/sbin/sshd", "dockerd /usr/bin/dockerd"} {
		name, exe, _ := strings.Cut(want, " ")
		if !strings.Contains(stats, name+" ") || !strings.Contains(stats, exe+"\n") {
			t.Errorf("no %s in\n%s", want, stats)
		}
	}
	units := f.sh(&container.HostConfig{Privileged: true, Binds: []string{"/:/mnt"}}, "chroot", "/mnt", "/bin/bash", "-c", "for u in ssh docker containerd rsyslog dbus cron systemd-logind systemd-journald; do systemctl is-active $u; done | sort | uniq -c; for p in $(pgrep -P 1) 1; do readlink /proc/$p/exe >/dev/null || cat /proc/$p/cmdline; done")
	if strings.TrimSpace(units) != "8 active" {
		t.Errorf("units, and daemons without an executable: %q", units)
	}
	// kill(2) knows the numbers of the own namespace alone.
	if out := f.onHost("kill $(pgrep -x dockerd); pgrep -c -x dockerd"); !strings.Contains(out, "No such process") || !strings.HasPrefix(out, "1\n") {
		t.Errorf("kill from a chroot: %q", out)
	}
	if out := f.sh(&container.HostConfig{PidMode: "host", Binds: []string{"/:/mnt"}}, "chroot", "/mnt", "/bin/bash", "-c", "kill $(pgrep -x cron); pgrep -c cron"); out != "0\n" {
		t.Errorf("kill with the host's pids: %q", out)
	}
}

// TestContainersAmongHostProcesses: what inspect says is the process is one on the
// host, under its shim, and stays so when somebody enters the container.
func TestContainersAmongHostProcesses(t *testing.T) {
	f := livedIn(t)
	for _, c := range f.containers {
		if !c.Running {
			continue
		}
		pid := c.Pid
		look := fmt.Sprintf("p=%d; ps -o pid=,ppid=,stat= -p $p; cat /proc/$(ps -o ppid= -p $p | tr -d ' ')/cmdline | tr '\\0' ' '", pid)
		before := f.onHost(look)
		if !strings.Contains(before, "containerd-shim-runc-v2 -namespace moby -id "+c.ID) {
			t.Errorf("%s: %q", c.Name, before)
		}
		top, err := f.ContainerTop(c.ID, "")
		if err != nil || len(top.Processes) == 0 || top.Processes[0][1] != strconv.Itoa(pid) || c.Pid != pid {
			t.Errorf("top of %s: %v %v, pid was %d and is %d", c.Name, top, err, pid, c.Pid)
		}
		if after := f.onHost(look); after != before {
			t.Errorf("before %q, after %q", before, after)
		}
		if err := f.ContainerStop(f.ctx, c.ID, container.StopOptions{}); err != nil {
			t.Error(err)
		}
		if gone := f.onHost(look); strings.Contains(gone, c.ID) {
			t.Errorf("stopped: %q", gone)
		}
		break
	}
}

// TestKillingAContainersProcess: who ends a container's process on the host ends the
// container.
func TestKillingAContainersProcess(t *testing.T) {
	f := livedIn(t)
	host := &container.HostConfig{PidMode: "host", Binds: []string{"/:/mnt"}}
	for _, c := range f.containers {
		if !c.Running {
			continue
		}
		f.sh(host, "chroot", "/mnt", "/bin/bash", "-c", fmt.Sprintf("kill -9 %d", c.Pid))
		for range 100 {
			if i, err := f.ContainerInspect(f.ctx, c.ID, backend.ContainerInspectOptions{}); err != nil || i.RestartCount > 0 || !i.State.Running {
				return // its policy starts it again
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Errorf("%s did not notice", c.Name)
		break
	}
}

// echoAPI answers one line.
type echoAPI struct{ bytes.Reader }

func (*echoAPI) Write(p []byte) (int, error) { return len(p), nil }
func (*echoAPI) Close() error                { return nil }
func (*echoAPI) CloseWrite() error           { return nil }
func (e *echoAPI) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if err != nil {
		return n, io.EOF
	}
	return n, nil
}

// TestDaemonSocket: the API is behind docker.sock by whatever path, and behind
// dockerd's port, for the world's owner, as long as dockerd lives.
func TestDaemonSocket(t *testing.T) {
	f := livedIn(t)
	var mu sync.Mutex
	var who []string
	f.World.host.SetAPI(func(c Caller) (kernel.Conn, error) {
		mu.Lock()
		who = append(who, c.Source.String())
		mu.Unlock()
		e := &echoAPI{}
		e.Reset([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ninner"))
		return e, nil
	})
	if out := f.onHost("curl -s --unix-socket /var/run/docker.sock http://x/containers/json"); out != "inner" {
		t.Errorf("by the host's path: %q", out)
	}
	out := f.sh(&container.HostConfig{Binds: []string{"/var/run/docker.sock:/s.sock", "/:/mnt"}}, "sh", "-c", "ls -l /s.sock; cp /mnt/usr/bin/curl /bin/curl; curl -s --unix-socket /s.sock http://x/")
	if !strings.HasPrefix(out, "srw-rw----") || !strings.HasSuffix(out, "inner") {
		t.Errorf("by a bind mount: %q", out)
	}
	out = f.sh(&container.HostConfig{NetworkMode: "host"}, "sh", "-c", "wget -qO- http://127.0.0.1:2375/version")
	if out != "inner" {
		t.Errorf("by the port: %q", out)
	}
	if len(who) != 3 || who[0] != "198.51.100.7" {
		t.Errorf("served for %q", who)
	}
	out = f.sh(&container.HostConfig{PidMode: "host", Binds: []string{"/:/mnt"}}, "chroot", "/mnt", "bash", "-c", "pkill -x dockerd; curl -sS --unix-socket /var/run/docker.sock http://x/")
	if !strings.Contains(out, "Couldn't connect to server") {
		t.Errorf("without dockerd: %q", out)
	}
}

// TestListeners: what listens on the host is listed by ss, netstat and /proc/net
// alike, with the pids that ps has, to who may read other processes' descriptors.
func TestListeners(t *testing.T) {
	f := livedIn(t)
	host := &container.HostConfig{NetworkMode: "host", Privileged: true, Binds: []string{"/:/mnt"}}
	out := f.sh(host, "chroot", "/mnt", "/bin/bash", "-c", "ss -tlnp; echo --; netstat -tlnp; echo --; pgrep -x sshd; pgrep -x dockerd; echo --; cat /proc/net/tcp /proc/net/tcp6")
	parts := strings.Split(out, "--\n")
	if len(parts) != 4 {
		t.Fatal(out)
	}
	pids := strings.Fields(parts[2])
	for _, want := range []string{`0.0.0.0:22 `, `[::]:22 `, `users:(("sshd",pid=` + pids[0] + `,fd=3))`, `*:2375 `, `users:(("dockerd",pid=` + pids[1] + `,fd=7))`} {
		if !strings.Contains(parts[0], want) {
			t.Errorf("ss has no %q:\n%s", want, parts[0])
		}
	}
	for _, want := range []string{"tcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN      " + pids[0] + "/sshd", "tcp6       0      0 :::2375                 :::*                    LISTEN      " + pids[1] + "/dockerd"} {
		if !strings.Contains(parts[1], want) {
			t.Errorf("netstat has no %q:\n%s", want, parts[1])
		}
	}
	for _, want := range []string{" 00000000:0016 00000000:0000 0A ", " 00000000000000000000000000000000:0947 00000000000000000000000000000000:0000 0A "} {
		if !strings.Contains(parts[3], want) {
			t.Errorf("/proc/net has no %q:\n%s", want, parts[3])
		}
	}
	host.Privileged = false
	if out := f.sh(host, "chroot", "/mnt", "/bin/bash", "-c", "ss -tlnp"); !strings.Contains(out, "0.0.0.0:22 ") || strings.Contains(out, "users:") {
		t.Errorf("without CAP_SYS_PTRACE: %s", out)
	}
	if out := f.sh(host, "sh", "-c", "nc -w 1 127.0.0.1 22 </dev/null; nc -l -p 22"); !strings.HasPrefix(out, "SSH-2.0-OpenSSH_") || !strings.Contains(out, "Address in use") && !strings.Contains(out, "Address already in use") {
		t.Errorf("port 22: %q", out)
	}
}

// TestHostLogs: the machine remembers its cron jobs and its administrator, who
// comes from a private network, in every place alike.
func TestHostLogs(t *testing.T) {
	f := livedIn(t)
	out := f.onHost("last; echo --; lastlog; echo --; cat /var/log/auth.log; echo --; journalctl --no-pager -u ssh; echo --; who; who -b; w; echo --; stat -c '%a %U %G %n' /root /root/.docker /var/log/auth.log /var/run/docker.sock; date -d @$(stat -c %Y /root/.docker) +%s; date +%s; pgrep -f [s]ystemd-logind")
	parts := strings.Split(out, "--\n")
	if len(parts) != 6 {
		t.Fatalf("%d parts:\n%s", len(parts), out)
	}
	admin := f.World.host.adminAddr().String()
	if !f.World.host.adminAddr().IsPrivate() {
		t.Errorf("the administrator comes from %s", admin)
	}
	now := f.now()
	sessions := f.World.host.logins(now.AddDate(0, 0, -int(now.Weekday())).Truncate(24*time.Hour), now)
	if n := strings.Count(parts[2], "Accepted publickey for root from "+admin+" "); n != len(sessions) {
		t.Errorf("%d logins in auth.log, want %d:\n%s", n, len(sessions), parts[2])
	}
	if strings.Count(parts[2], "session opened for user root(uid=0) by (uid=0)") < strings.Count(parts[2], "CRON[")/2 || !strings.Contains(parts[0], "\nwtmp begins ") || !strings.Contains(parts[1], "**Never logged in**") {
		t.Errorf("%s\n%s\n%s", parts[0], parts[1], parts[2])
	}
	if all := f.World.host.logins(f.World.host.facts.Boot, now); len(all) > 0 {
		l := all[len(all)-1]
		if !strings.Contains(parts[1], fmt.Sprintf("root             pts/0    %-42s %s", admin, l.at.Format("Mon Jan _2 15:04:05 -0700 2006"))) {
			t.Errorf("lastlog:\n%s", parts[1])
		}
		if l.at.Month() == now.Month() && !strings.HasPrefix(parts[0], fmt.Sprintf("root     pts/0        %-16s %s", admin, l.at.Format("Mon Jan _2 15:04"))) {
			t.Errorf("last:\n%s", parts[0])
		}
	}
	for _, l := range strings.Split(strings.TrimSpace(parts[2]), "\n") {
		if at, err := time.Parse(time.Stamp, l[:15]); err != nil || at.AddDate(now.Year(), 0, 0).After(now) {
			t.Errorf("%q (%v)", l, err)
		}
	}
	if strings.Contains(parts[3], "CRON") || len(sessions) > 0 && !strings.Contains(parts[3], "Accepted publickey") {
		t.Errorf("journalctl -u ssh:\n%s", parts[3])
	}
	boot := f.World.host.facts.Boot.Add(3 * time.Second).Format("2006-01-02 15:04")
	if !strings.HasPrefix(parts[4], "         system boot  "+boot) || !strings.Contains(parts[4], "USER     TTY ") {
		t.Errorf("who, w: %q", parts[4])
	}
	c := strings.Split(strings.TrimSpace(parts[5]), "\n")
	if len(c) != 7 || c[0] != "700 root root /root" || c[1] != "700 root root /root/.docker" || c[2] != "640 syslog adm /var/log/auth.log" || c[3] != "660 root docker /var/run/docker.sock" {
		t.Fatalf("%q", c)
	}
	made, _ := strconv.ParseInt(c[4], 10, 64)
	if is, _ := strconv.ParseInt(c[5], 10, 64); is-made < 9*86400 {
		t.Errorf(".docker is %d s old", is-made)
	}
	if strings.Contains(parts[2], "systemd-logind[") && !strings.Contains(parts[2], "systemd-logind["+c[6]+"]") {
		t.Errorf("logind is %s", c[6])
	}
}

// TestHostHardware: the disk, the modules and the clock are the same to every
// program that shows them.
func TestHostHardware(t *testing.T) {
	f := livedIn(t)
	facts := f.World.host.facts
	priv := &container.HostConfig{Privileged: true, NetworkMode: "host", Binds: []string{"/:/mnt"}}
	run := func(code string) string {
		t.Helper()
		return f.sh(priv, "chroot", "/mnt", "/bin/bash", "-c", code)
	}
	part := facts.Partition()
	for _, row := range []struct{ code, want string }{
		{"lsblk | head -1; lsblk | grep -c /etc/; lsblk | grep -o '[a-z0-9]* *[0-9]*:[0-9]* *0 *[0-9.]*G *0 disk'", "NAME"},
		{"findmnt=$(awk '$2==\"/\"{print $1}' /proc/mounts | head -1); echo $findmnt; df / | tail -1 | cut -d' ' -f1; grep -c " + part + " /proc/partitions; cat /sys/block/" + facts.Disk + "/size", "/dev/" + part + "\n/dev/" + part + "\n3\n" + strconv.FormatInt(facts.DiskSize>>9, 10) + "\n"},
		{"fdisk -l | head -1", fmt.Sprintf("Disk /dev/%s: %d GiB, %d bytes, %d sectors\n", facts.Disk, facts.DiskSize>>30, facts.DiskSize, facts.DiskSize>>9)},
		{"fdisk -l | grep -c '^/dev/" + facts.Disk + "'; mount /dev/" + part + " /opt && ls /opt/etc/hostname; mount /dev/" + part + "4 /srv 2>&1 | cut -c1-30", "3\n/opt/etc/hostname\nmount: /srv: "},
		{"lsmod | head -1; lsmod | awk '$1==\"bridge\"{print $4}'; test $(lsmod | wc -l) = $(($(wc -l </proc/modules)+1)) && echo same", "Module                  Size  Used by\nbr_netfilter\nsame\n"},
		{"iptables -L -n | sed -n 4,7p; iptables -L | grep -c anywhere", "Chain FORWARD (policy DROP)\ntarget     prot opt source               destination         \nDOCKER-USER  all  --  0.0.0.0/0            0.0.0.0/0           \nDOCKER-ISOLATION-STAGE-1  all  --  0.0.0.0/0            0.0.0.0/0           \n"},
		{"hostnamectl | head -1; hostnamectl | grep -c $(cat /etc/machine-id)", "  Static hostname: " + facts.Name + "\n1\n"},
		{"timedatectl | grep -c 'System clock synchronized: yes'; vmstat | wc -l; vmstat | tail -1 | awk '{print NF}'; locale | head -1", "1\n3\n17\nLANG=\n"},
		{"gcc --version; perl -v | grep -c 'This is perl 5'; ethtool " + facts.NIC + " | head -1", "1\nSettings for " + facts.NIC + ":\n/bin/bash: line 1: gcc: command not found\n"},
		{"free -b | awk '/Mem/{print $2}'; echo $(($(awk '/MemTotal/{print $2}' /proc/meminfo)*1024))", fmt.Sprintf("%d\n%d\n", facts.Memory, facts.Memory>>10<<10)},
	} {
		if got := run(row.code); !strings.HasPrefix(got, row.want) {
			t.Errorf("%s\n got %q\nwant %q", row.code, got, row.want)
		}
	}
	if out := f.sh(&container.HostConfig{}, "sh", "-c", "lsmod | wc -l; cat /proc/partitions | wc -l"); !strings.HasSuffix(out, "6\n") {
		t.Errorf("in a container: %q", out)
	}
}

// TestContainerSeals: mounts, devices and refusals of an ordinary container and of
// a privileged one, as a real daemon's have them (docker 26.1.5, BusyBox).
func TestContainerSeals(t *testing.T) {
	f := livedIn(t)
	mounts := f.sh(&container.HostConfig{}, "sh", "-c", "cut -d' ' -f1-4 /proc/mounts | tail -n +2")
	want := `proc /proc proc rw,nosuid,nodev,noexec,relatime
tmpfs /dev tmpfs rw,nosuid,size=65536k,mode=755,inode64
devpts /dev/pts devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666
sysfs /sys sysfs ro,nosuid,nodev,noexec,relatime
cgroup /sys/fs/cgroup cgroup2 ro,nosuid,nodev,noexec,relatime
mqueue /dev/mqueue mqueue rw,nosuid,nodev,noexec,relatime
shm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k,inode64
/dev/sda1 /etc/resolv.conf ext4 rw,relatime,discard,errors=remount-ro
/dev/sda1 /etc/hostname ext4 rw,relatime,discard,errors=remount-ro
/dev/sda1 /etc/hosts ext4 rw,relatime,discard,errors=remount-ro
proc /proc/bus proc ro,nosuid,nodev,noexec,relatime
proc /proc/fs proc ro,nosuid,nodev,noexec,relatime
proc /proc/irq proc ro,nosuid,nodev,noexec,relatime
proc /proc/sys proc ro,nosuid,nodev,noexec,relatime
proc /proc/sysrq-trigger proc ro,nosuid,nodev,noexec,relatime
tmpfs /proc/acpi tmpfs ro,relatime,inode64
tmpfs /proc/kcore tmpfs rw,nosuid,size=65536k,mode=755,inode64
tmpfs /proc/keys tmpfs rw,nosuid,size=65536k,mode=755,inode64
tmpfs /proc/timer_list tmpfs rw,nosuid,size=65536k,mode=755,inode64
tmpfs /proc/scsi tmpfs ro,relatime,inode64
tmpfs /sys/firmware tmpfs ro,relatime,inode64
`
	if mounts != want {
		t.Errorf("mounts:\n%s", mounts)
	}
	priv := f.sh(&container.HostConfig{Privileged: true}, "sh", "-c", "cut -d' ' -f2,4 /proc/mounts")
	if strings.Contains(priv, "/proc/") || !strings.Contains(priv, "/sys rw,") || !strings.Contains(priv, "/sys/fs/cgroup rw,") {
		t.Errorf("privileged:\n%s", priv)
	}
	for _, row := range []struct {
		hc         container.HostConfig
		code, want string
	}{
		{container.HostConfig{}, "mknod /d b 8 1; dd if=/d of=/dev/null count=1", "dd: can't open '/d': Operation not permitted\n"},
		{container.HostConfig{}, "mknod /n c 1 3 && echo x >/n && mknod /m c 1 1 && cat /m", "cat: can't open '/m': Operation not permitted\n"},
		{container.HostConfig{Binds: []string{"/:/mnt"}}, "cat /mnt/dev/sda", "cat: can't open '/mnt/dev/sda': Operation not permitted\n"},
		{container.HostConfig{Privileged: true}, "mknod /d b 8 1; dd if=/d of=/dev/null count=1 2>&1 | head -1", "1+0 records in\n"},
		{container.HostConfig{Resources: container.Resources{DeviceCgroupRules: []string{"b 8:* rmw"}}}, "mknod /d b 8 1; dd if=/d of=/dev/null count=1 2>&1 | head -1", "1+0 records in\n"},
		{container.HostConfig{Resources: container.Resources{Devices: []container.DeviceMapping{{PathOnHost: "/dev/sda", PathInContainer: "/dev/sda", CgroupPermissions: "rwm"}}}}, "dd if=/dev/sda of=/dev/null count=1 2>&1 | head -1; mknod /d b 8 1; cat /d", "1+0 records in\ncat: can't open '/d': Operation not permitted\n"},
		{container.HostConfig{}, "echo 1 >/proc/sys/kernel/panic", "sh: can't create /proc/sys/kernel/panic: Read-only file system\n"},
		{container.HostConfig{}, "echo b >/proc/sysrq-trigger", "sh: can't create /proc/sysrq-trigger: Read-only file system\n"},
		{container.HostConfig{}, "echo 1 >/proc/sys/nothing", "sh: can't create /proc/sys/nothing: nonexistent directory\n"},
		{container.HostConfig{}, "echo 1 >/sys/nothing", "sh: can't create /sys/nothing: Read-only file system\n"},
		{container.HostConfig{Privileged: true}, "echo 1 >/proc/sys/kernel/panic; cat /proc/sys/kernel/panic; echo 1 >/sys/nothing", "1\nsh: can't create /sys/nothing: Permission denied\n"},
		{container.HostConfig{}, "touch /x.ko; insmod /x.ko; insmod /y.ko", "insmod: can't insert '/x.ko': Operation not permitted\ninsmod: can't insert '/y.ko': No such file or directory\n"},
		{container.HostConfig{}, "dmesg", "dmesg: klogctl: Operation not permitted\n"},
		{container.HostConfig{}, "date -s 2020-01-01", "Wed Jan  1 00:00:00 UTC 2020\ndate: can't set date: Operation not permitted\n"},
		{container.HostConfig{}, "wc -c </proc/kcore; ls /sys/firmware /proc/acpi | wc -l; stat -c %a /dev/mqueue", "0\n3\n1777\n"},
		{container.HostConfig{}, "ls -la /proc/self/fd | tail -1 | cut -c1-15; ls -la /proc /sys | grep -c 1970", "lr-x------    1\n0\nls: /proc/self/fd/3: cannot read link: No such file or directory\n"},
		{container.HostConfig{}, "env | grep -c -e ^SHLVL=1 -e ^PWD=/", "2\n"},
		{container.HostConfig{}, "ip a | tail -4 | head -1 | sed 's/^[0-9]*: eth0@if[0-9]*//'; ip r | tail -1", ": <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1500 qdisc noqueue \n172.17.0.0/16 dev eth0 scope link  src 172.17.0."},
	} {
		if got := f.sh(&row.hc, "sh", "-c", row.code); !strings.HasPrefix(got, row.want) {
			t.Errorf("%s\n got %q\nwant %q", row.code, got, row.want)
		}
	}
}

// TestLoopbackRegistry: nobody serves images on the host's loopback, in the words
// of all three releases.
func TestLoopbackRegistry(t *testing.T) {
	f := livedIn(t)
	for _, at := range []string{"localhost:1", "127.0.0.1:1"} {
		want := fmt.Sprintf("Get \"http://%s/v2/\": dial tcp 127.0.0.1:1: connect: connection refused", at)
		ref, err := reference.ParseNormalizedNamed(at + "/a/b:latest")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.PullImage(f.ctx, ref, nil, nil, nil, io.Discard); err == nil || err.Error() != want {
			t.Errorf("pull: %v", err)
		}
		if _, _, err := f.AuthenticateToRegistry(f.ctx, &registry.AuthConfig{Username: "a", Password: "b", ServerAddress: at}); err == nil || err.Error() != want {
			t.Errorf("login: %v", err)
		}
	}
}

// TestHostInterfaces: the host shows a bridge for each network and the other end of
// each running container's interface, with the numbers that the container shows.
func TestHostInterfaces(t *testing.T) {
	f := livedIn(t)
	id := f.create("", &container.Config{Image: "alpine", Cmd: []string{"sleep", "1000"}}, nil)
	if err := f.ContainerStart(f.ctx, id, "", ""); err != nil {
		t.Fatal(err)
	}
	out := f.sh(&container.HostConfig{NetworkMode: "host", Binds: []string{"/:/mnt"}}, "chroot", "/mnt", "/bin/bash", "-c", "ip a; echo --; ls /sys/class/net | wc -l; ip r; cat /proc/net/dev | wc -l")
	links, rest, _ := strings.Cut(out, "--\n")
	f.World.mu.Lock()
	running, bridges := 0, 0
	for _, c := range f.containers {
		if !c.Running {
			continue
		}
		for n := range c.Nets {
			if n == "host" {
				continue
			}
			running++
			if i := f.World.ifIndex(c, n); !strings.Contains(links, fmt.Sprintf("%d: veth", i+1)) || !strings.Contains(links, fmt.Sprintf("@if%d: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master ", i)) {
				t.Errorf("no end %d of %s in\n%s", i, c.Name, links)
			}
		}
	}
	for _, n := range f.networks {
		if n.Driver == "bridge" && n.Name != "bridge" {
			bridges++
			if !strings.Contains(links, ": br-"+n.ID[:12]+": <") || !strings.Contains(rest, n.subnet.String()+" dev br-"+n.ID[:12]) {
				t.Errorf("no bridge of %s in\n%s", n.Name, out)
			}
		}
	}
	f.World.mu.Unlock()
	all := 3 + running + bridges // lo, the card, docker0
	if n := strings.Count(links, "    link/"); n != all || !strings.HasPrefix(rest, strconv.Itoa(all)+"\n") || !strings.HasSuffix(rest, strconv.Itoa(all+2)+"\n") {
		t.Errorf("want %d interfaces:\n%s", all, out)
	}
	if !strings.Contains(links, ": docker0: <BROADCAST,MULTICAST,UP,LOWER_UP>") {
		t.Errorf("docker0 is down with a container on it:\n%s", links)
	}
}

// TestInterfacesWhileResolving: docker cp and a bind resolve paths below
// /sys/class/net while they hold the world; neither waits for it.
func TestInterfacesWhileResolving(t *testing.T) {
	f := fixtureOf(t)
	f.create("looked-at", &container.Config{Image: "alpine", Cmd: sh("sleep 100")}, &container.HostConfig{Binds: []string{"/:/h", "/sys/class/net:/n"}})
	if err := f.ContainerStart(f.ctx, "looked-at", "", ""); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, p := range []string{"/sys/class/net/eth0/address", "/h/sys/class/net/docker0/address", "/n/docker0/address"} {
			r, _, err := f.ContainerArchivePath("looked-at", p)
			if err != nil {
				t.Errorf("%s: %v", p, err)
				continue
			}
			_ = r.Close()
		}
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("the world is locked up")
	}
}

// The host's services look as systemctl shows them, and one that is written there
// runs, is listed and stops.
func TestHostServices(t *testing.T) {
	f := livedIn(t)
	out := f.onHost("systemctl status docker --no-pager; systemctl list-units --type=service --no-pager; systemctl is-enabled ssh cron; systemctl cat cron | head -3; systemctl show -p MainPID,ActiveState docker")
	for _, want := range []string{"● docker.service - Docker Application Container Engine\n     Loaded: loaded (/lib/systemd/system/docker.service; enabled; vendor preset: enabled)\n     Active: active (running) since ",
		"TriggeredBy: ● docker.socket\n       Docs: https://docs.docker.com\n   Main PID: ", " (dockerd)\n      Tasks: ", "     CGroup: /system.slice/docker.service\n             ├─",
		"/usr/bin/docker-proxy ", "loaded active running OpenBSD Secure Shell server", "systemd-journald.service", "SUB    = The low-level unit activation state", "enabled\nenabled\n", "# /lib/systemd/system/cron.service\n[Unit]\n", "ActiveState=active\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	own := f.onHost(`exec 2>&1; printf '[Unit]\nDescription=kernel helper\n[Service]\nExecStart=/usr/bin/sleep 7777\nRestart=always\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/khelper.service
systemctl daemon-reload; systemctl is-active khelper; systemctl enable --now khelper; systemctl is-active khelper; systemctl is-enabled khelper; systemctl status khelper | grep -c "sleep 7777"; pgrep -fc "^/usr/bin/sleep 7777"; systemctl stop khelper; sleep 0.1; systemctl is-active khelper; systemctl disable khelper; systemctl status nosuch; echo $?`)
	want := "inactive\nCreated symlink /etc/systemd/system/multi-user.target.wants/khelper.service → /etc/systemd/system/khelper.service.\nactive\nenabled\n1\n1\ninactive\nRemoved /etc/systemd/system/multi-user.target.wants/khelper.service.\nUnit nosuch.service could not be found.\n4\n"
	if own != want {
		t.Errorf("a unit of one's own:\n got %q\nwant %q", own, want)
	}
}

// The host's rules are those that libnetwork makes of what runs: forwarding for
// each bridge, masquerading for each subnet, a way in for each published port.
func TestHostFirewall(t *testing.T) {
	f := livedIn(t)
	host := &container.HostConfig{Privileged: true, NetworkMode: "host", PidMode: "host", Binds: []string{"/:/mnt"}}
	out := f.sh(host, "chroot", "/mnt", "/bin/bash", "-c", "iptables -S; iptables -t nat -S")
	for _, want := range []string{"-P FORWARD DROP\n", "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A FORWARD -o docker0 -j DOCKER\n-A FORWARD -i docker0 ! -o docker0 -j ACCEPT\n-A FORWARD -i docker0 -o docker0 -j ACCEPT\n",
		"-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2\n", "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n", "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER\n",
		"/16 ! -o docker0 -j MASQUERADE\n", "-A DOCKER -i docker0 -j RETURN\n", " -j DNAT --to-destination 172."} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// A key that was put into root's authorized_keys on the host's disk lets its owner
// in over the host's own sshd; another key does not.
func TestKeyToHost(t *testing.T) {
	f := livedIn(t)
	host := &container.HostConfig{Privileged: true, NetworkMode: "host", PidMode: "host", Binds: []string{"/:/mnt"}}
	out := f.sh(host, "chroot", "/mnt", "/bin/bash", "-c", `exec 2>/dev/null; cd /tmp; ssh-keygen -t ed25519 -N '' -f k | grep -c -e '+--.ED25519 256.--+' -e SHA256; ssh-keygen -q -t ed25519 -N '' -f other; mkdir -p /root/.ssh; cat k.pub >> /root/.ssh/authorized_keys
ssh -o StrictHostKeyChecking=no -i k root@127.0.0.1 id; ssh -o StrictHostKeyChecking=no -i other root@127.0.0.1 id; echo $?`)
	if !strings.Contains(out, "3\nuid=0(root) gid=0(root) groups=0(root)\n255\n") {
		t.Errorf("%q", out)
	}
}
