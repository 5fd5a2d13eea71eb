// Package sqlite is the store in one SQLite file, the default.
//
// One writer at a time (SQLite's own lock, with a busy time-out), readers beside
// it by the write-ahead log. The schema carries its version in user_version and
// is migrated forward at Open; a file from a newer program is refused with a hint.
package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/session"
	"github.com/whalefall/whalefall/internal/store"
)

// migrations bring a file from version i to i+1.
var migrations = []string{`
CREATE TABLE position (origin TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE source (addr TEXT PRIMARY KEY, session TEXT NOT NULL, started INTEGER NOT NULL, last INTEGER NOT NULL, hour INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE session (
	id TEXT PRIMARY KEY, source TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL, hour INTEGER NOT NULL,
	requests INTEGER NOT NULL, persona TEXT NOT NULL, sensor TEXT NOT NULL,
	summary BLOB, version TEXT NOT NULL DEFAULT '', dirty INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;
CREATE INDEX session_started ON session (started);
CREATE INDEX session_dirty ON session (dirty) WHERE dirty = 1;
CREATE INDEX session_source ON session (source);
CREATE TABLE event (origin TEXT NOT NULL, seq INTEGER NOT NULL, session TEXT NOT NULL, time INTEGER NOT NULL, raw BLOB NOT NULL, PRIMARY KEY (origin, seq)) WITHOUT ROWID;
CREATE INDEX event_session ON event (session, time);
CREATE TABLE artifact (sha256 TEXT NOT NULL, session TEXT NOT NULL, size INTEGER NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL, first INTEGER NOT NULL, PRIMARY KEY (sha256, session, name)) WITHOUT ROWID;
CREATE TABLE indicator (
	session TEXT NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL, role TEXT NOT NULL, layer TEXT NOT NULL, confidence REAL NOT NULL,
	first INTEGER NOT NULL, last INTEGER NOT NULL, source TEXT NOT NULL, PRIMARY KEY (session, type, value, role)
) WITHOUT ROWID;
CREATE TABLE purged (session TEXT PRIMARY KEY, time INTEGER NOT NULL, events INTEGER NOT NULL) WITHOUT ROWID;
`}

// Store is an open file.
type Store struct {
	db *sql.DB
}

// NewerError says that the file was written by a newer program.
type NewerError struct {
	Path      string
	Have, Got int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("%s has schema %d, this program knows schemas up to %d", e.Path, e.Got, e.Have)
}

// Hint says what to do.
func (e *NewerError) Hint() string {
	return "use the newer whalefall that wrote it, or move the file away and run `whalefall store rebuild`"
}

// MayPass tells whether what Open or a call gave is the disk's or another
// process's doing, so that a later try may succeed: full, failing, read-only,
// locked. A damaged file, or one that is no database, stays so.
func MayPass(err error) bool {
	var e *driver.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff { // the primary code
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT,
		sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL:
		return true
	}
	return false
}

// Open opens or makes the file at path.
func Open(ctx context.Context, path string) (*Store, error) {
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(normal)&_pragma=cache_size(-8000)&_txlock=immediate"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	db.SetMaxOpenConns(4)
	s := &Store{db: db}
	if err := s.migrate(ctx, path); err != nil {
		_ = db.Close() // the migration's failure is told
		return nil, err
	}
	return s, nil
}

func (s *Store) migrate(ctx context.Context, path string) error {
	var v int
	if err := s.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v); err != nil {
		return fmt.Errorf("open the store %s: %w", path, err)
	}
	if v > len(migrations) {
		return &NewerError{path, len(migrations), v}
	}
	for ; v < len(migrations); v++ {
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return fmt.Errorf("migrate the store: %w", err)
		}
		var now int
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&now); err == nil && now > v {
			_ = tx.Rollback() // somebody else was faster
			continue
		}
		if _, err := tx.ExecContext(ctx, migrations[v]); err != nil {
			_ = tx.Rollback() // the failure before it is told
			return fmt.Errorf("migrate the store to schema %d: %w", v+1, err)
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", v+1)); err != nil {
			_ = tx.Rollback() // the failure before it is told
			return fmt.Errorf("migrate the store to schema %d: %w", v+1, err)
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("migrate the store to schema %d: %w", v+1, err)
		}
	}
	return nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

func us(t time.Time) int64     { return t.UnixMicro() }
func fromUS(u int64) time.Time { return time.UnixMicro(u).UTC() }

