package world

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"
)

// TestLivedIn looks at the containers of each stack as a visitor does: by the API, from
// inside, and from the host.
func TestLivedIn(t *testing.T) {
	for i := range stacks {
		f := livedInStack(t, i)
		l := f.host.stack()
		t.Run(l[0].name, func(t *testing.T) {
			for n, c := range slices.Backward(f.sorted()) {
				s := l[len(l)-1-n]
				look(t, f, c, s)
			}
			for name, v := range f.volumes {
				du := strings.Fields(f.onHost("du -sb --apparent-size " + f.volumePoint(name)))
				// du counts the directories too
				if n, _ := strconv.ParseInt(du[0], 10, 64); n < f.volumeSize(v) || n > f.volumeSize(v)+1<<20 {
					t.Errorf("volume %s: du %d, df %d", name, n, f.volumeSize(v))
				}
			}
		})
	}
}

func look(t *testing.T, f *fixture, c *Container, s lived) {
	t.Helper()
	in, err := f.ContainerInspect(f.ctx, c.ID, backend.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dir := in.Config.Labels["com.docker.compose.project.working_dir"]
	file := f.onHost("cat " + in.Config.Labels["com.docker.compose.project.config_files"])
	if path.Dir(in.Config.Labels["com.docker.compose.project.config_files"]) != dir || !strings.Contains(file, "  "+s.name+":\n    image: "+s.image+"\n") {
		t.Errorf("%s is not in its compose file:\n%s", s.name, file)
	}
	env := f.onHost("cat " + dir + "/.env")
	for _, e := range in.Config.Env {
		if k, v, _ := strings.Cut(e, "="); strings.HasSuffix(k, "_PASSWORD") && v != "1" && !strings.Contains(env, "="+v+"\n") {
			t.Errorf("%s is not the password of .env: %s", e, env)
		}
	}
	for _, m := range in.Mounts {
		if out := f.onHost("ls -A " + m.Source + " | wc -l"); out == "0\n" {
			t.Errorf("%s: nothing at %s", c.Name, m.Source)
		}
	}
	if !c.Running {
		return
	}
	if c.FinishedAt.After(c.StartedAt) || !c.FinishedAt.After(c.Created) {
		t.Errorf("%s: made %v, ended %v, started %v", c.Name, c.Created, c.FinishedAt, c.StartedAt)
	}
	top, err := f.ContainerTop(c.ID, "-eo pid,ppid,uid,args")
	if err != nil {
		t.Fatal(err)
	}
	uids := map[string]int{}
	for _, p := range top.Processes {
		uids[p[2]]++
		if strings.HasSuffix(p[3], ".sh") && !strings.Contains(p[3], "tini") {
			t.Errorf("%s: an entrypoint goes on as %s", c.Name, p[3])
		}
	}
	want := map[string][]string{"nginx": {"0", "101"}, "postgres": {"999"}, "redis": {"999"}, "mariadb": {"999"}, "wordpress": {"0", "33"}, "grafana/grafana": {"472"}, "prom/prometheus": {"65534"}, "prom/node-exporter": {"65534"}, "jenkins/jenkins": {"1000"}}[s.image]
	if want == nil {
		want = []string{"0"}
	}
	if got := slices.Sorted(maps.Keys(uids)); !slices.Equal(got, want) {
		t.Errorf("%s runs as %v, want %v: %v", s.image, got, want, top.Processes)
	}
	out := f.execIn(c.ID, "cat", "/proc/1/status")
	caps, root := "00000000a80425fb", want[0] == "0"
	eff := caps
	if !root {
		eff = "0000000000000000"
	}
	if u := want[0]; !strings.Contains(out, fmt.Sprintf("Uid:\t%s\t%s\t%s\t%s\n", u, u, u, u)) || !strings.Contains(out, "CapEff:\t"+eff+"\n") || !strings.Contains(out, "CapBnd:\t"+caps+"\n") || !strings.Contains(out, "Seccomp:\t2\n") {
		t.Errorf("%s: %s", s.image, out)
	}
	if ls := f.execIn(c.ID, "ls", "-la", "/"); !strings.Contains(ls, ".dockerenv") || !strings.Contains(ls, " etc\n") {
		t.Errorf("%s: %s", s.image, ls)
	}
	ch, err := f.ContainerChanges(f.ctx, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	has := func(p string, k container.ChangeType) bool {
		return slices.Contains(ch, container.FilesystemChange{Path: p, Kind: k})
	}
	switch s.image {
	case "nginx":
		if !has("/run/nginx.pid", container.ChangeAdd) || !has("/var/cache/nginx", container.ChangeModify) || !has("/var/cache/nginx/client_temp", container.ChangeAdd) {
			t.Errorf("diff of nginx: %v", ch)
		}
		if out := f.execIn(c.ID, "cat", "/etc/nginx/conf.d/default.conf"); !strings.Contains(out, "proxy_pass") {
			t.Errorf("what is bound into nginx: %s", out)
		}
	case "postgres":
		if !has("/run/postgresql/.s.PGSQL.5432", container.ChangeAdd) || has("/var/lib/postgresql/data", container.ChangeAdd) {
			t.Errorf("diff of postgres: %v", ch)
		}
		if out := f.execIn(c.ID, "ls", "-l", "/var/lib/postgresql/data/PG_VERSION"); !strings.Contains(out, "postgres postgres") {
			t.Errorf("its data: %s", out)
		}
	case "redis":
		if len(ch) != 0 {
			t.Errorf("diff of redis: %v", ch)
		}
	}
}

// TestTopColumns: the headings are those of the host's ps, and its errors the
// daemon's: as 20.10.24 and 28.5.2 gave them.
func TestTopColumns(t *testing.T) {
	f := livedIn(t)
	id := f.create("", &container.Config{Image: "alpine", Cmd: []string{"sleep", "1000"}}, nil)
	if err := f.ContainerStart(f.ctx, id, "", ""); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"":                   "UID PID PPID C STIME TTY TIME CMD",
		"aux":                "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND",
		"-o pid,cmd":         "PID CMD",
		"-o pid,comm,args":   "PID COMMAND COMMAND",
		"-x":                 "PID TTY STAT TIME COMMAND",
		"-Z":                 "LABEL PID TTY TIME CMD",
		"-l":                 "F S UID PID PPID C PRI NI ADDR SZ WCHAN TTY TIME CMD",
		"-ely":               "S UID PID PPID C PRI NI RSS SZ WCHAN TTY TIME CMD",
		"-eLf":               "UID PID PPID LWP C NLWP STIME TTY TIME CMD",
		"-T":                 "PID SPID TTY TIME CMD",
		"j":                  "PPID PID PGID SID TTY TPGID STAT UID TIME COMMAND",
		"-j":                 "PID PGID SID TTY TIME CMD",
		"l":                  "F UID PID PPID PRI NI VSZ RSS WCHAN STAT TTY TIME COMMAND",
		"v":                  "PID TTY STAT TIME MAJFL TRS DRS RSS %MEM COMMAND",
		"s":                  "UID PID PENDING BLOCKED IGNORED CAUGHT STAT TTY TIME COMMAND",
		"-F":                 "UID PID PPID C SZ RSS PSR STIME TTY TIME CMD",
		"-o pid,cmd=X":       "PID X",
		"-o pid,tty,start":   "PID TT STARTED",
		"-eo user,pid,etime": "USER PID ELAPSED",
	} {
		top, err := f.ContainerTop(id, args)
		if err != nil || strings.Join(top.Titles, " ") != want || len(top.Processes) != 1 || len(top.Processes[0]) != len(top.Titles) {
			t.Errorf("top %s: %+v %v, want %s", args, top, err, want)
		}
	}
	for args, want := range map[string]string{
		"-o cmd":     "Couldn't find PID field in ps output",
		"-o pid=":    "Couldn't find PID field in ps output",
		"-o pid,foo": `ps: error: unknown user-defined format specifier "foo"`,
		"-C":         "ps: error: list of command names must follow -C",
		"--foo":      "ps: error: unknown gnu long option",
	} {
		if top, err := f.ContainerTop(id, args); err == nil || err.Error() != want {
			t.Errorf("top %s: %+v %v, want %s", args, top, err, want)
		}
	}
}

// TestLivedInIsKept: what a visitor changed in a lived-in container's volume and log
// is there when the world is opened again, and nothing else has changed.
func TestLivedInIsKept(t *testing.T) {
	st := &memory{m: map[string][]byte{}}
	f := fixtureOf(t, func(c *Config, m *ManagerConfig) { m.Storage = st; c.Kind, c.Programs = "lived-in", every() })
	var vol string
	for n := range f.volumes {
		vol = f.volumePoint(n)
	}
	size := f.onHost("find " + vol + " | wc -l")
	f.onHost("echo mine > " + vol + "/mine")
	f.onHost("find /var/lib/docker >/dev/null")
	if err := f.m.Sleep(f.ctx, f.ID()); err != nil {
		t.Fatal(err)
	}
	c, _ := CallerOf(f.ctx)
	w, err := f.m.World(f.ctx, c, Query{})
	if err != nil {
		t.Fatal(err)
	}
	f.World = w
	if out := f.onHost("cat " + vol + "/mine; rm " + vol + "/mine; find " + vol + " | wc -l"); out != "mine\n"+size {
		t.Errorf("%q, want mine and %s", out, size)
	}
}

// execIn runs a command in a container and gives what it prints.
func (f *fixture) execIn(id string, argv ...string) string {
	f.t.Helper()
	eid, err := f.ContainerExecCreate(id, &container.ExecOptions{Cmd: argv, AttachStdout: true, AttachStderr: true})
	if err != nil {
		f.t.Fatal(err)
	}
	var out bytes.Buffer
	if err := f.ContainerExecStart(f.ctx, eid, backend.ExecStartConfig{Stdout: &out, Stderr: &out}); err != nil {
		f.t.Fatal(err)
	}
	return out.String()
}

// TestPidsLimit: a container's limit is what docker update says, at once, and a shell
// that cannot fork ends as real ones do: busybox's words are those of 20.10.24's
// container, bash's those of Debian 12's.
func TestPidsLimit(t *testing.T) {
	f := livedIn(t)
	limit := func(n int64) *container.HostConfig {
		return &container.HostConfig{Resources: container.Resources{PidsLimit: &n}}
	}
	id := f.create("tight", &container.Config{Image: "alpine", Cmd: []string{"sleep", "1000"}}, limit(4))
	if err := f.ContainerStart(f.ctx, id, "", ""); err != nil {
		t.Fatal(err)
	}
	code := "sleep 50 & sleep 50 & sleep 50 & echo done"
	if out := f.execIn(id, "sh", "-c", code); out != "sh: can't fork: Resource temporarily unavailable\n" {
		t.Errorf("at 4: %q", out)
	}
	f.execIn(id, "killall", "sleep")
	for n, want := range map[int64]string{1: "sh: can't fork: Resource temporarily unavailable\n", 100: "0\n"} {
		if _, err := f.ContainerUpdate("tight", limit(n)); err != nil {
			t.Fatal(err)
		}
		if out := f.execIn(id, "sh", "-c", "true | cat; echo $?"); out != want {
			t.Errorf("at %d: %q", n, out)
		}
	}
	if out := f.sh(limit(1), "sh", "-c", "ls; echo after"); out != "sh: can't fork: Resource temporarily unavailable\n" {
		t.Errorf("alone: %q", out)
	}
}
