package program

import (
	"archive/zip"
	"bytes"
	"io"
	"path"
	"strings"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// cmdUnzip is Info-ZIP's UnZip 6.00.
func cmdUnzip(p *P) int {
	opts, args, ok := p.getoptArgs(p.args, 10, "ojnqd:P:lptx:v")
	if !ok {
		return p.status
	}
	f := set(opts)
	if len(args) == 0 {
		p.puts("UnZip 6.00 of 20 April 2009, by Debian. Original by Info-ZIP.\n\nUsage: unzip [-Z] [-opts[modifiers]] file[.zip] [list] [-x xlist] [-d exdir]\n")
		return 0
	}
	name := args[0]
	b, err := p.t.ReadFile(name)
	if err == vfs.ENOENT {
		name += ".zip"
		b, err = p.t.ReadFile(name)
	}
	if err != nil {
		p.raw("unzip:  cannot find or open %s, %s.zip or %s.ZIP.\n", args[0], args[0], args[0])
		return 9
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		p.raw("  End-of-central-directory signature not found.  Either this file is not\n  a zipfile, or it constitutes one disk of a multi-part archive.  In the\n  latter case the central directory and zipfile comment will be found on\n  the last disk(s) of this archive.\nunzip:  cannot find zipfile directory in one of %s or\n        %s.zip, and cannot find %s.ZIP, period.\n", args[0], args[0], args[0])
		return 9
	}
	say := func(format string, a ...any) {
		if !f.has("q") && !f.has("p") {
			p.printf(format, a...)
		}
	}
	say("Archive:  %s\n", name)
	if f.has("l") {
		var total uint64
		p.puts("  Length      Date    Time    Name\n---------  ---------- -----   ----\n")
		for _, e := range z.File {
			p.printf("%9d  %s   %s\n", e.UncompressedSize64, e.Modified.Format("2006-01-02 15:04"), e.Name)
			total += e.UncompressedSize64
		}
		p.printf("---------                     -------\n%9d                     %d files\n", total, len(z.File))
		return 0
	}
	code := 0
	for i, e := range z.File {
		if i > 100000 {
			return 50
		}
		p.t.Tick(20)
		if len(args) > 1 {
			hit := false
			for _, a := range args[1:] {
				hit = hit || globMatch(a, e.Name)
			}
			if !hit {
				continue
			}
		}
		clean := strings.TrimPrefix(path.Clean("/"+e.Name), "/")
		if f.has("j") {
			clean = base(clean)
		}
		if d, has := f["d"]; has {
			p.t.MkdirAll(d)
			clean = join(d, clean)
		}
		if strings.HasSuffix(e.Name, "/") {
			if !f.has("j") {
				say("   creating: %s/\n", clean)
				p.t.MkdirAll(clean)
			}
			continue
		}
		if e.Flags&1 != 0 {
			p.unknown("construct", "unzip with a password")
			p.raw("   skipping: %-24sunable to get password\n", e.Name)
			code = 82
			continue
		}
		r, err := e.Open()
		if err != nil {
			p.raw("   skipping: %-24sunsupported compression method %d\n", e.Name, e.Method)
			code = 81
			continue
		}
		if f.has("p") {
			p.copy(p.out, r)
			r.Close()
			continue
		}
		p.t.MkdirAll(dirname(clean))
		if _, err := p.t.Lstat(clean); err == nil {
			if f.has("n") {
				r.Close()
				continue
			}
			if !f.has("o") && !p.ask("replace %s? [y]es, [n]o, [A]ll, [N]one, [r]ename", clean) {
				r.Close()
				continue
			}
			p.t.Unlink(clean)
		}
		if e.Mode()&(1<<27) != 0 { // a link
			to, _ := io.ReadAll(io.LimitReader(r, 4096))
			r.Close()
			_ = p.t.Symlink(string(to), clean) // one that is there stays
			continue
		}
		if e.Method == zip.Store {
			say(" extracting: %s\n", clean)
		} else {
			say("  inflating: %s  \n", clean)
		}
		mode := vfs.Mode(e.Mode().Perm())
		if mode == 0 {
			mode = 0o644
		}
		fd, err := p.t.Open(clean, kernel.O_WRONLY|kernel.O_CREAT|kernel.O_TRUNC, mode)
		if err != nil {
			p.raw("error:  cannot create %s\n        %s\n", clean, text(err))
			code = 50
			r.Close()
			continue
		}
		_, err = p.copy(p.t.Writer(fd), r)
		r.Close()
		p.t.Close(fd)
		if err != nil {
			p.raw("  error:  invalid compressed data to inflate %s\n", clean)
			code = 3
			continue
		}
		_ = p.t.Utimes(clean, nil, &e.Modified, false) // the original tries, and goes on
	}
	return code
}

// cmdDmesg shows the kernel's ring, which unprivileged containers may not read.
func cmdDmesg(p *P) int {
	if !p.t.Creds().Has(vfs.CapSysAdmin) {
		if p.bb {
			p.raw("dmesg: klogctl: Operation not permitted\n")
		} else {
			p.raw("dmesg: read kernel buffer failed: Operation not permitted\n")
		}
		return 1
	}
	h := p.t.Kernel().HostInfo()
	version, _ := p.t.ReadFile("/proc/version")
	p.printf("[    0.000000] %s\n[    0.000000] Command line: %s\n[    0.004000] Memory: %dK available\n[    0.112034] smpboot: Allowing %d CPUs, 0 hotplug CPUs\n", strings.TrimSuffix(string(version), "\n"), h.Cmdline, h.Memory>>10, h.Cores)
	return 0
}
