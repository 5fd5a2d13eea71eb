package shell

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// stmts runs a list of commands.
func (s *Shell) stmts(l []*syntax.Stmt) {
	for _, st := range l {
		s.stmt(st)
		if s.ctl != ctlNone {
			return
		}
	}
}

func (s *Shell) setLine(p syntax.Pos) {
	if p.IsValid() {
		s.line = int(p.Line()) + s.lineOff
	}
}

// stmt runs one command with its redirections, negation and background.
func (s *Shell) stmt(st *syntax.Stmt) {
	s.t.Tick(1)
	if s.intr && s.sub == 0 {
		s.ctl, s.status = ctlDiscard, 130
		return
	}
	if s.grown >= settleEvery {
		s.settle()
	}
	if len(s.pending) > 0 && !s.inTrap {
		s.runTraps()
		if s.ctl != ctlNone {
			return
		}
	}
	if s.opts['n'] {
		return
	}
	s.setLine(st.Position)
	if st.Background || st.Coprocess || st.Disown {
		s.background(st)
		return
	}
	if st.Negated {
		s.noErr++
	}
	s.command(st)
	if st.Negated {
		s.noErr--
		if s.ctl != ctlExit {
			s.status = int(b2i(s.status == 0))
		}
		return
	}
	s.checkErr(st.Cmd)
}

// checkErr ends the shell under set -e. Compound commands have looked at what
// failed inside them already, but for subshells, pipelines and functions.
func (s *Shell) checkErr(c syntax.Command) {
	if s.status == 0 || s.ctl != ctlNone {
		return
	}
	switch x := c.(type) {
	case *syntax.BinaryCmd:
		if x.Op == syntax.AndStmt || x.Op == syntax.OrStmt {
			return
		}
	case *syntax.IfClause, *syntax.WhileClause, *syntax.ForClause, *syntax.CaseClause, *syntax.Block:
		return
	}
	if s.noErr > 0 {
		return
	}
	if code, ok := s.traps["ERR"]; ok && code != "" && !s.inTrap && s.d == Bash && (s.inFunc == 0 || s.opts['E']) {
		s.runTrap(code)
	}
	if s.opts['e'] && s.ctl == ctlNone {
		s.ctl = ctlExit
	}
}

// command runs a statement's command under its redirections.
func (s *Shell) command(st *syntax.Stmt) {
	if call, ok := st.Cmd.(*syntax.CallExpr); ok {
		s.simple(st, call)
		return
	}
	if st.Cmd == nil {
		// Redirections alone.
		undo, ok := s.redirect(st.Redirs)
		undo()
		if ok {
			s.status = 0
		}
		return
	}
	if len(st.Redirs) > 0 {
		undo, ok := s.redirect(st.Redirs)
		defer undo()
		if !ok {
			return
		}
	}
	switch c := st.Cmd.(type) {
	case *syntax.Block:
		s.stmts(c.Stmts)
	case *syntax.Subshell:
		s.subshell(c.Stmts)
	case *syntax.IfClause:
		s.ifClause(c)
	case *syntax.WhileClause:
		s.while(c)
	case *syntax.ForClause:
		s.forClause(c)
	case *syntax.CaseClause:
		s.caseClause(c)
	case *syntax.BinaryCmd:
		s.binary(c)
	case *syntax.FuncDecl:
		name := c.Name.Value
		if s.d != Bash && !validName(name) && s.d == Dash {
			s.errorf("Syntax error: Bad function name")
			s.fatal(2)
			return
		}
		s.funcs[name] = c
		s.status = 0
	case *syntax.ArithmCmd:
		if s.d == Ash { // two subshells
			word := strings.TrimSuffix(strings.TrimPrefix(printed(&syntax.Stmt{Cmd: c}), "(("), "))")
			s.ashWord(strings.ReplaceAll(word, " ", ""))
			return
		}
		v := s.arith(c.X)
		if s.ctl == ctlNone {
			s.status = int(b2i(v == 0))
		}
	case *syntax.LetClause:
		var v int64
		for _, x := range c.Exprs {
			v = s.arith(x)
			if s.ctl != ctlNone {
				return
			}
		}
		s.status = int(b2i(v == 0))
	case *syntax.TestClause:
		ok := s.testExpr(c.X)
		if s.ctl == ctlNone && s.status != 2 || ok {
			s.status = int(b2i(!ok))
		}
	case *syntax.DeclClause:
		s.declClause(c)
	case *syntax.TimeClause:
		s.timeClause(c)
	case *syntax.CoprocClause:
		if s.d != Bash {
			s.ashWord("coproc")
			return
		}
		s.unknown("construct", "coproc", "")
		s.status = 1
	default:
		s.unknown("construct", fmt.Sprintf("%T", c), "")
		s.status = 2
	}
}

func (s *Shell) subshell(l []*syntax.Stmt) {
	child, err := s.fork(func(c *Shell) { c.stmts(l) })
	if err != nil {
		s.forkErr(err)
		return
	}
	if s.jobControl() {
		s.waitJob(&job{pids: []int{child.PID()}, pgid: child.PID(), status: map[int]int{}}, func() string { return printed(&syntax.Stmt{Cmd: &syntax.Subshell{Stmts: l}}) })
		return
	}
	s.status = s.waitFor(child.PID())
}

func (s *Shell) forkErr(err error) {
	s.ctl = ctlExit
	if s.inter && s.sub == 0 {
		s.ctl = ctlDiscard
	}
	switch s.d {
	case Bash:
		// It tries again for a quarter of a minute, and then gives the command line up.
		for wait := time.Second; wait < 16*time.Second; wait *= 2 {
			s.puts(2, s.name+": fork: retry: "+errText(err)+"\n")
			s.t.Sleep(wait)
		}
		s.puts(2, s.name+": fork: "+errText(err)+"\n")
		s.status = 254
	case Dash:
		s.errorf("Cannot fork")
		s.status = 2
	default:
		s.errorf("can't fork: %s", errText(err))
		s.status = 2
	}
}

