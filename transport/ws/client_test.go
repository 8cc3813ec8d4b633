package ws

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// client dials with a token that is the name.
func (s *testServer) client(name string, o *DialOptions) *Client {
	s.t.Helper()
	if o == nil {
		o = &DialOptions{}
	}
	o.HTTPClient, o.Logger = s.http, quiet
	if o.Token == nil {
		o.Token = func(context.Context) (string, error) { return name, nil }
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Minute)
	defer cancel()
	c, err := Dial(ctx, s.url, o)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { c.Close() })
	return c
}

// follow calls see with each update of c, in a goroutine that ends with the
// client.
func follow(c *Client, see func(Update)) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for u, err := range c.Events(context.Background()) {
			if err != nil {
				return
			}
			see(u)
		}
	}()
	return func() { <-done }
}

// await returns the first update for which want is true.
func await[T any](t *testing.T, c *Client, want func(Update) *T) *T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	for u, err := range c.Events(ctx) {
		require.NoError(t, err)
		if v := want(u); v != nil {
			return v
		}
	}
	return nil
}

func message(text string) func(Update) *chat.Event {
	return func(u Update) *chat.Event {
		if u.Event != nil && u.Event.Text == text {
			return u.Event
		}
		return nil
	}
}

func welcome(u Update) *Welcome { return u.Welcome }

