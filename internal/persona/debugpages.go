package persona

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The pages of a daemon at rest, as releases of each era show them; addresses and
// numbers are replaced, so that no two installations show the same.
//
//go:embed debug
var debugFS embed.FS

// Debug makes the pages under /debug for one installation. Seed is the
// installation's own number: it decides where the binary was loaded and how many
// goroutines there are.
type Debug struct {
	p       *Persona
	seed    uint64
	started time.Time
	args    []string
}

// NewDebug makes the pages of a daemon that was started then and with these arguments.
func (p *Persona) NewDebug(seed uint64, started time.Time, args []string) *Debug {
	return &Debug{p, seed, started, args}
}

func (d *Debug) load(name string) string {
	b, err := debugFS.ReadFile("debug/" + name + "-" + strconv.Itoa(int(d.p.Era)) + ".gz")
	if err != nil {
		return ""
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return ""
	}
	out, _ := io.ReadAll(io.LimitReader(z, 4<<20))
	return string(out)
}

var (
	codeAddr = regexp.MustCompile(`\b0x5[56][0-9a-f]{10}\b`)
	heapAddr = regexp.MustCompile(`\b0xc00[0-9a-f]{7}\b`)
)

// move loads the binary somewhere else: 0x55.......000 as a kernel would choose.
func (d *Debug) move(s string) string {
	off := (d.seed%0x0fffffff + 1) << 12
	s = codeAddr.ReplaceAllStringFunc(s, func(m string) string {
		n, _ := strconv.ParseUint(m[2:], 16, 64)
		n = 0x550000000000 + (n+off)%0x020000000000
		return "0x" + strconv.FormatUint(n, 16)
	})
	return heapAddr.ReplaceAllStringFunc(s, func(m string) string {
		n, _ := strconv.ParseUint(m[2:], 16, 64)
		return "0x" + strconv.FormatUint(n+(d.seed>>7%0x400)*0x1000, 16)
	})
}

// Goroutines is how many there are, told alike on every page.
func (d *Debug) Goroutines() int {
	var n int
	_, _ = fmt.Sscanf(d.load("goroutine1"), "goroutine profile: total %d", &n) // our own page
	return n
}

// Text is a profile in text form: goroutine (debug 1 and 2), heap, allocs, threadcreate,
// block, mutex. ok is false for a profile the release does not have.
func (d *Debug) Text(name string, debug int, now time.Time) (text string, ok bool) {
	switch name {
	case "goroutine", "goroutineleak":
		if name == "goroutineleak" {
			if d.p.Go < 27 {
				return "", false
			}
			return "goroutineleak profile: total 0\n", true
		}
		if debug >= 2 {
			up := int(now.Sub(d.started).Minutes())
			t := d.move(d.load("goroutine2"))
			if up > 0 {
				// What blocks since the start says for how long.
				t = regexp.MustCompile(`\[(select|IO wait|chan receive|semacquire|syscall|sync\.Cond\.Wait)\]:`).
					ReplaceAllString(t, fmt.Sprintf("[$1, %d minutes]:", up))
			}
			return t, true
		}
		return d.move(d.load("goroutine1")), true
	case "heap", "allocs":
		t := d.move(d.load("heap"))
		return d.numbers(t, now), true
	case "threadcreate":
		return d.move(d.load("threadcreate")), true
	case "block":
		return fmt.Sprintf("--- contention:\ncycles/second=%d\n", d.hz()), true
	case "mutex":
		return fmt.Sprintf("--- mutex:\ncycles/second=%d\nsampling period=0\n", d.hz()), true
	}
	return "", false
}

// hz is the machine's time stamp counter as Go measured it.
func (d *Debug) hz() int64 {
	return 2_200_000_000 + int64(d.seed%14)*100_000_000 + int64(d.seed>>11%60000)
}

// rng moves on every few seconds, so that numbers drift as a daemon's do.
func (d *Debug) rng(now time.Time) *rand.Rand {
	return rand.New(rand.NewPCG(d.seed, uint64(now.Unix()/7))) //nolint:gosec // numbers on a page, the same for all who ask within the week
}

var memLine = regexp.MustCompile(`(?m)^# (Alloc|TotalAlloc|Sys|Mallocs|Frees|HeapAlloc|HeapInuse|HeapObjects|LastGC|NumGC|MaxRSS) = (\d+)$`)

