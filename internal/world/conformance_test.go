package world

import (
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whalefall/whalefall/internal/image"
	"github.com/whalefall/whalefall/internal/vfs"
)

// A path of the archive calls keeps the separator or the dot at its end.
func TestArchivePath(t *testing.T) {
	for p, want := range map[string]string{"/": "/", ".": "/.", "/.": "/.", "./": "/./", "bar/quux": "/bar/quux", "bar/quux/": "/bar/quux/", "/bar/root/.": "/bar/root/.", "../x": "/x"} {
		if got := archivePath(p); got != want {
			t.Errorf("%q: %q, want %q", p, got, want)
		}
	}
}

// Capabilities as oci/caps' TweakCapabilities has them.
func TestCapsOf(t *testing.T) {
	for _, r := range []struct {
		add, drop string
		want      uint64
	}{
		{"", "", vfs.DockerCaps},
		{"SYS_TIME", "ALL", 1 << 25},
		{"CHOWN", "CHOWN", vfs.DockerCaps},
		{"ALL", "CHOWN", vfs.AllCaps &^ 1},
		{"", "MKNOD", vfs.DockerCaps &^ (1 << 27)},
	} {
		c := &Container{Host: &container.HostConfig{CapAdd: strings.Fields(r.add), CapDrop: strings.Fields(r.drop)}}
		if got := capsOf(c, false); got != r.want {
			t.Errorf("add %q, drop %q: %#x, want %#x", r.add, r.drop, got, r.want)
		}
	}
}

// A platform of one word is one that is known, and an image suits its own.
func TestPlatforms(t *testing.T) {
	for s, want := range map[string]string{"linux": "linux/amd64", "arm64": "linux/arm64", "linux/x86_64": "linux/amd64", "linux/arm/v7": "linux/arm/v7"} {
		if p, err := parsePlatform(s); err != nil || platformText(*p) != want {
			t.Errorf("%q: %v %v", s, p, err)
		}
	}
	for s, want := range map[string]string{"foobar": "unknown operating system or architecture", "a/b/c/d": "cannot parse platform specifier", "/": "is an invalid component"} {
		if _, err := parsePlatform(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", s, err)
		}
	}
	i := image.New(image.Config{Architecture: "amd64"}, nil, "")
	if err := suits(i, "x", &ocispec.Platform{OS: "linux", Architecture: "x86_64"}); err != nil {
		t.Error(err)
	}
	if err := suits(i, "x", &ocispec.Platform{OS: "linux", Architecture: "arm64"}); err == nil || err.Error() != "image with reference x was found but its platform (linux/amd64) does not match the specified platform (linux/arm64)" {
		t.Error(err)
	}
}

// Links in a path are followed within the tree, and a subpath stays in its base.
func TestPathsWithin(t *testing.T) {
	fs := vfs.New(vfs.Config{Type: "tmpfs"})
	mnt := vfs.NewNamespace(fs, "tmpfs", "", false)
	ctx := &vfs.Context{Cred: vfs.Root(), Root: mnt.Root(), Cwd: mnt.Root(), Umask: 0o022, Now: func() int64 { return 0 }}
	for _, d := range []string{"/v/sub", "/v/hack"} {
		mkdirIn(mnt, ctx, d)
	}
	for target, link := range map[string]string{"../sub": "/v/hack/good", "/": "/v/hack/root", "root": "/v/hack/bad", "/gone/away": "/abs"} {
		if err := mnt.Symlink(ctx, target, link); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := within(mnt, ctx, "/v", "/shown", "hack/good"); err != nil || got != "/v/sub" {
		t.Errorf("%q %v", got, err)
	}
	for sub, want := range map[string]string{"hack/root": "escapes the base directory", "hack/bad": "escapes the base directory", "nothing": "cannot access path /shown/nothing"} {
		if _, err := within(mnt, ctx, "/v", "/shown", sub); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", sub, err)
		}
	}
	if got := inScope(mnt, ctx, "/abs/x"); got != "/gone/away/x" {
		t.Errorf("inScope: %q", got)
	}
}

// Limits are the control groups' at the moment.
func TestLimitsOf(t *testing.T) {
	hc := &container.HostConfig{}
	hc.NanoCPUs, hc.Memory = 500000000, 64<<20
	if l := limitsOf(hc); l.CPUQuota != 50000 || l.CPUPeriod != 100000 || l.Memory != 64<<20 || l.Swappiness != -1 {
		t.Errorf("%+v", l)
	}
}

func TestParseLink(t *testing.T) {
	for l, want := range map[string][2]string{"a": {"a", "a"}, "a:b": {"a", "b"}, "/a:/c/b": {"a", "b"}} {
		if n, a := parseLink(l); [2]string{n, a} != want {
			t.Errorf("%q: %s %s", l, n, a)
		}
	}
}
