package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// rival acts before each append that writes metadata.
type rival struct {
	store.Driver
	act func(c store.Commit)
}

func (d *rival) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if d.act != nil && len(c.Items) > 0 && c.Items[0].Bucket == store.StreamBucket {
		d.act(c)
	}
	return d.Driver.Append(ctx, c)
}

// contested returns a store, and the same without the rival.
func contested(t *testing.T) (st, quiet *store.Store, r *rival) {
	d := memory.New()
	r = &rival{Driver: d}
	st, quiet = store.New(r, store.Config{}), store.New(d, store.Config{})
	t.Cleanup(func() { st.Close() })
	return st, quiet, r
}

func metaOf(t *testing.T, st *store.Store, stream string) (store.StreamMeta, uint64) {
	t.Helper()
	m, at, err := st.StreamMeta(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return m, at
}

func revisionOf(t *testing.T, st *store.Store, stream string) uint64 {
	t.Helper()
	revision, err := st.StreamRevision(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

func TestSetStreamMetaChangesLimitsOnly(t *testing.T) {
	st, ctx := newStore(t), t.Context()
	if m, at := metaOf(t, st, "order-42"); m != (store.StreamMeta{}) || at != 0 {
		t.Errorf("without metadata: %+v at %d", m, at)
	}
	appended(t, st, orderPlaced{"42", 1}, orderPaid{"42"})
	if _, err := st.DeleteStream(ctx, "order-42"); err != nil {
		t.Fatal(err)
	}
	limits := store.StreamMeta{MaxAge: time.Hour, MaxCount: 7, Before: 2}
	receipt, err := st.SetStreamMeta(ctx, "order-42", limits)
	if err != nil {
		t.Fatal(err)
	}
	limits.Deleted = 2
	if m, at := metaOf(t, st, "order-42"); m != limits || at != receipt.ItemRevision {
		t.Errorf("the metadata are %+v at %d, want %+v at %d", m, at, limits, receipt.ItemRevision)
	}
	if _, err := st.SetStreamMeta(ctx, "other", store.StreamMeta{MaxCount: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.SetStreamMeta(ctx, "other", store.StreamMeta{}); err != nil {
		t.Fatal(err)
	}
	if m, at := metaOf(t, st, "other"); m != (store.StreamMeta{}) || at != 0 {
		t.Errorf("after setting none: %+v at %d", m, at)
	}
}

func TestSetStreamMetaRefusesByName(t *testing.T) {
	st := newStore(t)
	for field, m := range map[string]store.StreamMeta{
		"max_age": {MaxAge: -1}, "tombstone": {Tombstone: true}, "deleted": {Deleted: 1}, "before": {Before: 1 << 63},
	} {
		var facts *event.InvalidError
		if _, err := st.SetStreamMeta(t.Context(), "s", m); !errors.As(err, &facts) || facts.Field != field {
			t.Errorf("%+v: %v, want a refusal of %s", m, err, field)
		}
	}
	for _, err := range []error{
		second(st.SetStreamMeta(t.Context(), "", store.StreamMeta{})), second(st.DeleteStream(t.Context(), "a\nb")),
		second(st.TombstoneStream(t.Context(), "")), second(st.StreamRevision(t.Context(), "")),
	} {
		if !errors.Is(err, event.ErrInvalid) {
			t.Errorf("a bad name: %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestStreamRevisionIsThatOfTheNewestEventAlsoWhenItIsGone(t *testing.T) {
	st, ctx := newStore(t), t.Context()
	old, err := event.New(ctx, orderPlaced{"42", 1}, event.WithTime(time.Now().Add(-time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	appended(t, st, old, old.Data)
	if _, err := st.SetStreamMeta(ctx, "order-42", store.StreamMeta{MaxAge: time.Minute, Before: 3}); err != nil {
		t.Fatal(err)
	}
	if rs := all(t, st.Read(ctx, store.Stream("order-42"))); len(rs) != 0 || revisionOf(t, st, "order-42") != 2 {
		t.Errorf("%d records are left, and the revision is %d, want 2", len(rs), revisionOf(t, st, "order-42"))
	}
	if revisionOf(t, st, "none") != 0 {
		t.Errorf("a stream that does not exist is at %d", revisionOf(t, st, "none"))
	}
	if head, err := st.Head(ctx); head != 2 || err != nil {
		t.Errorf("asking has changed the head to %d, %v", head, err)
	}
}

func TestDeleteStreamKeepsLimits(t *testing.T) {
	st, ctx := newStore(t), t.Context()
	appended(t, st, orderPlaced{"42", 1}, orderPaid{"42"})
	if _, err := st.SetStreamMeta(ctx, "order-42", store.StreamMeta{MaxCount: 1, MaxAge: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.DeleteStream(ctx, "order-42"); err != nil {
		t.Fatal(err)
	}
	want := store.StreamMeta{MaxCount: 1, MaxAge: time.Hour, Deleted: 2}
	if m, _ := metaOf(t, st, "order-42"); m != want {
		t.Errorf("the metadata are %+v, want %+v", m, want)
	}
	if receipt := appended(t, st, orderPaid{"42"}); receipt.Revisions["order-42"] != 3 || revisionOf(t, st, "order-42") != 3 {
		t.Errorf("begun again at %v, %d", receipt.Revisions, revisionOf(t, st, "order-42"))
	}
}

func TestDeletingAStreamThatDoesNotExistChangesNothing(t *testing.T) {
	st, ctx := newStore(t), t.Context()
	if _, err := st.DeleteStream(ctx, "none"); err != nil {
		t.Fatal(err)
	}
	if m, at := metaOf(t, st, "none"); m != (store.StreamMeta{}) || at != 0 {
		t.Errorf("the metadata are %+v at %d", m, at)
	}
	if _, err := st.DeleteStream(ctx, "none", store.StreamExists("none")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("on the condition that it exists: %v", err)
	}
	appended(t, st, orderPlaced{"42", 1})
	for range 2 {
		if _, err := st.DeleteStream(ctx, "order-42"); err != nil {
			t.Fatal(err)
		}
	}
	if m, _ := metaOf(t, st, "order-42"); m.Deleted != 1 {
		t.Errorf("deleted twice: %+v", m)
	}
}

func TestDeleteStreamTriesAgainWhenSomebodyWasFaster(t *testing.T) {
	st, quiet, r := contested(t)
	appended(t, quiet, orderPlaced{"42", 1})
	calls := 0
	r.act = func(store.Commit) {
		switch calls++; calls {
		case 1:
			appended(t, quiet, orderPaid{"42"})
		case 2:
			if _, err := quiet.SetStreamMeta(t.Context(), "order-42", store.StreamMeta{MaxCount: 5}); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := st.DeleteStream(t.Context(), "order-42"); err != nil {
		t.Fatal(err)
	}
	if m, _ := metaOf(t, st, "order-42"); m != (store.StreamMeta{MaxCount: 5, Deleted: 2}) || calls != 3 {
		t.Errorf("the metadata are %+v after %d attempts", m, calls)
	}
}

func TestDeleteStreamGivesUpInTheEnd(t *testing.T) {
	st, quiet, r := contested(t)
	appended(t, quiet, orderPlaced{"42", 1})
	calls := 0
	r.act = func(store.Commit) {
		calls++
		appended(t, quiet, orderPaid{"42"})
	}
	if _, err := st.DeleteStream(t.Context(), "order-42"); !errors.Is(err, store.ErrConflict) || calls != 10 {
		t.Errorf("%v after %d attempts, want a conflict after 10", err, calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.act = func(store.Commit) { appended(t, quiet, orderPaid{"42"}); cancel() }
	if _, err := st.DeleteStream(ctx, "order-42"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
}

func TestTheCallersOwnConditionsAreNotTriedAgain(t *testing.T) {
	st, quiet, r := contested(t)
	appended(t, quiet, orderPlaced{"42", 1})
	calls := 0
	r.act = func(store.Commit) { calls++ }
	for _, condition := range []store.Condition{
		store.AtRevision("order-42", 7), store.NoStream("order-42"), store.StreamExists("other"),
		store.ItemAt(store.StreamBucket, "order-42", 7), store.NoneAfter(0, store.Filter{Stream: "order-42"}),
	} {
		for name, change := range map[string]func(context.Context, string, ...store.Condition) (store.Receipt, error){
			"delete": st.DeleteStream, "tombstone": st.TombstoneStream,
		} {
			calls = 0
			if _, err := change(t.Context(), "order-42", condition); !errors.Is(err, store.ErrConflict) || calls != 1 {
				t.Errorf("%s if %+v: %v after %d attempts", name, condition, err, calls)
			}
		}
	}
	if _, err := st.DeleteStream(t.Context(), "order-42", store.AtRevision("order-42", 1)); err != nil {
		t.Error(err)
	}
}

func TestTombstonedStreamTakesNothing(t *testing.T) {
	st, ctx := newStore(t), t.Context()
	appended(t, st, orderPlaced{"42", 1})
	for _, stream := range []string{"order-42", "order-43"} {
		if _, err := st.TombstoneStream(ctx, stream); err != nil {
			t.Fatal(err)
		}
	}
	for name, err := range map[string]error{
		"append":          second(st.Append(ctx, orderPlaced{"42", 1})),
		"append to other": second(st.Append(ctx, orderPlaced{"1", 1}, orderPlaced{"43", 1})),
		"set":             second(st.SetStreamMeta(ctx, "order-42", store.StreamMeta{})),
		"delete":          second(st.DeleteStream(ctx, "order-42")),
		"tombstone":       second(st.TombstoneStream(ctx, "order-42")),
	} {
		var facts *store.TombstoneError
		if !errors.Is(err, store.ErrTombstone) || errors.Is(err, store.ErrConflict) || !errors.As(err, &facts) || facts.Stream == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMetadataThatCannotBeReadAreDamage(t *testing.T) {
	st := store.New(badMeta{memory.New()}, store.Config{})
	defer st.Close()
	if _, _, err := st.StreamMeta(t.Context(), "s"); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("%v, want damage", err)
	}
}

type badMeta struct{ store.Driver }

func (badMeta) Get(context.Context, string, string) (store.Item, error) {
	return store.Item{Value: []byte("?"), Revision: 1}, nil
}
