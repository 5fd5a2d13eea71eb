package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

var (
	verdict = regexp.MustCompile(`(?m)^\x16? *--- (PASS|FAIL|SKIP): (\S+) `)
	began   = regexp.MustCompile(`(?m)^\x16?=== RUN +(\S+)$`)
	digest  = regexp.MustCompile(`sha256:[0-9a-f]{64}`)
	pointer = regexp.MustCompile(`0x[0-9a-f]+`)
)

// verdicts reads what `go test -v` prints; prefix is cut off the names.
func verdicts(out []byte, prefix string, into map[string]string) {
	clean := func(n []byte) (string, bool) {
		s := pointer.ReplaceAllString(digest.ReplaceAllString(string(n), "sha256:ID"), "0x")
		return strings.CutPrefix(s, prefix)
	}
	for _, m := range verdict.FindAllSubmatch(out, -1) {
		if n, ok := clean(m[2]); ok && into[n] != "pass" {
			into[n] = strings.ToLower(string(m[1]))
		}
	}
	for _, m := range began.FindAllSubmatch(out, -1) {
		if n, ok := clean(m[1]); ok && into[n] == "" {
			into[n] = "hang"
		}
	}
}

// tail is the log of a suite that knows when it was last written.
type tail struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	last time.Time
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = time.Now()
	return t.buf.Write(p)
}

func (t *tail) silence() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(t.last)
}

func (t *tail) all() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.buf.Bytes())
}

// start runs a compiled suite; who is silent for limit is killed with its children.
func start(ctx context.Context, dir, bin string, env []string, limit time.Duration, args ...string) []byte {
	t := &tail{last: time.Now()}
	c := exec.CommandContext(ctx, bin, args...)
	c.Dir, c.Env, c.Stdout, c.Stderr = dir, env, t, t
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second
	if err := c.Start(); err != nil {
		fmt.Fprintln(t, err)
		return t.buf.Bytes()
	}
	done := make(chan struct{})
	go func() { // ends with the process
		_ = c.Wait()
		close(done)
	}()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return t.all()
		case <-tick.C:
			if t.silence() > limit {
				_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
			}
		}
	}
}

// runAPI runs each test of a package in a process of its own: some panic.
func runAPI(ctx context.Context, k *kit, j job, d *decoy, limit time.Duration, log *os.File) (map[string]string, error) {
	seen := map[string]string{}
	dir := filepath.Join(k.copyOf(j.persona), "integration", j.pkg)
	for _, t := range tops(j.names) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		out := start(ctx, dir, k.suite(j.pkg), d.env(), limit, "-test.v", "-test.count=1", "-test.run", "^"+t+"$")
		if _, err := log.Write(out); err != nil {
			return nil, err
		}
		verdicts(out, "", seen)
	}
	return seen, nil
}

// runCLI runs the listed tests of one of the CLI's suites. A hang or a crash costs
// the test it happened in: the suite goes on after it. In the form that test2json
// reads, a subtest's verdict comes when it ends and not with its parent's.
func runCLI(ctx context.Context, k *kit, j job, d *decoy, limit time.Duration, log *os.File) (map[string]string, error) {
	seen := map[string]string{}
	dir := filepath.Join(k.copyOf(j.persona), "integration-cli")
	left := tops(j.names)
	for len(left) > 0 {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		out := start(ctx, dir, k.suite("cli"), d.env(), limit, "-test.v=test2json", "-test.timeout=60m", "-test.run", "^"+j.pkg+"$/^("+strings.Join(left, "|")+")$")
		if _, err := log.Write(out); err != nil {
			return nil, err
		}
		verdicts(out, j.pkg+"/", seen)
		var rest []string
		for _, n := range left {
			if seen[n] == "" {
				rest = append(rest, n)
			}
		}
		if len(rest) == len(left) {
			break
		}
		left = rest
	}
	return seen, nil
}
