package fidelity

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Rule replaces what two daemons cannot have in common.
type Rule struct {
	Name string // what it is counted as
	Re   *regexp.Regexp
	To   string
}

// rules are applied in order to heads and bodies. Keep each as narrow as it can be.
var rules = []Rule{
	{"date", regexp.MustCompile(`\bDate: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT`), "Date: <date>"},
	{"time", regexp.MustCompile(`\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`), "<time>"},
	{"unix", regexp.MustCompile(`"(Created|time|timeNano|CreatedAt|LastTagTime|create|Since)":1\d{9,18}\b`), `"$1":<unix>`},
	{"uuid", regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), "<uuid>"},
	{"swarm-id", regexp.MustCompile(`"ID":"([A-Z2-7]{4}:){11}[A-Z2-7]{4}"`), `"ID":"<uuid>"`},
	{"host", regexp.MustCompile(`"(KernelVersion|OperatingSystem|OSVersion|MemTotal|NCPU|NFd|NGoroutines|SystemTime|CpuCfsPeriod|CpuCfsQuota)":("[^"]*"|\d+|true|false)`), ""},
	{"ago", regexp.MustCompile(`(Less than a second|About a minute|\d+ (?:second|minute)s?)( ago)?\b`), "<while>$2"},
	{"stat", regexp.MustCompile(`X-Docker-Container-Path-Stat: \S+`), "X-Docker-Container-Path-Stat: <stat>"},
	{"hostname", regexp.MustCompile(`"Name":"[^"]*","Labels":\[\],"ExperimentalBuild"`), `"Name":"<hostname>","Labels":[],"ExperimentalBuild"`},
	{"hostname", regexp.MustCompile(`"Name":"[^"]*","NoProxy"`), `"Name":"<hostname>","NoProxy"`},
	{"hostname", regexp.MustCompile(`"Hostname":"(decoy|ip-172-[^"]*)"`), `"Hostname":"<hostname>"`},
	{"mac", regexp.MustCompile(`"MacAddress":"[0-9a-f]{2}(:[0-9a-f]{2}){5}"`), `"MacAddress":"<mac>"`},
	{"size", regexp.MustCompile(`"(Size|SharedSize|VirtualSize|SizeRootFs|LayersSize)":\d{5,}`), `"$1":<size>`},
	{"pid", regexp.MustCompile(`"Pid":[1-9]\d*`), `"Pid":<pid>`},
	{"map", regexp.MustCompile(`network endpoints: [ab], [ab]`), "network endpoints: <a and b>"},
	{"udp", regexp.MustCompile(`read udp \[::1\]:\d+->`), "read udp [::1]:<port>->"},
	{"count", regexp.MustCompile(`<tr><td>[1-9]\d*</td>`), "<tr><td><count></td>"},
	{"tmp", regexp.MustCompile(`/docker-import-\d+`), "/docker-import-<n>"},
	{"port", regexp.MustCompile(`127\.0\.0\.1:\d{5}\b`), "127.0.0.1:<port>"},
}

// Normalizer replaces ids by their order of appearance in the step and applies the
// rules: what an answer says of one object in several places must agree, while one
// difference does not shift the names of all that follow. One normalizer serves one
// scenario on one side.
type Normalizer struct {
	ids   map[string]int // of this step
	seen  map[string]bool
	Count map[string]int
}

// NewNormalizer makes one.
func NewNormalizer() *Normalizer {
	return &Normalizer{seen: map[string]bool{}, Count: map[string]int{}}
}

var (
	longID  = regexp.MustCompile(`\b[0-9a-f]{64}\b`)
	shortID = regexp.MustCompile(`\b[0-9a-f]{12}\b`)
)

