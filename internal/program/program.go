// Package program holds the commands of the emulated systems, a family a file:
// coreutils, findutils, grep, sed, awk, tar, procps, util-linux, network clients,
// package managers, administration, and BusyBox's versions of them.
//
// A command is a function over a [P], which is a task with buffered output and
// the manners of its family: GNU's error texts, or BusyBox's where the command
// was run through the busybox executable. Which one it is, is decided by the
// executable (a link of /bin/ls to busybox gives BusyBox's ls), never by a
// setting. Each follows its original's documentation (coreutils 8.32 to 9.1,
// BusyBox 1.36, procps-ng 4.0, curl 7.88, GNU Wget 1.21) in output, error text
// and exit status; what it does not know it reports as Unknown and answers as the
// original answers a wrong option.
//
// Commands see the world through kernel.Task alone. Everything they read is
// bounded; loops over input charge their work by Tick.
package program

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// P is a command as it runs.
type P struct {
	t      *kernel.Task
	name   string   // as argv[0] names it
	args   []string // without argv[0]
	bb     bool     // BusyBox
	out    *bufio.Writer
	in     *bufio.Reader
	status int
}

type command func(p *P) int

// Register adds every command to r: each under its own name in GNU's dialect, and
// "busybox", which runs all of them in its own.
func Register(r *kernel.Registry) {
	for name, c := range commands() {
		r.Register(name, runner(name, c, false))
	}
	r.Register("busybox", busybox)
}

