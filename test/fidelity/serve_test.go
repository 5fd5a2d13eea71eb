package fidelity

import (
	"flag"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/persona"
)

var (
	serveFor  = flag.Duration("serve", 0, "keep a decoy of -persona running for so long and print its address")
	personaOf = flag.String("persona", persona.Default, "the persona of -serve")
)

// TestServe keeps a decoy up for other suites (Docker's own tests, a CLI).
func TestServe(t *testing.T) {
	if *serveFor == 0 {
		t.Skip("runs with -serve")
	}
	p, err := persona.Get(*personaOf)
	if err != nil {
		t.Fatal(err)
	}
	d := startDecoy(t, p.Name)
	println("listening on", d.addr)
	time.Sleep(*serveFor)
}
