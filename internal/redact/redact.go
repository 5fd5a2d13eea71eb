// Package redact keeps the operator hidden: the sensor's addresses and names
// become tokens in all that leaves by an export, a mail, a cast or a page.
//
// An address hides in many forms: dotted, as one number, in hex, percent-encoded,
// reversed, in base64 of a longer text, in base64 of base64. Literal forms are
// replaced by a table; encoded texts are decoded, redacted and encoded again, so
// that what is left still reads. A text that holds the address in a form that is
// not known here is not promised to be found; docs/redaction.md lists the forms.
package redact

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

const maxDepth = 4

// Redactor replaces a fixed set of names and addresses. It is safe for use by
// many goroutines.
type Redactor struct {
	lits []lit
}

type lit struct{ from, to string }

// New makes a redactor. Addresses become "sensor-N", names "sensor-name-N", in
// the order given. Loopback and unspecified addresses are nobody's secret.
func New(addresses []netip.Addr, names []string) *Redactor {
	r := &Redactor{}
	seen := map[string]bool{}
	put := func(from, to string) {
		if len(from) < 4 || seen[from] {
			return
		}
		seen[from] = true
		r.lits = append(r.lits, lit{from, to})
	}
	n := 0
	for _, a := range addresses {
		a = a.Unmap().WithZone("")
		if !a.IsValid() || a.IsLoopback() || a.IsUnspecified() {
			continue
		}
		n++
		tok := fmt.Sprintf("sensor-%d", n)
		for _, f := range forms(a) {
			put(f, tok)
			put(rev(f), rev(tok))
			put(percent(f), tok)
		}
	}
	n = 0
	for _, name := range names {
		name = strings.TrimSpace(name)
		if len(name) < 4 || name == "localhost" {
			continue
		}
		n++
		tok := fmt.Sprintf("sensor-name-%d", n)
		for _, f := range []string{name, strings.ToUpper(name), strings.ToLower(name)} {
			put(f, tok)
			put(rev(f), rev(tok))
			put(percent(f), tok)
		}
	}
	// Longer forms first: 10.0.0.12 must not be taken for 10.0.0.1.
	sort.SliceStable(r.lits, func(i, j int) bool { return len(r.lits[i].from) > len(r.lits[j].from) })
	return r
}

// forms gives the ways an address is written.
func forms(a netip.Addr) []string {
	out := []string{a.String()}
	if a.Is4() {
		b := a.As4()
		n := binary.BigEndian.Uint32(b[:])
		out = append(out,
			strings.ReplaceAll(a.String(), ".", "-"),
			strings.ReplaceAll(a.String(), ".", "_"),
			strings.ReplaceAll(a.String(), ".", "[.]"),
			strings.ReplaceAll(a.String(), ".", "(.)"),
			strings.ReplaceAll(a.String(), ".", `\.`),
			strconv.FormatUint(uint64(n), 10),
			fmt.Sprintf("0x%08x", n), fmt.Sprintf("0x%08X", n),
			hex.EncodeToString(b[:]), strings.ToUpper(hex.EncodeToString(b[:])),
			fmt.Sprintf("%02X%02X%02X%02X", b[3], b[2], b[1], b[0]), // as /proc/net/tcp has it
			fmt.Sprintf("0%o.0%o.0%o.0%o", b[0], b[1], b[2], b[3]),
			fmt.Sprintf("0x%x.0x%x.0x%x.0x%x", b[0], b[1], b[2], b[3]),
			fmt.Sprintf("%d.%d.%d.%d", b[3], b[2], b[1], b[0]), // as in-addr.arpa has it
			fmt.Sprintf(`\x%02x\x%02x\x%02x\x%02x`, b[0], b[1], b[2], b[3]),
			fmt.Sprintf(`\x%02X\x%02X\x%02X\x%02X`, b[0], b[1], b[2], b[3]),
			fmt.Sprintf("0X%08X", n),
			fmt.Sprintf("%04o.%04o.%04o.%04o", b[0], b[1], b[2], b[3]),
			hex.EncodeToString([]byte(a.String())),
		)
		return out
	}
	b := a.As16()
	h := hex.EncodeToString(b[:])
	out = append(out, a.StringExpanded(), strings.ToUpper(a.String()), strings.ToUpper(a.StringExpanded()), h, strings.ToUpper(h))
	var nib []string
	for i := len(h) - 1; i >= 0; i-- {
		nib = append(nib, h[i:i+1])
	}
	return append(out, strings.Join(nib, "."))
}

