package world

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"
	"sort"
	"strings"
	"time"

	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/volume"
)

// cluster is a node's part in a swarm: nil while it has none. World.mu guards it.
type cluster struct {
	manager  bool
	joining  string // the foreign manager a join went to
	id       string
	node     string
	addr     string
	created  time.Time
	version  uint64
	spec     swarm.Spec
	tokens   swarm.JoinTokens
	unlock   string
	root     string
	subnet   uint32
	pools    []string
	services map[string]*swarm.Service
	tasks    map[string]*swarm.Task
	secrets  map[string]*swarm.Secret
	configs  map[string]*swarm.Config
	nodeSpec swarm.NodeSpec
}

// Cluster is daemon/cluster.Cluster.
type Cluster struct{ w *World }

// Swarm returns the node's view of a swarm.
func (w *World) Swarm() *Cluster { return &Cluster{w} }

const (
	notManager = `This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.`
	workerOnly = "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager."
)

func (s *Cluster) manager() bool {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return s.w.swarm != nil && s.w.swarm.manager
}

// with runs f on a manager's state, under World.mu.
func (s *Cluster) with(f func(c *cluster) error) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	c := s.w.swarm
	if c == nil {
		return unavailable("%s", notManager)
	}
	if !c.manager {
		return unavailable("%s", workerOnly)
	}
	return f(c)
}

func (w *World) newSwarmID() string {
	var b [16]byte
	w.random(b[:])
	return swarmID(b[:])
}

// Status is what _ping says.
func (s *Cluster) Status() string {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	c := s.w.swarm
	switch {
	case c == nil:
		return "inactive"
	case c.manager:
		return "active/manager"
	case c.joining != "":
		return "pending/worker"
	}
	return "active/worker"
}

// Info is the Swarm part of /info.
func (s *Cluster) Info(context.Context) swarm.Info {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	c := s.w.swarm
	if c == nil {
		return swarm.Info{LocalNodeState: swarm.LocalNodeStateInactive, RemoteManagers: nil}
	}
	i := swarm.Info{NodeID: c.node, NodeAddr: c.addr, LocalNodeState: swarm.LocalNodeStateActive}
	if c.joining != "" {
		i.LocalNodeState = swarm.LocalNodeStatePending
		i.RemoteManagers = []swarm.Peer{{Addr: c.joining}}
		return i
	}
	if c.manager {
		i.ControlAvailable, i.Nodes, i.Managers = true, 1, 1
		i.RemoteManagers = []swarm.Peer{{NodeID: c.node, Addr: c.addr + ":2377"}}
		ci := s.info(c)
		i.Cluster = &ci
	}
	return i
}

func (s *Cluster) info(c *cluster) swarm.ClusterInfo {
	ci := swarm.ClusterInfo{ID: c.id, Spec: c.spec, DefaultAddrPool: c.pools, SubnetSize: c.subnet, DataPathPort: 4789,
		TLSInfo: swarm.TLSInfo{TrustRoot: c.root, CertIssuerSubject: []byte("0\x131\x110\x0f\x06\x03U\x04\x03\x13\x08swarm-ca"), CertIssuerPublicKey: []byte(c.id)}}
	ci.CreatedAt, ci.UpdatedAt, ci.Version.Index = c.created, c.created, c.version
	return ci
}

// hostPort takes an address apart, the port defaulting.
func hostPort(s, def string) (host, port string) {
	if s == "" {
		return "0.0.0.0", def
	}
	h, p, ok := strings.Cut(s, ":")
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a.Addr().String(), fmt.Sprint(a.Port())
	}
	if !ok {
		p = def
	}
	if h == "" {
		h = "0.0.0.0"
	}
	return h, p
}

