package chattest

import (
	"errors"
	"strings"

	"github.com/carlware/gochat/chat"
)

var hubRoleCases = []hubCase{
	{"Public", hubRolesPublic, nil},
	{"Private", hubRolesPrivate, nil},
	{"Archived", hubRolesArchived, nil},
	{"LastOwner", hubLastOwner, nil},
	{"NewRole", hubNewRole, nil},
}

// rights is the table at [chat.Change] as cells: y is allowed, f is forbidden, n
// is not found. The columns are the owner, an admin, a member, somebody else and
// somebody banned. "remove/admin" is the removal of an admin.
type rights string

const publicRights rights = `
	join            y y y y n
	leave           y y y f n
	invite          y y y f n
	invite/banned   f f f f n
	remove          y y f f n
	remove/admin    y f f f n
	remove/owner    y f f f n
	ban             y y f f n
	ban/admin       y f f f n
	unban           y y f f n
	set_member      y f f f n
	rename          y y f f n
	update          y y f f n
	archive         y f f f n
	restore         y f f f n
	react           y y y f n
	post            y y y f n
	command         y y y f n
	edit/own        y y y - -
	edit            f f f f n
	delete/own      y y y - -
	delete          y y f f n
`

const privateRights rights = `
	join            y y y n n
	leave           y y y n n
	invite          y y f n n
	invite/banned   f f f n n
	remove          y y f n n
	remove/admin    y f f n n
	remove/owner    y f f n n
	ban             y y f n n
	ban/admin       y f f n n
	unban           y y f n n
	set_member      y f f n n
	rename          y y f n n
	update          y y f n n
	archive         y f f n n
	restore         y f f n n
	react           y y y n n
	post            y y y n n
	command         y y y n n
	edit/own        y y y - -
	edit            f f f n n
	delete/own      y y y - -
	delete          y y f n n
`

const archivedRights rights = `
	join            f f f f n
	leave           y y y f n
	invite          f f f f n
	remove          y y f f n
	remove/admin    y f f f n
	ban             y y f f n
	unban           y y f f n
	set_member      f f f f n
	rename          f f f f n
	update          f f f f n
	archive         f f f f n
	restore         y f f f n
	react           f f f f n
	post            f f f f n
	command         f f f f n
	edit/own        f f f - -
	delete/own      f f f - -
	delete          f f f f n
`

func hubRolesPublic(s *stage)   { s.rights(chat.Public, false, publicRights) }
func hubRolesPrivate(s *stage)  { s.rights(chat.Private, false, privateRights) }
func hubRolesArchived(s *stage) { s.rights(chat.Public, true, archivedRights) }

// rights tries every cell. Those that leave everybody's place and the room as they
// were share a room.
func (s *stage) rights(kind chat.RoomKind, archived bool, table rights) {
	boss := s.person("boss")
	actors := []*client{s.person("owner"), s.person("admin"), s.person("member"), s.person("other"), s.person("banned")}
	for _, u := range []chat.UserID{"other-owner", "other-admin", "other-member", "outcast", "new"} {
		s.ok(boss.hub.Admit(s.Context(), principal(u)), "Admit")
	}
	var room chat.RoomID
	for line := range strings.Lines(string(table)) {
		cells := strings.Fields(line)
		if len(cells) != 1+len(actors) {
			continue
		}
		name, about, _ := strings.Cut(cells[0], "/")
		for i, c := range actors {
			if cells[1+i] == "-" {
				continue
			}
			onMessage := name == "edit" || name == "delete" || name == "react"
			fresh := room == "" || onMessage && archived
			if fresh {
				room = s.roleRoom(boss, kind)
			}
			var message chat.Event
			if onMessage && about == "own" {
				message = c.post(room, "own")
			} else if onMessage {
				message = boss.post(room, "boss's own")
			}
			if archived && fresh {
				boss.change(room, chat.Change{Kind: chat.Archive})
			}
			head := boss.read(room, chat.Range{Limit: 1}).Head
			seq, err := c.act(boss.room(room), name, about, message.Seq)
			want := map[string]error{"y": nil, "f": chat.ErrForbidden, "n": chat.ErrNotFound}[cells[1+i]]
			if want == nil && err != nil || !errors.Is(err, want) {
				s.Errorf("%s by the %s of a %s room (archived: %v): error is %v, want %v: see the table at chat.Change", cells[0], c.user, kind, archived, err, want)
			}
			if now := boss.read(room, chat.Range{Limit: 1}).Head; err != nil && now != head || err == nil && seq != 0 && seq <= head {
				s.Errorf("%s by the %s of a %s room (archived: %v): the head went from %d to %d, with seq %d and %v", cells[0], c.user, kind, archived, head, now, seq, err)
			}
			switch name {
			case "leave", "remove", "ban", "set_member", "archive", "restore":
				if err == nil {
					room = ""
				}
			}
		}
	}
}

