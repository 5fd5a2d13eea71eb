package program

import (
	"bufio"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	if strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}

type lsEntry struct {
	name string // as shown
	path string
	st   vfs.Stat
	to   string // of a link, where it was read with the directory
}

func cmdLs(p *P) int {
	opts, args, ok := p.getoptArgs(p.args, 2, "aAlhdRrtS1inFLCcuUXxpgGokqQsHmNZfT:w:I:b", "all=a", "almost-all=A", "human-readable=h", "directory=d", "recursive=R", "reverse=r", "color?=color",
		"inode=i", "numeric-uid-gid=n", "classify=F", "dereference=L", "full-time=full", "group-directories-first=gdf", "size=s", "sort:=sort", "time:=time", "time-style:=ts", "no-group=G", "si=h", "hide:=I", "format:=format", "quote-name=Q", "literal=N")
	if !ok {
		return p.status
	}
	f := set(opts)
	if f.has("n") || f.has("g") || f.has("o") || f.has("full") {
		f["l"] = ""
	}
	if f.has("f") {
		f["a"], f["U"] = "", ""
	}
	switch f["sort"] {
	case "time":
		f["t"] = ""
	case "size":
		f["S"] = ""
	}
	tty := p.t.IsTTY(1)
	long := f.has("l")
	if len(args) == 0 {
		args = []string{"."}
	}
	var files, dirs []lsEntry
	for _, a := range args {
		st, err := p.t.Lstat(a)
		if err == nil && st.Mode.IsLink() && !f.has("d") && (!long || strings.HasSuffix(a, "/")) || f.has("L") || f.has("H") {
			if s2, e2 := p.t.Stat(a); e2 == nil {
				st = s2
			}
		}
		if err != nil {
			if p.bb {
				p.errf("%s: %s", a, text(err))
				p.status = 1
			} else {
				p.errf("cannot access %s: %s", q(a), text(err))
				p.status = 2
			}
			continue
		}
		e := lsEntry{name: a, path: a, st: st}
		if st.Mode.IsDir() && !f.has("d") {
			dirs = append(dirs, e)
		} else {
			files = append(files, e)
		}
	}
	l := &lister{p: p, f: f, tty: tty, now: p.t.Now()}
	l.sort(files)
	l.sort(dirs)
	l.show(files)
	for i, d := range dirs {
		if len(files) > 0 || i > 0 {
			p.puts("\n")
		}
		l.dir(d.path, len(args) > 1 || f.has("R"), 0)
	}
	return p.status
}

type lister struct {
	p      *P
	f      flags
	tty    bool
	now    time.Time
	users  map[uint32]string
	groups map[uint32]string
}

func (l *lister) dir(path string, head bool, depth int) {
	p := l.p
	if head {
		p.puts(path + ":\n")
	}
	// The directory is open while it is read: /proc/self/fd shows it.
	fd, derr := p.t.Open(path, kernel.O_RDONLY|kernel.O_DIRECTORY|kernel.O_CLOEXEC, 0)
	closed := derr != nil
	shut := func() {
		if !closed {
			closed = true
			p.t.Close(fd)
		}
	}
	defer shut()
	ents, err := p.t.ReadDir(path)
	if err != nil {
		if p.bb {
			p.errf("can't open '%s': %s", path, text(err))
		} else {
			p.errf("cannot open directory %s: %s", q(path), text(err))
		}
		p.status = max(p.status, 1)
		if depth == 0 && !p.bb {
			p.status = 2
		}
		return
	}
	var list []lsEntry
	if l.f.has("a") {
		for _, n := range []string{".", ".."} {
			if st, err := p.t.Lstat(join(path, n)); err == nil {
				list = append(list, lsEntry{name: n, path: join(path, n), st: st})
			}
		}
	}
	for _, d := range ents {
		if strings.HasPrefix(d.Name, ".") && !l.f.has("a") && !l.f.has("A") {
			continue
		}
		full := join(path, d.Name)
		st, err := p.t.Lstat(full)
		if err != nil {
			continue
		}
		if l.f.has("L") {
			if s2, err := p.t.Stat(full); err == nil {
				st = s2
			}
		}
		e := lsEntry{name: d.Name, path: full, st: st}
		if st.Mode.IsLink() && l.f.has("l") && !p.bb {
			e.to, _ = p.t.Readlink(full) // while it is open, which BusyBox does not
		}
		list = append(list, e)
	}
	shut()
	l.sort(list)
	if l.f.has("l") || l.f.has("s") {
		var blocks int64
		for _, e := range list {
			blocks += e.st.Blocks
		}
		if l.f.has("h") {
			p.printf("total %s\n", human(blocks*512))
		} else {
			p.printf("total %d\n", blocks/2)
		}
	}
	l.show(list)
	if l.f.has("R") && depth < 200 {
		for _, e := range list {
			if e.st.Mode.IsDir() && e.name != "." && e.name != ".." {
				p.puts("\n")
				l.dir(e.path, true, depth+1)
			}
		}
	}
}

func (l *lister) sort(list []lsEntry) {
	less := func(a, b *lsEntry) bool { return a.name < b.name }
	switch {
	case l.f.has("U"):
		return
	case l.f.has("t"):
		less = func(a, b *lsEntry) bool {
			if a.st.Mtime != b.st.Mtime {
				return a.st.Mtime > b.st.Mtime
			}
			return a.name < b.name
		}
	case l.f.has("S"):
		less = func(a, b *lsEntry) bool {
			if a.st.Size != b.st.Size {
				return a.st.Size > b.st.Size
			}
			return a.name < b.name
		}
	case l.f.has("X"):
		ext := func(s string) string { return s[strings.LastIndexByte("."+s, '.'):] }
		less = func(a, b *lsEntry) bool {
			if x, y := ext(a.name), ext(b.name); x != y {
				return x < y
			}
			return a.name < b.name
		}
	}
	r := l.f.has("r")
	sort.SliceStable(list, func(i, j int) bool {
		if l.f.has("gdf") && list[i].st.Mode.IsDir() != list[j].st.Mode.IsDir() {
			return list[i].st.Mode.IsDir()
		}
		if r {
			return less(&list[j], &list[i])
		}
		return less(&list[i], &list[j])
	})
}

func human(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10)
	}
	f := float64(n)
	for _, u := range "KMGTPE" {
		f /= 1024
		if f < 1023.5 || u == 'E' {
			if f < 9.95 {
				// GNU rounds up.
				t := float64(int64(f*10+0.9999)) / 10
				if t < 10 {
					return fmt.Sprintf("%.1f%c", t, u)
				}
			}
			return fmt.Sprintf("%d%c", int64(f+0.9999), u)
		}
	}
	return ""
}

func (l *lister) user(id uint32) string {
	if l.users == nil && !l.f.has("n") {
		l.users = map[uint32]string{}
		for _, u := range l.p.t.Users() {
			if _, ok := l.users[u.UID]; !ok {
				l.users[u.UID] = u.Name
			}
		}
	}
	return owner(l.users, id)
}

func (l *lister) group(id uint32) string {
	if l.groups == nil && !l.f.has("n") {
		l.groups = map[uint32]string{}
		for _, g := range l.p.t.Groups() {
			if _, ok := l.groups[g.GID]; !ok {
				l.groups[g.GID] = g.Name
			}
		}
	}
	return owner(l.groups, id)
}

// owner gives id's name, or its number where names, empty under -n, lacks it.
func owner(names map[uint32]string, id uint32) string {
	if n, ok := names[id]; ok {
		return n
	}
	return strconv.Itoa(int(id))
}

func (l *lister) decorate(e *lsEntry) string {
	name := e.name
	if l.f.has("Q") {
		name = strconv.Quote(name)
	} else if l.tty && !l.p.bb && !l.f.has("N") && shellQuote(name) != name {
		name = shellQuote(name)
	}
	if c, ok := l.f["color"]; ok && (c == "" || c == "always" || c == "auto" && l.tty) {
		code := ""
		m := e.st.Mode
		switch {
		case m.IsDir() && m&vfs.S_ISVTX != 0:
			code = "30;42"
		case m.IsDir():
			code = "01;34"
		case m.IsLink():
			code = "01;36"
		case m.Type() == vfs.S_IFCHR || m.Type() == vfs.S_IFBLK:
			code = "40;33;01"
		case m.Type() == vfs.S_IFIFO:
			code = "40;33"
		case m&vfs.S_ISUID != 0:
			code = "37;41"
		case m&0o111 != 0:
			code = "01;32"
		}
		if code != "" {
			name = "\x1b[0m\x1b[" + code + "m" + name + "\x1b[0m"
		}
	}
	if l.f.has("F") || l.f.has("p") {
		m := e.st.Mode
		switch {
		case m.IsDir():
			name += "/"
		case l.f.has("p"):
		case m.IsLink():
			if !l.f.has("l") {
				name += "@"
			}
		case m.Type() == vfs.S_IFIFO:
			name += "|"
		case m.Type() == vfs.S_IFSOCK:
			name += "="
		case m.IsRegular() && m&0o111 != 0:
			name += "*"
		}
	}
	return name
}

