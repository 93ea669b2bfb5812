package request_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
	"github.com/oxbow-events/oxbow/request/requesttest"
)

// wired is a driver that carries bytes alone, as one over a broker does.
type wired struct {
	request.Driver
	reg *event.Registry
}

func newWired() wired { return wired{request.OnBus(bus.New(bus.Config{})), new(event.Registry)} }

func (d wired) Ask(ctx context.Context, q *event.Event[any], window int) (request.Answers, error) {
	rec, err := d.reg.Encode(*q)
	if err != nil {
		return nil, err
	}
	carried := event.Event[any]{Metadata: rec.Metadata}
	if rec.Data != nil {
		carried.Data = json.RawMessage(rec.Data)
	}
	return d.Driver.Ask(ctx, &carried, window)
}

func (d wired) Respond(ctx context.Context, route request.Route, take request.Take) (func(), error) {
	return d.Driver.Respond(ctx, route, func(ctx context.Context, q *event.Event[any], r request.Reply) error {
		return take(ctx, q, wiredReply{r, d.reg, q})
	})
}

type wiredReply struct {
	request.Reply
	reg *event.Registry
	q   *event.Event[any]
}

func (r wiredReply) Send(ctx context.Context, a request.Answer) error {
	rec, err := request.EncodeAnswer(r.reg, &r.q.Metadata, a)
	if err != nil {
		return err
	}
	if rec.CausationID != r.q.ID || rec.CorrelationID != r.q.CorrelationID {
		return errors.New("the answer does not name its request")
	}
	carried, err := request.DecodeAnswer(rec)
	if err != nil {
		return err
	}
	return r.Reply.Send(ctx, carried)
}

func TestConformanceOfADriverThatCarriesBytes(t *testing.T) {
	requesttest.Run(t, requesttest.Harness{Open: func(*testing.T) request.Driver { return newWired() }})
}

