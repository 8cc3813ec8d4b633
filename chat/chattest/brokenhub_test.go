package chattest_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
	"github.com/carlware/gochat/command"
)

// breaksHub names the breach with which this process runs the suite of hubs.
const breaksHub = "CHATTEST_BREAKS_HUB"

// hubBreach is a rule that a hub breaks, and what finds that out.
type hubBreach struct {
	name string
	test string                                    // the case that must fail
	says string                                    // a part of its failure
	hub  func(inner chat.Hub) chat.Hub             // makes a hub a broken one
	open func(*testing.T, chat.Options) []chat.Hub // or opens it
}

// TestHubSuiteFails runs the suite on hubs that are broken in one way each, and
// wants it to notice.
func TestHubSuiteFails(t *testing.T) {
	for _, b := range hubBreaches {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			mustFail(t, "TestBrokenHub", b.test, b.says, breaksHub+"="+b.name)
		})
	}
}

// TestBrokenHub is what TestHubSuiteFails runs; by itself it has nothing to do.
func TestBrokenHub(t *testing.T) {
	for _, b := range hubBreaches {
		if b.name != os.Getenv(breaksHub) {
			continue
		}
		chattest.TestHub(t, func(t *testing.T, o chat.Options) []chat.Hub {
			if b.open != nil {
				return b.open(t, o)
			}
			hubs := twoNodes(t, o)
			for i, h := range hubs {
				hubs[i] = b.hub(h)
			}
			return hubs
		}, &chattest.HubOptions{Patience: 4 * time.Second})
	}
}

// brokenHub is a hub of which some methods are replaced. Each replacement gets
// the hub that works.
type brokenHub struct {
	chat.Hub
	admit    func(ctx context.Context, h chat.Hub, p chat.Principal) error
	connect  func(ctx context.Context, h chat.Hub, p chat.Principal, o *chat.SessionOptions) (*chat.Session, error)
	create   func(ctx context.Context, h chat.Hub, by chat.UserID, r chat.NewRoom) (chat.Room, error)
	direct   func(ctx context.Context, h chat.Hub, by, with chat.UserID, id string) (chat.Room, error)
	room     func(ctx context.Context, h chat.Hub, by chat.UserID, id chat.RoomID) (chat.Room, error)
	rooms    func(ctx context.Context, h chat.Hub, by chat.UserID, after chat.RoomID, limit int) ([]chat.RoomInfo, error)
	inbox    func(ctx context.Context, h chat.Hub, by chat.UserID) (chat.Inbox, error)
	commands func(ctx context.Context, h chat.Hub, by chat.UserID) ([]command.Spec, error)
	limits   func(h chat.Hub) chat.Limits
	handle   brokenRoom // its Room is filled in
}

func (b brokenHub) Admit(ctx context.Context, p chat.Principal) error {
	if b.admit != nil {
		return b.admit(ctx, b.Hub, p)
	}
	return b.Hub.Admit(ctx, p)
}

func (b brokenHub) Connect(ctx context.Context, p chat.Principal, o *chat.SessionOptions) (*chat.Session, error) {
	if b.connect != nil {
		return b.connect(ctx, b.Hub, p, o)
	}
	return b.Hub.Connect(ctx, p, o)
}

func (b brokenHub) CreateRoom(ctx context.Context, by chat.UserID, r chat.NewRoom) (chat.Room, error) {
	if b.create != nil {
		return b.broken(b.create(ctx, b.Hub, by, r))
	}
	return b.broken(b.Hub.CreateRoom(ctx, by, r))
}

func (b brokenHub) Direct(ctx context.Context, by, with chat.UserID, id string) (chat.Room, error) {
	if b.direct != nil {
		return b.broken(b.direct(ctx, b.Hub, by, with, id))
	}
	return b.broken(b.Hub.Direct(ctx, by, with, id))
}

func (b brokenHub) Room(ctx context.Context, by chat.UserID, id chat.RoomID) (chat.Room, error) {
	if b.room != nil {
		return b.broken(b.room(ctx, b.Hub, by, id))
	}
	return b.broken(b.Hub.Room(ctx, by, id))
}

func (b brokenHub) Rooms(ctx context.Context, by chat.UserID, after chat.RoomID, limit int) ([]chat.RoomInfo, error) {
	if b.rooms != nil {
		return b.rooms(ctx, b.Hub, by, after, limit)
	}
	return b.Hub.Rooms(ctx, by, after, limit)
}

