package world

import (
	"context"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
)

// Exec is container.ExecConfig: a process that joins a container. World.mu
// guards it.
type Exec struct {
	ID                    string
	c                     *Container
	entry                 string
	args                  []string
	env                   []string
	dir, user             string
	tty, privileged       bool
	stdin, stdout, stderr bool
	keys                  []byte
	size                  *[2]uint
	running               bool
	exit                  *int
	pid                   int
	stream                *stream
	run                   *running
}

func (w *World) execEvent(by Caller, e *Exec, a events.Action, words bool, attrs map[string]string) {
	if attrs == nil {
		attrs = map[string]string{}
	}
	attrs["execID"] = e.ID
	if words {
		a = events.Action(string(a) + ": " + e.entry + " " + strings.Join(e.args, " "))
	}
	w.containerEvent(by, e.c, a, attrs)
}

// ExecExists is the daemon's method.
func (w *World) ExecExists(id string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.exec(id)
	return err == nil, err
}

// exec is getExecConfig. World.mu is held.
func (w *World) exec(id string) (*Exec, error) {
	e := w.execs[id]
	if e == nil {
		return nil, errNoExec(id)
	}
	c := w.containers[e.c.ID]
	switch {
	case c == nil:
		return nil, errNoContainer(id)
	case !c.Running:
		return nil, errNotRunning(c.ID)
	case c.Paused:
		return nil, errExecPaused(c.ID)
	case c.Restarting:
		return nil, errRestarting(c.ID)
	}
	return e, nil
}

// ContainerExecCreate is the daemon's method.
func (w *World) ContainerExecCreate(name string, o *container.ExecOptions) (string, error) {
	if len(o.Cmd) == 0 {
		return "", invalid("No exec command specified")
	}
	w.mu.Lock()
	c, err := w.active(name)
	w.mu.Unlock()
	if err != nil {
		return "", err
	}
	if err := w.refuse(context.Background(), "exec", c.ID); err != nil {
		return "", err
	}
	if o.User != "" && w.host.cfg.Release.Era >= 28 {
		if _, err := w.userOf(c, o.User); err != nil {
			return "", invalid("%s", err.Error())
		}
	}
	e := &Exec{ID: w.newID(), c: c, entry: o.Cmd[0], args: append([]string{}, o.Cmd[1:]...), tty: o.Tty, privileged: o.Privileged, user: o.User,
		dir: o.WorkingDir, stdin: o.AttachStdin, stdout: o.AttachStdout, stderr: o.AttachStderr, size: o.ConsoleSize, keys: []byte{}}
	if o.DetachKeys != "" {
		k, ok := detachKeys(o.DetachKeys)
		if !ok {
			return "", systemErr("Invalid escape keys (%s) provided", o.DetachKeys)
		}
		e.keys = k
	}
	e.env = replaceEnv(w.environ(c, o.Tty), o.Env)
	if e.user == "" {
		e.user = c.Config.User
	}
	if e.dir == "" {
		e.dir = c.Config.WorkingDir
	}
	w.mu.Lock()
	if len(w.execs) >= w.host.cfg.Quotas.Execs {
		w.trimExecs()
	}
	w.execs[e.ID] = e
	c.execs[e.ID] = e
	w.mu.Unlock()
	w.execEvent(w.lastCaller(), e, events.ActionExecCreate, true, nil)
	return e.ID, nil
}

// trimExecs forgets execs that have ended, as the daemon does every five
// minutes; where none has, the container's own limits hold. World.mu is held.
func (w *World) trimExecs() {
	for id, e := range w.execs {
		if !e.running && (e.exit != nil || len(w.execs) > w.host.cfg.Quotas.Execs) {
			delete(w.execs, id)
			delete(e.c.execs, id)
		}
	}
}