func (l *lister) show(list []lsEntry) {
	if len(list) == 0 {
		return
	}
	p, f := l.p, l.f
	if !f.has("l") {
		names := make([]string, len(list))
		for i := range list {
			names[i] = l.decorate(&list[i])
			if f.has("s") {
				names[i] = fmt.Sprintf("%d %s", list[i].st.Blocks/2, names[i])
			}
			if f.has("i") {
				names[i] = fmt.Sprintf("%d %s", list[i].st.Ino, names[i])
			}
		}
		switch {
		case f.has("m"):
			p.puts(strings.Join(names, ", ") + "\n")
		case (l.tty || f.has("C") || f.has("x")) && !f.has("1"):
			width := 80
			if file, err := p.t.File(1); err == nil && file.PTY() != nil {
				if _, c := file.PTY().Size(); c > 0 {
					width = int(c)
				}
			}
			p.puts(columns(names, width))
		default:
			for _, n := range names {
				p.puts(n + "\n")
			}
		}
		return
	}
	var wl, wu, wg, ws, wi, wmaj, wmin int
	type row struct{ links, user, group, size, ino string }
	rows := make([]row, len(list))
	for i := range list {
		st := &list[i].st
		r := row{strconv.Itoa(int(st.Nlink)), l.user(st.UID), l.group(st.GID), "", strconv.FormatUint(st.Ino, 10)}
		switch t := st.Mode.Type(); {
		case t == vfs.S_IFCHR || t == vfs.S_IFBLK:
			wmaj = max(wmaj, len(strconv.Itoa(int(vfs.Major(st.Rdev)))))
			wmin = max(wmin, len(strconv.Itoa(int(vfs.Minor(st.Rdev)))))
		case f.has("h"):
			r.size = human(st.Size)
		default:
			r.size = strconv.FormatInt(st.Size, 10)
		}
		rows[i] = r
		wl, wu, wg, ws, wi = max(wl, len(r.links)), max(wu, len(r.user)), max(wg, len(r.group)), max(ws, len(r.size)), max(wi, len(r.ino))
	}
	if p.bb {
		wl, wu, wg, ws = max(wl, 4), max(wu, 8), max(wg, 8), max(ws, 9)
	}
	if wmin > 0 {
		ws = max(ws, wmaj+wmin+2)
	}
	for i := range list {
		e, r := &list[i], rows[i]
		st := &e.st
		if f.has("i") {
			p.printf("%*s ", wi, r.ino)
		}
		if t := st.Mode.Type(); t == vfs.S_IFCHR || t == vfs.S_IFBLK {
			r.size = fmt.Sprintf("%*d, %*d", ws-wmin-2, vfs.Major(st.Rdev), wmin, vfs.Minor(st.Rdev))
		}
		p.printf("%s %*s ", st.Mode, wl, r.links)
		if !f.has("g") {
			p.printf("%-*s ", wu, r.user)
		}
		if !f.has("G") && !f.has("o") {
			p.printf("%-*s ", wg, r.group)
		}
		p.printf("%*s ", ws, r.size)
		mt := time.Unix(0, st.Mtime).In(p.zone())
		if f["ts"] == "full-iso" {
			f["full"] = ""
		}
		switch age := l.now.Sub(mt); {
		case f.has("full"):
			p.puts(mt.Format("2006-01-02 15:04:05.000000000 -0700"))
		case strings.HasPrefix(f["ts"], "+"):
			p.puts(strftime(f["ts"][1:], mt))
		case f["ts"] == "long-iso":
			p.puts(mt.Format("2006-01-02 15:04"))
		case age > 15778476*time.Second || age < -time.Hour:
			p.puts(mt.Format("Jan _2  2006"))
		default:
			p.puts(mt.Format("Jan _2 15:04"))
		}
		p.puts(" " + l.decorate(e))
		if st.Mode.IsLink() {
			to, err := e.to, error(nil)
			if to == "" {
				if to, err = p.t.Readlink(e.path); err != nil && p.bb {
					p.errf("%s: cannot read link: %s", e.path, text(err))
				}
			}
			if err == nil {
				p.puts(" -> " + to)
			}
		}
		p.puts("\n")
	}
}