func (s *Shell) ifClause(c *syntax.IfClause) {
	for c != nil {
		if len(c.Cond) == 0 { // else
			s.stmts(c.Then)
			return
		}
		s.noErr++
		s.stmts(c.Cond)
		s.noErr--
		if s.ctl != ctlNone {
			return
		}
		if s.status == 0 {
			s.stmts(c.Then)
			return
		}
		c = c.Else
	}
	s.status = 0
}

// discard gives up the running command line, as bash does after errors in
// assignments and arithmetic: with -c that is all there is, a script goes on with
// its next command.
func (s *Shell) discard(status int) {
	s.status = status
	s.ctl = ctlDiscard
}

// loopEnd looks at break and continue; it reports whether the loop ends.
func (s *Shell) loopEnd() bool {
	switch s.ctl {
	case ctlNone:
		return false
	case ctlBreak:
		if s.ctlN--; s.ctlN <= 0 {
			s.ctl = ctlNone
		}
		return true
	case ctlContinue:
		if s.ctlN--; s.ctlN <= 0 {
			s.ctl = ctlNone
			return false
		}
		return true
	}
	return true
}

func (s *Shell) while(c *syntax.WhileClause) {
	s.loops++
	defer func() { s.loops-- }()
	last := 0
	for {
		s.t.Tick(1)
		s.noErr++
		s.stmts(c.Cond)
		s.noErr--
		if s.ctl != ctlNone {
			if s.loopEnd() {
				break
			}
			continue
		}
		if (s.status == 0) == c.Until {
			s.status = last
			return
		}
		s.stmts(c.Do)
		last = s.status
		if s.loopEnd() {
			break
		}
	}
}

func (s *Shell) forClause(c *syntax.ForClause) {
	s.loops++
	defer func() { s.loops-- }()
	if l, ok := c.Loop.(*syntax.CStyleLoop); ok {
		s.arith(l.Init)
		s.status = 0
		for s.ctl == ctlNone {
			s.t.Tick(1)
			if l.Cond != nil && s.arith(l.Cond) == 0 || s.ctl != ctlNone {
				return
			}
			s.stmts(c.Do)
			if s.loopEnd() {
				return
			}
			if l.Post != nil {
				s.arith(l.Post)
			}
		}
		return
	}
	l, ok := c.Loop.(*syntax.WordIter)
	if !ok {
		return
	}
	var items []string
	if l.InPos.IsValid() {
		items = s.fields(l.Items...)
		if s.ctl != ctlNone {
			return
		}
	} else {
		items = append(items, s.params...)
	}
	if c.Select {
		s.selectLoop(c, l.Name.Value, items)
		return
	}
	s.status = 0
	for _, it := range items {
		if !s.assign(l.Name.Value, it) {
			return
		}
		s.stmts(c.Do)
		if s.loopEnd() {
			return
		}
	}
}

func (s *Shell) selectLoop(c *syntax.ForClause, name string, items []string) {
	if len(items) == 0 {
		return
	}
	for i, it := range items {
		s.puts(2, fmt.Sprintf("%d) %s\n", i+1, it))
	}
	for {
		p := "#? "
		if v, ok := s.lookup("PS3"); ok {
			p = v
		}
		s.puts(2, p)
		line, err := s.readLine()
		if len(line) == 0 && err != nil {
			s.puts(1, "\n")
			s.status = 1
			return
		}
		reply := strings.TrimRight(string(line), "\n")
		s.assign("REPLY", reply)
		if reply == "" {
			for i, it := range items {
				s.puts(2, fmt.Sprintf("%d) %s\n", i+1, it))
			}
			continue
		}
		v := ""
		if n, err := strconv.Atoi(strings.TrimSpace(reply)); err == nil && n >= 1 && n <= len(items) {
			v = items[n-1]
		}
		s.assign(name, v)
		s.stmts(c.Do)
		if s.loopEnd() {
			return
		}
	}
}

func (s *Shell) caseClause(c *syntax.CaseClause) {
	word := s.literal(c.Word)
	if s.ctl != ctlNone {
		return
	}
	s.status = 0
	fall := false
	for _, it := range c.Items {
		hit := fall
		for _, p := range it.Patterns {
			if hit {
				break
			}
			hit = match(s.patternWord(p), word, s.ext() || s.d == Bash, s.shopt["nocasematch"])
			if s.ctl != ctlNone {
				return
			}
		}
		if !hit {
			continue
		}
		s.stmts(it.Stmts)
		switch it.Op {
		case syntax.Fallthrough:
			fall = true
		case syntax.Resume:
			fall = false
		default:
			return
		}
		if s.ctl != ctlNone {
			return
		}
	}
}

func (s *Shell) binary(c *syntax.BinaryCmd) {
	switch c.Op {
	case syntax.AndStmt, syntax.OrStmt:
		s.noErr++
		s.stmt(c.X)
		s.noErr--
		if s.ctl != ctlNone {
			return
		}
		if (s.status == 0) == (c.Op == syntax.AndStmt) {
			s.stmt(c.Y)
		}
	default:
		s.pipeline(c)
	}
}

