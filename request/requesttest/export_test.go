package requesttest

// InBubbles has each claim run in a bubble of testing/synctest: the moment in which something must not happen is over only when
// all has happened that can, and patience takes no time.
func InBubbles(h Harness) Harness {
	h.bubble = true
	return h
}
