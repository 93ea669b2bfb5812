package oxbowtest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/oxbowtest"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
)

type orderPlaced struct {
	Order    string `json:"order"`
	Customer string `json:"customer"`
	Cents    int64  `json:"cents"`
}

func (orderPlaced) EventType() string     { return "order.placed" }
func (o orderPlaced) AggregateID() string { return o.Order }

type orderPaid struct {
	Order string `json:"order"`
	Cents int64  `json:"cents"`
}

func (orderPaid) EventType() string     { return "order.paid" }
func (o orderPaid) AggregateID() string { return o.Order }

// orders returns n orders of a few customers.
func orders(n int) []any {
	var history []any
	for i := range n {
		history = append(history, orderPlaced{Order: fmt.Sprint(i + 1), Customer: string(rune('a' + i%3)), Cents: int64(100 * (i + 1))})
	}
	return history
}

// bank is a payment service: outside of the store, and of the process.
type bank struct {
	mu      sync.Mutex
	charges map[string]int64
}

func newBank() *bank { return &bank{charges: map[string]int64{}} }

// Charge takes money each time.
func (b *bank) Charge(order string, cents int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.charges[order] += cents
}

// ChargeOnce takes money once for each key.
func (b *bank) ChargeOnce(key event.ID, order string, cents int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.charges[order+" "+key.String()] = cents
}

func (b *bank) Charges() any {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.charges)
}

// found returns what the simulation finds.
func found(t *testing.T, s oxbowtest.Simulation) *oxbowtest.Finding {
	t.Helper()
	err := s.Check(t)
	f, ok := errors.AsType[*oxbowtest.Finding](err)
	if !ok {
		t.Fatalf("found %v, want a finding", err)
	}
	t.Logf("%v", f)
	return f
}

func one(name string, build oxbowtest.Build) func() oxbowtest.World {
	return func() oxbowtest.World {
		return oxbowtest.World{Parts: []oxbowtest.Part{oxbowtest.ConsumerPart(name, consumer.Config{}, build)}}
	}
}

func TestAHandlerThatChargesTwiceIsFoundAtItsFirstEvent(t *testing.T) {
	f := found(t, oxbowtest.Simulation{
		History: append([]any{event.From("shop.opened", map[string]any{})}, orders(10)...),
		World: func() oxbowtest.World {
			b := newBank()
			return oxbowtest.World{
				Parts: []oxbowtest.Part{
					oxbowtest.ConsumerPart("billing", consumer.Config{}, oxbowtest.Handlers(
						consumer.On(func(_ context.Context, e event.Event[orderPlaced]) error {
							b.Charge(e.Data.Order, e.Data.Cents)
							return nil
						}))),
					oxbowtest.ConsumerPart("mail", consumer.Config{}, oxbowtest.Handlers(
						consumer.OnAny(func(context.Context, event.Event[any]) error { return nil }))),
				},
				Effects: b.Charges,
			}
		},
	})
	want(t, f, "consumer billing", "is not idempotent at event order.placed (position 2,", 2)
	if len(f.Story) != 1 {
		t.Errorf("the story is\n%s\nwant one line", strings.Join(f.Story, "\n"))
	}
}

func want(t *testing.T, f *oxbowtest.Finding, part, what string, position event.Position) {
	t.Helper()
	if f.Part != part || !strings.Contains(f.What, what) || f.Event.Position != position {
		t.Errorf("found %s: %s, at position %d; want %s: %s, at %d", f.Part, f.What, f.Event.Position, part, what, position)
	}
}

