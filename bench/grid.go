package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
)

// grid is a table of how the cost of publishing grows with subscribers, and with cores.
type grid struct {
	name string
	how  way
}

var grids = []grid{{"publish to sync subscribers", inSync}, {"publish to queued subscribers", queued}}

var gridSubscribers = []int{1, 16, 1000}

// gridCores returns the numbers of cores to measure with: one, and two where there are so many.
func gridCores() []int { return slices.Compact([]int{1, min(2, runtime.NumCPU())}) }

// print measures the grid and prints it.
func (g grid) print(ctx context.Context, o options, out, progress io.Writer) error {
	var heads, names []string
	cells := map[string][]string{}
	for _, cores := range gridCores() {
		for _, subscribers := range gridSubscribers {
			head := fmt.Sprintf("%s on %d", thousands(int64(subscribers)), cores)
			heads = append(heads, head)
			fmt.Fprintf(progress, "%s: %s\n", g.name, head)
			results, err := g.measure(ctx, o, cores, subscribers)
			if err != nil {
				return err
			}
			for i := range results {
				r := &results[i]
				if _, known := cells[r.name]; !known {
					names = append(names, r.name)
				}
				cells[r.name] = append(cells[r.name], r.cell())
			}
		}
	}
	fmt.Fprintf(out, "\n%s: time (and allocations) of an event, by subscribers on cores\n\n", g.name)
	lines := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(lines, "WHO\t"+strings.Join(heads, "\t"))
	for _, name := range names {
		fmt.Fprintln(lines, name+"\t"+strings.Join(cells[name], "\t"))
	}
	return lines.Flush()
}

// measure measures one column with so many cores.
func (g grid) measure(ctx context.Context, o options, cores, subscribers int) ([]result, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
	w := work{name: g.name, prepare: preparePublish(g.how, subscribers)}
	return measure(ctx, w, &env{quick: o.quick}, o.rounds)
}

// cell returns the median cost and the allocations.
func (r *result) cell() string {
	if r.missing != "" {
		return "-"
	}
	return fmt.Sprintf("%s (%s)", duration.format(median(r.costs)), cmp.Or(r.allocations(), "-"))
}
