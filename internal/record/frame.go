package record

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/whalefall/whalefall/internal/event"
)

// reqFramer cuts what a client sends into heads and bodies, by the rules of
// net/http's server (net/http/server.go, transfer.go, internal/chunked.go): a
// head ends at an empty line, lines end in LF with an optional CR; "chunked"
// wins over Content-Length; after a POST up to four stray line ends are passed
// over. What net/http refuses makes the rest of the connection "no HTTP".
type reqFramer struct {
	state    reqState
	head     []byte
	parsed   *event.Request
	left     int64 // body bytes to come, or bytes of this chunk
	line     []byte
	method   string
	bad      bool
	body     bool
	dataFrom int // within the fed bytes: the body bytes of this step
	dataTo   int
}

type reqState uint8

const (
	rHead reqState = iota
	rFixed
	rChunkLine
	rChunkData
	rChunkEnd
	rTrailer
)

type reqEvent uint8

const (
	reqMore reqEvent = iota // nothing yet
	reqHead                 // a head is whole
	reqBody                 // body bytes in data
	reqEnd                  // the body ends here
	reqBad                  // no HTTP
)

func (f *reqFramer) hasBody() bool { return f.body }

// feed takes bytes up to the next happening.
func (f *reqFramer) feed(p []byte) (used int, ev reqEvent) {
	f.dataFrom, f.dataTo = 0, 0
	if f.bad {
		return len(p), reqBad
	}
	switch f.state {
	case rHead:
		return f.feedHead(p)
	case rFixed:
		n := int(min(int64(len(p)), f.left))
		f.left -= int64(n)
		f.dataTo = n
		if f.left == 0 {
			f.state = rHead
			return n, reqEnd
		}
		return n, reqBody
	case rChunkLine:
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			f.line = append(f.line, p...)
			if len(f.line) > 4096 {
				return f.fail(len(p))
			}
			return len(p), reqMore
		}
		f.line = append(f.line, p[:i+1]...)
		if len(f.line) > 4096 {
			return f.fail(i + 1)
		}
		n, ok := chunkSize(f.line)
		f.line = f.line[:0]
		if !ok {
			return f.fail(i + 1)
		}
		f.left = n
		f.state = rChunkData
		if n == 0 {
			f.state = rTrailer
		}
		return i + 1, reqMore
	case rChunkData:
		n := int(min(int64(len(p)), f.left))
		f.left -= int64(n)
		f.dataTo = n
		if f.left == 0 {
			f.state = rChunkEnd
		}
		return n, reqBody
	case rChunkEnd:
		f.line = append(f.line, p[0])
		if p[0] == '\n' {
			if len(f.line) > 2 || len(f.line) == 2 && f.line[0] != '\r' {
				return f.fail(1)
			}
			f.line = f.line[:0]
			f.state = rChunkLine
		} else if len(f.line) > 1 || p[0] != '\r' {
			return f.fail(1)
		}
		return 1, reqMore
	default: // rTrailer: lines up to an empty one
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			f.line = append(f.line, p...)
			if len(f.line) > 4096 {
				return f.fail(len(p))
			}
			return len(p), reqMore
		}
		f.line = append(f.line, p[:i+1]...)
		empty := len(bytes.TrimRight(f.line, "\r\n")) == 0
		f.line = f.line[:0]
		if empty {
			f.state = rHead
			f.line = nil
			return i + 1, reqEnd
		}
		return i + 1, reqMore
	}
}

func (f *reqFramer) fail(n int) (int, reqEvent) {
	f.bad = true
	f.line = nil
	return n, reqBad
}

func (f *reqFramer) feedHead(p []byte) (int, reqEvent) {
	used := 0
	if len(f.head) == 0 && f.method == "POST" {
		for used < len(p) && used < 4 && (p[used] == '\r' || p[used] == '\n') {
			used++
		}
		f.method = ""
		if used == len(p) {
			return used, reqMore
		}
	}
	// The empty line may begin in what is already kept.
	before := len(f.head)
	head := p[used:] // mostly the head comes whole
	if before > 0 || len(head) > MaxHead {
		f.head = append(f.head, p[used:min(len(p), used+MaxHead-before+1)]...)
		head = f.head
	}
	end := headEnd(head, max(0, before-3))
	if end < 0 {
		if before == 0 && len(f.head) == 0 {
			f.head = append(f.head, head...)
		}
		if i := bytes.IndexByte(f.head, '\n'); i >= 0 && !requestLine(f.head[:i]) {
			f.bad = true
			return len(p), reqMoreBad(f)
		}
		if len(f.head) > MaxHead {
			f.bad = true
			return len(p), reqMoreBad(f)
		}
		return len(p), reqMore
	}
	taken := used + end - before
	r, ok := parseHead(head[:end])
	if !ok {
		f.head = append(f.head[:0:0], head[:end]...)
		f.bad = true
		return taken, reqMoreBad(f)
	}
	f.parsed = r
	f.method = r.Method
	f.head = nil
	f.frame(r)
	return taken, reqHead
}

