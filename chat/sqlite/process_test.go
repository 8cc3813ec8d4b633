//go:build unix

package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// holdEnv has a process hold a "store", or the "lock" of a database that writers
// take, until it is killed. The path follows.
const holdEnv = "SQLITE_TEST_HOLD"

// holdUntilKilled makes this process one that holds something, if it is.
func holdUntilKilled() {
	what, path, ok := strings.Cut(os.Getenv(holdEnv), " ")
	if !ok {
		return
	}
	var err error
	if what == "store" {
		_, err = Open(context.Background(), path, nil)
	} else {
		var db *sqlite3.Conn
		if db, err = sqlite3.Open(path); err == nil {
			err = db.Exec(`BEGIN IMMEDIATE`)
		}
	}
	fmt.Println("held", err)
	_, _ = io.Copy(io.Discard, os.Stdin) // its life ends with that of the test at the latest
	os.Exit(1)
}

// held runs a process that holds something of the database at path, and returns
// what kills it.
func held(t *testing.T, what, path string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdEnv+"="+what+" "+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = in.Close()
	})
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "held <nil>\n", line)
	return kill
}

func TestStoreOfAnotherProcess(t *testing.T) {
	t.Parallel() // it waits most of the time
	s, path := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	require.NoError(t, s.Close())
	kill := held(t, "store", path)

	begin := time.Now()
	_, err := Open(t.Context(), path, nil)
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, path)
	require.GreaterOrEqual(t, time.Since(begin), lockWait, "it waits for a process that is about to end")

	// The lock ends with the process, however that ends, also for who waits.
	second := make(chan error, 1)
	go func() {
		s, err := Open(t.Context(), path, nil)
		if err == nil {
			_, err = s.Append(t.Context(), message("room", ann, "hello"))
			err = errors.Join(err, s.Close())
		}
		second <- err
	}()
	kill()
	require.NoError(t, <-second)
	s = reopen(t, path, nil)
	require.Len(t, pageAll(t, s, "room"), 3)
	whole(t, s)
}

func TestWriteLockOfAnotherProcess(t *testing.T) {
	t.Parallel()
	s, path := fresh(t, nil)
	makeRoom(t, s, "room", ann)
	kill := held(t, "lock", path)

	begin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // only to end a test that hangs
	defer cancel()
	_, err := s.Append(ctx, message("room", ann, "waits"))
	require.ErrorIs(t, err, chat.ErrUnavailable)
	require.ErrorIs(t, err, sqlite3.BUSY)
	require.NotErrorIs(t, err, chat.ErrOutcomeUnknown, "nothing is stored")
	require.GreaterOrEqual(t, time.Since(begin), busyTimeout, "a lock that is held for less does not matter")
	require.Len(t, pageAll(t, s, "room"), 2, "reading goes on")

	kill()
	a, err := s.Append(t.Context(), message("room", ann, "waits"))
	require.NoError(t, err)
	require.False(t, a.Duplicate)
	require.EqualValues(t, 3, a.Event.Seq)
	whole(t, s)
}
