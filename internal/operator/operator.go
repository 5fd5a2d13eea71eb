// Package operator is the process on the operator's side of a running serve: it
// carries the record into the store, answers the operator's own listener and
// control socket, and hands events to the sinks. It faces no attacker; what the
// sensor writes it treats as hostile all the same.
//
// It ends when it is told to (SIGTERM) or when the supervisor is gone.
package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/whalefall/whalefall/internal/confine"
	"github.com/whalefall/whalefall/internal/journal"
	"github.com/whalefall/whalefall/internal/project"
	"github.com/whalefall/whalefall/internal/store"
	"github.com/whalefall/whalefall/internal/wire"
)

// Config is what the operator side is made from.
type Config struct {
	Parent    int
	Projector *project.Projector
	Store     store.Store
	// Web is the operator's listener, Control its socket's; either may be nil.
	Web, Control net.Listener
	Log          *slog.Logger
	// Applied is handed every entry that entered the store, for the sinks.
	Applied func(o store.Origin, e []store.Entry)
	// Import takes recorded traffic into the operator's journal and gives what it
	// did and the number of the last event; nil where there is none. It is called
	// once at a time.
	Import func(ctx context.Context, name string, r io.Reader) (result any, last uint64, err error)
	// Reload reads the configuration again (SIGHUP), takes over what concerns this
	// process, and gives the argument of the sensor's "reload" call.
	Reload func() (arg string, err error)
}

// Side is the running operator side.
type Side struct {
	cfg  Config
	pair *wire.Conn

	mu     sync.Mutex
	status json.RawMessage
	at     time.Time
	calls  map[uint64]chan wire.Reply
	next   uint64

	importMu sync.Mutex
}

