package program

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/docker/go-units"

	"github.com/whalefall/whalefall/internal/kernel"
)

const dockerSocket = "/var/run/docker.sock"

const dockerVersionClient = "Client: Docker Engine - Community\n Version:           24.0.7\n API version:       1.43\n Go version:        go1.20.10\n Git commit:        afdd53b\n Built:             Thu Oct 26 09:07:41 2023\n OS/Arch:           linux/amd64\n Context:           default\n"

// cmdDocker is docker's client. It speaks to the daemon behind the socket, or the
// address, that it is pointed at; where none answers, as inside of most containers,
// it says so in the client's words. What it does not know of the command line is
// told to the record.
func cmdDocker(p *P) int {
	args := p.args
	host := p.t.Getenv("DOCKER_HOST")
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		a := args[0]
		args = args[1:]
		switch name, v, has := strings.Cut(a, "="); name {
		case "-v", "--version":
			p.puts("Docker version 24.0.7, build afdd53b\n")
			return 0
		case "-H", "--host":
			if !has && len(args) > 0 {
				v, args = args[0], args[1:]
			}
			host = v
		case "-l", "--log-level", "-c", "--context", "--config", "--tlscacert", "--tlscert", "--tlskey":
			if !has && len(args) > 0 {
				args = args[1:]
			}
		case "-D", "--debug", "--tls", "--tlsverify", "--help":
		default:
			p.raw("unknown flag: %s\nSee 'docker --help'.\n", a)
			return 125
		}
	}
	if len(args) == 0 {
		p.puts("\nUsage:  docker [OPTIONS] COMMAND\n\nA self-sufficient runtime for containers\n\nCommon Commands:\n  run         Create and run a new container from an image\n  exec        Execute a command in a running container\n  ps          List containers\n  build       Build an image from a Dockerfile\n  pull        Download an image from a registry\n  push        Upload an image to a registry\n  images      List images\n  login       Log in to a registry\n  logout      Log out from a registry\n  search      Search Docker Hub for images\n  version     Show the Docker version information\n  info        Display system-wide information\n\nRun 'docker COMMAND --help' for more information on a command.\n\nFor more help on how to use Docker, head to https://docs.docker.com/go/guides/\n")
		return 0
	}
	const known = " attach build builder commit compose config container context cp create diff events exec export history image images import info inspect kill load login logout logs manifest network node pause plugin port ps pull push rename restart rm rmi run save search secret service stack start stats stop swarm system tag top trust unpause update version volume wait "
	if !strings.Contains(known, " "+args[0]+" ") {
		p.raw("docker: '%s' is not a docker command.\nSee 'docker --help'\n", args[0])
		return 1
	}
	if host == "" {
		host = "unix://" + dockerSocket
	}
	d := &dockerClient{p: p, host: host}
	if d.ping() {
		return d.run(args)
	}
	if args[0] == "version" {
		p.puts(dockerVersionClient)
		p.out.Flush()
	}
	no := "Cannot connect to the Docker daemon at " + host + ". Is the docker daemon running?\n"
	if args[0] == "run" || args[0] == "create" {
		p.raw("docker: %sSee 'docker %s --help'.\n", strings.TrimSuffix(no, "\n")+".\n", args[0])
		return 125
	}
	if args[0] == "info" {
		p.puts("Client: Docker Engine - Community\n Version:    24.0.7\n Context:    default\n Debug Mode: false\n\nServer:\n")
		p.out.Flush()
		p.raw("ERROR: %serrors pretty printing info\n", no)
		return 1
	}
	p.raw("%s", no)
	return 1
}

// dockerClient is one call of the client.
type dockerClient struct {
	p       *P
	host    string
	version string // of the API, agreed on
}

func (d *dockerClient) dial() (int, error) {
	if path, ok := strings.CutPrefix(d.host, "unix://"); ok {
		return d.p.t.DialUnix(path)
	}
	u, bad := parseURL(strings.Replace(d.host, "tcp://", "http://", 1))
	if bad != "" {
		return -1, fmt.Errorf("%s", bad)
	}
	if !u.explicit {
		u.port = 2375
	}
	if a, err := netip.ParseAddr(u.host); err == nil {
		return d.p.t.DialAddr("tcp", netip.AddrPortFrom(a, u.port), u.host)
	}
	return d.p.t.Dial("tcp", u.host, u.port)
}

