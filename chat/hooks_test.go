package chat_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
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

func TestAuthorizeCanOnlyRefuse(t *testing.T) {
	var asked []chat.Action
	n := newNode(t, &chat.Options{Authorize: func(_ context.Context, a chat.Action) error {
		asked = append(asked, a)
		if a.By == "guest" && a.Do != chat.ActRead {
			return chat.ErrForbidden
		}
		return nil
	}})
	connect(t, n, "ana", nil)
	connect(t, n, "guest", nil)
	connect(t, n, "bob", nil)
	r, id := room(t, n, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"guest"}})
	_, err := r.Post(t.Context(), "guest", chat.Draft{ID: chat.NewID(), Text: "hi"})
	require.ErrorIs(t, err, chat.ErrForbidden)
	_, err = r.History(t.Context(), "guest", chat.Range{})
	require.NoError(t, err)
	_, err = n.Direct(t.Context(), "guest", "ana", chat.NewID())
	require.ErrorIs(t, err, chat.ErrForbidden)
	_, err = r.Change(t.Context(), "guest", chat.Change{ID: chat.NewID(), Kind: chat.Invite, User: "bob"})
	require.ErrorIs(t, err, chat.ErrForbidden)
	require.Contains(t, asked, chat.Action{By: "guest", Do: chat.Invite, Room: id, Kind: chat.Public, User: "bob"})
	require.Contains(t, asked, chat.Action{By: "ana", Do: chat.ActCreate, Kind: chat.Public})
	_, err = r.Post(t.Context(), "bob", chat.Draft{ID: chat.NewID(), Text: "hi"})
	require.ErrorIs(t, err, chat.ErrForbidden, "it can't allow what the table forbids")
}

func TestIntercept(t *testing.T) {
	seen := 0
	n := newNode(t, &chat.Options{Intercept: func(_ context.Context, m *chat.Intercepted) error {
		seen++
		if strings.Contains(m.Text, "spam") {
			return &command.Error{Code: "moderated", Message: "No advertising here."}
		}
		m.Text = strings.ReplaceAll(m.Text, "damn", "d**n")
		return nil
	}})
	connect(t, n, "ana", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	d := chat.Draft{ID: chat.NewID(), Text: "damn good tea"}
	rc, err := r.Post(t.Context(), "ana", d)
	require.NoError(t, err)
	require.Equal(t, "d**n good tea", rc.Event.Text)
	again, err := r.Post(t.Context(), "ana", d)
	require.NoError(t, err)
	require.True(t, again.Duplicate)
	require.Equal(t, 1, seen, "a resend is not seen again")
	_, err = r.Post(t.Context(), "ana", chat.Draft{ID: chat.NewID(), Text: "spam"})
	require.Equal(t, &chat.Error{Code: "moderated", Message: "No advertising here."}, chat.AsError(err))
	edited, err := r.Edit(t.Context(), "ana", chat.Edit{ID: chat.NewID(), Seq: rc.Event.Seq, Text: "damn it"})
	require.NoError(t, err)
	require.Equal(t, "d**n it", edited.Event.Text)
}

func TestInterceptOwnsWhatItIsShown(t *testing.T) {
	n := newNode(t, &chat.Options{Intercept: func(_ context.Context, m *chat.Intercepted) error {
		m.Mentions = slices.DeleteFunc(m.Mentions, func(id chat.UserID) bool { return id == "bob" })
		copy(m.Data, `{"a":2}`)
		return nil
	}})
	connect(t, n, "ana", nil)
	connect(t, n, "bob", nil)
	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
	d := chat.Draft{ID: chat.NewID(), Text: "hi", Mentions: []chat.UserID{"bob", "ana"}, Data: []byte(`{"a":1}`)}
	rc, err := r.Post(t.Context(), "ana", d)
	require.NoError(t, err)
	require.Equal(t, []chat.UserID{"ana"}, rc.Event.Mentions)
	require.JSONEq(t, `{"a":2}`, string(rc.Event.Data))
	again, err := r.Post(t.Context(), "ana", d)
	require.NoError(t, err, "the sender still has what was sent, and may send it again")
	require.True(t, again.Duplicate)
}

func TestCommittedIsToldInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []chat.Seq
		n := newNode(t, &chat.Options{Committed: func(e chat.Event) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, e.Seq)
		}})
		connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		for range 10 {
			post(t, r, "ana", "x")
		}
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, []chat.Seq{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, told)
	})
}

func TestRevokeEndsSessionsOnAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _, _, _ := two(t)
		here, there := connect(t, a, "ana", nil), connect(t, b, "ana", nil)
		bob := connect(t, b, "bob", nil)
		synctest.Wait()
		began := time.Now()
		until := began.Add(time.Hour)
		require.NoError(t, a.Revoke(t.Context(), chat.Revocation{User: "ana", Session: "login-ana", Until: until}))
		for _, s := range []*chat.Session{here, there} {
			<-s.Done()
			require.ErrorIs(t, s.Err(), chat.ErrRevoked)
		}
		require.Zero(t, time.Since(began), "at once")
		_, err := b.Connect(t.Context(), as("ana"), nil)
		require.ErrorIs(t, err, chat.ErrRevoked)
		require.ErrorIs(t, a.Admit(t.Context(), as("ana")), chat.ErrRevoked)
		again := as("ana")
		again.Session, again.Since = "a later login", time.Now().Add(time.Second)
		s, err := b.Connect(t.Context(), again, nil)
		require.NoError(t, err)
		require.NoError(t, bob.Err())

		require.NoError(t, a.Revoke(t.Context(), chat.Revocation{User: "ana", Before: again.Since.Add(time.Minute), Until: until}))
		<-s.Done()
		require.ErrorIs(t, s.Err(), chat.ErrRevoked)
		time.Sleep(2 * time.Hour)
		_, err = b.Connect(t.Context(), again, nil)
		require.NoError(t, err, "a revocation ends")
	})
}

// The store tells what the broker has lost.
func TestRevocationThatTheBrokerLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, ba, _, _ := two(t)
		there := connect(t, b, "ana", nil)
		synctest.Wait()
		ba.DropEvents(1)
		began := time.Now()
		require.NoError(t, a.Revoke(t.Context(), chat.Revocation{User: "ana", Session: "login-ana", Until: time.Now().Add(time.Hour)}))
		synctest.Wait()
		require.NoError(t, there.Err(), "nobody has told the other node")
		<-there.Done()
		require.ErrorIs(t, there.Err(), chat.ErrRevoked)
		require.LessOrEqual(t, time.Since(began), 3*time.Second, "the next look at the store does")
	})
}

func TestTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var connected, disconnected, behind, delivered, swept int
		var stored, ended, answered, refused []string
		bot := command.NewBot("clock", nil)
		command.Handle(bot, "time", "What time it is", func(ctx context.Context, c *command.Call, _ struct{}) error {
			time.Sleep(2 * time.Second)
			return errors.New("no idea")
		})
		n := newNode(t, &chat.Options{Commands: bot, Limits: chat.Limits{SessionBytes: 1}, Trace: &chat.Trace{
			Stored: func(k chat.EventKind, dup bool, took time.Duration) {
				stored = append(stored, fmt.Sprint(k, " ", dup))
			},
			Refused:      func(err error) { refused = append(refused, chat.AsError(err).Code) },
			Delivered:    func(sessions int) { delivered += sessions },
			Connected:    func() { connected++ },
			Disconnected: func(error) { disconnected++ },
			FellBehind:   func() { behind++ },
			Swept: func(took time.Duration, err error) {
				require.NoError(t, err)
				swept++
			},
			Ended: func(c string, s chat.CallStatus) { ended = append(ended, c+" "+string(s)) },
			Answered: func(c string, s chat.CallStatus, took time.Duration) {
				answered = append(answered, fmt.Sprint(c, " ", s, " ", took))
			},
		}})
		s, err := n.Connect(t.Context(), as("ana"), nil)
		require.NoError(t, err)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
		d := chat.Draft{ID: chat.NewID(), Text: "1"}
		for range 2 {
			_, err = r.Post(t.Context(), "ana", d)
			require.NoError(t, err)
		}
		_, err = r.Post(t.Context(), "bob", chat.Draft{ID: chat.NewID(), Text: "2"})
		require.Error(t, err)
		_, err = r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/nothing"})
		require.Error(t, err)
		_, err = n.CreateRoom(t.Context(), "ana", chat.NewRoom{ID: chat.NewID(), Name: "Tea"})
		require.Error(t, err)
		c, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/time"})
		require.NoError(t, err)
		_, err = c.Wait(t.Context())
		require.NoError(t, err)
		s.Close()
		synctest.Wait()
		require.Equal(t, []string{"created false", "message false", "message true"}, stored)
		require.Equal(t, []string{"not_found", "unknown_command", "conflict"}, refused)
		require.Equal(t, []string{"time failed"}, ended)
		require.Equal(t, []string{"time failed 2s"}, answered)
		require.Equal(t, []int{1, 1}, []int{connected, disconnected})
		require.NotZero(t, behind)
		require.NotZero(t, delivered)
		require.Contains(t, []int{1, 2}, swept, "at once, and about every two seconds")
	})
}

