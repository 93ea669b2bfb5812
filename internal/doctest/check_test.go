package doctest_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/oxbow-events/oxbow/internal/doctest"
)

// A sample is a document and what a check says about it.
type sample struct {
	name     string
	text     string
	problems []string // words of each problem, in order
}

func TestCheckLinks(t *testing.T) {
	checkSamples(t, doctest.CheckLinks, "docs/page.md", []sample{
		{name: "a file beside", text: "[a](guarantees.md)"},
		{name: "a file above, with a heading", text: "[a](../README.md#start \"title\")"},
		{name: "a folder", text: "see [a](../examples/)"},
		{name: "the web", text: "[a](https://example.com/x) <https://example.com> [b](mailto:a@example.com)"},
		{name: "a heading of the page", text: "[a](#below)"},
		{name: "a name with a space", text: "[a](two%20words.md)"},
		{name: "a footnote", text: "[^1]: words"},
		{name: "no such file", text: "\n[a](gone.md)", problems: []string{"docs/page.md:2: the link to gone.md leads nowhere: the repository has no docs/gone.md"}},
		{name: "two in a line", text: "[a](gone.md) [b](guarantees.md) [c](lost.md)", problems: []string{"gone.md", "lost.md"}},
		{name: "an image", text: "![a](gone.png)", problems: []string{"gone.png"}},
		{name: "a reference", text: "[a]: gone.md", problems: []string{"gone.md"}},
		{name: "out of the repository", text: "[a](../../etc/passwd)", problems: []string{"../../etc/passwd"}},
		{name: "in code", text: "`[a](gone.md)` and `x`\n```\n[a](gone.md)\n```\n"},
		{name: "behind code", text: "`x` [a](gone.md)", problems: []string{"gone.md"}},
	})
}

func TestCheckCode(t *testing.T) {
	go1 := func(file, code string) string { return "<!-- file: " + file + " -->\n```go\n" + code + "\n```\n" }
	checkSamples(t, doctest.CheckCode, "docs/page.md", []sample{
		{name: "a whole file", text: go1("examples/hello/main.go", "package main\n\nfunc main() {\n\tif true {\n\t\tprintln(\"hi\")\n\t}\n}")},
		{name: "an excerpt", text: go1("examples/hello/main.go", "if true {\n\tprintln(\"hi\")\n}")},
		{name: "an excerpt in its indentation", text: go1("examples/hello/main.go", "\tif true {\n\t\tprintln(\"hi\")")},
		{name: "an excerpt that begins deep", text: go1("examples/hello/main.go", "\tprintln(\"hi\")\n}")},
		{name: "no file named", text: "x\n```go\npackage main\n```\n", problems: []string{"docs/page.md:2: this Go block is compiled by nobody"}},
		{name: "a file named too early", text: "<!-- file: examples/hello/main.go -->\n\n```go\npackage main\n```\n", problems: []string{"compiled by nobody"}},
		{name: "another language", text: "```sh\nmake test\n```\n"},
		{name: "another language that names its file", text: "<!-- file: data.json -->\n```json\n{}\n```\n", problems: []string{"the block is not in data.json word for word"}},
		{name: "changed code", text: go1("examples/hello/main.go", "println(\"ho\")"), problems: []string{"not in examples/hello/main.go word for word"}},
		{name: "lines that do not follow one another", text: go1("examples/hello/main.go", "package main\nfunc main() {"), problems: []string{"word for word"}},
		{name: "other indentation inside", text: go1("examples/hello/main.go", "if true {\nprintln(\"hi\")\n}"), problems: []string{"word for word"}},
		{name: "part of a line", text: go1("examples/hello/main.go", "println"), problems: []string{"word for word"}},
		{name: "an empty block", text: go1("examples/hello/main.go", ""), problems: []string{"word for word"}},
		{name: "no such file", text: go1("examples/gone/main.go", "package main"), problems: []string{"which the repository does not have"}},
		{name: "a file that is not compiled", text: go1("testdata/main.go", "package main"), problems: []string{"does not compile"}},
		{name: "a file with build tag ignore", text: go1("examples/ignored.go", "package main"), problems: []string{"does not compile"}},
		{name: "a file that is not Go", text: go1("data.json", "[1]"), problems: []string{"does not compile"}},
	})
}

func TestCheckCodeLeavesHistoryAlone(t *testing.T) {
	for _, name := range []string{"docs/adr/0001-x.md", "CHANGELOG.md"} {
		checkSamples(t, doctest.CheckCode, name, []sample{{name: name, text: "```go\nold()\n```\n"}})
	}
}

