package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"early.whalefall/quiet"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/notify"
	"github.com/whalefall/whalefall/internal/redact"
	"github.com/whalefall/whalefall/internal/store"
)

// running is a sink with the entry it was made from.
type running struct {
	notify.Sink
	conf sinkConfig
}

// sinks are all that events are handed to.
type sinks struct {
	d    dirs
	list []running
	log  *slog.Logger

	mu    sync.Mutex
	addrs map[netip.Addr]bool
	names map[string]bool
	red   *redact.Redactor
}

func openSinks(c operatorConfig, d dirs, log *slog.Logger) (*sinks, error) {
	s := &sinks{log: log, d: d, addrs: map[netip.Addr]bool{}, names: map[string]bool{}}
	return s, s.replace(c)
}

// replace takes over a configuration. A sink whose entry is the same goes on with
// what it has queued; if one cannot be opened, the old ones stay.
func (s *sinks) replace(c operatorConfig) error {
	s.mu.Lock()
	var keep, open, old []running
	rest := append([]running{}, s.list...)
	var todo []sinkConfig
	for _, k := range c.Sinks {
		if i := slices.IndexFunc(rest, func(r running) bool { return r.conf == k }); i >= 0 {
			keep = append(keep, rest[i])
			rest = slices.Delete(rest, i, i+1)
		} else {
			todo = append(todo, k)
		}
	}
	for _, k := range todo {
		n, err := s.open(k)
		if err != nil {
			s.mu.Unlock()
			for _, r := range open {
				_ = r.Close() // opened a moment ago, nothing was sent
			}
			return err
		}
		open = append(open, running{n, k})
	}
	old = rest
	s.list = slices.Concat(keep, open)
	for _, n := range c.Redact.Names {
		s.names[n] = true
	}
	for _, a := range slices.Concat(c.Redact.Addresses, c.Addresses) {
		if x, err := netip.ParseAddr(a); err == nil {
			s.addrs[x] = true
		}
	}
	s.red = nil // made anew at the next event
	if b, err := json.Marshal(c.Redact); err == nil {
		if err := os.WriteFile(s.d.redacted(), b, 0o600); err != nil {
			s.log.Error("exports will not know what the configuration wants redacted", "err", err)
		}
	}
	s.mu.Unlock()
	for _, r := range old {
		if err := r.Close(); err != nil {
			s.log.Error("close a sink", "err", err)
		}
	}
	return nil
}

func (s *sinks) open(k sinkConfig) (notify.Sink, error) {
	log, d := s.log, s.d
	switch k.Type {
	case "file":
		var n int64
		if k.Size != "" {
			var err error
			if n, err = parseSize(k.Size); err != nil {
				return nil, fmt.Errorf("sinks: size: %w", err)
			}
		}
		f, err := notify.NewFile(k.Path, n, k.Keep, log)
		if err != nil {
			return nil, err
		}
		return f, nil
	case "webhook":
		host := k.URL
		if u, err := url.Parse(k.URL); err == nil {
			host = u.Host
		}
		return notify.NewWebhook(k.URL, k.Secret, quiet.Resolver, log, func(n int, result string) {
			ledger(d, egressEntry{Time: time.Now().UTC(), To: host, Why: "webhook", Bytes: int64(n), Result: result})
		}, func() bool { return egressStopped(d) }), nil
	}
	return nil, fmt.Errorf("sinks: no type %q", k.Type)
}

// ledger adds a line to the egress ledger. A ledger that cannot be written is a
// reason to send no more: the switch is thrown.
func ledger(d dirs, e egressEntry) {
	b, err := json.Marshal(e)
	if err != nil {
		return
	}
	f, err := os.OpenFile(filepath.Join(d.operator(), "egress.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(append(b, '\n'))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		_ = setEgressStop(d, true) // the disk may refuse this too; then nothing can be done
	}
}

// learn takes the sensor's addresses and names from what is recorded.
func (s *sinks) learn(e *event.Event) {
	changed := false
	addr := func(a netip.Addr) {
		a = a.Unmap()
		if a.IsValid() && !a.IsLoopback() && !a.IsUnspecified() && !s.addrs[a] {
			s.addrs[a] = true
			changed = true
		}
	}
	addr(e.Local.Addr())
	switch d := e.Data.(type) {
	case *event.Sensor:
		for _, x := range d.Addresses {
			if a, err := netip.ParseAddr(x); err == nil {
				addr(a)
			}
		}
	case *event.Request:
		for _, h := range d.Headers {
			if len(h[0]) != 4 || h[0] != "Host" && h[0] != "host" {
				continue
			}
			if ap, err := netip.ParseAddrPort(h[1]); err == nil {
				addr(ap.Addr())
			} else if a, err := netip.ParseAddr(h[1]); err == nil {
				addr(a)
			}
		}
	}
	if changed || s.red == nil {
		var as []netip.Addr
		for a := range s.addrs {
			as = append(as, a)
		}
		var ns []string
		for n := range s.names {
			ns = append(ns, n)
		}
		s.red = redact.New(as, ns)
	}
}

// Applied hands what entered the store to every sink, redacted.
func (s *sinks) Applied(_ store.Origin, entries []store.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		s.learn(e.Event)
		if len(s.list) == 0 {
			continue // a sink may be added by a reload
		}
		line, err := s.red.JSON(withSession(e))
		if err != nil {
			s.log.Error("an event was not handed on", "err", err)
			continue
		}
		for _, k := range s.list {
			k.Write(line)
		}
	}
}

// withSession adds the session's id to an event's envelope.
func withSession(e store.Entry) []byte {
	raw := e.Raw
	for len(raw) > 0 && (raw[len(raw)-1] == '\n' || raw[len(raw)-1] == '}') {
		if raw[len(raw)-1] == '}' {
			raw = raw[:len(raw)-1]
			break
		}
		raw = raw[:len(raw)-1]
	}
	out := append([]byte{}, raw...)
	return append(out, fmt.Sprintf(`,"session":%q}`, e.Session)...)
}

func (s *sinks) Close() {
	for _, k := range s.list {
		if err := k.Close(); err != nil {
			s.log.Error("close a sink", "err", err)
		}
	}
}
