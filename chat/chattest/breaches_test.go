package chattest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
	"github.com/carlware/gochat/command"
)

var breaches = []breach{
	{name: "gives a seq twice", test: "Append/Sequence", says: "no number is used twice", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			a, err := s.Append(ctx, w)
			a.Event.Seq -= a.Event.Seq % 2
			return a, err
		})},
	{name: "takes a seq for a failure", test: "Append/FailuresLeaveNoGap", says: "takes no number", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			a, err := s.Append(ctx, w)
			if errors.Is(err, chat.ErrConflict) {
				w.Kind, w.ID = chat.Message, w.ID+"'"
				s.Append(ctx, w)
			}
			return a, err
		})},
	{name: "keeps what is passed in", test: "Append/NothingIsKept", says: "is not kept", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			a, err := s.Append(ctx, w)
			a.Event.Mentions, a.Event.Data = w.Mentions, w.Data
			return a, err
		})},
	{name: "drops what it accepted", test: "Append/Flood", says: "accepted means kept", wrap: func(s chat.Store) chat.Store {
		var n atomic.Int64
		return broken{Store: s, append: func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			a, err := s.Append(ctx, w)
			if n.Add(1)%100 == 0 {
				return a, chat.ErrBusy // stored, and then refused
			}
			return a, err
		}}
	}},
	{name: "fails good writes with bad ones", test: "Append/BadAmongGood", says: "a bad write fails alone", wrap: func(s chat.Store) chat.Store {
		var left atomic.Int64
		return broken{Store: s, append: func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			if left.Add(-1) >= 0 {
				return chat.Appended{}, chat.ErrStale
			}
			a, err := s.Append(ctx, w)
			if err != nil {
				left.Store(10) // which were to be committed together with it
			}
			return a, err
		}}
	}},
	{name: "tells late", test: "Append/Sequence", says: "before the writers get their answers", wrap: attaches(
		func(committed func([]chat.Event)) func([]chat.Event) {
			return func(batch []chat.Event) {
				if batch[0].Kind != chat.Message {
					committed(batch)
					return
				}
				go func() {
					time.Sleep(10 * time.Millisecond)
					committed(batch)
				}()
			}
		})},
	{name: "tells duplicates", test: "Once/Again", says: "no duplicates", wrap: func(s chat.Store) chat.Store {
		var tell func([]chat.Event)
		return broken{Store: s,
			attach: func(committed func([]chat.Event)) func([]chat.Event) { tell = committed; return committed },
			append: func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
				a, err := s.Append(ctx, w)
				if a.Duplicate {
					tell([]chat.Event{a.Event})
				}
				return a, err
			}}
	}},
	{name: "does not tell of rooms", test: "Rooms/Create", says: "the receivers were given", wrap: attaches(
		func(committed func([]chat.Event)) func([]chat.Event) {
			return func(batch []chat.Event) {
				if i := slices.IndexFunc(batch, func(e chat.Event) bool { return e.Kind != chat.Created }); i >= 0 {
					committed(batch[i:])
				}
			}
		})},

	{name: "forgets ids", test: "Once/Again", says: "with Duplicate set", wrap: func(s chat.Store) chat.Store {
		var n atomic.Int64
		return broken{Store: s, append: func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			id := w.ID
			w.ID = fmt.Sprint(w.ID, n.Add(1))
			a, err := s.Append(ctx, w)
			a.Event.ID = id
			return a, err
		}}
	}},
	{name: "forgets ids under load", test: "Once/Concurrent", says: "50 equal writes", wrap: func(s chat.Store) chat.Store {
		var mu sync.Mutex
		var stored sync.Map
		return broken{Store: s, append: func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			key := fmt.Sprint(w.Room, w.User.ID, w.ID)
			if a, ok := stored.Load(key); ok { // looks first, and writes later
				a := a.(chat.Appended)
				a.Duplicate = true
				return a, nil
			}
			time.Sleep(time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			id := w.ID
			a, err := s.Append(ctx, w)
			if a.Duplicate {
				w.ID += fmt.Sprint("'", time.Now().UnixNano())
				a, err = s.Append(ctx, w)
			}
			if a.Event.ID = id; err == nil {
				stored.Store(key, a)
			}
			return a, err
		}}
	}},
	{name: "has one id for all users", test: "Once/OtherUserOtherRoom", says: "of one user in one room", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			user := w.User
			w.User.ID = "ann"
			a, err := s.Append(ctx, w)
			a.Event.User = user
			return a, err
		})},
	{name: "ignores the hash", test: "Once/Reused", says: "another hash", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			w.Hash = [16]byte{}
			return s.Append(ctx, w)
		})},
	{name: "authorises before it looks for duplicates", test: "Once/BeforeAllElse", says: "returns the event that is stored", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			if snap, err := s.Snapshot(ctx, w.Room, nil); err == nil && w.Basis < snap.Access {
				return chat.Appended{}, chat.ErrStale
			}
			return s.Append(ctx, w)
		})},
	{name: "loses data", test: "Life/Reopened", says: "chat: not found", open: func(chattest.StoreOpener) chattest.StoreOpener {
		return func(clock func() time.Time) (chat.Store, error) { return new(twins).open(clock) }
	}},
	{name: "has a log in each store", test: "Shared/Access", says: "chat: not found", open: func(chattest.StoreOpener) chattest.StoreOpener {
		return func(clock func() time.Time) (chat.Store, error) { return new(twins).open(clock) }
	}},

	{name: "ignores Basis", test: "Access/Stale", says: "want chat: authorisation is stale", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			w.Basis = 1 << 39
			return s.Append(ctx, w)
		})},
	{name: "ignores Known", test: "Access/Behind", says: "whose Known is beyond the head", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			w.Known = 0
			return s.Append(ctx, w)
		})},
	{name: "looks at Basis first, and writes later", test: "Access/Race", says: "the first one makes the others stale", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			if snap, err := s.Snapshot(ctx, w.Room, nil); err == nil && w.Basis < snap.Access {
				return chat.Appended{}, chat.ErrStale
			}
			time.Sleep(10 * time.Millisecond)
			w.Basis = 1 << 39
			return s.Append(ctx, w)
		})},
	{name: "has the same revision for ever", test: "Kinds/RoomsRev", says: "must grow", wrap: func(s chat.Store) chat.Store {
		return broken{Store: s, revs: func(ctx context.Context, s chat.Store, users []chat.UserID) (map[chat.UserID]int64, error) {
			revs, err := s.RoomsRevs(ctx, users)
			for id := range revs {
				revs[id] = 1
			}
			return revs, err
		}}
	}},
	{name: "tells of edits without a text", test: "Edits/Edited", says: "present text", wrap: pages(
		func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			p, err := s.Page(ctx, viewer, room, r)
			for i := range p.Events {
				if p.Events[i].Kind == chat.Edited {
					p.Events[i].Text = ""
				}
			}
			return p, err
		})},
	{name: "shows deleted text", test: "Edits/OldTextIsGone", says: "never returned", wrap: func(s chat.Store) chat.Store {
		var texts sync.Map
		return broken{Store: s,
			append: func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
				a, err := s.Append(ctx, w)
				if a.Event.Text != "" {
					texts.Store(a.Event.Seq, a.Event.Text)
				}
				return a, err
			},
			page: func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
				p, err := s.Page(ctx, viewer, room, r)
				for i, e := range p.Events {
					if text, ok := texts.Load(e.Seq); ok && e.DeletedBy > 0 {
						p.Events[i].Text = text.(string)
					}
				}
				return p, err
			}}
	}},

	{name: "thinks that a full page has more", test: "Page/Ranges", says: "exactly all", wrap: pages(
		func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			p, err := s.Page(ctx, viewer, room, r)
			p.More = r.Limit == len(p.Events)
			return p, err
		})},
	{name: "has endless pages", test: "Page/Bytes", says: "below 200 KiB", wrap: pages(
		func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			p, err := s.Page(ctx, viewer, room, r)
			for err == nil && p.More && r.Forward && len(p.Events) < r.Limit {
				var next chat.Page
				r.After = p.Events[len(p.Events)-1].Seq
				next, err = s.Page(ctx, viewer, room, r)
				p.Events, p.More = append(p.Events, next.Events...), next.More
			}
			return p, err
		})},
	{name: "pages to all", test: "Viewers/Members", says: "a viewer who is not a member", wrap: pages(
		func(ctx context.Context, s chat.Store, _ chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			return s.Page(ctx, chat.System, room, r)
		})},
	{name: "looks at the member first, and reads later", test: "Viewers/OneMoment", says: "read in one snapshot", wrap: slow(broken{
		page: func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			if _, err := s.Page(ctx, viewer, room, r); err != nil {
				return chat.Page{}, err
			}
			time.Sleep(time.Millisecond)
			return s.Page(ctx, chat.System, room, r)
		}})},
	{name: "hides no history", test: "Viewers/HiddenHistory", says: "from the join on", wrap: pages(
		func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			p, err := s.Page(ctx, viewer, room, r)
			if err != nil {
				return p, err
			}
			return s.Page(ctx, chat.System, room, r)
		})},

	{name: "lets names differ by case", test: "Rooms/NameConflict", says: "strings.EqualFold", wrap: creates(
		func(ctx context.Context, s chat.Store, w chat.RoomWrite) (chat.CreatedRoom, error) {
			c, err := s.CreateRoom(ctx, w)
			if named, _ := s.RoomNamed(ctx, w.Name); errors.Is(err, chat.ErrConflict) && named.Name != w.Name {
				w.Name += "\u200b"
				return s.CreateRoom(ctx, w)
			}
			return c, err
		})},
	{name: "makes a direct room for each", test: "Rooms/Direct", says: "for the same people", wrap: creates(
		func(ctx context.Context, s chat.Store, w chat.RoomWrite) (chat.CreatedRoom, error) {
			c, err := s.CreateRoom(ctx, w)
			if c.Duplicate && w.Kind == chat.Direct {
				w.Kind = chat.Private
				return s.CreateRoom(ctx, w)
			}
			return c, err
		})},
	{name: "counts all events as unread", test: "Inbox/Unread", says: "only messages count", wrap: inboxes(
		func(ctx context.Context, s chat.Store, user chat.UserID) (chat.Inbox, error) {
			inbox, err := s.Inbox(ctx, user)
			for i, r := range inbox.Rooms {
				inbox.Rooms[i].Unread = int64(r.Head - max(r.Read, r.Since))
			}
			return inbox, err
		})},
	{name: "reads the inbox in two steps", test: "Inbox/OneMoment", says: "at one moment", wrap: slow(broken{
		inbox: func(ctx context.Context, s chat.Store, user chat.UserID) (chat.Inbox, error) {
			inbox, err := s.Inbox(ctx, user)
			time.Sleep(time.Millisecond)
			for i, r := range inbox.Rooms {
				heads, _ := s.Heads(ctx, map[chat.RoomID]chat.Seq{r.ID: 0})
				inbox.Rooms[i].Head = heads[r.ID]
			}
			return inbox, err
		}})},
	{name: "takes one mark of a room", test: "Inbox/ReadMarks", says: "the highest wins", wrap: func(s chat.Store) chat.Store {
		return broken{Store: s, mark: func(ctx context.Context, s chat.Store, marks []chat.ReadMark) error {
			return s.MarkRead(ctx, marks[:min(1, len(marks))])
		}}
	}},
	{name: "lists banned users to all", test: "Members/Banned", says: "banned users are listed only", wrap: func(s chat.Store) chat.Store {
		return broken{Store: s, members: func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, after chat.UserID, limit int) ([]chat.Member, error) {
			if _, err := s.Members(ctx, viewer, room, after, limit); err != nil {
				return nil, err
			}
			return s.Members(ctx, chat.System, room, after, limit)
		}}
	}},
	{name: "lets writers rename", test: "Users/WritersDoNotRename", says: "kept with the user", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			s.PutUsers(ctx, []chat.User{w.User})
			return s.Append(ctx, w)
		})},

	{name: "opens a call twice", test: "Calls/OpenAgain", says: "same caller and Key", wrap: func(s chat.Store) chat.Store {
		return broken{Store: s, open: func(ctx context.Context, s chat.Store, c chat.NewCall) (chat.Call, bool, error) {
			call, there, err := s.OpenCall(ctx, c)
			if there {
				c.Key, c.Basis = c.Key+"'", 1<<39
				return s.OpenCall(ctx, c)
			}
			return call, there, err
		}}
	}},
	{name: "expires without grace", test: "Calls/Expire", says: "within its grace", wrap: func(s chat.Store) chat.Store {
		return broken{Store: s, expire: func(ctx context.Context, s chat.Store, _ time.Duration, limit int) ([]chat.Call, error) {
			return s.ExpireCalls(ctx, 0, limit)
		}}
	}},
	{name: "settles twice", test: "Settle/Twice", says: "the first wins", wrap: settles(
		func(ctx context.Context, s chat.Store, n chat.Settlement) (chat.Call, bool, error) {
			call, first, err := s.SettleCall(ctx, n)
			if err == nil && !first && len(n.Answers) > 0 {
				s.Append(ctx, chat.Write{Room: call.Room, User: call.Bot, Kind: chat.Message, ID: "again", Text: n.Answers[0], Basis: 1 << 39})
			}
			return call, first, err
		})},
	{name: "settles twice under load", test: "Settle/Race", says: "of 50 settlements won", wrap: settles(
		func(ctx context.Context, s chat.Store, n chat.Settlement) (chat.Call, bool, error) {
			before, err := s.Call(ctx, n.ID)
			if err != nil {
				return before, false, err
			}
			time.Sleep(10 * time.Millisecond)
			call, _, err := s.SettleCall(ctx, n)
			return call, before.Status == chat.CallPending, err
		})},
	{name: "answers who left", test: "Settle/Forbidden", says: "want failed with code forbidden", wrap: settles(
		func(ctx context.Context, s chat.Store, n chat.Settlement) (chat.Call, bool, error) {
			call, first, err := s.SettleCall(ctx, n)
			if call.Err != nil && call.Err.Code == command.CodeForbidden {
				call.Status, call.Err = chat.CallDone, nil
			}
			return call, first, err
		})},

	{name: "ignores the context", test: "Life/EndedContext", says: "with a ctx that has ended", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			return s.Append(context.WithoutCancel(ctx), w)
		})},
	{name: "claims that what was cancelled is not stored", test: "Life/CancelledMeanwhile", says: "the error is ErrOutcomeUnknown", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			a, err := s.Append(context.WithoutCancel(ctx), w)
			if ctx.Err() != nil {
				return chat.Appended{}, ctx.Err()
			}
			return a, err
		})},
	{name: "does not close", test: "Life/Closed", says: "after Close", wrap: func(s chat.Store) chat.Store {
		return broken{Store: s, close: func(chat.Store) error { return nil }}
	}},
	{name: "loses what it accepted while it closes", test: "Life/CloseMeanwhile", says: "want ErrClosed or success", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			a, err := s.Append(ctx, w)
			if errors.Is(err, chat.ErrClosed) {
				return a, chat.ErrOutcomeUnknown
			}
			return a, err
		})},
	{name: "leaves goroutines", test: "Life/Goroutines", says: "leaves no goroutines behind", wrap: func(s chat.Store) chat.Store {
		go func() { select {} }()
		return s
	}},
	{name: "trims texts", test: "Values/Texts", says: "byte for byte", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			w.Text = strings.TrimSpace(w.Text)
			return s.Append(ctx, w)
		})},
	{name: "compares ids without case", test: "Values/IDs", says: "compared by its bytes", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			id := w.ID
			w.ID, w.Hash = strings.ToLower(w.ID), [16]byte{}
			a, err := s.Append(ctx, w)
			a.Event.ID = id
			return a, err
		})},
	{name: "tells the local time", test: "Values/Times", says: "UTC in whole milliseconds", wrap: attaches(
		func(committed func([]chat.Event)) func([]chat.Event) {
			return func(batch []chat.Event) {
				batch = slices.Clone(batch)
				for i := range batch {
					batch[i].Time = batch[i].Time.In(time.FixedZone("here", 3600))
				}
				committed(batch)
			}
		})},
	{name: "lets time run backwards", test: "Values/ClockSetBack", says: "time never runs backwards", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			a, err := s.Append(ctx, w)
			a.Event.Time = a.Event.Time.Add(-time.Duration(a.Event.Seq) * time.Hour)
			return a, err
		})},
}

