package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/journal"
)

// A configuration is taken or refused in one printable line, never anything else.
func FuzzConfig(f *testing.F) {
	for _, s := range []string{"", "listen: [tcp://127.0.0.1:2375]\npersona: docker-20.10.24\nhost: {kind: empty, cores: 2}\n",
		"refuse: [{operation: create, words: nospace, first: 3, sources: [203.0.113.0/24]}]\n", "sinks: [{type: webhook, url: https://x/, secret: y}]\n",
		"quotas: {disk_floor: 1GiB}\nsessions: {silence: 30m}\n", "a: &a [*a]\n", "x: !!binary aaa\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4<<10 {
			return
		}
		var c config
		err := parseConfig(b, &c)
		if err == nil {
			err = c.check()
		}
		if err != nil && strings.ContainsAny(printable(err.Error()), "\x00\x1b\n") {
			t.Errorf("%q", err)
		}
	})
}

// An import takes in or names each line, and what it took in can be read again.
func FuzzImport(f *testing.F) {
	f.Add([]byte(`{"hour":"2024-01-02T03:00:00Z","seq":1,"source":"198.51.100.7","port":2375,"method":"GET","url":"/_ping","headers":[["Host","x"]]}` + "\n"))
	f.Add([]byte(`{"hour":"2024-01-02T03:00:00Z","seq":2,"source":"198.51.100.7","method":"POST","url":"/containers/create","body_b64":"e30="}` + "\nnot json\n"))
	f.Add([]byte("\x1f\x8b\x08\x00broken"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 16<<10 {
			return
		}
		dir := t.TempDir()
		j, err := journal.Open(journal.Config{Dir: dir, Sensor: "import"})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		i := newImporter(j, dirs{root: dir})
		st, err := i.read(context.Background(), "f", bytes.NewReader(b))
		if err != nil {
			return
		}
		if st.Requests+st.Known+st.Damaged > st.Lines+1 {
			t.Fatalf("%+v", st)
		}
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		if err := i.flush(ctx); err != nil {
			t.Fatal(err)
		}
		r := journal.NewReader(dir, 0)
		defer r.Close()
		n := 0
		for {
			_, p, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			e, err := journal.Decode(p)
			if err != nil {
				t.Fatalf("%q: %v", p, err)
			}
			if e.Req == 1 && e.Kind == "http.request" {
				n++
			}
		}
		if n != st.Requests {
			t.Fatalf("%d requests on record, %d taken in", n, st.Requests)
		}
	})
}
