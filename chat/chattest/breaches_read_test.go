package chattest_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/carlware/gochat/chat"
)

// readBreaches are breaches of what is read beside the log: reactions and
// counts of members.
var readBreaches = []breach{
	{name: "sorts reactions by their text", test: "Reactions/Order", says: "first used", wrap: reactions(func(viewer chat.UserID, rs []chat.Reaction) []chat.Reaction {
		slices.SortFunc(rs, func(a, b chat.Reaction) int { return len(a.Text) - len(b.Text) })
		return rs
	})},
	{name: "sorts users by their ids", test: "Reactions/Order", says: "users reacted", wrap: reactions(func(viewer chat.UserID, rs []chat.Reaction) []chat.Reaction {
		for _, r := range rs {
			slices.Sort(r.Users)
		}
		return rs
	})},
	{name: "forgets the reader", test: "Reactions/Limit", says: "always the reader", wrap: func(s chat.Store) chat.Store {
		return broken{Store: s, page: func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			if _, err := s.Page(ctx, viewer, room, r); err != nil {
				return chat.Page{}, err
			}
			return s.Page(ctx, chat.System, room, r)
		}}
	}},
	{name: "counts who is shown", test: "Reactions/Limit", says: "at most 20 users", wrap: reactions(func(viewer chat.UserID, rs []chat.Reaction) []chat.Reaction {
		for i, r := range rs {
			rs[i].Count = len(r.Users)
		}
		return rs
	})},
	{name: "shows reactions that nobody has", test: "Reactions/TakenBack", says: "that nobody has", wrap: func(s chat.Store) chat.Store {
		return broken{Store: s, append: func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			if w.Kind == chat.Reacted && !w.Off { // somebody else has it as well
				s.Append(ctx, chat.Write{Room: w.Room, User: bot, Kind: chat.Reacted, Ref: w.Ref, Text: w.Text, ID: "also " + w.ID, Basis: 1 << 39})
			}
			return s.Append(ctx, w)
		}, page: without(bot.ID)}
	}},
	{name: "counts a reaction twice", test: "Reactions/Twice", says: "once for each user", wrap: func(s chat.Store) chat.Store {
		var times sync.Map
		return broken{Store: s, append: func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			a, err := s.Append(ctx, w)
			if n, again := times.LoadOrStore(w.User.ID, new(atomic.Int64)); err == nil && w.Kind == chat.Reacted && again {
				n.(*atomic.Int64).Add(1)
			}
			return a, err
		}, page: func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			p, err := s.Page(ctx, viewer, room, r)
			times.Range(func(_, n any) bool {
				for _, e := range p.Events {
					for i := range e.Reactions {
						e.Reactions[i].Count += int(n.(*atomic.Int64).Load())
					}
				}
				return true
			})
			return p, err
		}}
	}},
	{name: "keeps the reactions of deleted messages", test: "Reactions/Changed", says: "a deleted message has no reactions", wrap: func(s chat.Store) chat.Store {
		var kept sync.Map
		return broken{Store: s, page: func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			p, err := s.Page(ctx, viewer, room, r)
			for i, e := range p.Events {
				if e.DeletedBy == 0 {
					kept.Store(e.Seq, e.Reactions)
				} else if rs, ok := kept.Load(e.Seq); ok {
					p.Events[i].Reactions = rs.([]chat.Reaction)
				}
			}
			return p, err
		}}
	}},
	{name: "has one table of reactions for all rooms", test: "Reactions/Pages", says: "each message has its own", wrap: func(s chat.Store) chat.Store {
		var mu sync.Mutex
		all := make(map[chat.Seq][]chat.Reaction)
		return broken{Store: s, append: func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			a, err := s.Append(ctx, w)
			mu.Lock()
			defer mu.Unlock()
			if w.Kind == chat.Reacted {
				all[w.Ref] = append(all[w.Ref], chat.Reaction{Text: w.Text, Count: 1, Users: []chat.UserID{w.User.ID}})
			}
			return a, err
		}, page: func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
			p, err := s.Page(ctx, viewer, room, r)
			mu.Lock()
			defer mu.Unlock()
			for i, e := range p.Events {
				p.Events[i].Reactions = all[e.Seq]
			}
			return p, err
		}}
	}},
	{name: "tells live of reactions", test: "Reactions/OnlyRead", says: "a live event has no reactions", wrap: appends(
		func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			a, err := s.Append(ctx, w)
			if w.Kind == chat.Edited {
				a.Event.Reactions = []chat.Reaction{{Text: "👍", Count: 1, Users: []chat.UserID{"bob"}}}
			}
			return a, err
		})},
	{name: "counts who is banned", test: "Rooms/MemberCount", says: "tells 3 members, want 2", wrap: snaps(
		func(ctx context.Context, s chat.Store, room chat.RoomID, users []chat.UserID) (chat.Snapshot, error) {
			snap, err := s.Snapshot(ctx, room, users)
			for _, m := range snap.Members {
				if m.Banned {
					snap.Info.Members++
				}
			}
			return snap, err
		})},
	{name: "counts events instead of members", test: "Viewers/Members", says: "and Members lists", wrap: func(s chat.Store) chat.Store {
		var joins atomic.Int64
		return broken{Store: s, append: func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error) {
			if w.Kind == chat.Banned {
				joins.Add(-1) // also when the user had left before
			}
			return s.Append(ctx, w)
		}, snap: func(ctx context.Context, s chat.Store, room chat.RoomID, users []chat.UserID) (chat.Snapshot, error) {
			snap, err := s.Snapshot(ctx, room, users)
			snap.Info.Members += int(joins.Load())
			return snap, err
		}}
	}},
}

// bot puts reactions where none should be.
var bot = chat.User{ID: "bot:breach", Bot: true}

// reactions changes what pages have of a message.
func reactions(f func(viewer chat.UserID, rs []chat.Reaction) []chat.Reaction) func(chat.Store) chat.Store {
	return pages(func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
		p, err := s.Page(ctx, viewer, room, r)
		for i, e := range p.Events {
			p.Events[i].Reactions = f(viewer, e.Reactions)
		}
		return p, err
	})
}

// without leaves a user out of all reactions.
func without(id chat.UserID) func(context.Context, chat.Store, chat.UserID, chat.RoomID, chat.Range) (chat.Page, error) {
	return func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
		p, err := s.Page(ctx, viewer, room, r)
		for _, e := range p.Events {
			for i := range e.Reactions {
				x := &e.Reactions[i]
				if at := slices.Index(x.Users, id); at >= 0 {
					x.Users = slices.Delete(x.Users, at, at+1)
					x.Count--
				}
			}
		}
		return p, err
	}
}

func snaps(f func(context.Context, chat.Store, chat.RoomID, []chat.UserID) (chat.Snapshot, error)) func(chat.Store) chat.Store {
	return func(s chat.Store) chat.Store { return broken{Store: s, snap: f} }
}
