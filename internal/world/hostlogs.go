package world

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/whalefall/whalefall/internal/vfs"
)

// hostLine is a line of the machine's log.
type hostLine struct {
	at   time.Time
	who  string // CRON[1234]
	text string
	auth bool // of the facility that goes to auth.log
}

// login is a session of the administrator's.
type login struct {
	at, end time.Time
	from    netip.Addr
	port    int
	pid     int
	number  int
}

// hostLogs are the machine's log files at a moment.
type hostLogs struct {
	hour, logged, login               time.Time // of the last line and the last login
	syslog, auth, wtmp, lastlog, utmp []byte
}

// logCache keeps the files of the last hour asked for: worlds that are made in it
// share them.
type logCache struct {
	mu   sync.Mutex
	last *hostLogs
}

// day is a generator of the installation's own for one day.
func (h *Host) day(t time.Time, what string) *rand.Rand {
	return h.rng("day", what, t.UTC().Format(time.DateOnly))
}

func midnight(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// adminAddr is where the administrator comes from: a host of a private network.
func (h *Host) adminAddr() netip.Addr {
	r := h.rng("admin-address")
	return netip.AddrFrom4([4]byte{10, byte(r.IntN(64) * 4), byte(r.IntN(8)), byte(2 + r.IntN(60))})
}

// logins are the administrator's sessions between two moments.
func (h *Host) logins(from, to time.Time) (out []login) {
	number := 1
	for d := midnight(h.facts.Boot); d.Before(to); d = d.Add(24 * time.Hour) {
		r := h.day(d, "logins")
		number += 26 + r.IntN(4) // cron's are sessions as well
		if r.IntN(10) < 6 && !d.Equal(midnight(h.facts.Boot)) {
			continue
		}
		at := d.Add(time.Duration(7*3600+r.IntN(12*3600)) * time.Second)
		if d.Equal(midnight(h.facts.Boot)) {
			at = h.facts.Boot.Add(time.Duration(140+r.IntN(900)) * time.Second)
		}
		l := login{at: at, end: at.Add(time.Duration(100+r.IntN(4200)) * time.Second), from: h.adminAddr(), port: 49152 + r.IntN(16000), pid: h.pidAt(at), number: number}
		// What is open now would show in ps: it is over before.
		if !l.at.Before(from) && l.end.Before(to) {
			out = append(out, l)
		}
	}
	return out
}

// lines are what the machine logged between two moments.
func (h *Host) lines(from, to time.Time) []hostLine {
	f := &h.facts
	var out []hostLine
	add := func(at time.Time, who, text string, auth bool) {
		if !at.Before(from) && at.Before(to) && at.After(f.Boot) {
			out = append(out, hostLine{at, who, text, auth})
		}
	}
	cron := func(at time.Time, cmd string) {
		pid := h.pidAt(at)
		who := fmt.Sprintf("CRON[%d]", pid)
		add(at, who, "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)", true)
		add(at.Add(3*time.Millisecond), fmt.Sprintf("CRON[%d]", pid+1), "(root) CMD ("+cmd+")", false)
		add(at.Add(9*time.Millisecond), who, "pam_unix(cron:session): session closed for user root", true)
	}
	unit := func(at time.Time, name, what string, took time.Duration) {
		add(at, "systemd[1]", "Starting "+what+"...", false)
		add(at.Add(took), "systemd[1]", name+": Deactivated successfully.", false)
		add(at.Add(took+time.Millisecond), "systemd[1]", "Finished "+what+".", false)
	}
	for d := midnight(from); d.Before(to); d = d.Add(24 * time.Hour) {
		r := h.day(d, "log")
		second := func(n int) time.Duration {
			return time.Duration(r.IntN(n))*time.Second + time.Duration(r.IntN(999))*time.Millisecond
		}
		unit(d.Add(second(3)), "dpkg-db-backup.service", "Daily dpkg database backup service", 110*time.Millisecond)
		unit(d.Add(second(3)), "logrotate.service", "Rotate log files", 380*time.Millisecond)
		for i := range 24 {
			cron(d.Add(time.Duration(i)*time.Hour+17*time.Minute+time.Second), "   cd / && run-parts --report /etc/cron.hourly")
		}
		cron(d.Add(3*time.Hour+10*time.Minute+time.Second), "test -e /run/systemd/system || SERVICE_MODE=1 /sbin/e2scrub_all -A -r")
		cron(d.Add(6*time.Hour+25*time.Minute+time.Second), "test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )")
		if d.Weekday() == time.Sunday {
			cron(d.Add(3*time.Hour+30*time.Minute+time.Second), "test -e /run/systemd/system || SERVICE_MODE=1 /usr/lib/x86_64-linux-gnu/e2fsprogs/e2scrub_all_cron")
			cron(d.Add(6*time.Hour+47*time.Minute+time.Second), "test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.weekly )")
		}
		unit(d.Add(6*time.Hour+second(3600)), "apt-daily-upgrade.service", "Daily apt upgrade and clean activities", 1900*time.Millisecond)
		unit(d.Add(time.Duration(r.IntN(20))*time.Hour+second(3600)), "apt-daily.service", "Daily apt download activities", 2700*time.Millisecond)
		unit(d.Add(time.Duration(1+r.IntN(20))*time.Hour+second(3600)), "man-db.service", "Daily man-db regeneration", 610*time.Millisecond)
		if d.Weekday() == time.Monday {
			unit(d.Add(24*time.Minute+second(1200)), "fstrim.service", "Discard unused blocks on filesystems from /etc/fstab", 1400*time.Millisecond)
		}
	}
	uid := "1000"
	if f.Admin == "root" {
		uid = "0"
	}
	key := h.derive("admin-key")
	print := base64.RawStdEncoding.EncodeToString(key[:])
	for _, l := range h.logins(from, to) {
		who := fmt.Sprintf("sshd[%d]", l.pid)
		inner := fmt.Sprintf("sshd[%d]", l.pid+61)
		add(l.at, who, fmt.Sprintf("Accepted publickey for %s from %s port %d ssh2: ED25519 SHA256:%s", f.Admin, l.from, l.port, print), true)
		add(l.at.Add(4*time.Millisecond), who, fmt.Sprintf("pam_unix(sshd:session): session opened for user %s(uid=%s) by (uid=0)", f.Admin, uid), true)
		add(l.at.Add(18*time.Millisecond), "systemd-logind", fmt.Sprintf("New session %d of user %s.", l.number, f.Admin), true)
		add(l.at.Add(60*time.Millisecond), "systemd[1]", fmt.Sprintf("Started Session %d of User %s.", l.number, f.Admin), false)
		if f.Admin != "root" {
			add(l.at.Add(47*time.Second), "sudo", fmt.Sprintf("%8s : TTY=pts/0 ; PWD=/home/%s ; USER=root ; COMMAND=/usr/bin/apt update", f.Admin, f.Admin), true)
			add(l.at.Add(47*time.Second+6*time.Millisecond), "sudo", fmt.Sprintf("pam_unix(sudo:session): session opened for user root(uid=0) by %s(uid=1000)", f.Admin), true)
			add(l.at.Add(55*time.Second), "sudo", "pam_unix(sudo:session): session closed for user root", true)
		}
		add(l.end, inner, fmt.Sprintf("Received disconnect from %s port %d:11: disconnected by user", l.from, l.port), true)
		add(l.end.Add(time.Millisecond), inner, fmt.Sprintf("Disconnected from user %s %s port %d", f.Admin, l.from, l.port), true)
		add(l.end.Add(3*time.Millisecond), who, fmt.Sprintf("pam_unix(sshd:session): session closed for user %s", f.Admin), true)
		add(l.end.Add(9*time.Millisecond), "systemd[1]", fmt.Sprintf("session-%d.scope: Deactivated successfully.", l.number), false)
		add(l.end.Add(12*time.Millisecond), "systemd-logind", fmt.Sprintf("Session %d logged out. Waiting for processes to exit.", l.number), true)
		add(l.end.Add(14*time.Millisecond), "systemd-logind", fmt.Sprintf("Removed session %d.", l.number), true)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].at.Before(out[j].at) })
	return out
}

