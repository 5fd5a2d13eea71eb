package journal

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/whalefall/whalefall/internal/event"
)

// run is the writer goroutine: it writes what nobody writes for itself, and empties
// the ring. It ends when stop is closed and a last try to write all that is pending
// was made.
func (j *Journal) run() {
	defer j.done.Done()
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	for {
		stopping := false
		select {
		case <-j.wake:
		case <-retry.C:
		case <-j.stop:
			stopping = true
		}
		j.file.Lock()
		j.commit()
		j.mu.Lock()
		spilled := j.spilled
		j.mu.Unlock()
		if spilled && !j.drain() {
			retry.Reset(retryEvery)
		}
		if stopping {
			if j.f != nil {
				j.sync(j.f)
				_ = j.f.Close() // synced; sync has told of a failure
				j.f = nil
			}
			j.ended = true
		}
		j.file.Unlock()
		if stopping {
			return
		}
	}
}

// commit writes the batch and says so to all who wait. Where the disk refuses, the
// batch goes to the ring. The caller holds file.
func (j *Journal) commit() {
	j.mu.Lock()
	b, to := j.batch, j.batchTo
	if len(b) == 0 {
		j.mu.Unlock()
		return
	}
	j.batch, j.batchN = j.spare, 0
	j.spare = nil
	j.writing = b
	j.mu.Unlock()
	from := j.now()
	err := j.write(b)
	took := j.now() - from
	j.mu.Lock()
	defer j.mu.Unlock()
	if took > slowWrite {
		j.slowTill = from + took + slowFor
	}
	switch {
	case err != nil:
		j.beginSpill() // with what is in writing, unless it is there already
	case j.spilled:
		// The write was only late: its queued copy must not count twice.
		j.ring.dropUpTo(to)
	}
	j.writing = nil
	if err == nil {
		j.advance(to)
	}
	if cap(b) <= keepBatch {
		j.spare = b[:0]
	}
}

// clock writes what lies too long, begins the fsync that is due, and sends the
// answer of a leader whose write is late. It stands still while there is nothing to
// do, and never touches the disk.
func (j *Journal) clock() {
	defer j.done.Done()
	t := time.NewTicker(time.Hour)
	defer t.Stop()
	for {
		select {
		case <-j.wind:
		case <-j.stop:
			return
		}
		t.Reset(tick)
		for busy := true; busy; {
			select {
			case <-t.C:
			case <-j.stop:
				return
			}
			busy = j.look()
			if !busy {
				// Who came after the look sees that the clock stands, or is seen here.
				j.ticking.Store(false)
				busy = j.look() && j.ticking.CompareAndSwap(false, true)
			}
		}
		t.Reset(time.Hour)
	}
}

// look is one step of the clock. It reports whether another is needed.
func (j *Journal) look() bool {
	now := j.now()
	j.mu.Lock()
	lies := j.batchN > 0
	lying := lies && now-j.batchAt >= tick
	leads := j.lead.send != nil
	if leads && now-j.lead.since >= Patience {
		send, taken := j.lead.send, make(chan struct{})
		j.lead.send, j.lead.taken = nil, taken
		j.late.Add(1)
		j.beginSpill()
		go func() {
			send()
			close(taken)
		}()
	}
	j.mu.Unlock()
	if lying {
		j.kick()
	}
	since := j.unsynced.Load()
	if since != 0 && now-time.Duration(since) >= SyncDelay-2*tick {
		select {
		case j.toSync <- struct{}{}:
		default:
		}
	}
	return lies || leads || since != 0
}

// windUp starts the clock where it stands still.
func (j *Journal) windUp() {
	if !j.ticking.Load() && j.ticking.CompareAndSwap(false, true) {
		select {
		case j.wind <- struct{}{}:
		default:
		}
	}
}

// syncer calls fsync beside the writes, so that none waits for it.
func (j *Journal) syncer() {
	defer j.done.Done()
	for {
		select {
		case <-j.toSync:
		case <-j.stop:
			return
		}
		j.file.Lock()
		f := j.f
		j.file.Unlock()
		if f != nil {
			j.sync(f)
		}
	}
}

// sync brings to the disk what was written before the call.
func (j *Journal) sync(f File) {
	if j.unsynced.Swap(0) == 0 {
		return
	}
	j.syncing.Store(int64(j.now()))
	j.fsync(f)
	j.syncing.Store(0)
}

func (j *Journal) fsync(f File) {
	// A segment that was closed meanwhile is synced by who closed it.
	if err := f.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		j.syncErrs.Add(1)
		j.cfg.Log.Error("journal: fsync", "err", err)
	}
}

