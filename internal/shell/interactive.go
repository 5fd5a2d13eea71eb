package shell

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// interactive is the loop of a shell at a terminal. The terminal's own line
// editing (erase, kill, end of file) is the line discipline's.
func (s *Shell) interactive() int {
	s.inter = true
	s.opts['i'], s.opts['m'] = true, true
	if s.d == Bash {
		s.shopt["expand_aliases"] = true
		s.name = "bash"
		if !s.login {
			s.sourceIf("/etc/bash.bashrc")
			s.sourceIf(s.get("HOME") + "/.bashrc")
		}
		if s.get("PS1") == `\s-\v\$ ` && s.t.Creds().EUID == 0 {
			s.set1("PS1", `\u@\h:\w\$ `)
			if _, err := s.t.Stat("/etc/debian_version"); err != nil {
				s.set1("PS1", `\s-\v\$ `)
			}
		}
	} else if s.t.Creds().EUID != 0 && s.d == Dash {
		s.set1("PS1", "$ ")
	}
	if env := s.get("ENV"); env != "" && s.d != Bash {
		s.sourceIf(env)
	}
	// Ctrl-C gives a new prompt; terminal stops are for the jobs.
	s.t.Signal(kernel.SIGINT, kernel.Disposition{Kind: kernel.Handle, Handler: func(kernel.Signal) { s.intr = true }})
	for _, sig := range jobSignals {
		if sig != kernel.SIGINT {
			s.t.Signal(sig, kernel.Disposition{Kind: kernel.Ignore})
		}
	}
	s.ttyFd = -1
	if s.t.TTY() != nil && s.t.IsTTY(0) {
		at := 10
		if s.d == Bash {
			at = 255
		}
		if fd, err := s.t.Dup(0, at); err == nil {
			s.ttyFd = fd
			_ = s.t.SetCloexec(fd, true) // it was opened just now
		}
	}
	editing := s.d != Dash && s.ttyFd >= 0 && s.t.IsTTY(2) && s.get("TERM") != "dumb"
	s.loadHistory()
	var buf []byte
	for s.ctl != ctlExit {
		s.ctl = ctlNone
		s.tellJobs()
		ps := s.get("PS1")
		if len(buf) > 0 {
			ps = s.get("PS2")
		}
		var line []byte
		var err error
		s.intr = false
		if editing {
			line, err = s.edit(s.prompt(ps))
		} else {
			s.puts(2, s.prompt(ps))
			line, err = s.readLine()
		}
		if s.intr || errors.Is(err, errCut) {
			if s.intr {
				s.puts(2, "\n")
			}
			s.intr = false
			buf = nil
			s.status = 130
			continue
		}
		if err != nil && len(line) == 0 {
			if errors.Is(err, vfs.EIO) || len(buf) == 0 {
				if s.d == Bash {
					s.puts(2, "exit\n")
				}
				if !errors.Is(err, vfs.EIO) && s.t.TTY() != nil && !s.mayLeave() {
					continue
				}
				break
			}
		}
		s.line++
		buf = append(buf, line...)
		text := strings.TrimSpace(string(buf))
		if text == "" {
			buf = nil
			continue
		}
		f, perr := syntax.NewParser(syntax.Variant(s.d.variant())).Parse(strings.NewReader(string(buf)), "")
		incomplete := perr != nil && syntax.IsIncomplete(perr) && err == nil
		// ash keeps each line, bash a command's lines as one.
		switch {
		case s.d != Bash:
			if l := strings.TrimRight(string(line), "\r\n"); strings.TrimSpace(l) != "" {
				s.remember(l)
			}
		case !incomplete:
			s.remember(oneLine(strings.TrimRight(string(buf), "\r\n")))
		}
		if incomplete {
			continue
		}
		s.t.NoteCode(string(buf))
		if text != "exit" && text != "logout" {
			s.warned = false
		}
		if perr != nil {
			s.syntaxError(string(buf), perr)
		} else if ok, bad := s.refused(f.Stmts); bad != nil {
			s.stmts(ok)
			s.refuse(bad)
		} else {
			s.stmts(f.Stmts)
		}
		if s.intr {
			s.puts(2, "\n")
			s.status = 130
		}
		s.takeTTY()
		buf = nil
	}
	if s.d == Bash && len(s.hist) > s.histOld {
		s.appendHistory(s.hist[s.histOld:])
	}
	return s.finish()
}