// send makes a request on a connection of its own and gives the answer's head.
func (d *dockerClient) send(method, path string, body []byte) (*webResponse, error) {
	fd, err := d.dial()
	if err != nil {
		return nil, err
	}
	h := method + " " + path + " HTTP/1.1\r\nHost: docker\r\nUser-Agent: Docker-Client/24.0.7 (linux)\r\n"
	if body != nil {
		h += "Content-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
	} else if method == "POST" {
		h += "Content-Length: 0\r\n"
	}
	r, err := d.p.exchange(fd, h+"\r\n", body, method)
	if err != nil {
		d.p.t.Close(fd)
	}
	return r, err
}

func (d *dockerClient) ping() bool {
	r, err := d.send("GET", "/_ping", nil)
	if err != nil {
		return false
	}
	d.p.t.Close(r.fd)
	if d.version = r.get("Api-Version"); d.version == "" {
		return false // no daemon's answer
	}
	if minor, _ := strconv.Atoi(strings.TrimPrefix(d.version, "1.")); minor > 43 {
		d.version = "1.43"
	}
	return true
}

// maxDockerAnswer bounds an answer that is kept whole.
const maxDockerAnswer = 8 << 20

// call makes a request, decodes the answer into out, and gives the daemon's words
// where it fails.
func (d *dockerClient) call(method, path string, in, out any) (status int, words string) {
	var body []byte
	if in != nil {
		body, _ = json.Marshal(in)
	}
	r, err := d.send(method, "/v"+d.version+path, body)
	if err != nil {
		return 0, "Cannot connect to the Docker daemon at " + d.host + ". Is the docker daemon running?"
	}
	defer d.p.t.Close(r.fd)
	b := d.p.readAll(io.LimitReader(r.body, maxDockerAnswer))
	if r.status >= 400 {
		var e struct{ Message string }
		_ = json.Unmarshal(b, &e)
		return r.status, e.Message
	}
	if out != nil {
		_ = json.Unmarshal(b, out)
	}
	return r.status, ""
}

func (d *dockerClient) fail(words string) int {
	if strings.HasPrefix(words, "Cannot connect") {
		d.p.raw("%s\n", words)
	} else {
		d.p.raw("Error response from daemon: %s\n", words)
	}
	return 1
}

// each does the same to several objects and prints their names.
func (d *dockerClient) each(names []string, method, path string) int {
	code := 0
	for _, n := range names {
		if _, words := d.call(method, strings.Replace(path, "{}", url.PathEscape(n), 1), nil, nil); words != "" {
			code = d.fail(words)
			continue
		}
		d.p.puts(n + "\n")
	}
	return code
}

