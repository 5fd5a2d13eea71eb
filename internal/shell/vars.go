package shell

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// variable is a shell variable with its attributes.
type variable struct {
	str   string
	arr   map[int]string
	assoc map[string]string
	keys  []string // order of assoc's keys

	set, export, readonly, integer, lower, upper, nameref, declArr, declAssoc bool
}

func (v *variable) copy() *variable {
	if v == nil {
		return nil
	}
	c := *v
	if v.arr != nil {
		c.arr = make(map[int]string, len(v.arr))
		for k, x := range v.arr {
			c.arr[k] = x
		}
	}
	if v.assoc != nil {
		c.assoc = make(map[string]string, len(v.assoc))
		for k, x := range v.assoc {
			c.assoc[k] = x
		}
		c.keys = append([]string(nil), v.keys...)
	}
	return &c
}

func (v *variable) indices() []int {
	ix := make([]int, 0, len(v.arr))
	for i := range v.arr {
		ix = append(ix, i)
	}
	sort.Ints(ix)
	return ix
}

// scalar is the value that $name gives.
func (v *variable) scalar() (string, bool) {
	switch {
	case v == nil:
		return "", false
	case v.arr != nil:
		x, ok := v.arr[0]
		return x, ok
	case v.assoc != nil:
		x, ok := v.assoc["0"]
		return x, ok
	}
	return v.str, v.set
}

func (v *variable) list() []string {
	switch {
	case v == nil:
		return nil
	case v.arr != nil:
		out := make([]string, 0, len(v.arr))
		for _, i := range v.indices() {
			out = append(out, v.arr[i])
		}
		return out
	case v.assoc != nil:
		out := make([]string, 0, len(v.assoc))
		for _, k := range v.keys {
			out = append(out, v.assoc[k])
		}
		return out
	case v.set:
		return []string{v.str}
	}
	return nil
}

