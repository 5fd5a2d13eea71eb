package world

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
)

// Exit statuses of starts that failed, as setExitCodeFromError gives them.
const (
	exitEaccess     = 126
	exitCmdNotFound = 127
	exitUnknown     = 128
)

// ContainerStart is the daemon's method.
func (w *World) ContainerStart(ctx context.Context, name, checkpoint, checkpointDir string) error {
	if checkpoint != "" {
		return invalid("checkpoint is only supported in experimental mode")
	}
	by := w.callerOf(ctx)
	w.mu.Lock()
	c, err := w.find(name)
	if err == nil {
		switch {
		case c.Paused:
			err = conflict("cannot start a paused container, try unpause instead")
		case c.Running:
			err = notModified("container is already running")
		case c.removing || c.Dead:
			err = conflict("container is marked for removal and cannot be started")
		}
	}
	w.mu.Unlock()
	if err != nil {
		return err
	}
	if err := w.refuse(ctx, "start", c.ID); err != nil {
		w.mu.Lock()
		c.Error, c.ExitCode = err.Error(), exitUnknown
		w.mu.Unlock()
		return err
	}
	if _, err := w.verifyContainer(c.Host, nil, false); err != nil {
		return wrapInvalid(err)
	}
	return w.start(by, c, true)
}

// start is containerStart: it fails with the runtime's words, and leaves State.Error.
func (w *World) start(by Caller, c *Container, reset bool) error {
	w.mu.Lock()
	if reset && c.Running {
		w.mu.Unlock()
		return nil
	}
	if c.removing || c.Dead || c.removed {
		w.mu.Unlock()
		return conflict("container is marked for removal and cannot be started")
	}
	if reset {
		c.cancelBackoff()
		c.failures, c.backoff = 0, 0
		c.stopped = false
		c.origin = by
	}
	w.origins.Store(c.ID, c.origin)
	var say []func()
	err := w.launch(c, &say)
	if err != nil {
		c.Error = err.Error()
		if c.ExitCode == 0 {
			c.ExitCode = exitUnknown
		}
		if w.host.cfg.Release.Era < 28 {
			c.stale = &staleNets{map[string]*network.EndpointSettings{}, exposed(c)}
			for n, e := range c.Nets {
				c.stale.nets[n] = e.Copy()
			}
		}
		w.unwire(c, &say)
		c.stream.close()
		c.stream = newStream(c.Config.OpenStdin)
		auto := c.Host.AutoRemove
		w.mu.Unlock()
		for _, f := range say {
			f()
		}
		if auto {
			_ = w.ContainerRm(c.ID, &backend.ContainerRmConfig{ForceRemove: true, RemoveVolume: true})
		}
		return err
	}
	c.restarted, c.stale = false, nil
	c.Error, c.OOMKilled = "", false
	c.Restarting, c.Paused = false, false
	if reset {
		c.RestartCount = 0
	}
	c.Running, c.startedBefore = true, true
	c.ExitCode = 0
	c.StartedAt = w.now().UTC()
	run := c.run
	w.startHealth(c)
	w.mu.Unlock()
	for _, f := range say {
		f()
	}
	w.containerEvent(by, c, events.ActionStart, nil)
	run.release()
	return nil
}

// wire gives a container its endpoints and ports. World.mu is held.
func (w *World) wire(c *Container, say *[]func()) error {
	if c.Config.NetworkDisabled || c.Host.NetworkMode.IsContainer() {
		return nil
	}
	by := c.origin
	for name, e := range c.Nets {
		n, err := w.findNet(name)
		if err != nil {
			return notFound("%s", w.pick28(fmt.Sprintf("network %s not found", name), fmt.Sprintf("failed to set up container networking: network %s not found", name)))
		}
		if e.EndpointID == "" {
			if err := w.join(c, n, e); err != nil {
				if errdefs.IsInvalidArgument(err) {
					return err // what is wrong with what was asked for
				}
				return systemErr("%s", w.pick28(err.Error(), "failed to set up container networking: "+err.Error()))
			}
		}
		*say = append(*say, func() {
			w.netEvent(by, n, events.ActionConnect, map[string]string{"container": c.ID})
		})
	}
	if err := w.publish(c); err != nil {
		return err
	}
	c.Sandbox = w.newID()
	return nil
}

