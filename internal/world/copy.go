package world

import (
	"archive/tar"
	"bufio"
	"context"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	gofs "io/fs"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"

	"github.com/whalefall/whalefall/internal/vfs"
)

func goMode(m vfs.Mode) gofs.FileMode {
	g := gofs.FileMode(m & 0o777)
	switch m.Type() {
	case vfs.S_IFDIR:
		g |= gofs.ModeDir
	case vfs.S_IFLNK:
		g |= gofs.ModeSymlink
	case vfs.S_IFIFO:
		g |= gofs.ModeNamedPipe
	case vfs.S_IFSOCK:
		g |= gofs.ModeSocket
	case vfs.S_IFCHR:
		g |= gofs.ModeDevice | gofs.ModeCharDevice
	case vfs.S_IFBLK:
		g |= gofs.ModeDevice
	}
	if m&vfs.S_ISUID != 0 {
		g |= gofs.ModeSetuid
	}
	if m&vfs.S_ISGID != 0 {
		g |= gofs.ModeSetgid
	}
	if m&vfs.S_ISVTX != 0 {
		g |= gofs.ModeSticky
	}
	return g
}

// archivePath is the absolute path of what the archive calls name: a separator or a
// dot at its end stays, and with it that a link there is followed.
func archivePath(p string) string {
	abs := path.Clean("/" + p)
	dot := path.Base(p) == "." || p == ""
	if strings.HasSuffix(p, "/.") || dot {
		if !strings.HasSuffix(abs, "/") {
			abs += "/"
		}
		abs += "."
	}
	if strings.HasSuffix(p, "/") && !strings.HasSuffix(abs, "/") {
		abs += "/"
	}
	return abs
}

// look finds a path in a container for the archive calls. World.mu is held.
func (w *World) look(name, p string) (*Container, *vfs.Namespace, *vfs.Context, *vfs.Path, error) {
	c, err := w.find(name)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	if c.Dead {
		return nil, nil, nil, nil, conflict("container %s is marked for removal", c.ID)
	}
	mnt, ctx, err := w.view(c)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	at, err := mnt.Resolve(ctx, archivePath(p), false)
	if vfs.AsErrno(err) == vfs.ENOTDIR && strings.HasSuffix(p, "/") {
		return c, mnt, ctx, nil, invalid("extraction point is not a directory")
	}
	if err != nil {
		return c, mnt, ctx, nil, notFound("%s", w.pick20("Could not find the file "+p+" in container "+name, "Could not find the file "+p+" in container "+name))
	}
	return c, mnt, ctx, at, nil
}

func (w *World) pathStat(mnt *vfs.Namespace, ctx *vfs.Context, at *vfs.Path, p string) *container.PathStat {
	st := at.Node().Stat()
	ps := &container.PathStat{Name: path.Base(archivePath(p)), Size: st.Size, Mode: goMode(st.Mode), Mtime: time.Unix(0, st.Mtime)}
	if st.Mode.IsDir() {
		ps.Size = 4096
	}
	if st.Mode.IsLink() {
		if full, err := mnt.Resolve(ctx, path.Clean("/"+p), true); err == nil {
			ps.LinkTarget = full.From(ctx.Root)
		} else if t, err := at.Node().Readlink(ctx); err == nil {
			ps.LinkTarget = t
		}
	}
	return ps
}

// ContainerStatPath is the daemon's method.
func (w *World) ContainerStatPath(name, p string) (*container.PathStat, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, mnt, ctx, at, err := w.look(name, p)
	if err != nil {
		return nil, err
	}
	return w.pathStat(mnt, ctx, at, p), nil
}

// ContainerArchivePath is the daemon's method: docker cp out of a container.
func (w *World) ContainerArchivePath(name, p string) (io.ReadCloser, *container.PathStat, error) {
	if err := w.refuse(context.Background(), "archive", p); err != nil {
		return nil, nil, err
	}
	w.mu.Lock()
	c, mnt, ctx, at, err := w.look(name, p)
	if err != nil {
		w.mu.Unlock()
		return nil, nil, err
	}
	st := w.pathStat(mnt, ctx, at, p)
	w.mu.Unlock()
	base := path.Base(archivePath(p))
	r, pw := io.Pipe()
	w.bg.Add(1)
	go func() {
		defer w.bg.Done()
		// In the daemon's pieces: by the first an answer's framing is decided.
		b := bufio.NewWriterSize(pw, 32<<10)
		err := w.tarOut(b, at, base)
		if err == nil {
			err = b.Flush()
		}
		pw.CloseWithError(err)
	}()
	w.containerEvent(w.lastCaller(), c, events.ActionArchivePath, nil)
	return &stopReader{ReadCloser: r, w: w}, st, nil
}

// stopReader lets the writer go when its reader does.
type stopReader struct {
	io.ReadCloser
	w *World
}

func (w *World) tarOut(out io.Writer, at *vfs.Path, base string) error {
	fs, ok := at.Mount().FS.(*vfs.FS)
	if !ok {
		return w.tarSynth(out, at, base)
	}
	return fs.WriteTarNamed(out, at.Node(), base, w.ownerNames())
}

// ownerNames looks owners up as 20.10 did for the heads of its archives: in the
// daemon's own host. Later releases name none.
func (w *World) ownerNames() func(uid, gid uint32) (string, string) {
	if w.host.cfg.Release.Era >= 26 || w.hostNS == nil {
		return nil
	}
	find := func(file string) map[string]string {
		m := map[string]string{}
		for _, l := range strings.Split(string(readNS(w.hostNS, file, 1<<20)), "\n") {
			if f := strings.Split(l, ":"); len(f) > 2 && m[f[2]] == "" {
				m[f[2]] = f[0]
			}
		}
		return m
	}
	users, groups := find("/etc/passwd"), find("/etc/group")
	return func(uid, gid uint32) (string, string) {
		return users[strconv.FormatUint(uint64(uid), 10)], groups[strconv.FormatUint(uint64(gid), 10)]
	}
}

