package kernel

import (
	"io"
	"strconv"
	"sync"

	"github.com/whalefall/whalefall/internal/vfs"
)

// Termios is struct termios, as far as the line discipline looks at it.
type Termios struct {
	ICRNL, IXON                                       bool
	OPOST, ONLCR                                      bool
	ISIG, ICANON                                      bool
	ECHO, ECHOE, ECHOK                                bool
	ECHOCTL                                           bool
	VINTR, VQUIT, VERASE, VKILL, VEOF, VSUSP, VWERASE byte
	Speed                                             int
}

// Cooked is a new terminal's state.
func Cooked() Termios {
	return Termios{ICRNL: true, IXON: true, OPOST: true, ONLCR: true, ISIG: true, ICANON: true, ECHO: true, ECHOE: true, ECHOK: true, ECHOCTL: true,
		VINTR: 3, VQUIT: 28, VERASE: 127, VKILL: 21, VEOF: 4, VSUSP: 26, VWERASE: 23, Speed: 38400}
}

// ttyBuf bounds what waits in either direction.
const ttyBuf = 64 << 10

// PTY is a pseudo terminal: the master is outside of the world (docker attach,
// exec with a TTY), or a file of a process that opened /dev/ptmx; processes hold
// the slave. session and fg are under Kernel.mu.
type PTY struct {
	k       *Kernel
	Num     int
	session *group
	fg      *group
	uid     uint32

	mu     sync.Mutex
	tio    Termios
	rows   uint16
	cols   uint16
	line   []byte // the line being edited
	in     []byte // what readers of the slave get
	eofs   []int  // positions in in where a read ends empty (VEOF on an empty line)
	out    []byte // what the master reads
	slaves int
	opened bool  // a slave was open once
	closed bool  // the master is closed
	rq, wq waitq // slave readers, slave writers
	mq     waitq // master readers
}

// NewPTY makes a terminal.
func (k *Kernel) NewPTY() *PTY {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ptys == nil {
		k.ptys = map[int]*PTY{}
	}
	n := 0
	for k.ptys[n] != nil {
		n++
	}
	p := &PTY{k: k, Num: n, tio: Cooked(), rows: 24, cols: 80}
	k.ptys[n] = p
	return p
}

// Name gives /dev/pts/N.
func (p *PTY) Name() string { return "/dev/pts/" + strconv.Itoa(p.Num) }

// Slave makes an open file of the slave side, for Spawn.Files.
func (p *PTY) Slave() *File {
	p.mu.Lock()
	p.slaves++
	p.opened = true
	p.mu.Unlock()
	f := newFile(&ptySlave{p}, O_RDWR)
	f.name = p.Name()
	return f
}

// Termios and SetTermios are tcgetattr(3) and tcsetattr(3).
func (p *PTY) Termios() Termios { p.mu.Lock(); defer p.mu.Unlock(); return p.tio }
func (p *PTY) SetTermios(t Termios) {
	p.mu.Lock()
	if p.tio.ICANON && !t.ICANON {
		p.in = append(p.in, p.line...)
		p.line = nil
	}
	p.tio = t
	p.mu.Unlock()
	p.rq.wake()
}

// Size gives rows and columns.
func (p *PTY) Size() (rows, cols uint16) { p.mu.Lock(); defer p.mu.Unlock(); return p.rows, p.cols }

// Resize is TIOCSWINSZ: the foreground group gets SIGWINCH when it changes.
func (p *PTY) Resize(rows, cols uint16) {
	p.mu.Lock()
	same := p.rows == rows && p.cols == cols
	p.rows, p.cols = rows, cols
	p.mu.Unlock()
	if !same {
		p.signal(SIGWINCH)
	}
}

func (p *PTY) signal(s Signal) {
	p.k.mu.Lock()
	if p.fg != nil {
		p.k.killGroup(p.fg, s)
	}
	p.k.mu.Unlock()
}

// Read gives what processes wrote, and io.EOF once every slave is closed.
func (p *PTY) Read(b []byte) (int, error) {
	var n int
	var err error
	hostWait(func() bool {
		n, err = p.masterRead(b)
		return err != vfs.EAGAIN
	}, &p.mq)
	if err == vfs.EIO {
		err = io.EOF
	}
	return n, err
}

func (p *PTY) masterRead(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.out) == 0 {
		if p.closed || p.opened && p.slaves == 0 {
			return 0, vfs.EIO
		}
		return 0, vfs.EAGAIN
	}
	n := copy(b, p.out)
	p.out = p.out[n:]
	if len(p.out) == 0 {
		p.out = nil
	}
	p.wq.wake()
	return n, nil
}