// drain writes the ring's events to the segment and, when it is empty, the gap
// record that is due, and lets events go straight to the segment again. It
// reports whether all is done.
func (j *Journal) drain() bool {
	for {
		b, to, n := j.ring.peek(256 << 10)
		if n == 0 {
			break
		}
		if err := j.write(b); err != nil {
			return false
		}
		j.ring.dropUpTo(to)
	}
	if lost := j.ring.lostPending(); lost > 0 {
		from, till := j.ring.lostSpan()
		j.mu.Lock()
		j.seq++
		seq := j.seq
		j.mu.Unlock()
		e := &event.Event{Seq: seq, Time: time.Now().UTC(), Kind: event.GapRecord, Sensor: j.cfg.Sensor,
			Data: &event.Gap{Lost: lost, From: from, To: till, Reason: "the disk took no bytes and the queue ran over"}}
		p, err := event.Append(nil, e)
		if err != nil {
			j.cfg.Log.Error("journal: encode a gap record", "err", err)
			return false
		}
		if err := j.write(appendRecord(nil, seq, p)); err != nil {
			// The number stays unused; numbers may have holes, never repeats.
			return false
		}
		j.ring.gapWritten(lost)
		j.cfg.Log.Error("journal: events were lost", "lost", lost)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ring.Len() > 0 || j.ring.lostPending() > 0 {
		j.kick()
		return false
	}
	j.spilled = false
	return true
}

// write appends whole records to the segment, beginning a new one where due. On
// an error the segment is cut back to its last whole record.
func (j *Journal) write(b []byte) error {
	err := j.tryWrite(b)
	if err != nil {
		if *j.wrErr.Load() == "" {
			j.cfg.Log.Error("journal: the disk refuses", "err", err)
		}
		text := err.Error()
		j.wrErr.Store(&text)
		return err
	}
	if *j.wrErr.Load() != "" {
		j.wrErr.Store(new(string))
		j.cfg.Log.Info("journal: the disk takes bytes again")
	}
	j.unsynced.CompareAndSwap(0, int64(j.now()))
	j.windUp()
	return nil
}

func (j *Journal) tryWrite(b []byte) error {
	if j.ended {
		return ErrClosed
	}
	if j.f == nil || j.size+int64(len(b)) > SegmentSize && j.size > headerSize {
		if err := j.rotate(firstSeq(b)); err != nil {
			return err
		}
	}
	n, err := j.f.Write(b)
	if err == nil && n < len(b) {
		err = fmt.Errorf("short write: %d of %d bytes", n, len(b))
	}
	if err != nil {
		if n > 0 {
			if terr := j.f.Truncate(j.size); terr != nil {
				// The tail is torn and stays so: go on in a new segment, readers
				// and the next start skip the torn bytes.
				_ = j.f.Close() // the write's failure is told
				j.f = nil
			}
		}
		return fmt.Errorf("write to the journal: %w", err)
	}
	j.size += int64(n)
	j.total.Add(int64(n))
	if len(j.segs) > 0 {
		j.segs[len(j.segs)-1].size = j.size
		j.segs[len(j.segs)-1].mod = time.Now()
	}
	return nil
}

func (j *Journal) rotate(first uint64) error {
	if old := j.f; old != nil {
		j.f = nil
		j.unsynced.Store(0)
		j.beside(func() {
			j.fsync(old)
			_ = old.Close() // synced; fsync has told of a failure
		})
	}
	path := segmentPath(j.cfg.Dir, first)
	f, err := j.cfg.Open(path, 0)
	if err != nil {
		return fmt.Errorf("begin a segment of the journal: %w", err)
	}
	h := header(first)
	if _, err := f.Write(h); err != nil {
		_ = f.Close()
		_ = os.Remove(path) // an empty segment that stays is skipped
		return fmt.Errorf("begin a segment of the journal: %w", err)
	}
	if d, err := os.Open(j.cfg.Dir); err == nil {
		j.beside(func() {
			if err := d.Sync(); err != nil { // the name must survive a power cut as the bytes do
				j.syncErrs.Add(1)
				j.cfg.Log.Error("journal: the directory is not synced", "err", err)
			}
			_ = d.Close()
		})
	}
	j.f, j.size = f, headerSize
	j.segs = append(j.segs, segment{path, first, headerSize, time.Now()})
	j.total.Add(headerSize)
	j.expire()
	j.nsegs.Store(int64(len(j.segs)))
	return nil
}

// beside runs what waits for the disk on a goroutine that Close waits for. The
// caller is one of the journal's own goroutines or holds file before ended is set.
func (j *Journal) beside(f func()) {
	j.done.Add(1)
	go func() {
		defer j.done.Done()
		f()
	}()
}

// expire removes the oldest segments beyond the bounds. The newest stays.
func (j *Journal) expire() {
	for len(j.segs) > 1 {
		s := j.segs[0]
		tooBig := j.cfg.MaxBytes > 0 && j.total.Load() > j.cfg.MaxBytes
		tooOld := j.cfg.MaxAge > 0 && time.Since(s.mod) > j.cfg.MaxAge
		if !tooBig && !tooOld {
			return
		}
		if err := os.Remove(s.path); err != nil && !os.IsNotExist(err) {
			j.cfg.Log.Error("journal: remove an old segment", "err", err)
			return
		}
		j.total.Add(-s.size)
		j.segs = j.segs[1:]
	}
}
