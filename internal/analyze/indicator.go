package analyze

import (
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Indicator is one thing that identifies an attacker's tools, places or purse.
type Indicator struct {
	Type       string  `json:"type"`
	Value      string  `json:"value"`
	Role       string  `json:"role"`
	Layer      string  `json:"layer"`
	Confidence float64 `json:"confidence"`
	Why        string  `json:"why,omitempty"`
	Seq        uint64  `json:"seq"` // the event that shows it
}

var (
	reURL    = regexp.MustCompile(`(?i)\b(https?|ftp|tftp|stratum\+tcp|stratum\+ssl|stratum\+tls|stratum2?|socks5h?|ssh|git)://[^ "'<>|;)(\x60\\{}\x00-\x1f]+`)
	reFetch  = regexp.MustCompile(`(?:^|[\s;&|(\x60])(?:[\w./-]*/)?(?:wget|curl|wget2|lwp-download|aria2c|axel|fetch)\s+([^;&|\n\x60]*)`)
	rePool   = regexp.MustCompile(`(?:^|\s)(?:-o|--url|--pool|-a\s+\S+\s+-o|POOL_URL=|pool=|"url"\s*:)\s*[=]?\s*"?(?:stratum\+\w+://)?([A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z0-9-]+|\d+\.\d+\.\d+\.\d+):(\d{2,5})\b`)
	reDevTCP = regexp.MustCompile(`/dev/(tcp|udp)/([A-Za-z0-9.-]+)/(\d{1,5})`)
	reXMR    = regexp.MustCompile(`\b[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93}(?:[1-9A-HJ-NP-Za-km-z]{11})?`)
	reB58    = regexp.MustCompile(`\b[13LMDtRA9][1-9A-HJ-NP-Za-km-z]{24,35}\b`)
	reBech   = regexp.MustCompile(`\b(?:bc1|ltc1|dero1|BC1)[a-zA-Z0-9]{20,100}\b|\bkaspa:[a-z0-9]{50,80}\b`)
	reETH    = regexp.MustCompile(`\b0x[0-9a-fA-F]{40}\b`)
	reMail   = regexp.MustCompile(`\b[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\b`)
	reOnion  = regexp.MustCompile(`(?i)\b([a-z2-7]{56})\.onion\b`)
	reSSH    = regexp.MustCompile(`\b(ssh-rsa|ssh-ed25519|ssh-dss|ecdsa-sha2-nistp(?:256|384|521))\s+(AAAA[A-Za-z0-9+/]{20,}={0,2})(?:[ \t]+([^\s"'|;&]+))?`)
	reCron   = regexp.MustCompile(`(?m)^[ \t]*((?:@(?:reboot|hourly|daily|weekly|monthly|yearly|annually|midnight)|(?:[\d*,/-]+[ \t]+){4}[\d*,/A-Za-z-]+)[ \t]+\S[^\n]*)$`)
	reToken  = regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bAKIA[0-9A-Z]{16}\b|\bglpat-[A-Za-z0-9_-]{20,}\b|\bxox[baprs]-[A-Za-z0-9-]{10,}\b|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}|(?:--service-token=|--token[= ]|TOKEN=)([A-Za-z0-9_.-]{16,})|\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b`)
	rePasswd = regexp.MustCompile(`(?m)(?:^|[\s"'])([a-z_][a-z0-9_-]{0,31}):([^:\s]{0,120}):(\d+):(\d+):([^:\n]*):(/[^:\n]*):(/[^\s:"']*)`)
	reShadow = regexp.MustCompile(`\b([a-z_][a-z0-9_-]{0,31}):(\$[0-9a-z]+\$[^:\s]+):`)
	reUser   = regexp.MustCompile(`(?:^|[\s;&|])(?:useradd|adduser)\s+(?:-\S+\s+(?:[^\s-]\S*\s+)?)*([a-z_][a-z0-9_-]{0,31})(?:\s|$|[;&|])`)
)

// hostName tells whether s can be a public or local host name with a dot, or an
// address; a version number or a file name is none.
func hostName(s string) (kind string, ok bool) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		if a.Is4() {
			return "ipv4", true
		}
		return "ipv6", true
	}
	s = strings.TrimSuffix(strings.ToLower(s), ".")
	if len(s) > 253 || !strings.Contains(s, ".") {
		return "", false
	}
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return "", false
		}
		for _, c := range l {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return "", false
			}
		}
	}
	tld := labels[len(labels)-1]
	if len(tld) < 2 || strings.ContainsAny(tld, "0123456789_") && !strings.HasPrefix(tld, "xn--") {
		return "", false
	}
	if tld == "onion" {
		if OnionV3(labels[len(labels)-2]) {
			return "onion", true
		}
		return "", false
	}
	return "domain", true
}

