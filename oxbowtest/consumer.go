package oxbowtest

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/verdict"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

// patience is how long a test waits for handlers that have been called, by the clock that it runs under.
const patience = time.Minute

// Build makes a consumer's handlers over a store.
type Build = func(st *store.Store) []consumer.Handler

// Handlers returns handlers that need no store as a Build.
func Handlers(handlers ...consumer.Handler) Build {
	return func(*store.Store) []consumer.Handler { return handlers }
}

// ConsumerTest is a test of a consumer's handlers in the form given, when, then. Make one with Consumer.
type ConsumerTest struct {
	scene
	store *store.Store
	cfg   consumer.Config
	build Build

	handled  []any // given to be handled
	past     map[event.ID]bool
	trace    attempts
	appended []event.Event[any]
	ended    error // what ended the run before everything was handled
}

// Consumer begins a test of a consumer's handlers.
//
//	oxbowtest.Consumer(t, consumer.Config{}, func(st *store.Store) []consumer.Handler {
//		return []consumer.Handler{consumer.On(billing{st}.Charge)}
//	}).
//		Given(OrderPlaced{Order: "42"}).
//		When(PaymentRequested{Order: "42"}).
//		Then(PaymentTaken{Order: "42"})
//
// The consumer is a real one, with the middleware, the filters, the keys and the number of attempts that cfg says, but it never waits between
// attempts. Without a Logger in cfg, what is logged goes to the test's log.
func Consumer(t testing.TB, cfg consumer.Config, build Build) *ConsumerTest {
	t.Helper()
	c := &ConsumerTest{cfg: cfg, build: build, past: map[event.ID]bool{}}
	c.t = t
	c.store = c.world()
	return c
}

// Matching says how Then compares events and ThenItem values; see [Match].
func (c *ConsumerTest) Matching(m Match) *ConsumerTest {
	c.match = m
	return c
}

// Given adds events to the store that the consumer has passed: its handlers can read them, but are not called for them.
func (c *ConsumerTest) Given(events ...any) *ConsumerTest {
	c.t.Helper()
	for _, r := range c.fill(c.store, &c.given, "given", events) {
		c.past[r.ID] = true
	}
	return c
}

// GivenItem puts an item into the store: bytes as they are, anything else as JSON.
func (c *ConsumerTest) GivenItem(bucket, key string, value any) *ConsumerTest {
	c.t.Helper()
	encoded, err := itemValue(value)
	if err == nil {
		_, err = c.store.Commit(c.t.Context(), store.Commit{Items: []store.ItemWrite{store.Put(bucket, key, encoded)}})
	}
	if err != nil {
		c.t.Fatalf("oxbowtest: given item %q in %q: %v", key, bucket, err)
	}
	c.given = append(c.given, fmt.Sprintf("item %q in %q: %s", key, bucket, compact(encoded)))
	return c
}

// GivenHandled adds events that the consumer handles before When, one after the other. What comes of them is not compared.
func (c *ConsumerTest) GivenHandled(events ...any) *ConsumerTest {
	c.t.Helper()
	c.handled = append(c.handled, events...)
	return c
}

// When has the consumer handle events, one after the other as they are given, and returns when it has: succeeded, or given up.
func (c *ConsumerTest) When(events ...any) *ConsumerTest {
	c.t.Helper()
	if c.ready {
		c.t.Fatalf("oxbowtest: When was called before; give it all events at once, or the earlier ones to GivenHandled")
	}
	run := c.start()
	defer run.stop()
	for _, e := range c.handled {
		c.fill(c.store, &c.given, "given", []any{e})
		if c.ended == nil {
			c.ended = run.settle(c.t, c.store)
		}
	}
	c.trace.reset()
	head, err := c.store.Head(c.t.Context())
	if err != nil {
		c.t.Fatalf("oxbowtest: %v", err)
	}
	var records []event.Record
	for _, e := range events {
		records = append(records, c.fill(c.store, &c.when, "when", []any{e})...)
		if c.ended == nil {
			c.ended = run.settle(c.t, c.store)
		}
	}
	if c.ended != nil && !errors.As(c.ended, new(*consumer.HaltError)) {
		c.t.Fatalf("%sthen the consumer was not done: %v", c.story(), c.ended)
	}
	c.appended, c.ready = c.scene.appended(c.store, head, records), true
	return c
}

func (c *ConsumerTest) start() *workerRun {
	c.t.Helper()
	cfg := c.cfg
	cfg.Retry.First, cfg.Retry.Limit = 1, 1
	cfg.Middleware = append([]middleware.Func{c.watch}, cfg.Middleware...)
	cfg.Hook = &givenUp{Hook: cfg.Hook, trace: &c.trace}
	if cfg.Logger == nil {
		cfg.Logger = testLogger(c.t)
	}
	worker, err := consumer.New(c.store, "tested", cfg, c.build(c.store)...)
	if err != nil {
		c.t.Fatalf("oxbowtest: make the consumer: %v", err)
	}
	return startWorker(c.t.Context(), worker)
}

// watch keeps the past from the handlers, and notes what each attempt returned. It takes the wait out of the error that asks for one.
func (c *ConsumerTest) watch(next middleware.Handler) middleware.Handler {
	return func(ctx context.Context, call *middleware.Call) (result any, err error) {
		if c.past[call.Metadata.ID] {
			return nil, nil
		}
		defer func() {
			if v := recover(); v != nil {
				err = &middleware.PanicError{Value: v, Stack: debug.Stack()}
			}
			c.trace.note(call, err)
			if _, waits := verdict.Wait(err); waits && !verdict.IsPermanent(err) && !errors.Is(err, store.ErrTombstone) {
				err = atOnce{err}
			}
		}()
		return next(ctx, call)
	}
}