// columns lays names out down the columns, as ls does on a terminal.
func columns(names []string, width int) string {
	lens := make([]int, len(names))
	for i, n := range names {
		w := 0
		esc := false
		for _, c := range n {
			switch {
			case c == 27:
				esc = true
			case esc && c == 'm':
				esc = false
			case !esc:
				w++
			}
		}
		lens[i] = w
	}
	rows := 1
	var ws []int
	for ; rows < len(names); rows++ {
		ws = nil
		total := 0
		for c := 0; c < len(names); c += rows {
			w := 0
			for i := c; i < min(c+rows, len(names)); i++ {
				w = max(w, lens[i])
			}
			ws = append(ws, w+2)
			total += w + 2
		}
		if total-2 < width {
			break
		}
	}
	if rows >= len(names) {
		ws = []int{0}
	}
	var b strings.Builder
	for r := range rows {
		for c := 0; c*rows+r < len(names); c++ {
			i := c*rows + r
			b.WriteString(names[i])
			if (c+1)*rows+r < len(names) {
				b.WriteString(strings.Repeat(" ", ws[c]-lens[i]))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func cmdCat(p *P) int {
	opts, args, ok := p.getopt("nbsvetAETu", "number=n", "show-all=A", "show-ends=E", "show-tabs=T", "show-nonprinting=v", "squeeze-blank=s", "number-nonblank=b")
	if !ok {
		return p.status
	}
	f := set(opts)
	if f.has("A") {
		f["v"], f["E"], f["T"] = "", "", ""
	}
	if f.has("e") {
		f["v"], f["E"] = "", ""
	}
	if f.has("t") {
		f["v"], f["T"] = "", ""
	}
	delete(f, "u")
	if len(args) == 0 {
		args = []string{"-"}
	}
	n := 0
	blank := false
	last := -1 // is closed before the next is opened: there may be more files than descriptors
	done := func() {
		if last >= 0 {
			p.t.Close(last)
			last = -1
		}
	}
	defer done()
	for _, a := range args {
		done()
		var r io.Reader = p.in
		if a != "-" {
			fd, err := p.open(a)
			if err != nil {
				p.openFail(a, err)
				continue
			}
			last = fd
			r = p.t.Reader(fd)
		}
		if len(f) == 0 {
			// Straight through: what comes slowly is passed on at once.
			p.out.Flush()
			buf := make([]byte, 32<<10)
			for {
				m, err := r.Read(buf)
				if m > 0 {
					if _, werr := p.t.Stdout().Write(buf[:m]); werr != nil {
						p.errf("write error: %s", text(werr))
						return 1
					}
				}
				if err != nil {
					if err != io.EOF {
						p.openFail(a, err)
					}
					break
				}
			}
			continue
		}
		p.files([]string{a}, func(_ string, br *bufio.Reader) bool {
			for {
				line, nl, more := p.readLine(br)
				if !more {
					return true
				}
				if f.has("s") && line == "" && blank {
					continue
				}
				blank = line == ""
				if f.has("n") && !f.has("b") || f.has("b") && line != "" {
					n++
					p.printf("%6d\t", n)
				}
				if f.has("v") || f.has("T") {
					line = visible(line, f.has("v"), f.has("T"))
				}
				p.puts(line)
				if nl {
					if f.has("E") {
						p.puts("$")
					}
					p.puts("\n")
				}
			}
		})
	}
	return p.status
}

func visible(s string, ctl, tabs bool) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c == '\t' {
			if tabs {
				b.WriteString("^I")
			} else {
				b.WriteByte(c)
			}
			continue
		}
		if !ctl {
			b.WriteByte(c)
			continue
		}
		if c >= 128 {
			b.WriteString("M-")
			c -= 128
		}
		switch {
		case c < 32:
			b.WriteByte('^')
			b.WriteByte(c + 64)
		case c == 127:
			b.WriteString("^?")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// copyFile copies a regular file's bytes.
func (p *P) copyFile(src, dst string, mode vfs.Mode) error {
	in, err := p.t.Open(src, kernel.O_RDONLY|kernel.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer p.t.Close(in)
	out, err := p.t.Open(dst, kernel.O_WRONLY|kernel.O_CREAT|kernel.O_TRUNC|kernel.O_CLOEXEC, mode)
	if err != nil {
		return err
	}
	defer p.t.Close(out)
	if p.t.CopyRange(out, in) == nil {
		return nil
	}
	_, err = io.CopyBuffer(writerOnly{p.t.Writer(out)}, readerOnly{p.t.Reader(in)}, make([]byte, 64<<10))
	return err
}

type writerOnly struct{ io.Writer }
type readerOnly struct{ io.Reader }

// copier is what cp, mv across filesystems and install share.
type copier struct {
	p                                  *P
	recursive, preserve, force, nofoll bool
	interactive, noclobber, update     bool
	verbose, link, symlink, removeDest bool
}

func (c *copier) copy(src, dst string, depth int) bool {
	p := c.p
	st, err := p.t.Lstat(src)
	if err == nil && st.Mode.IsLink() && !c.nofoll {
		st, err = p.t.Stat(src)
	}
	if err != nil {
		if p.bb {
			p.fail("can't stat '%s': %s", src, text(err))
		} else {
			p.fail("cannot stat %s: %s", q(src), text(err))
		}
		return false
	}
	old, oerr := p.t.Stat(dst)
	if st.Mode.IsDir() {
		if !c.recursive {
			if p.bb {
				p.fail("omitting directory '%s'", src)
			} else {
				p.fail("-r not specified; omitting directory %s", q(src))
			}
			return false
		}
		if depth > 200 {
			return false
		}
		if oerr == nil && !old.Mode.IsDir() {
			p.fail("cannot overwrite non-directory %s with directory %s", q(dst), q(src))
			return false
		}
		if rs, e := p.t.Realpath(src); e == nil {
			if rd, e := p.t.Realpath(dirname(dst)); e == nil && (rd == rs || strings.HasPrefix(rd, rs+"/")) {
				p.fail("cannot copy a directory, %s, into itself, %s", q(src), q(dst))
				return false
			}
		}
		if oerr != nil {
			if err := p.t.Mkdir(dst, st.Mode.Perm()|0o700); err != nil {
				p.fail("cannot create directory %s: %s", q(dst), text(err))
				return false
			}
		}
		ents, err := p.t.ReadDir(src)
		if err != nil {
			p.fail("cannot access %s: %s", q(src), text(err))
			return false
		}
		if c.verbose {
			p.printf("%s -> %s\n", q(src), q(dst))
		}
		ok := true
		for _, e := range ents {
			ok = c.copy(join(src, e.Name), join(dst, e.Name), depth+1) && ok
		}
		c.attrs(dst, st)
		return ok
	}
	if oerr == nil {
		if old.Dev == st.Dev && old.Ino == st.Ino {
			p.fail("%s and %s are the same file", q(src), q(dst))
			return false
		}
		if c.noclobber || c.update && old.Mtime >= st.Mtime {
			return true
		}
		if old.Mode.IsDir() {
			p.fail("cannot overwrite directory %s with non-directory", q(dst))
			return false
		}
		if c.interactive && !p.ask("overwrite %s? ", q(dst)) {
			return true
		}
		if c.removeDest {
			p.t.Unlink(dst)
		}
	}
	switch t := st.Mode.Type(); {
	case c.link:
		err = p.t.Link(src, dst)
	case c.symlink:
		err = p.t.Symlink(src, dst)
	case t == vfs.S_IFLNK:
		var to string
		if to, err = p.t.Readlink(src); err == nil {
			if _, e := p.t.Lstat(dst); e == nil {
				p.t.Unlink(dst)
			}
			err = p.t.Symlink(to, dst)
		}
	case t == vfs.S_IFREG || !c.recursive:
		err = p.copyFile(src, dst, st.Mode.Perm())
		if err == vfs.ETXTBSY || err == vfs.EACCES || err == vfs.EPERM {
			if c.force && p.t.Unlink(dst) == nil {
				err = p.copyFile(src, dst, st.Mode.Perm())
			}
		}
	default:
		err = p.t.Mknod(dst, st.Mode, st.Rdev)
	}
	if err != nil {
		switch {
		case p.t.Access(src, vfs.MayRead) != nil:
			if p.bb {
				p.fail("can't open '%s': %s", src, text(err))
			} else {
				p.fail("cannot open %s for reading: %s", q(src), text(err))
			}
		case p.bb:
			p.fail("can't create '%s': %s", dst, text(err))
		default:
			if strings.HasSuffix(dst, "/") {
				err = vfs.ENOTDIR
			}
			p.fail("cannot create regular file %s: %s", q(dst), text(err))
		}
		return false
	}
	if c.verbose {
		p.printf("%s -> %s\n", q(src), q(dst))
	}
	c.attrs(dst, st)
	return true
}

func (c *copier) attrs(dst string, st vfs.Stat) {
	if !c.preserve {
		return
	}
	t := c.p.t
	_ = t.Lchown(dst, int(st.UID), int(st.GID)) // the original tries, and goes on
	if !st.Mode.IsLink() {
		_ = t.Chmod(dst, st.Mode.Perm()) // the original tries, and goes on
	}
	a, m := time.Unix(0, st.Atime), time.Unix(0, st.Mtime)
	_ = t.Utimes(dst, &a, &m, false) // the original tries, and goes on
}

func (p *P) ask(format string, a ...any) bool {
	p.raw("%s: "+format, append([]any{p.name}, a...)...)
	l, _, _ := p.readLine(p.in)
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(l)), "y")
}

// targets splits cp's and mv's operands: the destination, and whether it is a
// directory that takes them all.
func (p *P) targets(args []string, f flags) (src []string, dst string, isDir, ok bool) {
	if d, has := f["t"]; has {
		if st, err := p.t.Stat(d); err != nil || !st.Mode.IsDir() {
			if err == nil {
				err = vfs.ENOTDIR
			}
			p.errf("target directory %s: %s", q(d), text(err))
			return nil, "", false, false
		}
		return args, d, true, len(args) > 0
	}
	if len(args) == 0 {
		if !p.bb {
			p.errf("missing file operand")
		}
		p.try(1)
		return nil, "", false, false
	}
	if len(args) == 1 {
		if !p.bb {
			p.errf("missing destination file operand after %s", q(args[0]))
		}
		p.try(1)
		return nil, "", false, false
	}
	dst = args[len(args)-1]
	src = args[:len(args)-1]
	st, err := p.t.Stat(dst)
	isDir = err == nil && st.Mode.IsDir() && !f.has("T")
	if len(src) > 1 && !isDir {
		if p.bb {
			p.errf("target '%s' is not a directory", dst)
		} else {
			p.errf("target %s is not a directory", q(dst))
		}
		return nil, "", false, false
	}
	return src, dst, isDir, true
}

func cmdCp(p *P) int {
	opts, args, ok := p.getopt("rRadpfinuvlsLPHTt:xbZ", "recursive=r", "archive=a", "force=f", "interactive=i", "no-clobber=n", "update=u", "verbose=v", "link=l", "symbolic-link=s", "preserve?=p", "no-dereference=P",
		"dereference=L", "no-target-directory=T", "target-directory:=t", "parents=parents", "remove-destination=rmd", "reflink?=x", "sparse:=x", "no-preserve:=x", "backup?=b")
	if !ok {
		return p.status
	}
	f := set(opts)
	src, dst, isDir, ok := p.targets(args, f)
	if !ok {
		return 1
	}
	c := &copier{p: p, recursive: f.has("r") || f.has("R") || f.has("a"), preserve: f.has("p") || f.has("a"), force: f.has("f"),
		nofoll: (f.has("a") || f.has("d") || f.has("P") || f.has("r") || f.has("R")) && !f.has("L"), interactive: f.has("i"), noclobber: f.has("n"), update: f.has("u"),
		verbose: f.has("v"), link: f.has("l"), symlink: f.has("s"), removeDest: f.has("rmd")}
	for _, s := range src {
		d := dst
		if isDir {
			if f.has("parents") {
				d = join(dst, strings.TrimLeft(s, "/"))
				p.t.MkdirAll(dirname(d))
			} else {
				d = join(dst, base(s))
				if b := base(s); b == "." || b == ".." {
					d = dst
				}
			}
		}
		c.copy(s, d, 0)
	}
	return p.status
}

func cmdMv(p *P) int {
	opts, args, ok := p.getopt("finuvTt:bZ", "force=f", "interactive=i", "no-clobber=n", "update=u", "verbose=v", "no-target-directory=T", "target-directory:=t", "backup?=b")
	if !ok {
		return p.status
	}
	f := set(opts)
	src, dst, isDir, ok := p.targets(args, f)
	if !ok {
		return 1
	}
	for _, s := range src {
		d := dst
		if isDir {
			d = join(dst, base(s))
		}
		st, err := p.t.Lstat(s)
		if err != nil {
			if p.bb {
				p.fail("can't rename '%s': %s", s, text(err))
			} else {
				p.fail("cannot stat %s: %s", q(s), text(err))
			}
			continue
		}
		if old, err := p.t.Lstat(d); err == nil {
			if old.Dev == st.Dev && old.Ino == st.Ino {
				p.fail("%s and %s are the same file", q(s), q(d))
				continue
			}
			if f.has("n") || f.has("u") && old.Mtime >= st.Mtime {
				continue
			}
			if f.has("i") && !f.has("f") && !p.ask("overwrite %s? ", q(d)) {
				continue
			}
			if old.Mode.IsDir() && !st.Mode.IsDir() {
				p.fail("cannot overwrite directory %s with non-directory", q(d))
				continue
			}
		}
		err = p.t.Rename(s, d)
		if err == vfs.EXDEV {
			c := &copier{p: p, recursive: true, preserve: true, nofoll: true}
			if !st.Mode.IsDir() {
				p.t.Unlink(d)
			}
			if !c.copy(s, d, 0) {
				continue
			}
			(&remover{p: p, recursive: true, force: true}).remove(s, 0)
			err = nil
		}
		if err != nil {
			switch {
			case p.bb:
				p.fail("can't rename '%s': %s", s, text(err))
			case err == vfs.EINVAL:
				p.fail("cannot move %s to a subdirectory of itself, %s", q(s), q(d))
			default:
				p.fail("cannot move %s to %s: %s", q(s), q(d), text(err))
			}
			continue
		}
		if f.has("v") {
			p.printf("renamed %s -> %s\n", q(s), q(d))
		}
	}
	return p.status
}

type remover struct {
	p                                            *P
	recursive, force, verbose, interactive, dirs bool
}

func (r *remover) remove(path string, depth int) bool {
	p := r.p
	cannot := func(err error) bool {
		if p.bb {
			p.fail("can't remove '%s': %s", path, text(err))
		} else {
			p.fail("cannot remove %s: %s", q(path), text(err))
		}
		return false
	}
	st, err := p.t.Lstat(path)
	if err != nil {
		if r.force && (err == vfs.ENOENT || err == vfs.ENOTDIR) {
			return true
		}
		return cannot(err)
	}
	if !st.Mode.IsDir() {
		if r.interactive && !p.ask("remove %s %s? ", kindName(st), q(path)) {
			return true
		}
		if err := p.t.Unlink(path); err != nil {
			return cannot(err)
		}
		if r.verbose {
			p.printf("removed %s\n", q(path))
		}
		return true
	}
	if !r.recursive {
		if r.dirs {
			if err := p.t.Rmdir(path); err != nil {
				return cannot(err)
			}
			return true
		}
		if p.bb {
			p.fail("'%s' is a directory", path)
			return false
		}
		return cannot(vfs.EISDIR)
	}
	if depth > 1000 {
		return cannot(vfs.ENAMETOOLONG)
	}
	ents, err := p.t.ReadDir(path)
	if err != nil {
		return cannot(err)
	}
	ok := true
	for _, e := range ents {
		ok = r.remove(join(path, e.Name), depth+1) && ok
	}
	if !ok {
		return false
	}
	if err := p.t.Rmdir(path); err != nil {
		return cannot(err)
	}
	if r.verbose {
		p.printf("removed directory %s\n", q(path))
	}
	return true
}

func kindName(st vfs.Stat) string {
	switch st.Mode.Type() {
	case vfs.S_IFDIR:
		return "directory"
	case vfs.S_IFLNK:
		return "symbolic link"
	case vfs.S_IFCHR:
		return "character special file"
	case vfs.S_IFBLK:
		return "block special file"
	case vfs.S_IFIFO:
		return "fifo"
	case vfs.S_IFSOCK:
		return "socket"
	}
	if st.Size == 0 {
		return "regular empty file"
	}
	return "regular file"
}

func cmdRm(p *P) int {
	opts, args, ok := p.getopt("rRfivId", "recursive=r", "force=f", "interactive?=i", "verbose=v", "dir=d", "no-preserve-root=npr", "preserve-root?=x", "one-file-system=x")
	if !ok {
		return p.status
	}
	f := set(opts)
	r := &remover{p: p, recursive: f.has("r") || f.has("R"), force: f.has("f"), verbose: f.has("v"), interactive: f.has("i") && !f.has("f"), dirs: f.has("d")}
	if len(args) == 0 {
		if r.force {
			return 0
		}
		return p.missing()
	}
	for _, a := range args {
		if b := base(a); r.recursive && (b == "." || b == "..") {
			p.fail("refusing to remove '.' or '..' directory: skipping %s", q(a))
			continue
		}
		if r.recursive && !f.has("npr") && !p.bb {
			if rp, err := p.t.Realpath(a); err == nil && rp == "/" {
				p.errf("it is dangerous to operate recursively on '/'")
				p.fail("use --no-preserve-root to override this failsafe")
				continue
			}
		}
		r.remove(a, 0)
	}
	return p.status
}

func cmdMkdir(p *P) int {
	opts, args, ok := p.getopt("pm:vZ", "parents=p", "mode:=m", "verbose=v")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		return p.missing()
	}
	mode := vfs.Mode(0o777)
	if m, has := f["m"]; has {
		v, good := parseMode(m, 0o777, true, 0)
		if !good {
			p.errf("invalid mode %s", q(m))
			return 1
		}
		mode = v
	}
	for _, a := range args {
		if f.has("p") {
			if st, err := p.t.Stat(a); err == nil && st.Mode.IsDir() {
				continue
			}
			if d := dirname(a); d != "." && d != "/" {
				if err := p.t.MkdirAll(d); err != nil {
					p.mkdirFail(a, err)
					continue
				}
			}
		}
		if err := p.t.Mkdir(a, mode); err != nil {
			p.mkdirFail(a, err)
			continue
		}
		if f.has("m") {
			_ = p.t.Chmod(a, mode) // the original tries, and goes on
		}
		if f.has("v") {
			p.printf("mkdir: created directory %s\n", q(a))
		}
	}
	return p.status
}

func (p *P) mkdirFail(a string, err error) {
	if p.bb {
		p.fail("can't create directory '%s': %s", a, text(err))
	} else {
		p.fail("cannot create directory %s: %s", q(a), text(err))
	}
}

func cmdRmdir(p *P) int {
	opts, args, ok := p.getopt("pv", "parents=p", "ignore-fail-on-non-empty=i", "verbose=v")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		return p.missing()
	}
	for _, a := range args {
		for {
			if err := p.t.Rmdir(a); err != nil {
				if f.has("i") && err == vfs.ENOTEMPTY {
					break
				}
				if p.bb {
					p.fail("'%s': %s", a, text(err))
				} else {
					p.fail("failed to remove %s: %s", q(a), text(err))
				}
				break
			}
			if a = dirname(a); !f.has("p") || a == "." || a == "/" {
				break
			}
		}
	}
	return p.status
}

func cmdLn(p *P) int {
	opts, args, ok := p.getopt("sfnvTt:rbiLP", "symbolic=s", "force=f", "no-dereference=n", "verbose=v", "no-target-directory=T", "target-directory:=t", "relative=r")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		if !p.bb {
			p.errf("missing file operand")
		}
		return p.try(1)
	}
	dst, isDir := ".", true
	src := args
	if d, has := f["t"]; has {
		dst = d
	} else if len(args) > 1 {
		dst, src = args[len(args)-1], args[:len(args)-1]
		st, err := p.t.Stat(dst)
		isDir = err == nil && st.Mode.IsDir() && !f.has("T")
		if f.has("n") {
			if l, err := p.t.Lstat(dst); err == nil && l.Mode.IsLink() {
				isDir = false
			}
		}
		if len(src) > 1 && !isDir {
			p.errf("target %s is not a directory", q(dst))
			return 1
		}
	}
	for _, s := range src {
		d := dst
		if isDir {
			d = join(dst, base(s))
		}
		if f.has("f") {
			if st, err := p.t.Lstat(d); err == nil && !st.Mode.IsDir() {
				p.t.Unlink(d)
			}
		}
		var err error
		if f.has("s") {
			if err = p.t.Symlink(s, d); err != nil {
				if p.bb {
					p.fail("%s: %s", d, text(err))
				} else {
					p.fail("failed to create symbolic link %s: %s", q(d), text(err))
				}
			}
		} else {
			if _, e := p.t.Lstat(s); e != nil {
				p.fail("failed to access %s: %s", q(s), text(e))
				continue
			}
			if err = p.t.Link(s, d); err != nil {
				if err == vfs.EPERM {
					p.fail("%s: hard link not allowed for directory", s)
				} else {
					p.fail("failed to create hard link %s => %s: %s", q(d), q(s), text(err))
				}
			}
		}
		if err == nil && f.has("v") {
			p.printf("%s -> %s\n", q(d), q(s))
		}
	}
	return p.status
}

func cmdTouch(p *P) int {
	opts, args, ok := p.getopt("acmhr:t:d:f", "no-create=c", "reference:=r", "date:=d", "no-dereference=h", "time:=x")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		if !p.bb {
			p.errf("missing file operand")
		}
		return p.try(1)
	}
	at := p.t.Now()
	mt := at
	switch {
	case f.has("r"):
		st, err := p.t.Stat(f["r"])
		if err != nil {
			p.errf("failed to get attributes of %s: %s", q(f["r"]), text(err))
			return 1
		}
		at, mt = time.Unix(0, st.Atime), time.Unix(0, st.Mtime)
	case f.has("d"):
		t, ok := parseDate(f["d"], at, p.zone())
		if !ok {
			p.errf("invalid date format %s", q(f["d"]))
			return 1
		}
		at, mt = t, t
	case f.has("t"):
		s, sec, _ := strings.Cut(f["t"], ".")
		if sec == "" {
			sec = "00"
		}
		switch len(s) {
		case 8:
			s = strconv.Itoa(at.Year()) + s
		case 10:
			s = "20" + s
		}
		t, err := time.ParseInLocation("200601021504.05", s+"."+sec, p.zone())
		if err != nil {
			p.errf("invalid date format %s", q(f["t"]))
			return 1
		}
		at, mt = t, t
	}
	pa, pm := &at, &mt
	if f.has("a") && !f.has("m") {
		pm = nil
	}
	if f.has("m") && !f.has("a") {
		pa = nil
	}
	for _, a := range args {
		err := p.t.Utimes(a, pa, pm, !f.has("h"))
		if err == vfs.ENOENT {
			if f.has("c") {
				continue
			}
			var fd int
			if fd, err = p.t.Open(a, kernel.O_WRONLY|kernel.O_CREAT|kernel.O_NONBLOCK, 0o666); err == nil {
				p.t.Close(fd)
				if len(f) > 0 {
					err = p.t.Utimes(a, pa, pm, true)
				}
			}
		}
		if err != nil {
			if p.bb {
				p.fail("%s: %s", a, text(err))
			} else if _, e := p.t.Lstat(a); e != nil {
				p.fail("cannot touch %s: %s", q(a), text(err))
			} else {
				p.fail("setting times of %s: %s", q(a), text(err))
			}
		}
	}
	return p.status
}

