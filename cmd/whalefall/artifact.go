package main

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whalefall/whalefall/internal/aeszip"
	"github.com/whalefall/whalefall/internal/artifact"
)

func artifactCommand() *cobra.Command {
	c := &cobra.Command{Use: "artifact", Short: "List and take out what was uploaded or fetched", Args: exactArgs(0, "a subcommand: ls or get"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	var o outputFlags
	ls := &cobra.Command{Use: "ls", Short: "List artifacts", Args: exactArgs(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			d, err := openData(cmd.Context(), o.data)
			if err != nil {
				return err
			}
			defer d.Close()
			l, err := d.store.Artifacts(cmd.Context())
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			t := newTable(io.Discard)
			if o.format == "table" {
				t = newTable(w, "SHA256", "SIZE", "TYPE", "FIRST SEEN (UTC)", "NAMES")
			}
			for _, a := range l {
				if a.Names == nil {
					a.Names = []string{}
				}
				if o.format == "json" {
					if err := jsonLine(w, artifactRow{a.SHA256, a.Size, a.Type, a.Names, a.FirstSeen, a.Sessions}); err != nil {
						return err
					}
					continue
				}
				t.row(a.SHA256, size(a.Size), a.Type, stamp(a.FirstSeen), cut(strings.Join(a.Names, " "), 80))
			}
			return t.flush()
		}}
	o.add(ls)
	var dataDir, out string
	var raw bool
	get := &cobra.Command{Use: "get SHA256", Short: "Write an artifact as a zip with AES and the password \"infected\"", Args: exactArgs(1, "the SHA-256 (or its beginning)"),
		Example: "  whalefall artifact get 2cf24dba -o sample.zip\n  7z x -pinfected sample.zip",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			d, err := openData(cmd.Context(), dataDir)
			if err != nil {
				return err
			}
			defer d.Close()
			st, err := artifact.Open(artifact.Config{Dir: d.artifacts()})
			if err != nil {
				return err
			}
			sha := ""
			for _, a := range st.List() {
				if strings.HasPrefix(a.SHA256, strings.ToLower(args[0])) {
					if sha != "" {
						return fmt.Errorf("artifact %s: more than one begins so", printable(args[0]))
					}
					sha = a.SHA256
				}
			}
			if sha == "" || args[0] == "" {
				return withHint(fmt.Errorf("artifact %s is not kept", printable(args[0])), "whalefall artifact ls lists them; the oldest go when the disk is at its floor")
			}
			f, err := st.Get(sha)
			if err != nil {
				return err
			}
			defer f.Close()
			w := cmd.OutOrStdout()
			if out != "" && out != "-" {
				of, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
				if err != nil {
					return fmt.Errorf("write the artifact: %w", err)
				}
				defer func() {
					if e := of.Close(); e != nil && err == nil {
						err = fmt.Errorf("write the artifact: %w", e)
					}
				}()
				w = of
			} else if isTerminal(w) {
				return withHint(fmt.Errorf("an artifact is not written to a terminal"), "name a file with -o FILE")
			}
			if raw {
				if _, err := io.Copy(w, f); err != nil {
					return fmt.Errorf("write the artifact: %w", err)
				}
				return nil
			}
			z := zip.NewWriter(w)
			if err := aeszip.Add(z, sha, "infected", time.Now(), f); err != nil {
				return err
			}
			return z.Close()
		}}
	dataFlag(get, &dataDir)
	get.Flags().StringVarP(&out, "output", "o", "", "write to this file, which must not exist")
	get.Flags().BoolVar(&raw, "raw", false, "the bare bytes (dangerous)")
	c.AddCommand(ls, get)
	return c
}

func isTerminal(w io.Writer) bool {
	if o, ok := w.(*output); ok {
		w = o.w
	}
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	fi, err := f.Stat()
	return err == nil && fi.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}
