// Package hostile throws bytes from outside at the whole decoy: requests, archives,
// Dockerfiles, shell code, command lines. Nothing of it may crash, hang or leave a
// request without an answer.
package hostile

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
	"github.com/whalefall/whalefall/internal/persona"
	"github.com/whalefall/whalefall/test/rig"
)

// watch fails the test when something in a world, or a handler, crashed.
type watch struct{ seen atomic.Pointer[string] }

func (w *watch) Emit(e *event.Event) {
	if b, err := json.Marshal(e); err == nil && bytes.Contains(b, []byte(`"crash"`)) {
		s := string(b)
		w.seen.Store(&s)
	}
}

// Write takes the log: a handler's panic is told there.
func (w *watch) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("panic")) {
		s := string(p)
		w.seen.Store(&s)
	}
	return len(p), nil
}

func (w *watch) check(t *testing.T) {
	t.Helper()
	if s := w.seen.Load(); s != nil {
		t.Fatalf("crashed: %s", *s)
	}
}

// target is a decoy that is made anew from time to time, as what hostile clients leave
// in it adds up.
type target struct {
	name string
	d    *rig.Decoy
	w    *watch
	n    int
}

func (d *target) close() {
	if d.d != nil {
		d.d.Close()
	}
}

func (d *target) use(t testing.TB) {
	t.Helper()
	if d.n%300 == 0 {
		d.close()
		p, err := persona.Get(d.name)
		if err != nil {
			t.Fatal(err)
		}
		d.w = &watch{}
		if d.d, err = rig.New(p, 100, d.w, rig.Forgetful{}, slog.New(slog.NewTextHandler(d.w, nil))); err != nil {
			t.Fatal(err)
		}
		d.ask(t, "POST", "/images/create?fromImage=alpine&tag=latest", "", nil)
	}
	d.n++
}

// patience is how long a call may take that never streams on and on.
const patience = 20 * time.Second

