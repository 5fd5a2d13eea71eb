package fidelity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"syscall"
	"time"
)

// Script is a list of command lines around the docker client, one a line. Each runs
// in a shell of its own, in a directory the script keeps, with `docker` pointed at
// the daemon. A line may begin with marks and a space:
//
//	~  the lines of each of its streams are compared as a set
//	!  it prepares or cleans up and is not compared
type Script struct {
	Name  string
	Lines string
}

// Line is one step of a script.
type Line struct {
	Text        string
	Sort, Quiet bool
}

// Steps are the script's lines.
func (s Script) Steps() []Line {
	var out []Line
	for _, l := range strings.Split(s.Lines, "\n") {
		l = strings.TrimSpace(l)
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		var st Line
		for {
			if t, ok := strings.CutPrefix(l, "~ "); ok {
				st.Sort, l = true, t
			} else if t, ok := strings.CutPrefix(l, "! "); ok {
				st.Quiet, l = true, t
			} else {
				break
			}
		}
		st.Text = l
		out = append(out, st)
	}
	return out
}

// Printed is what a step printed, in normal form.
type Printed struct {
	Line string
	Exit string
	Out  []string // with the line ends; the last may have none
	Err  []string
}

// Client runs the docker client of this machine against one daemon.
type Client struct {
	Path  string   // the client's program; its folder is the first of PATH
	Host  string   // 127.0.0.1:PORT
	Env   []string // more of the environment, NAME=VALUE
	Rules []Rule   // more than those of the docker client's own output
	Count map[string]int
}

// lineLimit is how long a step may take. None of the scripts waits for more than
// two of the daemon's own time-outs of a second.
const lineLimit = 60 * time.Second

// Version is the client's name and release.
func (c *Client) Version(ctx context.Context) (string, error) {
	b, err := exec.CommandContext(ctx, c.Path, "version", "--format", "{{.Client.Version}}").Output()
	if v := strings.TrimSpace(string(b)); v != "" {
		return "docker client " + v, nil // without a daemon it prints its own half and fails
	}
	return "", fmt.Errorf("%s version: %w", c.Path, err)
}

// Play runs a script in a new directory and returns what each step printed.
func (c *Client) Play(ctx context.Context, s Script, dir string) ([]Printed, error) {
	var out []Printed
	for _, l := range s.Steps() {
		begin := time.Now()
		code, stdout, stderr, err := c.run(ctx, l.Text, dir)
		if took := time.Since(begin); took > 3*time.Second {
			fmt.Printf("%v: %s: %s\n", took.Round(time.Millisecond), s.Name, l.Text)
		}
		if err != nil {
			return out, fmt.Errorf("%s: %s: %w", s.Name, l.Text, err)
		}
		if l.Quiet {
			continue
		}
		n := &cliNormalizer{c: c, dir: dir, line: l.Text}
		p := Printed{Line: l.Text, Exit: code, Out: n.lines(stdout), Err: n.lines(stderr)}
		if l.Sort {
			sort.Strings(p.Out)
			sort.Strings(p.Err)
		}
		out = append(out, p)
	}
	return out, nil
}

func (c *Client) run(ctx context.Context, line, dir string) (code, stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(ctx, lineLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line)
	cmd.Dir = dir
	// Nothing of the user's own environment: no context, no proxy, no configuration.
	cmd.Env = []string{"PATH=" + filepath.Dir(c.Path) + ":/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + dir, "DOCKER_CONFIG=" + filepath.Join(dir, ".docker"),
		"DOCKER_HOST=tcp://" + c.Host, "DOCKER_BUILDKIT=0", "TZ=UTC", "LC_ALL=C"}
	cmd.Env = append(cmd.Env, c.Env...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	err = cmd.Run()
	var ee *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", o.String(), e.String(), fmt.Errorf("did not end within %v; printed %q and %q", lineLimit, o.String(), e.String())
	case errors.As(err, &ee):
		return fmt.Sprint(ee.ExitCode()), o.String(), e.String(), nil
	case err != nil:
		return "", "", "", err
	}
	return "0", o.String(), e.String(), nil
}

