package listen

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/whalefall/whalefall/internal/event"
)

// ErrHello says that bytes hold no whole ClientHello.
var ErrHello = errors.New("no ClientHello")

// reader walks over bytes that may end anywhere.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return nil
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) num(n int) int {
	v := 0
	for _, x := range r.take(n) {
		v = v<<8 | int(x)
	}
	return v
}

func (r *reader) vec(n int) reader { return reader{b: r.take(r.num(n)), bad: r.bad} }

// grease tells the values of RFC 8701, which both fingerprints leave out.
func grease(v int) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

// ParseHello reads a ClientHello from the first records of a TLS connection and
// computes JA3 and JA4 (without the patented or licensed members of that family).
func ParseHello(b []byte) (event.TLSHello, error) {
	var out event.TLSHello
	var msg []byte
	// The message may be spread over records.
	for rec := (reader{b: b}); ; {
		if typ := rec.num(1); rec.bad || typ != 22 {
			return out, ErrHello
		}
		rec.num(2)
		frag := rec.take(rec.num(2))
		if rec.bad || len(frag) == 0 {
			return out, ErrHello
		}
		msg = append(msg, frag...)
		if len(msg) >= 4 && len(msg)-4 >= int(msg[1])<<16|int(msg[2])<<8|int(msg[3]) {
			break
		}
	}
	if msg[0] != 1 {
		return out, ErrHello
	}
	m := reader{b: msg[4:]}
	version := m.num(2)
	m.take(32)
	m.vec(1)
	var ciphers, exts, curves, points, sigs, versions []int
	for cs := m.vec(2); len(cs.b) > 0 && !cs.bad; {
		ciphers = append(ciphers, cs.num(2))
	}
	m.vec(1)
	if m.bad {
		return out, ErrHello
	}
	for es := m.vec(2); len(es.b) > 0 && !es.bad; {
		typ := es.num(2)
		e := es.vec(2)
		if es.bad {
			return out, ErrHello
		}
		exts = append(exts, typ)
		switch typ {
		case 0:
			l := e.vec(2)
			if l.num(1) == 0 {
				n := l.vec(2)
				out.ServerName = string(n.b)
			}
		case 10:
			for l := e.vec(2); len(l.b) > 1; {
				curves = append(curves, l.num(2))
			}
		case 11:
			for _, p := range e.vec(1).b {
				points = append(points, int(p))
			}
		case 13:
			for l := e.vec(2); len(l.b) > 1; {
				sigs = append(sigs, l.num(2))
			}
		case 16:
			for l := e.vec(2); len(l.b) > 0 && !l.bad && len(out.ALPN) < 32; {
				p := l.vec(1)
				out.ALPN = append(out.ALPN, string(p.b))
			}
		case 43:
			for l := e.vec(1); len(l.b) > 1; {
				versions = append(versions, l.num(2))
			}
		}
	}
	join := func(v []int, sep string, f func(int) string) string {
		var s []string
		for _, x := range v {
			if !grease(x) {
				s = append(s, f(x))
			}
		}
		return strings.Join(s, sep)
	}
	out.JA3String = strings.Join([]string{strconv.Itoa(version), join(ciphers, "-", strconv.Itoa), join(exts, "-", strconv.Itoa), join(curves, "-", strconv.Itoa), join(points, "-", strconv.Itoa)}, ",")
	sum := md5.Sum([]byte(out.JA3String))
	out.JA3 = hex.EncodeToString(sum[:])
	out.JA4 = ja4(version, ciphers, exts, sigs, versions, out.ServerName != "" || has(exts, 0), out.ALPN)
	return out, nil
}

func has(v []int, x int) bool {
	for _, y := range v {
		if y == x {
			return true
		}
	}
	return false
}

func ja4(version int, ciphers, exts, sigs, versions []int, sni bool, alpn []string) string {
	v := version
	for i, x := range versions {
		if !grease(x) && (x > v || i == 0) {
			v = x
		}
	}
	name, ok := map[int]string{0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}[v]
	if !ok {
		name = "00"
	}
	d := "i"
	if sni {
		d = "d"
	}
	plain := func(v []int) []string {
		var s []string
		for _, x := range v {
			if !grease(x) {
				s = append(s, fmt.Sprintf("%04x", x))
			}
		}
		return s
	}
	cs, es := plain(ciphers), plain(exts)
	a := "00"
	if len(alpn) > 0 && alpn[0] != "" {
		f, l := alpn[0][0], alpn[0][len(alpn[0])-1]
		if alnum(f) && alnum(l) {
			a = string([]byte{f, l})
		} else {
			a = hex.EncodeToString([]byte{f})[:1] + hex.EncodeToString([]byte{l})[1:]
		}
	}
	head := fmt.Sprintf("t%s%s%02d%02d%s", name, d, min(len(cs), 99), min(len(es), 99), a)
	sort.Strings(cs)
	var rest []string
	for _, e := range es {
		if e != "0000" && e != "0010" {
			rest = append(rest, e)
		}
	}
	sort.Strings(rest)
	tail := strings.Join(rest, ",")
	if s := plain(sigs); len(s) > 0 {
		tail += "_" + strings.Join(s, ",")
	}
	return head + "_" + hash12(strings.Join(cs, ","), len(cs)) + "_" + hash12(tail, len(rest))
}

func hash12(s string, n int) string {
	if n == 0 {
		return "000000000000"
	}
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])[:12]
}

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
