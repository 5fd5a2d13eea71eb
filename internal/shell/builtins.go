package shell

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

type builtinFunc func(s *Shell, args []string)

const (
	inBash = 1 << Bash
	inDash = 1 << Dash
	inAsh  = 1 << Ash
	inAll  = inBash | inDash | inAsh
)

type builtinEntry struct {
	f       builtinFunc
	in      int
	special bool
}

var builtins map[string]builtinEntry

func init() { //nolint:gochecknoinits // the table's functions look into the table
	// Filled here because the table's functions use the table.
	builtins = map[string]builtinEntry{
		":": {bTrue, inAll, true}, "true": {bTrue, inAll, false}, "false": {bFalse, inAll, false},
		".": {bSource, inAll, true}, "source": {bSource, inBash | inAsh, false},
		"alias": {bAlias, inAll, false}, "unalias": {bUnalias, inAll, false},
		"bg": {bFg, inAll, false}, "fg": {bFg, inAll, false}, "jobs": {bJobs, inAll, false},
		"break": {bBreak, inAll, true}, "continue": {bBreak, inAll, true},
		"builtin": {bBuiltin, inBash, false}, "command": {bCommand, inAll, false},
		"cd": {bCd, inAll, false}, "chdir": {bCd, inDash | inAsh, false}, "pwd": {bPwd, inAll, false},
		"echo": {bEcho, inAll, false}, "printf": {bPrintf, inAll, false},
		"eval": {bEval, inAll, true}, "exec": {bExec, inAll, true},
		"exit": {bExit, inAll, true}, "logout": {bExit, inBash, false},
		"export": {bExport, inAll, true}, "readonly": {bExport, inAll, true},
		"declare": {bDeclare, inBash, false}, "typeset": {bDeclare, inBash, false}, "local": {bLocal, inAll, false},
		"getopts": {bGetopts, inAll, false}, "hash": {bHash, inAll, false}, "help": {bHelp, inBash | inAsh, false},
		"history": {bHistory, inBash | inAsh, false}, "fc": {bHistory, inBash, false},
		"kill": {bKill, inAll, false}, "let": {bLet, inBash | inAsh, false},
		"mapfile": {bMapfile, inBash, false}, "readarray": {bMapfile, inBash, false},
		"pushd": {bDirs, inBash, false}, "popd": {bDirs, inBash, false}, "dirs": {bDirs, inBash, false},
		"read": {bRead, inAll, false}, "return": {bReturn, inAll, true}, "set": {bSet, inAll, true},
		"shift": {bShift, inAll, true}, "shopt": {bShopt, inBash, false},
		"test": {bTest, inAll, false}, "[": {bTest, inAll, false}, "[[": {bTest, inAsh, false},
		"times": {bTimes, inAll, true}, "trap": {bTrap, inAll, true},
		"type": {bType, inAll, false}, "ulimit": {bUlimit, inAll, false}, "umask": {bUmask, inAll, false},
		"unset": {bUnset, inAll, true}, "wait": {bWait, inAll, false},
		"enable": {bTrue, inBash, false}, "bind": {bTrue, inBash, false}, "complete": {bTrue, inBash, false}, "compopt": {bTrue, inBash, false},
		"compgen": {bFalse, inBash, false}, "disown": {bDisown, inBash, false}, "caller": {bFalse, inBash, false}, "suspend": {bFalse, inBash, false},
	}
}

func (s *Shell) builtin(name string) (builtinFunc, bool) {
	b, ok := builtins[name]
	if !ok || b.in&(1<<s.d) == 0 {
		return nil, false
	}
	return b.f, true
}

func (s *Shell) isSpecial(name string) bool {
	b, ok := builtins[name]
	return ok && b.special && b.in&(1<<s.d) != 0
}

// out writes a builtin's output and makes a failed write its status.
func (s *Shell) out(str string) {
	if err := s.puts(1, str); err != nil {
		s.status = 1
		if !errors.Is(err, vfs.EPIPE) || s.d == Bash {
			if s.d == Dash {
				s.builtinErr("echo", "echo: I/O error")
				return
			}
			if s.d == Ash {
				s.puts(2, fmt.Sprintf("%s: write error: %s\n", s.name, errText(err)))
				return
			}
			s.builtinErr("echo", "write error: %s", errText(err))
		}
	}
}

func bTrue(s *Shell, _ []string)  { s.status = 0 }
func bFalse(s *Shell, _ []string) { s.status = 1 }

func bSource(s *Shell, args []string) {
	if len(args) < 2 {
		if s.d == Bash {
			s.builtinErr(args[0], "filename argument required")
			s.puts(2, args[0]+": usage: "+args[0]+" filename [arguments]\n")
			s.status = 2
		} else if s.d == Ash {
			s.builtinErr(args[0], "need argument")
			s.status = 2
		}
		return
	}
	file := args[1]
	full := file
	if !strings.Contains(file, "/") {
		found := false
		for _, d := range strings.Split(s.get("PATH"), ":") {
			if st, err := s.t.Stat(d + "/" + file); err == nil && st.Mode.IsRegular() && d != "" {
				full, found = d+"/"+file, true
				break
			}
		}
		if !found && s.d == Bash && !s.posix {
			full = file
		}
	}
	b, err := s.t.ReadFile(full)
	if st, serr := s.t.Stat(full); serr == nil && st.Mode.IsDir() {
		err = vfs.EISDIR
		if s.d != Bash {
			return // reads as an empty file
		}
	}
	if err != nil {
		switch s.d {
		case Bash:
			if errors.Is(err, vfs.EISDIR) {
				s.builtinErr(args[0], "%s: is a directory", file)
			} else {
				s.errorf("%s: %s", file, errText(err))
			}
			s.status = 1
			if s.posix && !s.inter {
				s.ctl = ctlExit
			}
		case Dash:
			if errors.Is(err, vfs.ENOENT) && !strings.Contains(file, "/") {
				s.errorf("%s: %s: not found", args[0], file)
			} else {
				s.errorf("%s: cannot open %s: %s", args[0], file, shortErr(err))
			}
			s.fatal(2)
		default:
			s.builtinErr(args[0], "can't open '%s': %s", file, errText(err))
			s.fatal(2)
		}
		return
	}
	old := s.params
	if len(args) > 2 {
		s.params = args[2:]
	}
	s.sourced++
	name, off, line, cl := s.name, s.lineOff, s.line, s.cmdLine
	if s.d != Ash {
		s.name = file
	}
	s.lineOff, s.cmdLine = 0, false
	s.status = 0
	s.depth++
	s.runCode(string(b))
	s.depth--
	s.name, s.lineOff, s.line, s.cmdLine = name, off, line, cl
	s.sourced--
	if len(args) > 2 {
		s.params = old
	}
	if s.ctl == ctlReturn {
		s.ctl = ctlNone
	}
}

func bAlias(s *Shell, args []string) {
	show := func(k string) {
		v := "'" + strings.ReplaceAll(s.alias[k], "'", `'\''`) + "'"
		if s.d == Bash {
			s.out("alias " + k + "=" + v + "\n")
		} else {
			s.out(k + "=" + v + "\n")
		}
	}
	rest := args[1:]
	if len(rest) > 0 && rest[0] == "-p" {
		rest = rest[1:]
	}
	if len(rest) == 0 {
		keys := make([]string, 0, len(s.alias))
		for k := range s.alias {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			show(k)
		}
		return
	}
	for _, a := range rest {
		if k, v, ok := strings.Cut(a, "="); ok && k != "" {
			s.alias[k] = v
		} else if _, ok := s.alias[a]; ok {
			show(a)
		} else {
			if s.d == Dash {
				s.errorf("alias: %s not found", a)
			} else {
				s.builtinErr("alias", "%s: not found", a)
			}
			s.status = 1
		}
	}
}

func bUnalias(s *Shell, args []string) {
	for _, a := range args[1:] {
		if a == "-a" {
			clear(s.alias)
			continue
		}
		if _, ok := s.alias[a]; !ok {
			if s.d == Bash {
				s.builtinErr("unalias", "%s: not found", a)
			} else {
				s.builtinErr("unalias", "%s not found", a)
			}
			s.status = 1
		}
		delete(s.alias, a)
	}
}

func bBreak(s *Shell, args []string) {
	n := 1
	if len(args) > 1 {
		v, err := strconv.Atoi(args[1])
		if err != nil || v < 1 {
			if err != nil {
				if s.d == Bash {
					s.builtinErr(args[0], "%s: numeric argument required", args[1])
					s.fatal(128)
				} else {
					s.errorf("%s: Illegal number: %s", args[0], args[1])
					s.fatal(2)
				}
			} else if s.d == Bash {
				s.builtinErr(args[0], "%s: loop count out of range", args[1])
				s.status = 1
				s.ctl, s.ctlN = ctlBreak, s.loops
			} else {
				s.errorf("%s: Illegal number: %s", args[0], args[1])
				s.fatal(2)
			}
			return
		}
		n = v
	}
	if s.loops == 0 {
		if s.d == Bash {
			s.builtinErr(args[0], "only meaningful in a `for', `while', or `until' loop")
		}
		return
	}
	s.ctl, s.ctlN = ctlBreak, min(n, s.loops)
	if args[0] == "continue" {
		s.ctl = ctlContinue
	}
}

func bBuiltin(s *Shell, args []string) {
	if len(args) < 2 {
		return
	}
	if b, ok := s.builtin(args[1]); ok {
		b(s, args[1:])
		return
	}
	s.builtinErr("builtin", "%s: not a shell builtin", args[1])
	s.status = 1
}

