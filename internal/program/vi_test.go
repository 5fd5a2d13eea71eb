package program_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
	"github.com/whalefall/whalefall/internal/program"
	"github.com/whalefall/whalefall/internal/shell"
)

// vi on a terminal edits a file and gives the screen back; what it does not know it
// says in its own words.
func TestVi(t *testing.T) {
	w := kerneltest.New(t, registry(), kerneltest.Options{})
	p := w.K.NewPTY()
	files := map[int]*kernel.File{}
	for i := range 3 {
		files[i] = p.Slave()
	}
	task, err := w.NS.Start(kernel.Spawn{Path: "busybox", Argv: []string{"busybox", "vi", "/tmp/x"}, Env: []string{"PATH=/usr/bin:/bin"}, Setsid: true, Ctty: p, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	var screen strings.Builder
	var mu sync.Mutex
	wait := func(what string) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
			mu.Lock()
			ok := strings.Contains(screen.String(), what)
			mu.Unlock()
			if ok {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("the screen never shows %q", what)
			}
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 4096)
		for {
			n, err := p.Read(b)
			mu.Lock()
			screen.Write(b[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	wait("- /tmp/x 1/1 100%")
	p.Write([]byte("ihello\rthere\x1b"))
	wait("- /tmp/x [Modified] 2/2 100%") // the escape stood alone
	p.Write([]byte(":foo\rkx:q\r:wq\r"))
	select {
	case <-task.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("vi does not end")
	}
	<-done
	if r := w.Run("", "cat", "/tmp/x"); r.Out != "hell\nthere\n" {
		t.Errorf("the file has %q", r.Out)
	}
	for _, want := range []string{"\x1b[?1049h", "I /tmp/x [Modified] 2/2 100%", "'foo' is not implemented", "No write since last change (:q! overrides)", "'/tmp/x' 2L, 11C", "\x1b[?1049l"} {
		if !strings.Contains(screen.String(), want) {
			t.Errorf("the screen lacks %q", want)
		}
	}
}

// su takes another shell than the user's own, and the user's groups.
func TestSuShell(t *testing.T) {
	r := kernel.NewRegistry()
	program.Register(r)
	shell.Register(r)
	w := kerneltest.New(t, r, kerneltest.Options{})
	if got := w.Run("", "su", "nobody", "-s", "/bin/sh", "-c", "id -un; echo $0"); got.Out != "nobody\nsh\n" {
		t.Errorf("%+v", got)
	}
}

// A key ends top at once, without Enter and without showing.
func TestTopKey(t *testing.T) {
	w := kerneltest.New(t, registry(), kerneltest.Options{})
	p := w.K.NewPTY()
	files := map[int]*kernel.File{}
	for i := range 3 {
		files[i] = p.Slave()
	}
	task, err := w.NS.Start(kernel.Spawn{Path: "busybox", Argv: []string{"busybox", "top"}, Env: []string{"PATH=/usr/bin:/bin"}, Setsid: true, Ctty: p, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	var screen strings.Builder
	b := make([]byte, 4096)
	for !strings.Contains(screen.String(), "COMMAND") {
		n, err := p.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		screen.Write(b[:n])
	}
	p.Write([]byte("q"))
	select {
	case <-task.Done():
	case <-time.After(4 * time.Second):
		t.Fatal("q does not end top")
	}
	rest := make([]byte, 1<<16)
	n, _ := p.Read(rest)
	if !strings.HasSuffix(string(rest[:n]), "\r\n") || strings.Contains(string(rest[:n]), "q") {
		t.Errorf("after q: %q", rest[:n])
	}
	if tio := p.Termios(); !tio.ICANON || !tio.ECHO {
		t.Error("the terminal stays raw")
	}
}
