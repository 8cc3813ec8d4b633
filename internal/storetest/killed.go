//go:build unix

package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

// killed is what a process writes until it is killed.
type killed struct {
	rooms []chat.Room
	ids   []chat.RoomID
	mu    sync.Mutex // of the output
}

// echo is a bot that answers to all.
func echo() *command.Bot {
	b := command.NewBot("echo", &command.BotOptions{Logger: Quiet})
	command.Handle(b, "echo", "Says something", func(_ context.Context, c *command.Call, _ struct{}) error {
		return c.Say("an answer")
	})
	return b
}

// editedText is the text of a message after the edit with that id.
func editedText(edit string) string { return "edited by " + edit }

// write has a writer do something for the jth time: they all post, and half of
// them change what is there, each in another way.
func (k *killed) write(ctx context.Context, writer, j int) error {
	at := (writer + j) % len(k.rooms)
	room, id := k.rooms[at], chat.NewID()
	rc, err := room.Post(ctx, Ann.ID, chat.Draft{ID: id, Text: "text of " + id})
	if err = k.ack(at, id, rc, err); err != nil {
		return err
	}
	message := rc.Event.Seq
	change := func(c chat.Change) error {
		c.ID = chat.NewID()
		rc, err := room.Change(ctx, Ann.ID, c)
		return k.ack(at, c.ID, rc, err)
	}
	switch writer % 8 {
	case 1:
		for range 2 {
			e := chat.Edit{ID: chat.NewID(), Seq: message}
			e.Text = editedText(e.ID)
			rc, err := room.Edit(ctx, Ann.ID, e)
			if err := k.ack(at, e.ID, rc, err); err != nil {
				return err
			}
		}
	case 3:
		for i, emoji := range []string{"+1", "<3", "+1"} {
			if err := change(chat.Change{Kind: chat.React, Seq: message, Emoji: emoji, Off: i == 2}); err != nil {
				return err
			}
		}
	case 5:
		if err := change(chat.Change{Kind: chat.React, Seq: message, Emoji: "+1"}); err != nil {
			return err
		}
		id := chat.NewID()
		rc, err := room.Delete(ctx, Ann.ID, message, id)
		return k.ack(at, id, rc, err)
	case 7:
		if writer != 7 {
			return k.command(ctx, at)
		}
		if j%5 == 0 { // one writer alone: the others are authorised anew after each of these
			if err := change(chat.Change{Kind: chat.Invite, User: Bob.ID}); err != nil {
				return err
			}
			return change(chat.Change{Kind: chat.Remove, User: Bob.ID})
		}
	}
	return nil
}

// command runs a command and waits for its end.
func (k *killed) command(ctx context.Context, at int) error {
	id := chat.NewID()
	k.say("call", id)
	call, err := k.rooms[at].Command(ctx, Ann.ID, chat.CommandLine{ID: id, Text: "/echo"})
	if err != nil {
		return err
	}
	end, err := call.Wait(ctx)
	if err != nil {
		return err
	}
	if end.Status != chat.CallDone || len(end.Seqs) != 1 {
		return fmt.Errorf("a command ended as %s with answers at %v", end.Status, end.Seqs)
	}
	k.say("end", k.ids[at], id, end.Seqs[0])
	return nil
}

// ack says that a request is stored, if it is.
func (k *killed) ack(at int, id string, rc chat.Receipt, err error) error {
	if err == nil && rc.Event.Seq != 0 {
		k.say("ack", k.ids[at], id, rc.Event.Seq)
	}
	return err
}

func (k *killed) say(words ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	fmt.Println(words...)
}

// said is what killed processes said.
type said struct {
	events []ack    // that are stored
	calls  []string // commands that were sent
	ends   []ack    // of commands; seq is that of the answer
}

type ack struct {
	room chat.RoomID
	id   string
	seq  chat.Seq
}

// hear takes in a line.
func (s *said) hear(line string) error {
	what, rest, _ := strings.Cut(line, " ")
	if what == "call" {
		s.calls = append(s.calls, strings.TrimSpace(rest))
		return nil
	}
	var a ack
	if _, err := fmt.Sscanf(rest, "%s %s %d", &a.room, &a.id, &a.seq); err != nil {
		return err
	}
	switch what {
	case "ack":
		s.events = append(s.events, a)
	case "end":
		s.ends = append(s.ends, a)
	default:
		return fmt.Errorf("%q is not understood", what)
	}
	return nil
}

// settled checks that the last commands of which an end was told have ended so.
func (s *said) settled(t *testing.T, store chat.Store) {
	t.Helper()
	for _, a := range s.ends[max(0, len(s.ends)-100):] {
		c, _, err := store.FindCall(t.Context(), Ann.ID, a.id)
		if err != nil || c.Status != chat.CallDone || c.Room != a.room || !slices.Equal(c.Seqs, []chat.Seq{a.seq}) {
			t.Errorf("the command %s was told to have ended with the answer at %d, and is %+v, %v", a.id, a.seq, c, err)
		}
	}
}

// derived checks that what is kept beside the log of a room is what it says.
func derived(t *testing.T, s chat.Store, room chat.RoomID, log []chat.Event) {
	t.Helper()
	edits, deletions, members := map[chat.Seq]chat.Event{}, map[chat.Seq]chat.Seq{}, map[chat.UserID]bool{}
	reactions := map[chat.Seq][]string{}
	for _, e := range log {
		switch e.Kind {
		case chat.Edited:
			edits[e.Ref] = e
		case chat.Deleted:
			deletions[e.Ref] = e.Seq
			delete(reactions, e.Ref)
		case chat.Reacted:
			if e.Off {
				reactions[e.Ref] = slices.DeleteFunc(reactions[e.Ref], func(emoji string) bool { return emoji == e.Text })
			} else {
				reactions[e.Ref] = append(reactions[e.Ref], e.Text)
			}
		case chat.Joined:
			members[e.Target.ID] = true
		case chat.Left:
			delete(members, e.Target.ID)
		}
	}
	for _, e := range log {
		if e.Kind != chat.Message {
			continue
		}
		text, edit := "text of "+e.ID, edits[e.Seq]
		switch {
		case deletions[e.Seq] != 0:
			text = ""
		case e.Call != nil:
			text = "an answer"
		case edit.Seq != 0:
			text = editedText(edit.ID)
		}
		if e.Text != text || e.EditedBy != edit.Seq || e.DeletedBy != deletions[e.Seq] {
			t.Errorf("room %s: message %d is %+v, the log says text %q, edited by %d, deleted by %d", room, e.Seq, e, text, edit.Seq, deletions[e.Seq])
		}
		var has []string
		for _, r := range e.Reactions {
			if has = append(has, r.Text); r.Count != 1 || !slices.Equal(r.Users, []chat.UserID{Ann.ID}) {
				t.Errorf("room %s: message %d has the reaction %+v, only ann reacts", room, e.Seq, r)
			}
		}
		if !slices.Equal(has, reactions[e.Seq]) {
			t.Errorf("room %s: message %d has the reactions %q, the log says %q", room, e.Seq, has, reactions[e.Seq])
		}
	}
	there, err := s.Members(t.Context(), chat.System, room, "", 200)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range there {
		if !members[m.User.ID] {
			t.Errorf("room %s has the member %s, the log has not", room, m.User.ID)
		}
	}
	if len(there) != len(members) {
		t.Errorf("room %s has %d members, the log says %d", room, len(there), len(members))
	}
}
