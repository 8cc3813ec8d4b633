package chattest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carlware/gochat/chat"
)

// testCloseMeanwhile closes the store under its writers.
func testCloseMeanwhile(w *world) {
	rooms := []chat.RoomID{w.room(ann), w.room(ann), w.room(ann)}
	var stored atomic.Int64
	enough := make(chan struct{})
	var mu sync.Mutex
	accepted := make(map[chat.RoomID][]string)
	refused := make(map[chat.RoomID][]string)
	together(17, func(g int) {
		if g == 16 {
			<-enough
			if err := w.s.Close(); err != nil {
				w.Errorf("Close: %v", err)
			}
			w.log.closed.Store(true)
			return
		}
		for i := 0; ; i++ {
			room := rooms[i%len(rooms)]
			closed := w.log.closed.Load()
			id := fmt.Sprintf("writer_%d_%d", g, i)
			_, err := w.append(w.Context(), chat.Write{Room: room, User: ann, Kind: chat.Message, ID: id, Text: "hello", Basis: 2})
			mu.Lock()
			if err == nil {
				accepted[room] = append(accepted[room], id)
			} else {
				refused[room] = append(refused[room], id)
			}
			mu.Unlock()
			if err == nil && !closed {
				if stored.Add(1) == 100 {
					close(enough)
				}
				continue
			}
			if !errors.Is(err, chat.ErrClosed) {
				w.Errorf("Append while the store closes: %v, want ErrClosed or success", err)
			}
			if stored.Load() < 100 { // something is broken: don't wait for ever
				w.Errorf("Append failed before Close was called")
				stored.Store(100)
				close(enough)
			}
			return
		}
	})
	if !w.o.Persistent {
		w.s = nil
		return
	}
	w.s, w.id, w.log = w.open()
	for _, room := range rooms {
		found := make(map[string]bool)
		for _, e := range w.all(ann.ID, room) {
			found[e.ID] = true
		}
		for _, id := range accepted[room] {
			if !found[id] {
				w.Errorf("%s was accepted and is not there after reopening: accepted means kept", id)
			}
		}
		for _, id := range refused[room] {
			if found[id] {
				w.Errorf("%s got ErrClosed and is there after reopening: ErrClosed means not stored", id)
			}
		}
	}
}

func testClosed(w *world) {
	room := w.room(ann)
	calls := w.writes(room)
	reads := map[string]func(ctx context.Context) error{
		"Find": func(ctx context.Context) error { _, _, err := w.s.Find(ctx, room, ann.ID, "x"); return err },
		"Page": func(ctx context.Context) error { _, err := w.s.Page(ctx, ann.ID, room, chat.Range{}); return err },
		"Heads": func(ctx context.Context) error {
			_, err := w.s.Heads(ctx, map[chat.RoomID]chat.Seq{room: 0})
			return err
		},
		"Users":      func(ctx context.Context) error { _, err := w.s.Users(ctx, []chat.UserID{ann.ID}); return err },
		"Snapshot":   func(ctx context.Context) error { _, err := w.s.Snapshot(ctx, room, nil); return err },
		"RoomNamed":  func(ctx context.Context) error { _, err := w.s.RoomNamed(ctx, "x"); return err },
		"Inbox":      func(ctx context.Context) error { _, err := w.s.Inbox(ctx, ann.ID); return err },
		"Rooms":      func(ctx context.Context) error { _, err := w.s.Rooms(ctx, ann.ID, "", 10); return err },
		"Members":    func(ctx context.Context) error { _, err := w.s.Members(ctx, ann.ID, room, "", 10); return err },
		"RoomsRevs":  func(ctx context.Context) error { _, err := w.s.RoomsRevs(ctx, []chat.UserID{ann.ID}); return err },
		"Call":       func(ctx context.Context) error { _, err := w.s.Call(ctx, "x"); return err },
		"FindCall":   func(ctx context.Context) error { _, _, err := w.s.FindCall(ctx, ann.ID, "x"); return err },
		"EndedCalls": func(ctx context.Context) error { _, err := w.s.EndedCalls(ctx, ann.ID, time.Hour); return err },
	}
	if s, ok := w.s.(chat.Revoker); ok {
		reads["Revocations"] = func(ctx context.Context) error { _, err := s.Revocations(ctx); return err }
	}
	if s, ok := w.s.(chat.Trimmer); ok {
		reads["Trimmable"] = func(ctx context.Context) error { _, err := s.Trimmable(ctx, chat.Retention{Age: 1}, 10); return err }
	}
	w.close()
	for _, calls := range []map[string]func(ctx context.Context) error{calls, reads} {
		for name, call := range calls {
			w.fails(call(w.Context()), chat.ErrClosed, name+" after Close")
		}
	}
	w.s = nil
}
