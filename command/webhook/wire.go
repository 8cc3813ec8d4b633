package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"time"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/internal/strictjson"
)

// maxBody is the most that is read of a request or an answer: a reply of
// [command.MaxReplyBytes] with a good part of its characters escaped.
const maxBody = 256 << 10

// request is what is posted.
type request struct {
	V         int          `json:"v"`
	ID        string       `json:"id"`
	Attempt   int          `json:"attempt"`
	Bot       string       `json:"bot"`
	Command   string       `json:"command"`
	Text      string       `json:"text"`
	Line      string       `json:"line"`
	TimeoutMS int64        `json:"timeout_ms"`
	Room      command.Room `json:"room"`
	User      command.User `json:"user"`
}

// answer is what comes back.
type answer struct {
	Text         string         `json:"text,omitempty"`
	ResponseType string         `json:"response_type,omitempty"`
	Extra        []part         `json:"extra_responses,omitempty"`
	Error        *command.Error `json:"error,omitempty"`
}

type part struct {
	Text         string `json:"text"`
	ResponseType string `json:"response_type,omitempty"`
}

const (
	inChannel = "in_channel"
	ephemeral = "ephemeral"
)

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

func decodeRequest(body []byte) (command.Call, error) {
	var r request
	if err := strictjson.Unmarshal(body, &r); err != nil {
		return command.Call{}, err
	}
	if r.V != 1 || r.ID == "" || r.Command == "" || r.User.ID == "" || r.Room.ID == "" {
		return command.Call{}, errors.New("v is not 1, or id, command, user or room is missing")
	}
	ms := min(max(r.TimeoutMS, 1), command.MaxTimeout.Milliseconds())
	return command.Call{
		ID: r.ID, Bot: r.Bot, Name: r.Command, Args: r.Text, Line: r.Line, Room: r.Room, User: r.User,
		Remaining: time.Duration(ms) * time.Millisecond, Attempt: r.Attempt,
	}, nil
}

// decodeAnswer reads an answer by its content type.
func decodeAnswer(contentType string, body []byte) (answer, error) {
	var a answer
	if len(bytes.TrimSpace(body)) == 0 {
		return a, nil
	}
	kind, _, _ := mime.ParseMediaType(contentType)
	switch kind {
	case "application/json":
		if err := strictjson.Unmarshal(body, &a); err != nil {
			return answer{}, err
		}
		return a, nil
	case "text/plain":
		return answer{Text: string(body)}, nil
	}
	return answer{}, fmt.Errorf("content type %.60q is neither application/json nor text/plain", contentType)
}

// give makes a the answer of the call.
func (a answer) give(c *command.Call) error {
	if a.Error != nil {
		return a.Error
	}
	for _, p := range append([]part{{a.Text, a.ResponseType}}, a.Extra...) {
		if p.Text == "" {
			continue
		}
		say := c.Ephemeral
		switch p.ResponseType {
		case inChannel:
			say = c.Say
		case ephemeral, "":
		default:
			return fmt.Errorf("response_type %.30q is neither in_channel nor ephemeral", p.ResponseType)
		}
		if err := say(p.Text); err != nil {
			return err
		}
	}
	return nil
}

// answerOf is a reply as an answer.
func answerOf(r command.Reply) answer {
	if r.Err != nil {
		return answer{Error: r.Err}
	}
	var a answer
	for i, p := range r.Parts {
		said := part{p.Text, inChannel}
		if p.Ephemeral {
			said.ResponseType = ephemeral
		}
		if i == 0 {
			a.Text, a.ResponseType = said.Text, said.ResponseType
		} else {
			a.Extra = append(a.Extra, said)
		}
	}
	return a
}
