package aggregate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Bucket begins the names of the buckets in which snapshots are kept as items: those of "account" are in "oxbow.aggregate/account",
// each under its aggregate's id.
const Bucket = "oxbow.aggregate"

func bucketOf(kind string) string { return Bucket + "/" + kind }

// snapshot is a state as it is kept. It counts only for as long as the event that it ends with is found at its place.
type snapshot struct {
	Version  int             `json:"version"` // of the code that made it
	Revision uint64          `json:"revision"`
	Position store.Position  `json:"position"`
	Event    event.ID        `json:"event"`  // at that revision
	Latest   time.Time       `json:"latest"` // of the events' times
	State    json.RawMessage `json:"state"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode returns the CRC-32C of the snapshot's JSON in eight hexadecimal digits, a space, and the JSON.
func (s snapshot) encode() ([]byte, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return append(checksum(text), text...), nil
}

func checksum(text []byte) []byte {
	return fmt.Appendf(nil, "%08x ", crc32.Checksum(text, castagnoli))
}

// decodeSnapshot reads what encode wrote; ok is false for anything else.
func decodeSnapshot(value []byte) (s snapshot, ok bool) {
	const sum = len("01234567 ")
	if len(value) < sum || !bytes.Equal(value[:sum], checksum(value[sum:])) {
		return snapshot{}, false
	}
	if err := json.Unmarshal(value[sum:], &s); err != nil || s.Revision == 0 || s.Position == 0 {
		return snapshot{}, false
	}
	return s, true
}

// remember returns the history that the snapshot holds, or nil when there is none that serves, such as one from before a deletion.
func (r *Repository[S, C]) remember(ctx context.Context, id string, m retention, to limit) (*history[S], error) {
	if !r.cfg.Snapshots.enabled() {
		return nil, nil
	}
	item, err := r.store.Get(ctx, bucketOf(r.name), id)
	if err != nil {
		return nil, err
	}
	s, ok := decodeSnapshot(item.Value)
	if !ok || s.Version != r.cfg.Snapshots.Version || m.meta.Revision(s.Revision) == 0 || !to.includes(s.Revision, s.Latest) {
		return nil, nil
	}
	h := &history[S]{
		Loaded: Loaded[S]{Revision: s.Revision, Position: s.Position},
		base:   s.Revision, latest: s.Latest, last: s.Event,
	}
	if err := (event.JSON{}).Decode(s.State, &h.State); err != nil {
		return nil, nil // it is of another Go type, so it does not serve
	}
	return h, nil
}

// Snapshot takes a snapshot of an aggregate as it is now, due or not. [Repository.Run] calls it for those that are due. One of a newer
// code version is left alone, so that programs of both versions can run side by side. A state that is not the same after it was written
// as JSON and read again is refused.
func (r *Repository[S, C]) Snapshot(ctx context.Context, id string) error {
	if !r.cfg.Snapshots.enabled() {
		return event.Invalid("Snapshots", "are off, so nobody would read one; set Every or Age")
	}
	h, err := r.replay(ctx, id, forever)
	if err != nil || h.events == 0 {
		return err
	}
	state, err := encodeState(h.State)
	if err != nil {
		return err
	}
	item, err := r.store.Get(ctx, bucketOf(r.name), id)
	if err != nil {
		return err
	}
	old, ok := decodeSnapshot(item.Value)
	if ok && old.Version > r.cfg.Snapshots.Version {
		return nil
	}
	value, err := snapshot{r.cfg.Snapshots.Version, h.Revision, h.Position, h.last, h.latest, state}.encode()
	if err != nil {
		return err
	}
	_, err = r.store.Commit(ctx, store.Commit{
		Items:      []store.ItemWrite{store.Put(item.Bucket, item.Key, value)},
		Conditions: []store.Condition{store.ItemAt(item.Bucket, item.Key, item.Revision)},
	})
	if errors.Is(err, store.ErrConflict) {
		return nil // somebody else has taken one meanwhile
	}
	return err
}

// encodeState returns the state as JSON, if nothing gets lost on the way.
func encodeState[S any](state S) ([]byte, error) {
	encoded, err := event.JSON{}.Encode(state)
	if err != nil {
		return nil, event.Invalid("state", "%T cannot be written as JSON: %v", state, err)
	}
	var back S
	if err := (event.JSON{}).Decode(encoded, &back); err != nil {
		return nil, event.Invalid("state", "%T cannot be read from its own JSON: %v", state, err)
	}
	if !reflect.DeepEqual(state, back) {
		return nil, event.Invalid("state", "%T is not the same after it was written as JSON and read again; "+
			"export all its fields and drop omitempty, or give it MarshalJSON and UnmarshalJSON", state)
	}
	return encoded, nil
}
