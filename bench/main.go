// Bench measures Oxbow beside others that do the same work, and prints one table.
//
//	go -C bench run -tags peers . [-quick] [-full] [-run RE] [-dir DIR] [-rounds N]
//
// How to read the table: docs/benchmarks.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
)

// options are the flags.
type options struct {
	dir    string // temporary folders are made in it
	run    string
	rounds int
	quick  bool
	full   bool
}

func main() {
	if os.Getenv(childVariable) != "" {
		os.Exit(childMain())
	}
	var o options
	flag.StringVar(&o.dir, "dir", ".", "measure the disk of the folder `DIR`; what is written to it is removed at the end")
	flag.StringVar(&o.run, "run", "", "measure only the rows whose name matches the regular expression `RE`")
	flag.IntVar(&o.rounds, "rounds", 5, "measure each side of a row `N` times; the table shows medians")
	flag.BoolVar(&o.quick, "quick", false, "a few seconds in all, to see that everything works; the numbers mean little")
	flag.BoolVar(&o.full, "full", false, "10,000,000 events and 1,000,000 streams where there is a tenth of that otherwise; takes many minutes and some gigabytes more")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: go -C bench run -tags peers . [-quick] [-full] [-run RE] [-dir DIR] [-rounds N]")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures the rows and prints the table to out, and what it is at to progress.
func run(ctx context.Context, o options, out, progress io.Writer) (err error) {
	chosen, chosenGrids, err := choose(o)
	if err != nil {
		return err
	}
	if o.quick && o.full {
		return errors.New("-quick and -full exclude each other; use one of them")
	}
	if o.rounds < 1 {
		return fmt.Errorf("-rounds is %d; use 1 or more", o.rounds)
	}
	dir, err := os.MkdirTemp(o.dir, "oxbow-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	t, kept := newTable(out), map[string]string{}
	for i, w := range chosen {
		fmt.Fprintf(progress, "%d/%d %s\n", i+1, len(chosen), w.name)
		r, err := measure(ctx, w, &env{dir: dir, quick: o.quick, full: o.full, targets: w.targets, keptFolders: kept}, o.rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		t.add(w, r)
	}
	fmt.Fprintf(out, "%s/%s, %d cores, %s, %d rounds", runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), runtime.Version(), o.rounds)
	if o.quick {
		fmt.Fprint(out, "; quick: only a part of the work, so the numbers mean little")
	}
	fmt.Fprint(out, "\n\n")
	if len(chosen) > 0 {
		if err := t.print(); err != nil {
			return err
		}
	}
	for _, g := range chosenGrids {
		if err := g.print(ctx, o, out, progress); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	return nil
}

// choose returns the rows whose name matches, under the names that they have with these options, and the grids.
func choose(o options) (chosen []work, chosenGrids []grid, err error) {
	matching, err := regexp.Compile(o.run)
	if err != nil {
		return nil, nil, fmt.Errorf("-run: %w", err)
	}
	for _, w := range works {
		if o.full && w.full != "" {
			w.name = w.full
		}
		if matching.MatchString(w.name) {
			chosen = append(chosen, w)
		}
	}
	for _, g := range grids {
		if matching.MatchString(g.name) {
			chosenGrids = append(chosenGrids, g)
		}
	}
	if len(chosen)+len(chosenGrids) == 0 {
		return nil, nil, fmt.Errorf("-run %s matches no row; without it, all are measured", o.run)
	}
	return chosen, chosenGrids, nil
}
