package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
	"github.com/carlware/gochat/transport/ws"
)

// run is one seed.
type run struct {
	c      config
	seed   uint64
	out    io.Writer
	sys    *system
	record chattest.Recorder

	users   []chat.UserID // owner first, who is in all rooms and decides who else is
	owner   *member
	members []*member
	frozen  *wallet
	heavy   chat.RoomID // of the ballast
	well    room        // all are in it, and nobody leaves

	calm     atomic.Bool
	connects atomic.Int64
	reloads  atomic.Int64
	cut      atomic.Int64 // frozen clients

	mu       sync.Mutex
	rooms    []room
	outcomes map[string]int
	stats    stats
}

// room is one of those that are talked in.
type room struct {
	id     chat.RoomID
	reader *member // who may read all of it
	hides  bool
}

// room returns one of the rooms.
func (r *run) room(pick uint64) room {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rooms[pick%uint64(len(r.rooms))]
}

func (r *run) addRoom(n room) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rooms = append(r.rooms, n)
}

func (r *run) ended(how string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcomes[how]++
}

// names are the users, and tabs whose they are: some have two.
var (
	names = []string{"owner", "user-1", "user-2", "user-3", "user-4", "user-5"}
	tabs  = []int{0, 1, 2, 3, 4, 5, 0, 1, 2}
)

const frozenName = "frozen"

// once runs one seed.
func once(ctx context.Context, c config, seed uint64, out io.Writer) (_ *run, err error) {
	r := &run{c: c, seed: seed, out: out, outcomes: map[string]int{}, stats: newStats()}
	r.sys, err = begin(c, append(names[:len(names):len(names)], frozenName))
	defer func() {
		err = errors.Join(err, r.sys.end())
	}()
	if err == nil {
		err = r.populate(ctx)
	}
	if err == nil {
		err = r.storm(ctx)
	}
	for _, m := range r.members {
		m.leave()
	}
	for _, s := range r.sys.services {
		err = errors.Join(err, s.crashed())
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, errMissing) {
		r.sys.keep = c.spoil == nil
		err = fmt.Errorf("%w\nlogs are in %s\nonce more: %s", err, r.sys.kept(), c.again(seed))
	}
	return r, err
}

// populate makes users, rooms and clients.
func (r *run) populate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var wallets []*wallet
	for _, name := range names {
		wallets = append(wallets, &wallet{auth: r.sys.auth, name: name})
	}
	for i, u := range tabs {
		m, err := r.join(ctx, fmt.Sprintf("%s/%d", names[u], i), wallets[u], r.sys.entries[i%len(r.sys.entries)])
		if err != nil {
			return err
		}
		r.members = append(r.members, m)
		if i == u {
			r.users = append(r.users, m.user)
		}
	}
	r.owner = r.members[0]
	r.frozen = &wallet{auth: r.sys.auth, name: frozenName}
	if err := r.ballast(ctx); err != nil {
		return err
	}
	listed, _, err := r.owner.current().Rooms(ctx, "", 1)
	if err != nil || len(listed) == 0 {
		return fmt.Errorf("there is no lobby: %w", err)
	}
	r.rooms = append(r.rooms, room{id: listed[0].ID, reader: r.owner})
	for _, n := range []chat.NewRoom{
		{Name: "Public", Members: r.users[1:4]},
		{Name: "Private", Kind: chat.Private, Members: r.users[1:]},
		{Name: "Hides", Kind: chat.Private, Hides: true, Members: r.users[2:]},
		{Name: "Well", Kind: chat.Private, Members: r.users[1:]},
	} {
		n.ID = chat.NewID()
		info, err := r.owner.current().CreateRoom(ctx, n)
		if err != nil {
			return err
		}
		made := room{id: info.ID, reader: r.owner, hides: n.Hides}
		if n.Name == "Well" {
			r.well = made
			break
		}
		r.rooms = append(r.rooms, made)
	}
	for i, pair := range [][2]int{{0, 1}, {2, 3}} {
		info, err := r.members[pair[0]].current().Direct(ctx, r.users[pair[1]])
		if err != nil {
			return fmt.Errorf("direct room %d: %w", i, err)
		}
		r.rooms = append(r.rooms, room{id: info.ID, reader: r.members[pair[0]]})
	}
	return nil
}

