package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/whalefall/whalefall/internal/analyze"
	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/journal"
	"github.com/whalefall/whalefall/internal/store"
)

var rawStd = base64.RawStdEncoding

// brief is the state of affairs in figures.
type brief struct {
	Listening   *time.Time     `json:"listening_since"`
	FirstScan   *time.Time     `json:"first_scan"`
	FirstCreate *time.Time     `json:"first_create"`
	FirstSecond *time.Time     `json:"first_second_stage"`
	ToScan      string         `json:"time_to_first_scan"`
	ToCreate    string         `json:"time_to_first_create"`
	ToSecond    string         `json:"time_to_first_second_stage"`
	Sessions    int            `json:"sessions"`
	Sources     int            `json:"sources"`
	Requests    int            `json:"requests"`
	Kinds       map[string]int `json:"kinds"`
	Outcomes    map[string]int `json:"outcomes"`
	Indicators  map[string]int `json:"indicators"`
	Artifacts   int            `json:"artifacts"`
}

func briefCommand() *cobra.Command {
	var o outputFlags
	c := &cobra.Command{Use: "brief", Short: "The state of affairs on one page", Args: exactArgs(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			d, err := openData(cmd.Context(), o.data)
			if err != nil {
				return err
			}
			defer d.Close()
			ctx := cmd.Context()
			l, err := d.store.Sessions(ctx, store.Filter{})
			if err != nil {
				return err
			}
			b := brief{Sessions: len(l), Kinds: map[string]int{}, Outcomes: map[string]int{}, Indicators: map[string]int{}}
			src := map[string]bool{}
			earlier := func(p **time.Time, t time.Time) {
				if *p == nil || t.Before(**p) {
					*p = &t
				}
			}
			for _, s := range l {
				r := rowOf(s)
				src[r.Source] = true
				b.Requests += s.Requests
				b.Kinds[r.Kind]++
				b.Outcomes[r.Outcome]++
				earlier(&b.FirstScan, s.State.Started)
				var sum analyze.Summary
				_ = json.Unmarshal(s.Summary, &sum)
				for _, st := range sum.Steps {
					switch st.Step {
					case "create":
						earlier(&b.FirstCreate, st.Time)
					case "second-stage":
						earlier(&b.FirstSecond, st.Time)
					}
				}
			}
			b.Sources = len(src)
			if t, ok := listeningSince(d.journal()); ok {
				b.Listening = &t
				since := func(p *time.Time) string {
					if p == nil || p.Before(t) {
						return ""
					}
					return p.Sub(t).Round(time.Second).String()
				}
				b.ToScan, b.ToCreate, b.ToSecond = since(b.FirstScan), since(b.FirstCreate), since(b.FirstSecond)
			}
			ind, err := d.store.Indicators(ctx)
			if err != nil {
				return err
			}
			for _, i := range iocRows(ind) {
				b.Indicators[i.Type]++
			}
			arts, err := d.store.Artifacts(ctx)
			if err != nil {
				return err
			}
			b.Artifacts = len(arts)
			w := cmd.OutOrStdout()
			if o.format == "json" {
				return jsonLine(w, b)
			}
			when := func(name string, t *time.Time, after string) {
				switch {
				case t == nil:
					fmt.Fprintf(w, "%-20s none yet\n", name)
				case after == "":
					fmt.Fprintf(w, "%-20s %s UTC\n", name, stamp(*t))
				default:
					fmt.Fprintf(w, "%-20s %s UTC, after %s\n", name, stamp(*t), after)
				}
			}
			when("Listening since", b.Listening, "")
			when("First scan", b.FirstScan, b.ToScan)
			when("First create", b.FirstCreate, b.ToCreate)
			when("First second stage", b.FirstSecond, b.ToSecond)
			fmt.Fprintf(w, "\n%d sessions from %d sources, %d requests, %d artifacts\n", b.Sessions, b.Sources, b.Requests, b.Artifacts)
			counts(w, "Kinds", b.Kinds)
			counts(w, "Outcomes", b.Outcomes)
			counts(w, "Indicators", b.Indicators)
			return nil
		}}
	o.add(c)
	return c
}

func counts(w io.Writer, title string, m map[string]int) {
	if len(m) == 0 {
		return
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if m[keys[i]] != m[keys[j]] {
			return m[keys[i]] > m[keys[j]]
		}
		return keys[i] < keys[j]
	})
	fmt.Fprintf(w, "\n%s\n", title)
	for _, k := range keys {
		fmt.Fprintf(w, "  %-22s %s\n", printable(k), strconv.Itoa(m[k]))
	}
}

// listeningSince is the time of the journal's first start of a sensor.
func listeningSince(dir string) (time.Time, bool) {
	r := journal.NewReader(dir, 0)
	defer r.Close()
	for range 1000 {
		_, p, err := r.Next()
		if err != nil {
			return time.Time{}, false
		}
		if e, err := journal.Decode(p); err == nil && e.Kind == event.SensorStart {
			return e.Time, true
		}
	}
	return time.Time{}, false
}

// egressEntry is one line of the egress ledger.
type egressEntry struct {
	Time   time.Time `json:"time"`
	To     string    `json:"to"`
	Why    string    `json:"why"`
	Bytes  int64     `json:"bytes"`
	Result string    `json:"result"`
}

func listEgress(w io.Writer, d dirs, format string) error {
	f, err := os.Open(filepath.Join(d.operator(), "egress.jsonl"))
	if err != nil {
		if os.IsNotExist(err) {
			if format == "table" {
				fmt.Fprintln(w, "nothing was ever sent")
			}
			return nil
		}
		return fmt.Errorf("read the egress ledger: %w", err)
	}
	defer f.Close()
	t := newTable(io.Discard)
	if format == "table" {
		t = newTable(w, "TIME (UTC)", "TO", "BYTES", "RESULT", "WHY")
	}
	dec := json.NewDecoder(f)
	for {
		var e egressEntry
		if err := dec.Decode(&e); err == io.EOF {
			return t.flush()
		} else if err != nil {
			return fmt.Errorf("read the egress ledger: %w", err)
		}
		if format == "json" {
			if err := jsonLine(w, e); err != nil {
				return err
			}
			continue
		}
		t.row(stamp(e.Time), e.To, strconv.FormatInt(e.Bytes, 10), e.Result, e.Why)
	}
}

func egressStopFile(d dirs) string { return filepath.Join(d.operator(), "egress.stop") }

func setEgressStop(d dirs, stop bool) error {
	p := egressStopFile(d)
	if stop {
		if err := os.WriteFile(p, []byte("stopped by the operator\n"), 0o600); err != nil {
			return fmt.Errorf("stop sending: %w", err)
		}
		return nil
	}
	if err := os.Remove(p); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("let sending go on: %w", err)
	}
	return nil
}

func egressStopped(d dirs) bool {
	_, err := os.Stat(egressStopFile(d))
	return err == nil || !os.IsNotExist(err) // what cannot be looked at counts as a stop
}
