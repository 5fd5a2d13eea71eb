package program

import (
	"errors"
	"fmt"
	"strings"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// vi is a small vi on a terminal, as busybox's shows itself. vim runs it too.
type vi struct {
	p        *P
	name     string
	lines    []string
	row, col int
	top      int
	dirty    bool
	insert   bool
	msg      string // instead of the status line
	bad      bool   // msg is an error
	yank     []string
	rows     int
	undo     []string
}

const viMax = 4 << 20

func cmdVi(p *P) int {
	var files []string
	for _, a := range p.args {
		if a == "-h" || a == "--help" {
			return p.try(0)
		}
		if !strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "+") {
			files = append(files, a)
		}
	}
	if !p.t.IsTTY(0) || !p.t.IsTTY(1) || p.t.TTY() == nil {
		// Without a terminal there is nobody to edit: vi reads commands until they end.
		p.readAll(p.in)
		return 0
	}
	tty := p.t.TTY()
	old := tty.Termios()
	raw := old
	raw.ICANON, raw.ECHO, raw.ISIG, raw.ICRNL = false, false, false, false
	tty.SetTermios(raw)
	defer tty.SetTermios(old)
	v := &vi{p: p, lines: []string{""}}
	if len(files) > 0 {
		v.name = files[0]
		v.load()
	}
	p.puts("\x1b[?1049h\x1b[999;999H\x1b[6n")
	code := v.loop()
	p.printf("\x1b[%d;1H\x1b[K\x1b[?1049l", v.rows)
	p.out.Flush()
	return code
}

func (v *vi) load() {
	b, err := v.p.t.ReadFile(v.name)
	if err != nil {
		if !errors.Is(err, vfs.ENOENT) {
			v.say(true, "'%s' %s", v.name, text(err))
		}
		return
	}
	v.p.t.Alloc(int64(min(len(b), viMax)))
	s := strings.TrimSuffix(string(b[:min(len(b), viMax)]), "\n")
	v.lines = strings.Split(s, "\n")
}

func (v *vi) say(bad bool, format string, a ...any) { v.msg, v.bad = fmt.Sprintf(format, a...), bad }

func (v *vi) draw() {
	r, c := v.p.t.TTY().Size()
	rows, cols := int(r), int(c)
	if rows < 2 || cols < 8 {
		rows, cols = 24, 80
	}
	v.rows = rows
	v.row = max(0, min(v.row, len(v.lines)-1))
	v.col = max(0, min(v.col, len(v.lines[v.row])))
	if !v.insert && v.col > 0 && v.col == len(v.lines[v.row]) {
		v.col--
	}
	v.top = max(min(v.top, v.row), v.row-rows+2)
	p := v.p
	p.puts("\x1b[H\x1b[J")
	for i := range rows - 1 {
		p.printf("\x1b[%d;1H", i+1)
		if v.top+i < len(v.lines) {
			l := strings.ReplaceAll(v.lines[v.top+i], "\t", "        ")
			p.puts(strings.Map(func(r rune) rune {
				if r < 32 || r == 127 {
					return '.'
				}
				return r
			}, l[:min(len(l), cols)]))
		} else {
			p.puts("~")
		}
	}
	v.status()
}

func (v *vi) status() {
	mode, name, mod := "-", v.name, ""
	if v.insert {
		mode = "I"
	}
	if name == "" {
		name = "No file"
	}
	if v.dirty {
		mod = " [Modified]"
	}
	line := fmt.Sprintf("%s %s%s %d/%d %d%%", mode, name, mod, v.row+1, len(v.lines), 100*(v.row+1)/len(v.lines))
	if v.msg != "" {
		line = v.msg
		if v.bad {
			line = "\x1b[7m" + line + "\x1b[m"
		}
		v.msg, v.bad = "", false
	}
	col := 1
	for _, c := range v.lines[v.row][:v.col] {
		if c == '\t' {
			col += 8
		} else {
			col++
		}
	}
	v.p.printf("\x1b[%d;1H\x1b[K%s\x1b[%d;%dH", v.rows, line, v.row-v.top+1, col)
	v.p.out.Flush()
}

