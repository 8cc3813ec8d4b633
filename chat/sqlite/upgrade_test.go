package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// database makes a database from a dump.
func database(t *testing.T, dump string) (path string) {
	t.Helper()
	sql, err := os.ReadFile(filepath.Join("testdata", dump))
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "chat.db")
	db, err := sqlite3.Open(path)
	require.NoError(t, err)
	require.NoError(t, db.Exec(string(sql)))
	require.NoError(t, db.Close())
	return path
}

// TestUpgradeFromVersion1 opens what the first version has written: a room with
// a banned user, an edited and a deleted message, reactions that were taken
// back and put again, and read markers.
func TestUpgradeFromVersion1(t *testing.T) {
	path := database(t, "v1.sql")
	for range 2 { // the second time there is nothing to do
		s := reopen(t, path, nil)
		id, err := s.Attach(nil)
		require.NoError(t, err)
		require.Equal(t, chat.Identity{Store: "ci2qHqTmeKrlsB4ZT6-vAA", Epoch: "Ret8AgzXTtTfVi0JBvSFrw"}, id, "it is the same store")
		whole(t, s)

		log := pageAll(t, s, "room")
		require.Len(t, log, 21)
		for i, e := range log {
			require.Equal(t, chat.Seq(i+1), e.Seq)
			if e.Seq != 4 {
				require.Empty(t, e.Reactions, "event %d", e.Seq)
			}
		}
		require.Equal(t, "vier", log[3].Text)
		require.Equal(t, []chat.Reaction{
			{Text: "+1", Count: 2, Users: []chat.UserID{"ann", "bob"}}, // bob took his back and put it again
			{Text: "<3", Count: 1, Users: []chat.UserID{"ann"}},
		}, log[3].Reactions)
		require.Equal(t, []chat.Reaction{{Text: "+1", Count: 1, Users: []chat.UserID{"bob"}}}, pageAll(t, s, "direct")[3].Reactions)

		for user, want := range map[chat.UserID]map[chat.RoomID]int64{ // unread
			"ann": {"direct": 1, "empty": 0, "room": 1}, "bob": {"direct": 1, "room": 3}, "carl": {},
		} {
			inbox, err := s.Inbox(t.Context(), user)
			require.NoError(t, err)
			got := map[chat.RoomID]int64{}
			for _, r := range inbox.Rooms {
				got[r.ID] = r.Unread
				require.Equal(t, map[chat.RoomID]int{"direct": 2, "empty": 1, "room": 2}[r.ID], r.Members)
			}
			require.Equal(t, want, got, user)
		}
		call, err := s.Call(t.Context(), "call")
		require.ErrorIs(t, err, chat.ErrNotFound, "its time is over: %+v", call)
		require.NoError(t, s.Close())
	}

	// It goes on where it ended.
	s := reopen(t, path, nil)
	react := chat.Write{Room: "room", ID: "new", Kind: chat.Reacted, User: ann, Ref: 16, Text: "+1", Basis: 99}
	a, err := s.Append(t.Context(), react)
	require.NoError(t, err)
	require.EqualValues(t, 22, a.Event.Seq)
	react.ID, react.Ref, react.Off = "take back", 4, true
	_, err = s.Append(t.Context(), react)
	require.NoError(t, err)
	log := pageAll(t, s, "room")
	require.Equal(t, []chat.Reaction{
		{Text: "+1", Count: 1, Users: []chat.UserID{"bob"}}, {Text: "<3", Count: 1, Users: []chat.UserID{"ann"}},
	}, log[3].Reactions)
	require.Equal(t, []chat.Reaction{{Text: "+1", Count: 1, Users: []chat.UserID{"ann"}}}, log[15].Reactions)
	whole(t, s)
}
