// Package spread helps processors to stay out of each other's way: what all of them write is kept several times over, and each
// goroutine picks its own.
package spread

import "unsafe"

// Ways is how many of each there are.
const Ways = 8

// Pick returns a number below Ways that differs between most goroutines and mostly stays the same for one: it is made of where
// its stack is. It is good for choosing among equals only.
func Pick() int {
	var here byte
	return int(uint64(uintptr(unsafe.Pointer(&here))>>12) * 0x9e3779b97f4a7c15 >> (64 - 3))
}