// Init makes a swarm of this node.
func (s *Cluster) Init(req swarm.InitRequest) (string, error) {
	w := s.w
	w.mu.Lock()
	if w.swarm != nil && !req.ForceNewCluster {
		w.mu.Unlock()
		return "", unavailable(`This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.`)
	}
	if err := w.listenAddr(req.ListenAddr); err != nil {
		w.mu.Unlock()
		return "", err
	}
	f := w.host.facts
	addr := f.Private.String()
	if h, _ := hostPort(req.AdvertiseAddr, "2377"); req.AdvertiseAddr != "" {
		if validIP(h) {
			addr = h
		} else if h == f.NIC {
			addr = f.Private.String()
		} else {
			w.mu.Unlock()
			return "", invalid("advertise address must be a non-zero IP address or network interface (with optional port number)")
		}
	}
	now := w.now().UTC()
	c := &cluster{manager: true, id: w.newSwarmID(), node: w.newSwarmID(), addr: addr, created: now, version: 10, spec: req.Spec, pools: req.DefaultAddrPool, subnet: req.SubnetSize,
		services: map[string]*swarm.Service{}, tasks: map[string]*swarm.Task{}, secrets: map[string]*swarm.Secret{}, configs: map[string]*swarm.Config{},
		nodeSpec: swarm.NodeSpec{Role: swarm.NodeRoleManager, Availability: swarm.NodeAvailabilityActive}}
	if c.spec.Name == "" {
		c.spec.Name = "default"
	}
	if c.subnet == 0 {
		c.subnet = 24
	}
	if len(c.pools) == 0 {
		c.pools = []string{"10.0.0.0/8"}
	}
	fill(&c.spec)
	w.rotate(c, true, true)
	var cert [256]byte
	w.random(cert[:])
	c.root = "-----BEGIN CERTIFICATE-----\n" + base64.StdEncoding.EncodeToString(cert[:]) + "\n-----END CERTIFICATE-----\n"
	w.swarm = c
	gw := w.swarmNetworks(c)
	w.mu.Unlock()
	w.logEventScope(w.lastCaller(), "swarm", events.NodeEventType, events.ActionCreate, c.node, map[string]string{"name": ""})
	if gw != nil {
		w.netEvent(w.lastCaller(), gw, events.ActionCreate, nil)
	}
	return c.node, nil
}

// swarmNetworks makes what every node of a swarm has: the ingress network, and the
// bridge by which its overlays reach the world, which stays when the swarm is left.
// World.mu is held.
func (w *World) swarmNetworks(c *cluster) (made *netw) {
	add := func(name, id, driver, scope string, sub netip.Prefix, opts map[string]string) *netw {
		n := &netw{subnet: sub, gateway: sub.Addr().Next(), picked: true}
		n.taken = mapAddr(n.gateway)
		n.Inspect = network.Inspect{Name: name, ID: id, Created: c.created, Scope: scope, Driver: driver, EnableIPv4: true, Ingress: name == "ingress",
			IPAM:       network.IPAM{Driver: "default", Config: []network.IPAMConfig{{Subnet: sub.String(), Gateway: n.gateway.String()}}},
			Containers: map[string]network.EndpointResource{}, Options: opts, Labels: map[string]string{}}
		w.networks[id] = n
		return n
	}
	if base, err := netip.ParsePrefix(c.pools[0]); err == nil && int(c.subnet) >= base.Bits() && c.subnet <= 30 {
		add("ingress", w.newSwarmID(), "overlay", "swarm", netip.PrefixFrom(base.Masked().Addr(), int(c.subnet)), map[string]string{"com.docker.network.driver.overlay.vxlanid_list": "4096"})
	}
	for _, n := range w.networks {
		if n.Name == "docker_gwbridge" {
			return nil
		}
	}
	if p := w.nextPool(); p.IsValid() {
		made = add("docker_gwbridge", w.newID(), "bridge", "local", p, map[string]string{"com.docker.network.bridge.enable_icc": "false",
			"com.docker.network.bridge.enable_ip_masquerade": "true", "com.docker.network.bridge.name": "docker_gwbridge"})
	}
	return made
}

// listenAddr checks the address a node would listen on: resolveListenAddr.
func (w *World) listenAddr(s string) error {
	if s == "" {
		return invalid("%s", "invalid ListenAddr \"\": invalid empty address")
	}
	h, _ := hostPort(s, "2377")
	if !validIP(h) && h != w.host.facts.NIC && h != "docker0" && h != "lo" {
		return invalid("listen address must be an IP address or network interface (with optional port number)")
	}
	return nil
}

