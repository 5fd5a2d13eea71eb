package analyze

import (
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Bounds of the unwrapping: an attacker chooses its input.
const (
	maxDepth    = 8
	maxLayer    = 1 << 20 // bytes of one decoded layer
	maxLayers   = 400     // layers of one text
	minEncoded  = 12
	maxPerLayer = 64 // encoded pieces followed in one layer
)

// Layer is a text found inside another, with the path that led to it, as
// "plain>base64>gzip".
type Layer struct {
	Path string
	Text string
}

// Unwrap gives s itself and every text that is hidden in it by encodings that a
// shell line would undo: base64, gzip and its kin, hex and octal escapes, URL
// encoding, reversed text, quotes and backslashes that split a word.
func Unwrap(s string) []Layer {
	u := unwrapper{seen: map[string]bool{}}
	u.add("plain", s, 0)
	return u.out
}

type unwrapper struct {
	seen map[string]bool
	out  []Layer
}

func (u *unwrapper) add(path, s string, depth int) {
	if len(u.out) >= maxLayers || depth > maxDepth || len(s) > maxLayer || strings.TrimSpace(s) == "" || u.seen[s] {
		return
	}
	u.seen[s] = true
	u.out = append(u.out, Layer{path, s})
	if depth == maxDepth {
		return
	}
	next := func(kind, t string) { u.add(path+">"+kind, t, depth+1) }
	rev := reRev.MatchString(s)
	n := 0
	for _, m := range reB64.FindAllString(s, -1) {
		if n++; n > maxPerLayer {
			break
		}
		u.bytes(path, "base64", m, depth, decodeB64)
		if rev {
			u.bytes(path, "rev>base64", reverse(m), depth, decodeB64)
		}
	}
	n = 0
	for _, m := range reHex.FindAllString(s, -1) {
		if n++; n > maxPerLayer {
			break
		}
		u.bytes(path, "hex", m, depth, func(s string) []byte { b, _ := hex.DecodeString(s[:len(s)&^1]); return b })
	}
	if rev {
		for _, m := range reQuoted.FindAllString(s, maxPerLayer) {
			next("rev", reverse(strings.Trim(m, `'"`)))
		}
	}
	if reEsc.MatchString(s) {
		if t := unescape(s); t != s {
			next("escapes", t)
		}
	}
	if rePct.MatchString(s) {
		if t, err := url.QueryUnescape(strings.ReplaceAll(s, "+", "%2B")); err == nil && t != s && utf8.ValidString(t) {
			next("url", t)
		}
	}
	if t := joinWords(s); t != s {
		next("quotes", t)
	}
	if t := assign(s); t != s {
		next("variables", t)
	}
}

// bytes follows an encoded piece: what it decodes to is a text, or compressed.
func (u *unwrapper) bytes(path, kind, piece string, depth int, dec func(string) []byte) {
	if len(piece) < minEncoded {
		return
	}
	b := dec(piece)
	if len(b) < 4 {
		return
	}
	p := path + ">" + kind
	for range 4 {
		name, d := decompress(b)
		if name == "" {
			break
		}
		p, b = p+">"+name, d
	}
	if t, ok := text(b); ok {
		u.add(p, t, depth+1)
	}
}

// text tells whether b reads as text.
func text(b []byte) (string, bool) {
	if len(b) == 0 || !utf8.Valid(b) {
		return "", false
	}
	odd := 0
	for _, c := range b {
		if c < 0x20 && c != '\n' && c != '\t' && c != '\r' && c != 0x1b || c == 0x7f {
			odd++
		}
	}
	return string(b), odd*20 <= len(b)
}

func decodeB64(s string) []byte {
	s = strings.Map(func(r rune) rune {
		switch r {
		case '-':
			return '+'
		case '_':
			return '/'
		case '\n', '\r', ' ', '=':
			return -1
		}
		return r
	}, s)
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		b, err = base64.RawStdEncoding.DecodeString(s[:len(s)/4*4])
		if err != nil {
			return nil
		}
	}
	return b
}

