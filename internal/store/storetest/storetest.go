// Package storetest is the conformance suite of the store: what every
// implementation promises. A driver's own test calls Run.
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/session"
	"github.com/whalefall/whalefall/internal/store"
)

var base = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

func entry(t *testing.T, seq uint64, sess string, src netip.Addr, at time.Time, kind event.Kind, data any) store.Entry {
	t.Helper()
	e := &event.Event{Seq: seq, Time: at, Kind: kind, Source: src, Persona: "p", Sensor: "x", Data: data}
	raw, err := event.Append(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	return store.Entry{Origin: store.Sensor, Session: sess, Event: e, Raw: raw}
}

// Run runs the suite. open gives a new, empty store; reopen closes it and opens
// the same one again.
func Run(t *testing.T, open func(t *testing.T) (s store.Store, reopen func() store.Store)) {
	ctx := context.Background()
	src := netip.MustParseAddr("192.0.2.1")
	fill := func(t *testing.T, s store.Store) {
		t.Helper()
		var es []store.Entry
		for i := range uint64(10) {
			es = append(es, entry(t, i+1, "sone", src, base.Add(time.Duration(i)*time.Second), event.HTTPRequest, &event.Request{Method: "GET", URL: fmt.Sprint("/", i)}))
		}
		es = append(es, entry(t, 11, "sone", src, base.Add(time.Minute), event.ArtifactKept, &event.Artifact{SHA256: "aa", Size: 5, Name: "x"}))
		es = append(es, entry(t, 12, "", netip.Addr{}, base, event.SensorStart, &event.Sensor{}))
		if err := s.Apply(ctx, store.Sensor, 12, es, map[netip.Addr]session.State{src: {ID: "sone", Started: base, Last: base.Add(time.Minute)}}); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("apply is kept and idempotent", func(t *testing.T) {
		s, reopen := open(t)
		fill(t, s)
		fill(t, s)
		s = reopen()
		if p, err := s.Position(ctx, store.Sensor); p != 12 || err != nil {
			t.Fatalf("position %d %v", p, err)
		}
		if p, _ := s.Position(ctx, store.Operator); p != 0 {
			t.Fatalf("the other origin's position %d", p)
		}
		l, err := s.Sessions(ctx, store.Filter{})
		if err != nil || len(l) != 1 {
			t.Fatalf("%d sessions, %v", len(l), err)
		}
		if l[0].Requests != 10 || l[0].Source != src || !l[0].State.Started.Equal(base) || !l[0].Ended.Equal(base.Add(time.Minute)) || l[0].Persona != "p" || l[0].Sensor != "x" {
			t.Errorf("session %+v", l[0])
		}
		evs, err := s.Events(ctx, "sone")
		if err != nil || len(evs) != 11 {
			t.Fatalf("%d events, %v", len(evs), err)
		}
		if r, ok := evs[3].Data.(*event.Request); !ok || r.URL != "/3" {
			t.Errorf("event 3: %+v", evs[3])
		}
		st, _ := s.SourceState(ctx, src)
		if st.ID != "sone" || !st.Last.Equal(base.Add(time.Minute)) {
			t.Errorf("state %+v", st)
		}
		if st, err := s.SourceState(ctx, netip.MustParseAddr("192.0.2.9")); err != nil || st.ID != "" {
			t.Errorf("unknown source: %+v %v", st, err)
		}
		a, _ := s.Artifacts(ctx)
		if len(a) != 1 || a[0].SHA256 != "aa" || a[0].Size != 5 || len(a[0].Sessions) != 1 {
			t.Errorf("artifacts %+v", a)
		}
	})
	t.Run("analysis clears and events set dirty", func(t *testing.T) {
		s, _ := open(t)
		fill(t, s)
		d, _ := s.Sessions(ctx, store.Filter{Dirty: true})
		if len(d) != 1 {
			t.Fatalf("%d dirty", len(d))
		}
		ind := []store.Indicator{{Type: "url", Value: "http://a/", Role: "staging", First: base, Last: base, Source: "192.0.2.1"}}
		for range 2 {
			if err := s.SaveAnalyses(ctx, []store.Analysis{{Session: "sone", Version: "v1", Summary: json.RawMessage(`{"kind":"x"}`), Indicators: ind}}); err != nil {
				t.Fatal(err)
			}
		}
		if d, _ := s.Sessions(ctx, store.Filter{Dirty: true}); len(d) != 0 {
			t.Error("still dirty")
		}
		got, _ := s.Indicators(ctx)
		if len(got) != 1 || got[0].Value != "http://a/" || got[0].Session != "sone" {
			t.Errorf("%+v", got)
		}
		e := entry(t, 13, "sone", src, base.Add(time.Hour), event.CronFire, &event.CronFired{})
		if err := s.Apply(ctx, store.Sensor, 13, []store.Entry{e}, nil); err != nil {
			t.Fatal(err)
		}
		if d, _ := s.Sessions(ctx, store.Filter{Dirty: true}); len(d) != 1 {
			t.Error("a new event did not make the session dirty")
		}
	})
	t.Run("a session is found by its beginning", func(t *testing.T) {
		s, _ := open(t)
		fill(t, s)
		if x, err := s.Session(ctx, "so"); err != nil || x.ID != "sone" {
			t.Error(x.ID, err)
		}
		for _, bad := range []string{"", "x", "soneX", "%", "'"} {
			if _, err := s.Session(ctx, bad); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%q: %v", bad, err)
			}
		}
	})
	t.Run("what was purged stays away", func(t *testing.T) {
		s, reopen := open(t)
		fill(t, s)
		n, err := s.Purge(ctx, []string{"sone"})
		if err != nil || n != 11 {
			t.Fatal(n, err)
		}
		if err := s.Reset(ctx); err != nil {
			t.Fatal(err)
		}
		s = reopen()
		fill(t, s)
		if l, _ := s.Sessions(ctx, store.Filter{}); len(l) != 0 {
			t.Error("the session came back")
		}
		if e, _ := s.Events(ctx, "sone"); len(e) != 0 {
			t.Error("events came back")
		}
		if p, err := s.Purged(ctx, "sone"); !p || err != nil {
			t.Error("no tombstone", err)
		}
	})
	t.Run("hostile values are values", func(t *testing.T) {
		s, _ := open(t)
		evil := "'; DROP TABLE session; --\x1b[2J\x00"
		e := entry(t, 1, "sone", src, base, event.HTTPRequest, &event.Request{Method: evil, URL: evil, Headers: []event.Header{{evil, evil}}})
		if err := s.Apply(ctx, store.Sensor, 1, []store.Entry{e}, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.SaveAnalyses(ctx, []store.Analysis{{Session: "sone", Version: evil, Indicators: []store.Indicator{{Type: evil, Value: evil}}}}); err != nil {
			t.Fatal(err)
		}
		evs, err := s.Events(ctx, "sone")
		if err != nil || evs[0].Data.(*event.Request).URL != evil {
			t.Fatal(err)
		}
	})
}
