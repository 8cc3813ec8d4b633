package main

import (
	"context"
	"fmt"
	"log"
	"regexp"
	"slices"
	"time"

	"github.com/carlware/gochat/chat"
)

const (
	maxWaiting = 1000 // reminders at once
	longest    = 24 * time.Hour
)

// me is the bot. A user that is a bot is not let into the lobby by itself, and
// only a bot's id may begin with "bot:".
var me = chat.User{ID: "bot:remind", Name: "remind", Bot: true}

var asked = regexp.MustCompile(`(?i)^remind me in (\S+) to (\S.*)$`)

// reminder is something to be said later.
type reminder struct {
	at   time.Time
	room chat.RoomID
	post chat.Draft
}

// bot is the state of one session. One goroutine has it, so it needs no lock.
type bot struct {
	hub     chat.Hub
	waiting []reminder // the next one first
}

// remind listens and speaks until ctx ends; then it returns nil. What waits is
// forgotten then: a bot for more than trials keeps it in a database, or reads
// the rooms' history when it begins.
func remind(ctx context.Context, hub chat.Hub) error {
	session, err := hub.Connect(ctx, chat.Principal{User: me}, nil)
	if err != nil {
		return err
	}
	defer session.Close()
	b := &bot{hub: hub}
	rooms, err := hub.Rooms(ctx, me.ID, "", 200)
	if err != nil {
		return err
	}
	for _, r := range rooms {
		b.join(ctx, r.ID)
	}
	for {
		d, err := b.next(ctx, session)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case d == nil:
			b.speak(ctx)
		case d.Event != nil:
			b.hear(ctx, d.Event)
		case d.Notice != nil && d.Notice.Kind == chat.RoomCreated:
			b.join(ctx, d.Notice.Room.ID)
		}
	}
}

// next waits for what comes, or until a reminder is due; then it returns nil.
func (b *bot) next(ctx context.Context, s *chat.Session) (*chat.Delivery, error) {
	until := ctx
	if len(b.waiting) > 0 {
		var cancel context.CancelFunc
		until, cancel = context.WithDeadline(ctx, b.waiting[0].at)
		defer cancel()
	}
	d, err := s.Next(until)
	if err != nil && until.Err() != nil {
		return nil, nil
	}
	return d, err
}

func (b *bot) join(ctx context.Context, id chat.RoomID) {
	room, err := b.hub.Room(ctx, me.ID, id)
	if err == nil {
		_, err = room.Change(ctx, me.ID, chat.Change{ID: chat.NewID(), Kind: chat.Join})
	}
	if err != nil { // banned, or the room is archived
		log.Printf("remind: join %s: %v", id, err)
	}
}

// hear reacts to what somebody says, and never to what a bot says: two bots
// would go on for ever.
func (b *bot) hear(ctx context.Context, e *chat.Event) {
	words := asked.FindStringSubmatch(e.Text)
	if e.Kind != chat.Message || e.User.Bot || words == nil {
		return
	}
	in, err := time.ParseDuration(words[1])
	answer := fmt.Sprintf("I will, %s.", e.User.Name)
	switch {
	case err != nil || in <= 0 || in > longest:
		answer = "I can do that for times such as 90s, 5m or 1h30m, up to 24h."
	case len(b.waiting) >= maxWaiting:
		answer = "I have too much to remember already."
	default:
		b.waiting = append(b.waiting, reminder{time.Now().Add(in), e.Room, chat.Draft{
			ID: key("due", e), Text: e.User.Name + ": " + words[2], ReplyTo: e.Seq, Mentions: []chat.UserID{e.User.ID},
		}})
		slices.SortStableFunc(b.waiting, func(a, b reminder) int { return a.at.Compare(b.at) })
	}
	b.say(ctx, e.Room, chat.Draft{ID: key("yes", e), Text: answer, ReplyTo: e.Seq})
}

// key is an idempotency key for an answer to e: hearing the same message twice,
// after a reconnect say, does not answer it twice.
func key(what string, e *chat.Event) string { return fmt.Sprintf("%s-%s-%08d", what, e.Room, e.Seq) }

func (b *bot) speak(ctx context.Context) {
	for len(b.waiting) > 0 && !time.Now().Before(b.waiting[0].at) {
		r := b.waiting[0]
		b.waiting = b.waiting[1:]
		b.say(ctx, r.room, r.post)
	}
}

func (b *bot) say(ctx context.Context, id chat.RoomID, d chat.Draft) {
	room, err := b.hub.Room(ctx, me.ID, id)
	if err == nil {
		_, err = room.Post(ctx, me.ID, d)
	}
	if err != nil {
		log.Printf("remind: say in %s: %v", id, err)
	}
}
