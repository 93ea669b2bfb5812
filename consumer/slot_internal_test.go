package consumer

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Whatever is done in whatever order, and however often the slot begins again where it was saved: the checkpoint has exactly the records that
// are done.
func TestACheckpointHasExactlyTheRecordsThatAreDone(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 0))
		followSlot(t, r)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func followSlot(t *testing.T, r *rand.Rand) {
	done := map[store.Position]bool{} // of the slot's records, which are at every third position or so
	var records []store.Position
	for p := store.Position(1); p < 400; p++ {
		if r.IntN(3) == 0 {
			records = append(records, p)
		}
	}
	var saved checkpoint
	for range 6 {
		s := newSlot(nil, saved)
		var open []*job
		read := store.Position(0)
		for _, p := range records {
			if r.IntN(200) == 0 {
				break // a crash
			}
			read = p
			if s.wants(p) {
				if done[p] {
					t.Errorf("record %d is handed out again", p)
				}
				j := &job{record: event.Record{Place: event.Place{Position: p}}}
				s.open(j)
				open = append(open, j)
			} else if !done[p] {
				t.Errorf("record %d is passed over", p)
			}
			for len(open) > 0 && r.IntN(3) > 0 {
				open = closeOne(r, s, open, done)
			}
			if r.IntN(4) == 0 {
				saved = save(t, r, s, read, open, done)
				check(t, saved, records, done)
			}
		}
		saved = s.checkpoint(read)
		check(t, saved, records, done)
	}
}

func closeOne(r *rand.Rand, s *slot, open []*job, done map[store.Position]bool) []*job {
	i := r.IntN(len(open))
	done[open[i].record.Position] = true
	s.close(open[i])
	return append(open[:i], open[i+1:]...)
}

// save makes a checkpoint in which some open jobs count as done, as in a commit that then succeeds.
func save(t *testing.T, r *rand.Rand, s *slot, read store.Position, open []*job, done map[store.Position]bool) checkpoint {
	var committing []*job
	for _, j := range open {
		if r.IntN(4) == 0 {
			j.committing = true
			s.committing++
			committing = append(committing, j)
			done[j.record.Position] = true
		}
	}
	c := s.checkpoint(read)
	for _, j := range committing {
		j.committing = false
		s.committing--
		done[j.record.Position] = false
	}
	encoded, err := c.encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := decodeCheckpoint(encoded, 0)
	if err != nil || !reflect.DeepEqual(again, c) {
		t.Fatalf("%s is read as %+v, %v", encoded, again, err)
	}
	for _, j := range committing {
		for _, p := range []store.Position{j.record.Position} {
			if !c.has(p) {
				t.Errorf("record %d is being committed, and not in %s", p, encoded)
			}
		}
	}
	return s.checkpoint(read) // of a commit that failed
}

func check(t *testing.T, c checkpoint, records []store.Position, done map[store.Position]bool) {
	t.Helper()
	for _, p := range records {
		if c.has(p) != done[p] {
			t.Errorf("record %d: done is %v, and the checkpoint %+v says %v", p, done[p], c, c.has(p))
			return
		}
	}
}

func TestCheckpointsAreTheGoldenOnes(t *testing.T) {
	c := checkpoint{
		Position: 12, Ahead: []span{{14, 15}, {18, 18}},
		Failed: []failure{{Position: 13, Attempts: 2}},
	}
	got, err := c.encode()
	if want := `{"position":12,"ahead":[[14,15],[18,18]],"failed":[{"position":13,"attempts":2}]}`; err != nil || string(got) != want {
		t.Errorf("the checkpoint is %s, %v; want %s", got, err, want)
	}
}

func FuzzCheckpoint(f *testing.F) {
	for _, text := range []string{
		`{"position":12}`, `{"position":1,"ahead":[[3,4],[6,6]]}`, `{"position":5,"ahead":[[3,4]]}`, `{"ahead":[[3,2]]}`,
		`{"failed":[{"position":3,"attempts":1,"first":"2026-01-01T00:00:00Z"}]}`, `[]`, `{"position":-1}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decodeCheckpoint(data, 7)
		if err != nil {
			return
		}
		encoded, err := c.encode()
		if err != nil {
			t.Skip(err) // a time that JSON does not have
		}
		again, err := decodeCheckpoint(encoded, 7)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(c) {
			t.Errorf("%s is written as %s and read as %+v, %v", data, encoded, again, err)
		}
	})
}

func TestSlotsOfKeysNeverChange(t *testing.T) {
	for key, want := range map[string]int{"": 5, "order-42": 20, "order-43": 7} {
		if got := slotOf(key, 32); got != want {
			t.Errorf("key %q is in slot %d of 32, and was in %d when this was written: consumers would lose their place", key, got, want)
		}
	}
}
