package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What a crash in the middle of a write left behind is cut by the confined sensor
// itself, and said so; what was whole stays.
func TestTornTailIsCutByTheConfinedSensor(t *testing.T) {
	d := serve(t)
	get(t, d.client("127.0.0.21"), "http://"+d.addr+"/version?before-the-crash")
	d.stop()
	segs, err := filepath.Glob(filepath.Join(d.data, "sensor/journal/*.wfj"))
	if err != nil || len(segs) == 0 {
		t.Fatal("no segment", err)
	}
	f, err := os.OpenFile(segs[len(segs)-1], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("\xff\x00\x00\x00half a record"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	d.start()
	if v := get(t, d.client("127.0.0.21"), "http://"+d.addr+"/version?after-the-crash"); !strings.Contains(v, "ApiVersion") {
		t.Fatalf("the sensor does not come up: %q\n%s", v, d.text())
	}
	if !strings.Contains(d.text(), "torn tail") {
		t.Errorf("nothing is said of the torn tail: %s", d.text())
	}
	// The operator side takes events in a moment later.
	out := ""
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end) && !strings.Contains(out, "after-the-crash"); time.Sleep(50 * time.Millisecond) {
		out, _, _ = wf(t, "export", "events", "--data", d.data, "--no-redact")
	}
	for _, want := range []string{"before-the-crash", "after-the-crash"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not on record", want)
		}
	}
}
