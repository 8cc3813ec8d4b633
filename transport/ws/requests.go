package ws

import (
	"encoding/json"

	"github.com/carlware/gochat/chat"
)

type helloRequest struct {
	Epoch string                   `json:"epoch,omitempty"`
	Rooms map[chat.RoomID]chat.Seq `json:"rooms,omitempty"`
}

func (r *helloRequest) check() *chat.Error {
	if len(r.Rooms) > maxHelloRooms {
		return bad("rooms", "A hello names at most 2,000 rooms.")
	}
	for room, seq := range r.Rooms {
		if !validID(string(room)) {
			return bad("rooms", "A room id has 1 to 64 letters, digits, _ and -.")
		}
		if seq > maxSeq {
			return bad("rooms", "A seq is below 2^40.")
		}
	}
	return nil
}

type messageRequest struct {
	Room     chat.RoomID     `json:"room"`
	Text     *string         `json:"text"`
	ReplyTo  chat.Seq        `json:"reply_to,omitempty"`
	Mentions []chat.UserID   `json:"mentions,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
}

func (r *messageRequest) check() *chat.Error {
	return first(checkRoom(r.Room), required("text", r.Text), checkSeq("reply_to", r.ReplyTo, 0), checkData(r.Data))
}

type commandRequest struct {
	Room chat.RoomID `json:"room"`
	Text *string     `json:"text"`
}

func (r *commandRequest) check() *chat.Error {
	return first(checkRoom(r.Room), required("text", r.Text))
}

type editRequest struct {
	Room chat.RoomID     `json:"room"`
	Seq  chat.Seq        `json:"seq"`
	Text *string         `json:"text"`
	Data json.RawMessage `json:"data,omitempty"`
}

func (r *editRequest) check() *chat.Error {
	return first(checkRoom(r.Room), checkSeq("seq", r.Seq, 1), required("text", r.Text), checkData(r.Data))
}

type deleteRequest struct {
	Room chat.RoomID `json:"room"`
	Seq  chat.Seq    `json:"seq"`
}

func (r *deleteRequest) check() *chat.Error {
	return first(checkRoom(r.Room), checkSeq("seq", r.Seq, 1))
}

type reactRequest struct {
	Room  chat.RoomID `json:"room"`
	Seq   chat.Seq    `json:"seq"`
	Emoji *string     `json:"emoji"`
	On    *bool       `json:"on"`
}

func (r *reactRequest) check() *chat.Error {
	return first(checkRoom(r.Room), checkSeq("seq", r.Seq, 1), required("emoji", r.Emoji), required("on", r.On))
}

type createRoomRequest struct {
	Name    *string         `json:"name"`
	Kind    chat.RoomKind   `json:"kind,omitempty"`
	Members []chat.UserID   `json:"members,omitempty"`
	Hides   bool            `json:"hides_history,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
}

func (r *createRoomRequest) check() *chat.Error {
	return first(required("name", r.Name), checkData(r.Data))
}

type directRequest struct {
	User chat.UserID `json:"user"`
}

func (r *directRequest) check() *chat.Error { return checkUser(r.User) }

// roomRequest is the body of requests that only name a room.
type roomRequest struct {
	Room chat.RoomID `json:"room"`
}

func (r *roomRequest) check() *chat.Error { return checkRoom(r.Room) }

// placeRequest is the body of requests about somebody's place in a room.
type placeRequest struct {
	Room chat.RoomID `json:"room"`
	User chat.UserID `json:"user"`
}

func (r *placeRequest) check() *chat.Error { return first(checkRoom(r.Room), checkUser(r.User)) }

type (
	joinRequest   struct{ roomRequest }
	leaveRequest  struct{ roomRequest }
	inviteRequest struct{ placeRequest }
	removeRequest struct{ placeRequest }
	banRequest    struct{ placeRequest }
	unbanRequest  struct{ placeRequest }
)

type setMemberRequest struct {
	Room chat.RoomID `json:"room"`
	User chat.UserID `json:"user"`
	Role chat.Role   `json:"role"`
}

