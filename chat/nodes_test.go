package chat_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport"
	broker "github.com/carlware/gochat/transport/memory"
)

// two returns two nodes of one store, each with its own connection to a
// broker.
func two(t *testing.T) (a, b *chat.Node, ba, bb *broker.Broker, s *shared) {
	t.Helper()
	return twoLimited(t, chat.Limits{})
}

func twoLimited(t *testing.T, l chat.Limits) (a, b *chat.Node, ba, bb *broker.Broker, s *shared) {
	t.Helper()
	s = newShared()
	ba = broker.New(nil)
	bb = ba.Connect()
	t.Cleanup(func() { ba.Close(); bb.Close() })
	a = newNode(t, &chat.Options{Store: s.connect(), Broker: ba, Limits: l})
	b = newNode(t, &chat.Options{Store: s.connect(), Broker: bb, Limits: l})
	return a, b, ba, bb, s
}

func TestTwoNodesOneOrder(t *testing.T) {
	a, b, _, _, _ := two(t)
	var h chattest.Recorder
	ana, bob := connect(t, a, "ana", nil), connect(t, b, "bob", nil)
	clients := map[*chat.Session]*chattest.Client{ana: h.Client("ana", "a"), bob: h.Client("bob", "b")}
	for s, c := range clients {
		c.Connected(s.Welcome(), nil)
	}
	ra, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
	rb, err := b.Room(t.Context(), "bob", id)
	require.NoError(t, err)
	done := make(chan error, 2)
	for _, w := range []struct {
		r  chat.Room
		by chat.UserID
		c  *chattest.Client
	}{{ra, "ana", clients[ana]}, {rb, "bob", clients[bob]}} {
		go func() {
			for i := range 200 {
				d := chat.Draft{ID: chat.NewID(), Text: fmt.Sprint(w.by, i)}
				w.c.Sent(id, d.ID)
				rc, err := w.r.Post(context.Background(), w.by, d)
				if err != nil {
					done <- err
					return
				}
				w.c.Acked(id, d.ID, rc.Event.Seq)
			}
			done <- nil
		}()
	}
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	for s, c := range clients {
		for c.At(id) < 403 {
			c.Delivered(next(t, s))
		}
	}
	require.NoError(t, h.ReadLog(t.Context(), ra))
	require.NoError(t, h.Check())
	require.Equal(t, 400, h.Counts().Acked)
}

func TestSweepFindsWhatTheBrokerLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, ba, bb, _ := two(t)
		bob := connect(t, b, "bob", nil)
		connect(t, a, "ana", nil)
		synctest.Wait()
		ba.Disconnect(nil)
		bb.Disconnect(nil)

		// An invitation to a room that node b does not host, and a last
		// message: nobody tells b of either.
		ra, _ := room(t, a, "ana", chat.NewRoom{Name: "Tea", Kind: chat.Private, Members: []chat.UserID{"bob"}})
		began := time.Now()
		e := nextEvent(t, bob)
		require.Equal(t, chat.Joined, e.Kind)
		require.Equal(t, chat.UserID("bob"), e.Target.ID)
		require.Less(t, time.Since(began), 3*time.Second)

		began = time.Now()
		post(t, ra, "ana", "the last word")
		require.Equal(t, "the last word", nextEvent(t, bob).Text)
		require.Less(t, time.Since(began), 3*time.Second)

		_, err := ra.Change(t.Context(), "ana", chat.Change{ID: chat.NewID(), Kind: chat.Remove, User: "bob"})
		require.NoError(t, err)
		post(t, ra, "ana", "secret")
		require.Equal(t, chat.Left, nextEvent(t, bob).Kind)
		time.Sleep(10 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for {
			d, err := bob.Next(ctx)
			if err != nil {
				break
			}
			require.Nil(t, d.Event, "nothing after the removal")
		}
	})
}

func TestStaleNodeCanNotPostForARemovedUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, ba, bb, _ := two(t)
		connect(t, a, "ana", nil)
		connect(t, b, "bob", nil)
		ra, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		rb, err := b.Room(t.Context(), "bob", id)
		require.NoError(t, err)
		post(t, rb, "bob", "hello")
		synctest.Wait()
		ba.Disconnect(nil)
		bb.Disconnect(nil)
		_, err = ra.Change(t.Context(), "ana", chat.Change{ID: chat.NewID(), Kind: chat.Remove, User: "bob"})
		require.NoError(t, err)
		_, err = rb.Post(t.Context(), "bob", chat.Draft{ID: chat.NewID(), Text: "still here"})
		require.ErrorIs(t, err, chat.ErrForbidden)
		_, err = ra.Change(t.Context(), "ana", chat.Change{ID: chat.NewID(), Kind: chat.Invite, User: "bob"})
		require.NoError(t, err)
		_, err = rb.Post(t.Context(), "bob", chat.Draft{ID: chat.NewID(), Text: "back again"})
		require.NoError(t, err)
	})
}

// echo is a bot that answers, after a while, what it was told.
func echo(runs *atomic.Int64) *command.Bot {
	type args struct {
		Wait time.Duration `cmd:"wait"`
	}
	bot := command.NewBot("echo", &command.BotOptions{Logger: quiet})
	command.Handle(bot, "echo", "Says it again", func(ctx context.Context, c *command.Call, a args) error {
		runs.Add(1)
		select {
		case <-time.After(a.Wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		return c.Say("echo " + c.Args)
	})
	return bot
}

func serve(t *testing.T, bot *command.Bot, b transport.Broker) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bot.Run(ctx, b) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			<-done
		}
	}
	t.Cleanup(stop)
	return stop
}

func TestQueuedCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, ba, _, _ := two(t)
		var runs atomic.Int64
		stop := serve(t, echo(&runs), ba)
		ana, bob := connect(t, a, "ana", nil), connect(t, b, "bob", nil)
		r, _ := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		synctest.Wait()

		line := chat.CommandLine{ID: chat.NewID(), Text: "/echo 1s"}
		_, err := r.Command(t.Context(), "ana", line)
		require.NoError(t, err)
		again, err := r.Command(t.Context(), "ana", line)
		require.NoError(t, err, "a resend while it runs")
		o := nextOutcome(t, ana)
		require.Equal(t, chat.CallDone, o.Status)
		got, err := again.Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, o, got)
		require.EqualValues(t, 1, runs.Load())
		for _, s := range []*chat.Session{bob} {
			e := nextEvent(t, s)
			for e.Kind != chat.Message {
				e = nextEvent(t, s)
			}
			require.Equal(t, "echo 1s", e.Text)
			require.Equal(t, chat.UserID("bot:echo"), e.User.ID)
		}

		// Longer than the deadline: one timeout, and the late answer dropped.
		_, err = r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/echo 60s"})
		require.NoError(t, err)
		began := time.Now()
		o = nextOutcome(t, ana)
		require.Equal(t, "timeout", o.Error.Code)
		require.Less(t, time.Since(began), 12*time.Second)

		stop()
		began = time.Now()
		c, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/echo"})
		require.NoError(t, err)
		o, err = c.Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, "no_bot", o.Error.Code)
		require.Less(t, time.Since(began), time.Second, "known at once")

		time.Sleep(2 * time.Minute)
		page, err := r.History(t.Context(), "ana", chat.Range{})
		require.NoError(t, err)
		require.Len(t, page.Events, 4, "created, two joined, one answer")
	})
}

func TestOutcomeSurvivesTheAskingNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, ba, bb, _ := two(t)
		var runs atomic.Int64
		serve(t, echo(&runs), bb)
		ana := connect(t, a, "ana", nil)
		r, id := room(t, a, "ana", chat.NewRoom{Name: "Tea"})
		synctest.Wait()
		line := chat.CommandLine{ID: chat.NewID(), Text: "/echo 3s"}
		_, err := r.Command(t.Context(), "ana", line)
		require.NoError(t, err)
		time.Sleep(time.Second)
		ana.Close()
		require.NoError(t, a.Shutdown(context.Background()))
		ba.Close()

		ana = connect(t, b, "ana", nil)
		o := nextOutcome(t, ana)
		require.Equal(t, line.ID, o.ID)
		require.Equal(t, chat.CallDone, o.Status)
		rb, err := b.Room(t.Context(), "ana", id)
		require.NoError(t, err)
		c, err := rb.Command(t.Context(), "ana", line)
		require.NoError(t, err)
		got, err := c.Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, o, got)
		require.EqualValues(t, 1, runs.Load())
	})
}

func TestUnknownSendIsSentAgainOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, ba, bb, _ := two(t)
		var runs atomic.Int64
		serve(t, echo(&runs), bb)
		ana := connect(t, a, "ana", nil)
		r, _ := room(t, a, "ana", chat.NewRoom{Name: "Tea"})
		synctest.Wait()
		ba.FailSends(1, transport.ErrUnknown)
		_, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/echo"})
		require.NoError(t, err)
		synctest.Wait()
		require.EqualValues(t, 0, runs.Load())
		ba.Disconnect(nil)
		ba.Reconnect()
		require.Equal(t, chat.CallDone, nextOutcome(t, ana).Status)
		require.EqualValues(t, 1, runs.Load())
	})
}

func TestOlderStoreBeginsANewEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, _, _, s := two(t)
		ana := connect(t, a, "ana", nil)
		old := ana.Welcome().Epoch
		_, err := s.store.RotateEpoch(t.Context(), old) // as a restore does
		require.NoError(t, err)
		<-ana.Done()
		require.ErrorIs(t, ana.Err(), chat.ErrEpoch)
		require.NotEqual(t, old, connect(t, a, "ana", nil).Welcome().Epoch)
	})
}

func TestShutdownSettlesFastCalls(t *testing.T) {
	bot := command.NewBot("slow", &command.BotOptions{Logger: quiet})
	command.Handle(bot, "wait", "Wait", func(ctx context.Context, c *command.Call, _ struct{}) error {
		<-ctx.Done()
		return &command.Error{Code: "cancelled", Message: "The chat is closing."}
	})
	store := chat.NewMemoryStore(nil)
	n, err := chat.New(&chat.Options{Store: store, Commands: bot, Logger: quiet})
	require.NoError(t, err)
	ana := connect(t, n, "ana", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	_, err = r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/wait"})
	require.NoError(t, err)
	require.NoError(t, n.Shutdown(t.Context()))
	require.NotEmpty(t, nextOutcome(t, ana).Error.Code, "told before the session ended")
	require.ErrorIs(t, ana.Err(), chat.ErrClosed)
	_, err = r.Post(t.Context(), "ana", chat.Draft{ID: chat.NewID(), Text: "x"})
	require.ErrorIs(t, err, chat.ErrClosed)
	ended, err := store.EndedCalls(t.Context(), "ana", time.Hour)
	require.NoError(t, err)
	require.Len(t, ended, 1)
}

// slowInbox gives the sweep time to find a session that is still connecting.
type slowInbox struct {
	*chat.MemoryStore
	slow atomic.Bool // the next one is
}

func (s *slowInbox) Inbox(ctx context.Context, user chat.UserID) (chat.Inbox, error) {
	if s.slow.Swap(false) {
		time.Sleep(5 * time.Second)
	}
	return s.MemoryStore.Inbox(ctx, user)
}

func TestSweepLeavesConnectingSessionsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowInbox{MemoryStore: chat.NewMemoryStore(nil)}
		n := newNode(t, &chat.Options{Store: store})
		ana := connect(t, n, "ana", nil)
		r, id := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		for i := range 5 {
			post(t, r, "ana", fmt.Sprint(i))
		}
		epoch := ana.Welcome().Epoch
		ana.Close()
		store.slow.Store(true)
		ana = connect(t, n, "ana", &chat.SessionOptions{Epoch: epoch, Rooms: map[chat.RoomID]chat.Seq{id: 5}})
		require.Equal(t, chat.Seq(6), nextEvent(t, ana).Seq, "from where it stopped, not from the join")
	})
}
