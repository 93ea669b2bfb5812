package filelog_test

import (
	"fmt"
	"os"
	"testing"
)

// The test binary is also the other process of some tests.
func TestMain(m *testing.M) {
	role := map[string]func() error{"hold": holdFolder, "write": writeUntilKilled}[os.Getenv("FILELOG_CHILD")]
	if role == nil {
		os.Exit(m.Run())
	}
	if err := role(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
