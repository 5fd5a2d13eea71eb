package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// apis are the versions that the suites' client is told for older releases; it would
// otherwise speak the newest and be refused.
var apis = map[string]string{"26.1.5": "1.45", "20.10.24": "1.41"}

// decoy is one that serves on a port of loopback, with a data directory of its own.
type decoy struct {
	cmd     *exec.Cmd
	dir     string
	addr    string
	persona string
}

// startDecoy starts one that says what Debian's builds of the release say, on a host
// with the control groups' first version, as the daemons that made the lists had.
func startDecoy(ctx context.Context, k *kit, persona string) (*decoy, error) {
	dir, err := os.MkdirTemp("", "wf-conformance-")
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := ln.Addr().String()
	_ = ln.Close() // the decoy takes the port a moment later
	log, err := os.Create(filepath.Join(dir, "serve.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	d := &decoy{dir: dir, addr: addr, persona: persona}
	d.cmd = exec.Command(k.decoy, "serve", "--data", filepath.Join(dir, "data"), "--persona", "docker-"+persona+"-debian", "--host", "empty", "--latency", "none", "--listen", addr, "--web", "")
	d.cmd.Stdout, d.cmd.Stderr = log, log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get("http://" + addr + "/_ping")
		if err == nil {
			_ = resp.Body.Close()
			break
		}
		if time.Now().After(end) {
			said, _ := os.ReadFile(log.Name())
			d.stop()
			return nil, fmt.Errorf("the decoy does not answer: %w\n%s", err, said)
		}
	}
	if err := d.images(ctx); err != nil {
		d.stop()
		return nil, err
	}
	return d, nil
}

// images brings what the suites look for before their first test.
func (d *decoy) images(ctx context.Context) error {
	do := func(path string, more ...string) error {
		method, body := http.MethodPost, ""
		if len(more) > 0 && more[0] == http.MethodDelete {
			method = more[0]
		} else if len(more) > 0 {
			body = more[0]
		}
		req, err := http.NewRequestWithContext(ctx, method, "http://"+d.addr+path, strings.NewReader(body))
		if err != nil {
			return err
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode >= 300 {
			return fmt.Errorf("%s: %s", path, resp.Status)
		}
		var b [64 << 10]byte
		for {
			if _, err := resp.Body.Read(b[:]); err != nil {
				return nil
			}
		}
	}
	var errs []error
	for _, ref := range []string{"busybox:latest", "busybox:glibc", "debian:bookworm-slim", "hello-world:latest"} {
		name, tag, _ := strings.Cut(ref, ":")
		errs = append(errs, do("/images/create?fromImage="+name+"&tag="+tag))
	}
	// The suites want an image of its own under this tag, which in the catalogue, as on
	// Docker Hub, is one with latest.
	errs = append(errs, do("/containers/create?name=glibc", `{"Image":"busybox:latest","Cmd":["sh"]}`), do("/commit?container=glibc&repo=busybox&tag=glibc"), do("/containers/glibc", "DELETE"))
	for _, tag := range []string{"frozen", "amd64", "arm64"} {
		errs = append(errs, do("/images/hello-world:latest/tag?repo=hello-world&tag="+tag))
	}
	return errors.Join(errs...)
}

// env is what the suites are told.
func (d *decoy) env() []string {
	e := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "DOCKER_") || strings.HasPrefix(v, "OTEL_") })
	e = append(e, "DOCKER_HOST=tcp://"+d.addr, "DOCKER_REMOTE_DAEMON=1", "DOCKER_BUILDKIT=0", "DOCKER_CLI_HINTS=false", "DOCKER_CONFIG="+filepath.Join(d.dir, "config"))
	if v := apis[d.persona]; v != "" {
		e = append(e, "DOCKER_API_VERSION="+v)
	}
	return e
}

func (d *decoy) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	t := time.AfterFunc(20*time.Second, func() { _ = d.cmd.Process.Kill() })
	_ = d.cmd.Wait()
	t.Stop()
	_ = os.RemoveAll(d.dir)
}