// pipeline runs a | b | c: each part in a fork.
func (s *Shell) pipeline(c *syntax.BinaryCmd) {
	var parts []*syntax.Stmt
	var all []bool
	var flat func(st *syntax.Stmt)
	flat = func(st *syntax.Stmt) {
		if b, ok := st.Cmd.(*syntax.BinaryCmd); ok && (b.Op == syntax.Pipe || b.Op == syntax.PipeAll) && len(st.Redirs) == 0 && !st.Negated {
			flat(b.X)
			all = append(all, b.Op == syntax.PipeAll)
			flat(b.Y)
			return
		}
		parts = append(parts, st)
	}
	flat(c.X)
	all = append(all, c.Op == syntax.PipeAll)
	flat(c.Y)
	pids := make([]int, 0, len(parts))
	prev := -1
	defer func() { s.jobGroup = 0 }()
	for i, st := range parts {
		r, w := -1, -1
		if i < len(parts)-1 {
			var err error
			if r, w, err = s.t.Pipe(); err != nil {
				s.errorf("pipe error: %s", errText(err))
				s.status = 1
				break
			}
		}
		in, out, both := prev, w, i < len(all) && all[i]
		last := i == len(parts)-1 && s.d == Bash && s.shopt["lastpipe"] && !s.opts['m']
		if last {
			save, err := s.t.Dup(0, 10)
			if err == nil {
				s.t.Dup2(in, 0)
				s.t.Close(in)
				s.stmt(st)
				s.t.Dup2(save, 0)
				s.t.Close(save)
			}
			pids = append(pids, -1)
			break
		}
		child, err := s.fork(func(x *Shell) {
			if r >= 0 {
				x.t.Close(r)
			}
			if in >= 0 {
				x.t.Dup2(in, 0)
				x.t.Close(in)
			}
			if out >= 0 {
				x.t.Dup2(out, 1)
				if both {
					x.t.Dup2(1, 2)
				}
				if out != 1 {
					x.t.Close(out)
				}
			}
			x.stmtLast(st)
		})
		if prev >= 0 {
			s.t.Close(prev)
		}
		if w >= 0 {
			s.t.Close(w)
		}
		prev = r
		if err != nil {
			s.forkErr(err)
			break
		}
		pids = append(pids, child.PID())
		if s.jobControl() {
			s.jobGroup = pids[0]
		}
	}
	if prev >= 0 {
		s.t.Close(prev)
	}
	if s.jobControl() && len(pids) > 0 && !slices.Contains(pids, -1) {
		j := &job{pids: pids, pgid: pids[0], status: map[int]int{}}
		s.waitJob(j, func() string { return printed(&syntax.Stmt{Cmd: c}) })
		s.pipest = nil
		for _, p := range pids {
			s.pipest = append(s.pipest, j.status[p])
		}
		return
	}
	st := make([]int, len(pids))
	lastStatus := s.status
	for i, p := range pids {
		if p < 0 {
			st[i] = lastStatus
			continue
		}
		st[i] = s.waitFor(p)
	}
	if len(st) == 0 {
		return
	}
	s.pipest = st
	s.status = st[len(st)-1]
	if s.long["pipefail"] {
		s.status = 0
		for _, x := range st {
			if x != 0 {
				s.status = x
			}
		}
	}
}

// stmtLast runs a fork's only command: an external command takes the fork's
// place instead of becoming its child.
func (s *Shell) stmtLast(st *syntax.Stmt) {
	if call, ok := st.Cmd.(*syntax.CallExpr); ok && !st.Background && !st.Negated && len(s.traps) == 0 {
		s.setLine(st.Position)
		s.tail = true
		s.simple(st, call)
		s.tail = false
		return
	}
	s.stmt(st)
}

// background runs a command beside the shell.
func (s *Shell) background(st *syntax.Stmt) {
	c := *st
	c.Background, c.Coprocess, c.Disown = false, false, false
	var sb strings.Builder
	_ = syntax.NewPrinter(syntax.SingleLine(true)).Print(&sb, &c)
	s.inBack = true
	defer func() { s.inBack = false }()
	child, err := s.fork(func(x *Shell) {
		x.inBack = false
		if !s.opts['m'] {
			if fd, err := x.t.Open("/dev/null", kernel.O_RDONLY, 0); err == nil && !redirectsStdin(st) {
				x.t.Dup2(fd, 0)
				x.t.Close(fd)
			}
			x.t.Signal(kernel.SIGINT, kernel.Disposition{Kind: kernel.Ignore})
			x.t.Signal(kernel.SIGQUIT, kernel.Disposition{Kind: kernel.Ignore})
		}
		x.noErr = 0
		x.stmtLast(&c)
	})
	if err != nil {
		s.forkErr(err)
		return
	}
	s.lastBg = child.PID()
	n := 1
	for _, j := range s.jobs {
		if j.n >= n && !(j.done && j.told) {
			n = j.n + 1
		}
	}
	s.jobs = append(s.jobs, &job{n: n, pids: []int{child.PID()}, pgid: child.PID(), status: map[int]int{}, text: sb.String()})
	if s.inter && s.sub == 0 && s.d == Bash {
		s.puts(2, fmt.Sprintf("[%d] %d\n", n, child.PID()))
	}
	s.status = 0
}

func redirectsStdin(st *syntax.Stmt) bool {
	for _, r := range st.Redirs {
		switch r.Op {
		case syntax.RdrIn, syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc:
			return true
		}
	}
	return false
}

// waitFor waits for a child and gives its status. Other children that end
// meanwhile keep theirs.
func (s *Shell) waitFor(pid int) int {
	for {
		_, ws, err := s.t.Wait(pid, kernel.WUNTRACED)
		if err == nil {
			if ws.Stopped() {
				return 128 + int(ws.StopSignal())
			}
			return s.codeOf(ws)
		}
		if errors.Is(err, vfs.EINTR) {
			continue
		}
		return 127
	}
}

// codeOf turns a wait status into $?; a death by signal is told as the shell does.
func (s *Shell) codeOf(ws kernel.WaitStatus) int {
	return ws.Code()
}

// tellSignal writes what a shell says when its command died of a signal.
func (s *Shell) tellSignal(ws kernel.WaitStatus, pid int, text string) {
	if !ws.Signaled() {
		return
	}
	sig := ws.Signal()
	if sig == kernel.SIGINT || sig == kernel.SIGPIPE {
		return
	}
	word := map[kernel.Signal]string{kernel.SIGKILL: "Killed", kernel.SIGTERM: "Terminated", kernel.SIGSEGV: "Segmentation fault", kernel.SIGABRT: "Aborted", kernel.SIGHUP: "Hangup",
		kernel.SIGQUIT: "Quit", kernel.SIGFPE: "Floating point exception", kernel.SIGBUS: "Bus error", kernel.SIGILL: "Illegal instruction", kernel.SIGALRM: "Alarm clock"}[sig]
	if word == "" {
		return
	}
	switch {
	case s.d == Bash && !s.inter && sig != kernel.SIGTERM:
		s.puts(2, fmt.Sprintf("%s: line %d: %5d %-23s %s\n", s.name, s.line, pid, word, text))
	default:
		s.puts(2, word+"\n")
	}
}