// Names lists the commands, sorted.
func Names() []string {
	var out []string
	for n := range commands() {
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}

// Applets lists what the busybox executable runs, sorted; a shell's names are
// among them, and are run by the registry's program of that name.
func Applets() []string {
	var out []string
	cs := commands()
	for _, n := range strings.Fields(applets) {
		if _, ok := cs[n]; ok || n == "sh" || n == "ash" {
			out = append(out, n)
		}
	}
	return out
}

const applets = `[ [[ acpid add-shell addgroup adduser adjtimex arch arp arping ash awk base64 basename bc beep blkdiscard blkid blockdev brctl bunzip2 bzcat bzip2 cal cat chattr chgrp chmod chown chpasswd chroot chvt cksum clear cmp comm cp cpio crond crontab cryptpw cut date dc dd deallocvt delgroup deluser depmod df diff dirname dmesg dnsdomainname dos2unix du dumpkmap echo ed egrep eject env ether-wake expand expr factor fallocate false fatattr fbset fbsplash fdflush fdisk fgrep find findfs flock fold free fsck fstrim fsync fuser getopt getty grep groups gunzip gzip halt hd head hexdump hostid hostname hwclock id ifconfig ifdown ifenslave ifup init inotifyd insmod install ionice iostat ip ipaddr ipcalc ipcrm ipcs iplink ipneigh iproute iprule iptunnel kbd_mode kill killall killall5 klogd last less link linux32 linux64 ln loadfont loadkmap logger login logread losetup ls lsattr lsmod lsof lsusb lzcat lzma lzop lzopcat makemime md5sum mdev mesg microcom mkdir mkdosfs mkfifo mkfs.vfat mknod mkpasswd mkswap mktemp modinfo modprobe more mount mountpoint mpstat mv nameif nanddump nandwrite nbd-client nc netstat nice nl nmeter nohup nologin nproc nsenter nslookup ntpd od openvt partprobe passwd paste pgrep pidof ping ping6 pipe_progress pivot_root pkill pmap poweroff printenv printf ps pscan pstree pwd pwdx raidautorun rdate rdev readahead readlink realpath reboot reformime remove-shell renice reset resize rev rfkill rm rmdir rmmod route run-parts sed sendmail seq setconsole setfont setkeycodes setlogcons setpriv setserial setsid sh sha1sum sha256sum sha3sum sha512sum showkey shred shuf slattach sleep sort split stat strings stty su sum swapoff swapon switch_root sync sysctl syslogd tac tail tar tee test time timeout top touch tr traceroute traceroute6 tree true truncate tty ttysize tunctl udhcpc udhcpc6 umount uname unexpand uniq unix2dos unlink unlzma unlzop unshare unxz unzip uptime usleep uudecode uuencode vconfig vi vlock volname watch watchdog wc wget which who whoami whois xargs xxd xzcat yes zcat zcip`

func runner(name string, c command, bb bool) kernel.Program {
	return func(t *kernel.Task) int {
		a := t.Args()
		shown := name
		if len(a) > 0 && a[0] != "" {
			shown = a[0]
			if bb || !strings.Contains(shown, name) {
				shown = base(shown)
			}
			// GNU programs name themselves as they were called.
			a = a[1:]
		}
		return start(t, base(shown), a, c, bb)
	}
}

func start(t *kernel.Task, name string, args []string, c command, bb bool) int {
	p := &P{t: t, name: name, args: args, bb: bb}
	p.out = bufio.NewWriterSize(t.Stdout(), 32<<10)
	p.in = bufio.NewReaderSize(t.Stdin(), 32<<10)
	code := c(p)
	if err := p.out.Flush(); err != nil && err != vfs.EPIPE && code == 0 {
		p.errf("write error: %s", text(err))
		code = 1
	}
	return code
}

// debianApplets are those of Debian 12's busybox.
const debianApplets = `[ [[ acpid adjtimex ar arch arp arping ascii ash awk base64 basename bc blkdiscard blockdev brctl bunzip2 busybox bzcat bzip2 cal cat chgrp chmod
 chown chroot chvt clear cmp cp cpio crc32 crond crontab cttyhack cut date dc dd deallocvt depmod devmem df diff dirname dmesg dnsdomainname dos2unix
 dpkg dpkg-deb du dumpkmap dumpleases echo ed egrep env expand expr factor fallocate false fatattr fdisk fgrep find findfs fold free freeramdisk
 fsfreeze fstrim ftpget ftpput getopt getty grep groups gunzip gzip halt head hexdump hostid hostname httpd hwclock i2cdetect i2cdump i2cget i2cset
 i2ctransfer id ifconfig ifdown ifup init insmod ionice ip ipcalc ipneigh kill killall klogd last less link linux32 linux64 linuxrc ln loadfont
 loadkmap logger login logname logread losetup ls lsmod lsscsi lzcat lzma lzop md5sum mdev microcom mim mkdir mkdosfs mke2fs mkfifo mknod mkpasswd
 mkswap mktemp modinfo modprobe more mount mt mv nameif nc netstat nl nologin nproc nsenter nslookup nuke od openvt partprobe passwd paste patch pidof
 ping ping6 pivot_root poweroff printf ps pwd rdate readlink realpath reboot renice reset resume rev rm rmdir rmmod route rpm rpm2cpio run-init
 run-parts sed seq setkeycodes setpriv setsid sh sha1sum sha256sum sha3sum sha512sum shred shuf sleep sort ssl_client start-stop-daemon stat strings
 stty su sulogin svc svok swapoff swapon switch_root sync sysctl syslogd tac tail tar taskset tc tee telnet telnetd test tftp time timeout top touch tr
 traceroute traceroute6 true truncate ts tty tunctl ubirename udhcpc udhcpd uevent umount uname uncompress unexpand uniq unix2dos unlink unlzma unshare
 unxz unzip uptime usleep uudecode uuencode vconfig vi w watch watchdog wc wget which who whoami xargs xxd xz xzcat yes zcat`

// has lists what the busybox of this tree is: the names that are linked to it, as in
// the images that are made of it, or Debian's.
func has(t *kernel.Task) []string {
	seen := map[string]bool{}
	for _, d := range []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin"} {
		l, err := t.ReadDir(d)
		if err != nil {
			continue
		}
		for _, e := range l {
			if to, err := t.Readlink(d + "/" + e.Name); err == nil && base(to) == "busybox" {
				seen[e.Name] = true
			}
		}
	}
	if len(seen) < 100 {
		return strings.Fields(debianApplets)
	}
	return slices.Sorted(maps.Keys(seen))
}

// busyboxVersion is the first line of what busybox prints.
const busyboxVersion = "BusyBox v1.36.1 (2023-11-07 18:53:09 UTC) multi-call binary."

