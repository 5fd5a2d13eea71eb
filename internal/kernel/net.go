package kernel

import (
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/whalefall/whalefall/internal/vfs"
)

// NetContext tells a Network who asks.
type NetContext struct {
	Proc ProcInfo
	// Done is closed when the asker dies.
	Done <-chan struct{}
}

// Conn is a connection to something outside of the host. Read and Write may
// block; Close ends them.
type Conn interface {
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
	Close() error
	CloseWrite() error
}

// Network is the world's internet. Dial's network is "tcp", "udp" or "tls"; over
// the last the Network plays the server's side of TLS, and what is read and
// written is the plain text within: clients for https dial so. Dial and Lookup
// must end when c.Done is closed. Errors are vfs.Errno: ECONNREFUSED,
// EHOSTUNREACH, ETIMEDOUT; an unknown name is ErrNoName.
type Network interface {
	Lookup(c NetContext, name, qtype string) ([]netip.Addr, error)
	Dial(c NetContext, network string, addr netip.AddrPort, name string) (Conn, error)
}

// LookupError is getaddrinfo(3)'s failure.
type LookupError int

// What getaddrinfo(3) gives.
const (
	ErrNoName   LookupError = -2 // NXDOMAIN
	ErrTryAgain LookupError = -3 // no server answers
)

func (e LookupError) Error() string {
	if e == ErrTryAgain {
		return "Temporary failure in name resolution"
	}
	return "Name or service not known"
}

// NetNS is a network namespace: interfaces and loopback's listeners.
type NetNS struct {
	k          *Kernel
	Interfaces []Interface // without lo; set before use
	// Live gives what shows, if that changes: the host's bridges and their ports. It
	// is set before use and called under no lock.
	Live func() []Interface
	// Others gives sockets that are told and not open: connections from outside. As
	// Live.
	Others func() []SockInfo

	mu        sync.Mutex
	listeners map[uint16]*listener
	standing  []*Standing
	socks     map[*socket]struct{}
	nextPort  uint16
}

// NewNetNS makes a network namespace.
func (k *Kernel) NewNetNS(ifs []Interface) *NetNS {
	return &NetNS{k: k, Interfaces: ifs, nextPort: 32768 + uint16(k.RandUint()%20000)}
}

// Loopback gives lo: on the host its daemons speak over it.
func (n *NetNS) Loopback() Interface {
	i := Interface{Name: "lo", MAC: "00:00:00:00:00:00", MTU: 65536}
	n.k.mu.Lock()
	host := n.k.host
	n.k.mu.Unlock()
	if host != nil && host.net == n {
		up := n.k.Now().Sub(n.k.cfg.Host.Boot)
		i.RXPackets = uint64(Uneven(up, n.k.seed).Seconds() * (0.02 + 0.1*n.k.draw(71)))
		i.RX = i.RXPackets*97 + i.RXPackets/5*311
		i.TX, i.TXPackets = i.RX, i.RXPackets
	}
	return i
}

// List gives the interfaces as they are now, without lo.
func (n *NetNS) List() []Interface {
	if n.Live != nil {
		return n.Live()
	}
	return n.Interfaces
}

func (n *NetNS) local(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	for _, i := range n.Interfaces {
		if i.Addr.IsValid() && i.Addr.Addr() == a || i.Addr6.IsValid() && i.Addr6.Addr() == a {
			return true
		}
	}
	return false
}

