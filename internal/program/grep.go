package program

import (
	"bufio"
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/whalefall/whalefall/internal/vfs"
)

func cmdGrep(p *P) int {
	// -NUM is -C NUM.
	args := append([]string(nil), p.args...)
	for i, a := range args {
		if a == "--" {
			break
		}
		if len(a) > 1 && a[0] == '-' && a[1] >= '0' && a[1] <= '9' {
			args[i] = "-C" + a[1:]
		}
	}
	opts, args, ok := p.getoptArgs(args, 2, "EFGPe:f:ivwxcnlLoqshHrRzaIbA:B:C:m:UyT", "extended-regexp=E", "fixed-strings=F", "basic-regexp=G", "perl-regexp=P", "regexp:=e", "file:=f", "ignore-case=i", "invert-match=v",
		"word-regexp=w", "line-regexp=x", "count=c", "line-number=n", "files-with-matches=l", "files-without-match=L", "only-matching=o", "quiet=q", "silent=q", "no-messages=s", "no-filename=h", "with-filename=H", "recursive=r",
		"dereference-recursive=R", "after-context:=A", "before-context:=B", "context:=C", "max-count:=m", "color?=color", "colour?=color", "text=a", "include:=include", "exclude:=exclude", "exclude-dir:=exdir", "line-buffered=lb", "null=Z", "binary-files:=bf", "byte-offset=b")
	if !ok {
		return p.status
	}
	f := set(opts)
	mode := byte('G')
	switch p.name {
	case "egrep", "zegrep":
		mode = 'E'
	case "fgrep", "zfgrep":
		mode = 'F'
	}
	var pats []string
	have := false
	var include, exclude []string
	for _, o := range opts {
		switch o.c {
		case "E", "F", "G", "P":
			mode = o.c[0]
		case "e":
			pats = append(pats, strings.Split(o.arg, "\n")...)
			have = true
		case "f":
			fd := 0
			if o.arg != "-" {
				var err error
				if fd, err = p.open(o.arg); err != nil {
					p.errf("%s: %s", o.arg, text(err))
					return 2
				}
			}
			pats = append(pats, p.lines(bufio.NewReader(p.t.Reader(fd)))...)
			have = true
		case "include":
			include = append(include, o.arg)
		case "exclude":
			exclude = append(exclude, o.arg)
		}
	}
	if !have {
		if len(args) == 0 {
			if p.bb {
				return p.try(1)
			}
			p.raw("Usage: %s [OPTION]... PATTERNS [FILE]...\nTry '%s --help' for more information.\n", p.name, p.name)
			return 2
		}
		pats, args = strings.Split(args[0], "\n"), args[1:]
	}
	icase := f.has("i") || f.has("y")
	var res []*regex
	for _, s := range pats {
		var r *regex
		var err error
		switch mode {
		case 'F':
			r, err = compileRegex(escapeERE(s), true, icase)
		case 'P':
			fl := "(?s"
			if icase {
				fl += "i"
			}
			re, e := regexp.Compile(fl + ")" + perlToRE2(s))
			if e != nil {
				p.unknown("construct", "grep -P "+s)
				p.errf("unsupported pattern")
				return 2
			}
			r = &regex{re: re}
		default:
			r, err = compileRegex(s, mode == 'E', icase)
		}
		if err != nil {
			p.errf("%s", err)
			return 2
		}
		res = append(res, r)
	}
	g := &grepper{p: p, f: f, res: res, ctxA: ctxArg(f, "A"), ctxB: ctxArg(f, "B"), max: -1, keep: strings.Contains(strings.Join(pats, ""), "\\K") && mode == 'P'}
	if m, has := f["m"]; has {
		g.max = int(toInt(m))
	}
	g.color = f.has("color") && (f["color"] == "always")
	rec := f.has("r") || f.has("R")
	if len(args) == 0 {
		if rec {
			args = []string{"."}
		} else {
			args = []string{"-"}
		}
	}
	g.head = (len(args) > 1 || rec) && !f.has("h") || f.has("H")
	errs := false
	var one func(a string, top bool)
	one = func(a string, top bool) {
		if a == "-" && top {
			g.file("(standard input)", p.in)
			return
		}
		st, err := p.t.Stat(a)
		if err == nil && st.Mode.IsDir() {
			if !rec {
				if !f.has("s") {
					p.errf("%s: Is a directory", a)
				}
				errs = errs || p.bb
				return
			}
			if f.has("exdir") && !top && globMatch(f["exdir"], base(a)) {
				return
			}
			ents, err := p.t.ReadDir(a)
			if err != nil {
				p.errf("%s: %s", a, text(err))
				errs = true
				return
			}
			for _, e := range ents {
				if e.Type == vfs.S_IFLNK && !f.has("R") || e.Type != vfs.S_IFREG && e.Type != vfs.S_IFDIR && e.Type != vfs.S_IFLNK {
					continue
				}
				full := join(a, e.Name)
				if a == "." && len(p.args) > 0 && args[0] == "." && top && false {
					full = e.Name
				}
				one(full, false)
			}
			return
		}
		if !top || rec {
			b := base(a)
			ok := len(include) == 0
			for _, x := range include {
				ok = ok || globMatch(x, b)
			}
			for _, x := range exclude {
				ok = ok && !globMatch(x, b)
			}
			if !ok {
				return
			}
		}
		fd, err := p.open(a)
		if err != nil {
			if !f.has("s") {
				p.errf("%s: %s", a, text(err))
			}
			errs = true
			return
		}
		defer p.t.Close(fd)
		g.file(a, bufio.NewReaderSize(p.t.Reader(fd), 32<<10))
	}
	for _, a := range args {
		one(a, true)
		if g.any && f.has("q") {
			return 0
		}
	}
	if errs {
		return 2
	}
	if g.any != f.has("L") || g.any {
		if g.any {
			return 0
		}
	}
	return 1
}

