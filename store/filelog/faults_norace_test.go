//go:build !race

package filelog_test

const defaultFaultSeeds = 3000
