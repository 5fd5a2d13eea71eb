package fidelity

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/whalefall/whalefall/test/oracle"
)

// onReal runs f beside the real daemon of each release that was asked for, as a test of
// its own and for limit at the most.
func onReal(t *testing.T, limit time.Duration, f func(ctx context.Context, t *testing.T, r oracle.Release, d *oracle.Daemon)) {
	t.Helper()
	for _, r := range oracle.All {
		if *relOf != "" && !strings.Contains(r.Version, *relOf) {
			continue
		}
		t.Run(r.Version, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			d, err := oracle.Start(ctx, r, oracle.Options{Hostname: "decoy"})
			if errors.Is(err, oracle.ErrUnavailable) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer d.Stop()
			f(ctx, t, r, d)
		})
	}
}