// simple runs a simple command: assignments, expansion, redirection, lookup.
func (s *Shell) simple(st *syntax.Stmt, c *syntax.CallExpr) {
	if len(c.Args) > 0 {
		s.setLine(c.Args[0].Pos())
	}
	if len(c.Args) > 0 && len(s.alias) > 0 {
		if done := s.expandAlias(st, c); done {
			return
		}
	}
	s.subst = -1
	mark := len(s.subFds)
	defer func() {
		for _, fd := range s.subFds[mark:] {
			s.t.Close(fd)
		}
		s.subFds = s.subFds[:mark]
	}()
	args := s.fields(c.Args...)
	if s.ctl != ctlNone {
		return
	}
	if s.opts['x'] {
		s.trace(c, args)
	}
	if len(args) == 0 {
		if len(st.Redirs) > 0 {
			undo, ok := s.redirect(st.Redirs)
			undo()
			if !ok {
				return
			}
		}
		for _, a := range c.Assigns {
			if !s.assignNode(a) {
				if s.status == 0 {
					s.status = 1
				}
				return
			}
			if s.ctl != ctlNone {
				return
			}
		}
		s.status = max(s.subst, 0)
		return
	}
	name := args[0]
	if s.d == Bash {
		defer func() { s.vars["_"] = &variable{str: args[len(args)-1], set: true, export: true} }()
	}
	// Special builtins keep assignments in POSIX shells; exec keeps redirections.
	if f, ok := s.funcs[name]; ok && !(s.isSpecial(name) && (s.posix || s.d != Bash)) {
		s.withAssigns(c.Assigns, false, func() {
			undo, ok := s.redirect(st.Redirs)
			defer undo()
			if ok {
				s.callFunc(f, name, args[1:])
			}
		})
		return
	}
	if b, ok := s.builtin(name); ok {
		keep := s.isSpecial(name) && (s.d != Bash || s.posix)
		s.withAssigns(c.Assigns, keep, func() {
			undo, ok := s.redirect(st.Redirs)
			s.lastStatus = s.status
			if name == "exec" && ok {
				s.execRedirs = undo
				s.status = 0
				b(s, args)
				if s.execRedirs != nil {
					// exec without a command: the redirections stay.
					s.keepRedirs()
				} else {
					undo()
				}
				return
			}
			defer undo()
			if !ok {
				if s.isSpecial(name) && (s.d != Bash || s.posix) && !s.inter {
					s.ctl = ctlExit
				}
				return
			}
			s.status = 0
			b(s, args)
		})
		return
	}
	s.external(st, c, args)
}

// trace prints a command under set -x.
func (s *Shell) trace(c *syntax.CallExpr, args []string) {
	var b strings.Builder
	ps4 := "+ "
	if v, ok := s.lookup("PS4"); ok {
		ps4 = v
	}
	b.WriteString(ps4)
	for _, a := range c.Assigns {
		if a.Value != nil && a.Index == nil {
			b.WriteString(a.Name.Value + "=" + quoteTrace(s.assignWord(a.Value), s.d) + " ")
		}
	}
	for i, a := range args {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(quoteTrace(a, s.d))
	}
	s.puts(2, strings.TrimRight(b.String(), " ")+"\n")
}

func quoteTrace(v string, d Dialect) string {
	if d == Dash {
		return v
	}
	if d == Ash {
		for i := 0; i < len(v); i++ {
			if c := v[i]; c < '+' || c > 'z' || strings.IndexByte(";<=>?`[\\", c) >= 0 {
				return "'" + strings.ReplaceAll(v, "'", `'"'"'`) + "'"
			}
		}
		return v
	}
	if v == "" {
		return "''"
	}
	if strings.ContainsAny(v, " \t\n'\"\\|&;()<>*?[]{}$`#~!") {
		if d == Bash && strings.ContainsAny(v, "\n\t\x1b") {
			return ansiQuote(v)
		}
		return "'" + strings.ReplaceAll(v, "'", `'\''`) + "'"
	}
	return v
}

// withAssigns runs f with the command's own assignments in force.
func (s *Shell) withAssigns(as []*syntax.Assign, keep bool, f func()) {
	if len(as) == 0 {
		f()
		return
	}
	type saved struct {
		name string
		v    *variable
	}
	var old []saved
	for _, a := range as {
		n := s.resolve(a.Name.Value)
		old = append(old, saved{n, s.vars[n].copy()})
		if !s.assignNode(a) {
			if s.status == 0 {
				s.status = 1
			}
			return
		}
		if v := s.vars[n]; v != nil && !keep {
			v.export = true
		}
	}
	f()
	if keep {
		return
	}
	for i := len(old) - 1; i >= 0; i-- {
		if old[i].v == nil {
			delete(s.vars, old[i].name)
		} else {
			s.vars[old[i].name] = old[i].v
		}
	}
}

func (s *Shell) callFunc(f *syntax.FuncDecl, name string, args []string) {
	if s.depth > maxDepth || s.inFunc > 1000 {
		if s.d == Bash {
			s.errorf("%s: maximum function nesting level exceeded (%d)", name, 1000)
		}
		s.t.Abort(kernel.SIGSEGV)
		return
	}
	s.depth++
	s.inFunc++
	old, loops, line := s.params, s.loops, s.line
	s.params, s.loops = args, 0
	s.fnames = append(s.fnames, name)
	s.scopes = append(s.scopes, scope{})
	optind, optpos := s.optind, s.optpos
	s.command(f.Body)
	s.optind, s.optpos = optind, optpos
	s.popScope()
	s.fnames = s.fnames[:len(s.fnames)-1]
	s.params, s.loops, s.line = old, loops, line
	s.inFunc--
	s.depth--
	if s.ctl == ctlReturn {
		s.ctl = ctlNone
	}
	if code, ok := s.traps["RETURN"]; ok && code != "" && s.d == Bash {
		s.runTrap(code)
	}
}

