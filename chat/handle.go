package chat

import (
	"context"
	"fmt"
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
	if err != nil {
		return RoomInfo{}, h.wrap("describe", err)
	}
	return sn.Info, nil
}

func (h handle) Post(ctx context.Context, by UserID, d Draft) (Receipt, error) {
	hash := hashOf(string(Message), d.Text, d.ReplyTo, d.Mentions, string(d.Data))
	rc, err := h.n.write(ctx, intent{by: by, room: h.id, id: d.ID, hash: hash, action: post, also: d.Mentions,
		check: func() error {
			if err := h.n.checkText(d.Text); err != nil {
				return err
			}
			if len(d.Mentions) > h.n.limits.Mentions {
				return badRequest("mentions", "A message mentions at most %d users.", h.n.limits.Mentions)
			}
			return h.n.checkData(d.Data)
		},
		make: func(w *Write, sn *Snapshot) error {
			if sn != nil && d.ReplyTo > sn.Info.Head {
				return badRequest("reply_to", "There is no such message to reply to.")
			}
			w.Kind, w.Text, w.Ref, w.Data = Message, d.Text, d.ReplyTo, d.Data
			for _, id := range d.Mentions {
				if sn.Members[id].Role != "" {
					w.Mentions = append(w.Mentions, id)
				}
			}
			return nil
		},
		snapshot: d.ReplyTo != 0 || len(d.Mentions) > 0,
	})
	return rc, h.wrap("post to", err)
}

func (h handle) Edit(ctx context.Context, by UserID, e Edit) (Receipt, error) {
	rc, err := h.n.write(ctx, intent{by: by, room: h.id, id: e.ID, action: edit, message: e.Seq,
		hash: hashOf(string(Edited), e.Text, e.Seq, string(e.Data)),
		check: func() error {
			if err := h.n.checkText(e.Text); err != nil {
				return err
			}
			return h.n.checkData(e.Data)
		},
		make: func(w *Write, _ *Snapshot) error {
			w.Kind, w.Ref, w.Text, w.Data = Edited, e.Seq, e.Text, e.Data
			return nil
		},
	})
	return rc, h.wrap("edit in", err)
}

func (h handle) Delete(ctx context.Context, by UserID, seq Seq, id string) (Receipt, error) {
	rc, err := h.n.write(ctx, intent{by: by, room: h.id, id: id, action: erase, message: seq,
		hash: hashOf(string(Deleted), seq),
		make: func(w *Write, _ *Snapshot) error {
			w.Kind, w.Ref = Deleted, seq
			return nil
		},
	})
	return rc, h.wrap("delete in", err)
}

func (h handle) Command(ctx context.Context, by UserID, line CommandLine) (*PendingCall, error) {
	if err := h.n.open(); err != nil {
		return nil, err
	}
	c, err := h.n.command(ctx, by, h.id, line)
	return c, h.wrap("run a command in", err)
}

func (h handle) History(ctx context.Context, by UserID, r Range) (Page, error) {
	if err := h.n.open(); err != nil {
		return Page{}, err
	}
	r.Limit = max(0, min(r.Limit, 200))
	if r.Limit == 0 {
		r.Limit = 50
	}
	page, err := h.n.store.Page(ctx, by, h.id, r)
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
	ms, err := h.n.store.Members(ctx, by, h.id, after, limit)
	return ms, h.wrap("list members of", err)
}

func (h handle) MarkRead(ctx context.Context, by UserID, seq Seq) error {
	if err := h.n.open(); err != nil {
		return err
	}
	if seq >= 1<<40 {
		return badRequest("seq", "That is no position in a room.")
	}
	if r := h.n.hosted(h.id); r == nil || r.member(by) == "" {
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
