package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/transport/ws"
)

// member is a user at a node, or at the gateway, and all that he was told.
type member struct {
	*ws.Client
	d     *deployment
	name  string
	token string
	ended chan struct{} // closed when the client is at its end

	mu       sync.Mutex
	rooms    map[chat.RoomID][]chat.Event
	lobby    chat.RoomID
	notices  []chat.Notice
	welcomes int
	gaps     int
	err      error
	acked    []ws.Stored             // of posts
	outcomes map[string]chat.Outcome // of commands, by their id
	started  map[string]bool         // commands that were given
}

// join logs a user in and connects him.
func (d *deployment) join(name string, at *service) *member {
	d.t.Helper()
	m := &member{
		d: d, name: name, token: d.token(name), ended: make(chan struct{}),
		rooms: map[chat.RoomID][]chat.Event{}, outcomes: map[string]chat.Outcome{}, started: map[string]bool{},
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	var err error
	m.Client, err = ws.Dial(ctx, at.url+"/ws", &ws.DialOptions{Token: func(context.Context) (string, error) { return m.token, nil }})
	require.NoError(d.t, err)
	go m.listen()
	d.t.Cleanup(func() { m.Close(); <-m.ended })
	m.wait("is welcome", func() bool { return m.welcomes > 0 })
	return m
}

func (m *member) listen() {
	defer close(m.ended)
	for u, err := range m.Events(context.Background()) {
		m.mu.Lock()
		switch {
		case err != nil:
			m.err = err
		case u.Welcome != nil:
			m.welcomes++
			if len(u.Welcome.Rooms) > 0 && m.lobby == "" {
				m.lobby = u.Welcome.Rooms[0].ID
			}
		case u.Event != nil:
			m.rooms[u.Event.Room] = append(m.rooms[u.Event.Room], *u.Event)
		case u.Gap != nil:
			m.gaps++
		case u.Notice != nil:
			m.notices = append(m.notices, *u.Notice)
		case u.Outcome != nil:
			if before, ok := m.outcomes[u.Outcome.ID]; ok {
				assert.Equal(m.d.t, before, *u.Outcome, "two different outcomes of one command")
			}
			m.outcomes[u.Outcome.ID] = *u.Outcome
		}
		m.mu.Unlock()
	}
}

// wait waits until ok holds, which is called with m.mu held.
func (m *member) wait(what string, ok func() bool) {
	m.d.t.Helper()
	require.Eventually(m.d.t, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return ok()
	}, patience, 5*time.Millisecond, "%s %s", m.name, what)
}

// hears waits for a message.
func (m *member) hears(room chat.RoomID, text string) {
	m.d.t.Helper()
	m.wait("hears "+text, func() bool { return m.find(room, text) != nil })
}

// find returns the event with that text. m.mu is held.
func (m *member) find(room chat.RoomID, text string) *chat.Event {
	for i := range m.rooms[room] {
		if e := &m.rooms[room][i]; strings.Contains(e.Text, text) {
			return e
		}
	}
	return nil
}

// noticed waits for a notice.
func (m *member) noticed(what string, ok func(n chat.Notice) bool) {
	m.d.t.Helper()
	m.wait("is told of "+what, func() bool {
		for _, n := range m.notices {
			if ok(n) {
				return true
			}
		}
		return false
	})
}

// limited runs a request again while the server says that it comes too fast.
func limited(ctx context.Context, do func() error) error {
	for {
		err := do()
		if e, ok := errors.AsType[*ws.Error](err); !ok || e.Code != "rate_limited" {
			return err
		} else if ctx.Err() != nil {
			return ctx.Err()
		} else {
			time.Sleep(max(e.RetryAfter, 10*time.Millisecond))
		}
	}
}