// finder gathers the indicators of one session.
type finder struct {
	own  map[string]bool // the sensor's addresses and names: never indicators
	seen map[[2]string]int
	out  []Indicator
	memo map[string][]Layer // what Unwrap gave: steps and indicators look at the same texts
	done map[string]bool    // texts that were searched with the same role
}

// unwrap is Unwrap, once a text.
func (f *finder) unwrap(s string) []Layer {
	l, ok := f.memo[s]
	if !ok {
		l = Unwrap(s)
		if f.memo == nil || len(f.memo) > 1000 {
			f.memo = map[string][]Layer{}
		}
		f.memo[s] = l
	}
	return l
}

func newFinder(own map[string]bool) *finder {
	return &finder{own: own, seen: map[[2]string]int{}}
}

func (f *finder) add(i Indicator) {
	if i.Value == "" || len(i.Value) > 4096 {
		return
	}
	k := [2]string{i.Type, i.Value}
	if n, ok := f.seen[k]; ok {
		o := &f.out[n]
		if o.Role == "" || o.Role == "mentioned" && i.Role != "" {
			o.Role = i.Role
		}
		if len(i.Layer) < len(o.Layer) && i.Layer != "" && strings.HasPrefix(i.Layer, "plain") && o.Layer == "" {
			o.Layer = i.Layer
		}
		o.Confidence = max(o.Confidence, i.Confidence)
		return
	}
	f.seen[k] = len(f.out)
	f.out = append(f.out, i)
}

// host adds the domain or address that a URL or pool names.
func (f *finder) host(h, role, layer, why string, conf float64, seq uint64) bool {
	h = strings.TrimSuffix(strings.ToLower(strings.Trim(h, "[]")), ".")
	kind, ok := hostName(h)
	if !ok {
		return false
	}
	if f.own[h] {
		return false
	}
	if a, err := netip.ParseAddr(h); err == nil && (a.IsLoopback() || a.IsUnspecified()) {
		return false
	}
	f.add(Indicator{Type: kind, Value: h, Role: role, Layer: layer, Confidence: conf, Why: why, Seq: seq})
	return true
}

// URL adds a URL and its host.
func (f *finder) URL(raw, role, layer, why string, conf float64, seq uint64) {
	raw = strings.TrimRight(raw, ".,!?:'\"]}>")
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return
	}
	scheme := strings.ToLower(u.Scheme)
	h := u.Hostname()
	if strings.HasPrefix(scheme, "stratum") {
		port := u.Port()
		if port == "" || !f.host(h, "pool", layer, why, conf, seq) {
			return
		}
		f.add(Indicator{Type: "pool", Value: strings.ToLower(h) + ":" + port, Role: "pool", Layer: layer, Confidence: conf, Why: why, Seq: seq})
		return
	}
	if benign(h) {
		role, conf = "benign", 0.3
	}
	if !f.host(h, role, layer, why, conf, seq) {
		return
	}
	f.add(Indicator{Type: "url", Value: raw, Role: role, Layer: layer, Confidence: conf, Why: why, Seq: seq})
}

// benign names infrastructure that everybody uses.
func benign(h string) bool {
	h = strings.ToLower(h)
	for _, s := range []string{"docker.io", "docker.com", "alpinelinux.org", "debian.org", "ubuntu.com", "centos.org", "fedoraproject.org", "pypi.org", "python.org",
		"npmjs.org", "golang.org", "kernel.org", "gnu.org"} {
		if h == s || strings.HasSuffix(h, "."+s) {
			return true
		}
	}
	return false
}

// text looks for indicators in s and everything that is hidden in it.
func (f *finder) text(s, role string, seq uint64) {
	if k := role + "\x00" + s; f.done[k] {
		return
	} else if len(f.done) < 10_000 {
		if f.done == nil {
			f.done = map[string]bool{}
		}
		f.done[k] = true
	}
	for _, l := range f.unwrap(s) {
		f.layer(l, role, seq)
	}
}

