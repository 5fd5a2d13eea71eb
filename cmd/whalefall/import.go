package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/journal"
	"github.com/whalefall/whalefall/internal/rerun"
)

// record is one line of recorded traffic.
type record struct {
	Hour    time.Time   `json:"hour"`
	Seq     int64       `json:"seq"`
	Port    uint16      `json:"port"`
	Source  string      `json:"source"`
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers [][2]string `json:"headers"`
	Body    string      `json:"body_b64"`
}

// maxLine bounds a line of an import in bytes.
const maxLine = 16 << 20

// importStats count what an import did.
type importStats struct {
	File     string `json:"file"`
	Lines    int    `json:"lines"`
	Requests int    `json:"requests"`
	Known    int    `json:"known"`
	Damaged  int    `json:"damaged"`
	Sources  int    `json:"sources"`
	first    []string
}

func importCommand() *cobra.Command {
	var dataDir, format string
	var runCreated bool
	c := &cobra.Command{Use: "import FILE...", Short: "Take in recorded traffic, plain or gzip, one JSON object a line",
		Long: `Each line holds hour (RFC 3339), seq, port, source, method, url, headers (a list of
[name, value]) and body_b64. Requests take the same way as live ones. Damaged lines are counted and shown;
what was taken in before is not taken in again.`,
		Example: "  whalefall import traffic.jsonl.gz\n  whalefall session ls --all",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{withHint(errors.New("import takes the files to take in"), "whalefall import --help shows examples")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			d := dirs{dataDir}
			if err := d.prepare(); err != nil {
				return err
			}
			imp, done, err := openImporter(cmd.Context(), d)
			if err != nil {
				return err
			}
			defer done()
			for _, path := range args {
				st, err := imp.file(cmd.Context(), path)
				if err != nil {
					return err
				}
				if format == "json" {
					if err := jsonLine(cmd.OutOrStdout(), st); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %d requests from %d sources taken in, %d known before, %d damaged lines\n", printable(st.File), st.Requests, st.Sources, st.Known, st.Damaged)
				for _, s := range st.first {
					fmt.Fprintf(cmd.ErrOrStderr(), "  %s\n", printable(s))
				}
			}
			if err := imp.flush(cmd.Context()); err != nil {
				return err
			}
			if runCreated {
				return imp.runCreated(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), format)
			}
			return nil
		}}
	dataFlag(c, &dataDir)
	c.Flags().StringVar(&format, "format", "table", "table or json")
	c.Flags().BoolVar(&runCreated, "run-created", false, "run the containers that the traffic created, in worlds of their own")
	return c
}

// importer writes recorded requests to the operator's journal.
type importer struct {
	j       *journal.Journal
	known   map[string]bool
	d       dirs
	creates map[[32]byte]*rerun.Create // distinct, by body
	order   [][32]byte
}

// openImporter opens the operator's journal for writing. While the directory is
// being served the operator side does it: see control.go.
func openImporter(ctx context.Context, d dirs) (*importer, func(), error) {
	x, err := openData(ctx, d.root)
	if err != nil {
		return nil, nil, err
	}
	if x.served {
		x.Close()
		return nil, nil, withHint(errors.New("the data directory is being served"), "stop serve first, or import into another with --data DIR")
	}
	j, err := journal.Open(journal.Config{Dir: d.operatorJournal(), Sensor: "import"})
	if err != nil {
		x.Close()
		return nil, nil, err
	}
	imp := &importer{j: j, known: map[string]bool{}, d: d, creates: map[[32]byte]*rerun.Create{}}
	r := journal.NewReader(d.operatorJournal(), 0)
	defer r.Close()
	for {
		_, p, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			j.Close()
			x.Close()
			return nil, nil, err
		}
		// The connection's id alone is looked at: it is the line's own hash.
		if i := bytes.Index(p, []byte(`"conn":"`)); i >= 0 {
			if k := bytes.IndexByte(p[i+8:], '"'); k > 0 {
				imp.known[string(p[i+8:i+8+k])] = true
			}
		}
	}
	return imp, func() {
		j.Close()
		// What was taken in is judged at once, while the lock is held.
		if _, err := x.proj.Step(context.WithoutCancel(ctx), 0); err != nil {
			fmt.Fprintln(os.Stderr, "whalefall:", err)
		}
		x.Close()
	}, nil
}