func (d *Debug) numbers(t string, now time.Time) string {
	m := d.mem(now)
	t = memLine.ReplaceAllStringFunc(t, func(l string) string {
		k := strings.Fields(l)[1]
		if v, ok := m[k]; ok {
			return "# " + k + " = " + strconv.FormatInt(v, 10)
		}
		return l
	})
	return regexp.MustCompile(`(?m)^# Pause(Ns|End) = .*$`).ReplaceAllStringFunc(t, func(l string) string {
		if strings.HasPrefix(l, "# PauseEnd") {
			return "# PauseEnd = [" + strconv.FormatInt(m["LastGC"], 10) + strings.Repeat(" 0", 255) + "]"
		}
		return l
	})
}

// mem are the counters of a daemon's memory at a moment, consistent with each other.
func (d *Debug) mem(now time.Time) map[string]int64 {
	r := d.rng(now)
	up := int64(now.Sub(d.started).Seconds())
	if up < 0 {
		up = 0
	}
	gc := 4 + up/120
	alloc := int64(12_000_000 + d.seed%4_000_000 + r.Uint64N(6_000_000))
	total := alloc + 7_000_000 + up*23_000 + int64(d.seed%1_000_000)
	objects := alloc / 89
	mallocs := objects + total/170
	return map[string]int64{
		"Alloc": alloc, "HeapAlloc": alloc, "TotalAlloc": total, "HeapObjects": objects,
		"Mallocs": mallocs, "Frees": mallocs - objects,
		"LastGC": now.Add(-time.Duration(r.Int64N(110_000_000_000))).UnixNano(), "NumGC": gc,
		"MaxRSS": 74_000_000 + int64(d.seed%12_000_000),
	}
}

// Vars is /debug/vars.
func (d *Debug) Vars(now time.Time) string {
	t := d.load("vars")
	i := strings.Index(t, `"memstats": `)
	if i < 0 {
		return t
	}
	args, _ := json.Marshal(d.args)
	for k, v := range d.mem(now) {
		t = regexp.MustCompile(`"`+k+`":\d+`).ReplaceAllString(t, `"`+k+`":`+strconv.FormatInt(v, 10))
	}
	i = strings.Index(t, `"memstats": `)
	return "{\n\"cmdline\": " + string(args) + ",\n" + t[i:]
}

// Index is /debug/pprof/.
func (d *Debug) Index(now time.Time) string {
	b, err := debugFS.ReadFile("debug/index-" + strconv.Itoa(d.indexEra()) + ".html")
	if err != nil {
		return ""
	}
	heap := 24 + int(d.seed%30)
	return strings.NewReplacer("{allocs}", strconv.Itoa(heap), "{heap}", strconv.Itoa(heap),
		"{goroutine}", strconv.Itoa(d.Goroutines()), "{threadcreate}", strconv.Itoa(d.threads())).Replace(string(b))
}

// indexEra chooses the page by the Go release: it changed with 1.22 and with 1.27.
func (d *Debug) indexEra() int {
	switch {
	case d.p.Go >= 27:
		return 28
	case d.p.Go >= 22:
		return 26
	}
	return 20
}

func (d *Debug) threads() int {
	var n int
	_, _ = fmt.Sscanf(d.load("threadcreate"), "threadcreate profile: total %d", &n) // our own page
	return n
}

// Binary is a profile in pprof's own form, compressed.
func (d *Debug) Binary(name string, now time.Time, seconds int) []byte {
	var e profile
	switch name {
	case "goroutine", "threadcreate":
		e.types = [][2]string{{name, "count"}}
	case "heap", "allocs", "heap-delta":
		e.types = [][2]string{{"alloc_objects", "count"}, {"alloc_space", "bytes"}, {"inuse_objects", "count"}, {"inuse_space", "bytes"}}
	case "profile":
		e.types = [][2]string{{"samples", "count"}, {"cpu", "nanoseconds"}}
	default:
		e.types = [][2]string{{"contentions", "count"}, {"delay", "nanoseconds"}}
	}
	if name != "profile" && name != "heap-delta" {
		t, _ := d.Text(name, 1, now)
		e.parse(t, len(e.types) == 4)
	}
	e.time = now.UnixNano()
	e.duration = int64(seconds) * int64(time.Second)
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	_, _ = z.Write(e.encode())
	_ = z.Close()
	return out.Bytes()
}

