package world

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
)

// netw is libnetwork's Network.
type netw struct {
	network.Inspect
	subnet  netip.Prefix
	gateway netip.Addr
	taken   map[netip.Addr]string // address to endpoint id
	picked  bool                  // the subnet is one of the daemon's own pools
}

var macAddress = regexp.MustCompile(`^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$|^[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5}$|^[0-9A-Fa-f]{4}(\.[0-9A-Fa-f]{4}){2}$`)

// validMAC tells whether s is an EUI-48 as net.ParseMAC reads it.
func validMAC(s string) bool { return macAddress.MatchString(s) }

func validIP(s string) bool { _, err := netip.ParseAddr(s); return err == nil }

func predefined(name string) bool {
	switch name {
	case "bridge", "host", "none", "default":
		return true
	}
	return false
}

// findNet resolves a network as FindNetwork does: id, name, id prefix.
// World.mu is held.
func (w *World) findNet(ref string) (*netw, error) {
	if ref == "" || ref == "default" {
		ref = "bridge"
	}
	if n := w.networks[ref]; n != nil {
		return n, nil
	}
	var byName, byPrefix []*netw
	for _, n := range w.networks {
		if n.Name == ref {
			byName = append(byName, n)
		}
		if strings.HasPrefix(n.ID, ref) {
			byPrefix = append(byPrefix, n)
		}
	}
	switch {
	case len(byName) == 1:
		return byName[0], nil
	case len(byName) > 1:
		return nil, invalid("network %s is ambiguous (%d matches found on name)", ref, len(byName))
	case len(byPrefix) == 1:
		return byPrefix[0], nil
	case len(byPrefix) > 1:
		return nil, invalid("network %s is ambiguous (%d matches found on ID prefix)", ref, len(byPrefix))
	}
	return nil, notFound("network %s not found", ref)
}

// stockNetworks makes bridge, host and none.
func (w *World) stockNetworks() {
	h := w.host
	boot := h.facts.DockerStarted
	add := func(name, driver string, sub netip.Prefix, opts map[string]string) {
		n := &netw{taken: map[netip.Addr]string{}, subnet: sub}
		n.Inspect = network.Inspect{Name: name, ID: h.hexID("network", name), Created: boot, Scope: "local", Driver: driver, EnableIPv4: true,
			IPAM: network.IPAM{Driver: "default", Config: []network.IPAMConfig{}}, Containers: map[string]network.EndpointResource{},
			Options: opts, Labels: map[string]string{}}
		if h.cfg.Release.Era >= 26 {
			n.IPAM.Config = nil
		}
		if sub.IsValid() {
			n.gateway = sub.Addr().Next()
			n.IPAM.Config = []network.IPAMConfig{{Subnet: sub.String(), Gateway: n.gateway.String()}}
			n.taken[n.gateway] = "gateway"
		}
		w.networks[n.ID] = n
	}
	add("bridge", "bridge", h.facts.BridgeSubnet, map[string]string{
		"com.docker.network.bridge.default_bridge": "true", "com.docker.network.bridge.enable_icc": "true",
		"com.docker.network.bridge.enable_ip_masquerade": "true", "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
		"com.docker.network.bridge.name": "docker0", "com.docker.network.driver.mtu": "1500"})
	if h.cfg.Kind == "empty" && h.cfg.Release.Era == 20 {
		// a bridge of this daemon's own making, before its first restart
		for _, n := range w.networks {
			n.IPAM.Config[0].Gateway = ""
		}
	}
	add("host", "host", netip.Prefix{}, map[string]string{})
	add("none", "null", netip.Prefix{}, map[string]string{})
}

// pools are libnetwork's local default address pools.
func pools() []netip.Prefix {
	var out []netip.Prefix
	for i := 17; i < 32; i++ {
		out = append(out, netip.PrefixFrom(netip.AddrFrom4([4]byte{172, byte(i), 0, 0}), 16))
	}
	for i := 0; i < 256; i += 16 {
		out = append(out, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(i), 0}), 20))
	}
	return out
}

func (w *World) overlaps(p netip.Prefix) bool {
	for _, n := range w.networks {
		if n.subnet.IsValid() && n.subnet.Overlaps(p) {
			return true
		}
	}
	return false
}

