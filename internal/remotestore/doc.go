// Package remotestore lets several processes of one machine use one store: the process that has the driver serves it, the others use it
// over HTTP. It is made for tests with real processes, which are paused and killed; there is no authentication, and it listens on the
// loopback address only.
//
//	address, stop, err := remotestore.Serve(memory.New()) // in one process
//	st := store.New(remotestore.Dial(address), store.Config{}) // in the others
//
// A [Client] is a store.Driver and no more: nobody has its data alone, so that leases of its users expire. Errors keep their sentinels and
// their facts. A commit whose caller does not wait any more may still happen.
package remotestore
