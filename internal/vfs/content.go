package vfs

import "io"

// Content is the immutable bytes of a file. It may be made on read, so that a
// large binary costs nothing. ReadAt is safe for concurrent use, never blocks
// and never calls back into the tree.
type Content interface {
	Size() int64
	ReadAt(p []byte, off int64) (int, error)
}

// Described is a Content that is written to snapshots as its description
// instead of its bytes; Resolver makes it again.
type Described interface {
	Content
	Describe() string
}

// Resolver makes a Described content from its description.
type Resolver func(desc string) (Content, bool)

// Bytes is a Content held in memory. It must not be changed.
type Bytes []byte

func (b Bytes) Size() int64 { return int64(len(b)) }
func (b Bytes) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(b)) || off < 0 {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Text is a Content held as a string.
type Text string

func (s Text) Size() int64 { return int64(len(s)) }
func (s Text) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(s)) || off < 0 {
		return 0, io.EOF
	}
	n := copy(p, s[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

const chunkSize = 64 << 10

// data is a file's changeable content: chunks over an immutable base. A chunk
// that is absent shows the base (up to baseLen), else zeros. Writes of zeros
// into nothing stay absent, so that dd from /dev/zero costs no memory.
type data struct {
	size    int64
	base    Content
	baseLen int64
	first   []byte           // chunk 0
	rest    map[int64][]byte // the others
}

func (d *data) chunk(i int64) []byte {
	if i == 0 {
		return d.first
	}
	return d.rest[i]
}

func (d *data) setChunk(i int64, b []byte) {
	if i == 0 {
		d.first = b
		return
	}
	if d.rest == nil {
		d.rest = map[int64][]byte{}
	}
	if b == nil {
		delete(d.rest, i)
		return
	}
	d.rest[i] = b
}

func (d *data) readAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, EINVAL
	}
	if off >= d.size {
		return 0, io.EOF
	}
	short := false
	if int64(len(p)) > d.size-off {
		p = p[:d.size-off]
		short = true
	}
	total := 0
	for len(p) > 0 {
		i, o := off/chunkSize, off%chunkSize
		n := int(min(int64(len(p)), chunkSize-o))
		if c := d.chunk(i); c != nil {
			m := 0
			if o < int64(len(c)) {
				m = copy(p[:n], c[o:])
			}
			clear(p[m:n])
		} else {
			m := 0
			if d.base != nil && off < d.baseLen {
				want := int(min(int64(n), d.baseLen-off))
				m, _ = d.base.ReadAt(p[:want], off)
			}
			clear(p[m:n])
		}
		p, off, total = p[n:], off+int64(n), total+n
	}
	if short {
		return total, io.EOF
	}
	return total, nil
}

func allZero(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}

func (d *data) writeAt(p []byte, off int64) {
	for len(p) > 0 {
		i, o := off/chunkSize, off%chunkSize
		n := int(min(int64(len(p)), chunkSize-o))
		c := d.chunk(i)
		start := i * chunkSize
		if c == nil {
			if d.base != nil && start < d.baseLen {
				c = make([]byte, min(chunkSize, d.baseLen-start))
				m, _ := d.base.ReadAt(c, start)
				clear(c[m:])
			} else if allZero(p[:n]) {
				goto next
			}
		}
		if need := int(o) + n; need > len(c) {
			if need <= cap(c) {
				old := len(c)
				c = c[:need]
				clear(c[old:])
			} else {
				nc := make([]byte, need, min(chunkSize, max(need, 2*cap(c))))
				copy(nc, c)
				c = nc
			}
		}
		copy(c[o:], p[:n])
		d.setChunk(i, c)
	next:
		p, off = p[n:], off+int64(n)
		if off > d.size {
			d.size = off
		}
	}
}

func (d *data) truncate(size int64) {
	if size < d.size {
		last := size / chunkSize
		for i := range d.rest {
			if i > last || i == last && size%chunkSize == 0 {
				delete(d.rest, i)
			}
		}
		if size == 0 {
			d.first, d.base = nil, nil
		}
		if c := d.chunk(last); c != nil && int64(len(c)) > size-last*chunkSize {
			d.setChunk(last, c[:size-last*chunkSize])
		}
		d.baseLen = min(d.baseLen, size)
	}
	d.size = size
}

// ReadAll reads a Content whole, at most max bytes.
func ReadAll(c Content, max int64) []byte {
	p := make([]byte, min(c.Size(), max))
	n, _ := c.ReadAt(p, 0)
	return p[:n]
}
