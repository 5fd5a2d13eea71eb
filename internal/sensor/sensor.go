// Package sensor is the process that faces attackers: it holds their
// connections, the worlds and the journal.
//
// # Life
//
// Run is called by the child that the supervisor started, on its locked main
// thread, with what it inherited. It confines itself before it touches anything
// else, then opens the journal, builds the host and answers on the listening
// sockets it was given until it is told to end (SIGTERM), or the supervisor is
// gone (end of file on the life pipe), or the pair closes. It opens no socket,
// dials nobody, and sees of the file system only its own part of the data
// directory.
//
// # What it tells the operator side
//
// A status each second over the pair; replies to calls. The operator side
// believes none of it.
package sensor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/whalefall/whalefall/internal/artifact"
	"github.com/whalefall/whalefall/internal/confine"
	"github.com/whalefall/whalefall/internal/engineapi"
	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/front"
	"github.com/whalefall/whalefall/internal/journal"
	"github.com/whalefall/whalefall/internal/listen"
	"github.com/whalefall/whalefall/internal/persona"
	"github.com/whalefall/whalefall/internal/record"
	"github.com/whalefall/whalefall/internal/wire"
)

// Refuse is one rule that makes an operation fail.
type Refuse struct {
	Operation string         `json:"operation"`
	First     int            `json:"first,omitempty"`
	Sources   []netip.Prefix `json:"sources,omitempty"`
	Words     string         `json:"words,omitempty"`
	Message   string         `json:"message,omitempty"`
}

// Listener describes an inherited listening socket.
type Listener struct {
	Address string `json:"address"`
	TLS     bool   `json:"tls,omitempty"`
}

// Config is what the supervisor tells the sensor.
type Config struct {
	Version    string         `json:"version"`
	Sensor     string         `json:"sensor"`
	Persona    string         `json:"persona"`
	Secret     []byte         `json:"secret"`
	Installed  time.Time      `json:"installed"`
	HostKind   string         `json:"host_kind"`
	Provider   string         `json:"provider,omitempty"`
	Cores      int            `json:"cores,omitempty"`
	Memory     int64          `json:"memory,omitempty"`
	Public     netip.Addr     `json:"public,omitzero"`
	World      string         `json:"world"`
	Latency    bool           `json:"latency"`
	Refuse     []Refuse       `json:"refuse,omitempty"`
	Listeners  []Listener     `json:"listeners"`
	ProxyPeers []netip.Prefix `json:"proxy_peers,omitempty"`
	CertPEM    []byte         `json:"cert_pem,omitempty"`
	KeyPEM     []byte         `json:"key_pem,omitempty"`

	Root       string   `json:"root"` // the sensor's part of the data directory
	UID        int      `json:"uid"`
	Unconfined bool     `json:"unconfined,omitempty"`
	Parent     int      `json:"parent"`
	Addresses  []string `json:"addresses,omitempty"`

	KeptPerSource  int64 `json:"kept_per_source,omitempty"`
	ConnsPerSource int   `json:"conns_per_source,omitempty"`
	DiskFloor      int64 `json:"disk_floor"`
	JournalBytes   int64 `json:"journal_bytes,omitempty"`
	JournalDays    int   `json:"journal_days,omitempty"`
	ArtifactBytes  int64 `json:"artifact_bytes,omitempty"`
}

// Reload is what a running sensor takes anew, the argument of the call "reload".
type Reload struct {
	Refuse []Refuse `json:"refuse"`
}

// Status is what the sensor says of itself each second.
type Status struct {
	PID        int             `json:"pid"`
	Started    time.Time       `json:"started"`
	Persona    string          `json:"persona"`
	Layers     []confine.Layer `json:"layers"`
	Journal    journal.Stats   `json:"journal"`
	Conns      int64           `json:"conns"`
	Requests   uint64          `json:"requests"`
	Worlds     int             `json:"worlds"`
	Listeners  []string        `json:"listeners"`
	Goroutines int             `json:"goroutines"`
}

// Files are what the sensor inherited.
type Files struct {
	Life, Pair, Queue *os.File
	Listeners         []*os.File
}