func (f *finder) layer(l Layer, role string, seq uint64) {
	t := l.Text
	// Words that only look whole because a splitting was not undone yet would
	// give wrong names: the layer with joined words has them right.
	for _, m := range reURL.FindAllStringIndex(t, 500) {
		u := t[m[0]:m[1]]
		if m[1] < len(t) && (t[m[1]] == '\\' || strings.HasPrefix(t[m[1]:], "${") || strings.HasPrefix(t[m[1]:], "$(")) || strings.ContainsAny(u, "$") {
			if host, _, _ := strings.Cut(strings.SplitN(u, "://", 2)[1], "/"); strings.ContainsAny(host, "$") || !strings.Contains(strings.SplitN(u, "://", 2)[1], "/") {
				continue
			}
			if t[min(m[1], len(t)-1)] == '\\' {
				continue
			}
		}
		f.URL(u, role, l.Path, "a URL in the text", 0.8, seq)
	}
	for _, m := range reFetch.FindAllStringSubmatch(t, 200) {
		for _, w := range strings.Fields(m[1]) {
			w = strings.Trim(w, `"'`)
			if strings.HasPrefix(w, "-") || strings.Contains(w, "://") || strings.ContainsAny(w, `$\{}<>()=`) {
				continue
			}
			host, _, slash := strings.Cut(w, "/")
			h, port, hasPort := strings.Cut(host, ":")
			kind, ok := hostName(h)
			if !ok || kind == "domain" && !slash && !hasPort {
				continue // a file name like x.sh reads as a host name
			}
			if hasPort {
				if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
					continue
				}
			}
			f.URL("http://"+w, role, l.Path, "the argument of a download", 0.8, seq)
		}
	}
	for _, m := range rePool.FindAllStringSubmatch(t, 100) {
		if n, err := strconv.Atoi(m[2]); err != nil || n > 65535 {
			continue
		}
		if f.host(m[1], "pool", l.Path, "a miner's pool", 0.9, seq) {
			f.add(Indicator{Type: "pool", Value: strings.ToLower(m[1]) + ":" + m[2], Role: "pool", Layer: l.Path, Confidence: 0.9, Why: "a miner's pool", Seq: seq})
		}
	}
	for _, m := range reDevTCP.FindAllStringSubmatch(t, 100) {
		f.host(m[2], "c2", l.Path, "the shell's own "+m[1]+" connection", 0.8, seq)
	}
	wallet := func(w, coin string) {
		f.add(Indicator{Type: "wallet-" + coin, Value: w, Role: "wallet", Layer: l.Path, Confidence: 0.99, Why: "the checksum is right", Seq: seq})
	}
	for _, w := range reXMR.FindAllString(t, 100) {
		if Monero(w) {
			wallet(w, "xmr")
		} else if len(w) > 95 && Monero(w[:95]) {
			wallet(w[:95], "xmr")
		}
	}
	for _, re := range []*regexp.Regexp{reB58, reBech} {
		for _, w := range re.FindAllString(t, 200) {
			if coin, ok := Wallet(w); ok {
				wallet(w, coin)
			}
		}
	}
	for _, w := range reETH.FindAllString(t, 100) {
		if v, checked := ethereum(w); v && (checked || strings.Contains(strings.ToLower(t), "eth")) {
			wallet(w, "eth")
		}
	}
	for _, m := range reMail.FindAllString(t, 100) {
		if _, ok := hostName(m[strings.IndexByte(m, '@')+1:]); ok && !strings.HasSuffix(m, ".local") {
			f.add(Indicator{Type: "email", Value: m, Role: "contact", Layer: l.Path, Confidence: 0.6, Seq: seq})
		}
	}
	for _, m := range reOnion.FindAllStringSubmatch(t, 100) {
		if OnionV3(strings.ToLower(m[1])) {
			f.add(Indicator{Type: "onion", Value: strings.ToLower(m[1]) + ".onion", Role: role, Layer: l.Path, Confidence: 0.99, Seq: seq})
		}
	}
	for _, m := range reSSH.FindAllStringSubmatch(t, 50) {
		if sshKey(m[1], m[2]) {
			f.add(Indicator{Type: "ssh-key", Value: strings.TrimSpace(m[1] + " " + m[2] + " " + m[3]), Role: "persistence", Layer: l.Path, Confidence: 0.95, Seq: seq})
		}
	}
	for _, m := range reToken.FindAllStringSubmatch(t, 50) {
		v := m[0]
		if m[1] != "" {
			v = m[1]
		}
		f.add(Indicator{Type: "token", Value: v, Role: "credential", Layer: l.Path, Confidence: 0.8, Seq: seq})
	}
	for _, m := range rePasswd.FindAllStringSubmatch(t, 50) {
		if m[2] != "x" && m[2] != "*" && m[2] != "!" {
			f.add(Indicator{Type: "user", Value: m[1], Role: "persistence", Layer: l.Path, Confidence: 0.8, Why: "a line for /etc/passwd", Seq: seq})
		}
	}
	for _, m := range reShadow.FindAllStringSubmatch(t, 50) {
		f.add(Indicator{Type: "user", Value: m[1], Role: "persistence", Layer: l.Path, Confidence: 0.8, Why: "a line with a password hash", Seq: seq})
	}
	for _, m := range reUser.FindAllStringSubmatch(t, 50) {
		f.add(Indicator{Type: "user", Value: m[1], Role: "persistence", Layer: l.Path, Confidence: 0.8, Why: "a user was added", Seq: seq})
	}
}

