package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Receipt is the answer to POST /v1/events: what the commit became.
type Receipt struct {
	First      store.Position    `json:"first"`
	Last       store.Position    `json:"last"`
	Revisions  map[string]uint64 `json:"revisions"` // of each stream it wrote to, after it
	Durability store.Durability  `json:"durability"`
	Repeated   bool              `json:"repeated"` // the events were already there, and nothing was written now
	IDs        []event.ID        `json:"ids"`      // of the events, in the order they came in
}

// publish answers POST /v1/events: it commits the events of the body, all or none.
func (s *Server) publish(w http.ResponseWriter, r *http.Request) error {
	to, err := parseTarget(r.URL.RawQuery)
	if err != nil {
		return err
	}
	ctx, err := withCause(r)
	if err != nil {
		return err
	}
	received, err := s.receive(w, r)
	if err != nil {
		return err
	}
	commit, err := s.commitOf(ctx, received, to)
	if err != nil {
		return err
	}
	receipt, err := s.commit(ctx, commit)
	if err != nil {
		return err
	}
	return answerReceipt(w, commit.Events, receipt)
}

func (s *Server) commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	began := time.Now()
	receipt, err := s.cfg.Publisher.Commit(ctx, c)
	s.metrics.appends.Observe(time.Since(began).Seconds())
	if failed := (*oxbow.DeliveryError)(nil); errors.As(err, &failed) {
		// The events are stored, and who sent them can do nothing about a subscription within this process.
		s.cfg.Logger.ErrorContext(ctx, "not delivered to every subscription", "first", receipt.First, "last", receipt.Last, "error", failed.Err)
		err = nil
	}
	if err == nil && !receipt.Repeated {
		s.metrics.countAppended(c.Events)
	}
	return receipt, err
}

func answerReceipt(w http.ResponseWriter, records []event.Record, receipt store.Receipt) error {
	ids := make([]event.ID, len(records))
	for i := range records {
		ids[i] = records[i].ID
	}
	status := http.StatusCreated
	if receipt.Repeated {
		status = http.StatusOK
	}
	if len(ids) == 1 {
		w.Header().Set("Location", "/v1/events/"+url.PathEscape(ids[0].String()))
	}
	return writeJSON(w, status, Receipt{
		First: receipt.First, Last: receipt.Last, Revisions: receipt.Revisions,
		Durability: receipt.Durability, Repeated: receipt.Repeated, IDs: ids,
	})
}

// target is what the URL of a POST says about where the events go.
type target struct {
	stream string // for events that name none
	expect string // none, exists, or a revision; empty: anything
	exact  uint64 // the revision
}

func parseTarget(rawQuery string) (target, error) {
	p := parseParameters(rawQuery, "stream", "expect")
	to := target{stream: p.name("stream")}
	if expect, ok := p.one("expect"); ok {
		to.expect = expect
		exact, err := strconv.ParseUint(expect, 10, 64)
		if err != nil && expect != expectNone && expect != expectExists {
			p.fault("expect", strconv.Quote(expect)+" is neither none nor exists nor a revision such as 7")
		}
		to.exact = exact
	}
	return to, p.err()
}

const (
	expectNone   = "none"
	expectExists = "exists"
)

// commitOf makes the received events ready to be committed, or returns the problem with every fault in it.
func (s *Server) commitOf(ctx context.Context, received []event.Record, to target) (store.Commit, error) {
	records := make([]event.Record, len(received))
	var faults []Fault
	for i := range received {
		var err error
		if records[i], err = complete(ctx, &received[i], to.stream); err != nil {
			faults = append(faults, faultAt(i, err))
		}
	}
	if len(faults) > 0 {
		return store.Commit{}, invalidEvent(faults...)
	}
	if err := s.checkTypes(records); err != nil {
		return store.Commit{}, err
	}
	conditions, err := to.conditions(records)
	return store.Commit{Events: records, Conditions: conditions}, err
}

// complete fills in what a received event does not say. The place it claims is that of another store: only its stream counts.
func complete(ctx context.Context, r *event.Record, stream string) (event.Record, error) {
	if r.Stream != "" {
		stream = r.Stream
	}
	e, err := event.New(ctx, event.Event[any]{Metadata: r.Metadata, Place: event.Place{Stream: stream}})
	return event.Record{Metadata: e.Metadata, Place: e.Place, Data: r.Data}, err
}

func faultAt(index int, err error) Fault {
	f := Fault{Index: &index, Field: "event", Reason: err.Error()}
	var invalid *event.InvalidError
	if errors.As(err, &invalid) {
		f.Field, f.Reason = invalid.Field, invalid.Reason
	}
	return f
}

func (t target) conditions(records []event.Record) ([]store.Condition, error) {
	if t.expect == "" {
		return nil, nil
	}
	stream := records[0].Stream
	for i := range records {
		if other := records[i].Stream; other != stream {
			return nil, invalidParameter(Fault{Parameter: "expect", Reason: "is about one stream, but the events are in " +
				strconv.Quote(stream) + " and " + strconv.Quote(other)})
		}
	}
	switch t.expect {
	case expectNone:
		return []store.Condition{store.NoStream(stream)}, nil
	case expectExists:
		return []store.Condition{store.StreamExists(stream)}, nil
	default:
		return []store.Condition{store.AtRevision(stream, t.exact)}, nil
	}
}