func bCommand(s *Shell, args []string) {
	rest := args[1:]
	mode := byte(0)
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		if rest[0] == "--" {
			rest = rest[1:]
			break
		}
		for _, c := range rest[0][1:] {
			switch c {
			case 'v', 'V':
				mode = byte(c)
			case 'p':
			default:
				if s.d == Bash {
					s.builtinErr("command", "-%c: invalid option", c)
					s.puts(2, "command: usage: command [-pVv] command [arg ...]\n")
				} else {
					s.errorf("command: Illegal option -%c", c)
				}
				s.status = 2
				return
			}
		}
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return
	}
	if mode != 0 {
		for _, n := range rest {
			s.describe(n, mode, "command")
		}
		return
	}
	if b, ok := s.builtin(rest[0]); ok {
		b(s, rest)
		return
	}
	s.runExternal(rest)
}

// runExternal runs a program that no function or builtin hides.
func (s *Shell) runExternal(args []string) {
	s.external(&syntax.Stmt{}, &syntax.CallExpr{}, args)
}

// describe is type, command -v and command -V.
func (s *Shell) describe(n string, mode byte, by string) bool {
	if a, ok := s.alias[n]; ok && (s.inter || s.shopt["expand_aliases"] || s.d != Bash) {
		switch {
		case mode == 'v':
			s.out("alias " + n + "='" + a + "'\n")
		case s.d == Bash:
			s.out(n + " is aliased to `" + a + "'\n")
		default:
			s.out(n + " is an alias for " + a + "\n")
		}
		return true
	}
	if isKeyword(n, s.d) {
		switch {
		case mode == 'v':
			s.out(n + "\n")
		default:
			s.out(n + " is a shell keyword\n")
		}
		return true
	}
	if f, ok := s.funcs[n]; ok {
		switch {
		case mode == 'v':
			s.out(n + "\n")
		case s.d == Bash:
			s.out(n + " is a function\n" + n + " () \n" + funcBody(f) + "\n")
		default:
			s.out(n + " is a shell function\n")
		}
		return true
	}
	if _, ok := s.builtin(n); ok {
		switch {
		case mode == 'v':
			s.out(n + "\n")
		case s.isSpecial(n) && s.d != Bash:
			s.out(n + " is a special shell builtin\n")
		default:
			s.out(n + " is a shell builtin\n")
		}
		return true
	}
	p, err := s.lookPath(n)
	if err == nil && strings.Contains(n, "/") {
		if aerr := s.t.Access(n, vfs.MayExec); aerr != nil {
			err = aerr
		}
	}
	if err == nil {
		if mode == 'v' {
			s.out(p + "\n")
		} else {
			s.out(n + " is " + p + "\n")
		}
		return true
	}
	s.status = 127
	if s.d == Bash {
		s.status = 1
	}
	switch {
	case mode == 'v':
	case s.d == Bash:
		s.builtinErr(by, "%s: not found", n)
	case s.d == Dash:
		s.puts(1, n+": not found\n")
	default:
		s.puts(1, n+": not found\n")
	}
	return false
}

func isKeyword(n string, d Dialect) bool {
	switch n {
	case "if", "then", "else", "elif", "fi", "case", "esac", "for", "while", "until", "do", "done", "in", "{", "}", "!":
		return true
	case "function", "select", "time", "[[", "]]", "coproc":
		return d == Bash || d == Ash && (n == "function" || n == "[[")
	}
	return false
}

// funcBody prints a function's body as declare -f does: a command a line.
func funcBody(f *syntax.FuncDecl) string {
	blk, ok := f.Body.Cmd.(*syntax.Block)
	if !ok {
		var sb strings.Builder
		_ = syntax.NewPrinter(syntax.Indent(4)).Print(&sb, f.Body)
		return "{ \n    " + sb.String() + "\n}"
	}
	var b strings.Builder
	b.WriteString("{ \n")
	for i, st := range blk.Stmts {
		var sb strings.Builder
		_ = syntax.NewPrinter(syntax.Indent(4)).Print(&sb, st)
		text := strings.ReplaceAll(strings.TrimSpace(sb.String()), "\n", "\n    ")
		b.WriteString("    " + text)
		if i < len(blk.Stmts)-1 && !st.Background {
			b.WriteByte(';')
		}
		b.WriteByte('\n')
	}
	b.WriteString("}")
	return b.String()
}

func bType(s *Shell, args []string) {
	rest := args[1:]
	var t, p, a bool
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' && s.d == Bash {
		for _, c := range rest[0][1:] {
			switch c {
			case 't':
				t = true
			case 'p', 'P':
				p = true
			case 'a':
				a = true
			}
		}
		rest = rest[1:]
	}
	st := 0
	for _, n := range rest {
		switch {
		case t:
			kind := ""
			_, isB := s.builtin(n)
			switch {
			case s.alias[n] != "" && (s.inter || s.shopt["expand_aliases"]):
				kind = "alias"
			case isKeyword(n, s.d):
				kind = "keyword"
			case s.funcs[n] != nil:
				kind = "function"
			case isB:
				kind = "builtin"
			default:
				if _, err := s.lookPath(n); err == nil {
					kind = "file"
				}
			}
			if kind == "" {
				st = 1
			} else {
				s.out(kind + "\n")
			}
		case p:
			if _, isB := s.builtin(n); isB || s.funcs[n] != nil {
				continue
			}
			if full, err := s.lookPath(n); err == nil {
				s.out(full + "\n")
			} else {
				st = 1
			}
		default:
			if !s.describe(n, 'V', "type") {
				st = s.status
				continue
			}
			if a {
				for _, d := range strings.Split(s.get("PATH"), ":") {
					if f := d + "/" + n; s.t.Access(f, vfs.MayExec) == nil && s.funcs[n] == nil {
						if _, isB := s.builtin(n); isB {
							s.out(n + " is " + f + "\n")
						}
					}
				}
			}
		}
	}
	s.status = st
}

func bCd(s *Shell, args []string) {
	rest := args[1:]
	phys := false
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		if rest[0] == "--" {
			rest = rest[1:]
			break
		}
		if strings.Trim(rest[0], "-LPe@") != "" {
			if s.d == Bash {
				s.builtinErr("cd", "%s: invalid option", rest[0])
				s.puts(2, "cd: usage: cd [-L|[-P [-e]] [-@]] [dir]\n")
			} else {
				s.builtinErr("cd", "Illegal option %s", rest[0])
			}
			s.status = 2
			return
		}
		phys = strings.Contains(rest[0], "P")
		rest = rest[1:]
	}
	show := false
	var dir string
	switch {
	case len(rest) > 1 && s.d == Bash:
		s.builtinErr("cd", "too many arguments")
		s.status = 1
		return
	case len(rest) == 0:
		h, ok := s.lookup("HOME")
		if !ok {
			if s.d == Bash {
				s.builtinErr("cd", "HOME not set")
				s.status = 1
			}
			return
		}
		dir = h
	case rest[0] == "-":
		o, ok := s.lookup("OLDPWD")
		if !ok {
			if s.d == Bash {
				s.builtinErr("cd", "OLDPWD not set")
				s.status = 1
				return
			}
			o = s.get("PWD")
		}
		dir, show = o, true
	default:
		dir = rest[0]
	}
	target := dir
	if cdp := s.get("CDPATH"); cdp != "" && dir != "" && dir[0] != '/' && !strings.HasPrefix(dir, "./") && !strings.HasPrefix(dir, "../") && dir != "." && dir != ".." {
		for _, d := range strings.Split(cdp, ":") {
			c := path.Join(d, dir)
			if st, err := s.t.Stat(c); err == nil && st.Mode.IsDir() {
				target, show = c, d != ""
				break
			}
		}
	}
	if target == "" {
		return
	}
	pwd := s.get("PWD")
	var logical string
	if !strings.HasPrefix(target, "/") {
		logical = path.Join(pwd, target)
	} else {
		logical = path.Clean(target)
	}
	err := vfs.ENOENT
	cerr := error(err)
	if !phys && strings.HasPrefix(pwd, "/") {
		// ".." is taken off the name, as cd -L does; where that fails, the kernel's
		// own way is tried.
		cerr = s.t.Chdir(logical)
	}
	if cerr != nil {
		if e := s.t.Chdir(target); e == nil {
			cerr = nil
			logical = s.t.Cwd()
		} else {
			cerr = e
		}
	}
	if cerr != nil {
		switch s.d {
		case Bash:
			s.builtinErr("cd", "%s: %s", dir, errText(cerr))
			s.status = 1
		case Dash:
			s.builtinErr("cd", "can't cd to %s", dir)
			s.status = 2
		default:
			s.builtinErr("cd", "can't cd to %s: %s", dir, errText(cerr))
			s.status = 2
		}
		return
	}
	if phys {
		logical = s.t.Cwd()
	}
	old := s.get("PWD")
	s.assign("OLDPWD", old)
	s.assign("PWD", logical)
	if s.d == Bash {
		s.vars["OLDPWD"].export = true
		s.vars["PWD"].export = true
	}
	if show {
		s.out(logical + "\n")
	}
}

func bPwd(s *Shell, args []string) {
	if len(args) > 1 && strings.Contains(args[1], "P") && args[1][0] == '-' {
		s.out(s.t.Cwd() + "\n")
		return
	}
	if v := s.get("PWD"); v != "" {
		s.out(v + "\n")
		return
	}
	s.out(s.t.Cwd() + "\n")
}

func bEcho(s *Shell, args []string) {
	rest := args[1:]
	nl, esc := true, s.d == Dash || s.d == Bash && s.shopt["xpg_echo"]
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		if s.d == Dash {
			if rest[0] != "-n" {
				break
			}
			nl = false
			rest = rest[1:]
			break
		}
		if strings.Trim(rest[0][1:], "neE") != "" {
			break
		}
		for _, c := range rest[0][1:] {
			switch c {
			case 'n':
				nl = false
			case 'e':
				esc = true
			case 'E':
				esc = false
			}
		}
		rest = rest[1:]
	}
	var b strings.Builder
	for i, a := range rest {
		if i > 0 {
			b.WriteByte(' ')
		}
		if esc {
			t, stop := unescape(a, s.d, inEcho)
			b.WriteString(t)
			if stop {
				nl = false
				break
			}
			continue
		}
		b.WriteString(a)
	}
	if nl {
		b.WriteByte('\n')
	}
	s.out(b.String())
}

