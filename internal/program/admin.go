package program

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

func (p *P) user() string { return p.userName(p.t.Creds().UID) }

// cronFile is where a user's table lies: Debian's, Red Hat's or Alpine's place.
func (p *P) cronFile(user string) string {
	for _, d := range []string{"/var/spool/cron/crontabs", "/etc/crontabs"} {
		if st, err := p.t.Stat(d); err == nil && st.Mode.IsDir() {
			return d + "/" + user
		}
	}
	if _, err := p.t.Stat("/etc/redhat-release"); err == nil {
		return "/var/spool/cron/" + user
	}
	return "/var/spool/cron/crontabs/" + user
}

func cmdCrontab(p *P) int {
	opts, args, ok := p.getopt("u:lreic:")
	if !ok {
		return p.status
	}
	f := set(opts)
	user := p.user()
	if u, has := f["u"]; has {
		if _, known := p.t.LookupUser(u); !known {
			p.errf("user `%s' unknown", u)
			return 1
		}
		user = u
	}
	file := p.cronFile(user)
	switch {
	case f.has("l"):
		b, err := p.t.ReadFile(file)
		if err != nil {
			if p.bb {
				p.errf("can't open '%s': %s", user, text(err))
			} else {
				p.raw("no crontab for %s\n", user)
			}
			return 1
		}
		p.out.Write(b)
		return 0
	case f.has("r"):
		if err := p.t.Unlink(file); err != nil {
			p.raw("no crontab for %s\n", user)
			return 1
		}
		return 0
	case f.has("e"):
		p.raw("no crontab for %s - using an empty one\n/bin/sh: 1: /usr/bin/sensible-editor: not found\ncrontab: \"/usr/bin/sensible-editor\" exited with status 127\n", user)
		return 1
	}
	var b []byte
	if len(args) == 0 || args[0] == "-" {
		b = p.readAll(p.in)
	} else {
		var err error
		if b, err = p.t.ReadFile(args[0]); err != nil {
			p.raw("%s: %s\n", args[0], text(err))
			return 1
		}
	}
	if len(b) > 0 && b[len(b)-1] != '\n' && !p.bb {
		p.raw("new crontab file is missing newline before EOF, can't install.\n")
		return 1
	}
	for i, l := range strings.Split(string(b), "\n") {
		if bad := cronBad(l); bad != "" && !p.bb {
			p.raw("\"-\":%d: bad %s\nerrors in crontab file, can't install.\n", i, bad)
			return 1
		}
	}
	p.t.MkdirAll(dirname(file))
	p.t.Unlink(file)
	if err := p.t.WriteFile(file, b, 0o600); err != nil {
		p.errf("%s: %s", file, text(err))
		return 1
	}
	return 0
}

// cronBad names what is wrong with a line of a user's table.
func cronBad(l string) string {
	l = strings.TrimSpace(l)
	if l == "" || l[0] == '#' {
		return ""
	}
	if l[0] == '@' {
		switch strings.Fields(l)[0] {
		case "@reboot", "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly":
			return ""
		}
		return "time specifier"
	}
	if k, _, ok := strings.Cut(l, "="); ok && !strings.ContainsAny(strings.TrimSpace(k), " *\t") {
		return ""
	}
	f := strings.Fields(l)
	for i, n := range []string{"minute", "hour", "day-of-month", "month", "day-of-week"} {
		if i >= len(f) || strings.Trim(strings.ToLower(f[i]), "0123456789*,-/abcdefghijklmnopqrstuvwxyz") != "" {
			return n
		}
	}
	if len(f) < 6 {
		return "command"
	}
	return ""
}

func (p *P) editLines(file string, mode vfs.Mode, fn func([]string) []string) error {
	b, err := p.t.ReadFile(file)
	if err != nil && err != vfs.ENOENT {
		return err
	}
	ls := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(b) == 0 {
		ls = nil
	}
	out := strings.Join(fn(ls), "\n")
	if out != "" {
		out += "\n"
	}
	return p.t.WriteFile(file, []byte(out), mode)
}

