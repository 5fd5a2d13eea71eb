package program

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// maxUnpacked bounds what one decompression may give.
const maxUnpacked = 2 << 30

// decompressor opens a compressed stream by its first bytes; nil where it is none.
func decompressor(r *bufio.Reader) (io.Reader, error) {
	h, _ := r.Peek(6)
	switch {
	case bytes.HasPrefix(h, []byte{0x1f, 0x8b}):
		return gzip.NewReader(r)
	case bytes.HasPrefix(h, []byte("BZh")):
		return bzip2.NewReader(r), nil
	case bytes.HasPrefix(h, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return xz.ReaderConfig{DictCap: 64 << 20}.NewReader(r)
	case bytes.HasPrefix(h, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return nil, nil
}

func (p *P) copy(w io.Writer, r io.Reader) (int64, error) {
	buf := make([]byte, 64<<10)
	var n int64
	for {
		m, err := r.Read(buf)
		if m > 0 {
			p.t.Tick(int64(m >> 6))
			if _, werr := w.Write(buf[:m]); werr != nil {
				return n, werr
			}
			if n += int64(m); n > maxUnpacked {
				return n, vfs.EFBIG
			}
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// cmdGzip is gzip, gunzip, zcat; bzip2, xz and their kin in what they share.
func cmdGzip(p *P) int {
	opts, args, ok := p.getopt("dcfkltqrvnS:0123456789zTe", "decompress=d", "uncompress=d", "stdout=c", "to-stdout=c", "force=f", "keep=k", "list=l", "test=t", "quiet=q", "recursive=r", "verbose=v", "best=9", "fast=1", "no-name=n", "threads:=x", "extreme=e")
	if !ok {
		return p.status
	}
	f := set(opts)
	kind, ext := "gzip", ".gz"
	switch {
	case strings.Contains(p.name, "bz"), strings.Contains(p.name, "bunzip"):
		kind, ext = "bzip2", ".bz2"
	case strings.Contains(p.name, "xz"):
		kind, ext = "xz", ".xz"
	case strings.Contains(p.name, "zst"):
		kind, ext = "zstd", ".zst"
	}
	if strings.HasPrefix(p.name, "un") || strings.HasPrefix(p.name, "gun") || strings.HasPrefix(p.name, "bun") {
		f["d"] = ""
	}
	if strings.HasSuffix(p.name, "cat") {
		f["d"], f["c"] = "", ""
	}
	pack := func(w io.Writer, r io.Reader) error {
		switch kind {
		case "xz":
			z, err := xz.WriterConfig{DictCap: 1 << 20}.NewWriter(w)
			if err != nil {
				return err
			}
			if _, err := p.copy(z, r); err != nil {
				return err
			}
			return z.Close()
		case "bzip2":
			p.unknown("construct", "bzip2 compression")
			return vfs.ENOSYS
		case "zstd":
			z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
			if err != nil {
				return err
			}
			if _, err := p.copy(z, r); err != nil {
				return err
			}
			return z.Close()
		}
		z := gzip.NewWriter(w)
		z.OS = 3
		if _, err := p.copy(z, r); err != nil {
			return err
		}
		return z.Close()
	}
	if len(args) == 0 {
		args = []string{"-"}
	}
	var fds []int // of the file at hand: there may be more files than descriptors
	done := func() {
		for _, fd := range fds {
			p.t.Close(fd)
		}
		fds = fds[:0]
	}
	defer done()
	for _, a := range args {
		done()
		var in *bufio.Reader
		src := a
		if a == "-" {
			if !f.has("d") && p.t.IsTTY(1) && !f.has("f") {
				p.errf("compressed data not written to a terminal. Use -f to force compression.\nFor help, type: %s -h", p.name)
				return 1
			}
			in = p.in
		} else {
			fd, err := p.t.Open(src, kernel.O_RDONLY, 0)
			if err == vfs.ENOENT && f.has("d") && !strings.HasSuffix(src, ext) {
				src += ext
				fd, err = p.t.Open(src, kernel.O_RDONLY, 0)
			}
			if err != nil {
				p.fail("%s: %s", src, text(err))
				continue
			}
			fds = append(fds, fd)
			if st, _ := p.t.Fstat(fd); st.Mode.IsDir() {
				p.errf("%s is a directory -- ignored", src)
				p.status = 2
				continue
			}
			in = bufio.NewReaderSize(p.t.Reader(fd), 64<<10)
		}
		var out io.Writer = p.out
		dst := ""
		if a != "-" && !f.has("c") && !f.has("t") {
			if f.has("d") {
				switch {
				case strings.HasSuffix(src, ".tgz"):
					dst = strings.TrimSuffix(src, ".tgz") + ".tar"
				case strings.HasSuffix(src, ext):
					dst = strings.TrimSuffix(src, ext)
				default:
					p.errf("%s: unknown suffix -- ignored", src)
					p.status = 2
					continue
				}
			} else {
				dst = src + ext
			}
			if _, err := p.t.Lstat(dst); err == nil && !f.has("f") {
				p.errf("%s already exists;\tnot overwritten", dst)
				p.status = 2
				continue
			}
			st, _ := p.t.Stat(src)
			fd, err := p.t.Open(dst, kernel.O_WRONLY|kernel.O_CREAT|kernel.O_TRUNC, st.Mode.Perm())
			if err != nil {
				p.fail("%s: %s", dst, text(err))
				continue
			}
			fds = append(fds, fd)
			out = p.t.Writer(fd)
		}
		if f.has("t") {
			out = io.Discard
		}
		name := src
		if a == "-" {
			name = "stdin"
		}
		var err error
		if f.has("d") {
			var z io.Reader
			if z, err = decompressor(in); z == nil {
				if f.has("f") && f.has("c") && err == nil {
					_, err = p.copy(out, in)
				} else {
					p.status = 1
					if b, _ := in.Peek(2); len(b) < 2 && !p.bb {
						p.raw("\n%s: %s: unexpected end of file\n", p.name, name)
					} else if p.bb {
						p.errf("invalid magic")
					} else if kind == "gzip" {
						p.raw("\n%s: %s: not in gzip format\n", p.name, name)
					} else {
						p.errf("%s: not in %s format", name, kind)
					}
					continue
				}
			} else {
				_, err = p.copy(out, z)
			}
			if err != nil {
				p.status = 1
				if errors.Is(err, io.ErrUnexpectedEOF) {
					p.errf("%s: unexpected end of file", name)
				} else if e, isErrno := err.(vfs.Errno); isErrno {
					p.errf("%s: %s", name, text(e))
				} else {
					p.errf("%s: invalid compressed data--format violated", name)
				}
				continue
			}
		} else if err = pack(out, in); err != nil {
			p.fail("%s: %s", name, text(err))
			continue
		}
		if dst != "" && !f.has("k") {
			p.t.Unlink(src)
		}
	}
	return p.status
}

func cmdTar(p *P) int {
	args := append([]string(nil), p.args...)
	if len(args) == 0 {
		p.errf("You must specify one of the '-Acdtrux', '--delete' or '--test-label' options")
		p.raw("Try 'tar --help' or 'tar --usage' for more information.\n")
		return 2
	}
	// Old style: letters without '-', their arguments after them.
	if !strings.HasPrefix(args[0], "-") {
		letters := args[0]
		rest := args[1:]
		var pre []string
		for _, c := range letters {
			pre = append(pre, "-"+string(c))
			if (c == 'f' || c == 'C' || c == 'T' || c == 'X') && len(rest) > 0 {
				pre = append(pre, rest[0])
				rest = rest[1:]
			}
		}
		args = slices.Concat(pre, rest)
	}
	opts, args, ok := p.getoptArgs(args, 2, "xctrzjJvf:C:pOmkhPaT:X:SZowWU", "extract=x", "get=x", "create=c", "list=t", "gzip=z", "gunzip=z", "bzip2=j", "xz=J", "verbose=v", "file:=f", "directory:=C", "to-stdout=O", "strip-components:=strip", "exclude:=exclude", "no-same-owner=o", "same-owner=so",
		"preserve-permissions=p", "overwrite=ow", "wildcards=wc", "absolute-names=P", "auto-compress=a", "touch=m", "keep-old-files=k", "no-overwrite-dir=x1", "warning:=w1", "no-same-permissions=x1", "zstd=zstd", "transform:=tr", "owner:=x1", "group:=x1", "one-file-system=x1", "ignore-failed-read=x1", "numeric-owner=no", "unlink-first=U", "totals=x1", "checkpoint?=x1", "checkpoint-action:=cpa", "dereference=h", "to-command:=tc")
	if !ok {
		return p.status
	}
	f := set(opts)
	if a, has := f["cpa"]; has {
		if c, run := strings.CutPrefix(a, "exec="); run {
			_, _ = p.run([]string{"/bin/sh", "-c", c}) // tar tells of it only at a checkpoint
		}
	}
	var excl []string
	for _, o := range opts {
		if o.c == "exclude" {
			excl = append(excl, o.arg)
		}
	}
	file := f["f"]
	excluded := func(n string) bool {
		for _, x := range excl {
			if globMatch(x, n) || globMatch(x, base(n)) || strings.HasPrefix(n, strings.TrimSuffix(x, "/")+"/") {
				return true
			}
		}
		return false
	}
	switch {
	case f.has("c"), f.has("r"):
		return p.tarCreate(f, file, args, excluded)
	case f.has("x"), f.has("t"):
	default:
		p.errf("You must specify one of the '-Acdtrux', '--delete' or '--test-label' options")
		p.raw("Try 'tar --help' or 'tar --usage' for more information.\n")
		return 2
	}
	in := p.in
	if file != "" && file != "-" {
		fd, err := p.open(file)
		if err != nil {
			if p.bb {
				p.errf("can't open '%s': %s", file, text(err))
				return 1
			}
			p.errf("%s: Cannot open: %s", file, text(err))
			p.errf("Error is not recoverable: exiting now")
			return 2
		}
		defer p.t.Close(fd)
		in = bufio.NewReaderSize(p.t.Reader(fd), 64<<10)
	}
	notTar := func() int {
		if p.bb {
			if f.has("z") {
				p.errf("invalid magic")
			}
			p.errf("short read")
			return 1
		}
		if f.has("z") {
			if b, _ := in.Peek(2); len(b) < 2 {
				p.raw("\ngzip: stdin: unexpected end of file\n")
			} else {
				p.raw("\ngzip: stdin: not in gzip format\n")
			}
			p.errf("Child returned status 1")
		} else {
			p.errf("This does not look like a tar archive")
			p.errf("Exiting with failure status due to previous errors")
			return 2
		}
		p.errf("Error is not recoverable: exiting now")
		return 2
	}
	var r io.Reader = in
	z, err := decompressor(in)
	if err != nil {
		return notTar()
	}
	if z != nil {
		r = z
	} else if f.has("z") || f.has("j") || f.has("J") {
		return notTar()
	}
	if d, has := f["C"]; has {
		if err := p.t.Chdir(d); err != nil {
			if p.bb {
				p.errf("can't change directory to '%s': %s", d, text(err))
				return 1
			}
			p.errf("%s: Cannot open: %s", d, text(err))
			p.errf("Error is not recoverable: exiting now")
			return 2
		}
	}
	strip := int(toInt(f["strip"]))
	tr := tar.NewReader(r)
	n := 0
	root := p.t.Creds().EUID == 0
	type stamp struct {
		name string
		m    time.Time
		mode vfs.Mode
	}
	var dirs []stamp
	found := map[string]bool{}
	warned := false
	for ; ; n++ {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			if n == 0 {
				return notTar()
			}
			p.errf("Unexpected EOF in archive")
			p.errf("Error is not recoverable: exiting now")
			return 2
		}
		p.t.Tick(20)
		name := h.Name
		if len(args) > 0 {
			hit := false
			for _, a := range args {
				t := strings.TrimSuffix(a, "/")
				if name == a || strings.TrimSuffix(name, "/") == t || strings.HasPrefix(name, t+"/") || f.has("wc") && globMatch(a, name) || strings.TrimPrefix(name, "./") == strings.TrimPrefix(a, "./") {
					hit = true
					found[a] = true
				}
			}
			if !hit {
				continue
			}
		}
		if excluded(name) {
			continue
		}
		if f.has("t") {
			if f.has("v") {
				mode := vfs.Mode(h.Mode) & 0o7777
				t := map[byte]vfs.Mode{tar.TypeDir: vfs.S_IFDIR, tar.TypeSymlink: vfs.S_IFLNK, tar.TypeChar: vfs.S_IFCHR, tar.TypeBlock: vfs.S_IFBLK, tar.TypeFifo: vfs.S_IFIFO}[h.Typeflag]
				if t == 0 {
					t = vfs.S_IFREG
				}
				who := h.Uname + "/" + h.Gname
				if h.Uname == "" {
					who = fmt.Sprintf("%d/%d", h.Uid, h.Gid)
				}
				size := fmt.Sprint(h.Size)
				p.printf("%s %s %*s %s %s", t|mode, who, max(0, 18-len(who)), size, h.ModTime.In(p.zone()).Format("2006-01-02 15:04"), name)
				if h.Typeflag == tar.TypeSymlink {
					p.printf(" -> %s", h.Linkname)
				}
				p.puts("\n")
			} else {
				p.puts(name + "\n")
			}
			continue
		}
		if !f.has("P") {
			if strings.HasPrefix(name, "/") {
				if !warned && !p.bb {
					p.errf("Removing leading `/' from member names")
				}
				warned = true
				name = strings.TrimLeft(name, "/")
			}
			if strings.HasPrefix(path.Clean(name)+"/", "../") {
				p.fail("%s: Member name contains '..'", name)
				p.status = 2
				continue
			}
		}
		for range strip {
			_, rest, ok := strings.Cut(strings.TrimPrefix(name, "./"), "/")
			if !ok {
				rest = ""
			}
			name = rest
		}
		if name == "" {
			continue
		}
		if f.has("v") {
			if f.has("O") {
				p.raw("%s\n", h.Name)
			} else {
				p.puts(h.Name + "\n")
			}
		}
		if f.has("O") {
			if h.Typeflag == tar.TypeReg {
				_, _ = p.copy(p.out, tr) // the next header tells of a torn archive
			}
			continue
		}
		mode := vfs.Mode(h.Mode) & 0o7777
		if !root && !f.has("p") {
			mode &^= p.t.GetUmask()
		}
		cannot := func(what string, err error) {
			if p.bb {
				p.errf("can't open '%s': %s", name, text(err))
				p.status = 1
			} else {
				p.errf("%s: Cannot %s: %s", name, what, text(err))
				p.status = 2
			}
		}
		if d := dirname(name); d != "." && h.Typeflag != tar.TypeDir {
			p.t.MkdirAll(d)
		}
		switch h.Typeflag {
		case tar.TypeDir:
			d := strings.TrimSuffix(name, "/")
			if err := p.t.MkdirAll(d); err != nil {
				cannot("mkdir", err)
				continue
			}
			if d != "." {
				dirs = append(dirs, stamp{d, h.ModTime, mode})
			}
		case tar.TypeReg:
			if st, err := p.t.Lstat(name); err == nil && !st.Mode.IsDir() {
				if f.has("k") {
					cannot("open", vfs.EEXIST)
					continue
				}
				p.t.Unlink(name)
			}
			fd, err := p.t.Open(name, kernel.O_WRONLY|kernel.O_CREAT|kernel.O_TRUNC, mode)
			if err != nil {
				cannot("open", err)
				continue
			}
			_, err = p.copy(p.t.Writer(fd), tr)
			p.t.Close(fd)
			if err != nil {
				if errors.Is(err, io.ErrUnexpectedEOF) {
					p.errf("Unexpected EOF in archive")
					p.errf("Error is not recoverable: exiting now")
					return 2
				}
				cannot("write", err)
				continue
			}
		case tar.TypeSymlink:
			p.t.Unlink(name)
			if err := p.t.Symlink(h.Linkname, name); err != nil {
				cannot(fmt.Sprintf("create symlink to %s", q(h.Linkname)), err)
			}
		case tar.TypeLink:
			p.t.Unlink(name)
			if err := p.t.Link(h.Linkname, name); err != nil {
				cannot(fmt.Sprintf("hard link to %s", q(h.Linkname)), err)
			}
		case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
			t := map[byte]vfs.Mode{tar.TypeChar: vfs.S_IFCHR, tar.TypeBlock: vfs.S_IFBLK, tar.TypeFifo: vfs.S_IFIFO}[h.Typeflag]
			if err := p.t.Mknod(name, t|mode, vfs.Makedev(uint32(h.Devmajor), uint32(h.Devminor))); err != nil {
				cannot("mknod", err)
			}
		default:
			continue
		}
		if root && !f.has("o") {
			_ = p.t.Lchown(name, h.Uid, h.Gid) // the original tries, and goes on
		}
		if h.Typeflag == tar.TypeReg {
			_ = p.t.Chmod(name, mode) // the original tries, and goes on
			if !f.has("m") {
				_ = p.t.Utimes(name, nil, &h.ModTime, false) // the original tries, and goes on
			}
		}
	}
	for _, d := range dirs {
		_ = p.t.Chmod(d.name, d.mode) // the original tries, and goes on
		if !f.has("m") {
			_ = p.t.Utimes(d.name, nil, &d.m, false) // the original tries, and goes on
		}
	}
	if n == 0 {
		if b, _ := in.Peek(1); len(b) == 0 && z == nil {
			if st, err := p.t.Stat(file); err == nil && st.Size == 0 && p.bb {
				p.errf("short read")
				return 1
			}
		}
	}
	for _, a := range args {
		if !found[a] {
			p.errf("%s: Not found in archive", a)
			p.status = 2
		}
	}
	if p.status == 2 && !p.bb {
		p.errf("Exiting with failure status due to previous errors")
	}
	return p.status
}

func (p *P) tarCreate(f flags, file string, args []string, excluded func(string) bool) int {
	if len(args) == 0 && !f.has("T") {
		p.errf("Cowardly refusing to create an empty archive")
		p.raw("Try 'tar --help' or 'tar --usage' for more information.\n")
		return 2
	}
	var out io.Writer = p.out
	if file != "" && file != "-" {
		fd, err := p.t.Open(file, kernel.O_WRONLY|kernel.O_CREAT|kernel.O_TRUNC, 0o666)
		if err != nil {
			p.errf("%s: Cannot open: %s", file, text(err))
			p.errf("Error is not recoverable: exiting now")
			return 2
		}
		defer p.t.Close(fd)
		out = p.t.Writer(fd)
	}
	var closer io.Closer
	switch {
	case f.has("z") || f.has("a") && (strings.HasSuffix(file, ".gz") || strings.HasSuffix(file, ".tgz")):
		z := gzip.NewWriter(out)
		out, closer = z, z
	case f.has("J"):
		z, err := xz.NewWriter(out)
		if err != nil {
			return 2
		}
		out, closer = z, z
	}
	bw := bufio.NewWriterSize(out, 10240)
	tw := tar.NewWriter(bw)
	if d, has := f["C"]; has {
		if err := p.t.Chdir(d); err != nil {
			p.errf("%s: Cannot open: %s", d, text(err))
			return 2
		}
	}
	warned := false
	var add func(name string, depth int)
	add = func(name string, depth int) {
		p.t.Tick(20)
		if excluded(name) || depth > 300 {
			return
		}
		st, err := p.t.Lstat(name)
		if err == nil && f.has("h") {
			if s, e := p.t.Stat(name); e == nil {
				st = s
			}
		}
		if err != nil {
			p.errf("%s: Cannot stat: %s", name, text(err))
			p.status = 2
			return
		}
		shown := name
		if !f.has("P") && strings.HasPrefix(shown, "/") {
			if !warned && !p.bb {
				p.errf("Removing leading `/' from member names")
			}
			warned = true
			if shown = strings.TrimLeft(shown, "/"); shown == "" {
				shown = "./"
			}
		}
		h := &tar.Header{Name: shown, Mode: int64(st.Mode.Perm()), Uid: int(st.UID), Gid: int(st.GID), Uname: p.userName(st.UID), Gname: p.groupName(st.GID), ModTime: time.Unix(st.Mtime/1e9, 0), Format: tar.FormatGNU}
		switch st.Mode.Type() {
		case vfs.S_IFDIR:
			h.Typeflag = tar.TypeDir
			if !strings.HasSuffix(h.Name, "/") {
				h.Name += "/"
			}
		case vfs.S_IFLNK:
			h.Typeflag = tar.TypeSymlink
			h.Linkname, _ = p.t.Readlink(name)
		case vfs.S_IFREG:
			h.Typeflag, h.Size = tar.TypeReg, st.Size
		case vfs.S_IFIFO:
			h.Typeflag = tar.TypeFifo
		case vfs.S_IFCHR, vfs.S_IFBLK:
			h.Typeflag = tar.TypeChar
			h.Devmajor, h.Devminor = int64(vfs.Major(st.Rdev)), int64(vfs.Minor(st.Rdev))
		default:
			p.errf("%s: socket ignored", name)
			return
		}
		if f.has("v") {
			if file == "" || file == "-" {
				p.raw("%s\n", h.Name)
			} else {
				p.puts(h.Name + "\n")
			}
		}
		var fd int
		if h.Typeflag == tar.TypeReg {
			if fd, err = p.t.Open(name, kernel.O_RDONLY, 0); err != nil {
				p.errf("%s: Cannot open: %s", name, text(err))
				p.status = 2
				return
			}
			defer p.t.Close(fd)
		}
		if tw.WriteHeader(h) != nil {
			p.status = 2
			return
		}
		if h.Typeflag == tar.TypeReg {
			n, _ := p.copy(tw, io.LimitReader(p.t.Reader(fd), h.Size))
			for pad := make([]byte, 4096); n < h.Size; {
				m, err := tw.Write(pad[:min(4096, h.Size-n)])
				if err != nil {
					break
				}
				n += int64(m)
			}
		}
		if h.Typeflag == tar.TypeDir {
			ents, err := p.t.ReadDir(name)
			if err != nil {
				p.errf("%s: Cannot open: %s", name, text(err))
				p.status = 2
			}
			for _, e := range ents {
				add(join(name, e.Name), depth+1)
			}
		}
	}
	for _, a := range args {
		add(a, 0)
	}
	tw.Close()
	bw.Flush()
	if closer != nil {
		closer.Close()
	}
	if p.status == 2 && !p.bb {
		p.errf("Exiting with failure status due to previous errors")
	}
	return p.status
}
