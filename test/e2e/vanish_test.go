package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// held is what the sensor holds: descriptors, and goroutines as its status says.
func (d *decoy) held() (fds, goroutines, conns int) {
	d.t.Helper()
	pid, _ := d.children()
	ents, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		d.t.Fatal(err)
	}
	resp, err := http.Get("http://" + d.web + "/status")
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	var st struct {
		Sensor struct{ Goroutines, Conns int }
	}
	if err := json.NewDecoder(resp.Body).Decode(&st); err != nil {
		d.t.Fatal(err)
	}
	return len(ents), st.Sensor.Goroutines, st.Sensor.Conns
}

// A client that vanishes, in whatever phase, by FIN or by RST, is on record and
// leaves nothing behind.
func TestVanishingClients(t *testing.T) {
	d := serve(t)
	c := d.client("127.0.0.1")
	id := d.run(c, "while sleep 0.2; do echo tick; done")
	if id == "" {
		t.Fatal("no container")
	}
	phases := []struct{ name, send string }{
		{"nothing-sent", ""},
		{"in-the-head", "GET /v-head HTTP/1.1\r\nHost: x\r\nX-A: "},
		{"after-the-head", "POST /containers/v-after/start HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"},
		{"in-the-body", "POST /containers/create?name=v-body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"Image\":\"alp"},
		{"in-a-chunk", "POST /images/load?v-chunk HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\nabc"},
		{"attached", "POST /containers/" + id + "/attach?stream=1&stdout=1&stdin=1&v-attach HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n"},
		{"waiting", "POST /containers/" + id + "/wait?v-wait HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"logs-followed", "GET /containers/" + id + "/logs?follow=1&stdout=1&v-logs HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"stats", "GET /containers/" + id + "/stats?v-stats HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"events", "GET /events?v-events HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"before-the-answer", "GET /containers/json?v-answer HTTP/1.1\r\nHost: x\r\n\r\n"},
	}
	const times = 10
	vanish := func() {
		var conns []net.Conn
		for _, p := range phases {
			for range 2 {
				c, err := d.from("127.0.0.88")
				if err != nil {
					t.Fatal(err)
				}
				io.WriteString(c, p.send)
				conns = append(conns, c)
			}
		}
		time.Sleep(30 * time.Millisecond)
		for i, c := range conns {
			if i%2 == 0 {
				c.(*net.TCPConn).SetLinger(0) // RST
			}
			c.Close()
		}
	}
	// The first round gives the source a world of its own, with what runs in it.
	vanish()
	http.DefaultClient.CloseIdleConnections()
	c.CloseIdleConnections()
	time.Sleep(2 * time.Second)
	fds, gos, _ := d.held()
	for range times {
		vanish()
	}
	// The container's own sleep comes and goes, with its pipe.
	const slack = 2
	var f, g, n int
	for end := time.Now().Add(6 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		http.DefaultClient.CloseIdleConnections()
		if f, g, n = d.held(); f <= fds+1 && g <= gos+slack {
			break
		}
	}
	t.Logf("descriptors %d, then %d; goroutines %d, then %d; %d connections", fds, f, gos, g, n)
	if f > fds+1 || g > gos+slack {
		t.Errorf("left behind: descriptors %d to %d, goroutines %d to %d", fds, f, gos, g)
	}
	d.call("DELETE", "/containers/"+id+"?force=1", "")
	out, _, _ := wf(t, "session", "ls", "--all", "--source", "127.0.0.88", "--data", d.data, "--format", "json")
	var row struct{ ID string }
	json.Unmarshal([]byte(out), &row)
	ev, _, _ := wf(t, "session", "export", row.ID, "--format", "jsonl", "--data", d.data)
	for _, p := range phases {
		i := strings.Index(p.send, "v-")
		if i < 0 || p.name == "in-the-head" {
			continue
		}
		tok := strings.FieldsFunc(p.send[i:], func(r rune) bool { return r == ' ' || r == '/' || r == '&' })[0]
		// Of the RST ones the kernel may drop what was not yet read.
		if k := strings.Count(ev, tok); k < times {
			t.Errorf("%s: %d of %d requests are on record", p.name, k, 2*times)
		}
	}
	if !strings.Contains(ev, `"kind":"conn.bytes"`) && !strings.Contains(ev, "v-head") {
		t.Error("a head that stops is not on record")
	}
}

