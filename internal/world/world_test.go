package world

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	imagetypes "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/stdcopy"
	"go.uber.org/goleak"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
	"github.com/whalefall/whalefall/internal/shell"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// programs is a registry with the shells and as much else as these tests need.
func programs() *kernel.Registry {
	r := kernel.NewRegistry()
	shell.Register(r)
	cat := func(t *kernel.Task) int {
		if args := t.Args(); len(args) > 1 {
			for _, a := range args[1:] {
				b, err := t.ReadFile(a)
				if err != nil {
					io.WriteString(t.Stderr(), "cat: "+a+": "+err.Error()+"\n")
					return 1
				}
				t.Stdout().Write(b)
			}
			return 0
		}
		io.Copy(t.Stdout(), t.Stdin())
		return 0
	}
	sleep := func(t *kernel.Task) int {
		d, _ := time.ParseDuration(t.Args()[1] + "s")
		t.Sleep(d)
		return 0
	}
	own := map[string]kernel.Program{"cat": cat, "sleep": sleep, "true": func(*kernel.Task) int { return 0 }, "false": func(*kernel.Task) int { return 1 },
		"chroot": func(t *kernel.Task) int {
			if err := t.Chroot(t.Args()[1]); err != nil {
				return 125
			}
			t.Chdir("/")
			t.Exec(t.Args()[2], t.Args()[2:], t.Env())
			return 127
		}}
	for n, p := range own {
		r.Register(n, p)
	}
	r.Register("busybox", func(t *kernel.Task) int {
		n := path.Base(t.Args()[0])
		if n == "sh" {
			n = "ash"
		}
		if p, ok := r.Lookup(n); ok {
			return p(t)
		}
		io.WriteString(t.Stderr(), n+": applet not found\n")
		return 127
	})
	return r
}

// sink gathers events.
type sink struct {
	mu sync.Mutex
	l  []event.Event
}

func (s *sink) Emit(e *event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.l = append(s.l, *e)
}

func (s *sink) of(k event.Kind) []event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []event.Event
	for _, e := range s.l {
		if e.Kind == k {
			out = append(out, e)
		}
	}
	return out
}

type fixture struct {
	*World
	t    *testing.T
	m    *Manager
	sink *sink
	ctx  context.Context
}

type option func(*Config, *ManagerConfig)

func withClock(c kernel.Clock) option { return func(cfg *Config, _ *ManagerConfig) { cfg.Clock = c } }

func fixtureOf(t *testing.T, opts ...option) *fixture {
	t.Helper()
	s := &sink{}
	cfg := Config{Secret: bytes.Repeat([]byte("k"), 32), Clock: kerneltest.Real{}, Programs: programs(), Sink: s, Kind: "empty", Provider: "hetzner", Persona: "docker-20.10.24"}
	mc := ManagerConfig{}
	for _, o := range opts {
		o(&cfg, &mc)
	}
	h, err := NewHost(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m := NewManager(h, mc)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := m.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	ctx := WithCaller(context.Background(), Caller{Source: netip.MustParseAddr("198.51.100.7"), Conn: "ctest", Req: 1})
	c, _ := CallerOf(ctx)
	w, err := m.World(ctx, c, Query{Changes: true})
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{World: w, t: t, m: m, sink: s, ctx: ctx}
}

func (f *fixture) pull(ref string) {
	f.t.Helper()
	r, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		f.t.Fatal(err)
	}
	r = reference.TagNameOnly(r)
	res := f.World.host.catalog.Resolve(r)
	f.World.mu.Lock()
	f.World.images.Add(res.Image)
	f.World.images.Tag(r, res.Image.ID, f.World.now())
	f.World.mu.Unlock()
}

func (f *fixture) create(name string, cfg *container.Config, hc *container.HostConfig) string {
	f.t.Helper()
	f.pull(cfg.Image)
	r, err := f.ContainerCreate(f.ctx, backend.ContainerCreateConfig{Name: name, Config: cfg, HostConfig: hc})
	if err != nil {
		f.t.Fatalf("create: %v", err)
	}
	return r.ID
}

