package analyze

import (
	"slices"
	"time"

	"github.com/whalefall/whalefall/internal/event"
)

// Command is one process that ran in the world.
type Command struct {
	Time      time.Time `json:"time"`
	Container string    `json:"container"` // empty on the host
	Argv      []string  `json:"argv"`
	Code      string    `json:"code,omitempty"`
	Exit      *int      `json:"exit"` // nil while it runs
	PID       int       `json:"pid"`
	PPID      int       `json:"ppid"`
	UID       uint32    `json:"uid"`
	Origin    string    `json:"origin,omitempty"`
	Event     uint64    `json:"event"`
}

// Commands gives every process of a session's events, in the order they began.
func Commands(evs []*event.Event) []Command {
	out := []Command{}
	type key struct {
		world string
		pid   int
	}
	running := map[key][]int{} // execve keeps the pid: one process, several programs
	for _, e := range evs {
		switch d := e.Data.(type) {
		case *event.ProcStarted:
			k := key{e.World, d.PID}
			if l := running[k]; len(l) > 0 && d.Code != "" && slices.Equal(out[l[len(l)-1]].Argv, d.Argv) {
				// A shell that reads its script as it goes tells more of it.
				out[l[len(l)-1]].Code = d.Code
				continue
			}
			running[k] = append(running[k], len(out))
			argv := d.Argv
			if argv == nil {
				argv = []string{}
			}
			out = append(out, Command{Time: e.Time, Container: d.Container, Argv: argv, Code: d.Code, PID: d.PID, PPID: d.PPID, UID: d.UID, Origin: d.Origin, Event: e.Seq})
		case *event.ProcExited:
			for _, i := range running[key{e.World, d.PID}] {
				x := d.Exit
				out[i].Exit = &x
			}
			delete(running, key{e.World, d.PID})
		}
	}
	return out
}

// Connection is one connection that the world opened.
type Connection struct {
	Time      time.Time `json:"time"`
	Container string    `json:"container"`
	Network   string    `json:"network"`
	Address   string    `json:"address"`
	Port      uint16    `json:"port"`
	Name      string    `json:"name"`
	URL       string    `json:"url,omitempty"`
	Sent      string    `json:"sent"`
	Event     uint64    `json:"event"`
}

// Connections gives what the world dialled.
func Connections(evs []*event.Event) []Connection {
	out := []Connection{}
	for _, e := range evs {
		if d, ok := e.Data.(*event.Connected); ok {
			out = append(out, Connection{Time: e.Time, Container: d.Container, Network: d.Network, Address: d.Address, Port: d.Port, Name: d.Name, URL: d.URL, Sent: string(d.Sent), Event: e.Seq})
		}
	}
	return out
}

// Unknowns gives what the emulation could not do, or did by a stand-in.
func Unknowns(evs []*event.Event) []event.Unknown {
	out := []event.Unknown{}
	for _, e := range evs {
		if d, ok := e.Data.(*event.Unknown); ok {
			out = append(out, *d)
		}
	}
	return out
}
