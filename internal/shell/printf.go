package shell

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// bPrintf is the builtin printf of each dialect.
func bPrintf(s *Shell, args []string) {
	rest := args[1:]
	name := ""
	if len(rest) > 1 && rest[0] == "-v" && s.d == Bash {
		name, rest = rest[1], rest[2:]
	}
	if len(rest) > 0 && rest[0] == "--" {
		rest = rest[1:]
	}
	if len(rest) == 0 {
		switch s.d {
		case Bash:
			s.puts(2, "printf: usage: printf [-v var] format [arguments]\n")
		case Dash:
			s.errorf("printf: usage: printf format [arg ...]")
		default:
			s.puts(2, "BusyBox v1.36.1 () multi-call binary.\n\nUsage: printf FORMAT [ARG]...\n")
		}
		s.status = 2
		if s.d == Ash {
			s.status = 1
		}
		return
	}
	out, status := s.sprintf(rest[0], rest[1:])
	if name != "" {
		if i := strings.IndexByte(name, '['); i > 0 && strings.HasSuffix(name, "]") {
			s.evalString(name + "=" + "'" + strings.ReplaceAll(out, "'", `'\''`) + "'")
		} else {
			s.assign(name, out)
		}
		s.status = status
		return
	}
	if err := s.puts(1, out); err != nil {
		if s.d != Ash { // that says nothing
			s.builtinErr("printf", "write error: %s", errText(err))
		}
		status = 1
	}
	s.status = status
}

// sprintf formats as printf(1) does: the format is used again while arguments
// are left.
func (s *Shell) sprintf(format string, args []string) (string, int) {
	var b strings.Builder
	status := 0
	used := 0
	next := func() (string, bool) {
		if used < len(args) {
			used++
			return args[used-1], true
		}
		used++
		return "", false
	}
	for round := 0; ; round++ {
		start := used
		for i := 0; i < len(format); i++ {
			if b.Len() > maxValue {
				return b.String(), 1
			}
			switch format[i] {
			case '\\':
				j := i + 1
				for j < len(format) && j < i+11 && format[j] != '%' {
					j++
				}
				t, n, stop := s.printfEscape(format[i:])
				b.WriteString(t)
				if stop {
					return b.String(), status
				}
				i += n - 1
			case '%':
				if i+1 < len(format) && format[i+1] == '%' {
					b.WriteByte('%')
					i++
					continue
				}
				j := i + 1
				flags := ""
				for j < len(format) && strings.IndexByte("-+ #0'", format[j]) >= 0 {
					flags += string(format[j])
					j++
				}
				num := func() string {
					if j < len(format) && format[j] == '*' {
						j++
						v, _ := next()
						return v
					}
					k := j
					for j < len(format) && format[j] >= '0' && format[j] <= '9' {
						j++
					}
					return format[k:j]
				}
				width := num()
				prec, hasPrec := "", false
				if j < len(format) && format[j] == '.' {
					j++
					prec = num()
					hasPrec = true
				}
				timeFmt := ""
				if j < len(format) && format[j] == '(' && s.d == Bash {
					if k := strings.IndexByte(format[j:], ')'); k > 0 {
						timeFmt = format[j+1 : j+k]
						j += k + 1
					}
				}
				for j < len(format) && strings.IndexByte("hlLjzt", format[j]) >= 0 {
					j++
				}
				if j >= len(format) {
					s.builtinErr("printf", "`%s': missing format character", format[i:])
					return b.String(), 1
				}
				verb := format[j]
				text, ok, st, stop := s.conversion(verb, flags, prec, hasPrec, timeFmt, next)
				if st != 0 {
					status = st
				}
				if !ok {
					switch s.d {
					case Bash:
						s.builtinErr("printf", "`%c': invalid format character", verb)
					case Dash:
						s.errorf("printf: %%%c: invalid directive", verb)
					default:
						s.puts(2, s.name+": "+format[i:]+": invalid format\n")
					}
					return b.String(), 1
				}
				w, _ := strconv.Atoi(width)
				if w > 1<<20 {
					w = 1 << 20
				}
				left := strings.Contains(flags, "-")
				if w < 0 {
					left, w = true, -w
				}
				n := len(text)
				if verb == 's' || verb == 'b' || verb == 'q' {
					n = utf8.RuneCountInString(text)
					if s.d == Dash {
						n = len(text)
					}
				}
				pad := max(0, w-n)
				switch {
				case left:
					b.WriteString(text + strings.Repeat(" ", pad))
				case strings.Contains(flags, "0") && strings.IndexByte("diouxXeEfFgG", verb) >= 0 && !(hasPrec && strings.IndexByte("diouxX", verb) >= 0):
					sign := ""
					if text != "" && strings.IndexByte("+- ", text[0]) >= 0 {
						sign, text = text[:1], text[1:]
					}
					if strings.HasPrefix(text, "0x") || strings.HasPrefix(text, "0X") {
						sign, text = sign+text[:2], text[2:]
					}
					b.WriteString(sign + strings.Repeat("0", pad) + text)
				default:
					b.WriteString(strings.Repeat(" ", pad) + text)
				}
				if stop {
					return b.String(), status
				}
				i = j
			default:
				b.WriteByte(format[i])
			}
		}
		if used >= len(args) || used == start {
			return b.String(), status
		}
	}
}

