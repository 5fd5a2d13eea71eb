package world

import (
	"errors"
	"io"

	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/pkg/stdcopy"
)

// defaultDetach is ctrl-p ctrl-q.
var defaultDetach = []byte{16, 17}

// ContainerAttach is the daemon's method. It returns when the container's output
// has ended, the client has gone or has detached.
func (w *World) ContainerAttach(name string, req *backend.ContainerAttachConfig) error {
	keys := defaultDetach
	if req.DetachKeys != "" {
		k, ok := detachKeys(req.DetachKeys)
		if !ok {
			return invalid("Invalid detach keys (%s) provided", req.DetachKeys)
		}
		keys = k
	}
	by := w.lastCaller()
	w.mu.Lock()
	c, err := w.find(name)
	if err == nil {
		switch {
		case c.Paused:
			err = conflict("container %s is paused, unpause the container before attach", name)
		case c.Restarting:
			err = conflict("container %s is restarting, wait until the container is running", name)
		}
	}
	if err != nil {
		w.mu.Unlock()
		return err
	}
	s, tty, once := c.stream, c.Config.Tty, c.Config.StdinOnce
	var out *tap
	if req.Stream && (req.UseStdout || req.UseStderr && !tty) {
		out = s.tap(req.UseStdout, req.UseStderr && !tty)
	}
	log := c.log
	w.mu.Unlock()
	gone := make(chan struct{})
	leave := func() {
		select {
		case <-gone:
		default:
			close(gone)
		}
		if out != nil {
			s.drop(out)
		}
	}
	mux := !tty && req.MuxStreams
	in, stdout, stderr, err := req.GetStreams(mux, onceFunc(leave))
	if err != nil {
		leave()
		return err
	}
	if in != nil {
		defer in.Close()
	}
	if mux {
		stderr = stdcopy.NewStdWriter(stderr, stdcopy.Stderr)
		stdout = stdcopy.NewStdWriter(stdout, stdcopy.Stdout)
	}
	if req.Logs {
		w.mu.Lock()
		c.logged = true
		w.mu.Unlock()
		log.mu.Lock()
		lines := append([]logLine(nil), log.lines...)
		log.mu.Unlock()
		for _, l := range lines {
			b := l.line
			if !l.partial {
				b = append(append([]byte(nil), b...), '\n')
			}
			switch {
			case l.stderr && req.UseStderr:
				_, _ = stderr.Write(b)
			case !l.stderr && req.UseStdout:
				_, _ = stdout.Write(b)
			}
		}
	}
	w.containerEvent(by, c, events.ActionAttach, nil)
	if !req.Stream {
		return nil
	}
	detached := w.copyStreams(s, copySpec{tty: tty, closeStdin: once, keys: keys, in: pick(req.UseStdin, in), out: out, stdout: stdout, stderr: stderr, gone: gone})
	leave()
	if detached {
		w.containerEvent(by, c, events.ActionDetach, nil)
		return nil
	}
	if once && !tty && req.UseStdin {
		// The daemon waits for the container itself where the client's input was
		// its only one.
		w.mu.Lock()
		run := c.run
		w.mu.Unlock()
		if run != nil && run.stream == s {
			select {
			case <-run.finished:
			case <-gone:
			case <-w.stopping:
			}
		}
	}
	return nil
}

func pick(use bool, r io.ReadCloser) io.Reader {
	if !use || r == nil {
		return nil
	}
	return r
}

func onceFunc(f func()) func() {
	ch := make(chan struct{}, 1)
	ch <- struct{}{}
	return func() {
		select {
		case <-ch:
			f()
		default:
		}
	}
}

type copySpec struct {
	tty, closeStdin bool
	keys            []byte
	in              io.Reader
	out             *tap
	stdout, stderr  io.Writer
	gone            <-chan struct{}
}

// copyStreams is stream.Config.CopyStreams: it ends when the outputs have ended,
// or the input where there is no output. It tells whether the client detached.
func (w *World) copyStreams(s *stream, c copySpec) (detached bool) {
	done := make(chan struct{})
	if c.out != nil {
		w.bg.Add(1)
		go func() {
			defer w.bg.Done()
			defer close(done)
			defer s.drop(c.out)
			for {
				p, ok := c.out.get()
				if !ok {
					return
				}
				to := c.stdout
				if p.stderr {
					to = c.stderr
				}
				if to == nil {
					continue
				}
				if _, err := to.Write(p.data); err != nil {
					return
				}
			}
		}()
	}
	stdinDone := make(chan error, 1)
	if c.in != nil {
		// It ends when the connection is closed, which its owner does on return.
		go func() {
			r := c.in
			if c.tty {
				r = &escapeReader{r: c.in, keys: c.keys}
			}
			var err error
			if s.stdin != nil {
				_, err = io.Copy(s.stdin, r)
				if c.closeStdin && !c.tty && !errors.Is(err, errDetached) {
					_ = s.stdin.Close()
				}
			} else {
				_, err = io.Copy(io.Discard, r)
			}
			stdinDone <- err
		}()
	}
	for {
		if c.out == nil && c.in == nil {
			return false
		}
		select {
		case <-done:
			return false
		case err := <-stdinDone:
			if errors.Is(err, errDetached) {
				return true
			}
			if c.out == nil {
				return false
			}
			stdinDone = nil
		case <-c.gone:
			return false
		case <-w.stopping:
			return false
		}
	}
}
