package rabbitmq

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/carlware/gochat/transport"
)

// The types of messages. A receiver drops others.
const (
	typeCommand  = "gochat.command.v1"
	typeResult   = "gochat.result.v1"
	typeEvents   = "gochat.events.v1"
	typeAnnounce = "gochat.announce.v1"
	typeLeave    = "gochat.leave.v1"
	typeWho      = "gochat.who.v1"
	typeProbe    = "gochat.probe.v1" // to nobody
)

// longest is the longest time that a request may have, so that no arithmetic
// on what comes from outside overflows.
const longest = 24 * time.Hour

const headerDeadline = "deadline" // Unix time in ms, by the sender's clock

var (
	errType = errors.New("message has another type")
	errBody = fmt.Errorf("body is longer than %d bytes", transport.MaxBody)
	errKey  = errors.New("message has another routing key")
	errTime = errors.New("expiration is not a number of ms above 0")
)

// requestMessage makes the message of r, for which so much time is left. Its
// body is r's.
func requestMessage(q *queue, r transport.Request, left time.Duration, now time.Time) *publishing {
	ms := max(min(left, longest).Milliseconds(), 1)
	return &publishing{exchange: q.exchange, key: q.key, mandatory: true, msg: amqp.Publishing{
		Type: typeCommand, ContentType: "application/json", DeliveryMode: amqp.Persistent,
		CorrelationId: r.ID,
		ReplyTo:       r.Store,
		Expiration:    strconv.FormatInt(ms, 10),
		Headers:       amqp.Table{headerDeadline: now.UnixMilli() + ms},
		Body:          r.Body,
	}}
}

// decodeRequest reads a message from the queue of bot and command. expires is
// when its time is over, by the clock that now is of.
func decodeRequest(d *amqp.Delivery, bot, command string, now time.Time) (r transport.Request, expires time.Time, err error) {
	if err := check(d, typeCommand, commandKey(bot, command)); err != nil {
		return r, expires, err
	}
	if err := checkNames(d.CorrelationId, d.ReplyTo); err != nil {
		return r, expires, err
	}
	ms, err := strconv.ParseInt(d.Expiration, 10, 64)
	if err != nil || ms <= 0 || ms > longest.Milliseconds() {
		return r, expires, errTime
	}
	left := time.Duration(ms) * time.Millisecond
	// The broker has handed it out, so there is time left, and no more than at
	// first. Where the sender's clock says otherwise it goes wrong.
	if deadline, ok := integer(d.Headers[headerDeadline]); ok {
		if by := time.UnixMilli(deadline).Sub(now); by > 0 && by < left {
			left = by
		}
	}
	return transport.Request{
		ID: d.CorrelationId, Store: d.ReplyTo, Bot: bot, Command: command,
		Timeout: left, Attempt: attempt(d), Body: d.Body,
	}, now.Add(left), nil
}

// attempt is the number of a delivery, from 1.
func attempt(d *amqp.Delivery) int {
	before, ok := integer(d.Headers["x-delivery-count"])
	if !ok && d.Redelivered { // a queue that does not count
		before = 1
	}
	return int(min(max(before, 0), 1<<20)) + 1
}

// resultMessage makes the message of a result for r. Its body is body.
func resultMessage(t *topology, r transport.Request, body []byte) *publishing {
	return &publishing{exchange: t.results, key: r.Store, mandatory: true, msg: amqp.Publishing{
		Type: typeResult, ContentType: "application/json", DeliveryMode: amqp.Persistent,
		CorrelationId: r.ID,
		AppId:         r.Bot,
		Body:          body,
	}}
}

// decodeResult reads a message from the results queue of store.
func decodeResult(d *amqp.Delivery, store string) (transport.Result, error) {
	if err := check(d, typeResult, store); err != nil {
		return transport.Result{}, err
	}
	if err := checkNames(d.CorrelationId, d.AppId); err != nil {
		return transport.Result{}, err
	}
	return transport.Result{ID: d.CorrelationId, Store: store, Bot: d.AppId, Body: d.Body}, nil
}

// check looks at what every message must have. key is where it must have been
// sent to.
func check(d *amqp.Delivery, kind, key string) error {
	switch {
	case d.Type != kind:
		return errType
	case d.RoutingKey != key:
		return errKey
	case len(d.Body) > transport.MaxBody:
		return errBody
	}
	return nil
}

// integer reads a header that libraries of other languages encode in as few
// bytes as they like.
func integer(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case int32:
		return int64(n), true
	case int16:
		return int64(n), true
	case int8:
		return int64(n), true
	case uint8:
		return int64(n), true
	case uint16:
		return int64(n), true
	case uint32:
		return int64(n), true
	case float64: // JavaScript, of a number above 2^53 or with a fraction
		if n > -1<<53 && n < 1<<53 {
			return int64(n), true
		}
	}
	return 0, false
}
