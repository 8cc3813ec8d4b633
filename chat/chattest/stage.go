package chattest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
)

// stage is what a case of [TestHub] works with.
type stage struct {
	*testing.T
	hubs     []chat.Hub
	bot      *bots
	patience time.Duration
	people   int // who came
	recorder Recorder
	rooms    map[chat.RoomID]bool // that somebody was told of
}

func newStage(t *testing.T, open HubOpener, with func(*chat.Options), patience time.Duration) *stage {
	s := &stage{T: t, bot: newBots(), patience: patience, rooms: map[chat.RoomID]bool{}}
	o := chat.Options{Commands: s.bot.Bot, Logger: slog.New(slog.DiscardHandler), Limits: chat.Limits{
		Messages: chat.Unlimited, Commands: chat.Unlimited, Joins: chat.Unlimited, Rooms: chat.Unlimited, Requests: chat.Unlimited,
	}}
	if with != nil {
		with(&o)
	}
	s.hubs = open(t, o)
	if len(s.hubs) == 0 {
		t.Fatal("the opener returned no hub")
	}
	t.Cleanup(s.check)
	return s
}

// check checks what all clients were given against the logs as they are now.
func (s *stage) check() {
	for id := range s.rooms {
		ctx := context.Background()
		r, err := s.hubs[0].Room(ctx, chat.System, id)
		if err == nil {
			err = s.recorder.ReadLog(ctx, r)
		}
		if err != nil {
			s.Errorf("read the log of %s: %v", id, err)
		}
	}
	if err := s.recorder.Check(); err != nil {
		s.Errorf("what the clients were given is not what a chat may give:\n%v", err)
	}
}

// ok fails the test when what went wrong.
func (s *stage) ok(err error, what string, args ...any) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", fmt.Sprintf(what, args...), err)
	}
}

// fails fails the test unless err is want, for the reason given by rule.
func (s *stage) fails(err, want error, rule string) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("error is %v, want %v: %s", err, want, rule)
	}
}

// soon fails the test unless ok becomes true in time.
func (s *stage) soon(ok func() bool, rule string) {
	s.Helper()
	for began := time.Now(); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > s.patience {
			s.Errorf("not within %v: %s", s.patience, rule)
			return
		}
	}
}

// principal is how the host describes a user.
func principal(user chat.UserID) chat.Principal {
	return chat.Principal{User: chat.User{ID: user, Name: "The user " + string(user)}, Session: "login-" + string(user)}
}
