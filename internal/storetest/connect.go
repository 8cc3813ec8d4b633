package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/carlware/gochat/chat"
)

// Statements collects what a database is asked.
type Statements struct {
	mu   sync.Mutex
	list []string
}

// Add notes a statement. It may be called concurrently.
func (s *Statements) Add(sql string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, strings.Join(strings.Fields(sql), " "))
}

func (s *Statements) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.list
	s.list = nil
	return list
}

// ConnectInOneQuery tests that whoever has a thousand rooms is connected with as
// many statements as who has one.
func ConnectInOneQuery(t *testing.T, s chat.Store, asked *Statements) {
	t.Helper()
	n, err := chat.New(&chat.Options{Store: s, Logger: Quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Shutdown(context.Background()) //nolint:errcheck // it is not what is tested
	rooms := map[chat.UserID]int{Ann.ID: 1, Bob.ID: 1000}
	for _, u := range []chat.User{Ann, Bob} {
		if err := n.Admit(t.Context(), chat.Principal{User: u}); err != nil {
			t.Fatal(err)
		}
		Together(t, 32, int64(rooms[u.ID]), func(_ int, i int64) error {
			id := chat.RoomID(fmt.Sprint(u.ID, "-", i))
			_, err := s.CreateRoom(t.Context(), chat.RoomWrite{Room: id, By: u, ID: chat.NewID(), Kind: chat.Private,
				Members: []chat.NewMember{{User: u, Role: chat.Owner}}})
			return err
		})
	}
	statements := map[chat.UserID][]string{}
	for range 5 { // the sweep may ask something in between
		for _, u := range []chat.User{Ann, Bob} {
			asked.take()
			session, err := n.Connect(t.Context(), chat.Principal{User: u}, nil)
			if err != nil {
				t.Fatal(err)
			}
			list := asked.take()
			if got := len(session.Welcome().Rooms); got != rooms[u.ID] {
				t.Errorf("%s sees %d rooms, want %d", u.ID, got, rooms[u.ID])
			}
			if old := statements[u.ID]; old == nil || len(list) < len(old) {
				statements[u.ID] = list
			}
			session.Close()
		}
	}
	one, thousand := statements[Ann.ID], statements[Bob.ID]
	if len(one) == 0 || len(one) != len(thousand) || len(thousand) > 12 {
		t.Errorf("to connect with one room takes %d statements, with a thousand %d:\n%s",
			len(one), len(thousand), strings.Join(thousand, "\n"))
	}
}