func cmdUseradd(p *P) int {
	opts, args, ok := p.getopt("mMrNUoDs:d:u:g:G:p:c:e:f:k:b:hSH", "create-home=m", "no-create-home=M", "system=r", "shell:=s", "home:=d", "home-dir:=d", "uid:=u", "gid:=g", "groups:=G", "password:=p", "comment:=c", "gecos:=c", "non-unique=o", "disabled-password=D", "no-user-group=N", "ingroup:=g", "quiet=q", "force-badname=x", "allow-bad-names=x", "disabled-login=D")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		p.raw("Usage: %s [options] LOGIN\n", p.name)
		return 2
	}
	name := args[0]
	if p.t.Creds().EUID != 0 {
		p.errf("Permission denied.")
		p.errf("cannot lock /etc/passwd; try again later.")
		return 1
	}
	if len(args) > 1 && p.name == "adduser" {
		return p.addToGroup(args[0], args[1])
	}
	if _, exists := p.t.LookupUser(name); exists {
		if p.name == "adduser" {
			p.raw("adduser: The user `%s' already exists.\n", name)
			return 1
		}
		p.errf("user '%s' already exists", name)
		return 9
	}
	uid := uint32(1000)
	if f.has("r") || f.has("S") {
		uid = 999
	}
	used := map[uint32]bool{}
	for _, u := range p.t.Users() {
		used[u.UID] = true
	}
	for used[uid] {
		if f.has("r") || f.has("S") {
			uid--
		} else {
			uid++
		}
	}
	if u, has := f["u"]; has {
		uid = uint32(toInt(u))
		if used[uid] && !f.has("o") {
			p.errf("UID %d is not unique", uid)
			return 4
		}
	}
	gid := uid
	newGroup := true
	if g, has := f["g"]; has {
		newGroup = false
		if x, ok := p.t.LookupGroup(g); ok {
			gid = x.GID
		} else if n, err := strconv.ParseUint(g, 10, 32); err == nil {
			gid = uint32(n)
		} else {
			p.errf("group '%s' does not exist", g)
			return 6
		}
	}
	home := f["d"]
	if home == "" {
		home = "/home/" + name
	}
	shell := f["s"]
	if shell == "" {
		shell = "/bin/sh"
		if p.name == "adduser" && !p.bb {
			shell = "/bin/bash"
		}
	}
	pw := f["p"]
	if pw == "" {
		pw = "!"
	}
	day := p.t.Now().Unix() / 86400
	if p.editLines("/etc/passwd", 0o644, func(l []string) []string {
		return append(l, fmt.Sprintf("%s:x:%d:%d:%s:%s:%s", name, uid, gid, f["c"], home, shell))
	}) != nil {
		return p.noLock("/etc/passwd", 1)
	}
	if p.editLines("/etc/shadow", 0o640, func(l []string) []string {
		return append(l, fmt.Sprintf("%s:%s:%d:0:99999:7:::", name, pw, day))
	}) != nil {
		return p.noLock("/etc/shadow", 1)
	}
	if newGroup {
		if p.editLines("/etc/group", 0o644, func(l []string) []string { return append(l, fmt.Sprintf("%s:x:%d:", name, gid)) }) != nil {
			return p.noLock("/etc/group", 10)
		}
	}
	for _, g := range strings.Split(f["G"], ",") {
		if g != "" {
			if p.addToGroup(name, g) != 0 {
				return 6
			}
		}
	}
	if (f.has("m") || p.name == "adduser") && !f.has("M") && !f.has("H") {
		p.t.MkdirAll(home)
		_ = p.t.Chown(home, int(uid), int(gid)) // the original tries, and goes on
	}
	if p.name == "adduser" && !p.bb && !f.has("q") {
		p.printf("Adding user `%s' ...\nAdding new group `%s' (%d) ...\nAdding new user `%s' (%d) with group `%s' ...\nCreating home directory `%s' ...\nCopying files from `/etc/skel' ...\n", name, name, gid, name, uid, name, home)
	}
	return 0
}

func (p *P) addToGroup(user, group string) int {
	if _, ok := p.t.LookupGroup(group); !ok {
		p.errf("group '%s' does not exist", group)
		return 6
	}
	if p.editLines("/etc/group", 0o644, func(ls []string) []string {
		for i, l := range ls {
			if strings.HasPrefix(l, group+":") {
				if strings.HasSuffix(l, ":") {
					ls[i] = l + user
				} else {
					ls[i] = l + "," + user
				}
			}
		}
		return ls
	}) != nil {
		return p.noLock("/etc/group", 10)
	}
	return 0
}

// noLock says what shadow's tools say where the file cannot be written, and gives their status.
func (p *P) noLock(file string, code int) int {
	p.errf("cannot lock %s; try again later.", file)
	return code
}

func cmdUserdel(p *P) int {
	opts, args, ok := p.getopt("rfZ", "remove=r", "force=f", "remove-home=r")
	if !ok {
		return p.status
	}
	if len(args) == 0 {
		p.raw("Usage: %s [options] LOGIN\n", p.name)
		return 2
	}
	name := args[0]
	if strings.Contains(p.name, "group") {
		if _, ok := p.t.LookupGroup(name); !ok {
			p.errf("group '%s' does not exist", name)
			return 6
		}
		if p.editLines("/etc/group", 0o644, dropPrefix(name+":")) != nil {
			return p.noLock("/etc/group", 10)
		}
		return 0
	}
	u, ok := p.t.LookupUser(name)
	if !ok {
		p.errf("user '%s' does not exist", name)
		return 6
	}
	for _, f := range []string{"/etc/passwd", "/etc/shadow", "/etc/group"} {
		if err := p.editLines(f, 0o644, dropPrefix(name+":")); err != nil {
			p.errf("cannot open %s", f)
			return 1
		}
	}
	if set(opts).has("r") {
		(&remover{p: p, recursive: true, force: true}).remove(u.Home, 0)
	}
	return 0
}

