//go:build race

package filelog_test

// fewer than without the race detector, which makes each seed take several times as long; make test runs both
const defaultFaultSeeds = 300
