package topic_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"weak"

	"github.com/oxbow-events/oxbow/topic"
)

// asks is how often a topic must be asked for to be sure that the set answers from memory: whether it begins to is
// left to chance each time.
const asks = 20

func expect[V comparable](t *testing.T, set *topic.Set[V], text string, want ...V) {
	t.Helper()
	for i := range asks {
		if got := set.AppendMatches(nil, text); !slices.Equal(got, want) {
			t.Fatalf("matches of %q, asked %d times before: %v, want %v", text, i, got, want)
		}
	}
}

func TestZeroSetIsEmpty(t *testing.T) {
	var set topic.Set[int]
	expect(t, &set, "a")
	if set.Len() != 0 {
		t.Errorf("length %d, want 0", set.Len())
	}
}

func TestSetAnswersInOrderOfAddition(t *testing.T) {
	var set topic.Set[int]
	for i, text := range []string{"a.**", "a.b", "**", "*.b", "**.b", "a.b", "a.*", "a.b.**", "**.a.**.b.**", "a.**.b", "b", "a.b"} {
		set.Add(parse(t, text), i)
	}
	expect(t, &set, "a.b", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11)
	expect(t, &set, "a", 0, 2)
	expect(t, &set, "b", 2, 4, 10)
	expect(t, &set, "b.a", 2)
}

func TestEachAdditionCountsAndIsRemovedOnce(t *testing.T) {
	var set topic.Set[string]
	p := parse(t, "a.*")
	var remove []func()
	for range 5 {
		remove = append(remove, set.Add(p, "same"))
	}
	for left := 5; left > 0; left-- {
		expect(t, &set, "a.b", slices.Repeat([]string{"same"}, left)...)
		i := (3 * left) % left // somewhere in the middle
		remove[i]()
		remove[i]()
		if set.Len() != left-1 {
			t.Fatalf("length %d, want %d", set.Len(), left-1)
		}
		remove = slices.Delete(remove, i, i+1)
	}
	expect(t, &set, "a.b")
	set.Add(p, "again")
	expect(t, &set, "a.b", "again")
}

func TestMatchesAreAppended(t *testing.T) {
	var set topic.Set[int]
	set.Add(parse(t, "a"), 7)
	for range asks {
		if got := set.AppendMatches([]int{1, 2}, "a"); !slices.Equal(got, []int{1, 2, 7}) {
			t.Fatalf("got %v, want [1 2 7]", got)
		}
	}
}

func TestAnswersFromMemoryAreTheSetsOwn(t *testing.T) {
	var set topic.Set[int]
	set.Add(parse(t, "a"), 1)
	text := []byte("a")
	for range asks {
		dst := set.AppendMatches(nil, string(text))
		dst[0] = 99 // the caller may do what it wants with what it got
	}
	expect(t, &set, "a", 1)
}

func TestZeroPatternIsNotAdded(t *testing.T) {
	var set topic.Set[int]
	remove := set.Add(topic.Pattern{}, 1)
	set.Add(parse(t, "**"), 2)
	expect(t, &set, "", 2)
	expect(t, &set, "a", 2)
	remove()
	if set.Len() != 1 {
		t.Errorf("length %d, want 1", set.Len())
	}
}

// The set cannot tell these patterns apart by what it looks up, only by comparing.
func TestPatternsThatLookAlikeAreCompared(t *testing.T) {
	deep := func(i int, segment string) string {
		segments := slices.Repeat([]string{"s"}, 120)
		segments[i] = segment
		return strings.Join(segments, ".")
	}
	var set topic.Set[string]
	for _, text := range []string{
		"a.**.b.**.c.**.z", "a.**.b.**.d.**.z", "a.**.b.**.c.d.**.z",
		deep(90, "x"), deep(91, "x"), deep(90, "*"),
		deep(90, "x") + ".**", "**." + deep(20, "x"),
	} {
		set.Add(parse(t, text), text)
	}
	expect(t, &set, "a.b.c.z", "a.**.b.**.c.**.z")
	expect(t, &set, "a.b.d.c.z", "a.**.b.**.c.**.z", "a.**.b.**.d.**.z")
	expect(t, &set, deep(90, "x"), deep(90, "x"), deep(90, "*"), deep(90, "x")+".**")
	expect(t, &set, deep(91, "x"), deep(91, "x"))
	expect(t, &set, deep(20, "x"), "**."+deep(20, "x"))
}

func TestRepeatedSegmentsAreFoundOnce(t *testing.T) {
	var set topic.Set[int]
	set.Add(parse(t, "**.a.**"), 1)
	set.Add(parse(t, "**.a.**.a.**"), 2)
	expect(t, &set, "a.a.b.a.a", 1, 2)
	expect(t, &set, "b.a", 1)
}

