package engineapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.uber.org/goleak"

	"github.com/whalefall/whalefall/internal/engineapi"
	"github.com/whalefall/whalefall/internal/persona"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a daemon that knows one container and remembers what it was asked.
type fake struct {
	engineapi.ContainerBackend
	engineapi.ImageBackend
	id      string
	mu      sync.Mutex
	created []backend.ContainerCreateConfig
	set     *container.HostConfig
	fetched []string
	attach  chan struct{} // closed when an attached client is gone
}

type kind struct {
	error
	text string
}

func (k kind) Error() string { return k.text }
func (k kind) Unwrap() error { return k.error }

func (f *fake) ContainerCreate(_ context.Context, c backend.ContainerCreateConfig) (container.CreateResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.created = append(f.created, c)
	return container.CreateResponse{ID: strings.Repeat("ab", 32)}, nil
}

func (f *fake) ContainerStart(_ context.Context, name, _, _ string) error {
	if name == "gone" {
		return kind{cerrdefs.ErrNotFound, "No such container: gone"}
	}
	if name == "running" {
		return kind{cerrdefs.ErrNotModified, "container already started"}
	}
	return nil
}

func (f *fake) ContainerSetHostConfig(_ string, hc *container.HostConfig) error {
	f.set = hc
	return nil
}

func (f *fake) ContainerWait(ctx context.Context, _ string, _ container.WaitCondition) (<-chan container.StateStatus, error) {
	ch := make(chan container.StateStatus, 1)
	ch <- container.StateStatus{}
	return ch, nil
}

func (f *fake) ContainerAttach(_ string, c *backend.ContainerAttachConfig) error {
	gone := make(chan struct{})
	_, out, _, err := c.GetStreams(true, sync.OnceFunc(func() { close(gone) }))
	if err != nil {
		return err
	}
	io.WriteString(out, "hello")
	<-gone
	close(f.attach)
	return nil
}

func (f *fake) ImportImage(_ context.Context, ref reference.Named, _ *ocispec.Platform, msg string, r io.Reader, _ []string) (string, error) {
	b, _ := io.ReadAll(r)
	return "sha256:" + strings.Repeat("0", 63) + string(rune('0'+len(b)%10)), nil
}

func (f *fake) FetchImport(_ context.Context, u string) (io.ReadCloser, int64, error) {
	f.fetched = append(f.fetched, u)
	if strings.Contains(u, "refused") {
		return nil, 0, errors.New(`Get "` + u + `": dial tcp 203.0.113.1:80: connect: connection refused`)
	}
	return io.NopCloser(strings.NewReader("12345")), 5, nil
}

type fakeSystem struct{ engineapi.SystemBackend }

func (fakeSystem) SystemInfo(context.Context) (*system.Info, error) {
	return &system.Info{ID: "x", CgroupVersion: "2", SecurityOptions: []string{"name=seccomp,profile=builtin"}, Runtimes: map[string]system.RuntimeWithStatus{"runc": {}}}, nil
}
func (fakeSystem) SystemVersion(context.Context) (types.Version, error) {
	return types.Version{KernelVersion: "6.1.0-18-amd64"}, nil
}
func (fakeSystem) SubscribeToEvents(_, _ time.Time, _ filters.Args) ([]events.Message, chan any) {
	return []events.Message{{Type: "image", Action: "create"}, {Type: "image", Action: "pull"}}, make(chan any)
}
func (fakeSystem) UnsubscribeFromEvents(chan any) {}

type fakeSwarm struct{ engineapi.SwarmBackend }

func (fakeSwarm) Info(context.Context) swarm.Info { return swarm.Info{LocalNodeState: "inactive"} }
func (fakeSwarm) Status() string                  { return "inactive" }

// worlds gives each source a daemon of its own from its first change on.
type worlds struct {
	base *engineapi.Daemon
	mu   sync.Mutex
	own  map[netip.Addr]*engineapi.Daemon
	last engineapi.Query
	made atomic.Int32
}

func (w *worlds) Daemon(_ context.Context, c engineapi.Caller, q engineapi.Query) (*engineapi.Daemon, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = q
	if d := w.own[c.Source]; d != nil {
		return d, nil
	}
	if !q.Changes {
		return w.base, nil
	}
	d := daemon(&fake{id: c.Source.String()})
	w.own[c.Source] = d
	w.made.Add(1)
	return d, nil
}

