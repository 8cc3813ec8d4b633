package postgres

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

func newNode(t *testing.T, s *Store, b transport.Broker) *chat.Node {
	t.Helper()
	n, err := chat.New(&chat.Options{Store: s, Broker: b, Lobby: "Lobby", Logger: silent, Limits: chat.Limits{
		Messages: chat.Unlimited, Joins: chat.Unlimited, Rooms: chat.Unlimited, Requests: chat.Unlimited,
	}})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		require.NoError(t, n.Shutdown(ctx))
	})
	return n
}

// Two nodes on one database: users of both see one order, also of what was
// posted while the server was killed.
func TestTwoNodes(t *testing.T) {
	server := pgtest.Private(t)
	db := server.New(t)
	broker := memory.New(nil)
	other := broker.Connect()
	t.Cleanup(func() { broker.Close(); other.Close() })
	a := newNode(t, reopen(t, db, &Options{Logger: silent}), broker)
	b := newNode(t, reopen(t, db, &Options{Logger: silent}), other)
	connect := func(n *chat.Node, id string) *chat.Session {
		s, err := n.Connect(t.Context(), chat.Principal{User: chat.User{ID: chat.UserID(id), Name: id}}, nil)
		require.NoError(t, err)
		t.Cleanup(func() { s.Close() })
		return s
	}
	var h chattest.Recorder
	sessions := map[*chattest.Client]*chat.Session{}
	join := func(n *chat.Node, id, name string) *chattest.Client {
		c, s := h.Client(chat.UserID(id), name), connect(n, id)
		c.Connected(s.Welcome(), nil)
		sessions[c] = s
		return c
	}
	clients := map[chat.UserID]*chattest.Client{"ana": join(a, "ana", "a"), "bob": join(b, "bob", "b")}
	join(b, "ana", "b")
	made, err := a.CreateRoom(t.Context(), "ana", chat.NewRoom{ID: chat.NewID(), Name: "Tea", Kind: chat.Private, Members: []chat.UserID{"bob"}})
	require.NoError(t, err)
	info, err := made.Info(t.Context(), "ana")
	require.NoError(t, err)
	at, err := b.Room(t.Context(), "bob", info.ID)
	require.NoError(t, err)
	_, err = b.CreateRoom(t.Context(), "bob", chat.NewRoom{ID: chat.NewID(), Name: "LOBBY"})
	require.ErrorIs(t, err, chat.ErrConflict, "both have the same lobby")

	const each = 200
	half := make(chan struct{}, 2)
	done := make(chan error, 2)
	for by, room := range map[chat.UserID]chat.Room{"ana": made, "bob": at} {
		go func() {
			for i := range each {
				if i == each/2 {
					half <- struct{}{}
				}
				d := chat.Draft{ID: chat.NewID(), Text: fmt.Sprint(by, i)}
				clients[by].Sent(info.ID, d.ID)
				rc, err := room.Post(context.Background(), by, d)
				for errors.Is(err, chat.ErrOutcomeUnknown) || errors.Is(err, chat.ErrUnavailable) { // the server takes long to be back
					rc, err = room.Post(context.Background(), by, d)
				}
				if err != nil {
					done <- err
					return
				}
				clients[by].Acked(info.ID, d.ID, rc.Event.Seq)
			}
			done <- nil
		}()
	}
	<-half
	server.Kill(t)
	server.Start(t)
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for c, s := range sessions {
		for c.At(info.ID) < 3+2*each {
			d, err := s.Next(ctx)
			require.NoError(t, err, "%v has the log up to %d", c, c.At(info.ID))
			c.Delivered(d)
		}
	}
	require.NoError(t, h.ReadLog(ctx, made))
	require.NoError(t, h.Check())
}

// After a failover to a standby, what was committed last may be missing: it is
// another life of the store to every node and client, though its name is the same.
func TestFailover(t *testing.T) {
	server := pgtest.Private(t)
	s := reopen(t, server.New(t), &Options{Logger: silent})
	n := newNode(t, s, nil)
	connect := func() *chat.Session {
		c, err := n.Connect(t.Context(), chat.Principal{User: ann}, nil)
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	before := connect()
	server.Stop(t)
	server.Start(t)
	epoch, err := s.RotateEpoch(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, before.Welcome().Epoch, epoch, "a restart is the same life")

	server.Promote(t)
	select {
	case <-before.Done():
	case <-time.After(time.Minute):
		t.Fatal("the session goes on")
	}
	require.ErrorIs(t, before.Err(), chat.ErrEpoch)
	after := connect()
	require.NotEqual(t, epoch, after.Welcome().Epoch)
	_, err = n.CreateRoom(t.Context(), ann.ID, chat.NewRoom{ID: chat.NewID(), Name: "Tea"})
	require.NoError(t, err)
	require.NoError(t, after.Err())
}
