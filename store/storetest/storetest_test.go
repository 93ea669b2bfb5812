package storetest_test

import (
	"context"
	"iter"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
	"github.com/oxbow-events/oxbow/store/storetest"
)

func TestConformanceOfAStoreThatSurvivesClosing(t *testing.T) {
	storetest.Run(t, surviving)
}

// surviving opens stores in memory that pretend to have been written to a file.
var surviving = storetest.Harness{
	Open: func(*testing.T) store.Driver { return newSession(memory.New()) },
	Reopen: func(t *testing.T, d store.Driver) store.Driver {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		return newSession(d.(*session).data)
	},
}

// session is one opening of data that outlive it.
type session struct {
	id    event.ID
	data  *memory.Memory
	life  context.Context // over when the session is closed
	close context.CancelFunc
}

func newSession(data *memory.Memory) *session {
	life, cancel := context.WithCancel(context.Background())
	return &session{id: event.NewID(), data: data, life: life, close: cancel}
}

func (s *session) Close() error {
	s.close()
	return nil
}

func (s *session) Opened() event.ID { return s.id }

// within returns a context that ends with ctx and with the session.
func (s *session) within(ctx context.Context) (within context.Context, stop func()) {
	within, cancel := context.WithCancel(ctx)
	unlink := context.AfterFunc(s.life, cancel)
	if s.life.Err() != nil {
		cancel() // at once: AfterFunc takes its time
	}
	return within, func() { unlink(); cancel() }
}

func (s *session) result(err error) error {
	if err != nil && s.life.Err() != nil {
		return store.ErrClosed
	}
	return err
}

func (s *session) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	ctx, stop := s.within(ctx)
	defer stop()
	r, err := s.data.Append(ctx, c)
	if err == nil {
		r.Durability = store.InFile
	}
	return r, s.result(err)
}

func (s *session) Head(ctx context.Context) (store.Position, error) {
	ctx, stop := s.within(ctx)
	defer stop()
	head, err := s.data.Head(ctx)
	return head, s.result(err)
}

func (s *session) Wait(ctx context.Context, after store.Position) (store.Position, error) {
	ctx, stop := s.within(ctx)
	defer stop()
	head, err := s.data.Wait(ctx, after)
	return head, s.result(err)
}

func (s *session) Get(ctx context.Context, bucket, key string) (store.Item, error) {
	ctx, stop := s.within(ctx)
	defer stop()
	item, err := s.data.Get(ctx, bucket, key)
	return item, s.result(err)
}

func (s *session) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return whileOpen(s, ctx, func(ctx context.Context) iter.Seq2[event.Record, error] { return s.data.Read(ctx, q) })
}

func (s *session) List(ctx context.Context, bucket, from, to string) iter.Seq2[store.Item, error] {
	return whileOpen(s, ctx, func(ctx context.Context) iter.Seq2[store.Item, error] { return s.data.List(ctx, bucket, from, to) })
}

func whileOpen[T any](s *session, ctx context.Context, begin func(context.Context) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, stop := s.within(ctx)
		defer stop()
		for v, err := range begin(ctx) {
			if !yield(v, s.result(err)) {
				return
			}
		}
	}
}
