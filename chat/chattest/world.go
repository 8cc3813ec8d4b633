package chattest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
)

// world is what a case works with: an open store, its receiver, and shorthands
// that fail the test when the store does not do what it must.
type world struct {
	*testing.T
	s     chat.Store
	id    chat.Identity
	log   *receiver   // of s
	logs  []*receiver // of all stores of this case
	clock *clock      // nil when the store has its own

	opener StoreOpener
	o      *features
	stores []chat.Store

	mu   sync.Mutex
	last int // number of the last id

	floors map[chat.RoomID]chat.Seq // of rooms that were trimmed
}

// Three people that every world has.
var (
	ann = chat.User{ID: "ann", Name: "Ann"}
	bob = chat.User{ID: "bob", Name: "Bob"}
	cyd = chat.User{ID: "cyd", Name: "Cyd"}
	bot = chat.User{ID: "bot:stock", Name: "Stock", Bot: true}
)

func newWorld(t *testing.T, opener StoreOpener, f *features) *world {
	w := &world{T: t, opener: opener, o: f, floors: make(map[chat.RoomID]chat.Seq)}
	if f.Clock {
		w.clock = newClock()
	}
	w.s, w.id, w.log = w.open()
	t.Cleanup(func() {
		for _, s := range w.stores {
			s.Close()
		}
	})
	w.ok(w.s.PutUsers(w.Context(), []chat.User{ann, bob, cyd, bot}), "PutUsers")
	return w
}

// open opens another store over the data, with a receiver of its own.
func (w *world) open() (chat.Store, chat.Identity, *receiver) {
	w.Helper()
	var now func() time.Time
	if w.clock != nil {
		now = w.clock.Now
	}
	s, err := w.opener(now)
	if err != nil {
		w.Fatalf("the store does not open: %v", err)
	}
	w.stores = append(w.stores, s)
	log := newReceiver()
	id, err := s.Attach(log.receive)
	if err != nil {
		w.Fatalf("Attach: %v: the first call of a store must work", err)
	}
	w.logs = append(w.logs, log)
	return s, id, log
}

// reopen closes the store and opens it again.
func (w *world) reopen() {
	w.Helper()
	w.close()
	w.s, w.id, w.log = w.open()
}

// ok fails the test when what went wrong.
func (w *world) ok(err error, what string, args ...any) {
	w.Helper()
	if err != nil {
		w.Fatalf("%s: %v", fmt.Sprintf(what, args...), err)
	}
}

// fails fails the test unless err is want, for the reason given by rule.
func (w *world) fails(err, want error, rule string) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("error is %v, want %v: %s", err, want, rule)
	}
}

// newID returns an id that the case has not used.
func (w *world) newID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last++
	return fmt.Sprintf("id_%019d", w.last)
}

// hash is the hash of a request.
func hash(request string) [16]byte {
	sum := sha256.Sum256([]byte(request))
	return [16]byte(sum[:])
}

// show is the readable form of a value, equal for equal values.
func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// roomOf is a room to be created by its first member, the owner.
func (w *world) roomOf(kind chat.RoomKind, name string, members ...chat.User) chat.RoomWrite {
	id := w.newID()
	room := chat.RoomWrite{
		Room: chat.RoomID("room" + id), By: members[0], ID: id, Hash: hash(name), Kind: kind, Name: name,
	}
	for i, m := range members {
		role := chat.Participant
		if i == 0 || kind == chat.Direct {
			role = chat.Owner
		}
		room.Members = append(room.Members, chat.NewMember{User: m, Role: role})
	}
	return room
}

// create creates a room.
func (w *world) create(room chat.RoomWrite) chat.RoomInfo {
	w.Helper()
	c, err := w.s.CreateRoom(w.Context(), room)
	w.ok(err, "CreateRoom")
	if c.Duplicate {
		w.Fatalf("CreateRoom of a new room: Duplicate is set")
	}
	return c.Info
}

// room creates a public room; the first member owns it.
func (w *world) room(members ...chat.User) chat.RoomID {
	w.Helper()
	return w.create(w.roomOf(chat.Public, "Room "+w.newID(), members...)).ID
}

