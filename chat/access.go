package chat

// place is what decides whether an action is allowed: the room, the actor's
// place in it, and the place of whom the action is about.
type place struct {
	kind     RoomKind
	archived bool
	role     Role // of the actor; empty: not a member
	banned   bool // the actor is

	target       Role // of whom it is about
	targetBanned bool
	lastOwner    bool // the target is the room's only owner
	own          bool // the message is the actor's
	reacted      bool // the message has the actor's reaction
}

// action names what is to be done; most are a [ChangeKind].
type action = ChangeKind

const (
	post  action = "post"
	edit  action = "edit"
	erase action = "delete"
	run   action = "command"
)

// permit is the table at [Change] as code: the one place that says who may do
// what. Whoever may not even know of the room gets ErrNotFound, others
// ErrForbidden.
func permit(by UserID, a action, p place) error {
	if by == System {
		return permitSystem(a, p)
	}
	member := p.role != ""
	if !member {
		switch {
		case p.kind != Public || p.banned:
			return ErrNotFound
		case a != Join || p.archived:
			return ErrForbidden
		}
		return nil
	}
	if p.archived && !inArchived(a) {
		return ErrForbidden
	}
	if p.kind == Direct {
		switch a {
		case post, run, React, edit, erase:
		default:
			return ErrForbidden
		}
	}
	owner := p.role == Owner
	staff := owner || p.role == Admin
	allowed := false
	switch a {
	case post, run, React:
		allowed = true
	case edit:
		allowed = p.own
	case erase:
		allowed = p.own || staff && p.kind != Direct
	case Join:
		allowed = true // it changes nothing
	case Leave:
		allowed = !p.lastOwner
	case Invite:
		allowed = !p.targetBanned && (staff || p.kind == Public)
	case Remove, Ban:
		allowed = owner && !p.lastOwner || staff && (p.target == "" || p.target == Participant)
	case Unban, Rename, Update:
		allowed = staff
	case SetRole:
		allowed = owner && !p.lastOwner
	case Archive, Restore:
		allowed = owner
	}
	if !allowed {
		return ErrForbidden
	}
	return nil
}

// inArchived reports whether a is possible in an archived room.
func inArchived(a action) bool {
	switch a {
	case Leave, Remove, Ban, Unban, Restore:
		return true
	}
	return false
}

// permitSystem is what even the program can't do.
func permitSystem(a action, p place) error {
	if p.archived && !inArchived(a) {
		return ErrForbidden
	}
	if p.kind == Direct {
		switch a {
		case post, edit, erase:
		default:
			return ErrForbidden
		}
	}
	return nil
}
