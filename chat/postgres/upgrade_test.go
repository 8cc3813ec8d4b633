package postgres

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/sqlstore"
)

// version1 makes tables as version 1 had them, with rows.
func version1(t *testing.T) pgtest.Database {
	t.Helper()
	steps, err := sqlstore.Migrations(migrationFiles, "migrations")
	require.NoError(t, err)
	require.Greater(t, len(steps), 1)
	db := pgtest.New(t)
	s, err := tuned(db, tuning{steps: steps[:1]})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	rows, err := os.ReadFile("testdata/v1.sql")
	require.NoError(t, err)
	sqlOn(t, db.URL, s.statement(string(rows)))
	return db
}

// TestUpgradeFromVersion1 opens what the first version has written: a room with
// a banned user, an edited and a deleted message, reactions that were taken back
// and put again, read markers, and a call that has not ended.
func TestUpgradeFromVersion1(t *testing.T) {
	db := version1(t)
	rooms := map[chat.RoomID]chat.Seq{"empty": 2, "room": 17, "direct": 4}
	for range 2 { // the second time there is nothing to do
		s, err := Open(t.Context(), db.URL, &Options{Schema: db.Schema, Logger: silent})
		require.NoError(t, err)
		id, err := s.Attach(nil)
		require.NoError(t, err)
		require.Equal(t, "h7jVnPrGsVGgHMZgwHgmPw", id.Store, "it is the same store")
		whole(t, s)

		heads, err := s.Heads(t.Context(), map[chat.RoomID]chat.Seq{"empty": 0, "room": 0, "direct": 0})
		require.NoError(t, err)
		require.Equal(t, rooms, heads)
		heads, err = s.Heads(t.Context(), rooms)
		require.NoError(t, err)
		require.Empty(t, heads, "a node that knows them is told nothing")
		for room, head := range rooms {
			log := pageAll(t, s, room)
			require.Len(t, log, int(head))
			for i, e := range log {
				require.Equal(t, chat.Seq(i+1), e.Seq)
			}
		}
		log := pageAll(t, s, "room")
		require.Equal(t, "vier", log[3].Text)
		require.EqualValues(t, 15, log[3].EditedBy)
		require.EqualValues(t, 14, log[4].DeletedBy)
		require.Equal(t, []chat.Reaction{
			{Text: "+1", Count: 2, Users: []chat.UserID{"ann", "bob"}}, {Text: "<3", Count: 1, Users: []chat.UserID{"ann"}},
		}, log[3].Reactions)

		for user, want := range map[chat.UserID]map[chat.RoomID]int64{ // unread
			"ann": {"direct": 1, "empty": 0, "room": 2}, "bob": {"direct": 1, "room": 4}, "carl": {},
		} {
			inbox, err := s.Inbox(t.Context(), user)
			require.NoError(t, err)
			got := map[chat.RoomID]int64{}
			for _, r := range inbox.Rooms {
				got[r.ID] = r.Unread
				require.Equal(t, rooms[r.ID], r.Head)
				require.Equal(t, map[chat.RoomID]int{"direct": 2, "empty": 1, "room": 2}[r.ID], r.Members)
			}
			require.Equal(t, want, got, user)
		}
		require.NoError(t, s.Close())
	}

	// It goes on where it ended.
	s := reopen(t, db, &Options{Logger: silent})
	write := message("room", ann, "request-m")
	write.Text = "sixteen"
	a, err := s.Append(t.Context(), write)
	require.NoError(t, err)
	require.True(t, a.Duplicate, "the request is one of before")
	require.EqualValues(t, 16, a.Event.Seq)
	a, err = s.Append(t.Context(), message("room", bob, "new"))
	require.NoError(t, err)
	require.EqualValues(t, 18, a.Event.Seq)
	_, err = s.Append(t.Context(), chat.Write{Room: "room", ID: "react", Kind: chat.Reacted, User: ann, Ref: 4, Text: "<3", Off: true, Basis: 99})
	require.NoError(t, err)
	require.Equal(t, []chat.Reaction{{Text: "+1", Count: 2, Users: []chat.UserID{"ann", "bob"}}}, pageAll(t, s, "room")[3].Reactions)
	stale := message("room", bob, "stale")
	stale.Basis = 12
	_, err = s.Append(t.Context(), stale)
	require.ErrorIs(t, err, chat.ErrStale, "the ban of carl is known")

	ended, err := s.ExpireCalls(t.Context(), time.Second, 10)
	require.NoError(t, err)
	require.Len(t, ended, 1, "the call that nobody answered")
	require.Equal(t, "pending", ended[0].ID)

	made := makeRoom(t, s, "another", ann, bob)
	require.False(t, made.Duplicate)
	a, err = s.Append(t.Context(), message("another", ann, "first"))
	require.NoError(t, err)
	require.EqualValues(t, 4, a.Event.Seq)
	heads, err := s.Heads(t.Context(), map[chat.RoomID]chat.Seq{"room": 17, "another": 0, "direct": 4})
	require.NoError(t, err)
	require.Equal(t, map[chat.RoomID]chat.Seq{"room": 19, "another": 4}, heads)
	whole(t, s)
}

// A step that fails on the rows that are there leaves them as they were.
func TestUpgradeThatFails(t *testing.T) {
	db := version1(t)
	steps, err := sqlstore.Migrations(migrationFiles, "migrations")
	require.NoError(t, err)
	broken := append(steps[:len(steps):len(steps)], sqlstore.Migration{
		Version: len(steps) + 1, Name: "broken", Checksum: "x", SQL: strings.Repeat("ALTER TABLE {s}heads ADD COLUMN mood text;", 2),
	})
	_, err = tuned(db, tuning{steps: broken})
	require.ErrorContains(t, err, "already exists")
	s := reopen(t, db, &Options{Logger: silent})
	require.Len(t, pageAll(t, s, "room"), 17)
	whole(t, s)
}
