package world

import (
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// cron is the host's cron daemon, Debian's vixie cron 3.0pl1: it reads its tables
// when their directory or file has changed, at each full minute, and runs what
// is due. At rest it is one timer for the next minute in which anything can be
// due: the host's own table alone wakes it four times a day at most.
type cron struct {
	mu     sync.Mutex
	w      *World
	stopFn func()
	off    bool
	jobs   []cronJob
	stamp  string // of the tables' times
}

// cronJob is one line of a table.
type cronJob struct {
	file, line string
	user, cmd  string
	env        []string
	min        [60]bool
	hour       [24]bool
	dom        [32]bool
	month      [13]bool
	dow        [8]bool
	domStar    bool
	dowStar    bool
	reboot     bool
}

func (c *cron) start(w *World) {
	c.mu.Lock()
	c.w = w
	c.mu.Unlock()
	if w.base {
		return
	}
	c.arm()
}

func (c *cron) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = true
	if c.stopFn != nil {
		c.stopFn()
		c.stopFn = nil
	}
}

// arm sets the timer for the next full minute if anything but the stock table
// is there to look at; a change of a table is seen then.
func (c *cron) arm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off || c.w == nil {
		return
	}
	now := c.w.now()
	next := now.Truncate(time.Minute).Add(time.Minute)
	c.stopFn = c.w.after(next.Sub(now), func() { c.fire(next) })
}

// fire runs what is due at a minute.
func (c *cron) fire(at time.Time) {
	c.mu.Lock()
	w := c.w
	c.mu.Unlock()
	w.runCron(c, at)
	c.arm()
}

func (w *World) runCron(c *cron, at time.Time) {
	mnt, ctx := w.hostNS.Mounts(), w.hostNS.Context()
	stamp := cronStamp(mnt, ctx)
	c.mu.Lock()
	if stamp != c.stamp {
		c.stamp = stamp
		c.jobs = readTables(mnt, ctx)
	}
	jobs := c.jobs
	c.mu.Unlock()
	t := at.UTC()
	for i := range jobs {
		if jobs[i].due(t) {
			w.runJob(&jobs[i])
		}
	}
}

// cronStamp sums up the times of all that holds tables.
func cronStamp(mnt *vfs.Namespace, ctx *vfs.Context) string {
	var b strings.Builder
	add := func(p string) bool {
		at, err := mnt.Resolve(ctx, p, true)
		if err != nil {
			return false
		}
		st := at.Node().Stat()
		b.WriteString(p + ":" + strconv.FormatInt(st.Mtime, 36) + ":" + strconv.FormatInt(st.Size, 36) + ":" + strconv.FormatUint(st.Ino, 36) + "\n")
		return st.Mode.IsDir()
	}
	for _, p := range []string{"/etc/crontab", "/etc/cron.d", "/var/spool/cron", "/var/spool/cron/crontabs", "/etc/passwd"} {
		if add(p) {
			for _, n := range names(mnt, ctx, p) {
				add(p + "/" + n)
			}
		}
	}
	return b.String()
}

func names(mnt *vfs.Namespace, ctx *vfs.Context, p string) []string {
	at, err := mnt.Resolve(ctx, p, true)
	if err != nil {
		return nil
	}
	ents, err := at.Node().ReadDir(ctx)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range ents {
		if e.Name != "." && e.Name != ".." && len(out) < 500 {
			out = append(out, e.Name)
		}
	}
	return out
}

func readTables(mnt *vfs.Namespace, ctx *vfs.Context) []cronJob {
	var jobs []cronJob
	users := map[string]bool{}
	for _, f := range passwd(readPath(mnt, ctx, "/etc/passwd", 1<<20)) {
		users[f[0]] = true
	}
	add := func(p, user string) {
		if len(jobs) < 1000 {
			jobs = append(jobs, parseTable(p, string(readPath(mnt, ctx, p, 256<<10)), user, users)...)
		}
	}
	add("/etc/crontab", "")
	for _, n := range names(mnt, ctx, "/etc/cron.d") {
		if cronName(n) {
			add("/etc/cron.d/"+n, "")
		}
	}
	for _, n := range names(mnt, ctx, "/var/spool/cron/crontabs") {
		if users[n] {
			add("/var/spool/cron/crontabs/"+n, n)
		}
	}
	// Red Hat's place: attackers write there whatever the host is. Debian's cron
	// does not read it, and neither does this one unless the host's does.
	return jobs
}

