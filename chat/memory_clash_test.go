package chat

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMemoryStoreSlotsThatClash gives the users of a room the salts with which
// all their ids want the same slot.
func TestMemoryStoreSlotsThatClash(t *testing.T) {
	now := time.Now()
	s := NewMemoryStore(&MemoryOptions{Clock: func() time.Time { return now }})
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

	// Where an event was removed, the way to those that clash with it goes on.
	now = now.Add(48 * time.Hour)
	for i, n := range []int{2, 1} { // the first event and that of ann, then that of bob
		removed, err := s.Trim(t.Context(), "room", Retention{Age: time.Hour}, n)
		require.NoError(t, err)
		require.Equal(t, n, removed)
		a, err := write(users[2])
		require.NoError(t, err)
		require.True(t, a.Duplicate, "after the removal of what %s has written", users[i].Name)
		require.Equal(t, Seq(4), a.Event.Seq)
	}
	for i, u := range users[:2] {
		a, err := write(u)
		require.NoError(t, err)
		require.False(t, a.Duplicate, "what is removed is forgotten")
		require.Equal(t, Seq(5+i), a.Event.Seq)
		a, err = write(u)
		require.NoError(t, err)
		require.True(t, a.Duplicate)
	}
}

// TestMemoryStoreTrimFrees looks for what is left of events that were removed.
func TestMemoryStoreTrimFrees(t *testing.T) {
	now := time.Now()
	s := NewMemoryStore(&MemoryOptions{Clock: func() time.Time { return now }})
	ann := User{ID: "ann", Name: "Ann"}
	_, err := s.CreateRoom(t.Context(), RoomWrite{Room: "room", By: ann, ID: "create", Kind: Public, Name: "Room"})
	require.NoError(t, err)
	for i := range 100 {
		_, err := s.Append(t.Context(), Write{Room: "room", User: ann, ID: fmt.Sprint("message ", i), Kind: Message, Text: "hello", Basis: 1})
		require.NoError(t, err)
		_, err = s.Append(t.Context(), Write{Room: "room", User: ann, ID: fmt.Sprint("reaction ", i), Kind: Reacted, Ref: Seq(2 + 2*i), Text: "+1", Basis: 1})
		require.NoError(t, err)
	}
	r := s.rooms["room"]
	require.Len(t, r.reactions, 100)
	now = now.Add(48 * time.Hour)
	removed, err := s.Trim(t.Context(), "room", Retention{Count: 20}, 1000)
	require.NoError(t, err)
	require.Equal(t, 181, removed)
	require.Len(t, r.rows, 20)
	require.Len(t, r.ids, 20)
	require.Len(t, r.reactions, 10)
	require.NoError(t, s.Revoke(t.Context(), Revocation{User: "ann", Session: "old", Until: now.Add(time.Hour)}))
	now = now.Add(2 * time.Hour)
	require.NoError(t, s.Revoke(t.Context(), Revocation{User: "ann", Session: "new", Until: now.Add(time.Hour)}))
	require.Len(t, s.revoked, 1)
}
