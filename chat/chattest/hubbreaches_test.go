package chattest_test

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// with makes a hub broken by what is set of b.
func with(b brokenHub) func(chat.Hub) chat.Hub {
	return func(h chat.Hub) chat.Hub { b.Hub = h; return b }
}

func rooms(b brokenRoom) func(chat.Hub) chat.Hub { return with(brokenHub{handle: b}) }

// over opens two nodes over stores that wrap breaks.
func over(wrap func(chat.Store) chat.Store) func(*testing.T, chat.Options) []chat.Hub {
	return func(t *testing.T, o chat.Options) []chat.Hub { return twoNodesOver(t, o, wrap) }
}

var hubBreaches = []hubBreach{
	{name: "changes the text", test: "Messages/Post", says: "taken literally", hub: rooms(brokenRoom{
		post: func(ctx context.Context, r chat.Room, by chat.UserID, d chat.Draft) (chat.Receipt, error) {
			d.Text = strings.TrimSpace(d.Text)
			return r.Post(ctx, by, d)
		}})},
	{name: "drops the data", test: "Messages/Post", says: "with its data", hub: rooms(brokenRoom{
		post: func(ctx context.Context, r chat.Room, by chat.UserID, d chat.Draft) (chat.Receipt, error) {
			d.Data = nil
			return r.Post(ctx, by, d)
		}})},
	{name: "posts for the program", test: "Messages/Post", says: "a receipt is the stored event", hub: rooms(brokenRoom{
		post: func(ctx context.Context, r chat.Room, by chat.UserID, d chat.Draft) (chat.Receipt, error) {
			return r.Post(ctx, chat.System, d)
		}})},
	{name: "takes messages for commands", test: "Messages/Post", says: "a receipt is the stored event", hub: rooms(brokenRoom{
		post: func(ctx context.Context, r chat.Room, by chat.UserID, d chat.Draft) (chat.Receipt, error) {
			if strings.HasPrefix(d.Text, "/") {
				_, err := r.Command(ctx, by, chat.CommandLine{ID: d.ID, Text: d.Text})
				return chat.Receipt{}, err
			}
			return r.Post(ctx, by, d)
		}})},
	{name: "accepts before it stores", test: "Messages/Post", says: "a receipt is the stored event", hub: rooms(brokenRoom{
		post: func(ctx context.Context, r chat.Room, by chat.UserID, d chat.Draft) (chat.Receipt, error) {
			go r.Post(context.WithoutCancel(ctx), by, d)
			return chat.Receipt{}, nil
		}})},
	{name: "forgets replies", test: "Messages/Reply", says: "Ref", hub: rooms(brokenRoom{
		post: func(ctx context.Context, r chat.Room, by chat.UserID, d chat.Draft) (chat.Receipt, error) {
			d.ReplyTo = 0
			return r.Post(ctx, by, d)
		}})},
	{name: "edits by deleting", test: "Messages/Edit", says: "an edit is an event", hub: rooms(brokenRoom{
		edit: func(ctx context.Context, r chat.Room, by chat.UserID, e chat.Edit) (chat.Receipt, error) {
			return r.Delete(ctx, by, e.Seq, e.ID)
		}})},
	{name: "keeps what is deleted", test: "Messages/Delete", says: "a deletion is an event", hub: rooms(brokenRoom{
		erase: func(ctx context.Context, r chat.Room, by chat.UserID, seq chat.Seq, id string) (chat.Receipt, error) {
			return r.Change(ctx, by, chat.Change{ID: id, Kind: chat.React, Seq: seq, Emoji: "🗑"})
		}})},

	{name: "has an id of its own", test: "Once/Again", says: "", hub: rooms(brokenRoom{
		post: func(ctx context.Context, r chat.Room, by chat.UserID, d chat.Draft) (chat.Receipt, error) {
			id := d.ID
			d.ID = chat.NewID()
			rc, err := r.Post(ctx, by, d)
			rc.Event.ID = id
			return rc, err
		}})},
	{name: "does not say that it is a duplicate", test: "Once/Again", says: "with Duplicate set", hub: rooms(brokenRoom{
		change: func(ctx context.Context, r chat.Room, by chat.UserID, c chat.Change) (chat.Receipt, error) {
			rc, err := r.Change(ctx, by, c)
			rc.Duplicate = false
			return rc, err
		}})},
	{name: "asks for rights before it looks", test: "Once/AfterRemoval", says: "before rights are asked", hub: rooms(brokenRoom{
		post: func(ctx context.Context, r chat.Room, by chat.UserID, d chat.Draft) (chat.Receipt, error) {
			if _, err := r.History(ctx, by, chat.Range{Limit: 1}); err != nil {
				return chat.Receipt{}, err
			}
			return r.Post(ctx, by, d)
		}})},
	{name: "takes any content for an id", test: "Once/OtherContent", says: "the same id with another text", hub: rooms(brokenRoom{
		post: func(ctx context.Context, r chat.Room, by chat.UserID, d chat.Draft) (chat.Receipt, error) {
			rc, err := r.Post(ctx, by, d)
			if errors.Is(err, chat.ErrIDReused) {
				d.ID = chat.NewID()
				return r.Post(ctx, by, d)
			}
			return rc, err
		}})},
	{name: "makes rooms twice", test: "Once/Rooms", says: "want one", hub: with(brokenHub{
		create: func(ctx context.Context, h chat.Hub, by chat.UserID, r chat.NewRoom) (chat.Room, error) {
			r.ID, r.Kind = chat.NewID(), cmp.Or(r.Kind, chat.Private)
			return h.CreateRoom(ctx, by, r)
		}})},

	{name: "has a log for each node", test: "Order/ManyWriters", says: "not found", open: func(t *testing.T, o chat.Options) []chat.Hub {
		return []chat.Hub{node(t, o), node(t, o)}
	}},
	{name: "loses events", test: "Order/OwnOrder", says: "which everybody in it gets", open: over(func(s chat.Store) chat.Store {
		return broken{Store: s, page: func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			if viewer == chat.System {
				return chat.Page{}, chat.ErrUnavailable // nothing missed is ever found
			}
			return s.Page(ctx, viewer, room, r)
		}, attach: func(committed func([]chat.Event)) func([]chat.Event) {
			return func(batch []chat.Event) {
				if batch[0].Seq%5 != 0 {
					committed(batch)
				}
			}
		}}
	})},

	{name: "forgets what was missed", test: "Resume/Missed", says: "which everybody in it gets", hub: with(brokenHub{
		connect: func(ctx context.Context, h chat.Hub, p chat.Principal, o *chat.SessionOptions) (*chat.Session, error) {
			return h.Connect(ctx, p, nil)
		}})},
	{name: "replays from the start", test: "Resume/Missed", says: "once", hub: with(brokenHub{
		connect: func(ctx context.Context, h chat.Hub, p chat.Principal, o *chat.SessionOptions) (*chat.Session, error) {
			if o != nil && o.Rooms != nil {
				again := chat.SessionOptions{Epoch: o.Epoch, Rooms: map[chat.RoomID]chat.Seq{}}
				for id := range o.Rooms {
					again.Rooms[id] = 0
				}
				o = &again
			}
			return h.Connect(ctx, p, o)
		}})},
	{name: "skips one", test: "Resume/Missed", says: "no gaps", hub: with(brokenHub{
		connect: func(ctx context.Context, h chat.Hub, p chat.Principal, o *chat.SessionOptions) (*chat.Session, error) {
			if o != nil && o.Rooms != nil {
				again := chat.SessionOptions{Epoch: o.Epoch, Rooms: map[chat.RoomID]chat.Seq{}}
				for id, seq := range o.Rooms {
					again.Rooms[id] = seq + 1
				}
				o = &again
			}
			return h.Connect(ctx, p, o)
		}})},
	{name: "takes any epoch for its own", test: "Resume/OtherEpoch", says: "a gap with Reset", hub: func(h chat.Hub) chat.Hub {
		var mu sync.Mutex
		var epoch string
		return brokenHub{Hub: h, connect: func(ctx context.Context, h chat.Hub, p chat.Principal, o *chat.SessionOptions) (*chat.Session, error) {
			mu.Lock()
			defer mu.Unlock()
			if o != nil {
				o = &chat.SessionOptions{Epoch: epoch, Rooms: o.Rooms}
			}
			s, err := h.Connect(ctx, p, o)
			if err == nil && epoch == "" {
				other, err := h.Connect(ctx, p, nil)
				if err == nil {
					epoch = other.Welcome().Epoch
					other.Close()
				}
			}
			return s, err
		}}
	}},

	{name: "shows history to all", test: "Access/Outsiders", says: "History: a room that one may not know of", hub: rooms(brokenRoom{
		history: func(ctx context.Context, r chat.Room, by chat.UserID, rg chat.Range) (chat.Page, error) {
			return r.History(ctx, chat.System, rg)
		}})},
	{name: "shows every room", test: "Access/Outsiders", says: "Room: a room that one may not know of", hub: with(brokenHub{
		room: func(ctx context.Context, h chat.Hub, by chat.UserID, id chat.RoomID) (chat.Room, error) {
			return h.Room(ctx, chat.System, id)
		}})},
	{name: "tells that a room is there", test: "Access/Outsiders", says: "Post: a room that one may not know of", hub: rooms(brokenRoom{
		post: func(ctx context.Context, r chat.Room, by chat.UserID, d chat.Draft) (chat.Receipt, error) {
			rc, err := r.Post(ctx, by, d)
			if errors.Is(err, chat.ErrNotFound) {
				err = chat.ErrForbidden
			}
			return rc, err
		}})},
	{name: "removes in name only", test: "Access/Removal", says: "a private room is not known", hub: rooms(brokenRoom{
		change: func(ctx context.Context, r chat.Room, by chat.UserID, c chat.Change) (chat.Receipt, error) {
			if c.Kind == chat.Remove {
				p, err := r.History(ctx, by, chat.Range{Limit: 1})
				return chat.Receipt{Event: chat.Event{Seq: p.Head + 1}}, err
			}
			return r.Change(ctx, by, c)
		}})},
	{name: "reads for whoever was a member", test: "Access/Removal", says: "nothing can be read", open: over(func(s chat.Store) chat.Store {
		return broken{Store: s, page: func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			return s.Page(ctx, chat.System, room, r)
		}}
	})},
	{name: "trusts what its node remembers", test: "Access/RemovedCanNotPost", says: "the removal was stored before", open: func(t *testing.T, o chat.Options) []chat.Hub {
		hubs := nodesOver(t, o, func(s chat.Store) chat.Store {
			return broken{Store: s, append: func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
				w.Basis = 1 << 39
				return s.Append(ctx, w)
			}}
		}, nil, nil)
		return hubs // they hear of each other by sweeps only
	}},

	{name: "opens direct rooms twice", test: "Direct/OneForBoth", says: "one room, whoever asks", hub: with(brokenHub{
		direct: func(ctx context.Context, h chat.Hub, by, with chat.UserID, id string) (chat.Room, error) {
			return h.CreateRoom(ctx, by, chat.NewRoom{ID: id, Name: "direct", Kind: chat.Private, Members: []chat.UserID{with}})
		}})},
	{name: "lets everybody do all", test: "Roles/Public", says: "see the table", hub: rooms(brokenRoom{
		change: func(ctx context.Context, r chat.Room, by chat.UserID, c chat.Change) (chat.Receipt, error) {
			if c.Kind == chat.Rename {
				by = chat.System
			}
			return r.Change(ctx, by, c)
		}})},
	{name: "lets admins archive", test: "Roles/Private", says: "archive by the admin", hub: rooms(brokenRoom{
		change: func(ctx context.Context, r chat.Room, by chat.UserID, c chat.Change) (chat.Receipt, error) {
			if c.Kind == chat.Archive && by == "admin" {
				by = chat.System
			}
			return r.Change(ctx, by, c)
		}})},
	{name: "lets nobody invite", test: "Roles/Public", says: "invite by the member", hub: rooms(brokenRoom{
		change: func(ctx context.Context, r chat.Room, by chat.UserID, c chat.Change) (chat.Receipt, error) {
			if c.Kind == chat.Invite && by == "member" {
				return chat.Receipt{}, chat.ErrForbidden
			}
			return r.Change(ctx, by, c)
		}})},
	{name: "announces to its own node only", test: "Notices/RoomCreated", says: "a notice room_created", open: func(t *testing.T, o chat.Options) []chat.Hub {
		return nodesOver(t, o, nil, nil, nil)
	}},
	{name: "announces private rooms", test: "Notices/RoomCreated", says: "told of a private room", hub: with(brokenHub{
		create: func(ctx context.Context, h chat.Hub, by chat.UserID, r chat.NewRoom) (chat.Room, error) {
			if r.Kind == chat.Private {
				r.Kind = chat.Public
			}
			return h.CreateRoom(ctx, by, r)
		}})},

	{name: "knows no limit of a page", test: "Lists/LongHistory", says: "never more than 200", hub: rooms(brokenRoom{
		history: func(ctx context.Context, r chat.Room, by chat.UserID, rg chat.Range) (chat.Page, error) {
			p, err := r.History(ctx, by, rg)
			if err == nil && rg.Limit > 200 && p.More && rg.Around == 0 && !rg.Forward && rg.After == 0 {
				older, err := r.History(ctx, by, chat.Range{Before: p.Events[0].Seq, Limit: 200})
				older.Events, older.More = append(older.Events, p.Events...), false
				return older, err
			}
			return p, err
		}})},
	{name: "reads on from the event", test: "Lists/LongHistory", says: "Around:131", hub: rooms(brokenRoom{
		history: func(ctx context.Context, r chat.Room, by chat.UserID, rg chat.Range) (chat.Page, error) {
			if rg.Around != 0 && rg.Before == 0 {
				rg.After, rg.Around = rg.Around-1, 0
			}
			return r.History(ctx, by, rg)
		}})},
	{name: "cleans reactions", test: "Errors/Changes", says: "a NUL in the emoji", hub: rooms(brokenRoom{
		change: func(ctx context.Context, r chat.Room, by chat.UserID, c chat.Change) (chat.Receipt, error) {
			c.Emoji = strings.Trim(c.Emoji, "\x00")
			return r.Change(ctx, by, c)
		}})},
	{name: "does not count", test: "Lists/Inbox", says: "unread", hub: with(brokenHub{
		inbox: func(ctx context.Context, h chat.Hub, by chat.UserID) (chat.Inbox, error) {
			inbox, err := h.Inbox(ctx, by)
			for i := range inbox.Rooms {
				inbox.Rooms[i].Unread = 0
			}
			return inbox, err
		}})},
	{name: "does not mark", test: "Lists/ReadMarkers", says: "the read marker", hub: rooms(brokenRoom{
		mark: func(context.Context, chat.Room, chat.UserID, chat.Seq) error { return nil }})},
	{name: "marks for somebody else", test: "Lists/ReadMarkers", says: "the read marker", hub: rooms(brokenRoom{
		mark: func(ctx context.Context, r chat.Room, by chat.UserID, seq chat.Seq) error {
			return r.MarkRead(ctx, "ann", seq)
		}})},
	{name: "lists all rooms", test: "Lists/Rooms", says: "that one could join", hub: with(brokenHub{
		rooms: func(ctx context.Context, h chat.Hub, by chat.UserID, after chat.RoomID, limit int) ([]chat.RoomInfo, error) {
			return h.Rooms(ctx, "ann", after, limit)
		}})},
	{name: "shows the banned", test: "Lists/Members", says: "who is banned", hub: rooms(brokenRoom{
		members: func(ctx context.Context, r chat.Room, by, after chat.UserID, limit int) ([]chat.Member, error) {
			return r.Members(ctx, chat.System, after, limit)
		}})},
	{name: "cuts pages short", test: "Lists/History", says: "History", hub: rooms(brokenRoom{
		history: func(ctx context.Context, r chat.Room, by chat.UserID, rg chat.Range) (chat.Page, error) {
			p, err := r.History(ctx, by, rg)
			if len(p.Events) > 1 {
				p.Events = p.Events[1:]
			}
			return p, err
		}})},
	{name: "hides the topic", test: "Lists/Info", says: "Info", hub: rooms(brokenRoom{
		info: func(ctx context.Context, r chat.Room, by chat.UserID) (chat.RoomInfo, error) {
			info, err := r.Info(ctx, by)
			info.Data = nil
			return info, err
		}})},

	{name: "runs commands again", test: "Commands/Again", says: "again", hub: rooms(brokenRoom{
		command: func(ctx context.Context, r chat.Room, by chat.UserID, line chat.CommandLine) (*chat.PendingCall, error) {
			if len(line.ID) >= 16 {
				if c, err := r.Command(ctx, by, chat.CommandLine{ID: "again_" + line.ID, Text: line.Text}); err == nil {
					c.Wait(ctx)
				}
			}
			return r.Command(ctx, by, line)
		}})},
	{name: "stores command lines", test: "Commands/Answers", says: "is not a message", hub: rooms(brokenRoom{
		command: func(ctx context.Context, r chat.Room, by chat.UserID, line chat.CommandLine) (*chat.PendingCall, error) {
			r.Post(ctx, by, chat.Draft{ID: "line_" + line.ID, Text: line.Text})
			return r.Command(ctx, by, line)
		}})},
	{name: "runs commands for the program", test: "Commands/Answers", says: "which all sessions of its caller get", hub: rooms(brokenRoom{
		command: func(ctx context.Context, r chat.Room, by chat.UserID, line chat.CommandLine) (*chat.PendingCall, error) {
			return r.Command(ctx, chat.System, line)
		}})},
	{name: "lists no commands", test: "Commands/List", says: "Commands are", hub: with(brokenHub{
		commands: func(context.Context, chat.Hub, chat.UserID) ([]command.Spec, error) { return nil, nil }})},

	{name: "replaces errors", test: "Errors/Rooms", says: "they don't replace them", hub: with(brokenHub{
		create: func(ctx context.Context, h chat.Hub, by chat.UserID, r chat.NewRoom) (chat.Room, error) {
			room, err := h.CreateRoom(ctx, by, r)
			if err != nil {
				err = errors.New("create: " + err.Error())
			}
			return room, err
		}})},
	{name: "swallows errors", test: "Errors/Messages", says: "no error", hub: rooms(brokenRoom{
		edit: func(ctx context.Context, r chat.Room, by chat.UserID, e chat.Edit) (chat.Receipt, error) {
			rc, _ := r.Edit(ctx, by, e)
			return rc, nil
		}})},
	{name: "stores what it refuses", test: "Errors/Messages", says: "an error means that nothing was stored", hub: rooms(brokenRoom{
		post: func(ctx context.Context, r chat.Room, by chat.UserID, d chat.Draft) (chat.Receipt, error) {
			rc, err := r.Post(ctx, by, d)
			if err != nil && d.Text == "" {
				r.Post(ctx, by, chat.Draft{ID: d.ID, Text: "(empty)"})
			}
			return rc, err
		}})},

	{name: "has one session for each user", test: "Sessions/SeveralOfOneUser", says: "waits for", hub: func(h chat.Hub) chat.Hub {
		var mu sync.Mutex
		last := map[chat.UserID]*chat.Session{}
		return brokenHub{Hub: h, connect: func(ctx context.Context, h chat.Hub, p chat.Principal, o *chat.SessionOptions) (*chat.Session, error) {
			mu.Lock()
			defer mu.Unlock()
			if s := last[p.User.ID]; s != nil {
				s.Close()
			}
			s, err := h.Connect(ctx, p, o)
			last[p.User.ID] = s
			return s, err
		}}
	}},
	{name: "lets logins live for ever", test: "Sessions/Expired", says: "after the authentication ended", hub: with(brokenHub{
		admit: func(ctx context.Context, h chat.Hub, p chat.Principal) error { return nil }})},
	{name: "forgets the login", test: "Sessions/Welcome", says: "the welcome is", hub: with(brokenHub{
		connect: func(ctx context.Context, h chat.Hub, p chat.Principal, o *chat.SessionOptions) (*chat.Session, error) {
			p.Session = ""
			return h.Connect(ctx, p, o)
		}})},
	{name: "has no lobby", test: "Sessions/Lobby", says: "want the lobby", open: func(t *testing.T, o chat.Options) []chat.Hub {
		o.Lobby = ""
		return twoNodes(t, o)
	}},

	{name: "has no limits", test: "Limits/Rates", says: "more than is allowed at once", open: func(t *testing.T, o chat.Options) []chat.Hub {
		o.Limits.Messages = chat.Unlimited
		return twoNodes(t, o)
	}},
	{name: "limits resends", test: "Limits/Rates", says: "too often", hub: rooms(brokenRoom{
		post: func(ctx context.Context, r chat.Room, by chat.UserID, d chat.Draft) (chat.Receipt, error) {
			rc, err := r.Post(ctx, by, d)
			if by == "ann" && rc.Duplicate {
				return chat.Receipt{}, &chat.RateError{RetryAfter: 1}
			}
			return rc, err
		}})},
	{name: "hides its limits", test: "Limits/Sizes", says: "those that were set", hub: with(brokenHub{
		limits: func(chat.Hub) chat.Limits { return chat.Limits{} }})},
	{name: "is late for the slow", test: "Slow/ReadsOn", says: "misses nothing", open: func(t *testing.T, o chat.Options) []chat.Hub {
		o.Limits.Replay = 10 // and so it leaves out what it has to read from the log
		return twoNodes(t, o)
	}},
}
