package vfs

import (
	"archive/tar"
	"bytes"
	"compress/flate"
	"io"
	"strings"
)

// Kept is what an archive had beside the contents of its files: heads, their order,
// padding. With the tree that was read of it, it gives the archive's bytes again, as
// dockerd keeps them of every layer (tar-split).
type Kept struct {
	files []keptFile
	rest  []byte // compressed
	size  int64  // of the rest
}

// keptFile is a file whose content stands after so much of the rest.
type keptFile struct {
	after int64
	path  string
	size  int64
}

// keptLimit bounds the rest of one archive, before it is compressed.
const keptLimit = 8 << 20

// keeper reads for an archive's reader and keeps what is no content.
type keeper struct {
	r     io.Reader
	rest  []byte
	files []keptFile
	seen  map[string]bool
	skip  int64
	lost  bool // the archive's bytes will not come again
}

func (k *keeper) Read(p []byte) (int, error) {
	n, err := k.r.Read(p)
	b := p[:n]
	over := min(k.skip, int64(n))
	k.skip -= over
	b = b[over:]
	if k.lost || len(k.rest)+len(b) > keptLimit {
		k.lost, k.rest = true, nil
	} else {
		k.rest = append(k.rest, b...)
	}
	return n, err
}

// file says that the archive's reader stands before a file's content; whole tells
// whether the tree will have all of it.
func (k *keeper) file(p string, h *tar.Header, whole bool) {
	if k == nil || k.lost || h.Size == 0 {
		return
	}
	for r := range h.PAXRecords {
		if strings.HasPrefix(r, "GNU.sparse.") {
			whole = false
		}
	}
	if !whole || k.seen[p] || h.Typeflag != tar.TypeReg {
		k.lost, k.rest = true, nil
		return
	}
	k.seen[p] = true
	k.files = append(k.files, keptFile{int64(len(k.rest)), p, h.Size})
	k.skip = h.Size
}

// ReadTarKept reads a layer as [ReadTar] does, to the stream's end, and keeps what gives
// the same stream again; nil where that cannot be had.
func ReadTarKept(b *LayerBuilder, r io.Reader, lim TarLimits) (*Layer, *Kept, error) {
	k := &keeper{r: r, seen: map[string]bool{}}
	if err := readTar(b, k, lim, k); err != nil {
		return nil, nil, err
	}
	if _, err := io.Copy(io.Discard, k); err != nil {
		return nil, nil, err
	}
	l := b.Build()
	if k.lost {
		return l, nil, nil
	}
	for _, f := range k.files {
		if n := l.at(f.path); n == nil || !n.mode.IsRegular() || n.content == nil || n.content.Size() != f.size {
			return l, nil, nil
		}
	}
	var z bytes.Buffer
	w, err := flate.NewWriter(&z, flate.BestSpeed)
	if err != nil {
		return nil, nil, err
	}
	if _, err := w.Write(k.rest); err != nil {
		return nil, nil, err
	}
	if err := w.Close(); err != nil {
		return nil, nil, err
	}
	return l, &Kept{files: k.files, rest: bytes.Clone(z.Bytes()), size: int64(len(k.rest))}, nil
}

// at is the layer's entry of a clean path; links are not followed.
func (l *Layer) at(p string) *layerNode {
	n := l.root
	for _, name := range strings.Split(strings.Trim(p, "/"), "/") {
		if n == nil {
			return nil
		}
		n = n.kids[name]
	}
	return n
}

// Write writes the archive again, with the contents of the layer's files.
func (k *Kept) Write(w io.Writer, l *Layer) error {
	rest := flate.NewReader(bytes.NewReader(k.rest))
	var at int64
	for _, f := range k.files {
		if _, err := io.CopyN(w, rest, f.after-at); err != nil {
			return err
		}
		at = f.after
		c := l.at(f.path).content
		if _, err := io.Copy(w, io.NewSectionReader(readerAt{c}, 0, f.size)); err != nil {
			return err
		}
	}
	_, err := io.CopyN(w, rest, k.size-at)
	return err
}
