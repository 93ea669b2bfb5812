package parked

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/oxbow-events/oxbow/store"
)

// Count is how many letters a consumer has. Every commit that changes their number has the condition that the count is the one
// that was read.
type Count struct {
	Letters  uint64 `json:"letters"`
	Bytes    uint64 `json:"bytes"`  // of their data
	Failed   uint64 `json:"failed"` // of the letters, those that do not wait behind another
	Revision uint64 `json:"-"`      // of the item; 0 before the first letter
}

// At returns the count as a commit with that item revision left it.
func (c Count) At(revision uint64) Count {
	c.Revision = revision
	return c
}

// LoadCount returns the count of a consumer, zero when it never had letters.
func LoadCount(ctx context.Context, st *store.Store, name string) (Count, error) {
	item, err := st.Get(ctx, CountBucket, name)
	if err != nil || item.Revision == 0 {
		return Count{}, err
	}
	return DecodeCount(item)
}

// DecodeCount returns the count that an item holds. The error is a *DamagedError.
func DecodeCount(item store.Item) (Count, error) {
	c := Count{Revision: item.Revision}
	err := json.Unmarshal(item.Value, &c)
	if err == nil && c.Failed > c.Letters {
		err = fmt.Errorf("%d of %d letters failed", c.Failed, c.Letters)
	}
	if err != nil {
		return Count{}, &DamagedError{Consumer: item.Key, Bucket: CountBucket, Key: item.Key, Err: err}
	}
	return c, nil
}

// Add counts one letter more.
func (c *Count) Add(state State, bytes uint64) {
	c.Letters++
	c.Bytes += bytes
	if state == Failed {
		c.Failed++
	}
}

// Remove counts one letter less. A count that has less than is to be removed becomes 0: it is an old one, so that the commit is refused, or
// was wrong before.
func (c *Count) Remove(state State, bytes uint64) {
	c.Letters -= min(c.Letters, 1)
	c.Bytes -= min(c.Bytes, bytes)
	if state == Failed {
		c.Failed -= min(c.Failed, 1)
	}
	c.Failed = min(c.Failed, c.Letters)
}

// Recounted returns what to commit when the count was made anew, where the count's item has a revision.
func Recounted(name string, c Count, revision uint64) (Written, error) {
	w := writer{name: name, count: c}
	err := w.putCount(revision)
	return Written{Items: w.items, Conditions: w.conditions, Count: w.count}, err
}
