package program

import (
	"bufio"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// awk is the language of POSIX's awk(1) with the common extensions of gawk and
// BusyBox (gensub, tolower, strftime, systime, length of arrays, delete of
// arrays, printf to pipes). A parser makes a tree, which is walked.

type awkVal struct {
	s    string
	n    float64
	kind byte // 's' string, 'n' number, 'u' text from input that looks like a number, 0 unset
}

func awkNum(n float64) awkVal { return awkVal{n: n, kind: 'n'} }
func awkStr(s string) awkVal  { return awkVal{s: s, kind: 's'} }

// awkInput makes the value of a field: a number too, if it looks like one.
func awkInput(s string) awkVal {
	t := strings.TrimSpace(s)
	if t != "" && (t[0] >= '0' && t[0] <= '9' || strings.IndexByte("+-.", t[0]) >= 0) {
		if n, err := strconv.ParseFloat(t, 64); err == nil && !strings.ContainsAny(t, "xXpP_") {
			return awkVal{s: s, n: n, kind: 'u'}
		}
	}
	return awkStr(s)
}

type awkNode struct {
	op   string
	k    []*awkNode
	s    string
	n    float64
	re   *regex
	body []*awkNode
}

type awkFunc struct {
	params []string
	body   *awkNode
}

type awkPos struct {
	tok, val string
	nl       bool // a newline stood before
}

type awk struct {
	p          *P
	toks       []awkPos
	i          int
	depth      int
	noIn       bool
	noGt       bool
	funcs      map[string]*awkFunc
	begin, end []*awkNode
	rules      []awkRule

	vars    map[string]*awkVal
	arrays  map[string]map[string]awkVal
	locals  []map[string]*awkCell
	line    string
	fields  []string
	split   bool
	rebuild bool
	nr, fnr float64
	seed    uint64
	outs    map[string]*awkOut
	ins     map[string]*awkIn
	res     map[string]*regex
	cur     *bufio.Reader
	curFd   int
	argi    int
	sawFile bool
	calls   int
}

type awkRule struct {
	pat, pat2 *awkNode
	active    bool
	body      *awkNode
}

type awkCell struct {
	v   awkVal
	arr map[string]awkVal
}

type awkOut struct {
	w    *bufio.Writer
	fd   int
	task *kernel.Task
}

type awkIn struct {
	r    *bufio.Reader
	fd   int
	task *kernel.Task
}

// control flow of statements.
type awkJump struct{ kind string }
type awkExit struct{ code int }
type awkReturn struct{ v awkVal }
type awkError string

func cmdAwk(p *P) (code int) {
	opts, args, ok := p.getoptArgs(p.args, 2, "+F:v:f:W:", "field-separator:=F", "assign:=v", "file:=f", "posix=x", "re-interval=x")
	if !ok {
		return p.status
	}
	a := &awk{p: p, funcs: map[string]*awkFunc{}, vars: map[string]*awkVal{}, arrays: map[string]map[string]awkVal{}, outs: map[string]*awkOut{}, ins: map[string]*awkIn{}, res: map[string]*regex{}, curFd: -1, seed: 1}
	src, have := "", false
	for k, v := range map[string]string{"FS": " ", "OFS": " ", "ORS": "\n", "RS": "\n", "SUBSEP": "\x1c", "CONVFMT": "%.6g", "OFMT": "%.6g"} {
		a.set(k, awkStr(v))
	}
	for _, o := range opts {
		switch o.c {
		case "F":
			s, _ := unescape(o.arg, false)
			if s == "t" {
				s = "\t"
			}
			a.set("FS", awkStr(s))
		case "v":
			k, v, _ := strings.Cut(o.arg, "=")
			v, _ = unescape(v, false)
			a.set(k, awkInput(v))
		case "f":
			b, err := p.t.ReadFile(o.arg)
			if err != nil {
				p.errf("cannot open %s (%s)", o.arg, text(err))
				return 2
			}
			src += string(b) + "\n"
			have = true
		}
	}
	if !have {
		if len(args) == 0 {
			if p.bb {
				return p.try(1)
			}
			p.raw("Usage: %s [Options] [Program] [file ...]\n", p.name)
			return 2
		}
		src, args = args[0], args[1:]
	}
	defer func() {
		switch x := recover().(type) {
		case nil:
		case awkExit:
			code = x.code
		case awkError:
			p.errf("%s", string(x))
			code = 2
		default:
			panic(x)
		}
		for _, o := range a.outs {
			a.closeOut(o)
		}
	}()
	a.lex(src)
	a.program()
	argv := map[string]awkVal{"0": awkStr(p.name)}
	for i, x := range args {
		argv[strconv.Itoa(i+1)] = awkInput(x)
	}
	a.arrays["ARGV"] = argv
	a.set("ARGC", awkNum(float64(len(args)+1)))
	env := map[string]awkVal{}
	for _, e := range p.t.Env() {
		k, v, _ := strings.Cut(e, "=")
		env[k] = awkInput(v)
	}
	a.arrays["ENVIRON"] = env
	a.argi = 1
	code = a.runAll()
	return code
}

func (a *awk) runAll() (code int) {
	exited := false
	phase := func(fn func()) {
		defer func() {
			if r := recover(); r != nil {
				x, ok := r.(awkExit)
				if !ok {
					panic(r)
				}
				exited = true
				if x.code >= 0 {
					code = x.code
				}
			}
		}()
		fn()
	}
	phase(func() {
		for _, b := range a.begin {
			a.stmt(b)
		}
	})
	if !exited && (len(a.rules) > 0 || len(a.end) > 0) {
		phase(func() {
			for {
				l, ok := a.nextRecord()
				if !ok {
					return
				}
				a.setLine(l)
				a.record()
			}
		})
	}
	phase(func() {
		for _, b := range a.end {
			a.stmt(b)
		}
	})
	return code
}

func (a *awk) record() {
	defer func() {
		if r := recover(); r != nil {
			if j, ok := r.(awkJump); ok && j.kind == "next" {
				return
			}
			panic(r)
		}
	}()
	for i := range a.rules {
		r := &a.rules[i]
		hit := r.pat == nil
		switch {
		case r.pat2 != nil:
			if !r.active && a.truth(a.eval(r.pat)) {
				r.active, hit = true, true
				if a.truth(a.eval(r.pat2)) {
					r.active = false
				}
			} else if r.active {
				hit = true
				if a.truth(a.eval(r.pat2)) {
					r.active = false
				}
			}
		case r.pat != nil:
			hit = a.truth(a.eval(r.pat))
		}
		if !hit {
			continue
		}
		if r.body == nil {
			a.p.puts(a.getLine() + a.str(a.get("ORS")))
		} else {
			a.stmt(r.body)
		}
	}
}

// lexer

func (a *awk) fail(format string, x ...any) { panic(awkError(fmt.Sprintf(format, x...))) }

var awkKeywords = map[string]bool{"BEGIN": true, "END": true, "function": true, "func": true, "if": true, "else": true, "while": true, "for": true, "do": true, "break": true, "continue": true, "next": true, "nextfile": true, "exit": true, "return": true, "delete": true, "in": true, "getline": true, "print": true, "printf": true}

func (a *awk) lex(s string) {
	nl := false
	add := func(tok, val string) {
		if len(a.toks) > 200000 {
			a.fail("program too long")
		}
		a.toks = append(a.toks, awkPos{tok, val, nl})
		nl = false
	}
	last := func() string {
		if len(a.toks) == 0 {
			return ""
		}
		return a.toks[len(a.toks)-1].tok
	}
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '\\' && i+1 < len(s) && (s[i+1] == '\n' || s[i+1] == '\r'):
			i += 2
		case c == '\n':
			add("\n", "")
			i++
		case c == '#':
			for i < len(s) && s[i] != '\n' {
				i++
			}
		case c == '"':
			j := i + 1
			var b strings.Builder
			for j < len(s) && s[j] != '"' {
				if s[j] == '\\' && j+1 < len(s) {
					if s[j+1] == '/' || s[j+1] == '"' {
						b.WriteByte(s[j+1])
						j += 2
						continue
					}
					if s[j+1] == '\n' {
						j += 2
						continue
					}
					one, n := oneEscape(s[j:])
					if n == 0 {
						one, n = "c", 2
					}
					b.WriteString(one)
					j += n
					continue
				}
				b.WriteByte(s[j])
				j++
			}
			if j >= len(s) {
				a.fail("unterminated string")
			}
			add("str", b.String())
			i = j + 1
		case c == '/':
			l := last()
			if l == "num" || l == "str" || l == "name" || l == ")" || l == "]" || l == "$" || l == "incr" || l == "decr" || l == "builtin" {
				if i+1 < len(s) && s[i+1] == '=' {
					add("/=", "")
					i += 2
				} else {
					add("/", "")
					i++
				}
				break
			}
			j := i + 1
			in := false
			var b strings.Builder
			for j < len(s) && (s[j] != '/' || in) && s[j] != '\n' {
				if s[j] == '\\' && j+1 < len(s) {
					if s[j+1] != '/' {
						b.WriteByte('\\')
					}
					b.WriteByte(s[j+1])
					j += 2
					continue
				}
				if s[j] == '[' {
					in = true
				} else if s[j] == ']' {
					in = false
				}
				b.WriteByte(s[j])
				j++
			}
			if j >= len(s) {
				a.fail("unterminated regular expression")
			}
			add("re", b.String())
			i = j + 1
		case c >= '0' && c <= '9' || c == '.' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			j := i
			if c == '0' && i+1 < len(s) && s[i+1]|32 == 'x' {
				j += 2
				for j < len(s) && hexVal(s[j]) >= 0 {
					j++
				}
				v, _ := strconv.ParseUint(s[i+2:j], 16, 64)
				add("num", strconv.FormatUint(v, 10))
				i = j
				break
			}
			for j < len(s) && (s[j] >= '0' && s[j] <= '9' || s[j] == '.') {
				j++
			}
			if j < len(s) && s[j]|32 == 'e' {
				k := j + 1
				if k < len(s) && (s[k] == '+' || s[k] == '-') {
					k++
				}
				if k < len(s) && s[k] >= '0' && s[k] <= '9' {
					for k < len(s) && s[k] >= '0' && s[k] <= '9' {
						k++
					}
					j = k
				}
			}
			add("num", s[i:j])
			i = j
		case wordChar(c):
			j := i
			for j < len(s) && wordChar(s[j]) {
				j++
			}
			w := s[i:j]
			switch {
			case awkKeywords[w]:
				if w == "func" {
					w = "function"
				}
				add(w, w)
			case j < len(s) && s[j] == '(' && awkBuiltins[w] == 0:
				add("funcname", w)
			case awkBuiltins[w] > 0:
				add("builtin", w)
			default:
				add("name", w)
			}
			i = j
		default:
			done := false
			for _, o := range []string{"**=", "&&", "||", "==", "!=", "<=", ">=", "++", "--", "+=", "-=", "*=", "%=", "^=", ">>", "**"} {
				if strings.HasPrefix(s[i:], o) {
					t := o
					switch o {
					case "++":
						t = "incr"
					case "--":
						t = "decr"
					case "**":
						t = "^"
					case "**=":
						t = "^="
					}
					add(t, "")
					i += len(o)
					done = true
					break
				}
			}
			if done {
				break
			}
			if strings.IndexByte("{}()[];,+-*%^!<>|?:~$=", c) < 0 {
				a.fail("syntax error at source line 1: unexpected character '%c'", c)
			}
			add(string(c), "")
			i++
		}
	}
	add("\n", "")
	add("eof", "")
}

