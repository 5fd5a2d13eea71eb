package program

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"

	"github.com/whalefall/whalefall/internal/kernel"
)

type sedAddr struct {
	kind byte // n number, $ last, / regex, ~ step, + relative, 0 none
	n, m int
	re   *regex
}

type sedCmd struct {
	a1, a2 sedAddr
	not    bool
	c      byte
	text   string
	re     *regex
	repl   string
	flags  sedFlags
	to     int // jump target for b, t, T and {
	label  string
	active bool
	end    int
	tr     map[rune]rune
}

type sedFlags struct {
	g, p, i, e, m bool
	n             int
	w             string
}

type sed struct {
	p       *P
	ere     bool
	cmds    []*sedCmd
	src     string
	i       int
	quiet   bool
	last    *regex
	space   string
	hold    string
	line    int
	appends []string
	out     *bufio.Writer
	quit    bool
	code    int
	// input
	files         []string
	cur           *bufio.Reader
	curFd         int
	peek          *string
	peekNL, curNL bool
	inplace       bool
	suffix        string
	wfiles        map[string]int
	sep           bool
	name          string
}

func cmdSed(p *P) int {
	opts, args, ok := p.getopt("nEre:f:i::suzl:", "quiet=n", "silent=n", "regexp-extended=E", "expression:=e", "file:=f", "in-place?=i", "separate=s", "unbuffered=u", "null-data=z", "posix=posix", "debug=debug", "sandbox=sandbox", "follow-symlinks=fs")
	if !ok {
		return p.status
	}
	s := &sed{p: p, curFd: -1, wfiles: map[string]int{}}
	var script []string
	have := false
	for _, o := range opts {
		switch o.c {
		case "n":
			s.quiet = true
		case "E", "r":
			s.ere = true
		case "e":
			script = append(script, o.arg)
			have = true
		case "f":
			b, err := p.t.ReadFile(o.arg)
			if err != nil {
				p.errf("couldn't open file %s: %s", o.arg, text(err))
				return 1
			}
			script = append(script, strings.TrimSuffix(string(b), "\n"))
			have = true
		case "i":
			s.inplace, s.suffix, s.sep = true, o.arg, true
		case "s":
			s.sep = true
		}
	}
	if !have {
		if len(args) == 0 {
			p.raw("Usage: %s [OPTION]... {script-only-if-no-other-script} [input-file]...\n", p.name)
			return 1
		}
		script, args = []string{args[0]}, args[1:]
	}
	s.src = strings.Join(script, "\n")
	if err := s.parse(); err != "" {
		if p.bb {
			p.errf("%s", err)
		} else {
			p.errf("-e expression #1, char %d: %s", min(s.i, len(s.src)), err)
		}
		return 1
	}
	s.out = p.out
	if len(args) == 0 {
		args = []string{"-"}
	}
	if s.inplace {
		for _, a := range args {
			s.editInPlace(a)
			if s.quit {
				break
			}
		}
	} else {
		s.files = args
		s.run()
	}
	for _, fd := range s.wfiles {
		p.t.Close(fd)
	}
	if s.code != 0 {
		return s.code
	}
	return p.status
}

func (s *sed) editInPlace(name string) {
	p := s.p
	st, err := p.t.Stat(name)
	if err != nil {
		if p.bb {
			p.fail("%s: %s", name, text(err))
		} else {
			p.errf("can't read %s: %s", name, text(err))
			p.status = 2
		}
		return
	}
	if !st.Mode.IsRegular() {
		p.errf("couldn't edit %s: not a regular file", name)
		p.status = 4
		return
	}
	var buf strings.Builder
	s.out = bufio.NewWriter(&buf)
	s.files = []string{name}
	s.line = 0
	s.run()
	// What is left after a quit is kept.
	if s.cur != nil {
		for {
			l, nl, more := s.next()
			if !more {
				break
			}
			s.out.WriteString(l)
			if nl {
				s.out.WriteByte('\n')
			}
		}
	}
	s.out.Flush()
	if s.suffix != "" {
		bak := name + s.suffix
		if strings.Contains(s.suffix, "*") {
			bak = join(dirname(name), strings.ReplaceAll(s.suffix, "*", base(name)))
		}
		(&copier{p: p, preserve: true, force: true}).copy(name, bak, 0)
	}
	// sed writes a new file and renames it.
	tmp := join(dirname(name), "sed"+strconv.FormatUint(p.t.Kernel().RandUint()%1e6, 36))
	if err := p.t.WriteFile(tmp, []byte(buf.String()), 0o600); err != nil {
		p.errf("couldn't open temporary file %s: %s", tmp, text(err))
		p.status = 4
		return
	}
	_ = p.t.Chmod(tmp, st.Mode.Perm())           // the original tries, and goes on
	_ = p.t.Chown(tmp, int(st.UID), int(st.GID)) // the original tries, and goes on
	if err := p.t.Rename(tmp, name); err != nil {
		p.errf("cannot rename %s: %s", tmp, text(err))
		p.t.Unlink(tmp)
		p.status = 4
	}
}

