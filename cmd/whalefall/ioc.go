package main

import (
	"fmt"
	"sort"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/whalefall/whalefall/internal/store"
)

// iocRow is an indicator over all sessions; the names are fixed.
type iocRow struct {
	Type       string    `json:"type"`
	Value      string    `json:"value"`
	Role       string    `json:"role"`
	FirstSeen  time.Time `json:"first_seen"`
	LastSeen   time.Time `json:"last_seen"`
	Sessions   int       `json:"sessions"`
	Sources    int       `json:"sources"`
	Layer      string    `json:"layer"`
	Confidence float64   `json:"confidence"`
}

func iocRows(l []store.Indicator) []iocRow {
	type acc struct {
		iocRow
		sess, src map[string]bool
	}
	m := map[[2]string]*acc{}
	var order []*acc
	for _, i := range l {
		k := [2]string{i.Type, i.Value}
		a := m[k]
		if a == nil {
			a = &acc{iocRow{Type: i.Type, Value: i.Value, Role: i.Role, Layer: i.Layer, FirstSeen: i.First, LastSeen: i.Last}, map[string]bool{}, map[string]bool{}}
			m[k] = a
			order = append(order, a)
		}
		a.sess[i.Session], a.src[i.Source] = true, true
		if i.First.Before(a.FirstSeen) {
			a.FirstSeen = i.First
		}
		if i.Last.After(a.LastSeen) {
			a.LastSeen = i.Last
		}
		if a.Role == "" || a.Role == "mentioned" {
			a.Role = i.Role
		}
		a.Confidence = max(a.Confidence, i.Confidence)
	}
	out := make([]iocRow, 0, len(order))
	for _, a := range order {
		a.iocRow.Sessions, a.iocRow.Sources = len(a.sess), len(a.src)
		out = append(out, a.iocRow)
	}
	sort.SliceStable(out, func(i, j int) bool {
		if out[i].Type != out[j].Type {
			return out[i].Type < out[j].Type
		}
		return out[i].Sessions > out[j].Sessions
	})
	return out
}

func iocCommand() *cobra.Command {
	c := &cobra.Command{Use: "ioc", Short: "List indicators", Args: exactArgs(0, "a subcommand: ls"), RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	var o outputFlags
	var typ string
	ls := &cobra.Command{Use: "ls", Short: "List indicators of all sessions", Args: exactArgs(0, "no argument"),
		Example: "  whalefall ioc ls --type url\n  whalefall ioc ls --format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			d, err := openData(cmd.Context(), o.data)
			if err != nil {
				return err
			}
			defer d.Close()
			l, err := d.store.Indicators(cmd.Context())
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			t := newTable(w, "TYPE", "VALUE", "ROLE", "SESSIONS", "SOURCES", "FIRST SEEN (UTC)", "LAYER")
			if o.format == "json" {
				t = nil
			}
			for _, r := range iocRows(l) {
				if typ != "" && r.Type != typ {
					continue
				}
				if t == nil {
					if err := jsonLine(w, r); err != nil {
						return err
					}
					continue
				}
				t.row(r.Type, cut(r.Value, 100), r.Role, strconv.Itoa(r.Sessions), strconv.Itoa(r.Sources), stamp(r.FirstSeen), r.Layer)
			}
			if t != nil {
				return t.flush()
			}
			return nil
		}}
	o.add(ls)
	ls.Flags().StringVar(&typ, "type", "", "only this type, as url or wallet-xmr")
	c.AddCommand(ls)
	return c
}

func egressCommand() *cobra.Command {
	c := &cobra.Command{Use: "egress", Short: "What the operator side sends anywhere, and the switch that stops it", Args: exactArgs(0, "a subcommand: ls or stop"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	var o outputFlags
	ls := &cobra.Command{Use: "ls", Short: "List what was sent", Args: exactArgs(0, "no argument"), RunE: func(cmd *cobra.Command, _ []string) error {
		if err := o.check(); err != nil {
			return err
		}
		return listEgress(cmd.OutOrStdout(), dirs{o.data}, o.format)
	}}
	o.add(ls)
	var dataDir string
	stop := &cobra.Command{Use: "stop", Short: "Stop all sending until `whalefall egress stop --undo`", Args: exactArgs(0, "no argument")}
	undo := stop.Flags().Bool("undo", false, "let it go on")
	stop.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := setEgressStop(dirs{dataDir}, !*undo); err != nil {
			return err
		}
		if *undo {
			fmt.Fprintln(cmd.OutOrStdout(), "sending goes on")
		} else {
			fmt.Fprintln(cmd.OutOrStdout(), "nothing is sent from now on")
		}
		return nil
	}
	dataFlag(stop, &dataDir)
	c.AddCommand(ls, stop)
	return c
}
