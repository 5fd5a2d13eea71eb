// Package oracle runs real Docker daemons beside the tests.
//
// A [Release] is one of the three that Debian packages; [Fetch] gets its packages
// from the configured mirror and unpacks them below a cache directory, [Start]
// runs a daemon in namespaces of its own (mount, pid, network), so that its
// bridges, rules and state never meet the machine's. Nothing is installed and no
// maintainer script runs.
//
// It needs root, Linux and, for the first fetch, a mirror. Where one of them is
// missing the functions return an error that wraps [ErrUnavailable]; a test then
// skips by name, and never passes silently.
//
// Every daemon ends with its [Daemon.Stop], and with the test process in any case:
// the namespaces' first process dies with its parent (PDEATHSIG, --kill-child).
package oracle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrUnavailable says that this machine cannot run a daemon of that release.
var ErrUnavailable = errors.New("no real daemon here")

// Release is a daemon as a Debian suite packages it.
type Release struct {
	Suite   string
	Version string // upstream's, the leading part of the package's
	Persona string // the persona that must match it
	merged  bool   // the suite's packages expect a merged /usr
}

// The releases.
var (
	R20 = Release{Suite: "bookworm", Version: "20.10.24", Persona: "docker-20.10.24-debian"}
	R26 = Release{Suite: "trixie", Version: "26.1.5", Persona: "docker-26.1.5-debian", merged: true}
	R28 = Release{Suite: "forky", Version: "28.5.2", Persona: "docker-28.5.2-debian", merged: true}
)

// All lists the releases, oldest first.
var All = []Release{R20, R26, R28}

// packages are what a daemon needs. procps gives `docker top` its ps, base-files
// the name of the operating system in /info.
var packages = []string{"docker.io", "iptables", "procps", "xz-utils", "busybox-static", "base-files"}

// CacheDir is where packages and roots lie: WHALEFALL_CACHE, or a folder in the
// user's cache.
func CacheDir() (string, error) {
	if d := os.Getenv("WHALEFALL_CACHE"); d != "" {
		return d, nil
	}
	d, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(d, "whalefall", "oracle"), nil
}

func unavailable(format string, a ...any) error {
	return fmt.Errorf("%w: %w", ErrUnavailable, fmt.Errorf(format, a...))
}

// Fetch makes the release's root ready and returns its path. It is idempotent and
// locks against other processes.
func Fetch(ctx context.Context, r Release) (string, error) {
	if os.Getuid() != 0 {
		return "", unavailable("starting a daemon needs root")
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, r.Suite)
	for _, d := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return "", err
		}
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	root := filepath.Join(dir, "root")
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return root, nil
	}
	opts, err := aptOptions(dir, r.Suite)
	if err != nil {
		return "", err
	}
	if out, err := run(ctx, "", "apt-get", append(opts, "update")...); err != nil {
		return "", unavailable("apt-get update for %s: %w\n%s", r.Suite, err, out)
	}
	out, err := run(ctx, "", "apt-cache", append(opts, "policy", "docker.io")...)
	if err != nil {
		return "", unavailable("apt-cache policy: %w", err)
	}
	if c := candidate(out); !strings.HasPrefix(c, r.Version) {
		return "", unavailable("suite %s has docker.io %q, not %s: persona %s cannot be proved", r.Suite, c, r.Version, r.Persona)
	}
	args := slices.Concat(opts, []string{"-y", "--download-only", "install"}, packages)
	if out, err := run(ctx, "", "apt-get", args...); err != nil {
		return "", unavailable("apt-get download for %s: %w\n%s", r.Suite, err, out)
	}
	if err := os.RemoveAll(root); err != nil {
		return "", err
	}
	if err := os.Mkdir(root, 0o755); err != nil {
		return "", err
	}
	if r.merged {
		for _, d := range []string{"bin", "sbin", "lib", "lib64"} {
			if err := os.MkdirAll(filepath.Join(root, "usr", d), 0o755); err != nil {
				return "", err
			}
			if err := os.Symlink("usr/"+d, filepath.Join(root, d)); err != nil {
				return "", err
			}
		}
	}
	debs, err := filepath.Glob(filepath.Join(dir, "cache/archives/*.deb"))
	if err != nil {
		return "", err
	}
next:
	for _, d := range debs {
		for _, skip := range []string{"systemd_", "libsystemd-shared", "openssl_", "perl"} {
			if strings.HasPrefix(filepath.Base(d), skip) {
				continue next
			}
		}
		if out, err := run(ctx, "", "dpkg", "-x", d, root); err != nil {
			return "", unavailable("unpacking %s: %w\n%s", filepath.Base(d), err, out)
		}
	}
	if err := dress(root); err != nil {
		return "", err
	}
	return root, os.WriteFile(filepath.Join(dir, "complete"), []byte(r.Version+"\n"), 0o644)
}