// next gives the next input line over all files.
func (s *sed) next() (string, bool, bool) {
	if s.peek != nil {
		l := *s.peek
		s.peek = nil
		return l, s.peekNL, true
	}
	for {
		if s.cur == nil {
			if len(s.files) == 0 {
				return "", false, false
			}
			name := s.files[0]
			s.files = s.files[1:]
			if name == "-" {
				s.cur, s.curFd = s.p.in, -1
			} else {
				fd, err := s.p.open(name)
				if err != nil {
					if s.p.bb {
						s.p.fail("%s: %s", name, text(err))
					} else {
						if text(err) == "Is a directory" {
							s.p.errf("couldn't edit %s: not a regular file", name)
						} else {
							s.p.errf("can't read %s: %s", name, text(err))
						}
						s.p.status = 2
					}
					continue
				}
				s.cur, s.curFd = bufio.NewReaderSize(s.p.t.Reader(fd), 32<<10), fd
			}
			s.name = name
		}
		l, nl, more := s.p.readLine(s.cur)
		if more {
			return l, nl, true
		}
		if s.curFd >= 0 {
			s.p.t.Close(s.curFd)
		}
		s.cur = nil
	}
}

func (s *sed) isLast() bool {
	if s.peek != nil {
		return false
	}
	l, nl, more := s.next()
	if !more {
		return true
	}
	s.peek, s.peekNL = &l, nl
	return false
}

func (s *sed) ws() {
	for s.i < len(s.src) && (s.src[s.i] == ' ' || s.src[s.i] == '\t') {
		s.i++
	}
}

// delimited reads up to an unescaped delimiter; \delim becomes delim.
func (s *sed) delimited(d byte, regex bool) (string, bool) {
	var b strings.Builder
	inBracket := false
	for s.i < len(s.src) {
		c := s.src[s.i]
		if c == '\\' && s.i+1 < len(s.src) {
			n := s.src[s.i+1]
			s.i += 2
			switch {
			case n == d && !(regex && strings.IndexByte("|+?(){}", d) >= 0 && false):
				if regex && strings.IndexByte(".*[]^$/+?(){}|&", d) >= 0 && d != '/' && d != '|' && d != '&' {
					b.WriteByte('\\')
				}
				b.WriteByte(n)
			case n == '\n' && regex:
				b.WriteByte('\n')
			default:
				b.WriteByte('\\')
				b.WriteByte(n)
			}
			continue
		}
		if regex && c == '[' && !inBracket {
			inBracket = true
			b.WriteByte(c)
			s.i++
			if s.i < len(s.src) && s.src[s.i] == '^' {
				b.WriteByte('^')
				s.i++
			}
			if s.i < len(s.src) && s.src[s.i] == ']' {
				b.WriteByte(']')
				s.i++
			}
			continue
		}
		if c == ']' && inBracket {
			inBracket = false
		}
		if c == d && !inBracket {
			s.i++
			return b.String(), true
		}
		b.WriteByte(c)
		s.i++
	}
	return "", false
}

func (s *sed) compile(pat string, f sedFlags) (*regex, string) {
	if pat == "" {
		return nil, ""
	}
	r, err := compileFlags(pat, s.ere, f.i, f.m)
	if err != nil {
		return nil, err.Error()
	}
	return r, ""
}

