package chat

import (
	"slices"
	"strings"

	"github.com/carlware/gochat/command"
)

// Stats is what a [Node] is at, for pages that show how a service does and for
// metrics.
type Stats struct {
	Rooms    int `json:"rooms"`    // hosted: somebody connected here is in them, or was half a minute ago
	Sessions int `json:"sessions"` // connected here
	Users    int `json:"users"`    // whom they belong to
	Places   int `json:"places"`   // sessions in rooms: one that is in three rooms counts three times
	Behind   int `json:"behind"`   // sessions that read a room from the log, having come back or being slow

	Queued      int `json:"queued"`       // events, notices and outcomes that wait for sessions to take them
	QueuedBytes int `json:"queued_bytes"` // about how much memory they take; shared ones count for each session

	Calls     int `json:"calls"`     // commands that run here or wait for a bot, of [Limits].Calls
	Abandoned int `json:"abandoned"` // handlers in this process that go on after their deadline; each holds a place among Calls

	Publishing int `json:"publishing"` // batches and notices that wait to be published to other nodes, of 4,096
	Hooks      int `json:"hooks"`      // batches that wait for [Options].Committed, of 1,024

	// Bots are those in this process and those announced on the broker, sorted
	// by name.
	Bots []command.Served `json:"bots"`

	Epoch string     `json:"epoch"` // of the store, as this node knows it
	Store StoreStats `json:"store"` // zero where the store is no [Meter]
}

// Meter is a [Store] that tells what it is at. Its Stats does not wait for the
// database, and may be called concurrently.
type Meter interface {
	// Stats returns the figures of this moment.
	Stats() StoreStats
}

// StoreStats is what a store is at.
type StoreStats struct {
	Waiting int    `json:"waiting"` // writes that wait to be committed
	Commits uint64 `json:"commits"` // batches that were given to the database since the store was opened
	Writes  uint64 `json:"writes"`  // writes in them

	Readers int `json:"readers"` // connections for reading
	Reading int `json:"reading"` // of them in use

	Bytes    int64 `json:"bytes"`     // of the database's file; 0 where the store does not know
	LogBytes int64 `json:"log_bytes"` // of its write-ahead log
}

// Stats looks at each session, so it takes about a millisecond for 10,000 of
// them. It holds nobody up meanwhile, and asks neither store nor broker.
func (n *Node) Stats() Stats {
	st := Stats{
		Publishing: len(n.out),
		Hooks:      len(n.hooked),
		Bots:       n.calls.served(),
		Epoch:      *n.epoch.Load(),
	}
	n.mu.RLock()
	st.Rooms = len(n.rooms)
	n.mu.RUnlock()
	n.calls.mu.Lock()
	st.Calls, st.Abandoned = len(n.calls.pending), n.calls.abandoned
	n.calls.mu.Unlock()
	n.directory.mu.RLock()
	st.Users = len(n.directory.users)
	n.directory.mu.RUnlock()
	for _, s := range n.directory.everyone() {
		s.count(&st)
	}
	if m, ok := n.store.(Meter); ok {
		st.Store = m.Stats()
	}
	return st
}

func (s *Session) count(st *Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Sessions++
	st.Places += len(s.seats)
	if len(s.behind) > 0 {
		st.Behind++
	}
	st.Queued += len(s.queue) - int(s.head)
	st.QueuedBytes += s.bytes
}

// served returns who serves commands: this process first.
func (c *calls) served() []command.Served {
	byBot := map[string][]string{}
	for _, s := range c.specs {
		byBot[s.Bot] = append(byBot[s.Bot], s.Name)
	}
	var all []command.Served
	for bot, names := range byBot {
		slices.Sort(names)
		all = append(all, command.Served{Bot: bot, Local: true, Commands: names})
	}
	if c.remote != nil {
		all = append(all, c.remote.Bots()...)
	}
	slices.SortStableFunc(all, func(a, b command.Served) int { return strings.Compare(a.Bot, b.Bot) })
	return all
}
