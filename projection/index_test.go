package projection_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
)

type order struct {
	Customer string
	Labels   []string
}

// put sets an order; one without a customer removes it.
type put struct {
	Order, Customer string
	Labels          []string
	Blind           bool // without reading what is there
}

func (put) EventType() string { return "order.put" }

func orders(t *testing.T, st *store.Store, cfg projection.Config, indexes ...string) *projection.Projection[order] {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	p, err := projection.New[order](st, "orders", cfg)
	if err != nil {
		t.Fatal(err)
	}
	projection.On(p, func(ctx context.Context, docs *projection.Docs[order], e event.Event[put]) error {
		switch {
		case e.Data.Customer == "":
			docs.Delete(e.Data.Order)
		case e.Data.Blind:
			return docs.Put(e.Data.Order, order{e.Data.Customer, e.Data.Labels})
		default:
			return docs.Update(ctx, e.Data.Order, func(o *order) { o.Customer, o.Labels = e.Data.Customer, e.Data.Labels })
		}
		return nil
	})
	for _, name := range indexes {
		switch name {
		case "customer":
			projection.Index(p, name, func(o order) []string { return []string{o.Customer} })
		case "label":
			projection.Index(p, name, func(o order) []string { return o.Labels })
		}
	}
	return p
}

// found returns the keys that an index has under a value.
func found(t *testing.T, p *projection.Projection[order], index, value string) (keys []string) {
	t.Helper()
	for doc, err := range p.By(t.Context(), index, value) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, doc.Key)
	}
	return keys
}

// values has what is hard to put into a key.
var values = []string{"ann", "ann b", "ann!", "an", "", " ", "!", "!0", "\x00\n", "ü/é", "ann b c", "7f\x7f"}

func TestIndexesAreAlwaysThoseOfTheDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := orders(t, st, projection.Config{Batch: 3, Cache: 2000}, "customer", "label")
		rng := rand.New(rand.NewPCG(1, 2))
		var last store.Position
		for range 400 {
			e := put{Order: fmt.Sprint("order ", rng.IntN(20)), Blind: rng.IntN(2) == 0}
			if rng.IntN(4) > 0 {
				e.Customer = values[rng.IntN(len(values))]
			}
			for range rng.IntN(4) {
				e.Labels = append(e.Labels, values[rng.IntN(len(values))])
			}
			last = publish(t, st, e)
		}
		stop := start(t, p)
		if err := p.WaitFor(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		checkIndexes(t, st, p)
		view, err := p.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range values {
			var keys []string
			for doc, err := range view.By("label", value) {
				if err != nil {
					t.Fatal(err)
				}
				keys = append(keys, doc.Key)
			}
			if got := found(t, p, "label", value); !slices.Equal(got, keys) {
				t.Errorf("label %q: the index has %q, a view %q", value, got, keys)
			}
		}
		if err := p.Rebuild(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		checkIndexes(t, st, p)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// checkIndexes compares indexes with what reading all documents finds.
func checkIndexes(t *testing.T, st *store.Store, p *projection.Projection[order]) {
	t.Helper()
	stats, err := p.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	places := 0
	for _, err := range st.List(t.Context(), fmt.Sprintf("oxbow.projection/orders/%d/label", stats.Generation), "", "") {
		if places++; err != nil {
			t.Fatal(err)
		}
	}
	for _, value := range values {
		var customers, labels []string
		for doc, err := range p.All(t.Context(), "", "") {
			if err != nil {
				t.Fatal(err)
			}
			if doc.Value.Customer == value {
				customers = append(customers, doc.Key)
			}
			if slices.Contains(doc.Value.Labels, value) {
				labels = append(labels, doc.Key)
			}
		}
		if got := found(t, p, "customer", value); !slices.Equal(got, customers) {
			t.Errorf("customer %q: %q, want %q", value, got, customers)
		}
		if got := found(t, p, "label", value); !slices.Equal(got, labels) {
			t.Errorf("label %q: %q, want %q", value, got, labels)
		}
		places -= len(labels)
	}
	if places != 0 {
		t.Errorf("the index has %d places too many", places)
	}
}

func TestAnIndexThatIsAddedLaterNeverAnswersWrongly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var generations []uint64
		run := func(indexes ...string) *projection.Projection[order] {
			t.Helper()
			p := orders(t, st, projection.Config{}, indexes...)
			if slices.Contains(indexes, "label") {
				for _, err := range p.By(t.Context(), "label", "red") {
					if !errors.Is(err, projection.ErrNoIndex) {
						t.Errorf("before it is built, the index answers %v", err)
					}
				}
			}
			stop := start(t, p)
			last := publish(t, st, put{Order: fmt.Sprint("order-", len(indexes)), Customer: "ann", Labels: []string{"red"}})
			if err := p.WaitFor(t.Context(), last); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if stats, err := p.Stats(t.Context()); err != nil || !slices.Equal(stats.Indexes, indexes) {
				t.Errorf("the documents have indexes %q, %v, want %q", stats.Indexes, err, indexes)
			} else {
				generations = append(generations, stats.Generation)
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			return p
		}
		run("customer")
		if p := run("customer", "label"); !slices.Equal(found(t, p, "label", "red"), []string{"order-1", "order-2"}) {
			t.Errorf("the added index has %q", found(t, p, "label", "red"))
		}
		publish(t, st, put{Order: "order-2", Customer: "bob"})
		run("customer") // code that does not know the other index changes documents
		if p := run("customer", "label"); !slices.Equal(found(t, p, "label", "red"), []string{"order-1", "order-2"}) {
			t.Errorf("the index that came back has %q", found(t, p, "label", "red"))
		}
		for _, err := range run("customer").By(t.Context(), "label", "red") {
			if !errors.Is(err, projection.ErrNoIndex) {
				t.Errorf("an index that nobody declared answers %v", err)
			}
		}
		if want := []uint64{1, 2, 2, 3, 3}; !slices.Equal(generations, want) { // an index that goes is forgotten at once, and without a rebuild
			t.Errorf("generations were %d, want %d", generations, want)
		}
	})
}

