package topic

import "strings"

// Pattern matches topics; see the package comment for what its wildcards mean. Patterns are made by [Parse],
// are comparable and can be keys of a map. The zero Pattern matches nothing.
type Pattern struct {
	text string // in normal form
}

// Parse returns the pattern that s writes, or a [*SyntaxError] that says what is wrong, where, and how to mend it.
//
// The pattern is in normal form: of neighbouring wildcards the single ones come first, and one "**" is enough.
// So "a.**.**" becomes "a.**", and "a.**.*" becomes "a.*.**". What matches every topic becomes "**".
func Parse(s string) (Pattern, error) {
	if err := check("pattern", s); err != nil {
		return Pattern{}, err
	}
	return Pattern{normal(s)}, nil
}

// normal returns the normal form of a valid pattern: s itself when it has that form already.
func normal(s string) string {
	if strings.Contains(s, "**.*") {
		s = sortWildcards(s)
	}
	if s == "*.**" {
		return "**" // no topic is without segments
	}
	return s
}

// sortWildcards puts one "**" behind the wildcards that it stood between, before or behind.
func sortWildcards(s string) string {
	var sorted []string
	open := false // a "**" waits for the end of the wildcards around it
	for segment := range strings.SplitSeq(s, ".") {
		if segment == "**" {
			open = true
			continue
		}
		if open && segment != "*" {
			sorted = append(sorted, "**")
			open = false
		}
		sorted = append(sorted, segment)
	}
	if open {
		sorted = append(sorted, "**")
	}
	return strings.Join(sorted, ".")
}

// String returns the pattern in normal form.
func (p Pattern) String() string { return p.text }

// Match reports whether p matches topic.
func (p Pattern) Match(topic string) bool {
	if p.text == "" || len(topic) > MaxLen {
		return false
	}
	return match(p.text, topic)
}

// match goes through both texts segment by segment. It takes each "**" for nothing at first; when the rest then
// does not fit, the last "**" takes one segment more and match tries again from there. Going back further
// is never needed: a longer earlier "**" leaves the later ones less to choose from.
func match(pattern, topic string) bool {
	p, t := 0, 0                      // where the next segments begin; past the end when there are none
	retryPattern, retryTopic := -1, 0 // where to try again
	for t <= len(topic) {
		if p <= len(pattern) {
			pEnd, tEnd := segmentEnd(pattern, p), segmentEnd(topic, t)
			segment := pattern[p:pEnd]
			if segment == "**" {
				p = pEnd + 1
				retryPattern, retryTopic = p, t
				continue
			}
			if segment == "*" || segment == topic[t:tEnd] {
				p, t = pEnd+1, tEnd+1
				continue
			}
		}
		if retryPattern < 0 {
			return false
		}
		if retryPattern > len(pattern) {
			return true
		}
		retryTopic = segmentEnd(topic, retryTopic) + 1
		p, t = retryPattern, retryTopic
	}
	return p > len(pattern) || pattern[p:] == "**"
}

// segmentEnd returns where the segment of s that begins at start ends.
func segmentEnd(s string, start int) int {
	if i := strings.IndexByte(s[start:], '.'); i >= 0 {
		return start + i
	}
	return len(s)
}