// cronName is run-parts' rule, by which files such as "x.bak" are passed over.
func cronName(n string) bool {
	for i := 0; i < len(n); i++ {
		c := n[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return n != ""
}

// parseTable reads a table. With user empty each line names one.
func parseTable(file, text, user string, users map[string]bool) []cronJob {
	var jobs []cronJob
	var env []string
	// Debian's cron ignores a whole table whose last line has no newline.
	text, ended := strings.CutSuffix(text, "\n")
	if !ended {
		return nil
	}
	for _, raw := range strings.Split(text, "\n") {
		line := strings.TrimLeft(raw, " \t")
		if line == "" || line[0] == '#' || len(jobs) >= 500 || len(line) > 8192 {
			continue
		}
		if k, v, ok := envLine(line); ok {
			env = replaceEnv(env, []string{k + "=" + v})
			continue
		}
		j, ok := parseLine(line, user)
		if !ok || !users[j.user] {
			continue
		}
		j.file, j.line, j.env = file, raw, env
		jobs = append(jobs, j)
	}
	return jobs
}

func envLine(l string) (k, v string, ok bool) {
	k, v, ok = strings.Cut(l, "=")
	k = strings.TrimSpace(k)
	if !ok || k == "" || strings.ContainsAny(k, " \t*@/") || k[0] >= '0' && k[0] <= '9' {
		return "", "", false
	}
	v = strings.TrimSpace(v)
	if len(v) >= 2 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
		v = v[1 : len(v)-1]
	}
	return strings.Trim(k, `"'`), v, true
}

var cronWords = map[string]string{"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *"}

var monthNames = strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec")
var dayNames = strings.Fields("sun mon tue wed thu fri sat")

func parseLine(l, user string) (j cronJob, ok bool) {
	next := func() string {
		l = strings.TrimLeft(l, " \t")
		i := strings.IndexAny(l, " \t")
		if i < 0 {
			i = len(l)
		}
		w := l[:i]
		l = l[i:]
		return w
	}
	if l[0] == '@' {
		w := next()
		if w == "@reboot" {
			j.reboot = true
		} else {
			f, known := cronWords[w]
			if !known {
				return j, false
			}
			l = f + " " + strings.TrimLeft(l, " \t")
		}
	}
	if !j.reboot {
		fs := [5]string{next(), next(), next(), next(), next()}
		j.domStar, j.dowStar = strings.HasPrefix(fs[2], "*"), strings.HasPrefix(fs[4], "*")
		if !field(fs[0], j.min[:], 0, 59, nil) || !field(fs[1], j.hour[:], 0, 23, nil) || !field(fs[2], j.dom[:], 1, 31, nil) ||
			!field(fs[3], j.month[:], 1, 12, monthNames) || !field(fs[4], j.dow[:], 0, 7, dayNames) {
			return j, false
		}
		if j.dow[7] || j.dow[0] {
			j.dow[0], j.dow[7] = true, true
		}
	}
	j.user = user
	if user == "" {
		j.user = next()
	}
	j.cmd = strings.TrimLeft(l, " \t")
	return j, j.cmd != "" && j.user != ""
}

// field reads "a-b/n,c" into a set.
func field(s string, set []bool, lo, hi int, words []string) bool {
	num := func(v string) (int, bool) {
		for i, w := range words {
			if strings.EqualFold(v, w) {
				return i + lo, true
			}
		}
		n, err := strconv.Atoi(v)
		return n, err == nil
	}
	if s == "" {
		return false
	}
	for _, part := range strings.Split(s, ",") {
		rng, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			n, err := strconv.Atoi(stepText)
			if err != nil || n <= 0 {
				return false
			}
			step = n
		}
		a, b := lo, hi
		if rng != "*" {
			x, y, ranged := strings.Cut(rng, "-")
			var ok bool
			if a, ok = num(x); !ok {
				return false
			}
			b = a
			if ranged {
				if b, ok = num(y); !ok {
					return false
				}
			} else if stepped {
				return false // "5/2": cron 3.0 takes no step without a range
			}
		}
		if a < lo || b > hi || a > b {
			return false
		}
		for v := a; v <= b; v += step {
			set[v] = true
		}
	}
	return true
}

