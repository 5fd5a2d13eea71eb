package kernel

import (
	"fmt"
	"sort"
	"strconv"

	"github.com/whalefall/whalefall/internal/vfs"
)

// device is a character or block device, told apart by its numbers.
type device struct {
	k            *Kernel
	major, minor uint32
	st           vfs.Stat
}

func (d *device) read(f *File, p []byte) (int, error) {
	switch {
	case d.major == 1 && d.minor == 3: // null
		return 0, nil
	case d.major == 1 && (d.minor == 5 || d.minor == 7): // zero, full
		clear(p)
		return len(p), nil
	case d.major == 1 && (d.minor == 8 || d.minor == 9): // random, urandom
		if len(p) > 32<<20 {
			p = p[:32<<20]
		}
		d.k.fastRandom(p)
		return len(p), nil
	case d.major == 1 && d.minor == 11: // kmsg
		return 0, vfs.EAGAIN
	case d.st.Mode.Type() == vfs.S_IFBLK:
		f.mu.Lock()
		defer f.mu.Unlock()
		// A disk's bytes are noise that stays the same.
		for i := range p {
			at := uint64(f.off) + uint64(i)
			p[i] = byte(mix(uint64(d.minor)<<40+at/8) >> (8 * (at % 8)))
			if at/4096%7 != 3 {
				p[i] = 0
			}
		}
		f.off += int64(len(p))
		if f.off > 80<<30 {
			return 0, nil
		}
		return len(p), nil
	}
	return 0, nil
}

func (d *device) write(_ *File, p []byte) (int, error) {
	if d.major == 1 && d.minor == 7 {
		return 0, vfs.ENOSPC
	}
	return len(p), nil
}
func (d *device) queues() (*waitq, *waitq)  { return &waitq{}, &waitq{} }
func (d *device) ready() (bool, bool, bool) { return true, true, false }
func (d *device) stat() vfs.Stat            { return d.st }
func (d *device) release(*Task, *File)      {}

// fastRandom fills p from a generator seeded by Random.
func (k *Kernel) fastRandom(p []byte) {
	if len(p) <= 256 {
		k.Random(p)
		return
	}
	s := k.RandUint()
	for i := 0; i < len(p); i += 8 {
		w := mix(s)
		s++
		for b := 0; b < 8 && i+b < len(p); b++ {
			p[i+b] = byte(w >> (8 * b))
		}
	}
}

// standardDevices may be opened in every container: those of /dev, terminals, and
// /dev/net/tun.
var standardDevices = []DeviceRule{{vfs.S_IFCHR, 1, 3}, {vfs.S_IFCHR, 1, 5}, {vfs.S_IFCHR, 1, 7}, {vfs.S_IFCHR, 1, 8}, {vfs.S_IFCHR, 1, 9},
	{vfs.S_IFCHR, 5, 0}, {vfs.S_IFCHR, 5, 1}, {vfs.S_IFCHR, 5, 2}, {vfs.S_IFCHR, 136, -1}, {vfs.S_IFCHR, 10, 200}}

// mayDevice is the device cgroup: it lets any node be made, and few be opened.
func (ns *NS) mayDevice(typ vfs.Mode, major, minor uint32) bool {
	if ns.cfg.Privileged || ns.cfg.Label == "" {
		return true
	}
	for _, l := range [][]DeviceRule{standardDevices, ns.cfg.DeviceRules} {
		for _, r := range l {
			if (r.Type == 0 || r.Type == typ) && (r.Major < 0 || r.Major == int64(major)) && (r.Minor < 0 || r.Minor == int64(minor)) {
				return true
			}
		}
	}
	for _, d := range ns.cfg.Devices {
		if d.Mode.Type() == typ && d.Major == major && d.Minor == minor {
			return true
		}
	}
	return false
}

