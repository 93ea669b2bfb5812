// Package causation holds the key under which a context carries the cause of new events, for the rooms that make such contexts.
package causation

// Key asks a context for the cause that it carries: an *event.Cause, or the *event.Metadata of the event that is handled.
type Key struct{}
