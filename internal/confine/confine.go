// Package confine takes from the calling process everything that the part of
// Whalefall which faces attackers does not need, for good.
//
// # Layers, in the order they are put on
//
//  1. root: the file tree becomes the sensor's part of the data directory (chroot).
//  2. groups, uid: an own user without supplementary groups.
//  3. capabilities: none, in no set, the bounding set included.
//  4. no_new_privs.
//  5. Landlock: files below the new root only, no TCP bind or connect, no signals
//     or abstract sockets beyond the process, as far as the kernel knows how.
//  6. seccomp: an allow-list for every thread. What is not on it gives EPERM;
//     clone3 gives ENOSYS so that the runtime falls back to clone, which may not
//     make namespaces.
//
// connect is not on the list: connect(AF_UNSPEC) would turn an accepted socket
// into a way out. Neither is socket; what the process needs it was given.
//
// Apply is called once, from a locked main thread, before anything from outside
// is read. It never half succeeds silently: each layer is reported, and a layer
// that is asked for and fails is an error.
package confine

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

// DefaultUID is the sensor's user and group where the system has no user
// "whalefall".
const DefaultUID = 62375

// Options says which layers to put on.
type Options struct {
	// Root is the new root; empty leaves the tree as it is (only without privilege).
	Root string
	// UID and GID to become; 0 leaves them (in a user namespace, where others are
	// not mapped, or without privilege).
	UID, GID int
	// Parent is the pid that must still be the parent when all is done; 0 skips
	// the check.
	Parent int
	// NoSeccomp leaves the filter out, for architectures under emulation.
	NoSeccomp bool
}

// Layer is one layer and whether it is in force.
type Layer struct {
	Name    string `json:"name"`
	InForce bool   `json:"in_force"`
	Detail  string `json:"detail,omitempty"`
}

// Apply puts the layers on. With an error the process must end.
func Apply(o Options) ([]Layer, error) {
	var ls []Layer
	if _, _, e := syscall.AllThreadsSyscall(unix.SYS_GETPID, 0, 0, 0); e == unix.ENOTSUP {
		return nil, errors.New("this binary was built with cgo and cannot be confined: build with CGO_ENABLED=0")
	}
	add := func(name string, in bool, detail string) { ls = append(ls, Layer{name, in, detail}) }
	root := os.Geteuid() == 0
	if o.Root != "" && root {
		if err := unix.Chroot(o.Root); err != nil {
			return ls, fmt.Errorf("chroot to %s: %w", o.Root, err)
		}
		if err := unix.Chdir("/"); err != nil {
			return ls, fmt.Errorf("enter the new root: %w", err)
		}
		add("root", true, "chroot")
	} else {
		add("root", false, "needs root or a user namespace at start")
	}
	if root {
		if err := dropBounding(); err != nil {
			return ls, err
		}
	}
	if o.UID != 0 && root {
		// syscall's versions act on every thread.
		if err := syscall.Setgroups(nil); err != nil {
			return ls, fmt.Errorf("drop groups: %w", err)
		}
		if err := syscall.Setresgid(o.GID, o.GID, o.GID); err != nil {
			return ls, fmt.Errorf("become group %d: %w", o.GID, err)
		}
		if err := syscall.Setresuid(o.UID, o.UID, o.UID); err != nil {
			return ls, fmt.Errorf("become user %d: %w", o.UID, err)
		}
		add("uid", true, strconv.Itoa(o.UID))
	} else {
		add("uid", false, "runs as "+strconv.Itoa(os.Geteuid()))
	}
	if err := allThreads(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0); err != nil {
		return ls, fmt.Errorf("clear ambient capabilities: %w", err)
	}
	if err := dropCaps(); err != nil {
		return ls, err
	}
	left, err := capsLeft()
	if err != nil {
		return ls, err
	}
	if left != "" {
		return ls, fmt.Errorf("capabilities are left: %s", left)
	}
	add("capabilities", true, "none")
	if err := allThreads(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		return ls, fmt.Errorf("set no_new_privs: %w", err)
	}
	add("no_new_privs", true, "")
	// The change of user cleared the signal for the parent's death.
	if err := DieWithParent(o.Parent); err != nil {
		return ls, err
	}
	if o.Root != "" && root {
		if err := landlock.V6.BestEffort().Restrict(landlock.RWDirs("/").WithRefer()); err != nil {
			return ls, fmt.Errorf("landlock: %w", err)
		}
	} else if o.Root != "" {
		if err := landlock.V6.BestEffort().Restrict(landlock.RWDirs(o.Root).WithRefer()); err != nil {
			return ls, fmt.Errorf("landlock: %w", err)
		}
	}
	abi := landlockABI()
	add("landlock", abi >= 1 && o.Root != "", landlockDetail(abi))
	if o.NoSeccomp {
		add("seccomp", false, "left out")
		return ls, nil
	}
	f, err := Filter()
	if err != nil {
		return ls, err
	}
	if err := seccomp.LoadFilter(f); err != nil {
		return ls, fmt.Errorf("load the seccomp filter: %w", err)
	}
	add("seccomp", true, fmt.Sprintf("%d system calls", len(Allowed())))
	return ls, nil
}

