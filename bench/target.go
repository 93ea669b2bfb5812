package main

import "fmt"

// target is what Oxbow's number should be when it is divided by a peer's.
type target struct {
	ratio float64
	least bool // the ratio should be at least that, else at most
}

func atLeast(ratio float64) target { return target{ratio, true} }
func atMost(ratio float64) target  { return target{ratio, false} }

func (t target) String() string {
	switch {
	case t.ratio == 0:
		return ""
	case t.least:
		return fmt.Sprintf("at least %gx", t.ratio)
	}
	return fmt.Sprintf("at most %gx", t.ratio)
}

// verdict says whether the ratio is what it should be.
func (t target) verdict(ratio float64) string {
	if t.ratio == 0 {
		return ""
	}
	return verdict(t.least && ratio >= t.ratio || !t.least && ratio <= t.ratio)
}

func verdict(reached bool) string {
	if reached {
		return "reached"
	}
	return "missed"
}