func rev(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

func percent(s string) string {
	return strings.NewReplacer(".", "%2E", ":", "%3A", "-", "%2D").Replace(s)
}

var (
	reB64 = regexp.MustCompile(`={0,2}[A-Za-z0-9+/_-]{8,}={0,2}`)
	// A word of a URL with percent-encoded bytes in it.
	rePct = regexp.MustCompile(`[A-Za-z0-9._~+()\[\]:*!$,;@-]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9._~+()\[\]:*!$,;@-]*)+`)
	reHex = regexp.MustCompile(`(?:[0-9a-fA-F]{2}){7,}`)
)

// String redacts a text and the texts encoded in it.
func (r *Redactor) String(s string) string {
	if r == nil || len(r.lits) == 0 {
		return s
	}
	return r.str(s, 0)
}

func (r *Redactor) str(s string, depth int) string {
	s = r.literal(s)
	if depth >= maxDepth {
		return s
	}
	if strings.IndexByte(s, '%') >= 0 {
		s = rePct.ReplaceAllStringFunc(s, func(m string) string {
			d, err := url.QueryUnescape(m)
			if err != nil || d == m {
				return m
			}
			if t := r.str(d, depth+1); t != d {
				return url.QueryEscape(t)
			}
			return m
		})
	}
	s = reB64.ReplaceAllStringFunc(s, func(m string) string {
		// A word may stand backwards, its padding in front.
		if t := rev(m); m[len(m)-1] != '=' {
			if u := r.base64(strings.TrimLeft(t, "="), depth); u != strings.TrimLeft(t, "=") {
				return rev(u)
			}
		}
		lead := len(m) - len(strings.TrimLeft(m, "="))
		return m[:lead] + r.base64(m[lead:], depth)
	})
	return reHex.ReplaceAllStringFunc(s, func(m string) string {
		b, err := hex.DecodeString(m)
		if err != nil || !printable(b) {
			return m
		}
		t := r.str(string(b), depth+1)
		if t == string(b) {
			return m
		}
		return hex.EncodeToString([]byte(t))
	})
}

// digit tells whether a literal that begins or ends with a digit would be cut out
// of a longer number.
func boundary(s string, at, end int, from string) bool {
	d := func(c byte) bool { return c >= '0' && c <= '9' }
	if d(from[0]) && at > 0 && d(s[at-1]) {
		return false
	}
	if d(from[len(from)-1]) && end < len(s) && d(s[end]) {
		return false
	}
	return true
}

func (r *Redactor) literal(s string) string {
	for _, l := range r.lits {
		if !strings.Contains(s, l.from) {
			continue
		}
		var b strings.Builder
		for {
			i := strings.Index(s, l.from)
			if i < 0 {
				b.WriteString(s)
				break
			}
			end := i + len(l.from)
			if boundary(s, i, end, l.from) {
				b.WriteString(s[:i])
				b.WriteString(l.to)
				s = s[end:]
				continue
			}
			b.WriteString(s[:i+1])
			s = s[i+1:]
		}
		s = b.String()
	}
	return s
}

func printable(b []byte) bool {
	if len(b) == 0 || !utf8.Valid(b) {
		return false
	}
	odd := 0
	for _, c := range b {
		if c < 0x20 && c != '\n' && c != '\t' && c != '\r' {
			odd++
		}
	}
	return odd*10 <= len(b)
}

func (r *Redactor) base64(m string, depth int) string {
	body := strings.TrimRight(m, "=")
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		// The encoded text may begin inside a longer word; each of the four
		// alignments of the alphabet is tried.
		for off := range 4 {
			if len(body)-off < 8 {
				break
			}
			in := body[off:]
			if n := len(in) % 4; n == 1 {
				in = in[:len(in)-1]
			}
			b, err := e.DecodeString(in)
			if err != nil {
				continue
			}
			if off > 0 && !printable(b) && !r.has(string(b)) {
				continue
			}
			if off == 0 && !printable(b) && !r.has(string(b)) {
				continue
			}
			t := r.str(string(b), depth+1)
			if t == string(b) {
				continue
			}
			out := body[:off] + e.EncodeToString([]byte(t)) + body[off+len(in):]
			if strings.HasSuffix(m, "=") {
				for len(out)%4 != 0 {
					out += "="
				}
			}
			return out
		}
	}
	return m
}

func (r *Redactor) has(s string) bool {
	for _, l := range r.lits {
		if strings.Contains(s, l.from) {
			return true
		}
	}
	return false
}

// JSON redacts every string of a JSON value, keys included; encoded []byte
// fields are strings there, and come out as base64 of the redacted bytes.
func (r *Redactor) JSON(raw []byte) ([]byte, error) {
	if r == nil || len(r.lits) == 0 {
		return raw, nil
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	return json.Marshal(r.value(v))
}

func (r *Redactor) value(v any) any {
	switch x := v.(type) {
	case string:
		return r.String(x)
	case []any:
		for i := range x {
			x[i] = r.value(x[i])
		}
	case map[string]any:
		for k, y := range x {
			k2 := r.String(k)
			if k2 != k {
				delete(x, k)
			}
			x[k2] = r.value(y)
		}
	}
	return v
}
