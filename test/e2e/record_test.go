package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Without any client: what the API answers to bare requests, and that the session,
// the command that ran and its output are read back from the record.
func TestAnswersAndRecords(t *testing.T) {
	d := serve(t)
	want := func(method, path, body string, code int, text string) string {
		t.Helper()
		got, b := d.call(method, path, body)
		if got != code || !strings.Contains(b, text) {
			t.Fatalf("%s %s: %d %.300s\n%s", method, path, got, b, d.text())
		}
		return b
	}
	id := func(b string) string {
		t.Helper()
		var x struct{ ID string }
		if err := json.Unmarshal([]byte(b), &x); err != nil || x.ID == "" {
			t.Fatalf("%v in %s", err, b)
		}
		return x.ID
	}
	want("GET", "/_ping", "", 200, "OK")
	want("GET", "/version", "", 200, `"ApiVersion"`)
	want("POST", "/images/create?fromImage=alpine&tag=latest", "", 200, "alpine")
	c := id(want("POST", "/containers/create", `{"Image":"alpine","Cmd":["sh","-c","echo mark-$((6*7)); cat"],"OpenStdin":true}`, 201, ""))
	want("POST", "/containers/"+c+"/start", "", 204, "")
	for end := time.Now().Add(patience(10 * time.Second)); ; time.Sleep(50 * time.Millisecond) {
		code, b := d.call("GET", "/containers/"+c+"/logs?stdout=1", "")
		if code == 200 && strings.Contains(b, "mark-42\n") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the container's log: %d %q", code, b)
		}
	}
	e := id(want("POST", "/containers/"+c+"/exec", `{"AttachStdout":true,"Cmd":["id","-u"]}`, 201, ""))
	want("POST", "/exec/"+e+"/start", `{}`, 200, "0\n")
	s := d.lastSession(func(s doc) bool { return len(s.Commands) >= 2 })
	ran := ""
	for _, c := range s.Commands {
		ran += strings.Join(c.Argv, " ") + "\n"
	}
	for _, w := range []string{"mark-$((6*7))", "id -u"} {
		if !strings.Contains(ran, w) {
			t.Errorf("%q is not among the commands on record:\n%s", w, ran)
		}
	}
	out, errOut, code := wf(t, "export", "events", "--data", d.data)
	if code != 0 {
		t.Fatalf("export: %s", errOut)
	}
	kinds := map[string]int{}
	for l := range strings.Lines(out) {
		var ev struct{ Kind string }
		if err := json.Unmarshal([]byte(l), &ev); err != nil {
			t.Fatalf("%v in %s", err, l)
		}
		kinds[ev.Kind]++
	}
	if kinds["http.request"] < 8 || kinds["http.request"] != kinds["http.answer"] {
		t.Errorf("events: %v", kinds)
	}
	t.Logf("%d requests and %d answers on record, commands: %q", kinds["http.request"], kinds["http.answer"], ran)
}
