package sqlite

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

var crashRounds = flag.Int("crash.rounds", 5, "how often TestKill kills a writing process")

// childEnv is set to the path of the database in the process that is killed.
const childEnv = "SQLITE_CRASH_TEST"

// crashRooms is how many rooms the killed process writes to.
const crashRooms = 8

// writeUntilKilled writes from 64 goroutines and prints what was acknowledged.
func writeUntilKilled(path string) {
	ctx := context.Background()
	s, err := Open(ctx, path, nil)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	for i := range crashRooms {
		id := fmt.Sprint("room-", i)
		if _, err := s.CreateRoom(ctx, chat.RoomWrite{Room: chat.RoomID(id), By: ann, ID: id, Kind: chat.Private, Name: id,
			Members: []chat.NewMember{{User: ann, Role: chat.Owner}}}); err != nil {
			fmt.Println("error", err)
			return
		}
	}
	life := rand.Uint64()
	var mu sync.Mutex
	for i := range 64 {
		go func() {
			for j := 0; ; j++ {
				room := chat.RoomID(fmt.Sprint("room-", (i+j)%crashRooms))
				w := message(room, ann, fmt.Sprintf("%x-%d-%d", life, i, j))
				if j%8 == 0 {
					w.Kind, w.Target, w.Role = chat.Joined, &chat.User{ID: chat.UserID(fmt.Sprint("user-", i))}, chat.Participant
				}
				a, err := s.Append(ctx, w)
				mu.Lock()
				if err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				fmt.Println("ack", room, w.ID, a.Event.Seq)
				mu.Unlock()
			}
		}()
	}
	select {}
}

func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	acked := map[string]chat.Seq{} // by room and id
	for round := range *crashRounds {
		killWriter(t, path, acked)
		s := reopen(t, path, nil)
		whole(t, s)
		stored := map[string]chat.Seq{}
		for i := range crashRooms {
			room := chat.RoomID(fmt.Sprint("room-", i))
			log := pageAll(t, s, room)
			for j, e := range log {
				require.Equal(t, chat.Seq(j+1), e.Seq)
				stored[fmt.Sprint(room, " ", e.ID)] = e.Seq
			}
		}
		for id, seq := range acked {
			require.Equal(t, seq, stored[id], "round %d: %s was acknowledged", round, id)
		}
		t.Logf("round %d: %d acknowledged, %d stored", round, len(acked), len(stored)-crashRooms*2)
		require.NoError(t, s.Close())
	}
}

// killWriter runs a writing process, kills it and notes what it acknowledged.
func killWriter(t *testing.T, path string, acked map[string]chat.Seq) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	after := time.Duration(0)
	var kill *time.Timer
	for n := 0; ; n++ {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // a part of a line was not acknowledged in time
		}
		f := strings.Fields(line)
		if f[0] != "ack" {
			t.Errorf("the writer failed: %s", line)
			continue
		}
		var seq chat.Seq
		fmt.Sscan(f[3], &seq)
		acked[f[1]+" "+f[2]] = seq
		if n == 0 {
			// Not from the start of the process: it has to be busy writing.
			after = time.Duration(50+rand.IntN(300)) * time.Millisecond
			kill = time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
	}
	require.Error(t, cmd.Wait(), "it ends by the kill")
	require.NotNil(t, kill, "nothing was acknowledged")
	kill.Stop()
}
