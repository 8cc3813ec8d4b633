package chat_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// rules are a host's rules that note what they are asked.
type rules struct {
	refuse error
	asked  []chat.Action
}

func (r *rules) authorize(_ context.Context, a chat.Action) error {
	r.asked = append(r.asked, a)
	return r.refuse
}

func (r *rules) take() []chat.Action {
	asked := r.asked
	r.asked = nil
	return asked
}

// Each kind of action is asked about once, exactly; refused, nothing of it is
// done or shown.
func TestAuthorizeIsAskedAboutEveryAction(t *testing.T) {
	var host rules
	n := newNode(t, &chat.Options{Authorize: host.authorize, Commands: clerk()})
	for _, name := range []string{"ana", "bob", "cyd"} {
		connect(t, n, name, nil)
	}
	r, id := room(t, n, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
	m := post(t, r, "ana", "x").Seq
	act := func(by chat.UserID, do chat.ActionKind, whom chat.UserID) chat.Action {
		return chat.Action{By: by, Do: do, Room: id, Kind: chat.Public, User: whom}
	}
	changed := func(by chat.UserID, c chat.Change) func() error {
		return func() error {
			c.ID = chat.NewID()
			_, err := r.Change(t.Context(), by, c)
			return err
		}
	}
	command := func(line string) func() error {
		return func() error { _, err := ask(t, r, "ana", line); return err }
	}
	hello, help := act("ana", chat.ActCommand, ""), act("ana", chat.ActCommand, "")
	hello.Command, help.Command = "hello", "help"
	read := chat.Action{By: "ana", Do: chat.ActRead, Room: id}
	for _, tt := range []struct {
		want chat.Action
		do   func() error
	}{
		{act("ana", chat.ActPost, ""), func() error {
			_, err := r.Post(t.Context(), "ana", chat.Draft{ID: chat.NewID(), Text: "y", Mentions: []chat.UserID{"bob"}})
			return err
		}},
		{act("ana", chat.ActEdit, ""), func() error {
			_, err := r.Edit(t.Context(), "ana", chat.Edit{ID: chat.NewID(), Seq: m, Text: "z"})
			return err
		}},
		{act("bob", chat.React, ""), changed("bob", chat.Change{Kind: chat.React, Seq: m, Emoji: "👍"})},
		{act("ana", chat.ActDelete, ""), func() error {
			_, err := r.Delete(t.Context(), "ana", m, chat.NewID())
			return err
		}},
		{hello, command("/hello")},
		{help, command("/help")},
		{chat.Action{By: "ana", Do: chat.ActCreate, Kind: chat.Private}, func() error {
			_, err := n.CreateRoom(t.Context(), "ana", chat.NewRoom{ID: chat.NewID(), Name: "Us", Kind: chat.Private})
			return err
		}},
		{chat.Action{By: "ana", Do: chat.ActDirect, Kind: chat.Direct, User: "bob"}, func() error {
			_, err := n.Direct(t.Context(), "ana", "bob", chat.NewID())
			return err
		}},
		{read, func() error {
			page, err := r.History(t.Context(), "ana", chat.Range{})
			require.Equal(t, err != nil, len(page.Events) == 0, "no rows with a refusal")
			require.Equal(t, err != nil, page.Head == 0)
			return err
		}},
		{read, func() error {
			ms, err := r.Members(t.Context(), "ana", "", 0)
			require.Equal(t, err != nil, len(ms) == 0, "no rows with a refusal")
			return err
		}},
		{act("cyd", chat.Join, "cyd"), changed("cyd", chat.Change{Kind: chat.Join})},
		{act("cyd", chat.Leave, "cyd"), changed("cyd", chat.Change{Kind: chat.Leave})},
		{act("bob", chat.Invite, "cyd"), changed("bob", chat.Change{Kind: chat.Invite, User: "cyd"})},
		{act("ana", chat.SetRole, "cyd"), changed("ana", chat.Change{Kind: chat.SetRole, User: "cyd", Role: chat.Admin})},
		{act("ana", chat.Remove, "bob"), changed("ana", chat.Change{Kind: chat.Remove, User: "bob"})},
		{act("ana", chat.Ban, "bob"), changed("ana", chat.Change{Kind: chat.Ban, User: "bob"})},
		{act("ana", chat.Unban, "bob"), changed("ana", chat.Change{Kind: chat.Unban, User: "bob"})},
		{act("ana", chat.Rename, ""), changed("ana", chat.Change{Kind: chat.Rename, Name: "Coffee"})},
		{act("ana", chat.Update, ""), changed("ana", chat.Change{Kind: chat.Update, Data: []byte(`{"a":1}`)})},
		{act("ana", chat.Archive, ""), changed("ana", chat.Change{Kind: chat.Archive})},
		{act("ana", chat.Restore, ""), changed("ana", chat.Change{Kind: chat.Restore})},
	} {
		before := headFor(t, n, r)
		host.take()
		host.refuse = chat.ErrForbidden
		require.ErrorIs(t, tt.do(), chat.ErrForbidden, "%+v", tt.want)
		require.Equal(t, []chat.Action{tt.want}, host.take())
		require.Equal(t, before, headFor(t, n, r), "%+v has stored something", tt.want)

		host.refuse = &chat.Error{Code: "quota", Message: "Tomorrow again."}
		require.Equal(t, host.refuse, error(chat.AsError(tt.do())), "a host's own answer")
		host.refuse = errors.New("the rules are on fire")
		require.Equal(t, "internal", chat.AsError(tt.do()).Code)

		host.take()
		host.refuse = nil
		require.NoError(t, tt.do(), "%+v", tt.want)
		require.Equal(t, []chat.Action{tt.want}, host.take())
	}
}

// headFor tells how far the log of a room and the rooms of ana are.
func headFor(t *testing.T, n *chat.Node, r chat.Room) [2]int {
	t.Helper()
	page, err := r.History(t.Context(), chat.System, chat.Range{})
	require.NoError(t, err)
	inbox, err := n.Inbox(t.Context(), "ana")
	require.NoError(t, err)
	return [2]int{int(page.Head), len(inbox.Rooms)}
}

func TestAuthorizeIsNotAskedAboutSystem(t *testing.T) {
	host := rules{}
	n := newNode(t, &chat.Options{Authorize: host.authorize, Commands: clerk(), Lobby: "general"})
	connect(t, n, "ana", nil)
	host.refuse = chat.ErrForbidden
	connect(t, n, "bob", nil) // live delivery goes by membership alone
	r, err := n.CreateRoom(t.Context(), chat.System, chat.NewRoom{ID: chat.NewID(), Name: "Tea", Members: []chat.UserID{"ana"}})
	require.NoError(t, err)
	system := string(chat.System)
	m := post(t, r, system, "x").Seq
	_, err = r.Edit(t.Context(), chat.System, chat.Edit{ID: chat.NewID(), Seq: m, Text: "y"})
	require.NoError(t, err)
	_, err = r.Delete(t.Context(), chat.System, m, chat.NewID())
	require.NoError(t, err)
	for _, c := range []chat.Change{
		{Kind: chat.Invite, User: "bob"}, {Kind: chat.SetRole, User: "bob", Role: chat.Owner}, {Kind: chat.Remove, User: "bob"},
		{Kind: chat.Ban, User: "bob"}, {Kind: chat.Unban, User: "bob"}, {Kind: chat.Rename, Name: "Coffee"},
		{Kind: chat.Update}, {Kind: chat.Archive}, {Kind: chat.Restore},
	} {
		change(t, r, system, c)
	}
	_, err = ask(t, r, system, "/hello")
	require.NoError(t, err)
	page, err := r.History(t.Context(), chat.System, chat.Range{})
	require.NoError(t, err)
	require.NotEmpty(t, page.Events)
	ms, err := r.Members(t.Context(), chat.System, "", 0)
	require.NoError(t, err)
	require.Len(t, ms, 1)
	require.Empty(t, host.asked)
}
