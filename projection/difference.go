package projection

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/oxbow-events/oxbow/store"
)

// Kind says how a document differs.
type Kind int

// The ways in which documents differ.
const (
	Added   Kind = iota + 1 // only the new documents have it
	Removed                 // only the old ones have it
	Changed                 // both have it, with different bytes
)

var kinds = [...]string{Added: "added", Removed: "removed", Changed: "changed"}

func (k Kind) String() string {
	if k < Added || k > Changed {
		return fmt.Sprintf("kind(%d)", int(k))
	}
	return kinds[k]
}

// MarshalText returns the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Change is how one document differs.
type Change[D any] struct {
	Key      string
	Kind     Kind
	Old, New Doc[D] // zero when there is none
}

// Difference yields how the documents that are being rebuilt differ from the live ones, in order of key; when nothing is being rebuilt,
// how the live ones differ from those that SwitchBack would go back to. It compares what both are when they are read: while events are
// being applied, what only one of them has applied is a difference too. After an error it yields no more.
func (p *Projection[D]) Difference(ctx context.Context) iter.Seq2[Change[D], error] {
	return func(yield func(Change[D], error) bool) {
		before, now, err := p.compared(ctx)
		if err != nil {
			yield(Change[D]{}, fmt.Errorf("difference of projection %s: %w", p.name, err))
			return
		}
		old, stopOld := iter.Pull2(p.store.List(ctx, before, "", ""))
		defer stopOld()
		fresh, stopFresh := iter.Pull2(p.store.List(ctx, now, "", ""))
		defer stopFresh()
		compare(old, fresh, yield)
	}
}

// compared returns the buckets to compare.
func (p *Projection[D]) compared(ctx context.Context) (before, now string, err error) {
	s, err := loadState(ctx, p.store, p.name)
	if err != nil {
		return "", "", err
	}
	live, err := p.current(ctx)
	switch {
	case err != nil:
		return "", "", err
	case s != nil && s.Next != nil:
		return bucketOf(p.name, live.Number), bucketOf(p.name, s.Next.Number), nil
	case s != nil && s.Previous != nil:
		return bucketOf(p.name, s.Previous.Number), bucketOf(p.name, live.Number), nil
	default:
		return "", "", fmt.Errorf("there is nothing to compare with: nothing is being rebuilt, and nothing is kept from before")
	}
}

// compare walks both lists, which are in order of key.
func compare[D any](old, fresh func() (store.Item, error, bool), yield func(Change[D], error) bool) {
	a, errA, okA := old()
	b, errB, okB := fresh()
	for okA || okB {
		for _, err := range [...]error{errA, errB} {
			if err != nil {
				yield(Change[D]{}, err)
				return
			}
		}
		takeA := okA && (!okB || a.Key <= b.Key)
		takeB := okB && (!okA || b.Key <= a.Key)
		if !takeA || !takeB || !bytes.Equal(a.Value, b.Value) {
			c, err := changeOf[D](a, b, takeA, takeB)
			if !yield(c, err) || err != nil {
				return
			}
		}
		if takeA {
			a, errA, okA = old()
		}
		if takeB {
			b, errB, okB = fresh()
		}
	}
}

func changeOf[D any](a, b store.Item, hasOld, hasNew bool) (c Change[D], err error) {
	switch {
	case !hasOld:
		c = Change[D]{Key: b.Key, Kind: Added}
	case !hasNew:
		c = Change[D]{Key: a.Key, Kind: Removed}
	default:
		c = Change[D]{Key: a.Key, Kind: Changed}
	}
	if hasOld {
		c.Old, err = docOf[D](a)
	}
	if hasNew && err == nil {
		c.New, err = docOf[D](b)
	}
	return c, err
}
