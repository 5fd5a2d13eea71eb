// Package wire carries frames between the sensor and the operator side, over a
// pair of SOCK_SEQPACKET sockets that the supervisor made. A packet is a frame,
// so a process that is killed never leaves half of one behind and its successor
// starts in step.
//
// The operator side treats every frame as hostile: types are a closed list, sizes
// are bounded by MaxFrame, unknown keys are errors.
package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

// MaxFrame is a frame's largest size in bytes.
const MaxFrame = 128 << 10

// Type names a frame's meaning.
type Type string

const (
	// TypeStatus (sensor to operator, each second): Status.
	TypeStatus Type = "status"
	// TypeCall (operator to sensor): Call.
	TypeCall Type = "call"
	// TypeReply (back): Reply.
	TypeReply Type = "reply"
)

// Frame is one packet.
type Frame struct {
	Type Type            `json:"type"`
	Body json.RawMessage `json:"body"`
}

// Call asks the sensor to do something: Name is "flush" (write all events to the
// journal), "remove-artifact" (Arg: its hash), "reload" (Arg: the new configuration).
type Call struct {
	ID   uint64 `json:"id"`
	Name string `json:"name"`
	Arg  string `json:"arg,omitempty"`
}

// Reply answers a Call.
type Reply struct {
	ID    uint64 `json:"id"`
	Error string `json:"error,omitempty"`
}

// Conn is one end of the pair. Send may be called from many goroutines, Recv
// from one.
type Conn struct {
	c   net.Conn
	mu  sync.Mutex
	buf []byte
}

// Open takes over an end that was inherited as f, and closes f.
func Open(f *os.File) (*Conn, error) {
	c, err := net.FileConn(f)
	_ = f.Close() // c holds a copy
	if err != nil {
		return nil, fmt.Errorf("open the pair: %w", err)
	}
	return &Conn{c: c, buf: make([]byte, MaxFrame+1)}, nil
}

// Close ends the connection.
func (c *Conn) Close() error { return c.c.Close() }

// Send sends a frame of type t whose body is v.
func (c *Conn) Send(t Type, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode a %s frame: %w", t, err)
	}
	p, err := json.Marshal(Frame{t, body})
	if err != nil {
		return fmt.Errorf("encode a %s frame: %w", t, err)
	}
	if len(p) > MaxFrame {
		return fmt.Errorf("a %s frame has %d bytes, limit %d", t, len(p), MaxFrame)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.c.Write(p); err != nil {
		return fmt.Errorf("send a %s frame: %w", t, err)
	}
	return nil
}

// ErrFrame marks a frame that is none of ours. The connection stays usable.
var ErrFrame = errors.New("bad frame")

// Recv gives the next frame; io.EOF when the other side and all who hold it are gone.
func (c *Conn) Recv() (Frame, error) {
	n, err := c.c.Read(c.buf)
	if err != nil {
		return Frame{}, err
	}
	if n == 0 {
		return Frame{}, io.EOF
	}
	return Parse(c.buf[:n])
}

// Parse decodes a packet.
func Parse(p []byte) (Frame, error) {
	if len(p) > MaxFrame {
		return Frame{}, fmt.Errorf("%w: too large", ErrFrame)
	}
	var f Frame
	if err := Strict(p, &f); err != nil {
		return Frame{}, err
	}
	switch f.Type {
	case TypeStatus, TypeCall, TypeReply:
		f.Body = bytes.Clone(f.Body)
		return f, nil
	}
	return Frame{}, fmt.Errorf("%w: type %.40q", ErrFrame, f.Type)
}

// Strict decodes p into v and refuses unknown keys and what follows the value.
func Strict(p []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(p))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrFrame, err)
	}
	if d.More() {
		return fmt.Errorf("%w: more than one value", ErrFrame)
	}
	return nil
}
