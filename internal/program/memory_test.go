package program_test

import (
	"testing"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
	"github.com/whalefall/whalefall/internal/shell"
)

// TestMemory: a shell that holds more than it may is killed as by the OOM killer,
// and one that lets go of what it held is not.
func TestMemory(t *testing.T) {
	reg := registry()
	shell.Register(reg)
	w := kerneltest.New(t, reg, kerneltest.Options{Limits: kernel.Limits{Memory: 16 << 20}})
	for _, r := range []struct {
		code string
		want int
	}{
		{"a=xxxxxxxxxx; while :; do a=$a$a$a$a; done", 137},
		{"x=$(cat /dev/zero | tr '\\0' x)", 137},
		{"x=$(head -c 300000 /dev/zero | tr '\\0' x); a=(); while :; do a+=(\"$x\"); done", 137},
		{"i=0; while [ $i -lt 200 ]; do x=$(head -c 1200000 /dev/zero | tr '\\0' x); i=$((i+1)); done", 0},
	} {
		if got := w.Run("", "bash", "-c", r.code); got.Code != r.want {
			t.Errorf("%s: %d %q", r.code, got.Code, got.Err)
		}
		if n := w.NS.MemoryUsed(); n != 0 {
			t.Errorf("%s: %d bytes stay charged", r.code, n)
		}
	}
}
