package program

import (
	"bufio"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/vfs"
)

type findNode func(path string, st *vfs.Stat) bool

type finder struct {
	p       *P
	a       []string
	i       int
	acted   bool
	depth   bool
	maxd    int
	mind    int
	prune   bool
	quit    bool
	err     string
	follow  bool
	xdev    bool
	curd    int
	plus    []*findPlus
	nesting int
}

type findPlus struct {
	argv []string
	args []string
}

func cmdFind(p *P) int {
	f := &finder{p: p, maxd: 1 << 30}
	args := p.args
	for len(args) > 0 && (args[0] == "-L" || args[0] == "-H" || args[0] == "-P" || strings.HasPrefix(args[0], "-O")) {
		f.follow = args[0] == "-L"
		args = args[1:]
	}
	var roots []string
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") && args[0] != "(" && args[0] != "!" {
		roots = append(roots, args[0])
		args = args[1:]
	}
	if len(roots) == 0 {
		roots = []string{"."}
	}
	f.a = args
	var expr findNode
	if len(args) > 0 {
		expr = f.or()
		if f.err == "" && f.i < len(f.a) {
			f.err = "paths must precede expression: `" + f.a[f.i] + "'"
		}
		if f.err != "" {
			p.errf("%s", f.err)
			return 1
		}
	}
	if expr == nil {
		expr = func(string, *vfs.Stat) bool { return true }
	}
	if !f.acted {
		inner := expr
		expr = func(path string, st *vfs.Stat) bool {
			if inner(path, st) {
				p.puts(path + "\n")
			}
			return true
		}
	}
	for _, r := range roots {
		st, err := p.t.Lstat(r)
		if err != nil {
			if p.bb {
				p.fail("%s: %s", r, text(err))
			} else {
				p.fail("%s: %s", q(r), text(err))
			}
			continue
		}
		f.walk(r, st, 0, st.Dev, expr)
		if f.quit {
			break
		}
	}
	for _, x := range f.plus {
		f.flushPlus(x)
	}
	return p.status
}

func (f *finder) walk(path string, st vfs.Stat, depth int, dev uint64, expr findNode) {
	if f.quit || depth > 500 {
		return
	}
	f.p.t.Tick(3)
	f.prune = false
	f.curd = depth
	if !f.depth && depth >= f.mind {
		expr(path, &st)
	}
	if st.Mode.IsDir() && !f.prune && depth < f.maxd && !f.quit && (!f.xdev || st.Dev == dev) {
		ents, err := f.p.t.ReadDir(path)
		if err != nil && err != vfs.ENOENT {
			if f.p.bb {
				f.p.fail("%s: %s", path, text(err))
			} else {
				f.p.fail("%s: %s", q(path), text(err))
			}
		}
		for _, e := range ents {
			full := join(path, e.Name)
			get := f.p.t.Lstat
			if f.follow {
				get = f.p.t.Stat
			}
			s, err := get(full)
			if err != nil {
				if s, err = f.p.t.Lstat(full); err != nil {
					continue
				}
			}
			f.walk(full, s, depth+1, dev, expr)
			if f.quit {
				return
			}
		}
	}
	if f.depth && depth >= f.mind {
		f.curd = depth
		expr(path, &st)
	}
}

func (f *finder) or() findNode {
	if f.nesting++; f.nesting > 200 {
		f.err = "expression too complex"
		return nil
	}
	defer func() { f.nesting-- }()
	l := f.and()
	for f.err == "" && f.i < len(f.a) && (f.a[f.i] == "-o" || f.a[f.i] == "-or") {
		f.i++
		a, b := l, f.and()
		l = func(p string, s *vfs.Stat) bool { return a(p, s) || b(p, s) }
	}
	return l
}

func (f *finder) and() findNode {
	l := f.not()
	for f.err == "" && f.i < len(f.a) && f.a[f.i] != "-o" && f.a[f.i] != "-or" && f.a[f.i] != ")" {
		if f.a[f.i] == "-a" || f.a[f.i] == "-and" {
			f.i++
		}
		a, b := l, f.not()
		if b == nil {
			break
		}
		l = func(p string, s *vfs.Stat) bool { return a(p, s) && b(p, s) }
	}
	return l
}

