package bus_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

// watch is a hook that writes down what it sees, and marks what it may.
type watch struct {
	journal
	silent   bool // gives no done
	panicsIn string
}

type watched struct{}

func (w *watch) Publish(ctx context.Context, m *event.Metadata) (context.Context, func(error)) {
	w.add("publish " + m.Type)
	m.TraceParent = "trace of " + m.Type
	return context.WithValue(ctx, watched{}, "published"), w.done("published " + m.Type)
}

func (w *watch) Deliver(ctx context.Context, subscription string, m *event.Metadata) (context.Context, func(error)) {
	cause, _ := event.CauseFrom(ctx)
	w.add(fmt.Sprintf("deliver %s to %s, %v, caused by it %v", m.Type, subscription, ctx.Value(watched{}), cause.ID == m.ID))
	if w.panicsIn == "deliver" {
		panic("hook")
	}
	cause.TraceParent = "span of " + subscription
	return event.WithCause(context.WithValue(ctx, watched{}, "delivering"), cause), w.done("delivered to " + subscription)
}

func (w *watch) done(what string) func(error) {
	if w.silent {
		return nil
	}
	return func(err error) {
		var failure *bus.HandlerError
		w.add(fmt.Sprint(what, ", failed ", err != nil, errors.As(err, &failure)))
		if w.panicsIn == "done" && strings.HasPrefix(what, "delivered") {
			panic("hook")
		}
	}
}

func TestHookSeesWhatIsPublishedAndDelivered(t *testing.T) {
	for name, opts := range map[string][]bus.Option{"sync": nil, "queued": {bus.Queued(bus.Queue{})}} {
		t.Run(name, func(t *testing.T) {
			w := &watch{}
			b := bus.New(bus.Config{Hook: w, OnError: func(context.Context, event.Event[any], error) {}})
			subscribe(t, b, func(ctx context.Context, e event.Event[Ticked]) error {
				if e.TraceParent != "trace of ticked" || ctx.Value(watched{}) != "delivering" {
					t.Errorf("the handler got the trace %q and a context that says %v", e.TraceParent, ctx.Value(watched{}))
				}
				if cause, _ := event.CauseFrom(ctx); cause.ID != e.ID || cause.TraceParent != "span of good" {
					t.Errorf("the cause is %+v", cause)
				}
				return nil
			}, append(opts, bus.Named("good"))...)
			if err := bus.Publish(t.Context(), b, Ticked{}); err != nil {
				t.Error(err)
			}
			if err := b.Idle(t.Context()); err != nil {
				t.Error(err)
			}
			subscribe(t, b, func(context.Context, event.Event[OrderPaid]) error { panic("bad") }, append(opts, bus.Named("bad"))...)
			failed := b.Publish(t.Context(), OrderPaid{}) != nil
			closeBus(t, b)
			want := []string{
				"publish ticked", "deliver ticked to good, published, caused by it true", "delivered to good, failed false false", "published ticked, failed false false",
				"publish order.paid", "deliver order.paid to bad, published, caused by it true", "delivered to bad, failed true true",
				fmt.Sprint("published order.paid, failed ", failed, failed),
			}
			got := w.all()
			if name == "queued" { // the two go on at the same time
				slices.Sort(got)
				slices.Sort(want)
			}
			if !slices.Equal(got, want) {
				t.Errorf("the hook saw %q, want %q", got, want)
			}
		})
	}
}

func TestHookSeesWhatNobodyGetsAndWhatIsMadeElsewhere(t *testing.T) {
	w := &watch{silent: true}
	b := bus.New(bus.Config{Hook: w})
	made, err := event.New(t.Context(), Ticked{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(bus.Publish(t.Context(), b, OrderPaid{}), b.Publish(t.Context(), OrderPlaced{}), b.Deliver(t.Context(), made)); err != nil {
		t.Error(err)
	}
	w.expect(t, "publish order.paid", "publish order.placed", "publish ticked")
	if made.TraceParent != "" {
		t.Error("the hook changed the caller's event")
	}
}

func TestPanicOfTheHookIsTheSubscriptionsError(t *testing.T) {
	for in, want := range map[string]bus.Stats{"deliver": {Failed: 1}, "done": {Delivered: 1}} {
		t.Run(in, func(t *testing.T) {
			var j journal
			b := bus.New(bus.Config{Hook: &watch{panicsIn: in}})
			sub := subscribe(t, b, nop[Ticked])
			err := bus.Publish(t.Context(), b, Ticked{})
			if panicked, ok := errors.AsType[*bus.PanicError](err); !ok || panicked.Value != "hook" {
				t.Errorf("error is %v, want the panic", err)
			}
			expectStats(t, sub, want)
			closeBus(t, b)
			j.expect(t)
		})
	}
}

func TestHookIsToldOfAHandlerThatEndsItsGoroutine(t *testing.T) {
	w := &watch{}
	b := bus.New(bus.Config{Hook: w})
	subscribe(t, b, func(context.Context, event.Event[Ticked]) error {
		runtime.Goexit()
		return nil
	}, bus.Named("gone"))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.Publish(context.Background(), Ticked{})
	}()
	<-ended
	if got := w.all(); !slices.Contains(got, "delivered to gone, failed true true") || !slices.Contains(got, "published ticked, failed true false") {
		t.Errorf("the hook saw %q", got)
	}
	closeBus(t, b)
}
