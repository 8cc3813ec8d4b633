package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/pgtest"
	"github.com/carlware/gochat/internal/sqlstore"
)

// sqlOn runs SQL on a connection of its own.
func sqlOn(t *testing.T, url, sql string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer c.Close(context.Background())
	_, err = c.Exec(t.Context(), sql)
	require.NoError(t, err)
}

func TestOpenRefuses(t *testing.T) {
	db := pgtest.Private(t).New(t)
	with := func(change func(u *url.URL)) string {
		u, err := url.Parse(db.URL)
		require.NoError(t, err)
		change(u)
		return u.String()
	}
	narrow := "narrow_" + db.Schema
	sqlOn(t, db.URL, `CREATE DATABASE `+narrow+` ENCODING LATIN1 LOCALE 'C' TEMPLATE template0`)
	t.Cleanup(func() {
		c, err := pgx.Connect(context.Background(), db.URL)
		require.NoError(t, err)
		_, err = c.Exec(context.Background(), `DROP DATABASE `+narrow)
		require.NoError(t, err)
		require.NoError(t, c.Close(context.Background()))
	})
	for name, c := range map[string]struct {
		url, schema string
		unavailable bool
		want        string
	}{
		"no url":             {"%", "", false, "like postgres://user@host"},
		"no list":            {"host=a password='sec' secret", "", false, "nor a list of settings"},
		"an odd port":        {"postgres://a:secret@b:x/c", "", false, "invalid port"},
		"an odd setting":     {"postgres://a:secret@b/c?password=secret&sslmode=maybe", "", false, "sslmode"},
		"@ in the password":  {"postgres://a:very@secret@b/c", "", false, "%40"},
		"/ in the password":  {"postgres://a:1/secret@b/c", "", false, "%2F"},
		"? in the password":  {"postgres://a:1?secret@b/c", "", false, "%3F"},
		"nobody listens":     {"postgres://a:secret@127.0.0.1:1/b", "", true, "connection refused"},
		"a wrong password":   {with(func(u *url.URL) { u.User = url.UserPassword("postgres", "secret") }), "", false, "password authentication failed"},
		"no such database":   {with(func(u *url.URL) { u.Path = "/nowhere" }), "", false, `"nowhere" does not exist`},
		"LATIN1":             {with(func(u *url.URL) { u.Path = "/" + narrow }), "", false, "is LATIN1, not UTF8"},
		"schema in quotes":   {db.URL, `a"b`, false, "schema"},
		"schema of Postgres": {db.URL, "pg_chat", false, "schema"},
		"schema too long":    {db.URL, strings.Repeat("a", 64), false, "schema"},
		"schema in capitals": {db.URL, "Chat", false, "schema"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), c.url, &Options{Schema: c.schema, Logger: silent})
			require.ErrorContains(t, err, c.want)
			require.Equal(t, c.unavailable, errors.Is(err, chat.ErrUnavailable), err)
			require.NotContains(t, err.Error(), "secret")
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Open(ctx, db.URL, &Options{Schema: db.Schema})
	require.ErrorIs(t, err, context.Canceled)
}