func (f *finder) not() findNode {
	if f.i < len(f.a) && (f.a[f.i] == "!" || f.a[f.i] == "-not") {
		f.i++
		if f.nesting++; f.nesting > 1000 {
			f.err = "expression too complex"
			return nil
		}
		n := f.not()
		if n == nil {
			return nil
		}
		return func(p string, s *vfs.Stat) bool { return !n(p, s) }
	}
	return f.prim()
}

// number is find's +n, -n, n.
func number(s string) func(v int64) bool {
	switch {
	case strings.HasPrefix(s, "+"):
		n := toInt(s[1:])
		return func(v int64) bool { return v > n }
	case strings.HasPrefix(s, "-"):
		n := toInt(s[1:])
		return func(v int64) bool { return v < n }
	}
	n := toInt(s)
	return func(v int64) bool { return v == n }
}

func (f *finder) prim() findNode {
	p := f.p
	if f.i >= len(f.a) {
		f.err = "expected an expression"
		return nil
	}
	op := f.a[f.i]
	f.i++
	arg := func() string {
		if f.i >= len(f.a) {
			if f.err == "" {
				f.err = "missing argument to `" + op + "'"
			}
			return ""
		}
		f.i++
		return f.a[f.i-1]
	}
	yes := func(string, *vfs.Stat) bool { return true }
	glob := func(pat string, icase bool) *regexp.Regexp {
		fl := "(?s"
		if icase {
			fl += "i"
		}
		re, err := regexp.Compile(fl + ")^" + globRE(pat) + "$")
		if err != nil {
			re = regexp.MustCompile(`^\z.`)
		}
		return re
	}
	switch op {
	case "(", `\(`:
		n := f.or()
		if f.i >= len(f.a) || f.a[f.i] != ")" {
			if f.err == "" {
				f.err = "invalid expression; I was expecting to find a ')' somewhere but did not see one."
			}
			return yes
		}
		f.i++
		return n
	case "-name", "-iname":
		re := glob(arg(), op == "-iname")
		return func(path string, _ *vfs.Stat) bool { return re.MatchString(base(path)) }
	case "-path", "-wholename", "-ipath":
		re := glob(arg(), op == "-ipath")
		return func(path string, _ *vfs.Stat) bool { return re.MatchString(path) }
	case "-lname":
		re := glob(arg(), false)
		return func(path string, st *vfs.Stat) bool {
			l, err := p.t.Readlink(path)
			return err == nil && re.MatchString(l)
		}
	case "-regex", "-iregex":
		re, err := compileRegex("^"+arg()+"$", false, op == "-iregex")
		if err != nil {
			f.err = err.Error()
			return yes
		}
		return func(path string, _ *vfs.Stat) bool { return re.match(path) }
	case "-regextype":
		arg()
		return yes
	case "-type", "-xtype":
		ts := arg()
		return func(_ string, st *vfs.Stat) bool {
			m := map[vfs.Mode]string{vfs.S_IFREG: "f", vfs.S_IFDIR: "d", vfs.S_IFLNK: "l", vfs.S_IFCHR: "c", vfs.S_IFBLK: "b", vfs.S_IFIFO: "p", vfs.S_IFSOCK: "s"}
			return strings.Contains(ts, m[st.Mode.Type()])
		}
	case "-maxdepth":
		f.maxd = int(toInt(arg()))
		return yes
	case "-mindepth":
		f.mind = int(toInt(arg()))
		return yes
	case "-depth", "-d":
		f.depth = true
		return yes
	case "-xdev", "-mount":
		f.xdev = true
		return yes
	case "-follow":
		f.follow = true
		return yes
	case "-true", "-noleaf", "-ignore_readdir_race", "-warn", "-nowarn", "-daystart":
		return yes
	case "-false":
		return func(string, *vfs.Stat) bool { return false }
	case "-prune":
		return func(string, *vfs.Stat) bool { f.prune = true; return true }
	case "-quit":
		f.acted = f.acted || false
		return func(string, *vfs.Stat) bool { f.quit = true; return true }
	case "-empty":
		return func(path string, st *vfs.Stat) bool {
			if st.Mode.IsDir() {
				l, err := p.t.ReadDir(path)
				return err == nil && len(l) == 0
			}
			return st.Mode.IsRegular() && st.Size == 0
		}
	case "-executable", "-readable", "-writable":
		want := map[string]uint32{"-executable": vfs.MayExec, "-readable": vfs.MayRead, "-writable": vfs.MayWrite}[op]
		return func(path string, _ *vfs.Stat) bool { return p.t.Access(path, want) == nil }
	case "-size":
		s := arg()
		unit := int64(512)
		if s != "" {
			switch s[len(s)-1] {
			case 'c':
				unit = 1
			case 'w':
				unit = 2
			case 'k':
				unit = 1 << 10
			case 'M':
				unit = 1 << 20
			case 'G':
				unit = 1 << 30
			}
		}
		n := number(s)
		return func(_ string, st *vfs.Stat) bool { return n((st.Size + unit - 1) / unit) }
	case "-mtime", "-atime", "-ctime", "-mmin", "-amin", "-cmin":
		n := number(arg())
		unit := 24 * time.Hour
		if strings.HasSuffix(op, "min") {
			unit = time.Minute
		}
		now := p.t.Now().UnixNano()
		return func(_ string, st *vfs.Stat) bool {
			t := st.Mtime
			if op[1] == 'a' {
				t = st.Atime
			} else if op[1] == 'c' {
				t = st.Ctime
			}
			return n((now - t) / int64(unit))
		}
	case "-newer", "-anewer", "-cnewer":
		st, err := p.t.Stat(arg())
		if err != nil {
			f.err = q(f.a[f.i-1]) + ": " + text(err)
			return yes
		}
		return func(_ string, s *vfs.Stat) bool { return s.Mtime > st.Mtime }
	case "-perm":
		s := arg()
		kind := byte(0)
		if s != "" && (s[0] == '-' || s[0] == '/' || s[0] == '+') {
			kind, s = s[0], s[1:]
		}
		m, ok := parseMode(s, 0, false, 0)
		if !ok {
			f.err = "invalid mode " + q(s)
			return yes
		}
		return func(_ string, st *vfs.Stat) bool {
			switch kind {
			case '-':
				return st.Mode.Perm()&m == m
			case '/', '+':
				return m == 0 || st.Mode.Perm()&m != 0
			}
			return st.Mode.Perm() == m
		}
	case "-user", "-uid", "-group", "-gid":
		a := arg()
		id := uint32(toInt(a))
		if op == "-user" {
			if u, ok := p.t.LookupUser(a); ok {
				id = u.UID
			} else if id == 0 && a != "0" {
				f.err = q(a) + " is not the name of a known user"
			}
		}
		if op == "-group" {
			if g, ok := p.t.LookupGroup(a); ok {
				id = g.GID
			}
		}
		return func(_ string, st *vfs.Stat) bool {
			if op == "-user" || op == "-uid" {
				return st.UID == id
			}
			return st.GID == id
		}
	case "-nouser":
		return func(_ string, st *vfs.Stat) bool { _, ok := p.t.LookupUID(st.UID); return !ok }
	case "-nogroup":
		return func(_ string, st *vfs.Stat) bool { _, ok := p.t.LookupGID(st.GID); return !ok }
	case "-links":
		n := number(arg())
		return func(_ string, st *vfs.Stat) bool { return n(int64(st.Nlink)) }
	case "-inum":
		n := number(arg())
		return func(_ string, st *vfs.Stat) bool { return n(int64(st.Ino)) }
	case "-samefile":
		st, _ := p.t.Stat(arg())
		return func(_ string, s *vfs.Stat) bool { return s.Ino == st.Ino && s.Dev == st.Dev }
	case "-print":
		f.acted = true
		return func(path string, _ *vfs.Stat) bool { p.puts(path + "\n"); return true }
	case "-print0":
		f.acted = true
		return func(path string, _ *vfs.Stat) bool { p.puts(path + "\x00"); return true }
	case "-printf":
		f.acted = true
		fm := arg()
		return func(path string, st *vfs.Stat) bool { p.puts(f.format(fm, path, st)); return true }
	case "-ls":
		f.acted = true
		return func(path string, st *vfs.Stat) bool {
			p.printf("%9d %6d %s %3d %-8s %-8s %8d %s %s\n", st.Ino, st.Blocks/2, st.Mode, st.Nlink, p.userName(st.UID), p.groupName(st.GID), st.Size, time.Unix(0, st.Mtime).In(p.zone()).Format("Jan _2 15:04"), path)
			return true
		}
	case "-delete":
		f.acted, f.depth = true, true
		return func(path string, st *vfs.Stat) bool {
			var err error
			if path == "." {
				return true
			}
			if st.Mode.IsDir() {
				err = p.t.Rmdir(path)
			} else {
				err = p.t.Unlink(path)
			}
			if err != nil {
				p.fail("cannot delete %s: %s", q(path), text(err))
			}
			return err == nil
		}
	case "-exec", "-execdir", "-ok":
		f.acted = true
		var argv []string
		for {
			if f.i >= len(f.a) {
				f.err = "missing argument to `" + op + "'"
				return yes
			}
			a := f.a[f.i]
			f.i++
			if a == ";" {
				break
			}
			if a == "+" && len(argv) > 0 && argv[len(argv)-1] == "{}" {
				x := &findPlus{argv: argv[:len(argv)-1]}
				f.plus = append(f.plus, x)
				return func(path string, _ *vfs.Stat) bool {
					x.args = append(x.args, path)
					if len(x.args) >= 1000 {
						f.flushPlus(x)
					}
					return true
				}
			}
			argv = append(argv, a)
		}
		if len(argv) == 0 {
			f.err = "missing argument to `" + op + "'"
			return yes
		}
		return func(path string, _ *vfs.Stat) bool {
			av := make([]string, len(argv))
			for i, a := range argv {
				av[i] = strings.ReplaceAll(a, "{}", path)
			}
			if op == "-ok" && !p.ask("< %s ... %s > ? ", argv[0], path) {
				return false
			}
			code, err := p.run(av)
			if err != nil {
				p.fail("%s: %s", q(argv[0]), text(err))
				return false
			}
			return code == 0
		}
	}
	p.unknown("option", op)
	if strings.HasPrefix(op, "-") {
		if p.bb {
			f.err = "unrecognized: " + op
		} else {
			f.err = "unknown predicate `" + op + "'"
		}
	} else {
		f.err = "paths must precede expression: `" + op + "'"
	}
	return yes
}