// dress does what the packages' scripts would have done, as far as a daemon needs it.
func dress(root string) error {
	for _, t := range []string{"iptables", "ip6tables"} {
		for _, s := range []string{"", "-save", "-restore"} {
			p := filepath.Join(root, "usr/sbin", t+s)
			os.Remove(p)
			if err := os.Symlink("xtables-nft-multi", p); err != nil {
				return err
			}
		}
	}
	for name, text := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
		"etc/group":  "root:x:0:\ndocker:x:999:\n",
		"etc/hosts":  "127.0.0.1 localhost\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(filepath.Join(root, "var/run")); err != nil {
		return err
	}
	if err := os.Symlink("/run", filepath.Join(root, "var/run")); err != nil {
		return err
	}
	for _, d := range []string{"proc", "sys", "dev", "run", "tmp", "mnt", "root"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// aptOptions makes dir a state of apt's own, with one suite of the configured mirror
// and without a package installed.
func aptOptions(dir, suite string) ([]string, error) {
	mirror, err := mirrorURI("/etc/apt")
	if err != nil {
		return nil, unavailable("%w", err)
	}
	src := "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] " + mirror + " " + suite + " main\n"
	if err := os.WriteFile(filepath.Join(dir, "sources"), []byte(src), 0o644); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "status"), nil, 0o644); err != nil {
		return nil, err
	}
	return []string{
		"-o", "Dir::Etc::sourcelist=" + dir + "/sources", "-o", "Dir::Etc::sourceparts=-",
		"-o", "Dir::State::lists=" + dir + "/lists", "-o", "Dir::State::status=" + dir + "/status",
		"-o", "Dir::Cache=" + dir + "/cache", "-o", "Acquire::Languages=none",
		"-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
		"-o", "APT::Install-Recommends=false", "-o", "APT::Sandbox::User=root", "-o", "Debug::NoLocking=1",
	}, nil
}

// run runs a command in dir, the test's own where that is empty.
func run(ctx context.Context, dir, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	b, err := c.CombinedOutput()
	return string(b), err
}

// mirrorURI is the first mirror that apt is configured with.
func mirrorURI(etc string) (string, error) {
	files, _ := filepath.Glob(filepath.Join(etc, "sources.list.d/*.sources"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		for _, l := range strings.Split(string(b), "\n") {
			if u, ok := strings.CutPrefix(l, "URIs:"); ok {
				if fs := strings.Fields(u); len(fs) > 0 {
					return fs[0], nil
				}
			}
		}
	}
	b, _ := os.ReadFile(filepath.Join(etc, "sources.list"))
	for _, l := range strings.Split(string(b), "\n") {
		if fs := strings.Fields(l); len(fs) > 2 && fs[0] == "deb" {
			for _, f := range fs[1:] {
				if strings.Contains(f, "://") {
					return f, nil
				}
			}
		}
	}
	return "", errors.New("apt has no mirror configured")
}

func candidate(policy string) string {
	for _, l := range strings.Split(policy, "\n") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(l), "Candidate: "); ok {
			return v
		}
	}
	return ""
}

// Options vary how a daemon is started.
type Options struct {
	// Args are added to dockerd's own.
	Args []string
	// Keep keeps /var/lib/docker of an earlier run; otherwise the daemon begins empty.
	Keep bool
	// Share is bound at /tmp inside, where set.
	Share string
	// Hostname names the daemon's host; empty leaves the machine's own.
	Hostname string
}

