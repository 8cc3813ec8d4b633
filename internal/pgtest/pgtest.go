// Package pgtest gives tests a PostgreSQL server.
//
// It starts one of its own, in a temporary directory and on a free port of
// 127.0.0.1, when the first test of a binary asks for it:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m).Run()) }
//
//	func TestStore(t *testing.T) {
//		db := pgtest.New(t)
//		store, err := postgres.Open(ctx, db.URL, &postgres.Options{Schema: db.Schema})
//		...
//	}
//
// The server syncs to the disk as a real one does. It ends with the tests and
// its directory is removed, however the test binary ends. Tests may stop it,
// kill it and start it again, see [Cluster].
//
// Where the environment has GOCHAT_POSTGRES_URL, [New] uses that database
// instead, in schemas that it drops again. [Private] never does.
//
// A test without a server is skipped; with CI set it fails. The server refuses
// to run as root, so a test that runs as root has it run as the user postgres,
// or else as nobody.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// envURL names a database that tests may use instead of one of their own.
const envURL = "GOCHAT_POSTGRES_URL"

// Database is where a test can make its tables.
type Database struct {
	URL    string // how to connect
	Schema string // a name that nobody else uses; the schema does not exist yet
}

// New returns a database and the name of a fresh schema in it. The schema is
// dropped when the test ends.
func New(t testing.TB) Database {
	t.Helper()
	if url := os.Getenv(envURL); url != "" {
		return fresh(t, url)
	}
	return Private(t).New(t)
}

func fresh(t testing.TB, url string) Database {
	t.Helper()
	var b [8]byte
	rand.Read(b[:])
	db := Database{URL: url, Schema: "test_" + hex.EncodeToString(b[:])}
	t.Cleanup(func() {
		if err := execute(url, fmt.Sprintf(`DROP SCHEMA IF EXISTS %q CASCADE`, db.Schema)); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return db
}

// patience is how long anything is waited for. It is there to end a test that
// hangs, and says nothing about speed.
const patience = 60 * time.Second

// execute runs sql on a connection of its own.
func execute(url, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, sql)
	return err
}

// own is the server of this test binary.
var own struct {
	sync.Mutex
	c   *Cluster
	err error
}

// Private returns the server of this test binary, which it starts if need be.
func Private(t testing.TB) *Cluster {
	t.Helper()
	own.Lock()
	defer own.Unlock()
	if own.c == nil && own.err == nil {
		own.c, own.err = start()
	}
	if own.err != nil {
		if os.Getenv("CI") == "" {
			t.Skipf("pgtest: no PostgreSQL server: %v", own.err)
		}
		t.Fatalf("pgtest: no PostgreSQL server: %v", own.err)
	}
	return own.c
}

// Tests are the tests of a binary, to be run once.
type Tests struct{ m interface{ Run() int } }

// Main returns the tests of m as tests that stop the server when they are
// through.
func Main(m *testing.M) *Tests { return &Tests{m} }

// Run runs the tests, stops the server if one was started, and returns what
// the process is to exit with. It can be handed to goleak.VerifyTestMain.
func (ts *Tests) Run() int {
	code := ts.m.Run()
	own.Lock()
	defer own.Unlock()
	if own.c == nil {
		return code
	}
	if code != 0 {
		fmt.Fprintf(os.Stderr, "pgtest: the last lines of the server's log:\n%s", own.c.log())
	}
	own.c.end()
	own.c = nil
	return code
}
