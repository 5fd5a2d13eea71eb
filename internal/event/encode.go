package event

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// Append adds e's JSON encoding and a newline to dst. The kinds that every
// request makes are encoded without reflection; the result is the same as
// json.Marshal's would be, but for HTML escaping.
func Append(dst []byte, e *Event) ([]byte, error) {
	b := append(dst, `{"seq":`...) //nolint:gocritic // append's own contract: the caller takes the result
	b = strconv.AppendUint(b, e.Seq, 10)
	b = append(b, `,"time":"`...)
	b = e.Time.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	if e.Precision != "" {
		b = appendKey(b, "time_precision", e.Precision)
	}
	b = appendKey(b, "kind", string(e.Kind))
	if e.Sensor != "" {
		b = appendKey(b, "sensor", e.Sensor)
	}
	if e.Source.IsValid() {
		b = append(b, `,"source":"`...)
		b = e.Source.AppendTo(b)
		b = append(b, '"')
	}
	if e.Port != 0 {
		b = append(b, `,"port":`...)
		b = strconv.AppendUint(b, uint64(e.Port), 10)
	}
	if e.Local.IsValid() {
		b = append(b, `,"local":"`...)
		b = e.Local.AppendTo(b)
		b = append(b, '"')
	}
	if e.Conn != "" {
		b = appendKey(b, "conn", e.Conn)
	}
	if e.Req != 0 {
		b = append(b, `,"req":`...)
		b = strconv.AppendUint(b, uint64(e.Req), 10)
	}
	if e.World != "" {
		b = appendKey(b, "world", e.World)
	}
	if e.Persona != "" {
		b = appendKey(b, "persona", e.Persona)
	}
	if e.Data != nil {
		b = append(b, `,"data":`...)
		switch d := e.Data.(type) {
		case *Request:
			b = d.append(b)
		case *Answer:
			b = d.append(b)
		case *End:
			b = d.append(b)
		case *Body:
			b = d.append(b)
		case *Chunk:
			b = d.append(b)
		default:
			j, err := json.Marshal(e.Data)
			if err != nil {
				return dst, err
			}
			b = append(b, j...)
		}
	}
	return append(b, '}', '\n'), nil
}

// appendKey adds ,"key":"value". No struct of ours begins with such a key, so
// the comma is always right.
func appendKey(b []byte, key, value string) []byte {
	b = append(b, ',', '"')
	b = append(b, key...)
	b = append(b, '"', ':')
	return appendString(b, value)
}

const hexDigits = "0123456789abcdef"

// appendString adds s as a JSON string. Invalid UTF-8 becomes U+FFFD, as
// encoding/json has it; who needs such bytes keeps them in a []byte field.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' && c != 0x7f {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b = append(b, s[start:i]...)
			b = append(b, `\ufffd`...)
			i++
			start = i
			continue
		}
		// Controls beyond ASCII and line separators are escaped too, so that a
		// journal can be looked at with a pager.
		if r == '\u2028' || r == '\u2029' || (r >= 0x80 && r < 0xa0) {
			b = append(b, s[start:i]...)
			b = append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
			i += n
			start = i
			continue
		}
		i += n
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func appendBytes(b []byte, key string, p []byte) []byte {
	b = append(b, ',', '"')
	b = append(b, key...)
	b = append(b, '"', ':', '"')
	b = base64.StdEncoding.AppendEncode(b, p)
	return append(b, '"')
}

func appendHeaders(b []byte, h []Header) []byte {
	b = append(b, '[')
	for i, kv := range h {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '[')
		b = appendString(b, kv[0])
		b = append(b, ',')
		b = appendString(b, kv[1])
		b = append(b, ']')
	}
	return append(b, ']')
}

func (r *Request) append(b []byte) []byte {
	b = append(b, `{"method":`...)
	b = appendString(b, r.Method)
	b = appendKey(b, "url", r.URL)
	b = appendKey(b, "proto", r.Proto)
	b = append(b, `,"headers":`...)
	b = appendHeaders(b, r.Headers)
	if len(r.Raw) > 0 {
		b = appendBytes(b, "raw", r.Raw)
	}
	return append(b, '}')
}

func (a *Answer) append(b []byte) []byte {
	b = append(b, `{"status":`...)
	b = strconv.AppendInt(b, int64(a.Status), 10)
	if a.Reason != "" {
		b = appendKey(b, "reason", a.Reason)
	}
	if len(a.Headers) > 0 {
		b = append(b, `,"headers":`...)
		b = appendHeaders(b, a.Headers)
	}
	if len(a.Start) > 0 {
		b = appendBytes(b, "start", a.Start)
	}
	return append(b, '}')
}

func (e *End) append(b []byte) []byte {
	b = append(b, `{"status":`...)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	b = append(b, `,"size":`...)
	b = strconv.AppendInt(b, e.Size, 10)
	b = appendKey(b, "sha256", e.SHA256)
	b = append(b, `,"duration_us":`...)
	b = strconv.AppendInt(b, e.Duration, 10)
	if e.Aborted {
		b = append(b, `,"aborted":true`...)
	}
	return append(b, '}')
}

func (y *Body) append(b []byte) []byte {
	b = append(b, `{"size":`...)
	b = strconv.AppendInt(b, y.Size, 10)
	b = appendKey(b, "sha256", y.SHA256)
	if len(y.Data) > 0 {
		b = appendBytes(b, "data", y.Data)
	}
	if y.Artifact {
		b = append(b, `,"artifact":true`...)
	}
	if y.Truncated {
		b = append(b, `,"truncated":true`...)
	}
	return append(b, '}')
}

func (c *Chunk) append(b []byte) []byte {
	b = append(b, `{"dir":`...)
	b = appendString(b, c.Dir)
	b = append(b, `,"at_us":`...)
	b = strconv.AppendInt(b, c.At, 10)
	b = appendBytes(b, "data", c.Data)
	return append(b, '}')
}
