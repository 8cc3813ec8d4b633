package ws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// client dials with a token that is the name.
func (s *testServer) client(name string, o *DialOptions) *Client {
	s.t.Helper()
	if o == nil {
		o = &DialOptions{}
	}
	o.HTTPClient, o.Logger = s.http, quiet
	if o.Token == nil {
		o.Token = func(context.Context) (string, error) { return name, nil }
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Minute)
	defer cancel()
	c, err := Dial(ctx, s.url, o)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { c.Close() })
	return c
}

// follow calls see with each update of c, in a goroutine that ends with the
// client.
func follow(c *Client, see func(Update)) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for u, err := range c.Events(context.Background()) {
			if err != nil {
				return
			}
			see(u)
		}
	}()
	return func() { <-done }
}

// await returns the first update for which want is true.
func await[T any](t *testing.T, c *Client, want func(Update) *T) *T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	for u, err := range c.Events(ctx) {
		require.NoError(t, err)
		if v := want(u); v != nil {
			return v
		}
	}
	return nil
}

func message(text string) func(Update) *chat.Event {
	return func(u Update) *chat.Event {
		if u.Event != nil && u.Event.Text == text {
			return u.Event
		}
		return nil
	}
}

func welcome(u Update) *Welcome { return u.Welcome }

func TestClientsTalk(t *testing.T) {
	s := start(t, &chat.Options{Commands: echo{}}, nil)
	ctx := t.Context()
	ann, bob := s.client("ann", nil), s.client("bob", nil)
	require.Equal(t, chat.User{ID: "u-ann", Name: "ann"}, ann.User())
	w := await(t, bob, welcome)
	lobby := w.Rooms[0].ID
	require.Equal(t, "s-bob", w.Session)

	st, err := ann.Post(ctx, lobby, chat.Draft{Text: "hi", Data: json.RawMessage(`{"k":"<"}`)})
	require.NoError(t, err)
	require.NotZero(t, st.Seq)
	require.NotZero(t, st.Time)
	e := await(t, bob, message("hi"))
	require.Equal(t, st.Seq, e.Seq)
	require.Equal(t, st.ID, e.ID)
	require.JSONEq(t, `{"k":"<"}`, string(e.Data))

	again, err := ann.Post(ctx, lobby, chat.Draft{ID: st.ID, Text: "hi", Data: json.RawMessage(`{"k":"<"}`)})
	require.NoError(t, err)
	require.True(t, again.Duplicate)
	require.Equal(t, st.Seq, again.Seq)

	_, err = ann.Edit(ctx, lobby, chat.Edit{Seq: st.Seq, Text: "hi all"})
	require.NoError(t, err)
	_, err = bob.Delete(ctx, lobby, st.Seq)
	require.ErrorIs(t, err, chat.ErrForbidden)
	refused, ok := errors.AsType[*Error](err)
	require.True(t, ok)
	require.Equal(t, "forbidden", refused.Code)
	_, err = ann.Post(ctx, "none", chat.Draft{Text: "x"})
	require.ErrorIs(t, err, chat.ErrNotFound)
	_, err = ann.Post(ctx, lobby, chat.Draft{Text: strings.Repeat("x", 70_000)})
	refused, ok = errors.AsType[*Error](err)
	require.True(t, ok)
	require.Equal(t, "too_long", refused.Code)

	o, err := bob.Command(ctx, lobby, chat.CommandLine{Text: "/echo out loud"})
	require.NoError(t, err)
	require.Equal(t, chat.CallDone, o.Status, "%+v", o.Error)
	require.Len(t, o.Seqs, 1)
	answer := await(t, ann, func(u Update) *chat.Event {
		if u.Event != nil && u.Event.Call != nil {
			return u.Event
		}
		return nil
	})
	require.Equal(t, o.Seqs[0], answer.Seq)
	require.Equal(t, chat.UserID("u-bob"), answer.Call.By.ID)
	o, err = bob.Command(ctx, lobby, chat.CommandLine{Text: "/nothing"})
	require.NoError(t, err)
	require.Equal(t, chat.CallFailed, o.Status)

	page, err := bob.History(ctx, lobby, chat.Range{Limit: 2})
	require.NoError(t, err)
	require.Len(t, page.Events, 2)
	require.True(t, page.More)
	page, err = bob.History(ctx, lobby, chat.Range{Forward: true})
	require.NoError(t, err)
	require.Equal(t, chat.Seq(1), page.Events[0].Seq)

	tea, err := ann.CreateRoom(ctx, chat.NewRoom{Name: "Tea", Kind: chat.Public})
	require.NoError(t, err)
	require.Equal(t, "Tea", tea.Name)
	_, err = bob.CreateRoom(ctx, chat.NewRoom{Name: "tea", Kind: chat.Public})
	require.ErrorIs(t, err, chat.ErrConflict)
	rooms, more, err := bob.Rooms(ctx, "", 0)
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, rooms, 2)
	for _, r := range rooms {
		require.Equal(t, r.ID == lobby, r.Role != "", "bob is in the lobby only")
	}
	_, err = bob.Join(ctx, tea.ID)
	require.NoError(t, err)
	members, _, err := ann.Members(ctx, tea.ID, "", 0)
	require.NoError(t, err)
	require.Len(t, members, 2)
	for _, ch := range []chat.Change{
		{Kind: chat.SetRole, User: "u-bob", Role: chat.Admin}, {Kind: chat.Rename, Name: "Coffee"},
		{Kind: chat.Update, Data: json.RawMessage(`{"a":1}`)}, {Kind: chat.Archive}, {Kind: chat.Restore},
		{Kind: chat.React, Seq: 1, Emoji: "👍"}, {Kind: chat.Ban, User: "u-bob"}, {Kind: chat.Ban, User: "u-bob"},
	} {
		_, err = ann.Change(ctx, tea.ID, ch)
		if ch.Kind == chat.React {
			require.ErrorIs(t, err, chat.ErrNotFound, "1 is no message")
			continue
		}
		require.NoError(t, err, ch.Kind)
	}
	direct, err := ann.Direct(ctx, "u-bob")
	require.NoError(t, err)
	require.Equal(t, chat.Direct, direct.Kind)
	require.NoError(t, bob.MarkRead(ctx, lobby, st.Seq))
	specs, err := bob.Commands(ctx)
	require.NoError(t, err)
	_ = specs
	_, err = bob.Leave(ctx, lobby)
	require.NoError(t, err)

	require.NoError(t, bob.Close())
	require.NoError(t, bob.Close())
	require.ErrorIs(t, bob.Err(), chat.ErrClosed)
	_, err = bob.Post(ctx, lobby, chat.Draft{Text: "x"})
	require.ErrorIs(t, err, chat.ErrClosed)
}

