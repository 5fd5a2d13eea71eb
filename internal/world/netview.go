package world

import (
	"net/netip"
	"strings"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// worldNet is what a world's processes see as their network: the names of
// containers by Docker's embedded DNS, then the host's internet.
type worldNet struct{ w *World }

// Lookup implements kernel.Network.
func (n worldNet) Lookup(c kernel.NetContext, name, qtype string) ([]netip.Addr, error) {
	if c.Proc.Container != "" && qtype != "AAAA" {
		if a := n.w.containerName(c.Proc.Container, strings.TrimSuffix(name, ".")); a.IsValid() {
			return []netip.Addr{a}, nil
		}
	}
	if n.w.host.cfg.Network == nil {
		return nil, kernel.ErrNoName
	}
	return n.w.host.cfg.Network.Lookup(c, name, qtype)
}

// Dial implements kernel.Network.
func (n worldNet) Dial(c kernel.NetContext, network string, addr netip.AddrPort, name string) (kernel.Conn, error) {
	if n.w.inside(addr.Addr()) {
		return nil, vfs.ECONNREFUSED
	}
	if n.w.host.cfg.Network == nil {
		return nil, vfs.ENETUNREACH
	}
	return n.w.host.cfg.Network.Dial(c, network, addr, name)
}

// containerName finds a container by a name that a neighbour in a network of the
// user's may use.
func (w *World) containerName(asker, name string) netip.Addr {
	w.mu.Lock()
	defer w.mu.Unlock()
	me := w.containers[asker]
	if me == nil {
		return netip.Addr{}
	}
	for net, mine := range me.Nets {
		if predefined(net) || mine.NetworkID == "" {
			continue
		}
		for _, c := range w.containers {
			e := c.Nets[net]
			if e == nil || e.IPAddress == "" {
				continue
			}
			ok := strings.TrimPrefix(c.Name, "/") == name || c.ID[:12] == name
			for _, a := range append(e.Aliases, e.DNSNames...) {
				ok = ok || a == name
			}
			if ok {
				a, _ := netip.ParseAddr(e.IPAddress)
				return a
			}
		}
	}
	return netip.Addr{}
}

// inside tells whether an address belongs to one of the world's own networks.
func (w *World) inside(a netip.Addr) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.networks {
		if n.subnet.IsValid() && n.subnet.Contains(a) {
			return true
		}
	}
	return false
}

// noteDial records that the daemon itself would have dialled.
func (w *World) noteDial(addr string, sent []byte) {
	e := &event.Connected{Network: "tcp", Sent: sent}
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		e.Address, e.Port = ap.Addr().String(), ap.Port()
	} else {
		h, p := hostPort(addr, "2377")
		e.Name = h
		if n, err := parsePort(p); err == nil {
			e.Port = n
		}
	}
	w.emit(w.lastCaller(), event.NetConnect, e)
}

// unknown reports what is not emulated.
func (w *World) unknown(what, name, detail string) {
	if w.base {
		return
	}
	w.emit(w.lastCaller(), event.ProcUnknown, &event.Unknown{What: what, Name: name, Detail: detail})
}
