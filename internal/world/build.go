package world

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/container"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/image"
	"github.com/whalefall/whalefall/internal/vfs"
)

// The builder of this file is dockerd's classic one (builder/dockerfile): a
// container or a commit an instruction, an intermediate image each, and the lines
// "Step 1/2 : ...", " ---> id". Dockerfiles are read by BuildKit's own parser.

// maxSteps bounds a Dockerfile.
const maxSteps = 200

// stage is one FROM and what follows it.
type stage struct {
	name string
	img  *image.Image // what has been built so far; nil is scratch
	cfg  *container.Config
}

type builder struct {
	w      *World
	ctx    context.Context
	opts   *build.ImageBuildOptions
	out    io.Writer
	errOut io.Writer
	files  *vfs.FS // the context
	stages []*stage
	cur    *stage
	args   map[string]string // ARG and --build-arg in force
	meta   map[string]string // ARG before FROM
	used   map[string]bool
	step   int
	total  int
}

// Build is the build manager's method.
func (w *World) Build(ctx context.Context, cfg backend.BuildConfig) (string, error) {
	o := cfg.Options
	if o == nil {
		o = &build.ImageBuildOptions{}
	}
	if o.Version == build.BuilderBuildKit {
		w.unknown("build", "buildkit", o.RemoteContext)
		return "", unknownErr("no active session for %s: context deadline exceeded", o.SessionID)
	}
	if err := w.refuse(ctx, "build", "build"); err != nil {
		return "", err
	}
	b := &builder{w: w, ctx: ctx, opts: o, out: cfg.ProgressWriter.StdoutFormatter, errOut: cfg.ProgressWriter.StderrFormatter, args: map[string]string{}, meta: map[string]string{}, used: map[string]bool{}}
	if b.out == nil {
		b.out = io.Discard
	}
	if b.errOut == nil {
		b.errOut = b.out
	}
	if cfg.Source != nil {
		defer cfg.Source.Close()
	}
	var tags []reference.Named
	for _, t := range o.Tags {
		if t == "" {
			continue
		}
		r, err := reference.ParseNormalizedNamed(t)
		if err != nil {
			return "", systemErr("%s", err.Error()) // the builder leaves the kind open
		}
		if _, ok := r.(reference.Canonical); ok {
			return "", invalid("build tag cannot contain a digest")
		}
		tags = append(tags, reference.TagNameOnly(r))
	}
	text, err := b.open(cfg.Source)
	if err != nil {
		return "", err
	}
	res, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return "", invalid("%s", strings.ReplaceAll(err.Error(), "\n", " "))
	}
	nodes := res.AST.Children
	if len(nodes) == 0 {
		return "", invalid("the Dockerfile (%s) cannot be empty", b.dockerfile())
	}
	if len(nodes) > maxSteps {
		return "", systemErr("max depth exceeded")
	}
	b.total = len(nodes)
	for _, n := range nodes {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		b.step++
		if err := b.run(n); err != nil {
			return "", err
		}
	}
	if b.cur == nil {
		return "", invalid("no build stage in current context")
	}
	if b.cur.img == nil {
		return "", systemErr("No image was generated. Is your Dockerfile empty?")
	}
	if len(o.Labels) > 0 {
		for k, v := range o.Labels {
			if b.cur.cfg.Labels == nil {
				b.cur.cfg.Labels = map[string]string{}
			}
			b.cur.cfg.Labels[k] = v
		}
		if err := b.commit("LABEL from the command line", nil); err != nil {
			return "", err
		}
	}
	id := b.cur.img.ID
	if aux := cfg.ProgressWriter.AuxFormatter; aux != nil {
		_ = aux.Emit("moby.image.id", build.Result{ID: id})
	}
	for k := range o.BuildArgs {
		if !b.used[k] && !builtinArg(k) {
			fmt.Fprintf(b.errOut, "[Warning] One or more build-args %v were not consumed\n", []string{k})
		}
	}
	fmt.Fprintf(b.out, "Successfully built %s\n", id[7:19])
	for _, r := range tags {
		if err := w.TagImage(ctx, id, r); err != nil {
			return "", err
		}
		fmt.Fprintf(b.out, "Successfully tagged %s\n", reference.FamiliarString(r))
	}
	return id, nil
}

