package world

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
	"github.com/docker/go-units"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// deviceRule is the form of a rule of the device cgroup, as the daemon's oci package
// reads it when the container starts.
var deviceRule = regexp.MustCompile(`^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$`)

// running is a living process of a container or exec, with what carries its
// input and output. Its goroutines end when the process has.
type running struct {
	w        *World
	ns       *kernel.NS
	task     *kernel.Task // nil for a process that is only shown
	pid      int
	pty      *kernel.PTY
	stream   *stream
	finished chan struct{} // closed when the end has been made known
	started  chan struct{} // closed when the start has been made known
	ended    chan int      // for a process that is only shown
	once     sync.Once

	// What the host's ps shows beside the process: under World.mu.
	shim    *kernel.Task
	proxies []*kernel.Task
	placed  []*kernel.Task // the processes of a container that has no namespace yet
}

func (r *running) release() { close(r.started) }

func (r *running) signal(sig int) {
	if sig == 9 {
		r.stream.letGo()
	}
	if r.task != nil {
		r.ns.Kernel().Kill(r.task, kernel.Signal(sig))
		return
	}
	if sig != 9 && sig != 15 && sig != 2 && sig != 3 && sig != 1 {
		return
	}
	code := 128 + sig
	if sig != 9 {
		code = 0
	}
	r.once.Do(func() { r.ended <- code })
}

// pause freezes every process of the container, as the freezer cgroup does.
func (r *running) pause() {
	if r.task != nil {
		for _, t := range r.ns.Tasks() {
			r.ns.Kernel().Kill(t, kernel.SIGSTOP)
		}
	}
}

func (r *running) resume() {
	if r.task != nil {
		for _, t := range r.ns.Tasks() {
			r.ns.Kernel().Kill(t, kernel.SIGCONT)
		}
	}
}

func (r *running) resize(h, w uint32) {
	if r.pty != nil {
		r.pty.Resize(uint16(min(h, 65535)), uint16(min(w, 65535)))
	}
}

// newFS makes a tree within the world's budget.
func (w *World) newFS(layers ...*vfs.Layer) *vfs.FS { return w.newFSAt(time.Time{}, layers...) }

// newFSAt is newFS for a tree that was made at a moment.
func (w *World) newFSAt(at time.Time, layers ...*vfs.Layer) *vfs.FS {
	c := vfs.Config{Type: "overlay", Inodes: 200000, TypeBits: w.host.cfg.Release.Era < 26}
	if !at.IsZero() {
		c.Born = at.UnixNano()
	}
	// Inodes of an overlay are those of the disk below it.
	c.FirstInode = 393216 + uint64(w.treesMade.Add(1)%4000)*8192
	return vfs.New(w.onDisk(c), layers...)
}

// launch makes the container's namespaces and starts its process. World.mu is
// held. What must be said of it is appended to say.
func (w *World) launch(c *Container, say *[]func()) (err error) {
	if c.image == nil && c.ImageID != "" {
		c.image = w.images.Get(c.ImageID)
	}
	for _, l := range w.linked(c) {
		if !l.c.Running && c.Nets["bridge"] != nil {
			return systemErr("Cannot link to a non running container: %s AS %s/%s", l.c.Name, c.Name, l.alias)
		}
	}
	if m := c.Host.NetworkMode; m.IsContainer() {
		if o, err := w.find(m.ConnectedContainer()); err == nil { // its names are those of the other
			c.Config.Hostname, c.Config.Domainname = o.Config.Hostname, o.Config.Domainname
		}
	}
	// Since 28 the networks come last, once the runtime has made the task: what fails
	// before has seen none of them.
	var nets []func()
	if w.host.cfg.Release.Era >= 28 {
		ids := map[*network.EndpointSettings]string{}
		for _, e := range c.Nets {
			ids[e] = e.NetworkID
		}
		wired := false
		defer func() {
			if err == nil {
				*say = append(*say, nets...)
			} else if wired {
				w.unwire(c, nil)
				for e, id := range ids {
					e.NetworkID = id
				}
			}
		}()
		if err := w.specifiable(c); err != nil {
			c.wired = true
			return err
		}
		if err := w.wire(c, &nets); err != nil {
			c.specified = true
			return err
		}
		wired = true
	} else {
		if err := w.wire(c, say); err != nil {
			return err
		}
		if err := w.specifiable(c); err != nil {
			c.wired = true
			return err
		}
	}
	c.wired = true
	w.startHostProcs()
	w.ownFS(c)
	c.shown, c.since = false, w.now()
	c.log.quiet(false)
	ns, err := w.namespace(c)
	if err != nil {
		return err
	}
	if err := w.mountAll(c, ns, say); err != nil {
		return err
	}
	cred, err := w.credOf(c, ns, c.Config.User, c.Host.Privileged)
	if err != nil {
		return systemErr("%s", err.Error())
	}
	c.specified = true
	dir := c.Config.WorkingDir
	if dir == "" {
		dir = "/"
	}
	mkdirIn(ns.Mounts(), ns.Context(), dir)
	argv := append([]string{c.Path}, c.Args...)
	env := w.environ(c, c.Config.Tty)
	run := w.newRun(ns, c.stream)
	sp := kernel.Spawn{Path: argv[0], Argv: argv, Env: withHome(env, ns, cred), Dir: dir, Cred: cred, Setsid: true, Origin: "init"}
	if c.Host.Init != nil && *c.Host.Init && !c.Host.PidMode.IsHost() {
		sp.Path, sp.Argv, sp.Fn = "/sbin/docker-init", append([]string{"/sbin/docker-init", "--"}, argv...), tini(argv)
	}
	var size *[2]uint
	if w.host.cfg.Release.Era >= 26 { // on Linux too since 23.0
		size = &c.Host.ConsoleSize
	}
	io := w.wireIO(run, c.Config.Tty, c.Config.OpenStdin, size, &sp)
	run.proxies = w.proxies(c, 0, time.Time{})
	run.shim = w.shim(c, 0, time.Time{})
	w.hostNS.SkipPIDs(9 + int(c.ID[0]&15)) // runc and what it starts
	sp.Parent = run.shim
	task, err := ns.Start(sp)
	if err != nil {
		io.drop()
		w.unplace(run, true)
		code, text := w.runtimeError(err, argv[0], isDirIn(ns, argv[0]), "create")
		c.ExitCode = code
		return text
	}
	run.task, run.pid = task, task.HostPID()
	c.run, c.Pid = run, run.pid
	log := c.log
	io.copy(func(stderr bool, b []byte) {
		log.write(stderr, b)
		run.stream.write(stderr, b)
	})
	w.bg.Add(1)
	go func() {
		defer w.bg.Done()
		<-task.Done()
		io.wait(w)
		log.flush()
		<-run.started
		w.exited(c, run, task.WaitStatus().Code(), ns.OOMKilled())
	}()
	return nil
}

// specifiable says what keeps the daemon from writing a container's specification for
// the runtime down: createSpec.
func (w *World) specifiable(c *Container) error {
	if n := c.Host.CPUShares; n < 0 && w.host.cfg.Release.Era < 28 { // later ones refuse it at the creation
		return systemErr("shares: invalid argument")
	}
	if !c.Host.Privileged {
		for _, r := range c.Host.DeviceCgroupRules {
			if !deviceRule.MatchString(r) {
				return systemErr("invalid device cgroup rule format: '%s'", r)
			}
		}
	}
	return nil
}

