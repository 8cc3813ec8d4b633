package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
)

// patience is how long anything is waited for. It is there to end a test that
// hangs, and says nothing about speed.
const patience = 60 * time.Second

// A Fault breaks what a store stands on, and mends it.
type Fault struct {
	Break, Mend func()

	// Unharmed says that requests may also be served meanwhile.
	Unharmed bool
}

// Survive tests that a node lives through a fault of its store: while it lasts,
// requests end with errors that say what a client has to know, and when it is
// over the node serves again by itself, to the same sessions. What was
// acknowledged is in the log once, in one order, and was told to everybody; so is
// what was not acknowledged, when it is sent again.
func Survive(t *testing.T, s chat.Store, f Fault) {
	t.Helper()
	all := chat.Unlimited
	n, err := chat.New(&chat.Options{Store: s, Logger: Quiet, Limits: chat.Limits{Messages: all, Requests: all}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	told := make([]*audience, 2)
	for i, u := range []chat.User{Ann, Bob} {
		told[i] = listen(t, n, u)
		defer told[i].leave()
	}
	made, err := n.CreateRoom(t.Context(), Ann.ID, chat.NewRoom{ID: chat.NewID(), Name: "Tea", Members: []chat.UserID{Bob.ID}})
	if err != nil {
		t.Fatal(err)
	}
	room, err := made.Info(t.Context(), Ann.ID)
	if err != nil {
		t.Fatal(err)
	}

	var acked []string
	post := func(id string) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_, err := made.Post(ctx, Ann.ID, chat.Draft{ID: id, Text: "text of " + id})
		if err == nil {
			acked = append(acked, id)
		} else if !errors.Is(err, chat.ErrUnavailable) && !errors.Is(err, chat.ErrOutcomeUnknown) {
			t.Errorf("Post to a store with a fault: %v, want ErrUnavailable or ErrOutcomeUnknown", err)
		}
		return err
	}
	key := func(i int) string { return fmt.Sprintf("a-request-of-ann-%d", i) }
	for i := range 20 {
		if err := post(key(i)); err != nil {
			t.Fatal(err)
		}
	}
	f.Break()
	var again []string
	for i := 20; i < 30; i++ {
		if post(key(i)) != nil {
			again = append(again, key(i))
		}
	}
	if len(again) == 0 && !f.Unharmed {
		t.Error("all went well: there was no fault")
	}
	if _, err := made.History(t.Context(), Bob.ID, chat.Range{}); err != nil && !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("History of a store with a fault: %v, want ErrUnavailable", err)
	}
	f.Mend()
	for _, id := range append(again, key(30)) {
		for begin := time.Now(); post(id) != nil; {
			if time.Since(begin) > patience {
				t.Fatal("the node does not recover by itself")
			}
			time.Sleep(10 * time.Millisecond)
		}
	}

	var stored []string
	for _, e := range All(t, s, room.ID) {
		if e.Kind == chat.Message {
			stored = append(stored, e.ID)
		}
	}
	if slices.Sort(acked); !slices.Equal(acked, slices.Sorted(slices.Values(stored))) {
		t.Errorf("acknowledged: %q\nin the log:   %q", acked, stored)
	}
	for _, a := range told {
		if got := a.ids(t, len(stored)); !slices.Equal(got, stored) {
			t.Errorf("in the log:   %q\ntold: %q", stored, got)
		}
	}
}

// audience is a session and the messages that it was told.
type audience struct {
	session *chat.Session
	leave   func()

	mu   sync.Mutex
	told []string
	more chan struct{} // gets a value when there is something new
	err  error
}

func listen(t *testing.T, n *chat.Node, u chat.User) *audience {
	t.Helper()
	s, err := n.Connect(t.Context(), chat.Principal{User: u}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := &audience{session: s, more: make(chan struct{}, 1)}
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			d, err := s.Next(context.Background())
			a.mu.Lock()
			if err != nil {
				a.err = err
			} else if d.Event != nil && d.Event.Kind == chat.Message {
				a.told = append(a.told, d.Event.ID)
			}
			a.mu.Unlock()
			select {
			case a.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	})
	a.leave = func() {
		s.Close()
		reading.Wait()
	}
	return a
}

// ids waits for n messages and returns them.
func (a *audience) ids(t *testing.T, n int) []string {
	t.Helper()
	for late := time.After(patience); ; {
		a.mu.Lock()
		told, err := slices.Clone(a.told), a.err
		a.mu.Unlock()
		if len(told) >= n || err != nil {
			if err != nil {
				t.Errorf("the session has ended: %v", err)
			}
			return told
		}
		select {
		case <-a.more:
		case <-late:
			return told
		}
	}
}