// echo answers every command with its line, but for /nothing.
type echo struct{}

func (echo) HandleCommand(_ context.Context, c *command.Call) error {
	if c.Name == "nothing" {
		return command.Fail("nothing")
	}
	return c.Say(c.Args)
}

// keptStore lets another node go on with a store in memory, as after a restart.
type keptStore struct {
	*chat.MemoryStore
	mu        sync.Mutex
	identity  chat.Identity
	committed func([]chat.Event)
}

func keep(t *testing.T) *keptStore {
	k := &keptStore{MemoryStore: chat.NewMemoryStore(nil)}
	var err error
	k.identity, err = k.MemoryStore.Attach(func(events []chat.Event) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.committed != nil {
			k.committed(events)
		}
	})
	require.NoError(t, err)
	return k
}

func (k *keptStore) Attach(committed func([]chat.Event)) (chat.Identity, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.committed = committed
	return k.identity, nil
}

func (k *keptStore) Close() error { return nil }

// kill ends the server as if its process had died: no farewell, nothing
// flushed.
func (s *testServer) kill() {
	s.end.Do(func() {
		s.hs.Close()
		s.h.mu.Lock()
		s.h.draining = true
		for c := range s.h.conns {
			c.cut()
		}
		s.h.mu.Unlock()
		s.h.tasks.Wait()
		s.node.Shutdown(context.Background())
	})
}

