// Package storm runs a chat through bad weather, in one process: nodes die between
// a commit and its delivery, news between them are lost, people come and go, read
// slowly, send everything twice and are removed while they catch up, and the clock
// of the store goes forward and back by up to 40 seconds (a command whose node has
// died ends by that clock, and so that much earlier or later). What they did
// and saw is held against the promises of package chat by a chattest.Recorder.
//
// A seed decides who does what, and when the weather changes. The scheduler has a
// say too, so that a seed that fails is likely to fail again, not certain.
package storm

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport/memory"
)

var (
	seeds    = flag.Int("storm.seeds", 2, "how many storms a test has")
	first    = flag.Uint64("storm.seed", 1, "the seed of the first storm")
	duration = flag.Duration("storm.time", 3*time.Second, "how long each of them lasts, at least")
)

// Options say what a storm rages over.
type Options struct {
	// Open opens a store over the data of this storm. It tells the time by clock,
	// which is set forward and back, unless it has one of its own.
	Open func(clock func() time.Time) (chat.Store, error)
	// Shared: several stores can be open at once. Then there are two nodes,
	// else one, whose store is closed before the next one is opened.
	Shared bool
}

// Run runs storms; open is called for each to get data of its own.
func Run(t *testing.T, open func(t *testing.T) Options) {
	for i := range *seeds {
		seed := *first + uint64(i)
		t.Run(fmt.Sprint("Seed", seed), func(t *testing.T) {
			begin(t, open(t), seed).run()
			if t.Failed() {
				t.Logf("once more: go test -run '%s' . -storm.seed=%d -storm.seeds=1", t.Name()[:strings.LastIndex(t.Name(), "/")], seed)
			}
		})
	}
}

// storm is one of them.
type storm struct {
	*testing.T
	o        Options
	rng      *rand.Rand // of the weather
	record   chattest.Recorder
	broker   *memory.Broker
	slots    []*slot
	people   []*person
	bot      *command.Bot
	rooms    []chat.RoomID
	kills    int
	rotated  bool
	ahead    atomic.Int64 // how far the clock of the store is, in nanoseconds
	calm     atomic.Bool
	funerals sync.WaitGroup // nodes that are being shut down
}

// owner is who makes the rooms and decides who is in them.
const owner chat.UserID = "owner"

var quiet = slog.New(slog.DiscardHandler)

func begin(t *testing.T, o Options, seed uint64) *storm {
	s := &storm{T: t, o: o, rng: rand.New(rand.NewPCG(seed, 0)), broker: memory.New(&memory.Options{Logger: quiet})}
	s.bot = bot("near")
	n := 1
	if o.Shared {
		n = 2
	}
	for i := range n {
		sl := &slot{s: s, rng: rand.New(rand.NewPCG(seed, uint64(100+i)))}
		s.slots = append(s.slots, sl)
		sl.rise()
	}
	return s.populate(seed)
}

// populate makes users, rooms and clients.
func (s *storm) populate(seed uint64) *storm {
	s.Helper()
	ctx := context.Background()
	n := s.slots[0].node()
	users := []chat.UserID{owner, "u1", "u2", "u3", "u4", "u5"}
	for _, u := range users {
		if err := n.Admit(ctx, principal(u)); err != nil {
			s.Fatal(err)
		}
	}
	for _, r := range []chat.NewRoom{
		{Name: "Public", Members: users[1:4]},
		{Name: "Private", Kind: chat.Private, Members: users[1:]},
		{Name: "Hides", Kind: chat.Private, Hides: true, Members: users[2:]},
	} {
		r.ID = chat.NewID()
		made, err := n.CreateRoom(ctx, owner, r)
		if err != nil {
			s.Fatal(err)
		}
		info, err := made.Info(ctx, owner)
		if err != nil {
			s.Fatal(err)
		}
		s.rooms = append(s.rooms, info.ID)
	}
	for i, u := range append(users, "u1", "u2", owner) { // some with a second tab
		s.people = append(s.people, &person{
			s: s, user: u, record: s.record.Client(u, fmt.Sprint("tab ", i)), rng: rand.New(rand.NewPCG(seed, uint64(i+1))), slot: i,
		})
	}
	return s
}

func principal(u chat.UserID) chat.Principal {
	return chat.Principal{User: chat.User{ID: u, Name: string(u)}, Session: "login-" + string(u)}
}

