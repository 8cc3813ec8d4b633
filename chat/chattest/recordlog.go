package chattest

import (
	"context"
	"time"

	"github.com/carlware/gochat/chat"
)

// roomLog is the log of a room as it was in the end.
type roomLog struct {
	info   chat.RoomInfo
	events []logged // the first one is that of floor
	floor  chat.Seq
	time   time.Time // of the last one
	ids    map[uint64]chat.Seq
	calls  map[string][]chat.Seq // the answers to each
	spans  map[chat.UserID][]run // who was a member from when to when; last 0 goes on
}

type logged struct {
	id    uint64 // hash of the user and the id
	event uint64
	text  uint64
	kind  chat.EventKind
	user  chat.UserID
}

// Log tells what the log of a room is in the end, in ascending order, from its
// floor to its head; it may be called with one page after the other. info needs
// its ID and Hides.
func (r *Recorder) Log(info chat.RoomInfo, events []chat.Event) {
	r.begin()
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.logs[info.ID]
	if l == nil {
		l = &roomLog{ids: map[uint64]chat.Seq{}, calls: map[string][]chat.Seq{}, spans: map[chat.UserID][]run{}}
		r.logs[info.ID] = l
	}
	l.info = info
	for i := range events {
		r.logged(l, &events[i])
	}
}

// ReadLog tells the log of a room, which it reads as [chat.System].
func (r *Recorder) ReadLog(ctx context.Context, room chat.Room) error {
	info, err := room.Info(ctx, chat.System)
	if err != nil {
		return err
	}
	for at := (chat.Range{Forward: true, Limit: 200}); ; {
		p, err := room.History(ctx, chat.System, at)
		if err != nil {
			return err
		}
		r.Log(info, p.Events)
		if !p.More || len(p.Events) == 0 {
			return nil
		}
		at.After = p.Events[len(p.Events)-1].Seq
	}
}

// logged takes in the next event of a log. r.mu is held.
func (r *Recorder) logged(l *roomLog, e *chat.Event) {
	room := l.info.ID
	if len(l.events) == 0 {
		l.floor = e.Seq
	} else if next := l.head() + 1; e.Seq != next {
		r.faults.add(nil, ruleGaps, room, e.Seq, "the log has it after %d", next-1)
		return // places in the log are by seq
	}
	if e.Time.Before(l.time) {
		r.faults.add(nil, ruleOrder, room, e.Seq, "its time is before that of the event before it")
	}
	l.time = e.Time
	event, text := r.hashes(e)
	id := r.idHash(e.User.ID, e.ID)
	if first, there := l.ids[id]; there {
		r.faults.add(nil, ruleOnce, room, e.Seq, "the log has id %s of %s at %d and again", e.ID, e.User.ID, first)
	}
	l.ids[id] = e.Seq
	switch e.Kind {
	case chat.Message, chat.Edited, chat.Deleted, chat.Reacted:
		if !e.User.Bot && e.User.ID != chat.System && !l.member(e.User.ID, e.Seq) {
			r.faults.add(nil, ruleAccess, room, e.Seq, "the log has a %s (%s) by %s, who was not a member", e.Kind, e.ID, e.User.ID)
		}
	}
	if e.Call != nil {
		l.calls[e.Call.ID] = append(l.calls[e.Call.ID], e.Seq)
	}
	l.events = append(l.events, logged{id, event, text, e.Kind, e.User.ID})
	if e.Target == nil {
		return
	}
	u := e.Target.ID
	spans := l.spans[u]
	open := len(spans) > 0 && spans[len(spans)-1].last == 0
	switch {
	case e.Kind == chat.Joined && !open:
		l.spans[u] = append(spans, run{first: e.Seq})
	case ends(e, u) && open:
		spans[len(spans)-1].last = e.Seq
	case ends(e, u) && len(spans) == 0 && l.floor > 1:
		l.spans[u] = append(spans, run{1, e.Seq})
	}
}

func (l *roomLog) head() chat.Seq { return l.floor + chat.Seq(len(l.events)) - 1 }

// at returns the event of a seq, if the log has it.
func (l *roomLog) at(seq chat.Seq) (logged, bool) {
	if seq < l.floor || seq > l.head() {
		return logged{}, false
	}
	return l.events[seq-l.floor], true
}

// member reports whether user was a member at seq, as far as is known.
func (l *roomLog) member(user chat.UserID, seq chat.Seq) bool {
	spans := l.spans[user]
	if len(spans) == 0 {
		return l.floor > 1 // perhaps since before the floor
	}
	for _, s := range spans {
		if s.first <= seq && (s.last == 0 || seq <= s.last) {
			return true
		}
	}
	return l.floor > 1 && seq < spans[0].first
}

// mayRead reports whether user may be given the event seq: as a member then, or
// as somebody who came back later to a room that hides nothing.
func (l *roomLog) mayRead(user chat.UserID, seq chat.Seq) bool {
	if l.member(user, seq) {
		return true
	}
	if l.info.Hides {
		return false
	}
	for _, s := range l.spans[user] {
		if s.first > seq {
			return true
		}
	}
	return false
}

// isMember reports whether user is a member in the end.
func (l *roomLog) isMember(user chat.UserID) bool {
	spans := l.spans[user]
	return len(spans) > 0 && spans[len(spans)-1].last == 0
}
