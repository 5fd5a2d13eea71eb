package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whalefall/whalefall/internal/persona"
	"github.com/whalefall/whalefall/internal/store"
	"time"
)

func storeSince(t time.Time) store.Filter { return store.Filter{Since: t} }

const configTemplate = `# Whalefall's configuration. Every key may be left out; docs/configuration.md tells
# what each does. Start with: whalefall serve --config THIS-FILE

# Where attackers come in. 0.0.0.0 is every address of this machine.
listen:
  - %s
# A second daemon with TLS that verifies no client:
# tls_listen: 0.0.0.0:2376

# Where all is kept.
data: %s

# The release to show: %s.
persona: %s

host:
  # lived-in: containers, users and files as on a used machine; empty: nothing yet.
  kind: %s
  # What the machine claims to have; cores and memory are bait.
  # cores: 8
  # memory: 16GiB
  # The address "what is my address" services tell.
  # public_address: 192.0.2.10

# source: a world for each source; shared: one world for all.
world: source
# real: answers take the time the release takes.
latency: real

# Operations that fail, so that a second and third tactic is seen.
# refuse:
#   - operation: create      # create, start, exec, import, pull, build, archive
#     first: 2               # the first n times; without it always
#     words: plugin          # plugin, space, runtime, registry

# Where events are handed to, redacted.
# sinks:
#   - type: file
#     path: /var/log/whalefall/events.jsonl
#   - type: webhook
#     url: https://siem.example/whalefall
#     secret: change-me

# The operator's listener: /healthz, /metrics. Loopback only.
web: 127.0.0.1:2370

retention:
  # Whole segments go when the journal is larger, or older, than this.
  journal: 20GiB
  days: 365
`

func initCommand() *cobra.Command {
	var yes bool
	c := &cobra.Command{Use: "init [FILE]", Short: "Ask a few questions and write a commented configuration",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{errors.New("init takes one file name at most")}
			}
			return nil
		},
		Example: "  whalefall init\n  whalefall init --yes /etc/whalefall.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "whalefall.yaml"
			if len(args) == 1 {
				path = args[0]
			}
			in := bufio.NewReader(cmd.InOrStdin())
			out := cmd.OutOrStdout()
			ask := func(q, def string, ok func(string) error) (string, error) {
				for {
					if yes {
						return def, nil
					}
					fmt.Fprintf(out, "%s [%s]: ", q, def)
					l, err := in.ReadString('\n')
					a := strings.TrimSpace(l)
					if a == "" {
						a = def
					}
					if ok == nil || ok(a) == nil {
						return a, nil
					}
					fmt.Fprintf(out, "  %v\n", ok(a))
					if err == io.EOF {
						return "", withHint(errors.New("the questions were not answered"), "--yes takes the defaults")
					}
				}
			}
			listen, err := ask("Listen on (0.0.0.0:2375 opens it to the world)", defaultListen, nil)
			if err != nil {
				return err
			}
			data, err := ask("Keep data in", defaultData(), nil)
			if err != nil {
				return err
			}
			pers, err := ask("Persona ("+strings.Join(persona.Names(), ", ")+")", persona.Default, func(s string) error { _, err := persona.Get(s); return err })
			if err != nil {
				return err
			}
			kind, err := ask("Host (lived-in, empty)", "lived-in", func(s string) error {
				if s != "lived-in" && s != "empty" {
					return errors.New("it is lived-in or empty")
				}
				return nil
			})
			if err != nil {
				return err
			}
			q := func(s string) string { return "\"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + "\"" }
			text := fmt.Sprintf(configTemplate, q(listen), q(data), strings.Join(persona.Names(), ", "), pers, kind)
			var parsed config
			if err := parseConfig([]byte(text), &parsed); err != nil {
				return fmt.Errorf("the answers make no configuration: %w", err)
			}
			f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				if errors.Is(err, os.ErrExist) {
					return withHint(fmt.Errorf("%s is there already", path), "name another file: whalefall init FILE")
				}
				return fmt.Errorf("write the configuration: %w", err)
			}
			if _, err := io.WriteString(f, text); err != nil {
				_ = f.Close() // the write's failure is told
				return fmt.Errorf("write the configuration: %w", err)
			}
			if err := f.Close(); err != nil {
				return fmt.Errorf("write the configuration: %w", err)
			}
			fmt.Fprintf(out, "wrote %s; start with: whalefall serve --config %s\n", path, path)
			return nil
		}}
	c.Flags().BoolVar(&yes, "yes", false, "ask nothing, take the defaults")
	return c
}
