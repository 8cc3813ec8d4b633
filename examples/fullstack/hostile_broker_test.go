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
	g        *target
	ch       *amqp.Channel
	requests chan transport.Request
	answers  chan string // bodies
}

// evil makes a bot with the commands /evil and /late, the latter due after a
// second.
func (g *target) evil() *evil {
	g.t.Helper()
	conn, err := amqp.Dial(g.amqp)
	require.NoError(g.t, err)
	g.t.Cleanup(func() { conn.Close() })
	e := &evil{g: g, requests: make(chan transport.Request, 10), answers: make(chan string, 10)}
	e.ch, err = conn.Channel()
	require.NoError(g.t, err)
	b, err := rabbitmq.Open(g.amqp, &rabbitmq.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(g.t, err)
	g.t.Cleanup(func() { require.NoError(g.t, b.Close()) })
	ctx := g.t.Context()
	serve := func(_ context.Context, r transport.Request) (transport.Result, error) {
		e.requests <- r
		select {
		case body := <-e.answers:
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
		return strings.Contains(g.as(g.john, "GET", g.chat+"/api/commands", "").body, `"late"`)
	}, time.Minute, 10*time.Millisecond)
	return e
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
			done := make(chan answer)
			go func() { done <- g.typed(p, room, "/evil") }()
			r := <-e.requests
			private := roomID(g.rooms["private"])
			e.result(r.Store, newID(), says("for a call that nobody made"))
			e.result(r.Store, "", says("for no call"))
			e.result(r.Store, r.ID, `{"v":1,"room":"`+private+`","user":{"id":"`+g.john.id+`"},"reply_to":"`+private+`","parts":[{"text":"here","room":"`+private+`"}]}`)
			require.Equal(g.t, 200, (<-done).status)
			require.Contains(g.t, g.said(p, room), "here", "where it was asked and nowhere else")
			last := g.last(p, room)
			require.Equal(g.t, "bot:evil", string(last.User.ID), "and by whom it was asked")
			e.answers <- says("once more")
		},
		104: func() {
			done := make(chan answer)
			go func() { done <- g.typed(p, room, "/evil") }()
			r := <-e.requests
			for _, text := range []string{"first", "first", "second", "third"} {
				e.result(r.Store, r.ID, says(text))
			}
			require.Equal(g.t, 200, (<-done).status)
			e.answers <- says("fourth")

			g.refusal(g.typed(p, room, "/late"), 504, "late")
			r = <-e.requests
			e.answers <- says("too late")
			e.result(r.Store, r.ID, says("far too late"))
			// What comes after all of them is handled after them.
			go func() { done <- g.typed(p, room, "/evil") }()
			<-e.requests
			e.answers <- says("the end")
			require.Equal(g.t, 200, (<-done).status)
			all := strings.Join(g.said(p, room), "\n")
			require.Contains(g.t, all, "first\nthe end", "the first of many, and nothing that is late")
		},
		105: func() {
			g.proxy.Refuse()
			require.Eventually(g.t, func() bool { // until the node knows
				a := g.typed(g.user(), room, "/stock=aapl.us")
				return a.status != 200
			}, time.Minute, time.Millisecond)
			g.read(g.as(p, "POST", room+"/messages", `{"id":"`+newID()+`","text":"messages need no broker"}`), new(any))
			g.proxy.Resume()
			require.Eventually(g.t, func() bool {
				joiner := g.user()
				mine := g.room(joiner)
				return g.typed(joiner, mine, "/stock=aapl.us").status == 200
			}, time.Minute, 100*time.Millisecond)
		},
	}
}
