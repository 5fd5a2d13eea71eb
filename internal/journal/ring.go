package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultRing is the ring's default size in bytes.
const DefaultRing = 16 << 20

// Ring is the queue of events that the disk would not take: a first-in,
// first-out ring in shared memory. The supervisor holds its memfd, so it
// outlives the sensor. Every change is ordered so that a process killed between
// two stores leaves a ring that reads right.
//
// Layout of the first page: magic, capacity, head and tail (counted in bytes
// from the beginning of time, taken modulo the capacity), events, last number,
// lost and when, gap records and lost events in all.
type Ring struct {
	mu  sync.Mutex
	mem []byte // first page and data
	cap uint64
	f   *os.File
}

const (
	ringPage  = 4096
	ringMagic = 0x31474e4952465757 // "WWFRING1"
	oMagic    = 0
	oCap      = 8
	oHead     = 16
	oTail     = 24
	oCount    = 32
	oLast     = 40
	oLost     = 48 // lost and not yet told by a gap record
	oFrom     = 56
	oTo       = 64
	oGapRecs  = 72
	oGapLost  = 80
)

// NewRing makes a ring of size bytes in a memfd of its own.
func NewRing(size int) (*Ring, error) {
	fd, err := unix.MemfdCreate("whalefall-queue", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), "whalefall-queue")
	if err := f.Truncate(int64(size) + ringPage); err != nil {
		_ = f.Close() // of no use
		return nil, fmt.Errorf("size the queue: %w", err)
	}
	return OpenRing(f)
}

// OpenRing maps a ring that NewRing made, here or in another process.
func OpenRing(f *os.File) (*Ring, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at the queue: %w", err)
	}
	if fi.Size() <= ringPage {
		return nil, errors.New("the queue's memory is too small")
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, int(fi.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the queue: %w", err)
	}
	r := &Ring{mem: mem, cap: uint64(fi.Size()) - ringPage, f: f}
	if r.get(oMagic) != ringMagic {
		clear(mem[:ringPage])
		r.set(oCap, r.cap)
		r.set(oMagic, ringMagic)
	}
	r.mend()
	return r, nil
}

// File is the memfd, to hand to another process.
func (r *Ring) File() *os.File { return r.f }

func (r *Ring) get(o int) uint64    { return binary.LittleEndian.Uint64(r.mem[o:]) }
func (r *Ring) set(o int, v uint64) { binary.LittleEndian.PutUint64(r.mem[o:], v) }

// mend drops an entry that a killed process left half written: tail moves only
// after the entry's bytes are there, so only a wrong checksum can tell.
func (r *Ring) mend() {
	head, tail := r.get(oHead), r.get(oTail)
	if tail < head || tail-head > r.cap {
		r.set(oHead, 0)
		r.set(oTail, 0)
		r.set(oCount, 0)
		return
	}
	n := uint64(0)
	for p := head; p < tail; {
		l, _, ok := r.entry(p, tail)
		if !ok {
			r.set(oTail, p)
			break
		}
		n++
		p += l
	}
	r.set(oCount, n)
}

// entry looks at the entry at p: its whole length and number.
func (r *Ring) entry(p, tail uint64) (length, seq uint64, ok bool) {
	if tail-p < recordHead {
		return 0, 0, false
	}
	var h [recordHead]byte
	r.copyOut(h[:], p)
	n := uint64(binary.LittleEndian.Uint32(h[0:]))
	if n > MaxRecord || tail-p < recordHead+n {
		return 0, 0, false
	}
	b := make([]byte, n)
	r.copyOut(b, p+recordHead)
	crc := crc32.Update(0, castagnoli, h[8:16])
	crc = crc32.Update(crc, castagnoli, b)
	if crc != binary.LittleEndian.Uint32(h[4:]) {
		return 0, 0, false
	}
	return recordHead + n, binary.LittleEndian.Uint64(h[8:]), true
}

func (r *Ring) copyOut(dst []byte, at uint64) {
	o := at % r.cap
	n := copy(dst, r.mem[ringPage+o:])
	if n < len(dst) {
		copy(dst[n:], r.mem[ringPage:])
	}
}

func (r *Ring) copyIn(src []byte, at uint64) {
	o := at % r.cap
	n := copy(r.mem[ringPage+o:], src)
	if n < len(src) {
		copy(r.mem[ringPage:], src[n:])
	}
}

// push adds an event or, where it does not fit, counts it as lost.
func (r *Ring) push(seq uint64, payload []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if seq > r.get(oLast) {
		r.set(oLast, seq)
	}
	need := uint64(recordHead + len(payload))
	head, tail := r.get(oHead), r.get(oTail)
	if need > r.cap-(tail-head) {
		now := uint64(time.Now().UnixMicro())
		if r.get(oLost) == 0 {
			r.set(oFrom, now)
			r.set(oGapRecs, r.get(oGapRecs)+1)
		}
		r.set(oTo, now)
		r.set(oLost, r.get(oLost)+1)
		r.set(oGapLost, r.get(oGapLost)+1)
		return
	}
	rec := appendRecord(make([]byte, 0, need), seq, payload)
	r.copyIn(rec, tail)
	r.set(oTail, tail+need)
	r.set(oCount, r.get(oCount)+1)
}

// peek gives whole framed records from the head, up to limit bytes (one record
// at least), the number of the last and how many.
func (r *Ring) peek(limit int) (b []byte, last uint64, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	head, tail := r.get(oHead), r.get(oTail)
	for p := head; p < tail; {
		l, seq, ok := r.entry(p, tail)
		if !ok {
			r.set(oTail, p)
			break
		}
		if n > 0 && len(b)+int(l) > limit {
			break
		}
		o := len(b)
		b = append(b, make([]byte, l)...)
		r.copyOut(b[o:], p)
		last = seq
		n++
		p += l
	}
	return b, last, n
}

// dropUpTo removes the entries numbered up to seq from the head.
func (r *Ring) dropUpTo(seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tail := r.get(oTail)
	for {
		head := r.get(oHead)
		if head >= tail {
			return
		}
		l, s, ok := r.entry(head, tail)
		if !ok || s > seq {
			return
		}
		r.set(oHead, head+l)
		if c := r.get(oCount); c > 0 {
			r.set(oCount, c-1)
		}
	}
}

// Len is how many events wait.
func (r *Ring) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int(r.get(oCount))
}

func (r *Ring) lastSeq() uint64     { r.mu.Lock(); defer r.mu.Unlock(); return r.get(oLast) }
func (r *Ring) lostPending() uint64 { r.mu.Lock(); defer r.mu.Unlock(); return r.get(oLost) }

func (r *Ring) lostSpan() (from, to int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(r.get(oFrom)), int64(r.get(oTo))
}

func (r *Ring) gapWritten(lost uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.get(oLost); l > lost {
		r.set(oLost, l-lost)
		r.set(oGapRecs, r.get(oGapRecs)+1) // what was lost meanwhile is another gap
	} else {
		r.set(oLost, 0)
	}
}

// gaps counts gap records and lost events since the ring was made.
func (r *Ring) gaps() (records, lost uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.get(oGapRecs), r.get(oGapLost)
}
