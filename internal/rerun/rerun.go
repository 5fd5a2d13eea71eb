// Package rerun runs the containers that recorded traffic created, in worlds of
// their own with time that runs ahead, so that old captures show their second
// stages: an hour of cron in seconds.
//
// Each distinct create goes through the same handlers as live traffic, on a host
// made for it alone; what the world then does becomes events of the recorded
// source, at the time the create was recorded plus the world's own. Nothing leaves
// the process: the worlds' internet is in memory as always.
package rerun

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/whalefall/whalefall/internal/engineapi"
	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/persona"
	"github.com/whalefall/whalefall/internal/sensor"
)

// Create is one recorded create.
type Create struct {
	Time   time.Time
	Source netip.Addr
	URL    string
	Body   []byte
	Count  int // how often it was seen
}

// Key tells distinct creates apart: by their body.
func (c Create) Key() [32]byte { return sha256.Sum256(c.Body) }

// Outcome is what came of one create.
type Outcome struct {
	Create  Create
	ID      string
	Status  int    // of the create
	Started int    // status of the start
	Error   string // what a refused call said
	Exit    *int   // of the container's main process, nil while it stays up
	Cron    int    // cron lines that fired
	URLs    []string
	Unknown []event.Unknown
	Procs   int
}

// Config says how creates are run.
type Config struct {
	Persona string
	// Ahead is how many times faster the worlds' time runs; 0 is 600.
	Ahead int
	// For is how much of the worlds' time each gets; 0 is three minutes.
	For time.Duration
	// Emit takes the events; nil forgets them.
	Emit func(*event.Event)
}

// clock runs ahead of the wall clock from a given moment on.
type clock struct {
	base  time.Time
	start time.Time
	ahead int
}

func (c clock) Now() time.Time {
	return c.base.Add(time.Since(c.start) * time.Duration(c.ahead))
}

func (c clock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d/time.Duration(c.ahead), f).Stop
}

// Run runs one create to the end of its time.
func Run(ctx context.Context, cfg Config, c Create) (Outcome, error) {
	if cfg.Ahead == 0 {
		cfg.Ahead = 600
	}
	if cfg.For == 0 {
		cfg.For = 3 * time.Minute
	}
	if cfg.Persona == "" {
		cfg.Persona = persona.Default
	}
	o := Outcome{Create: c}
	p, err := persona.Get(cfg.Persona)
	if err != nil {
		return o, err
	}
	clk := clock{base: c.Time, start: time.Now(), ahead: cfg.Ahead}
	key := c.Key()
	sink := &collector{o: &o, emit: cfg.Emit, conn: "r" + fmt.Sprintf("%x", key[:8]), source: c.Source}
	// The secret is the create's own, so that a second run gives the same names.
	w, stop, err := sensor.OneWorld(sensor.Config{Persona: cfg.Persona, Secret: key[:], HostKind: "empty", World: "source", Installed: c.Time.Add(-90 * 24 * time.Hour)}, p, sink, clk)
	if err != nil {
		return o, err
	}
	defer stop()
	api := engineapi.New(engineapi.Config{Persona: p, Worlds: w, Now: clk.Now})
	call := func(method, target string, body []byte) (int, []byte) {
		req, err := http.NewRequestWithContext(engineapi.WithCaller(ctx, engineapi.Caller{Source: c.Source, Port: 1, Conn: sink.conn, Req: 1}), method, "http://docker"+target, bytes.NewReader(body))
		if err != nil {
			return 0, []byte(err.Error())
		}
		req.RequestURI = target
		if len(body) > 0 {
			req.Header.Set("Content-Type", "application/json")
		}
		rec := &recorder{head: http.Header{}, status: 200}
		api.ServeHTTP(rec, req)
		return rec.status, rec.body.Bytes()
	}
	target := "/containers/create"
	if u, err := url.ParseRequestURI(c.URL); err == nil && u.RawQuery != "" {
		target += "?" + u.RawQuery
	}
	var body struct{ Image string }
	_ = json.Unmarshal(c.Body, &body) // a body that is none is refused by the handler, in its words
	st, b := call("POST", target, c.Body)
	if st == 404 {
		call("POST", "/images/create?fromImage="+url.QueryEscape(body.Image)+"&tag=", nil)
		st, b = call("POST", target, c.Body)
	}
	o.Status = st
	var created struct {
		ID      string `json:"Id"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(b, &created)
	if st != 201 {
		o.Error = created.Message
		return o, nil
	}
	o.ID = created.ID
	o.Started, b = call("POST", "/containers/"+o.ID+"/start", nil)
	if o.Started >= 400 {
		_ = json.Unmarshal(b, &created)
		o.Error = created.Message
	}
	select {
	case <-time.After(cfg.For / time.Duration(cfg.Ahead)):
	case <-ctx.Done():
		return o, ctx.Err()
	}
	sink.mu.Lock()
	defer sink.mu.Unlock()
	sink.closed = true
	return o, nil
}

// collector turns a world's events into the recorded source's and counts them.
type collector struct {
	mu     sync.Mutex
	o      *Outcome
	emit   func(*event.Event)
	conn   string
	source netip.Addr
	closed bool
	main   int // the container's first process
}

// Emit implements event.Sink.
func (c *collector) Emit(e *event.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	switch d := e.Data.(type) {
	case *event.ProcStarted:
		c.o.Procs++
		if d.Container != "" && c.main == 0 {
			c.main = d.PID
		}
	case *event.ProcExited:
		if d.PID == c.main && c.o.Exit == nil {
			x := d.Exit
			c.o.Exit = &x
		}
	case *event.CronFired:
		c.o.Cron++
	case *event.Connected:
		u := d.URL
		if u == "" {
			u = fmt.Sprintf("%s://%s:%d", d.Network, d.Address, d.Port)
		}
		for _, x := range c.o.URLs {
			if x == u {
				u = ""
				break
			}
		}
		if u != "" {
			c.o.URLs = append(c.o.URLs, u)
		}
	case *event.Unknown:
		c.o.Unknown = append(c.o.Unknown, *d)
	}
	if c.emit != nil {
		x := *e
		x.Source, x.Port, x.Conn, x.Req, x.Precision = c.source, 0, c.conn, 0, "hour"
		c.emit(&x)
	}
}

// recorder is an http.ResponseWriter in memory.
type recorder struct {
	head   http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.head }
func (r *recorder) WriteHeader(s int) {
	if !r.wrote && s >= 200 {
		r.status, r.wrote = s, true
	}
}
func (r *recorder) Write(p []byte) (int, error) {
	r.wrote = true
	if r.body.Len() > 16<<20 {
		return len(p), nil
	}
	return r.body.Write(p)
}
func (r *recorder) Flush() {}

var _ io.Writer = (*recorder)(nil)
