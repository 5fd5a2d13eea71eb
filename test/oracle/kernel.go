package oracle

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// kernelPackage depends on the newest kernel for virtual machines of an architecture.
// It is a third of the full one in size, and has what a test needs built in.
const kernelPackage = "linux-image-cloud-"

// Kernel gives the path of the kernel that [R26]'s suite has for virtual machines of
// an architecture (by Debian's name for it), and its release. As with [Fetch] it lies
// in the cache, and nothing is installed. The suite is that one because older kernels
// know less of Landlock.
func Kernel(ctx context.Context, debArch string) (path, release string, err error) {
	cache, err := CacheDir()
	if err != nil {
		return "", "", err
	}
	dir := filepath.Join(cache, "kernel-"+debArch)
	for _, d := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return "", "", err
		}
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return "", "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", "", err
	}
	path = filepath.Join(dir, "vmlinuz")
	if b, err := os.ReadFile(filepath.Join(dir, "complete")); err == nil {
		return path, strings.TrimSpace(string(b)), nil
	}
	opts, err := aptOptions(dir, R26.Suite)
	if err != nil {
		return "", "", err
	}
	opts = append(opts, "-o", "APT::Architecture="+debArch, "-o", "APT::Architectures="+debArch)
	if out, err := run(ctx, dir, "apt-get", append(opts, "update")...); err != nil {
		return "", "", unavailable("apt-get update for %s: %w\n%s", debArch, err, out)
	}
	out, err := run(ctx, dir, "apt-cache", append(opts, "show", "--no-all-versions", kernelPackage+debArch)...)
	if err != nil {
		return "", "", unavailable("apt-cache show: %w\n%s", err, out)
	}
	name := ""
	for _, l := range strings.Split(out, "\n") {
		if d, ok := strings.CutPrefix(l, "Depends: "); ok {
			name, _, _ = strings.Cut(d, " ")
		}
	}
	release, ok := strings.CutPrefix(name, "linux-image-")
	if !ok {
		return "", "", unavailable("%s%s names no kernel: %s", kernelPackage, debArch, out)
	}
	if out, err := run(ctx, dir, "apt-get", append(opts, "download", name)...); err != nil {
		return "", "", unavailable("apt-get download %s: %w\n%s", name, err, out)
	}
	debs, err := filepath.Glob(filepath.Join(dir, name+"_*.deb"))
	if err != nil || len(debs) == 0 {
		return "", "", fmt.Errorf("apt-get download left no package of %s in %s", name, dir)
	}
	tree := filepath.Join(dir, "tree")
	defer os.RemoveAll(tree) // the modules are most of it, and none is loaded
	if out, err := run(ctx, dir, "dpkg", "-x", debs[len(debs)-1], tree); err != nil {
		return "", "", unavailable("unpacking %s: %w\n%s", filepath.Base(debs[0]), err, out)
	}
	if err := os.Rename(filepath.Join(tree, "boot/vmlinuz-"+release), path); err != nil {
		return "", "", err
	}
	return path, release, os.WriteFile(filepath.Join(dir, "complete"), []byte(release+"\n"), 0o644)
}
