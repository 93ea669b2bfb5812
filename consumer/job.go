package consumer

import (
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
)

// job is one record that is to be handled. Whoever took its lane owns it; its place in the slot's list is the board's.
type job struct {
	record event.Record
	batch  *Handler       // that it is for, when that takes batches
	letter *parked.Letter // that it comes from, when it is redriven

	attempts  int       // failed ones
	first     time.Time // when the first of them failed
	conflicts int       // in a row, for which the handler is not to blame
	alone     bool      // the batch that it was in failed

	before, after *job // in its slot's list of what is open
	gap           bool // between before and it, records of the slot are done
	committing    bool // counts as done in the commit that is being made
}

// size is what the job takes in memory, roughly.
func (j *job) size() int { return 512 + len(j.record.Data) }

// lane holds the jobs of one key in order: of live records, or of the letters of a key that is redriven.
type lane struct {
	key  string
	slot *slot
	hash parked.Hash // of the key; 0 until somebody asks
	jobs queue[*job]

	redrive *redrive // whose letters these are; nil for live records
	waiting bool     // for the next attempt: it is in no queue but that of the retries
}

// hashed returns the key's hash. The caller holds the board's lock.
func (l *lane) hashed() parked.Hash {
	if l.hash == 0 {
		l.hash = parked.HashOf(l.key)
	}
	return l.hash
}

// queue is a first-in, first-out queue that keeps its memory.
type queue[T any] struct {
	items []T
	head  int
}

func (q *queue[T]) len() int { return len(q.items) - q.head }

func (q *queue[T]) at(i int) T { return q.items[q.head+i] }

func (q *queue[T]) push(v T) {
	if q.head > 32 && q.head*2 > len(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, v)
}

func (q *queue[T]) pop() T {
	var none T
	v := q.items[q.head]
	q.items[q.head] = none
	if q.head++; q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	return v
}
