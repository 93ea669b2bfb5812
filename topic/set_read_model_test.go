package topic_test

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/oxbow-events/oxbow/topic"
)

// The stages of an addition, one after the other. Only the writer moves it on, before and after what it does.
const (
	absent = int32(iota)
	coming
	there
	going
	gone
)

// watchedSet is a set whose readers can tell which answers are right while it changes.
type watchedSet struct {
	set   topic.Set[int]
	added []addition // by value
	used  atomic.Int64
	t     *testing.T
}

type addition struct {
	text   string
	stage  atomic.Int32
	remove func()
}

func (w *watchedSet) add(text string) {
	value := int(w.used.Load())
	if value == len(w.added) {
		return
	}
	a := &w.added[value]
	a.text = text
	a.stage.Store(coming)
	w.used.Add(1) // now readers look at it
	a.remove = w.set.Add(parse(w.t, text), value)
	a.stage.Store(there)
}

func (w *watchedSet) removeOne(choice int) {
	used := int(w.used.Load())
	if used == 0 {
		return
	}
	a := &w.added[choice%used]
	if a.stage.Load() != there {
		return
	}
	a.stage.Store(going)
	a.remove()
	a.stage.Store(gone)
}

func (w *watchedSet) stages() []int32 {
	stages := make([]int32, len(w.added))
	for i := range w.used.Load() {
		stages[i] = w.added[i].stage.Load()
	}
	return stages
}

// check asks for a topic. What was there all the time must be found, what came or went meanwhile may be, and nothing else.
func (w *watchedSet) check(text string) {
	before := w.stages()
	got := w.set.AppendMatches(nil, text)
	after := w.stages()
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		w.t.Errorf("matches of %q are %v: not in order of addition, each once", text, got)
	}
	for value := range w.used.Load() {
		a := &w.added[value]
		matches := matchesText(a.text, text)
		found := slices.Contains(got, int(value))
		switch {
		case found && (!matches || before[value] == gone || after[value] == absent):
			w.t.Errorf("%q is found by %q (stages %d to %d)", a.text, text, before[value], after[value])
		case !found && matches && before[value] == there && after[value] == there:
			w.t.Errorf("%q is not found by %q", a.text, text)
		}
	}
}

// followWhileRead changes a set as the steps say while two readers check it.
func followWhileRead(t *testing.T, steps []byte) {
	w := &watchedSet{t: t, added: make([]addition, 100)}
	read := func(turn byte) func() {
		return func() {
			turn += 37
			w.check(textOf(turn, turn/8, "a", "b", "c", "a"))
		}
	}
	whileWriting(func() {
		for ; len(steps) >= 2; steps = steps[2:] {
			if steps[0]%8 < 5 {
				w.add(textOf(steps[1], steps[0], "a", "b", "*", "**"))
			} else {
				w.removeOne(int(steps[1]))
			}
		}
	}, read(0), read(1))
}

func TestSetFollowsItsModelWhileItIsRead(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 60 {
		steps := make([]byte, 400)
		for i := range steps {
			steps[i] = byte(random.Uint32())
		}
		followWhileRead(t, steps)
	}
}

func FuzzSetWhileItIsRead(f *testing.F) {
	f.Add([]byte("\x00\x11\x08\x22\x04\x11\x05\x00\x0c\x11\x06\x01"))
	f.Fuzz(func(t *testing.T, steps []byte) { followWhileRead(t, steps[:min(len(steps), 400)]) })
}
