package backend

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"strconv"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
	"github.com/oxbow-events/oxbow/store"
)

const pageLength = 500 // events or streams asked for at once

// eventPage is one answer of GET /v1/events.
type eventPage struct {
	Events []json.RawMessage `json:"events"`
	Next   *string           `json:"next"`
	Head   store.Position    `json:"head"`
}

// Head returns the newest position, 0 when there is none.
func (r *Remote) Head(ctx context.Context) (store.Position, error) {
	var page eventPage
	err := r.get(ctx, "v1/events", url.Values{"limit": {"1"}, "order": {"backward"}}, &page)
	return page.Head, err
}

// Read yields what matches, page by page, as the store stood at the first one. The query may have one filter.
func (r *Remote) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		left := q.Limit
		for more := true; more; {
			page, records, err := r.readPage(ctx, q, left)
			if err != nil {
				yield(event.Record{}, err)
				return
			}
			for i := range records {
				if !yield(records[i], nil) {
					return
				}
			}
			if left > 0 {
				left -= len(records)
			}
			more = page.Next != nil && len(records) > 0 && (q.Limit == 0 || left > 0)
			if more {
				advance(&q, &page, records[len(records)-1].Position)
			}
		}
	}
}

// advance moves the query on behind the last record of a page. Pages to come end where the first page's store did.
func advance(q *store.Query, page *eventPage, last store.Position) {
	if q.Backward {
		q.Before = last
		return
	}
	q.After = last
	if q.Before == 0 {
		q.Before = page.Head + 1
	}
}

func (r *Remote) readPage(ctx context.Context, q store.Query, left int) (page eventPage, records []event.Record, err error) {
	query, err := eventParameters(&q)
	if err != nil {
		return page, nil, err
	}
	setPosition(query, "before", q.Before)
	limit := pageLength
	if left > 0 {
		limit = min(limit, left)
	}
	query.Set("limit", strconv.Itoa(limit))
	if q.Backward {
		query.Set("order", "backward")
	}
	if err := r.get(ctx, "v1/events", query, &page); err != nil {
		return page, nil, err
	}
	if len(page.Events) > limit {
		return page, nil, fmt.Errorf("%s answered with %d events instead of %d", r.base.Host, len(page.Events), limit)
	}
	records, err = r.decode(&q, page.Events)
	return page, records, err
}

// decode reads a page's events, which must stand where the query asked for them: a server that sends others could make the reader
// go round in circles.
func (r *Remote) decode(q *store.Query, events []json.RawMessage) ([]event.Record, error) {
	records := make([]event.Record, len(events))
	expected := *q
	for i, text := range events {
		record, err := cloudevents.Unmarshal(text)
		if err != nil {
			return nil, fmt.Errorf("%s sent an event that is none: %v", r.base.Host, err)
		}
		if record.Position <= expected.After || expected.Before > 0 && record.Position >= expected.Before {
			return nil, fmt.Errorf("%s sent an event at position %d, out of order", r.base.Host, record.Position)
		}
		if records[i] = record; q.Backward {
			expected.Before = record.Position
		} else {
			expected.After = record.Position
		}
	}
	return records, nil
}

// eventParameters returns a query's filter and beginning as parameters.
func eventParameters(q *store.Query) (url.Values, error) {
	if len(q.Any) > 1 {
		return nil, event.Invalid("any", "has %d filters; a server takes one", len(q.Any))
	}
	query := url.Values{}
	setPosition(query, "after", q.After)
	if len(q.Any) == 0 {
		return query, nil
	}
	f := &q.Any[0]
	if f.AfterRevision > 0 {
		return nil, event.Invalid("after revision", "is not for servers")
	}
	for name, value := range map[string]string{
		"stream": f.Stream, "prefix": f.StreamPrefix, "correlation": f.Correlation.String(), "id": f.ID.String(),
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	query["type"], query["tag"] = f.Types, f.Tags
	return query, nil
}

func setPosition(query url.Values, name string, p store.Position) {
	if p > 0 {
		query.Set(name, strconv.FormatUint(uint64(p), 10))
	}
}

// streamPage is one answer of GET /v1/streams.
type streamPage struct {
	Streams []store.StreamInfo `json:"streams"`
	Next    *string            `json:"next"`
}

// Streams yields the streams whose name begins with prefix, in order of name.
func (r *Remote) Streams(ctx context.Context, prefix string) iter.Seq2[store.StreamInfo, error] {
	return func(yield func(store.StreamInfo, error) bool) {
		query := url.Values{"limit": {strconv.Itoa(pageLength)}}
		if prefix != "" {
			query.Set("prefix", prefix)
		}
		for last := ""; ; query.Set("after", last) {
			var page streamPage
			if err := r.get(ctx, "v1/streams", query, &page); err != nil {
				yield(store.StreamInfo{}, err)
				return
			}
			for _, info := range page.Streams {
				if info.Name <= last {
					yield(store.StreamInfo{}, fmt.Errorf("%s sent the stream %q out of order", r.base.Host, info.Name))
					return
				}
				if !yield(info, nil) {
					return
				}
				last = info.Name
			}
			if page.Next == nil || len(page.Streams) == 0 {
				return
			}
		}
	}
}
