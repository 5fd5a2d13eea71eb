package shell

import (
	"regexp"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whalefall/whalefall/internal/vfs"
)

// testExpr evaluates [[ ]].
func (s *Shell) testExpr(x syntax.TestExpr) bool {
	switch x := x.(type) {
	case *syntax.Word:
		return s.literal(x) != ""
	case *syntax.ParenTest:
		return s.testExpr(x.X)
	case *syntax.UnaryTest:
		switch x.Op {
		case syntax.TsNot:
			return !s.testExpr(x.X)
		case syntax.TsParen:
			return s.testExpr(x.X)
		}
		w, _ := x.X.(*syntax.Word)
		return s.testUnary(x.Op.String(), s.literal(w))
	case *syntax.BinaryTest:
		switch x.Op {
		case syntax.AndTest:
			return s.testExpr(x.X) && s.testExpr(x.Y)
		case syntax.OrTest:
			return s.testExpr(x.X) || s.testExpr(x.Y)
		}
		xw, _ := x.X.(*syntax.Word)
		yw, _ := x.Y.(*syntax.Word)
		a := s.literal(xw)
		switch x.Op {
		case syntax.TsMatch, syntax.TsMatchShort:
			return match(s.patternWord(yw), a, true, s.shopt["nocasematch"])
		case syntax.TsNoMatch:
			return !match(s.patternWord(yw), a, true, s.shopt["nocasematch"])
		case syntax.TsReMatch:
			return s.testRegex(a, yw)
		case syntax.TsEql, syntax.TsNeq, syntax.TsLeq, syntax.TsGeq, syntax.TsLss, syntax.TsGtr:
			n, m := s.arithString(a), s.arithString(s.literal(yw))
			if s.ctl != ctlNone {
				return false
			}
			return compareInts(x.Op.String(), n, m)
		}
		ok, _ := s.testBinary(x.Op.String(), a, s.literal(yw))
		return ok
	}
	return false
}

// testRegex is =~: quoted parts of the pattern stand for themselves.
func (s *Shell) testRegex(str string, w *syntax.Word) bool {
	b := &builder{s: s}
	s.word(b, w, false)
	b.flush()
	var pat strings.Builder
	for _, f := range b.fields {
		for _, p := range f {
			if p.quoted {
				pat.WriteString(regexp.QuoteMeta(p.s))
			} else {
				pat.WriteString(p.s)
			}
		}
	}
	src := pat.String()
	if s.shopt["nocasematch"] {
		src = "(?i)" + src
	}
	// POSIX ERE takes a backslash in brackets literally; Go does not.
	re, err := regexp.CompilePOSIX(src)
	if err != nil {
		re, err = regexp.Compile(src)
	}
	if err != nil || len(src) > 1<<16 {
		s.status = 2
		return false
	}
	s.t.Tick(int64(len(str) / 16))
	m := re.FindStringSubmatch(str)
	s.bashRe = m
	return m != nil
}

func compareInts(op string, a, b int64) bool {
	switch op {
	case "-eq":
		return a == b
	case "-ne":
		return a != b
	case "-lt":
		return a < b
	case "-le":
		return a <= b
	case "-gt":
		return a > b
	case "-ge":
		return a >= b
	}
	return false
}

