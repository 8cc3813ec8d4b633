package chat_test

import (
	"context"
	"time"

	"github.com/carlware/gochat/chat"
)

// faulty is a store whose calls a test can hold up or break. A nil field means
// that the call goes through.
type faulty struct {
	chat.Store
	page   func(viewer chat.UserID, read func() (chat.Page, error)) (chat.Page, error)
	inbox  func(user chat.UserID, read func() (chat.Inbox, error)) (chat.Inbox, error)
	revs   func(read func() (map[chat.UserID]int64, error)) (map[chat.UserID]int64, error)
	open   func(c chat.NewCall, open func() (chat.Call, bool, error)) (chat.Call, bool, error)
	find   func(read func() (chat.Call, [16]byte, error)) (chat.Call, [16]byte, error)
	settle func(s chat.Settlement, settle func() (chat.Call, bool, error)) (chat.Call, bool, error)
	ended  func(read func() ([]chat.Call, error)) ([]chat.Call, error)
}

func (f *faulty) Page(ctx context.Context, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
	read := func() (chat.Page, error) { return f.Store.Page(ctx, viewer, room, r) }
	if f.page == nil {
		return read()
	}
	return f.page(viewer, read)
}

func (f *faulty) Inbox(ctx context.Context, user chat.UserID) (chat.Inbox, error) {
	read := func() (chat.Inbox, error) { return f.Store.Inbox(ctx, user) }
	if f.inbox == nil {
		return read()
	}
	return f.inbox(user, read)
}

func (f *faulty) RoomsRevs(ctx context.Context, users []chat.UserID) (map[chat.UserID]int64, error) {
	read := func() (map[chat.UserID]int64, error) { return f.Store.RoomsRevs(ctx, users) }
	if f.revs == nil {
		return read()
	}
	return f.revs(read)
}

func (f *faulty) OpenCall(ctx context.Context, c chat.NewCall) (chat.Call, bool, error) {
	open := func() (chat.Call, bool, error) { return f.Store.OpenCall(ctx, c) }
	if f.open == nil {
		return open()
	}
	return f.open(c, open)
}

func (f *faulty) FindCall(ctx context.Context, user chat.UserID, key string) (chat.Call, [16]byte, error) {
	read := func() (chat.Call, [16]byte, error) { return f.Store.FindCall(ctx, user, key) }
	if f.find == nil {
		return read()
	}
	return f.find(read)
}

func (f *faulty) SettleCall(ctx context.Context, s chat.Settlement) (chat.Call, bool, error) {
	settle := func() (chat.Call, bool, error) { return f.Store.SettleCall(ctx, s) }
	if f.settle == nil {
		return settle()
	}
	return f.settle(s, settle)
}

func (f *faulty) EndedCalls(ctx context.Context, user chat.UserID, age time.Duration) ([]chat.Call, error) {
	read := func() ([]chat.Call, error) { return f.Store.EndedCalls(ctx, user, age) }
	if f.ended == nil {
		return read()
	}
	return f.ended(read)
}
