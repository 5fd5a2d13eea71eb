package world

import (
	"bytes"
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"net/netip"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/whalefall/whalefall/internal/event"
)

// Storage keeps sleeping worlds: one document a world, by its id. The package
// does no file I/O of its own.
type Storage interface {
	Save(id string, data []byte) error
	// Load gives a world's document; fs.ErrNotExist-like errors mean there is none.
	Load(id string) ([]byte, error)
	List() ([]string, error)
	Delete(id string) error
}

// ManagerConfig says how worlds are kept.
type ManagerConfig struct {
	// Shared gives all sources one world.
	Shared bool
	// Live is how many worlds may be awake; the one that was touched longest ago
	// is put to sleep beyond it. 0 is 500.
	Live int
	// Idle puts a world to sleep that nobody touched for so long, if nothing in it
	// runs. 0 is 30 minutes.
	Idle time.Duration
	// Storage may be nil: then worlds live as long as the manager.
	Storage Storage
}

// Manager finds the world of a source: the base host for reads until something
// is changed, then a world of the source's own, which stays its own.
//
// Manager.mu is taken before any World.mu and is not held while a world is made,
// woken or put to sleep: a slot is reserved first, and others wait for it.
type Manager struct {
	host *Host
	cfg  ManagerConfig
	base *World

	mu     sync.Mutex
	slots  map[string]*slot // by world id
	closed bool
	known  map[string]string   // an id or name of an object to the world that has it alone
	saved  map[string]struct{} // ids that Storage has, so that most reads ask it nothing
	ids    map[netip.Addr]string
}

type slot struct {
	ready chan struct{}
	w     *World
	err   error
	used  time.Time
}

// Query is what a request is about, as far as the choice of a world needs it.
type Query struct {
	// Changes says that the request changes something.
	Changes bool
	// Names are ids and names in the request; Text is anything else that may hold
	// a honeytoken.
	Names []string
	Text  string
}

// ErrClosed is returned by a manager that was closed.
var ErrClosed = errors.New("world: the manager is closed")

// NewManager makes a manager and its base host.
func NewManager(h *Host, cfg ManagerConfig) *Manager {
	if cfg.Live == 0 {
		cfg.Live = 500
	}
	if cfg.Idle == 0 {
		cfg.Idle = 30 * time.Minute
	}
	m := &Manager{host: h, cfg: cfg, base: newWorld(h, "base", netip.Addr{}, true), slots: map[string]*slot{}, known: map[string]string{},
		saved: map[string]struct{}{}, ids: map[netip.Addr]string{}}
	if cfg.Storage != nil {
		l, err := cfg.Storage.List()
		if err != nil {
			m.base.unknown("snapshot", "list", err.Error())
		}
		for _, id := range l {
			m.saved[id] = struct{}{}
		}
	}
	return m
}

// maxIDs bounds the table of sources' ids, which saves a keyed hash a request.
const maxIDs = 1 << 14

// Base is the host as it is at rest.
func (m *Manager) Base() *World { return m.base }

// key is what makes a source: an IPv4 address, an IPv6 /64, or everybody.
func (m *Manager) key(a netip.Addr) string {
	if m.cfg.Shared {
		return "shared"
	}
	a = a.Unmap()
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Masked().String()
		}
	}
	return a.String()
}

// idOf names a source's world without naming the source.
func (m *Manager) idOf(a netip.Addr) string {
	m.mu.Lock()
	id, ok := m.ids[a]
	m.mu.Unlock()
	if ok {
		return id
	}
	b := m.host.derive("world-id", m.key(a))
	id = "w" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:10]))
	m.mu.Lock()
	if len(m.ids) >= maxIDs {
		clear(m.ids)
	}
	m.ids[a] = id
	m.mu.Unlock()
	return id
}

// World finds the world that answers a request. Its caller has been told to it.
func (m *Manager) World(ctx context.Context, c Caller, q Query) (*World, error) {
	own := m.idOf(c.Source)
	if id, by := m.foreign(own, q); id != "" {
		w, err := m.open(ctx, id, c, false)
		if err == nil && w != nil {
			w.Attribute(c)
			w.noteEntry(c, "entered", by)
			return w, nil
		}
	}
	w, err := m.open(ctx, own, c, q.Changes)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return m.base, nil
	}
	w.Attribute(c)
	return w, nil
}