func TestCheckGuarantees(t *testing.T) {
	page := func(row string) string { return "| promise | tests |\n| --- | --- |\n" + row + "\n" }
	checkSamples(t, doctest.CheckGuarantees, "docs/guarantees.md", []sample{
		{name: "a test", text: page("| p | [TestAppend](../store/store_test.go) |")},
		{name: "a name in code letters", text: page("| p | [`TestAppend`](../store/store_test.go) |")},
		{name: "a case", text: page("| p | [TestAppend/torn tail](../store/store_test.go) |")},
		{name: "a case with underscores", text: page("| p | [TestAppend/torn_tail](../store/store_test.go) |")},
		{name: "a case of a case", text: page("| p | [TestAppend/torn tail/again](../store/store_test.go) |")},
		{name: "a fuzz test and an example", text: page("| p | [FuzzRead](../store/store_test.go), [ExampleOpen](../store/store_test.go) |")},
		{name: "a function of a suite", text: page("| p | [Run/atomic](../store/storetest/run.go) |")},
		{name: "no test", text: page("| events last | by design |"), problems: []string{`docs/guarantees.md:3: the promise "events last" has no test`}},
		{name: "a second table", text: page("| p | [TestAppend](../store/store_test.go) |") + "\n" + page("| q | |"), problems: []string{`"q" has no test`}},
		{name: "no such file", text: page("| p | [TestAppend](../store/gone_test.go) |"), problems: []string{"leads to store/gone_test.go, which the repository does not have"}},
		{name: "no such test", text: page("| p | [TestGone](../store/store_test.go) |"), problems: []string{"store/store_test.go has no test function TestGone"}},
		{name: "a method", text: page("| p | [TestMethod](../store/store_test.go) |"), problems: []string{"no test function TestMethod"}},
		{name: "a function that tests nothing", text: page("| p | [helper](../store/store_test.go) |"), problems: []string{"no test function helper"}},
		{name: "no such case", text: page("| p | [TestAppend/gone](../store/store_test.go) |"), problems: []string{`TestAppend in store/store_test.go has no case "gone"`}},
		{name: "a page", text: page("| p | [TestAppend](../README.md) |"), problems: []string{"is no test"}},
		{name: "the web", text: page("| p | [TestAppend](https://example.com/a_test.go) |"), problems: []string{"is no test"}},
		{name: "one of two", text: page("| p | [TestAppend](../store/store_test.go), [TestGone](../store/store_test.go) |"), problems: []string{"TestGone"}},
	})
}

func TestCheckGuaranteesNeedsThePage(t *testing.T) {
	for name, text := range map[string]string{"docs/other.md": "", "docs/guarantees.md": "no table"} {
		tree := fstest.MapFS{name: {Data: []byte(text)}}
		if _, err := doctest.CheckGuarantees(tree); err == nil {
			t.Errorf("%s %q: no error", name, text)
		}
	}
}

func TestChecksPassOverWhatIsNotOurs(t *testing.T) {
	for _, name := range []string{"testdata/a.md", "ui/vendor/a.md", "node_modules/a.md", ".git/a.md", "_old/a.md", "a.txt"} {
		checkSamples(t, doctest.CheckLinks, name, []sample{{name: name, text: "[a](gone.md)"}})
	}
}

// checkSamples puts each sample in its place in a small repository.
func checkSamples(t *testing.T, check func(fs.FS) ([]string, error), place string, samples []sample) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			tree := repository()
			tree[place] = &fstest.MapFile{Data: []byte(s.text)}
			got, err := check(tree)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(got, s.problems, strings.Contains) {
				t.Errorf("problems:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(s.problems, "\n"))
			}
		})
	}
}

func repository() fstest.MapFS {
	files := map[string]string{
		"README.md":              "# Oxbow\n",
		"docs/guarantees.md":     "",
		"docs/two words.md":      "",
		"data.json":              "[1]\n",
		"examples/hello/main.go": "package main\n\nfunc main() {\n\tif true {\n\t\tprintln(\"hi\")\n\t}\n}\n",
		"examples/ignored.go":    "//go:build ignore\n\npackage main\n",
		"testdata/main.go":       "package main\n",
		"store/store_test.go": `package store_test
			import "testing"
			func TestAppend(t *testing.T) { t.Run("torn tail", func(t *testing.T) { t.Run("again", nil) }) }
			func FuzzRead(f *testing.F) {}
			func ExampleOpen() {}
			func helper(n int) {}
			type x int
			func (x) TestMethod(t *testing.T) {}`,
		"store/storetest/run.go": `package storetest
			import "testing"
			func Run(t *testing.T, open func() any) { t.Run("atomic", nil) }`,
	}
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}