// reqMoreBad: the bytes are in head, so leftover gives them; feed's caller adds
// only what follows.
func reqMoreBad(*reqFramer) reqEvent { return reqMore }

// leftover gives the bytes of an unfinished head, once.
func (f *reqFramer) leftover() []byte {
	h := f.head
	f.head = nil
	return h
}

// giveUp makes the rest of the connection no HTTP.
func (f *reqFramer) giveUp() { f.bad = true }

// take gives the parsed head, once.
func (f *reqFramer) take() *event.Request {
	r := f.parsed
	f.parsed = nil
	return r
}

// headEnd finds the end of the empty line that ends a head, looking from from.
func headEnd(b []byte, from int) int {
	for i := from; ; {
		k := bytes.IndexByte(b[i:], '\n')
		if k < 0 {
			return -1
		}
		i += k + 1
		if i < len(b) && b[i] == '\n' {
			return i + 1
		}
		if i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n' {
			return i + 2
		}
		if i >= len(b) {
			return -1
		}
	}
}

// requestLine tells whether net/http would take the line as METHOD TARGET PROTO.
func requestLine(line []byte) bool {
	l := strings.TrimRight(string(line), "\r")
	method, rest, ok := strings.Cut(l, " ")
	if !ok {
		return false
	}
	target, proto, ok := strings.Cut(rest, " ")
	return ok && method != "" && target != "" && strings.HasPrefix(proto, "HTTP/")
}

// parseHead reads a whole head. It takes more than net/http does: what net/http
// answers with 400 is a request all the same, with its bytes in Raw.
func parseHead(b []byte) (*event.Request, bool) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 || !requestLine(b[:i]) {
		return nil, false
	}
	l := strings.TrimRight(string(b[:i]), "\r")
	method, rest, _ := strings.Cut(l, " ")
	target, proto, _ := strings.Cut(rest, " ")
	r := &event.Request{Method: method, URL: target, Proto: proto}
	odd := !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0
	rest = string(b[i+1:])
	r.Headers = make([]event.Header, 0, min(strings.Count(rest, "\n"), 64))
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if n := len(r.Headers); n > 0 {
				r.Headers[n-1][1] += " " + strings.Trim(line, " \t")
			}
			odd = true
			continue
		}
		k, v, ok := strings.Cut(line, ":")
		if !ok {
			odd = true
		}
		r.Headers = append(r.Headers, event.Header{k, strings.Trim(v, " \t")})
	}
	if odd {
		r.Raw = append([]byte(nil), b...)
	}
	return r, true
}

// frame decides how the body that follows is framed.
func (f *reqFramer) frame(r *event.Request) {
	f.body = false
	f.state = rHead
	chunked, length := false, int64(-1)
	for _, h := range r.Headers {
		switch {
		case strings.EqualFold(h[0], "Transfer-Encoding"):
			if strings.EqualFold(strings.TrimSpace(h[1]), "chunked") {
				chunked = true
			} else {
				f.bad = true // net/http: 501 and close
			}
		case strings.EqualFold(h[0], "Content-Length"):
			n, err := strconv.ParseUint(strings.TrimSpace(h[1]), 10, 63)
			if err != nil || length >= 0 && length != int64(n) {
				if !chunked {
					f.bad = true // net/http: 400 and close
				}
				continue
			}
			length = int64(n)
		}
	}
	switch {
	case chunked:
		f.state, f.body, f.bad = rChunkLine, true, false
	case f.bad:
	case length > 0:
		f.state, f.body, f.left = rFixed, true, length
	}
}

