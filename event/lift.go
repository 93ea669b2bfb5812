package event

import (
	"fmt"
	"slices"
	"strings"
)

// Upcaster turns the bytes of one schema into those of a newer one. It must not change the bytes it is given.
type Upcaster func(data []byte) ([]byte, error)

// Splitter is an upcaster that chooses the schema too. It must not change the bytes it is given.
type Splitter func(data []byte) (to Schema, lifted []byte, err error)

// Unchanged is the upcaster of a schema that has got another name and nothing else.
func Unchanged(data []byte) ([]byte, error) { return data, nil }

// Lift says what data of one schema is read as. It describes what Upcast, UpcastTo and UpcastSplit have added.
type Lift struct {
	From Schema
	To   []Schema // one; of a split, those among which the bytes decide
}

// lift is one step.
type lift struct {
	to    []Schema
	apply Splitter
}

// Upcast adds the step that lifts data of version from of the event type to version from+1.
func (r *Registry) Upcast(eventType string, from int, up Upcaster) error {
	return r.UpcastTo(Schema{eventType, from}, Schema{eventType, from + 1}, up)
}

// UpcastTo adds the step that reads data of one schema as data of another, usually of another type: a type that has got a new
// name, or one of several that have become one. [Unchanged] is the upcaster when the bytes need no change.
//
// Handlers of the new type get the records of the old ones too; see [Registry.Sources]. A schema has one step, steps lead to a
// higher version or to another type, never in a circle, and none leads away from a schema that a registered Go type has:
// anything else is refused.
func (r *Registry) UpcastTo(from, to Schema, up Upcaster) error {
	if up == nil {
		return Invalid("upcaster", "of %s from version %d is nil", from.Type, from.Version)
	}
	return r.addLift(from, []Schema{to}, func(data []byte) (Schema, []byte, error) {
		lifted, err := up(data)
		return to, lifted, err
	})
}

// UpcastSplit adds the step that reads data of one schema as data of one of several, which the bytes decide: a type that has
// become several. It must name all of them; a splitter that returns another one makes reading fail.
//
// A record is read as exactly one event, never as several and never as none. It has one id, one position and one revision, and
// checkpoints, deduplication and an aggregate's revision count by these; two events of one position could not be told apart, and
// half of them could not be handled. When one event has to become several, write a consumer that publishes the parts with ids
// made of the first one's ([ID.Derive]): each is then an event of its own. When one is of no use any more, let nobody handle it.
func (r *Registry) UpcastSplit(from Schema, to []Schema, split Splitter) error {
	if split == nil {
		return Invalid("upcaster", "of %s from version %d is nil", from.Type, from.Version)
	}
	return r.addLift(from, slices.Clone(to), split)
}

func (r *Registry) addLift(from Schema, to []Schema, apply Splitter) error {
	if err := checkLift(from, to); err != nil {
		return err
	}
	return r.change(func(k *knowledge) error {
		if old, ok := k.lifts[from]; ok {
			return Invalid("version", "%s already has an upcaster from %d, which leads to %s; the one refused leads to %s",
				from.Type, from.Version, anyOf(old.to), anyOf(to))
		}
		if t := k.types[from.Type]; t != nil && versionOf(t) == from.Version {
			return leadsAway(from, t.String(), to)
		}
		if circle := k.circle(from, to); circle != nil {
			return Invalid("upcaster", "closes a circle: %s", strings.Join(circle, " to "))
		}
		k.lifts[from] = lift{to, apply}
		return nil
	})
}

func checkLift(from Schema, to []Schema) error {
	if err := from.check(); err != nil {
		return err
	}
	if len(to) == 0 {
		return Invalid("upcaster", "from %s leads nowhere; name the schemas that it can lead to", from)
	}
	for _, s := range to {
		if err := s.check(); err != nil {
			return err
		}
		if s.Type == from.Type && s.Version <= from.Version {
			return Invalid("version", "an upcaster leads from %s to %s; within a type it leads to a higher version", from, s)
		}
	}
	return nil
}

func leadsAway(from Schema, goType string, to []Schema) error {
	return Invalid("version", "%s is what %s is written as, and an upcaster would read it as %s; "+
		"raise the version that its EventVersion returns, or register the new Go type in its place", from, goType, anyOf(to))
}

// anyOf names schemas: a v1 or b v2.
func anyOf(schemas []Schema) string {
	names := make([]string, len(schemas))
	for i, s := range schemas {
		names[i] = s.String()
	}
	return strings.Join(names, " or ")
}

// circle returns the names on a way from any of the schemas back to where they are lifted from, nil when there is none.
func (k *knowledge) circle(from Schema, to []Schema) []string {
	seen := map[Schema]bool{}
	var walk func(at Schema) []string
	walk = func(at Schema) []string {
		if at == from {
			return []string{at.String()}
		}
		if seen[at] {
			return nil
		}
		seen[at] = true
		for _, next := range k.lifts[at].to {
			if way := walk(next); way != nil {
				return append([]string{at.String()}, way...)
			}
		}
		return nil
	}
	for _, first := range to {
		if way := walk(first); way != nil {
			return append([]string{from.String()}, way...)
		}
	}
	return nil
}

// Lift returns the record as it is read: with the type, version and data that the upcasters make of it. The record it is given
// stays as it is. A record that nothing lifts is returned as it came, its version at least 1.
func (r *Registry) Lift(rec Record) (Record, error) {
	to, data, err := r.know().lift(&rec)
	if err != nil {
		return Record{}, err
	}
	rec.Type, rec.Version, rec.Data = to.Type, to.Version, data
	return rec, nil
}

// lift applies steps until there is none for the schema reached. Each leads on, since circles are refused, so it ends.
func (k *knowledge) lift(rec *Record) (at Schema, data []byte, err error) {
	at, data = Schema{rec.Type, rec.SchemaVersion()}, rec.Data
	for {
		step, ok := k.lifts[at]
		if !ok {
			return at, data, nil
		}
		next, lifted, err := step.apply(data)
		if err == nil && !slices.Contains(step.to, next) {
			err = Invalid("upcaster", "leads to %s; it was added for %s", next, anyOf(step.to))
		}
		if err != nil {
			return Schema{}, nil, fmt.Errorf("upcast %s from version %d: %w", at.Type, at.Version, err)
		}
		at, data = next, lifted
	}
}

// Lifts returns the steps that were added, in order of type and version.
func (r *Registry) Lifts() []Lift {
	lifts := []Lift{}
	for from, step := range r.know().lifts {
		lifts = append(lifts, Lift{from, slices.Clone(step.to)})
	}
	slices.SortFunc(lifts, func(a, b Lift) int { return compareSchemas(a.From, b.From) })
	return lifts
}
