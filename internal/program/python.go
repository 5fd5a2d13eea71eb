package program

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
)

// python runs what droppers write in Python: downloads by urllib, urllib2 and
// requests, exec of decoded text, os.system, files, simple control flow. It is a
// small evaluator; what it does not know it reports and ends as an import or name
// that is missing would end, with a traceback.
type python struct {
	p     *P
	vars  map[string]any
	toks  []pyTok
	i     int
	two   bool
	depth int
}

type pyTok struct {
	kind byte // n name, s string, d number, o operator, e end
	s    string
	n    float64
}

type pyMod string // a module or attribute path, such as urllib.request

type pyFunc struct {
	name string
	fn   func(a []any, kw map[string]any) any
	body []pyLine
	args []string

	members map[string]any // of a class, what its body and its bases define
}

type pyObj struct {
	kind string
	attr map[string]any
}

// pyErr is a Python exception.
type pyErr struct{ kind, msg string }

type pyExit struct{ code int }
type pyJump struct {
	kind string
	v    any
}

type pyLine struct {
	indent int
	text   string
	no     int
}

func cmdPython(p *P) (code int) {
	y := &python{p: p, vars: map[string]any{}, two: !strings.Contains(p.name, "3")}
	args := p.args
	src, file := "", "<stdin>"
	argv := []any{""}
loop:
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		switch {
		case a == "-c":
			if len(args) == 0 {
				p.raw("Argument expected for the -c option\n")
				return 2
			}
			src, file = args[0], "<string>"
			argv = []any{"-c"}
			for _, x := range args[1:] {
				argv = append(argv, x)
			}
			break loop
		case a == "-V" || a == "--version":
			if y.two {
				p.raw("Python 2.7.18\n")
			} else {
				p.puts("Python 3.10.12\n")
			}
			return 0
		case a == "-m":
			p.unknown("construct", "python -m "+strings.Join(args, " "))
			if len(args) > 0 && args[0] == "pip" {
				p.args = args[1:]
				return cmdPip(p)
			}
			if len(args) > 0 && (args[0] == "http.server" || args[0] == "SimpleHTTPServer") {
				port := "8000"
				if len(args) > 1 {
					port = args[1]
				}
				p.printf("Serving HTTP on 0.0.0.0 port %s (http://0.0.0.0:%s/) ...\n", port, port)
				p.out.Flush()
				for {
					p.t.Pause()
				}
			}
			return 1
		case a == "-":
			break loop
		case strings.HasPrefix(a, "-"):
		default:
			b, err := p.t.ReadFile(a)
			if err != nil {
				p.raw("%s: can't open file '%s': [Errno %d] %s\n", p.name, a, 2, text(err))
				return 2
			}
			src, file = string(b), a
			argv = []any{a}
			for _, x := range args {
				argv = append(argv, x)
			}
			break loop
		}
	}
	if file == "<stdin>" {
		src = string(p.readAll(p.in))
	}
	y.vars["__name__"] = "__main__"
	y.vars["\x00argv"] = argv
	p.t.NoteCode(src)
	defer func() {
		switch x := recover().(type) {
		case nil:
		case pyExit:
			code = x.code
		case pyErr:
			p.raw("Traceback (most recent call last):\n  File \"%s\", line 1, in <module>\n", file)
			if x.msg != "" {
				p.raw("%s: %s\n", x.kind, x.msg)
			} else {
				p.raw("%s\n", x.kind)
			}
			code = 1
		case pyJump:
			code = 0
		default:
			panic(x)
		}
	}()
	y.run(src)
	return 0
}

func (y *python) raise(kind, format string, a ...any) { panic(pyErr{kind, fmt.Sprintf(format, a...)}) }

// run runs a program text.
func (y *python) run(src string) { y.block(y.split(src)) }

// split makes logical lines: brackets, triple quotes and backslashes join.
func (y *python) split(src string) []pyLine {
	if len(src) > 4<<20 {
		y.raise("MemoryError", "")
	}
	var out []pyLine
	var cur strings.Builder
	depth, no := 0, 1
	quote := ""
	flush := func() {
		s := cur.String()
		cur.Reset()
		t := strings.TrimSpace(s)
		if t == "" || t[0] == '#' {
			return
		}
		ind := 0
		for _, c := range s {
			if c == ' ' {
				ind++
			} else if c == '\t' {
				ind += 8
			} else {
				break
			}
		}
		out = append(out, pyLine{ind, t, no})
	}
	for i := 0; i < len(src); i++ {
		c := src[i]
		if quote != "" {
			cur.WriteByte(c)
			if c == '\\' && i+1 < len(src) {
				i++
				cur.WriteByte(src[i])
			} else if strings.HasPrefix(src[i:], quote) {
				cur.WriteString(quote[1:])
				i += len(quote) - 1
				quote = ""
			} else if c == '\n' && len(quote) == 1 {
				y.raise("SyntaxError", "EOL while scanning string literal")
			}
			continue
		}
		switch {
		case c == '\'' || c == '"':
			quote = string(c)
			if strings.HasPrefix(src[i:], strings.Repeat(quote, 3)) {
				quote = strings.Repeat(quote, 3)
			}
			cur.WriteString(quote)
			i += len(quote) - 1
		case c == '#':
			for i+1 < len(src) && src[i+1] != '\n' {
				i++
			}
		case c == '\\' && i+1 < len(src) && src[i+1] == '\n':
			i++
		case c == '\r':
		case c == '\n' && depth == 0:
			flush()
			no++
		case c == ';' && depth == 0:
			// The next statement stands at the same depth.
			s := cur.String()
			ind := s[:len(s)-len(strings.TrimLeft(s, " \t"))]
			flush()
			cur.WriteString(ind)
			for i+1 < len(src) && src[i+1] == ' ' {
				i++
			}
		default:
			if strings.IndexByte("([{", c) >= 0 {
				depth++
			} else if strings.IndexByte(")]}", c) >= 0 && depth > 0 {
				depth--
			}
			if c == '\n' {
				c = ' '
			}
			cur.WriteByte(c)
		}
	}
	flush()
	return out
}

func keyword(s, k string) (string, bool) {
	if !strings.HasPrefix(s, k) {
		return "", false
	}
	r := s[len(k):]
	if r != "" && wordChar(r[0]) {
		return "", false
	}
	return strings.TrimSpace(r), true
}

// suite gives the lines of a compound statement at ls[i], and where it ends; one
// on the same line after the colon counts.
func suite(ls []pyLine, i int, inline string) ([]pyLine, int) {
	if inline != "" {
		return []pyLine{{ls[i].indent + 1, inline, ls[i].no}}, i + 1
	}
	j := i + 1
	for j < len(ls) && ls[j].indent > ls[i].indent {
		j++
	}
	return ls[i+1 : j], j
}

// head splits "cond: rest" at the colon that ends the condition.
func head(s string) (cond, rest string) {
	depth, quote := 0, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth--
		case c == ':' && depth == 0:
			return strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+1:])
		}
	}
	return s, ""
}

func (y *python) block(ls []pyLine) {
	if y.depth++; y.depth > 100 {
		y.raise("RecursionError", "maximum recursion depth exceeded")
	}
	defer func() { y.depth-- }()
	for i := 0; i < len(ls); {
		y.p.t.Tick(5)
		l := ls[i]
		s := l.text
		if c, ok := keyword(s, "if"); ok {
			done := false
			for {
				cond, inline := head(c)
				body, next := suite(ls, i, inline)
				if !done && y.truth(y.expr(cond)) {
					done = true
					y.block(body)
				}
				i = next
				if i < len(ls) && ls[i].indent == l.indent {
					if r, ok := keyword(ls[i].text, "elif"); ok {
						c = r
						continue
					}
					if r, ok := keyword(ls[i].text, "else"); ok {
						_, inline := head(r)
						body, next := suite(ls, i, inline)
						if !done {
							y.block(body)
						}
						i = next
					}
				}
				break
			}
			continue
		}
		if c, ok := keyword(s, "while"); ok {
			cond, inline := head(c)
			body, next := suite(ls, i, inline)
			for y.truth(y.expr(cond)) {
				if y.loop(body) {
					break
				}
			}
			i = next
			continue
		}
		if c, ok := keyword(s, "for"); ok {
			h, inline := head(c)
			body, next := suite(ls, i, inline)
			v, it, _ := strings.Cut(h, " in ")
			for _, x := range y.iter(y.expr(it)) {
				y.assign(strings.TrimSpace(v), x)
				if y.loop(body) {
					break
				}
			}
			i = next
			continue
		}
		if c, ok := keyword(s, "try"); ok {
			_, inline := head(c)
			body, next := suite(ls, i, inline)
			failed := y.try(body)
			i = next
			for i < len(ls) && ls[i].indent == l.indent {
				r, isExc := keyword(ls[i].text, "except")
				f, isFin := keyword(ls[i].text, "finally")
				e, isElse := keyword(ls[i].text, "else")
				if !isExc && !isFin && !isElse {
					break
				}
				_, inline := head(r + f + e)
				body, next := suite(ls, i, inline)
				if isExc && failed != nil {
					h, _ := head(r)
					if _, name, ok := strings.Cut(strings.ReplaceAll(h, ",", " as "), " as "); ok {
						y.vars[strings.TrimSpace(name)] = failed.msg
					}
					failed = nil
					y.block(body)
				} else if isFin || isElse && failed == nil {
					y.block(body)
				}
				i = next
			}
			if failed != nil {
				panic(*failed)
			}
			continue
		}
		if c, ok := keyword(s, "with"); ok {
			h, inline := head(c)
			body, next := suite(ls, i, inline)
			e, name, _ := strings.Cut(h, " as ")
			v := y.expr(e)
			if name != "" {
				y.assign(strings.TrimSpace(name), v)
			}
			y.block(body)
			y.closeObj(v)
			i = next
			continue
		}
		if c, ok := keyword(s, "def"); ok {
			h, inline := head(c)
			body, next := suite(ls, i, inline)
			name, params, _ := strings.Cut(h, "(")
			f := &pyFunc{name: strings.TrimSpace(name), body: body}
			for _, a := range strings.Split(strings.TrimSuffix(strings.TrimSpace(params), ")"), ",") {
				a, _, _ = strings.Cut(a, "=")
				if a = strings.TrimSpace(a); a != "" {
					f.args = append(f.args, a)
				}
			}
			y.vars[f.name] = f
			i = next
			continue
		}
		if _, ok := keyword(s, "class"); ok {
			h, inline := head(strings.TrimSpace(strings.TrimPrefix(s, "class")))
			body, next := suite(ls, i, inline)
			y.class(h, body)
			i = next
			continue
		}
		y.simple(s)
		i++
	}
}