// awkBuiltins are the functions, with the most arguments they take.
var awkBuiltins = map[string]int{"length": 1, "substr": 3, "index": 2, "split": 4, "sub": 3, "gsub": 3, "gensub": 4, "match": 3, "sprintf": 99, "sin": 1, "cos": 1, "atan2": 2, "exp": 1, "log": 1, "sqrt": 1, "int": 1, "rand": 1, "srand": 1,
	"tolower": 1, "toupper": 1, "system": 1, "close": 2, "fflush": 1, "systime": 1, "strftime": 3, "mktime": 1, "and": 2, "or": 2, "xor": 2, "lshift": 2, "rshift": 2, "compl": 1, "strtonum": 1, "asort": 2, "asorti": 2}

// parser

func (a *awk) tok() string { return a.toks[a.i].tok }
func (a *awk) next() awkPos {
	t := a.toks[a.i]
	if a.i < len(a.toks)-1 {
		a.i++
	}
	return t
}
func (a *awk) want(t string) awkPos {
	if a.tok() != t {
		got := a.toks[a.i].val
		if got == "" {
			got = a.tok()
		}
		if got == "\n" {
			got = "newline"
		}
		if a.p.bb {
			a.fail("cmd. line:1: Unexpected token")
		}
		a.fail("line 1: syntax error at or near %s", got)
	}
	return a.next()
}
func (a *awk) skipNL() {
	for a.tok() == "\n" {
		a.next()
	}
}
func (a *awk) skipTerm() {
	for a.tok() == "\n" || a.tok() == ";" {
		a.next()
	}
}

func (a *awk) program() {
	a.skipTerm()
	for a.tok() != "eof" {
		switch a.tok() {
		case "BEGIN":
			a.next()
			a.begin = append(a.begin, a.block())
		case "END":
			a.next()
			a.end = append(a.end, a.block())
		case "function":
			a.next()
			n := a.next()
			f := &awkFunc{}
			a.want("(")
			for a.tok() != ")" {
				f.params = append(f.params, a.want("name").val)
				if a.tok() == "," {
					a.next()
					a.skipNL()
				}
			}
			a.next()
			a.skipNL()
			f.body = a.block()
			a.funcs[n.val] = f
		default:
			var r awkRule
			if a.tok() != "{" {
				r.pat = a.expr()
				if a.tok() == "," {
					a.next()
					a.skipNL()
					r.pat2 = a.expr()
				}
			}
			if a.tok() == "{" {
				r.body = a.block()
			}
			a.rules = append(a.rules, r)
		}
		a.skipTerm()
	}
}

func (a *awk) enter() {
	if a.depth++; a.depth > 300 {
		a.fail("program too deeply nested")
	}
}

func (a *awk) block() *awkNode {
	a.enter()
	defer func() { a.depth-- }()
	a.want("{")
	n := &awkNode{op: "block"}
	a.skipTerm()
	for a.tok() != "}" {
		n.body = append(n.body, a.statement())
		a.skipTerm()
	}
	a.next()
	return n
}

func (a *awk) simple() *awkNode {
	switch a.tok() {
	case "print", "printf":
		op := a.next().tok
		n := &awkNode{op: op}
		old := a.noGt
		a.noGt = true
		if a.tok() == "(" {
			// print (a, b) > "f" or print (a)(b)
			save := a.i
			a.next()
			a.noGt = false
			a.skipNL()
			list := a.exprList(")")
			if a.tok() == ")" {
				a.next()
				switch a.tok() {
				case "\n", ";", "}", ">", ">>", "|", "eof":
					n.k = list
				default:
					a.i = save
					a.noGt = true
					n.k = a.exprList("")
				}
			}
		} else if !a.ends() {
			n.k = a.exprList("")
		}
		a.noGt = old
		switch a.tok() {
		case ">", ">>", "|":
			n.s = a.next().tok
			a.noGt = true
			n.body = []*awkNode{a.concat()}
			a.noGt = old
		}
		return n
	case "delete":
		a.next()
		name := a.want("name").val
		n := &awkNode{op: "delete", s: name}
		if a.tok() == "[" {
			a.next()
			n.k = a.exprList("]")
			a.want("]")
		}
		return n
	}
	return &awkNode{op: "expr", k: []*awkNode{a.expr()}}
}