// openDevice opens a device node.
func (t *Task) openDevice(st vfs.Stat, flags int) (*File, error) {
	maj, min := vfs.Major(st.Rdev), vfs.Minor(st.Rdev)
	k := t.k
	if !t.ns.mayDevice(st.Mode.Type(), maj, min) {
		return nil, vfs.EPERM
	}
	if d := k.cfg.Host.Disk; st.Mode.Type() == vfs.S_IFBLK && maj != 7 && maj != d.Major() {
		return nil, vfs.ENXIO
	}
	if st.Mode.Type() == vfs.S_IFCHR {
		switch {
		case maj == 1 && (min == 1 || min == 4):
			if !t.cred.Has(vfs.CapSysRawio) {
				return nil, vfs.EPERM
			}
		case maj == 5 && min == 0: // tty
			k.mu.Lock()
			p := t.session.tty
			k.mu.Unlock()
			if p == nil {
				return nil, vfs.ENXIO
			}
			return p.Slave(), nil
		case maj == 5 && min == 2: // ptmx
			p := k.NewPTY()
			f := newFile(&ptyMaster{p}, flags)
			f.name = "/dev/ptmx"
			return f, nil
		case maj == 136:
			k.mu.Lock()
			p := k.ptys[int(min)]
			k.mu.Unlock()
			if p == nil {
				return nil, vfs.EIO
			}
			return p.Slave(), nil
		case maj == 5 && min == 1, maj == 4:
		case maj == 1, maj == 10:
		default:
			return nil, vfs.ENXIO
		}
	}
	return newFile(&device{k: k, major: maj, minor: min, st: st}, flags), nil
}

// standardMounts mounts what every system has.
func (ns *NS) standardMounts() error {
	host := ns.cfg.Label == "" && ns.cfg.Parent == nil
	at := func(p string) *vfs.Path {
		x, err := ns.mnt.Resolve(ns.Context(), p, true)
		if err == vfs.ENOENT {
			c := ns.Context()
			_, _ = ns.cfg.Root.Root().Create(c, p[1:], vfs.NewAttr{Mode: vfs.S_IFDIR | 0o755}) // resolving tells
			x, err = ns.mnt.Resolve(c, p, true)
		}
		if err != nil {
			return nil
		}
		return x
	}
	mount := func(p string, m *vfs.Mount) error {
		d := at(p)
		if d == nil {
			return nil
		}
		m.NoSuid = true
		return ns.mnt.Attach(m, d)
	}
	if err := mount("/proc", &vfs.Mount{FS: ns.newProc(), Source: "proc", NoDev: true, NoExec: true, Relatime: true}); err != nil {
		return err
	}
	ram := ns.k.cfg.Host.Memory
	mem := func(c vfs.Config) *vfs.FS { // tmpfs may have an inode for every second page
		c.Budget, c.Now, c.Files = ns.cfg.Budget, ns.k.nowNS, ram/8192
		return vfs.New(c)
	}
	dev := mem(vfs.Config{Type: "tmpfs", Bytes: 64 << 20})
	udev := (ram/2 - 19<<20) &^ 4095
	if host {
		dev = mem(vfs.Config{Type: "devtmpfs", Bytes: 64 << 20, Total: udev, Free: udev})
	}
	ns.fillDev(dev, host)
	opts := "size=65536k,mode=755,inode64"
	if host {
		opts = fmt.Sprintf("size=%dk,nr_inodes=%d,mode=755,inode64", udev>>10, udev>>12)
	}
	src := "tmpfs"
	if host {
		src = "udev"
	}
	if err := mount("/dev", &vfs.Mount{FS: dev, Source: src, Options: opts, Relatime: host}); err != nil {
		return err
	}
	if err := mount("/dev/pts", &vfs.Mount{FS: ns.devpts(), Source: "devpts", Options: "gid=5,mode=620,ptmxmode=666", NoExec: true, Relatime: true}); err != nil {
		return err
	}
	if err := mount("/sys", &vfs.Mount{FS: ns.newSys(), Source: "sysfs", NoDev: true, NoExec: true, Relatime: true, ReadOnly: ns.cfg.ReadonlySys}); err != nil {
		return err
	}
	cg := &vfs.Mount{FS: ns.newCgroup(), Source: "cgroup", NoDev: true, NoExec: true, Relatime: true, ReadOnly: ns.cfg.ReadonlySys}
	if host {
		cg.Source, cg.Options = "cgroup2", "nsdelegate,memory_recursiveprot"
	}
	if err := mount("/sys/fs/cgroup", cg); err != nil {
		return err
	}
	if host {
		for _, m := range [][3]string{{"securityfs", "securityfs", "/sys/kernel/security"}, {"pstore", "pstore", "/sys/fs/pstore"}, {"bpf", "bpf", "/sys/fs/bpf"}, {"debugfs", "debugfs", "/sys/kernel/debug"},
			{"tracefs", "tracefs", "/sys/kernel/tracing"}, {"fusectl", "fusectl", "/sys/fs/fuse/connections"}, {"configfs", "configfs", "/sys/kernel/config"}} {
			empty := ns.dated(vfs.NewSynth(m[1], 0, &vfs.SynthNode{Mode: vfs.S_IFDIR | 0o700, Kids: map[string]*vfs.SynthNode{}}))
			if err := mount(m[2], &vfs.Mount{FS: empty, Source: m[0], NoDev: true, NoExec: true, Relatime: true}); err != nil {
				return err
			}
		}
	}
	mq := vfs.New(vfs.Config{Type: "mqueue", Bytes: 1 << 20, Budget: ns.cfg.Budget, RootMode: 0o1777, Now: ns.k.nowNS})
	if err := mount("/dev/mqueue", &vfs.Mount{FS: mq, Source: "mqueue", NoDev: true, NoExec: true, Relatime: true}); err != nil {
		return err
	}
	shm := ns.cfg.ShmSize
	if shm == 0 {
		shm = 64 << 20
	}
	shmfs := mem(vfs.Config{Type: "tmpfs", Bytes: shm, RootMode: 0o1777})
	return mount("/dev/shm", &vfs.Mount{FS: shmfs, Source: "shm", Options: "size=" + strconv.FormatInt(shm>>10, 10) + "k,inode64", NoDev: true, NoExec: !host, Relatime: true})
}

