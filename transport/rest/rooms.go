package rest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// session tells the caller who the credential makes it.
func (q *request) session() error {
	answer := struct {
		User    chat.User   `json:"user"`
		Session string      `json:"session,omitempty"`
		Expires *time.Time  `json:"expires,omitempty"`
		Limits  chat.Limits `json:"limits"`
	}{User: q.principal.User, Session: q.principal.Session, Limits: q.hub.Limits()}
	if t := q.principal.Expires; !t.IsZero() {
		t = t.UTC().Truncate(time.Millisecond)
		answer.Expires = &t
	}
	return q.reply(http.StatusOK, answer)
}

func (q *request) rooms() error {
	limit, err := q.limit()
	if err != nil {
		return err
	}
	after := q.r.URL.Query().Get("after")
	if after != "" && !roomID.MatchString(after) {
		return badRequest("after", "after must be the id of a room.")
	}
	// One more than asked for tells whether there is more; a full page can't.
	ask := min(limit+1, maxLimit)
	rooms, err := q.hub.Rooms(q.r.Context(), q.by, chat.RoomID(after), ask)
	if err != nil {
		return err
	}
	rooms, more := page(rooms, limit, ask)
	return q.reply(http.StatusOK, struct {
		Rooms []chat.RoomInfo `json:"rooms"`
		More  bool            `json:"more"`
	}{rooms, more})
}

// page cuts what was read with one entry too many. A page of the greatest size
// has no room for that one: there may be more.
func page[T any](all []T, limit, asked int) (cut []T, more bool) {
	if all == nil {
		all = []T{} // [] and not null
	}
	if asked > limit {
		return all[:min(len(all), limit)], len(all) > limit
	}
	return all, len(all) == limit
}

func (q *request) createRoom() error {
	var body struct {
		ID      string          `json:"id"`
		Name    string          `json:"name"`
		Kind    chat.RoomKind   `json:"kind"`
		User    chat.UserID     `json:"user"`
		Members []chat.UserID   `json:"members"`
		Hides   bool            `json:"hides_history"`
		Data    json.RawMessage `json:"data"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	key, err := q.key(body.ID)
	if err != nil {
		return err
	}
	if body.Kind == chat.Direct {
		if body.User == "" || body.Name != "" || len(body.Members) > 0 {
			return badRequest("user", "A direct room needs user, and neither name nor members.")
		}
		room, err := q.hub.Direct(q.r.Context(), q.by, body.User, key)
		return q.describe(room, err, http.StatusOK) // it may have been there for long
	}
	if body.User != "" {
		return badRequest("user", "Only a direct room has user.")
	}
	room, err := q.hub.CreateRoom(q.r.Context(), q.by, chat.NewRoom{
		ID: key, Name: body.Name, Kind: body.Kind, Members: body.Members, Hides: body.Hides, Data: body.Data,
	})
	return q.describe(room, err, http.StatusCreated)
}

func (q *request) room() error {
	room, err := q.in()
	return q.describe(room, err, http.StatusOK)
}

// describe answers with what the caller may know of room.
func (q *request) describe(room chat.Room, err error, status int) error {
	if err != nil {
		return err
	}
	info, err := room.Info(q.r.Context(), q.by)
	if err != nil {
		return err
	}
	if status == http.StatusCreated {
		// Relative to this request's own path, RFC 9110, section 10.2.2, so
		// that a prefix that was stripped is not lost.
		q.w.Header().Set("Location", "rooms/"+url.PathEscape(string(info.ID)))
	}
	return q.reply(status, struct {
		Room chat.RoomInfo `json:"room"`
	}{info})
}

func (q *request) updateRoom() error {
	var body struct {
		ID       string          `json:"id"`
		Name     *string         `json:"name"`
		Archived *bool           `json:"archived"`
		Data     json.RawMessage `json:"data"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	var c chat.Change
	given := 0
	if body.Name != nil {
		given++
		c = chat.Change{Kind: chat.Rename, Name: *body.Name}
	}
	if body.Archived != nil {
		given++
		c = chat.Change{Kind: chat.Restore}
		if *body.Archived {
			c.Kind = chat.Archive
		}
	}
	if body.Data != nil {
		given++
		c = chat.Change{Kind: chat.Update, Data: body.Data}
	}
	if given != 1 {
		return badRequest("", "One of name, archived and data is needed.")
	}
	return q.change(body.ID, c)
}

// change makes c of the room in the path, with the key that the request has.
func (q *request) change(inBody string, c chat.Change) error {
	key, err := q.key(inBody)
	if err != nil {
		return err
	}
	room, err := q.in()
	if err != nil {
		return err
	}
	c.ID = key
	receipt, err := room.Change(q.r.Context(), q.by, c)
	return q.stored(receipt, err, http.StatusOK)
}

func (q *request) commands() error {
	room := q.r.URL.Query().Get("room")
	if room != "" && !roomID.MatchString(room) {
		return badRequest("room", "room must be the id of a room.")
	}
	specs, err := q.hub.Commands(q.r.Context(), q.by, chat.RoomID(room))
	if err != nil {
		return err
	}
	if specs == nil {
		specs = []command.Spec{}
	}
	return q.reply(http.StatusOK, struct {
		Commands []command.Spec `json:"commands"`
	}{specs})
}
