package fidelity

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/whalefall/whalefall/test/oracle"
)

// client is an HTTP client over a dialler.
func client(d Dialer) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return d.Dial(ctx) },
	}}
}

// applets are what the scenarios run.
var applets = []string{"sh", "ash", "sleep", "echo", "cat", "ls", "true", "false", "id", "ps", "touch", "rm", "mkdir", "date", "env", "hostname", "kill", "printf", "tr", "wc", "head", "yes", "stty"}

// ImportReal gives a real daemon the image busybox:latest, made of Debian's static
// busybox, with what the image of that name has in its configuration.
func ImportReal(ctx context.Context, d *oracle.Daemon) error {
	bin := filepath.Join(d.Root, "bin/busybox")
	if _, err := os.Stat(bin); err != nil {
		bin = filepath.Join(d.Root, "usr/bin/busybox")
	}
	b, err := os.ReadFile(bin)
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, dir := range []string{"bin/", "etc/", "tmp/", "root/", "home/", "var/", "usr/", "dev/", "proc/", "sys/"} {
		mode := int64(0o755)
		if dir == "tmp/" {
			mode = 0o1777
		}
		w.WriteHeader(&tar.Header{Name: dir, Typeflag: tar.TypeDir, Mode: mode})
	}
	w.WriteHeader(&tar.Header{Name: "bin/busybox", Mode: 0o755, Size: int64(len(b))})
	w.Write(b)
	for _, a := range applets {
		w.WriteHeader(&tar.Header{Name: "bin/" + a, Typeflag: tar.TypeSymlink, Linkname: "busybox"})
	}
	for n, t := range map[string]string{"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/group": "root:x:0:\n"} {
		w.WriteHeader(&tar.Header{Name: n, Mode: 0o644, Size: int64(len(t))})
		io.WriteString(w, t)
	}
	w.Close()
	return post(ctx, d, busyboxImport, &buf)
}

// busyboxImport makes an archive the image busybox:latest.
var busyboxImport = "/images/create?" + url.Values{"fromSrc": {"-"}, "repo": {"busybox"}, "tag": {"latest"}, "changes": {`CMD ["sh"]`, "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}.Encode()

func post(ctx context.Context, d Dialer, path string, body io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, "POST", "http://decoy"+path, body)
	if err != nil {
		return err
	}
	res, err := client(d).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != 200 || strings.Contains(string(b), "errorDetail") {
		return fmt.Errorf("%s: %s: %s", path, res.Status, b)
	}
	return nil
}

// prepareDecoy gives the decoy the image the scenarios use.
func prepareDecoy(d Dialer) error {
	return post(context.Background(), d, "/images/create?fromImage=busybox&tag=latest", nil)
}

// ImportDecoy gives the decoy the image as ImportReal gives it to a real daemon: an
// archive, here of the catalogue's own busybox, with the same configuration.
func ImportDecoy(d Dialer) error {
	ctx := context.Background()
	if err := prepareDecoy(d); err != nil {
		return err
	}
	ask := func(method, path, body string) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, method, "http://decoy"+path, strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		res, err := client(d).Do(req)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err == nil && res.StatusCode >= 400 {
			err = fmt.Errorf("%s %s: %s %s", method, path, res.Status, b)
		}
		return b, err
	}
	if _, err := ask("POST", "/containers/create?name=source", `{"Image":"busybox"}`); err != nil {
		return err
	}
	layer, err := ask("GET", "/containers/source/export", "")
	if err != nil {
		return err
	}
	for _, p := range []string{"/containers/source", "/images/busybox"} {
		if _, err := ask("DELETE", p, ""); err != nil {
			return err
		}
	}
	return post(ctx, d, busyboxImport, bytes.NewReader(layer))
}