func validName(s string) bool {
	if s == "" {
		return false
	}
	for i, c := range []byte(s) {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// resolve follows namerefs.
func (s *Shell) resolve(name string) string {
	for range 8 {
		v := s.vars[name]
		if v == nil || !v.nameref || !v.set || v.str == "" {
			return name
		}
		n := v.str
		if i := strings.IndexByte(n, '['); i > 0 {
			n = n[:i]
		}
		name = n
	}
	return name
}

func (s *Shell) get(name string) string {
	v, _ := s.lookup(name)
	return v
}

// lookup gives a variable's or special parameter's value.
func (s *Shell) lookup(name string) (string, bool) {
	if len(name) == 1 {
		switch name {
		case "?":
			return strconv.Itoa(s.status), true
		case "#":
			return strconv.Itoa(len(s.params)), true
		case "$":
			return strconv.Itoa(s.pid), true
		case "!":
			if s.lastBg == 0 {
				return "", false
			}
			return strconv.Itoa(s.lastBg), true
		case "-":
			return s.flags(), true
		case "0":
			return s.arg0, true
		case "@", "*":
			return strings.Join(s.params, " "), len(s.params) > 0
		}
	}
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		n, err := strconv.Atoi(name)
		if err != nil || n < 1 || n > len(s.params) {
			return "", false
		}
		return s.params[n-1], true
	}
	switch name {
	case "RANDOM":
		if s.d != Dash && s.vars[name] == nil {
			s.rnd = s.rnd*1103515245 + 12345
			return strconv.Itoa(int(s.rnd>>16) & 0x7fff), true
		}
	case "SECONDS":
		if s.d == Bash {
			return strconv.FormatInt(int64(s.t.Now().Sub(s.began).Seconds())+s.secBase, 10), true
		}
	case "LINENO":
		return strconv.Itoa(s.line), true
	case "EPOCHSECONDS":
		if s.d != Dash {
			return strconv.FormatInt(s.t.Now().Unix(), 10), true
		}
	case "EPOCHREALTIME":
		if s.d != Dash {
			n := s.t.Now()
			return fmt.Sprintf("%d.%06d", n.Unix(), n.Nanosecond()/1000), true
		}
	case "BASHPID":
		if s.d == Bash {
			return strconv.Itoa(s.t.PID()), true
		}
	case "UID", "EUID":
		if s.d == Bash {
			return strconv.Itoa(int(s.t.Creds().UID)), true
		}
	case "BASH_SUBSHELL":
		if s.d == Bash {
			return strconv.Itoa(s.sub), true
		}
	case "SHELLOPTS":
		if s.d == Bash {
			return strings.Join(s.optNames(true), ":"), true
		}
	case "GROUPS":
		if s.d == Bash {
			return strconv.Itoa(int(s.t.Creds().GID)), true
		}
	}
	return s.vars[s.resolve(name)].scalar()
}

// flags is $-.
func (s *Shell) flags() string {
	var b strings.Builder
	for _, c := range "abefhiklmnptuvx" {
		if s.opts[c] || c == 'h' && s.d == Bash {
			b.WriteRune(c)
		}
	}
	if s.d == Bash {
		b.WriteString("B")
		for _, c := range "CEHPT" {
			if s.opts[c] {
				b.WriteRune(c)
			}
		}
		if s.cmdLine {
			b.WriteByte('c')
		} else if s.isStdin() {
			b.WriteByte('s')
		}
		return b.String()
	}
	if s.opts['C'] {
		b.WriteByte('C')
	}
	if s.isStdin() {
		return "s" + b.String()
	}
	return b.String()
}

func (s *Shell) isStdin() bool {
	return !s.cmdLine && s.arg0 == s.name && s.lineOff >= 0 && len(s.t.Args()) <= 1
}

// array gives the elements of name, for ${name[@]}.
func (s *Shell) array(name string) []string {
	switch name {
	case "@", "*":
		return s.params
	case "PIPESTATUS":
		if s.d == Bash {
			out := make([]string, len(s.pipest))
			for i, n := range s.pipest {
				out[i] = strconv.Itoa(n)
			}
			return out
		}
	case "FUNCNAME":
		if s.d == Bash && len(s.fnames) > 0 {
			out := make([]string, 0, len(s.fnames))
			for i := len(s.fnames) - 1; i >= 0; i-- {
				out = append(out, s.fnames[i])
			}
			return out
		}
	case "DIRSTACK":
		if s.d == Bash {
			return append([]string{s.get("PWD")}, s.dirs...)
		}
	case "BASH_REMATCH":
		if s.d == Bash {
			return s.bashRe
		}
	}
	return s.vars[s.resolve(name)].list()
}

// element gives name[index].
func (s *Shell) element(name string, index syntax.ArithmExpr) (string, bool) {
	name = s.resolve(name)
	v := s.vars[name]
	if v != nil && v.assoc != nil {
		k := s.assocKey(index)
		x, ok := v.assoc[k]
		return x, ok
	}
	n := s.arith(index)
	switch name {
	case "PIPESTATUS", "FUNCNAME", "DIRSTACK", "BASH_REMATCH":
		if l := s.array(name); n >= 0 && int(n) < len(l) {
			return l[n], true
		}
		return "", false
	}
	if v == nil {
		return "", false
	}
	if v.arr == nil {
		if n == 0 || n == -1 {
			return v.str, v.set
		}
		return "", false
	}
	if n < 0 {
		ix := v.indices()
		if len(ix) == 0 {
			return "", false
		}
		n += int64(ix[len(ix)-1]) + 1
	}
	x, ok := v.arr[int(n)]
	return x, ok
}

// assocKey expands an associative array's subscript.
func (s *Shell) assocKey(x syntax.ArithmExpr) string {
	if w, ok := x.(*syntax.Word); ok {
		return s.literal(w)
	}
	var b strings.Builder
	_ = syntax.NewPrinter().Print(&b, &syntax.ArithmCmd{X: x})
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(b.String(), "(("), "))"))
}

// settleEvery is how much a shell may grow between two looks at what it holds.
const settleEvery = 1 << 20

// grew notes that a value of n bytes was made. Large ones are charged at once and
// weighed again with all others by settle.
func (s *Shell) grew(n int) {
	s.grown += n + 32
	if n >= settleEvery {
		s.held += int64(n)
		s.t.Alloc(int64(n))
	}
}

// settle charges what the variables and parameters hold, between two commands.
func (s *Shell) settle() {
	s.grown = 0
	n := 0
	for _, v := range s.vars {
		n += v.weigh()
	}
	for _, sc := range s.scopes {
		for _, v := range sc {
			n += v.weigh()
		}
	}
	for _, p := range s.params {
		n += len(p)
	}
	old := s.held
	s.held = int64(n) &^ (settleEvery - 1)
	if d := s.held - old; d > 0 {
		s.t.Alloc(d)
	} else if d < 0 {
		s.t.Free(-d)
	}
}

