package fidelity

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"sort"
	"strings"
	"time"
)

// A generated sequence is calls over the whole API, valid and broken, on objects that
// live and refer to each other. It is drawn from a chooser, so that the same draws
// give the same calls, and a library that shrinks draws shrinks sequences.

// chooser gives a number from 0 to n-1.
type chooser func(n int) int

func pick[T any](c chooser, l ...T) T { return l[c(len(l))] }

func (c chooser) oneIn(n int) bool { return c(n) == n-1 } // 0, where draws shrink to, is the plain way

// value draws a field's value: one of the first, which are good, mostly.
func (c chooser) value(f field) any {
	if c.oneIn(7) {
		return pick(c, f.vals...)
	}
	return f.vals[c(min(2, len(f.vals)))]
}

// What generated calls speak of. Some of it exists, most of the time.
var (
	genContainers = []string{"ga", "gb", "gc", "gd"}
	genVolumes    = []string{"gv1", "gv2"}
	genImages     = []string{"gi/a:1", "gi/a:2", "gb"}
)

// genState is what a sequence has made so far, as far as the next draws depend on it.
type genState struct {
	c    chooser
	api  string // the newest version of both daemons
	min  string
	made map[string]string // containers by name, to the kind of their command: short, long, none
	kind string            // of the create that is under way
	exec int
}

var (
	queryOf = regexp.MustCompile(`\?.*$`)
	vPrefix = regexp.MustCompile(`^/v[\d.]+`)
)

// learn takes note of what a call did.
func (g *genState) learn(s Step, status string) {
	method, p, _ := strings.Cut(s.Req, " ")
	p = vPrefix.ReplaceAllString(p, "")
	switch {
	case status == "201" && strings.HasPrefix(p, "/containers/create?name="):
		g.made[strings.TrimPrefix(p, "/containers/create?name=")] = g.kind
	case status == "204" && method == "DELETE" && strings.HasPrefix(p, "/containers/"):
		n, _, _ := strings.Cut(strings.TrimPrefix(p, "/containers/"), "?")
		delete(g.made, n)
	case status == "200" && strings.HasPrefix(p, "/containers/prune"):
		for n, k := range g.made {
			if k == "short" {
				delete(g.made, n)
			}
		}
	case status == "204" && strings.HasSuffix(queryOf.ReplaceAllString(p, ""), "/rename"):
		n, _, _ := strings.Cut(strings.TrimPrefix(p, "/containers/"), "/")
		_, to, _ := strings.Cut(p, "?name=")
		g.made[strings.TrimPrefix(to, "/")] = g.made[n]
		delete(g.made, n)
	}
}

// container names one that lives, mostly.
func (g *genState) container() string {
	if len(g.made) > 0 && !g.c.oneIn(12) {
		var l []string
		for n := range g.made {
			l = append(l, n)
		}
		sort.Strings(l)
		if len(l) > 0 {
			return pick(g.c, l...)
		}
	}
	return pick(g.c, append(genContainers, "nope", "0123456789ab")...)
}

func (g *genState) path(p string) string {
	if !g.c.oneIn(4) {
		return p
	}
	v := pick(g.c, g.api, "1.44", "1.41", "1.40", "1.35", "1.30", "1.25", "1.24", "1.23", "1.22", "1.19")
	if less(g.api, v) || less(v, g.min) {
		v = g.api
	}
	return "/v" + v + p
}

// field is a field of a create's body, with values that are good, in front, and some
// that are not.
type field struct {
	path string
	vals []any
}

type obj = map[string]any

