package world

import (
	"bytes"
	"io"
	"testing"
	"time"
)

func FuzzCronTable(f *testing.F) {
	for _, s := range []string{"* * * * * root echo x\n", "@daily root x\n", "*/5 1-3,7 * jan mon root a%b%c\n", "A=b\n# c\n\n", "60 * * * * root x\n"} {
		f.Add(s)
	}
	users := map[string]bool{"root": true}
	f.Fuzz(func(t *testing.T, s string) {
		for _, j := range parseTable("/etc/crontab", s, "", users) {
			if j.user != "root" || j.cmd == "" {
				t.Errorf("%+v", j)
			}
			j.due(time.Unix(1700000000, 0).UTC())
			splitPercent(j.cmd)
		}
	})
}

func FuzzBind(f *testing.F) {
	for _, s := range []string{"/:/mnt", "a:/b:ro", "/a:/b:z,ro,rslave", ":", "a", "/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		mp, err := parseBind(s, "")
		if err == nil && (mp.Destination == "" || mp.Destination[0] != '/' || mp.Destination == "/") {
			t.Errorf("%q gives %+v", s, mp)
		}
	})
}

func FuzzDetach(f *testing.F) {
	f.Add("ctrl-p,ctrl-q", []byte("abc\x10\x11d"))
	f.Fuzz(func(t *testing.T, keys string, in []byte) {
		k, ok := detachKeys(keys)
		if !ok {
			return
		}
		out, _ := io.ReadAll(&escapeReader{r: bytes.NewReader(in), keys: k})
		if len(out) > len(in) {
			t.Errorf("%d bytes of %d", len(out), len(in))
		}
	})
}

func FuzzDecompress(f *testing.F) {
	for _, s := range []string{"\x1f\x8b", "BZh9", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd", "plain"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := decompress(bytes.NewReader(b)); err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(r, 1<<20))
		}
	})
}