// foreign looks for an id, a secret name or a honeytoken that exists in one other
// world only.
func (m *Manager) foreign(own string, q Query) (id, by string) {
	if len(q.Names) == 0 && q.Text == "" {
		return "", ""
	}
	m.mu.Lock()
	live := make(map[string]*World, len(m.slots))
	for id, s := range m.slots {
		select {
		case <-s.ready:
			if s.w != nil {
				live[id] = s.w
			}
		default:
		}
	}
	m.mu.Unlock()
	mine := live[own]
	for _, n := range q.Names {
		if len(n) < 6 {
			continue
		}
		if mine != nil && mine.has(n) || m.base.has(n) {
			continue
		}
		found := ""
		for id, w := range live {
			if id != own && w.secretly(n) {
				if found != "" {
					found = ""
					break
				}
				found = id
			}
		}
		if found != "" {
			return found, n
		}
	}
	texts := q.Text + "\n" + strings.Join(q.Names, "\n")
	if len(texts) > 20 {
		for id, w := range live {
			if id != own && w.Tokens().holds(texts) {
				return id, "honeytoken"
			}
		}
	}
	return "", ""
}

// has tells whether a name means something here.
func (w *World) has(n string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.find(n); err == nil {
		return true
	}
	if w.execs[n] != nil || w.volumes[n] != nil {
		return true
	}
	if _, err := w.findNet(n); err == nil {
		return true
	}
	i, _, err := w.images.Lookup(n)
	return err == nil && i != nil
}

// secretly tells whether a name that nobody would guess means something here: an
// id of 12 digits or more, or a name of a container, volume or network that the
// daemon or its user made up.
func (w *World) secretly(n string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(n) >= 12 && strings.Trim(n, "0123456789abcdef") == "" {
		for id := range w.containers {
			if strings.HasPrefix(id, n) {
				return true
			}
		}
		if w.execs[n] != nil || w.volumes[n] != nil {
			return true
		}
		for id := range w.networks {
			if strings.HasPrefix(id, n) {
				return true
			}
		}
		return false
	}
	// A name counts when the daemon drew it: adjective_surname.
	if _, ok := w.names["/"+strings.TrimPrefix(n, "/")]; ok && strings.Contains(n, "_") {
		return true
	}
	return false
}

func (w *World) noteEntry(c Caller, how, by string) {
	w.emit(c, event.WorldOpen, &event.WorldNote{How: how, By: by, OtherOf: w.owner.String()})
}

