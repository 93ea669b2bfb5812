package requesttest

import (
	"context"
	"errors"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
)

var ending = []claim{
	{"OfTheAskerEndsTheHandlers", func(t *trial) {
		h, ended := t.silent()
		t.respond("price.asked", "pricing", h)
		ctx, cancel := context.WithCancel(t.ctx)
		a, err := t.d.Ask(ctx, t.made("price.asked"), 1)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		t.never(ended, "the handler's context ended by itself")
		cancel()
		t.wait(ended, "the handler's context did not end")
	}},
	{"OfTheAskerEndsNext", func(t *trial) {
		h, _ := t.silent()
		t.respond("price.asked", "pricing", h)
		a := t.ask(t.made("price.asked"), 1)
		ctx, cancel := context.WithCancel(t.ctx)
		cancel()
		if _, err := a.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Next returned %v", err)
		}
	}},
	{"AnEndedOneAsksNobody", func(t *trial) {
		t.respond("price.asked", "pricing", func(context.Context, *event.Event[any], request.Reply) { t.Error("the handler was called") })
		ctx, cancel := context.WithCancel(t.ctx)
		cancel()
		if _, err := t.d.Ask(ctx, t.made("price.asked"), 1); !errors.Is(err, context.Canceled) {
			t.Errorf("Ask returned %v", err)
		}
	}},
	{"WithCloseOfTheAnswers", func(t *trial) {
		h, ended := t.silent()
		t.respond("price.asked", "pricing", h)
		a := t.ask(t.made("price.asked"), 1)
		a.Close()
		a.Close()
		t.wait(ended, "the handler's context did not end")
	}},
	{"WithTheLastAnswer", func(t *trial) {
		ended := make(chan struct{})
		t.respond("price.asked", "pricing", func(ctx context.Context, q *event.Event[any], r request.Reply) {
			t.says("last")(ctx, q, r)
			t.wait(ctx.Done(), "the context did not end")
			close(ended)
		})
		a := t.ask(t.made("price.asked"), 1)
		t.wait(ended, "the handler did not return")
		if got := t.rest(a); !slices.Equal(got, []string{"last"}) {
			t.Errorf("the answers were %q", got)
		}
	}},
	{"OfAllButTheOneThatIsKept", func(t *trial) {
		h, ended := t.silent()
		t.respond("price.asked", "silent", h)
		t.respond("price.asked", "pricing", t.says("one", "two", "three"))
		t.respond("price.asked", "other", func(ctx context.Context, _ *event.Event[any], r request.Reply) {
			t.wait(ctx.Done(), "the context of another one did not end")
			if err := r.Send(context.WithoutCancel(ctx), request.Answer{Data: "dropped", Last: true}); err == nil {
				t.Error("an answer of a responder that was not kept was taken")
			}
		})
		a := t.ask(t.made("price.asked"), 1)
		a.Keep(t.next(a).From)
		t.wait(ended, "the context of the others did not end")
		if got := t.rest(a); !slices.Equal(got, []string{"two", "three"}) {
			t.Errorf("then came %q", got)
		}
	}},
	{"OfTheOneThatIsDropped", func(t *trial) {
		dropped := make(chan struct{})
		t.respond("price.asked", "endless", func(ctx context.Context, _ *event.Event[any], r request.Reply) {
			defer close(dropped)
			for t.ctx.Err() == nil && r.Send(ctx, request.Answer{Data: "more"}) == nil {
			}
		})
		goOn := make(chan struct{})
		t.respond("price.asked", "pricing", func(ctx context.Context, q *event.Event[any], r request.Reply) {
			<-goOn
			t.says("one", "two")(ctx, q, r)
		})
		a := t.ask(t.made("price.asked"), 4)
		a.Drop(t.next(a).From)
		t.wait(dropped, "its context did not end")
		close(goOn)
		if got := t.rest(a); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("then came %q", got)
		}
	}},
}

var closing = []claim{
	{"WaitingForAnAnswerEnds", func(t *trial) {
		h, _ := t.silent()
		t.respond("price.asked", "pricing", h)
		a := t.ask(t.made("price.asked"), 1)
		result := make(chan error, 1)
		t.handlers.Go(func() {
			_, err := a.Next(t.ctx)
			result <- err
		})
		if err := t.d.Close(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-result:
			if !errors.Is(err, request.ErrClosed) {
				t.Errorf("Next returned %v, want ErrClosed", err)
			}
		case <-t.ctx.Done():
			t.Error("Next did not return")
		}
		a.Close()
	}},
	{"AskingAndRespondingAreRefused", func(t *trial) {
		t.respond("price.asked", "pricing", t.says("seven"))
		for range 2 {
			if err := t.d.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		if _, err := t.d.Ask(t.ctx, t.made("price.asked"), 1); !errors.Is(err, request.ErrClosed) {
			t.Errorf("Ask returned %v, want ErrClosed", err)
		}
		_, err := t.d.Respond(t.ctx, request.Route{Pattern: "price.asked", Name: "late"}, func(context.Context, *event.Event[any], request.Reply) error { return nil })
		if !errors.Is(err, request.ErrClosed) {
			t.Errorf("Respond returned %v, want ErrClosed", err)
		}
	}},
}
