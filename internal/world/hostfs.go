package world

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/distribution/reference"

	"github.com/whalefall/whalefall/internal/image"
	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// hostTrees are the parts of the host's disk that all worlds share.
type hostTrees struct {
	once sync.Once
	init *vfs.Layer
	bare *vfs.Layer // init as it lies in overlay2 over an image that has /proc and /sys
	base *vfs.Layer
	own  *vfs.Layer
	vols sync.Map // of the lived-in containers' volumes, by name
}

// initLayer is what dockerd puts between image and container: setupInitLayer.
func (h *Host) initLayer() *vfs.Layer { h.trees.make(h); return h.trees.init }

func (t *hostTrees) make(h *Host) {
	t.once.Do(func() {
		t.init = initLayer("/dev", "/proc", "/sys", "/etc", "/dev/pts", "/dev/shm")
		t.bare = initLayer("/dev", "/etc", "/dev/pts", "/dev/shm")
		t.base = image.BuildTree(image.ServerTree(h.facts.Distro), h.facts.Boot.Add(-40*24*time.Hour), elf)
		t.own = image.BuildTree(h.ownTree(), h.facts.Boot, elf)
	})
}

func initLayer(dirs ...string) *vfs.Layer {
	b := vfs.NewLayerBuilder()
	b.Time = vfs.BornWithTree
	for _, d := range dirs {
		_ = b.Dir(d, vfs.Meta{Mode: 0o755})
	}
	for _, f := range []string{"/.dockerenv", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev/console"} {
		_ = b.File(f, vfs.Text(""), vfs.Meta{Mode: 0o755})
	}
	_ = b.Symlink("/etc/mtab", "/proc/mounts", vfs.Meta{})
	return b.Build()
}

