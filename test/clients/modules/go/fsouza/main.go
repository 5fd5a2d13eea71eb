// A piece of work with go-dockerclient, the older of the two Go clients.
package main

import (
	"bytes"
	"fmt"
	"log"
	"sort"
	"strings"
	"time"

	docker "github.com/fsouza/go-dockerclient"

	"github.com/whalefall/whalefall/test/clients/modules/go/show"
)

func main() {
	c, err := docker.NewClientFromEnv()
	if err != nil {
		log.Fatal(err)
	}
	show.Section("ping", func() (any, error) { return nil, c.Ping() })
	show.Section("version", func() (any, error) {
		v, err := c.Version()
		if err != nil {
			return nil, err
		}
		return []string{v.Get("Version"), v.Get("ApiVersion"), v.Get("Os"), v.Get("Arch")}, nil
	})
	show.Section("create without the image", func() (any, error) {
		return c.CreateContainer(docker.CreateContainerOptions{Config: &docker.Config{Image: "nothing:here"}})
	})
	show.Section("create", func() (any, error) {
		k, err := c.CreateContainer(docker.CreateContainerOptions{Name: "fsbox", Config: &docker.Config{Image: "busybox", Cmd: []string{"sh", "-c", `trap "exit 7" TERM; echo up; while :; do sleep 0.1; done`}, Labels: map[string]string{"role": "fs"}, Env: []string{"A=b"}},
			HostConfig: &docker.HostConfig{Memory: 64 << 20, PortBindings: map[docker.Port][]docker.PortBinding{"80/tcp": {{HostIP: "127.0.0.1", HostPort: "18087"}}}}})
		if err != nil {
			return nil, err
		}
		return k.Name, nil
	})
	seen := make(chan *docker.APIEvents, 100)
	show.Section("listen", func() (any, error) { return nil, c.AddEventListener(seen) })
	time.Sleep(300 * time.Millisecond)
	show.Section("start", func() (any, error) { return nil, c.StartContainer("fsbox", nil) })
	show.Section("start again", func() (any, error) { return nil, c.StartContainer("fsbox", nil) })
	show.Section("inspect", func() (any, error) {
		k, err := c.InspectContainerWithOptions(docker.InspectContainerOptions{ID: "fsbox"})
		if err != nil {
			return nil, err
		}
		return []any{k.Name, k.State.Status, k.State.Running, k.Config.Cmd, k.Config.Env, k.HostConfig.Memory, k.NetworkSettings.Ports, k.NetworkSettings.IPAddress, k.Mounts}, nil
	})
	show.Section("exec", func() (any, error) {
		e, err := c.CreateExec(docker.CreateExecOptions{Container: "fsbox", Cmd: []string{"sh", "-c", "read x; echo got $x; echo bad >&2; exit 4"}, AttachStdin: true, AttachStdout: true, AttachStderr: true})
		if err != nil {
			return nil, err
		}
		var out, errs bytes.Buffer
		if err := c.StartExec(e.ID, docker.StartExecOptions{InputStream: strings.NewReader("line\n"), OutputStream: &out, ErrorStream: &errs}); err != nil {
			return nil, err
		}
		i, err := c.InspectExec(e.ID)
		if err != nil {
			return nil, err
		}
		return []any{out.String(), errs.String(), i.ExitCode, i.ProcessConfig}, nil
	})
	show.Section("logs", func() (any, error) {
		var out, errs bytes.Buffer
		err := c.Logs(docker.LogsOptions{Container: "fsbox", Stdout: true, Stderr: true, OutputStream: &out, ErrorStream: &errs, Tail: "all"})
		return []string{out.String(), errs.String()}, err
	})
	show.Section("download", func() (any, error) {
		var b bytes.Buffer
		err := c.DownloadFromContainer("fsbox", docker.DownloadFromContainerOptions{Path: "/tmp", OutputStream: &b})
		return b.Len(), err
	})
	show.Section("top", func() (any, error) {
		t, err := c.TopContainer("fsbox", "-o pid,args")
		return t.Titles, err
	})
	show.Section("stats", func() (any, error) {
		ch := make(chan *docker.Stats, 10)
		errs := make(chan error, 1)
		go func() {
			errs <- c.Stats(docker.StatsOptions{ID: "fsbox", Stats: ch, Stream: false, Timeout: 10 * time.Second})
		}()
		s := <-ch
		if s == nil {
			return nil, <-errs
		}
		var nets []string
		for n := range s.Networks {
			nets = append(nets, n)
		}
		return []any{s.MemoryStats.Limit, s.NumProcs, nets, s.PidsStats.Current > 0, s.CPUStats.OnlineCPUs > 0}, <-errs
	})
	show.Section("list", func() (any, error) {
		ks, err := c.ListContainers(docker.ListContainersOptions{Filters: map[string][]string{"label": {"role=fs"}}})
		var out []any
		for _, k := range ks {
			out = append(out, []any{k.Names, k.Image, k.Command, k.State, k.Ports, k.Labels, k.Networks.Networks["bridge"].IPAddress})
		}
		return out, err
	})
	show.Section("network", func() (any, error) {
		n, err := c.CreateNetwork(docker.CreateNetworkOptions{Name: "fsnet", Driver: "bridge", CheckDuplicate: true})
		if err != nil {
			return nil, err
		}
		if err := c.ConnectNetwork(n.ID, docker.NetworkConnectionOptions{Container: "fsbox"}); err != nil {
			return nil, err
		}
		i, err := c.NetworkInfo(n.ID)
		if err != nil {
			return nil, err
		}
		if err := c.DisconnectNetwork(n.ID, docker.NetworkConnectionOptions{Container: "fsbox"}); err != nil {
			return nil, err
		}
		return []any{i.Name, i.Driver, i.IPAM, len(i.Containers)}, c.RemoveNetwork(n.ID)
	})
	show.Section("volume", func() (any, error) {
		v, err := c.CreateVolume(docker.CreateVolumeOptions{Name: "fsvol"})
		if err != nil {
			return nil, err
		}
		return []any{v.Name, v.Driver, v.Mountpoint}, c.RemoveVolumeWithOptions(docker.RemoveVolumeOptions{Name: "fsvol"})
	})
	show.Section("commit, export, import", func() (any, error) {
		if _, err := c.CommitContainer(docker.CommitContainerOptions{Container: "fsbox", Repository: "fsmade", Tag: "1"}); err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := c.ExportImage(docker.ExportImageOptions{Name: "fsmade:1", OutputStream: &b}); err != nil {
			return nil, err
		}
		if err := c.RemoveImage("fsmade:1"); err != nil {
			return nil, err
		}
		if err := c.LoadImage(docker.LoadImageOptions{InputStream: &b}); err != nil {
			return nil, err
		}
		i, err := c.InspectImage("fsmade:1")
		if err != nil {
			return nil, err
		}
		return i.RepoTags, c.RemoveImage("fsmade:1")
	})
	show.Section("build", func() (any, error) {
		var out bytes.Buffer
		err := c.BuildImage(docker.BuildImageOptions{Name: "fsbuilt:1", ContextDir: "build", OutputStream: &out, RmTmpContainer: true})
		if err != nil {
			return out.String(), err
		}
		return out.String(), c.RemoveImage("fsbuilt:1")
	})
	show.Section("stop, wait, remove", func() (any, error) {
		if err := c.StopContainer("fsbox", 5); err != nil {
			return nil, err
		}
		code, err := c.WaitContainer("fsbox")
		if err != nil {
			return nil, err
		}
		return code, c.RemoveContainer(docker.RemoveContainerOptions{ID: "fsbox"})
	})
	show.Section("gone", func() (any, error) { return c.InspectContainerWithOptions(docker.InspectContainerOptions{ID: "fsbox"}) })
	show.Section("events", func() (any, error) {
		time.Sleep(300 * time.Millisecond)
		var out []string
		for {
			select {
			case e := <-seen:
				if e.Actor.Attributes["name"] == "fsbox" {
					out = append(out, fmt.Sprintf("%s %s", e.Type, e.Action))
				}
			default:
				sort.Strings(out)
				return out, nil
			}
		}
	})
}
