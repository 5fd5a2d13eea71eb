// Command vm is the first process of the virtual machine in which the tests run
// the program under another architecture's kernel. It makes the few mounts that a
// test needs, brings the loopback up, runs /e2e.test with its own arguments, says
// how that ended and powers the machine off. It is the machine's only start-up, so
// nothing there has an order to wait for.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "vm: this is the init of a test's virtual machine and does nothing elsewhere")
		os.Exit(2)
	}
	err := run(os.Args[1:])
	// The test reads these words.
	fmt.Printf("vm: ended: %v\n", err)
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("vm: power off:", err)
	}
	select {} // the kernel panics when its first process ends
}

func run(args []string) error {
	// /tmp is larger than the memory: doctor wants to see free space, nobody fills it.
	for _, m := range []struct{ fs, at, opts string }{{"proc", "/proc", ""}, {"sysfs", "/sys", ""}, {"devtmpfs", "/dev", ""}, {"securityfs", "/sys/kernel/security", ""}, {"tmpfs", "/tmp", "mode=1777,size=8g"}} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.fs, m.at, m.fs, 0, m.opts); err != nil {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	if err := loopback(); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err
	}
	lsm, _ := os.ReadFile("/sys/kernel/security/lsm") // empty where the kernel has none
	fmt.Printf("vm: %s %s %s; security modules: %s\n", word(u.Sysname[:]), word(u.Release[:]), word(u.Machine[:]), lsm)
	cmd := exec.Command("/e2e.test", args...)
	cmd.Env = append(os.Environ(), "WHALEFALL_PROGRAM=/whalefall", "PATH=/", "HOME=/tmp", "TMPDIR=/tmp")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	// The first process inherits whom others leave behind: Wait4 takes them all.
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return err
		case pid == cmd.Process.Pid && ws.ExitStatus() == 0:
			return nil
		case pid == cmd.Process.Pid:
			return fmt.Errorf("the tests: exit %d, signal %d", ws.ExitStatus(), ws.Signal())
		}
	}
}

func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
}

func word(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return strings.TrimSpace(string(s))
}
