// Package shell evaluates shell code inside a world, as bash 5.2, dash and
// busybox ash do.
//
// # Design
//
// mvdan.cc/sh/v3/syntax parses; everything else is ours. A [Shell] is the state
// of one shell process and belongs to the goroutine of its [kernel.Task]: it is
// never shared. A subshell, a pipeline's element and a background job are forks:
// the task is forked by the kernel, the Shell is cloned, and both go on alone.
// Descriptors, processes, signals, files and time are the kernel's; the shell
// keeps nothing of them but numbers.
//
// Control flow (break, return, exit, a fatal expansion) is a field, ctl, that
// every loop looks at; nothing unwinds by panic but the kernel itself, when the
// task is killed.
//
// # Dialects
//
// A Dialect decides words of errors, which builtins exist and how code is
// parsed. What a dialect does otherwise than its original, and what is not built,
// is named in docs/shell.md; a construct that cannot be run is reported as
// unknown, with its code.
//
// # Code that does not parse
//
// Real shells run what stands before a syntax error. So code is parsed command
// by command: lines that were whole before the error have run.
package shell

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// Dialect is a shell's release.
type Dialect int

const (
	// Bash is GNU bash 5.2.
	Bash Dialect = iota
	// Dash is dash 0.5.12.
	Dash
	// Ash is busybox ash 1.36.
	Ash
)

func (d Dialect) variant() syntax.LangVariant {
	if d == Dash {
		return syntax.LangPOSIX
	}
	return syntax.LangBash
}

// Bounds of one shell.
const (
	maxDepth  = 400      // nested functions, sources, evals and substitutions
	maxValue  = 32 << 20 // bytes of one expansion
	maxSource = 16 << 20 // bytes of code
)

type ctl uint8

const (
	ctlNone ctl = iota
	ctlBreak
	ctlContinue
	ctlReturn
	ctlDiscard
	ctlExit
)

// Shell is one shell process.
type Shell struct {
	t     *kernel.Task
	d     Dialect
	arg0  string
	name  string // what errors begin with
	posix bool

	params []string
	vars   map[string]*variable
	scopes []scope
	funcs  map[string]*syntax.FuncDecl
	alias  map[string]string
	opts   map[rune]bool   // set -o by letter
	long   map[string]bool // pipefail, posix and other options without a letter
	shopt  map[string]bool

	status  int
	pipest  []int
	subst   int // status of the last command substitution, -1 for none
	lastBg  int
	pid     int // $$
	line    int
	lineOff int
	cmdLine bool // code came by -c
	ctl     ctl
	ctlN    int
	loops   int
	inFunc  int
	fnames  []string
	sourced int
	noErr   int // > 0: set -e does not act
	depth   int
	sub     int // subshell level

	traps   map[string]string
	pending []int // signals whose trap is due
	inTrap  bool
	jobs    []*job
	optind  int
	optpos  int
	dirs    []string
	hash    map[string]string
	rnd     uint32
	began   time.Time
	secBase int64
	subFds  []int // process substitutions' descriptors of the running command
	inter   bool
	login   bool
	hist    []string
	histOld int  // how many of hist came from the file
	evals   int  // nested evals
	intr    bool // Ctrl-C came while the shell itself was at work
	ttyFd   int  // the terminal of a shell with job control
	warned  bool // exit has told of stopped jobs

	jobGroup int  // the process group that forks join; 0 is one of their own
	inBack   bool // what is forked is a background job
	bashRe   []string

	resetOnStart []string // traps that a fork puts back to their default
	tail         bool     // the command may take this process's place
	keepNext     bool     // the next undo of redirections keeps them

	grown      int   // bytes of values made since the last settle
	held       int64 // what is charged for values
	execRedirs func()
	last       *syntax.CallExpr // of -c: what the shell becomes
	aliasing   map[string]bool
	lastStatus int    // $? when the running builtin began
	testName   string // how test was called
	arithNode  syntax.ArithmExpr
}

type scope map[string]*variable

