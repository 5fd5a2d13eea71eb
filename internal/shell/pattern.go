package shell

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A pattern is a string in which a backslash makes the next rune literal; the
// expander puts one before every quoted rune that could mean something.

// patSteps bounds the work of one match.
const patSteps = 2_000_000

type matcher struct {
	ext, fold bool
	steps     int
}

// match tells whether str as a whole matches pat (fnmatch without FNM_PATHNAME).
func match(pat, str string, ext, fold bool) bool {
	m := &matcher{ext: ext, fold: fold}
	return m.match(pat, str)
}

func (m *matcher) match(p, s string) bool {
	starP, starS := "", ""
	star := false
	for {
		m.steps++
		if m.steps > patSteps {
			return false
		}
		if p == "" {
			if s == "" {
				return true
			}
			if !star {
				return false
			}
			_, n := utf8.DecodeRuneInString(starS)
			starS = starS[n:]
			p, s = starP, starS
			if starS == "" && p != "" && !onlyStars(p) && !m.ext {
				// nothing left to give the star
				return m.match(p, "")
			}
			continue
		}
		if m.ext && len(p) > 1 && p[1] == '(' && strings.IndexByte("?*+@!", p[0]) >= 0 {
			if alts, rest, ok := splitExt(p[2:]); ok {
				if m.extglob(p[0], alts, rest, s) {
					return true
				}
				if !star || starS == "" {
					return false
				}
				_, n := utf8.DecodeRuneInString(starS)
				starS = starS[n:]
				p, s = starP, starS
				continue
			}
		}
		if p[0] == '*' {
			for p != "" && p[0] == '*' && !(m.ext && len(p) > 1 && p[1] == '(') {
				p = p[1:]
			}
			if p == "" {
				return true
			}
			star, starP, starS = true, p, s
			continue
		}
		ok := false
		if s != "" {
			r, n := utf8.DecodeRuneInString(s)
			switch p[0] {
			case '?':
				ok = true
				p, s = p[1:], s[n:]
			case '[':
				if hit, rest, valid := bracket(p[1:], r, m.fold); valid {
					if hit {
						ok = true
						p, s = rest, s[n:]
					}
				} else if r == '[' {
					ok = true
					p, s = p[1:], s[n:]
				}
			default:
				q := p
				if q[0] == '\\' && len(q) > 1 {
					q = q[1:]
				}
				pr, pn := utf8.DecodeRuneInString(q)
				if pr == r && (pr != utf8.RuneError || q[0] == s[0]) || m.fold && unicode.ToLower(pr) == unicode.ToLower(r) {
					ok = true
					p, s = q[pn:], s[n:]
				}
			}
		}
		if ok {
			continue
		}
		if !star || starS == "" {
			return false
		}
		_, n := utf8.DecodeRuneInString(starS)
		starS = starS[n:]
		p, s = starP, starS
	}
}

func onlyStars(p string) bool { return strings.Trim(p, "*") == "" }

// extglob matches op(alts)rest against s.
func (m *matcher) extglob(op byte, alts []string, rest, s string) bool {
	if op == '!' {
		for i := 0; i <= len(s); i++ {
			hit := false
			for _, a := range alts {
				if m.match(a, s[:i]) {
					hit = true
					break
				}
			}
			if !hit && m.match(rest, s[i:]) {
				return true
			}
		}
		return false
	}
	if (op == '?' || op == '*') && m.match(rest, s) {
		return true
	}
	for i := 0; i <= len(s); i++ {
		m.steps++
		if m.steps > patSteps {
			return false
		}
		for _, a := range alts {
			if !m.match(a, s[:i]) {
				continue
			}
			if m.match(rest, s[i:]) {
				return true
			}
			if (op == '*' || op == '+') && i > 0 && m.extglob('*', alts, rest, s[i:]) {
				return true
			}
		}
	}
	return false
}

// splitExt cuts "a|b)rest" into its alternatives.
func splitExt(p string) (alts []string, rest string, ok bool) {
	depth, start := 0, 0
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '(':
			depth++
		case '|':
			if depth == 0 {
				alts = append(alts, p[start:i])
				start = i + 1
			}
		case ')':
			if depth == 0 {
				return append(alts, p[start:i]), p[i+1:], true
			}
			depth--
		}
	}
	return nil, "", false
}

// bracket matches r against the expression after "[". valid is false where there
// is no closing bracket.
func bracket(p string, r rune, fold bool) (hit bool, rest string, valid bool) {
	neg := false
	if p != "" && (p[0] == '!' || p[0] == '^') {
		neg, p = true, p[1:]
	}
	first := true
	if fold {
		r = unicode.ToLower(r)
	}
	for {
		if p == "" {
			return false, "", false
		}
		if p[0] == ']' && !first {
			return hit != neg, p[1:], true
		}
		first = false
		if strings.HasPrefix(p, "[:") {
			if i := strings.Index(p, ":]"); i > 0 {
				if class(p[2:i], r) {
					hit = true
				}
				p = p[i+2:]
				continue
			}
		}
		lo, n, ok := bracketRune(p)
		if !ok {
			return false, "", false
		}
		p = p[n:]
		hi := lo
		if len(p) > 1 && p[0] == '-' && p[1] != ']' {
			h, n, ok := bracketRune(p[1:])
			if !ok {
				return false, "", false
			}
			hi = h
			p = p[1+n:]
		}
		if fold {
			lo, hi = unicode.ToLower(lo), unicode.ToLower(hi)
		}
		if lo <= r && r <= hi {
			hit = true
		}
	}
}

