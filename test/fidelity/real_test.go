package fidelity

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// importReal gives a real daemon the image busybox:latest, made of Debian's static
// busybox, with what the image of that name has in its configuration.
func importReal(ctx context.Context, d *oracle.Daemon) error {
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

// onReal runs f beside the real daemon of each release that was asked for, as a test of
// its own and for limit at the most.
func onReal(t *testing.T, limit time.Duration, f func(ctx context.Context, t *testing.T, r oracle.Release, d *oracle.Daemon)) {
	t.Helper()
	for _, r := range oracle.All {
		if *relOf != "" && !strings.Contains(r.Version, *relOf) {
			continue
		}
		t.Run(r.Version, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			d, err := oracle.Start(ctx, r, oracle.Options{Hostname: "decoy"})
			if errors.Is(err, oracle.ErrUnavailable) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer d.Stop()
			f(ctx, t, r, d)
		})
	}
}
