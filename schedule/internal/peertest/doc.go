// Package peertest checks the cron expressions of package schedule against another implementation. It is a module of its own, because
// the root module requires nothing; it holds tests only.
package peertest
