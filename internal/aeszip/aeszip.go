// Package aeszip writes zip files whose entries are encrypted as WinZip's AE-2
// does (AES-256 in counter mode, PBKDF2 with SHA-1, HMAC-SHA1 cut to 80 bits), the
// form in which malware is handed on: 7z, unzip's successors and most analysis
// tools open it. Format: www.winzip.com/en/support/aes-encryption.
package aeszip

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

const (
	saltSize   = 16
	keySize    = 32
	iterations = 1000
	macSize    = 10
	methodAES  = 99
)

// Add writes one encrypted entry named name with r's bytes to w.
func Add(w *zip.Writer, name, password string, mod time.Time, r io.Reader) error {
	var plain bytes.Buffer
	fw, err := flate.NewWriter(&plain, flate.DefaultCompression)
	if err != nil {
		return fmt.Errorf("compress %s: %w", name, err)
	}
	size, err := io.Copy(fw, r)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if err := fw.Close(); err != nil {
		return fmt.Errorf("compress %s: %w", name, err)
	}
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails
	key, err := pbkdf2.Key(sha1.New, password, salt, iterations, 2*keySize+2)
	if err != nil {
		return fmt.Errorf("derive the key: %w", err)
	}
	data := plain.Bytes()
	if err := ctr(key[:keySize], data); err != nil {
		return err
	}
	mac := hmac.New(sha1.New, key[keySize:2*keySize])
	mac.Write(data)
	// Extra field 0x9901: AE-2, vendor "AE", strength 3 (256 bits), real method 8.
	extra := []byte{0x01, 0x99, 7, 0, 2, 0, 'A', 'E', 3, 8, 0}
	h := &zip.FileHeader{Name: name, Method: methodAES, Flags: 1, Modified: mod, Extra: extra}
	h.CompressedSize64 = uint64(saltSize + 2 + len(data) + macSize)
	h.UncompressedSize64 = uint64(size)
	out, err := w.CreateRaw(h)
	if err != nil {
		return fmt.Errorf("write the zip: %w", err)
	}
	for _, p := range [][]byte{salt, key[2*keySize:], data, mac.Sum(nil)[:macSize]} {
		if _, err := out.Write(p); err != nil {
			return fmt.Errorf("write the zip: %w", err)
		}
	}
	return nil
}

// ctr encrypts p in place, with the little-endian counter from 1 that WinZip uses
// (the standard library's counter is big-endian).
func ctr(key, p []byte) error {
	b, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("make the cipher: %w", err)
	}
	var n, pad [aes.BlockSize]byte
	for i := uint64(1); len(p) > 0; i++ {
		binary.LittleEndian.PutUint64(n[:], i)
		b.Encrypt(pad[:], n[:])
		k := min(len(p), aes.BlockSize)
		for j := range k {
			p[j] ^= pad[j]
		}
		p = p[k:]
	}
	return nil
}
