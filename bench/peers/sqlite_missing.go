//go:build !peers || !cgo

package peers

var sqlitePeer = Peer{Name: "SQLite", Missing: "build it in with -tags peers, and with cgo"}
