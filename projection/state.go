package projection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/store"
)

// Bucket is where the state of projections is kept as items. Their documents are in buckets of their own.
const Bucket = "oxbow.projection"

// maxName leaves room for what is put around the name.
const maxName = 200

// state says which generation of documents stands for which position.
type state struct {
	Generation uint64         `json:"generation"`
	Position   store.Position `json:"position"`
	saved      store.Position // the position that the item holds
	revision   uint64         // of the item: fences other runs off
}

func (p *Projection[D]) bucket(generation uint64) string {
	return fmt.Sprintf("%s/%s/%d", Bucket, p.name, generation)
}

// nextName is the name under which a rebuild keeps its state until it replaces the projection.
func (p *Projection[D]) nextName() string { return p.name + "/next" }

func (p *Projection[D]) loadState(ctx context.Context, name string) (state, error) {
	item, err := p.store.Get(ctx, Bucket, name)
	if err != nil || item.Revision == 0 {
		return state{}, err
	}
	s := state{revision: item.Revision}
	if err := json.Unmarshal(item.Value, &s); err != nil {
		return state{}, fmt.Errorf("item %q in %q is no projection's state: %w", name, Bucket, err)
	}
	s.saved = s.Position
	return s, nil
}

// write returns the item that holds the state under a name.
func (s state) write(name string) (store.ItemWrite, error) {
	value, err := json.Marshal(s)
	return store.Put(Bucket, name, value), err
}

// save commits writes together with the state, unless another run saved first.
func (p *Projection[D]) save(ctx context.Context, name string, s *state, writes []store.ItemWrite) error {
	own, err := s.write(name)
	if err != nil {
		return err
	}
	receipt, err := p.store.Commit(ctx, store.Commit{
		Items:      append(writes, own),
		Conditions: []store.Condition{store.ItemAt(Bucket, name, s.revision)},
	})
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("%w (%v)", consumer.ErrTaken, err)
	}
	if err != nil {
		return err
	}
	s.saved, s.revision = s.Position, receipt.ItemRevision
	return nil
}
