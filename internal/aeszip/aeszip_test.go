package aeszip

import (
	"archive/zip"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Somebody else's program opens what we write, with the field's usual password.
func TestSevenZipOpensIt(t *testing.T) {
	if _, err := exec.LookPath("7z"); err != nil {
		t.Fatalf("7z is needed (make deps installs it): %v", err)
	}
	for _, data := range []string{"", "hello", strings.Repeat("0123456789abcdef", 100_000)} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		if err := Add(z, "sample", "infected", time.Now(), strings.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		p := filepath.Join(dir, "s.zip")
		os.WriteFile(p, b.Bytes(), 0o600)
		if out, err := exec.Command("7z", "x", "-pinfected", "-o"+dir, p).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		got, err := os.ReadFile(filepath.Join(dir, "sample"))
		if err != nil || string(got) != data {
			t.Fatalf("%d bytes came out of %d, %v", len(got), len(data), err)
		}
		if out, err := exec.Command("7z", "t", "-pwrong", p).CombinedOutput(); err == nil && data != "" {
			t.Errorf("the wrong password opens it:\n%s", out)
		}
	}
}
