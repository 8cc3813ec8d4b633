package chatsvc

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

func TestAliveCannotTell(t *testing.T) {
	s := &Service{alive: func(context.Context, string) (bool, error) { return false, context.DeadlineExceeded }}
	require.ErrorIs(t, s.check(t.Context(), chat.Principal{Session: "s1"}), chat.ErrUnavailable)
}
