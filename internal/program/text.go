package program

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// oldStyle turns -5 into -n 5.
func oldStyle(args []string) []string {
	out := append([]string(nil), args...)
	for i, a := range out {
		if a == "--" {
			break
		}
		if i > 0 && (out[i-1] == "-n" || out[i-1] == "-c" || out[i-1] == "-w" || out[i-1] == "--lines" || out[i-1] == "--bytes") {
			continue
		}
		if len(a) > 1 && (a[0] == '-' || a[0] == '+' && i == 0) && a[1] >= '0' && a[1] <= '9' {
			if a[0] == '+' {
				out[i] = "-n" + a
			} else {
				out[i] = "-n" + a[1:]
			}
		}
	}
	return out
}

func cmdHead(p *P) int {
	opts, args, ok := p.getoptArgs(oldStyle(p.args), 1, "n:c:qvz", "lines:=n", "bytes:=c", "quiet=q", "verbose=v")
	if !ok {
		return p.status
	}
	n, bytesMode := int64(10), false
	quiet, verbose := false, false
	for _, o := range opts {
		switch o.c {
		case "n", "c":
			s := o.arg
			neg := strings.HasPrefix(s, "-")
			v, good := sizeArg(strings.TrimPrefix(s, "-"))
			if !good {
				return p.badCount(o.c, s)
			}
			if n = v; neg {
				n = -v - 1
			}
			bytesMode = o.c == "c"
		case "q":
			quiet = true
		case "v":
			verbose = true
		}
	}
	first := true
	p.files(args, func(name string, r *bufio.Reader) bool {
		if (len(args) > 1 || verbose) && !quiet {
			if !first {
				p.puts("\n")
			}
			if name == "-" {
				name = "standard input"
			}
			p.printf("==> %s <==\n", name)
		}
		first = false
		if n < 0 {
			b := p.readAll(r)
			if bytesMode {
				p.out.Write(b[:max(0, int64(len(b))+n+1)])
				return true
			}
			ls := bytes.SplitAfter(b, []byte("\n"))
			if len(ls) > 0 && len(ls[len(ls)-1]) == 0 {
				ls = ls[:len(ls)-1]
			}
			for i := 0; i < len(ls)+int(n)+1; i++ {
				p.out.Write(ls[i])
			}
			return true
		}
		if bytesMode {
			buf := make([]byte, 32<<10)
			left := n
			for left > 0 {
				m, err := r.Read(buf[:min(left, int64(len(buf)))])
				p.out.Write(buf[:m])
				p.t.Tick(int64(m >> 8))
				left -= int64(m)
				if err != nil {
					break
				}
			}
			return true
		}
		for i := int64(0); i < n; i++ {
			l, nl, more := p.readLine(r)
			if !more {
				break
			}
			p.puts(l)
			if nl {
				p.puts("\n")
			}
		}
		return true
	})
	return p.status
}

func cmdTail(p *P) int {
	opts, args, ok := p.getoptArgs(oldStyle(p.args), 1, "n:c:fFqvs:z", "lines:=n", "bytes:=c", "follow?=f", "quiet=q", "verbose=v", "retry=retry", "pid:=pid", "sleep-interval:=s")
	if !ok {
		return p.status
	}
	f := set(opts)
	n, from, bytesMode := int64(10), false, false
	for _, o := range opts {
		if o.c == "n" || o.c == "c" {
			s := o.arg
			from = strings.HasPrefix(s, "+")
			v, good := sizeArg(strings.TrimLeft(s, "+-"))
			if !good {
				return p.badCount(o.c, s)
			}
			n, bytesMode = v, o.c == "c"
		}
	}
	follow := f.has("f") || f.has("F")
	first := true
	p.files(args, func(name string, r *bufio.Reader) bool {
		if len(args) > 1 && !f.has("q") || f.has("v") {
			if !first {
				p.puts("\n")
			}
			p.printf("==> %s <==\n", name)
		}
		first = false
		if name != "-" && follow {
			if st, err := p.t.Stat(name); err == nil && !st.Mode.IsRegular() {
				return true // /dev/null: nothing ever comes
			}
		}
		switch {
		case bytesMode && from:
			_, _ = r.Discard(int(max(0, n-1))) // a shorter file gives nothing
			_, _ = io.Copy(p.out, readerOnly{r})
		case bytesMode:
			b := p.readAll(r)
			p.out.Write(b[max(0, int64(len(b))-n):])
		case from:
			for i := int64(1); ; i++ {
				l, nl, more := p.readLine(r)
				if !more {
					break
				}
				if i >= n {
					p.puts(l)
					if nl {
						p.puts("\n")
					}
				}
			}
		default:
			type line struct {
				s  string
				nl bool
			}
			var ring []line
			for {
				l, nl, more := p.readLine(r)
				if !more {
					break
				}
				ring = append(ring, line{l, nl})
				if int64(len(ring)) > 2*n+1000 {
					ring = append([]line(nil), ring[int64(len(ring))-n:]...)
				}
			}
			for _, l := range ring[max(0, int64(len(ring))-n):] {
				p.puts(l.s)
				if l.nl {
					p.puts("\n")
				}
			}
		}
		return true
	})
	if !follow {
		return p.status
	}
	p.out.Flush()
	// Follow: what is appended later is shown. Nothing to follow: it stays.
	pos := map[string]int64{}
	var names []string
	for _, a := range args {
		if st, err := p.t.Stat(a); err == nil {
			pos[a] = st.Size
			names = append(names, a)
		} else if f.has("F") || f.has("retry") {
			names = append(names, a)
		}
	}
	if len(names) == 0 && len(args) > 0 {
		p.errf("no files remaining")
		return 1
	}
	for {
		p.t.Sleep(time.Second)
		for _, a := range names {
			st, err := p.t.Stat(a)
			if err != nil || !st.Mode.IsRegular() {
				continue
			}
			if st.Size < pos[a] {
				pos[a] = 0
			}
			if st.Size > pos[a] {
				fd, err := p.open(a)
				if err != nil {
					continue
				}
				b := make([]byte, min(st.Size-pos[a], 1<<20))
				m, _ := p.t.Pread(fd, b, pos[a])
				p.t.Close(fd)
				pos[a] += int64(m)
				p.out.Write(b[:m])
				p.out.Flush()
			}
		}
		if len(names) > 0 {
			any := false
			for _, a := range names {
				if st, err := p.t.Stat(a); err == nil && st.Mode.IsRegular() {
					any = true
				}
			}
			if !any {
				p.t.Sleep(time.Hour) // a device such as /dev/null is only waited for
			}
		} else {
			p.t.Sleep(time.Hour)
		}
	}
}

