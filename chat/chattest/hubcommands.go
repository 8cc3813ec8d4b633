package chattest

import (
	"slices"
	"strings"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
)

var hubCommandCases = []hubCase{
	{"Answers", hubCommandAnswers, nil},
	{"Private", hubCommandPrivate, nil},
	{"Silence", hubCommandSilence, nil},
	{"Failures", hubCommandFailures, nil},
	{"Timeout", hubCommandTimeout, nil},
	{"Again", hubCommandAgain, nil},
	{"Together", hubCommandTogether, nil},
	{"OutcomeAfterReconnect", hubOutcomeAfterReconnect, nil},
	{"AskerGone", hubAskerGone, nil},
	{"Progress", hubProgress, nil},
	{"TooMany", hubTooManyCommands, func(o *chat.Options) { o.Limits.UserCalls = 3 }},
	{"List", hubCommandList, nil},
}

// run begins a command and returns its id.
func (c *client) run(room chat.RoomID, line string) (string, *chat.PendingCall) {
	c.s.Helper()
	id := chat.NewID()
	return id, c.runAs(room, id, line)
}

func (c *client) runAs(room chat.RoomID, id, line string) *chat.PendingCall {
	c.s.Helper()
	c.record.Called(id)
	call, err := c.room(room).Command(c.s.Context(), c.user, chat.CommandLine{ID: id, Text: line})
	c.s.ok(err, "Command %s", line)
	if call.ID == "" || call.Timeout < 0 {
		c.s.Errorf("Command %s returned the call %q with the timeout %v", line, call.ID, call.Timeout)
	}
	return call
}

// hubCommandAnswers has the answers in the room, for all, and the outcome at all
// sessions of who asked, for nobody else.
func hubCommandAnswers(s *stage) {
	ann, bob, cyd := s.cast()
	tab := s.connect("ann", ann.at+1, nil)
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob", "cyd"}})
	id, call := ann.run(room, "/say")
	o, err := call.Wait(s.Context())
	s.ok(err, "Wait")
	if o.ID != id || o.Call != call.ID || o.Room != room || o.Status != chat.CallDone || len(o.Seqs) != 2 || o.Error != nil || o.Text != "" {
		s.Fatalf("the outcome is %s, want it done with the places of two answers", show(o))
	}
	for _, c := range []*client{ann, tab} {
		if got := c.outcome(id); show(got) != show(o) {
			s.Errorf("a session of the caller was given the outcome %s, Wait returned %s", show(got), show(o))
		}
	}
	for _, c := range []*client{ann, tab, bob, cyd} {
		c.reach(room, o.Seqs[1])
		for i, e := range lastOf(c.events[room], 2) {
			if e.Seq != o.Seqs[i] || e.Kind != chat.Message || e.Text != []string{"one", "two"}[i] || e.User.ID != "bot:suite" || !e.User.Bot ||
				e.Call == nil || e.Call.ID != call.ID || e.Call.Name != "say" || e.Call.By.ID != "ann" {
				s.Errorf("answer %d was given to %s as %s: the bot's message, which names the command and who asked", i, c.user, show(e))
			}
		}
	}
	for _, c := range []*client{bob, cyd} {
		if c.drain(); len(c.outcomes) > 0 {
			s.Errorf("%s was given the outcome of ann's command", c.user)
		}
	}
	if log := ann.log(room); len(log) != 6 {
		s.Errorf("the room has %s: the command line itself is not a message", show(log))
	}
}

func hubCommandPrivate(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	ann.unchanged(room, func() {
		id, _ := ann.run(room, "/whisper")
		if o := ann.outcome(id); o.Status != chat.CallEphemeral || o.Text != "psst" || len(o.Seqs) > 0 || o.Error != nil {
			s.Errorf("the outcome is %s, want a private one", show(o))
		}
		id, _ = ann.run(room, "/help")
		if o := ann.outcome(id); o.Status != chat.CallEphemeral || !strings.Contains(o.Text, "/whisper") {
			s.Errorf("the outcome of /help is %s, want the commands there are", show(o))
		}
	})
	bob.reach(room, ann.post(room, "last").Seq)
	if len(bob.outcomes) > 0 {
		s.Errorf("bob was given ann's outcomes: %s", show(bob.outcomes))
	}
}

