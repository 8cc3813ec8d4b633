package chat

import (
	"encoding/json"
	"time"
)

// UserID names a user. The host makes it: 1 to 64 bytes of valid UTF-8
// without control characters, so UUIDs and e-mail addresses fit. Ids that begin
// with "bot:" belong to bots.
type UserID string

// RoomID names a room. The node makes it: 1 to 64 of A-Z, a-z, 0-9, "_", "-".
type RoomID string

// Seq is a position in a room's log. The first event of a room is 1, there
// are no gaps, and no number is used twice. It stays below 2^40, so it is
// exact in a JavaScript number.
type Seq uint64

// System is the actor of what the program itself does. It may do everything
// that the state of a room allows.
const System UserID = "system"

// User is somebody who acts in rooms.
type User struct {
	ID   UserID `json:"id"`            // who it is, for ever
	Name string `json:"name"`          // shown to people; 1 to 80 code points
	Bot  bool   `json:"bot,omitempty"` // a program
}

// EventKind says what happened. Kinds may be added; readers skip those they
// don't know.
type EventKind string

// The kinds of events. User is who did it, Target is whom it was done to, and
// Ref is the message it is about.
const (
	Created     EventKind = "created"      // the room began; Text is its name
	Message     EventKind = "message"      // Text, Data; Ref is what it replies to
	Joined      EventKind = "joined"       // Target is a member from here on, with Role
	Left        EventKind = "left"         // Target is no longer a member
	Banned      EventKind = "banned"       // Target may not be a member; Off: may again
	RoleChanged EventKind = "role_changed" // Target has Role from here on
	Renamed     EventKind = "renamed"      // Text is the new name
	Archived    EventKind = "archived"     // nothing more can be posted; Off: it can again
	Updated     EventKind = "updated"      // Data is the room's new data
	Edited      EventKind = "edited"       // the message Ref has a new Text and Data
	Deleted     EventKind = "deleted"      // the message Ref is empty from here on
	Reacted     EventKind = "reacted"      // User reacted to Ref with the emoji Text; Off: took it back
)

// Event is one entry of a room's log. Everything that must survive is an
// event; the order of the log is the order of Seq, never of Time.
//
// Events are shared between sessions: whoever receives one must not change it,
// nor what it points to. The JSON form is the one of the wire protocol.
type Event struct {
	Room RoomID    `json:"room"` // whose log it is in
	Seq  Seq       `json:"seq"`  // its place there
	ID   string    `json:"id"`   // the idempotency key its sender chose
	Kind EventKind `json:"kind"` // what happened; it says which of the fields below count
	Time time.Time `json:"time"` // the store's clock, UTC, whole milliseconds; never runs backwards in a room
	User User      `json:"user"` // who did it, under the name of today

	Target   *User           `json:"target,omitempty"`   // whom it was done to
	Ref      Seq             `json:"ref,omitempty"`      // the message it is about
	Text     string          `json:"text,omitempty"`     // of a message, or a name or an emoji
	Role     Role            `json:"role,omitempty"`     // of Target
	Off      bool            `json:"off,omitempty"`      // it was taken back
	Mentions []UserID        `json:"mentions,omitempty"` // by a message
	Call     *CallRef        `json:"call,omitempty"`     // the command that this message answers
	Data     json.RawMessage `json:"data,omitempty"`     // the app's own JSON object

	// Of a message that is read after it was changed: the Edited event that
	// gave it its present text.
	EditedBy Seq `json:"edited_by,omitempty"`
	// DeletedBy is the Deleted event that emptied it; then EditedBy is 0.
	DeletedBy Seq `json:"deleted_by,omitempty"`

	// Reactions are those of a message that is read from the log, in the
	// order in which their emoji were first used. A live event has none.
	Reactions []Reaction `json:"reactions,omitempty"`
}

