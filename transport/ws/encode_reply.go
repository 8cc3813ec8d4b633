package ws

import (
	"encoding/json"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// maxServerFrame is the longest frame that the server sends, in bytes. Lists
// stop early to stay below it.
const maxServerFrame = 256 << 10

// listBytes is how much of a frame the items of a list may fill.
const listBytes = maxServerFrame - 2<<10

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