var reStockCron = regexp.MustCompile(`run-parts (?:--report )?/etc/(?:cron|periodic)[./]|/usr/lib/php/sessionclean|debian-sa1|e2scrub_all|/usr/share/mdadm/checkarray|popularity-contest|certbot -q renew`)

// cronIn adds the cron lines that a command writes, where it names cron's files.
func (f *finder) cronIn(l Layer, seq uint64) {
	if strings.HasSuffix(l.Path, ">quotes") || strings.HasSuffix(l.Path, ">variables") || strings.HasSuffix(l.Path, ">escapes") {
		return // not as it was written
	}
	if strings.Contains(l.Text, "cron") && strings.Contains(l.Text, "* *") {
		// A line in quotes ends at the quote that began it.
		for _, q := range []string{`"`, "'"} {
			parts := strings.Split(strings.ReplaceAll(l.Text, `\"`, "\x00"), q)
			for i := 1; i < len(parts); i += 2 {
				f.cron(strings.ReplaceAll(parts[i], "\x00", `"`), l.Path, seq)
			}
		}
	}
	if l.Path != "plain" {
		f.cron(l.Text, l.Path, seq)
	}
}

// cron adds the cron lines of a text that was written into a crontab.
func (f *finder) cron(t, layer string, seq uint64) {
	for _, m := range reCron.FindAllStringSubmatch(t, 100) {
		if reStockCron.MatchString(m[1]) {
			continue // a distribution's own line, which stood in the file before
		}
		f.add(Indicator{Type: "cron", Value: m[1], Role: "persistence", Layer: layer, Confidence: 0.95, Seq: seq})
	}
}

// credential adds what an X-Registry-Auth or X-Registry-Config header carries.
func (f *finder) credential(header string, seq uint64) {
	b := decodeB64(header)
	if len(b) == 0 {
		if d, err := base64.URLEncoding.DecodeString(header); err == nil {
			b = d
		}
	}
	f.credentialJSON(b, seq)
}

func (f *finder) credentialJSON(b []byte, seq uint64) {
	type auth struct {
		Username, Password, Auth, ServerAddress, IdentityToken, RegistryToken string
	}
	one := func(a auth, server string) {
		if a.Auth != "" && a.Username == "" {
			if u, p, ok := strings.Cut(string(decodeB64(a.Auth)), ":"); ok {
				a.Username, a.Password = u, p
			}
		}
		if a.ServerAddress == "" {
			a.ServerAddress = server
		}
		secret := a.Password
		if secret == "" {
			secret = a.IdentityToken + a.RegistryToken
		}
		if a.Username == "" && secret == "" {
			return
		}
		v := a.Username + ":" + secret
		if a.ServerAddress != "" {
			v += "@" + a.ServerAddress
		}
		f.add(Indicator{Type: "registry-credential", Value: v, Role: "credential", Layer: "plain", Confidence: 0.95, Seq: seq})
	}
	var a auth
	if json.Unmarshal(b, &a) == nil {
		one(a, "")
	}
	var m map[string]auth
	if json.Unmarshal(b, &m) == nil {
		for k, v := range m {
			one(v, k)
		}
	}
}