// unwire takes them back. World.mu is held.
func (w *World) unwire(c *Container, say *[]func()) {
	by := c.origin
	for name, e := range c.Nets {
		if e.EndpointID == "" {
			continue
		}
		if n, err := w.findNet(name); err == nil && say != nil {
			*say = append(*say, func() {
				w.netEvent(by, n, events.ActionDisconnect, map[string]string{"container": c.ID})
			})
		}
		w.leave(e)
	}
	c.Ports = nil // the sandbox's id stays to be seen, as in the daemon
}

// exited is handleContainerExit: the process has ended.
func (w *World) exited(c *Container, run *running, code int, oom bool) {
	now := w.now().UTC()
	w.mu.Lock()
	if c.run != run {
		w.mu.Unlock()
		return
	}
	w.stopHealth(c)
	w.unplace(run, true)
	by := c.origin
	ran := now.Sub(c.StartedAt)
	restart, wait := c.shouldRestart(code, ran)
	if w.isStopping() {
		restart = false
	}
	c.log.quiet(code < 128)
	c.run = nil
	c.Pid = 0
	var say []func()
	w.unwire(c, &say)
	for _, m := range c.Mounts {
		if m.Type == mount.TypeVolume {
			say = append(say, func() { w.volumeEvent(by, m.Name, events.ActionUnmount, map[string]string{"container": c.ID}) })
		}
	}
	before, after := say, []func(){}
	if w.host.cfg.Release.Era < 26 {
		before, after = nil, say // 20.10 tells of the end first
	}
	// What was to run in it can run no more: Cleanup unregisters the execs.
	for id, e := range w.execs {
		if e.c == c && !e.running {
			delete(w.execs, id)
		}
	}
	c.execs = map[string]*Exec{}
	c.stream.close()
	c.stream = newStream(c.Config.OpenStdin)
	c.ExitCode, c.FinishedAt, c.OOMKilled = code, now, oom
	c.Paused = false
	if restart {
		c.RestartCount++
		c.Restarting = true // Running stays: State.SetRestarting
	} else {
		c.Running, c.Restarting = false, false
	}
	auto := c.Host.AutoRemove && !restart && !c.restarted
	var stops []*stopping
	if w.host.cfg.Release.Era >= 26 && !restart {
		stops, c.stops = c.stops, nil
		for _, s := range stops {
			s.said = true
		}
	}
	waiters := c.stopWaiters
	c.stopWaiters = nil
	if restart {
		c.cancelRestart = w.after(wait, func() { w.restartNow(c) })
	}
	w.mu.Unlock()
	for _, f := range before {
		f()
	}
	if oom {
		w.containerEvent(by, c, events.ActionOOM, nil)
	}
	for _, s := range stops {
		w.containerEvent(s.by, c, events.ActionStop, nil)
	}
	attrs := map[string]string{"exitCode": strconv.Itoa(code)}
	if w.host.cfg.Release.Era >= 26 {
		attrs["execDuration"] = strconv.Itoa(int(ran.Seconds()))
	}
	w.containerEvent(by, c, events.ActionDie, attrs)
	for _, f := range after {
		f()
	}
	for _, ch := range waiters {
		ch <- container.NewStateStatus(code, nil)
	}
	close(run.finished)
	if auto {
		_ = w.ContainerRm(c.ID, &backend.ContainerRmConfig{ForceRemove: true, RemoveVolume: true})
	}
}

func (w *World) restartNow(c *Container) {
	w.mu.Lock()
	ok := c.Restarting && !c.removed
	c.cancelRestart = nil
	w.mu.Unlock()
	if !ok || w.isStopping() {
		return
	}
	if err := w.start(c.origin, c, false); err != nil {
		w.mu.Lock()
		c.Running, c.Restarting = false, false
		w.mu.Unlock()
	}
}

// cancelBackoff ends a wait for a restart. World.mu is held.
func (c *Container) cancelBackoff() {
	if c.cancelRestart != nil {
		c.cancelRestart()
		c.cancelRestart = nil
	}
}

