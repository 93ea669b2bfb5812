package store

import (
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/event"
)

// Position is a record's place in the whole store; see event.Position.
type Position = event.Position

// Limits of one commit. Larger ones are refused before anything is written.
const (
	MaxData   = 16 << 20 // bytes of one event's data or one item's value
	MaxEvents = 10_000   // events in one commit
	MaxItems  = 10_000   // items in one commit
	MaxCommit = 64 << 20 // bytes of data, item values, names and metadata texts in one commit
)

// Commit is what is written together: all or nothing.
type Commit struct {
	Events     []event.Record // with Stream and ID set; revision and position are assigned by the store
	Conditions []Condition    // all must hold
	Items      []ItemWrite    // each key at most once
}

// Item is a small keyed value kept beside the log. Buckets whose name begins with "oxbow." are Oxbow's own.
type Item struct {
	Bucket, Key string
	Value       []byte
	Revision    uint64 // grows with each write of the item, also across deletion; 0 means it does not exist
}

// ItemWrite puts or deletes an item. Deleting what does not exist is fine.
type ItemWrite struct {
	Bucket, Key string
	Value       []byte
	Delete      bool
}

// Put returns the write that sets an item.
func Put(bucket, key string, value []byte) ItemWrite {
	return ItemWrite{Bucket: bucket, Key: key, Value: value}
}

// Delete returns the write that removes an item.
func Delete(bucket, key string) ItemWrite {
	return ItemWrite{Bucket: bucket, Key: key, Delete: true}
}

// Receipt tells what a commit became. A commit without events has no positions and no revisions.
type Receipt struct {
	First, Last  Position          // of its events, which stand in order without a gap between them
	Revisions    map[string]uint64 // of each stream it wrote to, after it
	ItemRevision uint64            // that its items now have; 0 when it wrote none
	Durability   Durability
	Repeated     bool // the events were already there: this is their first receipt, and nothing was written now
}

// Durability is what a commit survives. Each level includes those before it.
type Durability int

// What a receipt can tell.
const (
	InMemory   Durability = iota + 1 // gone when the process ends
	InFile                           // handed to the operating system: survives the process, not a power cut
	Fsynced                          // on the disk: survives a power cut
	Replicated                       // on several machines
)

var durabilities = [...]string{InMemory: "memory", InFile: "file", Fsynced: "fsynced", Replicated: "replicated"}

func (d Durability) String() string {
	if d < InMemory || d > Replicated {
		return fmt.Sprintf("durability(%d)", int(d))
	}
	return durabilities[d]
}

// MarshalText returns the level's name.
func (d Durability) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a level's name.
func (d *Durability) UnmarshalText(text []byte) error {
	for level := InMemory; level <= Replicated; level++ {
		if durabilities[level] == string(text) {
			*d = level
			return nil
		}
	}
	return event.Invalid("durability", "%q is none of memory, file, fsynced, replicated", text)
}

// Check refuses a commit that no store may take, naming the field. Drivers call it before they write anything.
func (c *Commit) Check() error {
	if len(c.Events) == 0 && len(c.Items) == 0 {
		return event.Invalid("commit", "has neither events nor items")
	}
	if len(c.Events) > MaxEvents {
		return event.Invalid("events", "there are %d in one commit, the limit is %d", len(c.Events), MaxEvents)
	}
	if len(c.Items) > MaxItems {
		return event.Invalid("items", "there are %d in one commit, the limit is %d", len(c.Items), MaxItems)
	}
	if err := c.checkEvents(); err != nil {
		return err
	}
	if err := c.checkItems(); err != nil {
		return err
	}
	if size := c.size(); size > MaxCommit {
		return event.Invalid("commit", "has %d bytes, the limit is %d; split it", size, MaxCommit)
	}
	for i := range c.Conditions {
		if err := c.Conditions[i].check(); err != nil {
			return at("conditions", i, err)
		}
	}
	return nil
}