func cmdWc(p *P) int {
	opts, args, ok := p.getopt("lwcmL", "lines=l", "words=w", "bytes=c", "chars=m", "max-line-length=L")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(f) == 0 {
		f["l"], f["w"], f["c"] = "", "", ""
	}
	type row struct {
		n    [5]int64
		name string
	}
	var rows []row
	var total row
	total.name = "total"
	p.files(args, func(name string, r *bufio.Reader) bool {
		var c row
		c.name = name
		if len(args) == 0 {
			c.name = ""
		}
		buf := make([]byte, 32<<10)
		in := false
		var cur int64
		for {
			m, err := r.Read(buf)
			p.t.Tick(int64(m >> 7))
			for _, b := range buf[:m] {
				c.n[2]++
				if b&0xc0 != 0x80 {
					c.n[3]++
					cur++
				}
				if b == '\n' {
					c.n[0]++
					c.n[4] = max(c.n[4], cur-1)
					cur = 0
				}
				if b == ' ' || b >= 9 && b <= 13 {
					in = false
				} else if !in {
					in = true
					c.n[1]++
				}
			}
			if err != nil {
				break
			}
		}
		c.n[4] = max(c.n[4], cur)
		for i := range c.n {
			if i == 4 {
				total.n[4] = max(total.n[4], c.n[4])
			} else {
				total.n[i] += c.n[i]
			}
		}
		rows = append(rows, c)
		return true
	})
	if len(args) > 1 {
		rows = append(rows, total)
	}
	keys := []string{"l", "w", "c", "m", "L"}
	order := []int{0, 1, 3, 2, 4}
	if len(rows) == 0 {
		return p.status
	}
	num := 0
	for _, k := range keys {
		if f.has(k) {
			num++
		}
	}
	w := 1
	if num > 1 || len(args) > 1 {
		w = len(strconv.FormatInt(total.n[2], 10))
		if len(args) == 0 || len(args) > 0 && args[0] == "-" {
			w = max(w, 7)
		}
	}
	for _, r := range rows {
		sp := ""
		for _, i := range order {
			if f.has(keys[i]) {
				if p.bb && num > 1 {
					p.printf("%s%*d", sp, 9, r.n[i])
				} else {
					p.printf("%s%*d", sp, w, r.n[i])
				}
				sp = " "
			}
		}
		if r.name != "" {
			p.puts(" " + r.name)
		}
		p.puts("\n")
	}
	return p.status
}

