package fidelity

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/engineapi"
	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/front"
	"github.com/whalefall/whalefall/internal/internet"
	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/persona"
	"github.com/whalefall/whalefall/internal/program"
	"github.com/whalefall/whalefall/internal/shell"
	"github.com/whalefall/whalefall/internal/world"
)

type wall struct{}

func (wall) Now() time.Time { return time.Now() }
func (wall) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}

// worldsFor is the world the decoy shows: an empty host with the oracle's own facts.
func worldsFor(t *testing.T, p *persona.Persona) engineapi.Worlds {
	t.Helper()
	reg := kernel.NewRegistry()
	program.Register(reg)
	shell.Register(reg)
	secret := []byte("0123456789abcdef0123456789abcdef")
	h, err := world.NewHost(world.Config{Secret: secret, Release: front.Release(p), Kind: "empty", Cores: 2, Memory: 8 << 30, Public: netip.MustParseAddr("203.0.113.10"),
		Listen: "127.0.0.1:2375", Clock: wall{}, Programs: reg, Network: internet.New(internet.Config{Secret: secret}), Sink: event.Discard, Persona: p.Name})
	if err != nil {
		t.Fatal(err)
	}
	m := world.NewManager(h, world.ManagerConfig{})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		m.Close(ctx)
	})
	return front.New(m, p)
}

// prepareDecoy gives the decoy the image the scenarios use.
func prepareDecoy(d decoy) error {
	return post(context.Background(), d, "/images/create?fromImage=busybox&tag=latest", nil)
}