func (f *fixture) wait(id string) int {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.ctx, 10*time.Second)
	defer cancel()
	ch, err := f.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	if err != nil {
		f.t.Fatalf("wait: %v", err)
	}
	s := <-ch
	if s.Err() != nil {
		f.t.Fatalf("wait: %v", s.Err())
	}
	return s.ExitCode()
}

func (f *fixture) logs(id string) (stdout, stderr string) {
	f.t.Helper()
	ch, _, err := f.ContainerLogs(f.ctx, id, &container.LogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		f.t.Fatalf("logs: %v", err)
	}
	for m := range ch {
		if m.Source == "stderr" {
			stderr += string(m.Line)
		} else {
			stdout += string(m.Line)
		}
	}
	return stdout, stderr
}

func sh(script string) []string { return []string{"/bin/sh", "-c", script} }

func TestRunAndLogs(t *testing.T) {
	f := fixtureOf(t)
	id := f.create("one", &container.Config{Image: "alpine", Cmd: sh("echo hello; echo oops >&2; exit 3")}, nil)
	if err := f.ContainerStart(f.ctx, "one", "", ""); err != nil {
		t.Fatal(err)
	}
	if got := f.wait(id); got != 3 {
		t.Errorf("exit status %d, want 3", got)
	}
	out, errs := f.logs(id)
	if out != "hello\n" || errs != "oops\n" {
		t.Errorf("logs %q, %q", out, errs)
	}
	i, err := f.ContainerInspect(f.ctx, id[:10], backend.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if i.State.Status != "exited" || i.State.ExitCode != 3 || i.Config.Hostname != id[:12] {
		t.Errorf("state %+v, hostname %q", i.State, i.Config.Hostname)
	}
	var acts []string
	for _, e := range f.sink.of(event.WorldAction) {
		a := e.Data.(*event.Action)
		if a.Type == "container" || a.Type == "network" {
			acts = append(acts, a.Action)
		}
	}
	if got, want := strings.Join(acts, " "), "create connect start die disconnect"; got != want {
		t.Errorf("events %q, want %q", got, want)
	}
	if len(f.sink.of(event.ProcStart)) == 0 || len(f.sink.of(event.ProcExit)) == 0 {
		t.Error("no record of the process")
	}
	for _, e := range f.sink.of(event.ProcStart) {
		if e.Source != netip.MustParseAddr("198.51.100.7") || e.World != f.ID() {
			t.Errorf("identity %v %v", e.Source, e.World)
		}
	}
}

func TestStartFailures(t *testing.T) {
	for _, tc := range []struct {
		name  string
		cmd   []string
		words string
		code  int
	}{
		{"missing in PATH", []string{"nosuch"}, `exec: "nosuch": executable file not found in $PATH: unknown`, 127},
		{"missing path", []string{"/nosuch"}, `exec: "/nosuch": stat /nosuch: no such file or directory: unknown`, 127},
		{"not executable", []string{"/etc/passwd"}, `exec: "/etc/passwd": permission denied: unknown`, 126},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := fixtureOf(t)
			id := f.create("xx", &container.Config{Image: "alpine", Cmd: tc.cmd}, nil)
			err := f.ContainerStart(f.ctx, id, "", "")
			if err == nil || !strings.HasSuffix(err.Error(), tc.words) || !errors.Is(err, errdefs.ErrInvalidArgument) {
				t.Fatalf("error %v", err)
			}
			i, _ := f.ContainerInspect(f.ctx, id, backend.ContainerInspectOptions{})
			if i.State.Status != "created" || i.State.ExitCode != tc.code || i.State.Error != err.Error() {
				t.Errorf("state %+v", i.State)
			}
		})
	}
}