// fill sets a swarm's defaults.
func fill(sp *swarm.Spec) {
	if sp.Labels == nil {
		sp.Labels = map[string]string{}
	}
	if sp.Orchestration.TaskHistoryRetentionLimit == nil {
		n := int64(5)
		sp.Orchestration.TaskHistoryRetentionLimit = &n
	}
	if sp.Raft.SnapshotInterval == 0 {
		z := uint64(0)
		sp.Raft = swarm.RaftConfig{SnapshotInterval: 10000, KeepOldSnapshots: &z, LogEntriesForSlowFollowers: 500, ElectionTick: 10, HeartbeatTick: 1}
	}
	if sp.Dispatcher.HeartbeatPeriod == 0 {
		sp.Dispatcher.HeartbeatPeriod = 5 * time.Second
	}
	if sp.CAConfig.NodeCertExpiry == 0 {
		sp.CAConfig.NodeCertExpiry = 90 * 24 * time.Hour
	}
}

func (w *World) rotate(c *cluster, worker, manager bool) {
	root := w.newSwarmID() + w.newSwarmID()
	token := func() string { return "SWMTKN-1-" + root + "-" + w.newSwarmID() }
	if worker {
		c.tokens.Worker = token()
	}
	if manager {
		c.tokens.Manager = token()
	}
}

// Join sends this node to a foreign manager, which never answers: the daemon
// says so after twenty seconds and goes on trying.
func (s *Cluster) Join(req swarm.JoinRequest) error {
	w := s.w
	w.mu.Lock()
	if w.swarm != nil {
		w.mu.Unlock()
		return unavailable(`This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.`)
	}
	if err := w.listenAddr(req.ListenAddr); err != nil {
		w.mu.Unlock()
		return err
	}
	if len(req.RemoteAddrs) == 0 {
		w.mu.Unlock()
		return invalid("at least 1 RemoteAddr is required to join")
	}
	if !strings.HasPrefix(req.JoinToken, "SWMTKN-") {
		w.mu.Unlock()
		return invalid("invalid join token")
	}
	c := &cluster{joining: req.RemoteAddrs[0], node: "", addr: w.host.facts.Private.String(), created: w.now()}
	w.swarm = c
	w.mu.Unlock()
	w.noteDial(req.RemoteAddrs[0], []byte("swarm join "+req.JoinToken))
	_ = w.sleep(context.Background(), 20*time.Second)
	return unavailable(`Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the "docker info" command to see the current swarm status of your node.`)
}

// Leave ends the node's part.
func (s *Cluster) Leave(_ context.Context, force bool) error {
	w := s.w
	w.mu.Lock()
	c := w.swarm
	if c == nil {
		w.mu.Unlock()
		return unavailable("This node is not part of a swarm")
	}
	if c.manager && !force {
		w.mu.Unlock()
		return unavailable("You are attempting to leave the swarm on a node that is participating as a manager. Removing the last manager erases all current state of the swarm. Use `--force` to ignore this message. ")
	}
	w.swarm = nil
	var gone []string
	for id, n := range w.networks {
		if n.Scope == "swarm" {
			gone = append(gone, id)
		}
	}
	for _, id := range gone {
		delete(w.networks, id)
	}
	w.mu.Unlock()
	return nil
}

// Inspect shows the swarm.
func (s *Cluster) Inspect() (out swarm.Swarm, err error) {
	err = s.with(func(c *cluster) error {
		out = swarm.Swarm{ClusterInfo: s.info(c), JoinTokens: c.tokens}
		return nil
	})
	return out, err
}

func outOfSequence() error {
	return unknownErr("rpc error: code = Unknown desc = update out of sequence")
}

// Update changes the swarm's spec.
func (s *Cluster) Update(version uint64, sp swarm.Spec, f swarm.UpdateFlags) error {
	return s.with(func(c *cluster) error {
		if version != c.version {
			return outOfSequence()
		}
		if sp.Name != "" && sp.Name != c.spec.Name {
			return invalid("rpc error: code = InvalidArgument desc = changing the name of the cluster is not supported")
		}
		sp.Name = c.spec.Name
		fill(&sp)
		c.spec = sp
		c.version++
		s.w.rotate(c, f.RotateWorkerToken, f.RotateManagerToken)
		return nil
	})
}

