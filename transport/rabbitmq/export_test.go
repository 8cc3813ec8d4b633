package rabbitmq

// Cut closes the sockets of b's connections.
func Cut(b *Broker) {
	b.mu.Lock()
	s := b.session
	b.mu.Unlock()
	if s != nil {
		s.cut()
	}
}
