package internet

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/whalefall/whalefall/internal/kernel"
)

func dial(t *testing.T, n *Internet, addr string, argv ...string) kernel.Conn {
	t.Helper()
	c, err := n.Dial(kernel.NetContext{Proc: kernel.ProcInfo{Argv: argv}}, "tcp", netip.MustParseAddrPort(addr), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func get(t *testing.T, n *Internet, url string, argv ...string) (int, []byte) {
	t.Helper()
	c := dial(t, n, "203.0.113.5:80", argv...)
	req, _ := http.NewRequest("GET", url, nil)
	if err := req.Write(c); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b
}

func TestNamesAreStableAndDiffer(t *testing.T) {
	a, b := New(Config{Secret: []byte("a")}), New(Config{Secret: []byte("b")})
	x, err := a.Lookup(kernel.NetContext{}, "evil.example.com", "A")
	if err != nil || len(x) != 1 || !public(x[0]) {
		t.Fatal(x, err)
	}
	y, _ := a.Lookup(kernel.NetContext{}, "EVIL.example.com.", "A")
	z, _ := b.Lookup(kernel.NetContext{}, "evil.example.com", "A")
	if x[0] != y[0] || x[0] == z[0] {
		t.Errorf("%v %v %v", x, y, z)
	}
	for _, bad := range []string{"localhost", "host", "x.local", "a..b", ""} {
		if _, err := a.Lookup(kernel.NetContext{}, bad, "A"); err == nil {
			t.Errorf("%q resolves", bad)
		}
	}
}

func TestAnswersOfTheKindTheNamePromises(t *testing.T) {
	n := New(Config{Secret: []byte("s"), Public: netip.MustParseAddr("198.51.100.9")})
	for _, c := range []struct {
		url  string
		argv []string
		want string
	}{
		{"http://a/x.sh", nil, "#!/bin/sh"},
		{"http://a/cron", []string{"curl", "-fsSL", "http://a/cron"}, "#!/bin/sh"},
		{"http://a/cron", []string{"wget", "-q", "-O", "-", "http://a/cron"}, "#!/bin/sh"},
		{"http://a/cron", []string{"wget", "-qO-", "http://a/cron"}, "#!/bin/sh"},
		{"http://a/bin", []string{"wget", "http://a/bin"}, "\x7fELF"},
		{"http://a/bin", []string{"curl", "-o", "/tmp/b", "http://a/bin"}, "\x7fELF"},
		{"http://a/x.py", nil, "#!/usr/bin/env python"},
		{"http://icanhazip.com/", nil, "198.51.100.9\n"},
	} {
		code, b := get(t, n, c.url, c.argv...)
		if code != 200 || !strings.HasPrefix(string(b), c.want) {
			t.Errorf("%s %v: %d %.20q", c.url, c.argv, code, b)
		}
		if _, again := get(t, n, c.url, c.argv...); !bytes.Equal(again, b) {
			t.Errorf("%s: two answers differ", c.url)
		}
	}
	_, b := get(t, n, "http://a/miner-1.2.tar.gz")
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			break
		}
		names = append(names, h.Name)
	}
	if fmt.Sprint(names) != "[miner-1.2/ miner-1.2/miner miner-1.2/config.json]" {
		t.Errorf("%v", names)
	}
}

func TestStratum(t *testing.T) {
	c := dial(t, New(Config{Secret: []byte("s")}), "203.0.113.5:3333")
	io.WriteString(c, `{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"w","pass":"x"}}`+"\n")
	l, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || !strings.Contains(l, `"status":"OK"`) || !strings.Contains(l, `"blob":"1010`) {
		t.Errorf("%q %v", l, err)
	}
}

func TestNobodyInPrivateNetworks(t *testing.T) {
	n := New(Config{Secret: []byte("s")})
	for _, a := range []string{"10.0.0.1:80", "192.168.1.1:80", "172.16.0.1:22", "224.0.0.1:80", "[2001:db8::1]:80"} {
		if _, err := n.Dial(kernel.NetContext{}, "tcp", netip.MustParseAddrPort(a), ""); err == nil {
			t.Errorf("%s answers", a)
		}
	}
}

// Whatever a world sends, the server neither panics nor hangs once the world is gone.
func FuzzServer(f *testing.F) {
	f.Add([]byte("GET /x HTTP/1.1\r\nHost: a\r\n\r\n"), uint16(80))
	f.Add([]byte(`{"id":1,"method":"login"}`+"\n"), uint16(3333))
	f.Add([]byte("*1\r\n$4\r\nPING\r\n"), uint16(6379))
	n := New(Config{Secret: []byte("s")})
	f.Fuzz(func(t *testing.T, p []byte, port uint16) {
		c, err := n.Dial(kernel.NetContext{}, "tcp", netip.AddrPortFrom(netip.MustParseAddr("203.0.113.5"), port), "")
		if err != nil {
			return
		}
		go io.Copy(io.Discard, c)
		c.Write(p)
		c.CloseWrite()
		c.Close()
	})
}
