package image

import (
	"io"
	"strconv"
	"strings"
)

func readGenerated(p []byte, off, size int64, at func(int64) byte) (int, error) {
	if off < 0 || off >= size {
		return 0, io.EOF
	}
	n := len(p)
	short := false
	if int64(n) > size-off {
		n, short = int(size-off), true
	}
	for i := range n {
		p[i] = at(off + int64(i))
	}
	if short {
		return n, io.EOF
	}
	return n, nil
}

// ResolveBlob makes a [Blob] from its description.
func ResolveBlob(desc string) (Blob, bool) {
	rest, ok := strings.CutPrefix(desc, "blob:")
	if !ok {
		return Blob{}, false
	}
	n, seed, ok := strings.Cut(rest, ":")
	if !ok {
		return Blob{}, false
	}
	l, err := strconv.ParseInt(n, 10, 64)
	if err != nil || l < 0 {
		return Blob{}, false
	}
	return Blob{Seed: seed, Len: l}, true
}
