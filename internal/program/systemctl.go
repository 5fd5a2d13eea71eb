package program

import (
	"fmt"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
)

// sdUnit is a service as its file has it, and its processes.
type sdUnit struct {
	name, file      string // with .service; the file as systemctl names it
	keys            map[string][]string
	procs           []*kernel.Task // the main process first
	enabled, wanted bool
}

var unitDirs = []string{"/etc/systemd/system/", "/lib/systemd/system/", "/usr/lib/systemd/system/"}

func (u *sdUnit) key(k string) string {
	if l := u.keys[k]; len(l) > 0 {
		return l[len(l)-1]
	}
	return ""
}

func (u *sdUnit) text() string {
	if d := u.key("Description"); d != "" {
		return d
	}
	return u.name
}

// procUnits maps the services that run to their processes, by the processes' own
// cgroups.
func (p *P) procUnits() map[string][]*kernel.Task {
	out := map[string][]*kernel.Task{}
	for _, t := range p.t.Processes() {
		b, err := p.t.ReadFile(fmt.Sprintf("/proc/%d/cgroup", t.PIDIn(p.t)))
		if err != nil {
			continue
		}
		_, at, ok := strings.Cut(string(b), "/system.slice/")
		if !ok {
			continue
		}
		at = strings.TrimSpace(at)
		if i := strings.LastIndexByte(strings.SplitN(at, "\n", 2)[0], '/'); i >= 0 {
			at = strings.SplitN(at, "\n", 2)[0][i+1:]
		}
		if strings.HasSuffix(at, ".service") {
			out[at] = append(out[at], t)
		}
	}
	for _, l := range out {
		sort.Slice(l, func(i, j int) bool { return l[i].PIDIn(p.t) < l[j].PIDIn(p.t) })
	}
	return out
}

// unit finds a service by name; nil is none.
func (p *P) unit(name string, procs map[string][]*kernel.Task) *sdUnit {
	if !strings.Contains(name, ".") {
		name += ".service"
	}
	if strings.Contains(name, "/") {
		return nil
	}
	u := &sdUnit{name: name, keys: map[string][]string{}, procs: procs[name]}
	tmpl := name
	if a, _, ok := strings.Cut(name, "@"); ok {
		tmpl = a + "@.service"
	}
	for _, d := range unitDirs {
		b, err := p.t.ReadFile(d + name)
		u.file = d + name
		if err != nil {
			b, err = p.t.ReadFile(d + tmpl)
			u.file = d + tmpl
		}
		if err != nil {
			u.file = ""
			continue
		}
		for _, l := range strings.Split(strings.ReplaceAll(string(b[:min(len(b), 1<<16)]), "\\\n", " "), "\n") {
			if k, v, ok := strings.Cut(strings.TrimSpace(l), "="); ok && !strings.HasPrefix(k, "#") {
				u.keys[strings.TrimSpace(k)] = append(u.keys[strings.TrimSpace(k)], strings.TrimSpace(v))
			}
		}
		break
	}
	if u.file == "" {
		if len(u.procs) == 0 {
			if _, err := p.t.Stat("/etc/init.d/" + strings.TrimSuffix(name, ".service")); err != nil {
				return nil
			}
		}
		u.file = "/lib/systemd/system/" + name
	}
	if len(u.procs) == 0 {
		// One that was started here: by its command line.
		argv := strings.Fields(strings.TrimLeft(u.key("ExecStart"), "-@+!:"))
		for _, t := range p.t.Processes() {
			a := t.Args()
			if len(argv) == 0 || len(a) == 0 || t.Zombie() || t.State() == "Z" {
				continue
			}
			if len(a) > 1 && strings.HasSuffix(strings.Join(a, " "), strings.Join(argv, " ")) || strings.Join(a, " ") == strings.Join(argv, " ") || path.Base(argv[0]) == t.Comm() && len(argv) == 1 {
				u.procs = append(u.procs, t)
			}
		}
	}
	for _, w := range []string{"multi-user.target.wants/", "default.target.wants/", "graphical.target.wants/"} {
		if _, err := p.t.Lstat("/etc/systemd/system/" + w + name); err == nil {
			u.enabled = true
		}
	}
	u.wanted = len(u.keys["WantedBy"]) > 0
	return u
}

