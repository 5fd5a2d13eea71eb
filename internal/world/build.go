package world

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	timetypes "github.com/docker/docker/api/types/time"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

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
	name   string
	img    *image.Image // what has been built so far; nil is scratch
	cfg    *container.Config
	cmdSet bool // by this stage's own CMD
	author string
	missed bool // the cache is out of it from here on
}

type builder struct {
	w      *World
	ctx    context.Context
	opts   *build.ImageBuildOptions
	out    io.Writer
	errOut io.Writer
	files  *vfs.FS           // the context
	sums   map[string]string // of its entries, by name, as tarsum has them
	stages []*stage
	cur    *stage
	args   map[string]string // ARG and --build-arg in force
	meta   map[string]string // ARG before FROM
	used   map[string]bool
	step   int
	total  int
	made   []string // this instruction's containers, which go when it is done
}

// buildError is jsonmessage.JSONError: the build ends with a program's status.
type buildError struct {
	text string
	code int
}

func (e *buildError) Error() string { return e.text }

// Code is the status the client exits with.
func (e *buildError) Code() int { return e.code }

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
	if p := o.Platform; p != "" && w.host.cfg.Release.Era >= 26 {
		if _, err := parsePlatform(p); err != nil {
			return "", err
		}
	}
	if nodes, err = b.check(nodes); err != nil {
		return "", err
	}
	labels := slices.Sorted(maps.Keys(o.Labels))
	b.total = len(nodes) + len(labels)
	// Each stage tells of its image when it is done.
	aux := func() {
		if f := cfg.ProgressWriter.AuxFormatter; f != nil && b.cur != nil && b.cur.img != nil {
			_ = f.Emit("", build.Result{ID: b.cur.img.ID})
		}
	}
	for _, n := range nodes {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		if strings.EqualFold(n.Value, "FROM") {
			aux()
		}
		b.step++
		if err := b.run(n); err != nil {
			return "", err
		}
	}
	if b.cur == nil {
		return "", invalid("no build stage in current context")
	}
	for _, k := range labels {
		b.step++
		b.say("LABEL " + k + "=" + o.Labels[k])
		if b.cur.cfg.Labels == nil {
			b.cur.cfg.Labels = map[string]string{}
		}
		b.cur.cfg.Labels[k] = o.Labels[k]
		if err := b.finish(b.nop("LABEL " + k + "=" + o.Labels[k])); err != nil {
			return "", err
		}
	}
	if b.cur.img == nil {
		return "", systemErr("No image was generated. Is your Dockerfile empty?")
	}
	id := b.cur.img.ID
	aux()
	var unused []string
	for k := range o.BuildArgs {
		if !b.used[k] && !builtinArg(k) {
			unused = append(unused, k)
		}
	}
	if slices.Sort(unused); len(unused) > 0 {
		fmt.Fprintf(b.out, "[Warning] One or more build-args %v were not consumed\n", unused)
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
		tee, end := b.sum(dec)
		defer end()
		err = b.files.Apply("/", tee, vfs.ApplyOptions{Resolver: resolve, Limits: vfs.TarLimits{Bytes: w.host.cfg.Quotas.Disk, Entries: 50000},
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
		text := readPath(mnt, c, path.Clean("/"+n), 1<<20)
		if err := b.ignored(mnt, c, n); err != nil {
			return nil, err
		}
		return text, nil
	}
	return nil, b.noDockerfile()
}

// ignored takes .dockerignore and the Dockerfile out of the context where the former
// names them: remotecontext's removeDockerfile.
func (b *builder) ignored(mnt *vfs.Namespace, c *vfs.Context, dockerfile string) error {
	const name = ".dockerignore"
	list := readPath(mnt, c, "/"+name, 1<<20)
	if len(list) == 0 {
		return nil
	}
	excludes, err := ignorefile.ReadAll(bytes.NewReader(list))
	if err != nil {
		return systemErr("error reading .dockerignore: %s", err.Error())
	}
	for _, n := range []string{name, strings.TrimPrefix(path.Clean("/"+dockerfile), "/")} {
		if rm, _ := patternmatcher.MatchesOrParentMatches(n, excludes); rm {
			_ = mnt.Unlink(c, "/"+n) // it was there a moment ago
			delete(b.sums, n)
		}
	}
	return nil
}

// sum hashes the entries of the context on their way, as tarsum's first version
// does: the head without its time, and the bytes.
func (b *builder) sum(r io.Reader) (io.Reader, func()) {
	pr, pw := io.Pipe()
	b.sums = map[string]string{}
	done := make(chan struct{})
	b.w.bg.Add(1)
	go func() {
		defer b.w.bg.Done()
		defer close(done)
		defer func() { _, _ = io.Copy(io.Discard, pr) }() // who writes must not wait
		for tr := tar.NewReader(pr); len(b.sums) < 50000; {
			h, err := tr.Next()
			if err != nil {
				return
			}
			sum := sha256.New()
			for _, kv := range [][2]string{{"name", h.Name}, {"mode", strconv.FormatInt(h.Mode, 10)}, {"uid", strconv.Itoa(h.Uid)}, {"gid", strconv.Itoa(h.Gid)}, {"size", strconv.FormatInt(h.Size, 10)},
				{"typeflag", string([]byte{h.Typeflag})}, {"linkname", h.Linkname}, {"uname", h.Uname}, {"gname", h.Gname}, {"devmajor", strconv.FormatInt(h.Devmajor, 10)}, {"devminor", strconv.FormatInt(h.Devminor, 10)}} {
				_, _ = io.WriteString(sum, kv[0]+kv[1]) // a hash takes all
			}
			if _, err := io.Copy(sum, tr); err != nil { //nolint:gosec // it sees what the unpacking beside it reads, within the tree's quota
				return
			}
			b.sums[strings.TrimPrefix(path.Clean("/"+h.Name), "/")] = hex.EncodeToString(sum.Sum(nil))
		}
	}()
	return io.TeeReader(r, pw), func() {
		_ = pw.Close() // never fails
		<-done
	}
}

// sourceHash is how the builder names what it copies.
func (b *builder) sourceHash(all []string) string {
	one := func(m string) string {
		rel := strings.TrimPrefix(m, "/")
		var sub []string
		for name, s := range b.sums {
			if rel == "" || strings.HasPrefix(name, rel+"/") {
				sub = append(sub, s)
			}
		}
		if s := b.sums[rel]; s != "" && len(sub) == 0 {
			return "file:" + s
		} else if s != "" {
			sub = append(sub, s)
		}
		slices.Sort(sub)
		return "dir:" + hashed(strings.Join(sub, ","))
	}
	if len(all) == 1 {
		return one(all[0])
	}
	var l []string
	for _, m := range all {
		l = append(l, one(m))
	}
	return "multi:" + hashed(strings.Join(l, ","))
}

func hashed(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
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

// check is instructions.Parse: what can be said of a Dockerfile before its first
// step, and the instructions of the stages up to the target.
func (b *builder) check(nodes []*parser.Node) ([]*parser.Node, error) {
	on := "on "
	if b.w.host.cfg.Release.Era < 26 {
		on = ""
	}
	target := b.opts.Target
	stages, hit := 0, -1
	for i, n := range nodes {
		fail := func(format string, a ...any) error {
			return invalid("dockerfile parse error %sline %d: %s", on, n.StartLine, fmt.Sprintf(format, a...))
		}
		words := wordsOf(n)
		cmd := strings.ToUpper(n.Value)
		switch cmd {
		case "FROM":
			if len(words) != 1 && len(words) != 3 {
				return nil, fail("FROM requires either one or three arguments")
			}
			if hit >= 0 {
				return nodes[:i], nil
			}
			if len(words) == 3 && !stageName.MatchString(strings.ToLower(words[2])) {
				return nil, fail("invalid name for build stage: %q, name can't start with a number or contain symbols", words[2])
			}
			if target != "" && (len(words) == 3 && strings.EqualFold(words[2], target) || strconv.Itoa(stages) == target) {
				hit = i
			}
			stages++
		case "RUN", "CMD", "ENTRYPOINT":
		case "ARG", "ENV", "LABEL", "HEALTHCHECK", "ONBUILD":
			if cmd == "ONBUILD" && onBuild(n) == "" || cmd != "ONBUILD" && (len(words) == 0 || words[0] == "" && len(words) == 1) {
				return nil, fail("%s requires at least one argument", cmd)
			}
			if cmd == "ONBUILD" {
				switch trigger := strings.ToUpper(strings.Fields(onBuild(n) + " .")[0]); trigger {
				case "ONBUILD":
					return nil, fail("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
				case "MAINTAINER", "FROM":
					return nil, fail("%s isn't allowed as an ONBUILD trigger", trigger)
				}
			}
			step := 3 // name, value, separator
			if cmd == "ARG" {
				step = 1
			}
			for k := 0; k < len(words) && (cmd == "ARG" || cmd == "ENV" || cmd == "LABEL"); k += step {
				if name, _, _ := strings.Cut(words[k], "="); name == "" {
					return nil, fail("%s names can not be blank", cmd)
				}
			}
		case "MAINTAINER":
			if len(words) != 1 || words[0] == "" {
				return nil, fail("MAINTAINER requires exactly one argument")
			}
		case "SHELL":
			if !n.Attributes["json"] {
				return nil, fail("SHELL requires the arguments to be in JSON form")
			}
			if len(words) == 0 {
				return nil, fail("SHELL requires at least one argument")
			}
		case "COPY", "ADD":
			if len(words) < 2 {
				return nil, fail("%s requires at least two arguments, but only one was provided. Destination could not be determined.", cmd)
			}
		case "WORKDIR", "USER", "STOPSIGNAL":
			if len(words) != 1 {
				return nil, fail("%s requires exactly one argument", cmd)
			}
		case "EXPOSE", "VOLUME":
			if len(words) == 0 {
				return nil, fail("%s requires at least one argument", cmd)
			}
			if cmd == "VOLUME" && slices.ContainsFunc(words, func(v string) bool { return strings.TrimSpace(v) == "" }) {
				return nil, fail("VOLUME specified can not be an empty string")
			}
		default:
			word := n.Value
			if b.w.host.cfg.Release.Era < 28 {
				word = cmd
			}
			return nil, fail("unknown instruction: %s", word)
		}
		if stages == 0 && cmd != "ARG" {
			return nil, invalid("no build stage in current context")
		}
	}
	if target != "" && hit < 0 {
		if b.w.host.cfg.Release.Era < 26 {
			return nil, invalid("failed to reach build target %s in Dockerfile", target)
		}
		return nil, invalid("target stage %q could not be found", target)
	}
	return nodes, nil
}

var stageName = regexp.MustCompile(`^[a-z][a-z0-9-_.]*$`)

// onBuild is the instruction that an ONBUILD holds, as it was written.
func onBuild(n *parser.Node) string {
	return strings.TrimSpace(n.Original[min(len(n.Original), len("ONBUILD")):])
}

func wordsOf(n *parser.Node) []string {
	var words []string
	for a := n.Next; a != nil; a = a.Next {
		words = append(words, a.Value)
	}
	return words
}

// run does one instruction and tells what image it made.
func (b *builder) run(n *parser.Node) error {
	if strings.EqualFold(n.Value, "FROM") || b.cur == nil {
		return b.do(n)
	}
	return b.finish(b.do(n))
}

// clear takes an instruction's containers away, unless they are to be kept.
func (b *builder) clear(err error) {
	for _, id := range b.made {
		if b.opts.ForceRemove || b.opts.Remove && err == nil {
			b.w.mu.Lock()
			_, real := b.w.containers[id]
			b.w.mu.Unlock()
			if real {
				_ = b.w.ContainerRm(id, &backend.ContainerRmConfig{ForceRemove: true, RemoveVolume: true})
			}
			fmt.Fprintf(b.out, b.w.pick20("Removing intermediate container %s\n", " ---> Removed intermediate container %s\n"), id[:12])
		}
	}
	b.made = nil
}

// finish ends an instruction.
func (b *builder) finish(err error) error {
	b.clear(err)
	if err != nil {
		return err
	}
	short := ""
	if b.cur.img != nil {
		short = b.cur.img.ID[7:19]
	}
	fmt.Fprintf(b.out, " ---> %s\n", short)
	return nil
}

func (b *builder) do(n *parser.Node) error {
	b.say(n.Original)
	return b.dispatch(n)
}

// say tells of a step, and ends the line by itself: each is a message of the answer.
func (b *builder) say(step string) {
	fmt.Fprintf(b.out, "Step %d/%d : %s", b.step, b.total, step)
	fmt.Fprintln(b.out)
}

// triggers runs what an image wants run where it is built upon:
// dispatchTriggeredOnBuild.
func (b *builder) triggers(list []string) error {
	if len(list) == 0 {
		return nil
	}
	plural := ""
	if len(list) > 1 {
		plural = "s"
	}
	fmt.Fprintf(b.out, "# Executing %d build trigger%s\n", len(list), plural)
	for _, t := range list {
		res, err := parser.Parse(strings.NewReader(t))
		if err != nil {
			return invalid("%s", err.Error())
		}
		if len(res.AST.Children) != 1 {
			return invalid("onbuild trigger should be a single expression")
		}
		err = b.dispatch(res.AST.Children[0])
		b.clear(err)
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) dispatch(n *parser.Node) error {
	words := wordsOf(n)
	cmd := strings.ToUpper(n.Value)
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
		var said []string
		for _, a := range words {
			k, v, has := strings.Cut(a, "=")
			if has {
				x, err := b.expand(v, b.env())
				if err != nil {
					return err
				}
				v = x
				said = append(said, k+"="+v)
			} else {
				said = append(said, k)
			}
			b.used[k] = true
			if given, ok := b.opts.BuildArgs[k]; ok && given != nil {
				v, has = *given, true
			} else if m, ok := b.meta[k]; ok && !has {
				v, has = m, true
			}
			switch {
			case !has:
			case b.cur == nil:
				b.meta[k] = v
			default:
				b.args[k] = v
			}
		}
		if b.cur == nil {
			return nil
		}
		return b.nop("ARG " + strings.Join(said, " "))
	case "RUN":
		return b.exec(words, jsonForm, n)
	case "COPY", "ADD":
		if err := expandAll(); err != nil {
			return err
		}
		return b.copy(cmd, words, n)
	case "ENV", "LABEL":
		env := b.env()
		said := cmd
		for i := 0; i+1 < len(words); i += 3 {
			v, err := b.expand(words[i+1], env)
			if err != nil {
				return err
			}
			k := words[i]
			if cmd == "ENV" {
				b.cur.cfg.Env = replaceEnv(b.cur.cfg.Env, []string{k + "=" + v})
			} else {
				if b.cur.cfg.Labels == nil {
					b.cur.cfg.Labels = map[string]string{}
				}
				if k, err = b.expand(k, env); err != nil {
					return err
				}
				b.cur.cfg.Labels[k] = v
			}
			said += " " + k + "=" + v
		}
		return b.nop(said)
	case "CMD", "ENTRYPOINT":
		if !jsonForm {
			words = append(b.shell(), strings.Join(words, " "))
		}
		if cmd == "CMD" {
			b.cur.cfg.Cmd = words
			b.cur.cmdSet = true
		} else {
			b.cur.cfg.Entrypoint = words
			if !b.cur.cmdSet {
				b.cur.cfg.Cmd = nil
			}
		}
		// The builder prints the list as Go's %q does: no comma.
		return b.nop(fmt.Sprintf("%s %q", cmd, words))
	case "SHELL":
		b.cur.cfg.Shell = words
		return b.nop("SHELL " + fmt.Sprint(words))
	case "HEALTHCHECK":
		h, err := healthcheck(n, words)
		if err != nil {
			return err
		}
		if was := b.cur.cfg.Healthcheck; was != nil && len(was.Test) > 0 && was.Test[0] != "NONE" {
			fmt.Fprintf(b.out, "Note: overriding previous HEALTHCHECK: %v\n", was.Test)
		}
		b.cur.cfg.Healthcheck = h
		// Go's %q of the structure, which has grown by a field.
		interval := ""
		if b.w.host.cfg.Release.Era >= 26 {
			interval = fmt.Sprintf("%q ", h.StartInterval)
		}
		return b.nop(fmt.Sprintf("HEALTHCHECK &{%q %q %q %q %s%q}", h.Test, h.Interval, h.Timeout, h.StartPeriod, interval, rune(h.Retries)))
	case "ONBUILD":
		b.cur.cfg.OnBuild = append(b.cur.cfg.OnBuild, onBuild(n))
		return b.nop("ONBUILD " + onBuild(n))
	case "MAINTAINER":
		b.cur.author = strings.Join(words, " ")
		return b.nop("MAINTAINER " + b.cur.author)
	case "WORKDIR", "USER", "EXPOSE", "VOLUME", "STOPSIGNAL":
		if err := expandAll(); err != nil {
			return err
		}
		if cmd == "VOLUME" && slices.Contains(words, "") {
			return invalid("VOLUME specified can not be an empty string")
		}
		if cmd == "EXPOSE" {
			for i := range words {
				words[i] = strings.ToLower(words[i])
			}
			slices.Sort(words) // the order they are named in is no difference to the cache
		}
		if cmd == "VOLUME" {
			mnt, c := b.view(b.w.newFS(b.trees()...))
			for _, v := range words {
				if at, err := mnt.Resolve(c, path.Clean("/"+v), true); err == nil && !at.Node().Stat().Mode.IsDir() {
					return systemErr("cannot mount volume over existing file, file exists %s", path.Clean("/"+v))
				}
			}
		}
		rest, said := strings.Join(words, " "), strings.Join(words, " ")
		if cmd == "VOLUME" {
			q, _ := json.Marshal(words)
			rest, said = string(q), fmt.Sprint(words)
		}
		if err := applyChanges(b.cur.cfg, []string{cmd + " " + rest}); err != nil {
			return invalid("%s", err.Error())
		}
		if cmd == "WORKDIR" {
			return b.workdir()
		}
		return b.nop(cmd + " " + said)
	}
	return systemErr("unknown instruction: %s", cmd)
}

// healthcheck reads HEALTHCHECK's options and its command.
func healthcheck(n *parser.Node, words []string) (*container.HealthConfig, error) {
	if len(words) == 0 {
		return nil, invalid("HEALTHCHECK requires at least one argument")
	}
	h := &container.HealthConfig{}
	switch kind := strings.ToUpper(words[0]); {
	case kind == "NONE":
		h.Test = []string{"NONE"}
		return h, nil
	case kind != "CMD":
		return nil, invalid("Unknown type %#v in HEALTHCHECK (try CMD)", kind)
	case n.Attributes["json"]:
		h.Test = append([]string{"CMD"}, words[1:]...)
	default:
		h.Test = []string{"CMD-SHELL", strings.Join(words[1:], " ")}
	}
	for _, f := range n.Flags {
		k, v, _ := strings.Cut(strings.TrimPrefix(f, "--"), "=")
		if k == "retries" {
			h.Retries, _ = strconv.Atoi(v)
			continue
		}
		d, err := time.ParseDuration(v)
		if err != nil {
			return nil, invalid("%s", err.Error())
		}
		switch k {
		case "interval":
			h.Interval = d
		case "timeout":
			h.Timeout = d
		case "start-period":
			h.StartPeriod = d
		}
	}
	return h, nil
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
		st.img, st.author = prev.img, prev.author
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
		if st.author == "" {
			st.author = st.img.Config.Author
		}
		list := st.cfg.OnBuild
		st.cfg.OnBuild = nil
		if err := b.triggers(list); err != nil {
			return err
		}
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

// emptyTar is the DiffID of a layer with nothing in it.
const emptyTar = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

// commented is the stage's configuration with an instruction as its command, as the
// builder keeps it beside the image's own; where the words are one with the mark,
// whole says so.
func (b *builder) commented(said string, whole bool) *container.Config {
	cc := b.config()
	if whole {
		cc.Cmd = append(b.shell(), "#(nop) "+said)
	} else {
		cc.Cmd = append(b.shell(), "#(nop) ", said)
	}
	return cc
}

// config is the stage's configuration, over the image so far.
func (b *builder) config() *container.Config {
	c := image.CloneConfig(b.cur.cfg)
	c.Image = ""
	if b.cur.img != nil {
		c.Image = b.cur.img.ID
	}
	return c
}

// nop is an instruction that changes the configuration alone.
func (b *builder) nop(said string) error {
	cc := b.commented(said, false)
	if b.cached(cc) {
		return nil
	}
	id, err := b.container(cc)
	if err != nil {
		return err
	}
	return b.commit(id, cc, nil)
}

// workdir makes the directory, which is a layer where there was none.
func (b *builder) workdir() error {
	cc := b.commented("WORKDIR "+b.cur.cfg.WorkingDir, true)
	if b.cached(cc) {
		return nil
	}
	id, err := b.container(cc)
	if err != nil {
		return err
	}
	tree := b.w.newFS(b.trees()...)
	mnt, c := b.view(tree)
	mkdirIn(mnt, c, b.cur.cfg.WorkingDir)
	l, err := b.layer(tree)
	if err != nil {
		return err
	}
	return b.commit(id, cc, l)
}

// container is the one an instruction runs in. Where it goes right after, only its
// id is made.
func (b *builder) container(cc *container.Config) (string, error) {
	id := b.w.newID()
	if !b.opts.Remove && !b.opts.ForceRemove && b.cur.img != nil {
		r, err := b.w.ContainerCreate(b.ctx, backend.ContainerCreateConfig{Config: image.CloneConfig(cc), HostConfig: b.hostConfig()})
		if err != nil {
			return "", err
		}
		id = r.ID
	}
	// Of the container that is made of it the configuration takes its name, and a map of
	// labels.
	cc.Hostname = id[:12]
	if cc.Labels == nil {
		cc.Labels = map[string]string{}
	}
	b.made = append(b.made, id)
	fmt.Fprintf(b.out, " ---> Running in %s\n", id[:12])
	return id, nil
}

func (b *builder) hostConfig() *container.HostConfig {
	o := b.opts
	hc := &container.HostConfig{NetworkMode: container.NetworkMode(o.NetworkMode), ShmSize: o.ShmSize, ExtraHosts: o.ExtraHosts, SecurityOpt: o.SecurityOpt}
	hc.Memory, hc.MemorySwap, hc.CPUShares, hc.CPUPeriod, hc.CPUQuota, hc.CpusetCpus, hc.CpusetMems = o.Memory, o.MemorySwap, o.CPUShares, o.CPUPeriod, o.CPUQuota, o.CPUSetCPUs, o.CPUSetMems
	hc.CgroupParent, hc.Ulimits = o.CgroupParent, o.Ulimits
	return hc
}

// layer is what a tree has above its image.
func (b *builder) layer(tree *vfs.FS) (*image.Layer, error) {
	var diff bytes.Buffer
	if err := tree.WriteDiff(&limited{&diff, b.w.host.cfg.Quotas.Disk}); err != nil {
		return nil, systemErr("%s", err.Error())
	}
	l, err := b.w.readLayer(&diff)
	if err != nil {
		return nil, systemErr("%s", err.Error())
	}
	return l, nil
}

// cached looks for an image that was built of the same parent by the same words, and
// goes on with it.
func (b *builder) cached(cc *container.Config) bool {
	if b.opts.NoCache || b.cur.missed {
		return false
	}
	parent := ""
	if b.cur.img != nil {
		parent = b.cur.img.ID
	}
	var hit *image.Image
	b.w.mu.Lock()
	for _, i := range b.w.images.All() {
		if i.Parent == parent && i.Config.ContainerConfig != nil && sameConfig(i.Config.ContainerConfig, cc) && (hit == nil || i.Config.Created.After(hit.Config.Created)) {
			hit = i
		}
	}
	b.w.mu.Unlock()
	if hit == nil {
		b.cur.missed = true
		return false
	}
	fmt.Fprint(b.out, " ---> Using cache\n")
	b.cur.img = hit
	return true
}

// sameConfig is image/cache's compare: all but what a container alone has.
func sameConfig(a, b *container.Config) bool {
	x, y := image.CloneConfig(a), image.CloneConfig(b)
	for _, c := range []*container.Config{x, y} {
		c.Image, c.Hostname, c.Domainname, c.Healthcheck = "", "", "", nil
		if len(c.Labels) == 0 {
			c.Labels = nil
		}
	}
	p, err := json.Marshal(x)
	q, err2 := json.Marshal(y)
	return err == nil && err2 == nil && bytes.Equal(p, q)
}

// commit makes an image of the stage's configuration, over layer if there is one; cc
// is the configuration of the container that made it.
func (b *builder) commit(id string, cc *container.Config, layer *image.Layer) error {
	now := b.w.now().UTC()
	ic := image.Config{Created: now, Author: b.cur.author, Config: b.config(), DockerVersion: b.w.host.cfg.Release.Version, Container: id, ContainerConfig: cc}
	var layers []*image.Layer
	parent := ""
	if b.cur.img != nil {
		ic.History = append(ic.History, b.cur.img.Config.History...)
		layers = append(layers, b.cur.img.Layers...)
		parent = b.cur.img.ID
	}
	empty := layer == nil || layer.DiffID == emptyTar
	if !empty {
		layers = append(layers, layer)
	}
	ic.History = append(ic.History, image.History{Created: now, Author: b.cur.author, CreatedBy: strings.Join(cc.Cmd, " "), EmptyLayer: empty})
	i := image.New(ic, layers, parent)
	if err := b.w.addImage(i); err != nil {
		return err
	}
	b.cur.img = i
	if b.w.host.cfg.Release.Era >= 26 {
		b.w.imageEvent(b.w.callerOf(b.ctx), events.ActionCreate, i.ID, i.ID)
	}
	return nil
}

// exec is RUN: a container of the image so far, and its commit.
func (b *builder) exec(words []string, jsonForm bool, n *parser.Node) error {
	for _, f := range n.Flags {
		k, _, _ := strings.Cut(strings.TrimPrefix(f, "--"), "=")
		return systemErr("the --%s option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled", k)
	}
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
	set := map[string]bool{}
	for _, kv := range b.cur.cfg.Env {
		k, _, _ := strings.Cut(kv, "=")
		set[k] = true
	}
	var args []string
	for k, v := range b.args {
		if !set[k] {
			args = append(args, k+"="+v)
		}
	}
	slices.Sort(args)
	cc := b.config()
	cc.Cmd, cc.Entrypoint = argv, nil
	if len(args) > 0 {
		cc.Cmd = append(append([]string{fmt.Sprintf("|%d", len(args))}, args...), argv...)
	}
	if b.cached(cc) {
		return nil
	}
	cfg := b.config()
	cfg.Cmd, cfg.Entrypoint, cfg.Healthcheck = argv, []string{""}, nil
	if len(argv) == 0 { // RUN []: what the image runs
		cfg.Cmd, cfg.Entrypoint = b.cur.img.RunConfig().Cmd, nil
	}
	cfg.Env = append(append([]string(nil), cfg.Env...), args...)
	hc := b.hostConfig()
	r, err := b.w.ContainerCreate(b.ctx, backend.ContainerCreateConfig{Config: cfg, HostConfig: hc})
	if err != nil {
		return err
	}
	b.made = append(b.made, r.ID)
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
		return err
	}
	ch, err := b.w.ContainerWait(b.ctx, r.ID, container.WaitConditionNotRunning)
	if err != nil {
		tap.end(false)
		<-done
		return err
	}
	st := <-ch
	if st.Err() != nil {
		tap.end(false)
		<-done
		return st.Err()
	}
	<-done
	if st.ExitCode() != 0 {
		return &buildError{fmt.Sprintf("The command '%s' returned a non-zero code: %d", strings.Join(argv, " "), st.ExitCode()), st.ExitCode()}
	}
	l, err := b.layer(c.fs)
	if err != nil {
		return err
	}
	return b.commit(r.ID, cc, l)
}

// copy is COPY and ADD: files of the context, of an earlier stage, or, for a URL,
// what the made-up internet has there.
func (b *builder) copy(cmd string, words []string, n *parser.Node) error {
	if len(words) < 2 {
		return invalid("%s requires at least two arguments, but only one was provided. Destination could not be determined.", cmd)
	}
	from := b.files
	var chown *[2]uint32
	comment, seed := "", ""
	for _, f := range n.Flags {
		k, v, _ := strings.Cut(strings.TrimPrefix(f, "--"), "=")
		switch k {
		case "from":
			seed = v
			var img *image.Image
			if i, err := strconv.Atoi(v); err == nil && i == len(b.stages)-1 {
				return invalid("invalid from flag value %s: refers to current build stage", v)
			} else if err == nil && (i < 0 || i >= len(b.stages)) {
				return invalid("invalid from flag value %s: index out of bounds", v)
			}
			if s := b.stage(v); s != nil && s != b.cur {
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
			comment = "--chown=" + v + " "
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
	smnt, sc := b.view(from)
	// What is copied is found first: its hash is what the cache is asked for.
	type remote struct {
		url  string
		data []byte
	}
	var matches []string
	var remotes []remote
	for _, s := range srcs {
		if cmd == "ADD" && strings.Contains(s, "://") {
			body, _, err := b.w.FetchImport(b.ctx, s)
			if err != nil {
				return systemErr("%s failed: %s", cmd, err.Error())
			}
			data, _ := io.ReadAll(io.LimitReader(body, 64<<20))
			_ = body.Close() // read already
			if !strings.HasSuffix(s, ".tar") && !strings.HasSuffix(s, ".gz") {
				data = []byte("#!/bin/sh\ntrue\n")
			}
			remotes = append(remotes, remote{s, data})
			continue
		}
		found := []string{path.Clean("/" + s)}
		if strings.ContainsAny(s, "*?[") {
			found = nil
			dir := path.Dir(path.Clean("/" + s))
			for _, name := range names(smnt, sc, dir) {
				if ok, _ := path.Match(path.Base(s), name); ok {
					found = append(found, path.Join(dir, name))
				}
			}
			toDir = toDir || len(found) > 1
		}
		if len(found) == 0 {
			return systemErr("%s failed: no source files were specified", cmd)
		}
		for _, m := range found {
			if _, err := smnt.Resolve(sc, m, true); err != nil {
				return systemErr("%s failed: file not found in build context or excluded by .dockerignore: stat %s: file does not exist", cmd, strings.TrimPrefix(m, "/"))
			}
			matches = append(matches, m)
		}
	}
	var hash string
	switch {
	case len(remotes) > 0:
		hash = "file:" + hashed(string(remotes[0].data))
	case seed != "":
		at, _ := smnt.Resolve(sc, matches[0], true)
		kind, data := "file:", ""
		if at.Node().Stat().Mode.IsDir() {
			kind = "dir:"
		} else {
			data = string(vfs.ReadAll(vfs.ContentOf(at.Node(), 256<<20), 256<<20))
		}
		hash = kind + hashed(strings.Join(matches, ",")+data)
		if st := b.stage(seed); kind == "dir:" && st != nil && st.img != nil {
			hash = kind + hashed(strings.Join(matches, ",")+st.img.ID)
		}
	default:
		hash = b.sourceHash(matches)
	}
	cc := b.commented(fmt.Sprintf("%s %s%s in %s ", cmd, comment, hash, words[len(words)-1]), true)
	if b.cached(cc) {
		return nil
	}
	tree := b.w.newFS(b.trees()...)
	mnt, c := b.view(tree)
	dest = inScope(mnt, c, dest)
	for _, r := range remotes {
		p := dest
		if toDir {
			p = path.Join(dest, path.Base(r.url))
		}
		mkdirIn(mnt, c, path.Dir(p))
		touchIn(mnt, c, p)
		if at, err := mnt.Resolve(c, p, true); err == nil {
			_ = vfs.SetContent(c, at.Node(), vfs.Bytes(r.data))
		}
	}
	for _, m := range matches {
		at, err := smnt.Resolve(sc, m, true)
		if err != nil {
			return systemErr("%s failed: %v", cmd, err)
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
				dec, derr := decompress(bytes.NewReader(data))
				if derr != nil {
					return systemErr("%s failed: %s", cmd, derr.Error())
				}
				err = tree.Apply(dest, dec, o)
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
	l, err := b.layer(tree)
	if err != nil {
		return err
	}
	// No container is made for a copy, only a layer.
	return b.commit("", cc, l)
}

func (b *builder) trees() []*vfs.Layer {
	if b.cur.img == nil {
		return nil
	}
	return b.cur.img.Trees()
}

// archive tells whether ADD would unpack a file: what is in it, compressed or not,
// begins as a tar does.
func archive(b []byte) bool {
	dec, err := decompress(bytes.NewReader(b))
	if err != nil {
		return false
	}
	_, err = tar.NewReader(io.LimitReader(dec, 1<<20)).Next()
	return err == nil
}

// inScope follows the links in a path as far as there are files, and none out of the
// tree: symlink.FollowSymlinkInScope.
func inScope(mnt *vfs.Namespace, ctx *vfs.Context, p string) string {
	at, rest := "/", strings.Split(p, "/")
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			continue
		}
		next := path.Join(at, name)
		x, err := mnt.Resolve(ctx, next, false)
		if err != nil || !x.Node().Stat().Mode.IsLink() {
			at = next
			continue
		}
		target, err := x.Node().Readlink(ctx)
		if links++; err != nil || links > 255 {
			return next
		}
		if path.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at
}

// buildFilters are what a prune of the build cache may be narrowed by: BuildKit's
// fields and the daemon's own.
var buildFilters = map[string]bool{"unused-for": true, "until": true, "label": true, "label!": true, "id": true, "parent": true, "type": true,
	"description": true, "inuse": true, "shared": true, "private": true, "mutable": false, "immutable": false}

// PruneCache has nothing to prune: the classic builder's cache are its images. Its
// filters are checked as Builder.Prune does.
func (w *World) PruneCache(_ context.Context, o build.CachePruneOptions) (*build.CachePruneReport, error) {
	bad := func(format string, a ...any) (*build.CachePruneReport, error) {
		return nil, invalid("failed to prune build cache: "+format, a...)
	}
	for _, k := range o.Filters.Keys() {
		if !buildFilters[k] {
			return bad("%s '%s'", w.pick20("Invalid filter", "invalid filter"), k)
		}
	}
	until, unused := o.Filters.Get("until"), o.Filters.Get("unused-for")
	key := "until"
	if len(unused) > 0 {
		key = "unused-for"
	}
	switch all := slices.Concat(until, unused); {
	case len(until) > 0 && len(unused) > 0:
		return bad(`conflicting filters: "until" and "unused-for"`)
	case len(all) > 1:
		return bad("filters expect only one value")
	case len(all) == 1 && w.host.cfg.Release.Era < 26:
		if _, err := time.ParseDuration(all[0]); err != nil {
			return nil, systemErr("failed to prune build cache: %q filter expects a duration (e.g., '24h'): %v", key, err)
		}
	case len(all) == 1:
		ts, err := timetypes.GetTimestamp(all[0], w.now())
		if err != nil {
			return bad("%q filter expects a duration (e.g., '24h') or a timestamp: %v", key, err)
		}
		if _, _, err := timetypes.ParseTimestamps(ts, 0); err != nil {
			return bad("failed to parse timestamp %q: %v", ts, err)
		}
	}
	return &build.CachePruneReport{}, nil
}

// Cancel ends a BuildKit build; there is none.
func (w *World) Cancel(context.Context, string) error { return nil }

// DiskUsage is BuildKit's cache, which is empty.
func (w *World) DiskUsage(context.Context) ([]*build.CacheRecord, error) { return nil, nil }
