package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/whalefall/whalefall/internal/confine"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: without it there is nothing to confine with")
	}
}

// The running sensor is confined as doctor says.
func TestSensorIsConfined(t *testing.T) {
	needRoot(t)
	d := serve(t)
	pid, _ := d.children()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000",
		"NoNewPrivs:\t1", "Seccomp:\t2", fmt.Sprintf("Uid:\t%d\t%[1]d\t%[1]d\t%[1]d", confine.DefaultUID), "Groups:\t \n"} {
		if !strings.Contains(string(status), w) {
			t.Errorf("%q is not in the sensor's status", w)
		}
	}
	if root, _ := os.Readlink(fmt.Sprintf("/proc/%d/root", pid)); root != d.data+"/sensor" {
		t.Errorf("the sensor's root is %q", root)
	}
	for _, ns := range []string{"net", "ipc", "uts"} {
		mine, err := os.Readlink("/proc/self/ns/" + ns)
		if err != nil {
			t.Fatal(err)
		}
		if its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, ns)); err != nil || its == mine {
			t.Errorf("the sensor's %s namespace is %q, ours %q (%v)", ns, its, mine, err)
		}
	}
	out, _, code := wf(t, "doctor", "--data", d.data, "--format", "json")
	if code != 0 {
		t.Errorf("doctor: exit %d %s", code, out)
	}
	for _, l := range []string{"root", "uid", "capabilities", "no_new_privs", "landlock", "seccomp"} {
		if !strings.Contains(out, `"name":"`+l+`","in_force":true`) {
			t.Errorf("doctor does not say that %s is in force: %s", l, out)
		}
	}
	t.Logf("%s: %s", runtime.GOARCH, out)
}

// ptraceFilter is PTRACE_SECCOMP_GET_FILTER.
const ptraceFilter = 0x420c

// The filter of the running sensor is, byte for byte, the one this package
// assembles.
func TestRunningFilterIsOurs(t *testing.T) {
	needRoot(t)
	d := serve(t)
	pid, _ := d.children()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.PtraceSeize(pid); err != nil {
		t.Fatalf("attach: %v", err)
	}
	defer unix.PtraceDetach(pid)
	if err := unix.PtraceInterrupt(pid); err != nil {
		t.Fatal(err)
	}
	var ws unix.WaitStatus
	if _, err := unix.Wait4(pid, &ws, unix.WALL, nil); err != nil {
		t.Fatal(err)
	}
	n, _, e := unix.Syscall6(unix.SYS_PTRACE, ptraceFilter, uintptr(pid), 0, 0, 0, 0)
	if e != 0 {
		t.Skipf("this kernel does not show filters: %v", e)
	}
	raw := make([]byte, n*8)
	if _, _, e := unix.Syscall6(unix.SYS_PTRACE, ptraceFilter, uintptr(pid), 0, uintptr(unsafe.Pointer(&raw[0])), 0, 0); e != 0 {
		t.Fatal(e)
	}
	f, err := confine.Filter()
	if err != nil {
		t.Fatal(err)
	}
	ins, err := f.Policy.Assemble()
	if err != nil {
		t.Fatal(err)
	}
	prog, err := bpf.Assemble(ins)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	for _, i := range prog {
		binary.Write(&want, binary.LittleEndian, struct {
			Code   uint16
			Jt, Jf uint8
			K      uint32
		}{i.Op, i.Jt, i.Jf, i.K})
	}
	if !bytes.Equal(raw, want.Bytes()) {
		t.Errorf("the running filter (%d bytes) is not the assembled one (%d bytes)", len(raw), want.Len())
	}
	// A second filter would be at index 1.
	if _, _, e := unix.Syscall6(unix.SYS_PTRACE, ptraceFilter, uintptr(pid), 1, 0, 0, 0); e == 0 {
		t.Error("a second filter is installed")
	}
}

