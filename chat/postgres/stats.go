package postgres

import (
	"slices"

	"github.com/carlware/gochat/chat"
)

// Stats implements [chat.Meter]. It returns the figures of this moment. It does not wait for the database,
// whose size it does not know.
func (s *Store) Stats() chat.StoreStats {
	pool := s.readers.Stat()
	st := chat.StoreStats{Readers: int(pool.MaxConns()), Reading: int(pool.AcquiredConns())}
	for _, c := range append(slices.Clip(s.shards), s.side) {
		batches, requests := c.queue.Taken()
		st.Waiting += c.queue.Len()
		st.Commits += batches
		st.Writes += requests
	}
	return st
}
