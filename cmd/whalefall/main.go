// Command whalefall is a decoy Docker daemon and the tools that read what it saw.
//
// One file a subcommand; config.go alone reads YAML; serve.go wires the three
// processes. Errors are one line, "whalefall: ...", with a "hint:" line where
// there is a remedy, exit status 1; wrong usage exits 2.
package main

import (
	// First of all: see the package for why it must start before any other.
	_ "early.whalefall/quiet"

	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker in releases.
var version = "0.1.0-dev"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// hinter is an error that knows what to do about it.
type hinter interface{ Hint() string }

// hintError adds a remedy to an error.
type hintError struct {
	error
	hint string
}

func (e hintError) Hint() string  { return e.hint }
func (e hintError) Unwrap() error { return e.error }

func withHint(err error, hint string) error { return hintError{err, hint} }

// usageError is a wrong use of the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// exitError ends the program with a status and no message.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && (args[0] == sensorChild || args[0] == operatorChild) {
		return child(args[0])
	}
	refuseDefaultTransport()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	out := &output{w: stdout}
	root.SetOut(out)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil && out.failed() != nil {
		err = fmt.Errorf("write the output: %w", out.failed())
	}
	if err == nil {
		return 0
	}
	var ee exitError
	if errors.As(err, &ee) {
		return int(ee)
	}
	fmt.Fprintf(stderr, "whalefall: %s\n", printable(strings.TrimPrefix(err.Error(), "whalefall: ")))
	var h hinter
	if errors.As(err, &h) && h.Hint() != "" {
		fmt.Fprintf(stderr, "hint: %s\n", h.Hint())
	}
	var ue usageError
	if errors.As(err, &ue) {
		return 2
	}
	return 1
}

func rootCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "whalefall",
		Short: "A decoy Docker daemon that records who attacks it and what they want",
		Long: `Whalefall looks like a Docker daemon that somebody left open. Attackers take it
for real; nothing they do has any effect, and everything is seen.`,
		Example: `  whalefall serve                          # a decoy on 127.0.0.1:2375, until Ctrl-C
  whalefall serve --listen 0.0.0.0:2375    # the same, open to the world
  whalefall session ls                     # who came
  whalefall session show ID                # what they did, as a story
  whalefall ioc ls --format json           # indicators, one JSON object a line`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{withHint(fmt.Errorf("unknown command %q", args[0]), "whalefall --help lists the commands")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.CompletionOptions.HiddenDefaultCmd = true
	c.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{withHint(err, cmd.CommandPath()+" --help shows what it takes")}
	})
	c.AddCommand(serveCommand(), sessionCommand(), iocCommand(), artifactCommand(), importCommand(), briefCommand(), exportCommand(), purgeCommand(),
		storeCommand(), doctorCommand(), selftestCommand(), initCommand(), shellCommand(), egressCommand(), versionCommand())
	return c
}

// exactArgs is cobra's, with our exit status.
func exactArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{withHint(fmt.Errorf("%s takes %s", cmd.CommandPath(), what), cmd.CommandPath()+" --help shows examples")}
		}
		return nil
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: exactArgs(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintln(cmd.OutOrStdout(), "whalefall", version)
			return nil
		},
	}
}
