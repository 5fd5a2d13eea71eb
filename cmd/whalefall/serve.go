package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/whalefall/whalefall/internal/confine"
	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/journal"
	"github.com/whalefall/whalefall/internal/listen"
	"github.com/whalefall/whalefall/internal/persona"
	"github.com/whalefall/whalefall/internal/sensor"
	"github.com/whalefall/whalefall/internal/supervise"
)

const (
	defaultListen = "127.0.0.1:2375"
	defaultWeb    = "127.0.0.1:2370"
	defaultFloor  = 1 << 30
)

// serveFlags are serve's own; where a configuration file has the same name, the
// flag wins.
type serveFlags struct {
	listen                                                 []string
	tlsListen, data, persona, host, latency, egress, world string
	web, config                                            string
	unconfined                                             bool
}

func serveCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{Use: "serve", Short: "Be a Docker daemon that somebody left open, until Ctrl-C", Args: exactArgs(0, "no argument"),
		Long: `Listens as a Docker daemon does and records all that comes. Needs no configuration:
without any flag it is a decoy on 127.0.0.1:2375 with its data in the default
directory, and its operator's listener on 127.0.0.1:2370 (/healthz, /metrics).

Three processes run: a supervisor, the sensor (own user, empty root, no
capability, seccomp allow-list) and the operator side.`,
		Example: `  whalefall serve
  whalefall serve --listen 0.0.0.0:2375 --listen '[::]:2375'
  whalefall serve --config /etc/whalefall.yaml
  whalefall serve --persona docker-28.5.2 --host empty --latency none`,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd, f) }}
	fl := c.Flags()
	fl.StringArrayVar(&f.listen, "listen", nil, "host:port to listen on, may be given again (default "+defaultListen+")")
	fl.StringVar(&f.tlsListen, "tls-listen", "", "host:port of a daemon with TLS that verifies no client")
	fl.StringVar(&f.data, "data", defaultData(), "the data directory, made if absent")
	fl.StringVar(&f.persona, "persona", persona.Default, "the release to show: "+strings.Join(persona.Names(), ", "))
	fl.StringVar(&f.host, "host", "lived-in", "lived-in or empty")
	fl.StringVar(&f.latency, "latency", "real", "real or none: whether answers take the release's time")
	fl.StringVar(&f.egress, "egress", "none", "none or fetch: whether what attackers download is fetched")
	fl.StringVar(&f.world, "world", "source", "source or shared: a world a source, or one for all")
	fl.StringVar(&f.web, "web", defaultWeb, "host:port of the operator's listener, empty for none")
	fl.StringVar(&f.config, "config", "", "a YAML configuration file")
	fl.BoolVar(&f.unconfined, "unconfined", false, "serve without confinement where it cannot be had")
	return c
}

// plan is what serve does, from flags and file.
type plan struct {
	config
	unconfined bool
	path       string
}

func makePlan(cmd *cobra.Command, f serveFlags) (plan, error) {
	var p plan
	if f.config != "" {
		c, err := loadConfig(f.config)
		if err != nil {
			return p, err
		}
		p.config, p.path = c, f.config
		// The children run in another directory.
		if p.path, err = filepath.Abs(f.config); err != nil {
			return p, err
		}
	}
	pick := func(flag string, dst *string, v string) {
		if *dst == "" || cmd.Flags().Changed(flag) {
			*dst = v
		}
	}
	if len(p.Listen) == 0 || cmd.Flags().Changed("listen") {
		p.Listen = f.listen
	}
	if len(p.Listen) == 0 {
		p.Listen = []string{defaultListen}
	}
	pick("tls-listen", &p.TLSListen, f.tlsListen)
	pick("data", &p.Data, f.data)
	pick("persona", &p.Persona, f.persona)
	pick("host", &p.Host.Kind, f.host)
	pick("latency", &p.Latency, f.latency)
	pick("egress", &p.Egress.Mode, f.egress)
	pick("world", &p.World, f.world)
	if p.Web == "" || cmd.Flags().Changed("web") {
		p.Web = f.web
	}
	p.unconfined = f.unconfined
	if err := p.check(); err != nil {
		return p, usageError{err}
	}
	if _, err := persona.Get(p.Persona); err != nil {
		return p, usageError{withHint(err, "--persona takes one of "+strings.Join(persona.Names(), ", "))}
	}
	if p.Egress.Mode == "fetch" {
		return p, withHint(errors.New("--egress fetch is not built yet"), "leave it at none: downloads get a made-up answer that keeps the attacker's script going")
	}
	for _, l := range append(append([]string{}, p.Listen...), p.TLSListen) {
		if l == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(l); err != nil {
			return p, usageError{withHint(fmt.Errorf("--listen %q: %w", l, err), "it takes host:port, as 0.0.0.0:2375 or [::]:2375")}
		}
	}
	return p, nil
}

