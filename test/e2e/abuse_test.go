package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// from dials the decoy from another address of the loopback network: another source.
func (d *decoy) from(ip string) (net.Conn, error) {
	nd := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: 5 * time.Second}
	return nd.Dial("tcp", d.addr)
}

func (d *decoy) client(ip string) *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return d.from(ip) }}}
}

// rss is a process's resident memory in MiB.
func rss(pid int) int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for _, l := range strings.Split(string(b), "\n") {
		if f := strings.Fields(l); len(f) > 1 && f[0] == "VmRSS:" {
			n, _ := strconv.Atoi(f[1])
			return n >> 10
		}
	}
	return 0
}

// run starts a container of alpine that runs code, as a source, and gives its id.
func (d *decoy) run(c *http.Client, code string) string {
	post := func(path string, body any) (int, []byte) {
		b, _ := json.Marshal(body)
		resp, err := c.Post("http://"+d.addr+path, "application/json", bytes.NewReader(b))
		if err != nil {
			return 0, nil
		}
		defer resp.Body.Close()
		out, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, out
	}
	create := map[string]any{"Image": "alpine", "Cmd": []string{"sh", "-c", code}}
	st, b := post("/containers/create", create)
	if st == 404 {
		post("/images/create?fromImage=alpine&tag=latest", nil)
		st, b = post("/containers/create", create)
	}
	var r struct{ ID string }
	if st != 201 || json.Unmarshal(b, &r) != nil {
		return ""
	}
	post("/containers/"+r.ID+"/start", nil)
	return r.ID
}

