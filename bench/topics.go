package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"

	"github.com/oxbow-events/oxbow/bench/messaging"
	"github.com/oxbow-events/oxbow/topic"
)

// anywhereName is Oxbow with patterns that only it has: "**" at any place.
const anywhereName = "Oxbow, ** anywhere"

// indexes returns Oxbow and the peers that find who listens to a topic.
func indexes() []messaging.Index {
	oxbow := messaging.Index{Name: oxbowName, New: newTopicSet}
	anywhere := messaging.Index{Name: anywhereName, Does: "the same, but half of the wildcards are ** at any place", New: newTopicSet}
	exact := messaging.Index{Name: "Go map", Does: "the topic looked up among as many, of which none has a wildcard", New: newExact}
	return append([]messaging.Index{oxbow, anywhere, exact}, messaging.Indexes()...)
}

// topicSet is Oxbow's set as the peers are.
type topicSet struct {
	set   topic.Set[int]
	found []int
}

func newTopicSet() messaging.Patterns { return &topicSet{} }

func (s *topicSet) Add(pattern string, number int) error {
	p, err := topic.Parse(pattern)
	if err == nil {
		s.set.Add(p, number)
	}
	return err
}

func (s *topicSet) Match(topic string) { s.found = s.set.AppendMatches(s.found[:0], topic) }

func (s *topicSet) Count(topic string) int {
	s.Match(topic)
	return len(s.found)
}

type exact struct {
	numbers map[string]int
	found   []int
}

func newExact() messaging.Patterns { return &exact{numbers: map[string]int{}} }

func (x *exact) Add(pattern string, number int) error {
	x.numbers[pattern] = number
	return nil
}

func (x *exact) Match(topic string) { x.found = append(x.found[:0], x.numbers[topic]) }

func (x *exact) Count(topic string) int {
	if _, ok := x.numbers[topic]; ok {
		return 1
	}
	return 0
}

// topicText returns topic i, such as "tenant-17.billing.invoice.48213.paid".
func topicText(i int) string {
	return fmt.Sprintf("tenant-%d.service-%d.entity-%d.%d.verb-%d", i%997, i%47, i%19, i, i%23)
}

// patternText returns pattern i. One in ten has a wildcard: "*" at any place, or "**" at the end or anywhere.
func patternText(i int, anywhere bool) string {
	if i%10 != 0 {
		return topicText(i)
	}
	segments := strings.Split(topicText(i), ".")
	at := i / 10 % len(segments)
	switch {
	case i/50%2 == 0:
		segments[at] = "*"
	case anywhere:
		segments[at] = "**"
	default:
		segments[len(segments)-1] = "**" // as many topics fit as with "*", so that all find about one pattern for each
	}
	return strings.Join(segments, ".")
}

// filledIndex returns an index of so many patterns.
func filledIndex(x messaging.Index, n int) (messaging.Patterns, error) {
	patterns := x.New()
	for i := range n {
		if err := patterns.Add(patternText(i, x.Name == anywhereName), i); err != nil {
			return nil, &contenderError{x.Name, err}
		}
	}
	return patterns, nil
}

// prepareTopics returns how a topic is matched among very many patterns: one topic, or as many as there are patterns.
func prepareTopics(distinct int) func(context.Context, *env) ([]contender, error) {
	return func(_ context.Context, e *env) (contenders []contender, err error) {
		patterns := e.n(1_000_000, 2000)
		topics := make([]string, min(distinct, patterns))
		for i, at := range rand.New(rand.NewPCG(1, 2)).Perm(patterns)[:len(topics)] {
			topics[i] = topicText(at)
		}
		n := e.n(50_000, 100) // so that cold topics last for all rounds but the last few of very many
		for _, x := range indexes() {
			c := contender{name: x.Name, does: x.Does, missing: x.Missing, events: n}
			if x.Missing == "" {
				index, err := filledIndex(x, patterns)
				if err != nil {
					return nil, err
				}
				c.side = all(n, inTurn(n, len(topics), func(i int) { index.Match(topics[i]) }))
			}
			contenders = append(contenders, c)
		}
		return contenders, nil
	}
}

// inTurn returns n calls as one, with the numbers below limit in turn.
func inTurn(n, limit int, call func(i int)) func(context.Context) error {
	next := 0
	return func(context.Context) error {
		for range n {
			call(next)
			next = (next + 1) % limit
		}
		return nil
	}
}

// preparePatterns returns how much memory a pattern takes, without its text where the index does not keep it.
func preparePatterns(_ context.Context, e *env) (contenders []contender, err error) {
	n := e.n(1_000_000, 5000)
	for _, x := range indexes() {
		c := contender{name: x.Name, does: x.Does, missing: x.Missing}
		c.side = func(context.Context) (cost, error) {
			before := heap()
			index, err := filledIndex(x, n)
			took := cost(heap()-before) / cost(n)
			runtime.KeepAlive(index)
			return took, err
		}
		contenders = append(contenders, c)
	}
	return contenders, nil
}

// heap returns the bytes in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what has a finalizer goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
