package chat

import (
	"context"
	"encoding/json"
	"time"

	"github.com/carlware/gochat/command"
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
	// older than the room's access seq is [ErrStale], a name that another
	// public room has is [ErrConflict].
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

	// Heads returns the newest Seq of each of rooms that exists. One query.
	Heads(ctx context.Context, rooms []RoomID) (map[RoomID]Seq, error)

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
	Room RoomID
	ID   string   // idempotency key, 1 to 64 bytes, unique for the User in the room
	Hash [16]byte // of the request as its sender made it
	Kind EventKind
	User User // who does it; the name is kept with the user, not with the event

	Target   *User
	Ref      Seq
	Text     string
	Role     Role
	Off      bool
	Mentions []UserID
	Data     json.RawMessage

	// Basis is the access seq of the [Snapshot] that the write was authorised
	// by.
	Basis Seq
}

// Appended is the result of [Log.Append].
type Appended struct {
	Event     Event
	Duplicate bool // it was stored before
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
	Room    RoomID // chosen by the node
	By      User
	ID      string // idempotency key, unique for By among created rooms
	Hash    [16]byte
	Kind    RoomKind
	Name    string
	Hides   bool
	Data    json.RawMessage
	Members []NewMember // By is only a member if listed
}

// NewMember is a member that a room begins with.
type NewMember struct {
	User User
	Role Role
}

// CreatedRoom is the result of [Directory.CreateRoom].
type CreatedRoom struct {
	Info      RoomInfo
	Duplicate bool // it was there before
}

// Snapshot is a room and some users' places in it at one moment.
type Snapshot struct {
	Info RoomInfo
	// Access is the Seq of the last event that changed who may do what.
	Access  Seq
	Members map[UserID]Member
}

// Inbox is all rooms of a user at one moment.
type Inbox struct {
	Rev   int64 // the user's rooms revision
	Rooms []InboxEntry
}

// ReadMark says that User has read Room up to Seq.
type ReadMark struct {
	Room RoomID
	User UserID
	Seq  Seq
}

// CallStatus is how far a call is.
type CallStatus string

// The states of a call. Exactly one of the last three is its end.
const (
	CallPending   CallStatus = "pending"
	CallDone      CallStatus = "done"      // answered in the room, or in silence
	CallEphemeral CallStatus = "ephemeral" // answered to the caller only
	CallFailed    CallStatus = "failed"
)

// Calls keeps commands from when they are sent until their outcome has been
// forgotten, 24 hours after it.
type Calls interface {
	// OpenCall stores a pending call, due Timeout after the store's present
	// time. A second one with the same caller and Key returns the stored one
	// and true, whatever its state; with another Hash it returns
	// [ErrIDReused]. The room's access seq is checked as by [Log.Append].
	OpenCall(ctx context.Context, c NewCall) (Call, bool, error)

	// SettleCall ends a call and appends its answers to the room, in one
	// transaction. If the call has ended already, nothing changes and the
	// stored one is returned with false: the first wins. If the call's user
	// is not a member of the room any more, or the room is archived, it ends
	// as failed with code forbidden, without answers. A call that was never
	// opened, without New, is [ErrNotFound].
	SettleCall(ctx context.Context, s Settlement) (Call, bool, error)

	// Call returns the call with that id, or [ErrNotFound].
	Call(ctx context.Context, id string) (Call, error)

	// FindCall returns the call of user with that key, and its hash, or
	// [ErrNotFound].
	FindCall(ctx context.Context, user UserID, key string) (Call, [16]byte, error)

	// ExpireCalls ends up to limit pending calls whose deadline was more than
	// grace ago as failed with code timeout, and returns them. It passes over
	// those that another node is ending.
	ExpireCalls(ctx context.Context, grace time.Duration, limit int) ([]Call, error)

	// EndedCalls returns the calls of user that ended less than age ago,
	// oldest first; of more than 100 the last 100.
	EndedCalls(ctx context.Context, user UserID, age time.Duration) ([]Call, error)
}

// NewCall is a call to be stored.
type NewCall struct {
	ID      string // made by the node; the id of the request at the broker
	Key     string // idempotency key of the caller
	Hash    [16]byte
	Room    RoomID
	User    User // the caller
	Bot     User // who is to answer
	Name    string
	Line    string
	Timeout time.Duration
	Basis   Seq // as in [Write]
}

// Settlement is how a call ends.
type Settlement struct {
	ID string // of the pending call

	// New is set for a call that was never opened: it is stored with its end.
	// Its caller and Key are checked as by [Calls.OpenCall] first; a call
	// that is there already wins.
	New *NewCall

	// Answers are the texts that the bot says in the room, stored as messages
	// of the call's Bot with the ids "<call>.1", "<call>.2" and so on.
	Answers []string

	// Private is what only the caller is told.
	Private []string

	// Err makes the call a failed one, without answers.
	Err *command.Error
}

// Call is a stored call.
type Call struct {
	ID        string
	Key       string
	Room      RoomID
	User      User
	Bot       User
	Name      string
	Line      string
	Status    CallStatus
	Remaining time.Duration // until the deadline, by the store's clock when it was read; may be negative
	Seqs      []Seq         // of the answers
	Private   []string
	Err       *command.Error
}

// Revoker is a part that a [Store] may have: it keeps revocations until they
// have no more meaning. Without it [Node.Revoke] reaches only sessions that are
// connected now.
type Revoker interface {
	// Revoke stores a revocation. The same one again replaces it, with the
	// later Until.
	Revoke(ctx context.Context, r Revocation) error

	// Revocations returns the revocations whose Until has not passed by the
	// store's clock. It forgets others.
	Revocations(ctx context.Context) ([]Revocation, error)
}

// Revocation ends a login, or all logins of a user.
type Revocation struct {
	User UserID
	// Session is the login that ends; empty means all of the user's that
	// were made before Before.
	Session string
	// Before is when logins of the user count as new again; only without
	// Session.
	Before time.Time
	// Until is when the longest authentication that it concerns has ended by
	// itself.
	Until time.Time
}

// Trimmer is a part that a [Store] may have: it forgets old events.
type Trimmer interface {
	// Trim removes the oldest events of a room that are beyond what r says,
	// at most limit of them, and raises the room's Floor to the oldest event
	// that is left. It never removes the newest event, nor one younger than
	// [MinRetention], in which time requests may be sent again. Head never
	// moves back and no Seq is used twice. Markers, counts of what is unread
	// and places of members stay right. It returns how many it removed.
	Trim(ctx context.Context, room RoomID, r Retention, limit int) (int, error)

	// Trimmable returns up to limit rooms that r would remove events of, in
	// any order.
	Trimmable(ctx context.Context, r Retention, limit int) ([]RoomID, error)
}

// MinRetention is the least age at which an event may be removed.
const MinRetention = 24 * time.Hour

// Retention says which events a room keeps. Zero fields keep all.
type Retention struct {
	Age   time.Duration // not older than this; less than [MinRetention] means that
	Count int64         // not more than so many events
}