func (w *World) newRun(ns *kernel.NS, s *stream) *running {
	return &running{w: w, ns: ns, stream: s, finished: make(chan struct{}), started: make(chan struct{})}
}

// launchShown starts a process of the lived-in host that is only shown: it has a
// number and a command line and ends when it is told to.
func (w *World) launchShown(c *Container) {
	run := w.newRun(nil, c.stream)
	run.ended = make(chan int, 1)
	w.nextShown += 90
	run.pid = w.nextShown
	c.run, c.Pid = run, run.pid
	w.bg.Add(1)
	go func() {
		defer w.bg.Done()
		select {
		case code := <-run.ended:
			<-run.started
			w.exited(c, run, code, false)
		case <-w.stopping:
		}
	}()
}

// ownFS is a container's writable tree, made if need be. World.mu is held.
func (w *World) ownFS(c *Container) *vfs.FS {
	if c.fs == nil {
		c.fs = w.rootFS(c)
		w.livedWrites(c)
	}
	return c.fs
}

// rootFS makes a container's writable tree over its image.
func (w *World) rootFS(c *Container) *vfs.FS {
	if c.image == nil {
		return w.newFSAt(c.Created, w.host.initLayer())
	}
	return w.newFSAt(c.Created, append(c.image.Trees(), w.host.initLayer())...)
}

// materialise gives a container of the lived-in host, whose process was only
// shown so far, its namespaces and an idle first process: something wants to
// enter it. World.mu is held.
func (w *World) materialise(c *Container) error {
	run := c.run
	if run == nil || run.ns != nil {
		return nil
	}
	w.startHostProcs()
	w.ownFS(c)
	ns, err := w.namespace(c)
	if err != nil {
		return err
	}
	var say []func()
	if err := w.mountAll(c, ns, &say); err != nil {
		return err
	}
	w.place(c)
	w.unplace(run, false) // the same processes, with the same pids, in namespaces of their own
	ts := w.reside(ns, c, run.shim)
	if len(ts) == 0 {
		return unknownErr("%s", vfs.EAGAIN.Error())
	}
	task := ts[0]
	run.ns, run.task, run.pid = ns, task, task.HostPID()
	c.Pid = run.pid
	w.bg.Add(1)
	go func() {
		defer w.bg.Done()
		<-task.Done()
		run.once.Do(func() { run.ended <- task.WaitStatus().Code() })
	}()
	return nil
}

// launchExec starts an exec's process. World.mu is held.
func (w *World) launchExec(by Caller, e *Exec, size *[2]uint) (*running, error) {
	c := e.c
	if c.run == nil {
		return nil, errNotRunning(c.ID)
	}
	if err := w.materialise(c); err != nil {
		return nil, err
	}
	ns := c.run.ns
	cred, err := w.credOf(c, ns, e.user, e.privileged || c.Host.Privileged)
	if err != nil {
		return nil, systemErr("%s", err.Error())
	}
	dir := e.dir
	if dir == "" {
		dir = "/"
	}
	argv := append([]string{e.entry}, e.args...)
	if at, err := ns.Mounts().Resolve(ns.Context(), dir, true); err != nil || !at.Node().Stat().Mode.IsDir() {
		if err == nil {
			err = vfs.ENOTDIR
		}
		text := fmt.Sprintf("OCI runtime exec failed: exec failed: unable to start container process: chdir to cwd (%q) set in config.json failed: %s", dir, strings.ToLower(vfs.AsErrno(err).Error()))
		code := exitEaccess
		if w.host.cfg.Release.Era < 28 {
			text += ": unknown"
		} else if vfs.AsErrno(err) == vfs.ENOENT {
			code = exitCmdNotFound
		}
		e.exit = &code
		return nil, invalid("%s", text)
	}
	run := w.newRun(ns, e.stream)
	sp := kernel.Spawn{Path: argv[0], Argv: argv, Env: withHome(e.env, ns, cred), Dir: dir, Cred: cred, Setsid: true, Origin: "exec"}
	io := w.wireIO(run, e.tty, e.stdin, size, &sp)
	w.origins.Store(c.ID, by)
	sp.Parent = c.run.shim
	w.hostNS.SkipPIDs(7)
	task, err := ns.Start(sp)
	if err != nil {
		io.drop()
		code, text := w.runtimeError(err, argv[0], isDirIn(ns, argv[0]), "exec")
		if w.host.cfg.Release.Era < 28 {
			code = exitEaccess // whatever went wrong
		}
		e.exit = &code
		return nil, text
	}
	run.task, run.pid = task, task.HostPID()
	io.copy(run.stream.write)
	w.bg.Add(1)
	go func() {
		defer w.bg.Done()
		<-task.Done()
		io.wait(w)
		<-run.started
		w.execExited(e, run, task.WaitStatus().Code())
	}()
	return run, nil
}

// plumbing is a process's input and output as seen from outside.
type plumbing struct {
	w        *World
	run      *running
	in       *kernel.HostPipe
	out, err *outWriter
	pty      *kernel.PTY
	done     chan struct{}
	n        int
	write    func(stderr bool, b []byte) // good once set is closed
	set      chan struct{}
}

// wireIO sets the process's descriptors 0 to 2: a terminal, or pipes.
func (w *World) wireIO(run *running, tty, stdin bool, size *[2]uint, sp *kernel.Spawn) *plumbing {
	p := &plumbing{w: w, run: run, done: make(chan struct{}, 4), set: make(chan struct{})}
	if tty {
		p.pty = w.kern.NewPTY()
		run.pty = p.pty
		p.pty.Resize(0, 0) // as a terminal is made, until the client tells its size
		if size != nil && size[0] > 0 && size[1] > 0 {
			p.pty.Resize(uint16(min(size[0], 65535)), uint16(min(size[1], 65535)))
		}
		f := p.pty.Slave()
		sp.Files = map[int]*kernel.File{0: f, 1: f, 2: f}
		sp.Ctty = p.pty
		return p
	}
	// Both streams are written by the process itself, so that their order is the
	// order it wrote them in.
	p.out, p.err = &outWriter{p: p}, &outWriter{p: p, stderr: true}
	sp.Files = map[int]*kernel.File{0: kernel.NullFile(), 1: kernel.WriterFile(p.out), 2: kernel.WriterFile(p.err)}
	p.n = 2
	if stdin {
		p.in = w.kern.InputPipe()
		sp.Files[0] = p.in.File()
	}
	return p
}

// outWriter takes what a process writes to one of its output streams. The kernel
// closes it when the last process that had it open has ended.
type outWriter struct {
	p      *plumbing
	stderr bool
	once   sync.Once
}

func (o *outWriter) Write(b []byte) (int, error) {
	<-o.p.set
	o.p.write(o.stderr, b)
	return len(b), nil
}

func (o *outWriter) Close() error {
	o.once.Do(func() { o.p.done <- struct{}{} })
	return nil
}

