package world

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// What the programs of lived-in containers logged: the lines that such programs
// print when they start and while little happens, at times that the installation's
// secret draws. The same in each world; later looks show what came since. The
// wording is from memory of the programs' releases that the images name.

// said is a line of a program's output: after is since the program's start.
type said struct {
	after  time.Duration
	stderr bool
	text   string // %T is the time as the program writes it
}

// speaker is what a program says.
type speaker struct {
	clock  string // layout of %T
	start  []said
	end    []string // on SIGTERM
	every  time.Duration
	again  func(r *rand.Rand, t time.Time) []said // what comes by and by
	stderr bool                                   // where it says it
}

// told is what the log of a lived-in container follows from.
type told struct {
	h                                *Host
	name, image, path, hostname, own string
	created, started, finished       time.Time
	running                          bool
}

// livedLog gives what a lived-in container logged since it was made: at first, until
// the machine was booted, and since then until now. It is asked again and again and
// gives what came since; at the program's end, also what it says then. World.mu is
// held, but not when the log is asked.
func (w *World) livedLog(c *Container) func(now time.Time, ending bool) []logLine {
	t := told{h: w.host, name: c.Name, path: c.Path, hostname: c.Config.Hostname, created: c.Created, started: c.StartedAt, finished: c.FinishedAt, running: c.Running}
	t.image, _, _ = strings.Cut(c.Config.Image, ":")
	for _, e := range c.Nets {
		t.own = e.IPAddress
	}
	next := -1
	return func(now time.Time, ending bool) (out []logLine) {
		sp, ok := t.speaker()
		if !ok {
			return nil
		}
		if next < 0 {
			next = 1
			began := t.created.Add(420 * time.Millisecond)
			if !t.running {
				began = t.started
			}
			out = sp.say(out, began, sp.start...)
			if !t.running {
				return out
			}
			if !t.finished.IsZero() {
				out, _ = t.between(out, sp, began, t.finished, 1)
				out = sp.leave(out, t.finished)
				out = sp.say(out, t.started, sp.start...)
			}
		}
		if out, next = t.between(out, sp, t.started, now, next); ending {
			out = sp.leave(out, now)
		}
		return out
	}
}

func (sp *speaker) say(out []logLine, at time.Time, l ...said) []logLine {
	for i, s := range l {
		t := at.Add(s.after + time.Duration(i*(6180+37*i)+int(at.UnixNano()&1023))).UTC()
		out = append(out, logLine{t: t, stderr: s.stderr || sp.stderr, line: []byte(strings.ReplaceAll(s.text, "%T", t.Format(sp.clock)))})
	}
	return out
}

func (sp *speaker) leave(out []logLine, at time.Time) []logLine {
	for i, s := range sp.end {
		out = sp.say(out, at, said{after: time.Duration(i-len(sp.end))*11*time.Millisecond - time.Millisecond, stderr: sp.stderr, text: s})
	}
	return out
}

// between adds what came by and by, from the k-th on, and tells where it goes on.
func (t *told) between(out []logLine, sp speaker, start, until time.Time, k int) ([]logLine, int) {
	if sp.again == nil {
		return out, k
	}
	for ; !start.Add(time.Duration(k+1) * sp.every).After(until); k++ {
		r := t.h.rng("log", t.name, fmt.Sprint(start.Unix(), k))
		at := start.Add(time.Duration(k)*sp.every + time.Duration(r.Int64N(int64(sp.every*9/10))))
		out = sp.say(out, at, sp.again(r, at)...)
	}
	return out, k
}

// visitor is an address that came by.
func visitor(r *rand.Rand) string {
	first := []int{3, 18, 34, 35, 45, 47, 51, 64, 66, 71, 80, 87, 92, 101, 103, 109, 134, 141, 152, 159, 162, 167, 178, 185, 193, 194, 203, 205, 212}
	return fmt.Sprintf("%d.%d.%d.%d", first[r.IntN(len(first))], r.IntN(256), r.IntN(256), 1+r.IntN(254))
}

