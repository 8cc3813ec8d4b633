package rest

import (
	"encoding/json"
	"net/http"

	"github.com/carlware/gochat/chat"
)

func (q *request) history() error {
	part, err := q.page()
	if err != nil {
		return err
	}
	room, err := q.in()
	if err != nil {
		return err
	}
	events, err := room.History(q.r.Context(), q.by, part)
	if err != nil {
		return err
	}
	if events.Events == nil {
		events.Events = []chat.Event{}
	}
	return q.reply(http.StatusOK, events)
}

func (q *request) post() error {
	var body struct {
		ID       string          `json:"id"`
		Text     string          `json:"text"`
		ReplyTo  chat.Seq        `json:"reply_to"`
		Mentions []chat.UserID   `json:"mentions"`
		Data     json.RawMessage `json:"data"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	key, err := q.key(body.ID)
	if err != nil {
		return err
	}
	room, err := q.in()
	if err != nil {
		return err
	}
	receipt, err := room.Post(q.r.Context(), q.by, chat.Draft{
		ID: key, Text: body.Text, ReplyTo: body.ReplyTo, Mentions: body.Mentions, Data: body.Data,
	})
	return q.stored(receipt, err, http.StatusCreated)
}

func (q *request) edit() error {
	var body struct {
		ID   string          `json:"id"`
		Text string          `json:"text"`
		Data json.RawMessage `json:"data"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	room, key, seq, err := q.message(body.ID)
	if err != nil {
		return err
	}
	receipt, err := room.Edit(q.r.Context(), q.by, chat.Edit{ID: key, Seq: seq, Text: body.Text, Data: body.Data})
	return q.stored(receipt, err, http.StatusOK)
}

func (q *request) delete() error {
	var body struct {
		ID string `json:"id"`
	}
	if err := q.optionalBody(&body); err != nil {
		return err
	}
	room, key, seq, err := q.message(body.ID)
	if err != nil {
		return err
	}
	receipt, err := room.Delete(q.r.Context(), q.by, seq, key)
	return q.stored(receipt, err, http.StatusOK)
}

// message returns the message in the path and the key that the request has.
func (q *request) message(inBody string) (room chat.Room, key string, seq chat.Seq, err error) {
	if key, err = q.key(inBody); err != nil {
		return nil, "", 0, err
	}
	if seq, err = q.seq(); err != nil {
		return nil, "", 0, err
	}
	room, err = q.in()
	return room, key, seq, err
}

// stored answers with the event that a request made, or with {} where there
// was nothing to change. status is that of what was not stored before.
func (q *request) stored(receipt chat.Receipt, err error, status int) error {
	if err != nil {
		return err
	}
	var answer struct {
		Event *chat.Event `json:"event,omitempty"`
		Dup   bool        `json:"dup,omitempty"`
	}
	if receipt.Event.Seq > 0 {
		answer.Event = &receipt.Event
	}
	if answer.Dup = receipt.Duplicate; answer.Dup || answer.Event == nil {
		status = http.StatusOK
	}
	return q.reply(status, answer)
}
