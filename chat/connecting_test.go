package chat_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

func TestRemovalDuringConnectIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Store: chat.NewMemoryStore(nil)}
		var then func()
		store.inbox = func(_ chat.UserID, read func() (chat.Inbox, error)) (chat.Inbox, error) {
			in, err := read()
			if f := then; f != nil {
				then = nil
				f()
			}
			return in, err
		}
		n := newNode(t, &chat.Options{Store: store})
		connect(t, n, "ana", nil).Close()
		connect(t, n, "bob", nil)
		r, id := room(t, n, "bob", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"ana"}})
		then = func() { change(t, r, "bob", chat.Change{Kind: chat.Remove, User: "ana"}) }
		ana := connect(t, n, "ana", nil)
		left := seqs(t, ana, id, 3)
		rooms := ana.Welcome().Rooms
		require.True(t, len(rooms) == 0 || len(left) == 1, "welcome has %d rooms, and no event tells of the removal", len(rooms))
	})
}
