package topic_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/topic"
)

const million = 1_000_000

// randomTopic returns a topic of three to six segments, such as "tenant-17.billing.invoice.48213.paid".
func randomTopic(random *rand.Rand) []string {
	segments := []string{
		fmt.Sprint("tenant-", random.IntN(1000)),
		fmt.Sprint("service-", random.IntN(50)),
		fmt.Sprint("entity-", random.IntN(20)),
		fmt.Sprint(random.IntN(100_000)),
		fmt.Sprint("verb-", random.IntN(20)),
		fmt.Sprint("part-", random.IntN(10)),
	}
	return segments[:3+random.IntN(4)]
}

// randomPattern returns a topic with wildcards of one of the usual kinds: some 80 layouts in all.
func randomPattern(random *rand.Rand) string {
	segments := randomTopic(random)
	at, other := random.IntN(len(segments)), random.IntN(len(segments))
	switch kind := random.IntN(20); {
	case kind < 9: // all literal
	case kind < 13:
		segments[at] = "*"
	case kind < 15:
		segments[at], segments[other] = "*", "*"
	case kind < 18:
		segments = append(segments[:1+at], "**")
	case kind < 19:
		segments = append([]string{"**"}, segments[at:]...)
	default:
		segments[at] = "**"
	}
	return strings.Join(segments, ".")
}

type load struct {
	set         topic.Set[*int]
	bytes       float64 // that the set takes for each pattern
	removeBytes float64 // that a caller takes who keeps what Add returned
	topics      []string
}

// millionPatterns returns a set of so many different patterns, and topics that match some of them.
var millionPatterns = sync.OnceValue(func() *load {
	random := rand.New(rand.NewPCG(1, 2))
	known := make(map[string]bool)
	texts := make([]string, 0, million)
	for len(texts) < million {
		if text := randomPattern(random); !known[text] {
			known[text] = true
			texts = append(texts, text)
		}
	}
	known = nil
	l, remove := &load{topics: make([]string, million)}, make([]func(), million)
	for i := range l.topics {
		l.topics[i] = strings.Join(randomTopic(random), ".")
	}
	before := heap()
	for i, text := range texts {
		p, err := topic.Parse(strings.Clone(text))
		if err != nil {
			panic(err)
		}
		remove[i] = l.set.Add(p, nil)
	}
	withRemove := heap()
	clear(remove)
	withoutRemove := heap()
	l.bytes = float64(withoutRemove-before) / million
	l.removeBytes = float64(withRemove-withoutRemove) / million
	runtime.KeepAlive(texts)
	runtime.KeepAlive(remove)
	return l
})

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkSetOfAMillion matches topics against 1,000,000 patterns of some 80 layouts.
func BenchmarkSetOfAMillion(b *testing.B) {
	l := millionPatterns()
	b.Run("hot=1", func(b *testing.B) { l.match(b, 1) })
	b.Run("hot=1000", func(b *testing.B) { l.match(b, 1000) })
	b.Run("cold", func(b *testing.B) { l.match(b, million) })
}

func (l *load) match(b *testing.B, topics int) {
	var dst []*int
	for range 4 {
		for _, t := range l.topics[:min(topics, 10_000)] {
			dst = l.set.AppendMatches(dst[:0], t)
		}
	}
	b.ReportAllocs()
	matches, i := 0, 0
	for b.Loop() {
		dst = l.set.AppendMatches(dst[:0], l.topics[i])
		matches += len(dst)
		if i++; i == topics {
			i = 0
		}
	}
	b.ReportMetric(float64(matches)/float64(b.N), "matches/op")
	b.ReportMetric(l.bytes, "B/pattern")
	b.ReportMetric(l.removeBytes, "B/remove")
}

func BenchmarkSetOfTen(b *testing.B) {
	var set topic.Set[*int]
	for _, text := range []string{"order.*", "order.**", "invoice.*", "**.placed", "a.b", "a.c", "a.d", "b.*", "c.*.d", "d.**"} {
		set.Add(parse(b, text), nil)
	}
	var dst []*int
	b.ReportAllocs()
	for b.Loop() {
		dst = set.AppendMatches(dst[:0], "order.placed")
	}
}

// BenchmarkSetOfManyLayouts is what a Set is not made for: each pattern has a layout of its own.
func BenchmarkSetOfManyLayouts(b *testing.B) {
	const segments = 12
	var set topic.Set[*int]
	for layout := range 1 << segments {
		set.Add(parse(b, masked(segments, layout)+".a"), nil)
	}
	topics := make([]string, 100_000)
	for i := range topics {
		topics[i] = fmt.Sprintf("%s.%d", masked(segments, 0), i)
	}
	var dst []*int
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		dst = set.AppendMatches(dst[:0], topics[i%len(topics)])
		i++
	}
}

func BenchmarkAddAndRemove(b *testing.B) {
	l := millionPatterns()
	p := parse(b, "tenant-0.service-0.entity-0.*.added")
	b.ReportAllocs()
	for b.Loop() {
		l.set.Add(p, nil)()
	}
}

func BenchmarkPatternMatch(b *testing.B) {
	for _, text := range []string{"tenant-17.billing.invoice.48213.paid", "tenant-17.*.*.*.paid", "tenant-17.**", "**.invoice.**.paid"} {
		b.Run(text, func(b *testing.B) {
			p := parse(b, text)
			b.ReportAllocs()
			for b.Loop() {
				p.Match("tenant-17.billing.invoice.48213.paid")
			}
		})
	}
}

func BenchmarkValidate(b *testing.B) {
	for b.Loop() {
		topic.Validate("tenant-17.billing.invoice.48213.paid")
	}
}

func parse(t testing.TB, text string) topic.Pattern {
	t.Helper()
	p, err := topic.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