// lookPath finds a command in the shell's own PATH.
func (s *Shell) lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	if p, ok := s.hash[name]; ok {
		if st, err := s.t.Stat(p); err == nil && st.Mode.IsRegular() {
			return p, nil
		}
		delete(s.hash, name)
	}
	var denied string
	for _, dir := range strings.Split(s.get("PATH"), ":") {
		if dir == "" {
			dir = "."
		}
		full := strings.TrimSuffix(dir, "/") + "/" + name
		st, err := s.t.Stat(full)
		if err != nil || st.Mode.IsDir() {
			continue
		}
		if s.t.Access(full, vfs.MayExec) != nil {
			if denied == "" {
				denied = full
			}
			continue
		}
		s.hash[name] = full
		return full, nil
	}
	if denied != "" {
		return denied, vfs.EACCES
	}
	return "", vfs.ENOENT
}

// setEnv puts a variable into an environment.
func setEnv(env []string, k, v string) []string {
	for i, kv := range env {
		if strings.HasPrefix(kv, k+"=") {
			env[i] = k + "=" + v
			return env
		}
	}
	return append(env, k+"="+v)
}

// lastCall gives the command that a shell given -c runs last and becomes, instead
// of waiting for it; nil where it does not. dash always waits; bash waits for what
// has a redirection or stands in a compound command.
func (d Dialect) lastCall(st *syntax.Stmt) *syntax.CallExpr {
	if d == Dash || st.Background || st.Coprocess || st.Disown || st.Negated || d == Bash && len(st.Redirs) > 0 {
		return nil
	}
	last := func(l []*syntax.Stmt) *syntax.CallExpr {
		if len(l) == 0 || d == Bash || len(st.Redirs) > 0 {
			return nil
		}
		return d.lastCall(l[len(l)-1])
	}
	switch c := st.Cmd.(type) {
	case *syntax.CallExpr:
		return c
	case *syntax.BinaryCmd:
		if c.Op == syntax.AndStmt || c.Op == syntax.OrStmt {
			return d.lastCall(c.Y)
		}
	case *syntax.Block:
		return last(c.Stmts)
	case *syntax.IfClause:
		if c.Else == nil {
			return last(c.Then)
		}
	}
	return nil
}

// mayBecome tells whether nothing is left to do after the last command.
func (s *Shell) mayBecome() bool {
	for _, code := range s.traps {
		if code != "" {
			return false
		}
	}
	return s.sub == 0 && s.inFunc == 0 && s.loops == 0 && !s.inTrap && !s.inter && len(s.jobs) == 0 && len(s.subFds) == 0 && s.depth == 0
}

// external runs a program.
func (s *Shell) external(st *syntax.Stmt, c *syntax.CallExpr, args []string) {
	var undo func()
	s.withAssigns(c.Assigns, false, func() {
		var ok bool
		undo, ok = s.redirect(st.Redirs)
		if !ok {
			return
		}
		p, err := s.lookPath(args[0])
		if err != nil {
			s.notFound(args[0], err)
			return
		}
		env := s.env()
		if s.d == Bash {
			env = setEnv(env, "_", p) // what a program sees; the variable is the last argument
		}
		if s.last == c && s.mayBecome() {
			s.last, s.tail = nil, true
			if n, err := strconv.Atoi(s.get("SHLVL")); err == nil && s.d == Bash {
				env = setEnv(env, "SHLVL", strconv.Itoa(n-1))
			}
		}
		if s.tail {
			s.tail = false
			err = s.t.Exec(p, args, env)
			s.execFailed(p, args, err, true)
			return
		}
		sp := kernel.Spawn{Path: p, Argv: args, Env: env}
		jc := s.jobControl()
		if jc {
			sp.Setpgid, sp.Foreground, sp.Defaults = true, true, jobSignals
		}
		child, err := s.t.Spawn(sp)
		if err != nil {
			s.takeTTY()
			s.execFailed(p, args, err, false)
			return
		}
		if jc {
			j := &job{pids: []int{child.PID()}, pgid: child.PID(), status: map[int]int{}}
			s.waitJob(j, func() string { return printed(&syntax.Stmt{Cmd: c, Redirs: st.Redirs}) })
			s.pipest = []int{s.status}
			return
		}
		pid := child.PID()
		for {
			_, ws, err := s.t.Wait(pid, kernel.WUNTRACED)
			if errors.Is(err, vfs.EINTR) {
				continue
			}
			if err != nil {
				s.status = 127
				return
			}
			if ws.Stopped() {
				continue // without job control nobody takes notice
			}
			s.status = ws.Code()
			s.pipest = []int{s.status}
			if ws.Signaled() {
				var sb strings.Builder
				_ = syntax.NewPrinter(syntax.SingleLine(true)).Print(&sb, &syntax.Stmt{Cmd: c, Redirs: st.Redirs})
				s.tellSignal(ws, pid, strings.TrimSpace(sb.String()))
			}
			return
		}
	})
	if undo != nil {
		undo()
	}
}

func (s *Shell) notFound(name string, err error) {
	s.status = 127
	if errors.Is(err, vfs.EACCES) {
		s.status = 126
		switch s.d {
		case Bash:
			s.errorf("%s: Permission denied", name)
		case Dash:
			s.errorf("%s: Permission denied", name)
		default:
			s.errorf("%s: Permission denied", name)
		}
		return
	}
	s.missing(name)
	if s.d == Bash {
		s.errorf("%s: command not found", name)
		return
	}
	s.errorf("%s: not found", name)
}

