package shell_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
)

// typist types at a shell's terminal and sees what it shows.
type typist struct {
	t    *testing.T
	p    *kernel.PTY
	task *kernel.Task
	mu   sync.Mutex
	seen []byte
}

func typeAt(t *testing.T, sh string, env ...string) *typist {
	t.Helper()
	k := rig(t)
	p := k.NewPTY()
	files := map[int]*kernel.File{}
	for i := range 3 {
		files[i] = p.Slave()
	}
	task, err := k.Host().Start(kernel.Spawn{Path: "/bin/" + sh, Argv: []string{sh}, Dir: "/tmp/t", Setsid: true, Ctty: p,
		Env: append([]string{"PATH=/usr/bin:/bin", "HOME=/root", "TERM=xterm", "PS1=P# "}, env...), Files: files})
	if err != nil {
		t.Fatal(err)
	}
	y := &typist{t: t, p: p, task: task}
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := p.Read(b)
			y.mu.Lock()
			y.seen = append(y.seen, b[:n]...)
			y.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return y
}

// want waits until what was shown since the last call is want, and no longer.
func (y *typist) want(keys, want string) {
	y.t.Helper()
	if keys != "" {
		y.p.Write([]byte(keys))
	}
	end := time.Now().Add(8 * time.Second)
	for {
		y.mu.Lock()
		got := string(y.seen)
		if got == want || len(got) > len(want) || time.Now().After(end) {
			y.seen = nil
			y.mu.Unlock()
			if got != want {
				y.t.Errorf("%q\n got %q\nwant %q", keys, got, want)
			}
			return
		}
		y.mu.Unlock()
		time.Sleep(2 * time.Millisecond)
	}
}

// settle waits until what was typed has started its processes, or ended them.
func (y *typist) settle(keys string) {
	switch {
	case strings.HasPrefix(keys, "sleep"), strings.HasPrefix(keys, "fg"):
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			for _, x := range y.task.Processes() {
				if x.Comm() == "sleep" && x.State() == "S" {
					time.Sleep(10 * time.Millisecond)
					return
				}
			}
		}
	case strings.HasPrefix(keys, "kill"), strings.HasPrefix(keys, "while"):
		time.Sleep(100 * time.Millisecond)
	}
}

// What is wanted here is what busybox 1.36 and bash 5.2 wrote on a terminal.
func TestEditorAsh(t *testing.T) {
	y := typeAt(t, "ash")
	ps := "P# \x1b[6n"
	for _, x := range [][2]string{
		{"", ps},
		{"\x1b[5;4Recho ab", "echo ab"},
		{"\x1b[D", "\b"},
		{"X", "Xb\b"},
		{"\r", "b\r\naXb\r\n" + ps},
		{"\x1b[A", "\rP# echo aXb\x1b[J"},
		{"\x1b[B", "\rP# \x1b[J"},
		{"foo bar\x17", "foo bar\b\x1b[J\b\x1b[J\b\x1b[J"},
		{"\x15", "\rP# \x1b[J"},
		{"ab\x1b[Hz\x1b[F\x7f\x1b[3~", "ab\b\bzab\b\bab\b\x1b[J"},
		{"\r", "\r\nash: za: not found\r\n" + ps},
		{"abc\x1b[D\x1b[D\x04", "abc\b\bc\x1b[J\b"},
		{"\x03", "^C\r\n" + ps},
		{"echo $?\r", "echo $?\r\n130\r\n" + ps},
		{"ech\t", "ech\rP# echo \x1b[J"},
		{"/etc/pas\t", "/etc/pas\rP# echo /etc/passwd \x1b[J"},
		{"\x0c", "\x1b[H\x1b[J\rP# echo /etc/passwd \x1b[J"},
		{"\x03", "^C\r\n" + ps},
		{"\x1c", ""},
		{"sleep 9\r", "sleep 9\r\n"},
		{"\x1a", "^Z[1]+  Stopped                    sleep 9\r\n" + ps},
		{"sleep 8 | cat\r", "sleep 8 | cat\r\n"},
		{"\x1a", "^Z[2]+  Stopped                    sleep 8 | cat\r\n" + ps},
		{"jobs\r", "jobs\r\n[2]+  Stopped                    sleep 8 | cat\r\n[1]-  Stopped                    sleep 9\r\n" + ps},
		{"exit\r", "exit\r\nYou have stopped jobs.\r\n" + ps},
		{"bg %1\r", "bg %1\r\n[1] sleep 9\r\n" + ps},
		{"fg %1\r", "fg %1\r\nsleep 9\r\n"},
		{"\x03", "^C\r\n" + ps},
		{"echo $?\r", "echo $?\r\n130\r\n" + ps},
		{"sleep 8; echo no\r", "sleep 8; echo no\r\n"},
		{"\x03", "^C\r\n" + ps},
		{"sleep 8\r", "sleep 8\r\n"},
		{"\x1c", "^\\Quit\r\n" + ps},
		{"while :; do :; done\r", "while :; do :; done\r\n"},
		{"\x03", "^C\r\n" + ps},
		{"kill -9 %2\r", "kill -9 %2\r\n" + ps},
		{"\r", "\r\n[2]+  Killed                     sleep 8 | cat\r\n" + ps},
	} {
		y.want(x[0], x[1])
		y.settle(x[0])
	}
	y.want("cat /root/.ash_history | head\r", "cat /root/.ash_history | head\r\necho aXb\r\n"+ps)
	y.want("\x04", "\r\n")
	select {
	case <-y.task.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("Ctrl-D does not end the shell")
	}
}

