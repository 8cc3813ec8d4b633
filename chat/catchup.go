package chat

import (
	"errors"
	"time"
)

// fallBehind has the session's place in r brought up to date from the log.
// r.mu is held.
func (s *Session) fallBehind(r *sequencer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.behind = append(s.behind, r)
	s.node.trace.FellBehind()
	if !s.pumping {
		s.space = make(chan struct{}, 1)
		s.pumping = s.node.spawn(s.pump)
	}
}

// pump brings the rooms that are behind up to date, one page at a time and one
// room after the other. It lives only while there are any, and reads only
// while the queue has space: a replay can't overflow it.
func (s *Session) pump() {
	for {
		s.mu.Lock()
		if len(s.behind) == 0 || s.err != nil {
			s.pumping, s.space, s.behind = false, nil, nil
			s.mu.Unlock()
			return
		}
		r := s.behind[0]
		full, space := s.bytes > s.node.limits.SessionBytes/2, s.space
		s.mu.Unlock()
		if full {
			select {
			case <-space:
			case <-s.done:
			case <-s.node.stop:
				return
			}
			continue
		}
		done, wait := s.catchUp(r)
		s.mu.Lock()
		if len(s.behind) > 0 && s.behind[0] == r {
			s.behind = s.behind[1:]
			if !done {
				s.behind = append(s.behind, r)
			}
		}
		s.mu.Unlock()
		if wait > 0 {
			select {
			case <-time.After(wait):
			case <-s.done:
			case <-s.node.stop:
				return
			}
		}
	}
}

// catchUp hands the session one page of a room from its cursor on. It reports
// whether the place needs no more of it, being live or gone, or how long to
// wait before the next try.
func (s *Session) catchUp(r *sequencer) (done bool, wait time.Duration) {
	r.mu.Lock()
	p := r.subOf(s)
	if p == nil || p.goLive(r) {
		r.mu.Unlock()
		return true, 0
	}
	cursor := p.cursor.seq()
	r.mu.Unlock()

	ctx, cancel := s.node.timeout()
	defer cancel()
	page, err := s.node.store.Page(ctx, s.user, r.id, Range{After: cursor, Forward: true, Limit: 200})
	switch {
	case errors.Is(err, ErrNotFound):
		// Not a member any more. The removal is on its way through the
		// sequencer; it ends the place.
		return true, 0
	case err != nil:
		return false, time.Second
	}
	s.node.learnHead(r, page.Head)

	r.mu.Lock()
	defer r.mu.Unlock()
	switch p = r.subOf(s); {
	case p == nil || p.live:
		return true, 0 // the removal came meanwhile, and nothing comes after it
	case p.cursor.seq() != cursor:
		return false, 0 // let in again since: from there
	}
	if limit := Seq(s.node.limits.Replay); page.Head > cursor+limit {
		s.push(&Delivery{Gap: &Gap{Room: r.id, After: cursor, Head: page.Head, Floor: page.Floor}}, true)
		cursor = page.Head
		page.Events = nil
	}
	if len(page.Events) > 0 && page.Events[0].Seq > cursor+1 && !joins(&page.Events[0], s.user) {
		s.push(&Delivery{Gap: &Gap{Room: r.id, After: cursor, Head: page.Events[0].Seq - 1, Floor: page.Floor}}, true)
	}
	for i := range page.Events {
		s.push(&Delivery{Event: &page.Events[i]}, true)
		cursor = page.Events[i].Seq
	}
	p.cursor = short(cursor)
	return p.goLive(r), 0
}

// joins reports whether e is the user's own join, where the log may begin for
// the user.
func joins(e *Event, user UserID) bool {
	return e.Kind == Joined && e.Target != nil && e.Target.ID == user
}

// fill reads the part of the log that r misses, after a delay in which it may
// arrive by itself.
func (n *Node) fill(r *sequencer, delay time.Duration) {
	for tries := 0; ; {
		if delay > 0 {
			select {
			case <-time.After(delay):
			case <-n.stop:
				return
			}
		}
		r.mu.Lock()
		after := r.applied
		if r.gone || len(r.held) == 0 && r.applied >= r.want {
			r.fetching = false // it did arrive, or nobody waits for it
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()

		ctx, cancel := n.timeout()
		page, err := n.store.Page(ctx, System, r.id, Range{After: after, Forward: true, Limit: 200})
		cancel()
		switch {
		case errors.Is(err, ErrNotFound):
			n.suspectEpoch() // a room that was there is not
			r.mu.Lock()
			r.fetching = false
			r.mu.Unlock()
			return
		case err != nil:
			delay = time.Second
			continue
		}
		if page.Floor > after+1 && n.forgotten(r, page.Floor) {
			return
		}
		r.offer(deliveries(page.Events))
		n.trace.Filled(len(page.Events))
		delay = 0
		r.mu.Lock()
		if r.applied > after {
			tries = 0
		} else if tries++; tries > 3 {
			// What is still missing is not in the log yet, or never will be:
			// it is of a former life of the store. The sweep goes on.
			r.held, r.want, r.fetching = nil, 0, false
			r.mu.Unlock()
			return
		} else {
			delay = holdTime
		}
		r.mu.Unlock()
	}
}

// forgotten ends the sessions in r, and its hosting, if the log does not keep any
// more what r has missed: who came and went is among it, so nobody's place is
// known. Their clients come back, and are told of the gap.
func (n *Node) forgotten(r *sequencer, floor Seq) bool {
	n.mu.Lock()
	r.mu.Lock()
	lost := !r.gone && r.applied+1 < floor
	var sessions []*Session
	if lost {
		r.gone, r.fetching = true, false
		for i := range r.subs {
			sessions = append(sessions, r.subs[i].session)
		}
		delete(n.rooms, r.id)
	}
	r.mu.Unlock()
	n.mu.Unlock()
	for _, s := range sessions {
		s.end(ErrBusy)
	}
	return lost
}

func deliveries(events []Event) []*Delivery {
	ds := make([]Delivery, len(events))
	ps := make([]*Delivery, len(events))
	for i := range events {
		ds[i].Event = &events[i]
		ps[i] = &ds[i]
	}
	return ps
}