func TestClientsTalk(t *testing.T) {
	s := start(t, &chat.Options{Commands: echo{}}, nil)
	ctx := t.Context()
	ann, bob := s.client("ann", nil), s.client("bob", nil)
	require.Equal(t, chat.User{ID: "u-ann", Name: "ann"}, ann.User())
	w := await(t, bob, welcome)
	lobby := w.Rooms[0].ID
	require.Equal(t, "s-bob", w.Session)

	st, err := ann.Post(ctx, lobby, chat.Draft{Text: "hi", Data: json.RawMessage(`{"k":"<"}`)})
	require.NoError(t, err)
	require.NotZero(t, st.Seq)
	require.NotZero(t, st.Time)
	e := await(t, bob, message("hi"))
	require.Equal(t, st.Seq, e.Seq)
	require.Equal(t, st.ID, e.ID)
	require.JSONEq(t, `{"k":"<"}`, string(e.Data))

	again, err := ann.Post(ctx, lobby, chat.Draft{ID: st.ID, Text: "hi", Data: json.RawMessage(`{"k":"<"}`)})
	require.NoError(t, err)
	require.True(t, again.Duplicate)
	require.Equal(t, st.Seq, again.Seq)

	_, err = ann.Edit(ctx, lobby, chat.Edit{Seq: st.Seq, Text: "hi all"})
	require.NoError(t, err)
	_, err = bob.Delete(ctx, lobby, st.Seq)
	require.ErrorIs(t, err, chat.ErrForbidden)
	refused, ok := errors.AsType[*Error](err)
	require.True(t, ok)
	require.Equal(t, "forbidden", refused.Code)
	_, err = ann.Post(ctx, "none", chat.Draft{Text: "x"})
	require.ErrorIs(t, err, chat.ErrNotFound)
	_, err = ann.Post(ctx, lobby, chat.Draft{Text: strings.Repeat("x", 70_000)})
	refused, ok = errors.AsType[*Error](err)
	require.True(t, ok)
	require.Equal(t, "too_long", refused.Code)

	o, err := bob.Command(ctx, lobby, chat.CommandLine{Text: "/echo out loud"})
	require.NoError(t, err)
	require.Equal(t, chat.CallDone, o.Status, "%+v", o.Error)
	require.Len(t, o.Seqs, 1)
	answer := await(t, ann, func(u Update) *chat.Event {
		if u.Event != nil && u.Event.Call != nil {
			return u.Event
		}
		return nil
	})
	require.Equal(t, o.Seqs[0], answer.Seq)
	require.Equal(t, chat.UserID("u-bob"), answer.Call.By.ID)
	o, err = bob.Command(ctx, lobby, chat.CommandLine{Text: "/nothing"})
	require.NoError(t, err)
	require.Equal(t, chat.CallFailed, o.Status)

	page, err := bob.History(ctx, lobby, chat.Range{Limit: 2})
	require.NoError(t, err)
	require.Len(t, page.Events, 2)
	require.True(t, page.More)
	page, err = bob.History(ctx, lobby, chat.Range{Forward: true})
	require.NoError(t, err)
	require.Equal(t, chat.Seq(1), page.Events[0].Seq)

	tea, err := ann.CreateRoom(ctx, chat.NewRoom{Name: "Tea", Kind: chat.Public})
	require.NoError(t, err)
	require.Equal(t, "Tea", tea.Name)
	_, err = bob.CreateRoom(ctx, chat.NewRoom{Name: "tea", Kind: chat.Public})
	require.ErrorIs(t, err, chat.ErrConflict)
	rooms, more, err := bob.Rooms(ctx, "", 0)
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, rooms, 2)
	for _, r := range rooms {
		require.Equal(t, r.ID == lobby, r.Role != "", "bob is in the lobby only")
	}
	_, err = bob.Join(ctx, tea.ID)
	require.NoError(t, err)
	members, _, err := ann.Members(ctx, tea.ID, "", 0)
	require.NoError(t, err)
	require.Len(t, members, 2)
	for _, ch := range []chat.Change{
		{Kind: chat.SetRole, User: "u-bob", Role: chat.Admin}, {Kind: chat.Rename, Name: "Coffee"},
		{Kind: chat.Update, Data: json.RawMessage(`{"a":1}`)}, {Kind: chat.Archive}, {Kind: chat.Restore},
		{Kind: chat.React, Seq: 1, Emoji: "👍"}, {Kind: chat.Ban, User: "u-bob"}, {Kind: chat.Ban, User: "u-bob"},
	} {
		_, err = ann.Change(ctx, tea.ID, ch)
		if ch.Kind == chat.React {
			require.ErrorIs(t, err, chat.ErrNotFound, "1 is no message")
			continue
		}
		require.NoError(t, err, ch.Kind)
	}
	direct, err := ann.Direct(ctx, "u-bob")
	require.NoError(t, err)
	require.Equal(t, chat.Direct, direct.Kind)
	require.NoError(t, bob.MarkRead(ctx, lobby, st.Seq))
	specs, err := bob.Commands(ctx)
	require.NoError(t, err)
	_ = specs
	_, err = bob.Leave(ctx, lobby)
	require.NoError(t, err)

	require.NoError(t, bob.Close())
	require.NoError(t, bob.Close())
	require.ErrorIs(t, bob.Err(), chat.ErrClosed)
	_, err = bob.Post(ctx, lobby, chat.Draft{Text: "x"})
	require.ErrorIs(t, err, chat.ErrClosed)
}

// echo answers every command with its line, but for /nothing.
type echo struct{}

func (echo) HandleCommand(_ context.Context, c *command.Call) error {
	if c.Name == "nothing" {
		return command.Fail("nothing")
	}
	return c.Say(c.Args)
}

func TestTerminal(t *testing.T) {
	s := start(t, nil, nil)
	dial := func(token string, err error) error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, derr := Dial(ctx, s.url, &DialOptions{
			HTTPClient: s.http, Logger: quiet, Token: func(context.Context) (string, error) { return token, err },
		})
		return derr
	}
	err := dial("nobody", nil)
	refused, ok := errors.AsType[*RefusedError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, 401, refused.Status)
	require.Contains(t, refused.Error(), "token")
	refused, ok = errors.AsType[*RefusedError](dial("banned", nil))
	require.True(t, ok)
	require.Equal(t, 403, refused.Status)
	require.ErrorIs(t, dial("", ErrNoLogin), ErrNoLogin)

	s.h.hub = refusingHub{s.node, chat.ErrRevoked}
	closed, ok := errors.AsType[*CloseError](dial("ann", nil))
	require.True(t, ok)
	require.Equal(t, codeRevoked, closed.Code)
	s.h.hub = s.node

	_, err = Dial(t.Context(), "ftp://x", nil)
	require.Error(t, err)
	_, err = Dial(t.Context(), "ws://%zz", nil)
	require.Error(t, err)
}

