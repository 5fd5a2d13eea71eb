// Package project carries events from the journals into the store and has each
// session judged again when something was added to it.
//
// It reads a journal from the store's position, cuts events into sessions and
// applies them in batches; a batch is whole or not there, so a project that is
// killed goes on where it was. It runs on the operator side of a running serve
// (Follow) and in every command that reads a directory nobody serves (CatchUp).
package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/journal"
	"github.com/whalefall/whalefall/internal/session"
	"github.com/whalefall/whalefall/internal/store"
)

// batchSize is how many events one transaction takes.
const batchSize = 2000

// Judge makes a summary of a session's events; it is analyze's, passed in so
// that this package knows no analysis.
type Judge func(s store.Session, evs []*event.Event) (version string, summary json.RawMessage, ind []store.Indicator, err error)

// Projector carries one data directory's journals into its store.
type Projector struct {
	Store    store.Store
	Journals map[store.Origin]string // directories
	Gap      time.Duration
	Judge    Judge
	// Applied, if set, is told of each batch after it is in the store.
	Applied func(o store.Origin, entries []store.Entry)

	readers map[store.Origin]*journal.Reader
	states  map[netip.Addr]session.State
	due     map[string]time.Time // when a session that goes on may be judged again
}

// Step carries over what there is, at most limit batches a journal (0: all), and
// judges the sessions that changed. It tells whether anything was new.
func (p *Projector) Step(ctx context.Context, limit int) (bool, error) {
	if p.readers == nil {
		p.readers = map[store.Origin]*journal.Reader{}
		p.states = map[netip.Addr]session.State{}
	}
	any := false
	for _, o := range []store.Origin{store.Sensor, store.Operator} {
		dir, ok := p.Journals[o]
		if !ok {
			continue
		}
		if p.readers[o] == nil {
			pos, err := p.Store.Position(ctx, o)
			if err != nil {
				return any, err
			}
			p.readers[o] = journal.NewReader(dir, pos)
		}
		for n := 0; limit == 0 || n < limit; n++ {
			more, err := p.batch(ctx, o)
			any = any || more
			if err != nil {
				// Begin again from the store's position.
				p.Close()
				return any, err
			}
			if !more {
				break
			}
		}
	}
	if p.Judge != nil {
		if err := p.judge(ctx, limit == 0); err != nil {
			return any, err
		}
	}
	return any, nil
}

// Close drops the open readers.
func (p *Projector) Close() {
	for _, r := range p.readers {
		r.Close()
	}
	p.readers, p.states = nil, nil
}

func (p *Projector) batch(ctx context.Context, o store.Origin) (bool, error) {
	r := p.readers[o]
	var entries []store.Entry
	changed := map[netip.Addr]session.State{}
	var pos uint64
	for len(entries) < batchSize {
		seq, raw, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, fmt.Errorf("read the %s journal: %w", o, err)
		}
		pos = seq
		e, err := journal.Decode(raw)
		if err != nil {
			// One event that cannot be read must not stop those after it.
			e = &event.Event{Seq: seq, Time: time.Unix(0, 0), Kind: "unreadable"}
		}
		ent := store.Entry{Origin: o, Event: e, Raw: append(json.RawMessage(nil), raw...)}
		if e.Source.IsValid() {
			st, ok := p.states[e.Source]
			if !ok {
				if st, err = p.Store.SourceState(ctx, e.Source); err != nil {
					return false, err
				}
			}
			st, _ = session.Next(st, e, p.Gap)
			if len(p.states) > 100_000 {
				clear(p.states)
			}
			p.states[e.Source] = st
			changed[e.Source] = st
			ent.Session = st.ID
		}
		entries = append(entries, ent)
	}
	if len(entries) == 0 {
		return false, nil
	}
	if err := p.Store.Apply(ctx, o, pos, entries, changed); err != nil {
		return false, err
	}
	if p.Applied != nil {
		p.Applied(o, entries)
	}
	return true, nil
}

// judge has sessions judged that changed. While a session goes on, it is judged
// again only after a pause of fifty times what the last judgement took: a flood
// must not keep a processor busy with its own story.
func (p *Projector) judge(ctx context.Context, all bool) error {
	for {
		dirty, err := p.Store.Sessions(ctx, store.Filter{Dirty: true, Limit: 500})
		if err != nil {
			return err
		}
		now := time.Now()
		var ready []store.Session
		for _, s := range dirty {
			if all || !now.Before(p.due[s.ID]) {
				ready = append(ready, s)
			}
		}
		if len(ready) == 0 {
			return nil
		}
		if err := p.JudgeAll(ctx, ready); err != nil {
			return err
		}
		if all {
			continue
		}
		if p.due == nil || len(p.due) > 10_000 {
			p.due = map[string]time.Time{}
		}
		pause := min(max(50*time.Since(now)/time.Duration(len(ready)), 250*time.Millisecond), 30*time.Second)
		for _, s := range ready {
			// A short story is told soon, however long the first judgement of all took.
			wait := pause
			if s.Requests < 500 {
				wait = min(wait, 500*time.Millisecond)
			}
			p.due[s.ID] = time.Now().Add(wait)
		}
		return nil
	}
}

// JudgeAll has sessions judged again.
func (p *Projector) JudgeAll(ctx context.Context, l []store.Session) error {
	const most = 500 // in one transaction
	var out []store.Analysis
	for i, s := range l {
		evs, err := p.Store.Events(ctx, s.ID)
		if err != nil {
			return err
		}
		v, sum, ind, err := p.Judge(s, evs)
		if err != nil {
			return fmt.Errorf("judge session %s: %w", s.ID, err)
		}
		out = append(out, store.Analysis{Session: s.ID, Version: v, Summary: sum, Indicators: ind})
		if len(out) == most || i == len(l)-1 {
			if err := p.Store.SaveAnalyses(ctx, out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	return nil
}

// Follow steps until ctx ends, with pauses of every while there is nothing new.
func (p *Projector) Follow(ctx context.Context, every time.Duration, fault func(error)) {
	t := time.NewTimer(0)
	defer t.Stop()
	defer p.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		more, err := p.Step(ctx, 4)
		if err != nil && !errors.Is(err, context.Canceled) {
			fault(err)
			more = false
		}
		if more {
			t.Reset(0)
		} else {
			t.Reset(every)
		}
	}
}