// Source gives the address that a connection to a would come from.
func (n *NetNS) Source(a netip.Addr) netip.Addr {
	if a.IsLoopback() {
		return a
	}
	for _, i := range n.Interfaces {
		if a.Is4() && i.Addr.IsValid() {
			return i.Addr.Addr()
		}
		if a.Is6() && i.Addr6.IsValid() {
			return i.Addr6.Addr()
		}
	}
	if a.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

func (n *NetNS) ephemeral() uint16 {
	n.nextPort++
	if n.nextPort < 32768 || n.nextPort >= 60999 {
		n.nextPort = 32768
	}
	return n.nextPort
}

func (n *NetNS) add(s *socket) error {
	if n.k.sockets.Add(1) > int64(n.k.lim.Sockets) {
		n.k.sockets.Add(-1)
		return vfs.ENFILE
	}
	n.mu.Lock()
	if n.socks == nil {
		n.socks = map[*socket]struct{}{}
	}
	n.socks[s] = struct{}{}
	n.mu.Unlock()
	return nil
}

func (n *NetNS) remove(s *socket) {
	n.mu.Lock()
	if _, ok := n.socks[s]; ok {
		delete(n.socks, s)
		n.k.sockets.Add(-1)
	}
	n.mu.Unlock()
}

// SockInfo is a line of /proc/net/tcp.
type SockInfo struct {
	Network       string
	Local, Remote netip.AddrPort
	State         string // LISTEN, ESTABLISHED
	UID           uint32
	Inode         uint64
	PID           int // host pid of the opener
	Comm          string
	Fd            int
	Dual          bool   // of IPv6, and takes IPv4 as well
	Device        string // it is bound to
	Backlog       int    // of a listener
}

// Standing is a socket that a resident holds: it listens, or waits for datagrams.
type Standing struct {
	Owner   *Task
	Fd      int
	Network string // "tcp", "udp"
	Addr    netip.AddrPort
	Device  string // it is bound to, as ss(8) shows it
	Dual    bool
	Backlog int
	// Serve gives the owner's side of a connection; nil takes none.
	Serve func(NetContext) (Conn, error)

	info SockInfo
}

// Stand opens a resident's socket. It is closed with the end of its owner.
func (n *NetNS) Stand(s Standing) {
	s.info = s.Owner.sockInfo(s.Network, s.Addr, netip.AddrPort{}, "LISTEN")
	s.info.Fd, s.info.Dual, s.info.Device, s.info.Backlog = s.Fd, s.Dual, s.Device, s.Backlog
	if s.Network == "udp" {
		s.info.State = "UNCONN"
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	keep := n.standing[:0]
	for _, o := range n.standing {
		if o.open() {
			keep = append(keep, o)
		}
	}
	keep = append(keep, &s)
	n.standing = keep
}

func (s *Standing) open() bool { return s.Owner.state.Load() != int32(stateZombie) }

// stands finds the standing TCP socket that has a port, for connections to a where
// that is valid. NetNS.mu is held.
func (n *NetNS) stands(port uint16, a netip.Addr) *Standing {
	for _, s := range n.standing {
		if s.Network != "tcp" || s.Addr.Port() != port || !s.open() {
			continue
		}
		at := s.Addr.Addr()
		if !a.IsValid() || at == a || at.IsUnspecified() && (s.Dual || at.Is4() == a.Is4()) {
			return s
		}
	}
	return nil
}

// Sockets lists the open sockets.
func (n *NetNS) Sockets() []SockInfo {
	var out []SockInfo
	if n.Others != nil {
		out = n.Others()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for s := range n.socks {
		out = append(out, s.info)
	}
	for _, l := range n.listeners {
		out = append(out, l.info)
	}
	for _, s := range n.standing {
		if s.open() {
			out = append(out, s.info)
		}
	}
	return out
}

// standingOf lists the sockets that a resident holds.
func (n *NetNS) standingOf(t *Task) []SockInfo {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []SockInfo
	for _, s := range n.standing {
		if s.Owner == t && s.open() {
			out = append(out, s.info)
		}
	}
	return out
}

// socket is a connected socket: received bytes wait in rx.
type socket struct {
	n    *NetNS
	info SockInfo
	rx   *pipe
	tx   *pipe // of a loopback connection
	conn Conn  // else
	name string

	mu     sync.Mutex
	sent   []byte
	proc   ProcInfo
	told   bool
	pumped bool
	shut   bool
	k      *Kernel
}

func (s *socket) read(_ *File, p []byte) (int, error) {
	s.pump()
	return s.rx.get(p)
}

// pump starts the goroutine that carries a Conn's bytes into rx. The socket owns
// it: closing the Conn ends it.
func (s *socket) pump() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil || s.pumped {
		return
	}
	s.pumped = true
	c := s.conn
	s.k.wg.Add(1)
	go func() {
		defer s.k.wg.Done()
		buf := make([]byte, 16<<10)
		for {
			n, err := c.Read(buf)
			b := buf[:n]
			for len(b) > 0 {
				var m int
				var werr error
				hostWait(func() bool {
					m, werr = s.rx.put(b)
					return werr != vfs.EAGAIN
				}, &s.rx.wq)
				if werr != nil {
					s.rx.add(0, -1)
					return
				}
				b = b[m:]
			}
			if err != nil {
				s.rx.add(0, -1)
				return
			}
		}
	}()
}

func (s *socket) write(_ *File, p []byte) (int, error) {
	s.mu.Lock()
	if room := 4096 - len(s.sent); room > 0 {
		s.sent = append(s.sent, p[:min(room, len(p))]...)
	}
	c, shut := s.conn, s.shut
	s.mu.Unlock()
	if shut {
		return 0, vfs.EPIPE
	}
	if c == nil {
		return s.tx.put(p)
	}
	n, err := c.Write(p)
	if err != nil {
		return n, vfs.EPIPE
	}
	return n, nil
}

func (s *socket) queues() (*waitq, *waitq) {
	if s.tx != nil {
		return &s.rx.rq, &s.tx.wq
	}
	return &s.rx.rq, nil
}

func (s *socket) ready() (r, w, hup bool) {
	s.pump()
	r, _ = s.rx.readable()
	w = true
	if s.tx != nil {
		w, _ = s.tx.writable()
	}
	return r, w, false
}

func (s *socket) stat() vfs.Stat {
	return vfs.Stat{Dev: 8, Ino: s.info.Inode, Mode: vfs.S_IFSOCK | 0o777, Nlink: 1, Blksize: 4096}
}

func (s *socket) shutWrite() {
	s.mu.Lock()
	was := s.shut
	s.shut = true
	c := s.conn
	s.mu.Unlock()
	if was {
		return
	}
	if c != nil {
		_ = c.CloseWrite() // the other side has gone already
	} else if s.tx != nil {
		s.tx.add(0, -1)
	}
}

func (s *socket) release(t *Task, _ *File) {
	s.shutWrite()
	s.rx.add(-1, 0)
	s.n.remove(s)
	if s.conn == nil {
		return
	}
	s.conn.Close()
	s.mu.Lock()
	sent := s.sent
	s.mu.Unlock()
	s.k.cfg.Observer.Connect(s.proc, ConnInfo{Network: s.info.Network, Addr: s.info.Remote, Name: s.name, Sent: sent})
}

type listener struct {
	n     *NetNS
	port  uint16
	info  SockInfo
	mu    sync.Mutex
	queue []*socket
	gone  bool
	q     waitq
}

func (l *listener) read(*File, []byte) (int, error)  { return 0, vfs.ENOTCONN }
func (l *listener) write(*File, []byte) (int, error) { return 0, vfs.ENOTCONN }
func (l *listener) queues() (*waitq, *waitq)         { return &l.q, nil }
func (l *listener) ready() (bool, bool, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue) > 0, false, false
}
func (l *listener) stat() vfs.Stat {
	return vfs.Stat{Dev: 8, Ino: l.info.Inode, Mode: vfs.S_IFSOCK | 0o777, Nlink: 1, Blksize: 4096}
}
func (l *listener) release(*Task, *File) {
	l.n.mu.Lock()
	if l.n.listeners[l.port] == l {
		delete(l.n.listeners, l.port)
	}
	l.n.mu.Unlock()
	l.mu.Lock()
	l.gone = true
	q := l.queue
	l.queue = nil
	l.mu.Unlock()
	for _, s := range q {
		s.release(nil, nil)
	}
}

func (t *Task) socketFile(o ops, ino uint64) (int, error) {
	f := newFile(o, O_RDWR)
	f.name = "socket:[" + strconv.FormatUint(ino, 10) + "]"
	f.ref()
	return t.install(f, 0, false)
}

func (t *Task) sockInfo(network string, local, remote netip.AddrPort, state string) SockInfo {
	return SockInfo{Network: network, Local: local, Remote: remote, State: state, UID: t.Creds().EUID, Inode: uint64(30000 + nextIno.Add(1)),
		PID: t.HostPID(), Comm: t.Comm()}
}

// Listen is socket, bind and listen in one. Port 0 takes a free one.
func (t *Task) Listen(addr netip.AddrPort) (fd int, port uint16, err error) {
	t.enter()
	n := t.ns.net
	if !n.local(addr.Addr()) {
		return -1, 0, vfs.EADDRNOTAVAIL
	}
	port = addr.Port()
	if port > 0 && port < 1024 && !t.cred.Has(vfs.CapNetBind) {
		return -1, 0, vfs.EACCES
	}
	n.mu.Lock()
	if port == 0 {
		port = n.ephemeral()
	}
	if n.listeners[port] != nil || n.stands(port, netip.Addr{}) != nil {
		n.mu.Unlock()
		return -1, 0, vfs.EADDRINUSE
	}
	if len(n.listeners) > 1024 {
		n.mu.Unlock()
		return -1, 0, vfs.ENFILE
	}
	l := &listener{n: n, port: port, info: t.sockInfo("tcp", netip.AddrPortFrom(addr.Addr(), port), netip.AddrPort{}, "LISTEN")}
	l.info.Fd, l.info.Backlog = t.lowestFd(), 128
	if n.listeners == nil {
		n.listeners = map[uint16]*listener{}
	}
	n.listeners[port] = l
	n.mu.Unlock()
	fd, err = t.socketFile(l, l.info.Inode)
	return fd, port, err
}

// Accept is accept(2).
func (t *Task) Accept(fd int) (conn int, from netip.AddrPort, err error) {
	t.enter()
	f, err := t.File(fd)
	if err != nil {
		return -1, from, err
	}
	l, ok := f.ops.(*listener)
	if !ok {
		return -1, from, vfs.EINVAL
	}
	var s *socket
	err = t.block(func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.queue) > 0 {
			s, l.queue = l.queue[0], l.queue[1:]
			return true
		}
		return false
	}, &l.q)
	if err != nil {
		return -1, from, err
	}
	conn, err = t.socketFile(s, s.info.Inode)
	return conn, s.info.Remote, err
}

