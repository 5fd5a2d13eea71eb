// Package journal keeps every event on disk, in order, before anybody is told.
//
// # Promise
//
// [Journal.Append] gives an event its sequence number and puts it into the batch.
// [Journal.Before] sends an answer when the event is in the kernel's hands
// (write(2) has returned) or when [Patience] is over, whichever is first: so a
// client is never kept waiting by a dead disk, and a killed process loses nothing
// that was answered. fsync begins at most [SyncDelay] after the first byte that is
// not yet synced.
//
// # Who writes
//
// Who needs the record and finds nobody at work writes the batch itself, on its own
// thread: waking another goroutine costs more than the write. Whoever comes
// meanwhile waits, and the writer goroutine takes what they wait for together. While
// the disk is slow nobody but the writer goroutine touches it, and the clock
// goroutine, which never does, sends the answer of a writer that is stuck.
//
// An event whose write is late or fails stays in the queue: a ring in a memfd
// that the supervisor holds, so that it outlives this process. From then on all
// events go to the ring until it is drained, which keeps their order. If the
// ring runs over, the newest events are lost, counted in the ring's header (so
// the count outlives the process too), and a gap record says how many as soon
// as the disk takes bytes again.
//
// A late write and its queued copy carry the same sequence number; the writer
// drops the copy when it learns that the late write was whole, the next process
// drops it because the segment's last record has that number or a higher one,
// and readers drop whatever does not count upwards.
//
// # Format
//
// docs/formats/journal.md describes the bytes. A segment is a file named by the
// sequence number of its first record; a torn tail (a crash in the middle of a
// write) is cut when the journal is opened, and said so.
//
// # Locks
//
// mu guards the pending batch, the sequence number and who leads, and is never held
// across a system call. file is held by whoever writes to the segment. file comes
// before mu. fsync runs beside the writes, on a goroutine of its own, with neither.
package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whalefall/whalefall/internal/event"
)

const (
	// Patience is how long an answer waits for its record.
	Patience = 50 * time.Millisecond
	// SyncDelay is how long written bytes may stay unsynced.
	SyncDelay = 100 * time.Millisecond
	// SegmentSize is the size in bytes after which a new segment begins.
	SegmentSize = 64 << 20
	// MaxRecord bounds one record's payload in bytes.
	MaxRecord = 16 << 20
	// retryEvery is the pause between tries while the disk refuses.
	retryEvery = 100 * time.Millisecond
	// tick is the clock's step. An event that nobody waits for lies for one to two
	// of them before it is written: what is waited for takes it along, so a request
	// and its answer are one write.
	tick = 4 * time.Millisecond
	// lingerBytes is how much may lie so.
	lingerBytes = 64 << 10
	// slowWrite is how long a write may take before only the writer goroutine
	// writes, and slowFor how long that lasts.
	slowWrite = 10 * time.Millisecond
	slowFor   = time.Second
	// keepBatch is the largest buffer that is kept for the next batch.
	keepBatch = 1 << 20
	suffix    = ".wfj"
)

