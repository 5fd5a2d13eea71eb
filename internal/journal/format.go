package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"

	"github.com/whalefall/whalefall/internal/event"
)

// The bytes of a segment; docs/formats/journal.md tells the same in words.
//
//	header: "WFJ1" | version uint32 | first seq uint64          (16 bytes, little endian)
//	record: length uint32 | crc32c uint32 | seq uint64 | payload (length bytes of JSON and "\n")
//
// The checksum covers seq and payload.
const (
	magic      = "WFJ1"
	version    = 1
	headerSize = 16
	recordHead = 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func header(first uint64) []byte {
	h := make([]byte, headerSize)
	copy(h, magic)
	binary.LittleEndian.PutUint32(h[4:], version)
	binary.LittleEndian.PutUint64(h[8:], first)
	return h
}

func appendRecord(dst []byte, seq uint64, payload []byte) []byte {
	var h [recordHead]byte
	binary.LittleEndian.PutUint32(h[0:], uint32(len(payload)))
	binary.LittleEndian.PutUint64(h[8:], seq)
	crc := crc32.Update(0, castagnoli, h[8:16])
	crc = crc32.Update(crc, castagnoli, payload)
	binary.LittleEndian.PutUint32(h[4:], crc)
	dst = append(dst, h[:]...)
	return append(dst, payload...)
}

// eachRecord walks framed records that this process made itself.
func eachRecord(b []byte, f func(seq uint64, payload []byte)) {
	for len(b) >= recordHead {
		n := int(binary.LittleEndian.Uint32(b))
		f(binary.LittleEndian.Uint64(b[8:]), b[recordHead:recordHead+n])
		b = b[recordHead+n:]
	}
}

func firstSeq(b []byte) uint64 { return binary.LittleEndian.Uint64(b[8:]) }

// errTorn marks bytes that are no whole record.
var errTorn = errors.New("torn record")

// readRecord reads the next record. io.EOF means a clean end, errTorn that the
// bytes from here on are no record.
func readRecord(r *bufio.Reader, buf []byte) (seq uint64, payload []byte, err error) {
	var h [recordHead]byte
	if n, err := io.ReadFull(r, h[:]); err != nil {
		if n == 0 && err == io.EOF {
			return 0, nil, io.EOF
		}
		if err == io.ErrUnexpectedEOF {
			return 0, nil, errTorn
		}
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(h[0:])
	if n > MaxRecord {
		return 0, nil, errTorn
	}
	if cap(buf) < int(n) {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err := io.ReadFull(r, buf); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return 0, nil, errTorn
		}
		return 0, nil, err
	}
	crc := crc32.Update(0, castagnoli, h[8:16])
	crc = crc32.Update(crc, castagnoli, buf)
	if crc != binary.LittleEndian.Uint32(h[4:]) {
		return 0, nil, errTorn
	}
	return binary.LittleEndian.Uint64(h[8:]), buf, nil
}

// scanTail finds where a segment's whole records end and the last one's number.
func scanTail(path string) (end int64, last uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, fmt.Errorf("read the journal: %w", err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	if err := readHeader(r, path); err != nil {
		if errors.Is(err, errTorn) {
			return 0, 0, nil
		}
		return 0, 0, err
	}
	end = headerSize
	var buf []byte
	for {
		seq, p, err := readRecord(r, buf)
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			return end, last, nil
		}
		if err != nil {
			return 0, 0, fmt.Errorf("read %s: %w", path, err)
		}
		buf = p
		last = seq
		end += recordHead + int64(len(p))
	}
}

func readHeader(r *bufio.Reader, path string) error {
	var h [headerSize]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return errTorn
		}
		return err
	}
	if string(h[:4]) != magic {
		return fmt.Errorf("%s is no segment of a Whalefall journal", path)
	}
	if v := binary.LittleEndian.Uint32(h[4:]); v > version {
		return &NewerError{Path: path, Version: v}
	}
	return nil
}

// NewerError says that a segment was written by a newer Whalefall.
type NewerError struct {
	Path    string
	Version uint32
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("%s has format %d, this program knows formats up to %d", e.Path, e.Version, version)
}

