package parked

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// State says why a letter is there.
type State string

// The states of a letter.
const (
	Failed  State = "failed"  // its attempts are spent
	Waiting State = "waiting" // it was not tried, since an earlier record of its key is parked
)

// Letter is a record that a consumer parked.
type Letter struct {
	Record   event.Record // metadata, data and place; as the last edit left it. Its position is the letter's name
	Key      string       // that orders it; cut after MaxKey bytes
	Hash     Hash         // of the whole key; Writes fills it in from Key when it is 0
	Slot     int          // of the key
	State    State
	Error    string    // of the last attempt; cut after MaxError bytes
	Stack    string    // of the last attempt's panic; cut after MaxStack bytes
	Attempts int       // in all
	First    time.Time // when it was parked
	Last     time.Time // when it failed last, or was parked
	Edits    []Edit    // oldest first
	Size     int       // of the data in bytes, also where the data was not read; -1 when the record has none
	Revision uint64    // of the letter's item as it was read; 0 for a new one

	was was
}

// was is what a letter was when it was read.
type was struct {
	state State
	bytes uint64
	edits int
}

// Edit is a change that somebody made to a letter. The data before the first edit is version 0, that after it is version 1.
type Edit struct {
	At            time.Time         `json:"at"`
	By            string            `json:"by"`
	Why           string            `json:"why"`
	Size          int               `json:"size"`                     // of the new data in bytes; -1 when there is none
	SizeBefore    int               `json:"size_before"`              // likewise
	Headers       map[string]string `json:"headers,omitempty"`        // after it
	HeadersBefore map[string]string `json:"headers_before,omitempty"` // before it
}

// Limits of what is kept of a letter.
const (
	MaxKey   = 1 << 10  // bytes of the key
	MaxError = 8 << 10  // bytes of the error's text
	MaxStack = 32 << 10 // bytes of the stack
	MaxEdits = 100      // edits of one letter
	MaxName  = 200      // bytes of a consumer's name
	MaxSlot  = 9999
)

// CheckName refuses a consumer's name that no bucket for its letters can have.
func CheckName(name string) error {
	if err := event.CheckName("consumer name", name); err != nil {
		return err
	}
	if len(name) > MaxName {
		return event.Invalid("consumer name", "is %d bytes long, the limit is %d", len(name), MaxName)
	}
	return nil
}

// Bytes returns the size of the letter's data, as Count counts it.
func (l *Letter) Bytes() uint64 { return uint64(max(l.Size, 0)) }

// Edit changes the record's data and headers, and remembers it. The caller has checked both. Writes writes it with Change.Again.
func (l *Letter) Edit(data []byte, headers map[string]string, at time.Time, by, why string) error {
	if len(l.Edits) >= MaxEdits {
		return event.Invalid("edits", "there are %d of this letter, the limit is %d; redrive or discard it", len(l.Edits), MaxEdits)
	}
	l.Edits = append(l.Edits[:len(l.Edits):len(l.Edits)], Edit{
		At: at, By: by, Why: why,
		SizeBefore: l.Size, Size: sizeOf(data),
		HeadersBefore: l.Record.Headers, Headers: headers,
	})
	l.Record.Data, l.Record.Headers, l.Size = data, headers, sizeOf(data)
	return nil
}

func sizeOf(data []byte) int {
	if data == nil {
		return -1
	}
	return len(data)
}

// Hash stands for a key. Two keys with one hash are parked as if they were one.
type Hash uint64

// HashOf returns the first 8 bytes of the key's SHA-256.
func HashOf(key string) Hash {
	sum := sha256.Sum256([]byte(key))
	return Hash(binary.BigEndian.Uint64(sum[:8]))
}

func (h Hash) String() string { return fmt.Sprintf("%016x", uint64(h)) }

// MarshalText returns the 16 hex digits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 16 hex digits.
func (h *Hash) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 16, 64)
	if err != nil || len(text) != 16 {
		return event.Invalid("hash", "%q is not 16 hex digits", text)
	}
	*h = Hash(n)
	return nil
}