// loopback tells whether an address is reachable from this machine alone.
func loopback(hostport string) bool {
	h, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return false
	}
	if h == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(h)
	return err == nil && a.IsLoopback()
}

func serve(cmd *cobra.Command, f serveFlags) error {
	p, err := makePlan(cmd, f)
	if err != nil {
		return err
	}
	log, err := newLogger(p.Log)
	if err != nil {
		return usageError{err}
	}
	d := dirs{p.Data}
	if d.root, err = filepath.Abs(d.root); err != nil {
		return err
	}
	root := os.Geteuid() == 0
	if !root && !p.unconfined {
		for _, l := range append(append([]string{}, p.Listen...), p.TLSListen) {
			if l != "" && !loopback(l) {
				return withHint(fmt.Errorf("without root the sensor cannot be confined, and %s can be reached from elsewhere", l),
					"start as root (the sensor gives it up at once), or say --unconfined")
			}
		}
		p.unconfined = true
	}
	if p.Web != "" && !loopback(p.Web) {
		return withHint(fmt.Errorf("--web %s: the operator's listener has no authentication yet, so it stays on loopback", p.Web), "use 127.0.0.1 and an SSH tunnel")
	}
	if err := d.prepare(); err != nil {
		return err
	}
	lock, err := supervise.Lock(cmd.Context(), d.lock(), 2*time.Second)
	if err != nil {
		if errors.Is(err, supervise.ErrLocked) {
			return withHint(err, "stop it first, or give this one its own --data DIR")
		}
		return err
	}
	defer lock.Close()
	uid := confine.DefaultUID
	if u, err := user.Lookup("whalefall"); err == nil {
		if n, err := strconv.Atoi(u.Uid); err == nil && n > 0 {
			uid = n
		}
	}
	if root && !p.unconfined {
		if err := own(d.sensor(), uid); err != nil {
			return err
		}
	}
	sc, err := sensorConfig(d, p, uid)
	if err != nil {
		return err
	}
	files, err := openListeners(cmd.Context(), p, &sc)
	if err != nil {
		return err
	}
	defer func() {
		for _, f := range files {
			_ = f.Close() // a listening socket: nothing waits in it
		}
	}()
	ring, err := journal.NewRing(journal.DefaultRing)
	if err != nil {
		return err
	}
	ps, po, err := supervise.Pair()
	if err != nil {
		return err
	}
	opFiles, web, err := operatorListeners(cmd.Context(), d, p.Web)
	if err != nil {
		return err
	}
	parent := os.Getpid()
	sc.Parent = parent
	out := cmd.OutOrStdout()
	opConf := operatorConfig{Data: d.root, Parent: parent, Log: p.Log, Silence: time.Duration(p.Sessions.Silence), Sinks: p.Sinks, Listeners: web, Redact: p.Redact, Addresses: sc.Addresses, Path: p.path}
	env := []string{"GOMAXPROCS=" + os.Getenv("GOMAXPROCS"), "MOBY_DISABLE_PIGZ=1", "CONTAINERD_DISABLE_PIGZ=1"}
	if os.Getenv("GOMAXPROCS") == "" {
		env = env[1:]
	}
	var confMu sync.Mutex // guards sc and opConf once the children run
	reload := make(chan struct{}, 1)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		for range hup {
			if p.path != "" {
				// A child that is started later must be given what was taken over.
				n, err := loadConfig(p.path)
				if err != nil {
					log.Error("the configuration is not taken over", "err", err)
					continue
				}
				rules, err := refuseRules(n.Refuse)
				if err != nil {
					log.Error("the configuration is not taken over", "err", err)
					continue
				}
				confMu.Lock()
				sc.Refuse, opConf.Sinks, opConf.Redact = rules, n.Sinks, n.Redact
				confMu.Unlock()
			}
			select {
			case reload <- struct{}{}:
			default:
			}
		}
	}()
	first := map[string]bool{}
	sup := &supervise.Supervisor{Log: log, Reload: reload, Started: func(name string, pid int) {
		log.Debug("started", "process", name, "pid", pid)
		first[name] = true
	}, Children: []supervise.Child{
		{Name: "sensor", Args: []string{sensorChild}, Config: mustJSON(&confMu, &sc), Pair: ps, Files: append([]*os.File{ring.File()}, files...), Env: env, Attr: namespaces(root && !p.unconfined)},
		{Name: "operator side", Args: []string{operatorChild}, Config: mustJSON(&confMu, &opConf), Pair: po, Files: opFiles, Env: append(slices.Clone(env), "GOMAXPROCS=1"), Spare: true},
	}}
	for _, l := range sc.Listeners {
		kind := "Docker API"
		if l.TLS {
			kind = "Docker API with TLS"
		}
		fmt.Fprintf(out, "%s on %s (%s, %s)\n", kind, l.Address, p.Persona, p.Host.Kind)
	}
	if p.Web != "" {
		fmt.Fprintf(out, "operator's listener on http://%s (/healthz, /metrics)\n", p.Web)
	}
	fmt.Fprintf(out, "data in %s; Ctrl-C ends it\n", d.root)
	return sup.Run(cmd.Context())
}

