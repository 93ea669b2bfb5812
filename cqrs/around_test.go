package cqrs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// noting returns middleware that notes when it is entered and left.
func noting(order *[]string, name string) middleware.Func {
	return func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (any, error) {
			*order = append(*order, name)
			defer func() { *order = append(*order, name) }()
			return next(ctx, c)
		}
	}
}

type watchful struct{ order *[]string }

func (w watchful) Validate() error {
	*w.order = append(*w.order, "validate")
	return nil
}

func (w watchful) IdempotencyKey() string {
	*w.order = append(*w.order, "key")
	return ""
}

func TestTheOrderOfWhatIsAroundAHandler(t *testing.T) {
	var order []string
	authorize := func(_ context.Context, c *middleware.Call) error {
		order = append(order, "authorize "+string(c.Kind))
		return nil
	}
	handler := func(context.Context, watchful) (int, error) {
		order = append(order, "handler")
		return 1, nil
	}
	b := newBus(t, nil, cqrs.Config{
		Middleware: []middleware.Func{noting(&order, "bus 1"), noting(&order, "bus 2")},
		Authorize:  authorize,
		Audit: func(context.Context, cqrs.Entry) error {
			order = append(order, "audit")
			return nil
		},
	})
	handle(t, b, handler, cqrs.With(noting(&order, "own 1"), noting(&order, "own 2")))
	send(t, b, watchful{&order})
	want := []string{
		"bus 1", "bus 2", "own 1", "own 2", "authorize command", "validate", "key", "handler", "own 2", "own 1", "bus 2", "bus 1", "audit",
	}
	if !slices.Equal(order, want) {
		t.Errorf("the order of a command was %q, want %q", order, want)
	}

	order = nil
	q := newQueryBus(t, nil, cqrs.QueryConfig{Middleware: []middleware.Func{noting(&order, "bus")}, Authorize: authorize})
	ask(t, q, handler, cqrs.With(noting(&order, "own")))
	if _, err := cqrs.Query[int](t.Context(), q, watchful{&order}); err != nil {
		t.Error(err)
	}
	if want := []string{"bus", "own", "authorize query", "validate", "handler", "own", "bus"}; !slices.Equal(order, want) {
		t.Errorf("the order of a query was %q, want %q", order, want)
	}
}

func TestMiddlewareSeesTheCall(t *testing.T) {
	var seen middleware.Call
	var meta event.Metadata
	look := func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (any, error) {
			seen, meta = *c, *c.Metadata
			cause, ok := event.CauseFrom(ctx)
			if !ok || cause.ID != c.Metadata.ID {
				t.Errorf("the context's cause is %+v, want the command", cause)
			}
			return next(ctx, c)
		}
	}
	b := newBus(t, nil, cqrs.Config{Middleware: []middleware.Func{look}})
	handle(t, b, func(context.Context, CancelOrder) (int, error) { return 0, nil }, cqrs.Named("canceller"))
	before := time.Now()
	reply := send(t, b, CancelOrder{"7"})
	if seen.Kind != middleware.Command || seen.Name != "cancel.order" || seen.Handler != "canceller" || seen.Data != (CancelOrder{"7"}) || seen.Attempt != 1 {
		t.Errorf("the call was %+v", seen)
	}
	if meta.ID != reply.ID || meta.Type != "cancel.order" || meta.Time.Before(before) || meta.Time.Location() != time.UTC {
		t.Errorf("its metadata were %+v", meta)
	}
}

