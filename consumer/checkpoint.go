package consumer

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/oxbow-events/oxbow/store"
)

// Bucket is where consumers keep what they remember as items: under the name what all runs share, and in Bucket + ".slot" under NAME/0007
// the checkpoint of each slot and which run has it.
const Bucket = "oxbow.consumer"

// checkpoint is what is saved of a slot.
type checkpoint struct {
	Position store.Position `json:"position"`         // all records of the slot up to here are done
	Ahead    []span         `json:"ahead,omitempty"`  // beyond it, those of the slot's records that are done too; in order
	Failed   []failure      `json:"failed,omitempty"` // attempts at records that are not done
}

// span is a range of positions, both ends included.
type span [2]store.Position

// failure is what is known of a record whose last attempt failed.
type failure struct {
	Position store.Position `json:"position"`
	Attempts int            `json:"attempts"`
	First    time.Time      `json:"first,omitzero"` // when the first attempt failed
}

// encode returns the JSON of the checkpoint. It is written by hand, since it is part of every commit.
func (c *checkpoint) encode() ([]byte, error) {
	b := strconv.AppendUint(append(make([]byte, 0, 32+24*len(c.Ahead)), `{"position":`...), uint64(c.Position), 10)
	for i, s := range c.Ahead {
		if i == 0 {
			b = append(b, `,"ahead":[`...)
		} else {
			b = append(b, ',')
		}
		b = strconv.AppendUint(append(b, '['), uint64(s[0]), 10)
		b = append(strconv.AppendUint(append(b, ','), uint64(s[1]), 10), ']')
	}
	if len(c.Ahead) > 0 {
		b = append(b, ']')
	}
	if len(c.Failed) > 0 {
		failed, err := json.Marshal(c.Failed)
		if err != nil {
			return nil, err
		}
		b = append(append(b, `,"failed":`...), failed...)
	}
	return append(b, '}'), nil
}

// decodeCheckpoint reads a slot's saved checkpoint. A slot of which nothing was saved begins at start.
func decodeCheckpoint(data []byte, start store.Position) (checkpoint, error) {
	if data == nil {
		return checkpoint{Position: start}, nil
	}
	var c checkpoint
	if err := json.Unmarshal(data, &c); err != nil {
		return checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	done := c.Position
	for _, s := range c.Ahead {
		if s[0] <= done || s[1] < s[0] {
			return checkpoint{}, fmt.Errorf("checkpoint: after position %d there is the range %d to %d", done, s[0], s[1])
		}
		done = s[1]
	}
	return c, nil
}

// has reports whether the record at a position is done.
func (c *checkpoint) has(p store.Position) bool {
	if p <= c.Position {
		return true
	}
	for _, s := range c.Ahead {
		if p < s[0] {
			return false
		}
		if p <= s[1] {
			return true
		}
	}
	return false
}