// between returns a carrier whose answers and questions travel as bytes.
func between(t *testing.T, cfg request.Config) *request.Carrier {
	t.Helper()
	c, err := request.New(newWired(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestTheSameCallsWorkBetweenProcesses(t *testing.T) {
	c := between(t, request.Config{})
	handle(t, c, oak, request.Named("pricing"))
	type Invoice struct{}
	type TextAsked struct{}
	if got, err := ask(t, c); got != (Price{"oak", 995}) || err != nil {
		t.Errorf("Do returned %v, %v", got, err)
	}
	if got, err := request.Do[any](t.Context(), c, PriceAsked{"oak"}); err != nil || got.(map[string]any)["Cents"] != json.Number("995") {
		t.Errorf("Do returned %v, %v; want it untyped", got, err)
	}
	_, err := request.Do[Invoice](t.Context(), c, PriceAsked{"oak"})
	var mismatch *request.MismatchError
	if !errors.As(err, &mismatch) || mismatch.Got != "price (application/json)" || mismatch.Want != "invoice (request_test.Invoice)" {
		t.Errorf("an answer of another type: %v", err)
	}
	handleStream(t, c, func(context.Context, CountAsked) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) { _ = yield(1, nil) && yield(2, nil) }
	})
	if got, err := all[int](t, c, CountAsked{}); !slices.Equal(got, []int{1, 2}) || err != nil {
		t.Errorf("the stream had %v, %v", got, err)
	}
	handle(t, c, func(context.Context, TextAsked) ([]byte, error) { return []byte{0, 1}, nil })
	if got, err := request.Do[[]byte](t.Context(), c, TextAsked{}); string(got) != "\x00\x01" || err != nil {
		t.Errorf("Do returned %v, %v", got, err)
	}
	request.HandleTopic(c, "untyped", func(_ context.Context, q event.Event[any]) (any, error) { return q.Data, nil })
	if got, err := request.Do[any](t.Context(), c, event.From("untyped", []int{7})); err != nil || got.([]any)[0] != json.Number("7") {
		t.Errorf("Do returned %v, %v", got, err)
	}
	if got, err := request.Do[any](t.Context(), c, event.From("untyped", nil)); got != nil || err != nil {
		t.Errorf("Do returned %v, %v", got, err)
	}
}

func TestErrorsKeepTheirIdentityBetweenProcesses(t *testing.T) {
	c := between(t, request.Config{Codes: map[string]error{"shop.price.unknown": errUnknown}, OnError: new(reports).note})
	for _, err := range []error{errUnknown, event.Invalid("sku", "is empty"), context.DeadlineExceeded, &request.Error{Code: "a", Message: "b"}} {
		r := handle(t, c, func(context.Context, PriceAsked) (Price, error) { return Price{}, err }, request.Named("pricing"))
		_, got := ask(t, c)
		var typed *request.Error
		if !errors.As(got, &typed) || typed.Message == "" || typed.Responder != "pricing" {
			t.Errorf("%v became %v", err, got)
		}
		if own, ok := err.(*request.Error); ok && typed.Code != own.Code {
			t.Errorf("the code is %q", typed.Code)
		} else if !ok && !errors.Is(got, err) && !errors.Is(got, event.ErrInvalid) {
			t.Errorf("errors.Is does not find %v in %v", err, got)
		}
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	handle(t, c, func(context.Context, PriceAsked) (Price, error) { panic("the secret") })
	_, err := ask(t, c)
	var panicked *bus.PanicError
	var typed *request.Error
	if !errors.As(err, &typed) || typed.Code != request.CodePanic || errors.As(err, &panicked) {
		t.Errorf("a panic became %v", err)
	}
}

func TestAnAnswerThatCannotBeSentIsToldToBothSides(t *testing.T) {
	var told reports
	c := between(t, request.Config{OnError: told.note})
	handle(t, c, func(context.Context, PriceAsked) (chan int, error) { return make(chan int), nil })
	_, err := ask(t, c)
	var typed *request.Error
	if !errors.As(err, &typed) || typed.Code != request.CodeFailed || typed.Message != "the answer cannot be sent" {
		t.Errorf("the asker got %v", err)
	}
	expectError(t, told.all(), event.ErrInvalid)
}

func FuzzAnswerComesBack(f *testing.F) {
	f.Add("value", "price", "1", "pricing", []byte(`{"SKU":"oak"}`), "application/json")
	f.Add("error", "", "", "pricing", []byte(`{"code":"a","details":{"b":"c"}}`), "")
	f.Add("absent", "x", "0", "", []byte(`null`), "text/plain")
	f.Add("end", "", "", "", []byte(nil), "")
	f.Fuzz(func(t *testing.T, kind, dataType, version, responder string, data []byte, contentType string) {
		rec := event.Record{Metadata: event.Metadata{Type: request.AnswerType, ContentType: contentType}, Data: data}
		rec.Headers = map[string]string{
			"oxbow-answer": kind, "oxbow-data-type": dataType, "oxbow-data-version": version, "oxbow-responder": responder,
		}
		a, err := request.DecodeAnswer(rec)
		if err != nil {
			return
		}
		again, err := request.EncodeAnswer(new(event.Registry), &event.Metadata{ID: event.NewID()}, a)
		if err != nil {
			return // such as JSON that is none
		}
		b, err := request.DecodeAnswer(again)
		if err != nil {
			t.Fatalf("%+v is not read again: %v", a, err)
		}
		same := a.Last == b.Last && a.Empty == b.Empty && a.NoAnswer == b.NoAnswer && a.Type == b.Type && a.Version == b.Version
		if a.Err != nil {
			same = same && b.Err != nil && a.Err.Code == b.Err.Code && a.Err.Message == b.Err.Message && maps.Equal(a.Err.Details, b.Err.Details)
		}
		if !same {
			t.Errorf("%+v became %+v", a, b)
		}
	})
}