// atOnce is an error that does not ask to wait.
type atOnce struct{ err error }

func (e atOnce) Error() string        { return e.err.Error() }
func (e atOnce) Is(target error) bool { return errors.Is(e.err, target) }

// attempts are what the handlers returned.
type attempts struct {
	mu      sync.Mutex
	calls   []attempt
	givenUp []string
}

type attempt struct {
	eventType string
	number    int
	err       error
}

func (a *attempts) note(call *middleware.Call, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, attempt{call.Name, call.Attempt, err})
}

func (a *attempts) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls, a.givenUp = nil, nil
}

func (a *attempts) state() (calls []attempt, givenUp []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls), slices.Clone(a.givenUp)
}

// givenUp is a hook that notes which records were given up, and tells another one.
type givenUp struct {
	consumer.Hook
	trace *attempts
}

func (h *givenUp) Handle(ctx context.Context, name string, r *event.Record, n int) (context.Context, func(error)) {
	if h.Hook == nil {
		return ctx, nil
	}
	return h.Hook.Handle(ctx, name, r, n)
}

func (h *givenUp) Retry(ctx context.Context, name string, r *event.Record, n int, after time.Duration, err error) {
	if h.Hook != nil {
		h.Hook.Retry(ctx, name, r, n, after, err)
	}
}

func (h *givenUp) DeadLetter(ctx context.Context, name string, r *event.Record, n int, err error) {
	h.trace.mu.Lock()
	h.trace.givenUp = append(h.trace.givenUp, fmt.Sprintf("%s after %s: %v", r.Type, count(n, "attempt"), err))
	h.trace.mu.Unlock()
	if h.Hook != nil {
		h.Hook.DeadLetter(ctx, name, r, n, err)
	}
}

// Then fails the test unless everything was handled, and exactly these events were appended meanwhile, in order.
func (c *ConsumerTest) Then(events ...any) *ConsumerTest {
	c.t.Helper()
	c.began("Then")
	if _, given := c.trace.state(); len(given) > 0 {
		c.fail("then the consumer gave up; expected %s:\n%s", count(len(events), "event"), joinLines(indented(given, "+ ")))
		return c
	}
	c.compare(events, c.appended)
	return c
}

// ThenItem fails the test unless the item has this value: bytes as they are, anything else compared as JSON.
func (c *ConsumerTest) ThenItem(bucket, key string, want any) *ConsumerTest {
	c.t.Helper()
	c.began("ThenItem")
	item, err := c.store.Get(c.t.Context(), bucket, key)
	what := fmt.Sprintf("item %q in %q", key, bucket)
	switch {
	case err != nil:
		c.t.Fatalf("oxbowtest: %s: %v", what, err)
	case item.Revision == 0:
		c.fail("then there is no %s; expected:\n%s", what, joinLines(indented(pretty(plain(want)), "- ")))
	default:
		c.compareValues(what, want, item.Value)
	}
	return c
}

// ThenNoItem fails the test when there is such an item.
func (c *ConsumerTest) ThenNoItem(bucket, key string) *ConsumerTest {
	c.t.Helper()
	c.began("ThenNoItem")
	item, err := c.store.Get(c.t.Context(), bucket, key)
	if err != nil {
		c.t.Fatalf("oxbowtest: item %q in %q: %v", key, bucket, err)
	}
	if item.Revision > 0 {
		c.fail("then there is an item %q in %q; expected none:\n%s", key, bucket, joinLines(indented(pretty(plain(item.Value)), "+ ")))
	}
	return c
}

// ThenError fails the test unless an attempt failed with this error, or one that wraps it; a later one may have succeeded. With nil, any
// error will do.
func (c *ConsumerTest) ThenError(want error) *ConsumerTest {
	c.t.Helper()
	c.began("ThenError")
	var last error
	calls, _ := c.trace.state()
	for _, call := range calls {
		if call.err != nil && (want == nil || errors.Is(call.err, want)) {
			return c
		}
		if call.err != nil {
			last = call.err
		}
	}
	c.compareError("the handler", want, last)
	return c
}

// ThenAttempts fails the test unless handlers were called that often in all, retries included.
func (c *ConsumerTest) ThenAttempts(want int) *ConsumerTest {
	c.t.Helper()
	c.began("ThenAttempts")
	calls, _ := c.trace.state()
	if len(calls) == want {
		return c
	}
	lines := []string{"none"}
	if len(calls) > 0 {
		lines = nil
	}
	for _, call := range calls {
		line := fmt.Sprintf("%s, attempt %d: ", call.eventType, call.number)
		if call.err == nil {
			line += "handled"
		} else {
			line += call.err.Error()
		}
		lines = append(lines, line)
	}
	c.fail("then handlers were called %s; expected %s:\n%s", times(len(calls)), times(want), joinLines(indented(lines, "+ ")))
	return c
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// ThenGivenUp fails the test unless so many records were given up, because their attempts were spent or the error was permanent. What
// then becomes of them is up to consumer.Config.Spent.
func (c *ConsumerTest) ThenGivenUp(want int) *ConsumerTest {
	c.t.Helper()
	c.began("ThenGivenUp")
	_, given := c.trace.state()
	if len(given) != want {
		lines := []string{fmt.Sprintf("then %d records were given up; expected %d", len(given), want)}
		c.fail("%s", joinLines(append(lines, indented(given, "+ ")...)))
	}
	return c
}

// Store returns the store.
func (c *ConsumerTest) Store() *store.Store { return c.store }
