package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/carlware/gochat/internal/strictjson"
	"github.com/carlware/gochat/transport"
)

// wireVersion is the v of all bodies. The package comment has their form.
const wireVersion = 1

type wireRequest struct {
	V    int    `json:"v"`
	Name string `json:"name"`
	Args string `json:"args,omitempty"`
	Line string `json:"line"`
	Room Room   `json:"room"`
	User User   `json:"user"`
}

type wireResult struct {
	V     int    `json:"v"`
	Parts []Part `json:"parts,omitempty"`
	Error *Error `json:"error,omitempty"`
}

type wireAnnouncement struct {
	V        int        `json:"v"`
	Commands []wireSpec `json:"commands"`
}

type wireProgress struct {
	V    int    `json:"v"`
	ID   string `json:"id"`
	N    int    `json:"n"`
	Text string `json:"text"`
}

// encode writes v without the HTML escapes of json.Marshal, which would make
// text up to six times as long.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("command: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func decode(body []byte, v any, version *int) error {
	if len(body) > transport.MaxBody {
		return fmt.Errorf("command: body is longer than %d bytes", transport.MaxBody)
	}
	if err := strictjson.Unmarshal(body, v); err != nil {
		return fmt.Errorf("command: %w", err)
	}
	if *version != wireVersion {
		return fmt.Errorf("command: body has version %d, not %d", *version, wireVersion)
	}
	return nil
}

// decodeCall makes a Call of a request that the broker delivered.
func decodeCall(r transport.Request) (Call, error) {
	var w wireRequest
	if err := decode(r.Body, &w, &w.V); err != nil {
		return Call{}, err
	}
	switch {
	case r.ID == "":
		return Call{}, errors.New("command: request has no id")
	case w.Name != r.Command:
		return Call{}, fmt.Errorf("command: request for /%s came to /%s", shown(w.Name), r.Command)
	case w.Room.ID == "" || w.User.ID == "":
		return Call{}, errors.New("command: request names no room or no user")
	}
	if err := checkText(w.Line); err != nil {
		return Call{}, err
	}
	if w.Args != "" {
		if err := checkText(w.Args); err != nil {
			return Call{}, err
		}
	}
	return Call{
		ID: r.ID, Bot: r.Bot, Name: w.Name, Args: w.Args, Line: w.Line,
		Room: w.Room, User: w.User, Remaining: r.Timeout, Attempt: r.Attempt,
	}, nil
}

func encodeCall(c Call) ([]byte, error) {
	return encode(wireRequest{wireVersion, c.Name, c.Args, c.Line, c.Room, c.User})
}

// encodeReply writes r, or an error in its place when its text grows over what
// the broker carries because JSON has to escape most of it.
func encodeReply(name string, r Reply) ([]byte, error) {
	body, err := encode(wireResult{wireVersion, r.Parts, r.Err})
	if err == nil && len(body) > transport.MaxBody {
		return encode(wireResult{V: wireVersion, Error: &Error{CodeBotError, "/" + name + " answered too much."}})
	}
	return body, err
}

// decodeReply reads a result. A result that can be read but breaks a limit is
// an answer too: that the bot failed.
func decodeReply(body []byte) (Reply, error) {
	var w wireResult
	if err := decode(body, &w, &w.V); err != nil {
		return Reply{}, err
	}
	if w.Error != nil {
		return Reply{Err: w.Error.fit()}, nil
	}
	var a answer
	for _, p := range w.Parts {
		if a.add(p) != nil {
			return Reply{Err: Fail("The bot's answer can't be shown.")}, nil
		}
	}
	return Reply{Parts: a.parts}, nil
}

func encodeSpecs(specs []Spec) ([]byte, error) {
	w := wireAnnouncement{V: wireVersion, Commands: []wireSpec{}}
	for _, s := range specs {
		w.Commands = append(w.Commands, wireSpec{"", s.Name, s.Summary, s.Usage, s.Args, s.Timeout.Milliseconds(), s.Roles})
	}
	return encode(w)
}

// decodeSpecs reads an announcement of bot. One bad spec spoils the lot: half a
// bot would be harder to understand than none.
func decodeSpecs(bot string, body []byte) ([]Spec, error) {
	if !validName(bot) {
		return nil, fmt.Errorf("command: bot name %q is not [a-z][a-z0-9_-]{0,%d}", shown(bot), MaxNameLen-1)
	}
	var w wireAnnouncement
	if err := decode(body, &w, &w.V); err != nil {
		return nil, err
	}
	if len(w.Commands) > maxCommands {
		return nil, fmt.Errorf("command: more than %d commands", maxCommands)
	}
	specs := make([]Spec, 0, len(w.Commands))
	for _, c := range w.Commands {
		s := c.spec()
		s.Bot = bot
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("command: %w", err)
		}
		s.complete()
		specs = append(specs, s)
	}
	return specs, nil
}
