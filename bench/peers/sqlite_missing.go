//go:build !cgo || race

package peers

// Compiling SQLite with the race detector takes a minute in which nothing of Oxbow is tested.
var sqlitePeer = Peer{Name: "SQLite", Missing: "needs cgo, and no -race"}
