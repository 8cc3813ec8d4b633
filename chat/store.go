package chat

import (
	"context"
	"encoding/json"
)

// Store keeps rooms, their logs, members and calls. It only moves data: what
// may be done is decided by the [Node]. [NewMemoryStore] and the packages
// sqlite and postgres have implementations; package chattest has the suite
// that every implementation runs.
//
// All methods may be called concurrently. A method that writes commits before
// it returns. When its ctx ends before the write was taken up, nothing is
// stored and the ctx's error is returned; when it ends later, the error is
// [ErrOutcomeUnknown], and the same call again gives the answer. Slices and
// maps that are passed in are not kept; what is returned belongs to the caller,
// but events are never changed by anyone. Ids are compared, and ordered, by
// their bytes; names as [strings.EqualFold] does.
//
// A user that is named in a write and not known yet is stored; the name of one
// that is known changes by PutUsers only, and then wherever it is read.
type Store interface {
	Log
	Directory
	Calls

	// Attach makes committed the receiver of all events that this store
	// commits, and tells who the store is. A [Node] calls it once, before all
	// else; a second call is an error.
	//
	// committed is called with each committed batch, in the order of Seq for
	// each room, one call at a time, before the writers of the batch get
	// their answers. It does not block, and the slice is its own. Duplicates
	// are not part of it.
	Attach(committed func([]Event)) (Identity, error)

	// Close waits for writes that were taken up, refuses all other calls with
	// [ErrClosed], and frees what was opened. Calling it again is a no-op.
	Close() error
}

// Identity tells which store it is and which life of it.
type Identity struct {
	// Store is random, made when the store was created, 22 of A-Za-z0-9_-.
	Store string
	// Epoch is random and changes whenever the log may not be a continuation
	// of the one that clients have seen.
	Epoch string
}

// Log is the ordered history of each room.
type Log interface {
	// Append stores one event with the next Seq of its room, together with
	// what it changes: see [Write]. A second Append with the same Room, User
	// and ID returns the event that is stored, with Duplicate set, and
	// changes nothing; with another Hash it returns [ErrIDReused]. That is
	// decided before all else. Then: no such room is [ErrNotFound], a Basis
	// older than the room's access seq is [ErrStale], and so is Known beyond
	// the head; a name that another public room has is [ErrConflict].
	Append(ctx context.Context, w Write) (Appended, error)

	// Find returns the event that user stored in room with id, and its hash,
	// or [ErrNotFound].
	Find(ctx context.Context, room RoomID, user UserID, id string) (Event, [16]byte, error)

	// Page reads a part of the log as viewer may see it. Membership and rows
	// are read in one snapshot: a viewer who is not a member in it gets
	// [ErrNotFound]. The viewer [System] sees everything. Limit is obeyed
	// within 1 to 200 and a page may be shorter to stay below 200 KiB of
	// text and data; More tells.
	Page(ctx context.Context, viewer UserID, room RoomID, r Range) (Page, error)

	// Heads compares what is known of rooms with their newest Seq, and returns
	// the newest of those where it is another: 0 for a room that does not
	// exist. A node asks for all of its rooms every two seconds, and nearly
	// always nothing is new. One query.
	Heads(ctx context.Context, known map[RoomID]Seq) (map[RoomID]Seq, error)

	// RotateEpoch replaces the epoch if it still is old, and returns the one
	// that holds then.
	RotateEpoch(ctx context.Context, old string) (string, error)
}

// Write is an event to be stored. The store gives it Seq and Time, applies to
// its tables what the kind says, raises the rooms revision of Target when its
// membership or role changes, and moves the access seq of the room to the new
// Seq for all kinds but Message, Edited, Deleted, Reacted, Renamed and Updated.
//
//	Joined       Target becomes a member with Role, from this Seq on
//	Left         Target's membership ends
//	Banned       Target's membership ends and it is marked; Off removes the mark
//	RoleChanged  Target has Role
//	Renamed      the room has the name Text
//	Archived     the room is archived, or not when Off
//	Updated      the room has Data
//	Edited       the message Ref gets Text, Mentions and Data; they are not kept in the event itself
//	Deleted      the message Ref loses Text, Mentions and Data
//	Reacted      User has the reaction Text on Ref, or not when Off
//
// Edited events are returned with the present Text, Mentions and Data of their
// message, also when they are read later. For Edited, Deleted and Reacted, Ref
// must name a stored Message of the room that is not deleted, else
// [ErrNotFound]. A message has at most 50 different reactions; one more is an
// [*InputError] of the field "text".
type Write struct {
	Room RoomID    // must exist
	ID   string    // idempotency key, 1 to 64 bytes, unique for the User in the room
	Hash [16]byte  // of the request as its sender made it
	Kind EventKind // any but Created, which [Directory.CreateRoom] stores
	User User      // who does it; the name is kept with the user, not with the event

	// What the event says, as in [Event]. The node has checked it.
	Target   *User           // whom it is done to
	Ref      Seq             // the message it is about
	Text     string          // of a message, or a name or an emoji
	Role     Role            // of Target
	Off      bool            // it is taken back
	Mentions []UserID        // by a message
	Data     json.RawMessage // a JSON object of the app, or nil

	// Basis is the access seq of the [Snapshot] that the write was authorised
	// by.
	Basis Seq

	// Known is a Seq that the room has, as far as the node was told; 0 tells
	// nothing. A log that does not reach it is an older one than that of which
	// the node knows who may write.
	Known Seq
}

