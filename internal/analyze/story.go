package analyze

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/event"
)

// story walks a session's events in order and tells what happened.
type story struct {
	f     *finder
	reqs  []Request
	steps []Step
	tech  map[string]*Technique

	acted     int  // requests that change something
	inventory bool // lists were asked for
	scanned   bool
	version   bool
	own       map[string]bool // ids and names of the containers it made or started
	refused   []attempt       // attempts that failed, in order
	last      *attempt
	begun     bool
	hostSeen  bool
	persist   map[string]bool
	fetched   map[string]bool
	mining    bool
	success   bool
	lastTime  time.Time
}

// attempt is one try to get something run.
type attempt struct {
	aim   string // what it wants: run, image
	means string // how, in words that differ where the means differ
	op    string
	ok    bool
	words string
	seq   uint64
	at    time.Time
}

func (s *story) step(at time.Time, kind, text string, proof ...uint64) {
	s.steps = append(s.steps, Step{Time: at, Step: kind, Text: text, Proof: proof})
}

var techNames = map[string]string{
	"T1610": "Deploy Container", "T1609": "Container Administration Command", "T1612": "Build Image on Host", "T1611": "Escape to Host", "T1053.003": "Cron",
	"T1105": "Ingress Tool Transfer", "T1496.001": "Compute Hijacking", "T1059.004": "Unix Shell", "T1059.006": "Python", "T1027.010": "Command Obfuscation",
	"T1140": "Deobfuscate/Decode Files or Information", "T1613": "Container and Resource Discovery", "T1046": "Network Service Discovery", "T1098.004": "SSH Authorized Keys",
	"T1136.001": "Local Account", "T1562.001": "Disable or Modify Tools", "T1070.003": "Clear Command History", "T1543.002": "Systemd Service",
	"T1133": "External Remote Services", "T1552.001": "Credentials In Files", "T1489": "Service Stop", "T1070.004": "File Deletion",
	"T1222.002": "Linux and Mac File and Directory Permissions Modification", "T1204.003": "Malicious Image", "T1090": "Proxy", "T1071.001": "Web Protocols",
}

func (s *story) technique(id string, proof uint64) {
	t := s.tech[id]
	if t == nil {
		t = &Technique{ID: id, Name: techNames[id]}
		s.tech[id] = t
	}
	if len(t.Proof) < 20 && (len(t.Proof) == 0 || t.Proof[len(t.Proof)-1] != proof) {
		t.Proof = append(t.Proof, proof)
	}
}

