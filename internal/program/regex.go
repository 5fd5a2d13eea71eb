package program

import (
	"errors"
	"regexp"
	"strings"
)

// regex is a POSIX basic or extended expression, run by RE2 under leftmost-longest
// rules; expressions with back references run by a bounded backtracking matcher.
type regex struct {
	re   *regexp.Regexp
	back *backRegex
}

var (
	errUnmatchedParen   = errors.New("Unmatched ( or \\(")
	errUnmatchedClose   = errors.New("Unmatched ) or \\)")
	errUnmatchedBracket = errors.New("Unmatched [, [^, [:, [., or [=")
	errBadInterval      = errors.New("Invalid content of \\{\\}")
	errTrailing         = errors.New("Trailing backslash")
	errTooBig           = errors.New("Regular expression too big")
)

// maxPattern bounds a pattern's length.
const maxPattern = 32 << 10

// compileRegex compiles a pattern; extended tells the syntax.
func compileRegex(pat string, extended, icase bool) (*regex, error) {
	return compileFlags(pat, extended, icase, false)
}

func compileFlags(pat string, extended, icase, multiline bool) (*regex, error) {
	if len(pat) > maxPattern {
		return nil, errTooBig
	}
	s, back, err := translate(pat, extended)
	if err != nil {
		return nil, err
	}
	flags := "(?s"
	if icase {
		flags += "i"
	}
	if multiline {
		flags += "m"
	}
	if back {
		b, err := newBackRegex(s, icase, multiline)
		if err != nil {
			return nil, err
		}
		return &regex{back: b}, nil
	}
	re, err := regexp.Compile(flags + ")" + s)
	if err != nil {
		return nil, errors.New("Invalid regular expression")
	}
	re.Longest()
	return &regex{re: re}, nil
}

