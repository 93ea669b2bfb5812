package bus

// HoldSubscribing keeps everybody from subscribing until release is called.
func (b *Bus) HoldSubscribing() (release func()) {
	b.mu.Lock()
	return b.unlock
}
