package bus

import "context"

// waiting is an event in a queue, with the publisher's context for its values.
type waiting struct {
	ctx    context.Context
	parcel parcel
	lane   *lane // of its key, if there are several
}

// backlog holds the events that wait in a queue: a [line] for one worker, [lanes] for several. The caller holds the queue's lock.
type backlog interface {
	push(w waiting, key string)

	// take removes the next event that may be handled. What it returns goes to release, once it is handled.
	take() (w waiting, ok bool)
	release(w waiting)

	// dropOldest removes the event that waits longest, if one does, and clear removes all.
	dropOldest() bool
	clear()

	size() int
	ready() int // how many could be taken one after the other
	oldest() parcel

	// rest gives memory back. It is called when there is nothing to do.
	rest()
}