// GetUnlockKey shows the unlock key.
func (s *Cluster) GetUnlockKey() (key string, err error) {
	err = s.with(func(c *cluster) error {
		if c.spec.EncryptionConfig.AutoLockManagers {
			if c.unlock == "" {
				c.unlock = "SWMKEY-1-" + s.w.newSwarmID() + s.w.newSwarmID()[:18]
			}
			key = c.unlock
		}
		return nil
	})
	return key, err
}

// UnlockSwarm opens a locked swarm; none is.
func (s *Cluster) UnlockSwarm(swarm.UnlockRequest) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.swarm == nil {
		return unavailable("%s", notManager)
	}
	return conflict("swarm is not locked")
}

// pickID finds a key by its whole, its beginning or a name.
func pickID[T any](m map[string]T, ref string, name func(T) string) (string, bool) {
	if _, ok := m[ref]; ok {
		return ref, true
	}
	for id, v := range m {
		if name(v) == ref {
			return id, true
		}
	}
	found := ""
	for id := range m {
		if ref != "" && strings.HasPrefix(id, ref) {
			if found != "" {
				return "", false
			}
			found = id
		}
	}
	return found, found != ""
}

func nameFilter(f filters.Args, id, name string, labels map[string]string) bool {
	if f.Contains("id") && !f.FuzzyMatch("id", id) || f.Contains("name") && !f.FuzzyMatch("name", name) || f.Contains("label") && !f.MatchKVList("label", labels) {
		return false
	}
	return true
}

// GetServices lists services.
func (s *Cluster) GetServices(o swarm.ServiceListOptions) (out []swarm.Service, err error) {
	out = []swarm.Service{}
	err = s.with(func(c *cluster) error {
		for _, v := range c.services {
			if nameFilter(o.Filters, v.ID, v.Spec.Name, v.Spec.Labels) {
				out = append(out, *v)
			}
		}
		sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
		return nil
	})
	return out, err
}

func serviceName(v *swarm.Service) string { return v.Spec.Name }

// GetService finds a service.
func (s *Cluster) GetService(ref string, _ bool) (out swarm.Service, err error) {
	err = s.with(func(c *cluster) error {
		id, ok := pickID(c.services, ref, serviceName)
		if !ok {
			return notFound("service %s not found", ref)
		}
		out = *c.services[id]
		return nil
	})
	return out, err
}

// CreateService takes a service and lets its tasks be pending.
func (s *Cluster) CreateService(sp swarm.ServiceSpec, _ string, _ bool) (*swarm.ServiceCreateResponse, error) {
	var out *swarm.ServiceCreateResponse
	err := s.with(func(c *cluster) error {
		if sp.Name == "" {
			sp.Name = "svc-" + s.w.newSwarmID()[:8]
		}
		if !validName(sp.Name) {
			return invalid("rpc error: code = InvalidArgument desc = name must be valid as a DNS name component")
		}
		if sp.TaskTemplate.ContainerSpec != nil && sp.TaskTemplate.ContainerSpec.Image == "" {
			return invalid("rpc error: code = InvalidArgument desc = ContainerSpec: image reference must be provided")
		}
		if _, ok := pickID(c.services, sp.Name, serviceName); ok {
			return conflict("rpc error: code = AlreadyExists desc = name conflicts with an existing object: service %s already exists", sp.Name)
		}
		if len(c.services) >= 100 {
			return unknownErr("rpc error: code = ResourceExhausted desc = grpc: received message larger than max")
		}
		now := s.w.now().UTC()
		c.version++
		v := &swarm.Service{ID: s.w.newSwarmID(), Spec: sp, Endpoint: swarm.Endpoint{}}
		v.CreatedAt, v.UpdatedAt, v.Version.Index = now, now, c.version
		c.services[v.ID] = v
		n := uint64(1)
		if sp.Mode.Replicated != nil && sp.Mode.Replicated.Replicas != nil {
			n = min(*sp.Mode.Replicated.Replicas, 20)
		}
		for i := range n {
			t := &swarm.Task{ID: s.w.newSwarmID(), Spec: sp.TaskTemplate, ServiceID: v.ID, Slot: int(i + 1), NodeID: c.node, DesiredState: swarm.TaskStateRunning,
				Status: swarm.TaskStatus{Timestamp: now, State: swarm.TaskStatePreparing, Message: "preparing"}}
			t.CreatedAt, t.UpdatedAt, t.Version.Index = now, now, c.version
			c.tasks[t.ID] = t
		}
		out = &swarm.ServiceCreateResponse{ID: v.ID}
		return nil
	})
	if err == nil {
		s.w.logEventScope(s.w.lastCaller(), "swarm", events.ServiceEventType, events.ActionCreate, out.ID, map[string]string{"name": sp.Name})
		if cs := sp.TaskTemplate.ContainerSpec; cs != nil {
			s.w.unknown("swarm service", cs.Image, strings.Join(append(cs.Command, cs.Args...), " "))
		}
	}
	return out, err
}