func (s *Shell) testUnary(op, a string) bool {
	switch op {
	case "-z":
		return a == ""
	case "-n":
		return a != ""
	case "-o":
		for i, n := range setNames {
			if n.name == a {
				return s.optOn(i)
			}
		}
		return false
	case "-v":
		if base, idx, ok := strings.Cut(a, "["); ok {
			v := s.vars[s.resolve(base)]
			idx = strings.TrimSuffix(idx, "]")
			if v == nil {
				return false
			}
			if v.assoc != nil {
				_, ok := v.assoc[idx]
				return ok
			}
			if idx == "@" || idx == "*" {
				return len(v.list()) > 0
			}
			n, err := strconv.Atoi(idx)
			if err != nil {
				return false
			}
			_, ok := v.arr[n]
			return ok
		}
		_, ok := s.lookup(a)
		return ok
	case "-R":
		v := s.vars[a]
		return v != nil && v.nameref
	case "-t":
		n, err := strconv.Atoi(a)
		return err == nil && s.t.IsTTY(n)
	case "-r":
		return s.t.Access(a, vfs.MayRead) == nil
	case "-w":
		return s.t.Access(a, vfs.MayWrite) == nil
	case "-x":
		return s.t.Access(a, vfs.MayExec) == nil
	case "-h", "-L":
		st, err := s.t.Lstat(a)
		return err == nil && st.Mode.IsLink()
	}
	st, err := s.t.Stat(a)
	if err != nil {
		return false
	}
	switch op {
	case "-e", "-a":
		return true
	case "-f":
		return st.Mode.IsRegular()
	case "-d":
		return st.Mode.IsDir()
	case "-b":
		return st.Mode.Type() == vfs.S_IFBLK
	case "-c":
		return st.Mode.Type() == vfs.S_IFCHR
	case "-p":
		return st.Mode.Type() == vfs.S_IFIFO
	case "-S":
		return st.Mode.Type() == vfs.S_IFSOCK
	case "-s":
		return st.Size > 0
	case "-u":
		return st.Mode&0o4000 != 0
	case "-g":
		return st.Mode&0o2000 != 0
	case "-k":
		return st.Mode&0o1000 != 0
	case "-O":
		return st.UID == s.t.Creds().EUID
	case "-G":
		return st.GID == s.t.Creds().EGID
	case "-N":
		return st.Mtime > st.Atime
	}
	return false
}

func isUnary(op string) bool {
	return len(op) == 2 && op[0] == '-' && strings.IndexByte("abcdefghkprstuvwxzLnNoSOGR", op[1]) >= 0
}

func (s *Shell) isBinary(op string) bool {
	switch op {
	case "=", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef", "<", ">":
		return true
	case "==":
		return s.d != Dash
	}
	return false
}

// testBinary evaluates a binary primary of test; an error is told and gives -1's
// status in the second result.
func (s *Shell) testBinary(op, a, b string) (bool, bool) {
	switch op {
	case "=", "==":
		return a == b, true
	case "!=":
		return a != b, true
	case "<":
		return a < b, true
	case ">":
		return a > b, true
	case "-nt", "-ot", "-ef":
		x, e1 := s.t.Stat(a)
		y, e2 := s.t.Stat(b)
		switch op {
		case "-ef":
			return e1 == nil && e2 == nil && x.Dev == y.Dev && x.Ino == y.Ino, true
		case "-nt":
			return e1 == nil && (e2 != nil || x.Mtime > y.Mtime), true
		default:
			return e2 == nil && (e1 != nil || x.Mtime < y.Mtime), true
		}
	}
	n, err1 := strconv.ParseInt(strings.TrimSpace(a), 10, 64)
	m, err2 := strconv.ParseInt(strings.TrimSpace(b), 10, 64)
	if err1 != nil || err2 != nil {
		bad := a
		if err1 == nil {
			bad = b
		}
		s.testErr(bad)
		return false, false
	}
	return compareInts(op, n, m), true
}

func (s *Shell) testErr(bad string) {
	switch s.d {
	case Bash:
		s.builtinErr(s.testName, "%s: integer expression expected", bad)
	case Dash:
		s.builtinErr(s.testName, "Illegal number: %s", bad)
	default:
		s.puts(2, s.name+": "+bad+": bad number\n")
	}
	s.status = 2
}

