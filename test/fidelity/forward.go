package fidelity

import (
	"context"
	"io"
	"net"
	"sync"
)

// Forward opens a port on loopback that leads to a daemon in its own network namespace,
// until end is called. A side that has said all it had to say is closed on the other
// end alone.
func Forward(d Dialer) (addr string, end func(), err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	pass := func(to, from net.Conn, wg *sync.WaitGroup) {
		defer wg.Done()
		io.Copy(to, from)
		if h, ok := to.(interface{ CloseWrite() error }); ok {
			h.CloseWrite()
		}
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r, err := d.Dial(context.Background())
				if err != nil {
					return
				}
				defer r.Close()
				var wg sync.WaitGroup
				wg.Add(2)
				go pass(r, c, &wg)
				go pass(c, r, &wg)
				wg.Wait()
			}()
		}
	}()
	return ln.Addr().String(), func() { ln.Close() }, nil
}
