package world

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sort"
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
		for _, l := range append(slices.Clone(mine.Links), me.Host.Links...) {
			of, alias := parseLink(l)
			if alias != name {
				continue
			}
			if c, err := w.find(of); err == nil && c.Running && c.Nets[net] != nil {
				a, _ := netip.ParseAddr(c.Nets[net].IPAddress)
				return a
			}
		}
		name := strings.TrimSuffix(name, "."+net) // a neighbour has both names
		for _, c := range w.containers {
			e := c.Nets[net]
			if e == nil || e.IPAddress == "" || !c.Running {
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

// ifIndex is the number of a container's interface in a network; that of its other
// end on the host is one more. World.mu is held.
func (w *World) ifIndex(c *Container, net string) int {
	if w.ifIndexes == nil {
		w.ifIndexes = map[string]int{}
	}
	key := c.ID + net
	if w.ifIndexes[key] == 0 {
		w.ifIndexes[key] = 6 + len(w.networks) + 2*len(w.ifIndexes)
	}
	return w.ifIndexes[key]
}

// hostInterfaces are the host's: its own, the bridges of its networks, and a port
// of one for each running container.
func (w *World) hostInterfaces() []kernel.Interface {
	out := append([]kernel.Interface(nil), w.hostNS.Net().Interfaces...)
	// Who asks may be a path's resolution under World.mu (docker cp, a bind of
	// /sys/class/net): then what showed last must do.
	for i := 0; !w.mu.TryLock(); i++ {
		if last := w.ifShown.Load(); i == 1000 && last != nil {
			return *last
		} else if i == 1000 {
			return out
		}
		runtime.Gosched()
	}
	defer w.mu.Unlock()
	mac := func(pre, label string) string {
		b := w.host.derive("if-mac", label)
		return fmt.Sprintf("%s%02x:%02x:%02x:%02x", pre, b[0], b[1], b[2], b[3])
	}
	bridge := map[string]string{"bridge": "docker0"}
	var nets []*netw
	for _, n := range w.networks {
		if n.Driver == "bridge" && !predefined(n.Name) && n.gateway.IsValid() {
			nets = append(nets, n)
		}
	}
	sort.Slice(nets, func(i, j int) bool { return nets[i].Created.Before(nets[j].Created) })
	for i, n := range nets {
		name := "br-" + n.ID[:12]
		bridge[n.Name] = name
		out = append(out, kernel.Interface{Name: name, MAC: mac("02:42:", n.ID), Addr: netip.PrefixFrom(n.gateway, n.subnet.Bits()), MTU: 1500, Index: 4 + i})
	}
	up, through, now := map[string]bool{}, map[string]traffic{}, w.now()
	var ports []kernel.Interface
	for _, c := range w.sorted() {
		if !c.Running || c.Host.NetworkMode.IsHost() {
			continue
		}
		for n, e := range c.Nets {
			if br := bridge[n]; br != "" && e.IPAddress != "" {
				up[br] = true
				b := w.host.derive("veth", c.ID, n)
				i := w.ifIndex(c, n)
				ports = append(ports, kernel.Interface{Name: "veth" + hex.EncodeToString(b[:4])[:7], MAC: mac(fmt.Sprintf("%02x:%02x:", b[7]&^1|2, b[8]), c.ID+n), MTU: 1500, Index: i + 1, Peer: i, Master: br})
				over := w.host.link(c.ID, n, c.since, c.shown, now).other()
				ports[len(ports)-1] = over.on(ports[len(ports)-1])
				// The bridge counts what comes from its ports, without their headers.
				over.rxBytes -= min(over.rxBytes, 14*over.rxPackets)
				sum := through[br]
				sum.add(over)
				through[br] = sum
			}
		}
	}
	sort.Slice(ports, func(i, j int) bool { return ports[i].Index < ports[j].Index })
	for i := range out {
		if x := out[i].Name; (x == "docker0" || strings.HasPrefix(x, "br-")) && !up[x] {
			out[i].Down = true
		}
		switch x := &out[i]; {
		case x.Name == w.host.facts.NIC:
			*x = w.host.nic(now).on(*x)
		case through[x.Name] != traffic{}:
			sum := through[x.Name]
			sum.add(traffic{x.RX, x.RXPackets, x.TX, x.TXPackets})
			*x = sum.on(*x)
		}
	}
	out = append(out, ports...)
	w.ifShown.Store(&out)
	return out
}

// callersSocket is the connection of whoever speaks to the daemon from outside: the
// attacker who looks for it finds it. It takes no lock of the world's but callerMu.
func (w *World) callersSocket() []kernel.SockInfo {
	c := w.lastCaller()
	at, err := netip.ParseAddrPort(w.host.facts.DockerHost)
	d := w.dockerd
	if err != nil || d == nil || !c.Source.IsValid() || c.Source.IsUnspecified() || c.Port == 0 {
		return nil
	}
	local := at.Addr()
	if local.IsUnspecified() {
		local = w.host.facts.Private
		if c.Source.IsLoopback() {
			local = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
	}
	return []kernel.SockInfo{{Network: "tcp", State: "ESTABLISHED", Local: netip.AddrPortFrom(local, at.Port()), Remote: netip.AddrPortFrom(c.Source.Unmap(), c.Port), PID: d.HostPID(), Comm: "dockerd", Fd: 31, Inode: 40000 + uint64(c.Port)*3}}
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
