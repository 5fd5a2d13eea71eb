package session

import (
	"net/netip"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/event"
)

func TestCut(t *testing.T) {
	base := time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)
	src := netip.MustParseAddr("192.0.2.7")
	type step struct {
		after time.Duration
		kind  event.Kind
		opens bool
	}
	for name, tc := range map[string]struct {
		hour  bool
		steps []step
	}{
		"within the gap":                {false, []step{{0, event.ConnOpen, true}, {29 * time.Minute, event.HTTPRequest, false}, {59 * time.Minute, event.HTTPRequest, false}}},
		"after the gap":                 {false, []step{{0, event.ConnOpen, true}, {31 * time.Minute, event.ConnOpen, true}}},
		"the world's own doings":        {false, []step{{0, event.ConnOpen, true}, {24 * time.Hour, event.CronFire, false}, {25 * time.Hour, event.ConnOpen, true}}},
		"hours that touch":              {true, []step{{0, event.HTTPRequest, true}, {time.Hour, event.HTTPRequest, false}, {2 * time.Hour, event.HTTPRequest, false}}},
		"a whole hour of silence":       {true, []step{{0, event.HTTPRequest, true}, {2 * time.Hour, event.HTTPRequest, true}}},
		"within an hour by microsecond": {true, []step{{5, event.HTTPRequest, true}, {time.Hour + 3, event.HTTPRequest, false}}},
	} {
		t.Run(name, func(t *testing.T) {
			var s State
			for i, st := range tc.steps {
				e := &event.Event{Time: base.Add(st.after), Kind: st.kind, Source: src}
				if tc.hour {
					e.Precision = "hour"
				}
				var opens bool
				s, opens = Next(s, e, 0)
				if opens != st.opens {
					t.Errorf("step %d: opens a session: %v, want %v", i, opens, st.opens)
				}
			}
		})
	}
}
