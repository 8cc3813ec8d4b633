package chat_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport"
	broker "github.com/carlware/gochat/transport/memory"
)

// waiter is a bot whose command waits for release and then says what it was
// told.
func waiter(release <-chan struct{}) *command.Bot {
	type args struct {
		Text string `cmd:"text"`
	}
	bot := command.NewBot("waiter", &command.BotOptions{Logger: quiet})
	command.Handle(bot, "wait", "Waits", func(ctx context.Context, c *command.Call, a args) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return c.Ephemeral(a.Text)
	})
	return bot
}

// ended returns the outcome of a command, or fails when it has none in time.
func ended(t *testing.T, c *chat.PendingCall) chat.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o, err := c.Wait(ctx)
	require.NoError(t, err)
	return o
}

// twins returns a command that runs on two nodes at once, both in this process,
// and what lets each end.
func twins(t *testing.T, first, second string) (calls [2]*chat.PendingCall, release [2]chan struct{}) {
	s := newShared()
	id := chat.NewID()
	var in chat.RoomID
	for i, text := range []string{first, second} {
		release[i] = make(chan struct{})
		n := newNode(t, &chat.Options{Store: s.connect(), Commands: waiter(release[i])})
		connect(t, n, "ana", nil)
		if i == 0 {
			_, in = room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		}
		r, err := n.Room(t.Context(), "ana", in)
		require.NoError(t, err)
		calls[i], err = r.Command(t.Context(), "ana", chat.CommandLine{ID: id, Text: "/wait " + text})
		require.NoError(t, err)
	}
	return calls, release
}

func TestFastCommandEndsOnBothNodesThatRunIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, release := twins(t, "x", "x")
		close(release[1])
		first := ended(t, calls[1])
		close(release[0])
		require.Equal(t, first, ended(t, calls[0]), "the first one stored")
	})
}

func TestFastCommandWhoseIDWasUsedElsewhereEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, release := twins(t, "x", "y")
		close(release[1])
		require.Equal(t, "y", ended(t, calls[1]).Text)
		close(release[0])
		o := ended(t, calls[0])
		require.Equal(t, chat.CallFailed, o.Status)
		require.Equal(t, "id_reused", o.Error.Code)
	})
}

// opening is a node with a bot behind a broker and a store whose OpenCall can
// be broken.
func opening(t *testing.T) (f *faulty, r chat.Room, runs *atomic.Int64) {
	b := broker.New(nil)
	t.Cleanup(func() { b.Close() })
	runs = new(atomic.Int64)
	serve(t, echo(runs), b)
	f = &faulty{Store: chat.NewMemoryStore(nil)}
	n := newNode(t, &chat.Options{Store: f, Broker: b})
	connect(t, n, "ana", nil)
	r, _ = room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	synctest.Wait()
	return f, r, runs
}

func TestCommandIsSentWhenItIsKnownToBeStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, r, runs := opening(t)
		var tries atomic.Int64
		f.open = func(_ chat.NewCall, open func() (chat.Call, bool, error)) (chat.Call, bool, error) {
			call, dup, err := open()
			if tries.Add(1) < 3 {
				return chat.Call{}, false, chat.ErrOutcomeUnknown
			}
			return call, dup, err
		}
		c, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/echo"})
		require.NoError(t, err)
		require.Equal(t, chat.CallDone, ended(t, c).Status)
		require.EqualValues(t, 1, runs.Load())
	})
}

func TestCommandIsSentAlthoughTheCallerHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, r, runs := opening(t)
		f.open = func(_ chat.NewCall, open func() (chat.Call, bool, error)) (chat.Call, bool, error) {
			time.Sleep(2 * time.Second)
			return open()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		line := chat.CommandLine{ID: chat.NewID(), Text: "/echo"}
		_, err := r.Command(ctx, "ana", line)
		require.ErrorIs(t, err, chat.ErrOutcomeUnknown)
		c, err := r.Command(t.Context(), "ana", line)
		require.NoError(t, err)
		require.Equal(t, chat.CallDone, ended(t, c).Status)
		require.EqualValues(t, 1, runs.Load())
	})
}

func TestResendOfACommandThatIsBeingStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, r, runs := opening(t)
		f.open = func(chat.NewCall, func() (chat.Call, bool, error)) (chat.Call, bool, error) {
			time.Sleep(time.Second)
			return chat.Call{}, false, chat.ErrUnavailable
		}
		line := chat.CommandLine{ID: chat.NewID(), Text: "/echo"}
		other := line
		other.Text = "/echo 1s"
		done := make(chan error, 1)
		go func() {
			_, err := r.Command(context.Background(), "ana", line)
			done <- err
		}()
		synctest.Wait()
		_, err := r.Command(t.Context(), "ana", other)
		require.ErrorIs(t, err, chat.ErrIDReused)
		_, err = r.Command(t.Context(), "ana", line)
		require.ErrorIs(t, err, chat.ErrUnavailable, "not accepted, so that no outcome is waited for")
		require.ErrorIs(t, <-done, chat.ErrUnavailable)
		require.Zero(t, runs.Load())
	})
}

