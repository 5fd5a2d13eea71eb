package listen

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/whalefall/whalefall/internal/event"
)

// serverTLS is tlsconfig.ServerDefault of docker/go-connections with the protocol
// that sockets.NewTCPSocket offers.
func serverTLS(cert tls.Certificate) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			//nolint:gosec // dockerd offers them, so we must
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
			tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA,
		},
	}
}

// tlsConn is a TLS connection that shakes hands in its first Read or Write, keeps
// what the client said first, and answers plain HTTP as net/http does.
type tlsConn struct {
	*tls.Conn
	raw     *sniffer
	onHello func(event.TLSHello)
	onPlain func(data, answer []byte)
	once    sync.Once
	err     error
}

// plainAnswer is what net/http says to HTTP on an HTTPS port.
const plainAnswer = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"

func (c *tlsConn) shake() error {
	c.once.Do(func() {
		c.err = c.Conn.HandshakeContext(context.Background()) // the deadline of the raw connection ends it
		hello := c.raw.taken()
		if h, err := ParseHello(hello); err == nil && c.onHello != nil {
			c.onHello(h)
		}
		var re tls.RecordHeaderError
		if errors.As(c.err, &re) {
			answer := ""
			if looksLikeHTTP(re.RecordHeader) {
				answer = plainAnswer
				_, _ = io.WriteString(c.raw.Conn, answer)
			}
			if c.onPlain != nil {
				c.onPlain(hello, []byte(answer))
			}
		}
		if c.err != nil {
			_ = c.raw.Conn.Close()
		}
		c.raw.stop()
	})
	return c.err
}

// looksLikeHTTP is net/http's own guess by the first five bytes.
func looksLikeHTTP(hdr [5]byte) bool {
	switch string(hdr[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		return true
	}
	return false
}

// Read shakes hands first. A failed handshake is an end of file: what net/http sees
// above is a client that left without a word.
func (c *tlsConn) Read(p []byte) (int, error) {
	if c.shake() != nil {
		return 0, io.EOF
	}
	return c.Conn.Read(p)
}

func (c *tlsConn) Write(p []byte) (int, error) {
	if err := c.shake(); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// sniffer keeps the first bytes that are read through it.
type sniffer struct {
	net.Conn
	mu   sync.Mutex
	buf  []byte
	full bool
}

// maxHello bounds what is kept of a client's first words.
const maxHello = 20 << 10

func (s *sniffer) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.mu.Lock()
	if !s.full && n > 0 {
		s.buf = append(s.buf, p[:min(n, maxHello-len(s.buf))]...)
		s.full = len(s.buf) >= maxHello
	}
	s.mu.Unlock()
	return n, err
}

func (s *sniffer) taken() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf
}

func (s *sniffer) stop() {
	s.mu.Lock()
	s.full, s.buf = true, nil
	s.mu.Unlock()
}

// CertConfig says for whom a certificate is.
type CertConfig struct {
	Host      string       // the daemon's host name
	Addresses []netip.Addr // besides 127.0.0.1
	NotBefore time.Time    // when the operator of such a host would have made it
	Bits      int          // 0 is 4096, as the documentation says
}

// NewCertificate makes a server certificate as Docker's documentation ("Protect the
// Docker daemon socket") tells to: a CA of its own with a password long forgotten,
// RSA, SHA-256, a year, the common name and the alternative names of the host,
// extended usage serverAuth. The CA's key is thrown away. It is slow (RSA 4096), so
// an installation makes one and keeps it.
func NewCertificate(cfg CertConfig) (certPEM, keyPEM []byte, err error) {
	bits := cfg.Bits
	if bits == 0 {
		bits = 4096
	}
	caKey, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, nil, fmt.Errorf("making the CA's key: %w", err)
	}
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, nil, fmt.Errorf("making the server's key: %w", err)
	}
	// Who answers openssl's questions with the enter key gets these.
	ca := &x509.Certificate{
		SerialNumber: serial(),
		RawSubject:   opensslDefaults(cfg.Host),
		NotBefore:    cfg.NotBefore, NotAfter: cfg.NotBefore.AddDate(0, 0, 365),
		IsCA: true, BasicConstraintsValid: true, SubjectKeyId: keyID(&caKey.PublicKey),
	}
	ips := []net.IP{}
	for _, a := range cfg.Addresses {
		ips = append(ips, a.AsSlice())
	}
	ips = append(ips, net.IPv4(127, 0, 0, 1).To4())
	leaf := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: cfg.Host},
		NotBefore: cfg.NotBefore.Add(time.Minute), NotAfter: cfg.NotBefore.Add(time.Minute).AddDate(0, 0, 365),
		DNSNames: []string{cfg.Host}, IPAddresses: ips,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		SubjectKeyId: keyID(&key.PublicKey), SignatureAlgorithm: x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return nil, nil, fmt.Errorf("signing the certificate: %w", err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk}), nil
}

// serial is 159 random bits, as openssl's.
func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 159))
	if err != nil {
		panic(err)
	}
	return n
}

func keyID(k *rsa.PublicKey) []byte {
	s := sha1.Sum(x509.MarshalPKCS1PublicKey(k))
	return s[:]
}

// opensslDefaults is the subject of a request whose questions were left alone.
func opensslDefaults(cn string) []byte {
	b, err := asn1.Marshal(pkix.Name{Country: []string{"AU"}, Province: []string{"Some-State"},
		Organization: []string{"Internet Widgits Pty Ltd"}, CommonName: cn}.ToRDNSequence())
	if err != nil {
		return nil
	}
	return b
}