func (y *python) try(body []pyLine) (failed *pyErr) {
	depth := y.depth
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(pyErr)
			if !ok {
				panic(r)
			}
			y.depth = depth
			failed = &e
		}
	}()
	y.block(body)
	return nil
}

func (y *python) loop(body []pyLine) (leave bool) {
	depth := y.depth
	defer func() {
		if r := recover(); r != nil {
			j, ok := r.(pyJump)
			if !ok || j.kind == "return" {
				panic(r)
			}
			y.depth = depth
			leave = j.kind == "break"
		}
	}()
	y.block(body)
	return false
}

func (y *python) simple(s string) {
	switch s {
	case "pass":
		return
	case "break", "continue":
		panic(pyJump{kind: s})
	}
	if r, ok := keyword(s, "import"); ok {
		for _, m := range strings.Split(r, ",") {
			m, as, has := strings.Cut(strings.TrimSpace(m), " as ")
			y.need(m)
			if has {
				y.vars[strings.TrimSpace(as)] = pyMod(m)
			} else {
				top, _, _ := strings.Cut(m, ".")
				y.vars[top] = pyMod(top)
			}
		}
		return
	}
	if r, ok := keyword(s, "from"); ok {
		m, names, _ := strings.Cut(r, " import ")
		m = strings.TrimSpace(m)
		y.need(m)
		for _, n := range strings.Split(strings.Trim(names, "() "), ",") {
			n, as, has := strings.Cut(strings.TrimSpace(n), " as ")
			if !has {
				as = n
			}
			if n == "*" {
				for _, f := range []string{"urlopen", "Request", "urlretrieve", "system", "popen", "call", "Popen", "b64decode", "sleep", "socket", "AF_INET", "SOCK_STREAM", "SOCK_DGRAM", "create_connection", "sqrt", "pi", "floor", "ceil", "CDLL"} {
					y.vars[f] = pyMod(m + "." + f)
				}
				continue
			}
			y.vars[strings.TrimSpace(as)] = pyMod(m + "." + n)
		}
		return
	}
	if r, ok := keyword(s, "return"); ok {
		var v any
		if r != "" {
			v = y.expr(r)
		}
		panic(pyJump{"return", v})
	}
	if r, ok := keyword(s, "raise"); ok {
		k, m, _ := strings.Cut(r, "(")
		y.raise(k, "%s", strings.Trim(m, `"')`))
	}
	if r, ok := keyword(s, "global"); ok {
		_ = r
		return
	}
	if r, ok := keyword(s, "del"); ok {
		delete(y.vars, r)
		return
	}
	if y.two {
		if r, ok := keyword(s, "print"); ok && !(strings.HasPrefix(r, "(") && strings.HasSuffix(r, ")")) {
			nl := "\n"
			if strings.HasSuffix(r, ",") {
				nl, r = " ", strings.TrimSuffix(r, ",")
			}
			if r == "" {
				y.p.puts("\n")
				return
			}
			y.p.puts(y.str(y.expr(r)) + nl)
			return
		}
		if r, ok := keyword(s, "exec"); ok && !strings.HasPrefix(r, "(") {
			y.run(y.str(y.expr(r)))
			return
		}
	}
	if name, rest, ok := strings.Cut(s, ".append("); ok && strings.HasSuffix(rest, ")") {
		if l, isList := y.vars[name].([]any); isList {
			y.p.t.Alloc(16)
			y.vars[name] = append(l, y.expr(rest[:len(rest)-1]))
			return
		}
	}
	if k, v, op, ok := assignment(s); ok {
		val := y.expr(v)
		if op != "" {
			val = y.binary(op, y.expr(k), val)
		}
		for _, t := range strings.Split(k, " = ") {
			y.assign(strings.TrimSpace(t), val)
		}
		return
	}
	y.expr(s)
}

// assignment finds the = of an assignment outside of brackets and quotes.
func assignment(s string) (k, v, op string, ok bool) {
	depth, quote := 0, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth--
		case c == '=' && depth == 0:
			if i+1 < len(s) && s[i+1] == '=' {
				return "", "", "", false
			}
			if i > 0 && strings.IndexByte("!<>=", s[i-1]) >= 0 {
				return "", "", "", false
			}
			k = s[:i]
			if i > 0 && strings.IndexByte("+-*/%", s[i-1]) >= 0 {
				k, op = s[:i-1], s[i-1:i]
			}
			return strings.TrimSpace(k), strings.TrimSpace(s[i+1:]), op, true
		}
	}
	return "", "", "", false
}

func (y *python) assign(k string, v any) {
	if strings.Contains(k, ",") && !strings.ContainsAny(k, "[(") {
		xs := y.iter(v)
		for i, n := range strings.Split(k, ",") {
			if i < len(xs) {
				y.assign(strings.TrimSpace(n), xs[i])
			}
		}
		return
	}
	if i := strings.IndexByte(k, '['); i > 0 && strings.HasSuffix(k, "]") {
		switch m := y.expr(k[:i]).(type) {
		case map[string]any:
			m[y.str(y.expr(k[i+1:len(k)-1]))] = v
		case []any:
			if n := int(y.num(y.expr(k[i+1 : len(k)-1]))); n >= 0 && n < len(m) {
				m[n] = v
			}
		}
		return
	}
	if strings.Contains(k, ".") {
		o, name := k[:strings.LastIndexByte(k, '.')], k[strings.LastIndexByte(k, '.')+1:]
		if x, ok := y.expr(o).(*pyObj); ok {
			x.attr[name] = v
		}
		return
	}
	y.vars[strings.Trim(k, "()")] = v
}

var pyModules = " urllib urllib2 urllib.request urllib.parse urllib.error requests os os.path sys subprocess base64 time socket zlib gzip ssl platform random re json hashlib threading string struct shutil codecs binascii getpass pwd signal tempfile uuid datetime commands httplib http.client pty math ctypes multiprocessing ctypes.util "

func (y *python) need(m string) {
	if strings.Contains(pyModules, " "+m+" ") {
		if !y.two && (m == "urllib2" || m == "commands" || m == "httplib") || y.two && (m == "urllib.request" || m == "http.client") {
			y.noModule(m)
		}
		return
	}
	y.p.unknown("construct", "python import "+m)
	y.noModule(m)
}

func (y *python) noModule(m string) {
	if y.two {
		y.raise("ImportError", "No module named %s", m)
	}
	y.raise("ModuleNotFoundError", "No module named '%s'", m)
}

// expressions

func (y *python) expr(s string) any {
	old, oi := y.toks, y.i
	y.toks, y.i = y.lex(s), 0
	v := y.tuple()
	if y.peek().kind != 'e' {
		if !(y.peek().s == "for") {
			t := y.peek().s
			y.toks, y.i = old, oi
			y.p.unknown("construct", "python: "+s)
			y.raise("SyntaxError", "invalid syntax: %s", t)
		}
	}
	y.toks, y.i = old, oi
	return v
}

