package shell

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// arithErr is an arithmetic error; the text is what the shell says after the
// expression.
func (s *Shell) arithErr(format string, args ...any) {
	if s.ctl == ctlExit {
		return
	}
	switch s.d {
	case Bash:
		s.errorf(format, args...)
		s.discard(1)
	case Dash:
		if strings.HasPrefix(format, "%s: division") {
			s.errorf("arithmetic expression: division by zero: \"%s\"", s.arithText())
		} else {
			s.errorf("arithmetic expression: "+strings.TrimPrefix(format, "%s: "), args[min(1, len(args)):]...)
		}
		s.fatal(2)
	default:
		if strings.HasPrefix(format, "%s: division") {
			s.errorf("divide by zero")
		} else {
			s.errorf("arithmetic syntax error")
		}
		s.fatal(2)
	}
}

// arithText is the source of the running $((..)), without blanks.
func (s *Shell) arithText() string {
	if s.arithNode == nil {
		return ""
	}
	var b strings.Builder
	_ = syntax.NewPrinter().Print(&b, &syntax.ArithmCmd{X: s.arithNode})
	return strings.NewReplacer(" ", "", "\\\n", "").Replace(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), "(("), "))"))
}

// arith evaluates an expression of the tree.
func (s *Shell) arith(x syntax.ArithmExpr) int64 {
	if s.depth > maxDepth {
		s.arithErr("%s: expression recursion level exceeded", "")
		return 0
	}
	s.depth++
	defer func() { s.depth-- }()
	switch x := x.(type) {
	case nil:
		return 0
	case *syntax.Word:
		return s.arithWord(x)
	case *syntax.ParenArithm:
		return s.arith(x.X)
	case *syntax.UnaryArithm:
		switch x.Op {
		case syntax.Inc, syntax.Dec:
			d := int64(1)
			if x.Op == syntax.Dec {
				d = -1
			}
			old := s.arith(x.X)
			s.arithAssign(x.X, old+d)
			if x.Post {
				return old
			}
			return old + d
		}
		v := s.arith(x.X)
		switch x.Op {
		case syntax.Not:
			return b2i(v == 0)
		case syntax.BitNegation:
			return ^v
		case syntax.Minus:
			return -v
		}
		return v
	case *syntax.BinaryArithm:
		return s.arithBinary(x)
	}
	return 0
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (s *Shell) arithBinary(x *syntax.BinaryArithm) int64 {
	switch x.Op {
	case syntax.AndArit:
		return b2i(s.arith(x.X) != 0 && s.arith(x.Y) != 0)
	case syntax.OrArit:
		return b2i(s.arith(x.X) != 0 || s.arith(x.Y) != 0)
	case syntax.Comma:
		s.arith(x.X)
		return s.arith(x.Y)
	case syntax.TernQuest:
		c := s.arith(x.X)
		b, ok := x.Y.(*syntax.BinaryArithm)
		if !ok {
			s.arithErr("%s: `:' expected for conditional expression", "")
			return 0
		}
		if c != 0 {
			return s.arith(b.X)
		}
		return s.arith(b.Y)
	case syntax.Assgn:
		v := s.arith(x.Y)
		s.arithAssign(x.X, v)
		return v
	}
	a, b := s.arith(x.X), s.arith(x.Y)
	if s.ctl != ctlNone {
		return 0
	}
	assign := true
	var v int64
	switch x.Op {
	case syntax.AddAssgn:
		v = a + b
	case syntax.SubAssgn:
		v = a - b
	case syntax.MulAssgn:
		v = a * b
	case syntax.QuoAssgn:
		v = s.div(a, b, false)
	case syntax.RemAssgn:
		v = s.div(a, b, true)
	case syntax.AndAssgn:
		v = a & b
	case syntax.OrAssgn:
		v = a | b
	case syntax.XorAssgn:
		v = a ^ b
	case syntax.ShlAssgn:
		v = a << uint(b&63)
	case syntax.ShrAssgn:
		v = a >> uint(b&63)
	default:
		assign = false
	}
	if assign {
		s.arithAssign(x.X, v)
		return v
	}
	switch x.Op {
	case syntax.Add:
		return a + b
	case syntax.Sub:
		return a - b
	case syntax.Mul:
		return a * b
	case syntax.Quo:
		return s.div(a, b, false)
	case syntax.Rem:
		return s.div(a, b, true)
	case syntax.Pow:
		if b < 0 {
			s.arithErr("%s: exponent less than 0", "")
			return 0
		}
		r := int64(1)
		for base := a; b > 0; b >>= 1 {
			if b&1 == 1 {
				r *= base
			}
			base *= base
		}
		return r
	case syntax.Eql:
		return b2i(a == b)
	case syntax.Neq:
		return b2i(a != b)
	case syntax.Gtr:
		return b2i(a > b)
	case syntax.Lss:
		return b2i(a < b)
	case syntax.Geq:
		return b2i(a >= b)
	case syntax.Leq:
		return b2i(a <= b)
	case syntax.And:
		return a & b
	case syntax.Or:
		return a | b
	case syntax.Xor:
		return a ^ b
	case syntax.Shl:
		return a << uint(b&63)
	case syntax.Shr:
		return a >> uint(b&63)
	}
	return 0
}

func (s *Shell) div(a, b int64, rem bool) int64 {
	if b == 0 {
		s.arithErr("%s: division by 0 (error token is \"%s\")", strconv.FormatInt(a, 10)+map[bool]string{false: "/", true: "%"}[rem]+"0", "0")
		return 0
	}
	if b == -1 {
		if rem {
			return 0
		}
		return -a
	}
	if rem {
		return a % b
	}
	return a / b
}

// arithAssign stores into the variable or element that an operand names.
func (s *Shell) arithAssign(x syntax.ArithmExpr, v int64) {
	w, ok := x.(*syntax.Word)
	if !ok {
		s.arithErr("%s: attempted assignment to non-variable", strconv.FormatInt(v, 10))
		return
	}
	val := strconv.FormatInt(v, 10)
	if len(w.Parts) == 1 {
		if p, ok := w.Parts[0].(*syntax.ParamExp); ok && p.Short && p.Index != nil {
			s.assignElement(p.Param.Value, p.Index, val, false)
			return
		}
	}
	name := s.literal(w)
	if !validName(name) {
		s.arithErr("%s: attempted assignment to non-variable", name)
		return
	}
	s.assign(name, val)
}

// arithWord evaluates an operand: a number, a name, or text that is itself an
// expression.
func (s *Shell) arithWord(w *syntax.Word) int64 {
	if len(w.Parts) == 1 {
		switch p := w.Parts[0].(type) {
		case *syntax.Lit:
			if validName(p.Value) {
				return s.arithName(p.Value)
			}
			if n, ok := number(p.Value); ok {
				return n
			}
		case *syntax.ParamExp:
			if p.Short && p.Index != nil && p.Dollar == p.Pos() && p.Rbrace == (syntax.Pos{}) && p.Param != nil {
				// a[i] in arithmetic: no dollar was written
				v, _ := s.element(p.Param.Value, p.Index)
				return s.arithString(v)
			}
		}
	}
	return s.arithString(s.literal(w))
}

func (s *Shell) arithName(name string) int64 {
	v, ok := s.lookup(name)
	if !ok {
		if s.opts['u'] {
			s.unbound(name)
		}
		return 0
	}
	return s.arithString(v)
}

// arithString evaluates text.
func (s *Shell) arithString(v string) int64 {
	v = strings.TrimSpace(v)
	if v == "" {
		return 0
	}
	if n, ok := number(v); ok {
		return n
	}
	if s.depth > maxDepth {
		s.arithErr("%s: expression recursion level exceeded (error token is \"%s\")", v, v)
		return 0
	}
	s.depth++
	defer func() { s.depth-- }()
	if validName(v) {
		return s.arithName(v)
	}
	x, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Arithmetic(strings.NewReader(v))
	if err != nil {
		tok := v
		if i := strings.IndexAny(v, " \t"); i > 0 {
			tok = strings.TrimSpace(v[i:])
		}
		if c := v[0]; c >= '0' && c <= '9' {
			s.arithErr("%s: syntax error in expression (error token is \"%s\")", v, tok)
		} else {
			s.arithErr("%s: syntax error: operand expected (error token is \"%s\")", v, tok)
		}
		return 0
	}
	if w, ok := x.(*syntax.Word); ok {
		if lit := s.literal(w); lit == v {
			if c := v[0]; c >= '0' && c <= '9' {
				s.arithErr("%s: value too great for base (error token is \"%s\")", v, v)
			} else {
				s.arithErr("%s: syntax error: operand expected (error token is \"%s\")", v, v)
			}
			return 0
		}
	}
	return s.arith(x)
}

// number reads decimal, 0octal, 0xhex and base#digits; it wraps as C does.
func number(v string) (int64, bool) {
	if v == "" {
		return 0, false
	}
	neg := false
	if v[0] == '-' || v[0] == '+' {
		neg = v[0] == '-'
		v = v[1:]
	}
	base := uint64(10)
	digits := v
	if b, d, ok := strings.Cut(v, "#"); ok {
		n, err := strconv.ParseUint(b, 10, 8)
		if err != nil || n < 2 || n > 64 {
			return 0, false
		}
		base, digits = n, d
	} else if strings.HasPrefix(v, "0x") || strings.HasPrefix(v, "0X") {
		base, digits = 16, v[2:]
	} else if len(v) > 1 && v[0] == '0' {
		base, digits = 8, v[1:]
	}
	if digits == "" {
		return 0, false
	}
	var n uint64
	for i := 0; i < len(digits); i++ {
		var d uint64
		switch c := digits[i]; {
		case c >= '0' && c <= '9':
			d = uint64(c - '0')
		case c >= 'a' && c <= 'z':
			d = uint64(c-'a') + 10
		case c >= 'A' && c <= 'Z':
			d = uint64(c-'A') + 10
			if base > 36 {
				d += 26
			}
		case c == '@':
			d = 62
		case c == '_':
			d = 63
		default:
			return 0, false
		}
		if d >= base {
			return 0, false
		}
		n = n*base + d
	}
	if neg {
		return -int64(n), true
	}
	return int64(n), true
}
