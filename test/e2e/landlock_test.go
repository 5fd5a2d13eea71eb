package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/whalefall/whalefall/internal/confine"
)

// TestLandlockAlone leaves the filter out, which would answer first, and tries what
// Landlock is to deny: a folder that was open before, TCP, another process of the
// same user, abstract sockets. Beside it the same is tried by the same user without
// Landlock, and must succeed.
func TestLandlockAlone(t *testing.T) {
	switch os.Getenv("WHALEFALL_LANDLOCK") {
	case "":
	case "target":
		landlockTarget()
	default:
		landlockTries(os.Getenv("WHALEFALL_LANDLOCK"))
	}
	needRoot(t)
	dir, outside := t.TempDir(), t.TempDir()
	for _, d := range []string{dir, outside} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(outside, "f"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	// A process of the same user that listens on an abstract socket.
	abstract := fmt.Sprintf("whalefall-test-%d", os.Getpid())
	env := []string{"WHALEFALL_ABSTRACT=" + abstract, "WHALEFALL_OUTSIDE=" + outside, "WHALEFALL_DIR=" + dir,
		"WHALEFALL_PORT=" + strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)}
	target := self(t, "TestLandlockAlone", append(env, "WHALEFALL_LANDLOCK=target")...)
	in, err := target.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := target.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); target.Wait() }()
	for sc := bufio.NewScanner(out); ; {
		if !sc.Scan() {
			t.Fatal("the neighbour does not start")
		}
		if sc.Text() == "ready" {
			break
		}
	}
	env = append(env, "WHALEFALL_TARGET="+strconv.Itoa(target.Process.Pid))
	tries := func(as string) []string {
		t.Helper()
		b, err := self(t, "TestLandlockAlone", append(env, "WHALEFALL_LANDLOCK="+as)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", as, err, b)
		}
		var ls []string
		for _, l := range strings.Split(string(bytes.TrimSpace(b)), "\n") {
			if r, ok := strings.CutPrefix(l, "try "); ok {
				ls = append(ls, r)
			}
		}
		t.Logf("%s: %s", as, strings.Join(ls, ", "))
		return ls
	}
	free := []string{"open: none", "bind: none", "connect: none", "signal: none", "abstract: none"}
	if got := tries("free"); !slices.Equal(got[1:], free) {
		t.Errorf("without Landlock: %v", got)
	}
	got := tries("confined")
	var abi int
	if _, err := fmt.Sscanf(got[0], "ABI %d:", &abi); err != nil {
		t.Skipf("no Landlock in this kernel: %s", got[0])
	}
	want := slices.Clone(free)
	want[0] = "open: EACCES"
	if abi >= 4 {
		want[1], want[2] = "bind: EACCES", "connect: EACCES"
	}
	if abi >= 6 {
		want[3], want[4] = "signal: EPERM", "abstract: EPERM"
	}
	if !slices.Equal(got[1:], want) {
		t.Errorf("under Landlock: %v, not %v", got[1:], want)
	}
}

// exitWith ends a child that is this test binary.
func exitWith(what string, err error) {
	fmt.Println(what, err)
	os.Exit(1)
}

func becomeSensor() {
	if err := syscall.Setresgid(confine.DefaultUID, confine.DefaultUID, confine.DefaultUID); err != nil {
		exitWith("gid", err)
	}
	if err := syscall.Setresuid(confine.DefaultUID, confine.DefaultUID, confine.DefaultUID); err != nil {
		exitWith("uid", err)
	}
}

func landlockTarget() {
	becomeSensor()
	ln, err := net.Listen("unix", "@"+os.Getenv("WHALEFALL_ABSTRACT"))
	if err != nil {
		exitWith("listen", err)
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	ln.Close()
	os.Exit(0)
}

func landlockTries(as string) {
	runtime.LockOSThread()
	outside, err := unix.Open(os.Getenv("WHALEFALL_OUTSIDE"), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		exitWith("open", err)
	}
	pid, _ := strconv.Atoi(os.Getenv("WHALEFALL_TARGET"))
	port, _ := strconv.Atoi(os.Getenv("WHALEFALL_PORT"))
	detail := "none asked for"
	if as == "free" {
		becomeSensor()
	} else {
		ls, err := confine.Apply(confine.Options{Root: os.Getenv("WHALEFALL_DIR"), UID: confine.DefaultUID, GID: confine.DefaultUID, NoSeccomp: true})
		if err != nil {
			exitWith("apply", err)
		}
		for _, l := range ls {
			if l.Name == "landlock" {
				detail = l.Detail
			}
		}
	}
	say := func(what string, err error) {
		name := "none"
		if err != nil {
			name = err.Error()
			var e syscall.Errno
			if errors.As(err, &e) {
				name = unix.ErrnoName(e)
			}
		}
		fmt.Printf("try %s: %s\n", what, name)
	}
	fmt.Println("try", detail)
	_, err = unix.Openat(outside, "f", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	say("open", err)
	tcp := func(do func(fd int) error) error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return do(fd)
	}
	lo := [4]byte{127, 0, 0, 1}
	say("bind", tcp(func(fd int) error { return unix.Bind(fd, &unix.SockaddrInet4{Addr: lo}) }))
	say("connect", tcp(func(fd int) error { return unix.Connect(fd, &unix.SockaddrInet4{Addr: lo, Port: port}) }))
	say("signal", unix.Kill(pid, 0))
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		exitWith("socket", err)
	}
	say("abstract", unix.Connect(fd, &unix.SockaddrUnix{Name: "@" + os.Getenv("WHALEFALL_ABSTRACT")}))
	os.Exit(0)
}
