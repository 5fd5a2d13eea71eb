package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whalefall/whalefall/internal/artifact"
	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/journal"
	"github.com/whalefall/whalefall/internal/store"
)

func purgeCommand() *cobra.Command {
	var dataDir, source, sess, sha string
	c := &cobra.Command{Use: "purge", Short: "Delete a source, a session or an artifact for good", Args: exactArgs(0, "no argument, but one of --source, --session, --artifact"),
		Long: `Deletes from the store, the journals and the artifacts, and leaves a tombstone that
says how much went and when, so that a rebuild does not bring it back.`,
		Example: "  whalefall purge --source 192.0.2.7\n  whalefall purge --artifact 2cf24dba...",
		RunE: func(cmd *cobra.Command, _ []string) error {
			n := 0
			for _, s := range []string{source, sess, sha} {
				if s != "" {
					n++
				}
			}
			if n != 1 {
				return usageError{withHint(errors.New("purge takes one of --source, --session, --artifact"), "whalefall purge --help shows examples")}
			}
			ctx := cmd.Context()
			d, err := openData(ctx, dataDir)
			if err != nil {
				return err
			}
			defer d.Close()
			if d.served {
				return withHint(errors.New("the data directory is being served"), "stop serve first")
			}
			stone := &event.Purged{Source: source, Session: sess, SHA256: sha}
			var drop func(*event.Event) bool
			switch {
			case sha != "":
				st, err := artifact.Open(artifact.Config{Dir: d.artifacts()})
				if err != nil {
					return err
				}
				if err := st.Remove(strings.ToLower(sha)); err != nil {
					return err
				}
				sha = strings.ToLower(sha)
				stone.SHA256 = sha
				drop = func(e *event.Event) bool {
					switch x := e.Data.(type) {
					case *event.Artifact:
						return x.SHA256 == sha
					case *event.Body:
						return x.SHA256 == sha
					case *event.FileWritten:
						return x.SHA256 == sha
					}
					return false
				}
			default:
				var ids []string
				if source != "" {
					a, err := netip.ParseAddr(source)
					if err != nil {
						return usageError{fmt.Errorf("--source %q is no address", source)}
					}
					l, err := d.store.Sessions(ctx, store.Filter{Source: a})
					if err != nil {
						return err
					}
					for _, s := range l {
						ids = append(ids, s.ID)
					}
					drop = func(e *event.Event) bool { return e.Source == a }
				} else {
					s, err := d.store.Session(ctx, sess)
					if err != nil {
						return err
					}
					ids = []string{s.ID}
					evs, err := d.store.Events(ctx, s.ID)
					if err != nil {
						return err
					}
					type at struct {
						t time.Time
						k event.Kind
						c string
						r uint32
					}
					gone := map[at]bool{}
					for _, e := range evs {
						gone[at{e.Time, e.Kind, e.Conn, e.Req}] = true
					}
					src := s.Source
					drop = func(e *event.Event) bool { return e.Source == src && gone[at{e.Time, e.Kind, e.Conn, e.Req}] }
				}
				if err := belongings(ctx, d, ids, source != ""); err != nil {
					return err
				}
				if stone.Events, err = d.store.Purge(ctx, ids); err != nil {
					return err
				}
			}
			n, err = rewrite(ctx, d, drop)
			if err != nil {
				return err
			}
			if sha != "" {
				// Its events belong to sessions that stay: they are made anew without.
				if err := remake(ctx, d); err != nil {
					return err
				}
				if _, err := d.store.Purge(ctx, nil); err != nil { // frees the pages
					return err
				}
			}
			stone.Events = max(stone.Events, n)
			j, err := journal.Open(journal.Config{Dir: d.operatorJournal(), Sensor: "operator"})
			if err != nil {
				return err
			}
			defer j.Close()
			if _, err := j.Append(&event.Event{Time: time.Now().UTC(), Kind: event.Tombstone, Data: stone}); err != nil {
				return err
			}
			if err := j.Flush(ctx); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d events deleted for good\n", stone.Events)
			return nil
		}}
	dataFlag(c, &dataDir)
	c.Flags().StringVar(&source, "source", "", "delete all of this address")
	c.Flags().StringVar(&sess, "session", "", "delete this session")
	c.Flags().StringVar(&sha, "artifact", "", "delete this artifact (whole SHA-256)")
	return c
}