func busybox(t *kernel.Task) int {
	a := t.Args()
	if len(a) == 0 {
		return 127
	}
	name := base(a[0])
	args := a[1:]
	if strings.HasPrefix(name, "busybox") {
		if len(args) == 0 || args[0] == "--help" {
			fmt.Fprintf(t.Stdout(), "%s\nBusyBox is copyrighted by many authors between 1998-2015.\nLicensed under GPLv2. See source distribution for detailed\ncopyright notices.\n\nUsage: busybox [function [arguments]...]\n   or: busybox --list[-full]\n   or: busybox --show SCRIPT\n   or: busybox --install [-s] [DIR]\n   or: function [arguments]...\n\n\tBusyBox is a multi-call binary that combines many common Unix\n\tutilities into a single executable.  Most people will create a\n\tlink to busybox for each function they wish to use and BusyBox\n\twill act like whatever it was invoked as.\n\nCurrently defined functions:\n", busyboxVersion)
			line := "\t"
			for i, n := range has(t) {
				if i > 0 {
					line += ", "
				}
				if len(line)+len(n) > 70 {
					fmt.Fprintln(t.Stdout(), strings.TrimRight(line, " "))
					line = "\t"
				}
				line += n
			}
			fmt.Fprintln(t.Stdout(), line)
			return 0
		}
		switch args[0] {
		case "--list":
			fmt.Fprintln(t.Stdout(), strings.Join(has(t), "\n"))
			return 0
		case "--install":
			dir := ""
			for _, x := range args[1:] {
				if x != "-s" {
					dir = x
				}
			}
			for _, n := range has(t) {
				d := dir
				if d == "" {
					d = "/bin"
				}
				_ = t.Symlink("/bin/busybox", d+"/"+n) // one that is there stays
			}
			return 0
		}
		name, args = base(args[0]), args[1:]
		t.SetArgs(append([]string{name}, args...))
	}
	for _, n := range slices.Concat(strings.Fields(applets), strings.Fields(debianApplets)) {
		if n != name {
			continue
		}
		if c, ok := commands()[name]; ok {
			return start(t, name, args, c, true)
		}
		if prog, ok := t.Kernel().Programs().Lookup(name); ok {
			return prog(t) // with the name it was called by: the shell's errors begin with it
		}
		t.Unknown("program", "busybox "+name, strings.Join(args, " "))
		return 0
	}
	fmt.Fprintf(t.Stderr(), "%s: applet not found\n", name)
	return 127
}

func base(s string) string {
	s = strings.TrimRight(s, "/")
	if s == "" {
		return "/"
	}
	return s[strings.LastIndexByte(s, '/')+1:]
}

// text gives an error's words.
func text(err error) string {
	var e vfs.Errno
	if errors.As(err, &e) {
		return e.Error()
	}
	return err.Error()
}

// printf writes to standard output, buffered; errf a line to standard error under
// the command's name; fail does so and remembers status 1.
func (p *P) printf(format string, a ...any) { fmt.Fprintf(p.out, format, a...) }
func (p *P) puts(s string)                  { p.out.WriteString(s) }
func (p *P) errf(format string, a ...any) {
	p.out.Flush()
	fmt.Fprintf(p.t.Stderr(), p.name+": "+format+"\n", a...)
}
func (p *P) raw(format string, a ...any) {
	p.out.Flush()
	fmt.Fprintf(p.t.Stderr(), format, a...)
}
func (p *P) fail(format string, a ...any) { p.errf(format, a...); p.status = 1 }

// try is what GNU's usage(EXIT_FAILURE) prints.
func (p *P) try(code int) int {
	if p.bb {
		p.raw("%s\n\nUsage: %s [OPTIONS]\n", busyboxVersion, p.name)
		return 1
	}
	p.raw("Try '%s --help' for more information.\n", p.name)
	return code
}

// missing is "missing operand".
func (p *P) missing() int {
	if !p.bb {
		p.errf("missing operand")
	}
	return p.try(1)
}