func (a *awk) ends() bool {
	switch a.tok() {
	case "\n", ";", "}", ">", ">>", "|", "eof", ")":
		return true
	}
	return false
}

func (a *awk) exprList(end string) []*awkNode {
	var out []*awkNode
	if a.tok() == end {
		return nil
	}
	for {
		out = append(out, a.expr())
		a.skipNLIf(end)
		if a.tok() != "," {
			return out
		}
		a.next()
		a.skipNL()
	}
}

func (a *awk) skipNLIf(end string) {
	if end != "" {
		a.skipNL()
	}
}

func (a *awk) body() *awkNode {
	a.skipNL()
	if a.tok() == ";" {
		a.next()
		return &awkNode{op: "block"}
	}
	return a.statement()
}

func (a *awk) statement() *awkNode {
	a.enter()
	defer func() { a.depth-- }()
	switch a.tok() {
	case "{":
		return a.block()
	case "if":
		a.next()
		a.want("(")
		c := a.expr()
		a.want(")")
		n := &awkNode{op: "if", k: []*awkNode{c, a.body()}}
		save := a.i
		a.skipTerm()
		if a.tok() == "else" {
			a.next()
			n.k = append(n.k, a.body())
		} else {
			a.i = save
		}
		return n
	case "while":
		a.next()
		a.want("(")
		c := a.expr()
		a.want(")")
		if a.tok() == ";" {
			return &awkNode{op: "while", k: []*awkNode{c, {op: "block"}}}
		}
		return &awkNode{op: "while", k: []*awkNode{c, a.body()}}
	case "do":
		a.next()
		b := a.body()
		a.skipTerm()
		a.want("while")
		a.want("(")
		c := a.expr()
		a.want(")")
		return &awkNode{op: "do", k: []*awkNode{c, b}}
	case "for":
		a.next()
		a.want("(")
		if a.tok() == "name" && a.toks[a.i+1].tok == "in" && a.toks[a.i+2].tok == "name" && a.toks[a.i+3].tok == ")" {
			v := a.next().val
			a.next()
			arr := a.next().val
			a.next()
			return &awkNode{op: "forin", s: v, k: []*awkNode{{op: "name", s: arr}, a.body()}}
		}
		n := &awkNode{op: "for", k: make([]*awkNode, 4)}
		if a.tok() != ";" {
			n.k[0] = a.simple()
		}
		a.want(";")
		a.skipNL()
		if a.tok() != ";" {
			n.k[1] = a.expr()
		}
		a.want(";")
		a.skipNL()
		if a.tok() != ")" {
			n.k[2] = a.simple()
		}
		a.want(")")
		n.k[3] = a.body()
		return n
	case "break", "continue", "next", "nextfile":
		return &awkNode{op: a.next().tok}
	case "exit", "return":
		n := &awkNode{op: a.next().tok}
		if !a.ends() {
			n.k = []*awkNode{a.expr()}
		}
		return n
	}
	n := a.simple()
	if !a.ends() {
		a.want("\n")
	}
	return n
}

func (a *awk) expr() *awkNode {
	a.enter()
	defer func() { a.depth-- }()
	return a.ternary()
}

func (a *awk) ternary() *awkNode {
	l := a.orExpr()
	switch t := a.tok(); t {
	case "?":
		a.next()
		a.skipNL()
		x := a.ternary()
		a.skipNL()
		a.want(":")
		a.skipNL()
		return &awkNode{op: "?", k: []*awkNode{l, x, a.ternary()}}
	case "=", "+=", "-=", "*=", "/=", "%=", "^=":
		if l.op == "name" || l.op == "$" || l.op == "index" {
			a.next()
			a.skipNL()
			return &awkNode{op: t, k: []*awkNode{l, a.expr()}}
		}
		// !x = y and a == b = c bind to the right part.
		if len(l.k) > 0 {
			r := l.k[len(l.k)-1]
			if r.op == "name" || r.op == "$" || r.op == "index" {
				a.next()
				a.skipNL()
				l.k[len(l.k)-1] = &awkNode{op: t, k: []*awkNode{r, a.expr()}}
				return l
			}
		}
	}
	return l
}

func (a *awk) orExpr() *awkNode {
	l := a.andExpr()
	for a.tok() == "||" {
		a.next()
		a.skipNL()
		l = &awkNode{op: "||", k: []*awkNode{l, a.andExpr()}}
	}
	return l
}

func (a *awk) andExpr() *awkNode {
	l := a.inExpr()
	for a.tok() == "&&" {
		a.next()
		a.skipNL()
		l = &awkNode{op: "&&", k: []*awkNode{l, a.inExpr()}}
	}
	return l
}

func (a *awk) inExpr() *awkNode {
	l := a.matchExpr()
	for a.tok() == "in" && !a.noIn {
		a.next()
		l = &awkNode{op: "in", s: a.want("name").val, k: []*awkNode{l}}
	}
	return l
}

func (a *awk) matchExpr() *awkNode {
	l := a.compare()
	for a.tok() == "~" || a.tok() == "!" && a.toks[a.i+1].tok == "~" {
		op := "~"
		if a.next().tok == "!" {
			a.next()
			op = "!~"
		}
		l = &awkNode{op: op, k: []*awkNode{l, a.compare()}}
	}
	return l
}

func (a *awk) compare() *awkNode {
	l := a.concat()
	switch t := a.tok(); t {
	case "<", "<=", "==", "!=", ">=":
		a.next()
		return &awkNode{op: t, k: []*awkNode{l, a.concat()}}
	case ">":
		if !a.noGt {
			a.next()
			return &awkNode{op: t, k: []*awkNode{l, a.concat()}}
		}
	case "|":
		for a.tok() == "|" && a.toks[a.i+1].tok == "getline" {
			a.next()
			a.next()
			n := &awkNode{op: "cmdgetline", k: []*awkNode{l}}
			if v := a.optLvalue(); v != nil {
				n.k = append(n.k, v)
			}
			l = n
		}
	}
	return l
}

func (a *awk) concat() *awkNode {
	l := a.additive()
	for {
		switch a.tok() {
		case "num", "str", "name", "funcname", "builtin", "$", "(", "incr", "decr", "re":
		case "!":
			if a.toks[a.i+1].tok == "~" {
				return l
			}
			return l
		case "in":
			return l
		default:
			return l
		}
		l = &awkNode{op: "concat", k: []*awkNode{l, a.additive()}}
	}
}

func (a *awk) additive() *awkNode {
	l := a.mul()
	for a.tok() == "+" || a.tok() == "-" {
		op := a.next().tok
		l = &awkNode{op: op, k: []*awkNode{l, a.mul()}}
	}
	return l
}

func (a *awk) mul() *awkNode {
	l := a.unary()
	for a.tok() == "*" || a.tok() == "/" || a.tok() == "%" {
		op := a.next().tok
		l = &awkNode{op: op, k: []*awkNode{l, a.unary()}}
	}
	return l
}

func (a *awk) unary() *awkNode {
	a.enter()
	defer func() { a.depth-- }()
	switch a.tok() {
	case "!":
		a.next()
		return &awkNode{op: "!", k: []*awkNode{a.unary()}}
	case "-":
		a.next()
		return &awkNode{op: "neg", k: []*awkNode{a.unary()}}
	case "+":
		a.next()
		return &awkNode{op: "pos", k: []*awkNode{a.unary()}}
	}
	return a.power()
}