func (y *python) lex(s string) []pyTok {
	var out []pyTok
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n':
			i++
		case c == '\'' || c == '"':
			str, n := y.strLit(s[i:], false)
			out = append(out, pyTok{kind: 's', s: str})
			i += n
		case wordChar(c) && !(c >= '0' && c <= '9'):
			j := i
			for j < len(s) && wordChar(s[j]) {
				j++
			}
			w := s[i:j]
			if j < len(s) && (s[j] == '\'' || s[j] == '"') && len(w) <= 2 && strings.Trim(strings.ToLower(w), "bruf") == "" {
				str, n := y.strLit(s[j:], strings.ContainsAny(w, "rR"))
				if strings.ContainsAny(w, "fF") {
					str = y.fstring(str)
				}
				out = append(out, pyTok{kind: 's', s: str})
				i = j + n
				break
			}
			out = append(out, pyTok{kind: 'n', s: w})
			i = j
		case c >= '0' && c <= '9':
			j := i
			for j < len(s) && (wordChar(s[j]) || s[j] == '.') {
				j++
			}
			n, err := strconv.ParseInt(strings.TrimRight(s[i:j], "lL"), 0, 64)
			f := float64(n)
			if err != nil {
				f, _ = strconv.ParseFloat(s[i:j], 64)
			}
			out = append(out, pyTok{kind: 'd', n: f, s: s[i:j]})
			i = j
		default:
			o := s[i : i+1]
			for _, x := range []string{"==", "!=", "<=", ">=", "**", "//", "<<", ">>"} {
				if strings.HasPrefix(s[i:], x) {
					o = x
				}
			}
			out = append(out, pyTok{kind: 'o', s: o})
			i += len(o)
		}
	}
	return append(out, pyTok{kind: 'e'})
}

func (y *python) strLit(s string, raw bool) (string, int) {
	qn := 1
	if strings.HasPrefix(s, strings.Repeat(s[:1], 3)) {
		qn = 3
	}
	qs := s[:qn]
	var b strings.Builder
	for i := qn; i < len(s); i++ {
		if strings.HasPrefix(s[i:], qs) {
			t := b.String()
			if !raw {
				t = pyUnescape(t)
			}
			return t, i + qn
		}
		b.WriteByte(s[i])
		if s[i] == '\\' && i+1 < len(s) {
			i++
			b.WriteByte(s[i])
		}
	}
	y.raise("SyntaxError", "EOL while scanning string literal")
	return "", len(s)
}

func pyUnescape(s string) string {
	s = strings.NewReplacer(`\'`, "'", `\"`, `"`, "\\\n", "").Replace(s)
	t, _ := unescape(strings.ReplaceAll(s, `\c`, `\\c`), false)
	return t
}

func (y *python) fstring(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '{')
		j := strings.IndexByte(s, '}')
		if i < 0 || j < i {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		e := s[i+1 : j]
		if name := strings.TrimRight(e, " "); strings.HasSuffix(name, "=") && !strings.HasSuffix(name, "==") {
			b.WriteString(e) // f"{x=}"
			v := y.expr(strings.TrimSuffix(name, "="))
			if t, ok := v.(string); ok {
				b.WriteString("'" + strings.ReplaceAll(t, "'", `\'`) + "'")
			} else {
				b.WriteString(y.str(v))
			}
		} else {
			b.WriteString(y.str(y.expr(e)))
		}
		s = s[j+1:]
	}
}

func (y *python) peek() pyTok { return y.toks[y.i] }
func (y *python) op(s string) bool {
	if t := y.peek(); (t.kind == 'o' || t.kind == 'n') && t.s == s {
		y.adv()
		return true
	}
	return false
}
func (y *python) must(s string) {
	if !y.op(s) {
		y.raise("SyntaxError", "invalid syntax")
	}
}

func (y *python) tuple() any {
	if y.peek().kind == 'e' {
		return nil
	}
	v := y.ternary()
	if y.peek().s != "," || y.peek().kind != 'o' {
		return v
	}
	list := []any{v}
	for y.op(",") {
		if k := y.peek(); k.kind == 'e' || k.kind == 'o' && strings.Contains(")]}", k.s) {
			break
		}
		list = append(list, y.ternary())
	}
	return list
}

func (y *python) ternary() any {
	v := y.orTest()
	if y.op("if") {
		c := y.orTest()
		y.must("else")
		e := y.ternary()
		if y.truth(c) {
			return v
		}
		return e
	}
	return v
}

// deeper bounds the nesting of expressions, and so the stack.
func (y *python) deeper() {
	if y.depth++; y.depth > 600 {
		y.raise("RecursionError", "maximum recursion depth exceeded")
	}
}

func (y *python) orTest() any {
	y.deeper()
	defer func() { y.depth-- }()
	v := y.andTest()
	for y.op("or") {
		w := y.andTest()
		if !y.truth(v) {
			v = w
		}
	}
	return v
}

func (y *python) andTest() any {
	v := y.notTest()
	for y.op("and") {
		w := y.notTest()
		if y.truth(v) {
			v = w
		}
	}
	return v
}

func (y *python) notTest() any {
	y.deeper()
	defer func() { y.depth-- }()
	if y.op("not") {
		return !y.truth(y.notTest())
	}
	v := y.arith(0)
	for {
		t := y.peek()
		switch {
		case t.kind == 'o' && strings.Contains(" == != < > <= >= ", " "+t.s+" "):
			y.adv()
			v = y.binary(t.s, v, y.arith(0))
		case t.kind == 'n' && t.s == "in":
			y.adv()
			v = y.contains(y.arith(0), v)
		case t.kind == 'n' && t.s == "not" && y.toks[min(y.i+1, len(y.toks)-1)].s == "in":
			y.adv()
			y.adv()
			v = !y.contains(y.arith(0), v)
		case t.kind == 'n' && t.s == "is":
			y.adv()
			neg := y.op("not")
			v = (y.str(v) == y.str(y.arith(0))) != neg
		default:
			return v
		}
	}
}

func (y *python) contains(c, v any) bool {
	switch x := c.(type) {
	case string:
		return strings.Contains(x, y.str(v))
	case map[string]any:
		_, ok := x[y.str(v)]
		return ok
	}
	for _, e := range y.iter(c) {
		if y.str(e) == y.str(v) {
			return true
		}
	}
	return false
}

func (y *python) arith(level int) any {
	ops := [...]string{" | ", " ^ ", " & ", " << >> ", " + - ", " * / % // "}
	if level == len(ops) {
		neg := false
		for y.op("-") {
			neg = !neg
		}
		if neg {
			return -y.num(y.power())
		}
		return y.power()
	}
	v := y.arith(level + 1)
	for t := y.peek(); t.kind == 'o' && strings.Contains(ops[level], " "+t.s+" "); t = y.peek() {
		y.adv()
		v = y.binary(t.s, v, y.arith(level+1))
	}
	return v
}

func (y *python) power() any {
	y.deeper()
	defer func() { y.depth-- }()
	v := y.postfix()
	if y.op("**") {
		r := 1.0
		b := y.num(v)
		for range int(min(64, y.num(y.power()))) {
			r *= b
		}
		return r
	}
	return v
}

