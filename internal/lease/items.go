package lease

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

const (
	slotBucket   = ".slot" // after the bucket
	memberBucket = ".member"
)

// slotItem says whose a slot is.
type slotItem struct {
	Owner string          `json:"owner,omitempty"` // a member's id; who has no item owns nothing
	Turn  uint64          `json:"turn,omitempty"`  // how often somebody other than the owner changed the data
	Data  json.RawMessage `json:"data,omitempty"`  // the worker's
}

// memberItem says who a member is.
type memberItem struct {
	Opening string        `json:"opening,omitempty"` // of an exclusive store, while which it needs no renewal
	TTL     time.Duration `json:"ttl,omitempty"`     // otherwise: after which it is dead
	Leaving bool          `json:"leaving,omitempty"` // it takes no slots any more
	Note    string        `json:"note,omitempty"`
}

// slotKey is the key of a slot's item: four digits, so that keys stand in the order of numbers.
func slotKey(name string, number int) string { return fmt.Sprintf("%s/%04d", name, number) }

func memberKey(name, id string) string { return name + "/" + id }

// within returns the range of keys that begin with the name and a slash.
func within(name string) (from, to string) { return name + "/", name + "0" } // '0' comes after '/'

// own returns what stands after the name and the slash. It is not ok for keys of other names, which may have slashes too.
func own(name, key string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(key, name+"/")
	return rest, ok && !strings.Contains(rest, "/")
}

func slotNumber(text string, slots int) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || len(text) != 4 {
		return 0, fmt.Errorf("%q is no slot number of four digits", text)
	}
	if int(n) >= slots {
		return 0, fmt.Errorf("there are only %d slots", slots)
	}
	return int(n), nil
}

func encode(bucket, key string, v any) (store.ItemWrite, error) {
	value, err := json.Marshal(v)
	if err != nil {
		return store.ItemWrite{}, event.Invalid("data", "are no JSON: %v", err)
	}
	return store.Put(bucket, key, value), nil
}

// decode reads an item that this package wrote.
func decode(item store.Item, into any) error {
	d := json.NewDecoder(bytes.NewReader(item.Value))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return damaged(item, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return damaged(item, errors.New("something follows the JSON"))
	}
	if !bytes.HasPrefix(bytes.TrimLeft(item.Value, " \t\r\n"), []byte("{")) {
		return damaged(item, errors.New("it is no JSON object"))
	}
	return nil
}

// damaged says which item is not what it should be.
func damaged(item store.Item, err error) error {
	return fmt.Errorf("item %q in %q: %w: %w; correct or delete it", item.Key, item.Bucket, store.ErrDamaged, err)
}