// A token may be refused once by accident: it was revoked on its way.
func TestRefusedOnce(t *testing.T) {
	s := start(t, nil, nil)
	names := []string{"nobody", "ann"}
	s.client("", &DialOptions{Token: func(context.Context) (string, error) {
		name := names[0]
		names = names[1:]
		return name, nil
	}})
	require.Empty(t, names)
}

func TestDialWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipeListener(pipeSize)
		defer ln.Close()
		hc := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("nobody is there")
		}}}
		tries := 0
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		_, err := Dial(ctx, "ws://chat.test", &DialOptions{HTTPClient: hc, Logger: quiet, Token: func(context.Context) (string, error) {
			tries++
			return "x", nil
		}})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "nobody is there")
		require.Greater(t, tries, 20)
		require.Less(t, tries, 200)
	})
}

// A login that is about to end is renewed on the connection, which goes on.
func TestTokenIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, &Options{Reauthenticate: login})
		defer s.stop()
		tokens := 0
		c := s.client("", &DialOptions{Token: func(context.Context) (string, error) {
			tokens++
			return "ann|5m", nil
		}})
		welcomes := 0
		wait := follow(c, func(u Update) {
			if u.Welcome != nil {
				welcomes++
			}
		})
		time.Sleep(time.Hour)
		c.Close()
		wait()
		require.Equal(t, 1, welcomes)
		require.InDelta(t, 15, tokens, 1)
	})
}

// Without that, the client connects again, with a new token.
func TestTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		c := s.client("ann|5m", nil)
		began, welcomes := time.Now(), 0
		wait := follow(c, func(u Update) {
			if u.Welcome == nil {
				return
			}
			// At once, since only the token was old.
			if want := time.Duration(welcomes) * (5*time.Minute + grace); time.Since(began) != want {
				t.Errorf("welcome %d after %v", welcomes, time.Since(began))
			}
			welcomes++
		})
		time.Sleep(time.Hour)
		require.NoError(t, c.Err())
		c.Close()
		wait()
		require.InDelta(t, 12, welcomes, 1)
	})
}

// A server that is there in name only is left for another connection.
func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		var cut *deafConn
		s.http.Transport = &http.Transport{DialContext: func(ctx context.Context, n, a string) (net.Conn, error) {
			nc, err := s.dial(ctx, n, a)
			cut = &deafConn{Conn: nc, deaf: make(chan struct{}), closed: make(chan struct{})}
			return cut, err
		}}
		c := s.client("ann", nil)
		await(t, c, welcome)
		began := time.Now()
		close(cut.deaf)
		await(t, c, welcome)
		require.Greater(t, time.Since(began), 30*time.Second)
		require.Less(t, time.Since(began), 75*time.Second)
		c.Close()
	})
}

// deafConn hears nothing any more once deaf is closed, and nobody hears it.
type deafConn struct {
	net.Conn
	deaf, closed chan struct{}
	once         sync.Once
}

func (c *deafConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func (c *deafConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	select {
	case <-c.deaf:
		<-c.closed // not even the end is heard
		return 0, net.ErrClosed
	default:
	}
	return n, err
}

func (c *deafConn) Write(b []byte) (int, error) {
	select {
	case <-c.deaf:
		return len(b), nil
	default:
		return c.Conn.Write(b)
	}
}

func TestOtherUser(t *testing.T) {
	s := start(t, nil, nil)
	names := []string{"ann", "bob"}
	c := s.client("", &DialOptions{Token: func(context.Context) (string, error) {
		name := names[0]
		names = names[1:]
		return name, nil
	}})
	s.h.mu.Lock()
	for conn := range s.h.conns {
		conn.end(farewell{codeGoingAway, ""})
	}
	s.h.mu.Unlock()
	for _, err := range c.Events(t.Context()) {
		if err != nil {
			require.ErrorIs(t, err, ErrOtherUser)
		}
	}
	require.ErrorIs(t, c.Err(), ErrOtherUser)
}
