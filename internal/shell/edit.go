package shell

import (
	"errors"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// editor is the line editor of a shell at a terminal: busybox's lineedit for ash,
// readline's emacs mode for bash. dash has none. What it writes is what the
// originals write, but for lines that are longer than the terminal is wide.
type editor struct {
	s      *Shell
	prompt string // the last line of the prompt, which is drawn again
	buf    []rune
	pos    int
	at     int    // position in the history; len(hist) is the new line
	kept   string // the new line, while the history is looked through
	out    []byte
	tabs   int // how often Tab came in a row
	killed []rune
}

// errCut is what a line ends with that Ctrl-C gave up.
var errCut = errors.New("cut")

// badByte makes a rune of a byte that is not UTF-8, which encode puts back.
const badByte = utf8.MaxRune + 1

func encode(r []rune) string {
	var b strings.Builder
	for _, c := range r {
		if c >= badByte {
			b.WriteByte(byte(c - badByte))
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}

func decode(s string) []rune {
	var out []rune
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			r = badByte + rune(s[0])
		}
		out = append(out, r)
		s = s[n:]
	}
	return out
}

// edit shows a prompt and reads a line with the editor, its newline with it.
func (s *Shell) edit(prompt string) ([]byte, error) {
	tty := s.t.TTY()
	e := &editor{s: s, prompt: prompt[strings.LastIndexByte(prompt, '\n')+1:], at: len(s.hist)}
	old := tty.Termios()
	raw := old
	raw.ICANON, raw.ECHO, raw.VINTR = false, false, 0
	tty.SetTermios(raw)
	defer tty.SetTermios(old)
	if s.bracketed() {
		e.put("\x1b[?2004h")
	}
	e.put(prompt)
	if s.d == Ash {
		if more, _ := s.pollRead(0, 0); !more { // it asks where the cursor is when nothing was typed ahead
			e.put("\x1b[6n")
		}
	}
	err := e.loop()
	e.flush()
	line := encode(e.buf)
	if err == nil {
		line += "\n"
	}
	return []byte(line), err
}

// bracketed tells whether bash has the terminal mark what is pasted.
func (s *Shell) bracketed() bool {
	term := s.get("TERM")
	return s.d == Bash && term != "" && term != "dumb"
}

func (e *editor) put(s string) { e.out = append(e.out, s...) }
func (e *editor) flush() {
	if len(e.out) > 0 {
		_ = e.s.puts(2, string(e.out)) // a terminal that went away ends the read
		e.out = e.out[:0]
	}
}

func (e *editor) readByte() (byte, error) {
	var b [1]byte
	for {
		if len(e.out) > 0 {
			if more, _ := e.s.pollRead(0, 0); !more || len(e.out) > 4096 {
				e.flush()
			}
		}
		n, err := e.s.t.Read(0, b[:])
		if errors.Is(err, vfs.EINTR) {
			e.s.runTraps()
			if e.s.ctl != ctlNone {
				return 0, io.EOF
			}
			continue
		}
		if err == nil && n == 0 {
			err = io.EOF
		}
		return b[0], err
	}
}

func (e *editor) loop() error {
	bash := e.s.d == Bash
	for {
		c, err := e.readByte()
		if err != nil {
			return err
		}
		if c != '\t' {
			e.tabs = 0
		}
		switch c {
		case '\r', '\n':
			if !bash {
				e.end()
			}
			e.put("\n")
			if e.s.bracketed() {
				e.put("\x1b[?2004l\r")
			}
			return nil
		case 3:
			e.put("^C")
			if e.s.bracketed() {
				e.put("\x1b[?2004l\r\x1b[?2004h\x1b[?2004l\r")
				e.put("\n")
			} else {
				e.put("\n")
			}
			return errCut
		case 4:
			if len(e.buf) == 0 {
				if e.s.bracketed() {
					e.put("\x1b[?2004l\r")
				}
				e.put("\n")
				return io.EOF
			}
			e.del()
		case 1:
			e.home()
		case 2:
			e.left()
		case 5:
			e.end()
		case 6:
			e.right()
		case 8, 127:
			e.backspace()
		case '\t':
			e.tabs++
			e.complete()
		case 11:
			if e.pos < len(e.buf) || !bash {
				e.killed = append([]rune(nil), e.buf[e.pos:]...)
				e.buf = e.buf[:e.pos]
				e.put(map[bool]string{true: "\x1b[K", false: "\x1b[J"}[bash])
			}
		case 12:
			e.put(map[bool]string{true: "\x1b[H\x1b[2J", false: "\x1b[H\x1b[J"}[bash])
			e.redraw()
		case 14:
			e.history(1)
		case 16:
			e.history(-1)
		case 21:
			e.killBack(0)
		case 23:
			i := e.pos
			for i > 0 && e.buf[i-1] == ' ' {
				i--
			}
			for i > 0 && e.buf[i-1] != ' ' {
				i--
			}
			e.killBack(i)
		case 25:
			for _, r := range e.killed {
				e.insert(r)
			}
		case 27:
			if err := e.escape(); err != nil {
				return err
			}
		default:
			if c < 32 {
				continue
			}
			e.insert(e.rest(c))
		}
	}
}

// rest reads what belongs to a character of more than one byte.
func (e *editor) rest(c byte) rune {
	n := 0
	switch {
	case c < 0xc0:
	case c < 0xe0:
		n = 1
	case c < 0xf0:
		n = 2
	case c < 0xf8:
		n = 3
	}
	b := []byte{c}
	for ; n > 0; n-- {
		x, err := e.readByte()
		if err != nil {
			break
		}
		b = append(b, x)
	}
	r := decode(string(b))
	for _, x := range r[:len(r)-1] {
		e.insert(x)
	}
	return r[len(r)-1]
}

func (e *editor) escape() error {
	c, err := e.readByte()
	if err != nil {
		return err
	}
	if c != '[' && c != 'O' {
		switch c {
		case 'b':
			e.wordLeft()
		case 'f':
			e.wordRight()
		case 'd':
			i := e.nextWord()
			for n := i - e.pos; n > 0; n-- {
				e.del()
			}
		case 127, 8:
			e.killBack(e.prevWord())
		}
		return nil
	}
	var arg []byte
	for {
		if c, err = e.readByte(); err != nil {
			return err
		}
		if c >= '0' && c <= '9' || c == ';' || c == '?' {
			if len(arg) < 32 {
				arg = append(arg, c)
			}
			continue
		}
		break
	}
	word := strings.HasSuffix(string(arg), ";5") || strings.HasSuffix(string(arg), ";3")
	switch c {
	case 'A':
		e.history(-1)
	case 'B':
		e.history(1)
	case 'C':
		if word {
			e.wordRight()
		} else {
			e.right()
		}
	case 'D':
		if word {
			e.wordLeft()
		} else {
			e.left()
		}
	case 'H':
		e.home()
	case 'F':
		e.end()
	case '~':
		switch string(arg) {
		case "1", "7":
			e.home()
		case "4", "8":
			e.end()
		case "3":
			e.del()
		case "200":
			return e.pasted()
		}
	}
	return nil // the terminal's answer to where the cursor is, and keys without a meaning
}

// pasted takes what a terminal marks as pasted: newlines in it end no line.
func (e *editor) pasted() error {
	var b []byte
	for !strings.HasSuffix(string(b), "\x1b[201~") && len(b) < 64<<10 {
		c, err := e.readByte()
		if err != nil {
			return err
		}
		if c == '\r' {
			c = '\n'
		}
		b = append(b, c)
	}
	text := strings.TrimSuffix(string(b), "\x1b[201~")
	r := decode(text)
	e.buf = append(e.buf[:e.pos:e.pos], append(r, e.buf[e.pos:]...)...)
	e.put("\x1b[7m" + text + "\x1b[27m")
	e.pos += len(r)
	if tail := e.buf[e.pos:]; len(tail) > 0 {
		e.put(encode(tail))
		e.back(len(tail))
	}
	return nil
}

// back moves the cursor n columns to the left.
func (e *editor) back(n int) {
	switch {
	case n <= 0:
	case n <= 4:
		e.put(strings.Repeat("\b", n))
	case e.s.d == Bash && n > len([]rune(e.prompt))+e.pos:
		e.put("\r" + e.prompt + encode(e.buf[:e.pos]))
	case e.s.d == Bash:
		e.put(strings.Repeat("\b", n))
	default:
		e.put(fmt.Sprintf("\x1b[%dD", n))
	}
}

func (e *editor) insert(r rune) {
	if len(e.buf) >= 64<<10 {
		return
	}
	e.buf = append(e.buf, 0)
	copy(e.buf[e.pos+1:], e.buf[e.pos:])
	e.buf[e.pos] = r
	e.pos++
	rest := e.buf[e.pos:]
	switch {
	case e.s.d == Bash && len(rest) > 1:
		e.put("\x1b[1@" + encode([]rune{r}))
	default:
		e.put(encode([]rune{r}) + encode(rest))
		e.back(len(rest))
	}
}

// del deletes what is under the cursor.
func (e *editor) del() {
	if e.pos >= len(e.buf) {
		if e.s.d == Bash {
			e.put("\a")
		}
		return
	}
	e.buf = append(e.buf[:e.pos], e.buf[e.pos+1:]...)
	rest := e.buf[e.pos:]
	switch {
	case e.s.d != Bash:
		e.put(encode(rest) + "\x1b[J")
		e.back(len(rest))
	case len(rest) == 0:
		e.put("\x1b[K")
	default:
		e.put("\x1b[1P" + encode(rest))
		e.back(len(rest))
	}
}

func (e *editor) backspace() {
	if e.pos == 0 {
		if e.s.d == Bash {
			e.put("\a")
		}
		return
	}
	if e.s.d == Bash && e.pos == len(e.buf) {
		e.pos--
		e.buf = e.buf[:e.pos]
		e.put("\b\x1b[K")
		return
	}
	e.pos--
	e.put("\b")
	if e.pos == len(e.buf)-1 {
		e.buf = e.buf[:e.pos]
		e.put("\x1b[J")
		return
	}
	e.del()
}

// killBack deletes from position i up to the cursor.
func (e *editor) killBack(i int) {
	n := e.pos - i
	if n == 0 {
		if e.s.d == Bash {
			e.put("\a")
		}
		return
	}
	e.killed = append([]rune(nil), e.buf[i:e.pos]...)
	if e.s.d != Bash && i > 0 {
		for ; n > 0; n-- {
			e.backspace()
		}
		return
	}
	e.buf = append(e.buf[:i], e.buf[e.pos:]...)
	e.pos = i
	if e.s.d != Bash {
		e.redraw()
		return
	}
	e.back(n)
	if rest := e.buf[e.pos:]; len(rest) > 0 {
		e.put(fmt.Sprintf("\x1b[%dP", n) + encode(rest))
		e.back(len(rest))
	} else {
		e.put("\x1b[K")
	}
}

func (e *editor) left() {
	if e.pos > 0 {
		e.pos--
		e.put("\b")
	} else if e.s.d == Bash {
		e.put("\a")
	}
}

func (e *editor) right() {
	if e.pos < len(e.buf) {
		e.put(encode(e.buf[e.pos : e.pos+1]))
		e.pos++
	} else if e.s.d == Bash {
		e.put("\a")
	}
}

func (e *editor) home() {
	n := e.pos
	e.pos = 0
	e.back(n)
}

func (e *editor) end() {
	e.put(encode(e.buf[e.pos:]))
	e.pos = len(e.buf)
}

func isWord(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127 || r == '_'
}

func (e *editor) prevWord() int {
	i := e.pos
	for i > 0 && !isWord(e.buf[i-1]) {
		i--
	}
	for i > 0 && isWord(e.buf[i-1]) {
		i--
	}
	return i
}

func (e *editor) nextWord() int {
	i := e.pos
	for i < len(e.buf) && !isWord(e.buf[i]) {
		i++
	}
	for i < len(e.buf) && isWord(e.buf[i]) {
		i++
	}
	return i
}

func (e *editor) wordLeft() {
	i := e.prevWord()
	n := e.pos - i
	e.pos = i
	e.back(n)
}

func (e *editor) wordRight() {
	i := e.nextWord()
	e.put(encode(e.buf[e.pos:i]))
	e.pos = i
}

// redraw writes prompt and line again, and the cursor back to where it is.
func (e *editor) redraw() {
	if e.s.d == Bash {
		e.put(e.prompt + encode(e.buf))
	} else {
		e.put("\r" + e.prompt + encode(e.buf) + "\x1b[J")
	}
	e.back(len(e.buf) - e.pos)
}

// history goes to another line of the history.
func (e *editor) history(by int) {
	hist := e.s.hist
	to := e.at + by
	if to < 0 || to > len(hist) {
		e.put("\a")
		if e.s.d != Bash && by < 0 {
			e.put("\a") // both get_previous_history and its caller beep
		}
		return
	}
	if e.at == len(hist) {
		e.kept = encode(e.buf)
	}
	e.at = to
	line := e.kept
	if to < len(hist) {
		line = hist[to]
	}
	had := len(e.buf)
	e.buf = decode(line)
	e.pos = len(e.buf)
	if e.s.d != Bash {
		e.redraw()
		return
	}
	if had > 0 {
		e.put("\r" + e.prompt)
	}
	e.put(line)
	if had > len(e.buf) || had > 0 {
		e.put("\x1b[K")
	}
}

// complete is Tab.
func (e *editor) complete() {
	bash := e.s.d == Bash
	start := e.pos
	for start > 0 && !strings.ContainsRune(" \t;|&()<>=\"'`", e.buf[start-1]) {
		start--
	}
	word := encode(e.buf[start:e.pos])
	before := strings.TrimRight(encode(e.buf[:start]), " \t")
	first := before == "" || strings.ContainsAny(before[len(before)-1:], ";|&(`")
	if bash && word == "" && first {
		e.put("\a")
		return
	}
	l := e.candidates(word, first, !bash && strings.HasSuffix(before, "cd") && len(before) == 2)
	if len(l) == 0 {
		e.put("\a")
		return
	}
	common := l[0]
	for _, c := range l[1:] {
		for !strings.HasPrefix(c, common) {
			common = common[:len(common)-1]
		}
	}
	dir := ""
	if i := strings.LastIndexByte(word, '/'); i >= 0 {
		dir = word[:i+1]
	}
	add := strings.TrimPrefix(dir+common, word)
	if len(l) == 1 {
		if !strings.HasSuffix(common, "/") {
			add += " "
		}
	} else if add == "" {
		if e.tabs < 2 {
			e.put("\a")
			return
		}
		e.list(l)
		return
	} else {
		e.put("\a")
		e.tabs = 0
	}
	r := decode(add)
	tail := append([]rune(nil), e.buf[e.pos:]...)
	e.buf = append(append(e.buf[:e.pos:e.pos], r...), tail...)
	e.pos += len(r)
	if bash {
		e.put(add + encode(tail))
		e.back(len(tail))
		return
	}
	e.redraw()
}

// list shows what a word can become, in columns.
func (e *editor) list(l []string) {
	width := 0
	for _, c := range l {
		width = max(width, utf8.RuneCountInString(c))
	}
	width += 2
	_, cols := e.s.t.TTY().Size()
	per := max(1, int(max(cols, 20))/width)
	rows := (len(l) + per - 1) / per
	e.put("\n")
	for i := range rows {
		var b strings.Builder
		for j := 0; j < per && i+j*rows < len(l); j++ {
			c := l[i+j*rows]
			b.WriteString(c)
			if j+1 < per && i+(j+1)*rows < len(l) {
				b.WriteString(strings.Repeat(" ", width-utf8.RuneCountInString(c)))
			}
		}
		e.put(b.String() + "\n")
	}
	e.redraw()
}

// candidates are the last parts of the paths, or the commands, that begin as word
// does; directories end in a slash.
func (e *editor) candidates(word string, command, dirsOnly bool) []string {
	s := e.s
	seen := map[string]bool{}
	dir, prefix := "", word
	if i := strings.LastIndexByte(word, '/'); i >= 0 {
		dir, prefix = word[:i+1], word[i+1:]
	}
	if command && dir == "" {
		for n, b := range builtins {
			if b.in&(1<<s.d) != 0 {
				seen[n] = true
			}
		}
		for n := range s.funcs {
			seen[n] = true
		}
		for n := range s.alias {
			seen[n] = true
		}
		for _, d := range strings.Split(s.get("PATH"), ":") {
			l, _ := s.t.ReadDir(d) // a folder of PATH need not be there
			s.t.Tick(int64(len(l)))
			for _, x := range l {
				seen[x.Name] = true
			}
		}
	} else {
		at := dir
		if strings.HasPrefix(at, "~/") {
			at = s.get("HOME") + at[1:]
		}
		if at == "" {
			at = "."
		}
		l, err := s.t.ReadDir(at)
		if err != nil {
			return nil
		}
		s.t.Tick(int64(len(l)))
		for _, x := range l {
			if !strings.HasPrefix(x.Name, prefix) || strings.HasPrefix(x.Name, ".") && prefix == "" {
				continue
			}
			st, err := s.t.Stat(path.Join(at, x.Name))
			switch {
			case err == nil && st.Mode.IsDir():
				seen[x.Name+"/"] = true
			case dirsOnly, command && (err != nil || st.Mode&0o111 == 0):
			default:
				seen[x.Name] = true
			}
		}
	}
	var out []string
	for n := range seen {
		if strings.HasPrefix(n, prefix) && n != "." && n != ".." {
			out = append(out, n)
		}
	}
	sort.Strings(out)
	return out
}

// histFile is where the history is kept, "" where it is not.
func (s *Shell) histFile() string {
	if f := s.get("HISTFILE"); f != "" || s.d == Bash {
		return f
	}
	if h := s.get("HOME"); h != "" && s.d == Ash {
		return path.Join(h, ".ash_history")
	}
	return ""
}

// loadHistory reads the history of earlier shells.
func (s *Shell) loadHistory() {
	if s.d == Bash {
		s.setDefault("HISTFILE", path.Join(s.get("HOME"), ".bash_history"))
		s.setDefault("HISTSIZE", "500")
		s.setDefault("HISTFILESIZE", "500")
	}
	f := s.histFile()
	if f == "" {
		return
	}
	if b, err := s.t.ReadFile(f); err == nil && len(b) < 1<<20 {
		for _, l := range strings.Split(string(b), "\n") {
			if l != "" {
				s.hist = append(s.hist, l)
			}
		}
	}
	if n := len(s.hist); n > 500 {
		s.hist = s.hist[n-500:]
	}
	s.histOld = len(s.hist)
}

// remember keeps a command; ash writes it to its file at once.
func (s *Shell) remember(text string) {
	if c := s.get("HISTCONTROL"); s.d == Bash && c != "" {
		if (strings.Contains(c, "ignorespace") || strings.Contains(c, "ignoreboth")) && strings.HasPrefix(text, " ") {
			return
		}
		if (strings.Contains(c, "ignoredups") || strings.Contains(c, "ignoreboth")) && len(s.hist) > 0 && s.hist[len(s.hist)-1] == text {
			return
		}
	}
	if s.d != Bash && len(s.hist) > 0 && s.hist[len(s.hist)-1] == text {
		return
	}
	s.hist = append(s.hist, text)
	if len(s.hist) > 500 {
		s.hist = s.hist[1:]
		s.histOld = max(0, s.histOld-1)
	}
	if s.d == Ash {
		s.appendHistory([]string{text})
	}
}

func (s *Shell) appendHistory(l []string) {
	f := s.histFile()
	if f == "" || len(l) == 0 {
		return
	}
	fd, err := s.t.Open(f, kernel.O_WRONLY|kernel.O_CREAT|kernel.O_APPEND|kernel.O_CLOEXEC, 0o600)
	if err != nil {
		return
	}
	_ = s.puts(fd, strings.Join(l, "\n")+"\n") // a full disk loses the history, as it does there
	s.t.Close(fd)
}
