package front

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"
	"go.uber.org/goleak"

	"github.com/whalefall/whalefall/internal/engineapi"
	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
	"github.com/whalefall/whalefall/internal/persona"
	"github.com/whalefall/whalefall/internal/program"
	"github.com/whalefall/whalefall/internal/shell"
	"github.com/whalefall/whalefall/internal/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDockerOnTheHost runs the client on the host, from a chroot into its root, and
// compares what it prints with what the world has.
func TestDockerOnTheHost(t *testing.T) {
	p, err := persona.Get("docker-20.10.24")
	if err != nil {
		t.Fatal(err)
	}
	r := kernel.NewRegistry()
	program.Register(r)
	shell.Register(r)
	h, err := world.NewHost(world.Config{Secret: bytes.Repeat([]byte("f"), 32), Clock: kerneltest.Real{}, Programs: r, Kind: "lived-in", Persona: p.Name, Release: Release(p)})
	if err != nil {
		t.Fatal(err)
	}
	m := world.NewManager(h, world.ManagerConfig{})
	api := engineapi.New(engineapi.Config{Persona: p, Worlds: New(m, p)})
	stop := ServeInside(h, api)
	t.Cleanup(func() {
		stop()
		ctx, end := context.WithTimeout(context.Background(), 10*time.Second)
		defer end()
		if err := m.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	c := world.Caller{Source: netip.MustParseAddr("198.51.100.9"), Conn: "c1", Req: 1}
	ctx := world.WithCaller(context.Background(), c)
	w, err := m.World(ctx, c, world.Query{Changes: true})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := reference.ParseNormalizedNamed("alpine:latest")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.PullImage(ctx, ref, nil, nil, nil, io.Discard); err != nil {
		t.Fatal(err)
	}
	on := func(code string) string {
		t.Helper()
		made, err := w.ContainerCreate(ctx, backend.ContainerCreateConfig{Config: &container.Config{Image: "alpine", Cmd: []string{"chroot", "/mnt", "/bin/sh", "-c", code}, Tty: true},
			HostConfig: &container.HostConfig{Binds: []string{"/:/mnt"}, AutoRemove: false}})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.ContainerStart(ctx, made.ID, "", ""); err != nil {
			t.Fatal(err)
		}
		waits, stop := context.WithTimeout(ctx, 20*time.Second)
		defer stop()
		ch, err := w.ContainerWait(waits, made.ID, container.WaitConditionNotRunning)
		if err != nil {
			t.Fatal(err)
		}
		if s := <-ch; s.Err() != nil {
			t.Fatalf("%s: %v", code, s.Err())
		}
		logs, _, err := w.ContainerLogs(ctx, made.ID, &container.LogsOptions{ShowStdout: true, ShowStderr: true})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for l := range logs {
			b.Write(l.Line)
		}
		_ = w.ContainerRm(made.ID, &backend.ContainerRmConfig{ForceRemove: true})
		return strings.ReplaceAll(b.String(), "\r", "")
	}
	has, err := w.Containers(ctx, &container.ListOptions{All: true})
	if err != nil || len(has) == 0 {
		t.Fatalf("the host has %d containers: %v", len(has), err)
	}
	ps := on("docker ps -a")
	if !strings.HasPrefix(ps, "CONTAINER ID   IMAGE") {
		t.Errorf("ps begins %q", ps)
	}
	for _, c := range has {
		if name := strings.TrimPrefix(c.Names[0], "/"); !strings.Contains(ps, c.ID[:12]) || !strings.Contains(ps, name+"\n") {
			t.Errorf("ps has no %s %s:\n%s", c.ID[:12], name, ps)
		}
	}
	for _, row := range []struct{ code, want string }{
		{"docker run --rm alpine sh -c 'echo in $(hostname | wc -c); exit 3'; echo $?", "in 13\n3\n"},
		{"echo fed | docker run -i --rm alpine cat", "fed\n"},
		{"docker run -d --name one alpine sleep 1000 | wc -c; docker exec one sh -c 'exit 4'; echo $?", "65\n4\n"},
		{"docker inspect -f '{{.State.Running}} {{.Name}} {{json .Config.Cmd}}' one", `true /one ["sleep","1000"]` + "\n"},
		{"p=$(docker inspect -f '{{.State.Pid}}' one); cat /proc/$p/comm; docker top one -o pid,comm | tail -1 | grep -c $p", "sleep\n1\n"},
		{"docker rm one; echo $?", "Error response from daemon: You cannot remove a running container "},
		{"docker ps | grep 'sleep 1000' | awk '{print $1}' | xargs docker kill | wc -c; docker rm -f one; docker rm one", "13\none\nError response from daemon: No such container: one\n"},
		{"docker run nothere/x:1 2>&1 | head -1", "Unable to find image 'nothere/x:1' locally\n"},
		{"curl -s --unix-socket /var/run/docker.sock http://x/_ping", "OK"},
		{"docker version | grep -A2 Engine: | grep -c 20.10.24", "1\n"},
		{"DOCKER_HOST=tcp://127.0.0.1:1 docker ps", "Cannot connect to the Docker daemon at tcp://127.0.0.1:1. Is the docker daemon running?\n"},
	} {
		if got := on(row.code); !strings.HasPrefix(got, row.want) {
			t.Errorf("%s\n got %q\nwant %q", row.code, got, row.want)
		}
	}
}
