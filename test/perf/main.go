// Command perf measures what docs/verification.md keeps figures of: the decoy
// beside a bare net/http server and, where its packages can be had, a real daemon,
// in the same run, in turn, three rounds, the median of the ratios.
//
//	go run ./test/perf [-real] [-journal MiB]
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/journal"
	"github.com/whalefall/whalefall/test/oracle"
)

func main() {
	real := flag.Bool("real", false, "beside a real daemon of 20.10.24")
	bareAddr := flag.String("bare", "", "be the bare server on this address")
	jmb := flag.Int("journal", 1024, "size in MiB of the journal to start with")
	only := flag.Bool("latency", false, "only what calls take, beside the real daemons of all three releases")
	write := flag.Bool("write", false, "with -latency: write what the real daemons take to internal/persona/latency.tsv")
	rounds := flag.Int("rounds", 20, "how often each call is timed")
	flag.IntVar(&nWorlds, "worlds", 1000, "how many worlds to make")
	flag.Parse()
	if *bareAddr != "" {
		beBare(*bareAddr)
	}
	err := withBinary(func(tmp, bin string) error {
		if *only {
			return allLatencies(tmp, bin, *rounds, *write)
		}
		return measure(tmp, bin, *real, *jmb, *rounds)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "perf:", err)
		os.Exit(1)
	}
}

var nWorlds int

func row(work, figure, goal string) { fmt.Printf("| %s | %s | %s |\n", work, figure, goal) }

// withBinary builds whalefall into a folder of its own and runs f with both.
func withBinary(f func(tmp, bin string) error) error {
	tmp, err := os.MkdirTemp("", "whalefall-perf")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	bin := filepath.Join(tmp, "whalefall")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", bin, "./cmd/whalefall")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return f(tmp, bin)
}

// allLatencies compares each release. With write it puts down what the real daemons
// took, once all of them were measured.
func allLatencies(tmp, bin string, rounds int, write bool) error {
	var table bytes.Buffer
	table.WriteString("# release\troute\tp50 ms\tp95 ms\n")
	for _, r := range oracle.All {
		if err := beside(r, func(dm *oracle.Daemon) error {
			return latencies(bin, filepath.Join(tmp, r.Version), r.Persona, dm, rounds, &table)
		}); err != nil {
			return err
		}
	}
	if !write {
		return nil
	}
	return os.WriteFile("internal/persona/latency.tsv", table.Bytes(), 0o644)
}

// beside runs f with a real daemon that has an image.
func beside(r oracle.Release, f func(*oracle.Daemon) error) error {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Minute)
	defer stop()
	dm, err := oracle.Start(ctx, r, oracle.Options{})
	if err != nil {
		return fmt.Errorf("the real daemon: %w", err)
	}
	defer dm.Stop()
	if err := giveImage(dm); err != nil {
		return err
	}
	return f(dm)
}

