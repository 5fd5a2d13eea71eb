package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/journal"
	_ "modernc.org/sqlite" // registers the driver
)

// at is a decoy over a directory that may be there already; it is not started.
func at(t testing.TB, data string) *decoy {
	return &decoy{t: t, data: data, log: &bytes.Buffer{}, mu: &sync.Mutex{}, done: make(chan error, 1)}
}

func serveAt(t testing.TB, data string) *decoy {
	t.Helper()
	d := at(t, data)
	d.start()
	t.Cleanup(d.stop)
	return d
}

// refused runs serve over a directory where it must not start.
func refused(t *testing.T, data string, words ...string) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	out, err := exec.CommandContext(ctx, program(t), "serve", "--data", data, "--listen", "127.0.0.1:0", "--web", "").CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("serve starts over it:\n%s", out)
	}
	if err == nil {
		t.Fatalf("serve ends without an error:\n%s", out)
	}
	for _, w := range words {
		if !strings.Contains(string(out), w) {
			t.Errorf("%q is not in what serve says:\n%s", w, out)
		}
	}
	if strings.Contains(string(out), "goroutine ") {
		t.Errorf("a panic:\n%s", out)
	}
}

func tmpfs(t *testing.T, opts string) string {
	t.Helper()
	needRoot(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, opts); err != nil {
		t.Skipf("a tmpfs cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

func TestDataReadOnly(t *testing.T) {
	dir := tmpfs(t, "size=16m")
	d := serveAt(t, filepath.Join(dir, "data"))
	d.stop()
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	refused(t, filepath.Join(dir, "data"), "read-only file system")
	refused(t, filepath.Join(dir, "new"), "read-only file system", "hint: ")
}

func TestDataForeign(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.tex"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, "holds other files (thesis.tex)", "hint: ")
	if l, _ := os.ReadDir(dir); len(l) != 1 {
		t.Errorf("something was left in it: %v", l)
	}
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o644)
	refused(t, file, "not a directory")
}

// What a newer program wrote is neither read nor touched.
func TestDataNewer(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, data string)
		words []string
	}{
		{"format", func(t *testing.T, data string) {
			if err := os.WriteFile(filepath.Join(data, "format"), []byte("2\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, []string{`data format "2"`, "hint: use the newer whalefall"}},
		{"journal", func(t *testing.T, data string) {
			l, _ := filepath.Glob(filepath.Join(data, "sensor/journal/*.wfj"))
			f, err := os.OpenFile(l[len(l)-1], os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt([]byte{9}, 4); err != nil {
				t.Fatal(err)
			}
		}, []string{"has format 9, this program knows formats up to"}},
		{"store", func(t *testing.T, data string) {
			// Through SQLite: a write-ahead log may still stand before the file.
			db, err := sql.Open("sqlite", filepath.Join(data, "operator/store.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec("PRAGMA user_version = 99"); err != nil {
				t.Fatal(err)
			}
		}, []string{"has schema 99, this program knows schemas up to"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := serve(t)
			d.call("GET", "/version", "")
			d.stop()
			c.spoil(t, d.data)
			refused(t, d.data, c.words...)
			if _, errOut, code := wf(t, "session", "ls", "--data", d.data); code == 0 || !strings.Contains(errOut, c.words[0]) {
				t.Errorf("session ls: exit %d %s", code, errOut)
			}
		})
	}
}

func TestDataBelowClosedFolder(t *testing.T) {
	needRoot(t)
	dir := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d := serveAt(t, filepath.Join(dir, "data"))
	d.call("GET", "/version", "")
	if s := d.lastSession(func(s doc) bool { return len(s.Requests) == 2 }); len(s.Requests) != 2 {
		t.Errorf("%d requests on record", len(s.Requests))
	}
}

func TestConfigurationFaults(t *testing.T) {
	for text, want := range map[string]string{
		"listne: [\"127.0.0.1:0\"]\n":                  `line 1, column 1: unknown key "listne"`,
		"host:\n  kind: empty\n  colour: red\n":        `line 3, column 3: unknown key "colour"`,
		"quotas:\n  connections_per_source: many\n":    "line 2",
		"listen: {a: b}\n":                             "line 1",
		"refuse:\n  - operation: explode\n":            `refuse[0].operation: "explode" is not known`,
		"refuse:\n  - operation: create\n    first: x": "line 3",
		"sessions:\n  silence: soon\n":                 `line 2, column 12: "soon" is no duration`,
		"quotas:\n  disk_floor: large\n":               "quotas.disk_floor",
		"persona: docker-1.0\n":                        "docker-1.0",
		"log:\n  level: loud\n":                        "log.level",
		"proxy_peers: [\"everyone\"]\n":                "proxy_peers[0]",
		"a: [\n":                                       "line ",
		"\x00\x01\x02":                                 "line 1",
		"sinks:\n  - type: pigeon\n":                   "sinks[0].type",
		"web: 0.0.0.0:2370\n":                          "stays on loopback",
	} {
		out, errOut, code := wf(t, "serve", "--config", refuseConfig(t, text), "--data", filepath.Join(t.TempDir(), "d"), "--listen", "127.0.0.1:0")
		if code == 0 || !strings.Contains(errOut, want) || strings.ContainsAny(errOut, "\x00\x01\x02") {
			t.Errorf("%q: exit %d, want %q, got %q %q", text, code, want, out, errOut)
		}
	}
}

// metric reads a number of /metrics.
func (d *decoy) metric(name string) uint64 {
	d.t.Helper()
	resp, err := http.Get("http://" + d.web + "/metrics")
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(b)
	if m == nil {
		d.t.Fatalf("%s is not in /metrics", name)
	}
	f, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		d.t.Fatal(err)
	}
	return uint64(f)
}

// On a full disk answers go on, and what is missing afterwards is counted to the
// event, in the record, by doctor and in the metrics alike.
// fill takes the rest of a disk; the file that is given holds it.
func fill(t *testing.T, dir string) *os.File {
	t.Helper()
	hog, err := os.Create(filepath.Join(dir, "hog"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hog.Close() })
	z := make([]byte, 64<<10)
	for err == nil {
		_, err = hog.Write(z)
	}
	for len(z) > 1 { // to the last page
		z = z[:len(z)/2]
		for e := error(nil); e == nil; _, e = hog.Write(z) {
		}
	}
	return hog
}

// A full disk ends neither a start nor a start of a child; the operator side,
// whose store it does not take, comes back when there is room.
func TestStartOnFullDisk(t *testing.T) {
	dir := tmpfs(t, "size=24m")
	d := serveAt(t, filepath.Join(dir, "data"))
	d.stop()
	os.Remove(filepath.Join(dir, "data/operator/store.db")) // to be made anew, for which there is no room
	os.Remove(filepath.Join(dir, "data/operator/store.db-wal"))
	os.Remove(filepath.Join(dir, "data/operator/store.db-shm"))
	hog := fill(t, dir)
	d.start()
	asked := 1 // the start's own
	ask := func(n int) {
		for range n {
			if code, _ := d.call("GET", "/version", ""); code != 200 {
				t.Fatalf("version: %d", code)
			}
			asked++
			time.Sleep(100 * time.Millisecond)
		}
	}
	ask(20)
	s, _ := d.children()
	syscall.Kill(s, syscall.SIGKILL)
	ask(10)
	if err := hog.Truncate(0); err != nil {
		t.Fatal(err)
	}
	n := 0
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		n = 0
		out, _, _ := wf(t, "session", "ls", "--data", d.data, "--format", "json")
		for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
			var row struct {
				Requests int `json:"request_count"`
			}
			json.Unmarshal([]byte(line), &row)
			n += row.Requests
		}
		if n >= asked {
			break
		}
	}
	// The first start's ping is on record as well, or was before the store went.
	if n < asked {
		t.Errorf("%d requests in the store, %d were answered\n%s", n, asked, d.text())
	}
}

func TestDiskFull(t *testing.T) {
	dir := tmpfs(t, "size=24m")
	d := serveAt(t, filepath.Join(dir, "data"))
	hog := fill(t, dir)
	// The queue of 16 MiB runs over: 700 requests of 32 KiB.
	big := strings.Repeat("q", 30<<10)
	for i := range 700 {
		if code, _ := d.call("POST", fmt.Sprintf("/containers/full%d/start", i), big); code >= 500 {
			t.Fatalf("request %d: status %d", i, code)
		}
	}
	if err := hog.Truncate(0); err != nil {
		t.Fatal(err)
	}
	after := 0
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		d.call("GET", "/_ping", "")
		after++
		if d.metric("whalefall_journal_queued") == 0 && d.metric("whalefall_gap_lost_total") > 0 && after > 8 {
			break
		}
	}
	time.Sleep(1500 * time.Millisecond) // the sensor's next status
	metric := d.metric("whalefall_gap_lost_total")
	out, _, _ := wf(t, "doctor", "--data", d.data, "--format", "json")
	var dg struct {
		Gaps struct{ Records, Lost uint64 }
	}
	if err := json.Unmarshal([]byte(out), &dg); err != nil {
		t.Fatal(err)
	}
	d.stop()
	// From the record: every number between the first and the last is there, is in
	// a gap's count, or is one that was lost.
	r := journal.NewReader(filepath.Join(d.data, "sensor/journal"), 0)
	defer r.Close()
	var first, last, n, lost, records uint64
	for {
		seq, p, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if first == 0 {
			first = seq
		}
		last = seq
		n++
		e, err := journal.Decode(p)
		if err != nil {
			t.Fatal(err)
		}
		if g, ok := e.Data.(*event.Gap); ok {
			lost += g.Lost
			records++
		}
	}
	missing := last - first + 1 - n
	t.Logf("%d events on record, %d missing, %d in %d gap records; doctor %d, metrics %d", n, missing, lost, records, dg.Gaps.Lost, metric)
	if lost == 0 || lost != missing || dg.Gaps.Lost != lost || metric != lost || dg.Gaps.Records != records {
		t.Error("the counts do not agree")
	}
	out, _, _ = wf(t, "doctor", "--data", d.data, "--format", "json")
	dg.Gaps.Lost = 0
	json.Unmarshal([]byte(out), &dg)
	if dg.Gaps.Lost != lost {
		t.Errorf("doctor at rest counts %d", dg.Gaps.Lost)
	}
}

// inData tells which files below a data directory hold a text.
func inData(t *testing.T, data, text string) []string {
	t.Helper()
	var l []string
	filepath.WalkDir(data, func(p string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // deleted meanwhile, which is asked for
		}
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			rel, _ := filepath.Rel(data, p)
			l = append(l, rel)
		}
		return nil
	})
	return l
}