// open finds, wakes or makes a world. It gives nil without an error where there
// is none and make is false.
func (m *Manager) open(ctx context.Context, id string, c Caller, make bool) (*World, error) {
	for {
		m.mu.Lock()
		if m.closed {
			m.mu.Unlock()
			return nil, ErrClosed
		}
		s := m.slots[id]
		if s == nil {
			var saved []byte
			if _, ok := m.saved[id]; ok {
				saved, _ = m.cfg.Storage.Load(id)
			}
			if saved == nil && !make {
				m.mu.Unlock()
				return nil, nil
			}
			s = &slot{ready: newReady(), used: m.host.cfg.Clock.Now()}
			m.slots[id] = s
			m.mu.Unlock()
			m.fillSlot(s, id, c, saved)
			if s.err != nil {
				m.mu.Lock()
				delete(m.slots, id)
				m.mu.Unlock()
				return nil, s.err
			}
			m.trim(ctx, id)
			return s.w, nil
		}
		s.used = m.host.cfg.Clock.Now()
		m.mu.Unlock()
		select {
		case <-s.ready:
			if s.w != nil {
				return s.w, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func newReady() chan struct{} { return make(chan struct{}) }

func (m *Manager) fillSlot(s *slot, id string, c Caller, saved []byte) {
	defer close(s.ready)
	w := newWorld(m.host, id, c.Source, false)
	how := "made"
	if saved != nil {
		how = "returned"
		if err := w.restore(bytes.NewReader(saved)); err != nil {
			// A document that cannot be read is worth less than a world that works.
			w.unknown("snapshot", id, err.Error())
			how = "made"
		}
	}
	w.Attribute(c)
	s.w = w
	w.noteEntry(c, how, "")
}

// trim puts the worlds to sleep that were touched longest ago, beyond the cap.
func (m *Manager) trim(ctx context.Context, keep string) {
	if m.cfg.Storage == nil {
		return
	}
	m.mu.Lock()
	type aged struct {
		id string
		s  *slot
	}
	var l []aged
	for id, s := range m.slots {
		if id != keep {
			l = append(l, aged{id, s})
		}
	}
	n := len(m.slots) - m.cfg.Live
	m.mu.Unlock()
	if n <= 0 {
		return
	}
	sort.Slice(l, func(i, j int) bool { return l[i].s.used.Before(l[j].s.used) })
	for _, a := range l[:min(n, len(l))] {
		_ = m.Sleep(ctx, a.id)
	}
}

// Sleep writes a world down and ends it.
func (m *Manager) Sleep(ctx context.Context, id string) error {
	m.mu.Lock()
	s := m.slots[id]
	m.mu.Unlock()
	if s == nil {
		return nil
	}
	select {
	case <-s.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.w == nil {
		return nil
	}
	if err := m.save(s.w); err != nil {
		return err
	}
	m.mu.Lock()
	if m.slots[id] == s {
		delete(m.slots, id)
	}
	m.mu.Unlock()
	return s.w.Stop(ctx)
}

func (m *Manager) save(w *World) error {
	if m.cfg.Storage == nil {
		return nil
	}
	var b bytes.Buffer
	if err := w.snapshot(&b); err != nil {
		return fmt.Errorf("world %s: writing it down: %w", w.id, err)
	}
	if err := m.cfg.Storage.Save(w.id, b.Bytes()); err != nil {
		return err
	}
	m.mu.Lock()
	m.saved[w.id] = struct{}{}
	m.mu.Unlock()
	return nil
}

// Rest puts worlds to sleep that nobody has touched for the configured time and
// in which nothing runs that the lived-in host does not run.
func (m *Manager) Rest(ctx context.Context) {
	if m.cfg.Storage == nil {
		return
	}
	now := m.host.cfg.Clock.Now()
	m.mu.Lock()
	var ids []string
	for id, s := range m.slots {
		if now.Sub(s.used) >= m.cfg.Idle {
			select {
			case <-s.ready:
				if s.w != nil && !s.w.busy() {
					ids = append(ids, id)
				}
			default:
			}
		}
	}
	m.mu.Unlock()
	for _, id := range ids {
		_ = m.Sleep(ctx, id)
	}
}

// busy tells whether an attacker's process runs, or a cron line of one waits.
func (w *World) busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.containers {
		if c.Running && !c.shown {
			return true
		}
	}
	return len(w.hostNS.Tasks()) > 12
}

// SaveAll writes every live world down: the sensor calls it from time to time, so
// that a crash loses little.
func (m *Manager) SaveAll() error {
	var errs []error
	for _, w := range m.Live() {
		errs = append(errs, m.save(w))
	}
	return errors.Join(errs...)
}

// Live lists the worlds that are awake.
func (m *Manager) Live() []*World {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*World
	for _, s := range m.slots {
		select {
		case <-s.ready:
			if s.w != nil {
				out = append(out, s.w)
			}
		default:
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].id < out[j].id })
	return out
}

// Close writes all worlds down and ends them.
func (m *Manager) Close(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	var errs []error
	for _, w := range m.Live() {
		errs = append(errs, m.save(w), w.Stop(ctx))
	}
	m.mu.Lock()
	m.slots = map[string]*slot{}
	m.mu.Unlock()
	return errors.Join(append(errs, m.base.Stop(ctx))...)
}

// Sleeping lists the ids of worlds that are written down.
func (m *Manager) Sleeping() ([]string, error) {
	if m.cfg.Storage == nil {
		return nil, nil
	}
	return m.cfg.Storage.List()
}