// Nodes of a new deployment start together.
func TestOpenTogether(t *testing.T) {
	db := pgtest.New(t)
	var wg sync.WaitGroup
	ids := make([]chat.Identity, 8)
	for i := range ids {
		wg.Go(func() {
			s, err := Open(t.Context(), db.URL, &Options{Schema: db.Schema})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if ids[i], err = s.Attach(nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	require.NotEmpty(t, ids[0].Store)
}

func TestSchema(t *testing.T) {
	steps, err := sqlstore.Migrations(migrationFiles, "migrations")
	require.NoError(t, err)
	more := append(steps[:len(steps):len(steps)], sqlstore.Migration{
		Version: len(steps) + 1, Name: "more", Checksum: "x", SQL: "ALTER TABLE {s}users ADD COLUMN mood text",
	})
	db := pgtest.New(t)
	s := reopen(t, db, nil)
	makeRoom(t, s, "room", ann)
	newer, err := tuned(db, tuning{steps: more})
	require.NoError(t, err)
	require.Len(t, pageAll(t, newer, "room"), 2, "a newer program brings the tables up to date")
	_, err = s.Append(t.Context(), message("room", ann, "from the older one"))
	require.NoError(t, err, "while an older one is running")
	require.Len(t, pageAll(t, newer, "room"), 3)
	require.NoError(t, newer.Close())

	_, err = Open(t.Context(), db.URL, &Options{Schema: db.Schema})
	refused, ok := errors.AsType[*SchemaError](err)
	require.True(t, ok, err)
	require.Equal(t, SchemaError{db.Schema, len(more), len(steps), "it was made by a newer version"}, *refused)

	more[len(steps)].Checksum = "y"
	_, err = tuned(db, tuning{steps: more})
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "was another one")

	// A step that fails leaves nothing of itself.
	broken := append(steps[:len(steps):len(steps)], sqlstore.Migration{Version: len(steps) + 1, SQL: "CREATE TABLE {s}x (y int); CREATE TABLE {s}users (z int)"})
	other := pgtest.New(t)
	_, err = tuned(other, tuning{steps: broken})
	require.ErrorContains(t, err, "already exists")
	makeRoom(t, reopen(t, other, nil), "room", ann)
}

// The operator made the schema, and the chat may do nothing but use it.
func TestRoleWithFewRights(t *testing.T) {
	db := pgtest.Private(t).New(t)
	role := "role_" + db.Schema
	sqlOn(t, db.URL, fmt.Sprintf(`CREATE ROLE %[2]s LOGIN PASSWORD 'few'; CREATE SCHEMA %[1]s AUTHORIZATION %[2]s;
		REVOKE EXECUTE ON FUNCTION pg_control_system, pg_control_checkpoint FROM PUBLIC`, db.Schema, role))
	t.Cleanup(func() {
		c, err := pgx.Connect(context.Background(), db.URL)
		require.NoError(t, err)
		_, err = c.Exec(context.Background(), fmt.Sprintf(`GRANT EXECUTE ON FUNCTION pg_control_system, pg_control_checkpoint TO PUBLIC;
			DROP OWNED BY %[1]s; DROP ROLE %[1]s`, role))
		require.NoError(t, err)
		require.NoError(t, c.Close(context.Background()))
	})
	u, err := url.Parse(db.URL)
	require.NoError(t, err)
	u.User = url.UserPassword(role, "few")
	var log logged
	s := reopen(t, pgtest.Database{URL: u.String(), Schema: db.Schema}, &Options{Logger: slog.New(&log)})
	makeRoom(t, s, "room", ann)
	_, err = s.Append(t.Context(), message("room", ann, "hello"))
	require.NoError(t, err)
	require.Equal(t, []string{"chat database does not tell its identity: rotate the epoch after a restore or a failover"}, log.says)
	id, err := s.Attach(nil)
	require.NoError(t, err)
	epoch, err := s.RotateEpoch(t.Context(), id.Epoch)
	require.NoError(t, err)
	require.NotEqual(t, id.Epoch, epoch)
}

// What the guarantees rest on is set on the connections, whatever the defaults
// of the server, the database and the URL are.
func TestSettings(t *testing.T) {
	db := pgtest.New(t)
	bad := "synchronous_commit=off&enable_seqscan=on&default_transaction_isolation=serializable&lock_timeout=0"
	s := reopen(t, pgtest.Database{URL: db.URL + "&" + bad, Schema: db.Schema}, nil)
	for _, want := range [][2]string{
		{"synchronous_commit", "on"}, {"default_transaction_isolation", "read committed"}, {"lock_timeout", "3s"}, {"enable_seqscan", "off"},
		{"jit", "off"}, {"enable_hashjoin", "off"}, {"enable_mergejoin", "off"}, {"statement_timeout", "5s"},
		{"idle_in_transaction_session_timeout", "10s"}, {"application_name", "gochat"},
	} {
		for _, c := range []*committer{s.shards[0], s.side} {
			got, err := submit(t.Context(), c, "show", newRequest("", 1, 0), func(ctx context.Context, t *tx) (v string, err error) {
				p := t.pipe()
				p.query(func(r *row) { v = r.text() }, `SELECT current_setting($1)`, want[0])
				err = t.send(ctx, p)
				return v, err
			})
			require.NoError(t, err)
			require.Equal(t, want[1], got, want[0])
		}
	}
	var seqscan string
	require.NoError(t, s.query(t.Context(), func(r *row) { seqscan = r.text() }, `SELECT current_setting('enable_seqscan')`))
	require.Equal(t, "off", seqscan, "of those that read")
}

func TestConnections(t *testing.T) {
	for _, c := range []struct{ o, readers, shards int }{{0, 4, 3}, {10, 6, 3}, {1, 2, 3}} {
		s, _ := fresh(t, &Options{Shards: c.shards, MaxConns: c.o})
		require.Len(t, s.shards, c.shards)
		if c.o > 0 {
			require.EqualValues(t, c.readers, s.readers.Config().MaxConns)
		} else {
			require.GreaterOrEqual(t, int(s.readers.Config().MaxConns), c.readers)
		}
	}
}
