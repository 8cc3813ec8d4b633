package chatsvc

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

func newLogins(t *testing.T, alive func(context.Context, string) (bool, error)) *logins {
	node, err := chat.New(&chat.Options{Logger: slog.New(slog.DiscardHandler), Limits: chat.Limits{Requests: chat.Unlimited}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, node.Shutdown(context.Background())) })
	return &logins{Hub: node, alive: alive}
}

func principal(login string) chat.Principal {
	return chat.Principal{User: chat.User{ID: "ann", Name: "ann"}, Session: login}
}

func TestLoginEndsWhileConnecting(t *testing.T) {
	var l *logins
	l = newLogins(t, func(_ context.Context, login string) (bool, error) {
		l.end(login) // as the logout does, and nobody is there yet or it is closed
		return false, nil
	})
	_, err := l.Connect(t.Context(), principal("s1"), nil)
	require.ErrorIs(t, err, chat.ErrRevoked)
}

func TestAliveCannotTell(t *testing.T) {
	l := newLogins(t, func(context.Context, string) (bool, error) { return false, context.DeadlineExceeded })
	require.ErrorIs(t, l.Admit(t.Context(), principal("s1")), chat.ErrUnavailable)
	_, err := l.Connect(t.Context(), principal("s1"), nil)
	require.ErrorIs(t, err, chat.ErrUnavailable)
}

// What is remembered is bounded by what is connected.
func TestLoginsAreForgotten(t *testing.T) {
	l := newLogins(t, func(context.Context, string) (bool, error) { return true, nil })
	stays, err := l.Connect(t.Context(), principal("stays"), nil)
	require.NoError(t, err)
	for i := range 3 * minSweep {
		s, err := l.Connect(t.Context(), principal(fmt.Sprint(i)), nil)
		require.NoError(t, err)
		require.NoError(t, s.Close())
		again, err := l.Connect(t.Context(), principal("again"), nil)
		require.NoError(t, err)
		require.NoError(t, again.Close())
	}
	require.LessOrEqual(t, len(l.live), minSweep)
	require.LessOrEqual(t, len(l.live["again"]), 2)
	l.end("stays")
	<-stays.Done()
	require.ErrorIs(t, stays.Err(), chat.ErrClosed)
}
