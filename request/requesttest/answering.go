package requesttest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
)

var answering = []claim{
	{"AnswersOfOneResponderComeInOrder", func(t *trial) {
		var want []string
		for n := range 100 {
			want = append(want, fmt.Sprint(n))
		}
		t.respond("price.asked", "pricing", t.says(want...))
		if got := t.rest(t.ask(t.made("price.asked"), 8)); !slices.Equal(got, want) {
			t.Errorf("the answers were %q", got)
		}
	}},
	{"AnAnswerArrivesWhole", func(t *trial) {
		sent := &request.Error{Code: "shop.unknown", Message: "no such thing", Responder: "pricing", Details: map[string]string{"sku": "oak"}}
		t.respond("price.asked", "pricing", func(ctx context.Context, _ *event.Event[any], r request.Reply) {
			t.send(ctx, r, request.Answer{Data: "seven"})
			t.send(ctx, r, request.Answer{Data: nil})
			t.send(ctx, r, request.Answer{Err: sent, Last: true})
		})
		a := t.ask(t.made("price.asked"), 1)
		first, second, third := t.next(a), t.next(a), t.next(a)
		if says(first) != "seven" || first.Last || first.Empty || first.Responder != "pricing" || first.From == 0 {
			t.Errorf("the first answer is %+v", first)
		}
		if second.Data != nil || second.Last || second.Empty || second.Err != nil {
			t.Errorf("the second answer is %+v, want no data", second)
		}
		e := third.Err
		if e == nil || e.Code != sent.Code || e.Message != sent.Message || e.Responder != "pricing" || !maps.Equal(e.Details, sent.Details) || !third.Last {
			t.Errorf("the third answer is %+v with %+v", third, e)
		}
	}},
	{"AfterTheLastAnswersThereAreNoMore", func(t *trial) {
		t.respond("price.asked", "a", t.says("one", "two"))
		t.respond("price.asked", "b", func(ctx context.Context, _ *event.Event[any], r request.Reply) {
			t.send(ctx, r, request.Answer{Empty: true, Last: true})
		})
		a := t.ask(t.made("price.asked"), 1)
		got := t.rest(a)
		slices.Sort(got)
		if want := []string{"end", "one", "two"}; !slices.Equal(got, want) {
			t.Errorf("the answers were %q, want %q", got, want)
		}
		if n, all := a.Asked(); n != 2 || !all {
			t.Errorf("asked were %d, all of them: %t", n, all)
		}
	}},
	{"EachRequestGetsItsOwnAnswers", func(t *trial) {
		t.respond("price.asked", "pricing", func(ctx context.Context, q *event.Event[any], r request.Reply) {
			t.send(ctx, r, request.Answer{Data: q.ID.String()})
			t.send(ctx, r, request.Answer{Data: q.ID.String(), Last: true})
		})
		var all sync.WaitGroup
		for range 200 {
			q := t.made("price.asked")
			a := t.ask(q, 1)
			all.Go(func() {
				for range 2 {
					got, err := a.Next(t.ctx)
					if err != nil || text(got.Data) != q.ID.String() {
						t.Errorf("request %v got %+v, %v", q.ID, got, err)
					}
				}
			})
		}
		all.Wait()
	}},
	{"RespondersAreToldApart", func(t *trial) {
		for range 2 {
			t.respond("price.asked", "same name", t.says("one", "two"))
		}
		a := t.ask(t.made("price.asked"), 1)
		from := map[int]int{}
		for range 4 {
			from[t.next(a).From]++
		}
		if len(from) != 2 {
			t.Errorf("the answers came from %v, want two responders with two each", from)
		}
	}},
}

var window = []claim{
	{"SendWaitsUntilThereIsRoom", func(t *trial) {
		var sent atomic.Int64
		over := make(chan struct{})
		t.respond("price.asked", "pricing", func(ctx context.Context, _ *event.Event[any], r request.Reply) {
			for range 3 {
				t.send(ctx, r, request.Answer{Data: "seven"})
				sent.Add(1)
			}
			close(over)
			t.send(ctx, r, request.Answer{Empty: true, Last: true})
		})
		a := t.ask(t.made("price.asked"), 2)
		t.never(over, "with a window of 2 and nothing taken, 3 answers were sent")
		t.next(a)
		t.wait(over, "Send did not go on after an answer was taken")
		if got := t.rest(a); len(got) != 3 {
			t.Errorf("then came %q", got)
		}
	}},
	{"ASendThatWaitsEndsWithItsContext", func(t *trial) {
		first, result := make(chan struct{}), make(chan error, 1)
		t.respond("price.asked", "pricing", func(ctx context.Context, _ *event.Event[any], r request.Reply) {
			t.send(ctx, r, request.Answer{Data: "seven"})
			close(first)
			result <- r.Send(ctx, request.Answer{Data: "eight"})
		})
		a := t.ask(t.made("price.asked"), 1)
		t.wait(first, "the first answer was not taken")
		a.Close()
		select {
		case err := <-result:
			if err == nil {
				t.Error("an answer was sent that nobody wants")
			}
		case <-t.ctx.Done():
			t.Fatal("Send did not return")
		}
	}},
}

var late = []claim{
	{"WhatIsSentAfterCloseIsRefused", func(t *trial) {
		result, goOn := make(chan error, 1), make(chan struct{})
		t.respond("price.asked", "pricing", func(ctx context.Context, _ *event.Event[any], r request.Reply) {
			t.wait(ctx.Done(), "the context did not end")
			result <- r.Send(context.WithoutCancel(ctx), request.Answer{Data: "late", Last: true})
			close(goOn)
		})
		t.ask(t.made("price.asked"), 1).Close()
		t.wait(goOn, "Send did not return")
		if err := <-result; err == nil {
			t.Error("a late answer was taken")
		}
	}},
	{"WhatIsSentAfterTheLastIsRefused", func(t *trial) {
		t.respond("price.asked", "pricing", func(ctx context.Context, _ *event.Event[any], r request.Reply) {
			t.send(ctx, r, request.Answer{Data: "last", Last: true})
			if err := r.Send(context.WithoutCancel(ctx), request.Answer{Data: "one more"}); err == nil {
				t.Error("an answer after the last was taken")
			}
			r.Leave()
		})
		a := t.ask(t.made("price.asked"), 8)
		if got := t.rest(a); !slices.Equal(got, []string{"last"}) {
			t.Errorf("the answers were %q", got)
		}
	}},
	{"LeavingIsToldAndNeedsNoRoom", func(t *trial) {
		left := make(chan struct{})
		t.respond("price.asked", "pricing", func(ctx context.Context, _ *event.Event[any], r request.Reply) {
			t.send(ctx, r, request.Answer{Data: "seven"})
			r.Leave()
			t.wait(ctx.Done(), "Leave did not end the context")
			close(left)
		})
		a := t.ask(t.made("price.asked"), 1)
		t.wait(left, "Leave did not return")
		if got := t.next(a); says(got) != "seven" {
			t.Errorf("the first answer is %+v", got)
		}
		got := t.next(a)
		if got.Err == nil || got.Err.Code != request.CodeGone || !got.NoAnswer || !got.Last || got.Responder != "pricing" {
			t.Errorf("the answer is %+v, want that pricing is gone", got)
		}
		if _, err := a.Next(t.ctx); !errors.Is(err, request.ErrNoMore) {
			t.Errorf("then came %v", err)
		}
	}},
}
