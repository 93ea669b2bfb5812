package remotestore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/remotestore"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
	"github.com/oxbow-events/oxbow/store/storetest"
)

// serve serves the driver until the test ends.
func serve(t *testing.T, d store.Driver) (address string) {
	t.Helper()
	address, stop, err := remotestore.Serve(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		d.Close()
	})
	return address
}

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Harness{Open: func(t *testing.T) store.Driver { return remotestore.Dial(serve(t, memory.New())) }})
}

func TestNobodyHasARemoteStoreAlone(t *testing.T) {
	st := store.New(remotestore.Dial(serve(t, memory.New())), store.Config{})
	defer st.Close()
	if opening, ok := st.Exclusive(); ok {
		t.Errorf("the store is said to be one process's alone: %s", opening)
	}
}

func TestClientsShareTheStore(t *testing.T) {
	address := serve(t, memory.New())
	a, b := remotestore.Dial(address), remotestore.Dial(address)
	defer a.Close()
	defer b.Close()
	heads := make(chan store.Position, 1)
	go func() {
		head, err := b.Wait(t.Context(), 0)
		if err != nil {
			t.Error(err)
		}
		heads <- head
	}()
	if _, err := store.New(a, store.Config{}).Append(t.Context(), event.From("order.placed", map[string]any{"n": 1})); err != nil {
		t.Fatal(err)
	}
	if head := <-heads; head != 1 {
		t.Errorf("the other client waited for position %d, want 1", head)
	}
	a.Close()
	if _, err := b.Head(t.Context()); err != nil {
		t.Errorf("after one client closed, the other gets %v", err)
	}
}

// failing returns an error from every call.
type failing struct {
	store.Driver
	err error
}

func (d failing) Append(context.Context, store.Commit) (store.Receipt, error) {
	return store.Receipt{}, d.err
}

func TestErrorsKeepWhatTheyAre(t *testing.T) {
	conflict := &store.ConflictError{Bucket: "b", Key: "k", Want: "revision 1", Got: "revision 7", GotRevision: 7, GotPosition: 3, ID: "x", Stream: "s"}
	for _, want := range []error{
		store.ErrClosed, store.ErrInUse, store.ErrDamaged, store.ErrFailed, store.ErrConflict, store.ErrTombstone, event.ErrInvalid,
		conflict, &store.TombstoneError{Stream: "user-42"}, event.Invalid("stream", "is empty"),
	} {
		d := remotestore.Dial(serve(t, failing{memory.New(), fmt.Errorf("append 7 events: %w", want)}))
		_, err := d.Append(t.Context(), store.Commit{Items: []store.ItemWrite{store.Put("b", "k", nil)}})
		if err == nil || err.Error() != "append 7 events: "+want.Error() {
			t.Errorf("%v came as %v", want, err)
		}
		sentinel := want
		for _, s := range []error{store.ErrConflict, store.ErrTombstone, event.ErrInvalid} {
			if errors.Is(want, s) {
				sentinel = s
			}
		}
		if !errors.Is(err, sentinel) {
			t.Errorf("%v does not answer to %v any more", err, sentinel)
		}
		if found := (*store.ConflictError)(nil); want == error(conflict) && (!errors.As(err, &found) || *found != *conflict) {
			t.Errorf("the conflict's facts came as %+v", found)
		}
		if found := (*event.InvalidError)(nil); errors.As(want, &found) && (!errors.As(err, &found) || found.Field != "stream") {
			t.Errorf("the refused field came as %+v", found)
		}
		d.Close()
	}
}

func TestAStoreThatIsNotServedIsNoStoreThatIsClosed(t *testing.T) {
	address, stop, err := remotestore.Serve(memory.New())
	if err != nil {
		t.Fatal(err)
	}
	d := remotestore.Dial(address)
	defer d.Close()
	waiting := make(chan error, 1)
	go func() {
		_, err := d.Wait(t.Context(), 0)
		waiting <- err
	}()
	if err := stop(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-waiting; err == nil || errors.Is(err, store.ErrClosed) || errors.Is(err, context.Canceled) {
			t.Errorf("a call got %v, want another error than if the caller had ended it", err)
		}
		_, err := d.Head(t.Context())
		waiting <- err
	}
}