// Reaction is an emoji that users have put on a message.
type Reaction struct {
	Text  string   `json:"text"`  // the emoji
	Count int      `json:"count"` // how many users
	Users []UserID `json:"users"` // the first of them, at most 20, and always the reader if among them
}

// CallRef names the command that a message answers.
type CallRef struct {
	ID   string `json:"id"`   // the call
	Name string `json:"name"` // the command, without the slash
	By   User   `json:"by"`   // who asked
}

// Role is what a member may do in a room. See the table at [Change].
type Role string

// The roles of members.
const (
	Owner       Role = "owner"  // may do everything
	Admin       Role = "admin"  // keeps order
	Participant Role = "member" // talks
)

// RoomKind says who may find and enter a room.
type RoomKind string

// The kinds of rooms.
const (
	Public  RoomKind = "public"  // anybody may find it and join
	Private RoomKind = "private" // members are invited; nobody else knows of it
	Direct  RoomKind = "direct"  // between two users, or one's own notes; nobody joins or leaves
)

// RoomInfo describes a room.
type RoomInfo struct {
	ID       RoomID          `json:"id"`                      // chosen by the node
	Name     string          `json:"name,omitempty"`          // 1 to 80 code points; direct rooms have none
	Kind     RoomKind        `json:"kind"`                    // never changes
	Archived bool            `json:"archived,omitempty"`      // nothing more can be posted
	Hides    bool            `json:"hides_history,omitempty"` // a member does not see what was before the join
	Created  time.Time       `json:"created"`                 // the time of the first event
	Data     json.RawMessage `json:"data,omitempty"`          // the app's own JSON object
	Head     Seq             `json:"head"`                    // the newest event
	Floor    Seq             `json:"floor"`                   // the oldest event that is kept
	Members  int             `json:"members"`                 // how many there are

	// With is who a direct room is shared with, as seen by the user who
	// asked: oneself in a room of one's own; nil where nobody asked.
	With *User `json:"with,omitempty"`
}

// Member is somebody's place in a room.
type Member struct {
	User        User `json:"user"`             // who
	Role        Role `json:"role,omitempty"`   // what the member may do
	Banned      bool `json:"banned,omitempty"` // then not a member, and Role is empty
	Since       Seq  `json:"since"`            // of the Joined event
	VisibleFrom Seq  `json:"-"`                // the first event the member may see; 0 is all
	Read        Seq  `json:"read"`             // the read marker
	Online      bool `json:"online,omitempty"` // connected somewhere, as far as this node knows; filled in by [Room]
}

// InboxEntry is one room as a member's room list shows it.
type InboxEntry struct {
	RoomInfo
	Role        Role   `json:"role"`           // the user's own
	Read        Seq    `json:"read"`           // the read marker
	Unread      int64  `json:"unread"`         // messages after it and the join, own and deleted ones included
	Last        *Event `json:"last,omitempty"` // the newest message that the user may see
	Since       Seq    `json:"-"`              // of the Joined event
	VisibleFrom Seq    `json:"-"`              // the first event the user may see; 0 is all
	Access      Seq    `json:"-"`              // see [Snapshot]
}

// Range selects a part of a room's log. The zero value is the newest events.
type Range struct {
	After  Seq // only events after this one; 0: from the floor, when Before is 0 too: the newest
	Before Seq // only events before this one; 0: up to the head
	Limit  int // at most so many events; 0 means 50, more than 200 means 200

	// Forward reads on from After even when After is 0.
	Forward bool

	// Around asks [Room.History] for the events before and after this one,
	// about as many of each, and for itself. It excludes Before and After.
	// Stores are not asked for it.
	Around Seq
}

// Page is a run of a room's log, in ascending order without gaps.
type Page struct {
	Events []Event `json:"events"` // the caller's slice
	Head   Seq     `json:"head"`   // the newest event when the page was read
	Floor  Seq     `json:"floor"`  // the oldest event that the reader can get
	More   bool    `json:"more"`   // there is more of the Range in the direction of reading, or of Around in either
}