// A server is killed again and again while clients post: in the end everybody
// has everything once, in the same order.
func TestServerKilled(t *testing.T) {
	const posters, posts, kills = 4, 60, 6
	store := keep(t)
	defer store.MemoryStore.Close()
	s := start(t, &chat.Options{Store: store, Limits: chat.Limits{Messages: chat.Unlimited}}, nil)
	addr := s.ln.Addr().String()

	var clients []*Client
	var mu sync.Mutex
	got := make([][]string, posters)
	var waits []func()
	for i := range posters {
		c := s.client(fmt.Sprintf("user%d", i), nil)
		clients = append(clients, c)
		waits = append(waits, follow(c, func(u Update) {
			if u.Gap != nil {
				t.Errorf("a gap: %+v", u.Gap)
			}
			if u.Event != nil && u.Event.Kind == chat.Message {
				mu.Lock()
				defer mu.Unlock()
				got[i] = append(got[i], fmt.Sprintf("%d %s", u.Event.Seq, u.Event.Text))
			}
		}))
	}
	rooms, _, err := clients[0].Rooms(t.Context(), "", 0)
	require.NoError(t, err)
	lobby := rooms[0].ID

	acked := map[string]bool{}
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			for n := range posts {
				text := fmt.Sprintf("%d/%d", i, n)
				st, err := c.Post(context.Background(), lobby, chat.Draft{Text: text})
				if err != nil {
					t.Errorf("post: %v", err)
					return
				}
				mu.Lock()
				acked[fmt.Sprintf("%d %s", st.Seq, text)] = true
				mu.Unlock()
				time.Sleep(time.Millisecond)
			}
		})
	}
	for range kills {
		time.Sleep(30 * time.Millisecond)
		s.kill()
		ln, err := net.Listen("tcp", addr)
		require.NoError(t, err)
		s = serve(t, ln, (&net.Dialer{}).DialContext, &chat.Options{Store: store, Limits: chat.Limits{Messages: chat.Unlimited}}, nil)
	}
	wg.Wait()
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, list := range got {
			if len(list) < posters*posts {
				return false
			}
		}
		return true
	}, 20*time.Second, 10*time.Millisecond)
	for i, c := range clients {
		c.Close()
		waits[i]()
	}
	require.Len(t, acked, posters*posts)
	for i, list := range got {
		require.Len(t, list, posters*posts, "client %d", i)
		require.Equal(t, got[0], list)
		for _, m := range list {
			require.True(t, acked[m], m)
		}
	}
}

func TestTerminal(t *testing.T) {
	s := start(t, nil, nil)
	dial := func(token string, err error) error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, derr := Dial(ctx, s.url, &DialOptions{
			HTTPClient: s.http, Logger: quiet, Token: func(context.Context) (string, error) { return token, err },
		})
		return derr
	}
	err := dial("nobody", nil)
	refused, ok := errors.AsType[*RefusedError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, 401, refused.Status)
	require.Contains(t, refused.Error(), "token")
	refused, ok = errors.AsType[*RefusedError](dial("banned", nil))
	require.True(t, ok)
	require.Equal(t, 403, refused.Status)
	require.ErrorIs(t, dial("", ErrNoLogin), ErrNoLogin)

	s.h.hub = refusingHub{s.node, chat.ErrRevoked}
	closed, ok := errors.AsType[*CloseError](dial("ann", nil))
	require.True(t, ok)
	require.Equal(t, codeRevoked, closed.Code)
	s.h.hub = s.node

	_, err = Dial(t.Context(), "ftp://x", nil)
	require.Error(t, err)
	_, err = Dial(t.Context(), "ws://%zz", nil)
	require.Error(t, err)
}

func TestDialWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipeListener(pipeSize)
		defer ln.Close()
		hc := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("nobody is there")
		}}}
		tries := 0
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		_, err := Dial(ctx, "ws://chat.test", &DialOptions{HTTPClient: hc, Logger: quiet, Token: func(context.Context) (string, error) {
			tries++
			return "x", nil
		}})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "nobody is there")
		require.Greater(t, tries, 20)
		require.Less(t, tries, 200)
	})
}

// A login that is about to end is renewed on the connection, which goes on.
func TestTokenIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, &Options{Reauthenticate: login})
		defer s.stop()
		tokens := 0
		c := s.client("", &DialOptions{Token: func(context.Context) (string, error) {
			tokens++
			return "ann|5m", nil
		}})
		welcomes := 0
		wait := follow(c, func(u Update) {
			if u.Welcome != nil {
				welcomes++
			}
		})
		time.Sleep(time.Hour)
		c.Close()
		wait()
		require.Equal(t, 1, welcomes)
		require.InDelta(t, 15, tokens, 1)
	})
}

// Without that, the client connects again, with a new token.
func TestTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		c := s.client("ann|5m", nil)
		welcomes := 0
		wait := follow(c, func(u Update) {
			if u.Welcome != nil {
				welcomes++
			}
		})
		time.Sleep(time.Hour)
		require.NoError(t, c.Err())
		c.Close()
		wait()
		require.InDelta(t, 12, welcomes, 1)
	})
}

