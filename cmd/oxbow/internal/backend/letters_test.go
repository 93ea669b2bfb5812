package backend_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/server"
	"github.com/oxbow-events/oxbow/store"
)

// park makes dead letters at the positions 1 to n, of a third as many keys.
func park(t *testing.T, st *store.Store, consumer string, n int) {
	t.Helper()
	var c parked.Change
	for i := range n {
		l := parked.Letter{
			Record: event.Record{
				Metadata: event.Metadata{ID: event.NewID(), Type: "order.placed", Version: 1, ContentType: "application/json", Time: time.Unix(1, 0).UTC()},
				Place:    event.Place{Stream: fmt.Sprint("order-", i%(n/3)), Revision: 1, Position: event.Position(i + 1)},
				Data:     fmt.Appendf(nil, " { \"n\": %d, \"t\": \"<&>\u2028\" }\n", i),
			},
			Key: fmt.Sprint("key/", i%(n/3)), State: parked.Failed, Error: "refused <>", Stack: "stack", Attempts: 3,
			First: time.Unix(int64(i), 0).UTC(), Last: time.Unix(int64(i), 1).UTC(),
		}
		if i >= n/3 {
			l.State = parked.Waiting
		}
		c.Park = append(c.Park, l)
	}
	w, err := parked.Writes(consumer, parked.Count{}, c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Commit(t.Context(), store.Commit{Items: w.Items, Conditions: w.Conditions}); err != nil {
		t.Fatal(err)
	}
}

// lettersOf returns the same letters, near and far.
func lettersOf(t *testing.T, p pair, consumer string) [2]backend.Letters {
	t.Helper()
	var both [2]backend.Letters
	for i, b := range []backend.Backend{p.near, p.far} {
		var err error
		if both[i], err = b.Letters(consumer); err != nil {
			t.Fatal(err)
		}
	}
	return both
}

// expectSame compares what two calls return.
func expectSame[T any](t *testing.T, what string, near, far T, errNear, errFar error) {
	t.Helper()
	if errNear != nil || errFar != nil {
		t.Errorf("%s: %v near, %v far", what, errNear, errFar)
	}
	if diff := cmp.Diff(near, far, compareIDs, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: near (-) and far (+) differ:\n%s", what, diff)
	}
}

func TestDeadLettersBehindAServerAreTheSame(t *testing.T) {
	for _, consumer := range []string{"billing", "a/b é?#%"} {
		p := newPair(t, server.Config{})
		park(t, p.store, consumer, 1200)
		l := lettersOf(t, p, consumer)
		ctx := t.Context()

		expectSame(t, "consumers", collect(t, p.near.Consumers(ctx)), collect(t, p.far.Consumers(ctx)), nil, nil)
		near, errNear := l[0].Count(ctx)
		far, errFar := l[1].Count(ctx)
		expectSame(t, "count", near, far, errNear, errFar)
		for _, f := range []deadletter.Filter{
			{},
			{Key: "key/7"},
			{Stream: "order-7", Types: []string{"order.placed", "x"}, Error: "<>", State: deadletter.Waiting},
			{Position: 9},
			{After: 10, Before: 1000, Since: time.Unix(20, 5), Until: time.Unix(900, 0)},
		} {
			for cursor := store.Position(0); ; {
				near, errNear := l[0].List(ctx, f, 500, cursor)
				far, errFar := l[1].List(ctx, f, 500, cursor)
				expectSame(t, fmt.Sprintf("%+v", f), near, far, errNear, errFar)
				if cursor = near.Next; cursor == 0 {
					break
				}
			}
		}
		for _, edit := range []deadletter.Change{
			{Data: []byte("{\"n\": [1 , 2]}"), By: "ann", Why: "<why>"},
			{Headers: map[string]string{"a": "1"}, By: "ann", Why: "w"},
			{Headers: map[string]string{}, By: "ann", Why: "w"},
		} {
			if _, err := l[1].Edit(ctx, 401, edit); err != nil {
				t.Fatal(err)
			}
			near, errNear := l[0].Get(ctx, 401)
			far, errFar := l[1].Get(ctx, 401)
			expectSame(t, "an edited letter", near, far, errNear, errFar)
		}
		for edits := range 4 {
			near, errNear := l[0].Data(ctx, 401, edits)
			far, errFar := l[1].Data(ctx, 401, edits)
			expectSame(t, "data", string(near), string(far), errNear, errFar)
		}
		all := deadletter.Options{All: true, By: "ann", Why: "w", DryRun: true, Limit: 70}
		for _, f := range []deadletter.Filter{{}, {State: deadletter.Waiting}, {After: 1, Before: 700}} {
			near, errNear := l[0].Redrive(ctx, f, all)
			far, errFar := l[1].Redrive(ctx, f, all)
			expectSame(t, "a redrive", near, far, errNear, errFar)
			near, errNear = l[0].Discard(ctx, f, all)
			far, errFar = l[1].Discard(ctx, f, all)
			expectSame(t, "a discard", near, far, errNear, errFar)
		}
		all.DryRun = false
		if report, err := l[1].Redrive(ctx, deadletter.Filter{}, all); err != nil || report.Keys != 400 || report.Letters != 1200 {
			t.Errorf("redriven: %+v (%v)", report, err)
		}
		if report, err := l[1].Discard(ctx, deadletter.Filter{After: 100}, all); err != nil || report.Letters != 1100 {
			t.Errorf("discarded: %+v (%v)", report, err)
		}
		for before := uint64(0); ; {
			near, errNear := l[0].Journal(ctx, before, 10)
			far, errFar := l[1].Journal(ctx, before, 10)
			expectSame(t, "journal", near, far, errNear, errFar)
			if before = near.Next; before == 0 {
				break
			}
		}
	}
}

func TestDeadLettersBehindAServerRefuseTheSame(t *testing.T) {
	p := newPair(t, server.Config{})
	park(t, p.store, "billing", 9)
	if _, err := p.store.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{store.Put(parked.Letters("billing"), parked.LetterKey(2), []byte("?"))}}); err != nil {
		t.Fatal(err)
	}
	both := lettersOf(t, p, "billing")
	near, errNear := both[0].List(t.Context(), deadletter.Filter{Before: 4}, 0, 0)
	far, errFar := both[1].List(t.Context(), deadletter.Filter{Before: 4}, 0, 0)
	expectSame(t, "letters", near.Letters, far.Letters, errNear, errFar)
	expectSame(t, "damage", near.Damaged[0].Error(), far.Damaged[0].Error(), nil, nil)
	for where, l := range both {
		get := func(at store.Position) error { _, err := l.Get(t.Context(), at); return err }
		change := func(at store.Position, c deadletter.Change) error { _, err := l.Edit(t.Context(), at, c); return err }
		_, redriven := l.Redrive(t.Context(), deadletter.Filter{}, deadletter.Options{By: "ann"})
		_, listed := l.List(t.Context(), deadletter.Filter{State: "dead"}, 0, 0)
		for _, c := range []struct {
			what      string
			err, want error
		}{
			{"no letter", get(77), deadletter.ErrNone},
			{"no letter to edit", change(77, deadletter.Change{Data: []byte("1"), By: "a", Why: "w"}), deadletter.ErrNone},
			{"damaged", get(2), store.ErrDamaged},
			{"bad data", change(1, deadletter.Change{Data: []byte("{"), By: "a", Why: "w"}), event.ErrInvalid},
			{"stale", change(1, deadletter.Change{Data: []byte("1"), By: "a", Why: "w", Revision: 999}), store.ErrConflict},
			{"everything", redriven, event.ErrInvalid},
			{"bad state", listed, event.ErrInvalid},
		} {
			if !errors.Is(c.err, c.want) {
				t.Errorf("%d, %s: %v, want %v", where, c.what, c.err, c.want)
			}
		}
	}
	if _, err := p.far.Letters(""); !errors.Is(err, event.ErrInvalid) {
		t.Errorf("no name: %v", err)
	}
}

