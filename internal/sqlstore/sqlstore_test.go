package sqlstore_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/sqlstore"
)

// The numbers are in databases, and in the SQL of the stores.
func TestKinds(t *testing.T) {
	for n, k := range []chat.EventKind{
		1: chat.Created, 2: chat.Message, 3: chat.Joined, 4: chat.Left, 5: chat.Banned, 6: chat.RoleChanged,
		7: chat.Renamed, 8: chat.Archived, 9: chat.Updated, 10: chat.Edited, 11: chat.Deleted, 12: chat.Reacted,
	} {
		require.Equal(t, n, sqlstore.KindNumber(k))
		if n > 0 {
			require.Equal(t, k, sqlstore.KindOf(int64(n)))
		}
	}
	require.Zero(t, sqlstore.KindNumber("other"))
	for _, n := range []int64{-1, 0, 13, 1 << 40} {
		require.Equal(t, chat.EventKind("unknown"), sqlstore.KindOf(n))
	}
	require.Equal(t, sqlstore.KindEdited, sqlstore.KindNumber(chat.Edited))
}

func TestList(t *testing.T) {
	require.Empty(t, sqlstore.List([]chat.Seq{}))
	none, err := sqlstore.Unlist[chat.Seq]("")
	require.NoError(t, err)
	require.Nil(t, none)
	texts := []string{`a"b`, "\u2028", "", "<&>"}
	again, err := sqlstore.Unlist[string]([]byte(sqlstore.List(texts)))
	require.NoError(t, err)
	require.Equal(t, texts, again)
	_, err = sqlstore.Unlist[chat.Seq]("[1")
	require.Error(t, err)
}

func TestMigrations(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	steps, err := sqlstore.Migrations(fstest.MapFS{"m/0001_init.sql": file("a"), "m/0002_more.sql": file("b")}, "m")
	require.NoError(t, err)
	require.Len(t, steps, 2)
	require.Equal(t, "more", steps[1].Name)
	require.Equal(t, "b", steps[1].SQL)
	_, err = sqlstore.Migrations(fstest.MapFS{"m/0001_init.sql": file("a"), "m/0003_more.sql": file("b")}, "m")
	require.ErrorContains(t, err, "0003_more.sql does not begin with 0002_")

	sums := []string{steps[0].Checksum, steps[1].Checksum}
	for _, tt := range []struct {
		done    []string
		pending []sqlstore.Migration
		refused string
	}{
		{nil, steps, ""},
		{sums[:1], steps[1:], ""},
		{sums, steps[2:], ""},
		{append(sums, "newer"), nil, "newer version"},
		{[]string{"x"}, nil, "step 1 was another one"},
		{[]string{sums[0], "x"}, nil, "step 2 was another one"},
	} {
		pending, refused := sqlstore.Pending(steps, tt.done)
		require.Equal(t, tt.pending, pending)
		require.Contains(t, refused, tt.refused)
		require.Equal(t, tt.refused == "", refused == "")
	}
}
