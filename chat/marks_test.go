package chat_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

func TestReadIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _, _, _ := two(t)
		synctest.Wait()
		desk, phone := connect(t, a, "ana", nil), connect(t, b, "ana", nil)
		bob, eve := connect(t, b, "bob", nil), connect(t, b, "eve", nil)
		r, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		for range 10 {
			post(t, r, "bob", "x")
		}
		synctest.Wait()
		for seq := range chat.Seq(10) {
			require.NoError(t, r.MarkRead(t.Context(), "ana", seq+1))
		}
		time.Sleep(2 * time.Second)
		for name, s := range map[string]*chat.Session{"own": desk, "own elsewhere": phone, "member": bob} {
			ns := notices(t, s, chat.Read)
			require.Len(t, ns, 1, name)
			require.Equal(t, chat.Notice{Kind: chat.Read, In: id, User: &chat.User{ID: "ana", Name: "ana"}, Seq: 10}, ns[0], name)
		}
		require.Empty(t, notices(t, eve, chat.Read), "not to others")
		inbox, err := b.Inbox(t.Context(), "ana")
		require.NoError(t, err)
		require.Equal(t, chat.Seq(10), inbox.Rooms[0].Read, "what is told is stored")
	})
}

// In a room with many, each is told of the own marker only: a message that all
// of them read would be told of as often as there are pairs of them.
func TestReadInLargeRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, nil)
		ana := connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		var last *chat.Session
		for i := range 20 {
			name := fmt.Sprint("user", i)
			last = connect(t, n, name, nil)
			join(t, r, name)
		}
		require.NoError(t, r.MarkRead(t.Context(), "ana", 3))
		time.Sleep(2 * time.Second)
		require.Len(t, notices(t, ana, chat.Read), 1)
		require.Empty(t, notices(t, last, chat.Read))
	})
}
