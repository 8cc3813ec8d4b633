package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/carlware/gochat/command"
)

// memCallKept is how long a call is kept after its end.
const memCallKept = 24 * time.Hour

// memCall is a stored call. The mutex of the store guards it.
type memCall struct {
	Call     // without the users and Remaining
	user     *memUser
	bot      *memUser
	hash     [16]byte
	deadline time.Time
	end      time.Time
}

func (c *memCall) read(now time.Time) Call {
	v := c.Call
	v.User, v.Bot = c.user.User, c.bot.User
	v.Remaining = c.deadline.Sub(now)
	v.Seqs, v.Private = slices.Clone(c.Seqs), slices.Clone(c.Private)
	if c.Err != nil {
		err := *c.Err
		v.Err = &err
	}
	return v
}

// OpenCall is part of [Calls].
func (s *MemoryStore) OpenCall(ctx context.Context, n NewCall) (Call, bool, error) {
	if err := s.lock(ctx); err != nil {
		return Call{}, false, err
	}
	defer s.mu.Unlock()
	now := s.clock()
	s.forget(now)
	c, there, err := s.open(&n, now)
	if err != nil {
		return Call{}, false, err
	}
	return c.read(now), there, nil
}

func (s *MemoryStore) open(n *NewCall, now time.Time) (c *memCall, there bool, err error) {
	if c := s.keys[memKey{s.users[n.User.ID], n.Key}]; c != nil {
		if c.hash != n.Hash {
			return nil, false, ErrIDReused
		}
		return c, true, nil
	}
	r := s.rooms[n.Room]
	switch {
	case r == nil:
		return nil, false, ErrNotFound
	case n.Basis < r.access:
		return nil, false, ErrStale
	case s.calls[n.ID] != nil:
		return nil, false, errors.New("chat: the id of a new call is taken")
	}
	c = &memCall{
		Call:     Call{ID: n.ID, Key: n.Key, Room: n.Room, Name: n.Name, Line: n.Line, Status: CallPending},
		user:     s.user(n.User),
		bot:      s.user(n.Bot),
		hash:     n.Hash,
		deadline: now.Add(n.Timeout),
	}
	s.calls[c.ID] = c
	s.keys[memKey{c.user, c.Key}] = c
	s.pending[c] = struct{}{}
	return c, false, nil
}

// SettleCall is part of [Calls].
func (s *MemoryStore) SettleCall(ctx context.Context, t Settlement) (call Call, first bool, err error) {
	err = s.change(ctx, func() (batch []Event, err error) {
		call, first, batch, err = s.settle(&t)
		return batch, err
	})
	return call, first, err
}

func (s *MemoryStore) settle(t *Settlement) (Call, bool, []Event, error) {
	now := s.clock()
	s.forget(now)
	c, there := s.calls[t.ID], true
	if t.New != nil {
		var err error
		if c, there, err = s.open(t.New, now); err != nil {
			return Call{}, false, nil, err
		}
	}
	switch {
	case c == nil:
		return Call{}, false, nil, ErrNotFound
	case c.Status != CallPending, t.New != nil && there:
		return c.read(now), false, nil, nil
	}
	r := s.rooms[c.Room]
	if r.info.Archived || c.user.ID != System && r.member(c.user.ID) == nil {
		s.fail(c, now, command.CodeForbidden, "not allowed in this room any more")
		return c.read(now), true, nil, nil
	}
	if t.Err != nil {
		s.fail(c, now, t.Err.Code, t.Err.Message)
		return c.read(now), true, nil, nil
	}
	c.Private = slices.Clone(t.Private)
	batch := s.answer(r, c, t.Answers, now)
	status := CallDone
	if len(t.Answers) == 0 && len(t.Private) > 0 {
		status = CallEphemeral
	}
	s.end(c, status, now)
	return c.read(now), true, batch, nil
}

// answer appends what the bot says in the room.
func (s *MemoryStore) answer(r *memRoom, c *memCall, texts []string, now time.Time) []Event {
	var batch []Event
	for i, text := range texts {
		row := &memRow{user: c.bot, by: c.user}
		row.event[0] = Event{
			ID: fmt.Sprintf("%s.%d", c.ID, i+1), Kind: Message, Text: text,
			Call: &CallRef{ID: c.ID, Name: c.Name, By: c.user.User},
		}
		r.add(row, now)
		c.Seqs = append(c.Seqs, row.event[0].Seq)
		batch = append(batch, row.event[0])
	}
	return batch
}

func (s *MemoryStore) fail(c *memCall, now time.Time, code, message string) {
	c.Err = &command.Error{Code: code, Message: message}
	s.end(c, CallFailed, now)
}

func (s *MemoryStore) end(c *memCall, status CallStatus, now time.Time) {
	if n := len(s.ended); n > 0 && s.ended[n-1].end.After(now) {
		now = s.ended[n-1].end // the clock was set back; the order is kept
	}
	c.Status, c.end = status, now
	delete(s.pending, c)
	s.ended = append(s.ended, c)
	c.user.ended = append(c.user.ended, c)
}

// forget removes the calls whose time has come.
func (s *MemoryStore) forget(now time.Time) {
	for len(s.ended) > 0 && now.Sub(s.ended[0].end) >= memCallKept {
		c := s.ended[0]
		s.ended[0], c.user.ended[0] = nil, nil
		s.ended, c.user.ended = s.ended[1:], c.user.ended[1:]
		delete(s.calls, c.ID)
		delete(s.keys, memKey{c.user, c.Key})
	}
}

// Call is part of [Calls].
func (s *MemoryStore) Call(ctx context.Context, id string) (Call, error) {
	if err := s.rlock(ctx); err != nil {
		return Call{}, err
	}
	defer s.mu.RUnlock()
	c := s.calls[id]
	if c == nil {
		return Call{}, ErrNotFound
	}
	return c.read(s.clock()), nil
}

// FindCall is part of [Calls].
func (s *MemoryStore) FindCall(ctx context.Context, user UserID, key string) (Call, [16]byte, error) {
	if err := s.rlock(ctx); err != nil {
		return Call{}, [16]byte{}, err
	}
	defer s.mu.RUnlock()
	c := s.keys[memKey{s.users[user], key}]
	if c == nil {
		return Call{}, [16]byte{}, ErrNotFound
	}
	return c.read(s.clock()), c.hash, nil
}

// ExpireCalls is part of [Calls].
func (s *MemoryStore) ExpireCalls(ctx context.Context, grace time.Duration, limit int) ([]Call, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	now := s.clock()
	s.forget(now)
	var due []*memCall
	for c := range s.pending {
		if now.Sub(c.deadline) > grace {
			due = append(due, c)
		}
	}
	slices.SortFunc(due, func(a, b *memCall) int { return a.deadline.Compare(b.deadline) })
	var ended []Call
	for _, c := range due[:min(len(due), max(limit, 0))] {
		s.fail(c, now, command.CodeTimeout, "no answer in time")
		ended = append(ended, c.read(now))
	}
	return ended, nil
}

// EndedCalls is part of [Calls].
func (s *MemoryStore) EndedCalls(ctx context.Context, user UserID, age time.Duration) ([]Call, error) {
	if err := s.rlock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	u := s.users[user]
	if u == nil {
		return nil, nil
	}
	now := s.clock()
	var calls []Call
	for _, c := range u.ended[max(0, len(u.ended)-100):] {
		if now.Sub(c.end) < age {
			calls = append(calls, c.read(now))
		}
	}
	return calls, nil
}
