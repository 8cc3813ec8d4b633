package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
	"github.com/carlware/gochat/examples/internal/login"
	"github.com/carlware/gochat/transport/ws"
)

// wallet has the access tokens of one user.
type wallet struct {
	auth, name string

	mu    sync.Mutex // held while a token is fetched, so that one serves all who wait
	login *login.Login
	token string
	since time.Time
}

// tokenAge is how old a token may be to be used for a connection. They last for
// minutes.
const tokenAge = time.Minute

func (w *wallet) get(ctx context.Context) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.token != "" && time.Since(w.since) < tokenAge {
		return w.token, nil
	}
	if w.login == nil {
		w.login = login.New(w.auth, w.name, password)
	}
	token, err := w.login.Token(ctx)
	if err != nil {
		w.login = nil // its refresh cookie may have been spent for an answer that was lost
		return "", err
	}
	w.token, w.since = token, time.Now()
	return token, nil
}

// member is one client of a user, a tab, who does this and that. All that it does
// and sees is recorded.
type member struct {
	r      *run
	name   string
	wallet *wallet
	user   chat.UserID
	link   *link
	record *chattest.Client
	lost   atomic.Pointer[error] // why it was sent away for good
	lives  atomic.Int64          // welcomes

	mu     sync.Mutex
	client *ws.Client
	heard  chan struct{} // closed when nothing more comes of client
	posted []posted      // the latest own messages
}

type posted struct {
	room  chat.RoomID
	seq   chat.Seq
	draft chat.Draft
}

// join connects a member for the first time.
func (r *run) join(ctx context.Context, name string, w *wallet, entry string) (*member, error) {
	m := &member{r: r, name: name, wallet: w}
	var err error
	if m.link, err = r.sys.link("client", name, entry[len("http://"):]); err != nil {
		return nil, err
	}
	c, err := m.dial(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	m.user = c.User().ID
	m.record = r.record.Client(m.user, name)
	m.use(c)
	return m, nil
}

var quiet = slog.New(slog.DiscardHandler)

func (m *member) dial(ctx context.Context, o *chat.SessionOptions) (*ws.Client, error) {
	d := &ws.DialOptions{Token: m.wallet.get, Logger: quiet}
	if o != nil {
		d.Epoch, d.Rooms = o.Epoch, o.Rooms
	}
	return ws.Dial(ctx, "ws://"+m.link.Addr()+"/ws", d)
}

// use makes c the client.
func (m *member) use(c *ws.Client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	heard := make(chan struct{})
	m.client, m.heard = c, heard
	go func() {
		defer close(heard)
		m.listen(c)
	}()
}

// listen records what comes until c ends.
func (m *member) listen(c *ws.Client) {
	for u, err := range c.Events(context.Background()) {
		switch {
		case errors.Is(err, chat.ErrClosed):
		case err != nil:
			m.lost.Store(&err)
		case u.Welcome != nil:
			m.record.Disconnected()
			m.record.Connected(u.Welcome.Welcome, m.record.Resume())
			m.r.connects.Add(1)
			m.lives.Add(1)
		case u.Event != nil:
			m.record.Delivered(&chat.Delivery{Event: u.Event})
		case u.Gap != nil:
			m.record.Delivered(&chat.Delivery{Gap: u.Gap})
		case u.Outcome != nil:
			m.record.Delivered(&chat.Delivery{Outcome: u.Outcome})
		}
	}
}

func (m *member) current() *ws.Client {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.client
}

// reload has another client go on where the former one was, as after a page was
// loaded anew.
func (m *member) reload(ctx context.Context) error {
	m.leave()
	c, err := m.dial(ctx, m.record.Resume())
	if err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	m.use(c)
	m.r.reloads.Add(1)
	return nil
}

// leave ends the client, and waits until all that it was given is recorded.
func (m *member) leave() {
	m.mu.Lock()
	c, heard := m.client, m.heard
	m.mu.Unlock()
	_ = c.Close()
	<-heard
}

// heard is how long it takes at most until a welcome that has come is counted.
const heard = 200 * time.Millisecond

// store sends a request that stores something under an id, until it has its final
// answer or ctx ends.
func (m *member) store(ctx context.Context, room chat.RoomID, id string, send func(context.Context, *ws.Client) (ws.Stored, error)) chat.Seq {
	began := m.lives.Load()
	for {
		m.record.Sent(room, id)
		s, err := send(ctx, m.current())
		_, refused := errors.AsType[*ws.Error](err)
		switch {
		case err == nil && s.Seq > 0:
			m.record.Acked(room, id, s.Seq)
			return s.Seq
		case err == nil || refused: // or nothing was to be done
			// That is certain of what was sent once. What was sent on two
			// connections may be stored by a process that was frozen and reads
			// the first of them late.
			if _ = sleep(ctx, heard); m.lives.Load() == began {
				m.record.Refused(room, id)
			}
			return 0
		}
		if sleep(ctx, 50*time.Millisecond) != nil {
			return 0
		}
	}
}

// command runs a command until it has ended or ctx ends, and returns how: done,
// ephemeral, or a code. It must end, since the recorder is told that it does.
func (m *member) command(ctx context.Context, room chat.RoomID, line string) string {
	id := chat.NewID()
	for {
		m.record.Called(id)
		m.record.Accepted(id)
		o, err := m.current().Command(ctx, room, chat.CommandLine{ID: id, Text: line})
		e, refused := errors.AsType[*ws.Error](err)
		switch {
		case err == nil:
			m.record.Delivered(&chat.Delivery{Outcome: &o})
			how := string(o.Status)
			if o.Error != nil {
				how = o.Error.Code
			}
			m.r.ended(how)
			return how
		case refused:
			m.record.Rejected(id)
			m.r.ended(e.Code)
			return e.Code
		}
		if sleep(ctx, 50*time.Millisecond) != nil {
			return ""
		}
	}
}

// live does this and that until it is calm; what is under way then has until ctx
// ends.
func (m *member) live(ctx context.Context, rng *rand.Rand) {
	for !m.r.calm.Load() {
		m.act(ctx, rng)
		if sleep(ctx, time.Duration(rng.ExpFloat64()*float64(m.r.c.pause))) != nil {
			return
		}
	}
}
