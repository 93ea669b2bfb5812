// Package schema guards what is stored against changes of the Go types that read it: it makes JSON Schemas of Go types, says
// which changes break stored events, and takes the records of a real store round through the program's upcasters.
//
// In a program's own tests package schematest does all of it in two lines. See docs/schema-versions.md for how versions,
// upcasters and golden copies work together.
//
// # Which changes break
//
// A Go type is compared with the golden copy of its schema at the same version. Raising the version, with an upcaster from the old
// one, allows every change. Without that these break, because encoding/json would read stored bytes otherwise than they were
// meant, in most cases without an error:
//
//   - A required field that is added: stored events lack it, and would get its zero value. Required is what is always written and
//     cannot be null.
//   - A field that becomes required: where it was left out or null it would get its zero value.
//   - A field that is gone or renamed: what is stored in it would be lost. If a field that differs in case only was there too, it
//     would even be read into that one.
//   - A JSON type that changes: text, number, boolean, list, object. Go refuses to read it.
//   - An integer that holds less, or loses its sign: int64 to int32, int to uint. Go refuses what does not fit.
//   - A number that keeps fewer digits: float64 to float32, int64 to float64, json.Number to either, anything to an integer.
//   - Text that becomes a time, base64 or quoted JSON, or that stops being one of the latter two: the same text would mean something
//     else, or nothing.
//   - A list that gets a fixed length, or another one: elements would be lost or filled up.
//   - A map that becomes a struct: keys without a field would be lost. A struct that becomes a map whose keys are not just text.
//   - Map keys that hold less, or become something else than text.
//   - Any value (any, json.RawMessage) that becomes one of a type.
//   - A type that gets or loses methods of its own for JSON or text, or whose name changes while it has them: nothing else is known
//     of what it reads.
//   - A version that goes back; a type or version that has a golden copy and no Go type, and that no upcasters lift into one that
//     has; an upcaster that is gone.
//
// These do not break, and only make the golden copy out of date:
//
//   - An optional field that is added: one with omitempty or omitzero, a pointer, slice, map or any value.
//   - A required field that becomes optional; a value that becomes a pointer.
//   - An integer that holds more, float32 to float64, a small integer (32 bits) to float64, anything to json.Number that is a number.
//   - A time that becomes a string; anything that becomes any value; a list of fixed length that becomes a slice; a struct that
//     becomes a map by string; map keys that become any text.
//   - A name that changes in case only, since Go reads the old one too.
//   - Another name for a Go type, another order of its fields, another package.
//
// The rules look at JSON only. That a field means something else now, cents for euros, no schema can see.
//
// # Guarantees
//
//   - Whatever a Go type writes fits its schema, and the schema is the same text each time.
//   - Whatever was written before a change that does not break is read after it, with nothing lost.
//   - Check writes nothing, sees every stored type and version, and holds no more than its sample in memory.
package schema