// bTest is test and [: POSIX decides by the number of arguments, a grammar with
// -a, -o and parentheses does the rest.
func bTest(s *Shell, args []string) {
	s.testName = args[0]
	rest := args[1:]
	if args[0] == "[" || args[0] == "[[" {
		end := map[string]string{"[": "]", "[[": "]]"}[args[0]]
		if len(rest) == 0 || rest[len(rest)-1] != end {
			switch s.d {
			case Bash:
				s.builtinErr("[", "missing `]'")
			case Dash:
				s.errorf("[: missing ]")
			default:
				s.puts(2, s.name+": missing "+end+"\n")
			}
			s.status = 2
			return
		}
		rest = rest[:len(rest)-1]
	}
	p := &testParser{s: s, args: rest}
	s.status = 0
	var ok bool
	switch len(rest) {
	case 0:
		ok = false
	case 1:
		ok = rest[0] != ""
	case 2:
		switch {
		case rest[0] == "!":
			ok = rest[1] == ""
		case isUnary(rest[0]):
			ok = s.testUnary(rest[0], rest[1])
		case s.d == Dash && s.isBinary(rest[1]):
			s.builtinErr(s.testName, "%s: argument expected", rest[1])
			p.bad = true
		case s.d == Ash && s.isBinary(rest[1]):
			s.puts(2, s.name+": "+rest[1]+": argument expected\n")
			p.bad = true
		default:
			p.fail(rest[0], "unary")
		}
	case 3:
		switch {
		case s.isBinary(rest[1]):
			var valid bool
			ok, valid = s.testBinary(rest[1], rest[0], rest[2])
			if !valid {
				return
			}
		case rest[1] == "-a":
			ok = rest[0] != "" && rest[2] != ""
		case rest[1] == "-o":
			ok = rest[0] != "" || rest[2] != ""
		case rest[0] == "!":
			p.args = rest[1:]
			ok = !p.or()
		case rest[0] == "(" && rest[2] == ")":
			ok = rest[1] != ""
		default:
			p.fail(rest[1], "binary")
		}
	default:
		if len(rest) == 4 && rest[0] == "!" {
			p.args = rest[1:]
			ok = !p.or()
		} else {
			ok = p.or()
		}
		if !p.bad && len(p.args) > p.i {
			p.tooMany()
		}
	}
	if p.bad || s.status == 2 {
		s.status = 2
		return
	}
	s.status = int(b2i(!ok))
}

type testParser struct {
	s    *Shell
	args []string
	i    int
	bad  bool
}

func (p *testParser) tooMany() {
	p.bad = true
	switch p.s.d {
	case Bash:
		p.s.builtinErr(p.s.testName, "too many arguments")
	case Dash:
		p.s.builtinErr(p.s.testName, "unexpected operator")
	default:
		p.s.puts(2, p.s.name+": "+p.args[p.i]+": unknown operand\n")
	}
}

func (p *testParser) fail(op, kind string) {
	p.bad = true
	switch p.s.d {
	case Bash:
		p.s.builtinErr(p.s.testName, "%s: %s operator expected", op, kind)
	case Dash:
		if kind == "unary" {
			p.s.builtinErr(p.s.testName, "%s: unexpected operator", op)
		} else {
			p.s.builtinErr(p.s.testName, "%s: unexpected operator", p.args[0])
		}
	default:
		p.s.puts(2, p.s.name+": "+op+": unknown operand\n")
	}
}

func (p *testParser) or() bool {
	v := p.and()
	for p.i < len(p.args) && p.args[p.i] == "-o" && !p.bad {
		p.i++
		w := p.and()
		v = v || w
	}
	return v
}

func (p *testParser) and() bool {
	v := p.not()
	for p.i < len(p.args) && p.args[p.i] == "-a" && !p.bad {
		p.i++
		w := p.not()
		v = v && w
	}
	return v
}

func (p *testParser) not() bool {
	if p.i < len(p.args) && p.args[p.i] == "!" {
		p.i++
		return !p.not()
	}
	return p.primary()
}

func (p *testParser) primary() bool {
	if p.bad || p.i >= len(p.args) {
		if !p.bad {
			p.bad = true
			p.s.builtinErr(p.s.testName, "argument expected")
		}
		return false
	}
	left := len(p.args) - p.i
	a := p.args[p.i]
	if left >= 3 && p.s.isBinary(p.args[p.i+1]) {
		ok, valid := p.s.testBinary(p.args[p.i+1], a, p.args[p.i+2])
		p.bad = p.bad || !valid
		p.i += 3
		return ok
	}
	if a == "(" && left >= 3 {
		p.i++
		v := p.or()
		if p.i >= len(p.args) || p.args[p.i] != ")" {
			p.bad = true
			if p.s.d == Bash {
				p.s.builtinErr(p.s.testName, "`)' expected")
			} else {
				p.s.builtinErr(p.s.testName, "closing paren expected")
			}
			return false
		}
		p.i++
		return v
	}
	if left >= 2 && isUnary(a) {
		p.i += 2
		return p.s.testUnary(a, p.args[p.i-1])
	}
	p.i++
	return a != ""
}
