// Package prefetch asks for memory that will be read soon, so that waiting for it overlaps with other work.
package prefetch