// tarSynth writes one file of a synthetic filesystem, such as /proc/version.
func (w *World) tarSynth(out io.Writer, at *vfs.Path, base string) error {
	st := at.Node().Stat()
	tw := tar.NewWriter(out)
	var data []byte
	if st.Mode.IsRegular() {
		data = vfs.ReadAll(vfs.ContentOf(at.Node(), 1<<20), 1<<20)
	}
	h := &tar.Header{Name: base, Mode: int64(st.Mode.Perm()), Size: int64(len(data)), ModTime: time.Unix(0, st.Mtime), Typeflag: tar.TypeReg}
	if st.Mode.IsDir() {
		h.Typeflag, h.Name = tar.TypeDir, strings.TrimSuffix(base, "/")+"/"
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	if _, err := tw.Write(data); err != nil {
		return err
	}
	return tw.Close()
}

// ContainerExtractToDir is the daemon's method: docker cp into a container.
func (w *World) ContainerExtractToDir(name, p string, copyUIDGID, noOverwriteDirNonDir bool, content io.Reader) error {
	if err := w.refuse(context.Background(), "archive", p); err != nil {
		return err
	}
	w.mu.Lock()
	c, err := w.find(name)
	if err != nil {
		w.mu.Unlock()
		return err
	}
	mnt, ctx, err := w.view(c)
	if err != nil {
		w.mu.Unlock()
		return err
	}
	at, err := mnt.Resolve(ctx, path.Clean("/"+p), true)
	w.mu.Unlock()
	if err != nil {
		return notFound("Could not find the file %s in container %s", p, name)
	}
	if !at.Node().Stat().Mode.IsDir() {
		if w.host.cfg.Release.Era < 28 {
			return systemErr("extraction point is not a directory")
		}
		return invalid("extraction point is not a directory")
	}
	if at.Mount().ReadOnly {
		text := "mounted volume is marked read-only"
		if at.Mount() == mnt.Root().Mount() {
			text = "container rootfs is marked read-only"
		}
		if w.host.cfg.Release.Era < 28 {
			return forbidden("%s", text)
		}
		return invalid("%s", text)
	}
	fs, ok := at.Mount().FS.(*vfs.FS)
	if !ok {
		return systemErr("mkdir %s: permission denied", p)
	}
	dec, err := decompress(io.LimitReader(content, w.host.cfg.Quotas.Upload))
	if err != nil {
		return systemErr("%s", err.Error())
	}
	by := w.lastCaller()
	dir := path.Clean("/" + p)
	o := vfs.ApplyOptions{Resolver: resolve, Limits: vfs.TarLimits{Bytes: w.host.cfg.Quotas.Disk, Entries: 100000}, NoOverwriteDirNonDir: noOverwriteDirNonDir,
		Each: func(fp string, st vfs.Stat, data vfs.Content) {
			rel := strings.TrimPrefix(fp, at.Within())
			shown := path.Join(dir, rel)
			onHost := ""
			if fs == w.fs {
				onHost = fp
			}
			w.fileWritten(by, 0, c.ID, shown, onHost, st.Size, data)
		}}
	if copyUIDGID && c.Config.User != "" {
		cred, err := w.credIn(c, mnt, ctx, c.Config.User, false)
		if err != nil {
			return systemErr("%s", err.Error())
		}
		o.Chown = &[2]uint32{cred.UID, cred.GID}
	}
	if err := fs.Apply(at.Within(), dec, o); err != nil {
		if no, ok := err.(vfs.Errno); ok {
			return systemErr("Error processing tar file(exit status 1): %s", strings.ToLower(no.Error()))
		}
		return systemErr("%s", w.pick20(fmt.Sprintf("Error processing tar file(exit status 1): %v", err), err.Error()))
	}
	w.containerEvent(by, c, events.ActionExtractToDir, nil)
	return nil
}

// ContainerExport is the daemon's method.
func (w *World) ContainerExport(_ context.Context, name string, out io.Writer) error {
	w.mu.Lock()
	c, err := w.find(name)
	if err != nil {
		w.mu.Unlock()
		return err
	}
	if c.Dead || c.removing {
		w.mu.Unlock()
		return conflict("You cannot export container %s which is %s", c.ID, c.status())
	}
	w.ownFS(c)
	fs := c.fs
	w.mu.Unlock()
	w.containerEvent(w.lastCaller(), c, events.ActionExport, nil)
	if err := fs.WriteTarNamed(out, fs.Root(), "", w.ownerNames()); err != nil {
		return systemErr("%s: %v", name, err)
	}
	return nil
}

// ContainerChanges is the daemon's method.
func (w *World) ContainerChanges(_ context.Context, name string) ([]container.FilesystemChange, error) {
	w.mu.Lock()
	c, err := w.find(name)
	if err != nil {
		w.mu.Unlock()
		return nil, err
	}
	if c.shown {
		w.ownFS(c)
	}
	fs := c.fs
	w.mu.Unlock()
	out := []container.FilesystemChange{}
	if fs == nil {
		return out, nil
	}
	for _, ch := range fs.Diff() {
		out = append(out, container.FilesystemChange{Kind: container.ChangeType(ch.Kind), Path: ch.Path})
	}
	return out, nil
}