type job struct {
	n       int
	pids    []int
	pgid    int
	status  map[int]int
	text    string
	done    bool
	told    bool
	stopped bool
	sig     kernel.Signal // what its last process died of
}

// New makes a shell for a task. Its environment becomes exported variables.
func New(t *kernel.Task, d Dialect, arg0 string) *Shell {
	s := &Shell{t: t, d: d, arg0: arg0, name: arg0, vars: map[string]*variable{}, funcs: map[string]*syntax.FuncDecl{}, alias: map[string]string{},
		opts: map[rune]bool{}, long: map[string]bool{}, shopt: map[string]bool{}, traps: map[string]string{}, hash: map[string]string{}, subst: -1, pid: t.PID(), optind: 1,
		began: t.Now(), rnd: uint32(t.Now().UnixNano())*2654435761 + uint32(t.PID())}
	for _, kv := range t.Env() {
		k, v, ok := strings.Cut(kv, "=")
		if name, isFn := strings.CutPrefix(k, "BASH_FUNC_"); ok && isFn && d == Bash && strings.HasPrefix(v, "() ") {
			name = strings.TrimSuffix(name, "%%")
			f, err := syntax.NewParser().Parse(strings.NewReader(name+" "+v), "")
			if err == nil && len(f.Stmts) == 1 && validName(name) {
				if fd, isDecl := f.Stmts[0].Cmd.(*syntax.FuncDecl); isDecl {
					s.funcs[name] = fd
					s.vars["\x00func "+name] = &variable{}
				}
			}
			continue
		}
		if ok && validName(k) {
			s.vars[k] = &variable{str: v, set: true, export: true}
		}
	}
	if d == Bash && path.Base(arg0) == "sh" {
		s.posix = true
	}
	s.setDefault("IFS", " \t\n")
	s.setDefault("OPTIND", "1")
	s.set1("PPID", strconv.Itoa(t.PPID()))
	s.setDefault("PS1", map[Dialect]string{Bash: `\s-\v\$ `, Dash: "# ", Ash: `\w \$ `}[d])
	s.setDefault("PS2", "> ")
	s.setDefault("PS4", "+ ")
	if s.vars["PATH"] == nil {
		p := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
		if d == Ash {
			p = "/sbin:/usr/sbin:/bin:/usr/bin"
		}
		s.vars["PATH"] = &variable{str: p, set: true, export: d == Ash}
	}
	wd := t.Cwd()
	if v := s.vars["PWD"]; v == nil || v.str != wd {
		s.vars["PWD"] = &variable{str: wd, set: true, export: true}
	}
	if d != Dash {
		lvl := 1
		if v := s.vars["SHLVL"]; v != nil {
			if n, err := strconv.Atoi(v.str); err == nil {
				lvl = n + 1
			}
		}
		s.vars["SHLVL"] = &variable{str: strconv.Itoa(lvl), set: true, export: true}
	}
	if d == Bash {
		s.set1("BASH_VERSION", "5.2.15(1)-release")
		s.vars["BASH_VERSINFO"] = &variable{set: true, arr: map[int]string{0: "5", 1: "2", 2: "15", 3: "1", 4: "release", 5: "x86_64-pc-linux-gnu"}, readonly: true}
		s.set1("BASH", "/bin/bash")
		s.set1("HOSTTYPE", "x86_64")
		s.set1("OSTYPE", "linux-gnu")
		s.set1("MACHTYPE", "x86_64-pc-linux-gnu")
		s.setDefault("OPTERR", "1")
		s.set1("HOSTNAME", t.NS().Hostname())
		for _, o := range []string{"cmdhist", "complete_fullquote", "extquote", "force_fignore", "globasciiranges", "globskipdots", "hostcomplete", "interactive_comments",
			"patsub_replacement", "progcomp", "promptvars", "sourcepath"} {
			s.shopt[o] = true
		}
		s.vars["_"] = &variable{str: arg0, set: true, export: true}
	}
	if d == Ash {
		s.setDefault("HOME", "/root")
	}
	return s
}