// DieWithParent makes the calling thread's process get SIGKILL when its parent's
// starting thread dies, and checks that the parent is still there. The caller
// has locked its thread and never ends it.
func DieWithParent(parent int) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("set the signal for the parent's death: %w", err)
	}
	if parent != 0 && os.Getppid() != parent {
		return errors.New("the supervisor is gone")
	}
	return nil
}

func allThreads(trap, a, b, c uintptr) error {
	if _, _, e := syscall.AllThreadsSyscall6(trap, a, b, c, 0, 0, 0); e != 0 {
		return e
	}
	return nil
}

func dropBounding() error {
	for c := uintptr(0); c < 64; c++ {
		r, _, e := syscall.Syscall(unix.SYS_PRCTL, unix.PR_CAPBSET_READ, c, 0)
		if e != 0 {
			return nil //nolint:nilerr // beyond the kernel's last capability
		}
		if r == 0 {
			continue
		}
		if err := allThreads(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0); err != nil {
			return fmt.Errorf("drop capability %d from the bounding set: %w", c, err)
		}
	}
	return nil
}

func landlockABI() int {
	v, _, e := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if e != 0 {
		return 0
	}
	return int(v)
}

func landlockDetail(abi int) string {
	switch {
	case abi == 0:
		return "the kernel has none"
	case abi < 4:
		return fmt.Sprintf("ABI %d: files", abi)
	case abi < 6:
		return fmt.Sprintf("ABI %d: files, TCP", abi)
	default:
		return fmt.Sprintf("ABI %d: files, TCP, signals and abstract sockets", abi)
	}
}

// capsLeft reads the thread's capability sets and gives those that are not empty.
func capsLeft() (string, error) {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var d [2]unix.CapUserData
	if err := unix.Capget(&hdr, &d[0]); err != nil {
		return "", fmt.Errorf("read capabilities: %w", err)
	}
	var left []string
	for i, x := range d {
		if x.Effective|x.Permitted|x.Inheritable != 0 {
			left = append(left, fmt.Sprintf("%d:%x/%x/%x", i, x.Effective, x.Permitted, x.Inheritable))
		}
	}
	return strings.Join(left, " "), nil
}

// Filter is the sensor's filter for this architecture.
func Filter() (seccomp.Filter, error) {
	names := Allowed()
	// A thread: every flag that the runtime uses, and no namespace.
	const newns = unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
		unix.CLONE_NEWCGROUP | unix.CLONE_NEWTIME
	return seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionErrno,
		Syscalls: []seccomp.SyscallGroup{
			{Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS), Names: []string{"clone3"}},
			{Action: seccomp.ActionAllow, Names: names, NamesWithCondtions: []seccomp.NameWithConditions{
				{Name: "clone", Conditions: seccomp.ArgumentConditions{
					{Argument: 0, Operation: seccomp.BitsNotSet, Value: newns},
					{Argument: 0, Operation: seccomp.BitsSet, Value: unix.CLONE_THREAD},
				}},
			}},
		},
	}}, nil
}

// Allowed is the list of system calls the sensor may make without conditions, by
// the names that the filter's library has for this architecture.
func Allowed() []string { return allowedOn(runtime.GOARCH) }

func allowedOn(goarch string) []string {
	names := []string{
		// memory
		"mmap", "munmap", "mprotect", "madvise", "brk", "mincore",
		// threads, scheduling, time
		"futex", "exit", "exit_group", "sched_yield", "sched_getaffinity", "nanosleep", "clock_nanosleep", "clock_gettime", "gettimeofday",
		"set_robust_list", "rseq", "restart_syscall", "getrusage", "prlimit64", "sysinfo", "uname", "getcpu",
		"timer_create", "timer_settime", "timer_delete", "setitimer",
		// signals to itself
		"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "tgkill", "getpid", "getppid", "gettid",
		// who am I
		"getuid", "geteuid", "getgid", "getegid",
		// files below its root
		"read", "write", "readv", "writev", "pread64", "pwrite64", "lseek", "openat", "close", "fstat", "statx", "fcntl", "ftruncate",
		"fsync", "fdatasync", "renameat", "renameat2", "unlinkat", "mkdirat", "getdents64", "fchmod", "fchmodat", "utimensat", "fstatfs", "statfs",
		"readlinkat", "faccessat", "faccessat2", "fallocate", "getcwd", "flock", "linkat", "dup", "dup3", "copy_file_range", "ioctl",
		// connections it was given, and the pair
		"accept4", "shutdown", "getsockname", "getpeername", "getsockopt", "setsockopt", "recvfrom", "sendto", "recvmsg", "sendmsg",
		"epoll_create1", "epoll_ctl", "epoll_pwait", "eventfd2", "pipe2", "ppoll",
		"getrandom",
	}
	switch goarch {
	case "amd64":
		names = append(names, "newfstatat",
			"arch_prctl", "epoll_wait", "poll", "time", "open", "stat", "lstat", "rename", "unlink", "mkdir", "rmdir", "access", "readlink", "chmod")
	case "arm64":
		// The same call under the name that this table has for it; one that the table
		// lacks would be no filter at all, and the sensor would not start.
		names = append(names, "fstatat")
	default:
		names = append(names, "newfstatat")
	}
	return names
}