var genConfig = []field{
	{"Env", []any{[]string{"A=b"}, []string{"A=b", "PATH=/x", "EMPTY="}, []string{"A"}, []string{"=a"}}},
	{"Labels", []any{obj{"k": "v"}, obj{"k": "w", "empty": ""}}},
	{"Tty", []any{true}},
	{"OpenStdin", []any{true}},
	{"AttachStdout", []any{true}},
	{"WorkingDir", []any{"/tmp", "/made/here", "rel", "/etc/passwd"}},
	{"User", []any{"root", "0:0", "1000", "1000:1000", "nosuch", "root:nosuch"}},
	{"Entrypoint", []any{[]string{"sh", "-c"}, []string{"/bin/echo"}, []string{}, []string{""}}},
	{"ExposedPorts", []any{obj{"80/tcp": obj{}}, obj{"53/udp": obj{}, "80": obj{}}, obj{"x/tcp": obj{}}}},
	{"Volumes", []any{obj{"/data": obj{}}, obj{"rel": obj{}}}},
	{"StopSignal", []any{"SIGKILL", "9", "SIGNOPE"}},
	{"StopTimeout", []any{1, 0, -1}},
	{"Hostname", []any{"box", "box.example", "_", strings.Repeat("a", 64)}},
	{"Domainname", []any{"example"}},
	{"Healthcheck", []any{obj{"Test": []string{"NONE"}}, obj{"Test": []string{"CMD", "true"}, "Interval": 3600000000000}, obj{"Interval": 1}, obj{"Test": []string{"CMD-SHELL", "false"}, "Interval": 3600000000000, "Retries": -1}}},
	{"NetworkDisabled", []any{true}},
	{"MacAddress", []any{"02:42:ac:11:00:99", "zz"}},
	{"ArgsEscaped", []any{true}},
	{"OnBuild", []any{[]string{"RUN x"}}},
	{"Shell", []any{[]string{"sh"}}},
}

