package memory

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/carlware/gochat/transport"
)

const (
	maxInstance = 64 // bytes
	announceTTL = 30 * time.Second
)

var errInstance = errors.New("memory: announcement without an instance")

// announcement is one Announce call.
type announcement struct {
	transport.Announcement
	timer *time.Timer // ends it while its connection is broken
}

// announcements are those that are known, in the order they were made. All is
// guarded by srv.mu.
type announcements struct {
	known   []*announcement
	changed signal
}

func newAnnouncements() announcements { return announcements{changed: newSignal()} }

// Announce makes a known on all connections until ctx ends (nil) or this
// connection is closed ([transport.ErrClosed]). When the connection is cut it
// stays known for a.TTL.
func (b *Broker) Announce(ctx context.Context, a transport.Announcement) error {
	if err := checkNames(a.Bot); err != nil {
		return err
	}
	if a.Instance == "" {
		return errInstance
	}
	if len(a.Instance) > maxInstance {
		return fmt.Errorf("%w: instance of %d bytes", transport.ErrTooLarge, len(a.Instance))
	}
	if err := checkBody(a.Body); err != nil {
		return err
	}
	if err := b.enter(); err != nil {
		return err
	}
	defer b.calls.Done()
	if a.TTL <= 0 {
		a.TTL = announceTTL
	}
	a.Body = bytes.Clone(a.Body)
	own := &announcement{Announcement: a}
	b.announce(own)
	defer b.withdraw(own)
	return b.wait(ctx)
}

// Announcements calls fn with all that is announced, by whatever connection,
// oldest first, and again whenever it changes, until ctx ends (nil) or this
// connection is closed ([transport.ErrClosed]). There is nobody to be asked:
// the first call comes at once, or with the connection. Changes that come
// while fn runs are coalesced.
func (b *Broker) Announcements(ctx context.Context, fn func([]transport.Announcement)) error {
	if err := b.enter(); err != nil {
		return err
	}
	defer b.calls.Done()
	s := b.srv
	for seen := uint64(0); ; {
		s.mu.Lock()
		connected, status := b.connected(), b.changed.ch
		version, changed := s.announced.changed.version+1, s.announced.changed.ch
		var all []transport.Announcement
		if connected && version != seen {
			all = s.announced.all()
		}
		s.mu.Unlock()
		if err, ended := b.ended(ctx); ended {
			return err
		}
		if connected && version != seen {
			seen = version
			fn(all)
		}
		select {
		case <-ctx.Done():
		case <-b.done:
		case <-status:
		case <-changed:
		}
	}
}

func (b *Broker) announce(a *announcement) {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	b.announcing[a] = struct{}{}
	if b.connected() {
		b.srv.announced.add(a)
	}
}

// withdraw makes a unknown, unless its connection is cut: then nobody hears of
// the end, and the timer has to see to it.
func (b *Broker) withdraw(a *announcement) {
	b.srv.mu.Lock()
	defer b.srv.mu.Unlock()
	delete(b.announcing, a)
	if b.status.State != transport.Down {
		b.srv.announced.remove(a)
	}
}

// silence begins the TTL of what b announces: its connection is cut.
func (b *Broker) silence() {
	s := b.srv
	for a := range b.announcing {
		var timer *time.Timer
		timer = time.AfterFunc(a.TTL, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if a.timer == timer { // not renewed meanwhile
				s.announced.remove(a)
			}
		})
		a.timer = timer
	}
}

// repeat renews what b announces: its connection is back.
func (b *Broker) repeat() {
	for a := range b.announcing {
		if a.timer != nil {
			a.timer.Stop()
			a.timer = nil
		}
		b.srv.announced.add(a)
	}
}

func (l *announcements) add(a *announcement) {
	if !slices.Contains(l.known, a) {
		l.known = append(l.known, a)
		l.changed.raise()
	}
}

func (l *announcements) remove(a *announcement) {
	if i := slices.Index(l.known, a); i >= 0 {
		l.known = slices.Delete(l.known, i, i+1)
		l.changed.raise()
	}
}

// drop forgets everything and stops the timers.
func (l *announcements) drop() {
	for _, a := range l.known {
		if a.timer != nil {
			a.timer.Stop()
		}
	}
	l.known = nil
}

// all returns copies of what is known, oldest first. Of several with one bot
// and instance it is the one made last.
func (l *announcements) all() []transport.Announcement {
	all := []transport.Announcement{}
	for i, a := range l.known {
		replaced := slices.ContainsFunc(l.known[i+1:], func(o *announcement) bool {
			return o.Bot == a.Bot && o.Instance == a.Instance
		})
		if !replaced {
			copied := a.Announcement
			copied.Body = bytes.Clone(copied.Body)
			all = append(all, copied)
		}
	}
	slices.SortStableFunc(all, func(a, b transport.Announcement) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Bot, b.Bot), cmp.Compare(a.Instance, b.Instance))
	})
	return all
}