// Run is the sensor's life. The error is for the child's exit message.
func Run(cfg Config, files Files, log *slog.Logger) error {
	var layers []confine.Layer
	root := cfg.Root
	if cfg.Unconfined {
		if err := confine.DieWithParent(cfg.Parent); err != nil {
			return err
		}
		layers = []confine.Layer{{Name: "unconfined", Detail: "asked for by the operator"}}
	} else {
		var err error
		layers, err = confine.Apply(confine.Options{Root: cfg.Root, UID: cfg.UID, GID: cfg.UID, Parent: cfg.Parent})
		if err != nil {
			return fmt.Errorf("confine the sensor: %w", err)
		}
		if os.Getuid() == cfg.UID || layers[0].InForce {
			root = "/"
		}
	}
	p, err := persona.Get(cfg.Persona)
	if err != nil {
		return err
	}
	ring, err := journal.OpenRing(files.Queue)
	if err != nil {
		return err
	}
	j, err := journal.Open(journal.Config{Dir: filepath.Join(root, "journal"), Queue: ring, Sensor: cfg.Sensor, Log: log, MaxBytes: cfg.JournalBytes,
		MaxAge: time.Duration(cfg.JournalDays) * 24 * time.Hour})
	if err != nil {
		return err
	}
	arts, err := artifact.Open(artifact.Config{Dir: filepath.Join(root, "artifacts"), Floor: cfg.DiskFloor, MaxBytes: cfg.ArtifactBytes})
	if err != nil {
		log.Error("artifacts are not kept", "err", err)
	}
	rec := record.New(record.Config{Journal: j, Artifacts: arts, Persona: cfg.Persona, PerSource: cfg.KeptPerSource, ConnsPerSource: cfg.ConnsPerSource})
	worlds, err := makeWorlds(cfg, p, j, arts, root, log)
	if err != nil {
		return err
	}
	started := time.Now()
	api := engineapi.New(engineapi.Config{Persona: p, Worlds: worlds, Logger: log, Latency: cfg.Latency, Started: worlds.started(), Args: daemonArgs(cfg)})
	var conns atomic.Int64
	var requests atomic.Uint64
	defer front.ServeInside(worlds.host, api)()
	srv := engineapi.HTTPServer(api, slog.New(discardHandler{}))
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		api.ServeHTTP(w, r)
	})
	srv.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			conns.Add(1)
		case http.StateClosed, http.StateHijacked:
			conns.Add(-1)
		}
	}
	var cert *tls.Certificate
	if len(cfg.CertPEM) > 0 {
		c, err := tls.X509KeyPair(cfg.CertPEM, cfg.KeyPEM)
		if err != nil {
			return fmt.Errorf("read the certificate: %w", err)
		}
		cert = &c
	}
	var names []string
	var lns []net.Listener
	for i, f := range files.Listeners {
		ln, err := net.FileListener(f)
		_ = f.Close() // ln holds a copy
		if err != nil {
			return fmt.Errorf("take over the listening socket %s: %w", cfg.Listeners[i].Address, err)
		}
		lc := listen.Config{ProxyPeers: cfg.ProxyPeers}
		if cfg.Listeners[i].TLS {
			lc.Certificate = cert
		}
		below := rec.Listener(listen.Wrap(ln, lc), func(c net.Conn) record.Option {
			if lc, ok := c.(*listen.Conn); ok {
				return record.Option{TLS: lc.TLS(), Proxied: lc.Proxied()}
			}
			return record.Option{}
		})
		lns = append(lns, listen.Reword(helloListener{below}, p.Go))
		names = append(names, cfg.Listeners[i].Address)
	}
	j.Emit(&event.Event{Time: time.Now().UTC(), Kind: event.SensorStart, Persona: cfg.Persona, Data: &event.Sensor{Version: cfg.Version, Listen: names, Addresses: cfg.Addresses}})
	// Not before the journal and the worlds are there does anybody get an answer;
	// until then clients wait in the sockets' queues.
	fail := make(chan error, len(lns)+2)
	for _, ln := range lns {
		go func() { fail <- fmt.Errorf("listen: %w", srv.Serve(ln)) }()
	}
	pair, err := wire.Open(files.Pair)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, files.Life) // returns when the supervisor is gone
		fail <- errors.New("the supervisor is gone")
	}()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		report(pair, stop, func() Status {
			return Status{PID: os.Getpid(), Started: started, Persona: cfg.Persona, Layers: layers, Journal: j.Stats(), Conns: conns.Load(), Requests: requests.Load(),
				Worlds: worlds.count(), Listeners: names, Goroutines: runtime.NumGoroutine()}
		})
	}()
	go calls(pair, j, arts, worlds)
	sig := make(chan os.Signal, 4)
	signal.Notify(sig, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	for err == nil {
		select {
		case s := <-sig:
			if s == syscall.SIGHUP {
				continue
			}
			err = errStop
		case e := <-fail:
			err = e
		}
	}
	// As when dockerd is told to stop: connections end, containers stop, what can
	// be kept is kept.
	close(stop)
	_ = srv.Close() // connections end one way or the other
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	worlds.stop(ctx)
	j.Emit(&event.Event{Time: time.Now().UTC(), Kind: event.SensorStop, Persona: cfg.Persona, Data: &event.Sensor{Reason: err.Error()}})
	_ = j.Close() // what the disk did not take waits in the ring
	if arts != nil {
		arts.Settle()
	}
	wg.Wait()
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

var errStop = errors.New("told to stop")

// daemonArgs is the command line that dockerd was started with, as it shows in
// /debug and makes /info warn.
func daemonArgs(cfg Config) []string {
	args := []string{"/usr/bin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock"}
	for _, l := range cfg.Listeners {
		_, port, err := net.SplitHostPort(l.Address)
		if err != nil {
			continue
		}
		args = append(args, "-H", "tcp://0.0.0.0:"+port)
		if l.TLS {
			args = append(args, "--tls", "--tlscert=/etc/docker/server-cert.pem", "--tlskey=/etc/docker/server-key.pem")
		}
	}
	return args
}

// helloListener joins what TLS saw to the connection's record.
type helloListener struct{ net.Listener }

func (l helloListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if rc, ok := c.(*record.Conn); ok {
		if lc, ok := rc.Conn.(*listen.Conn); ok {
			lc.OnHello(func(h event.TLSHello) { rc.Emit(event.ConnTLS, &h) })
			lc.OnPlain(func(data, answer []byte) {
				rc.Emit(event.ConnBytes, &event.Bytes{Data: data[:min(len(data), 4<<10)], Size: int64(len(data)), Answer: answer})
			})
		}
	}
	return c, nil
}

func report(c *wire.Conn, stop <-chan struct{}, status func() Status) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		// A full pair (the operator side is away) is no fault: the next one counts.
		_ = c.Send(wire.TypeStatus, status())
		select {
		case <-t.C:
		case <-stop:
			return
		}
	}
}

