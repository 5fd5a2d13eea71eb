package clients

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/persona"
	"github.com/whalefall/whalefall/test/fidelity"
	"github.com/whalefall/whalefall/test/oracle"
	"github.com/whalefall/whalefall/test/rig"
)

var (
	recordAnew = flag.Bool("record", false, "play on real daemons and write the transcripts anew")
	real       = flag.Bool("real", false, "play on real daemons too, and compare the decoy with that")
	deviate    = flag.Bool("deviate", false, "write deviations.tsv anew, new rows as open")
	only       = flag.String("only", "", "the one client to play")
	relOf      = flag.String("release", "", "play the releases whose persona contains this")
)

// ready is a client that can run here.
type ready struct {
	Client
	path, version string
	err           error
}

// title names the client and its release as transcripts do.
func (r *ready) title() string { return r.Name + " " + r.version }

// got are the clients that were asked for, made available once.
var got = sync.OnceValue(func() []*ready {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	type place struct {
		path string
		err  error
	}
	var out []*ready
	for _, c := range All {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), c.Name) {
			continue
		}
		r := &ready{Client: c, path: "/usr/bin"}
		out = append(out, r)
		begin := time.Now()
		if c.Get != nil {
			var p place
			if p.path, p.err = c.Get(ctx); p.err != nil {
				r.err = p.err
				continue
			}
			r.path = p.path
		}
		if took := time.Since(begin); took > 3*time.Second {
			fmt.Printf("%s: had after %v\n", c.Name, took.Round(time.Second))
		}
		r.version, r.err = r.ask(ctx)
	}
	return out
})

// ask is the client's release.
func (r *ready) ask(ctx context.Context) (string, error) {
	mods, err := filepath.Abs("modules")
	if err != nil {
		return "", err
	}
	line := r.Version
	for _, m := range []string{"go", "telegraf", "traefik"} {
		line = strings.ReplaceAll(line, " "+m+".mod", " "+filepath.Join(mods, m, "go.mod"))
	}
	c := exec.CommandContext(ctx, "/bin/sh", "-c", line)
	c.Env = append([]string{"PATH=" + r.path + ":/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent", "NODE_PATH=" + filepath.Join(r.path, "node_modules"), "LC_ALL=C.UTF-8"}, r.Env...)
	b, _ := c.Output() // docker version prints its own half and fails without a daemon
	if v := strings.TrimSpace(string(b)); v != "" {
		return v, nil
	}
	return "", fmt.Errorf("%s: does not tell its release (is it installed? scripts/deps.sh does): %s", r.Name, line)
}

// play lets the client do its work on a daemon.
func (r *ready) play(ctx context.Context, t *testing.T, host string, count map[string]int) []fidelity.ShownStep {
	t.Helper()
	dir := t.TempDir()
	if err := prepare(dir); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		t.Fatal(err)
	}
	if err := reset(ctx, host); err != nil {
		t.Fatal(err)
	}
	c := &fidelity.Client{Path: filepath.Join(r.path, "docker"), Host: host, Rules: rules, Count: count,
		Env: append([]string{"AT=" + host, "PORT=" + port, "NODE_PATH=" + filepath.Join(r.path, "node_modules"), "PYTHONWARNINGS=ignore"}, r.Env...)}
	ps, err := c.Play(ctx, fidelity.Script{Name: r.Name, Lines: r.Lines}, dir)
	if err != nil {
		t.Errorf("%v", err)
	}
	return sections(fidelity.Steps(ps))
}

// played are transcripts of real daemons played in this run, by persona and client.
var played = map[string]string{}

func releases() []oracle.Release {
	return slices.DeleteFunc(slices.Clone(oracle.All), func(r oracle.Release) bool { return !strings.Contains(r.Persona, *relOf) })
}

// TestRecord writes what the clients print beside the real daemons, or with -real holds
// them to what is written; TestClients of the same run compares with what was played.
func TestRecord(t *testing.T) {
	if !*recordAnew && !*real {
		t.Skip("plays on real daemons with -record or -real")
	}
	for _, rel := range releases() {
		t.Run(rel.Version, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 12*time.Minute)
			defer cancel()
			d, err := oracle.Start(ctx, rel, oracle.Options{Hostname: "decoy"})
			if errors.Is(err, oracle.ErrUnavailable) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer d.Stop()
			if err := fidelity.ImportReal(ctx, d); err != nil {
				t.Fatal(err)
			}
			host, end, err := fidelity.Forward(d)
			if err != nil {
				t.Fatal(err)
			}
			defer end()
			count := map[string]int{}
			for _, c := range got() {
				if c.err != nil {
					t.Error(c.err)
					continue
				}
				begin := time.Now()
				steps := c.play(ctx, t, host, count)
				fmt.Printf("%s %s: %d steps in %v\n", rel.Persona, c.Name, len(steps), time.Since(begin).Round(100*time.Millisecond))
				text := fidelity.CLITranscript(c.title(), steps)
				played[rel.Persona+"\t"+c.Name] = text
				file := filepath.Join("testdata", rel.Persona, c.Name+".txt")
				if *recordAnew {
					if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
					continue
				}
				b, err := os.ReadFile(file)
				if err != nil {
					t.Error(err)
					continue
				}
				title, was := fidelity.ParseCLI(string(b))
				if title != c.title() {
					t.Logf("recorded with %s, this machine has %s: the decoy is compared with what was played now", title, c.title())
					continue
				}
				_, _, bad := fidelity.NewComparison(nil).Steps(rel.Persona, c.Name, was, steps)
				for _, b := range bad {
					t.Errorf("the real daemon said otherwise before: %s", b)
				}
			}
			fmt.Printf("real %s: rules used %v\n", rel.Version, count)
		})
	}
}

