package chattest_test

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
)

// breaks names the breach with which this process runs the suite.
const breaks = "CHATTEST_BREAKS"

// breach is a rule that a store breaks, and what finds that out.
type breach struct {
	name string
	test string                                               // the case that must fail
	says string                                               // a part of its failure
	wrap func(s chat.Store) chat.Store                        // makes a store a broken one
	open func(open chattest.StoreOpener) chattest.StoreOpener // or the opener
}

func allBreaches() []breach { return slices.Concat(breaches, readBreaches, partBreaches, trimBreaches) }

// TestSuiteFails runs the suite on stores that are broken in one way each, and
// wants it to notice.
func TestSuiteFails(t *testing.T) {
	for _, b := range allBreaches() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			mustFail(t, "TestBroken", b.test, b.says, breaks+"="+b.name)
		})
	}
}

// mustFail runs a case of a suite and fails the test unless that does, and says
// why. A test that is to fail can't run in a process whose tests are to pass, so
// each runs in one of its own.
func mustFail(t *testing.T, suite, test, says, env string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	group, name, cased := strings.Cut(test, "/")
	if cased {
		name = "/^" + name + "$"
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, self, "-test.run=^"+suite+"$/^"+group+"$"+name, "-test.v")
	run.Env = append(os.Environ(), env)
	out, err := run.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--- FAIL: "+suite+"/"+test+" ") {
		t.Errorf("%s does not find it: %v\n%s", test, err, out)
	}
	if !strings.Contains(string(out), says) || strings.Contains(string(out), "panic:") {
		t.Errorf("%s does not explain it with %q:\n%s", test, says, out)
	}
}

// TestBroken is what TestSuiteFails runs; by itself it has nothing to do.
func TestBroken(t *testing.T) {
	for _, b := range allBreaches() {
		if b.name != os.Getenv(breaks) {
			continue
		}
		chattest.TestStore(t, func(t *testing.T) chattest.StoreOpener {
			open := new(twins).open
			if b.open != nil {
				return b.open(open)
			}
			return func(clock func() time.Time) (chat.Store, error) {
				s, err := open(clock)
				return b.wrap(s), err
			}
		}, &chattest.StoreOptions{Clock: true, Persistent: true, Shared: true, Revoker: true, Trimmer: true})
	}
}

// broken is a store of which some methods are replaced. Each replacement gets
// the store that works.
type broken struct {
	chat.Store
	attach  func(committed func([]chat.Event)) func([]chat.Event)
	append  func(ctx context.Context, s chat.Store, w chat.Write) (chat.Appended, error)
	page    func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error)
	create  func(ctx context.Context, s chat.Store, w chat.RoomWrite) (chat.CreatedRoom, error)
	snap    func(ctx context.Context, s chat.Store, room chat.RoomID, users []chat.UserID) (chat.Snapshot, error)
	inbox   func(ctx context.Context, s chat.Store, user chat.UserID) (chat.Inbox, error)
	members func(ctx context.Context, s chat.Store, viewer chat.UserID, room chat.RoomID, after chat.UserID, limit int) ([]chat.Member, error)
	mark    func(ctx context.Context, s chat.Store, marks []chat.ReadMark) error
	revs    func(ctx context.Context, s chat.Store, users []chat.UserID) (map[chat.UserID]int64, error)
	open    func(ctx context.Context, s chat.Store, c chat.NewCall) (chat.Call, bool, error)
	settle  func(ctx context.Context, s chat.Store, n chat.Settlement) (chat.Call, bool, error)
	expire  func(ctx context.Context, s chat.Store, grace time.Duration, limit int) ([]chat.Call, error)
	revoke  func(ctx context.Context, s whole, r chat.Revocation) error
	revoked func(ctx context.Context, s whole) ([]chat.Revocation, error)
	trim    func(ctx context.Context, s whole, room chat.RoomID, keep chat.Retention, limit int) (int, error)
	rooms   func(ctx context.Context, s whole, keep chat.Retention, limit int) ([]chat.RoomID, error)
	close   func(s chat.Store) error
}

// whole is a store with all optional parts.
type whole interface {
	chat.Store
	chat.Revoker
	chat.Trimmer
}