func ctxArg(f flags, k string) int {
	v, ok := f[k]
	if !ok {
		v = f["C"]
	}
	return int(min(100000, max(0, toInt(v))))
}

func escapeERE(s string) string { return regexp.QuoteMeta(s) }

func perlToRE2(s string) string {
	s = strings.ReplaceAll(s, `\K`, `()`)
	s = strings.ReplaceAll(s, `\h`, `[ \t]`)
	// Possessive and look-around are not RE2's; a look-ahead at the end is a group.
	return s
}

type grepper struct {
	p          *P
	f          flags
	res        []*regex
	ctxA, ctxB int
	max        int
	head, any  bool
	color      bool
	keep       bool
}

func wordChar(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// matches gives the matches of a line that count under -w and -x.
func (g *grepper) matches(line string, all bool) [][]int {
	var out [][]int
	n := 1
	if all || g.f.has("w") || g.f.has("x") {
		n = -1
	}
	for _, r := range g.res {
		if n == 1 && !all && !g.f.has("w") && !g.f.has("x") {
			if m := r.find(line); m != nil {
				return [][]int{m}
			}
			continue
		}
		for _, m := range r.all(line, n) {
			if g.f.has("x") && (m[0] != 0 || m[1] != len(line)) {
				continue
			}
			if g.f.has("w") && (m[0] > 0 && wordChar(line[m[0]-1]) || m[1] < len(line) && wordChar(line[m[1]])) {
				continue
			}
			out = append(out, m)
		}
		if len(out) > 0 && len(g.res) == 1 {
			break
		}
	}
	return out
}

func (g *grepper) file(name string, r *bufio.Reader) {
	p, f := g.p, g.f
	n, count, lastShown := 0, 0, 0
	var before []string
	after := 0
	show := func(line string, sep string) {
		if g.head {
			p.puts(name + sep)
		}
		if f.has("n") {
			p.puts(strconv.Itoa(n) + sep)
		}
		p.puts(line + "\n")
	}
	head, _ := r.Peek(1024)
	binary := bytes.IndexByte(head, 0) >= 0 && !f.has("a") && f["bf"] != "text" && !p.bb
	for g.max < 0 || count < g.max {
		line, _, more := p.readLine(r)
		if !more {
			break
		}
		n++
		ms := g.matches(line, f.has("o") || g.color)
		if (len(ms) > 0) == f.has("v") {
			if after > 0 {
				after--
				lastShown = n
				show(line, "-")
			} else if g.ctxB > 0 {
				if before = append(before, line); len(before) > g.ctxB {
					before = before[1:]
				}
			}
			continue
		}
		g.any = true
		count++
		if f.has("q") {
			return
		}
		if f.has("l") {
			p.puts(name + "\n")
			return
		}
		if f.has("c") || f.has("L") {
			continue
		}
		if binary {
			p.printf("grep: %s: binary file matches\n", name)
			return
		}
		if f.has("o") {
			if !f.has("v") {
				for _, m := range ms {
					if m[1] > m[0] {
						s := line[m[0]:m[1]]
						if g.keep && len(m) > 3 {
							s = line[m[3]:m[1]]
						}
						show(s, ":")
					}
				}
			}
			continue
		}
		if (g.ctxA > 0 || g.ctxB > 0) && lastShown > 0 && n-len(before) > lastShown+1 {
			p.puts("--\n")
		}
		cur := n
		for i, b := range before {
			n = cur - len(before) + i
			show(b, "-")
		}
		n = cur
		before = nil
		if g.color {
			var b strings.Builder
			pos := 0
			for _, m := range ms {
				if m[0] >= pos && m[1] > m[0] {
					b.WriteString(line[pos:m[0]] + "\x1b[01;31m\x1b[K" + line[m[0]:m[1]] + "\x1b[m\x1b[K")
					pos = m[1]
				}
			}
			line = b.String() + line[pos:]
		}
		show(line, ":")
		lastShown = n
		after = g.ctxA
		if f.has("lb") {
			p.out.Flush()
		}
	}
	if f.has("c") {
		if g.head {
			p.puts(name + ":")
		}
		p.puts(strconv.Itoa(count) + "\n")
	}
	if f.has("L") && count == 0 {
		p.puts(name + "\n")
	}
}

// globMatch is fnmatch(3).
func globMatch(pat, s string) bool {
	r, err := regexp.Compile("(?s)^" + globRE(pat) + "$")
	return err == nil && r.MatchString(s)
}

func globRE(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		switch c := p[i]; c {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteByte('.')
		case '\\':
			if i+1 < len(p) {
				i++
			}
			b.WriteString(regexp.QuoteMeta(p[i : i+1]))
		case '[':
			s := p[i:]
			if len(s) > 1 && s[1] == '!' {
				s = "[^" + s[2:]
			}
			n, out, ok := bracket(s)
			if !ok {
				b.WriteString(`\[`)
				continue
			}
			b.WriteString(out)
			i += n - 1
		default:
			b.WriteString(regexp.QuoteMeta(p[i : i+1]))
		}
	}
	return b.String()
}
