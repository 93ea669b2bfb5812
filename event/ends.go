package event

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// Sources returns the types under which events of a type may be stored: its own, and then those that are lifted into it, in
// order of name. A query for all events of a type asks for these; handlers of consumers, projections and aggregates do. Of a
// type that is split some records may turn out to be of another type: [Registry.Lift] tells.
func (r *Registry) Sources(eventType string) []string {
	return append([]string{eventType}, r.know().ends().sources[eventType]...)
}

// Moved reports whether records stored under a type may be read as events of another one.
func (r *Registry) Moved(eventType string) bool {
	k := r.know()
	return len(k.lifts) > 0 && k.ends().moved[eventType]
}

// ReadAs returns the schemas that data of a schema may be read as once all steps are applied, in order of type and version. It
// is the schema itself when nothing lifts it.
func (r *Registry) ReadAs(stored Schema) []Schema {
	return slices.Clone(r.know().endsOf(stored, map[Schema][]Schema{}))
}

func compareSchemas(a, b Schema) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Version, b.Version))
}

// ends tells where lifts lead in the end, by type.
type ends struct {
	sources map[string][]string // the other types whose records may become this one
	moved   map[string]bool
}

// findEnds is called once for what is known, when it is first asked for.
func (k *knowledge) findEnds() *ends {
	found := &ends{sources: map[string][]string{}, moved: map[string]bool{}}
	known := map[Schema][]Schema{}
	for from := range k.lifts {
		for _, end := range k.endsOf(from, known) {
			if end.Type == from.Type || slices.Contains(found.sources[end.Type], from.Type) {
				continue
			}
			found.moved[from.Type] = true
			found.sources[end.Type] = append(found.sources[end.Type], from.Type)
		}
	}
	for _, sources := range found.sources {
		slices.Sort(sources)
	}
	return found
}

// endsOf returns where lifts from a schema lead in the end, and notes it in known.
func (k *knowledge) endsOf(from Schema, known map[Schema][]Schema) []Schema {
	if ends, ok := known[from]; ok {
		return ends
	}
	step, ok := k.lifts[from]
	if !ok {
		return []Schema{from}
	}
	all := map[Schema]bool{}
	for _, next := range step.to {
		for _, end := range k.endsOf(next, known) {
			all[end] = true
		}
	}
	known[from] = slices.SortedFunc(maps.Keys(all), compareSchemas)
	return known[from]
}

// derive prepares what is found out when it is first asked for.
func (k *knowledge) derive() *knowledge {
	k.ends = sync.OnceValue(k.findEnds)
	return k
}