// Two requests with one id that pass each other before either is known.
func TestSameIDForTwoCommandsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, r, _ := opening(t)
		f.find = func(read func() (chat.Call, [16]byte, error)) (chat.Call, [16]byte, error) {
			defer time.Sleep(time.Second)
			return read()
		}
		id := chat.NewID()
		errs := make(chan error, 2)
		for _, text := range []string{"/echo 1s", "/echo 2s"} {
			go func() {
				_, err := r.Command(context.Background(), "ana", chat.CommandLine{ID: id, Text: text})
				errs <- err
			}()
		}
		one, two := <-errs, <-errs
		require.ErrorIs(t, errors.Join(one, two), chat.ErrIDReused)
		require.True(t, one == nil || two == nil)
	})
}

func TestCommandThatWasNotSentFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, ba, bb, _ := two(t)
		var runs atomic.Int64
		serve(t, echo(&runs), bb)
		ana := connect(t, a, "ana", nil)
		r, _ := room(t, a, "ana", chat.NewRoom{Name: "Tea"})
		synctest.Wait()
		ba.FailSends(1, context.DeadlineExceeded) // the contract of Send: not sent
		began := time.Now()
		_, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/echo"})
		require.NoError(t, err)
		require.Equal(t, "unavailable", nextOutcome(t, ana).Error.Code)
		require.Less(t, time.Since(began), time.Second)
	})
}

func TestUnknownSendIsSentAgainUntilItIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, ba, bb, _ := two(t)
		var runs atomic.Int64
		serve(t, echo(&runs), bb)
		ana := connect(t, a, "ana", nil)
		r, _ := room(t, a, "ana", chat.NewRoom{Name: "Tea"})
		synctest.Wait()
		ba.FailSends(2, transport.ErrUnknown)
		_, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/echo"})
		require.NoError(t, err)
		for range 2 {
			synctest.Wait()
			ba.Disconnect(nil)
			ba.Reconnect()
		}
		require.Equal(t, chat.CallDone, nextOutcome(t, ana).Status)
		require.EqualValues(t, 1, runs.Load())
	})
}

func TestOutcomesDoNotFillASessionThatIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := command.NewBot("loud", &command.BotOptions{Logger: quiet})
		command.Handle(bot, "shout", "Says much", func(ctx context.Context, c *command.Call, _ struct{}) error {
			for range 5 {
				if err := c.Ephemeral(strings.Repeat("€", 4000)); err != nil {
					return err
				}
			}
			return nil
		})
		n := newNode(t, &chat.Options{Commands: bot})
		ana := connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		for range 100 { // 6 MB
			c, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/shout"})
			require.NoError(t, err)
			ended(t, c)
		}
		require.ErrorIs(t, ana.Err(), chat.ErrBusy)
		size := func(s *chat.Session) (n int) {
			for _, d := range s.Take(nil, 1<<30) {
				if d.Outcome != nil {
					n += len(d.Outcome.Text)
				}
			}
			return n
		}
		require.Less(t, size(ana), 2<<20)
		again := connect(t, n, "ana", nil)
		got := size(again)
		require.Less(t, got, 2<<20)
		require.Positive(t, got)
		require.NoError(t, again.Err(), "what it is reminded of does not end it again")
	})
}

// repeating is a broker at which every reply of a bot comes many times.
type repeating struct{ *broker.Broker }

func (b repeating) Results(ctx context.Context, store string, fn func(context.Context, transport.Result) error) error {
	return b.Broker.Results(ctx, store, func(ctx context.Context, r transport.Result) error {
		for range 50 {
			if err := fn(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestRepeatsOfAReplyAreNotPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := broker.New(nil)
		t.Cleanup(func() { b.Close() })
		var runs atomic.Int64
		serve(t, echo(&runs), b)
		n := newNode(t, &chat.Options{Broker: repeating{b}})
		ana := connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		synctest.Wait()
		c, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/echo"})
		require.NoError(t, err)
		ended(t, c)
		synctest.Wait()
		outcomes := 0
		for _, d := range ana.Take(nil, 1<<30) {
			if d.Outcome != nil {
				outcomes++
			}
		}
		require.Equal(t, 1, outcomes)
	})
}

// A node that has just begun does not say of a command that there is none
// before it has asked the bots.
func TestCommandOfANodeThatHasNotHeardFromBots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		ba := broker.New(nil)
		defer ba.Close()
		bb := ba.Connect()
		defer bb.Close()
		release := make(chan struct{})
		close(release)
		defer serve(t, waiter(release), ba)()
		bb.Disconnect(nil)
		n := newNode(t, &chat.Options{Store: s.connect(), Broker: bb})
		connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		ask := func(line string) error {
			c, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: line})
			if err != nil {
				return err
			}
			require.Equal(t, "x", ended(t, c).Text)
			return nil
		}
		begin := time.Now()
		require.ErrorContains(t, ask("/wait x"), "No bot is there to answer /wait now.")
		require.Equal(t, 2*time.Second, time.Since(begin))
		time.AfterFunc(time.Second, bb.Reconnect)
		require.NoError(t, ask("/wait x"))
		require.ErrorContains(t, ask("/weight x"), "There is no command /weight")
	})
}
