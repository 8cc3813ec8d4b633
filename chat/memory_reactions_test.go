package chat_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/storetest"
)

// TestMemoryStoreReactionsFillNoPage puts as many reactions of users with long
// ids on some messages as they can have.
func TestMemoryStoreReactionsFillNoPage(t *testing.T) {
	s, ann := memoryRoom(t, nil)
	for i := range 8 {
		_, err := s.Append(t.Context(), chat.Write{Room: "room", User: ann, ID: fmt.Sprint(i), Kind: chat.Message, Text: "hello", Basis: 9})
		require.NoError(t, err)
	}
	react := func(user, ref, emoji int, off bool) error {
		_, err := s.Append(t.Context(), chat.Write{
			Room: "room", ID: fmt.Sprint(ref, emoji, off), Kind: chat.Reacted, Ref: chat.Seq(ref), Basis: 99,
			User: chat.User{ID: chat.UserID(fmt.Sprintf("%064d", user))}, Text: fmt.Sprintf("%064d", emoji), Off: off,
		})
		return err
	}
	for ref := 3; ref <= 9; ref++ { // and none to 10
		for i := range 50 * 20 {
			require.NoError(t, react(i%20, ref, i/20, false))
		}
	}
	for _, forward := range []bool{true, false} {
		var found []chat.Seq
		pages := storetest.Pages(t, s, "ann", "room", forward, 11)
		for _, events := range pages {
			for _, e := range events {
				found = append(found, e.Seq)
				if 3 <= e.Seq && e.Seq <= 9 {
					require.Len(t, e.Reactions, 50, "of event %d", e.Seq)
				}
			}
		}
		require.ElementsMatch(t, []chat.Seq{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, found)
		require.Len(t, pages, 3, "three messages with 67 KB of reactions fit on a page")
	}

	refused, ok := errors.AsType[*chat.InputError](react(1, 3, 50, false))
	require.True(t, ok, "one more different reaction")
	require.Contains(t, refused.Message, "50")
	require.NoError(t, react(20, 3, 0, false), "one of those that are there, by one more user")
	for i := range 20 {
		require.NoError(t, react(i, 3, 1, true))
	}
	require.NoError(t, react(1, 3, 50, false), "there is room again")
}