// File is what the journal needs of a segment's file. Tests give one that fails
// or is slow.
type File interface {
	Write(p []byte) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

// Config says where and how a journal is kept.
type Config struct {
	// Dir holds the segments. It must exist.
	Dir string
	// Queue is the ring that outlives the process; nil gives a private one.
	Queue *Ring
	// Sensor is the installation's name, stamped on every event.
	Sensor string
	// Log is for faults; attackers cannot cause lines in it.
	Log *slog.Logger
	// MaxBytes bounds all segments together, oldest go first; 0 is no bound.
	MaxBytes int64
	// MaxAge bounds a segment's age by the time of its last write; 0 is no bound.
	MaxAge time.Duration
	// Open opens a segment for appending; nil means the real file system.
	Open func(path string, size int64) (File, error)
}

// Stats are the journal's counters.
type Stats struct {
	Seq        uint64 // last sequence number given out
	Written    uint64 // last sequence number in a segment
	Queued     int    // events waiting in the ring
	GapRecords uint64 // gap records written or due
	GapLost    uint64 // events lost, in all
	Late       uint64 // answers that left before their record
	SyncErrors uint64
	WriteError string // the last write's error, empty when all is well
	Torn       int64  // bytes cut from the tail at start
	Segments   int
	Bytes      int64
}

// Journal is an open journal. Its methods may be used from many goroutines.
type Journal struct {
	cfg  Config
	ring *Ring

	mu       sync.Mutex
	seq      uint64
	batch    []byte // framed records waiting to be written
	batchN   int
	batchTo  uint64        // last seq in batch
	batchAt  time.Duration // when the first of them came
	spare    []byte        // the buffer of the batch after this one
	writing  []byte        // the batch in the hands of whoever holds file
	lead     leader        // who writes for itself, if somebody does
	spilled  bool          // events go to the ring
	closed   bool
	waiters  map[uint64][]chan struct{}
	slowTill time.Duration // until then only the writer goroutine writes

	written atomic.Uint64 // all events up to here are in the segment file or the ring
	wake    chan struct{} // to the writer goroutine
	toSync  chan struct{} // to the syncing goroutine
	ticking atomic.Bool   // the clock runs
	wind    chan struct{} // starts the clock
	stop    chan struct{}
	done    sync.WaitGroup
	base    time.Time // all durations in here count from it

	file  sync.Mutex
	f     File
	size  int64
	segs  []segment
	ended bool

	unsynced atomic.Int64 // when the first byte came that is not synced; 0: none
	syncing  atomic.Int64 // when the fsync began that is under way; 0: none

	late, syncErrs atomic.Uint64
	wrErr          atomic.Pointer[string]
	torn           int64
	total          atomic.Int64
	nsegs          atomic.Int64
}

// leader is a goroutine that writes the batch before it sends an answer.
type leader struct {
	send  func() // nil: nobody leads, or the clock has taken the answer over
	since time.Duration
	taken chan struct{} // set when the clock sends in its stead, closed when it has
}

type segment struct {
	path  string
	first uint64
	size  int64
	mod   time.Time
}

// ErrClosed is what Append gives after Close.
var ErrClosed = errors.New("journal is closed")

// Open opens or makes the journal in cfg.Dir, cuts a torn tail, takes over what
// an earlier process left in the ring, and starts the writer.
func Open(cfg Config) (*Journal, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Open == nil {
		cfg.Open = openFile
	}
	if cfg.Queue == nil {
		r, err := NewRing(DefaultRing)
		if err != nil {
			return nil, fmt.Errorf("make the journal's queue: %w", err)
		}
		cfg.Queue = r
	}
	j := &Journal{cfg: cfg, ring: cfg.Queue, wake: make(chan struct{}, 1), toSync: make(chan struct{}, 1), wind: make(chan struct{}, 1),
		stop: make(chan struct{}), waiters: map[uint64][]chan struct{}{}, base: time.Now()}
	j.wrErr.Store(new(string))
	segs, err := listSegments(cfg.Dir)
	if err != nil {
		return nil, err
	}
	var last uint64
	for len(segs) > 0 {
		s := &segs[len(segs)-1]
		end, lastSeq, err := scanTail(s.path)
		if err != nil {
			return nil, err
		}
		if end < s.size {
			cfg.Log.Warn("journal: cut a torn tail", "segment", filepath.Base(s.path), "bytes", s.size-end)
			if err := cut(s.path, end); err != nil {
				return nil, fmt.Errorf("cut the torn tail of %s: %w", s.path, err)
			}
			j.torn += s.size - end
			s.size = end
		}
		if lastSeq != 0 {
			last = lastSeq
			break
		}
		if s.first > 0 {
			last = s.first - 1
		}
		if end >= headerSize { // an empty segment that is whole
			break
		}
		// Not even a header: the crash came between creating and writing it.
		if err := os.Remove(s.path); err != nil {
			return nil, fmt.Errorf("remove the empty segment %s: %w", s.path, err)
		}
		segs = segs[:len(segs)-1]
	}
	j.segs = segs
	for _, s := range segs {
		j.total.Add(s.size)
	}
	j.nsegs.Store(int64(len(segs)))
	j.seq = max(last, j.ring.lastSeq())
	j.ring.dropUpTo(last)
	j.spilled = j.ring.Len() > 0 || j.ring.lostPending() > 0
	j.written.Store(j.seq)
	if len(segs) > 0 {
		s := segs[len(segs)-1]
		if f, err := cfg.Open(s.path, s.size); err == nil {
			j.f, j.size = f, s.size
		} else {
			return nil, fmt.Errorf("open the journal's last segment: %w", err)
		}
	}
	j.done.Add(3)
	go j.run()
	go j.clock()
	go j.syncer()
	if j.spilled {
		j.kick()
	}
	return j, nil
}

// Append gives e its sequence number and sensor and queues it. It does not wait.
// The event is encoded before Append returns, so the caller may reuse its Data.
func (j *Journal) Append(e *event.Event) (uint64, error) {
	buf := getBuf()
	defer putBuf(buf)
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return 0, ErrClosed
	}
	// The number is part of the record, so the encoding happens under the lock;
	// it is some microseconds, and the order of the journal is the order of the
	// numbers.
	seq := j.seq + 1
	e.Seq = seq
	if e.Sensor == "" {
		e.Sensor = j.cfg.Sensor
	}
	b, err := event.Append((*buf)[:0], e)
	*buf = b
	if err == nil && len(b) > MaxRecord {
		err = fmt.Errorf("event of kind %s has %d bytes, limit %d", e.Kind, len(b), MaxRecord)
	}
	if err != nil {
		j.mu.Unlock()
		return 0, fmt.Errorf("encode event: %w", err)
	}
	j.seq = seq
	if j.spilled {
		j.spill(seq, b)
	} else {
		if j.batchN == 0 {
			j.batchAt = j.now()
		}
		j.batch = appendRecord(j.batch, seq, b)
		j.batchN++
		j.batchTo = seq
	}
	now := j.spilled || len(j.batch) > lingerBytes
	j.mu.Unlock()
	if now {
		j.kick()
	}
	j.windUp()
	return seq, nil
}

