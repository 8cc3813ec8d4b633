// Package metrics tells Prometheus how a chat does: collectors for the parts of
// a chat, to be registered where a program has its other metrics.
//
//	events := metrics.NewEvents()
//	node, err := chat.New(&chat.Options{Trace: events.Trace(), Broker: broker, …})
//	sockets := ws.NewHandler(node, authenticate, nil)
//	reg := prometheus.NewRegistry()
//	reg.MustRegister(events, metrics.Node(node), metrics.Sockets(sockets), metrics.Broker(broker))
//	admin.Handle("/metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
//
// Each collector can be left out, and is ready when it is made. Metrics tell how
// many people are there and how much they talk: serve them on an address that
// only operators reach. docs/operations.md in the repository says which to watch
// and when to worry.
//
// # What there is
//
// All names begin with gochat_, times are in seconds and sizes in bytes. No
// label has a room, a user or anything else that users make: kinds, codes,
// states, and the names of commands and bots. What the bots of others may name is
// bounded as well: after 100 values of a label, further ones count as "other".
//
// From [NewEvents], through [chat.Trace]:
//
//   - gochat_write_duration_seconds{kind}: requests that stored an event, from
//     their arrival to their commit
//   - gochat_duplicates_total{kind}: of them, resends of what was stored
//   - gochat_refused_total{code}: requests that stored nothing
//   - gochat_events_delivered_total, gochat_deliveries_total: events handed to
//     sessions, and sessions that they were handed to
//   - gochat_sessions_started_total, gochat_sessions_ended_total{reason}
//   - gochat_fell_behind_total: rooms that sessions had to read from the log
//   - gochat_filled_events_total: events that no node told of and the log did
//   - gochat_sweep_duration_seconds, gochat_sweep_failures_total: looks at the
//     store, every two seconds
//   - gochat_commands_ended_total{command,status}: by the node that stored the end
//   - gochat_command_duration_seconds{command,status}: by the node that was asked
//   - gochat_late_replies_total{bot}
//   - gochat_dropped_total{what}: see [chat.Trace].Dropped
//
// From [Node], through [chat.Node.Stats]: gochat_rooms, gochat_sessions,
// gochat_users, gochat_places, gochat_sessions_behind, gochat_session_queue,
// gochat_session_queue_bytes, gochat_calls, gochat_calls_abandoned,
// gochat_publish_queue, gochat_hook_queue, gochat_bot_instances{bot},
// gochat_bot_instances_refused{bot}; and of stores that tell,
// gochat_store_queue, gochat_store_commits_total, gochat_store_writes_total,
// gochat_store_readers, gochat_store_reading, gochat_store_bytes,
// gochat_store_log_bytes.
//
// From [Sockets], through [ws.Handler.Stats]: gochat_sockets{state}, gochat_sockets_slow,
// gochat_socket_queue, gochat_socket_queue_bytes, gochat_socket_queue_longest_bytes,
// gochat_sockets_refused_total{why}, gochat_sockets_draining.
//
// From [Broker], through its Status: gochat_broker_state{state},
// gochat_broker_connections_total; and from the brokers of this module
// gochat_broker_events_lost_total, gochat_broker_requests_expired_total,
// gochat_broker_dead_letters_total, gochat_broker_results_rejected_total, and
// gochat_broker_garbage_total of RabbitMQ's.
//
// # Why this library
//
// The collectors are those of github.com/prometheus/client_golang, because the
// programs that are scraped by Prometheus have it, and register what they scrape
// in one place. Nothing else of this module imports it: a program that does not
// import this package has nothing of it in its binary, its go.mod or its go.sum.
package metrics
