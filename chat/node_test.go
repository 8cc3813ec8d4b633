package chat_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

var quiet = slog.New(slog.DiscardHandler)

func newNode(t *testing.T, o *chat.Options) *chat.Node {
	t.Helper()
	if o == nil {
		o = &chat.Options{}
	}
	if o.Logger == nil {
		o.Logger = quiet
	}
	for _, r := range []*chat.Rate{&o.Limits.Messages, &o.Limits.Commands, &o.Limits.Joins, &o.Limits.Rooms, &o.Limits.Requests} {
		if *r == (chat.Rate{}) {
			*r = chat.Unlimited
		}
	}
	n, err := chat.New(o)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, n.Shutdown(ctx))
	})
	return n
}

func as(name string) chat.Principal {
	return chat.Principal{User: chat.User{ID: chat.UserID(name), Name: name}, Session: "login-" + name}
}

func connect(t *testing.T, n *chat.Node, name string, o *chat.SessionOptions) *chat.Session {
	t.Helper()
	s, err := n.Connect(t.Context(), as(name), o)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// next returns the next delivery of a session, or fails.
func next(t *testing.T, s *chat.Session) *chat.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d, err := s.Next(ctx)
	require.NoError(t, err)
	return d
}

// nextEvent skips what are not events.
func nextEvent(t *testing.T, s *chat.Session) chat.Event {
	t.Helper()
	for {
		if d := next(t, s); d.Event != nil {
			return *d.Event
		}
	}
}

func nextOutcome(t *testing.T, s *chat.Session) chat.Outcome {
	t.Helper()
	for {
		if d := next(t, s); d.Outcome != nil {
			return *d.Outcome
		}
	}
}

func room(t *testing.T, n *chat.Node, by string, r chat.NewRoom) (chat.Room, chat.RoomID) {
	t.Helper()
	r.ID = chat.NewID()
	got, err := n.CreateRoom(t.Context(), chat.UserID(by), r)
	require.NoError(t, err)
	info, err := got.Info(t.Context(), chat.UserID(by))
	require.NoError(t, err)
	return got, info.ID
}

func post(t *testing.T, r chat.Room, by, text string) chat.Event {
	t.Helper()
	rc, err := r.Post(t.Context(), chat.UserID(by), chat.Draft{ID: chat.NewID(), Text: text})
	require.NoError(t, err)
	return rc.Event
}

func join(t *testing.T, r chat.Room, by string) {
	t.Helper()
	_, err := r.Change(t.Context(), chat.UserID(by), chat.Change{ID: chat.NewID(), Kind: chat.Join})
	require.NoError(t, err)
}

func TestMessageReachesEveryMemberOnce(t *testing.T) {
	n := newNode(t, nil)
	ana, bob := connect(t, n, "ana", nil), connect(t, n, "bob", nil)
	r, id := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	require.Equal(t, chat.Joined, nextEvent(t, ana).Kind, "the creator is in")
	join(t, r, "bob")
	require.Equal(t, chat.UserID("bob"), nextEvent(t, ana).Target.ID)
	require.Equal(t, chat.UserID("bob"), nextEvent(t, bob).Target.ID)

	for i := range 100 {
		post(t, r, "ana", fmt.Sprint("hello ", i))
	}
	for _, s := range []*chat.Session{ana, bob} {
		for i := range 100 {
			e := nextEvent(t, s)
			require.Equal(t, fmt.Sprint("hello ", i), e.Text)
			require.Equal(t, chat.Seq(4+i), e.Seq)
			require.Equal(t, id, e.Room)
			require.Equal(t, "ana", e.User.Name)
		}
	}
}

