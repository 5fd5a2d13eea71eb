package journal

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/event"
)

func ev(i int) *event.Event {
	return &event.Event{Time: time.Unix(int64(i), 0), Kind: event.HTTPEnd, Data: &event.End{Status: i}}
}

// statuses reads the whole journal and gives the status of each End and the sum
// of all gap records.
func statuses(t *testing.T, dir string) (got []int, lost uint64) {
	t.Helper()
	r := NewReader(dir, 0)
	defer r.Close()
	var last uint64
	for {
		seq, p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return got, lost
		}
		if err != nil {
			t.Fatal(err)
		}
		if seq <= last {
			t.Fatalf("number %d after %d", seq, last)
		}
		last = seq
		e, err := Decode(p)
		if err != nil {
			t.Fatal(err)
		}
		switch d := e.Data.(type) {
		case *event.End:
			got = append(got, d.Status)
		case *event.Gap:
			lost += d.Lost
		}
	}
}

func wantSeq(t *testing.T, got []int, to int) {
	t.Helper()
	if len(got) != to {
		t.Fatalf("%d events, want 1..%d", len(got), to)
	}
	for i, g := range got {
		if g != 1+i {
			t.Fatalf("event %d is %d, want %d", i, g, 1+i)
		}
	}
}

func open(t *testing.T, cfg Config) *Journal {
	t.Helper()
	j, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func put(t *testing.T, j *Journal, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		seq, err := j.Append(ev(i))
		if err != nil {
			t.Fatal(err)
		}
		j.Before(seq, func() {})
	}
}

// flush waits until the segments have it all.
func flush(t *testing.T, j *Journal) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	if err := j.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestAppendReadReopen(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir})
	put(t, j, 1, 100)
	wantSeq(t, first(statuses(t, dir)), 100) // readable while open
	j.Close()
	j = open(t, Config{Dir: dir})
	put(t, j, 101, 150)
	j.Close()
	wantSeq(t, first(statuses(t, dir)), 150)
	if _, err := j.Append(ev(1)); !errors.Is(err, ErrClosed) {
		t.Fatalf("append after close: %v", err)
	}
}

func first(a []int, _ uint64) []int { return a }

func TestTornTailIsCutAndToldOf(t *testing.T) {
	for cut := int64(1); cut < 60; cut += 7 {
		dir := t.TempDir()
		j := open(t, Config{Dir: dir})
		put(t, j, 1, 10)
		j.Close()
		segs, _ := listSegments(dir)
		p := segs[0].path
		if err := os.Truncate(p, segs[0].size-cut); err != nil {
			t.Fatal(err)
		}
		j = open(t, Config{Dir: dir})
		if j.Stats().Torn == 0 {
			t.Fatalf("cut of %d bytes was not told of", cut)
		}
		put(t, j, 10, 12)
		j.Close()
		wantSeq(t, first(statuses(t, dir)), 12)
	}
}

func TestGarbageTail(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir})
	put(t, j, 1, 5)
	j.Close()
	segs, _ := listSegments(dir)
	f, _ := os.OpenFile(segs[0].path, os.O_APPEND|os.O_WRONLY, 0)
	f.WriteString("garbage that is long enough to look like a record head")
	f.Close()
	j = open(t, Config{Dir: dir})
	put(t, j, 6, 9)
	j.Close()
	wantSeq(t, first(statuses(t, dir)), 9)
}

// disk is a File that fails or is slow on demand.
type disk struct {
	File
	fail  *atomic.Bool
	short *atomic.Bool
	slow  *atomic.Int64
}

func (d disk) Write(p []byte) (int, error) {
	if s := d.slow.Load(); s > 0 {
		time.Sleep(time.Duration(s))
	}
	if d.short.Load() {
		n, _ := d.File.Write(p[:len(p)/2])
		return n, errors.New("no space left on device")
	}
	if d.fail.Load() {
		return 0, errors.New("input/output error")
	}
	return d.File.Write(p)
}

type faults struct {
	fail, short atomic.Bool
	slow        atomic.Int64
}

func (f *faults) open(path string, size int64) (File, error) {
	if f.fail.Load() {
		return nil, errors.New("input/output error")
	}
	file, err := openFile(path, size)
	if err != nil {
		return nil, err
	}
	return disk{file, &f.fail, &f.short, &f.slow}, nil
}

func TestFailingDiskQueuesAndRecovers(t *testing.T) {
	for _, kind := range []string{"fail", "short"} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			var f faults
			j := open(t, Config{Dir: dir, Open: f.open})
			put(t, j, 1, 10)
			sw := &f.fail
			if kind == "short" {
				sw = &f.short
			}
			sw.Store(true)
			put(t, j, 11, 40)
			if q := j.Stats().Queued; q == 0 {
				t.Fatal("nothing waits in the queue")
			}
			if j.Stats().WriteError == "" {
				t.Fatal("the fault does not show")
			}
			sw.Store(false)
			flush(t, j)
			put(t, j, 41, 50)
			j.Close()
			got, lost := statuses(t, dir)
			wantSeq(t, got, 50)
			if lost != 0 {
				t.Fatalf("lost %d", lost)
			}
		})
	}
}