func (a *awk) power() *awkNode {
	l := a.postfix()
	if a.tok() == "^" {
		a.next()
		return &awkNode{op: "^", k: []*awkNode{l, a.unary()}}
	}
	return l
}

func lvalue(n *awkNode) bool { return n.op == "name" || n.op == "$" || n.op == "index" }

func (a *awk) postfix() *awkNode {
	l := a.primary()
	if lvalue(l) {
		if t := a.tok(); t == "incr" || t == "decr" {
			a.next()
			return &awkNode{op: "post" + t, k: []*awkNode{l}}
		}
	}
	return l
}

func (a *awk) optLvalue() *awkNode {
	if t := a.tok(); t == "name" || t == "$" {
		return a.primary()
	}
	return nil
}

func (a *awk) primary() *awkNode {
	a.enter()
	defer func() { a.depth-- }()
	t := a.next()
	switch t.tok {
	case "num":
		n, _ := strconv.ParseFloat(t.val, 64)
		return &awkNode{op: "num", n: n}
	case "str":
		return &awkNode{op: "str", s: t.val}
	case "re":
		return &awkNode{op: "re", s: t.val, re: a.regex(t.val)}
	case "$":
		if a.tok() == "incr" || a.tok() == "decr" || a.tok() == "-" || a.tok() == "+" {
			return &awkNode{op: "$", k: []*awkNode{a.unary()}}
		}
		return &awkNode{op: "$", k: []*awkNode{a.primary()}}
	case "incr", "decr":
		l := a.primary()
		if !lvalue(l) {
			a.fail("syntax error")
		}
		return &awkNode{op: "pre" + t.tok, k: []*awkNode{l}}
	case "(":
		oldGt, oldIn := a.noGt, a.noIn
		a.noGt, a.noIn = false, false
		a.skipNL()
		list := a.exprList(")")
		a.want(")")
		a.noGt, a.noIn = oldGt, oldIn
		if len(list) > 1 {
			a.want("in")
			return &awkNode{op: "in", s: a.want("name").val, k: list}
		}
		if len(list) == 0 {
			a.fail("syntax error")
		}
		return &awkNode{op: "group", k: list}
	case "name":
		if a.tok() == "[" {
			a.next()
			old, oldGt := a.noIn, a.noGt
			a.noIn, a.noGt = false, false
			k := a.exprList("]")
			a.noIn, a.noGt = old, oldGt
			a.want("]")
			return &awkNode{op: "index", s: t.val, k: k}
		}
		return &awkNode{op: "name", s: t.val}
	case "funcname", "builtin":
		n := &awkNode{op: "call", s: t.val}
		if t.tok == "builtin" {
			n.op = "builtin"
			if a.tok() != "(" {
				if t.val != "length" && t.val != "rand" && t.val != "systime" {
					a.want("(")
				}
				return n
			}
		}
		a.want("(")
		old, oldGt := a.noIn, a.noGt
		a.noIn, a.noGt = false, false
		a.skipNL()
		n.k = a.exprList(")")
		a.noIn, a.noGt = old, oldGt
		a.want(")")
		return n
	case "getline":
		n := &awkNode{op: "getline"}
		n.k = append(n.k, a.optLvalue())
		if a.tok() == "<" {
			a.next()
			n.body = []*awkNode{a.primary()}
		}
		return n
	case "-":
		return &awkNode{op: "neg", k: []*awkNode{a.primary()}}
	case "!":
		return &awkNode{op: "!", k: []*awkNode{a.primary()}}
	}
	a.i--
	a.want("expression")
	return nil
}

// values

func (a *awk) str(v awkVal) string {
	if v.kind == 'n' {
		return a.numStr(v.n, "CONVFMT")
	}
	return v.s
}

func (a *awk) numStr(n float64, conv string) string {
	limit := 2147483648.0 // mawk prints larger whole numbers by the format
	if a.p.bb || a.p.name == "gawk" {
		limit = 1e16
	}
	if n == math.Trunc(n) && math.Abs(n) < limit {
		return strconv.FormatInt(int64(n), 10)
	}
	switch {
	case math.IsNaN(n):
		return "-nan"
	case math.IsInf(n, 1):
		return "inf"
	case math.IsInf(n, -1):
		return "-inf"
	}
	if f := a.str(a.get(conv)); f != "%.6g" {
		return a.sprintf(f, []awkVal{awkNum(n)})
	}
	return fmtG(n, 6)
}

// fmtG is C's %.Pg.
func fmtG(n float64, prec int) string {
	s := fmt.Sprintf("%.*g", prec, n)
	// Go writes e+06 as C does; exponents have two digits in both.
	return s
}

func (a *awk) num(v awkVal) float64 {
	switch v.kind {
	case 'n', 'u':
		return v.n
	}
	s := strings.TrimLeft(v.s, " \t\n")
	i := 0
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.') {
		i++
	}
	if i < len(s) && s[i]|32 == 'e' {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if j < len(s) && s[j] >= '0' && s[j] <= '9' {
			for j < len(s) && s[j] >= '0' && s[j] <= '9' {
				j++
			}
			i = j
		}
	}
	n, _ := strconv.ParseFloat(s[:i], 64)
	return n
}

func (a *awk) truth(v awkVal) bool {
	switch v.kind {
	case 'n', 'u':
		return v.n != 0
	}
	return v.s != ""
}

func (a *awk) cell(name string) *awkCell {
	if len(a.locals) > 0 {
		if c, ok := a.locals[len(a.locals)-1][name]; ok {
			return c
		}
	}
	return nil
}

func (a *awk) array(name string) map[string]awkVal {
	if c := a.cell(name); c != nil {
		if c.arr == nil {
			c.arr = map[string]awkVal{}
		}
		return c.arr
	}
	m := a.arrays[name]
	if m == nil {
		m = map[string]awkVal{}
		a.arrays[name] = m
	}
	return m
}

func (a *awk) get(name string) awkVal {
	if c := a.cell(name); c != nil {
		return c.v
	}
	switch name {
	case "NF":
		a.doSplit()
		return awkNum(float64(len(a.fields)))
	case "NR":
		return awkNum(a.nr)
	case "FNR":
		return awkNum(a.fnr)
	}
	if v := a.vars[name]; v != nil {
		return *v
	}
	return awkVal{}
}

func (a *awk) set(name string, v awkVal) {
	if c := a.cell(name); c != nil {
		c.v = v
		return
	}
	switch name {
	case "NF":
		a.doSplit()
		n := int(min(10000, max(0, a.num(v))))
		for len(a.fields) < n {
			a.fields = append(a.fields, "")
		}
		a.fields = a.fields[:n]
		a.rebuild = true
		return
	case "NR":
		a.nr = a.num(v)
		return
	case "FNR":
		a.fnr = a.num(v)
		return
	}
	if x := a.vars[name]; x != nil {
		*x = v
		return
	}
	a.vars[name] = &v
}

func (a *awk) setLine(l string) { a.line, a.split, a.rebuild = l, false, false }

func (a *awk) getLine() string {
	if a.rebuild {
		a.line = strings.Join(a.fields, a.str(a.get("OFS")))
		a.rebuild = false
	}
	return a.line
}

func (a *awk) doSplit() {
	if a.split {
		return
	}
	a.split = true
	a.fields = a.splitBy(a.line, a.str(a.get("FS")))
}

