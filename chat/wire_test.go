package chat_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

func TestErrorOnTheWire(t *testing.T) {
	quota := &chat.Error{Code: "quota", Message: "That is all for today.", Field: "text", RetryAfter: 5000}
	require.EqualError(t, quota, "quota: That is all for today.")
	require.Equal(t, quota, chat.AsError(fmt.Errorf("shop: %w", quota)), "a host's own code, field and pause")
	require.Equal(t, "not_found", chat.AsError(fmt.Errorf("shop: %w", chat.ErrNotFound)).Code)
	require.NotContains(t, chat.AsError(errors.New("password is 1234")).Message, "1234")
	require.Nil(t, chat.AsError(nil))
}
