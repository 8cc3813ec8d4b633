package memory

// Entries is how many names the broker remembers.
func (b *Broker) Entries() int {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	return len(b.srv.queues) + len(b.srv.subs) + len(b.consumers) + len(b.subs) + len(b.announcing)
}
