package ws

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

func TestTypingReachesTheOthers(t *testing.T) {
	s := start(t, nil, nil)
	ann, w := s.hello("ann")
	bob, _ := s.hello("bob")
	ann.send(`{"type":"typing","room":"%s"}`, w.Rooms[0].ID)
	for {
		n, err := as[chat.Notice](bob.until("notice"))
		require.NoError(t, err)
		if n.Kind == chat.Typing {
			require.Equal(t, w.Rooms[0].ID, n.In)
			require.Equal(t, "ann", n.User.Name)
			return
		}
	}
}