// key reads a key; arrows and their like come as the letters that do the same.
func (v *vi) key() (rune, bool) {
	for {
		var b [1]byte
		n, err := v.p.t.Read(0, b[:])
		if errors.Is(err, vfs.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return 0, false
		}
		if b[0] != 27 {
			return rune(b[0]), true
		}
		fds := []kernel.PollFd{{Fd: 0, Read: true}}
		if n, _ := v.p.t.PollFds(fds, 50e6); n == 0 {
			return 27, true
		}
		_, _ = v.p.t.Read(0, b[:]) // what poll has seen
		if b[0] != '[' && b[0] != 'O' {
			return 27, true
		}
		arg := ""
		for {
			if n, err := v.p.t.Read(0, b[:]); err != nil || n == 0 {
				return 0, false
			}
			if b[0] >= '0' && b[0] <= '9' || b[0] == ';' {
				arg += string(b[0])
				continue
			}
			break
		}
		switch {
		case b[0] == 'A':
			return 0x100 + 'k', true
		case b[0] == 'B':
			return 0x100 + 'j', true
		case b[0] == 'C':
			return 0x100 + 'l', true
		case b[0] == 'D':
			return 0x100 + 'h', true
		case b[0] == 'H', b[0] == '~' && (arg == "1" || arg == "7"):
			return 0x100 + '0', true
		case b[0] == 'F', b[0] == '~' && (arg == "4" || arg == "8"):
			return 0x100 + '$', true
		case b[0] == '~' && arg == "3":
			return 0x100 + 'x', true
		}
	}
}

func (v *vi) loop() int {
	for {
		v.draw()
		k, ok := v.key()
		if !ok {
			return 1
		}
		if k >= 0x100 {
			v.command(k - 0x100)
			continue
		}
		if v.insert {
			v.typed(k)
			continue
		}
		switch k {
		case ':':
			if v.colon() {
				v.draw()
				return 0
			}
		case 'Z':
			if k2, _ := v.key(); k2 == 'Z' {
				if !v.dirty || v.write(v.name) {
					return 0
				}
			}
		default:
			v.command(k)
		}
	}
}

func (v *vi) save() { v.undo = append([]string(nil), v.lines...) }

func (v *vi) typed(k rune) {
	l := v.lines[v.row]
	switch {
	case k == 27:
		v.insert = false
		v.col = max(0, v.col-1)
	case k == '\r' || k == '\n':
		v.dirty = true
		v.lines[v.row] = l[:v.col]
		v.lines = append(v.lines[:v.row+1], append([]string{l[v.col:]}, v.lines[v.row+1:]...)...)
		v.row, v.col = v.row+1, 0
	case k == 8 || k == 127:
		if v.col > 0 {
			v.dirty = true
			v.lines[v.row] = l[:v.col-1] + l[v.col:]
			v.col--
		} else if v.row > 0 {
			v.dirty = true
			v.col = len(v.lines[v.row-1])
			v.lines[v.row-1] += l
			v.lines = append(v.lines[:v.row], v.lines[v.row+1:]...)
			v.row--
		}
	case k >= 32 || k == '\t':
		v.dirty = true
		v.p.t.Alloc(1)
		v.lines[v.row] = l[:v.col] + string([]byte{byte(k)}) + l[v.col:]
		v.col++
	}
}

