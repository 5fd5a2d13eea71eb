package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/analyze"
	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/project"
	"github.com/whalefall/whalefall/internal/redact"
	"github.com/whalefall/whalefall/internal/store"
	"github.com/whalefall/whalefall/internal/store/sqlite"
	"github.com/whalefall/whalefall/internal/supervise"
)

// dirs are the parts of a data directory.
type dirs struct{ root string }

func (d dirs) lock() string            { return filepath.Join(d.root, "lock") }
func (d dirs) sensor() string          { return filepath.Join(d.root, "sensor") }
func (d dirs) operator() string        { return filepath.Join(d.root, "operator") }
func (d dirs) journal() string         { return filepath.Join(d.sensor(), "journal") }
func (d dirs) artifacts() string       { return filepath.Join(d.sensor(), "artifacts") }
func (d dirs) operatorJournal() string { return filepath.Join(d.operator(), "journal") }
func (d dirs) store() string           { return filepath.Join(d.operator(), "store.db") }
func (d dirs) secret() string          { return filepath.Join(d.operator(), "secret") }
func (d dirs) control() string         { return filepath.Join(d.operator(), "control.sock") }

// redacted is where serve keeps what the configuration wants redacted, for exports.
func (d dirs) redacted() string { return filepath.Join(d.operator(), "redact.json") }
func (d dirs) format() string   { return filepath.Join(d.root, "format") }

// formatVersion is the version of the directory's layout.
const formatVersion = "1\n"

// prepare makes the directory where it is absent and checks whose it is.
func (d dirs) prepare() error {
	abs, err := filepath.Abs(d.root)
	if err != nil {
		return fmt.Errorf("data directory %s: %w", d.root, err)
	}
	_, statErr := os.Stat(abs)
	if err := os.MkdirAll(abs, 0o755); err != nil { //nolint:gosec // the sensor's uid passes through; what lies below is closed
		return withHint(fmt.Errorf("make the data directory: %w", err), "give another with --data DIR")
	}
	if statErr == nil {
		if err := d.check(); err != nil {
			return err
		}
	}
	for _, p := range []string{d.sensor(), d.operator()} {
		if err := os.MkdirAll(p, 0o700); err != nil {
			return withHint(fmt.Errorf("make the data directory: %w", err), "is it writable, and the disk not full?")
		}
	}
	for _, p := range []string{d.journal(), d.artifacts(), d.operatorJournal(), filepath.Join(d.sensor(), "worlds")} {
		if err := os.MkdirAll(p, 0o750); err != nil {
			return withHint(fmt.Errorf("make the data directory: %w", err), "is it writable, and the disk not full?")
		}
	}
	if _, err := os.Stat(d.format()); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(d.format(), []byte(formatVersion), 0o644); err != nil { //nolint:gosec // one digit, which any user's `doctor` may read
			return withHint(fmt.Errorf("write to the data directory: %w", err), "is it writable, and the disk not full?")
		}
	}
	return nil
}

// check refuses a directory that is somebody else's or a newer program's.
func (d dirs) check() error {
	b, err := os.ReadFile(d.format())
	if err == nil {
		if string(b) != formatVersion {
			return withHint(fmt.Errorf("%s has data format \"%s\", this program knows format \"1\"", d.root, printable(cut(strings.TrimSpace(string(b)), 20))), "use the newer whalefall that wrote it")
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at the data directory: %w", err)
	}
	ents, err := os.ReadDir(d.root)
	if err != nil {
		return fmt.Errorf("look at the data directory: %w", err)
	}
	for _, e := range ents {
		if e.Name() != "lock" && e.Name() != "lost+found" {
			return withHint(fmt.Errorf("%s holds other files (%s) and is no data directory of whalefall", d.root, printable(e.Name())), "give an empty or new directory with --data DIR")
		}
	}
	return nil
}

// data is a data directory opened for reading.
type data struct {
	dirs
	store  store.Store
	proj   *project.Projector
	lockF  *os.File
	served bool
}

// openData opens the directory. If nobody serves it, its journals are carried
// over into the store first; if somebody does, that has been done.
func openData(ctx context.Context, root string) (*data, error) {
	d := &data{dirs: dirs{root}}
	if _, err := os.Stat(d.operator()); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, withHint(fmt.Errorf("%s is no data directory", root), "run `whalefall serve` first, or name one with --data DIR")
		}
		return nil, fmt.Errorf("open the data directory: %w", err)
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	lock, err := supervise.Lock(ctx, d.lock(), 0)
	switch {
	case err == nil:
		d.lockF = lock
	case errors.Is(err, supervise.ErrLocked), errors.Is(err, fs.ErrPermission):
		d.served = true
	default:
		return nil, err
	}
	st, err := sqlite.Open(ctx, d.dirs.store())
	if err != nil {
		d.Close()
		return nil, err
	}
	d.store = st
	d.proj = projector(d.dirs, st)
	if !d.served {
		if _, err := d.proj.Step(ctx, 0); err != nil {
			d.Close()
			return nil, err
		}
	}
	return d, nil
}

