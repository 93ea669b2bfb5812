// Package soak is a long test: several processes consume one store while they are killed and paused at random, handlers fail at random,
// and the process that has the store is killed as well. What they leave must be what a calm run leaves, byte for byte.
//
//	go test ./bench/soak -soak.events 1000000 -v     # the whole; without the flag, a part that takes seconds
//	go test ./bench/soak -soak.seed 42               # what happened with this seed, as far as processes repeat
package soak