func (b brokenHub) Inbox(ctx context.Context, by chat.UserID) (chat.Inbox, error) {
	if b.inbox != nil {
		return b.inbox(ctx, b.Hub, by)
	}
	return b.Hub.Inbox(ctx, by)
}

func (b brokenHub) Commands(ctx context.Context, by chat.UserID, room chat.RoomID) ([]command.Spec, error) {
	if b.commands != nil {
		return b.commands(ctx, b.Hub, by)
	}
	return b.Hub.Commands(ctx, by, room)
}

func (b brokenHub) Limits() chat.Limits {
	if b.limits != nil {
		return b.limits(b.Hub)
	}
	return b.Hub.Limits()
}

func (b brokenHub) broken(r chat.Room, err error) (chat.Room, error) {
	if err != nil {
		return nil, err
	}
	b.handle.Room = r
	return b.handle, nil
}

// brokenRoom is a room of which some methods are replaced.
type brokenRoom struct {
	chat.Room
	info    func(ctx context.Context, r chat.Room, by chat.UserID) (chat.RoomInfo, error)
	post    func(ctx context.Context, r chat.Room, by chat.UserID, d chat.Draft) (chat.Receipt, error)
	edit    func(ctx context.Context, r chat.Room, by chat.UserID, e chat.Edit) (chat.Receipt, error)
	erase   func(ctx context.Context, r chat.Room, by chat.UserID, seq chat.Seq, id string) (chat.Receipt, error)
	command func(ctx context.Context, r chat.Room, by chat.UserID, line chat.CommandLine) (*chat.PendingCall, error)
	history func(ctx context.Context, r chat.Room, by chat.UserID, rg chat.Range) (chat.Page, error)
	members func(ctx context.Context, r chat.Room, by, after chat.UserID, limit int) ([]chat.Member, error)
	mark    func(ctx context.Context, r chat.Room, by chat.UserID, seq chat.Seq) error
	change  func(ctx context.Context, r chat.Room, by chat.UserID, c chat.Change) (chat.Receipt, error)
}

func (b brokenRoom) Info(ctx context.Context, by chat.UserID) (chat.RoomInfo, error) {
	if b.info != nil {
		return b.info(ctx, b.Room, by)
	}
	return b.Room.Info(ctx, by)
}

func (b brokenRoom) Post(ctx context.Context, by chat.UserID, d chat.Draft) (chat.Receipt, error) {
	if b.post != nil {
		return b.post(ctx, b.Room, by, d)
	}
	return b.Room.Post(ctx, by, d)
}

func (b brokenRoom) Edit(ctx context.Context, by chat.UserID, e chat.Edit) (chat.Receipt, error) {
	if b.edit != nil {
		return b.edit(ctx, b.Room, by, e)
	}
	return b.Room.Edit(ctx, by, e)
}

func (b brokenRoom) Delete(ctx context.Context, by chat.UserID, seq chat.Seq, id string) (chat.Receipt, error) {
	if b.erase != nil {
		return b.erase(ctx, b.Room, by, seq, id)
	}
	return b.Room.Delete(ctx, by, seq, id)
}

func (b brokenRoom) Command(ctx context.Context, by chat.UserID, line chat.CommandLine) (*chat.PendingCall, error) {
	if b.command != nil {
		return b.command(ctx, b.Room, by, line)
	}
	return b.Room.Command(ctx, by, line)
}

func (b brokenRoom) History(ctx context.Context, by chat.UserID, r chat.Range) (chat.Page, error) {
	if b.history != nil {
		return b.history(ctx, b.Room, by, r)
	}
	return b.Room.History(ctx, by, r)
}

func (b brokenRoom) Members(ctx context.Context, by, after chat.UserID, limit int) ([]chat.Member, error) {
	if b.members != nil {
		return b.members(ctx, b.Room, by, after, limit)
	}
	return b.Room.Members(ctx, by, after, limit)
}

func (b brokenRoom) MarkRead(ctx context.Context, by chat.UserID, seq chat.Seq) error {
	if b.mark != nil {
		return b.mark(ctx, b.Room, by, seq)
	}
	return b.Room.MarkRead(ctx, by, seq)
}

func (b brokenRoom) Change(ctx context.Context, by chat.UserID, c chat.Change) (chat.Receipt, error) {
	if b.change != nil {
		return b.change(ctx, b.Room, by, c)
	}
	return b.Room.Change(ctx, by, c)
}
