package consumer

import (
	"context"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/internal/parked"
)

// committer joins what many workers have finished, and the progress of handlers that wrote nothing, into commits: one after the other.
// While one is under way, the next gathers.
type committer struct {
	*run
	news chan struct{} // has a token when there is something to look at

	mu      sync.Mutex
	queue   []*finished
	flushes []flush
	closed  bool

	count   *parked.Count // of dead letters; nil until it is needed
	pace    time.Time     // until then, progress alone is not saved
	failure error         // of the store: nothing more is committed
}

// flush is somebody who waits until a slot's progress is saved.
type flush struct {
	slot *slot
	done chan struct{}
}

func newCommitter(r *run) *committer { return &committer{run: r, news: make(chan struct{}, 1)} }

func (k *committer) tell() {
	select {
	case k.news <- struct{}{}:
	default:
	}
}

// put takes over what is finished.
func (k *committer) put(f *finished) {
	k.mu.Lock()
	k.queue = append(k.queue, f)
	first := len(k.queue) == 1
	k.mu.Unlock()
	if first {
		k.tell()
	}
}

// flush returns when the progress of a slot is saved, or cannot be.
func (k *committer) flush(s *slot) {
	f := flush{s, make(chan struct{})}
	k.mu.Lock()
	k.flushes = append(k.flushes, f)
	k.mu.Unlock()
	k.tell()
	<-f.done
}

// close lets loop end when it has done what there is.
func (k *committer) close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.tell()
}

// loop commits until it is closed. When the store fails, nothing is committed any more.
func (k *committer) loop(ctx context.Context) error {
	for {
		queue, flushes, closed := k.take()
		switch {
		case len(queue)+len(flushes) > 0:
			k.round(ctx, queue, len(flushes) > 0)
			for _, f := range flushes {
				close(f.done)
			}
		case closed:
			return k.failure
		case k.due():
			k.round(ctx, nil, false)
		default:
			k.await()
		}
	}
}

func (k *committer) take() (queue []*finished, flushes []flush, closed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	queue, flushes = k.queue, k.flushes
	k.queue, k.flushes = nil, nil
	return queue, flushes, k.closed
}

// due reports whether progress is to be saved for its own sake: saving takes a tenth of the time at most.
func (k *committer) due() bool {
	return k.failure == nil && k.board.isDirty() && !time.Now().Before(k.pace)
}

// await waits for news.
func (k *committer) await() {
	if k.failure != nil {
		<-k.news
		return
	}
	if !k.board.awaitDirty() {
		select {
		case <-k.news:
		case <-k.board.tellSave:
		}
		return
	}
	timer := time.NewTimer(time.Until(k.pace))
	defer timer.Stop()
	select {
	case <-k.news:
	case <-timer.C:
	}
}

// round commits what is finished, with the progress of all slots if that is due or all is to be saved.
func (k *committer) round(ctx context.Context, queue []*finished, all bool) {
	save := all || k.due()
	began := time.Now()
	for len(queue) > 0 || save {
		group, rest := k.join(ctx, queue)
		if k.failure == nil {
			k.try(ctx, group, save, all)
		} else {
			k.handBack(group)
		}
		queue, save, all = rest, false, false
	}
	if now := time.Now(); now.After(k.pace) {
		k.pace = now.Add(9 * now.Sub(began))
	}
}

// join takes what fits into one commit. What is left keeps its order.
func (k *committer) join(ctx context.Context, queue []*finished) (group, rest []*finished) {
	joint := newJoint()
	room := k.roomForLetters(ctx, queue)
	for i, f := range queue {
		switch {
		case k.failure != nil:
			return append(group, queue[i:]...), rest
		case len(f.letters) > 0 && room == 0:
			k.limit(f)
			continue
		case len(f.letters) > room:
			k.board.cut(f, room)
		}
		switch {
		case joint.admit(f):
			room -= len(f.letters)
			group = append(group, f)
		default:
			rest = append(rest, f)
		}
	}
	return group, rest
}

// handBack lets lanes go on with nothing done.
func (k *committer) handBack(fs []*finished) {
	for _, f := range fs {
		if f.errand != nil {
			k.board.handBack(f.errand)
		}
	}
}

// stop ends the run because the store has failed.
func (k *committer) stop(err error) {
	if k.failure == nil {
		k.failure = err
		k.end(err)
	}
}

// end ends the run, which still saves its progress.
func (k *committer) end(err error) {
	k.board.halt()
	k.fail(err)
}
