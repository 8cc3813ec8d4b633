package chat

import "encoding/json"

// ChangeKind says what a [Change] does.
type ChangeKind string

// The kinds of changes.
const (
	Join    ChangeKind = "join"       // by becomes a member of a public room
	Leave   ChangeKind = "leave"      // by's membership ends
	Invite  ChangeKind = "invite"     // User becomes a member
	Remove  ChangeKind = "remove"     // User's membership ends
	Ban     ChangeKind = "ban"        // User's membership ends, and User can't come back
	Unban   ChangeKind = "unban"      // User can come back
	SetRole ChangeKind = "set_member" // User has Role
	Rename  ChangeKind = "rename"     // the room has Name
	Archive ChangeKind = "archive"    // nothing more can be posted
	Restore ChangeKind = "restore"    // the room is not archived any more
	Update  ChangeKind = "update"     // the room has Data
	React   ChangeKind = "react"      // by reacts to Seq with Emoji; Off takes it back
)

// Change is a change to a room or to somebody's place in it.
//
// Who may do what, where "own" is by's own message or membership, and System
// may do all of it:
//
//	              owner  admin  member  others
//	join          -      -      -       public rooms, unless banned
//	leave         if not the last owner; admin and member always; not direct rooms
//	invite        yes    yes    private rooms: no; public rooms: yes; nobody who is banned
//	remove, ban   yes    members -      -           not the last owner
//	unban         yes    yes    -       -
//	set_member    yes    -      -       -           not the last owner
//	rename        yes    yes    -       -
//	archive       yes    -      -       -
//	update        yes    yes    -       -
//	react, post   yes    yes    yes     -
//	command       yes    yes    yes     -
//	edit          own    own    own     -
//	delete        any    any    own     -
//
// In direct rooms both users may post, run commands, react, edit and delete
// their own, and System may post, edit and delete; nothing else is possible. In
// archived rooms only leave, remove, ban, unban and restore are.
type Change struct {
	ID   string     // idempotency key
	Kind ChangeKind // what to do; it says which of the other fields count

	User  UserID          // of Invite, Remove, Ban, Unban and SetRole: whom it is done to
	Role  Role            // of SetRole
	Name  string          // of Rename: 1 to 80 code points, without control or invisible characters
	Data  json.RawMessage // of Update: a JSON object of the app, or nil for none; see [Limits]
	Seq   Seq             // of React: the message
	Emoji string          // of React: one emoji, at most 16 code points
	Off   bool            // of React: take it back
}
