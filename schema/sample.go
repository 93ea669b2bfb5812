package schema

import (
	"cmp"
	"context"
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Reader is what records are sampled from: a *store.Store, a driver.
type Reader interface {
	Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error]
}

// Sampling is how records are chosen; the zero Sampling will do.
type Sampling struct {
	PerSchema int         // records of each stored type and version at most; default 100
	Seed      uint64      // makes the same choice again over the same records; default: another one each time
	Query     store.Query // which records to choose from; default all
}

// Sampled is what is stored of one type and version, and some of it.
type Sampled struct {
	Schema      event.Schema
	Records     uint64 // all there are
	First, Last store.Position
	Sample      []event.Record // in order of position; the first and the last one are among them
}

// Sample reads records and keeps some of each stored type and version: the first, the last, and others by chance, each with the
// same probability wherever in the log it stands. It reads the log once, whole, so that it sees every type and version there is,
// and holds only the sample in memory. It returns them in order of type and version, with the seed it used.
func Sample(ctx context.Context, from Reader, cfg Sampling) (samples []Sampled, seed uint64, err error) {
	if cfg.PerSchema < 0 {
		return nil, 0, event.Invalid("PerSchema", "is negative")
	}
	limit := cmp.Or(cfg.PerSchema, 100)
	for cfg.Seed == 0 {
		cfg.Seed = rand.Uint64() >> 32 // short enough to type again
	}
	rng := rand.New(rand.NewPCG(cfg.Seed, 0))
	found := map[event.Schema]*reservoir{}
	for r, err := range from.Read(ctx, cfg.Query) {
		if err != nil {
			return nil, cfg.Seed, err
		}
		s := event.Schema{Type: r.Type, Version: r.SchemaVersion()}
		if found[s] == nil {
			found[s] = &reservoir{}
		}
		found[s].offer(r, limit, rng)
	}
	for s, kept := range found {
		samples = append(samples, kept.sampled(s, limit))
	}
	slices.SortFunc(samples, func(a, b Sampled) int { return compareSchemas(a.Schema, b.Schema) })
	return samples, cfg.Seed, nil
}

// reservoir keeps some of the records it is offered: every one so far with the same probability (Vitter's algorithm R).
type reservoir struct {
	seen        uint64
	first, last event.Record
	kept        []event.Record
}

func (v *reservoir) offer(r event.Record, limit int, rng *rand.Rand) {
	v.seen++
	if v.seen == 1 {
		v.first = r
	}
	v.last = r
	if len(v.kept) < limit {
		v.kept = append(v.kept, r)
		return
	}
	if at := rng.Uint64N(v.seen); at < uint64(limit) {
		v.kept[at] = r
	}
}

// sampled returns what was kept, with the first and the last record in the place of others if need be.
func (v *reservoir) sampled(s event.Schema, limit int) Sampled {
	sample := []event.Record{v.first}
	if v.seen > 1 && limit > 1 {
		sample = append(sample, v.last)
	}
	for _, r := range v.kept {
		if len(sample) < limit && r.Position != v.first.Position && r.Position != v.last.Position {
			sample = append(sample, r)
		}
	}
	slices.SortFunc(sample, func(a, b event.Record) int { return cmp.Compare(a.Position, b.Position) })
	return Sampled{Schema: s, Records: v.seen, First: v.first.Position, Last: v.last.Position, Sample: sample}
}
