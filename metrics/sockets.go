package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/carlware/gochat/transport/ws"
)

var socketFigures = []figure{
	{"gochat_sockets", "Connections: those that have not said hello yet, that have, and that are being closed.", []string{"state"}},
	{"gochat_sockets_slow", "Connections whose peers take less than there is to send.", nil},
	{"gochat_socket_queue", "Events, notices and replies that wait to be written.", nil},
	{"gochat_socket_queue_bytes", "About how much memory they take; shared ones count for each connection.", nil},
	{"gochat_socket_queue_longest_bytes", "The same for the connection that has most.", nil},
	{"gochat_sockets_refused_total", "Connections that were not let in, by the limit.", []string{"why"}},
	{"gochat_sockets_draining", "1 when the handler is shutting down.", nil},
}

// Sockets returns a collector of what h is at.
func Sockets(h *ws.Handler) prometheus.Collector {
	return newFigures(socketFigures, func(is tell) {
		st := h.Stats()
		is("gochat_sockets", float64(max(0, st.Conns-st.Sessions-st.Ending)), "connecting")
		is("gochat_sockets", float64(st.Sessions), "open")
		is("gochat_sockets", float64(st.Ending), "ending")
		is("gochat_sockets_slow", float64(st.Slow))
		is("gochat_socket_queue", float64(st.Queued))
		is("gochat_socket_queue_bytes", float64(st.QueuedBytes))
		is("gochat_socket_queue_longest_bytes", float64(st.Longest))
		is("gochat_sockets_draining", truth(st.Draining))
		for why, n := range map[string]uint64{
			"full": st.Refused.Full, "too_fast": st.Refused.TooFast, "per_user": st.Refused.PerUser, "per_address": st.Refused.PerAddress,
		} {
			is("gochat_sockets_refused_total", float64(n), why)
		}
	})
}