func dropPrefix(pre string) func([]string) []string {
	return func(ls []string) []string {
		var out []string
		for _, l := range ls {
			if !strings.HasPrefix(l, pre) {
				out = append(out, l)
			}
		}
		return out
	}
}

func cmdGroupadd(p *P) int {
	opts, args, ok := p.getopt("g:rfoS", "gid:=g", "system=r", "force=f")
	if !ok {
		return p.status
	}
	if len(args) == 0 {
		p.raw("Usage: groupadd [options] GROUP\n")
		return 2
	}
	if len(args) > 1 {
		return p.addToGroup(args[0], args[1])
	}
	if _, ok := p.t.LookupGroup(args[0]); ok {
		if set(opts).has("f") {
			return 0
		}
		p.errf("group '%s' already exists", args[0])
		return 9
	}
	gid := uint32(1000)
	used := map[uint32]bool{}
	for _, g := range p.t.Groups() {
		used[g.GID] = true
	}
	for used[gid] {
		gid++
	}
	if g, has := set(opts)["g"]; has {
		gid = uint32(toInt(g))
	}
	if err := p.editLines("/etc/group", 0o644, func(l []string) []string { return append(l, fmt.Sprintf("%s:x:%d:", args[0], gid)) }); err != nil {
		p.errf("cannot open /etc/group")
		return 10
	}
	return 0
}

func cmdUsermod(p *P) int {
	opts, args, ok := p.getopt("aG:g:s:d:p:u:l:LUoc:me:", "append=a", "groups:=G", "shell:=s", "password:=p", "uid:=u", "home:=d", "lock=L", "unlock=U", "login:=l", "non-unique=o", "gid:=g")
	if !ok {
		return p.status
	}
	if len(args) == 0 {
		p.raw("Usage: usermod [options] LOGIN\n")
		return 2
	}
	f := set(opts)
	name := args[0]
	if _, ok := p.t.LookupUser(name); !ok {
		p.errf("user '%s' does not exist", name)
		return 6
	}
	edit := func(file string, col int, v string) bool {
		return p.editLines(file, 0o644, func(ls []string) []string {
			for i, l := range ls {
				if x := strings.Split(l, ":"); x[0] == name && col < len(x) {
					x[col] = v
					ls[i] = strings.Join(x, ":")
				}
			}
			return ls
		}) == nil
	}
	for k, col := range map[string]int{"s": 6, "d": 5, "u": 2, "c": 4} {
		if v, has := f[k]; has && !edit("/etc/passwd", col, v) {
			return p.noLock("/etc/passwd", 1)
		}
	}
	if v, has := f["p"]; has && !edit("/etc/shadow", 1, v) {
		return p.noLock("/etc/shadow", 1)
	}
	for _, g := range strings.Split(f["G"], ",") {
		if g != "" {
			if c := p.addToGroup(name, g); c != 0 {
				return c
			}
		}
	}
	return 0
}

// setPassword stores a hash that looks like crypt(3)'s SHA-512 but is none: the
// text that was set is on record already.
func (p *P) setPassword(user, pw string) bool {
	return p.setHash(user, shaCrypt("6", pw, p.salt(16)))
}

// setHash writes a password's hash into /etc/shadow.
func (p *P) setHash(user, hash string) bool {
	hit := false
	day := p.t.Now().Unix() / 86400
	err := p.editLines("/etc/shadow", 0o640, func(ls []string) []string {
		for i, l := range ls {
			if strings.HasPrefix(l, user+":") {
				hit = true
				x := strings.Split(l, ":")
				x[1] = hash
				if len(x) > 2 {
					x[2] = strconv.FormatInt(day, 10)
				}
				ls[i] = strings.Join(x, ":")
			}
		}
		return ls
	})
	return hit && err == nil
}

func cmdPasswd(p *P) int {
	opts, args, ok := p.getopt("dluSe", "delete=d", "lock=l", "unlock=u", "status=S", "stdin=stdin", "expire=e")
	if !ok {
		return p.status
	}
	f := set(opts)
	user := p.user()
	if len(args) > 0 {
		user = args[0]
	}
	if _, ok := p.t.LookupUser(user); !ok {
		p.errf("user '%s' does not exist", user)
		return 1
	}
	switch {
	case f.has("d"), f.has("l"), f.has("u"), f.has("e"):
		p.puts("passwd: password expiry information changed.\n")
		return 0
	case f.has("S"):
		p.printf("%s P %s 0 99999 7 -1\n", user, p.t.Now().Format("01/02/2006"))
		return 0
	}
	var pw [2]string
	for i, ask := range []string{"New password: ", "Retype new password: "} {
		if f.has("stdin") {
			pw[0], _, _ = p.readLine(p.in)
			pw[1] = pw[0]
			break
		}
		p.raw("%s", ask)
		l, _, more := p.readLine(p.in)
		if !more {
			p.raw("\n")
			p.errf("Authentication token manipulation error")
			p.errf("password unchanged")
			return 10
		}
		pw[i] = l
	}
	if pw[0] != pw[1] {
		p.raw("Sorry, passwords do not match.\n")
		p.errf("Authentication token manipulation error")
		p.errf("password unchanged")
		return 10
	}
	if !p.setPassword(user, pw[0]) {
		p.errf("Authentication token manipulation error")
		p.errf("password unchanged")
		return 10
	}
	p.raw("passwd: password updated successfully\n")
	return 0
}