func TestAServerCannotSendACommandInCircles(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/journal"):
			fmt.Fprint(w, `{"entries":[{"number":5}],"next":5}`)
		case r.Method == http.MethodPost:
			fmt.Fprint(w, `{"next":5}`)
		case strings.HasSuffix(r.URL.Path, "/deadletters"):
			fmt.Fprint(w, `{"consumers":[{"name":"b"}],"next":"x"}`)
		default:
			fmt.Fprint(w, `{"letters":[],"cursor":5}`)
		}
	}))
	defer web.Close()
	remote := dial(t, web.URL)
	l, err := remote.Letters("billing")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Redrive(t.Context(), deadletter.Filter{}, deadletter.Options{All: true, By: "ann"}); err == nil || !strings.Contains(err.Error(), "leads back") {
		t.Errorf("a redrive: %v", err)
	}
	if _, err := l.List(t.Context(), deadletter.Filter{}, 10, 5); err == nil || !strings.Contains(err.Error(), "leads back") {
		t.Errorf("a list: %v", err)
	}
	if _, err := l.Journal(t.Context(), 5, 10); err == nil || !strings.Contains(err.Error(), "leads back") {
		t.Errorf("a journal: %v", err)
	}
	for _, err = range remote.Consumers(t.Context()) {
		if err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("consumers: %v", err)
	}
}