// fillDev fills an empty tree in memory: nothing in it is in the way.
// Seal hides and protects what the configuration says, the last of a container's
// mounts: a directory under an empty one, a file under /dev/null.
func (ns *NS) Seal() {
	c := ns.Context()
	for _, p := range ns.cfg.ReadonlyPaths {
		if at, err := ns.mnt.Resolve(c, p, true); err == nil {
			_ = ns.mnt.Bind(at, at, ns.mnt, false, true)
		}
	}
	null, err := ns.mnt.Resolve(c, "/dev/null", true)
	if err != nil {
		return
	}
	for _, p := range ns.cfg.MaskedPaths {
		at, err := ns.mnt.Resolve(c, p, true)
		switch {
		case err != nil:
		case at.Node().Stat().Mode.IsDir():
			empty := vfs.New(vfs.Config{Type: "tmpfs", Bytes: 1 << 10, Budget: ns.cfg.Budget, RootMode: 0o1777, Now: ns.k.nowNS})
			_ = ns.mnt.Attach(&vfs.Mount{FS: empty, Source: "tmpfs", ReadOnly: true, Relatime: true, Options: "inode64"}, at)
		default:
			_ = ns.mnt.Bind(null, at, ns.mnt, false, false)
		}
	}
}

func (ns *NS) fillDev(fs *vfs.FS, host bool) {
	c := ns.Context()
	root := fs.Root()
	node := func(name string, mode vfs.Mode, major, minor, gid uint32) {
		_, _ = root.Create(c, name, vfs.NewAttr{Mode: mode, GID: gid, Rdev: vfs.Makedev(major, minor)})
	}
	chr := vfs.S_IFCHR
	node("null", chr|0o666, 1, 3, 0)
	node("zero", chr|0o666, 1, 5, 0)
	node("full", chr|0o666, 1, 7, 0)
	node("random", chr|0o666, 1, 8, 0)
	node("urandom", chr|0o666, 1, 9, 0)
	node("tty", chr|0o666, 5, 0, 5)
	link := func(name, target string) {
		_, _ = root.Create(c, name, vfs.NewAttr{Mode: vfs.S_IFLNK | 0o777, Target: target})
	}
	link("fd", "/proc/self/fd")
	link("stdin", "/proc/self/fd/0")
	link("stdout", "/proc/self/fd/1")
	link("stderr", "/proc/self/fd/2")
	link("core", "/proc/kcore")
	for _, d := range []string{"pts", "shm", "mqueue"} {
		_, _ = root.Create(c, d, vfs.NewAttr{Mode: vfs.S_IFDIR | 0o755})
	}
	if host {
		node("ptmx", chr|0o666, 5, 2, 5)
		node("console", chr|0o600, 5, 1, 5)
	} else {
		link("ptmx", "pts/ptmx")
	}
	if host || ns.cfg.Privileged {
		node("kmsg", chr|0o644, 1, 11, 0)
		node("mem", chr|0o640, 1, 1, 15)
		node("port", chr|0o640, 1, 4, 15)
		node("fuse", chr|0o666, 10, 229, 0)
		node("loop-control", chr|0o660, 10, 237, 6)
		for i := range uint32(8) {
			node("loop"+strconv.Itoa(int(i)), vfs.S_IFBLK|0o660, 7, i, 6)
		}
		for i := range uint32(7) {
			node("tty"+strconv.Itoa(int(i)), chr|0o620, 4, i, 5)
		}
		node("ttyS0", chr|0o660, 4, 64, 20)
		d := ns.k.cfg.Host.Disk
		node(d.Name, vfs.S_IFBLK|0o660, d.Major(), 0, 6)
		for i, p := range d.Parts {
			node(p.Name(d), vfs.S_IFBLK|0o660, d.Major(), d.minor(i), 6)
		}
		_, _ = root.Create(c, "net", vfs.NewAttr{Mode: vfs.S_IFDIR | 0o755})
	}
	for _, d := range ns.cfg.Devices {
		node(d.Name, d.Mode, d.Major, d.Minor, d.GID)
	}
}

