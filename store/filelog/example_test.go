package filelog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

type orderPlaced struct{ OrderID string }

func (o orderPlaced) AggregateID() string { return o.OrderID }

func ExampleOpen() {
	dir, _ := os.MkdirTemp("", "oxbow")
	defer os.RemoveAll(dir)

	l, err := filelog.Open(filepath.Join(dir, "data"), filelog.Config{Holder: "the example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	st := store.New(l, store.Config{})
	defer st.Close()

	ctx := context.Background()
	receipt, err := st.Append(ctx, orderPlaced{"42"})
	fmt.Println(receipt.Last, receipt.Durability, err)
	for r, err := range st.Read(ctx, store.Stream("order-42")) {
		fmt.Println(r.Position, r.Type, string(r.Data), err)
	}

	_, err = filelog.Open(filepath.Join(dir, "data"), filelog.Config{})
	var held *filelog.InUseError
	fmt.Println(errors.As(err, &held) && errors.Is(err, store.ErrInUse), held.Holder)
	// Output:
	// 1 fsynced <nil>
	// 1 order.placed {"OrderID":"42"} <nil>
	// true the example
}

func ExampleVerify() {
	dir, _ := os.MkdirTemp("", "oxbow")
	defer os.RemoveAll(dir)
	l, err := filelog.Open(dir, filelog.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	store.New(l, store.Config{}).Append(context.Background(), orderPlaced{"42"})
	l.Close()

	report, err := filelog.Verify(context.Background(), dir, nil)
	fmt.Println(report.Events, report.Closed, report.Err(), err)
	// Output: 1 true <nil> <nil>
}

func ExampleLog_Backup() {
	dir, _ := os.MkdirTemp("", "oxbow")
	defer os.RemoveAll(dir)
	l, err := filelog.Open(filepath.Join(dir, "data"), filelog.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	ctx, saved := context.Background(), filepath.Join(dir, "saved")
	store.New(l, store.Config{}).Append(ctx, orderPlaced{"42"})

	backup, err := l.Backup(ctx, saved, filelog.BackupConfig{})
	fmt.Println(backup.Position, backup.Commits, err)
	restored, err := filelog.Restore(ctx, saved, filepath.Join(dir, "restored"), nil)
	fmt.Println(restored.Head, restored.Closed, err)
	// Output:
	// 1 1 <nil>
	// 1 true <nil>
}

func ExampleReindex() {
	dir, _ := os.MkdirTemp("", "oxbow")
	defer os.RemoveAll(dir)
	l, err := filelog.Open(dir, filelog.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	store.New(l, store.Config{}).Append(context.Background(), orderPlaced{"42"})
	l.Close()

	report, err := filelog.Reindex(context.Background(), dir, nil)
	fmt.Println(report.Segments, report.Head, err)
	// Output: 1 1 <nil>
}
