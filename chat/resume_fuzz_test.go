package chat_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
)

// resumer plays a run of steps on a chat: clients of members and of strangers
// come, go, come back with what they have or with a lie about it, and read as
// much as they like, while others post, join and are removed.
type resumer struct {
	t     *testing.T
	n     *chat.Node
	rec   chattest.Recorder
	users []chat.UserID
	rooms []chat.RoomID
	tabs  []*tab
	epoch string
}

// tab is a client that may be connected.
type tab struct {
	client *chattest.Client
	user   chat.UserID
	s      *chat.Session
}

// connect begins a session with what o says.
func (f *resumer) connect(c *tab, o *chat.SessionOptions) {
	s, err := f.n.Connect(f.t.Context(), as(string(c.user)), o)
	require.NoError(f.t, err)
	c.s = s
	c.client.Connected(s.Welcome(), o)
}

func (f *resumer) disconnect(c *tab) {
	if c.s == nil {
		return
	}
	require.NoError(f.t, c.s.Close())
	c.client.Disconnected()
	c.s = nil
}

// read takes up to n deliveries of what is there.
func (f *resumer) read(c *tab, n int) (some bool) {
	synctest.Wait()
	for ; n > 0 && c.s != nil; n-- {
		got := c.s.Take(nil, 1)
		if len(got) == 0 {
			break
		}
		for _, d := range got {
			c.client.Delivered(d)
		}
		some = true
		synctest.Wait()
	}
	return some
}

// step does one thing, chosen by what, to the things chosen by with.
func (f *resumer) step(what, with byte) {
	c, room, user := f.tabs[int(with)%len(f.tabs)], f.rooms[int(with>>2)%len(f.rooms)], f.users[int(with>>4)%len(f.users)]
	r, err := f.n.Room(f.t.Context(), chat.System, room)
	require.NoError(f.t, err)
	switch what % 8 {
	case 0, 1:
		id := chat.NewID()
		c.client.Sent(room, id)
		rc, err := r.Post(f.t.Context(), c.user, chat.Draft{ID: id, Text: fmt.Sprintf("%d %d", what, with)})
		if err != nil {
			c.client.Refused(room, id)
			return
		}
		c.client.Acked(room, id, rc.Event.Seq)
	case 2:
		f.change(r, chat.Change{Kind: chat.Invite, User: user})
	case 3:
		f.change(r, chat.Change{Kind: chat.Remove, User: user})
	case 4: // comes back with what it has
		f.disconnect(c)
		f.connect(c, c.client.Resume())
	case 5:
		f.disconnect(c)
	case 6:
		f.read(c, int(with)%16)
	case 7: // says what it never had
		f.disconnect(c)
		liar := &tab{client: f.rec.Client(c.user, fmt.Sprintf("liar %d", len(f.tabs))), user: c.user}
		seqs := []chat.Seq{0, 1, 2, 3, 7, 1 << 39, 1 << 62, 1<<64 - 1}
		o := &chat.SessionOptions{Epoch: f.epoch, Rooms: map[chat.RoomID]chat.Seq{room: seqs[int(with>>3)%len(seqs)], "nowhere": 3}}
		if with%5 == 0 {
			o.Epoch = "another"
		}
		f.connect(liar, o)
		for f.read(liar, 1) {
		}
		f.disconnect(liar)
	}
}

func (f *resumer) change(r chat.Room, c chat.Change) {
	c.ID = chat.NewID()
	if _, err := r.Change(f.t.Context(), "ann", c); err != nil {
		require.ErrorIs(f.t, err, chat.ErrForbidden) // ann is an owner and stays one
	}
}

// Whatever clients say that they have, they get what they may see, in order and
// without gaps, and nothing else.
func FuzzResume(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 4, 1, 6, 9, 0, 0, 5, 1, 0, 0, 4, 1})
	f.Add([]byte{2, 16, 0, 4, 3, 16, 0, 0, 2, 16, 4, 1, 6, 255, 3, 17, 4, 1})
	f.Add([]byte{7, 0, 7, 8, 7, 16, 7, 24, 7, 32, 7, 40, 7, 48, 7, 56, 7, 5, 0, 0, 7, 60})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 4, 1, 0, 0, 5, 1, 3, 20, 0, 0, 2, 20, 4, 1})
	// Removed, let in again where the time away is hidden, and removed before it
	// has read that.
	f.Add([]byte{4, 1, 5, 1, 3, 0x14, 0, 12, 2, 0x14, 4, 1, 3, 0x14, 6, 7})
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) > 400 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			f := &resumer{t: t, users: []chat.UserID{"ann", "bob", "cid"}}
			f.n = newNode(t, &chat.Options{Limits: chat.Limits{Replay: 6, ReplayTotal: 8, SessionBytes: 600}})
			for i, name := range append(f.users, f.users...) {
				require.NoError(t, f.n.Admit(t.Context(), as(string(name))))
				f.tabs = append(f.tabs, &tab{client: f.rec.Client(name, fmt.Sprintf("%s's tab %d", name, i)), user: name})
			}
			for _, hides := range []bool{false, true} {
				_, id := room(t, f.n, "ann", chat.NewRoom{Name: fmt.Sprint("hides: ", hides), Kind: chat.Private, Hides: hides, Members: []chat.UserID{"bob"}})
				f.rooms = append(f.rooms, id)
			}
			f.epoch = connect(t, f.n, "ann", nil).Welcome().Epoch
			for i := 0; i+1 < len(steps); i += 2 {
				f.step(steps[i], steps[i+1])
			}
			for _, c := range f.tabs { // everybody comes and reads all
				f.disconnect(c)
				f.connect(c, c.client.Resume())
				for f.read(c, 1) {
				}
			}
			for _, id := range f.rooms {
				r, err := f.n.Room(t.Context(), chat.System, id)
				require.NoError(t, err)
				require.NoError(t, f.rec.ReadLog(context.Background(), r))
			}
			require.NoError(t, f.rec.Check())
			for _, c := range f.tabs {
				f.disconnect(c)
			}
		})
	})
}
