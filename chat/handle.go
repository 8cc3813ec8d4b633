package chat

import (
	"context"
	"fmt"
	"slices"
)

// handle is the [Room] of a [Node].
type handle struct {
	n  *Node
	id RoomID
}

func (n *Node) handle(id RoomID) Room { return handle{n, id} }

func (h handle) Info(ctx context.Context, by UserID) (RoomInfo, error) {
	if err := h.n.open(); err != nil {
		return RoomInfo{}, err
	}
	sn, err := h.n.view(ctx, by, h.id)
	if err == nil && sn.Info.Kind == Direct {
		sn.Info.With, err = h.n.with(ctx, by, h.id)
	}
	if err != nil {
		return RoomInfo{}, h.wrap("describe", err)
	}
	return sn.Info, nil
}

func (h handle) Post(ctx context.Context, by UserID, d Draft) (Receipt, error) {
	var room [512]byte // most messages need no more for it
	hash := digest(room[:0]).str(string(Message)).str(d.Text).seq(d.ReplyTo).users(d.Mentions).str(string(d.Data)).sum()
	in := intent{by: by, room: h.id, id: d.ID, hash: hash, action: post, also: d.Mentions, shown: true,
		snapshot: len(d.Mentions) > 0}
	rc, err := h.n.write(ctx, in, content{
		check: func() error {
			if len(d.Mentions) > h.n.limits.Mentions {
				return badRequest("mentions", "A message mentions at most %d users.", h.n.limits.Mentions)
			}
			return h.n.checkMessage(d.Text, d.Data)
		},
		make: func(by User, sn *Snapshot) (Write, error) {
			if d.ReplyTo != 0 {
				if err := h.n.checkReply(ctx, by.ID, h.id, d.ReplyTo); err != nil {
					return Write{}, err
				}
			}
			m, err := h.n.moderate(ctx, Intercepted{Room: h.id, By: by, Text: d.Text, Mentions: d.Mentions, Data: d.Data})
			if err != nil {
				return Write{}, err
			}
			w := Write{Kind: Message, Text: m.Text, Ref: d.ReplyTo, Data: m.Data}
			for _, id := range m.Mentions {
				if sn != nil && sn.Members[id].Role != "" && !slices.Contains(w.Mentions, id) {
					w.Mentions = append(w.Mentions, id)
				}
			}
			return w, nil
		},
	})
	return rc, h.wrap("post to", err)
}

func (h handle) Edit(ctx context.Context, by UserID, e Edit) (Receipt, error) {
	in := intent{by: by, room: h.id, id: e.ID, action: edit, message: e.Seq, shown: true,
		hash: digest{}.str(string(Edited)).str(e.Text).seq(e.Seq).str(string(e.Data)).sum()}
	rc, err := h.n.write(ctx, in, content{
		check: func() error { return h.n.checkMessage(e.Text, e.Data) },
		make: func(by User, _ *Snapshot) (Write, error) {
			m, err := h.n.moderate(ctx, Intercepted{Room: h.id, By: by, Edits: e.Seq, Text: e.Text, Data: e.Data})
			return Write{Kind: Edited, Ref: e.Seq, Text: m.Text, Data: m.Data}, err
		},
	})
	return rc, h.wrap("edit in", err)
}

func (h handle) Delete(ctx context.Context, by UserID, seq Seq, id string) (Receipt, error) {
	in := intent{by: by, room: h.id, id: id, action: erase, message: seq, hash: digest{}.str(string(Deleted)).seq(seq).sum()}
	rc, err := h.n.write(ctx, in, content{
		make: func(User, *Snapshot) (Write, error) { return Write{Kind: Deleted, Ref: seq}, nil },
	})
	return rc, h.wrap("delete in", err)
}

func (h handle) Command(ctx context.Context, by UserID, line CommandLine) (*PendingCall, error) {
	if err := h.n.open(); err != nil {
		return nil, err
	}
	c, err := h.n.command(ctx, by, h.id, line)
	if err != nil {
		h.n.trace.Refused(err)
	}
	return c, h.wrap("run a command in", err)
}

func (h handle) History(ctx context.Context, by UserID, r Range) (Page, error) {
	if err := h.n.open(); err != nil {
		return Page{}, err
	}
	if err := h.n.ask(by); err != nil {
		return Page{}, h.wrap("read history of", err)
	}
	r.Limit = max(0, min(r.Limit, 200))
	if r.Limit == 0 {
		r.Limit = 50
	}
	page, err := h.n.page(ctx, by, h.id, r)
	if err == nil {
		err = h.n.authorize(ctx, Action{By: by, Do: ActRead, Room: h.id})
	}
	if err != nil {
		return Page{}, h.wrap("read history of", err)
	}
	if r := h.n.hosted(h.id); r != nil {
		h.n.learnHead(r, page.Head)
	}
	return page, nil
}

func (h handle) Members(ctx context.Context, by UserID, after UserID, limit int) ([]Member, error) {
	if err := h.n.open(); err != nil {
		return nil, err
	}
	limit, err := pageLimit(limit)
	if err != nil {
		return nil, err
	}
	if err := h.n.ask(by); err != nil {
		return nil, h.wrap("list members of", err)
	}
	ms, err := h.n.store.Members(ctx, by, h.id, after, limit)
	if err == nil {
		err = h.n.authorize(ctx, Action{By: by, Do: ActRead, Room: h.id})
	}
	if err != nil {
		ms = nil
	}
	for i := range ms {
		ms[i].Online = h.n.online(ms[i].User.ID)
	}
	return ms, h.wrap("list members of", err)
}

func (h handle) MarkRead(ctx context.Context, by UserID, seq Seq) error {
	if err := h.n.open(); err != nil {
		return err
	}
	if seq >= maxSeq {
		return badRequest("seq", "That is no position in a room.")
	}
	if r := h.n.hosted(h.id); r == nil || r.member(by) == "" {
		if err := h.n.ask(by); err != nil {
			return h.wrap("mark as read", err)
		}
		sn, err := h.n.view(ctx, by, h.id)
		if err == nil && sn.Members[by].Role == "" {
			err = ErrForbidden
		}
		if err != nil {
			return h.wrap("mark as read", err)
		}
	}
	h.n.marks.add(ReadMark{Room: h.id, User: by, Seq: seq})
	return nil
}

func (h handle) wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("chat: %s room %q: %w", what, h.id, err)
}