// parseMode reads chmod's modes against old.
func parseMode(s string, old vfs.Mode, dir bool, umask vfs.Mode) (vfs.Mode, bool) {
	if n, err := strconv.ParseUint(s, 8, 32); err == nil {
		return vfs.Mode(n), n <= 0o7777
	}
	for _, clause := range strings.Split(s, ",") {
		i := 0
		var who vfs.Mode
		for i < len(clause) && strings.IndexByte("ugoa", clause[i]) >= 0 {
			switch clause[i] {
			case 'u':
				who |= 0o4700
			case 'g':
				who |= 0o2070
			case 'o':
				who |= 0o1007
			case 'a':
				who |= 0o7777
			}
			i++
		}
		mask := vfs.Mode(0)
		if who == 0 {
			who, mask = 0o7777, umask
		}
		if i >= len(clause) {
			return 0, false
		}
		for i < len(clause) {
			op := clause[i]
			if op != '+' && op != '-' && op != '=' {
				return 0, false
			}
			i++
			var bits vfs.Mode
			for i < len(clause) && strings.IndexByte("+-=", clause[i]) < 0 {
				switch clause[i] {
				case 'r':
					bits |= 0o444
				case 'w':
					bits |= 0o222
				case 'x':
					bits |= 0o111
				case 'X':
					if dir || old&0o111 != 0 {
						bits |= 0o111
					}
				case 's':
					bits |= 0o6000
				case 't':
					bits |= 0o1000
				case 'u':
					bits |= old >> 6 & 7 * 0o111
				case 'g':
					bits |= old >> 3 & 7 * 0o111
				case 'o':
					bits |= old & 7 * 0o111
				default:
					return 0, false
				}
				i++
			}
			bits = bits & who &^ mask
			switch op {
			case '+':
				old |= bits
			case '-':
				old &^= bits
			case '=':
				old = old&^(who&0o777|who&bits&0o7000) | bits
			}
		}
	}
	return old & 0o7777, true
}

