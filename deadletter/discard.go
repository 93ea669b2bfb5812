package deadletter

import (
	"context"
	"time"

	"github.com/oxbow-events/oxbow/internal/parked"
)

// Discard deletes letters for good, for a reason that the journal keeps; the records in the log stay. Where the first letter of a key is
// discarded, the consumer is asked to let those go on that wait behind it.
//
// A letter that cannot be read is discarded when the filter looks at nothing but positions, and left alone otherwise.
//
// As Redrive, it works page by page and can be run again after whatever ended it. The errors are those of Redrive.
func (l *Letters) Discard(ctx context.Context, f Filter, o Options) (Report, error) {
	if err := o.check(&f); err != nil {
		return Report{}, err
	}
	if err := checkWho(o.By, o.Why); err != nil {
		return Report{}, err
	}
	return Paged(ctx, o, func(ctx context.Context, o Options) (Report, error) {
		var page discard
		err := l.untilItFits(ctx, func() error {
			page = discard{Letters: l, filter: &f, options: &o, report: Report{DryRun: o.DryRun}}
			return page.do(ctx)
		})
		return page.report, err
	})
}

// maxWrites is how many items a discard writes in one commit, about.
const maxWrites = 5000

// discard is one page.
type discard struct {
	*Letters
	filter    *Filter
	options   *Options
	change    parked.Change
	broken    []Position // that cannot be read
	positions []Position // of all
	keys      []keyName  // of all, in the order in which they were met
	writes    int
	bytes     int
	report    Report
}

func (d *discard) do(ctx context.Context) error {
	last := d.options.Cursor
	for each, err := range d.scan(ctx, d.filter, last) {
		if err != nil {
			return err
		}
		if len(d.positions) == d.options.Limit || d.writes >= maxWrites || d.report.Looked == maxScan || d.bytes >= maxHeld {
			d.report.Next = last
			break
		}
		d.report.Looked++
		last = each.position
		d.take(&each)
	}
	if d.report.Looked == 0 && d.filter.Position > d.options.Cursor && d.filter.blind() {
		d.broken = []Position{d.filter.Position} // something may be left of it
	}
	for _, step := range []func(context.Context) error{d.findBroken, d.letGo, d.write} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *discard) take(each *found) {
	switch {
	case each.damaged != nil:
		d.report.broken(each.damaged)
		if d.filter.blind() {
			d.broken = append(d.broken, each.position)
			d.positions = append(d.positions, each.position)
			d.writes += 3
		}
	case d.filter.match(&each.letter):
		d.change.Resolved = append(d.change.Resolved, each.letter)
		d.positions = append(d.positions, each.position)
		d.keys = append(d.keys, keyName{each.letter.Slot, each.letter.Hash})
		d.report.Letters++
		d.bytes += each.bytes
		d.writes += 4 + len(each.letter.Edits)
	}
}

// findBroken gathers what is left of the letters that cannot be read.
func (d *discard) findBroken(ctx context.Context) error {
	if len(d.broken) == 0 {
		return nil
	}
	left, err := parked.FindDamaged(ctx, d.store, d.name, d.broken)
	for _, each := range left {
		if each.Entry.Revision > 0 {
			d.keys = append(d.keys, keyName{each.Entry.Slot, each.Entry.Hash})
		}
		d.report.Letters++
	}
	d.change.Damaged = left
	return err
}

// letGo asks those keys to go on whose first letter is discarded.
func (d *discard) letGo(ctx context.Context) error {
	discarded := make(map[Position]bool, len(d.positions))
	for _, p := range d.all() {
		discarded[p] = true
	}
	met := make(map[keyName]bool, len(d.keys))
	for _, name := range d.keys {
		if met[name] {
			continue
		}
		met[name] = true
		k, err := d.keyOf(ctx, name.slot, name.hash)
		if err != nil {
			return err
		}
		if !discarded[k.front.Position] {
			continue
		}
		if k.request.Revision == 0 {
			d.report.Keys++
		} else if len(d.broken) == 0 {
			continue // asked already
		}
		// A consumer that found the letter damaged waits until somebody asks anew.
		k.request.Slot, k.request.Hash, k.request.At, k.request.By = name.slot, name.hash, time.Now().UTC().Round(0), d.options.By
		d.change.Ask = append(d.change.Ask, k.request)
	}
	return nil
}

// all returns the positions of what is discarded.
func (d *discard) all() []Position {
	if len(d.positions) == 0 {
		return d.broken
	}
	return d.positions
}

func (d *discard) write(ctx context.Context) error {
	if d.report.Letters == 0 || d.options.DryRun {
		return nil
	}
	count, err := parked.LoadCount(ctx, d.store, d.name)
	if err != nil {
		return err
	}
	w, err := parked.Writes(d.name, count, d.change)
	if err != nil {
		return err
	}
	err = d.journal(ctx, &w, Entry{
		At: time.Now().UTC().Round(0), By: d.options.By, Why: d.options.Why, Action: Discarded, Filter: d.filter,
		Letters: d.report.Letters, Keys: d.report.Keys, Positions: d.all(),
	})
	_, err = d.commit(ctx, w, err)
	return err
}