// devpts is the filesystem of /dev/pts.
func (ns *NS) devpts() vfs.Filesystem {
	k := ns.k
	made := func(n int) *vfs.SynthNode {
		k.mu.Lock()
		p := k.ptys[n]
		k.mu.Unlock()
		if p == nil {
			return nil
		}
		return &vfs.SynthNode{Mode: vfs.S_IFCHR | 0o620, GID: 5, UID: p.uid, Number: uint64(n + 3), Rdev: vfs.Makedev(136, uint32(n)), Time: k.nowNS()}
	}
	return ns.dated(vfs.NewSynth("devpts", 0x1cd1, &vfs.SynthNode{
		Mode: vfs.S_IFDIR | 0o755,
		Kids: map[string]*vfs.SynthNode{"ptmx": {Mode: vfs.S_IFCHR | 0o666, Rdev: vfs.Makedev(5, 2), Number: 2}},
		Find: func(_ *vfs.Context, name string) *vfs.SynthNode {
			n, err := strconv.Atoi(name)
			if err != nil || strconv.Itoa(n) != name {
				return nil
			}
			return made(n)
		},
		List: func(*vfs.Context) []vfs.DirEntry {
			k.mu.Lock()
			var nums []int
			for n := range k.ptys {
				nums = append(nums, n)
			}
			k.mu.Unlock()
			sort.Ints(nums)
			var out []vfs.DirEntry
			for _, n := range nums {
				out = append(out, vfs.DirEntry{Name: strconv.Itoa(n), Ino: uint64(n + 3), Type: vfs.S_IFCHR})
			}
			return out
		},
	}))
}
