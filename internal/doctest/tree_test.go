package doctest_test

import (
	"io/fs"
	"os"
	"testing"

	"github.com/oxbow-events/oxbow/internal/doctest"
)

func TestLinksOfOxbowLeadSomewhere(t *testing.T) { checkOxbow(t, doctest.CheckLinks) }

func TestGoCodeInDocumentsIsCompiled(t *testing.T) { checkOxbow(t, doctest.CheckCode) }

func TestGuaranteesHaveTests(t *testing.T) { checkOxbow(t, doctest.CheckGuarantees) }

func checkOxbow(t *testing.T, check func(fs.FS) ([]string, error)) {
	problems, err := check(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}
