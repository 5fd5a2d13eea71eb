// A piece of work with go-containerregistry's daemon transport: images out of a daemon,
// changed, and into it again.
package main

import (
	"archive/tar"
	"bytes"
	"io"
	"sort"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/daemon"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/whalefall/whalefall/test/clients/modules/go/show"
)

// hashed tells of each layer whether its bytes hash to what the configuration says.
func hashed(i v1.Image) (any, error) {
	c, err := i.ConfigFile()
	if err != nil {
		return nil, err
	}
	ls, err := i.Layers()
	if err != nil {
		return nil, err
	}
	var out []bool
	for k, l := range ls {
		r, err := l.Uncompressed()
		if err != nil {
			return nil, err
		}
		h, _, err := v1.SHA256(r)
		if err != nil {
			return nil, err
		}
		out = append(out, h == c.RootFS.DiffIDs[k])
	}
	return out, nil
}

func main() {
	busybox := name.MustParseReference("busybox:latest")
	var img v1.Image
	show.Section("image", func() (any, error) {
		var err error
		if img, err = daemon.Image(busybox); err != nil {
			return nil, err
		}
		c, err := img.ConfigFile()
		if err != nil {
			return nil, err
		}
		return []any{c.Architecture, c.OS, c.Config.Cmd, c.Config.Env, len(c.RootFS.DiffIDs), c.RootFS.Type}, nil
	})
	show.Section("its layers are what its configuration says", func() (any, error) { return hashed(img) })
	show.Section("its files", func() (any, error) {
		r := mutate.Extract(img)
		defer r.Close()
		t := tar.NewReader(r)
		var names []string
		for {
			h, err := t.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return names, err
			}
			switch n := strings.Trim(h.Name, "./"); n { // the two have not all files in common
			case "bin", "bin/sh", "etc/passwd", "tmp", "root":
				names = append(names, n)
			}
		}
		sort.Strings(names)
		return names, nil
	})
	show.Section("not buffered, an image that is none", func() (any, error) {
		i, err := daemon.Image(name.MustParseReference("nope:1"), daemon.WithUnbufferedOpener())
		if err != nil {
			return nil, err
		}
		_, err = i.Digest()
		return nil, err
	})
	made := name.MustParseReference("ggmade:1").(name.Tag)
	show.Section("write", func() (any, error) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		_ = w.WriteHeader(&tar.Header{Name: "gg.txt", Mode: 0o644, Size: 5})
		_, _ = io.WriteString(w, "hello")
		_ = w.Close()
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
		if err != nil {
			return nil, err
		}
		i, err := mutate.AppendLayers(img, l)
		if err != nil {
			return nil, err
		}
		if i, err = mutate.Config(i, v1.Config{Cmd: []string{"cat", "/gg.txt"}, Labels: map[string]string{"by": "gg"}}); err != nil {
			return nil, err
		}
		return daemon.Write(made, i)
	})
	show.Section("tag", func() (any, error) { return nil, daemon.Tag(made, name.MustParseReference("ggother:2").(name.Tag)) })
	show.Section("read again", func() (any, error) {
		i, err := daemon.Image(name.MustParseReference("ggother:2"), daemon.WithFileBufferedOpener())
		if err != nil {
			return nil, err
		}
		c, err := i.ConfigFile()
		if err != nil {
			return nil, err
		}
		ok, err := hashed(i)
		return []any{c.Config.Cmd, c.Config.Labels, len(c.RootFS.DiffIDs), ok}, err
	})
}
