package vfs

import (
	"archive/tar"
	"bytes"
	"strings"
	"testing"
	"time"
)

// archive writes entries as others' tools do: no order of names, owners, times, a
// comment in a PAX record, padding at the end.
func archive(t *testing.T, hs []tar.Header, contents map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range hs {
		c := contents[h.Name]
		h.Size = int64(len(c))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(c)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b.Write(make([]byte, 8192))
	return b.Bytes()
}

// TestKept reads archives and has their bytes again, but where a tree cannot have all.
func TestKept(t *testing.T) {
	long := strings.Repeat("long/", 40) + "name"
	contents := map[string]string{"z": "last first", "a/b": strings.Repeat("x", 5000), long: "deep", "empty": ""}
	hs := []tar.Header{
		{Name: "z", Typeflag: tar.TypeReg, Mode: 0o100640, Uid: 7, Uname: "who", ModTime: time.Unix(1e9, 5), Format: tar.FormatPAX},
		{Name: "a/", Typeflag: tar.TypeDir, Mode: 0o700},
		{Name: "a/b", Typeflag: tar.TypeReg, Mode: 0o644, PAXRecords: map[string]string{"comment": "kept"}},
		{Name: "empty", Typeflag: tar.TypeReg, Mode: 0o644},
		{Name: "h", Typeflag: tar.TypeLink, Linkname: "z"},
		{Name: "s", Typeflag: tar.TypeSymlink, Linkname: "a/b"},
		{Name: long, Typeflag: tar.TypeReg, Mode: 0o644},
	}
	for name, c := range map[string]struct {
		hs   []tar.Header
		kept bool
	}{
		"all kinds":     {hs, true},
		"nothing":       {nil, true},
		"then emptied":  {append(append([]tar.Header{}, hs...), tar.Header{Name: "./z", Typeflag: tar.TypeReg, Mode: 0o644}), false},
		"twice":         {append(append([]tar.Header{}, hs...), hs[0]), false},
		"then a folder": {append(append([]tar.Header{}, hs...), tar.Header{Name: "z/", Typeflag: tar.TypeDir, Mode: 0o755}), false},
	} {
		in := archive(t, c.hs, contents)
		l, k, err := ReadTarKept(NewLayerBuilder(), bytes.NewReader(in), TarLimits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if k == nil {
			if c.kept {
				t.Errorf("%s: not kept", name)
			}
			continue
		}
		var out bytes.Buffer
		if err := k.Write(&out, l); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(in, out.Bytes()) {
			t.Errorf("%s: %d bytes became %d others", name, len(in), out.Len())
		}
		if !c.kept {
			t.Errorf("%s: kept, though the tree cannot have it", name)
		}
	}
}
