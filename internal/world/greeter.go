package world

import (
	"io"
	"sync"
)

// greeter is a connection to a server that says its first line and then waits.
type greeter struct {
	mu   sync.Mutex
	left string
	over chan struct{}
	once sync.Once
}

func newGreeter(line string) *greeter { return &greeter{left: line, over: make(chan struct{})} }

// Read implements kernel.Conn: the line, then nothing until the connection ends.
func (g *greeter) Read(p []byte) (int, error) {
	g.mu.Lock()
	n := copy(p, g.left)
	g.left = g.left[n:]
	g.mu.Unlock()
	if n > 0 {
		return n, nil
	}
	<-g.over
	return 0, io.EOF
}

// Write takes what a client says.
func (g *greeter) Write(p []byte) (int, error) { return len(p), nil }

// CloseWrite and Close end it: the server hangs up when its client has.
func (g *greeter) CloseWrite() error { return g.Close() }

// Close implements kernel.Conn.
func (g *greeter) Close() error { g.once.Do(func() { close(g.over) }); return nil }
