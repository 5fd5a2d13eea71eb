// Package analyze says what a session means: who came, what they wanted, in which
// order, with which tools. Everything in it is a pure function of a session's
// events, so it can run again over old data; [Version] says which one judged.
//
// Each sentence has its proof: the sequence numbers of the events it is drawn
// from. What is not shown by an event is not said.
package analyze

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/event"
)

// Version names this judgement. It changes whenever a result can change.
const Version = "1"

// ATTACK is the version of the matrix that technique names are taken from.
const ATTACK = "MITRE ATT&CK v18 (2025-11-13)"

// Summary is what a session means.
type Summary struct {
	Kind       string      `json:"kind"`
	Why        []string    `json:"why,omitempty"`
	Client     string      `json:"client"`
	Outcome    string      `json:"outcome"`
	Techniques []Technique `json:"techniques"`
	Steps      []Step      `json:"steps"`
	Indicators []Indicator `json:"indicators"`
	Requests   []Request   `json:"requests"`
}

// Technique is a technique of the matrix with its proof.
type Technique struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Proof []uint64 `json:"proof,omitempty"`
}

// Step is one step of the story.
type Step struct {
	Time  time.Time `json:"time"`
	Step  string    `json:"step"` // scan, version, image, create, refused, retry, tactics, start, exec, host, persistence, second-stage, mining, give-up
	Text  string    `json:"text"`
	Proof []uint64  `json:"proof"`
}

// Request is one request with its answer.
type Request struct {
	Seq       int       `json:"seq"` // within the session, from 1
	Event     uint64    `json:"event"`
	Time      time.Time `json:"time"`
	Method    string    `json:"method"`
	URL       string    `json:"url"`
	Status    int       `json:"status"`
	UserAgent string    `json:"user_agent,omitempty"`
	Body      int64     `json:"body_bytes,omitempty"`
	BodySHA   string    `json:"body_sha256,omitempty"`
	Conn      string    `json:"conn,omitempty"`

	headers []event.Header
	body    []byte
	answer  []byte
	host    string
}

// Requests pairs each request of a session with its body and answer.
func Requests(evs []*event.Event) []Request {
	type key struct {
		conn string
		req  uint32
	}
	at := map[key]int{}
	var out []Request
	for _, e := range evs {
		k := key{e.Conn, e.Req}
		switch d := e.Data.(type) {
		case *event.Request:
			r := Request{Seq: len(out) + 1, Event: e.Seq, Time: e.Time, Method: d.Method, URL: d.URL, Conn: e.Conn, headers: d.Headers}
			for _, h := range d.Headers {
				switch strings.ToLower(h[0]) {
				case "user-agent":
					r.UserAgent = h[1]
				case "host":
					r.host = h[1]
				}
			}
			at[k] = len(out)
			out = append(out, r)
		case *event.Body:
			if i, ok := at[k]; ok {
				out[i].Body, out[i].BodySHA, out[i].body = d.Size, d.SHA256, d.Data
			}
		case *event.Answer:
			if i, ok := at[k]; ok && (d.Status >= 200 || d.Status == 101) {
				out[i].Status, out[i].answer = d.Status, d.Start
			}
		}
	}
	return out
}

// Own gives the sensor's addresses and names as a session's requests show them:
// they are never indicators.
func Own(evs []*event.Event, reqs []Request) map[string]bool {
	own := map[string]bool{}
	put := func(s string) {
		if s == "" {
			return
		}
		if ap, err := netip.ParseAddrPort(s); err == nil {
			s = ap.Addr().Unmap().String()
		} else if h, _, ok := strings.Cut(s, ":"); ok && !strings.Contains(h, "[") && strings.Count(s, ":") == 1 {
			s = h
		}
		own[strings.ToLower(strings.Trim(s, "[]"))] = true
	}
	for _, r := range reqs {
		// A Host header that names somebody else's site is a proxy's request.
		if !strings.Contains(r.URL, "://") && r.Method != "CONNECT" {
			put(r.host)
		}
	}
	for _, e := range evs {
		if e.Local.IsValid() {
			put(e.Local.Addr().String())
		}
	}
	return own
}

var reVersioned = regexp.MustCompile(`^/v\d+\.\d+(/|$)`)

// apiPath cuts the version off a request's path.
func apiPath(raw string) (path string, q url.Values) {
	u, err := url.ParseRequestURI(raw)
	if err != nil {
		p, _, _ := strings.Cut(raw, "?")
		return p, nil
	}
	p := u.Path
	if m := reVersioned.FindString(p); m != "" {
		p = "/" + strings.TrimPrefix(p, m)
	}
	return p, u.Query()
}

// Session judges a session.
func Session(evs []*event.Event) Summary {
	reqs := Requests(evs)
	own := Own(evs, reqs)
	f := newFinder(own)
	s := Summary{Requests: reqs}
	st := &story{f: f, reqs: reqs, tech: map[string]*Technique{}}
	st.run(evs)
	s.Steps = st.steps
	s.Techniques = st.techniques()
	s.Indicators = f.out
	s.Kind, s.Why = kind(reqs, st)
	s.Client = client(evs, reqs)
	s.Outcome = st.outcome()
	if s.Steps == nil {
		s.Steps = []Step{}
	}
	if s.Techniques == nil {
		s.Techniques = []Technique{}
	}
	return s
}

// createBody is what a create says that matters here.
type createBody struct {
	Image      string
	Cmd        flexible
	Entrypoint flexible
	Env        []string
	User       string
	WorkingDir string
	HostConfig struct {
		Binds       []string
		Privileged  bool
		NetworkMode string
		PidMode     string
		CapAdd      flexible
		Mounts      []struct{ Source, Target, Type string }
	}
	Binds      []string
	Privileged bool
}

// flexible takes a string or a list of strings.
type flexible []string

func (f *flexible) UnmarshalJSON(b []byte) error {
	var l []string
	if json.Unmarshal(b, &l) == nil {
		*f = l
		return nil
	}
	var s string
	if json.Unmarshal(b, &s) == nil && s != "" {
		*f = []string{s}
	}
	return nil
}

func (c createBody) binds() []string {
	b := append(append([]string{}, c.HostConfig.Binds...), c.Binds...)
	for _, m := range c.HostConfig.Mounts {
		b = append(b, m.Source+":"+m.Target)
	}
	return b
}

// allStrings gives every string of a JSON value, in order of its keys.
func allStrings(v any) []string {
	switch x := v.(type) {
	case string:
		return []string{x}
	case []any:
		var out []string
		for _, y := range x {
			out = append(out, allStrings(y)...)
		}
		return out
	case map[string]any:
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		var out []string
		for _, k := range keys {
			out = append(out, allStrings(x[k])...)
		}
		return out
	}
	return nil
}