// shouldRestart is restartmanager.ShouldRestart: 100 ms, doubled each time up to a
// minute, from the start again when the container ran for ten seconds.
func (c *Container) shouldRestart(code int, ran time.Duration) (bool, time.Duration) {
	if c.restarted || c.stopped && c.Host.RestartPolicy.Name != "" {
		if c.stopped {
			return false, 0
		}
	}
	if c.stopped {
		return false, 0
	}
	restart := false
	switch p := c.Host.RestartPolicy; p.Name {
	case container.RestartPolicyAlways, container.RestartPolicyUnlessStopped:
		restart = true
	case container.RestartPolicyOnFailure:
		restart = code != 0 && (p.MaximumRetryCount == 0 || c.failures < p.MaximumRetryCount)
	}
	if !restart || c.restarted {
		return false, 0
	}
	c.failures++
	switch {
	case ran >= 10*time.Second || c.backoff == 0:
		c.backoff = 100 * time.Millisecond
	default:
		c.backoff = min(c.backoff*2, time.Minute)
	}
	return true, c.backoff
}

// ContainerWait is the daemon's method.
func (w *World) ContainerWait(ctx context.Context, name string, cond container.WaitCondition) (<-chan container.StateStatus, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, err := w.find(name)
	if err != nil {
		return nil, err
	}
	out := make(chan container.StateStatus, 1)
	switch {
	case cond == container.WaitConditionNotRunning && !c.Running, cond == container.WaitConditionRemoved && c.removed:
		var failed error
		if c.Error != "" {
			failed = errors.New(c.Error)
		}
		out <- container.NewStateStatus(c.ExitCode, failed)
		return out, nil
	}
	in := make(chan container.StateStatus, 1)
	if cond == container.WaitConditionRemoved {
		c.removeWaiters = append(c.removeWaiters, in)
	} else {
		c.stopWaiters = append(c.stopWaiters, in)
	}
	w.bg.Add(1)
	go func() {
		defer w.bg.Done()
		select {
		case s := <-in:
			out <- s
		case <-ctx.Done():
			out <- container.NewStateStatus(-1, ctx.Err())
		case <-w.stopping:
			out <- container.NewStateStatus(-1, context.Canceled)
		}
	}()
	return out, nil
}

// waitStopped waits until c does not run, d at most; d < 0 is for ever.
func (w *World) waitStopped(ctx context.Context, c *Container, d time.Duration) bool {
	w.mu.Lock()
	if !c.Running {
		w.mu.Unlock()
		return true
	}
	if c.Restarting {
		// no process: cancelling the back-off ends it
		c.cancelBackoff()
		c.Running, c.Restarting = false, false
		ws := c.stopWaiters
		c.stopWaiters = nil
		code := c.ExitCode
		w.mu.Unlock()
		for _, ch := range ws {
			ch <- container.NewStateStatus(code, nil)
		}
		return true
	}
	run := c.run
	w.mu.Unlock()
	if run == nil {
		return true
	}
	var timer <-chan struct{}
	if d >= 0 {
		ch := make(chan struct{})
		stop := w.after(d, func() { close(ch) })
		defer stop()
		timer = ch
	}
	select {
	case <-run.finished:
		return true
	case <-timer:
		return false
	case <-ctx.Done():
		return false
	case <-w.stopping:
		return false
	}
}

// ContainerStop is the daemon's method.
func (w *World) ContainerStop(ctx context.Context, name string, o container.StopOptions) error {
	w.mu.Lock()
	c, err := w.find(name)
	w.mu.Unlock()
	if err != nil {
		return err
	}
	if !c.running(w) {
		return notModified("container is already stopped")
	}
	if err := w.stop(ctx, c, o); err != nil {
		return systemErr("cannot stop container: %s: %v", name, err)
	}
	return nil
}

func (c *Container) running(w *World) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return c.Running
}

// stopping is a stop that waits for the end. Newer daemons wake it before they write
// the state down and tell of the end, so that it has told of itself by then.
type stopping struct {
	by   Caller
	said bool // guarded by World.mu
}