// Write types bytes: the line discipline echoes, edits and sends signals.
func (p *PTY) Write(b []byte) (int, error) {
	var sigs []Signal
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return 0, vfs.EIO
	}
	for _, c := range b {
		if s := p.input(c); s != 0 {
			sigs = append(sigs, s)
		}
	}
	p.mu.Unlock()
	p.rq.wake()
	p.mq.wake()
	for _, s := range sigs {
		p.signal(s)
	}
	return len(b), nil
}

// input is n_tty_receive_char().
func (p *PTY) input(c byte) Signal {
	t := &p.tio
	if t.ICRNL && c == '\r' {
		c = '\n'
	}
	if t.ISIG {
		var s Signal
		switch c {
		case t.VINTR:
			s = SIGINT
		case t.VQUIT:
			s = SIGQUIT
		case t.VSUSP:
			s = SIGTSTP
		}
		if s != 0 && c != 0 {
			p.line, p.in, p.eofs = nil, nil, nil
			if t.ECHO {
				p.echo(c)
			}
			return s
		}
	}
	if !t.ICANON {
		if len(p.in) < ttyBuf {
			p.in = append(p.in, c)
			if t.ECHO {
				p.echo(c)
			}
		}
		return 0
	}
	switch {
	case c == t.VERASE || c == 8:
		if len(p.line) > 0 {
			p.erase()
		}
	case c == t.VKILL:
		for len(p.line) > 0 {
			p.erase()
		}
	case c == t.VWERASE:
		for len(p.line) > 0 && p.line[len(p.line)-1] == ' ' {
			p.erase()
		}
		for len(p.line) > 0 && p.line[len(p.line)-1] != ' ' {
			p.erase()
		}
	case c == t.VEOF:
		if len(p.line) == 0 {
			p.eofs = append(p.eofs, len(p.in))
		}
		p.in = append(p.in, p.line...)
		p.line = nil
	case c == '\n':
		p.in = append(append(p.in, p.line...), '\n')
		p.line = nil
		if t.ECHO {
			p.output([]byte{'\n'})
		}
	default:
		if len(p.line) < 4095 && len(p.in) < ttyBuf {
			p.line = append(p.line, c)
			if t.ECHO {
				p.echo(c)
			}
		}
	}
	return 0
}

func (p *PTY) echo(c byte) {
	if p.tio.ECHOCTL && c < 32 && c != '\n' && c != '\t' {
		p.output([]byte{'^', c + 64})
		return
	}
	p.output([]byte{c})
}

func (p *PTY) erase() {
	last := p.line[len(p.line)-1]
	for len(p.line) > 1 && p.line[len(p.line)-1]&0xc0 == 0x80 {
		p.line = p.line[:len(p.line)-1]
	}
	p.line = p.line[:len(p.line)-1]
	if p.tio.ECHO && p.tio.ECHOE {
		p.output([]byte("\b \b"))
		if last < 32 {
			p.output([]byte("\b \b"))
		}
	}
}

func (p *PTY) output(b []byte) {
	for _, c := range b {
		if p.tio.OPOST && p.tio.ONLCR && c == '\n' {
			p.out = append(p.out, '\r')
		}
		p.out = append(p.out, c)
	}
}

// Close hangs up: the session's leader gets SIGHUP, reads end, writes fail.
func (p *PTY) Close() error {
	p.hangup()
	return nil
}

func (p *PTY) hangup() {
	p.k.mu.Lock()
	if p.k.ptys[p.Num] == p {
		delete(p.k.ptys, p.Num)
	}
	if s := p.session; s != nil {
		s.tty = nil
		for _, t := range p.k.tasks {
			if t.session == s && (t.pids[0] == s.pids[0] || t.pgrp == p.fg) {
				p.k.post(t, SIGHUP)
				p.k.post(t, SIGCONT)
			}
		}
		p.session, p.fg = nil, nil
	}
	p.k.mu.Unlock()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.rq.wake()
	p.wq.wake()
	p.mq.wake()
}

// mayRead and mayWrite are tty_check_change(): a background group is stopped.
func (p *PTY) mayRead(t *Task) error {
	for {
		p.k.mu.Lock()
		bg := p.session == t.session && p.fg != nil && t.pgrp != p.fg
		if !bg {
			p.k.mu.Unlock()
			return nil
		}
		if t.disp[SIGTTIN].Kind == Ignore || t.blocked&bit(SIGTTIN) != 0 || p.k.orphaned(t) {
			p.k.mu.Unlock()
			return vfs.EIO
		}
		p.k.killGroup(t.pgrp, SIGTTIN)
		p.k.mu.Unlock()
		t.Poll()
	}
}