// A head a byte a time and a body that stops hold nobody up and are answered or
// kept waiting as a daemon would.
func TestSlowClients(t *testing.T) {
	d := serve(t)
	slow, err := d.from("127.0.0.89")
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	stopped, err := d.from("127.0.0.90")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(stopped, "POST /containers/create?name=stopped HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"Image\":")
	head := "GET /_ping?byte-a-time HTTP/1.1\r\nHost: x\r\n\r\n"
	for i := range len(head) {
		if _, err := io.WriteString(slow, head[i:i+1]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Millisecond)
		if i%10 == 0 {
			t0 := time.Now()
			if code, _ := d.call("GET", "/_ping", ""); code != 200 || time.Since(t0) > time.Second {
				t.Errorf("another client: %d after %v", code, time.Since(t0))
			}
		}
	}
	slow.SetReadDeadline(time.Now().Add(3 * time.Second))
	b := make([]byte, 17)
	if _, err := io.ReadFull(slow, b); err != nil || string(b) != "HTTP/1.1 200 OK\r\n" {
		t.Errorf("%q %v", b, err)
	}
	stopped.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := stopped.Read(b); n > 0 {
		t.Errorf("a body that stops is answered: %q %v", b[:n], err)
	}
	stopped.Close()
	for _, ip := range []string{"127.0.0.89", "127.0.0.90"} {
		ok := false
		for end := time.Now().Add(3 * time.Second); !ok && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			out, _, _ := wf(t, "session", "ls", "--all", "--source", ip, "--data", d.data, "--format", "json")
			ok = strings.Contains(out, `"request_count":1`)
		}
		if !ok {
			t.Errorf("%s is not on record", ip)
		}
	}
}

// Ten thousand connections that say nothing: the next client is answered. The
// program starts with a small soft limit and raises it by itself.
func TestTenThousandIdle(t *testing.T) {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	if lim.Max < 12_000 {
		t.Skipf("the hard limit is %d descriptors", lim.Max)
	}
	lim.Cur = lim.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	d := serve(t)
	sensor, _ := d.children()
	lims, _ := os.ReadFile(fmt.Sprintf("/proc/%d/limits", sensor))
	for _, l := range strings.Split(string(lims), "\n") {
		if strings.HasPrefix(l, "Max open files") {
			var soft int
			if _, err := fmt.Sscanf(l, "Max open files %d", &soft); err != nil || soft < 11_000 {
				t.Errorf("the sensor's limits: %s", l)
			}
		}
	}
	before := rss(sensor)
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range 10_000 {
		// Five sources: a source may have 4,096 connections.
		c, err := d.from(fmt.Sprintf("127.0.1.%d", 1+i%5))
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		conns = append(conns, c)
	}
	t0 := time.Now()
	if code, _ := d.call("GET", "/_ping", ""); code != 200 {
		t.Errorf("status %d", code)
	}
	took := time.Since(t0)
	var n int
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if _, _, n = d.held(); n >= 10_000 {
			break
		}
	}
	mem := rss(sensor) - before
	t.Logf("%d connections, %d MiB more, a ping in %v", n, mem, took)
	if n < 10_000 || took > 2*time.Second {
		t.Errorf("%d connections are open, a ping took %v", n, took)
	}
}

// A small soft limit at the start is raised to the hard one.
func TestRaisesDescriptorLimit(t *testing.T) {
	d := at(t, t.TempDir()+"/data")
	cmd := exec.Command("sh", "-c", `ulimit -Sn 256; exec "$0" serve --data "$1" --listen 127.0.0.1:0 --web "" `, program(t), d.data)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.cmd = cmd
	defer func() { cmd.Process.Signal(unix.SIGTERM); cmd.Wait() }()
	var s int
	for end := time.Now().Add(10 * time.Second); s == 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		s, _ = d.children()
	}
	time.Sleep(300 * time.Millisecond)
	lims, _ := os.ReadFile(fmt.Sprintf("/proc/%d/limits", s))
	for _, l := range strings.Split(string(lims), "\n") {
		if strings.HasPrefix(l, "Max open files") {
			// Go raises it to one below the hard limit, so that it knows its own doing.
			var soft, hard int
			if _, err := fmt.Sscanf(l, "Max open files %d %d", &soft, &hard); err != nil || soft < hard-1 {
				t.Errorf("%s", l)
			}
			return
		}
	}
	t.Errorf("no sensor, or no limits: %s", lims)
}
