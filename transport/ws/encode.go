package ws

import (
	"strconv"

	"github.com/carlware/gochat/chat"
)

// encodeDelivery is the one encoder for [chat.Delivery.Frame]. It returns a
// whole WebSocket frame, so that a delivery is framed once for all sessions.
func encodeDelivery(d *chat.Delivery) []byte {
	switch {
	case d.Event != nil:
		o := begin("event")
		o.event(d.Event)
		return o.frame()
	case d.Notice != nil:
		o := begin("notice")
		o.notice(d.Notice)
		return o.frame()
	case d.Outcome != nil:
		o := begin("outcome")
		o.outcome(d.Outcome)
		return o.frame()
	case d.Gap != nil:
		o := begin("gap")
		o.gap(d.Gap)
		return o.frame()
	}
	return nil
}

func (o *object) event(e *chat.Event) {
	o.str("room", string(e.Room))
	o.num("seq", int64(e.Seq))
	o.str("id", e.ID)
	o.str("kind", string(e.Kind))
	o.time("time", e.Time)
	o.user("user", &e.User)
	o.user("target", e.Target)
	o.count("ref", int64(e.Ref))
	o.text("text", e.Text)
	o.text("role", string(e.Role))
	o.flag("off", e.Off)
	texts(o, "mentions", e.Mentions)
	if e.Call != nil {
		o.open("call")
		o.str("id", e.Call.ID)
		o.str("name", e.Call.Name)
		o.user("by", &e.Call.By)
		o.close()
	}
	o.raw("data", e.Data)
	o.count("edited_by", int64(e.EditedBy))
	o.count("deleted_by", int64(e.DeletedBy))
	if len(e.Reactions) > 0 {
		o.list("reactions")
		for _, r := range e.Reactions {
			o.item()
			o.str("text", r.Text)
			o.num("count", int64(r.Count))
			texts(o, "users", r.Users)
			o.close()
		}
		o.end()
	}
}

func (o *object) user(name string, u *chat.User) {
	if u == nil {
		return
	}
	o.open(name)
	o.str("id", string(u.ID))
	o.str("name", u.Name)
	o.flag("bot", u.Bot)
	o.close()
}

func (o *object) room(r *chat.RoomInfo) {
	o.str("id", string(r.ID))
	o.text("name", r.Name)
	o.str("kind", string(r.Kind))
	o.flag("archived", r.Archived)
	o.flag("hides_history", r.Hides)
	o.time("created", r.Created)
	o.raw("data", r.Data)
	o.num("head", int64(r.Head))
	o.num("floor", int64(r.Floor))
	o.num("members", int64(r.Members))
	o.user("with", r.With)
}

// maxLast is the longest last event in a list of rooms. Longer ones are left
// out, so that the list does not get short for them; history has them.
const maxLast = 1 << 10

// entry writes a room as one user sees it. All but what is known of every room
// is there for members only.
func (o *object) entry(e *chat.InboxEntry) {
	o.room(&e.RoomInfo)
	if e.Role == "" {
		return
	}
	o.str("role", string(e.Role))
	o.num("read", int64(e.Read))
	o.num("unread", e.Unread)
	if e.Last != nil {
		before := len(o.b)
		o.open("last")
		o.event(e.Last)
		o.close()
		if len(o.b)-before > maxLast {
			o.b = o.b[:before]
		}
	}
}

func (o *object) member(m *chat.Member) {
	o.user("user", &m.User)
	o.text("role", string(m.Role))
	o.flag("banned", m.Banned)
	o.num("since", int64(m.Since))
	o.num("read", int64(m.Read))
	o.flag("online", m.Online)
}

func (o *object) notice(n *chat.Notice) {
	o.str("kind", string(n.Kind))
	if n.Room != nil {
		o.open("room")
		o.room(n.Room)
		o.close()
	}
	o.text("in", string(n.In))
	if n.User != nil {
		o.user("user", n.User)
	}
	if n.Online != nil {
		o.bool("online", *n.Online)
	}
	if n.Count != nil {
		o.num("count", int64(*n.Count))
	}
	o.count("seq", int64(n.Seq))
	o.text("call", n.Call)
	o.text("text", n.Text)
}

func (o *object) outcome(c *chat.Outcome) {
	o.str("re", c.ID)
	o.str("call", c.Call)
	o.str("room", string(c.Room))
	o.str("status", string(c.Status))
	o.text("text", c.Text)
	if len(c.Seqs) > 0 {
		o.list("seqs")
		for _, s := range c.Seqs {
			o.comma()
			o.b = strconv.AppendUint(o.b, uint64(s), 10)
		}
		o.end()
	}
	if c.Error != nil {
		o.fault(c.Error)
	}
}

func (o *object) gap(g *chat.Gap) {
	o.str("room", string(g.Room))
	o.num("after", int64(g.After))
	o.num("head", int64(g.Head))
	o.num("floor", int64(g.Floor))
	o.flag("reset", g.Reset)
}

func (o *object) fault(e *chat.Error) {
	o.open("error")
	o.str("code", e.Code)
	o.str("message", e.Message)
	o.text("field", e.Field)
	o.count("retry_after_ms", e.RetryAfter)
	o.close()
}
