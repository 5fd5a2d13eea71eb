package program

import (
	"bytes"
	"fmt"
	"math"
	"sort"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
)

// cmdTop is top of procps-ng and of BusyBox: it shows the processes over and over,
// until -n rounds are done, q is read from a terminal, or a signal ends it.
// Deviation: of the keys only q does something.
func cmdTop(p *P) int {
	rounds, batch, delay := math.MaxInt, false, 3*time.Second
	if p.bb {
		delay = 5 * time.Second
	}
	args := p.args
	for i := 0; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "-") {
			continue
		}
		for s := args[i][1:]; s != ""; s = s[1:] {
			c := s[0]
			if c == 'b' {
				batch = true
			}
			if strings.IndexByte("ndpuUoE", c) < 0 {
				continue
			}
			v := s[1:]
			if v == "" && i+1 < len(args) {
				i++
				v = args[i]
			}
			switch c {
			case 'n':
				rounds = int(max(1, toInt(v)))
			case 'd':
				if d, ok := duration(v); ok {
					delay = max(d, 10*time.Millisecond)
				}
			}
			break
		}
	}
	tty := p.t.IsTTY(1)
	if !p.bb && !batch && !tty {
		p.raw("top: failed tty get\n")
		return 1
	}
	// BusyBox catches what ends it and gives the signal's status, which it has as a
	// container's first process too; procps-ng leaves in order.
	for _, sig := range []kernel.Signal{kernel.SIGHUP, kernel.SIGINT, kernel.SIGQUIT, kernel.SIGTERM} {
		p.t.Signal(sig, kernel.Disposition{Kind: kernel.Handle, Handler: func(s kernel.Signal) {
			if p.bb {
				p.t.Exit(128 + int(s))
			}
			p.t.Exit(0)
		}})
	}
	if tty := p.t.TTY(); !batch && tty != nil && p.t.IsTTY(0) {
		old := tty.Termios()
		raw := old
		raw.ICANON, raw.ECHO = false, false
		tty.SetTermios(raw)
		defer func() {
			tty.SetTermios(old)
			p.puts("\n")
		}()
	}
	page := p.topPage
	if p.bb {
		page = p.topPageBusyBox
	}
	for i := 0; i < rounds; i++ {
		if i > 0 && p.topWait(delay, !batch && p.t.IsTTY(0)) {
			break
		}
		if i > 0 && batch && !p.bb {
			p.puts("\n")
		}
		if !batch && tty {
			p.puts("\033[H\033[J")
		}
		page(!batch && tty)
		if p.out.Flush() != nil {
			return 1
		}
	}
	return 0
}

// topWait waits for d, or for a key where there is a terminal to read keys from,
// and tells whether it was the one that ends.
func (p *P) topWait(d time.Duration, keys bool) bool {
	if !keys {
		p.t.Sleep(d)
		return false
	}
	fds := []kernel.PollFd{{Fd: 0, Read: true}}
	if n, err := p.t.PollFds(fds, int64(d)); err != nil || n == 0 || !fds[0].CanRead {
		if fds[0].Hup {
			p.t.Sleep(d)
		}
		return false
	}
	var b [32]byte
	n, err := p.t.Read(0, b[:])
	if err != nil || n == 0 {
		p.t.Sleep(d)
		return false
	}
	return bytes.ContainsAny(b[:n], "qQ\x03")
}

func (p *P) topPage(bool) {
	ts := p.t.Processes()
	m := p.t.Kernel().MemInfo()
	run := 0
	for _, t := range ts {
		if t.State() == "R" {
			run++
		}
	}
	c := p.t.Kernel().CPUPercent()
	mb := func(v int64) string { return fmt.Sprintf("%8.1f", float64(v)/(1<<20)) }
	p.printf("top -%s\nTasks: %3d total, %3d running, %3d sleeping,   0 stopped,   0 zombie\n%%Cpu(s): %4.1f us, %4.1f sy, %4.1f ni, %4.1f id, %4.1f wa, %4.1f hi, %4.1f si, %4.1f st\nMiB Mem : %s total, %s free, %s used, %s buff/cache\nMiB Swap: %s total, %s free, %s used. %s avail Mem\n\n    PID USER      PR  NI    VIRT    RES    SHR S  %%CPU  %%MEM     TIME+ COMMAND\n",
		p.uptimeLine(), len(ts), run, len(ts)-run, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], mb(m.Total), mb(m.Free), mb(m.Total-m.Free-m.Buffers-m.Cached), mb(m.Buffers+m.Cached), mb(m.SwapTotal), mb(m.SwapFree), mb(0), mb(m.Available))
	sort.SliceStable(ts, func(i, j int) bool { return p.pcpu(ts[i]) > p.pcpu(ts[j]) })
	for _, t := range ts {
		v, r := t.Memory()
		s := t.CPUTime().Seconds()
		p.printf("%7d %-8s  %2d %3d %7d %6d %6d %s %5.1f %5.1f %4d:%05.2f %s\n", t.PIDIn(p.t), trunc(p.userName(t.Creds().EUID)), 20+t.Nice(), t.Nice(), v>>10, r>>10, r>>11, t.State(), p.pcpu(t), 100*float64(r)/float64(m.Total), int(s)/60, s-float64(int(s)/60*60), t.Comm())
	}
}

// topPageBusyBox is the page of BusyBox's top, the head in reverse on a terminal.
func (p *P) topPageBusyBox(tty bool) {
	ts := p.t.Processes()
	m, h, l := p.t.Kernel().MemInfo(), p.t.Kernel().HostInfo(), p.t.Kernel().Load()
	p.printf("Mem: %dK used, %dK free, 0K shrd, %dK buff, %dK cached\nCPU:   2%% usr   1%% sys   0%% nic  97%% idle   0%% io   0%% irq   0%% sirq\nLoad average: %.2f %.2f %.2f 1/%d %d\n",
		(m.Total-m.Free)>>10, m.Free>>10, m.Buffers>>10, m.Cached>>10, l[0], l[1], l[2], 120+len(ts), p.t.PIDIn(p.t))
	head := "  PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND"
	if tty {
		head = "\033[7m" + head + "\033[m"
	}
	p.puts(head + "\n")
	sort.SliceStable(ts, func(i, j int) bool { return p.pcpu(ts[i]) > p.pcpu(ts[j]) })
	for _, t := range ts {
		v, _ := t.Memory()
		parent := 0
		if pp := t.Parent(); pp != nil {
			parent = max(0, pp.PIDIn(p.t))
		}
		p.printf("%5d %5d %-8.8s %-4s%6d %3d%% %3d %3d%% %s\n", t.PIDIn(p.t), parent, p.userName(t.Creds().EUID), t.State(), v>>10, 100*v/max(m.Total, 1), t.PIDIn(p.t)%max(h.Cores, 1), int(p.pcpu(t)), p.cmdline(t))
	}
}
