package consumer

import (
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// storeFilters returns what to ask the store for: the configured filters, with types that stand for all under which their events are
// stored, cut down to those that have a handler.
func (r *routes) storeFilters(reg *event.Registry) ([]store.Filter, error) {
	handled := sourcesOf(reg, r.types()) // none means all
	if len(handled) == 0 && len(r.filters) == 0 {
		return nil, nil
	}
	if len(r.filters) == 0 {
		return []store.Filter{{Types: handled}}, nil
	}
	var narrowed []store.Filter
	for _, f := range r.filters {
		types := narrow(sourcesOf(reg, f.Types), handled)
		if len(types) == 0 && (len(f.Types) > 0 || len(handled) > 0) {
			continue
		}
		f.Types = types
		narrowed = append(narrowed, f)
	}
	if len(narrowed) == 0 {
		return nil, event.Invalid("Filters", "ask for types that no handler is for")
	}
	return narrowed, nil
}

// narrow returns the types that are among both; none stands for all.
func narrow(asked, handled []string) []string {
	switch {
	case len(asked) == 0:
		return handled
	case len(handled) == 0:
		return asked
	}
	return slices.DeleteFunc(asked, func(name string) bool { return !slices.Contains(handled, name) })
}

// sourcesOf returns the types under which events of these types may be stored, sorted; of none, none.
func sourcesOf(reg *event.Registry, types []string) []string {
	var sources []string
	for _, name := range types {
		sources = append(sources, reg.Sources(name)...)
	}
	slices.Sort(sources)
	return slices.Compact(sources)
}