func cmdChpasswd(p *P) int {
	opts, _, ok := p.getopt("ec:ms:R:", "encrypted=e", "crypt-method:=c", "md5=m", "sha-rounds:=s", "root:=R")
	if !ok {
		return p.status
	}
	f := set(opts)
	store := p.setPassword
	switch {
	case f.has("e"):
		store = p.setHash
	case f.has("m") || strings.EqualFold(f["c"], "MD5"):
		store = func(u, pw string) bool { return p.setHash(u, md5Crypt("1", pw, p.salt(8))) }
	case strings.EqualFold(f["c"], "SHA256"):
		store = func(u, pw string) bool { return p.setHash(u, shaCrypt("5", pw, p.salt(16))) }
	}
	for i, l := range p.lines(p.in) {
		u, pw, ok := strings.Cut(l, ":")
		if !ok {
			p.fail("line %d: missing new password", i+1)
			continue
		}
		if !store(u, pw) {
			p.fail("(user %s) pam_chauthtok() failed, error:\nAuthentication token manipulation error", u)
			p.errf("(line %d, user %s) password not changed", i+1, u)
		} else if p.bb {
			p.printf("chpasswd: password for '%s' changed\n", u)
		}
	}
	return p.status
}

func cmdSu(p *P) int {
	user, cmd, login := "root", "", false
	shell := ""
	var rest []string
	named, ended := false, false
	args := p.args
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--" && !ended:
			ended = true
		case named && (ended || !strings.HasPrefix(a, "-")):
			rest = append(rest, a)
		case strings.HasPrefix(a, "--shell="):
			shell = a[8:]
		case strings.HasPrefix(a, "--command="):
			cmd = a[10:]
		case a == "-" || a == "-l" || a == "--login":
			login = true
		case (a == "-c" || a == "--command" || a == "--session-command") && i+1 < len(args):
			i++
			cmd = args[i]
		case (a == "-s" || a == "--shell") && i+1 < len(args):
			i++
			shell = args[i]
		case strings.HasPrefix(a, "-"):
		default:
			user, named = a, true
		}
	}
	u, ok := p.t.LookupUser(user)
	if !ok {
		if p.bb {
			p.errf("unknown user %s", user)
			return 1
		}
		p.errf("user %s does not exist or the user entry does not contain all the required fields", user)
		return 1
	}
	if p.t.Creds().UID != 0 {
		p.raw("Password: \n")
		p.errf("Authentication failure")
		return 1
	}
	if err := errors.Join(p.t.Setgid(u.GID), p.t.Setgroups(p.groupsOf(user, u.GID)), p.t.Setuid(u.UID)); err != nil {
		p.errf("cannot set user id: Operation not permitted")
		return 1
	}
	p.t.Setenv("HOME", u.Home)
	p.t.Setenv("SHELL", u.Shell)
	if login {
		p.t.Setenv("USER", user)
		p.t.Setenv("LOGNAME", user)
		_ = p.t.Chdir(u.Home) // it stays where it is
	}
	sh := u.Shell
	if shell != "" {
		sh = shell
	}
	if sh == "" || strings.HasSuffix(sh, "nologin") {
		if sh != "" {
			if p.bb {
				p.puts("This account is not available\n")
				return 1
			}
			p.puts("This account is currently not available.\n")
			return 1
		}
		sh = "/bin/sh"
	}
	argv := []string{base(sh)}
	if login {
		argv[0] = "-" + argv[0]
	}
	if cmd != "" {
		argv = append(argv, "-c", cmd)
	}
	argv = append(argv, rest...)
	p.out.Flush()
	err := p.t.Exec(sh, argv, p.t.Env())
	if p.bb {
		p.errf("can't execute '%s': %s", sh, text(err))
		return 127
	}
	p.errf("failed to execute %s: %s", sh, text(err))
	return 127
}

// groupsOf are a user's groups as initgroups(3) sets them.
func (p *P) groupsOf(user string, gid uint32) []uint32 {
	out := []uint32{gid}
	for _, g := range p.t.Groups() {
		if g.GID != gid && slices.Contains(g.Members, user) {
			out = append(out, g.GID)
		}
	}
	return out
}

