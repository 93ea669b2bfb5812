package consumer

import (
	"context"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
)

// handleReady is one worker.
func (r *run) handleReady() error {
	h := r.board.enter()
	for r.board.next(h, r.cfg.Batch) {
		for i, ok := h.begin(); ok; i, ok = h.begin() {
			done, err := r.handle(h.errands[i])
			if err != nil {
				return err
			}
			h.end(i, !done)
			if h.low() {
				r.board.topUp(h, r.cfg.Batch)
			}
			if h.late() {
				break
			}
		}
	}
	return nil
}

// handle sees to an errand. It is not done when it went on to somebody else: to the committer, or back to the board.
func (r *run) handle(e *errand) (done bool, err error) {
	switch {
	case e.void():
		r.board.handBack(e)
		return false, nil
	case e.behind:
		return false, r.waitBehind(e)
	}
	c, err := r.call(e)
	tx := c.end()
	switch {
	case err != nil:
		return false, r.failedCall(e, err)
	case tx == nil && e.jobs[0].letter == nil:
		return true, nil
	}
	r.committer.put(&finished{errand: e, tx: tx})
	return false, nil
}

// call calls the handler of an errand's jobs.
func (r *run) call(e *errand) (*handlingContext, error) {
	first := e.jobs[0]
	at := attempt{r.name, first.attempts + 1}
	if len(e.jobs) > 1 {
		return r.callBatch(e, at)
	}
	c := r.contextFor(e.lanes[0].slot.handling, &first.record, first.record.ID)
	if r.cfg.Hook != nil {
		return c, r.callHooked(c, at, first.record)
	}
	return c, r.routes.call(c, r.store.Registry(), at, first.record)
}

func (r *run) callBatch(e *errand, at attempt) (*handlingContext, error) {
	records := make([]event.Record, len(e.jobs))
	for i, j := range e.jobs {
		records[i] = j.record
	}
	id := batchID(e.jobs)
	ctx, release := r.whileAllHeld(e)
	defer release()
	c := r.contextFor(ctx, &records[0], id)
	if r.cfg.Hook != nil {
		return c, r.callBatchHooked(c, at, e.jobs[0].batch, id, records)
	}
	return c, e.jobs[0].batch.callBatch(c, r.store.Registry(), at, id, records)
}

// whileAllHeld returns a context that ends when one of the slots is lost.
func (r *run) whileAllHeld(e *errand) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancel(e.lanes[0].slot.handling)
	var stops []func() bool
	var seen *slot
	for _, l := range e.lanes {
		if l.slot != seen {
			seen = l.slot
			stops = append(stops, context.AfterFunc(seen.handling, cancel))
		}
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}

// failedCall sees to what follows from a failed attempt: another one, or that the record is given up. An error ends the run.
func (r *run) failedCall(e *errand, err error) error {
	if e.void() {
		r.board.handBack(e)
		return nil
	}
	if len(e.jobs) > 1 {
		r.log(&e.jobs[0].record, "batch failed, will try its records one by one", err, "records", len(e.jobs))
		for _, j := range e.jobs {
			j.alone = true
		}
		r.board.handBack(e)
		return nil
	}
	j := e.jobs[0]
	j.attempts++
	j.conflicts = 0
	if j.first.IsZero() {
		j.first = time.Now()
	}
	wait, again := r.cfg.Retry.Delay(err, j.attempts)
	r.board.note(e, err, !again)
	if !again {
		return r.spent(e, err)
	}
	r.log(&j.record, "handler failed, will try again", err, "attempt", j.attempts, "wait", wait)
	r.tellRetry(j.record, j.attempts, wait, err)
	l := e.lanes[0]
	r.board.retryLater(l)
	r.retries.Add(time.Now().Add(wait), l)
	return nil
}

// void reports whether what the handler returned counts for nothing: it was told to end, or its slot is another run's by now.
func (e *errand) void() bool {
	for _, l := range e.lanes {
		if l.slot.handling.Err() != nil || !l.slot.lease.Held() {
			return true
		}
	}
	return false
}

// spent gives a record up.
func (r *run) spent(e *errand, err error) error {
	j := e.jobs[0]
	r.tellDeadLetter(j.record, j.attempts, err)
	switch {
	case j.letter != nil:
		r.log(&j.record, "handler failed, dead letter kept", err, "attempt", j.attempts)
		r.committer.put(&finished{errand: e, again: stillFailed(j, err), unask: []parked.Request{e.lanes[0].redrive.request}})
		return nil
	case r.cfg.Spent == Halt:
		halt := &HaltError{Consumer: "consumer " + r.name, Record: j.record, Attempts: j.attempts, Err: err}
		r.board.forgive(e)
		return halt
	case r.cfg.Spent == Skip:
		r.log(&j.record, "handler failed, record skipped", err, "attempt", j.attempts)
		r.board.done(e)
		return nil
	}
	r.log(&j.record, "handler failed, record parked", err, "attempt", j.attempts)
	r.committer.put(&finished{errand: e, letters: failedLetter(e, err), err: err})
	return nil
}

// note remembers a failed attempt, for the next run and for people.
func (b *board) note(e *errand, err error, spent bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	j, s := e.jobs[0], e.lanes[0].slot
	b.failure = Failure{At: time.Now(), Position: j.record.Position, Type: j.record.Type, Stream: j.record.Stream, Attempt: j.attempts, Err: err}
	if j.letter == nil && !s.ended && !spent {
		s.noteFailure(j)
		b.dirtied()
	}
}

// retryLater puts a lane aside until again.
func (b *board) retryLater(l *lane) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !l.slot.ended {
		l.waiting = true
		b.retrying++
	}
	b.giveBack(l)
}

// forgive hands an errand back that halts the run: the next run begins with its first attempt.
func (b *board) forgive(e *errand) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := e.lanes[0]
	delete(l.slot.failed, e.jobs[0].record.Position)
	l.slot.dirty = true
	l.slot.resting = true // so that it is not tried again meanwhile
	b.gather()
	b.giveBack(l)
}