// ownTree is what only this installation's disk has.
func (h *Host) ownTree() *image.Tree {
	f := h.facts
	t := &image.Tree{}
	hexN := func(label string, n int) string { b := h.derive(label); return hex.EncodeToString(b[:])[:n] }
	short, _, _ := strings.Cut(f.Name, ".")
	t.Dir(0o700, "/root")
	if f.Swap > 0 {
		t.Blob("/swapfile", 0o600, f.Swap+4096)
	}
	t.File("/etc/hostname", 0o644, f.Name+"\n")
	hosts := "127.0.0.1 localhost\n"
	if short != f.Name {
		hosts += "127.0.1.1 " + f.Name + " " + short + "\n"
	} else {
		hosts += "127.0.1.1 " + f.Name + "\n"
	}
	t.File("/etc/hosts", 0o644, hosts+"\n# The following lines are desirable for IPv6 capable hosts\n::1     ip6-localhost ip6-loopback\nfe00::0 ip6-localnet\nff00::0 ip6-mcastprefix\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n")
	t.File("/etc/machine-id", 0o444, hexN("machine-id", 32)+"\n")
	rc := ""
	for _, d := range f.DNS {
		rc += "nameserver " + d.String() + "\n"
	}
	if f.Provider == "aws" {
		rc = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch ec2.internal\n"
	}
	t.File("/etc/resolv.conf", 0o644, rc)
	t.File("/etc/fstab", 0o644, "# /etc/fstab: static file system information.\nUUID="+h.rootUUID()+" / ext4 discard,errors=remount-ro 0 1\n")
	t.File("/etc/docker/key.json", 0o600, fmt.Sprintf("{\"crv\":\"P-256\",\"d\":%q,\"kid\":%q,\"kty\":\"EC\",\"x\":%q,\"y\":%q}", hexN("kd", 43), h.daemonID(), hexN("kx", 43), hexN("ky", 43)))
	t.File("/etc/systemd/system/docker.service.d/override.conf", 0o644, fmt.Sprintf("[Service]\nExecStart=\nExecStart=%s\n", strings.Join(h.cfg.Args, " ")))
	// users
	users := "systemd-network:x:101:102:systemd Network Management,,,:/run/systemd:/usr/sbin/nologin\nsystemd-resolve:x:102:103:systemd Resolver,,,:/run/systemd:/usr/sbin/nologin\nmessagebus:x:103:104::/nonexistent:/usr/sbin/nologin\nsystemd-timesync:x:104:105:systemd Time Synchronization,,,:/run/systemd:/usr/sbin/nologin\nsshd:x:106:65534::/run/sshd:/usr/sbin/nologin\nsyslog:x:107:113::/home/syslog:/usr/sbin/nologin\n"
	adminHome := "/root"
	hashOf := func(label string) string {
		b := h.derive("pw", label)
		s := strings.NewReplacer("+", ".", "=", "").Replace(base64.StdEncoding.EncodeToString(append(b[:], b[:]...)))
		// yescrypt as both distributions' pam_unix writes it: its cost, 16 bytes of salt
		// and 32 of hash, in crypt's own base 64.
		s = strings.ReplaceAll(s, "+", "/")
		return "$y$j9T$" + s[:22] + "$" + s[22:65]
	}
	shadow := "systemd-network:*:19700:0:99999:7:::\nsystemd-resolve:*:19700:0:99999:7:::\nmessagebus:*:19700:0:99999:7:::\nsystemd-timesync:*:19700:0:99999:7:::\nsshd:*:19700:0:99999:7:::\nsyslog:*:19700:0:99999:7:::\n"
	if f.Admin != "root" {
		adminHome = "/home/" + f.Admin
		users += fmt.Sprintf("%[1]s:x:1000:1000:%[1]s:/home/%[1]s:/bin/bash\n", f.Admin)
		shadow += f.Admin + ":" + hashOf(f.Admin) + ":19742:0:99999:7:::\n"
		t.OwnDir(0o750, 1000, 1000, adminHome)
		t.OwnFile(adminHome+"/.bashrc", 0o644, 1000, 1000, "# ~/.bashrc: executed by bash(1) for non-login shells.\n")
		t.OwnFile(adminHome+"/.profile", 0o644, 1000, 1000, "# ~/.profile: executed by the command interpreter for login shells.\n")
	}
	t.File("/etc/passwd", 0o644, image.DebPasswd+users)
	t.File("/etc/group", 0o644, image.DebGroup+"systemd-journal:x:101:\nsystemd-network:x:102:\nsystemd-resolve:x:103:\nmessagebus:x:104:\nsystemd-timesync:x:105:\ncrontab:x:106:\nsyslog:x:113:\ndocker:x:"+fmt.Sprint(h.dockerGID())+":"+onlyIf(f.Admin != "root", f.Admin)+"\n"+onlyIf(f.Admin != "root", f.Admin+":x:1000:\n"))
	sh := ""
	for _, l := range strings.Split(strings.TrimSpace(image.DebPasswd), "\n") {
		u, _, _ := strings.Cut(l, ":")
		if u == "root" {
			sh += "root:" + onlyElse(f.Admin == "root", hashOf("root"), "*") + ":19742:0:99999:7:::\n"
			continue
		}
		sh += u + ":*:19701:0:99999:7:::\n"
	}
	t.File("/etc/shadow", 0o640, sh+shadow)
	key := func(label string, n int) string {
		b := h.derive("key", label)
		s := base64.StdEncoding.EncodeToString(append(append(b[:], b[3:]...), b[7:]...))
		return s[:n]
	}
	ssh := adminHome + "/.ssh"
	uid := uint32(0)
	if f.Admin != "root" {
		uid = 1000
	}
	t.OwnDir(0o700, uid, uid, ssh)
	t.OwnFile(ssh+"/authorized_keys", 0o600, uid, uid, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"+key("auth", 43)+" "+f.Admin+"@laptop\n")
	t.OwnFile(adminHome+"/.bash_history", 0o600, uid, uid, "docker ps\ndocker compose pull\ndocker compose up -d\ndf -h\nsudo apt update\nsudo apt upgrade -y\ndocker logs -f --tail 100 "+strings.TrimPrefix(h.livedNames()[0], "/")+"\nhtop\nexit\n")
	for _, kt := range []string{"ed25519", "rsa", "ecdsa"} {
		t.File("/etc/ssh/ssh_host_"+kt+"_key.pub", 0o644, "ssh-"+kt+" AAAA"+key("host-"+kt, 60)+" root@"+short+"\n")
		t.File("/etc/ssh/ssh_host_"+kt+"_key", 0o600, "-----BEGIN OPENSSH PRIVATE KEY-----\n"+key("hk-"+kt, 70)+"\n-----END OPENSSH PRIVATE KEY-----\n")
	}
	h.bootFiles(t)
	h.packages(t)
	h.sshdKind(t)
	h.staticRoot(t)
	h.projectDir(t)
	return t
}

func onlyIf(b bool, s string) string { return onlyElse(b, s, "") }

func onlyElse(b bool, s, e string) string {
	if b {
		return s
	}
	return e
}

// rootUUID is that of the root's filesystem.
func (h *Host) rootUUID() string { b := h.derive("root-uuid"); return uuid4(b[:]) }

// boot makes the machine: its disk and its kernel.
func (w *World) boot() {
	h := w.host
	h.trees.make(h)
	f := h.facts
	w.fs = vfs.New(w.onDisk(vfs.Config{Type: "ext4", Inodes: 400000, FirstInode: 131072}), h.trees.base, h.trees.own)
	r := h.rng("hw")
	mid := h.derive("machine-id")
	bid := h.derive("boot-id")
	hi := kernel.HostInfo{Hostname: f.Name, Release: f.Kernel, Version: f.KernelBuild, Machine: "x86_64", Cores: f.Cores, CPU: f.CPU, DMI: f.DMI,
		Memory: f.Memory, MemUsed: f.Memory * int64(28+r.IntN(25)) / 100, Swap: f.Swap, Boot: f.Boot,
		Timezone: f.Timezone, Cmdline: "BOOT_IMAGE=/boot/vmlinuz-" + f.Kernel + " root=UUID=" + h.rootUUID() + " ro console=tty1 console=ttyS0", MachineID: hex.EncodeToString(mid[:])[:32],
		BootID: uuid4(bid[:]),
		Load:   [1]float64{0.04 + float64(r.IntN(30))/100},
	}
	hi.Disk, hi.Modules = h.disk(), f.modules()
	w.firstPID = h.pidAt(w.now())
	hi.FirstPID = w.firstPID
	machine := 0 // that built it: of the build, and not of the installation
	for _, c := range f.Kernel {
		machine = (machine*31 + int(c)) % 110
	}
	hi.ProcVer = fmt.Sprintf("(buildd@lcy02-amd64-%03d) (gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0, GNU ld (GNU Binutils for Ubuntu) 2.38)", 2+machine)
	if strings.HasPrefix(f.Kernel, "6.") {
		hi.ProcVer = fmt.Sprintf("(buildd@lcy02-amd64-%03d) (x86_64-linux-gnu-gcc-12 (Ubuntu 12.3.0-1ubuntu1~22.04) 12.3.0, GNU ld (GNU Binutils for Ubuntu) 2.38)", 2+machine)
	}
	if f.Distro == "debian12" {
		hi.ProcVer = "(debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40)"
	}
	hi.Interfaces = []kernel.Interface{
		{Name: f.NIC, MAC: f.MAC, Addr: netip.PrefixFrom(f.Private, f.PrivateBits), Gateway: f.Gateway, MTU: 1500},
		{Name: "docker0", MAC: fmt.Sprintf("02:42:%02x:%02x:%02x:%02x", r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(256)), Addr: netip.PrefixFrom(f.BridgeSubnet.Addr().Next(), f.BridgeSubnet.Bits()), MTU: 1500},
	}
	w.nextShown = 1100 + r.IntN(900)
	w.kern = kernel.New(kernel.Config{Clock: h.cfg.Clock, Rand: w, Host: hi, Network: worldNet{w}, Observer: observer{w}, Limits: h.cfg.Limits, Programs: h.cfg.Programs, Budget: w.budget}, w.fs)
	w.hostNS = w.kern.Host()
	w.hostNS.Net().Live, w.hostNS.Net().Others = w.hostInterfaces, w.callersSocket
	w.dockerSocket()
	w.openDataRoot()
	w.writeLogs()
	if !w.base {
		w.honeytokens()
	}
}

// onDisk gives a tree the numbers of the machine's disk, on which it lies beside the
// others of the world.
func (w *World) onDisk(c vfs.Config) vfs.Config {
	h := w.host
	d := h.disk()
	part := d.Parts[0].Sectors() << 9
	c.Budget, c.Now, c.Taken = w.budget, func() int64 { return w.now().UnixNano() }, w.budget.Used
	// What mke2fs takes for inodes and the journal, as the distributions' cloud images
	// are made.
	c.Files = part / 16384 &^ 15
	c.Total = (part - c.Files*256 - part/64 - 64<<20) &^ 4095
	r := h.rng("disk-used")
	used := h.trees.base.Size() + h.trees.own.Size() + int64(150+r.IntN(600))<<20 + int64(r.IntN(1<<12))<<12
	if h.cfg.Kind != "empty" {
		seen := map[string]bool{}
		for _, l := range h.stack() {
			if l.volume != "" {
				used += l.total(h)
			}
			if ref, err := reference.ParseNormalizedNamed(l.image); err == nil && !seen[l.image] {
				used += h.catalog.Resolve(reference.TagNameOnly(ref)).Image.Size()
			}
			seen[l.image] = true
		}
	}
	c.Free = c.Total - min(used, c.Total*4/5)
	c.FilesUsed = 96000 + int64(r.IntN(30000)) + used>>17
	c.Reserved = -1
	if p := h.facts.Provider; p == "aws" || p == "digitalocean" {
		c.Reserved = 16 << 20
	}
	return c
}

// startHostProcs lets the machine's own processes be there, once. World.mu is held.
func (w *World) startHostProcs() { w.procsOnce.Do(w.residents) }

// chownThen gives a new file to its owner.
func (w *World) chownThen(c *vfs.Context, at *vfs.Path, a vfs.NewAttr) {
	if a.UID != 0 || a.GID != 0 {
		mode := a.Mode.Perm() // chown takes set-id bits away, and no more
		_ = w.hostNS.Mounts().SetAttr(c, at, vfs.SetAttr{UID: &a.UID, GID: &a.GID, Mode: &mode})
	}
}

// hostThen is root's view of the host's files at a moment, for what was written
// before the world was made.
func (w *World) hostThen(at time.Time) *vfs.Context {
	c := w.hostNS.Context()
	c.Umask, c.Now = 0, at.UnixNano
	return c
}

// HostNS is the host's own namespace.
func (w *World) HostNS() *kernel.NS { return w.hostNS }

func (w *World) hostMkdir(p string, mode vfs.Mode) { w.mkdirThen(w.now(), p, mode) }

func (w *World) mkdirThen(at time.Time, p string, mode vfs.Mode) {
	mnt, c := w.hostNS.Mounts(), w.hostThen(at)
	p = path.Clean("/" + p)
	if _, err := mnt.Resolve(c, p, true); err == nil || p == "/" {
		return
	}
	w.mkdirThen(at, path.Dir(p), 0o755)
	_ = mnt.Mkdir(c, p, mode)
}

// makeVolume makes a volume's directory.
func (w *World) makeVolume(at time.Time, name string) {
	p := w.volumePoint(name)
	w.mkdirThen(at, path.Dir(p), 0o701)
	w.mkdirThen(at, p, 0o755)
}

func (w *World) hostExists(p string) bool {
	_, err := w.hostNS.Mounts().Resolve(w.hostNS.Context(), p, true)
	return err == nil
}

// writeHost writes a file of the daemon's own on the host's disk.
func (w *World) writeHost(p string, data []byte) {
	w.writeThen(w.now(), p, data, vfs.NewAttr{Mode: 0o644})
}

// writeThen is writeHost at another time, for another owner.
func (w *World) writeThen(when time.Time, p string, data []byte, a vfs.NewAttr) {
	mnt, c := w.hostNS.Mounts(), w.hostThen(when)
	a.Mode |= vfs.S_IFREG
	at, err := mnt.Resolve(c, p, true)
	if err != nil {
		if at, err = mnt.Create(c, p, a); err != nil {
			return
		}
		w.chownThen(c, at, a)
	}
	_ = vfs.SetContent(c, at.Node(), vfs.Bytes(data))
}

func (w *World) hostRemoveAll(p string) {
	mnt, c := w.hostNS.Mounts(), w.hostNS.Context()
	removeTree(mnt, c, p, 0)
}

func removeTree(mnt *vfs.Namespace, c *vfs.Context, p string, depth int) {
	at, err := mnt.Resolve(c, p, false)
	if err != nil || depth > 64 {
		return
	}
	if !at.Node().Stat().Mode.IsDir() {
		_ = mnt.Unlink(c, p)
		return
	}
	ents, _ := at.Node().ReadDir(c)
	for _, e := range ents {
		if e.Name != "." && e.Name != ".." {
			removeTree(mnt, c, p+"/"+e.Name, depth+1)
		}
	}
	_ = mnt.Rmdir(c, p)
}

// volumeSize is how much a volume holds.
func (w *World) volumeSize(v *localVolume) int64 {
	c := w.hostNS.Context()
	at, err := w.hostNS.Mounts().Resolve(c, w.volumePoint(v.name), true)
	if err != nil {
		return v.size
	}
	n := 0
	return v.size + treeSize(c, at.Node(), &n)
}

func treeSize(c *vfs.Context, n vfs.Node, count *int) int64 {
	st := n.Stat()
	if !st.Mode.IsDir() {
		return st.Size
	}
	var s int64
	ents, _ := n.ReadDir(c)
	for _, e := range ents {
		if *count++; *count > 50000 || e.Name == "." || e.Name == ".." {
			continue
		}
		if k, err := n.Lookup(c, e.Name); err == nil {
			s += treeSize(c, k, count)
		}
	}
	return s
}

// resolve makes contents from the descriptions in snapshots.
func resolve(desc string) (vfs.Content, bool) {
	if b, ok := image.ResolveBlob(desc); ok {
		return b, true
	}
	return kernel.Resolve(desc)
}

// honeytokens puts secrets of this world's own on its disk: found again
// anywhere, they name the world they were taken from.
func (w *World) honeytokens() {
	f := w.host.facts
	home := "/root"
	if f.Admin != "root" {
		home = "/home/" + f.Admin
	}
	t := w.Tokens()
	var uid uint32
	if f.Admin != "root" {
		uid = 1000
	}
	set := f.Boot.Add(-time.Duration(9+w.host.rng("settled").IntN(20*24)) * time.Hour) // when the machine was set up
	w.mkdirThen(set, "/root/.aws", 0o700)
	w.writeThen(set, "/root/.aws/credentials", []byte("[default]\naws_access_key_id = "+t.AWSKey+"\naws_secret_access_key = "+t.AWSSecret+"\n"), vfs.NewAttr{Mode: 0o600})
	set = set.Add(41 * time.Minute)
	w.mkdirThen(set, "/root/.docker", 0o700)
	auth := base64.StdEncoding.EncodeToString([]byte("deploy:" + t.Registry))
	w.writeThen(set, "/root/.docker/config.json", []byte("{\n\t\"auths\": {\n\t\t\"https://index.docker.io/v1/\": {\n\t\t\t\"auth\": \""+auth+"\"\n\t\t}\n\t}\n}"), vfs.NewAttr{Mode: 0o600})
	w.writeThen(set.Add(-11*24*time.Hour), home+"/.ssh/id_ed25519", []byte("-----BEGIN OPENSSH PRIVATE KEY-----\n"+t.SSH+"\n-----END OPENSSH PRIVATE KEY-----\n"), vfs.NewAttr{Mode: 0o600, UID: uid, GID: uid})
}

// Tokens are a world's honeytokens.
type Tokens struct{ AWSKey, AWSSecret, Registry, SSH string }

// Tokens derives them from the installation's secret and the source.
func (w *World) Tokens() Tokens {
	b := derive(w.token[:], "aws")
	const up = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	key := []byte("AKIA")
	for i := range 16 {
		key = append(key, up[b[i]&31])
	}
	s := derive(w.token[:], "aws-secret")
	r := derive(w.token[:], "registry")
	k := derive(w.token[:], "ssh")
	return Tokens{AWSKey: string(key), AWSSecret: base64.StdEncoding.EncodeToString(s[:30]), Registry: "dckr_pat_" + base64.RawURLEncoding.EncodeToString(r[:20]),
		SSH: base64.StdEncoding.EncodeToString(append([]byte("openssh-key-v1\x00"), append(k[:], s[:20]...)...))}
}

// holds tells whether a text holds one of the world's tokens.
func (t Tokens) holds(s string) bool {
	for _, x := range []string{t.AWSKey, t.AWSSecret, t.Registry, t.SSH} {
		if strings.Contains(s, x) {
			return true
		}
	}
	return false
}
