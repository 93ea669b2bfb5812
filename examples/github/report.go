package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/oxbow-events/oxbow/projection"
)

// report prints a table of all repositories.
func report(ctx context.Context, out io.Writer, repositories *projection.Projection[Repository]) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "REPOSITORY\tEVENTS\tPRS OPEN\tCLOSED\tMERGED\tTIME TO MERGE\tISSUES OPEN\tCOMMITS\tMOST FREQUENT TYPES")
	for doc, err := range repositories.All(ctx, "", "") {
		if err != nil {
			return err
		}
		repo := doc.Value
		merge := "-"
		if median, ok := repo.timeToMerge(); ok {
			merge = median.Round(time.Second).String()
		}
		total, types := frequent(repo.Events)
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%s\t%d\t%d\t%s\n", doc.Key, total,
			repo.pulls("open"), repo.pulls("closed"), repo.pulls("merged"), merge, repo.openIssues(), repo.Commits, types)
	}
	return table.Flush()
}

// frequent returns the number of all events, and the three types that most of them have.
func frequent(events map[string]int) (total int, types string) {
	names := slices.SortedFunc(maps.Keys(events), func(a, b string) int {
		return cmp.Or(events[b]-events[a], strings.Compare(a, b))
	})
	var top []string
	for i, name := range names {
		total += events[name]
		if i < 3 {
			top = append(top, fmt.Sprintf("%s %d", strings.TrimPrefix(name, "github."), events[name]))
		}
	}
	if more := len(names) - len(top); more > 0 {
		top = append(top, fmt.Sprintf("%d more", more))
	}
	return total, strings.Join(top, ", ")
}

// rebuild replays everything into a second read model and compares it with the first.
func rebuild(ctx context.Context, out io.Writer, repositories *projection.Projection[Repository]) error {
	before, err := contents(ctx, repositories)
	if err != nil {
		return err
	}
	if err := repositories.Rebuild(ctx, nil); err != nil {
		return err
	}
	after, err := contents(ctx, repositories)
	if err != nil {
		return err
	}
	if !bytes.Equal(before, after) {
		return errors.New("the rebuilt read model differs from the one that grew event by event")
	}
	_, err = fmt.Fprintf(out, "rebuilt from the first event: the same read model, byte for byte (%d bytes)\n", len(after))
	return err
}

// contents returns the whole read model as it is stored.
func contents(ctx context.Context, repositories *projection.Projection[Repository]) (all []byte, err error) {
	for doc, err := range repositories.All(ctx, "", "") {
		if err != nil {
			return nil, err
		}
		all = fmt.Appendf(all, "%s %s\n", doc.Key, doc.JSON)
	}
	return all, nil
}