func TestMiddlewareThatBreaksTheCallIsToldSo(t *testing.T) {
	for want, broken := range map[string]middleware.Func{
		"result: of tick is int, and middleware made it string": func(next middleware.Handler) middleware.Handler {
			return func(ctx context.Context, c *middleware.Call) (any, error) {
				_, err := next(ctx, c)
				return "changed", err
			}
		},
		"invalid input": func(middleware.Handler) middleware.Handler {
			return func(context.Context, *middleware.Call) (any, error) { return 7, event.ErrInvalid }
		},
		"result: of tick is int, and middleware made it <nil>": func(middleware.Handler) middleware.Handler {
			return func(context.Context, *middleware.Call) (any, error) { return nil, nil }
		},
		"data: of tick is cqrs_test.Tick, and middleware made it int": func(next middleware.Handler) middleware.Handler {
			return func(ctx context.Context, c *middleware.Call) (any, error) {
				other := *c
				other.Data = 7
				return next(ctx, &other)
			}
		},
		"context: of tick is not made of the one": func(next middleware.Handler) middleware.Handler {
			return func(_ context.Context, c *middleware.Call) (any, error) { return next(context.Background(), c) }
		},
	} {
		b := newBus(t, newStore(), cqrs.Config{})
		handle(t, b, func(context.Context, Tick) (int, error) { return 7, nil }, cqrs.With(broken))
		reply, err := b.Send(t.Context(), Tick{})
		expectError(t, err, event.ErrInvalid, want)
		if reply.Result != nil {
			t.Errorf("a result beside the error: %v", reply.Result)
		}
		q := newQueryBus(t, newStore(), cqrs.QueryConfig{})
		ask(t, q, func(context.Context, Tick) (int, error) { return 7, nil }, cqrs.With(broken))
		_, err = cqrs.Query[int](t.Context(), q, Tick{})
		expectError(t, err, event.ErrInvalid, want)
	}
}

func TestAContextOfAnotherCommandIsNotTakenForThisOne(t *testing.T) {
	var outer context.Context
	b := newBus(t, newStore(), cqrs.Config{})
	handle(t, b, func(ctx context.Context, _ PlaceOrder) (int, error) {
		outer = ctx
		return cqrs.Send[int](ctx, b, Tick{})
	})
	handle(t, b, func(context.Context, Tick) (int, error) { return 7, nil }, cqrs.With(func(next middleware.Handler) middleware.Handler {
		return func(_ context.Context, c *middleware.Call) (any, error) { return next(outer, c) }
	}))
	_, err := b.Send(t.Context(), PlaceOrder{})
	expectError(t, err, event.ErrInvalid, "context: of tick is not made of the one")
}

func TestMiddlewareMayCallAgain(t *testing.T) {
	st := newStore()
	twice := func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (any, error) {
			if _, err := next(ctx, c); err != nil {
				return next(ctx, c)
			}
			return next(ctx, c)
		}
	}
	b := newBus(t, st, cqrs.Config{Middleware: []middleware.Func{twice}})
	var calls counter
	handle(t, b, place(&calls))
	if got := send(t, b, PlaceOrder{OrderID: "7"}, cqrs.WithKey("k")); got.Result != 1 || !got.Repeated {
		t.Errorf("with a key: %+v, want the first result", got)
	}
	if got := send(t, b, PlaceOrder{OrderID: "8"}); got.Result != 3 || got.Receipt.First != 3 {
		t.Errorf("without a key: %+v, want the second of two", got)
	}
}

