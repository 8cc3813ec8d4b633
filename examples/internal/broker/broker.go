// Package broker opens the broker that a flag names.
package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
	"github.com/carlware/gochat/transport/rabbitmq"
)

// Memory names the broker inside the process.
const Memory = "memory"

// The texts of flags whose values are given to [Open] and [OpenShared].
const (
	Usage       = "`broker`: memory, inside this process; or RabbitMQ, " + SharedUsage
	SharedUsage = "amqp:// or amqps://user@host:port/vhost; give its password in the environment, not among the arguments"
)

// Open opens the broker that spec names; the caller closes it. A server that is
// away is waited for in the background. Errors repeat nothing of an address,
// which may hold a password. logger may be nil.
func Open(spec string, logger *slog.Logger) (transport.Broker, error) {
	if spec == Memory {
		return memory.New(&memory.Options{Logger: logger}), nil
	}
	switch scheme, _, isURL := strings.Cut(spec, "://"); {
	case isURL && (scheme == "amqp" || scheme == "amqps"):
		return rabbitmq.Open(spec, &rabbitmq.Options{Name: filepath.Base(os.Args[0]), Logger: logger})
	case isURL:
		return nil, errors.New("broker has an unknown scheme: use memory, amqp:// or amqps://")
	}
	return nil, fmt.Errorf("broker %q is unknown: use memory, amqp:// or amqps://", spec)
}

// OpenShared opens a broker for a process that has to reach others over it,
// which the one inside the process can't do.
func OpenShared(spec string) (transport.Broker, error) {
	if spec == Memory || spec == "" {
		return nil, errors.New("a bot alone in its process has nobody to serve: give -broker the amqp:// address that the chat uses, " +
			"or run examples/fullstack to have chat and bot in one process")
	}
	return Open(spec, nil)
}

// Report is what a broker is at, as operators see it.
type Report struct {
	State       string `json:"state"`
	Connections uint64 `json:"connections"`   // made so far
	Err         string `json:"err,omitempty"` // why it is not up
	Stats       any    `json:"stats,omitempty"`
}

// ReportOf returns what b is at.
func ReportOf(b transport.Broker) Report {
	now := b.Status()
	r := Report{State: now.State.String(), Connections: now.Epoch}
	if now.Err != nil {
		r.Err = now.Err.Error()
	}
	switch b := b.(type) {
	case *rabbitmq.Broker:
		r.Stats = b.Stats()
	case *memory.Broker:
		r.Stats = b.Stats()
	}
	return r
}