func cmdSort(p *P) int {
	opts, args, ok := p.getoptArgs(p.args, 2, "nrufbdgihMVk:t:o:scCRmzT:S:", "numeric-sort=n", "reverse=r", "unique=u", "ignore-case=f", "ignore-leading-blanks=b", "dictionary-order=d", "general-numeric-sort=g", "human-numeric-sort=h", "month-sort=M",
		"version-sort=V", "key:=k", "field-separator:=t", "output:=o", "stable=s", "check=c", "random-sort=R", "merge=m", "zero-terminated=z", "temporary-directory:=T", "buffer-size:=S", "parallel:=x")
	if !ok {
		return p.status
	}
	f := set(opts)
	type key struct {
		f1, c1, f2, c2 int
		flags          string
	}
	var keys []key
	global := ""
	for _, o := range opts {
		if len(o.c) == 1 && strings.Contains("nrfbdghMVi", o.c) {
			global += o.c
		}
		if o.c == "k" {
			var k key
			a, b, two := strings.Cut(o.arg, ",")
			pos := func(s string) (int, int) {
				i := 0
				for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.') {
					i++
				}
				k.flags += s[i:]
				x, y, _ := strings.Cut(s[:i], ".")
				return int(toInt(x)), int(toInt(y))
			}
			k.f1, k.c1 = pos(a)
			if two {
				k.f2, k.c2 = pos(b)
			}
			if k.f1 == 0 {
				p.errf("field number is zero: invalid field specification %s", q(o.arg))
				return 2
			}
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		keys = []key{{f1: 1}}
	}
	sep := f["t"]
	sep, _ = unescape(sep, false)
	var lines []string
	p.files(args, func(_ string, r *bufio.Reader) bool { lines = append(lines, p.lines(r)...); return true })
	if p.status != 0 {
		return 2
	}
	field := func(l string, k *key) string {
		if k.f1 == 1 && k.c1 == 0 && k.f2 == 0 {
			return l
		}
		starts, ends := fieldBounds(l, sep)
		if k.f1 > len(starts) {
			return ""
		}
		s := starts[k.f1-1] + max(0, k.c1-1)
		e := len(l)
		if k.f2 > 0 && k.f2 <= len(ends) {
			e = ends[k.f2-1]
			if k.c2 > 0 {
				e = min(len(l), starts[k.f2-1]+k.c2)
			}
		}
		if s >= e {
			return ""
		}
		return l[s:e]
	}
	cmp := func(a, b string) int {
		for i := range keys {
			k := &keys[i]
			fl := k.flags
			if fl == "" {
				fl = global
			}
			x, y := field(a, k), field(b, k)
			var c int
			switch {
			case strings.Contains(fl, "n"):
				c = cmpFloat(leadNum(x), leadNum(y))
			case strings.Contains(fl, "g"):
				u, _ := strconv.ParseFloat(strings.TrimSpace(x), 64)
				v, _ := strconv.ParseFloat(strings.TrimSpace(y), 64)
				c = cmpFloat(u, v)
			case strings.Contains(fl, "h"):
				c = cmpFloat(humanNum(x), humanNum(y))
			case strings.Contains(fl, "M"):
				c = monthNum(x) - monthNum(y)
			case strings.Contains(fl, "V"):
				c = versionCmp(x, y)
			default:
				if strings.Contains(fl, "b") {
					x, y = strings.TrimLeft(x, " \t"), strings.TrimLeft(y, " \t")
				}
				if strings.Contains(fl, "f") {
					x, y = strings.ToUpper(x), strings.ToUpper(y)
				}
				if strings.Contains(fl, "d") {
					keep := func(r rune) rune {
						if r == ' ' || r == '\t' || r < 128 && wordChar(byte(r)) && r != '_' {
							return r
						}
						return -1
					}
					x, y = strings.Map(keep, x), strings.Map(keep, y)
				}
				c = strings.Compare(x, y)
			}
			if strings.Contains(fl, "r") {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	}
	full := func(a, b string) int {
		c := cmp(a, b)
		if c == 0 && !f.has("s") && !f.has("u") {
			c = strings.Compare(a, b)
			if strings.Contains(global, "r") {
				c = -c
			}
		}
		return c
	}
	if f.has("c") || f.has("C") {
		for i := 1; i < len(lines); i++ {
			if c := full(lines[i-1], lines[i]); c > 0 || c == 0 && f.has("u") {
				if f.has("c") {
					p.errf("-:%d: disorder: %s", i+1, lines[i])
				}
				return 1
			}
		}
		return 0
	}
	if f.has("R") {
		for i := len(lines) - 1; i > 0; i-- {
			j := int(p.t.Kernel().RandUint() % uint64(i+1))
			lines[i], lines[j] = lines[j], lines[i]
		}
	} else {
		n := 0
		sort.SliceStable(lines, func(i, j int) bool {
			if n++; n&255 == 0 {
				p.t.Tick(100)
			}
			return full(lines[i], lines[j]) < 0
		})
	}
	out := p.out
	if o, has := f["o"]; has {
		fd, err := p.t.Open(o, kernel.O_WRONLY|kernel.O_CREAT|kernel.O_TRUNC, 0o666)
		if err != nil {
			p.errf("open failed: %s: %s", o, text(err))
			return 2
		}
		out = bufio.NewWriter(p.t.Writer(fd))
	}
	for i, l := range lines {
		if f.has("u") && i > 0 && cmp(lines[i-1], l) == 0 {
			continue
		}
		out.WriteString(l)
		out.WriteByte('\n')
	}
	out.Flush()
	return 0
}

func fieldBounds(l, sep string) (starts, ends []int) {
	if sep != "" {
		pos := 0
		for {
			i := strings.Index(l[pos:], sep[:1])
			starts = append(starts, pos)
			if i < 0 {
				return starts, append(ends, len(l))
			}
			ends = append(ends, pos+i)
			pos += i + 1
		}
	}
	i := 0
	for i < len(l) {
		s := i
		for i < len(l) && (l[i] == ' ' || l[i] == '\t') {
			i++
		}
		for i < len(l) && l[i] != ' ' && l[i] != '\t' {
			i++
		}
		starts, ends = append(starts, s), append(ends, i)
	}
	return
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func leadNum(s string) float64 {
	s = strings.TrimLeft(s, " \t")
	i := 0
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.' || i == 0 && s[i] == '-') {
		i++
	}
	f, _ := strconv.ParseFloat(s[:i], 64)
	return f
}

func humanNum(s string) float64 {
	v := leadNum(s)
	t := strings.TrimLeft(strings.TrimLeft(s, " \t"), "-0123456789.")
	if t != "" {
		if i := strings.IndexByte("KMGTPE", t[0]&^0x20); i >= 0 {
			for range i + 1 {
				v *= 1024
			}
		}
	}
	return v
}

func monthNum(s string) int {
	s = strings.ToUpper(strings.TrimLeft(s, " \t"))
	if len(s) >= 3 {
		if i := strings.Index("JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC", s[:3]); i >= 0 && i%3 == 0 {
			return i/3 + 1
		}
	}
	return 0
}

func versionCmp(a, b string) int {
	for a != "" && b != "" {
		isd := func(c byte) bool { return c >= '0' && c <= '9' }
		if isd(a[0]) && isd(b[0]) {
			i, j := 0, 0
			for i < len(a) && isd(a[i]) {
				i++
			}
			for j < len(b) && isd(b[j]) {
				j++
			}
			x, y := strings.TrimLeft(a[:i], "0"), strings.TrimLeft(b[:j], "0")
			if len(x) != len(y) {
				return len(x) - len(y)
			}
			if x != y {
				return strings.Compare(x, y)
			}
			a, b = a[i:], b[j:]
			continue
		}
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

func cmdUniq(p *P) int {
	opts, args, ok := p.getopt("cdDuif:s:w:z", "count=c", "repeated=d", "unique=u", "ignore-case=i", "skip-fields:=f", "skip-chars:=s", "check-chars:=w")
	if !ok {
		return p.status
	}
	f := set(opts)
	in := args
	if len(in) > 1 {
		in = in[:1]
	}
	if len(args) > 1 {
		fd, err := p.t.Open(args[1], kernel.O_WRONLY|kernel.O_CREAT|kernel.O_TRUNC, 0o666)
		if err != nil {
			p.errf("%s: %s", args[1], text(err))
			return 1
		}
		p.out = bufio.NewWriter(p.t.Writer(fd))
	}
	norm := func(s string) string {
		for i := int64(0); i < toInt(f["f"]); i++ {
			s = strings.TrimLeft(s, " \t")
			if j := strings.IndexAny(s, " \t"); j >= 0 {
				s = s[j:]
			} else {
				s = ""
			}
		}
		s = s[min(int64(len(s)), toInt(f["s"])):]
		if w, has := f["w"]; has {
			s = s[:min(int64(len(s)), toInt(w))]
		}
		if f.has("i") {
			s = strings.ToLower(s)
		}
		return s
	}
	prev, n := "", 0
	flush := func() {
		if n == 0 || f.has("d") && n < 2 || f.has("u") && n > 1 {
			return
		}
		if f.has("c") {
			p.printf("%7d ", n)
		}
		p.puts(prev + "\n")
	}
	p.files(in, func(_ string, r *bufio.Reader) bool {
		for {
			l, _, more := p.readLine(r)
			if !more {
				break
			}
			if n > 0 && norm(l) == norm(prev) {
				n++
				continue
			}
			flush()
			prev, n = l, 1
		}
		return true
	})
	flush()
	return p.status
}

func cmdCut(p *P) int {
	opts, args, ok := p.getopt("b:c:d:f:sn", "bytes:=b", "characters:=c", "delimiter:=d", "fields:=f", "only-delimited=s", "complement=complement", "output-delimiter:=od")
	if !ok {
		return p.status
	}
	f := set(opts)
	spec, kind := "", ""
	for _, k := range []string{"b", "c", "f"} {
		if v, has := f[k]; has {
			spec, kind = v, k
		}
	}
	if kind == "" {
		p.errf("you must specify a list of bytes, characters, or fields")
		return p.try(1)
	}
	type rng struct{ lo, hi int }
	var rs []rng
	for _, s := range strings.Split(spec, ",") {
		a, b, two := strings.Cut(s, "-")
		lo, hi := int(toInt(a)), int(toInt(b))
		if a == "" && two {
			lo = 1
		}
		if !two {
			hi = lo
		} else if b == "" {
			hi = 1 << 30
		}
		if lo < 1 || hi < lo {
			if lo == 0 && kind == "f" {
				p.errf("fields are numbered from 1")
			} else {
				p.errf("invalid field value %s", q(s))
			}
			return p.try(1)
		}
		rs = append(rs, rng{lo, hi})
	}
	in := func(i int) bool {
		for _, r := range rs {
			if i >= r.lo && i <= r.hi {
				return !f.has("complement")
			}
		}
		return f.has("complement")
	}
	d := "\t"
	if v, has := f["d"]; has {
		if len([]rune(v)) > 1 {
			p.errf("the delimiter must be a single character")
			return p.try(1)
		}
		d = v
		if d == "" {
			d = "\x00"
		}
	}
	od := d
	if v, has := f["od"]; has {
		od = v
	}
	p.files(args, func(_ string, r *bufio.Reader) bool {
		for {
			l, _, more := p.readLine(r)
			if !more {
				return true
			}
			if kind == "f" {
				parts := strings.Split(l, d)
				if len(parts) == 1 {
					if !f.has("s") {
						p.puts(l + "\n")
					}
					continue
				}
				var out []string
				for i, x := range parts {
					if in(i + 1) {
						out = append(out, x)
					}
				}
				p.puts(strings.Join(out, od) + "\n")
				continue
			}
			var b []byte
			for i := range len(l) {
				if in(i + 1) {
					b = append(b, l[i])
				}
			}
			p.out.Write(b)
			p.puts("\n")
		}
	})
	return p.status
}

func trSet(s string) []byte {
	var out []byte
	class := map[string]func(c int) bool{
		"alpha": func(c int) bool { return c|32 >= 'a' && c|32 <= 'z' }, "digit": func(c int) bool { return c >= '0' && c <= '9' },
		"alnum": func(c int) bool { return c|32 >= 'a' && c|32 <= 'z' || c >= '0' && c <= '9' }, "upper": func(c int) bool { return c >= 'A' && c <= 'Z' },
		"lower": func(c int) bool { return c >= 'a' && c <= 'z' }, "space": func(c int) bool { return c == ' ' || c >= 9 && c <= 13 }, "blank": func(c int) bool { return c == ' ' || c == 9 },
		"punct": func(c int) bool { return c > 32 && c < 127 && !(c|32 >= 'a' && c|32 <= 'z') && !(c >= '0' && c <= '9') }, "cntrl": func(c int) bool { return c < 32 || c == 127 },
		"print": func(c int) bool { return c >= 32 && c < 127 }, "graph": func(c int) bool { return c > 32 && c < 127 }, "xdigit": func(c int) bool { return hexVal(byte(c)) >= 0 && c < 128 }}
	for i := 0; i < len(s); {
		if strings.HasPrefix(s[i:], "[:") {
			if j := strings.Index(s[i:], ":]"); j > 0 {
				if fn := class[s[i+2:i+j]]; fn != nil {
					for c := range 256 {
						if fn(c) {
							out = append(out, byte(c))
						}
					}
					i += j + 2
					continue
				}
			}
		}
		c, n := trChar(s[i:])
		i += n
		if i+1 < len(s) && s[i] == '-' {
			e, m := trChar(s[i+1:])
			if e >= c {
				for x := int(c); x <= int(e); x++ {
					out = append(out, byte(x))
				}
				i += 1 + m
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

func trChar(s string) (byte, int) {
	if s[0] != '\\' || len(s) == 1 {
		return s[0], 1
	}
	o, n := oneEscape(s)
	if len(o) == 1 {
		return o[0], n
	}
	return s[1], 2
}

func cmdTr(p *P) int {
	opts, args, ok := p.getopt("+cCdst", "complement=c", "delete=d", "squeeze-repeats=s", "truncate-set1=t")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		return p.missing()
	}
	if len(args) < 2 && !f.has("d") && !f.has("s") {
		if p.bb {
			p.copy(p.out, p.in)
			return 0
		}
		p.errf("missing operand after %s", q(args[0]))
		p.raw("Two strings must be given when translating.\n")
		return p.try(1)
	}
	s1 := trSet(args[0])
	if f.has("c") || f.has("C") {
		var in [256]bool
		for _, c := range s1 {
			in[c] = true
		}
		s1 = nil
		for c := range 256 {
			if !in[c] {
				s1 = append(s1, byte(c))
			}
		}
	}
	var s2 []byte
	if len(args) > 1 {
		s2 = trSet(args[1])
	}
	var m [256]byte
	var del, sq [256]bool
	for i := range m {
		m[i] = byte(i)
	}
	if f.has("d") {
		for _, c := range s1 {
			del[c] = true
		}
		for _, c := range s2 {
			sq[c] = f.has("s")
		}
	} else {
		if len(s2) > 0 {
			for i, c := range s1 {
				m[c] = s2[min(i, len(s2)-1)]
			}
			for _, c := range s2 {
				sq[c] = f.has("s")
			}
		} else {
			for _, c := range s1 {
				sq[c] = true
			}
		}
	}
	last := -1
	buf := make([]byte, 32<<10)
	for {
		n, err := p.in.Read(buf)
		out := buf[:0]
		for _, c := range buf[:n] {
			if del[c] {
				continue
			}
			c = m[c]
			if sq[c] && int(c) == last {
				continue
			}
			last = int(c)
			out = append(out, c)
		}
		if _, werr := p.out.Write(out); werr != nil {
			return 1
		}
		if p.in.Buffered() == 0 {
			p.out.Flush()
		}
		p.t.Tick(int64(n >> 8))
		if err != nil {
			return 0
		}
	}
}

func cmdRev(p *P) int {
	p.files(p.args, func(_ string, r *bufio.Reader) bool {
		for {
			l, nl, more := p.readLine(r)
			if !more {
				return true
			}
			rs := []rune(l)
			for i, j := 0, len(rs)-1; i < j; i, j = i+1, j-1 {
				rs[i], rs[j] = rs[j], rs[i]
			}
			p.puts(string(rs))
			if nl {
				p.puts("\n")
			}
		}
	})
	return p.status
}

func cmdTac(p *P) int {
	p.files(p.args, func(_ string, r *bufio.Reader) bool {
		ls := p.lines(r)
		for i := len(ls) - 1; i >= 0; i-- {
			p.puts(ls[i] + "\n")
		}
		return true
	})
	return p.status
}

func cmdNl(p *P) int {
	opts, args, ok := p.getopt("b:w:s:n:v:i:", "body-numbering:=b")
	if !ok {
		return p.status
	}
	f := set(opts)
	n, w, sep := 1, 6, "\t"
	if v, has := f["w"]; has {
		w = int(min(100, toInt(v)))
	}
	if v, has := f["s"]; has {
		sep = v
	}
	if v, has := f["v"]; has {
		n = int(toInt(v))
	}
	p.files(args, func(_ string, r *bufio.Reader) bool {
		for {
			l, _, more := p.readLine(r)
			if !more {
				return true
			}
			if l == "" && f["b"] != "a" {
				p.puts(strings.Repeat(" ", w+len(sep)) + "\n")
				continue
			}
			switch f["n"] {
			case "ln":
				p.printf("%-*d", w, n)
			case "rz":
				p.printf("%0*d", w, n)
			default:
				p.printf("%*d", w, n)
			}
			p.puts(sep + l + "\n")
			n++
		}
	})
	return p.status
}

func cmdTee(p *P) int {
	opts, args, ok := p.getopt("aip", "append=a", "ignore-interrupts=i")
	if !ok {
		return p.status
	}
	fl := kernel.O_WRONLY | kernel.O_CREAT | kernel.O_TRUNC
	if set(opts).has("a") {
		fl = kernel.O_WRONLY | kernel.O_CREAT | kernel.O_APPEND
	}
	fds := []int{1}
	for _, a := range args {
		fd, err := p.t.Open(a, fl, 0o666)
		if err != nil {
			if p.bb {
				p.fail("%s: %s", a, text(err))
			} else {
				p.fail("%s: %s", fileName(a), text(err))
			}
			continue
		}
		fds = append(fds, fd)
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := p.t.Stdin().Read(buf)
		for i, fd := range fds {
			if _, werr := p.t.Writer(fd).Write(buf[:n]); werr != nil && n > 0 {
				name := "standard output"
				if i > 0 {
					name = args[min(i-1, len(args)-1)]
				}
				p.fail("%s: %s", fileName(name), text(werr))
			}
		}
		if err != nil {
			break
		}
	}
	for _, fd := range fds[1:] {
		p.t.Close(fd)
	}
	return p.status
}

// badCount says that what head's or tail's -n or -c names is no number.
func (p *P) badCount(opt, s string) int {
	what := "lines"
	if opt == "c" {
		what = "bytes"
	}
	if p.bb {
		p.errf("invalid number '%s'", s)
	} else {
		p.errf("invalid number of %s: %s", what, q(s))
	}
	return 1
}

func cmdBase64(p *P) int {
	opts, args, ok := p.getopt("diw:D", "decode=d", "ignore-garbage=i", "wrap:=w")
	if !ok {
		return p.status
	}
	f := set(opts)
	wrap := 76
	if v, has := f["w"]; has {
		wrap = int(toInt(v))
	}
	if len(args) > 1 {
		p.errf("extra operand %s", q(args[1]))
		return p.try(1)
	}
	p.files(args, func(_ string, r *bufio.Reader) bool {
		b := p.readAll(r)
		is32 := p.name == "base32"
		if !f.has("d") && !f.has("D") {
			s := base64.StdEncoding.EncodeToString(b)
			if is32 {
				s = base32.StdEncoding.EncodeToString(b)
			}
			if wrap <= 0 {
				p.puts(s)
				return true
			}
			for len(s) > wrap {
				p.puts(s[:wrap] + "\n")
				s = s[wrap:]
			}
			if s != "" {
				p.puts(s + "\n")
			}
			return true
		}
		var clean []byte
		bad := false
		for _, c := range b {
			alpha := c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' && !is32 || c >= '0' && c <= '9' || (c == '+' || c == '/') && !is32 || c == '='
			if alpha {
				clean = append(clean, c)
			} else if c != '\n' && !p.bb && !f.has("i") {
				bad = true
				break
			}
		}
		if is32 {
			out := make([]byte, base32.StdEncoding.DecodedLen(len(clean)))
			n, err := base32.StdEncoding.Decode(out, clean)
			p.out.Write(out[:n])
			bad = bad || err != nil
		} else {
			// Groups of four, each of which may end in padding (GNU decodes
			// concatenated texts); what is left over is an error after it is out.
			for len(clean) > 0 {
				n := min(4, len(clean))
				g := clean[:n]
				clean = clean[n:]
				t := bytes.TrimRight(g, "=")
				if n < 4 && p.bb {
					bad = true // BusyBox drops a group that is not whole
					break
				}
				out := make([]byte, 3)
				m, err := base64.RawStdEncoding.Decode(out, t)
				p.out.Write(out[:m])
				if err != nil || n < 4 || bytes.IndexByte(t, '=') >= 0 {
					bad = true
					break
				}
			}
		}
		if bad {
			if p.bb {
				p.fail("truncated input")
			} else {
				p.fail("invalid input")
			}
		}
		return true
	})
	return p.status
}

func cmdSum(p *P) int {
	opts, args, ok := p.getopt("cbtws", "check=c", "binary=b", "text=t", "quiet=q", "status=s", "tag=tag", "ignore-missing=im", "warn=w", "strict=strict")
	if !ok {
		return p.status
	}
	f := set(opts)
	mk := map[string]func() hash.Hash{"md5sum": md5.New, "sha1sum": sha1.New, "sha256sum": sha256.New, "sha512sum": sha512.New, "sha224sum": sha256.New224, "sha384sum": sha512.New384}[p.name]
	if mk == nil {
		mk = sha256.New
	}
	digest := func(r io.Reader) string {
		h := mk()
		buf := make([]byte, 64<<10)
		for {
			n, err := r.Read(buf)
			h.Write(buf[:n])
			p.t.Tick(int64(n >> 6))
			if err != nil {
				return hex.EncodeToString(h.Sum(nil))
			}
		}
	}
	if f.has("c") {
		failed, unread := 0, 0
		p.files(args, func(_ string, r *bufio.Reader) bool {
			for _, l := range p.lines(r) {
				sum, name, ok := strings.Cut(l, " ")
				if !ok {
					continue
				}
				name = strings.TrimLeft(name, " *")
				fd, err := p.open(name)
				if err != nil {
					p.errf("%s: %s", name, text(err))
					if !f.has("s") {
						p.printf("%s: FAILED open or read\n", name)
					}
					unread++
					continue
				}
				got := digest(p.t.Reader(fd))
				p.t.Close(fd)
				if strings.EqualFold(got, sum) {
					if !f.has("s") && !f.has("q") {
						p.printf("%s: OK\n", name)
					}
				} else {
					failed++
					if !f.has("s") {
						p.printf("%s: FAILED\n", name)
					}
				}
			}
			return true
		})
		if unread > 0 {
			p.fail("WARNING: %d listed file could not be read", unread)
		}
		if failed > 0 {
			p.status = 1
			if !f.has("s") {
				p.errf("WARNING: %d computed checksum did NOT match", failed)
			}
		}
		return p.status
	}
	p.files(args, func(name string, r *bufio.Reader) bool {
		if f.has("tag") {
			p.printf("%s (%s) = %s\n", strings.ToUpper(strings.TrimSuffix(p.name, "sum")), name, digest(r))
		} else {
			m := " "
			if f.has("b") {
				m = "*"
			}
			p.printf("%s %s%s\n", digest(r), m, name)
		}
		return true
	})
	return p.status
}

func cmdCksum(p *P) int {
	var tab [256]uint32
	for i := range tab {
		c := uint32(i) << 24
		for range 8 {
			if c&0x80000000 != 0 {
				c = c<<1 ^ 0x04c11db7
			} else {
				c <<= 1
			}
		}
		tab[i] = c
	}
	p.files(p.args, func(name string, r *bufio.Reader) bool {
		var c uint32
		n := 0
		for {
			b, err := r.ReadByte()
			if err != nil {
				break
			}
			if n++; n&4095 == 0 {
				p.t.Tick(40)
			}
			c = c<<8 ^ tab[byte(c>>24)^b]
		}
		for l := n; l > 0; l >>= 8 {
			c = c<<8 ^ tab[byte(c>>24)^byte(l)]
		}
		if name == "-" {
			p.printf("%d %d\n", ^c, n)
		} else {
			p.printf("%d %d %s\n", ^c, n, name)
		}
		return true
	})
	return p.status
}

func cmdOd(p *P) int {
	opts, args, ok := p.getopt("A:t:N:j:vxcbdoaiw::sl", "address-radix:=A", "format:=t", "read-bytes:=N", "skip-bytes:=j", "output-duplicates=v", "width?=w", "endian:=e")
	if !ok {
		return p.status
	}
	f := set(opts)
	format := "o2"
	for _, o := range opts {
		switch o.c {
		case "t":
			format = o.arg
		case "x":
			format = "x2"
		case "c":
			format = "c"
		case "b":
			format = "o1"
		case "d":
			format = "u2"
		case "a":
			format = "a"
		}
	}
	radix := "o"
	if v, has := f["A"]; has {
		radix = v
	}
	b := p.concat(args, f)
	addr := func(n int) string {
		switch radix {
		case "n":
			return ""
		case "x":
			return fmt.Sprintf("%06x", n)
		case "d":
			return fmt.Sprintf("%07d", n)
		}
		return fmt.Sprintf("%07o", n)
	}
	if format == "" {
		format = "o2"
	}
	if !strings.ContainsRune("acdfoux", rune(format[0])) {
		p.fail("invalid character '%c' in type string ‘%s’", format[0], format)
		return p.status
	}
	size := 1
	if len(format) > 1 {
		size = map[byte]int{'1': 1, '2': 2, '4': 4, '8': 8, 'C': 1, 'S': 2, 'I': 4, 'L': 8}[format[1]]
		if size == 0 {
			size = 1
		}
	} else if format != "c" && format != "a" {
		size = 4
	}
	prev, star := []byte(nil), false
	for i := 0; i < len(b); i += 16 {
		row := b[i:min(i+16, len(b))]
		if !f.has("v") && prev != nil && len(row) == 16 && bytes.Equal(prev, row) {
			if !star {
				p.puts("*\n")
			}
			star = true
			continue
		}
		prev, star = row, false
		p.puts(addr(i))
		for j := 0; j < len(row); j += size {
			var v uint64
			for k := range size {
				if j+k < len(row) {
					v |= uint64(row[j+k]) << (8 * k)
				}
			}
			switch format[0] {
			case 'x':
				p.printf(" %0*x", size*2, v)
			case 'o':
				p.printf(" %0*o", []int{0, 3, 6, 0, 11, 0, 0, 0, 22}[size], v)
			case 'u':
				p.printf(" %*d", []int{0, 3, 5, 0, 10, 0, 0, 0, 20}[size], v)
			case 'd':
				s := int64(v<<(64-8*size)) >> (64 - 8*size)
				p.printf(" %*d", []int{0, 4, 6, 0, 11, 0, 0, 0, 20}[size], s)
			default:
				c := byte(v)
				var s string
				switch {
				case c == 0:
					s = `\0`
				case c == '\n':
					s = `\n`
				case c == '\t':
					s = `\t`
				case c == '\r':
					s = `\r`
				case c >= 32 && c < 127:
					s = string(c)
				default:
					s = fmt.Sprintf("%03o", c)
				}
				p.printf(" %3s", s)
			}
		}
		p.puts("\n")
		p.t.Tick(3)
	}
	if a := addr(len(b)); a != "" {
		p.puts(a + "\n")
	}
	return p.status
}

// concat reads all operands, with -N and -j.
func (p *P) concat(args []string, f flags) []byte {
	limit := int64(16 << 20)
	if v, has := f["N"]; has {
		if n, ok := sizeArg(v); ok {
			limit = n
		}
	}
	skip, _ := sizeArg(f["j"])
	var b []byte
	p.files(args, func(_ string, r *bufio.Reader) bool {
		x, _ := io.ReadAll(io.LimitReader(r, limit+skip-int64(len(b))))
		b = append(b, x...)
		return int64(len(b)) < limit+skip
	})
	return b[min(skip, int64(len(b))):]
}

func cmdXxd(p *P) int {
	opts, args, ok := p.getopt("prl:s:c:g:uib", "plain=p")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) > 1 {
		args = args[:1]
	}
	if v, has := f["l"]; has {
		f["N"] = v
	}
	if v, has := f["s"]; has {
		f["j"] = v
	}
	if f.has("r") {
		b := p.concat(args, flags{})
		var out []byte
		for _, l := range strings.Split(string(b), "\n") {
			if !f.has("p") {
				_, rest, ok := strings.Cut(l, ": ")
				if !ok {
					continue
				}
				l, _, _ = strings.Cut(rest, "  ")
			}
			l = strings.Map(func(r rune) rune {
				if r < 128 && hexVal(byte(r)) >= 0 {
					return r
				}
				return -1
			}, l)
			x, _ := hex.DecodeString(l[:len(l)&^1])
			out = append(out, x...)
		}
		p.out.Write(out)
		return p.status
	}
	b := p.concat(args, f)
	if f.has("p") {
		s := hex.EncodeToString(b)
		w := 60
		if c, has := f["c"]; has {
			w = int(max(1, toInt(c))) * 2
		}
		for len(s) > w {
			p.puts(s[:w] + "\n")
			s = s[w:]
		}
		if s != "" {
			p.puts(s + "\n")
		}
		return p.status
	}
	w := 16
	if c, has := f["c"]; has {
		w = int(min(256, max(1, toInt(c))))
	}
	for i := 0; i < len(b); i += w {
		row := b[i:min(i+w, len(b))]
		p.printf("%08x: ", i)
		for j := range w {
			if j < len(row) {
				p.printf("%02x", row[j])
			} else {
				p.puts("  ")
			}
			if j%2 == 1 {
				p.puts(" ")
			}
		}
		p.puts(" ")
		for _, c := range row {
			if c < 32 || c > 126 {
				c = '.'
			}
			p.out.WriteByte(c)
		}
		p.puts("\n")
		p.t.Tick(2)
	}
	return p.status
}

func cmdHexdump(p *P) int {
	opts, args, ok := p.getopt("Cn:s:vxdbce:f:", "canonical=C", "length:=n", "skip:=s", "no-squeezing=v")
	if !ok {
		return p.status
	}
	f := set(opts)
	if v, has := f["n"]; has {
		f["N"] = v
	}
	if v, has := f["s"]; has {
		f["j"] = v
	}
	if p.name == "hd" {
		f["C"] = ""
	}
	if e, has := f["e"]; has {
		b := p.concat(args, f)
		if strings.Contains(e, "%02x") || strings.Contains(e, "%x") {
			for _, c := range b {
				p.printf("%02x", c)
			}
			return p.status
		}
		p.unknown("option", "-e "+e)
	}
	b := p.concat(args, f)
	var prev []byte
	star := false
	for i := 0; i < len(b); i += 16 {
		row := b[i:min(i+16, len(b))]
		if !f.has("v") && prev != nil && len(row) == 16 && bytes.Equal(prev, row) {
			if !star {
				p.puts("*\n")
			}
			star = true
			continue
		}
		prev, star = row, false
		if !f.has("C") {
			p.printf("%07x", i)
			for j := 0; j < len(row); j += 2 {
				v := int(row[j])
				if j+1 < len(row) {
					v |= int(row[j+1]) << 8
				}
				p.printf(" %04x", v)
			}
			p.puts("\n")
			continue
		}
		p.printf("%08x ", i)
		for j := range 16 {
			if j == 8 {
				p.puts(" ")
			}
			if j < len(row) {
				p.printf(" %02x", row[j])
			} else {
				p.puts("   ")
			}
		}
		p.puts("  |")
		for _, c := range row {
			if c < 32 || c > 126 {
				c = '.'
			}
			p.out.WriteByte(c)
		}
		p.puts("|\n")
		p.t.Tick(2)
	}
	if len(b) > 0 {
		if f.has("C") {
			p.printf("%08x\n", len(b))
		} else {
			p.printf("%07x\n", len(b))
		}
	}
	return p.status
}

func cmdStrings(p *P) int {
	opts, args, ok := p.getopt("an:t:fe:", "all=a", "bytes:=n", "radix:=t")
	if !ok {
		return p.status
	}
	n := 4
	if v, has := set(opts)["n"]; has {
		n = int(max(1, toInt(v)))
	}
	p.files(args, func(_ string, r *bufio.Reader) bool {
		var cur []byte
		i := 0
		for {
			c, err := r.ReadByte()
			if i++; i&4095 == 0 {
				p.t.Tick(40)
			}
			if err == nil && (c >= 32 && c < 127 || c == '\t') && len(cur) < 1<<16 {
				cur = append(cur, c)
				continue
			}
			if len(cur) >= n {
				p.out.Write(cur)
				p.puts("\n")
			}
			cur = cur[:0]
			if err != nil {
				return true
			}
		}
	})
	return p.status
}

func cmdPaste(p *P) int {
	opts, args, ok := p.getopt("d:s", "delimiters:=d", "serial=s")
	if !ok {
		return p.status
	}
	f := set(opts)
	d := "\t"
	if v, has := f["d"]; has {
		d, _ = unescape(v, false)
	}
	del := func(i int) string {
		if d == "" {
			return ""
		}
		return d[i%len(d) : i%len(d)+1]
	}
	var cols [][]string
	p.files(args, func(_ string, r *bufio.Reader) bool { cols = append(cols, p.lines(r)); return true })
	if f.has("s") {
		for _, c := range cols {
			for i, l := range c {
				if i > 0 {
					p.puts(del(i - 1))
				}
				p.puts(l)
			}
			p.puts("\n")
		}
		return p.status
	}
	for row := 0; ; row++ {
		any := false
		for _, c := range cols {
			any = any || row < len(c)
		}
		if !any {
			return p.status
		}
		for i, c := range cols {
			if i > 0 {
				p.puts(del(i - 1))
			}
			if row < len(c) {
				p.puts(c[row])
			}
		}
		p.puts("\n")
	}
}

func cmdFold(p *P) int {
	opts, args, ok := p.getoptArgs(oldStyle(p.args), 1, "w:sbn:", "width:=w", "spaces=s", "bytes=b")
	if !ok {
		return p.status
	}
	f := set(opts)
	w := 80
	for _, k := range []string{"n", "w"} {
		if v, has := f[k]; has {
			w = int(max(1, toInt(v)))
		}
	}
	p.files(args, func(_ string, r *bufio.Reader) bool {
		for {
			l, nl, more := p.readLine(r)
			if !more {
				return true
			}
			for len(l) > w {
				cut := w
				if f.has("s") {
					if i := strings.LastIndexAny(l[:w], " \t"); i > 0 {
						cut = i + 1
					}
				}
				p.puts(l[:cut] + "\n")
				l = l[cut:]
			}
			p.puts(l)
			if nl {
				p.puts("\n")
			}
		}
	})
	return p.status
}

func cmdCmp(p *P) int {
	opts, args, ok := p.getoptArgs(p.args, 2, "sln:b", "silent=s", "quiet=s", "verbose=l")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) < 1 {
		p.errf("missing operand after %s", q(p.name))
		return p.try(2)
	}
	if len(args) < 2 {
		args = append(args, "-")
	}
	read := func(n string) ([]byte, bool) {
		if n == "-" {
			return p.readAll(p.in), true
		}
		b, err := p.t.ReadFile(n)
		if err != nil && err != vfs.EFBIG {
			p.errf("%s: %s", n, text(err))
			return nil, false
		}
		return b, true
	}
	a, ok1 := read(args[0])
	b, ok2 := read(args[1])
	if !ok1 || !ok2 {
		return 2
	}
	line := 1
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			if !f.has("s") {
				p.printf("%s %s differ: byte %d, line %d\n", args[0], args[1], i+1, line)
			}
			return 1
		}
		if a[i] == '\n' {
			line++
		}
	}
	if len(a) != len(b) {
		short := args[0]
		if len(b) < len(a) {
			short = args[1]
		}
		if !f.has("s") {
			p.errf("EOF on %s after byte %d, line %d", short, min(len(a), len(b)), line-1)
		}
		return 1
	}
	return 0
}

func cmdDiff(p *P) int {
	opts, args, ok := p.getoptArgs(p.args, 2, "uqrNbwiBcaU:", "unified?=u", "brief=q", "recursive=r", "new-file=N", "ignore-all-space=w")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) < 2 {
		p.errf("missing operand after %s", q(strings.Join(append([]string{p.name}, args...), " ")))
		return p.try(2)
	}
	read := func(n string) ([]string, bool) {
		var b []byte
		if n == "-" {
			b = p.readAll(p.in)
		} else {
			var err error
			if b, err = p.t.ReadFile(n); err != nil {
				if err == vfs.ENOENT && f.has("N") {
					return nil, true
				}
				p.errf("%s: %s", n, text(err))
				return nil, false
			}
		}
		if len(b) == 0 {
			return nil, true
		}
		return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n"), true
	}
	a, ok1 := read(args[0])
	b, ok2 := read(args[1])
	if !ok1 || !ok2 {
		return 2
	}
	ops := diffLines(p, a, b)
	if len(ops) == 0 {
		return 0
	}
	if f.has("q") {
		p.printf("Files %s and %s differ\n", args[0], args[1])
		return 1
	}
	if f.has("u") || f.has("U") {
		for i, n := range args[:2] {
			mt := p.t.Now()
			if st, err := p.t.Stat(n); err == nil {
				mt = time.Unix(0, st.Mtime)
			}
			p.printf("%s %s\t%s\n", []string{"---", "+++"}[i], n, mt.In(p.zone()).Format("2006-01-02 15:04:05.000000000 -0700"))
		}
		for i := 0; i < len(ops); {
			j := i
			for j+1 < len(ops) && ops[j+1].a0-ops[j].a1 <= 6 {
				j++
			}
			s, e := max(0, ops[i].a0-3), min(len(a), ops[j].a1+3)
			bs := ops[i].b0 - (ops[i].a0 - s)
			be := ops[j].b1 + (e - ops[j].a1)
			rng := func(s, e int) string {
				if e-s == 1 {
					return strconv.Itoa(s + 1)
				}
				if e == s {
					return fmt.Sprintf("%d,0", s)
				}
				return fmt.Sprintf("%d,%d", s+1, e-s)
			}
			p.printf("@@ -%s +%s @@\n", rng(s, e), rng(bs, be))
			pos := s
			for ; i <= j; i++ {
				for ; pos < ops[i].a0; pos++ {
					p.puts(" " + a[pos] + "\n")
				}
				for ; pos < ops[i].a1; pos++ {
					p.puts("-" + a[pos] + "\n")
				}
				for k := ops[i].b0; k < ops[i].b1; k++ {
					p.puts("+" + b[k] + "\n")
				}
			}
			for ; pos < e; pos++ {
				p.puts(" " + a[pos] + "\n")
			}
		}
		return 1
	}
	for _, o := range ops {
		rng := func(s, e int) string {
			if e-s <= 1 {
				return strconv.Itoa(max(s+1, e))
			}
			return fmt.Sprintf("%d,%d", s+1, e)
		}
		switch {
		case o.a0 == o.a1:
			p.printf("%da%s\n", o.a0, rng(o.b0, o.b1))
		case o.b0 == o.b1:
			p.printf("%sd%d\n", rng(o.a0, o.a1), o.b0)
		default:
			p.printf("%sc%s\n", rng(o.a0, o.a1), rng(o.b0, o.b1))
		}
		for k := o.a0; k < o.a1; k++ {
			p.puts("< " + a[k] + "\n")
		}
		if o.a0 != o.a1 && o.b0 != o.b1 {
			p.puts("---\n")
		}
		for k := o.b0; k < o.b1; k++ {
			p.puts("> " + b[k] + "\n")
		}
	}
	return 1
}

type diffOp struct{ a0, a1, b0, b1 int }

// diffLines finds a longest common subsequence; beyond 2,000 lines what differs
// in the middle is one change.
func diffLines(p *P, a, b []string) []diffOp {
	s := 0
	for s < len(a) && s < len(b) && a[s] == b[s] {
		s++
	}
	e := 0
	for e < len(a)-s && e < len(b)-s && a[len(a)-1-e] == b[len(b)-1-e] {
		e++
	}
	x, y := a[s:len(a)-e], b[s:len(b)-e]
	if len(x) == 0 && len(y) == 0 {
		return nil
	}
	if len(x) > 2000 || len(y) > 2000 || len(x) == 0 || len(y) == 0 {
		return []diffOp{{s, s + len(x), s, s + len(y)}}
	}
	n, m := len(x), len(y)
	l := make([]uint16, (n+1)*(m+1))
	p.t.Tick(int64(n * m / 50))
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if x[i] == y[j] {
				l[i*(m+1)+j] = l[(i+1)*(m+1)+j+1] + 1
			} else {
				l[i*(m+1)+j] = max(l[(i+1)*(m+1)+j], l[i*(m+1)+j+1])
			}
		}
	}
	var ops []diffOp
	i, j := 0, 0
	for i < n || j < m {
		if i < n && j < m && x[i] == y[j] {
			i, j = i+1, j+1
			continue
		}
		o := diffOp{s + i, 0, s + j, 0}
		for (i < n || j < m) && !(i < n && j < m && x[i] == y[j]) {
			if j >= m || i < n && l[(i+1)*(m+1)+j] >= l[i*(m+1)+j+1] {
				i++
			} else {
				j++
			}
		}
		o.a1, o.b1 = s+i, s+j
		ops = append(ops, o)
	}
	return ops
}

