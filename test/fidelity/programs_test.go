package fidelity

import (
	"strconv"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
)

// programs are the few that the scenarios run.
func programs(r *kernel.Registry) {
	r.Register("true", func(t *kernel.Task) int { return 0 })
	r.Register("sleep", func(t *kernel.Task) int {
		if len(t.Args()) > 1 {
			if n, err := strconv.Atoi(t.Args()[1]); err == nil {
				t.Sleep(time.Duration(n) * time.Second)
			}
		}
		return 0
	})
}