func (f *finder) flushPlus(x *findPlus) {
	if len(x.args) == 0 {
		return
	}
	code, err := f.p.run(append(append([]string(nil), x.argv...), x.args...))
	x.args = nil
	if err != nil {
		f.p.fail("%s: %s", q(x.argv[0]), text(err))
	} else if code != 0 {
		f.p.status = 1
	}
}

func (f *finder) format(fm, path string, st *vfs.Stat) string {
	var b strings.Builder
	fm, _ = unescape(fm, false)
	for i := 0; i < len(fm); i++ {
		if fm[i] != '%' || i+1 >= len(fm) {
			b.WriteByte(fm[i])
			continue
		}
		i++
		tm := time.Unix(0, st.Mtime).In(f.p.zone())
		switch fm[i] {
		case 'p':
			b.WriteString(path)
		case 'P':
			_, r, _ := strings.Cut(path, "/")
			b.WriteString(r)
		case 'f':
			b.WriteString(base(path))
		case 'h':
			b.WriteString(dirname(path))
		case 's':
			b.WriteString(strconv.FormatInt(st.Size, 10))
		case 'm':
			b.WriteString(strconv.FormatUint(uint64(st.Mode.Perm()), 8))
		case 'M':
			b.WriteString(st.Mode.String())
		case 'u':
			b.WriteString(f.p.userName(st.UID))
		case 'g':
			b.WriteString(f.p.groupName(st.GID))
		case 'U':
			b.WriteString(strconv.Itoa(int(st.UID)))
		case 'G':
			b.WriteString(strconv.Itoa(int(st.GID)))
		case 'i':
			b.WriteString(strconv.FormatUint(st.Ino, 10))
		case 'd':
			b.WriteString(strconv.Itoa(f.curd))
		case 'l':
			l, _ := f.p.t.Readlink(path)
			b.WriteString(l)
		case 'y':
			b.WriteString(string("?pc?d?b?f?l?s"[st.Mode.Type()>>12]))
		case 't':
			b.WriteString(tm.Format("Mon Jan _2 15:04:05.0000000000 2006"))
		case 'T', 'A', 'C':
			if i++; i < len(fm) {
				if fm[i] == '@' {
					b.WriteString(strconv.FormatInt(st.Mtime/1e9, 10) + ".0000000000")
				} else {
					b.WriteString(strftime("%"+fm[i:i+1], tm))
				}
			}
		case '%':
			b.WriteByte('%')
		default:
			b.WriteString(fm[i-1 : i+1])
		}
	}
	return b.String()
}