func (a *awk) splitBy(s, fs string) []string {
	a.p.t.Tick(int64(len(s) >> 6))
	switch {
	case fs == " ":
		return strings.Fields(s)
	case s == "":
		return nil
	case fs == "":
		return strings.Split(s, "")
	case len(fs) == 1 && fs != "\\" && strings.IndexByte(".[]()*+?{}|^$", fs[0]) < 0 || fs == "|":
		return strings.Split(s, fs)
	}
	var out []string
	pos := 0
	for _, m := range a.regex(fs).all(s, -1) {
		if m[1] == m[0] {
			continue
		}
		out = append(out, s[pos:m[0]])
		pos = m[1]
	}
	return append(out, s[pos:])
}

func (a *awk) regex(s string) *regex {
	if r := a.res[s]; r != nil {
		return r
	}
	r, err := compileRegex(s, true, false)
	if err != nil {
		a.fail("regular expression compile failed (%s)\n%s", err, s)
	}
	if len(a.res) > 500 {
		a.res = map[string]*regex{}
	}
	a.res[s] = r
	return r
}

func (a *awk) reOf(n *awkNode) *regex {
	if n.op == "re" {
		return n.re
	}
	return a.regex(a.str(a.eval(n)))
}

func (a *awk) field(i int) awkVal {
	if i == 0 {
		return awkInput(a.getLine())
	}
	a.doSplit()
	if i < 0 {
		a.fail("attempt to access field %d", i)
	}
	if i > len(a.fields) {
		return awkVal{}
	}
	return awkInput(a.fields[i-1])
}

func (a *awk) assign(n *awkNode, v awkVal) {
	switch n.op {
	case "group":
		a.assign(n.k[0], v)
	case "name":
		a.set(n.s, v)
	case "index":
		m := a.array(n.s)
		k := a.subscript(n.k)
		if _, ok := m[k]; !ok {
			a.p.t.Alloc(int64(len(k)) + 64)
		}
		m[k] = v
	case "$":
		i := int(a.num(a.eval(n.k[0])))
		if i == 0 {
			a.setLine(a.str(v))
			return
		}
		if i < 0 || i > 10000 {
			a.fail("attempt to access field %d", i)
		}
		a.doSplit()
		for len(a.fields) < i {
			a.fields = append(a.fields, "")
		}
		a.fields[i-1] = a.str(v)
		a.rebuild = true
	default:
		a.fail("syntax error: assignment to non-variable")
	}
}

func (a *awk) subscript(k []*awkNode) string {
	if len(k) == 1 {
		return a.str(a.eval(k[0]))
	}
	var s []string
	for _, x := range k {
		s = append(s, a.str(a.eval(x)))
	}
	return strings.Join(s, a.str(a.get("SUBSEP")))
}

func b2n(b bool) awkVal {
	if b {
		return awkNum(1)
	}
	return awkNum(0)
}

func (a *awk) eval(n *awkNode) awkVal {
	a.p.t.Tick(1)
	switch n.op {
	case "num":
		return awkNum(n.n)
	case "str":
		return awkStr(n.s)
	case "re":
		return b2n(n.re.match(a.getLine()))
	case "group":
		return a.eval(n.k[0])
	case "name":
		return a.get(n.s)
	case "index":
		m := a.array(n.s)
		k := a.subscript(n.k)
		v, ok := m[k]
		if !ok {
			m[k] = awkVal{}
		}
		return v
	case "$":
		return a.field(int(a.num(a.eval(n.k[0]))))
	case "=":
		v := a.eval(n.k[1])
		a.assign(n.k[0], v)
		return v
	case "+=", "-=", "*=", "/=", "%=", "^=":
		r := a.num(a.eval(n.k[1]))
		v := awkNum(a.arith(n.op[:1], a.num(a.eval(n.k[0])), r))
		a.assign(n.k[0], v)
		return v
	case "+", "-", "*", "/", "%", "^":
		l := a.num(a.eval(n.k[0]))
		return awkNum(a.arith(n.op, l, a.num(a.eval(n.k[1]))))
	case "neg":
		return awkNum(-a.num(a.eval(n.k[0])))
	case "pos":
		return awkNum(a.num(a.eval(n.k[0])))
	case "!":
		return b2n(!a.truth(a.eval(n.k[0])))
	case "&&":
		return b2n(a.truth(a.eval(n.k[0])) && a.truth(a.eval(n.k[1])))
	case "||":
		return b2n(a.truth(a.eval(n.k[0])) || a.truth(a.eval(n.k[1])))
	case "?":
		if a.truth(a.eval(n.k[0])) {
			return a.eval(n.k[1])
		}
		return a.eval(n.k[2])
	case "preincr", "predecr", "postincr", "postdecr":
		old := a.num(a.eval(n.k[0]))
		nv := old + 1
		if strings.HasSuffix(n.op, "decr") {
			nv = old - 1
		}
		a.assign(n.k[0], awkNum(nv))
		if n.op[:3] == "pre" {
			return awkNum(nv)
		}
		return awkNum(old)
	case "concat":
		l := a.str(a.eval(n.k[0]))
		s := l + a.str(a.eval(n.k[1]))
		if len(s) > 64<<10 {
			a.p.t.Tick(int64(len(s) >> 10))
			if len(s) > 32<<20 {
				a.p.t.Alloc(1 << 40)
			}
		}
		return awkStr(s)
	case "~", "!~":
		l := a.str(a.eval(n.k[0]))
		return b2n(a.reOf(n.k[1]).match(l) == (n.op == "~"))
	case "in":
		_, ok := a.array(n.s)[a.subscript(n.k)]
		return b2n(ok)
	case "<", "<=", "==", "!=", ">=", ">":
		return b2n(a.cmp(n.op, a.eval(n.k[0]), a.eval(n.k[1])))
	case "call":
		return a.call(n)
	case "builtin":
		return a.builtin(n)
	case "getline", "cmdgetline":
		return a.getline(n)
	}
	a.fail("syntax error")
	return awkVal{}
}

func (a *awk) cmp(op string, l, r awkVal) bool {
	var c int
	if l.kind != 's' && r.kind != 's' {
		c = cmpFloat(a.num(l), a.num(r))
		if l.kind == 0 && r.kind == 0 {
			c = 0
		}
	} else {
		c = strings.Compare(a.str(l), a.str(r))
	}
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case "==":
		return c == 0
	case "!=":
		return c != 0
	case ">":
		return c > 0
	}
	return c >= 0
}

func (a *awk) arith(op string, l, r float64) float64 {
	switch op {
	case "+":
		return l + r
	case "-":
		return l - r
	case "*":
		return l * r
	case "/":
		if r == 0 {
			a.fail("division by zero")
		}
		return l / r
	case "%":
		if r == 0 {
			a.fail("division by zero in %%")
		}
		return math.Mod(l, r)
	}
	return math.Pow(l, r)
}

func (a *awk) call(n *awkNode) awkVal {
	f := a.funcs[n.s]
	if f == nil {
		a.p.unknown("construct", "awk "+n.s+"()")
		a.fail("calling undefined function %s", n.s)
	}
	if len(n.k) > len(f.params) {
		a.fail("function %s called with %d args, accepts only %d", n.s, len(n.k), len(f.params))
	}
	if a.calls++; a.calls > 1000 {
		a.fail("function call nesting too deep")
	}
	frame := make(map[string]*awkCell, len(f.params))
	for i, name := range f.params {
		c := &awkCell{}
		if i < len(n.k) {
			x := n.k[i]
			if x.op == "name" {
				if lc := a.cell(x.s); lc != nil {
					if lc.arr != nil || lc.v.kind == 0 {
						if lc.arr == nil {
							lc.arr = map[string]awkVal{}
						}
						c.arr = lc.arr
					}
					c.v = lc.v
				} else if _, isVar := a.vars[x.s]; !isVar && x.s != "NF" && x.s != "NR" && x.s != "FNR" {
					c.arr = a.array(x.s)
				} else {
					c.v = a.get(x.s)
				}
			} else {
				c.v = a.eval(x)
			}
		}
		frame[name] = c
	}
	a.locals = append(a.locals, frame)
	ret := awkVal{}
	func() {
		defer func() {
			a.locals = a.locals[:len(a.locals)-1]
			a.calls--
			if r := recover(); r != nil {
				x, ok := r.(awkReturn)
				if !ok {
					panic(r)
				}
				ret = x.v
			}
		}()
		a.stmt(f.body)
	}()
	return ret
}