// ShutdownWrite is shutdown(SHUT_WR).
func (t *Task) ShutdownWrite(fd int) error {
	f, err := t.File(fd)
	if err != nil {
		return err
	}
	s, ok := f.ops.(*socket)
	if !ok {
		return vfs.ENOTSOCK
	}
	s.shutWrite()
	return nil
}

// LookupHost resolves a name as getaddrinfo(3) does: a literal address,
// /etc/hosts, then the Network.
func (t *Task) LookupHost(name, qtype string) ([]netip.Addr, error) {
	t.enter()
	if a, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	if a, ok := inetAton(name); ok {
		return []netip.Addr{a}, nil
	}
	var out []netip.Addr
	if b, err := t.ReadFile("/etc/hosts"); err == nil {
		for _, line := range strings.Split(string(b), "\n") {
			line, _, _ = strings.Cut(line, "#")
			f := strings.Fields(line)
			if len(f) < 2 {
				continue
			}
			for _, h := range f[1:] {
				if strings.EqualFold(h, name) {
					if a, err := netip.ParseAddr(f[0]); err == nil && (qtype == "" || qtype == "A" && a.Is4() || qtype == "AAAA" && a.Is6()) {
						out = append(out, a)
					}
				}
			}
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	if name == "" || len(name) > 253 || strings.ContainsAny(name, " \t\n/\\@:") {
		return nil, ErrNoName
	}
	if strings.EqualFold(name, "localhost") {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
	}
	nw := t.k.cfg.Network
	var err error = ErrTryAgain
	if nw != nil && len(t.ns.net.Interfaces) > 0 {
		if qtype == "" {
			qtype = "A"
		}
		out, err = nw.Lookup(NetContext{Proc: t.Info(), Done: t.done}, strings.TrimSuffix(name, "."), qtype)
		t.k.cfg.Observer.Lookup(t.Info(), name, qtype, out, err)
	}
	if err == nil && len(out) == 0 {
		err = ErrNoName
	}
	return out, err
}

// inetAton reads the old forms of addresses: 127.1, 0x7f000001, 2130706433.
func inetAton(s string) (netip.Addr, bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 4 || s == "" {
		return netip.Addr{}, false
	}
	var v uint64
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 0, 32)
		if err != nil || p == "" || strings.Contains(p, "_") {
			return netip.Addr{}, false
		}
		if i == len(parts)-1 {
			if n >= 1<<(8*(5-len(parts))) {
				return netip.Addr{}, false
			}
			v = v<<(8*(5-len(parts))) | n
		} else {
			if n > 255 {
				return netip.Addr{}, false
			}
			v = v<<8 | n
		}
	}
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), true
}

