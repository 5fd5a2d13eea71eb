package fidelity

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Dialer connects to a daemon, real or decoy.
type Dialer interface {
	Dial(ctx context.Context) (net.Conn, error)
}

// Step is one request.
type Step struct {
	// Req is "METHOD /path" with ${name} for what earlier steps captured; or, where
	// Raw is set, nothing.
	Req string
	// Body is the request's body; Type its Content-Type, application/json where a
	// body is given and Type is empty, "-" for none.
	Body, Type string
	// Header are further header lines.
	Header []string
	// Raw are the bytes to send instead.
	Raw string
	// Capture takes the first match of an expression's group in the answer.
	Capture map[string]string
	// Quiet leaves the answer out of the comparison (a step of preparation).
	Quiet bool
	// Sort compares the lines of the body, or the top elements of its array, as a set.
	Sort bool
	// Within is how long to wait for an answer that does not end (events, logs);
	// what came till then is the answer. Zero is 20 s and counts as a failure.
	Within time.Duration
	// HeadOnly compares the status and the head alone.
	HeadOnly bool
	// Only names the API's least version a daemon must have for the step ("1.42").
	Only string
}

// Scenario is a list of steps; each step has a connection of its own unless Keep.
type Scenario struct {
	Name  string
	Keep  bool // all over one connection
	World bool // needs objects of a world: images, containers
	Steps []Step
}

// Answer is what came back.
type Answer struct {
	Head  string // status line and header lines as sent, without the blank line
	Body  []byte // without chunking
	Frame string // length, chunked, eof, none
	End   string // close: the daemon closed; open: the connection stayed; cut: time ran out
}

var expand = regexp.MustCompile(`\$\{(\w+)\}`)

func subst(s string, vars map[string]string) string {
	return expand.ReplaceAllStringFunc(s, func(m string) string { return vars[m[2:len(m)-1]] })
}

// Bytes is the request as it goes out.
func (s Step) Bytes(vars map[string]string) []byte {
	if s.Raw != "" {
		return []byte(subst(s.Raw, vars))
	}
	var b bytes.Buffer
	method, path, _ := strings.Cut(s.Req, " ")
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: decoy\r\n", method, subst(path, vars))
	body := subst(s.Body, vars)
	typ := s.Type
	if typ == "" && body != "" {
		typ = "application/json"
	}
	if typ != "" && typ != "-" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", typ)
	}
	if body != "" || method == "POST" || method == "PUT" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	for _, h := range s.Header {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n" + body)
	return b.Bytes()
}

// peer is a connection with what was read ahead.
type peer struct {
	net.Conn
	r *bufio.Reader
}

// exchange sends and reads one answer.
func exchange(p *peer, s Step, vars map[string]string) (Answer, error) {
	limit := s.Within
	if limit == 0 {
		limit = 20 * time.Second
	}
	p.SetDeadline(time.Now().Add(limit))
	if _, err := p.Write(s.Bytes(vars)); err != nil && !errors.Is(err, net.ErrClosed) {
		// A daemon may answer and close before it has read all.
		_ = err
	}
	var a Answer
	var head bytes.Buffer
	for {
		line, err := p.r.ReadString('\n')
		head.WriteString(line)
		if err != nil {
			a.Head = head.String()
			a.End = ending(err)
			a.Frame = "none"
			if a.End == "cut" && s.Within == 0 {
				return a, fmt.Errorf("no whole head within %v: %q", limit, a.Head)
			}
			return a, nil
		}
		if line == "\r\n" {
			break
		}
	}
	a.Head = strings.TrimSuffix(head.String(), "\r\n")
	status, fields := 0, http.Header{}
	for i, l := range strings.Split(strings.TrimSuffix(a.Head, "\r\n"), "\r\n") {
		if i == 0 {
			if f := strings.Fields(l); len(f) > 1 {
				status, _ = strconv.Atoi(f[1])
			}
			continue
		}
		k, v, _ := strings.Cut(l, ":")
		fields.Add(k, strings.TrimSpace(v))
	}
	method, _, _ := strings.Cut(string(s.Bytes(vars)), " ")
	var err error
	switch {
	case method == "HEAD" || status == 204 || status == 304:
		a.Frame = "none"
	case status == 101:
		a.Frame = "eof"
		a.Body, err = io.ReadAll(p.r)
	case strings.EqualFold(fields.Get("Transfer-Encoding"), "chunked"):
		a.Frame = "chunked"
		a.Body, err = dechunk(p.r)
	case fields.Get("Content-Length") != "":
		a.Frame = "length"
		n, _ := strconv.Atoi(fields.Get("Content-Length"))
		a.Body = make([]byte, n)
		var k int
		k, err = io.ReadFull(p.r, a.Body)
		a.Body = a.Body[:k]
	default:
		a.Frame = "eof"
		a.Body, err = io.ReadAll(p.r)
		if err == nil {
			a.End = "close"
		}
	}
	if err != nil {
		a.End = ending(err)
		if a.End == "cut" && s.Within == 0 {
			return a, fmt.Errorf("answer did not end within %v: %q", limit, a.Body)
		}
	}
	if a.End == "" {
		a.End = "open"
		if strings.EqualFold(fields.Get("Connection"), "close") {
			a.End = "close"
		}
	}
	return a, nil
}