func TestACounterInAMapIsFound(t *testing.T) {
	f := found(t, oxbowtest.Simulation{
		History: orders(5),
		World: func() oxbowtest.World {
			counts := map[string]int{}
			var mu sync.Mutex
			return oxbowtest.World{
				Parts: []oxbowtest.Part{oxbowtest.ConsumerPart("counter", consumer.Config{}, oxbowtest.Handlers(
					consumer.On(func(_ context.Context, e event.Event[orderPlaced]) error {
						mu.Lock()
						defer mu.Unlock()
						counts[e.Data.Customer]++
						return nil
					})))},
				Effects: func() any { return maps.Clone(counts) },
			}
		},
	})
	want(t, f, "consumer counter", "is not idempotent at event order.placed", 1)
}

func TestAnEventAppendedTwiceIsFound(t *testing.T) {
	f := found(t, oxbowtest.Simulation{
		History: orders(5),
		World: one("billing", func(st *store.Store) []consumer.Handler {
			return []consumer.Handler{consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
				_, err := st.Append(ctx, orderPaid{e.Data.Order, e.Data.Cents})
				return err
			})}
		}),
	})
	want(t, f, "consumer billing", "is not idempotent", 1)
}

// Only the last event is known: which is not enough when a checkpoint is late.
func TestAHandlerThatRemembersOneEventOnlyIsFound(t *testing.T) {
	f := found(t, oxbowtest.Simulation{
		History: []any{
			oxbowtest.Event(orderPlaced{Order: "1", Cents: 1}, event.WithStream("orders")),
			oxbowtest.Event(orderPlaced{Order: "2", Cents: 2}, event.WithStream("orders")),
			oxbowtest.Event(orderPlaced{Order: "3", Cents: 3}, event.WithStream("orders")),
		},
		World: func() oxbowtest.World {
			b := newBank()
			var last event.ID
			return oxbowtest.World{
				Parts: []oxbowtest.Part{oxbowtest.ConsumerPart("billing", consumer.Config{}, oxbowtest.Handlers(
					consumer.On(func(_ context.Context, e event.Event[orderPlaced]) error {
						if e.ID != last {
							b.Charge(e.Data.Order, e.Data.Cents)
						}
						last = e.ID
						return nil
					})))},
				Effects: b.Charges,
			}
		},
	})
	want(t, f, "consumer billing", "is not idempotent", 1)
}

func TestAHandlerThatDependsOnTheOrderOfKeysIsFound(t *testing.T) {
	f := found(t, oxbowtest.Simulation{
		History: orders(8),
		World:   one("latest", latest),
	})
	want(t, f, "consumer latest", "order in which events of different keys", f.Event.Position)
}

func TestAHandlerThatDependsOnTheClockIsFound(t *testing.T) {
	f := found(t, oxbowtest.Simulation{
		History: orders(6),
		World: one("reminder", func(st *store.Store) []consumer.Handler {
			return []consumer.Handler{consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
				if e.Data.Cents < 300 || time.Since(e.Time) < 30*24*time.Hour {
					return nil
				}
				_, err := st.Commit(ctx, store.Commit{Items: []store.ItemWrite{store.Put("late", e.Data.Order, []byte("late"))}})
				return err
			})}
		}),
	})
	want(t, f, "consumer reminder", "depends on the clock", 3)
}

func TestRandomEffectsAreFound(t *testing.T) {
	f := found(t, oxbowtest.Simulation{
		History: orders(3),
		World: one("billing", func(st *store.Store) []consumer.Handler {
			return []consumer.Handler{consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
				_, err := st.Commit(ctx, store.Commit{Items: []store.ItemWrite{store.Put("payments", e.Data.Order, fmt.Append(nil, rand.Int()))}})
				return err
			})}
		}),
	})
	want(t, f, "consumer billing", "chance", 1)
}

type total struct {
	Orders int   `json:"orders"`
	Cents  int64 `json:"cents"`
	Seen   int   `json:"seen"`
}

func TestAProjectionThatReadsOutsideStateIsFound(t *testing.T) {
	f := found(t, oxbowtest.Simulation{
		History: orders(6),
		World: func() oxbowtest.World {
			applied := 0
			return oxbowtest.World{Parts: []oxbowtest.Part{
				oxbowtest.ProjectionPart(func(st *store.Store) (*projection.Projection[total], error) {
					return totals(st, func() int { applied++; return applied })
				}),
			}}
		},
	})
	want(t, f, "projection totals", "does not make the same documents again", 1)
}