func (y *python) binary(op string, a, b any) any {
	sa, okA := a.(string)
	sb, okB := b.(string)
	switch op {
	case "==":
		return y.str(a) == y.str(b)
	case "!=":
		return y.str(a) != y.str(b)
	case "<", ">", "<=", ">=":
		c := cmpFloat(y.num(a), y.num(b))
		if okA && okB {
			c = strings.Compare(sa, sb)
		}
		return op == "<" && c < 0 || op == ">" && c > 0 || op == "<=" && c <= 0 || op == ">=" && c >= 0
	case "+":
		if okA || okB {
			if !okA || !okB {
				y.raise("TypeError", "can only concatenate str (not \"%s\") to str", y.typeName(b))
			}
			y.p.t.Alloc(int64(len(sb)))
			return sa + sb
		}
		if l, ok := a.([]any); ok {
			return append(append([]any(nil), l...), y.iter(b)...)
		}
		return y.num(a) + y.num(b)
	case "-":
		return y.num(a) - y.num(b)
	case "*":
		if okA {
			n := int(max(0, min(1e6, y.num(b))))
			y.p.t.Alloc(int64(n * len(sa)))
			return strings.Repeat(sa, n)
		}
		return y.num(a) * y.num(b)
	case "%":
		if okA {
			var args []string
			if l, ok := b.([]any); ok {
				for _, x := range l {
					args = append(args, y.str(x))
				}
			} else {
				args = []string{y.str(b)}
			}
			s, _ := formatPrintf(strings.ReplaceAll(sa, `\`, `\\`), args)
			return s
		}
		if y.num(b) == 0 {
			y.raise("ZeroDivisionError", "integer division or modulo by zero")
		}
		return y.num(a) - y.num(b)*math.Floor(y.num(a)/y.num(b))
	case "|", "&", "^", "<<", ">>":
		l, r := int64(y.num(a)), int64(y.num(b))
		switch op {
		case "|":
			l |= r
		case "&":
			l &= r
		case "^":
			l ^= r
		case "<<":
			l <<= uint64(max(0, min(63, r)))
		default:
			l >>= uint64(max(0, min(63, r)))
		}
		return float64(l)
	case "/", "//":
		if y.num(b) == 0 {
			y.raise("ZeroDivisionError", "division by zero")
		}
		v := y.num(a) / y.num(b)
		if op == "//" || y.two {
			v = math.Floor(v)
		}
		return v
	}
	return nil
}

func (y *python) args() (list []any, kw map[string]any) {
	if l, ok := y.comprehend(); ok {
		y.must(")")
		return []any{l}, nil
	}
	for !y.op(")") {
		if t := y.peek(); t.kind == 'n' && y.toks[y.i+1].s == "=" && y.toks[y.i+1].kind == 'o' {
			y.adv()
			y.adv()
			if kw == nil {
				kw = map[string]any{}
			}
			kw[t.s] = y.ternary()
		} else {
			list = append(list, y.ternary())
		}
		if !y.op(",") {
			y.must(")")
			break
		}
	}
	return
}

// forAt finds the first "for" of a comprehension that begins at the current token,
// and the bracket that ends it; 0 if what stands here is none.
func (y *python) forAt() (at, end int) {
	depth := 0
	for i := y.i; i < len(y.toks); i++ {
		t := y.toks[i]
		switch {
		case t.kind == 'e':
			return 0, 0
		case t.kind == 'n' && t.s == "for" && depth == 0 && at == 0 && i > y.i:
			at = i
		case t.kind != 'o':
		case t.s == "(" || t.s == "[" || t.s == "{":
			depth++
		case t.s == ")" || t.s == "]" || t.s == "}":
			if depth--; depth < 0 {
				return at, i
			}
		case t.s == "," && depth == 0 && at == 0:
			return 0, 0
		}
	}
	return 0, 0
}

// comprehend gives the list of a comprehension or generator, if one begins here,
// and leaves the closing bracket.
func (y *python) comprehend() (list []any, ok bool) {
	at, end := y.forAt()
	if at == 0 {
		return nil, false
	}
	list = []any{}
	y.clauses(at, end, func() {
		y.p.t.Alloc(16)
		list = append(list, y.ternary())
	})
	return list, true
}

// clauses runs the "for" and "if" parts that begin at a token and calls emit, at
// the comprehension's first token, for each round.
func (y *python) clauses(at, end int, emit func()) {
	start := y.i
	kept := map[string]any{}
	var run func(i int)
	run = func(i int) {
		y.p.t.Tick(5)
		y.i = i
		switch {
		case i >= end:
			y.i = start
			emit()
		case y.op("if"):
			if c := y.orTest(); y.truth(c) {
				run(y.i)
			}
		case y.op("for"):
			names := ""
			for ; y.i < end && !(y.peek().kind == 'n' && y.peek().s == "in"); y.adv() {
				if n := y.peek(); n.kind == 'n' {
					if _, seen := kept[n.s]; !seen {
						kept[n.s] = y.vars[n.s]
					}
				}
				names += y.peek().s
			}
			y.must("in")
			l := y.iter(y.orTest())
			next := y.i
			for _, v := range l {
				y.assign(strings.Trim(names, "()"), v)
				run(next)
			}
		default:
			y.raise("SyntaxError", "invalid syntax")
		}
	}
	y.deeper()
	run(at)
	y.depth--
	for n, v := range kept {
		if y.vars[n] = v; v == nil {
			delete(y.vars, n)
		}
	}
	y.i = end
}

// lambda makes the function whose parameters begin at the current token.
func (y *python) lambda() any {
	f := &pyFunc{name: "<lambda>"}
	defaults := map[string]any{}
	for !y.op(":") {
		y.op("*")
		t := y.peek()
		if t.kind != 'n' {
			y.raise("SyntaxError", "invalid syntax")
		}
		y.adv()
		f.args = append(f.args, t.s)
		if y.op("=") {
			defaults[t.s] = y.ternary()
		}
		y.op(",")
	}
	depth, from := 0, y.i
scan:
	for ; y.peek().kind != 'e'; y.adv() {
		if y.peek().kind != 'o' {
			continue
		}
		switch y.peek().s {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			if depth--; depth < 0 {
				break scan
			}
		case ",":
			if depth == 0 {
				break scan
			}
		}
	}
	body := append(append([]pyTok(nil), y.toks[from:y.i]...), pyTok{kind: 'e'})
	outer := y.vars
	f.fn = func(a []any, kw map[string]any) any {
		if y.depth++; y.depth > 100 {
			y.raise("RecursionError", "maximum recursion depth exceeded")
		}
		vars, toks, at := y.vars, y.toks, y.i
		defer func() { y.vars, y.toks, y.i = vars, toks, at }()
		y.vars = f.frame(a, kw, outer, defaults)
		y.toks, y.i = body, 0
		v := y.ternary()
		y.depth--
		return v
	}
	return f
}

func (y *python) postfix() any {
	v := y.atom()
	for {
		switch {
		case y.op("("):
			a, kw := y.args()
			v = y.call(v, a, kw)
		case y.op("."):
			n := y.peek().s
			y.adv()
			v = y.attr(v, n)
		case y.op("["):
			var lo, hi any
			slice := false
			if y.peek().s != ":" {
				lo = y.ternary()
			}
			if y.op(":") {
				slice = true
				if y.peek().s != "]" && y.peek().s != ":" {
					hi = y.ternary()
				}
			}
			step := any(nil)
			if y.op(":") && y.peek().s != "]" {
				step = y.ternary()
			}
			y.must("]")
			v = y.index(v, lo, hi, step, slice)
		default:
			return v
		}
	}
}

func (y *python) index(v, lo, hi, step any, slice bool) any {
	if m, ok := v.(map[string]any); ok {
		x, has := m[y.str(lo)]
		if !has {
			y.raise("KeyError", "'%s'", y.str(lo))
		}
		return x
	}
	s, isStr := v.(string)
	n := len(s)
	var l []any
	if !isStr {
		l = y.iter(v)
		n = len(l)
	}
	at := func(x any, def int) int {
		if x == nil {
			return def
		}
		i := int(y.num(x))
		if i < 0 {
			i += n
		}
		return i
	}
	if !slice {
		i := at(lo, 0)
		if i < 0 || i >= n {
			y.raise("IndexError", "list index out of range")
		}
		if isStr {
			return s[i : i+1]
		}
		return l[i]
	}
	a, b := min(n, max(0, at(lo, 0))), min(n, max(0, at(hi, n)))
	b = max(a, b)
	if step != nil && y.num(step) == -1 && isStr {
		r := []byte(s)
		for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
			r[i], r[j] = r[j], r[i]
		}
		return string(r)
	}
	if isStr {
		return s[a:b]
	}
	return l[a:b]
}

func (y *python) atom() any {
	t := y.peek()
	y.adv()
	switch t.kind {
	case 's':
		s := t.s
		for y.peek().kind == 's' {
			s += y.peek().s
			y.adv()
		}
		return s
	case 'd':
		return t.n
	case 'n':
		switch t.s {
		case "None":
			return nil
		case "True":
			return true
		case "False":
			return false
		case "lambda":
			return y.lambda()
		}
		if v, ok := y.vars[t.s]; ok {
			return v
		}
		if strings.Contains(" print open exec eval str len int range input raw_input __import__ chr ord bytes bytearray float list dict exit quit isinstance compile type repr bool min max sorted map join getattr globals any all hex sum enumerate zip reversed set Exception filter tuple bin oct abs ", " "+t.s+" ") {
			return pyMod("builtins." + t.s)
		}
		y.raise("NameError", "name '%s' is not defined", t.s)
	case 'o':
		switch t.s {
		case "(":
			if y.op(")") {
				return []any{}
			}
			if l, ok := y.comprehend(); ok {
				y.must(")")
				return l
			}
			v := y.tuple()
			y.must(")")
			return v
		case "[":
			if l, ok := y.comprehend(); ok {
				y.must("]")
				return l
			}
			l := []any{}
			for !y.op("]") {
				l = append(l, y.ternary())
				if !y.op(",") {
					y.must("]")
					break
				}
			}
			return l
		case "{":
			m := map[string]any{}
			if at, end := y.forAt(); at > 0 {
				var l []any
				y.clauses(at, end, func() {
					k := y.ternary()
					if y.op(":") {
						m[y.str(k)] = y.ternary()
					} else {
						l = append(l, k)
					}
				})
				y.must("}")
				if l != nil {
					return l
				}
				return m
			}
			for !y.op("}") {
				k := y.ternary()
				if y.op(":") {
					m[y.str(k)] = y.ternary()
				}
				if !y.op(",") {
					y.must("}")
					break
				}
			}
			return m
		}
	}
	y.raise("SyntaxError", "invalid syntax")
	return nil
}

func (y *python) truth(v any) bool {
	switch x := v.(type) {
	case nil:
		return false
	case bool:
		return x
	case float64:
		return x != 0
	case string:
		return x != ""
	case []any:
		return len(x) > 0
	case map[string]any:
		return len(x) > 0
	}
	return true
}

func (y *python) num(v any) float64 {
	switch x := v.(type) {
	case float64:
		return x
	case bool:
		if x {
			return 1
		}
		return 0
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(x), 64)
		if err != nil {
			y.raise("ValueError", "invalid literal for int() with base 10: '%s'", x)
		}
		return f
	}
	return 0
}

func (y *python) typeName(v any) string {
	switch v.(type) {
	case nil:
		return "NoneType"
	case string:
		return "str"
	case float64:
		return "int"
	case bool:
		return "bool"
	case []any:
		return "list"
	case map[string]any:
		return "dict"
	}
	return "object"
}

func (y *python) str(v any) string {
	switch x := v.(type) {
	case nil:
		return "None"
	case string:
		return x
	case bool:
		if x {
			return "True"
		}
		return "False"
	case float64:
		if x == float64(int64(x)) {
			return strconv.FormatInt(int64(x), 10)
		}
		return strconv.FormatFloat(x, 'g', -1, 64)
	case []any:
		var p []string
		for _, e := range x {
			if s, ok := e.(string); ok {
				p = append(p, "'"+s+"'")
			} else {
				p = append(p, y.str(e))
			}
		}
		return "[" + strings.Join(p, ", ") + "]"
	case *pyObj:
		return "<" + x.kind + " object>"
	case pyMod:
		return "<module '" + string(x) + "'>"
	}
	return fmt.Sprint(v)
}

func (y *python) iter(v any) []any {
	switch x := v.(type) {
	case []any:
		return x
	case string:
		var l []any
		for i := range len(x) {
			l = append(l, x[i:i+1])
		}
		return l
	case map[string]any:
		var l []any
		for k := range x {
			l = append(l, k)
		}
		return l
	case *pyObj:
		if l, ok := x.attr["\x00items"].([]any); ok {
			return l
		}
		if b, ok := x.attr["\x00body"].(string); ok {
			var l []any
			for _, s := range strings.SplitAfter(b, "\n") {
				if s != "" {
					l = append(l, s)
				}
			}
			return l
		}
	}
	y.raise("TypeError", "'%s' object is not iterable", y.typeName(v))
	return nil
}

// class defines a class: a function that makes objects. Its methods are those of
// its bases and its body; what a metaclass or a property would do is not done.
func (y *python) class(h string, body []pyLine) {
	name, bases, _ := strings.Cut(h, "(")
	c := &pyFunc{name: strings.TrimSpace(name), members: map[string]any{}}
	for _, b := range strings.Split(strings.TrimSuffix(strings.TrimSpace(bases), ")"), ",") {
		if f, ok := y.vars[strings.TrimSpace(b)].(*pyFunc); ok {
			for k, v := range f.members {
				c.members[k] = v
			}
		} else if b = strings.TrimSpace(b); b != "" && b != "object" {
			y.p.unknown("construct", "python class of "+b)
		}
	}
	outer := y.vars
	y.vars = make(map[string]any, len(outer))
	for k, v := range outer {
		y.vars[k] = v
	}
	func() {
		defer func() { outer, y.vars = y.vars, outer }()
		y.block(body)
	}()
	for k, v := range outer { // what the body left
		was, had := y.vars[k]
		f, isFunc := v.(*pyFunc)
		if g, _ := was.(*pyFunc); !had || isFunc && f != g {
			c.members[k] = v
		}
	}
	c.fn = func(a []any, kw map[string]any) any {
		y.p.t.Alloc(64)
		o := &pyObj{kind: c.name, attr: make(map[string]any, len(c.members))}
		for k, m := range c.members {
			f, ok := m.(*pyFunc)
			if !ok || f.members != nil {
				o.attr[k] = m
				continue
			}
			o.attr[k] = &pyFunc{name: k, fn: func(a []any, kw map[string]any) any { return y.call(f, append([]any{o}, a...), kw) }}
		}
		if init, ok := o.attr["__init__"]; ok {
			y.call(init, a, kw)
		}
		return o
	}
	y.vars[c.name] = c
}

func (y *python) attr(v any, n string) any {
	switch x := v.(type) {
	case *pyFunc:
		if m, ok := x.members[n]; ok {
			return m
		}
	case pyMod:
		full := string(x) + "." + n
		if v, ok := y.pyValue(full); ok {
			return v
		}
		switch full {
		case "sys.argv":
			return y.vars["\x00argv"]
		case "os.environ":
			m := map[string]any{}
			for _, e := range y.p.t.Env() {
				k, v, _ := strings.Cut(e, "=")
				m[k] = v
			}
			return m
		case "sys.version":
			return map[bool]string{true: "2.7.18 (default, Jul  1 2022, 12:27:04) \n[GCC 9.4.0]", false: "3.10.12 (main, Nov 20 2023, 15:14:05) [GCC 11.4.0]"}[y.two]
		case "sys.version_info":
			if y.two {
				return []any{2.0, 7.0, 18.0}
			}
			return []any{3.0, 10.0, 12.0}
		case "sys.platform":
			return "linux"
		case "os.sep":
			return "/"
		case "subprocess.PIPE", "subprocess.STDOUT", "subprocess.DEVNULL":
			return -1.0
		}
		return pyMod(full)
	case *pyObj:
		if a, ok := x.attr[n]; ok {
			return a
		}
	}
	return &pyFunc{name: n, fn: func(a []any, kw map[string]any) any { return y.method(v, n, a, kw) }}
}

// frame is the variables of a call: those around it, each list over the one before,
// then the arguments.
func (f *pyFunc) frame(a []any, kw map[string]any, around ...map[string]any) map[string]any {
	vars := make(map[string]any, len(around[0])+len(f.args))
	for _, m := range around {
		maps.Copy(vars, m)
	}
	for i, n := range f.args {
		if i < len(a) {
			vars[n] = a[i]
		} else if v, ok := kw[n]; ok {
			vars[n] = v
		}
	}
	return vars
}

func (y *python) call(f any, a []any, kw map[string]any) any {
	y.p.t.Tick(5)
	switch x := f.(type) {
	case *pyFunc:
		if x.fn != nil {
			return x.fn(a, kw)
		}
		old := y.vars
		y.vars = x.frame(a, kw, old)
		depth := y.depth
		var ret any
		func() {
			defer func() {
				y.vars = old
				if r := recover(); r != nil {
					j, ok := r.(pyJump)
					if !ok || j.kind != "return" {
						panic(r)
					}
					y.depth = depth
					ret = j.v
				}
			}()
			y.block(x.body)
		}()
		return ret
	case pyMod:
		return y.function(string(x), a, kw)
	}
	y.raise("TypeError", "'%s' object is not callable", y.typeName(f))
	return nil
}

func (y *python) shell(cmd string, capture bool) (string, int) {
	return y.spawn([]string{"/bin/sh", "-c", cmd}, capture)
}

func (y *python) spawn(argv []string, capture bool) (string, int) {
	p := y.p
	p.out.Flush()
	if !capture {
		code, err := p.run(argv)
		if err != nil {
			y.raise("FileNotFoundError", "[Errno 2] No such file or directory: '%s'", argv[0])
		}
		return "", code
	}
	r, w, err := p.t.Pipe()
	if err != nil {
		return "", 1
	}
	c, err := p.spawn(argv, map[int]int{0: 0, 1: w, 2: 2})
	p.t.Close(w)
	if err != nil {
		p.t.Close(r)
		y.raise("FileNotFoundError", "[Errno 2] No such file or directory: '%s'", argv[0])
	}
	b := p.readAll(p.t.Reader(r))
	p.t.Close(r)
	_, ws, _ := p.t.Wait(c.PID(), 0)
	return string(b), ws.Code()
}

// command makes argv of subprocess's first argument.
func (y *python) command(a []any, kw map[string]any) []string {
	if len(a) == 0 {
		return []string{"true"}
	}
	if s, ok := a[0].(string); ok {
		if y.truth(kw["shell"]) {
			return []string{"/bin/sh", "-c", s}
		}
		return []string{s}
	}
	var out []string
	for _, x := range y.iter(a[0]) {
		out = append(out, y.str(x))
	}
	if y.truth(kw["shell"]) {
		return append([]string{"/bin/sh", "-c"}, out...)
	}
	return out
}

// keyOf is the key= of sorted, min and max.
func (y *python) keyOf(kw map[string]any) func(any) any {
	f := kw["key"]
	if f == nil {
		return func(v any) any { return v }
	}
	return func(v any) any { return y.call(f, []any{v}, nil) }
}

// spaceJSON puts the blanks after commas and colons that json.dumps puts there.
func spaceJSON(b []byte) string {
	var out strings.Builder
	inStr := false
	for i := 0; i < len(b); i++ {
		c := b[i]
		out.WriteByte(c)
		switch {
		case inStr && c == '\\' && i+1 < len(b):
			i++
			out.WriteByte(b[i])
		case c == '"':
			inStr = !inStr
		case !inStr && (c == ',' || c == ':'):
			out.WriteByte(' ')
		}
	}
	return out.String()
}

// regex is the module re, as far as RE2's syntax reaches.
func (y *python) regex(fn string, a []any) any {
	for len(a) < 3 {
		a = append(a, "")
	}
	pat := y.str(a[0])
	switch fn {
	case "match":
		pat = `\A(?:` + pat + `)`
	case "fullmatch":
		pat = `\A(?:` + pat + `)\z`
	}
	if len(pat) > 1<<12 {
		y.raise("re.error", "pattern too large")
	}
	re, err := regexp.Compile(pat)
	if err != nil {
		y.p.unknown("construct", "python re: "+pat)
		y.raise("re.error", "%s", err)
	}
	subject := y.str(a[1])
	if fn == "sub" {
		subject = y.str(a[2])
	}
	y.p.t.Tick(int64(len(subject)))
	groups := func(m []int) []any {
		var g []any
		for i := 0; i < len(m); i += 2 {
			if m[i] < 0 {
				g = append(g, nil)
				continue
			}
			g = append(g, subject[m[i]:m[i+1]])
		}
		return g
	}
	switch fn {
	case "findall":
		out := []any{}
		for _, m := range re.FindAllStringSubmatchIndex(subject, 1<<16) {
			g := groups(m)
			switch len(g) {
			case 1, 2:
				out = append(out, g[len(g)-1])
			default:
				out = append(out, g[1:])
			}
		}
		return out
	case "split":
		out := []any{}
		for _, x := range re.Split(subject, 1<<16) {
			out = append(out, x)
		}
		return out
	case "sub":
		with := regexp.MustCompile(`\\(\d)`).ReplaceAllString(strings.ReplaceAll(y.str(a[1]), "$", "$$"), "$${$1}")
		out := re.ReplaceAllString(subject, with)
		y.p.t.Alloc(int64(len(out)))
		return out
	}
	m := re.FindStringSubmatchIndex(subject)
	if m == nil {
		return nil
	}
	g := groups(m)
	pick := func(a []any, _ map[string]any) any {
		n := 0
		if len(a) > 0 {
			if name, ok := a[0].(string); ok {
				n = re.SubexpIndex(name)
			} else {
				n = int(y.num(a[0]))
			}
		}
		if n < 0 || n >= len(g) {
			y.raise("IndexError", "no such group")
		}
		return g[n]
	}
	return &pyObj{kind: "re.Match", attr: map[string]any{"group": &pyFunc{name: "group", fn: pick},
		"groups": &pyFunc{name: "groups", fn: func([]any, map[string]any) any { return g[1:] }}}}
}

func (y *python) function(name string, a []any, kw map[string]any) any {
	if v, ok := y.pyMore(name, a, kw); ok {
		return v
	}
	p := y.p
	arg := func(i int) any {
		if i < len(a) {
			return a[i]
		}
		return nil
	}
	s := func(i int) string { return y.str(arg(i)) }
	switch name {
	case "builtins.print":
		var parts []string
		for _, x := range a {
			parts = append(parts, y.str(x))
		}
		end := "\n"
		if e, ok := kw["end"]; ok {
			end = y.str(e)
		}
		p.puts(strings.Join(parts, " ") + end)
		return nil
	case "builtins.exec":
		y.run(s(0))
		return nil
	case "builtins.eval":
		return y.expr(s(0))
	case "builtins.compile":
		return arg(0)
	case "builtins.str", "builtins.bytes", "builtins.repr", "builtins.bytearray":
		if len(a) == 0 {
			return ""
		}
		return s(0)
	case "builtins.int", "builtins.float":
		if len(a) > 1 {
			n, _ := strconv.ParseInt(strings.TrimPrefix(s(0), "0x"), int(y.num(arg(1))), 64)
			return float64(n)
		}
		v := y.num(arg(0))
		if name == "builtins.int" {
			v = float64(int64(v))
		}
		return v
	case "builtins.len":
		if x, ok := arg(0).(string); ok {
			return float64(len(x))
		}
		return float64(len(y.iter(arg(0))))
	case "builtins.chr":
		return string([]byte{byte(y.num(arg(0)))})
	case "builtins.ord":
		if s(0) == "" {
			return 0.0
		}
		return float64(s(0)[0])
	case "builtins.range":
		lo, hi, st := 0.0, y.num(arg(0)), 1.0
		if len(a) > 1 {
			lo, hi = hi, y.num(arg(1))
		}
		if len(a) > 2 {
			st = y.num(arg(2))
		}
		var l []any
		for v := lo; st > 0 && v < hi || st < 0 && v > hi; v += st {
			if l = append(l, v); len(l) > 1e5 {
				break
			}
		}
		if l == nil {
			l = []any{}
		}
		return l
	case "builtins.list", "builtins.set", "builtins.tuple":
		if len(a) == 0 {
			return []any{}
		}
		return append([]any{}, y.iter(arg(0))...)
	case "builtins.sorted", "builtins.reversed":
		l := append([]any{}, y.iter(arg(0))...)
		if name == "builtins.sorted" {
			key := y.keyOf(kw)
			sort.SliceStable(l, func(i, j int) bool { return y.truth(y.binary("<", key(l[i]), key(l[j]))) })
			if !y.truth(kw["reverse"]) {
				return l
			}
		}
		slices.Reverse(l)
		return l
	case "builtins.min", "builtins.max":
		l := a
		if len(a) == 1 {
			l = y.iter(a[0])
		}
		if len(l) == 0 {
			y.raise("ValueError", "%s() arg is an empty sequence", name[9:])
		}
		best, key, op := l[0], y.keyOf(kw), "<"
		if name == "builtins.max" {
			op = ">"
		}
		for _, v := range l[1:] {
			if y.truth(y.binary(op, key(v), key(best))) {
				best = v
			}
		}
		return best
	case "builtins.sum":
		v := any(0.0)
		if len(a) > 1 {
			v = a[1]
		}
		for _, x := range y.iter(arg(0)) {
			v = y.binary("+", v, x)
		}
		return v
	case "builtins.any", "builtins.all":
		for _, x := range y.iter(arg(0)) {
			if y.truth(x) == (name == "builtins.any") {
				return name == "builtins.any"
			}
		}
		return name == "builtins.all"
	case "builtins.map", "builtins.filter":
		out := []any{}
		for _, x := range y.iter(arg(1)) {
			v := x
			if arg(0) != nil {
				v = y.call(arg(0), []any{x}, nil)
			}
			switch {
			case name == "builtins.map":
				out = append(out, v)
			case y.truth(v):
				out = append(out, x)
			}
		}
		return out
	case "builtins.zip":
		out := []any{}
		for i := 0; len(a) > 0; i++ {
			var row []any
			for _, l := range a {
				if xs := y.iter(l); i < len(xs) {
					row = append(row, xs[i])
				}
			}
			if len(row) < len(a) {
				return out
			}
			out = append(out, row)
		}
		return out
	case "builtins.enumerate":
		out := []any{}
		from := y.num(kw["start"])
		if len(a) > 1 {
			from = y.num(a[1])
		}
		for i, x := range y.iter(arg(0)) {
			out = append(out, []any{from + float64(i), x})
		}
		return out
	case "builtins.hex", "builtins.bin", "builtins.oct":
		f := map[string]string{"builtins.hex": "0x%x", "builtins.bin": "0b%b", "builtins.oct": "0o%o"}[name]
		return fmt.Sprintf(f, int64(y.num(arg(0))))
	case "builtins.abs":
		return math.Abs(y.num(arg(0)))
	case "json.loads":
		var v any
		if err := json.Unmarshal([]byte(s(0)), &v); err != nil {
			y.raise("json.decoder.JSONDecodeError", "Expecting value: line 1 column 1 (char 0)")
		}
		return v
	case "json.dumps":
		b, err := json.Marshal(arg(0))
		if err != nil {
			y.raise("TypeError", "Object of type %s is not JSON serializable", y.typeName(arg(0)))
		}
		return spaceJSON(b)
	case "re.findall", "re.search", "re.match", "re.fullmatch", "re.sub", "re.split":
		return y.regex(name[3:], a)
	case "builtins.dict":
		if kw == nil {
			kw = map[string]any{}
		}
		return kw
	case "builtins.input", "builtins.raw_input":
		l, _, more := p.readLine(p.in)
		if !more {
			y.raise("EOFError", "EOF when reading a line")
		}
		return l
	case "builtins.isinstance", "builtins.bool":
		return y.truth(arg(0))
	case "builtins.exit", "builtins.quit", "sys.exit", "os._exit":
		c := 0
		if v := arg(0); v != nil {
			if m, ok := v.(string); ok {
				p.raw("%s\n", m)
				c = 1
			} else {
				c = int(y.num(v))
			}
		}
		panic(pyExit{c})
	case "builtins.__import__":
		y.need(s(0))
		top, _, _ := strings.Cut(s(0), ".")
		return pyMod(top)
	case "builtins.getattr":
		return y.attr(arg(0), s(1))
	case "builtins.open":
		mode := "r"
		if len(a) > 1 {
			mode = s(1)
		}
		o := &pyObj{"file", map[string]any{}}
		if strings.ContainsAny(mode, "wa") {
			fl := kernel.O_WRONLY | kernel.O_CREAT | kernel.O_TRUNC
			if strings.Contains(mode, "a") {
				fl = kernel.O_WRONLY | kernel.O_CREAT | kernel.O_APPEND
			}
			fd, err := p.t.Open(s(0), fl, 0o666)
			if err != nil {
				y.raise("IOError", "[Errno 2] %s: '%s'", text(err), s(0))
			}
			o.attr["\x00fd"] = float64(fd)
			return o
		}
		b, err := p.t.ReadFile(s(0))
		if err != nil {
			y.raise("FileNotFoundError", "[Errno 2] %s: '%s'", text(err), s(0))
		}
		o.attr["\x00body"] = string(b)
		return o
	case "os.system", "os.popen", "commands.getoutput", "subprocess.getoutput", "commands.getstatusoutput":
		out, code := y.shell(s(0), name != "os.system")
		switch name {
		case "os.system":
			return float64(code << 8)
		case "os.popen":
			return &pyObj{"file", map[string]any{"\x00body": out}}
		case "commands.getstatusoutput":
			return []any{float64(code), strings.TrimSuffix(out, "\n")}
		}
		return strings.TrimSuffix(out, "\n")
	case "subprocess.call", "subprocess.check_call", "subprocess.run", "subprocess.Popen", "subprocess.check_output":
		argv := y.command(a, kw)
		capture := name == "subprocess.check_output" || kw["stdout"] != nil || y.truth(kw["capture_output"])
		out, code := y.spawn(argv, capture)
		switch name {
		case "subprocess.check_output":
			if code != 0 {
				y.raise("subprocess.CalledProcessError", "Command '%s' returned non-zero exit status %d.", strings.Join(argv, " "), code)
			}
			return out
		case "subprocess.call", "subprocess.check_call":
			return float64(code)
		}
		return &pyObj{"Popen", map[string]any{"returncode": float64(code), "stdout": &pyObj{"file", map[string]any{"\x00body": out}}, "\x00body": out, "pid": 4242.0}}
	case "os.getcwd":
		return p.t.Cwd()
	case "os.getpid":
		return float64(p.t.PID())
	case "os.getuid", "os.geteuid":
		return float64(p.t.Creds().EUID)
	case "os.path.exists", "os.path.isfile", "os.path.isdir":
		st, err := p.t.Stat(s(0))
		return err == nil && (name == "os.path.exists" || st.Mode.IsDir() == (name == "os.path.isdir"))
	case "os.path.join":
		r := s(0)
		for i := 1; i < len(a); i++ {
			r = join(r, s(i))
		}
		return r
	case "os.path.basename":
		return base(s(0))
	case "os.path.dirname":
		return dirname(s(0))
	case "os.path.expanduser":
		return strings.Replace(s(0), "~", p.t.Getenv("HOME"), 1)
	case "os.remove", "os.unlink", "os.mkdir", "os.makedirs", "os.rmdir", "os.chmod", "os.rename", "os.chdir", "shutil.rmtree":
		var err error
		switch name {
		case "os.remove", "os.unlink":
			err = p.t.Unlink(s(0))
		case "os.mkdir":
			err = p.t.Mkdir(s(0), 0o777)
		case "os.makedirs":
			err = p.t.MkdirAll(s(0))
		case "os.rmdir":
			err = p.t.Rmdir(s(0))
		case "os.chmod":
			m := y.num(arg(1))
			err = p.t.Chmod(s(0), vfsMode(m))
		case "os.rename":
			err = p.t.Rename(s(0), s(1))
		case "os.chdir":
			err = p.t.Chdir(s(0))
		case "shutil.rmtree":
			(&remover{p: p, recursive: true, force: true}).remove(s(0), 0)
		}
		if err != nil {
			y.raise("OSError", "[Errno 2] %s: '%s'", text(err), s(0))
		}
		return nil
	case "os.listdir":
		l := []any{}
		ents, err := p.t.ReadDir(s(0))
		if err != nil {
			y.raise("OSError", "[Errno 2] %s: '%s'", text(err), s(0))
		}
		for _, e := range ents {
			l = append(l, e.Name)
		}
		return l
	case "os.getenv":
		if v, ok := p.t.LookupEnv(s(0)); ok {
			return v
		}
		return arg(1)
	case "os.fork":
		return 0.0
	case "os.setsid", "os.umask", "signal.signal", "time.time", "random.random":
		if name == "time.time" {
			return float64(p.t.Now().UnixMicro()) / 1e6
		}
		return 0.0
	case "pty.spawn":
		argv := []string{s(0)}
		if _, ok := arg(0).(string); !ok {
			argv = y.command(a, nil)
		}
		_, _ = p.run(argv)
		return nil
	case "platform.system":
		return "Linux"
	case "platform.node", "socket.gethostname":
		return p.t.NS().Hostname()
	case "platform.machine":
		return p.t.Kernel().HostInfo().Machine
	case "time.sleep":
		p.out.Flush()
		p.t.Sleep(time.Duration(y.num(arg(0)) * 1e9))
		return nil
	case "base64.b64decode", "base64.decodestring", "base64.decodebytes", "base64.standard_b64decode":
		t := strings.Map(func(r rune) rune {
			if r < 128 && (wordChar(byte(r)) && r != '_' || r == '+' || r == '/') {
				return r
			}
			return -1
		}, s(0))
		b, err := base64.RawStdEncoding.DecodeString(t)
		if err != nil {
			y.raise("binascii.Error", "Incorrect padding")
		}
		return string(b)
	case "base64.b64encode":
		return base64.StdEncoding.EncodeToString([]byte(s(0)))
	case "binascii.unhexlify", "bytes.fromhex":
		b, _ := hex.DecodeString(s(0))
		return string(b)
	case "zlib.decompress":
		z, err := zlib.NewReader(strings.NewReader(s(0)))
		if err != nil {
			y.raise("zlib.error", "Error -3 while decompressing data: incorrect header check")
		}
		b, _ := io.ReadAll(io.LimitReader(z, 16<<20))
		return string(b)
	case "ssl._create_unverified_context", "ssl.create_default_context", "urllib2.install_opener", "socket.setdefaulttimeout", "sys.stdout.flush", "urllib3.disable_warnings":
		return nil
	case "sys.stdout.write":
		p.puts(s(0))
		return nil
	case "urllib.request.Request", "urllib2.Request":
		o := &pyObj{"Request", map[string]any{"\x00url": s(0), "\x00headers": map[string]any{}}}
		if h, ok := kw["headers"].(map[string]any); ok {
			o.attr["\x00headers"] = h
		} else if h, ok := arg(2).(map[string]any); ok {
			o.attr["\x00headers"] = h
		}
		if d := arg(1); d != nil {
			o.attr["\x00data"] = y.str(d)
		}
		return o
	case "urllib.urlopen", "urllib2.urlopen", "urllib.request.urlopen", "requests.get", "requests.post", "requests.request", "urllib.urlretrieve", "urllib.request.urlretrieve":
		return y.fetch(name, a, kw)
	case "urllib.quote", "urllib.parse.quote":
		return urlEscape(s(0))
	}
	p.unknown("construct", "python "+name)
	mod, fn := name, ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		mod, fn = name[:i], name[i+1:]
	}
	y.raise("AttributeError", "module '%s' has no attribute '%s'", mod, fn)
	return nil
}

func (y *python) fetch(name string, a []any, kw map[string]any) any {
	p := y.p
	url := ""
	headers := map[string]any{}
	var body []byte
	if len(a) > 0 {
		if o, ok := a[0].(*pyObj); ok {
			url = y.str(o.attr["\x00url"])
			if h, ok := o.attr["\x00headers"].(map[string]any); ok {
				headers = h
			}
			if d, ok := o.attr["\x00data"]; ok {
				body = []byte(y.str(d))
			}
		} else {
			url = y.str(a[0])
		}
	}
	if d, ok := kw["data"]; ok && d != nil {
		body = []byte(y.str(d))
	}
	if h, ok := kw["headers"].(map[string]any); ok {
		headers = h
	}
	req := strings.HasPrefix(name, "requests.")
	fail := func(errno int, why string) {
		if req {
			y.raise("requests.exceptions.ConnectionError", "HTTPConnectionPool: Max retries exceeded with url: %s (Caused by NewConnectionError: %s)", url, why)
		}
		y.raise(map[bool]string{true: "urllib2.URLError", false: "urllib.error.URLError"}[y.two], "<urlopen error [Errno %d] %s>", errno, why)
	}
	u, bad := parseURL(url)
	if bad != "" || !strings.Contains(url, "://") {
		y.raise("ValueError", "unknown url type: %s", url)
	}
	for range 10 {
		addrs, err := p.t.LookupHost(u.host, "")
		if err != nil {
			fail(-2, "Name or service not known")
		}
		fd, err := p.dialWeb(u, addrs[0])
		if err != nil {
			fail(111, text(err))
		}
		method := "GET"
		if body != nil || name == "requests.post" {
			method = "POST"
		}
		ua := map[bool]string{true: "Python-urllib/2.7", false: "Python-urllib/3.10"}[y.two]
		var h bytes.Buffer
		if req {
			ua = "python-requests/2.25.1"
			fmt.Fprintf(&h, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, u.path, u.authority())
		} else {
			fmt.Fprintf(&h, "%s %s HTTP/1.1\r\nAccept-Encoding: identity\r\nHost: %s\r\n", method, u.path, u.authority())
		}
		for k, v := range headers {
			if strings.EqualFold(k, "User-Agent") {
				ua = y.str(v)
				continue
			}
			fmt.Fprintf(&h, "%s: %s\r\n", k, y.str(v))
		}
		fmt.Fprintf(&h, "User-Agent: %s\r\n", ua)
		if req {
			h.WriteString("Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n")
		} else {
			h.WriteString("Connection: close\r\n")
		}
		if body != nil {
			fmt.Fprintf(&h, "Content-Length: %d\r\nContent-Type: application/x-www-form-urlencoded\r\n", len(body))
		}
		h.WriteString("\r\n")
		r, err := p.exchange(fd, h.String(), body, method)
		if err != nil {
			p.t.Close(fd)
			y.raise(map[bool]string{true: "httplib.BadStatusLine", false: "http.client.RemoteDisconnected"}[y.two], "Remote end closed connection without response")
		}
		if loc := r.get("Location"); loc != "" && r.status >= 300 && r.status < 400 {
			p.t.Close(fd)
			if u, bad = u.resolve(loc); bad != "" {
				fail(-2, "bad redirect")
			}
			continue
		}
		b := p.readAll(r.body)
		p.t.Close(fd)
		if r.status >= 400 && !req {
			y.raise(map[bool]string{true: "urllib2.HTTPError", false: "urllib.error.HTTPError"}[y.two], "HTTP Error %d: %s", r.status, strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(r.line, "HTTP/1.1"), fmt.Sprintf(" %d", r.status))))
		}
		if strings.HasSuffix(name, "urlretrieve") {
			dst := "/tmp/tmp" + strconv.FormatUint(p.t.Kernel().RandUint()%1e8, 36)
			if len(a) > 1 {
				dst = y.str(a[1])
			}
			if err := p.t.WriteFile(dst, b, 0o666); err != nil {
				y.raise("IOError", "[Errno 2] %s: '%s'", text(err), dst)
			}
			return []any{dst, nil}
		}
		return &pyObj{"response", map[string]any{"\x00body": string(b), "text": string(b), "content": string(b), "status_code": float64(r.status), "code": float64(r.status), "ok": r.status < 400, "url": u.String()}}
	}
	fail(-2, "too many redirects")
	return nil
}

func (y *python) closeObj(v any) {
	if o, ok := v.(*pyObj); ok {
		if fd, ok := o.attr["\x00fd"].(float64); ok {
			y.p.t.Close(int(fd))
			delete(o.attr, "\x00fd")
		}
	}
}

func (y *python) method(v any, n string, a []any, kw map[string]any) any {
	arg := func(i int) string {
		if i < len(a) {
			return y.str(a[i])
		}
		return ""
	}
	if o, ok := v.(*pyObj); ok && o.kind == "socket" {
		return y.sockMethod(o, n, a)
	}
	switch x := v.(type) {
	case string:
		switch n {
		case "decode", "encode":
			switch arg(0) {
			case "base64":
				return y.function("base64.b64"+n, []any{x}, nil)
			case "hex":
				if n == "encode" {
					return hex.EncodeToString([]byte(x))
				}
				return y.function("binascii.unhexlify", []any{x}, nil)
			case "rot13":
				return strings.Map(func(r rune) rune {
					switch {
					case r >= 'a' && r <= 'z':
						return 'a' + (r-'a'+13)%26
					case r >= 'A' && r <= 'Z':
						return 'A' + (r-'A'+13)%26
					}
					return r
				}, x)
			case "zlib":
				return y.function("zlib.decompress", []any{x}, nil)
			}
			return x
		case "strip", "lstrip", "rstrip":
			cut := " \t\r\n"
			if len(a) > 0 {
				cut = arg(0)
			}
			if n != "rstrip" {
				x = strings.TrimLeft(x, cut)
			}
			if n != "lstrip" {
				x = strings.TrimRight(x, cut)
			}
			return x
		case "split", "splitlines":
			var l []string
			switch {
			case n == "splitlines":
				l = strings.Split(strings.TrimSuffix(x, "\n"), "\n")
			case len(a) == 0:
				l = strings.Fields(x)
			default:
				l = strings.Split(x, arg(0))
			}
			out := []any{}
			for _, s := range l {
				out = append(out, s)
			}
			return out
		case "join":
			var p []string
			if len(a) > 0 {
				for _, e := range y.iter(a[0]) {
					p = append(p, y.str(e))
				}
			}
			return strings.Join(p, x)
		case "replace":
			if arg(0) == "" {
				return x
			}
			return strings.ReplaceAll(x, arg(0), arg(1))
		case "lower":
			return strings.ToLower(x)
		case "upper":
			return strings.ToUpper(x)
		case "startswith":
			return strings.HasPrefix(x, arg(0))
		case "endswith":
			return strings.HasSuffix(x, arg(0))
		case "find", "index":
			return float64(strings.Index(x, arg(0)))
		case "format":
			for i := range a {
				x = strings.Replace(x, "{}", arg(i), 1)
				x = strings.ReplaceAll(x, "{"+strconv.Itoa(i)+"}", arg(i))
			}
			for k, v := range kw {
				x = strings.ReplaceAll(x, "{"+k+"}", y.str(v))
			}
			return x
		case "isdigit":
			return x != "" && strings.Trim(x, "0123456789") == ""
		case "count":
			return float64(strings.Count(x, arg(0)))
		}
	case map[string]any:
		switch n {
		case "get":
			if v, ok := x[arg(0)]; ok {
				return v
			}
			if len(a) > 1 {
				return a[1]
			}
			return nil
		case "keys", "values", "items":
			out := []any{}
			for k, v := range x {
				switch n {
				case "keys":
					out = append(out, k)
				case "values":
					out = append(out, v)
				default:
					out = append(out, []any{k, v})
				}
			}
			return out
		case "update":
			if len(a) > 0 {
				if m, ok := a[0].(map[string]any); ok {
					for k, v := range m {
						x[k] = v
					}
				}
			}
			return nil
		}
	case *pyObj:
		body, _ := x.attr["\x00body"].(string)
		switch n {
		case "read":
			if len(a) > 0 && a[0] != nil {
				k := int(min(float64(len(body)), max(0, y.num(a[0]))))
				x.attr["\x00body"] = body[k:]
				return body[:k]
			}
			x.attr["\x00body"] = ""
			return body
		case "readlines":
			return y.iter(x)
		case "readline":
			l, rest, ok := strings.Cut(body, "\n")
			x.attr["\x00body"] = rest
			if ok {
				l += "\n"
			}
			return l
		case "write":
			fd, ok := x.attr["\x00fd"].(float64)
			if !ok {
				y.raise("ValueError", "I/O operation on closed file.")
			}
			y.p.t.Writer(int(fd)).Write([]byte(arg(0)))
			return float64(len(arg(0)))
		case "close":
			y.closeObj(x)
			return nil
		case "communicate":
			return []any{body, nil}
		case "wait", "poll":
			return x.attr["returncode"]
		case "getcode":
			return x.attr["code"]
		case "add_header":
			if h, ok := x.attr["\x00headers"].(map[string]any); ok {
				h[arg(0)] = arg(1)
			}
			return nil
		case "flush", "raise_for_status", "kill", "terminate", "start", "join":
			return nil
		}
	case []any:
		if n == "index" {
			for i, e := range x {
				if y.str(e) == arg(0) {
					return float64(i)
				}
			}
			y.raise("ValueError", "%s is not in list", arg(0))
		}
	}
	y.p.unknown("construct", "python ."+n)
	y.raise("AttributeError", "'%s' object has no attribute '%s'", y.typeName(v), n)
	return nil
}

// adv goes to the next token; the end is never passed.
func (y *python) adv() {
	if y.i < len(y.toks)-1 {
		y.i++
	}
}