func (s *Shell) setDefault(k, v string) {
	if s.vars[k] == nil || k == "IFS" || k == "OPTIND" {
		s.vars[k] = &variable{str: v, set: true}
	}
}

func (s *Shell) set1(k, v string) { s.vars[k] = &variable{str: v, set: true} }

// clone makes the shell of a fork; its task is set when the fork runs.
func (s *Shell) clone() *Shell {
	c := *s
	c.vars = make(map[string]*variable, len(s.vars))
	for k, v := range s.vars {
		c.vars[k] = v.copy()
	}
	c.scopes = make([]scope, len(s.scopes))
	for i, sc := range s.scopes {
		c.scopes[i] = make(scope, len(sc))
		for k, v := range sc {
			c.scopes[i][k] = v.copy()
		}
	}
	cp := func(m map[string]string) map[string]string {
		n := make(map[string]string, len(m))
		for k, v := range m {
			n[k] = v
		}
		return n
	}
	c.alias, c.hash = cp(s.alias), cp(s.hash)
	c.funcs = make(map[string]*syntax.FuncDecl, len(s.funcs))
	for k, v := range s.funcs {
		c.funcs[k] = v
	}
	c.opts = make(map[rune]bool, len(s.opts))
	for k, v := range s.opts {
		c.opts[k] = v
	}
	cb := func(m map[string]bool) map[string]bool {
		n := make(map[string]bool, len(m))
		for k, v := range m {
			n[k] = v
		}
		return n
	}
	c.long, c.shopt = cb(s.long), cb(s.shopt)
	c.params = append([]string(nil), s.params...)
	c.dirs = append([]string(nil), s.dirs...)
	// Traps are reset in a subshell; ignored signals stay ignored.
	c.traps = map[string]string{}
	for k, v := range s.traps {
		if v == "" {
			c.traps[k] = v
		}
	}
	c.jobs, c.pending, c.subFds, c.pipest = nil, nil, nil, nil
	c.sub++
	c.jobGroup, c.inBack, c.intr = 0, false, false
	c.loops, c.ctl = s.loops, ctlNone
	return &c
}

// fork runs fn as a subshell in a forked task and gives the child.
func (s *Shell) fork(fn func(c *Shell)) (*kernel.Task, error) {
	c := s.clone()
	for sig := range s.traps {
		if s.traps[sig] != "" {
			c.resetOnStart = append(c.resetOnStart, sig)
		}
	}
	c.grown, c.held = 0, 0
	o := kernel.ForkOptions{}
	if s.jobControl() {
		o.Setpgid, o.Pgid, o.Foreground, o.Defaults = true, s.jobGroup, !s.inBack, jobSignals
	}
	return s.t.ForkWith(o, func(t *kernel.Task) int {
		c.t = t
		for _, sig := range c.resetOnStart {
			if n, ok := signalNumber(sig); ok && n > 0 {
				t.Signal(kernel.Signal(n), kernel.Disposition{})
			}
		}
		fn(c)
		c.exitTrap()
		return c.status & 0xff
	})
}

// errorf writes a message in the dialect's manner to standard error.
func (s *Shell) errorf(format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	switch s.d {
	case Bash:
		if s.inter {
			s.puts(2, "bash: "+msg+"\n")
			return
		}
		s.puts(2, fmt.Sprintf("%s: line %d: %s\n", s.name, s.line, msg))
	case Dash:
		if s.inter {
			s.puts(2, fmt.Sprintf("%s: %d: %s\n", s.name, s.line, msg))
			return
		}
		s.puts(2, fmt.Sprintf("%s: %d: %s\n", s.name, s.line, msg))
	default:
		s.puts(2, fmt.Sprintf("%s: %s\n", s.name, msg))
	}
}

// builtinErr writes a builtin's message.
func (s *Shell) builtinErr(name, format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	if s.d == Ash && !s.inter {
		n := s.line
		if s.cmdLine {
			n = 0
		}
		s.puts(2, fmt.Sprintf("%s: %s: line %d: %s\n", s.name, name, n, msg))
		return
	}
	s.errorf("%s: %s", name, msg)
}

