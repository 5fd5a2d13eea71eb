// Package session cuts a source's events into sessions. It is pure: it knows
// events only, no store and no clock.
//
// A session is what one source does until it is silent for [Gap] (30 minutes
// unless configured). Records that know only the hour of a request are cut after
// more than one whole hour of silence: between two hours that do not touch.
// Ports of one source belong together. What a world does by itself (cron, a
// process that stays) belongs to the last session of its source, however late.
package session

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/whalefall/whalefall/internal/event"
)

// Gap is the default silence that ends a session.
const Gap = 30 * time.Minute

// State is where a source stands: its last session. The zero State is a source
// that was never seen.
type State struct {
	ID      string
	Started time.Time
	Last    time.Time // the last event that a client caused
	Hour    bool      // the last such event knew only its hour
}

// Belongs tells whether the kind is caused by a client on the wire; other kinds
// never open a session.
func Belongs(k event.Kind) bool {
	switch k {
	case event.ConnOpen, event.ConnTLS, event.ConnBytes, event.HTTPRequest, event.HTTPBody, event.HTTPAnswer, event.HTTPEnd, event.StreamChunk:
		return true
	}
	return false
}

// Next gives the state after e, and whether e opens a new session. An event
// that no session can take (nothing was seen of its source before, and it does
// not come from the wire) gives a session of its own all the same, so that
// nothing is ever left out.
func Next(s State, e *event.Event, gap time.Duration) (State, bool) {
	if gap <= 0 {
		gap = Gap
	}
	wire := Belongs(e.Kind)
	hour := e.Precision == "hour"
	if s.ID != "" {
		if !wire {
			return s, false
		}
		limit := gap
		if hour || s.Hour {
			// Hours 10 and 11 touch; 10 and 12 leave a whole hour between them.
			limit = 2 * time.Hour
			if e.Time.Truncate(time.Hour).Sub(s.Last.Truncate(time.Hour)) < limit {
				s.Last, s.Hour = later(s.Last, e.Time), hour
				return s, false
			}
		} else if e.Time.Sub(s.Last) <= limit {
			s.Last, s.Hour = later(s.Last, e.Time), hour
			return s, false
		}
	}
	return State{ID: ID(e.Source, e.Time), Started: e.Time, Last: e.Time, Hour: hour}, true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

var b32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// ID makes a session's id from its source and first moment, so that a rebuilt
// store gives the same sessions.
func ID(source netip.Addr, start time.Time) string {
	h := sha256.New()
	b, _ := source.MarshalBinary() // never fails
	h.Write(b)
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], uint64(start.UnixMicro()))
	h.Write(t[:])
	return "s" + b32.EncodeToString(h.Sum(nil)[:8])[:12]
}
