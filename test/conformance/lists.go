package main

import (
	"cmp"
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
)

//go:embed lists/*.txt
var lists embed.FS

//go:embed cannot.tsv
var cannotTSV string

// plan makes the jobs of the lists, as far as they are asked for.
func plan(releases, suites []string, pkgs, only string) ([]job, error) {
	var jobs []job
	for _, rel := range releases {
		for _, s := range suites {
			b, err := lists.ReadFile("lists/" + s + "-" + rel + ".txt")
			if err != nil {
				return nil, fmt.Errorf("there is no list for %s %s", s, rel)
			}
			by := map[string][]string{}
			for l := range strings.Lines(string(b)) {
				pkg, name, ok := strings.Cut(strings.TrimSpace(l), " ")
				if !ok || strings.HasPrefix(pkg, "#") {
					continue
				}
				if s == "cli" {
					pkg, name, _ = strings.Cut(name, "/")
				}
				if pkgs != "" && !slices.Contains(strings.Split(pkgs, ","), pkg) {
					continue
				}
				if only != "" && top(name) != only {
					continue
				}
				by[pkg] = append(by[pkg], name)
			}
			for pkg, names := range by {
				jobs = append(jobs, job{persona: rel, suite: s, pkg: pkg, names: names})
			}
		}
	}
	slices.SortFunc(jobs, func(a, b job) int {
		return cmp.Or(cmp.Compare(a.suite, b.suite), cmp.Compare(a.persona, b.persona), cmp.Compare(a.pkg, b.pkg))
	})
	return jobs, nil
}

// top is the test of a subtest.
func top(name string) string {
	n, _, _ := strings.Cut(name, "/")
	return n
}

// tops are the tests of the names, each once.
func tops(names []string) []string {
	var out []string
	for _, n := range names {
		if t := top(n); !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// reasons are the rows of cannot.tsv.
type reasons map[string]string

var cannot = sync.OnceValue(func() reasons {
	r := reasons{}
	for l := range strings.Lines(cannotTSV) {
		f := strings.Split(strings.TrimRight(l, "\n"), "\t")
		if len(f) >= 5 && !strings.HasPrefix(f[0], "#") {
			r[strings.Join(f[:4], "\x00")] = f[4]
		}
	}
	return r
})

// reason says why a name cannot pass, "" where it can. A row of a test stands for
// its subtests, and a persona of "-" for all three.
func (r reasons) reason(persona, suite, pkg, name string) string {
	for n := name; ; {
		for _, p := range []string{persona, "-"} {
			if why, ok := r[strings.Join([]string{p, suite, pkg, n}, "\x00")]; ok {
				return why
			}
		}
		i := strings.LastIndex(n, "/")
		if i < 0 {
			return ""
		}
		n = n[:i]
	}
}

type count struct{ passed, listed, cannot int }

// table prints how many of each package's names passed, a persona a column, and
// gives the share of each persona and suite in percent.
func table(w io.Writer, rs []result) map[string]float64 {
	shares := map[string]float64{}
	for _, suite := range []string{"api", "cli"} {
		var personas, pkgs []string
		cells := map[[2]string]*count{}
		for _, r := range rs {
			if r.Suite != suite {
				continue
			}
			if !slices.Contains(personas, r.Persona) {
				personas = append(personas, r.Persona)
			}
			if !slices.Contains(pkgs, r.Package) {
				pkgs = append(pkgs, r.Package)
			}
			for _, k := range [][2]string{{r.Package, r.Persona}, {"all", r.Persona}} {
				c := cells[k]
				if c == nil {
					c = &count{}
					cells[k] = c
				}
				c.listed++
				if r.Result == "pass" {
					c.passed++
				} else if r.Cannot != "" {
					c.cannot++
				}
			}
		}
		if len(pkgs) == 0 {
			continue
		}
		slices.Sort(personas)
		slices.Sort(pkgs)
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintf(tw, "%s suite: passed of listed (share; cannot)\t%s\n", suite, strings.Join(personas, "\t"))
		for _, pkg := range append(pkgs, "all") {
			fmt.Fprint(tw, pkg)
			for _, p := range personas {
				c := cells[[2]string{pkg, p}]
				if c == nil {
					fmt.Fprint(tw, "\t")
					continue
				}
				share := 100 * float64(c.passed) / float64(c.listed)
				fmt.Fprintf(tw, "\t%d of %d (%.1f %%; %d)", c.passed, c.listed, share, c.cannot)
				if pkg == "all" {
					shares[p+" "+suite] = share
				}
			}
			fmt.Fprintln(tw)
		}
		_ = tw.Flush()
	}
	return shares
}
