// Package rawjson checks, walks and writes JSON text (RFC 8259) without turning it into Go values, so that every digit, the
// order of members and duplicate names stay as they came.
//
// Check first: the functions that walk ([Members], [Elements], [Unquote], [AppendCompact]) take text that [Check] has passed.
package rawjson