// drop lets go of what no process took.
func (p *plumbing) drop() {
	if p.in != nil {
		p.in.Drop()
		p.in.Close()
	}
	if p.pty != nil {
		p.pty.Close()
	}
}

// copy starts the goroutines that carry the output to write, and the stream's
// input to the process.
func (p *plumbing) copy(write func(stderr bool, b []byte)) {
	p.write = write
	close(p.set)
	pump := func(r io.Reader, stderr bool) {
		p.n++
		p.w.bg.Add(1)
		go func() {
			defer p.w.bg.Done()
			buf := make([]byte, 16<<10)
			for {
				n, err := r.Read(buf)
				if n > 0 {
					write(stderr, buf[:n])
				}
				if err != nil {
					break
				}
			}
			p.done <- struct{}{}
		}()
	}
	var in io.WriteCloser
	if p.pty != nil {
		pump(p.pty, false)
		in = p.pty
	} else {
		if p.in != nil {
			in = p.in
		}
	}
	if s := p.run.stream; s.stdin != nil && in != nil {
		p.w.bg.Add(1)
		go func() {
			defer p.w.bg.Done()
			_, _ = io.Copy(in, s.stdin)
			if p.pty == nil {
				_ = in.Close()
			}
		}()
	}
}

// wait gives the output two seconds to end after the process has, as the daemon
// does, then cuts it off.
func (p *plumbing) wait(w *World) {
	late := make(chan struct{})
	stop := w.after(2*time.Second, func() { close(late) })
	defer stop()
	for range p.n {
		select {
		case <-p.done:
		case <-late:
			p.cut()
			return
		case <-w.stopping:
			p.cut()
			return
		}
	}
	p.cut()
}

func (p *plumbing) cut() {
	if p.in != nil {
		p.in.Close()
	}
	if p.pty != nil {
		p.pty.Close()
	}
}

// runtimeError words a failed start as containerd and runc do, and gives the
// status that the container shows.
func (w *World) runtimeError(err error, arg0 string, isDir bool, op string) (int, error) {
	no := vfs.AsErrno(err)
	var detail string
	code := exitUnknown
	low := strings.ToLower(no.Error())
	switch no {
	case vfs.ENOENT, vfs.ENOTDIR:
		code = exitCmdNotFound
		detail = fmt.Sprintf("exec: %q: stat %s: %s", arg0, arg0, low)
		if !strings.Contains(arg0, "/") {
			detail = fmt.Sprintf("exec: %q: executable file not found in $PATH", arg0)
		}
	case vfs.EACCES, vfs.EPERM:
		code = exitEaccess
		if isDir && w.host.cfg.Release.Era >= 26 {
			no = vfs.EISDIR
			detail = fmt.Sprintf("exec: %q: is a directory", arg0)
			break
		}
		detail = fmt.Sprintf("exec: %q: permission denied", arg0)
	case vfs.EISDIR:
		code = exitEaccess
		detail = fmt.Sprintf("exec: %q: is a directory", arg0)
	case vfs.ENOEXEC:
		detail = fmt.Sprintf("exec %s: exec format error", arg0)
		if w.host.cfg.Release.Era < 28 {
			// The process is started and fails by itself: runc 1.1 and older told
			// this on the container's stderr.
			detail = fmt.Sprintf("exec %s: exec format error", arg0)
		}
	default:
		detail = fmt.Sprintf("exec: %q: %s", arg0, low)
	}
	if w.host.cfg.Release.Era >= 28 && op == "create" {
		detail = "error during container init: " + detail
	}
	var text string
	if op == "exec" {
		text = "OCI runtime exec failed: exec failed: unable to start container process: " + detail
		if w.host.cfg.Release.Era < 28 {
			text += ": unknown"
		}
	} else {
		text = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: " + detail
		if w.host.cfg.Release.Era < 28 {
			text += ": unknown"
		}
		if w.host.cfg.Release.Era >= 26 {
			text = "failed to create task for container: " + text
		}
	}
	if code == exitUnknown {
		return code, unknownErr("%s", text)
	}
	if no == vfs.EISDIR {
		text += ": permission denied"
	}
	return code, invalid("%s", text)
}

// isDirIn tells whether a path names a directory of a namespace.
func isDirIn(ns *kernel.NS, p string) bool {
	if !strings.HasPrefix(p, "/") {
		return false
	}
	at, err := ns.Mounts().Resolve(ns.Context(), p, true)
	return err == nil && at.Node().Stat().Mode.IsDir()
}

// interfacesOf gives a container's interfaces as its networks come and go: each new one
// gets the next name. What it returns is called with World.mu held.
func (w *World) interfacesOf(c *Container) func() []kernel.Interface {
	number := map[string]int{} // by endpoint
	return func() []kernel.Interface {
		var ifs []kernel.Interface
		for _, n := range slices.Sorted(maps.Keys(c.Nets)) {
			e := c.Nets[n]
			a, err := netip.ParseAddr(e.IPAddress)
			if err != nil {
				continue
			}
			k, ok := number[e.EndpointID]
			if !ok {
				k = len(number)
				number[e.EndpointID] = k
			}
			gw, _ := netip.ParseAddr(e.Gateway)
			ifs = append(ifs, kernel.Interface{Name: "eth" + strconv.Itoa(k), MAC: e.MacAddress, Addr: netip.PrefixFrom(a, e.IPPrefixLen), Gateway: gw, MTU: 1500, Net: n, Index: w.ifIndex(c, n), Peer: w.ifIndex(c, n) + 1})
		}
		slices.SortFunc(ifs, func(a, b kernel.Interface) int {
			return cmp.Or(len(a.Name)-len(b.Name), strings.Compare(a.Name, b.Name))
		})
		return ifs
	}
}

// environ is the environment a container's processes start with:
// CreateDaemonEnvironment.
func (w *World) environ(c *Container, tty bool) []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=" + c.Config.Hostname}
	if tty {
		env = append(env, "TERM=xterm")
	}
	return replaceEnv(append(env, w.linkEnv(c)...), c.Config.Env)
}

// withHome adds HOME, as runc does.
func withHome(env []string, ns *kernel.NS, cred *vfs.Cred) []string {
	for i, e := range env {
		if e == "HOME=" { // as if it were not set
			env = slices.Delete(slices.Clone(env), i, i+1)
			break
		}
		if strings.HasPrefix(e, "HOME=") {
			return env
		}
	}
	home := "/"
	for _, f := range passwd(readNS(ns, "/etc/passwd", 1<<20)) {
		if f[2] == strconv.Itoa(int(cred.UID)) {
			home = f[5]
			break
		}
	}
	if home == "" {
		home = "/"
	}
	if cred.UID == 0 && home == "/" {
		home = "/root"
	}
	return append(append([]string(nil), env...), "HOME="+home)
}

// passwd splits a passwd file into its well-formed lines.
func passwd(b []byte) [][]string {
	var out [][]string
	sc := bufio.NewScanner(bytes.NewReader(b))
	for sc.Scan() {
		if f := strings.Split(sc.Text(), ":"); len(f) >= 7 {
			out = append(out, f)
		}
	}
	return out
}

func readNS(ns *kernel.NS, p string, limit int64) []byte {
	return readPath(ns.Mounts(), ns.Context(), p, limit)
}