// q quotes as GNU does in messages: 'x', with the shell's quoting where needed.
func q(s string) string {
	if strings.ContainsAny(s, "'\n\t\\") {
		if !strings.ContainsAny(s, "\n\t") && !strings.ContainsAny(s, "\"$`\\") {
			return `"` + s + `"`
		}
		return "'" + strings.NewReplacer("'", `'\''`, "\n", `'$'\n''`, "\t", `'$'\t''`).Replace(s) + "'"
	}
	return "'" + s + "'"
}

// name1 names a file in a message: quoted by GNU when it could be mistaken.
func fileName(s string) string {
	if s == "" || strings.ContainsAny(s, " '\"\n\t*?[]$\\&;|<>()`!") || strings.Contains(s, ": ") {
		return q(s)
	}
	return s
}

// opt is an option as it was given: its letter, or its long name.
type opt struct{ c, arg string }

// getopt parses options as getopt_long does, options and operands mixed, unless
// short begins with '+'. long entries are "name=key", "name:=key" (with an
// argument), "name?=key" (with an optional one after '='). Wrong ones print the
// original's words and give ok false with the status in p.status.
func (p *P) getopt(short string, long ...string) (opts []opt, args []string, ok bool) {
	return p.getoptArgs(p.args, 1, short, long...)
}

func (p *P) getoptArgs(in []string, code int, short string, long ...string) (opts []opt, args []string, ok bool) {
	posix := strings.HasPrefix(short, "+")
	short = strings.TrimPrefix(short, "+")
	bad := func(name, format string, a ...any) ([]opt, []string, bool) {
		p.t.Unknown("option", p.name, name)
		p.errf(format, a...)
		p.status = p.try(code)
		return nil, nil, false
	}
	for i := 0; i < len(in); i++ {
		a := in[i]
		switch {
		case a == "--":
			return opts, append(args, in[i+1:]...), true
		case len(a) > 2 && a[:2] == "--":
			name, val, has := strings.Cut(a[2:], "=")
			var hit string
			kind := byte(0)
			n := 0
			for _, l := range append(long, "help=help", "version=version") {
				ln, key, _ := strings.Cut(l, "=")
				k := byte(0)
				if c := ln[len(ln)-1]; c == ':' || c == '?' {
					k, ln = c, ln[:len(ln)-1]
				}
				if ln == name {
					hit, kind, n = key, k, 1
					break
				}
				if strings.HasPrefix(ln, name) {
					hit, kind = key, k
					n++
				}
			}
			if n != 1 {
				if p.bb {
					return bad(a, "unrecognized option: %s", name)
				}
				return bad(a, "unrecognized option '%s'", a)
			}
			switch {
			case hit == "help":
				p.printf("Usage: %s [OPTION]... [FILE]...\n", p.name)
				p.status = 0
				return nil, nil, false
			case hit == "version":
				p.puts(p.version())
				p.status = 0
				return nil, nil, false
			case kind == ':' && !has:
				i++
				if i >= len(in) {
					return bad(a, "option '%s' requires an argument", a)
				}
				val = in[i]
			case kind == 0 && has:
				return bad(a, "option '--%s' doesn't allow an argument", name)
			}
			opts = append(opts, opt{hit, val})
		case len(a) > 1 && a[0] == '-':
			for j := 1; j < len(a); j++ {
				c := a[j : j+1]
				k := strings.Index(short, c)
				if k < 0 || c == ":" {
					if p.bb {
						return bad("-"+c, "unrecognized option: %s", c)
					}
					return bad("-"+c, "invalid option -- '%s'", c)
				}
				if k+1 < len(short) && short[k+1] == ':' {
					optional := k+2 < len(short) && short[k+2] == ':'
					if j+1 < len(a) || optional {
						opts = append(opts, opt{c, a[j+1:]})
					} else {
						i++
						if i >= len(in) {
							if p.bb {
								return bad("-"+c, "option requires an argument: %s", c)
							}
							return bad("-"+c, "option requires an argument -- '%s'", c)
						}
						opts = append(opts, opt{c, in[i]})
					}
					break
				}
				opts = append(opts, opt{c, ""})
			}
		default:
			if posix {
				return opts, append(args, in[i:]...), true
			}
			args = append(args, a)
		}
	}
	return opts, args, true
}

