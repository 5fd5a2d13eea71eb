package notify

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var quietLog = slog.New(slog.DiscardHandler)

func TestFileRotates(t *testing.T) {
	p := filepath.Join(t.TempDir(), "e.jsonl")
	f, err := NewFile(p, 100, 2, quietLog)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		f.Write([]byte(strings.Repeat("x", 29)))
	}
	f.Close()
	for n, want := range map[string]bool{"": true, ".1": true, ".2": true, ".3": false} {
		b, err := os.ReadFile(p + n)
		if (err == nil) != want {
			t.Errorf("%s%s: %v", p, n, err)
		}
		if err == nil && len(b) > 100 {
			t.Errorf("%s has %d bytes", n, len(b))
		}
	}
}

func TestWebhookSignsAndRetries(t *testing.T) {
	var mu sync.Mutex
	var got []string
	fails := 1
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		b, _ := io.ReadAll(r.Body)
		if r.Header.Get("X-Whalefall-Signature") != Sign([]byte("key"), r.Header.Get("X-Whalefall-Timestamp"), b) {
			t.Error("the signature is wrong")
		}
		if fails > 0 {
			fails--
			w.WriteHeader(503)
			return
		}
		got = append(got, strings.Split(strings.TrimSpace(string(b)), "\n")...)
	}))
	defer srv.Close()
	var ledger []string
	s := NewWebhook(srv.URL, "key", net.DefaultResolver, quietLog, func(n int, res string) { mu.Lock(); ledger = append(ledger, res); mu.Unlock() }, func() bool { return false })
	s.Write([]byte(`{"a":1}`))
	s.Write([]byte(`{"a":2}`))
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		mu.Lock()
		n := len(got)
		mu.Unlock()
		if n == 2 {
			break
		}
	}
	s.Close()
	mu.Lock()
	defer mu.Unlock()
	if strings.Join(got, ",") != `{"a":1},{"a":2}` || len(ledger) != 2 || ledger[1] != "ok" {
		t.Errorf("got %v, ledger %v", got, ledger)
	}
}

func TestHaltedSendsNothing(t *testing.T) {
	hits := 0
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	defer srv.Close()
	s := NewWebhook(srv.URL, "key", net.DefaultResolver, quietLog, func(int, string) {}, func() bool { return true })
	s.Write([]byte("{}"))
	time.Sleep(400 * time.Millisecond)
	s.Close()
	if hits != 0 || s.Lost.Load() != 1 {
		t.Errorf("%d requests, %d lost", hits, s.Lost.Load())
	}
}