func (i *importer) flush(ctx context.Context) error { return i.j.Flush(ctx) }

func (i *importer) file(ctx context.Context, path string) (importStats, error) {
	st := importStats{File: filepath.Base(path)}
	f, err := os.Open(path)
	if err != nil {
		return st, fmt.Errorf("import: %w", err)
	}
	defer f.Close()
	br := bufio.NewReaderSize(f, 256<<10)
	var r io.Reader = br
	if m, _ := br.Peek(2); len(m) == 2 && m[0] == 0x1f && m[1] == 0x8b {
		z, err := gzip.NewReader(br)
		if err != nil {
			return st, fmt.Errorf("import %s: %w", path, err)
		}
		defer z.Close()
		r = z
	}
	sources := map[string]bool{}
	lr := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		if ctx.Err() != nil {
			return st, ctx.Err()
		}
		line, tooLong, err := readLine(lr)
		if len(line) > 0 || tooLong {
			st.Lines++
			if tooLong {
				st.damaged(n, "longer than 16 MiB")
			} else if derr := i.line(line, &st, sources); derr != nil {
				st.damaged(n, derr.Error())
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			// A damaged archive: what came before it is kept.
			st.damaged(n, err.Error())
			break
		}
	}
	st.Sources = len(sources)
	return st, nil
}

func (s *importStats) damaged(line int, why string) {
	s.Damaged++
	if len(s.first) < 10 {
		s.first = append(s.first, fmt.Sprintf("line %d: %s", line, why))
	}
}

// readLine gives the next line without its end. A line over maxLine is passed over.
func readLine(r *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		p, err := r.ReadSlice('\n')
		if !tooLong {
			line = append(line, p...)
			if len(line) > maxLine {
				tooLong, line = true, nil
			}
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		return bytes.TrimRight(line, "\r\n"), tooLong, err
	}
}

var importID = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func (i *importer) line(p []byte, st *importStats, sources map[string]bool) error {
	if len(bytes.TrimSpace(p)) == 0 {
		return nil
	}
	var rec record
	if err := json.Unmarshal(p, &rec); err != nil {
		return err
	}
	src, err := netip.ParseAddr(rec.Source)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	if rec.Hour.IsZero() || rec.Method == "" {
		return errors.New("hour or method is missing")
	}
	var body []byte
	if rec.Body != "" {
		d := make([]byte, len(rec.Body))
		n, err := base64Decode(d, rec.Body)
		if err != nil {
			return fmt.Errorf("body_b64: %w", err)
		}
		body = d[:n]
	}
	sum := sha256.Sum256(p)
	id := "i" + importID.EncodeToString(sum[:10])
	sources[rec.Source] = true
	if rec.Method == "POST" && strings.HasSuffix(strings.SplitN(rec.URL, "?", 2)[0], "/containers/create") && len(body) > 0 {
		c := rerun.Create{Time: rec.Hour.Add(time.Duration(rec.Seq) * time.Microsecond).UTC(), Source: src, URL: rec.URL, Body: body, Count: 1}
		if x := i.creates[c.Key()]; x != nil {
			x.Count++
		} else {
			i.creates[c.Key()] = &c
			i.order = append(i.order, c.Key())
		}
	}
	if i.known[id] {
		st.Known++
		return nil
	}
	i.known[id] = true
	// The record knows the hour and the order within it: the number becomes
	// microseconds.
	at := rec.Hour.Add(time.Duration(rec.Seq) * time.Microsecond).UTC()
	req := &event.Request{Method: rec.Method, URL: rec.URL, Proto: "HTTP/1.1", Headers: make([]event.Header, 0, len(rec.Headers))}
	for _, h := range rec.Headers {
		req.Headers = append(req.Headers, event.Header(h))
	}
	e := event.Event{Time: at, Precision: "hour", Kind: event.HTTPRequest, Source: src, Local: netip.AddrPortFrom(netip.IPv4Unspecified(), rec.Port), Conn: id, Req: 1, Data: req}
	if _, err := i.j.Append(&e); err != nil {
		return err
	}
	if len(body) > 0 {
		h := sha256.Sum256(body)
		b := &event.Body{Size: int64(len(body)), SHA256: hex.EncodeToString(h[:])}
		if len(body) <= event.Inline {
			b.Data = body
		}
		e.Kind, e.Data = event.HTTPBody, b
		if _, err := i.j.Append(&e); err != nil {
			return err
		}
	}
	st.Requests++
	return nil
}