// roleRoom makes a room with the actors in their roles, another one of each, and
// somebody banned.
func (s *stage) roleRoom(boss *client, kind chat.RoomKind) chat.RoomID {
	s.Helper()
	room := boss.create(chat.NewRoom{Kind: kind, Members: []chat.UserID{
		"owner", "admin", "member", "other-owner", "other-admin", "other-member",
	}})
	for user, role := range map[chat.UserID]chat.Role{
		"owner": chat.Owner, "other-owner": chat.Owner, "admin": chat.Admin, "other-admin": chat.Admin,
	} {
		boss.change(room, chat.Change{Kind: chat.SetRole, User: user, Role: role})
	}
	boss.change(room, chat.Change{Kind: chat.Ban, User: "banned"})
	boss.change(room, chat.Change{Kind: chat.Ban, User: "outcast"})
	return room
}

// act does what a row of the table names.
func (c *client) act(r chat.Room, name, about string, message chat.Seq) (chat.Seq, error) {
	ctx, id := c.s.Context(), chat.NewID()
	change := chat.Change{ID: id, Kind: chat.ChangeKind(name)}
	switch name {
	case "post":
		rc, err := r.Post(ctx, c.user, chat.Draft{ID: id, Text: "x"})
		return rc.Event.Seq, err
	case "edit":
		rc, err := r.Edit(ctx, c.user, chat.Edit{ID: id, Seq: message, Text: "x"})
		return rc.Event.Seq, err
	case "delete":
		rc, err := r.Delete(ctx, c.user, message, id)
		return rc.Event.Seq, err
	case "command":
		call, err := r.Command(ctx, c.user, chat.CommandLine{ID: id, Text: "/silent"})
		if err == nil {
			_, err = call.Wait(ctx)
		}
		return 0, err
	case "invite":
		change.User = "new"
		if about == "banned" {
			change.User = "outcast"
		}
	case "remove", "ban", "set_member":
		change.User, change.Role = "other-member", ""
		if about != "" {
			change.User = chat.UserID("other-" + about)
		}
		if name == "set_member" {
			change.Role = chat.Admin
		}
	case "unban":
		change.User = "outcast"
	case "rename":
		change.Name = "Name " + id
	case "react":
		change.Seq, change.Emoji = message, "👍"
	}
	rc, err := r.Change(ctx, c.user, change)
	return rc.Event.Seq, err
}

func hubLastOwner(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	for _, c := range []chat.Change{
		{Kind: chat.Leave}, {Kind: chat.Remove, User: "ann"}, {Kind: chat.Ban, User: "ann"}, {Kind: chat.SetRole, User: "ann", Role: chat.Participant},
	} {
		_, err := ann.try(room, c)
		s.fails(err, chat.ErrForbidden, string(c.Kind)+" of the only owner: a room is not left without one")
	}
	ann.change(room, chat.Change{Kind: chat.SetRole, User: "bob", Role: chat.Owner})
	left := ann.change(room, chat.Change{Kind: chat.Leave})
	bob.change(room, chat.Change{Kind: chat.Rename, Name: "Bob's " + string(room)})
	bob.reach(room, left.Seq+1)
	ann.reach(room, left.Seq)
}

// hubNewRole uses a role at once after it was given, and loses it.
func hubNewRole(s *stage) {
	ann, bob, cyd := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob", "cyd"}})
	m := cyd.post(room, "hello")
	for range 5 {
		ann.change(room, chat.Change{Kind: chat.SetRole, User: "bob", Role: chat.Admin})
		bob.change(room, chat.Change{Kind: chat.Rename, Name: "By bob " + chat.NewID()})
		ann.change(room, chat.Change{Kind: chat.SetRole, User: "bob", Role: chat.Participant})
		_, err := bob.room(room).Delete(s.Context(), "bob", m.Seq, chat.NewID())
		s.fails(err, chat.ErrForbidden, "the role was taken away before")
		_, err = bob.try(room, chat.Change{Kind: chat.Rename, Name: "By bob " + chat.NewID()})
		s.fails(err, chat.ErrForbidden, "the role was taken away before")
	}
}