// Dial connects to a host by name or address: network is "tcp" or "udp".
func (t *Task) Dial(network, host string, port uint16) (int, error) {
	addrs, err := t.LookupHost(host, "")
	if err != nil {
		return -1, err
	}
	for _, a := range addrs {
		var fd int
		if fd, err = t.DialAddr(network, netip.AddrPortFrom(a, port), host); err == nil {
			return fd, nil
		}
	}
	return -1, err
}

// DialAddr is socket and connect in one; name is what the address was found by.
func (t *Task) DialAddr(network string, addr netip.AddrPort, name string) (int, error) {
	t.enter()
	n := t.ns.net
	if addr.Port() == 0 && network == "tcp" {
		return -1, vfs.ECONNREFUSED
	}
	if n.local(addr.Addr()) {
		if network != "tcp" {
			return -1, vfs.ECONNREFUSED
		}
		return t.dialLocal(addr)
	}
	if len(n.Interfaces) == 0 || t.k.cfg.Network == nil {
		return -1, vfs.ENETUNREACH
	}
	info := t.Info()
	c, err := t.dialNetwork(NetContext{Proc: info, Done: t.done}, network, addr, name)
	if err != nil {
		t.k.cfg.Observer.Connect(info, ConnInfo{Network: network, Addr: addr, Name: name})
		return -1, err
	}
	n.mu.Lock()
	port := n.ephemeral()
	n.mu.Unlock()
	return t.connected(c, info, network, addr, name, port)
}

