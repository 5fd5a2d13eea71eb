package shell

import (
	"errors"
	"io"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// A word expands to fields; a field is made of pieces that remember whether they
// were quoted, for splitting comes before globbing and both spare quoted text.
type piece struct {
	s      string
	quoted bool
}

type field []piece

func (f field) text() string {
	if len(f) == 1 {
		return f[0].s
	}
	var b strings.Builder
	for _, p := range f {
		b.WriteString(p.s)
	}
	return b.String()
}

// pattern is the field as a pattern: quoted text stands for itself.
func (f field) pattern() string {
	var b strings.Builder
	for _, p := range f {
		if p.quoted {
			b.WriteString(escapePattern(p.s))
		} else {
			b.WriteString(p.s)
		}
	}
	return b.String()
}

// builder gathers the fields of a word.
type builder struct {
	s      *Shell
	fields []field
	cur    field
	has    bool
	split  bool // unquoted expansions are split
	size   int

	charged int // of size: what the process has been charged for
}

func (b *builder) add(str string, quoted bool) {
	if str == "" && !quoted {
		return
	}
	b.size += len(str)
	if b.size > maxValue {
		b.s.errorf("cannot allocate memory")
		b.s.fatal(2)
		return
	}
	if b.s.grown += len(str) + 16; b.size-b.charged >= settleEvery {
		b.s.held += int64(b.size - b.charged)
		b.s.t.Alloc(int64(b.size - b.charged))
		b.charged = b.size
	}
	b.cur = append(b.cur, piece{str, quoted})
	b.has = true
}

func (b *builder) flush() {
	if b.has {
		b.fields = append(b.fields, b.cur)
		b.cur, b.has = nil, false
	}
}

// addSplit adds the value of an unquoted expansion, split by IFS.
func (b *builder) addSplit(v string) {
	if !b.split {
		b.add(v, false)
		return
	}
	ifs := " \t\n"
	if x, ok := b.s.vars["IFS"]; ok && x.set {
		ifs = x.str
	} else if ok {
		ifs = " \t\n"
	}
	if ifs == "" {
		b.add(v, false)
		return
	}
	white := func(c byte) bool { return (c == ' ' || c == '\t' || c == '\n') && strings.IndexByte(ifs, c) >= 0 }
	afterWhite := false
	start := 0
	for i := 0; i < len(v); {
		c := v[i]
		if strings.IndexByte(ifs, c) < 0 {
			afterWhite = false
			i++
			continue
		}
		if start < i {
			b.add(v[start:i], false)
		}
		if white(c) {
			if b.has {
				b.flush()
				afterWhite = true
			}
			i++
		} else {
			if b.has {
				b.flush()
			} else if !afterWhite {
				b.fields = append(b.fields, field{piece{"", true}})
			}
			afterWhite = false
			i++
			for i < len(v) && white(v[i]) {
				i++
			}
		}
		start = i
	}
	if start < len(v) {
		b.add(v[start:], false)
	}
}

// fields expands words to arguments: braces, tilde, parameters, commands,
// arithmetic, splitting, globbing, quotes.
func (s *Shell) fields(words ...*syntax.Word) []string {
	var out []string
	for _, w := range words {
		for _, x := range s.braces(w) {
			b := &builder{s: s, split: true}
			s.word(b, x, false)
			b.flush()
			if s.ctl != ctlNone {
				return out
			}
			for _, f := range b.fields {
				out = s.glob(out, f)
			}
		}
	}
	return out
}

// literal expands a word to one string: no splitting, no globbing.
func (s *Shell) literal(w *syntax.Word) string {
	if w == nil {
		return ""
	}
	if len(w.Parts) == 1 {
		if l, ok := w.Parts[0].(*syntax.Lit); ok && strings.IndexByte(l.Value, '\\') < 0 && (l.Value == "" || l.Value[0] != '~') {
			return l.Value
		}
	}
	b := &builder{s: s}
	s.word(b, w, false)
	b.flush()
	return joinFields(b.fields)
}

func joinFields(fs []field) string {
	if len(fs) == 1 {
		return fs[0].text()
	}
	var parts []string
	for _, f := range fs {
		parts = append(parts, f.text())
	}
	return strings.Join(parts, " ")
}

// assignWord expands the right side of an assignment: tilde after colons too.
func (s *Shell) assignWord(w *syntax.Word) string {
	b := &builder{s: s}
	s.word(b, w, true)
	b.flush()
	return joinFields(b.fields)
}

// patternWord expands a word to a pattern.
func (s *Shell) patternWord(w *syntax.Word) string {
	if w == nil {
		return ""
	}
	b := &builder{s: s}
	s.word(b, w, false)
	b.flush()
	var parts []string
	for _, f := range b.fields {
		parts = append(parts, f.pattern())
	}
	return strings.Join(parts, " ")
}

// braces makes the words of a brace expansion; dash has none.
func (s *Shell) braces(w *syntax.Word) []*syntax.Word {
	if s.d != Bash || s.opts['B'] {
		return []*syntax.Word{w}
	}
	hasBrace := false
	for _, p := range w.Parts {
		if l, ok := p.(*syntax.Lit); ok && strings.IndexByte(l.Value, '{') >= 0 {
			hasBrace = true
		}
	}
	if !hasBrace {
		return []*syntax.Word{w}
	}
	c := &syntax.Word{Parts: append([]syntax.WordPart(nil), w.Parts...)}
	if !syntax.SplitBraces(c) {
		return []*syntax.Word{w}
	}
	return s.expandBraces(c)
}

const maxBraces = 1 << 20

func (s *Shell) expandBraces(w *syntax.Word) []*syntax.Word {
	out := []*syntax.Word{{}}
	for _, p := range w.Parts {
		be, ok := p.(*syntax.BraceExp)
		if !ok {
			for _, o := range out {
				o.Parts = append(o.Parts, p)
			}
			continue
		}
		var alts []*syntax.Word
		if be.Sequence {
			alts = s.braceSeq(be)
		} else {
			for _, e := range be.Elems {
				alts = append(alts, s.expandBraces(e)...)
			}
		}
		if len(alts)*len(out) > maxBraces {
			s.errorf("cannot allocate memory")
			s.fatal(2)
			return nil
		}
		next := make([]*syntax.Word, 0, len(out)*len(alts))
		for _, o := range out {
			for _, a := range alts {
				parts := make([]syntax.WordPart, 0, len(o.Parts)+len(a.Parts))
				next = append(next, &syntax.Word{Parts: append(append(parts, o.Parts...), a.Parts...)})
			}
		}
		out = next
	}
	return out
}

func (s *Shell) braceSeq(be *syntax.BraceExp) []*syntax.Word {
	lit := func(v string) *syntax.Word { return &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: v}}} }
	text := func(i int) string {
		if i < len(be.Elems) {
			return be.Elems[i].Lit()
		}
		return ""
	}
	a, b := text(0), text(1)
	step := int64(1)
	if len(be.Elems) > 2 {
		step, _ = strconv.ParseInt(text(2), 10, 64)
		if step < 0 {
			step = -step
		}
		if step == 0 {
			step = 1
		}
	}
	x, errA := strconv.ParseInt(a, 10, 64)
	y, errB := strconv.ParseInt(b, 10, 64)
	var out []*syntax.Word
	if errA == nil && errB == nil {
		width := 0
		if len(a) > 1 && strings.TrimLeft(a, "-")[0] == '0' || len(b) > 1 && strings.TrimLeft(b, "-")[0] == '0' {
			width = max(len(a), len(b))
		}
		for v := x; ; {
			t := strconv.FormatInt(v, 10)
			for len(t) < width {
				if t[0] == '-' {
					t = "-0" + t[1:]
				} else {
					t = "0" + t
				}
			}
			out = append(out, lit(t))
			if len(out) > maxBraces {
				return out
			}
			if x <= y {
				if v += step; v > y {
					break
				}
			} else if v -= step; v < y {
				break
			}
		}
		return out
	}
	if len(a) != 1 || len(b) != 1 {
		return []*syntax.Word{lit("{" + a + ".." + b + "}")}
	}
	for v := int64(a[0]); ; {
		out = append(out, lit(string(rune(v))))
		if a[0] <= b[0] {
			if v += step; v > int64(b[0]) {
				break
			}
		} else if v -= step; v < int64(b[0]) {
			break
		}
	}
	return out
}

