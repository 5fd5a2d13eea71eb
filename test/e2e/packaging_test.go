package e2e

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/whalefall/whalefall/test/oracle"
)

func TestSystemdUnit(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("needs systemd-analyze")
	}
	b, err := os.ReadFile("../../packaging/systemd/whalefall.service")
	if err != nil {
		t.Fatal(err)
	}
	// The program it names is not installed here.
	unit := strings.ReplaceAll(string(b), "/usr/bin/whalefall", program(t))
	p := filepath.Join(t.TempDir(), "whalefall.service")
	if err := os.WriteFile(p, []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", p).CombinedOutput()
	if err != nil || strings.Contains(string(out), "whalefall.service") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The image that packaging/docker makes runs in a real daemon, with the compose
// file's capabilities and nothing else.
func TestImageInRealDocker(t *testing.T) {
	needRoot(t)
	ctx, stop := context.WithTimeout(context.Background(), 90*time.Second)
	defer stop()
	dm, err := oracle.Start(ctx, oracle.R26, oracle.Options{})
	if err != nil {
		t.Skipf("no real daemon: %v", err)
	}
	defer dm.Stop()
	// What the Dockerfile says of the last stage.
	var entry, cmd, changes []string
	df, err := os.ReadFile("../../packaging/docker/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, last, _ := strings.Cut(string(df), "FROM scratch\n")
	for _, l := range strings.Split(strings.TrimSpace(last), "\n") {
		if !strings.HasPrefix(l, "COPY ") {
			changes = append(changes, l)
		}
		if x, ok := strings.CutPrefix(l, "ENTRYPOINT "); ok {
			json.Unmarshal([]byte(x), &entry)
		}
		if x, ok := strings.CutPrefix(l, "CMD "); ok {
			json.Unmarshal([]byte(x), &cmd)
		}
	}
	if len(entry) != 1 || len(cmd) == 0 {
		t.Fatalf("entrypoint %v, command %v", entry, cmd)
	}
	var comp struct {
		Services map[string]struct {
			CapAdd      []string `yaml:"cap_add"`
			CapDrop     []string `yaml:"cap_drop"`
			SecurityOpt []string `yaml:"security_opt"`
			ReadOnly    bool     `yaml:"read_only"`
			NetworkMode string   `yaml:"network_mode"`
		}
	}
	cb, err := os.ReadFile("../../packaging/docker/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(cb, &comp); err != nil {
		t.Fatal(err)
	}
	svc := comp.Services["whalefall"]
	bin, err := os.ReadFile(program(t))
	if err != nil {
		t.Fatal(err)
	}
	var tb bytes.Buffer
	w := tar.NewWriter(&tb)
	w.WriteHeader(&tar.Header{Name: "whalefall", Mode: 0o755, Size: int64(len(bin))})
	w.Write(bin)
	w.Close()
	api := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dm.Dial(ctx) }}}
	do := func(method, path string, body io.Reader) (int, []byte) {
		t.Helper()
		req, _ := http.NewRequestWithContext(ctx, method, "http://docker"+path, body)
		req.Header.Set("Content-Type", "application/json")
		resp, err := api.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, b
	}
	q := "/images/create?fromSrc=-&repo=whalefall"
	for _, c := range changes {
		q += "&changes=" + strings.NewReplacer(" ", "%20", `"`, "%22", "[", "%5B", "]", "%5D", ":", "%3A", ",", "%2C").Replace(c)
	}
	if code, b := do("POST", q, &tb); code != 200 || bytes.Contains(b, []byte(`"error"`)) {
		t.Fatalf("import: %d %s", code, b)
	}
	// Port 2375 is the daemon's own in this namespace.
	run := append([]string{}, cmd...)
	for i := range run {
		run[i] = strings.ReplaceAll(run[i], ":2375", ":4375")
	}
	body, _ := json.Marshal(map[string]any{"Image": "whalefall", "Cmd": run, "HostConfig": map[string]any{"NetworkMode": svc.NetworkMode, "CapAdd": svc.CapAdd, "CapDrop": svc.CapDrop,
		"SecurityOpt": svc.SecurityOpt, "ReadonlyRootfs": svc.ReadOnly, "Mounts": []map[string]any{{"Type": "volume", "Source": "data", "Target": "/data"}}}})
	code, b := do("POST", "/containers/create?name=decoy", bytes.NewReader(body))
	if code != 201 {
		t.Fatalf("create: %d %s", code, b)
	}
	if code, b := do("POST", "/containers/decoy/start", nil); code != 204 {
		t.Fatalf("start: %d %s", code, b)
	}
	logs := func() string {
		_, b := do("GET", "/containers/decoy/logs?stdout=1&stderr=1", nil)
		return string(b)
	}
	answer := ""
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		c, err := dm.DialAddr("127.0.0.1:4375")
		if err != nil {
			continue
		}
		c.SetDeadline(time.Now().Add(5 * time.Second))
		io.WriteString(c, "GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		b, _ := io.ReadAll(c)
		c.Close()
		if answer = string(b); answer != "" {
			break
		}
	}
	if !strings.HasPrefix(answer, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(answer, "OK") {
		t.Fatalf("/_ping answers %q\n%s", answer, logs())
	}
	time.Sleep(1500 * time.Millisecond)
	code, b = do("POST", "/containers/decoy/exec", strings.NewReader(`{"AttachStdout":true,"AttachStderr":true,"Tty":true,"Cmd":["/whalefall","doctor","--format","json"]}`))
	var ex struct{ ID string }
	if json.Unmarshal(b, &ex); code != 201 {
		t.Fatalf("exec: %d %s", code, b)
	}
	_, b = do("POST", "/exec/"+ex.ID+"/start", strings.NewReader(`{"Tty":true}`))
	var dg struct {
		Serving     bool
		Confinement []struct {
			Name    string
			InForce bool `json:"in_force"`
			Detail  string
		}
	}
	if err := json.Unmarshal(b, &dg); err != nil || !dg.Serving {
		t.Fatalf("doctor: %v %s\n%s", err, b, logs())
	}
	force := map[string]bool{}
	for _, l := range dg.Confinement {
		t.Logf("%-14s in force: %-5v %s", l.Name, l.InForce, l.Detail)
		force[l.Name] = l.InForce
	}
	for _, l := range []string{"root", "uid", "capabilities", "no_new_privs", "seccomp"} {
		if !force[l] {
			t.Errorf("%s is not in force\n%s", l, logs())
		}
	}
}
