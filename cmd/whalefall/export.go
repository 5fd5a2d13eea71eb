package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/whalefall/whalefall/internal/store"
)

func exportCommand() *cobra.Command {
	var dataDir string
	var noRedact bool
	c := &cobra.Command{Use: "export FORMAT", Short: "Export everything: events (JSON lines), sessions (JSON lines) or ioc-csv", Args: exactArgs(1, "a format: events, sessions or ioc-csv"),
		Example: "  whalefall export events > events.jsonl\n  whalefall export ioc-csv > indicators.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			switch args[0] {
			case "events", "sessions", "ioc-csv":
			default:
				return usageError{withHint(fmt.Errorf("export format %q is not known", args[0]), "it is events, sessions or ioc-csv")}
			}
			d, err := openData(ctx, dataDir)
			if err != nil {
				return err
			}
			defer d.Close()
			w := cmd.OutOrStdout()
			l, err := d.store.Sessions(ctx, store.Filter{})
			if err != nil {
				return err
			}
			k, err := d.secrets(ctx, args[0] == "ioc-csv")
			if err != nil {
				return err
			}
			red := k.redactor(nil)
			if noRedact {
				red = nil
			}
			if args[0] == "ioc-csv" {
				ind, err := d.store.Indicators(ctx)
				if err != nil {
					return err
				}
				cw := csv.NewWriter(w)
				_ = cw.Write([]string{"type", "value", "role", "first_seen", "last_seen", "sessions", "sources", "layer", "confidence"})
				for _, r := range iocRows(ind) {
					_ = cw.Write([]string{r.Type, csvSafe(red.String(r.Value)), r.Role, r.FirstSeen.Format("2006-01-02T15:04:05Z"), r.LastSeen.Format("2006-01-02T15:04:05Z"),
						strconv.Itoa(r.Sessions), strconv.Itoa(r.Sources), r.Layer, strconv.FormatFloat(r.Confidence, 'f', 2, 64)})
				}
				cw.Flush()
				return cw.Error() // the first failure of any line
			}
			for _, s := range l {
				evs, err := d.store.Events(ctx, s.ID)
				if err != nil {
					return err
				}
				if !noRedact {
					red = k.redactor(evs)
				}
				var docs []any
				if args[0] == "sessions" {
					docs = append(docs, document(s, evs))
				} else {
					for _, e := range evs {
						docs = append(docs, e)
					}
				}
				for _, x := range docs {
					b, err := json.Marshal(x)
					if err != nil {
						return err
					}
					if b, err = red.JSON(b); err != nil {
						return err
					}
					if err := escapedLine(w, b); err != nil {
						return err
					}
				}
			}
			return nil
		}}
	dataFlag(c, &dataDir)
	c.Flags().BoolVar(&noRedact, "no-redact", false, "leave the sensor's own addresses in")
	return c
}

// csvSafe keeps a spreadsheet from taking a value for a formula.
func csvSafe(s string) string {
	s = printable(s)
	if s != "" {
		switch s[0] {
		case '=', '+', '-', '@', '\t', '\r':
			return "'" + s
		}
	}
	return s
}
