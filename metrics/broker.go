package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
	"github.com/carlware/gochat/transport/rabbitmq"
)

var brokerFigures = []figure{
	{"gochat_broker_state", "1 for the state that the broker is in.", []string{"state"}},
	{"gochat_broker_connections_total", "Connections that were made to the broker.", nil},
	{"gochat_broker_events_lost_total", "Events dropped for a full queue, a broken connection or a slow subscriber; nodes find them in the log.", nil},
	{"gochat_broker_requests_expired_total", "Commands whose time ended before a bot was done.", nil},
	{"gochat_broker_dead_letters_total", "Commands that were set aside.", nil},
	{"gochat_broker_results_rejected_total", "Results that no node could make sense of.", nil},
	{"gochat_broker_garbage_total", "Messages that can't be read, are too large, misdirected, or from whom is not trusted.", nil},
}

// Broker returns a collector of what b is at. Of a broker that is none of this
// module's it tells the state alone.
func Broker(b transport.Broker) prometheus.Collector {
	return newFigures(brokerFigures, func(is tell) {
		now := b.Status()
		for _, s := range []transport.State{transport.Down, transport.Blocked, transport.Up} {
			is("gochat_broker_state", truth(s == now.State), s.String())
		}
		is("gochat_broker_connections_total", float64(now.Epoch))
		counted := func(lost, expired, dead, rejected uint64) {
			is("gochat_broker_events_lost_total", float64(lost))
			is("gochat_broker_requests_expired_total", float64(expired))
			is("gochat_broker_dead_letters_total", float64(dead))
			is("gochat_broker_results_rejected_total", float64(rejected))
		}
		switch b := b.(type) {
		case *rabbitmq.Broker:
			st := b.Stats()
			counted(st.EventsLost, st.RequestsExpired, st.DeadLetters, st.ResultsRejected)
			is("gochat_broker_garbage_total", float64(st.Garbage))
		case *memory.Broker:
			st := b.Stats()
			counted(st.EventsLost, st.RequestsExpired, st.DeadLetters, st.ResultsRejected)
		}
	})
}