// translate rewrites POSIX syntax to RE2's. Back references become the bytes
// \x00 and a digit, which newBackRegex understands.
func translate(p string, ere bool) (out string, back bool, err error) {
	var b strings.Builder
	depth := 0
	start := true // at the start of an expression: * is literal, ^ an anchor
	for i := 0; i < len(p); i++ {
		c := p[i]
		was := start
		start = false
		switch c {
		case '\\':
			if i+1 >= len(p) {
				return "", false, errTrailing
			}
			i++
			d := p[i]
			switch {
			case !ere && d == '(', !ere && d == ')', !ere && d == '{', !ere && d == '}', !ere && d == '|', !ere && d == '+', !ere && d == '?':
				switch d {
				case '(':
					depth++
					start = true
					b.WriteByte('(')
				case ')':
					if depth--; depth < 0 {
						return "", false, errUnmatchedClose
					}
					b.WriteByte(')')
				case '|':
					start = true
					b.WriteByte('|')
				case '{':
					n, s, ok := interval(p[i+1:], `\}`)
					if !ok {
						return "", false, errBadInterval
					}
					b.WriteString(s)
					i += n
				case '}':
					b.WriteString(`\}`)
				default:
					b.WriteByte(d)
				}
			case d >= '1' && d <= '9':
				back = true
				b.WriteByte(0)
				b.WriteByte(d)
			case d == '<' || d == '>':
				b.WriteString(`\b`)
			case d == '`':
				b.WriteString(`\A`)
			case d == '\'':
				b.WriteString(`\z`)
			case strings.IndexByte("wWsSbB", d) >= 0:
				b.WriteByte('\\')
				b.WriteByte(d)
			case d == 'n':
				b.WriteString(`\n`)
			case d == 't':
				b.WriteString(`\t`)
			case d == 'r':
				b.WriteString(`\r`)
			case d == 'f' || d == 'v' || d == 'a':
				b.WriteString(`\` + string(d))
			default:
				b.WriteString(regexp.QuoteMeta(string(d)))
			}
		case '[':
			n, s, ok := bracket(p[i:])
			if !ok {
				return "", false, errUnmatchedBracket
			}
			b.WriteString(s)
			i += n - 1
		case '*':
			if was {
				b.WriteString(`\*`)
			} else {
				b.WriteByte('*')
				for i+1 < len(p) && p[i+1] == '*' {
					i++
				}
			}
		case '^':
			if ere || was {
				b.WriteByte('^')
				start = true
			} else {
				b.WriteString(`\^`)
			}
		case '$':
			if ere || i+1 == len(p) || strings.HasPrefix(p[i+1:], `\)`) || strings.HasPrefix(p[i+1:], `\|`) {
				b.WriteByte('$')
			} else {
				b.WriteString(`\$`)
			}
		case '(', ')', '{', '}', '|', '+', '?':
			if !ere {
				b.WriteByte('\\')
				b.WriteByte(c)
				break
			}
			switch c {
			case '(':
				depth++
				start = true
				b.WriteByte('(')
			case ')':
				if depth == 0 {
					b.WriteString(`\)`)
					break
				}
				depth--
				b.WriteByte(')')
			case '|':
				start = true
				b.WriteByte('|')
			case '{':
				if n, s, ok := interval(p[i+1:], "}"); ok && !was {
					b.WriteString(s)
					i += n
				} else {
					b.WriteString(`\{`)
				}
			case '}':
				b.WriteString(`\}`)
			default:
				if was {
					b.WriteByte('\\')
				}
				b.WriteByte(c)
				for !was && i+1 < len(p) && (p[i+1] == '+' || p[i+1] == '?' || p[i+1] == '*') {
					i++ // x+? is (x+)? in POSIX, not a lazy match
				}
			}
		case '.':
			b.WriteByte('.')
		default:
			b.WriteByte(c)
		}
	}
	if depth > 0 {
		return "", false, errUnmatchedParen
	}
	return b.String(), back, nil
}

func interval(s, end string) (n int, out string, ok bool) {
	j := strings.Index(s, end)
	if j < 0 || j > 12 {
		return 0, "", false
	}
	body := s[:j]
	lo, hi, two := strings.Cut(body, ",")
	if lo == "" {
		lo = "0"
	}
	for _, c := range lo + hi {
		if c < '0' || c > '9' {
			return 0, "", false
		}
	}
	if body == "" || body == "," && false {
		return 0, "", false
	}
	// RE2 allows 1000 repetitions.
	if toInt(lo) > 1000 {
		lo = "1000"
	}
	if toInt(hi) > 1000 {
		hi = "1000"
	}
	out = "{" + lo
	if two {
		out += "," + hi
	}
	return j + len(end), out + "}", true
}

// bracket rewrites a bracket expression that s begins with.
func bracket(s string) (n int, out string, ok bool) {
	var b strings.Builder
	b.WriteByte('[')
	i := 1
	if i < len(s) && s[i] == '^' {
		b.WriteByte('^')
		i++
	}
	for first := true; i < len(s); first = false {
		c := s[i]
		switch {
		case c == ']' && !first:
			b.WriteByte(']')
			return i + 1, b.String(), true
		case c == '[' && i+1 < len(s) && (s[i+1] == ':' || s[i+1] == '.' || s[i+1] == '='):
			end := strings.Index(s[i+2:], string(s[i+1])+"]")
			if end < 0 {
				return 0, "", false
			}
			body := s[i+2 : i+2+end]
			if s[i+1] == ':' {
				b.WriteString("[:" + body + ":]")
			} else {
				b.WriteString(regexp.QuoteMeta(body))
			}
			i += end + 4
		case c == '\\':
			// A backslash is itself, but \n, \t and \] are meant as escapes by
			// GNU's sed and by awk.
			if i+1 < len(s) && strings.IndexByte("ntr", s[i+1]) >= 0 {
				b.WriteString(s[i : i+2])
				i += 2
				continue
			}
			b.WriteString(`\\`)
			i++
		case c == '[' || c == ']' || c == '&' || c == '~' || c == '|' || c == '^':
			b.WriteByte('\\')
			b.WriteByte(c)
			i++
		case c == '-' && !first && i+1 < len(s) && s[i+1] != ']' && s[i-1] != '^':
			b.WriteByte('-')
			i++
		case c == '-':
			b.WriteString(`\-`)
			i++
		default:
			b.WriteByte(c)
			i++
		}
	}
	return 0, "", false
}

// find gives the first match, with its groups, as indexes.
func (r *regex) find(s string) []int {
	if r.back != nil {
		return r.back.find(s, 0)
	}
	return r.re.FindStringSubmatchIndex(s)
}

func (r *regex) match(s string) bool {
	if r.back != nil {
		return r.back.find(s, 0) != nil
	}
	return r.re.MatchString(s)
}

// all gives up to n matches that do not overlap; n < 0 is all of them.
func (r *regex) all(s string, n int) [][]int {
	if r.back != nil {
		var out [][]int
		for off := 0; off <= len(s) && (n < 0 || len(out) < n); {
			m := r.back.find(s, off)
			if m == nil {
				break
			}
			out = append(out, m)
			if m[1] == m[0] {
				off = m[1] + 1
			} else {
				off = m[1]
			}
		}
		return out
	}
	return r.re.FindAllStringSubmatchIndex(s, n)
}

// backRegex matches expressions with back references: the expression is compiled
// with each reference as a group that takes anything; of the candidates, those
// whose references agree count. Candidates are bounded, so that a hostile
// expression costs little; past the bound there is no match.
type backRegex struct {
	re    *regexp.Regexp
	lits  string
	icase bool
}

// maxTries bounds the candidates that are looked at.
const maxTries = 20000

func newBackRegex(s string, icase, multi bool) (*backRegex, error) {
	b := &backRegex{icase: icase, lits: s}
	flags := "(?s"
	if icase {
		flags += "i"
	}
	if multi {
		flags += "m"
	}
	// It must compile with references as anything.
	probe := flags + ")"
	for i := 0; i < len(s); i++ {
		if s[i] == 0 {
			probe += ".*"
			i++
			continue
		}
		probe += s[i : i+1]
	}
	re, err := regexp.Compile(probe)
	if err != nil {
		return nil, errors.New("Invalid back reference")
	}
	for i := 0; i+1 < len(s); i++ {
		if s[i] == 0 && int(s[i+1]-'0') > re.NumSubexp() {
			return nil, errors.New("Invalid back reference")
		}
	}
	b.re = re
	return b, nil
}

// find tries, for each start, the texts that the referred groups may hold: it
// puts each in place of its references and lets RE2 decide.
func (b *backRegex) find(s string, off int) []int {
	ref := map[byte]bool{}
	for i := 0; i+1 < len(b.lits); i++ {
		if b.lits[i] == 0 {
			ref[b.lits[i+1]] = true
			i++
		}
	}
	flags := "(?s"
	if b.icase {
		flags += "i"
	}
	flags += ")"
	// Candidates for a group's text are the substrings that occur twice.
	tries := 0
	if len(ref) != 1 || len(s) > 2000 {
		return nil
	}
	for start := off; start <= len(s); start++ {
		var best []int
		for i := start; i <= len(s); i++ {
			for j := min(len(s), i+200); j >= i; j-- {
				if tries++; tries > maxTries {
					return best
				}
				sub := s[i:j]
				if j > i && strings.Count(s[start:], sub) < 2 {
					continue
				}
				pat := ""
				for k := 0; k < len(b.lits); k++ {
					if b.lits[k] == 0 {
						pat += regexp.QuoteMeta(sub)
						k++
						continue
					}
					pat += b.lits[k : k+1]
				}
				re, err := regexp.Compile(flags + "^(?:" + pat + ")")
				if err != nil {
					return nil
				}
				re.Longest()
				m := re.FindStringSubmatchIndex(s[start:])
				if m == nil {
					continue
				}
				good := true
				for c := range ref {
					g := int(c - '0')
					if m[2*g] < 0 || s[start+m[2*g]:start+m[2*g+1]] != sub {
						good = false
					}
				}
				if good && (best == nil || m[1]+start > best[1]) {
					best = make([]int, len(m))
					for x, v := range m {
						best[x] = v
						if v >= 0 {
							best[x] += start
						}
					}
				}
			}
		}
		if best != nil {
			return best
		}
		if strings.HasPrefix(b.lits, "^") {
			return nil
		}
	}
	return nil
}