// row is one of the table.
type row struct {
	client, version, persona string
	steps, alike, meant      int
}

// TestClients lets every client work on the decoy: what it prints and how it exits must
// be what it was beside the real daemons.
func TestClients(t *testing.T) {
	devs, err := fidelity.ReadDeviations("deviations.tsv", "persona, client, step, differing line, reason")
	if err != nil {
		t.Fatal(err)
	}
	held := fidelity.NewComparison(devs)
	var mu sync.Mutex // guards rows
	var rows []row
	for _, c := range got() {
		if c.err != nil {
			t.Errorf("%s cannot be had: %v", c.Name, c.err)
		}
	}
	t.Run("personas", func(t *testing.T) {
		// At once, however few processors there are: mostly they wait.
		var wg sync.WaitGroup
		defer wg.Wait()
		for _, rel := range releases() {
			wg.Go(func() {
				t.Run(rel.Persona, func(t *testing.T) {
					p, err := persona.Get(rel.Persona)
					if err != nil {
						t.Fatal(err)
					}
					d, err := rig.Paced(p, event.Discard, rig.Forgetful{}, slog.New(slog.NewTextHandler(os.Stderr, nil)))
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(d.Close)
					if err := fidelity.ImportDecoy(at(d.Addr)); err != nil {
						t.Fatal(err)
					}
					// By a port that leads there, as to the real daemon: what a client sees of
					// a connection's end must not hang on that.
					host, end, err := fidelity.Forward(at(d.Addr))
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(end)
					count := map[string]int{}
					for _, c := range got() {
						if c.err != nil {
							continue
						}
						text, ok := played[rel.Persona+"\t"+c.Name]
						if !ok {
							b, err := os.ReadFile(filepath.Join("testdata", rel.Persona, c.Name+".txt"))
							if err != nil {
								t.Errorf("%s: no transcript: %v", c.Name, err)
								continue
							}
							text = string(b)
						}
						title, want := fidelity.ParseCLI(text)
						if title != c.title() {
							t.Errorf("recorded with %s, this machine has %s: `make clients` compares anew", title, c.title())
							continue
						}
						steps := c.play(t.Context(), t, host, count)
						alike, meant, bad := held.Steps(rel.Persona, c.Name, want, steps)
						for _, b := range bad {
							if !*deviate {
								t.Error(b)
							}
						}
						mu.Lock()
						rows = append(rows, row{c.Name, c.version, rel.Persona, len(steps), alike, meant})
						mu.Unlock()
					}
					fmt.Printf("%s: rules used %v\n", rel.Persona, count)
				})
			})
		}
	})
	table(rows)
	if *deviate {
		if err := fidelity.RewriteDeviations("deviations.tsv", held.Devs, held.Played, held.Open); err != nil {
			t.Fatal(err)
		}
		return
	}
	meant, stale := held.End()
	for _, k := range stale {
		t.Errorf("deviations.tsv: %q no longer differs: take the row out", k)
	}
	fmt.Printf("%d deviations of clients: %d meant, %d open\n", len(devs), meant, len(devs)-meant)
}

// table prints what became of each client on each persona.
func table(rows []row) {
	sort.SliceStable(rows, func(i, j int) bool { return rows[i].client+rows[i].persona < rows[j].client+rows[j].persona })
	fmt.Printf("%-22s %-28s %-24s %5s %5s %5s\n", "client", "version", "persona", "steps", "alike", "meant")
	clients := map[string]bool{}
	var steps, alike, meant int
	for _, r := range rows {
		fmt.Printf("%-22s %-28s %-24s %5d %5d %5d\n", r.client, r.version, r.persona, r.steps, r.alike, r.meant)
		clients[r.client] = true
		steps, alike, meant = steps+r.steps, alike+r.alike, meant+r.meant
	}
	fmt.Printf("%d clients, %d of %d steps alike, %d differ as written\n", len(clients), alike, steps, meant)
}

// at dials an address.
type at string

func (a at) Dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", string(a))
}
