package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/carlware/gochat/chat"
)

var nodeFigures = []figure{
	{"gochat_rooms", "Rooms that are hosted: somebody connected here is in them, or was half a minute ago.", nil},
	{"gochat_sessions", "Sessions that are connected here.", nil},
	{"gochat_users", "Users who have a session here.", nil},
	{"gochat_places", "Sessions in rooms: one that is in three rooms counts three times.", nil},
	{"gochat_sessions_behind", "Sessions that read a room from the log, having come back or being slow.", nil},
	{"gochat_session_queue", "Events, notices and outcomes that wait for sessions to take them.", nil},
	{"gochat_session_queue_bytes", "About how much memory they take; shared ones count for each session.", nil},
	{"gochat_calls", "Commands that run here or wait for a bot.", nil},
	{"gochat_calls_abandoned", "Handlers in this process that go on after their deadline.", nil},
	{"gochat_publish_queue", "Batches and notices that wait to be published to other nodes.", nil},
	{"gochat_hook_queue", "Batches that wait for Options.Committed.", nil},
	{"gochat_bot_instances", "Processes that announce a bot; 1 for one in this process.", []string{"bot"}},
	{"gochat_bot_instances_refused", "Of them, those whose announcement can't be read.", []string{"bot"}},
	{"gochat_store_queue", "Writes that wait to be committed.", nil},
	{"gochat_store_commits_total", "Batches that were given to the database.", nil},
	{"gochat_store_writes_total", "Writes in them.", nil},
	{"gochat_store_readers", "Connections to the database for reading.", nil},
	{"gochat_store_reading", "Of them, those in use.", nil},
	{"gochat_store_bytes", "The size of the database's file.", nil},
	{"gochat_store_log_bytes", "The size of its write-ahead log.", nil},
}

// Node returns a collector of what n and its store are at.
func Node(n *chat.Node) prometheus.Collector {
	var bots bound
	return newFigures(nodeFigures, func(is tell) {
		st := n.Stats()
		is("gochat_rooms", float64(st.Rooms))
		is("gochat_sessions", float64(st.Sessions))
		is("gochat_users", float64(st.Users))
		is("gochat_places", float64(st.Places))
		is("gochat_sessions_behind", float64(st.Behind))
		is("gochat_session_queue", float64(st.Queued))
		is("gochat_session_queue_bytes", float64(st.QueuedBytes))
		is("gochat_calls", float64(st.Calls))
		is("gochat_calls_abandoned", float64(st.Abandoned))
		is("gochat_publish_queue", float64(st.Publishing))
		is("gochat_hook_queue", float64(st.Hooks))
		instances, refused := map[string]int{}, map[string]int{}
		for _, b := range st.Bots {
			name := bots.value(b.Bot)
			instances[name] += b.Instances
			refused[name] += b.Refused
			if b.Local {
				instances[name]++
			}
		}
		for name, n := range instances {
			is("gochat_bot_instances", float64(n), name)
			is("gochat_bot_instances_refused", float64(refused[name]), name)
		}
		store(is, st.Store)
	})
}

// store tells what a store has to tell.
func store(is tell, st chat.StoreStats) {
	if st == (chat.StoreStats{}) {
		return
	}
	is("gochat_store_queue", float64(st.Waiting))
	is("gochat_store_commits_total", float64(st.Commits))
	is("gochat_store_writes_total", float64(st.Writes))
	is("gochat_store_readers", float64(st.Readers))
	is("gochat_store_reading", float64(st.Reading))
	if st.Bytes > 0 {
		is("gochat_store_bytes", float64(st.Bytes))
		is("gochat_store_log_bytes", float64(st.LogBytes))
	}
}
