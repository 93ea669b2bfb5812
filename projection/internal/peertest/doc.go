// Package peertest has only tests: projections into a real SQL database, SQLite. It is a module of its own, so that Oxbow's root module
// requires nothing.
package peertest