// run does a command.
func (d *dockerClient) run(args []string) int {
	p := d.p
	verb, rest := args[0], args[1:]
	if len(rest) > 0 {
		switch verb {
		case "container", "image":
			verb, rest = rest[0], rest[1:]
			switch {
			case args[0] == "image" && (verb == "ls" || verb == "list"):
				verb = "images"
			case args[0] == "image" && verb == "rm":
				verb = "rmi"
			case verb == "ls" || verb == "list":
				verb = "ps"
			}
		case "network", "volume", "system":
			verb, rest = verb+" "+rest[0], rest[1:]
		}
	}
	old := p.args
	p.args = rest
	defer func() { p.args = old }()
	need := func() bool {
		if len(rest) > 0 {
			return false
		}
		p.raw("\"docker %s\" requires at least 1 argument.\nSee 'docker %s --help'.\n\nUsage:  docker %s [OPTIONS] %s\n", verb, verb, verb, "CONTAINER [CONTAINER...]")
		return true
	}
	switch verb {
	case "ps":
		return d.ps()
	case "images":
		return d.images()
	case "inspect":
		return d.inspect()
	case "version":
		return d.versions()
	case "run", "create":
		return d.create(verb)
	case "exec":
		return d.exec()
	case "pull":
		return d.pull()
	case "logs":
		return d.logs()
	case "rm":
		opts, names, ok := p.getopt("fvl", "force=f", "volumes=v", "link=l")
		if !ok {
			return 125
		}
		if rest = names; need() {
			return 1
		}
		q := ""
		if f := set(opts); f.has("f") || f.has("v") {
			q = "?" + onlyWhen(f.has("f"), "force=1") + onlyWhen(f.has("f") && f.has("v"), "&") + onlyWhen(f.has("v"), "v=1")
		}
		return d.each(names, "DELETE", "/containers/{}"+q)
	case "rmi":
		opts, names, ok := p.getopt("f", "force=f", "no-prune=n")
		if !ok {
			return 125
		}
		if rest = names; need() {
			return 1
		}
		code := 0
		for _, n := range names {
			var out []map[string]string
			if _, words := d.call("DELETE", "/images/"+n+"?"+onlyWhen(set(opts).has("f"), "force=1"), nil, &out); words != "" {
				code = d.fail(words)
			}
			for _, x := range out {
				for k, v := range x {
					p.printf("%s: %s\n", k, v)
				}
			}
		}
		return code
	case "kill":
		opts, names, ok := p.getopt("s:", "signal:=s")
		if !ok {
			return 125
		}
		if rest = names; need() {
			return 1
		}
		return d.each(names, "POST", "/containers/{}/kill?signal="+url.QueryEscape(set(opts)["s"]))
	case "stop", "restart":
		opts, names, ok := p.getopt("t:s:", "time:=t", "signal:=s")
		if !ok {
			return 125
		}
		if rest = names; need() {
			return 1
		}
		return d.each(names, "POST", "/containers/{}/"+verb+onlyWhen(set(opts)["t"] != "", "?t="+url.QueryEscape(set(opts)["t"])))
	case "start", "pause", "unpause":
		_, names, ok := p.getopt("ai", "attach=a", "interactive=i")
		if !ok {
			return 125
		}
		if rest = names; need() {
			return 1
		}
		return d.each(names, "POST", "/containers/{}/"+verb)
	case "network ls", "network list":
		var l []struct{ ID, Name, Driver, Scope string }
		if _, words := d.call("GET", "/networks", nil, &l); words != "" {
			return d.fail(words)
		}
		sort.Slice(l, func(i, j int) bool { return l[i].Name < l[j].Name })
		rows := [][]string{{"NETWORK ID", "NAME", "DRIVER", "SCOPE"}}
		for _, n := range l {
			rows = append(rows, []string{n.ID[:min(12, len(n.ID))], n.Name, n.Driver, n.Scope})
		}
		d.table(rows)
		return 0
	case "volume ls", "volume list":
		var l struct {
			Volumes []struct{ Name, Driver string }
		}
		if _, words := d.call("GET", "/volumes", nil, &l); words != "" {
			return d.fail(words)
		}
		sort.Slice(l.Volumes, func(i, j int) bool { return l.Volumes[i].Name < l.Volumes[j].Name })
		rows := [][]string{{"DRIVER", "VOLUME NAME"}}
		for _, v := range l.Volumes {
			rows = append(rows, []string{v.Driver, v.Name})
		}
		d.table(rows)
		return 0
	case "top":
		if need() {
			return 1
		}
		var r struct {
			Titles    []string
			Processes [][]string
		}
		if _, words := d.call("GET", "/containers/"+url.PathEscape(rest[0])+"/top?ps_args="+url.QueryEscape(strings.Join(rest[1:], " ")), nil, &r); words != "" {
			return d.fail(words)
		}
		d.table(append([][]string{r.Titles}, r.Processes...))
		return 0
	case "info", "system info":
		return d.info()
	case "login":
		p.raw("Error: Cannot perform an interactive login from a non TTY device\n")
		return 1
	}
	p.unknown("stand-in", "docker "+strings.Join(args, " "))
	return 0
}

func onlyWhen(b bool, s string) string {
	if b {
		return s
	}
	return ""
}

