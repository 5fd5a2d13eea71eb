package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Rewrite removes for good the events for which drop is true, from a journal that
// nobody writes to, and gives how many went. A segment is replaced by a whole new
// file, so a crash leaves the old one or the new one; numbers stay as they were.
func Rewrite(ctx context.Context, dir string, drop func(payload []byte) bool) (int, error) {
	segs, err := listSegments(dir)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, s := range segs {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n, err := rewriteSegment(s, drop)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func rewriteSegment(s segment, drop func([]byte) bool) (n int, err error) {
	in, err := os.Open(s.path)
	if err != nil {
		return 0, fmt.Errorf("rewrite the journal: %w", err)
	}
	defer in.Close()
	r := bufio.NewReaderSize(in, 1<<20)
	if err := readHeader(r, s.path); err != nil {
		if errors.Is(err, errTorn) {
			return 0, nil
		}
		return 0, err
	}
	tmp := s.path + ".new"
	out, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return 0, fmt.Errorf("rewrite the journal: %w", err)
	}
	defer os.Remove(tmp) // after the rename there is nothing to remove
	defer out.Close()
	w := bufio.NewWriterSize(out, 1<<20)
	w.Write(header(s.first))
	var buf, rec []byte
	for {
		seq, p, err := readRecord(r, buf)
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("rewrite the journal: %w", err)
		}
		buf = p
		if drop(p) {
			n++
			continue
		}
		rec = appendRecord(rec[:0], seq, p)
		w.Write(rec)
	}
	if n == 0 {
		return 0, nil
	}
	if err := w.Flush(); err != nil {
		return 0, fmt.Errorf("rewrite the journal: %w", err)
	}
	if err := out.Sync(); err != nil {
		return 0, fmt.Errorf("rewrite the journal: %w", err)
	}
	if st, err := in.Stat(); err == nil {
		chownLike(tmp, st)
	}
	if err := os.Rename(tmp, s.path); err != nil {
		return 0, fmt.Errorf("rewrite the journal: %w", err)
	}
	// A power cut must not bring back what was to go.
	d, err := os.Open(filepath.Dir(s.path))
	if err != nil {
		return 0, fmt.Errorf("rewrite the journal: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return 0, fmt.Errorf("rewrite the journal: %w", err)
	}
	return n, nil
}