// A server that is there in name only is left for another connection.
func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, nil, nil)
		defer s.stop()
		var cut *deafConn
		s.http.Transport = &http.Transport{DialContext: func(ctx context.Context, n, a string) (net.Conn, error) {
			nc, err := s.dial(ctx, n, a)
			cut = &deafConn{Conn: nc, deaf: make(chan struct{})}
			return cut, err
		}}
		c := s.client("ann", nil)
		await(t, c, welcome)
		began := time.Now()
		close(cut.deaf)
		await(t, c, welcome)
		require.Greater(t, time.Since(began), 30*time.Second)
		require.Less(t, time.Since(began), 75*time.Second)
		c.Close()
	})
}

// deafConn hears nothing any more once deaf is closed, and nobody hears it.
type deafConn struct {
	net.Conn
	deaf chan struct{}
}

func (c *deafConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	select {
	case <-c.deaf:
		if err == nil {
			for err == nil {
				_, err = c.Conn.Read(b)
			}
		}
		return 0, err
	default:
	}
	return n, err
}

func (c *deafConn) Write(b []byte) (int, error) {
	select {
	case <-c.deaf:
		return len(b), nil
	default:
		return c.Conn.Write(b)
	}
}

// scripted is a server that a test writes.
func scripted(t *testing.T, serve func(n int, p *peer)) (url string) {
	n := 0
	var mu sync.Mutex
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	hs := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{Protocol}})
		if err != nil {
			return
		}
		defer c.CloseNow()
		mu.Lock()
		n++
		i := n
		mu.Unlock()
		serve(i, &peer{t: t, ws: c})
	})}
	go hs.Serve(ln)
	t.Cleanup(func() { hs.Close() })
	return "ws://" + ln.Addr().String()
}

// greets answers the hello that comes next, and returns it.
func (p *peer) greets(rooms string) helloRequest {
	for {
		b, err := p.next()
		if err != nil {
			return helloRequest{}
		}
		f, fault := decode(b)
		if fault != nil || f.typ != "hello" {
			continue
		}
		p.write(`{"type":"welcome","re":"%s","user":{"id":"u-ann","name":"ann"},"epoch":"e1","time":"2026-11-23T21:54:00.000Z","limits":{},"rooms":[%s]}`, f.id, rooms)
		return *f.body.(*helloRequest)
	}
}

// write is send for servers: the client may be gone.
func (p *peer) write(format string, args ...any) {
	p.ws.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, format, args...))
}

func (p *peer) writeEvent(room string, seq int, kind, target string) {
	p.write(`{"type":"event","room":"%s","seq":%d,"id":"x","kind":"%s","time":"2026-11-23T21:54:00.000Z","user":{"id":"u-bob","name":"bob"},"target":{"id":"%s","name":"x"}}`,
		room, seq, kind, target)
}

func room(id string, head int) string {
	return fmt.Sprintf(`{"id":"%s","name":"R","kind":"public","created":"2026-11-23T21:54:00.000Z","head":%d,"floor":1,"role":"member","read":0,"unread":0}`, id, head)
}

