package ws

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
)

// scripted dials a server that a test writes, inside a bubble: serve is called
// for each connection, with its number.
func scripted(t *testing.T, o *DialOptions, serve func(n int, p *peer)) *Client {
	t.Helper()
	ln := newPipeListener(64 << 10)
	n := 0 // connections come one after the other
	hs := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{Protocol}})
		if err != nil {
			return
		}
		defer c.CloseNow()
		n++
		serve(n, &peer{t: t, ws: c})
	})}
	go hs.Serve(ln)
	o.Logger = quiet
	o.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: ln.dial}}
	c, err := Dial(t.Context(), "ws://chat.test", o)
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Close()
		hs.Close()
	})
	return c
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
	synctest.Test(t, func(t *testing.T) {
		var hellos []helloRequest
		hold := make(chan struct{})
		c := scripted(t, &DialOptions{Epoch: "e1", Rooms: map[chat.RoomID]chat.Seq{"r1": 5, "gone": 3}}, func(n int, p *peer) {
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
			p.write(`{"type":"notice","kind":"progress","call":"c","text":"old"}`)
			hellos = append(hellos, p.greets(room("r1", 50)+","+room("r2", 13)+","+room("r3", 120)))
			p.writeEvent("r2", 11, "message", "")
			p.writeEvent("r2", 12, "message", "")
			<-hold
		})
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
			case u.Notice != nil:
				got = append(got, "notice "+u.Notice.Text)
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
	})
}

// What a client makes of a welcome that does not go on where its hello was.
func TestClientResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hellos []helloRequest
		hold := make(chan struct{})
		defer close(hold)
		c := scripted(t, &DialOptions{}, func(n int, p *peer) {
			if n == 1 {
				hellos = append(hellos, p.greets(room("r1", 5)+","+room("r2", 3)+","+room("r3", 1)))
				return
			}
			// The second hello can't be read: the client says one that can.
			b, _ := p.next()
			f, _ := decode(b)
			hellos = append(hellos, *f.body.(*helloRequest))
			p.write(`{"type":"error","re":"%s","error":{"code":"bad_request","message":"no","field":"rooms"}}`, f.id)
			b, _ = p.next()
			f, _ = decode(b)
			hellos = append(hellos, *f.body.(*helloRequest))
			p.write(`{"type":"welcome","re":"%s","user":{"id":"u-ann","name":"ann"},"epoch":"e1","time":"2026-11-23T21:54:00.000Z","limits":{},"rooms":[%s],"more":true}`,
				f.id, room("r1", 9)+","+room("r3", 1))
			p.writeEvent("r2", 3, "message", "") // a repeat, although the list left out r2
			p.writeEvent("r2", 4, "message", "")
			p.writeEvent("r1", 10, "message", "")
			<-hold
		})
		var got []string
		for u, err := range c.Events(t.Context()) {
			require.NoError(t, err)
			switch {
			case u.Welcome != nil:
				got = append(got, fmt.Sprint("welcome ", u.Welcome.More))
			case u.Event != nil:
				got = append(got, fmt.Sprintf("%s %d", u.Event.Room, u.Event.Seq))
			case u.Gap != nil:
				got = append(got, fmt.Sprintf("%s gap (%d, %d]", u.Gap.Room, u.Gap.After, u.Gap.Head))
			}
			if got[len(got)-1] == "r1 10" {
				break
			}
		}
		require.Equal(t, []string{"welcome false", "welcome true", "r1 gap (5, 9]", "r2 4", "r1 10"}, got)
		require.Empty(t, hellos[0].Rooms)
		require.Equal(t, map[chat.RoomID]chat.Seq{"r1": 5, "r2": 3, "r3": 1}, hellos[1].Rooms)
		require.Empty(t, hellos[2].Rooms)
	})
}

// After a new epoch, nothing that was seen counts.
func TestClientOfNewEpoch(t *testing.T) {
	c := &Client{epoch: "e0", seen: map[chat.RoomID]position{"r1": {seq: 9}, "r2": {seq: 9}, "gone": {seq: 9}}}
	l := &link{sent: map[chat.RoomID]chat.Seq{"r1": 9}}
	w := welcomeReply{Welcome: chat.Welcome{Epoch: "e1"}, More: true}
	for id, head := range map[chat.RoomID]chat.Seq{"r1": 4, "r2": 5} {
		w.Rooms = append(w.Rooms, chat.InboxEntry{RoomInfo: chat.RoomInfo{ID: id, Head: head}})
	}
	gaps := c.resume(l, &w)
	require.ElementsMatch(t, []chat.Gap{{Room: "r1", Head: 4, Reset: true}, {Room: "r2", Head: 5, Reset: true}}, gaps)
	require.Equal(t, map[chat.RoomID]position{"r1": {seq: 4}, "r2": {seq: 5}}, c.seen)
}

