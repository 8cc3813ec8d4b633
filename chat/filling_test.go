package chat_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	broker "github.com/carlware/gochat/transport/memory"
)

func TestNewEpochEndsReadingOfTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f faulty
		var slow atomic.Bool
		var reads atomic.Int64
		f.page = func(viewer chat.UserID, read func() (chat.Page, error)) (chat.Page, error) {
			if viewer == chat.System {
				if reads.Add(1) > 100 {
					return chat.Page{}, chat.ErrNotFound
				}
				if slow.Load() {
					time.Sleep(5 * time.Second)
				}
			}
			return read()
		}
		a, b := twoWith(t, &f)
		connect(t, a, "ana", nil)
		connect(t, b, "bob", nil)
		r, _ := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		time.Sleep(5 * time.Second)
		slow.Store(true)
		post(t, r, "ana", "x")
		time.Sleep(3 * time.Second) // b is reading it
		reads.Store(0)
		_, err := f.RotateEpoch(t.Context(), epochOf(t, a))
		require.NoError(t, err)
		time.Sleep(time.Minute)
		require.Less(t, reads.Load(), int64(5))
	})
}

func epochOf(t *testing.T, n *chat.Node) string {
	return connect(t, n, "somebody", nil).Welcome().Epoch
}

func TestHeadLearnedWhileReadingTheLogIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f faulty
		var slow atomic.Bool
		f.page = func(viewer chat.UserID, read func() (chat.Page, error)) (chat.Page, error) {
			p, err := read()
			if viewer == chat.System && slow.Swap(false) {
				time.Sleep(100 * time.Millisecond)
			}
			return p, err
		}
		a, b := twoWith(t, &f)
		connect(t, a, "ana", nil)
		bob := connect(t, b, "bob", nil)
		ra, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		rb, err := b.Room(t.Context(), "ana", id)
		require.NoError(t, err)
		look := func() {
			_, err := rb.History(t.Context(), "bob", chat.Range{Limit: 1})
			require.NoError(t, err)
		}
		for { // until just after a sweep
			time.Sleep(10 * time.Millisecond)
			if got := bob.Take(nil, 1<<30); len(got) > 0 {
				break
			}
		}
		slow.Store(true)
		post(t, ra, "ana", "4")
		look() // b learns of it and reads
		synctest.Wait()
		post(t, ra, "ana", "5")
		look()
		time.Sleep(200 * time.Millisecond)
		require.Equal(t, []chat.Seq{4, 5}, seqs(t, bob, id, 3))
	})
}

func TestOneFailingStepOfTheSweepDoesNotStopTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := faulty{Store: chat.NewMemoryStore(nil)}
		f.revs = func(func() (map[chat.UserID]int64, error)) (map[chat.UserID]int64, error) {
			return nil, errors.New("disk on fire")
		}
		n := newNode(t, &chat.Options{Store: &f})
		ana := connect(t, n, "ana", nil)
		_, id := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		user := chat.User{ID: "ana", Name: "ana"}
		_, _, err := f.OpenCall(t.Context(), chat.NewCall{ // as a node does that dies then
			ID: chat.NewID(), Key: chat.NewID(), Room: id, User: user, Bot: chat.User{ID: "bot:x", Name: "x", Bot: true}, Name: "x", Timeout: time.Second, Basis: 2,
		})
		require.NoError(t, err)
		require.Equal(t, "timeout", nextOutcome(t, ana).Error.Code)
	})
}

// stalled is a store of which one question is never answered.
type stalled struct {
	*chat.MemoryStore
	what atomic.Value // string
}

func (s *stalled) wait(ctx context.Context, what string) error {
	if s.what.Load() != what {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s *stalled) RotateEpoch(ctx context.Context, old string) (string, error) {
	if err := s.wait(ctx, "epoch"); err != nil {
		return "", err
	}
	return s.MemoryStore.RotateEpoch(ctx, old)
}

func (s *stalled) Revocations(ctx context.Context) ([]chat.Revocation, error) {
	if err := s.wait(ctx, "revocations"); err != nil {
		return nil, err
	}
	return s.MemoryStore.Revocations(ctx)
}

func (s *stalled) Heads(ctx context.Context, known map[chat.RoomID]chat.Seq) (map[chat.RoomID]chat.Seq, error) {
	if err := s.wait(ctx, "heads"); err != nil {
		return nil, err
	}
	return s.MemoryStore.Heads(ctx, known)
}

func (s *stalled) RoomsRevs(ctx context.Context, users []chat.UserID) (map[chat.UserID]int64, error) {
	if err := s.wait(ctx, "memberships"); err != nil {
		return nil, err
	}
	return s.MemoryStore.RoomsRevs(ctx, users)
}

func TestOneHangingStepOfTheSweepDoesNotStopTheOthers(t *testing.T) {
	for _, step := range []string{"epoch", "revocations", "heads", "memberships"} {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &stalled{MemoryStore: chat.NewMemoryStore(nil)}
				store.what.Store("")
				var mu sync.Mutex
				var swept []error
				n := newNode(t, &chat.Options{Store: store, Trace: &chat.Trace{Swept: func(took time.Duration, err error) {
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						swept = append(swept, err)
						if took != 10*time.Second {
							swept = append(swept, errors.New(took.String()))
						}
					}
				}}})
				ana := connect(t, n, "ana", nil)
				_, id := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
				synctest.Wait()
				store.what.Store(step)
				_, _, err := store.OpenCall(t.Context(), chat.NewCall{ // as a node does that dies then
					ID: chat.NewID(), Key: chat.NewID(), Room: id, User: chat.User{ID: "ana", Name: "ana"},
					Bot: chat.User{ID: "bot:x", Name: "x", Bot: true}, Name: "x", Timeout: time.Second, Basis: 2,
				})
				require.NoError(t, err)
				began := time.Now()
				require.Equal(t, "timeout", nextOutcome(t, ana).Error.Code)
				require.LessOrEqual(t, time.Since(began), 13*time.Second, "at most 2.2 s until the sweep, and 10 for the step that hangs")
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				require.Len(t, swept, 1)
				require.ErrorIs(t, swept[0], context.DeadlineExceeded)
			})
		})
	}
}

func TestOtherNodesHearWhatJSONMakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := command.NewBot("loud", &command.BotOptions{Logger: quiet})
		command.Handle(bot, "shout", "Says much", func(ctx context.Context, c *command.Call, _ struct{}) error {
			for range 15 {
				if err := c.Say(strings.Repeat("<", 4000)); err != nil { // \u003c
					return err
				}
			}
			return nil
		})
		s := newShared()
		ba := broker.New(nil)
		bb := ba.Connect()
		t.Cleanup(func() { ba.Close(); bb.Close() })
		a := newNode(t, &chat.Options{Store: s.connect(), Broker: ba, Commands: bot})
		b := newNode(t, &chat.Options{Store: s.connect(), Broker: bb})
		synctest.Wait()
		connect(t, a, "ana", nil)
		bob := connect(t, b, "bob", nil)
		r, id := room(t, a, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		seqs(t, bob, id, 2)
		c, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/shout"})
		require.NoError(t, err)
		require.Equal(t, chat.CallDone, ended(t, c).Status)
		require.Len(t, seqs(t, bob, id, 3), 15, "at once, not with the next sweep")
	})
}