// The rules by which a client takes over events.
func TestClientRules(t *testing.T) {
	var hellos []helloRequest
	hold := make(chan struct{})
	url := scripted(t, func(n int, p *peer) {
		hellos = append(hellos, p.greets(room("r1", 5)+","+room("r2", 1)))
		if n > 1 {
			return
		}
		p.writeEvent("r1", 6, "message", "")
		p.writeEvent("r1", 6, "message", "")       // a repeat
		p.write(`{"type":"event","room":7}`)       // not understood
		p.write(`{"type":"novelty","x":1}`)        // not known
		p.writeEvent("r3", 40, "joined", "u-ann")  // a room that was not known
		p.writeEvent("r3", 41, "message", "")      //
		p.writeEvent("r3", 41, "left", "u-bob")    // a repeat by number
		p.writeEvent("r3", 99, "left", "u-ann")    // the end of the room, whatever its number
		p.writeEvent("r3", 120, "joined", "u-ann") // and again
		p.writeEvent("r1", 50, "joined", "u-ann")  // a permitted jump
		p.write(`{"type":"gap","room":"r2","after":1,"head":9,"floor":1}`)
		p.write(`{"type":"gap","room":"r2","after":1,"head":8,"floor":1}`) // a repeat
		p.writeEvent("r2", 10, "message", "")
		p.writeEvent("r2", 12, "message", "") // a hole
		p.writeEvent("r2", 13, "message", "") // of the old session
		hellos = append(hellos, p.greets(room("r1", 50)+","+room("r2", 13)+","+room("r3", 120)))
		p.writeEvent("r2", 11, "message", "")
		p.writeEvent("r2", 12, "message", "")
		<-hold
	})
	c, err := Dial(t.Context(), url, &DialOptions{Logger: quiet, Epoch: "e1", Rooms: map[chat.RoomID]chat.Seq{"r1": 5, "gone": 3}})
	require.NoError(t, err)
	defer c.Close()
	var got []string
	for u, err := range c.Events(t.Context()) {
		require.NoError(t, err)
		switch {
		case u.Welcome != nil:
			got = append(got, "welcome")
		case u.Event != nil:
			got = append(got, fmt.Sprintf("%s %d %s", u.Event.Room, u.Event.Seq, u.Event.Kind))
		case u.Gap != nil:
			got = append(got, fmt.Sprintf("%s gap %d", u.Gap.Room, u.Gap.Head))
		}
		if got[len(got)-1] == "r2 12 message" {
			break
		}
	}
	require.Equal(t, []string{
		"welcome", "r1 6 message", "r3 40 joined", "r3 41 message", "r3 99 left", "r3 120 joined", "r1 50 joined", "r2 gap 9",
		"r2 10 message", "welcome", "r2 11 message", "r2 12 message",
	}, got)
	close(hold)
	require.Equal(t, "e1", hellos[0].Epoch)
	require.Equal(t, map[chat.RoomID]chat.Seq{"r1": 5, "gone": 3}, hellos[0].Rooms)
	require.Equal(t, map[chat.RoomID]chat.Seq{"r1": 50, "r2": 10, "r3": 120}, hellos[1].Rooms)
}

// What may have happened is asked again with the same id, also on the next
// connection; the caller gets one answer.
func TestOutbox(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	url := scripted(t, func(n int, p *peer) {
		p.greets(room("r1", 5))
		for {
			b, err := p.next()
			if err != nil {
				return
			}
			f, fault := decode(b)
			if fault != nil {
				t.Errorf("%s: %v", b, fault)
				return
			}
			mu.Lock()
			seen = append(seen, f.id)
			times := len(seen)
			mu.Unlock()
			switch times {
			case 1:
				p.write(`{"type":"error","re":"%s","error":{"code":"rate_limited","message":"slow","retry_after_ms":10}}`, f.id)
			case 2:
				p.write(`{"type":"error","re":"%s","error":{"code":"unavailable","message":"not now"}}`, f.id)
			case 3:
				return // the connection is lost
			default:
				p.write(`{"type":"ok","re":"%s","room":"r1","seq":6,"time":"2026-11-23T21:54:00.000Z","dup":true}`, f.id)
				p.write(`{"type":"ok","re":"%s","room":"r1","seq":6,"time":"2026-11-23T21:54:00.000Z","dup":true}`, f.id)
			}
		}
	})
	c, err := Dial(t.Context(), url, &DialOptions{Logger: quiet})
	require.NoError(t, err)
	defer c.Close()
	st, err := c.Post(t.Context(), "r1", chat.Draft{ID: key, Text: "hi"})
	require.NoError(t, err)
	require.Equal(t, Stored{ID: key, Room: "r1", Seq: 6, Time: sampleTime.Truncate(time.Second), Duplicate: true}, st)
	require.Equal(t, []string{key, key, key, key}, seen)
}

// A command that got its ok is sent again when its outcome is overdue.
func TestCommandIsAskedAgain(t *testing.T) {
	n := 0
	url := scripted(t, func(_ int, p *peer) {
		p.greets(room("r1", 5))
		for {
			b, err := p.next()
			if err != nil {
				return
			}
			f, _ := decode(b)
			n++
			if n == 2 {
				p.write(`{"type":"outcome","re":"%s","call":"c1","room":"r1","status":"ephemeral","text":"psst"}`, f.id)
			}
			p.write(`{"type":"ok","re":"%s","room":"r1","call":"c1","timeout_ms":0}`, f.id)
		}
	})
	c, err := Dial(t.Context(), url, &DialOptions{Logger: quiet})
	require.NoError(t, err)
	defer c.Close()
	c.mu.Lock()
	c.mu.Unlock()
	done := make(chan struct{})
	go func() {
		// The wait is 10 s and the test has no time: make it due.
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
			c.mu.Lock()
			for _, k := range c.calls {
				if k.again {
					k.at = time.Now()
					c.link.rouse()
				}
			}
			c.mu.Unlock()
		}
	}()
	o, err := c.Command(t.Context(), "r1", chat.CommandLine{ID: key, Text: "/x"})
	close(done)
	require.NoError(t, err)
	require.Equal(t, "psst", o.Text)
}