type ptySlave struct{ p *PTY }

func (s *ptySlave) read(_ *File, b []byte) (int, error) {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.eofs) > 0 && p.eofs[0] == 0 {
		p.eofs = p.eofs[1:]
		return 0, nil
	}
	if len(p.in) == 0 {
		if p.closed {
			return 0, nil
		}
		return 0, vfs.EAGAIN
	}
	src := p.in
	if len(p.eofs) > 0 {
		src = src[:p.eofs[0]]
	}
	if p.tio.ICANON {
		for i, c := range src {
			if c == '\n' {
				src = src[:i+1]
				break
			}
		}
	}
	n := copy(b, src)
	p.in = p.in[n:]
	for i := range p.eofs {
		p.eofs[i] -= n
	}
	return n, nil
}

func (s *ptySlave) write(_ *File, b []byte) (int, error) {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, vfs.EIO
	}
	room := ttyBuf - len(p.out)
	if room <= 2 {
		return 0, vfs.EAGAIN
	}
	n := min(len(b), room/2)
	p.output(b[:n])
	p.mq.wake()
	return n, nil
}

func (s *ptySlave) queues() (*waitq, *waitq) { return &s.p.rq, &s.p.wq }
func (s *ptySlave) ready() (r, w, hup bool) {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.in) > 0 || len(p.eofs) > 0 || p.closed, len(p.out) < ttyBuf-2, p.closed
}
func (s *ptySlave) stat() vfs.Stat {
	return vfs.Stat{Dev: 23, Ino: uint64(3 + s.p.Num), Mode: vfs.S_IFCHR | 0o620, Nlink: 1, GID: 5, UID: s.p.uid, Rdev: vfs.Makedev(136, uint32(s.p.Num)), Blksize: 1024}
}
func (s *ptySlave) release(*Task, *File) {
	s.p.mu.Lock()
	s.p.slaves--
	s.p.mu.Unlock()
	s.p.mq.wake()
}

// ptyMaster is what open("/dev/ptmx") gives.
type ptyMaster struct{ p *PTY }

func (m *ptyMaster) read(_ *File, b []byte) (int, error)  { return m.p.masterRead(b) }
func (m *ptyMaster) write(_ *File, b []byte) (int, error) { return m.p.Write(b) }
func (m *ptyMaster) queues() (*waitq, *waitq)             { return &m.p.mq, nil }
func (m *ptyMaster) ready() (r, w, hup bool) {
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	hup = m.p.opened && m.p.slaves == 0
	return len(m.p.out) > 0 || hup, true, hup
}
func (m *ptyMaster) stat() vfs.Stat {
	return vfs.Stat{Dev: 5, Ino: 87, Mode: vfs.S_IFCHR | 0o666, Nlink: 1, Rdev: vfs.Makedev(5, 2)}
}
func (m *ptyMaster) release(*Task, *File) { m.p.hangup() }

// Tcsetpgrp and Tcgetpgrp are those calls on a descriptor of a terminal.
func (t *Task) Tcsetpgrp(fd, pgid int) error {
	f, err := t.File(fd)
	if err != nil {
		return err
	}
	p := f.PTY()
	if p == nil {
		return vfs.ENOTTY
	}
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	if t.session.tty != p {
		return vfs.ENOTTY
	}
	g := t.pidns.group(pgid)
	if g == nil {
		return vfs.EPERM
	}
	p.fg = g
	return nil
}

func (t *Task) Tcgetpgrp(fd int) (int, error) {
	f, err := t.File(fd)
	if err != nil {
		return 0, err
	}
	p := f.PTY()
	if p == nil {
		return 0, vfs.ENOTTY
	}
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	if t.session.tty != p {
		return 0, vfs.ENOTTY
	}
	return t.pidns.seeGroup(p.fg), nil
}

// Tcsctty makes a terminal the session's controlling one.
func (t *Task) Tcsctty(fd int) error {
	f, err := t.File(fd)
	if err != nil {
		return err
	}
	p := f.PTY()
	if p == nil {
		return vfs.ENOTTY
	}
	t.k.mu.Lock()
	defer t.k.mu.Unlock()
	if t.session.pids[0] != t.pids[0] || t.session.tty != nil || p.session != nil {
		return vfs.EPERM
	}
	t.session.tty, p.session, p.fg = p, t.session, t.pgrp
	return nil
}