// namespaces gives the sensor an own network, IPC and host name where that is
// allowed: sockets it was given go on working, and there is no way out by others.
func namespaces(on bool) func() *syscall.SysProcAttr {
	if !on {
		return nil
	}
	return func() *syscall.SysProcAttr {
		return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS}
	}
}

// mustJSON gives v as it stands when a child is started.
func mustJSON(mu *sync.Mutex, v any) func() []byte {
	return func() []byte {
		mu.Lock()
		defer mu.Unlock()
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // our own struct
		}
		return b
	}
}

// own gives the sensor's part of the data directory to its user.
func own(dir string, uid int) error {
	return filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("give %s to the sensor: %w", dir, err)
		}
		if err := os.Lchown(p, uid, uid); err != nil {
			return withHint(fmt.Errorf("give the data directory to the sensor's user %d: %w", uid, err), "is the directory on a file system that knows owners?")
		}
		return nil
	})
}

// installation is what is made once and kept.
type installation struct {
	Secret    []byte    `json:"secret"`
	Sensor    string    `json:"sensor"`
	Installed time.Time `json:"installed"`
	Cert      []byte    `json:"cert_pem"`
	Key       []byte    `json:"key_pem"`
}

func loadInstallation(d dirs) (installation, error) {
	var in installation
	b, err := os.ReadFile(d.secret())
	if err == nil {
		if err := json.Unmarshal(b, &in); err != nil || len(in.Secret) < 16 {
			return in, withHint(fmt.Errorf("%s is damaged", d.secret()), "restore it from a backup; without it the installation becomes another one")
		}
		return in, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return in, fmt.Errorf("read the installation's secret: %w", err)
	}
	in.Secret = make([]byte, 32)
	rand.Read(in.Secret) // never fails
	in.Sensor = fmt.Sprintf("wf-%x", in.Secret[:4])
	in.Installed = time.Now().UTC().Truncate(time.Second)
	return in, saveInstallation(d, in)
}

