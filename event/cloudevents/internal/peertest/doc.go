// Package peertest checks event/cloudevents against the SDK of the CloudEvents project. It is a module of its own, because the
// root module requires nothing; it holds tests only.
package peertest
