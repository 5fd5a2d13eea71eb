package program_test

import (
	"strings"
	"testing"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
)

func TestPython(t *testing.T) {
	w := kerneltest.New(t, registry(), kerneltest.Options{})
	for _, r := range []struct{ py, code, want string }{
		{"python3", `print("a", 1+2*3)`, "a 7\n"},
		{"python2", `print "x" + "y"`, "xy\n"},
		{"python3", "import base64; exec(base64.b64decode('cHJpbnQoNDIp').decode())", "42\n"},
		{"python3", "for i in range(3):\n  if i == 1: continue\n  print(i)", "0\n2\n"},
		{"python3", "try:\n  import urllib2\nexcept ImportError:\n  print('no')", "no\n"},
		{"python3", "def f(x):\n  return x*2\nprint(f(4))", "8\n"},
		{"python3", "open('/tmp/a','w').write('hey'); print(open('/tmp/a').read()[::-1])", "yeh\n"},
		{"python3", "import os\nprint(os.path.exists('/etc/passwd'), '%s-%d' % ('a', 3))", "True a-3\n"},
	} {
		if got := w.Run("", r.py, "-c", r.code); got.Out != r.want || got.Code != 0 {
			t.Errorf("%s: %+v", r.code, got)
		}
	}
	for _, deep := range []string{strings.Repeat("-", 1<<20) + "1", strings.Repeat("not ", 1<<18) + "1", strings.Repeat("(", 1<<20), strings.Repeat("1**", 1<<18) + "1"} {
		w.Run(deep, "python3")
	}
	w.Run("", append([]string{"find", "/tmp"}, strings.Fields(strings.Repeat("! ", 100000))...)...)
	if got := w.Run("", "python3", "-c", "x"); got.Code != 1 || got.Err != "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\nNameError: name 'x' is not defined\n" {
		t.Errorf("%+v", got)
	}
}

func FuzzPython(f *testing.F) {
	f.Add("import os\nfor x in [1]:\n  print(x)")
	fuzz(f, func(s string) []string { return []string{"python3", "-c", s} })
}

var _ kernel.Discard