// cliRules are applied in order to what a step printed. Keep each as narrow as it can be.
var cliRules = []Rule{
	{"time", regexp.MustCompile(`\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`), "<time>"},
	{"time", regexp.MustCompile(`\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} UTC\b`), "<time>"},
	{"ago", regexp.MustCompile(`\b(Less than a second|About a minute|\d+ (?:second|minute|hour|day|week|month|year)s?)( ago)?\b`), "<while>$2"},
	{"uuid", regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), "<uuid>"},
	{"token", regexp.MustCompile(`\bSWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}\b`), "<token>"},
	{"pid", regexp.MustCompile(`"Pid": [1-9]\d*`), `"Pid": <pid>`},
	{"swarm-id", regexp.MustCompile(`\b[0-9a-z]{25}\b`), "<swarm-id>"},
	{"mac", regexp.MustCompile(`\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b`), "<mac>"},
	{"size", regexp.MustCompile(`\b\d+(\.\d+)?(MB|GB)\b`), "<size>"},
	{"duration", regexp.MustCompile(`\bexecDuration=\d\b`), "execDuration=<n>"},
	// A build's stderr in red, cut where the program's writes were read.
	{"chunk", regexp.MustCompile("\x1b\\[0m\x1b\\[91m"), ""},
	{"udp", regexp.MustCompile(`read udp \[::1\]:\d+->`), "read udp [::1]:<port>->"},
}

// hostRules are of `info` and `version` alone: the machine below the daemon.
var hostRules = []Rule{
	{"host", regexp.MustCompile(`(?m)^( *(?:Built|Kernel Version|Operating System|CPUs|Total Memory|Name|ID|System Time): +).*$`), "$1<host>"},
}

// statRules are of `stats` and `top` alone.
var statRules = []Rule{
	{"stat", regexp.MustCompile(`\b\d+(\.\d+)?(%|[KMG]iB\b|[kM]?B\b)`), "<n>"},
	{"stat", regexp.MustCompile(`\b\d\d:\d\d(:\d\d)?\b`), "<clock>"},
	{"pid", regexp.MustCompile(`(?m)^root +\d+ +\d+ +\d+ `), "root  <pid> <ppid> <c> "},
	{"pid", regexp.MustCompile(`(?m)^\d+ +`), "<pid>  "},
}

// cliNormalizer serves one step.
type cliNormalizer struct {
	c         *Client
	dir, line string
	ids       map[string]int // by the first twelve digits
}

var anyID = regexp.MustCompile(`\b([0-9a-f]{64}|[0-9a-f]{12})\b`)

// lines is a stream in normal form.
func (n *cliNormalizer) lines(s string) []string {
	if s == "" {
		return nil
	}
	was := s
	s = strings.ReplaceAll(s, n.c.Host, "<host>")
	s = strings.ReplaceAll(s, n.dir, "<dir>")
	if n.ids == nil {
		n.ids = map[string]int{}
	}
	s = anyID.ReplaceAllStringFunc(s, func(m string) string {
		n.c.Count["id"]++
		i, ok := n.ids[m[:12]]
		if !ok {
			i = len(n.ids) + 1
			n.ids[m[:12]] = i
		}
		if len(m) == 12 {
			return fmt.Sprintf("<id%d.short>", i)
		}
		return fmt.Sprintf("<id%d>", i)
	})
	apply := func(rs []Rule) {
		for _, r := range rs {
			if k := len(r.Re.FindAllStringIndex(s, -1)); k > 0 {
				n.c.Count[r.Name] += k
				s = r.Re.ReplaceAllString(s, r.To)
			}
		}
	}
	if has(n.line, "docker info") || has(n.line, "docker version") {
		apply(hostRules)
	}
	apply(n.c.Rules)
	apply(cliRules)
	if has(n.line, "docker stats") || has(n.line, "docker top") {
		apply(statRules)
	}
	var out []string
	for _, l := range strings.SplitAfter(s, "\n") {
		if l == "" {
			continue
		}
		// The daemon lists its runtimes from a map.
		if k, v, ok := strings.Cut(l, "Runtimes: "); ok && strings.TrimSpace(k) == "" {
			n.c.Count["order"]++
			w := strings.Fields(v)
			sort.Strings(w)
			l = k + "Runtimes: " + strings.Join(w, " ") + "\n"
		}
		// The client pads columns to the longest of what was replaced.
		if s != was {
			if p := padding.ReplaceAllString(l, "  "); p != l && !strings.HasPrefix(l, " ") {
				n.c.Count["padding"]++
				l = p
			}
		}
		out = append(out, l)
	}
	return out
}