// UpdateService changes a service.
func (s *Cluster) UpdateService(ref string, version uint64, sp swarm.ServiceSpec, _ swarm.ServiceUpdateOptions, _ bool) (*swarm.ServiceUpdateResponse, error) {
	err := s.with(func(c *cluster) error {
		id, ok := pickID(c.services, ref, serviceName)
		if !ok {
			return notFound("service %s not found", ref)
		}
		v := c.services[id]
		if v.Version.Index != version {
			return outOfSequence()
		}
		c.version++
		prev := v.Spec
		v.PreviousSpec, v.Spec, v.UpdatedAt, v.Version.Index = &prev, sp, s.w.now().UTC(), c.version
		return nil
	})
	return &swarm.ServiceUpdateResponse{}, err
}

// RemoveService removes a service and its tasks.
func (s *Cluster) RemoveService(ref string) error {
	return s.with(func(c *cluster) error {
		id, ok := pickID(c.services, ref, serviceName)
		if !ok {
			return notFound("service %s not found", ref)
		}
		delete(c.services, id)
		for t, v := range c.tasks {
			if v.ServiceID == id {
				delete(c.tasks, t)
			}
		}
		return nil
	})
}

// ServiceLogs is empty and ends: no task has run.
func (s *Cluster) ServiceLogs(_ context.Context, _ *backend.LogSelector, _ *container.LogsOptions) (<-chan *backend.LogMessage, error) {
	ch := make(chan *backend.LogMessage)
	close(ch)
	return ch, s.with(func(*cluster) error { return nil })
}

func (s *Cluster) self(c *cluster) swarm.Node {
	f := s.w.host.facts
	n := swarm.Node{ID: c.node, Spec: c.nodeSpec, Description: swarm.NodeDescription{Hostname: f.Name, Platform: swarm.Platform{Architecture: "x86_64", OS: "linux"},
		Resources: swarm.Resources{NanoCPUs: int64(f.Cores) * 1e9, MemoryBytes: f.Memory}, Engine: swarm.EngineDescription{EngineVersion: s.w.host.cfg.Release.Version}},
		Status: swarm.NodeStatus{State: swarm.NodeStateReady, Addr: c.addr}, ManagerStatus: &swarm.ManagerStatus{Leader: true, Reachability: swarm.ReachabilityReachable, Addr: c.addr + ":2377"}}
	n.CreatedAt, n.UpdatedAt, n.Version.Index = c.created, c.created.Add(500*time.Millisecond), 9
	if n.Spec.Labels == nil {
		n.Spec.Labels = map[string]string{}
	}
	return n
}

// GetNodes lists the nodes: this one.
func (s *Cluster) GetNodes(swarm.NodeListOptions) (out []swarm.Node, err error) {
	err = s.with(func(c *cluster) error { out = []swarm.Node{s.self(c)}; return nil })
	return out, err
}

// GetNode finds a node.
func (s *Cluster) GetNode(ref string) (out swarm.Node, err error) {
	err = s.with(func(c *cluster) error {
		if ref != "self" && ref != s.w.host.facts.Name && (ref == "" || !strings.HasPrefix(c.node, ref)) {
			return notFound("node %s not found", ref)
		}
		out = s.self(c)
		return nil
	})
	return out, err
}

