//go:build !peers

package peers

var jetStreamPeer = Peer{Name: "NATS JetStream", Missing: "build it in with -tags peers"}