// Daemon is a running dockerd.
type Daemon struct {
	Release Release
	Root    string
	cmd     *exec.Cmd
	log     *lockedBuffer
	done    chan struct{}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.b.Len() < 4<<20 {
		l.b.Write(p)
	}
	return len(p), nil
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// inside runs with the machine's own tools in the new namespaces; they end at
// pivot_root, after which only the root's busybox and the daemon are left.
// pivot_root and not chroot: `docker exec` joins the mount namespace at its root.
const inside = `set -e
R=$1; SHARE=$2; shift 2
[ -z "$HOSTNAME_WANTED" ] || hostname "$HOSTNAME_WANTED"
ip link set lo up
mount --bind "$R" "$R"
cd "$R"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount --rbind /dev dev
[ -z "$SHARE" ] || mount --bind "$SHARE" tmp
pivot_root . mnt
exec /bin/busybox env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root /bin/busybox sh -c 'cd /; /bin/busybox umount -l /mnt; exec "$@"' sh docker-init -- dockerd -H unix:///run/docker.sock -H tcp://127.0.0.1:2375 "$@"
`

// own takes the root of a release for one daemon, as daemons of one release share
// it, and waits while another process has it. Closing the file gives it back.
func own(ctx context.Context, root string) (*os.File, error) {
	f, err := os.OpenFile(root+".running", os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("another daemon runs in %s: %w", root, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Start runs a daemon of the release and waits until it answers. One daemon a
// release runs at a time on a machine: Start waits for the one before it to end.
func Start(ctx context.Context, r Release, o Options) (*Daemon, error) {
	root, err := Fetch(ctx, r)
	if err != nil {
		return nil, err
	}
	lock, err := own(ctx, root)
	if err != nil {
		return nil, err
	}
	release := lock
	defer func() {
		if release != nil {
			release.Close()
		}
	}()
	// A stale pid file names pid 10, which is dockerd itself again.
	if err := empty(filepath.Join(root, "run")); err != nil {
		return nil, err
	}
	if !o.Keep {
		for _, d := range []string{"var/lib/docker", "var/lib/containerd"} {
			if err := os.RemoveAll(filepath.Join(root, d)); err != nil {
				return nil, fmt.Errorf("is another daemon of %s running? %w", r.Suite, err)
			}
		}
	}
	d := &Daemon{Release: r, Root: root, log: &lockedBuffer{}, done: make(chan struct{})}
	args := append([]string{"--mount", "--uts", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private",
		"sh", "-c", inside, "sh", root, o.Share}, o.Args...)
	d.cmd = exec.Command("unshare", args...)
	d.cmd.Env = append(os.Environ(), "HOSTNAME_WANTED="+o.Hostname)
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	started := make(chan error, 1)
	go func() {
		// PDEATHSIG counts from the thread that forked: this one lives until the child is dead.
		runtime.LockOSThread()
		d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
		err := d.cmd.Start()
		started <- err
		if err == nil {
			d.cmd.Wait()
		}
		lock.Close()
		close(d.done)
	}()
	release = nil // the goroutine's from here on
	if err := <-started; err != nil {
		return nil, unavailable("unshare: %w", err)
	}
	for {
		if err := d.ping(); err == nil {
			break
		}
		select {
		case <-d.done:
			return nil, unavailable("dockerd %s ended at its start:\n%s", r.Version, d.log)
		case <-ctx.Done():
			d.Stop()
			return nil, fmt.Errorf("dockerd %s is not ready: %w\n%s", r.Version, ctx.Err(), d.log)
		case <-time.After(50 * time.Millisecond):
		}
	}
	return d, nil
}

func empty(dir string) error {
	es, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range es {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Socket is the path of the daemon's unix socket, seen from outside.
func (d *Daemon) Socket() string { return filepath.Join(d.Root, "run/docker.sock") }

func (d *Daemon) ping() error {
	c, err := d.dialTCP()
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, "GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	b, err := io.ReadAll(c)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(b, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("ping answered %q", b)
	}
	return nil
}

// initPID is the process that unshare forked: the first of the new pid namespace.
func (d *Daemon) initPID() (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", d.cmd.Process.Pid, d.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var pid int
	if _, err := fmt.Sscan(string(b), &pid); err != nil {
		return 0, fmt.Errorf("unshare has no child yet: %w", err)
	}
	return pid, nil
}

// Dial opens a TCP connection to the daemon's port inside its network namespace.
func (d *Daemon) Dial(ctx context.Context) (net.Conn, error) { return d.dialTCP() }

// DialAddr opens a TCP connection to any address inside the daemon's network namespace.
func (d *Daemon) DialAddr(addr string) (net.Conn, error) {
	pid, err := d.initPID()
	if err != nil {
		return nil, err
	}
	type res struct {
		c   net.Conn
		err error
	}
	ch := make(chan res, 1)
	go func() {
		// The thread stays in the other namespace and ends with the goroutine: never unlocked.
		runtime.LockOSThread()
		f, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
		if err != nil {
			ch <- res{nil, err}
			return
		}
		defer f.Close()
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			ch <- res{nil, err}
			return
		}
		// A literal address dials on this very thread; the connection then works anywhere.
		ap, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			ch <- res{nil, err}
			return
		}
		c, err := net.DialTCP("tcp", nil, ap)
		ch <- res{c, err}
	}()
	r := <-ch
	if r.err != nil {
		return nil, r.err
	}
	return r.c, nil
}

func (d *Daemon) dialTCP() (net.Conn, error) { return d.DialAddr("127.0.0.1:2375") }

// Log is what the daemon has written so far.
func (d *Daemon) Log() string { return d.log.String() }

// Stop ends the daemon and all that runs in its namespaces.
func (d *Daemon) Stop() {
	if pid, err := d.initPID(); err == nil {
		syscall.Kill(pid, syscall.SIGTERM)
		select {
		case <-d.done:
		case <-time.After(10 * time.Second):
		}
	}
	// The outer process takes all with it.
	select {
	case <-d.done:
	default:
		d.cmd.Process.Kill()
		<-d.done
	}
	// After a kill empty cgroups stay behind.
	left, _ := filepath.Glob("/sys/fs/cgroup/*/docker/*")
	for _, l := range left {
		if fi, err := os.Stat(l); err == nil && fi.IsDir() && len(filepath.Base(l)) == 64 {
			os.Remove(l)
		}
	}
}
