// Package broker opens the broker that a flag names.
package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

// Memory names the broker inside the process.
const Memory = "memory"

// Usage is the text of a flag whose value is given to [Open].
const Usage = "`broker`: memory, inside this process; amqp:// is not in this version"

// Open opens the broker that spec names; the caller closes it. It says what is
// possible when spec names another one, and repeats nothing of an address,
// which may hold a password. logger may be nil.
func Open(spec string, logger *slog.Logger) (transport.Broker, error) {
	if spec == Memory {
		return memory.New(&memory.Options{Logger: logger}), nil
	}
	return nil, unsupported(spec, "use memory")
}

// OpenShared opens a broker for a process that has to reach others over it,
// which the one inside the process can't do.
func OpenShared(spec string) (transport.Broker, error) {
	if spec == Memory || spec == "" {
		return nil, errors.New("broker memory reaches this process only, and a bot alone in it has nobody to serve: " +
			"it needs amqp://, which is not in this version; run examples/fullstack to have chat and bot in one process")
	}
	return nil, unsupported(spec, "run examples/fullstack to have chat and bot in one process")
}

func unsupported(spec, instead string) error {
	scheme, _, isURL := strings.Cut(spec, "://")
	switch {
	case isURL && (scheme == "amqp" || scheme == "amqps"):
		return fmt.Errorf("broker %s:// is not in this version: %s", scheme, instead)
	case isURL:
		return fmt.Errorf("brokers at an address are not in this version: %s", instead)
	}
	return fmt.Errorf("broker %q is unknown: %s", spec, instead)
}
