package program

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strconv"
	"strings"
)

// crypt64 is the alphabet of crypt(3), which packs bits from the low end.
const crypt64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func packCrypt(b *strings.Builder, n int, hi, mid, lo byte) {
	v := uint32(hi)<<16 | uint32(mid)<<8 | uint32(lo)
	for ; n > 0; n-- {
		b.WriteByte(crypt64[v&63])
		v >>= 6
	}
}

// maxCrypt bounds a password: the work grows with its square.
const maxCrypt = 256

// md5Crypt is the $1$ (or Apache's $apr1$) hash of a password.
func md5Crypt(magic, pw, salt string) string {
	pw = pw[:min(len(pw), maxCrypt)]
	salt = salt[:min(len(salt), 8)]
	in := md5.Sum([]byte(pw + salt + pw))
	h := md5.New()
	h.Write([]byte(pw + "$" + magic + "$" + salt))
	for n := len(pw); n > 0; n -= 16 {
		h.Write(in[:min(n, 16)])
	}
	for n := len(pw); n > 0; n >>= 1 {
		if n&1 != 0 {
			h.Write([]byte{0})
		} else {
			h.Write([]byte(pw[:1]))
		}
	}
	d := h.Sum(nil)
	for i := range 1000 {
		h.Reset()
		if i&1 != 0 {
			h.Write([]byte(pw))
		} else {
			h.Write(d)
		}
		if i%3 != 0 {
			h.Write([]byte(salt))
		}
		if i%7 != 0 {
			h.Write([]byte(pw))
		}
		if i&1 != 0 {
			h.Write(d)
		} else {
			h.Write([]byte(pw))
		}
		d = h.Sum(d[:0])
	}
	var b strings.Builder
	for i := range 5 {
		last := i + 12
		if i == 4 {
			last = 5
		}
		packCrypt(&b, 4, d[i], d[i+6], d[last])
	}
	packCrypt(&b, 2, 0, 0, d[11])
	return "$" + magic + "$" + salt + "$" + b.String()
}

// shaCrypt is the $5$ or $6$ hash of a password, by Drepper's specification. The
// salt may begin with "rounds=N$"; rounds beyond a bound are not done.
func shaCrypt(kind, pw, salt string) string {
	mk, size := sha512.New, 64
	if kind == "5" {
		mk, size = sha256.New, 32
	}
	pw = pw[:min(len(pw), maxCrypt)]
	rounds, shown := 5000, ""
	if r, ok := strings.CutPrefix(salt, "rounds="); ok {
		if n, rest, ok := strings.Cut(r, "$"); ok {
			if v, err := strconv.Atoi(n); err == nil {
				rounds, salt = min(100000, max(1000, v)), rest
				shown = "rounds=" + strconv.Itoa(rounds) + "$"
			}
		}
	}
	salt, _, _ = strings.Cut(salt, "$")
	salt = salt[:min(len(salt), 16)]
	fill := func(h hash.Hash, d []byte, n int) {
		for ; n > 0; n -= size {
			h.Write(d[:min(n, size)])
		}
	}
	h := mk()
	h.Write([]byte(pw + salt + pw))
	alt := h.Sum(nil)
	h.Reset()
	h.Write([]byte(pw + salt))
	fill(h, alt, len(pw))
	for n := len(pw); n > 0; n >>= 1 {
		if n&1 != 0 {
			h.Write(alt)
		} else {
			h.Write([]byte(pw))
		}
	}
	d := h.Sum(nil)
	h.Reset()
	for range len(pw) {
		h.Write([]byte(pw))
	}
	p := h.Sum(nil)
	h.Reset()
	for range 16 + int(d[0]) {
		h.Write([]byte(salt))
	}
	s := h.Sum(nil)
	for i := range rounds {
		h.Reset()
		if i&1 != 0 {
			fill(h, p, len(pw))
		} else {
			h.Write(d)
		}
		if i%3 != 0 {
			fill(h, s, len(salt))
		}
		if i%7 != 0 {
			fill(h, p, len(pw))
		}
		if i&1 != 0 {
			h.Write(d)
		} else {
			fill(h, p, len(pw))
		}
		d = h.Sum(d[:0])
	}
	var b strings.Builder
	// The digest's thirds are woven, each triple turned by one against the last.
	if kind == "5" {
		i, j, k := 0, 10, 20
		for range 10 {
			packCrypt(&b, 4, d[i], d[j], d[k])
			i, j, k = k+1, i+1, j+1
		}
		packCrypt(&b, 3, 0, d[31], d[30])
	} else {
		i, j, k := 0, 21, 42
		for range 21 {
			packCrypt(&b, 4, d[i], d[j], d[k])
			i, j, k = j+1, k+1, i+1
		}
		packCrypt(&b, 2, 0, 0, d[63])
	}
	return "$" + kind + "$" + shown + salt + "$" + b.String()
}

// salt makes n random characters of crypt's alphabet.
func (p *P) salt(n int) string {
	b := make([]byte, n)
	p.t.Random(b)
	for i := range b {
		b[i] = crypt64[b[i]&63]
	}
	return string(b)
}

// opensslPasswd is openssl-passwd(1): the hashes are what the original prints for
// the same salt.
func opensslPasswd(p *P, args []string) int {
	kind, salt := "1", ""
	var pws []string
	stdin := false
	for i := 0; i < len(args); i++ {
		switch a := strings.Replace(args[i], "--", "-", 1); {
		case a == "-1" || a == "-5" || a == "-6" || a == "-apr1":
			kind = a[1:]
		case a == "-salt" && i+1 < len(args):
			i++
			salt = args[i]
		case a == "-in" && i+1 < len(args):
			i++
			b, err := p.t.ReadFile(args[i])
			if err != nil {
				p.raw("Can't open \"%s\" for reading, %s\n", args[i], text(err))
				return 1
			}
			pws = append(pws, strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")...)
		case a == "-stdin":
			stdin = true
		case a == "-noverify" || a == "-quiet" || a == "-table" || a == "-reverse":
		case a == "-crypt":
			p.unknown("option", "openssl passwd -crypt")
		case strings.HasPrefix(a, "-"):
			p.raw("passwd: Unknown option or cipher: %s\npasswd: Use -help for summary.\n", strings.TrimLeft(a, "-"))
			return 1
		default:
			pws = append(pws, args[i])
		}
	}
	if stdin {
		pws = append(pws, p.lines(p.in)...)
	} else if len(pws) == 0 {
		p.raw("Password: ")
		l, _, _ := p.readLine(p.in)
		pws = []string{l}
	}
	for _, pw := range pws {
		p.t.Tick(5000)
		s := salt
		switch kind {
		case "1", "apr1":
			if s == "" {
				s = p.salt(8)
			}
			p.puts(md5Crypt(kind, pw, s) + "\n")
		default:
			if s == "" {
				s = p.salt(16)
			}
			p.puts(shaCrypt(kind, pw, s) + "\n")
		}
	}
	return 0
}