// walk calls fn for path and, if recursive, all below it (links not followed).
func (p *P) walk(path string, recursive bool, fn func(path string, st vfs.Stat)) {
	st, err := p.t.Stat(path)
	if recursive {
		if l, e := p.t.Lstat(path); e == nil && l.Mode.IsLink() && err != nil {
			return
		}
	}
	if err != nil {
		switch {
		case p.bb:
			p.fail("%s: %s", path, text(err))
		case p.t.Access(path, 0) == vfs.ENOENT:
			p.fail("cannot access %s: %s", q(path), text(err))
		default:
			p.fail("cannot access %s: %s", q(path), text(err))
		}
		return
	}
	p.walkIn(path, st, recursive, fn, 0)
}

func (p *P) walkIn(path string, st vfs.Stat, recursive bool, fn func(string, vfs.Stat), depth int) {
	fn(path, st)
	if !recursive || !st.Mode.IsDir() || depth > 500 {
		return
	}
	ents, err := p.t.ReadDir(path)
	if err != nil {
		p.fail("cannot read directory %s: %s", q(path), text(err))
		return
	}
	for _, e := range ents {
		full := join(path, e.Name)
		if st, err := p.t.Lstat(full); err == nil && !st.Mode.IsLink() {
			p.walkIn(full, st, true, fn, depth+1)
		}
	}
}

func cmdChmod(p *P) int {
	args := p.args
	// A mode may begin with '-'.
	var in []string
	mode := ""
	for i, a := range args {
		if mode == "" && len(a) > 1 && a[0] == '-' && strings.IndexByte("rwxXstugo", a[1]) >= 0 {
			mode = a
			continue
		}
		if a == "--" {
			in = append(in, args[i:]...)
			break
		}
		in = append(in, a)
	}
	opts, args, ok := p.getoptArgs(in, 1, "Rvcf", "recursive=R", "verbose=v", "changes=c", "silent=f", "quiet=f", "reference:=ref", "preserve-root=x", "no-preserve-root=x")
	if !ok {
		return p.status
	}
	f := set(opts)
	if ref, has := f["ref"]; has {
		st, err := p.t.Stat(ref)
		if err != nil {
			p.errf("failed to get attributes of %s: %s", q(ref), text(err))
			return 1
		}
		mode = strconv.FormatUint(uint64(st.Mode.Perm()), 8)
	}
	if mode == "" {
		if len(args) == 0 {
			return p.missing()
		}
		mode, args = args[0], args[1:]
	}
	if _, good := parseMode(mode, 0, false, 0); !good {
		if p.bb {
			p.errf("invalid mode '%s'", mode)
			return 1
		}
		p.errf("invalid mode: %s", q(mode))
		return p.try(1)
	}
	if len(args) == 0 {
		if !p.bb {
			p.errf("missing operand after %s", q(mode))
		}
		return p.try(1)
	}
	um := p.t.GetUmask()
	for _, a := range args {
		p.walk(a, f.has("R"), func(path string, st vfs.Stat) {
			m, _ := parseMode(mode, st.Mode.Perm(), st.Mode.IsDir(), um)
			if err := p.t.Chmod(path, m); err != nil {
				switch {
				case f.has("f"):
					p.status = 1
				case p.bb:
					p.fail("%s: %s", path, text(err))
				default:
					p.fail("changing permissions of %s: %s", q(path), text(err))
				}
				return
			}
			if f.has("v") || f.has("c") && m != st.Mode.Perm() {
				if m == st.Mode.Perm() {
					p.printf("mode of %s retained as %04o (%s)\n", q(path), m, (st.Mode&vfs.S_IFMT | m).String()[1:])
				} else {
					p.printf("mode of %s changed from %04o (%s) to %04o (%s)\n", q(path), st.Mode.Perm(), st.Mode.String()[1:], m, (st.Mode&vfs.S_IFMT | m).String()[1:])
				}
			}
		})
	}
	return p.status
}

func (p *P) ownerSpec(spec string, groupOnly bool) (uid, gid int, ok bool) {
	uid, gid = -1, -1
	u, g, has := strings.Cut(spec, ":")
	if !has && !groupOnly {
		if a, b, dot := strings.Cut(spec, "."); dot {
			if _, isUser := p.t.LookupUser(spec); !isUser {
				u, g, has = a, b, true
			}
		}
	}
	if groupOnly {
		u, g, has = "", spec, true
	}
	if u != "" {
		if x, found := p.t.LookupUser(u); found {
			uid = int(x.UID)
			if has && g == "" {
				gid = int(x.GID)
			}
		} else if n, err := strconv.ParseUint(u, 10, 32); err == nil {
			uid = int(n)
		} else {
			if p.bb {
				p.errf("unknown user/group %s", spec)
			} else {
				p.errf("invalid user: %s", q(spec))
			}
			return 0, 0, false
		}
	}
	if g != "" {
		if x, found := p.t.LookupGroup(g); found {
			gid = int(x.GID)
		} else if n, err := strconv.ParseUint(g, 10, 32); err == nil {
			gid = int(n)
		} else {
			if p.bb {
				p.errf("unknown user/group %s", spec)
			} else {
				p.errf("invalid group: %s", q(spec))
			}
			return 0, 0, false
		}
	}
	return uid, gid, true
}

func cmdChown(p *P) int {
	opts, args, ok := p.getopt("RvcfhHLP", "recursive=R", "verbose=v", "changes=c", "silent=f", "quiet=f", "no-dereference=h", "dereference=d", "reference:=ref", "from:=from")
	if !ok {
		return p.status
	}
	f := set(opts)
	uid, gid := -1, -1
	if ref, has := f["ref"]; has {
		st, err := p.t.Stat(ref)
		if err != nil {
			p.errf("failed to get attributes of %s: %s", q(ref), text(err))
			return 1
		}
		uid, gid = int(st.UID), int(st.GID)
	} else {
		if len(args) == 0 {
			return p.missing()
		}
		var good bool
		if uid, gid, good = p.ownerSpec(args[0], p.name == "chgrp"); !good {
			return 1
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return p.missing()
	}
	for _, a := range args {
		p.walk(a, f.has("R"), func(path string, st vfs.Stat) {
			change := p.t.Chown
			if f.has("h") || f.has("R") && path != a {
				change = p.t.Lchown
			}
			if err := change(path, uid, gid); err != nil && !f.has("f") {
				if p.bb {
					p.fail("%s: %s", path, text(err))
				} else {
					what := "ownership"
					if p.name == "chgrp" {
						what = "group"
					}
					p.fail("changing %s of %s: %s", what, q(path), text(err))
				}
			}
		})
	}
	return p.status
}

var attrLetters = []struct {
	c byte
	f uint32
}{{'s', 0x1}, {'u', 0x2}, {'S', 0x8}, {'D', 0x10000}, {'i', 0x10}, {'a', 0x20}, {'d', 0x40}, {'A', 0x80}, {'c', 0x4}, {'E', 0x800}, {'j', 0x4000}, {'I', 0x1000}, {'t', 0x8000}, {'T', 0x20000}, {'e', 0x80000}, {'C', 0x800000}, {'x', 0x2000000}, {'F', 0x40000000}}

func cmdChattr(p *P) int {
	var add, del uint32
	exact := false
	rec := false
	args := p.args
	bad := func() int {
		if p.bb {
			return p.try(1)
		}
		p.raw("Usage: %s [-pRVf] [-+=aAcCdDeijPsStTuFx] [-v version] files...\n", p.name)
		return 1
	}
	for len(args) > 0 && len(args[0]) > 1 && strings.IndexByte("+-=", args[0][0]) >= 0 {
		a := args[0]
		args = args[1:]
		for _, c := range []byte(a[1:]) {
			if a[0] == '-' && (c == 'R' || c == 'V' || c == 'f') {
				rec = rec || c == 'R'
				continue
			}
			hit := false
			for _, l := range attrLetters {
				if l.c == c {
					hit = true
					switch a[0] {
					case '+':
						add |= l.f
					case '-':
						del |= l.f
					default:
						exact = true
						add |= l.f
					}
				}
			}
			if !hit {
				return bad()
			}
		}
	}
	if len(args) == 0 || add == 0 && del == 0 && !exact {
		return bad()
	}
	for _, a := range args {
		if _, err := p.t.Lstat(a); err != nil {
			p.fail("%s while trying to stat %s", text(err), a)
			continue
		}
		p.walk(a, rec, func(path string, st vfs.Stat) {
			fl, err := p.t.GetFlags(path)
			if err != nil {
				if err == vfs.ENOTTY {
					err = vfs.ENOTTY
				}
				p.fail("%s while reading flags on %s", text(err), path)
				return
			}
			n := fl&^del | add
			if exact {
				n = add
			}
			if err := p.t.SetFlags(path, n); err != nil {
				p.fail("%s while setting flags on %s", text(err), path)
			}
		})
	}
	return p.status
}

func cmdLsattr(p *P) int {
	opts, args, ok := p.getopt("RVadlpv")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		args = []string{"."}
	}
	show := func(path string) {
		fl, err := p.t.GetFlags(path)
		if err != nil {
			p.fail("%s While reading flags on %s", text(err), path)
			return
		}
		st, _ := p.t.Lstat(path)
		b := []byte("----------------------")
		if _, m, err := p.t.Statfs(path); err == nil && (m.FS.Type() == "ext4" || m.FS.Type() == "overlay") && !st.Mode.IsLink() {
			fl |= vfs.FlagExtents
		}
		for i, l := range []byte("suSDiadAcBZXEjItTeCxFNPV") {
			if i >= len(b) {
				break
			}
			for _, x := range attrLetters {
				if x.c == l && fl&x.f != 0 {
					b[i] = l
				}
			}
		}
		p.printf("%s %s\n", b, path)
	}
	for _, a := range args {
		st, err := p.t.Lstat(a)
		if err != nil {
			p.fail("%s while trying to stat %s", text(err), a)
			continue
		}
		if st.Mode.IsDir() && !f.has("d") {
			ents, _ := p.t.ReadDir(a)
			for _, e := range ents {
				if !f.has("a") && strings.HasPrefix(e.Name, ".") || e.Type == vfs.S_IFLNK {
					continue
				}
				show(join(a, e.Name))
			}
			continue
		}
		show(a)
	}
	return p.status
}

