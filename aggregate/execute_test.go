package aggregate_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

func TestExecuteAppendsWhatWasDecidedAndReturnsIt(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", open{})
	if _, err := st.Append(t.Context(), event.From("something.else", nil)); err != nil {
		t.Fatal(err)
	}
	got := execute(t, repo, "42", raw{events: []any{deposited{900}, withdrawn{200}}})

	if got.State.Balance != 700 || got.Revision != 3 || got.Position != 4 || got.Repeated {
		t.Errorf("result is %+v", got)
	}
	if loaded := load(t, repo, "42"); loaded.State.Balance != 700 || loaded.Revision != got.Revision || loaded.Position != got.Position {
		t.Errorf("loaded %+v, want what the result said", loaded)
	}
	i := 0
	for rec, err := range st.Read(t.Context(), store.Query{Any: []store.Filter{{Stream: "account-42", AfterRevision: 1}}}) {
		if err != nil {
			t.Fatal(err)
		}
		if e := got.Events[i]; e.ID != rec.ID || e.Place != rec.Place || e.Type != rec.Type {
			t.Errorf("result has the event %+v, the store %+v", e, rec)
		}
		if rec.AggregateType != "account" || rec.AggregateID != "42" {
			t.Errorf("the record is about %q %q", rec.AggregateType, rec.AggregateID)
		}
		i++
	}
	if i != 2 || got.Events[0].Data != (deposited{900}) {
		t.Errorf("%d events were stored; the first in the result is %+v", i, got.Events[0].Data)
	}
}

func TestRefusalIsReturnedAsItIsAndWritesNothing(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	if _, err := repo.Execute(t.Context(), "42", withdraw{1}); err != errClosed {
		t.Errorf("error is %v, want Decide's own", err)
	}
	conflict := &store.ConflictError{Want: "something of the program's own"}
	calls := 0
	d := accounts
	d.Decide = func(account, any) ([]any, error) { calls++; return []any{opened{}}, conflict }
	other, err := aggregate.New(st, "account", d, aggregate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Execute(t.Context(), "42", open{}); err != conflict || calls != 1 {
		t.Errorf("error is %v after %d calls of Decide, want its own after 1, though it looks like a conflict", err, calls)
	}
	if spy.appends.Load() != 0 || head(t, st) != 0 {
		t.Errorf("%d appends", spy.appends.Load())
	}
}

func TestNoEventsWriteNothing(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	before := execute(t, repo, "42", open{})
	got := execute(t, repo, "42", open{})
	if spy.appends.Load() != 1 || len(got.Events) != 0 || got.Revision != 1 || got.Position != before.Position {
		t.Errorf("%d appends, result %+v; want the aggregate as it was", spy.appends.Load(), got)
	}
}

// interfere makes the driver append an event to account-42 right before each of the first n appends of others.
func interfere(t *testing.T, spy *spy, n int) {
	others := store.New(spy.Driver, store.Config{})
	spy.beforeAppend = func(store.Commit) {
		if n--; n < 0 {
			return
		}
		if _, err := others.AppendTo(t.Context(), "account-42", []any{withdrawn{100}}); err != nil {
			t.Error(err)
		}
	}
}

func TestConflictIsDecidedAnew(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", open{}, deposit{1000})
	interfere(t, spy, 3)
	got := execute(t, repo, "42", withdraw{700})
	if got.State.Balance != 0 || got.Revision != 6 {
		t.Errorf("result is %+v, want it decided upon what the others appended", got.Loaded)
	}

	interfere(t, spy, 0)
	execute(t, repo, "42", deposit{750})
	interfere(t, spy, 1)
	if _, err := repo.Execute(t.Context(), "42", withdraw{700}); err != errFunds {
		t.Errorf("error is %v, want the refusal that follows from what others appended", err)
	}
}

func TestSpentAttemptsReturnTheConflict(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", open{}, deposit{1000})
	interfere(t, spy, 100)
	for _, c := range []struct {
		want int64
		opts []aggregate.Option
	}{
		{10, nil},
		{2, []aggregate.Option{aggregate.WithAttempts(2)}},
		{1, []aggregate.Option{aggregate.WithAttempts(1)}},
	} {
		before := spy.appends.Load()
		_, err := repo.Execute(t.Context(), "42", deposit{1}, c.opts...)
		var conflict *store.ConflictError
		if !errors.Is(err, store.ErrConflict) || !errors.As(err, &conflict) || conflict.Stream != "account-42" {
			t.Errorf("error is %v, want the conflict", err)
		}
		if n := spy.appends.Load() - before; n != c.want {
			t.Errorf("%d attempts, want %d", n, c.want)
		}
	}
}

func TestAttemptsWaitLongerEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, spy := newStore(t)
		repo := newAccounts(t, st, aggregate.Config{})
		execute(t, repo, "42", open{}, deposit{1000})
		interfere(t, spy, 100)
		began := time.Now()
		if _, err := repo.Execute(t.Context(), "42", deposit{1}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("error is %v", err)
		}
		longest := (1 + 2 + 4 + 8 + 16 + 32 + 64 + 100 + 100) * time.Millisecond
		if waited := time.Since(began); waited < longest/2 || waited > longest {
			t.Errorf("waited %v, want between half and the whole of %v", waited, longest)
		}
	})
}

func TestContextEndsTheWaitBetweenAttempts(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", open{}, deposit{1000})
	ctx, cancel := context.WithCancel(t.Context())
	others := store.New(spy.Driver, store.Config{})
	spy.beforeAppend = func(store.Commit) {
		if _, err := others.AppendTo(t.Context(), "account-42", []any{deposited{1}}); err != nil {
			t.Error(err)
		}
	}
	d := accounts
	d.Decide = func(a account, c any) ([]any, error) {
		if a.Balance == 1002 {
			cancel()
		}
		return decide(a, c)
	}
	impatient, err := aggregate.New(st, "account", d, aggregate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := impatient.Execute(ctx, "42", deposit{5}, aggregate.WithAttempts(1_000_000)); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want the context's", err)
	}
	if got := load(t, repo, "42"); got.State.Balance > 1003 {
		t.Errorf("balance is %d: it was tried again after the context had ended", got.State.Balance)
	}
}