func TestManyLayoutsStayCorrect(t *testing.T) {
	const segments = 12
	var set topic.Set[int]
	var remove []func()
	for layout := range 1 << segments {
		remove = append(remove, set.Add(parse(t, masked(segments, layout)), layout))
	}
	text := masked(segments, 0)
	if got := len(set.AppendMatches(nil, text)); got != 1<<segments {
		t.Fatalf("%d matches, want %d", got, 1<<segments)
	}
	expect(t, &set, strings.Replace(text, "s", "other", segments-1), 1<<(segments-1)-1, 1<<segments-1)
	for layout, f := range remove {
		if layout != 5 {
			f()
		}
	}
	expect(t, &set, text, 5)
}

// masked returns segments "s" with "*" in the places that have a bit in mask.
func masked(segments, mask int) string {
	text := make([]string, segments)
	for i := range text {
		text[i] = "s"
		if mask>>i&1 == 1 {
			text[i] = "*"
		}
	}
	return strings.Join(text, ".")
}

func TestManyPatternsComeAndGo(t *testing.T) {
	const n = 5000
	var set topic.Set[int]
	remove := make([]func(), n)
	for i := range n {
		remove[i] = set.Add(parse(t, fmt.Sprintf("a.%d.*", i)), i)
	}
	for _, i := range rand.Perm(n) {
		if got := set.AppendMatches(nil, fmt.Sprintf("a.%d.x", i)); !slices.Equal(got, []int{i}) {
			t.Fatalf("matches of %d: %v", i, got)
		}
		remove[i]()
		if got := set.AppendMatches(nil, fmt.Sprintf("a.%d.x", i)); len(got) != 0 {
			t.Fatalf("matches of %d after its removal: %v", i, got)
		}
	}
	if set.Len() != 0 {
		t.Errorf("length %d, want 0", set.Len())
	}
}

func TestLongAnswersAreRight(t *testing.T) {
	const n = 10_000
	var set topic.Set[int]
	want := make([]int, n)
	for i := range n {
		want[i] = i
		set.Add(parse(t, []string{"a.**", "*", "a"}[i%3]), i)
	}
	expect(t, &set, "a", want...)
}

func TestSetAnswersManyTopicsInTurn(t *testing.T) {
	const n = 20_000 // more than it keeps answers to
	var set topic.Set[int]
	topics := make([]string, n)
	for i := range n {
		topics[i] = fmt.Sprint("t.", i)
		set.Add(parse(t, topics[i]), i)
	}
	for range 4 {
		for i, text := range topics {
			if got := set.AppendMatches(nil, text); !slices.Equal(got, []int{i}) {
				t.Fatalf("matches of %q: %v, want %d", text, got, i)
			}
		}
	}
}

func TestRemovedValuesAreNotKept(t *testing.T) {
	var set topic.Set[*[100]byte]
	pointers := make([]weak.Pointer[[100]byte], 3)
	var remove []func()
	for i := range pointers {
		value := new([100]byte)
		pointers[i] = weak.Make(value)
		remove = append(remove, set.Add(parse(t, "a.*"), value))
	}
	for range asks {
		if got := len(set.AppendMatches(nil, "a.b")); got != 3 {
			t.Fatalf("%d matches, want 3", got)
		}
	}
	for i := range 2 {
		remove[1+i]()
		remove[1+i] = nil
	}
	runtime.GC()
	for i, want := range []bool{true, false, false} {
		if got := pointers[i].Value() != nil; got != want {
			t.Errorf("value %d is in memory: %v, want %v", i, got, want)
		}
	}
	runtime.KeepAlive(remove)
	runtime.KeepAlive(&set)
}

func TestAppendMatchesDoesNotAllocate(t *testing.T) {
	var set topic.Set[int]
	for i, text := range []string{"a.**", "a.*.c", "**.c", "**.b.**", "a.b.c", "x.y"} {
		set.Add(parse(t, text), i)
	}
	dst := make([]int, 0, 10)
	topics := make([]string, 1000)
	for i := range topics {
		topics[i] = fmt.Sprint("a.", i, ".c")
	}
	next := 0
	newTopics := testing.AllocsPerRun(len(topics)-1, func() {
		dst = set.AppendMatches(dst[:0], topics[next])
		next++
	})
	expect(t, &set, "a.b.c", 0, 1, 2, 3, 4)
	sameTopic := testing.AllocsPerRun(1000, func() { dst = set.AppendMatches(dst[:0], "a.b.c") })
	if newTopics != 0 || sameTopic != 0 {
		t.Errorf("%v allocations for a new topic and %v for one seen before, want none", newTopics, sameTopic)
	}
}

func TestPatternsTakeLittleMemory(t *testing.T) {
	const n = 50_000
	for text, most := range map[string]uint64{"tenant-17.*.order.%d": 150, "tenant-17.*.order.always-the-same": 64} {
		var set topic.Set[*int]
		before := heap()
		for i := range n {
			set.Add(parse(t, strings.Clone(strings.ReplaceAll(text, "%d", strconv.Itoa(i)))), nil)
		}
		if each := (heap() - before) / n; each > most {
			t.Errorf("%s: each takes %d bytes, want at most %d", text, each, most)
		}
		runtime.KeepAlive(&set)
	}
}