type artRow struct {
	SHA256 string
	Names  []string
}

func TestPurge(t *testing.T) {
	d := serve(t)
	send := func(ip, mark string) {
		c := d.client(ip)
		id := d.run(c, "echo "+mark+" > /tmp/f; sleep 1")
		req, _ := http.NewRequest("PUT", "http://"+d.addr+"/containers/"+id+"/archive?path=/tmp", bytes.NewReader(tarOf("up-"+mark, strings.Repeat(mark+"\n", 9000))))
		resp, err := c.Do(req)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("upload: %v %v", resp, err)
		}
		resp.Body.Close()
	}
	marks := map[string]string{"127.0.0.31": "kelpone", "127.0.0.32": "kelptwo", "127.0.0.33": "kelpthree"}
	for ip, m := range marks {
		send(ip, m)
	}
	time.Sleep(1200 * time.Millisecond)
	d.stop()
	session := func(ip string) string {
		out, _, _ := wf(t, "session", "ls", "--data", d.data, "--all", "--source", ip, "--format", "json")
		var row struct{ ID string }
		json.Unmarshal([]byte(out), &row)
		return row.ID
	}
	arts := func() (l []artRow) {
		out, _, _ := wf(t, "artifact", "ls", "--data", d.data, "--format", "json")
		for _, s := range strings.Split(strings.TrimSpace(out), "\n") {
			var a artRow
			if json.Unmarshal([]byte(s), &a) == nil && a.SHA256 != "" {
				l = append(l, a)
			}
		}
		return l
	}
	for _, m := range marks {
		if len(inData(t, d.data, m)) < 3 {
			t.Fatalf("%s is only in %v", m, inData(t, d.data, m))
		}
	}
	if _, errOut, code := wf(t, "purge", "--data", d.data, "--source", "127.0.0.31"); code != 0 {
		t.Fatalf("purge --source: %s", errOut)
	}
	if _, errOut, code := wf(t, "purge", "--data", d.data, "--session", session("127.0.0.32")); code != 0 {
		t.Fatalf("purge --session: %s", errOut)
	}
	sha := ""
	for _, a := range arts() {
		f, err := os.ReadFile(artFile(d.data, a.SHA256))
		if err == nil && bytes.Contains(f, []byte("kelpthree")) {
			sha = a.SHA256
		}
	}
	if sha == "" {
		t.Fatal("the third source's upload is no artifact")
	}
	if _, errOut, code := wf(t, "purge", "--data", d.data, "--artifact", sha); code != 0 {
		t.Fatalf("purge --artifact: %s", errOut)
	}
	worlds := 0
	for _, e := range ents(t, filepath.Join(d.data, "sensor/worlds")) {
		if strings.HasSuffix(e, ".world") {
			worlds++
		}
	}
	if worlds != 2 {
		t.Errorf("%d worlds are on disk, want those of the two sources that were not purged", worlds)
	}
	check := func(when string) {
		t.Helper()
		for _, m := range []string{"kelpone", "kelptwo"} {
			if l := inData(t, d.data, m); len(l) > 0 {
				t.Errorf("%s: %s is still in %v", when, m, l)
			}
		}
		if id := session("127.0.0.31"); id != "" {
			t.Errorf("%s: the session of the purged source is back", when)
		}
		if id := session("127.0.0.32"); id != "" {
			t.Errorf("%s: the purged session is back", when)
		}
		if session("127.0.0.33") == "" {
			t.Errorf("%s: the third source's session is gone as well", when)
		}
		for _, a := range arts() {
			if a.SHA256 == sha {
				t.Errorf("%s: the purged artifact is listed", when)
			}
		}
		if artFile(d.data, sha) != "" {
			t.Errorf("%s: the purged artifact's file is there", when)
		}
	}
	check("after the purge")
	if out, errOut, code := wf(t, "store", "rebuild", "--data", d.data); code != 0 {
		t.Fatalf("rebuild: %s%s", out, errOut)
	}
	check("after a rebuild")
	// The tombstones say what went.
	r := journal.NewReader(filepath.Join(d.data, "operator/journal"), 0)
	defer r.Close()
	stones := 0
	for {
		_, p, err := r.Next()
		if err != nil {
			break
		}
		if e, err := journal.Decode(p); err == nil && e.Kind == event.Tombstone {
			if x := e.Data.(*event.Purged); x.Events > 0 {
				stones++
			}
		}
	}
	if stones != 3 {
		t.Errorf("%d tombstones that count events, want 3", stones)
	}
}

