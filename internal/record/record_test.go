package record

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/artifact"
	"github.com/whalefall/whalefall/internal/event"
)

// book is a journal in memory that knows what was written before what.
type book struct {
	mu  sync.Mutex
	evs []event.Event
}

func (b *book) Append(e *event.Event) (uint64, error) {
	p, err := event.Append(nil, e)
	if err != nil {
		return 0, err
	}
	var c event.Event
	if err := json.Unmarshal(p, &c); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.evs = append(b.evs, c)
	return uint64(len(b.evs)), nil
}

func (b *book) Before(_ uint64, send func()) { send() }

func (b *book) of(k event.Kind) []event.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []event.Event
	for _, e := range b.evs {
		if e.Kind == k {
			out = append(out, e)
		}
	}
	return out
}

type seen struct {
	Method, URI, Body string
}

// serve runs net/http over a recorder on loopback.
func serve(t testing.TB, b *book, arts *artifact.Store) (addr string, stop func()) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	rec := New(Config{Journal: b, Persona: "docker-20.10.24", Artifacts: arts})
	var conns sync.WaitGroup
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hijack" {
			c, buf, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n")
			line, _ := buf.ReadString('\n')
			io.WriteString(c, "echo "+line)
			c.Close()
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/stream":
			for i := range 3 {
				fmt.Fprintf(w, "part %d\n", i)
				w.(http.Flusher).Flush()
			}
		case "/big":
			w.Write(bytes.Repeat([]byte("x"), 200000))
		default:
			io.WriteString(w, "OK")
		}
	}), ErrorLog: nil, ConnState: func(c net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			conns.Add(1)
		case http.StateClosed, http.StateHijacked:
			conns.Done()
		}
	}}
	srv.ErrorLog = discardLog
	go srv.Serve(rec.Listener(ln, nil))
	return ln.Addr().String(), func() { srv.Close(); conns.Wait() }
}

func talk(t testing.TB, addr, send string) string {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(c, send)
	c.(*net.TCPConn).CloseWrite()
	out, _ := io.ReadAll(c)
	return string(out)
}

func TestRequestsInOrder(t *testing.T) {
	b := &book{}
	addr, stop := serve(t, b, nil)
	defer stop()
	out := talk(t, addr, "GET /a HTTP/1.1\r\nHOST: x\r\nx-Odd:  y \r\n\r\n"+
		"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"+
		"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: z\r\n\r\n"+
		"\r\nHEAD /d HTTP/1.1\r\nHost: x\r\n\r\nGET /stream HTTP/1.1\r\nHost: x\r\n\r\nGET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if strings.Count(out, "HTTP/1.1 200 OK") != 6 {
		t.Fatalf("answers: %q", out)
	}
	stop()
	reqs := b.of(event.HTTPRequest)
	want := []string{"GET /a", "POST /b", "POST /c", "HEAD /d", "GET /stream", "GET /big"}
	if len(reqs) != len(want) {
		t.Fatalf("%d requests recorded", len(reqs))
	}
	for i, w := range want {
		r := reqs[i].Data.(*event.Request)
		if r.Method+" "+r.URL != w || reqs[i].Req != uint32(i+1) {
			t.Errorf("request %d is %s %s", i, r.Method, r.URL)
		}
	}
	if h := reqs[0].Data.(*event.Request).Headers; fmt.Sprint(h) != "[[HOST x] [x-Odd y]]" {
		t.Errorf("headers %v", h)
	}
	bodies := b.of(event.HTTPBody)
	if len(bodies) != 2 || string(bodies[0].Data.(*event.Body).Data) != "hello" || string(bodies[1].Data.(*event.Body).Data) != "abcde" {
		t.Errorf("bodies %+v", bodies)
	}
	ends := b.of(event.HTTPEnd)
	if len(ends) != 6 {
		t.Fatalf("%d ends", len(ends))
	}
	for i, size := range []int64{2, 2, 2, 0, 21, 200000} {
		e := ends[i].Data.(*event.End)
		if e.Size != size || e.Aborted || e.Status != 200 {
			t.Errorf("end %d: %+v, want size %d", i, e, size)
		}
	}
	sum := sha256.Sum256(bytes.Repeat([]byte("x"), 200000))
	if ends[5].Data.(*event.End).SHA256 != hex.EncodeToString(sum[:]) {
		t.Error("hash of the chunked answer")
	}
	// The order: request before its answer, answer before its end.
	state := map[uint32]int{}
	for _, e := range b.evs {
		rank := map[event.Kind]int{event.HTTPRequest: 1, event.HTTPBody: 2, event.HTTPAnswer: 3, event.HTTPEnd: 4}[e.Kind]
		if rank == 0 {
			continue
		}
		if rank < state[e.Req] {
			t.Errorf("request %d: %s comes late", e.Req, e.Kind)
		}
		state[e.Req] = rank
	}
}

