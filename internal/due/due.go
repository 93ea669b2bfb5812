// Package due hands out values when their times have come: any number of them with one timer and one goroutine.
package due

import (
	"context"
	"sync"
	"time"
)

// recheck is the longest sleep before the clock is looked at again. The clock on the wall may be set, and a timer stands still while a
// computer is suspended.
const recheck = 2 * time.Second

// Queue holds values until they are due. Its methods may be called at the same time, but only one goroutine may be in Wait or Run.
//
// A time that has a monotonic reading, as time.Now().Add(d) does, is reached when that much time has passed; one that has none is reached
// when the clock on the wall shows it, and a clock that is set forward or back is noticed within 2 seconds. All times of a queue must be
// of the same sort.
type Queue[T any] struct {
	Now func() time.Time // tells the time; default time.Now. To be set before the queue is used

	mu      sync.Mutex
	entries heap[T]
	added   uint64 // how many there ever were: equal times keep the order in which they were added

	changed chan struct{} // has a token when the first entry may be another one
}

// Entry is a value in a queue.
type Entry[T any] struct {
	at    time.Time
	nth   uint64
	place int // in the heap; -1 when it has left the queue
	value T
}

// At returns when the entry is due.
func (e *Entry[T]) At() time.Time { return e.at }

// New returns an empty queue.
func New[T any]() *Queue[T] { return &Queue[T]{Now: time.Now, changed: make(chan struct{}, 1)} }

// Add puts a value in. A time that has passed is due at once.
func (q *Queue[T]) Add(at time.Time, value T) *Entry[T] {
	q.mu.Lock()
	e := &Entry[T]{at: at, nth: q.added, value: value}
	q.added++
	q.entries.push(e)
	first := e.place == 0
	q.mu.Unlock()
	if first {
		q.wake()
	}
	return e
}

// Remove takes an entry out, and reports whether it was still in the queue: if not, its value was handed out or removed before.
func (q *Queue[T]) Remove(e *Entry[T]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.place < 0 {
		return false
	}
	q.entries.remove(e.place)
	return true
}

// Len returns how many entries there are.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.entries)
}

// First returns when the first entry is due; ok is false when there is none.
func (q *Queue[T]) First() (at time.Time, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.entries) == 0 {
		return time.Time{}, false
	}
	return q.entries[0].at, true
}

// Last returns the entry that is due last; ok is false when there is none. It looks at half of the entries.
func (q *Queue[T]) Last() (last *Entry[T], ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.entries[len(q.entries)/2:] {
		if last == nil || last.before(e) {
			last = e
		}
	}
	return last, last != nil
}

// Take removes up to limit entries that are due and returns their values in order of time, those of one time in the order in which they
// were added.
func (q *Queue[T]) Take(limit int) []T {
	now := q.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	var taken []T
	for len(taken) < limit && len(q.entries) > 0 && !q.entries[0].at.After(now) {
		taken = append(taken, q.entries.remove(0).value)
	}
	return taken
}

// Wait returns nil as soon as an entry is due, or ctx's error when that ends first.
func (q *Queue[T]) Wait(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		at, ok := q.First()
		left := recheck
		if ok {
			if left = at.Sub(q.Now()); left <= 0 {
				return nil
			}
		}
		if err := q.sleep(ctx, min(left, recheck), ok); err != nil {
			return err
		}
	}
}

// sleep waits so long, or until the first entry changes; without a timer when there is nothing to wait for.
func (q *Queue[T]) sleep(ctx context.Context, d time.Duration, timed bool) error {
	var rang <-chan time.Time
	if timed {
		timer := time.NewTimer(d)
		defer timer.Stop()
		rang = timer.C
	}
	select {
	case <-rang:
	case <-q.changed:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// Run calls back with each value when it is due, one after the other in order of time, until ctx ends. What is due but was not called
// back by then stays in the queue. A call that takes long delays the others.
func (q *Queue[T]) Run(ctx context.Context, call func(T)) {
	for q.Wait(ctx) == nil {
		for _, value := range q.Take(1) {
			call(value)
		}
	}
}

func (q *Queue[T]) wake() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}