// Hint says what to do about it.
func (e *NewerError) Hint() string { return "use the newer whalefall that wrote this data directory" }

// Reader reads a journal's events in order, also while it is being written.
type Reader struct {
	dir  string
	last uint64 // the last number that was given
	f    *os.File
	r    *bufio.Reader
	path string
	off  int64
	buf  []byte
}

// NewReader gives the events of the journal in dir whose numbers are above after.
func NewReader(dir string, after uint64) *Reader { return &Reader{dir: dir, last: after} }

// Close closes the open segment.
func (r *Reader) Close() {
	if r.f != nil {
		_ = r.f.Close() // only read
		r.f = nil
	}
}

// Next gives the next event's number and encoding, valid until the next call.
// io.EOF means that there is no more for now; Next may be called again later.
// Bytes that are no record are passed over only where a later segment exists.
func (r *Reader) Next() (uint64, []byte, error) {
	for {
		if r.f == nil {
			ok, err := r.open()
			if err != nil {
				return 0, nil, err
			}
			if !ok {
				return 0, nil, io.EOF
			}
		}
		seq, p, err := readRecord(r.r, r.buf)
		switch {
		case err == nil:
			r.buf = p
			r.off += recordHead + int64(len(p))
			if seq <= r.last {
				continue
			}
			r.last = seq
			return seq, p, nil
		case errors.Is(err, io.EOF), errors.Is(err, errTorn):
			// The writer may be in the middle of a record, or this segment is done.
			next, nerr := r.laterSegment()
			if nerr != nil {
				return 0, nil, nerr
			}
			if next == "" {
				// Try again from the last whole record.
				if _, err := r.f.Seek(r.off, io.SeekStart); err != nil {
					return 0, nil, err
				}
				r.r.Reset(r.f)
				return 0, nil, io.EOF
			}
			if errors.Is(err, errTorn) || r.moreHere() {
				// Between our look and the rotation more may have been written.
				if _, err := r.f.Seek(r.off, io.SeekStart); err != nil {
					return 0, nil, err
				}
				r.r.Reset(r.f)
				if s, p, err := readRecord(r.r, r.buf); err == nil {
					r.buf = p
					r.off += recordHead + int64(len(p))
					if s <= r.last {
						continue
					}
					r.last = s
					return s, p, nil
				}
			}
			r.Close()
			if err := r.openPath(next); err != nil {
				return 0, nil, err
			}
		default:
			return 0, nil, err
		}
	}
}

func (r *Reader) moreHere() bool {
	fi, err := r.f.Stat()
	return err == nil && fi.Size() > r.off
}

// open opens the segment that holds last+1.
func (r *Reader) open() (bool, error) {
	segs, err := listSegments(r.dir)
	if err != nil {
		return false, err
	}
	if len(segs) == 0 {
		return false, nil
	}
	i := 0
	for k := range segs {
		if segs[k].first <= r.last+1 {
			i = k
		}
	}
	if err := r.openPath(segs[i].path); err != nil {
		if errors.Is(err, errTorn) || errors.Is(err, os.ErrNotExist) {
			return false, nil
		}
		return false, err
	}
	return true, nil
}

func (r *Reader) openPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	br := bufio.NewReaderSize(f, 256<<10)
	if err := readHeader(br, path); err != nil {
		_ = f.Close() // only read
		return err
	}
	r.f, r.r, r.path, r.off = f, br, path, headerSize
	return nil
}

func (r *Reader) laterSegment() (string, error) {
	segs, err := listSegments(r.dir)
	if err != nil {
		return "", err
	}
	for _, s := range segs {
		if s.path > r.path && s.size >= headerSize {
			return s.path, nil
		}
	}
	return "", nil
}

// Decode decodes an event's encoding.
func Decode(p []byte) (*event.Event, error) {
	e := new(event.Event)
	if err := e.UnmarshalJSON(p); err != nil {
		return nil, err
	}
	return e, nil
}

var bufs = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

func getBuf() *[]byte { return bufs.Get().(*[]byte) } //nolint:forcetypeassert // nothing else is put there
func putBuf(b *[]byte) {
	if cap(*b) <= 256<<10 {
		bufs.Put(b)
	}
}