// word expands the parts of a word into b.
func (s *Shell) word(b *builder, w *syntax.Word, assign bool) {
	for i, p := range w.Parts {
		if s.ctl != ctlNone {
			return
		}
		switch p := p.(type) {
		case *syntax.Lit:
			v := p.Value
			if i == 0 && v != "" && v[0] == '~' {
				v = s.tilde(b, v, len(w.Parts) > 1, assign)
			}
			s.lit(b, v, assign)
		case *syntax.SglQuoted:
			if p.Dollar {
				b.add(ansiC(p.Value), true)
			} else {
				b.add(p.Value, true)
			}
		case *syntax.DblQuoted:
			s.dquote(b, p.Parts)
		case *syntax.ParamExp:
			s.param(b, p, false)
		case *syntax.CmdSubst:
			b.addSplit(s.cmdSubst(p))
		case *syntax.ArithmExp:
			b.addSplit(s.arithExp(p))
		case *syntax.ProcSubst:
			b.add(s.procSubst(p), true)
		case *syntax.ExtGlob:
			b.add(p.Op.String()+p.Pattern.Value+")", false)
		case *syntax.BraceExp:
			// Only reached where braces do not expand: print it as it was.
			var sb strings.Builder
			_ = syntax.NewPrinter().Print(&sb, &syntax.Word{Parts: []syntax.WordPart{p}})
			b.add(sb.String(), false)
		}
	}
}

// arithExp is $((..)). Its source is kept for what errors say.
func (s *Shell) arithExp(p *syntax.ArithmExp) string {
	old := s.arithNode
	s.arithNode = p.X
	v := s.arith(p.X)
	s.arithNode = old
	return strconv.FormatInt(v, 10)
}