func cmdGetent(p *P) int {
	if len(p.args) == 0 {
		p.raw("getent: wrong number of arguments\nTry `getent --help' or `getent --usage' for more information.\n")
		return 1
	}
	switch db := p.args[0]; db {
	case "passwd", "group", "shadow", "hosts", "services", "protocols":
		if (db == "hosts" || db == "ahosts") && len(p.args) > 1 {
			code := 0
			for _, h := range p.args[1:] {
				as, err := p.t.LookupHost(h, "")
				if err != nil {
					code = 2
					continue
				}
				p.printf("%-15s %s\n", as[0], h)
			}
			return code
		}
		b, _ := p.t.ReadFile("/etc/" + db)
		if len(p.args) == 1 {
			p.out.Write(b)
			return 0
		}
		code := 0
		for _, k := range p.args[1:] {
			hit := false
			for _, l := range strings.Split(string(b), "\n") {
				x := strings.Split(l, ":")
				if x[0] == k || len(x) > 2 && x[2] == k {
					p.puts(l + "\n")
					hit = true
				}
			}
			if !hit {
				code = 2
			}
		}
		return code
	}
	p.raw("Unknown database: %s\nTry `getent --help' or `getent --usage' for more information.\n", p.args[0])
	return 1
}

func cmdMount(p *P) int {
	opts, args, ok := p.getopt("t:o:avrwnBRlifsL:U:", "types:=t", "options:=o", "bind=B", "rbind=R", "all=a", "make-private=mp", "make-rprivate=mp", "make-shared=mp", "make-rshared=mp", "make-slave=mp", "make-rslave=mp", "move=M", "read-only=r", "verbose=v")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		if f.has("a") {
			return 0
		}
		b, _ := p.t.ReadFile("/proc/mounts")
		for _, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
			if x := strings.Fields(l); len(x) > 3 {
				p.printf("%s on %s type %s (%s)\n", x[0], x[1], x[2], x[3])
			}
		}
		return 0
	}
	if f.has("mp") {
		return 0
	}
	flags := 0
	if f.has("B") {
		flags |= kernel.MS_BIND
	}
	if f.has("R") {
		flags |= kernel.MS_BIND | kernel.MS_REC
	}
	if f.has("r") {
		flags |= kernel.MS_RDONLY
	}
	for _, o := range strings.Split(f["o"], ",") {
		switch o {
		case "ro":
			flags |= kernel.MS_RDONLY
		case "bind":
			flags |= kernel.MS_BIND
		case "rbind":
			flags |= kernel.MS_BIND | kernel.MS_REC
		case "remount":
			flags |= kernel.MS_REMOUNT
		case "noexec":
			flags |= kernel.MS_NOEXEC
		case "nosuid":
			flags |= kernel.MS_NOSUID
		case "nodev":
			flags |= kernel.MS_NODEV
		}
	}
	src, dst := args[0], args[len(args)-1]
	typ := f["t"]
	if typ == "" && src == "proc" || src == "sysfs" {
		typ = src
	}
	if err := p.t.Mount(src, dst, typ, flags, f["o"]); err != nil {
		switch {
		case p.bb && err == vfs.EPERM:
			p.errf("permission denied (are you root?)")
		case p.bb:
			p.errf("mounting %s on %s failed: %s", src, dst, text(err))
			return 1
		case err == vfs.EPERM:
			p.errf("%s: permission denied.", dst)
		case err == vfs.ENOENT && p.t.Access(dst, 0) != nil:
			p.errf("%s: mount point does not exist.", dst)
		case err == vfs.ENOENT:
			p.errf("%s: special device %s does not exist.", dst, src)
		case err == vfs.EINVAL:
			p.errf("%s: wrong fs type, bad option, bad superblock on %s, missing codepage or helper program, or other error.", dst, src)
		default:
			p.errf("%s: %s.", dst, strings.ToLower(text(err)))
		}
		return 32
	}
	return 0
}

func cmdUmount(p *P) int {
	opts, args, ok := p.getopt("lfarnRt:v", "lazy=l", "force=f", "all=a", "recursive=R")
	if !ok {
		return p.status
	}
	code := 0
	for _, a := range args {
		if err := p.t.Umount(a, set(opts).has("l")); err != nil {
			code = 32
			switch {
			case p.bb:
				p.errf("can't unmount %s: %s", a, text(err))
				code = 1
			case err == vfs.EPERM:
				p.errf("%s: must be superuser to unmount.", a)
			case err == vfs.EINVAL:
				p.errf("%s: not mounted.", a)
			case err == vfs.ENOENT:
				p.errf("%s: no mount point specified.", a)
			case err == vfs.EBUSY:
				p.errf("%s: target is busy.", a)
			default:
				p.errf("%s: %s.", a, text(err))
			}
		}
	}
	return code
}

func (p *P) inContainer() bool { return p.t.NS().Label != "" }

// booted is sd_booted: a chroot into the host's root passes it, also from a container.
func (p *P) booted() bool {
	_, err := p.t.Stat("/run/systemd/system")
	return err == nil
}

// service units that a host of this kind has.
func (p *P) unitExists(u string) bool {
	u = strings.TrimSuffix(u, ".service")
	for _, f := range []string{"/etc/systemd/system/", "/lib/systemd/system/", "/usr/lib/systemd/system/"} {
		if _, err := p.t.Stat(f + u + ".service"); err == nil {
			return true
		}
	}
	_, err := p.t.Stat("/etc/init.d/" + u)
	return err == nil
}

