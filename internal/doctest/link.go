package doctest

import (
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// A link of a document, from [text](target) or [text]: target.
type link struct {
	text, target string
	line         int
}

var (
	inlineLink    = regexp.MustCompile(`\[([^\]]*)\]\(\s*<?([^)\s>]+)>?[^)]*\)`)
	referenceLink = regexp.MustCompile(`^\s*\[([^\]^][^\]]*)\]:\s+<?([^\s>]+)>?`)
	scheme        = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*:`)
)

func linksOf(lines []line) []link {
	var links []link
	for i, l := range lines {
		if l.code {
			continue
		}
		for _, found := range linksIn(l.text) {
			found.line = i + 1
			links = append(links, found)
		}
	}
	return links
}

// linksIn returns the links of one line, except those inside a code span.
func linksIn(text string) []link {
	if m := referenceLink.FindStringSubmatch(text); m != nil {
		return []link{{text: m[1], target: m[2]}}
	}
	var links []link
	for _, at := range inlineLink.FindAllStringSubmatchIndex(text, -1) {
		if strings.Count(text[:at[0]], "`")%2 == 1 {
			continue
		}
		links = append(links, link{text: text[at[2]:at[3]], target: text[at[4]:at[5]]})
	}
	return links
}

// file is where a link of doc leads in the tree. ok is false for a link to
// another place: the web, or a heading of the same page.
func (l link) file(doc string) (name string, ok bool) {
	target, _, _ := strings.Cut(l.target, "#")
	if target == "" || scheme.MatchString(target) || strings.HasPrefix(target, "//") {
		return "", false
	}
	if plain, err := url.PathUnescape(target); err == nil {
		target = plain
	}
	return path.Join(path.Dir(doc), target), true
}

// CheckLinks returns one line for each relative link that leads nowhere.
func CheckLinks(tree fs.FS) (problems []string, err error) {
	docs, err := documents(tree)
	for _, doc := range docs {
		for _, l := range linksOf(doc.lines) {
			name, ok := l.file(doc.path)
			if !ok {
				continue
			}
			if _, err := fs.Stat(tree, name); err != nil {
				problems = append(problems, problem(doc.path, l.line, "the link to %s leads nowhere: the repository has no %s", l.target, name))
			}
		}
	}
	return problems, err
}