func (v *variable) weigh() int {
	if v == nil {
		return 0
	}
	n := len(v.str) + 64*len(v.arr) + 96*len(v.assoc)
	for _, x := range v.arr {
		n += len(x)
	}
	for k, x := range v.assoc {
		n += len(k) + len(x)
	}
	return n
}

// assign sets a scalar; it reports whether it could.
func (s *Shell) assign(name, val string) bool {
	name = s.resolve(name)
	v := s.vars[name]
	if v == nil {
		v = &variable{}
		s.vars[name] = v
		if s.opts['a'] {
			v.export = true
		}
	}
	if v.readonly {
		s.readonlyErr(name)
		return false
	}
	val = s.convert(v, val)
	s.grew(len(val))
	switch {
	case v.arr != nil || v.declArr:
		if v.arr == nil {
			v.arr = map[int]string{}
		}
		v.arr[0] = val
	case v.assoc != nil:
		v.put("0", val)
	default:
		v.str = val
	}
	v.set = true
	switch name {
	case "OPTIND":
		s.optind, _ = strconv.Atoi(val)
		s.optpos = 0
	case "PATH":
		clear(s.hash)
	case "SECONDS":
		n, _ := strconv.ParseInt(val, 10, 64)
		s.began, s.secBase = s.t.Now(), n
	case "RANDOM":
		if s.d == Bash {
			n, _ := strconv.ParseUint(val, 10, 32)
			s.rnd = uint32(n)
			delete(s.vars, name)
		}
	}
	return true
}

func (v *variable) put(k, val string) {
	if v.assoc == nil {
		v.assoc = map[string]string{}
	}
	if _, ok := v.assoc[k]; !ok {
		v.keys = append(v.keys, k)
	}
	v.assoc[k] = val
}

func (s *Shell) convert(v *variable, val string) string {
	switch {
	case v.integer:
		return strconv.FormatInt(s.arithString(val), 10)
	case v.lower:
		return strings.ToLower(val)
	case v.upper:
		return strings.ToUpper(val)
	}
	return val
}

func (s *Shell) readonlyErr(name string) {
	switch s.d {
	case Dash:
		s.errorf("%s: is read only", name)
		s.fatal(2)
	case Ash:
		s.errorf("%s: is read only", name)
		s.fatal(2)
	default:
		s.errorf("%s: readonly variable", name)
		s.status = 1
		if s.posix {
			s.fatal(1)
		} else {
			s.discard(1)
		}
	}
}

// assignNode does one assignment of the tree.
func (s *Shell) assignNode(a *syntax.Assign) bool {
	name := a.Name.Value
	if a.Array != nil {
		return s.assignArray(name, a)
	}
	val := ""
	if a.Value != nil {
		val = s.assignWord(a.Value)
		if s.ctl != ctlNone {
			return false
		}
	}
	if a.Index != nil {
		return s.assignElement(name, a.Index, val, a.Append)
	}
	if a.Append {
		name = s.resolve(name)
		if v := s.vars[name]; v != nil {
			if v.integer {
				val = strconv.FormatInt(s.arithString(v.str)+s.arithString(val), 10)
			} else {
				old, _ := v.scalar()
				val = old + val
			}
		}
	}
	return s.assign(name, val)
}

func (s *Shell) assignElement(name string, index syntax.ArithmExpr, val string, app bool) bool {
	s.grew(len(val))
	name = s.resolve(name)
	v := s.vars[name]
	if v == nil {
		v = &variable{}
		s.vars[name] = v
	}
	if v.readonly {
		s.readonlyErr(name)
		return false
	}
	if v.assoc != nil || v.declAssoc {
		k := s.assocKey(index)
		if app {
			val = v.assoc[k] + val
		}
		v.put(k, s.convert(v, val))
		v.set = true
		return true
	}
	n := int(s.arith(index))
	if s.ctl != ctlNone {
		return false
	}
	if v.arr == nil {
		v.arr = map[int]string{}
		if v.set {
			v.arr[0] = v.str
		}
	}
	if n < 0 {
		ix := v.indices()
		if len(ix) == 0 || n+ix[len(ix)-1]+1 < 0 {
			s.errorf("%s[%d]: bad array subscript", name, n)
			s.status = 1
			return false
		}
		n += ix[len(ix)-1] + 1
	}
	if app {
		val = v.arr[n] + val
	}
	v.arr[n] = s.convert(v, val)
	v.set = true
	return true
}

