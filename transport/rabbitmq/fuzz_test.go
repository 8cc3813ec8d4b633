package rabbitmq

import (
	"bytes"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/carlware/gochat/transport"
)

// FuzzEvents reads a body as events: what is accepted is within the limits and
// is what such events are written as.
func FuzzEvents(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendEvent(appendEvent(nil, "room:1", []byte(`{"v":1}`)), "k", nil))
	f.Add([]byte("\x00\x03key\xff\xff\xff\xffbody"))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := readEvents(body)
		if err != nil {
			return
		}
		var again []byte
		for _, e := range events {
			if e.Key == "" || len(e.Key) > transport.MaxName || len(e.Body) > transport.MaxBody || cap(e.Body) != len(e.Body) {
				t.Fatalf("event with a key of %d bytes, a body of %d in %d", len(e.Key), len(e.Body), cap(e.Body))
			}
			again = appendEvent(again, e.Key, e.Body)
		}
		if len(events) > maxInMessage || !bytes.Equal(again, body) {
			t.Fatalf("%d events of %q are written as %q", len(events), body, again)
		}
	})
}

// FuzzDelivery reads messages of any kind as what they say they are. Nothing
// outside of the limits gets through.
func FuzzDelivery(f *testing.F) {
	f.Add(typeCommand, "bot.do", "id", "store", "10000", "bot", int64(1795903450120), int64(3), true, []byte("{}"))
	f.Add(typeResult, "store", "id", "", "", "bot", int64(0), int64(0), false, []byte("{}"))
	f.Add(typeAnnounce, "", "", "", "", "bot", int64(1795903450120), int64(30000), false, []byte("{}"))
	f.Add(typeLeave, "", "", "", "", "bot", int64(-1), int64(-1), false, []byte(nil))
	f.Add(typeEvents, "store", "18446744073709551615", "", "", "publisher", int64(0), int64(0), false, appendEvent(nil, "k", []byte("v")))
	now := time.UnixMilli(1795903440120)
	b := &Broker{known: newRegistry()}
	f.Fuzz(func(t *testing.T, kind, key, id, reply, expiration, app string, x, y int64, redelivered bool, body []byte) {
		d := &amqp.Delivery{
			Type: kind, RoutingKey: key, CorrelationId: id, ReplyTo: reply, Expiration: expiration, AppId: app, Redelivered: redelivered, Body: body,
			Headers: amqp.Table{headerDeadline: x, "x-delivery-count": y, headerBot: app, headerInstance: id, headerSince: x, headerTTL: y},
		}
		sound := func(names ...string) {
			t.Helper()
			if err := checkNames(names...); err != nil || len(d.Body) > transport.MaxBody {
				t.Fatalf("accepted %+v: %v", d, err)
			}
		}
		if r, expires, err := decodeRequest(d, "bot", "do", now); err == nil {
			sound(r.ID, r.Store)
			if r.Timeout <= 0 || r.Timeout > longest || !expires.Equal(now.Add(r.Timeout)) || r.Attempt < 1 {
				t.Fatalf("accepted %+v as %+v until %v", d, r, expires)
			}
		}
		if r, err := decodeResult(d, "store"); err == nil {
			sound(r.ID, r.Bot)
		}
		if a, err := decodeAnnouncement(d); err == nil && kind == typeAnnounce {
			sound(a.Bot, a.Instance)
			if a.TTL < leastTTL || a.TTL > mostTTL {
				t.Fatalf("accepted %+v as %+v", d, a)
			}
		}
		_ = b.known.receive(b, d)
		s := &subscriber{store: "store", last: map[string]uint64{}}
		if events, _, err := s.read(d); err == nil && len(events) > len(body) {
			t.Fatalf("%d events of %d bytes", len(events), len(body))
		}
	})
}
