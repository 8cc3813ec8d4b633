package rabbitmq

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/carlware/gochat/transport"
)

const (
	plainBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	maxPlain   = 64
)

// plain returns name as part of a queue's name: itself where it is short and
// of harmless characters, else "=" and a digest.
func plain(name string) string {
	if name != "" && len(name) <= maxPlain && strings.Trim(name, plainBytes) == "" {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return "=" + hex.EncodeToString(sum[:16])
}

// topology is the names of what is in the broker.
type topology struct {
	commands, results, events string // direct exchanges
	announce, dead            string // fanout exchanges; dead is a queue too
	requests                  int
	prefix                    string
}

func newTopology(o Options) topology {
	return topology{
		commands: o.Prefix + "commands",
		results:  o.Prefix + "results",
		events:   o.Prefix + "events",
		announce: o.Prefix + "announce",
		dead:     o.Prefix + "dead",
		requests: o.Requests,
		prefix:   o.Prefix,
	}
}

// commandKey is the routing key of a command's requests.
func commandKey(bot, command string) string { return plain(bot) + "." + plain(command) }

// queue is a queue to be declared, with its binding.
type queue struct {
	name          string
	exchange, key string
	exclusive     bool
	args          amqp.Table
}

const (
	resultsWait  = 15 * 60 * 1000 // ms; no command may take longer
	unusedQueue  = 24 * 60 * 60 * 1000
	deadKept     = 7 * 24 * 60 * 60 * 1000
	deadLetters  = 10_000
	maxResults   = 4096
	maxDelivered = 20 // more than any MaxAttempts in use; the worker counts too
	queueBytes   = 64 << 20

	// noLimit stands for "no delivery limit", for which RabbitMQ 3 and 4 have no
	// common value.
	noLimit = 1_000_000_000
)

// commandQueue is where the requests for one command of a bot wait. Requests
// that nobody could do, or in time, go to the dead letters.
func (t *topology) commandQueue(bot, command string) queue {
	key := commandKey(bot, command)
	return queue{name: t.prefix + "command." + key, exchange: t.commands, key: key, args: amqp.Table{
		"x-queue-type":           "quorum",
		"x-delivery-limit":       int64(maxDelivered),
		"x-dead-letter-exchange": t.dead,
		"x-dead-letter-strategy": "at-least-once",
		"x-overflow":             "reject-publish",
		"x-max-length":           int64(t.requests),
		"x-max-length-bytes":     int64(queueBytes),
		"x-expires":              int64(unusedQueue),
	}}
}

// resultQueue is where the results for a store wait.
func (t *topology) resultQueue(store string) queue {
	return queue{name: t.prefix + "results." + plain(store), exchange: t.results, key: store, args: amqp.Table{
		"x-queue-type":       "quorum",
		"x-delivery-limit":   int64(noLimit),
		"x-overflow":         "reject-publish",
		"x-max-length":       int64(maxResults),
		"x-max-length-bytes": int64(queueBytes),
		"x-message-ttl":      int64(resultsWait),
		"x-expires":          int64(unusedQueue),
	}}
}

// deadQueue is where dead letters are kept for the operator.
func (t *topology) deadQueue() queue {
	return queue{name: t.dead, exchange: t.dead, args: amqp.Table{
		"x-queue-type":  "quorum",
		"x-max-length":  int64(deadLetters),
		"x-message-ttl": int64(deadKept),
	}}
}

// nodeQueue is one connection's own queue. It ends with the connection, and
// loses its oldest messages when they are not read.
func (t *topology) nodeQueue(name, exchange, key string) queue {
	return queue{name: t.prefix + "node." + name, exchange: exchange, key: key, exclusive: true, args: amqp.Table{
		"x-overflow":         "drop-head",
		"x-max-length":       int64(nodeMessages),
		"x-max-length-bytes": int64(nodeBytes),
	}}
}

const (
	nodeMessages = 10_000
	nodeBytes    = 32 << 20
)

var errEmptyName = errors.New("rabbitmq: empty name")

// checkNames refuses what can't be carried.
func checkNames(names ...string) error {
	for _, name := range names {
		if name == "" {
			return errEmptyName
		}
		if len(name) > transport.MaxName {
			return fmt.Errorf("rabbitmq: %w: name of %d bytes", transport.ErrTooLarge, len(name))
		}
	}
	return nil
}

func checkBody(body []byte) error {
	if len(body) > transport.MaxBody {
		return fmt.Errorf("rabbitmq: %w: body of %d bytes", transport.ErrTooLarge, len(body))
	}
	return nil
}