func cmdService(p *P) int {
	if len(p.args) < 2 {
		p.raw("Usage: service < option > | --status-all | [ service_name [ command | --full-restart ] ]\n")
		return 1
	}
	n, v := p.args[0], p.args[1]
	if _, err := p.t.Stat("/etc/init.d/" + n); err != nil {
		if p.booted() && p.unitExists(n) {
			p.args = []string{v, n}
			return cmdSystemctl(p)
		}
		p.raw("%s: unrecognized service\n", n)
		return 1
	}
	what := map[string]string{"cron": "periodic command scheduler cron", "ssh": "OpenBSD Secure Shell server sshd", "docker": "Docker: docker"}[n]
	if what == "" {
		what = n
	}
	switch v {
	case "start", "restart", "stop", "reload", "force-reload":
		word := map[string]string{"start": "Starting", "stop": "Stopping", "restart": "Restarting", "reload": "Reloading", "force-reload": "Reloading"}[v]
		p.printf(" * %s %s\n   ...done.\n", word, what)
		if v == "start" || v == "restart" {
			p.background(n)
		}
	case "status":
		for _, t := range p.t.Processes() {
			if t.Comm() == n {
				p.printf(" * %s is running\n", n)
				return 0
			}
		}
		p.printf(" * %s is not running\n", n)
		return 3
	}
	return 0
}

// background leaves a sleeping process of that name, as a daemon that started
// would be.
func (p *P) background(name string) {
	c, err := p.t.ForkWith(kernel.ForkOptions{Setsid: true, Name: name}, func(t *kernel.Task) int {
		null := kernel.NullFile()
		for fd := range 3 {
			t.Close(fd)
		}
		for range 3 {
			_, _ = t.InstallFile(null) // a task without descriptors left reads nothing
		}
		for {
			t.Pause()
		}
	})
	if err == nil {
		c.SetArgs([]string{name})
	}
}

func cmdUfw(p *P) int {
	if len(p.args) == 0 {
		p.raw("ERROR: not enough args\n")
		return 1
	}
	for _, a := range p.args {
		switch a {
		case "disable":
			p.puts("Firewall stopped and disabled on system startup\n")
		case "enable":
			p.puts("Firewall is active and enabled on system startup\n")
		case "status":
			p.puts("Status: inactive\n")
		case "allow", "deny":
			p.puts("Rules updated\nRules updated (v6)\n")
			return 0
		}
	}
	return 0
}

func cmdSysctl(p *P) int {
	opts, args, ok := p.getopt("wnqpaeNA", "write=w", "values=n", "quiet=q", "load?=p", "all=a", "system=p", "ignore=e")
	if !ok {
		return p.status
	}
	f := set(opts)
	if f.has("p") {
		file := "/etc/sysctl.conf"
		if len(args) > 0 {
			file = args[0]
		}
		b, err := p.t.ReadFile(file)
		if err != nil {
			p.errf("cannot open \"%s\": %s", file, text(err))
			return 255
		}
		args = nil
		for _, l := range strings.Split(string(b), "\n") {
			if l = strings.TrimSpace(l); l != "" && l[0] != '#' && l[0] != ';' {
				k, v, _ := strings.Cut(l, "=")
				args = append(args, strings.TrimSpace(k)+"="+strings.TrimSpace(v))
			}
		}
	}
	if f.has("a") {
		args = p.sysctls("/proc/sys", nil)
	}
	for i := 0; i < len(args); i++ {
		k, v, write := strings.Cut(args[i], "=")
		if write && v == "" && i+1 < len(args) {
			i++
			v = args[i]
		}
		file := "/proc/sys/" + strings.ReplaceAll(k, ".", "/")
		if write {
			if err := p.t.WriteFile(file, []byte(v+"\n"), 0o644); err != nil {
				switch err {
				case vfs.ENOENT:
					p.errf("cannot stat %s: No such file or directory", file)
				case vfs.EROFS:
					p.errf("setting key \"%s\", ignoring: Read-only file system", k)
				default:
					p.errf("permission denied on key \"%s\"", k)
				}
				p.status = 255
				if p.bb {
					p.status = 1
				}
				continue
			}
			if !f.has("q") {
				p.printf("%s = %s\n", k, v)
			}
			continue
		}
		b, err := p.t.ReadFile(file)
		if err != nil {
			p.errf("cannot stat %s: No such file or directory", file)
			p.status = 255
			continue
		}
		if f.has("n") {
			p.out.Write(b)
		} else {
			p.printf("%s = %s", k, b)
		}
	}
	return p.status
}

// sysctls are the keys below a directory of /proc/sys, in the order of their paths.
func (p *P) sysctls(dir string, out []string) []string {
	l, err := p.t.ReadDir(dir)
	if err != nil {
		return out
	}
	slices.SortFunc(l, func(a, b vfs.DirEntry) int { return strings.Compare(a.Name, b.Name) })
	for _, e := range l {
		switch {
		case e.Name == "." || e.Name == "..":
		case e.Type.IsDir():
			out = p.sysctls(dir+"/"+e.Name, out)
		default:
			if st, err := p.t.Stat(dir + "/" + e.Name); err == nil && st.Mode&0o444 != 0 {
				out = append(out, strings.ReplaceAll(strings.TrimPrefix(dir+"/"+e.Name, "/proc/sys/"), "/", "."))
			}
		}
	}
	return out
}

