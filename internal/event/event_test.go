package event

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"
)

func TestAppendRoundTrip(t *testing.T) {
	for _, ent := range Catalogue {
		e := &Event{Seq: 7, Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Kind: ent.Kind, Sensor: "s", Source: netip.MustParseAddr("192.0.2.1"),
			Port: 9, Local: netip.MustParseAddrPort("127.0.0.1:2375"), Conn: "c1", Req: 3, World: "w", Persona: "p", Data: ent.New()}
		fill(reflect.ValueOf(e.Data).Elem())
		b, err := Append(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		var got Event
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: %v in %s", ent.Kind, err, b)
		}
		if !reflect.DeepEqual(&got, e) {
			t.Errorf("%s: got %+v want %+v", ent.Kind, got.Data, e.Data)
		}
	}
}

// fill sets every field to something that is not zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.String:
		v.SetString("a\"\\\n\x01é\u2028")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(42)
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(42)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte{0, 1, 255})
			return
		}
		s := reflect.MakeSlice(v.Type(), 1, 1)
		fill(s.Index(0))
		v.Set(s)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		m.SetMapIndex(reflect.ValueOf("k"), reflect.ValueOf("v"))
		v.Set(m)
	}
}

// No attacker field can overwrite identity: whatever stands in Data, the
// envelope reads back as it was written.
func TestIdentityCannotBeOverwritten(t *testing.T) {
	e := &Event{Seq: 1, Time: time.Unix(1, 0).UTC(), Kind: HTTPRequest, Sensor: "mine", Source: netip.MustParseAddr("192.0.2.1"), Conn: "c1",
		Data: &Request{Method: "GET", URL: `/","sensor":"theirs","source":"203.0.113.9`, Proto: "HTTP/1.1", Headers: []Header{{`source":"203.0.113.9`, "\xff\x00"}}}}
	b, _ := Append(nil, e)
	var got Event
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.Sensor != "mine" || got.Source != e.Source || got.Conn != "c1" {
		t.Fatalf("identity changed: %+v", got)
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add("a\x00\xff\"")
	f.Fuzz(func(t *testing.T, s string) {
		b := appendString(nil, s)
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		if utf8.ValidString(s) && got != s {
			t.Fatalf("%q became %q", s, got)
		}
		for _, c := range b {
			if c < 0x20 || c == 0x7f {
				t.Fatalf("a control byte in %q", b)
			}
		}
	})
}