func (j *cronJob) due(t time.Time) bool {
	if j.reboot || !j.min[t.Minute()] || !j.hour[t.Hour()] || !j.month[int(t.Month())] {
		return false
	}
	d, w := j.dom[t.Day()], j.dow[int(t.Weekday())]
	if j.domStar || j.dowStar {
		return d && w
	}
	return d || w
}

// runJob starts a line's command as cron does: sh -c, its own environment, the
// user's home, no terminal; what follows a bare % is its input.
func (w *World) runJob(j *cronJob) {
	home, shell := "/", "/bin/sh"
	cred := vfs.Root()
	for _, f := range passwd(readNS(w.hostNS, "/etc/passwd", 1<<20)) {
		if f[0] == j.user {
			home = f[5]
			uid, _ := strconv.ParseUint(f[2], 10, 32)
			gid, _ := strconv.ParseUint(f[3], 10, 32)
			if uid != 0 {
				cred = &vfs.Cred{UID: uint32(uid), EUID: uint32(uid), GID: uint32(gid), EGID: uint32(gid), Bound: vfs.AllCaps}
			}
		}
	}
	env := replaceEnv([]string{"HOME=" + home, "LOGNAME=" + j.user, "PATH=/usr/bin:/bin", "SHELL=/bin/sh"}, j.env)
	for _, e := range env {
		if k, v, _ := strings.Cut(e, "="); k == "SHELL" {
			shell = v
		} else if k == "HOME" {
			home = v
		}
	}
	cmd, input := splitPercent(j.cmd)
	w.mu.Lock()
	w.startHostProcs()
	w.mu.Unlock()
	files := map[int]*kernel.File{0: kernel.NullFile(), 1: kernel.NullFile(), 2: kernel.NullFile()}
	var in *kernel.HostPipe
	if input != "" {
		in = w.kern.InputPipe()
		files[0] = in.File()
	}
	spec := kernel.Spawn{Path: shell, Argv: []string{shell, "-c", cmd}, Env: env, Dir: home, Cred: cred, Setsid: true, Origin: "cron", Files: files}
	t, err := w.hostNS.Start(spec)
	if err != nil && path.Clean(home) != "/" {
		spec.Dir = "/"
		t, err = w.hostNS.Start(spec)
	}
	if err != nil {
		if in != nil {
			in.Drop()
			in.Close()
		}
		return
	}
	w.emit(w.lastCaller(), event.CronFire, &event.CronFired{File: j.file, Line: j.line, User: j.user, PID: t.HostPID()})
	if in != nil {
		w.bg.Add(1)
		go func() {
			defer w.bg.Done()
			_, _ = in.Write([]byte(input))
			in.Close()
		}()
	}
}

// splitPercent cuts a command at its first bare %: the rest is standard input,
// each further % a newline.
func splitPercent(s string) (cmd, input string) {
	var out strings.Builder
	var parts []string
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '%':
			out.WriteByte('%')
			i++
		case s[i] == '%':
			parts = append(parts, out.String())
			out.Reset()
		default:
			out.WriteByte(s[i])
		}
	}
	parts = append(parts, out.String())
	if len(parts) == 1 {
		return parts[0], ""
	}
	return parts[0], strings.Join(parts[1:], "\n") + "\n"
}
