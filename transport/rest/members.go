package rest

import (
	"net/http"

	"github.com/carlware/gochat/chat"
)

func (q *request) members() error {
	limit, err := q.limit()
	if err != nil {
		return err
	}
	room, err := q.in()
	if err != nil {
		return err
	}
	ask := min(limit+1, maxLimit)
	members, err := room.Members(q.r.Context(), q.by, chat.UserID(q.r.URL.Query().Get("after")), ask)
	if err != nil {
		return err
	}
	members, more := page(members, limit, ask)
	return q.reply(http.StatusOK, struct {
		Members []chat.Member `json:"members"`
		More    bool          `json:"more"`
	}{members, more})
}

func (q *request) addMember() error {
	var body struct {
		ID   string      `json:"id"`
		User chat.UserID `json:"user"`
	}
	if err := q.optionalBody(&body); err != nil {
		return err
	}
	if body.User == "" || body.User == q.by {
		return q.change(body.ID, chat.Change{Kind: chat.Join})
	}
	return q.change(body.ID, chat.Change{Kind: chat.Invite, User: body.User})
}

func (q *request) setMember() error {
	var body struct {
		ID     string    `json:"id"`
		Role   chat.Role `json:"role"`
		Banned *bool     `json:"banned"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	if (body.Role == "") == (body.Banned == nil) {
		return badRequest("", "One of role and banned is needed.")
	}
	user, err := q.user()
	if err != nil {
		return err
	}
	c := chat.Change{Kind: chat.SetRole, User: user, Role: body.Role}
	if body.Banned != nil {
		c.Kind = chat.Unban
		if *body.Banned {
			c.Kind = chat.Ban
		}
	}
	return q.change(body.ID, c)
}

func (q *request) removeMember() error {
	var body struct {
		ID string `json:"id"`
	}
	if err := q.optionalBody(&body); err != nil {
		return err
	}
	user, err := q.user()
	switch {
	case err != nil:
		return err
	case user == q.by:
		return q.change(body.ID, chat.Change{Kind: chat.Leave})
	}
	return q.change(body.ID, chat.Change{Kind: chat.Remove, User: user})
}
