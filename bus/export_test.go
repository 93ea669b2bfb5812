package bus

// HoldSubscribing keeps everybody from subscribing until release is called.
func (b *Bus) HoldSubscribing() (release func()) {
	b.mu.Lock()
	return b.unlock
}

// Listed returns how many subscriptions the bus has. It leaves those that are over where they are.
func (b *Bus) Listed() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.subs)
}
