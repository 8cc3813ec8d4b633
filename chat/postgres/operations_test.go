package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// operation is a call of a method of a store.
type operation struct {
	name string
	run  func() error
}

// operations are calls of all methods, in an order that makes sense. Those of
// different runs are different requests.
func operations(ctx context.Context, s *Store, run string) (ops []operation) {
	add := func(name string, f func() error) { ops = append(ops, operation{name, f}) }
	read := func(name string, f func() (any, error)) { add(name, func() error { _, err := f(); return err }) }
	carl := chat.User{ID: "carl", Name: "Carl"}
	for i, w := range []chat.Write{
		{Kind: chat.Message, Text: "hello"},
		{Kind: chat.Joined, Target: &carl, Role: chat.Participant},
		{Kind: chat.Joined, Target: &chat.User{ID: chat.UserID("new-" + run)}, Role: chat.Participant},
		{Kind: chat.RoleChanged, Target: &carl, Role: chat.Admin},
		{Kind: chat.Banned, Target: &carl},
		{Kind: chat.Banned, Target: &carl, Off: true},
		{Kind: chat.Joined, Target: &carl, Role: chat.Participant},
		{Kind: chat.Left, Target: &carl},
		{Kind: chat.Renamed, Text: "new name " + run},
		{Kind: chat.Archived},
		{Kind: chat.Archived, Off: true},
		{Kind: chat.Updated, Data: []byte(`{}`)},
		{Kind: chat.Edited, Ref: 4, Text: "changed"},
		{Kind: chat.Reacted, Ref: 4, Text: "+1"},
		{Kind: chat.Reacted, Ref: 4, Text: "+1", Off: true},
		{Kind: chat.Reacted, Ref: 4, Text: "<3 " + run},
		{Kind: chat.Reacted, Ref: 4, Text: "<3 " + run, Off: true},
		{Kind: chat.Message, Text: "to be deleted"},
	} {
		w.Room, w.User, w.ID, w.Basis = "room", ann, fmt.Sprint(run, "-", i), 1<<30
		for _, again := range []string{"", " again"} {
			add("Append "+string(w.Kind)+again, func() error { _, err := s.Append(ctx, w); return err })
		}
	}
	add("Append deleted", func() error {
		e, _, err := s.Find(ctx, "room", "ann", run+"-17")
		if err != nil {
			return err
		}
		_, err = s.Append(ctx, chat.Write{Room: "room", User: ann, ID: run + "-deleted", Kind: chat.Deleted, Ref: e.Seq, Basis: 1 << 30})
		return err
	})
	for _, kind := range []chat.RoomKind{chat.Public, chat.Private, chat.Direct} {
		w := chat.RoomWrite{Room: chat.RoomID(run + "-" + string(kind)), By: bob, ID: run + "-" + string(kind), Kind: kind, Name: run + string(kind),
			Members: []chat.NewMember{{User: bob, Role: chat.Owner}, {User: chat.User{ID: chat.UserID("friend-" + run)}}}}
		for _, again := range []string{"", " again"} {
			read("CreateRoom "+string(kind)+again, func() (any, error) { return s.CreateRoom(ctx, w) })
		}
		w.ID += "-other"
		if kind == chat.Direct {
			read("CreateRoom direct, another", func() (any, error) { return s.CreateRoom(ctx, w) })
		}
	}
	for _, r := range []chat.Range{{}, {Before: 5}, {After: 2}, {Forward: true}} {
		read(fmt.Sprintf("Page %+v", r), func() (any, error) { return s.Page(ctx, "ann", "room", r) })
	}
	read("Heads", func() (any, error) { return s.Heads(ctx, map[chat.RoomID]chat.Seq{"room": 0, "none": 0}) })
	read("RotateEpoch", func() (any, error) {
		epoch, err := s.RotateEpoch(ctx, "")
		if err != nil {
			return nil, err
		}
		return s.RotateEpoch(ctx, epoch)
	})
	add("PutUsers", func() error {
		return s.PutUsers(ctx, []chat.User{{ID: "ann", Name: "Ann " + run}, {ID: chat.UserID("put-" + run)}})
	})
	read("Users", func() (any, error) { return s.Users(ctx, []chat.UserID{"ann", "bob"}) })
	read("Snapshot", func() (any, error) { return s.Snapshot(ctx, "room", []chat.UserID{"ann", "bob"}) })
	read("RoomNamed", func() (any, error) { return s.RoomNamed(ctx, "NEW name "+run) })
	read("Inbox", func() (any, error) { return s.Inbox(ctx, "bob") })
	read("Rooms", func() (any, error) { return s.Rooms(ctx, "bob", "", 5) })
	read("Members", func() (any, error) { return s.Members(ctx, "ann", "room", "b", 5) })
	add("MarkRead", func() error {
		return s.MarkRead(ctx, []chat.ReadMark{{Room: "room", User: "ann", Seq: chat.Seq(3 + len(run))}})
	})
	read("RoomsRevs", func() (any, error) { return s.RoomsRevs(ctx, []chat.UserID{"ann", "bob"}) })
	add("Revoke", func() error { return s.Revoke(ctx, chat.Revocation{User: "ann", Session: "login", Until: time.Now()}) })
	read("Revocations", func() (any, error) { return s.Revocations(ctx) })
	n := chat.NewCall{ID: "call-" + run, Key: "key-" + run, Room: "room", User: ann, Bot: bot, Timeout: time.Second, Basis: 1 << 30}
	for _, again := range []string{"", " again"} {
		add("OpenCall"+again, func() error { _, _, err := s.OpenCall(ctx, n); return err })
	}
	add("SettleCall", func() error {
		_, _, err := s.SettleCall(ctx, chat.Settlement{ID: n.ID, Answers: []string{"yes"}})
		return err
	})
	add("SettleCall new", func() error {
		n := n
		n.ID, n.Key = n.ID+"-2", n.Key+"-2"
		_, _, err := s.SettleCall(ctx, chat.Settlement{New: &n, Err: command.Fail("no")})
		return err
	})
	add("SettleCall again", func() error {
		_, _, err := s.SettleCall(ctx, chat.Settlement{ID: n.ID, Answers: []string{"no"}})
		return err
	})
	read("Call", func() (any, error) { return s.Call(ctx, n.ID) })
	add("FindCall", func() error { _, _, err := s.FindCall(ctx, "ann", n.Key); return err })
	late := n
	late.ID, late.Key, late.Timeout = n.ID+"-3", n.Key+"-3", -time.Hour
	add("OpenCall late", func() error { _, _, err := s.OpenCall(ctx, late); return err })
	read("ExpireCalls", func() (any, error) { return s.ExpireCalls(ctx, time.Second, 10) })
	read("EndedCalls", func() (any, error) { return s.EndedCalls(ctx, "bob", time.Minute) })
	for _, keep := range []chat.Retention{{Age: time.Hour}, {Count: 1}} {
		read("Trimmable", func() (any, error) { return s.Trimmable(ctx, keep, 10) })
		read("Trim", func() (any, error) { return s.Trim(ctx, "room", keep, 5) })
	}
	return ops
}
