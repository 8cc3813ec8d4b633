package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/rabbittest"
)

func rabbitOf(t *testing.T) *rabbittest.Node  { return rabbittest.Private(t) }
func postgresOf(t *testing.T) *pgtest.Cluster { return pgtest.Private(t) }

// quotes is a server that bots ask for prices.
type quotes struct {
	url string

	mu    sync.Mutex
	held  chan struct{} // closed when answers may go; nil while nothing is held
	asked int           // how many requests were held
}

func newQuotes(t *testing.T) *quotes {
	q := &quotes{}
	s := httptest.NewServer(q)
	t.Cleanup(func() { q.release(); s.Close() })
	q.url = s.URL
	return q
}

func (q *quotes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	held := q.held
	if held != nil {
		q.asked++
	}
	q.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-r.Context().Done():
			return
		}
	}
	fmt.Fprintf(w, "Symbol,Date,Time,Open,High,Low,Close,Volume\n%s,2026-01-02,22:00:09,93.1,94.02,92.8,93.42,5\n", r.URL.Query().Get("s"))
}

// hold keeps requests waiting until release.
func (q *quotes) hold() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held, q.asked = make(chan struct{}), 0
}

func (q *quotes) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held != nil {
		close(q.held)
		q.held = nil
	}
}

// wait waits until n requests are held.
func (q *quotes) wait(t *testing.T, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return q.asked >= n
	}, patience, 5*time.Millisecond, "bots ask for %d prices", n)
}

// A bot that dies in a call leaves it to the other one.
func TestBotKilledInCall(t *testing.T) {
	q := newQuotes(t)
	d := deploy(t, 2, 1, func(d *deployment) { d.quotes = q.url })
	carlos, john := d.join("carlos", d.nodes[0]), d.join("john", d.nodes[1])
	room := carlos.lobby
	require.Equal(t, chat.CallDone, carlos.ask(room, "/stock first.us").Status)

	q.hold()
	asked := make(chan chat.Outcome, 1)
	go func() { asked <- carlos.ask(room, "/stock second.us") }()
	q.wait(t, 1)
	other := d.program("stockbot", d.bots[0].env, "-quotes", d.quotes)
	other.start()
	d.bots[0].Kill()
	q.wait(t, 2) // the other one has it now
	q.release()
	o := <-asked
	require.Equal(t, chat.CallDone, o.Status, "%+v", o.Error)
	check(room, carlos, john)

	// The last one: its call ends at its deadline, and new ones at once.
	q.hold()
	go func() { asked <- carlos.ask(room, "/stock third.us") }()
	q.wait(t, 1)
	other.Kill()
	begin := time.Now()
	require.Eventually(t, func() bool {
		o := john.ask(room, "/stock fourth.us")
		return o.Error != nil && o.Error.Code == "no_bot"
	}, patience, 10*time.Millisecond)
	t.Logf("no_bot came %v after the bot was killed", time.Since(begin).Round(time.Millisecond))
	o = <-asked
	require.NotNil(t, o.Error)
	require.Equal(t, "timeout", o.Error.Code)
	check(room, carlos, john)
}

// Two chats on one broker share the bots and nothing else.
func TestTwoDeployments(t *testing.T) {
	a := deploy(t, 1, 1, nil)
	b := deploy(t, 1, 0, func(d *deployment) { d.broker = a.broker })
	carlos, john := a.join("carlos", a.nodes[0]), b.join("john", b.nodes[0])
	loads := []*load{talk(carlos.lobby, carlos), talk(john.lobby, john)}
	for _, l := range loads {
		defer l.end()
	}
	said(10, carlos, john)
	carlos.ask(carlos.lobby, "/stock aapl.us")
	john.ask(john.lobby, "/stock aapl.us")
	for _, l := range loads {
		l.end()
	}
	check(carlos.lobby, carlos)
	check(john.lobby, john)
	for _, m := range []*member{carlos, john} {
		require.Len(t, m.rooms, 1)
		for _, o := range m.outcomes {
			require.Equal(t, chat.CallDone, o.Status, "%+v", o.Error)
		}
		for _, e := range m.rooms[m.lobby] {
			require.True(t, e.User.Bot || e.User.ID == m.User().ID, "%+v", e)
		}
	}
}