func cmdLsmod(p *P) int {
	b, _ := p.t.ReadFile("/proc/modules")
	p.puts("Module                  Size  Used by\n")
	for _, l := range strings.Split(string(b), "\n") {
		if f := strings.Fields(l); len(f) > 3 {
			by := ""
			if f[3] != "-" {
				by = " " + strings.TrimSuffix(f[3], ",")
			}
			p.printf("%-19s %8s  %s%s\n", f[0], f[1], f[2], by)
		}
	}
	return 0
}

func cmdModprobe(p *P) int {
	_, args, ok := p.getopt("avqrnfibC:d:DS:", "remove=r", "quiet=q", "verbose=v", "all=a", "dry-run=n")
	if !ok {
		return p.status
	}
	rel := p.t.Kernel().HostInfo().Release
	if p.name == "insmod" && len(args) > 0 {
		if _, err := p.t.Stat(args[0]); err != nil {
			if p.bb {
				p.raw("insmod: can't insert '%s': No such file or directory\n", args[0])
			} else {
				p.raw("insmod: ERROR: could not load module %s: No such file or directory\n", args[0])
			}
			return 1
		}
		if !p.t.Creds().Has(vfs.CapSysModule) {
			if p.bb {
				p.raw("insmod: can't insert '%s': Operation not permitted\n", args[0])
			} else {
				p.raw("insmod: ERROR: could not insert module %s: Operation not permitted\n", args[0])
			}
			return 1
		}
		args = nil
	}
	for _, a := range args {
		if p.inContainer() || p.t.Creds().EUID != 0 {
			if _, err := p.t.Stat("/lib/modules/" + rel); err != nil {
				p.raw("modprobe: FATAL: Module %s not found in directory /lib/modules/%s\n", a, rel)
				return 1
			}
		}
	}
	return 0
}

func cmdSSHKeygen(p *P) int {
	opts, _, ok := p.getopt("qt:f:N:b:C:P:yo:R:lE:A")
	if !ok {
		return 1
	}
	f := set(opts)
	typ := f["t"]
	if typ == "" {
		typ = "rsa"
	}
	file := f["f"]
	if file == "" {
		home := p.t.Getenv("HOME")
		if home == "" {
			home = "/root"
		}
		file = home + "/.ssh/id_" + typ
		p.t.MkdirAll(dirname(file))
		_ = p.t.Chmod(dirname(file), 0o700) // the original tries, and goes on
	}
	if !f.has("q") {
		p.printf("Generating public/private %s key pair.\n", typ)
	}
	rnd := make([]byte, 1400)
	p.t.Random(rnd)
	pub, algo := rnd[:32], "ssh-ed25519"
	if typ == "rsa" {
		pub, algo = rnd[:391], "ssh-rsa"
	}
	blob := append([]byte{0, 0, 0, byte(len(algo))}, algo...)
	if typ == "rsa" {
		blob = append(blob, 0, 0, 0, 3, 1, 0, 1, 0, 0, 1, 0x81, 0)
		blob = append(blob, pub[:384]...)
	} else {
		blob = append(append(blob, 0, 0, 0, 32), pub...)
	}
	comment := f["C"]
	if comment == "" {
		comment = p.user() + "@" + p.t.NS().Hostname()
	}
	size := func(n int) []byte { return []byte{0, 0, byte(n >> 8), byte(n)} }
	secret := rnd[400 : 400+map[bool]int{true: 1400 - 400 - 8, false: 136}[typ == "rsa"]]
	priv := append([]byte("openssh-key-v1\x00\x00\x00\x00\x04none\x00\x00\x00\x04none\x00\x00\x00\x00\x00\x00\x00\x01"), size(len(blob))...)
	priv = append(append(append(priv, blob...), size(len(secret))...), secret...)
	var b strings.Builder
	b.WriteString("-----BEGIN OPENSSH PRIVATE KEY-----\n")
	for e := base64.StdEncoding.EncodeToString(priv); e != ""; {
		n := min(70, len(e))
		b.WriteString(e[:n] + "\n")
		e = e[n:]
	}
	b.WriteString("-----END OPENSSH PRIVATE KEY-----\n")
	if err := p.t.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		p.raw("Saving key \"%s\" failed: %s\n", file, text(err))
		return 1
	}
	_ = p.t.WriteFile(file+".pub", []byte(algo+" "+base64.StdEncoding.EncodeToString(blob)+" "+comment+"\n"), 0o644) // the original does not look either
	if !f.has("q") {
		sum := sha256.Sum256(blob)
		p.printf("Your identification has been saved in %s\nYour public key has been saved in %s.pub\nThe key fingerprint is:\nSHA256:%s %s\n", file, file, base64.RawStdEncoding.EncodeToString(sum[:]), comment)
		head := "+--[ED25519 256]--+"
		if typ == "rsa" {
			head = "+---[RSA 3072]----+"
		}
		p.puts("The key's randomart image is:\n" + head + "\n" + randomart(sum[:]) + "+----[SHA256]-----+\n")
	}
	return 0
}

