// Package killtest has tests only: a process with a consumer on the embedded engine is killed at every step.
package killtest
