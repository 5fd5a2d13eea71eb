package engineapi

import (
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/persona"
)

// A wait ends when it should, short ones too.
func TestSleepUntil(t *testing.T) {
	for _, d := range []time.Duration{0, 300 * time.Microsecond, 3 * time.Millisecond, 20 * time.Millisecond} {
		from := time.Now()
		sleepUntil(from.Add(d), nil)
		if took := time.Since(from); took < d {
			t.Errorf("waited %v of %v", took, d)
		}
	}
	from := time.Now()
	sleepUntil(time.Time{}, nil)
	if time.Since(from) > time.Minute {
		t.Error("a wait that is over is waited for")
	}
	done := make(chan struct{})
	close(done)
	from = time.Now()
	sleepUntil(from.Add(time.Hour), done)
	if time.Since(from) > time.Minute {
		t.Error("a client that left is waited for")
	}
}

// Drawn times lie around the median and never far beyond the 95th percentile.
func TestDraw(t *testing.T) {
	sp := persona.Span{P50: 10 * time.Millisecond, P95: 30 * time.Millisecond}
	below, over := 0, 0
	for range 10000 {
		d := draw(sp)
		if d < sp.P50 {
			below++
		}
		if d > sp.P95 {
			over++
		}
		if d > 4*sp.P95 || d <= 0 {
			t.Fatalf("drew %v", d)
		}
	}
	if below < 4500 || below > 5500 || over < 300 || over > 700 {
		t.Fatalf("%d of 10,000 below the median, %d over the 95th percentile", below, over)
	}
}