func TestResendStoresNothing(t *testing.T) {
	n := newNode(t, nil)
	connect(t, n, "ana", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	d := chat.Draft{ID: chat.NewID(), Text: "once"}
	first, err := r.Post(t.Context(), "ana", d)
	require.NoError(t, err)
	again, err := r.Post(t.Context(), "ana", d)
	require.NoError(t, err)
	require.True(t, again.Duplicate)
	require.Equal(t, first.Event.Seq, again.Event.Seq)

	d.Text = "twice"
	_, err = r.Post(t.Context(), "ana", d)
	require.ErrorIs(t, err, chat.ErrIDReused)
}

func TestResendIsAnsweredAfterRightsAreLost(t *testing.T) {
	n := newNode(t, nil)
	connect(t, n, "ana", nil)
	connect(t, n, "bob", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	join(t, r, "bob")
	d := chat.Draft{ID: chat.NewID(), Text: "before"}
	first, err := r.Post(t.Context(), "bob", d)
	require.NoError(t, err)
	_, err = r.Change(t.Context(), "ana", chat.Change{ID: chat.NewID(), Kind: chat.Remove, User: "bob"})
	require.NoError(t, err)

	again, err := r.Post(t.Context(), "bob", d)
	require.NoError(t, err)
	require.Equal(t, first.Event.Seq, again.Event.Seq)
	_, err = r.Post(t.Context(), "bob", chat.Draft{ID: chat.NewID(), Text: "after"})
	require.ErrorIs(t, err, chat.ErrForbidden)
}

func TestResumeGetsWhatWasMissed(t *testing.T) {
	n := newNode(t, nil)
	ana := connect(t, n, "ana", nil)
	connect(t, n, "bob", nil)
	r, id := room(t, n, "bob", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"ana"}})
	last := post(t, r, "bob", "seen")
	for nextEvent(t, ana).Seq != last.Seq {
	}
	epoch := ana.Welcome().Epoch
	require.NoError(t, ana.Close())

	for i := range 300 { // more than one page
		post(t, r, "bob", fmt.Sprint(i))
	}
	ana = connect(t, n, "ana", &chat.SessionOptions{Epoch: epoch, Rooms: map[chat.RoomID]chat.Seq{id: last.Seq}})
	for i := range 300 {
		e := nextEvent(t, ana)
		require.Equal(t, fmt.Sprint(i), e.Text)
	}
	post(t, r, "bob", "live")
	require.Equal(t, "live", nextEvent(t, ana).Text)
}

func TestTooFarBehindIsAGap(t *testing.T) {
	n := newNode(t, &chat.Options{Limits: chat.Limits{Replay: 10}})
	ana := connect(t, n, "ana", nil)
	connect(t, n, "bob", nil)
	r, id := room(t, n, "bob", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"ana"}})
	epoch := ana.Welcome().Epoch
	ana.Close()
	for range 20 {
		post(t, r, "bob", "x")
	}
	ana = connect(t, n, "ana", &chat.SessionOptions{Epoch: epoch, Rooms: map[chat.RoomID]chat.Seq{id: 3}})
	d := next(t, ana)
	require.NotNil(t, d.Gap)
	require.Equal(t, chat.Gap{Room: id, After: 3, Head: 23, Floor: 1}, *d.Gap)
	post(t, r, "bob", "live")
	require.Equal(t, chat.Seq(24), nextEvent(t, ana).Seq)
}

func TestAheadOfTheLogBeginsAnew(t *testing.T) {
	n := newNode(t, nil)
	ana := connect(t, n, "ana", nil)
	_, id := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	for _, o := range []*chat.SessionOptions{
		{Epoch: ana.Welcome().Epoch, Rooms: map[chat.RoomID]chat.Seq{id: 1 << 39}},
		{Epoch: "another", Rooms: map[chat.RoomID]chat.Seq{id: 1}},
	} {
		d := next(t, connect(t, n, "ana", o))
		require.NotNil(t, d.Gap)
		require.True(t, d.Gap.Reset)
	}
	require.NoError(t, ana.Err(), "who claims so costs nobody else anything")
}

func TestSlowSessionReadsTheLog(t *testing.T) {
	n := newNode(t, &chat.Options{Limits: chat.Limits{SessionBytes: 4 << 10}})
	slow := connect(t, n, "ana", nil)
	connect(t, n, "bob", nil)
	r, _ := room(t, n, "bob", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"ana"}})
	for i := range 400 {
		post(t, r, "bob", fmt.Sprint(i))
	}
	seq := nextEvent(t, slow).Seq
	for range 400 {
		e := nextEvent(t, slow)
		require.Equal(t, seq+1, e.Seq)
		seq = e.Seq
	}
	post(t, r, "bob", "live")
	require.Equal(t, "live", nextEvent(t, slow).Text)
}