func decompress(b []byte) (string, []byte) {
	var r io.Reader
	var err error
	var name string
	switch {
	case bytes.HasPrefix(b, []byte{0x1f, 0x8b}):
		name = "gzip"
		r, err = gzip.NewReader(bytes.NewReader(b))
	case bytes.HasPrefix(b, []byte("BZh")):
		name, r = "bzip2", bzip2.NewReader(bytes.NewReader(b))
	case bytes.HasPrefix(b, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		name = "xz"
		r, err = xz.NewReader(bytes.NewReader(b))
	case bytes.HasPrefix(b, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		name = "zstd"
		var d *zstd.Decoder
		d, err = zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderMaxMemory(8<<20), zstd.WithDecoderConcurrency(1))
		if err == nil {
			defer d.Close()
			r = d
		}
	case len(b) > 2 && b[0] == 0x78 && (uint(b[0])<<8|uint(b[1]))%31 == 0:
		name = "zlib"
		r, err = zlib.NewReader(bytes.NewReader(b))
		if err != nil {
			r, err = flate.NewReader(bytes.NewReader(b[2:])), nil
		}
	default:
		return "", nil
	}
	if err != nil {
		return "", nil
	}
	// A stream that is cut off still shows its beginning.
	out, _ := io.ReadAll(io.LimitReader(r, maxLayer))
	if len(out) == 0 {
		return "", nil
	}
	return name, out
}

var (
	reB64    = regexp.MustCompile(`[A-Za-z0-9+/_-]{12,}(?:\r?\n[A-Za-z0-9+/]{4,})*={0,2}`)
	reHex    = regexp.MustCompile(`\b(?:[0-9a-fA-F]{2}){8,}\b`)
	reEsc    = regexp.MustCompile(`\\x[0-9a-fA-F]{2}|\\[0-3][0-7]{2}|\\u[0-9a-fA-F]{4}`)
	rePct    = regexp.MustCompile(`%[0-9a-fA-F]{2}`)
	reRev    = regexp.MustCompile(`(?:\||\$\(|\x60|^|;|&)\s*rev\b|\[::-1\]`)
	reQuoted = regexp.MustCompile(`'[^']{8,}'|"[^"]{8,}"|[^\s'"|;&]{8,}`)
)

func reverse(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

// unescape undoes \xNN, \NNN and \uNNNN.
func unescape(s string) string {
	return reEsc.ReplaceAllStringFunc(s, func(m string) string {
		var n uint64
		var err error
		switch m[1] {
		case 'x', 'u':
			n, err = strconv.ParseUint(m[2:], 16, 32)
		default:
			n, err = strconv.ParseUint(m[1:], 8, 32)
		}
		if err != nil {
			return m
		}
		if m[1] == 'u' {
			return string(rune(n))
		}
		return string([]byte{byte(n)})
	})
}

var reSplit = regexp.MustCompile(`([A-Za-z0-9./:-])(?:\\+|''|"")([A-Za-z0-9./:-])`)

// joinWords removes backslashes and empty quotes that split a word without
// changing what a shell makes of it: ki\s\s.a-d\og becomes kiss.a-dog.
func joinWords(s string) string {
	for range 8 {
		t := reSplit.ReplaceAllStringFunc(s, func(m string) string {
			// Known escapes of a text are no splitting.
			if i := strings.IndexByte(m, '\\'); i > 0 && strings.Count(m, `\`) == 1 && strings.ContainsRune("nrtx0u", rune(m[len(m)-1])) && !strings.Contains(s, "://") {
				return m
			}
			return m[:1] + m[len(m)-1:]
		})
		if t == s {
			return s
		}
		s = t
	}
	return s
}

var (
	reAssign = regexp.MustCompile(`(?m)(?:^|[\s;&|(])([A-Za-z_][A-Za-z0-9_]{0,40})=("[^"$\x60]*"|'[^']*'|[^\s;&|"'$\x60()]+)`)
	reVar    = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]{0,40})\}|\$([A-Za-z_][A-Za-z0-9_]{0,40})`)
)

// assign puts the values of simple assignments in the places that use them.
func assign(s string) string {
	vals := map[string]string{}
	for _, m := range reAssign.FindAllStringSubmatch(s, 200) {
		if _, ok := vals[m[1]]; !ok {
			vals[m[1]] = strings.Trim(m[2], `"'`)
		}
	}
	if len(vals) == 0 {
		return s
	}
	for range 3 {
		t := reVar.ReplaceAllStringFunc(s, func(m string) string {
			if v, ok := vals[strings.Trim(m, "${}")]; ok {
				return v
			}
			return m
		})
		if t == s || len(t) > maxLayer {
			break
		}
		s = t
	}
	return s
}