func appends(f func(context.Context, chat.Store, chat.Write) (chat.Appended, error)) func(chat.Store) chat.Store {
	return func(s chat.Store) chat.Store { return broken{Store: s, append: f} }
}

func pages(f func(context.Context, chat.Store, chat.UserID, chat.RoomID, chat.Range) (chat.Page, error)) func(chat.Store) chat.Store {
	return func(s chat.Store) chat.Store { return broken{Store: s, page: f} }
}

func creates(f func(context.Context, chat.Store, chat.RoomWrite) (chat.CreatedRoom, error)) func(chat.Store) chat.Store {
	return func(s chat.Store) chat.Store { return broken{Store: s, create: f} }
}

func inboxes(f func(context.Context, chat.Store, chat.UserID) (chat.Inbox, error)) func(chat.Store) chat.Store {
	return func(s chat.Store) chat.Store { return broken{Store: s, inbox: f} }
}

func settles(f func(context.Context, chat.Store, chat.Settlement) (chat.Call, bool, error)) func(chat.Store) chat.Store {
	return func(s chat.Store) chat.Store { return broken{Store: s, settle: f} }
}

func attaches(f func(func([]chat.Event)) func([]chat.Event)) func(chat.Store) chat.Store {
	return func(s chat.Store) chat.Store { return broken{Store: s, attach: f} }
}

// slow makes writes take their time, so that readers come between them.
func slow(b broken) func(chat.Store) chat.Store {
	return func(s chat.Store) chat.Store {
		b.Store = s
		b.append = func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			time.Sleep(200 * time.Microsecond)
			return s.Append(ctx, w)
		}
		return b
	}
}