func builtinArg(k string) bool {
	switch strings.ToUpper(k) {
	case "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY":
		return true
	}
	return false
}

func (b *builder) dockerfile() string {
	if b.opts.Dockerfile == "" {
		return "Dockerfile"
	}
	return b.opts.Dockerfile
}

// open reads the context and gives the Dockerfile's text.
func (b *builder) open(src io.Reader) ([]byte, error) {
	w := b.w
	b.files = vfs.New(vfs.Config{Type: "tmpfs", Budget: w.budget})
	if r := b.opts.RemoteContext; r != "" && r != "client-session" {
		// A context that lies elsewhere is not fetched: what stands there is noted,
		// and a Dockerfile with nothing in it comes back.
		w.emit(w.callerOf(b.ctx), event.NetConnect, &event.Connected{Network: "tcp", Name: hostOf(r), URL: r})
		w.unknown("build context", r, "not fetched")
		return []byte("FROM alpine\n"), nil
	}
	if src == nil {
		return nil, b.noDockerfile()
	}
	dec, err := decompress(io.LimitReader(src, w.host.cfg.Quotas.Upload))
	if err == nil {
		err = b.files.Apply("/", dec, vfs.ApplyOptions{Resolver: resolve, Limits: vfs.TarLimits{Bytes: w.host.cfg.Quotas.Disk, Entries: 50000},
			Each: func(p string, st vfs.Stat, c vfs.Content) {
				w.fileWritten(w.callerOf(b.ctx), 0, "", "/build-context"+p, "", st.Size, c)
			}})
	}
	if err != nil {
		// The builder reads its context in the daemon itself, not in the helper
		// process that other archives go to.
		return nil, systemErr("%s", strings.TrimPrefix(w.tarWords(err), "Error processing tar file(exit status 1): "))
	}
	mnt, c := b.view(b.files)
	names := []string{b.dockerfile()}
	if b.opts.Dockerfile == "" || b.opts.Dockerfile == "Dockerfile" {
		names = append(names, "dockerfile")
	}
	for _, n := range names {
		at, err := mnt.Resolve(c, path.Clean("/"+n), true)
		if err != nil {
			continue
		}
		if at.Node().Stat().Size == 0 {
			return nil, invalid("the Dockerfile (%s) cannot be empty", n)
		}
		return readPath(mnt, c, path.Clean("/"+n), 1<<20), nil
	}
	return nil, b.noDockerfile()
}

func (b *builder) noDockerfile() error {
	return systemErr("Cannot locate specified Dockerfile: %s", b.dockerfile())
}

func (b *builder) view(fs *vfs.FS) (*vfs.Namespace, *vfs.Context) {
	mnt := vfs.NewNamespace(fs, "overlay", "", false)
	return mnt, &vfs.Context{Cred: vfs.Root(), Root: mnt.Root(), Cwd: mnt.Root(), Umask: 0o022, Now: func() int64 { return b.w.now().UnixNano() }}
}

// env is what variables in instructions are looked up in.
func (b *builder) env() []string {
	var e []string
	for k, v := range b.args {
		e = append(e, k+"="+v)
	}
	if b.cur != nil {
		for _, kv := range b.cur.cfg.Env {
			k, _, _ := strings.Cut(kv, "=")
			e = replaceEnv(e, []string{kv})
			_ = k
		}
	}
	return e
}

func (b *builder) expand(s string, env []string) (string, error) {
	out, _, err := shell.NewLex('\\').ProcessWord(s, shell.EnvsFromSlice(env))
	if err != nil {
		return "", invalid("failed to process %q: %v", s, err)
	}
	return out, nil
}