func hubCommandSilence(s *stage) {
	ann, _, _ := s.cast()
	room := ann.create(chat.NewRoom{})
	id, _ := ann.run(room, "/silent")
	if o := ann.outcome(id); o.Status != chat.CallDone || o.Text != "" || len(o.Seqs) > 0 || o.Error != nil {
		s.Errorf("the outcome of a command that says nothing is %s, want it done", show(o))
	}
}

func hubCommandFailures(s *stage) {
	ann, _, _ := s.cast()
	room := ann.create(chat.NewRoom{})
	ann.unchanged(room, func() {
		for line, code := range map[string]string{"/fail": "out_of_tea", "/crash": command.CodeBotError} {
			id, call := ann.run(room, line)
			o := ann.outcome(id)
			if o.Status != chat.CallFailed || o.Error == nil || o.Error.Code != code || o.Error.Message == "" || len(o.Seqs) > 0 || o.Text != "" {
				s.Errorf("the outcome of %s is %s, want the error %s and nothing that was said before it", line, show(o), code)
			}
			if got, err := call.Wait(s.Context()); err != nil || show(got) != show(o) {
				s.Errorf("Wait returned %s and %v, the session was given %s", show(got), err, show(o))
			}
		}
	})
}

func hubCommandTimeout(s *stage) {
	ann, _, _ := s.cast()
	room := ann.create(chat.NewRoom{})
	ann.unchanged(room, func() {
		id, call := ann.run(room, "/stall")
		if call.Timeout > stallTime {
			s.Errorf("the command may take %v, want the %v that its spec says", call.Timeout, stallTime)
		}
		if o := ann.outcome(id); o.Status != chat.CallFailed || o.Error == nil || o.Error.Code != command.CodeTimeout {
			s.Errorf("the outcome of a command that stalls is %s, want a timeout", show(o))
		}
	})
}

// answer is the place of the last answer in the room, if there is one.
func answer(o chat.Outcome) chat.Seq {
	if len(o.Seqs) == 0 {
		return 0
	}
	return o.Seqs[len(o.Seqs)-1]
}

// once fails the test unless all outcomes that the client has are equal.
func (c *client) once(id string) {
	c.s.Helper()
	c.drain()
	var first *chat.Outcome
	for _, o := range c.outcomes {
		if o.ID != id {
			continue
		}
		if first == nil {
			first = &o
		} else if show(o) != show(first) {
			c.s.Errorf("the command %s ended as %s and as %s: it ends once, repeats are equal", id, show(first), show(o))
		}
	}
}

func hubCommandAgain(s *stage) {
	ann, _, _ := s.cast()
	room := ann.create(chat.NewRoom{})
	for _, line := range []string{"/say", "/whisper", "/fail"} {
		ran := s.bot.runs.Load()
		id, call := ann.run(room, line)
		o := ann.outcome(id)
		head := ann.read(room, chat.Range{}).Head
		for i := range 2 * len(s.hubs) {
			r, err := s.hubs[i%len(s.hubs)].Room(s.Context(), "ann", room)
			s.ok(err, "Room")
			again, err := r.Command(s.Context(), "ann", chat.CommandLine{ID: id, Text: line})
			s.ok(err, "%s again", line)
			got, err := again.Wait(s.Context())
			if err != nil || show(got) != show(o) || again.ID != call.ID {
				s.Errorf("%s again is call %s with %s and %v, the first was %s with %s", line, again.ID, show(got), err, call.ID, show(o))
			}
		}
		if n := s.bot.runs.Load() - ran; n != 1 {
			s.Errorf("%s, sent again when it had ended, ran %d times", line, n)
		}
		if now := ann.read(room, chat.Range{}).Head; now != head {
			s.Errorf("%s, sent again, stored events up to %d after %d", line, now, head)
		}
		ann.once(id)
	}
}