func saveInstallation(d dirs, in installation) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	tmp := d.secret() + ".new"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return withHint(fmt.Errorf("keep the installation's secret: %w", err), "is the data directory writable, and the disk not full?")
	}
	if err := os.Rename(tmp, d.secret()); err != nil {
		return fmt.Errorf("keep the installation's secret: %w", err)
	}
	return nil
}

func sensorConfig(d dirs, p plan, uid int) (sensor.Config, error) {
	in, err := loadInstallation(d)
	if err != nil {
		return sensor.Config{}, err
	}
	c := sensor.Config{Version: version, Sensor: in.Sensor, Persona: p.Persona, Secret: in.Secret, Installed: in.Installed, HostKind: p.Host.Kind, Provider: p.Host.Provider,
		Cores: p.Host.Cores, World: p.World, Latency: p.Latency == "real", Root: d.sensor(), UID: uid, Unconfined: p.unconfined,
		ConnsPerSource: p.Quotas.ConnectionsPerSource, JournalDays: p.Retention.Days, DiskFloor: defaultFloor}
	for _, s := range []struct {
		dst *int64
		v   string
	}{{&c.Memory, p.Host.Memory}, {&c.KeptPerSource, p.Quotas.KeptPerSource}, {&c.DiskFloor, p.Quotas.DiskFloor}, {&c.JournalBytes, p.Retention.Journal}, {&c.ArtifactBytes, p.Retention.Artifacts}} {
		if s.v != "" {
			n, err := parseSize(s.v)
			if err != nil {
				return c, err
			}
			*s.dst = n
		}
	}
	if p.Host.PublicAddress != "" {
		a, err := netip.ParseAddr(p.Host.PublicAddress)
		if err != nil {
			return c, usageError{fmt.Errorf("host.public_address: %q is no address", p.Host.PublicAddress)}
		}
		c.Public = a
	}
	if c.Refuse, err = refuseRules(p.Refuse); err != nil {
		return c, usageError{err}
	}
	for _, s := range p.ProxyPeers {
		pre, err := parsePrefix(s)
		if err != nil {
			return c, usageError{err}
		}
		c.ProxyPeers = append(c.ProxyPeers, pre)
	}
	if p.TLSListen != "" {
		if len(in.Cert) == 0 {
			cc, err := certConfig(c)
			if err != nil {
				return c, err
			}
			cert, key, err := listen.NewCertificate(cc)
			if err != nil {
				return c, err
			}
			in.Cert, in.Key = cert, key
			if err := saveInstallation(d, in); err != nil {
				return c, err
			}
		}
		c.CertPEM, c.KeyPEM = in.Cert, in.Key
	}
	addrs, _ := net.InterfaceAddrs() // without them redaction knows the Host headers alone
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() {
			c.Addresses = append(c.Addresses, n.IP.String())
		}
	}
	return c, nil
}

// refuseRules are the configuration's rules as the sensor takes them.
func refuseRules(l []refuseConfig) ([]sensor.Refuse, error) {
	out := make([]sensor.Refuse, 0, len(l))
	for _, r := range l {
		x := sensor.Refuse{Operation: r.Operation, First: r.First, Words: r.Words, Message: r.Message}
		for _, s := range r.Sources {
			pre, err := parsePrefix(s)
			if err != nil {
				return nil, err
			}
			x.Sources = append(x.Sources, pre)
		}
		out = append(out, x)
	}
	return out, nil
}