// run does one instruction.
func (b *builder) run(n *parser.Node) error {
	var words []string
	for a := n.Next; a != nil; a = a.Next {
		words = append(words, a.Value)
	}
	cmd := strings.ToUpper(n.Value)
	if b.cur == nil && cmd != "FROM" && cmd != "ARG" {
		return invalid("no build stage in current context")
	}
	fmt.Fprintf(b.out, "Step %d/%d : %s\n", b.step, b.total, n.Original)
	jsonForm := n.Attributes["json"]
	expandAll := func() error {
		env := b.env()
		for i := range words {
			v, err := b.expand(words[i], env)
			if err != nil {
				return err
			}
			words[i] = v
		}
		return nil
	}
	switch cmd {
	case "FROM":
		return b.from(words, n.Flags)
	case "ARG":
		for _, a := range words {
			k, v, _ := strings.Cut(a, "=")
			if given, ok := b.opts.BuildArgs[k]; ok && given != nil {
				v = *given
				b.used[k] = true
			} else if m, ok := b.meta[k]; ok && !strings.Contains(a, "=") {
				v = m
			} else if x, err := b.expand(v, b.env()); err == nil {
				v = x
			}
			if b.cur == nil {
				b.meta[k] = v
				continue
			}
			b.args[k] = v
		}
		if b.cur == nil {
			return nil
		}
		return b.commit("ARG "+strings.Join(words, " "), nil)
	case "RUN":
		return b.exec(words, jsonForm, n)
	case "COPY", "ADD":
		if err := expandAll(); err != nil {
			return err
		}
		return b.copy(cmd, words, n)
	case "ENV", "LABEL":
		env := b.env()
		for i := 0; i+1 < len(words); i += 3 {
			v, err := b.expand(words[i+1], env)
			if err != nil {
				return err
			}
			if cmd == "ENV" {
				b.cur.cfg.Env = replaceEnv(b.cur.cfg.Env, []string{words[i] + "=" + v})
			} else {
				if b.cur.cfg.Labels == nil {
					b.cur.cfg.Labels = map[string]string{}
				}
				k, _ := b.expand(words[i], env)
				b.cur.cfg.Labels[k] = v
			}
		}
		return b.commit(cmd+" "+strings.TrimSpace(strings.TrimPrefix(n.Original, n.Original[:min(len(n.Original), len(cmd))])), nil)
	case "CMD", "ENTRYPOINT":
		if !jsonForm {
			words = append(b.shell(), strings.Join(words, " "))
		}
		if cmd == "CMD" {
			b.cur.cfg.Cmd = words
		} else {
			b.cur.cfg.Entrypoint = words
		}
		// The builder prints the list as Go's %q does: no comma.
		return b.commit(fmt.Sprintf("%s %q", cmd, words), nil)
	case "SHELL":
		b.cur.cfg.Shell = words
		return b.commit("SHELL "+fmt.Sprint(words), nil)
	case "HEALTHCHECK", "ONBUILD", "MAINTAINER":
		if cmd == "ONBUILD" {
			b.cur.cfg.OnBuild = append(b.cur.cfg.OnBuild, strings.TrimSpace(n.Original[min(len(n.Original), len(cmd)):]))
		}
		return b.commit(n.Original, nil)
	case "WORKDIR", "USER", "EXPOSE", "VOLUME", "STOPSIGNAL":
		if err := expandAll(); err != nil {
			return err
		}
		rest := strings.Join(words, " ")
		if cmd == "VOLUME" {
			q, _ := json.Marshal(words)
			rest = string(q)
		}
		if err := applyChanges(b.cur.cfg, []string{cmd + " " + rest}); err != nil {
			return invalid("%s", err.Error())
		}
		if cmd == "WORKDIR" {
			return b.commit("/bin/sh -c #(nop) WORKDIR "+b.cur.cfg.WorkingDir, nil)
		}
		return b.commit(cmd+" "+rest, nil)
	}
	return invalid("dockerfile parse error on line %d: unknown instruction: %s", n.StartLine, cmd)
}

func (b *builder) shell() []string {
	if len(b.cur.cfg.Shell) > 0 {
		return append([]string(nil), b.cur.cfg.Shell...)
	}
	return []string{"/bin/sh", "-c"}
}