func measure(tmp, bin string, real bool, jmb, rounds int) error {
	fmt.Println("| work | figure | goal |\n|---|---|---|")
	d, err := start(bin, filepath.Join(tmp, "a"), "--latency", "none", "--host", "empty")
	if err != nil {
		return err
	}
	defer d.stop()
	time.Sleep(2 * time.Second)
	pss, n := d.pss()
	row("at rest: Pss of all "+strconv.Itoa(n)+" processes", fmt.Sprintf("%.0f MiB", float64(pss)/1024), "< 96 MiB")
	before := pss
	conns, err := idle(d.addr, 2000)
	if err != nil {
		return err
	}
	time.Sleep(time.Second)
	after, _ := d.pss()
	row("idle connection with recording (2,000 of them)", fmt.Sprintf("%.1f KiB", float64(after-before)/2000), "< 40 KiB")
	for _, c := range conns {
		c.Close()
	}
	bare, stopBare := bareServer()
	defer stopBare()
	var dm *oracle.Daemon
	if real {
		ctx, stop := context.WithTimeout(context.Background(), 3*time.Minute)
		defer stop()
		if dm, err = oracle.Start(ctx, oracle.R20, oracle.Options{}); err != nil {
			return fmt.Errorf("the real daemon: %w", err)
		}
		defer dm.Stop()
		if err := giveImage(dm); err != nil {
			return err
		}
	}
	tcp := func(addr string) dialer { return func() (net.Conn, error) { return net.Dial("tcp", addr) } }
	var vsBare, vsReal []float64
	for range 9 { // who sits on which processor decides a round more than what is run
		b := pings(tcp(bare), time.Second)
		w := pings(tcp(d.addr), time.Second)
		vsBare = append(vsBare, w/b)
		r := 0.0
		if dm != nil {
			r = pings(dialReal(dm), time.Second)
			vsReal = append(vsReal, w/r)
		}
		fmt.Fprintf(os.Stderr, "pings a second: bare %.0f, decoy %.0f, real %.0f\n", b, w, r)
	}
	row("`/_ping` recorded, against a bare net/http handler", fmt.Sprintf("%.2f", median(vsBare)), ">= 0.35")
	if dm != nil {
		row("`/_ping` recorded, against the real daemon", fmt.Sprintf("%.2f", median(vsReal)), ">= 1.0")
	}
	pull(tcp(d.addr))
	var rates, ratios []float64
	for range 3 {
		w := lives(tcp(d.addr), "alpine", 2*time.Second)
		rates = append(rates, w)
		if dm != nil {
			r := lives(dialReal(dm), "busy", 4*time.Second)
			ratios = append(ratios, w/r)
		}
	}
	row("create, start, wait, rm of `true`, a second", fmt.Sprintf("%.0f", median(rates)), "")
	if dm != nil {
		row("create, start, wait, rm of `true`, against the real daemon", fmt.Sprintf("%.1f", median(ratios)), ">= 20")
	}
	rss, err := worlds(d, nWorlds)
	if err != nil {
		return err
	}
	row(strconv.Itoa(nWorlds)+" worlds of one container each: RSS of the sensor", fmt.Sprintf("%d MiB", rss), "< 1 GiB")
	d.stop()
	if dm != nil {
		if err := latencies(bin, filepath.Join(tmp, "l"), oracle.R20.Persona, dm, rounds, io.Discard); err != nil {
			return err
		}
	}
	// A start with a large journal.
	data := filepath.Join(tmp, "b")
	if err := fill(data, jmb, bin); err != nil {
		return err
	}
	t0 := time.Now()
	d2, err := start(bin, data, "--latency", "none")
	if err != nil {
		return err
	}
	row(fmt.Sprintf("start to first answer with %d MiB of journal", jmb), fmt.Sprintf("%.2f s", time.Since(t0).Seconds()), "< 1 s")
	d2.stop()
	return nil
}

func median(l []float64) float64 {
	sort.Float64s(l)
	return l[len(l)/2]
}

type decoy struct {
	cmd   *exec.Cmd
	addr  string
	ended chan struct{}
}