// UpdateNode changes the node's spec.
func (s *Cluster) UpdateNode(ref string, version uint64, sp swarm.NodeSpec) error {
	if _, err := s.GetNode(ref); err != nil {
		return err
	}
	return s.with(func(c *cluster) error {
		if version != 9 {
			return outOfSequence()
		}
		c.nodeSpec = sp
		return nil
	})
}

// RemoveNode is refused for a manager.
func (s *Cluster) RemoveNode(ref string, _ bool) error {
	n, err := s.GetNode(ref)
	if err != nil {
		return err
	}
	return unknownErr("rpc error: code = FailedPrecondition desc = node %s is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal", n.ID)
}

// GetTasks lists tasks.
func (s *Cluster) GetTasks(o swarm.TaskListOptions) (out []swarm.Task, err error) {
	out = []swarm.Task{}
	err = s.with(func(c *cluster) error {
		for _, t := range c.tasks {
			if o.Filters.Contains("service") {
				sv := c.services[t.ServiceID]
				if !o.Filters.ExactMatch("service", t.ServiceID) && (sv == nil || !o.Filters.ExactMatch("service", sv.Spec.Name)) {
					continue
				}
			}
			out = append(out, *t)
		}
		sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
		return nil
	})
	return out, err
}

// GetTask finds a task.
func (s *Cluster) GetTask(ref string) (out swarm.Task, err error) {
	err = s.with(func(c *cluster) error {
		id, ok := pickID(c.tasks, ref, func(*swarm.Task) string { return "" })
		if !ok {
			return notFound("task %s not found", ref)
		}
		out = *c.tasks[id]
		return nil
	})
	return out, err
}

// GetSecrets lists secrets, without what is in them.
func (s *Cluster) GetSecrets(o swarm.SecretListOptions) (out []swarm.Secret, err error) {
	out = []swarm.Secret{}
	err = s.with(func(c *cluster) error {
		for _, v := range c.secrets {
			if nameFilter(o.Filters, v.ID, v.Spec.Name, v.Spec.Labels) {
				x := *v
				x.Spec.Data = nil
				out = append(out, x)
			}
		}
		sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
		return nil
	})
	return out, err
}

func secretName(v *swarm.Secret) string { return v.Spec.Name }

// CreateSecret keeps a secret.
func (s *Cluster) CreateSecret(sp swarm.SecretSpec) (id string, err error) {
	err = s.with(func(c *cluster) error {
		if !validName(sp.Name) {
			return invalid("rpc error: code = InvalidArgument desc = invalid secret name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]")
		}
		if len(sp.Data) > 500*1024 || len(sp.Data) == 0 && sp.Driver == nil {
			return invalid("rpc error: code = InvalidArgument desc = secret data must be larger than 0 and less than 512000 bytes")
		}
		if _, ok := pickID(c.secrets, sp.Name, secretName); ok {
			return conflict("rpc error: code = AlreadyExists desc = secret %s already exists", sp.Name)
		}
		if len(c.secrets) >= 100 {
			return unknownErr("rpc error: code = ResourceExhausted desc = too many secrets")
		}
		c.version++
		v := &swarm.Secret{ID: s.w.newSwarmID(), Spec: sp}
		v.CreatedAt = s.w.now().UTC()
		v.UpdatedAt, v.Version.Index = v.CreatedAt, c.version
		c.secrets[v.ID] = v
		id = v.ID
		return nil
	})
	return id, err
}

// RemoveSecret forgets a secret.
func (s *Cluster) RemoveSecret(ref string) error {
	return s.with(func(c *cluster) error {
		id, ok := pickID(c.secrets, ref, secretName)
		if !ok {
			return notFound("secret %s not found", ref)
		}
		delete(c.secrets, id)
		return nil
	})
}

// GetSecret finds a secret.
func (s *Cluster) GetSecret(ref string) (out swarm.Secret, err error) {
	err = s.with(func(c *cluster) error {
		id, ok := pickID(c.secrets, ref, secretName)
		if !ok {
			return notFound("secret %s not found", ref)
		}
		out = *c.secrets[id]
		out.Spec.Data = nil
		return nil
	})
	return out, err
}

