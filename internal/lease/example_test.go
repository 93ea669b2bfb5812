package lease_test

import (
	"context"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// sweeper saves with its slot how often it swept.
type sweeper struct {
	store *store.Store
	swept chan struct{}
}

func (w *sweeper) Gained(ctx context.Context, s *lease.Slot) error {
	write, condition, err := s.Write([]byte(`{"swept":1}`))
	if err != nil {
		return err
	}
	receipt, err := w.store.Commit(ctx, store.Commit{Items: []store.ItemWrite{write}, Conditions: []store.Condition{condition}})
	if err != nil {
		return err
	}
	s.Wrote(receipt.ItemRevision)
	fmt.Printf("slot %d: %s\n", s.Number(), s.Data())
	w.swept <- struct{}{}
	return nil
}

func (w *sweeper) Changed(*lease.Slot)   {}
func (w *sweeper) Release(s *lease.Slot) { fmt.Println("released, still held:", s.Held()) }

func Example() {
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	g, err := lease.New(st, lease.Config{Bucket: "sweeping", Name: "yard"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	w := &sweeper{store: st, swept: make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx, w) }()
	<-w.swept
	cancel()
	fmt.Println(<-ended)
	// Output:
	// slot 0: {"swept":1}
	// released, still held: true
	// <nil>
}