// spill puts one event into the ring; mu is held.
func (j *Journal) spill(seq uint64, b []byte) {
	j.ring.push(seq, b)
	j.advance(seq)
}

// Emit makes the journal a Sink. Faults are logged, not returned.
func (j *Journal) Emit(e *event.Event) {
	if _, err := j.Append(e); err != nil && !errors.Is(err, ErrClosed) {
		j.cfg.Log.Error("journal: an event was not recorded", "kind", string(e.Kind), "err", err)
	}
}

func (j *Journal) kick() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Before calls send once the event seq is written or safe in the ring, or when
// Patience is over, and returns when send has. Then every pending event moves to the
// ring. Where the disk is stuck send runs on another goroutine, and Before returns
// only when the disk lets go of the caller.
func (j *Journal) Before(seq uint64, send func()) {
	if j.written.Load() >= seq {
		send()
		return
	}
	if j.file.TryLock() {
		j.mu.Lock()
		if j.mayLead(seq) {
			j.lead = leader{send: send, since: j.now()}
			j.mu.Unlock()
			j.windUp()
			j.commit()
			j.mu.Lock()
			taken := j.lead.taken
			j.lead = leader{}
			more := j.spilled || len(j.waiters) > 0
			j.mu.Unlock()
			j.file.Unlock()
			if more {
				j.kick()
			}
			if taken != nil {
				<-taken
				return
			}
			send()
			return
		}
		j.mu.Unlock()
		j.file.Unlock()
	}
	j.wait(seq)
	send()
}

// mayLead tells whether the caller, who holds file and mu, writes for itself: not
// while the disk is slow, nor where a new segment must be begun.
func (j *Journal) mayLead(seq uint64) bool {
	now := j.now()
	syncs := time.Duration(j.syncing.Load())
	return !j.spilled && j.written.Load() < seq && now >= j.slowTill && (syncs == 0 || now-syncs < slowWrite) &&
		j.f != nil && j.size+int64(len(j.batch)) <= SegmentSize
}

