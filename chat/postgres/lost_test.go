package postgres

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/internal/pgtest"
)

// The connection ends around a commit. Every write is done once, its caller is
// told so, and its events are delivered once.
func TestLostCommit(t *testing.T) {
	db := pgtest.New(t)
	p, url := newProxy(t, db.URL)
	s := reopen(t, pgtest.Database{URL: url, Schema: db.Schema}, &Options{Logger: silent})
	var got delivered
	got.attach(t, s)
	makeRoom(t, s, "room", ann, bob)
	carl := chat.User{ID: "carl", Name: "Carl"}
	appends := func(w chat.Write) func(string) error {
		return func(id string) error {
			w.Room, w.User, w.ID, w.Basis = "room", ann, id, 1<<30
			a, err := s.Append(t.Context(), w)
			if err == nil && a.Duplicate {
				err = errors.New("it is told to be a duplicate")
			}
			return err
		}
	}
	newCall := func(id string) chat.NewCall {
		return chat.NewCall{ID: "call-" + id, Key: id, Room: "room", User: ann, Bot: bot, Name: "stock", Line: "/stock", Timeout: time.Minute, Basis: 1 << 30}
	}
	settles := func(in chat.Settlement, answers int) error {
		c, first, err := s.SettleCall(t.Context(), in)
		if err == nil && (!first || len(c.Seqs) != answers) {
			err = fmt.Errorf("settled by another: %+v", c)
		}
		return err
	}
	for name, write := range map[string]func(id string) error{
		"message": appends(chat.Write{Kind: chat.Message, Text: "hello"}),
		"joined":  appends(chat.Write{Kind: chat.Joined, Target: &carl, Role: chat.Participant}),
		"renamed": appends(chat.Write{Kind: chat.Renamed, Text: "new name"}),
		"stranger": func(id string) error {
			a, err := s.Append(t.Context(), message("room", chat.User{ID: chat.UserID(id)}, id))
			if err == nil && a.Duplicate {
				err = errors.New("it is told to be a duplicate")
			}
			return err
		},
		"create": func(id string) error {
			c, err := s.CreateRoom(t.Context(), chat.RoomWrite{
				Room: chat.RoomID(id), By: ann, ID: id, Kind: chat.Public, Name: id, Members: []chat.NewMember{{User: ann}, {User: carl}},
			})
			if err == nil && (c.Duplicate || c.Info.Members != 2) {
				err = fmt.Errorf("created by another: %+v", c)
			}
			return err
		},
		"open": func(id string) error {
			_, there, err := s.OpenCall(t.Context(), newCall(id))
			if err == nil && there {
				err = errors.New("opened by another")
			}
			return err
		},
		"settle": func(id string) error {
			if _, _, err := s.OpenCall(t.Context(), newCall(id)); err != nil {
				return err
			}
			if id == "settle-loseAnswer" {
				p.armed.Store(loseAnswer)
			}
			return settles(chat.Settlement{ID: "call-" + id, Answers: []string{"one", "two"}}, 2)
		},
		"settle new": func(id string) error {
			c := newCall(id)
			return settles(chat.Settlement{New: &c, Answers: []string{"one"}}, 1)
		},
		"settle in silence": func(id string) error {
			c := newCall(id)
			return settles(chat.Settlement{New: &c, Err: command.Fail("no")}, 0)
		},
		"expire": func(id string) error {
			c := newCall(id)
			c.Timeout = -time.Minute
			if _, _, err := s.OpenCall(t.Context(), c); err != nil {
				return err
			}
			if id == "expire-loseAnswer" {
				p.armed.Store(loseAnswer)
			}
			ended, err := s.ExpireCalls(t.Context(), 0, 10)
			if err == nil && (len(ended) != 1 || ended[0].ID != c.ID) {
				err = fmt.Errorf("ended %+v", ended)
			}
			return err
		},
		"trim": func(string) error {
			_, err := s.Trim(t.Context(), "room", chat.Retention{Age: time.Hour}, 10)
			return err
		},
		"revoke":    func(string) error { return s.Revoke(t.Context(), chat.Revocation{User: "ann", Until: time.Now()}) },
		"put users": func(id string) error { return s.PutUsers(t.Context(), []chat.User{{ID: "ann", Name: id}}) },
		"mark read": func(string) error {
			return s.MarkRead(t.Context(), []chat.ReadMark{{Room: "room", User: "ann", Seq: 1 << 30}})
		},
		"rotate": func(string) error {
			old, err := s.RotateEpoch(t.Context(), "")
			if err != nil {
				return err
			}
			epoch, err := s.RotateEpoch(t.Context(), old)
			if err == nil && epoch == old {
				err = errors.New("not rotated")
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, write(name+"-first"), "and now its statements are prepared")
			for how, arm := range map[string]int32{"loseAnswer": loseAnswer, "loseRequest": loseRequest} {
				before := p.cuts.Load()
				if arm == loseRequest || name != "settle" && name != "expire" {
					p.armed.Store(arm)
				}
				require.NoError(t, write(name+"-"+how), how)
				require.Equal(t, before+1, p.cuts.Load(), how)
			}
		})
	}
	got.once(t, s)
	whole(t, s)
}

// A client that died after its message was stored comes back to another store,
// whose connection breaks: it is still the message of before.
func TestResendDuringALostConnection(t *testing.T) {
	db := pgtest.New(t)
	a := reopen(t, db, nil)
	makeRoom(t, a, "room", ann)
	_, err := a.Append(t.Context(), message("room", ann, "stored before"))
	require.NoError(t, err)
	p, url := newProxy(t, db.URL)
	b := reopen(t, pgtest.Database{URL: url, Schema: db.Schema}, &Options{Logger: silent})
	var got delivered
	got.attach(t, b)
	for _, id := range []string{"another", "stored before"} {
		p.armed.Store(loseAnswer)
		_, err = b.Append(t.Context(), message("room", ann, id))
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, p.cuts.Load())
	require.Len(t, got.events["room"], 1)
	require.Equal(t, "another", got.events["room"][0].ID)
}
