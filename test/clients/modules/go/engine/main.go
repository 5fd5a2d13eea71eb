// A piece of work with Docker's own Go client.
package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"sort"
	"strings"
	"time"

	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/docker/go-connections/nat"

	"github.com/whalefall/whalefall/test/clients/modules/go/show"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		log.Fatal(err)
	}
	show.Section("ping", func() (any, error) { return c.Ping(ctx) })
	show.Section("negotiated", func() (any, error) { return c.ClientVersion(), nil })
	show.Section("version", func() (any, error) {
		v, err := c.ServerVersion(ctx)
		return []string{v.Version, v.APIVersion, v.MinAPIVersion, v.Os, v.Arch, v.Platform.Name}, err
	})
	show.Section("create without the image", func() (any, error) {
		return c.ContainerCreate(ctx, &container.Config{Image: "nothing:here"}, nil, nil, nil, "")
	})
	var id string
	show.Section("create", func() (any, error) {
		r, err := c.ContainerCreate(ctx, &container.Config{Image: "busybox", Cmd: []string{"sh", "-c", "while read l; do echo got $l; echo also $l >&2; done; exit 6"}, OpenStdin: true, StdinOnce: true,
			AttachStdin: true, AttachStdout: true, AttachStderr: true, Env: []string{"A=b"}, Labels: map[string]string{"role": "go"}, ExposedPorts: nat.PortSet{"80/tcp": {}},
			Healthcheck: &container.HealthConfig{Test: []string{"CMD", "true"}, Interval: time.Hour}},
			&container.HostConfig{PortBindings: nat.PortMap{"80/tcp": {{HostIP: "127.0.0.1", HostPort: "18086"}}}, Resources: container.Resources{Memory: 64 << 20}}, nil, nil, "gobox")
		id = r.ID
		return r, err
	})
	show.Section("attach, start, write, read, wait", func() (any, error) {
		h, err := c.ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
		if err != nil {
			return nil, err
		}
		defer h.Close()
		waited, failed := c.ContainerWait(ctx, id, container.WaitConditionNextExit)
		if err := c.ContainerStart(ctx, id, container.StartOptions{}); err != nil {
			return nil, err
		}
		fmt.Fprint(h.Conn, "one\ntwo\n")
		h.CloseWrite()
		var out, errs bytes.Buffer
		if _, err := stdcopy.StdCopy(&out, &errs, h.Reader); err != nil {
			return nil, err
		}
		select {
		case w := <-waited:
			return []any{out.String(), errs.String(), w}, nil
		case err := <-failed:
			return nil, err
		}
	})
	show.Section("inspect", func() (any, error) {
		i, err := c.ContainerInspect(ctx, id)
		return []any{i.Name, i.Path, i.Args, i.State.Status, i.State.ExitCode, i.RestartCount, i.Driver, i.Config, i.HostConfig.PortBindings, i.HostConfig.Memory, i.NetworkSettings.Networks}, err
	})
	show.Section("logs", func() (any, error) {
		r, err := c.ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
		if err != nil {
			return nil, err
		}
		var out, errs bytes.Buffer
		_, err = stdcopy.StdCopy(&out, &errs, r)
		return []string{out.String(), errs.String()}, err
	})
	show.Section("restart with a terminal exec", func() (any, error) {
		r, err := c.ContainerCreate(ctx, &container.Config{Image: "busybox", Tty: true, Cmd: []string{"sleep", "600"}}, &container.HostConfig{Init: new(bool)}, nil, nil, "gokeep")
		if err != nil {
			return nil, err
		}
		if err := c.ContainerStart(ctx, r.ID, container.StartOptions{}); err != nil {
			return nil, err
		}
		size := [2]uint{33, 111}
		e, err := c.ContainerExecCreate(ctx, "gokeep", container.ExecOptions{Cmd: []string{"sh", "-c", "stty size; read x; echo $x; exit 5"}, Tty: true, AttachStdin: true, AttachStdout: true, ConsoleSize: &size})
		if err != nil {
			return nil, err
		}
		h, err := c.ContainerExecAttach(ctx, e.ID, container.ExecAttachOptions{Tty: true, ConsoleSize: &size})
		if err != nil {
			return nil, err
		}
		defer h.Close()
		fmt.Fprint(h.Conn, "typed\n")
		b, err := io.ReadAll(h.Reader)
		if err != nil {
			return nil, err
		}
		i, err := c.ContainerExecInspect(ctx, e.ID)
		lines := strings.Split(string(b), "\r\n")
		sort.Strings(lines) // the echo of the terminal may come before or after
		return []any{lines, i.ExitCode, i.Running}, err
	})
	show.Section("copy in, stat, copy out", func() (any, error) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		_ = w.WriteHeader(&tar.Header{Name: "go.txt", Mode: 0o600, Size: 5, ModTime: time.Unix(1600000000, 0)})
		_, _ = io.WriteString(w, "hello")
		_ = w.Close()
		if err := c.CopyToContainer(ctx, "gokeep", "/tmp", &b, container.CopyToContainerOptions{}); err != nil {
			return nil, err
		}
		st, err := c.ContainerStatPath(ctx, "gokeep", "/tmp/go.txt")
		if err != nil {
			return nil, err
		}
		r, _, err := c.CopyFromContainer(ctx, "gokeep", "/tmp/go.txt")
		if err != nil {
			return nil, err
		}
		defer r.Close()
		t := tar.NewReader(r)
		hd, err := t.Next()
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(t)
		return []any{st, hd.Name, hd.Mode, hd.Size, hd.ModTime.Unix(), string(text)}, err
	})
	show.Section("no such path", func() (any, error) { return c.ContainerStatPath(ctx, "gokeep", "/nofile") })
	show.Section("network with two endpoints", func() (any, error) {
		n, err := c.NetworkCreate(ctx, "gonet", network.CreateOptions{Labels: map[string]string{"a": "b"}, IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: "10.81.0.0/24"}}}})
		if err != nil {
			return nil, err
		}
		if err := c.NetworkConnect(ctx, n.ID, "gokeep", &network.EndpointSettings{Aliases: []string{"pal"}}); err != nil {
			return nil, err
		}
		i, err := c.NetworkInspect(ctx, "gonet", network.InspectOptions{Verbose: true})
		return i, err
	})
	show.Section("network in use", func() (any, error) { return nil, c.NetworkRemove(ctx, "gonet") })
	show.Section("network gone", func() (any, error) {
		if err := c.NetworkDisconnect(ctx, "gonet", "gokeep", true); err != nil {
			return nil, err
		}
		return nil, c.NetworkRemove(ctx, "gonet")
	})
	show.Section("volumes", func() (any, error) {
		if _, err := c.VolumeCreate(ctx, volume.CreateOptions{Name: "govol", Labels: map[string]string{"a": "b"}}); err != nil {
			return nil, err
		}
		v, err := c.VolumeList(ctx, volume.ListOptions{Filters: filters.NewArgs(filters.Arg("label", "a=b"))})
		return v, err
	})
	show.Section("volume gone", func() (any, error) { return nil, c.VolumeRemove(ctx, "govol", false) })
	show.Section("volume gone already", func() (any, error) { return nil, c.VolumeRemove(ctx, "govol", false) })
	show.Section("build", func() (any, error) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		text := "FROM busybox\nARG V=1\nRUN echo built $V >/made\nLABEL by=go\nCMD [\"cat\",\"/made\"]\n"
		_ = w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o600, Size: int64(len(text))})
		_, _ = io.WriteString(w, text)
		_ = w.Close()
		two := "2"
		r, err := c.ImageBuild(ctx, &b, build.ImageBuildOptions{Tags: []string{"gobuilt:1"}, Remove: true, BuildArgs: map[string]*string{"V": &two}})
		if err != nil {
			return nil, err
		}
		defer r.Body.Close()
		log, err := io.ReadAll(r.Body)
		return string(log), err
	})
	show.Section("image", func() (any, error) {
		i, err := c.ImageInspect(ctx, "gobuilt:1")
		return []any{i.RepoTags, i.Config, i.Architecture, i.Os, len(i.RootFS.Layers)}, err
	})
	show.Section("images", func() (any, error) {
		is, err := c.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", "gobuilt"))})
		for k := range is {
			is[k].Created = 0
		}
		return is, err
	})
	show.Section("image gone", func() (any, error) {
		r, err := c.ImageRemove(ctx, "gobuilt:1", image.RemoveOptions{})
		return len(r), err
	})
	show.Section("pull without a network", func() (any, error) {
		_, err := c.ImagePull(ctx, "127.0.0.1:1/nope:1", image.PullOptions{})
		return nil, err
	})
	show.Section("events", func() (any, error) {
		ectx, stop := context.WithCancel(ctx)
		defer stop()
		es, errs := c.Events(ectx, events.ListOptions{Filters: filters.NewArgs(filters.Arg("type", "container"))})
		time.Sleep(300 * time.Millisecond)
		zero := 0
		go func() {
			_ = c.ContainerRename(ctx, "gokeep", "gokept")
			_ = c.ContainerRestart(ctx, "gokept", container.StopOptions{Timeout: &zero})
			_ = c.ContainerRemove(ctx, "gokept", container.RemoveOptions{Force: true})
			_ = c.ContainerRemove(ctx, "gobox", container.RemoveOptions{})
		}()
		var seen []string
		for {
			select {
			case e := <-es:
				seen = append(seen, fmt.Sprintf("%s %s %s", e.Action, e.Actor.Attributes["name"], e.Actor.Attributes["exitCode"]))
				if e.Action == "destroy" && e.Actor.Attributes["name"] == "gobox" {
					return seen, nil
				}
			case err := <-errs:
				return seen, err
			case <-time.After(10 * time.Second):
				return seen, fmt.Errorf("no more events")
			}
		}
	})
	show.Section("gone", func() (any, error) { return nil, c.ContainerStart(ctx, "gokept", container.StartOptions{}) })
	show.Section("swarm", func() (any, error) {
		_, err := c.SwarmInspect(ctx)
		return nil, err
	})
}
