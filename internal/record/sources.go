package record

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// sources bounds what one client can make the sensor keep and hold.
type sources struct {
	mu  sync.Mutex
	m   map[netip.Addr]*source
	day int64
}

// source is one client's account.
type source struct {
	kept  atomic.Int64 // bytes of bodies and streams kept today
	conns map[*Conn]struct{}
}

// key folds IPv6 sources to their /64, as worlds do.
func key(a netip.Addr) netip.Addr {
	if a.Is6() {
		p, _ := a.Prefix(64)
		return p.Addr()
	}
	return a
}

func (s *sources) open(c *Conn, most int) *source {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := time.Now().Unix() / 86400; d != s.day {
		s.day = d
		for k, v := range s.m {
			v.kept.Store(0)
			if len(v.conns) == 0 {
				delete(s.m, k)
			}
		}
	}
	k := key(c.source.Addr())
	src := s.m[k]
	if src == nil {
		src = &source{conns: map[*Conn]struct{}{}}
		s.m[k] = src
	}
	if len(src.conns) >= most {
		var oldest *Conn
		for o := range src.conns {
			if oldest == nil || o.active.Load() < oldest.active.Load() {
				oldest = o
			}
		}
		if oldest != nil {
			delete(src.conns, oldest)
			// The transport alone is closed: its reader notices and closes the record.
			go func() { _ = oldest.Conn.Close() }()
		}
	}
	src.conns[c] = struct{}{}
	return src
}

func (s *sources) close(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(c.src.conns, c)
	if len(c.src.conns) == 0 && c.src.kept.Load() == 0 {
		delete(s.m, key(c.source.Addr()))
	}
}
