package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	mrand "math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/internal/rawws"
)

// generator is a run.
type generator struct {
	c        config
	ctx      context.Context // of the sessions; everything in tasks ends with it
	tasks    sync.WaitGroup
	checker  *checker
	sessions []*session
	text     string

	online                 atomic.Int64
	opened, reconnects     atomic.Int64
	posted, acked, notSent atomic.Int64
	wake                   chan struct{} // some session was welcomed or has ended
	mu                     sync.Mutex
	breaks, refusals       map[string]int
	gone                   map[string]int // sessions that can't come back, by reason
	goneCount              atomic.Int64
}

func newGenerator(ctx context.Context, c config, accounts []*account) *generator {
	g := &generator{
		c: c, ctx: ctx, text: strings.Repeat("gochat ", c.size/7+1)[:c.size],
		wake: make(chan struct{}, 1), breaks: map[string]int{}, refusals: map[string]int{}, gone: map[string]int{},
		checker: &checker{
			prefix: "lt" + rand.Text()[:11] + "-", began: time.Now(), rooms: map[string]*room{},
			msgs: make([]message, int(math.Ceil(c.rate*c.duration.Seconds()))+1),
		},
	}
	g.text = strings.TrimSpace(g.text)
	for i := range c.sessions {
		g.sessions = append(g.sessions, &session{g: g, n: i, account: accounts[i%len(accounts)]})
	}
	return g
}

// dial opens a connection. ctx bounds it.
func (g *generator) dial(ctx context.Context, token string) (net.Conn, []byte, error) {
	return rawws.Dial(ctx, g.c.socket, &rawws.DialOptions{
		Protocols: []string{"gochat.v1"}, Header: map[string][]string{"Authorization": {"Bearer " + token}},
	})
}

// frame is message n as it is sent, each time the same.
func (g *generator) frame(n int) []byte {
	return fmt.Appendf(nil, `{"type":"message","id":"%s","room":"%s","text":"%s"}`, g.checker.id(n), g.checker.msgs[n].room.id, g.text)
}

func (g *generator) count(m map[string]int, what string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := m[what]; !ok && len(m) >= 50 {
		what = "other reasons"
	}
	m[what]++
}

func (g *generator) broke(err error) { g.count(g.breaks, err.Error()) }

func (g *generator) refused(code string) {
	g.notSent.Add(1)
	g.count(g.refusals, code)
}

func (g *generator) entered(again bool) {
	g.online.Add(1)
	if again {
		g.reconnects.Add(1)
	} else {
		g.opened.Add(1)
	}
	g.nudge()
}

func (g *generator) left(wasOnline bool) {
	if wasOnline {
		g.online.Add(-1)
	}
}

func (g *generator) nudge() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// open starts the sessions, spread over the ramp, and waits until all are
// online.
func (g *generator) open() error {
	began := time.Now()
	for i, s := range g.sessions {
		due := began.Add(g.c.ramp * time.Duration(i) / time.Duration(len(g.sessions)))
		if err := sleep(g.ctx, time.Until(due)); err != nil {
			return err
		}
		g.tasks.Go(func() {
			if err := s.run(g.ctx); err != nil {
				g.goneCount.Add(1)
				g.count(g.gone, err.Error())
				g.nudge()
			}
		})
	}
	late := time.NewTimer(g.c.wait)
	defer late.Stop()
	for g.opened.Load() < int64(len(g.sessions)) {
		if n := g.goneCount.Load(); n > 0 {
			return fmt.Errorf("%d sessions were not let in: %s; with 4505, use more users", n, g.reasons(g.gone))
		}
		select {
		case <-g.wake:
		case <-late.C:
			return fmt.Errorf("only %d of %d sessions could connect: %s", g.opened.Load(), len(g.sessions), g.reasons(g.breaks))
		case <-g.ctx.Done():
			return g.ctx.Err()
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// senders is how many messages can be on their way into sockets at once, so that
// one that is full delays few others.
const senders = 16

// load posts the messages, each when it is due, and breaks connections.
func (g *generator) load() error {
	ctx, cancel := context.WithTimeout(g.ctx, g.c.duration)
	defer cancel()
	var tasks sync.WaitGroup
	defer tasks.Wait()
	if g.c.cut > 0 {
		tasks.Go(func() { g.cutSome(ctx) })
	}
	work := make(chan int, 1024)
	defer close(work)
	for range senders {
		tasks.Go(func() {
			for n := range work {
				s := g.sessions[n%len(g.sessions)]
				s.post(n)
			}
		})
	}
	began := time.Now()
	if g.c.rate == 0 {
		<-ctx.Done()
		return g.ctx.Err()
	}
	for n := range g.checker.msgs[:len(g.checker.msgs)-1] {
		due := time.Duration(float64(n) / g.c.rate * float64(time.Second))
		if sleep(g.ctx, time.Until(began.Add(due))) != nil || time.Since(began) > g.c.duration+g.c.wait {
			break // ended, or the chat takes nothing any more
		}
		s := g.sessions[n%len(g.sessions)]
		m := &g.checker.msgs[n]
		// A session takes the rooms of its user in turn.
		m.room = s.account.rooms[n/len(g.sessions)%len(s.account.rooms)]
		m.due.Store(int64(began.Sub(g.checker.began) + due))
		g.posted.Add(1)
		work <- n
	}
	if g.ctx.Err() == nil {
		<-ctx.Done()
	}
	return g.ctx.Err()
}

func (g *generator) cutSome(ctx context.Context) {
	tick := time.NewTicker(time.Duration(float64(time.Second) / g.c.cut))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for range 10 { // some may not be online
				if g.sessions[mrand.IntN(len(g.sessions))].cut() {
					break
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// settle waits until every session has everything, or the time for it is over.
func (g *generator) settle() error {
	for end := time.Now().Add(g.c.wait); time.Now().Before(end); {
		settled := true
		for _, s := range g.sessions {
			if !s.settled() {
				settled = false
				break
			}
		}
		if settled {
			return nil
		}
		if err := sleep(g.ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// judge looks at what is missing, and at what has no answer. Sessions that are
// not there are counted, and not judged.
func (g *generator) judge() (away, unanswered int) {
	for _, s := range g.sessions {
		s.mu.Lock()
		unanswered += len(s.pending)
		if s.online {
			for _, p := range s.places {
				g.checker.end(s.n, p)
			}
		} else {
			away++
		}
		s.mu.Unlock()
	}
	return away, unanswered
}
