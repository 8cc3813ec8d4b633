package ws

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// A loop that is too slow gets gaps, and the connection does not wait for it.
func TestSlowLoop(t *testing.T) {
	var q updates
	q.init()
	w1, w2 := &Welcome{}, &Welcome{}
	q.push(Update{Welcome: w1}, 100)
	q.push(Update{Welcome: w2}, 100)
	q.push(Update{Gap: &chat.Gap{Room: "r2", After: 3, Head: 7, Floor: 2}}, 50)
	for i := range 2 * maxUpdates {
		q.push(Update{Event: &chat.Event{Room: chat.RoomID(fmt.Sprint("r", i%2)), Seq: chat.Seq(10 + i/2)}}, 100)
		q.push(Update{Notice: &chat.Notice{}}, 10)
		require.LessOrEqual(t, len(q.queue), maxUpdates+1)
	}
	u, err := q.next(t.Context())
	require.NoError(t, err)
	require.Same(t, w2, u.Welcome)
	at := map[chat.RoomID]chat.Seq{"r0": 9, "r1": 9, "r2": 3}
	q.end(chat.ErrClosed)
	for {
		u, err := q.next(t.Context())
		if err != nil {
			require.ErrorIs(t, err, chat.ErrClosed)
			break
		}
		if g := u.Gap; g != nil {
			require.Equal(t, at[g.Room], g.After, g.Room)
			at[g.Room] = g.Head
		}
		if e := u.Event; e != nil {
			require.Equal(t, at[e.Room]+1, e.Seq, e.Room)
			at[e.Room] = e.Seq
		}
	}
	require.Equal(t, chat.Seq(9+maxUpdates), at["r0"])
	require.Zero(t, q.bytes)
}

func TestOneLoop(t *testing.T) {
	s := start(t, nil, nil)
	c := s.client("ann", nil)
	for _, err := range c.Events(t.Context()) {
		require.NoError(t, err)
		for _, err := range c.Events(t.Context()) {
			require.ErrorIs(t, err, ErrIterating)
		}
		break
	}
	w, _, err := c.Rooms(t.Context(), "", 0)
	require.NoError(t, err)
	_, err = c.Post(t.Context(), w[0].ID, chat.Draft{Text: "still there"})
	require.NoError(t, err)
	await(t, c, message("still there"))
}