func TestAProjectionThatReadsWhatAConsumerWritesIsFound(t *testing.T) {
	f := found(t, oxbowtest.Simulation{
		History: orders(6),
		World: func() oxbowtest.World {
			return oxbowtest.World{Parts: []oxbowtest.Part{
				oxbowtest.ConsumerPart("prices", consumer.Config{}, func(st *store.Store) []consumer.Handler {
					return []consumer.Handler{consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
						_, err := st.Commit(ctx, store.Commit{Items: []store.ItemWrite{store.Put("price", e.Data.Order, []byte("1"))}})
						return err
					})}
				}),
				oxbowtest.ProjectionPart(func(st *store.Store) (*projection.Projection[total], error) {
					p, err := projection.New[total](st, "priced", projection.Config{Logger: slog.New(slog.DiscardHandler)})
					if err != nil {
						return nil, err
					}
					projection.On(p, func(ctx context.Context, docs *projection.Docs[total], e event.Event[orderPlaced]) error {
						item, err := st.Get(ctx, "price", e.Data.Order)
						if err != nil || item.Revision == 0 {
							return err
						}
						return docs.Put(e.Data.Order, total{Orders: 1})
					})
					return p, nil
				}),
			}}
		},
	})
	want(t, f, "projection priced", "depends on what others do meanwhile", f.Event.Position)
}

func totals(st *store.Store, seen func() int) (*projection.Projection[total], error) {
	p, err := projection.New[total](st, "totals", projection.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	projection.On(p, func(ctx context.Context, docs *projection.Docs[total], e event.Event[orderPlaced]) error {
		return docs.Update(ctx, cmp.Or(e.Data.Customer, "nobody"), func(doc *total) {
			doc.Orders++
			doc.Cents += e.Data.Cents
			doc.Seen = seen()
		})
	})
	return p, nil
}

// right is a program that does everything as it should.
func right() oxbowtest.World {
	b := newBank()
	return oxbowtest.World{
		Parts: []oxbowtest.Part{
			oxbowtest.ConsumerPart("billing", consumer.Config{}, func(st *store.Store) []consumer.Handler {
				return []consumer.Handler{consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
					b.ChargeOnce(e.ID, e.Data.Order, e.Data.Cents)
					_, err := st.Append(ctx, paidOnce(e))
					return err
				})}
			}),
			oxbowtest.ConsumerPart("counter", consumer.Config{}, func(st *store.Store) []consumer.Handler {
				return []consumer.Handler{consumer.On(func(ctx context.Context, e event.Event[orderPaid]) error {
					return countOnce(ctx, st, e.ID)
				})}
			}),
			oxbowtest.ConsumerPart("shipping", consumer.Config{}, oxbowtest.Handlers(consumer.On(ship))),
			oxbowtest.ProjectionPart(totalsWithout),
		},
		Effects: b.Charges,
	}
}

// ship does nothing about being called twice: what it writes is in the same commit as the checkpoint.
func ship(ctx context.Context, e event.Event[orderPaid]) error {
	tx := consumer.Transaction(ctx)
	item, err := tx.Get(ctx, "shipped", "cents")
	if err != nil {
		return err
	}
	var cents int64
	_, _ = fmt.Sscan(string(item.Value), &cents)
	if err := tx.Put("shipped", "cents", fmt.Append(nil, cents+e.Data.Cents)); err != nil {
		return err
	}
	if err := tx.Expect(store.ItemAt("shipped", "cents", item.Revision)); err != nil {
		return err
	}
	return tx.Append(event.From("order.shipped", map[string]any{"order": e.Data.Order}), event.WithStream("order-"+e.Data.Order))
}

