package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// receipt is what publish tells machines.
type receipt struct {
	IDs        []event.ID        `json:"ids"`
	First      store.Position    `json:"first"`
	Last       store.Position    `json:"last"`
	Revisions  map[string]uint64 `json:"revisions"`
	Durability store.Durability  `json:"durability"`
	Repeated   bool              `json:"repeated"`
}

func (c *cli) printReceipt(events []event.Record, r store.Receipt) error {
	if !c.json {
		_, err := fmt.Fprintln(c.out, receiptText(events, r))
		return err
	}
	told := receipt{First: r.First, Last: r.Last, Revisions: r.Revisions, Durability: r.Durability, Repeated: r.Repeated}
	for i := range events {
		told.IDs = append(told.IDs, events[i].ID)
	}
	return json.NewEncoder(c.out).Encode(told)
}

func receiptText(events []event.Record, r store.Receipt) string {
	verb := "published"
	if r.Repeated {
		verb = "was already there:"
	}
	if len(events) > 1 {
		streams := slices.Sorted(maps.Keys(r.Revisions))
		return fmt.Sprintf("%s %d events, positions %d to %d, in %s (%v)", verb, len(events), r.First, r.Last, someOf(streams, 3), r.Durability)
	}
	e := &events[0]
	return fmt.Sprintf("%s %s %v: position %d, revision %d of %s (%v)",
		verb, e.Type, e.ID, r.Last, r.Revisions[e.Stream], e.Stream, r.Durability)
}

// someOf lists up to limit names and counts the rest.
func someOf(names []string, limit int) string {
	text := ""
	for i, name := range names {
		if i == limit {
			return fmt.Sprintf("%s and %d more", text, len(names)-limit)
		}
		if i > 0 {
			text += ", "
		}
		text += name
	}
	return text
}
