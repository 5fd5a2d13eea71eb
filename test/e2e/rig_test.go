package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var built struct {
	once sync.Once
	path string
	err  error
}

// program builds the program once. WHALEFALL_PROGRAM names one that is built already,
// for machines without Go.
func program(t testing.TB) string {
	t.Helper()
	if p := os.Getenv("WHALEFALL_PROGRAM"); p != "" {
		return p
	}
	built.once.Do(func() {
		dir, err := os.MkdirTemp("", "whalefall-e2e") //nolint:usetesting // it outlives the first test that asks
		if err != nil {
			built.err = err
			return
		}
		built.path = filepath.Join(dir, "whalefall")
		cmd := exec.Command("go", "build", "-o", built.path, "./cmd/whalefall")
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.path != "" {
		os.RemoveAll(filepath.Dir(built.path))
	}
	os.Exit(code)
}

// decoy is a running serve.
type decoy struct {
	t    testing.TB
	cmd  *exec.Cmd
	data string
	addr string
	web  string
	log  *bytes.Buffer
	mu   *sync.Mutex
	done chan error
}

var reListen = regexp.MustCompile(`Docker API on (\S+) `)

func serve(t testing.TB, args ...string) *decoy {
	t.Helper()
	d := &decoy{t: t, data: filepath.Join(t.TempDir(), "data"), log: &bytes.Buffer{}, mu: &sync.Mutex{}, done: make(chan error, 1)}
	d.start(args...)
	t.Cleanup(d.stop)
	return d
}

func (d *decoy) start(args ...string) {
	d.t.Helper()
	all := []string{"serve", "--data", d.data, "--latency", "none"}
	has := func(f string) bool {
		for _, a := range args {
			if a == f || strings.HasPrefix(a, f+"=") {
				return true
			}
		}
		return false
	}
	if !has("--listen") {
		all = append(all, "--listen", "127.0.0.1:0")
	}
	if !has("--web") {
		d.web = freePort(d.t)
		all = append(all, "--web", d.web)
	}
	d.cmd = exec.Command(program(d.t), append(all, args...)...)
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	d.cmd.Stderr = lockedWriter{d.mu, d.log}
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	sc := bufio.NewScanner(out)
	addr := make(chan string, 1)
	go func() {
		for sc.Scan() {
			d.mu.Lock()
			d.log.WriteString(sc.Text() + "\n")
			d.mu.Unlock()
			if m := reListen.FindStringSubmatch(sc.Text()); m != nil {
				select {
				case addr <- m[1]:
				default:
				}
			}
		}
		d.done <- d.cmd.Wait()
	}()
	select {
	case d.addr = <-addr:
	case <-time.After(patience(20 * time.Second)):
		d.t.Fatalf("serve does not start:\n%s", d.text())
	case err := <-d.done:
		d.done <- err
		d.t.Fatalf("serve ended: %v\n%s", err, d.text())
	}
	deadline := time.Now().Add(patience(20 * time.Second))
	// The supervisor's socket takes connections even while no sensor comes up.
	c := &http.Client{Timeout: patience(20 * time.Second), Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		resp, err := c.Get("http://" + d.addr + "/_ping")
		if err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("no answer: %v\n%s", err, d.text())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (d *decoy) text() string { d.mu.Lock(); defer d.mu.Unlock(); return d.log.String() }

func (d *decoy) stop() {
	if d.cmd == nil {
		return
	}
	d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(10 * time.Second):
		d.cmd.Process.Kill()
		<-d.done
	}
	d.cmd = nil
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func freePort(t testing.TB) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// wf runs a command of the program and gives its output and status.
func wf(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, program(t), args...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// children gives the pids of the sensor and the operator side.
func (d *decoy) children() (sensor, operator int) {
	ents, _ := os.ReadDir("/proc")
	for _, e := range ents {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		if len(f) < 2 || f[1] != strconv.Itoa(d.cmd.Process.Pid) || f[0] == "Z" {
			continue
		}
		c, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if bytes.Contains(c, []byte("_sensor")) {
			sensor = pid
		} else if bytes.Contains(c, []byte("_operator")) {
			operator = pid
		}
	}
	return sensor, operator
}

// call makes one request as an old client would.
func (d *decoy) call(method, path, body string) (int, string) {
	d.t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, "http://"+d.addr+path, r)
	if err != nil {
		d.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

type doc struct {
	ID           string
	Source, Kind string
	Client       string
	Outcome      string
	RequestCount int `json:"request_count"`
	Techniques   []struct{ ID, Name string }
	Steps        []struct{ Step, Text string }
	Requests     []struct {
		Seq    int
		Method string
		URL    string
		Status int
	}
	Commands []struct {
		Container string
		Argv      []string
		Code      string
		Exit      *int
	}
	Connections []struct {
		Address, Name, URL string
		Port               int
	}
	Indicators []struct{ Type, Value, Role, Layer string }
	Unknown    []struct{ What, Name, Detail string }
}

// patience is how long a test waits on a machine that is WHALEFALL_SLOW times slower
// than a real one.
func patience(d time.Duration) time.Duration {
	if n, err := strconv.Atoi(os.Getenv("WHALEFALL_SLOW")); err == nil && n > 0 {
		return d * time.Duration(n)
	}
	return d
}

// lastSession gives the newest session once it satisfies ok, or as it is after
// three seconds: what was answered is in the store within one.
func (d *decoy) lastSession(ok func(doc) bool) doc {
	d.t.Helper()
	var s doc
	for deadline := time.Now().Add(patience(3 * time.Second)); ; time.Sleep(50 * time.Millisecond) {
		out, _, _ := wf(d.t, "session", "ls", "--data", d.data, "--format", "json")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		var row struct{ ID string }
		if json.Unmarshal([]byte(lines[len(lines)-1]), &row) == nil && row.ID != "" {
			out, errOut, code := wf(d.t, "session", "show", row.ID, "--data", d.data, "--format", "json")
			if code != 0 {
				d.t.Fatalf("session show: %s", errOut)
			}
			s = doc{}
			if err := json.Unmarshal([]byte(out), &s); err != nil {
				d.t.Fatalf("%v in %s", err, out)
			}
			if ok == nil || ok(s) {
				return s
			}
		}
		if time.Now().After(deadline) {
			return s
		}
	}
}

func steps(s doc) string {
	var k []string
	for _, x := range s.Steps {
		k = append(k, x.Step)
	}
	return strings.Join(k, " ")
}

// self runs this test binary again for one test, with more environment.
func self(t *testing.T, test string, env ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run", "^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), env...)
	return cmd
}