// printfEscape decodes one escape of a format: \NNN has no leading zero there, and
// only ash ends the output at \c.
func (s *Shell) printfEscape(v string) (string, int, bool) {
	if len(v) < 2 {
		return `\`, 1, false
	}
	switch c := v[1]; c {
	case '0', '1', '2', '3', '4', '5', '6', '7':
		n, k := 0, 1
		for k < 4 && k < len(v) && v[k] >= '0' && v[k] <= '7' {
			n = n*8 + int(v[k]-'0')
			k++
		}
		return string([]byte{byte(n)}), k, false
	case '"', '\'', '?':
		if s.d == Bash {
			return string(c), 2, false
		}
		return v[:2], 2, false
	case 'c':
		return map[bool]string{false: `\c`}[s.d == Ash], 2, s.d == Ash
	}
	k := 2
	switch v[1] {
	case 'x':
		for k < len(v) && k < 4 && isHex(v[k]) {
			k++
		}
	case 'u':
		for k < len(v) && k < 6 && isHex(v[k]) {
			k++
		}
	case 'U':
		for k < len(v) && k < 10 && isHex(v[k]) {
			k++
		}
	}
	if k == 2 && s.d == Bash && strings.IndexByte("xuU", v[1]) >= 0 {
		what := map[byte]string{'x': "hex digit for \\x"}[v[1]]
		if what == "" {
			what = "unicode digit for \\" + v[1:2]
		}
		s.errorf("printf: missing %s", what)
	}
	t, _ := unescape(v[:k], s.d, inPrintf)
	return t, k, false
}

func (s *Shell) conversion(verb byte, flags, prec string, hasPrec bool, timeFmt string, next func() (string, bool)) (text string, ok bool, status int, stop bool) {
	p := -1
	if hasPrec {
		p, _ = strconv.Atoi(prec)
		p = min(p, 1<<20)
	}
	trunc := func(v string) string {
		if p >= 0 {
			if s.d == Dash {
				return v[:min(p, len(v))]
			}
			r := []rune(v)
			return string(r[:min(p, len(r))])
		}
		return v
	}
	switch verb {
	case 's':
		v, _ := next()
		return trunc(v), true, 0, false
	case 'b':
		v, _ := next()
		t, st := unescape(v, s.d, inPrintf)
		return trunc(t), true, 0, st
	case 'q':
		if s.d == Dash {
			return "", false, 1, false
		}
		v, _ := next()
		return quotePrintf(v), true, 0, false
	case 'c':
		v, _ := next()
		if v == "" {
			return "", true, 0, false
		}
		return v[:1], true, 0, false
	case 'T':
		v, given := next()
		t := s.t.Now()
		if n, err := strconv.ParseInt(v, 10, 64); given && err == nil && n >= 0 {
			t = time.Unix(n, 0)
		}
		return strftime(timeFmt, t), true, 0, false
	case 'd', 'i', 'o', 'u', 'x', 'X':
		v, given := next()
		n, st := s.printfInt(v, given)
		neg := n < 0
		var t string
		switch verb {
		case 'd', 'i':
			t = strconv.FormatInt(n, 10)
			if neg {
				t = t[1:]
			}
		case 'o':
			t, neg = strconv.FormatUint(uint64(n), 8), false
		case 'u':
			t, neg = strconv.FormatUint(uint64(n), 10), false
		default:
			t, neg = strconv.FormatUint(uint64(n), 16), false
			if verb == 'X' {
				t = strings.ToUpper(t)
			}
		}
		for len(t) < p {
			t = "0" + t
		}
		if strings.Contains(flags, "#") && n != 0 {
			switch verb {
			case 'o':
				t = "0" + t
			case 'x', 'X':
				t = "0" + string(verb) + t
			}
		}
		switch {
		case neg:
			t = "-" + t
		case verb == 'd' || verb == 'i':
			if strings.Contains(flags, "+") {
				t = "+" + t
			} else if strings.Contains(flags, " ") {
				t = " " + t
			}
		}
		return t, true, st, false
	case 'e', 'E', 'f', 'F', 'g', 'G', 'a', 'A':
		v, given := next()
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		st := 0
		if given && err != nil && v != "" {
			if len(v) > 1 && (v[0] == '"' || v[0] == '\'') {
				r, _ := utf8.DecodeRuneInString(v[1:])
				f = float64(r)
			} else {
				s.badNumber(v)
				st = 1
			}
		}
		if p < 0 {
			p = 6
		}
		fm := "%." + strconv.Itoa(p) + string(verb)
		if verb == 'a' || verb == 'A' {
			fm = "%" + map[byte]string{'a': "x", 'A': "X"}[verb]
		}
		t := fmt.Sprintf(fm, f)
		if f >= 0 {
			if strings.Contains(flags, "+") {
				t = "+" + t
			} else if strings.Contains(flags, " ") {
				t = " " + t
			}
		}
		return t, true, st, false
	}
	return "", false, 1, false
}

func (s *Shell) badNumber(v string) {
	switch s.d {
	case Bash:
		s.builtinErr("printf", "%s: invalid number", v)
	case Dash:
		s.errorf("printf: %s: expected numeric value", v)
	default:
		s.puts(2, s.name+": invalid number '"+v+"'\n")
	}
}

func (s *Shell) printfInt(v string, given bool) (int64, int) {
	if !given || v == "" {
		return 0, 0
	}
	if len(v) > 1 && (v[0] == '"' || v[0] == '\'') {
		r, _ := utf8.DecodeRuneInString(v[1:])
		return int64(r), 0
	}
	t := strings.TrimLeft(v, " \t\n")
	if n, err := strconv.ParseInt(t, 0, 64); err == nil && !strings.ContainsAny(t, "_oObB") {
		return n, 0
	}
	if n, err := strconv.ParseUint(t, 0, 64); err == nil && !strings.ContainsAny(t, "_oObB") {
		return int64(n), 0
	}
	// What stands before the first bad character counts.
	k := 0
	if k < len(t) && (t[k] == '-' || t[k] == '+') {
		k++
	}
	for k < len(t) && t[k] >= '0' && t[k] <= '9' {
		k++
	}
	n, _ := strconv.ParseInt(t[:k], 10, 64)
	if k > 0 && k < len(t) && s.d == Dash {
		s.errorf("printf: %s: not completely converted", v)
	} else {
		s.badNumber(v)
	}
	return n, 1
}

func quotePrintf(v string) string {
	if v == "" {
		return "''"
	}
	ctrl := false
	for i := 0; i < len(v); i++ {
		if v[i] < 0x20 || v[i] == 0x7f {
			ctrl = true
		}
	}
	if ctrl {
		return ansiQuote(v)
	}
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		c := v[i]
		if strings.IndexByte(" !\"#$&'()*,;<>?[\\]^`{|}~", c) >= 0 && !(c == '#' && i > 0) && !(c == '~' && i > 0) {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// strftime formats a time as strftime(3) does in the C locale, UTC unless the
// time says otherwise.
func strftime(f string, t time.Time) string {
	if f == "" {
		f = "%X"
	}
	var b strings.Builder
	for i := 0; i < len(f); i++ {
		if f[i] != '%' || i+1 >= len(f) {
			b.WriteByte(f[i])
			continue
		}
		i++
		if f[i] == '-' && i+1 < len(f) {
			i++
			b.WriteString(strings.TrimLeft(strftime("%"+string(f[i]), t), "0 "))
			continue
		}
		layout := map[byte]string{'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'B': "January", 'b': "Jan", 'h': "Jan", 'A': "Monday", 'a': "Mon",
			'p': "PM", 'I': "03", 'Z': "MST", 'z': "-0700", 'T': "15:04:05", 'X': "15:04:05", 'F': "2006-01-02", 'D': "01/02/06", 'x': "01/02/06", 'R': "15:04", 'e': "_2",
			'c': "Mon Jan _2 15:04:05 2006", 'r': "03:04:05 PM"}[f[i]]
		switch {
		case layout != "":
			b.WriteString(t.Format(layout))
		case f[i] == 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case f[i] == 'j':
			fmt.Fprintf(&b, "%03d", t.YearDay())
		case f[i] == 'N':
			fmt.Fprintf(&b, "%09d", t.Nanosecond())
		case f[i] == 'n':
			b.WriteByte('\n')
		case f[i] == 't':
			b.WriteByte('\t')
		case f[i] == 'u':
			b.WriteString(strconv.Itoa((int(t.Weekday())+6)%7 + 1))
		case f[i] == 'w':
			b.WriteString(strconv.Itoa(int(t.Weekday())))
		case f[i] == 'C':
			fmt.Fprintf(&b, "%02d", t.Year()/100)
		case f[i] == '%':
			b.WriteByte('%')
		default:
			b.WriteByte('%')
			b.WriteByte(f[i])
		}
	}
	return b.String()
}
