package chat_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// memoryRoom is a store in memory with a room of ann's.
func memoryRoom(t testing.TB, o *chat.MemoryOptions) (*chat.MemoryStore, chat.User) {
	s := chat.NewMemoryStore(o)
	ann := chat.User{ID: "ann", Name: "Ann"}
	_, err := s.Attach(func([]chat.Event) {})
	require.NoError(t, err)
	require.NoError(t, s.PutUsers(t.Context(), []chat.User{ann}))
	_, err = s.CreateRoom(t.Context(), chat.RoomWrite{
		Room: "room", By: ann, ID: "create", Kind: chat.Public, Name: "Room", Members: []chat.NewMember{{User: ann, Role: chat.Owner}},
	})
	require.NoError(t, err)
	return s, ann
}

func TestMemoryStoreForgetsCalls(t *testing.T) {
	var passed atomic.Int64
	begin := time.Now()
	s, ann := memoryRoom(t, &chat.MemoryOptions{Clock: func() time.Time { return begin.Add(time.Duration(passed.Load())) }})
	call := func(id string) chat.NewCall {
		return chat.NewCall{ID: id, Key: "key " + id, Room: "room", User: ann, Bot: chat.User{ID: "bot:b"}, Timeout: time.Second, Basis: 2}
	}
	there := func(id string) bool {
		_, err := s.Call(t.Context(), id)
		if err != nil {
			require.ErrorIs(t, err, chat.ErrNotFound)
		}
		return err == nil
	}
	_, _, err := s.OpenCall(t.Context(), call("pending"))
	require.NoError(t, err)
	for i, at := range []time.Duration{0, time.Hour, -time.Hour, 2 * time.Hour} { // the third one with the clock set back
		passed.Store(int64(at))
		c := call(fmt.Sprint(i))
		_, first, err := s.SettleCall(t.Context(), chat.Settlement{New: &c})
		require.NoError(t, err)
		require.True(t, first)
	}
	ended := func() (ids []string) {
		calls, err := s.EndedCalls(t.Context(), ann.ID, 30*time.Hour)
		require.NoError(t, err)
		for _, c := range calls {
			ids = append(ids, c.ID)
		}
		return ids
	}
	require.Equal(t, []string{"0", "1", "2", "3"}, ended(), "in the order of their end, whatever the clock said")

	passed.Store(int64(25*time.Hour - time.Minute))
	_, _, err = s.OpenCall(t.Context(), call("another"))
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2", "3"}, ended(), "after 24 hours a call is forgotten")
	require.False(t, there("0"))
	_, _, err = s.FindCall(t.Context(), ann.ID, "key 0")
	require.ErrorIs(t, err, chat.ErrNotFound)

	passed.Store(int64(30 * time.Hour))
	_, err = s.ExpireCalls(t.Context(), time.Hour, 0) // a sweep is enough to make it forget
	require.NoError(t, err)
	require.Empty(t, ended())
	require.True(t, there("pending"), "a pending call is not forgotten")
}

// TestMemoryStoreReceiverMayRead lets a receiver take its time: readers, itself
// among them, do not wait for it.
func TestMemoryStoreReceiverMayRead(t *testing.T) {
	s := chat.NewMemoryStore(nil)
	seen := make(chan chat.Page, 1)
	_, err := s.Attach(func(batch []chat.Event) {
		p, err := s.Page(t.Context(), chat.System, batch[0].Room, chat.Range{})
		if err != nil {
			t.Error(err)
		}
		seen <- p
	})
	require.NoError(t, err)
	_, err = s.CreateRoom(t.Context(), chat.RoomWrite{Room: "room", By: chat.User{ID: "ann"}, ID: "create", Kind: chat.Public, Name: "Room"})
	require.NoError(t, err)
	require.Equal(t, chat.Seq(1), (<-seen).Head)
}

func TestMemoryStoreAppendIsCheap(t *testing.T) {
	s, ann := memoryRoom(t, nil)
	var ids []string
	for i := range 2000 {
		ids = append(ids, fmt.Sprint("message ", i))
	}
	n := 0
	allocs := testing.AllocsPerRun(1000, func() {
		if _, err := s.Append(t.Context(), chat.Write{Room: "room", User: ann, Kind: chat.Message, ID: ids[n], Text: "hello", Basis: 2}); err != nil {
			t.Fatal(err)
		}
		n++
	})
	// One for the event; the log and its index grow now and then.
	require.LessOrEqual(t, allocs, 2.0)
}