func ents(t *testing.T, dir string) (l []string) {
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		l = append(l, e.Name())
	}
	return l
}

// artFile is where an artifact's bytes are, "" if they are nowhere.
func artFile(data, sha string) string {
	found := ""
	filepath.WalkDir(filepath.Join(data, "sensor/artifacts"), func(p string, e os.DirEntry, err error) error {
		if err == nil && strings.Contains(strings.ReplaceAll(p, "/", ""), sha) && e.Type().IsRegular() && !strings.HasSuffix(p, ".json") {
			found = p
		}
		return nil
	})
	return found
}

// traffic is a small file of recorded requests with damage in it.
func traffic(t *testing.T, name string, from int) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for i := range 40 {
		fmt.Fprintf(z, `{"hour":"2026-01-02T03:00:00Z","seq":%d,"port":2375,"source":"198.51.100.%d","method":"POST","url":"/v1.24/containers/create","headers":[["Host","192.0.2.9:2375"]],"body_b64":%q}`+"\n",
			from+i, 1+i%4, base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf(`{"Image":"alpine","Cmd":["echo","%s%d"]}`, name, i))))
	}
	io.WriteString(z, "{not json\n{\"hour\":\"2026-01-02T03:00:00Z\",\"source\":\"nobody\",\"method\":\"GET\"}\n\xff\xfe\x1b[2J\n{\"hour\":\"2026-01-02T03:00:00Z\",\"seq\":1,\"source\":\"198.51.100.9\",\"method\":\"GET\",\"url\":\"/\",\"body_b64\":\"***\"}\n\n")
	z.Close()
	p := filepath.Join(t.TempDir(), name+".jsonl.gz")
	if err := os.WriteFile(p, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

type imported struct {
	Requests, Known, Damaged, Sources int
	Shown                             []string `json:"damaged_lines"`
}

func importFile(t *testing.T, data, path string) (st imported) {
	t.Helper()
	out, errOut, code := wf(t, "import", "--data", data, "--format", "json", path)
	if code != 0 {
		t.Fatalf("import: %s", errOut)
	}
	if err := json.Unmarshal([]byte(out), &st); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return st
}

func TestImportTwiceAddsNothing(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := traffic(t, "kelp", 1)
	st := importFile(t, data, p)
	if st.Requests != 40 || st.Damaged != 4 || st.Known != 0 || st.Sources != 4 || len(st.Shown) != 4 {
		t.Errorf("first: %+v", st)
	}
	before, _, _ := wf(t, "export", "events", "--data", data)
	if st = importFile(t, data, p); st.Requests != 0 || st.Known != 40 || st.Damaged != 4 {
		t.Errorf("second: %+v", st)
	}
	if after, _, _ := wf(t, "export", "events", "--data", data); after != before || strings.Count(after, `"kind":"http.request"`) != 40 {
		t.Errorf("the second import changed the record: %d requests", strings.Count(after, `"kind":"http.request"`))
	}
	out, errOut, _ := wf(t, "import", "--data", data, p)
	if !strings.Contains(out, "4 damaged lines") || !strings.Contains(errOut, "line 41: ") || strings.Contains(out+errOut, "\x1b") {
		t.Errorf("%q %q", out, errOut)
	}
}

// While serve runs, its operator side takes the file in, through the control
// socket alone.
func TestImportWhileServing(t *testing.T) {
	d := serve(t)
	p := traffic(t, "wrack", 1)
	st := importFile(t, d.data, p)
	if st.Requests != 40 || st.Damaged != 4 || st.Sources != 4 || len(st.Shown) != 4 {
		t.Errorf("first: %+v", st)
	}
	// It is in the store when the command is over.
	if out, _, _ := wf(t, "export", "events", "--data", d.data); strings.Count(out, `"kind":"http.request"`) < 40 {
		t.Errorf("%d requests exported", strings.Count(out, `"kind":"http.request"`))
	}
	if st = importFile(t, d.data, p); st.Requests != 0 || st.Known != 40 {
		t.Errorf("second: %+v", st)
	}
	if st = importFile(t, d.data, traffic(t, "dulse", 1000)); st.Requests != 40 {
		t.Errorf("another file: %+v", st)
	}
	resp, err := http.Post("http://"+d.web+"/import?name=x", "application/gzip", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 404 && resp.StatusCode != 405 {
		t.Errorf("the listener without authentication takes files in: %d", resp.StatusCode)
	}
	d.stop()
	if st = importFile(t, d.data, p); st.Known != 40 {
		t.Errorf("after serve: %+v", st)
	}
}

// SIGHUP takes over refuse rules and sinks; a faulty file changes nothing; a
// sensor that is started later has the new rules.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "whalefall.yaml")
	write := func(s string) {
		if err := os.WriteFile(conf, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("latency: none\n")
	d := serve(t, "--config", conf)
	create := func() (int, string) {
		return d.call("POST", "/containers/create", `{"Image":"alpine","Cmd":["id"]}`)
	}
	d.call("POST", "/images/create?fromImage=alpine&tag=latest", "")
	if code, b := create(); code != 201 {
		t.Fatalf("create: %d %s", code, b)
	}
	hup := func(want string) {
		t.Helper()
		n := strings.Count(d.text(), want)
		d.cmd.Process.Signal(syscall.SIGHUP)
		for end := time.Now().Add(5 * time.Second); strings.Count(d.text(), want) == n; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("no %q\n%s", want, d.text())
			}
		}
	}
	sink := filepath.Join(dir, "sink.jsonl")
	write("refuse:\n  - operation: create\n    words: plugin\n    message: not today\nsinks:\n  - type: file\n    path: " + sink + "\n")
	hup("the configuration is taken over")
	if code, b := create(); code != 403 || !strings.Contains(b, "not today") {
		t.Errorf("after the reload: %d %s", code, b)
	}
	write("refuse:\n  - operation: craete\n")
	hup("the configuration is not taken over")
	if code, _ := create(); code != 403 {
		t.Errorf("after a faulty file: %d", code)
	}
	s, _ := d.children()
	syscall.Kill(s, syscall.SIGKILL)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if n, _ := d.children(); n != 0 && n != s {
			break
		}
	}
	if code, _ := create(); code != 403 {
		t.Errorf("a sensor started later: %d", code)
	}
	for end := time.Now().Add(3 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		b, _ := os.ReadFile(sink)
		if strings.Count(string(b), `"kind":"world.refuse"`) >= 3 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the sink has %s", b)
		}
	}
	write("latency: none\n")
	hup("the configuration is taken over")
	// A world that was not saved yet when its process was killed is made anew.
	d.call("POST", "/images/create?fromImage=alpine&tag=latest", "")
	if code, b := create(); code != 201 {
		t.Errorf("without rules again: %d %s", code, b)
	}
}
