package metrics

import (
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/carlware/gochat/chat"
)

// Events collects what a node does. Make one with [NewEvents], and give its
// Trace to the node.
type Events struct {
	writes     *prometheus.HistogramVec
	duplicates *prometheus.CounterVec
	refused    *prometheus.CounterVec
	events     prometheus.Counter
	deliveries prometheus.Counter
	started    prometheus.Counter
	ended      *prometheus.CounterVec
	behind     prometheus.Counter
	filled     prometheus.Counter
	sweeps     prometheus.Histogram
	failures   prometheus.Counter
	commands   *prometheus.CounterVec
	answers    *prometheus.HistogramVec
	late       *prometheus.CounterVec
	dropped    *prometheus.CounterVec

	codes, names, bots bound
}

// The buckets reach from what a store takes at its best to where people have
// given up.
var (
	writeBuckets   = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	commandBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
)

// NewEvents returns an Events that has counted nothing yet.
func NewEvents() *Events {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &Events{
		writes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gochat_write_duration_seconds", Buckets: writeBuckets,
			Help: "Requests that stored an event, from their arrival to their commit.",
		}, []string{"kind"}),
		duplicates: counters("gochat_duplicates_total", "Requests that were resends of what was stored.", "kind"),
		refused:    counters("gochat_refused_total", "Requests to store an event, make a room or run a command that came to an error, by its code.", "code"),
		events:     counter("gochat_events_delivered_total", "Events of hosted rooms that were handed to sessions."),
		deliveries: counter("gochat_deliveries_total", "Sessions that events were handed to, one for each event."),
		started:    counter("gochat_sessions_started_total", "Sessions that began."),
		ended:      counters("gochat_sessions_ended_total", "Sessions that ended.", "reason"),
		behind:     counter("gochat_fell_behind_total", "Rooms that a session had to read from the log, being slow or having come back."),
		filled:     counter("gochat_filled_events_total", "Events read from the log because no node had told of them."),
		sweeps: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gochat_sweep_duration_seconds", Buckets: writeBuckets, Help: "Looks at the store, every two seconds.",
		}),
		failures: counter("gochat_sweep_failures_total", "Looks at the store that came to an error."),
		commands: counters("gochat_commands_ended_total", "Commands whose end this node stored.", "command", "status"),
		answers: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gochat_command_duration_seconds", Buckets: commandBuckets,
			Help: "Commands that this node was asked, from the request to the end.",
		}, []string{"command", "status"}),
		late:    counters("gochat_late_replies_total", "Replies of bots to commands that had ended.", "bot"),
		dropped: counters("gochat_dropped_total", "What was left out: events to other nodes, hook calls, foreign messages and replies to no call.", "what"),
	}
}

// Trace returns what the node is to be given. Its functions may be called
// concurrently, and by several nodes, which are then counted together.
func (e *Events) Trace() *chat.Trace {
	return &chat.Trace{
		Stored: func(kind chat.EventKind, duplicate bool, took time.Duration) {
			if duplicate {
				e.duplicates.WithLabelValues(string(kind)).Inc()
			}
			e.writes.WithLabelValues(string(kind)).Observe(took.Seconds())
		},
		Refused: func(err error) { e.refused.WithLabelValues(e.codes.value(chat.AsError(err).Code)).Inc() },
		Delivered: func(sessions int) {
			e.events.Inc()
			e.deliveries.Add(float64(sessions))
		},
		Connected:    e.started.Inc,
		Disconnected: func(err error) { e.ended.WithLabelValues(reason(err)).Inc() },
		FellBehind:   e.behind.Inc,
		Filled:       func(events int) { e.filled.Add(float64(events)) },
		Swept: func(took time.Duration, err error) {
			e.sweeps.Observe(took.Seconds())
			if err != nil {
				e.failures.Inc()
			}
		},
		Ended: func(command string, status chat.CallStatus) {
			e.commands.WithLabelValues(e.names.value(command), string(status)).Inc()
		},
		Answered: func(command string, status chat.CallStatus, took time.Duration) {
			e.answers.WithLabelValues(e.names.value(command), string(status)).Observe(took.Seconds())
		},
		LateReply: func(bot string) { e.late.WithLabelValues(e.bots.value(bot)).Inc() },
		Dropped:   func(what string) { e.dropped.WithLabelValues(what).Inc() },
	}
}

// reason is why a session has ended.
func reason(err error) string {
	for name, is := range map[string]error{
		"closed": chat.ErrClosed, "revoked": chat.ErrRevoked, "epoch": chat.ErrEpoch, "slow": chat.ErrBusy, "expired": chat.ErrExpired,
	} {
		if errors.Is(err, is) {
			return name
		}
	}
	return "other"
}

func (e *Events) all() []prometheus.Collector {
	return []prometheus.Collector{
		e.writes, e.duplicates, e.refused, e.events, e.deliveries, e.started, e.ended, e.behind, e.filled,
		e.sweeps, e.failures, e.commands, e.answers, e.late, e.dropped,
	}
}

// Describe implements [prometheus.Collector].
func (e *Events) Describe(to chan<- *prometheus.Desc) {
	for _, c := range e.all() {
		c.Describe(to)
	}
}

// Collect implements [prometheus.Collector].
func (e *Events) Collect(to chan<- prometheus.Metric) {
	for _, c := range e.all() {
		c.Collect(to)
	}
}

// maxValues is how many values a label has that others choose.
const maxValues = 100

// bound makes "other" of all values after the first ones: what a bot of
// somebody else announces, or a handler without specs is asked for, must not fill
// the memory of Prometheus.
type bound struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (b *bound) value(v string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.seen[v]:
		return v
	case len(b.seen) >= maxValues:
		return "other"
	case b.seen == nil:
		b.seen = map[string]bool{}
	}
	b.seen[v] = true
	return v
}
