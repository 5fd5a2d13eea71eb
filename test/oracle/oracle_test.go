package oracle_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/whalefall/whalefall/test/oracle"
)

// TestReleases starts each release and hears it answer.
func TestReleases(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real daemons")
	}
	for _, r := range oracle.All {
		t.Run(r.Version, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
			defer cancel()
			begin := time.Now()
			d, err := oracle.Start(ctx, r, oracle.Options{})
			if errors.Is(err, oracle.ErrUnavailable) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("ready after %v", time.Since(begin))
			begin = time.Now()
			d.Stop()
			t.Logf("ended after %v", time.Since(begin))
		})
	}
}
