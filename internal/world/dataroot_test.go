package world

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"

	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
)

// TestDataRootFollows: what lies below /var/lib/docker says what the API says, also of
// containers that the visitor makes, and they go when they are removed.
func TestDataRootFollows(t *testing.T) {
	f := livedIn(t)
	id := f.create("mine", &container.Config{Image: "alpine", Cmd: sh("echo '<said>'; mkdir -p /a/b; rm -r /media; sleep 1000")}, &container.HostConfig{Binds: []string{"vol1:/data"}})
	if err := f.ContainerStart(f.ctx, id, "", ""); err != nil {
		t.Fatal(err)
	}
	f.until(func() bool { out, _ := f.logs(id); return out != "" })
	all := f.onHost("ls /var/lib/docker/containers")
	for _, c := range maps.Clone(f.containers) {
		if !strings.Contains(all, c.ID) {
			t.Errorf("no directory of %s in\n%s", c.Name, all)
		}
		in, err := f.ContainerInspect(f.ctx, c.ID, backend.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			ID, Name, Image, LogPath string
			State                    struct {
				Pid       int
				StartedAt string
			}
			Config *container.Config
		}
		if err := json.Unmarshal([]byte(f.onHost("cat /var/lib/docker/containers/"+c.ID+"/config.v2.json")), &file); err != nil {
			t.Fatal(err)
		}
		if file.ID != in.ID || file.Name != in.Name || file.Image != in.Image || file.State.Pid != in.State.Pid || file.State.StartedAt != in.State.StartedAt || file.Config.Hostname != in.Config.Hostname || file.LogPath != in.LogPath {
			t.Errorf("config.v2.json %+v, inspect %+v %+v", file, in.ContainerJSONBase, in.State)
		}
		lower := f.onHost("cd /var/lib/docker/overlay2/" + f.host.hexID("overlay", c.ID) + "; for l in $(tr : ' ' < lower); do readlink -f ../$l; done")
		if want := strings.ReplaceAll(in.GraphDriver.Data["LowerDir"], ":", "\n") + "\n"; lower != want {
			t.Errorf("lower of %s leads to\n%s, inspect has\n%s", c.Name, lower, want)
		}
	}
	dir := "/var/lib/docker/containers/" + id
	if out := f.onHost("cat " + dir + "/*-json.log"); !strings.HasPrefix(out, `{"log":"\u003csaid\u003e\n","stream":"stdout","time":"`) {
		t.Errorf("its log: %s", out)
	}
	want := "drwx--x--- drwx------ checkpoints\n-rw------- config.v2.json\n-rw------- hostconfig.json\n-rw-r--r-- hostname\n-rw-r--r-- hosts\n-rw-r----- " + id + "-json.log\ndrwx--x--- mounts\n-rw-r--r-- resolv.conf\n-rw-r--r-- resolv.conf.hash\n"
	got := f.onHost("cd " + dir + "; ls -ld . | cut -c1-11 | tr -d '\\n'; ls -l | tail -n +2 | sed 's/  */ /g' | cut -d' ' -f1,9 | sort -k2")
	if sortLines(got) != sortLines(want) {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	over := "/var/lib/docker/overlay2/" + f.host.hexID("overlay", id)
	if out := f.onHost("cd " + over + "; find diff; ls -l diff | grep media | cut -c1-10; ls merged/a; ls -A ../*-init/diff | grep -c dockerenv; cat merged/etc/alpine-release"); !strings.HasPrefix(out, "diff\ndiff/a\ndiff/a/b\ndiff/data\ndiff/media\nc---------\nb\n") {
		t.Errorf("overlay2: %s", out)
	}
	if out := f.onHost("echo x > " + over + "/merged/a/f; grep -c vol1 /var/lib/docker/volumes/metadata.db; ls -ld /var/lib/docker/volumes/vol1 | cut -c1-10"); out != "1\ndrwx-----x\n" {
		t.Errorf("volumes: %s", out)
	}
	if ch, _ := f.ContainerChanges(f.ctx, id); !slices.ContainsFunc(ch, func(c container.FilesystemChange) bool { return c.Path == "/a/f" }) {
		t.Errorf("what is written to merged is not in the container: %v", ch)
	}
	for _, i := range f.images.All() {
		h := strings.TrimPrefix(i.ID, "sha256:")
		if out := f.onHost("sha256sum /var/lib/docker/image/overlay2/imagedb/content/sha256/" + h); !strings.HasPrefix(out, h) {
			t.Errorf("an image's file is not its id: %s", out)
		}
	}
	if err := f.ContainerRm("mine", &backend.ContainerRmConfig{ForceRemove: true}); err != nil {
		t.Fatal(err)
	}
	if out := f.onHost("ls -d " + dir + " " + over + " " + over + "-init; grep -rl " + id + " /var/lib/docker/image; true"); strings.Contains(strings.ReplaceAll(out, "cannot access", ""), "overlay2/"+f.host.hexID("overlay", id)+"\n") || strings.Count(out, "No such file") != 3 {
		t.Errorf("after rm: %s", out)
	}
	// What a visitor does to it breaks nothing.
	f.onHost("rm -rf /var/lib/docker; mkdir /var/lib/docker; echo x > /var/lib/docker/containers")
	again := f.create("", &container.Config{Image: "alpine", Cmd: sh("echo still")}, nil)
	if err := f.ContainerStart(f.ctx, again, "", ""); err == nil {
		f.wait(again)
	}
	f.onHost("ls -laR /var/lib/docker")
}

func sortLines(s string) string { return strings.Join(slices.Sorted(strings.FieldsSeq(s)), " ") }

// TestLivedLogs: what lived-in containers logged fits their lives, is the same in
// json-file's file, and goes on.
func TestLivedLogs(t *testing.T) {
	for stack := range stacks {
		f := livedInStack(t, stack)
		for _, c := range maps.Clone(f.containers) {
			out, errs := f.logs(c.ID)
			if c.Config.Image != "traefik:latest" && strings.Count(out+errs, "\n") < 1 {
				t.Errorf("%s logged %q", c.Config.Image, out+errs)
			}
			file := f.onHost("cat /var/lib/docker/containers/" + c.ID + "/*-json.log")
			if n := strings.Count(file, "\n"); n < strings.Count(out+errs, "\n") {
				t.Errorf("%s: %d lines in its file, %d by the API", c.Config.Image, n, strings.Count(out+errs, "\n"))
			}
			last := c.Created
			for _, l := range c.log.lines {
				if l.t.Before(last) || l.t.After(f.now()) {
					t.Errorf("%s: %s at %v after %v", c.Config.Image, l.line, l.t, last)
					break
				}
				last = l.t.Add(-1e9) // programs may tell late what they did
			}
			if c.Running && c.FinishedAt.After(c.StartedAt) {
				t.Errorf("%s finished at %v, started at %v", c.Name, c.FinishedAt, c.StartedAt)
			}
		}
	}
}

// livedInStack is livedIn with a given stack.
func livedInStack(t *testing.T, stack int) *fixture {
	t.Helper()
	for i := range byte(250) {
		secret := bytes.Repeat([]byte{i}, 32)
		h, err := NewHost(Config{Secret: secret, Clock: kerneltest.Real{}})
		if err != nil {
			t.Fatal(err)
		}
		if h.stack()[0].name == stacks[stack][0].name {
			return fixtureOf(t, func(c *Config, _ *ManagerConfig) {
				c.Programs, c.Kind, c.Provider, c.Secret = every(), "lived-in", "hetzner", secret
				c.Installed = c.Clock.Now().Add(-3 * time.Hour)
			})
		}
	}
	t.Fatal("no secret gives the stack")
	return nil
}

func (f *fixture) until(done func() bool) {
	f.t.Helper()
	for range 500 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.t.Fatal("it does not come")
}