// nextPool is a default pool that no network has. Before 28 the pools are gone round,
// so that one given back is not used again at once. World.mu is held.
func (w *World) nextPool() netip.Prefix {
	all := pools()
	for i := range all {
		k := i
		if w.host.cfg.Release.Era < 28 {
			k = (w.poolAt + i) % len(all)
		}
		if p := all[k]; !w.overlaps(p) {
			w.poolAt = (k + 1) % len(all)
			return p
		}
	}
	return netip.Prefix{}
}

// CreateNetwork is the daemon's method.
func (w *World) CreateNetwork(ctx context.Context, nc network.CreateRequest) (*network.CreateResponse, error) {
	if predefined(nc.Name) {
		return nil, forbidden("operation is not permitted on predefined %s network ", nc.Name)
	}
	driver := nc.Driver
	if driver == "" {
		driver = "bridge"
	}
	if driver == "overlay" && !w.Swarm().manager() {
		return nil, forbidden("This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again.")
	}
	swarm := w.Swarm().manager()
	v6 := nc.EnableIPv6 != nil && *nc.EnableIPv6
	if w.host.cfg.Release.Era >= 26 {
		if err := network.ValidateIPAM(nc.IPAM, v6); err != nil {
			return nil, invalid("%s", err.Error())
		}
	}
	if strings.TrimSpace(nc.Name) == "" {
		if w.host.cfg.Release.Era < 26 && nc.Name == "" && nc.CheckDuplicate != nil && *nc.CheckDuplicate { // the client sends it
			// No name is found to be the default network's.
			return nil, conflict("network with name  already exists")
		}
		if w.host.cfg.Release.Era >= 28 {
			return nil, invalid("invalid name: name is empty")
		}
		return nil, invalid("invalid name: %s", nc.Name)
	}
	w.mu.Lock()
	if nc.IPAM != nil {
		switch nc.IPAM.Driver {
		case "", "default", "null", "windows":
		default:
			w.mu.Unlock()
			return nil, notFound("plugin %q not found", nc.IPAM.Driver)
		}
	}
	warning := ""
	for _, n := range w.networks {
		if n.Name != nc.Name {
			continue
		}
		if w.host.cfg.Release.Era < 26 && (nc.CheckDuplicate == nil || !*nc.CheckDuplicate) {
			warning = fmt.Sprintf("Network with name %s (id : %s) already exists", n.Name, n.ID)
			continue
		}
		w.mu.Unlock()
		return nil, conflict("network with name %s already exists", nc.Name)
	}
	if nc.Scope == "swarm" && driver != "overlay" && !swarm {
		w.mu.Unlock()
		return nil, forbidden("cannot create a swarm scoped network when swarm is not active")
	}
	if nc.ConfigOnly && (nc.Ingress || nc.Internal || nc.Attachable || nc.Scope != "") {
		w.mu.Unlock()
		return nil, forbidden("configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.")
	}
	switch driver {
	case "bridge", "macvlan", "ipvlan", "overlay":
	case "host", "null":
		w.mu.Unlock()
		return nil, forbidden("only one instance of %q network is allowed", driver)
	default:
		w.mu.Unlock()
		return nil, notFound("plugin %q not found", driver)
	}
	if len(w.networks) >= w.host.cfg.Quotas.Networks {
		w.mu.Unlock()
		return nil, invalid("could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network")
	}
	n := &netw{taken: map[netip.Addr]string{}}
	ipam := network.IPAM{Driver: "default", Config: []network.IPAMConfig{}}
	v4 := 0
	if nc.IPAM != nil {
		ipam.Options = nc.IPAM.Options
		if nc.IPAM.Driver != "" {
			ipam.Driver = nc.IPAM.Driver
		}
		var pools []netip.Prefix
		for _, c := range nc.IPAM.Config {
			p, err := netip.ParsePrefix(c.Subnet)
			if err != nil {
				w.mu.Unlock()
				return nil, fmt.Errorf("Invalid subnet %s : invalid CIDR address: %s", c.Subnet, c.Subnet)
			}
			if slices.ContainsFunc(pools, p.Overlaps) || p.Addr().Is4() && !n.subnet.IsValid() {
				if slices.ContainsFunc(pools, p.Overlaps) || w.overlaps(p) {
					w.mu.Unlock()
					if w.host.cfg.Release.Era < 28 {
						return nil, forbidden("Pool overlaps with other one on this address space")
					}
					return nil, forbidden("invalid pool request: Pool overlaps with other one on this address space")
				}
				n.subnet = p.Masked()
				n.gateway = n.subnet.Addr().Next()
				if c.Gateway != "" {
					g, err := netip.ParseAddr(c.Gateway)
					if err != nil || !n.subnet.Contains(g) {
						w.mu.Unlock()
						return nil, invalid("no matching subnet for gateway %s", c.Gateway)
					}
					n.gateway = g
				}
			}
			pools = append(pools, p)
			if p.Addr().Is4() {
				v4++
			}
			ipam.Config = append(ipam.Config, c)
		}
	}
	if !n.subnet.IsValid() && !nc.ConfigOnly {
		if n.subnet = w.nextPool(); n.subnet.IsValid() {
			n.gateway, n.picked = n.subnet.Addr().Next(), true
		} else {
			w.mu.Unlock()
			return nil, invalid("could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network")
		}
		ipam.Config = append(ipam.Config, network.IPAMConfig{Subnet: n.subnet.String(), Gateway: n.gateway.String()})
	}
	if v6 && w.host.cfg.Release.Era < 28 && !slices.ContainsFunc(ipam.Config, func(c network.IPAMConfig) bool { return strings.Contains(c.Subnet, ":") }) {
		// Before 27 there were no IPv6 pools by default.
		w.mu.Unlock()
		return nil, notFound("could not find an available, non-overlapping IPv6 address pool among the defaults to assign to the network")
	}
	if n.gateway.IsValid() {
		n.taken[n.gateway] = "gateway"
	}
	if driver == "bridge" {
		if err := bridgeOptions(nc.Options); err != nil {
			w.mu.Unlock()
			return nil, err
		}
		if v4 > 1 || len(ipam.Config)-v4 > 1 {
			w.mu.Unlock()
			return nil, forbidden("bridge driver doesn't support multiple subnets")
		}
	}
	opts := nc.Options
	if opts == nil {
		opts = map[string]string{}
	}
	labels := nc.Labels
	if labels == nil {
		labels = map[string]string{}
	}
	scope := nc.Scope
	id := w.newID()
	if driver == "overlay" {
		scope = "swarm"
		b := make([]byte, 16)
		w.random(b)
		id = swarmID(b)
	}
	if scope == "" {
		scope = "local"
	}
	n.Inspect = network.Inspect{Name: nc.Name, ID: id, Created: w.now(), Scope: scope, Driver: driver, EnableIPv4: true, EnableIPv6: v6, IPAM: ipam,
		Internal: nc.Internal, Attachable: nc.Attachable, Ingress: nc.Ingress, ConfigOnly: nc.ConfigOnly,
		Containers: map[string]network.EndpointResource{}, Options: opts, Labels: labels}
	if nc.ConfigFrom != nil {
		n.ConfigFrom = *nc.ConfigFrom
	}
	w.networks[n.ID] = n
	w.mu.Unlock()
	if scope == "local" {
		w.netEvent(w.callerOf(ctx), n, events.ActionCreate, nil)
	} else {
		w.logEventScope(w.callerOf(ctx), "swarm", events.NetworkEventType, events.ActionCreate, n.ID, map[string]string{"name": n.Name})
	}
	return &network.CreateResponse{ID: n.ID, Warning: warning}, nil
}

