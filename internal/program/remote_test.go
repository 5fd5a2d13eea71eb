package program_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
)

// TestPasswordHashes holds hashes against those of openssl 3.0.
func TestPasswordHashes(t *testing.T) {
	w := kerneltest.New(t, registry(), kerneltest.Options{})
	long := "a long passphrase of more than thirty-two bytes, and even sixty-four of them"
	for _, r := range []struct{ kind, pw, want string }{
		{"-1", "x", "$1$abcdefgh$znAnv9M.XU2pRYfmSs46h/"},
		{"-1", "secret", "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1"},
		{"-1", long, "$1$abcdefgh$5vjgJLmaRU9bIpf4i2bG/0"},
		{"-apr1", "secret", "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/"},
		{"-5", "x", "$5$abcdefgh$sI6g8tHKrJ6RX7w.YoN9B7a/5wK5jYEOMmMnt3tPl0/"},
		{"-5", long, "$5$abcdefgh$UZqOIdO7JvEsWM1LRDhuDy1l9dxuyr5oDD5SeSaTW6B"},
		{"-6", "secret", "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG."},
		{"-6", long, "$6$abcdefgh$B.dzKza1/AVCSam9ZIgC6sOgCDiyly4Pr.7gsEpLvuc6G.YfkjEJ1qWjO7v.tbsfebjAU2yfTC6ijf21zOGp5."},
	} {
		if got := w.Run("", "openssl", "passwd", r.kind, "-salt", "abcdefgh", r.pw); got.Out != r.want+"\n" {
			t.Errorf("%s %s: %+v", r.kind, r.pw, got)
		}
	}
	if got := w.Run("root:$6$x$y\n", "chpasswd", "-e"); got.Code != 0 {
		t.Errorf("%+v", got)
	}
	if got := w.Run("", "grep", "^root", "/etc/shadow"); !strings.HasPrefix(got.Out, "root:$6$x$y:") {
		t.Errorf("%+v", got)
	}
}

func TestRemote(t *testing.T) {
	w := kerneltest.New(t, registry(), kerneltest.Options{Network: &kerneltest.Network{Hosts: map[string]netip.Addr{"there": netip.MustParseAddr("192.0.2.7")}}})
	for _, r := range []struct {
		line, err string
		code      int
	}{
		{"ssh -p 2222 root@there id", "ssh: connect to host there port 2222: Connection refused\r\n", 255},
		{"ssh -o StrictHostKeyChecking=no nowhere", "ssh: Could not resolve hostname nowhere: ", 255},
		{"scp -P 22 there:/x /tmp", "ssh: connect to host there port 22: Connection refused\r\nscp: Connection closed\r\n", 255},
		{"scp /nope root@there:/x", "/nope: No such file or directory\n", 1},
		{"docker ps", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n", 1},
		{"docker -H tcp://10.0.0.1:2375 images", "Cannot connect to the Docker daemon at tcp://10.0.0.1:2375. Is the docker daemon running?\n", 1},
		{"docker run -it alpine", "docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?.\nSee 'docker run --help'.\n", 125},
		{"docker frobnicate", "docker: 'frobnicate' is not a docker command.\nSee 'docker --help'\n", 1},
	} {
		if got := w.Run("", strings.Fields(r.line)...); !strings.HasPrefix(got.Err, r.err) || got.Code != r.code {
			t.Errorf("%s: %+v", r.line, got)
		}
	}
}

func TestWgetBackground(t *testing.T) {
	w := kerneltest.New(t, registry(), kerneltest.Options{Network: &kerneltest.Network{Hosts: map[string]netip.Addr{"there": netip.MustParseAddr("192.0.2.7")}}})
	got := w.Run("", "wget", "-b", "-t", "1", "http://there/")
	if got.Code != 0 || !strings.HasPrefix(got.Out, "Continuing in background, pid ") || !strings.HasSuffix(got.Out, ".\nOutput will be written to ‘wget-log’.\n") {
		t.Errorf("%+v", got)
	}
	if got := w.Run("", "wget", "-bqc", "http://there/"); got.Code != 0 || strings.Contains(got.Out, "wget-log") {
		t.Errorf("%+v", got)
	}
}