// A command that another node ended was answered where it was asked.
func TestTraceOfACommandElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ba := broker.New(nil)
		bb := ba.Connect()
		defer ba.Close()
		defer bb.Close()
		s := newShared()
		said := map[string][]string{}
		var mu sync.Mutex
		trace := func(node string) *chat.Trace {
			say := func(what string, status chat.CallStatus) {
				mu.Lock()
				defer mu.Unlock()
				said[what] = append(said[what], node+" "+string(status))
			}
			return &chat.Trace{
				Ended:    func(_ string, s chat.CallStatus) { say("ended", s) },
				Answered: func(_ string, s chat.CallStatus, _ time.Duration) { say("answered", s) },
			}
		}
		a := newNode(t, &chat.Options{Store: s.connect(), Broker: ba, Trace: trace("a")})
		newNode(t, &chat.Options{Store: s.connect(), Broker: bb, Trace: trace("b")})
		var runs atomic.Int64
		serve(t, echo(&runs), ba)
		connect(t, a, "ana", nil)
		r, _ := room(t, a, "ana", chat.NewRoom{Name: "Tea"})
		synctest.Wait()
		for range 8 {
			c, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/echo"})
			require.NoError(t, err)
			_, err = c.Wait(t.Context())
			require.NoError(t, err)
		}
		synctest.Wait()
		require.Equal(t, slices.Repeat([]string{"a done"}, 8), said["answered"])
		require.Len(t, said["ended"], 8)
		require.Contains(t, said["ended"], "b done", "or this test shows nothing")
	})
}

func TestTraceOfARefusedConnectIsBalanced(t *testing.T) {
	connected, disconnected := 0, 0
	release := make(chan struct{})
	store := &faulty{Store: chat.NewMemoryStore(nil)}
	n := newNode(t, &chat.Options{
		Store: store,
		Commands: (command.HandlerFunc(func(context.Context, *command.Call) error {
			<-release // Shutdown waits for it
			return nil
		})),
		Trace: &chat.Trace{
			Connected:    func() { connected++ },
			Disconnected: func(error) { disconnected++ },
		},
	})
	store.ended = func(func() ([]chat.Call, error)) ([]chat.Call, error) { // the last thing that Connect reads
		return nil, n.Revoke(t.Context(), chat.Revocation{User: "ana", Session: "login-ana", Until: time.Now().Add(time.Hour)})
	}
	_, err := n.Connect(t.Context(), as("ana"), nil)
	require.ErrorIs(t, err, chat.ErrRevoked)
	require.Equal(t, connected, disconnected)

	r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
	_, err = r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/wait"})
	require.NoError(t, err)
	down := make(chan error, 1)
	store.ended = func(func() ([]chat.Call, error)) ([]chat.Call, error) {
		go func() { down <- n.Shutdown(context.Background()) }()
		for n.Ready(t.Context()) == nil {
			runtime.Gosched()
		}
		return nil, nil
	}
	_, err = n.Connect(t.Context(), as("bob"), nil)
	require.ErrorIs(t, err, chat.ErrClosed)
	require.Equal(t, connected, disconnected)
	close(release)
	require.NoError(t, <-down)
}
