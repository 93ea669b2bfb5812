package topic_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/topic"
)

// rounds is how often a writer changes a set while readers read.
const rounds = 3000

// whileWriting runs read again and again in several goroutines until write returns, and once more after it.
func whileWriting(write func(), read ...func()) {
	done := make(chan struct{})
	var readers sync.WaitGroup
	for _, f := range read {
		readers.Go(func() {
			for {
				select {
				case <-done:
					f()
					return
				default:
					f()
				}
			}
		})
	}
	write()
	close(done)
	readers.Wait()
}

func TestReadersAlwaysFindWhatDoesNotChange(t *testing.T) {
	var set topic.Set[int]
	var steady []int
	for i, text := range []string{"s.a.b", "s.*.b", "s.**", "**.b", "**.a.**", "*.*.*", "s.a.b"} {
		set.Add(parse(t, text), i)
		steady = append(steady, i)
	}
	churn := []topic.Pattern{parse(t, "s.a.*"), parse(t, "s.a.b"), parse(t, "**"), parse(t, "s.**.a.**.b"), parse(t, "**.a.**")}
	for i := range 100 {
		churn = append(churn, parse(t, fmt.Sprintf("s.%d.b", i)), parse(t, fmt.Sprintf("**.%d.**", i)))
	}
	write := func() {
		for i := range rounds / 100 {
			var remove []func()
			for j, p := range churn {
				remove = append(remove, set.Add(p, 1000+i*len(churn)+j))
			}
			for _, f := range remove {
				f()
			}
		}
	}
	read := func() {
		got := set.AppendMatches(nil, "s.a.b")
		if len(got) < len(steady) || !slices.Equal(got[:len(steady)], steady) {
			t.Errorf("matches %v do not begin with %v", got, steady)
		}
		for i := 1; i < len(got); i++ {
			if got[i] <= got[i-1] {
				t.Errorf("matches %v are not in order of addition, each once", got)
			}
		}
		if len(got) > len(steady)+5 {
			t.Errorf("matches %v: more than ever match", got)
		}
	}
	whileWriting(write, read, read)
}

// All readers ask for the same topic, so that answers from memory are in play.
func TestWriterSeesItsOwnChangesAtOnce(t *testing.T) {
	var set topic.Set[int]
	texts := []string{"t.a", "t.*", "**.a", "**.t.**"}
	writers := make([]func(), len(texts))
	for w, text := range texts {
		p := parse(t, text)
		writers[w] = func() {
			for range rounds {
				remove := set.Add(p, w)
				if got := set.AppendMatches(nil, "t.a"); !slices.Contains(got, w) {
					t.Errorf("%d was added, matches are %v", w, got)
				}
				remove()
				if got := set.AppendMatches(nil, "t.a"); slices.Contains(got, w) {
					t.Errorf("%d was removed, matches are %v", w, got)
				}
			}
		}
	}
	whileWriting(func() {
		var all sync.WaitGroup
		for _, write := range writers {
			all.Go(write)
		}
		all.Wait()
	}, func() { set.AppendMatches(nil, "t.a") })
	expect(t, &set, "t.a")
}

func TestReadersNeverSeeAChangeUndone(t *testing.T) {
	var set topic.Set[int]
	p := parse(t, "t.*")
	const n = 1000
	var remove [n]func()
	grow := func() {
		for i := range n {
			remove[i] = set.Add(p, i)
		}
	}
	seen := make([][2]int, 2) // of each reader: the oldest and the newest value it has seen gone or come
	read := func(reader int) func() {
		var buffer []int
		return func() {
			got := set.AppendMatches(buffer[:0], "t.x")
			buffer = got
			first, end := seen[reader][0], seen[reader][1]
			if len(got) > 0 {
				first, end = got[0], got[0]+len(got)
			}
			for i, v := range got {
				if v != first+i {
					t.Errorf("matches have %d in place %d after %d: one is missing", v, i, first)
					return
				}
			}
			if first < seen[reader][0] || end < seen[reader][1] {
				t.Errorf("matches are [%d, %d), and were [%d, %d) before", first, end, seen[reader][0], seen[reader][1])
			}
			seen[reader] = [2]int{first, end}
		}
	}
	whileWriting(func() {
		grow()
		for _, f := range remove {
			f()
		}
	}, read(0), read(1))
	expect(t, &set, "t.x")
}

func TestTableGrowsWhileItIsRead(t *testing.T) {
	var set topic.Set[int]
	var grown sync.Mutex
	last := -1 // the newest addition that has returned
	write := func() {
		for i := range rounds {
			set.Add(parse(t, fmt.Sprint("t.", i)), i)
			grown.Lock()
			last = i
			grown.Unlock()
		}
	}
	reader := func(step int) func() {
		next := 0
		return func() {
			grown.Lock()
			there := last + 1
			grown.Unlock()
			if there == 0 {
				return
			}
			next = (next + step) % there
			if got := set.AppendMatches(nil, fmt.Sprint("t.", next)); !slices.Equal(got, []int{next}) {
				t.Errorf("matches of %d of %d: %v", next, there, got)
			}
		}
	}
	whileWriting(write, reader(1), reader(7))
}

// Searches are made slow by many layouts, so that changes fall into them, and many topics are about to be kept.
func TestNoAnswerIsKeptFromBeforeAChange(t *testing.T) {
	const segments = 8
	var set topic.Set[int]
	p := parse(t, "t"+strings.Repeat(".*", segments))
	set.Add(p, 0) // so that it is looked up first
	for layout := range 1 << segments {
		set.Add(parse(t, "other."+masked(segments, layout)), layout)
	}
	topics := make([]string, 20)
	for i := range topics {
		topics[i] = fmt.Sprintf("t.%d.%s", i, masked(segments-1, 0))
	}
	pass := func(want ...int) {
		for _, text := range topics {
			got := set.AppendMatches(nil, text)
			if want != nil && !slices.Equal(got, want) {
				t.Errorf("matches of %q: %v, want %v", text, got, want)
			}
		}
	}
	whileWriting(func() {
		for range 30 {
			remove := set.Add(p, 1)
			pass(0, 1)
			pass(0, 1)
			remove()
			pass(0)
			pass(0)
		}
	}, func() { pass() })
}
