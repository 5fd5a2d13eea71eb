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
	"net/http"
	"net/netip"
	"net/url"
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
	File     string   `json:"file"`
	Lines    int      `json:"lines"`
	Requests int      `json:"requests"`
	Known    int      `json:"known"`
	Damaged  int      `json:"damaged"`
	Sources  int      `json:"sources"`
	Shown    []string `json:"damaged_lines,omitempty"` // the first ten
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
			take := func(path string) (importStats, error) { return imp.file(cmd.Context(), path) }
			switch {
			case errors.Is(err, errServed) && !runCreated:
				take = func(path string) (importStats, error) { return importServed(cmd.Context(), d, path) }
			case errors.Is(err, errServed):
				return withHint(err, "--run-created needs a directory of its own: stop serve first, or give another with --data DIR")
			case err != nil:
				return err
			default:
				defer done()
			}
			for _, path := range args {
				st, err := take(path)
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
				for _, s := range st.Shown {
					fmt.Fprintf(cmd.ErrOrStderr(), "  %s\n", printable(s))
				}
			}
			if imp == nil {
				return nil
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
// being served the operator side does it: see importServed.
func openImporter(ctx context.Context, d dirs) (*importer, func(), error) {
	x, err := openData(ctx, d.root)
	if err != nil {
		return nil, nil, err
	}
	if x.served {
		x.Close()
		return nil, nil, errServed
	}
	j, err := journal.Open(journal.Config{Dir: d.operatorJournal(), Sensor: "import"})
	if err != nil {
		x.Close()
		return nil, nil, err
	}
	imp := newImporter(j, d)
	if err := imp.learn(); err != nil {
		_ = j.Close() // nothing was appended
		x.Close()
		return nil, nil, err
	}
	return imp, func() {
		_ = j.Close() // flush has told of what was not written
		// What was taken in is judged at once, while the lock is held.
		if _, err := x.proj.Step(context.WithoutCancel(ctx), 0); err != nil {
			fmt.Fprintln(os.Stderr, "whalefall:", err)
		}
		x.Close()
	}, nil
}

func newImporter(j *journal.Journal, d dirs) *importer {
	return &importer{j: j, known: map[string]bool{}, d: d, creates: map[[32]byte]*rerun.Create{}}
}

// learn reads which lines were taken in before.
func (i *importer) learn() error {
	r := journal.NewReader(i.d.operatorJournal(), 0)
	defer r.Close()
	for {
		_, p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		// The connection's id alone is looked at: it is the line's own hash.
		if k := bytes.Index(p, []byte(`"conn":"`)); k >= 0 {
			if n := bytes.IndexByte(p[k+8:], '"'); n > 0 {
				i.known[string(p[k+8:k+8+n])] = true
			}
		}
	}
}

var errServed = errors.New("the data directory is being served")

// importServed has the operator side of a running serve take a file in.
func importServed(ctx context.Context, d dirs, path string) (importStats, error) {
	var st importStats
	f, err := os.Open(path)
	if err != nil {
		return st, fmt.Errorf("import: %w", err)
	}
	defer f.Close()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control/import?name="+url.QueryEscape(filepath.Base(path)), f)
	if err != nil {
		return st, err
	}
	c := controlClient(d)
	c.Timeout = 0 // a large file takes its time; Ctrl-C ends it
	resp, err := c.Do(req)
	if err != nil {
		return st, withHint(fmt.Errorf("import through the running serve: %w", err), "does its control socket answer? whalefall doctor tells")
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return st, fmt.Errorf("import through the running serve: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return st, fmt.Errorf("import through the running serve: %s", strings.TrimSpace(string(b)))
	}
	return st, json.Unmarshal(b, &st)
}

// operatorImport takes recorded traffic in for a running serve.
func operatorImport(d dirs) func(context.Context, string, io.Reader) (any, uint64, error) {
	return func(ctx context.Context, name string, r io.Reader) (any, uint64, error) {
		j, err := journal.Open(journal.Config{Dir: d.operatorJournal(), Sensor: "import"})
		if err != nil {
			return nil, 0, err
		}
		defer j.Close()
		i := newImporter(j, d)
		if err := i.learn(); err != nil {
			return nil, 0, err
		}
		st, err := i.read(ctx, name, r)
		if err != nil {
			return nil, 0, err
		}
		return st, j.Seq(), i.flush(ctx)
	}
}

func (i *importer) flush(ctx context.Context) error { return i.j.Flush(ctx) }

func (i *importer) file(ctx context.Context, path string) (importStats, error) {
	f, err := os.Open(path)
	if err != nil {
		return importStats{}, fmt.Errorf("import: %w", err)
	}
	defer f.Close()
	return i.read(ctx, filepath.Base(path), f)
}

// read takes in a file's bytes, plain or gzip.
func (i *importer) read(ctx context.Context, name string, in io.Reader) (importStats, error) {
	st := importStats{File: name}
	br := bufio.NewReaderSize(in, 256<<10)
	var r io.Reader = br
	if m, _ := br.Peek(2); len(m) == 2 && m[0] == 0x1f && m[1] == 0x8b {
		z, err := gzip.NewReader(br)
		if err != nil {
			return st, fmt.Errorf("import %s: %w", name, err)
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
		if errors.Is(err, io.EOF) {
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
	if len(s.Shown) < 10 {
		s.Shown = append(s.Shown, fmt.Sprintf("line %d: %s", line, why))
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
		if errors.Is(err, bufio.ErrBufferFull) {
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
