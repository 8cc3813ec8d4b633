package ws

import (
	"context"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

func TestUTF16(t *testing.T) {
	for _, s := range []string{"", "abc", "é€😀x", "😀😀"} {
		units := utf16.Encode([]rune(s))
		require.Equal(t, len(units), utf16Len(s))
		for i := range s {
			require.Equal(t, i, byteAt(s, utf16Len(s[:i])))
		}
		require.Equal(t, len(s), byteAt(s, len(units)))
		require.Equal(t, len(s), byteAt(s, 1000))
	}
	require.Equal(t, 1, byteAt("a😀", 2), "half of a pair")
}

// described is a handler with one command.
type described struct{ echo }

func (described) Specs() []command.Spec {
	return []command.Spec{{Bot: "b", Name: "trade", Summary: "Buy 😀 or sell", Args: []command.Arg{
		{Name: "what", Type: command.TypeString},
		{Name: "side", Type: command.TypeEnum, Choices: []string{"buy", "sell"}},
	}}}
}

func TestComplete(t *testing.T) {
	s := start(t, &chat.Options{Commands: described{}}, nil)
	c := s.client("ann", nil)
	ctx := context.Background()
	got, err := c.Complete(ctx, "", "/tr", 3)
	require.NoError(t, err)
	require.NotEmpty(t, got.Choices)
	require.Contains(t, got.Choices[0].Text, "trade")

	got, err = c.Complete(ctx, "", "/he", 3)
	require.NoError(t, err)
	require.Len(t, got.Choices, 1)
	require.Equal(t, "/help ", got.Choices[0].Text)

	line := "/trade 😀 se"
	got, err = c.Complete(ctx, "", line, len(line))
	require.NoError(t, err)
	want := command.Complete(described{}.Specs(), line, len(line))
	require.NotEmpty(t, want.Choices)
	require.Equal(t, want, got)

	p, _ := s.hello("bob")
	require.Equal(t, "bad_request", code(p.ask("complete", map[string]any{"text": "/x"})))
	require.Equal(t, "bad_request", code(p.ask("complete", map[string]any{"text": "/x", "cursor": -1})))
	require.Equal(t, "ok", p.ask("complete", map[string]any{"text": "/x", "cursor": 99})["type"])
	require.Equal(t, "bad_request", code(p.ask("complete", map[string]any{"text": "/x", "cursor": 2, "room": "a b"})))
	require.Equal(t, "not_found", code(p.ask("complete", map[string]any{"text": "/x", "cursor": 2, "room": "none"})))
	require.Equal(t, "not_found", code(p.ask("commands", map[string]any{"room": "none"})))
}
