package program_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
)

// TestBusybox holds the error texts of BusyBox's dialect against the machine's
// own busybox.
func TestBusybox(t *testing.T) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("no busybox on this machine")
	}
	w := kerneltest.New(t, registry(), kerneltest.Options{})
	for _, row := range oracle {
		argv := append([]string{"busybox"}, row.argv...)
		cmd := exec.Command(path, argv[1:]...)
		cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=/root"}
		cmd.Stdin = strings.NewReader(row.in)
		var out, errb bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errb
		cmd.Run()
		code := cmd.ProcessState.ExitCode()
		if code == -1 {
			code = 143
		}
		if strings.Contains(errb.String(), "not compiled in") || strings.Contains(errb.String(), "applet not found") || strings.Contains(errb.String(), "Usage:") {
			continue // not built in here; usage texts are a release's own
		}
		got := w.Run(row.in, argv...)
		if got.Out != out.String() || got.Code != code || row.err && got.Err != errb.String() {
			t.Errorf("%q:\n got %d %q %q\nwant %d %q %q", row.argv, got.Code, got.Out, got.Err, code, out.String(), errb.String())
		}
	}
}
