package parked

import (
	"context"
	"encoding/json"
	"time"

	"github.com/oxbow-events/oxbow/store"
)

// Request asks a slot's owner to let a parked key go on: its letters are handled in order until none is left or one fails again.
type Request struct {
	Slot     int       `json:"-"`
	Hash     Hash      `json:"-"`
	At       time.Time `json:"at"`
	By       string    `json:"by,omitempty"`
	Revision uint64    `json:"-"` // as it was read; 0 for a new one
}

// Requests returns up to limit requests for keys of a slot, in order of hash. Those that remain are for the next call.
func Requests(ctx context.Context, st *store.Store, name string, slot, limit int) ([]Request, error) {
	var found []Request
	prefix := slotPrefix(slot)
	for item, err := range st.List(ctx, requestBucket(name), prefix, afterAll(prefix)) {
		if err != nil {
			return nil, err
		}
		r, err := decodeRequest(name, item)
		if err != nil {
			return nil, err
		}
		if found = append(found, r); len(found) >= limit {
			break
		}
	}
	return found, nil
}

// Asked reports whether there is any request.
func Asked(ctx context.Context, st *store.Store, name string) (bool, error) {
	for _, err := range st.List(ctx, requestBucket(name), "", "") {
		return err == nil, err
	}
	return false, nil
}

// RequestOf returns the request for a key; its revision is 0 when there is none.
func RequestOf(ctx context.Context, st *store.Store, name string, slot int, hash Hash) (Request, error) {
	item, err := st.Get(ctx, requestBucket(name), requestKey(slot, hash))
	if err != nil || item.Revision == 0 {
		return Request{Slot: slot, Hash: hash}, err
	}
	return decodeRequest(name, item)
}

// decodeRequest takes a request whose text cannot be read as one of nobody's: what it asks for is in its key.
func decodeRequest(name string, item store.Item) (Request, error) {
	var r Request
	if json.Unmarshal(item.Value, &r) != nil {
		r = Request{}
	}
	r.Revision = item.Revision
	var err error
	if r.Slot, r.Hash, _, err = parseIndexKey(item.Key); err != nil {
		return r, &DamagedError{Consumer: name, Bucket: item.Bucket, Key: item.Key, Err: err}
	}
	return r, nil
}
