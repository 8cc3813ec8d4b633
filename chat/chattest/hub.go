package chattest

import (
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
)

// HubOpener begins a chat without rooms and returns the hubs that people reach
// it by: one, or several over the same data, as the nodes of a cluster are.
// The suite spreads its people over them. Several must hear of each other when
// it returns: a notice from before would be lost. What it begins is to be ended
// with t.
//
// o is what the [chat.Node] under each hub must be made with, besides its Store
// and Broker: the suite sets Commands, Lobby, Limits and Logger.
type HubOpener func(t *testing.T, o chat.Options) []chat.Hub

// HubOptions are the options of [TestHub]. nil means all defaults.
type HubOptions struct {
	// Patience is how long something may take that has to come, such as a
	// delivery from one hub to another. 0 means 20 s. A suite that passes
	// does not wait for it.
	Patience time.Duration
}

// TestHub runs the conformance suite of [chat.Hub] and [chat.Room]: what people
// can rely on whoever serves them. A hub that wraps another one, for moderation,
// an audit or a quota, passes it as long as what it adds lets the suite's people
// do what the table at [chat.Change] allows. open is called by each case.
//
// Beside its own checks every case holds what each session is given against the
// logs of the rooms, with a [Recorder]: the events of a room in the order of its
// log, each once, none left out but where a gap is told, and none of a room that
// its user is not in.
func TestHub(t *testing.T, open HubOpener, o *HubOptions) {
	var opt HubOptions
	if o != nil {
		opt = *o
	}
	if opt.Patience <= 0 {
		opt.Patience = 20 * time.Second
	}
	for _, g := range hubGroups {
		t.Run(g.name, func(t *testing.T) {
			for _, c := range g.cases {
				t.Run(c.name, func(t *testing.T) {
					c.run(newStage(t, open, c.with, opt.Patience))
				})
			}
		})
	}
}

// hubGroup is the cases about one part of the contract.
type hubGroup struct {
	name  string
	cases []hubCase
}

type hubCase struct {
	name string
	run  func(s *stage)
	with func(o *chat.Options) // nil: nothing
}

var hubGroups = []hubGroup{
	{"Messages", hubMessageCases},
	{"Once", hubOnceCases},
	{"Order", hubOrderCases},
	{"Resume", hubResumeCases},
	{"Slow", hubSlowCases},
	{"Access", hubAccessCases},
	{"Direct", hubDirectCases},
	{"Roles", hubRoleCases},
	{"Notices", hubNoticeCases},
	{"Lists", hubListCases},
	{"Commands", hubCommandCases},
	{"Errors", hubErrorCases},
	{"Sessions", hubSessionCases},
	{"Limits", hubLimitCases},
}
