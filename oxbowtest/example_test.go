package oxbowtest_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/oxbowtest"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
)

// printer stands for the *testing.T that a test has: it prints what a failing test says.
type printer struct {
	testing.TB
	cleanups *[]func()
}

func newPrinter() printer { return printer{cleanups: new([]func())} }

func (printer) Helper()                     {}
func (printer) Name() string                { return "TestOfAUser" }
func (printer) Context() context.Context    { return context.Background() }
func (printer) Output() io.Writer           { return io.Discard }
func (p printer) Cleanup(f func())          { *p.cleanups = append(*p.cleanups, f) }
func (p printer) Fatalf(f string, a ...any) { p.Errorf(f, a...) }
func (printer) Errorf(f string, a ...any) {
	fmt.Println(strings.ReplaceAll(fmt.Sprintf(f, a...), "oxbowtest_test.", ""))
}

// end does what is done when a test ends.
func (p printer) end() {
	for i := len(*p.cleanups) - 1; i >= 0; i-- {
		(*p.cleanups)[i]()
	}
}

type BookLent struct {
	Book string `json:"book"`
	To   string `json:"to"`
}

func (b BookLent) AggregateID() string { return b.Book }

type BookReturned struct {
	Book string `json:"book"`
}

func (b BookReturned) AggregateID() string { return b.Book }

// lend is what is tested: it publishes to whatever it is given.
func lend(ctx context.Context, p oxbowtest.Publisher, book, to string) error {
	return p.Publish(ctx, BookLent{Book: book, To: to})
}

func ExampleRecorder() {
	t := newPrinter() // in a test: t *testing.T
	rec := oxbowtest.NewRecorder(oxbowtest.RecorderConfig{})
	if err := lend(context.Background(), rec, "Emma", "ann"); err != nil {
		t.Fatalf("%v", err)
	}
	rec.Expect(t, BookLent{Book: "Emma", To: "ann"}) // says nothing
	rec.Expect(t, BookLent{Book: "Emma", To: "bob"})
	// Output:
	// recorded events are not as expected (- expected, + got):
	// @@ -1,5 +1,5 @@
	//   book.lent
	//     {
	//       "book": "Emma",
	// -     "to": "bob"
	// +     "to": "ann"
	//     }
	//
	// what was recorded, and what caused it:
	//   book.lent in book-Emma
}

func ExamplePublished() {
	rec := oxbowtest.NewRecorder(oxbowtest.RecorderConfig{})
	b := bus.New(bus.Config{})
	if _, err := b.SubscribeTopic("**", rec.Deliver); err != nil {
		panic(err)
	}
	if err := lend(context.Background(), b, "Emma", "ann"); err != nil {
		panic(err)
	}
	for _, e := range oxbowtest.Published[BookLent](rec) {
		fmt.Println(e.Data.Book, "to", e.Data.To, "in", e.Stream)
	}
	// Output: Emma to ann in book-Emma
}

func ExampleWait() {
	rec := oxbowtest.NewRecorder(oxbowtest.RecorderConfig{})
	go func() { _ = lend(context.Background(), rec, "Emma", "ann") }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	lent, err := oxbowtest.Wait[BookLent](ctx, rec, 1)
	fmt.Println(len(lent), err)
	// Output: 1 <nil>
}

func ExampleRecorder_Tree() {
	rec := oxbowtest.NewRecorder(oxbowtest.RecorderConfig{})
	b := bus.New(bus.Config{})
	_, err := bus.Subscribe(b, func(ctx context.Context, e event.Event[BookLent]) error {
		return b.Publish(ctx, event.From("mail.sent", map[string]any{"to": e.Data.To}))
	})
	if err == nil {
		_, err = b.SubscribeTopic("**", rec.Deliver)
	}
	if err == nil {
		err = b.Publish(context.Background(), BookLent{Book: "Emma", To: "ann"})
	}
	fmt.Println(rec.Tree(), err)
	// Output:
	// book.lent in book-Emma
	//   mail.sent in mail.sent <nil>
}

func ExampleStore() {
	t := newPrinter() // in a test: t *testing.T
	defer t.end()
	st := oxbowtest.Store(t,
		BookLent{Book: "Emma", To: "ann"},
		oxbowtest.Event(BookReturned{Book: "Emma"}, event.WithTags("shelf:A")),
	)
	for r, err := range st.Read(context.Background(), store.Stream("book-Emma")) {
		fmt.Println(r.Position, r.Type, r.Tags, r.Time.Format(time.DateTime), r.ID, err)
	}
	// Output:
	// 1 book.lent [] 1999-12-31 00:00:00 00dc65a9-5000-7000-8000-000000000001 <nil>
	// 2 book.returned [shelf:A] 1999-12-31 00:00:01 00dc65a9-5000-7000-8000-000000000002 <nil>
}

func ExampleBuilder() {
	b := oxbowtest.Builder{Start: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), Step: time.Hour}
	for _, r := range b.Records(BookLent{Book: "Emma", To: "ann"}, BookReturned{Book: "Emma"}) {
		fmt.Println(r.Position, r.Stream, r.Revision, r.Time.Format(time.Kitchen), string(r.Data))
	}
	// Output:
	// 1 book-Emma 1 9:00AM {"book":"Emma","to":"ann"}
	// 2 book-Emma 2 10:00AM {"book":"Emma"}
}

type shelf struct{ LentTo string }

type Lend string // to whom

// books is a decider that forgets to look whether the book is there.
var books = aggregate.Decider[shelf, Lend]{
	Events: []any{BookLent{}, BookReturned{}},
	Decide: func(s shelf, to Lend) ([]any, error) { return []any{BookLent{Book: "Emma", To: string(to)}}, nil },
	Evolve: func(s shelf, e any) shelf {
		if lent, ok := e.(BookLent); ok {
			return shelf{LentTo: lent.To}
		}
		return shelf{}
	},
}

func ExampleAggregate() {
	t := newPrinter() // in a test: t *testing.T
	oxbowtest.Aggregate(t, books).
		When(Lend("ann")).
		Then(BookLent{Book: "Emma", To: "ann"}).
		ThenState(shelf{LentTo: "ann"}).
		When(Lend("bob")).
		ThenError(nil)
	// Output:
	// when
	//   Lend "ann"
	//   Lend "bob"
	// then the command was not refused; it led to:
	// + book.lent
	// +   {
	// +     "book": "Emma",
	// +     "to": "bob"
	// +   }
}

type ReturnBook struct {
	Book string `json:"book"`
}

func ExampleCommand() {
	t := newPrinter() // in a test: t *testing.T
	defer t.end()
	oxbowtest.Command(t, cqrs.Config{}, func(b *cqrs.CommandBus, _ *store.Store) error {
		return cqrs.HandleCommand(b, func(_ context.Context, c ReturnBook) (cqrs.Events, error) {
			return cqrs.Events{BookReturned(c)}, nil
		})
	}).
		Given(BookLent{Book: "Emma", To: "ann"}).
		When(ReturnBook{Book: "Emma"}).
		Then(BookReturned{Book: "Emma"}) // says nothing
	fmt.Println("done")
	// Output: done
}

func ExampleConsumer() {
	t := newPrinter() // in a test: t *testing.T
	defer t.end()
	remind := func(st *store.Store) []consumer.Handler {
		return []consumer.Handler{consumer.On(func(ctx context.Context, e event.Event[BookLent]) error {
			_, err := st.Append(ctx, event.From("reminder.planned", map[string]any{"for": e.Data.To}))
			return err
		})}
	}
	oxbowtest.Consumer(t, consumer.Config{}, remind).
		When(BookLent{Book: "Emma", To: "ann"}).
		Then(event.From("reminder.planned", map[string]any{"for": "ann"})). // says nothing
		ThenAttempts(2)
	// Output:
	// when
	//   book.lent { "book": "Emma", "to": "ann" }
	// then handlers were called once; expected 2 times:
	// + book.lent, attempt 1: handled
}

type Reader struct {
	Books int `json:"books"`
}

func readers(st *store.Store) (*projection.Projection[Reader], error) {
	p, err := projection.New[Reader](st, "readers", projection.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	projection.On(p, func(ctx context.Context, docs *projection.Docs[Reader], e event.Event[BookLent]) error {
		return docs.Update(ctx, e.Data.To, func(doc *Reader) { doc.Books++ })
	})
	return p, nil
}

func ExampleProjection() {
	t := newPrinter() // in a test: t *testing.T
	defer t.end()
	oxbowtest.Projection(t, readers).
		Given(BookLent{Book: "Emma", To: "ann"}, BookLent{Book: "Persuasion", To: "ann"}).
		ThenNoDoc("bob").
		ThenDoc("ann", Reader{Books: 1})
	// Output:
	// given
	//   book.lent { "book": "Emma", "to": "ann" }
	//   book.lent { "book": "Persuasion", "to": "ann" }
	// then document "ann" is not as expected (- expected, + got):
	// @@ -1,3 +1,3 @@
	//   {
	// -   "books": 1
	// +   "books": 2
	//   }
}

func ExampleNewApp() {
	t := newPrinter() // in a test: t *testing.T
	defer t.end()
	app := oxbowtest.NewApp(t, oxbow.Config{}, BookLent{Book: "Emma", To: "ann"})
	app.Consume("mail", consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[BookReturned]) error {
		_, err := app.Publish(ctx, event.From("mail.sent", nil))
		return err
	}))
	app.Start()
	_, err := app.Publish(context.Background(), BookReturned{Book: "Emma"})
	if err == nil {
		err = app.Settle(context.Background())
	}
	fmt.Println(app.Recorder.Tree(), err)
	// Output:
	// book.returned in book-Emma
	//   mail.sent in mail.sent <nil>
}

func ExampleSettle() {
	t := newPrinter() // in a test: t *testing.T
	defer t.end()
	app := oxbowtest.NewApp(t, oxbow.Config{})
	app.Consume("mail", consumer.Config{}, consumer.On(func(context.Context, event.Event[BookReturned]) error { return nil }))
	_, err := app.Publish(context.Background(), BookReturned{Book: "Emma"}, event.WithID(oxbowtest.ID(1)))
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	fmt.Println(oxbowtest.Settle(ctx, app.App)) // nobody has called app.Start
	// Output:
	// not settled: context deadline exceeded
	//   consumer mail has done everything up to position 0 of 1; next is book.returned (position 1, stream "book-Emma", id 00dc65a9-5000-7000-8000-000000000001)
	//   nobody has done anything: does the app's Run run?
}

// inTest calls f with a *testing.T, which examples have none of.
func inTest(f func(t *testing.T) error) (err error) {
	stdout := os.Stdout // where testing writes when it is verbose
	defer func() { os.Stdout = stdout }()
	os.Stdout, _ = os.Open(os.DevNull)
	every := func(string, string) (bool, error) { return true, nil }
	testing.RunTests(every, []testing.InternalTest{{Name: "TestLending", F: func(t *testing.T) { err = f(t) }}})
	return err
}

func ExampleSimulate() {
	err := inTest(func(t *testing.T) error { // in a test: oxbowtest.Simulate(t, oxbowtest.Simulation{…}), which fails it with this text
		return oxbowtest.Simulation{
			History: []any{BookLent{Book: "Emma", To: "ann"}, BookLent{Book: "Persuasion", To: "bob"}},
			World: func() oxbowtest.World {
				letters := map[string]int{} // what a post office has, which no crash of ours takes away
				return oxbowtest.World{
					Parts: []oxbowtest.Part{
						oxbowtest.ConsumerPart("mail", consumer.Config{}, oxbowtest.Handlers(
							consumer.On(func(_ context.Context, e event.Event[BookLent]) error {
								letters[e.Data.To]++
								return nil
							}))),
						oxbowtest.ProjectionPart(readers),
					},
					Effects: func() any { return letters },
				}
			},
		}.Check(t)
	})
	fmt.Println(err)
	// Output:
	// consumer mail is not idempotent at event book.lent (position 1, stream "book-Emma", id 00dc65a9-5000-7000-8000-000000000001): handling it again changes the effects
	//
	// what happened:
	//   mail handled book.lent at position 1, crashed before its checkpoint was saved, and got it again
	//
	// its effects (- calm run, + this run):
	//   outside of the store:
	//     @@ -1,3 +1,3 @@
	//       {
	//     -   "ann": 1
	//     +   "ann": 2
	//       }
	//
	// Again: OXBOW_SEED=1 go test -run '^TestLending$', or Simulation.Seed: 1
}
