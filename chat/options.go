package chat

import (
	"context"
	"log/slog"
	"time"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport"
)

// Options are the options of [New]. nil means all defaults.
type Options struct {
	// Store keeps everything. The caller opens it and closes it, after the
	// node's Shutdown. nil means a new [NewMemoryStore].
	Store Store

	// Broker connects the node to other nodes of the same store and to bots
	// in other processes. The caller closes it, after Shutdown. nil means
	// neither.
	Broker transport.Broker

	// Commands answers commands in this process. A command that it does not
	// have goes to the bots that are announced on Broker. nil means no
	// command in this process.
	Commands command.Handler

	// Prefer names the bot that serves a command, where several bots on
	// Broker have one of that name. Otherwise it is the one that has served
	// longest.
	Prefer map[string]string

	// Lobby is the name of a public room that every user is let into at the
	// first connect. It is created if need be. Empty means no lobby.
	Lobby string

	// Users is the host's directory: it returns those of ids that exist, in
	// any order. It decides whom a direct room can be opened with, who can be
	// invited, and is asked for names. nil means that only those are known
	// who have connected once.
	Users func(ctx context.Context, ids []UserID) ([]User, error)

	// Authorize is asked about every action of a user after the table at
	// [Change] has allowed it. It may only refuse: nil, or an error such as
	// [ErrForbidden]. An error that this package does not know reaches the
	// user as internal. It may be called concurrently.
	Authorize func(ctx context.Context, a Action) error

	// Intercept sees every message, and every new text of one, before it is
	// stored. It may let it pass, change it, or refuse it with an error: an
	// [*Error], or the code and message of a [*command.Error], reaches the sender
	// as it is, as a reason or as an answer in the message's place. It may be called
	// concurrently. It is not called for a resend of what is stored, and called
	// again for a message whose room got other members meanwhile.
	Intercept func(ctx context.Context, m *Intercepted) error

	// Committed is told of the events that this node has committed, in the
	// order of each room, one call at a time: for push notifications and the
	// like. It is not told of those that are lost with a crash or while 1,024
	// batches are waiting; for certainty read the log. It must not change
	// the event.
	Committed func(e Event)

	// Retention says which events are kept; the zero value keeps all. The
	// store must be a [Trimmer].
	Retention Retention

	// Trace is told what the node does. nil means nobody is.
	Trace *Trace

	// Limits are the limits that requests are held to. Zero fields have the
	// defaults.
	Limits Limits

	// Logger receives what needs an operator. nil means [slog.Default].
	Logger *slog.Logger
}

// Limits bound what one request may ask for. In each field 0 means the default.
type Limits struct {
	TextRunes int `json:"text_runes"` // code points in a message or an answer; 4,000
	TextBytes int `json:"text_bytes"` // bytes in it; 16 KiB
	DataBytes int `json:"data_bytes"` // bytes in Data; 4 KiB
	Mentions  int `json:"mentions"`   // users mentioned in a message; 50
	Members   int `json:"members"`    // members that a new room begins with; 50

	// How often each user may do something. A resend of what is stored is
	// answered without regard to them. [Unlimited] lifts one.
	Messages Rate `json:"messages"` // posts, edits, deletions, reactions; 10 a second, 20 at once
	Commands Rate `json:"commands"` // 2 a second, 5 at once
	Joins    Rate `json:"joins"`    // and all other changes to rooms; 5 a second, 20 at once
	Rooms    Rate `json:"rooms"`    // made, direct ones included; 10 a minute, 10 at once
	Requests Rate `json:"requests"` // all else; 20 a second, 40 at once

	// Replay is how many missed events of one room are pushed to a session
	// that comes back, 500; with more it gets a [Gap].
	Replay int `json:"-"`
	// ReplayTotal bounds Replay over all rooms of one connect; 5,000.
	ReplayTotal int `json:"-"`
	// SessionBytes is how much may be queued for a session before its rooms
	// are read from the log instead; 256 KiB. That adds pages of at most 200
	// events, each when no more than half of it is queued.
	SessionBytes int `json:"-"`
	// Crowd is how many live sessions a room may have on each node for its
	// members to be told who is typing, and who comes and goes; 200. In larger
	// rooms they are told how many are typing, at most every 3 s, and about how
	// many users are connected, at most every 5 s.
	Crowd int `json:"-"`
	// Calls is how many commands one node runs or waits for at once; 1,024.
	Calls int `json:"-"`
	// UserCalls is how many of them may be one user's; 20.
	UserCalls int `json:"-"`
	// CallTimeout is the deadline of commands whose spec states none; 10 s.
	CallTimeout time.Duration `json:"-"`
}

func (l Limits) withDefaults() Limits {
	def := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	def(&l.TextRunes, 4000)
	def(&l.TextBytes, 16<<10)
	def(&l.DataBytes, 4<<10)
	def(&l.Mentions, 50)
	def(&l.Members, 50)
	rate := func(p *Rate, perSecond float64, burst int) {
		if p.PerSecond <= 0 {
			p.PerSecond = perSecond
		}
		if p.Burst <= 0 {
			p.Burst = burst
		}
	}
	rate(&l.Messages, 10, 20)
	rate(&l.Commands, 2, 5)
	rate(&l.Joins, 5, 20)
	rate(&l.Rooms, 10.0/60, 10)
	rate(&l.Requests, 20, 40)
	def(&l.Replay, 500)
	def(&l.ReplayTotal, 5000)
	def(&l.SessionBytes, 256<<10)
	def(&l.Crowd, 200)
	def(&l.Calls, 1024)
	def(&l.UserCalls, 20)
	if l.CallTimeout <= 0 {
		l.CallTimeout = command.DefaultTimeout
	}
	return l
}
