package confine

import (
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
)

// A name that an architecture's table lacks is an error when the sensor starts
// there, and only there.
func TestEveryNameIsKnown(t *testing.T) {
	for _, goarch := range []string{"amd64", "arm64"} {
		info, err := arch.GetInfo(goarch)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, n := range append(allowedOn(goarch), "clone", "clone3") {
			if _, ok := info.SyscallNames[n]; !ok {
				t.Errorf("%s has no %s", goarch, n)
			}
			if seen[n] {
				t.Errorf("%s is on the list twice", n)
			}
			seen[n] = true
		}
	}
}