// Text normalizes a text; info says that it is of /info, whose host facts differ.
func (n *Normalizer) Text(s string, info bool) string {
	s = longID.ReplaceAllStringFunc(s, func(m string) string {
		if strings.Trim(m, "0") == "" {
			return m
		}
		n.Count["id"]++
		n.seen[m] = true
		if _, ok := n.ids[m]; !ok {
			n.ids[m] = len(n.ids) + 1
		}
		return fmt.Sprintf("<id%d>", n.ids[m])
	})
	s = shortID.ReplaceAllStringFunc(s, func(m string) string {
		for l, i := range n.ids {
			if strings.HasPrefix(l, m) {
				n.Count["short-id"]++
				return fmt.Sprintf("<id%d.short>", i)
			}
		}
		for l := range n.seen {
			if strings.HasPrefix(l, m) {
				n.Count["short-id"]++
				return "<id.short>"
			}
		}
		return m
	})
	for _, r := range rules {
		if r.Name == "host" {
			if info {
				s = r.Re.ReplaceAllStringFunc(s, func(m string) string {
					n.Count[r.Name]++
					k, _, _ := strings.Cut(m, ":")
					return k + ":<host>"
				})
			}
			continue
		}
		if c := len(r.Re.FindAllStringIndex(s, -1)); c > 0 {
			n.Count[r.Name] += c
			s = r.Re.ReplaceAllString(s, r.To)
		}
	}
	return s
}

// Normal is an answer in its normal form.
type Normal struct {
	Title string
	Head  []string
	Frame string
	Body  string
}

// Answer normalizes an answer.
func (n *Normalizer) Answer(s Step, a Answer) Normal {
	n.ids = map[string]int{}
	info := strings.Contains(s.Req, "/info") || strings.Contains(s.Req, "/version")
	out := Normal{Title: s.Title(), Frame: a.Frame + ", " + a.End}
	head := strings.TrimSuffix(a.Head, "\r\n")
	body := printable(a.Body)
	if s.Sort {
		body = sorted(body)
	}
	nb := n.Text(body, info)
	if s.HeadOnly {
		nb = ""
	}
	for _, l := range strings.Split(head, "\r\n") {
		if strings.HasPrefix(l, "Content-Length: ") && (nb != body || s.HeadOnly) {
			n.Count["length"]++
			l = "Content-Length: <n>"
		}
		out.Head = append(out.Head, n.Text(l, false))
	}
	if strings.HasSuffix(out.Frame, "cut") && s.Within > 0 {
		out.Frame = a.Frame + ", open"
	}
	out.Body = nb
	return out
}

func sorted(s string) string {
	parts := splitTop(s)
	if parts == nil {
		return s
	}
	sortStrings(parts)
	return "[" + strings.Join(parts, ",") + "]\n"
}

// printable is the body as text, quoted where it is none.
func printable(b []byte) string {
	if !utf8.Valid(b) || bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' }) {
		return "quoted " + strconv.Quote(string(b))
	}
	return string(b)
}

// String is the transcript's form of a step.
func (n Normal) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "== %s\n", n.Title)
	for _, h := range n.Head {
		fmt.Fprintf(&b, "%s\n", strings.ReplaceAll(h, "\r", `\r`))
	}
	fmt.Fprintf(&b, "-- %s\n", n.Frame)
	if n.Body != "" {
		b.WriteString(strings.ReplaceAll(n.Body, "\r", `\r`))
		if !strings.HasSuffix(n.Body, "\n") {
			b.WriteString("\\\n")
		}
	}
	return b.String()
}

// ParseTranscript reads steps back.
func ParseTranscript(text string) []Normal {
	var out []Normal
	var cur *Normal
	body := false
	for _, l := range strings.SplitAfter(text, "\n") {
		t := strings.TrimSuffix(l, "\n")
		switch {
		case strings.HasPrefix(t, "== "):
			out = append(out, Normal{Title: t[3:]})
			cur, body = &out[len(out)-1], false
		case cur == nil || l == "":
		case !body && strings.HasPrefix(t, "-- "):
			cur.Frame, body = t[3:], true
		case !body:
			cur.Head = append(cur.Head, strings.ReplaceAll(t, `\r`, "\r"))
		default:
			un := func(s string) string {
				if strings.HasPrefix(cur.Body+s, "quoted ") {
					return s
				}
				return strings.ReplaceAll(s, `\r`, "\r")
			}
			if strings.HasSuffix(t, `\`) {
				cur.Body += un(strings.TrimSuffix(t, `\`))
			} else {
				cur.Body += un(l)
			}
		}
	}
	return out
}
