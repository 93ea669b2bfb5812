package oxbowtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Environment variables that go before what a Simulation says, for all simulations of the tests that are run.
const (
	SeedVariable  = "OXBOW_SEED"  // the one seed to run: what a failed simulation prints
	SeedsVariable = "OXBOW_SEEDS" // how many seeds to run
	ForVariable   = "OXBOW_FOR"   // for how long to go on with further seeds, such as 10m
)

// Simulation is what [Simulate] runs: consumers and projections of the program that is tested, over a history. World and one of History, Store
// and Generate are needed.
type Simulation struct {
	// World makes everything that the handlers work on and with. It is called once for each run.
	World func() World

	History  []any                    // the events that happen: anything that event.New or Event takes
	Store    *store.Store             // or the events that it holds, which are copied; it is only read
	Generate func(r *rand.Rand) []any // or events made anew for each seed
	Registry *event.Registry          // of the stores that parts get; default: one that reads and writes JSON
	Faults   []Fault                  // what may go wrong; default everything
	Ignore   []string                 // paths in the effects that may differ, as in Match: "**.at" is the key at wherever it is

	Seed  uint64        // run this seed only; default: run from 1 on
	Seeds int           // how many seeds to run; default 100
	For   time.Duration // go on with further seeds until that long has passed, by the real clock; default 0
}

// World is what one run is about: the program, as parts that begin again after a crash, and what lies outside of it.
type World struct {
	Parts []Part

	// Effects returns what the handlers have done outside of the store, as a value that encoding/json can write: the charges that a fake
	// payment service has taken, say. What belongs to the world, such as that fake, is made in Simulation.World and survives crashes; what
	// belongs to the process is made where a Part is built. Orders that do not matter are sorted in it. Default: there is nothing outside.
	Effects func() any
}

// Part is a consumer or a projection, which can crash and begin again. Make one with ConsumerPart or ProjectionPart.
type Part struct {
	kind  string
	name  string // empty until it is built
	build func(p *process, st *store.Store) (oxbow.Worker, error)
}

// ConsumerPart returns a consumer as a part. build makes its handlers, at the beginning and after each crash, over a store that fails when
// the part crashes. Without a Logger in cfg, nothing is logged.
func ConsumerPart(name string, cfg consumer.Config, build Build) Part {
	return Part{kind: "consumer", name: name, build: func(p *process, st *store.Store) (oxbow.Worker, error) {
		return consumer.New(st, name, p.around(cfg), build(st)...)
	}}
}

// ProjectionPart returns a projection as a part; build makes it, at the beginning and after each crash. It logs what it logs: a Logger in its
// Config that discards keeps crashes quiet.
func ProjectionPart[W oxbow.Worker](build func(st *store.Store) (W, error)) Part {
	return Part{kind: "projection", build: func(_ *process, st *store.Store) (oxbow.Worker, error) { return build(st) }}
}

// Simulate runs consumers and projections over a history, calmly and then with faults: what a [Fault] names, each time at other places, as a
// seed says. Whatever goes wrong, handlers that are right leave the same effects: appended events, items, documents, and what
// World.Effects returns. When the effects differ, the test fails with a [*Finding] that names the handler, the event and the seed, and the
// fewest faults that show it.
//
// Time is that of testing/synctest, so that waiting takes none: call it outside of a bubble, and have the handlers use nothing
// that the test made before, such as a channel or a connection.
//
// Events are given to the program one by one, or several at once when the order is to vary. Effects are compared like this: of the events
// that handlers append, their stream, type, data and tags, and which event caused them, but not their ids, times and positions, and
// their order only among those that one event caused in one stream; items by bucket, key and value, without those of Oxbow's own.
func Simulate(t *testing.T, s Simulation) {
	t.Helper()
	if err := s.Check(t); err != nil {
		t.Errorf("%v", err)
	}
}

// Check is Simulate for a test that wants the error: a [*Finding], or what is wrong with the simulation itself.
func (s Simulation) Check(t *testing.T) error {
	if err := s.complete(); err != nil {
		return fmt.Errorf("simulation: %w", err)
	}
	l := &lab{t: t, sim: &s}
	began := time.Now()
	for seed := s.Seed; ; seed++ {
		if err := l.try(seed); err != nil {
			return err
		}
		if done := seed - s.Seed + 1; done >= uint64(s.Seeds) && time.Since(began) >= s.For {
			return nil
		}
	}
}

// complete sets what is not set, and refuses what makes no sense.
func (s *Simulation) complete() error {
	given := 0
	for _, is := range [...]bool{s.History != nil, s.Store != nil, s.Generate != nil} {
		if is {
			given++
		}
	}
	switch {
	case s.World == nil:
		return event.Invalid("World", "is missing; return the parts to be tested from it")
	case given != 1:
		return event.Invalid("History", "there must be one of History, Store and Generate, and there are %d", given)
	case s.Seeds < 0:
		return event.Invalid("Seeds", "is negative")
	case s.For < 0:
		return event.Invalid("For", "is negative")
	}
	for i, f := range s.Faults {
		if f < Duplicates || f > ClockJumps {
			return event.Invalid(fmt.Sprintf("Faults[%d]", i), "%d is no kind of fault", int(f))
		}
	}
	if s.Faults == nil {
		s.Faults = []Fault{Duplicates, Crashes, StoreErrors, Reordering, ClockJumps}
	}
	if err := checkPaths("Ignore", s.Ignore); err != nil {
		return err
	}
	return s.seeds()
}

func (s *Simulation) seeds() (err error) {
	seed, seedErr := variable(SeedVariable, s.Seed, func(text string) (uint64, error) { return strconv.ParseUint(text, 10, 64) })
	seeds, seedsErr := variable(SeedsVariable, s.Seeds, strconv.Atoi)
	long, longErr := variable(ForVariable, s.For, time.ParseDuration)
	if err := errors.Join(seedErr, seedsErr, longErr); err != nil {
		return err
	}
	if s.Seed, s.Seeds, s.For = seed, cmp.Or(seeds, 100), long; seed > 0 {
		s.Seeds, s.For = 1, 0
	}
	s.Seed = max(s.Seed, 1)
	return nil
}

// variable returns what an environment variable says, or else what was configured.
func variable[V any](name string, configured V, parse func(string) (V, error)) (V, error) {
	text := os.Getenv(name)
	if text == "" {
		return configured, nil
	}
	v, err := parse(text)
	if err != nil {
		return v, event.Invalid(name, "%q cannot be read: %v", text, err)
	}
	return v, nil
}

// history returns the events of a seed.
func (s *Simulation) history(r *rand.Rand) ([]event.Record, error) {
	if s.Store != nil {
		return stored(s.Store, 0)
	}
	given := s.History
	if s.Generate != nil {
		given = s.Generate(r)
	}
	b := Builder{Registry: s.Registry}
	records := make([]event.Record, len(given))
	for i, g := range given {
		rec, err := b.record(g, nil)
		if err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		records[i] = rec
	}
	return records, nil
}

// gone is a context that has ended: what asks with it is told how things stand now.
func gone() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