var padding = regexp.MustCompile(`  +`)

func has(line, cmd string) bool { return strings.Contains(line+" ", cmd+" ") }

// printLine is a line in the transcript's form: control characters as escapes, a
// missing line end as a backslash in the mark.
func printLine(mark, l string) string {
	t, whole := strings.CutSuffix(l, "\n")
	var b strings.Builder
	for _, r := range t {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r < ' ' && r != '\t' || r == 0x7f || r == 0xfffd:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	if whole {
		return mark + "|" + b.String()
	}
	return mark + `\` + b.String()
}

// Shown is a printed step's lines as the transcript has them.
func (p Printed) Shown() []string {
	out := []string{"exit " + p.Exit}
	for _, l := range p.Out {
		out = append(out, printLine("1", l))
	}
	for _, l := range p.Err {
		out = append(out, printLine("2", l))
	}
	return out
}

// Steps are what was printed in the transcript's form.
func Steps(ps []Printed) []ShownStep {
	var out []ShownStep
	for _, p := range ps {
		out = append(out, ShownStep{Line: p.Line, Shown: p.Shown()})
	}
	return out
}

// CLITranscript is a script's transcript.
func CLITranscript(client string, steps []ShownStep) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", client)
	for _, s := range steps {
		fmt.Fprintf(&b, "$ %s\n", s.Line)
		for _, l := range s.Shown {
			b.WriteString(l + "\n")
		}
	}
	return b.String()
}

// ShownStep is a step of a transcript.
type ShownStep struct {
	Line  string
	Shown []string
}

// ParseCLI reads a transcript back.
func ParseCLI(text string) (client string, out []ShownStep) {
	for _, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		switch {
		case strings.HasPrefix(l, "# ") && len(out) == 0:
			client = strings.TrimPrefix(l, "# ")
		case strings.HasPrefix(l, "$ "):
			out = append(out, ShownStep{Line: l[2:]})
		case len(out) > 0:
			out[len(out)-1].Shown = append(out[len(out)-1].Shown, l)
		}
	}
	return client, out
}

// DiffLines are the lines of one side that the other has not, in order: "-" before
// what is wanted, "+" before what came. Empty: they are the same.
func DiffLines(want, got []string) []string {
	m, n := len(want), len(got)
	common := make([][]int, m+1)
	for i := range common {
		common[i] = make([]int, n+1)
	}
	for i := m - 1; i >= 0; i-- {
		for j := n - 1; j >= 0; j-- {
			if want[i] == got[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []string
	i, j := 0, 0
	for i < m || j < n {
		switch {
		case i < m && j < n && want[i] == got[j]:
			i, j = i+1, j+1
		case i < m && (j == n || common[i+1][j] >= common[i][j+1]):
			out = append(out, "-"+want[i])
			i++
		default:
			out = append(out, "+"+got[j])
			j++
		}
	}
	return out
}

// lookDocker finds the client.
func lookDocker() (*Client, error) {
	p, err := exec.LookPath("docker")
	if err != nil {
		return nil, fmt.Errorf("the docker client is needed (make deps installs it): %w", err)
	}
	if p, err = filepath.Abs(p); err != nil {
		return nil, err
	}
	if _, err := os.Stat(p); err != nil {
		return nil, err
	}
	return &Client{Path: p, Count: map[string]int{}}, nil
}
