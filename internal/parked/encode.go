package parked

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
	"github.com/oxbow-events/oxbow/store"
)

// ErrNone is the error for a position without a letter.
var ErrNone = errors.New("there is no such dead letter")

// DamagedError says which item of a consumer's letters cannot be read.
type DamagedError struct {
	Consumer    string
	Bucket, Key string
	Position    event.Position // of the letter; 0 when that cannot be told either
	Err         error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("dead letters of consumer %s: item %q in bucket %q is damaged: %v", e.Consumer, e.Key, e.Bucket, e.Err)
}

// Unwrap returns what is wrong with the item.
func (e *DamagedError) Unwrap() error { return e.Err }

// Is reports that the error is store.ErrDamaged.
func (e *DamagedError) Is(target error) bool { return target == store.ErrDamaged }

// head is the JSON of a letter.
type head struct {
	Key      string          `json:"key"`
	Hash     Hash            `json:"hash"`
	Slot     int             `json:"slot"`
	State    State           `json:"state"`
	Attempts int             `json:"attempts"`
	First    time.Time       `json:"first"`
	Last     time.Time       `json:"last"`
	Error    string          `json:"error,omitempty"`
	Stack    string          `json:"stack,omitempty"`
	Size     int             `json:"size"`
	Edits    []Edit          `json:"edits,omitempty"`
	Record   json.RawMessage `json:"record"` // a CloudEvent without its data
}

func (l *Letter) encode() ([]byte, error) {
	bare := l.Record
	bare.Data = nil
	record, err := cloudevents.Marshal(bare)
	if err != nil {
		return nil, fmt.Errorf("letter at position %d: %w", l.Record.Position, err)
	}
	return json.Marshal(head{
		Key: cut(l.Key, MaxKey), Hash: l.Hash, Slot: l.Slot, State: l.State, Attempts: l.Attempts,
		First: l.First.UTC().Round(0), Last: l.Last.UTC().Round(0),
		Error: cut(l.Error, MaxError), Stack: cut(l.Stack, MaxStack),
		Size: l.Size, Edits: l.Edits, Record: record,
	})
}

// DecodeLetter returns the letter that an item holds, without its data. The error is a *DamagedError.
func DecodeLetter(name string, item store.Item) (Letter, error) {
	p, err := ParseLetterKey(item.Key)
	if err == nil {
		var l Letter
		if l, err = decode(item.Value, p); err == nil {
			l.Revision = item.Revision
			return l, nil
		}
	}
	return Letter{}, &DamagedError{Consumer: name, Bucket: item.Bucket, Key: item.Key, Position: p, Err: err}
}

func decode(value []byte, p event.Position) (Letter, error) {
	var h head
	if err := json.Unmarshal(value, &h); err != nil {
		return Letter{}, err
	}
	r, err := cloudevents.Unmarshal(h.Record)
	switch {
	case err != nil:
		return Letter{}, fmt.Errorf("record: %w", err)
	case r.Position != p:
		return Letter{}, event.Invalid("record", "is that of position %d", r.Position)
	case h.State != Failed && h.State != Waiting:
		return Letter{}, event.Invalid("state", "%q is neither failed nor waiting", h.State)
	case h.Slot < 0 || h.Slot > MaxSlot:
		return Letter{}, event.Invalid("slot", "is %d", h.Slot)
	case h.Size < -1 || h.Size > store.MaxData:
		return Letter{}, event.Invalid("size", "is %d", h.Size)
	case len(h.Edits) > MaxEdits:
		return Letter{}, event.Invalid("edits", "there are %d", len(h.Edits))
	}
	l := Letter{
		Record: r, Key: h.Key, Hash: h.Hash, Slot: h.Slot, State: h.State, Error: h.Error, Stack: h.Stack,
		Attempts: h.Attempts, First: h.First, Last: h.Last, Edits: h.Edits, Size: h.Size,
	}
	l.was = was{state: l.State, bytes: l.Bytes(), edits: len(l.Edits)}
	return l, nil
}

// cut returns at most limit bytes of text, in whole characters. What is not UTF-8 in it, JSON replaces.
func cut(text string, limit int) string {
	if len(text) > limit {
		const more = " …"
		text = text[:limit-len(more)]
		for len(text) > 0 && text[len(text)-1]&0xC0 == 0x80 {
			text = text[:len(text)-1]
		}
		if len(text) > 0 && text[len(text)-1] >= 0xC0 {
			text = text[:len(text)-1]
		}
		text += more
	}
	return text
}
