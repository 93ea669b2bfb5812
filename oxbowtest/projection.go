package oxbowtest

import (
	"fmt"
	"testing"

	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
)

// ProjectionTest is a test of a projection: given events, then these documents. Make one with Projection.
type ProjectionTest[D any] struct {
	scene
	store      *store.Store
	projection *projection.Projection[D]
	applied    store.Position
}

// Projection begins a test of a projection, which build makes over a store in memory, as the program does.
//
//	oxbowtest.Projection(t, func(st *store.Store) (*projection.Projection[Total], error) { return newTotals(st) }).
//		Given(OrderPlaced{Customer: "ann", Cents: 900}, OrderPlaced{Customer: "ann", Cents: 100}).
//		ThenDoc("ann", Total{Orders: 2, Cents: 1000}).
//		ThenNoDoc("bob")
//
// A handler that fails is called again as the projection's Config.Retry says, by default for almost a minute: give Attempts: 1 to see
// what a failing handler does, or run the test within synctest.Test.
func Projection[D any](t testing.TB, build func(st *store.Store) (*projection.Projection[D], error)) *ProjectionTest[D] {
	t.Helper()
	p := &ProjectionTest[D]{}
	p.t, p.ready = t, true
	p.store = p.world()
	var err error
	if p.projection, err = build(p.store); err != nil {
		t.Fatalf("oxbowtest: make the projection: %v", err)
	}
	return p
}

// Matching says how documents are compared; see [Match].
func (p *ProjectionTest[D]) Matching(m Match) *ProjectionTest[D] {
	p.match = m
	return p
}

// Given adds events.
func (p *ProjectionTest[D]) Given(events ...any) *ProjectionTest[D] {
	p.t.Helper()
	p.fill(p.store, &p.given, "given", events)
	return p
}

// apply has the projection apply what it has not yet.
func (p *ProjectionTest[D]) apply() {
	p.t.Helper()
	head, err := p.store.Head(p.t.Context())
	if err == nil && head == p.applied && head > 0 {
		return
	}
	run := startWorker(p.t.Context(), p.projection)
	if err == nil {
		err = run.settle(p.t, p.store)
	}
	if stopped := run.stop(); err == nil {
		err = stopped
	}
	if err != nil {
		p.t.Fatalf("%sthen the projection did not apply them: %v", p.story(), err)
	}
	p.applied = head
}

// ThenDoc fails the test unless there is this document under the key, compared as JSON.
func (p *ProjectionTest[D]) ThenDoc(key string, want D) *ProjectionTest[D] {
	p.t.Helper()
	p.apply()
	got, ok, err := p.projection.Get(p.t.Context(), key)
	switch {
	case err != nil:
		p.t.Fatalf("%sthen document %q: %v", p.story(), key, err)
	case !ok:
		p.fail("then there is no document %q; expected:\n%s\n\n%s", key, joinLines(indented(pretty(plain(want)), "- ")), p.others())
	default:
		p.compareValues(fmt.Sprintf("document %q", key), want, got)
	}
	return p
}

// ThenNoDoc fails the test when there is a document under the key.
func (p *ProjectionTest[D]) ThenNoDoc(key string) *ProjectionTest[D] {
	p.t.Helper()
	p.apply()
	got, ok, err := p.projection.Get(p.t.Context(), key)
	if err != nil {
		p.t.Fatalf("%sthen document %q: %v", p.story(), key, err)
	}
	if ok {
		p.fail("then there is a document %q; expected none:\n%s", key, joinLines(indented(pretty(plain(got)), "+ ")))
	}
	return p
}

// ThenDocs fails the test unless these are all documents, by their keys.
func (p *ProjectionTest[D]) ThenDocs(want map[string]D) *ProjectionTest[D] {
	p.t.Helper()
	p.apply()
	p.compareValues("the set of documents", want, p.docs())
	return p
}

func (p *ProjectionTest[D]) docs() map[string]D {
	p.t.Helper()
	all := map[string]D{}
	for doc, err := range p.projection.All(p.t.Context(), "", "") {
		if err != nil {
			p.t.Fatalf("%sthen documents: %v", p.story(), err)
		}
		all[doc.Key] = doc.Value
	}
	return all
}

// others tells which documents there are.
func (p *ProjectionTest[D]) others() string {
	p.t.Helper()
	docs := p.docs()
	if len(docs) == 0 {
		return "there are no documents"
	}
	return "the documents are:\n" + joinLines(indented(pretty(plain(docs)), "+ "))
}