func TestAttach(t *testing.T) {
	f := fixtureOf(t)
	id := f.create("", &container.Config{Image: "alpine", Cmd: []string{"cat"}, OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true}, nil)
	inR, inW := io.Pipe()
	var out bytes.Buffer
	done := make(chan error, 1)
	ready := make(chan struct{})
	go func() {
		done <- f.ContainerAttach(id, &backend.ContainerAttachConfig{UseStdin: true, UseStdout: true, UseStderr: true, Stream: true, MuxStreams: true,
			GetStreams: func(bool, func()) (io.ReadCloser, io.Writer, io.Writer, error) {
				close(ready)
				return inR, &out, &out, nil
			}})
	}()
	<-ready
	if err := f.ContainerStart(f.ctx, id, "", ""); err != nil {
		t.Fatal(err)
	}
	io.WriteString(inW, "to the deep\n")
	inW.Close()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("attach does not end")
	}
	var o, e bytes.Buffer
	if _, err := stdcopy.StdCopy(&o, &e, &out); err != nil {
		t.Fatal(err)
	}
	if o.String() != "to the deep\n" {
		t.Errorf("output %q", o.String())
	}
	f.wait(id)
}

func TestExec(t *testing.T) {
	f := fixtureOf(t)
	id := f.create("busy", &container.Config{Image: "alpine", Cmd: []string{"sleep", "100"}, Env: []string{"A=b"}}, nil)
	if _, err := f.ContainerExecCreate(id, &container.ExecOptions{Cmd: []string{"true"}}); err == nil || !isNotRunning(err) {
		t.Errorf("exec in a container that does not run: %v", err)
	}
	if err := f.ContainerStart(f.ctx, id, "", ""); err != nil {
		t.Fatal(err)
	}
	run := func(cmd ...string) (string, int, error) {
		eid, err := f.ContainerExecCreate("busy", &container.ExecOptions{Cmd: cmd, AttachStdout: true, AttachStderr: true})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err = f.ContainerExecStart(f.ctx, eid, backend.ExecStartConfig{Stdout: &out, Stderr: &out})
		i, ierr := f.ContainerExecInspect(eid)
		if ierr != nil {
			t.Fatal(ierr)
		}
		for n := 0; i.ExitCode == nil && n < 100; n++ {
			time.Sleep(5 * time.Millisecond)
			i, _ = f.ContainerExecInspect(eid)
		}
		return out.String(), *i.ExitCode, err
	}
	if out, code, err := run(sh("echo $A $HOSTNAME $HOME; exit 7")...); out != "b "+id[:12]+" /root\n" || code != 7 || err != nil {
		t.Errorf("exec: %q, %d, %v", out, code, err)
	}
	if _, code, err := run("nosuch"); code != 126 || err == nil || !strings.HasPrefix(err.Error(), "OCI runtime exec failed: exec failed: unable to start container process: exec: \"nosuch\"") {
		t.Errorf("exec of nothing: %d, %v", code, err)
	}
	to := 0
	if err := f.ContainerStop(f.ctx, id, container.StopOptions{Timeout: &to}); err != nil {
		t.Fatal(err)
	}
	if code := f.wait(id); code != 137 {
		t.Errorf("status after the kill: %d", code)
	}
}

func TestBindsReachTheHost(t *testing.T) {
	f := fixtureOf(t)
	id := f.create("", &container.Config{Image: "alpine", Cmd: sh("cat /mnt/etc/hostname; echo '* * * * * root echo x' > /mnt/etc/cron.d/evil")},
		&container.HostConfig{Binds: []string{"/:/mnt"}, Privileged: true})
	if err := f.ContainerStart(f.ctx, id, "", ""); err != nil {
		t.Fatal(err)
	}
	f.wait(id)
	out, errs := f.logs(id)
	if strings.TrimSpace(out) != f.Host().Facts().Name {
		t.Errorf("host name %q, want %q (%s)", out, f.Host().Facts().Name, errs)
	}
	if !f.hostExists("/etc/cron.d/evil") {
		t.Error("the host has no /etc/cron.d/evil")
	}
	w := f.sink.of(event.FileWrite)
	if len(w) == 0 {
		t.Fatal("no record of the written file")
	}
	fw := w[len(w)-1].Data.(*event.FileWritten)
	if fw.Path != "/mnt/etc/cron.d/evil" || fw.Host != "/etc/cron.d/evil" || string(fw.Data) != "* * * * * root echo x\n" {
		t.Errorf("record %+v", fw)
	}
}