// oneLine joins the lines of a command for the history, as cmdhist does.
func oneLine(code string) string {
	lines := strings.Split(code, "\n")
	if len(lines) == 1 {
		return code
	}
	if strings.Contains(code, "<<") || strings.Count(code, "\"")%2 == 1 || strings.Count(lines[0], "\"")%2 == 1 || strings.Count(lines[0], "'")%2 == 1 {
		return code
	}
	out := lines[0]
	for _, l := range lines[1:] {
		l = strings.TrimSpace(l)
		t := strings.TrimSpace(out)
		sep := "; "
		for _, w := range []string{"do", "then", "else", "{", "(", "|", "&&", "||", ";", "&", "in"} {
			if t == w || strings.HasSuffix(t, " "+w) || (w == "(" || w == "|" || w == ";" || w == "&") && strings.HasSuffix(t, w) {
				sep = " "
			}
		}
		if strings.HasSuffix(t, "\\") {
			out, sep = strings.TrimSuffix(t, "\\"), ""
		}
		out += sep + l
	}
	return out
}

// jobSignals are those an interactive shell keeps from itself and gives back to
// what it starts.
var jobSignals = []kernel.Signal{kernel.SIGINT, kernel.SIGQUIT, kernel.SIGTERM, kernel.SIGTSTP, kernel.SIGTTIN, kernel.SIGTTOU}

// jobControl tells whether commands get process groups of their own and the
// terminal.
func (s *Shell) jobControl() bool { return s.inter && s.sub == 0 && s.opts['m'] && s.ttyFd >= 0 }

// takeTTY makes the shell the terminal's foreground again.
func (s *Shell) takeTTY() {
	if s.jobControl() {
		_ = s.t.Tcsetpgrp(s.ttyFd, s.t.PGID()) // a terminal that hung up
	}
}

func printed(st *syntax.Stmt) string {
	var sb strings.Builder
	_ = syntax.NewPrinter(syntax.SingleLine(true)).Print(&sb, st)
	return strings.TrimSpace(sb.String())
}

// waitJob waits for a foreground job. One that stops becomes a background job.
func (s *Shell) waitJob(j *job, text func() string) {
	defer s.takeTTY()
	for _, p := range j.pids {
		if _, ok := j.status[p]; ok {
			continue
		}
		for {
			_, ws, err := s.t.Wait(p, kernel.WUNTRACED)
			if errors.Is(err, vfs.EINTR) {
				continue
			}
			if err != nil {
				j.status[p] = 127
				break
			}
			if ws.Stopped() {
				s.stopJob(j, ws.StopSignal(), text())
				return
			}
			j.status[p] = ws.Code()
			if p == j.pids[len(j.pids)-1] && ws.Signaled() {
				j.sig = ws.Signal()
			}
			break
		}
	}
	last := j.pids[len(j.pids)-1]
	s.status = j.status[last]
	switch j.sig {
	case 0, kernel.SIGPIPE:
	case kernel.SIGINT:
		s.puts(2, "\n")
		s.ctl = ctlDiscard // the rest of the line is given up
	default:
		s.puts(2, sigWord(j.sig)+"\n")
	}
}

func (s *Shell) stopJob(j *job, sig kernel.Signal, text string) {
	s.status = 128 + int(sig)
	j.stopped, j.text = true, text
	if j.n == 0 {
		j.n = 1
		for _, x := range s.jobs {
			j.n = max(j.n, x.n+1)
		}
	}
	s.jobs = append(s.jobs, j)
	cur, prev := s.currentJobs()
	line := s.jobLine(j, cur, prev, false)
	if s.d != Ash {
		line = "\n" + line
	}
	s.puts(2, line)
}

func (s *Shell) continueJob(j *job) {
	if j.pgid > 0 && s.jobControl() {
		_ = s.t.Kill(-j.pgid, kernel.SIGCONT) // one that has ended meanwhile
		return
	}
	for _, p := range j.pids {
		_ = s.t.Kill(p, kernel.SIGCONT) // a pipeline's first may have ended
	}
}

// mayLeave tells of stopped jobs, once.
func (s *Shell) mayLeave() bool {
	if s.warned || !s.inter || s.sub > 0 {
		return true
	}
	for _, j := range s.jobs {
		if j.stopped && !j.done {
			s.warned = true
			s.puts(2, map[bool]string{true: "There are stopped jobs.\n", false: "You have stopped jobs.\n"}[s.d == Bash])
			return false
		}
	}
	return true
}

// currentJobs are the jobs marked + and -: stopped ones before running ones, later
// ones before earlier ones.
func (s *Shell) currentJobs() (cur, prev *job) {
	for _, stopped := range []bool{true, false} {
		for i := len(s.jobs) - 1; i >= 0; i-- {
			j := s.jobs[i]
			if (j.stopped && !j.done) != stopped {
				continue
			}
			if cur == nil {
				cur = j
			} else if prev == nil {
				prev = j
			}
		}
	}
	return cur, prev
}