// missing reports a command that is not there because nobody emulates it. One
// that other images have is missing here as it would be on the real system.
func (s *Shell) missing(name string) {
	if _, ok := s.t.Kernel().Programs().Lookup(name); !ok && !strings.Contains(name, "/") {
		s.unknown("program", name, "not in PATH")
	}
}

// execFailed says why a program did not run; text without #! runs in a shell.
func (s *Shell) execFailed(p string, args []string, err error, tail bool) {
	switch {
	case errors.Is(err, vfs.ENOEXEC):
		b, rerr := s.t.ReadFile(p)
		if rerr == nil && !looksBinary(b) {
			run := func(x *Shell) {
				n := New(x.t, s.d, p)
				if s.d == Ash {
					n.name = p
				}
				n.params = args[1:]
				x.t.SetArgs(append([]string{p}, args[1:]...))
				x.t.NoteCode(string(b))
				n.sub = 0
				x.status = n.Run(string(b))
				x.traps = map[string]string{}
			}
			if tail {
				run(s)
				s.ctl = ctlExit
				return
			}
			child, ferr := s.fork(run)
			if ferr != nil {
				s.forkErr(ferr)
				return
			}
			s.status = s.waitFor(child.PID())
			return
		}
		s.status = 126
		switch s.d {
		case Bash:
			s.errorf("%s: cannot execute binary file: Exec format error", args[0])
		case Dash:
			s.errorf("%s: Exec format error", args[0])
			s.status = 126
		default:
			s.errorf("%s: Exec format error", args[0])
		}
	case errors.Is(err, vfs.ENOENT):
		s.status = 127
		if s.d == Bash {
			if st, serr := s.t.Stat(p); serr == nil && st.Mode.IsRegular() {
				s.errorf("%s: cannot execute: required file not found", args[0])
				return
			}
			s.errorf("%s: No such file or directory", args[0])
			return
		}
		s.errorf("%s: not found", args[0])
	case errors.Is(err, vfs.EISDIR), errors.Is(err, vfs.EACCES):
		s.status = 126
		if st, serr := s.t.Stat(p); serr == nil && st.Mode.IsDir() && s.d == Bash {
			s.errorf("%s: Is a directory", args[0])
			return
		}
		s.errorf("%s: Permission denied", args[0])
	default:
		s.status = 126
		if errors.Is(err, vfs.EAGAIN) || errors.Is(err, vfs.ENOMEM) {
			s.forkErr(err)
			return
		}
		s.errorf("%s: %s", args[0], errText(err))
	}
}

func looksBinary(b []byte) bool {
	if len(b) > 80 {
		b = b[:80]
	}
	for _, c := range b {
		if c == '\n' {
			return false
		}
		if c == 0 {
			return true
		}
	}
	return false
}

// timeClause is the reserved word time.
func (s *Shell) timeClause(c *syntax.TimeClause) {
	if s.d == Ash && c.Stmt == nil {
		s.puts(2, "BusyBox v1.36.1 (2023-11-07 18:53:09 UTC) multi-call binary.\n\nUsage: time [-vpa] [-o FILE] PROG ARGS\n\nRun PROG, display resource usage when it exits\n\n\t-v\tVerbose\n\t-p\tPOSIX output format\n\t-f FMT\tCustom format\n\t-o FILE\tWrite result to FILE\n\t-a\tAppend (else overwrite)\n")
		s.status = 1
		return
	}
	took := func() time.Duration { return s.t.CPUTime() + s.t.ChildrenTime() }
	t0, c0 := s.t.Now(), took()
	if c.Stmt != nil {
		s.stmt(c.Stmt)
	}
	real, user := s.t.Now().Sub(t0), took()-c0
	sys := user * 9 / 50
	user -= sys
	f := func(d time.Duration) string {
		return fmt.Sprintf("%dm%d.%03ds", int(d.Minutes()), int(d.Seconds())%60, d.Milliseconds()%1000)
	}
	switch {
	case s.d == Ash && !c.PosixFormat:
		f := func(d time.Duration) string {
			return fmt.Sprintf("%dm %d.%02ds", int(d.Minutes()), int(d.Seconds())%60, d.Milliseconds()%1000/10)
		}
		s.puts(2, fmt.Sprintf("real\t%s\nuser\t%s\nsys\t%s\n", f(real), f(user), f(sys)))
	case c.PosixFormat:
		s.puts(2, fmt.Sprintf("real %.2f\nuser %.2f\nsys %.2f\n", real.Seconds(), user.Seconds(), sys.Seconds()))
	case s.d == Bash:
		s.puts(2, fmt.Sprintf("\nreal\t%s\nuser\t%s\nsys\t%s\n", f(real), f(user), f(sys)))
	default:
		s.puts(2, fmt.Sprintf("real\t%s\nuser\t%s\nsys\t%s\n", f(real), f(user), f(sys)))
	}
}

// expandAlias runs an aliased command from its text; aliases act in interactive
// shells, in dash and ash, and in bash where shopt says so.
func (s *Shell) expandAlias(st *syntax.Stmt, c *syntax.CallExpr) bool {
	if s.d == Bash && !s.inter && !s.shopt["expand_aliases"] && !s.posix || s.aliasing[""] {
		return false
	}
	l := c.Args[0].Lit()
	text, ok := s.alias[l]
	if !ok || l == "" || s.aliasing[l] {
		return false
	}
	var sb strings.Builder
	rest := *st
	_ = syntax.NewPrinter().Print(&sb, &syntax.Stmt{Cmd: &syntax.CallExpr{Args: c.Args[1:]}, Redirs: rest.Redirs})
	var pre strings.Builder
	if len(c.Assigns) > 0 {
		_ = syntax.NewPrinter().Print(&pre, &syntax.Stmt{Cmd: &syntax.CallExpr{Assigns: c.Assigns}})
	}
	old := s.aliasing
	s.aliasing = map[string]bool{l: true}
	for k := range old {
		s.aliasing[k] = true
	}
	off := s.lineOff
	s.lineOff = s.line - 1
	args := ""
	if len(c.Args) > 1 || len(rest.Redirs) > 0 {
		args = " " + strings.TrimSpace(sb.String())
	}
	s.evalString(strings.TrimSpace(pre.String()+" ") + " " + text + args)
	s.lineOff = off
	s.aliasing = old
	return true
}

