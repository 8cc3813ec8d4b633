package chat_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

func TestLastOwnerCanNotBeLost(t *testing.T) {
	n := newNode(t, nil)
	connect(t, n, "ana", nil)
	connect(t, n, "bob", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
	for _, c := range []chat.Change{
		{Kind: chat.Leave},
		{Kind: chat.Remove, User: "ana"},
		{Kind: chat.Ban, User: "ana"},
		{Kind: chat.SetRole, User: "ana", Role: chat.Participant},
	} {
		c.ID = chat.NewID()
		_, err := r.Change(t.Context(), "ana", c)
		require.ErrorIs(t, err, chat.ErrForbidden, c.Kind)
	}
	change(t, r, "ana", chat.Change{Kind: chat.SetRole, User: "bob", Role: chat.Owner})
	change(t, r, "ana", chat.Change{Kind: chat.Remove, User: "ana"})
}

func TestArchivedHoldsForSystemToo(t *testing.T) {
	n := newNode(t, nil)
	connect(t, n, "ana", nil)
	connect(t, n, "bob", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
	e := post(t, r, "ana", "x")
	change(t, r, "ana", chat.Change{Kind: chat.Archive})
	for _, c := range []chat.Change{
		{Kind: chat.Rename, Name: "Coffee"},
		{Kind: chat.SetRole, User: "bob", Role: chat.Owner},
		{Kind: chat.Update, Data: []byte(`{}`)},
		{Kind: chat.Invite, User: "bob"},
	} {
		c.ID = chat.NewID()
		_, err := r.Change(t.Context(), chat.System, c)
		require.ErrorIs(t, err, chat.ErrForbidden, c.Kind)
	}
	_, err := r.Delete(t.Context(), chat.System, e.Seq, chat.NewID())
	require.ErrorIs(t, err, chat.ErrForbidden)
	change(t, r, string(chat.System), chat.Change{Kind: chat.Remove, User: "bob"})
	change(t, r, string(chat.System), chat.Change{Kind: chat.Restore})
}

func TestResendOfARoomIsAnsweredAfterRightsAreLost(t *testing.T) {
	refuse := false
	n := newNode(t, &chat.Options{Authorize: func(context.Context, chat.Action) error {
		if refuse {
			return chat.ErrForbidden
		}
		return nil
	}})
	connect(t, n, "ana", nil)
	connect(t, n, "bob", nil)
	ask := chat.NewRoom{ID: chat.NewID(), Name: "Tea"}
	first, err := n.CreateRoom(t.Context(), "ana", ask)
	require.NoError(t, err)
	direct := chat.NewID()
	_, err = n.Direct(t.Context(), "ana", "bob", direct)
	require.NoError(t, err)

	refuse = true // for example, for everybody has a quota of rooms
	again, err := n.CreateRoom(t.Context(), "ana", ask)
	require.NoError(t, err)
	require.Equal(t, first, again)
	_, err = n.Direct(t.Context(), "ana", "bob", direct)
	require.NoError(t, err)
	ask.Name = "Coffee"
	_, err = n.CreateRoom(t.Context(), "ana", ask)
	require.ErrorIs(t, err, chat.ErrIDReused)
	_, err = n.CreateRoom(t.Context(), "bob", ask)
	require.ErrorIs(t, err, chat.ErrForbidden)
	ask.ID = chat.NewID()
	_, err = n.CreateRoom(t.Context(), "ana", ask)
	require.ErrorIs(t, err, chat.ErrForbidden)
}