// sigWord is what a shell calls a death by signal.
func sigWord(sig kernel.Signal) string {
	if w := map[kernel.Signal]string{kernel.SIGKILL: "Killed", kernel.SIGTERM: "Terminated", kernel.SIGSEGV: "Segmentation fault", kernel.SIGABRT: "Aborted", kernel.SIGHUP: "Hangup",
		kernel.SIGQUIT: "Quit", kernel.SIGFPE: "Floating point exception", kernel.SIGBUS: "Bus error", kernel.SIGILL: "Illegal instruction", kernel.SIGALRM: "Alarm clock", kernel.SIGINT: "Interrupt"}[sig]; w != "" {
		return w
	}
	return sig.Name()
}

// jobLine is a job as jobs shows it.
func (s *Shell) jobLine(j, cur, prev *job, long bool) string {
	mark := " "
	if j == cur {
		mark = "+"
	} else if j == prev {
		mark = "-"
	}
	state, text := "Running", j.text
	switch c := 0; {
	case j.done:
		state = "Done"
		if len(j.pids) > 0 {
			c = j.status[j.pids[len(j.pids)-1]]
		}
		switch {
		case j.sig != 0:
			state = sigWord(j.sig)
		case c != 0 && s.d == Bash:
			state = fmt.Sprintf("Exit %d", c)
		case c != 0:
			state = fmt.Sprintf("Done(%d)", c)
		}
	case j.stopped:
		state = "Stopped"
	case s.d == Bash:
		text += " &"
	}
	pid := ""
	if long && len(j.pids) > 0 {
		pid = fmt.Sprintf("%d ", j.pids[0])
	}
	if s.d == Bash {
		return fmt.Sprintf("[%d]%s  %s%-24s%s\n", j.n, mark, pid, state, text)
	}
	return fmt.Sprintf("[%d]%s  %s%-27s%s\n", j.n, mark, pid, state, text)
}

// tellJobs tells of background jobs that ended.
func (s *Shell) tellJobs() {
	if len(s.jobs) == 0 {
		return
	}
	s.reap()
	cur, prev := s.currentJobs()
	var left []*job
	for _, j := range s.jobs {
		if !j.done {
			left = append(left, j)
			continue
		}
		s.puts(2, s.jobLine(j, cur, prev, false))
	}
	s.jobs = left
}

// prompt expands PS1's escapes; dash knows none but expands parameters.
func (s *Shell) prompt(p string) string {
	var b strings.Builder
	if s.d == Dash {
		b.WriteString(p)
	} else {
		for i := 0; i < len(p); i++ {
			if p[i] != '\\' || i+1 >= len(p) {
				b.WriteByte(p[i])
				continue
			}
			i++
			switch c := p[i]; c {
			case 'u':
				name := strconv.Itoa(int(s.t.Creds().EUID))
				if u, ok := s.lookupUser(""); ok {
					name = u.Name
				}
				b.WriteString(name)
			case 'h':
				h, _, _ := strings.Cut(s.t.NS().Hostname(), ".")
				b.WriteString(h)
			case 'H':
				b.WriteString(s.t.NS().Hostname())
			case 'w', 'W':
				d := s.get("PWD")
				if h := s.get("HOME"); h != "" && h != "/" && (d == h || strings.HasPrefix(d, h+"/")) {
					d = "~" + d[len(h):]
				}
				if c == 'W' && d != "/" && d != "~" {
					d = path.Base(d)
				}
				b.WriteString(d)
			case '$':
				if s.t.Creds().EUID == 0 {
					b.WriteByte('#')
				} else {
					b.WriteByte('$')
				}
			case 's':
				b.WriteString(path.Base(strings.TrimPrefix(s.arg0, "-")))
			case 'v':
				b.WriteString("5.2")
			case 'V':
				b.WriteString("5.2.15")
			case 'n':
				b.WriteByte('\n')
			case 'r':
				b.WriteByte('\r')
			case 'a':
				b.WriteByte(7)
			case 'e':
				b.WriteByte(27)
			case 't':
				b.WriteString(strftime("%T", s.t.Now()))
			case 'd':
				b.WriteString(strftime("%a %b %d", s.t.Now()))
			case 'A':
				b.WriteString(strftime("%R", s.t.Now()))
			case '!', '#':
				b.WriteString(strconv.Itoa(len(s.hist) + 1))
			case 'j':
				b.WriteString(strconv.Itoa(len(s.jobs)))
			case '[', ']':
			case '\\':
				b.WriteByte('\\')
			default:
				b.WriteByte('\\')
				b.WriteByte(c)
			}
		}
	}
	out := b.String()
	if strings.ContainsAny(out, "$`") {
		w, err := syntax.NewParser(syntax.Variant(s.d.variant())).Document(strings.NewReader(out))
		if err == nil {
			st := s.status
			q := &builder{s: s}
			s.dquote(q, w.Parts)
			q.flush()
			s.status = st
			return joinFields(q.fields)
		}
	}
	return out
}