func bEval(s *Shell, args []string) {
	rest := args[1:]
	if len(rest) > 0 && rest[0] == "--" {
		rest = rest[1:]
	}
	code := strings.Join(rest, " ")
	if strings.TrimSpace(code) == "" {
		s.status = 0
		return
	}
	off := s.lineOff
	s.lineOff = s.line - 1
	s.evals++
	s.evalString(code)
	s.evals--
	s.lineOff = off
}

func bExec(s *Shell, args []string) {
	rest := args[1:]
	arg0 := ""
	clean := false
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' && s.d != Dash {
		if rest[0] == "--" {
			rest = rest[1:]
			break
		}
		if rest[0] == "-a" && len(rest) > 1 {
			arg0 = rest[1]
			rest = rest[2:]
			continue
		}
		clean = strings.Contains(rest[0], "c")
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return
	}
	s.execRedirs = nil
	p, err := s.lookPath(rest[0])
	if err != nil {
		s.status = 127
		if errors.Is(err, vfs.EACCES) {
			s.status = 126
		} else {
			s.missing(rest[0])
		}
		switch {
		case s.d == Bash && s.status == 127:
			s.builtinErr("exec", "%s: not found", rest[0])
		case s.d == Dash && s.status == 127:
			s.errorf("exec: %s: not found", rest[0])
		case s.d == Ash:
			s.builtinErr("exec", "%s: not found", rest[0])
		default:
			s.builtinErr("exec", "%s: Permission denied", rest[0])
		}
		if !s.inter {
			s.ctl = ctlExit
		}
		return
	}
	argv := append([]string(nil), rest...)
	if arg0 != "" {
		argv[0] = arg0
	}
	env := s.env()
	if clean {
		env = []string{}
	}
	if len(s.traps) > 0 && s.traps["EXIT"] != "" {
		delete(s.traps, "EXIT")
	}
	err = s.t.Exec(p, argv, env)
	s.execFailed(p, argv, err, true)
	if !s.inter {
		s.ctl = ctlExit
	}
}

func bExit(s *Shell, args []string) {
	n := s.lastStatus
	if len(args) > 1 {
		v, err := strconv.ParseInt(strings.TrimSpace(args[1]), 10, 64)
		if err != nil || s.d != Bash && v < 0 {
			switch s.d {
			case Bash:
				s.builtinErr(args[0], "%s: numeric argument required", args[1])
				s.exit(2)
			default:
				s.errorf("%s: Illegal number: %s", args[0], args[1])
				s.exit(2)
			}
			return
		}
		if len(args) > 2 && s.d == Bash {
			s.builtinErr(args[0], "too many arguments")
			s.status = 1
			return
		}
		n = int(v)
	}
	if s.mayLeave() {
		s.exit(n)
	}
}

func bReturn(s *Shell, args []string) {
	n := s.lastStatus
	if len(args) > 1 {
		v, err := strconv.Atoi(args[1])
		if err != nil || s.d != Bash && v < 0 {
			if s.d == Bash {
				s.builtinErr("return", "%s: numeric argument required", args[1])
				v = 2
			} else {
				s.errorf("return: Illegal number: %s", args[1])
				s.fatal(2)
				return
			}
		}
		n = v
	}
	if s.inFunc == 0 && s.sourced == 0 {
		if s.d == Bash {
			s.builtinErr("return", "can only `return' from a function or sourced script")
			s.status = 2
			if len(args) > 1 {
				s.status = 2
			}
			return
		}
		s.exit(n)
		return
	}
	s.status = n & 0xff
	s.ctl = ctlReturn
}

// declArgs turns the arguments of export, readonly and local into assignments.
func bExport(s *Shell, args []string) {
	rest := args[1:]
	ro := args[0] == "readonly"
	var un, fn, show bool
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		if rest[0] == "--" {
			rest = rest[1:]
			break
		}
		for _, c := range rest[0][1:] {
			switch c {
			case 'n':
				un = true
			case 'f':
				fn = true
			case 'p':
				show = true
			case 'a', 'A':
			default:
				if s.d == Bash {
					s.builtinErr(args[0], "-%c: invalid option", c)
					s.status = 2
				} else {
					s.errorf("%s: Illegal option -%c", args[0], c)
					s.fatal(2)
				}
				return
			}
		}
		rest = rest[1:]
	}
	if len(rest) == 0 || show {
		s.listVars(args[0], func(v *variable) bool { return ro && v.readonly || !ro && v.export })
		return
	}
	for _, a := range rest {
		k, v, has := strings.Cut(a, "=")
		app := false
		if has && strings.HasSuffix(k, "+") && s.d == Bash {
			k, app = k[:len(k)-1], true
		}
		if fn {
			if s.funcs[k] != nil {
				s.vars["\x00func "+k] = &variable{}
			} else {
				s.builtinErr(args[0], "%s: not a function", k)
				s.status = 1
			}
			continue
		}
		if !validName(k) {
			switch s.d {
			case Bash:
				s.builtinErr(args[0], "`%s': not a valid identifier", a)
				s.status = 1
			default:
				s.errorf("%s: %s: bad variable name", args[0], k)
				s.fatal(2)
				return
			}
			continue
		}
		if has {
			if app {
				v = s.get(k) + v
			}
			if !s.assign(k, v) {
				return
			}
		}
		x := s.vars[s.resolve(k)]
		if x == nil {
			x = &variable{}
			s.vars[k] = x
		}
		if ro {
			x.readonly = true
		} else {
			x.export = !un
		}
	}
}

// listVars prints variables as export -p, readonly -p and declare -p do.
func (s *Shell) listVars(by string, want func(*variable) bool) {
	names := make([]string, 0, len(s.vars))
	for k, v := range s.vars {
		if k[0] != 0 && want(v) {
			names = append(names, k)
		}
	}
	sort.Strings(names)
	for _, k := range names {
		v := s.vars[k]
		if s.d != Bash {
			line := by + " " + k
			if v.set {
				line += "=" + "'" + strings.ReplaceAll(v.str, "'", `'"'"'`) + "'"
			}
			s.out(line + "\n")
			continue
		}
		s.out(declareLine(k, v) + "\n")
	}
}

func (v *variable) attrs() string {
	if v == nil {
		return ""
	}
	f := ""
	if v.arr != nil || v.declArr {
		f += "a"
	}
	if v.assoc != nil || v.declAssoc {
		f += "A"
	}
	if v.integer {
		f += "i"
	}
	if v.lower {
		f += "l"
	}
	if v.nameref {
		f += "n"
	}
	if v.readonly {
		f += "r"
	}
	if v.upper {
		f += "u"
	}
	if v.export {
		f += "x"
	}
	return f
}

func declareLine(k string, v *variable) string {
	f := v.attrs()
	if f == "" {
		f = "-"
	}
	line := "declare -" + f + " " + k
	q := func(x string) string {
		if strings.ContainsAny(x, "\n\x1b\r\a\b") {
			return ansiQuote(x)
		}
		return quote(x)
	}
	switch {
	case v.arr != nil:
		line += "=("
		for i, ix := range v.indices() {
			if i > 0 {
				line += " "
			}
			line += "[" + strconv.Itoa(ix) + "]=" + q(v.arr[ix])
		}
		return line + ")"
	case v.assoc != nil:
		line += "=("
		for _, k := range v.keys {
			key := k
			if strings.ContainsAny(k, " \t\n\"'$&|;()<>*?[]") {
				key = quote(k)
			}
			line += "[" + key + "]=" + q(v.assoc[k]) + " "
		}
		return line + ")"
	case v.set:
		return line + "=" + q(v.str)
	}
	return line
}

// bDeclare and bLocal are reached where a declaration is not written as one
// (`"declare"`, `builtin declare`) or the dialect has no declarations in its
// grammar: arguments are plain strings.
func bDeclare(s *Shell, args []string) {
	var as []*syntax.Assign
	for _, a := range args[1:] {
		if strings.HasPrefix(a, "-") || strings.HasPrefix(a, "+") {
			as = append(as, &syntax.Assign{Naked: true, Value: litWord(a)})
			continue
		}
		k, v, ok := strings.Cut(a, "=")
		x := &syntax.Assign{Name: &syntax.Lit{Value: strings.TrimSuffix(k, "+")}, Naked: !ok, Append: strings.HasSuffix(k, "+")}
		if ok {
			x.Value = litWord(v)
		}
		as = append(as, x)
	}
	s.declClause(&syntax.DeclClause{Variant: &syntax.Lit{Value: args[0]}, Args: as})
}

func litWord(v string) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.SglQuoted{Value: v}}}
}

func bLocal(s *Shell, args []string) {
	if s.inFunc == 0 {
		if s.d == Bash {
			s.builtinErr("local", "can only be used in a function")
			s.status = 1
		} else {
			s.errorf("local: not in a function")
			s.fatal(2)
		}
		return
	}
	bDeclare(s, args)
}

