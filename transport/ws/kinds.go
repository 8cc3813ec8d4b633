package ws

import (
	"context"

	"github.com/carlware/gochat/chat"
)

// request is the body of one kind of request.
type request interface {
	// check applies the rules of the wire; those of the chat are the hub's.
	check() *chat.Error
	// serve does it and adds what its ok carries to o.
	serve(ctx context.Context, c *conn, id string, o *object) error
}

// kind is one type of request.
type kind struct {
	name   string
	make   func() request
	hello  bool
	stores bool // its id is an idempotency key
	silent bool // may come without id, and then gets no reply
}

func of[T any, P interface {
	*T
	request
}]() func() request {
	return func() request { return P(new(T)) }
}

// kinds has all types of requests.
var kinds map[string]*kind

func init() { // not in the declaration: serve refers to kinds through conn
	kinds = map[string]*kind{
		"hello":       {make: of[helloRequest](), hello: true},
		"message":     {make: of[messageRequest](), stores: true},
		"command":     {make: of[commandRequest](), stores: true},
		"edit":        {make: of[editRequest](), stores: true},
		"delete":      {make: of[deleteRequest](), stores: true},
		"react":       {make: of[reactRequest](), stores: true},
		"create_room": {make: of[createRoomRequest](), stores: true},
		"direct":      {make: of[directRequest](), stores: true},
		"join":        {make: of[joinRequest](), stores: true},
		"leave":       {make: of[leaveRequest](), stores: true},
		"invite":      {make: of[inviteRequest](), stores: true},
		"remove":      {make: of[removeRequest](), stores: true},
		"ban":         {make: of[banRequest](), stores: true},
		"unban":       {make: of[unbanRequest](), stores: true},
		"set_member":  {make: of[setMemberRequest](), stores: true},
		"update_room": {make: of[updateRoomRequest](), stores: true},
		"history":     {make: of[historyRequest]()},
		"rooms":       {make: of[roomsRequest]()},
		"members":     {make: of[membersRequest]()},
		"commands":    {make: of[commandsRequest]()},
		"read":        {make: of[readRequest](), silent: true},
		"auth":        {make: of[authRequest]()},
		"ping":        {make: of[pingRequest]()},
		"typing":      {make: of[typingRequest](), silent: true},
		"complete":    {make: of[completeRequest]()},
	}
	for name, k := range kinds {
		k.name = name
	}
}