func TestRemovalIsTheLastEvent(t *testing.T) {
	n := newNode(t, nil)
	ana := connect(t, n, "ana", nil)
	connect(t, n, "bob", nil)
	r, id := room(t, n, "bob", chat.NewRoom{Name: "Tea", Kind: chat.Private, Members: []chat.UserID{"ana"}})
	_, err := r.Change(t.Context(), "bob", chat.Change{ID: chat.NewID(), Kind: chat.Remove, User: "ana"})
	require.NoError(t, err)
	post(t, r, "bob", "secret")
	for {
		e := nextEvent(t, ana)
		if e.Kind == chat.Left {
			break
		}
	}
	_, other := room(t, n, "ana", chat.NewRoom{Name: "Mine"})
	require.Equal(t, other, nextEvent(t, ana).Room, "nothing of the room after the removal")
	_, err = n.Room(t.Context(), "ana", id)
	require.ErrorIs(t, err, chat.ErrNotFound, "a private room is not known to others")
	_, err = r.History(t.Context(), "ana", chat.Range{})
	require.ErrorIs(t, err, chat.ErrNotFound)
}

func TestLobby(t *testing.T) {
	n := newNode(t, &chat.Options{Lobby: "general"})
	ana := connect(t, n, "ana", nil)
	w := ana.Welcome()
	require.Len(t, w.Rooms, 1)
	require.Equal(t, "general", w.Rooms[0].Name)
	r, err := n.Room(t.Context(), "ana", w.Rooms[0].ID)
	require.NoError(t, err)
	_, err = r.Change(t.Context(), "ana", chat.Change{ID: chat.NewID(), Kind: chat.Leave})
	require.NoError(t, err)
	require.NoError(t, n.Admit(t.Context(), chat.Principal{User: chat.User{ID: "ana", Name: "Ana the second"}}))
	require.Empty(t, connect(t, n, "ana", nil).Welcome().Rooms, "who left is not brought back")
}

func TestDirectIsOneRoomForBoth(t *testing.T) {
	n := newNode(t, nil)
	connect(t, n, "ana", nil)
	bob := connect(t, n, "bob", nil)
	a, err := n.Direct(t.Context(), "ana", "bob", chat.NewID())
	require.NoError(t, err)
	b, err := n.Direct(t.Context(), "bob", "ana", chat.NewID())
	require.NoError(t, err)
	ai, _ := a.Info(t.Context(), "ana")
	bi, _ := b.Info(t.Context(), "bob")
	require.Equal(t, ai.ID, bi.ID)
	require.Equal(t, "bob", ai.With.Name)
	require.Equal(t, "ana", bi.With.Name)
	post(t, a, "ana", "psst")
	for nextEvent(t, bob).Text != "psst" {
	}
	_, err = n.Direct(t.Context(), "ana", "nobody", chat.NewID())
	require.ErrorIs(t, err, chat.ErrNotFound)
	self, err := n.Direct(t.Context(), "ana", "ana", chat.NewID())
	require.NoError(t, err)
	post(t, self, "ana", "note")
}

func TestRefusals(t *testing.T) {
	n := newNode(t, nil)
	connect(t, n, "ana", nil)
	connect(t, n, "bob", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	_, err := n.CreateRoom(t.Context(), "bob", chat.NewRoom{ID: chat.NewID(), Name: "TEA"})
	require.ErrorIs(t, err, chat.ErrConflict)
	for name, tt := range map[string]struct {
		by   chat.UserID
		d    chat.Draft
		code string
	}{
		"empty":           {"ana", chat.Draft{ID: chat.NewID(), Text: " \n"}, "empty"},
		"too long":        {"ana", chat.Draft{ID: chat.NewID(), Text: string(make([]rune, 4001))}, "bad_request"},
		"control":         {"ana", chat.Draft{ID: chat.NewID(), Text: "a\x00b"}, "bad_request"},
		"invalid UTF-8":   {"ana", chat.Draft{ID: chat.NewID(), Text: "\xff"}, "bad_request"},
		"short id":        {"ana", chat.Draft{ID: "1", Text: "x"}, "bad_request"},
		"odd id":          {"ana", chat.Draft{ID: "1234567890123456/", Text: "x"}, "bad_request"},
		"data not object": {"ana", chat.Draft{ID: chat.NewID(), Text: "x", Data: []byte(`[1]`)}, "bad_request"},
		"not a member":    {"bob", chat.Draft{ID: chat.NewID(), Text: "x"}, "forbidden"},
		"unknown user":    {"eve", chat.Draft{ID: chat.NewID(), Text: "x"}, "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.Post(t.Context(), tt.by, tt.d)
			require.Error(t, err)
			require.Equal(t, tt.code, chat.AsError(err).Code)
		})
	}
	page, err := r.History(t.Context(), "ana", chat.Range{})
	require.NoError(t, err)
	require.Len(t, page.Events, 2, "nothing was stored")
}