func (a *awk) stmt(n *awkNode) {
	a.p.t.Tick(1)
	switch n.op {
	case "block":
		for _, s := range n.body {
			a.stmt(s)
		}
	case "expr":
		a.eval(n.k[0])
	case "print", "printf":
		a.print(n)
	case "delete":
		if n.k == nil {
			clear(a.array(n.s))
		} else {
			delete(a.array(n.s), a.subscript(n.k))
		}
	case "if":
		if a.truth(a.eval(n.k[0])) {
			a.stmt(n.k[1])
		} else if len(n.k) > 2 {
			a.stmt(n.k[2])
		}
	case "while":
		for a.truth(a.eval(n.k[0])) {
			if a.loop(n.k[1]) {
				return
			}
		}
	case "do":
		for {
			if a.loop(n.k[1]) || !a.truth(a.eval(n.k[0])) {
				return
			}
		}
	case "for":
		if n.k[0] != nil {
			a.stmt(n.k[0])
		}
		for n.k[1] == nil || a.truth(a.eval(n.k[1])) {
			if a.loop(n.k[3]) {
				return
			}
			if n.k[2] != nil {
				a.stmt(n.k[2])
			}
		}
	case "forin":
		m := a.array(n.k[0].s)
		keys := make([]string, 0, len(m))
		for k := range m {
			keys = append(keys, k)
		}
		sort.Slice(keys, func(i, j int) bool {
			x, e1 := strconv.ParseFloat(keys[i], 64)
			y, e2 := strconv.ParseFloat(keys[j], 64)
			if e1 == nil && e2 == nil {
				return x < y
			}
			return keys[i] < keys[j]
		})
		for _, k := range keys {
			if _, ok := m[k]; !ok {
				continue
			}
			a.set(n.s, awkInput(k))
			if a.loop(n.k[1]) {
				return
			}
		}
	case "break", "continue", "next", "nextfile":
		if n.op == "nextfile" {
			a.closeInput()
			panic(awkJump{"next"})
		}
		panic(awkJump{n.op})
	case "exit":
		code := -1
		if len(n.k) > 0 {
			code = int(a.num(a.eval(n.k[0])))
		}
		panic(awkExit{code})
	case "return":
		v := awkVal{}
		if len(n.k) > 0 {
			v = a.eval(n.k[0])
		}
		panic(awkReturn{v})
	}
}

// loop runs a loop's body; it tells whether to leave.
func (a *awk) loop(n *awkNode) (leave bool) {
	if !hasJump(n) {
		a.stmt(n)
		return false
	}
	defer func() {
		if r := recover(); r != nil {
			j, ok := r.(awkJump)
			if !ok || j.kind == "next" {
				panic(r)
			}
			leave = j.kind == "break"
		}
	}()
	a.stmt(n)
	return false
}

func hasJump(n *awkNode) bool {
	if n == nil {
		return false
	}
	if n.op == "break" || n.op == "continue" {
		return true
	}
	for _, k := range n.k {
		if hasJump(k) {
			return true
		}
	}
	for _, k := range n.body {
		if hasJump(k) {
			return true
		}
	}
	return false
}

func (a *awk) print(n *awkNode) {
	var s string
	if n.op == "printf" {
		if len(n.k) == 0 {
			a.fail("printf: no format")
		}
		f := a.str(a.eval(n.k[0]))
		var vs []awkVal
		for _, k := range n.k[1:] {
			vs = append(vs, a.eval(k))
		}
		s = a.sprintf(f, vs)
	} else {
		var parts []string
		for _, k := range n.k {
			v := a.eval(k)
			if v.kind == 'n' {
				parts = append(parts, a.numStr(v.n, "OFMT"))
			} else {
				parts = append(parts, v.s)
			}
		}
		if len(n.k) == 0 {
			parts = []string{a.getLine()}
		}
		s = strings.Join(parts, a.str(a.get("OFS"))) + a.str(a.get("ORS"))
	}
	w := a.p.out
	if n.s != "" {
		w = a.output(n.s, a.str(a.eval(n.body[0])))
		if w == nil {
			return
		}
	}
	if _, err := w.WriteString(s); err != nil {
		panic(awkExit{2})
	}
}

func (a *awk) output(kind, name string) *bufio.Writer {
	switch name {
	case "/dev/stdout", "-":
		return a.p.out
	}
	if o := a.outs[kind[:1]+name]; o != nil {
		return o.w
	}
	t := a.p.t
	if kind == "|" {
		a.p.out.Flush()
		r, w, err := t.Pipe()
		if err != nil {
			a.fail("can't open pipe %s: %s", name, text(err))
		}
		c, err := t.Spawn(kernel.Spawn{Path: "/bin/sh", Argv: []string{"sh", "-c", name}, Fds: map[int]int{0: r, 1: 1, 2: 2}})
		t.Close(r)
		if err != nil {
			t.Close(w)
			return nil
		}
		t.SetCloexec(w, true)
		o := &awkOut{w: bufio.NewWriter(t.Writer(w)), fd: w, task: c}
		a.outs["|"+name] = o
		return o.w
	}
	fl := kernel.O_WRONLY | kernel.O_CREAT | kernel.O_CLOEXEC
	if kind == ">" {
		fl |= kernel.O_TRUNC
	} else {
		fl |= kernel.O_APPEND
	}
	fd, err := t.Open(name, fl, 0o666)
	if err != nil {
		a.fail("cannot open \"%s\" for output (%s)", name, text(err))
	}
	o := &awkOut{w: bufio.NewWriter(t.Writer(fd)), fd: fd}
	a.outs[">"+name] = o
	return o.w
}

func (a *awk) closeOut(o *awkOut) int {
	o.w.Flush()
	a.p.t.Close(o.fd)
	if o.task != nil {
		a.p.out.Flush()
		_, ws, _ := a.p.t.Wait(o.task.PID(), 0)
		return ws.Code()
	}
	return 0
}

func (a *awk) closeInput() {
	if a.cur != nil && a.curFd >= 0 {
		a.p.t.Close(a.curFd)
	}
	a.cur = nil
}

// nextRecord gives the next record of the main input.
func (a *awk) nextRecord() (string, bool) {
	for {
		if a.cur == nil {
			argc := int(a.num(a.get("ARGC")))
			name, found := "", false
			for a.argi < argc {
				v := a.str(a.arrays["ARGV"][strconv.Itoa(a.argi)])
				a.argi++
				if k, val, ok := strings.Cut(v, "="); ok && k != "" && !strings.ContainsAny(k, "/. ") && !(k[0] >= '0' && k[0] <= '9') {
					val, _ = unescape(val, false)
					a.set(k, awkInput(val))
					continue
				}
				if v != "" {
					name, found = v, true
					break
				}
			}
			if !found {
				if a.sawFile {
					return "", false
				}
				name = "-"
			}
			a.sawFile = true
			if name == "-" {
				a.cur, a.curFd = a.p.in, -1
			} else {
				fd, err := a.p.open(name)
				if err != nil {
					if a.p.bb {
						a.fail("%s: %s", name, text(err))
					}
					a.p.errf("cannot open \"%s\" (%s)", name, text(err))
					a.p.status = 2
					if err == vfs.EISDIR {
						continue
					}
					panic(awkExit{2})
				}
				a.cur, a.curFd = bufio.NewReaderSize(a.p.t.Reader(fd), 32<<10), fd
			}
			a.set("FILENAME", awkStr(strings.TrimPrefix(name, "-")))
			a.fnr = 0
		}
		if l, ok := a.readRecord(a.cur); ok {
			a.nr++
			a.fnr++
			return l, true
		}
		a.closeInput()
	}
}