// TestDeniedUnderTheFilter runs itself under the sensor's layers and tries each
// denied thing.
func TestDeniedUnderTheFilter(t *testing.T) {
	needRoot(t)
	if os.Getenv("WHALEFALL_DENIED") == "" {
		dir := t.TempDir()
		cmd := self(t, "TestDeniedUnderTheFilter", "WHALEFALL_DENIED="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !bytes.Contains(out, []byte("all denied")) {
			t.Fatalf("%s", out)
		}
		t.Logf("%s: %s", runtime.GOARCH, bytes.TrimSpace(bytes.TrimPrefix(out, []byte("=== RUN   TestDeniedUnderTheFilter\n"))))
		return
	}
	dir := os.Getenv("WHALEFALL_DENIED")
	if err := os.Chown(dir, confine.DefaultUID, confine.DefaultUID); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	if _, err := confine.Apply(confine.Options{Root: dir, UID: confine.DefaultUID, GID: confine.DefaultUID}); err != nil {
		fmt.Println("apply:", err)
		os.Exit(1)
	}
	bad := 0
	denied := map[string]uintptr{"socket": unix.SYS_SOCKET, "connect": unix.SYS_CONNECT, "bind": unix.SYS_BIND, "listen": unix.SYS_LISTEN, "socketpair": unix.SYS_SOCKETPAIR,
		"io_uring_setup": unix.SYS_IO_URING_SETUP, "io_uring_enter": unix.SYS_IO_URING_ENTER, "execve": unix.SYS_EXECVE, "execveat": unix.SYS_EXECVEAT, "ptrace": unix.SYS_PTRACE,
		"process_vm_readv": unix.SYS_PROCESS_VM_READV, "process_vm_writev": unix.SYS_PROCESS_VM_WRITEV, "pidfd_open": unix.SYS_PIDFD_OPEN, "pidfd_getfd": unix.SYS_PIDFD_GETFD,
		"setns": unix.SYS_SETNS, "unshare": unix.SYS_UNSHARE, "mount": unix.SYS_MOUNT, "umount2": unix.SYS_UMOUNT2, "pivot_root": unix.SYS_PIVOT_ROOT, "chroot": unix.SYS_CHROOT,
		"init_module": unix.SYS_INIT_MODULE, "finit_module": unix.SYS_FINIT_MODULE, "delete_module": unix.SYS_DELETE_MODULE, "bpf": unix.SYS_BPF, "keyctl": unix.SYS_KEYCTL,
		"add_key": unix.SYS_ADD_KEY, "setuid": unix.SYS_SETUID, "setresuid": unix.SYS_SETRESUID, "capset": unix.SYS_CAPSET, "kexec_load": unix.SYS_KEXEC_LOAD, "reboot": unix.SYS_REBOOT,
		"mknodat": unix.SYS_MKNODAT, "symlinkat": unix.SYS_SYMLINKAT, "open_by_handle_at": unix.SYS_OPEN_BY_HANDLE_AT, "userfaultfd": unix.SYS_USERFAULTFD, "perf_event_open": unix.SYS_PERF_EVENT_OPEN,
		"kill": unix.SYS_KILL, "tkill": unix.SYS_TKILL, "seccomp": unix.SYS_SECCOMP, "prctl": unix.SYS_PRCTL, "personality": unix.SYS_PERSONALITY,
		"memfd_create": unix.SYS_MEMFD_CREATE, "landlock_create_ruleset": unix.SYS_LANDLOCK_CREATE_RULESET}
	maps.Copy(denied, olderCalls)
	for name, nr := range denied {
		_, _, e := unix.RawSyscall6(nr, ^uintptr(0), 0, 0, 0, 0, 0)
		if e != unix.EPERM {
			fmt.Printf("%s gives %v\n", name, e)
			bad++
		}
	}
	// And by number: all that are not on the list, those of kernels to come included.
	info, err := arch.GetInfo("")
	if err != nil {
		fmt.Println("the filter's library:", err)
		os.Exit(1)
	}
	allowed := map[int]bool{unix.SYS_CLONE: true, unix.SYS_CLONE3: true}
	for _, n := range confine.Allowed() {
		allowed[info.SyscallNames[n]] = true
	}
	tried := 0
	for nr := range 1024 {
		if allowed[nr] || slices.Contains(unfiltered, nr) {
			continue
		}
		tried++
		if _, _, e := unix.RawSyscall6(uintptr(nr), ^uintptr(0), 0, 0, 0, 0, 0); e != unix.EPERM {
			fmt.Printf("call %d (%s) gives %v\n", nr, info.SyscallNumbers[nr], e)
			bad++
		}
	}
	if _, _, e := unix.RawSyscall(unix.SYS_CLONE3, 0, 0, 0); e != unix.ENOSYS {
		fmt.Println("clone3 gives", e)
		bad++
	}
	for _, f := range []uintptr{unix.CLONE_NEWUSER, unix.CLONE_NEWNET, unix.CLONE_NEWNS, unix.CLONE_NEWPID, 0} {
		if _, _, e := unix.RawSyscall6(unix.SYS_CLONE, f|uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0); e != unix.EPERM {
			fmt.Printf("clone(%#x) gives %v\n", f, e)
			bad++
		}
	}
	for _, p := range []string{"/etc/passwd", "/proc/self/status", "../../etc/passwd", "/var/run/docker.sock"} {
		if _, err := os.ReadFile(p); err == nil {
			fmt.Println(p, "can be read")
			bad++
		}
	}
	if err := os.WriteFile("/own", []byte("x"), 0o600); err != nil {
		fmt.Println("its own part cannot be written:", err)
		bad++
	}
	if bad > 0 {
		os.Exit(1)
	}
	fmt.Printf("%d by name and %d by number: all denied\n", len(denied)+6, tried)
	os.Exit(0)
}
