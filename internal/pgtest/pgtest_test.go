package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// dieEnv has the test binary start a server, say where its files are, and wait
// to be killed.
const dieEnv = "PGTEST_DIE"

func TestMain(m *testing.M) {
	if os.Getenv(dieEnv) != "" {
		c, err := start()
		if err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println(c.dir, c.url)
		select {}
	}
	goleak.VerifyTestMain(Main(m))
}

func query[T any](t *testing.T, url, sql string) (v T) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer c.Close(context.Background())
	require.NoError(t, c.QueryRow(t.Context(), sql).Scan(&v))
	return v
}

func TestSchemaIsFreshAndDropped(t *testing.T) {
	var dbs []Database
	t.Run("use", func(t *testing.T) {
		for range 2 {
			db := New(t)
			dbs = append(dbs, db)
			require.NoError(t, execute(db.URL, fmt.Sprintf(`CREATE SCHEMA %[1]s; CREATE TABLE %[1]s.t (x int)`, db.Schema)))
		}
		require.NotEqual(t, dbs[0].Schema, dbs[1].Schema)
	})
	for _, db := range dbs {
		require.Zero(t, query[int](t, db.URL, `SELECT count(*) FROM pg_namespace WHERE nspname = '`+db.Schema+`'`))
	}
}

func TestStopKillStart(t *testing.T) {
	c := Private(t)
	db := c.New(t)
	require.Equal(t, "on", query[string](t, db.URL, `SHOW fsync`))
	require.NoError(t, execute(db.URL, fmt.Sprintf(`CREATE SCHEMA %[1]s; CREATE TABLE %[1]s.t AS SELECT 1`, db.Schema)))
	for name, halt := range map[string]func(testing.TB){"stop": c.Stop, "kill": c.Kill} {
		halt(t)
		require.Error(t, execute(db.URL, `SELECT 1`), name)
		halt(t) // again, which does nothing
		c.Start(t)
		c.Start(t)
		require.Equal(t, 1, query[int](t, db.URL, `SELECT count(*)::int FROM `+db.Schema+`.t`), name)
	}
	require.Contains(t, string(c.log()), "not properly shut down", "a kill is no orderly end")
	require.Equal(t, c, Private(t), "there is one server")
}

func TestCPU(t *testing.T) {
	c := Private(t)
	db := c.New(t)
	before := c.CPU(t)
	require.NoError(t, execute(db.URL, `SELECT sum(i) FROM generate_series(1, 2000000) i`))
	used := c.CPU(t) - before
	require.Greater(t, used, 20*time.Millisecond)
	require.Less(t, used, time.Minute)
}

// A test binary that is killed leaves nothing behind.
func TestKilledBinary(t *testing.T) {
	Private(t) // else there is nothing to test with
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), dieEnv+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	dir, url, ok := strings.Cut(strings.TrimSpace(line), " ")
	require.True(t, ok, line)
	require.Equal(t, 1, query[int](t, url, `SELECT 1`))
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Eventually(t, func() bool {
		_, err := os.Stat(dir)
		return errors.Is(err, os.ErrNotExist)
	}, patience, 20*time.Millisecond, "its directory is removed")
	require.Error(t, execute(url, `SELECT 1`), "its server is gone")
}

func TestFind(t *testing.T) {
	bin, err := find()
	if err != nil {
		t.Skip("no server is installed:", err) // Private fails for that reason with CI set
	}
	require.FileExists(t, filepath.Join(bin, "initdb"))
	for path, want := range map[string]int{"/usr/lib/postgresql/15/bin": 15, "/opt/homebrew/opt/postgresql@17/bin": 17, "/usr/bin": 0} {
		require.Equal(t, want, version(path), path)
	}
}
