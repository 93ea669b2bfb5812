//go:build race

package filelog_test

const (
	defaultFaultSeeds = 300 // fewer than without the race detector, which makes each seed take several times as long; make test runs both
	raceEnabled       = true
)