func readPath(mnt *vfs.Namespace, c *vfs.Context, p string, limit int64) []byte {
	at, err := mnt.Resolve(c, p, true)
	if err != nil || !at.Node().Stat().Mode.IsRegular() {
		return nil
	}
	return vfs.ReadAll(vfs.ContentOf(at.Node(), limit), limit)
}

// userOf checks a user's name in a container, for exec create.
func (w *World) userOf(c *Container, user string) (*vfs.Cred, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.run == nil || c.run.ns == nil {
		return vfs.Root(), nil
	}
	return w.credOf(c, c.run.ns, user, false)
}

// credOf makes the credentials of "user[:group]" for a process of the container's.
func (w *World) credOf(c *Container, ns *kernel.NS, user string, privileged bool) (*vfs.Cred, error) {
	return w.credIn(c, ns.Mounts(), ns.Context(), user, privileged)
}

// credIn is moby/sys/user.GetExecUser with the container's capabilities and the
// groups that it adds, read in the given mounts.
func (w *World) credIn(c *Container, mnt *vfs.Namespace, ctx *vfs.Context, user string, privileged bool) (*vfs.Cred, error) {
	caps := capsOf(c, privileged)
	cred := &vfs.Cred{Caps: caps, Bound: caps}
	u, g, _ := strings.Cut(user, ":")
	for _, n := range []string{u, g} {
		if v, err := strconv.Atoi(n); err == nil && (v < 0 || v > 1<<31-1) {
			return nil, fmt.Errorf("uids and gids must be in range 0-2147483647")
		}
	}
	num, numErr := strconv.ParseUint(u, 10, 31)
	name := ""
	for _, f := range passwd(readPath(mnt, ctx, "/etc/passwd", 1<<20)) {
		if u == "" && f[2] == "0" || u != "" && numErr == nil && f[2] == strconv.FormatUint(num, 10) || numErr != nil && u != "" && f[0] == u {
			uid, _ := strconv.ParseUint(f[2], 10, 32)
			gid, _ := strconv.ParseUint(f[3], 10, 32)
			cred.UID, cred.GID, name = uint32(uid), uint32(gid), f[0]
			break
		}
	}
	if name == "" && u != "" {
		if numErr != nil {
			return nil, fmt.Errorf("unable to find user %s: no matching entries in passwd file", u)
		}
		cred.UID = uint32(num)
	}
	var groups [][]string
	for l := range strings.Lines(string(readPath(mnt, ctx, "/etc/group", 1<<20))) {
		if f := strings.Split(strings.TrimRight(l, "\n"), ":"); len(f) >= 3 {
			groups = append(groups, f)
		}
	}
	find := func(g string) (uint32, bool) {
		for _, f := range groups {
			if f[0] == g || f[2] == g {
				gid, err := strconv.ParseUint(f[2], 10, 32)
				return uint32(gid), err == nil
			}
		}
		gid, err := strconv.ParseUint(g, 10, 31)
		return uint32(gid), err == nil
	}
	if g != "" {
		gid, ok := find(g)
		if !ok {
			return nil, fmt.Errorf("unable to find group %s: no matching entries in group file", g)
		}
		cred.GID = gid
	} else if name != "" {
		for _, f := range groups {
			if len(f) >= 4 && slices.Contains(strings.Split(f[3], ","), name) {
				if gid, err := strconv.ParseUint(f[2], 10, 32); err == nil {
					cred.Groups = append(cred.Groups, uint32(gid))
				}
			}
		}
	}
	for _, a := range c.Host.GroupAdd {
		gid, ok := find(a)
		if !ok {
			return nil, fmt.Errorf("unable to find group %s: no matching entries in group file", a)
		}
		if !slices.Contains(cred.Groups, gid) {
			cred.Groups = append(cred.Groups, gid)
		}
	}
	if !slices.Contains(cred.Groups, cred.GID) { // since 20.10.18
		cred.Groups = append([]uint32{cred.GID}, cred.Groups...)
	}
	cred.EUID, cred.EGID = cred.UID, cred.GID
	if cred.UID != 0 {
		cred.Caps = 0
	}
	return cred, nil
}

var capNumbers = func() map[string]uint {
	m := map[string]uint{}
	for i, n := range strings.Fields(`CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
 NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE
 SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON
 BPF CHECKPOINT_RESTORE`) {
		m[n] = uint(i)
	}
	return m
}()

// capsOf are the capabilities of a container's processes: oci/caps'
// TweakCapabilities.
func capsOf(c *Container, privileged bool) uint64 {
	if privileged {
		return vfs.AllCaps
	}
	var add, drop uint64
	for _, a := range c.Host.CapAdd {
		add |= capBits(a)
	}
	for _, d := range c.Host.CapDrop {
		drop |= capBits(d)
	}
	switch {
	case add == vfs.AllCaps:
		return vfs.AllCaps &^ drop
	case drop == vfs.AllCaps:
		return add
	}
	return vfs.DockerCaps&^drop | add
}

func capBits(name string) uint64 {
	n := strings.TrimPrefix(strings.ToUpper(name), "CAP_")
	if n == "ALL" {
		return vfs.AllCaps
	}
	if i, ok := capNumbers[n]; ok {
		return 1 << i
	}
	return 0
}

// limitsOf are the limits of a container's control groups.
func limitsOf(hc *container.HostConfig) *kernel.GroupLimits {
	l := &kernel.GroupLimits{CPUQuota: hc.CPUQuota, CPUPeriod: hc.CPUPeriod, CPUShares: hc.CPUShares, Cpus: hc.CpusetCpus, Mems: hc.CpusetMems, Memory: hc.Memory,
		MemorySwap: hc.MemorySwap, Reservation: hc.MemoryReservation, Swappiness: -1, BlkioWeight: hc.BlkioWeight}
	if hc.NanoCPUs > 0 {
		l.CPUPeriod, l.CPUQuota = 100000, hc.NanoCPUs/10000
	}
	if hc.PidsLimit != nil {
		l.Pids = *hc.PidsLimit
	}
	if hc.MemorySwappiness != nil {
		l.Swappiness = *hc.MemorySwappiness
	}
	return l
}