// declClause is declare, typeset, local, export, readonly and nameref as the
// grammar knows them: array values are possible.
func (s *Shell) declClause(c *syntax.DeclClause) {
	kind := c.Variant.Value
	if _, ok := s.builtin(kind); !ok && s.d != Bash && s.funcs[kind] == nil {
		s.ashWord(kind)
		return
	}
	set, unset := map[byte]bool{}, map[byte]bool{}
	global := false
	show := false
	var rest []*syntax.Assign
	s.subst = -1
	done := false
	for _, a := range c.Args {
		if !done && a.Naked && a.Value != nil && a.Name == nil {
			w := s.fields(a.Value)
			for _, f := range w {
				if f == "--" {
					done = true
					continue
				}
				if len(f) > 1 && (f[0] == '-' || f[0] == '+') {
					for i := 1; i < len(f); i++ {
						if f[i] == 'g' {
							global = true
						} else if f[i] == 'p' {
							show = true
						} else if f[0] == '-' {
							set[f[i]] = true
						} else {
							unset[f[i]] = true
						}
					}
					continue
				}
				k, v, ok := strings.Cut(f, "=")
				x := &syntax.Assign{Name: &syntax.Lit{Value: strings.TrimSuffix(k, "+")}, Naked: !ok, Append: ok && strings.HasSuffix(k, "+")}
				if ok {
					x.Value = litWord(v)
				}
				rest = append(rest, x)
			}
			continue
		}
		rest = append(rest, a)
	}
	if s.ctl != ctlNone {
		return
	}
	s.status = max(s.subst, 0)
	if kind == "local" && s.inFunc == 0 {
		if s.d == Bash {
			s.builtinErr("local", "can only be used in a function")
			s.status = 1
		} else {
			s.errorf("local: not in a function")
			s.fatal(2)
		}
		return
	}
	if set['f'] || set['F'] {
		names := []string{}
		for _, a := range rest {
			names = append(names, a.Name.Value)
		}
		if len(names) == 0 {
			for n := range s.funcs {
				names = append(names, n)
			}
			sort.Strings(names)
		}
		for _, n := range names {
			f := s.funcs[n]
			switch {
			case f == nil:
				s.status = 1
				if kind == "export" {
					s.builtinErr("export", "%s: not a function", n)
				}
			case set['F']:
				if len(rest) > 0 {
					s.out(n + "\n")
				} else {
					s.out("declare -f " + n + "\n")
				}
			case kind == "export" || set['x']:
				s.vars["\x00func "+n] = &variable{}
			default:
				s.out(n + " () \n" + funcBody(f) + "\n")
			}
		}
		return
	}
	if len(rest) == 0 {
		switch {
		case kind == "export":
			s.listVars(kind, func(v *variable) bool { return v.export })
		case kind == "readonly":
			s.listVars(kind, func(v *variable) bool { return v.readonly })
		case show || len(set) > 0:
			s.listVars(kind, func(v *variable) bool {
				for f := range set {
					if !strings.Contains(v.attrs(), string(f)) {
						return false
					}
				}
				return v.set || v.arr != nil || v.assoc != nil
			})
		case kind == "local":
		default:
			bSet(s, []string{"set"})
		}
		return
	}
	for _, a := range rest {
		if a.Name == nil {
			continue
		}
		n := a.Name.Value
		if show {
			v := s.vars[n]
			if v == nil {
				s.builtinErr(kind, "%s: not found", n)
				s.status = 1
				continue
			}
			s.out(declareLine(n, v) + "\n")
			continue
		}
		if !validName(n) {
			if s.d == Bash {
				s.builtinErr(kind, "`%s': not a valid identifier", n)
				s.status = 1
				continue
			}
			s.errorf("%s: %s: bad variable name", kind, n)
			s.fatal(2)
			return
		}
		// The value is expanded before a local hides what it may use.
		val, hasVal := "", false
		if a.Value != nil && a.Array == nil && !a.Naked {
			val, hasVal = s.assignWord(a.Value), true
			if s.ctl != ctlNone {
				return
			}
		}
		var v *variable
		if (kind == "local" || (kind == "declare" || kind == "typeset") && s.inFunc > 0) && !global {
			v = s.local(n)
		} else {
			if kind == "export" || kind == "readonly" {
				n = s.resolve(n)
			}
			if v = s.vars[n]; v == nil {
				v = &variable{}
				s.vars[n] = v
			}
		}
		if v.readonly && (hasVal || a.Array != nil) {
			s.readonlyErr(n)
			if s.ctl != ctlNone {
				return
			}
			continue
		}
		if set['a'] {
			v.declArr = true
		}
		if set['A'] {
			v.declAssoc = true
		}
		if set['i'] {
			v.integer = true
		}
		if set['l'] {
			v.lower, v.upper = true, false
		}
		if set['u'] {
			v.upper, v.lower = true, false
		}
		if unset['i'] {
			v.integer = false
		}
		if unset['x'] {
			v.export = false
		}
		if set['n'] {
			v.nameref = true
			if hasVal {
				v.str, v.set = val, true
			}
			continue
		}
		switch {
		case a.Array != nil:
			if !s.assignArray(n, a) {
				return
			}
		case a.Index != nil && hasVal:
			s.assignElement(n, a.Index, val, a.Append)
		case hasVal:
			if a.Append {
				old, _ := v.scalar()
				if v.integer {
					val = strconv.FormatInt(s.arithString(old)+s.arithString(val), 10)
				} else {
					val = old + val
				}
			}
			s.assign(n, val)
		case v.declArr && v.arr == nil && set['a'] && v.set:
			v.arr = map[int]string{0: v.str}
		}
		if s.ctl != ctlNone {
			return
		}
		v = s.vars[s.resolve(n)]
		if v == nil {
			continue
		}
		if set['x'] || kind == "export" && !set['n'] {
			v.export = true
		}
		if set['r'] || kind == "readonly" {
			v.readonly = true
		}
	}
}

func bGetopts(s *Shell, args []string) {
	if len(args) < 3 {
		if s.d == Bash {
			s.puts(2, "getopts: usage: getopts optstring name [arg ...]\n")
		} else {
			s.errorf("getopts: Usage: getopts optstring var [arg...]")
		}
		s.status = 2
		return
	}
	optstr, name := args[1], args[2]
	list := s.params
	if len(args) > 3 {
		list = args[3:]
	}
	silent := strings.HasPrefix(optstr, ":")
	setind := func() {
		s.vars["OPTIND"] = &variable{str: strconv.Itoa(s.optind), set: true}
	}
	if s.optind < 1 {
		s.optind = 1
	}
	if s.optpos == 0 {
		if s.optind > len(list) || len(list[s.optind-1]) < 2 || list[s.optind-1][0] != '-' {
			s.assign(name, "?")
			setind()
			s.status = 1
			return
		}
		if list[s.optind-1] == "--" {
			s.optind++
			s.assign(name, "?")
			setind()
			s.status = 1
			return
		}
		s.optpos = 1
	}
	arg := list[s.optind-1]
	c := arg[s.optpos]
	s.optpos++
	ended := s.optpos >= len(arg)
	i := strings.IndexByte(strings.TrimPrefix(optstr, ":"), c)
	if c == ':' || i < 0 {
		if ended {
			s.optind++
			s.optpos = 0
		}
		if silent {
			s.assign("OPTARG", string(c))
		} else {
			delete(s.vars, "OPTARG")
			if s.get("OPTERR") != "0" {
				if s.d == Bash {
					s.puts(2, fmt.Sprintf("%s: illegal option -- %c\n", s.name, c))
				} else {
					s.puts(2, fmt.Sprintf("Illegal option -%c\n", c))
				}
			}
		}
		s.assign(name, "?")
		setind()
		return
	}
	o := strings.TrimPrefix(optstr, ":")
	if i+1 < len(o) && o[i+1] == ':' {
		if !ended {
			s.assign("OPTARG", arg[s.optpos:])
			s.optind++
		} else if s.optind < len(list) {
			s.assign("OPTARG", list[s.optind])
			s.optind += 2
		} else {
			s.optind++
			s.optpos = 0
			if silent {
				s.assign("OPTARG", string(c))
				s.assign(name, ":")
			} else {
				delete(s.vars, "OPTARG")
				if s.d == Bash {
					s.puts(2, fmt.Sprintf("%s: option requires an argument -- %c\n", s.name, c))
				} else {
					s.puts(2, fmt.Sprintf("No arg for -%c option\n", c))
				}
				s.assign(name, "?")
			}
			setind()
			return
		}
		s.optpos = 0
	} else {
		delete(s.vars, "OPTARG")
		if ended {
			s.optind++
			s.optpos = 0
		}
	}
	s.assign(name, string(c))
	pos := s.optpos
	setind()
	s.optpos = pos
}

func bHash(s *Shell, args []string) {
	if len(args) > 1 && args[1] == "-r" {
		clear(s.hash)
		return
	}
	for _, a := range args[1:] {
		if _, err := s.lookPath(a); err != nil {
			s.builtinErr("hash", "%s: not found", a)
			s.status = 1
		}
	}
	if len(args) == 1 {
		for _, p := range s.hash {
			s.out(p + "\n")
		}
	}
}

