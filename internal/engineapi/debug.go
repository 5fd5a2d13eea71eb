package engineapi

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/server/httputils"
)

// debug answers under /debug/ as net/http/pprof and expvar do in a daemon. What it
// shows is made by the persona: this process's own state never leaves.
func debug(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, _ httputils.APIFunc) error {
	s := c.s
	now := s.now()
	d := s.p.NewDebug(s.seed(ctx, c), s.started(now), s.cfg.Args)
	h := w.Header()
	name := strings.TrimPrefix(c.rt.path, "/debug/pprof/")
	if c.rt.path == "/debug/vars" {
		h.Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, d.Vars(now))
		return nil
	}
	h.Set("X-Content-Type-Options", "nosniff")
	switch name {
	case "":
		h.Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, d.Index(now))
		return nil
	case "cmdline":
		h.Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, strings.Join(s.cfg.Args, "\x00"))
		return nil
	case "symbol":
		h.Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "num_symbols: 1\n")
		return nil
	case "profile", "trace":
		sec, err := strconv.ParseFloat(r.FormValue("seconds"), 64)
		if name == "profile" {
			n, ierr := strconv.ParseInt(r.FormValue("seconds"), 10, 64)
			sec, err = float64(n), ierr
			if n <= 0 || ierr != nil {
				sec, err = 30, nil
			}
		}
		if sec <= 0 || err != nil {
			sec = 1
		}
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
		if name == "trace" {
			// The tracer writes its head when it starts and the rest when it stops.
			_, _ = fmt.Fprintf(w, "go 1.%d trace\x00\x00\x00", s.traceGo())
			if f, ok := w.(http.Flusher); ok {
				f.Flush()
			}
			pause(ctx, sec)
			return nil
		}
		pause(ctx, sec)
		_, _ = w.Write(d.Binary(name, now, int(sec)))
		return nil
	}
	name = c.vars["name"]
	if _, ok := d.Text(name, 1, now); !ok {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("X-Go-Pprof", "1")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "Unknown profile\n")
		return nil
	}
	level, _ := strconv.Atoi(r.FormValue("debug"))
	if v := r.FormValue("seconds"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n <= 0 {
			return debugError(w, http.StatusBadRequest, `invalid value for "seconds" - must be a positive integer`)
		}
		if level != 0 {
			return debugError(w, http.StatusBadRequest, "seconds and debug params are incompatible")
		}
		switch name {
		case "allocs", "block", "goroutine", "heap", "mutex", "threadcreate":
		default:
			return debugError(w, http.StatusBadRequest, "seconds is not supported for this profile type")
		}
		pause(ctx, float64(n))
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-delta"`, name))
		_, _ = w.Write(d.Binary(name+"-delta", now, int(n)))
		return nil
	}
	if level != 0 {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		t, _ := d.Text(name, level, now)
		_, _ = io.WriteString(w, t)
		return nil
	}
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s"`, name))
	_, _ = w.Write(d.Binary(name, now, 0))
	return nil
}

func debugError(w http.ResponseWriter, status int, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Go-Pprof", "1")
	w.Header().Del("Content-Disposition")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text)
	return nil
}

// traceGo is the version in a trace's head: it names the format's, not the Go release's.
func (s *Server) traceGo() int {
	switch {
	case s.p.Go >= 26:
		return 26
	case s.p.Go >= 25:
		return 25
	case s.p.Go >= 23:
		return 23
	case s.p.Go >= 22:
		return 22
	case s.p.Go >= 21:
		return 21
	}
	return 19
}

// seed is the installation's number: what /info calls ID, hashed.
func (s *Server) seed(ctx context.Context, c *call) uint64 {
	h := fnv.New64a()
	if i, err := c.d.System.SystemInfo(ctx); err == nil {
		_, _ = io.WriteString(h, i.ID)
	}
	_, _ = io.WriteString(h, s.p.Name)
	return h.Sum64()
}

func (s *Server) started(now time.Time) time.Time {
	if s.cfg.Started.IsZero() {
		return now.Add(-time.Hour)
	}
	return s.cfg.Started
}

// pause waits for seconds a client asked for, a day at most.
func pause(ctx context.Context, seconds float64) {
	t := time.NewTimer(time.Duration(min(seconds, 86400) * float64(time.Second)))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
