package internet

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// archive makes an archive that unpacks to what its name promises: a folder with
// a program of that name and a configuration beside it.
func (n *Internet) archive(host, path, base, ext string) answer {
	name := base
	for _, s := range []string{".tar.gz", ".tgz", ".tar", ".zip", ".gz"} {
		name = strings.TrimSuffix(name, s)
	}
	if name == "" {
		name = "app"
	}
	prog := name
	if i := strings.IndexAny(name, "-_."); i > 0 {
		prog = name[:i]
	}
	h := n.hash("archive", host, path)
	size := 300_000 + int64(binary.BigEndian.Uint32(h[:4])%900_000)
	bin := vfs.ReadAll(kernel.ELF("download:"+host+path, size, n.arch(base)), size)
	when := time.Unix(1_600_000_000+int64(binary.BigEndian.Uint32(h[4:8])%90_000_000), 0).UTC()
	files := []struct {
		name string
		mode int64
		data []byte
	}{{name + "/" + prog, 0o755, bin}, {name + "/config.json", 0o644, []byte("{}\n")}}
	var b bytes.Buffer
	switch ext {
	case "zip":
		z := zip.NewWriter(&b)
		for _, f := range files {
			hd := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: when}
			hd.SetMode(0o755)
			w, err := z.CreateHeader(hd)
			if err != nil {
				return answer{500, "text/plain", nil}
			}
			_, _ = w.Write(f.data) // a buffer takes all
		}
		_ = z.Close()
		return answer{200, "application/zip", vfs.Bytes(b.Bytes())}
	case "gz":
		if !strings.HasSuffix(strings.ToLower(base), ".tar.gz") {
			g := gzip.NewWriter(&b)
			_, _ = g.Write(bin) // a buffer takes all
			_ = g.Close()
			return answer{200, "application/gzip", vfs.Bytes(b.Bytes())}
		}
	}
	var raw bytes.Buffer
	t := tar.NewWriter(&raw)
	// A buffer takes all, and the sizes are the data's own.
	_ = t.WriteHeader(&tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: when})
	for _, f := range files {
		_ = t.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: when, Typeflag: tar.TypeReg})
		_, _ = t.Write(f.data)
	}
	_ = t.Close()
	if ext == "tar" {
		return answer{200, "application/x-tar", vfs.Bytes(raw.Bytes())}
	}
	g := gzip.NewWriter(&b)
	_, _ = g.Write(raw.Bytes())
	_ = g.Close()
	return answer{200, "application/gzip", vfs.Bytes(b.Bytes())}
}