func cmdStat(p *P) int {
	opts, args, ok := p.getopt("c:fLt", "format:=c", "file-system=f", "dereference=L", "terse=t", "printf:=printf")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		return p.missing()
	}
	for _, a := range args {
		get := p.t.Lstat
		if f.has("L") {
			get = p.t.Stat
		}
		st, err := get(a)
		if err != nil {
			if p.bb {
				p.fail("can't stat '%s': %s", a, text(err))
			} else {
				p.fail("cannot statx %s: %s", q(a), text(err))
			}
			continue
		}
		if f.has("f") {
			s, m, err := p.t.Statfs(a)
			if err != nil {
				continue
			}
			if c, has := f["c"]; has {
				p.puts(strings.NewReplacer("%T", fsTypeName(m.FS.Type()), "%n", a, "%s", strconv.FormatInt(s.Bsize, 10), "%b", strconv.FormatUint(s.Blocks, 10), "%f", strconv.FormatUint(s.Bfree, 10), "%a", strconv.FormatUint(s.Bavail, 10), "%c", strconv.FormatUint(s.Files, 10), "%d", strconv.FormatUint(s.Ffree, 10), "%S", strconv.FormatInt(s.Bsize, 10), "%l", "255", "%t", strconv.FormatUint(s.Magic, 16)).Replace(c) + "\n")
				continue
			}
			p.printf("  File: \"%s\"\n    ID: 0        Namelen: 255     Type: %s\nBlock size: %-10d Fundamental block size: %d\nBlocks: Total: %-10d Free: %-10d Available: %d\nInodes: Total: %-10d Free: %d\n", a, fsTypeName(m.FS.Type()), s.Bsize, s.Bsize, s.Blocks, s.Bfree, s.Bavail, s.Files, s.Ffree)
			continue
		}
		if c, has := f["c"]; has {
			p.puts(p.statFormat(c, a, st) + "\n")
			continue
		}
		if c, has := f["printf"]; has {
			s, _ := unescape(p.statFormat(c, a, st), false)
			p.puts(s)
			continue
		}
		tm := func(n int64) string {
			return time.Unix(0, n).In(p.zone()).Format("2006-01-02 15:04:05.000000000 -0700")
		}
		name := a
		if st.Mode.IsLink() {
			if to, err := p.t.Readlink(a); err == nil {
				name = a + " -> " + to
			}
		}
		dev := ""
		if t := st.Mode.Type(); t == vfs.S_IFCHR || t == vfs.S_IFBLK {
			dev = fmt.Sprintf("     Device type: %x,%x", vfs.Major(st.Rdev), vfs.Minor(st.Rdev))
		}
		p.printf("  File: %s\n  Size: %-10d\tBlocks: %-10d IO Block: %-6d %s\nDevice: %xh/%dd\tInode: %-11d Links: %d%s\nAccess: (%04o/%s)  Uid: (%5d/%8s)   Gid: (%5d/%8s)\nAccess: %s\nModify: %s\nChange: %s\n",
			name, st.Size, st.Blocks, st.Blksize, kindName(st), st.Dev, st.Dev, st.Ino, st.Nlink, dev, st.Mode.Perm(), st.Mode, st.UID, p.userName(st.UID), st.GID, p.groupName(st.GID), tm(st.Atime), tm(st.Mtime), tm(st.Ctime))
		if !p.bb {
			p.puts(" Birth: " + tm(st.Ctime) + "\n")
		}
	}
	return p.status
}

func fsTypeName(t string) string {
	switch t {
	case "overlay":
		return "overlayfs"
	case "ext4":
		return "ext2/ext3"
	}
	return t
}

func (p *P) statFormat(f, name string, st vfs.Stat) string {
	var b strings.Builder
	for i := 0; i < len(f); i++ {
		if f[i] != '%' || i+1 >= len(f) {
			b.WriteByte(f[i])
			continue
		}
		i++
		sec := func(n int64) int64 { return n / 1e9 }
		tm := func(n int64) string {
			return time.Unix(0, n).In(p.zone()).Format("2006-01-02 15:04:05.000000000 -0700")
		}
		switch f[i] {
		case 'n':
			b.WriteString(name)
		case 'N':
			b.WriteString(q(name))
			if st.Mode.IsLink() {
				to, _ := p.t.Readlink(name)
				b.WriteString(" -> " + q(to))
			}
		case 's':
			fmt.Fprint(&b, st.Size)
		case 'a':
			fmt.Fprintf(&b, "%o", st.Mode.Perm())
		case 'A':
			b.WriteString(st.Mode.String())
		case 'f':
			fmt.Fprintf(&b, "%x", uint32(st.Mode))
		case 'F':
			b.WriteString(kindName(st))
		case 'u':
			fmt.Fprint(&b, st.UID)
		case 'U':
			b.WriteString(p.userName(st.UID))
		case 'g':
			fmt.Fprint(&b, st.GID)
		case 'G':
			b.WriteString(p.groupName(st.GID))
		case 'h':
			fmt.Fprint(&b, st.Nlink)
		case 'i':
			fmt.Fprint(&b, st.Ino)
		case 'd':
			fmt.Fprint(&b, st.Dev)
		case 'D':
			fmt.Fprintf(&b, "%x", st.Dev)
		case 'b':
			fmt.Fprint(&b, st.Blocks)
		case 'B':
			b.WriteString("512")
		case 'o':
			fmt.Fprint(&b, st.Blksize)
		case 't':
			fmt.Fprintf(&b, "%x", vfs.Major(st.Rdev))
		case 'T':
			fmt.Fprintf(&b, "%x", vfs.Minor(st.Rdev))
		case 'X':
			fmt.Fprint(&b, sec(st.Atime))
		case 'Y':
			fmt.Fprint(&b, sec(st.Mtime))
		case 'Z', 'W':
			fmt.Fprint(&b, sec(st.Ctime))
		case 'x':
			b.WriteString(tm(st.Atime))
		case 'y':
			b.WriteString(tm(st.Mtime))
		case 'z', 'w':
			b.WriteString(tm(st.Ctime))
		case 'm':
			if _, m, err := p.t.Statfs(name); err == nil {
				b.WriteString(m.Point())
			}
		case '%':
			b.WriteByte('%')
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}

func cmdReadlink(p *P) int {
	opts, args, ok := p.getopt("femnqsvz", "canonicalize=f", "canonicalize-existing=e", "canonicalize-missing=m", "no-newline=n", "verbose=v", "zero=z", "quiet=q")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		return p.missing()
	}
	end := "\n"
	if f.has("n") {
		end = ""
	}
	for _, a := range args {
		var s string
		var err error
		if f.has("f") || f.has("e") || f.has("m") {
			s, err = p.canonical(a, f.has("e"), f.has("m"))
		} else {
			s, err = p.t.Readlink(a)
		}
		if err != nil {
			p.status = 1
			if f.has("v") {
				p.errf("%s: %s", a, text(err))
			}
			continue
		}
		p.puts(s + end)
	}
	return p.status
}

func (p *P) canonical(a string, must, missing bool) (string, error) {
	s, err := p.t.Realpath(a)
	if err == nil || must {
		return s, err
	}
	if l, e := p.t.Readlink(a); e == nil {
		if !strings.HasPrefix(l, "/") {
			l = join(dirname(a), l)
		}
		return p.canonical(l, must, missing)
	}
	d, err := p.t.Realpath(dirname(a))
	if err != nil {
		if !missing {
			return "", err
		}
		if d, err = p.canonical(dirname(a), false, true); err != nil {
			return "", err
		}
	}
	return join(d, base(a)), nil
}

func cmdRealpath(p *P) int {
	opts, args, ok := p.getopt("emsqLPz", "canonicalize-existing=e", "canonicalize-missing=m", "no-symlinks=s", "quiet=q", "strip=s")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		return p.missing()
	}
	for _, a := range args {
		s, err := p.canonical(a, f.has("e") || p.bb, f.has("m"))
		if err != nil {
			if !f.has("q") {
				p.errf("%s: %s", fileName(a), text(err))
			}
			p.status = 1
			continue
		}
		p.puts(s + "\n")
	}
	return p.status
}

func cmdMktemp(p *P) int {
	opts, args, ok := p.getopt("dqup:t", "directory=d", "quiet=q", "dry-run=u", "tmpdir?=p", "suffix:=suffix")
	if !ok {
		return p.status
	}
	f := set(opts)
	tmpl := "tmp.XXXXXXXXXX"
	dir := p.t.Getenv("TMPDIR")
	if dir == "" {
		dir = "/tmp"
	}
	if p.bb {
		tmpl = "tmp.XXXXXX"
	}
	inTmp := true
	if len(args) > 0 {
		tmpl = args[0]
		inTmp = f.has("t") || f.has("p")
	}
	if d, has := f["p"]; has && d != "" {
		dir = d
	}
	tmpl += f["suffix"]
	end := strings.LastIndexByte(tmpl, 'X') + 1
	start := end
	for start > 0 && tmpl[start-1] == 'X' {
		start--
	}
	if end-start < 3 {
		p.errf("too few X's in template %s", q(tmpl))
		return 1
	}
	for try := 0; ; try++ {
		b := make([]byte, end-start)
		p.t.Random(b)
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[int(b[i])%62]
		}
		name := tmpl[:start] + string(b) + tmpl[end:]
		if inTmp {
			name = join(dir, name)
		}
		var err error
		if f.has("u") {
			p.puts(name + "\n")
			return 0
		}
		if f.has("d") {
			err = p.t.Mkdir(name, 0o700)
		} else {
			var fd int
			if fd, err = p.t.Open(name, kernel.O_RDWR|kernel.O_CREAT|kernel.O_EXCL, 0o600); err == nil {
				p.t.Close(fd)
			}
		}
		if err == vfs.EEXIST && try < 20 {
			continue
		}
		if err != nil {
			what := "file"
			if f.has("d") {
				what = "directory"
			}
			p.errf("failed to create %s via template %s: %s", what, q(join(dir, tmpl)), text(err))
			return 1
		}
		p.puts(name + "\n")
		return 0
	}
}

