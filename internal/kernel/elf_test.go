package kernel_test

import (
	"testing"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
)

// TestForeignBinary runs executables that nobody here made: a real one's header and
// a build id that is not ours.
func TestForeignBinary(t *testing.T) {
	elf := []byte("\x7fELF\x02\x01\x01\x03xxxx\x04\x00\x00\x00\x14\x00\x00\x00\x03\x00\x00\x00GNU\x0001234567890123456789rest")
	r := reg()
	r.Register("busybox", func(t *kernel.Task) int { t.Stdout().Write([]byte("busybox\n")); return 0 })
	r.SetStandIn(func(t *kernel.Task) int { t.Stdout().Write([]byte("stand-in\n")); return 0 })
	for _, c := range []struct{ path, out string }{
		{"/opt/bin/cat", "box\n"},
		{"/opt/busybox-x86_64", "busybox\n"},
		{"/opt/cat", "stand-in\n"},
		{"/opt/bin/nosuch", "stand-in\n"},
	} {
		w := kerneltest.New(t, r, kerneltest.Options{})
		res := w.Func(func(t *kernel.Task) int {
			t.Mkdir("/opt", 0o755)
			t.Mkdir("/opt/bin", 0o755)
			t.WriteFile(c.path, elf, 0o755)
			p, err := t.Spawn(kernel.Spawn{Path: c.path, Argv: []string{"cat", "/etc/hostname"}})
			if err != nil {
				return 1
			}
			_, ws, _ := t.Wait(p.PID(), 0)
			return ws.Code()
		})
		if res.Code != 0 || res.Out != c.out {
			t.Errorf("%s: %+v", c.path, res)
		}
	}
}