// openListeners opens what attackers reach.
func openListeners(ctx context.Context, p plan, c *sensor.Config) ([]*os.File, error) {
	var files []*os.File
	open := func(addr string, tls bool) error {
		// Either wildcard alone takes both families; side by side each takes its own.
		network := "tcp"
		switch host, port, _ := net.SplitHostPort(addr); {
		case host == "::" && slices.Contains(p.Listen, net.JoinHostPort("0.0.0.0", port)):
			network = "tcp6"
		case host == "0.0.0.0" && slices.Contains(p.Listen, net.JoinHostPort("::", port)):
			network = "tcp4"
		}
		ln, err := listenTCP(ctx, network, addr)
		if err != nil {
			hint := "is the address this machine's?"
			if errors.Is(err, syscall.EADDRINUSE) {
				hint = "another program listens there, perhaps a real Docker; give another with --listen host:port"
			} else if errors.Is(err, syscall.EACCES) {
				hint = "ports below 1024 need root"
			}
			return withHint(fmt.Errorf("listen on %s: %w", addr, errors.Unwrap(err)), hint)
		}
		defer ln.Close() // f is a copy
		f, err := ln.File()
		if err != nil {
			return fmt.Errorf("listen on %s: %w", addr, err)
		}
		c.Listeners = append(c.Listeners, sensor.Listener{Address: ln.Addr().String(), TLS: tls})
		files = append(files, f)
		return nil
	}
	for _, a := range p.Listen {
		if err := open(a, false); err != nil {
			return files, err
		}
	}
	if p.TLSListen != "" {
		if err := open(p.TLSListen, true); err != nil {
			return files, err
		}
	}
	return files, nil
}

// listenTCP is net.Listen for a socket that a child inherits.
func listenTCP(ctx context.Context, network, addr string) (*net.TCPListener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	t, ok := ln.(*net.TCPListener)
	if !ok {
		_ = ln.Close() // no network but TCP's comes here
		return nil, fmt.Errorf("listen on %s %s: not TCP", network, addr)
	}
	return t, nil
}

// operatorListeners opens the control socket and the operator's listener. What it
// gives second names them in order: control, web.
func operatorListeners(ctx context.Context, d dirs, web string) ([]*os.File, []string, error) {
	var files []*os.File
	var names []string
	// A socket's path may have 107 bytes; a longer one does without.
	if len(d.control()) < 100 {
		_ = os.Remove(d.control()) // of a run that was killed; listening tells of what stays in the way
		ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: d.control(), Net: "unix"})
		if err != nil {
			return nil, nil, fmt.Errorf("open the control socket: %w", err)
		}
		ln.SetUnlinkOnClose(false)
		defer ln.Close() // f is a copy
		f, err := ln.File()
		if err != nil {
			return nil, nil, fmt.Errorf("open the control socket: %w", err)
		}
		if err := os.Chmod(d.control(), 0o600); err != nil {
			return nil, nil, fmt.Errorf("open the control socket: %w", err)
		}
		files, names = append(files, f), append(names, "control")
	}
	if web != "" {
		ln, err := listenTCP(ctx, "tcp", web)
		if err != nil {
			return files, names, withHint(fmt.Errorf("the operator's listener on %s: %w", web, errors.Unwrap(err)), "give another with --web host:port, or none with --web ''")
		}
		defer ln.Close() // f is a copy
		f, err := ln.File()
		if err != nil {
			return files, names, err
		}
		files, names = append(files, f), append(names, "web")
	}
	return files, names, nil
}

func newLogger(c logConfig) (*slog.Logger, error) {
	lv := slog.LevelInfo
	if c.Level != "" {
		if err := lv.UnmarshalText([]byte(c.Level)); err != nil {
			return nil, fmt.Errorf("log.level: %q is not known, it is debug, info, warn or error", c.Level)
		}
	}
	o := &slog.HandlerOptions{Level: lv}
	switch c.Format {
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, o)), nil
	case "", "text":
		return slog.New(slog.NewTextHandler(os.Stderr, o)), nil
	}
	return nil, fmt.Errorf("log.format: %q is not known, it is text or json", c.Format)
}

// certConfig says for whom the certificate is: the virtual host, made some weeks
// before the installation, as its owner would have.
func certConfig(c sensor.Config) (listen.CertConfig, error) {
	p, err := persona.Get(c.Persona)
	if err != nil {
		return listen.CertConfig{}, err
	}
	h, err := sensor.NewHost(c, p, event.Discard, wallClock{})
	if err != nil {
		return listen.CertConfig{}, err
	}
	cc := listen.CertConfig{Host: h.Facts().Name, NotBefore: c.Installed.AddDate(0, 0, -40)}
	if c.Public.IsValid() {
		cc.Addresses = append(cc.Addresses, c.Public)
	}
	return cc, nil
}
