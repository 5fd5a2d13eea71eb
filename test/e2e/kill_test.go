package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// rounds is how often each process is killed: ten here, more in `make soak`.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("WHALEFALL_KILL_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return 10
}

// Whatever process is killed, whatever a client got is on record.
func TestKillNineLosesNothing(t *testing.T) {
	d := serve(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	got := map[string]bool{} // tokens whose answer a client has
	var n atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	client := func(body bool) {
		defer wg.Done()
		c := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: rnd.IntN(2) == 0}}
		for {
			select {
			case <-stop:
				return
			default:
			}
			tok := fmt.Sprintf("tok%d", n.Add(1))
			var resp *http.Response
			var err error
			if body {
				resp, err = c.Post("http://"+d.addr+"/containers/nosuch-"+tok+"/archive?path=/", "application/x-tar", strings.NewReader(strings.Repeat("x", 100_000)))
			} else {
				resp, err = c.Get("http://" + d.addr + "/containers/nosuch-" + tok + "/json")
			}
			if err == nil {
				_, _ = io.Copy(io.Discard, resp.Body) // the head is the answer that counts
				resp.Body.Close()
				mu.Lock()
				got[tok] = true
				mu.Unlock()
			}
			time.Sleep(4 * time.Millisecond)
		}
	}
	for i := range 4 {
		wg.Add(1)
		go client(i == 3)
	}
	sensorKills, operatorKills := 0, 0
	for i := range rounds() {
		time.Sleep(time.Duration(200+rnd.IntN(300)) * time.Millisecond)
		answered := func() int {
			mu.Lock()
			defer mu.Unlock()
			return len(got)
		}
		for end := time.Now().Add(patience(20 * time.Second)); answered() < 10*(i+1); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("round %d: only %d requests were answered\n%s", i, answered(), d.text())
			}
		}
		s, o := d.children()
		pid := s
		if i%3 == 2 {
			pid = o
			operatorKills++
		} else {
			sensorKills++
		}
		if pid == 0 {
			t.Fatalf("a process is missing in round %d\n%s", i, d.text())
		}
		syscall.Kill(pid, syscall.SIGKILL)
		deadline := time.Now().Add(patience(10 * time.Second))
		for {
			s2, o2 := d.children()
			if s2 != 0 && o2 != 0 && s2 != pid && o2 != pid {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("round %d: not started again\n%s", i, d.text())
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	time.Sleep(500 * time.Millisecond)
	close(stop)
	wg.Wait()
	// The supervisor last: its death ends both children at once.
	s, o := d.children()
	d.cmd.Process.Kill()
	<-d.done
	d.cmd = nil
	for deadline := time.Now().Add(patience(3 * time.Second)); ; time.Sleep(10 * time.Millisecond) {
		if syscall.Kill(s, 0) != nil && syscall.Kill(o, 0) != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a child outlives the supervisor")
		}
	}
	out, errOut, code := wf(t, "session", "ls", "--data", d.data, "--all", "--format", "json")
	if code != 0 {
		t.Fatalf("session ls after the kills: %s", errOut)
	}
	recorded := map[string]bool{}
	for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
		var row struct{ ID string }
		if err := json.Unmarshal([]byte(l), &row); err != nil {
			t.Fatal(err)
		}
		show, _, _ := wf(t, "session", "show", row.ID, "--data", d.data, "--format", "json")
		var s doc
		if err := json.Unmarshal([]byte(show), &s); err != nil {
			t.Fatal(err)
		}
		for _, r := range s.Requests {
			if i := strings.Index(r.URL, "tok"); i >= 0 && r.Status != 0 {
				recorded[strings.FieldsFunc(r.URL[i:], func(c rune) bool { return c == '/' || c == '?' })[0]] = true
			}
		}
	}
	missing := 0
	for tok := range got {
		if !recorded[tok] {
			missing++
			if missing < 5 {
				t.Errorf("%s was answered and is not on record", tok)
			}
		}
	}
	t.Logf("%d requests answered, %d missing; sensor killed %d times, operator side %d, supervisor once", len(got), missing, sensorKills, operatorKills)
}

// After a kill of the supervisor the next serve takes the same directory at once.
func TestServeAgainAfterKill(t *testing.T) {
	d := serve(t)
	d.call("GET", "/version", "")
	d.cmd.Process.Kill()
	<-d.done
	d.start()
	if code, _ := d.call("GET", "/version", ""); code != 200 {
		t.Errorf("status %d", code)
	}
}

func TestSecondServeIsRefused(t *testing.T) {
	d := serve(t)
	out, errOut, code := wf(t, "serve", "--data", d.data, "--listen", "127.0.0.1:0", "--web", "")
	if code != 1 || !strings.Contains(errOut, "another whalefall serves this data directory") || !strings.Contains(errOut, "hint: ") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
}

// Half-open and silent clients hold nothing up.
func TestIdleConnections(t *testing.T) {
	d := serve(t)
	var conns []net.Conn
	for range 500 {
		c, err := net.Dial("tcp", d.addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	if code, _ := d.call("GET", "/_ping", ""); code != 200 {
		t.Errorf("status %d", code)
	}
	io.WriteString(conns[0], "GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
	conns[0].SetReadDeadline(time.Now().Add(5 * time.Second))
	l, err := bufio.NewReader(conns[0]).ReadString('\n')
	if err != nil || l != "HTTP/1.1 200 OK\r\n" {
		t.Errorf("%q %v", l, err)
	}
}
