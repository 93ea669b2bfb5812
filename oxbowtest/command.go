package oxbowtest

import (
	"testing"

	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// CommandTest is a test of command handlers in the form given, when, then. Make one with Command.
type CommandTest struct {
	scene
	store    *store.Store
	bus      *cqrs.CommandBus
	reply    cqrs.Reply
	err      error
	appended []event.Event[any]
}

// Command begins a test of command handlers. register adds them to a bus over a store in memory, as the program does.
//
//	oxbowtest.Command(t, cqrs.Config{}, func(b *cqrs.CommandBus, st *store.Store) error {
//		return cqrs.HandleCommand(b, desk{st}.Place)
//	}).
//		Given(OrderPlaced{Order: "41"}).
//		When(PlaceOrder{Order: "42"}).
//		Then(OrderPlaced{Order: "42"}).
//		ThenResult(Number(2))
//
// Without a Logger in the config, nothing is logged.
func Command(t testing.TB, cfg cqrs.Config, register func(b *cqrs.CommandBus, st *store.Store) error) *CommandTest {
	t.Helper()
	c := &CommandTest{}
	c.t = t
	c.store = c.world()
	if cfg.Logger == nil {
		cfg.NoLogging = true
	}
	var err error
	if c.bus, err = cqrs.NewCommandBus(c.store, cfg); err == nil {
		err = register(c.bus, c.store)
	}
	if err != nil {
		t.Fatalf("oxbowtest: make the command bus: %v", err)
	}
	return c
}

// Matching says how Then compares events and ThenResult the result; see [Match].
func (c *CommandTest) Matching(m Match) *CommandTest {
	c.match = m
	return c
}

// Given adds events to the store.
func (c *CommandTest) Given(events ...any) *CommandTest {
	c.t.Helper()
	c.fill(c.store, &c.given, "given", events)
	return c
}

// When sends a command.
func (c *CommandTest) When(command any, opts ...cqrs.SendOption) *CommandTest {
	c.t.Helper()
	c.when = append(c.when, commandLine(command))
	head, err := c.store.Head(c.t.Context())
	if err != nil {
		c.t.Fatalf("oxbowtest: %v", err)
	}
	c.reply, c.err = c.bus.Send(c.t.Context(), command, opts...)
	c.appended, c.ready = c.scene.appended(c.store, head, nil), true
	return c
}

// Then fails the test unless the command succeeded, and exactly these events were appended because of it, in order.
func (c *CommandTest) Then(events ...any) *CommandTest {
	c.t.Helper()
	c.began("Then")
	if c.err != nil {
		c.fail("then the command failed; expected %s:\n+ %v", count(len(events), "event"), c.err)
		return c
	}
	c.compare(events, c.appended)
	return c
}

// ThenError fails the test unless the command failed with this error, or one that wraps it, and nothing was appended. With nil, any error
// will do.
func (c *CommandTest) ThenError(want error) *CommandTest {
	c.t.Helper()
	c.began("ThenError")
	c.compareError("the command", want, c.err)
	if len(c.appended) > 0 {
		c.fail("then the command that was to fail appended events:\n%s", tree(c.appended))
	}
	return c
}

// ThenResult fails the test unless the command succeeded with this result, compared as JSON.
func (c *CommandTest) ThenResult(want any) *CommandTest {
	c.t.Helper()
	c.began("ThenResult")
	if c.err != nil {
		c.fail("then the command failed; expected a result:\n+ %v", c.err)
		return c
	}
	c.compareValues("the result", want, c.reply.Result)
	return c
}

// Reply returns what became of the command, for tests that look at more.
func (c *CommandTest) Reply() (cqrs.Reply, error) { return c.reply, c.err }

// Store returns the store.
func (c *CommandTest) Store() *store.Store { return c.store }
