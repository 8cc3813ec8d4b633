package ws

import (
	"encoding/json"
	"strconv"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// maxServerFrame is the longest frame that the server sends, in bytes. Lists
// stop early to stay below it.
const maxServerFrame = 256 << 10

// listBytes is how much of a frame the items of a list may fill.
const listBytes = maxServerFrame - 2<<10

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
}

func (o *object) notice(n *chat.Notice) {
	o.str("kind", string(n.Kind))
	if n.Room != nil {
		o.open("room")
		o.room(n.Room)
		o.close()
	}
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

// ok begins the reply to the request id.
func ok(id string) object {
	o := begin("ok")
	o.str("re", id)
	return o
}

// errorFrame is the reply that refuses a request; id is empty when it could
// not be read.
func errorFrame(id string, e *chat.Error) []byte {
	o := begin("error")
	if id == "" {
		o.raw("re", []byte("null"))
	} else {
		o.str("re", id)
	}
	o.fault(e)
	return o.frame()
}

// welcome is the reply to hello. When the rooms don't fit, the list stops with
// more, and the request rooms goes on after the last one.
func (o *object) welcome(id string, w *chat.Welcome) {
	o.str("re", id)
	o.user("user", &w.User)
	o.text("session", w.Session)
	o.str("epoch", w.Epoch)
	o.time("time", w.Time)
	o.limits(&w.Limits)
	items(o, "rooms", w.Rooms, false, (*object).entry)
}

func (o *object) limits(l *chat.Limits) {
	b, _ := json.Marshal(l) // a struct of numbers
	o.raw("limits", b)
}

// items writes a list, as much of it as fits, and more if that is not all or
// if there is more anyhow.
func items[T any](o *object, name string, list []T, more bool, write func(*object, *T)) {
	o.list(name)
	for i := range list {
		before := len(o.b)
		o.item()
		write(o, &list[i])
		o.close()
		if len(o.b) > listBytes && i > 0 {
			o.b = o.b[:before]
			more = true
			break
		}
	}
	o.end()
	o.flag("more", more)
}

// page writes a page of history. What does not fit is left out at the end
// where the reader will go on: the newest when reading forward, else the oldest.
func (o *object) page(p *chat.Page, forward bool) {
	events, bytes := make([][]byte, len(p.Events)), 0
	first, last := 0, len(p.Events)
	for n := range p.Events {
		i := n
		if !forward {
			i = len(p.Events) - 1 - n
		}
		e := object{make([]byte, 0, 256)}
		e.b = append(e.b, '{')
		e.event(&p.Events[i])
		e.close()
		if bytes += len(e.b) + 1; bytes > listBytes && n > 0 {
			if forward {
				last = i
			} else {
				first = i + 1
			}
			break
		}
		events[i] = e.b
	}
	o.list("events")
	for _, e := range events[first:last] {
		o.comma()
		o.b = append(o.b, e...)
	}
	o.end()
	o.num("head", int64(p.Head))
	o.num("floor", int64(p.Floor))
	o.flag("more", p.More || last-first < len(p.Events))
}

// spec writes a command's description. Its names are those of [command.Spec]'s
// own JSON form, without the escapes for HTML that MarshalJSON adds.
func (o *object) spec(s *command.Spec) {
	o.text("bot", s.Bot)
	o.str("name", s.Name)
	o.text("summary", s.Summary)
	o.text("usage", s.Usage)
	if len(s.Args) > 0 {
		o.list("args")
		for i := range s.Args {
			o.item()
			o.arg(&s.Args[i])
			o.close()
		}
		o.end()
	}
	o.count("timeout_ms", s.Timeout.Milliseconds())
	texts(o, "roles", s.Roles)
}

func (o *object) arg(a *command.Arg) {
	o.str("name", a.Name)
	o.str("type", a.Type)
	o.text("help", a.Help)
	o.flag("required", a.Required)
	o.flag("list", a.List)
	o.flag("rest", a.Rest)
	o.text("default", a.Default)
	texts(o, "choices", a.Choices)
	o.text("min", a.Min)
	o.text("max", a.Max)
}

// texts writes a list of strings, or nothing.
func texts[S ~string](o *object, name string, list []S) {
	if len(list) == 0 {
		return
	}
	o.list(name)
	for _, s := range list {
		o.comma()
		o.b = appendString(o.b, string(s))
	}
	o.end()
}