// ask makes a call and wants an answer that is HTTP. A stream is read for a moment.
func (d *target) ask(t testing.TB, method, path, ctype string, body []byte) int {
	t.Helper()
	c, err := net.Dial("tcp", d.d.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	req, err := http.NewRequestWithContext(context.Background(), method, "http://docker"+path, bytes.NewReader(body))
	if err != nil {
		return 0 // what net/http cannot say is package record's to fuzz
	}
	if ctype != "" {
		req.Header.Set("Content-Type", ctype)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	if err := req.Write(c); err != nil {
		return 0
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), req)
	if err != nil {
		if waits(method, path) {
			return 0
		}
		t.Fatalf("%s %q: no answer: %v", method, path, err)
	}
	defer resp.Body.Close()
	if waits(method, path) {
		_ = c.SetDeadline(time.Now().Add(100 * time.Millisecond))
	}
	_, _ = io.Copy(io.Discard, resp.Body) // what streams on is ended by the deadline
	return resp.StatusCode
}

// waits names the calls whose answer may take for ever.
func waits(method, path string) bool {
	for _, s := range []string{"/wait", "/stop", "/restart", "/logs", "/attach", "/events", "/stats", "/build", "/start", "/exec"} {
		if strings.Contains(path, s) {
			return true
		}
	}
	return method == http.MethodConnect
}

func FuzzRequest(f *testing.F) {
	for _, s := range []struct{ m, p, b string }{
		{"POST", "/containers/create?name=a", `{"Image":"alpine","Cmd":["id"],"HostConfig":{"Binds":["/:/mnt"],"Privileged":true,"PortBindings":{"80/tcp":[{"HostPort":"80"}]}}}`},
		{"POST", "/containers/create", `{"Image":"alpine","Healthcheck":{"Test":["CMD","x"],"Interval":-1},"HostConfig":{"RestartPolicy":{"Name":"no","MaximumRetryCount":-3},"Memory":1}}`},
		{"POST", "/containers/a/update", `{"Memory":-1}`},
		{"GET", `/containers/json?all=1&filters={"status":["x"]}`, ""},
		{"GET", `/events?since=0&until=1&filters={"type":{"x":true}}`, ""},
		{"POST", "/networks/create", `{"Name":"n","IPAM":{"Config":[{"Subnet":"10.0.0.0/8","Gateway":"x"}]}}`},
		{"POST", "/volumes/create", `{"Name":"..","Driver":"local","DriverOpts":{"type":"nfs"}}`},
		{"POST", "/images/create?fromImage=a/b:c&platform=linux/arm64", ""},
		{"POST", "/commit?container=a&repo=x&changes=ENV%20A=b", `{}`},
		{"POST", "/auth", `{"username":"a","password":"b","serveraddress":"x"}`},
		{"POST", "/swarm/init", `{"ListenAddr":"0.0.0.0:2377","AdvertiseAddr":"127.0.0.1"}`},
		{"GET", "/containers/a/archive?path=../../x", ""},
		{"POST", "/containers/a/exec", `{"Cmd":["sh","-c","id"],"Tty":true}`},
		{"GET", "/v1.24/images/json?filter=x", ""},
		{"DELETE", "/images/alpine?force=1&noprune=x", ""},
	} {
		f.Add(s.m, s.p, s.b)
	}
	d := &target{name: "docker-20.10.24-debian"}
	f.Cleanup(d.close)
	f.Fuzz(func(t *testing.T, method, path, body string) {
		if len(path) > 500 || len(body) > 4<<10 || !strings.HasPrefix(path, "/") || strings.ContainsAny(method, " \r\n") || method == "" {
			return
		}
		d.use(t)
		d.ask(t, method, path, "application/json", []byte(body))
		d.w.check(t)
	})
}

func archive(files map[string]string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for n, s := range files {
		if err := w.WriteHeader(&tar.Header{Name: n, Mode: 0o644, Size: int64(len(s))}); err != nil {
			panic(err)
		}
		if _, err := io.WriteString(w, s); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// FuzzArchive gives bytes to whatever reads an archive.
func FuzzArchive(f *testing.F) {
	layer := string(archive(map[string]string{"a": "x", "../b": "y", ".wh.c": ""}))
	f.Add(0, archive(map[string]string{"manifest.json": `[{"Config":"c.json","RepoTags":["a:b"],"Layers":["l.tar"]}]`,
		"c.json": `{"architecture":"amd64","os":"linux","config":{"Cmd":["id"]},"rootfs":{"type":"layers","diff_ids":["sha256:00"]}}`, "l.tar": layer}))
	f.Add(0, archive(map[string]string{"index.json": `{"schemaVersion":2,"manifests":[]}`, "oci-layout": `{"imageLayoutVersion":"1.0.0"}`}))
	f.Add(1, []byte(layer))
	f.Add(2, archive(map[string]string{"Dockerfile": "FROM alpine\nRUN id\n"}))
	f.Add(3, []byte(layer))
	paths := []string{"/images/load", "/images/create?fromSrc=-&repo=x", "/build?t=y", "/containers/keep/archive?path=/"}
	d := &target{name: "docker-28.5.2-debian"}
	f.Cleanup(d.close)
	f.Fuzz(func(t *testing.T, which int, b []byte) {
		if len(b) > 64<<10 || which < 0 {
			return
		}
		d.use(t)
		m, p := "POST", paths[which%len(paths)]
		if which%len(paths) == 3 {
			m = "PUT"
			d.ask(t, "POST", "/containers/create?name=keep", "application/json", []byte(`{"Image":"alpine"}`))
		}
		d.ask(t, m, p, "application/x-tar", b)
		d.w.check(t)
	})
}

func FuzzDockerfile(f *testing.F) {
	for _, s := range []string{"FROM alpine\nRUN echo a > /f && cat /f\nCOPY a /b\nENTRYPOINT [\"sh\"]\n", "ARG A=b\nFROM alpine:${A} AS x\nFROM x\nCOPY --from=x /etc/passwd /\nHEALTHCHECK CMD true\nONBUILD RUN x\n",
		"# escape=`\nFROM scratch\nLABEL a=b `\n c=d\nENV x y\nSHELL [\"a\"]\n", "FROM alpine\nADD http://x/y /z\nUSER 5:6\nWORKDIR a\nEXPOSE 1-3/udp\nVOLUME /v\nSTOPSIGNAL 9\n"} {
		f.Add(s)
	}
	d := &target{name: "docker-20.10.24-debian"}
	f.Cleanup(d.close)
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 500 {
			return
		}
		d.use(t)
		d.ask(t, "POST", "/build?t=z&rm=1", "application/x-tar", archive(map[string]string{"Dockerfile": s, "a": "x"}))
		d.w.check(t)
	})
}

// run runs a command line for a moment. It must end when it is told to.
func run(t *testing.T, reg *kernel.Registry, stdin string, argv []string) {
	t.Helper()
	w := kerneltest.New(t, reg, kerneltest.Options{Observer: kerneltest.Crashes{T: t}})
	w.Run(stdin, append([]string{"timeout", "-s", "KILL", "0.1"}, argv...)...)
}

func FuzzShell(f *testing.F) {
	for i, s := range []string{`for i in 1 2; do echo $i | cat; done`, `a=$(printf x); case $a in x*) echo ${a#x} ${a:-y} $((1+2));; esac`, "cat <<E\n$HOME\nE\n",
		`f() { local x=1; return $x; }; f || trap 'echo bye' EXIT; set -- a b; shift; echo "$@"`, `while read -r l; do echo "$l"; done </etc/passwd; exec 3>/tmp/x; echo y >&3`,
		`declare -A m; m[a]=b; echo ${m[@]} ${!m[@]}; [[ a =~ (.) ]]; echo ${BASH_REMATCH[1]}; echo {1..3}`, `(sleep 1 & wait); kill -9 $$`, `eval "$(echo aWQ=|base64 -d)"; python3 -c 'print(1)'`} {
		f.Add(i, s)
	}
	reg := rig.Programs()
	shells := []string{"bash", "dash", "ash"}
	f.Fuzz(func(t *testing.T, which int, code string) {
		if len(code) > 300 || which < 0 {
			return
		}
		run(t, reg, "", []string{shells[which%len(shells)], "-c", code})
	})
}

// FuzzProgram runs any program with any arguments; they stand with NULs between.
func FuzzProgram(f *testing.F) {
	for _, s := range []string{"find\x00/\x00-name\x00p*\x00-exec\x00echo\x00{}\x00;", "tar\x00czf\x00-\x00/etc", "grep\x00-rE\x00a(b|c)*\x00/etc", "sort\x00-t:\x00-k3,3n", "curl\x00-sSLo\x00/tmp/x\x00http://h/p",
		"ps\x00aux", "dd\x00if=/dev/zero\x00bs=1\x00count=9", "xargs\x00-n1\x00echo", "chmod\x00u+s,g-w\x00/tmp", "date\x00-d\x00@0\x00+%s", "jq\x00.a[]", "ip\x00a", "crontab\x00-", "openssl\x00enc\x00-base64", "od\x00-tx1z", "iptables\x00-A\x00INPUT"} {
		f.Add(s, "a b\n1 2\n")
	}
	reg := rig.Programs()
	f.Fuzz(func(t *testing.T, line, stdin string) {
		if len(line) > 300 || len(stdin) > 2000 {
			return
		}
		run(t, reg, stdin, strings.Split(line, "\x00"))
	})
}

// The seeds alone show that what should be answered is answered well.
func TestSeedsAreTaken(t *testing.T) {
	d := &target{name: "docker-20.10.24-debian"}
	t.Cleanup(d.close)
	d.use(t)
	for _, c := range []struct {
		method, path, ctype string
		body                []byte
		want                int
	}{
		{"POST", "/containers/create?name=keep", "application/json", []byte(`{"Image":"alpine"}`), 201},
		{"PUT", "/containers/keep/archive?path=/", "application/x-tar", archive(map[string]string{"a": "x"}), 200},
		{"POST", "/images/create?fromSrc=-&repo=x", "application/x-tar", archive(map[string]string{"a": "x"}), 200},
		{"POST", "/build?t=y", "application/x-tar", archive(map[string]string{"Dockerfile": "FROM alpine\nRUN true\n"}), 200},
	} {
		if got := d.ask(t, c.method, c.path, c.ctype, c.body); got != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, got, c.want)
		}
	}
	d.w.check(t)
}