// Position implements store.Store.
func (s *Store) Position(ctx context.Context, o store.Origin) (uint64, error) {
	var n int64
	err := s.db.QueryRowContext(ctx, "SELECT seq FROM position WHERE origin = ?", string(o)).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the store's position: %w", err)
	}
	return uint64(n), nil
}

// SourceState implements store.Store.
func (s *Store) SourceState(ctx context.Context, a netip.Addr) (session.State, error) {
	var st session.State
	var started, last int64
	err := s.db.QueryRowContext(ctx, "SELECT session, started, last, hour FROM source WHERE addr = ?", a.String()).Scan(&st.ID, &started, &last, &st.Hour)
	if errors.Is(err, sql.ErrNoRows) {
		return session.State{}, nil
	}
	if err != nil {
		return st, fmt.Errorf("read a source: %w", err)
	}
	st.Started, st.Last = fromUS(started), fromUS(last)
	return st, nil
}

// preparer prepares statements in tx until one fails; the failure is in err.
func preparer(ctx context.Context, tx *sql.Tx, err *error) func(q string) *sql.Stmt {
	return func(q string) (st *sql.Stmt) {
		if *err == nil {
			st, *err = tx.PrepareContext(ctx, q)
		}
		return st
	}
}

// Apply implements store.Store.
func (s *Store) Apply(ctx context.Context, o store.Origin, pos uint64, entries []store.Entry, states map[netip.Addr]session.State) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write to the store: %w", err)
	}
	defer tx.Rollback()
	prep := preparer(ctx, tx, &err)
	insEvent := prep("INSERT OR IGNORE INTO event (origin, seq, session, time, raw) VALUES (?, ?, ?, ?, ?)")
	upSession := prep(`INSERT INTO session (id, source, started, ended, hour, requests, persona, sensor) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET ended = max(ended, excluded.ended), requests = requests + excluded.requests, dirty = 1,
		persona = CASE WHEN excluded.persona = '' THEN persona ELSE excluded.persona END`)
	insArt := prep("INSERT OR IGNORE INTO artifact (sha256, session, size, type, name, first) VALUES (?, ?, ?, ?, ?, ?)")
	purged := prep("SELECT 1 FROM purged WHERE session = ?")
	if err != nil {
		return fmt.Errorf("write to the store: %w", err)
	}
	type agg struct {
		e       store.Entry
		end     int64
		n       int
		persona string
	}
	var order []string
	sess := map[string]*agg{}
	gone := map[string]bool{}
	for _, e := range entries {
		if e.Session != "" {
			dead, known := gone[e.Session]
			if !known {
				var one int
				dead = purged.QueryRowContext(ctx, e.Session).Scan(&one) == nil
				gone[e.Session] = dead
			}
			if dead {
				continue
			}
		}
		res, err := insEvent.ExecContext(ctx, string(o), int64(e.Event.Seq), e.Session, us(e.Event.Time), []byte(e.Raw))
		if err != nil {
			return fmt.Errorf("write an event to the store: %w", err)
		}
		if n, _ := res.RowsAffected(); n == 0 || e.Session == "" {
			continue
		}
		a := sess[e.Session]
		if a == nil {
			a = &agg{e: e}
			sess[e.Session] = a
			order = append(order, e.Session)
		}
		a.end = max(a.end, us(e.Event.Time))
		if e.Event.Kind == event.HTTPRequest {
			a.n++
		}
		if e.Event.Persona != "" {
			a.persona = e.Event.Persona
		}
		if d, ok := e.Event.Data.(*event.Artifact); ok {
			if _, err := insArt.ExecContext(ctx, d.SHA256, e.Session, d.Size, d.Type, d.Name, us(e.Event.Time)); err != nil {
				return fmt.Errorf("write an artifact to the store: %w", err)
			}
		}
	}
	for _, id := range order {
		a := sess[id]
		ev := a.e.Event
		if _, err := upSession.ExecContext(ctx, id, ev.Source.String(), us(ev.Time), a.end, ev.Precision == "hour", a.n, a.persona, ev.Sensor); err != nil {
			return fmt.Errorf("write a session to the store: %w", err)
		}
	}
	for addr, st := range states {
		if _, err := tx.ExecContext(ctx, `INSERT INTO source (addr, session, started, last, hour) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (addr) DO UPDATE SET session = excluded.session, started = excluded.started, last = excluded.last, hour = excluded.hour`,
			addr.String(), st.ID, us(st.Started), us(st.Last), st.Hour); err != nil {
			return fmt.Errorf("write a source to the store: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO position (origin, seq) VALUES (?, ?) ON CONFLICT (origin) DO UPDATE SET seq = max(seq, excluded.seq)", string(o), int64(pos)); err != nil {
		return fmt.Errorf("write the store's position: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write to the store: %w", err)
	}
	return nil
}

const sessionCols = "id, source, started, ended, hour, requests, persona, sensor, summary, version, dirty"

func scanSession(r interface{ Scan(...any) error }) (store.Session, error) {
	var s store.Session
	var src string
	var started, ended int64
	var sum []byte
	if err := r.Scan(&s.ID, &src, &started, &ended, &s.State.Hour, &s.Requests, &s.Persona, &s.Sensor, &sum, &s.Version, &s.Dirty); err != nil {
		return s, err
	}
	s.Source, _ = netip.ParseAddr(src)
	s.State.ID, s.State.Started = s.ID, fromUS(started)
	s.Ended = fromUS(ended)
	s.State.Last = s.Ended
	if len(sum) > 0 {
		s.Summary = sum
	}
	return s, nil
}

// Sessions implements store.Store.
func (s *Store) Sessions(ctx context.Context, f store.Filter) ([]store.Session, error) {
	q, args := "SELECT "+sessionCols+" FROM session WHERE 1", []any{}
	if f.Source.IsValid() {
		q, args = q+" AND source = ?", append(args, f.Source.String())
	}
	if !f.Since.IsZero() {
		q, args = q+" AND ended >= ?", append(args, us(f.Since))
	}
	if !f.Until.IsZero() {
		q, args = q+" AND started <= ?", append(args, us(f.Until))
	}
	if f.Dirty {
		q += " AND dirty = 1"
	}
	q += " ORDER BY started, id"
	if f.Limit > 0 {
		q, args = q+" LIMIT ?", append(args, f.Limit)
	}
	rows, err := s.db.QueryContext(ctx, q, args...)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	defer rows.Close()
	var out []store.Session
	for rows.Next() {
		x, err := scanSession(rows)
		if err != nil {
			return nil, fmt.Errorf("list sessions: %w", err)
		}
		out = append(out, x)
	}
	return out, rows.Err()
}

// Session implements store.Store.
func (s *Store) Session(ctx context.Context, id string) (store.Session, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT "+sessionCols+" FROM session WHERE id >= ? AND id < ? ORDER BY id LIMIT 2", id, id+"\U0010ffff")
	if err != nil {
		return store.Session{}, fmt.Errorf("find a session: %w", err)
	}
	defer rows.Close()
	var found []store.Session
	for rows.Next() {
		x, err := scanSession(rows)
		if err != nil {
			return store.Session{}, fmt.Errorf("find a session: %w", err)
		}
		if x.ID == id {
			return x, nil
		}
		found = append(found, x)
	}
	if err := rows.Err(); err != nil {
		return store.Session{}, fmt.Errorf("find a session: %w", err)
	}
	switch {
	case id == "" || len(found) == 0:
		return store.Session{}, fmt.Errorf("session %q: %w", id, store.ErrNotFound)
	case len(found) > 1:
		return store.Session{}, fmt.Errorf("session %q: more than one begins so", id)
	}
	return found[0], nil
}

// Events implements store.Store.
func (s *Store) Events(ctx context.Context, id string) ([]*event.Event, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT raw FROM event WHERE session = ? ORDER BY time, origin, seq", id)
	if err != nil {
		return nil, fmt.Errorf("read a session's events: %w", err)
	}
	defer rows.Close()
	var out []*event.Event
	for rows.Next() {
		var raw sql.RawBytes
		if err := rows.Scan(&raw); err != nil {
			return nil, fmt.Errorf("read a session's events: %w", err)
		}
		e := new(event.Event)
		if err := json.Unmarshal(raw, e); err != nil {
			return nil, fmt.Errorf("read a session's events: %w", err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// SaveAnalyses implements store.Store.
func (s *Store) SaveAnalyses(ctx context.Context, list []store.Analysis) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("keep an analysis: %w", err)
	}
	defer tx.Rollback()
	prep := preparer(ctx, tx, &err)
	up := prep("UPDATE session SET summary = ?, version = ?, dirty = 0 WHERE id = ?")
	del := prep("DELETE FROM indicator WHERE session = ?")
	ins := prep("INSERT OR REPLACE INTO indicator (session, type, value, role, layer, confidence, first, last, source) VALUES (?,?,?,?,?,?,?,?,?)")
	if err != nil {
		return fmt.Errorf("keep an analysis: %w", err)
	}
	for _, a := range list {
		if _, err := up.ExecContext(ctx, []byte(a.Summary), a.Version, a.Session); err != nil {
			return fmt.Errorf("keep an analysis: %w", err)
		}
		if _, err := del.ExecContext(ctx, a.Session); err != nil {
			return fmt.Errorf("keep an analysis: %w", err)
		}
		for _, i := range a.Indicators {
			if _, err := ins.ExecContext(ctx, a.Session, i.Type, i.Value, i.Role, i.Layer, i.Confidence, us(i.First), us(i.Last), i.Source); err != nil {
				return fmt.Errorf("keep an indicator: %w", err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("keep an analysis: %w", err)
	}
	return nil
}

// Indicators implements store.Store.
func (s *Store) Indicators(ctx context.Context) ([]store.Indicator, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT type, value, role, layer, confidence, first, last, session, source FROM indicator ORDER BY type, value, role, first")
	if err != nil {
		return nil, fmt.Errorf("list indicators: %w", err)
	}
	defer rows.Close()
	var out []store.Indicator
	for rows.Next() {
		var i store.Indicator
		var a, b int64
		if err := rows.Scan(&i.Type, &i.Value, &i.Role, &i.Layer, &i.Confidence, &a, &b, &i.Session, &i.Source); err != nil {
			return nil, fmt.Errorf("list indicators: %w", err)
		}
		i.First, i.Last = fromUS(a), fromUS(b)
		out = append(out, i)
	}
	return out, rows.Err()
}

// Artifacts implements store.Store.
func (s *Store) Artifacts(ctx context.Context) ([]store.Artifact, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT sha256, session, size, type, name, first FROM artifact ORDER BY first, sha256")
	if err != nil {
		return nil, fmt.Errorf("list artifacts: %w", err)
	}
	defer rows.Close()
	var out []store.Artifact
	at := map[string]int{}
	for rows.Next() {
		var sha, sess, typ, name string
		var size, first int64
		if err := rows.Scan(&sha, &sess, &size, &typ, &name, &first); err != nil {
			return nil, fmt.Errorf("list artifacts: %w", err)
		}
		i, ok := at[sha]
		if !ok {
			i = len(out)
			at[sha] = i
			out = append(out, store.Artifact{SHA256: sha, Size: size, Type: typ, FirstSeen: fromUS(first)})
		}
		a := &out[i]
		if a.Type == "" {
			a.Type = typ
		}
		if name != "" && !has(a.Names, name) {
			a.Names = append(a.Names, name)
		}
		if !has(a.Sessions, sess) {
			a.Sessions = append(a.Sessions, sess)
		}
	}
	return out, rows.Err()
}

func has(l []string, s string) bool {
	for _, x := range l {
		if x == s {
			return true
		}
	}
	return false
}

// Purge implements store.Store.
func (s *Store) Purge(ctx context.Context, ids []string) (int, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("purge: %w", err)
	}
	defer tx.Rollback()
	total := 0
	for _, id := range ids {
		res, err := tx.ExecContext(ctx, "DELETE FROM event WHERE session = ?", id)
		if err != nil {
			return 0, fmt.Errorf("purge: %w", err)
		}
		n, _ := res.RowsAffected()
		total += int(n)
		for _, t := range []string{"DELETE FROM indicator WHERE session = ?", "DELETE FROM artifact WHERE session = ?", "DELETE FROM source WHERE session = ?", "DELETE FROM session WHERE id = ?"} {
			if _, err := tx.ExecContext(ctx, t, id); err != nil {
				return 0, fmt.Errorf("purge: %w", err)
			}
		}
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO purged (session, time, events) VALUES (?, ?, ?)", id, time.Now().UnixMicro(), n); err != nil {
			return 0, fmt.Errorf("purge: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("purge: %w", err)
	}
	// The freed pages must not keep what was purged.
	if _, err := s.db.ExecContext(ctx, "VACUUM"); err != nil && !strings.Contains(err.Error(), "locked") {
		return total, fmt.Errorf("purge: free the pages: %w", err)
	}
	return total, nil
}

// Purged implements store.Store.
func (s *Store) Purged(ctx context.Context, id string) (bool, error) {
	var one int
	err := s.db.QueryRowContext(ctx, "SELECT 1 FROM purged WHERE session = ?", id).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Reset implements store.Store.
func (s *Store) Reset(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("empty the store: %w", err)
	}
	defer tx.Rollback()
	for _, q := range []string{"DELETE FROM position", "DELETE FROM source", "DELETE FROM session", "DELETE FROM event", "DELETE FROM artifact", "DELETE FROM indicator"} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("empty the store: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("empty the store: %w", err)
	}
	return nil
}

var _ store.Store = (*Store)(nil)
