// Package topic matches dotted topics such as "order.placed" against patterns such as "order.*",
// one against one ([Pattern]) or one against very many ([Set]).
//
// A topic is one or more segments with a dot between them. A segment is not empty and holds any UTF-8
// text without white space, control characters, "." and "*". [Validate] checks this.
//
// A pattern is a topic in which a whole segment may also be a wildcard, anywhere and any number of times:
//
//   - "*" stands for exactly one segment
//   - "**" stands for any number of segments, none included
//
// So "order.**" matches "order" as well as "order.placed" and "order.item.added". To leave out "order"
// itself, write "order.*.**". "**" alone matches every topic. Upper and lower case differ.
//
// # Guarantees
//
//   - [Parse] brings a pattern into normal form: two patterns are equal (==) exactly when they match the same
//     topics, and what String returns is parsed to an equal pattern.
//   - [Pattern.Match] and [Set.AppendMatches] split a topic at its dots and always agree. They do not check it
//     again: an empty segment counts as a segment. What is longer than [MaxLen] matches nothing.
//   - Pattern.Match does not allocate. Set.AppendMatches does not when dst has room, but for the moment
//     in which it keeps the answer to a topic that is asked for repeatedly.
//   - A Set answers in order of addition, each addition once, also when one pattern was added many times.
//   - A match takes no lock. It sees each addition and each removal wholly or not at all, and all those
//     that had returned when it began.
//   - A Set keeps no reference to a value that was removed.
package topic
