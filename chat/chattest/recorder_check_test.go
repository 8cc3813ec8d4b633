package chattest_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/chat/chattest"
)

type badHistory struct {
	name string
	says string // the rule, who, where, and why
	tell func(h *tale)
}

func TestBadHistories(t *testing.T) {
	for _, tt := range badHistories() {
		t.Run(tt.name, func(t *testing.T) {
			h := newTale()
			tt.tell(h)
			err := h.check()
			if err == nil {
				t.Fatal("it passes")
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got\n%v\nwant one that says\n%s", err, tt.says)
			}
		})
	}
}

// TestPromisesAreBroken says which histories break the promises of package chat, so
// that none of them is without.
func TestPromisesAreBroken(t *testing.T) {
	all := map[string]badHistory{}
	for _, b := range badHistories() {
		all[b.name] = b
	}
	for promise, broken := range map[string][]string{
		"accepted means kept": {"early ack", "ack for another place", "stored what was refused", "lost with its room"},
		"once":                {"stored twice", "delivered twice", "delivered twice over a reconnect", "acked twice"},
		"one order":           {"swapped", "another order for one", "another order than the log"},
		"no gaps":             {"hole at one", "hole over a reconnect", "hole in the log", "the last one is missing"},
		"access by the log": {
			"to a stranger", "after the removal", "after the ban", "after the removal, by a reconnect", "what is hidden", "written after the removal", "never added",
		},
		"a command ends once": {"no end", "two ends", "two texts", "an answer twice"},
		"slow costs itself":   {"slow, and never caught up", "slow, and told nothing of what was left out"},
	} {
		for _, name := range broken {
			b, there := all[name]
			if !there {
				t.Errorf("%s: there is no history %q", promise, name)
				continue
			}
			h := newTale()
			b.tell(h)
			if h.check() == nil {
				t.Errorf("%s: %q passes", promise, name)
			}
		}
	}
}

// TestManyViolations is about what is told when nothing is right.
func TestManyViolations(t *testing.T) {
	h := newTale()
	for range 100 {
		give(&h.events[0], h.bob)
	}
	err := h.check()
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 21 || !strings.Contains(lines[20], "more") {
		t.Errorf("got %d lines:\n%v", len(lines), err)
	}
}

// TestBigHistory checks a million deliveries.
func TestBigHistory(t *testing.T) {
	const events, clients, rooms = 20_000, 50, 10
	var r chattest.Recorder
	w := chat.Welcome{Epoch: "e1"}
	logs := map[chat.RoomID][]chat.Event{}
	for i := range rooms {
		id := chat.RoomID(fmt.Sprint("room", i))
		for c := range clients {
			u := chat.UserID(fmt.Sprint("user", c))
			logs[id] = append(logs[id], chat.Event{Room: id, Seq: chat.Seq(c + 1), ID: fmt.Sprint("join", c), Kind: chat.Joined, User: chat.User{ID: u}, Target: &chat.User{ID: u}})
		}
		w.Rooms = append(w.Rooms, chat.InboxEntry{RoomInfo: chat.RoomInfo{ID: id, Head: clients}})
	}
	var all []*chattest.Client
	for c := range clients {
		all = append(all, r.Client(chat.UserID(fmt.Sprint("user", c)), "tab"))
		all[c].Connected(w, nil)
	}
	for i := range events {
		id := chat.RoomID(fmt.Sprint("room", i%rooms))
		log := logs[id]
		by := all[i%clients]
		e := chat.Event{Room: id, Seq: chat.Seq(len(log) + 1), ID: fmt.Sprint("message", i), Kind: chat.Message, User: chat.User{ID: chat.UserID(fmt.Sprint("user", i%clients))}, Text: "hello"}
		by.Sent(id, e.ID)
		by.Acked(id, e.ID, e.Seq)
		d := chat.Delivery{Event: &e}
		for _, c := range all {
			c.Delivered(&d)
		}
		logs[id] = append(log, e)
	}
	for id, log := range logs {
		r.Log(chat.RoomInfo{ID: id}, log)
	}
	clear(logs)
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	if n := r.Counts().Events; n != 1_000_000 {
		t.Errorf("%d deliveries", n)
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	t.Logf("%d MiB for a million deliveries of %d events", m.HeapAlloc>>20, events)
	if m.HeapAlloc > 64<<20 {
		t.Errorf("it keeps the deliveries, not only the events")
	}
	runtime.KeepAlive(&r)
}
