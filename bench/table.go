package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table collects rows and prints them in columns: for each work a line for Oxbow and one for each peer.
type table struct {
	out   io.Writer
	lines *tabwriter.Writer
	notes []string
	noted map[string]bool
}

func newTable(out io.Writer) *table {
	t := &table{out, tabwriter.NewWriter(out, 0, 0, 2, ' ', 0), nil, map[string]bool{}}
	t.line("WORK", "WHO", "RESULT", "ALLOCS", "RATIO", "RANGE", "TARGET", "VERDICT", "DURABILITY")
	return t
}

func (t *table) line(cells ...string) { fmt.Fprintln(t.lines, strings.Join(cells, "\t")) }

// add adds a work: medians of all, and of the ratios of the rounds, with their range.
func (t *table) add(w work, results []result) {
	oxbow := results[0]
	name := w.name
	for _, r := range results {
		t.note(r.contender)
		switch {
		case r.missing != "":
			t.line(name, r.name, "-", "", "", "", "", "", reached(w))
		case r.name == oxbow.name:
			t.line(name, r.name, w.unit.format(median(r.costs)), r.allocations(), "", "", w.goal, w.verdict(median(r.costs)), reached(w))
		case r.durability != "":
			t.line(name, r.name, w.unit.format(median(r.costs)), r.allocations(), "-", "", "", "", r.durability)
		default:
			t.compare(w, name, oxbow, r)
		}
		name = ""
	}
}

func (t *table) compare(w work, name string, oxbow, peer result) {
	ratios, spread := ratios(oxbow.costs, peer.costs, w.unit), ""
	if len(ratios) > 1 {
		spread = formatRatio(ratios[0]) + "-" + formatRatio(ratios[len(ratios)-1])
	}
	target := w.targets[peer.name]
	t.line(name, peer.name, w.unit.format(median(peer.costs)), peer.allocations(), formatRatio(median(ratios)), spread,
		target.String(), target.verdict(median(ratios)), reached(w))
}

// allocations returns how many there were an event, or nothing when they were not counted.
func (r *result) allocations() string {
	if r.events == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", median(r.allocs))
}

// reached returns the work's durability for the table.
func reached(w work) string { return cmp.Or(w.durability, "-") }

// verdict says whether Oxbow took no more than the limit; it is empty when there is none.
func (w *work) verdict(took cost) string {
	if w.limit == 0 {
		return ""
	}
	return verdict(took <= w.limit)
}

// note remembers what a peer does, once.
func (t *table) note(c contender) {
	text := c.does
	if c.missing != "" {
		text = "not measured: " + c.missing
	}
	if text == "" || t.noted[c.name] {
		return
	}
	t.noted[c.name] = true
	t.notes = append(t.notes, fmt.Sprintf("%-20s%s", c.name, text))
}

func (t *table) print() error {
	if err := t.lines.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(t.out, "\n"+strings.Join(t.notes, "\n"))
	return err
}
