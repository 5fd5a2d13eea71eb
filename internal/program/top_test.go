package program_test

import (
	"strings"
	"testing"

	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
)

// top goes on until it is told to end: BusyBox's needs no terminal, procps-ng's does.
func TestTop(t *testing.T) {
	w := kerneltest.New(t, registry(), kerneltest.Options{})
	if r := w.Run("", "top"); r.Code != 1 || r.Err != "top: failed tty get\n" {
		t.Errorf("top without a terminal: %+v", r)
	}
	if r := w.Run("", "top", "-b", "-n1"); r.Code != 0 || strings.Count(r.Out, "COMMAND") != 1 {
		t.Errorf("top -b -n1: %+v", r)
	}
	if r := w.Run("", "busybox", "top", "-n", "1"); r.Code != 0 || !strings.HasPrefix(r.Out, "Mem: ") {
		t.Errorf("busybox top -n 1: %+v", r)
	}
}