// snapshot reads a room and the places of the three people in it.
func (w *world) snapshot(room chat.RoomID) chat.Snapshot {
	w.Helper()
	snap, err := w.s.Snapshot(w.Context(), room, []chat.UserID{ann.ID, bob.ID, cyd.ID})
	w.ok(err, "Snapshot")
	return snap
}

// write is a write of a new id, authorised now.
func (w *world) write(room chat.RoomID, by chat.User, kind chat.EventKind) chat.Write {
	w.Helper()
	id := w.newID()
	return chat.Write{Room: room, User: by, Kind: kind, ID: id, Hash: hash(id), Basis: w.snapshot(room).Access}
}

// message is a write of a message.
func (w *world) message(room chat.RoomID, by chat.User, text string) chat.Write {
	w.Helper()
	m := w.write(room, by, chat.Message)
	m.Text = text
	return m
}

// about is a write about the message ref.
func (w *world) about(room chat.RoomID, by chat.User, kind chat.EventKind, ref chat.Seq, text string) chat.Write {
	w.Helper()
	m := w.write(room, by, kind)
	m.Ref, m.Text = ref, text
	return m
}

// upon is a write that does something to somebody.
func (w *world) upon(room chat.RoomID, by chat.User, kind chat.EventKind, target chat.User, role chat.Role) chat.Write {
	w.Helper()
	m := w.write(room, by, kind)
	m.Target, m.Role = &target, role
	return m
}

// append appends m to s, and checks what holds for every success. It may be
// called by any goroutine.
func (w *world) append(ctx context.Context, m chat.Write) (chat.Appended, error) {
	w.Helper()
	a, err := w.s.Append(ctx, m)
	if err != nil {
		return a, err
	}
	e := a.Event
	if e.Room != m.Room || e.ID != m.ID || e.User.ID != m.User.ID || e.Seq == 0 {
		w.Errorf("Append of %s by %s in %s returned %s: another event", m.ID, m.User.ID, m.Room, show(e))
	}
	if got, ok := w.log.event(e.Room, e.Seq); !a.Duplicate && !ok {
		w.Errorf("Append returned seq %d before its receiver had it: committed is called before the writers get their answers", e.Seq)
	} else if !a.Duplicate && show(got) != show(e) {
		w.Errorf("the receiver was given\n%s, Append returned\n%s", show(got), show(e))
	}
	return a, nil
}

// do appends a new write.
func (w *world) do(m chat.Write) chat.Event {
	w.Helper()
	a, err := w.append(w.Context(), m)
	w.ok(err, "Append of %s", m.Kind)
	if a.Duplicate {
		w.Fatalf("Append of a new id: Duplicate is set: an id is that of one user in one room, and compared by its bytes")
	}
	return a.Event
}

// post appends a message.
func (w *world) post(room chat.RoomID, by chat.User, text string) chat.Event {
	w.Helper()
	return w.do(w.message(room, by, text))
}

// page reads a page that viewer may see.
func (w *world) page(viewer chat.UserID, room chat.RoomID, r chat.Range) chat.Page {
	w.Helper()
	p, err := w.s.Page(w.Context(), viewer, room, r)
	w.ok(err, "Page of %s by %s: %+v", room, viewer, r)
	return p
}

// all reads all that viewer may see.
func (w *world) all(viewer chat.UserID, room chat.RoomID) []chat.Event {
	w.Helper()
	var events []chat.Event
	for r := (chat.Range{Forward: true, Limit: 200}); ; {
		p := w.page(viewer, room, r)
		events = append(events, p.Events...)
		if !p.More {
			return events
		}
		if len(p.Events) == 0 {
			w.Fatalf("Page %+v of %s is empty and has More: a walk would never end", r, room)
		}
		r.After = events[len(events)-1].Seq
	}
}

// head is the newest seq of a room.
func (w *world) head(room chat.RoomID) chat.Seq {
	w.Helper()
	heads, err := w.s.Heads(w.Context(), map[chat.RoomID]chat.Seq{room: 0})
	w.ok(err, "Heads")
	return heads[room]
}