func daemon(f *fake) *engineapi.Daemon {
	return &engineapi.Daemon{Containers: f, Images: f, System: fakeSystem{}, Swarm: fakeSwarm{}}
}

func server(t *testing.T, name string, ws engineapi.Worlds) *httptest.Server {
	t.Helper()
	p, err := persona.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	s := engineapi.New(engineapi.Config{Persona: p, Worlds: ws})
	srv := httptest.NewUnstartedServer(s)
	srv.Config.ConnContext = engineapi.ConnContext
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

func one(f *fake) *worlds {
	return &worlds{base: daemon(f), own: map[netip.Addr]*engineapi.Daemon{netip.MustParseAddr("127.0.0.1"): daemon(f)}}
}

func do(t *testing.T, srv *httptest.Server, method, path, body string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequest(method, srv.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, string(b)
}

// TestVersion: all but the kernel is the persona's, and the vendor's build is shown.
func TestVersion(t *testing.T) {
	for name, want := range map[string]string{
		"docker-20.10.24": `{"Platform":{"Name":"Docker Engine - Community"},"Components":[{"Name":"Engine","Version":"20.10.24","Details":{"ApiVersion":"1.41","Arch":"amd64","BuildTime":"2023-04-04T18:18:40.000000000+00:00","Experimental":"false","GitCommit":"5d6db84","GoVersion":"go1.19.7","KernelVersion":"6.1.0-18-amd64","MinAPIVersion":"1.12","Os":"linux"}},{"Name":"containerd","Version":"1.6.20","Details":{"GitCommit":"2806fc1057397dbaeefbea0e4e17bddfbd388f38"}},{"Name":"runc","Version":"1.1.5","Details":{"GitCommit":"v1.1.5-0-gf19387a"}},{"Name":"docker-init","Version":"0.19.0","Details":{"GitCommit":"de40ad0"}}],"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12","GitCommit":"5d6db84","GoVersion":"go1.19.7","Os":"linux","Arch":"amd64","KernelVersion":"6.1.0-18-amd64","BuildTime":"2023-04-04T18:18:40.000000000+00:00"}` + "\n",
	} {
		_, h, got := do(t, server(t, name, one(&fake{})), "GET", "/v1.16/version", "")
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
		if h.Get("Server") != "Docker/20.10.24 (linux)" || h.Get("Api-Version") != "1.41" || h.Get("Ostype") != "linux" || h.Get("Docker-Experimental") != "false" {
			t.Errorf("%s: headers %v", name, h)
		}
	}
	for _, n := range persona.Names() {
		_, _, got := do(t, server(t, n, one(&fake{})), "GET", "/version", "")
		if strings.Contains(got, "dfsg") || strings.Contains(got, "~ds") {
			t.Errorf("%s shows a distribution's build: %s", n, got)
		}
	}
}

// TestWorlds: reads come from the base until the first change makes a world, and each
// world's handlers are its own.
func TestWorlds(t *testing.T) {
	ws := &worlds{base: daemon(&fake{id: "base"}), own: map[netip.Addr]*engineapi.Daemon{}}
	srv := server(t, "docker-20.10.24", ws)
	do(t, srv, "GET", "/version", "")
	do(t, srv, "GET", "/_ping", "")
	if n := ws.made.Load(); n != 0 {
		t.Fatalf("%d worlds made by reads", n)
	}
	do(t, srv, "POST", "/containers/some%20name/start?checkpoint=x", "")
	if n := ws.made.Load(); n != 1 {
		t.Fatalf("%d worlds made by a change", n)
	}
	if ws.last.Route != "/containers/{name:.*}/start" || len(ws.last.Names) != 1 || ws.last.Names[0] != "some name" {
		t.Errorf("query %+v", ws.last)
	}
	do(t, srv, "POST", "/images/create?fromSrc=http://h/x&repo=r", "")
	if n := ws.made.Load(); n != 1 {
		t.Errorf("%d worlds after a second change", n)
	}
}

// TestCreateTopLevel: host configuration at the top of the body is honoured by 20.10
// and 26.1 and ignored by 28.5.2; an inner one wins, save some limits.
func TestCreateTopLevel(t *testing.T) {
	for _, tc := range []struct {
		persona, body string
		privileged    bool
		binds         int
		memory        int64
	}{
		{"docker-20.10.24", `{"Image":"x","Privileged":true,"Binds":["/:/mnt"],"Memory":9000000}`, true, 1, 9000000},
		{"docker-26.1.5", `{"Image":"x","Privileged":true,"Binds":["/:/mnt"]}`, true, 1, 0},
		{"docker-28.5.2", `{"Image":"x","Privileged":true,"Binds":["/:/mnt"]}`, false, 0, 0},
		{"docker-20.10.24", `{"Image":"x","Privileged":true,"Memory":9000000,"HostConfig":{"Binds":["/:/a"]}}`, false, 1, 9000000},
		{"docker-28.5.2", `{"Image":"x","HostConfig":{"Privileged":true}}`, true, 0, 0},
		{"docker-20.10.24", `{"image":"x","hostconfig":{"PRIVILEGED":true}}`, true, 0, 0},
	} {
		f := &fake{}
		st, _, out := do(t, server(t, tc.persona, one(f)), "POST", "/containers/create?name=n", tc.body)
		if st != 201 {
			t.Errorf("%s %s: %d %s", tc.persona, tc.body, st, out)
			continue
		}
		hc := f.created[0].HostConfig
		if hc.Privileged != tc.privileged || len(hc.Binds) != tc.binds || hc.Memory != tc.memory {
			t.Errorf("%s %s: got privileged %v binds %v memory %d", tc.persona, tc.body, hc.Privileged, hc.Binds, hc.Memory)
		}
		if want := `{"Id":"` + strings.Repeat("ab", 32) + `","Warnings":[]}` + "\n"; tc.persona == "docker-20.10.24" && out != want {
			t.Errorf("got %s want %s", out, want)
		}
	}
}

// TestStartWithHostConfig: only 20.10 takes one, and only from clients below 1.24.
func TestStartWithHostConfig(t *testing.T) {
	f := &fake{}
	st, _, _ := do(t, server(t, "docker-20.10.24", one(f)), "POST", "/v1.23/containers/c/start", `{"Privileged":true,"Binds":["/:/h"]}`)
	if st != 204 || f.set == nil || !f.set.Privileged || len(f.set.Binds) != 1 {
		t.Errorf("%d %+v", st, f.set)
	}
	f = &fake{}
	st, _, out := do(t, server(t, "docker-20.10.24", one(f)), "POST", "/containers/c/start", `{"Privileged":true}`)
	if st != 400 || f.set != nil || !strings.Contains(out, "deprecated since API v1.22") {
		t.Errorf("%d %s", st, out)
	}
}

// TestWait: 20.10 always writes Error.
func TestWait(t *testing.T) {
	for p, want := range map[string]string{"docker-20.10.24": `{"Error":null,"StatusCode":0}`, "docker-28.5.2": `{"StatusCode":0}`} {
		_, _, out := do(t, server(t, p, one(&fake{})), "POST", "/containers/c/wait", "")
		if strings.TrimSpace(strings.Replace(out, "3", "0", 1)) != want {
			t.Errorf("%s: %s", p, out)
		}
	}
}

// TestImportAsksTheWorld: fromSrc is the world's to answer; nothing is dialled here.
func TestImportAsksTheWorld(t *testing.T) {
	for _, p := range persona.Names() {
		f := &fake{}
		srv := server(t, p, one(f))
		_, _, out := do(t, srv, "POST", "/images/create?fromSrc=files.example/x.tar&repo=r&tag=t", "")
		if len(f.fetched) != 1 || f.fetched[0] != "http://files.example/x.tar" || !strings.HasPrefix(out, `{"status":"Downloading from http://files.example/x.tar"}`+"\r\n") || !strings.Contains(out, `"status":"sha256:`) {
			t.Errorf("%s: fetched %q, said %q", p, f.fetched, out)
		}
		st, _, out := do(t, srv, "POST", "/images/create?fromSrc=http://refused/x", "")
		if st != 500 || !strings.Contains(out, "connection refused") {
			t.Errorf("%s: %d %s", p, st, out)
		}
		st, _, out = do(t, srv, "POST", "/images/create?fromSrc=ftp://h/x", "")
		if st != 500 || !strings.Contains(out, `unsupported protocol scheme \"ftp\"`) || len(f.fetched) != 2 {
			t.Errorf("%s: %d %s %q", p, st, out, f.fetched)
		}
	}
}

// recorded is a connection as package record makes them.
type recorded struct {
	net.Conn
	gone chan struct{}
}

func (c recorded) ID() string             { return "cAAAA" }
func (c recorded) Source() netip.AddrPort { return netip.MustParseAddrPort("203.0.113.5:999") }
func (c recorded) Local() netip.AddrPort  { return netip.MustParseAddrPort("127.0.0.1:2375") }
func (c recorded) Gone() <-chan struct{}  { return c.gone }
func (c recorded) Answering() uint32      { return 1 }

type onceListener struct {
	c    chan net.Conn
	addr net.Addr
	stop chan struct{}
}

func (l onceListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.c:
		return c, nil
	case <-l.stop:
		return nil, net.ErrClosed
	}
}
func (l onceListener) Close() error   { return nil }
func (l onceListener) Addr() net.Addr { return l.addr }

// TestAttachGone: an attached backend hears that the client left, through a connection
// that is no syscall.Conn.
func TestAttachGone(t *testing.T) {
	p, _ := persona.Get("docker-20.10.24")
	f := &fake{attach: make(chan struct{})}
	ws := &worlds{base: daemon(f), own: map[netip.Addr]*engineapi.Daemon{netip.MustParseAddr("203.0.113.5"): daemon(f)}}
	srv := &http.Server{Handler: engineapi.New(engineapi.Config{Persona: p, Worlds: ws}), ConnContext: engineapi.ConnContext}
	a, b := net.Pipe()
	l := onceListener{make(chan net.Conn, 1), &net.TCPAddr{}, make(chan struct{})}
	rc := recorded{b, make(chan struct{})}
	l.c <- rc
	done := make(chan struct{})
	go func() { srv.Serve(l); close(done) }()
	go io.WriteString(a, "POST /containers/c/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n")
	br := bufio.NewReader(a)
	head, _ := br.ReadString('\n')
	if head != "HTTP/1.1 200 OK\r\n" {
		t.Errorf("head %q", head)
	}
	go io.Copy(io.Discard, br)
	close(rc.gone)
	select {
	case <-f.attach:
	case <-time.After(5 * time.Second):
		t.Error("the backend did not hear")
	}
	a.Close()
	b.Close()
	close(l.stop)
	srv.Close()
	<-done
}

// TestErrors: kinds become statuses, words follow the release.
func TestErrors(t *testing.T) {
	srv := server(t, "docker-20.10.24", one(&fake{}))
	for path, want := range map[string]int{"/containers/gone/start": 404, "/containers/running/start": 304, "/containers/x/start": 204} {
		if st, _, out := do(t, srv, "POST", path, ""); st != want {
			t.Errorf("%s: %d %s", path, st, out)
		}
	}
}

// TestEvents: image create events came with 1.46.
func TestEvents(t *testing.T) {
	for p, want := range map[string]int{"docker-20.10.24": 1, "docker-28.5.2": 2} {
		_, h, out := do(t, server(t, p, one(&fake{})), "GET", "/events?until=5", "")
		if n := strings.Count(out, "\n"); n != want || h.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d events: %s", p, n, out)
		}
	}
}