// namespace makes what runc would: pid, mount, network namespaces by the host
// configuration. World.mu is held.
func (w *World) namespace(c *Container) (*kernel.NS, error) {
	hc := c.Host
	cfg := kernel.NSConfig{Root: c.fs, RootSource: "overlay", ReadonlyRoot: hc.ReadonlyRootfs, Hostname: c.Config.Hostname, Domainname: c.Config.Domainname,
		PIDNS: true, Label: c.ID, Privileged: hc.Privileged, Memory: hc.Memory, MaskedPaths: hc.MaskedPaths, ReadonlyPaths: hc.ReadonlyPaths,
		ReadonlySys: !hc.Privileged, ShmSize: hc.ShmSize, Budget: w.budget}
	lower := w.lowerDirs(c)
	for i, l := range lower {
		lower[i] = w.host.facts.Root + "/overlay2/l/" + w.host.linkOf(l)
	}
	dir := w.host.facts.Root + "/overlay2/" + w.host.hexID("overlay", c.ID)
	cfg.RootOptions = "lowerdir=" + strings.Join(lower, ":") + ",upperdir=" + dir + "/diff,workdir=" + dir + "/work"
	if w.host.cfg.Release.CgroupV2 {
		cfg.Cgroup = "/"
		if !hc.CgroupnsMode.IsPrivate() {
			cfg.Cgroup = "/system.slice/docker-" + c.ID + ".scope"
		}
	} else {
		cfg.Cgroup = "/docker/" + c.ID
	}
	if hc.PidsLimit != nil && *hc.PidsLimit > 0 {
		cfg.Pids = int(*hc.PidsLimit)
	}
	for _, u := range hc.Ulimits {
		n, ok := rlimits[u.Name]
		if !ok {
			continue
		}
		if cfg.Rlimits == nil {
			cfg.Rlimits = map[int]kernel.Rlimit{}
		}
		cfg.Rlimits[n] = kernel.Rlimit{Cur: uint64(u.Soft), Max: uint64(u.Hard)} // -1 is none
	}
	cfg.CgroupV1 = !w.host.cfg.Release.CgroupV2
	res := &c.limits
	res.Store(limitsOf(hc))
	cfg.Limits = func() kernel.GroupLimits { return *res.Load() }
	cfg.Sysctls = map[string]string{}
	if !hc.NetworkMode.IsHost() { // the daemon's own defaults
		cfg.Sysctls["net.ipv4.ping_group_range"], cfg.Sysctls["net.ipv4.ip_unprivileged_port_start"] = "0\t2147483647", "0"
	}
	maps.Copy(cfg.Sysctls, hc.Sysctls)
	caps := capsOf(c, hc.Privileged)
	cfg.Cred = &vfs.Cred{Caps: caps, Bound: caps}
	switch m := hc.PidMode; {
	case m.IsHost():
		cfg.PIDNS = false
	case m.IsContainer():
		o, err := w.find(m.Container())
		if err != nil {
			return nil, systemErr("%s", err.Error())
		}
		if !o.Running || o.run == nil || o.run.ns == nil {
			return nil, systemErr("%s", w.pick20("", "failed to join PID namespace: ")+w.pick20("cannot join PID of a non running container: "+o.ID, "cannot join PID namespace of a non running container: container "+o.ID+" is not running"))
		}
		cfg.PIDNS, cfg.Parent = false, o.run.ns
	}
	switch m := hc.NetworkMode; {
	case m.IsHost():
		cfg.Net = w.hostNS.Net()
	case m.IsContainer():
		o, err := w.find(m.ConnectedContainer())
		if err != nil {
			return nil, systemErr("%s%s", w.pick28("", "joining network namespace of container: "), err.Error())
		}
		if o == c {
			return nil, systemErr("%scannot join own network%s", w.pick28("", "joining network namespace of container: "), w.pick28("", " namespace"))
		}
		if !o.Running || o.run == nil {
			return nil, conflict("cannot join network of a non running container: %s", o.ID)
		}
		if o.run.ns != nil {
			cfg.Net = o.run.ns.Net()
		}
	default:
		// Whoever asks may hold World.mu already: what shows is kept beside it.
		list := w.interfacesOf(c)
		var shown atomic.Pointer[[]kernel.Interface]
		c.netsChanged = func() { l := list(); shown.Store(&l) }
		c.netsChanged()
		cfg.Net = w.kern.NewNetNS(*shown.Load())
		id, since, lived := c.ID, c.since, c.shown
		cfg.Net.Live = func() []kernel.Interface {
			l := slices.Clone(*shown.Load())
			for i := range l {
				l[i] = w.host.link(id, l[i].Net, since, lived, w.now()).on(l[i])
			}
			return l
		}
	}
	cfg.DeviceRules = deviceRules(hc.DeviceCgroupRules)
	for _, d := range hc.Devices {
		at, err := w.hostNS.Mounts().Resolve(w.hostNS.Context(), d.PathOnHost, true)
		if err == nil {
			if st := at.Node().Stat(); st.Mode.Type() == vfs.S_IFBLK || st.Mode.Type() == vfs.S_IFCHR {
				if name, ok := strings.CutPrefix(d.PathInContainer, "/dev/"); ok && !strings.Contains(name, "/") {
					cfg.Devices = append(cfg.Devices, kernel.Device{Name: name, Mode: st.Mode, Major: vfs.Major(st.Rdev), Minor: vfs.Minor(st.Rdev), GID: st.GID})
				}
			}
		} else {
			return nil, systemErr("error gathering device information while adding custom device %q: no such file or directory", d.PathOnHost)
		}
	}
	// No machine here has a driver of the daemon's for devices by capability.
	for _, d := range hc.DeviceRequests {
		return nil, systemErr("could not select device driver %q with capabilities: %v", d.Driver, d.Capabilities)
	}
	var usage atomic.Pointer[func() kernel.GroupUsage]
	cfg.Usage = func() (u kernel.GroupUsage) {
		if f := usage.Load(); f != nil {
			u = (*f)()
		}
		return u
	}
	ns, err := w.kern.NewNamespace(cfg)
	if err == nil {
		f := w.usageOf(c, ns)
		usage.Store(&f)
	}
	if err != nil {
		return nil, unknownErr("failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting: %v: unknown", err)
	}
	return ns, nil
}

// deviceRules reads rules of the device cgroup: "c 1:3 mr", "b *:* rwm".
func deviceRules(l []string) (out []kernel.DeviceRule) {
	for _, x := range l {
		f := strings.Fields(x)
		if len(f) != 3 || !strings.ContainsAny(f[2], "rw") {
			continue
		}
		r := kernel.DeviceRule{Type: map[string]vfs.Mode{"b": vfs.S_IFBLK, "c": vfs.S_IFCHR}[f[0]], Major: -1, Minor: -1}
		major, minor, _ := strings.Cut(f[1], ":")
		if n, err := strconv.ParseInt(major, 10, 32); err == nil {
			r.Major = n
		}
		if n, err := strconv.ParseInt(minor, 10, 32); err == nil {
			r.Minor = n
		}
		out = append(out, r)
	}
	return out
}

// rlimits are the names that --ulimit takes.
var rlimits = map[string]int{"core": kernel.RlimitCore, "cpu": kernel.RlimitCPU, "data": kernel.RlimitData, "fsize": kernel.RlimitFsize, "locks": kernel.RlimitLocks, "memlock": kernel.RlimitMemlock,
	"msgqueue": kernel.RlimitMsgqueue, "nice": kernel.RlimitNice, "nofile": kernel.RlimitNofile, "nproc": kernel.RlimitNproc, "rss": kernel.RlimitRSS, "rtprio": kernel.RlimitRtprio,
	"rttime": kernel.RlimitRttime, "sigpending": kernel.RlimitSigpending, "stack": kernel.RlimitStack}