// lit adds unquoted literal text: a backslash quotes what follows.
func (s *Shell) lit(b *builder, v string, assign bool) {
	for v != "" {
		i := strings.IndexByte(v, '\\')
		if assign {
			if k := strings.Index(v, ":~"); k >= 0 && (i < 0 || k < i) {
				b.add(v[:k+1], false)
				v = s.tilde(b, v[k+1:], false, true)
				if v != "" && v[0] == '~' {
					b.add("~", false)
					v = v[1:]
				}
				continue
			}
		}
		if i < 0 {
			b.add(v, false)
			return
		}
		b.add(v[:i], false)
		if i+1 >= len(v) {
			b.add(`\`, true)
			return
		}
		if v[i+1] == '\n' {
			v = v[i+2:]
			continue
		}
		_, n := utf8.DecodeRuneInString(v[i+1:])
		b.add(v[i+1:i+1+n], true)
		v = v[i+1+n:]
	}
}

// tilde expands ~ and ~user at the start of v and gives the rest.
func (s *Shell) tilde(b *builder, v string, more, assign bool) string {
	end := len(v)
	stop := "/"
	if assign {
		stop = "/:"
	}
	if i := strings.IndexAny(v, stop); i >= 0 {
		end = i
	} else if more {
		return v // the name goes on in a quoted or expanded part
	}
	user := v[1:end]
	if strings.ContainsAny(user, "\\") {
		return v
	}
	var home string
	switch {
	case user == "":
		h, ok := s.lookup("HOME")
		if !ok {
			if u, ok := s.lookupUser(""); ok {
				h = u.Home
			}
		}
		home = h
	case user == "+":
		home = s.get("PWD")
	case user == "-":
		home = s.get("OLDPWD")
	default:
		u, ok := s.lookupUser(user)
		if !ok {
			return v
		}
		home = u.Home
	}
	b.add(home, true)
	return v[end:]
}

// dquote expands what stands in double quotes.
func (s *Shell) dquote(b *builder, parts []syntax.WordPart) {
	// "$@" alone with no parameters gives no field at all.
	only := len(parts) > 0
	for _, p := range parts {
		pe, ok := p.(*syntax.ParamExp)
		if !ok || !isAt(pe) {
			only = false
		}
	}
	if !only {
		b.add("", true)
		b.has = true
	}
	for _, p := range parts {
		if s.ctl != ctlNone {
			return
		}
		switch p := p.(type) {
		case *syntax.Lit:
			b.add(dquoteLit(p.Value), true)
		case *syntax.ParamExp:
			s.param(b, p, true)
		case *syntax.CmdSubst:
			b.add(s.cmdSubst(p), true)
		case *syntax.ArithmExp:
			b.add(s.arithExp(p), true)
		case *syntax.SglQuoted:
			b.add(ansiC(p.Value), true)
		case *syntax.DblQuoted:
			s.dquote(b, p.Parts)
		case *syntax.ProcSubst:
			b.add(s.procSubst(p), true)
		}
	}
}

func isAt(p *syntax.ParamExp) bool {
	if p.Param == nil || p.Length {
		return false
	}
	if p.Param.Value == "@" {
		return p.Exp == nil || p.Exp.Op != syntax.DefaultUnset && p.Exp.Op != syntax.DefaultUnsetOrNull
	}
	return indexIs(p.Index, "@") && !p.Excl
}

func indexIs(x syntax.ArithmExpr, want string) bool {
	w, ok := x.(*syntax.Word)
	return ok && w.Lit() == want
}

// dquoteLit takes the backslashes that quote inside double quotes away.
func dquoteLit(v string) string {
	if strings.IndexByte(v, '\\') < 0 {
		return v
	}
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) {
			switch v[i+1] {
			case '$', '`', '"', '\\':
				i++
				b.WriteByte(v[i])
				continue
			case '\n':
				i++
				continue
			}
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

// ansiC decodes $'..'; a NUL ends it.
func ansiC(v string) string {
	out, _ := unescape(v, Bash, inQuotes)
	out, _, _ = strings.Cut(out, "\x00")
	return out
}

// escapes says where backslash escapes stand.
type escapes int

const (
	inQuotes escapes = iota // $'..': \cX is a control character, quotes have escapes, \0 is octal as any digit
	inPrintf                // %b: \0 stands before up to three octal digits, \c ends the output
	inEcho                  // as in %b, but bash wants the 0 of an octal number
)

// unescape decodes the backslash escapes that a dialect knows; stop tells that \c
// ends the output.
func unescape(v string, d Dialect, where escapes) (out string, stop bool) {
	ansi := where == inQuotes
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] != '\\' || i+1 >= len(v) {
			b.WriteByte(v[i])
			continue
		}
		i++
		switch c := v[i]; c {
		case 'a':
			b.WriteByte(7)
		case 'b':
			b.WriteByte(8)
		case 'c':
			if !ansi {
				return b.String(), true
			}
			if i+1 < len(v) {
				i++
				b.WriteByte(v[i] & 0x1f)
			}
		case 'e', 'E':
			if c == 'E' && d != Bash {
				b.WriteString(`\E`)
				continue
			}
			b.WriteByte(27)
		case 'f':
			b.WriteByte(12)
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'v':
			b.WriteByte(11)
		case '\\':
			b.WriteByte('\\')
		case '\'', '"', '?':
			if !ansi {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		case 'x', 'u', 'U':
			most := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			n, k := uint64(0), 0
			if d == Dash || d == Ash && c != 'x' {
				most = 0 // none of theirs
			}
			for k < most && i+1 < len(v) && isHex(v[i+1]) {
				d, _ := strconv.ParseUint(v[i+1:i+2], 16, 8)
				n = n*16 + d
				i++
				k++
			}
			switch {
			case k == 0:
				b.WriteByte('\\')
				b.WriteByte(c)
			case c == 'x':
				b.WriteByte(byte(n))
			default:
				b.WriteRune(rune(n))
			}
		case '0', '1', '2', '3', '4', '5', '6', '7':
			if c != '0' && where == inEcho && d == Bash {
				b.WriteByte('\\')
				b.WriteByte(c)
				continue
			}
			if c == '0' && !ansi {
				i++
			}
			n, k := 0, 0
			for k < 3 && i < len(v) && v[i] >= '0' && v[i] <= '7' {
				n = n*8 + int(v[i]-'0')
				i++
				k++
			}
			i--
			b.WriteByte(byte(n))
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), false
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func (s *Shell) unbound(name string) {
	switch s.d {
	case Bash:
		s.errorf("%s: unbound variable", name)
		s.fatal(1)
		if s.cmdLine {
			s.status = 127
		}
	case Dash:
		s.errorf("%s: parameter not set", name)
		s.fatal(2)
	default:
		s.errorf("%s: parameter not set", name)
		s.fatal(2)
	}
}

// ifsFirst is what "$*" is joined by.
func (s *Shell) ifsFirst() string {
	v, ok := s.vars["IFS"]
	if !ok || !v.set {
		return " "
	}
	if v.str == "" {
		return ""
	}
	_, n := utf8.DecodeRuneInString(v.str)
	return v.str[:n]
}

// param expands a parameter expansion.
func (s *Shell) param(b *builder, p *syntax.ParamExp, quoted bool) {
	if p.Param == nil {
		s.unknown("construct", "nested parameter expansion", "")
		return
	}
	name := p.Param.Value
	put := func(v string) {
		if quoted {
			b.add(v, true)
		} else {
			b.addSplit(v)
		}
	}
	if p.Names != 0 {
		var names []string
		for k, v := range s.vars {
			if strings.HasPrefix(k, name) && k[0] != 0 && (v.set || v.arr != nil) {
				names = append(names, k)
			}
		}
		sort.Strings(names)
		s.putList(b, names, p.Names == syntax.NamesPrefixWords, quoted)
		return
	}
	star := name == "*" || indexIs(p.Index, "*")
	atw := name == "@" || indexIs(p.Index, "@")
	if p.Excl && (indexIs(p.Index, "@") || indexIs(p.Index, "*")) {
		var keys []string
		v := s.vars[s.resolve(name)]
		switch {
		case v == nil:
		case v.assoc != nil:
			keys = v.keys
		case v.arr != nil:
			for _, i := range v.indices() {
				keys = append(keys, strconv.Itoa(i))
			}
		case v.set:
			keys = []string{"0"}
		}
		s.putList(b, keys, atw, quoted)
		return
	}
	if p.Excl {
		// Indirect: the value is the name.
		if v := s.vars[name]; v != nil && v.nameref {
			put(v.str)
			return
		}
		n, _ := s.lookup(name)
		if p.Index != nil {
			n, _ = s.element(name, p.Index)
		}
		if n == "" {
			if s.d == Bash {
				s.errorf("%s: invalid indirect expansion", name)
				s.fatal(1)
			}
			return
		}
		q := *p
		q.Excl, q.Index = false, nil
		if base, idx, ok := strings.Cut(n, "["); ok && strings.HasSuffix(idx, "]") {
			q.Param = &syntax.Lit{Value: base}
			x, err := syntax.NewParser().Arithmetic(strings.NewReader(strings.TrimSuffix(idx, "]")))
			if idx == "@]" || idx == "*]" {
				x, err = &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: idx[:1]}}}, nil
			}
			if err == nil {
				q.Index = x
			}
		} else {
			q.Param = &syntax.Lit{Value: n}
		}
		s.param(b, &q, quoted)
		return
	}
	if p.Length {
		switch {
		case name == "@" || name == "*":
			put(strconv.Itoa(len(s.params)))
		case star || atw:
			put(strconv.Itoa(len(s.array(name))))
		default:
			v, ok := s.value(p)
			if !ok && s.opts['u'] {
				s.unbound(name)
				return
			}
			put(strconv.Itoa(utf8.RuneCountInString(v)))
		}
		return
	}
	if star || atw {
		list := s.array(name)
		set := len(list) > 0
		if p.Slice != nil {
			list = s.sliceList(list, p.Slice, name == "@" || name == "*")
		}
		if p.Repl != nil {
			list = s.mapList(list, func(v string) string { return s.replace(v, p.Repl) })
		}
		if p.Exp != nil {
			switch p.Exp.Op {
			case syntax.AlternateUnset, syntax.AlternateUnsetOrNull, syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull, syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
				if !s.conditional(b, p, strings.Join(list, " "), set, quoted) {
					return
				}
			default:
				list = s.mapList(list, func(v string) string { return s.transform(v, p, true) })
			}
		}
		s.putList(b, list, atw, quoted)
		return
	}
	v, ok := s.value(p)
	if s.ctl != ctlNone {
		return
	}
	if p.Exp != nil {
		switch p.Exp.Op {
		case syntax.AlternateUnset, syntax.AlternateUnsetOrNull, syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull, syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
			if s.conditional(b, p, v, ok, quoted) {
				put(v)
			}
			return
		}
	}
	if !ok && s.opts['u'] {
		s.unbound(name)
		return
	}
	if p.Slice != nil {
		v = s.sliceString(v, p.Slice)
	}
	if p.Repl != nil {
		v = s.replace(v, p.Repl)
	}
	if p.Exp != nil {
		v = s.transform(v, p, ok)
	}
	put(v)
}

func (s *Shell) value(p *syntax.ParamExp) (string, bool) {
	if p.Index != nil {
		return s.element(p.Param.Value, p.Index)
	}
	return s.lookup(p.Param.Value)
}

func (s *Shell) mapList(l []string, f func(string) string) []string {
	out := make([]string, len(l))
	for i, v := range l {
		out[i] = f(v)
	}
	return out
}

// putList adds a list as "$@" or "$*" does.
func (s *Shell) putList(b *builder, l []string, at, quoted bool) {
	switch {
	case quoted && !at:
		b.add(strings.Join(l, s.ifsFirst()), true)
	case quoted:
		for i, v := range l {
			if i > 0 {
				b.flush()
			}
			b.add(v, true)
			b.has = true
		}
	case !b.split:
		sep := " "
		if !at {
			sep = s.ifsFirst()
		}
		b.add(strings.Join(l, sep), false)
	default:
		for i, v := range l {
			if i > 0 {
				b.flush()
			}
			b.addSplit(v)
		}
	}
}

// conditional handles ${v:-w} and its kin. It reports whether the value itself
// is to be added.
func (s *Shell) conditional(b *builder, p *syntax.ParamExp, v string, set, quoted bool) bool {
	null := v == ""
	op := p.Exp.Op
	colon := op == syntax.AlternateUnsetOrNull || op == syntax.DefaultUnsetOrNull || op == syntax.AssignUnsetOrNull || op == syntax.ErrorUnsetOrNull
	missing := !set || colon && null
	sub := func() {
		if p.Exp.Word == nil {
			return
		}
		if quoted {
			// Inside double quotes the word is as in double quotes; quotes in it
			// still group.
			q := &builder{s: s}
			s.quotedWord(q, p.Exp.Word)
			q.flush()
			b.add(joinFields(q.fields), true)
			return
		}
		s.word(b, p.Exp.Word, false)
	}
	switch op {
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		if !missing {
			sub()
		}
		return false
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull:
		if missing {
			s.splitWord(b, p.Exp.Word, quoted, sub)
			return false
		}
		return true
	case syntax.AssignUnset, syntax.AssignUnsetOrNull:
		if !missing {
			return true
		}
		val := ""
		if p.Exp.Word != nil {
			val = s.literal(p.Exp.Word)
		}
		name := p.Param.Value
		if !validName(name) {
			s.errorf("$%s: cannot assign in this way", name)
			s.fatal(1)
			return false
		}
		if p.Index != nil {
			s.assignElement(name, p.Index, val, false)
		} else {
			s.assign(name, val)
		}
		if quoted {
			b.add(val, true)
		} else {
			b.addSplit(val)
		}
		return false
	default:
		if !missing {
			return true
		}
		msg := "parameter null or not set"
		if s.d == Dash || s.d == Ash {
			msg = "parameter not set"
			if colon {
				msg = "parameter not set or null"
			}
		} else if !colon {
			msg = "parameter not set"
		}
		if p.Exp.Word != nil {
			if m := s.literal(p.Exp.Word); m != "" {
				msg = m
			}
		}
		s.errorf("%s: %s", p.Param.Value, msg)
		if s.d == Bash {
			s.fatal(127)
			if !s.cmdLine {
				s.status = 1
			}
			if s.cmdLine {
				s.status = 127
			}
		} else {
			s.fatal(2)
		}
		return false
	}
}

// splitWord adds the word of ${v:-w} unquoted: expansions in it and its literal
// blanks split.
func (s *Shell) splitWord(b *builder, w *syntax.Word, quoted bool, sub func()) {
	if w == nil {
		return
	}
	if quoted || !b.split {
		sub()
		return
	}
	for i, p := range w.Parts {
		if l, ok := p.(*syntax.Lit); ok {
			v := l.Value
			if i == 0 && v != "" && v[0] == '~' {
				v = s.tilde(b, v, len(w.Parts) > 1, false)
			}
			for v != "" {
				k := strings.IndexByte(v, '\\')
				if k < 0 || k+1 >= len(v) {
					b.addSplit(v)
					break
				}
				b.addSplit(v[:k])
				_, n := utf8.DecodeRuneInString(v[k+1:])
				b.add(v[k+1:k+1+n], true)
				v = v[k+1+n:]
			}
			continue
		}
		s.word(b, &syntax.Word{Parts: []syntax.WordPart{p}}, false)
	}
}

// quotedWord expands a word that stands inside double quotes.
func (s *Shell) quotedWord(b *builder, w *syntax.Word) {
	for _, p := range w.Parts {
		switch p := p.(type) {
		case *syntax.Lit:
			b.add(dquoteLit(p.Value), true)
		case *syntax.SglQuoted:
			if p.Dollar {
				b.add(ansiC(p.Value), true)
			} else {
				b.add("'"+p.Value+"'", true)
			}
		case *syntax.DblQuoted:
			s.dquote(b, p.Parts)
		default:
			s.dquote(b, []syntax.WordPart{p})
		}
	}
}

func (s *Shell) replace(v string, r *syntax.Replace) string {
	pat := s.patternWord(r.Orig)
	with := ""
	if r.With != nil {
		with = s.literal(r.With)
	}
	s.t.Tick(int64(len(v) / 16))
	return replacePattern(v, pat, with, r.All, s.ext(), s.d == Bash && s.shopt["patsub_replacement"] && hasAmp(r.With))
}

// hasAmp tells whether the replacement has an & that no quotes protect.
func hasAmp(w *syntax.Word) bool {
	if w == nil {
		return false
	}
	for _, p := range w.Parts {
		if l, ok := p.(*syntax.Lit); ok && strings.Contains(strings.ReplaceAll(l.Value, `\&`, ""), "&") {
			return true
		}
	}
	return false
}

func (s *Shell) ext() bool { return s.d == Bash && s.shopt["extglob"] }

// transform applies the operators that change a value.
func (s *Shell) transform(v string, p *syntax.ParamExp, set bool) string {
	op := p.Exp.Op
	switch op {
	case syntax.RemSmallSuffix, syntax.RemLargeSuffix, syntax.RemSmallPrefix, syntax.RemLargePrefix:
		pat := s.patternWord(p.Exp.Word)
		s.t.Tick(int64(len(v) / 16))
		return trimPattern(v, pat, op == syntax.RemSmallSuffix || op == syntax.RemLargeSuffix, op == syntax.RemLargeSuffix || op == syntax.RemLargePrefix, s.ext() || s.d == Bash)
	case syntax.UpperFirst, syntax.UpperAll, syntax.LowerFirst, syntax.LowerAll:
		pat := "?"
		if p.Exp.Word != nil {
			if x := s.patternWord(p.Exp.Word); x != "" {
				pat = x
			}
		}
		conv := unicode.ToUpper
		if op == syntax.LowerFirst || op == syntax.LowerAll {
			conv = unicode.ToLower
		}
		var b strings.Builder
		for i, r := range v {
			if (op == syntax.UpperAll || op == syntax.LowerAll || i == 0) && match(pat, string(r), true, false) {
				r = conv(r)
			}
			b.WriteRune(r)
		}
		return b.String()
	case syntax.OtherParamOps:
		switch p.Exp.Word.Lit() {
		case "Q":
			if !set {
				return ""
			}
			if q := quoteWord(v, Bash); strings.HasPrefix(q, "$'") {
				return q
			}
			return "'" + strings.ReplaceAll(v, "'", `'\''`) + "'"
		case "E":
			return ansiC(v)
		case "U":
			return strings.ToUpper(v)
		case "u":
			r, n := utf8.DecodeRuneInString(v)
			if n == 0 {
				return v
			}
			return string(unicode.ToUpper(r)) + v[n:]
		case "L":
			return strings.ToLower(v)
		case "P":
			return s.prompt(v)
		case "a":
			return s.vars[s.resolve(p.Param.Value)].attrs()
		case "A":
			return p.Param.Value + "=" + "'" + strings.ReplaceAll(v, "'", `'\''`) + "'"
		}
	}
	return v
}

func (s *Shell) sliceString(v string, sl *syntax.Slice) string {
	r := []rune(v)
	n := int64(len(r))
	off := s.arith(sl.Offset)
	if off < 0 {
		off += n
		if off < 0 {
			return ""
		}
	}
	if off > n {
		return ""
	}
	end := n
	if sl.Length != nil {
		l := s.arith(sl.Length)
		if l < 0 {
			end = n + l
			if end < off {
				s.errorf("%d: substring expression < 0", l)
				s.fatal(1)
				return ""
			}
		} else {
			end = min(off+l, n)
		}
	}
	return string(r[off:end])
}

func (s *Shell) sliceList(l []string, sl *syntax.Slice, positional bool) []string {
	off := s.arith(sl.Offset)
	if positional {
		l = append([]string{s.arg0}, l...)
		if off < 0 {
			off += int64(len(l))
			if off < 0 {
				return nil
			}
		}
	} else if off < 0 {
		off += int64(len(l))
		if off < 0 {
			return nil
		}
	}
	if off > int64(len(l)) {
		return nil
	}
	l = l[off:]
	if sl.Length != nil {
		n := s.arith(sl.Length)
		if n < 0 {
			return nil
		}
		l = l[:min(n, int64(len(l)))]
	}
	return l
}

// cmdSubst runs a command substitution and gives its output without the newlines
// at its end.
func (s *Shell) cmdSubst(c *syntax.CmdSubst) string {
	if len(c.Stmts) == 0 {
		s.subst = 0
		return ""
	}
	if s.depth > maxDepth {
		s.errorf("maximum nesting level exceeded")
		s.fatal(2)
		return ""
	}
	// $(< file) reads the file by itself.
	if st := c.Stmts[0]; len(c.Stmts) == 1 && st.Cmd == nil && len(st.Redirs) == 1 && st.Redirs[0].Op == syntax.RdrIn && s.d != Dash {
		name := s.literal(st.Redirs[0].Word)
		b, err := s.t.ReadFile(name)
		if err != nil {
			s.openErr(name, err, false)
			s.subst = 1
			return ""
		}
		s.subst = 0
		return strings.TrimRight(strings.ReplaceAll(string(b), "\x00", ""), "\n")
	}
	r, w, err := s.t.Pipe()
	if err != nil {
		s.errorf("cannot make pipe for command substitution: %s", errText(err))
		s.subst = 1
		return ""
	}
	child, err := s.fork(func(x *Shell) {
		x.t.Close(r)
		if w != 1 {
			x.t.Dup2(w, 1)
			x.t.Close(w)
		}
		x.depth++
		x.noErr = s.noErr
		if s.d == Bash && !s.posix && !s.shopt["inherit_errexit"] {
			x.opts['e'] = false
		}
		x.stmts(c.Stmts)
	})
	s.t.Close(w)
	if err != nil {
		s.t.Close(r)
		s.forkErr(err)
		return ""
	}
	var sb strings.Builder
	buf := make([]byte, 8<<10)
	nul, told := false, 0
	for {
		n, err := s.t.Read(r, buf)
		if n > 0 {
			if sb.Len()+n > maxValue {
				break
			}
			sb.Write(buf[:n])
			if sb.Len()-told >= settleEvery {
				s.grew(sb.Len() - told)
				told = sb.Len()
			}
			continue
		}
		if err != nil && errors.Is(err, vfs.EINTR) {
			continue
		}
		break
	}
	s.t.Close(r)
	s.subst = s.waitFor(child.PID())
	if s.d == Bash {
		s.status = s.subst // $? later in the same line sees it
	}
	out := sb.String()
	if strings.IndexByte(out, 0) >= 0 {
		out = strings.ReplaceAll(out, "\x00", "")
		nul = true
	}
	if nul && s.d == Bash {
		s.errorf("warning: command substitution: ignored null byte in input")
	}
	return strings.TrimRight(out, "\n")
}

// procSubst starts <(..) or >(..) and gives the descriptor's path.
func (s *Shell) procSubst(p *syntax.ProcSubst) string {
	r, w, err := s.t.Pipe()
	if err != nil {
		s.errorf("cannot make pipe for process substitution: %s", errText(err))
		return ""
	}
	mine, theirs, fd := r, w, 1
	if p.Op == syntax.CmdOut {
		mine, theirs, fd = w, r, 0
	}
	// High numbers stay clear of what scripts use.
	if n, err := s.t.Dup(mine, 63); err == nil {
		s.t.Close(mine)
		mine = n
	}
	_, err = s.fork(func(x *Shell) {
		x.t.Close(mine)
		x.t.Dup2(theirs, fd)
		x.t.Close(theirs)
		x.stmts(p.Stmts)
	})
	s.t.Close(theirs)
	if err != nil {
		s.forkErr(err)
		return ""
	}
	s.subFds = append(s.subFds, mine)
	return "/dev/fd/" + strconv.Itoa(mine)
}

// glob adds the names that f matches, or f itself.
func (s *Shell) glob(out []string, f field) []string {
	if s.opts['f'] {
		return append(out, f.text())
	}
	meta := false
	for _, p := range f {
		if !p.quoted && hasMeta(p.s, s.ext()) || !p.quoted && strings.IndexByte(p.s, '[') >= 0 {
			meta = true
		}
	}
	if !meta {
		return append(out, f.text())
	}
	pat := f.pattern()
	if !hasMeta(pat, s.ext()) {
		return append(out, f.text())
	}
	names := s.globPattern(pat)
	if len(names) == 0 {
		if s.shopt["failglob"] {
			s.errorf("no match: %s", f.text())
			s.status = 1
			return out
		}
		if s.shopt["nullglob"] {
			return out
		}
		return append(out, f.text())
	}
	return append(out, names...)
}

const maxGlob = 1 << 18

// globPattern gives the paths that match, sorted.
func (s *Shell) globPattern(pat string) []string {
	abs := strings.HasPrefix(pat, "/")
	var parts []string
	for _, p := range splitSlash(pat) {
		if p != "" {
			parts = append(parts, p)
		}
	}
	dirOnly := strings.HasSuffix(pat, "/")
	cur := []string{""}
	if abs {
		cur = []string{"/"}
	}
	for i, p := range parts {
		last := i == len(parts)-1
		var next []string
		if !hasMeta(p, s.ext()) {
			lit := unescapePattern(p)
			for _, c := range cur {
				n := c + lit
				if last && !dirOnly {
					if _, err := s.t.Lstat(n); err == nil {
						next = append(next, n)
					}
				} else if st, err := s.t.Stat(n); err == nil && st.Mode.IsDir() {
					next = append(next, n+"/")
				}
			}
			cur = next
			continue
		}
		if p == "**" && s.shopt["globstar"] {
			for _, c := range cur {
				next = s.walkDirs(next, c, last && !dirOnly)
			}
			cur = next
			continue
		}
		for _, c := range cur {
			dir := c
			if dir == "" {
				dir = "."
			}
			ents, err := s.t.ReadDir(dir)
			if err != nil {
				continue
			}
			s.t.Tick(int64(len(ents)))
			var names []string
			for _, e := range ents {
				names = append(names, e.Name)
			}
			if p[0] == '.' || s.shopt["dotglob"] {
				if p[0] == '.' && s.d != Bash {
					names = append(names, ".", "..")
				}
			}
			sort.Strings(names)
			for _, n := range names {
				if n[0] == '.' && p[0] != '.' && !(s.shopt["dotglob"] && n != "." && n != "..") {
					continue
				}
				if !match(p, n, s.ext(), s.shopt["nocaseglob"]) {
					continue
				}
				full := c + n
				if last && !dirOnly {
					next = append(next, full)
				} else if st, err := s.t.Stat(full); err == nil && st.Mode.IsDir() {
					next = append(next, full+"/")
				}
				if len(next) > maxGlob {
					return nil
				}
			}
		}
		cur = next
	}
	return cur
}

func (s *Shell) walkDirs(out []string, dir string, files bool) []string {
	d := dir
	if d == "" {
		d = "."
	} else {
		out = append(out, dir)
	}
	if dir == "" && !files {
		out = append(out, "")
	}
	ents, err := s.t.ReadDir(d)
	if err != nil {
		return out
	}
	sort.Slice(ents, func(i, j int) bool { return ents[i].Name < ents[j].Name })
	for _, e := range ents {
		if e.Name[0] == '.' && !s.shopt["dotglob"] || len(out) > maxGlob {
			continue
		}
		full := dir + e.Name
		st, err := s.t.Lstat(full)
		if err != nil {
			continue
		}
		if st.Mode.IsDir() {
			if files {
				out = append(out, full)
				sub := s.walkDirs(nil, full+"/", files)
				if len(sub) > 0 {
					out = append(out, sub[1:]...)
				}
			} else {
				out = s.walkDirs(out, full+"/", files)
			}
		} else if files {
			out = append(out, full)
		}
	}
	return out
}

// splitSlash cuts a pattern at slashes that stand outside brackets.
func splitSlash(p string) []string {
	var out []string
	start := 0
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '/':
			out = append(out, p[start:i])
			start = i + 1
		}
	}
	return append(out, p[start:])
}