func (s *Shell) assignArray(name string, a *syntax.Assign) bool {
	name = s.resolve(name)
	v := s.vars[name]
	if v == nil {
		v = &variable{}
		s.vars[name] = v
	}
	if v.readonly {
		s.readonlyErr(name)
		return false
	}
	if v.assoc != nil || v.declAssoc {
		old, keys := v.assoc, v.keys
		n := &variable{}
		if a.Append {
			n.assoc, n.keys = old, keys
		}
		if n.assoc == nil {
			n.assoc = map[string]string{}
		}
		var pend *string
		for _, e := range a.Array.Elems {
			if e.Index != nil {
				val := ""
				if e.Value != nil {
					val = s.assignWord(e.Value)
				}
				n.put(s.assocKey(e.Index), val)
				continue
			}
			for _, f := range s.fields(e.Value) {
				if pend == nil {
					pend = &f
				} else {
					n.put(*pend, f)
					pend = nil
				}
			}
		}
		if pend != nil {
			n.put(*pend, "")
		}
		v.assoc, v.keys, v.set = n.assoc, n.keys, true
		return s.ctl == ctlNone
	}
	arr := map[int]string{}
	next := 0
	if a.Append {
		if v.arr != nil {
			arr = v.arr
			if ix := v.indices(); len(ix) > 0 {
				next = ix[len(ix)-1] + 1
			}
		} else if v.set {
			arr[0] = v.str
			next = 1
		}
	}
	for _, e := range a.Array.Elems {
		if e.Index != nil {
			next = int(s.arith(e.Index))
			val := ""
			if e.Value != nil {
				val = s.assignWord(e.Value)
			}
			arr[next] = s.convert(v, val)
			next++
			continue
		}
		for _, f := range s.fields(e.Value) {
			arr[next] = s.convert(v, f)
			next++
		}
		if s.ctl != ctlNone {
			return false
		}
	}
	v.arr, v.str, v.set = arr, "", true
	return s.ctl == ctlNone
}

// local makes name local to the running function.
func (s *Shell) local(name string) *variable {
	if len(s.scopes) == 0 {
		if s.vars[name] == nil {
			s.vars[name] = &variable{}
		}
		return s.vars[name]
	}
	sc := s.scopes[len(s.scopes)-1]
	if _, ok := sc[name]; !ok {
		sc[name] = s.vars[name]
		v := &variable{}
		if old := s.vars[name]; old != nil && s.d != Bash {
			v = old.copy() // dash and ash: a local begins with the value it had
		} else if old != nil && old.export {
			v.export = true
		}
		s.vars[name] = v
	}
	return s.vars[name]
}

func (s *Shell) popScope() {
	sc := s.scopes[len(s.scopes)-1]
	s.scopes = s.scopes[:len(s.scopes)-1]
	for k, v := range sc {
		if v == nil {
			delete(s.vars, k)
		} else {
			s.vars[k] = v
		}
	}
}

// quote writes a value so that the shell reads it back, as declare -p and set do.
func quote(v string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(v) + `"`
}

// quoteWord is ${v@Q} and what `set`, `trap` and `alias` print.
func quoteWord(v string, d Dialect) string {
	if d == Bash {
		plain := v != ""
		ctrl := false
		for i := 0; i < len(v); i++ {
			c := v[i]
			if c < 0x20 || c == 0x7f {
				ctrl = true
			}
			if !(c == '_' || c == '-' || c == '.' || c == '/' || c == ':' || c == ',' || c == '+' || c == '@' || c == '%' || c == '=' && i > 0 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80) {
				plain = false
			}
		}
		if ctrl {
			return ansiQuote(v)
		}
		if plain {
			return v
		}
	}
	return "'" + strings.ReplaceAll(v, "'", `'\''`) + "'"
}

func ansiQuote(v string) string {
	var b strings.Builder
	b.WriteString("$'")
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\a':
			b.WriteString(`\a`)
		case c == '\b':
			b.WriteString(`\b`)
		case c == 0x1b:
			b.WriteString(`\E`)
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c == 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteString("'")
	return b.String()
}
