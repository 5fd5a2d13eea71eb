package kernel

import (
	"sync"
	"time"

	"github.com/whalefall/whalefall/internal/vfs"
)

type waitqMutex = sync.Mutex

func (q *waitq) add(c chan struct{}) {
	q.mu.Lock()
	q.ws = append(q.ws, c)
	q.mu.Unlock()
}

func (q *waitq) remove(c chan struct{}) {
	q.mu.Lock()
	for i, w := range q.ws {
		if w == c {
			q.ws[i] = q.ws[len(q.ws)-1]
			q.ws = q.ws[:len(q.ws)-1]
			break
		}
	}
	q.mu.Unlock()
}

func (q *waitq) wake() {
	q.mu.Lock()
	for _, w := range q.ws {
		select {
		case w <- struct{}{}:
		default:
		}
	}
	q.mu.Unlock()
}

// block waits until cond holds, looking again whenever one of the queues or a
// signal wakes the task. EINTR tells that a handler ran, or that the task dies: a
// task that unwinds never waits, whatever its deferred functions call.
//
// The wake channel holds one wake for all reasons, and who takes it must look at
// all of them: a poll that stopped the task, or ran a handler that itself waited,
// may have taken one that was cond's, so cond is looked at again after it.
func (t *Task) block(cond func() bool, qs ...*waitq) error {
	if cond() {
		return nil
	}
	for _, q := range qs {
		q.add(t.wake)
		defer q.remove(t.wake)
	}
	for {
		if cond() {
			return nil
		}
		if t.dying {
			return vfs.EINTR
		}
		if t.attn.Load() {
			if t.poll() {
				return vfs.EINTR
			}
			continue
		}
		if t.throttled {
			<-t.wake
			continue
		}
		t.state.Store(int32(stateSleeping))
		<-t.wake
		t.state.Store(int32(stateRunning))
	}
}

// blockFor is block with a time-out.
func (t *Task) blockFor(d time.Duration, cond func() bool, qs ...*waitq) error {
	if d <= 0 {
		cond()
		return nil
	}
	end := t.k.Now().Add(d)
	stop := t.k.cfg.Clock.AfterFunc(d, t.kick)
	defer stop()
	return t.block(func() bool { return cond() || !t.k.Now().Before(end) }, qs...)
}

// Sleep waits. It gives what is left when a handler ran. A signal that came
// before the call counts as one that came just after it began: who looks at a flag
// that a handler sets and then sleeps does not miss it.
func (t *Task) Sleep(d time.Duration) (left time.Duration) {
	ran := t.handled
	t.enter()
	if d <= 0 {
		return 0
	}
	if t.handled != ran {
		return d
	}
	end := t.k.Now().Add(d)
	err := t.blockFor(d, func() bool { return false })
	if err != nil {
		return max(0, end.Sub(t.k.Now()))
	}
	return 0
}

// hostWait waits outside of any task until cond holds.
func hostWait(cond func() bool, qs ...*waitq) {
	if cond() {
		return
	}
	c := make(chan struct{}, 1)
	for _, q := range qs {
		q.add(c)
		defer q.remove(c)
	}
	for !cond() {
		<-c
	}
}
