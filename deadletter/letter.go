package deadletter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
	"github.com/oxbow-events/oxbow/internal/parked"
)

// State says why a letter is there.
type State string

// The states of a letter.
const (
	Failed  = State(parked.Failed)  // its attempts are spent
	Waiting = State(parked.Waiting) // it was not tried yet, since an earlier record of its key is parked
)

// Letter is a record that a consumer parked.
type Letter struct {
	Record   event.Record // as the last edit left it; List leaves its data out. Its position names the letter
	Key      string       // that orders it
	State    State
	Error    string    // of the last attempt, its first 8 KiB
	Stack    string    // of the last attempt's panic, its first 32 KiB
	Attempts int       // in all
	First    time.Time // when it was parked
	Last     time.Time // when it failed last, or was parked
	Edits    []Edit    // oldest first
	Size     int       // of the data in bytes; -1 when the record has none
	Revision uint64    // grows with each change of the letter; see Change

	Behind    Position // the letter of its key that it waits behind; 0 when it failed itself; only from Get and Edit
	Requested bool     // somebody asked that its key goes on, and the consumer has not done so yet; only from Get and Edit
}

// Edit is a change that somebody made to a letter. Letters.Data returns the data before and after it.
type Edit struct {
	At            time.Time         `json:"at"`
	By            string            `json:"by"`
	Why           string            `json:"why"`
	Size          int               `json:"size"`        // of the new data in bytes; -1 when there is none
	SizeBefore    int               `json:"size_before"` // likewise
	Headers       map[string]string `json:"headers,omitempty"`
	HeadersBefore map[string]string `json:"headers_before,omitempty"`
}

func letterOf(p parked.Letter) Letter {
	edits := make([]Edit, len(p.Edits))
	for i, e := range p.Edits {
		edits[i] = Edit(e)
	}
	return Letter{
		Record: p.Record, Key: p.Key, State: State(p.State), Error: p.Error, Stack: p.Stack, Attempts: p.Attempts,
		First: p.First, Last: p.Last, Edits: edits, Size: p.Size, Revision: p.Revision,
	}
}

// letterJSON is a letter in JSON.
type letterJSON struct {
	Position  Position        `json:"position"`
	State     State           `json:"state"`
	Key       string          `json:"key"`
	Attempts  int             `json:"attempts"`
	First     time.Time       `json:"first"`
	Last      time.Time       `json:"last"`
	Error     string          `json:"error,omitempty"`
	Stack     string          `json:"stack,omitempty"`
	Size      int             `json:"size"`
	Revision  uint64          `json:"revision"`
	Behind    Position        `json:"behind,omitempty"`
	Requested bool            `json:"requested,omitempty"`
	Edits     []Edit          `json:"edits,omitempty"`
	Record    json.RawMessage `json:"record"`
}

// MarshalJSON writes the letter as a JSON object whose member record is a CloudEvent: white space in its data is not kept.
func (l Letter) MarshalJSON() ([]byte, error) {
	record, err := cloudevents.Marshal(l.Record)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false) // the data may have what it would escape
	err = enc.Encode(letterJSON{
		Position: l.Record.Position, State: l.State, Key: l.Key, Attempts: l.Attempts, First: l.First, Last: l.Last,
		Error: l.Error, Stack: l.Stack, Size: l.Size, Revision: l.Revision, Behind: l.Behind, Requested: l.Requested,
		Edits: l.Edits, Record: record,
	})
	return text.Bytes(), err
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (l *Letter) UnmarshalJSON(text []byte) error {
	var j letterJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	record, err := cloudevents.Unmarshal(j.Record)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if record.Position != j.Position {
		return event.Invalid("position", "is %d, and that of the record %d", j.Position, record.Position)
	}
	*l = Letter{
		Record: record, Key: j.Key, State: j.State, Error: j.Error, Stack: j.Stack, Attempts: j.Attempts,
		First: j.First, Last: j.Last, Edits: j.Edits, Size: j.Size, Revision: j.Revision, Behind: j.Behind, Requested: j.Requested,
	}
	return nil
}