// ContainerExecStart is the daemon's method.
func (w *World) ContainerExecStart(ctx context.Context, id string, o backend.ExecStartConfig) error {
	by := w.callerOf(ctx)
	w.mu.Lock()
	e, err := w.exec(id)
	if err == nil {
		switch {
		case e.exit != nil:
			err = conflict("%s", w.pick28("Error: Exec command "+e.ID+" has already run", "exec command "+e.ID+" has already run"))
		case e.running:
			err = conflict("%s", w.pick28("Error: Exec command "+e.ID+" is already running", "exec command "+e.ID+" is already running"))
		}
	}
	if err != nil {
		w.mu.Unlock()
		return err
	}
	e.running = true
	e.stream = newStream(e.stdin)
	s := e.stream
	w.mu.Unlock()
	w.execEvent(by, e, events.ActionExecStart, true, nil)

	attached := o.Stdin != nil || o.Stdout != nil || o.Stderr != nil
	spec := copySpec{tty: e.tty, closeStdin: true, keys: e.keys, stdout: o.Stdout, stderr: o.Stderr}
	if len(spec.keys) == 0 {
		spec.keys = defaultDetach
	}
	if e.stdin && o.Stdin != nil {
		spec.in = o.Stdin
	}
	if out, errs := e.stdout && o.Stdout != nil, e.stderr && o.Stderr != nil && !e.tty; out || errs {
		spec.out = s.tap(out, errs)
	}
	size := o.ConsoleSize
	if size == nil {
		size = e.size
	}
	w.mu.Lock()
	run, err := w.launchExec(by, e, size)
	if err != nil {
		delete(e.c.execs, e.ID)
		e.running = false
		if e.exit == nil {
			code := exitEaccess
			e.exit = &code
		}
		w.mu.Unlock()
		s.close()
		return err
	}
	e.run, e.pid = run, run.pid
	w.mu.Unlock()
	run.release()
	if !attached {
		return nil
	}
	ended := make(chan bool, 1)
	w.bg.Add(1)
	go func() { defer w.bg.Done(); ended <- w.copyStreams(s, spec) }()
	select {
	case detached := <-ended:
		if detached {
			w.execEvent(by, e, events.ActionExecDetach, false, nil)
		}
		return nil
	case <-ctx.Done():
		run.signal(9)
		s.close()
		<-ended
		return ctx.Err()
	}
}

// execExited is what the daemon does at an exec's exit event.
func (w *World) execExited(e *Exec, run *running, code int) {
	w.mu.Lock()
	delete(e.c.execs, e.ID)
	e.exit, e.running = &code, false
	by := e.c.origin
	w.mu.Unlock()
	e.stream.close()
	w.execEvent(by, e, events.ActionExecDie, false, map[string]string{"exitCode": strconv.Itoa(code)})
	close(run.finished)
}

// ContainerExecInspect is the daemon's method.
func (w *World) ContainerExecInspect(id string) (*backend.ExecInspect, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.execs[id]
	if e == nil || w.containers[e.c.ID] == nil {
		return nil, errNoExec(id)
	}
	priv := e.privileged
	return &backend.ExecInspect{ID: e.ID, Running: e.running, ExitCode: e.exit, OpenStdin: e.stdin, OpenStdout: e.stdout, OpenStderr: e.stderr,
		ContainerID: e.c.ID, DetachKeys: e.keys, Pid: e.pid,
		ProcessConfig: &backend.ExecProcessConfig{Tty: e.tty, Entrypoint: e.entry, Arguments: e.args, Privileged: &priv, User: e.user}}, nil
}

// ContainerExecResize is the daemon's method.
func (w *World) ContainerExecResize(_ context.Context, id string, height, width uint32) error {
	w.mu.Lock()
	e, err := w.exec(id)
	if err != nil {
		w.mu.Unlock()
		return err
	}
	run, ended := e.run, e.exit != nil
	w.mu.Unlock()
	if ended {
		switch w.host.cfg.Release.Era {
		case 20:
			return notFound("no such exec")
		case 26:
			return notFound("process does not exist %s: not found", id)
		}
		return notFound("NotFound: process does not exist %s: not found", id)
	}
	if run == nil {
		return conflict("%s", "exec process is not started")
	}
	run.resize(height, width)
	return nil
}

// replaceEnv is container.ReplaceOrAppendEnvValues: an entry without "=" takes a
// name away.
func replaceEnv(defaults, over []string) []string {
	out := append([]string(nil), defaults...)
	for _, v := range over {
		k, _, has := strings.Cut(v, "=")
		i := 0
		for ; i < len(out); i++ {
			if ok, _, _ := strings.Cut(out[i], "="); ok == k {
				break
			}
		}
		switch {
		case !has && i < len(out):
			out = append(out[:i], out[i+1:]...)
		case !has:
		case i < len(out):
			out[i] = v
		default:
			out = append(out, v)
		}
	}
	return out
}
