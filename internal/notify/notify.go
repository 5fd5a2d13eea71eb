// Package notify hands events on to where the operator wants them: a rotating
// file of JSON lines and a signed webhook.
//
// A sink never holds up the record: what a webhook cannot take waits in a bounded
// queue, is tried again with growing pauses, and what runs over is counted. Every
// line is redacted before it gets here.
package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Sink takes one JSON object, without a newline.
type Sink interface {
	Write(line []byte)
	Close() error
}

// File is a file of JSON lines that is rotated at a size: NAME becomes NAME.1,
// NAME.1 becomes NAME.2, and so on to Keep.
type File struct {
	path string
	size int64
	keep int
	log  *slog.Logger

	mu   sync.Mutex
	f    *os.File
	n    int64
	bad  time.Time
	Lost atomic.Uint64
}

// NewFile opens the file at path for appending. Size is in bytes (0: 100 MiB),
// keep how many old ones stay (0: 5).
func NewFile(path string, size int64, keep int, log *slog.Logger) (*File, error) {
	if size <= 0 {
		size = 100 << 20
	}
	if keep <= 0 {
		keep = 5
	}
	s := &File{path: path, size: size, keep: keep, log: log}
	if err := s.open(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *File) open() error {
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("open the sink: %w", err)
	}
	fi, err := f.Stat()
	if err != nil {
		_ = f.Close() // nothing was written
		return fmt.Errorf("open the sink: %w", err)
	}
	s.f, s.n = f, fi.Size()
	return nil
}

// Write adds a line.
func (s *File) Write(line []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		if s.open() != nil {
			s.Lost.Add(1)
			return
		}
	}
	if s.n+int64(len(line))+1 > s.size && s.n > 0 {
		s.rotate()
	}
	if s.f == nil {
		s.Lost.Add(1)
		return
	}
	n, err := s.f.Write(append(line, '\n'))
	s.n += int64(n)
	if err != nil {
		s.Lost.Add(1)
		if time.Since(s.bad) > time.Minute {
			s.bad = time.Now()
			s.log.Error("a sink's file takes no lines", "file", s.path, "err", err)
		}
	}
}

func (s *File) rotate() {
	if err := s.f.Close(); err != nil {
		s.log.Error("a sink's file was not closed well", "file", s.path, "err", err)
	}
	s.f = nil
	for i := s.keep - 1; i >= 1; i-- {
		_ = os.Rename(s.path+"."+strconv.Itoa(i), s.path+"."+strconv.Itoa(i+1)) // there may be none yet
	}
	_ = os.Rename(s.path, s.path+".1")
	if err := s.open(); err != nil {
		s.log.Error("a sink's file cannot be opened anew", "err", err)
	}
}

// Close closes the file.
func (s *File) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return nil
	}
	return s.f.Close()
}

// Webhook posts lines in batches (application/x-ndjson). Each request carries
// X-Whalefall-Timestamp (Unix seconds) and X-Whalefall-Signature, "sha256=" and
// the hex HMAC-SHA256 of the timestamp, a dot and the body, keyed with the secret.
type Webhook struct {
	url    string
	secret []byte
	client *http.Client
	log    *slog.Logger
	ledger func(n int, result string)
	halted func() bool

	q    chan []byte
	done chan struct{}
	stop chan struct{}
	Lost atomic.Uint64
}

const (
	webhookQueue = 10_000
	webhookBatch = 500
	webhookBytes = 1 << 20
)

// NewWebhook makes a webhook. resolver is the process's true resolver: the host
// is the operator's own choice. ledger is told of each request; halted says that
// the operator stopped all sending.
func NewWebhook(url, secret string, resolver *net.Resolver, log *slog.Logger, ledger func(n int, result string), halted func() bool) *Webhook {
	d := &net.Dialer{Timeout: 10 * time.Second, Resolver: resolver}
	s := &Webhook{url: url, secret: []byte(secret), log: log, ledger: ledger, halted: halted, q: make(chan []byte, webhookQueue), done: make(chan struct{}), stop: make(chan struct{}),
		client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DialContext: d.DialContext, MaxIdleConns: 2, IdleConnTimeout: time.Minute},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	go s.run()
	return s
}

// Write queues a line.
func (s *Webhook) Write(line []byte) {
	select {
	case s.q <- bytes.Clone(line):
	default:
		s.Lost.Add(1)
	}
}

// Close sends what is queued, for at most five seconds.
func (s *Webhook) Close() error {
	close(s.stop)
	select {
	case <-s.done:
	case <-time.After(5 * time.Second):
	}
	return nil
}

func (s *Webhook) run() {
	defer close(s.done)
	var body bytes.Buffer
	for {
		body.Reset()
		n := 0
		stopping := false
		select {
		case l := <-s.q:
			body.Write(l)
			body.WriteByte('\n')
			n++
		case <-s.stop:
			stopping = true
		}
		wait := time.NewTimer(200 * time.Millisecond)
	fill:
		for n < webhookBatch && body.Len() < webhookBytes {
			select {
			case l := <-s.q:
				body.Write(l)
				body.WriteByte('\n')
				n++
			case <-wait.C:
				break fill
			}
		}
		wait.Stop()
		if n > 0 {
			s.deliver(body.Bytes(), n, stopping)
		}
		if stopping {
			return
		}
	}
}

func (s *Webhook) deliver(body []byte, n int, last bool) {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		var err error
		if s.halted() {
			err = fmt.Errorf("sending is stopped by the operator")
		} else {
			err = s.post(body)
			res := "ok"
			if err != nil {
				res = err.Error()
			}
			s.ledger(len(body), res)
		}
		if err == nil {
			return
		}
		if last {
			s.Lost.Add(uint64(n))
			return
		}
		s.log.Warn("a webhook does not take events", "err", err, "again_in", pause.String())
		select {
		case <-time.After(pause):
		case <-s.stop:
			last = true
		}
	}
}

func (s *Webhook) post(body []byte) error {
	ts := strconv.FormatInt(time.Now().Unix(), 10)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("X-Whalefall-Timestamp", ts)
	req.Header.Set("X-Whalefall-Signature", Sign(s.secret, ts, body))
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("answered %s", resp.Status)
	}
	return nil
}

// Sign makes the signature of a body.
func Sign(secret []byte, timestamp string, body []byte) string {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(timestamp + "."))
	m.Write(body)
	return "sha256=" + hex.EncodeToString(m.Sum(nil))
}