var genHost = []field{
	{"Binds", []any{[]string{"/tmp:/mnt"}, []string{"/tmp:/mnt:ro"}, []string{"gv1:/vol"}, []string{"gv2:/vol:nocopy"}, []string{"/nosuchdir:/m"}, []string{"a"}, []string{"a:b"}, []string{"/:/"}, []string{"/tmp:/a", "/tmp:/a"}, []string{"/tmp:/a:zz"}, []string{"gv!:/v"}}},
	{"PortBindings", []any{obj{"80/tcp": []obj{{"HostPort": "18080"}}}, obj{"80/tcp": []obj{{"HostIp": "127.0.0.1", "HostPort": "18081"}}}, obj{"80/tcp": []obj{{"HostPort": "x"}}}, obj{"x": []obj{{}}}, obj{"80/tcp": []obj{{"HostIp": "nope", "HostPort": "18082"}}}}},
	{"RestartPolicy", []any{obj{"Name": "no"}, obj{"Name": "unless-stopped"}, obj{"Name": "x"}, obj{"Name": "always", "MaximumRetryCount": 3}, obj{"Name": "no", "MaximumRetryCount": 1}, obj{"Name": "on-failure", "MaximumRetryCount": -1}}},
	{"NetworkMode", []any{"none", "host", "bridge", "default", "gn1", "container:ga", "container:nope", "container:", "nosuchnet"}},
	{"Memory", []any{67108864, 1, -1}},
	{"MemorySwap", []any{-1, 67108864, 1}},
	{"MemoryReservation", []any{33554432}},
	{"CpuShares", []any{512, -1, 1}},
	{"NanoCpus", []any{500000000, 99000000000000}},
	{"CpusetCpus", []any{"0", "x", "99"}},
	{"CpuPeriod", []any{100000, 1}},
	{"CpuQuota", []any{50000, 1}},
	{"PidsLimit", []any{100, -1, 0, -5}},
	{"CapAdd", []any{[]string{"NET_ADMIN"}, []string{"CAP_SYS_PTRACE"}, []string{"ALL"}, []string{"nope"}}},
	{"CapDrop", []any{[]string{"ALL"}, []string{"CHOWN", "KILL"}, []string{"x"}}},
	{"Dns", []any{[]string{"192.0.2.53"}, []string{"x"}}},
	{"DnsSearch", []any{[]string{"example"}}},
	{"DnsOptions", []any{[]string{"ndots:2"}}},
	{"ExtraHosts", []any{[]string{"a:192.0.2.1"}, []string{"a"}, []string{"a:host-gateway"}, []string{"a:b"}}},
	{"GroupAdd", []any{[]string{"10"}, []string{"nosuch"}}},
	{"IpcMode", []any{"private", "shareable", "host", "none", "x", "container:ga"}},
	{"PidMode", []any{"host", "x", "container:gb", "container:nope"}},
	{"UTSMode", []any{"host", "x"}},
	{"UsernsMode", []any{"host", "x"}},
	{"CgroupnsMode", []any{"private", "host", "x"}},
	{"ReadonlyRootfs", []any{true}},
	{"SecurityOpt", []any{[]string{"no-new-privileges"}, []string{"seccomp=unconfined"}, []string{"label=disable"}, []string{"x"}, []string{"seccomp={"}, []string{"systempaths=unconfined"}}},
	{"Tmpfs", []any{obj{"/run": ""}, obj{"/run": "size=64k,mode=755"}, obj{"/run": "bogus=1"}, obj{"a": ""}}},
	{"ShmSize", []any{33554432, -1}},
	{"Sysctls", []any{obj{"net.ipv4.ip_forward": "1"}, obj{"a": "b"}, obj{"kernel.shmmax": "1"}}},
	{"Ulimits", []any{[]obj{{"Name": "nofile", "Soft": 100, "Hard": 200}}, []obj{{"Name": "nofile", "Soft": 2, "Hard": 1}}, []obj{{"Name": "x", "Soft": 1, "Hard": 1}}}},
	{"LogConfig", []any{obj{"Type": "json-file", "Config": obj{"max-size": "1m", "max-file": "2"}}, obj{"Type": "none"}, obj{"Type": "local"}, obj{"Type": "x"}, obj{"Type": "json-file", "Config": obj{"bogus": "1"}}, obj{"Type": "json-file", "Config": obj{"max-file": "2"}}}},
	{"Mounts", []any{[]obj{{"Type": "volume", "Source": "gv1", "Target": "/m"}}, []obj{{"Type": "tmpfs", "Target": "/m", "TmpfsOptions": obj{"SizeBytes": 65536}}}, []obj{{"Type": "bind", "Source": "/tmp", "Target": "/m", "ReadOnly": true}}, []obj{{"Type": "bind", "Source": "/nope", "Target": "/m"}}, []obj{{"Type": "volume", "Target": ""}}, []obj{{"Type": "x", "Target": "/m"}}, []obj{{"Type": "tmpfs", "Source": "x", "Target": "/m"}}, []obj{{"Type": "volume", "Target": "/m"}}, []obj{{"Type": "bind", "Target": "/m"}}}},
	{"Links", []any{[]string{"ga:x"}, []string{"nope:x"}, []string{"ga"}}},
	{"VolumesFrom", []any{[]string{"ga"}, []string{"gb:ro"}, []string{"nope"}, []string{"ga:zz"}}},
	{"Init", []any{true, false}},
	{"PublishAllPorts", []any{false}},
	{"OomKillDisable", []any{false, true}},
	{"OomScoreAdj", []any{500, -2000}},
	{"BlkioWeight", []any{300, 5}},
	{"Devices", []any{[]obj{{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"}}, []obj{{"PathOnHost": "/nope", "PathInContainer": "/dev/x"}}, []obj{{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "q"}}}},
	{"DeviceCgroupRules", []any{[]string{"c 1:3 r"}, []string{"x"}}},
	{"Runtime", []any{"runc", "x"}},
	{"Isolation", []any{"default", "process", "x"}},
	{"CgroupParent", []any{"/docker", "x"}},
	{"VolumeDriver", []any{"local", "x"}},
	{"MaskedPaths", []any{[]string{}, []string{"/proc/kcore"}}},
	{"ReadonlyPaths", []any{[]string{}}},
	{"Annotations", []any{obj{"a": "b"}, obj{"": "x"}}},
	{"ConsoleSize", []any{[]int{24, 80}}},
}

// body draws a create's body and says what its command is: "short" ends by itself,
// "long" stays up.
func (g *genState) body() (string, string) {
	kind := "long"
	b := obj{"Image": pick(g.c, "busybox", "busybox", "busybox", "busybox", "busybox", "busybox", "busybox", "busybox", "busybox", "busybox", "busybox:latest", "gi/a:1", "nosuch", "X", "")}
	switch g.c(8) {
	case 0, 1, 2, 3:
		b["Cmd"] = []string{"sleep", "1000"}
	case 4:
		b["Cmd"], kind = []string{"true"}, "short"
	case 5:
		b["Cmd"], kind = []string{"sh", "-c", "echo out; echo err >&2; exit 3"}, "short"
	case 6:
		b["Cmd"], kind = []string{"nosuchprogram"}, "short"
	case 7:
		kind = "short" // the image's own, a shell without input
	}
	for range g.c(4) {
		f := pick(g.c, genConfig...)
		b[f.path] = g.c.value(f)
	}
	if _, ok := b["Entrypoint"]; ok {
		kind = "short"
	}
	if !g.c.oneIn(8) {
		h := obj{}
		for range g.c(4) {
			f := pick(g.c, genHost...)
			h[f.path] = g.c.value(f)
		}
		b["HostConfig"] = h
	}
	if g.c.oneIn(10) {
		b["NetworkingConfig"] = obj{"EndpointsConfig": pick(g.c, obj{"gn1": obj{"Aliases": []string{"al"}}}, obj{"bridge": obj{}}, obj{"nosuch": obj{}}, obj{"gn1": obj{"IPAMConfig": obj{"IPv4Address": "10.99.0.77"}}})}
	}
	out, err := json.Marshal(b)
	if err != nil {
		panic(err)
	}
	return string(out), kind
}

func filters(c chooser, vals ...string) string { return "filters=" + url.QueryEscape(pick(c, vals...)) }

// begin is what every sequence begins with: objects that refer to each other.
func (g *genState) begin() []Step {
	g.kind = "long"
	g.made["ga"], g.made["gb"] = "long", "long"
	return []Step{
		{Req: "POST /networks/create", Body: `{"Name":"gn1","IPAM":{"Config":[{"Subnet":"10.99.0.0/24"}]}}`},
		{Req: "POST /volumes/create", Body: `{"Name":"gv1","Labels":{"k":"v"}}`},
		{Req: "POST /images/busybox/tag?repo=gi/a&tag=1"},
		{Req: "POST /containers/create?name=ga", Body: `{"Image":"busybox","Cmd":["sleep","1000"],"Labels":{"k":"v"},"HostConfig":{"Binds":["gv1:/data"]}}`},
		{Req: "POST /containers/ga/start"},
		{Req: "POST /containers/create?name=gb", Body: `{"Image":"gi/a:1","Cmd":["sleep","1000"],"HostConfig":{"NetworkMode":"gn1"}}`},
	}
}

// broken makes a call one that a client gets wrong.
func (g *genState) broken(s Step) Step {
	c := g.c
	s.Capture, s.Quiet = nil, false
	method, p, _ := strings.Cut(s.Req, " ")
	switch c(7) {
	case 0:
		s.Body = s.Body[:len(s.Body)/2]
	case 1:
		s.Body, s.Type = pick(c, "null", "[]", "\"x\"", "7", "{\"Cmd\":7}", "{\"HostConfig\":[]}", "{} {}", " "), ""
	case 2:
		s.Req = pick(c, "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH") + " " + p
	case 3:
		s.Type = pick(c, "text/plain", "application/json; charset=utf-8", "x", "-")
	case 4:
		s.Req = method + " " + pick(c, "/v1.10", "/v1.99", "/v2", "/v1.41.1") + vPrefix.ReplaceAllString(p, "")
	case 5:
		s.Req = method + " " + pick(c, "/", "//", "/x")[1:] + queryOf.ReplaceAllString(p, "") + pick(c, "/", "/x", "?", "?x=%zz", "?a=1;b=2", "%00", "/../json")
	case 6:
		s.Header = append(s.Header, pick(c, "X-Registry-Auth: x", "Expect: 100-continue", "Connection: close", "Accept: text/html", "X-Registry-Config: x"))
	}
	return s
}

// buildContext is a build's: a Dockerfile and a file.
func buildContext(dockerfile string) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range [][2]string{{"Dockerfile", dockerfile}, {"f", "content\n"}} {
		_ = w.WriteHeader(&tar.Header{Name: f[0], Mode: 0o644, Size: int64(len(f[1])), ModTime: time.Unix(1600000000, 0)})
		_, _ = w.Write([]byte(f[1]))
	}
	_ = w.Close()
	return b.String()
}

// next draws a step, with what must be done quietly after it.
func (g *genState) next() []Step {
	c := g.c
	n := func() string { return g.container() }
	one := func(method, p string) []Step { return []Step{{Req: method + " " + g.path(p)}} }
	js := func(p string, v any) []Step {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return []Step{{Req: "POST " + g.path(p), Body: string(b)}}
	}
	switch c(62) {
	case 0, 1, 2, 3, 4:
		name := pick(c, genContainers...)
		if g.made[name] != "" && !c.oneIn(4) {
			for _, x := range genContainers {
				if g.made[x] == "" {
					name = x
				}
			}
		}
		b, kind := g.body()
		g.kind = kind
		return []Step{{Req: "POST " + g.path("/containers/create?name="+name), Body: b}}
	case 5, 6, 7, 8:
		x := n()
		out := one("POST", "/containers/"+x+"/start")
		if g.made[x] == "short" {
			out = append(out, Step{Req: "POST /containers/" + x + "/wait", Quiet: true, Within: 3 * time.Second}, Step{Req: "GET /_ping", Quiet: true, Header: []string{"X-Pause: 1"}})
		}
		return out
	case 9:
		return one("POST", "/containers/"+n()+"/stop?t=0")
	case 10:
		x := n()
		out := one("POST", "/containers/"+x+"/restart?t=0")
		if g.made[x] == "short" {
			out = append(out, Step{Req: "POST /containers/" + x + "/wait", Quiet: true, Within: 3 * time.Second})
		}
		return out
	case 11:
		x := n()
		return append(one("POST", "/containers/"+x+"/kill"+pick(c, "", "", "?signal=KILL", "?signal=0", "?signal=WINCH", "?signal=NOPE")), Step{Req: "GET /_ping", Quiet: true, Header: []string{"X-Pause: 1"}})
	case 12:
		return one("POST", "/containers/"+n()+"/"+pick(c, "pause", "unpause"))
	case 13:
		return one("POST", "/containers/"+n()+"/rename?name="+pick(c, "ga", "gz", "-", "", "a", "/gz"))
	case 14:
		return js("/containers/"+n()+"/update", pick(c, obj{"CpuShares": 256}, obj{"Memory": 67108864, "MemorySwap": -1}, obj{"Memory": 1}, obj{"RestartPolicy": obj{"Name": "unless-stopped"}}, obj{"RestartPolicy": obj{"Name": "x"}}, obj{"NanoCpus": 100000000}, obj{"PidsLimit": 50}, obj{"CpuPeriod": 1}, obj{}))
	case 15:
		return []Step{{Req: "POST " + g.path("/containers/"+n()+"/wait"+pick(c, "", "?condition=not-running", "?condition=next-exit", "?condition=x")), Within: 300 * time.Millisecond}}
	case 16, 17:
		x := n()
		if c.oneIn(2) {
			return one("DELETE", "/containers/"+x+"?force=1"+pick(c, "", "&v=1"))
		}
		return one("DELETE", "/containers/"+x+pick(c, "", "?v=1", "?link=1", "?force=x"))
	case 18, 19, 20, 21:
		return one("GET", "/containers/"+n()+"/json"+pick(c, "", "", "?size=1"))
	case 22, 23:
		return one("GET", "/containers/json"+pick(c, "?all=1", "", "?all=1&limit=2", "?all=1&size=1", "?limit=-1", "?all=x")+"&"+
			filters(c, `{}`, `{"status":["running"]}`, `{"status":["exited","created"]}`, `{"name":["ga"]}`, `{"label":["k=v"]}`, `{"ancestor":["busybox"]}`, `{"volume":["gv1"]}`, `{"network":["gn1"]}`, `{"exited":["3"]}`, `{"health":["none"]}`, `{"publish":["80"]}`, `{"expose":["80/tcp"]}`, `{"before":["gb"]}`, `{"since":["ga"]}`, `{"is-task":["false"]}`, `{"bogus":["x"]}`, `{"status":["x"]}`))
	case 24:
		return one("GET", "/containers/"+n()+"/logs?"+pick(c, "stdout=1", "stderr=1", "stdout=1&stderr=1", "stdout=1&tail=1", "stdout=1&timestamps=1", "stdout=1&details=1", "", "stdout=1&since=x", "stdout=1&until=1", "stdout=1&tail=x"))
	case 25:
		return []Step{{Req: "GET " + g.path("/containers/"+n()+"/top"+pick(c, "", "?ps_args=-ef", "?ps_args=-o pid", "?ps_args=-Z")), HeadOnly: true}}
	case 26:
		st := one("GET", "/containers/"+n()+"/changes")
		st[0].Sort = true // the daemon's are in the order of a map
		return st
	case 27, 28:
		g.exec++
		v := fmt.Sprintf("x%d", g.exec)
		x := n()
		out := js("/containers/"+x+"/exec", pick(c, obj{"Cmd": []string{"true"}}, obj{"Cmd": []string{"sh", "-c", "echo hi; exit 4"}, "AttachStdout": true, "AttachStderr": true}, obj{"Cmd": []string{}}, obj{"Cmd": []string{"nosuch"}, "AttachStdout": true}, obj{"Cmd": []string{"id"}, "User": "nosuch", "AttachStdout": true}, obj{"Cmd": []string{"true"}, "WorkingDir": "/nosuch", "AttachStdout": true}, obj{"Cmd": []string{"sh", "-c", "pwd"}, "WorkingDir": "/tmp", "AttachStdout": true}, obj{"Cmd": []string{"env"}, "Env": []string{"Z=1"}, "AttachStdout": true}, obj{"Cmd": []string{"true"}, "DetachKeys": "ctrl-!"}))
		out[0].Capture = map[string]string{v: `"Id":"([0-9a-f]{64})"`}
		out = append(out, Step{Req: "GET /exec/${" + v + "}/json"}, Step{Req: "POST /exec/${" + v + "}/start", Body: pick(c, "{}", `{"Detach":false}`, `{"Tty":true}`)}, Step{Req: "GET /_ping", Quiet: true, Header: []string{"X-Pause: 1"}}, Step{Req: "GET /exec/${" + v + "}/json"})
		return out
	case 29:
		return []Step{{Req: pick(c, "GET ", "HEAD ") + g.path("/containers/"+n()+"/archive?path="+pick(c, "/etc/passwd", "/etc", "/nope", "", "etc/group", "/bin/sh")), HeadOnly: true}}
	case 30:
		return []Step{{Req: "PUT " + g.path("/containers/"+n()+"/archive?path="+pick(c, "/tmp", "/nope", "/etc/passwd", "")+pick(c, "", "&noOverwriteDirNonDir=1")), Body: tiny(), Type: "application/x-tar"}}
	case 31:
		return []Step{{Req: "GET " + g.path("/containers/"+n()+pick(c, "/export", "/stats?stream=0&one-shot=1")), HeadOnly: true}}
	case 32:
		return []Step{{Req: "POST " + g.path("/commit?container="+n()+"&repo="+pick(c, "gi/a", "gb", "X")+pick(c, "", "&tag=1", "&tag=2")+pick(c, "", "&comment=c&author=a", "&changes=ENV%20Q=1", "&changes=BOGUS%20x", "&pause=0")), Body: pick(c, "{}", `{"Cmd":["x"]}`, `{"Env":["N=m"],"Labels":{"z":"y"}}`)}}
	case 33:
		return one("POST", pick(c, "/containers/prune", "/volumes/prune", "/networks/prune")+"?"+filters(c, `{}`, `{"label":["k=v"]}`, `{"label!":["k"]}`, `{"until":["1h"]}`, `{"bogus":["x"]}`))
	case 34:
		return one("GET", "/images/json?"+pick(c, "", "all=1&", "digests=1&", "shared-size=1&")+filters(c, `{}`, `{"dangling":["true"]}`, `{"reference":["gi/*"]}`, `{"label":["z=y"]}`, `{"before":["gi/a:1"]}`, `{"since":["busybox"]}`, `{"x":["y"]}`))
	case 35:
		return one("GET", "/images/"+pick(c, append(genImages, "busybox", "nope", "X")...)+pick(c, "/json", "/json", "/history"))
	case 36:
		return one("POST", "/images/"+pick(c, append(genImages, "busybox", "nope")...)+"/tag?repo="+pick(c, "gi/a", "gb", "X", "")+pick(c, "", "&tag=1", "&tag=2", "&tag=-"))
	case 37:
		return one("DELETE", "/images/"+pick(c, append(genImages, "nope")...)+pick(c, "", "?force=1", "?noprune=1"))
	case 38:
		return js("/networks/create", pick(c, obj{"Name": "gn1", "IPAM": obj{"Config": []obj{{"Subnet": "10.99.0.0/24"}}}}, obj{"Name": "gn1"}, obj{"Name": "gn2"}, obj{"Name": "gn2", "Internal": true, "Labels": obj{"k": "v"}}, obj{"Name": "gn2", "Driver": "x"}, obj{"Name": "gn2", "IPAM": obj{"Config": []obj{{"Subnet": "10.99.0.0/25"}}}}, obj{"Name": "gn2", "EnableIPv6": true}, obj{"Name": "gn2", "IPAM": obj{"Config": []obj{{"Subnet": "10.98.0.0/24", "IPRange": "10.98.0.128/25", "Gateway": "10.98.0.1", "AuxiliaryAddresses": obj{"h": "10.98.0.5"}}}}}, obj{"Name": "gn2", "Options": obj{"com.docker.network.bridge.enable_icc": "false"}}, obj{"Name": "gn2", "Options": obj{"com.docker.network.driver.mtu": "x"}}, obj{"Name": "gn2", "Attachable": true, "ConfigOnly": true}, obj{"Name": "gn2", "Scope": "swarm"}, obj{"Name": ""}))
	case 39:
		return one("GET", "/networks/"+pick(c, "gn1", "gn2", "bridge", "host", "nope")+pick(c, "", "", "?verbose=1"))
	case 40:
		st := one("GET", "/networks?"+filters(c, `{}`, `{"type":["custom"]}`, `{"driver":["bridge"]}`, `{"dangling":["true"]}`, `{"label":["k=v"]}`, `{"name":["gn"]}`))
		st[0].Sort = true
		return st
	case 41:
		return js("/networks/"+pick(c, "gn1", "gn2", "bridge", "host", "nope")+"/connect", obj{"Container": n(), "EndpointConfig": pick[any](c, nil, obj{}, obj{"Aliases": []string{"q"}}, obj{"IPAMConfig": obj{"IPv4Address": "10.99.0.50"}}, obj{"IPAMConfig": obj{"IPv4Address": "192.0.2.1"}}, obj{"Links": []string{"ga:l"}}, obj{"MacAddress": "02:42:0a:63:00:07"}, obj{"DriverOpts": obj{"a": "b"}})})
	case 42:
		return js("/networks/"+pick(c, "gn1", "gn2", "bridge")+"/disconnect", obj{"Container": n(), "Force": c.oneIn(3)})
	case 43:
		return one("DELETE", "/networks/"+pick(c, "gn1", "gn2", "bridge", "nope"))
	case 44:
		if c.oneIn(2) {
			return js("/volumes/create", pick(c, obj{"Name": "gv1"}, obj{"Name": "gv2", "Labels": obj{"k": "v"}}, obj{"Name": "gv1", "Driver": "x"}, obj{"Name": "gv2", "DriverOpts": obj{"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}}, obj{"Name": "gv2", "DriverOpts": obj{"x": "y"}}, obj{"Name": "a/b"}))
		}
		return one("GET", "/volumes"+pick(c, "/gv1", "/gv2", "/nope", "?"+filters(c, `{"dangling":["true"]}`, `{"label":["k=v"]}`, `{"driver":["local"]}`, `{"name":["gv1"]}`)))
	case 45:
		return one("GET", pick(c, "/_ping", "/version", "/info", "/plugins", "/plugins/x/json", "/swarm", "/services", "/nodes", "/tasks", "/secrets", "/configs", "/nothing", "/distribution/X/json", "/session", "/volumes/"))
	case 46:
		st := one("POST", pick(c, "/services/create", "/swarm/update", "/swarm/unlock", "/swarm/leave", "/secrets/create", "/configs/create", "/plugins/x/enable", "/plugins/x/disable", "/plugins/x/upgrade", "/plugins/create", "/build/cancel"))
		st[0].Body = pick(c, "{}", "", "{", "[]")
		return st
	case 47, 48:
		return []Step{{Req: "POST " + g.path("/containers/"+n()+"/attach?"+pick(c, "logs=1&stdout=1", "logs=1&stdout=1&stderr=1", "stream=1&stdout=1", "stream=0", "", "logs=x", "stream=1&stdin=1&detachKeys=ctrl-!")), Header: pick(c, nil, []string{"Upgrade: tcp", "Connection: Upgrade"}), Within: 300 * time.Millisecond}}
	case 49:
		return one("POST", "/containers/"+n()+"/resize?"+pick(c, "h=10&w=20", "h=10", "", "h=x&w=1", "h=-1&w=1", "h=99999999999&w=1"))
	case 50:
		return []Step{{Req: "POST " + g.path("/build?t="+pick(c, "gi/a:1", "gi/a:2", "gb", "X")+pick(c, "", "&q=1", "&nocache=1", "&rm=0", "&labels=%7B%22z%22%3A%22y%22%7D", "&buildargs=%7B%22A%22%3A%22b%22%7D", "&target=one", "&target=none", "&dockerfile=nope", "&networkmode=none", "&platform=x", "&cachefrom=x", "&squash=1", "&shmsize=x")),
			Body: buildContext(pick(c, "FROM busybox\nLABEL z=y\nCMD [\"sleep\",\"1000\"]\n", "FROM busybox\nENV A=b\nWORKDIR /w\nRUN echo hi > f\n", "FROM busybox AS one\nRUN true\nFROM one\nCOPY f /x/\nUSER 1000\nEXPOSE 80\n", "FROM scratch\nCOPY f /\n", "ARG A=c\nFROM busybox\nARG A\nRUN echo $A; exit 3\n", "FROM busybox\nCOPY nope /\n", "FROM X\n", "FROM busybox\nBOGUS\n", "", "FROM busybox\nENTRYPOINT [\"echo\"]\nVOLUME /v\nHEALTHCHECK NONE\nSTOPSIGNAL 9\nONBUILD RUN x\nSHELL [\"sh\"]\n")), Type: "application/x-tar"}}
	case 51:
		return []Step{{Req: "POST " + g.path("/images/create?fromSrc=-&repo="+pick(c, "gi/a", "gb", "X", "")+pick(c, "&tag=1", "&tag=2", "", "&tag=-")+pick(c, "", "&message=m", "&changes=CMD%20%5B%22a%22%5D", "&changes=BOGUS%20x", "&platform=linux/arm64", "&platform=x/y/z/q")), Body: pick(c, tiny(), tiny(), "", "garbage"), Type: "application/x-tar"}}
	case 52:
		return one("POST", "/images/create?"+pick(c, "fromImage=X", "fromImage=busybox:-", "", "fromImage=a@b", "fromSrc=x", "fromImage="))
	case 53:
		return []Step{{Req: "GET " + g.path("/images/"+pick(c, "gi/a:1/get", "busybox/get", "get?names=busybox&names=gi/a:1", "nope/get", "get?names=nope", "get", "X/get")), HeadOnly: true}}
	case 54:
		return []Step{{Req: "POST " + g.path("/images/load"+pick(c, "", "?quiet=1", "?quiet=x")), Body: pick(c, "garbage", "", tiny()), Type: "application/x-tar"}}
	case 55:
		return one("POST", pick(c, "/images/prune?", "/build/prune?", "/images/prune?")+filters(c, `{}`, `{"dangling":["true"]}`, `{"until":["1h"]}`, `{"label":["nope"]}`, `{"bogus":["x"]}`, `{"dangling":["x"]}`))
	case 56, 57:
		return one("GET", "/events?since=${since}&until=${now}&"+filters(c, `{"type":["container"]}`, `{"container":["ga"]}`, `{"type":["network"]}`, `{"type":["volume"]}`, `{"type":["image"]}`, `{"event":["start","die"]}`, `{"label":["k=v"]}`, `{"image":["busybox"]}`, `{"bogus":["x"]}`))
	case 58:
		x := pick(c, "nope", "${x1}", "${x1}", "${x2}")
		return one(pick(c, "GET", "POST", "POST"), "/exec/"+x+pick(c, "/json", "/resize?h=1&w=1", "/start"))
	case 59:
		return one(pick(c, "GET", "POST", "DELETE"), "/containers/"+n()+pick(c, "/checkpoints", "/checkpoints/x", "/attach/ws", "/copy", "/nothing"))
	case 60, 61:
		return []Step{g.broken(g.next()[0])}
	default:
		if c.oneIn(2) {
			return one("DELETE", "/volumes/"+pick(c, genVolumes...)+pick(c, "", "?force=1"))
		}
		return []Step{{Req: "GET " + g.path("/system/df"+pick(c, "", "?type=container", "?type=volume", "?type=x")), HeadOnly: true}}
	}
}