// talkers is how many things each member does at once.
const talkers = 2

// storm breaks what the plan says while members talk, and then holds everything
// against the promises.
func (r *run) storm(ctx context.Context) error {
	began := time.Now()
	talking, stop := context.WithCancel(ctx)
	defer stop()
	var talk sync.WaitGroup
	for i, m := range r.members {
		for j := range talkers {
			rng := rand.New(rand.NewPCG(r.seed, uint64(100+i*talkers+j)))
			talk.Go(func() { m.live(talking, rng) })
		}
	}
	defer talk.Wait()
	defer stop()
	rounds := plan(r.seed, r.c.form, r.c.duration)
	for i, round := range rounds {
		if err := r.play(ctx, round); err != nil {
			return fmt.Errorf("round %d of %d, %v: %w", i+1, len(rounds), round, err)
		}
		if r.c.verbose {
			fmt.Fprintf(r.out, "%6s  seed %d round %d of %d: %v\n", time.Since(began).Round(time.Second), r.seed, i+1, len(rounds), round)
		}
	}
	r.calm.Store(true)
	late := time.AfterFunc(patience, stop)
	talk.Wait()
	if !late.Stop() {
		return errors.New("requests have no answer although all is mended")
	}
	r.stats.length = time.Since(began)
	return r.settle(ctx)
}

// play lets a round happen, and measures how long it takes until all is well.
func (r *run) play(ctx context.Context, round round) error {
	errs := make([]error, len(round))
	var all sync.WaitGroup
	for i, f := range round {
		all.Go(func() {
			_ = sleep(ctx, f.at)
			end, err := f.begin(r, f)
			if err == nil {
				_ = sleep(ctx, f.lasts)
				err = end()
			}
			errs[i] = err
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	mended := time.Now()
	late, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := r.recovered(late); err != nil {
		return err
	}
	r.stats.took(round, time.Since(mended))
	return nil
}

// reloadAfter is how long a user looks at a client that is not connected until
// the page is loaded again. By itself a client waits for up to 30 s after many
// failures.
const reloadAfter = 3 * time.Second

// recovered waits until everything works: all services are ready, each member can
// say something that all members are given, and a command is answered.
func (r *run) recovered(ctx context.Context) error {
	if err := r.sys.ready(ctx); err != nil {
		return err
	}
	var said atomic.Int64
	errs := make([]error, len(r.members))
	var all sync.WaitGroup
	for i, m := range r.members {
		all.Go(func() {
			seq, err := m.well(ctx)
			for old := said.Load(); seq > chat.Seq(old) && !said.CompareAndSwap(old, int64(seq)); old = said.Load() {
			}
			errs[i] = err
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, m := range r.members {
		if err := until(ctx, m.name+" is given what was said", func() bool { return m.record.At(r.well.id) >= chat.Seq(said.Load()) || m.lost.Load() != nil }); err != nil {
			return err
		}
		if why := m.lost.Load(); why != nil {
			return fmt.Errorf("%s was sent away for good: %w", m.name, *why)
		}
	}
	return until(ctx, "a command is answered", func() bool { return r.owner.command(ctx, r.well.id, "/stock aapl.us") == string(chat.CallDone) })
}

// well has a member say something, and returns where it stands.
func (m *member) well(ctx context.Context) (chat.Seq, error) {
	answered := make(chan chat.Seq, 1)
	go func() {
		d := chat.Draft{ID: chat.NewID(), Text: m.name + " is well"}
		answered <- m.store(ctx, m.r.well.id, d.ID, func(ctx context.Context, c *ws.Client) (ws.Stored, error) { return c.Post(ctx, m.r.well.id, d) })
	}()
	for {
		select {
		case seq := <-answered:
			if seq == 0 {
				return 0, fmt.Errorf("%s can't say anything", m.name)
			}
			return seq, nil
		case <-time.After(reloadAfter):
			if err := m.reload(ctx); err != nil {
				return <-answered, err
			}
		}
	}
}