// A new epoch voids what was seen of a room, and that is told once: also when the
// connection breaks before the server has told it, and when it does.
func TestClientIsToldOfResetsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hellos []helloRequest
		hold := make(chan struct{})
		c := scripted(t, &DialOptions{Epoch: "e0", Rooms: map[chat.RoomID]chat.Seq{"r1": 5, "r2": 6, "r3": 7}}, func(n int, p *peer) {
			hellos = append(hellos, p.greets(room("r1", 9)+","+room("r2", 3)+","+room("r3", 4)))
			if n == 1 {
				p.write(`{"type":"gap","room":"r1","after":0,"head":9,"floor":1,"reset":true}`)
				p.write(`{"type":"gap","room":"r2","after":0,"head":5,"floor":1,"reset":true}`) // of some moments later
				return                                                                          // and nothing of r3
			}
			p.writeEvent("r3", 5, "message", "")
			<-hold
		})
		var got []string
		for u, err := range c.Events(t.Context()) {
			require.NoError(t, err)
			if u.Gap != nil {
				got = append(got, fmt.Sprintf("%s (%d, %d] %v", u.Gap.Room, u.Gap.After, u.Gap.Head, u.Gap.Reset))
			}
			if u.Event != nil {
				break
			}
		}
		close(hold)
		slices.Sort(got)
		require.Equal(t, []string{"r1 (0, 9] true", "r2 (0, 3] true", "r2 (3, 5] false", "r3 (0, 4] true"}, got)
		require.Equal(t, map[chat.RoomID]chat.Seq{"r1": 9, "r2": 5, "r3": 4}, hellos[1].Rooms)
	})
}

// With very many rooms, the hello has those that moved last.
func TestHelloOfManyRooms(t *testing.T) {
	c := &Client{epoch: "e1", seen: map[chat.RoomID]position{}}
	for i := range maxHelloRooms + 500 {
		c.see(chat.RoomID(fmt.Sprintf("%064d", i)), maxSeq)
	}
	c.see(chat.RoomID(fmt.Sprintf("%064d", 3)), 7)
	l := &link{}
	c.greet(l)
	require.LessOrEqual(t, len(l.greeting), maxHello)
	f, fault := decode(l.greeting)
	require.Nil(t, fault)
	rooms := f.body.(*helloRequest).Rooms
	require.Len(t, rooms, maxHelloRooms)
	require.Contains(t, rooms, chat.RoomID(fmt.Sprintf("%064d", 3)))
	require.Contains(t, rooms, chat.RoomID(fmt.Sprintf("%064d", maxHelloRooms+499)))
	require.NotContains(t, rooms, chat.RoomID(fmt.Sprintf("%064d", 4)))
}

// What may have happened is asked again with the same id, also on the next
// connection; the caller gets one answer.
func TestOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []string
		c := scripted(t, &DialOptions{}, func(n int, p *peer) {
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
		st, err := c.Post(t.Context(), "r1", chat.Draft{ID: key, Text: "hi"})
		require.NoError(t, err)
		require.Equal(t, Stored{ID: key, Room: "r1", Seq: 6, Time: sampleTime.Truncate(time.Second), Duplicate: true}, st)
		require.Equal(t, []string{key, key, key, key}, seen)
	})
}

// A command that got its ok is sent again when its outcome is overdue.
func TestCommandIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := scripted(t, &DialOptions{}, func(_ int, p *peer) {
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
		began := time.Now()
		o, err := c.Command(t.Context(), "r1", chat.CommandLine{ID: key, Text: "/x"})
		require.NoError(t, err)
		require.Equal(t, "psst", o.Text)
		require.Equal(t, overdue, time.Since(began))
	})
}

func TestCallerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan struct{})
		c := scripted(t, &DialOptions{}, func(_ int, p *peer) {
			p.greets("")
			p.next()
			close(got)
			for err := error(nil); err == nil; {
				_, err = p.next()
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-got
			cancel()
		}()
		_, err := c.Post(ctx, "r1", chat.Draft{ID: key, Text: "x"})
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
		synctest.Wait() // until it is sent
		c.Close()
		err = <-errs
		require.ErrorIs(t, err, chat.ErrClosed)
		require.ErrorIs(t, err, chat.ErrOutcomeUnknown)
	})
}