func (u *sdUnit) fileState() string {
	switch {
	case u.enabled:
		return "enabled"
	case u.wanted:
		return "disabled"
	}
	return "static"
}

func ago(d time.Duration) string {
	s := int64(d / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds ago", s)
	case s < 3600:
		return fmt.Sprintf("%dmin %ds ago", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh %dmin ago", s/3600, s/60%60)
	case s < 14*86400:
		return fmt.Sprintf("%s %dh ago", plural(s/86400, "day"), s/3600%24)
	case s < 60*86400:
		return fmt.Sprintf("%s %s ago", plural(s/(7*86400), "week"), plural(s/86400%7, "day"))
	}
	return fmt.Sprintf("%s %s ago", plural(s/(30*86400), "month"), plural(s/86400%30, "day"))
}

func plural(n int64, w string) string {
	if n == 1 {
		return "1 " + w
	}
	return fmt.Sprintf("%d %ss", n, w)
}

func (p *P) unitStatus(u *sdUnit) int {
	dot := "○"
	if len(u.procs) > 0 {
		dot = "●"
	}
	load := "loaded (" + u.file + "; " + u.fileState()
	if u.fileState() != "static" {
		load += "; vendor preset: enabled"
	}
	p.printf("%s %s - %s\n     Loaded: %s)\n", dot, u.name, u.text(), load)
	if len(u.procs) == 0 {
		p.puts("     Active: inactive (dead)\n")
		for _, d := range u.keys["Documentation"] {
			p.printf("       Docs: %s\n", d)
		}
		return 3
	}
	main := u.procs[0]
	at := main.Started().In(p.zone())
	p.printf("     Active: active (running) since %s; %s\n", at.Format("Mon 2006-01-02 15:04:05 MST"), ago(p.t.Now().Sub(at)))
	if u.name == "docker.service" || u.name == "dbus.service" {
		p.printf("TriggeredBy: ● %s\n", strings.Replace(u.name, ".service", ".socket", 1))
	}
	for i, d := range u.keys["Documentation"] {
		p.printf("%s%s\n", map[bool]string{true: "       Docs: ", false: "             "}[i == 0], d)
	}
	var rss int64
	var cpu time.Duration
	for _, t := range u.procs {
		_, r := t.Memory()
		rss += r
		cpu += t.CPUTime()
	}
	took := fmt.Sprintf("%dms", cpu.Milliseconds())
	if cpu >= time.Second {
		took = fmt.Sprintf("%.3fs", cpu.Seconds())
	}
	if cpu >= time.Minute {
		took = fmt.Sprintf("%dmin %.3fs", int(cpu.Minutes()), (cpu % time.Minute).Seconds())
	}
	tasks := 0
	for _, t := range u.procs {
		n := 1
		if b, err := p.t.ReadFile(fmt.Sprintf("/proc/%d/status", t.PIDIn(p.t))); err == nil {
			if _, rest, ok := strings.Cut(string(b), "Threads:\t"); ok {
				n, _ = strconv.Atoi(strings.SplitN(rest, "\n", 2)[0])
			}
		}
		tasks += max(1, n)
	}
	p.printf("   Main PID: %d (%s)\n      Tasks: %d (limit: %d)\n     Memory: %s\n        CPU: %s\n     CGroup: /system.slice/%s\n", main.PIDIn(p.t), main.Comm(), tasks, max(1, p.t.Kernel().MemInfo().Total>>20*12/10), humanBusyBox(rss), took, u.name)
	for i, t := range u.procs {
		branch := "├─"
		if i == len(u.procs)-1 {
			branch = "└─"
		}
		line := strings.Join(t.Args(), " ")
		if u.name == "ssh.service" && i == 0 {
			line = `"` + line + `"`
		}
		p.printf("             %s%d %s\n", branch, t.PIDIn(p.t), line)
	}
	if l := p.journalTail(strings.TrimSuffix(u.name, ".service"), 10); len(l) > 0 {
		p.puts("\n" + strings.Join(l, "\n") + "\n")
	}
	return 0
}

// journalTail gives the last lines of a unit's log.
func (p *P) journalTail(unit string, n int) []string {
	b, err := p.t.ReadFile("/var/log/syslog")
	if err != nil {
		return nil
	}
	if a, err := p.t.ReadFile("/var/log/auth.log"); err == nil && unit == "ssh" {
		b = append(b, a...)
	}
	p.t.Alloc(int64(len(b)))
	ident := journalUnits[unit]
	if ident == "" {
		ident = unit
	}
	var out []string
	for _, l := range strings.Split(string(b), "\n") {
		f := strings.SplitN(l, ": ", 2)
		if len(f) < 2 || len(l) < 17 {
			continue
		}
		who := strings.Fields(f[0])
		id, _, _ := strings.Cut(who[len(who)-1], "[")
		if id == ident {
			out = append(out, l)
		}
	}
	return out[max(0, len(out)-n):]
}

func cmdSystemctl(p *P) int {
	var args []string
	f := map[string]string{}
	for i := 0; i < len(p.args); i++ {
		switch a := p.args[i]; {
		case (a == "-t" || a == "-p" || a == "-n") && i+1 < len(p.args):
			i++
			f[a] = p.args[i]
		case strings.HasPrefix(a, "-"):
			k, v, _ := strings.Cut(a, "=")
			f[k] = v
		default:
			args = append(args, a)
		}
	}
	if _, ok := f["--version"]; ok {
		p.puts("systemd 249 (249.11-0ubuntu3.12)\n+PAM +AUDIT +SELINUX +APPARMOR +IMA +SMACK +SECCOMP +GCRYPT +GNUTLS +OPENSSL +ACL +BLKID +CURL +ELFUTILS +FIDO2 +IDN2 -IDN +IPTC +KMOD +LIBCRYPTSETUP +LIBFDISK +PCRE2 -PWQUALITY -P11KIT -QRENCODE +BZIP2 +LZ4 +XZ +ZLIB +ZSTD -XKBCOMMON +UTMP +SYSVINIT default-hierarchy=unified\n")
		return 0
	}
	if !p.booted() {
		p.raw("System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n")
		return 1
	}
	if len(args) == 0 {
		args = []string{"list-units"}
	}
	procs := p.procUnits()
	quiet := false
	for _, k := range []string{"-q", "--quiet"} {
		if _, ok := f[k]; ok {
			quiet = true
		}
	}
	full := func(u string) string {
		if !strings.Contains(u, ".") {
			return u + ".service"
		}
		return u
	}
	switch v := args[0]; v {
	case "daemon-reload", "daemon-reexec", "reset-failed", "preset", "preset-all", "set-default":
		return 0
	case "start", "stop", "restart", "reload", "enable", "disable", "mask", "unmask", "try-restart", "kill", "reload-or-restart":
		for _, a := range args[1:] {
			if code := p.unitVerb(v, full(a), procs); code != 0 {
				return code
			}
			if _, now := f["--now"]; now && v == "enable" {
				p.unitVerb("start", full(a), procs)
			} else if now && (v == "disable" || v == "mask") {
				p.unitVerb("stop", full(a), procs)
			}
		}
		return 0
	case "status":
		if len(args) == 1 {
			h := p.t.Kernel().HostInfo()
			p.printf("● %s\n    State: running\n     Jobs: 0 queued\n   Failed: 0 units\n    Since: %s; %s\n   CGroup: /\n", p.t.NS().Hostname(), h.Boot.In(p.zone()).Format("Mon 2006-01-02 15:04:05 MST"), ago(p.t.Now().Sub(h.Boot)))
			return 0
		}
		code := 0
		for i, a := range args[1:] {
			u := p.unit(a, procs)
			if u == nil {
				p.raw("Unit %s could not be found.\n", full(a))
				code = 4
				continue
			}
			if i > 0 {
				p.puts("\n")
			}
			if c := p.unitStatus(u); c != 0 {
				code = c
			}
		}
		return code
	case "is-active", "is-enabled", "is-failed":
		code := 0
		for _, a := range args[1:] {
			u := p.unit(a, procs)
			word, bad := "inactive", 3
			switch {
			case v == "is-enabled" && u == nil:
				p.raw("Failed to get unit file state for %s: No such file or directory\n", full(a))
				code = 1
				continue
			case v == "is-enabled":
				word, bad = u.fileState(), 1
				if u.fileState() != "disabled" {
					bad = 0
				}
			case u != nil && len(u.procs) > 0:
				word, bad = "active", 0
			}
			if v == "is-failed" {
				bad = 1
			}
			if !quiet {
				p.puts(word + "\n")
			}
			if bad != 0 {
				code = bad
			}
		}
		return code
	case "cat":
		for i, a := range args[1:] {
			u := p.unit(a, procs)
			var b []byte
			if u != nil {
				b, _ = p.t.ReadFile(u.file) // none is told below
			}
			if len(b) == 0 {
				p.raw("No files found for %s.\n", full(a))
				return 1
			}
			if i > 0 {
				p.puts("\n")
			}
			p.printf("# %s\n%s", u.file, b)
			if l, err := p.t.ReadDir("/etc/systemd/system/" + u.name + ".d"); err == nil {
				for _, x := range l {
					at := "/etc/systemd/system/" + u.name + ".d/" + x.Name
					if b, err := p.t.ReadFile(at); err == nil && strings.HasSuffix(at, ".conf") {
						p.printf("\n# %s\n%s", at, b)
					}
				}
			}
		}
		return 0
	case "show":
		want := strings.Split(f["-p"]+f["--property"], ",")
		_, bare := f["--value"]
		for _, a := range args[1:] {
			u := p.unit(a, procs)
			l := [][2]string{{"Type", "simple"}, {"Restart", "no"}, {"MainPID", "0"}, {"Id", full(a)}, {"Names", full(a)}, {"Description", full(a)}, {"LoadState", "not-found"}, {"ActiveState", "inactive"}, {"SubState", "dead"}}
			if u != nil {
				state, sub, pid := "inactive", "dead", "0"
				if len(u.procs) > 0 {
					state, sub, pid = "active", "running", strconv.Itoa(u.procs[0].PIDIn(p.t))
				}
				typ, again := u.key("Type"), u.key("Restart")
				if typ == "" {
					typ = "simple"
				}
				if again == "" {
					again = "no"
				}
				l = [][2]string{{"Type", typ}, {"Restart", again}, {"MainPID", pid}, {"ControlGroup", "/system.slice/" + u.name}, {"Id", u.name}, {"Names", u.name}, {"Description", u.text()}, {"LoadState", "loaded"}, {"ActiveState", state}, {"SubState", sub},
					{"FragmentPath", u.file}, {"UnitFileState", u.fileState()}, {"UnitFilePreset", "enabled"}}
			}
			for _, kv := range l {
				hit := want[0] == ""
				for _, w := range want {
					hit = hit || w == kv[0]
				}
				if hit && bare {
					p.puts(kv[1] + "\n")
				} else if hit {
					p.puts(kv[0] + "=" + kv[1] + "\n")
				}
			}
		}
		return 0
	case "list-units", "list-unit-files", "list-timers", "list-sockets", "is-system-running", "get-default":
		return p.unitList(v, f, args[1:], procs)
	default:
		p.unknown("option", v)
		p.raw("Unknown command verb %s.\n", v)
		return 1
	}
}

// unitVerb does what changes a unit.
func (p *P) unitVerb(v, name string, procs map[string][]*kernel.Task) int {
	u := p.unit(name, procs)
	if u == nil {
		switch v {
		case "enable", "disable", "mask":
			p.raw("Failed to %s unit: Unit file %s does not exist.\n", v, name)
			return 1
		case "unmask":
			return 0
		}
		p.raw("Failed to %s %s: Unit %s not %s.\n", v, name, name, map[bool]string{true: "loaded", false: "found"}[v == "stop" || v == "kill"])
		return 5
	}
	if p.t.Creds().EUID != 0 {
		p.raw("Failed to %s %s: Interactive authentication required.\nSee system logs and 'systemctl status %s' for details.\n", v, name, name)
		return 1
	}
	link := "/etc/systemd/system/multi-user.target.wants/" + name
	stop := func() {
		for _, t := range u.procs {
			t.AfterEnd(nil)
			p.t.Kernel().Kill(t, kernel.SIGTERM) // systemd does it, whoever asks
		}
	}
	switch v {
	case "enable":
		if u.file != "/etc/systemd/system/"+name && u.enabled {
			return 0
		}
		if !u.wanted {
			p.raw("The unit files have no installation config (WantedBy=, RequiredBy=, Also=,\nAlias= settings in the [Install] section, and DefaultInstance= for template\nunits). This means they are not meant to be enabled using systemctl.\n")
			return 0
		}
		if w := u.key("WantedBy"); w != "" && !strings.Contains(w, "/") {
			link = "/etc/systemd/system/" + strings.Fields(w)[0] + ".wants/" + name
		}
		p.t.MkdirAll(dirname(link))
		if p.t.Symlink(u.file, link) == nil {
			p.raw("Created symlink %s → %s.\n", link, u.file)
		}
	case "disable":
		if p.t.Unlink(link) == nil {
			p.raw("Removed %s.\n", link)
		}
	case "start":
		if len(u.procs) == 0 {
			p.startUnit(u)
		}
	case "restart", "reload-or-restart", "try-restart":
		stop()
		p.startUnit(u)
	case "stop", "kill":
		stop()
	}
	return 0
}

// startUnit runs a unit's commands in the background, as whom and where it says.
func (p *P) startUnit(u *sdUnit) {
	for _, cmd := range append(append([]string(nil), u.keys["ExecStartPre"]...), u.keys["ExecStart"]...) {
		raw := cmd
		cmd = strings.TrimLeft(cmd, "-@+!:")
		if cmd == "" {
			continue
		}
		null := kernel.NullFile()
		s := kernel.Spawn{Path: "/bin/sh", Argv: []string{"sh", "-c", "exec " + cmd}, Setsid: true, Files: map[int]*kernel.File{0: null, 1: null, 2: null}, Dir: "/",
			Env: []string{"LANG=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin"}}
		if d := u.key("WorkingDirectory"); d != "" {
			s.Dir = d
		}
		for _, e := range u.keys["Environment"] {
			s.Env = append(s.Env, strings.Trim(e, `"'`))
		}
		t, err := p.t.Spawn(s) // a unit that cannot run fails in its own log
		if err == nil && slices.Contains(u.keys["ExecStart"], raw) {
			p.keep(u, t, s)
		}
	}
	p.t.Sleep(20 * time.Millisecond) // start returns when the process was made
}

// keep starts a unit's process again when it has ended, as its Restart= says: after
// RestartSec=, and not more than five times in ten seconds.
func (p *P) keep(u *sdUnit, t *kernel.Task, s kernel.Spawn) {
	how, ns, k := u.key("Restart"), p.t.NS(), p.t.Kernel()
	if how == "" || how == "no" {
		return
	}
	if !slices.Contains(ns.Mounts().Mounts(), p.t.RootPath().Mount()) { // who came in by nsenter
		ns = k.Host()
	}
	wait := 100 * time.Millisecond
	if v := u.key("RestartSec"); v != "" {
		if d, err := time.ParseDuration(strings.NewReplacer("min", "m", "sec", "s", " ", "").Replace(v)); err == nil {
			wait = d
		} else if n := toInt(v); n >= 0 {
			wait = time.Duration(n) * time.Second
		}
	}
	s.Root, s.Cred, s.Origin = p.t.RootPath().String(), p.t.Creds(), "host"
	now := p.t.Kernel().Now
	starts := []time.Time{now()}
	var ended func(ws kernel.WaitStatus)
	ended = func(ws kernel.WaitStatus) {
		clean := ws.Code() == 0
		if ws.Signaled() {
			switch ws.Signal() {
			case kernel.SIGHUP, kernel.SIGINT, kernel.SIGTERM, kernel.SIGPIPE:
				clean = true
			}
		}
		switch how {
		case "always":
		case "on-success":
			if !clean {
				return
			}
		case "on-failure":
			if clean {
				return
			}
		case "on-abnormal", "on-abort":
			if clean || !ws.Signaled() {
				return
			}
		default:
			return
		}
		k.Later(wait, func() {
			at := now()
			starts = slices.DeleteFunc(starts, func(t time.Time) bool { return at.Sub(t) > 10*time.Second })
			if len(starts) >= 5 {
				return // start-limit-hit
			}
			starts = append(starts, at)
			null := kernel.NullFile()
			s.Files = map[int]*kernel.File{0: null, 1: null, 2: null}
			if t, err := ns.Start(s); err == nil && !t.AfterEnd(ended) {
				ended(t.WaitStatus())
			}
		})
	}
	if !t.AfterEnd(ended) {
		ended(t.WaitStatus())
	}
}

func (p *P) unitList(v string, f map[string]string, patterns []string, procs map[string][]*kernel.Task) int {
	kind := f["-t"] + f["--type"]
	_, plain := f["--no-legend"]
	match := func(name string) bool {
		if kind != "" && !strings.HasSuffix(name, "."+kind) {
			return false
		}
		for _, x := range patterns {
			if ok, _ := path.Match(x, name); ok || x == name {
				return true
			}
		}
		return len(patterns) == 0
	}
	switch v {
	case "is-system-running":
		p.puts("running\n")
		return 0
	case "get-default":
		p.puts("graphical.target\n")
		return 0
	case "list-timers":
		now := p.t.Now().In(p.zone())
		p.puts("NEXT                        LEFT          LAST                        PASSED       UNIT                           ACTIVATES\n")
		day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
		n := 0
		for _, t := range []struct {
			unit string
			at   time.Duration
		}{{"apt-daily.timer", 18*time.Hour + 21*time.Minute}, {"apt-daily-upgrade.timer", 6*time.Hour + 37*time.Minute}, {"dpkg-db-backup.timer", 0}, {"logrotate.timer", 0}, {"man-db.timer", 9 * time.Hour}, {"systemd-tmpfiles-clean.timer", 15*time.Hour + 11*time.Minute}} {
			next := day.Add(t.at)
			if !next.After(now) {
				next = next.Add(24 * time.Hour)
			}
			last := next.Add(-24 * time.Hour)
			form := "Mon 2006-01-02 15:04:05 MST"
			left := strings.Replace(ago(next.Sub(now)), " ago", " left", 1)
			p.printf("%-27s %-13s %-27s %-12s %-30s %s\n", next.Format(form), left, last.Format(form), ago(now.Sub(last)), t.unit, strings.Replace(t.unit, ".timer", ".service", 1))
			n++
		}
		if !plain {
			p.printf("\n%d timers listed.\nPass --all to see loaded but inactive timers, too.\n", n)
		}
		return 0
	case "list-sockets":
		p.puts("LISTEN                      UNIT                   ACTIVATES\n/run/dbus/system_bus_socket dbus.socket            dbus.service\n/run/docker.sock            docker.socket          docker.service\n\n2 sockets listed.\nPass --all to see loaded but inactive sockets, too.\n")
		return 0
	}
	seen := map[string]*sdUnit{}
	for _, d := range unitDirs {
		l, err := p.t.ReadDir(d)
		if err != nil {
			continue
		}
		p.t.Tick(int64(len(l)))
		for _, x := range l {
			if strings.HasSuffix(x.Name, ".service") && seen[x.Name] == nil && len(seen) < 2000 {
				if u := p.unit(x.Name, procs); u != nil {
					seen[x.Name] = u
				}
			}
		}
	}
	for name := range procs {
		if seen[name] == nil {
			seen[name] = p.unit(name, procs)
		}
	}
	var names []string
	width := 4
	for n, u := range seen {
		if u != nil && match(n) && (v == "list-unit-files" || len(u.procs) > 0) {
			names = append(names, n)
			width = max(width, len(n))
		}
	}
	sort.Strings(names)
	if v == "list-unit-files" {
		if !plain {
			p.printf("%-*s STATE    VENDOR PRESET\n", width, "UNIT FILE")
		}
		for _, n := range names {
			p.printf("%-*s %-8s enabled\n", width, n, seen[n].fileState())
		}
		if !plain {
			p.printf("\n%d unit files listed.\n", len(names))
		}
		return 0
	}
	if !plain {
		p.printf("  %-*s LOAD   ACTIVE SUB     DESCRIPTION\n", width, "UNIT")
	}
	for _, n := range names {
		p.printf("  %-*s loaded active running %s\n", width, n, seen[n].text())
	}
	if !plain {
		p.printf("\nLOAD   = Reflects whether the unit definition was properly loaded.\nACTIVE = The high-level unit activation state, i.e. generalization of SUB.\nSUB    = The low-level unit activation state, values depend on unit type.\n%d loaded units listed. Pass --all to see loaded but inactive units, too.\nTo show all installed unit files use 'systemctl list-unit-files'.\n", len(names))
	}
	return 0
}
