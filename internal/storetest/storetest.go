// Package storetest is what the tests of the stores have in common beside the
// suite of chattest: rooms and messages to begin with, faults that a whole node
// has to live through, and loads to measure.
package storetest

import (
	"context"
	"testing"

	"github.com/carlware/gochat/chat"
)

// Two people, and a bot.
var (
	Ann = chat.User{ID: "ann", Name: "Ann"}
	Bob = chat.User{ID: "bob", Name: "Bob"}
	Bot = chat.User{ID: "bot:stock", Name: "Stock", Bot: true}
)

// Hash is the hash of a request that s names.
func Hash(s string) (h [16]byte) {
	copy(h[:], s)
	return h
}

// MakeRoom creates a public room with these members, which has as many events as
// members, and one more.
func MakeRoom(tb testing.TB, s chat.Store, id chat.RoomID, users ...chat.User) chat.CreatedRoom {
	tb.Helper()
	w := chat.RoomWrite{Room: id, By: users[0], ID: "create-" + string(id), Kind: chat.Public, Name: string(id)}
	for _, u := range users {
		w.Members = append(w.Members, chat.NewMember{User: u, Role: chat.Participant})
	}
	r, err := s.CreateRoom(context.Background(), w)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// Message is a message with its id in its text.
func Message(room chat.RoomID, u chat.User, id string) chat.Write {
	return chat.Write{Room: room, ID: id, Hash: Hash(id), Kind: chat.Message, User: u, Text: "text of " + id, Basis: 1 << 30}
}

// All reads the whole log of a room.
func All(tb testing.TB, s chat.Store, room chat.RoomID) []chat.Event {
	tb.Helper()
	var all []chat.Event
	for r := (chat.Range{Forward: true, Limit: 200}); ; {
		p, err := s.Page(context.Background(), chat.System, room, r)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, p.Events...)
		if !p.More {
			return all
		}
		r.After = all[len(all)-1].Seq
	}
}

// Pages reads the whole log of a room, of up to so many events, page by page,
// forward or backward.
func Pages(tb testing.TB, s chat.Store, viewer chat.UserID, room chat.RoomID, forward bool, end chat.Seq) (pages [][]chat.Event) {
	tb.Helper()
	for r := (chat.Range{Forward: forward, Before: end, Limit: 200}); ; {
		p, err := s.Page(context.Background(), viewer, room, r)
		if err != nil {
			tb.Fatal(err)
		}
		if len(p.Events) == 0 {
			tb.Fatal("an empty page: the walk would never end")
		}
		pages = append(pages, p.Events)
		if !p.More {
			return pages
		}
		r.After, r.Before = p.Events[len(p.Events)-1].Seq, end
		if !forward {
			r.After, r.Before = 0, p.Events[0].Seq
		}
	}
}
