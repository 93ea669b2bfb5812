package projection

import (
	"context"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/store"
)

// Rebuild replays every event into a new generation of documents and then puts it in place of the old one, in one commit.
// Readers see the old documents until then; Run may go on meanwhile, in which case handlers are called from both. The old
// generation is kept until the next rebuild. progress, which may be nil, is told how far it is.
func (p *Projection[D]) Rebuild(ctx context.Context, progress func(done, head store.Position)) error {
	if err := p.check(); err != nil {
		return fmt.Errorf("projection %s: %w", p.name, err)
	}
	select {
	case p.rebuilding <- struct{}{}:
		defer func() { <-p.rebuilding }()
	default:
		return fmt.Errorf("projection %s: is already being rebuilt", p.name)
	}
	if err := p.rebuild(ctx, progress); err != nil {
		return fmt.Errorf("rebuild projection %s: %w", p.name, err)
	}
	return nil
}

func (p *Projection[D]) rebuild(ctx context.Context, progress func(done, head store.Position)) error {
	next, err := p.beginNext(ctx)
	if err != nil {
		return err
	}
	for {
		head, err := p.store.Head(ctx)
		if err != nil {
			return err
		}
		tell := func(done store.Position) {
			if progress != nil {
				progress(done, head)
			}
		}
		if err := p.advance(ctx, p.nextName(), &next, head, tell); err != nil {
			return err
		}
		replaced, err := p.replace(ctx, next)
		if replaced || err != nil {
			return err
		}
	}
}

// beginNext clears what earlier rebuilds left and returns the state of an empty next generation.
func (p *Projection[D]) beginNext(ctx context.Context) (state, error) {
	current, err := p.loadState(ctx, p.name)
	if err != nil {
		return state{}, err
	}
	next, err := p.loadState(ctx, p.nextName())
	if err != nil {
		return state{}, err
	}
	next.Generation, next.Position = current.Generation+1, 0
	if err := p.save(ctx, p.nextName(), &next, nil); err != nil {
		return state{}, err
	}
	if err := p.clear(ctx, next.Generation); err != nil {
		return state{}, err
	}
	if current.Generation == 0 {
		return next, nil
	}
	return next, p.clear(ctx, current.Generation-1)
}

// replace puts the next generation in place, unless the current one is further on or moves meanwhile.
func (p *Projection[D]) replace(ctx context.Context, next state) (replaced bool, err error) {
	current, err := p.loadState(ctx, p.name)
	if err != nil || current.Position > next.Position {
		return false, err
	}
	own, err := next.write(p.name)
	if err != nil {
		return false, err
	}
	_, err = p.store.Commit(ctx, store.Commit{
		Items: []store.ItemWrite{own, store.Delete(Bucket, p.nextName())},
		Conditions: []store.Condition{
			store.ItemAt(Bucket, p.name, current.revision),
			store.ItemAt(Bucket, p.nextName(), next.revision),
		},
	})
	if conflict := (*store.ConflictError)(nil); errors.As(err, &conflict) && conflict.Key == p.name {
		return false, nil
	}
	return err == nil, err
}

// clear removes the documents of a generation.
func (p *Projection[D]) clear(ctx context.Context, generation uint64) error {
	bucket := p.bucket(generation)
	var deletes []store.ItemWrite
	for item, err := range p.store.List(ctx, bucket, "", "") {
		if err != nil {
			return err
		}
		deletes = append(deletes, store.Delete(bucket, item.Key))
	}
	for len(deletes) > 0 {
		n := min(len(deletes), store.MaxItems)
		if _, err := p.store.Commit(ctx, store.Commit{Items: deletes[:n]}); err != nil {
			return err
		}
		deletes = deletes[n:]
	}
	return nil
}
