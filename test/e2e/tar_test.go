package e2e

import (
	"archive/tar"
	"bytes"
)

// tarOf is an archive of one file.
func tarOf(name, text string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Format: tar.FormatPAX})
	w.Write([]byte(text))
	w.Close()
	return b.Bytes()
}
