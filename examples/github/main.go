// Github imports webhook deliveries of GitHub, keeps a read model of the repositories, and announces releases.
//
//	go run ./examples/github [-data DIR] [FILE]
//
// FILE has a delivery a line: {"event": "pull_request", "action": "opened", "payload": {…}}. Without one, a sample is imported.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
	"github.com/oxbow-events/oxbow/store/memory"
)

//go:embed sample.ndjson
var sample []byte // see NOTICE

func main() {
	dir := flag.String("data", "", "keep the events in the folder `DIR`; default: in memory, and gone at the end")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: github [-data DIR] [FILE]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := start(context.Background(), *dir, flag.Arg(0)); err != nil {
		log.Fatal("github: ", err)
	}
}

// start opens what run needs.
func start(ctx context.Context, dir, file string) (err error) {
	deliveries := sample
	if file != "" {
		if deliveries, err = os.ReadFile(file); err != nil {
			return err
		}
	}
	var driver store.Driver = memory.New()
	if dir != "" {
		if driver, err = filelog.Open(dir, filelog.Config{}); err != nil {
			return err
		}
	}
	return errors.Join(run(ctx, driver, bytes.NewReader(deliveries), os.Stdout), driver.Close())
}

// run puts the app together, and lets it run until everything in the input has been handled.
func run(ctx context.Context, driver store.Driver, in io.Reader, out io.Writer) error {
	app := oxbow.New(driver, oxbow.Config{})
	repositories, err := newRepositories(app.Store())
	if err != nil {
		return err
	}
	app.Project(repositories)
	a := &announcer{out: out, attempts: map[event.ID]int{}}
	app.Consume("announcer", announcements, consumer.OnAny(a.announce))

	var imported, present int
	err = app.RunWhile(ctx, func(ctx context.Context) (err error) {
		if imported, present, err = importDeliveries(ctx, app, in); err != nil {
			return err
		}
		return app.Settle(ctx)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "imported %d events, %d were there already\n\n", imported, present)
	if err := report(ctx, out, repositories); err != nil {
		return err
	}
	fmt.Fprintln(out)
	return rebuild(ctx, out, repositories)
}