// A write that comes late and its queued copy count once.
func TestSlowDiskCountsOnce(t *testing.T) {
	dir := t.TempDir()
	var f faults
	j := open(t, Config{Dir: dir, Open: f.open})
	put(t, j, 1, 3)
	f.slow.Store(int64(150 * time.Millisecond))
	put(t, j, 4, 8)
	f.slow.Store(0)
	put(t, j, 9, 12)
	flush(t, j)
	j.Close()
	if j.Stats().Late == 0 {
		t.Fatal("no answer was late: the test shows nothing")
	}
	got, _ := statuses(t, dir)
	wantSeq(t, got, 12)
}

func TestGapsAddUp(t *testing.T) {
	dir := t.TempDir()
	var f faults
	ring, err := NewRing(2048)
	if err != nil {
		t.Fatal(err)
	}
	j := open(t, Config{Dir: dir, Open: f.open, Queue: ring})
	put(t, j, 1, 5)
	// A busy machine may have been slow to begin the segment: what waits because of
	// that is not what is counted here.
	flush(t, j)
	f.fail.Store(true)
	put(t, j, 6, 105)
	queued := j.Stats().Queued
	lost := j.Stats().GapLost
	if lost == 0 || uint64(queued)+lost != 100 {
		t.Fatalf("%d queued, %d lost, want 100 together", queued, lost)
	}
	f.fail.Store(false)
	flush(t, j)
	for j.ring.lostPending() > 0 {
		time.Sleep(time.Millisecond)
	}
	put(t, j, 106, 110)
	j.Close()
	got, told := statuses(t, dir)
	if told != lost || len(got) != 110-int(lost) {
		t.Fatalf("%d events and %d told lost, want %d and %d", len(got), told, 110-lost, lost)
	}
}

// What waits in the ring when a process is killed is written by the next one.
func TestQueueOutlivesProcess(t *testing.T) {
	dir := t.TempDir()
	var f faults
	ring, _ := NewRing(1 << 20)
	j := open(t, Config{Dir: dir, Open: f.open, Queue: ring})
	put(t, j, 1, 5)
	f.fail.Store(true)
	put(t, j, 6, 20)
	j.Close() // as good as a kill: the disk still refuses
	again, err := OpenRing(ring.File())
	if err != nil {
		t.Fatal(err)
	}
	j = open(t, Config{Dir: dir, Queue: again})
	put(t, j, 21, 25)
	flush(t, j)
	j.Close()
	got, _ := statuses(t, dir)
	wantSeq(t, got, 25)
}

func TestRotationAndBounds(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir, MaxBytes: 3 * SegmentSize})
	big := make([]byte, 8<<20)
	for i := 0; i < 40; i++ {
		seq, err := j.Append(&event.Event{Time: time.Now(), Kind: event.ConnBytes, Data: &event.Bytes{Data: big}})
		if err != nil {
			t.Fatal(err)
		}
		j.Before(seq, func() {})
	}
	j.Close()
	segs, _ := listSegments(dir)
	if len(segs) < 2 || len(segs) > 4 {
		t.Fatalf("%d segments", len(segs))
	}
	r := NewReader(dir, 0)
	defer r.Close()
	n := 0
	for {
		if _, _, err := r.Next(); err != nil {
			break
		}
		n++
	}
	if n == 0 || n >= 40 {
		t.Fatalf("%d events kept", n)
	}
}

func TestReaderFollowsWriter(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir})
	var wg sync.WaitGroup
	wg.Add(1)
	const n = 20000
	go func() {
		defer wg.Done()
		for i := 1; i <= n; i++ {
			j.Append(ev(i))
		}
	}()
	r := NewReader(dir, 0)
	defer r.Close()
	deadline := time.Now().Add(20 * time.Second)
	for want := uint64(1); want <= n; {
		seq, _, err := r.Next()
		if errors.Is(err, io.EOF) {
			if time.Now().After(deadline) {
				t.Fatalf("stuck at %d", want)
			}
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if seq != want {
			t.Fatalf("got %d, want %d", seq, want)
		}
		want++
	}
	wg.Wait()
	j.Close()
}

func TestNewerFormatIsRefused(t *testing.T) {
	dir := t.TempDir()
	h := header(1)
	h[4] = 99
	os.WriteFile(filepath.Join(dir, "00000000000000000001.wfj"), h, 0o600)
	_, err := Open(Config{Dir: dir})
	var ne *NewerError
	if !errors.As(err, &ne) {
		t.Fatalf("got %v", err)
	}
}

func FuzzReadSegment(f *testing.F) {
	good := appendRecord(header(1), 1, []byte("{}\n"))
	f.Add(good)
	f.Add(good[:len(good)-2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		p := filepath.Join(dir, "00000000000000000001.wfj")
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := Open(Config{Dir: dir})
		if err != nil {
			return
		}
		seq, err := j.Append(ev(7))
		if err != nil {
			t.Skip()
		}
		j.Before(seq, func() {})
		j.Close()
		r := NewReader(dir, seq-1)
		defer r.Close()
		s, _, err := r.Next()
		if err != nil || s != seq {
			t.Fatalf("after recovery: seq %d err %v, want %d", s, err, seq)
		}
	})
}