// chunkSize reads a chunk's size line, extension and all.
func chunkSize(line []byte) (int64, bool) {
	l := strings.TrimRight(string(line), " \t\r\n")
	l, _, _ = strings.Cut(l, ";")
	l = strings.TrimRight(l, " \t")
	if l == "" || len(l) > 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(l, 16, 63)
	if err != nil || l[0] == '+' || strings.Contains(l, "_") {
		return 0, false
	}
	return int64(n), true
}

// ansFramer cuts what the server sends. The server is ours, so it is believed.
type ansFramer struct {
	head       []byte
	inBody     bool
	left       int64
	chunked    bool
	chunk      reqFramer
	untilClose bool
	loose      bool
	status     int
	parsed     *event.Answer
	dataFrom   int
	dataTo     int
}

type ansEvent uint8

const (
	ansMore    ansEvent = iota
	ansInterim          // a 1xx head
	ansHead             // a head, body bytes follow
	ansBody             // body bytes
	ansEnd              // the answer ends here
	ansHijack           // a head without any framing: a stream begins
)

func (f *ansFramer) take() *event.Answer {
	a := f.parsed
	f.parsed = nil
	return a
}

func (f *ansFramer) feed(p []byte, method string) (int, ansEvent) {
	f.dataFrom, f.dataTo = 0, 0
	if f.inBody {
		return f.feedBody(p)
	}
	before := len(f.head)
	head := p // mostly the head comes whole
	if before > 0 {
		f.head = append(f.head, p...)
		head = f.head
	}
	end := headEnd(head, max(0, before-3))
	if end < 0 {
		if before == 0 {
			f.head = append(f.head, p...)
		}
		if len(f.head) > MaxHead {
			f.head = nil
		}
		return len(p), ansMore
	}
	used := end - before
	a, framing := parseAnswer(head[:end])
	f.head = nil
	f.parsed, f.status = a, a.Status
	switch {
	case a.Status >= 100 && a.Status < 200 && a.Status != 101:
		return used, ansInterim
	case a.Status == 101:
		return used, ansHijack
	case method == "HEAD" || a.Status == 204 || a.Status == 304:
		return used, ansEnd
	case framing.chunked:
		f.chunked, f.inBody = true, true
		f.chunk = reqFramer{state: rChunkLine}
	case framing.length == 0:
		return used, ansEnd
	case framing.length > 0:
		f.left, f.inBody = framing.length, true
	case framing.close:
		f.untilClose, f.inBody = true, true
	default:
		return used, ansHijack
	}
	return used, ansHead
}

func (f *ansFramer) feedBody(p []byte) (int, ansEvent) {
	if f.untilClose {
		f.dataTo = len(p)
		return len(p), ansBody
	}
	if f.chunked {
		n, ev := f.chunk.feed(p)
		f.dataFrom, f.dataTo = f.chunk.dataFrom, f.chunk.dataTo
		if ev == reqEnd || ev == reqBad {
			f.inBody, f.chunked = false, false
			return n, ansEnd
		}
		return n, ansBody
	}
	n := int(min(int64(len(p)), f.left))
	f.left -= int64(n)
	f.dataTo = n
	if f.left == 0 {
		f.inBody = false
		return n, ansEnd
	}
	return n, ansBody
}

type framing struct {
	chunked, close bool
	length         int64
}

func parseAnswer(b []byte) (*event.Answer, framing) {
	fr := framing{length: -1}
	a := &event.Answer{}
	line, rest, _ := strings.Cut(string(b), "\n")
	line = strings.TrimSuffix(line, "\r")
	if _, s, ok := strings.Cut(line, " "); ok {
		code, reason, _ := strings.Cut(s, " ")
		a.Status, _ = strconv.Atoi(code)
		a.Reason = reason
	}
	a.Headers = make([]event.Header, 0, strings.Count(rest, "\n"))
	for rest != "" {
		line, rest, _ = strings.Cut(rest, "\n")
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			break
		}
		k, v, _ := strings.Cut(line, ":")
		v = strings.Trim(v, " \t")
		a.Headers = append(a.Headers, event.Header{k, v})
		switch {
		case strings.EqualFold(k, "Content-Length"):
			if n, err := strconv.ParseInt(v, 10, 64); err == nil {
				fr.length = n
			}
		case strings.EqualFold(k, "Transfer-Encoding"):
			fr.chunked = strings.EqualFold(v, "chunked")
		case strings.EqualFold(k, "Connection"):
			fr.close = strings.EqualFold(v, "close")
		}
	}
	return a, fr
}