// evalString parses and runs code in this shell.
func (s *Shell) evalString(code string) {
	if s.depth > maxDepth {
		s.errorf("maximum nesting level exceeded")
		s.fatal(2)
		return
	}
	s.depth++
	off, line := s.lineOff, s.line
	s.runCode(code)
	s.lineOff, s.line = off, line
	s.depth--
}

// Traps.

func (s *Shell) runTraps() {
	for len(s.pending) > 0 {
		n := s.pending[0]
		s.pending = s.pending[1:]
		code := s.traps[strings.TrimPrefix(kernel.Signal(n).Name(), "SIG")]
		if code == "" {
			continue
		}
		s.runTrap(code)
		if s.ctl == ctlExit {
			return
		}
	}
}

func (s *Shell) runTrap(code string) {
	st, c, n := s.status, s.ctl, s.ctlN
	s.inTrap = true
	s.ctl = ctlNone
	s.evalString(code)
	s.inTrap = false
	if s.ctl == ctlExit {
		return
	}
	s.status, s.ctl, s.ctlN = st, c, n
}

// Redirections.

// redirect applies redirections and gives the function that undoes them. Where
// one fails, what was done before it is undone by that function too.
func (s *Shell) redirect(rs []*syntax.Redirect) (undo func(), ok bool) {
	if len(rs) == 0 {
		return func() {}, true
	}
	type kept struct{ fd, copy int }
	var old []kept
	saved := map[int]bool{}
	hold := func(fd int) {
		if saved[fd] {
			return
		}
		saved[fd] = true
		n, err := s.t.Dup(fd, 10)
		if err != nil {
			n = -1
		} else {
			s.t.SetCloexec(n, true)
		}
		old = append(old, kept{fd, n})
	}
	undo = func() {
		if s.keepNext {
			s.keepNext = false
			for _, k := range old {
				if k.copy >= 0 {
					s.t.Close(k.copy)
				}
			}
			return
		}
		for i := len(old) - 1; i >= 0; i-- {
			k := old[i]
			if k.copy >= 0 {
				s.t.Dup2(k.copy, k.fd)
				s.t.Close(k.copy)
			} else {
				s.t.Close(k.fd)
			}
		}
	}
	for _, r := range rs {
		if !s.redirectOne(r, hold) {
			if s.status == 0 {
				s.status = 1
			}
			if s.d != Bash && s.status == 1 {
				s.status = 2
				if s.d == Ash {
					s.status = 1
				}
			}
			return undo, false
		}
	}
	return undo, true
}

func (s *Shell) openErr(name string, err error, create bool) {
	msg := errText(err)
	switch s.d {
	case Bash:
		s.errorf("%s: %s", name, msg)
	case Dash:
		verb := "open"
		if create {
			verb = "create"
		}
		if errors.Is(err, vfs.ENOENT) {
			msg = "No such file"
			if create {
				msg = "Directory nonexistent"
			}
		}
		s.errorf("cannot %s %s: %s", verb, name, msg)
	default:
		verb := "open"
		if create {
			verb = "create"
		}
		if errors.Is(err, vfs.ENOENT) {
			msg = "no such file"
			if create {
				msg = "nonexistent directory"
			}
		}
		s.errorf("can't %s %s: %s", verb, name, msg)
	}
}

