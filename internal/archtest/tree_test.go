package archtest

import (
	"os"
	"testing"
)

func TestOxbowFollowsTheTable(t *testing.T) {
	problems, err := Check(os.DirFS("../.."), Table, planned)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}
