package server

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
	"github.com/oxbow-events/oxbow/store"
)

// Page is the answer to GET /v1/events.
type Page struct {
	Events []json.RawMessage `json:"events"` // CloudEvents
	Next   *string           `json:"next"`   // path and query of the next page; null on the last
	Head   store.Position    `json:"head"`   // of the store when the page was read: no event on it is newer
}

// maxPageBytes ends a page early: what one answer holds in memory is this and one event more.
const maxPageBytes = 4 << 20

// listEvents answers GET /v1/events.
func (s *Server) listEvents(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	head, err := s.cfg.Store.Head(r.Context())
	if err != nil {
		return err
	}
	if q.Before == 0 || q.Before > head {
		q.Before = head + 1
	}
	page, err := s.readPage(r.Context(), q)
	if err != nil {
		return err
	}
	next := []byte("null")
	if page.more {
		if next, err = json.Marshal(nextPage(r.URL, cursorName(q), strconv.FormatUint(uint64(page.last), 10))); err != nil {
			return err
		}
	}
	body := append(page.events, "\n],\"next\":"...)
	body = append(body, next...)
	body = append(body, ",\"head\":"...)
	body = strconv.AppendUint(body, uint64(head), 10)
	writeBody(w, http.StatusOK, "application/json", append(body, "}\n"...))
	return nil
}

// cursorName is the parameter that moves on to the next page.
func cursorName(q store.Query) string {
	if q.Backward {
		return "before"
	}
	return "after"
}

func parseQuery(rawQuery string) (store.Query, error) {
	p := parseParameters(rawQuery, slices.Concat(filterNames, []string{"after", "before", "limit", "order"})...)
	q := store.Where(p.filter())
	q.After, q.Before, q.Limit = p.position("after"), p.position("before"), p.limit()
	if order, ok := p.one("order"); ok {
		q.Backward = order == "backward"
		if !q.Backward && order != "forward" {
			p.fault("order", strconv.Quote(order)+" is neither forward nor backward")
		}
	}
	return q, p.err()
}

// page is a part of what a query asks for.
type page struct {
	events []byte         // the beginning of the answer, up to the last event
	last   store.Position // of the events
	more   bool           // there are events beyond
}

func (s *Server) readPage(ctx context.Context, q store.Query) (page, error) {
	p := page{events: []byte(`{"events":[`)}
	limit := q.Limit
	q.Limit++
	n := 0
	for r, err := range s.cfg.Store.Read(ctx, q) {
		if err != nil {
			return page{}, err
		}
		if n == limit || len(p.events) > maxPageBytes {
			p.more = true
			break
		}
		if n > 0 {
			p.events = append(p.events, ',')
		}
		if p.events, err = cloudevents.Append(append(p.events, '\n'), &r); err != nil {
			return page{}, err
		}
		p.last = r.Position
		n++
	}
	return p, nil
}

// oneEvent answers GET /v1/events/{id}.
func (s *Server) oneEvent(w http.ResponseWriter, r *http.Request) error {
	if err := parseParameters(r.URL.RawQuery).err(); err != nil {
		return err
	}
	id, err := event.ParseID(r.PathValue("id"))
	if err != nil {
		return invalidParameter(Fault{Parameter: "id", Reason: err.(*event.InvalidError).Reason})
	}
	q := store.Where(store.Filter{ID: id})
	q.Limit = 1
	for rec, err := range s.cfg.Store.Read(r.Context(), q) {
		if err != nil {
			return err
		}
		body, err := cloudevents.Marshal(rec)
		if err != nil {
			return err
		}
		writeBody(w, http.StatusOK, cloudevents.ContentType, append(body, '\n'))
		return nil
	}
	return notFound("there is no event " + strconv.Quote(id.String()))
}