func TestCallerGivesUp(t *testing.T) {
	got := make(chan struct{})
	url := scripted(t, func(_ int, p *peer) {
		p.greets("")
		p.next()
		close(got)
		p.next()
	})
	c, err := Dial(t.Context(), url, &DialOptions{Logger: quiet})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-got
		cancel()
	}()
	_, err = c.Post(ctx, "r1", chat.Draft{ID: key, Text: "x"})
	require.ErrorIs(t, err, chat.ErrOutcomeUnknown)
	require.ErrorIs(t, err, context.Canceled)
	_, err = c.History(ctx, "r1", chat.Range{})
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, chat.ErrOutcomeUnknown)

	errs := make(chan error)
	go func() {
		_, err := c.Post(context.Background(), "r1", chat.Draft{Text: "x"})
		errs <- err
	}()
	require.Eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.calls) == 1 && c.calls[0].sentOn != nil
	}, 5*time.Second, time.Millisecond)
	c.Close()
	err = <-errs
	require.ErrorIs(t, err, chat.ErrClosed)
	require.ErrorIs(t, err, chat.ErrOutcomeUnknown)
}

func TestOtherUser(t *testing.T) {
	s := start(t, nil, nil)
	names := []string{"ann", "bob"}
	c := s.client("", &DialOptions{Token: func(context.Context) (string, error) {
		name := names[0]
		names = names[1:]
		return name, nil
	}})
	s.h.mu.Lock()
	for conn := range s.h.conns {
		conn.end(farewell{codeGoingAway, ""})
	}
	s.h.mu.Unlock()
	for _, err := range c.Events(t.Context()) {
		if err != nil {
			require.ErrorIs(t, err, ErrOtherUser)
		}
	}
	require.ErrorIs(t, c.Err(), ErrOtherUser)
}

// A loop that is too slow gets gaps, and the connection does not wait for it.
func TestSlowLoop(t *testing.T) {
	var q updates
	q.init()
	w1, w2 := &Welcome{}, &Welcome{}
	q.push(Update{Welcome: w1}, 100)
	q.push(Update{Welcome: w2}, 100)
	q.push(Update{Gap: &chat.Gap{Room: "r2", After: 3, Head: 7, Floor: 2}}, 50)
	for i := range 2 * maxUpdates {
		q.push(Update{Event: &chat.Event{Room: chat.RoomID(fmt.Sprint("r", i%2)), Seq: chat.Seq(10 + i/2)}}, 100)
		q.push(Update{Notice: &chat.Notice{}}, 10)
		require.LessOrEqual(t, len(q.queue), maxUpdates+1)
	}
	u, err := q.next(t.Context())
	require.NoError(t, err)
	require.Same(t, w2, u.Welcome)
	at := map[chat.RoomID]chat.Seq{"r0": 9, "r1": 9, "r2": 3}
	q.end(chat.ErrClosed)
	for {
		u, err := q.next(t.Context())
		if err != nil {
			require.ErrorIs(t, err, chat.ErrClosed)
			break
		}
		if g := u.Gap; g != nil {
			require.Equal(t, at[g.Room], g.After, g.Room)
			at[g.Room] = g.Head
		}
		if e := u.Event; e != nil {
			require.Equal(t, at[e.Room]+1, e.Seq, e.Room)
			at[e.Room] = e.Seq
		}
	}
	require.Equal(t, chat.Seq(9+maxUpdates), at["r0"])
	require.Zero(t, q.bytes)
}

func TestOneLoop(t *testing.T) {
	s := start(t, nil, nil)
	c := s.client("ann", nil)
	for _, err := range c.Events(t.Context()) {
		require.NoError(t, err)
		for _, err := range c.Events(t.Context()) {
			require.ErrorIs(t, err, ErrIterating)
		}
		break
	}
	w, _, err := c.Rooms(t.Context(), "", 0)
	require.NoError(t, err)
	_, err = c.Post(t.Context(), w[0].ID, chat.Draft{Text: "still there"})
	require.NoError(t, err)
	await(t, c, message("still there"))
}