// utmpRecord is struct utmp of amd64.
func utmpRecord(kind int16, pid int32, line, id, user, host string, at time.Time, addr netip.Addr) []byte {
	b := make([]byte, 384)
	binary.LittleEndian.PutUint16(b, uint16(kind))
	binary.LittleEndian.PutUint32(b[4:], uint32(pid))
	copy(b[8:40], line)
	copy(b[40:44], id)
	copy(b[44:76], user)
	copy(b[76:332], host)
	binary.LittleEndian.PutUint32(b[340:], uint32(at.Unix()))
	binary.LittleEndian.PutUint32(b[344:], uint32(at.Nanosecond()/1000))
	if addr.Is4() {
		a := addr.As4()
		copy(b[348:], a[:])
	}
	return b
}

// logsAt makes the log files as they are at the hour of now.
func (h *Host) logsAt(now time.Time) *hostLogs {
	now = now.UTC().Truncate(time.Minute)
	h.logs.mu.Lock()
	defer h.logs.mu.Unlock()
	if l := h.logs.last; l != nil && l.hour.Equal(now.Truncate(time.Hour)) {
		return l
	}
	f := &h.facts
	l := &hostLogs{hour: now.Truncate(time.Hour), logged: now.Truncate(time.Hour), login: f.Boot}
	short, _, _ := strings.Cut(f.Name, ".")
	logind := fmt.Sprintf("systemd-logind[%d]", h.pidOf("systemd-logind"))
	week := midnight(now).AddDate(0, 0, -int(now.Weekday())) // logrotate's, on Sundays
	var sys, auth bytes.Buffer
	for _, x := range h.lines(week, now) {
		who := x.who
		if who == "systemd-logind" {
			who = logind
		}
		l.logged = x.at
		to := &sys
		if x.auth {
			to = &auth
		}
		fmt.Fprintf(to, "%s %s %s: %s\n", x.at.Format(time.Stamp), short, who, x.text)
	}
	l.syslog, l.auth = sys.Bytes(), auth.Bytes()
	// wtmp goes by months.
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	boot := utmpRecord(2, 0, "~", "~~", "reboot", f.Kernel, f.Boot.Add(3*time.Second), netip.Addr{})
	level := utmpRecord(1, 53, "~", "~~", "runlevel", f.Kernel, f.Boot.Add(9*time.Second), netip.Addr{})
	var w bytes.Buffer
	if f.Boot.After(month) {
		w.Write(boot)
		w.Write(level)
	}
	for _, x := range h.logins(month, now) {
		w.Write(utmpRecord(7, int32(x.pid), "pts/0", "ts/0", f.Admin, x.from.String(), x.at, x.from))
		w.Write(utmpRecord(8, int32(x.pid), "pts/0", "", "", "", x.end, netip.Addr{}))
	}
	l.wtmp = w.Bytes()
	l.utmp = append(append([]byte{}, boot...), level...)
	uid := 1000
	if f.Admin == "root" {
		uid = 0
	}
	if all := h.logins(f.Boot, now); len(all) > 0 {
		last := all[len(all)-1]
		l.login = last.end
		l.lastlog = make([]byte, 292*(uid+1))
		b := l.lastlog[292*uid:]
		binary.LittleEndian.PutUint32(b, uint32(last.at.Unix()))
		copy(b[4:36], "pts/0")
		copy(b[36:292], last.from.String())
	}
	h.logs.last = l
	return l
}

// writeLogs puts the machine's logs on the disk as they are when the world is made.
func (w *World) writeLogs() {
	l := w.host.logsAt(w.now())
	put := func(when time.Time, p string, b []byte, a vfs.NewAttr) {
		_ = w.hostNS.Mounts().Unlink(w.hostThen(when), p)
		w.writeThen(when, p, b, a)
	}
	boot := w.host.facts.Boot.Add(9 * time.Second)
	put(l.logged, "/var/log/syslog", l.syslog, vfs.NewAttr{Mode: 0o640, UID: 107, GID: 4})
	put(l.logged, "/var/log/auth.log", l.auth, vfs.NewAttr{Mode: 0o640, UID: 107, GID: 4})
	put(l.login, "/var/log/wtmp", l.wtmp, vfs.NewAttr{Mode: 0o664, GID: 43})
	put(l.login, "/var/log/lastlog", l.lastlog, vfs.NewAttr{Mode: 0o664, GID: 43})
	put(boot, "/run/utmp", l.utmp, vfs.NewAttr{Mode: 0o664, GID: 43})
}