func (s *sed) addr(a *sedAddr) string {
	if s.i >= len(s.src) {
		return ""
	}
	c := s.src[s.i]
	num := func() int {
		n := 0
		for s.i < len(s.src) && s.src[s.i] >= '0' && s.src[s.i] <= '9' {
			n = min(n*10+int(s.src[s.i]-'0'), 1<<30)
			s.i++
		}
		return n
	}
	switch {
	case c >= '0' && c <= '9':
		a.kind, a.n = 'n', num()
		if s.i < len(s.src) && s.src[s.i] == '~' {
			s.i++
			a.kind, a.m = '~', num()
		}
	case c == '$':
		a.kind = '$'
		s.i++
	case c == '+':
		s.i++
		a.kind, a.n = '+', num()
	case c == '/' || c == '\\':
		s.i++
		d := c
		if c == '\\' && s.i < len(s.src) {
			d = s.src[s.i]
			s.i++
		}
		pat, ok := s.delimited(d, true)
		if !ok {
			return "unterminated address regex"
		}
		var f sedFlags
		for s.i < len(s.src) && (s.src[s.i] == 'I' || s.src[s.i] == 'M') {
			f.i = f.i || s.src[s.i] == 'I'
			f.m = f.m || s.src[s.i] == 'M'
			s.i++
		}
		re, e := s.compile(pat, f)
		if e != "" {
			return e
		}
		a.kind, a.re = '/', re
	}
	return ""
}