func (b broken) Attach(committed func([]chat.Event)) (chat.Identity, error) {
	if b.attach != nil {
		committed = b.attach(committed)
	}
	return b.Store.Attach(committed)
}

func (b broken) Append(ctx context.Context, w chat.Write) (chat.Appended, error) {
	if b.append != nil {
		return b.append(ctx, b.Store, w)
	}
	return b.Store.Append(ctx, w)
}

func (b broken) Page(ctx context.Context, viewer chat.UserID, room chat.RoomID, r chat.Range) (chat.Page, error) {
	if b.page != nil {
		return b.page(ctx, b.Store, viewer, room, r)
	}
	return b.Store.Page(ctx, viewer, room, r)
}

func (b broken) CreateRoom(ctx context.Context, w chat.RoomWrite) (chat.CreatedRoom, error) {
	if b.create != nil {
		return b.create(ctx, b.Store, w)
	}
	return b.Store.CreateRoom(ctx, w)
}

func (b broken) Snapshot(ctx context.Context, room chat.RoomID, users []chat.UserID) (chat.Snapshot, error) {
	if b.snap != nil {
		return b.snap(ctx, b.Store, room, users)
	}
	return b.Store.Snapshot(ctx, room, users)
}

func (b broken) Inbox(ctx context.Context, user chat.UserID) (chat.Inbox, error) {
	if b.inbox != nil {
		return b.inbox(ctx, b.Store, user)
	}
	return b.Store.Inbox(ctx, user)
}

func (b broken) Members(ctx context.Context, viewer chat.UserID, room chat.RoomID, after chat.UserID, limit int) ([]chat.Member, error) {
	if b.members != nil {
		return b.members(ctx, b.Store, viewer, room, after, limit)
	}
	return b.Store.Members(ctx, viewer, room, after, limit)
}

func (b broken) MarkRead(ctx context.Context, marks []chat.ReadMark) error {
	if b.mark != nil {
		return b.mark(ctx, b.Store, marks)
	}
	return b.Store.MarkRead(ctx, marks)
}

func (b broken) RoomsRevs(ctx context.Context, users []chat.UserID) (map[chat.UserID]int64, error) {
	if b.revs != nil {
		return b.revs(ctx, b.Store, users)
	}
	return b.Store.RoomsRevs(ctx, users)
}

func (b broken) OpenCall(ctx context.Context, c chat.NewCall) (chat.Call, bool, error) {
	if b.open != nil {
		return b.open(ctx, b.Store, c)
	}
	return b.Store.OpenCall(ctx, c)
}

func (b broken) SettleCall(ctx context.Context, n chat.Settlement) (chat.Call, bool, error) {
	if b.settle != nil {
		return b.settle(ctx, b.Store, n)
	}
	return b.Store.SettleCall(ctx, n)
}

func (b broken) ExpireCalls(ctx context.Context, grace time.Duration, limit int) ([]chat.Call, error) {
	if b.expire != nil {
		return b.expire(ctx, b.Store, grace, limit)
	}
	return b.Store.ExpireCalls(ctx, grace, limit)
}

func (b broken) Revoke(ctx context.Context, r chat.Revocation) error {
	if b.revoke != nil {
		return b.revoke(ctx, b.Store.(whole), r)
	}
	return b.Store.(whole).Revoke(ctx, r)
}

func (b broken) Revocations(ctx context.Context) ([]chat.Revocation, error) {
	if b.revoked != nil {
		return b.revoked(ctx, b.Store.(whole))
	}
	return b.Store.(whole).Revocations(ctx)
}

func (b broken) Trim(ctx context.Context, room chat.RoomID, keep chat.Retention, limit int) (int, error) {
	if b.trim != nil {
		return b.trim(ctx, b.Store.(whole), room, keep, limit)
	}
	return b.Store.(whole).Trim(ctx, room, keep, limit)
}

func (b broken) Trimmable(ctx context.Context, keep chat.Retention, limit int) ([]chat.RoomID, error) {
	if b.rooms != nil {
		return b.rooms(ctx, b.Store.(whole), keep, limit)
	}
	return b.Store.(whole).Trimmable(ctx, keep, limit)
}

func (b broken) Close() error {
	if b.close != nil {
		return b.close(b.Store)
	}
	return b.Store.Close()
}
