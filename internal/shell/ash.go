package shell

import (
	"sort"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// refusal is a construct that the parser knows and busybox ash does not.
type refusal struct {
	line uint
	msg  string // after "syntax error: "
}

// ashRefuses finds the first construct of a statement that ash does not parse.
// Two of them it parses otherwise and runs, see command.
func ashRefuses(st *syntax.Stmt) *refusal {
	var r *refusal
	var inside []string // what the open compound commands expect next
	no := func(p syntax.Pos, msg string) {
		if r == nil {
			for i := len(inside) - 1; i >= 0 && strings.HasPrefix(msg, `unexpected "("`); i-- {
				if inside[i] != "" {
					msg += ` (expecting "` + inside[i] + `")`
					break
				}
			}
			r = &refusal{p.Line(), msg}
		}
	}
	syntax.Walk(st, func(n syntax.Node) bool {
		if r != nil {
			return false
		}
		expect := ""
		switch x := n.(type) {
		case nil:
			inside = inside[:len(inside)-1]
			return false
		case *syntax.Redirect:
			switch x.Op {
			case syntax.WordHdoc, syntax.AppAll:
				no(x.OpPos, "unexpected redirection")
			}
		case *syntax.Assign:
			if x.Array != nil && x.Append {
				no(x.Array.Lparen, `unexpected word (expecting ")")`)
			} else if x.Array != nil {
				no(x.Array.Lparen, `unexpected "("`)
			}
		case *syntax.ForClause:
			if _, c := x.Loop.(*syntax.CStyleLoop); c {
				no(x.ForPos, "bad for loop variable")
			} else if x.Select {
				no(x.DoPos, `unexpected "do"`)
			}
			expect = "done"
		case *syntax.WhileClause:
			expect = "done"
		case *syntax.IfClause:
			expect = "fi"
		case *syntax.Block:
			expect = "}"
		case *syntax.Subshell, *syntax.CmdSubst:
			expect = ")"
		case *syntax.BinaryCmd:
			if x.Op == syntax.PipeAll {
				no(x.OpPos, `unexpected "&"`)
			}
		case *syntax.CaseItem:
			if x.Op != syntax.Break && x.OpPos.IsValid() {
				no(x.OpPos, `unexpected "&"`)
			}
		case *syntax.TimeClause:
			if x.Stmt != nil {
				switch x.Stmt.Cmd.(type) {
				case *syntax.Block:
					no(x.Time, `unexpected "}"`)
				case *syntax.Subshell:
					no(x.Time, `unexpected word (expecting ")")`)
				}
			}
		case *syntax.ParamExp:
			if x.Index != nil || x.Excl || x.Width || x.Names != 0 {
				no(x.Dollar, "bad substitution")
			} else if x.Exp != nil {
				switch x.Exp.Op {
				case syntax.UpperFirst, syntax.UpperAll, syntax.LowerFirst, syntax.LowerAll, syntax.OtherParamOps:
					no(x.Dollar, "bad substitution")
				}
			}
		}
		inside = append(inside, expect)
		return true
	})
	return r
}

// refused gives the statements that run before the first one ash does not parse,
// and that one's refusal: what stands on earlier lines has run.
func (s *Shell) refused(stmts []*syntax.Stmt) ([]*syntax.Stmt, *refusal) {
	if s.d != Ash {
		return stmts, nil
	}
	for i, st := range stmts {
		r := ashRefuses(st)
		if r == nil {
			continue
		}
		n := 0
		for n < i && stmts[n].End().Line() < st.Pos().Line() {
			n++
		}
		return stmts[:n], r
	}
	return stmts, nil
}

// refuse says that code does not parse.
func (s *Shell) refuse(r *refusal) {
	name := s.name
	if s.evals > 0 {
		name += ": eval: line 0"
	}
	s.puts(2, name+": syntax error: "+r.msg+"\n")
	s.status = 2
	if !s.inter || s.sourced > 0 || s.sub > 0 {
		s.ctl = ctlExit
	}
}

// ashWord runs a construct of bash's that ash takes for a command's name.
func (s *Shell) ashWord(name string) {
	s.errorf("%s: not found", name)
	s.status = 127
}

// envOrder puts an environment in the order of the shell's hash table of variables.
func (s *Shell) envOrder(env []string) {
	key := func(kv string) int {
		k, _, _ := strings.Cut(kv, "=")
		if s.d == Bash {
			if k == "_" {
				return 1 << 20
			}
			h := uint32(2166136261)
			for i := range len(k) {
				h = h*16777619 ^ uint32(k[i])
			}
			return int(h & 1023)
		}
		h := int(k[0]) << 4
		for i := range len(k) {
			h += int(k[i])
		}
		return h % 39
	}
	sort.Strings(env)
	sort.SliceStable(env, func(i, j int) bool { return key(env[i]) < key(env[j]) })
}
