package chat

import (
	"context"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/carlware/gochat/internal/text"
)

// maxEmoji is the longest reaction in bytes: the longest emoji sequences of
// Unicode have 35 (emoji-zwj-sequences.txt, version 16).
const maxEmoji = 64

func (h handle) Change(ctx context.Context, by UserID, c Change) (Receipt, error) {
	in := intent{by: by, room: h.id, id: c.ID, action: c.Kind,
		hash: digest{}.str(string(c.Kind)).str(string(c.User)).str(string(c.Role)).str(c.Name).
			str(string(c.Data)).seq(c.Seq).str(c.Emoji).flag(c.Off).sum()}
	switch c.Kind {
	case Join, Leave:
		in.target = by
	case Invite, Remove, Ban, Unban, SetRole:
		in.target = c.User
	case React:
		in.message, in.emoji, in.off = c.Seq, c.Emoji, c.Off
	}
	var target User
	in.snapshot = c.Kind != React
	rc, err := h.n.write(ctx, in, content{
		check: func() error {
			if err := h.n.checkChange(c); err != nil || in.target == "" {
				return err
			}
			users, err := h.n.lookup(ctx, []UserID{in.target})
			if err == nil {
				target = users[0]
			}
			return err
		},
		make: func(_ User, sn *Snapshot) (Write, error) { return c.event(sn, target) },
	})
	if err == nil && !rc.Duplicate && rc.Event.Kind == Joined && c.Kind == Invite {
		h.tellAdded(ctx, c.User)
	}
	if err == nil && rc.Event.Kind == Left && h.id == h.n.lobby && h.n.lobby != "" {
		if err := h.n.leftLobby(ctx, in.target); err != nil {
			h.n.log.Warn("chat: a user who has left the lobby may be brought back", "user", in.target, "err", err)
		}
	}
	if err == nil && !rc.Duplicate && (rc.Event.Kind == Renamed || rc.Event.Kind == Updated || rc.Event.Kind == Archived) {
		h.tellUpdated(ctx)
	}
	return rc, h.wrap(string(c.Kind)+" in", err)
}

// tellAdded tells a user of a room that the user was brought into.
func (h handle) tellAdded(ctx context.Context, user UserID) {
	if sn, err := h.n.store.Snapshot(ctx, h.id, nil); err == nil {
		h.n.tell([]UserID{user}, &Notice{Kind: Added, Room: &sn.Info})
	}
}

// tellUpdated tells those who list a public room without being in it; members
// have the event.
func (h handle) tellUpdated(ctx context.Context) {
	if sn, err := h.n.store.Snapshot(ctx, h.id, nil); err == nil && sn.Info.Kind == Public {
		h.n.tell(nil, &Notice{Kind: RoomUpdated, Room: &sn.Info})
	}
}

func (n *Node) checkChange(c Change) error {
	switch c.Kind {
	case Join, Leave, Archive, Restore:
	case Invite, Remove, Ban, Unban:
		return checkUserID(c.User)
	case SetRole:
		if c.Role != Owner && c.Role != Admin && c.Role != Participant {
			return badRequest("role", "A role is owner, admin or member.")
		}
		return checkUserID(c.User)
	case Rename:
		return input("name", "The name", text.CheckName(c.Name))
	case Update:
		return n.checkData(c.Data)
	case React:
		if utf8.RuneCountInString(c.Emoji) > 16 || strings.ContainsAny(c.Emoji, "\n\t") {
			return badRequest("text", "A reaction is one emoji.")
		}
		return input("text", "The reaction", text.Check(c.Emoji, 16, maxEmoji))
	default:
		return badRequest("kind", "There is no change %q.", string(c.Kind))
	}
	return nil
}

// event makes the event of a change, or returns errNothing.
func (c Change) event(sn *Snapshot, target User) (w Write, err error) {
	t := &target
	var m Member
	if sn != nil {
		m = sn.Members[target.ID]
	}
	nothing := false
	switch c.Kind {
	case Join, Invite:
		nothing = m.Role != ""
		w.Kind, w.Target, w.Role = Joined, t, Participant
	case Leave, Remove:
		nothing = m.Role == ""
		w.Kind, w.Target = Left, t
	case Ban:
		nothing = m.Banned
		w.Kind, w.Target = Banned, t
	case Unban:
		nothing = !m.Banned
		w.Kind, w.Target, w.Off = Banned, t, true
	case SetRole:
		if m.Role == "" {
			return Write{}, ErrNotFound
		}
		nothing = m.Role == c.Role
		w.Kind, w.Target, w.Role = RoleChanged, t, c.Role
	case Rename:
		nothing = sn.Info.Name == c.Name
		w.Kind, w.Text = Renamed, c.Name
	case Archive, Restore:
		nothing = sn.Info.Archived == (c.Kind == Archive)
		w.Kind, w.Off = Archived, c.Kind == Restore
	case Update:
		w.Kind, w.Data = Updated, c.Data
		if w.Data == nil {
			w.Data = json.RawMessage("{}")
		}
	case React:
		w.Kind, w.Ref, w.Text, w.Off = Reacted, c.Seq, c.Emoji, c.Off
	}
	if nothing {
		return Write{}, errNothing
	}
	return w, nil
}