func (d *dockerClient) table(rows [][]string) {
	w := tabwriter.NewWriter(d.p.out, 10, 1, 3, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	_ = w.Flush()
}

var templateRef = regexp.MustCompile(`\{\{ *(json +)?\.([A-Za-z.]*) *\}\}`)

// format fills a template: the fields of v by their path, plain or as JSON.
func format(tmpl string, v map[string]any) string {
	tmpl = strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(strings.TrimPrefix(tmpl, "table "))
	return templateRef.ReplaceAllStringFunc(tmpl, func(m string) string {
		x := templateRef.FindStringSubmatch(m)
		var at any = v
		for _, k := range strings.FieldsFunc(x[2], func(r rune) bool { return r == '.' }) {
			o, _ := at.(map[string]any)
			at = o[k]
		}
		if s, ok := at.(string); ok && x[1] == "" {
			return s
		}
		if at == nil && x[1] == "" {
			return "<no value>"
		}
		b, _ := json.Marshal(at)
		return string(b)
	})
}

// filters makes the query's value of key=value options.
func filters(l []opt) string {
	m := map[string][]string{}
	for _, o := range l {
		if o.c == "filter" {
			k, v, _ := strings.Cut(o.arg, "=")
			m[k] = append(m[k], v)
		}
	}
	if len(m) == 0 {
		return ""
	}
	b, _ := json.Marshal(m)
	return "&filters=" + url.QueryEscape(string(b))
}

func cut12(id string) string { id = strings.TrimPrefix(id, "sha256:"); return id[:min(12, len(id))] }

func (d *dockerClient) ps() int {
	p := d.p
	opts, _, ok := p.getopt("aqn:lsf:", "all=a", "quiet=q", "last:=n", "latest=l", "no-trunc=t", "size=s", "format:=format", "filter:=filter")
	if !ok {
		return 125
	}
	for i := range opts {
		if opts[i].c == "f" {
			opts[i].c = "filter"
		}
	}
	f := set(opts)
	q := "/containers/json?" + onlyWhen(f.has("a"), "all=1") + onlyWhen(f["n"] != "", "&limit="+f["n"]) + onlyWhen(f.has("l"), "&limit=1") + filters(opts)
	var l []struct {
		ID, Image, Command, Status, State string
		Created                           int64
		Names                             []string
		Labels                            map[string]string
		Ports                             []struct {
			IP, Type                string
			PrivatePort, PublicPort int
		}
	}
	if _, words := d.call("GET", strings.TrimSuffix(q, "?"), nil, &l); words != "" {
		return d.fail(words)
	}
	rows := [][]string{{"CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"}}
	for _, c := range l {
		id, cmd, image := c.ID, c.Command, strings.TrimPrefix(c.Image, "sha256:")
		if !f.has("t") {
			id = cut12(id)
			if len(cmd) > 20 {
				cmd = cmd[:19] + "…"
			}
			if len(image) == 64 {
				image = image[:12]
			}
		}
		if f.has("q") {
			p.puts(id + "\n")
			continue
		}
		var ports, names []string
		for _, x := range c.Ports {
			s := fmt.Sprintf("%d/%s", x.PrivatePort, x.Type)
			if x.PublicPort != 0 {
				ip := x.IP
				if strings.Contains(ip, ":") && ip != "::" {
					ip = "[" + ip + "]"
				}
				s = fmt.Sprintf("%s:%d->%s", ip, x.PublicPort, s)
			}
			ports = append(ports, s)
		}
		for _, n := range c.Names {
			names = append(names, strings.TrimPrefix(n, "/"))
		}
		created := units.HumanDuration(p.t.Now().Sub(time.Unix(c.Created, 0))) + " ago"
		if t, has := f["format"]; has {
			p.puts(format(t, map[string]any{"ID": id, "Image": image, "Command": strconv.Quote(cmd), "Status": c.Status, "State": c.State, "Names": strings.Join(names, ","),
				"Ports": strings.Join(ports, ", "), "RunningFor": created, "CreatedAt": time.Unix(c.Created, 0).UTC().Format("2006-01-02 15:04:05 -0700 MST")}) + "\n")
			continue
		}
		rows = append(rows, []string{id, image, strconv.QuoteToGraphic(cmd), created, c.Status, strings.Join(ports, ", "), strings.Join(names, ",")})
	}
	if !f.has("q") && !f.has("format") {
		d.table(rows)
	}
	return 0
}

func (d *dockerClient) images() int {
	p := d.p
	opts, args, ok := p.getopt("aqf:", "all=a", "quiet=q", "no-trunc=t", "digests=d", "format:=format", "filter:=filter")
	if !ok {
		return 125
	}
	f := set(opts)
	if len(args) > 0 {
		opts = append(opts, opt{"filter", "reference=" + args[0]})
	}
	var l []struct {
		ID            string
		RepoTags      []string
		RepoDigests   []string
		Created, Size int64
	}
	if _, words := d.call("GET", "/images/json?"+onlyWhen(f.has("a"), "all=1")+filters(opts), nil, &l); words != "" {
		return d.fail(words)
	}
	rows := [][]string{{"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"}}
	for _, i := range l {
		id := i.ID
		if !f.has("t") {
			id = cut12(id)
		}
		tags := i.RepoTags
		if len(tags) == 0 {
			repo := "<none>"
			if len(i.RepoDigests) > 0 {
				repo, _, _ = strings.Cut(i.RepoDigests[0], "@")
			}
			tags = []string{repo + ":<none>"}
		}
		for _, t := range tags {
			n := strings.LastIndexByte(t, ':')
			created := units.HumanDuration(p.t.Now().Sub(time.Unix(i.Created, 0))) + " ago"
			size := units.HumanSizeWithPrecision(float64(i.Size), 3)
			if tmpl, has := f["format"]; has {
				p.puts(format(tmpl, map[string]any{"ID": id, "Repository": t[:n], "Tag": t[n+1:], "Size": size, "CreatedSince": created}) + "\n")
				continue
			}
			rows = append(rows, []string{t[:n], t[n+1:], id, created, size})
			if f.has("q") {
				p.puts(id + "\n")
			}
		}
	}
	if !f.has("q") && !f.has("format") {
		d.table(rows)
	}
	return 0
}

func (d *dockerClient) inspect() int {
	p := d.p
	opts, names, ok := p.getopt("f:s", "format:=f", "size=s", "type:=type")
	if !ok {
		return 125
	}
	f := set(opts)
	var out []json.RawMessage
	code := 0
	for _, n := range names {
		found := false
		for _, kind := range []string{"containers", "images", "networks", "volumes"} {
			path := "/" + kind + "/" + url.PathEscape(n)
			if kind == "containers" || kind == "images" {
				path += "/json"
			}
			var b json.RawMessage
			if st, words := d.call("GET", path, nil, &b); words == "" && st == 200 {
				found = true
				if t, has := f["f"]; has {
					var v map[string]any
					_ = json.Unmarshal(b, &v)
					p.puts(format(t, v) + "\n")
				} else {
					out = append(out, b)
				}
				break
			}
		}
		if !found {
			p.raw("Error: No such object: %s\n", n)
			code = 1
		}
	}
	if !f.has("f") {
		if len(out) == 0 {
			p.puts("[]\n")
			return code
		}
		b, _ := json.Marshal(out)
		var pretty bytes.Buffer
		_ = json.Indent(&pretty, b, "", "    ")
		p.puts(pretty.String() + "\n")
	}
	return code
}

func (d *dockerClient) versions() int {
	p := d.p
	var v struct {
		Version, APIVersion, MinAPIVersion, GoVersion, GitCommit, Arch, Os, BuildTime string
		Experimental                                                                  bool
		Platform                                                                      struct{ Name string }
		Components                                                                    []struct {
			Name, Version string
			Details       map[string]string
		}
	}
	if _, words := d.call("GET", "/version", nil, &v); words != "" {
		return d.fail(words)
	}
	p.puts(dockerVersionClient)
	built := v.BuildTime
	if t, err := time.Parse(time.RFC3339Nano, v.BuildTime); err == nil {
		built = t.Format(time.ANSIC)
	}
	p.printf("\nServer: %s\n Engine:\n  Version:          %s\n  API version:      %s (minimum version %s)\n  Go version:       %s\n  Git commit:       %s\n  Built:            %s\n  OS/Arch:          %s/%s\n  Experimental:     %t\n",
		v.Platform.Name, v.Version, v.APIVersion, v.MinAPIVersion, v.GoVersion, v.GitCommit, built, v.Os, v.Arch, v.Experimental)
	for _, c := range v.Components {
		if c.Name != "Engine" {
			p.printf(" %s:\n  Version:          %s\n  GitCommit:        %s\n", c.Name, c.Version, c.Details["GitCommit"])
		}
	}
	return 0
}

func (d *dockerClient) info() int {
	p := d.p
	var i map[string]any
	if _, words := d.call("GET", "/info", nil, &i); words != "" {
		return d.fail(words)
	}
	n := func(k string) int64 { f, _ := i[k].(float64); return int64(f) }
	p.printf("Client: Docker Engine - Community\n Version:    24.0.7\n Context:    default\n Debug Mode: false\n\nServer:\n Containers: %d\n  Running: %d\n  Paused: %d\n  Stopped: %d\n Images: %d\n Server Version: %v\n Storage Driver: %v\n Logging Driver: %v\n Cgroup Driver: %v\n Cgroup Version: %v\n Kernel Version: %v\n Operating System: %v\n OSType: %v\n Architecture: %v\n CPUs: %d\n Total Memory: %s\n Name: %v\n ID: %v\n Docker Root Dir: %v\n Debug Mode: %v\n Live Restore Enabled: %v\n\n",
		n("Containers"), n("ContainersRunning"), n("ContainersPaused"), n("ContainersStopped"), n("Images"), i["ServerVersion"], i["Driver"], i["LoggingDriver"], i["CgroupDriver"], i["CgroupVersion"], i["KernelVersion"],
		i["OperatingSystem"], i["OSType"], i["Architecture"], n("NCPU"), units.BytesSize(float64(n("MemTotal"))), i["Name"], i["ID"], i["DockerRootDir"], i["Debug"], i["LiveRestoreEnabled"])
	if l, ok := i["Warnings"].([]any); ok {
		for _, w := range l {
			p.raw("%v\n", w)
		}
	}
	return 0
}

func (d *dockerClient) logs() int {
	p := d.p
	opts, names, ok := p.getopt("fn:t", "follow=f", "tail:=n", "timestamps=t", "since:=since", "until:=until", "details=d")
	if !ok {
		return 125
	}
	if len(names) != 1 {
		p.raw("\"docker logs\" requires exactly 1 argument.\nSee 'docker logs --help'.\n\nUsage:  docker logs [OPTIONS] CONTAINER\n\nFetch the logs of a container\n")
		return 1
	}
	f := set(opts)
	var c struct{ Config struct{ Tty bool } }
	if _, words := d.call("GET", "/containers/"+url.PathEscape(names[0])+"/json", nil, &c); words != "" {
		return d.fail(words)
	}
	tail := f["n"]
	if tail == "" {
		tail = "all"
	}
	r, err := d.send("GET", "/v"+d.version+"/containers/"+url.PathEscape(names[0])+"/logs?stdout=1&stderr=1&tail="+url.QueryEscape(tail)+onlyWhen(f.has("f"), "&follow=1")+onlyWhen(f.has("t"), "&timestamps=1"), nil)
	if err != nil {
		return 1
	}
	d.stream(r.body, c.Config.Tty)
	p.t.Close(r.fd)
	return 0
}

// stream carries a container's output to ours: raw of a terminal's, else in frames.
func (d *dockerClient) stream(r io.Reader, tty bool) {
	p := d.p
	p.out.Flush()
	if tty {
		_, _ = io.Copy(p.t.Stdout(), r)
		return
	}
	var h [8]byte
	for {
		if _, err := io.ReadFull(r, h[:]); err != nil {
			return
		}
		to := p.t.Stdout()
		if h[0] == 2 {
			to = p.t.Stderr()
		}
		if _, err := io.CopyN(to, r, int64(binary.BigEndian.Uint32(h[4:]))); err != nil {
			return
		}
	}
}

// pull tells of an image's layers as the client does where it has no terminal.
func (d *dockerClient) pull() int {
	_, names, ok := d.p.getopt("aq", "all-tags=a", "quiet=q", "platform:=p")
	if !ok || len(names) == 0 {
		return 1
	}
	return d.pullImage(names[0], d.p.t.Stdout())
}

func (d *dockerClient) pullImage(name string, to io.Writer) int {
	repo, tag := name, "latest"
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		repo, tag = name[:i], name[i+1:]
	} else if to == d.p.t.Stdout() && !strings.Contains(name, "@") {
		d.p.puts("Using default tag: latest\n")
	}
	d.p.out.Flush()
	r, err := d.send("POST", "/v"+d.version+"/images/create?fromImage="+url.QueryEscape(repo)+"&tag="+url.QueryEscape(tag), nil)
	if err != nil {
		return 1
	}
	defer d.p.t.Close(r.fd)
	dec := json.NewDecoder(bufio.NewReader(r.body))
	for {
		var m struct {
			ID, Status, Error, Message string
			Progress                   json.RawMessage `json:"progressDetail"`
		}
		if dec.Decode(&m) != nil {
			break
		}
		switch {
		case m.Message != "":
			return d.fail(m.Message)
		case m.Error != "":
			d.p.raw("%s\n", m.Error)
			return 1
		case len(m.Progress) > 2 || m.Status == "":
		case m.ID != "":
			fmt.Fprintf(to, "%s: %s\n", m.ID, m.Status)
		default:
			fmt.Fprintln(to, m.Status)
		}
	}
	if to == d.p.t.Stdout() {
		full := repo
		if !strings.Contains(strings.SplitN(repo, "/", 2)[0], ".") {
			if !strings.Contains(repo, "/") {
				full = "library/" + full
			}
			full = "docker.io/" + full
		}
		fmt.Fprintf(to, "%s:%s\n", full, tag)
	}
	return 0
}

