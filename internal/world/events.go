package world

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/whalefall/whalefall/internal/event"
)

const (
	eventsKept   = 256  // the daemon's eventsLimit
	eventsBuffer = 1024 // and its buffer a subscriber
)

// eventLog is daemon/events.Events: the last messages and who listens.
type eventLog struct {
	mu   sync.Mutex
	past []events.Message
	subs map[chan any]filters.Args
	// count tells whether something may have changed since one looked.
	count atomic.Int64
}

// publish hands a message to the listeners. One that does not read loses
// messages, as it does in the daemon.
func (l *eventLog) publish(m events.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count.Add(1)
	if len(l.past) == eventsKept {
		l.past = append(l.past[:0], l.past[1:]...)
	}
	l.past = append(l.past, m)
	for ch, f := range l.subs {
		if !eventMatches(f, m) {
			continue
		}
		select {
		case ch <- m:
		default:
		}
	}
}

// SubscribeToEvents is the daemon's method: the past that matches, and a channel
// of what comes.
func (w *World) SubscribeToEvents(since, until time.Time, ef filters.Args) ([]events.Message, chan any) {
	l := &w.events
	l.mu.Lock()
	defer l.mu.Unlock()
	var past []events.Message
	if !since.IsZero() || !until.IsZero() {
		for _, m := range l.past {
			if !since.IsZero() && m.TimeNano < since.UnixNano() {
				continue
			}
			if !until.IsZero() && m.TimeNano > until.UnixNano() {
				continue
			}
			if eventMatches(ef, m) {
				past = append(past, m)
			}
		}
	}
	ch := make(chan any, eventsBuffer)
	if l.subs == nil {
		l.subs = make(map[chan any]filters.Args)
	}
	l.subs[ch] = ef
	return past, ch
}

// UnsubscribeFromEvents ends a subscription.
func (w *World) UnsubscribeFromEvents(ch chan any) {
	l := &w.events
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.subs[ch]; ok {
		delete(l.subs, ch)
		close(ch)
	}
}

// logEvent says that something happened to an object, to listeners and to the
// record. It takes no lock of the world.
func (w *World) logEvent(c Caller, typ events.Type, action events.Action, id string, attrs map[string]string) {
	w.logEventScope(c, "local", typ, action, id, attrs)
}

func (w *World) logEventScope(c Caller, scope string, typ events.Type, action events.Action, id string, attrs map[string]string) {
	if attrs == nil {
		attrs = map[string]string{}
	}
	now := w.now().UTC()
	m := events.Message{Type: typ, Action: action, Scope: scope, Time: now.Unix(), TimeNano: now.UnixNano(),
		Actor: events.Actor{ID: id, Attributes: attrs}}
	if typ == events.ContainerEventType {
		m.ID, m.Status, m.From = id, string(action), attrs["image"]
	}
	if typ == events.ImageEventType {
		m.ID, m.Status = id, string(action)
	}
	w.events.publish(m)
	if w.base {
		return
	}
	w.emit(c, event.WorldAction, &event.Action{Type: string(typ), Action: string(action), ID: id, Attributes: attrs})
}

// eventMatches is daemon/events.Filter.Include.
func eventMatches(f filters.Args, m events.Message) bool {
	has := func(key, val string) bool { return f.ExactMatch(key, val) }
	byName := func(typ events.Type) bool {
		k := string(typ)
		if !f.Contains(k) {
			return true
		}
		if m.Type != typ {
			return false
		}
		return f.FuzzyMatch(k, m.Actor.ID) || f.FuzzyMatch(k, m.Actor.Attributes["name"])
	}
	action := string(m.Action)
	okAction := has("event", action)
	if !okAction {
		// exec_create: CMD and health_status: X match by their first word
		if i := strings.IndexByte(action, ':'); i > 0 {
			okAction = has("event", action[:i])
		}
	}
	okImage := true
	if f.Contains("image") {
		strip := func(s string) string {
			if n, err := reference.ParseNormalizedNamed(s); err == nil {
				return reference.FamiliarName(n)
			}
			return s
		}
		name := m.Actor.Attributes["image"]
		id := ""
		if m.Type == events.ImageEventType {
			id, name = m.Actor.ID, m.Actor.Attributes["name"]
		}
		okImage = f.ExactMatch("image", id) || f.ExactMatch("image", name) ||
			f.ExactMatch("image", strip(id)) || f.ExactMatch("image", strip(name))
		if m.Type != events.ImageEventType && m.Type != events.ContainerEventType {
			okImage = false
		}
	}
	okLabel := !f.Contains("label") || f.MatchKVList("label", m.Actor.Attributes)
	return okAction && has("type", string(m.Type)) && has("scope", m.Scope) &&
		byName(events.DaemonEventType) && byName(events.ContainerEventType) && byName(events.PluginEventType) &&
		byName(events.VolumeEventType) && byName(events.NetworkEventType) && okImage &&
		byName(events.NodeEventType) && byName(events.ServiceEventType) && byName(events.SecretEventType) &&
		byName(events.ConfigEventType) && okLabel
}
