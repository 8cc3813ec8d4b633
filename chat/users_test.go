package chat_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// staff is a host's directory.
type staff struct {
	names map[chat.UserID]string
	fails error
	asked [][]chat.UserID
}

// users answers in the opposite order.
func (s *staff) users(ctx context.Context, ids []chat.UserID) ([]chat.User, error) {
	s.asked = append(s.asked, slices.Clone(ids))
	if s.fails != nil {
		return nil, s.fails
	}
	var found []chat.User
	for _, id := range slices.Backward(ids) {
		if name, ok := s.names[id]; ok {
			found = append(found, chat.User{ID: id, Name: name})
		}
	}
	return found, ctx.Err()
}

func TestUsersOfTheHost(t *testing.T) {
	dir := &staff{names: map[chat.UserID]string{"bob": "Bob", "cyd": "Cyd", "dan": "Dan", "fay": "Fay"}}
	store := chat.NewMemoryStore(nil)
	require.NoError(t, store.PutUsers(t.Context(), []chat.User{{ID: "eve", Name: "Eve"}})) // by another node, once
	n := newNode(t, &chat.Options{Store: store, Users: dir.users})
	connect(t, n, "ana", nil)

	// A room: two of the directory, one that only the store knows.
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"cyd", "eve", "bob"}})
	require.Len(t, dir.asked, 1, "one question for all")
	require.ElementsMatch(t, []chat.UserID{"bob", "cyd", "eve"}, dir.asked[0])
	ms, err := r.Members(t.Context(), "ana", "", 0)
	require.NoError(t, err)
	names := map[chat.UserID]string{}
	for _, m := range ms {
		names[m.User.ID] = m.User.Name
	}
	require.Equal(t, map[chat.UserID]string{"ana": "ana", "bob": "Bob", "cyd": "Cyd", "eve": "Eve"}, names)

	// An invitation, and a direct room.
	rc, err := r.Change(t.Context(), "ana", chat.Change{ID: chat.NewID(), Kind: chat.Invite, User: "dan"})
	require.NoError(t, err)
	require.Equal(t, chat.User{ID: "dan", Name: "Dan"}, *rc.Event.Target)
	direct, err := n.Direct(t.Context(), "ana", "fay", chat.NewID())
	require.NoError(t, err)
	info, err := direct.Info(t.Context(), "ana")
	require.NoError(t, err)
	require.Equal(t, "Fay", info.With.Name)
	require.Equal(t, [][]chat.UserID{{"dan"}, {"fay"}}, dir.asked[1:])

	// Who is known is not asked for again.
	_, err = n.Direct(t.Context(), "ana", "bob", chat.NewID())
	require.NoError(t, err)
	require.Len(t, dir.asked, 3)

	// Who is unknown to both.
	for name, do := range map[string]func() error{
		"room":   func() error { return create(t, n, "nobody") },
		"invite": func() error { return invite(t, r, "nobody") },
		"direct": func() error { _, err := n.Direct(t.Context(), "ana", "nobody", chat.NewID()); return err },
	} {
		require.ErrorIs(t, do(), chat.ErrNotFound, name)
	}
}

func create(t *testing.T, n *chat.Node, with chat.UserID) error {
	_, err := n.CreateRoom(t.Context(), "ana", chat.NewRoom{ID: chat.NewID(), Name: "Us", Members: []chat.UserID{with}})
	return err
}

func invite(t *testing.T, r chat.Room, whom chat.UserID) error {
	_, err := r.Change(t.Context(), "ana", chat.Change{ID: chat.NewID(), Kind: chat.Invite, User: whom})
	return err
}

// A directory that can't answer is no reason to say that somebody is not there,
// nor to believe the store alone.
func TestUsersOfTheHostAreNotToBeHad(t *testing.T) {
	cause := errors.New("LDAP is on fire")
	dir := &staff{names: map[chat.UserID]string{"bob": "Bob"}}
	store := chat.NewMemoryStore(nil)
	require.NoError(t, store.PutUsers(t.Context(), []chat.User{{ID: "eve", Name: "Eve"}}))
	n := newNode(t, &chat.Options{Store: store, Users: dir.users})
	connect(t, n, "ana", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	for _, whom := range []chat.UserID{"bob", "eve", "nobody"} {
		for name, do := range map[string]func() error{
			"room":   func() error { return create(t, n, whom) },
			"invite": func() error { return invite(t, r, whom) },
			"direct": func() error { _, err := n.Direct(t.Context(), "ana", whom, chat.NewID()); return err },
		} {
			dir.fails = cause
			err := do()
			require.ErrorIs(t, err, chat.ErrUnavailable, name)
			require.ErrorIs(t, err, cause, name)
			require.Equal(t, "unavailable", chat.AsError(err).Code, name)
			dir.fails = chat.ErrOutcomeUnknown // a sentinel of its own stays
			err = do()
			require.ErrorIs(t, err, chat.ErrOutcomeUnknown, name)
			require.NotErrorIs(t, err, chat.ErrUnavailable, name)
		}
	}
	inbox, err := n.Inbox(t.Context(), "ana")
	require.NoError(t, err)
	require.Len(t, inbox.Rooms, 1)
	require.EqualValues(t, 2, inbox.Rooms[0].Head, "nothing was stored")
	dir.fails = nil
	require.NoError(t, invite(t, r, "bob"))
}