func BenchmarkAppendWait(b *testing.B) {
	j, err := Open(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	e := &event.Event{Time: time.Now(), Kind: event.HTTPRequest, Conn: "cabc", Data: &event.Request{Method: "GET", URL: "/_ping", Proto: "HTTP/1.1",
		Headers: []event.Header{{"Host", "127.0.0.1:2375"}, {"User-Agent", "x"}}}}
	b.ReportAllocs()
	for b.Loop() {
		seq, _ := j.Append(e)
		j.Before(seq, func() {})
	}
}

// Whatever the answer waits for is in the file when it leaves, whoever wrote it.
func TestAnswersLeaveAfterTheirRecord(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir})
	const clients, each = 16, 200
	var wg sync.WaitGroup
	var early atomic.Int64
	for range clients {
		wg.Go(func() {
			for i := range each {
				j.Append(ev(i))
				seq, _ := j.Append(ev(i))
				j.Before(seq, func() {
					if j.written.Load() < seq {
						early.Add(1)
					}
				})
				if i%20 == 0 {
					j.Append(ev(i)) // what nobody waits for
				}
			}
		})
	}
	wg.Wait()
	deadline := time.Now().Add(5 * time.Second)
	want := uint64(clients * (2*each + each/20))
	for j.written.Load() < want && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	got, _ := statuses(t, dir) // without a Flush: the clock has brought the rest along
	if uint64(len(got)) != want || early.Load() > int64(j.Stats().Late) {
		t.Fatalf("%d events, want %d; %d answers left early, %d told late", len(got), want, early.Load(), j.Stats().Late)
	}
	j.Close()
}

// The answer of one who is stuck in a write leaves in time, and others write on into
// the queue; the disk that comes back takes all of it once.
func TestStuckWriteHoldsNoAnswer(t *testing.T) {
	dir := t.TempDir()
	stuck := make(chan struct{})
	var hold atomic.Bool
	j := open(t, Config{Dir: dir, Open: func(path string, size int64) (File, error) {
		f, err := openFile(path, size)
		return stuckDisk{f, &hold, stuck}, err
	}})
	put(t, j, 1, 5)
	hold.Store(true)
	sent := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		seq, _ := j.Append(ev(6))
		j.Before(seq, func() { close(sent) })
	}()
	select {
	case <-sent:
	case <-time.After(10 * time.Second):
		t.Fatal("the answer waits for the disk")
	}
	put(t, j, 7, 40) // nobody of these may be stuck
	if j.Stats().Late == 0 || j.Stats().Queued < 34 {
		t.Fatalf("%+v", j.Stats())
	}
	close(stuck)
	<-done
	flush(t, j)
	j.Close()
	got, _ := statuses(t, dir)
	wantSeq(t, got, 40)
}

type stuckDisk struct {
	File
	hold  *atomic.Bool
	stuck chan struct{}
}

func (d stuckDisk) Write(p []byte) (int, error) {
	if d.hold.Load() {
		<-d.stuck
	}
	return d.File.Write(p)
}

// fsync begins in time, and no answer waits for it.
func TestSyncBeginsInTime(t *testing.T) {
	dir := t.TempDir()
	began := make(chan time.Time, 16)
	slow := make(chan struct{})
	j := open(t, Config{Dir: dir, Open: func(path string, size int64) (File, error) {
		f, err := openFile(path, size)
		return slowSync{f, began, slow}, err
	}})
	from := time.Now()
	put(t, j, 1, 1)
	at := <-began
	// The clock's steps are the machine's: twice the promise is a fault on any.
	if d := at.Sub(from); d > 2*SyncDelay+time.Second {
		t.Fatalf("fsync began after %v", d)
	}
	put(t, j, 2, 50)
	if l := j.Stats().Late; l != 0 {
		t.Fatalf("%d answers were late while fsync ran", l)
	}
	close(slow)
	j.Close()
	got, _ := statuses(t, dir)
	wantSeq(t, got, 50)
}

type slowSync struct {
	File
	began chan time.Time
	slow  chan struct{}
}

func (d slowSync) Sync() error {
	select {
	case d.began <- time.Now():
	default:
	}
	<-d.slow
	return d.File.Sync()
}

// Who waits for a disk that refuses everything is told why, and is not kept for ever.
func TestFlushOfARefusingDiskSaysWhy(t *testing.T) {
	var f faults
	j := open(t, Config{Dir: t.TempDir(), Open: f.open})
	put(t, j, 1, 2)
	f.fail.Store(true)
	put(t, j, 3, 5)
	err := j.Flush(t.Context())
	if err == nil || !strings.Contains(err.Error(), "input/output error") {
		t.Fatalf("got %v", err)
	}
	f.fail.Store(false)
	if err := j.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	j.Close()
}
