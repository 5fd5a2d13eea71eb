// Command conformance runs Docker's own test suites against decoys.
//
// The module github.com/docker/docker carries them: integration/ drives a daemon
// through the Go client, integration-cli through the docker command. Both take a
// daemon at DOCKER_HOST and are told by DOCKER_REMOTE_DAEMON=1 that the daemon's
// files are not theirs. The module is copied from the module cache into the user's
// cache, its suites are compiled there once, and each job (a persona, a suite, a
// package of it) gets a decoy of its own, built from this tree, on an empty host.
//
// What a real daemon passes stands in lists/, a release and suite a file: names
// that passed in two whole runs on Debian's builds of that release, with the host's
// /tmp bound into the daemon's root. The lists of 26.1.5 and 20.10.24 say what the
// tests of 28.5.2 say of older daemons: a name that is missing there may be a
// difference of the releases. cannot.tsv names those that a decoy cannot pass, with
// one of four reasons. Only listed tests are run.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// job is what one decoy is for.
type job struct {
	persona, suite, pkg string
	names               []string // listed for it
}

// result is one listed test as it went.
type result struct {
	Persona string `json:"persona"`
	Suite   string `json:"suite"`
	Package string `json:"package"`
	Test    string `json:"test"`
	Result  string `json:"result"` // pass, fail, skip, hang, missing
	Cannot  string `json:"cannot,omitempty"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	fl := flag.NewFlagSet("conformance", flag.ContinueOnError)
	persona := fl.String("persona", "", "one release, e.g. 28.5.2 (all three)")
	suite := fl.String("suite", "api", "api, cli, or both")
	pkg := fl.String("package", "", "packages of the API suite or suites of the CLI's, by comma (all)")
	only := fl.String("test", "", "one test of the package")
	out := fl.String("out", filepath.Join(os.TempDir(), "whalefall-conformance"), "where results and logs go")
	limit := fl.Duration("limit", 2*time.Minute, "how long a test of the API suite, and a silence of the CLI suite, may take")
	workers := fl.Int("jobs", 3, "how many decoys at once")
	least := fl.Float64("least", 0, "fail where a persona passes a smaller share of a suite, in percent")
	if err := fl.Parse(args); err != nil {
		return err
	}
	var releases, suites []string
	if *persona != "" {
		releases = []string{strings.TrimPrefix(*persona, "docker-")}
	} else {
		releases = []string{"20.10.24", "26.1.5", "28.5.2"}
	}
	switch *suite {
	case "api", "cli":
		suites = []string{*suite}
	case "both":
		suites = []string{"api", "cli"}
	default:
		return fmt.Errorf("there is no suite %q: api, cli or both", *suite)
	}
	jobs, err := plan(releases, suites, *pkg, *only)
	if err != nil {
		return err
	}
	if len(jobs) == 0 {
		return errors.New("nothing to run: no list names such a test")
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	k, err := prepare(ctx, jobs, *out)
	if err != nil {
		return err
	}
	results, err := runAll(ctx, k, jobs, *workers, *limit, *out)
	if err != nil {
		return err
	}
	if err := write(*out, results); err != nil {
		return err
	}
	shares := table(os.Stdout, results)
	fmt.Printf("results: %s\n", filepath.Join(*out, "results.json"))
	for what, share := range shares {
		if share < *least {
			return fmt.Errorf("%s: %.1f %% pass, at least %.1f %% should", what, share, *least)
		}
	}
	return nil
}

// runAll runs the jobs, longest first, some at once.
func runAll(ctx context.Context, k *kit, jobs []job, workers int, limit time.Duration, out string) ([]result, error) {
	slices.SortStableFunc(jobs, func(a, b job) int { return len(b.names) - len(a.names) })
	var (
		mu      sync.Mutex
		results []result
		failed  error
		done    int
		wg      sync.WaitGroup
	)
	queue := make(chan job)
	for range workers {
		wg.Go(func() {
			for j := range queue {
				start := time.Now()
				r, err := runJob(ctx, k, j, limit, out)
				mu.Lock()
				results = append(results, r...)
				done++
				passed := 0
				for _, x := range r {
					if x.Result == "pass" {
						passed++
					}
				}
				fmt.Fprintf(os.Stderr, "[%d of %d] %s %s %s: %d of %d, %.0f s\n", done, len(jobs), j.persona, j.suite, j.pkg, passed, len(j.names), time.Since(start).Seconds())
				if err != nil && failed == nil {
					failed = fmt.Errorf("%s %s %s: %w", j.persona, j.suite, j.pkg, err)
				}
				mu.Unlock()
			}
		})
	}
	for _, j := range jobs {
		queue <- j
	}
	close(queue)
	wg.Wait()
	return results, failed
}

// runJob starts a decoy, runs the job's tests against it, and says how each listed
// test went.
func runJob(ctx context.Context, k *kit, j job, limit time.Duration, out string) ([]result, error) {
	dir := filepath.Join(out, j.persona, j.suite)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, strings.ReplaceAll(j.pkg, "/", "-")+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	d, err := startDecoy(ctx, k, j.persona)
	if err != nil {
		return nil, err
	}
	defer d.stop()
	var seen map[string]string
	if j.suite == "api" {
		seen, err = runAPI(ctx, k, j, d, limit, log)
	} else {
		seen, err = runCLI(ctx, k, j, d, limit, log)
	}
	if err != nil {
		return nil, err
	}
	why := cannot()
	var rs []result
	for _, n := range j.names {
		r := result{Persona: j.persona, Suite: j.suite, Package: j.pkg, Test: n, Result: seen[n], Cannot: why.reason(j.persona, j.suite, j.pkg, n)}
		if r.Result == "" {
			r.Result = "missing"
		}
		rs = append(rs, r)
	}
	return rs, nil
}

// write puts the results into dir: all in JSON, and what did not pass a line each.
func write(dir string, rs []result) error {
	slices.SortFunc(rs, func(a, b result) int {
		return strings.Compare(strings.Join([]string{a.Suite, a.Persona, a.Package, a.Test}, "\x00"), strings.Join([]string{b.Suite, b.Persona, b.Package, b.Test}, "\x00"))
	})
	b, err := json.MarshalIndent(rs, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "results.json"), append(b, '\n'), 0o644); err != nil {
		return err
	}
	var sb strings.Builder
	for _, r := range rs {
		if r.Result != "pass" {
			fmt.Fprintf(&sb, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Persona, r.Suite, r.Package, r.Test, r.Result, r.Cannot)
		}
	}
	return os.WriteFile(filepath.Join(dir, "missing.tsv"), []byte(sb.String()), 0o644)
}