func TestAPoisonedEventIsGivenUpTheSameWhateverGoesWrong(t *testing.T) {
	err := oxbowtest.Simulation{
		History: []any{
			orderPlaced{Order: "1", Cents: 1},
			orderPlaced{Order: "2", Cents: -2},
			orderPlaced{Order: "3", Cents: 3},
			orderPaid{Order: "2"},
			orderPlaced{Order: "2", Cents: 2},
		},
		World: one("billing", charge), Seeds: 40,
	}.Check(t)
	if err != nil {
		t.Errorf("found %v", err)
	}
}

// paidOnce returns the same event each time.
func paidOnce(e event.Event[orderPlaced]) any {
	return event.Event[orderPaid]{
		Metadata: event.Metadata{ID: e.ID.Derive("paid")},
		Data:     orderPaid{e.Data.Order, e.Data.Cents},
	}
}

// countOnce counts an event in a commit that notes that it is counted.
func countOnce(ctx context.Context, st *store.Store, id event.ID) error {
	item, err := st.Get(ctx, "counts", "paid")
	if err != nil {
		return err
	}
	n := 0
	_, _ = fmt.Sscan(string(item.Value), &n)
	_, err = st.Commit(ctx, store.Commit{
		Items: []store.ItemWrite{store.Put("counts", "paid", fmt.Append(nil, n+1)), store.Put("counted", id.String(), []byte("1"))},
		Conditions: []store.Condition{
			store.ItemAt("counts", "paid", item.Revision), store.ItemAt("counted", id.String(), 0),
		},
	})
	if conflict, ok := errors.AsType[*store.ConflictError](err); ok && conflict.Bucket == "counted" {
		return nil
	}
	return err
}

func TestWhatIsRightIsNeverAccused(t *testing.T) {
	err := oxbowtest.Simulation{World: right, History: orders(8), Seeds: 60}.Check(t)
	if err != nil {
		t.Errorf("found %v", err)
	}
}

func TestASeedFindsTheSameAgain(t *testing.T) {
	s := oxbowtest.Simulation{History: orders(8), World: one("latest", latest)}
	first := found(t, s)
	s.Seed = first.Seed
	for range 3 {
		if again := found(t, s); again.Error() != first.Error() {
			t.Errorf("seed %d found\n%v\nand then\n%v", first.Seed, first, again)
		}
	}
}

// latest is a handler whose effects are those of whatever event comes last.
func latest(st *store.Store) []consumer.Handler {
	return []consumer.Handler{consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
		_, err := st.Commit(ctx, store.Commit{Items: []store.ItemWrite{store.Put("latest", "order", []byte(e.Data.Order))}})
		return err
	})}
}

// putOnce is a handler whose effect is the same each time.
func putOnce(st *store.Store) []consumer.Handler {
	return []consumer.Handler{consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
		_, err := st.Commit(ctx, store.Commit{Items: []store.ItemWrite{store.Put("seen", e.Data.Order, []byte("1"))}})
		return err
	})}
}

func TestAHandlerThatSwallowsErrorsIsFound(t *testing.T) {
	f := found(t, oxbowtest.Simulation{
		History: orders(5),
		World: one("careless", func(st *store.Store) []consumer.Handler {
			return []consumer.Handler{consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
				_, _ = st.Append(ctx, paidOnce(e))
				return nil
			})}
		}),
	})
	want(t, f, "consumer careless", "does not do the same after an error of the store", 1)
}

