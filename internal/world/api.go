package world

import (
	"net/netip"
	"strings"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// API serves the daemon's API to a process of a world: what its docker.sock and
// the port that dockerd listens on lead to. The world knows no HTTP; who wires it
// to the front gives this. c's Source is the world's owner.
type API func(c Caller) (kernel.Conn, error)

// SetAPI says who serves the API to the worlds' own processes. Until then nobody
// answers there.
func (h *Host) SetAPI(f API) { h.api.Store(&f) }

const socketPath = "/run/docker.sock"

// dockerSocket makes the socket's node.
func (w *World) dockerSocket() {
	c, a := w.hostThen(w.host.facts.DockerStarted), vfs.NewAttr{Mode: vfs.S_IFSOCK | 0o660, GID: w.host.dockerGID()}
	if at, err := w.hostNS.Mounts().Create(c, socketPath, a); err == nil {
		w.chownThen(c, at, a)
	}
}

// serveAPI puts dockerd behind its socket and its ports.
func (w *World) serveAPI() {
	serve := func(nc kernel.NetContext) (kernel.Conn, error) {
		f := w.host.api.Load()
		if f == nil {
			return nil, vfs.ECONNREFUSED
		}
		c := observer{w}.caller(nc.Proc)
		c.Source = w.owner
		return (*f)(c)
	}
	if at, err := w.hostNS.Mounts().Resolve(w.hostNS.Context(), socketPath, true); err == nil {
		w.kern.ServeUnix(at.Node().Stat(), w.dockerd, serve)
	}
	fd := 7
	for _, a := range w.host.cfg.Args {
		addr, ok := strings.CutPrefix(a, "tcp://")
		if !ok {
			continue
		}
		ap, err := netip.ParseAddrPort(addr)
		if err != nil {
			continue
		}
		// Go listens on both families where no address is given.
		dual := ap.Addr().IsUnspecified()
		if dual {
			ap = netip.AddrPortFrom(netip.IPv6Unspecified(), ap.Port())
		}
		w.hostNS.Net().Stand(kernel.Standing{Owner: w.dockerd, Fd: fd, Network: "tcp", Addr: ap, Dual: dual, Backlog: 4096, Serve: serve})
		fd++
	}
}
