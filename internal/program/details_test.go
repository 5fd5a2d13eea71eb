package program_test

import (
	"strings"
	"testing"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
	"github.com/whalefall/whalefall/internal/program"
	"github.com/whalefall/whalefall/internal/shell"
	"github.com/whalefall/whalefall/internal/vfs"
)

// TestLastCommand holds which last commands a shell given -c becomes, measured with
// bash 5.2, dash 0.5.12 and busybox ash: true where ps shows no shell beside them.
func TestLastCommand(t *testing.T) {
	r := kernel.NewRegistry()
	program.Register(r)
	shell.Register(r)
	w := kerneltest.New(t, r, kerneltest.Options{NS: kernel.NSConfig{PIDNS: true, Cred: vfs.Root(), Label: "0123456789ab"}})
	if _, err := w.NS.Reside(kernel.Resident{Path: "/bin/sleep", Argv: []string{"sleep", "inf"}}); err != nil {
		t.Fatal(err)
	}
	const c = `cut -d" " -f1 /proc/self/stat`
	for _, row := range []struct {
		code      string
		bash, ash bool
	}{
		{c, true, true}, {c + " 2>/dev/null", false, true}, {"A=1 " + c, true, true}, {"{ " + c + "; }", false, true}, {c + "; true", false, false}, {c + " | cat", false, false},
		{"if true; then " + c + "; fi", false, true}, {"! " + c, false, false}, {"true && " + c, true, true}, {"true; " + c, true, true}, {"trap 'true' EXIT; " + c, false, false}, {"trap '' INT; " + c, true, true},
		{"cd / && " + c, true, true}, {"false || " + c, true, true}, {"f() { " + c + "; }; f", false, false}, {"cat /dev/null && " + c, true, true}, {"for i in 1; do " + c + "; done", false, false},
	} {
		for sh, becomes := range map[string]bool{"bash": row.bash, "dash": false, "ash": row.ash} {
			got := w.Run("", sh, "-c", "echo $$ >/tmp/pid; "+row.code)
			pid := w.Run("", "cat", "/tmp/pid").Out
			if got.Out == "" || (pid == got.Out) != becomes {
				t.Errorf("%s -c %q: %q %q, want exec %v", sh, row.code, got.Out, got.Err, becomes)
			}
		}
	}
	for _, row := range []struct{ sh, code, want string }{
		{"bash", "env | grep -c ^_=/usr/bin/env; true a b; echo $_", "1\nb\n"},
		{"bash", "env", "SHLVL=0\n"}, {"bash", "env; true", "SHLVL=1\n"}, {"ash", "env", "SHLVL=1\n"}, {"ash", "env", "PWD=/\n"}, {"dash", "env", "PWD=/\n"},
	} {
		if got := w.Run("", row.sh, "-c", "cd /; "+row.code); !strings.Contains(got.Out, row.want) {
			t.Errorf("%s -c %q: %+v, want %q", row.sh, row.code, got, row.want)
		}
	}
	if got := w.Run("", "dash", "-c", "env"); strings.Contains(got.Out, "SHLVL") {
		t.Errorf("dash: %+v", got)
	}
}
