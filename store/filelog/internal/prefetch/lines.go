//go:build amd64 || arm64

package prefetch

// Lines asks for the cache lines in which the bytes stand. It reads none of them and never faults: where the bytes are a mapped file, what
// is not in memory stays where it is.
//
//go:noescape
func Lines(b []byte)