func start(bin, data string, args ...string) (*decoy, error) {
	cmd := exec.Command(bin, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--web", ""}, args...)...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begun, ended := make(chan error, 1), make(chan struct{})
	go func() {
		// PDEATHSIG counts from the thread that forked: this one lives until the child is dead.
		runtime.LockOSThread()
		err := cmd.Start()
		begun <- err
		if err == nil {
			cmd.Process.Wait()
		}
		close(ended)
	}()
	if err := <-begun; err != nil {
		return nil, err
	}
	d := &decoy{cmd: cmd, ended: ended}
	sc := bufio.NewScanner(out)
	for sc.Scan() {
		if f := strings.Fields(sc.Text()); strings.HasPrefix(sc.Text(), "Docker API on ") && len(f) > 3 {
			d.addr = f[3]
			break
		}
	}
	go io.Copy(io.Discard, out)
	for range 1000 {
		if resp, err := http.Get("http://" + d.addr + "/_ping"); err == nil {
			resp.Body.Close()
			return d, nil
		}
		time.Sleep(2 * time.Millisecond)
	}
	return nil, fmt.Errorf("the decoy does not answer")
}

func (d *decoy) stop() {
	if d.cmd != nil {
		d.cmd.Process.Signal(syscall.SIGTERM)
		<-d.ended
		d.cmd = nil
	}
}

// pss sums the processes' proportional set sizes in KiB.
func (d *decoy) pss() (kib, procs int) {
	pids := []int{d.cmd.Process.Pid}
	ents, _ := os.ReadDir("/proc")
	for _, e := range ents {
		b, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil || bytes.LastIndexByte(b, ')') < 0 {
			continue
		}
		if f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])); len(f) > 1 && f[1] == strconv.Itoa(d.cmd.Process.Pid) {
			if p, err := strconv.Atoi(e.Name()); err == nil {
				pids = append(pids, p)
			}
		}
	}
	for _, p := range pids {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p))
		for _, l := range strings.Split(string(b), "\n") {
			if f := strings.Fields(l); len(f) > 1 && f[0] == "Pss:" {
				n, _ := strconv.Atoi(f[1])
				kib += n
			}
		}
	}
	return kib, len(pids)
}

func idle(addr string, n int) ([]net.Conn, error) {
	var l []net.Conn
	for range n {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return l, err
		}
		l = append(l, c)
	}
	return l, nil
}

// bareServer is a plain net/http server in a process of its own, as the decoy is.
func bareServer() (string, func()) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(self, "-bare", addr)
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	for range 200 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return addr, func() { cmd.Process.Kill(); cmd.Wait() }
}

func beBare(addr string) {
	err := http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Api-Version", "1.41")
		h.Set("Cache-Control", "no-cache, no-store, must-revalidate")
		h.Set("Docker-Experimental", "false")
		h.Set("Ostype", "linux")
		h.Set("Pragma", "no-cache")
		h.Set("Server", "Docker/20.10.24 (linux)")
		io.WriteString(w, "OK")
	}))
	fmt.Fprintln(os.Stderr, "perf:", err)
	os.Exit(1)
}

type dialer func() (net.Conn, error)

// pings counts keep-alive pings a second over one connection.
func pings(dial dialer, d time.Duration) float64 {
	c, err := dial()
	if err != nil {
		return 0
	}
	defer c.Close()
	buf := make([]byte, 4096)
	t0 := time.Now()
	n := 0
	for time.Since(t0) < d {
		if _, err := io.WriteString(c, "GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n"); err != nil {
			return 0
		}
		for got := 0; ; {
			k, err := c.Read(buf[got:])
			if err != nil {
				return 0
			}
			if got += k; bytes.HasSuffix(buf[:got], []byte("\r\n\r\nOK")) {
				break
			}
		}
		n++
	}
	return float64(n) / time.Since(t0).Seconds()
}

func client(dial dialer) *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 4, DialContext: func(context.Context, string, string) (net.Conn, error) { return dial() }}}
}

