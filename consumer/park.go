package consumer

import (
	"context"
	"errors"

	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/middleware"
)

// waitBehind parks records behind a dead letter of their key, without calling the handler.
func (r *run) waitBehind(e *errand) error {
	l := e.lanes[0]
	letters := make([]parked.Letter, 0, len(e.jobs))
	for _, j := range e.jobs {
		if j.record.Position <= l.slot.letters { // the checkpoint may have been put back to before it was parked
			has, err := parked.Has(r.handling, r.store, r.name, j.record.Position)
			if err != nil {
				r.board.handBack(e)
				return err
			}
			if has {
				continue
			}
		}
		letters = append(letters, newLetter(l, j, parked.Waiting))
	}
	r.committer.put(&finished{errand: e, letters: letters})
	return nil
}

// roomForLetters returns how many more dead letters there may be.
func (k *committer) roomForLetters(ctx context.Context, queue []*finished) int {
	any := false
	for _, f := range queue {
		any = any || len(f.letters) > 0
	}
	if !any || k.failure != nil {
		return 0
	}
	count, err := k.letterCount(ctx)
	if err != nil {
		k.stop(err)
		return 0
	}
	return max(k.cfg.DeadLetters-int(count.Letters), 0)
}

// limit ends the run because there is no room for a letter.
func (k *committer) limit(f *finished) {
	k.end(&LimitError{
		Consumer: "consumer " + k.name, Limit: k.cfg.DeadLetters, Letters: k.count.Letters, Record: f.letters[0].Record, Err: f.err,
	})
	k.board.handBack(f.errand)
}

// cut leaves those letters to the next commit for which there is no room in this one.
func (b *board) cut(f *finished, room int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	last := f.letters[room-1].Record.Position
	n := 0
	for n < len(f.jobs) && f.jobs[n].record.Position <= last {
		n++
	}
	b.unparking(f.errand, len(f.jobs)-n)
	f.letters, f.jobs, f.counts[0] = f.letters[:room], f.jobs[:n], n
}

// settle notes that what was finished is committed. The caller holds the lock.
func (b *board) settle(f *finished) {
	if f.errand == nil {
		return
	}
	s := f.lanes[0].slot
	if f.behind {
		b.unparking(f.errand, len(f.jobs))
	}
	if len(f.letters) > 0 && !s.ended {
		hash := f.lanes[0].hashed()
		s.parked[hash] = struct{}{}
		if rd := s.redrives[hash]; rd != nil {
			rd.more = true
		}
	}
	if f.again != nil {
		b.endRedrive(f.lanes[0])
		b.giveBack(f.lanes[0])
		return
	}
	b.doneLocked(f.errand)
}

// unparking notes that records are no longer on their way to the dead letters.
func (b *board) unparking(e *errand, n int) {
	l := e.lanes[0]
	s, hash := l.slot, l.hashed()
	if s.parking[hash] -= n; s.parking[hash] <= 0 {
		delete(s.parking, hash)
	}
	if rd := s.redrives[hash]; rd != nil && rd.starved {
		rd.starved = false
		rd.page()
	}
}

func stackOf(err error) string {
	if panicked, ok := errors.AsType[*middleware.PanicError](err); ok {
		return string(panicked.Stack)
	}
	return ""
}
