package program

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// publicHalf gives the public key that a private key's file carries in the clear,
// or what stands beside it.
func (p *P) publicHalf(file string) []byte {
	b, err := p.t.ReadFile(file)
	if err != nil {
		return nil
	}
	if _, rest, ok := strings.Cut(string(b), "-----BEGIN OPENSSH PRIVATE KEY-----"); ok {
		body, _, _ := strings.Cut(rest, "-----END")
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
		raw, ok := bytes.CutPrefix(raw, []byte("openssh-key-v1\x00"))
		for range 3 { // cipher, kdf and its options
			if err == nil && ok && len(raw) >= 4 {
				n := binary.BigEndian.Uint32(raw)
				if ok = uint64(n)+4 <= uint64(len(raw)); ok {
					raw = raw[4+n:]
				}
			}
		}
		if err == nil && ok && len(raw) >= 8 {
			if n := uint64(binary.BigEndian.Uint32(raw[4:])); n+8 <= uint64(len(raw)) {
				return raw[8 : 8+n]
			}
		}
	}
	if b, err := p.t.ReadFile(file + ".pub"); err == nil {
		if f := strings.Fields(string(b)); len(f) > 1 {
			if raw, err := base64.StdEncoding.DecodeString(f[1]); err == nil {
				return raw
			}
		}
	}
	return nil
}

// sshIn logs in to the world's own host with a key that its user takes; ok is false
// where the host is another machine or no key fits.
func (p *P) sshIn(c sshCall, addr netip.Addr, port uint16, user string) (code int, ok bool) {
	host := p.t.Kernel().Host()
	own := addr.IsLoopback() && p.t.NS().Net() == host.Net()
	for _, x := range host.Net().List() {
		own = own || x.Addr.IsValid() && x.Addr.Addr() == addr
	}
	if !own || port != 22 {
		return 0, false
	}
	read := func(f string) []byte {
		at, err := host.Mounts().Resolve(host.Context(), f, true)
		if err != nil || !at.Node().Stat().Mode.IsRegular() {
			return nil
		}
		return vfs.ReadAll(vfs.ContentOf(at.Node(), 1<<20), 1<<20)
	}
	var u kernel.User
	for _, x := range kernel.ParseUsers(string(read("/etc/passwd"))) {
		if x.Name == user {
			u = x
		}
	}
	if u.Name == "" {
		return 0, false
	}
	files := []string{c.opts['i']}
	if files[0] == "" {
		home := path.Join(p.t.Getenv("HOME"), ".ssh")
		files = []string{home + "/id_rsa", home + "/id_ecdsa", home + "/id_ed25519"}
	}
	fits := false
	keys := string(read(path.Join(u.Home, ".ssh/authorized_keys")))
	for _, f := range files {
		if pub := p.publicHalf(f); len(pub) > 0 && strings.Contains(keys, base64.StdEncoding.EncodeToString(pub)) {
			fits = true
		}
	}
	if !fits {
		return 0, false
	}
	cred := vfs.Root()
	if u.UID != 0 {
		cred = &vfs.Cred{UID: u.UID, EUID: u.UID, GID: u.GID, EGID: u.GID}
	}
	s := kernel.Spawn{Path: u.Shell, Argv: []string{"-" + base(u.Shell)}, Dir: u.Home, Cred: cred, Setsid: true, Origin: "ssh", Files: map[int]*kernel.File{},
		Env: []string{"SHELL=" + u.Shell, "PWD=" + u.Home, "LOGNAME=" + u.Name, "HOME=" + u.Home, "LANG=C.UTF-8", "USER=" + u.Name, "SHLVL=0", "SSH_CLIENT=127.0.0.1 40522 22", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games:/usr/local/games:/snap/bin"}}
	if len(c.rest) > 1 {
		s.Argv = []string{base(u.Shell), "-c", strings.Join(c.rest[1:], " ")}
	}
	for fd := range 3 {
		if f, err := p.t.File(fd); err == nil {
			s.Files[fd] = f
		}
	}
	p.out.Flush()
	t, err := host.Start(s)
	if err != nil {
		return 0, false
	}
	for {
		select {
		case <-t.Done():
			return t.WaitStatus().Code(), true
		default:
			p.t.Sleep(20 * time.Millisecond)
		}
	}
}