// UpdateSecret changes a secret's labels.
func (s *Cluster) UpdateSecret(ref string, version uint64, sp swarm.SecretSpec) error {
	return s.with(func(c *cluster) error {
		id, ok := pickID(c.secrets, ref, secretName)
		if !ok {
			return notFound("secret %s not found", ref)
		}
		v := c.secrets[id]
		if v.Version.Index != version {
			return outOfSequence()
		}
		c.version++
		v.Spec.Labels, v.Version.Index = sp.Labels, c.version
		return nil
	})
}

func configName(v *swarm.Config) string { return v.Spec.Name }

// GetConfigs lists configs.
func (s *Cluster) GetConfigs(o swarm.ConfigListOptions) (out []swarm.Config, err error) {
	out = []swarm.Config{}
	err = s.with(func(c *cluster) error {
		for _, v := range c.configs {
			if nameFilter(o.Filters, v.ID, v.Spec.Name, v.Spec.Labels) {
				out = append(out, *v)
			}
		}
		sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
		return nil
	})
	return out, err
}

// CreateConfig keeps a config.
func (s *Cluster) CreateConfig(sp swarm.ConfigSpec) (id string, err error) {
	err = s.with(func(c *cluster) error {
		if !validName(sp.Name) {
			return invalid("rpc error: code = InvalidArgument desc = invalid config name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]")
		}
		if _, ok := pickID(c.configs, sp.Name, configName); ok {
			return conflict("rpc error: code = AlreadyExists desc = config %s already exists", sp.Name)
		}
		if len(c.configs) >= 100 || len(sp.Data) > 500*1024 {
			return invalid("rpc error: code = InvalidArgument desc = config data must be larger than 0 and less than 1024000 bytes")
		}
		c.version++
		v := &swarm.Config{ID: s.w.newSwarmID(), Spec: sp}
		v.CreatedAt = s.w.now().UTC()
		v.UpdatedAt, v.Version.Index = v.CreatedAt, c.version
		c.configs[v.ID] = v
		id = v.ID
		return nil
	})
	return id, err
}

// RemoveConfig forgets a config.
func (s *Cluster) RemoveConfig(ref string) error {
	return s.with(func(c *cluster) error {
		id, ok := pickID(c.configs, ref, configName)
		if !ok {
			return notFound("config %s not found", ref)
		}
		delete(c.configs, id)
		return nil
	})
}

// GetConfig finds a config.
func (s *Cluster) GetConfig(ref string) (out swarm.Config, err error) {
	err = s.with(func(c *cluster) error {
		id, ok := pickID(c.configs, ref, configName)
		if !ok {
			return notFound("config %s not found", ref)
		}
		out = *c.configs[id]
		return nil
	})
	return out, err
}

// UpdateConfig changes a config's labels.
func (s *Cluster) UpdateConfig(ref string, version uint64, sp swarm.ConfigSpec) error {
	return s.with(func(c *cluster) error {
		id, ok := pickID(c.configs, ref, configName)
		if !ok {
			return notFound("config %s not found", ref)
		}
		v := c.configs[id]
		if v.Version.Index != version {
			return outOfSequence()
		}
		c.version++
		v.Spec.Labels, v.Version.Index = sp.Labels, c.version
		return nil
	})
}

// The cluster's volumes: there are none.

func (s *Cluster) GetVolume(ref string) (volume.Volume, error) {
	return volume.Volume{}, notFound("volume %s not found", ref)
}
func (s *Cluster) GetVolumes(volume.ListOptions) ([]*volume.Volume, error) { return nil, nil }
func (s *Cluster) CreateVolume(volume.CreateOptions) (*volume.Volume, error) {
	return nil, unavailable("%s", notManager)
}
func (s *Cluster) RemoveVolume(ref string, _ bool) error { return notFound("volume %s not found", ref) }
func (s *Cluster) UpdateVolume(ref string, _ uint64, _ volume.UpdateOptions) error {
	return notFound("volume %s not found", ref)
}

// IsManager tells whether this node manages a swarm.
func (s *Cluster) IsManager() bool { return s.manager() }
