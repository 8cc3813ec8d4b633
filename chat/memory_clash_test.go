package chat

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMemoryStoreSlotsThatClash gives the users of a room the salts with which
// all their ids want the same slot.
func TestMemoryStoreSlotsThatClash(t *testing.T) {
	s := NewMemoryStore(nil)
	users := []User{{ID: "ann", Name: "Ann"}, {ID: "bob", Name: "Bob"}, {ID: "cyd", Name: "Cyd"}}
	require.NoError(t, s.PutUsers(t.Context(), users))
	_, err := s.CreateRoom(t.Context(), RoomWrite{Room: "room", By: User{ID: "dan"}, ID: "create", Kind: Public, Name: "Room"})
	require.NoError(t, err)
	id := func(u User) string { return "id of " + u.Name }
	for _, u := range users {
		s.users[u.ID].salt = memHash(id(u))
	}
	write := func(u User) (Appended, error) {
		return s.Append(t.Context(), Write{Room: "room", User: u, ID: id(u), Kind: Message, Text: u.Name, Basis: 1})
	}
	for i, u := range users {
		_, _, err := s.Find(t.Context(), "room", u.ID, id(u))
		require.ErrorIs(t, err, ErrNotFound)
		a, err := write(u)
		require.NoError(t, err)
		require.False(t, a.Duplicate)
		require.Equal(t, Seq(2+i), a.Event.Seq)
	}
	for i, u := range users {
		a, err := write(u)
		require.NoError(t, err)
		require.True(t, a.Duplicate)
		require.Equal(t, Seq(2+i), a.Event.Seq)
		require.Equal(t, u.Name, a.Event.Text)
	}
}
