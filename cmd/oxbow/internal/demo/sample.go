// Package demo is what 'oxbow serve --demo' shows: a sample of real GitHub webhook deliveries, and a small shop whose orders are
// placed, paid and shipped for as long as the server runs.
//
// Guarantees:
//
//   - The shop is an ordinary program over oxbow.App: each order's events name their cause, share a correlation id, and are
//     published once, though handlers are called again after a failure or a restart.
//   - The shop's pace is bounded: about two orders, or six events, a second.
package demo

import (
	_ "embed"
	"io"
	"strings"
)

// The NOTICE beside it says where it is from.
//
//go:embed github-sample.ndjson
var sample string

//go:embed NOTICE
var notice string

// Sample returns GitHub webhook deliveries, one JSON object a line.
func Sample() io.Reader { return strings.NewReader(sample) }

// Notice returns the origin and licence of the sample.
func Notice() string { return notice }
