package oracle

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Unpack gives a folder that holds the files of the named packages of a release's suite,
// without those that they depend on: programs that need nothing but the machine's own
// libraries. As with [Fetch] it lies in the cache, and nothing is installed.
func Unpack(ctx context.Context, r Release, names ...string) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "unpacked", r.Suite+"-"+strings.Join(names, "-"))
	for _, d := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return "", err
		}
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	root := filepath.Join(dir, "root")
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return root, nil
	}
	opts, err := aptOptions(dir, r.Suite)
	if err != nil {
		return "", err
	}
	if out, err := run(ctx, dir, "apt-get", append(opts, "update")...); err != nil {
		return "", unavailable("apt-get update for %s: %w\n%s", r.Suite, err, out)
	}
	if out, err := run(ctx, dir, "apt-get", slices.Concat(opts, []string{"download"}, names)...); err != nil {
		return "", unavailable("apt-get download %v: %w\n%s", names, err, out)
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(debs) < len(names) {
		return "", fmt.Errorf("apt-get download left %d packages of %v in %s", len(debs), names, dir)
	}
	for _, d := range debs {
		if out, err := run(ctx, dir, "dpkg", "-x", d, root); err != nil {
			return "", unavailable("unpacking %s: %w\n%s", filepath.Base(d), err, out)
		}
		_ = os.Remove(d)
	}
	_ = os.RemoveAll(filepath.Join(dir, "lists")) // the suite's index is most of it
	return root, os.WriteFile(filepath.Join(dir, "complete"), nil, 0o644)
}