// Close lets the directory go.
func (d *data) Close() {
	if d.proj != nil {
		d.proj.Close()
	}
	if d.store != nil {
		_ = d.store.Close() // every change was committed
	}
	if d.lockF != nil {
		_ = d.lockF.Close() // the lock goes with it
	}
}

func projector(d dirs, st store.Store) *project.Projector {
	return &project.Projector{Store: st, Judge: judge, Journals: map[store.Origin]string{store.Sensor: d.journal(), store.Operator: d.operatorJournal()}}
}

// judged is what is kept of a summary: requests are drawn from the events anew.
func judge(s store.Session, evs []*event.Event) (string, json.RawMessage, []store.Indicator, error) {
	sum := analyze.Session(evs)
	when := make(map[uint64]time.Time, len(evs))
	for _, e := range evs {
		when[e.Seq] = e.Time
	}
	var ind []store.Indicator
	for _, i := range sum.Indicators {
		at := when[i.Seq]
		if at.IsZero() {
			at = s.State.Started
		}
		ind = append(ind, store.Indicator{Type: i.Type, Value: i.Value, Role: i.Role, Layer: i.Layer, Confidence: i.Confidence, First: at, Last: at, Session: s.ID, Source: s.Source.String()})
	}
	sum.Requests = nil
	b, err := json.Marshal(sum)
	return analyze.Version, b, ind, err
}

// secrets are what tells where the sensor is.
type secrets struct{ addrs, names map[string]bool }

// redactor replaces them, and the names that the Host headers of evs give.
func (k secrets) redactor(evs []*event.Event) *redact.Redactor {
	own := maps.Clone(k.names)
	maps.Copy(own, k.addrs)
	for o := range analyze.Own(evs, analyze.Requests(evs)) {
		own[o] = true
	}
	var addrs []netip.Addr
	var names []string
	for _, o := range slices.Sorted(maps.Keys(own)) {
		if a, err := netip.ParseAddr(o); err == nil {
			addrs = append(addrs, a)
		} else {
			names = append(names, o)
		}
	}
	return redact.New(addrs, names)
}

// secrets knows the sensor's addresses and names from the record itself and from
// the configuration: every address that a Host header gave, and the names that two
// sources agree on (all, if every is true). A name is what anybody can put there:
// one attacker must not be able to blot out a word in everybody's sessions.
func (d *data) secrets(ctx context.Context, every bool) (secrets, error) {
	k := secrets{map[string]bool{}, map[string]bool{}}
	put := func(o string, name bool) {
		if _, err := netip.ParseAddr(o); err == nil {
			k.addrs[o] = true
		} else if name {
			k.names[o] = true
		}
	}
	all, err := d.store.Sessions(ctx, store.Filter{})
	if err != nil {
		return k, err
	}
	first := map[string]netip.Addr{}
	for _, s := range all {
		evs, err := d.store.Events(ctx, s.ID)
		if err != nil {
			return k, err
		}
		for o := range analyze.Own(evs, analyze.Requests(evs)) {
			a, ok := first[o]
			if !ok {
				first[o] = s.Source
			}
			put(o, every || ok && a != s.Source)
		}
	}
	mine, err := d.store.Events(ctx, "") // what belongs to no session: the sensor's own
	if err != nil {
		return k, err
	}
	for _, e := range mine {
		if x, ok := e.Data.(*event.Sensor); ok {
			for _, a := range x.Addresses {
				put(a, true)
			}
		}
	}
	b, err := os.ReadFile(d.redacted())
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	var c redactConfig
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		return k, fmt.Errorf("read what is to be redacted: %w", err)
	}
	for _, x := range append(c.Addresses, c.Names...) {
		put(x, true)
	}
	return k, nil
}
