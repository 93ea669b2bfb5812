package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table collects rows and prints them in columns.
type table struct{ out *tabwriter.Writer }

func newTable(out io.Writer) *table {
	t := &table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	fmt.Fprintln(t.out, "WORK\tOXBOW\tPEER\tRATIO\tRANGE\tDURABILITY\tTARGET\tTHE PEER")
	return t
}

// add adds a row: medians of both sides and of the ratios of the rounds, with their range.
func (t *table) add(w work, r result) {
	ratios := r.ratios(w.rate)
	fmt.Fprintln(t.out, strings.Join([]string{
		w.name, format(median(r[0]), w.rate), format(median(r[1]), w.rate),
		fmt.Sprintf("%.2f", median(ratios)), fmt.Sprintf("%.2f-%.2f", ratios[0], ratios[len(ratios)-1]),
		w.durability, w.target, w.peer,
	}, "\t"))
}

func (t *table) print() error { return t.out.Flush() }

// format returns what one event took, or how many there are in a second.
func format(c cost, rate bool) string {
	switch {
	case rate:
		return thousands(int64(1e9/c)) + "/s"
	case c < 10_000:
		return fmt.Sprintf("%.0f ns", float64(c))
	case c < 10_000_000:
		return fmt.Sprintf("%.0f µs", float64(c)/1e3)
	}
	return fmt.Sprintf("%.0f ms", float64(c)/1e6)
}

// thousands puts a comma before each group of three digits.
func thousands(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