// tini is docker-init before a container's command: it starts it, hands signals on,
// reaps, and ends as the command does.
func tini(argv []string) kernel.Program {
	return func(t *kernel.Task) int {
		child, err := t.Spawn(kernel.Spawn{Path: argv[0], Argv: argv, Setpgid: true, Foreground: true})
		if err != nil {
			_, _ = io.WriteString(t.Stderr(), "[FATAL tini (7)] exec "+argv[0]+" failed: "+vfs.AsErrno(err).Error()+"\n")
			if vfs.AsErrno(err) == vfs.ENOENT {
				return 127
			}
			return 126
		}
		pid := child.PIDIn(t)
		for _, s := range []kernel.Signal{kernel.SIGHUP, kernel.SIGINT, kernel.SIGQUIT, kernel.SIGTERM, kernel.SIGUSR1, kernel.SIGUSR2, kernel.SIGALRM, kernel.SIGCONT, kernel.SIGWINCH} {
			t.Signal(s, kernel.Disposition{Kind: kernel.Handle, Handler: func(s kernel.Signal) { _ = t.Kill(pid, s) }})
		}
		for {
			got, ws, err := t.Wait(-1, 0)
			if err == vfs.ECHILD || err == nil && got == pid {
				return ws.Code()
			}
		}
	}
}

// mkdirIn makes a directory and its parents.
func mkdirIn(mnt *vfs.Namespace, c *vfs.Context, p string) {
	p = path.Clean("/" + p)
	if p == "/" {
		return
	}
	if _, err := mnt.Resolve(c, p, true); err == nil {
		return
	}
	mkdirIn(mnt, c, path.Dir(p))
	_ = mnt.Mkdir(c, p, 0o755)
}

// mountAll mounts what the container asked for. World.mu is held.
func (w *World) mountAll(c *Container, ns *kernel.NS, say *[]func()) error {
	mnt, ctx := ns.Mounts(), ns.Context()
	hm, hctx := w.hostNS.Mounts(), w.hostNS.Context()
	by := c.origin
	dir := "/var/lib/docker/containers/" + c.ID
	w.hostMkdir(dir, 0o710)
	w.writeHost(dir+"/hostname", []byte(c.Config.Hostname+"\n"))
	w.writeHost(dir+"/hosts", w.etcHosts(c))
	w.writeHost(dir+"/resolv.conf", w.resolvConf(c))
	// As the daemon sorts them: what lies higher in the tree comes first.
	mine := func(high bool) error {
		for _, m := range c.Mounts {
			if (strings.Count(path.Clean(m.Destination), "/") < 2) != high {
				continue
			}
			if err := w.mountOne(m, mnt, ctx); err != nil {
				return err
			}
		}
		return nil
	}
	if err := mine(true); err != nil {
		return err
	}
	for _, f := range []string{"resolv.conf", "hostname", "hosts"} {
		if src, err := hm.Resolve(hctx, dir+"/"+f, true); err == nil {
			touchIn(mnt, ctx, "/etc/"+f)
			if at, err := mnt.Resolve(ctx, "/etc/"+f, true); err == nil {
				_ = mnt.Bind(src, at, hm, false, c.Host.ReadonlyRootfs)
			}
		}
	}
	dests := make([]string, 0, len(c.Host.Tmpfs))
	for d := range c.Host.Tmpfs {
		dests = append(dests, d)
	}
	sort.Strings(dests)
	for _, d := range dests {
		mkdirIn(mnt, ctx, d)
		if at, err := mnt.Resolve(ctx, d, true); err == nil {
			_ = mnt.Attach(w.tmpfs(c.Host.Tmpfs[d]), at)
		}
	}
	if err := mine(false); err != nil {
		return err
	}
	ns.Seal()
	for _, m := range c.Mounts {
		if m.Type == mount.TypeVolume {
			m := m
			*say = append(*say, func() {
				w.volumeEvent(by, m.Name, "mount", map[string]string{"container": c.ID, "destination": m.Destination,
					"read/write": strconv.FormatBool(m.RW), "propagation": string(m.Propagation)})
			})
		}
	}
	return nil
}

// tmpfs is a mount of --tmpfs with its options over the daemon's own: oci's
// WithDefault and mount.MergeTmpfsOptions. What is written to it is bounded anyway.
func (w *World) tmpfs(options string) *vfs.Mount {
	m := &vfs.Mount{Source: "tmpfs", NoExec: true, NoSuid: true, NoDev: true, Relatime: true}
	ram := w.host.facts.Memory / 2 &^ 4095
	cfg := vfs.Config{Type: "tmpfs", Budget: w.budget, Bytes: 64 << 20, RootMode: 0o1777, Total: ram, Free: ram, Files: ram / 4096, Now: func() int64 { return w.now().UnixNano() }}
	size, mode := "", "" // the last of each counts
	for _, o := range strings.Split(options, ",") {
		k, v, _ := strings.Cut(o, "=")
		switch k {
		case "ro":
			m.ReadOnly = true
		case "exec", "noexec":
			m.NoExec = k == "noexec"
		case "suid", "nosuid":
			m.NoSuid = k == "nosuid"
		case "dev", "nodev":
			m.NoDev = k == "nodev"
		case "size":
			if n, err := units.RAMInBytes(v); err == nil {
				cfg.Bytes = min(n, w.host.cfg.Quotas.Disk)
				cfg.Total, cfg.Free = n, n
				size = fmt.Sprintf("size=%dk", n>>10)
			}
		case "mode":
			if n, err := strconv.ParseUint(v, 8, 12); err == nil {
				cfg.RootMode = vfs.Mode(n)
				mode = "mode=" + v
			}
		}
	}
	m.FS, m.Options = vfs.New(cfg), strings.Trim(strings.Trim(size+","+mode, ",")+",inode64", ",")
	return m
}

// mountOne mounts one mount point in a mount namespace of the container's.
func (w *World) mountOne(m *mountPoint, mnt *vfs.Namespace, ctx *vfs.Context) error {
	hm, hctx := w.hostNS.Mounts(), w.hostNS.Context()
	if m.Type == mount.TypeTmpfs {
		mkdirIn(mnt, ctx, m.Destination)
		at, err := mnt.Resolve(ctx, m.Destination, true)
		if err != nil {
			return nil //nolint:nilerr // a destination that cannot be made is left out
		}
		o := ""
		if m.Spec != nil && m.Spec.TmpfsOptions != nil {
			if n := m.Spec.TmpfsOptions.SizeBytes; n > 0 {
				o = fmt.Sprintf("size=%d", n)
			}
			if p := m.Spec.TmpfsOptions.Mode; p != 0 {
				o += fmt.Sprintf(",mode=%o", p)
			}
		}
		return mnt.Attach(w.tmpfs(o), at)
	}
	src := m.Source
	if m.Type == mount.TypeImage {
		if m.tree == nil {
			img := w.images.Get(m.ImageID)
			if img == nil {
				return notFound("No such image: %s", m.ImageID)
			}
			m.tree = w.newFS(img.Trees()...)
		}
		hm = vfs.NewNamespace(m.tree, "overlay", "", true)
		hctx = &vfs.Context{Cred: vfs.Root(), Root: hm.Root(), Cwd: hm.Root(), Umask: 0o022, Now: func() int64 { return w.now().UnixNano() }}
		src = "/"
	}
	if m.subpath != "" {
		var err error
		if src, err = within(hm, hctx, src, m.Source, m.subpath); err != nil {
			return err
		}
	}
	if strings.HasPrefix(src, w.host.facts.Root+"/") && m.Type == mount.TypeBind {
		w.syncRoot()
	}
	from, err := hm.Resolve(hctx, src, true)
	if err != nil {
		if m.Type == mount.TypeBind && m.Spec != nil {
			return invalid("invalid mount config for type \"bind\": bind source path does not exist: %s", src)
		}
		w.hostMkdir(src, 0o755)
		if from, err = hm.Resolve(hctx, src, true); err != nil {
			return systemErr("error while creating mount source path '%s': mkdir %s: %s", src, src, strings.ToLower(vfs.AsErrno(err).Error()))
		}
	}
	isDir := from.Node().Stat().Mode.IsDir()
	at, err := mnt.Resolve(ctx, m.Destination, true)
	if err != nil {
		if isDir {
			mkdirIn(mnt, ctx, m.Destination)
		} else {
			touchIn(mnt, ctx, m.Destination)
		}
		if at, err = mnt.Resolve(ctx, m.Destination, true); err != nil {
			return systemErr("failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting %q to rootfs at %q: %s: unknown", src, m.Destination, strings.ToLower(vfs.AsErrno(err).Error()))
		}
	}
	if at.Node().Stat().Mode.IsDir() != isDir {
		return invalid("failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting %q to rootfs at %q: mount %s:%s (via /proc/self/fd/6), flags: 0x5000: not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type",
			src, m.Destination, src, m.Destination)
	}
	if m.Type == mount.TypeVolume && m.CopyData && !m.copied {
		m.copied = true
		copyUp(at, from, hctx)
	}
	return mnt.Bind(from, at, hm, true, !m.RW)
}