func cmdXargs(p *P) int {
	opts, args, ok := p.getopt("+0n:I:i::rtd:P:L:l::s:E:e::xpa:", "null=0", "max-args:=n", "replace?=i", "no-run-if-empty=r", "verbose=t", "delimiter:=d", "max-procs:=P", "max-lines?=l", "max-chars:=s", "arg-file:=a")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		args = []string{"echo"}
	}
	r := p.in
	if a, has := f["a"]; has {
		fd, err := p.open(a)
		if err != nil {
			p.errf("Cannot open input file %s: %s", q(a), text(err))
			return 1
		}
		r = bufio.NewReader(p.t.Reader(fd))
	}
	repl, lines := f["I"], f.has("I")
	if v, has := f["i"]; has {
		repl, lines = v, true
		if v == "" {
			repl = "{}"
		}
	}
	if f.has("L") || f.has("l") {
		lines = true
	}
	data := string(p.readAll(r))
	var items []string
	switch {
	case f.has("0"):
		items = strings.Split(strings.TrimSuffix(data, "\x00"), "\x00")
		if data == "" {
			items = nil
		}
	case f.has("d"):
		d, _ := unescape(f["d"], false)
		items = strings.Split(strings.TrimSuffix(data, d), d)
		if data == "" {
			items = nil
		}
	case lines:
		for _, l := range strings.Split(data, "\n") {
			if strings.TrimSpace(l) != "" {
				if repl != "" {
					w, bad := shellWords(l, true)
					if bad == "" && len(w) == 1 {
						l = w[0]
					}
					items = append(items, strings.TrimLeft(l, " \t"))
				} else {
					items = append(items, l)
				}
			}
		}
	default:
		var bad string
		if items, bad = shellWords(data, false); bad != "" {
			p.errf("%s", bad)
			return 1
		}
	}
	run := func(argv []string) int {
		if f.has("t") {
			p.raw("%s\n", strings.Join(argv, " "))
		}
		code, err := p.run(argv)
		if err != nil {
			p.errf("%s: %s", argv[0], text(err))
			if err == vfs.ENOENT {
				return 127
			}
			return 126
		}
		switch {
		case code == 255:
			p.errf("%s: exited with status 255; aborting", argv[0])
			return 124
		case code > 128:
			p.errf("%s: terminated by signal %d", argv[0], code-128)
			return 125
		case code != 0:
			p.status = 123
		}
		return 0
	}
	switch {
	case repl != "":
		for _, it := range items {
			av := make([]string, len(args))
			for i, a := range args {
				av[i] = strings.ReplaceAll(a, repl, it)
			}
			if c := run(av); c != 0 {
				return c
			}
		}
	default:
		n := 5000
		if v, has := f["n"]; has {
			n = int(max(1, toInt(v)))
		}
		if lines {
			n = 1
			if v := f["L"]; v != "" {
				n = int(max(1, toInt(v)))
			}
		}
		if len(items) == 0 {
			if f.has("r") || p.bb && false {
				return 0
			}
			return max(run(args), p.status)
		}
		for len(items) > 0 {
			m := min(n, len(items))
			batch := items[:m]
			if lines {
				batch = strings.Fields(strings.Join(batch, " "))
			}
			if c := run(append(append([]string(nil), args...), batch...)); c != 0 {
				return c
			}
			items = items[m:]
		}
	}
	return p.status
}

// shellWords splits as xargs does: blanks, quotes, backslashes.
func shellWords(s string, line bool) ([]string, string) {
	var out []string
	var b strings.Builder
	in := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'' || c == '"':
			j := strings.IndexByte(s[i+1:], c)
			if j < 0 {
				name := "single"
				if c == '"' {
					name = "double"
				}
				return nil, "unmatched " + name + " quote; by default quotes are special to xargs unless you use the -0 option"
			}
			b.WriteString(s[i+1 : i+1+j])
			in = true
			i += j + 1
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
			in = true
		case (c == ' ' || c == '\t') && !line, c == '\n':
			if in {
				out = append(out, b.String())
				b.Reset()
				in = false
			}
		default:
			b.WriteByte(c)
			in = true
		}
	}
	if in {
		out = append(out, b.String())
	}
	return out, ""
}
