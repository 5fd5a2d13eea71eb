package e2e

import "golang.org/x/sys/unix"

// olderCalls are denied calls that younger architectures never had.
var olderCalls = map[string]uintptr{"fork": unix.SYS_FORK, "vfork": unix.SYS_VFORK}

// unfiltered are the calls that the kernel shows to no filter: uretprobe gives SIGILL
// and uprobe ENXIO anywhere but in a trampoline that the kernel has made.
var unfiltered = []int{335, 336}