// TestDebugIsThePersonas: /debug shows a dockerd and nothing of this process.
func TestDebugIsThePersonas(t *testing.T) {
	for _, p := range persona.Names() {
		srv := server(t, p, one(&fake{}))
		for _, path := range []string{"/debug/vars", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=1", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1", "/debug/pprof/goroutine", "/debug/pprof/heap"} {
			st, _, out := do(t, srv, "GET", path, "")
			if st != 200 || out == "" {
				t.Errorf("%s %s: %d", p, path, st)
			}
			for _, bad := range []string{"whalefall", ".test", "testing.", "engineapi", "reproducible-path", "/usr/lib/go-"} {
				if strings.Contains(out, bad) {
					t.Errorf("%s %s shows %q", p, path, bad)
				}
			}
		}
		var v struct {
			Cmdline  []string
			Memstats struct{ Alloc, TotalAlloc, Mallocs, Frees uint64 }
		}
		_, _, out := do(t, srv, "GET", "/debug/vars", "")
		if err := json.Unmarshal([]byte(out), &v); err != nil || v.Cmdline[0] != "/usr/bin/dockerd" || v.Memstats.TotalAlloc < v.Memstats.Alloc || v.Memstats.Mallocs < v.Memstats.Frees {
			t.Errorf("%s: %v %+v", p, err, v)
		}
	}
}