// say posts a message, through whatever happens meanwhile.
func (m *member) say(room chat.RoomID, text string) ws.Stored {
	m.d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	id := chat.NewID()
	var s ws.Stored
	err := limited(ctx, func() (err error) {
		s, err = m.Post(ctx, room, chat.Draft{ID: id, Text: text})
		return err
	})
	if !assert.NoError(m.d.t, err, "%s says %s", m.name, text) {
		return s
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.acked = append(m.acked, s)
	return s
}

// ask gives a command and returns how it ended.
func (m *member) ask(room chat.RoomID, line string) chat.Outcome {
	m.d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	id := chat.NewID()
	m.mu.Lock()
	m.started[id] = true
	m.mu.Unlock()
	var o chat.Outcome
	err := limited(ctx, func() (err error) {
		o, err = m.Command(ctx, room, chat.CommandLine{ID: id, Text: line})
		return err
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := errors.AsType[*ws.Error](err); ok { // it was not begun
		delete(m.started, id)
		return chat.Outcome{ID: id, Status: chat.CallFailed, Error: &chat.Error{Code: e.Code, Message: e.Message}}
	}
	if assert.NoError(m.d.t, err, "%s asks %s", m.name, line) {
		if before, ok := m.outcomes[id]; ok {
			assert.Equal(m.d.t, before, o, "two different outcomes of one command")
		}
		m.outcomes[id] = o
	}
	return o
}

// load is members who talk and ask until they are stopped.
type load struct {
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup
}

// speak has members talk in a room, all at once.
func speak(room chat.RoomID, members ...*member) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{ctx: ctx, stop: cancel}
	for _, m := range members {
		l.wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				m.say(room, fmt.Sprintf("%s %d", m.name, i))
				pause(ctx, 50*time.Millisecond)
			}
		})
	}
	return l
}

// talk has members talk in a room, and ask for quotes meanwhile.
func talk(room chat.RoomID, members ...*member) *load {
	l := speak(room, members...)
	for _, m := range members {
		l.wg.Go(func() {
			for l.ctx.Err() == nil {
				m.ask(room, "/stock aapl.us")
				pause(l.ctx, 100*time.Millisecond)
			}
		})
	}
	return l
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (l *load) end() {
	l.stop()
	l.wg.Wait()
}

// said waits until each of the members has had n more messages acknowledged.
func said(n int, members ...*member) {
	for _, m := range members {
		m.mu.Lock()
		want := len(m.acked) + n
		m.mu.Unlock()
		m.wait("goes on talking", func() bool { return len(m.acked) >= want })
	}
}

// check compares what members were told, and what they were promised, with the
// log of a room.
func check(room chat.RoomID, members ...*member) {
	d := members[0].d
	d.t.Helper()
	log := members[0].log(room)
	byID := map[string][]chat.Seq{}
	answers := map[string]int{}
	for i, e := range log {
		require.EqualValues(d.t, i+1, e.Seq, "the log has no holes")
		if e.Kind == chat.Message && e.Call == nil {
			byID[string(e.User.ID)+" "+e.ID] = append(byID[string(e.User.ID)+" "+e.ID], e.Seq)
		}
		if e.Call != nil {
			answers[e.Call.ID]++
		}
	}
	head := log[len(log)-1].Seq
	for _, m := range members {
		m.wait(fmt.Sprintf("has all up to %d", head), func() bool {
			all := m.rooms[room]
			return len(all) > 0 && all[len(all)-1].Seq >= head
		})
		m.check(room, log, byID, answers)
	}
}

func (m *member) check(room chat.RoomID, log []chat.Event, byID map[string][]chat.Seq, answers map[string]int) {
	d, head := m.d, log[len(log)-1].Seq
	d.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	require.Zero(d.t, m.gaps, "%s was told of a gap", m.name)
	first := m.rooms[room][0].Seq
	for i, e := range m.rooms[room] {
		require.Equal(d.t, first+chat.Seq(i), e.Seq, "%s sees events in order and once", m.name)
		if e.Seq <= head {
			require.Equal(d.t, log[e.Seq-1].ID, e.ID, "%s sees the same event %d", m.name, e.Seq)
		}
	}
	for _, s := range m.acked {
		if s.Room == room {
			require.Equal(d.t, []chat.Seq{s.Seq}, byID[string(m.User().ID)+" "+s.ID], "%s was told that %s is number %d", m.name, s.ID, s.Seq)
		}
	}
	for id := range m.started {
		o, ok := m.outcomes[id]
		require.True(d.t, ok, "%s has no outcome of %s", m.name, id)
		if o.Room != room {
			continue
		}
		want := 0
		if o.Status == chat.CallDone {
			want = 1
		}
		require.Equal(d.t, want, answers[o.Call], "answers of a command that ended with %+v", o)
	}
	require.NoError(d.t, m.err)
}

// log reads all of a room.
func (m *member) log(room chat.RoomID) (all []chat.Event) {
	m.d.t.Helper()
	for {
		var after chat.Seq
		if len(all) > 0 {
			after = all[len(all)-1].Seq
		}
		var p chat.Page
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := limited(ctx, func() (err error) {
			p, err = m.History(ctx, room, chat.Range{After: after, Limit: 200, Forward: true})
			return err
		})
		cancel()
		require.NoError(m.d.t, err)
		if len(p.Events) == 0 {
			return all
		}
		all = append(all, p.Events...)
	}
}
