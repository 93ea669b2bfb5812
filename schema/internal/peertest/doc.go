// Package peertest checks the schemas of package schema against a validator of JSON Schema. It is a module of its own, because the
// root module requires nothing; it holds tests only.
package peertest
