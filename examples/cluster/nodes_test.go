package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/transport/ws"
)

// Users on different nodes are in one chat.
func TestTwoNodes(t *testing.T) {
	d := deploy(t, 2, 2, nil)
	carlos, john := d.join("carlos", d.nodes[0]), d.join("john", d.nodes[1])
	room := carlos.lobby
	require.Equal(t, room, john.lobby)

	online := func(who *member, on bool) func(chat.Notice) bool {
		return func(n chat.Notice) bool {
			return n.Kind == chat.Presence && n.User.ID == who.User().ID && n.Online != nil && *n.Online == on
		}
	}
	carlos.noticed("john's presence", online(john, true))
	require.Eventually(t, func() bool {
		ms, _, err := john.Members(t.Context(), room, "", 0)
		return err == nil && len(ms) == 2 && ms[0].Online && ms[1].Online
	}, patience, 100*time.Millisecond, "john sees who is there")

	carlos.say(room, "hello from the first node")
	john.hears(room, "hello from the first node")
	john.say(room, "hello from the second node")
	carlos.hears(room, "hello from the second node")
	for _, m := range []*member{carlos, john} {
		o := m.ask(room, "/stock aapl.us")
		require.Equal(t, chat.CallDone, o.Status, "%+v", o.Error)
	}
	require.NoError(t, john.Typing(t.Context(), room))
	carlos.noticed("john's typing", func(n chat.Notice) bool { return n.Kind == chat.Typing && n.User.ID == john.User().ID })

	public, err := carlos.CreateRoom(t.Context(), chat.NewRoom{ID: chat.NewID(), Name: "everybody"})
	require.NoError(t, err)
	john.noticed("a new public room", func(n chat.Notice) bool { return n.Kind == chat.RoomCreated && n.Room.ID == public.ID })
	_, err = john.Join(t.Context(), public.ID)
	require.NoError(t, err)
	carlos.say(public.ID, "in public")
	john.hears(public.ID, "in public")
	private, err := carlos.CreateRoom(t.Context(), chat.NewRoom{ID: chat.NewID(), Name: "us two", Kind: chat.Private, Members: []chat.UserID{john.User().ID}})
	require.NoError(t, err)
	john.noticed("being added", func(n chat.Notice) bool { return n.Kind == chat.Added && n.Room.ID == private.ID })
	carlos.say(private.ID, "in private")
	john.hears(private.ID, "in private")
	gerard := d.join("gerard", d.nodes[0])
	_, err = gerard.History(t.Context(), private.ID, chat.Range{})
	require.ErrorIs(t, err, chat.ErrNotFound)

	require.NoError(t, gerard.Close())
	john.noticed("gerard's leaving", online(gerard, false))
	check(room, carlos, john)
	check(public.ID, carlos, john)
	check(private.ID, carlos, john)

	// A login that ends takes its sockets with it, on whatever node.
	d.post(john.token, "/auth/logout-all")
	begin := time.Now()
	select {
	case <-john.ended:
		t.Logf("the socket ended %v after the login", time.Since(begin).Round(time.Millisecond))
	case <-time.After(patience):
		t.Fatal("a socket outlives its login")
	}
	require.Error(t, john.Err())
	carlos.noticed("john's leaving", online(john, false))
	for _, s := range append(append([]*service{d.gateway, d.auth}, d.nodes...), d.bots...) {
		s.stop()
	}
}

// Nodes are restarted one after the other while people talk.
func TestRollingRestart(t *testing.T) {
	d := deploy(t, 2, 2, nil)
	carlos, john := d.join("carlos", d.gateway), d.join("john", d.gateway)
	room := carlos.lobby
	load := talk(room, carlos, john)
	defer load.end()
	said(5, carlos, john)
	for _, s := range []*service{d.nodes[0], d.nodes[1], d.bots[0], d.bots[1]} {
		s.stop()
		said(2, carlos, john)
		s.start()
		said(5, carlos, john)
	}
	load.end()
	check(room, carlos, john)
	for _, m := range []*member{carlos, john} {
		for _, o := range m.outcomes {
			require.Equal(t, chat.CallDone, o.Status, "%+v", o.Error)
		}
	}
}

// A node dies in the middle of everything.
func TestNodeKilled(t *testing.T) {
	d := deploy(t, 2, 1, nil)
	carlos, john := d.join("carlos", d.gateway), d.join("john", d.gateway)
	room := carlos.lobby
	load := talk(room, carlos, john)
	defer load.end()
	for range 2 {
		for _, s := range d.nodes {
			said(5, carlos, john)
			s.Kill()
			said(5, carlos, john)
			s.start()
		}
	}
	load.end()
	check(room, carlos, john)
}