func TestTheDefaultLogIsQuietAndTellsNothingOfTheContents(t *testing.T) {
	var lines bytes.Buffer
	level := &slog.LevelVar{}
	refuse := func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (any, error) {
			if p, ok := c.Data.(PlaceOrder); ok && p.Item == "refuse" {
				return nil, errOutOfStock
			}
			return next(ctx, c)
		}
	}
	cfg := cqrs.Config{
		Logger:     slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: level})),
		Middleware: []middleware.Func{refuse}, // the log is outside of it
	}
	b := newBus(t, nil, cfg)
	handle(t, b, func(_ context.Context, c PlaceOrder) (int, error) {
		switch c.Item {
		case "panic":
			panic("no")
		case "error":
			return 0, errOutOfStock
		}
		return 0, nil
	}, cqrs.Named("desk"))
	take := func() string {
		defer lines.Reset()
		return lines.String()
	}
	send(t, b, PlaceOrder{"classified", ""})
	if got := take(); got != "" {
		t.Errorf("a success logged %q at level info", got)
	}
	level.Set(slog.LevelDebug)
	reply := send(t, b, PlaceOrder{"classified", ""})
	got := take()
	for _, want := range []string{"level=DEBUG", "msg=handled", "kind=command", "name=place.order", "handler=desk", "id=" + reply.ID.String(), "correlation=" + reply.ID.String(), "took="} {
		if !strings.Contains(got, want) {
			t.Errorf("a success logged %q, want %s", got, want)
		}
	}
	for item, want := range map[string]string{"error": "level=WARN", "refuse": "level=WARN", "panic": "level=ERROR"} {
		if _, err := b.Send(t.Context(), PlaceOrder{"classified", item}); err == nil {
			t.Error(item, "is no error")
		}
		failed := take()
		if !strings.Contains(failed, want) || !strings.Contains(failed, `msg="handler failed"`) || !strings.Contains(failed, "error=") {
			t.Errorf("%s logged %q", item, failed)
		}
		got += failed
	}
	if strings.Contains(got, "classified") {
		t.Errorf("the log tells what commands say: %q", got)
	}
	cfg.NoLogging = true
	off := newBus(t, nil, cfg)
	handle(t, off, func(context.Context, Tick) (int, error) { return 0, errOutOfStock })
	if _, err := off.Send(t.Context(), Tick{}); err == nil || take() != "" {
		t.Error("NoLogging logs")
	}
}

func TestWhatAuthorizeRefusesDoesNotHappen(t *testing.T) {
	var order []string
	authorize := func(_ context.Context, c *middleware.Call) error {
		if c.Metadata.UserID != "ann" {
			return errOutOfStock
		}
		return nil
	}
	ann := event.WithCause(t.Context(), event.Cause{UserID: "ann"})
	bob := event.WithCause(t.Context(), event.Cause{UserID: "bob"})
	handler := func(context.Context, watchful) (int, error) {
		order = append(order, "handler")
		return 1, nil
	}
	b := newBus(t, newStore(), cqrs.Config{Authorize: authorize})
	handle(t, b, handler)
	q := newQueryBus(t, nil, cqrs.QueryConfig{Authorize: authorize})
	ask(t, q, handler)

	_, err := b.Send(bob, watchful{&order})
	expectError(t, err, cqrs.ErrForbidden, "command watchful by bob is forbidden: out of stock")
	expectError(t, err, errOutOfStock)
	_, err = b.Send(t.Context(), watchful{&order})
	expectError(t, err, cqrs.ErrForbidden, "by an unknown user")
	_, err = cqrs.Query[int](bob, q, watchful{&order})
	expectError(t, err, cqrs.ErrForbidden, "query watchful by bob is forbidden")
	if len(order) != 0 {
		t.Errorf("%q came before the refusal", order)
	}
	if _, err := b.Send(ann, watchful{&order}); err != nil {
		t.Error(err)
	}
	if _, err := cqrs.Query[int](ann, q, watchful{&order}); err != nil {
		t.Error(err)
	}
}

func TestAKeyGivesItsResultToNobodyWhoMayNotSend(t *testing.T) {
	allowed := true
	b := newBus(t, newStore(), cqrs.Config{Authorize: func(context.Context, *middleware.Call) error {
		if !allowed {
			return errOutOfStock
		}
		return nil
	}})
	handle(t, b, func(context.Context, PlaceOrder) (int, error) { return 7, nil })
	send(t, b, PlaceOrder{}, cqrs.WithKey("k"))
	allowed = false
	reply, err := b.Send(t.Context(), PlaceOrder{}, cqrs.WithKey("k"))
	expectError(t, err, cqrs.ErrForbidden)
	if reply.Result != nil {
		t.Errorf("got the result %v", reply.Result)
	}
}

func TestTheAuditHearsOfEveryCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var entries []cqrs.Entry
		b := newBus(t, newStore(), cqrs.Config{
			Audit: func(ctx context.Context, e cqrs.Entry) error {
				if ctx.Err() != nil {
					t.Error("the audit's context ends with the command's")
				}
				entries = append(entries, e)
				return nil
			},
			Authorize: func(_ context.Context, c *middleware.Call) error {
				if c.Metadata.UserID == "" {
					return errOutOfStock
				}
				return nil
			},
		})
		var calls counter
		handle(t, b, func(_ context.Context, c PlaceOrder) (cqrs.Outcome[int], error) {
			time.Sleep(time.Second)
			if c.Item == "panic" {
				panic(c.Item)
			}
			if calls.add() == 1 {
				return cqrs.Outcome[int]{}, errConflict
			}
			return cqrs.Outcome[int]{Events: cqrs.Events{OrderPlaced(c), OrderPlaced(c)}}, nil
		}, cqrs.Named("desk"))
		ann, cancel := context.WithCancel(event.WithCause(t.Context(), event.Cause{UserID: "ann"}))
		command := PlaceOrder{OrderID: "7"}
		reply := sendWith(t, ann, b, command, cqrs.WithKey("k"))
		sendWith(t, ann, b, command, cqrs.WithKey("k"))
		_, panicked := b.Send(ann, PlaceOrder{Item: "panic"})
		_, forbidden := b.Send(t.Context(), command)
		cancel()
		_, cancelled := b.Send(ann, command, cqrs.WithKey("other"))

		if len(entries) != 5 {
			t.Fatalf("%d entries, want 5: %+v", len(entries), entries)
		}
		e := entries[0]
		if e.Metadata.UserID != "ann" || e.Metadata.ID != reply.ID || e.Metadata.Type != "place.order" || e.Handler != "desk" || e.Data != any(command) {
			t.Errorf("who and what: %+v", e)
		}
		if e.Key != "k" || e.Receipt.First != 1 || e.Receipt.Last != 2 || e.Repeated || e.Attempts != 2 || e.Err != nil || e.Duration < 2*time.Second || e.Duration > 3*time.Second {
			t.Errorf("what became of it: %+v", e)
		}
		if e := entries[1]; !e.Repeated || e.Attempts != 0 || e.Receipt.Last != 2 || e.Err != nil {
			t.Errorf("repeated: %+v", e)
		}
		if e := entries[2]; e.Err != panicked || e.Err == nil || e.Receipt.First != 0 {
			t.Errorf("panicked: %+v", e)
		}
		if e := entries[3]; e.Err != forbidden || !errors.Is(e.Err, cqrs.ErrForbidden) || e.Attempts != 0 {
			t.Errorf("forbidden: %+v", e)
		}
		if e := entries[4]; e.Err != cancelled || !errors.Is(e.Err, context.Canceled) {
			t.Errorf("cancelled: %+v", e)
		}
	})
}

func TestAnAuditThatFailsIsReportedBesideTheResult(t *testing.T) {
	for _, panics := range []bool{false, true} {
		st := newStore()
		b := newBus(t, st, cqrs.Config{Audit: func(context.Context, cqrs.Entry) error {
			if panics {
				panic(errOutOfStock)
			}
			return errOutOfStock
		}})
		var calls counter
		handle(t, b, place(&calls))
		handle(t, b, func(context.Context, Tick) (int, error) { return 0, errConflict })
		result, err := cqrs.Send[int](t.Context(), b, PlaceOrder{OrderID: "7"})
		var done *cqrs.DoneError
		var audit *cqrs.AuditError
		if result != 1 || !errors.As(err, &done) || !errors.As(err, &audit) || !errors.Is(err, errOutOfStock) {
			t.Errorf("got %v, %v; want the result and that it was not audited", result, err)
		}
		expectRecords(t, st, "order.placed order-7")
		_, err = b.Send(t.Context(), Tick{})
		if errors.As(err, &done) || !errors.As(err, &audit) || !errors.Is(err, errConflict) {
			t.Errorf("error of a failed one is %v, want both and not that it was done", err)
		}
	}
}
