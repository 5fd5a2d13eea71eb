package persona

import (
	_ "embed"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Span is a latency by its median and 95th percentile.
type Span struct{ P50, P95 time.Duration }

// latency.tsv has a row a release and route: what calls that succeed take on an idle
// daemon, in milliseconds, median and 95th percentile. `go run ./test/perf -latency
// -write` measures it anew beside the real daemons.
//
//go:embed latency.tsv
var latencyTable string

var latencies = sync.OnceValue(func() map[string]Span {
	m := map[string]Span{}
	for l := range strings.Lines(latencyTable) {
		f := strings.Split(strings.TrimSpace(l), "\t")
		if len(f) != 4 || strings.HasPrefix(l, "#") {
			continue
		}
		a, err1 := strconv.ParseFloat(f[2], 64)
		b, err2 := strconv.ParseFloat(f[3], 64)
		if err1 != nil || err2 != nil {
			panic("persona: latency.tsv: " + l)
		}
		m[f[0]+" "+f[1]] = Span{time.Duration(a * float64(time.Millisecond)), time.Duration(b * float64(time.Millisecond))}
	}
	return m
})

var pathVar = regexp.MustCompile(`\{[^}]*\}`)

// Latency says what a call of a route takes on this release, from its head to its
// answer. The route is written as METHOD PATH, with {...} for each variable, and
// "?force" after it where the query says so. A route that is not in the table is as
// fast as our own work.
func (p *Persona) Latency(route string) Span {
	return latencies()[strconv.Itoa(int(p.Era))+" "+pathVar.ReplaceAllString(route, "{}")]
}
