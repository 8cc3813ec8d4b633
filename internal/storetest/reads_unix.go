//go:build unix

package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
)

// Beside measures what a read takes, and what it takes in the way that one
// writes first, in turns. served is the CPU time of the database's own
// processes, which counts too.
func Beside(b *testing.B, served func() time.Duration, read, naive func() error) {
	spent := func(f func() error) time.Duration {
		database, before := served(), CPU()
		for range 10 { // a look at the time of processes takes some, too
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
		return (CPU() - before + served() - database) / 10
	}
	var ours, theirs time.Duration
	for b.Loop() {
		ours += spent(read)
		theirs += spent(naive)
	}
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N)/1000, "µs-cpu")
	b.ReportMetric(float64(theirs.Nanoseconds())/float64(b.N)/1000, "naive-µs-cpu")
	b.ReportMetric(float64(theirs)/float64(ours), "ratio")
	b.ReportMetric(0, "ns/op")
}

// Inbox measures one look at all rooms of a user who has a thousand, beside one
// look for the list and one at each of them for its last message.
func Inbox(b *testing.B, s chat.Store, served func() time.Duration) {
	const rooms = 1000
	manyRooms(b, s, rooms)
	Beside(b, served, func() error {
		in, err := s.Inbox(b.Context(), Ann.ID)
		if err == nil && len(in.Rooms) != rooms {
			err = fmt.Errorf("%d rooms", len(in.Rooms))
		}
		return err
	}, func() error {
		after, seen := chat.RoomID(""), 0
		for seen < rooms {
			list, err := s.Rooms(b.Context(), Ann.ID, after, 200)
			if err != nil {
				return err
			}
			for _, r := range list {
				if _, err := s.Page(b.Context(), Ann.ID, r.ID, chat.Range{Limit: 1}); err != nil {
					return err
				}
				after, seen = r.ID, seen+1
			}
		}
		return nil
	})
}

// Heads measures one look for the heads of a thousand rooms of which nothing is
// known, beside a look for each.
func Heads(b *testing.B, s chat.Store, served func() time.Duration) {
	known := map[chat.RoomID]chat.Seq{}
	for _, id := range manyRooms(b, s, 1000) {
		known[id] = 0
	}
	Beside(b, served, func() error {
		heads, err := s.Heads(b.Context(), known)
		if err == nil && len(heads) != len(known) {
			err = fmt.Errorf("%d heads", len(heads))
		}
		return err
	}, func() error {
		for id := range known {
			if _, err := s.Heads(b.Context(), map[chat.RoomID]chat.Seq{id: 0}); err != nil {
				return err
			}
		}
		return nil
	})
}

// manyRooms makes rooms of Ann with a message each.
func manyRooms(b *testing.B, s chat.Store, n int) []chat.RoomID {
	ids := make([]chat.RoomID, n)
	for i := range ids {
		ids[i] = chat.RoomID(fmt.Sprintf("room-with-a-long-id-%d", i))
	}
	Together(b, 64, int64(n), func(_ int, i int64) error {
		id := ids[i-1]
		_, err := s.CreateRoom(b.Context(), chat.RoomWrite{Room: id, By: Ann, ID: chat.NewID(), Kind: chat.Private,
			Members: []chat.NewMember{{User: Ann, Role: chat.Owner}}})
		if err == nil {
			_, err = s.Append(b.Context(), Message(id, Ann, chat.NewID()))
		}
		return err
	})
	return ids
}
