package chat_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

func TestReplies(t *testing.T) {
	n := newNode(t, nil)
	connect(t, n, "ana", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	kept, deleted := post(t, r, "ana", "kept"), post(t, r, "ana", "deleted")
	late := chat.Draft{ID: chat.NewID(), Text: "in time", ReplyTo: deleted.Seq}
	first, err := r.Post(t.Context(), "ana", late)
	require.NoError(t, err)
	gone, err := r.Delete(t.Context(), "ana", deleted.Seq, chat.NewID())
	require.NoError(t, err)

	rc, err := r.Post(t.Context(), "ana", chat.Draft{ID: chat.NewID(), Text: "re", ReplyTo: kept.Seq})
	require.NoError(t, err)
	require.Equal(t, kept.Seq, rc.Event.Ref)
	for name, to := range map[string]chat.Seq{
		"deleted": deleted.Seq, "a join": 2, "a deletion": gone.Event.Seq, "beyond the head": 1 << 39,
	} {
		_, err := r.Post(t.Context(), "ana", chat.Draft{ID: chat.NewID(), Text: "re", ReplyTo: to})
		require.Equal(t, "reply_to", chat.AsError(err).Field, name)
	}
	again, err := r.Post(t.Context(), "ana", late)
	require.NoError(t, err, "a resend gets the first answer, whatever has become of what it replies to")
	require.Equal(t, first.Event.Seq, again.Event.Seq)
}

// The program itself is nobody's guest.
func TestSystemIsNoMember(t *testing.T) {
	n := newNode(t, &chat.Options{Lobby: "general"}) // made by System, so the store knows it
	connect(t, n, "ana", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	_, err := r.Change(t.Context(), "ana", chat.Change{ID: chat.NewID(), Kind: chat.Invite, User: chat.System})
	require.ErrorIs(t, err, chat.ErrNotFound)
	_, err = n.CreateRoom(t.Context(), "ana", chat.NewRoom{ID: chat.NewID(), Name: "Us", Members: []chat.UserID{chat.System}})
	require.ErrorIs(t, err, chat.ErrNotFound)
	_, err = n.Direct(t.Context(), "ana", chat.System, chat.NewID())
	require.Error(t, err)
}