func (p *P) version() string {
	switch p.name {
	case "grep", "egrep", "fgrep":
		return "grep (GNU grep) 3.7\n"
	case "sed":
		return "sed (GNU sed) 4.8\n"
	case "tar":
		return "tar (GNU tar) 1.34\n"
	case "find":
		return "find (GNU findutils) 4.8.0\n"
	case "awk", "mawk":
		return "mawk 1.3.4 20200120\n"
	case "ps", "free", "uptime", "top", "pgrep", "pkill":
		return p.name + " from procps-ng 3.3.17\n"
	}
	return p.name + " (GNU coreutils) 8.32\nCopyright (C) 2020 Free Software Foundation, Inc.\nLicense GPLv3+: GNU GPL version 3 or later <https://gnu.org/licenses/gpl.html>.\nThis is free software: you are free to change and redistribute it.\nThere is NO WARRANTY, to the extent permitted by law.\n"
}

// flags is a set of given options.
type flags map[string]string

func set(opts []opt) flags {
	f := flags{}
	for _, o := range opts {
		f[o.c] = o.arg
	}
	return f
}

func (f flags) has(k string) bool { _, ok := f[k]; return ok }

// files opens each operand ("-" or none: standard input) and calls fn; a file
// that cannot be opened is told and remembered in p.status.
func (p *P) files(args []string, fn func(name string, r *bufio.Reader) bool) {
	if len(args) == 0 {
		args = []string{"-"}
	}
	for _, a := range args {
		if a == "-" {
			if !fn(a, p.in) {
				return
			}
			continue
		}
		fd, err := p.open(a)
		if err != nil {
			p.openFail(a, err)
			continue
		}
		more := fn(a, bufio.NewReaderSize(p.t.Reader(fd), 32<<10))
		p.t.Close(fd)
		if !more {
			return
		}
	}
}

// open opens a file for reading; a directory is EISDIR, as its read would be.
func (p *P) open(name string) (int, error) {
	fd, err := p.t.Open(name, kernel.O_RDONLY|kernel.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if st, err := p.t.Fstat(fd); err == nil && st.Mode.IsDir() {
		p.t.Close(fd)
		return -1, vfs.EISDIR
	}
	return fd, nil
}

func (p *P) openFail(name string, err error) {
	p.status = 1
	switch {
	case p.bb && err == vfs.EISDIR:
		p.errf("read error: %s", text(err))
	case p.bb:
		p.errf("can't open '%s': %s", name, text(err))
	default:
		p.errf("%s: %s", fileName(name), text(err))
	}
}

// maxLine is the longest line a command keeps.
const maxLine = 4 << 20

// readLine reads a line without its newline; more is false at the end. A line
// longer than maxLine comes in parts.
func (p *P) readLine(r *bufio.Reader) (line string, nl, more bool) {
	var b []byte
	for {
		part, err := r.ReadSlice('\n')
		b = append(b, part...)
		p.t.Tick(1 + int64(len(part)>>9))
		if errors.Is(err, bufio.ErrBufferFull) && len(b) < maxLine {
			continue
		}
		if err != nil && len(b) == 0 {
			return "", false, false
		}
		if n := len(b); n > 0 && b[n-1] == '\n' {
			return string(b[:n-1]), true, true
		}
		return string(b), false, true
	}
}

// lines reads lines up to max bytes in all.
func (p *P) lines(r *bufio.Reader) []string {
	var out []string
	for {
		l, _, more := p.readLine(r)
		if !more {
			return out
		}
		p.t.Alloc(int64(len(l)) + 16)
		out = append(out, l)
	}
}

// readAll reads r, charged as memory.
func (p *P) readAll(r io.Reader) []byte {
	var b []byte
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		p.t.Alloc(int64(n))
		p.t.Tick(int64(n >> 8))
		b = append(b, buf[:n]...)
		if err != nil || n == 0 {
			return b
		}
	}
}

// unknown reports something that is not emulated.
func (p *P) unknown(what, detail string) { p.t.Unknown(what, p.name, detail) }