func (s *story) techniques() []Technique {
	out := make([]Technique, 0, len(s.tech))
	for _, t := range s.tech {
		out = append(out, *t)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

func (s *story) run(evs []*event.Event) {
	s.own, s.persist, s.fetched = map[string]bool{}, map[string]bool{}, map[string]bool{}
	byEvent := map[uint64]*Request{}
	for i := range s.reqs {
		byEvent[s.reqs[i].Event] = &s.reqs[i]
	}
	for _, e := range evs {
		s.lastTime = e.Time
		switch d := e.Data.(type) {
		case *event.Request:
			if r := byEvent[e.Seq]; r != nil {
				s.request(r)
			}
		case *event.Bytes:
			if !s.scanned && len(s.reqs) == 0 {
				s.scanned = true
				s.step(e.Time, "scan", fmt.Sprintf("sent %d bytes that are no HTTP", d.Size), e.Seq)
			}
		case *event.ProcStarted:
			s.process(e, d)
		case *event.FileWritten:
			s.file(e, d)
		case *event.CronFired:
			s.step(e.Time, "persistence", fmt.Sprintf("cron ran the line %q of %s as %s", short(d.Line, 160), d.File, d.User), e.Seq)
			s.f.cron(d.Line, "plain", e.Seq)
			s.f.text(d.Line, "staging", e.Seq)
			s.technique("T1053.003", e.Seq)
		case *event.Lookup:
			if k, ok := hostName(d.Name); ok && k == "domain" && !benign(d.Name) {
				s.f.host(d.Name, "c2", "run", "the world asked for this name", 0.9, e.Seq)
			}
		case *event.Connected:
			s.connected(e, d)
		case *event.Chunk:
			if d.Dir == "i" {
				s.f.text(string(d.Data), "staging", e.Seq)
			}
		}
	}
	s.giveUp()
}

func short(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}

func (s *story) request(r *Request) {
	p, q := apiPath(r.URL)
	s.f.text(r.URL, "mentioned", r.Event)
	for _, h := range r.headers {
		switch strings.ToLower(h[0]) {
		case "x-registry-auth", "x-registry-config":
			s.f.credential(h[1], r.Event)
		case "host", "user-agent", "accept", "content-type", "content-length", "connection":
		default:
			if len(h[1]) > 24 {
				s.f.text(h[1], "mentioned", r.Event)
			}
		}
	}
	ok := r.Status > 0 && r.Status < 400
	imported := r.Status == 0
	switch {
	case p == "/auth" && r.Method == "POST":
		s.f.credentialJSON(r.body, r.Event)
		s.step(r.Time, "credential", "tried to log in to a registry", r.Event)
		return
	case p == "/version" && r.Method == "GET":
		if !s.version {
			s.version = true
			s.step(r.Time, "version", "asked for the daemon's version", r.Event)
		}
		return
	case p == "/_ping" || p == "/" || p == "/favicon.ico" || p == "/info" || r.Method == "OPTIONS":
		if !s.scanned {
			s.scanned = true
			s.step(r.Time, "scan", fmt.Sprintf("first contact: %s %s", r.Method, short(r.URL, 80)), r.Event)
		}
		return
	case r.Method == "GET" && isDocker(p):
		if p == "/containers/json" || p == "/images/json" || p == "/networks" || p == "/volumes" || strings.HasSuffix(p, "/json") || strings.HasSuffix(p, "/logs") {
			if !s.inventory {
				s.inventory = true
				s.step(r.Time, "inventory", "looked at what is on the host: "+short(p, 80), r.Event)
			}
			s.technique("T1613", r.Event)
		}
		return
	case p == "/images/create" && r.Method == "POST":
		s.acted++
		what, means := "pull of "+ref(q.Get("fromImage"), q.Get("tag")), "pull"
		if src := q.Get("fromSrc"); src != "" {
			what, means = "import of an image from "+short(src, 120), "import"
			s.fetched[withScheme(src)] = true // its download is this step, no second stage
			if src != "-" {
				s.f.URL(withScheme(src), "staging", "plain", "an image was imported from it", 0.95, r.Event)
				s.technique("T1105", r.Event)
			}
		}
		if im := q.Get("fromImage"); im != "" {
			s.f.add(Indicator{Type: "image", Value: ref(im, q.Get("tag")), Role: "image", Layer: "plain", Confidence: 0.7, Seq: r.Event})
			// A mirror or a registry of one's own is a host too.
			// Docker Hub, which the client itself writes in front, tells nothing.
			if reg, _, found := strings.Cut(im, "/"); found && strings.ContainsAny(reg, ".:") {
				if h := strings.Split(reg, ":")[0]; !benign(h) {
					s.f.host(h, "registry", "plain", "an image was pulled from it", 0.7, r.Event)
				}
			}
		}
		s.attempt(attempt{aim: "image", op: means, means: means + " " + what, ok: ok, words: words(r), seq: r.Event, at: r.Time}, "image", "obtained an image: "+what, what, imported)
		return
	case p == "/images/load" && r.Method == "POST":
		s.acted++
		s.attempt(attempt{aim: "image", op: "load", means: "load " + r.BodySHA, ok: ok, words: words(r), seq: r.Event, at: r.Time}, "image", "loaded an image of its own", "load of an image", imported)
		return
	case p == "/build" && r.Method == "POST":
		s.acted++
		s.technique("T1612", r.Event)
		if rem := q.Get("remote"); rem != "" {
			s.f.URL(withScheme(rem), "staging", "plain", "a build's context", 0.9, r.Event)
		}
		s.f.text(string(r.body), "staging", r.Event)
		s.attempt(attempt{aim: "image", op: "build", means: "build " + r.BodySHA, ok: ok, words: words(r), seq: r.Event, at: r.Time}, "image", "built an image on the host", "build of an image", imported)
		return
	case p == "/containers/create" && r.Method == "POST":
		if n := strings.TrimPrefix(q.Get("name"), "/"); n != "" && ok {
			s.own[n] = true
		}
		s.acted++
		s.create(r, ok, imported)
		return
	case strings.HasPrefix(p, "/containers/") && strings.HasSuffix(p, "/start") && r.Method == "POST":
		s.acted++
		id := strings.TrimSuffix(strings.TrimPrefix(p, "/containers/"), "/start")
		s.attempt(attempt{aim: "run", op: "start", means: "start", ok: ok, words: words(r), seq: r.Event, at: r.Time}, "start", "started container "+short(id, 12), "start of container "+short(id, 12), imported)
		if ok {
			s.own[id] = true
			s.begun = true
			s.success = true
			s.technique("T1610", r.Event)
		}
		return
	case strings.HasPrefix(p, "/containers/") && strings.HasSuffix(p, "/exec") && r.Method == "POST":
		s.acted++
		s.technique("T1609", r.Event)
		var b struct{ Cmd flexible }
		_ = json.Unmarshal(r.body, &b)
		s.f.text(strings.Join(b.Cmd, " "), "staging", r.Event)
		s.command(strings.Join(b.Cmd, " "), r.Event)
		s.attempt(attempt{aim: "run", op: "exec", means: "exec " + strings.Join(b.Cmd, " "), ok: ok, words: words(r), seq: r.Event, at: r.Time}, "exec",
			"ran a command in a container: "+short(strings.Join(b.Cmd, " "), 160), "exec of "+short(strings.Join(b.Cmd, " "), 100), imported)
		return
	case strings.HasPrefix(p, "/containers/") && strings.HasSuffix(p, "/archive") && r.Method == "PUT":
		s.acted++
		s.technique("T1105", r.Event)
		s.attempt(attempt{aim: "run", op: "archive", means: "archive " + r.BodySHA, ok: ok, words: words(r), seq: r.Event, at: r.Time}, "upload",
			"copied files into a container at "+short(q.Get("path"), 80), "copy of files into a container", imported)
		return
	case p == "/swarm/join" && r.Method == "POST", p == "/swarm/leave" && r.Method == "POST", p == "/swarm/init" && r.Method == "POST":
		s.acted++
		s.f.text(string(r.body), "c2", r.Event)
		var b struct{ RemoteAddrs []string }
		_ = json.Unmarshal(r.body, &b)
		for _, a := range b.RemoteAddrs {
			h := a
			if i := strings.LastIndexByte(a, ':'); i > 0 {
				h = a[:i]
			}
			s.f.host(h, "c2", "plain", "a swarm's manager", 0.95, r.Event)
		}
		s.step(r.Time, "swarm", "tried to change the swarm: "+p+result(r), r.Event)
		return
	}
	if isDocker(p) && r.Method != "GET" && r.Method != "HEAD" {
		switch {
		case strings.HasSuffix(p, "/attach"), strings.HasSuffix(p, "/wait"), strings.HasSuffix(p, "/resize"):
			return
		case r.Method == "DELETE", strings.HasSuffix(p, "/stop"), strings.HasSuffix(p, "/kill"):
			s.acted++
			s.step(r.Time, "remove", fmt.Sprintf("%s %s%s", r.Method, short(p, 100), result(r)), r.Event)
			// Who takes away what is not its own stops somebody's service; clearing
			// up after oneself does not.
			if id, is := strings.CutPrefix(p, "/containers/"); is {
				id, _, _ = strings.Cut(id, "/")
				if !s.own[id] {
					s.technique("T1489", r.Event)
				}
			}
			return
		case strings.HasPrefix(p, "/exec/"):
			return
		}
		s.acted++
		return
	}
	if !s.scanned {
		s.scanned = true
		s.step(r.Time, "scan", fmt.Sprintf("first contact: %s %s", r.Method, short(r.URL, 80)), r.Event)
	}
}

func ref(image, tag string) string {
	if tag == "" {
		return image
	}
	if strings.HasPrefix(tag, "sha256:") {
		return image + "@" + tag
	}
	return image + ":" + tag
}

func withScheme(s string) string {
	if strings.Contains(s, "://") {
		return s
	}
	return "http://" + s
}

func result(r *Request) string {
	if r.Status == 0 {
		return ""
	}
	if r.Status < 400 {
		return ", and the daemon did it"
	}
	return fmt.Sprintf(", refused with %d", r.Status)
}

// words is what a refused client was told.
func words(r *Request) string {
	var m struct {
		Message string `json:"message"`
	}
	if i := bytes.IndexByte(r.answer, '{'); i >= 0 {
		_ = json.NewDecoder(bytes.NewReader(r.answer[i:])).Decode(&m) // what is cut off has no message
	}
	if m.Message != "" {
		return m.Message
	}
	if r.Status >= 400 {
		return "status " + strconv.Itoa(r.Status)
	}
	return ""
}

func (s *story) create(r *Request, ok, imported bool) {
	var b createBody
	_ = json.Unmarshal(r.body, &b)
	argv := append(append([]string{}, b.Entrypoint...), b.Cmd...)
	line := strings.Join(argv, " ")
	if b.Image != "" {
		s.f.add(Indicator{Type: "image", Value: b.Image, Role: "image", Layer: "plain", Confidence: 0.7, Seq: r.Event})
	}
	for _, a := range argv {
		s.f.text(a, "staging", r.Event)
	}
	if len(argv) > 1 {
		s.f.text(line, "staging", r.Event)
	}
	var all any
	if json.Unmarshal(r.body, &all) == nil {
		seen := map[string]bool{}
		for _, a := range argv {
			seen[a] = true
		}
		for _, t := range allStrings(all) {
			if !seen[t] {
				s.f.text(t, "staging", r.Event)
			}
		}
	} else {
		s.f.text(string(r.body), "staging", r.Event)
	}
	s.command(line, r.Event)
	var how []string
	for _, bind := range b.binds() {
		src, _, _ := strings.Cut(bind, ":")
		if strings.HasPrefix(src, "/") {
			how = append(how, "the host's "+src+" bound in")
			if src == "/" || strings.HasPrefix(src, "/etc") || strings.HasPrefix(src, "/root") || strings.HasPrefix(src, "/var/run") || strings.HasPrefix(src, "/var/spool") {
				s.technique("T1611", r.Event)
			}
		}
	}
	if b.HostConfig.Privileged || b.Privileged {
		how = append(how, "privileged")
		s.technique("T1611", r.Event)
	}
	if b.HostConfig.NetworkMode == "host" {
		how = append(how, "in the host's network")
	}
	if b.HostConfig.PidMode == "host" {
		how = append(how, "among the host's processes")
		s.technique("T1611", r.Event)
	}
	s.technique("T1610", r.Event)
	text := "container of " + orUnknown(b.Image)
	if len(how) > 0 {
		text += " with " + strings.Join(how, ", ")
	}
	if line != "" {
		text += ", to run " + strconv.Quote(short(line, 160))
	}
	// The name makes no other means: a client that tries again takes a new one.
	means := strings.Join([]string{"create", b.Image, line, strings.Join(b.binds(), ","), strconv.FormatBool(b.HostConfig.Privileged || b.Privileged), b.HostConfig.NetworkMode, b.HostConfig.PidMode}, "\x00")
	miss := r.Status == 404 && strings.Contains(words(r), "No such image")
	if miss {
		s.step(r.Time, "create", "wanted a "+text+"; the image was not there yet", r.Event)
		return
	}
	s.attempt(attempt{aim: "run", op: "create", means: means, ok: ok, words: words(r), seq: r.Event, at: r.Time}, "create", "created a "+text, text, imported)
}

func orUnknown(s string) string {
	if s == "" {
		return "an image without a name"
	}
	return s
}

// attempt tells of a try and how it relates to those before: a refusal, the same
// again, or other means to the same end.
func (s *story) attempt(a attempt, kind, done, wanted string, imported bool) {
	if imported {
		// The record does not know the answer.
		if s.last != nil && s.last.means == a.means {
			s.last = &a
			return
		}
		s.last = &a
		s.step(a.at, kind, "wanted: "+wanted, a.seq)
		return
	}
	if n := len(s.refused); n > 0 {
		prev := s.refused[n-1]
		switch {
		case prev.means == a.means && !a.ok:
			s.refused = append(s.refused, a)
			s.step(a.at, "retry", fmt.Sprintf("tried the same again and was refused again (%d times in all)", s.times(a.means)), a.seq)
			return
		case prev.means == a.means:
			s.step(a.at, "retry", "tried the same again, and it worked", a.seq)
		case !s.known(a.means) && !(prev.aim == a.aim && prev.op != a.op && follows(prev.op, a.op)):
			s.step(a.at, "tactics", fmt.Sprintf("changed tactics: after the %s was refused, the %s", noun(prev.op), wanted), prev.seq, a.seq)
		}
	}
	if a.ok {
		s.step(a.at, kind, done, a.seq)
	} else {
		s.refused = append(s.refused, a)
		s.step(a.at, "refused", fmt.Sprintf("the %s was refused: %s", wanted, short(a.words, 200)), a.seq)
	}
}

// follows tells whether op is the ordinary next call after prev, not other means.
func follows(prev, op string) bool { return prev == "create" && op == "start" }

func noun(op string) string {
	switch op {
	case "create":
		return "container"
	case "start":
		return "start"
	}
	return op
}

func (s *story) times(means string) int {
	n := 0
	for _, r := range s.refused {
		if r.means == means {
			n++
		}
	}
	return n
}

func (s *story) known(means string) bool { return s.times(means) > 0 }

// giveUp ends a story that had only refusals after its last success.
func (s *story) giveUp() {
	if len(s.refused) == 0 {
		return
	}
	last := s.refused[len(s.refused)-1]
	for _, st := range s.steps {
		if st.Time.After(last.at) && (st.Step == "start" || st.Step == "exec" || st.Step == "second-stage" || st.Step == "persistence") {
			return
		}
	}
	if s.success {
		return
	}
	kinds := map[string]bool{}
	for _, r := range s.refused {
		kinds[r.means] = true
	}
	s.step(s.lastTime, "give-up", fmt.Sprintf("gave up after %s, by %s", count(len(s.refused), "refusal"), count(len(kinds), "way")), last.seq)
}

func count(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

var (
	reMiner   = regexp.MustCompile(`(?i)\bxmrig|\bminerd\b|\bcpuminer|stratum\+|--donate-level|--coin[ =]|-o\s+\S+:\d{3,5}\s.*-u\s|c3pool|moneroocean|\bt-rex\b|\blolminer|\bnbminer|\bkinsing\b|xmr-stak|\bethminer`)
	reObf     = regexp.MustCompile(`base64\s+(?:-d|--decode|-D)|\|\s*rev\b|xxd\s+-r|\$'\\x|printf\s+['"]?\\x|[a-z]\\+[a-z]\\*\.`)
	reScan    = regexp.MustCompile(`(?i)\bmasscan\b|\bzgrab\b|\bnmap\b|\bpnscan\b|\bzmap\b`)
	reHist    = regexp.MustCompile(`history\s+-c|HISTFILE|HISTSIZE=0|set \+o history|\.bash_history`)
	reDisarm  = regexp.MustCompile(`(?i)setenforce 0|ufw disable|iptables -F|systemctl (?:stop|disable)|aliyun|apparmor|selinux|nmi_watchdog|chattr -i.*ld\.so|uninstall\.sh|qcloud|cloudmonitor`)
	reEscape  = regexp.MustCompile(`\bchroot\s+/|\bnsenter\b|release_agent|core_pattern|docker\.sock`)
	reCredHit = regexp.MustCompile(`\.aws/credentials|\.docker/config\.json|169\.254\.169\.254|\.ssh/id_rsa|\.git-credentials`)
)

// command looks at a command line for techniques.
func (s *story) command(line string, seq uint64) {
	if line == "" {
		return
	}
	for _, l := range s.f.unwrap(line) {
		t := l.Text
		s.f.cronIn(l, seq)
		if strings.Contains(t, "sh -c") || strings.Contains(t, "bash") || strings.HasPrefix(t, "sh ") {
			s.technique("T1059.004", seq)
		}
		if strings.Contains(t, "python") {
			s.technique("T1059.006", seq)
		}
		if strings.Contains(t, "crontab") || strings.Contains(t, "/etc/cron") || strings.Contains(t, "/var/spool/cron") {
			s.technique("T1053.003", seq)
		}
		if reFetch.MatchString(t) {
			s.technique("T1105", seq)
		}
		for re, id := range map[*regexp.Regexp]string{reMiner: "T1496.001", reObf: "T1027.010", reScan: "T1046", reHist: "T1070.003", reDisarm: "T1562.001", reEscape: "T1611", reCredHit: "T1552.001"} {
			if re.MatchString(t) {
				s.technique(id, seq)
			}
		}
		if strings.Contains(t, "authorized_keys") {
			s.technique("T1098.004", seq)
		}
		if reUser.MatchString(t) || rePasswd.MatchString(t) {
			s.technique("T1136.001", seq)
		}
		if strings.Contains(l.Path, ">base64") {
			s.technique("T1140", seq)
		}
	}
}

func (s *story) process(e *event.Event, d *event.ProcStarted) {
	line := strings.Join(d.Argv, " ")
	if d.Code != "" {
		s.f.text(d.Code, "staging", e.Seq)
		s.command(d.Code, e.Seq)
	}
	s.f.text(line, "staging", e.Seq)
	s.command(line, e.Seq)
	if d.Container == "" && (d.Origin == "host" || d.Origin == "cron") && !s.hostSeen && d.Origin == "host" {
		s.hostSeen = true
		s.step(e.Time, "host", "ran code on the host itself: "+short(line, 120), e.Seq)
		s.technique("T1611", e.Seq)
	}
	if !s.mining && reMiner.MatchString(line) && !wrappers[path.Base(first(d.Argv))] {
		s.mining = true
		s.step(e.Time, "mining", "a miner ran: "+short(line, 160), e.Seq)
		s.technique("T1496.001", e.Seq)
	}
}

// wrappers run something else: that something is the process to look at.
var wrappers = map[string]bool{"sh": true, "bash": true, "dash": true, "ash": true, "busybox": true, "chroot": true, "nsenter": true, "env": true, "timeout": true, "nohup": true, "sudo": true,
	"su": true, "setsid": true, "docker": true, "curl": true, "wget": true, "echo": true, "printf": true, "grep": true, "pkill": true, "pgrep": true, "killall": true, "ps": true, "cat": true,
	"sed": true, "awk": true, "chmod": true, "mv": true, "cp": true, "rm": true, "tar": true, "ls": true, "python": true, "python3": true, "test": true, "[": true, "which": true, "nice": true}

func first(l []string) string {
	if len(l) == 0 {
		return ""
	}
	return l[0]
}

func (s *story) file(e *event.Event, d *event.FileWritten) {
	if len(d.Data) > 0 {
		if t, ok := text(d.Data); ok {
			s.f.text(t, "staging", e.Seq)
			if cronPath(d.Path) || cronPath(d.Host) {
				for _, l := range s.f.unwrap(t) {
					s.f.cron(l.Text, l.Path, e.Seq)
				}
			}
		}
	}
	if d.SHA256 != "" && d.Size > 0 {
		s.f.add(Indicator{Type: "sha256", Value: d.SHA256, Role: "file", Layer: "run", Confidence: 0.7, Why: d.Path, Seq: e.Seq})
	}
	if d.Host == "" {
		return
	}
	s.f.add(Indicator{Type: "path", Value: d.Host, Role: "file", Layer: "run", Confidence: 0.9, Why: "a file written on the host", Seq: e.Seq})
	why, id := "", ""
	switch {
	case cronPath(d.Host):
		why, id = "a cron job", "T1053.003"
	case strings.HasSuffix(d.Host, "authorized_keys"):
		why, id = "a key that opens SSH", "T1098.004"
	case strings.HasPrefix(d.Host, "/etc/systemd/") || strings.HasPrefix(d.Host, "/lib/systemd/") || strings.HasPrefix(d.Host, "/usr/lib/systemd/"):
		why, id = "a systemd unit", "T1543.002"
	case d.Host == "/etc/passwd" || d.Host == "/etc/shadow":
		why, id = "a user", "T1136.001"
	case strings.HasPrefix(d.Host, "/etc/rc") || strings.HasPrefix(d.Host, "/etc/profile") || d.Host == "/etc/ld.so.preload" || strings.HasPrefix(d.Host, "/etc/init"):
		why = "code that runs at boot or login"
	}
	if id != "" {
		s.technique(id, e.Seq)
	}
	if why != "" && !s.persist[d.Host] {
		s.persist[d.Host] = true
		s.step(e.Time, "persistence", fmt.Sprintf("left %s on the host: %s", why, d.Host), e.Seq)
		return
	}
	if !s.hostSeen {
		s.hostSeen = true
		s.step(e.Time, "host", "changed the host: wrote "+d.Host, e.Seq)
		s.technique("T1611", e.Seq)
	}
}

func cronPath(p string) bool {
	return strings.HasPrefix(p, "/etc/cron") || strings.HasPrefix(p, "/var/spool/cron") || p == "/etc/crontab" || p == "/etc/anacrontab"
}

func (s *story) connected(e *event.Event, d *event.Connected) {
	h := d.Name
	if h == "" {
		h = d.Address
	}
	if d.URL != "" {
		s.f.URL(d.URL, "staging", "run", "the world asked for it", 0.99, e.Seq)
		s.technique("T1105", e.Seq)
		if !s.fetched[d.URL] && !benign(h) {
			s.fetched[d.URL] = true
			s.step(e.Time, "second-stage", "fetched "+short(d.URL, 200), e.Seq)
		}
		return
	}
	role := "c2"
	if strings.Contains(string(d.Sent), `"login"`) || strings.Contains(string(d.Sent), "mining.subscribe") {
		role = "pool"
		s.f.add(Indicator{Type: "pool", Value: strings.ToLower(h) + ":" + strconv.Itoa(int(d.Port)), Role: "pool", Layer: "run", Confidence: 0.99, Why: "a miner logged in there", Seq: e.Seq})
		s.technique("T1496.001", e.Seq)
	}
	s.f.host(h, role, "run", "the world dialled it", 0.9, e.Seq)
	if len(d.Sent) > 0 {
		s.f.text(string(d.Sent), role, e.Seq)
	}
}

// outcome says how far the visitor came.
func (s *story) outcome() string {
	has := map[string]bool{}
	for _, st := range s.steps {
		has[st.Step] = true
	}
	switch {
	case has["mining"]:
		return "mining"
	case has["second-stage"]:
		return "second stage fetched"
	case has["persistence"]:
		return "persistence on the host"
	case has["host"]:
		return "host changed"
	case has["start"] || has["exec"]:
		return "container started"
	case has["give-up"]:
		return "gave up"
	case has["create"]:
		return "container wanted"
	case has["image"]:
		return "image obtained"
	case has["inventory"]:
		return "looked around"
	}
	return "looked"
}
