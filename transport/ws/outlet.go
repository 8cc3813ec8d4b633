package ws

// outlet is one way in which bytes get out of a connection.
type outlet interface {
	// try writes what the system takes at once and returns how much that was,
	// perhaps nothing. It never waits. One call at a time.
	try(b []byte) (int, error)

	// close is called before the connection is closed. Nothing is tried any
	// more once it has returned.
	close()
}

// patient is the outlet of connections that can be written to only by waiting,
// such as TLS and what is not a socket: all is left to the writer that waits.
type patient struct{}

func (patient) try([]byte) (int, error) { return 0, nil }
func (patient) close()                  {}
