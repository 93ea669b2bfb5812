package main

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/oxbow-events/oxbow/bench/messaging"
	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/request"
)

func prepareRequests(_ context.Context, e *env) ([]contender, error) {
	return answering(e, 8, append([]messaging.Answerer{oxbowRequest}, messaging.Requests()...))
}

func prepareCommands(_ context.Context, e *env) ([]contender, error) {
	return answering(e, 1, append([]messaging.Answerer{oxbowCommand}, messaging.Commands()...))
}

// answering returns so many callers at once that ask for one answer after the other.
func answering(e *env, callers int, by []messaging.Answerer) (contenders []contender, err error) {
	n := e.n(80_000, 80)
	order := messaging.Order{Order: "42", Cents: 1999}
	for _, a := range by {
		c := contender{name: a.Name, does: a.Does, missing: a.Missing, events: n}
		if a.Missing == "" {
			ask, end, err := a.Start(func(o messaging.Order) int64 { return o.Cents })
			if err != nil {
				return nil, &contenderError{a.Name, err}
			}
			e.onClose(end)
			c.side = all(n, atOnce(callers, repeat(n/callers, func(ctx context.Context) error {
				_, err := ask(ctx, order)
				return err
			})))
		}
		contenders = append(contenders, c)
	}
	return contenders, nil
}

var oxbowCommand = messaging.Answerer{Name: oxbowName, Start: startCommands}

// startCommands answers commands as programs have them: with the default middleware, and a logger that leaves out what is not news.
func startCommands(answer func(messaging.Order) int64) (messaging.Ask, func() error, error) {
	b, err := cqrs.NewCommandBus(nil, cqrs.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		return nil, nil, err
	}
	err = cqrs.HandleCommand(b, func(_ context.Context, o messaging.Order) (int64, error) { return answer(o), nil })
	ask := func(ctx context.Context, o messaging.Order) (int64, error) { return cqrs.Send[int64](ctx, b, o) }
	return ask, func() error { return nil }, err
}

var oxbowRequest = messaging.Answerer{Name: oxbowName, Start: startRequests}

func startRequests(answer func(messaging.Order) int64) (messaging.Ask, func() error, error) {
	b := bus.New(bus.Config{})
	c, err := request.Over(b, request.Config{})
	if err != nil {
		return nil, nil, err
	}
	_, err = request.Handle(c, func(_ context.Context, o messaging.Order) (int64, error) { return answer(o), nil })
	if err != nil {
		return nil, nil, err
	}
	ask := func(ctx context.Context, o messaging.Order) (int64, error) { return request.Do[int64](ctx, c, o) }
	end := func() error {
		return errors.Join(c.Close(context.Background()), b.Close(context.Background()))
	}
	return ask, end, nil
}