// hereDoc gives a here-document's text.
func (s *Shell) hereDoc(r *syntax.Redirect) string {
	if r.Hdoc == nil {
		return ""
	}
	quoted := false
	for _, p := range r.Word.Parts {
		switch p := p.(type) {
		case *syntax.SglQuoted, *syntax.DblQuoted:
			quoted = true
		case *syntax.Lit:
			quoted = quoted || strings.IndexByte(p.Value, '\\') >= 0
		}
	}
	b := &builder{s: s}
	bol := true
	for _, p := range r.Hdoc.Parts {
		if l, ok := p.(*syntax.Lit); ok {
			v := l.Value
			if r.Op == syntax.DashHdoc {
				v = stripTabs(v, bol)
			}
			bol = strings.HasSuffix(v, "\n")
			if quoted {
				b.add(v, true)
			} else {
				b.add(hereLit(v), true)
			}
			continue
		}
		bol = false
		s.dquote(b, []syntax.WordPart{p})
	}
	b.flush()
	return joinFields(b.fields)
}

// hereLit is dquoteLit without the double quote: it is an ordinary character here.
func hereLit(v string) string {
	return dquoteLit(strings.ReplaceAll(v, `\"`, `\\"`))
}

func stripTabs(v string, bol bool) string {
	lines := strings.SplitAfter(v, "\n")
	for i := range lines {
		if i > 0 || bol {
			lines[i] = strings.TrimLeft(lines[i], "\t")
		}
	}
	return strings.Join(lines, "")
}

// readAll reads a descriptor to its end.
func (s *Shell) readAll(fd int, limit int) ([]byte, error) {
	var out []byte
	buf := make([]byte, 8<<10)
	for len(out) < limit {
		n, err := s.t.Read(fd, buf)
		out = append(out, buf[:n]...)
		if n == 0 || err != nil {
			if err != nil && !errors.Is(err, io.EOF) {
				return out, err
			}
			return out, nil
		}
	}
	return out, nil
}

var _ = kernel.O_RDONLY