// size reads dd's and head's numbers: 1k, 1M, 10MB, 2b.
func sizeArg(s string) (int64, bool) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	n, err := strconv.ParseInt(s[:i], 10, 64)
	if err != nil {
		return 0, false
	}
	mult := map[string]int64{"": 1, "c": 1, "w": 2, "b": 512, "kB": 1000, "k": 1024, "K": 1024, "KiB": 1024, "MB": 1e6, "m": 1 << 20, "M": 1 << 20, "MiB": 1 << 20, "GB": 1e9, "g": 1 << 30, "G": 1 << 30, "GiB": 1 << 30, "T": 1 << 40}[s[i:]]
	if mult == 0 {
		if strings.HasPrefix(s[i:], "x") {
			m, ok := sizeArg(s[i+1:])
			return n * m, ok
		}
		return 0, false
	}
	if n > 1<<62/mult {
		return 0, false
	}
	return n * mult, true
}

func cmdDd(p *P) int {
	in, out := "", ""
	bs, ibs, obs, count, skip, seek := int64(0), int64(512), int64(512), int64(-1), int64(0), int64(0)
	conv := ""
	status := ""
	for _, a := range p.args {
		k, v, has := strings.Cut(a, "=")
		if !has {
			p.errf("unrecognized operand %s", q(a))
			return p.try(1)
		}
		num := func(dst *int64) bool {
			n, ok := sizeArg(v)
			if !ok {
				p.errf("invalid number: %s", q(v))
				return false
			}
			*dst = n
			return true
		}
		ok := true
		switch k {
		case "if":
			in = v
		case "of":
			out = v
		case "bs":
			ok = num(&bs)
		case "ibs":
			ok = num(&ibs)
		case "obs":
			ok = num(&obs)
		case "count":
			ok = num(&count)
		case "skip", "iseek":
			ok = num(&skip)
		case "seek", "oseek":
			ok = num(&seek)
		case "conv":
			conv = v
		case "status":
			status = v
		case "iflag", "oflag":
		default:
			p.unknown("option", a)
			p.errf("unrecognized operand %s", q(a))
			return p.try(1)
		}
		if !ok {
			return 1
		}
	}
	if bs == 0 {
		bs = ibs
	} else {
		obs = bs
	}
	if bs < 1 || bs > 1<<30 {
		p.errf("memory exhausted by input buffer of size %d bytes", bs)
		return 1
	}
	fdin, fdout := 0, 1
	var err error
	if in != "" {
		if fdin, err = p.t.Open(in, kernel.O_RDONLY, 0); err != nil {
			if p.bb {
				p.errf("can't open '%s': %s", in, text(err))
			} else {
				p.errf("failed to open %s: %s", q(in), text(err))
			}
			return 1
		}
	}
	if out != "" {
		fl := kernel.O_WRONLY | kernel.O_CREAT
		if !strings.Contains(conv, "notrunc") && seek == 0 {
			fl |= kernel.O_TRUNC
		}
		if fdout, err = p.t.Open(out, fl, 0o666); err != nil {
			if p.bb {
				p.errf("can't open '%s': %s", out, text(err))
			} else {
				p.errf("failed to open %s: %s", q(out), text(err))
			}
			return 1
		}
	}
	if seek > 0 {
		_, _ = p.t.Seek(fdout, seek*obs, io.SeekStart) // a pipe is written from where it is
	}
	start := p.t.Now()
	buf := make([]byte, min(bs, 1<<20))
	var full, part, wfull, wpart, total int64
	readBlock := func(write bool) (int64, error) {
		var got int64
		for got < bs {
			b := buf[:min(int64(len(buf)), bs-got)]
			n, err := p.t.Read(fdin, b)
			if n > 0 && write {
				if strings.Contains(conv, "ucase") {
					copy(b, strings.ToUpper(string(b[:n])))
				}
				if _, werr := p.t.Writer(fdout).Write(b[:n]); werr != nil {
					p.errf("error writing %s: %s", q(out), text(werr))
					return got + int64(n), werr
				}
			}
			got += int64(n)
			if err != nil || n == 0 || n < len(b) {
				return got, err
			}
		}
		return got, nil
	}
	for i := int64(0); i < skip; i++ {
		if n, err := readBlock(false); n == 0 || err != nil {
			break
		}
	}
	for i := int64(0); count < 0 || i < count; i++ {
		n, err := readBlock(true)
		if n == bs {
			full++
			wfull++
		} else if n > 0 {
			part++
			wpart++
		}
		total += n
		if err != nil {
			p.status = 1
			break
		}
		if n == 0 {
			break
		}
	}
	if fdout > 1 {
		p.t.Close(fdout)
	}
	if status == "none" {
		return p.status
	}
	p.raw("%d+%d records in\n%d+%d records out\n", full, part, wfull, wpart)
	if status == "noxfer" {
		return p.status
	}
	el := p.t.Now().Sub(start).Seconds()
	if el < 1e-6 {
		el = 1e-6 * float64(17+total%40)
	}
	if p.bb {
		p.raw("%d bytes (%s) copied, %f seconds, %sB/s\n", total, humanB(total, true), el, humanB(int64(float64(total)/el), true))
		return p.status
	}
	rate := func(v float64) string {
		u := []string{"B", "kB", "MB", "GB", "TB"}
		i := 0
		for v >= 1000 && i < len(u)-1 {
			v /= 1000
			i++
		}
		if v < 10 && i > 0 {
			return fmt.Sprintf("%.1f %s", v, u[i])
		}
		return fmt.Sprintf("%.0f %s", v, u[i])
	}
	extra := ""
	if total >= 1000 {
		extra = " (" + rate(float64(total))
		if total >= 1024 {
			v := float64(total)
			i := -1
			for v >= 1024 && i < 3 {
				v /= 1024
				i++
			}
			u := [...]string{"KiB", "MiB", "GiB", "TiB"}[max(i, 0)]
			if v < 10 {
				extra += fmt.Sprintf(", %.1f %s", v, u)
			} else {
				extra += fmt.Sprintf(", %.0f %s", v, u)
			}
		}
		extra += ")"
	}
	p.raw("%d bytes%s copied, %.6g s, %s/s\n", total, extra, el, rate(float64(total)/el))
	return p.status
}

func humanB(n int64, _ bool) string {
	f := float64(n)
	if n < 1024 {
		return fmt.Sprintf("%d", n) + ".0B"[:0]
	}
	for _, u := range "KMGT" {
		f /= 1024
		if f < 1024 || u == 'T' {
			return fmt.Sprintf("%.1f%c", f, u)
		}
	}
	return ""
}

// humanBusyBox is busybox's make_human_readable_str: always one decimal.
func humanBusyBox(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10)
	}
	val, frac, u := n, int64(0), -1
	for val >= 1024 && u < 5 {
		frac = (val%1024*10 + 512) / 1024
		val /= 1024
		u++
	}
	if frac >= 10 {
		val, frac = val+1, 0
	}
	return fmt.Sprintf("%d.%d%c", val, frac, "KMGTPE"[u])
}

