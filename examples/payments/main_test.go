package main

import (
	"context"
	"fmt"
	"os"

	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "payments-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	fmt.Println(run(ctx, dir, false))
	redrive(ctx, dir) // as oxbow deadletters redrive does
	fmt.Println(run(ctx, dir, true))
	// Output:
	// charge ann for coffee
	// <nil>
	// redriven: 1 key of 3 letters
	// charge bob for tea
	// charge bob for milk
	// charge bob for sugar
	// <nil>
}

func redrive(ctx context.Context, dir string) {
	l, err := filelog.Open(dir, filelog.Config{})
	if err != nil {
		panic(err)
	}
	defer l.Close()
	letters, err := deadletter.New(store.New(l, store.Config{}), "payments")
	if err != nil {
		panic(err)
	}
	count, err := letters.Count(ctx)
	if err != nil {
		panic(err)
	}
	report, err := letters.Redrive(ctx, deadletter.Filter{Key: "order-bob"}, deadletter.Options{By: "ann"})
	if err != nil {
		panic(err)
	}
	fmt.Println("redriven:", report.Keys, "key of", count.Letters, "letters")
}