// bot is a bot with what a bot can do.
func bot(name string) *command.Bot {
	b := command.NewBot(name, &command.BotOptions{Logger: quiet, Grace: time.Second})
	command.HandleSpec(b, command.Spec{Name: name, Summary: "Says something", Timeout: 2 * time.Second}, func(ctx context.Context, c *command.Call, a struct {
		What string `cmd:"what"`
	}) error {
		switch a.What {
		case "whisper":
			return c.Ephemeral("psst")
		case "fail":
			return command.Fail("No.")
		case "wait":
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := c.Say("one"); err != nil {
			return err
		}
		return c.Say("two")
	})
	return b
}

func (s *storm) run() {
	ctx, cancel := context.WithCancel(context.Background())
	far := bot("far")
	var bots sync.WaitGroup
	line := s.broker.Connect()
	bots.Go(func() {
		if err := far.Run(ctx, line); err != nil {
			s.Errorf("the bot: %v", err)
		}
	})
	var acting sync.WaitGroup
	for _, p := range s.people {
		acting.Go(p.live)
	}
	s.rage()
	s.calm.Store(true)
	acting.Wait() // which ends when all have their answers
	s.lastWords()
	s.settle()
	for _, p := range s.people {
		p.leave()
	}
	for _, sl := range s.slots {
		sl.stop()
	}
	s.funerals.Wait()
	cancel()
	bots.Wait()
	line.Close()
	s.broker.Close()
	s.Logf("%d nodes killed, %+v", s.kills, s.record.Counts())
	if s.teacup() {
		s.Errorf("a storm in a teacup")
	}
}

// teacup reports whether too little has happened yet.
func (s *storm) teacup() bool {
	c := s.record.Counts()
	return s.kills < 2 || c.Acked < 100 || c.Outcomes < 10 || c.Events < 500 || c.Connects < 30
}

// rage changes the weather until it is over.
func (s *storm) rage() {
	began := time.Now()
	for time.Since(began) < *duration || s.teacup() && time.Since(began) < 4*time.Minute {
		time.Sleep(time.Duration(50+s.rng.IntN(250)) * time.Millisecond)
		sl := s.slots[s.rng.IntN(len(s.slots))]
		switch s.rng.IntN(6) {
		case 0, 1:
			s.kills++
			sl.kill()
			time.Sleep(time.Duration(s.rng.IntN(300)) * time.Millisecond)
			sl.rise()
		case 2:
			sl.connection().Disconnect(nil)
			time.Sleep(time.Duration(s.rng.IntN(100)) * time.Millisecond)
			sl.connection().Reconnect()
		case 3:
			s.rotate(sl)
		case 4:
			sl.deaf.Store(!sl.deaf.Load())
		case 5:
			s.ahead.Store(int64(time.Duration(s.rng.IntN(41)-20) * time.Second))
		}
	}
	// The last thing is that a commit is told to nobody. Then the nodes hear
	// nothing of each other any more, and have to find out from the store.
	for _, sl := range s.slots {
		sl.deaf.Store(true)
		sl.mute.Store(true)
	}
	s.kills++
	s.slots[0].kill()
	s.slots[0].rise()
}

// clock is that of the store.
func (s *storm) clock() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// rotate gives the store a new epoch, as after a restore; once is enough.
func (s *storm) rotate(sl *slot) {
	if s.rotated {
		return
	}
	s.rotated = true
	sl.mu.Lock()
	l := sl.life
	sl.mu.Unlock()
	ctx := context.Background()
	epoch, err := l.store.RotateEpoch(ctx, "")
	if err == nil {
		_, err = l.store.RotateEpoch(ctx, epoch)
	}
	if err != nil {
		s.Errorf("RotateEpoch: %v", err)
	}
}

// lastWords is what the other node can learn from the store only: a message in
// rooms that then fall silent, and a new room that it does not host.
func (s *storm) lastWords() {
	s.Helper()
	ctx := context.Background()
	n := s.slots[0].node()
	made, err := n.CreateRoom(ctx, owner, chat.NewRoom{ID: chat.NewID(), Name: "Last", Kind: chat.Private, Members: []chat.UserID{"u1", "u2", "u3", "u4", "u5"}})
	if err != nil {
		s.Fatal(err)
	}
	info, err := made.Info(ctx, owner)
	if err != nil {
		s.Fatal(err)
	}
	s.rooms = append(s.rooms, info.ID)
	for _, id := range s.rooms {
		r, err := n.Room(ctx, chat.System, id)
		if err == nil {
			_, err = r.Post(ctx, chat.System, chat.Draft{ID: chat.NewID(), Text: "the last word"})
		}
		if err != nil {
			s.Fatal(err)
		}
	}
}

// settle waits until everybody has everything, and checks what they saw.
func (s *storm) settle() {
	ctx := context.Background()
	heads := map[chat.RoomID]chat.Seq{}
	members := map[chat.RoomID]map[chat.UserID]bool{}
	for _, id := range s.rooms {
		r, err := s.slots[0].node().Room(ctx, chat.System, id)
		if err == nil {
			err = s.record.ReadLog(ctx, r)
		}
		if err != nil {
			s.Fatal(err)
		}
		info, err := r.Info(ctx, chat.System)
		if err != nil {
			s.Fatal(err)
		}
		heads[id], members[id] = info.Head, map[chat.UserID]bool{}
		ms, err := r.Members(ctx, chat.System, "", 200)
		if err != nil {
			s.Fatal(err)
		}
		for _, m := range ms {
			members[id][m.User.ID] = m.Role != ""
		}
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		behind := false
		for _, p := range s.people {
			p.connect() // its node may have died, or its store begun a new life
			p.drain()
			behind = behind || p.session == nil || p.epoch != s.people[0].epoch
			for id, head := range heads {
				behind = behind || members[id][p.user] && p.record.At(id) < head
			}
		}
		if !behind {
			break
		}
	}
	if err := s.record.Check(); err != nil {
		s.Errorf("not what a chat may do:\n%v", err)
	}
}
