package rabbitmq

import (
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/carlware/gochat/transport"
)

const (
	headerBot      = "bot"
	headerInstance = "instance"
	headerSince    = "since"  // Unix time in ms
	headerTTL      = "ttl_ms" //
)

func encodeAnnouncement(a *announcing, kind, exchange string) *publishing {
	m := &publishing{exchange: exchange, msg: amqp.Publishing{
		Type: kind, ContentType: "application/json", DeliveryMode: amqp.Transient,
		Headers: amqp.Table{headerBot: a.Bot, headerInstance: a.Instance},
	}}
	if kind == typeAnnounce {
		m.msg.Headers[headerSince] = a.Since.UnixMilli()
		m.msg.Headers[headerTTL] = a.TTL.Milliseconds()
		m.msg.Body = a.Body
	}
	return m
}

// decodeAnnouncement reads an announcement, or its withdrawal, which names bot
// and instance only.
func decodeAnnouncement(d *amqp.Delivery) (a transport.Announcement, err error) {
	a.Bot, _ = d.Headers[headerBot].(string)
	a.Instance, _ = d.Headers[headerInstance].(string)
	if err := checkNames(a.Bot); err != nil {
		return a, err
	}
	if a.Instance == "" || len(a.Instance) > maxInstance {
		return a, errInstance
	}
	switch {
	case d.Type == typeLeave:
		return a, nil
	case d.Type != typeAnnounce:
		return a, errType
	case len(d.Body) > transport.MaxBody:
		return a, errBody
	}
	since, ok := integer(d.Headers[headerSince])
	ttl, ok2 := integer(d.Headers[headerTTL])
	if !ok || !ok2 {
		return a, errAnnouncer
	}
	a.Since = time.UnixMilli(since)
	a.TTL = time.Duration(min(max(ttl, leastTTL.Milliseconds()), mostTTL.Milliseconds())) * time.Millisecond
	a.Body = d.Body
	return a, nil
}