func (s *sed) parse() string {
	var blocks []int
	labels := map[string]int{}
	for {
		for s.i < len(s.src) && strings.IndexByte(" \t\n;", s.src[s.i]) >= 0 {
			s.i++
		}
		if s.i >= len(s.src) {
			break
		}
		if len(s.cmds) > 10000 {
			return "script too long"
		}
		c := &sedCmd{}
		if e := s.addr(&c.a1); e != "" {
			return e
		}
		s.ws()
		if c.a1.kind != 0 && s.i < len(s.src) && s.src[s.i] == ',' {
			s.i++
			s.ws()
			if e := s.addr(&c.a2); e != "" {
				return e
			}
			if c.a2.kind == 0 {
				return "unexpected `,'"
			}
		}
		s.ws()
		for s.i < len(s.src) && s.src[s.i] == '!' {
			c.not = true
			s.i++
			s.ws()
		}
		if s.i >= len(s.src) {
			return "missing command"
		}
		c.c = s.src[s.i]
		s.i++
		switch c.c {
		case '#':
			for s.i < len(s.src) && s.src[s.i] != '\n' {
				s.i++
			}
			continue
		case '{':
			blocks = append(blocks, len(s.cmds))
		case '}':
			if len(blocks) == 0 {
				return "unexpected `}'"
			}
			s.cmds[blocks[len(blocks)-1]].to = len(s.cmds)
			blocks = blocks[:len(blocks)-1]
		case ':', 'b', 't', 'T':
			s.ws()
			st := s.i
			for s.i < len(s.src) && s.src[s.i] != '\n' && s.src[s.i] != ';' && (c.c == ':' || s.src[s.i] != '}') {
				s.i++
			}
			c.label = strings.TrimSpace(s.src[st:s.i])
			if c.c == ':' {
				labels[c.label] = len(s.cmds)
			}
		case 'a', 'i', 'c':
			s.ws()
			if s.i < len(s.src) && s.src[s.i] == '\\' {
				s.i++
				s.ws()
				if s.i < len(s.src) && s.src[s.i] == '\n' {
					s.i++
				}
			}
			if s.i >= len(s.src) {
				return "expected \\ after `a', `c' or `i'"
			}
			var b strings.Builder
			for s.i < len(s.src) && s.src[s.i] != '\n' {
				if s.src[s.i] == '\\' && s.i+1 < len(s.src) {
					s.i++
					if s.src[s.i] == 't' {
						b.WriteByte('\t')
						s.i++
						continue
					}
				}
				b.WriteByte(s.src[s.i])
				s.i++
			}
			c.text = b.String() + "\n"
		case 's':
			if s.i >= len(s.src) {
				return "unterminated `s' command"
			}
			d := s.src[s.i]
			s.i++
			pat, ok := s.delimited(d, true)
			if !ok {
				return "unterminated `s' command"
			}
			if c.repl, ok = s.delimited(d, false); !ok {
				return "unterminated `s' command"
			}
		flags:
			for s.i < len(s.src) {
				switch f := s.src[s.i]; {
				case f == 'g':
					c.flags.g = true
				case f == 'p':
					c.flags.p = true
				case f == 'i' || f == 'I':
					c.flags.i = true
				case f == 'e':
					c.flags.e = true
				case f == 'm' || f == 'M':
					c.flags.m = true
				case f >= '0' && f <= '9':
					c.flags.n = min(c.flags.n*10+int(f-'0'), 1<<20)
				case f == 'w':
					s.i++
					s.ws()
					st := s.i
					for s.i < len(s.src) && s.src[s.i] != '\n' {
						s.i++
					}
					c.flags.w = s.src[st:s.i]
					break flags
				case f == ';' || f == '\n' || f == '}' || f == ' ' || f == '\t' || f == '#' || f == '\r':
					break flags
				default:
					return "unknown option to `s'"
				}
				s.i++
			}
			re, e := s.compile(pat, c.flags)
			if e != "" {
				return e
			}
			c.re = re
		case 'y':
			if s.i >= len(s.src) {
				return "unterminated `y' command"
			}
			d := s.src[s.i]
			s.i++
			from, ok1 := s.delimited(d, false)
			to, ok2 := s.delimited(d, false)
			if !ok1 || !ok2 {
				return "unterminated `y' command"
			}
			from, _ = unescape(from, false)
			to, _ = unescape(to, false)
			a, b := []rune(from), []rune(to)
			if len(a) != len(b) {
				return "strings for `y' command are different lengths"
			}
			c.tr = map[rune]rune{}
			for i := range a {
				c.tr[a[i]] = b[i]
			}
		case 'r', 'w', 'R', 'W', 'e':
			s.ws()
			st := s.i
			for s.i < len(s.src) && s.src[s.i] != '\n' {
				s.i++
			}
			c.text = s.src[st:s.i]
		case 'q', 'Q', 'l', 'L':
			s.ws()
			st := s.i
			for s.i < len(s.src) && s.src[s.i] >= '0' && s.src[s.i] <= '9' {
				s.i++
			}
			c.end = int(toInt(s.src[st:s.i]))
		case '=', 'd', 'D', 'g', 'G', 'h', 'H', 'n', 'N', 'p', 'P', 'x', 'z', 'F':
		default:
			return "unknown command: `" + string(c.c) + "'"
		}
		s.ws()
		if s.i < len(s.src) && strings.IndexByte("\n;}#\r", s.src[s.i]) < 0 && c.c != '{' && c.c != '}' {
			return "extra characters after command"
		}
		if s.i < len(s.src) && s.src[s.i] == '\r' {
			s.i++
		}
		s.cmds = append(s.cmds, c)
	}
	if len(blocks) > 0 {
		return "unmatched `{'"
	}
	for _, c := range s.cmds {
		if c.c == 'b' || c.c == 't' || c.c == 'T' {
			c.to = len(s.cmds)
			if c.label != "" {
				to, ok := labels[c.label]
				if !ok {
					return "can't find label for jump to `" + c.label + "'"
				}
				c.to = to
			}
		}
	}
	return ""
}

func (s *sed) is(a *sedAddr) bool {
	switch a.kind {
	case 'n':
		return s.line == a.n
	case '$':
		return s.isLast()
	case '~':
		if a.m == 0 {
			return s.line == a.n
		}
		return s.line >= a.n && (s.line-a.n)%a.m == 0
	case '/':
		return s.test(a.re)
	}
	return false
}

func (s *sed) test(r *regex) bool {
	if r == nil {
		r = s.last
	} else {
		s.last = r
	}
	return r != nil && r.match(s.space)
}

func (s *sed) selected(c *sedCmd) bool {
	if c.a1.kind == 0 {
		return true
	}
	if c.a2.kind == 0 {
		return s.is(&c.a1)
	}
	if c.active {
		switch c.a2.kind {
		case 'n':
			if s.line >= c.a2.n {
				c.active = false
				return s.line == c.a2.n
			}
		case '+':
			if s.line >= c.end {
				c.active = false
			}
		default:
			if s.is(&c.a2) {
				c.active = false
			}
		}
		return true
	}
	if s.is(&c.a1) || c.a1.kind == 'n' && c.a1.n == 0 && s.line == 1 {
		c.active = true
		switch c.a2.kind {
		case 'n':
			c.active = c.a2.n > s.line
		case '+':
			c.end = s.line + c.a2.n
			c.active = c.a2.n > 0
		case '/':
			if c.a1.kind == 'n' && c.a1.n == 0 && s.is(&c.a2) {
				c.active = false
			}
		}
		return true
	}
	return false
}