// Sixteen writers each take what they can get, one cent at a time, from an account that has less than they want.
func TestWritersOfOneAggregateNeverBreakItsRule(t *testing.T) {
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	repo := newAccounts(t, st, aggregate.Config{Snapshots: aggregate.Snapshots{Every: 10}})
	execute(t, repo, "42", open{}, deposit{100})

	const writers, tries = 16, 12
	var mu sync.Mutex
	outcomes := map[error]int64{}
	var work sync.WaitGroup
	for range writers {
		work.Go(func() {
			for range tries {
				_, err := repo.Execute(t.Context(), "42", withdraw{1})
				if errors.Is(err, store.ErrConflict) {
					err = store.ErrConflict
				}
				mu.Lock()
				outcomes[err]++
				mu.Unlock()
			}
		})
	}
	work.Wait()

	got := load(t, repo, "42")
	if total := outcomes[nil] + outcomes[errFunds] + outcomes[store.ErrConflict]; total != writers*tries {
		t.Errorf("outcomes are %v, want only successes, refusals and conflicts", outcomes)
	}
	if outcomes[nil] == 0 || got.State.Balance != 100-outcomes[nil] || got.State.Balance < 0 || got.Revision != 2+uint64(outcomes[nil]) {
		t.Errorf("%d withdrawals succeeded and left %+v", outcomes[nil], got)
	}
	for revision := uint64(2); revision <= got.Revision; revision++ {
		then, err := repo.LoadAt(t.Context(), "42", revision)
		if err != nil || then.State.Balance < 0 {
			t.Fatalf("at revision %d: %+v, %v", revision, then, err)
		}
	}
}

// With attempts enough, sixteen writers all succeed.
func TestWritersOfOneAggregateAllSucceedInTheEnd(t *testing.T) {
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	repo := newAccounts(t, st, aggregate.Config{})
	var work sync.WaitGroup
	for range 16 {
		work.Go(func() {
			for range 4 {
				if _, err := repo.Execute(t.Context(), "42", deposit{1}, aggregate.WithAttempts(1000)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	if got := load(t, repo, "42"); got.State.Balance != 64 || got.Revision != 64 {
		t.Errorf("loaded %+v, want all 64 deposits", got)
	}
}

func TestWhatCouldNotBeReadAgainIsNotWritten(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	whole := func(data any, opts ...event.Option) event.Event[any] {
		e, err := event.New(t.Context(), data, opts...)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for name, c := range map[string]struct {
		decided any
		is      error
		want    string
	}{
		"a type that is not listed":  {event.From("account.frozen", nil), aggregate.ErrUnknownEvent, "account.frozen, which is not among the decider's Events"},
		"nothing":                    {nil, event.ErrInvalid, "data"},
		"another stream":             {whole(deposited{1}, event.WithStream("account-43")), event.ErrInvalid, `stream: is "account-43"`},
		"another aggregate":          {event.Event[any]{Metadata: event.Metadata{AggregateID: "43"}, Data: deposited{1}}, event.ErrInvalid, `aggregate id: is "43"`},
		"data that do not come back": {event.From("deposited", map[string]any{"Cents": "many"}), nil, "decode deposited"},
	} {
		_, err := repo.Execute(t.Context(), "42", raw{events: []any{deposited{5}, c.decided}})
		if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want it to say %q", name, err, c.want)
		}
	}
	if spy.appends.Load() != 0 {
		t.Errorf("%d appends", spy.appends.Load())
	}

	got := execute(t, repo, "42", raw{events: []any{
		event.From("deposited", map[string]any{"Cents": 7}),
		&deposited{1},
		event.Event[deposited]{Metadata: event.Metadata{Tags: []string{"a"}}, Data: deposited{2}},
	}})
	if got.State.Balance != 10 || got.Events[0].Data != (deposited{7}) || len(got.Events[2].Tags) != 1 {
		t.Errorf("result is %+v", got)
	}
}

func TestDecidedEventsNameTheirCause(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	cause := event.Cause{ID: event.NewID(), CorrelationID: event.NewID(), UserID: "ann"}
	got, err := repo.Execute(event.WithCause(t.Context(), cause), "42", open{})
	if err != nil {
		t.Fatal(err)
	}
	if e := got.Events[0]; e.CausationID != cause.ID || e.CorrelationID != cause.CorrelationID || e.UserID != "ann" {
		t.Errorf("event is %+v", e.Metadata)
	}
}

func TestBadIDsAreRefused(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	for _, id := range []string{"", "a\nb", strings.Repeat("x", 250)} {
		if _, err := repo.Execute(t.Context(), id, open{}); !errors.Is(err, event.ErrInvalid) {
			t.Errorf("execute on %q: error is %v", id, err)
		}
		if _, err := repo.Load(t.Context(), id); !errors.Is(err, event.ErrInvalid) {
			t.Errorf("load %q: error is %v", id, err)
		}
	}
	for _, opt := range []aggregate.Option{aggregate.WithAttempts(0), aggregate.WithCommandID(event.ID{})} {
		if _, err := repo.Execute(t.Context(), "42", open{}, opt); !errors.Is(err, event.ErrInvalid) {
			t.Errorf("error is %v, want a bad option refused", err)
		}
	}
	if spy.appends.Load() != 0 {
		t.Errorf("%d appends", spy.appends.Load())
	}
}
