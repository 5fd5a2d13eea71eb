// Package persona holds Docker Engine releases as data: what a daemon of that
// release says about itself, which routes it has, how it words its errors, how
// fast it answers.
//
// A persona is immutable; [Get] returns a shared pointer. Numbers and texts come
// from the releases themselves (the source at its tag, Docker's own packages, and
// Debian's builds of the same releases run beside the test). The variants whose
// name ends in "-debian" match Debian's builds and are for tests only: what an
// operator may choose is [Names].
//
// The package does no I/O, knows no HTTP handler and imports nothing that does.
package persona

import (
	"fmt"
	"sort"
	"strings"
)

// Era groups releases whose code in one place is the same.
type Era int

// The eras, by the release that began them.
const (
	Era20 Era = 20 // 20.10
	Era26 Era = 26 // 26.x
	Era28 Era = 28 // 28.x
)

// Component is an entry of /version's Components beyond the engine.
type Component struct {
	Name, Version, Commit string
}

// Persona is a release.
type Persona struct {
	// Name is the persona's name, "docker-20.10.24".
	Name string
	// Release is the version as upstream counts it, Version as the build says it.
	Release, Version string
	Era              Era
	// API and MinAPI are the range of API versions.
	API, MinAPI string
	// Platform is Platform.Name of /version, empty where the build sets none.
	Platform string
	// GitCommit, BuildTime and GoVersion are as /version shows them.
	GitCommit, BuildTime, GoVersion string
	// Go is the Go release's minor number, which shows in net/http's own words.
	Go         int
	Containerd Component
	Runc       Component
	Init       Component
	// Debian marks a build that is for tests only.
	Debian bool
	// CgroupV2 says whether the host shown has the unified hierarchy.
	CgroupV2 bool
	// Args is the daemon's command line, as /debug/pprof/cmdline shows it.
	Args []string
}

// Names lists the personas an operator may choose, the default first.
func Names() []string {
	var out []string
	for _, p := range all {
		if !p.Debian {
			out = append(out, p.Name)
		}
	}
	return out
}

// Default is the persona that is shown when nothing else is said.
const Default = "docker-20.10.24"

// Get finds a persona by name, those for tests included.
func Get(name string) (*Persona, error) {
	for _, p := range all {
		if p.Name == name {
			return p, nil
		}
	}
	known := Names()
	sort.Strings(known)
	return nil, fmt.Errorf("no persona %q (known: %s)", name, strings.Join(known, ", "))
}

// Server is the Server header.
func (p *Persona) Server() string { return "Docker/" + p.Version + " (linux)" }

func releases() []*Persona { return all }
