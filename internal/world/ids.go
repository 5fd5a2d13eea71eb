package world

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
)

// derive makes 32 bytes from a secret and a path of labels: the one source of
// everything about an installation that must be its own and stay the same.
func derive(secret []byte, labels ...string) [32]byte {
	h := hmac.New(sha256.New, secret)
	for _, l := range labels {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(l)))
		h.Write(n[:])
		h.Write([]byte(l))
	}
	return [32]byte(h.Sum(nil))
}

func (h *Host) derive(labels ...string) [32]byte { return derive(h.cfg.Secret, labels...) }

// hexID is a derived 64-digit id as containers, networks and the like have.
func (h *Host) hexID(labels ...string) string {
	b := h.derive(labels...)
	return hex.EncodeToString(b[:])
}

// rng is a generator of the installation's own for one purpose.
func (h *Host) rng(labels ...string) *rand.Rand {
	return rand.New(rand.NewChaCha8(h.derive(labels...)))
}

// newID is a fresh 64-digit id: like stringid.GenerateRandomID, never all digits
// in its first twelve.
func (w *World) newID() string {
	for {
		var b [32]byte
		w.random(b[:])
		id := hex.EncodeToString(b[:])
		if strings.Trim(id[:12], "0123456789") != "" {
			return id
		}
	}
}

// swarmID is an id as swarmkit's identity.NewID makes them: 25 digits, base 36.
func swarmID(b []byte) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	hi, lo := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	hi |= 1 << 63
	var out [25]byte
	for i := len(out) - 1; i >= 0; i-- {
		// divide the 128-bit number by 36
		r := hi % 36
		hi /= 36
		q := r<<32 | lo>>32
		qh := q / 36
		r = q % 36
		q = r<<32 | lo&0xffffffff
		lo = qh<<32 | q/36
		out[i] = digits[q%36]
	}
	return string(out[:])
}

// daemonID is the daemon's id as libtrust made them up to release 20.10: twelve
// groups of base 32. From 23 on it is a UUID.
func (h *Host) daemonID() string {
	b := h.derive("daemon-id")
	if h.cfg.Release.Era >= 26 {
		b[6] = b[6]&0x0f | 0x40
		b[8] = b[8]&0x3f | 0x80
		return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
	}
	s := base32.StdEncoding.EncodeToString(b[:30])
	var parts []string
	for i := 0; i+4 <= len(s) && len(parts) < 12; i += 4 {
		parts = append(parts, s[i:i+4])
	}
	return strings.Join(parts, ":")
}