func (r *setMemberRequest) check() *chat.Error {
	fault := first(checkRoom(r.Room), checkUser(r.User))
	switch r.Role {
	case chat.Owner, chat.Admin, chat.Participant:
		return fault
	}
	return first(fault, bad("role", "A role is owner, admin or member."))
}

// updateRoomRequest changes one thing of a room, because one request is one
// event.
type updateRoomRequest struct {
	Room     chat.RoomID     `json:"room"`
	Name     *string         `json:"name,omitempty"`
	Archived *bool           `json:"archived,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
}

func (r *updateRoomRequest) check() *chat.Error {
	n := 0
	for _, given := range []bool{r.Name != nil, r.Archived != nil, r.Data != nil} {
		if given {
			n++
		}
	}
	if fault := first(checkRoom(r.Room), checkData(r.Data)); fault != nil || n == 1 {
		return fault
	}
	return bad("", "Change one of name, archived and data.")
}

type historyRequest struct {
	Room   chat.RoomID `json:"room"`
	Before *chat.Seq   `json:"before,omitempty"`
	After  *chat.Seq   `json:"after,omitempty"`
	Around *chat.Seq   `json:"around,omitempty"`
	Limit  *int        `json:"limit,omitempty"`
}

func (r *historyRequest) check() *chat.Error {
	fault := first(checkRoom(r.Room), checkLimit(r.Limit))
	if r.Before != nil {
		fault = first(fault, checkSeq("before", *r.Before, 1))
	}
	if r.After != nil {
		fault = first(fault, checkSeq("after", *r.After, 0))
	}
	if r.Around != nil {
		fault = first(fault, checkSeq("around", *r.Around, 1))
	}
	return fault
}

type roomsRequest struct {
	After chat.RoomID `json:"after,omitempty"`
	Limit *int        `json:"limit,omitempty"`
}

func (r *roomsRequest) check() *chat.Error {
	if r.After != "" && !validID(string(r.After)) {
		return bad("after", "A room id has 1 to 64 letters, digits, _ and -.")
	}
	return checkLimit(r.Limit)
}

type membersRequest struct {
	Room  chat.RoomID `json:"room"`
	After chat.UserID `json:"after,omitempty"`
	Limit *int        `json:"limit,omitempty"`
}

func (r *membersRequest) check() *chat.Error { return first(checkRoom(r.Room), checkLimit(r.Limit)) }

type commandsRequest struct {
	Room  chat.RoomID `json:"room,omitempty"`
	After string      `json:"after,omitempty"`
	Limit *int        `json:"limit,omitempty"`
}

func (r *commandsRequest) check() *chat.Error { return first(mayRoom(r.Room), checkLimit(r.Limit)) }

// mayRoom checks the id of a room that may be left out.
func mayRoom(id chat.RoomID) *chat.Error {
	if id == "" {
		return nil
	}
	return checkRoom(id)
}

// completeRequest has its cursor in UTF-16 code units, as the strings of
// JavaScript, Java and JSON's own escapes count.
type completeRequest struct {
	Room   chat.RoomID `json:"room,omitempty"`
	Text   *string     `json:"text"`
	Cursor *int        `json:"cursor"`
}

func (r *completeRequest) check() *chat.Error {
	fault := first(mayRoom(r.Room), required("text", r.Text), required("cursor", r.Cursor))
	if fault == nil && *r.Cursor < 0 {
		return bad("cursor", "A cursor is a number of UTF-16 code units.")
	}
	return fault
}

type readRequest struct {
	Room chat.RoomID `json:"room"`
	Seq  chat.Seq    `json:"seq"`
}

func (r *readRequest) check() *chat.Error { return first(checkRoom(r.Room), checkSeq("seq", r.Seq, 1)) }

type typingRequest struct {
	Room chat.RoomID `json:"room"`
}

func (r *typingRequest) check() *chat.Error { return checkRoom(r.Room) }

type authRequest struct {
	Token string `json:"token"`
}

func (r *authRequest) check() *chat.Error {
	if r.Token == "" {
		return bad("token", "A token is needed.")
	}
	return nil
}

type pingRequest struct{}

func (r *pingRequest) check() *chat.Error { return nil }