// connected makes a socket of a connection.
func (t *Task) connected(c Conn, info ProcInfo, network string, addr netip.AddrPort, name string, port uint16) (int, error) {
	n := t.ns.net
	s := &socket{n: n, k: t.k, conn: c, name: name, proc: info, rx: t.k.newPipe(),
		info: t.sockInfo(network, netip.AddrPortFrom(n.Source(addr.Addr()), port), addr, "ESTABLISHED")}
	s.rx.add(1, 1)
	s.told = network == "unix" || n.local(addr.Addr()) // it never leaves the host
	if network != "unix" {
		if err := n.add(s); err != nil {
			c.Close()
			return -1, err
		}
	}
	s.info.Fd = t.lowestFd()
	return t.socketFile(s, s.info.Inode)
}

// lowestFd is the number that the next descriptor gets.
func (t *Task) lowestFd() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, e := range t.fds {
		if e.f == nil {
			return i
		}
	}
	return len(t.fds)
}

// DialUnix connects to a socket in the file tree: one that the host's daemons
// stand behind (see [Kernel.ServeUnix]). Its node may be reached by any path, a
// bind mount's too.
func (t *Task) DialUnix(name string) (int, error) {
	t.enter()
	p, err := t.resolve(name, true)
	if err != nil {
		return -1, err
	}
	st := p.Node().Stat()
	if !t.Creds().Permitted(&st, vfs.MayWrite) {
		return -1, vfs.EACCES
	}
	k := t.k
	k.mu.Lock()
	u := k.unix[unixKey{st.Dev, st.Ino}]
	k.mu.Unlock()
	if st.Mode.Type() != vfs.S_IFSOCK || u.serve == nil || u.owner != nil && u.owner.state.Load() == int32(stateZombie) {
		return -1, vfs.ECONNREFUSED
	}
	info := t.Info()
	c, err := u.serve(NetContext{Proc: info, Done: t.done})
	if err != nil {
		return -1, err
	}
	return t.connected(c, info, "unix", netip.AddrPort{}, name, 0)
}

