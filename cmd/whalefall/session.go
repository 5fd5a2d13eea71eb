package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whalefall/whalefall/internal/analyze"
	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/store"
)

func sessionCommand() *cobra.Command {
	c := &cobra.Command{Use: "session", Short: "List, show, replay and export sessions", Args: exactArgs(0, "a subcommand: ls, show, play or export"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	c.AddCommand(sessionLs(), sessionShow(), sessionPlay(), sessionExport())
	return c
}

// sessionRow is a session in JSON; the names are fixed.
type sessionRow struct {
	ID         string              `json:"id"`
	Source     string              `json:"source"`
	Started    time.Time           `json:"started"`
	Ended      time.Time           `json:"ended"`
	Precision  string              `json:"time_precision,omitempty"`
	Requests   int                 `json:"request_count"`
	Persona    string              `json:"persona"`
	Sensor     string              `json:"sensor"`
	Client     string              `json:"client"`
	Kind       string              `json:"kind"`
	Outcome    string              `json:"outcome"`
	Techniques []analyze.Technique `json:"techniques"`
	Campaign   string              `json:"campaign"`
}

func rowOf(s store.Session) sessionRow {
	var sum analyze.Summary
	_ = json.Unmarshal(s.Summary, &sum) // no summary yet reads as an empty one
	for i := range sum.Techniques {
		sum.Techniques[i].Proof = nil
	}
	if sum.Techniques == nil {
		sum.Techniques = []analyze.Technique{}
	}
	r := sessionRow{ID: s.ID, Source: s.Source.String(), Started: s.State.Started, Ended: s.Ended, Requests: s.Requests, Persona: s.Persona, Sensor: s.Sensor,
		Client: sum.Client, Kind: sum.Kind, Outcome: sum.Outcome, Techniques: sum.Techniques}
	if s.State.Hour {
		r.Precision = "hour"
	}
	return r
}

func sessionLs() *cobra.Command {
	var o outputFlags
	var all bool
	var source string
	c := &cobra.Command{Use: "ls", Short: "List sessions", Args: exactArgs(0, "no argument"),
		Example: "  whalefall session ls\n  whalefall session ls --source 192.0.2.7 --format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			f := store.Filter{}
			if source != "" {
				a, err := netip.ParseAddr(source)
				if err != nil {
					return usageError{fmt.Errorf("--source %q is no address", source)}
				}
				f.Source = a
			}
			d, err := openData(cmd.Context(), o.data)
			if err != nil {
				return err
			}
			defer d.Close()
			l, err := d.store.Sessions(cmd.Context(), f)
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if o.format == "json" {
				for _, s := range l {
					if err := jsonLine(w, rowOf(s)); err != nil {
						return err
					}
				}
				return nil
			}
			t := newTable(w, "ID", "SOURCE", "STARTED (UTC)", "REQUESTS", "KIND", "CLIENT", "OUTCOME")
			folded := 0
			for _, s := range l {
				r := rowOf(s)
				if !all && (r.Kind == "scanner" || r.Kind == "web-exploit" || r.Kind == "proxy-seeker") {
					folded++
					continue
				}
				t.row(r.ID, r.Source, stamp(r.Started), strconv.Itoa(r.Requests), r.Kind, cut(r.Client, 28), r.Outcome)
			}
			if err := t.flush(); err != nil {
				return err
			}
			if folded > 0 {
				fmt.Fprintf(w, "and %d sessions of scanners (--all shows them)\n", folded)
			}
			return nil
		}}
	o.add(c)
	c.Flags().BoolVar(&all, "all", false, "show scanners as well")
	c.Flags().StringVar(&source, "source", "", "only this address")
	return c
}

// artifactRow is an artifact in JSON; the names are fixed.
type artifactRow struct {
	SHA256    string    `json:"sha256"`
	Size      int64     `json:"size"`
	Type      string    `json:"type"`
	Names     []string  `json:"names"`
	FirstSeen time.Time `json:"first_seen"`
	Sessions  []string  `json:"sessions"`
}

// sessionDoc is session show's JSON; the names are fixed.
type sessionDoc struct {
	sessionRow
	Why         []string             `json:"kind_reasons,omitempty"`
	Steps       []analyze.Step       `json:"steps"`
	Requests    []analyze.Request    `json:"requests"`
	Commands    []analyze.Command    `json:"commands"`
	Connections []analyze.Connection `json:"connections"`
	Artifacts   []artifactRow        `json:"artifacts"`
	Indicators  []analyze.Indicator  `json:"indicators"`
	Unknown     []event.Unknown      `json:"unknown,omitempty"`
}

func document(s store.Session, evs []*event.Event) sessionDoc {
	sum := analyze.Session(evs)
	row := rowOf(s)
	row.Kind, row.Client, row.Outcome, row.Techniques = sum.Kind, sum.Client, sum.Outcome, sum.Techniques
	doc := sessionDoc{sessionRow: row, Why: sum.Why, Steps: sum.Steps, Requests: sum.Requests, Commands: analyze.Commands(evs), Connections: analyze.Connections(evs),
		Artifacts: []artifactRow{}, Indicators: sum.Indicators, Unknown: analyze.Unknowns(evs)}
	if doc.Requests == nil {
		doc.Requests = []analyze.Request{}
	}
	if doc.Indicators == nil {
		doc.Indicators = []analyze.Indicator{}
	}
	at := map[string]int{}
	for _, e := range evs {
		if a, ok := e.Data.(*event.Artifact); ok {
			i, known := at[a.SHA256]
			if !known {
				i = len(doc.Artifacts)
				at[a.SHA256] = i
				doc.Artifacts = append(doc.Artifacts, artifactRow{SHA256: a.SHA256, Size: a.Size, Type: a.Type, Names: []string{}, FirstSeen: e.Time, Sessions: []string{s.ID}})
			}
			if a.Name != "" {
				doc.Artifacts[i].Names = append(doc.Artifacts[i].Names, a.Name)
			}
		}
	}
	return doc
}

func sessionShow() *cobra.Command {
	var o outputFlags
	c := &cobra.Command{Use: "show ID", Short: "Tell a session's story", Args: exactArgs(1, "one session id (or its beginning)"),
		Example: "  whalefall session show s3kq\n  whalefall session show s3kq --format json | jq .steps",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			d, err := openData(cmd.Context(), o.data)
			if err != nil {
				return err
			}
			defer d.Close()
			s, err := d.store.Session(cmd.Context(), args[0])
			if err != nil {
				return withHint(err, "whalefall session ls --all lists them")
			}
			evs, err := d.store.Events(cmd.Context(), s.ID)
			if err != nil {
				return err
			}
			doc := document(s, evs)
			if o.format == "json" {
				return jsonLine(cmd.OutOrStdout(), doc)
			}
			return tell(cmd.OutOrStdout(), doc)
		}}
	o.add(c)
	return c
}