// stop is containerStop: the stop signal, the wait, the kill.
func (w *World) stop(ctx context.Context, c *Container, o container.StopOptions) error {
	ctx = context.WithoutCancel(ctx)
	if !c.running(w) {
		return nil
	}
	by := w.callerOf(ctx)
	sig := 15
	if s := c.Config.StopSignal; s != "" {
		if n, err := parseSignal(s); err == nil {
			sig = n
		}
	}
	if o.Signal != "" {
		n, err := parseSignal(o.Signal)
		if err != nil {
			return invalid("%s", err.Error())
		}
		sig = n
	}
	timeout := defaultStopTimeout
	if c.Config.StopTimeout != nil {
		timeout = *c.Config.StopTimeout
	}
	if o.Timeout != nil {
		timeout = *o.Timeout
	}
	s := &stopping{by: by}
	w.mu.Lock()
	c.stops = append(c.stops, s)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		c.stops = slices.DeleteFunc(c.stops, func(x *stopping) bool { return x == s })
		w.mu.Unlock()
	}()
	if err := w.signal(by, c, sig, true); err != nil {
		if isNotRunning(err) {
			return nil
		}
	}
	d := time.Duration(timeout) * time.Second
	if timeout < 0 {
		d = -1
	}
	if !w.waitStopped(ctx, c, d) {
		if w.isStopping() {
			return nil
		}
		if err := w.signal(by, c, 9, true); err != nil && !isNotRunning(err) {
			return err
		}
		if !w.waitStopped(ctx, c, 10*time.Second) {
			return fmt.Errorf("tried to kill container, but did not receive an exit event")
		}
	}
	w.mu.Lock()
	said := s.said
	w.mu.Unlock()
	if !said {
		w.containerEvent(by, c, events.ActionStop, nil)
	}
	return nil
}

// signal is killWithSignal.
func (w *World) signal(by Caller, c *Container, sig int, final bool) error {
	w.mu.Lock()
	if !c.Running {
		w.mu.Unlock()
		return errNotRunning(c.ID)
	}
	stopSig := 15
	custom := c.Config.StopSignal != ""
	if custom {
		if n, err := parseSignal(c.Config.StopSignal); err == nil {
			stopSig = n
		}
	}
	if sig == 9 || !custom || sig == stopSig {
		c.stopped = true
	}
	run := c.run
	restarting := c.Restarting
	unpause := c.Paused && (sig == 9 || final)
	w.mu.Unlock()
	if restarting || run == nil {
		return nil
	}
	// Told before, as the end can be told at once here, and takes a shim's time there.
	w.containerEvent(by, c, events.ActionKill, map[string]string{"signal": strconv.Itoa(sig)})
	run.signal(sig)
	if unpause {
		run.resume()
		w.mu.Lock()
		c.Paused = false
		w.mu.Unlock()
	}
	return nil
}

// ContainerKill is the daemon's method.
func (w *World) ContainerKill(name, stopSignal string) error {
	sig := 9
	if stopSignal != "" {
		n, err := parseSignal(stopSignal)
		if err != nil {
			return invalid("%s", w.pick20("Invalid signal: "+stopSignal, err.Error()))
		}
		if n < 0 || n > 64 {
			return invalid("%s", w.pick20(fmt.Sprintf("The linux daemon does not support signal %d", n), fmt.Sprintf("the linux daemon does not support signal %d", n)))
		}
		sig = n
	}
	w.mu.Lock()
	c, err := w.find(name)
	w.mu.Unlock()
	if err != nil {
		return err
	}
	by := w.lastCaller()
	if sig != 9 {
		if err := w.signal(by, c, sig, false); err != nil {
			return w.killErr(name, err)
		}
		return nil
	}
	if !c.running(w) {
		return w.killErr(name, errNotRunning(c.ID))
	}
	if err := w.kill(by, c); err != nil {
		return w.killErr(name, err)
	}
	return nil
}

// killErr words a failed kill: the older daemons' router added the name.
func (w *World) killErr(name string, err error) error {
	if isNotRunning(err) && w.host.cfg.Release.Era < 26 {
		return conflict("Cannot kill container: %s: %s", name, strings.Replace(err.Error(), "container", "Container", 1))
	}
	return err // the router says the rest
}

// kill is daemon.Kill: SIGKILL and the wait for its effect.
func (w *World) kill(by Caller, c *Container) error {
	if err := w.signal(by, c, 9, true); err != nil {
		return err
	}
	if !w.waitStopped(context.Background(), c, 10*time.Second) && !w.isStopping() {
		return fmt.Errorf("tried to kill container, but did not receive an exit event")
	}
	return nil
}

