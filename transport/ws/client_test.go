package ws

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
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
	require.NoError(t, bob.Typing(ctx, lobby))
	require.ErrorIs(t, bob.Typing(ctx, "none"), chat.ErrNotFound)
	specs, err := bob.Commands(ctx, "")
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