type unixKey struct{ dev, ino uint64 }

type unixServer struct {
	owner *Task
	serve func(NetContext) (Conn, error)
}

// ServeUnix puts a server behind a socket's node, as long as owner lives.
func (k *Kernel) ServeUnix(st vfs.Stat, owner *Task, serve func(NetContext) (Conn, error)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.unix == nil {
		k.unix = map[unixKey]unixServer{}
	}
	k.unix[unixKey{st.Dev, st.Ino}] = unixServer{owner, serve}
}

// dialNetwork dials in a goroutine of its own, so that a signal ends the wait; a
// connection that comes too late is closed.
func (t *Task) dialNetwork(c NetContext, network string, addr netip.AddrPort, name string) (Conn, error) {
	type result struct {
		c   Conn
		err error
	}
	var mu sync.Mutex
	var got *result
	gone := false
	var q waitq
	t.k.wg.Add(1)
	go func() {
		defer t.k.wg.Done()
		conn, err := t.k.cfg.Network.Dial(c, network, addr, name)
		mu.Lock()
		late := gone
		got = &result{conn, err}
		mu.Unlock()
		if late && conn != nil {
			conn.Close()
			return
		}
		q.wake()
	}()
	done := false
	defer func() {
		mu.Lock()
		gone = true
		r := got
		mu.Unlock()
		if !done && r != nil && r.c != nil {
			r.c.Close()
		}
	}()
	err := t.block(func() bool {
		mu.Lock()
		defer mu.Unlock()
		return got != nil
	}, &q)
	if err != nil {
		return nil, err
	}
	done = true
	return got.c, got.err
}

func (t *Task) dialLocal(addr netip.AddrPort) (int, error) {
	n := t.ns.net
	n.mu.Lock()
	l, st := n.listeners[addr.Port()], n.stands(addr.Port(), addr.Addr())
	port := n.ephemeral()
	n.mu.Unlock()
	if l == nil && st != nil && st.Serve != nil {
		info := t.Info()
		c, err := st.Serve(NetContext{Proc: info, Done: t.done})
		if err != nil {
			return -1, err
		}
		return t.connected(c, info, "tcp", addr, "", port)
	}
	if l == nil {
		return -1, vfs.ECONNREFUSED
	}
	from := netip.AddrPortFrom(n.Source(addr.Addr()), port)
	ab, ba := t.k.newPipe(), t.k.newPipe()
	ab.add(1, 1)
	ba.add(1, 1)
	a := &socket{n: n, k: t.k, rx: ba, tx: ab, info: t.sockInfo("tcp", from, addr, "ESTABLISHED")}
	b := &socket{n: n, k: t.k, rx: ab, tx: ba, info: t.sockInfo("tcp", addr, from, "ESTABLISHED")}
	if err := n.add(a); err != nil {
		return -1, err
	}
	if err := n.add(b); err != nil {
		n.remove(a)
		return -1, err
	}
	l.mu.Lock()
	if l.gone || len(l.queue) >= 128 {
		l.mu.Unlock()
		n.remove(a)
		n.remove(b)
		return -1, vfs.ECONNREFUSED
	}
	l.queue = append(l.queue, b)
	l.mu.Unlock()
	l.q.wake()
	return t.socketFile(a, a.info.Inode)
}

// PeerAddr gives the two ends of a connected socket.
func (t *Task) PeerAddr(fd int) (local, remote netip.AddrPort, err error) {
	f, err := t.File(fd)
	if err != nil {
		return
	}
	s, ok := f.ops.(*socket)
	if !ok {
		return local, remote, vfs.ENOTSOCK
	}
	return s.info.Local, s.info.Remote, nil
}
