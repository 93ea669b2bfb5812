package server

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/oxbow-events/oxbow/event"
)

// checkTypes refuses events of types that are not on the list, when there is one.
func (s *Server) checkTypes(records []event.Record) error {
	if len(s.cfg.Types) == 0 {
		return nil
	}
	var faults []Fault
	for i := range records {
		name := records[i].Type
		if slices.Contains(s.cfg.Types, name) || len(faults) == maxFaults {
			continue
		}
		faults = append(faults, Fault{
			Index: &i, Field: "type", Reason: "\"" + name + "\" is unknown here", Nearest: nearest(name, s.cfg.Types),
		})
	}
	if len(faults) == 0 {
		return nil
	}
	return &Problem{
		Type: kindUnknownType, Title: "Unknown type", Status: http.StatusUnprocessableEntity, Errors: faults,
		Detail: describeFaults(faults) + "; nothing was written",
	}
}

// nearest returns up to three of the names, those that take the fewest changes to become name.
func nearest(name string, names []string) []string {
	sorted := slices.Clone(names)
	slices.SortStableFunc(sorted, func(a, b string) int { return cmp.Compare(distance(name, a), distance(name, b)) })
	return sorted[:min(3, len(sorted))]
}

// distance is the number of bytes to insert, delete or replace that make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