func bHelp(s *Shell, _ []string) {
	names := make([]string, 0, len(builtins))
	for n, b := range builtins {
		if b.in&(1<<s.d) != 0 {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	if s.d == Ash {
		s.out("Built-in commands:\n------------------\n\t" + strings.Join(names, " ") + "\n")
		return
	}
	s.out("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\nThese shell commands are defined internally.  Type `help' to see this list.\n " + strings.Join(names, "\n ") + "\n")
}

func bHistory(s *Shell, args []string) {
	if len(args) > 1 {
		if strings.Contains(args[1], "c") {
			s.hist = nil
		}
		return
	}
	for i, h := range s.hist {
		s.out(fmt.Sprintf("%5d  %s\n", i+1, h))
	}
}

func (s *Shell) jobSpec(a string) *job {
	if !strings.HasPrefix(a, "%") {
		return nil
	}
	a = a[1:]
	cur, prev := s.currentJobs()
	if a == "" || a == "%" || a == "+" {
		return cur
	}
	if a == "-" {
		return prev
	}
	if n, err := strconv.Atoi(a); err == nil {
		for _, j := range s.jobs {
			if j.n == n {
				return j
			}
		}
		return nil
	}
	for _, j := range s.jobs {
		if strings.HasPrefix(j.text, a) || strings.HasPrefix(a, "?") && strings.Contains(j.text, a[1:]) {
			return j
		}
	}
	return nil
}

func bKill(s *Shell, args []string) {
	rest := args[1:]
	sig := kernel.SIGTERM
	if len(rest) > 0 && (rest[0] == "-l" || rest[0] == "-L") {
		if len(rest) > 1 {
			for _, a := range rest[1:] {
				if n, err := strconv.Atoi(a); err == nil {
					s.out(strings.TrimPrefix(kernel.Signal(n&0x7f).Name(), "SIG") + "\n")
				} else if x, ok := kernel.ParseSignal(a); ok {
					s.out(strconv.Itoa(int(x)) + "\n")
				}
			}
			return
		}
		var b strings.Builder
		for i := 1; i < 32; i++ {
			if s.d == Bash {
				fmt.Fprintf(&b, "%2d) %s", i, kernel.Signal(i).Name())
				if i%5 == 0 {
					b.WriteByte('\n')
				} else {
					b.WriteByte('\t')
				}
			} else {
				name := strings.TrimPrefix(kernel.Signal(i).Name(), "SIG")
				if s.d == Ash {
					if name == "IO" {
						name = "POLL"
					}
					name = fmt.Sprintf("%2d) %s", i, name)
				}
				b.WriteString(name + "\n")
			}
		}
		s.out(strings.TrimRight(b.String(), "\t") + map[bool]string{true: "\n"}[s.d == Bash])
		return
	}
	if len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		name := rest[0][1:]
		drop := 1
		if (name == "s" || name == "n") && len(rest) > 1 {
			name, drop = rest[1], 2
		}
		if name != "-" {
			x, ok := kernel.ParseSignal(name)
			if !ok {
				if s.d == Bash {
					s.builtinErr("kill", "%s: invalid signal specification", name)
				} else if s.d == Dash && drop == 2 {
					s.builtinErr("kill", "invalid signal number or name: %s", name)
					s.status = 2
					return
				} else if s.d == Dash {
					s.builtinErr("kill", "Illegal option -%s", name[:1])
					s.status = 2
					return
				} else {
					s.puts(2, fmt.Sprintf("%s: bad signal name '%s'\n", s.name, name))
				}
				s.status = 1
				return
			}
			sig = x
		}
		rest = rest[drop:]
	}
	if len(rest) > 0 && rest[0] == "--" {
		rest = rest[1:]
	}
	if len(rest) == 0 {
		switch s.d {
		case Bash:
			s.puts(2, "kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]\n")
			s.status = 2
		case Dash:
			s.puts(2, s.name+": 1: kill: Usage: kill [-s sigspec | -signum | -sigspec] [pid | job]... or\nkill -l [exitstatus]\n")
			s.status = 2
		default:
			s.puts(2, s.name+": you need to specify whom to kill\n")
			s.status = 1
		}
		return
	}
	for _, a := range rest {
		var pids []int
		if j := s.jobSpec(a); j != nil {
			pids = j.pids
		} else if n, err := strconv.Atoi(a); err == nil {
			pids = []int{n}
		} else {
			switch {
			case s.d == Bash && strings.HasPrefix(a, "%"):
				s.builtinErr("kill", "%s: no such job", a)
			case s.d == Bash:
				s.builtinErr("kill", "%s: arguments must be process or job IDs", a)
			case s.d == Dash:
				s.builtinErr("kill", "Illegal number: %s", a)
			default:
				s.puts(2, fmt.Sprintf("%s: invalid number '%s'\n", s.name, a))
			}
			s.status = 1
			continue
		}
		for _, p := range pids {
			if err := s.t.Kill(p, sig); err != nil {
				switch s.d {
				case Bash:
					s.builtinErr("kill", "(%d) - %s", p, errText(err))
				case Dash:
					s.builtinErr("kill", "%s", errText(err))
				default:
					s.puts(2, fmt.Sprintf("%s: can't kill pid %d: %s\n", s.name, p, errText(err)))
				}
				s.status = 1
			}
		}
	}
}

func bLet(s *Shell, args []string) {
	var v int64
	for _, a := range args[1:] {
		x, err := syntax.NewParser().Arithmetic(strings.NewReader(a))
		if err != nil {
			v = s.arithString(a)
		} else {
			v = s.arith(x)
		}
		if s.ctl != ctlNone {
			return
		}
	}
	s.status = int(b2i(v == 0))
}

func bMapfile(s *Shell, args []string) {
	rest := args[1:]
	name := "MAPFILE"
	trim, fd, count, skip, origin := false, 0, 0, 0, 0
	delim := byte('\n')
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		o := rest[0]
		rest = rest[1:]
		arg := func() string {
			if len(o) > 2 {
				return o[2:]
			}
			if len(rest) > 0 {
				a := rest[0]
				rest = rest[1:]
				return a
			}
			return ""
		}
		switch o[1] {
		case 't':
			trim = true
		case 'u':
			fd, _ = strconv.Atoi(arg())
		case 'n':
			count, _ = strconv.Atoi(arg())
		case 's':
			skip, _ = strconv.Atoi(arg())
		case 'O':
			origin, _ = strconv.Atoi(arg())
		case 'd':
			a := arg()
			delim = 0
			if a != "" {
				delim = a[0]
			}
		case 'C', 'c':
			arg()
		}
	}
	if len(rest) > 0 {
		name = rest[0]
	}
	b, _ := s.readAll(fd, maxValue)
	arr := map[int]string{}
	i := origin
	for len(b) > 0 {
		k := bytes.IndexByte(b, delim)
		line := string(b)
		if k >= 0 {
			line = string(b[:k+1])
			b = b[k+1:]
		} else {
			b = nil
		}
		if skip > 0 {
			skip--
			continue
		}
		if trim {
			line = strings.TrimSuffix(line, string(delim))
		}
		arr[i] = line
		i++
		if count > 0 && len(arr) >= count {
			break
		}
	}
	s.vars[s.resolve(name)] = &variable{arr: arr, set: true}
}

func bDirs(s *Shell, args []string) {
	show := func() {
		l := append([]string{s.get("PWD")}, s.dirs...)
		h := s.get("HOME")
		for i := range l {
			if h != "" && (l[i] == h || strings.HasPrefix(l[i], h+"/")) {
				l[i] = "~" + l[i][len(h):]
			}
		}
		s.out(strings.Join(l, " ") + "\n")
	}
	switch args[0] {
	case "pushd":
		old := s.get("PWD")
		if len(args) < 2 {
			if len(s.dirs) == 0 {
				s.builtinErr("pushd", "no other directory")
				s.status = 1
				return
			}
			to := s.dirs[0]
			bCd(s, []string{"cd", to})
			if s.status == 0 {
				s.dirs[0] = old
				show()
			}
			return
		}
		bCd(s, []string{"cd", args[1]})
		if s.status == 0 {
			s.dirs = append([]string{old}, s.dirs...)
			show()
		}
	case "popd":
		if len(s.dirs) == 0 {
			s.builtinErr("popd", "directory stack empty")
			s.status = 1
			return
		}
		bCd(s, []string{"cd", s.dirs[0]})
		if s.status == 0 {
			s.dirs = s.dirs[1:]
			show()
		}
	default:
		if len(args) > 1 && args[1] == "-c" {
			s.dirs = nil
			return
		}
		show()
	}
}

func bRead(s *Shell, args []string) {
	rest := args[1:]
	raw, silent := false, false
	delim := byte('\n')
	fd, nchars, exact := 0, -1, false
	timeout := time.Duration(-1)
	prompt, array := "", ""
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		o := rest[0]
		rest = rest[1:]
		if o == "--" {
			break
		}
	opts:
		for i := 1; i < len(o); i++ {
			arg := func() string {
				if i+1 < len(o) {
					return o[i+1:]
				}
				if len(rest) > 0 {
					a := rest[0]
					rest = rest[1:]
					return a
				}
				return ""
			}
			switch o[i] {
			case 'r':
				raw = true
			case 's':
				silent = true
			case 'e':
			case 'p':
				prompt = arg()
				break opts
			case 'a':
				array = arg()
				break opts
			case 'd':
				a := arg()
				delim = 0
				if a != "" {
					delim = a[0]
				}
				break opts
			case 'n', 'N':
				n, err := strconv.Atoi(arg())
				if err != nil {
					s.builtinErr("read", "%s: invalid number", o)
					s.status = 1
					return
				}
				nchars, exact = n, o[i] == 'N'
				break opts
			case 'u':
				fd, _ = strconv.Atoi(arg())
				break opts
			case 't':
				f, err := strconv.ParseFloat(arg(), 64)
				if err != nil || f < 0 {
					s.builtinErr("read", "%s: invalid timeout specification", o)
					s.status = 1
					return
				}
				timeout = time.Duration(f * float64(time.Second))
				break opts
			case 'i':
				arg()
				break opts
			default:
				if s.d == Bash {
					s.builtinErr("read", "-%c: invalid option", o[i])
					s.status = 2
				} else {
					s.errorf("read: Illegal option -%c", o[i])
					s.status = 2
				}
				return
			}
		}
	}
	if len(rest) == 0 && s.d == Dash && array == "" {
		s.errorf("read: arg count")
		s.status = 2
		return
	}
	if prompt != "" && (s.d == Dash || s.t.IsTTY(fd)) {
		s.puts(2, prompt)
	}
	if silent && s.t.IsTTY(fd) {
		if restore := s.echo(fd, false); restore != nil {
			defer restore()
		}
	}
	var line []piece // runs of raw and escaped text
	var cur strings.Builder
	put := func(quoted bool, b byte) {
		if n := len(line); n > 0 && line[n-1].quoted == quoted {
			cur.WriteByte(b)
			line[n-1].s = ""
			return
		}
		if n := len(line); n > 0 {
			line[n-1].s = cur.String()
		}
		cur.Reset()
		cur.WriteByte(b)
		line = append(line, piece{"", quoted})
	}
	var b [1]byte
	status := 0
	got := 0
	deadline := s.t.Now().Add(timeout)
	for nchars < 0 || got < nchars {
		if timeout >= 0 {
			ok, err := s.pollRead(fd, deadline.Sub(s.t.Now()))
			if err != nil && errors.Is(err, vfs.EINTR) {
				s.runTraps()
				continue
			}
			if !ok {
				status = 142
				if s.d != Bash {
					status = 1
				}
				break
			}
			if timeout == 0 {
				return
			}
		}
		n, err := s.t.Read(fd, b[:])
		if err != nil && errors.Is(err, vfs.EINTR) {
			s.runTraps()
			if s.ctl != ctlNone {
				return
			}
			continue
		}
		if n == 0 || err != nil {
			status = 1
			if err != nil && errors.Is(err, vfs.EBADF) && s.d == Bash {
				s.builtinErr("read", "read error: %d: Bad file descriptor", fd)
			}
			break
		}
		if b[0] == delim && !exact {
			break
		}
		if b[0] == 0 {
			continue
		}
		if b[0] == '\\' && !raw {
			n, err := s.t.Read(fd, b[:])
			if n == 0 || err != nil {
				status = 1
				break
			}
			if b[0] != '\n' {
				put(true, b[0])
				got++
			}
			continue
		}
		put(false, b[0])
		got++
		if cur.Len() > maxValue {
			break
		}
	}
	if n := len(line); n > 0 {
		line[n-1].s = cur.String()
	}
	names := rest
	if array == "" && len(names) == 0 {
		// REPLY keeps the blanks at both ends.
		var sb strings.Builder
		for _, p := range line {
			sb.WriteString(p.s)
		}
		s.assign("REPLY", sb.String())
		s.status = status
		return
	}
	if exact {
		var sb strings.Builder
		for _, p := range line {
			sb.WriteString(p.s)
		}
		s.assign(names[0], sb.String())
		for _, n := range names[1:] {
			s.assign(n, "")
		}
		s.status = status
		return
	}
	if array != "" {
		fs := s.readFields(line, 0)
		arr := map[int]string{}
		for i, f := range fs {
			arr[i] = f
		}
		s.vars[s.resolve(array)] = &variable{arr: arr, set: true}
		s.status = status
		return
	}
	fs := s.readFields(line, len(names))
	for i, n := range names {
		if !validName(n) {
			if s.d == Bash {
				s.builtinErr("read", "`%s': not a valid identifier", n)
				s.status = 1
			} else {
				s.errorf("read: %s: bad variable name", n)
				s.fatal(2)
			}
			return
		}
		v := ""
		if i < len(fs) {
			v = fs[i]
		}
		s.assign(n, v)
		if s.ctl != ctlNone {
			return
		}
	}
	s.status = status
}

