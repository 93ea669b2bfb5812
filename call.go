package oxbow

import (
	"cmp"
	"context"
	"slices"

	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
)

// callable makes what answers commands, queries and requests. After a mistake in the configuration, which is noted, each is there all the
// same, so that registering goes on until Publish or Run tells.
func (a *App) callable() {
	var err error
	if a.commands, err = cqrs.NewCommandBus(a.store, a.commandConfig()); err != nil {
		a.note(err)
		a.commands, _ = cqrs.NewCommandBus(a.store, cqrs.Config{Committer: a}) // which is right
	}
	if a.queries, err = cqrs.NewQueryBus(a.store, a.queryConfig()); err != nil {
		a.note(err)
		a.queries, _ = cqrs.NewQueryBus(a.store, cqrs.QueryConfig{})
	}
	if a.requests, err = request.Over(a.bus, a.requestConfig()); err != nil {
		a.note(err)
		a.requests, _ = request.Over(a.bus, request.Config{})
	}
}

func (a *App) commandConfig() cqrs.Config {
	c := a.cfg.Commands
	c.Committer, c.Source = a, cmp.Or(c.Source, a.cfg.Source)
	c.Logger = cmp.Or(c.Logger, a.cfg.Logger)
	c.Middleware = slices.Concat(a.cfg.Middleware, c.Middleware)
	return c
}

func (a *App) queryConfig() cqrs.QueryConfig {
	c := a.cfg.Queries
	c.Logger = cmp.Or(c.Logger, a.cfg.Logger)
	c.Middleware = slices.Concat(a.cfg.Middleware, c.Middleware)
	return c
}

func (a *App) requestConfig() request.Config {
	c := a.cfg.Requests
	c.Registry = a.cfg.Registry
	c.Middleware = slices.Concat(a.cfg.Middleware, c.Middleware)
	return c
}

// Commands returns the command bus: to register handlers found among methods, or to send what is known by name only.
func (a *App) Commands() *cqrs.CommandBus { return a.commands }

// Queries returns the query bus: to register handlers found among methods, and for queries whose results change ([cqrs.Watch]).
func (a *App) Queries() *cqrs.QueryBus { return a.queries }

// Requests returns the carrier of requests: to gather answers of several responders, and to stream them.
func (a *App) Requests() *request.Carrier { return a.requests }

// HandleCommand has fn handle the commands of type C. R is a plain result, [cqrs.Events] or a [cqrs.Outcome]; the events are stored and then
// delivered to subscriptions. See [cqrs.HandleCommand].
func HandleCommand[C, R any](a *App, fn func(context.Context, C) (R, error), opts ...cqrs.Option) {
	a.note(cqrs.HandleCommand(a.commands, fn, opts...))
}

// Send has a command handled, and returns its result and where its events came to stand; see [cqrs.CommandBus.Send].
func (a *App) Send(ctx context.Context, command any, opts ...cqrs.SendOption) (cqrs.Reply, error) {
	if err := a.check(); err != nil {
		return cqrs.Reply{}, err
	}
	return a.commands.Send(ctx, command, opts...)
}

// Send has a command handled and returns its result; see [cqrs.Send].
func Send[R any](ctx context.Context, a *App, command any, opts ...cqrs.SendOption) (R, error) {
	if err := a.check(); err != nil {
		var none R
		return none, err
	}
	return cqrs.Send[R](ctx, a.commands, command, opts...)
}

// HandleQuery has fn answer the queries of type Q; see [cqrs.HandleQuery].
func HandleQuery[Q, R any](a *App, fn func(context.Context, Q) (R, error), opts ...cqrs.Option) {
	a.note(cqrs.HandleQuery(a.queries, fn, opts...))
}

// Query has a query answered; see [cqrs.Query].
func Query[R any](ctx context.Context, a *App, query any) (R, error) {
	if err := a.check(); err != nil {
		var none R
		return none, err
	}
	return cqrs.Query[R](ctx, a.queries, query)
}

// HandleRequest has fn answer requests of type Q; see [request.Handle].
func HandleRequest[Q, R any](a *App, fn func(context.Context, Q) (R, error), opts ...request.Option) {
	_, err := request.Handle(a.requests, fn, opts...)
	a.note(err)
}

// Request asks, and returns the first answer; see [request.Do]. Requests are events on the bus, but are not stored.
func Request[R any](ctx context.Context, a *App, q any, opts ...event.Option) (R, error) {
	if err := a.check(); err != nil {
		var none R
		return none, err
	}
	return request.Do[R](ctx, a.requests, q, opts...)
}