// RabbitMQ dies and comes back under load: the chat goes on meanwhile.
func TestBrokerKilled(t *testing.T) {
	d := deploy(t, 2, 2, nil)
	carlos, john := d.join("carlos", d.nodes[0]), d.join("john", d.nodes[1])
	room := carlos.lobby
	load := talk(room, carlos, john)
	defer load.end()
	said(5, carlos, john)
	rabbit := rabbitOf(t)
	defer rabbit.Start(t)
	rabbit.Kill(t)
	for _, s := range append(d.nodes, d.bots...) {
		s.Line("connection") // it says so
		require.Eventually(t, func() bool { return !s.isReady() }, patience, 20*time.Millisecond)
	}
	said(5, carlos, john)
	m := john.say(room, "without a broker")
	carlos.hears(room, "without a broker")
	require.NotZero(t, m.Seq)
	rabbit.Start(t)
	for _, s := range append(d.nodes, d.bots...) {
		s.ready()
	}
	said(5, carlos, john)
	require.Eventually(t, func() bool {
		return carlos.ask(room, "/stock aapl.us").Status == chat.CallDone
	}, patience, 100*time.Millisecond)
	rabbit.Stop(t)
	said(3, carlos, john)
	rabbit.Start(t)
	require.Eventually(t, func() bool {
		return john.ask(room, "/stock aapl.us").Status == chat.CallDone
	}, patience, 100*time.Millisecond)
	load.end()
	check(room, carlos, john)
}

// The store is away while results flow: they wait for it, as everybody does.
func TestStoreAway(t *testing.T) {
	q := newQuotes(t)
	d := deploy(t, 2, 1, func(d *deployment) { d.quotes = q.url })
	carlos, john := d.join("carlos", d.nodes[0]), d.join("john", d.nodes[1])
	room := carlos.lobby
	require.Equal(t, chat.CallDone, carlos.ask(room, "/stock first.us").Status)
	db := postgresOf(t)
	defer db.Start(t)
	// On a busy machine the database may be away for longer than a quote may
	// take. Results that were lost would not be there in any round.
	for round := 1; ; round++ {
		q.hold()
		asked := make(chan chat.Outcome, 3)
		for i := range cap(asked) {
			go func() { asked <- carlos.ask(room, fmt.Sprintf("/stock s%d-%d.us", round, i)) }()
		}
		q.wait(t, 3)
		db.Kill(t)
		q.release() // the results come while nobody can store them
		said := make(chan ws.Stored, 1)
		text := fmt.Sprint("while the store is away, round ", round)
		go func() { said <- john.say(room, text) }()
		time.Sleep(time.Second / time.Duration(round)) // less than what a quote may take
		db.Start(t)
		done := 0
		for range cap(asked) {
			if o := <-asked; o.Status == chat.CallDone {
				done++
			} else {
				t.Logf("round %d: %+v", round, o.Error)
			}
		}
		require.NotZero(t, (<-said).Seq)
		carlos.hears(room, text)
		if done == cap(asked) {
			break
		}
		require.Less(t, round, 10, "results that came while the store was away are lost")
	}

	// So long that some commands end by their deadline: then that is how they end.
	load := talk(room, carlos, john)
	defer load.end()
	db.Kill(t)
	time.Sleep(10 * time.Second)
	db.Start(t)
	for _, s := range d.nodes {
		s.ready()
	}
	load.end()
	require.Equal(t, chat.CallDone, john.ask(room, "/stock last.us").Status)
	check(room, carlos, john)
}

// Nodes that share a database and no broker are correct, only late.
func TestNoSharedBroker(t *testing.T) {
	d := deploy(t, 2, 0, func(d *deployment) { d.broker = "memory" })
	carlos, john := d.join("carlos", d.nodes[0]), d.join("john", d.nodes[1])
	room := carlos.lobby
	load := speak(room, carlos, john)
	defer load.end()
	said(10, carlos, john)
	load.end()
	// John's node is idle from here on: it has all that was said, and he says and
	// reads nothing. Nothing but its look at the heads of rooms can tell it more.
	silent := func(room chat.RoomID) {
		t.Helper()
		all := carlos.log(room)
		john.wait("has all", func() bool {
			n := len(john.rooms[room])
			return n > 0 && john.rooms[room][n-1].Seq >= all[len(all)-1].Seq
		})
		for i := range 3 { // the first one may be found by a read that is under way
			begin := time.Now()
			text := fmt.Sprint("told by nobody ", i)
			carlos.say(room, text)
			john.hears(room, text)
			t.Logf("it was heard after %v", time.Since(begin).Round(time.Millisecond))
		}
	}
	silent(room)
	private, err := carlos.CreateRoom(t.Context(), chat.NewRoom{ID: chat.NewID(), Name: "us two", Kind: chat.Private, Members: []chat.UserID{john.User().ID}})
	require.NoError(t, err)
	silent(private.ID)
	check(room, carlos, john)
	check(private.ID, carlos, john)
	_, err = john.Command(t.Context(), room, chat.CommandLine{ID: chat.NewID(), Text: "/stock aapl.us"})
	require.ErrorContains(t, err, "unknown_command", "there is no bot")
	d.post(john.token, "/auth/logout-all")
	<-john.ended
}
