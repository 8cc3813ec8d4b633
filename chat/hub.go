package chat

import (
	"context"
	"encoding/json"
	"time"

	"github.com/carlware/gochat/command"
)

// Hub is a chat: rooms, their people and their live sessions. [Node] is one;
// transports consume it, and a decorator that wraps it can add rules.
//
// Every action names its actor, by, who must have been authenticated by the
// host: there is one place where rights are checked. All methods may be called
// concurrently.
type Hub interface {
	// Admit makes an authenticated user known: it keeps the name, refuses
	// whoever is revoked ([ErrRevoked]) or expired ([ErrExpired]), and lets a
	// newcomer into the lobby. Connect does it by itself; transports without
	// sessions call it for each request, which is cheap.
	Admit(ctx context.Context, p Principal) error

	// Connect begins a live session. ctx bounds only the call. The session
	// ends by its Close, by [Node.Shutdown], or with an error told by
	// [Session.Err].
	Connect(ctx context.Context, p Principal, o *SessionOptions) (*Session, error)

	// CreateRoom makes a public or private room with by as its owner. A taken
	// name of a public room is [ErrConflict].
	CreateRoom(ctx context.Context, by UserID, r NewRoom) (Room, error)

	// Direct returns the room that by and with share, and makes it if there
	// is none: the same for both, whoever asks first. With oneself it is a
	// room of one's own. id is an idempotency key. Unknown users are
	// [ErrNotFound].
	Direct(ctx context.Context, by, with UserID, id string) (Room, error)

	// Room returns a room that by is a member of, or that is public; others
	// are [ErrNotFound].
	Room(ctx context.Context, by UserID, id RoomID) (Room, error)

	// Rooms pages through the rooms that by is a member of and the public
	// ones that by could join, in the order of their ids. limit is 1 to 200;
	// 0 means 50.
	Rooms(ctx context.Context, by UserID, after RoomID, limit int) ([]RoomInfo, error)

	// Inbox returns all rooms that by is a member of, with what is unread.
	Inbox(ctx context.Context, by UserID) (Inbox, error)

	// Commands returns the specs of the commands that by may call in a room,
	// /help included, sorted by name: none where by may call none. An empty
	// room means all commands; where a spec names roles, it depends on the
	// room whether by may call it.
	Commands(ctx context.Context, by UserID, room RoomID) ([]command.Spec, error)

	// Limits returns the limits that requests are held to.
	Limits() Limits
}

// Room is one room of a [Hub]. It is a handle: it holds no state that could
// be old, and needs no closing. All methods may be called concurrently.
//
// Requests that store something carry an idempotency key: 16 to 64 of A-Z,
// a-z, 0-9, "_", "-", unique for the user for ever; 22 characters of 128
// random bits in base64url do ([NewID] makes one). The same request again, on
// any node and after any crash, gives the same answer and stores nothing.
// After [ErrOutcomeUnknown] that is how to find out.
type Room interface {
	// Info describes the room as by sees it.
	Info(ctx context.Context, by UserID) (RoomInfo, error)

	// Post stores a message. It returns when the message is committed.
	Post(ctx context.Context, by UserID, d Draft) (Receipt, error)

	// Edit replaces the text and data of a message that by wrote.
	Edit(ctx context.Context, by UserID, e Edit) (Receipt, error)

	// Delete empties a message that by wrote, or any message for owners and
	// admins. Deleting it again is a no-op.
	Delete(ctx context.Context, by UserID, seq Seq, id string) (Receipt, error)

	// Command runs a command line such as "/stock=aapl.us". It returns when
	// the command is on its way; the [Outcome] goes to all sessions of by, and
	// to [PendingCall.Wait].
	Command(ctx context.Context, by UserID, line CommandLine) (*PendingCall, error)

	// History reads a part of the log.
	History(ctx context.Context, by UserID, r Range) (Page, error)

	// Members pages through the members, in the order of their user ids.
	// limit is 1 to 200; 0 means 50.
	Members(ctx context.Context, by UserID, after UserID, limit int) ([]Member, error)

	// MarkRead moves by's read marker to seq, if that is forward. It may be
	// stored a second later, and then by's sessions are told by a [Read]
	// notice, and others in the room while it has at most 20 live sessions on
	// their node.
	MarkRead(ctx context.Context, by UserID, seq Seq) error

	// Change does what a [Change] says. One that changes nothing, such as
	// joining twice, stores nothing and returns a zero Receipt.
	Change(ctx context.Context, by UserID, c Change) (Receipt, error)
}

// Principal is who authenticated, as the host says.
type Principal struct {
	// User is who it is; Bot means nothing here.
	User User
	// Session names the login, so that it can be revoked alone. May be empty.
	Session string
	// Since is when the login was made. Revoking all logins of a user
	// concerns those that were made before; zero is before all.
	Since time.Time
	// Expires is when the authentication ends. Zero means never.
	Expires time.Time
}

// NewRoom is a room to be created.
type NewRoom struct {
	ID      string          // idempotency key
	Name    string          // 1 to 80 code points, without control or invisible characters
	Kind    RoomKind        // Public or Private; empty means Public
	Members []UserID        // besides its creator; see [Limits]
	Hides   bool            // members don't see what was before they joined
	Data    json.RawMessage // a JSON object of the app, or nil
}

// Draft is a message to be posted.
type Draft struct {
	ID       string          // idempotency key
	Text     string          // see [Limits]; taken literally, it is never a command
	ReplyTo  Seq             // a message of the room that is not deleted, or 0
	Mentions []UserID        // whom it names, see [Limits]; who is not a member is left out
	Data     json.RawMessage // a JSON object of the app, or nil; stored and delivered as it is
}

