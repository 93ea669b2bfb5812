package bus

import (
	"context"
	"math/rand/v2"
	"testing"
)

// Both backlogs are first in, first out for one key, whatever is pushed, taken and dropped in between; also when there is nothing to drop,
// as happens when a worker was faster.
func TestBacklogsFollowTheirModel(t *testing.T) {
	for name, made := range map[string]func() backlog{
		"line":  func() backlog { return &line{} },
		"lanes": func() backlog { return &lanes{} },
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(200) {
				follow(t, made(), rand.New(rand.NewPCG(seed, 0)))
			}
		})
	}
}

type numberKey struct{}

func follow(t *testing.T, b backlog, random *rand.Rand) {
	t.Helper()
	var model []int
	for n := range 500 {
		switch k := random.IntN(100); {
		case k < 50:
			b.push(waiting{ctx: context.WithValue(t.Context(), numberKey{}, n)}, "key")
			model = append(model, n)
		case k < 85:
			w, ok := b.take()
			if ok != (len(model) > 0) || ok && w.ctx.Value(numberKey{}) != model[0] {
				t.Fatalf("took %v (%t) of %v", w, ok, model)
			}
			if ok {
				b.release(w)
				model = model[1:]
			}
		case k < 95:
			if dropped := b.dropOldest(); dropped != (len(model) > 0) {
				t.Fatalf("dropped: %t, of %v", dropped, model)
			}
			model = model[min(1, len(model)):]
		case k < 97:
			b.clear()
			model = nil
		case len(model) == 0:
			b.rest()
		}
		if b.size() != len(model) || b.ready() == 0 && len(model) > 0 {
			t.Fatalf("%d wait and %d are ready, want %d", b.size(), b.ready(), len(model))
		}
	}
}
