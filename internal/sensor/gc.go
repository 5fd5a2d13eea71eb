package sensor

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much garbage there may be before it is collected: half of what lives, and
// where little lives, so much that pings do not collect it some dozen times a second.
const (
	garbagePercent = 50
	garbageMin     = 32 << 20
	garbageEvery   = time.Second
)

// collect sets the collector's pace by what lives, until stop is closed. The memory
// limit holds in between, whatever the pace.
func collect(stop <-chan struct{}) {
	debug.SetMemoryLimit(heap)
	t := time.NewTicker(garbageEvery)
	defer t.Stop()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	last := 0
	for {
		metrics.Read(live)
		p := garbagePercent
		if n := live[0].Value.Uint64(); n > 0 {
			p = max(p, int(garbageMin*100/max(n, 4<<20)))
		}
		// Setting it stops the world, so small changes wait.
		if d := p - last; d > last/8 || d < -last/8 {
			debug.SetGCPercent(p)
			last = p
		}
		select {
		case <-t.C:
		case <-stop:
			return
		}
	}
}