func (a *awk) readRecord(r *bufio.Reader) (string, bool) {
	rs := a.str(a.get("RS"))
	if rs == "\n" {
		l, _, ok := a.p.readLine(r)
		return l, ok
	}
	var b []byte
	if rs == "" {
		// Paragraphs.
		for {
			l, _, ok := a.p.readLine(r)
			if !ok {
				break
			}
			if l == "" {
				if len(b) > 0 {
					break
				}
				continue
			}
			if len(b) > 0 {
				b = append(b, '\n')
			}
			b = append(b, l...)
		}
		return string(b), len(b) > 0
	}
	if len(rs) == 1 {
		for {
			c, err := r.ReadByte()
			if err != nil {
				if len(b) > 0 && b[len(b)-1] == '\n' {
					b = b[:len(b)-1]
				}
				return string(b), len(b) > 0
			}
			if c == rs[0] {
				return string(b), true
			}
			if b = append(b, c); len(b) > maxLine {
				return string(b), true
			}
			if len(b)&1023 == 0 {
				a.p.t.Tick(10)
			}
		}
	}
	// An expression: all that is there is looked at.
	re := a.regex(rs)
	for {
		c, err := r.ReadByte()
		if err == nil {
			b = append(b, c)
		}
		if err != nil || len(b) > maxLine {
			return strings.TrimSuffix(string(b), "\n"), len(b) > 0
		}
		if c == rs[len(rs)-1] || len(b)%64 == 0 || strings.ContainsAny(rs, "[|+*?") {
			a.p.t.Tick(int64(len(b)>>8) + 1)
			if m := re.find(string(b)); m != nil && m[1] == len(b) && m[1] > m[0] {
				// The separator is whole where the next character adds nothing to it; where
				// that takes the match away (RS = "x$"), it was none.
				nx, err := r.Peek(1)
				if err != nil {
					return string(b[:m[0]]), true
				}
				if m2 := re.find(string(b) + string(nx)); m2 != nil && m2[1] == len(b) {
					return string(b[:m[0]]), true
				}
			}
		}
	}
}

func (a *awk) getline(n *awkNode) awkVal {
	var line string
	var ok bool
	switch {
	case n.op == "cmdgetline" || len(n.body) > 0:
		src := n.k[0]
		var name, key string
		if n.op == "cmdgetline" {
			name = a.str(a.eval(src))
			key = "|" + name
		} else {
			name = a.str(a.eval(n.body[0]))
			key = "<" + name
		}
		in := a.ins[key]
		if in == nil {
			t := a.p.t
			if key[0] == '|' {
				a.p.out.Flush()
				r, w, err := t.Pipe()
				if err != nil {
					return awkNum(-1)
				}
				c, err := t.Spawn(kernel.Spawn{Path: "/bin/sh", Argv: []string{"sh", "-c", name}, Fds: map[int]int{0: 0, 1: w, 2: 2}})
				t.Close(w)
				if err != nil {
					t.Close(r)
					return awkNum(-1)
				}
				t.SetCloexec(r, true)
				in = &awkIn{bufio.NewReader(t.Reader(r)), r, c}
			} else if name == "-" {
				in = &awkIn{a.p.in, -1, nil}
			} else {
				fd, err := a.p.open(name)
				if err != nil {
					return awkNum(-1)
				}
				t.SetCloexec(fd, true)
				in = &awkIn{bufio.NewReader(t.Reader(fd)), fd, nil}
			}
			a.ins[key] = in
		}
		line, ok = a.readRecord(in.r)
		if ok && n.op == "cmdgetline" {
			a.nr++
		}
	default:
		line, ok = a.nextRecord()
	}
	if !ok {
		return awkNum(0)
	}
	var v *awkNode
	if n.op == "cmdgetline" {
		if len(n.k) > 1 {
			v = n.k[1]
		}
	} else {
		v = n.k[0]
	}
	if v != nil {
		a.assign(v, awkInput(line))
	} else {
		a.setLine(line)
	}
	return awkNum(1)
}

func (a *awk) sprintf(f string, vs []awkVal) string {
	var b strings.Builder
	next := func() awkVal {
		if len(vs) == 0 {
			return awkVal{}
		}
		v := vs[0]
		vs = vs[1:]
		return v
	}
	for i := 0; i < len(f); i++ {
		if f[i] != '%' || i+1 >= len(f) {
			b.WriteByte(f[i])
			continue
		}
		if f[i+1] == '%' {
			b.WriteByte('%')
			i++
			continue
		}
		j := i + 1
		spec := "%"
		for j < len(f) && strings.IndexByte("-+ #0123456789.*'", f[j]) >= 0 {
			if f[j] == '*' {
				spec += strconv.Itoa(int(min(10000, a.num(next()))))
			} else if f[j] != '\'' {
				spec += f[j : j+1]
			}
			j++
		}
		for j < len(f) && strings.IndexByte("hlLqjzt", f[j]) >= 0 {
			j++
		}
		if j >= len(f) || len(spec) > 14 {
			b.WriteString(f[i:])
			break
		}
		switch c := f[j]; c {
		case 'd', 'i':
			fmt.Fprintf(&b, spec+"d", int64(a.num(next())))
		case 'u':
			fmt.Fprintf(&b, spec+"d", uint64(int64(a.num(next()))))
		case 'o', 'x', 'X':
			fmt.Fprintf(&b, spec+string(c), uint64(int64(a.num(next()))))
		case 'e', 'E', 'f', 'F', 'g', 'G':
			if strings.ToLower(string(c)) == "g" && !strings.Contains(spec, ".") {
				spec += ".6"
			}
			fmt.Fprintf(&b, spec+string(c), a.num(next()))
		case 'c':
			v := next()
			s := v.s
			if v.kind == 'n' || v.kind == 'u' {
				if n := int(v.n); n < 256 {
					s = string([]byte{byte(n)})
				} else {
					s = string(rune(n))
				}
			} else if s != "" {
				s = string([]rune(s)[:1])
			}
			fmt.Fprintf(&b, spec+"s", s)
		case 's':
			fmt.Fprintf(&b, spec+"s", a.str(next()))
		default:
			b.WriteString(f[i : j+1])
		}
		i = j
	}
	return b.String()
}