// within resolves a path below base, as safepath.Join does: a link may lead anywhere
// within it, and nowhere else. What is called base in errors is shown.
func within(mnt *vfs.Namespace, ctx *vfs.Context, base, shown, sub string) (string, error) {
	at, rest := []string{}, strings.Split(sub, "/")
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			if len(at) == 0 {
				return "", invalid("path concatenation escapes the base directory, base: %s, subpath: %s", shown, sub)
			}
			at = at[:len(at)-1]
			continue
		}
		full := path.Join(base, path.Join(at...), name)
		p, err := mnt.Resolve(ctx, full, false)
		if err != nil {
			return "", notFound("cannot access path %s: lstat %s: %s", path.Join(shown, sub), path.Join(shown, path.Join(at...), name), strings.ToLower(vfs.AsErrno(err).Error()))
		}
		if !p.Node().Stat().Mode.IsLink() {
			at = append(at, name)
			continue
		}
		target, err := p.Node().Readlink(ctx)
		if links++; err != nil || links > 40 {
			return "", systemErr("error while resolving symlinks in combined path %q: EvalSymlinks: too many links", path.Join(shown, sub))
		}
		if path.IsAbs(target) {
			rel, ok := strings.CutPrefix(path.Clean(target)+"/", shown+"/")
			if !ok {
				return "", invalid("path concatenation escapes the base directory, base: %s, subpath: %s", shown, sub)
			}
			at, target = at[:0], rel
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return path.Join(base, path.Join(at...)), nil
}

// copyUp copies what an image has at a volume's mount point into the empty
// volume: copyExistingContents.
func copyUp(at, to *vfs.Path, hctx *vfs.Context) {
	src, ok1 := at.Mount().FS.(*vfs.FS)
	dst, ok2 := to.Mount().FS.(*vfs.FS)
	if !ok1 || !ok2 {
		return
	}
	if ents, err := to.Node().ReadDir(hctx); err != nil || len(ents) > 0 {
		return
	}
	var b bytes.Buffer
	if src.WriteTar(&limited{&b, 64 << 20}, at.Node(), "") != nil {
		return
	}
	_ = dst.Apply(to.Within(), &b, vfs.ApplyOptions{Resolver: resolve, Limits: vfs.TarLimits{Bytes: 64 << 20, Entries: 20000}})
	st := at.Node().Stat() // copyOwnership
	_ = to.Node().SetAttr(hctx, vfs.SetAttr{UID: &st.UID, GID: &st.GID})
	mode := st.Mode & 0o7777
	_ = to.Node().SetAttr(hctx, vfs.SetAttr{Mode: &mode})
}

type limited struct {
	w io.Writer
	n int64
}

func (l *limited) Write(b []byte) (int, error) {
	if l.n -= int64(len(b)); l.n < 0 {
		return 0, vfs.ENOSPC
	}
	return l.w.Write(b)
}

func touchIn(mnt *vfs.Namespace, c *vfs.Context, p string) {
	if _, err := mnt.Resolve(c, p, true); err == nil {
		return
	}
	mkdirIn(mnt, c, path.Dir(p))
	_, _ = mnt.Create(c, p, vfs.NewAttr{Mode: vfs.S_IFREG | 0o644})
}

// etcHosts is the container's hosts file as libnetwork writes it.
func (w *World) etcHosts(c *Container) []byte {
	if c.Host.NetworkMode.IsHost() {
		b := readNS(w.hostNS, "/etc/hosts", 1<<20)
		for _, e := range c.Host.ExtraHosts {
			if n, ip, ok := strings.Cut(e, ":"); ok {
				b = fmt.Appendf(b, "%s\t%s\n", ip, n)
			}
		}
		return b
	}
	var b bytes.Buffer
	zero := w.pick28("0", "")
	b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::" + zero + "\tip6-localnet\nff00::" + zero + "\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n")
	for _, e := range c.Host.ExtraHosts {
		if n, ip, ok := strings.Cut(e, ":"); ok {
			if ip == "host-gateway" {
				ip = w.host.facts.BridgeSubnet.Addr().Next().String()
			}
			fmt.Fprintf(&b, "%s\t%s\n", ip, n)
		}
	}
	if e := c.Nets["bridge"]; e != nil {
		for _, l := range w.linked(c) {
			if ce := l.c.Nets["bridge"]; ce != nil && ce.IPAddress != "" {
				list := l.alias + " " + l.c.Config.Hostname
				if n := strings.TrimPrefix(l.c.Name, "/"); n != l.alias {
					list += " " + n
				}
				fmt.Fprintf(&b, "%s\t%s\n", ce.IPAddress, list)
			}
		}
	}
	names := make([]string, 0, len(c.Nets))
	for n := range c.Nets {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		if ip := c.Nets[n].IPAddress; ip != "" {
			h := c.Config.Hostname
			if c.Config.Domainname != "" {
				h += "." + c.Config.Domainname
			}
			if bare, _, ok := strings.Cut(h, "."); ok {
				h += " " + bare
			}
			fmt.Fprintf(&b, "%s\t%s\n", ip, h)
		}
	}
	return b.Bytes()
}