func base64Decode(dst []byte, s string) (int, error) {
	s = strings.TrimRight(s, "=")
	return rawStd.Decode(dst, []byte(s))
}

// createRow is what came of one distinct create.
type createRow struct {
	Image   string   `json:"image"`
	Argv    []string `json:"argv"`
	Seen    int      `json:"seen"`
	Status  int      `json:"status"`
	Exit    *int     `json:"exit"`
	Procs   int      `json:"processes"`
	Cron    int      `json:"cron_fired"`
	URLs    []string `json:"urls"`
	Unknown []string `json:"unknown"`
	Error   string   `json:"error,omitempty"`
}

// runCreated runs each distinct create once, two at a time, and prints a table of
// what came of it. What ran before is not run again.
func (i *importer) runCreated(ctx context.Context, out, progress io.Writer, format string) error {
	type done struct {
		n int
		o rerun.Outcome
		e error
	}
	jobs := make(chan int)
	res := make(chan done)
	for range 2 {
		go func() {
			for n := range jobs {
				c := *i.creates[i.order[n]]
				k := c.Key()
				cfg := rerun.Config{Emit: i.j.Emit}
				if i.known[fmt.Sprintf("r%x", k[:8])] {
					cfg.Emit = nil
				}
				o, err := rerun.Run(ctx, cfg, c)
				res <- done{n, o, err}
			}
		}()
	}
	go func() {
		defer close(jobs)
		for n := range i.order {
			select {
			case jobs <- n:
			case <-ctx.Done():
				return
			}
		}
	}()
	rows := make([]createRow, len(i.order))
	for k := range i.order {
		var d done
		select {
		case d = <-res:
		case <-ctx.Done():
			return ctx.Err()
		}
		if d.e != nil {
			return d.e
		}
		if isTerminal(progress) {
			fmt.Fprintf(progress, "\r%d of %d creates run", k+1, len(i.order))
		}
		var b struct {
			Image      string
			Entrypoint any
			Cmd        any
		}
		_ = json.Unmarshal(d.o.Create.Body, &b)
		r := createRow{Image: b.Image, Argv: append(stringsOf(b.Entrypoint), stringsOf(b.Cmd)...), Seen: d.o.Create.Count, Status: d.o.Status, Exit: d.o.Exit, Procs: d.o.Procs, Cron: d.o.Cron,
			URLs: d.o.URLs, Error: d.o.Error, Unknown: []string{}}
		if r.URLs == nil {
			r.URLs = []string{}
		}
		seen := map[string]bool{}
		for _, u := range d.o.Unknown {
			if s := u.What + " " + u.Name; !seen[s] {
				seen[s] = true
				r.Unknown = append(r.Unknown, s)
			}
		}
		rows[d.n] = r
	}
	if isTerminal(progress) {
		fmt.Fprintln(progress)
	}
	if format == "json" {
		for _, r := range rows {
			if err := jsonLine(out, r); err != nil {
				return err
			}
		}
		return i.flush(ctx)
	}
	t := newTable(out, "SEEN", "IMAGE", "STATUS", "EXIT", "PROCS", "CRON", "URLS", "UNKNOWN", "COMMAND")
	for _, r := range rows {
		exit := "up"
		if r.Exit != nil {
			exit = fmt.Sprint(*r.Exit)
		}
		t.row(fmt.Sprint(r.Seen), cut(r.Image, 24), fmt.Sprint(r.Status), exit, fmt.Sprint(r.Procs), fmt.Sprint(r.Cron), cut(strings.Join(r.URLs, " "), 60), cut(strings.Join(r.Unknown, ", "), 40), cut(strings.Join(r.Argv, " "), 60))
	}
	if err := t.flush(); err != nil {
		return err
	}
	return i.flush(ctx)
}

func stringsOf(v any) []string {
	switch x := v.(type) {
	case string:
		return []string{x}
	case []any:
		var out []string
		for _, y := range x {
			if s, ok := y.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
