//go:build unix

package storetest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
)

const (
	// killEnv is set to what the store is opened by in the process that dies.
	killEnv = "STORETEST_KILL"
	// suicideEnv has the process kill itself in a commit, before anybody is told.
	suicideEnv = "STORETEST_SUICIDE"

	killRooms   = 4
	killWriters = 32
)

// WriteUntilKilled is called first by TestMain of a package that uses [Kill]. In
// the process that dies it opens a store by the name given to Kill, writes to it
// through a node, says what was acknowledged, and does not return; in others it
// does nothing.
func WriteUntilKilled(open func(name string) (chat.Store, error)) {
	name := os.Getenv(killEnv)
	if name == "" {
		return
	}
	if err := writeUntilKilled(open, name); err != nil {
		fmt.Println("error", err)
	}
	os.Exit(1)
}

func writeUntilKilled(open func(name string) (chat.Store, error), name string) error {
	go func() { // its life ends with that of the test at the latest
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	s, err := open(name)
	if err != nil {
		return err
	}
	if os.Getenv(suicideEnv) != "" {
		s = &suicidal{Store: s, after: 50 + rand.Int64N(200)}
	}
	n, err := chat.New(&chat.Options{Store: s, Logger: Quiet, Commands: echo(), Limits: chat.Limits{
		Messages: chat.Unlimited, Commands: chat.Unlimited, Rooms: chat.Unlimited, Joins: chat.Unlimited, Requests: chat.Unlimited,
	}})
	if err != nil {
		return err
	}
	ctx := context.Background()
	for _, u := range []chat.User{Ann, Bob} {
		if err := n.Admit(ctx, chat.Principal{User: u}); err != nil {
			return err
		}
	}
	var rooms []chat.Room
	var ids []chat.RoomID
	for i := range killRooms {
		// The same request in each life: the room is made once.
		r, err := n.CreateRoom(ctx, Ann.ID, chat.NewRoom{ID: fmt.Sprintf("room-of-the-killed-%d", i), Name: fmt.Sprint("Room ", i)})
		if err != nil {
			return err
		}
		info, err := r.Info(ctx, Ann.ID)
		if err != nil {
			return err
		}
		rooms, ids = append(rooms, r), append(ids, info.ID)
	}
	w := &killed{rooms: rooms, ids: ids}
	failed := make(chan error, killWriters)
	for i := range killWriters {
		go func() {
			for j := 0; ; j++ {
				if err := w.write(ctx, i, j); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

// suicidal is a store whose process dies in a commit: what is committed is told to
// nobody, and answered to nobody.
type suicidal struct {
	chat.Store
	after   int64 // so many batches
	batches atomic.Int64
}

func (s *suicidal) Attach(committed func([]chat.Event)) (chat.Identity, error) {
	return s.Store.Attach(func(batch []chat.Event) {
		if s.batches.Add(1) == s.after {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		committed(batch)
	})
}

// Kill kills a process that writes, round after round: by turns at any moment, and
// between a commit and its delivery. What was acknowledged in any round is in the
// log in its place, the log has no gaps, what is kept beside the log (texts,
// reactions, members, calls) is what the log says, and somebody who comes back is
// given what was committed when nobody could be told. name is what the child opens
// the store by, and open opens it here; check looks at the rest of it.
func Kill(t *testing.T, rounds int, name string, open func() (chat.Store, error), check func(s chat.Store)) {
	t.Helper()
	var acked said
	for round := range rounds {
		suicide := round%2 == 1
		before := len(acked.events)
		killWriter(t, name, suicide, &acked)
		s, err := open()
		if err != nil {
			t.Fatalf("round %d: open: %v", round, err)
		}
		check(s)
		stored := afterKill(t, s, &acked)
		t.Logf("round %d, in a commit %v: %d acknowledged, %d in all, %d stored, %d calls ended",
			round, suicide, len(acked.events)-before, len(acked.events), stored, len(acked.ends))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			return
		}
	}
}

// killWriter runs a process that writes until it is dead, and adds what it said.
func killWriter(t *testing.T, name string, suicide bool, acked *said) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killEnv+"="+name)
	if suicide {
		cmd.Env = append(cmd.Env, suicideEnv+"=1")
	}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	before := len(acked.events)
	var kill *time.Timer
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // a part of a line was not said in time
		}
		if err := acked.hear(line); err != nil {
			t.Errorf("the process failed: %s", strings.TrimSpace(line))
			continue
		}
		if len(acked.events) > before && kill == nil && !suicide {
			kill = time.AfterFunc(rand.N(300*time.Millisecond), func() { _ = cmd.Process.Kill() })
		}
	}
	if kill != nil {
		kill.Stop()
	}
	_ = cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || status.Signal() != syscall.SIGKILL || len(acked.events) == before {
		t.Fatalf("the process ended with %v, and %d acknowledgements: it is to die of the kill, while busy", cmd.ProcessState, len(acked.events)-before)
	}
}

// afterKill holds the store against what was acknowledged, and returns how many
// events it has.
func afterKill(t *testing.T, s chat.Store, acked *said) (stored chat.Seq) {
	t.Helper()
	n, err := chat.New(&chat.Options{Store: s, Logger: Quiet, Limits: chat.Limits{Requests: chat.Unlimited, Replay: 1 << 30, ReplayTotal: 1 << 30}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	var r chattest.Recorder
	c := r.Client(Ann.ID, "who comes back")
	// She has all but the last that was acknowledged in each room.
	o := &chat.SessionOptions{Rooms: map[chat.RoomID]chat.Seq{}}
	for _, id := range acked.calls {
		c.Called(id)
	}
	for _, a := range acked.events {
		c.Acked(a.room, a.id, a.seq)
		o.Rooms[a.room] = max(o.Rooms[a.room], a.seq-1)
	}
	if o.Epoch, err = s.RotateEpoch(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	session, err := n.Connect(t.Context(), chat.Principal{User: Ann}, o)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	w := session.Welcome()
	c.Connected(w, o)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, e := range w.Rooms {
		stored += e.Head
		for c.At(e.ID) < e.Head {
			d, err := session.Next(ctx)
			if err != nil {
				t.Fatalf("room %s up to %d of %d: %v", e.ID, c.At(e.ID), e.Head, err)
			}
			c.Delivered(d)
		}
		room, err := n.Room(t.Context(), chat.System, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		info, err := room.Info(t.Context(), chat.System)
		if err != nil {
			t.Fatal(err)
		}
		log := All(t, s, e.ID)
		r.Log(info, log)
		derived(t, s, e.ID, log)
	}
	acked.settled(t, s)
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	return stored
}