func cmdDf(p *P) int {
	opts, args, ok := p.getopt("hHkmTailPB:t:x:", "human-readable=h", "si=H", "print-type=T", "all=a", "inodes=i", "local=l", "portability=P", "total=total", "type:=t", "exclude-type:=x", "output?=output", "block-size:=B")
	if !ok {
		return p.status
	}
	f := set(opts)
	type row [7]string
	var rows []row
	sizeHead := "1K-blocks"
	switch {
	case f.has("h"), f.has("H"):
		sizeHead = "Size"
	case f.has("m"):
		sizeHead = "1M-blocks"
	case f.has("P"):
		sizeHead = "1024-blocks"
	}
	avail := "Available"
	used := "Used"
	if f.has("h") && !p.bb {
		avail = "Avail"
	}
	usep := "Use%"
	if f.has("P") {
		usep = "Capacity"
	}
	head := row{"Filesystem", "Type", sizeHead, used, avail, usep, "Mounted on"}
	if f.has("i") {
		head = row{"Filesystem", "Type", "Inodes", "IUsed", "IFree", "IUse%", "Mounted on"}
	}
	rows = append(rows, head)
	num := func(n uint64) string {
		switch {
		case f.has("h") && p.bb:
			return humanBusyBox(int64(n))
		case f.has("h"):
			return human(int64(n))
		case f.has("m"):
			return strconv.FormatUint((n+1<<20-1)>>20, 10)
		}
		return strconv.FormatUint(n>>10, 10)
	}
	seen := map[uint64]bool{}
	add := func(source, typ, point string, s vfs.Statfs) {
		total, free, av := s.Blocks*uint64(s.Bsize), s.Bfree*uint64(s.Bsize), s.Bavail*uint64(s.Bsize)
		if f.has("i") {
			pct := "-"
			if s.Files > 0 {
				pct = fmt.Sprintf("%d%%", ((s.Files-s.Ffree)*100+s.Files-1)/s.Files)
			}
			rows = append(rows, row{source, typ, strconv.FormatUint(s.Files, 10), strconv.FormatUint(s.Files-s.Ffree, 10), strconv.FormatUint(s.Ffree, 10), pct, point})
			return
		}
		pct := "-"
		if u := total - free; u+av > 0 {
			pct = fmt.Sprintf("%d%%", (u*100+u+av-1)/(u+av))
			if p.bb {
				pct = fmt.Sprintf("%d%%", (u*100+(u+av)/2)/(u+av))
			}
		}
		rows = append(rows, row{source, typ, num(total), num(total - free), num(av), pct, point})
	}
	root := p.t.RootPath()
	point := func(m *vfs.Mount) string {
		if x := m.PointPath(); x != nil {
			return x.From(root)
		}
		return "/"
	}
	if len(args) > 0 {
		for _, a := range args {
			s, m, err := p.t.Statfs(a)
			if err != nil {
				p.fail("%s: %s", fileName(a), text(err))
				continue
			}
			at := strings.TrimPrefix(point(m), strings.TrimSuffix(p.t.RootPath().From(nil), "/"))
			if at == "" {
				at = "/"
			}
			add(m.Source, m.FS.Type(), at, s)
		}
		if len(rows) == 1 {
			return 1
		}
	} else {
		root := strings.TrimSuffix(p.t.RootPath().From(nil), "/")
		for _, m := range p.t.Mounts() {
			// As /proc/mounts: what the task's root cannot reach is not there.
			if at := m.PointPath(); root != "" && (at == nil || at.From(nil) != root && !strings.HasPrefix(at.From(nil), root+"/")) {
				continue
			}
			s := m.FS.Statfs()
			if s.Blocks == 0 && !f.has("a") || seen[m.FS.Dev()] && !f.has("a") && m.Sub == "" {
				continue
			}
			if t, has := f["t"]; has && t != m.FS.Type() {
				continue
			}
			if t, has := f["x"]; has && t == m.FS.Type() {
				continue
			}
			seen[m.FS.Dev()] = true
			at := strings.TrimPrefix(point(m), root)
			if at == "" {
				at = "/"
			}
			add(m.Source, m.FS.Type(), at, s)
		}
	}
	var w [7]int
	if p.bb {
		w = [7]int{20, 4, 9, 9, 9, 4, 0}
	} else {
		w = [7]int{14, 4, 5, 5, 5, 4, 0}
	}
	for _, r := range rows {
		for i, c := range r {
			if !p.bb {
				w[i] = max(w[i], len(c))
			}
		}
	}
	for _, r := range rows {
		if p.bb && len(r[0]) > 20 && !f.has("P") {
			p.printf("%s\n%20s ", r[0], "")
		} else {
			p.printf("%-*s ", w[0], r[0])
		}
		if f.has("T") {
			p.printf("%-*s ", w[1], r[1])
		}
		p.printf("%*s %*s %*s %*s %s\n", w[2], r[2], w[3], r[3], w[4], r[4], w[5], r[5], r[6])
	}
	return p.status
}

func cmdDu(p *P) int {
	opts, args, ok := p.getopt("ahskmcbd:xLlHSD0", "all=a", "human-readable=h", "summarize=s", "total=c", "bytes=b", "max-depth:=d", "one-file-system=x", "apparent-size=apparent", "exclude:=exclude")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		args = []string{"."}
	}
	maxd := 1 << 30
	if d, has := f["d"]; has {
		maxd, _ = strconv.Atoi(d)
	}
	if f.has("s") {
		maxd = 0
	}
	show := func(n int64, path string) {
		switch {
		case f.has("h"):
			p.printf("%s\t%s\n", human(n), path)
		case f.has("b"):
			p.printf("%d\t%s\n", n, path)
		case f.has("m"):
			p.printf("%d\t%s\n", (n+1<<20-1)>>20, path)
		default:
			p.printf("%d\t%s\n", (n+1023)>>10, path)
		}
	}
	size := func(st vfs.Stat) int64 {
		if f.has("b") || f.has("apparent") {
			return st.Size
		}
		return st.Blocks * 512
	}
	var rec func(path string, depth int) int64
	rec = func(path string, depth int) int64 {
		st, err := p.t.Lstat(path)
		if err != nil {
			if p.bb {
				p.fail("%s: %s", path, text(err))
			} else {
				p.fail("cannot access %s: %s", q(path), text(err))
			}
			return -1
		}
		total := size(st)
		if st.Mode.IsDir() && depth < 300 {
			ents, err := p.t.ReadDir(path)
			if err != nil {
				p.fail("cannot read directory %s: %s", q(path), text(err))
			}
			for _, e := range ents {
				if n := rec(join(path, e.Name), depth+1); n > 0 {
					total += n
				}
			}
		}
		if depth <= maxd && (st.Mode.IsDir() || f.has("a") || depth == 0) {
			show(total, path)
		}
		return total
	}
	var sum int64
	for _, a := range args {
		if n := rec(a, 0); n > 0 {
			sum += n
		}
	}
	if f.has("c") {
		show(sum, "total")
	}
	return p.status
}

func cmdInstall(p *P) int {
	opts, args, ok := p.getopt("dDm:o:g:vcpsCbt:T", "directory=d", "mode:=m", "owner:=o", "group:=g", "verbose=v", "target-directory:=t")
	if !ok {
		return p.status
	}
	f := set(opts)
	mode := vfs.Mode(0o755)
	if m, has := f["m"]; has {
		mode, _ = parseMode(m, 0, false, 0)
	}
	if f.has("d") {
		for _, a := range args {
			if err := p.t.MkdirAll(a); err != nil {
				p.fail("cannot create directory %s: %s", q(a), text(err))
				continue
			}
			_ = p.t.Chmod(a, mode) // the original tries, and goes on
		}
		return p.status
	}
	if f.has("D") && len(args) > 1 {
		p.t.MkdirAll(dirname(args[len(args)-1]))
	}
	src, dst, isDir, ok := p.targets(args, f)
	if !ok {
		return 1
	}
	c := &copier{p: p, force: true, removeDest: true}
	for _, s := range src {
		d := dst
		if isDir {
			d = join(dst, base(s))
		}
		if c.copy(s, d, 0) {
			_ = p.t.Chmod(d, mode) // the original tries, and goes on
		}
	}
	return p.status
}

func cmdMkfifo(p *P) int {
	_, args, ok := p.getopt("m:", "mode:=m")
	if !ok {
		return p.status
	}
	for _, a := range args {
		if err := p.t.Mkfifo(a, 0o666); err != nil {
			p.fail("cannot create fifo %s: %s", q(a), text(err))
		}
	}
	return p.status
}

func cmdMknod(p *P) int {
	opts, args, ok := p.getopt("m:", "mode:=m")
	if !ok {
		return p.status
	}
	if len(args) < 2 {
		return p.missing()
	}
	mode := vfs.Mode(0o666)
	if m, has := set(opts)["m"]; has {
		mode, _ = parseMode(m, mode, false, 0)
	}
	var rdev uint64
	switch args[1] {
	case "p":
		mode |= vfs.S_IFIFO
	case "b":
		mode |= vfs.S_IFBLK
	default:
		mode |= vfs.S_IFCHR
	}
	if args[1] != "p" {
		if len(args) < 4 {
			p.errf("Special files require major and minor device numbers.")
			return p.try(1)
		}
		rdev = vfs.Makedev(uint32(toInt(args[2])), uint32(toInt(args[3])))
	}
	if err := p.t.Mknod(args[0], mode, rdev); err != nil {
		p.fail("%s: %s", args[0], text(err))
	}
	return p.status
}

func cmdTruncate(p *P) int {
	opts, args, ok := p.getopt("s:cor:", "size:=s", "no-create=c", "reference:=r")
	if !ok {
		return p.status
	}
	f := set(opts)
	s := f["s"]
	if s == "" {
		p.errf("you must specify either '--size' or '--reference'")
		return p.try(1)
	}
	rel := byte(0)
	if strings.IndexByte("+-<>", s[0]) >= 0 {
		rel, s = s[0], s[1:]
	}
	n, good := sizeArg(s)
	if !good {
		p.errf("Invalid number: %s", q(f["s"]))
		return 1
	}
	for _, a := range args {
		fd, err := p.t.Open(a, kernel.O_WRONLY|kernel.O_CREAT, 0o666)
		if err != nil {
			p.fail("cannot open %s for writing: %s", q(a), text(err))
			continue
		}
		st, _ := p.t.Fstat(fd)
		size := n
		switch rel {
		case '+':
			size = st.Size + n
		case '-':
			size = max(0, st.Size-n)
		case '<':
			size = min(st.Size, n)
		case '>':
			size = max(st.Size, n)
		}
		if err := p.t.Ftruncate(fd, size); err != nil {
			p.fail("failed to truncate %s at %d bytes: %s", q(a), size, text(err))
		}
		p.t.Close(fd)
	}
	return p.status
}

func cmdShred(p *P) int {
	opts, args, ok := p.getopt("uzn:fvs:x", "remove?=u", "zero=z", "iterations:=n", "force=f", "verbose=v")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		p.errf("missing file operand")
		return p.try(1)
	}
	for _, a := range args {
		st, err := p.t.Stat(a)
		if err != nil {
			p.fail("%s: failed to open for writing: %s", fileName(a), text(err))
			continue
		}
		b := make([]byte, min(st.Size, 1<<20))
		p.t.Random(b)
		if fd, err := p.t.Open(a, kernel.O_WRONLY, 0); err == nil {
			if _, err := p.t.Write(fd, b); err != nil {
				p.fail("%s: error writing at offset 0: %s", fileName(a), text(err))
			}
			p.t.Close(fd)
		}
		if f.has("u") {
			p.t.Unlink(a)
		}
	}
	return p.status
}

func cmdUnlink(p *P) int {
	if len(p.args) == 0 {
		return p.missing()
	}
	if err := p.t.Unlink(p.args[0]); err != nil {
		p.fail("cannot unlink %s: %s", q(p.args[0]), text(err))
	}
	return p.status
}

// vfsMode makes a mode of a number.
func vfsMode(f float64) vfs.Mode { return vfs.Mode(uint32(f)) & 0o7777 }