func TestAnIndexWhoseFunctionChangedIsBuiltAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := orders(t, st, projection.Config{}, "customer")
		stop := start(t, p)
		publish(t, st, put{Order: "1", Customer: "ann"})
		if err := p.WaitFor(t.Context(), publish(t, st, put{Order: "2", Customer: "bob"})); err != nil {
			t.Fatal(err)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		changed := orders(t, st, projection.Config{})
		projection.Index(changed, "customer", func(o order) []string { return []string{strings.ToUpper(o.Customer)} })
		stop = start(t, changed)
		synctest.Wait()
		if got := found(t, changed, "customer", "BOB"); !slices.Equal(got, []string{"2"}) {
			t.Errorf("after the function changed, the index has %q", got)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPagesShowEachDocumentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := orders(t, st, projection.Config{}, "customer")
		var want []string
		for i := range 25 {
			key := fmt.Sprintf("order-%02d", i)
			publish(t, st, put{Order: key, Customer: []string{"ann", "bob"}[i%2]})
			if i%2 == 0 {
				want = append(want, key)
			}
		}
		last := publish(t, st, put{Order: "other", Customer: "bob"})
		stop := start(t, p)
		if err := p.WaitFor(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		if got := pages(t, p, projection.Query{Index: "customer", Value: "ann", Limit: 4}); !slices.Equal(got, want) {
			t.Errorf("pages of ann's orders have %q, want %q", got, want)
		}
		if got := pages(t, p, projection.Query{Prefix: "order-", Limit: 5}); len(got) != 25 || !slices.IsSorted(got) {
			t.Errorf("pages of a prefix have %q", got)
		}
		if got := pages(t, p, projection.Query{From: "order-03", To: "order-06", Limit: 1}); !slices.Equal(got, []string{"order-03", "order-04", "order-05"}) {
			t.Errorf("pages of a range have %q", got)
		}
		n := 0
		for doc, err := range p.Prefix(t.Context(), "order-1") {
			if n++; err != nil || !strings.HasPrefix(doc.Key, "order-1") {
				t.Errorf("prefix yields %q, %v", doc.Key, err)
			}
		}
		if n != 10 {
			t.Errorf("the prefix has %d documents, want 10", n)
		}
		page, err := p.Page(t.Context(), projection.Query{Prefix: "order-", Limit: 5})
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []projection.Query{
			{Prefix: "order-", After: "x"},
			{Prefix: "ord", After: page.Next},
			{After: page.Next},
			{Limit: -1},
			{Index: "customer", Prefix: "o"},
			{Value: "ann"},
			{Index: "customer", Value: "ann", After: page.Next},
		} {
			if _, err := p.Page(t.Context(), q); !errors.Is(err, event.ErrInvalid) {
				t.Errorf("Page(%+v) returns %v", q, err)
			}
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func pages(t *testing.T, p *projection.Projection[order], q projection.Query) (keys []string) {
	t.Helper()
	for {
		page, err := p.Page(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Docs) > q.Limit {
			t.Errorf("a page has %d documents, the limit is %d", len(page.Docs), q.Limit)
		}
		for _, doc := range page.Docs {
			keys = append(keys, doc.Key)
		}
		if page.Next == "" {
			return keys
		}
		q.After = page.Next
	}
}

func TestMistakesInIndexesAreReturned(t *testing.T) {
	st := newStore(t)
	fn := func(order) []string { return nil }
	for name, declare := range map[string]func(p *projection.Projection[order]){
		"a slash": func(p *projection.Projection[order]) { projection.Index(p, "a/b", fn) },
		"twice":   func(p *projection.Projection[order]) { projection.Index(p, "customer", fn) },
		"nil":     func(p *projection.Projection[order]) { projection.Index(p, "none", nil) },
		"empty":   func(p *projection.Projection[order]) { projection.Index(p, "", fn) },
	} {
		p := orders(t, st, projection.Config{}, "customer")
		declare(p)
		if err := p.Run(t.Context()); !errors.Is(err, event.ErrInvalid) {
			t.Errorf("%s: Run returns %v", name, err)
		}
	}
}

func FuzzPage(f *testing.F) {
	f.Add("order-", "eyJrZXkiOiJvcmRlci0xIn0", 3)
	st := newStoreOf(f)
	p, err := projection.New[order](st, "orders", projection.Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, prefix, after string, limit int) {
		page, err := p.Page(t.Context(), projection.Query{Prefix: prefix, After: after, Limit: limit})
		if err == nil && len(page.Docs) > 0 {
			t.Errorf("an empty projection has %d documents", len(page.Docs))
		}
	})
}
