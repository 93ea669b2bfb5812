package deadletter

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
)

// JournalLength is how many entries of a consumer's journal are kept: the newest.
const JournalLength = 10_000

// Action is what somebody did.
type Action string

// What the journal tells.
const (
	Edited    Action = "edit"
	Redriven  Action = "redrive"
	Discarded Action = "discard"
)

// Entry is one line of the journal: one commit. A redrive or discard of many letters has several.
type Entry struct {
	Number    uint64     `json:"number"` // 1, 2, 3…
	At        time.Time  `json:"at"`
	By        string     `json:"by"`
	Why       string     `json:"why,omitempty"`
	Action    Action     `json:"action"`
	Filter    *Filter    `json:"filter,omitempty"`    // what a redrive or discard was about
	Letters   uint64     `json:"letters"`             // that were edited, discarded, or asked to be tried
	Keys      uint64     `json:"keys,omitempty"`      // that go on thereby
	Positions []Position `json:"positions,omitempty"` // of the letters; those asked for are the first of their keys
	Before    *Excerpt   `json:"before,omitempty"`    // of an edit
	After     *Excerpt   `json:"after,omitempty"`     // of an edit
}

// Excerpt is the beginning of a record's data, and its headers.
type Excerpt struct {
	Size    int               `json:"size"`              // of the whole data in bytes; -1 when there is none
	Text    string            `json:"text,omitempty"`    // its first 8 KiB, when they are text
	Bytes   []byte            `json:"bytes,omitempty"`   // its first 8 KiB, when they are not
	Headers map[string]string `json:"headers,omitempty"` // nil when they have more than 8 KiB
}

const maxExcerpt = 8 << 10

func excerptOf(r *event.Record) *Excerpt {
	e := &Excerpt{Size: len(r.Data)}
	if r.Data == nil {
		e.Size = -1
	}
	if first := beginning(r.Data); utf8.Valid(first) {
		e.Text = string(first)
	} else {
		e.Bytes = bytes.Clone(first)
	}
	size := 0
	for name, value := range r.Headers {
		size += len(name) + len(value)
	}
	if size <= maxExcerpt {
		e.Headers = r.Headers
	}
	return e
}

// beginning returns the first bytes of data, in whole characters.
func beginning(data []byte) []byte {
	if len(data) <= maxExcerpt {
		return data
	}
	for end := maxExcerpt; end > maxExcerpt-utf8.UTFMax; end-- {
		if utf8.RuneStart(data[end]) {
			return data[:end]
		}
	}
	return data[:maxExcerpt]
}

const journalCounters = "oxbow.deadletter.journal"

func journalBucket(name string) string { return journalCounters + "/" + name }

func journalKey(number uint64) string { return fmt.Sprintf("%020d", number) }

// journal adds an entry to what is committed, and takes the oldest away.
func (l *Letters) journal(ctx context.Context, w *parked.Written, e Entry) error {
	newest, revision, err := l.newestEntry(ctx)
	if err != nil {
		return err
	}
	e.Number = newest + 1
	value, err := json.Marshal(e)
	if err != nil {
		return err
	}
	w.Items = append(w.Items,
		store.Put(journalBucket(l.name), journalKey(e.Number), value),
		store.Put(journalCounters, l.name, strconv.AppendUint(nil, e.Number, 10)),
	)
	if e.Number > JournalLength {
		w.Items = append(w.Items, store.Delete(journalBucket(l.name), journalKey(e.Number-JournalLength)))
	}
	w.Conditions = append(w.Conditions, store.ItemAt(journalCounters, l.name, revision))
	return nil
}

// newestEntry returns the number of the newest entry, 0 when there is none.
func (l *Letters) newestEntry(ctx context.Context) (number, revision uint64, err error) {
	item, err := l.store.Get(ctx, journalCounters, l.name)
	if err != nil || item.Revision == 0 {
		return 0, 0, err
	}
	number, err = strconv.ParseUint(string(item.Value), 10, 64)
	if err != nil {
		return 0, 0, &DamagedError{Consumer: l.name, Bucket: item.Bucket, Key: item.Key, Err: err}
	}
	return number, item.Revision, nil
}

// JournalPage is a part of a journal.
type JournalPage struct {
	Entries []Entry `json:"entries"` // newest first
	Next    uint64  `json:"next"`    // what to pass as before for the next page; 0 when this is the last
}

// Journal returns who did what and when: up to limit entries (0 means 100, the largest is MaxPage), newest first, those before an entry's
// number (0: from the newest on).
func (l *Letters) Journal(ctx context.Context, before uint64, limit int) (JournalPage, error) {
	if limit == 0 {
		limit = 100
	}
	if limit < 0 || limit > MaxPage {
		return JournalPage{}, event.Invalid("limit", "is %d; it may be 1 to %d", limit, MaxPage)
	}
	newest, _, err := l.newestEntry(ctx)
	if err != nil {
		return JournalPage{}, err
	}
	if before == 0 || before > newest {
		before = newest + 1
	}
	first := uint64(1)
	if before > uint64(limit) {
		first = before - uint64(limit)
	}
	page := JournalPage{Entries: []Entry{}}
	for item, err := range l.store.List(ctx, journalBucket(l.name), journalKey(first), journalKey(before)) {
		if err != nil {
			return JournalPage{}, err
		}
		var e Entry
		if err := json.Unmarshal(item.Value, &e); err != nil {
			return JournalPage{}, &DamagedError{Consumer: l.name, Bucket: item.Bucket, Key: item.Key, Err: err}
		}
		page.Entries = append(page.Entries, e)
	}
	slices.Reverse(page.Entries)
	if first > 1 && newest-first+1 < JournalLength {
		page.Next = first
	}
	return page, nil
}
