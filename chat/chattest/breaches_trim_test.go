package chattest_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

var forbidden = command.Error{Code: command.CodeForbidden, Message: "no"}

// trimBreaches are breaches of what a Trimmer must keep right.
var trimBreaches = []breach{
	{name: "removes too much", test: "Trim/Limit", says: "with limit 4 removed", wrap: trims(
		func(ctx context.Context, s whole, room chat.RoomID, keep chat.Retention, limit int) (int, error) {
			return s.Trim(ctx, room, keep, 1000)
		})},
	{name: "says that it removed more", test: "Trim/Age", says: "the floor rises by what is removed", wrap: trims(
		func(ctx context.Context, s whole, room chat.RoomID, keep chat.Retention, limit int) (int, error) {
			n, err := s.Trim(ctx, room, keep, limit)
			return n + min(1, n), err
		})},
	{name: "takes no Retention for all", test: "Trim/Age", says: "the zero Retention keeps all", wrap: trims(
		func(ctx context.Context, s whole, room chat.RoomID, keep chat.Retention, limit int) (int, error) {
			if keep == (chat.Retention{}) {
				keep.Age = time.Hour
			}
			return s.Trim(ctx, room, keep, limit)
		})},
	{name: "looks at the count alone", test: "Trim/Both", says: "not older than Age", wrap: trims(
		func(ctx context.Context, s whole, room chat.RoomID, keep chat.Retention, limit int) (int, error) {
			if keep.Count > 0 {
				keep.Age = 0
			}
			return s.Trim(ctx, room, keep, limit)
		})},
	{name: "keeps one too few", test: "Trim/Count", says: "there are exactly so many", wrap: trims(
		func(ctx context.Context, s whole, room chat.RoomID, keep chat.Retention, limit int) (int, error) {
			if keep.Count > 1 {
				keep.Count--
			}
			return s.Trim(ctx, room, keep, limit)
		})},
	{name: "pretends to trim", test: "Trim/Sequence", says: "all but the newest", wrap: trims(
		func(context.Context, whole, chat.RoomID, chat.Retention, int) (int, error) { return 0, nil })},
	{name: "trims young events", test: "Trim/Young", says: "younger than MinRetention", wrap: func(s chat.Store) chat.Store {
		return fakeFloors(s, func(p chat.Page) chat.Seq { return min(5, p.Head) })
	}},
	{name: "trims the newest event", test: "Trim/Sequence", says: "the log begins with", wrap: func(s chat.Store) chat.Store {
		return broken{Store: s, page: func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			p, err := s.Page(ctx, viewer, room, r)
			if p.Floor > 1 && p.Floor == p.Head {
				p.Events = nil
			}
			return p, err
		}}
	}},
	{name: "finds rooms that it has trimmed", test: "Trim/Trimmable", says: "the rooms that would lose events", wrap: func(s chat.Store) chat.Store {
		return broken{Store: s, rooms: func(ctx context.Context, s whole, keep chat.Retention, limit int) ([]chat.RoomID, error) {
			if keep.Count > 0 && keep.Age == 0 {
				keep.Count--
			}
			return s.Trimmable(ctx, keep, limit)
		}}
	}},
	{name: "finds all rooms at once", test: "Trim/Trimmable", says: "with limit 1", wrap: func(s chat.Store) chat.Store {
		return broken{Store: s, rooms: func(ctx context.Context, s whole, keep chat.Retention, limit int) ([]chat.RoomID, error) {
			return s.Trimmable(ctx, keep, 10*limit)
		}}
	}},
	{name: "goes below the floor", test: "Trim/Floor", says: "below the floor there is nothing", wrap: pages(
		func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			p, err := s.Page(ctx, viewer, room, r)
			p.More = p.More || len(p.Events) > 0 && p.Events[0].Seq == p.Floor && p.Floor > 1 && !r.Forward && r.After == 0
			return p, err
		})},
	{name: "tells the floor of the log to all", test: "Trim/HiddenHistory", says: "the oldest event that the reader can get", wrap: pages(
		func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			p, err := s.Page(ctx, viewer, room, r)
			if snap, e := s.Snapshot(ctx, room, nil); e == nil && err == nil {
				p.Floor = snap.Info.Floor
			}
			return p, err
		})},
	{name: "tells the floor of creation", test: "Trim/Floor", says: "Inbox tells the floor 1", wrap: inboxes(
		func(ctx context.Context, s chat.Store, user chat.UserID) (chat.Inbox, error) {
			inbox, err := s.Inbox(ctx, user)
			for i := range inbox.Rooms {
				inbox.Rooms[i].Floor = 1
			}
			return inbox, err
		})},
	{name: "counts what is kept as unread", test: "Trim/Unread", says: "does not depend on which of them are kept", wrap: inboxes(
		func(ctx context.Context, s chat.Store, user chat.UserID) (chat.Inbox, error) {
			inbox, err := s.Inbox(ctx, user)
			for i, e := range inbox.Rooms {
				inbox.Rooms[i].Unread = min(e.Unread, int64(e.Head-e.Floor+1))
			}
			return inbox, err
		})},
	{name: "counts all messages when the marker is gone", test: "Trim/Unread", says: "does not depend on which of them are kept", wrap: inboxes(
		func(ctx context.Context, s chat.Store, user chat.UserID) (chat.Inbox, error) {
			inbox, err := s.Inbox(ctx, user)
			for i, e := range inbox.Rooms {
				if max(e.Read, e.Since) < e.Floor {
					inbox.Rooms[i].Unread += 7
				}
			}
			return inbox, err
		})},
	{name: "counts what was read below the floor", test: "Trim/MarkBelow", says: "to 7, which there were", wrap: func(s chat.Store) chat.Store {
		return broken{Store: s, mark: func(ctx context.Context, s chat.Store, marks []chat.ReadMark) error {
			for i := range marks {
				marks[i].Seq = min(marks[i].Seq, 2)
			}
			return s.MarkRead(ctx, marks)
		}}
	}},
	{name: "shows a last message that is gone", test: "Trim/Last", says: "that message was removed", wrap: func(s chat.Store) chat.Store {
		var last sync.Map
		return broken{Store: s, inbox: func(ctx context.Context, s chat.Store, user chat.UserID) (chat.Inbox, error) {
			inbox, err := s.Inbox(ctx, user)
			for i, e := range inbox.Rooms {
				if e.Last != nil {
					last.Store(e.ID, e.Last)
				} else if v, ok := last.Load(e.ID); ok {
					inbox.Rooms[i].Last = v.(*chat.Event)
				}
			}
			return inbox, err
		}}
	}},
	{name: "forgets ids with the old events", test: "Trim/Once", says: "a second Append with the same Room", wrap: forgetful},
	{name: "edits what is gone", test: "Trim/Refs", says: "which was removed", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			a, err := s.Append(ctx, w)
			if errors.Is(err, chat.ErrNotFound) && w.Ref > 0 {
				return chat.Appended{Event: chat.Event{Room: w.Room, ID: w.ID, User: w.User, Seq: 1}, Duplicate: true}, nil
			}
			return a, err
		})},
	{name: "keeps the text of what is gone in edits", test: "Trim/Refs", says: "the text of a message that was removed is gone", wrap: pages(
		func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			p, err := s.Page(ctx, viewer, room, r)
			for i, e := range p.Events {
				if e.Kind == chat.Edited && e.Text == "" {
					p.Events[i].Text = "still a secret"
				}
			}
			return p, err
		})},
	{name: "leaves reactions to what is gone", test: "Trim/Reactions", says: "to a message that was removed", wrap: pages(
		func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			p, err := s.Page(ctx, viewer, room, r)
			for i, e := range p.Events {
				if e.Seq == p.Head && p.Floor == p.Head {
					p.Events[i].Reactions = []chat.Reaction{{Text: "👍", Count: 1, Users: []chat.UserID{"ann"}}}
				}
			}
			return p, err
		})},
	{name: "makes members of nobody whose join is gone", test: "Trim/TheRest", says: "only events are removed", wrap: snaps(
		func(ctx context.Context, s chat.Store, room chat.RoomID, users []chat.UserID) (chat.Snapshot, error) {
			snap, err := s.Snapshot(ctx, room, users)
			for id, m := range snap.Members {
				if m.Since < snap.Info.Floor {
					delete(snap.Members, id)
				}
			}
			return snap, err
		})},
	{name: "tells of what it removes", test: "Trim/Age", says: "the receivers were given", wrap: func(s chat.Store) chat.Store {
		var tell func([]chat.Event)
		return broken{Store: s,
			attach: func(committed func([]chat.Event)) func([]chat.Event) { tell = committed; return committed },
			trim: func(ctx context.Context, s whole, room chat.RoomID, keep chat.Retention, limit int) (int, error) {
				n, err := s.Trim(ctx, room, keep, limit)
				if p, e := s.Page(ctx, chat.System, room, chat.Range{Limit: 1}); e == nil && n > 0 {
					tell(p.Events)
				}
				return n, err
			}}
	}},
	{name: "reads the floor first, and the events later", test: "Trim/WhileAppending", says: "read at one moment", wrap: func(s chat.Store) chat.Store {
		return broken{Store: s, page: func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			p, err := s.Page(ctx, viewer, room, r)
			time.Sleep(time.Millisecond)
			if err == nil && viewer == "bob" {
				later, err := s.Page(ctx, viewer, room, r)
				later.Floor = p.Floor
				return later, err
			}
			return p, err
		}, trim: func(ctx context.Context, s whole, room chat.RoomID, keep chat.Retention, limit int) (int, error) {
			time.Sleep(time.Millisecond)
			return s.Trim(ctx, room, keep, limit)
		}, append: func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			time.Sleep(time.Millisecond)
			return s.Append(ctx, w)
		}}
	}},
	{name: "gives seqs again after it was reopened", test: "Trim/Reopened", says: "no seq is used twice", open: reopens(
		func(s chat.Store) chat.Store {
			return broken{Store: s, append: func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
				a, err := s.Append(ctx, w)
				if !a.Duplicate {
					a.Event.Seq -= 9
				}
				return a, err
			}}
		})},
	{name: "has a floor in each store", test: "Trim/Shared", says: "want 42 and 43", open: reopens(
		func(s chat.Store) chat.Store {
			return broken{Store: s, page: func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
				p, err := s.Page(ctx, viewer, room, r)
				p.Floor = 1
				return p, err
			}}
		})},
}

// fakeFloors makes a store tell other floors than it has.
func fakeFloors(s chat.Store, floor func(chat.Page) chat.Seq) chat.Store {
	return broken{Store: s, trim: func(ctx context.Context, s whole, room chat.RoomID, keep chat.Retention, limit int) (int, error) {
		p, err := s.Page(ctx, chat.System, room, chat.Range{Limit: 1})
		if err != nil || keep == (chat.Retention{}) {
			return 0, err
		}
		return int(floor(p)) - 1, nil
	}}
}

// forgetful makes a store that forgets all ids when it trims.
func forgetful(s chat.Store) chat.Store {
	var mu sync.Mutex
	trimmed := ""
	return broken{Store: s, append: func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
		mu.Lock()
		defer mu.Unlock()
		id := w.ID
		w.ID += trimmed
		a, err := s.Append(ctx, w)
		a.Event.ID = id
		return a, err
	}, trim: func(ctx context.Context, s whole, room chat.RoomID, keep chat.Retention, limit int) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		trimmed = "'"
		return s.Trim(ctx, room, keep, limit)
	}}
}
