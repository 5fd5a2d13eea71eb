package world

import (
	"context"
	"net/netip"
	"time"

	"github.com/whalefall/whalefall/internal/event"
)

// Caller is on whose behalf something happens: it becomes the identity of the
// events that follow. Nothing in it comes from a request's own words.
type Caller struct {
	Source  netip.Addr
	Port    uint16
	Local   netip.AddrPort
	Conn    string
	Req     uint32
	Persona string
}

type callerKey struct{}

// WithCaller returns a context that carries c.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns the caller a context carries.
func CallerOf(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok
}

// Attribute tells the world who acts in it from now on. Methods that take no
// context, and what the world does by itself (cron, restart policies), are
// attributed to the last caller.
func (w *World) Attribute(c Caller) {
	w.callerMu.Lock()
	w.caller = c
	w.callerMu.Unlock()
}

func (w *World) lastCaller() Caller {
	w.callerMu.Lock()
	defer w.callerMu.Unlock()
	return w.caller
}

func (w *World) callerOf(ctx context.Context) Caller {
	if ctx != nil {
		if c, ok := CallerOf(ctx); ok {
			return c
		}
	}
	return w.lastCaller()
}

// emit records an event of this world for a caller. The sink bounds how long it
// may take; no lock of the world is needed.
func (w *World) emit(c Caller, k event.Kind, data any) {
	if w.host.cfg.Sink == nil {
		return
	}
	p := c.Persona
	if p == "" {
		p = w.host.cfg.Persona
	}
	w.host.cfg.Sink.Emit(&event.Event{
		Time: w.now().UTC().Truncate(time.Microsecond), Kind: k, Sensor: w.host.cfg.Sensor,
		Source: c.Source, Port: c.Port, Local: c.Local, Conn: c.Conn, Req: c.Req,
		World: w.id, Persona: p, Data: data,
	})
}
