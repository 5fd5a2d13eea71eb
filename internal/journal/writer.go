package journal

import (
	"fmt"
	"os"
	"time"

	"github.com/whalefall/whalefall/internal/event"
)

// run is the writer goroutine: it alone touches the segment file. It ends when
// stop is closed and a last try to write all that is pending was made.
func (j *Journal) run() {
	defer close(j.done)
	sync := time.NewTimer(time.Hour)
	sync.Stop()
	retry := time.NewTimer(time.Hour)
	retry.Stop()
	var armed bool
	for {
		stopping := false
		select {
		case <-j.wake:
		case <-sync.C:
			armed = false
			j.sync()
		case <-retry.C:
		case <-j.stop:
			stopping = true
		}
		j.mu.Lock()
		b, to := j.batch, j.batchTo
		j.batch, j.batchN = nil, 0
		j.writing = b
		spilled := j.spilled
		j.mu.Unlock()
		if len(b) > 0 {
			err := j.write(b)
			j.mu.Lock()
			j.writing = nil
			if err != nil {
				if !j.spilled {
					j.writing = b
					j.beginSpill()
					j.writing = nil
				}
			} else {
				if j.spilled {
					// The write was only late: its queued copy must not count twice.
					j.ring.dropUpTo(to)
				}
				j.advance(to)
			}
			spilled = j.spilled
			j.mu.Unlock()
		}
		if spilled {
			if !j.drain() {
				retry.Reset(retryEvery)
			}
		}
		if j.unsynced && !armed {
			armed = true
			sync.Reset(SyncDelay - time.Millisecond)
		}
		if stopping {
			j.sync()
			if j.f != nil {
				j.f.Close()
			}
			return
		}
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
		if j.wrErr.Load().(string) == "" {
			j.cfg.Log.Error("journal: the disk refuses", "err", err)
		}
		j.wrErr.Store(err.Error())
		return err
	}
	if j.wrErr.Load().(string) != "" {
		j.wrErr.Store("")
		j.cfg.Log.Info("journal: the disk takes bytes again")
	}
	if !j.unsynced {
		j.unsynced = true
		j.firstUns = time.Now()
	}
	if j.cfg.Written != nil {
		var last uint64
		eachRecord(b, func(seq uint64, _ []byte) { last = seq })
		j.cfg.Written(last)
	}
	return nil
}

func (j *Journal) tryWrite(b []byte) error {
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
				j.f.Close()
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
	if j.f != nil {
		j.sync()
		j.f.Close()
		j.f = nil
	}
	path := segmentPath(j.cfg.Dir, first)
	f, err := j.cfg.Open(path, 0)
	if err != nil {
		return fmt.Errorf("begin a segment of the journal: %w", err)
	}
	h := header(first)
	if n, err := f.Write(h); err != nil || n < len(h) {
		f.Close()
		os.Remove(path)
		return fmt.Errorf("begin a segment of the journal: %w", err)
	}
	if d, err := os.Open(j.cfg.Dir); err == nil {
		d.Sync() // the name must survive a power cut as the bytes do
		d.Close()
	}
	j.f, j.size, j.path = f, headerSize, path
	j.segs = append(j.segs, segment{path, first, headerSize, time.Now()})
	j.total.Add(headerSize)
	j.expire()
	j.nsegs.Store(int64(len(j.segs)))
	return nil
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

func (j *Journal) sync() {
	if !j.unsynced || j.f == nil {
		return
	}
	if err := j.f.Sync(); err != nil {
		j.syncErrs.Add(1)
		j.cfg.Log.Error("journal: fsync", "err", err)
	}
	j.unsynced = false
}
