package deadletter

import (
	"context"
	"time"

	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
)

// Redrive asks the consumer to try letters again: the keys of those that match go on. The consumer takes a key's letters in order, and
// those that wait behind follow by themselves; it does so while it runs, or when it runs next. A letter that fails again stays, with
// its new error, and so do those behind it.
//
// A letter that waits behind one that does not match is not tried, so that order is kept: Report.Held counts it.
//
// It works page by page, each one commit. Whatever ends it midway, also a crash, loses nothing: run it again, and what was asked before is
// not asked twice. The error answers to event.ErrInvalid for what makes no sense; the report then and with any other error tells what was
// done until then.
func (l *Letters) Redrive(ctx context.Context, f Filter, o Options) (Report, error) {
	if err := o.check(&f); err != nil {
		return Report{}, err
	}
	return Paged(ctx, o, func(ctx context.Context, o Options) (Report, error) {
		var page redrive
		err := l.untilItFits(ctx, func() error {
			page = redrive{Letters: l, filter: &f, options: &o, keys: map[keyName]*asked{}, before: map[Position]bool{}, report: Report{DryRun: o.DryRun}}
			return page.do(ctx)
		})
		return page.report, err
	})
}

// redrive is one page.
type redrive struct {
	*Letters
	filter  *Filter
	options *Options
	keys    map[keyName]*asked
	asks    []parked.Request
	fronts  []Position        // the letters that failed, of the keys asked
	before  map[Position]bool // likewise, of those asked before
	seen    []store.Condition // that the letters are as they were looked at
	report  Report
}

type keyName struct {
	slot int
	hash parked.Hash
}

// asked is what a page knows of a key.
type asked struct {
	first Position // that the others wait behind
	goes  bool     // it was asked to go on before, or is by this redrive
}

func (r *redrive) do(ctx context.Context) error {
	last := r.options.Cursor
	for each, err := range r.scan(ctx, r.filter, last) {
		if err != nil {
			return err
		}
		if len(r.asks) == r.options.Limit || r.report.Looked == maxScan {
			r.report.Next = last
			break
		}
		r.report.Looked++
		last = each.position
		switch {
		case each.damaged != nil:
			r.report.broken(each.damaged)
		case r.filter.match(&each.letter):
			if err := r.letter(ctx, &each.letter); err != nil {
				return err
			}
		}
	}
	return r.write(ctx)
}

// letter looks at a letter that matches.
func (r *redrive) letter(ctx context.Context, l *parked.Letter) error {
	name := keyName{l.Slot, l.Hash}
	k := r.keys[name]
	if k == nil {
		state, err := r.keyOf(ctx, l.Slot, l.Hash)
		if err != nil {
			return err
		}
		if k, err = r.firstLook(ctx, state); err != nil {
			return err
		}
		r.keys[name] = k
	}
	if k.first == l.Record.Position {
		r.ask(l, k)
	}
	if !k.goes {
		r.report.held(Behind{Position: l.Record.Position, Front: k.first})
		return nil
	}
	r.report.Letters++
	return nil
}

// firstLook decides whether a key goes on: it does when the letter that failed matches, on this page or another.
func (r *redrive) firstLook(ctx context.Context, state key) (*asked, error) {
	k := &asked{first: state.first.Position, goes: state.request.Revision > 0}
	if k.goes {
		r.before[k.first] = true
		return k, nil
	}
	first, ok, err := r.look(ctx, k.first)
	k.goes = ok && first.damaged == nil && r.filter.match(&first.letter)
	return k, err
}

// ask asks the key of a letter that failed and matches to go on.
func (r *redrive) ask(l *parked.Letter, k *asked) {
	p := l.Record.Position
	if r.before[p] {
		r.report.Already++
		return
	}
	k.goes = true
	r.report.Keys++
	r.fronts = append(r.fronts, p)
	r.asks = append(r.asks, parked.Request{Slot: l.Slot, Hash: l.Hash, At: time.Now().UTC().Round(0), By: r.options.By})
	r.seen = append(r.seen, store.ItemAt(parked.Letters(r.name), parked.LetterKey(p), l.Revision))
}

func (r *redrive) write(ctx context.Context) error {
	if len(r.asks) == 0 || r.options.DryRun {
		return nil
	}
	w, err := parked.Writes(r.name, parked.Count{}, parked.Change{Ask: r.asks})
	if err != nil {
		return err
	}
	w.Conditions = append(w.Conditions, r.seen...)
	err = r.journal(ctx, &w, Entry{
		At: time.Now().UTC().Round(0), By: r.options.By, Why: r.options.Why, Action: Redriven, Filter: r.filter,
		Letters: r.report.Letters, Keys: r.report.Keys, Positions: r.fronts,
	})
	_, err = r.commit(ctx, w, err)
	return err
}