// Run is its life.
func Run(cfg Config, life, pair *os.File) error {
	if err := confine.DieWithParent(cfg.Parent); err != nil {
		return err
	}
	c, err := wire.Open(pair)
	if err != nil {
		return err
	}
	s := &Side{cfg: cfg, pair: c, calls: map[uint64]chan wire.Reply{}}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	fail := make(chan error, 4)
	go func() {
		_, _ = io.Copy(io.Discard, life) // returns when the supervisor is gone
		fail <- errors.New("the supervisor is gone")
	}()
	go s.listenPair()
	web, control := s.handlers()
	if cfg.Web != nil {
		srv := &http.Server{Handler: web, ReadHeaderTimeout: 10 * time.Second}
		go func() { fail <- fmt.Errorf("the operator's listener: %w", srv.Serve(cfg.Web)) }()
		defer srv.Close()
	}
	if cfg.Control != nil {
		srv := &http.Server{Handler: control, ReadHeaderTimeout: 10 * time.Second}
		go func() { fail <- fmt.Errorf("the control socket: %w", srv.Serve(cfg.Control)) }()
		defer srv.Close()
	}
	cfg.Projector.Applied = cfg.Applied
	done := make(chan struct{})
	go func() {
		defer close(done)
		var last time.Time
		cfg.Projector.Follow(ctx, 100*time.Millisecond, func(err error) {
			// A fault that lasts must not fill the log.
			if time.Since(last) > 10*time.Second {
				cfg.Log.Error("the store does not take events", "err", err)
				last = time.Now()
			}
		})
	}()
	sig := make(chan os.Signal, 4)
	signal.Notify(sig, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	for {
		select {
		case x := <-sig:
			if x == syscall.SIGHUP {
				s.reload(ctx)
				continue
			}
			stop()
			<-done
			return nil
		case err := <-fail:
			stop()
			<-done
			return err
		}
	}
}

// reload takes over a changed configuration; one that is none changes nothing.
func (s *Side) reload(ctx context.Context) {
	if s.cfg.Reload == nil {
		return
	}
	arg, err := s.cfg.Reload()
	if err == nil {
		ctx, stop := context.WithTimeout(ctx, 5*time.Second)
		defer stop()
		err = s.Call(ctx, "reload", arg)
	}
	if err != nil {
		s.cfg.Log.Error("the configuration is not taken over", "err", err)
		return
	}
	s.cfg.Log.Info("the configuration is taken over: refuse, sinks, redact")
}

// importing answers POST /import: the body is the file, as it stands on disk.
func (s *Side) importing(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Import == nil {
		http.Error(w, "nothing is taken in here", http.StatusNotImplemented)
		return
	}
	s.importMu.Lock()
	defer s.importMu.Unlock()
	res, last, err := s.cfg.Import(r.Context(), r.URL.Query().Get("name"), r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	// Who asked wants to see it in the store.
	for end := time.Now().Add(time.Minute); time.Now().Before(end) && r.Context().Err() == nil; time.Sleep(20 * time.Millisecond) {
		if pos, err := s.cfg.Store.Position(r.Context(), store.Operator); err != nil || pos >= last {
			break
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(res) // who asked has gone
}

func (s *Side) listenPair() {
	for {
		f, err := s.pair.Recv()
		if errors.Is(err, wire.ErrFrame) {
			continue
		}
		if err != nil {
			return
		}
		switch f.Type {
		case wire.TypeStatus:
			s.mu.Lock()
			s.status, s.at = f.Body, time.Now()
			s.mu.Unlock()
		case wire.TypeReply:
			var r wire.Reply
			if wire.Strict(f.Body, &r) == nil {
				s.mu.Lock()
				if ch := s.calls[r.ID]; ch != nil {
					delete(s.calls, r.ID)
					ch <- r
				}
				s.mu.Unlock()
			}
		}
	}
}

// Call asks the sensor for something and waits for its reply.
func (s *Side) Call(ctx context.Context, name, arg string) error {
	ch := make(chan wire.Reply, 1)
	s.mu.Lock()
	s.next++
	id := s.next
	s.calls[id] = ch
	s.mu.Unlock()
	if err := s.pair.Send(wire.TypeCall, wire.Call{ID: id, Name: name, Arg: arg}); err != nil {
		return err
	}
	select {
	case r := <-ch:
		if r.Error != "" {
			return errors.New(r.Error)
		}
		return nil
	case <-ctx.Done():
		s.mu.Lock()
		delete(s.calls, id)
		s.mu.Unlock()
		return ctx.Err()
	}
}

// sensorStatus is what is read of the sensor's status; the rest is passed on as
// it came.
type sensorStatus struct {
	Journal  journal.Stats `json:"journal"`
	Conns    int64         `json:"conns"`
	Requests uint64        `json:"requests"`
	Worlds   int           `json:"worlds"`
}

func (s *Side) last() (sensorStatus, json.RawMessage, time.Time) {
	s.mu.Lock()
	raw, at := s.status, s.at
	s.mu.Unlock()
	var st sensorStatus
	_ = json.Unmarshal(raw, &st) // hostile or absent: zeros
	return st, raw, at
}

// handlers gives the operator's listener's and the control socket's: what changes
// the record is on the socket alone, which only the operator's account can open.
func (s *Side) handlers() (web, control http.Handler) {
	mux := http.NewServeMux()
	reg := prometheus.NewRegistry()
	gauge := func(name, help string, f func(sensorStatus) float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { st, _, _ := s.last(); return f(st) }))
	}
	counter := func(name, help string, f func(sensorStatus) float64) {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { st, _, _ := s.last(); return f(st) }))
	}
	gauge("whalefall_connections", "Connections of clients that are open.", func(st sensorStatus) float64 { return float64(st.Conns) })
	gauge("whalefall_worlds", "Worlds that are alive.", func(st sensorStatus) float64 { return float64(st.Worlds) })
	gauge("whalefall_journal_queued", "Events that wait for the disk.", func(st sensorStatus) float64 { return float64(st.Journal.Queued) })
	gauge("whalefall_journal_bytes", "Bytes of all journal segments.", func(st sensorStatus) float64 { return float64(st.Journal.Bytes) })
	counter("whalefall_requests_total", "Requests answered since the sensor's start.", func(st sensorStatus) float64 { return float64(st.Requests) })
	counter("whalefall_journal_events_total", "Events written to the journal.", func(st sensorStatus) float64 { return float64(st.Journal.Written) })
	counter("whalefall_journal_late_total", "Answers that left before their record.", func(st sensorStatus) float64 { return float64(st.Journal.Late) })
	counter("whalefall_gap_records_total", "Gap records.", func(st sensorStatus) float64 { return float64(st.Journal.GapRecords) })
	counter("whalefall_gap_lost_total", "Events that were lost.", func(st sensorStatus) float64 { return float64(st.Journal.GapLost) })
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "whalefall_store_lag_events", Help: "Events in the journal and not yet in the store."}, func() float64 {
		st, _, _ := s.last()
		pos, err := s.cfg.Store.Position(context.Background(), store.Sensor)
		if err != nil || pos > st.Journal.Written {
			return 0
		}
		return float64(st.Journal.Written - pos)
	}))
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		_, _, at := s.last()
		if time.Since(at) > 5*time.Second {
			http.Error(w, "the sensor is silent", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n") // who asked has gone
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		_, raw, at := s.last()
		pos, _ := s.cfg.Store.Position(r.Context(), store.Sensor)
		w.Header().Set("Content-Type", "application/json")
		if raw == nil {
			raw = json.RawMessage("null")
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"sensor": raw, "at": at, "store_position": pos})
	})
	mux.HandleFunc("POST /flush", func(w http.ResponseWriter, r *http.Request) {
		ctx, stop := context.WithTimeout(r.Context(), 5*time.Second)
		defer stop()
		if err := s.Call(ctx, "flush", ""); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
	ctl := http.NewServeMux()
	ctl.Handle("/", mux)
	ctl.HandleFunc("POST /import", s.importing)
	return sameHost(mux), sameHost(ctl)
}

// sameHost refuses requests that a page of another site makes a browser send:
// a host name that is not this listener's.
func sameHost(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		ip := net.ParseIP(host)
		if ip == nil && host != "localhost" && host != "control" {
			http.Error(w, "this name is not served here", http.StatusMisdirectedRequest)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		h.ServeHTTP(w, r)
	})
}
