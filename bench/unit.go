package main

import "fmt"

// unit is what a cost is shown as.
type unit int

const (
	duration  unit = iota // of one event
	rate                  // events a second
	bytes                 // of one event
	mebibytes             // of the cost in bytes
)

func (u unit) format(c cost) string {
	switch {
	case u == rate:
		return thousands(int64(1e9/c)) + "/s"
	case u == bytes:
		return fmt.Sprintf("%.0f B", float64(c))
	case u == mebibytes:
		return fmt.Sprintf("%.0f MiB", float64(c)/(1<<20))
	case c < 10_000:
		return thousands(int64(c)) + " ns"
	case c < 10_000_000:
		return thousands(int64(c/1e3)) + " µs"
	}
	return thousands(int64(c/1e6)) + " ms"
}

// formatRatio returns the ratio with at least two digits that say something.
func formatRatio(ratio float64) string {
	if ratio < 0.1 {
		return fmt.Sprintf("%.3f", ratio)
	}
	return fmt.Sprintf("%.2f", ratio)
}

// thousands puts a comma before each group of three digits.
func thousands(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