func (a *awk) builtin(n *awkNode) awkVal {
	arg := func(i int) awkVal {
		if i < len(n.k) {
			return a.eval(n.k[i])
		}
		return awkVal{}
	}
	need := func(k int) {
		if len(n.k) < k {
			a.fail("syntax error: %s needs %d arguments", n.s, k)
		}
	}
	switch n.s {
	case "length":
		if len(n.k) == 0 {
			return awkNum(float64(len([]rune(a.getLine()))))
		}
		if x := n.k[0]; x.op == "name" {
			if c := a.cell(x.s); c != nil && c.arr != nil {
				return awkNum(float64(len(c.arr)))
			}
			if m, ok := a.arrays[x.s]; ok && a.vars[x.s] == nil {
				return awkNum(float64(len(m)))
			}
		}
		return awkNum(float64(len([]rune(a.str(arg(0))))))
	case "substr":
		need(2)
		s := []rune(a.str(arg(0)))
		m := math.Round(a.num(arg(1)))
		e := float64(len(s)) + 1
		if len(n.k) > 2 {
			e = m + math.Round(a.num(arg(2)))
		}
		m, e = max(m, 1), min(e, float64(len(s)+1))
		if m >= e {
			return awkStr("")
		}
		return awkStr(string(s[int(m)-1 : int(e)-1]))
	case "index":
		need(2)
		s := a.str(arg(0))
		i := strings.Index(s, a.str(arg(1)))
		if i < 0 {
			return awkNum(0)
		}
		return awkNum(float64(len([]rune(s[:i])) + 1))
	case "split":
		need(2)
		s := a.str(arg(0))
		var parts []string
		if len(n.k) > 2 {
			if n.k[2].op == "re" {
				parts = a.splitBy(s, n.k[2].s)
				if n.k[2].s == " " {
					parts = strings.Split(s, " ")
				}
			} else {
				parts = a.splitBy(s, a.str(arg(2)))
			}
		} else {
			parts = a.splitBy(s, a.str(a.get("FS")))
		}
		m := a.array(n.k[1].s)
		clear(m)
		for i, x := range parts {
			m[strconv.Itoa(i+1)] = awkInput(x)
		}
		return awkNum(float64(len(parts)))
	case "sub", "gsub":
		need(2)
		re := a.reOf(n.k[0])
		repl := a.str(arg(1))
		target := &awkNode{op: "$", k: []*awkNode{{op: "num"}}}
		if len(n.k) > 2 {
			target = n.k[2]
		}
		s := a.str(a.eval(target))
		lim := -1
		if n.s == "sub" {
			lim = 1
		}
		ms := re.all(s, lim)
		if len(ms) == 0 {
			return awkNum(0)
		}
		var b strings.Builder
		pos := 0
		for _, m := range ms {
			b.WriteString(s[pos:m[0]])
			for i := 0; i < len(repl); i++ {
				switch {
				case repl[i] == '\\' && i+1 < len(repl) && (repl[i+1] == '&' || repl[i+1] == '\\'):
					i++
					b.WriteByte(repl[i])
				case repl[i] == '&':
					b.WriteString(s[m[0]:m[1]])
				default:
					b.WriteByte(repl[i])
				}
			}
			pos = m[1]
		}
		b.WriteString(s[pos:])
		if lvalue(target) || target.op == "group" {
			a.assign(target, awkStr(b.String()))
		}
		return awkNum(float64(len(ms)))
	case "gensub":
		need(3)
		re := a.reOf(n.k[0])
		repl, how := a.str(arg(1)), a.str(arg(2))
		s := a.getLine()
		if len(n.k) > 3 {
			s = a.str(arg(3))
		}
		which := 0
		if !strings.HasPrefix(strings.ToLower(how), "g") {
			which = int(max(1, toInt(how)))
		}
		var b strings.Builder
		pos := 0
		for i, m := range re.all(s, -1) {
			if which > 0 && i+1 != which {
				continue
			}
			b.WriteString(s[pos:m[0]])
			b.WriteString(sedReplace(repl, s, m))
			pos = m[1]
		}
		b.WriteString(s[pos:])
		return awkStr(b.String())
	case "match":
		need(2)
		s := a.str(arg(0))
		m := a.reOf(n.k[1]).find(s)
		start, length := 0, -1
		if m != nil {
			start, length = len([]rune(s[:m[0]]))+1, len([]rune(s[m[0]:m[1]]))
			if len(n.k) > 2 {
				arr := a.array(n.k[2].s)
				clear(arr)
				for g := 0; 2*g+1 < len(m); g++ {
					if m[2*g] >= 0 {
						arr[strconv.Itoa(g)] = awkInput(s[m[2*g]:m[2*g+1]])
					}
				}
			}
		}
		a.set("RSTART", awkNum(float64(start)))
		a.set("RLENGTH", awkNum(float64(length)))
		return awkNum(float64(start))
	case "sprintf":
		need(1)
		var vs []awkVal
		for i := 1; i < len(n.k); i++ {
			vs = append(vs, arg(i))
		}
		return awkStr(a.sprintf(a.str(arg(0)), vs))
	case "sin":
		return awkNum(math.Sin(a.num(arg(0))))
	case "cos":
		return awkNum(math.Cos(a.num(arg(0))))
	case "atan2":
		return awkNum(math.Atan2(a.num(arg(0)), a.num(arg(1))))
	case "exp":
		return awkNum(math.Exp(a.num(arg(0))))
	case "log":
		return awkNum(math.Log(a.num(arg(0))))
	case "sqrt":
		return awkNum(math.Sqrt(a.num(arg(0))))
	case "int":
		return awkNum(math.Trunc(a.num(arg(0))))
	case "rand":
		a.seed = a.seed*6364136223846793005 + 1442695040888963407
		return awkNum(float64(a.seed>>11) / (1 << 53))
	case "srand":
		old := a.seed
		if len(n.k) > 0 {
			a.seed = uint64(int64(a.num(arg(0))))
		} else {
			a.seed = uint64(a.p.t.Now().UnixNano())
		}
		return awkNum(float64(old))
	case "tolower":
		return awkStr(strings.ToLower(a.str(arg(0))))
	case "toupper":
		return awkStr(strings.ToUpper(a.str(arg(0))))
	case "system":
		for _, o := range a.outs {
			o.w.Flush()
		}
		code, err := a.p.run([]string{"/bin/sh", "-c", a.str(arg(0))})
		if err != nil {
			return awkNum(127)
		}
		return awkNum(float64(code))
	case "close":
		name := a.str(arg(0))
		for _, k := range []string{">", "|"} {
			if o := a.outs[k+name]; o != nil {
				delete(a.outs, k+name)
				return awkNum(float64(a.closeOut(o)))
			}
		}
		for _, k := range []string{"<", "|"} {
			if in := a.ins[k+name]; in != nil {
				delete(a.ins, k+name)
				if in.fd >= 0 {
					a.p.t.Close(in.fd)
				}
				if in.task != nil {
					_, ws, _ := a.p.t.Wait(in.task.PID(), 0)
					return awkNum(float64(ws.Code()))
				}
				return awkNum(0)
			}
		}
		return awkNum(-1)
	case "fflush":
		a.p.out.Flush()
		for _, o := range a.outs {
			o.w.Flush()
		}
		return awkNum(0)
	case "systime":
		return awkNum(float64(a.p.t.Now().Unix()))
	case "strftime":
		f := "%a %b %e %H:%M:%S %Z %Y"
		t := a.p.t.Now()
		if len(n.k) > 0 {
			f = a.str(arg(0))
		}
		if len(n.k) > 1 {
			t, _ = parseDate("@"+a.str(arg(1)), t, a.p.zone())
		}
		return awkStr(strftime(f, t.In(a.p.zone())))
	case "and":
		return awkNum(float64(uint64(a.num(arg(0))) & uint64(a.num(arg(1)))))
	case "or":
		return awkNum(float64(uint64(a.num(arg(0))) | uint64(a.num(arg(1)))))
	case "xor":
		return awkNum(float64(uint64(a.num(arg(0))) ^ uint64(a.num(arg(1)))))
	case "lshift":
		return awkNum(float64(uint64(a.num(arg(0))) << (uint64(a.num(arg(1))) & 63)))
	case "rshift":
		return awkNum(float64(uint64(a.num(arg(0))) >> (uint64(a.num(arg(1))) & 63)))
	case "strtonum":
		s := a.str(arg(0))
		if v, err := strconv.ParseInt(s, 0, 64); err == nil {
			return awkNum(float64(v))
		}
		return awkNum(a.num(awkStr(s)))
	}
	a.p.unknown("construct", "awk "+n.s)
	return awkVal{}
}
