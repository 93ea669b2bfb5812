//go:build race

package peers

// Compiling a NATS server with the race detector takes a minute in which nothing of Oxbow is tested.
var jetStreamPeer = Peer{Name: "NATS JetStream", Missing: "no -race"}