// create is run and create: what attackers' scripts give of their many options.
func (d *dockerClient) create(verb string) int {
	p := d.p
	opts, args, ok := p.getoptArgs(p.args, 125, "+ditv:e:p:w:u:h:m:c:l:P", "detach=d", "interactive=i", "tty=t", "volume:=v", "env:=e", "publish:=p", "workdir:=w", "user:=u", "hostname:=h", "rm=rm", "name:=name",
		"privileged=privileged", "net:=net", "network:=net", "pid:=pid", "ipc:=ipc", "uts:=uts", "userns:=userns", "restart:=restart", "entrypoint:=entrypoint", "cap-add:=cap", "memory:=m", "cpus:=cpus", "label:=l", "mount:=mount", "pull:=pull", "init=init", "security-opt:=sec", "publish-all=P")
	if !ok {
		return 125
	}
	if len(args) == 0 {
		p.raw("\"docker %[1]s\" requires at least 1 argument.\nSee 'docker %[1]s --help'.\n\nUsage:  docker %[1]s [OPTIONS] IMAGE [COMMAND] [ARG...]\n", verb)
		return 125
	}
	f := set(opts)
	many := map[string][]string{}
	for _, o := range opts {
		many[o.c] = append(many[o.c], o.arg)
	}
	hc := map[string]any{"AutoRemove": f.has("rm"), "Privileged": f.has("privileged"), "NetworkMode": "default", "Binds": many["v"], "CapAdd": many["cap"], "PidMode": f["pid"], "IpcMode": f["ipc"], "UTSMode": f["uts"], "PublishAllPorts": f.has("P"), "SecurityOpt": many["sec"]}
	if f["net"] != "" {
		hc["NetworkMode"] = f["net"]
	}
	if n, _ := units.RAMInBytes(f["m"]); n > 0 {
		hc["Memory"] = n
	}
	if f["restart"] != "" {
		name, n, _ := strings.Cut(f["restart"], ":")
		hc["RestartPolicy"] = map[string]any{"Name": name, "MaximumRetryCount": toInt(n)}
	}
	exposed, bound := map[string]any{}, map[string]any{}
	for _, x := range many["p"] {
		parts := strings.Split(x, ":")
		in := parts[len(parts)-1]
		if !strings.Contains(in, "/") {
			in += "/tcp"
		}
		b := map[string]string{}
		if len(parts) > 1 {
			b["HostPort"] = parts[len(parts)-2]
		}
		if len(parts) > 2 {
			b["HostIp"] = parts[0]
		}
		exposed[in], bound[in] = map[string]any{}, []any{b}
	}
	hc["PortBindings"] = bound
	body := map[string]any{"Image": args[0], "Env": many["e"], "Tty": f.has("t"), "OpenStdin": f.has("i"), "StdinOnce": f.has("i"), "AttachStdin": f.has("i"), "AttachStdout": !f.has("d"), "AttachStderr": !f.has("d"),
		"WorkingDir": f["w"], "User": f["u"], "Hostname": f["h"], "ExposedPorts": exposed, "HostConfig": hc}
	if len(args) > 1 {
		body["Cmd"] = args[1:]
	}
	if f.has("entrypoint") {
		body["Entrypoint"] = []string{f["entrypoint"]}
	}
	var made struct {
		ID       string
		Warnings []string
	}
	path := "/containers/create" + onlyWhen(f["name"] != "", "?name="+url.QueryEscape(f["name"]))
	st, words := d.call("POST", path, body, &made)
	if st == 404 && strings.HasPrefix(words, "No such image") {
		image := args[0]
		if !strings.Contains(image[strings.LastIndexByte(image, '/')+1:], ":") {
			image += ":latest"
		}
		p.raw("Unable to find image '%s' locally\n", image)
		if code := d.pullImage(image, p.t.Stderr()); code != 0 {
			return 125
		}
		_, words = d.call("POST", path, body, &made)
	}
	if words != "" {
		p.raw("docker: Error response from daemon: %s.\nSee 'docker %s --help'.\n", strings.TrimSuffix(words, "."), verb)
		return 125
	}
	if verb == "create" {
		p.puts(made.ID + "\n")
		return 0
	}
	var at, waits *webResponse
	if !f.has("d") {
		r, err := d.send("POST", "/v"+d.version+"/containers/"+made.ID+"/attach?stream=1&stdout=1&stderr=1"+onlyWhen(f.has("i"), "&stdin=1"), nil)
		if err != nil || r.status >= 400 {
			return 125
		}
		at = r
		defer p.t.Close(r.fd)
		// Before the start: what removes itself is gone when it has ended.
		if waits, err = d.send("POST", "/v"+d.version+"/containers/"+made.ID+"/wait?condition="+map[bool]string{true: "removed", false: "next-exit"}[f.has("rm")], nil); err != nil {
			return 125
		}
		defer p.t.Close(waits.fd)
	}
	if _, words := d.call("POST", "/containers/"+made.ID+"/start", nil, nil); words != "" {
		p.raw("docker: Error response from daemon: %s.\n", words)
		if strings.Contains(words, "not found") || strings.Contains(words, "no such file") {
			return 127
		}
		return 126
	}
	if at == nil {
		p.puts(made.ID + "\n")
		return 0
	}
	stop := d.feed(at.fd, f.has("i"))
	d.stream(at.body, f.has("t"))
	stop()
	var w struct{ StatusCode int }
	_ = json.NewDecoder(io.LimitReader(waits.body, 64<<10)).Decode(&w)
	return w.StatusCode
}

