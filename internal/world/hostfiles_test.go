package world

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
)

// TestHostFiles: what a visitor lists of the machine's own files agrees with itself
// and with the machine.
func TestHostFiles(t *testing.T) {
	f := livedIn(t)
	num := func(code string) int {
		t.Helper()
		n, err := strconv.Atoi(strings.TrimSpace(f.onHost(code)))
		if err != nil {
			t.Errorf("%s: %v", code, err)
		}
		return n
	}
	if l, s := num("dpkg -l | grep -c ^ii"), num("grep -c '^Status: install ok installed' /var/lib/dpkg/status"); l != s || l < 120 {
		t.Errorf("dpkg -l has %d, status %d", l, s)
	}
	if out := f.onHost("dpkg-query -W docker-ce"); !strings.HasPrefix(out, "docker-ce\t5:20.10.24~3-0~") {
		t.Errorf("docker's package: %s", out)
	}
	if n := num("ls /etc | wc -l"); n < 130 || n > 230 {
		t.Errorf("%d entries in /etc", n)
	}
	if out := f.onHost("cd /boot; for n in vmlinuz initrd.img System.map config; do test -s $n-$(uname -r) || echo no $n; done; test -s grub/grub.cfg || echo no grub; grep -c $(uname -r) grub/grub.cfg"); out != "2\n" {
		t.Errorf("/boot: %s", out)
	}
	if out := f.onHost("cd /lib/modules/$(uname -r); for m in $(cut -d' ' -f1 /proc/modules); do grep -q \"/$(echo $m | tr _ -).ko:\" modules.dep || echo $m; done; cut -d: -f1 modules.dep | while read n; do test -s $n || echo $n; done"); out != "" {
		t.Errorf("modules: %s", out)
	}
	if out := f.onHost("cut -d: -f2 /etc/shadow | grep '\\$' | sort -u"); out == "" || !regexp.MustCompile(`(?m)\A(\$y\$j9T\$[./0-9A-Za-z]{22}\$[./0-9A-Za-z]{43}\n)+\z`).MatchString(out) {
		t.Errorf("shadow: %q", out)
	}
	df, du := num("df -m / | tail -1 | tr -s ' ' | cut -d' ' -f3"), num("du -smx / | cut -f1")
	if du < df*3/4 || du > df*21/20 {
		t.Errorf("df says %d MiB, du %d", df, du)
	}
	if n := num("sysctl -a | wc -l"); n < 600 {
		t.Errorf("%d keys", n)
	}
	if out := f.onHost("sysctl -a 2>/dev/null | grep -v -E 'random|= $' | head -300 | while read k eq v; do w=$(cat /proc/sys/$(echo $k | tr . /)); test \"$(echo $w)\" = \"$(echo $v)\" || echo $k: $v, $w; done"); out != "" {
		t.Errorf("sysctl and /proc/sys: %s", out)
	}
	if out := f.onHost("busybox --list | wc -l; busybox --list | head -3 | tr '\\n' ' '"); out != "269\n[ [[ acpid " {
		t.Errorf("Debian's busybox: %q", out)
	}
	if out := f.sh(nil, "sh", "-c", "busybox --list | wc -l; find /bin /sbin /usr/bin /usr/sbin -type l | xargs -n1 readlink | grep -c busybox; apk info -vv | head -1; apk info | wc -l"); !regexp.MustCompile(`\A(\d+)\n(\d+)\nalpine-baselayout-3\S+ - Alpine base dir structure and init scripts\n15\n\z`).MatchString(out) {
		t.Errorf("Alpine: %q", out)
	}
	onNet := func(f *fixture, code string) string {
		return f.sh(&container.HostConfig{Binds: []string{"/:/mnt"}, NetworkMode: "host"}, "chroot", "/mnt", "/bin/bash", "-c", code)
	}
	if out := onNet(f, "ssh -o StrictHostKeyChecking=no root@127.0.0.1 true 2>&1 | tail -1"); !strings.Contains(out, "(publickey,password)") {
		t.Errorf("ssh where passwords are taken: %q", out)
	}
	cloud := fixtureOf(t, func(c *Config, _ *ManagerConfig) { c.Programs, c.Provider = every(), "aws" })
	if out := onNet(cloud, "ssh -o StrictHostKeyChecking=no root@127.0.0.1 true 2>&1 | tail -1"); !strings.Contains(out, "(publickey).") {
		t.Errorf("ssh on a cloud's machine: %q", out)
	}
}

// TestAptInstall: what comes with a package is named before it is fetched, and is in
// dpkg's database afterwards.
func TestAptInstall(t *testing.T) {
	f := livedIn(t)
	f.pull("ubuntu")
	id := f.create("", &container.Config{Image: "ubuntu", Cmd: []string{"sleep", "1000"}}, nil)
	if err := f.ContainerStart(f.ctx, id, "", ""); err != nil {
		t.Fatal(err)
	}
	out := f.execIn(id, "bash", "-c", "apt-get update >/dev/null; apt-get install -y curl; dpkg -l curl libcurl4 | grep -c ^ii; grep -c '^Package: libcurl4$' /var/lib/dpkg/status; apt-get install -y curl")
	for _, want := range []string{"The following additional packages will be installed:\n  ", " libcurl4 ", "The following NEW packages will be installed:\n", "Setting up libcurl4 (", "\n2\n1\n", "curl is already the newest version"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// TestUnitIsStartedAgain: a visitor's unit that fails or is killed comes back as its
// Restart= says, until it is stopped.
func TestUnitIsStartedAgain(t *testing.T) {
	f := livedIn(t)
	id := f.create("", &container.Config{Image: "alpine", Cmd: []string{"sleep", "1000"}}, &container.HostConfig{Binds: []string{"/:/mnt"}, PidMode: "host"})
	if err := f.ContainerStart(f.ctx, id, "", ""); err != nil {
		t.Fatal(err)
	}
	host := func(code string) string { return f.execIn(id, "chroot", "/mnt", "/bin/bash", "-c", code) }
	unit := func(restart string) {
		host("printf '#!/bin/sh\necho x >>/tmp/ran\nsleep 1000\n' >/usr/local/bin/m; chmod +x /usr/local/bin/m; printf '[Service]\nExecStart=/usr/local/bin/m\nRestart=" + restart + "\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/m.service; rm -f /tmp/ran; systemctl daemon-reload; systemctl start m")
	}
	ran := func(n string) func() bool { return func() bool { return host("grep -c x /tmp/ran") == n+"\n" } }
	kill := "kill -9 $(pgrep -f 'local/bin/m' | head -1)"
	unit("on-failure")
	f.until(ran("1"))
	host(kill)
	f.until(ran("2"))
	host("systemctl stop m; sleep 0.5")
	if out := host("grep -c x /tmp/ran; systemctl is-active m"); out != "2\ninactive\n" {
		t.Errorf("stopped: %q", out)
	}
	unit("no")
	f.until(ran("1"))
	host(kill + "; sleep 0.5")
	if !ran("1")() {
		t.Error("it came back without Restart=")
	}
}
