package wire

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func pair(t *testing.T) (a, b *Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range []**Conn{&a, &b} {
		c, err := Open(os.NewFile(uintptr(fds[i]), "pair"))
		if err != nil {
			t.Fatal(err)
		}
		*p = c
		t.Cleanup(func() { c.Close() })
	}
	return a, b
}

func TestFramesAndHostilePackets(t *testing.T) {
	a, b := pair(t)
	if err := a.Send(TypeCall, Call{ID: 7, Name: "flush"}); err != nil {
		t.Fatal(err)
	}
	f, err := b.Recv()
	if err != nil || f.Type != TypeCall {
		t.Fatal(f, err)
	}
	var c Call
	if err := Strict(f.Body, &c); err != nil || c.ID != 7 {
		t.Fatal(c, err)
	}
	for _, bad := range []string{"x", `{"type":"nap","body":{}}`, `{"type":"call","body":{},"more":1}`, `{"type":"call","body":{}}{}`} {
		a.c.Write([]byte(bad))
		if _, err := b.Recv(); !errors.Is(err, ErrFrame) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := a.Send(TypeStatus, strings.Repeat("x", MaxFrame)); err == nil {
		t.Error("a frame over the limit was sent")
	}
	a.Close()
	if _, err := b.Recv(); err == nil {
		t.Error("no end of file")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":"status","body":{"a":1}}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		fr, err := Parse(p)
		if err == nil && fr.Type == "" {
			t.Fatal("a frame without a type")
		}
	})
}