func bracketRune(p string) (rune, int, bool) {
	if p == "" {
		return 0, 0, false
	}
	if p[0] == '\\' && len(p) > 1 {
		r, n := utf8.DecodeRuneInString(p[1:])
		return r, n + 1, true
	}
	if strings.HasPrefix(p, "[.") || strings.HasPrefix(p, "[=") {
		if i := strings.Index(p[2:], p[1:2]+"]"); i > 0 {
			r, _ := utf8.DecodeRuneInString(p[2:])
			return r, i + 4, true
		}
	}
	r, n := utf8.DecodeRuneInString(p)
	return r, n, true
}

func class(name string, r rune) bool {
	switch name {
	case "alpha":
		return unicode.IsLetter(r)
	case "digit":
		return r >= '0' && r <= '9'
	case "alnum":
		return unicode.IsLetter(r) || r >= '0' && r <= '9'
	case "upper":
		return unicode.IsUpper(r)
	case "lower":
		return unicode.IsLower(r)
	case "space":
		return r == ' ' || r >= '\t' && r <= '\r'
	case "blank":
		return r == ' ' || r == '\t'
	case "punct":
		return r < 0x80 && unicode.IsPrint(r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != ' ' || r >= 0x80 && unicode.IsPunct(r)
	case "print":
		return unicode.IsPrint(r)
	case "graph":
		return unicode.IsPrint(r) && r != ' '
	case "cntrl":
		return unicode.IsControl(r)
	case "xdigit":
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F'
	case "word":
		return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
	}
	return false
}

// hasMeta tells whether a pattern can match more than itself.
func hasMeta(p string, ext bool) bool {
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '*', '?':
			return true
		case '[':
			if strings.IndexByte(p[i:], ']') > 0 {
				return true
			}
		case '+', '@', '!':
			if ext && i+1 < len(p) && p[i+1] == '(' {
				return true
			}
		}
	}
	return false
}

// escapePattern makes every rune of s literal.
func escapePattern(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if strings.IndexByte(`*?[]\()|!+@-^`, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unescape takes a pattern's backslashes away.
func unescapePattern(p string) string {
	if strings.IndexByte(p, '\\') < 0 {
		return p
	}
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if p[i] == '\\' && i+1 < len(p) {
			i++
		}
		b.WriteByte(p[i])
	}
	return b.String()
}

// trimPattern removes what pat matches from an end of s, the shortest or longest.
func trimPattern(s, pat string, suffix, longest, ext bool) string {
	if suffix {
		if longest {
			for i := 0; i <= len(s); i++ {
				if utf8.RuneStart(at(s, i)) && match(pat, s[i:], ext, false) {
					return s[:i]
				}
			}
			return s
		}
		for i := len(s); i >= 0; i-- {
			if utf8.RuneStart(at(s, i)) && match(pat, s[i:], ext, false) {
				return s[:i]
			}
		}
		return s
	}
	if longest {
		for i := len(s); i >= 0; i-- {
			if utf8.RuneStart(at(s, i)) && match(pat, s[:i], ext, false) {
				return s[i:]
			}
		}
		return s
	}
	for i := 0; i <= len(s); i++ {
		if utf8.RuneStart(at(s, i)) && match(pat, s[:i], ext, false) {
			return s[i:]
		}
	}
	return s
}

func at(s string, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}

// replacePattern is ${s/pat/with}: once, or everywhere; anchored by # or %.
func replacePattern(s, pat, with string, all, ext bool, amp bool) string {
	anchor := byte(0)
	if !all && pat != "" && (pat[0] == '#' || pat[0] == '%') {
		anchor, pat = pat[0], pat[1:]
	}
	if pat == "" && anchor == 0 {
		return s
	}
	sub := func(m string) string {
		if !amp {
			return with
		}
		var b strings.Builder
		for i := 0; i < len(with); i++ {
			switch {
			case with[i] == '\\' && i+1 < len(with):
				i++
				b.WriteByte(with[i])
			case with[i] == '&':
				b.WriteString(m)
			default:
				b.WriteByte(with[i])
			}
		}
		return b.String()
	}
	var b strings.Builder
	for i := 0; i <= len(s); {
		if anchor == '#' && i > 0 {
			break
		}
		end := -1
		if anchor == '%' {
			if match(pat, s[i:], ext, false) {
				end = len(s)
			}
		} else {
			for j := len(s); j >= i; j-- {
				if utf8.RuneStart(at(s, j)) && match(pat, s[i:j], ext, false) {
					end = j
					break
				}
			}
		}
		if end > i || end == i && (anchor != 0) {
			b.WriteString(sub(s[i:end]))
			i = end
			if !all {
				b.WriteString(s[i:])
				return b.String()
			}
			if i == len(s) {
				return b.String()
			}
			continue
		}
		if i == len(s) {
			break
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		b.WriteString(s[i : i+n])
		i += n
	}
	if b.Len() < len(s) && anchor == '#' {
		return s
	}
	return b.String()
}