// feed carries our input to a connection, in a process of its own as the client's
// thread would.
func (d *dockerClient) feed(fd int, on bool) (stop func()) {
	if !on {
		return func() {}
	}
	t := d.p.t
	c, err := t.Fork("docker", func(c *kernel.Task) int {
		_, _ = io.Copy(c.Writer(fd), c.Stdin())
		_ = c.ShutdownWrite(fd)
		return 0
	})
	if err != nil {
		return func() {}
	}
	return func() {
		_ = t.Kill(c.PID(), kernel.SIGKILL)
		_, _, _ = t.Wait(c.PID(), 0)
	}
}

func (d *dockerClient) exec() int {
	p := d.p
	opts, args, ok := p.getoptArgs(p.args, 125, "+dite:u:w:", "detach=d", "interactive=i", "tty=t", "env:=e", "user:=u", "workdir:=w", "privileged=privileged")
	if !ok {
		return 125
	}
	if len(args) < 2 {
		p.raw("\"docker exec\" requires at least 2 arguments.\nSee 'docker exec --help'.\n\nUsage:  docker exec [OPTIONS] CONTAINER COMMAND [ARG...]\n\nExecute a command in a running container\n")
		return 1
	}
	f := set(opts)
	if f.has("t") && !p.t.IsTTY(0) {
		p.raw("the input device is not a TTY\n")
		return 1
	}
	var env []string
	for _, o := range opts {
		if o.c == "e" {
			env = append(env, o.arg)
		}
	}
	var made struct{ ID string }
	if _, words := d.call("POST", "/containers/"+url.PathEscape(args[0])+"/exec", map[string]any{"Cmd": args[1:], "AttachStdin": f.has("i") && !f.has("d"), "AttachStdout": !f.has("d"), "AttachStderr": !f.has("d"), "Tty": f.has("t"),
		"Env": env, "User": f["u"], "WorkingDir": f["w"], "Privileged": f.has("privileged"), "Detach": f.has("d")}, &made); words != "" {
		return d.fail(words)
	}
	start, _ := json.Marshal(map[string]any{"Detach": f.has("d"), "Tty": f.has("t")})
	r, err := d.send("POST", "/v"+d.version+"/exec/"+made.ID+"/start", start)
	if err != nil {
		return 1
	}
	defer p.t.Close(r.fd)
	if r.status >= 400 {
		var e struct{ Message string }
		_ = json.Unmarshal(p.readAll(io.LimitReader(r.body, 64<<10)), &e)
		return d.fail(e.Message)
	}
	if f.has("d") {
		return 0
	}
	stop := d.feed(r.fd, f.has("i"))
	d.stream(r.body, f.has("t"))
	stop()
	var i struct{ ExitCode int }
	_, _ = d.call("GET", "/exec/"+made.ID+"/json", nil, &i)
	return i.ExitCode
}
