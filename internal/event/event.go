// Package event is the vocabulary of Whalefall: what can happen to a sensor,
// how each happening is written down, and who may hear of it.
//
// An [Event] is an envelope that the sensor fills in by itself (identity: which
// sensor, which source, which connection, which world, when) around Data that
// may hold bytes chosen by an attacker. The two never mix: the envelope's keys
// and Data's keys live in different JSON objects, so no attacker field can
// overwrite identity.
//
// The catalogue of kinds is the table [Catalogue]: each kind names its Data
// type, which of the parts of the program emits it and what it means. Emitters,
// sinks and docs/formats/events.md are held in step with it by a test.
//
// Package event imports the standard library only.
package event

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"
)

// Kind names what happened, as "subject.verb".
type Kind string

// Event is one happening. Its identity fields are set by the sensor, never from
// what a client sent.
type Event struct {
	// Seq is the event's place in the journal, counted from 1, set by the journal.
	Seq uint64 `json:"seq"`
	// Time is when it happened, UTC.
	Time time.Time `json:"time"`
	// Precision is empty for exact times, "hour" for imported records that know
	// only the hour.
	Precision string `json:"time_precision,omitempty"`
	Kind      Kind   `json:"kind"`
	// Sensor is the installation's name.
	Sensor string `json:"sensor,omitempty"`
	// Source is the client's address as the sensor saw it (after PROXY protocol
	// from listed peers), invalid for events without a client.
	Source netip.Addr `json:"source,omitzero"`
	// Port is the client's port, Local the sensor's own address and port.
	Port  uint16         `json:"port,omitempty"`
	Local netip.AddrPort `json:"local,omitzero"`
	// Conn is the connection's id ("c" + base32), Req the request's number on it,
	// counted from 1; zero for what belongs to no request.
	Conn string `json:"conn,omitempty"`
	Req  uint32 `json:"req,omitempty"`
	// World is the id of the world it happened in.
	World string `json:"world,omitempty"`
	// Persona is the release the sensor showed.
	Persona string `json:"persona,omitempty"`
	// Data is the kind's own record; see Catalogue.
	Data any `json:"data,omitempty"`
}

// Sink takes events. Emit must not keep data after it returns unless it copies
// it, may be called from many goroutines, and never blocks longer than the
// sink's own documented bound.
type Sink interface {
	Emit(e *Event)
}

// SinkFunc makes a function a Sink.
type SinkFunc func(*Event)

// Emit calls f.
func (f SinkFunc) Emit(e *Event) { f(e) }

// Discard is a Sink that forgets.
var Discard Sink = SinkFunc(func(*Event) {})

// raw is Event with Data still encoded.
type raw struct {
	Seq       uint64          `json:"seq"`
	Time      time.Time       `json:"time"`
	Precision string          `json:"time_precision"`
	Kind      Kind            `json:"kind"`
	Sensor    string          `json:"sensor"`
	Source    netip.Addr      `json:"source"`
	Port      uint16          `json:"port"`
	Local     netip.AddrPort  `json:"local"`
	Conn      string          `json:"conn"`
	Req       uint32          `json:"req"`
	World     string          `json:"world"`
	Persona   string          `json:"persona"`
	Data      json.RawMessage `json:"data"`
}

// UnmarshalJSON decodes an event and its Data by the kind's entry in the
// Catalogue. A kind that is not in it keeps its Data as json.RawMessage, so that
// an older program can read a newer journal.
func (e *Event) UnmarshalJSON(b []byte) error {
	var r raw
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	*e = Event{Seq: r.Seq, Time: r.Time, Precision: r.Precision, Kind: r.Kind, Sensor: r.Sensor,
		Source: r.Source, Port: r.Port, Local: r.Local, Conn: r.Conn, Req: r.Req, World: r.World, Persona: r.Persona}
	if len(r.Data) == 0 {
		return nil
	}
	ent, ok := byKind[r.Kind]
	if !ok {
		e.Data = r.Data
		return nil
	}
	d := ent.New()
	if err := json.Unmarshal(r.Data, d); err != nil {
		return fmt.Errorf("event %d, kind %s: %w", r.Seq, r.Kind, err)
	}
	e.Data = d
	return nil
}