// Appended is the result of [Log.Append].
type Appended struct {
	Event     Event // as it is stored, with Seq and Time
	Duplicate bool  // it was stored before
}

// Directory is who there is and where they are members.
type Directory interface {
	// PutUsers stores users, or their new names.
	PutUsers(ctx context.Context, users []User) error

	// Users returns those of ids that are known, in no order.
	Users(ctx context.Context, ids []UserID) ([]User, error)

	// CreateRoom stores a room with a Created event, and a Joined event for
	// each of its members, all by By, with the ids ID and "<ID>.1", "<ID>.2"
	// and so on. A second call with the same By and ID, or a Direct
	// room for the same people, returns the room that is stored, with
	// Duplicate set; the same ID with another Hash is [ErrIDReused], a name
	// that another public room has, without regard to case, is [ErrConflict].
	CreateRoom(ctx context.Context, w RoomWrite) (CreatedRoom, error)

	// Snapshot reads a room and the places of some users in it, at one
	// moment. Users that are neither members nor banned are left out. No such
	// room is [ErrNotFound].
	Snapshot(ctx context.Context, room RoomID, users []UserID) (Snapshot, error)

	// RoomNamed returns the public room of that name, without regard to
	// case, or [ErrNotFound].
	RoomNamed(ctx context.Context, name string) (RoomInfo, error)

	// Inbox returns all rooms that user is a member of, at one moment, in the
	// order of their ids, by a number of queries that does not depend on
	// the number of rooms.
	Inbox(ctx context.Context, user UserID) (Inbox, error)

	// Rooms pages through the rooms that user is a member of, and the public
	// ones that user could join: not archived, and not banned from. The order
	// is that of their ids, beginning after the given one. limit is 1 to 200.
	Rooms(ctx context.Context, user UserID, after RoomID, limit int) ([]RoomInfo, error)

	// Members pages through the members of a room in the order of their user
	// ids, checking viewer as [Log.Page] does. limit is 1 to 200. Banned
	// users are listed only for owners, admins and [System].
	Members(ctx context.Context, viewer UserID, room RoomID, after UserID, limit int) ([]Member, error)

	// MarkRead moves read markers forward, never back and never beyond the
	// head. Marks of users that are not members are ignored.
	MarkRead(ctx context.Context, marks []ReadMark) error

	// RoomsRevs returns the rooms revision of each of users that is known. It
	// grows with every change of a user's memberships. One query.
	RoomsRevs(ctx context.Context, users []UserID) (map[UserID]int64, error)
}

// RoomWrite is a room to be stored.
type RoomWrite struct {
	Room    RoomID          // chosen by the node
	By      User            // who makes it
	ID      string          // idempotency key, unique for By among created rooms
	Hash    [16]byte        // of the request as its sender made it
	Kind    RoomKind        // of the room
	Name    string          // of the room; empty for a Direct one
	Hides   bool            // members don't see what was before they joined
	Data    json.RawMessage // a JSON object of the app, or nil
	Members []NewMember     // By is only a member if listed
}

// NewMember is a member that a room begins with.
type NewMember struct {
	User User // stored if it is not known
	Role Role // from the beginning
}

// CreatedRoom is the result of [Directory.CreateRoom].
type CreatedRoom struct {
	Info      RoomInfo // as it is stored
	Duplicate bool     // it was there before
}

// Snapshot is a room and some users' places in it at one moment.
type Snapshot struct {
	Info    RoomInfo          // without With
	Access  Seq               // of the last event that changed who may do what
	Members map[UserID]Member // of the users that were asked for, by their ids
}

// Inbox is all rooms of a user at one moment.
type Inbox struct {
	Rev   int64        // the user's rooms revision
	Rooms []InboxEntry // in the order of their ids
}

// ReadMark says that User has read Room up to Seq.
type ReadMark struct {
	Room RoomID // where
	User UserID // who
	Seq  Seq    // up to and with this event
}