// hubCommandTogether sends one command many times while it runs.
func hubCommandTogether(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	id := chat.NewID()
	ann.record.Called(id)
	outcomes := make([]string, 12)
	s.bot.let()
	together(len(outcomes), func(i int) {
		r, err := s.hubs[i%len(s.hubs)].Room(s.Context(), "ann", room)
		if err != nil {
			s.Errorf("Room: %v", err)
			return
		}
		call, err := r.Command(s.Context(), "ann", chat.CommandLine{ID: id, Text: "/held"})
		if err != nil {
			s.Errorf("Command: %v", err)
			return
		}
		o, err := call.Wait(s.Context())
		if err != nil {
			s.Errorf("Wait: %v", err)
		}
		outcomes[i] = show(o)
	})
	for _, o := range outcomes {
		if o != outcomes[0] {
			s.Errorf("one command, sent 12 times at once, ended as %s and as %s", outcomes[0], o)
		}
	}
	answers := 0
	for _, e := range ann.log(room) {
		if e.Call != nil {
			answers++
		}
	}
	if answers != 1 {
		s.Errorf("one command, sent 12 times at once, has %d answers in the room, want 1", answers)
	}
	ann.outcome(id)
	ann.once(id)
	bob.reach(room, 4)
}

// hubOutcomeAfterReconnect ends a command while its caller is away.
func hubOutcomeAfterReconnect(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	id, call := ann.run(room, "/held")
	ann.Close()
	s.bot.let()
	o, err := call.Wait(s.Context())
	s.ok(err, "Wait")
	for range 2 {
		ann = ann.again(nil)
		if got := ann.outcome(id); show(got) != show(o) {
			s.Errorf("who comes back is told the outcome %s, want %s", show(got), show(o))
		}
		ann.reach(room, answer(o))
	}
	bob.reach(room, answer(o))
	ann.once(id)
}

// hubAskerGone removes the caller of a command that runs.
func hubAskerGone(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Kind: chat.Private, Members: []chat.UserID{"bob"}})
	id, _ := bob.run(room, "/held")
	bob.notice(chat.Progress, "of a command that runs", func(n chat.Notice) bool { return n.Text == "waiting" })
	ann.change(room, chat.Change{Kind: chat.Remove, User: "bob"})
	ann.unchanged(room, func() {
		s.bot.let()
		if o := bob.outcome(id); o.Status != chat.CallFailed || o.Error == nil {
			s.Errorf("the command of somebody who was removed meanwhile ended as %s, want it failed, with nothing in the room", show(o))
		}
	})
}

func hubProgress(s *stage) {
	ann, bob, _ := s.cast()
	tab := s.connect("ann", ann.at+1, nil)
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	id, call := ann.run(room, "/held")
	for _, c := range []*client{ann, tab} {
		c.notice(chat.Progress, "of a command, which all sessions of its caller get", func(n chat.Notice) bool {
			return n.Call == call.ID && n.Text == "waiting"
		})
	}
	s.bot.let()
	bob.reach(room, answer(ann.outcome(id)))
	for _, n := range bob.notices {
		if n.Kind == chat.Progress {
			s.Errorf("bob was told %s of ann's command", show(n))
		}
	}
}

func hubTooManyCommands(s *stage) {
	ann, bob, _ := s.cast()
	room := ann.create(chat.NewRoom{Members: []chat.UserID{"bob"}})
	var ids []string
	for range 3 {
		id, _ := ann.run(room, "/held")
		ids = append(ids, id)
	}
	_, err := ann.room(room).Command(s.Context(), "ann", chat.CommandLine{ID: chat.NewID(), Text: "/whisper"})
	s.code(err, command.CodeOverloaded, "a fourth command at once, where three are allowed")
	id, _ := bob.run(room, "/whisper")
	bob.outcome(id)
	s.bot.let()
	for _, id := range ids {
		ann.outcome(id)
	}
	id, _ = ann.run(room, "/whisper")
	ann.outcome(id)
}

func hubCommandList(s *stage) {
	ann, _, _ := s.cast()
	specs, err := ann.hub.Commands(s.Context(), "ann", "")
	s.ok(err, "Commands")
	var names []string
	for _, c := range specs {
		names = append(names, c.Name)
	}
	if !slices.IsSorted(names) || !slices.Contains(names, "help") || !slices.Contains(names, "whisper") {
		s.Errorf("Commands are %v, want the bot's and help, by name", names)
	}
}
