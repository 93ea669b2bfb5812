package oxbowtest_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/oxbowtest"
	"github.com/oxbow-events/oxbow/store"
)

// The program: a library lends books, takes a fee when they come back, and counts what its readers have.

type FeeTaken struct {
	Book  string `json:"book"`
	Cents int64  `json:"cents"`
}

func (f FeeTaken) AggregateID() string { return f.Book }
func (FeeTaken) AggregateType() string { return "book" }

const fee = 50 // cents

// Copy is a book's state: an aggregate in the method form.
type Copy struct {
	LentTo string
}

var errLent = errors.New("the book is lent")

func (c *Copy) OnBookLent(e BookLent)       { c.LentTo = e.To }
func (c *Copy) OnBookReturned(BookReturned) { c.LentTo = "" }

func (c *Copy) Lend(book, to string) ([]any, error) {
	if c.LentTo != "" {
		return nil, errLent
	}
	return []any{BookLent{Book: book, To: to}}, nil
}

// Cashier takes money, outside of the store: once for each key.
type Cashier interface {
	Take(key event.ID, cents int64) error
}

// fees takes a fee for each book that comes back.
func fees(cashier Cashier) oxbowtest.Build {
	return func(st *store.Store) []consumer.Handler {
		return []consumer.Handler{consumer.On(func(ctx context.Context, e event.Event[BookReturned]) error {
			if err := cashier.Take(e.ID, fee); err != nil {
				return err
			}
			_, err := st.Append(ctx, event.Event[FeeTaken]{
				Metadata: event.Metadata{ID: e.ID.Derive("fee")}, // the same event each time, which the store takes once
				Data:     FeeTaken{Book: e.Data.Book, Cents: fee},
			})
			return err
		})}
	}
}

// till is a Cashier for tests. It is closed at first if it is told so.
type till struct {
	mu     sync.Mutex
	taken  map[event.ID]int64
	closed bool
}

func (t *till) Take(key event.ID, cents int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		t.closed = false
		return consumer.RetryAfter(time.Hour, errors.New("the till is closed"))
	}
	t.taken[key] = cents
	return nil
}

func (t *till) Taken() any {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.taken)
}

func newTill() *till { return &till{taken: map[event.ID]int64{}} }

// The tests.

func TestABookIsLentOnce(t *testing.T) {
	oxbowtest.Aggregate(t, aggregate.Methods[Copy]()).
		Given(BookLent{Book: "Emma", To: "ann"}, BookReturned{Book: "Emma"}).
		When(func(c *Copy) ([]any, error) { return c.Lend("Emma", "bob") }).
		Then(BookLent{Book: "Emma", To: "bob"}).
		When(func(c *Copy) ([]any, error) { return c.Lend("Emma", "eve") }).
		ThenError(errLent)
}

func TestAFeeIsTaken(t *testing.T) {
	cashier := newTill()
	cashier.closed = true
	oxbowtest.Consumer(t, consumer.Config{}, fees(cashier)).
		Given(BookLent{Book: "Emma", To: "ann"}).
		When(BookReturned{Book: "Emma"}).
		ThenAttempts(2). // the till was closed at first
		Then(oxbowtest.Event(FeeTaken{Book: "Emma", Cents: 50}, event.WithStream("book-Emma")))
}

func TestReadersAreCounted(t *testing.T) {
	oxbowtest.Projection(t, readers).
		Given(BookLent{Book: "Emma", To: "ann"}, BookLent{Book: "Persuasion", To: "ann"}).
		ThenDoc("ann", Reader{Books: 2}).
		ThenNoDoc("bob")
}

func TestTheFeeIsTakenAnHourLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cashier := newTill()
		cashier.closed = true
		app := library(t, cashier)
		begin := time.Now()
		if _, err := app.Publish(t.Context(), BookReturned{Book: "Emma"}); err != nil {
			t.Fatal(err)
		}
		if err := app.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(begin); waited < time.Hour || waited > 2*time.Hour {
			t.Errorf("the fee was taken after %v", waited)
		}
		app.Recorder.ExpectTree(t, `
			book.returned in book-Emma
			  fee.taken in book-Emma
		`)
	})
}

// library returns the whole program, running.
func library(t *testing.T, cashier Cashier) *oxbowtest.App {
	app := oxbowtest.NewApp(t, oxbow.Config{}, BookLent{Book: "Emma", To: "ann"})
	app.Consume("fees", consumer.Config{}, fees(cashier)(app.Store())...)
	p, err := readers(app.Store())
	if err != nil {
		t.Fatal(err)
	}
	app.Project(p)
	app.Start()
	return app
}

func TestWhateverGoesWrongFeesAreTakenOnce(t *testing.T) {
	oxbowtest.Simulate(t, oxbowtest.Simulation{
		History: []any{
			BookLent{Book: "Emma", To: "ann"},
			BookLent{Book: "Persuasion", To: "bob"},
			BookReturned{Book: "Emma"},
			BookLent{Book: "Emma", To: "bob"},
			BookReturned{Book: "Persuasion"},
			BookReturned{Book: "Emma"},
		},
		World: func() oxbowtest.World {
			cashier := newTill() // it is not ours, and survives when we crash
			return oxbowtest.World{
				Parts: []oxbowtest.Part{
					oxbowtest.ConsumerPart("fees", consumer.Config{}, fees(cashier)),
					oxbowtest.ProjectionPart(readers),
				},
				Effects: cashier.Taken,
			}
		},
	})
}
