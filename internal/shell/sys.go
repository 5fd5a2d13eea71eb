package shell

import (
	"errors"
	"strconv"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
)

// services are the port names that scripts use with /dev/tcp.
var services = map[string]uint16{"ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "http": 80, "https": 443, "redis": 6379, "socks": 1080}

// lookupPort is getservbyname(3), as far as the names above go.
func lookupPort(port string) (uint16, error) {
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		return uint16(n), nil
	}
	if n, ok := services[port]; ok {
		return n, nil
	}
	return 0, errors.New("no such service")
}

// pollRead waits up to d for something to read; d less than 0 waits for good.
func (s *Shell) pollRead(fd int, d time.Duration) (bool, error) {
	ns := int64(-1)
	if d >= 0 {
		ns = int64(d)
	}
	n, err := s.t.PollFds([]kernel.PollFd{{Fd: fd, Read: true}}, ns)
	return n > 0, err
}

// echo switches the terminal's echo and gives the function that puts it back, or
// nil where fd is no terminal.
func (s *Shell) echo(fd int, on bool) func() {
	if !s.t.IsTTY(fd) {
		return nil
	}
	p := s.t.TTY()
	if p == nil {
		return nil
	}
	old := p.Termios()
	t := old
	t.ECHO = on
	p.SetTermios(t)
	return func() { p.SetTermios(old) }
}

// lookupUser finds a user of the world by name or, with an empty name, the
// shell's own.
func (s *Shell) lookupUser(name string) (kernel.User, bool) {
	if name == "" {
		return s.t.LookupUID(s.t.Creds().EUID)
	}
	return s.t.LookupUser(name)
}
