package world

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"
)

// maxLine is the daemon's bound of one log message; longer lines are split.
const maxLine = 16 << 10

type logLine struct {
	t       time.Time
	stderr  bool
	partial bool // no newline at its end
	line    []byte
}

// logFile is what json-file would have on disk: the container's output, bounded.
// The oldest lines go first.
type logFile struct {
	mu      sync.Mutex
	lines   []logLine
	bytes   int64
	max     int64
	base    int64 // how many lines were dropped before lines[0]
	more    chan struct{}
	closed  bool
	pending [2][]byte
	now     func() time.Time
	// tells gives what a lived-in container logged since it was asked last.
	tells   func(now time.Time, ending bool) []logLine
	version int64 // how much was ever added
	filed   int64 // version when file gave it last, and one
}

// fill adds what a lived-in container logged by now. l.mu is held.
func (l *logFile) fill() { l.ask(false) }

func (l *logFile) ask(ending bool) {
	if l.tells == nil {
		return
	}
	for _, x := range l.tells(l.now(), ending) {
		l.lines = append(l.lines, x)
		l.bytes += int64(len(x.line)) + 64
		l.version++
	}
}

// quiet ends what a lived-in container logs by itself; in good order its program says
// so.
func (l *logFile) quiet(inOrder bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ask(inOrder)
	l.tells = nil
	l.wake()
}

// file is the log as json-file has it on disk and the time of its last line, if it
// has grown since it was asked for last.
func (l *logFile) file(attrs []backend.LogAttr) (b []byte, at time.Time, fresh bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fill()
	if l.filed == l.version+1 {
		return nil, at, false
	}
	l.filed = l.version + 1
	extra := ""
	for _, a := range attrs {
		k, _ := json.Marshal(a.Key)
		v, _ := json.Marshal(a.Value)
		extra += "," + string(k) + ":" + string(v)
	}
	if extra != "" {
		extra = `,"attrs":{` + extra[1:] + "}"
	}
	at = l.now()
	for _, x := range l.lines {
		line := string(x.line)
		if !x.partial {
			line += "\n"
		}
		text, _ := json.Marshal(line)
		b = fmt.Appendf(b, "{\"log\":%s,\"stream\":%q%s,\"time\":%q}\n", text, onlyElse(x.stderr, "stderr", "stdout"), extra, x.t.Format(time.RFC3339Nano))
		at = x.t
	}
	return b, at, true
}

func newLog(max int64, now func() time.Time) *logFile {
	return &logFile{max: max, now: now, more: make(chan struct{})}
}

// write takes a piece of output and cuts it into lines as the daemon's copier
// does.
func (l *logFile) write(stderr bool, b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fill()
	i := 0
	if stderr {
		i = 1
	}
	for len(b) > 0 {
		nl := bytes.IndexByte(b, '\n')
		if nl < 0 {
			l.pending[i] = append(l.pending[i], b...)
			for len(l.pending[i]) >= maxLine {
				l.add(stderr, true, l.pending[i][:maxLine])
				l.pending[i] = append([]byte(nil), l.pending[i][maxLine:]...)
			}
			break
		}
		line := slices.Concat(l.pending[i], b[:nl])
		l.pending[i] = nil
		for len(line) > maxLine {
			l.add(stderr, true, line[:maxLine])
			line = line[maxLine:]
		}
		l.add(stderr, false, line)
		b = b[nl+1:]
	}
	l.wake()
}

func (l *logFile) add(stderr, partial bool, line []byte) {
	l.lines = append(l.lines, logLine{t: l.now().UTC(), stderr: stderr, partial: partial, line: append([]byte(nil), line...)})
	l.bytes += int64(len(line)) + 64
	l.version++
	drop := 0
	for l.bytes > l.max && drop < len(l.lines)-1 {
		l.bytes -= int64(len(l.lines[drop].line)) + 64
		drop++
	}
	if drop > 0 {
		l.lines = append([]logLine(nil), l.lines[drop:]...)
		l.base += int64(drop)
	}
}

func (l *logFile) wake() {
	close(l.more)
	l.more = make(chan struct{})
}

// flush ends a run: what has no newline yet becomes a line.
func (l *logFile) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, p := range l.pending {
		if len(p) > 0 {
			l.add(i == 1, true, p)
			l.pending[i] = nil
		}
	}
	l.wake()
}

// end wakes the followers and lets them go.
func (l *logFile) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wake()
}

// path is where json-file has its log.
func logPath(id string) string {
	return "/var/lib/docker/containers/" + id + "/" + id + "-json.log"
}

