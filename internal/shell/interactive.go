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
	cut := false
	s.t.Signal(kernel.SIGINT, kernel.Disposition{Kind: kernel.Handle, Handler: func(kernel.Signal) { cut = true }})
	s.t.Signal(kernel.SIGQUIT, kernel.Disposition{Kind: kernel.Ignore})
	s.t.Signal(kernel.SIGTERM, kernel.Disposition{Kind: kernel.Ignore})
	s.t.Signal(kernel.SIGTSTP, kernel.Disposition{Kind: kernel.Ignore})
	var buf []byte
	for s.ctl != ctlExit {
		s.ctl = ctlNone
		s.tellJobs()
		ps := s.get("PS1")
		if len(buf) > 0 {
			ps = s.get("PS2")
		}
		s.puts(2, s.prompt(ps))
		line, err := s.readLine()
		if cut {
			cut = false
			s.puts(2, "\n")
			buf = nil
			s.status = 130
			continue
		}
		if err != nil && len(line) == 0 {
			if errors.Is(err, vfs.EIO) || len(buf) == 0 {
				if s.d == Bash {
					s.puts(2, "exit\n")
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
		if perr != nil && syntax.IsIncomplete(perr) && err == nil {
			continue
		}
		s.hist = append(s.hist, text)
		if len(s.hist) > 500 {
			s.hist = s.hist[1:]
		}
		s.t.NoteCode(string(buf))
		if perr != nil {
			s.syntaxError(string(buf), perr)
		} else {
			s.stmts(f.Stmts)
		}
		buf = nil
	}
	return s.finish()
}

func (s *Shell) tellJobs() {
	if len(s.jobs) == 0 {
		return
	}
	s.reap()
	var left []*job
	for i, j := range s.jobs {
		if !j.done {
			left = append(left, j)
			continue
		}
		mark := " "
		if i == len(s.jobs)-1 {
			mark = "+"
		}
		state := "Done"
		if c := j.status[j.pids[len(j.pids)-1]]; c != 0 {
			state = fmt.Sprintf("Exit %d", c)
		}
		s.puts(2, fmt.Sprintf("[%d]%s  %-24s%s\n", j.n, mark, state, j.text))
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