// readFields splits a line for read: at most max fields (0: no limit), the last
// takes the rest without the blanks at its end.
func (s *Shell) readFields(line []piece, most int) []string {
	ifs := " \t\n"
	if v, ok := s.vars["IFS"]; ok && v.set {
		ifs = v.str
	}
	type ch struct {
		b byte
		q bool
	}
	var cs []ch
	for _, p := range line {
		for i := 0; i < len(p.s); i++ {
			cs = append(cs, ch{p.s[i], p.quoted})
		}
	}
	isIFS := func(c ch) bool { return !c.q && strings.IndexByte(ifs, c.b) >= 0 }
	white := func(c ch) bool { return isIFS(c) && (c.b == ' ' || c.b == '\t' || c.b == '\n') }
	i := 0
	for i < len(cs) && white(cs[i]) {
		i++
	}
	var out []string
	for i < len(cs) {
		if most > 0 && len(out) == most-1 {
			end := len(cs)
			for end > i && white(cs[end-1]) {
				end--
			}
			// One delimiter that ends the last field goes too.
			if end > i && isIFS(cs[end-1]) && !white(cs[end-1]) {
				k := i
				for k < end-1 && !isIFS(cs[k]) {
					k++
				}
				if k == end-1 {
					end--
				}
			}
			var b strings.Builder
			for _, c := range cs[i:end] {
				b.WriteByte(c.b)
			}
			return append(out, b.String())
		}
		var b strings.Builder
		for i < len(cs) && !isIFS(cs[i]) {
			b.WriteByte(cs[i].b)
			i++
		}
		out = append(out, b.String())
		for i < len(cs) && white(cs[i]) {
			i++
		}
		if i < len(cs) && isIFS(cs[i]) && !white(cs[i]) {
			i++
			for i < len(cs) && white(cs[i]) {
				i++
			}
		}
	}
	return out
}

var setNames = []struct {
	name string
	c    rune
	in   int
}{
	{"allexport", 'a', inAll}, {"braceexpand", 'B', inBash}, {"emacs", 0, inBash | inDash}, {"errexit", 'e', inAll}, {"errtrace", 'E', inBash}, {"functrace", 'T', inBash},
	{"hashall", 'h', inBash}, {"histexpand", 'H', inBash}, {"history", 0, inBash}, {"ignoreeof", 0, inAll}, {"interactive-comments", 0, inBash}, {"keyword", 'k', inBash},
	{"monitor", 'm', inAll}, {"noclobber", 'C', inAll}, {"noexec", 'n', inAll}, {"noglob", 'f', inAll}, {"nolog", 0, inAll}, {"notify", 'b', inAll}, {"nounset", 'u', inAll},
	{"onecmd", 't', inBash}, {"physical", 'P', inBash}, {"pipefail", 0, inBash | inAsh}, {"posix", 0, inBash}, {"privileged", 'p', inBash}, {"verbose", 'v', inAll}, {"vi", 0, inAll}, {"xtrace", 'x', inAll},
}

func (s *Shell) setLong(name string, on bool) bool {
	for _, n := range setNames {
		if n.name == name && n.in&(1<<s.d) != 0 {
			if n.c == 'B' {
				s.opts['B'] = !on // kept inverted: on by default
			} else if n.c != 0 {
				s.opts[n.c] = on
			} else if name == "posix" {
				s.posix = on
			} else {
				s.long[name] = on
			}
			return true
		}
	}
	return false
}

func (s *Shell) optOn(i int) bool {
	n := setNames[i]
	switch {
	case n.c == 'B':
		return !s.opts['B']
	case n.c == 'h' || n.name == "interactive-comments":
		return true
	case n.c != 0:
		return s.opts[n.c]
	case n.name == "posix":
		return s.posix
	}
	return s.long[n.name]
}

func (s *Shell) optNames(on bool) []string {
	var out []string
	for i, n := range setNames {
		if n.in&(1<<s.d) != 0 && s.optOn(i) == on {
			out = append(out, n.name)
		}
	}
	return out
}

func bSet(s *Shell, args []string) {
	rest := args[1:]
	if len(rest) == 0 {
		names := make([]string, 0, len(s.vars))
		for k, v := range s.vars {
			if k[0] != 0 && (v.set || v.arr != nil || v.assoc != nil) {
				names = append(names, k)
			}
		}
		sort.Strings(names)
		for _, k := range names {
			v := s.vars[k]
			if v.arr != nil || v.assoc != nil {
				s.out(strings.SplitN(declareLine(k, v), " ", 3)[2] + "\n")
				continue
			}
			s.out(k + "=" + quoteWord(v.str, s.d) + "\n")
		}
		return
	}
	for len(rest) > 0 {
		a := rest[0]
		if a == "--" {
			s.params = append([]string(nil), rest[1:]...)
			return
		}
		if a == "-" && s.d == Bash {
			s.opts['x'], s.opts['v'] = false, false
			if len(rest) > 1 {
				s.params = append([]string(nil), rest[1:]...)
			}
			return
		}
		if len(a) < 2 || a[0] != '-' && a[0] != '+' {
			s.params = append([]string(nil), rest...)
			return
		}
		on := a[0] == '-'
		rest = rest[1:]
		for _, c := range a[1:] {
			if c == 'o' {
				if len(rest) == 0 {
					for i, n := range setNames {
						if n.in&(1<<s.d) == 0 {
							continue
						}
						v := "off"
						if s.optOn(i) {
							v = "on"
						}
						if on {
							s.out(fmt.Sprintf("%-15s\t%s\n", n.name, v))
						} else {
							s.out("set " + map[bool]string{true: "-o ", false: "+o "}[s.optOn(i)] + n.name + "\n")
						}
					}
					continue
				}
				if !s.setLong(rest[0], on) {
					switch s.d {
					case Bash:
						s.builtinErr("set", "%s: invalid option name", rest[0])
						s.status = 2
					case Dash:
						s.errorf("set: Illegal option %so %s", map[bool]string{true: "-", false: "+"}[on], rest[0])
						s.fatal(2)
					default:
						s.builtinErr("set", "illegal option %so %s", map[bool]string{true: "-", false: "+"}[on], rest[0])
						s.status = 1
					}
					return
				}
				rest = rest[1:]
				continue
			}
			valid := "abCefhmnuvxI"
			if s.d == Bash {
				valid = "abefhkmnptuvxBCEHPT"
			}
			if !strings.ContainsRune(valid, c) {
				switch s.d {
				case Bash:
					s.builtinErr("set", "%c%c: invalid option", a[0], c)
					s.puts(2, "set: usage: set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]\n")
					s.status = 2
				default:
					s.errorf("set: Illegal option %c%c", a[0], c)
					s.fatal(2)
				}
				return
			}
			if c == 'B' {
				s.opts['B'] = !on
			} else {
				s.opts[c] = on
			}
		}
	}
}

func bShift(s *Shell, args []string) {
	n := 1
	if len(args) > 1 {
		v, err := strconv.Atoi(args[1])
		if err != nil || v < 0 {
			switch s.d {
			case Bash:
				if err != nil {
					s.builtinErr("shift", "%s: numeric argument required", args[1])
				} else {
					s.builtinErr("shift", "%s: shift count out of range", args[1])
				}
				s.status = 1
			default:
				s.errorf("shift: Illegal number: %s", args[1])
				s.fatal(2)
			}
			return
		}
		n = v
	}
	if n > len(s.params) {
		s.status = 1
		if s.d == Dash {
			s.errorf("shift: can't shift that many")
			s.fatal(2)
		}
		return
	}
	s.params = s.params[n:]
}