func ending(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "cut"
	}
	return "close"
}

// dechunk reads a chunked body to its end.
func dechunk(r *bufio.Reader) ([]byte, error) {
	var out bytes.Buffer
	for {
		l, err := r.ReadString('\n')
		if err != nil {
			return out.Bytes(), err
		}
		n, err := strconv.ParseInt(strings.TrimSpace(l), 16, 64)
		if err != nil {
			return out.Bytes(), err
		}
		if _, err := io.CopyN(&out, r, n); err != nil {
			return out.Bytes(), err
		}
		if _, err := r.ReadString('\n'); err != nil {
			return out.Bytes(), err
		}
		if n == 0 {
			return out.Bytes(), nil
		}
	}
}

// Play runs a scenario and returns an answer a step. vars holds what Setup captured.
func Play(ctx context.Context, d Dialer, sc Scenario, vars map[string]string, api string) ([]Answer, error) {
	var p *peer
	defer func() {
		if p != nil {
			p.Close()
		}
	}()
	out := make([]Answer, len(sc.Steps))
	for i, s := range sc.Steps {
		if s.Only != "" && less(api, s.Only) {
			continue
		}
		if p == nil || !sc.Keep {
			if p != nil {
				p.Close()
			}
			c, err := d.Dial(ctx)
			if err != nil {
				return nil, err
			}
			p = &peer{c, bufio.NewReader(c)}
		}
		a, err := exchange(p, s, vars)
		if err != nil {
			return out, fmt.Errorf("%s step %d (%s): %w", sc.Name, i, s.Title(), err)
		}
		out[i] = a
		for k, re := range s.Capture {
			if m := regexp.MustCompile(re).FindSubmatch(append([]byte(a.Head+"\n"), a.Body...)); m != nil {
				vars[k] = string(m[1])
			}
		}
	}
	return out, nil
}

// Title names a step in transcripts and reports.
func (s Step) Title() string {
	if s.Raw != "" {
		l := s.Raw
		if len(l) > 90 {
			l = l[:90]
		}
		return strconv.Quote(l)
	}
	t := s.Req
	for _, h := range s.Header {
		t += " [" + h + "]"
	}
	if s.Type != "" {
		t += " <" + s.Type + ">"
	}
	if s.Body != "" {
		b := s.Body
		if strings.ContainsRune(b, 0) {
			b = fmt.Sprintf("(an archive of %d bytes)", len(b))
		}
		if len(b) > 120 {
			b = b[:120] + "..."
		}
		t += " " + strconv.Quote(b)
	}
	return t
}

// less compares versions as the daemon does, by their numbers.
func less(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := 0; i < len(x) || i < len(y); i++ {
		var m, n int
		if i < len(x) {
			m, _ = strconv.Atoi(x[i])
		}
		if i < len(y) {
			n, _ = strconv.Atoi(y[i])
		}
		if m != n {
			return m < n
		}
	}
	return false
}