func (s *Shell) redirectOne(r *syntax.Redirect, hold func(int)) bool {
	fd := -1
	varName := ""
	if r.N != nil {
		if strings.HasPrefix(r.N.Value, "{") {
			varName = strings.Trim(r.N.Value, "{}")
		} else {
			fd, _ = strconv.Atoi(r.N.Value)
		}
	}
	def := 1
	switch r.Op {
	case syntax.RdrIn, syntax.RdrInOut, syntax.DplIn, syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc:
		def = 0
	}
	if fd < 0 && varName == "" {
		fd = def
	}
	place := func(n int) bool {
		if varName != "" {
			m, err := s.t.Dup(n, 10)
			s.t.Close(n)
			if err != nil {
				s.errorf("%s: %s", varName, errText(err))
				return false
			}
			return s.assign(varName, strconv.Itoa(m))
		}
		if n == fd {
			return true
		}
		hold(fd)
		err := s.t.Dup2(n, fd)
		s.t.Close(n)
		if err != nil {
			s.errorf("%d: %s", fd, errText(err))
			return false
		}
		return true
	}
	switch r.Op {
	case syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc:
		var text string
		if r.Op == syntax.WordHdoc {
			text = s.literal(r.Word) + "\n"
		} else {
			text = s.hereDoc(r)
		}
		if s.ctl != ctlNone {
			return false
		}
		n, err := s.textFd(text)
		if err != nil {
			s.errorf("cannot create temp file for here-document: %s", errText(err))
			return false
		}
		return place(n)
	case syntax.DplIn, syntax.DplOut:
		w := s.literal(r.Word)
		if s.ctl != ctlNone {
			return false
		}
		if w == "-" {
			if varName != "" {
				if n, err := strconv.Atoi(s.get(varName)); err == nil {
					s.t.Close(n)
				}
				return true
			}
			hold(fd)
			s.t.Close(fd)
			return true
		}
		move := strings.HasSuffix(w, "-")
		n, err := strconv.Atoi(strings.TrimSuffix(w, "-"))
		if err != nil {
			if r.Op == syntax.DplOut && r.N == nil && s.d == Bash {
				return s.openBoth(w, kernel.O_TRUNC, hold)
			}
			switch s.d {
			case Bash:
				s.errorf("%s: ambiguous redirect", w)
			case Dash:
				s.errorf("Syntax error: Bad fd number")
			default:
				s.errorf("syntax error: bad fd number")
			}
			return false
		}
		if n == fd {
			return true
		}
		m, derr := s.t.Dup(n, 0)
		if derr != nil {
			switch s.d {
			case Bash:
				s.errorf("%d: Bad file descriptor", n)
			case Dash:
				s.errorf("%d: Bad file descriptor", n)
			default:
				s.errorf("dup2(%d,%d): Bad file descriptor", n, fd)
			}
			return false
		}
		if !place(m) {
			return false
		}
		if move {
			hold(n)
			s.t.Close(n)
		}
		return true
	}
	// The target is a word that must make exactly one field.
	var name string
	if s.d == Bash && !s.posix {
		f := s.fields(r.Word)
		if s.ctl != ctlNone {
			return false
		}
		if len(f) != 1 {
			var sb strings.Builder
			_ = syntax.NewPrinter().Print(&sb, r.Word)
			s.errorf("%s: ambiguous redirect", sb.String())
			return false
		}
		name = f[0]
	} else {
		name = s.literal(r.Word)
		if s.ctl != ctlNone {
			return false
		}
	}
	var flags int
	switch r.Op {
	case syntax.RdrIn:
		flags = kernel.O_RDONLY
	case syntax.RdrOut, syntax.RdrClob:
		flags = kernel.O_WRONLY | kernel.O_CREAT | kernel.O_TRUNC
		if r.Op == syntax.RdrOut && s.opts['C'] {
			if st, err := s.t.Stat(name); err == nil && st.Mode.IsRegular() {
				switch s.d {
				case Bash:
					s.errorf("%s: cannot overwrite existing file", name)
				case Dash:
					s.errorf("cannot create %s: File exists", name)
				default:
					s.errorf("can't create %s: File exists", name)
				}
				return false
			}
		}
	case syntax.AppOut, syntax.AppClob:
		flags = kernel.O_WRONLY | kernel.O_CREAT | kernel.O_APPEND
	case syntax.RdrInOut:
		flags = kernel.O_RDWR | kernel.O_CREAT
	case syntax.RdrAll, syntax.RdrAllClob:
		return s.openBoth(name, kernel.O_TRUNC, hold)
	case syntax.AppAll, syntax.AppAllClob:
		return s.openBoth(name, kernel.O_APPEND, hold)
	default:
		s.unknown("construct", "redirection "+r.Op.String(), "")
		return false
	}
	n, err := s.open(name, flags)
	if err != nil {
		s.openErr(name, err, flags&kernel.O_CREAT != 0)
		return false
	}
	return place(n)
}

// open opens a redirection's target: in bash the network's names are special.
func (s *Shell) open(name string, flags int) (int, error) {
	if s.d == Bash {
		for _, proto := range []string{"tcp", "udp"} {
			if rest, ok := strings.CutPrefix(name, "/dev/"+proto+"/"); ok {
				host, port, ok := strings.Cut(rest, "/")
				if !ok || host == "" || port == "" {
					return -1, vfs.ENOENT
				}
				return s.dial(proto, host, port)
			}
		}
		if name == "/dev/stdin" || name == "/dev/stdout" || name == "/dev/stderr" {
			return s.t.Dup(map[string]int{"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}[name], 0)
		}
	}
	if n, ok := strings.CutPrefix(name, "/dev/fd/"); ok {
		if k, err := strconv.Atoi(n); err == nil {
			return s.t.Dup(k, 0)
		}
	}
	return s.t.Open(name, flags, 0o666)
}

func (s *Shell) dial(proto, host, port string) (int, error) {
	n, err := lookupPort(port)
	if err != nil {
		s.errorf("%s: Servname not supported for ai_socktype", port)
		return -1, vfs.EINVAL
	}
	fd, err := s.t.Dial(proto, host, n)
	if err != nil {
		var e vfs.Errno
		if !errors.As(err, &e) {
			s.errorf("%s: Name or service not known", host)
			return -1, vfs.EINVAL
		}
		s.errorf("connect: %s", errText(err))
		return -1, err
	}
	return fd, nil
}

func (s *Shell) openBoth(name string, mode int, hold func(int)) bool {
	n, err := s.open(name, kernel.O_WRONLY|kernel.O_CREAT|mode)
	if err != nil {
		s.openErr(name, err, true)
		return false
	}
	hold(1)
	hold(2)
	s.t.Dup2(n, 1)
	s.t.Dup2(n, 2)
	if n != 1 && n != 2 {
		s.t.Close(n)
	}
	return true
}

// textFd gives a descriptor from which text is read: a pipe where it fits, a
// deleted file where it does not.
func (s *Shell) textFd(text string) (int, error) {
	if len(text) <= 4096 {
		r, w, err := s.t.Pipe()
		if err != nil {
			return -1, err
		}
		err = s.puts(w, text)
		s.t.Close(w)
		return r, err
	}
	name := fmt.Sprintf("/tmp/sh-thd.%x", s.t.PID()*7919+s.line)
	fd, err := s.t.Open(name, kernel.O_RDWR|kernel.O_CREAT|kernel.O_EXCL, 0o600)
	if err != nil {
		// No /tmp: feed a pipe from a fork.
		r, w, perr := s.t.Pipe()
		if perr != nil {
			return -1, perr
		}
		_, ferr := s.fork(func(x *Shell) {
			x.t.Close(r)
			x.puts(w, text)
			x.t.Close(w)
		})
		s.t.Close(w)
		return r, ferr
	}
	s.t.Unlink(name)
	if err := s.puts(fd, text); err != nil {
		s.t.Close(fd)
		return -1, err
	}
	_, err = s.t.Seek(fd, 0, 0)
	return fd, err
}

// keepRedirs makes the redirections of `exec` without a command stay.
func (s *Shell) keepRedirs() {
	s.keepNext = true
	s.execRedirs()
	s.execRedirs = nil
}

var _ = path.Base