func bShopt(s *Shell, args []string) {
	rest := args[1:]
	var set, unset, quiet, o, p bool
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		for _, c := range rest[0][1:] {
			switch c {
			case 's':
				set = true
			case 'u':
				unset = true
			case 'q':
				quiet = true
			case 'o':
				o = true
			case 'p':
				p = true
			}
		}
		rest = rest[1:]
	}
	for _, n := range rest {
		if o {
			if set || unset {
				s.setLong(n, set)
			}
			continue
		}
		if !shoptNames[n] {
			s.builtinErr("shopt", "%s: invalid shell option name", n)
			s.status = 1
			continue
		}
		switch {
		case set:
			s.shopt[n] = true
		case unset:
			s.shopt[n] = false
		default:
			if !s.shopt[n] {
				s.status = 1
			}
			if !quiet {
				if p {
					s.out("shopt " + map[bool]string{true: "-s ", false: "-u "}[s.shopt[n]] + n + "\n")
				} else {
					s.out(fmt.Sprintf("%-20s\t%s\n", n, map[bool]string{true: "on", false: "off"}[s.shopt[n]]))
				}
			}
		}
	}
	if len(rest) == 0 && !quiet {
		names := make([]string, 0, len(shoptNames))
		for n := range shoptNames {
			if !set && !unset || set == s.shopt[n] {
				names = append(names, n)
			}
		}
		sort.Strings(names)
		for _, n := range names {
			s.out(fmt.Sprintf("%-20s\t%s\n", n, map[bool]string{true: "on", false: "off"}[s.shopt[n]]))
		}
	}
}

var shoptNames = func() map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(`autocd assoc_expand_once cdable_vars cdspell checkhash checkjobs checkwinsize cmdhist compat31 compat32 compat40 compat41 compat42 compat43 compat44
		complete_fullquote direxpand dirspell dotglob execfail expand_aliases extdebug extglob extquote failglob force_fignore globasciiranges globskipdots globstar gnu_errfmt histappend histreedit
		histverify hostcomplete huponexit inherit_errexit interactive_comments lastpipe lithist localvar_inherit localvar_unset login_shell mailwarn no_empty_cmd_completion nocaseglob nocasematch
		noexpand_translation nullglob patsub_replacement progcomp progcomp_alias promptvars restricted_shell shift_verbose sourcepath varredir_close xpg_echo`) {
		m[n] = true
	}
	return m
}()

func bTimes(s *Shell, _ []string) {
	line := func(d time.Duration) string {
		f := func(d time.Duration) string {
			return fmt.Sprintf("%dm%.3fs", int(d.Minutes()), d.Seconds()-60*float64(int(d.Minutes())))
		}
		return f(d*41/50) + " " + f(d*9/50) + "\n"
	}
	s.out(line(s.t.CPUTime()) + line(s.t.ChildrenTime()))
}

func signalNumber(name string) (int, bool) {
	switch strings.TrimPrefix(strings.ToUpper(name), "SIG") {
	case "EXIT", "0":
		return 0, true
	case "ERR", "DEBUG", "RETURN":
		return -1, true
	}
	n, ok := kernel.ParseSignal(name)
	return int(n), ok
}

func bTrap(s *Shell, args []string) {
	rest := args[1:]
	if len(rest) > 0 && rest[0] == "--" {
		rest = rest[1:]
	}
	if len(rest) > 0 && rest[0] == "-l" {
		bKill(s, []string{"kill", "-l"})
		return
	}
	key := func(a string) (string, int, bool) {
		n, ok := signalNumber(a)
		if !ok {
			return "", 0, false
		}
		switch {
		case n == 0:
			return "EXIT", 0, true
		case n < 0:
			if s.d != Bash {
				return "", 0, false
			}
			return strings.TrimPrefix(strings.ToUpper(a), "SIG"), n, true
		}
		return strings.TrimPrefix(kernel.Signal(n).Name(), "SIG"), n, true
	}
	if len(rest) == 0 || rest[0] == "-p" {
		keys := make([]string, 0, len(s.traps))
		if len(rest) > 1 {
			for _, a := range rest[1:] {
				if k, _, ok := key(a); ok {
					keys = append(keys, k)
				}
			}
		} else {
			for k := range s.traps {
				keys = append(keys, k)
			}
			sort.Slice(keys, func(i, j int) bool {
				a, _ := signalNumber(keys[i])
				b, _ := signalNumber(keys[j])
				return a < b
			})
		}
		for _, k := range keys {
			code, ok := s.traps[k]
			if !ok {
				continue
			}
			n, _ := signalNumber(k)
			if s.d == Bash && n > 0 {
				k = "SIG" + k
			}
			s.out("trap -- '" + strings.ReplaceAll(code, "'", `'\''`) + "' " + k + "\n")
		}
		return
	}
	code := rest[0]
	sigs := rest[1:]
	reset := false
	if code == "-" {
		reset = true
	} else if len(sigs) == 0 {
		// A lone condition resets it.
		reset, sigs = true, rest
	} else if _, err := strconv.Atoi(code); err == nil {
		reset, sigs = true, rest
	}
	for _, a := range sigs {
		k, n, ok := key(a)
		if !ok {
			switch s.d {
			case Bash:
				s.builtinErr("trap", "%s: invalid signal specification", a)
			case Dash:
				s.errorf("trap: %s: bad trap", a)
			default:
				s.builtinErr("trap", "%s: invalid signal specification", a)
			}
			s.status = 1
			continue
		}
		if reset {
			delete(s.traps, k)
			if n > 0 {
				s.t.Signal(kernel.Signal(n), kernel.Disposition{})
			}
			continue
		}
		s.traps[k] = code
		if n > 0 {
			if code == "" {
				s.t.Signal(kernel.Signal(n), kernel.Disposition{Kind: kernel.Ignore})
			} else {
				s.t.Signal(kernel.Signal(n), kernel.Disposition{Kind: kernel.Handle, Handler: func(x kernel.Signal) {
					if len(s.pending) < 64 {
						s.pending = append(s.pending, int(x))
					}
				}})
			}
		}
	}
}

var ulimits = []struct {
	c          byte
	name, unit string
	res        int
	div        uint64
}{
	{'c', "core file size", "blocks", kernel.RlimitCore, 1024}, {'d', "data seg size", "kbytes", kernel.RlimitData, 1024}, {'e', "scheduling priority", "", kernel.RlimitNice, 1},
	{'f', "file size", "blocks", kernel.RlimitFsize, 1024}, {'i', "pending signals", "", kernel.RlimitSigpending, 1}, {'l', "max locked memory", "kbytes", kernel.RlimitMemlock, 1024},
	{'m', "max memory size", "kbytes", kernel.RlimitRSS, 1024}, {'n', "open files", "", kernel.RlimitNofile, 1}, {'q', "POSIX message queues", "bytes", kernel.RlimitMsgqueue, 1},
	{'r', "real-time priority", "", kernel.RlimitRtprio, 1}, {'s', "stack size", "kbytes", kernel.RlimitStack, 1024}, {'t', "cpu time", "seconds", kernel.RlimitCPU, 1},
	{'u', "max user processes", "", kernel.RlimitNproc, 1}, {'v', "virtual memory", "kbytes", kernel.RlimitAS, 1024}, {'x', "file locks", "", kernel.RlimitLocks, 1},
}

func bUlimit(s *Shell, args []string) {
	rest := args[1:]
	hard, soft, all := false, false, false
	which := byte('f')
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		for i := 1; i < len(rest[0]); i++ {
			switch c := rest[0][i]; c {
			case 'H':
				hard = true
			case 'S':
				soft = true
			case 'a':
				all = true
			default:
				which = c
			}
		}
		rest = rest[1:]
	}
	show := func(v, div uint64) string {
		if v == kernel.Infinity {
			return "unlimited"
		}
		return strconv.FormatUint(v/div, 10)
	}
	if all {
		for _, u := range ulimits {
			l := s.t.Getrlimit(u.res)
			v := l.Cur
			if hard {
				v = l.Max
			}
			unit := "(-" + string(u.c) + ")"
			if u.unit != "" {
				unit = "(" + u.unit + ", -" + string(u.c) + ")"
			}
			if s.d == Ash {
				name := u.name
				if w := strings.Replace(u.unit, "kbytes", "kb", 1); w != "" {
					name += " (" + w + ")"
				}
				s.out(fmt.Sprintf("%-31s (-%c) %s\n", name, u.c, show(v, u.div)))
				continue
			}
			s.out(fmt.Sprintf("%-20s%20s %s\n", u.name, unit, show(v, u.div)))
		}
		return
	}
	for _, u := range ulimits {
		if u.c != which {
			continue
		}
		l := s.t.Getrlimit(u.res)
		if len(rest) == 0 {
			v := l.Cur
			if hard {
				v = l.Max
			}
			s.out(show(v, u.div) + "\n")
			return
		}
		var v uint64
		switch rest[0] {
		case "unlimited":
			v = kernel.Infinity
		case "hard":
			v = l.Max
		case "soft":
			v = l.Cur
		default:
			n, err := strconv.ParseUint(rest[0], 10, 64)
			if err != nil {
				if s.d == Bash {
					s.builtinErr("ulimit", "%s: invalid number", rest[0])
				} else {
					s.errorf("ulimit: bad number")
				}
				s.status = 1
				return
			}
			v = n * u.div
		}
		if !hard && !soft {
			hard, soft = true, true
		}
		if soft {
			l.Cur = v
		}
		if hard {
			l.Max = v
		}
		if err := s.t.Setrlimit(u.res, l); err != nil {
			if s.d == Bash {
				s.builtinErr("ulimit", "%s: cannot modify limit: %s", u.name, errText(err))
			} else {
				s.errorf("ulimit: error setting limit (%s)", errText(err))
			}
			s.status = 1
		}
		return
	}
	if s.d == Bash {
		s.builtinErr("ulimit", "-%c: invalid option", which)
	} else {
		s.errorf("ulimit: Illegal option -%c", which)
	}
	s.status = 2
}

