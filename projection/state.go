package projection

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/oxbow-events/oxbow/store"
)

// Bucket is where the state of projections is kept as items, by package internal/lease. Their documents are in buckets of their own.
const Bucket = "oxbow.projection"

// slotBucket and slotKey are where internal/lease keeps the payload of a projection's only slot: its state.
const slotBucket = Bucket + ".slot"

func slotKey(name string) string { return name + "/0000" }

// maxName leaves room for what is put around the name.
const maxName = 200

// state is what all processes share about a projection.
type state struct {
	Active   int            `json:"active"`             // the version whose code works; the others stand aside
	Rejected int            `json:"rejected,omitempty"` // versions up to this one were switched back from, and do not become active by themselves
	Last     uint64         `json:"last"`               // number of the newest generation
	Effects  store.Position `json:"effects,omitempty"`  // up to which events were applied for the first time: what is applied again is replayed
	Live     generation     `json:"live"`               // what readers see
	Next     *generation    `json:"next,omitempty"`     // what is being built
	Previous *generation    `json:"previous,omitempty"` // what was live before
	Garbage  []garbage      `json:"garbage,omitempty"`  // what is to be removed
}

// generation is a set of documents.
type generation struct {
	Number   uint64         `json:"number"` // 1, 2, 3…; 0 does not exist
	Version  int            `json:"version"`
	Position store.Position `json:"position"`
	Indexes  []string       `json:"indexes,omitempty"` // that it has, in order
	Stale    []string       `json:"stale,omitempty"`   // that it had, until code without them changed documents
	Begun    time.Time      `json:"begun"`
	ByHand   bool           `json:"by_hand,omitempty"` // waits for Switch
	CaughtUp bool           `json:"caught_up,omitempty"`
	Failure  string         `json:"failure,omitempty"` // why it is not built any further
}

// garbage are the documents and indexes of a generation that nobody can see any more.
type garbage struct {
	Number  uint64   `json:"number"`
	Indexes []string `json:"indexes,omitempty"`
}

// clone returns a state that shares nothing with s that can be changed.
func (s *state) clone() *state {
	c := *s
	if s.Next != nil {
		next := *s.Next
		c.Next = &next
	}
	if s.Previous != nil {
		previous := *s.Previous
		c.Previous = &previous
	}
	c.Garbage = slices.Clone(s.Garbage)
	return &c
}

func (s *state) throwAway(g *generation) {
	if g != nil {
		s.Garbage = append(s.Garbage, garbage{g.Number, slices.Concat(g.Indexes, g.Stale)})
	}
}

// begin puts an empty next generation in the place of whatever was being built.
func (s *state) begin(g generation) {
	s.throwAway(s.Next)
	s.throwAway(s.Previous)
	s.Previous = nil
	s.Last++
	g.Number, g.Begun = s.Last, now()
	s.Next = &g
}

// switchOver makes the next generation the live one.
func (s *state) switchOver() {
	old := s.Live
	s.throwAway(s.Previous)
	s.Previous = &old
	s.Live, s.Next = *s.Next, nil
	s.Live.CaughtUp, s.Live.ByHand = false, false
}

// switchBack makes the previous generation the live one again.
func (s *state) switchBack() {
	s.throwAway(s.Next)
	s.Next = nil
	s.Live, *s.Previous = *s.Previous, s.Live
	s.Active = s.Live.Version
	s.Rejected = 0
	if s.Previous.Version > s.Live.Version {
		s.Rejected = s.Previous.Version
	}
}

func (s *state) encode() (json.RawMessage, error) { return json.Marshal(s) }

// decodeState returns nil for a projection that has none yet.
func decodeState(name string, data json.RawMessage) (*state, error) {
	if len(data) == 0 {
		return nil, nil
	}
	s := &state{}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("state of projection %s: %w: %w", name, store.ErrDamaged, err)
	}
	return s, nil
}

// loadState returns what is saved; nil when the projection has never run.
func loadState(ctx context.Context, st *store.Store, name string) (*state, error) {
	item, err := st.Get(ctx, slotBucket, slotKey(name))
	if err != nil || item.Revision == 0 {
		return nil, err
	}
	var slot struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(item.Value, &slot); err != nil {
		return nil, fmt.Errorf("item %q in %q: %w: %w", item.Key, item.Bucket, store.ErrDamaged, err)
	}
	return decodeState(name, slot.Data)
}

func bucketOf(name string, generation uint64) string {
	return fmt.Sprintf("%s/%s/%d", Bucket, name, generation)
}