func (v *vi) command(k rune) {
	n := 0
	for k >= '1' && k <= '9' || n > 0 && k == '0' {
		n = min(n*10+int(k-'0'), 1e6)
		k, _ = v.key()
	}
	times := max(1, n)
	v.col = max(0, min(v.col, len(v.lines[v.row])))
	l := v.lines[v.row]
	begin := func() { v.save(); v.insert = true }
	switch k {
	case 'h':
		v.col = max(0, v.col-times)
	case 'l', ' ':
		v.col = min(len(l), v.col+times)
	case 'k':
		v.row -= times
	case 'j', '\r', '\n':
		v.row += times
	case '0':
		v.col = 0
	case '^':
		v.col = len(l) - len(strings.TrimLeft(l, " \t"))
	case '$':
		v.col = len(l)
	case 'G':
		v.row = len(v.lines) - 1
		if n > 0 {
			v.row = n - 1
		}
	case 'g':
		if k2, _ := v.key(); k2 == 'g' {
			v.row = 0
		}
	case 6:
		v.row += v.rows - 3
	case 2:
		v.row -= v.rows - 3
	case 'w':
		i := v.col
		for i < len(l) && l[i] != ' ' {
			i++
		}
		for i < len(l) && l[i] == ' ' {
			i++
		}
		v.col = i
	case 'b':
		i := v.col
		for i > 0 && l[i-1] == ' ' {
			i--
		}
		for i > 0 && l[i-1] != ' ' {
			i--
		}
		v.col = i
	case 'i':
		begin()
	case 'I':
		begin()
		v.col = 0
	case 'a':
		begin()
		v.col = min(len(l), v.col+1)
	case 'A':
		begin()
		v.col = len(l)
	case 'o', 'O':
		begin()
		at := v.row
		if k == 'o' {
			at++
		}
		v.lines = append(v.lines[:at], append([]string{""}, v.lines[at:]...)...)
		v.row, v.col, v.dirty = at, 0, true
	case 'x':
		if v.col < len(l) {
			v.save()
			v.lines[v.row] = l[:v.col] + l[min(len(l), v.col+times):]
			v.dirty = true
		}
	case 'D':
		v.save()
		v.lines[v.row], v.dirty = l[:v.col], true
	case 'd':
		if k2, _ := v.key(); k2 == 'd' {
			v.save()
			end := min(len(v.lines), v.row+times)
			v.yank = append([]string(nil), v.lines[v.row:end]...)
			chars := 0
			for _, y := range v.yank {
				chars += len(y) + 1
			}
			v.lines = append(v.lines[:v.row], v.lines[end:]...)
			if len(v.lines) == 0 {
				v.lines = []string{""}
			}
			v.dirty = true
			v.say(false, "Delete %d lines (%d chars) from [D]", len(v.yank), chars)
		}
	case 'y':
		if k2, _ := v.key(); k2 == 'y' {
			v.yank = append([]string(nil), v.lines[v.row:min(len(v.lines), v.row+times)]...)
		}
	case 'p', 'P':
		if len(v.yank) > 0 && len(v.lines) < 1<<20 {
			v.save()
			at := v.row
			if k == 'p' {
				at++
			}
			v.lines = append(v.lines[:at], append(append([]string(nil), v.yank...), v.lines[at:]...)...)
			v.row, v.dirty = at, true
		}
	case 'u':
		if v.undo != nil {
			v.lines, v.undo = v.undo, v.lines
		}
	case 27, 12, 0:
	case '/':
		what, ok := v.prompt("/")
		if !ok || what == "" {
			return
		}
		for i := 1; i <= len(v.lines); i++ {
			r := (v.row + i) % len(v.lines)
			if c := strings.Index(v.lines[r], what); c >= 0 {
				v.row, v.col = r, c
				return
			}
		}
		v.say(true, "Pattern not found")
	default:
		v.p.unknown("vi key", string(k))
		v.say(true, "'%c' is not implemented", k)
	}
}

// prompt reads a line at the bottom.
func (v *vi) prompt(first string) (string, bool) {
	s := ""
	for {
		v.p.printf("\x1b[%d;1H\x1b[K%s%s", v.rows, first, s)
		v.p.out.Flush()
		k, ok := v.key()
		switch {
		case !ok || k == 27:
			return "", false
		case k == '\r' || k == '\n':
			return s, true
		case k == 8 || k == 127:
			if s == "" {
				return "", false
			}
			s = s[:len(s)-1]
		case k >= 32 && k < 0x100 && len(s) < 4096:
			s += string([]byte{byte(k)})
		}
	}
}

func (v *vi) write(name string) bool {
	if name == "" {
		v.say(true, "No current filename")
		return false
	}
	b := []byte(strings.Join(v.lines, "\n") + "\n")
	if err := v.p.t.WriteFile(name, b, 0o666&^v.p.t.GetUmask()); err != nil {
		v.say(true, "'%s' %s", name, text(err))
		return false
	}
	if name == v.name || v.name == "" {
		v.name, v.dirty = name, false
	}
	v.say(false, "'%s' %dL, %dC", name, len(v.lines), len(b))
	return true
}

// colon runs a command of ex; done tells that vi ends.
func (v *vi) colon() (done bool) {
	s, ok := v.prompt(":")
	if !ok {
		return false
	}
	cmd, arg, _ := strings.Cut(strings.TrimSpace(s), " ")
	arg = strings.TrimSpace(arg)
	if arg == "" {
		arg = v.name
	}
	switch cmd {
	case "":
	case "w", "w!":
		v.write(arg)
	case "wq", "wq!", "x", "x!":
		return (cmd[0] == 'x' && !v.dirty) || v.write(arg)
	case "q":
		if v.dirty {
			v.say(true, "No write since last change (:q! overrides)")
			return false
		}
		return true
	case "q!", "qa!":
		return true
	case "e", "e!":
		if v.dirty && cmd == "e" {
			v.say(true, "No write since last change (:e! overrides)")
			return false
		}
		v.name, v.lines, v.dirty, v.row, v.col = arg, []string{""}, false, 0, 0
		v.load()
	case "$":
		v.row = len(v.lines) - 1
	case "set", "set!":
	default:
		if n := toInt(cmd); n > 0 {
			v.row = int(n) - 1
			return false
		}
		v.p.unknown("vi command", s)
		v.say(true, "'%s' is not implemented", s)
	}
	return false
}