func cmdComm(p *P) int {
	opts, args, ok := p.getopt("123")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) < 2 {
		return p.missing()
	}
	var in [2][]string
	for i, a := range args[:2] {
		p.files([]string{a}, func(_ string, r *bufio.Reader) bool { in[i] = p.lines(r); return true })
	}
	a, b := in[0], in[1]
	put := func(col string, tabs int, s string) {
		if f.has(col) {
			return
		}
		if tabs > 0 && f.has("1") {
			tabs--
		}
		if col == "3" && f.has("2") {
			tabs--
		}
		p.puts(strings.Repeat("\t", max(0, tabs)) + s + "\n")
	}
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			put("1", 0, a[0])
			a = a[1:]
		case len(a) == 0 || b[0] < a[0]:
			put("2", 1, b[0])
			b = b[1:]
		default:
			put("3", 2, a[0])
			a, b = a[1:], b[1:]
		}
	}
	return p.status
}

func cmdShuf(p *P) int {
	opts, args, ok := p.getopt("n:i:erz", "head-count:=n", "input-range:=i", "echo=e", "repeat=r")
	if !ok {
		return p.status
	}
	f := set(opts)
	var ls []string
	if r, has := f["i"]; has {
		a, b, _ := strings.Cut(r, "-")
		for i := toInt(a); i <= toInt(b) && len(ls) < 1<<20; i++ {
			ls = append(ls, strconv.FormatInt(i, 10))
		}
	} else if f.has("e") {
		ls = append(ls, args...)
	} else {
		p.files(args, func(_ string, r *bufio.Reader) bool { ls = p.lines(r); return true })
	}
	for i := len(ls) - 1; i > 0; i-- {
		j := int(p.t.Kernel().RandUint() % uint64(i+1))
		ls[i], ls[j] = ls[j], ls[i]
	}
	if n, has := f["n"]; has {
		ls = ls[:min(int64(len(ls)), toInt(n))]
	}
	for _, l := range ls {
		p.puts(l + "\n")
	}
	return p.status
}