// ContainerRestart is the daemon's method.
func (w *World) ContainerRestart(ctx context.Context, name string, o container.StopOptions) error {
	w.mu.Lock()
	c, err := w.find(name)
	w.mu.Unlock()
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	by := w.callerOf(ctx)
	if c.running(w) {
		w.mu.Lock()
		c.restarted = true
		w.mu.Unlock()
		if err := w.stop(ctx, c, o); err != nil {
			return systemErr("Cannot restart container %s: %v", name, err)
		}
	}
	if err := w.start(by, c, true); err != nil {
		return systemErr("Cannot restart container %s: %v", name, err)
	}
	w.containerEvent(by, c, events.ActionRestart, nil)
	return nil
}

// ContainerPause is the daemon's method.
func (w *World) ContainerPause(name string) error {
	w.mu.Lock()
	c, err := w.find(name)
	if err == nil {
		switch {
		case !c.Running:
			err = errNotRunning(c.ID)
		case c.Paused:
			err = errAlreadyPaused(c.ID)
		case c.Restarting:
			err = errRestarting(c.ID)
		}
	}
	if err != nil {
		w.mu.Unlock()
		return err
	}
	c.Paused = true
	run := c.run
	w.mu.Unlock()
	if run != nil {
		run.pause()
	}
	w.containerEvent(w.lastCaller(), c, events.ActionPause, nil)
	return nil
}

// ContainerUnpause is the daemon's method.
func (w *World) ContainerUnpause(name string) error {
	w.mu.Lock()
	c, err := w.find(name)
	if err == nil && !c.Paused {
		err = systemErr("Container %s is not paused", c.ID)
	}
	if err != nil {
		w.mu.Unlock()
		return err
	}
	c.Paused = false
	run := c.run
	w.mu.Unlock()
	if run != nil {
		run.resume()
	}
	w.containerEvent(w.lastCaller(), c, events.ActionUnPause, nil)
	return nil
}

// ContainerRename is the daemon's method.
func (w *World) ContainerRename(oldName, newName string) error {
	if oldName == "" || newName == "" {
		return invalid("Neither old nor new names may be empty")
	}
	w.mu.Lock()
	c, err := w.find(oldName)
	if err != nil {
		w.mu.Unlock()
		return err
	}
	if newName[0] != '/' {
		newName = "/" + newName
	}
	if c.Name == newName {
		w.mu.Unlock()
		return invalid("Renaming a container with the same name as its current name")
	}
	n, err := w.reserve(c.ID, newName)
	if err != nil {
		w.mu.Unlock()
		if k, ok := err.(*kindError); ok {
			return &kindError{kind: k.kind, text: "Error when allocating new name: " + k.text}
		}
		return err
	}
	old := c.Name
	c.Name, c.stale = n, nil
	delete(w.names, old)
	if c.Running && w.host.cfg.Release.Era >= 26 {
		for _, e := range c.Nets { // on the default bridge too
			e.DNSNames = dnsNames(c, e)
		}
	}
	w.mu.Unlock()
	w.containerEvent(w.lastCaller(), c, events.ActionRename, map[string]string{"oldName": old})
	return nil
}

// ContainerResize is the daemon's method.
func (w *World) ContainerResize(_ context.Context, name string, height, width uint32) error {
	w.mu.Lock()
	c, err := w.find(name)
	if err == nil && !c.Running {
		err = errNotRunning(c.ID)
	}
	if err != nil {
		w.mu.Unlock()
		return err
	}
	run := c.run
	w.mu.Unlock()
	if run != nil {
		run.resize(height, width)
	}
	w.containerEvent(w.lastCaller(), c, events.ActionResize, map[string]string{"height": strconv.Itoa(int(height)), "width": strconv.Itoa(int(width))})
	return nil
}

