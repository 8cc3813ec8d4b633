package ws

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// head is what a client looks at first in a frame of the server.
type head struct {
	Type string  `json:"type"`
	Re   *string `json:"re"`
}

// welcomeReply is a welcome.
type welcomeReply struct {
	chat.Welcome
	More bool `json:"more"`
}

// storedReply is the ok of a request that stores something.
type storedReply struct {
	Room chat.RoomID   `json:"room"`
	Seq  chat.Seq      `json:"seq"`
	Time time.Time     `json:"time"`
	Dup  bool          `json:"dup"`
	Info chat.RoomInfo `json:"info"` // create_room and direct
}

// commandReply is the ok of a command.
type commandReply struct {
	Call      string `json:"call"`
	TimeoutMS int64  `json:"timeout_ms"`
}

// listReply is the ok of a list.
type listReply struct {
	Rooms    []chat.InboxEntry `json:"rooms"`
	Members  []chat.Member     `json:"members"`
	Commands []command.Spec    `json:"commands"`
	More     bool              `json:"more"`
}

// completeReply is the ok of complete. Start and End are UTF-16 code units.
type completeReply struct {
	Start   int              `json:"start"`
	End     int              `json:"end"`
	Choices []command.Choice `json:"choices"`
	Arg     *command.Arg     `json:"arg"`
}

// errorReply is an error.
type errorReply struct {
	Error chat.Error `json:"error"`
}

// notice is a notice, with what only the transport tells.
type notice struct {
	chat.Notice
	Expires time.Time `json:"expires"`
}

// errMalformed: a frame of the server that can't be read.
var errMalformed = errors.New("ws: malformed frame")

// as decodes a frame of the server. Fields that it does not know are left out.
func as[T any](data []byte) (T, error) {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return v, nil
}
