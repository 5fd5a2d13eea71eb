package sensor

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/engineapi"
	"github.com/whalefall/whalefall/internal/journal"
	"github.com/whalefall/whalefall/internal/listen"
	"github.com/whalefall/whalefall/internal/persona"
	"github.com/whalefall/whalefall/internal/record"
)

// BenchmarkPing is /_ping over loopback: a bare net/http server, the handlers
// alone, and the handlers under the record.
func BenchmarkPing(b *testing.B) {
	run := func(b *testing.B, serve func(ln net.Listener) (stop func())) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer serve(ln)()
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		buf := make([]byte, 4096)
		for b.Loop() {
			io.WriteString(c, "GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
			if _, err := c.Read(buf); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("bare", func(b *testing.B) {
		run(b, func(ln net.Listener) func() {
			srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "OK") })}
			go srv.Serve(ln)
			return func() { srv.Close() }
		})
	})
	p, err := persona.Get(persona.Default)
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	os.MkdirAll(filepath.Join(dir, "worlds"), 0o755)
	j, err := journal.Open(journal.Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	w, err := makeWorlds(Config{Persona: persona.Default, Secret: make([]byte, 32), HostKind: "empty", World: "source", Installed: time.Now()}, p, j, nil, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer w.stop(context.Background())
	api := engineapi.New(engineapi.Config{Persona: p, Worlds: w})
	b.Run("handlers", func(b *testing.B) {
		run(b, func(ln net.Listener) func() {
			srv := &http.Server{Handler: api}
			go srv.Serve(ln)
			return func() { srv.Close() }
		})
	})
	b.Run("recorded", func(b *testing.B) {
		run(b, func(ln net.Listener) func() {
			srv := &http.Server{Handler: api}
			rec := record.New(record.Config{Journal: j, Persona: persona.Default})
			go srv.Serve(listen.Reword(rec.Listener(ln, nil), p.Go))
			return func() { srv.Close() }
		})
	})
}