func (c *Commit) checkEvents() error {
	for i := range c.Events {
		if err := checkRecord(&c.Events[i]); err != nil {
			return at("events", i, err)
		}
	}
	if len(c.Events) < 2 {
		return nil
	}
	ids := make(map[event.ID]bool, len(c.Events))
	for i := range c.Events {
		id := c.Events[i].ID
		if ids[id] {
			return at("events", i, event.Invalid("id", "%v occurs twice in the commit", id))
		}
		ids[id] = true
	}
	return nil
}

func checkRecord(r *event.Record) error {
	switch {
	case r.Stream == "":
		return event.Invalid("stream", "is empty")
	case r.ID.IsZero():
		return event.Invalid("id", "is missing")
	case r.Time.IsZero():
		return event.Invalid("time", "is missing")
	case len(r.Data) > MaxData:
		return event.Invalid("data", "has %d bytes, the limit is %d", len(r.Data), MaxData)
	}
	return r.Check()
}

func (c *Commit) checkItems() error {
	for i := range c.Items {
		w := &c.Items[i]
		if err := checkItemName(w.Bucket, w.Key); err != nil {
			return at("items", i, err)
		}
		if len(w.Value) > MaxData {
			return at("items", i, event.Invalid("value", "has %d bytes, the limit is %d", len(w.Value), MaxData))
		}
		if err := w.checkStreamMeta(); err != nil {
			return at("items", i, err)
		}
	}
	if len(c.Items) < 2 {
		return nil
	}
	type key struct{ bucket, key string }
	seen := make(map[key]bool, len(c.Items))
	for i, w := range c.Items {
		if seen[key{w.Bucket, w.Key}] {
			return at("items", i, event.Invalid("key", "%q occurs twice in the commit", w.Key))
		}
		seen[key{w.Bucket, w.Key}] = true
	}
	return nil
}

// checkStreamMeta refuses metadata of a stream that say nothing.
func (w *ItemWrite) checkStreamMeta() error {
	if w.Bucket != StreamBucket {
		return nil
	}
	if err := event.CheckName("key", w.Key); err != nil || w.Delete {
		return err
	}
	if _, err := ParseStreamMeta(w.Value); err != nil {
		return event.Invalid("value", "%v", err)
	}
	return nil
}

func checkItemName(bucket, key string) error {
	if err := event.CheckName("bucket", bucket); err != nil {
		return err
	}
	if len(key) > 1024 {
		return event.Invalid("key", "is %d bytes long, the limit is 1024", len(key))
	}
	if key == "" {
		return event.Invalid("key", "is empty")
	}
	return event.CheckText("key", key)
}

// size is roughly what the commit takes on a disk.
func (c *Commit) size() (n int) {
	for i := range c.Events {
		n += len(c.Events[i].Data) + len(c.Events[i].Stream) + metadataSize(&c.Events[i].Metadata)
	}
	for _, w := range c.Items {
		n += len(w.Bucket) + len(w.Key) + len(w.Value)
	}
	return n
}

func metadataSize(m *event.Metadata) int {
	n := 128 + len(m.Type) + len(m.Topic) + len(m.Source) + len(m.Subject) + len(m.UserID) + len(m.AggregateType) +
		len(m.AggregateID) + len(m.TraceParent) + len(m.TraceState) + len(m.ContentType) + len(m.DataSchema)
	for _, tag := range m.Tags {
		n += len(tag)
	}
	for name, value := range m.Headers {
		n += len(name) + len(value)
	}
	return n
}

// at says which element of a list the refused field belongs to: events[3].stream.
func at(list string, i int, err error) error {
	var invalid *event.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	return event.Invalid(fmt.Sprintf("%s[%d].%s", list, i, invalid.Field), "%s", invalid.Reason)
}

// element says which element of a list was refused: tags[1].
func element(list string, i int, err error) error {
	var invalid *event.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	return event.Invalid(fmt.Sprintf("%s[%d]", list, i), "%s", invalid.Reason)
}