func TestHijackedStream(t *testing.T) {
	for _, early := range []bool{true, false} {
		b := &book{}
		addr, stop := serve(t, b, nil)
		c, _ := net.Dial("tcp", addr)
		io.WriteString(c, "POST /hijack HTTP/1.1\r\nHost: x\r\n\r\n")
		if early {
			io.WriteString(c, "hi\n")
		}
		r := bufio.NewReader(c)
		if !early {
			r.ReadString('\n')
			io.WriteString(c, "hi\n")
		}
		io.ReadAll(r)
		c.Close()
		for range 100 {
			if len(b.of(event.ConnClose)) > 0 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		stop()
		var in, out string
		for _, e := range b.of(event.StreamChunk) {
			d := e.Data.(*event.Chunk)
			if e.Req != 1 {
				t.Errorf("chunk of request %d", e.Req)
			}
			if d.Dir == "i" {
				in += string(d.Data)
			} else {
				out += string(d.Data)
			}
		}
		if in != "hi\n" || out != "echo hi\n" {
			t.Errorf("early=%v: in %q out %q", early, in, out)
		}
	}
}

// TestHalfClosedStream holds `echo id | docker run -i`: the client's input ends
// long before the output comes.
func TestHalfClosedStream(t *testing.T) {
	for _, stream := range []bool{true, false} {
		ours, theirs := net.Pipe()
		c := &Conn{Conn: ours, gone: make(chan struct{}), stream: stream, rec: &Recorder{}}
		theirs.Close()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		select {
		case <-c.Gone():
			if stream {
				t.Error("gone at the end of a stream's input")
			}
		default:
			if !stream {
				t.Error("still there at the end of a connection")
			}
		}
	}
}

func TestNoHTTP(t *testing.T) {
	for _, send := range []string{"\x16\x03\x01\x02\x00\x01\x00\n\n", "SSH-2.0-Go\r\n", "*1\r\n$4\r\nPING\r\n", "\x00\x01\x02", "GET\r\n\r\n", "GET / HTTP/1.1\r\nHost"} {
		b := &book{}
		addr, stop := serve(t, b, nil)
		out := talk(t, addr, send)
		stop()
		raw := b.of(event.ConnBytes)
		if len(raw) != 1 {
			t.Fatalf("%q: %d raw events, answer %q", send, len(raw), out)
		}
		d := raw[0].Data.(*event.Bytes)
		if string(d.Data) != send || d.Size != int64(len(send)) {
			t.Errorf("%q kept as %q (%d)", send, d.Data, d.Size)
		}
		if out != "" && string(d.Answer) != out {
			t.Errorf("%q: answer kept as %q, was %q", send, d.Answer, out)
		}
	}
}

func TestLargeBodyBecomesArtifact(t *testing.T) {
	arts, err := artifact.Open(artifact.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	b := &book{}
	addr, stop := serve(t, b, arts)
	big := strings.Repeat("0123456789abcdef", 20000)
	resp, err := http.Post("http://"+addr+"/up", "application/x-tar", strings.NewReader(big))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	stop()
	d := b.of(event.HTTPBody)[0].Data.(*event.Body)
	if !d.Artifact || d.Size != int64(len(big)) {
		t.Fatalf("%+v", d)
	}
	f, err := arts.Get(d.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, _ := io.ReadAll(f); string(got) != big {
		t.Error("the artifact differs from what was sent")
	}
}

func TestCutOffUploadIsKept(t *testing.T) {
	b := &book{}
	addr, stop := serve(t, b, nil)
	talk(t, addr, "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this")
	stop()
	bodies := b.of(event.HTTPBody)
	if len(bodies) != 1 {
		t.Fatalf("%d bodies", len(bodies))
	}
	if d := bodies[0].Data.(*event.Body); string(d.Data) != "only this" || !d.Truncated {
		t.Errorf("%+v", d)
	}
}

// valid is a text with one replacement character for each run of bytes that are none:
// an event holds one for each byte.
func valid(s string) string {
	return regexp.MustCompile("\ufffd+").ReplaceAllString(strings.ToValidUTF8(s, "\ufffd"), "\ufffd")
}

// Whatever bytes come: each request that net/http gives to a handler is recorded
// with the same method, target and body, in the same order.
func FuzzAgainstNetHTTP(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.0\n\n",
		"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost:x\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nabc",
		"GET /a HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "/hijack") {
			return
		}
		b := &book{}
		cl, sv := net.Pipe()
		var got []seen
		var mu sync.Mutex
		rec := New(Config{Journal: b})
		done := make(chan struct{})
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				mu.Lock()
				got = append(got, seen{r.Method, r.RequestURI, string(body)})
				mu.Unlock()
			}
			io.WriteString(w, "OK")
		}), ErrorLog: discardLog, ConnState: func(c net.Conn, s http.ConnState) {
			if s == http.StateClosed {
				close(done)
			}
		}}
		go srv.Serve(&oneListener{c: rec.Wrap(sv, Option{}), closed: done})
		go io.Copy(io.Discard, cl)
		cl.SetDeadline(time.Now().Add(3 * time.Second))
		io.WriteString(cl, s)
		cl.Close()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Skip("net/http keeps the connection")
		}
		srv.Close()
		bodies := map[uint32]string{}
		for _, e := range b.of(event.HTTPBody) {
			bodies[e.Req] = string(e.Data.(*event.Body).Data)
		}
		reqs := b.of(event.HTTPRequest)
		mu.Lock()
		defer mu.Unlock()
		if len(reqs) < len(got) {
			t.Fatalf("net/http served %d requests, %d recorded: %q", len(got), len(reqs), got)
		}
		i := 0
		for _, g := range got {
			ok := false
			for ; i < len(reqs) && !ok; i++ {
				r := reqs[i].Data.(*event.Request)
				ok = r.Method == g.Method && valid(r.URL) == valid(g.URI) && (g.Body == "" || bodies[reqs[i].Req] == g.Body)
			}
			if !ok {
				t.Fatalf("served %q, recorded %+v bodies %v", got, reqs, bodies)
			}
		}
	})
}

type oneListener struct {
	c      net.Conn
	once   bool
	closed chan struct{}
}

func (l *oneListener) Accept() (net.Conn, error) {
	if !l.once {
		l.once = true
		return l.c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}
func (l *oneListener) Close() error   { return nil }
func (l *oneListener) Addr() net.Addr { return &net.TCPAddr{} }

func BenchmarkPing(b *testing.B) {
	for _, recorded := range []bool{false, true} {
		b.Run(fmt.Sprintf("recorded=%v", recorded), func(b *testing.B) {
			ln, _ := net.Listen("tcp", "127.0.0.1:0")
			var l net.Listener = ln
			if recorded {
				l = New(Config{Journal: discard{}}).Listener(ln, nil)
			}
			srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "OK") })}
			go srv.Serve(l)
			defer srv.Close()
			c, _ := net.Dial("tcp", ln.Addr().String())
			defer c.Close()
			buf := make([]byte, 4096)
			for b.Loop() {
				io.WriteString(c, "GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
				c.Read(buf)
			}
		})
	}
}

type discard struct{}

func (discard) Append(e *event.Event) (uint64, error) { return 1, nil }
func (discard) Before(_ uint64, send func())          { send() }