// Edit is what takes the place of a message's text and data. An edited message
// mentions nobody.
type Edit struct {
	ID   string          // idempotency key
	Seq  Seq             // of the message
	Text string          // see [Limits]
	Data json.RawMessage // a JSON object of the app, or nil
}

// CommandLine is a command to be run.
type CommandLine struct {
	ID   string // idempotency key
	Text string // as typed, beginning with "/"
}

// Receipt is a stored event.
type Receipt struct {
	Event     Event // as it is stored, with Seq and Time
	Duplicate bool  // it was stored by an earlier request with the same id
}

// SessionOptions are the options of [Hub.Connect]. nil means all defaults.
type SessionOptions struct {
	// Epoch, with Rooms, resumes a former session: it is the epoch that its
	// welcome told.
	Epoch string
	// Rooms has for each room the last Seq that was received. Rooms that are
	// not listed begin live at their head, as all do with another epoch. It is
	// not kept.
	Rooms map[RoomID]Seq

	// Wake is called when there is something to take: when the session's queue
	// stops being empty, when Take has left something in it, and when the
	// session ends. It may be called from any goroutine, also before Connect
	// has returned, while locks are held: it must not block and must not call
	// the session. nil means that the session is read by [Session.Next].
	Wake func()
}

// Welcome is what a session begins with.
type Welcome struct {
	User    User         `json:"user"`              // whose session it is
	Session string       `json:"session,omitempty"` // the login, as in [Principal]
	Epoch   string       `json:"epoch"`             // of the store, for [SessionOptions]
	Time    time.Time    `json:"time"`              // the node's clock, for a client that wants to know its own error
	Limits  Limits       `json:"limits"`            // that requests are held to
	Rooms   []InboxEntry `json:"rooms"`             // all that the user is a member of
}

// A Delivery is one thing that a session receives. Exactly one of its pointers
// is set. Deliveries are shared between sessions and must not be changed.
type Delivery struct {
	Event   *Event   // the next event of a room
	Notice  *Notice  // something that need not survive
	Outcome *Outcome // how a command of the user ended
	Gap     *Gap     // events that will not be delivered

	frame frame
}

// Frame returns the encoded form of d: the result of the first encode, which
// is called once however many sessions receive d. All users of one node must
// encode alike. It may be called concurrently.
func (d *Delivery) Frame(encode func(*Delivery) []byte) []byte {
	d.frame.once.Do(func() { d.frame.bytes = encode(d) })
	return d.frame.bytes
}

// NoticeKind says what a [Notice] tells.
type NoticeKind string

// The kinds of notices.
const (
	RoomCreated NoticeKind = "room_created" // Room: a public room that can be joined
	RoomUpdated NoticeKind = "room_updated" // Room
	Added       NoticeKind = "added"        // Room: the user is a member of it now
	Progress    NoticeKind = "progress"     // Call, Text
	Typing      NoticeKind = "typing"       // User is writing in the room In; or Count users are, see [Limits].Crowd
	Presence    NoticeKind = "presence"     // User is connected somewhere, or not: Online; or Count users are in the room In
	Read        NoticeKind = "read"         // User has read the room In up to Seq
)

// Notice is something that need not survive: it has no Seq, may be dropped,
// and what it tells is told again at the next connect.
type Notice struct {
	Kind   NoticeKind `json:"kind"`             // it says which of the other fields count
	Room   *RoomInfo  `json:"room,omitempty"`   // all about a room
	In     RoomID     `json:"in,omitempty"`     // the room it happens in
	User   *User      `json:"user,omitempty"`   // who
	Online *bool      `json:"online,omitempty"` // of Presence
	Count  *int       `json:"count,omitempty"`  // of Typing and Presence, in place of User
	Seq    Seq        `json:"seq,omitempty"`    // of Read
	Call   string     `json:"call,omitempty"`   // of Progress: the call, as in [Outcome]
	Text   string     `json:"text,omitempty"`   // of Progress
}

// Outcome is how a command ended, for its caller only. Equal repeats are
// possible.
type Outcome struct {
	ID     string     `json:"re"`              // the idempotency key of the command
	Call   string     `json:"call"`            // the call
	Room   RoomID     `json:"room"`            // where it was given
	Status CallStatus `json:"status"`          // never pending
	Text   string     `json:"text,omitempty"`  // what only the caller is told, parts joined by newlines
	Seqs   []Seq      `json:"seqs,omitempty"`  // of the answers in the room
	Error  *Error     `json:"error,omitempty"` // of a failed one
}

// Error is an error as it crosses the wire. Codes are stable; messages are
// for people.
type Error struct {
	Code    string `json:"code"`            // of PROTOCOL.md in transport/ws, or a bot's own
	Message string `json:"message"`         // a sentence for people
	Field   string `json:"field,omitempty"` // the faulty one on the wire, such as "text"
	// RetryAfter is in milliseconds.
	RetryAfter int64 `json:"retry_after_ms,omitempty"`
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Gap says that the events of Room after After up to Head will not be
// delivered; read them with [Room.History]. Live delivery goes on at Head+1.
type Gap struct {
	Room  RoomID `json:"room"`  // where
	After Seq    `json:"after"` // the last event that was delivered, or 0
	Head  Seq    `json:"head"`  // the newest event that will not be
	Floor Seq    `json:"floor"` // the oldest event that there is to read
	// Reset: what was received of the room before is not part of this store.
	Reset bool `json:"reset,omitempty"`
}
