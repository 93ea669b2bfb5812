package doctest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strconv"
	"strings"
)

// guarantees is the page whose tables have a promise in the first column and
// links to its tests in the last.
const guarantees = "docs/guarantees.md"

// CheckGuarantees returns one line for each promise in docs/guarantees.md that
// has no test, and for each test there that does not exist. A test is a link
// whose text is the function's name, or name/case: [TestOpen/torn tail](../store/filelog/open_test.go).
func CheckGuarantees(tree fs.FS) (problems []string, err error) {
	text, err := fs.ReadFile(tree, guarantees)
	if err != nil {
		return nil, err
	}
	rows := tableRows(scan(string(text)))
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s has no table of promises", guarantees)
	}
	for _, r := range rows {
		tests := linksIn(r.tests)
		if len(tests) == 0 {
			problems = append(problems, problem(guarantees, r.line, "the promise %q has no test; link one: [TestName](../path/file_test.go)", r.promise))
		}
		for _, l := range tests {
			if what := checkTest(tree, l); what != "" {
				problems = append(problems, problem(guarantees, r.line, "%s", what))
			}
		}
	}
	return problems, nil
}

type row struct {
	promise, tests string
	line           int
}

// tableRows returns the rows of all tables, without the heads: a head is what
// stands above the line of dashes.
func tableRows(lines []line) []row {
	var rows []row
	for i, l := range lines {
		cells, ok := cellsOf(l)
		if !ok || isRule(cells) {
			continue
		}
		if i+1 < len(lines) {
			if below, ok := cellsOf(lines[i+1]); ok && isRule(below) {
				continue
			}
		}
		rows = append(rows, row{promise: cells[0], tests: cells[len(cells)-1], line: i + 1})
	}
	return rows
}

func cellsOf(l line) (cells []string, ok bool) {
	text := strings.TrimSpace(l.text)
	if l.code || !strings.HasPrefix(text, "|") {
		return nil, false
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "|"), "|")
	for cell := range strings.SplitSeq(text, "|") {
		cells = append(cells, strings.TrimSpace(cell))
	}
	return cells, true
}

func isRule(cells []string) bool {
	for _, c := range cells {
		if c == "" || strings.Trim(c, ":-") != "" {
			return false
		}
	}
	return true
}

// checkTest says what is wrong with the link to a test, "" if nothing is.
func checkTest(tree fs.FS, l link) string {
	file, ok := l.file(guarantees)
	if !ok || !strings.HasSuffix(file, ".go") {
		return fmt.Sprintf("[%s](%s) is no test; link the Go file that defines one", l.text, l.target)
	}
	text, err := fs.ReadFile(tree, file)
	if err != nil {
		return fmt.Sprintf("[%s] leads to %s, which the repository does not have", l.text, file)
	}
	syntax, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
	if err != nil {
		return fmt.Sprintf("[%s] leads to a broken file: %v", l.text, err)
	}
	name, cases, _ := strings.Cut(strings.Trim(l.text, "`"), "/")
	if !definesTest(syntax, name) {
		return fmt.Sprintf("%s has no test function %s", file, name)
	}
	for c := range strings.SplitSeq(cases, "/") {
		if c != "" && !hasString(syntax, c) {
			return fmt.Sprintf("%s in %s has no case %q", name, file, c)
		}
	}
	return ""
}

// definesTest tells whether a file has a function of that name which takes
// something from package testing, or which is an Example.
func definesTest(file *ast.File, name string) bool {
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if ok && f.Recv == nil && f.Name.Name == name {
			return strings.HasPrefix(name, "Example") || takesTesting(f.Type.Params)
		}
	}
	return false
}

func takesTesting(params *ast.FieldList) bool {
	for _, p := range params.List {
		kind := p.Type
		if star, ok := kind.(*ast.StarExpr); ok {
			kind = star.X
		}
		sel, ok := kind.(*ast.SelectorExpr)
		if !ok {
			continue
		}
		if from, ok := sel.X.(*ast.Ident); ok && from.Name == "testing" {
			return true
		}
	}
	return false
}

// hasString tells whether a string in the file is the name of a case, with
// spaces written as such or, as go test does, as underscores.
func hasString(file *ast.File, name string) bool {
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(lit.Value)
		found = found || err == nil && (text == name || strings.ReplaceAll(text, " ", "_") == name)
		return true
	})
	return found
}