func TestCronFiresAtTheFullMinute(t *testing.T) {
	clock := kerneltest.NewClock(time.Date(2026, 5, 4, 10, 20, 31, 0, time.UTC))
	f := fixtureOf(t, withClock(clock))
	f.writeHost("/etc/cron.d/job", []byte("X=1\n21 10 * * * root echo $X $PATH $SHELL $LOGNAME >/tmp/out\n"))
	f.writeHost("/etc/cron.d/job.bak", []byte("* * * * * root echo no >/tmp/no\n"))
	f.writeHost("/etc/cron.d/torn", []byte("* * * * * root echo no >/tmp/no"))
	clock.Advance(28 * time.Second)
	if f.hostExists("/tmp/out") {
		t.Fatal("fired before the minute")
	}
	clock.Advance(time.Second)
	deadline := time.Now().Add(5 * time.Second)
	for {
		b := string(readNS(f.hostNS, "/tmp/out", 1000))
		if b == "1 /usr/bin:/bin /bin/sh root\n" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("/tmp/out has %q", b)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if f.hostExists("/tmp/no") {
		t.Error("a table was read that cron passes over")
	}
	fires := f.sink.of(event.CronFire)
	if len(fires) != 1 || fires[0].Data.(*event.CronFired).File != "/etc/cron.d/job" {
		t.Errorf("records %v", fires)
	}
}

func TestRestartPolicy(t *testing.T) {
	f := fixtureOf(t)
	id := f.create("rr", &container.Config{Image: "alpine", Cmd: []string{"false"}}, &container.HostConfig{RestartPolicy: container.RestartPolicy{Name: "on-failure", MaximumRetryCount: 2}})
	if err := f.ContainerStart(f.ctx, id, "", ""); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		i, _ := f.ContainerInspect(f.ctx, id, backend.ContainerInspectOptions{})
		if i.RestartCount == 2 && i.State.Status == "exited" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("count %d, %+v", i.RestartCount, i.State)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestAutoRemove(t *testing.T) {
	f := fixtureOf(t)
	id := f.create("gone", &container.Config{Image: "alpine", Cmd: []string{"true"}}, &container.HostConfig{AutoRemove: true})
	ch, err := f.ContainerWait(f.ctx, id, container.WaitConditionRemoved)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.ContainerStart(f.ctx, id, "", ""); err != nil {
		t.Fatal(err)
	}
	select {
	case s := <-ch:
		if s.ExitCode() != 0 {
			t.Errorf("status %d", s.ExitCode())
		}
	case <-time.After(10 * time.Second):
		t.Fatal("wait for removal does not end")
	}
	if _, err := f.ContainerInspect(f.ctx, id, backend.ContainerInspectOptions{}); !errdefs.IsNotFound(err) || err.Error() != "No such container: "+id {
		t.Errorf("inspect: %v", err)
	}
}

func TestCopyBothWays(t *testing.T) {
	f := fixtureOf(t)
	id := f.create("", &container.Config{Image: "alpine", Cmd: []string{"cat", "/tmp/in"}}, nil)
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	tw.WriteHeader(&tar.Header{Name: "in", Mode: 0o644, Size: 3})
	tw.Write([]byte("abc"))
	tw.Close()
	if err := f.ContainerExtractToDir(id, "/tmp", false, false, &b); err != nil {
		t.Fatal(err)
	}
	if err := f.ContainerStart(f.ctx, id, "", ""); err != nil {
		t.Fatal(err)
	}
	f.wait(id)
	if out, errs := f.logs(id); out != "abc" {
		t.Errorf("out %q %q", out, errs)
	}
	r, st, err := f.ContainerArchivePath(id, "/tmp/in")
	if err != nil {
		t.Fatal(err)
	}
	tr := tar.NewReader(r)
	h, err := tr.Next()
	if err != nil || h.Name != "in" || st.Name != "in" || st.Size != 3 {
		t.Errorf("%v %+v %v", h, st, err)
	}
	io.Copy(io.Discard, r)
	r.Close()
	ch, err := f.ContainerChanges(f.ctx, id)
	if err != nil || len(ch) != 2 || ch[1].Path != "/tmp/in" {
		t.Errorf("diff %v %v", ch, err)
	}
	if _, err := f.ContainerStatPath(id, "/nosuch"); !errdefs.IsNotFound(err) {
		t.Errorf("stat: %v", err)
	}
}

func TestVolumesKeepData(t *testing.T) {
	f := fixtureOf(t)
	a := f.create("aa", &container.Config{Image: "alpine", Cmd: sh("echo kept > /data/f")}, &container.HostConfig{Binds: []string{"vol:/data"}})
	f.ContainerStart(f.ctx, a, "", "")
	f.wait(a)
	b := f.create("bb", &container.Config{Image: "alpine", Cmd: []string{"cat", "/data/f"}}, &container.HostConfig{VolumesFrom: []string{"aa"}})
	f.ContainerStart(f.ctx, b, "", "")
	f.wait(b)
	if out, errs := f.logs(b); out != "kept\n" {
		t.Errorf("%q %q", out, errs)
	}
	if err := f.Volumes().Remove(f.ctx, "vol"); !errdefs.IsConflict(err) {
		t.Errorf("remove of a used volume: %v", err)
	}
	for _, n := range []string{"aa", "bb"} {
		if err := f.ContainerRm(n, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Volumes().Remove(f.ctx, "vol"); err != nil {
		t.Error(err)
	}
}

func TestNameConflict(t *testing.T) {
	f := fixtureOf(t)
	id := f.create("twin", &container.Config{Image: "alpine"}, nil)
	_, err := f.ContainerCreate(f.ctx, backend.ContainerCreateConfig{Name: "twin", Config: &container.Config{Image: "alpine"}})
	want := `Conflict. The container name "/twin" is already in use by container "` + id + `". You have to remove (or rename) that container to be able to reuse that name.`
	if !errdefs.IsConflict(err) || err.Error() != want {
		t.Errorf("%v", err)
	}
	_, err = f.ContainerCreate(f.ctx, backend.ContainerCreateConfig{Config: &container.Config{Image: "nosuch"}})
	if !errdefs.IsNotFound(err) || err.Error() != "No such image: nosuch:latest" {
		t.Errorf("%v", err)
	}
	_, err = f.ContainerCreate(f.ctx, backend.ContainerCreateConfig{Config: &container.Config{Image: "nosuch"}, HostConfig: &container.HostConfig{Resources: container.Resources{Memory: 1}}})
	if err == nil || err.Error() != "Minimum memory limit allowed is 6MB" {
		t.Errorf("the memory limit is checked before the image: %v", err)
	}
}

func TestPull(t *testing.T) {
	f := fixtureOf(t)
	r, _ := reference.ParseNormalizedNamed("alpine")
	var out bytes.Buffer
	if err := f.PullImage(f.ctx, reference.TagNameOnly(r), nil, nil, nil, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`{"status":"Pulling from library/alpine","id":"latest"}`, `"status":"Pull complete"`, `"status":"Digest: sha256:`, `{"status":"Status: Downloaded newer image for alpine:latest"}`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
	l, err := f.Images(f.ctx, imageList())
	if err != nil || len(l) != 1 || l[0].RepoTags[0] != "alpine:latest" || len(l[0].RepoDigests) != 1 {
		t.Errorf("%+v %v", l, err)
	}
	out.Reset()
	f.PullImage(f.ctx, reference.TagNameOnly(r), nil, nil, nil, &out)
	if !strings.Contains(out.String(), "Image is up to date for alpine:latest") {
		t.Error(out.String())
	}
}

func TestTwoInstallationsShareNothing(t *testing.T) {
	seen := map[string]string{}
	for _, secret := range []string{"first", "second"} {
		f := fixtureOf(t, func(c *Config, _ *ManagerConfig) {
			c.Secret = bytes.Repeat([]byte(secret), 8)
			c.Kind, c.Provider = "lived-in", ""
		})
		l, err := f.m.Base().Containers(f.ctx, &container.ListOptions{All: true})
		if err != nil || len(l) == 0 {
			t.Fatal(l, err)
		}
		facts := []string{f.Host().Facts().Name, f.Host().daemonID(), f.Host().Facts().MAC}
		for _, c := range l {
			facts = append(facts, c.ID, c.Names[0], c.ImageID)
			for _, n := range c.NetworkSettings.Networks {
				facts = append(facts, n.NetworkID, n.EndpointID)
			}
		}
		for _, x := range facts {
			if by, ok := seen[x]; ok && by != secret {
				t.Errorf("%q in both", x)
			}
			seen[x] = secret
		}
		// the source's own world begins as the base host is
		own, err := f.Containers(f.ctx, &container.ListOptions{All: true})
		if err != nil || len(own) != len(l) {
			t.Fatal(own, err)
		}
		for i := range l {
			if l[i].ID != own[i].ID || l[i].Names[0] != own[i].Names[0] || l[i].Created != own[i].Created {
				t.Errorf("base %+v\nown %+v", l[i], own[i])
			}
		}
	}
}

func TestExecInLivedInContainer(t *testing.T) {
	f := fixtureOf(t, func(c *Config, _ *ManagerConfig) { c.Kind = "lived-in" })
	l, _ := f.Containers(f.ctx, &container.ListOptions{})
	if len(l) == 0 {
		t.Skip("nothing runs")
	}
	for _, c := range l {
		eid, err := f.ContainerExecCreate(c.ID, &container.ExecOptions{Cmd: sh("echo in"), AttachStdout: true})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err = f.ContainerExecStart(f.ctx, eid, backend.ExecStartConfig{Stdout: &out})
		if err != nil && strings.Contains(err.Error(), "no such file or directory") {
			continue // an image from scratch
		}
		if err != nil || out.String() != "in\n" {
			t.Errorf("%s: %q %v", c.Names[0], out.String(), err)
		}
	}
}

// memory is a Storage.
type memory struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (s *memory) Save(id string, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[id] = b
	return nil
}
func (s *memory) Load(id string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[id], nil
}
func (s *memory) List() ([]string, error) { return nil, nil }
func (s *memory) Delete(string) error     { return nil }

func TestSleepAndWake(t *testing.T) {
	st := &memory{m: map[string][]byte{}}
	f := fixtureOf(t, func(c *Config, m *ManagerConfig) { m.Storage = st; c.Kind = "lived-in" })
	id := f.create("kept", &container.Config{Image: "alpine", Cmd: sh("echo out; echo data >/root/x; echo h >/mnt/root/host")}, &container.HostConfig{Binds: []string{"/:/mnt", "v1:/v"}})
	if err := f.ContainerStart(f.ctx, id, "", ""); err != nil {
		t.Fatal(err)
	}
	f.wait(id)
	before, _ := f.Containers(f.ctx, &container.ListOptions{All: true})
	if err := f.m.Sleep(f.ctx, f.ID()); err != nil {
		t.Fatal(err)
	}
	c, _ := CallerOf(f.ctx)
	w, err := f.m.World(f.ctx, c, Query{})
	if err != nil {
		t.Fatal(err)
	}
	if w == f.m.Base() || w == f.World {
		t.Fatal("not woken")
	}
	f.World = w
	after, _ := f.Containers(f.ctx, &container.ListOptions{All: true})
	if len(after) != len(before) {
		t.Fatalf("%d containers, had %d", len(after), len(before))
	}
	if out, _ := f.logs(id); out != "out\n" {
		t.Errorf("log %q", out)
	}
	if b := string(readNS(w.hostNS, "/root/host", 10)); b != "h\n" {
		t.Errorf("host file %q", b)
	}
	ch, err := f.ContainerChanges(f.ctx, id)
	found := false
	for _, x := range ch {
		found = found || x.Path == "/root/x"
	}
	if err != nil || !found {
		t.Errorf("diff %v %v", ch, err)
	}
	if _, err := w.Volumes().Get(f.ctx, "v1"); err != nil {
		t.Error(err)
	}
}

func TestEnteringAnothersWorld(t *testing.T) {
	f := fixtureOf(t)
	id := f.create("", &container.Config{Image: "alpine"}, nil)
	other := Caller{Source: netip.MustParseAddr("203.0.113.9")}
	w, err := f.m.World(f.ctx, other, Query{Names: []string{id[:12]}})
	if err != nil || w != f.World {
		t.Errorf("by id: %v %v", w, err)
	}
	if w, _ := f.m.World(f.ctx, other, Query{Names: []string{"alpine"}}); w != f.m.Base() {
		t.Error("a name that anybody would guess leads there")
	}
	if w, _ := f.m.World(f.ctx, other, Query{Text: "key=" + f.Tokens().AWSKey}); w != f.World {
		t.Error("a honeytoken does not")
	}
	own, err := f.m.World(f.ctx, other, Query{Changes: true})
	if err != nil || own == f.World || own == f.m.Base() {
		t.Error("no world of its own")
	}
}

func TestRefuse(t *testing.T) {
	f := fixtureOf(t, func(c *Config, _ *ManagerConfig) { c.Refuse = []Rule{{Operation: "create", First: 1}} })
	f.pull("alpine")
	_, err := f.ContainerCreate(f.ctx, backend.ContainerCreateConfig{Config: &container.Config{Image: "alpine"}})
	if !errdefs.IsPermissionDenied(err) || !strings.HasPrefix(err.Error(), "authorization denied by plugin docker-authz:") {
		t.Errorf("%v", err)
	}
	if _, err = f.ContainerCreate(f.ctx, backend.ContainerCreateConfig{Config: &container.Config{Image: "alpine"}}); err != nil {
		t.Errorf("the second: %v", err)
	}
	if len(f.sink.of(event.WorldRefuse)) != 1 {
		t.Error("no record")
	}
}

func TestPruneAndFilters(t *testing.T) {
	f := fixtureOf(t)
	f.create("p1", &container.Config{Image: "alpine", Labels: map[string]string{"k": "v"}}, nil)
	l, err := f.Containers(f.ctx, &container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", "k=v"))})
	if err != nil || len(l) != 1 {
		t.Error(l, err)
	}
	r, err := f.ContainersPrune(f.ctx, filters.NewArgs())
	if err != nil || len(r.ContainersDeleted) != 1 {
		t.Error(r, err)
	}
}

func imageList() imagetypes.ListOptions { return imagetypes.ListOptions{} }

func TestHostProcessesComeFirst(t *testing.T) {
	f := fixtureOf(t, func(c *Config, _ *ManagerConfig) { c.Programs = every() })
	id := f.create("", &container.Config{Image: "alpine", Cmd: []string{"sleep", "100"}}, &container.HostConfig{PidMode: "host"})
	if err := f.ContainerStart(f.ctx, id, "", ""); err != nil {
		t.Fatal(err)
	}
	tasks := f.HostNS().Tasks()
	if len(tasks) < 10 || tasks[0].HostPID() != 1 || tasks[0].Args()[0] != "/sbin/init" {
		t.Errorf("process 1 is %v of %d", tasks[0].Args(), len(tasks))
	}
	i, _ := f.ContainerInspect(f.ctx, id, backend.ContainerInspectOptions{})
	if i.State.Pid < 100 {
		t.Errorf("the container's process is %d", i.State.Pid)
	}
	top, err := f.ContainerTop(id, "")
	if err != nil || len(top.Processes) != 1 || top.Processes[0][7] != "sleep 100" {
		t.Errorf("top %+v %v", top, err)
	}
}