// ContainerRm is the daemon's method.
func (w *World) ContainerRm(name string, o *backend.ContainerRmConfig) error {
	if o == nil {
		o = &backend.ContainerRmConfig{}
	}
	w.mu.Lock()
	c, err := w.find(name)
	if err != nil {
		w.mu.Unlock()
		return err
	}
	if c.removing {
		w.mu.Unlock()
		return conflict("removal of container %s is already in progress", name)
	}
	if o.RemoveLink {
		w.mu.Unlock()
		return systemErr("Conflict, cannot remove the default link name of the container")
	}
	if c.Running && !o.ForceRemove {
		if w.host.cfg.Release.Era < 28 {
			name = c.Name
		}
		st, paused := c.status(), c.Paused
		id := c.ID
		w.mu.Unlock()
		if w.host.cfg.Release.Era < 26 {
			if paused {
				return conflict("You cannot remove a paused container %s. Unpause and then stop the container before attempting removal or force remove", id)
			}
			return conflict("You cannot remove a %s container %s. Stop the container before attempting removal or force remove", st, id)
		}
		if paused {
			return conflict("cannot remove container %q: container is paused and must be unpaused first", name)
		}
		return conflict("cannot remove container %q: container is %s: stop the container before removing or force remove", name, st)
	}
	c.removing = true
	by := w.callerLocked()
	running := c.Running
	w.mu.Unlock()
	if running {
		if err := w.kill(by, c); err != nil && !isNotRunning(err) {
			w.mu.Lock()
			c.removing = false
			w.mu.Unlock()
			return systemErr("cannot remove container %q: could not kill container: %v", name, err)
		}
	}
	w.mu.Lock()
	if c.removed {
		w.mu.Unlock()
		return nil
	}
	c.Dead, c.removed = true, true
	c.cancelBackoff()
	delete(w.containers, c.ID)
	if w.names[c.Name] == c.ID {
		delete(w.names, c.Name)
	}
	for id, e := range w.execs {
		if e.c == c {
			delete(w.execs, id)
		}
	}
	for _, e := range c.Nets {
		w.leave(e)
	}
	var vols []string
	if o.RemoveVolume {
		for _, m := range c.Mounts {
			if v := w.volumes[m.Name]; m.Type == "volume" && v != nil && v.anon && len(w.users(m.Name)) == 0 {
				delete(w.volumes, m.Name)
				w.hostRemoveAll(strings.TrimSuffix(w.volumePoint(m.Name), "/_data"))
				vols = append(vols, m.Name)
			}
		}
	}
	w.hostRemoveAll("/var/lib/docker/containers/" + c.ID)
	waiters := slices.Concat(c.stopWaiters, c.removeWaiters)
	c.stopWaiters, c.removeWaiters = nil, nil
	code := c.ExitCode
	c.log.end()
	c.stream.close()
	if c.fs != nil {
		c.fs.Release()
	}
	w.mu.Unlock()
	for _, v := range vols {
		w.volumeEvent(by, v, events.ActionDestroy, nil)
	}
	w.origins.Delete(c.ID)
	for _, ch := range waiters {
		ch <- container.NewStateStatus(code, nil)
	}
	w.containerEvent(by, c, events.ActionDestroy, nil)
	return nil
}

func (w *World) callerLocked() Caller { return w.lastCaller() }

// ContainersPrune is the daemon's method.
func (w *World) ContainersPrune(ctx context.Context, f filters.Args) (*container.PruneReport, error) {
	if err := f.Validate(map[string]bool{"label": true, "label!": true, "until": true}); err != nil {
		return nil, invalid("%s", err.Error())
	}
	until, err := untilOf(f, w.now())
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	var gone []*Container
	rep := &container.PruneReport{ContainersDeleted: []string{}}
	for _, c := range w.sorted() {
		if c.Running || !until.IsZero() && c.Created.After(until) ||
			f.Contains("label") && !f.MatchKVList("label", c.Config.Labels) || f.Contains("label!") && f.MatchKVList("label!", c.Config.Labels) {
			continue
		}
		gone = append(gone, c)
	}
	w.mu.Unlock()
	for _, c := range gone {
		size := w.rwSize(c)
		if err := w.ContainerRm(c.ID, &backend.ContainerRmConfig{}); err != nil {
			continue
		}
		rep.SpaceReclaimed += uint64(size)
		rep.ContainersDeleted = append(rep.ContainersDeleted, c.ID)
	}
	w.logEvent(w.callerOf(ctx), events.ContainerEventType, events.ActionPrune, "", map[string]string{"reclaimed": itoa(int64(rep.SpaceReclaimed))})
	return rep, nil
}
