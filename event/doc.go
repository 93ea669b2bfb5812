// Package event holds what every other part of Oxbow speaks of: typed events, their metadata, and the records they become.
//
// Any struct is an event; there is nothing to embed and nothing to register first:
//
//	type OrderPlaced struct {
//		OrderID string
//		Total   int64 // cents
//	}
//
//	func (e OrderPlaced) AggregateID() string { return e.OrderID } // optional
//
// Its type name is made from the Go name (OrderPlaced becomes "order.placed") unless the struct has a method EventType.
// See [Typed], [Versioned], [Aggregate], [AggregateTyped], [Topical], [Tagged] and [Validated] for what a struct may say about itself.
//
// Guarantees:
//
//   - IDs made by [NewID] are UUIDv7 (RFC 9562) and strictly increase within a process.
//   - Causation is automatic: an event made with a context that carries a [Cause] takes over its correlation id, user and trace,
//     and names it as its causation.
//   - An event whose data say that they are wrong is not made ([Validated]), and so neither stored nor delivered. What is stored is
//     read without being asked.
//   - An event written as a CloudEvent and read again is the same event, whatever its id, payload, tags and headers.
//   - Stored bytes are never changed: old versions and old types are lifted by upcasters when they are read; see [Registry.Upcast],
//     [Registry.UpcastTo] and [Registry.UpcastSplit]. A record is always read as exactly one event, and lifting always ends.
package event