func bUmask(s *Shell, args []string) {
	rest := args[1:]
	sym := false
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		sym = strings.Contains(rest[0], "S")
		rest = rest[1:]
	}
	cur := uint32(s.t.GetUmask())
	if len(rest) == 0 {
		if sym {
			f := func(n uint32) string {
				t := ""
				for i, c := range "rwx" {
					if n&(4>>i) == 0 {
						t += string(c)
					}
				}
				return t
			}
			s.out(fmt.Sprintf("u=%s,g=%s,o=%s\n", f(cur>>6&7), f(cur>>3&7), f(cur&7)))
			return
		}
		s.out(fmt.Sprintf("%04o\n", cur))
		return
	}
	if n, err := strconv.ParseUint(rest[0], 8, 32); err == nil && n <= 0o777 {
		s.t.Umask(vfs.Mode(n))
		return
	}
	perm := ^cur & 0o777
	for _, clause := range strings.Split(rest[0], ",") {
		i := strings.IndexAny(clause, "+-=")
		if i < 0 {
			if s.d == Bash {
				s.builtinErr("umask", "`%c': invalid symbolic mode operator", clause[0])
			} else {
				s.errorf("umask: Illegal mode: %s", rest[0])
			}
			s.status = 1
			return
		}
		var bits uint32
		for _, c := range clause[i+1:] {
			bits |= map[rune]uint32{'r': 4, 'w': 2, 'x': 1}[c]
		}
		who := clause[:i]
		if who == "" || who == "a" {
			who = "ugo"
		}
		for _, c := range who {
			sh := map[rune]uint{'u': 6, 'g': 3, 'o': 0}[c]
			switch clause[i] {
			case '+':
				perm |= bits << sh
			case '-':
				perm &^= bits << sh
			default:
				perm = perm&^(7<<sh) | bits<<sh
			}
		}
	}
	s.t.Umask(vfs.Mode(^perm & 0o777))
}

func bUnset(s *Shell, args []string) {
	rest := args[1:]
	fn, vr := false, false
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		fn = fn || strings.Contains(rest[0], "f")
		vr = vr || strings.Contains(rest[0], "v")
		rest = rest[1:]
	}
	for _, n := range rest {
		if fn {
			delete(s.funcs, n)
			continue
		}
		base, idx, isEl := strings.Cut(n, "[")
		if isEl && strings.HasSuffix(idx, "]") && s.d == Bash {
			v := s.vars[s.resolve(base)]
			idx = strings.TrimSuffix(idx, "]")
			switch {
			case v == nil:
			case v.assoc != nil:
				delete(v.assoc, idx)
				for i, k := range v.keys {
					if k == idx {
						v.keys = append(v.keys[:i], v.keys[i+1:]...)
						break
					}
				}
			case v.arr != nil:
				k := s.arithString(idx)
				if ix := v.indices(); k < 0 && len(ix) > 0 {
					k += int64(ix[len(ix)-1]) + 1
				}
				delete(v.arr, int(k))
			}
			continue
		}
		v, ok := s.vars[n]
		if !ok && !vr && s.d == Bash {
			delete(s.funcs, n)
			continue
		}
		if !validName(n) {
			if s.d == Bash {
				s.builtinErr("unset", "`%s': not a valid identifier", n)
				s.status = 1
			} else {
				s.errorf("unset: %s: bad variable name", n)
				s.fatal(2)
			}
			continue
		}
		if v != nil && v.readonly {
			if s.d == Bash {
				s.builtinErr("unset", "%s: cannot unset: readonly variable", n)
				s.status = 1
			} else {
				s.errorf("unset: %s: is read only", n)
				s.fatal(2)
			}
			continue
		}
		delete(s.vars, s.resolve(n))
		if n == "PATH" {
			clear(s.hash)
		}
	}
}

// reap takes notice of background jobs that ended.
func (s *Shell) reap() {
	for _, j := range s.jobs {
		for _, p := range j.pids {
			if _, ok := j.status[p]; ok {
				continue
			}
			if got, ws, err := s.t.Wait(p, kernel.WNOHANG); err != nil || got == p {
				j.status[p] = ws.Code()
				if err != nil {
					j.status[p] = 127
				} else if p == j.pids[len(j.pids)-1] && ws.Signaled() {
					j.sig = ws.Signal()
				}
			}
		}
		j.done = len(j.status) == len(j.pids)
	}
}

func bJobs(s *Shell, args []string) {
	s.reap()
	pOnly := len(args) > 1 && strings.Contains(args[1], "p")
	long := len(args) > 1 && strings.Contains(args[1], "l")
	cur, prev := s.currentJobs()
	l := append([]*job(nil), s.jobs...)
	sort.SliceStable(l, func(i, j int) bool { return l[i].n < l[j].n })
	if s.d != Bash {
		slices.Reverse(l) // the current one comes first
	}
	var left []*job
	for _, j := range l {
		if pOnly {
			s.out(strconv.Itoa(j.pids[0]) + "\n")
		} else {
			s.out(s.jobLine(j, cur, prev, long))
		}
	}
	for _, j := range s.jobs {
		if !j.done {
			left = append(left, j)
		}
	}
	s.jobs = left
}

func bFg(s *Shell, args []string) {
	spec := "%+"
	if len(args) > 1 {
		spec = args[1]
		if !strings.HasPrefix(spec, "%") {
			spec = "%" + spec
		}
	}
	if !s.opts['m'] && !s.inter {
		s.builtinErr(args[0], "no job control")
		s.status = 1
		return
	}
	j := s.jobSpec(spec)
	if j == nil {
		if s.d == Bash {
			s.builtinErr(args[0], "%s: no such job", strings.TrimPrefix(spec, "%"))
			if len(args) < 2 {
				s.status = 1
			}
		} else {
			s.errorf("%s: No current job", args[0])
		}
		s.status = 1
		return
	}
	if args[0] == "bg" {
		switch s.d {
		case Bash:
			s.out(fmt.Sprintf("[%d]+ %s &\n", j.n, j.text))
		default:
			s.out(fmt.Sprintf("[%d] %s\n", j.n, j.text))
		}
		j.stopped = false
		s.continueJob(j)
		return
	}
	s.out(j.text + "\n")
	j.stopped = false
	if s.jobControl() {
		_ = s.t.Tcsetpgrp(s.ttyFd, j.pgid) // a group that has ended
		s.dropJob(j)
		s.continueJob(j)
		s.waitJob(j, func() string { return j.text })
		return
	}
	s.continueJob(j)
	for _, p := range j.pids {
		s.status = s.waitFor(p)
		j.status[p] = s.status
	}
	j.done, j.told = true, true
	s.dropJob(j)
}

func (s *Shell) dropJob(j *job) {
	for i, x := range s.jobs {
		if x == j {
			s.jobs = append(s.jobs[:i:i], s.jobs[i+1:]...)
			return
		}
	}
}

func bDisown(s *Shell, args []string) { s.jobs = nil }

func bWait(s *Shell, args []string) {
	rest := args[1:]
	next := false
	name := ""
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' && s.d == Bash {
		switch rest[0] {
		case "-n":
			next = true
		case "-p":
			if len(rest) > 1 {
				name = rest[1]
				rest = rest[1:]
			}
		}
		rest = rest[1:]
	}
	// waitOne waits for a background process; it tells whether a trap cut it short.
	waitOne := func(pid int) (int, bool) {
		for {
			_, ws, err := s.t.Wait(pid, 0)
			if err == nil {
				return ws.Code(), false
			}
			if errors.Is(err, vfs.EINTR) {
				if len(s.pending) > 0 {
					sig := s.pending[0]
					s.runTraps()
					return 128 + sig, true
				}
				continue
			}
			return 127, false
		}
	}
	if next {
		for {
			s.reap()
			for _, j := range s.jobs {
				if j.done {
					p := j.pids[len(j.pids)-1]
					s.status = j.status[p]
					if name != "" {
						s.assign(name, strconv.Itoa(p))
					}
					s.dropJob(j)
					return
				}
			}
			if len(s.jobs) == 0 {
				s.status = 127
				return
			}
			pid, ws, err := s.t.Wait(-1, 0)
			if err != nil {
				if errors.Is(err, vfs.EINTR) {
					s.runTraps()
					continue
				}
				s.status = 127
				return
			}
			for _, j := range s.jobs {
				for _, p := range j.pids {
					if p == pid {
						j.status[p] = ws.Code()
					}
				}
			}
		}
	}
	if len(rest) == 0 {
		for _, j := range s.jobs {
			for _, p := range j.pids {
				if _, ok := j.status[p]; ok {
					continue
				}
				n, cut := waitOne(p)
				if cut {
					s.status = n
					return
				}
				j.status[p] = n
			}
		}
		s.jobs = nil
		s.status = 0
		return
	}
	for _, a := range rest {
		j := s.jobSpec(a)
		var pid int
		if j == nil {
			n, err := strconv.Atoi(a)
			if err != nil {
				if strings.HasPrefix(a, "%") {
					s.builtinErr("wait", "%s: no such job", a)
					s.status = 127
				} else if s.d == Bash {
					s.builtinErr("wait", "`%s': not a pid or valid job spec", a)
					s.status = 1
				} else {
					s.errorf("wait: Illegal number: %s", a)
					s.fatal(2)
				}
				continue
			}
			pid = n
			for _, x := range s.jobs {
				for _, p := range x.pids {
					if p == pid {
						j = x
					}
				}
			}
			if j == nil {
				if s.d == Bash {
					s.builtinErr("wait", "pid %d is not a child of this shell", pid)
				}
				s.status = 127
				continue
			}
		} else {
			pid = j.pids[len(j.pids)-1]
		}
		if st, ok := j.status[pid]; ok {
			s.status = st
		} else {
			n, cut := waitOne(pid)
			s.status = n
			if cut {
				return
			}
			j.status[pid] = n
		}
		j.done = true
	}
}
