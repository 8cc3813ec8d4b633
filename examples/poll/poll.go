package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carlware/gochat/command"
)

const (
	maxPolls = 1000 // are kept; the oldest go first
	open     = 24 * time.Hour
)

// polls are those of all rooms, in memory.
type polls struct {
	mu   sync.Mutex
	all  []*poll
	last int
}

type poll struct {
	number   int
	call     string // that made it
	room, by string
	question string
	options  []string
	ends     time.Time
	closed   bool
	votes    map[string]int // of each user
}

func newBot() *command.Bot {
	p := &polls{}
	bot := command.NewBot("poll", nil)
	command.Handle(bot, "poll", "Asks the room", p.ask)
	command.Handle(bot, "vote", "Answers a poll; only you see it", p.vote)
	command.HandleSpec(bot, command.Spec{Name: "close", Summary: "Ends your poll and counts", Timeout: 90 * time.Second}, p.end)
	return bot
}

type question struct {
	Question string   `cmd:"question,required" max:"200" help:"in quotes, if it has several words"`
	Options  []string `cmd:"options" min:"2" max:"8" help:"what to choose from; yes and no if there are none"`
}

func (p *polls) ask(_ context.Context, c *command.Call, q question) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.all, func(o *poll) bool { return o.call == c.ID })
	if i < 0 { // else a queue brought the call again
		if len(q.Options) == 0 {
			q.Options = []string{"yes", "no"}
		}
		p.last++
		p.all = append(p.all, &poll{
			number: p.last, call: c.ID, room: c.Room.ID, by: c.User.ID, question: q.Question,
			options: q.Options, ends: time.Now().Add(open), votes: map[string]int{},
		})
		if len(p.all) > maxPolls {
			p.all = p.all[1:]
		}
		i = len(p.all) - 1
	}
	o := p.all[i]
	return c.Sayf("%s asks: %s\n/vote %d %s", c.User.Name, o.question, o.number, strings.Join(o.options, " | "))
}

type ballot struct {
	Poll   int    `cmd:"poll,required" min:"1" help:"its number"`
	Choice string `cmd:"choice,required,rest"`
}

func (p *polls) vote(_ context.Context, c *command.Call, b ballot) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, err := p.find(c, b.Poll)
	if err != nil {
		return err
	}
	if o.closed || !time.Now().Before(o.ends) {
		return command.Fail("That poll takes no more votes.")
	}
	i := slices.IndexFunc(o.options, func(s string) bool { return strings.EqualFold(s, strings.Trim(b.Choice, `"`)) })
	if i < 0 {
		return command.Usage("choice must be one of " + strings.Join(o.options, ", ") + ".")
	}
	o.votes[c.User.ID] = i // a second vote replaces the first
	return c.Ephemeral("You voted for " + o.options[i] + ".")
}

type ending struct {
	Poll  int           `cmd:"poll,required" min:"1" help:"its number"`
	After time.Duration `cmd:"after" max:"1m" help:"how long to wait for the last votes"`
	Quiet bool          `cmd:"quiet" help:"tell the result to me alone"`
}

func (p *polls) end(ctx context.Context, c *command.Call, e ending) error {
	if _, err := p.mine(c, e.Poll); err != nil {
		return err
	}
	for left := e.After; left > 0; left -= time.Second {
		if err := c.Progress(fmt.Sprintf("Closes in %v", left)); err != nil {
			return err
		}
		select {
		case <-time.After(min(left, time.Second)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	o, err := p.find(c, e.Poll)
	if err != nil {
		return err
	}
	o.closed = true
	counts := make([]int, len(o.options))
	for _, i := range o.votes {
		counts[i]++
	}
	lines := []string{o.question}
	for i, option := range o.options {
		lines = append(lines, fmt.Sprintf("%d  %s", counts[i], option))
	}
	if e.Quiet {
		return c.Ephemeral(strings.Join(lines, "\n"))
	}
	return c.Say(strings.Join(lines, "\n"))
}

// mine returns a poll that the caller made.
func (p *polls) mine(c *command.Call, number int) (*poll, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, err := p.find(c, number)
	if err == nil && o.by != c.User.ID {
		err = &command.Error{Code: command.CodeForbidden, Message: "Only who asked can close a poll."}
	}
	return o, err
}

// find returns a poll of the room in which the call was made: another room's
// are nobody's business there. The caller holds mu.
func (p *polls) find(c *command.Call, number int) (*poll, error) {
	i := slices.IndexFunc(p.all, func(o *poll) bool { return o.number == number && o.room == c.Room.ID })
	if i < 0 {
		return nil, command.Fail(fmt.Sprintf("There is no poll %d here.", number))
	}
	return p.all[i], nil
}
