package world

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
)

// onLoopback asks a registry of the host's own, by a name that leads to loopback:
// nobody answers there but a container that publishes the port, and such a one is
// not asked for what it holds. A nil error leaves the answer to the caller.
func (w *World) onLoopback(ctx context.Context, domain string) error {
	host, port, has := strings.Cut(domain, ":")
	if a, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !a.IsLoopback()) {
		return nil //nolint:nilerr // a name, not an address
	}
	if !has {
		port = "80" // TLS was tried before
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil //nolint:nilerr // no port: the caller words it
	}
	w.mu.Lock()
	by := w.ports["tcp/"+port]
	c := w.containers[by]
	up := c != nil && c.Running
	w.mu.Unlock()
	if up {
		return nil
	}
	addr := "127.0.0.1"
	if host != "localhost" {
		addr = host
	}
	if err := w.sleep(ctx, 0); err != nil {
		return err
	}
	return systemErr("Get \"http://%s/v2/\": dial tcp %s:%d: connect: connection refused", domain, addr, n)
}