// from starts a stage.
func (b *builder) from(words []string, _ []string) error {
	if len(words) != 1 && len(words) != 3 {
		return invalid("FROM requires either one or three arguments")
	}
	env := []string{}
	for k, v := range b.meta {
		env = append(env, k+"="+v)
	}
	name, err := b.expand(words[0], env)
	if err != nil {
		return err
	}
	if name == "" {
		return invalid("base name (%s) should not be blank", words[0])
	}
	st := &stage{cfg: &container.Config{}}
	if len(words) == 3 {
		st.name = strings.ToLower(words[2])
	}
	b.args = map[string]string{}
	b.cur = st
	b.stages = append(b.stages, st)
	if name == "scratch" {
		fmt.Fprint(b.out, " ---> \n")
		return nil
	}
	if prev := b.stage(name); prev != nil && prev != st {
		st.img = prev.img
		st.cfg = image.CloneConfig(prev.cfg)
	} else {
		img, err := b.w.getImage(name)
		if err != nil {
			ref, perr := reference.ParseNormalizedNamed(name)
			if perr != nil {
				return invalid("%s", perr.Error())
			}
			if err := b.w.PullImage(b.ctx, reference.TagNameOnly(ref), nil, nil, nil, b.raw()); err != nil {
				return err
			}
			if img, err = b.w.getImage(name); err != nil {
				return err
			}
		}
		st.img = img
		if c := img.RunConfig(); c != nil {
			st.cfg = c
		}
	}
	if st.img != nil {
		fmt.Fprintf(b.out, " ---> %s\n", st.img.ID[7:19])
	}
	return nil
}

// raw is where a pull's messages go: the answer itself, past the formatter.
func (b *builder) raw() io.Writer { return io.Discard }

