package items

// What is read and written, for fuzzing.
var (
	Parse       = parse
	AppendValue = appendValue
)
