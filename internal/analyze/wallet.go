package analyze

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"strings"

	"golang.org/x/crypto/sha3"
)

const b58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

func base58(s string) ([]byte, bool) {
	n := new(big.Int)
	r := big.NewInt(58)
	for _, c := range s {
		i := strings.IndexRune(b58, c)
		if i < 0 {
			return nil, false
		}
		n.Add(n.Mul(n, r), big.NewInt(int64(i)))
	}
	b := n.Bytes()
	zeros := 0
	for zeros < len(s) && s[zeros] == '1' {
		zeros++
	}
	return append(make([]byte, zeros), b...), true
}

// base58Check decodes Bitcoin's base58 with its four bytes of double SHA-256.
func base58Check(s string) ([]byte, bool) {
	b, ok := base58(s)
	if !ok || len(b) < 5 {
		return nil, false
	}
	p := b[:len(b)-4]
	h := sha256.Sum256(p)
	h = sha256.Sum256(h[:])
	return p, bytes.Equal(h[:4], b[len(b)-4:])
}

func keccak(b []byte) []byte {
	h := sha3.NewLegacyKeccak256()
	h.Write(b)
	return h.Sum(nil)
}

// moneroSizes is how many base58 characters stand for so many bytes (CryptoNote
// encodes blocks of eight bytes as eleven characters).
var moneroSizes = map[int]int{2: 1, 3: 2, 5: 3, 6: 4, 7: 5, 9: 6, 10: 7, 11: 8}

func moneroDecode(s string) ([]byte, bool) {
	var out []byte
	for len(s) > 0 {
		n := min(11, len(s))
		size, ok := moneroSizes[n]
		if !ok {
			return nil, false
		}
		v := new(big.Int)
		for _, c := range s[:n] {
			i := strings.IndexRune(b58, c)
			if i < 0 {
				return nil, false
			}
			v.Add(v.Mul(v, big.NewInt(58)), big.NewInt(int64(i)))
		}
		if v.BitLen() > size*8 {
			return nil, false
		}
		b := make([]byte, size)
		v.FillBytes(b)
		out = append(out, b...)
		s = s[n:]
	}
	return out, true
}

// Monero tells whether s is a Monero address: standard (18), integrated (19) or
// subaddress (42) on the main network, with its checksum.
func Monero(s string) bool {
	if len(s) != 95 && len(s) != 106 {
		return false
	}
	b, ok := moneroDecode(s)
	if !ok || len(b) != 69 && len(b) != 77 {
		return false
	}
	switch b[0] {
	case 18, 42:
		if len(b) != 69 {
			return false
		}
	case 19:
		if len(b) != 77 {
			return false
		}
	default:
		return false
	}
	return bytes.Equal(keccak(b[:len(b)-4])[:4], b[len(b)-4:])
}

const bech32Set = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

func bech32Polymod(v []byte) uint32 {
	gen := [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3}
	c := uint32(1)
	for _, x := range v {
		t := c >> 25
		c = c&0x1ffffff<<5 ^ uint32(x)
		for i := range 5 {
			if t>>i&1 == 1 {
				c ^= gen[i]
			}
		}
	}
	return c
}

// bech32 checks BIP-173 and BIP-350 addresses and gives their human-readable part.
func bech32(s string) (string, bool) {
	if s != strings.ToLower(s) && s != strings.ToUpper(s) {
		return "", false
	}
	s = strings.ToLower(s)
	i := strings.LastIndexByte(s, '1')
	if i < 1 || len(s)-i < 8 || len(s) > 110 {
		return "", false
	}
	hrp := s[:i]
	var v []byte
	for _, c := range []byte(hrp) {
		v = append(v, c>>5)
	}
	v = append(v, 0)
	for _, c := range []byte(hrp) {
		v = append(v, c&31)
	}
	for _, c := range s[i+1:] {
		k := strings.IndexRune(bech32Set, c)
		if k < 0 {
			return "", false
		}
		v = append(v, byte(k))
	}
	p := bech32Polymod(v)
	return hrp, p == 1 || p == 0x2bc830a3
}

// kaspa checks the cashaddr-like checksum of "kaspa:" addresses.
func kaspa(s string) bool {
	hrp, data, ok := strings.Cut(s, ":")
	if !ok || hrp != "kaspa" {
		return false
	}
	var v []byte
	for _, c := range []byte(hrp) {
		v = append(v, c&31)
	}
	v = append(v, 0)
	for _, c := range data {
		k := strings.IndexRune(bech32Set, c)
		if k < 0 {
			return false
		}
		v = append(v, byte(k))
	}
	c := uint64(1)
	for _, d := range v {
		c0 := c >> 35
		c = c&0x07ffffffff<<5 ^ uint64(d)
		for i, g := range [5]uint64{0x98f2bc8e61, 0x79b76d99e2, 0xf33e5fb3c4, 0xae2eabe2a8, 0x1e4f43e470} {
			if c0>>i&1 == 1 {
				c ^= g
			}
		}
	}
	return c^1 == 0
}

// ethereum checks EIP-55: mixed case carries a checksum; one case alone has none.
func ethereum(s string) (valid, checked bool) {
	h := s[2:]
	if h == strings.ToLower(h) || h == strings.ToUpper(h) {
		return true, false
	}
	sum := hex.EncodeToString(keccak([]byte(strings.ToLower(h))))
	for i, c := range h {
		if c >= 'a' && c <= 'f' && sum[i] >= '8' || c >= 'A' && c <= 'F' && sum[i] < '8' {
			return false, false
		}
	}
	return true, true
}

// Wallet tells which coin's address s is, by its checksum.
func Wallet(s string) (coin string, ok bool) {
	switch {
	case Monero(s):
		return "xmr", true
	case strings.HasPrefix(s, "0x") && len(s) == 42:
		if v, checked := ethereum(s); v && checked {
			return "eth", true
		}
		return "", false
	case strings.HasPrefix(s, "kaspa:"):
		return "kas", kaspa(s)
	}
	if hrp, ok := bech32(s); ok {
		switch hrp {
		case "bc":
			return "btc", true
		case "ltc":
			return "ltc", true
		case "dero":
			return "dero", true
		}
	}
	if len(s) < 25 || len(s) > 36 {
		return "", false
	}
	p, ok := base58Check(s)
	if !ok {
		return "", false
	}
	if len(p) == 22 && p[0] == 0x1c && (p[1] == 0xb8 || p[1] == 0xbd) {
		return "zec", true
	}
	if len(p) != 21 {
		return "", false
	}
	switch p[0] {
	case 0x00, 0x05:
		return "btc", true
	case 0x30, 0x32:
		return "ltc", true
	case 0x1e, 0x16:
		return "doge", true
	case 0x3c, 0x7a:
		return "rvn", true
	}
	return "", false
}

// OnionV3 checks a version 3 onion name (without .onion): key, checksum, version.
func OnionV3(name string) bool {
	if len(name) != 56 {
		return false
	}
	b, err := base32.StdEncoding.DecodeString(strings.ToUpper(name))
	if err != nil || len(b) != 35 || b[34] != 3 {
		return false
	}
	h := sha3.New256()
	h.Write([]byte(".onion checksum"))
	h.Write(b[:32])
	h.Write([]byte{3})
	s := h.Sum(nil)
	return s[0] == b[32] && s[1] == b[33]
}

// sshKey checks that the blob of a public key line begins with its own type.
func sshKey(kind, blob string) bool {
	b := decodeB64(blob)
	if len(b) < 4+len(kind) {
		return false
	}
	n := binary.BigEndian.Uint32(b)
	return int(n) == len(kind) && string(b[4:4+n]) == kind
}