func call(c *http.Client, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequest(method, "http://docker"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if resp.StatusCode >= 400 {
		return b, fmt.Errorf("%s %s: %d %s", method, path, resp.StatusCode, b)
	}
	return b, err
}

func pull(dial dialer) {
	if _, err := call(client(dial), "POST", "/images/create?fromImage=alpine&tag=latest", nil); err != nil {
		fmt.Fprintln(os.Stderr, "perf:", err)
	}
}

// lives counts whole container lives a second.
func lives(dial dialer, image string, d time.Duration) float64 {
	c := client(dial)
	body, err := json.Marshal(map[string]any{"Image": image, "Cmd": []string{"true"}})
	if err != nil {
		return 0
	}
	t0 := time.Now()
	n := 0
	for time.Since(t0) < d {
		b, err := call(c, "POST", "/containers/create", body)
		if err != nil {
			fmt.Fprintln(os.Stderr, "perf:", err)
			return 0
		}
		var r struct{ ID string }
		if err := json.Unmarshal(b, &r); err != nil {
			return 0
		}
		for _, s := range [][2]string{{"POST", "/containers/" + r.ID + "/start"}, {"POST", "/containers/" + r.ID + "/wait"}, {"DELETE", "/containers/" + r.ID}} {
			if _, err := call(c, s[0], s[1], nil); err != nil {
				fmt.Fprintln(os.Stderr, "perf:", err)
				return 0
			}
		}
		n++
	}
	return float64(n) / time.Since(t0).Seconds()
}

// giveImage imports an image with busybox alone.
func giveImage(dm *oracle.Daemon) error {
	bb, err := os.ReadFile(filepath.Join(dm.Root, "bin/busybox"))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: "bin/", Typeflag: tar.TypeDir, Mode: 0o755})
	w.WriteHeader(&tar.Header{Name: "bin/busybox", Mode: 0o755, Size: int64(len(bb))})
	w.Write(bb)
	w.WriteHeader(&tar.Header{Name: "bin/true", Typeflag: tar.TypeSymlink, Linkname: "busybox", Mode: 0o777})
	w.Close()
	_, err = call(client(dialReal(dm)), "POST", "/images/create?fromSrc=-&repo=busy", b.Bytes())
	return err
}

// fill makes a data directory whose journal has mb MiB.
func fill(data string, mb int, bin string) error {
	d, err := start(bin, data, "--latency", "none")
	if err != nil {
		return err
	}
	d.stop()
	j, err := journal.Open(journal.Config{Dir: filepath.Join(data, "sensor/journal")})
	if err != nil {
		return err
	}
	e := &event.Event{Time: time.Now(), Kind: event.HTTPBody, Conn: "cfill", Data: &event.Body{Size: 60000, Data: make([]byte, 60000)}}
	for i := range mb << 20 / 80000 {
		seq, err := j.Append(e)
		if err != nil {
			return err
		}
		if i%64 == 0 {
			j.Before(seq, func() {})
		}
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if err := j.Flush(ctx); err != nil {
		return err
	}
	return j.Close()
}

func dialReal(d *oracle.Daemon) dialer {
	return func() (net.Conn, error) { return d.Dial(context.Background()) }
}

// worlds makes n sources, each with a container that stays up, and gives the
// sensor's resident memory in MiB.
func worlds(d *decoy, n int) (int, error) {
	body, err := json.Marshal(map[string]any{"Image": "alpine", "Cmd": []string{"sleep", "1000"}})
	if err != nil {
		return 0, err
	}
	errs := make(chan error, n)
	slots := make(chan struct{}, 40) // a pull takes its time
	for i := range n {
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			errs <- oneWorld(d, body, net.IPv4(127, 1, byte(i>>8), byte(i)))
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			return 0, err
		}
	}
	out, err := exec.Command("pgrep", "-P", strconv.Itoa(d.cmd.Process.Pid), "-f", "_sensor").Output()
	if err != nil {
		return 0, err
	}
	st, err := os.ReadFile("/proc/" + strings.TrimSpace(string(out)) + "/status")
	if err != nil {
		return 0, err
	}
	for _, l := range strings.Split(string(st), "\n") {
		if f := strings.Fields(l); len(f) > 1 && f[0] == "VmRSS:" {
			k, err := strconv.Atoi(f[1])
			return k >> 10, err
		}
	}
	return 0, nil
}

func oneWorld(d *decoy, create []byte, ip net.IP) error {
	nd := net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}}
	c := client(func() (net.Conn, error) { return nd.Dial("tcp", d.addr) })
	defer c.CloseIdleConnections()
	if _, err := call(c, "POST", "/images/create?fromImage=alpine&tag=latest", nil); err != nil {
		return err
	}
	b, err := call(c, "POST", "/containers/create", create)
	if err != nil {
		return err
	}
	var v struct{ ID string }
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	_, err = call(c, "POST", "/containers/"+v.ID+"/start", nil)
	return err
}