// randomart is the walk of OpenSSH's bishop over a fingerprint.
func randomart(sum []byte) string {
	const w, h, marks = 17, 9, " .o+=*BOX@%&#/^SE"
	var field [w][h]int
	x, y := w/2, h/2
	for _, b := range sum {
		for range 4 {
			x += map[bool]int{true: 1, false: -1}[b&1 != 0]
			y += map[bool]int{true: 1, false: -1}[b&2 != 0]
			x, y = max(0, min(w-1, x)), max(0, min(h-1, y))
			if field[x][y] < len(marks)-3 {
				field[x][y]++
			}
			b >>= 2
		}
	}
	field[w/2][h/2], field[x][y] = len(marks)-2, len(marks)-1
	var out strings.Builder
	for y := range h {
		out.WriteByte('|')
		for x := range w {
			out.WriteByte(marks[field[x][y]])
		}
		out.WriteString("|\n")
	}
	return out.String()
}

func cmdWhich(p *P) int {
	opts, args, ok := p.getopt("as", "all=a")
	if !ok {
		return p.status
	}
	if len(args) == 0 {
		return 1
	}
	code := 0
	for _, a := range args {
		hit := false
		if strings.Contains(a, "/") {
			if p.t.Access(a, vfs.MayExec) == nil {
				p.puts(a + "\n")
				hit = true
			}
		} else {
			for _, d := range strings.Split(p.t.Getenv("PATH"), ":") {
				full := join(d, a)
				if st, err := p.t.Stat(full); err == nil && st.Mode.IsRegular() && p.t.Access(full, vfs.MayExec) == nil {
					p.puts(full + "\n")
					hit = true
					if !set(opts).has("a") {
						break
					}
				}
			}
		}
		if !hit {
			code = 1
		}
	}
	return code
}

func cmdNothing(p *P) int { return 0 }

// cmdOpenssl knows enc -base64, base64, dgst, passwd, rand.
func cmdOpenssl(p *P) int {
	if len(p.args) == 0 {
		return 0
	}
	sub, rest := p.args[0], p.args[1:]
	if sub == "passwd" {
		return opensslPasswd(p, rest)
	}
	var files []string
	dec := false
	oneLine := false
	algo := "sha256"
	for i := 0; i < len(rest); i++ {
		switch a := rest[i]; {
		case a == "-d":
			dec = true
		case a == "-A":
			oneLine = true
		case a == "-in" && i+1 < len(rest):
			i++
			files = append(files, rest[i])
		case a == "-md5" || a == "-sha1" || a == "-sha256" || a == "-sha512":
			algo = a[1:]
		case a == "-out" && i+1 < len(rest):
			i++
			fd, err := p.t.Open(rest[i], kernel.O_WRONLY|kernel.O_CREAT|kernel.O_TRUNC, 0o666)
			if err == nil {
				p.out.Reset(p.t.Writer(fd))
			}
		case a == "-hex" || strings.HasPrefix(a, "-"):
		default:
			files = append(files, a)
		}
	}
	switch sub {
	case "version":
		p.puts("OpenSSL 3.0.2 15 Mar 2022 (Library: OpenSSL 3.0.2 15 Mar 2022)\n")
	case "base64", "enc":
		p.name = "base64"
		p.args = files
		if dec {
			p.args = append([]string{"-di"}, files...)
		} else if oneLine {
			p.args = append([]string{"-w0"}, files...)
		} else {
			p.args = append([]string{"-w64"}, files...)
		}
		if sub == "enc" && !strings.Contains(strings.Join(rest, " "), "base64") && !strings.Contains(strings.Join(rest, " "), "-a") {
			p.unknown("construct", "openssl enc "+strings.Join(rest, " "))
			return 1
		}
		return cmdBase64(p)
	case "rand":
		n := 16
		if len(files) > 0 {
			n = int(min(1<<20, max(0, toInt(files[len(files)-1]))))
		}
		b := make([]byte, n)
		p.t.Random(b)
		if strings.Contains(strings.Join(rest, " "), "-base64") {
			p.puts(base64.StdEncoding.EncodeToString(b) + "\n")
		} else if strings.Contains(strings.Join(rest, " "), "-hex") {
			p.printf("%x\n", b)
		} else {
			p.out.Write(b)
		}
	case "dgst", "md5", "sha1", "sha256", "sha512":
		if sub != "dgst" {
			algo = sub
		}
		p.name = algo + "sum"
		p.args = append([]string{"--tag"}, files...)
		return cmdSum(p)
	default:
		p.unknown("construct", "openssl "+sub)
		return 1
	}
	return 0
}
