// Package schematest checks in a program's own tests that it reads what is stored: [Golden] against copies of its events' JSON
// Schemas, before anything is released; [RoundTrip] against the records of a real store.
package schematest
