// Package peertest checks httpevent with the router chi, and with an App over a store. It is a module of its own, because the root
// module requires nothing; it holds tests only.
package peertest
