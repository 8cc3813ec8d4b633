package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/transport"
	broker "github.com/carlware/gochat/transport/memory"
)

// noted is what a node's Trace was told of: what was lost, late or left out.
type noted struct {
	mu   sync.Mutex
	said []string
}

func (n *noted) say(what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.said = append(n.said, what)
}

func (n *noted) take() []string {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	said := n.said
	n.said = nil
	return said
}

func (n *noted) trace() *chat.Trace {
	return &chat.Trace{
		Filled:    func(events int) { n.say(fmt.Sprint("filled ", events)) },
		LateReply: func(bot string) { n.say("late " + bot) },
		Dropped:   func(what string) { n.say("dropped " + what) },
	}
}

func TestTraceOfWhatIsReadFromTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b noted
		s := newShared()
		ba := broker.New(nil)
		bb := ba.Connect()
		t.Cleanup(func() { ba.Close(); bb.Close() })
		na := newNode(t, &chat.Options{Store: s.connect(), Broker: ba, Trace: a.trace()})
		nb := newNode(t, &chat.Options{Store: s.connect(), Broker: bb, Trace: b.trace()})
		connect(t, na, "ana", nil)
		bob := connect(t, nb, "bob", nil)
		r, id := room(t, na, "ana", chat.NewRoom{Name: "Tea", Members: []chat.UserID{"bob"}})
		time.Sleep(5 * time.Second)
		a.take()
		b.take()
		last := post(t, r, "ana", "told").Seq
		for nextEvent(t, bob).Seq != last {
		}
		require.Empty(t, b.take(), "the other node told of it")

		ba.Disconnect(nil)
		bb.Disconnect(nil)
		post(t, r, "ana", "lost")
		post(t, r, "ana", "lost too")
		time.Sleep(5 * time.Second)
		require.Len(t, seqs(t, bob, id, last), 2)
		require.Equal(t, []string{"filled 2"}, b.take())
		require.Empty(t, a.take(), "it has committed them itself")
	})
}

// altering is a broker at which a test holds up or changes what bots reply.
type altering struct {
	*broker.Broker
	alter func(*transport.Result)
}

func (b *altering) Results(ctx context.Context, store string, fn func(context.Context, transport.Result) error) error {
	return b.Broker.Results(ctx, store, func(ctx context.Context, r transport.Result) error {
		b.alter(&r)
		return fn(ctx, r)
	})
}

func TestTraceOfRepliesThatComeToNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		alter func(*transport.Result)
		want  string
	}{
		"after the timeout": {func(*transport.Result) { time.Sleep(30 * time.Second) }, "late echo"},
		"to no call":        {func(r *transport.Result) { r.ID = chat.NewID() }, "dropped reply"},
		"of another bot":    {func(r *transport.Result) { r.Bot = "eve" }, "dropped reply"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var said noted
				var runs atomic.Int64
				b := &altering{broker.New(nil), tt.alter}
				t.Cleanup(func() { b.Close() })
				serve(t, echo(&runs), b)
				n := newNode(t, &chat.Options{Broker: b, Trace: said.trace()})
				ana := connect(t, n, "ana", nil)
				r, id := room(t, n, "ana", chat.NewRoom{Name: "Tea"})
				said.take() // the first sweep may have been quicker than the creation
				c, err := r.Command(t.Context(), "ana", chat.CommandLine{ID: chat.NewID(), Text: "/echo"})
				require.NoError(t, err)
				require.Equal(t, "timeout", ended(t, c).Error.Code)
				time.Sleep(time.Minute)
				require.EqualValues(t, 1, runs.Load())
				require.Equal(t, []string{tt.want}, said.take())
				require.Equal(t, []chat.Seq{2}, seqs(t, ana, id, 1), "no answer")
			})
		})
	}
}

func TestTraceOfForeignEnvelopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said noted
		s := newShared()
		ba := broker.New(nil)
		bb := ba.Connect()
		t.Cleanup(func() { ba.Close(); bb.Close() })
		n := newNode(t, &chat.Options{Store: s.connect(), Broker: ba, Trace: said.trace()})
		ana := connect(t, n, "ana", nil)
		synctest.Wait()
		ours := map[string]any{
			"v": 1, "store": s.id.Store, "epoch": ana.Welcome().Epoch, "node": chat.NewID(),
			"notice": map[string]any{"notice": chat.Notice{Kind: chat.RoomCreated, Room: &chat.RoomInfo{ID: "tea", Kind: chat.Public}}},
		}
		notices := func() (n int) {
			synctest.Wait()
			for _, d := range ana.Take(nil, 1<<30) {
				if d.Notice != nil && d.Notice.Kind == chat.RoomCreated {
					n++
				}
			}
			return n
		}
		publish := func(body []byte) {
			require.NoError(t, bb.Publish(t.Context(), s.id.Store, "notice", body))
		}
		encoded := func(key string, value any) []byte {
			e := maps.Clone(ours)
			if key != "" {
				e[key] = value
			}
			body, err := json.Marshal(e)
			require.NoError(t, err)
			return body
		}
		publish(encoded("", nil))
		require.Equal(t, 1, notices(), "it is understood")
		require.Empty(t, said.take())

		for name, body := range map[string][]byte{
			"another store":        encoded("store", chat.NewID()),
			"another version":      encoded("v", 2),
			"no JSON":              []byte("hello"),
			"an event of no place": encoded("events", []chat.Event{{Room: "tea", Kind: chat.Message}}),
			"a join of nobody":     encoded("events", []chat.Event{{Room: "tea", Seq: 1, Kind: chat.Joined}}),
		} {
			publish(body)
			require.Zero(t, notices(), name)
			require.Equal(t, []string{"dropped foreign"}, said.take(), name)
		}
	})
}

func TestTraceOfAHookThatDoesNotKeepUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const queue = 1024 // as Options.Committed says
		var said noted
		release := make(chan struct{})
		goOn := sync.OnceFunc(func() { close(release) })
		defer goOn()
		var mu sync.Mutex
		var told []chat.Seq
		n := newNode(t, &chat.Options{Trace: said.trace(), Committed: func(e chat.Event) {
			<-release
			mu.Lock()
			defer mu.Unlock()
			told = append(told, e.Seq)
		}})
		connect(t, n, "ana", nil)
		r, _ := room(t, n, "ana", chat.NewRoom{Name: "Tea"}) // 1 and 2, one batch
		said.take()                                          // the hook has it
		for range queue {
			post(t, r, "ana", "x")
		}
		require.Empty(t, said.take())
		for range 3 {
			post(t, r, "ana", "too much")
		}
		require.Equal(t, []string{"dropped hook", "dropped hook", "dropped hook"}, said.take())

		goOn()
		synctest.Wait()
		last := post(t, r, "ana", "again").Seq
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		require.Len(t, told, 2+queue+1)
		for i, seq := range told[:2+queue] {
			require.EqualValues(t, i+1, seq)
		}
		require.Equal(t, last, told[2+queue])
	})
}
