// A piece of work with testcontainers-go: a container that is waited for by what it logs.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/testcontainers/testcontainers-go"
	tcexec "github.com/testcontainers/testcontainers-go/exec"
	tclog "github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/whalefall/whalefall/test/clients/modules/go/show"
)

type quiet struct{}

func (quiet) Printf(string, ...any) {}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tclog.SetDefault(quiet{})
	var c testcontainers.Container
	show.Section("network", func() (any, error) {
		n, err := network.New(ctx, network.WithLabels(map[string]string{"a": "b"}))
		if err != nil {
			return nil, err
		}
		return n.Driver, n.Remove(ctx)
	})
	show.Section("run, wait for a line", func() (any, error) {
		var err error
		c, err = testcontainers.Run(ctx, "busybox",
			testcontainers.WithCmd("sh", "-c", "echo starting; sleep 0.3; echo ready to serve; while :; do sleep 0.1; done"),
			testcontainers.WithEnv(map[string]string{"A": "b"}),
			testcontainers.WithExposedPorts("80/tcp"),
			testcontainers.WithFiles(testcontainers.ContainerFile{Reader: bytes.NewBufferString("hello\n"), ContainerFilePath: "/tmp/tc.txt", FileMode: 0o640}),
			testcontainers.WithWaitStrategy(wait.ForLog("ready to serve").WithStartupTimeout(20*time.Second), wait.ForExec([]string{"true"})))
		return nil, err
	})
	if c == nil {
		return
	}
	show.Section("state", func() (any, error) {
		s, err := c.State(ctx)
		return []any{s.Status, s.Running, s.ExitCode}, err
	})
	show.Section("logs", func() (any, error) {
		r, err := c.Logs(ctx)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		return string(b), err
	})
	show.Section("exec", func() (any, error) {
		code, r, err := c.Exec(ctx, []string{"sh", "-c", "echo $A; cat /tmp/tc.txt; echo bad >&2; exit 4"}, tcexec.Multiplexed())
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(r)
		return []any{code, string(b)}, err
	})
	show.Section("port", func() (any, error) {
		p, err := c.MappedPort(ctx, "80/tcp")
		h, herr := c.Host(ctx)
		return []any{p.Num() >= 1024, p.Proto(), h, fmt.Sprint(herr)}, err
	})
	show.Section("copied out", func() (any, error) {
		r, err := c.CopyFileFromContainer(ctx, "/tmp/tc.txt")
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(r)
		return string(b), err
	})
	show.Section("address", func() (any, error) { return c.ContainerIP(ctx) })
	show.Section("inspect", func() (any, error) {
		i, err := c.Inspect(ctx)
		if err != nil {
			return nil, err
		}
		return []any{i.Config.Cmd, i.Config.Env, i.State.Status, i.Config.Image}, nil
	})
	show.Section("stop, terminate", func() (any, error) {
		zero := time.Duration(0)
		if err := c.Stop(ctx, &zero); err != nil {
			return nil, err
		}
		return c.IsRunning(), c.Terminate(ctx)
	})
	show.Section("a line that never comes", func() (any, error) {
		c, err := testcontainers.Run(ctx, "busybox", testcontainers.WithCmd("sh", "-c", "echo no; exit 3"), testcontainers.WithWaitStrategy(wait.ForLog("yes").WithStartupTimeout(3*time.Second)))
		if c != nil {
			defer func() { _ = c.Terminate(ctx) }()
		}
		return nil, err
	})
	show.Section("build", func() (any, error) {
		c, err := testcontainers.Run(ctx, "", testcontainers.WithDockerfile(testcontainers.FromDockerfile{Context: "build", Repo: "tcbuilt", Tag: "1"}), testcontainers.WithWaitStrategy(wait.ForExit()))
		if err != nil {
			return nil, err
		}
		r, err := c.Logs(ctx)
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		return string(b), c.Terminate(ctx)
	})
}