// profile is pprof's profile.proto, as much of it as runtime/pprof writes.
type profile struct {
	types          [][2]string
	samples        []sample
	locs           map[string]int
	funcs          map[string]int
	locList        []location
	funcList       [][2]string // name, file
	time, duration int64
	strs           map[string]int
	table          []string
}

type sample struct {
	values []int64
	locs   []int
}

type location struct {
	addr uint64
	fn   int
	line int64
}

var (
	sampleLine = regexp.MustCompile(`^(\d+)(?:: (\d+) \[(\d+): (\d+)\])? @`)
	frameLine  = regexp.MustCompile(`^#\t0x([0-9a-f]+)\t(\S+)\+0x[0-9a-f]+\s+(\S+):(\d+)$`)
)

// parse reads the text form.
func (e *profile) parse(t string, heap bool) {
	e.locs, e.funcs = map[string]int{}, map[string]int{}
	for _, l := range strings.Split(t, "\n") {
		if m := sampleLine.FindStringSubmatch(l); m != nil {
			n := func(s string) int64 { v, _ := strconv.ParseInt(s, 10, 64); return v }
			s := sample{values: []int64{n(m[1])}}
			if heap {
				s.values = []int64{n(m[3]), n(m[4]), n(m[1]), n(m[2])}
			}
			e.samples = append(e.samples, s)
			continue
		}
		m := frameLine.FindStringSubmatch(l)
		if m == nil || len(e.samples) == 0 {
			continue
		}
		id, ok := e.locs[l]
		if !ok {
			fn, ok := e.funcs[m[2]]
			if !ok {
				e.funcList = append(e.funcList, [2]string{m[2], m[3]})
				fn = len(e.funcList)
				e.funcs[m[2]] = fn
			}
			a, _ := strconv.ParseUint(m[1], 16, 64)
			n, _ := strconv.ParseInt(m[4], 10, 64)
			e.locList = append(e.locList, location{a, fn, n})
			id = len(e.locList)
			e.locs[l] = id
		}
		s := &e.samples[len(e.samples)-1]
		s.locs = append(s.locs, id)
	}
}

func (e *profile) str(s string) uint64 {
	if i, ok := e.strs[s]; ok {
		return uint64(i)
	}
	e.strs[s] = len(e.table)
	e.table = append(e.table, s)
	return uint64(e.strs[s])
}

// pb writes protocol buffers.
type pb struct{ bytes.Buffer }

func (b *pb) varint(v uint64) {
	for v >= 0x80 {
		b.WriteByte(byte(v) | 0x80)
		v >>= 7
	}
	b.WriteByte(byte(v))
}

func (b *pb) num(field int, v uint64) {
	if v != 0 {
		b.varint(uint64(field) << 3)
		b.varint(v)
	}
}

func (b *pb) bytes(field int, p []byte) {
	b.varint(uint64(field)<<3 | 2)
	b.varint(uint64(len(p)))
	b.Write(p)
}

func (e *profile) encode() []byte {
	e.strs = map[string]int{}
	e.str("")
	var b pb
	for _, t := range e.types {
		var m pb
		m.num(1, e.str(t[0]))
		m.num(2, e.str(t[1]))
		b.bytes(1, m.Bytes())
	}
	for _, s := range e.samples {
		var m, l, v pb
		for _, x := range s.locs {
			l.varint(uint64(x))
		}
		for _, x := range s.values {
			v.varint(uint64(x))
		}
		m.bytes(1, l.Bytes())
		m.bytes(2, v.Bytes())
		b.bytes(2, m.Bytes())
	}
	for i, l := range e.locList {
		var m, ln pb
		m.num(1, uint64(i+1))
		m.num(3, l.addr)
		ln.num(1, uint64(l.fn))
		ln.num(2, uint64(l.line))
		m.bytes(4, ln.Bytes())
		b.bytes(4, m.Bytes())
	}
	for i, f := range e.funcList {
		var m pb
		m.num(1, uint64(i+1))
		m.num(2, e.str(f[0]))
		m.num(3, e.str(f[0]))
		m.num(4, e.str(f[1]))
		b.bytes(5, m.Bytes())
	}
	for _, s := range e.table {
		b.bytes(6, []byte(s))
	}
	b.num(9, uint64(e.time))
	b.num(10, uint64(e.duration))
	return b.Bytes()
}
