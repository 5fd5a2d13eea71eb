package world

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
)

// healthMonitor is daemon/health.go's monitor: a probe as an exec, one timer
// between two of them.
type healthMonitor struct {
	mu      sync.Mutex
	st      string
	failing int
	log     []*container.HealthcheckResult
	stop    func()
	off     bool
	began   time.Time
}

func (h *healthMonitor) status() string { h.mu.Lock(); defer h.mu.Unlock(); return h.st }

func (h *healthMonitor) api() *container.Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	return &container.Health{Status: h.st, FailingStreak: h.failing, Log: append([]*container.HealthcheckResult{}, h.log...)}
}

func (c *Container) healthStatus() string {
	if c.health == nil {
		return container.NoHealthcheck
	}
	return c.health.status()
}

func probe(c *Container) []string {
	hc := c.Config.Healthcheck
	if hc == nil || len(hc.Test) == 0 {
		return nil
	}
	switch hc.Test[0] {
	case "CMD":
		return hc.Test[1:]
	case "CMD-SHELL":
		sh := c.Config.Shell
		if len(sh) == 0 {
			sh = []string{"/bin/sh", "-c"}
		}
		return append(append([]string{}, sh...), strings.Join(hc.Test[1:], " "))
	}
	return nil
}

// startHealth begins to probe. World.mu is held.
func (w *World) startHealth(c *Container) {
	c.health = nil
	argv := probe(c)
	if len(argv) == 0 {
		return
	}
	h := &healthMonitor{st: container.Starting, began: w.now()}
	c.health = h
	w.nextProbe(c, h, argv)
}

func (w *World) stopHealth(c *Container) {
	if h := c.health; h != nil {
		h.mu.Lock()
		h.off = true
		if h.stop != nil {
			h.stop()
		}
		h.mu.Unlock()
	}
}

func (w *World) nextProbe(c *Container, h *healthMonitor, argv []string) {
	hc := c.Config.Healthcheck
	d := hc.Interval
	if d <= 0 {
		d = 30 * time.Second
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	// Since 25.0 a container that starts is probed at an interval of its own.
	if w.host.cfg.Release.Era >= 26 && h.st == container.Starting && w.now().Sub(h.began) < hc.StartPeriod {
		if d = hc.StartInterval; d <= 0 {
			d = 5 * time.Second
		}
	}
	if h.off {
		return
	}
	h.stop = w.after(d, func() { w.probe(c, h, argv) })
}

// probe runs one check.
func (w *World) probe(c *Container, h *healthMonitor, argv []string) {
	if !c.running(w) {
		return
	}
	hc := c.Config.Healthcheck
	timeout := hc.Timeout
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	res := &container.HealthcheckResult{Start: w.now()}
	id, err := w.ContainerExecCreate(c.ID, &container.ExecOptions{Cmd: argv, AttachStdout: true, AttachStderr: true})
	if err == nil {
		var out limitBuffer
		ctx, cancel := context.WithCancel(context.Background())
		stop := w.after(timeout, cancel)
		err = w.ContainerExecStart(ctx, id, backend.ExecStartConfig{Stdout: &out, Stderr: &out})
		stop()
		timedOut := ctx.Err() != nil
		cancel()
		res.Output = out.String()
		if timedOut {
			said := "Health check exceeded timeout (" + timeout.String() + ")"
			if w.host.cfg.Release.Era >= 26 && res.Output != "" {
				said += ": " + res.Output
			}
			res.ExitCode, res.Output = -1, said
		} else if err != nil {
			res.ExitCode, res.Output = -1, err.Error()
		} else if i, err := w.ContainerExecInspect(id); err == nil && i.ExitCode != nil {
			res.ExitCode = *i.ExitCode
		}
	} else {
		return
	}
	res.End = w.now()
	retries := hc.Retries
	if retries <= 0 {
		retries = 3
	}
	h.mu.Lock()
	if h.off {
		h.mu.Unlock()
		return
	}
	if h.log = append(h.log, res); len(h.log) > 5 {
		h.log = h.log[1:]
	}
	old := h.st
	if res.ExitCode == 0 {
		h.failing, h.st = 0, container.Healthy
	} else if !(h.st == container.Starting && res.Start.Sub(h.began) < hc.StartPeriod) {
		if h.failing++; h.failing >= retries {
			h.st = container.Unhealthy
		}
	}
	now := h.st
	h.mu.Unlock()
	if now != old {
		w.containerEvent(c.origin, c, events.Action(string(events.ActionHealthStatus)+": "+now), nil)
	}
	w.nextProbe(c, h, argv)
}

// limitBuffer keeps a probe's first 4 KiB.
type limitBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *limitBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if room := 4096 - l.b.Len(); room > 0 {
		l.b.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (l *limitBuffer) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }
