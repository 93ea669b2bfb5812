package oxbowtest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/oxbowtest"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// publisher is what a program may ask for, in each of the forms that there are.
type (
	busLike interface {
		Publish(ctx context.Context, data any, opts ...event.Option) error
		Deliver(ctx context.Context, e event.Event[any]) error
	}
	appLike interface {
		Publish(ctx context.Context, data any, opts ...event.Option) (store.Receipt, error)
		Commit(ctx context.Context, c store.Commit) (store.Receipt, error)
	}
)

var (
	_ busLike             = (*bus.Bus)(nil)
	_ busLike             = (*oxbowtest.Recorder)(nil)
	_ appLike             = (*oxbow.App)(nil)
	_ appLike             = oxbowtest.AppRecorder{}
	_ cqrs.Committer      = (*oxbowtest.Recorder)(nil)
	_ oxbowtest.Committer = (*oxbow.App)(nil)
	_ oxbowtest.Committer = (*store.Store)(nil)
	_ oxbowtest.Publisher = (*bus.Bus)(nil)
)

func newRecorder() *oxbowtest.Recorder { return oxbowtest.NewRecorder(oxbowtest.RecorderConfig{}) }

func TestWhatIsPublishedIsRecordedInOrder(t *testing.T) {
	rec := newRecorder()
	must(t, rec.Publish(t.Context(), orderPlaced{Order: "1"}))
	must(t, rec.Publish(t.Context(), orderPaid{Order: "1"}, event.WithUser("ann")))
	must(t, rec.Publish(t.Context(), map[string]any{"type": "order.placed", "order": "2", "cents": 7}))

	rec.Expect(t, orderPlaced{Order: "1"}, oxbowtest.Event(orderPaid{Order: "1"}, event.WithUser("ann")),
		map[string]any{"type": "order.placed", "order": "2", "cents": 7})
	oxbowtest.ExpectOf(t, rec, orderPlaced{Order: "1"}, orderPlaced{Order: "2", Cents: 7})
	if got := oxbowtest.Published[orderPaid](rec); len(got) != 1 || got[0].UserID != "ann" || got[0].Data.Order != "1" {
		t.Errorf("published %+v", got)
	}
	rec.Reset()
	rec.ExpectNone(t)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestARecorderStandsForAnApp(t *testing.T) {
	rec := newRecorder()
	app := appLike(rec.AsApp())
	first, err := app.Publish(t.Context(), orderPlaced{Order: "1"})
	must(t, err)
	second, err := app.Publish(t.Context(), orderPaid{Order: "1"})
	must(t, err)
	if first.First != 1 || second.First != 2 || second.Revisions["order-1"] != 2 {
		t.Errorf("receipts are %+v and %+v", first, second)
	}
	again := rec.Events()[0]
	if receipt, err := app.Publish(t.Context(), again); err != nil || !receipt.Repeated {
		t.Errorf("published again: %+v, %v; want a repeated receipt", receipt, err)
	}
	_, err = app.Commit(t.Context(), store.Commit{
		Items:      []store.ItemWrite{store.Put("b", "k", []byte("1"))},
		Conditions: []store.Condition{store.NoStream("order-1")},
	})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("a commit whose condition does not hold: %v; want a conflict", err)
	}
	rec.Expect(t, oxbowtest.Event(orderPlaced{Order: "1"}, event.WithStream("order-1")), orderPaid{Order: "1"})
	if got := rec.Commits(); len(got) != 2 || got[1].Events[0].Revision != 2 || got[1].Events[0].Position != 2 {
		t.Errorf("commits are %+v", got)
	}
}

func TestARecorderPassesOnWhatCommandsCommit(t *testing.T) {
	st := oxbowtest.Store(t)
	rec := oxbowtest.NewRecorder(oxbowtest.RecorderConfig{Registry: st.Registry(), Committer: st})
	b, err := cqrs.NewCommandBus(st, cqrs.Config{Committer: rec, NoLogging: true})
	must(t, err)
	must(t, cqrs.HandleCommand(b, place(st)))
	if _, err := b.Send(t.Context(), placeOrder{"42", 900}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Send(t.Context(), placeOrder{"42", 900}); !errors.Is(err, errKnown) {
		t.Errorf("sent again: %v, want %v", err, errKnown)
	}
	rec.Expect(t, orderPlaced{Order: "42", Cents: 900})
	if got := rec.Commits(); len(got) != 1 || len(got[0].Conditions) != 1 {
		t.Errorf("commits are %+v, want one with its condition", got)
	}
}

func TestARecorderHearsOfEachEventOnce(t *testing.T) {
	reg := &event.Registry{}
	must(t, event.Register[orderPlaced](reg))
	rec := oxbowtest.NewRecorder(oxbowtest.RecorderConfig{Registry: reg})
	driver := memory.New()
	defer driver.Close()
	app := oxbow.New(driver, oxbow.Config{Registry: reg, Hooks: rec.Hooks()})
	app.SubscribeTopic("**", rec.Deliver)
	if _, err := app.Publish(t.Context(), orderPlaced{Order: "1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Store().Append(t.Context(), orderPlaced{Order: "2"}); err != nil { // nobody is told
		t.Fatal(err)
	}
	must(t, app.Bus().Publish(t.Context(), orderPaid{Order: "3"})) // which is not stored
	rec.Expect(t, orderPlaced{Order: "1"}, orderPlaced{Order: "2"}, orderPaid{Order: "3"})
	events := rec.Events()
	if events[0].Position != 1 || events[1].Position != 2 || events[2].Position != 0 {
		t.Errorf("positions are %d, %d, %d; want 1, 2, 0", events[0].Position, events[1].Position, events[2].Position)
	}
	if _, ok := events[1].Data.(orderPlaced); !ok {
		t.Errorf("what was stored is a %T, want an orderPlaced", events[1].Data)
	}
}

func TestTheSamePublishedTwiceIsRecordedTwice(t *testing.T) {
	rec := newRecorder()
	e := event.Event[orderPlaced]{Metadata: event.Metadata{ID: oxbowtest.ID(1)}, Data: orderPlaced{Order: "1"}}
	must(t, rec.Publish(t.Context(), e))
	must(t, rec.Publish(t.Context(), e))
	rec.Expect(t, orderPlaced{Order: "1"}, orderPlaced{Order: "1"})
}

func TestARecorderFailsWhenItIsTold(t *testing.T) {
	rec := newRecorder()
	broken := errors.New("the broker is down")
	rec.FailWith(func(e event.Event[any]) error {
		if e.Type == "order.paid" {
			return broken
		}
		return nil
	})
	must(t, rec.Publish(t.Context(), orderPlaced{Order: "1"}))
	if err := rec.Publish(t.Context(), orderPaid{Order: "1"}); !errors.Is(err, broken) {
		t.Errorf("published: %v, want %v", err, broken)
	}
	if _, err := rec.AsApp().Publish(t.Context(), orderPaid{Order: "1"}); !errors.Is(err, broken) {
		t.Errorf("published with a receipt: %v, want %v", err, broken)
	}
	rec.FailWith(nil)
	must(t, rec.Publish(t.Context(), orderPaid{Order: "2"}))
	rec.Expect(t, orderPlaced{Order: "1"}, orderPaid{Order: "2"})
}

func TestWaitReturnsOnceThereAreEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := newRecorder()
		go func() {
			for _, data := range []any{orderPlaced{Order: "1"}, orderPaid{Order: "1"}, orderPlaced{Order: "2"}} {
				time.Sleep(time.Hour)
				_ = rec.Publish(context.Background(), data)
			}
		}()
		begin := time.Now()
		got, err := oxbowtest.Wait[orderPlaced](t.Context(), rec, 2)
		if err != nil || len(got) != 2 || got[1].Data.Order != "2" || time.Since(begin) != 3*time.Hour {
			t.Errorf("got %+v, %v after %v", got, err, time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = rec.Wait(ctx, 4)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("waited for too many: %v", err)
		}
		compareGolden(t, "wait", err.Error()+"\n")
	})
}

func TestWhatCausedWhatIsATree(t *testing.T) {
	rec := newRecorder()
	b := bus.New(bus.Config{})
	rec2 := oxbowtest.NewRecorder(oxbowtest.RecorderConfig{Publisher: b})
	_, err := bus.Subscribe(b, func(ctx context.Context, e event.Event[orderPlaced]) error {
		if err := rec2.Publish(ctx, orderPaid{Order: e.Data.Order}); err != nil {
			return err
		}
		return rec2.Publish(ctx, event.From("mail.sent", map[string]any{"to": "ann"}), event.WithStream("mail"))
	})
	must(t, err)
	_, err = b.SubscribeTopic("**", rec.Deliver)
	must(t, err)
	must(t, rec2.Publish(t.Context(), orderPlaced{Order: "1"}))
	must(t, rec2.Publish(t.Context(), orderPlaced{Order: "2"}))
	tree := `
		order.placed in order-1
		  order.paid in order-1
		  mail.sent in mail
		order.placed in order-2
		  order.paid in order-2
		  mail.sent in mail
	`
	rec2.ExpectTree(t, tree)
	if got := rec2.CausedBy(rec2.Events()[0].ID); len(got) != 2 || got[0].Type != "order.paid" {
		t.Errorf("caused %+v", got)
	}
	golden(t, "tree", func(t testing.TB) {
		rec2.ExpectTree(t, `
			order.placed in order-1
			  order.paid in order-1
			mail.sent in mail
		`)
	})
	golden(t, "recorder-other-data", func(t testing.TB) {
		rec2.Expect(t, orderPlaced{Order: "1"}, orderPaid{Order: "1"}, orderPaid{Order: "1", Cents: 900})
	})
	golden(t, "recorder-of-type", func(t testing.TB) { oxbowtest.ExpectOf(t, rec2, orderPaid{Order: "1"}) })
	golden(t, "recorder-none", func(t testing.TB) { rec2.ExpectNone(t) })
	golden(t, "recorder-nothing", func(t testing.TB) { newRecorder().Expect(t, orderPlaced{Order: "1"}) })
}

func TestMatchingSaysWhatCounts(t *testing.T) {
	rec := newRecorder()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	type line struct {
		Tea string
		At  time.Time
	}
	type shipped struct {
		Lines []line
		By    map[string]any
	}
	must(t, rec.Publish(t.Context(), shipped{Lines: []line{{"oolong", at}}, By: map[string]any{"at": 1, "who": "ann"}},
		event.WithTime(at), event.WithID(oxbowtest.ID(7)), event.WithTags("a:1", "b:2"), event.WithHeader("h", "1")))
	must(t, rec.Publish(t.Context(), orderPaid{Order: "1"}))
	other := shipped{Lines: []line{{Tea: "oolong"}}, By: map[string]any{"who": "ann"}}

	passes(t, func(t testing.TB) {
		rec.ExpectMatch(t, oxbowtest.Match{Ignore: []string{"Lines.*.At", "By.at"}}, other, orderPaid{Order: "1"})
		rec.ExpectMatch(t, oxbowtest.Match{Ignore: []string{"**.At", "**.at"}}, other, orderPaid{Order: "1"})
		rec.ExpectMatch(t, oxbowtest.Match{Ignore: []string{"**"}, AnyOrder: true}, orderPaid{}, oxbowtest.Event(shipped{},
			event.WithTime(at), event.WithID(oxbowtest.ID(7)), event.WithTags("b:2"), event.WithHeader("h", "1")))
	})
	for name, want := range map[string]any{
		"id":     oxbowtest.Event(shipped{}, event.WithID(oxbowtest.ID(8))),
		"time":   oxbowtest.Event(shipped{}, event.WithTime(at.Add(1))),
		"tag":    oxbowtest.Event(shipped{}, event.WithTags("c:3")),
		"header": oxbowtest.Event(shipped{}, event.WithHeader("h", "2")),
		"stream": oxbowtest.Event(shipped{}, event.WithStream("elsewhere")),
		"type":   event.From("shipped.not", nil),
	} {
		said := failures(t, func(t testing.TB) {
			rec.ExpectMatch(t, oxbowtest.Match{Ignore: []string{"**"}}, want, orderPaid{})
		})
		if len(said) != 1 {
			t.Errorf("%s: said %q, want one failure", name, said)
		}
	}
	golden(t, "match-any-order", func(t testing.TB) {
		rec.ExpectMatch(t, oxbowtest.Match{AnyOrder: true, Ignore: []string{"**.At"}}, orderPaid{Order: "2"},
			oxbowtest.Event(other, event.WithTime(at), event.WithTags("c:3")), orderPlaced{})
	})
	golden(t, "match-bad-path", func(t testing.TB) { rec.ExpectMatch(t, oxbowtest.Match{Ignore: []string{"a..b"}}) })
}

func TestARecorderStandsForThePublisherOfAService(t *testing.T) {
	rec := newRecorder()
	handler := orderPage(rec)
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/orders/42", nil))
	rec.Expect(t, orderPlaced{Order: "42"})
}

func orderPage(p oxbowtest.Publisher) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		if err := p.Publish(r.Context(), orderPlaced{Order: r.PathValue("id")}); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	return mux
}
