package oxbowtest

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// outside is the name of what World.Effects returned.
const outside = "outside of the store"

// effects are what handlers have done, by what they are about, such as an item.
type effects map[string]effect

type effect struct {
	value any // plain
	part  int // who did it; -1 when that is not known
}

// snapshot returns what the parts have done so far.
func (t *trial) snapshot() effects {
	all := effects{}
	t.addEvents(all)
	t.addItems(all)
	for _, p := range t.parts {
		t.addGivenUp(all, p)
	}
	if t.effects != nil {
		all[outside] = effect{without(plain(t.effects()), t.sim.Ignore), -1}
	}
	return all
}

// addEvents adds what was appended, by stream and cause: among those the order counts.
func (t *trial) addEvents(all effects) {
	for r, err := range t.memory.Read(context.Background(), store.Query{}) {
		if err != nil {
			panic(err) // the store is in memory, and this trial's own
		}
		t.mu.Lock()
		part, appended := t.writers[r.ID]
		t.mu.Unlock()
		if !appended {
			continue
		}
		name := fmt.Sprintf("events in %q", r.Stream)
		if cause := t.labels.cause(&r); cause != "" {
			name += " because of " + t.labels.short(cause)
		}
		e := all[name]
		list, _ := e.value.([]any)
		all[name] = effect{append(list, without(appendedEvent(&r), t.sim.Ignore)), part}
	}
}

func appendedEvent(r *event.Record) any {
	shown := map[string]any{"type": r.Type, "data": plainBytes(r.Data)}
	if len(r.Tags) > 0 {
		shown["tags"] = plain(slices.Sorted(slices.Values(r.Tags)))
	}
	if r.Topic != "" {
		shown["topic"] = r.Topic
	}
	return shown
}

// plainBytes is plain for bytes that may be JSON, text or neither.
func plainBytes(b []byte) any {
	if !utf8.Valid(b) {
		return base64.StdEncoding.EncodeToString(b)
	}
	return plainJSON(b)
}

func (t *trial) addItems(all effects) {
	t.mu.Lock()
	items := maps.Clone(t.items)
	t.mu.Unlock()
	for id, part := range items {
		item, err := t.memory.Get(context.Background(), id.bucket, id.key)
		if err != nil {
			panic(err) // the store is in memory, and this trial's own
		}
		if item.Revision > 0 {
			name := fmt.Sprintf("item %q in %q", id.key, id.bucket)
			all[name] = effect{without(plainBytes(item.Value), t.sim.Ignore), part}
		}
	}
}

// isEffect reports whether items of a bucket are what handlers are for: all that are not Oxbow's own, and documents.
func isEffect(bucket string) bool {
	return !strings.HasPrefix(bucket, "oxbow.") || strings.HasPrefix(bucket, "oxbow.projection/")
}

func (t *trial) addGivenUp(all effects, p *partRun) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for label, err := range p.givenUp {
		name := fmt.Sprintf("%s %s gives up %s", p.kind, p.name, t.labels.short(label))
		all[name] = effect{err, p.index}
	}
}

// differ returns the names of what is not the same in both.
func differ(a, b effects) []string {
	names := map[string]bool{}
	for name := range a {
		names[name] = true
	}
	for name := range b {
		names[name] = true
	}
	maps.DeleteFunc(names, func(name string, _ bool) bool {
		ours, ok := a[name]
		theirs, also := b[name]
		return ok == also && slices.Equal(pretty(ours.value), pretty(theirs.value))
	})
	return slices.Sorted(maps.Keys(names))
}

// diffOf shows what differs.
func diffOf(want, got effects) string {
	var parts []string
	for _, name := range differ(want, got) {
		w, g := linesOf(want, name), linesOf(got, name)
		parts = append(parts, name+":\n"+joinLines(indented(strings.Split(diff(w, g), "\n"), "  ")))
	}
	return clip(joinLines(parts))
}

func linesOf(e effects, name string) []string {
	found, ok := e[name]
	if !ok {
		return []string{"(nothing)"}
	}
	return pretty(found.value)
}

// maxDiff is how many lines of a diff a finding shows.
const maxDiff = 60

func clip(text string) string {
	lines := strings.Split(text, "\n")
	if len(lines) <= maxDiff {
		return text
	}
	return joinLines(lines[:maxDiff]) + fmt.Sprintf("\n… and %d more lines", len(lines)-maxDiff)
}
