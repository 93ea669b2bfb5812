package topic_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/topic"
)

// model is what a Set must do, done plainly.
type model struct {
	set      topic.Set[int]
	added    int
	patterns []string // of what is in the set, in order of addition, as values and remove
	values   []int
	remove   []func()
}

func (m *model) add(t *testing.T, text string) {
	m.added++
	m.remove = append(m.remove, m.set.Add(parse(t, text), m.added))
	m.patterns = append(m.patterns, text)
	m.values = append(m.values, m.added)
}

func (m *model) removeOne(choice int) {
	if len(m.values) == 0 {
		return
	}
	i := choice % len(m.values)
	m.remove[i]()
	m.remove = slices.Delete(m.remove, i, i+1)
	m.patterns = slices.Delete(m.patterns, i, i+1)
	m.values = slices.Delete(m.values, i, i+1)
}

func (m *model) check(t *testing.T, text string) {
	var want []int
	for i, pattern := range m.patterns {
		if matchesText(pattern, text) {
			want = append(want, m.values[i])
		}
	}
	if got := m.set.AppendMatches(nil, text); !slices.Equal(got, want) {
		t.Fatalf("matches of %q among %q: %v, want %v", text, m.patterns, got, want)
	}
	if m.set.Len() != len(m.values) {
		t.Fatalf("length %d, want %d", m.set.Len(), len(m.values))
	}
}

// step does one thing with the set, as told by two numbers.
func (m *model) step(t *testing.T, action, choice byte) {
	switch action % 8 {
	case 0, 1, 2:
		m.add(t, textOf(choice, action, "a", "b", "*", "**"))
	case 3:
		m.removeOne(int(choice))
	default:
		m.check(t, textOf(choice, action/8%8, "a", "b", "c", "a"))
	}
}

// textOf makes one to six segments of two numbers.
func textOf(choice, more byte, segments ...string) string {
	bits := int(choice) | int(more)<<8
	var text []string
	for range 1 + int(more)/8%6 {
		text = append(text, segments[bits%4])
		bits /= 4
	}
	return strings.Join(text, ".")
}

func TestSetFollowsItsModel(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 120 {
		var m model
		for range 200 {
			m.step(t, byte(random.Uint32()), byte(random.Uint32()))
		}
		for len(m.values) > 0 {
			m.removeOne(random.IntN(1000))
			m.check(t, textOf(byte(random.Uint32()), byte(random.Uint32()), "a", "b", "c", "a"))
		}
	}
}

func FuzzSet(f *testing.F) {
	f.Add([]byte("\x00\x11\x08\x22\x04\x11\x03\x00\x0c\x11"))
	f.Fuzz(func(t *testing.T, steps []byte) {
		steps = steps[:min(len(steps), 1000)]
		var m model
		for ; len(steps) >= 2 && len(m.values) < 200; steps = steps[2:] {
			m.step(t, steps[0], steps[1])
		}
	})
}
