package projection_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

type OrderPlaced struct {
	OrderID, Customer string
	Cents             int64
}

type OrderCancelled struct{ OrderID string }

type Order struct {
	Customer string
	Cents    int64
}

// newOrders returns the projection of the examples: a document for each order, found by customer.
func newOrders(st *store.Store, cfg projection.Config) *projection.Projection[Order] {
	cfg.Logger = slog.New(slog.DiscardHandler)
	orders, err := projection.New[Order](st, "orders", cfg)
	if err != nil {
		panic(err)
	}
	projection.On(orders, func(_ context.Context, docs *projection.Docs[Order], e event.Event[OrderPlaced]) error {
		return docs.Put(e.Data.OrderID, Order{e.Data.Customer, e.Data.Cents})
	})
	projection.On(orders, func(_ context.Context, docs *projection.Docs[Order], e event.Event[OrderCancelled]) error {
		docs.Delete(e.Data.OrderID)
		return nil
	})
	projection.Index(orders, "customer", func(o Order) []string { return []string{o.Customer} })
	return orders
}

// running runs a projection until the returned function is called.
func running(p interface{ Run(context.Context) error }) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			fmt.Println(err)
		}
	}
}

func Example() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	orders := newOrders(st, projection.Config{})
	defer running(orders)()

	receipt, _ := st.Append(ctx, OrderPlaced{"1", "ann", 500}, OrderPlaced{"2", "bob", 700}, OrderPlaced{"3", "ann", 250})
	if err := orders.WaitFor(ctx, receipt.Last); err != nil { // so that we read what we wrote
		fmt.Println(err)
	}
	order, _, _ := orders.Get(ctx, "2")
	fmt.Println("order 2:", order)
	for doc, err := range orders.By(ctx, "customer", "ann") {
		fmt.Println("ann's:", doc.Key, doc.Value.Cents, err)
	}
	// Output:
	// order 2: {bob 700}
	// ann's: 1 500 <nil>
	// ann's: 3 250 <nil>
}

func ExampleProjection_Rebuild() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	old := newOrders(st, projection.Config{})
	stop := running(old)
	receipt, _ := st.Append(ctx, OrderPlaced{"1", "ann", 500}, OrderPlaced{"2", "bob", 700})
	if err := old.WaitFor(ctx, receipt.Last); err != nil {
		fmt.Println(err)
	}
	stop()

	// The next release of the program also reduces the price of what bob orders.
	orders := newOrders(st, projection.Config{Version: 2, ByHand: true})
	projection.On(orders, func(ctx context.Context, docs *projection.Docs[Order], e event.Event[OrderPlaced]) error {
		if e.Data.Customer != "bob" {
			return nil
		}
		return docs.Update(ctx, e.Data.OrderID, func(o *Order) { o.Cents /= 2 })
	})
	if err := orders.Rebuild(ctx, nil); err != nil {
		fmt.Println(err)
	}
	for change, err := range orders.Difference(ctx) {
		fmt.Println(change.Key, change.Kind, "from", change.Old.Value.Cents, "to", change.New.Value.Cents, err)
	}
	if err := orders.Switch(ctx); err != nil {
		fmt.Println(err)
	}
	order, _, _ := orders.Get(ctx, "2")
	fmt.Println("switched:", order)
	if err := orders.SwitchBack(ctx); err != nil {
		fmt.Println(err)
	}
	order, _, _ = orders.Get(ctx, "2")
	fmt.Println("switched back:", order)
	// Output:
	// 2 changed from 700 to 350 <nil>
	// switched: {bob 350}
	// switched back: {bob 700}
}

func ExampleProjection_Page() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	orders := newOrders(st, projection.Config{})
	defer running(orders)()
	receipt, _ := st.Append(ctx, OrderPlaced{"1", "ann", 500}, OrderPlaced{"2", "ann", 700}, OrderPlaced{"3", "ann", 250})
	if err := orders.WaitFor(ctx, receipt.Last); err != nil {
		fmt.Println(err)
	}
	q := projection.Query{Index: "customer", Value: "ann", Limit: 2}
	for {
		page, err := orders.Page(ctx, q)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, doc := range page.Docs {
			fmt.Println(doc.Key)
		}
		fmt.Println("--")
		if q.After = page.Next; q.After == "" {
			return
		}
	}
	// Output:
	// 1
	// 2
	// --
	// 3
	// --
}

func ExampleProjection_At() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	placed, _ := st.Append(ctx, OrderPlaced{"1", "ann", 500}, OrderPlaced{"2", "bob", 700})
	_, _ = st.Append(ctx, OrderCancelled{"1"})

	orders := newOrders(st, projection.Config{}) // nobody runs it
	before, err := orders.At(ctx, placed.Last)
	if err != nil {
		fmt.Println(err)
		return
	}
	order, ok, _ := before.Get("1")
	fmt.Println("before it was cancelled:", order, ok)
	today, err := orders.Now(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, ok, _ = today.Get("1")
	fmt.Println("now:", ok)
	// Output:
	// before it was cancelled: {ann 500} true
	// now: false
}

func ExampleInline() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	orders := newOrders(st, projection.Config{Inline: true})
	commits, err := projection.NewInline(st, orders)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := commits.Append(ctx, OrderPlaced{"1", "ann", 500}); err != nil {
		fmt.Println(err)
	}
	order, ok, _ := orders.Get(ctx, "1") // it is there at once
	fmt.Println(order, ok)
	// Output: {ann 500} true
}

func ExampleReplaying() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	orders := newOrders(st, projection.Config{})
	projection.OnAny(orders, func(ctx context.Context, _ *projection.Docs[Order], r event.Record) error {
		if !projection.Replaying(ctx) {
			fmt.Println("send a mail about", r.Type)
		}
		return nil
	})
	defer running(orders)()
	receipt, _ := st.Append(ctx, OrderPlaced{"1", "ann", 500})
	if err := orders.WaitFor(ctx, receipt.Last); err != nil {
		fmt.Println(err)
	}
	if err := orders.Rebuild(ctx, nil); err != nil {
		fmt.Println(err)
	}
	// Output: send a mail about order.placed
}

func ExampleSQL() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	db := newFakeDB().open() // sql.Open("sqlite3", "read.db"), say; for PostgreSQL, set Placeholder: projection.Dollar
	defer db.Close()
	revenue, err := projection.NewSQL(st, db, "revenue", projection.SQLConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	projection.OnSQL(revenue, func(ctx context.Context, tx *sql.Tx, e event.Event[OrderPlaced]) error {
		_, err := tx.ExecContext(ctx, "add", e.Data.Customer, e.Data.Cents)
		return err
	})
	defer running(revenue)()
	receipt, _ := st.Append(ctx, OrderPlaced{"1", "ann", 500})
	if err := revenue.WaitFor(ctx, receipt.Last); err != nil {
		fmt.Println(err)
	}
	position, _ := revenue.Position(ctx)
	fmt.Println("the database stands for position", position)
	// Output: the database stands for position 1
}