func TestEditorBash(t *testing.T) {
	y := typeAt(t, "bash")
	ps := "\x1b[?2004hP# "
	ran := "\r\n\x1b[?2004l\r"
	cut := "^C\x1b[?2004l\r\x1b[?2004h\x1b[?2004l\r\r\n" + ps
	for _, x := range [][2]string{
		{"", ps},
		{"echo ab", "echo ab"},
		{"\x1b[D", "\b"},
		{"X", "Xb\b"},
		{"\r", ran + "aXb\r\n" + ps},
		{"\x1b[A", "echo aXb"},
		{"\x1b[B", "\rP# \x1b[K"},
		{"ech\t", "echo "},
		{"/etc/pas\t", "/etc/passwd "},
		{"\x03", cut},
		{"echo $?\r", "echo $?" + ran + "130\r\n" + ps},
		{"foo bar\x17", "foo bar\b\b\b\x1b[K"},
		{"\x15", "\b\b\b\b\x1b[K"},
		{"abc\x1b[D\x1b[D\x04", "abc\b\b\x1b[1Pc\b"},
		{"\x03", cut},
		{"for i in 1\r", "for i in 1" + ran + "\x1b[?2004h> "},
		{"do echo $i\r", "do echo $i" + ran + "\x1b[?2004h> "},
		{"done\r", "done" + ran + "1\r\n" + ps},
		{"\x1b[A", "for i in 1; do echo $i; done"},
		{"\x03", cut},
		{"sleep 9\r", "sleep 9" + ran},
		{"\x1a", "^Z\r\n[1]+  Stopped                 sleep 9\r\n" + ps},
		{"jobs\r", "jobs" + ran + "[1]+  Stopped                 sleep 9\r\n" + ps},
		{"bg\r", "bg" + ran + "[1]+ sleep 9 &\r\n" + ps},
		{"fg\r", "fg" + ran + "sleep 9\r\n"},
		{"\x03", "^C\r\n" + ps},
		{"\x1b[200~echo p\x1b[201~", "\x1b[7mecho p\x1b[27m"},
		{"\x03", cut},
		{"\x04", "\x1b[?2004l\r\r\nexit\r\n"},
	} {
		y.want(x[0], x[1])
		y.settle(x[0])
	}
}
