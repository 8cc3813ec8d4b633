package storetest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carlware/gochat/chat"
)

// The users and rooms of a load.
const (
	LoadUsers = 512
	LoadRooms = 100
)

// LoadUser is a user of a load, LoadRoom one of its rooms.
func LoadUser(i int) chat.User {
	return chat.User{ID: chat.UserID(fmt.Sprint("user-", i%LoadUsers)), Name: fmt.Sprint("User ", i%LoadUsers)}
}

// LoadRoom is a room of a load.
func LoadRoom(i int) chat.RoomID { return chat.RoomID(fmt.Sprint("room-", i%LoadRooms)) }

// MakeLoad makes the users and the rooms of a load. Ann is in all of the rooms.
func MakeLoad(tb testing.TB, s chat.Store) {
	tb.Helper()
	var users []chat.User
	for i := range LoadUsers {
		users = append(users, LoadUser(i))
	}
	if err := s.PutUsers(tb.Context(), users); err != nil {
		tb.Fatal(err)
	}
	for i := range LoadRooms {
		MakeRoom(tb, s, LoadRoom(i), Ann)
	}
}

// Append has so many writers, each of them another user, store n messages of 200
// bytes in the rooms of the load.
func Append(tb testing.TB, s chat.Store, writers int, n int64) {
	tb.Helper()
	text := strings.Repeat("0123456789", 20)
	Together(tb, writers, n, func(writer int, i int64) error {
		w := Message(LoadRoom(int(i)), LoadUser(writer), chat.NewID())
		w.Text = text
		_, err := s.Append(tb.Context(), w)
		return err
	})
}

// Together has so many writers call write n times in all. It ends early with an
// error.
func Together(tb testing.TB, writers int, n int64, write func(writer int, i int64) error) {
	tb.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for writer := range writers {
		wg.Go(func() {
			for {
				i := next.Add(1)
				if i > n {
					return
				}
				if err := write(writer, i); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
