package request

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// asked is one request of an asker.
type asked struct {
	carrier *Carrier
	request event.Event[any]
	answers Answers
	life    life // the context of what is done with it
}

// maxDepth is how many handlers may wait for each other's answers.
const maxDepth = 100

// ask sends a request. The context that it returns is for whatever is done until end is called.
func (c *Carrier) ask(ctx context.Context, q any, window int, timeout bool, opts []event.Option) (context.Context, *asked, error) {
	if err := c.check(); err != nil {
		return ctx, nil, err
	}
	a := &asked{carrier: c}
	var err error
	if w := workOf(ctx); w != nil && w.depth >= maxDepth {
		return ctx, nil, fmt.Errorf("request: %w; %d handlers wait for each other, so end the recursion", ErrDepth, w.depth)
	}
	if a.request, err = event.New(ctx, q, opts...); err != nil {
		return ctx, nil, fmt.Errorf("request: %w", err)
	}
	if err := c.enter(ctx); err != nil {
		return ctx, nil, a.failure(err)
	}
	a.life.Context = ctx
	if _, has := ctx.Deadline(); timeout && !has && !c.cfg.NoTimeout {
		a.life.limit, ctx = time.Now().Add(c.cfg.Timeout), &a.life
	}
	taken := false
	defer func() {
		if !taken { // it was refused, or a driver's panic goes on from here
			a.life.end()
			c.leave()
		}
	}()
	if a.answers, err = c.driver.Ask(ctx, &a.request, window); err != nil {
		return ctx, nil, a.failure(err)
	}
	taken = true
	return ctx, a, nil
}

// end ends the request: responders that still work on it are told.
func (a *asked) end() {
	a.answers.Close()
	a.life.end()
	a.carrier.leave()
}

func (a *asked) failure(err error) error {
	if errors.Is(err, ErrNoResponder) {
		return fmt.Errorf("request %s: %w; start one with request.Handle", a.request.RoutingKey(), err)
	}
	return fmt.Errorf("request %s: %w", a.request.Type, err)
}

// next returns the next answer, with its error as it is in this process.
func (a *asked) next(ctx context.Context) (Answer, error) {
	answer, err := a.answers.Next(ctx)
	if err == nil && answer.Err != nil {
		answer.Err = restore(a.carrier.codes, answer.Err)
	}
	return answer, err
}

// first returns the first answer that says something: data, an error of a handler or, when streams says that it is one, the end of an empty stream.
// A responder that is busy or gone counts only when no other answers.
func (a *asked) first(ctx context.Context, streams bool) (Answer, error) {
	none := ErrNoAnswer
	for {
		answer, err := a.next(ctx)
		switch {
		case errors.Is(err, ErrNoMore):
			return Answer{}, a.failure(none)
		case errors.Is(err, context.DeadlineExceeded) && !a.life.limit.IsZero():
			return Answer{}, a.failure(fmt.Errorf("no answer within %v, the carrier's Config.Timeout: %w", a.carrier.cfg.Timeout, err))
		case err != nil:
			return Answer{}, a.failure(err)
		case answer.NoAnswer:
			none = answer.Err
		case answer.Err == nil && answer.Empty && !streams:
		case answer.Err != nil:
			return answer, a.failure(answer.Err)
		default:
			return answer, nil
		}
	}
}