// resolvConf is the container's resolv.conf. Since 26 libnetwork tells in it how it
// was made (internal/resolvconf).
func (w *World) resolvConf(c *Container) []byte {
	var b bytes.Buffer
	user := false
	for n := range c.Nets {
		user = user || !predefined(n)
	}
	told := w.host.cfg.Release.Era >= 26 && !c.Host.NetworkMode.IsHost()
	if told {
		b.WriteString("# Generated by Docker Engine.\n# This file can be edited; Docker Engine will not make further changes once it\n# has been modified.\n\n")
	}
	servers := c.Host.DNS
	if len(servers) == 0 {
		for _, d := range w.host.facts.DNS {
			servers = append(servers, d.String())
		}
	}
	if c.Host.NetworkMode.IsHost() && len(c.Host.DNS) == 0 {
		return readNS(w.hostNS, "/etc/resolv.conf", 1<<16)
	}
	outer, opts, ndots := servers, slices.Clone(c.Host.DNSOptions), ""
	if slices.ContainsFunc(opts, func(o string) bool { return strings.HasPrefix(o, "ndots:") }) {
		ndots = "override"
	}
	if user {
		servers = []string{"127.0.0.11"}
		if ndots == "" {
			opts, ndots = append(opts, "ndots:0"), "internal"
		}
	}
	search := ""
	if len(c.Host.DNSSearch) > 0 {
		search = "search " + strings.Join(c.Host.DNSSearch, " ") + "\n"
	}
	if !told {
		b.WriteString(search)
	}
	for _, s := range servers {
		b.WriteString("nameserver " + s + "\n")
	}
	if told {
		b.WriteString(search)
	}
	if len(opts) > 0 {
		b.WriteString("options " + strings.Join(opts, " ") + "\n")
	}
	if told {
		how := "legacy"
		if user {
			how = "internal resolver"
		}
		fmt.Fprintf(&b, "\n# Based on host file: '/etc/resolv.conf' (%s)\n", how)
		var over []string
		if len(c.Host.DNS) > 0 {
			over = append(over, "nameservers")
		}
		if search != "" {
			over = append(over, "search")
		}
		if len(c.Host.DNSOptions) > 0 {
			over = append(over, "options")
		}
		if user {
			ext := make([]string, 0, len(outer))
			for _, s := range outer {
				if len(c.Host.DNS) == 0 {
					s = "host(" + s + ")"
				}
				ext = append(ext, s)
			}
			fmt.Fprintf(&b, "# ExtServers: %v\n", ext)
		}
		fmt.Fprintf(&b, "# Overrides: %v\n", over)
		if ndots != "" {
			fmt.Fprintf(&b, "# Option ndots from: %s\n", ndots)
		}
	}
	return b.Bytes()
}

// publish maps ports. World.mu is held.
func (w *World) publish(c *Container) error {
	c.Ports = nat.PortMap{}
	if c.Host.NetworkMode.IsHost() || c.Host.NetworkMode.IsNone() {
		return nil
	}
	// A binding of a port that is not exposed binds nothing: clients expose what they
	// bind.
	keys := make([]string, 0, len(c.Config.ExposedPorts))
	for p := range c.Config.ExposedPorts {
		keys = append(keys, string(p))
	}
	sort.Strings(keys)
	for _, k := range keys {
		p := nat.Port(k)
		bs, asked := c.Host.PortBindings[p]
		if !asked && !c.Host.PublishAllPorts {
			c.Ports[p] = nil
			continue
		}
		if len(bs) == 0 {
			bs = []nat.PortBinding{{}}
		}
		for _, b := range bs {
			ips := []string{b.HostIP}
			if b.HostIP == "" {
				ips = []string{"0.0.0.0", "::"}
			}
			port := b.HostPort
			if first, last, ok := strings.Cut(port, "-"); ok { // the first that is free
				port = first
				lo, err1 := strconv.Atoi(first)
				hi, err2 := strconv.Atoi(last)
				for n := lo; err1 == nil && err2 == nil && n <= min(hi, 65535); n++ {
					by := w.ports[p.Proto()+"/"+strconv.Itoa(n)]
					if o := w.containers[by]; by == "" || o == nil || !o.Running {
						port = strconv.Itoa(n)
						break
					}
				}
			}
			if port == "" || port == "0" {
				for {
					port = strconv.Itoa(w.nextPort)
					w.nextPort++
					if w.nextPort > 60999 {
						w.nextPort = 32768
					}
					if w.ports[p.Proto()+"/"+port] == "" {
						break
					}
				}
			}
			key := p.Proto() + "/" + port
			if by := w.ports[key]; by != "" && by != c.ID {
				if o := w.containers[by]; o != nil && o.Running {
					return systemErr("%s", w.pick28(
						fmt.Sprintf("driver failed programming external connectivity on endpoint %s (%s): Bind for %s:%s failed: port is already allocated", strings.TrimPrefix(c.Name, "/"), w.endpointOf(c), ips[0], port),
						fmt.Sprintf("failed to set up container networking: driver failed programming external connectivity on endpoint %s (%s): Bind for %s:%s failed: port is already allocated", strings.TrimPrefix(c.Name, "/"), w.endpointOf(c), ips[0], port)))
				}
			}
			w.ports[key] = c.ID
			for _, ip := range ips {
				c.Ports[p] = append(c.Ports[p], nat.PortBinding{HostIP: ip, HostPort: port})
			}
		}
	}
	return nil
}

func (w *World) endpointOf(c *Container) string {
	for _, e := range c.Nets {
		if e.EndpointID != "" {
			return e.EndpointID
		}
	}
	return w.newID()
}

// fileWritten records a file's new content.
func (w *World) fileWritten(by Caller, pid int, ctr, p, onHost string, size int64, content vfs.Content) {
	e := &event.FileWritten{PID: pid, Container: ctr, Path: p, Host: onHost, Size: size}
	if content != nil {
		h := sha256.New()
		buf := make([]byte, 64<<10)
		var keep []byte
		var off int64
		for off < size && off < 64<<20 {
			n, err := content.ReadAt(buf, off)
			h.Write(buf[:n])
			if off == 0 && size <= event.Inline {
				keep = append(keep, buf[:n]...)
			}
			off += int64(n)
			if err != nil || n == 0 {
				break
			}
		}
		e.SHA256, e.Data = hex.EncodeToString(h.Sum(nil)), keep
	}
	w.emit(by, event.FileWrite, e)
}

// urlOf reads the URL out of what an HTTP client sent first.
func urlOf(c kernel.ConnInfo) string {
	line, rest, ok := bytes.Cut(c.Sent, []byte("\r\n"))
	if !ok {
		return ""
	}
	f := strings.Fields(string(line))
	if len(f) != 3 || !strings.HasPrefix(f[2], "HTTP/") {
		return ""
	}
	if strings.Contains(f[1], "://") {
		return f[1]
	}
	host := c.Name
	if host == "" {
		host = c.Addr.Addr().String()
	}
	for _, h := range strings.Split(string(rest), "\r\n") {
		if k, v, ok := strings.Cut(h, ":"); ok && strings.EqualFold(k, "host") {
			host = strings.TrimSpace(v)
			break
		}
	}
	scheme := "http"
	if c.Network == "tls" || c.Addr.Port() == 443 {
		scheme = "https"
	}
	if _, _, hasPort := strings.Cut(host, ":"); !hasPort {
		if p := c.Addr.Port(); p != 80 && p != 443 {
			host += ":" + strconv.Itoa(int(p))
		}
	}
	return scheme + "://" + host + f[1]
}
