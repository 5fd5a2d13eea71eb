// Package store declares what is kept of the record for asking: events by
// session, sessions, artifacts, and what the analysis made of them. The store
// can be rebuilt from the journals at any time; it decides nothing.
//
// The contract every store holds is the suite in storetest. Apply is idempotent
// by origin and sequence number; a batch is applied whole or not at all.
// Deleting leaves a tombstone, so that a rebuild does not bring back what was
// purged.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/session"
)

// Origin names a journal: its events are numbered on their own.
type Origin string

const (
	// Sensor is the journal of live traffic.
	Sensor Origin = "sensor"
	// Operator is the journal of imports and of the operator's own deeds.
	Operator Origin = "operator"
)

// Entry is an event with where it came from and the session it belongs to.
type Entry struct {
	Origin  Origin
	Session string
	Event   *event.Event
	Raw     json.RawMessage // the encoding as it stood in the journal
}

// Session is a session's row.
type Session struct {
	ID       string
	Source   netip.Addr
	State    session.State
	Ended    time.Time
	Requests int
	Persona  string
	Sensor   string
	// Summary is what analyze said last, nil before; Version who said it.
	Summary json.RawMessage
	Version string
	// Dirty says that events came after the last analysis.
	Dirty bool
}

// Artifact is an artifact's row.
type Artifact struct {
	SHA256    string
	Size      int64
	Type      string
	Names     []string
	FirstSeen time.Time
	Sessions  []string
}

// Indicator is one indicator as one session has it.
type Indicator struct {
	Type, Value, Role, Layer string
	Confidence               float64
	First, Last              time.Time
	Session                  string
	Source                   string
}

// Analysis is what analyze made of one session.
type Analysis struct {
	Session    string
	Version    string
	Summary    json.RawMessage
	Indicators []Indicator
}

// Filter says which sessions are wanted; the zero Filter wants all.
type Filter struct {
	Source netip.Addr
	Since  time.Time
	Until  time.Time
	Dirty  bool
	Limit  int
}

// ErrNotFound says that there is no such thing in the store.
var ErrNotFound = errors.New("not found")

// Store keeps the projection. Its methods may be used from many goroutines;
// readers see whole batches.
type Store interface {
	// Position is the number of the last event of origin that was applied.
	Position(ctx context.Context, o Origin) (uint64, error)
	// SourceState gives where a source stands.
	SourceState(ctx context.Context, source netip.Addr) (session.State, error)
	// Apply adds entries, with the states of their sources after them, and moves
	// the origin's position to pos.
	Apply(ctx context.Context, o Origin, pos uint64, entries []Entry, states map[netip.Addr]session.State) error
	// Sessions lists sessions by their start.
	Sessions(ctx context.Context, f Filter) ([]Session, error)
	// Session finds a session by id or by an unambiguous beginning of it.
	Session(ctx context.Context, id string) (Session, error)
	// Events gives a session's events in order.
	Events(ctx context.Context, sessionID string) ([]*event.Event, error)
	// SaveAnalyses keeps what analyze made of sessions, all or none, and clears
	// their Dirty: whoever calls it is the one who applies events too.
	SaveAnalyses(ctx context.Context, list []Analysis) error
	// Indicators lists all indicators of all sessions.
	Indicators(ctx context.Context) ([]Indicator, error)
	// Artifacts lists artifacts by first sight.
	Artifacts(ctx context.Context) ([]Artifact, error)
	// Purge deletes for good what belongs to the sessions and gives how many
	// events went.
	Purge(ctx context.Context, sessions []string) (int, error)
	// Purged tells whether a session was purged.
	Purged(ctx context.Context, sessionID string) (bool, error)
	// Reset empties the store for a rebuild; purged sessions stay purged.
	Reset(ctx context.Context) error
	Close() error
}
