package ws

import (
	"sync"
	"time"
)

const (
	wheelStep  = 50 * time.Millisecond // how late something may be
	wheelSlots = 1024                  // 51 s; what is later goes round again
)

// wheel calls [conn.tick] at about the time that a connection asks for, with
// one timer for all of a shard. Lock order: conn.mu, wheel.mu.
type wheel struct {
	began time.Time
	timer *time.Timer

	mu    sync.Mutex
	done  int64 // steps that have passed
	next  int64 // that the timer is set to; 0: to none
	slots [wheelSlots]*conn
	spare []*conn // of turn: nil while one is under way
}

// place is where a connection is in the wheel. wheel.mu guards it.
type place struct {
	step       int64 // 0: nowhere
	prev, next *conn
}

func (w *wheel) init() {
	w.began = time.Now()
	w.timer = time.AfterFunc(time.Hour, w.turn)
	w.timer.Stop()
}

// set has c called at a time, in place of the one that was set before. The zero
// time is never.
func (w *wheel) set(c *conn, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remove(c)
	if at.IsZero() {
		return
	}
	step := max(int64((at.Sub(w.began)+wheelStep-1)/wheelStep), w.done+1)
	slot := &w.slots[step%wheelSlots]
	c.place = place{step: step, next: *slot}
	if *slot != nil {
		(*slot).place.prev = c
	}
	*slot = c
	if w.next == 0 || step < w.next {
		w.wait(step)
	}
}

// wait sets the timer. w.mu is held.
func (w *wheel) wait(step int64) {
	w.next = step
	w.timer.Reset(time.Until(w.began.Add(time.Duration(step) * wheelStep)))
}

// remove takes c out of the wheel, if it is in there. w.mu is held.
func (w *wheel) remove(c *conn) {
	p := c.place
	if p.step == 0 {
		return
	}
	if p.prev != nil {
		p.prev.place.next = p.next
	} else {
		w.slots[p.step%wheelSlots] = p.next
	}
	if p.next != nil {
		p.next.place.prev = p.prev
	}
	c.place = place{}
}

// turn does all that is due.
func (w *wheel) turn() {
	w.mu.Lock()
	now := int64(time.Since(w.began) / wheelStep)
	if now >= w.done+wheelSlots { // the process slept
		w.done = now - wheelSlots
	}
	due := w.spare
	w.spare = nil
	for w.done < now {
		w.done++
		for c := w.slots[w.done%wheelSlots]; c != nil; {
			next := c.place.next
			if c.place.step <= now {
				w.remove(c)
				due = append(due, c)
			}
			c = next
		}
	}
	w.next = 0
	for i := int64(1); i <= wheelSlots; i++ {
		if w.slots[(w.done+i)%wheelSlots] != nil {
			w.wait(w.done + i)
			break
		}
	}
	w.mu.Unlock()
	for i, c := range due {
		due[i] = nil
		c.tick()
	}
	if cap(due) <= keepDue {
		w.mu.Lock()
		w.spare = due[:0]
		w.mu.Unlock()
	}
}