func (b *builder) stage(name string) *stage {
	for _, s := range b.stages {
		if s.name != "" && s.name == strings.ToLower(name) {
			return s
		}
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(b.stages) {
		return b.stages[i]
	}
	return nil
}

// commit makes an image of the stage's configuration, over layer if there is one.
func (b *builder) commit(by string, layer *image.Layer) error {
	now := b.w.now().UTC()
	ic := image.Config{Created: now, Config: image.CloneConfig(b.cur.cfg), DockerVersion: b.w.host.cfg.Release.Version, Container: b.w.newID()}
	ic.ContainerConfig = image.CloneConfig(b.cur.cfg)
	var layers []*image.Layer
	parent := ""
	if b.cur.img != nil {
		ic.History = append(ic.History, b.cur.img.Config.History...)
		layers = append(layers, b.cur.img.Layers...)
		parent = b.cur.img.ID
	}
	if layer == nil {
		if !strings.HasPrefix(by, "/bin/sh -c #(nop)") {
			by = "/bin/sh -c #(nop)  " + by
		}
	} else {
		layers = append(layers, layer)
	}
	ic.History = append(ic.History, image.History{Created: now, CreatedBy: by, EmptyLayer: layer == nil})
	i := image.New(ic, layers, parent)
	if err := b.w.addImage(i); err != nil {
		return err
	}
	if layer == nil {
		fmt.Fprintf(b.out, " ---> Running in %s\n", ic.Container[:12])
		if b.opts.Remove {
			fmt.Fprintf(b.out, "Removing intermediate container %s\n", ic.Container[:12])
		}
	}
	b.cur.img = i
	fmt.Fprintf(b.out, " ---> %s\n", i.ID[7:19])
	return nil
}

// exec is RUN: a container of the image so far, and its commit.
func (b *builder) exec(words []string, jsonForm bool, n *parser.Node) error {
	if b.cur.img == nil {
		return systemErr("Please provide a source image with `from` prior to run")
	}
	argv := words
	if !jsonForm {
		script := strings.Join(words, " ")
		if len(n.Heredocs) > 0 {
			script = n.Heredocs[0].Content
		}
		argv = append(b.shell(), script)
	}
	cfg := image.CloneConfig(b.cur.cfg)
	cfg.Image, cfg.Cmd, cfg.Entrypoint, cfg.Healthcheck = b.cur.img.ID, argv, []string{""}, nil
	for k, v := range b.args {
		if _, ok := b.opts.BuildArgs[k]; ok || v != "" {
			cfg.Env = append(append([]string(nil), cfg.Env...), k+"="+v)
		}
	}
	hc := &container.HostConfig{NetworkMode: container.NetworkMode(b.opts.NetworkMode), ShmSize: b.opts.ShmSize}
	hc.Memory, hc.CPUShares = b.opts.Memory, b.opts.CPUShares
	r, err := b.w.ContainerCreate(b.ctx, backend.ContainerCreateConfig{Config: cfg, HostConfig: hc})
	if err != nil {
		return err
	}
	rm := func() { _ = b.w.ContainerRm(r.ID, &backend.ContainerRmConfig{ForceRemove: true, RemoveVolume: true}) }
	fmt.Fprintf(b.out, " ---> Running in %s\n", r.ID[:12])
	b.w.mu.Lock()
	c := b.w.containers[r.ID]
	tap := c.stream.tap(true, true)
	b.w.mu.Unlock()
	done := make(chan struct{})
	b.w.bg.Add(1)
	go func() {
		defer b.w.bg.Done()
		defer close(done)
		for {
			p, ok := tap.get()
			if !ok {
				return
			}
			to := b.out
			if p.stderr {
				to = b.errOut
			}
			_, _ = to.Write(p.data)
		}
	}()
	if err := b.w.ContainerStart(b.ctx, r.ID, "", ""); err != nil {
		tap.end(false)
		<-done
		rm()
		return err
	}
	ch, err := b.w.ContainerWait(b.ctx, r.ID, container.WaitConditionNotRunning)
	if err != nil {
		tap.end(false)
		<-done
		rm()
		return err
	}
	st := <-ch
	if st.Err() != nil {
		tap.end(false)
		<-done
		rm()
		return st.Err()
	}
	<-done
	shown := strings.Join(argv, " ")
	if st.ExitCode() != 0 {
		if b.opts.ForceRemove || b.opts.Remove {
			rm()
			fmt.Fprintf(b.out, "Removing intermediate container %s\n", r.ID[:12])
		}
		return unknownErr("The command '%s' returned a non-zero code: %d", shown, st.ExitCode())
	}
	var buf bytes.Buffer
	if err := c.fs.WriteDiff(&limited{&buf, b.w.host.cfg.Quotas.Disk}); err != nil {
		rm()
		return systemErr("%s", err.Error())
	}
	rm()
	if b.opts.Remove {
		fmt.Fprintf(b.out, "Removing intermediate container %s\n", r.ID[:12])
	}
	l, err := b.w.readLayer(&buf)
	if err != nil {
		return systemErr("%s", err.Error())
	}
	return b.commit(shown, l)
}

// copy is COPY and ADD: files of the context, of an earlier stage, or, for a URL,
// what the made-up internet has there.
func (b *builder) copy(cmd string, words []string, n *parser.Node) error {
	if len(words) < 2 {
		return invalid("%s requires at least two arguments, but only one was provided. Destination could not be determined.", cmd)
	}
	from := b.files
	var chown *[2]uint32
	for _, f := range n.Flags {
		k, v, _ := strings.Cut(strings.TrimPrefix(f, "--"), "=")
		switch k {
		case "from":
			var img *image.Image
			if s := b.stage(v); s != nil {
				img = s.img
			} else {
				i, err := b.w.getImage(v)
				if err != nil {
					return invalid("invalid from flag value %s: pull access denied for %s, repository does not exist or may require 'docker login': denied: requested access to the resource is denied", v, v)
				}
				img = i
			}
			if img != nil {
				from = b.w.newFS(img.Trees()...)
			}
		case "chown":
			if u, err := strconv.ParseUint(strings.Split(v, ":")[0], 10, 32); err == nil {
				chown = &[2]uint32{uint32(u), uint32(u)}
			}
		case "chmod":
			return invalid("the --chmod option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled")
		}
	}
	dest := words[len(words)-1]
	srcs := words[:len(words)-1]
	toDir := strings.HasSuffix(dest, "/") || len(srcs) > 1 || dest == "."
	if !path.IsAbs(dest) {
		dest = path.Join("/", b.cur.cfg.WorkingDir, dest)
	}
	dest = path.Clean(dest)
	tree := b.w.newFS(b.trees()...)
	mnt, c := b.view(tree)
	smnt, sc := b.view(from)
	for _, s := range srcs {
		if cmd == "ADD" && strings.Contains(s, "://") {
			body, _, err := b.w.FetchImport(b.ctx, s)
			if err != nil {
				return err
			}
			data, _ := io.ReadAll(io.LimitReader(body, 64<<20))
			_ = body.Close() // read already
			if !strings.HasSuffix(s, ".tar") && !strings.HasSuffix(s, ".gz") {
				data = []byte("#!/bin/sh\ntrue\n")
			}
			p := dest
			if toDir {
				p = path.Join(dest, path.Base(s))
			}
			mkdirIn(mnt, c, path.Dir(p))
			touchIn(mnt, c, p)
			if at, err := mnt.Resolve(c, p, true); err == nil {
				_ = vfs.SetContent(c, at.Node(), vfs.Bytes(data))
			}
			continue
		}
		matches := []string{path.Clean("/" + s)}
		if strings.ContainsAny(s, "*?[") {
			matches = nil
			dir := path.Dir(path.Clean("/" + s))
			for _, name := range names(smnt, sc, dir) {
				if ok, _ := path.Match(path.Base(s), name); ok {
					matches = append(matches, path.Join(dir, name))
				}
			}
			toDir = toDir || len(matches) > 1
		}
		if len(matches) == 0 {
			return systemErr("%s failed: no source files were specified", cmd)
		}
		for _, m := range matches {
			at, err := smnt.Resolve(sc, m, true)
			if err != nil {
				return systemErr("%s failed: file not found in build context or excluded by .dockerignore: stat %s: file does not exist", cmd, strings.TrimPrefix(m, "/"))
			}
			var buf bytes.Buffer
			o := vfs.ApplyOptions{Resolver: resolve, Limits: vfs.TarLimits{Bytes: b.w.host.cfg.Quotas.Disk, Entries: 50000}, Chown: &[2]uint32{0, 0}}
			if chown != nil {
				o.Chown = chown
			}
			if at.Node().Stat().Mode.IsDir() {
				if err := from.WriteTar(&limited{&buf, 256 << 20}, at.Node(), ""); err != nil {
					return systemErr("%s failed: %v", cmd, err)
				}
				mkdirIn(mnt, c, dest)
				err = tree.Apply(dest, &buf, o)
			} else {
				data := vfs.ReadAll(vfs.ContentOf(at.Node(), 256<<20), 256<<20)
				if cmd == "ADD" && archive(data) {
					mkdirIn(mnt, c, dest)
					if dec, derr := decompress(bytes.NewReader(data)); derr == nil {
						err = tree.Apply(dest, dec, o)
					}
				} else {
					p := dest
					if st, serr := mnt.Resolve(c, dest, true); toDir || serr == nil && st.Node().Stat().Mode.IsDir() {
						p = path.Join(dest, path.Base(m))
					}
					mkdirIn(mnt, c, path.Dir(p))
					if err = from.WriteTar(&limited{&buf, 256 << 20}, at.Node(), path.Base(p)); err == nil {
						err = tree.Apply(path.Dir(p), &buf, o)
					}
				}
			}
			if err != nil {
				return systemErr("%s failed: %s", cmd, strings.ToLower(err.Error()))
			}
		}
	}
	var diff bytes.Buffer
	if err := tree.WriteDiff(&limited{&diff, b.w.host.cfg.Quotas.Disk}); err != nil {
		return systemErr("%s", err.Error())
	}
	l, err := b.w.readLayer(&diff)
	if err != nil {
		return systemErr("%s", err.Error())
	}
	return b.commit("/bin/sh -c #(nop) "+cmd+" "+strings.Join(words, " "), l)
}

func (b *builder) trees() []*vfs.Layer {
	if b.cur.img == nil {
		return nil
	}
	return b.cur.img.Trees()
}

// archive tells whether ADD would unpack a file.
func archive(b []byte) bool {
	return len(b) > 262 && string(b[257:262]) == "ustar" || bytes.HasPrefix(b, []byte{0x1f, 0x8b}) || bytes.HasPrefix(b, []byte("BZh")) || bytes.HasPrefix(b, []byte("\xfd7zXZ\x00"))
}

// PruneCache has nothing to prune: the classic builder's cache are its images.
func (w *World) PruneCache(context.Context, build.CachePruneOptions) (*build.CachePruneReport, error) {
	return &build.CachePruneReport{}, nil
}

// Cancel ends a BuildKit build; there is none.
func (w *World) Cancel(context.Context, string) error { return nil }

// DiskUsage is BuildKit's cache, which is empty.
func (w *World) DiskUsage(context.Context) ([]*build.CacheRecord, error) { return nil, nil }
