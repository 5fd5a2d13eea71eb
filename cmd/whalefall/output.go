package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// The rules of terminal output: whatever came from outside passes printable
// before it reaches a terminal; tables have no colour unless the output is a
// terminal and NO_COLOR is not set; machine output is one JSON object a line.

// printable makes control characters, terminal escapes, invalid UTF-8 and
// direction marks visible.
func printable(s string) string {
	ok := true
	for _, r := range s {
		if r == utf8.RuneError || unicode.IsControl(r) || bidi(r) {
			ok = false
			break
		}
	}
	if ok {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case unicode.IsControl(r) && r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case unicode.IsControl(r) || bidi(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

func bidi(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x061c || r == 0x2028 || r == 0x2029 || r == 0xfeff
}

func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// outputFlags are --data and --format, which every ls and show takes.
type outputFlags struct {
	data   string
	format string
}

func (o *outputFlags) add(c *cobra.Command) {
	dataFlag(c, &o.data)
	c.Flags().StringVar(&o.format, "format", "table", "table or json (one object a line)")
}

func dataFlag(c *cobra.Command, p *string) {
	c.Flags().StringVar(p, "data", defaultData(), "the data directory")
}

func (o *outputFlags) check() error {
	if o.format != "table" && o.format != "json" {
		return usageError{withHint(fmt.Errorf("--format %q is not known", o.format), "it is table or json")}
	}
	return nil
}

// defaultData is where data is kept unless told otherwise.
func defaultData() string {
	if d := os.Getenv("WHALEFALL_DATA"); d != "" {
		return d
	}
	if os.Geteuid() == 0 {
		return "/var/lib/whalefall"
	}
	if d := os.Getenv("XDG_STATE_HOME"); d != "" {
		return d + "/whalefall"
	}
	if h, err := os.UserHomeDir(); err == nil {
		return h + "/.local/state/whalefall"
	}
	return "whalefall-data"
}

// jsonLine writes v as one line. Controls in strings are escaped by JSON itself;
// the few that JSON leaves alone and terminals do not, are escaped here.
func jsonLine(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return escapedLine(w, b)
}

// escapedLine writes encoded JSON as a line that does nothing to a terminal and
// decodes to the same.
func escapedLine(w io.Writer, b []byte) error {
	var out strings.Builder
	for _, r := range string(b) {
		if r == 0x7f || r >= 0x80 && r < 0xa0 || bidi(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
			continue
		}
		out.WriteRune(r)
	}
	out.WriteByte('\n')
	_, err := io.WriteString(w, out.String())
	return err
}

type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer, head ...string) *table {
	t := &table{tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)}
	t.row(head...)
	return t
}

func (t *table) row(cells ...string) {
	for i := range cells {
		cells[i] = printable(cells[i])
	}
	fmt.Fprintln(t.w, strings.TrimRight(strings.Join(cells, "\t"), "\t "))
}

func (t *table) flush() error { return t.w.Flush() }

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

func size(n int64) string {
	switch {
	case n < 1<<10:
		return strconv.FormatInt(n, 10) + " B"
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// output is the command line's output. It remembers its first failure: an export to
// a full disk must not end with status 0, and no printing line has to ask.
type output struct {
	w   io.Writer
	mu  sync.Mutex
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		o.mu.Lock()
		if o.err == nil {
			o.err = err
		}
		o.mu.Unlock()
	}
	return n, err
}

func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}
