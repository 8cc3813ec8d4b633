package sqlite

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/storetest"
)

// TestReactionsFillNoPage puts as many reactions of users with long ids on some
// messages as they can have.
func TestReactionsFillNoPage(t *testing.T) {
	s, _ := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	for i := range 8 {
		_, err := s.Append(t.Context(), message("room", ann, fmt.Sprint("message-", i)))
		require.NoError(t, err)
	}
	react := func(user, ref, emoji int) chat.Write {
		return chat.Write{
			Room: "room", ID: fmt.Sprint("react-", ref, "-", emoji), Kind: chat.Reacted, Ref: chat.Seq(ref), Basis: 99,
			User: chat.User{ID: chat.UserID(fmt.Sprintf("%064d", user))}, Text: fmt.Sprintf("%064d", emoji),
		}
	}
	for ref := 3; ref <= 6; ref++ { // and none to 7 and later
		for emoji := range emojiMax { // in steps: a batch has five seconds
			_, err := submit(t.Context(), s, "react", 1, 0, func(w *writer) (int, error) {
				for user := range reactorsMax {
					in := react(user, ref, emoji)
					if _, err := w.append(&in); err != nil {
						return 0, err
					}
				}
				return 0, nil
			})
			require.NoError(t, err)
		}
	}

	for _, forward := range []bool{true, false} {
		var found []chat.Seq
		pages := storetest.Pages(t, s, "ann", "room", forward, 11)
		for _, events := range pages {
			size := 0
			for _, e := range events {
				found = append(found, e.Seq)
				if 3 <= e.Seq && e.Seq <= 6 {
					require.Len(t, e.Reactions, emojiMax, "of event %d", e.Seq)
				}
				for _, x := range e.Reactions {
					require.Len(t, x.Users, reactorsMax)
					size += reactionBytes(x)
				}
			}
			require.Less(t, size, pageBytes)
		}
		require.ElementsMatch(t, []chat.Seq{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, found)
		require.Len(t, pages, 2, "three messages with 67 KB of reactions fit on a page")
	}

	more := react(1, 3, emojiMax)
	_, err := s.Append(t.Context(), more)
	refused, ok := errors.AsType[*chat.InputError](err)
	require.True(t, ok, "one more different reaction: %v", err)
	require.True(t, strings.Contains(refused.Message, "50"))
	one := react(reactorsMax, 3, 0) // by one more user
	one.ID = "one of those that are there"
	_, err = s.Append(t.Context(), one)
	require.NoError(t, err)
	for i := range reactorsMax {
		off := react(i, 3, 1)
		off.ID, off.Off = "off", true
		_, err := s.Append(t.Context(), off)
		require.NoError(t, err)
	}
	_, err = s.Append(t.Context(), more)
	require.NoError(t, err, "there is room again")
	whole(t, s)
}