// wait returns when the event seq is written or safe in the ring, or when Patience
// is over.
func (j *Journal) wait(seq uint64) {
	j.mu.Lock()
	if j.written.Load() >= seq {
		j.mu.Unlock()
		return
	}
	ch := make(chan struct{})
	j.waiters[seq] = append(j.waiters[seq], ch)
	j.mu.Unlock()
	j.kick()
	t := time.NewTimer(Patience)
	defer t.Stop()
	select {
	case <-ch:
		return
	case <-t.C:
	}
	j.late.Add(1)
	j.mu.Lock()
	j.beginSpill()
	j.mu.Unlock()
}

// beginSpill moves what the writer has not taken, and what it is busy with, to
// the ring. mu is held.
func (j *Journal) beginSpill() {
	if j.spilled {
		return
	}
	j.spilled = true
	// What the writer has in its hands may or may not reach the disk: keep a copy.
	for _, b := range [][]byte{j.writing, j.batch} {
		eachRecord(b, func(seq uint64, payload []byte) { j.ring.push(seq, payload) })
	}
	j.batch, j.batchN = j.batch[:0], 0
	j.advance(j.seq)
}

// advance says that all events up to seq are safe; mu is held.
func (j *Journal) advance(seq uint64) {
	if seq <= j.written.Load() {
		return
	}
	j.written.Store(seq)
	for s, chs := range j.waiters {
		if s <= seq {
			for _, c := range chs {
				close(c)
			}
			delete(j.waiters, s)
		}
	}
}

// now is the monotonic time since the journal was opened; never 0.
func (j *Journal) now() time.Duration { return time.Since(j.base) + 1 }

// Seq is the last number given out.
func (j *Journal) Seq() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.seq
}

// flushPatience is how long Flush waits for a disk that refuses every write.
const flushPatience = 5 * time.Second

// Flush waits until all that was appended is written to a segment (not only
// queued), ctx ends, or the disk has refused every write for flushPatience: then
// the error says why.
func (j *Journal) Flush(ctx context.Context) error {
	target := j.Seq()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var refused time.Time
	for {
		switch why := *j.wrErr.Load(); {
		case why == "":
			refused = time.Time{}
		case refused.IsZero():
			refused = time.Now()
		case time.Since(refused) > flushPatience:
			return fmt.Errorf("flush the journal: %s", why)
		}
		if j.written.Load() >= target && j.ring.Len() == 0 {
			return nil
		}
		j.kick()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("flush the journal: %w", ctx.Err())
		}
	}
}

// Stats gives the counters.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	seq := j.seq
	j.mu.Unlock()
	rec, lost := j.ring.gaps()
	return Stats{Seq: seq, Written: j.written.Load(), Queued: j.ring.Len(), GapRecords: rec, GapLost: lost,
		Late: j.late.Load(), SyncErrors: j.syncErrs.Load(), WriteError: *j.wrErr.Load(), Torn: j.torn,
		Segments: int(j.nsegs.Load()), Bytes: j.total.Load()}
}

// Close writes what is pending, syncs and closes. Events that the disk refuses
// stay in the ring.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	j.mu.Unlock()
	close(j.stop)
	j.done.Wait()
	return nil
}

func listSegments(dir string) ([]segment, error) {
	ents, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	var segs []segment
	for _, e := range ents {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(name, 10, 64)
		if err != nil {
			continue
		}
		fi, err := e.Info()
		if err != nil {
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		segs = append(segs, segment{filepath.Join(dir, e.Name()), n, fi.Size(), fi.ModTime()})
	}
	sort.Slice(segs, func(a, b int) bool { return segs[a].first < segs[b].first })
	return segs, nil
}

// cut shortens a file. The sensor's filter knows ftruncate and not truncate.
func cut(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Truncate(size)
}

func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", first, suffix))
}

func openFile(path string, size int64) (File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return nil, err
	}
	return f, nil
}