// ContainerLogs is the daemon's method: the log's messages, and those to come
// if they are followed, until the container has stopped.
func (w *World) ContainerLogs(ctx context.Context, name string, o *container.LogsOptions) (<-chan *backend.LogMessage, bool, error) {
	if !o.ShowStdout && !o.ShowStderr {
		return nil, false, invalid("You must choose at least one stream")
	}
	w.mu.Lock()
	c, err := w.find(name)
	if err != nil {
		w.mu.Unlock()
		return nil, false, err
	}
	if c.removing || c.Dead {
		w.mu.Unlock()
		return nil, false, conflict("can not get logs from container which is dead or marked for removal")
	}
	if d := c.Host.LogConfig.Type; d == "none" {
		w.mu.Unlock()
		return nil, false, notImplemented("configured logging driver does not support reading")
	}
	c.logged = true
	tty, l := c.Config.Tty, c.log
	alive := c.Running
	var ended <-chan struct{}
	if c.run != nil {
		ended = c.run.finished
	}
	attrs := c.logAttrs()
	w.mu.Unlock()
	tail := -1
	if o.Tail != "" && o.Tail != "all" {
		if n, err := strconv.Atoi(o.Tail); err == nil && n >= 0 {
			tail = n
		}
	}
	since, err := logTime(o.Since)
	if err != nil {
		return nil, false, systemErr("%s", err.Error())
	}
	until, err := logTime(o.Until)
	if err != nil {
		return nil, false, systemErr("%s", err.Error())
	}
	ch := make(chan *backend.LogMessage, 1)
	w.bg.Add(1)
	go func() {
		defer w.bg.Done()
		defer close(ch)
		pos, first := int64(0), true
		for {
			l.mu.Lock()
			l.fill()
			var batch []logLine
			from := max(pos-l.base, 0)
			if first {
				n := int64(len(l.lines))
				if tail >= 0 && n > int64(tail) {
					from = n - int64(tail)
				}
				first = false
			}
			batch = append(batch, l.lines[min(from, int64(len(l.lines))):]...)
			pos = l.base + int64(len(l.lines))
			more, closed := l.more, l.closed
			l.mu.Unlock()
			for _, m := range batch {
				if !since.IsZero() && m.t.Before(since) {
					continue
				}
				if !until.IsZero() && m.t.After(until) {
					return
				}
				if m.stderr && !o.ShowStderr || !m.stderr && !o.ShowStdout {
					continue
				}
				msg := &backend.LogMessage{Source: "stdout", Timestamp: m.t, Attrs: attrs}
				if m.stderr {
					msg.Source = "stderr"
				}
				// the routers want the newline and, with Timestamps, the time before
				// the line: the time is theirs to write, the newline is ours
				line := m.line
				if !m.partial {
					line = append(append(make([]byte, 0, len(line)+1), line...), '\n')
				} else {
					msg.PLogMetaData = &backend.PartialLogMetaData{}
				}
				msg.Line = line
				select {
				case ch <- msg:
				case <-ctx.Done():
					return
				case <-w.stopping:
					return
				}
			}
			if !o.Follow || closed || !alive {
				return
			}
			select {
			case <-more:
			case <-ended:
				// one last look for what came with the end
				alive = false
			case <-ctx.Done():
				return
			case <-w.stopping:
				return
			}
		}
	}()
	return ch, tty, nil
}

// logTime reads "seconds[.nanoseconds]".
func logTime(s string) (time.Time, error) {
	if s == "" || s == "0" {
		return time.Time{}, nil
	}
	sec, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(sec, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	var ns int64
	if frac != "" {
		if len(frac) > 9 {
			frac = frac[:9]
		}
		v, err := strconv.ParseInt(frac, 10, 64)
		if err != nil {
			return time.Time{}, err
		}
		for range 9 - len(frac) {
			v *= 10
		}
		ns = v
	}
	return time.Unix(n, ns), nil
}

// logOptions are the options of the drivers that take them without a server; others
// are not checked.
var logOptions = map[string][]string{
	"json-file": {"max-file", "max-size", "compress", "labels", "labels-regex", "env", "env-regex", "tag"},
	"local":     {"max-file", "max-size", "compress"},
}

// checkLogOptions is the driver's ValidateLogOpt, after the options that are the
// daemon's own.
func (w *World) checkLogOptions(driver string, opts map[string]string) error {
	known, ok := logOptions[driver]
	if !ok {
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(opts)) {
		if k != "mode" && k != "max-buffer-size" && !slices.Contains(known, k) {
			return invalid("unknown log opt '%s' for %s log driver", k, driver)
		}
	}
	return nil
}

// logAttrs is what json-file adds to each line: the labels and variables that its
// options name.
func (c *Container) logAttrs() []backend.LogAttr {
	o := c.Host.LogConfig.Config
	if c.Host.LogConfig.Type != "json-file" || len(o) == 0 {
		return nil
	}
	m := map[string]string{}
	pick := func(list, expr string, from map[string]string) {
		for _, k := range strings.Split(list, ",") {
			if v, ok := from[k]; ok && k != "" {
				m[k] = v
			}
		}
		if re, err := regexp.Compile(expr); expr != "" && err == nil {
			for k, v := range from {
				if re.MatchString(k) {
					m[k] = v
				}
			}
		}
	}
	pick(o["labels"], o["labels-regex"], c.Config.Labels)
	env := map[string]string{}
	for _, kv := range c.Config.Env {
		if k, v, ok := strings.Cut(kv, "="); ok {
			env[k] = v
		}
	}
	pick(o["env"], o["env-regex"], env)
	var out []backend.LogAttr
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, backend.LogAttr{Key: k, Value: m[k]})
	}
	return out
}
