package remotestore

import (
	"bufio"
	"errors"
	"io"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// request is what a client asks; each call uses some of it. Names of items are bytes, because nobody checks whether they are text before
// they are sent, and JSON would change those that are not. Records, their data and the values of items are parts after the JSON.
type request struct {
	Events      int // two parts each: the record, and its data
	Items       []store.ItemWrite
	Conditions  []store.Condition
	Query       store.Query
	After       store.Position
	Bucket, Key []byte
	From, To    []byte
}

func commitRequest(c *store.Commit) (q request, parts [][]byte, err error) {
	q = request{Events: len(c.Events), Conditions: c.Conditions, Items: make([]store.ItemWrite, len(c.Items))}
	for i := range c.Events {
		b, err := packRecord(&c.Events[i])
		if err != nil {
			return q, nil, err
		}
		parts = append(parts, b, c.Events[i].Data)
	}
	for i, w := range c.Items {
		parts = append(parts, w.Value)
		w.Value = nil
		q.Items[i] = w
	}
	return q, parts, nil
}

// commit reads the rest of a request that is a commit.
func (q *request) commit(r *bufio.Reader) (c store.Commit, err error) {
	c.Conditions, c.Items = q.Conditions, q.Items
	for range q.Events {
		record, err := readRecord(r)
		if err != nil {
			return c, err
		}
		c.Events = append(c.Events, record)
	}
	for i := range c.Items {
		if c.Items[i].Value, err = readPart(r); err != nil {
			return c, err
		}
	}
	return c, nil
}

func readRecord(r *bufio.Reader) (event.Record, error) {
	b, err := readPart(r)
	if err != nil {
		return event.Record{}, err
	}
	record, err := unpackRecord(b)
	if err == nil {
		record.Data, err = readPart(r)
	}
	return record, err
}

// answer is one of the messages that answer a request. The last has End or Error. A record and the value of an item are parts after it.
type answer struct {
	Receipt  *store.Receipt `json:",omitempty"`
	Position store.Position `json:",omitempty"`
	Item     *store.Item    `json:",omitempty"`
	Record   bool           `json:",omitempty"`
	Error    *failure       `json:",omitempty"`
	End      bool           `json:",omitempty"`

	record event.Record
}

func (a *answer) write(w io.Writer) error {
	switch {
	case a.Record:
		b, err := packRecord(&a.record)
		if err != nil {
			return err
		}
		return writeMessage(w, a, b, a.record.Data)
	case a.Item != nil:
		value := a.Item.Value
		a.Item.Value = nil
		return writeMessage(w, a, value)
	default:
		return writeMessage(w, a)
	}
}

func readAnswer(r *bufio.Reader) (a answer, err error) {
	if err = readMessage(r, &a); err != nil {
		return a, err
	}
	switch {
	case a.Record:
		a.record, err = readRecord(r)
	case a.Item != nil:
		a.Item.Value, err = readPart(r)
	}
	return a, err
}

// failure is an error on its way.
type failure struct {
	Text      string
	Sentinel  string                `json:",omitempty"`
	Conflict  *store.ConflictError  `json:",omitempty"`
	Tombstone *store.TombstoneError `json:",omitempty"`
	Invalid   *refusal              `json:",omitempty"`
}

type refusal struct{ Field, Reason string }

// sentinels are those without facts, by their text.
var sentinels = [...]error{store.ErrConflict, store.ErrTombstone, store.ErrClosed, store.ErrInUse, store.ErrDamaged, store.ErrFailed, event.ErrInvalid}

func packError(err error) *failure {
	f := &failure{Text: err.Error()}
	errors.As(err, &f.Conflict)
	errors.As(err, &f.Tombstone)
	if invalid := (*event.InvalidError)(nil); errors.As(err, &invalid) {
		f.Invalid = &refusal{invalid.Field, invalid.Reason}
	}
	for _, s := range sentinels {
		if errors.Is(err, s) {
			f.Sentinel = s.Error()
		}
	}
	return f
}

// remoteError is an error as it was in the other process.
type remoteError struct {
	text  string
	cause error // with the facts, or the sentinel; nil when it is neither
}

func (e *remoteError) Error() string { return e.text }

func (e *remoteError) Unwrap() error { return e.cause }

func (f *failure) unpacked() error {
	e := &remoteError{text: f.Text}
	switch {
	case f.Conflict != nil:
		e.cause = f.Conflict
	case f.Tombstone != nil:
		e.cause = f.Tombstone
	case f.Invalid != nil:
		e.cause = &event.InvalidError{Field: f.Invalid.Field, Reason: f.Invalid.Reason}
	default:
		for _, s := range sentinels {
			if s.Error() == f.Sentinel {
				e.cause = s
			}
		}
	}
	return e
}