// belongings deletes the artifacts that only these sessions have, and, if worlds is
// true, the worlds that only they were in: a world is on disk as well.
func belongings(ctx context.Context, d *data, ids []string, worlds bool) error {
	arts, err := d.store.Artifacts(ctx)
	if err != nil {
		return err
	}
	st, err := artifact.Open(artifact.Config{Dir: d.artifacts()})
	if err != nil {
		return err
	}
	for _, a := range arts {
		if !slices.ContainsFunc(a.Sessions, func(s string) bool { return !slices.Contains(ids, s) }) {
			if err := st.Remove(a.SHA256); err != nil {
				return err
			}
		}
	}
	if !worlds {
		return nil
	}
	all, err := d.store.Sessions(ctx, store.Filter{})
	if err != nil {
		return err
	}
	theirs, others := map[string]bool{}, map[string]bool{}
	for _, s := range all {
		into := others
		if slices.Contains(ids, s.ID) {
			into = theirs
		}
		evs, err := d.store.Events(ctx, s.ID)
		if err != nil {
			return err
		}
		for _, e := range evs {
			if e.World != "" {
				into[e.World] = true
			}
		}
	}
	for w := range theirs {
		if others[w] || w != filepath.Base(w) {
			continue
		}
		if err := os.Remove(filepath.Join(d.sensor(), "worlds", w+".world")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete a world: %w", err)
		}
	}
	return nil
}

// remake makes the store anew from the journals.
func remake(ctx context.Context, d *data) error {
	d.proj.Close()
	if err := d.store.Reset(ctx); err != nil {
		return err
	}
	_, err := d.proj.Step(ctx, 0)
	return err
}

// rewrite drops events from both journals.
func rewrite(ctx context.Context, d *data, drop func(*event.Event) bool) (int, error) {
	total := 0
	for _, dir := range []string{d.journal(), d.operatorJournal()} {
		n, err := journal.Rewrite(ctx, dir, func(p []byte) bool {
			e, err := journal.Decode(p)
			return err == nil && drop(e)
		})
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func storeCommand() *cobra.Command {
	c := &cobra.Command{Use: "store", Short: "Rebuild the store from the journals, or judge its sessions again", Args: exactArgs(0, "a subcommand: rebuild or analyze"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	var dataDir string
	open := func(cmd *cobra.Command) (*data, error) {
		d, err := openData(cmd.Context(), dataDir)
		if err != nil {
			return nil, err
		}
		if d.served {
			d.Close()
			return nil, withHint(errors.New("the data directory is being served"), "stop serve first")
		}
		return d, nil
	}
	rebuild := &cobra.Command{Use: "rebuild", Short: "Make the store anew from the journals", Args: exactArgs(0, "no argument"), RunE: func(cmd *cobra.Command, _ []string) error {
		d, err := open(cmd)
		if err != nil {
			return err
		}
		defer d.Close()
		if err := remake(cmd.Context(), d); err != nil {
			return err
		}
		return counted(cmd, d)
	}}
	again := &cobra.Command{Use: "analyze", Short: "Judge every session again", Args: exactArgs(0, "no argument"), RunE: func(cmd *cobra.Command, _ []string) error {
		d, err := open(cmd)
		if err != nil {
			return err
		}
		defer d.Close()
		l, err := d.store.Sessions(cmd.Context(), store.Filter{})
		if err != nil {
			return err
		}
		if err := d.proj.JudgeAll(cmd.Context(), l); err != nil {
			return err
		}
		return counted(cmd, d)
	}}
	again.Flags().Bool("again", true, "judge also what this version has judged")
	dataFlag(rebuild, &dataDir)
	dataFlag(again, &dataDir)
	c.AddCommand(rebuild, again)
	return c
}

func counted(cmd *cobra.Command, d *data) error {
	l, err := d.store.Sessions(cmd.Context(), store.Filter{})
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d sessions\n", len(l))
	return nil
}