// puts writes to a descriptor; a failed write is the reader's business.
func (s *Shell) puts(fd int, str string) error {
	b := []byte(str)
	for len(b) > 0 {
		n, err := s.t.Write(fd, b)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// exit ends the shell with a status.
func (s *Shell) exit(n int) {
	s.status = n & 0xff
	s.ctl = ctlExit
}

// fatal ends a shell that is not interactive, after an expansion error.
func (s *Shell) fatal(status int) {
	s.status = status
	if s.inter && s.sub == 0 {
		s.ctl = ctlReturn
		return
	}
	s.ctl = ctlExit
}

func (s *Shell) exitTrap() {
	if code, ok := s.traps["EXIT"]; ok && code != "" {
		delete(s.traps, "EXIT")
		st := s.status
		s.ctl = ctlNone
		s.evalString(code)
		if s.ctl != ctlExit {
			s.status = st
		}
		s.ctl = ctlExit
	}
}

// Run executes a whole program of code and gives the exit status.
func (s *Shell) Run(code string) int {
	s.runCode(code)
	return s.finish()
}

func (s *Shell) finish() int {
	s.exitTrap()
	return s.status & 0xff
}

// runCode parses and runs code: what is whole before a syntax error runs.
func (s *Shell) runCode(code string) {
	if len(code) > maxSource {
		s.errorf("cannot allocate memory")
		s.exit(2)
		return
	}
	if strings.IndexByte(code, 0) >= 0 {
		code = strings.ReplaceAll(code, "\x00", "")
	}
	p := syntax.NewParser(syntax.Variant(s.d.variant()))
	var stmts []*syntax.Stmt
	var perr error
	// Called by hand: the parser goes on after it was told to stop, which a range
	// loop answers with a panic.
	p.StmtsSeq(strings.NewReader(code))(func(st *syntax.Stmt, err error) bool {
		if perr == nil && err == nil {
			stmts = append(stmts, st)
		} else if perr == nil {
			perr = err
		}
		return perr == nil
	})
	if perr == nil && strings.Contains(code, "()") {
		perr = nameless(stmts)
	}
	if perr == nil {
		ok, bad := s.refused(stmts)
		if bad != nil {
			s.topStmts(ok)
			if s.ctl == ctlNone {
				s.refuse(bad)
			}
			return
		}
		if n := len(stmts); n > 0 && s.cmdLine && s.depth == 0 && s.sub == 0 && s.sourced == 0 && s.inFunc == 0 {
			s.last = s.d.lastCall(stmts[n-1])
		}
		s.topStmts(stmts)
		return
	}
	var pe syntax.ParseError
	line := uint(1 << 30)
	if errors.As(perr, &pe) {
		line = pe.Pos.Line()
	}
	// The command that does not parse began after the last whole one; what ended
	// on an earlier line has run in a real shell.
	n := 0
	for _, st := range stmts {
		if st.End().Line() < line || st.Semicolon.IsValid() && st.Semicolon.Line() < line {
			n++
		}
	}
	s.topStmts(stmts[:n])
	if s.ctl != ctlNone {
		return
	}
	s.syntaxError(code, perr)
}

// nameless finds a function without a name, which the parser takes and no shell here
// does.
func nameless(l []*syntax.Stmt) (err error) {
	for _, st := range l {
		syntax.Walk(st, func(n syntax.Node) bool {
			if f, ok := n.(*syntax.FuncDecl); ok && f.Name == nil && err == nil {
				p := f.Pos()
				err = syntax.ParseError{Pos: syntax.NewPos(p.Offset()+1, p.Line(), p.Col()+1)} // the closing bracket
			}
			return err == nil
		})
	}
	return err
}

// topStmts runs the commands of a whole piece of code. A script's next command
// runs after one that was given up.
func (s *Shell) topStmts(l []*syntax.Stmt) {
	for _, st := range l {
		s.stmt(st)
		if s.ctl == ctlDiscard && s.depth == 0 && s.sub == 0 && !s.cmdLine {
			s.ctl = ctlNone
		}
		if s.ctl != ctlNone {
			return
		}
	}
}

// syntaxError says what a real shell says of code that does not parse.
func (s *Shell) syntaxError(code string, err error) {
	var pe syntax.ParseError
	line := 1
	tok := ""
	if errors.As(err, &pe) {
		line = int(pe.Pos.Line())
		if o := int(pe.Pos.Offset()); o < len(code) {
			tok = firstToken(code[o:])
		}
	}
	s.line = line + s.lineOff
	var le syntax.LangError
	if errors.As(err, &le) {
		if o := int(le.Pos.Offset()); o < len(code) && strings.HasPrefix(code[o:], "()") {
			tok = ")" // a function without a name
		} else {
			s.unknown("construct", le.Feature, cutText(code, 200))
		}
	} else if tok == "" || pe.Incomplete {
		tok = ""
	}
	quote, want := eofDetails(pe.Text, code)
	switch s.d {
	case Bash:
		pre := fmt.Sprintf("%s: ", s.name)
		if s.cmdLine {
			pre += "-c: "
		}
		if quote != "" {
			if quote == ")" {
				s.line = strings.Count(strings.TrimRight(code, "\n"), "\n") + 2 + s.lineOff
			}
			s.puts(2, fmt.Sprintf("%sline %d: unexpected EOF while looking for matching `%s'\n", pre, s.line, quote[:1]))
			break
		}
		if pe.Incomplete || tok == "" {
			n := strings.Count(strings.TrimRight(code, "\n"), "\n") + 2
			s.puts(2, fmt.Sprintf("%sline %d: syntax error: unexpected end of file\n", pre, n+s.lineOff))
		} else {
			s.puts(2, fmt.Sprintf("%sline %d: syntax error near unexpected token `%s'\n", pre, s.line, tok))
			lines := strings.Split(code, "\n")
			if line-1 < len(lines) {
				s.puts(2, fmt.Sprintf("%sline %d: `%s'\n", pre, s.line, lines[line-1]))
			}
		}
	case Dash:
		switch n := strings.Count(strings.TrimRight(code, "\n"), "\n") + 1; {
		case quote == "`":
			s.puts(2, fmt.Sprintf("%s: %d: Syntax error: EOF in backquote substitution\n", s.name, n))
		case quote == "'" || quote == `"`:
			s.puts(2, fmt.Sprintf("%s: %d: Syntax error: Unterminated quoted string\n", s.name, n))
		case quote == "))" || quote == "}":
			s.puts(2, fmt.Sprintf("%s: %d: Syntax error: Missing '%s'\n", s.name, n, quote))
		case pe.Incomplete || tok == "":
			if want != "" {
				want = " (expecting \"" + want + "\")"
			}
			s.puts(2, fmt.Sprintf("%s: %d: Syntax error: end of file unexpected%s\n", s.name, n, want))
		case tok == "newline":
			s.puts(2, fmt.Sprintf("%s: %d: Syntax error: newline unexpected\n", s.name, s.line))
		default:
			s.puts(2, fmt.Sprintf("%s: %d: Syntax error: \"%s\" unexpected\n", s.name, s.line, tok))
		}
	default:
		switch {
		case quote == "`":
			s.puts(2, s.name+": syntax error: EOF in backquote substitution\n")
		case quote == "'" || quote == `"`:
			s.puts(2, s.name+": syntax error: unterminated quoted string\n")
		case quote == "))" || quote == "}":
			s.puts(2, s.name+": syntax error: missing '"+quote+"'\n")
		case pe.Incomplete || tok == "":
			if want != "" {
				want = " (expecting \"" + want + "\")"
			}
			s.puts(2, fmt.Sprintf("%s: syntax error: unexpected end of file%s\n", s.name, want))
		case tok == "newline":
			s.puts(2, fmt.Sprintf("%s: syntax error: unexpected newline\n", s.name))
		default:
			s.puts(2, fmt.Sprintf("%s: syntax error: unexpected \"%s\"\n", s.name, tok))
		}
	}
	s.status = 2
	if !s.inter || s.sourced > 0 {
		s.ctl = ctlExit
	}
}

// eofDetails reads from the parser's text, for code that ended too early, what was not
// closed: the quote or bracket, or the word that dash and ash expect next.
func eofDetails(text, code string) (quote, want string) {
	if _, q, ok := strings.Cut(text, "without closing quote "); ok {
		if strings.HasPrefix(q, "\"`\"") {
			return "`", ""
		}
		return strings.Trim(strings.Trim(q, " "), "`"), ""
	}
	if _, q, ok := strings.Cut(text, "reached EOF without matching `"); ok {
		switch {
		case strings.HasPrefix(q, "$(("):
			return "))", ""
		case strings.HasPrefix(q, "$("):
			return ")", ")"
		case strings.HasPrefix(q, "${"):
			return "}", ""
		case strings.HasPrefix(q, "`"):
			return "`", ""
		}
	}
	code = strings.TrimRight(code, " \t\n")
	if word, ok := strings.CutSuffix(text, " must be followed by a statement list"); ok {
		return "", map[string]string{"do": "done", "then": "fi", "else": "fi", "{": "}", "(": ")", "if": "then", "elif": "then",
			"while": "do", "until": "do"}[strings.Trim(word, "`")]
	}
	switch {
	case strings.HasPrefix(text, "`case` statement must end"):
		if strings.HasSuffix(code, ";;") || strings.HasSuffix(code, "in") {
			return "", ")"
		}
		return "", ";;"
	case strings.HasPrefix(text, "`for foo [in words]`"):
		return "", ""
	case strings.HasPrefix(text, "`for foo` must be"):
		return "", "do"
	}
	for _, mark := range []string{"must be followed by `", "must end with `", "with `"} {
		if i := strings.LastIndex(text, mark); i >= 0 {
			w, _, _ := strings.Cut(text[i+len(mark):], "`")
			return "", w
		}
	}
	return "", ""
}

func firstToken(s string) string {
	s = strings.TrimLeft(s, " \t")
	if s == "" {
		return ""
	}
	if s[0] == '\n' {
		return "newline"
	}
	for _, op := range []string{";;", "&&", "||", "<<", ">>", "((", "))", "(", ")", ";", "&", "|", "<", ">", "{", "}"} {
		if strings.HasPrefix(s, op) {
			return op
		}
	}
	if i := strings.IndexAny(s, " \t\n;&|<>()"); i > 0 {
		return s[:i]
	}
	return s
}

func cutText(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// unknown reports what cannot be run.
func (s *Shell) unknown(what, name, detail string) { s.t.Unknown(what, name, detail) }

// Register adds the shells to a registry under their usual names.
func Register(r *kernel.Registry) {
	reg := func(name string, d Dialect) {
		r.Register(name, func(t *kernel.Task) int { return Main(t, d) })
	}
	reg("bash", Bash)
	reg("dash", Dash)
	reg("ash", Ash)
	reg("sh", Ash) // as BusyBox looks its applet up
	reg("hush", Ash)
}

// Main is the shell as a program: it reads the command line as the original does.
func Main(t *kernel.Task, d Dialect) int {
	args := t.Args()
	arg0 := "sh"
	if len(args) > 0 {
		arg0, args = args[0], args[1:]
	}
	s := New(t, d, arg0)
	if strings.HasPrefix(arg0, "-") {
		s.login = true
		s.name = arg0[1:]
	}
	var code string
	var isC, isS, inter bool
	norc := false
parse:
	for len(args) > 0 {
		a := args[0]
		switch {
		case a == "-" || a == "--":
			args = args[1:]
			break parse
		case strings.HasPrefix(a, "--"):
			if d == Bash {
				switch a {
				case "--login":
					s.login = true
				case "--norc", "--noediting", "--noprofile", "--restricted", "--verbose", "--debugger":
					norc = norc || a == "--norc"
				case "--posix":
					s.posix = true
				case "--rcfile", "--init-file":
					if len(args) > 1 {
						args = args[1:]
					}
				case "--version":
					s.puts(1, "GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\nCopyright (C) 2022 Free Software Foundation, Inc.\nLicense GPLv3+: GNU GPL version 3 or later <http://gnu.org/licenses/gpl.html>\n\nThis is free software; you are free to change and redistribute it.\nThere is NO WARRANTY, to the extent permitted by law.\n")
					return 0
				default:
					s.puts(2, s.name+": "+a+": invalid option\n")
					return 2
				}
				args = args[1:]
				continue
			}
			s.puts(2, s.name+": 0: Illegal option "+a+"\n")
			return 2
		case len(a) > 1 && (a[0] == '-' || a[0] == '+'):
			on := a[0] == '-'
			args = args[1:]
			for _, c := range a[1:] {
				switch c {
				case 'c':
					isC = true
				case 's':
					isS = true
				case 'i':
					inter = true
				case 'l':
					s.login = true
				case 'o', 'O':
					if len(args) > 0 {
						if c == 'o' {
							s.setLong(args[0], on)
						} else {
							s.shopt[args[0]] = on
						}
						args = args[1:]
					}
				case 'r', 'D':
				default:
					if !strings.ContainsRune("abefhkmnptuvxBCEHPTV", c) {
						if d == Bash {
							s.puts(2, fmt.Sprintf("%s: -%c: invalid option\n", s.name, c))
						} else if d == Dash {
							s.puts(2, fmt.Sprintf("%s: 0: Illegal option -%c\n", s.name, c))
						} else {
							s.puts(2, fmt.Sprintf("%s: invalid option -- '%c'\n", s.name, c))
						}
						return 2
					}
					s.opts[c] = on
				}
			}
		default:
			break parse
		}
	}
	s.opts['i'] = inter
	if s.login && !norc {
		s.sourceIf("/etc/profile")
		s.sourceIf(s.get("HOME") + "/.profile")
	}
	switch {
	case isC:
		if len(args) == 0 {
			switch d {
			case Bash:
				s.puts(2, s.name+": -c: option requires an argument\n")
			case Dash:
				s.puts(2, s.name+": 0: -c requires an argument\n")
			default:
				s.puts(2, s.name+": option requires an argument -- 'c'\n")
			}
			return 2
		}
		code, args = args[0], args[1:]
		if len(args) > 0 {
			s.arg0, args = args[0], args[1:]
			if d != Ash {
				s.name = s.arg0
			}
		}
		s.params = args
		s.cmdLine = true
		s.t.NoteCode(code)
		return s.Run(code)
	case len(args) > 0 && !isS:
		file := args[0]
		s.arg0, s.params = file, args[1:]
		if d != Ash {
			s.name = file
		}
		b, err := s.readScript(file)
		if err != nil {
			msg := errText(err)
			switch d {
			case Bash:
				s.puts(2, fmt.Sprintf("%s: %s: %s\n", arg0, file, msg))
			case Dash:
				s.puts(2, fmt.Sprintf("%s: 0: cannot open %s: %s\n", arg0, file, shortErr(err)))
			default:
				s.puts(2, fmt.Sprintf("%s: can't open '%s': %s\n", arg0, file, msg))
			}
			if errors.Is(err, vfs.ENOENT) || d == Dash {
				return map[bool]int{true: 2, false: 127}[d != Bash]
			}
			return 126
		}
		if d == Ash {
			s.name = file
		}
		s.t.NoteCode(string(b))
		return s.Run(string(b))
	}
	s.params = args
	if inter || s.t.IsTTY(0) && s.t.IsTTY(2) {
		return s.interactive()
	}
	return s.runStdin()
}

func (s *Shell) readScript(file string) ([]byte, error) {
	st, err := s.t.Stat(file)
	if err != nil && !strings.Contains(file, "/") {
		if p, lerr := s.lookPath(file); lerr == nil {
			file = p
			st, err = s.t.Stat(file)
		}
	}
	if err != nil {
		return nil, err
	}
	if st.Mode.IsDir() {
		return nil, vfs.EISDIR
	}
	b, err := s.t.ReadFile(file)
	if err == nil && len(b) > 4 && bytes.HasPrefix(b, []byte("\x7fELF")) {
		return nil, errBinary
	}
	return b, err
}

var errBinary = errors.New("cannot execute binary file")

func (s *Shell) sourceIf(file string) {
	if b, err := s.t.ReadFile(file); err == nil {
		s.sourced++
		s.runCode(string(b))
		s.sourced--
		if s.ctl == ctlReturn {
			s.ctl = ctlNone
		}
	}
}

// runStdin reads code from standard input command by command, a byte at a time,
// because the commands it runs read from there as well.
func (s *Shell) runStdin() int {
	if s.d != Bash {
		s.name = s.arg0
	}
	var buf []byte
	var all []byte
	started := 0
	eof := false
	// The script is told as it is read, but not at each of its lines.
	noted := 0
	note := func() {
		if len(all) > 0 && (noted == 0 || len(all) >= 2*noted) {
			noted = len(all)
			s.t.NoteCode(string(all))
		}
	}
	defer func() {
		if len(all) > noted {
			s.t.NoteCode(string(all))
		}
	}()
	for !eof && s.ctl != ctlExit {
		line, err := s.readLine()
		buf = append(buf, line...)
		if len(all) < 64<<10 {
			all = append(all, line...)
		}
		if err != nil {
			eof = true
		}
		if len(buf) > maxSource {
			s.exit(2)
			break
		}
		if len(bytes.TrimSpace(buf)) == 0 {
			started += bytes.Count(buf, []byte("\n"))
			buf = buf[:0]
			continue
		}
		p := syntax.NewParser(syntax.Variant(s.d.variant()))
		f, perr := p.Parse(strings.NewReader(string(buf)), "")
		if perr != nil {
			if !eof && syntax.IsIncomplete(perr) {
				continue
			}
			s.lineOff = started
			note()
			s.runCode(string(buf))
			started += bytes.Count(buf, []byte("\n"))
			buf = buf[:0]
			continue
		}
		if !eof && bytes.HasSuffix(buf, []byte("\\\n")) {
			continue
		}
		s.lineOff = started
		note()
		if ok, bad := s.refused(f.Stmts); bad != nil {
			s.topStmts(ok)
			s.refuse(bad)
		} else {
			s.topStmts(f.Stmts)
		}
		if s.ctl == ctlReturn || s.ctl == ctlBreak || s.ctl == ctlContinue {
			s.ctl = ctlNone
		}
		started += bytes.Count(buf, []byte("\n"))
		buf = buf[:0]
	}
	return s.finish()
}

// readLine reads up to and with the next newline from standard input.
func (s *Shell) readLine() ([]byte, error) {
	var line []byte
	var b [1]byte
	for len(line) < maxSource {
		n, err := s.t.Read(0, b[:])
		if n == 0 || err != nil {
			if err == nil {
				err = io.EOF
			}
			if errors.Is(err, vfs.EINTR) {
				s.runTraps()
				if s.ctl != ctlNone {
					return line, io.EOF
				}
				continue
			}
			return line, err
		}
		line = append(line, b[0])
		if b[0] == '\n' {
			return line, nil
		}
	}
	return line, io.EOF
}

// env is the environment of a command: exported variables with a value.
func (s *Shell) env() []string {
	out := make([]string, 0, 16)
	for k, v := range s.vars {
		if v.export && v.set && v.arr == nil && v.assoc == nil {
			out = append(out, k+"="+v.str)
		}
	}
	s.envOrder(out)
	if s.d == Bash {
		for name, f := range s.funcs {
			if v := s.vars["\x00func "+name]; v != nil {
				out = append(out, "BASH_FUNC_"+name+"%%=() "+funcBody(f))
			}
		}
	}
	return out
}

func errText(err error) string {
	var e vfs.Errno
	if errors.As(err, &e) {
		return e.Error()
	}
	return err.Error()
}

// shortErr is dash's own wording of the usual errors.
func shortErr(err error) string {
	switch {
	case errors.Is(err, vfs.ENOENT):
		return "No such file"
	}
	return errText(err)
}