// TestAbuse: whatever one source does, the sensor stays up and small, and other
// sources are answered. The table is printed; what is asserted are the bounds that
// hold on any machine.
func TestAbuse(t *testing.T) {
	d := serve(t)
	pid, _ := d.children()
	var gzBomb bytes.Buffer
	z := gzip.NewWriter(&gzBomb)
	tw := tar.NewWriter(z)
	tw.WriteHeader(&tar.Header{Name: "zeros", Size: 2 << 30, Mode: 0o644})
	zero := make([]byte, 1<<20)
	for range 2048 {
		tw.Write(zero)
	}
	tw.Close()
	z.Close()
	var evil bytes.Buffer
	tw = tar.NewWriter(&evil)
	for _, h := range []*tar.Header{{Name: "../../../../etc/passwd", Size: 1, Mode: 0o644}, {Name: "/abs", Size: 1, Mode: 0o644}, {Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/"},
		{Name: "l/etc/x", Size: 1, Mode: 0o644}, {Name: "h", Typeflag: tar.TypeLink, Linkname: "../../x"}, {Name: "dev", Typeflag: tar.TypeBlock, Devmajor: 8, Mode: 0o666}} {
		tw.WriteHeader(h)
		if h.Size > 0 {
			tw.Write([]byte("x"))
		}
	}
	tw.Close()
	raw := func(send string, keep time.Duration) func(*http.Client) {
		return func(*http.Client) {
			c, err := d.from("127.0.0.66")
			if err != nil {
				return
			}
			defer c.Close()
			io.WriteString(c, send)
			c.SetReadDeadline(time.Now().Add(keep))
			io.Copy(io.Discard, c)
		}
	}
	post := func(path, ctype string, body func() io.Reader) func(*http.Client) {
		return func(c *http.Client) {
			resp, err := c.Post("http://"+d.addr+path, ctype, body())
			if err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}
	}
	cases := []struct {
		name string
		do   func(*http.Client)
	}{
		{"head of 4 MiB", raw("GET / HTTP/1.1\r\nHost: x\r\nA: "+strings.Repeat("a", 4<<20)+"\r\n\r\n", time.Second)},
		{"endless chunks", func(c *http.Client) {
			conn, err := d.from("127.0.0.66")
			if err != nil {
				return
			}
			defer conn.Close()
			io.WriteString(conn, "POST /images/load HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
			chunk := "10000\r\n" + strings.Repeat("z", 0x10000) + "\r\n"
			conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
			for {
				if _, err := io.WriteString(conn, chunk); err != nil {
					return
				}
			}
		}},
		{"JSON of depth 10^5", post("/containers/create", "application/json", func() io.Reader { return strings.NewReader(strings.Repeat(`{"Labels":`, 100_000)) })},
		{"arrays of depth 10^5", post("/containers/create", "application/json", func() io.Reader { return strings.NewReader(`{"Cmd":` + strings.Repeat("[", 100_000)) })},
		{"invalid UTF-8, NUL, escapes", raw("GET /\xff\xfe%00\x1b[2J HTTP/1.1\r\nHost: \xff\r\nUser-Agent: \x1b]0;x\x07\r\nX: \x80\r\n\r\n", time.Second)},
		{"gzip bomb of 2 GiB as an image", func(c *http.Client) {
			resp, err := c.Post("http://"+d.addr+"/images/load", "application/x-tar", bytes.NewReader(gzBomb.Bytes()))
			if err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}},
		{"tar with .., links, devices", func(c *http.Client) {
			id := d.run(c, "sleep 5")
			req, _ := http.NewRequest("PUT", "http://"+d.addr+"/containers/"+id+"/archive?path=/", bytes.NewReader(evil.Bytes()))
			if resp, err := c.Do(req); err == nil {
				resp.Body.Close()
			}
		}},
		{"while :; do :; done (4 times)", func(c *http.Client) {
			for range 4 {
				d.run(c, "while :; do :; done")
			}
			time.Sleep(2 * time.Second)
		}},
		{"fork bomb", func(c *http.Client) { d.run(c, "b() { b | b & }; b"); time.Sleep(2 * time.Second) }},
		{"yes > /f", func(c *http.Client) { d.run(c, "yes > /f"); time.Sleep(2 * time.Second) }},
		{"cat /dev/zero into a variable", func(c *http.Client) { d.run(c, "x=$(cat /dev/zero)"); time.Sleep(2 * time.Second) }},
		{"exponential expansion", func(c *http.Client) {
			d.run(c, "a=xxxxxxxxxx; while :; do a=$a$a$a$a; done")
			time.Sleep(2 * time.Second)
		}},
		{"flood of pings by 32 connections", func(c *http.Client) {
			var wg sync.WaitGroup
			for range 32 {
				wg.Add(1)
				go func() {
					defer wg.Done()
					conn, err := d.from("127.0.0.66")
					if err != nil {
						return
					}
					defer conn.Close()
					b := make([]byte, 4096)
					for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
						io.WriteString(conn, "GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
						if _, err := conn.Read(b); err != nil {
							return
						}
					}
				}()
			}
			wg.Wait()
		}},
		{"2,000 half-open attaches", func(c *http.Client) {
			id := d.run(c, "sleep 30")
			var conns []net.Conn
			for range 2000 {
				conn, err := d.from("127.0.0.66")
				if err != nil {
					break
				}
				io.WriteString(conn, "POST /containers/"+id+"/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n")
				conns = append(conns, conn)
			}
			time.Sleep(time.Second)
			for _, x := range conns {
				x.Close()
			}
		}},
		{"1,000 containers by one source", func(c *http.Client) {
			for range 1000 {
				d.run(c, "true")
			}
		}},
	}
	t.Logf("%-36s %10s %10s %8s", "abuse", "p50", "p99", "RSS MiB")
	for _, c := range cases {
		// The other source: a ping each 5 ms from another address.
		stop := make(chan struct{})
		var lat []time.Duration
		failed := 0
		var wg sync.WaitGroup
		wg.Add(1)
		go func() {
			defer wg.Done()
			cl := d.client("127.0.0.77")
			for {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
				t0 := time.Now()
				resp, err := cl.Get("http://" + d.addr + "/_ping")
				if err != nil {
					failed++
					continue
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				lat = append(lat, time.Since(t0))
			}
		}()
		done := make(chan struct{})
		go func() { defer close(done); c.do(d.client("127.0.0.66")) }()
		select {
		case <-done:
		case <-time.After(40 * time.Second):
			t.Errorf("%s: not over after 40 s", c.name)
		}
		close(stop)
		wg.Wait()
		sort.Slice(lat, func(i, j int) bool { return lat[i] < lat[j] })
		p := func(q float64) time.Duration {
			if len(lat) == 0 {
				return 0
			}
			return lat[int(q*float64(len(lat)-1))].Round(10 * time.Microsecond)
		}
		mem := rss(pid)
		t.Logf("%-36s %10v %10v %8d", c.name, p(.5), p(.99), mem)
		if failed > 0 {
			t.Errorf("%s: %d pings of another source failed", c.name, failed)
		}
		if now, _ := d.children(); now != pid {
			t.Fatalf("%s: the sensor died\n%s", c.name, d.text())
		}
		if mem > 768 {
			t.Errorf("%s: the sensor holds %d MiB", c.name, mem)
		}
	}
}
