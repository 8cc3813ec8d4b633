package rabbitmq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/carlware/gochat/transport"
)

const (
	maxInstance = 64 // bytes
	announceTTL = 30 * time.Second
	leastTTL    = time.Second
	mostTTL     = time.Hour

	// firstRound is how long bots have to answer who asks first.
	firstRound = 500 * time.Millisecond

	// announceTick is how often repetitions and expiries are looked at, and how
	// often questions are answered at the most.
	announceTick = 200 * time.Millisecond

	leavePatience = time.Second
)

var errInstance = errors.New("rabbitmq: announcement without an instance")

// Announce makes a known to all programs until ctx ends (nil) or the broker is
// closed ([transport.ErrClosed]). a.TTL is at least a second and at most an
// hour. Since is carried in milliseconds.
func (b *Broker) Announce(ctx context.Context, a transport.Announcement) error {
	if err := checkNames(a.Bot); err != nil {
		return err
	}
	if a.Instance == "" {
		return errInstance
	}
	if len(a.Instance) > maxInstance {
		return fmt.Errorf("rabbitmq: %w: instance of %d bytes", transport.ErrTooLarge, len(a.Instance))
	}
	if err := checkBody(a.Body); err != nil {
		return err
	}
	ctx, leave, err := b.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if a.TTL <= 0 {
		a.TTL = announceTTL
	}
	a.TTL = min(max(a.TTL, leastTTL), mostTTL)
	a.Body = bytes.Clone(a.Body)
	own := &announcing{Announcement: a, left: make(chan struct{})}
	b.known.add(own)
	<-ctx.Done()
	b.known.withdraw(own)
	b.mu.Lock()
	s := b.session
	b.mu.Unlock()
	if s != nil {
		patience := time.NewTimer(leavePatience)
		defer patience.Stop()
		select {
		case <-own.left:
		case <-s.done:
		case <-patience.C:
		}
	}
	return ended(ctx)
}

// Announcements calls fn with all that is announced, oldest first, half a
// second after the broker was first asked, and again whenever it changes,
// until ctx ends (nil) or the broker is closed ([transport.ErrClosed]).
// Changes that come while fn runs are coalesced. Up to 1000 are known.
func (b *Broker) Announcements(ctx context.Context, fn func([]transport.Announcement)) error {
	ctx, leave, err := b.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	var seen uint64
	for first := true; ctx.Err() == nil; {
		all, version, ok, changed := b.known.all()
		if ok && (first || version != seen) {
			first, seen = false, version
			fn(all)
			continue
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
	return ended(ctx)
}

// listen hears announcements on a queue of its own and makes them, until s
// ends.
func (g *registry) listen(ctx context.Context, s *session) error {
	b := s.b
	q := b.top.nodeQueue(b.id+"."+strconv.FormatUint(b.queues.Add(1), 10), b.top.announce, "")
	if err := s.admin(ctx, func(a *admin) error { return a.queue(q) }); err != nil {
		return err
	}
	ch, err := s.open(s.sub)
	if err != nil {
		return err
	}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	if err := s.rpc("set prefetch", func() error { return ch.Qos(eventPrefetch, 0, false) }); err != nil {
		return err
	}
	var deliveries <-chan amqp.Delivery
	err = s.rpc("consume "+q.name, func() (err error) {
		deliveries, err = ch.Consume(q.name, "gochat", false, true, false, false, nil)
		return err
	})
	if err != nil {
		return err
	}
	s.run(func() {
		for n := 1; ; n++ {
			select {
			case d, ok := <-deliveries:
				if !ok {
					select {
					case err := <-closed:
						s.fail(closedBy(err))
					default:
						s.fail(errCancelled)
					}
					return
				}
				if n%eventAck == 0 {
					_ = d.Ack(true)
				}
				if err := g.receive(b, &d); err != nil {
					b.drop("announcement is dropped", err)
				}
			case <-s.done:
				return
			}
		}
	})
	s.run(func() { g.announce(s) })
	return nil
}

var errAnnouncer = errors.New("announcement can't be read, is somebody else's, or one too many")

// receive takes in a message from the announcements' exchange.
func (g *registry) receive(b *Broker, d *amqp.Delivery) error {
	if d.Type == typeWho {
		g.ask()
		return nil
	}
	a, err := decodeAnnouncement(d)
	if err != nil {
		return err
	}
	if b.o.Trust != nil && !b.o.Trust(d.UserId, a.Bot) {
		return errUntrusted
	}
	ok := false
	if d.Type == typeLeave {
		ok = g.forget(announcer{a.Bot, a.Instance}, d.UserId)
		b.presence.forget() // it may have been the last one
	} else {
		ok = g.hear(a, d.UserId, time.Now())
	}
	if !ok {
		return errAnnouncer
	}
	return nil
}

// announce asks who is there, and says what this program has to say, until s
// ends.
func (g *registry) announce(s *session) {
	g.renew(time.Now())
	exchange := s.b.top.announce
	who := func() *publishing {
		return &publishing{exchange: exchange, msg: amqp.Publishing{Type: typeWho, DeliveryMode: amqp.Transient}}
	}
	tick := time.NewTicker(announceTick)
	defer tick.Stop()
	var asked <-chan error // nil: not yet, or answered
	var round *time.Timer
	var over <-chan time.Time
	for {
		if asked == nil && round == nil {
			if m := who(); s.feed.start(context.Background(), m) == nil {
				asked = m.done
			}
		}
		leaving, repeats := g.due(time.Now())
		for _, a := range leaving {
			_ = s.feed.start(context.Background(), encodeAnnouncement(a, typeLeave, exchange)) // else its TTL ends it
			close(a.left)
		}
		for _, a := range repeats {
			if s.feed.start(context.Background(), encodeAnnouncement(a, typeAnnounce, exchange)) != nil {
				g.again(a)
			}
		}
		select {
		case <-g.wake:
		case <-tick.C:
			g.expire(time.Now())
		case err := <-asked:
			asked = nil
			if err != nil {
				continue // s is over
			}
			round = time.NewTimer(firstRound)
			defer round.Stop()
			over = round.C
		case <-over:
			g.endRound()
		case <-s.done:
			return
		}
	}
}
