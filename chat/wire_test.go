package chat_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

func TestErrorOnTheWire(t *testing.T) {
	quota := &chat.Error{Code: "quota", Message: "That is all for today.", Field: "text", RetryAfter: 5000}
	require.EqualError(t, quota, "quota: That is all for today.")
	require.Equal(t, quota, chat.AsError(fmt.Errorf("shop: %w", quota)), "a host's own code, field and pause")
	require.Equal(t, "not_found", chat.AsError(fmt.Errorf("shop: %w", chat.ErrNotFound)).Code)
	require.NotContains(t, chat.AsError(errors.New("password is 1234")).Message, "1234")
	require.Nil(t, chat.AsError(nil))
}

// Every error that callers can tell apart has a stable code, a sentence that is
// not its own, and the field where there is one.
func TestCodesOfErrors(t *testing.T) {
	said := map[string]bool{}
	for _, tt := range []struct {
		err         error
		code, field string
		retryAfter  int64
	}{
		{err: chat.ErrOutcomeUnknown, code: "unavailable"},
		{err: chat.ErrNotFound, code: "not_found"},
		{err: chat.ErrForbidden, code: "forbidden"},
		{err: chat.ErrConflict, code: "conflict", field: "name"},
		{err: chat.ErrIDReused, code: "id_reused"},
		{err: chat.ErrStale, code: "unavailable"},
		{err: chat.ErrBusy, code: "overloaded"},
		{err: chat.ErrUnavailable, code: "unavailable"},
		{err: chat.ErrEpoch, code: "unavailable"},
		{err: chat.ErrExpired, code: "unauthorized"},
		{err: chat.ErrRevoked, code: "unauthorized"},
		{err: chat.ErrClosed, code: "unavailable"},
		{err: context.DeadlineExceeded, code: "unavailable"},
		{err: &chat.InputError{Code: "empty", Field: "text", Message: "There is no text."}, code: "empty", field: "text"},
		{err: &command.Error{Code: "quota", Message: "That is all for today."}, code: "quota"},
		{err: &chat.RateError{RetryAfter: 1500 * time.Millisecond}, code: "rate_limited", retryAfter: 1500},
		{err: &chat.RateError{RetryAfter: time.Nanosecond}, code: "rate_limited", retryAfter: 1},
		{err: errors.New("disk on fire"), code: "internal"},
	} {
		e := chat.AsError(fmt.Errorf("chat: post to room %q: %w", "x", tt.err))
		require.Equal(t, []any{tt.code, tt.field, tt.retryAfter}, []any{e.Code, e.Field, e.RetryAfter}, tt.err)
		require.NotEmpty(t, e.Message, tt.err)
		require.NotContains(t, e.Message, "chat:", tt.err)
		said[e.Message] = true
	}
	require.Len(t, said, 17, "each says something else; but for the two of a rate")
	require.Equal(t, "unavailable", chat.AsError(context.Canceled).Code)
	require.Equal(t, chat.AsError(chat.ErrOutcomeUnknown), chat.AsError(fmt.Errorf("%w: %w", chat.ErrUnavailable, chat.ErrOutcomeUnknown)),
		"that it may have been stored is told before all else")
}

// The table knows every error of errors.go.
func TestEveryErrorHasACode(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	require.NoError(t, err)
	table, err := os.ReadFile("wire.go")
	require.NoError(t, err)
	found := 0
	ast.Inspect(file, func(node ast.Node) bool {
		if v, ok := node.(*ast.ValueSpec); ok {
			found++
			require.Contains(t, string(table), "{"+v.Names[0].Name+", ", "it would reach people as internal")
		}
		return true
	})
	require.Equal(t, 12, found)
}