// tell prints a session for people.
func tell(w io.Writer, d sessionDoc) error {
	p := func(format string, args ...any) {
		for i, a := range args {
			if s, ok := a.(string); ok {
				args[i] = printable(s)
			}
		}
		fmt.Fprintf(w, format, args...)
	}
	p("Session %s from %s, %s to %s UTC, %d requests\n", d.ID, d.Source, stamp(d.Started), stamp(d.Ended), d.sessionRow.Requests)
	p("%s by %s: %s\n", d.Kind, d.Client, d.Outcome)
	if len(d.Steps) > 0 {
		p("\nWhat happened\n")
		for _, s := range d.Steps {
			p("  %s  %-12s  %s\n", s.Time.UTC().Format("15:04:05"), s.Step, s.Text)
		}
	}
	if len(d.Commands) > 0 {
		p("\nWhat ran\n")
		for _, c := range d.Commands {
			where := "host"
			if c.Container != "" {
				where = cut(c.Container, 13)
			}
			exit := "running"
			if c.Exit != nil {
				exit = "exit " + strconv.Itoa(*c.Exit)
			}
			p("  %s  %-13s  %-8s  %s\n", c.Time.UTC().Format("15:04:05"), where, exit, cut(strings.Join(c.Argv, " "), 160))
		}
	}
	if len(d.Connections) > 0 {
		p("\nWhat was dialled (nothing left this machine)\n")
		for _, c := range d.Connections {
			what := c.URL
			if what == "" {
				what = c.Name
			}
			p("  %s  %s %s:%s  %s\n", c.Time.UTC().Format("15:04:05"), c.Network, c.Address, strconv.Itoa(int(c.Port)), cut(what, 120))
		}
	}
	if len(d.Indicators) > 0 {
		p("\nIndicators\n")
		t := newTable(w, "  TYPE", "VALUE", "ROLE", "LAYER")
		for _, i := range d.Indicators {
			t.row("  "+i.Type, cut(i.Value, 110), i.Role, i.Layer)
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	if len(d.Techniques) > 0 {
		p("\nTechniques (%s)\n", analyze.ATTACK)
		for _, t := range d.Techniques {
			p("  %-10s %s\n", t.ID, t.Name)
		}
	}
	if len(d.Unknown) > 0 {
		p("\nNot emulated\n")
		for _, u := range d.Unknown {
			p("  %-10s %s %s\n", u.What, cut(u.Name, 60), cut(u.Detail, 80))
		}
	}
	p("\nRequests\n")
	for _, r := range d.Requests {
		st := strconv.Itoa(r.Status)
		if r.Status == 0 {
			st = "-"
		}
		p("  %4s  %s  %3s  %-7s %s\n", strconv.Itoa(r.Seq), r.Time.UTC().Format("15:04:05"), st, r.Method, cut(r.URL, 140))
	}
	return nil
}

// streams gives a session's hijacked streams, each with its chunks in order.
func streams(evs []*event.Event) (keys []string, m map[string][]*event.Event) {
	m = map[string][]*event.Event{}
	for _, e := range evs {
		if _, ok := e.Data.(*event.Chunk); !ok {
			continue
		}
		k := e.Conn + "/" + strconv.Itoa(int(e.Req))
		if m[k] == nil {
			keys = append(keys, k)
		}
		m[k] = append(m[k], e)
	}
	return keys, m
}

// demux takes the frames of Docker's multiplexed stream apart; a stream that is
// none (a terminal) is given back as it is.
func demux(b []byte) []byte {
	var out []byte
	for p := b; len(p) > 0; {
		if len(p) < 8 || p[0] > 2 || p[1]|p[2]|p[3] != 0 {
			return b
		}
		n := int(p[4])<<24 | int(p[5])<<16 | int(p[6])<<8 | int(p[7])
		if n < 0 || n > len(p)-8 {
			n = len(p) - 8
		}
		out = append(out, p[8:8+n]...)
		p = p[8+n:]
	}
	return out
}

func sessionPlay() *cobra.Command {
	var dataDir string
	var raw bool
	var speed float64
	c := &cobra.Command{Use: "play ID", Short: "Replay what went over a session's attached terminals", Args: exactArgs(1, "one session id"),
		Long: `Replays hijacked streams in the pace they had. Terminal escapes that the attacker
sent are shown as text, never executed, unless --raw says otherwise.`,
		Example: "  whalefall session play s3kq\n  whalefall session play s3kq --speed 4",
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := openData(cmd.Context(), dataDir)
			if err != nil {
				return err
			}
			defer d.Close()
			s, err := d.store.Session(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			evs, err := d.store.Events(cmd.Context(), s.ID)
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			keys, m := streams(evs)
			if len(keys) == 0 {
				fmt.Fprintln(w, "this session has no stream")
				return nil
			}
			for _, k := range keys {
				fmt.Fprintf(w, "--- stream %s ---\n", printable(k))
				var last int64
				for _, e := range m[k] {
					ch, ok := e.Data.(*event.Chunk)
					if !ok {
						continue
					}
					if speed > 0 {
						pause := min(time.Duration(float64(ch.At-last)/speed)*time.Microsecond, 3*time.Second)
						select {
						case <-time.After(pause):
						case <-cmd.Context().Done():
							return nil
						}
					}
					last = ch.At
					text := string(demux(ch.Data))
					if !raw {
						lines := strings.Split(text, "\n")
						for i := range lines {
							lines[i] = printable(strings.TrimSuffix(lines[i], "\r"))
						}
						text = strings.Join(lines, "\n")
					}
					io.WriteString(w, text)
				}
				fmt.Fprintln(w)
			}
			return nil
		}}
	dataFlag(c, &dataDir)
	c.Flags().BoolVar(&raw, "raw", false, "let terminal escapes through (dangerous)")
	c.Flags().Float64Var(&speed, "speed", 1, "how fast; 0 is at once")
	return c
}

func sessionExport() *cobra.Command {
	var dataDir, format string
	var noRedact bool
	c := &cobra.Command{Use: "export ID", Short: "Export a session: jsonl (its events), json (as show) or cast (asciicast v2)", Args: exactArgs(1, "one session id"),
		Example: "  whalefall session export s3kq --format cast > attack.cast\n  whalefall session export s3kq --format jsonl",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch format {
			case "jsonl", "json", "cast":
			default:
				return usageError{withHint(fmt.Errorf("--format %q is not known", format), "it is jsonl, json or cast")}
			}
			d, err := openData(cmd.Context(), dataDir)
			if err != nil {
				return err
			}
			defer d.Close()
			s, err := d.store.Session(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			evs, err := d.store.Events(cmd.Context(), s.ID)
			if err != nil {
				return err
			}
			k, err := d.secrets(cmd.Context(), false)
			if err != nil {
				return err
			}
			red := k.redactor(evs)
			if noRedact {
				red = nil
			}
			w := cmd.OutOrStdout()
			line := func(v any) error {
				b, err := json.Marshal(v)
				if err != nil {
					return err
				}
				if b, err = red.JSON(b); err != nil {
					return err
				}
				return escapedLine(w, b)
			}
			switch format {
			case "json":
				return line(document(s, evs))
			case "jsonl":
				for _, e := range evs {
					if err := line(e); err != nil {
						return err
					}
				}
				return nil
			}
			return cast(w, s, evs, red.String)
		}}
	dataFlag(c, &dataDir)
	c.Flags().StringVar(&format, "format", "jsonl", "jsonl, json or cast")
	c.Flags().BoolVar(&noRedact, "no-redact", false, "leave the sensor's own addresses in")
	return c
}

// cast writes the session's streams as one asciicast v2, input and output. Bytes
// that are no UTF-8 become replacement marks, as the format asks.
func cast(w io.Writer, s store.Session, evs []*event.Event, red func(string) string) error {
	width, height := 80, 24
	for _, r := range analyze.Requests(evs) {
		if i := strings.Index(r.URL, "/resize?"); i >= 0 {
			for _, kv := range strings.Split(r.URL[i+8:], "&") {
				k, v, _ := strings.Cut(kv, "=")
				n, err := strconv.Atoi(v)
				if err != nil || n < 1 || n > 1000 {
					continue
				}
				if k == "w" {
					width = n
				} else if k == "h" {
					height = n
				}
			}
		}
	}
	head, err := json.Marshal(map[string]any{"version": 2, "width": width, "height": height, "timestamp": s.State.Started.Unix(), "title": "session " + s.ID})
	if err != nil {
		return err
	}
	if err := escapedLine(w, head); err != nil {
		return err
	}
	type line struct {
		at   time.Time
		dir  string
		data string
	}
	var lines []line
	for _, e := range evs {
		if ch, ok := e.Data.(*event.Chunk); ok {
			b := ch.Data
			if ch.Dir == "o" {
				b = demux(b)
			}
			lines = append(lines, line{e.Time, ch.Dir, string(b)})
		}
	}
	sort.SliceStable(lines, func(i, j int) bool { return lines[i].at.Before(lines[j].at) })
	for _, l := range lines {
		b, err := json.Marshal([]any{l.at.Sub(lines[0].at).Seconds(), l.dir, red(strings.ToValidUTF8(l.data, "\ufffd"))})
		if err != nil {
			return err
		}
		if err := escapedLine(w, b); err != nil {
			return err
		}
	}
	return nil
}