func TestAHandlerThatRefusesARepeatedEventIsFound(t *testing.T) {
	for _, spent := range []consumer.Spent{consumer.Halt, consumer.Park, consumer.Skip} {
		f := found(t, oxbowtest.Simulation{
			History: orders(5),
			World: func() oxbowtest.World {
				charged := map[string]bool{}
				return oxbowtest.World{Parts: []oxbowtest.Part{oxbowtest.ConsumerPart("strict", consumer.Config{Spent: spent},
					oxbowtest.Handlers(consumer.On(func(_ context.Context, e event.Event[orderPlaced]) error {
						if charged[e.Data.Order] {
							return consumer.Permanent(errors.New("charged already"))
						}
						charged[e.Data.Order] = true
						return nil
					})))}}
			},
		})
		want(t, f, "consumer strict", "is not idempotent", 1)
		if !strings.Contains(f.Error(), "charged already") {
			t.Errorf("the finding does not tell the error: %v", f)
		}
	}
}

// Nobody wrote to the store, so that only who is held back tells whose clock it was.
func TestWhoLooksAtTheClockIsFoundAmongOthers(t *testing.T) {
	f := found(t, oxbowtest.Simulation{
		History: orders(4),
		World: func() oxbowtest.World {
			var late []string
			return oxbowtest.World{
				Parts: []oxbowtest.Part{
					oxbowtest.ConsumerPart("first", consumer.Config{}, putOnce),
					oxbowtest.ConsumerPart("second", consumer.Config{}, oxbowtest.Handlers(
						consumer.On(func(_ context.Context, e event.Event[orderPlaced]) error {
							if e.Data.Order > "2" && time.Since(e.Time) > 300*24*time.Hour {
								late = append(late, e.Data.Order)
							}
							return nil
						}))),
				},
				Effects: func() any { return late },
			}
		},
	})
	want(t, f, "consumer second", "depends on the clock", 3)
}

func TestWhatMayDifferIsIgnored(t *testing.T) {
	stamped := one("stamp", func(st *store.Store) []consumer.Handler {
		return []consumer.Handler{consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			at := fmt.Appendf(nil, `{"at":%q}`, time.Now())
			_, err := st.Commit(ctx, store.Commit{Items: []store.ItemWrite{store.Put("stamps", e.Data.Order, at)}})
			return err
		})}
	})
	want(t, found(t, oxbowtest.Simulation{History: orders(3), World: stamped}), "consumer stamp", "depends on the clock", 1)
	if err := (oxbowtest.Simulation{History: orders(3), World: stamped, Ignore: []string{"at"}}).Check(t); err != nil {
		t.Errorf("with the path ignored: %v", err)
	}
}

func TestOnlyTheFaultsThatAreAskedForHappen(t *testing.T) {
	s := oxbowtest.Simulation{History: orders(6), World: one("latest", latest), Seeds: 20}
	for _, others := range []oxbowtest.Fault{oxbowtest.ClockJumps, oxbowtest.StoreErrors} {
		s.Faults = []oxbowtest.Fault{others}
		if err := s.Check(t); err != nil {
			t.Errorf("fault %d: %v", others, err)
		}
	}
	s.Faults = []oxbowtest.Fault{oxbowtest.Reordering}
	found(t, s)
}

func TestTheHistoryMayBeOfAStoreOrMadeForEachSeed(t *testing.T) {
	st := oxbowtest.Store(t, orders(12)...)
	if _, err := st.Append(t.Context(), orderPaid{Order: "1"}); err != nil {
		t.Fatal(err)
	}
	s := oxbowtest.Simulation{Store: st, World: one("latest", latest)}
	if f := found(t, s); f.Event.Position == 0 {
		t.Errorf("found at %+v", f.Event)
	}
	lengths := map[int]bool{}
	s = oxbowtest.Simulation{World: right, Seeds: 10, Generate: func(r *rand.Rand) []any {
		n := 1 + r.IntN(10)
		lengths[n] = true
		return orders(n)
	}}
	if err := s.Check(t); err != nil {
		t.Error(err)
	}
	if len(lengths) < 3 {
		t.Errorf("the histories had lengths %v", lengths)
	}
}