// calls answers the operator side.
func calls(c *wire.Conn, j *journal.Journal, arts *artifact.Store, worlds *worlds) {
	for {
		f, err := c.Recv()
		if errors.Is(err, wire.ErrFrame) {
			continue
		}
		if err != nil {
			return
		}
		if f.Type != wire.TypeCall {
			continue
		}
		var call wire.Call
		if err := json.Unmarshal(f.Body, &call); err != nil {
			continue
		}
		r := wire.Reply{ID: call.ID}
		switch call.Name {
		case "flush":
			ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
			if err := j.Flush(ctx); err != nil {
				r.Error = err.Error()
			}
			stop()
		case "remove-artifact":
			if arts == nil {
				r.Error = "no artifacts are kept"
			} else if err := arts.Remove(call.Arg); err != nil {
				r.Error = err.Error()
			}
		case "reload":
			var rl Reload
			if err := wire.Strict([]byte(call.Arg), &rl); err != nil {
				r.Error = err.Error()
			} else if err := worlds.host.SetRules(rulesOf(rl.Refuse)); err != nil {
				r.Error = err.Error()
			}
		default:
			r.Error = "no such call"
		}
		_ = c.Send(wire.TypeReply, r)
	}
}

// discardHandler takes net/http's complaints about clients: attackers must not be
// able to fill a log; what they do is in the record.
type discardHandler struct{}

func (discardHandler) Enabled(context.Context, slog.Level) bool  { return false }
func (discardHandler) Handle(context.Context, slog.Record) error { return nil }
func (d discardHandler) WithAttrs([]slog.Attr) slog.Handler      { return d }
func (d discardHandler) WithGroup(string) slog.Handler           { return d }
