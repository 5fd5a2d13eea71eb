package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/whalefall/whalefall/test/oracle"
)

// guestTests are the tests of this package that run inside the virtual machine: that
// the program starts, answers, records and comes back after kills, and that each layer
// of the sensor's confinement is in force under that architecture's kernel.
var guestTests = []string{"TestSensorIsConfined", "TestRunningFilterIsOurs", "TestDeniedUnderTheFilter", "TestLandlockAlone",
	"TestAnswersAndRecords", "TestFoundingCase", "TestTornTailIsCutByTheConfinedSensor", "TestRestartKeepsTheWorld", "TestKillNineLosesNothing"}

var reOutcome = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): (Test\w+) \((\S+)\)`)

// TestArm64 boots Debian's arm64 kernel in an emulated machine without disk or network
// whose only files are the arm64 build, this package's tests and an init, and runs
// guestTests there. Each is a test of its own here.
func TestArm64(t *testing.T) {
	if testing.Short() {
		t.Skip("boots an emulated machine")
	}
	dir := t.TempDir()
	begin := time.Now()
	for _, b := range [][]string{
		{"build", "-o", filepath.Join(dir, "whalefall"), "./cmd/whalefall"},
		{"build", "-o", filepath.Join(dir, "init"), "./test/e2e/vm"},
		{"test", "-c", "-ldflags=-s -w", "-o", filepath.Join(dir, "e2e.test"), "./test/e2e"},
	} {
		cmd := exec.Command("go", b...)
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(b, " "), err, out)
		}
	}
	t.Logf("built for arm64 in %v", time.Since(begin).Round(time.Second))
	qemu, err := exec.LookPath("qemu-system-aarch64")
	if err != nil {
		t.Skip("built; to run it needs qemu-system-aarch64 (make deps)")
	}
	ctx, stop := context.WithTimeout(context.Background(), 6*time.Minute)
	defer stop()
	kernel, release, err := oracle.Kernel(ctx, "arm64")
	if errors.Is(err, oracle.ErrUnavailable) {
		t.Skipf("built; no kernel to run it under: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	initrd := filepath.Join(dir, "initrd")
	if err := writeInitrd(initrd, dir, "init", "whalefall", "e2e.test"); err != nil {
		t.Fatal(err)
	}
	begin = time.Now()
	// Without impdef the emulation of pointer authentication takes most of the time.
	cmd := exec.Command(qemu, "-machine", "virt", "-cpu", "max,pauth-impdef=on", "-smp", "2", "-m", "1024", "-nic", "none", "-nodefaults", "-display", "none",
		"-serial", "stdio", "-no-reboot", "-kernel", kernel, "-initrd", initrd,
		"-append", "console=ttyAMA0 quiet panic=-1 WHALEFALL_KILL_ROUNDS=3 WHALEFALL_SLOW=3 -- -test.v -test.failfast -test.timeout=5m -test.run=^("+strings.Join(guestTests, "|")+")$")
	out, done, err := startTied(cmd)
	if err != nil {
		t.Fatal(err)
	}
	// A machine that hangs ends with the time.
	over := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	defer over()
	type outcome struct {
		word, took string
		lines      []string
	}
	got := map[string]outcome{}
	var console, since []string
	ended, failed := "", ""
	for sc := bufio.NewScanner(out); sc.Scan(); {
		l := strings.TrimRight(sc.Text(), "\r")
		console = append(console, l)
		switch m := reOutcome.FindStringSubmatch(l); {
		case strings.HasPrefix(l, "vm: ended: "):
			ended = strings.TrimPrefix(l, "vm: ended: ")
		case strings.HasPrefix(l, "vm: "):
			t.Logf("%5.1fs %s", time.Since(begin).Seconds(), l)
		case m != nil:
			t.Logf("%5.1fs %s %s", time.Since(begin).Seconds(), m[1], m[2])
			got[m[2]] = outcome{m[1], m[3], since}
			if m[1] == "FAIL" {
				failed = m[2]
			}
			since = nil
		case strings.HasPrefix(l, "=== RUN"):
			since = nil
		default:
			since = append(since, l)
		}
	}
	if err := <-done; err != nil || ended != "<nil>" {
		t.Errorf("the machine ended by %v, its tests by %q; the console's end:\n%s", err, ended, strings.Join(console[max(0, len(console)-60):], "\n"))
	}
	t.Logf("%d tests under Linux %s for arm64 in %v", len(got), release, time.Since(begin).Round(time.Second))
	for _, name := range guestTests {
		t.Run(name, func(t *testing.T) {
			o, ok := got[name]
			text := strings.Join(o.lines, "\n")
			switch {
			case !ok && failed != "":
				t.Skipf("not run: %s failed before it", failed)
			case !ok:
				t.Error("it did not end")
			case o.word == "PASS":
				t.Logf("%s\n%s", o.took, text)
			case o.word == "SKIP":
				t.Skip(text)
			default:
				t.Errorf("%s\n%s", o.took, text)
			}
		})
	}
}

// startTied starts a command that dies with this process; what it prints comes by the
// reader, how it ended by the channel.
func startTied(cmd *exec.Cmd) (io.Reader, <-chan error, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		// The signal counts from the thread that forked: this one lives until the child has ended.
		runtime.LockOSThread()
		err := cmd.Start()
		w.Close()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	return r, ended, <-started
}

// writeInitrd packs files of dir as an archive of the kind the kernel unpacks (cpio,
// newc), with the console that the first process writes to.
func writeInitrd(path, dir string, files ...string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	ino, at := 0, 0
	pad := func() {
		for ; at%4 != 0; at++ {
			w.WriteByte(0)
		}
	}
	entry := func(name string, mode, major, minor int, body []byte) {
		ino++
		n, _ := fmt.Fprintf(w, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
			ino, mode, 0, 0, 1, 0, len(body), 0, 0, major, minor, len(name)+1, 0, name)
		at += n
		pad()
		w.Write(body)
		at += len(body)
		pad()
	}
	entry("dev", syscall.S_IFDIR|0o755, 0, 0, nil)
	entry("dev/console", syscall.S_IFCHR|0o600, 5, 1, nil)
	for _, name := range files {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		entry(name, syscall.S_IFREG|0o755, 0, 0, b)
	}
	entry("TRAILER!!!", 0, 0, 0, nil)
	return w.Flush()
}