func TestSeedsComeFromTheEnvironment(t *testing.T) {
	s := oxbowtest.Simulation{History: orders(8), World: one("latest", latest), Faults: []oxbowtest.Fault{oxbowtest.Reordering}}
	seed := found(t, s).Seed
	t.Setenv(oxbowtest.SeedVariable, fmt.Sprint(seed))
	if again := found(t, s).Seed; again != seed {
		t.Errorf("found with seed %d, want %d", again, seed)
	}
	t.Setenv(oxbowtest.SeedVariable, "")
	worlds := 0
	s.World = func() oxbowtest.World { worlds++; return right() }
	t.Setenv(oxbowtest.SeedsVariable, "3")
	begin := time.Now()
	if err := s.Check(t); err != nil {
		t.Fatal(err)
	}
	few, took := worlds, time.Since(begin)
	t.Setenv(oxbowtest.ForVariable, (4 * took).String())
	if err := s.Check(t); err != nil {
		t.Fatal(err)
	}
	if worlds-few <= few {
		t.Errorf("%d runs with 3 seeds, and %d in four times the time", few, worlds-few)
	}
	t.Setenv(oxbowtest.SeedVariable, "many")
	if err := s.Check(t); !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), oxbowtest.SeedVariable) {
		t.Errorf("a bad seed: %v", err)
	}
}

func TestMistakesInASimulationAreNamed(t *testing.T) {
	halting := func() oxbowtest.World {
		return oxbowtest.World{Parts: []oxbowtest.Part{oxbowtest.ConsumerPart("halting", consumer.Config{Spent: consumer.Halt},
			oxbowtest.Handlers(consumer.On(func(context.Context, event.Event[orderPlaced]) error {
				return consumer.Permanent(errors.New("broken"))
			})))}}
	}
	for field, s := range map[string]oxbowtest.Simulation{
		"World: is missing":                {History: orders(1)},
		"History: there must be one":       {World: right},
		"there are 2":                      {World: right, History: orders(1), Generate: func(*rand.Rand) []any { return nil }},
		"History: is empty":                {World: right, History: []any{}},
		"Seeds: is negative":               {World: right, History: orders(1), Seeds: -1},
		"For: is negative":                 {World: right, History: orders(1), For: -1},
		"Faults[1]: 99 is no kind":         {World: right, History: orders(1), Faults: []oxbowtest.Fault{oxbowtest.Crashes, 99}},
		`Ignore[0]: "a..b"`:                {World: right, History: orders(1), Ignore: []string{"a..b"}},
		"World: has no parts":              {World: func() oxbowtest.World { return oxbowtest.World{} }, History: orders(1)},
		"no part handles any":              {World: one("billing", putOnce), History: []any{orderPaid{Order: "1"}}},
		"event 1, a string":                {World: right, History: []any{"text"}},
		"consumer halting ended":           {World: halting, History: orders(2)},
		"consumer bad name ended: Workers": {World: badConsumer, History: orders(2)},
	} {
		err := s.Check(t)
		if err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(field, "consumer bad name ended: ")) {
			t.Errorf("it says %v, want %q", err, field)
		}
	}
}

func badConsumer() oxbowtest.World {
	return oxbowtest.World{Parts: []oxbowtest.Part{oxbowtest.ConsumerPart("bad name", consumer.Config{Workers: -1}, putOnce)}}
}

func TestFindingsAreReadable(t *testing.T) {
	f := found(t, oxbowtest.Simulation{
		History: orders(3),
		Faults:  []oxbowtest.Fault{oxbowtest.Duplicates},
		World: one("billing", func(st *store.Store) []consumer.Handler {
			return []consumer.Handler{consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
				_, err := st.Append(ctx, orderPaid{e.Data.Order, e.Data.Cents})
				return err
			})}
		}),
	})
	compareGolden(t, "finding-twice", f.Error()+"\n")
	f = found(t, oxbowtest.Simulation{History: orders(4), Faults: []oxbowtest.Fault{oxbowtest.Reordering}, World: one("latest", latest)})
	compareGolden(t, "finding-order", f.Error()+"\n")
}
