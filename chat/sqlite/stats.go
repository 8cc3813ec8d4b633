package sqlite

import (
	"os"

	"github.com/carlware/gochat/chat"
)

// Stats implements [chat.Meter]. It returns the figures of this moment. It does not wait for the database.
func (s *Store) Stats() chat.StoreStats {
	st := chat.StoreStats{
		Waiting: s.queue.Len(),
		Readers: cap(s.readers.conns),
		Reading: cap(s.readers.conns) - len(s.readers.conns),
	}
	st.Commits, st.Writes = s.queue.Taken()
	for name, size := range map[string]*int64{s.path: &st.Bytes, s.path + "-wal": &st.LogBytes} {
		if info, err := os.Stat(name); err == nil {
			*size = info.Size()
		}
	}
	return st
}
