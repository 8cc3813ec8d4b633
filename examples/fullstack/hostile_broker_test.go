package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/rabbitmq"
)

// evil is a bot that has the broker to itself: it serves what it is asked for as
// it likes, and publishes what it likes.
type evil struct {
	g     *target
	ch    *amqp.Channel
	calls chan call
}

// call is one that the bot serves until it gets the body of its answer.
type call struct {
	transport.Request
	answer chan string
}

// evil makes a bot with the commands /evil and /late, the latter due after a
// second.
func (g *target) evil() *evil {
	g.t.Helper()
	conn, err := amqp.Dial(g.amqp)
	require.NoError(g.t, err)
	g.t.Cleanup(func() { conn.Close() })
	e := &evil{g: g, calls: make(chan call, 10)}
	e.ch, err = conn.Channel()
	require.NoError(g.t, err)
	b, err := rabbitmq.Open(g.amqp, &rabbitmq.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(g.t, err)
	g.t.Cleanup(func() { require.NoError(g.t, b.Close()) })
	ctx := g.t.Context()
	serve := func(_ context.Context, r transport.Request) (transport.Result, error) {
		c := call{r, make(chan string, 1)}
		e.calls <- c
		select {
		case body := <-c.answer:
			return transport.Result{Body: []byte(body)}, nil
		case <-ctx.Done():
			return transport.Result{}, transport.Reject(ctx.Err())
		}
	}
	for _, command := range []string{"evil", "late"} {
		go b.Work(ctx, "evil", command, nil, serve) //nolint:errcheck // it ends with the broker
	}
	go b.Announce(ctx, transport.Announcement{ //nolint:errcheck // it ends with the broker
		Bot: "evil", Instance: "1", Since: time.Now(),
		Body: []byte(`{"v":1,"commands":[{"name":"evil"},{"name":"late","timeout_ms":1000}]}`),
	})
	require.Eventually(g.t, func() bool {
		all := g.as(g.john, "GET", g.chat+"/api/commands", "").body
		return strings.Contains(all, `"late"`) && strings.Contains(all, `"stock"`)
	}, tooLong, 100*time.Millisecond) // there is a rate for it
	return e
}

// next returns the next call, if it comes within a time.
func (e *evil) next(within time.Duration) (c call, came bool) {
	select {
	case c = <-e.calls:
		return c, true
	case <-time.After(within):
		return c, false
	}
}

// called has a command typed whose outcome comes on done, and returns the call.
func (e *evil) called(done chan<- answer, p person, room string) call {
	e.g.t.Helper()
	go func() { done <- e.g.typed(p, room, "/evil") }()
	c, came := e.next(tooLong)
	require.True(e.g.t, came, "the bot is not asked")
	return c
}

// publish sends a message as it is.
func (e *evil) publish(exchange, key string, m amqp.Publishing) {
	e.g.t.Helper()
	require.NoError(e.g.t, e.ch.PublishWithContext(e.g.t.Context(), exchange, key, false, false, m))
}

// result sends a result for a call.
func (e *evil) result(store, call, body string) {
	e.publish("gochat.results", store, amqp.Publishing{
		Type: "gochat.result.v1", ContentType: "application/json", DeliveryMode: amqp.Persistent, CorrelationId: call, AppId: "evil", Body: []byte(body),
	})
}

// type types a line in a room and returns its outcome in time.
func (g *target) typed(p person, room, line string) answer {
	return g.as(p, "POST", room+"/commands", `{"id":"`+newID()+`","text":"`+line+`"}`)
}

func says(text string) string { return fmt.Sprintf(`{"v":1,"parts":[{"text":%q}]}`, text) }

// said returns the texts of bots in a room.
func (g *target) said(p person, room string) (texts []string) {
	for _, e := range g.events(p, room) {
		if e.Kind == chat.Message && e.User.Bot {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// behindTheBroker are 102 to 105.
func (g *target) behindTheBroker() map[int]func() {
	e, p := g.evil(), g.user()
	room := g.room(p)
	command := func(typ, body string) amqp.Publishing {
		return amqp.Publishing{
			Type: typ, ContentType: "application/json", DeliveryMode: amqp.Persistent,
			CorrelationId: newID(), ReplyTo: "nobody", Expiration: "10000", Body: []byte(body),
		}
	}
	return map[int]func(){
		102: func() {
			require.Equal(g.t, 200, g.typed(p, room, "/stock=aapl.us").status)
			for _, body := range []string{"", "garbage", "\xff\xfe", "[]", `{"v":9,"name":"stock"}`, `{"v":1,"v":1}`, strings.Repeat("[", 10_000), strings.Repeat("x", 200<<10)} {
				for _, typ := range []string{"gochat.command.v1", "gochat.command.v9", ""} {
					e.publish("gochat.commands", "stockbot.stock", command(typ, body))
				}
				for _, exchange := range []string{"gochat.announce", "gochat.events"} {
					e.publish(exchange, "", amqp.Publishing{Type: "gochat.announce.v1", Body: []byte(body), Headers: amqp.Table{"bot": body[:min(len(body), 100)], "ttl_ms": "x"}})
				}
			}
			// The worker goes on.
			require.Equal(g.t, 200, g.typed(p, room, "/stock=msft.us").status)
		},
		103: func() {
			done := make(chan answer, 1)
			r := e.called(done, p, room)
			private := roomID(g.rooms["private"])
			e.result(r.Store, newID(), says("for a call that nobody made"))
			e.result(r.Store, "", says("for no call"))
			e.result(r.Store, r.ID, `{"v":1,"room":"`+private+`","user":{"id":"`+g.john.id+`"},"reply_to":"`+private+`","parts":[{"text":"here","room":"`+private+`"}]}`)
			require.Equal(g.t, 200, (<-done).status)
			require.Contains(g.t, g.said(p, room), "here", "where it was asked and nowhere else")
			last := g.last(p, room)
			require.Equal(g.t, "bot:evil", string(last.User.ID), "and by whom it was asked")
			r.answer <- says("once more")
		},
		104: func() {
			done := make(chan answer, 1)
			r := e.called(done, p, room)
			for range 2 {
				e.result(r.Store, r.ID, says("first"))
			}
			require.Equal(g.t, 200, (<-done).status)
			e.result(r.Store, r.ID, says("second"))
			r.answer <- says("third")

			// Of those that come at once it is any, and one.
			other := g.user()
			own := g.room(other)
			r = e.called(done, other, own)
			for _, text := range []string{"first", "second", "third"} {
				e.result(r.Store, r.ID, says(text))
			}
			require.Equal(g.t, 200, (<-done).status)
			r.answer <- says("fourth")

			// A call that a busy machine does not bring to the bot within its
			// second never comes.
			for came := false; !came; {
				g.refusal(g.typed(p, room, "/late"), 504, "late")
				r, came = e.next(5 * time.Second)
			}
			r.answer <- says("too late")
			e.result(r.Store, r.ID, says("far too late"))
			// When another one is answered, all of them have come.
			r = e.called(done, p, room)
			r.answer <- says("the end")
			require.Equal(g.t, 200, (<-done).status)
			all := strings.Join(g.said(p, room), "\n")
			require.Contains(g.t, all, "first\nthe end", "the first of many, and nothing that is late")
			require.Len(g.t, g.said(other, own), 1)
		},
		105: func() {
			g.proxy.Refuse()
			// Each is somebody else in a room of their own: there is a rate.
			tried := func() int {
				joiner := g.user()
				return g.typed(joiner, g.room(joiner), "/stock=aapl.us").status
			}
			require.Eventually(g.t, func() bool { return tried() == 503 }, tooLong, time.Millisecond) // until the node knows
			g.read(g.as(p, "POST", room+"/messages", `{"id":"`+newID()+`","text":"messages need no broker"}`), new(any))
			g.proxy.Resume()
			require.Eventually(g.t, func() bool { return tried() == 200 }, tooLong, 100*time.Millisecond)
		},
	}
}