var agents = []string{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	"Mozilla/5.0 zgrab/0.x", "curl/7.81.0", "-", "Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)"}

// request is what a web server notes of one.
func request(r *rand.Rand, layout string, known []string) func(t time.Time, tail string) string {
	ip, agent := visitor(r), agents[r.IntN(len(agents))]
	path, code, size := known[r.IntN(len(known))], 200, 400+r.IntN(9000)
	if r.IntN(3) == 0 {
		path, code, size = []string{"/.env", "/favicon.ico", "/wp-login.php", "/.git/config", "/robots.txt", "/boaform/admin/formLogin", "/actuator/health", "/phpinfo.php"}[r.IntN(8)], 404, 153
	}
	return func(t time.Time, tail string) string {
		return fmt.Sprintf("%s - - [%s] \"GET %s HTTP/1.1\" %d %d \"-\" %q%s", ip, t.UTC().Format(layout), path, code, size, agent, tail)
	}
}

const clf = "02/Jan/2006:15:04:05 -0700"

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// speaker is what a container's program says.
func (t *told) speaker() (speaker, bool) {
	life := t.started.Sub(t.created) + 60*24*time.Hour // and not until now: what was said stays
	often := func(least time.Duration) time.Duration { return max(least, life/1200) }
	kernel := t.h.facts.Kernel
	switch t.image {
	case "nginx":
		notice := func(n int, s string) said { return said{ms(n), true, "%T [notice] 1#1: " + s} }
		l := []said{{ms(0), false, "/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration"}, {ms(0), false, "/docker-entrypoint.sh: Looking for shell scripts in /docker-entrypoint.d/"},
			{ms(2), false, "/docker-entrypoint.sh: Launching /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh"}, {ms(9), false, "10-listen-on-ipv6-by-default.sh: info: IPv6 listen already enabled"},
			{ms(9), false, "/docker-entrypoint.sh: Sourcing /docker-entrypoint.d/15-local-resolvers.envsh"}, {ms(10), false, "/docker-entrypoint.sh: Launching /docker-entrypoint.d/20-envsubst-on-templates.sh"},
			{ms(14), false, "/docker-entrypoint.sh: Launching /docker-entrypoint.d/30-tune-worker-processes.sh"}, {ms(16), false, "/docker-entrypoint.sh: Configuration complete; ready for start up"},
			notice(23, "using the \"epoll\" event method"), notice(23, "nginx/1.25.5"), notice(23, "built by gcc 12.2.0 (Debian 12.2.0-14) "), notice(23, "OS: Linux "+kernel),
			notice(23, "getrlimit(RLIMIT_NOFILE): 1048576:1048576"), notice(23, "start worker processes")}
		for i := range t.h.facts.Cores {
			l = append(l, notice(24, fmt.Sprintf("start worker process %d", 29+i)))
		}
		return speaker{clock: "2006/01/02 15:04:05", start: l, end: []string{"%T [notice] 1#1: signal 3 (SIGQUIT) received, shutting down", "%T [notice] 1#1: exit"}, every: often(7 * time.Minute),
			again: func(r *rand.Rand, at time.Time) []said {
				return []said{{text: request(r, clf, []string{"/", "/", "/api/health", "/assets/index.js", "/login"})(at, ` "-"`)}}
			}}, true
	case "redis":
		m := func(n int, s string) said { return said{ms(n), false, "1:M %T " + s} }
		k := func(s string) said { return said{0, false, "1:C %T " + s} }
		return speaker{clock: "02 Jan 2006 15:04:05.000", start: []said{k("# WARNING Memory overcommit must be enabled! Without it, a background save or replication may fail under low memory condition. Being disabled, it can also cause failures without low memory condition, see https://github.com/jemalloc/jemalloc/issues/1328. To fix this issue add 'vm.overcommit_memory = 1' to /etc/sysctl.conf and then reboot or run the command 'sysctl vm.overcommit_memory=1' for this to take effect."),
			k("* oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo"), k("* Redis version=7.2.4, bits=64, commit=00000000, modified=0, pid=1, just started"),
			k("# Warning: no config file specified, using the default config. In order to specify a config file use redis-server /path/to/redis.conf"), m(1, "* monotonic clock: POSIX clock_gettime"),
			m(2, "* Running mode=standalone, port=6379."), m(2, "* Server initialized"), m(2, "* Ready to accept connections tcp")},
			end:   []string{"1:signal-handler (%T) Received SIGTERM scheduling shutdown...", "1:M %T * User requested shutdown...", "1:M %T * Saving the final RDB snapshot before exiting.", "1:M %T * DB saved on disk", "1:M %T # Redis is now ready to exit, bye bye..."},
			every: often(time.Hour + 9*time.Second), again: func(r *rand.Rand, _ time.Time) []said {
				n, pid := 1+r.IntN(40), 20+r.IntN(9000)
				return []said{m(0, fmt.Sprintf("* %d changes in 3600 seconds. Saving...", n)), m(1, fmt.Sprintf("* Background saving started by pid %d", pid)), {ms(6), false, fmt.Sprintf("%d:C %%T * DB saved on disk", pid)},
					{ms(7), false, fmt.Sprintf("%d:C %%T * Fork CoW for RDB: current 0 MB, peak 0 MB, average 0 MB", pid)}, m(104, "* Background saving terminated with success")}
			}}, true
	case "postgres":
		g := func(n int, pid, s string) said { return said{ms(n), true, "%T UTC [" + pid + "] " + s} }
		return speaker{clock: "2006-01-02 15:04:05.000", start: []said{{ms(0), false, ""}, {ms(0), false, "PostgreSQL Database directory appears to contain a database; Skipping initialization"}, {ms(0), false, ""},
			g(58, "1", "LOG:  starting PostgreSQL 16.2 (Debian 16.2-1.pgdg120+2) on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14) 12.2.0, 64-bit"), g(58, "1", "LOG:  listening on IPv4 address \"0.0.0.0\", port 5432"),
			g(58, "1", "LOG:  listening on IPv6 address \"::\", port 5432"), g(63, "1", "LOG:  listening on Unix socket \"/var/run/postgresql/.s.PGSQL.5432\""), g(71, "29", "LOG:  database system was shut down"), g(84, "1", "LOG:  database system is ready to accept connections")},
			end:   []string{"%T UTC [1] LOG:  received fast shutdown request", "%T UTC [1] LOG:  aborting any active transactions", "%T UTC [27] LOG:  shutting down", "%T UTC [1] LOG:  database system is shut down"},
			every: often(40 * time.Minute), stderr: true, again: func(r *rand.Rand, _ time.Time) []said {
				n, d := 3+r.IntN(90), 1+r.IntN(400)
				return []said{g(0, "27", "LOG:  checkpoint starting: time"), g(n*100+40, "27", fmt.Sprintf("LOG:  checkpoint complete: wrote %d buffers (%.1f%%); 0 WAL file(s) added, 0 removed, 0 recycled; write=%.3f s, sync=0.0%02d s, total=%.3f s; sync files=%d, longest=0.0%02d s, average=0.003 s; distance=%d kB, estimate=%d kB",
					n, float64(n)/163.84, float64(n)/10, 5+r.IntN(60), float64(n)/10+.04, 2+n/3, 2+r.IntN(9), d, d+r.IntN(900)))}
			}}, true
	case "mariadb":
		e := func(n int, s string) said { return said{ms(n), true, "%T 0 [Note] " + s} }
		note := func(n int, s string) said { return said{ms(n), false, "%T+00:00 [Note] [Entrypoint]: " + s} }
		return speaker{clock: "2006-01-02 15:04:05", start: []said{note(0, "Entrypoint script for MariaDB Server 1:11.3.2+maria~ubu2204 started."), note(310, "Switching to dedicated user 'mysql'"), note(330, "Entrypoint script for MariaDB Server 1:11.3.2+maria~ubu2204 started."), note(640, "MariaDB upgrade not required"),
			e(700, "Starting MariaDB 11.3.2-MariaDB-1:11.3.2+maria~ubu2204 source revision 068a6819eb63bcb01fdfa037c9bf3bf63c33ee42 as process 1"), e(710, "InnoDB: Compressed tables use zlib 1.2.11"), e(710, "InnoDB: Number of transaction pools: 1"), e(710, "InnoDB: Using crc32 + pclmulqdq instructions"),
			e(720, "InnoDB: Initializing buffer pool, total size = 128.000MiB, chunk size = 2.000MiB"), e(725, "InnoDB: Completed initialization of buffer pool"), e(740, "InnoDB: End of log at LSN=47629"), e(790, "InnoDB: log sequence number 47629; transaction id 14"),
			e(800, "Plugin 'FEEDBACK' is disabled."), e(830, "Server socket created on IP: '0.0.0.0'."), e(831, "Server socket created on IP: '::'."), e(840, "mariadbd: ready for connections."),
			{ms(840), true, "Version: '11.3.2-MariaDB-1:11.3.2+maria~ubu2204'  socket: '/run/mysqld/mysqld.sock'  port: 3306  mariadb.org binary distribution"}},
			end:   []string{"%T 0 [Note] mariadbd (initiated by: unknown): Normal shutdown", "%T 0 [Note] InnoDB: Starting shutdown...", "%T 0 [Note] mariadbd: Shutdown complete"},
			every: often(9 * time.Hour), again: func(r *rand.Rand, _ time.Time) []said {
				n := 3000 + r.IntN(60000)
				return []said{{0, true, fmt.Sprintf("%%T %d [Warning] Aborted connection %d to db: 'wordpress' user: 'wp' host: '%s' (Got timeout reading communication packets)", n, n, t.beside(2))}}
			}}, true
	case "wordpress":
		a := "AH00558: apache2: Could not reliably determine the server's fully qualified domain name, using " + t.beside(0) + ". Set the 'ServerName' directive globally to suppress this message"
		return speaker{clock: "Mon Jan 02 15:04:05.000000 2006", start: []said{{ms(80), true, a}, {ms(81), true, a}, {ms(112), true, "[%T] [mpm_prefork:notice] [pid 1] AH00163: Apache/2.4.59 (Debian) PHP/8.2.18 configured -- resuming normal operations"}, {ms(112), true, "[%T] [core:notice] [pid 1] AH00094: Command line: 'apache2 -D FOREGROUND'"}},
			end: []string{"[%T] [mpm_prefork:notice] [pid 1] AH00169: caught SIGTERM, shutting down"}, every: often(11 * time.Minute), again: func(r *rand.Rand, at time.Time) []said {
				return []said{{text: request(r, clf, []string{"/", "/wp-login.php", "/xmlrpc.php", "/wp-cron.php?doing_wp_cron", "/feed/", "/wp-includes/css/dashicons.min.css?ver=6.5.2"})(at, "")}}
			}}, true
	case "grafana/grafana":
		g := func(n int, s string) said { return said{ms(n), false, s} }
		return speaker{clock: "2006-01-02T15:04:05.000000000Z", start: []said{g(0, "logger=settings t=%T level=info msg=\"Starting Grafana\" version=10.4.2 commit=701c851be7a930e04fbc6ebb1cd4254da80edd4c branch=v10.4.x"), g(1, "logger=settings t=%T level=info msg=\"Config loaded from\" file=/usr/share/grafana/conf/defaults.ini"),
			g(1, "logger=settings t=%T level=info msg=\"Config loaded from\" file=/etc/grafana/grafana.ini"), g(1, "logger=settings t=%T level=info msg=\"Path Data\" path=/var/lib/grafana"), g(1, "logger=settings t=%T level=info msg=\"Path Logs\" path=/var/log/grafana"), g(2, "logger=settings t=%T level=info msg=\"App mode production\""),
			g(3, "logger=sqlstore t=%T level=info msg=\"Connecting to DB\" dbtype=sqlite3"), g(14, "logger=migrator t=%T level=info msg=\"Starting DB migrations\""), g(29, "logger=migrator t=%T level=info msg=\"migrations completed\" performed=0 skipped=555 duration=1.0421ms"),
			g(790, "logger=http.server t=%T level=info msg=\"HTTP Server Listen\" address=[::]:3000 protocol=http subUrl= socket=")},
			end: []string{"logger=server t=%T level=info msg=\"Shutdown started\" reason=\"System signal: terminated\""}, every: often(time.Hour), again: func(r *rand.Rand, _ time.Time) []said {
				return []said{g(0, fmt.Sprintf("logger=cleanup t=%%T level=info msg=\"Completed cleanup jobs\" duration=%d.%06dms", 8+r.IntN(30), r.IntN(1000000))), g(300, fmt.Sprintf("logger=plugins.update.checker t=%%T level=info msg=\"Update check succeeded\" duration=%d.%06dms", 60+r.IntN(90), r.IntN(1000000)))}
			}}, true
	case "prom/prometheus":
		g := func(n int, s string) said { return said{ms(n), true, "ts=%T " + s} }
		return speaker{clock: "2006-01-02T15:04:05.000Z", start: []said{g(0, "caller=main.go:573 level=info msg=\"No time or size retention was set so using the default time retention\" duration=15d"), g(0, "caller=main.go:617 level=info msg=\"Starting Prometheus Server\" mode=server version=\"(version=2.51.2, branch=HEAD, revision=b4c0ab52c3e9b940ab803581ddae9b3d9a452337)\""),
			g(0, "caller=main.go:623 level=info host_details=\"(Linux "+kernel+" x86_64 "+t.hostname+" (none))\""), g(0, "caller=main.go:624 level=info fd_limits=\"(soft=1048576, hard=1048576)\""), g(3, "caller=web.go:568 level=info component=web msg=\"Start listening for connections\" address=0.0.0.0:9090"),
			g(4, "caller=main.go:1129 level=info msg=\"Starting TSDB ...\""), g(12, "caller=head.go:616 level=info component=tsdb msg=\"Replaying on-disk memory mappable chunks if any\""), g(420, "caller=main.go:1150 level=info fs_type=EXT4_SUPER_MAGIC"), g(420, "caller=main.go:1153 level=info msg=\"TSDB started\""),
			g(422, "caller=main.go:1372 level=info msg=\"Completed loading of configuration file\" filename=/etc/prometheus/prometheus.yml"), g(422, "caller=main.go:1114 level=info msg=\"Server is ready to receive web requests.\"")},
			end: []string{"ts=%T caller=main.go:964 level=warn msg=\"Received SIGTERM, exiting gracefully...\"", "ts=%T caller=main.go:1225 level=info msg=\"See you next time!\""}, stderr: true, every: max(2*time.Hour, life/700), again: func(r *rand.Rand, at time.Time) []said {
				to := at.Truncate(2 * time.Hour)
				return []said{g(0, fmt.Sprintf("caller=compact.go:576 level=info component=tsdb msg=\"write block\" mint=%d maxt=%d ulid=%s duration=%d.%06dms ooo=false", to.Add(-2*time.Hour).UnixMilli(), to.UnixMilli(), ulid(at, r), 90+r.IntN(200), r.IntN(1000000))),
					g(210, fmt.Sprintf("caller=head.go:1355 level=info component=tsdb msg=\"Head GC completed\" caller=truncateMemory duration=%d.%06dms", 2+r.IntN(9), r.IntN(1000000)))}
			}}, true
	case "prom/node-exporter":
		l := []said{{ms(0), true, "ts=%T caller=node_exporter.go:192 level=info msg=\"Starting node_exporter\" version=\"(version=1.7.0, branch=HEAD, revision=7333465abf9efba81876303bb57e6fadb946041b)\""}}
		for _, x := range strings.Fields("arp bcache bonding conntrack cpu cpufreq diskstats edac entropy filefd filesystem hwmon loadavg mdadm meminfo netclass netdev netstat sockstat softnet stat time timex uname vmstat xfs") {
			l = append(l, said{ms(1), true, "ts=%T caller=node_exporter.go:117 level=info collector=" + x})
		}
		return speaker{clock: "2006-01-02T15:04:05.000Z", start: append(l, said{ms(2), true, "ts=%T caller=tls_config.go:274 level=info msg=\"Listening on\" address=[::]:9100"}, said{ms(2), true, "ts=%T caller=tls_config.go:277 level=info msg=\"TLS is disabled.\" http2=false address=[::]:9100"})}, true
	case "traefik":
		return speaker{clock: "2006-01-02T15:04:05Z", start: []said{{ms(0), true, "time=\"%T\" level=info msg=\"Configuration loaded from flags.\""}}, end: []string{"time=\"%T\" level=info msg=\"I have to go...\"", "time=\"%T\" level=info msg=\"Stopping server gracefully\"", "time=\"%T\" level=info msg=\"Shutting down\""}, stderr: true}, true
	case "node":
		return speaker{clock: "01/02/2006, 3:04:05 PM", start: []said{{ms(610), false, "[Nest] 1  - %T     LOG [NestFactory] Starting Nest application..."}, {ms(640), false, "[Nest] 1  - %T     LOG [InstanceLoader] TypeOrmModule dependencies initialized +28ms"},
			{ms(702), false, "[Nest] 1  - %T     LOG [InstanceLoader] AppModule dependencies initialized +61ms"}, {ms(741), false, "[Nest] 1  - %T     LOG [RoutesResolver] AppController {/}: +37ms"}, {ms(744), false, "[Nest] 1  - %T     LOG [RouterExplorer] Mapped {/api/health, GET} route +3ms"},
			{ms(760), false, "[Nest] 1  - %T     LOG [NestApplication] Nest application successfully started +16ms"}}, every: often(5 * time.Hour), again: func(r *rand.Rand, _ time.Time) []said {
			return []said{{0, false, fmt.Sprintf("[Nest] 1  - %%T    WARN [AuthService] login failed for %s from %s", []string{"admin", "test", "info", "root"}[r.IntN(4)], visitor(r))}}
		}}, true
	case "python":
		if strings.HasPrefix(t.path, "gunicorn") {
			l := []said{{ms(600), true, "[%T] [1] [INFO] Starting gunicorn 21.2.0"}, {ms(601), true, "[%T] [1] [INFO] Listening at: http://0.0.0.0:8000 (1)"}, {ms(601), true, "[%T] [1] [INFO] Using worker: sync"}}
			for i := range 4 {
				l = append(l, said{ms(604 + i*3), true, fmt.Sprintf("[%%T] [%d] [INFO] Booting worker with pid: %d", 7+i, 7+i)})
			}
			return speaker{clock: "2006-01-02 15:04:05 -0700", start: l, end: []string{"[%T] [1] [INFO] Handling signal: term", "[%T] [1] [INFO] Shutting down: Master"}, stderr: true}, true
		}
		return speaker{clock: "2006-01-02 15:04:05,000", start: []said{{ms(900), true, "[%T: INFO/MainProcess] Connected to redis://redis:6379/0"}, {ms(905), true, "[%T: INFO/MainProcess] mingle: searching for neighbors"}, {ms(1910), true, "[%T: INFO/MainProcess] mingle: all alone"}, {ms(1920), true, "[%T: INFO/MainProcess] celery@" + t.hostname + " ready."}},
			end: []string{"worker: Warm shutdown (MainProcess)"}, stderr: true, every: often(30 * time.Minute), again: func(r *rand.Rand, _ time.Time) []said {
				id := fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", r.Uint32(), r.IntN(65536), r.IntN(4096), r.IntN(4096), r.Int64N(1<<48))
				return []said{{0, true, "[%T: INFO/MainProcess] Task app.tasks.refresh[" + id + "] received"}, {ms(180), true, fmt.Sprintf("[%%T: INFO/ForkPoolWorker-1] Task app.tasks.refresh[%s] succeeded in 0.%08ds: None", id, 1000000+r.IntN(17000000))}}
			}}, true
	case "registry":
		g := func(n int, s string) said {
			return said{ms(n), true, "time=\"%T\" level=" + s + " go.version=go1.20.8 instance.id=" + uuid4(sl(t.h.derive("registry", t.name))) + " service=registry version=2.8.3 "}
		}
		return speaker{clock: "2006-01-02T15:04:05.000000000Z", start: []said{g(0, "warning msg=\"No HTTP secret provided - generated random secret. This may cause problems with uploads if multiple registries are behind a load-balancer. To provide a shared secret, fill in http.secret in the configuration file or set the REGISTRY_HTTP_SECRET environment variable.\""), g(1, "info msg=\"redis not configured\""),
			g(1, "info msg=\"Starting upload purge in 14m0s\""), g(2, "info msg=\"using inmemory blob descriptor cache\""), g(2, "info msg=\"listening on [::]:5000\"")}, stderr: true, every: often(3 * time.Hour), again: func(r *rand.Rand, at time.Time) []said {
			return []said{{text: fmt.Sprintf("%s - - [%s] \"GET /v2/ HTTP/1.1\" 200 2 \"\" \"docker/24.0.7 go/go1.20.10\"", t.beside(1), at.UTC().Format(clf))}}
		}}, true
	case "jenkins/jenkins":
		g := func(n int, s string) said { return said{ms(n), true, "%T+0000 " + s} }
		return speaker{clock: "2006-01-02 15:04:05.000", start: []said{{0, false, "Running from: /usr/share/jenkins/jenkins.war"}, {0, false, "webroot: /var/jenkins_home/war"}, g(900, "[id=1]\tINFO\twinstone.Logger#logInternal: Beginning extraction from war file"), g(2400, "[id=1]\tINFO\to.e.j.s.handler.ContextHandler#doStart: Started w.@5a7fe64f{Jenkins v2.440.3,/,file:///var/jenkins_home/war/,AVAILABLE}{/var/jenkins_home/war}"),
			g(2700, "[id=1]\tINFO\to.e.j.server.AbstractConnector#doStart: Started ServerConnector@6c8c8e5b{HTTP/1.1, (http/1.1)}{0.0.0.0:8080}"), g(3100, "[id=31]\tINFO\tjenkins.InitReactorRunner$1#onAttained: Started initialization"), g(9800, "[id=38]\tINFO\tjenkins.InitReactorRunner$1#onAttained: Loaded all jobs"), g(12900, "[id=30]\tINFO\tjenkins.InitReactorRunner$1#onAttained: Completed initialization"),
			g(13000, "[id=24]\tINFO\thudson.lifecycle.Lifecycle#onReady: Jenkins is fully up and running")}, stderr: true, every: max(24*time.Hour, life/500), again: func(r *rand.Rand, _ time.Time) []said {
			return []said{g(0, "[id=72]\tINFO\thudson.model.AsyncPeriodicWork#lambda$doRun$1: Started Periodic background build discarder"), g(4+r.IntN(4), "[id=72]\tINFO\thudson.model.AsyncPeriodicWork#lambda$doRun$1: Finished Periodic background build discarder. 3 ms")}
		}}, true
	case "alpine":
		return speaker{start: []said{{ms(12), true, "tar: removing leading '/' from member names"}}}, true
	}
	return speaker{}, false
}

func sl(b [32]byte) []byte { return b[:] }

// ulid is the name of a block of Prometheus's.
func ulid(t time.Time, r *rand.Rand) string {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	var b [26]byte
	n := t.UnixMilli()
	for i := 9; i >= 0; i-- {
		b[i] = digits[n&31]
		n >>= 5
	}
	for i := 10; i < 26; i++ {
		b[i] = digits[r.IntN(32)]
	}
	return string(b[:])
}

// beside is the container's own address, or one beside it in its network.
func (t *told) beside(n int) string {
	if i := strings.LastIndexByte(t.own, '.'); n > 0 && i > 0 {
		return fmt.Sprintf("%s.%d", t.own[:i], n)
	}
	return t.own
}