func (s *sed) emit(l string) {
	s.out.WriteString(l)
	if s.curNL {
		s.out.WriteByte('\n')
	}
}

func (s *sed) flushAppends() {
	for _, a := range s.appends {
		if strings.HasPrefix(a, "\x00") {
			if b, err := s.p.t.ReadFile(a[1:]); err == nil {
				s.out.Write(b)
			}
		} else {
			s.out.WriteString(a)
		}
	}
	s.appends = nil
}

func (s *sed) advance() bool {
	l, nl, more := s.next()
	if !more {
		return false
	}
	s.space, s.curNL = l, nl
	s.line++
	return true
}

func (s *sed) run() {
	skipRead := false
	for !s.quit {
		if !skipRead {
			if !s.advance() {
				return
			}
		}
		skipRead = false
		s.p.t.Tick(2)
		subst := false
		steps := 0
		deleted := false
	script:
		for pc := 0; pc < len(s.cmds); pc++ {
			if steps++; steps > 100 {
				steps = 0
				s.p.t.Tick(50)
			}
			c := s.cmds[pc]
			if c.c == ':' || c.c == '}' {
				continue
			}
			if s.selected(c) == c.not {
				if c.c == '{' {
					pc = c.to
				}
				continue
			}
			switch c.c {
			case 's':
				if s.subst(c) {
					subst = true
				}
			case 'y':
				s.space = strings.Map(func(r rune) rune {
					if t, ok := c.tr[r]; ok {
						return t
					}
					return r
				}, s.space)
			case 'd':
				deleted = true
				break script
			case 'D':
				if i := strings.IndexByte(s.space, '\n'); i >= 0 {
					s.space = s.space[i+1:]
					skipRead = true
				}
				deleted = true
				break script
			case 'p':
				s.emit(s.space)
			case 'P':
				l, _, _ := strings.Cut(s.space, "\n")
				s.out.WriteString(l + "\n")
			case 'n':
				if s.isLast() {
					if !s.quiet {
						s.emit(s.space)
					}
					s.flushAppends()
					return
				}
				if !s.quiet {
					s.emit(s.space)
				}
				s.flushAppends()
				s.advance()
			case 'N':
				if s.isLast() {
					if !s.quiet {
						s.emit(s.space)
					}
					s.flushAppends()
					return
				}
				s.flushAppends()
				old := s.space
				s.advance()
				s.space = old + "\n" + s.space
				if len(s.space) > 8<<20 {
					s.p.t.Alloc(1 << 40)
				}
			case 'g':
				s.space = s.hold
			case 'G':
				s.space += "\n" + s.hold
			case 'h':
				s.hold = s.space
			case 'H':
				s.hold += "\n" + s.space
				s.p.t.Alloc(int64(len(s.space)))
			case 'x':
				s.space, s.hold = s.hold, s.space
			case 'z':
				s.space = ""
			case '=':
				fmt.Fprintf(s.out, "%d\n", s.line)
			case 'F':
				s.out.WriteString(s.name + "\n")
			case 'l':
				s.out.WriteString(sedList(s.space) + "\n")
			case 'a':
				s.appends = append(s.appends, c.text)
			case 'i':
				s.out.WriteString(c.text)
			case 'c':
				if c.a2.kind == 0 || !c.active || c.not {
					s.out.WriteString(c.text)
				}
				deleted = true
				break script
			case 'r':
				s.appends = append(s.appends, "\x00"+c.text)
			case 'w':
				s.writeTo(c.text, s.space+"\n")
			case 'b':
				pc = c.to - 1
			case 't':
				if subst {
					subst = false
					pc = c.to - 1
				}
			case 'T':
				if !subst {
					pc = c.to - 1
				}
				subst = false
			case 'q':
				s.quit, s.code = true, c.end
				break script
			case 'Q':
				s.quit, s.code = true, c.end
				deleted = true
				break script
			case 'e':
				s.out.Flush()
				if c.text != "" {
					_, _ = s.p.run([]string{"sh", "-c", c.text})
				}
			}
		}
		if !deleted && !s.quiet {
			s.emit(s.space)
		}
		s.flushAppends()
	}
}