func (w *World) netEvent(by Caller, n *netw, a events.Action, attrs map[string]string) {
	if attrs == nil {
		attrs = map[string]string{}
	}
	attrs["name"], attrs["type"] = n.Name, n.Driver
	w.logEvent(by, events.NetworkEventType, a, n.ID, attrs)
}

// GetNetworks lists networks.
func (w *World) GetNetworks(f filters.Args, cfg backend.NetworkListConfig) ([]network.Inspect, error) {
	typ := ""
	if f.Contains("type") {
		for _, t := range f.Get("type") {
			switch t {
			case "builtin", "custom":
				typ = t
			default:
				if w.host.cfg.Release.Era == 26 {
					return nil, systemErr("invalid filter: 'type'='%s'", t)
				}
				return nil, invalid("invalid filter: 'type'='%s'", t)
			}
		}
	}
	dangling, hasDangling := false, f.Contains("dangling")
	if hasDangling {
		var err error
		if dangling, err = f.GetBoolOrDefault("dangling", false); err != nil {
			if w.host.cfg.Release.Era < 28 {
				return nil, invalid("invalid value for filter 'dangling', must be \"true\" (or \"1\"), or \"false\" (or \"0\")")
			}
			return nil, wrapKind(errdefs.ErrInvalidArgument, err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]network.Inspect, 0, len(w.networks))
	for _, n := range w.networks {
		if f.Contains("driver") && !f.ExactMatch("driver", n.Driver) || f.Contains("name") && !f.Match("name", n.Name) ||
			f.Contains("id") && !f.Match("id", n.ID) || f.Contains("label") && !f.MatchKVList("label", n.Labels) ||
			f.Contains("scope") && !f.ExactMatch("scope", n.Scope) || f.Contains("idOrName") && !f.Match("name", n.Name) && !f.Match("id", n.ID) {
			continue
		}
		if typ == "builtin" && !predefined(n.Name) || typ == "custom" && predefined(n.Name) {
			continue
		}
		used := w.endpoints(n)
		if hasDangling && predefined(n.Name) == dangling {
			continue
		}
		i := n.Inspect
		i.Containers = map[string]network.EndpointResource{}
		if cfg.Detailed {
			i.Containers = used
		}
		out = append(out, i)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out, nil
}

// endpoints lists a network's endpoints of running containers. World.mu is held.
func (w *World) endpoints(n *netw) map[string]network.EndpointResource {
	out := map[string]network.EndpointResource{}
	for _, c := range w.containers {
		for _, e := range c.Nets {
			if c.Running && e.NetworkID == n.ID && e.EndpointID != "" {
				r := network.EndpointResource{Name: strings.TrimPrefix(c.Name, "/"), EndpointID: e.EndpointID, MacAddress: e.MacAddress}
				if e.IPAddress != "" {
					r.IPv4Address = e.IPAddress + "/" + strconv.Itoa(e.IPPrefixLen)
				}
				out[c.ID] = r
			}
		}
	}
	return out
}

// allocate takes an address of a network.
func (n *netw) allocate(want string, ep string) (netip.Addr, error) {
	if want != "" {
		a, err := netip.ParseAddr(want)
		if err != nil {
			return a, fmt.Errorf("invalid IPv4 address: %s", want)
		}
		if !n.subnet.Contains(a) {
			return a, fmt.Errorf("no configured subnet contains IP address %s", want)
		}
		if _, busy := n.taken[a]; busy {
			return a, fmt.Errorf("Address already in use")
		}
		n.taken[a] = ep
		return a, nil
	}
	a := n.subnet.Addr().Next()
	for range 65536 {
		if !n.subnet.Contains(a) {
			break
		}
		if _, busy := n.taken[a]; !busy {
			n.taken[a] = ep
			return a, nil
		}
		a = a.Next()
	}
	return netip.Addr{}, fmt.Errorf("no available IPv4 addresses on this network's address pools: %s (%s)", n.Name, n.ID)
}

// mac is the address libnetwork made of an IP until release 27, or a random one.
func (w *World) mac(ip netip.Addr) string {
	var b [4]byte
	if w.host.cfg.Release.Era < 28 && ip.Is4() {
		b = ip.As4()
		return fmt.Sprintf("02:42:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3])
	}
	var m [6]byte
	w.random(m[:])
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0]&^1|2, m[1], m[2], m[3], m[4], m[5])
}

// join gives a container an endpoint in a network. World.mu is held.
func (w *World) join(c *Container, n *netw, e *network.EndpointSettings) error {
	e.NetworkID = n.ID
	e.EndpointID = w.newID()
	if !n.subnet.IsValid() {
		return nil
	}
	want := ""
	if e.IPAMConfig != nil {
		want = e.IPAMConfig.IPv4Address
	}
	if err := w.endpointSettings(n, e); err != nil {
		return err
	}
	ip, err := n.allocate(want, e.EndpointID)
	if err != nil {
		return err
	}
	e.IPAddress, e.IPPrefixLen, e.Gateway = ip.String(), n.subnet.Bits(), n.gateway.String()
	if n.Internal && w.host.cfg.Release.Era >= 26 {
		e.Gateway = "" // since 26 there is none to be seen where none is reached
	}
	// What a connect asks for is overlooked; up to 20.10 the container's own counts, in
	// the network of its mode.
	e.MacAddress = c.macs[n.Name]
	if mode := c.Host.NetworkMode; w.host.cfg.Release.Era < 26 && (mode.NetworkName() == n.Name || mode.IsDefault() && n.Name == "bridge") {
		e.MacAddress = c.Config.MacAddress
	}
	if e.MacAddress == "" {
		e.MacAddress = w.mac(ip)
	}
	if !predefined(n.Name) {
		e.DNSNames = dnsNames(c, e)
		if w.host.cfg.Release.Era < 26 {
			e.Aliases = slices.Clone(e.Aliases)
			for _, a := range []string{c.ID[:12], c.Config.Hostname} {
				if !slices.Contains(e.Aliases, a) {
					e.Aliases = append(e.Aliases, a)
				}
			}
		}
	}
	return nil
}

// dnsNames are the names an endpoint is found by: buildEndpointDNSNames.
func dnsNames(c *Container, e *network.EndpointSettings) []string {
	var out []string
	for _, n := range append(append([]string{strings.TrimPrefix(c.Name, "/")}, e.Aliases...), c.ID[:12], c.Config.Hostname) {
		if n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// endpointSettings checks what a user asks of an endpoint: validateEndpointSettings.
// Without n, a network that is not there yet, it checks what needs none.
func (w *World) endpointSettings(n *netw, e *network.EndpointSettings) error {
	want := ""
	if e.IPAMConfig != nil {
		want = e.IPAMConfig.IPv4Address
	}
	old := w.host.cfg.Release.Era < 26
	if e.MacAddress != "" && !old && !validMAC(e.MacAddress) {
		return invalid("invalid MAC address %s", e.MacAddress)
	}
	if n == nil {
		return nil
	}
	const own = "user specified IP address is supported only when connecting to networks with user configured subnets"
	var errs []string
	if predefined(n.Name) {
		if want != "" {
			errs = append(errs, "user specified IP address is supported on user defined networks only")
		}
		if len(e.Aliases) > 0 {
			errs = append(errs, "network-scoped alias is supported only for containers in user defined networks")
		}
	}
	a, err := netip.ParseAddr(want)
	outside := err == nil && n.subnet.IsValid() && !n.subnet.Contains(a)
	if old {
		switch {
		case len(errs) > 0:
			return invalid("%s", errs[0])
		case want != "" && n.picked:
			return invalid(own)
		case outside:
			return invalid("Invalid address %s: It does not belong to any of this network's subnets", want)
		}
		return nil
	}
	switch {
	case want == "":
	case n.picked || predefined(n.Name):
		errs = append(errs, own)
	case outside:
		errs = append(errs, "no configured subnet or ip-range contain the IP address "+want)
	}
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return invalid("invalid endpoint settings:\n%s", errs[0])
	}
	return invalid("invalid endpoint settings:\n* %s", strings.Join(errs, "\n* "))
}

// leave takes a container's endpoint back. World.mu is held.
func (w *World) leave(e *network.EndpointSettings) {
	if n := w.networks[e.NetworkID]; n != nil {
		if a, err := netip.ParseAddr(e.IPAddress); err == nil {
			delete(n.taken, a)
		}
	}
	e.EndpointID, e.Gateway, e.IPAddress, e.IPPrefixLen, e.MacAddress = "", "", "", 0, ""
}

// bridgeOptions checks the options of a bridge: networkConfiguration.fromLabels.
func bridgeOptions(opts map[string]string) error {
	keys := make([]string, 0, len(opts))
	for k := range opts {
		keys = append(keys, k)
	}
	sort.Strings(keys) // the daemon's own order is that of a map
	for _, k := range keys {
		v, why := opts[k], ""
		switch k {
		case "com.docker.network.driver.mtu":
			if _, err := strconv.Atoi(v); err != nil {
				why = err.Error()
			}
		case "com.docker.network.bridge.enable_ip_masquerade", "com.docker.network.bridge.enable_icc", "com.docker.network.bridge.inhibit_ipv4",
			"com.docker.network.bridge.default_bridge", "com.docker.network.enable_ipv4", "com.docker.network.enable_ipv6":
			if _, err := strconv.ParseBool(v); err != nil {
				why = err.Error()
			}
		case "com.docker.network.bridge.host_binding_ipv4", "com.docker.network.host_ipv4", "com.docker.network.host_ipv6":
			if !validIP(v) {
				why = "nil ip"
			}
		}
		if why != "" {
			return invalid("failed to parse %s value: %v (%s)", k, v, why)
		}
	}
	return nil
}

// ConnectContainerToNetwork is the daemon's method.
func (w *World) ConnectContainerToNetwork(ctx context.Context, name, ref string, cfg *network.EndpointSettings) error {
	w.mu.Lock()
	c, err := w.find(name)
	if err != nil {
		w.mu.Unlock()
		return err
	}
	running := c.Running
	n, err := w.connect(c, ref, cfg)
	w.mu.Unlock()
	if err != nil {
		return err
	}
	if running {
		w.netEvent(w.callerOf(ctx), n, events.ActionConnect, map[string]string{"container": c.ID})
	}
	return nil
}

// connect is daemon.ConnectToNetwork, its checks in its order. World.mu is held.
func (w *World) connect(c *Container, ref string, cfg *network.EndpointSettings) (*netw, error) {
	if cfg == nil {
		cfg = &network.EndpointSettings{}
	}
	e := cfg.Copy()
	if c.Running && c.Host.NetworkMode.IsContainer() {
		return nil, conflict("container sharing network namespace with another container or host cannot be connected to any other network")
	}
	n, err := w.findNet(ref)
	if err != nil {
		if !c.Running {
			// Whether it exists is seen at the start.
			c.Nets[ref] = e
			return nil, nil
		}
		return nil, err
	}
	if err := w.endpointSettings(n, e); err != nil {
		return nil, err
	}
	if !c.Host.NetworkMode.IsHost() && n.Driver == "host" {
		return nil, invalid("%s", w.pick28("container cannot be disconnected from host network or connected to host network", "cannot connect container to host network - container must be created in host network mode"))
	}
	for s, v := range c.Nets {
		sn := w.networks[v.NetworkID]
		if sn == nil {
			if sn, err = w.findNet(s); err != nil {
				continue
			}
		}
		if sn == n {
			if c.Running {
				return nil, forbidden("endpoint with name %s already exists in network %s", strings.TrimPrefix(c.Name, "/"), n.Name)
			}
			return n, nil // the first settings stay
		}
		if sn.Driver == "host" || n.Driver == "host" {
			return nil, conflict("container sharing network namespace with another container or host cannot be connected to any other network")
		}
		if sn.Name == "none" || n.Name == "none" {
			return nil, conflict("container cannot be connected to multiple networks with one of the networks in private (none) mode")
		}
	}
	if c.Running {
		if err := w.join(c, n, e); err != nil {
			return nil, err
		}
	}
	c.Nets[n.Name], c.stale = e, nil
	if c.Running {
		if c.netsChanged != nil {
			c.netsChanged()
		}
		w.writeHost("/var/lib/docker/containers/"+c.ID+"/hosts", w.etcHosts(c))
	}
	return n, nil
}

// DisconnectContainerFromNetwork is the daemon's method.
func (w *World) DisconnectContainerFromNetwork(name, ref string, force bool) error {
	w.mu.Lock()
	c, n, err := w.disconnect(name, ref, force)
	w.mu.Unlock()
	if err != nil || n == nil {
		return err
	}
	w.netEvent(w.lastCaller(), n, events.ActionDisconnect, map[string]string{"container": c.ID})
	return nil
}

// disconnect is daemon.DisconnectFromNetwork. It gives the network where there was an
// endpoint in it. World.mu is held.
func (w *World) disconnect(name, ref string, force bool) (*Container, *netw, error) {
	c, err := w.find(name)
	if err != nil {
		if !force {
			return nil, nil, err
		}
		if _, err := w.findNet(ref); err != nil {
			return nil, nil, err
		}
		return nil, nil, notFound("endpoint %s not found", name)
	}
	n, err := w.findNet(ref)
	if !c.Running || err != nil && force {
		if n != nil {
			ref = n.Name
		}
		e := c.Nets[ref]
		if e == nil {
			return nil, nil, systemErr("container %s is not connected to the network %s", c.ID, ref)
		}
		w.leave(e)
		delete(c.Nets, ref)
		c.stale = nil
		return c, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if c.Host.NetworkMode.IsHost() && n.Driver == "host" {
		return nil, nil, conflict("cannot disconnect container from host network - container was created in host network mode")
	}
	e := c.Nets[n.Name]
	if e == nil {
		return nil, nil, systemErr("container %s is not connected to network %s", c.ID, n.Name)
	}
	w.leave(e)
	delete(c.Nets, n.Name)
	c.stale = nil
	if c.netsChanged != nil {
		c.netsChanged()
	}
	return c, n, nil
}

// DeleteNetwork is the daemon's method.
func (w *World) DeleteNetwork(id string) error {
	w.mu.Lock()
	n, err := w.findNet(id)
	if err != nil {
		w.mu.Unlock()
		return err
	}
	if predefined(n.Name) {
		w.mu.Unlock()
		return forbidden("%s is a pre-defined network and cannot be removed", n.Name)
	}
	if used := w.endpoints(n); len(used) > 0 {
		w.mu.Unlock()
		if w.host.cfg.Release.Era >= 28 {
			var parts []string
			for cid, e := range used {
				parts = append(parts, fmt.Sprintf("name:%q id:%q", e.Name, cid[:12]))
			}
			sort.Strings(parts)
			return forbidden("error while removing network: network %s has active endpoints (%s)", n.Name, strings.Join(parts, ", "))
		}
		return forbidden("error while removing network: network %s id %s has active endpoints", n.Name, n.ID)
	}
	delete(w.networks, n.ID)
	w.mu.Unlock()
	w.netEvent(w.lastCaller(), n, events.ActionDestroy, nil)
	return nil
}

// NetworksPrune is the daemon's method.
func (w *World) NetworksPrune(ctx context.Context, f filters.Args) (*network.PruneReport, error) {
	if err := f.Validate(map[string]bool{"label": true, "label!": true, "until": true}); err != nil {
		return nil, invalid("%s", err.Error())
	}
	until, err := untilOf(f, w.now())
	if err != nil {
		return nil, err
	}
	rep := &network.PruneReport{}
	var gone []*netw
	w.mu.Lock()
	for id, n := range w.networks {
		if predefined(n.Name) || n.ConfigOnly || !until.IsZero() && n.Created.After(until) ||
			f.Contains("label") && !f.MatchKVList("label", n.Labels) || f.Contains("label!") && f.MatchKVList("label!", n.Labels) {
			continue
		}
		if len(w.endpoints(n)) > 0 {
			continue
		}
		delete(w.networks, id)
		gone = append(gone, n)
		rep.NetworksDeleted = append(rep.NetworksDeleted, n.Name)
	}
	w.mu.Unlock()
	c := w.callerOf(ctx)
	for _, n := range gone {
		w.netEvent(c, n, events.ActionDestroy, nil)
	}
	w.logEvent(c, events.NetworkEventType, events.ActionPrune, "", map[string]string{"reclaimed": "0"})
	return rep, nil
}

// untilOf reads the until filter: a duration back from now, or a time.
func untilOf(f filters.Args, now time.Time) (time.Time, error) {
	if !f.Contains("until") {
		return time.Time{}, nil
	}
	vals := f.Get("until")
	if len(vals) > 1 {
		return time.Time{}, invalid("more than one until filter specified")
	}
	v := vals[0]
	if d, err := time.ParseDuration(v); err == nil {
		return now.Add(-d), nil
	}
	for _, l := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02T15", "2006-01-02"} {
		if t, err := time.Parse(l, v); err == nil {
			return t, nil
		}
	}
	if t, err := logTime(v); err == nil && !t.IsZero() {
		return t, nil
	}
	return time.Time{}, invalid("failed to parse value as time or duration: %q", v)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func mapAddr(gw netip.Addr) map[netip.Addr]string { return map[netip.Addr]string{gw: "gateway"} }