func (s *sed) writeTo(name, l string) {
	switch name {
	case "/dev/stdout":
		s.out.WriteString(l)
		return
	case "/dev/stderr":
		s.p.t.Stderr().Write([]byte(l))
		return
	}
	fd, ok := s.wfiles[name]
	if !ok {
		var err error
		if fd, err = s.p.t.Open(name, kernel.O_WRONLY|kernel.O_CREAT|kernel.O_TRUNC, 0o666); err != nil {
			s.p.errf("couldn't open file %s: %s", name, text(err))
			s.p.status = 4
			return
		}
		s.wfiles[name] = fd
	}
	if _, err := s.p.t.Write(fd, []byte(l)); err != nil {
		s.p.errf("couldn't write %d items to %s: %s", len(l), name, text(err))
		s.p.status = 4
	}
}

func sedList(l string) string {
	var b strings.Builder
	for i := range len(l) {
		switch c := l[i]; {
		case c == '\\':
			b.WriteString(`\\`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\r':
			b.WriteString(`\r`)
		case c < 32 || c >= 127:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + "$"
}

func (s *sed) subst(c *sedCmd) bool {
	r := c.re
	if r == nil {
		r = s.last
	}
	if r == nil {
		return false
	}
	s.last = r
	n := 1
	if c.flags.n > 0 {
		n = c.flags.n
	}
	lim := n
	if c.flags.g {
		lim = -1
	}
	ms := r.all(s.space, lim)
	if len(ms) < n {
		return false
	}
	repl := c.repl
	if s.p.bb {
		repl = noCase.Replace(repl) // BusyBox knows no \U and its kin
	}
	var b strings.Builder
	pos := 0
	for i, m := range ms {
		if i+1 < n {
			continue
		}
		b.WriteString(s.space[pos:m[0]])
		b.WriteString(sedReplace(repl, s.space, m))
		pos = m[1]
		if !c.flags.g {
			break
		}
	}
	b.WriteString(s.space[pos:])
	s.space = b.String()
	s.p.t.Tick(int64(len(s.space) >> 6))
	if len(s.space) > 16<<20 {
		s.p.t.Alloc(1 << 40)
	}
	if c.flags.p {
		s.emit(s.space)
	}
	if c.flags.w != "" {
		s.writeTo(c.flags.w, s.space+"\n")
	}
	return true
}

func sedReplace(repl, src string, m []int) string {
	var b strings.Builder
	mode, one := byte(0), byte(0)
	add := func(t string) {
		if t == "" {
			return
		}
		if mode == 'U' {
			t = strings.ToUpper(t)
		} else if mode == 'L' {
			t = strings.ToLower(t)
		}
		if one == 'u' {
			t = strings.ToUpper(t[:1]) + t[1:]
		} else if one == 'l' {
			t = strings.ToLower(t[:1]) + t[1:]
		}
		one = 0
		b.WriteString(t)
	}
	group := func(g int) {
		if 2*g+1 < len(m) && m[2*g] >= 0 {
			add(src[m[2*g]:m[2*g+1]])
		}
	}
	for i := 0; i < len(repl); i++ {
		c := repl[i]
		if c == '&' {
			group(0)
			continue
		}
		if c != '\\' || i+1 >= len(repl) {
			add(repl[i : i+1])
			continue
		}
		i++
		switch d := repl[i]; {
		case d >= '0' && d <= '9':
			group(int(d - '0'))
		case d == 'n':
			add("\n")
		case d == 't':
			add("\t")
		case d == 'r':
			add("\r")
		case d == 'U' || d == 'L':
			mode = d
		case d == 'E':
			mode = 0
		case d == 'u' || d == 'l':
			one = d
		default:
			add(string(d))
		}
	}
	return b.String()
}

var noCase = strings.NewReplacer(`\\`, `\\`, `\U`, "U", `\L`, "L", `\E`, "E", `\u`, "u", `\l`, "l")
